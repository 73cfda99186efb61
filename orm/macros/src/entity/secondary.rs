//! The association table of a many-to-many relation.

use syn::{Ident, LitStr, Type};

use super::constraint::names;
use super::relation::{Kind, Relation};
use crate::errors::Errors;
use crate::shape;

/// `secondary = "table(column, column)"`.
pub(super) struct Secondary {
    pub(super) table: String,
    /// Those that refer to this struct, then those that refer to the target.
    pub(super) columns: Vec<String>,
    text: LitStr,
}

impl Secondary {
    pub(super) fn parse(text: LitStr) -> syn::Result<Self> {
        let value = text.value();
        let parts = value
            .trim()
            .strip_suffix(')')
            .and_then(|rest| rest.split_once('('));
        match parts.map(|(table, columns)| (table.trim(), names(columns))) {
            Some((table, columns)) if !table.is_empty() && columns.len() > 1 => Ok(Self {
                table: table.to_owned(),
                columns,
                text,
            }),
            _ => Err(syn::Error::new(
                text.span(),
                "write `secondary = \"table(column, column)\"`: the columns that refer to this struct, then those that refer to the other",
            )),
        }
    }

    /// Checks what is known on this side: `name` is the struct's, and its primary key has `key_width` columns.
    fn check(&self, name: &Ident, key_width: usize, target: &Type) -> syn::Result<()> {
        let error = |message| Err(syn::Error::new(self.text.span(), message));
        for (at, column) in self.columns.iter().enumerate() {
            if self.columns[..at].contains(column) {
                return error(format!("the association table has `{column}` twice"));
            }
        }
        let found = self.columns.len();
        if is_self(target, name) && found != 2 * key_width {
            return error(format!(
                "the association table has {found} columns, and two keys of `{name}` are {}",
                2 * key_width
            ));
        }
        if found <= key_width {
            return error(format!(
                "the association table has {found} columns, and the key of `{name}` alone is {key_width}"
            ));
        }
        Ok(())
    }
}

impl Relation<'_> {
    /// Checks that a many-to-many relation can find its association table; `name` is the struct's.
    pub(super) fn check_secondary(&self, name: &Ident, key_width: usize, errors: &mut Errors) {
        if self.kind != Kind::ManyToMany {
            return;
        }
        let field = self.field;
        match (&self.secondary, &self.back_populates) {
            (Some(secondary), _) => {
                errors.keep(secondary.check(name, key_width, self.target));
            }
            (None, Some(_)) => {}
            (None, None) if self.is_broken => {}
            (None, None) => errors.at(
                field,
                format!(
                    "`{field}` has no association table: give it `secondary = \"table(column, column)\"`, or `back_populates` to the side that has one"
                ),
            ),
        }
        if let Some(other) = self.back_populates.as_ref().filter(|other| *other == field)
            && is_self(self.target, name)
        {
            let message = format!("`{field}` cannot be its own other side");
            errors.at(other, message);
        }
    }
}

/// Whether a type is the struct itself, as far as its name tells.
fn is_self(target: &Type, name: &Ident) -> bool {
    shape::is_named(target, "Self") || shape::is_named(target, &name.to_string())
}
