//! The association table of a many-to-many relation.

use syn::{Ident, LitStr, Type};

use super::constraint::names;
use super::relation::{Kind, Relation};
use crate::errors::Errors;
use crate::shape;

/// `secondary = "table(column, column)"`.
pub(super) struct Secondary {
    pub(super) table: String,
    /// The columns that reference this struct, then those that reference the target.
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
                "write `secondary = \"table(column, column)\"`: the columns that reference this struct, then those that reference the target",
            )),
        }
    }

    /// Checks the columns against this struct, `name`, whose primary key has `key_width` columns.
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
                "the association table has {found} columns, but two keys of `{name}` have {}",
                2 * key_width
            ));
        }
        if found <= key_width {
            return error(format!(
                "the association table has {found} columns, but the key of `{name}` alone has {key_width}"
            ));
        }
        Ok(())
    }
}

impl Relation<'_> {
    /// Checks the association table of a many-to-many relation of the struct `name`.
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
                    "`{field}` has no association table: give it `secondary = \"table(column, column)\"`, or `back_populates` with the inverse that has one"
                ),
            ),
        }
        if let Some(other) = self.back_populates.as_ref().filter(|other| *other == field)
            && is_self(self.target, name)
        {
            let message = format!("`{field}` cannot back-populate itself");
            errors.at(other, message);
        }
    }
}

/// Whether a type is the struct itself, judged by its name.
fn is_self(target: &Type, name: &Ident) -> bool {
    shape::is_named(target, "Self") || shape::is_named(target, &name.to_string())
}
