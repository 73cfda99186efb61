//! Constraints and indexes.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Ident, LitStr};

/// A UNIQUE constraint or an index on columns of the struct.
pub(super) struct Index {
    pub(super) name: Option<String>,
    pub(super) columns: Vec<String>,
    pub(super) deferrable: Deferrable,
}

/// A variant of `selfsame::schema::Deferrable`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Deferrable(&'static str);

/// A CHECK constraint.
pub(super) struct Check {
    pub(super) name: Option<String>,
    pub(super) condition: String,
}

/// A foreign key on columns of the struct.
pub(super) struct ForeignKey {
    pub(super) name: Option<String>,
    pub(super) columns: Vec<String>,
    pub(super) references: References,
}

/// The target of a foreign key, and its actions.
pub(super) struct References {
    pub(super) table: String,
    pub(super) columns: Vec<String>,
    pub(super) on_delete: Action,
    pub(super) on_update: Action,
}

/// A variant of `selfsame::schema::ReferentialAction`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Action(&'static str);

impl References {
    fn new(table: &str, columns: Vec<String>) -> Self {
        Self {
            table: table.to_owned(),
            columns,
            on_delete: Action::NOTHING,
            on_update: Action::NOTHING,
        }
    }

    /// Parses `"table.column"`.
    pub(super) fn column(text: &LitStr) -> syn::Result<Self> {
        match text.value().rsplit_once('.') {
            Some((table, column)) if !table.is_empty() && !column.is_empty() => {
                Ok(Self::new(table, vec![column.to_owned()]))
            }
            _ => Err(syn::Error::new(
                text.span(),
                "a foreign key references a column: write `references = \"table.column\"`",
            )),
        }
    }

    /// Parses `"table(x, y)"`.
    pub(super) fn columns(text: &LitStr) -> syn::Result<Self> {
        let value = text.value();
        let parts = value
            .strip_suffix(')')
            .and_then(|rest| rest.split_once('('));
        match parts.map(|(table, columns)| (table.trim(), names(columns))) {
            Some((table, columns)) if !table.is_empty() && !columns.is_empty() => {
                Ok(Self::new(table, columns))
            }
            _ => Err(syn::Error::new(
                text.span(),
                "write `references = \"table(column, column)\"`",
            )),
        }
    }

    /// Sets `on_delete` or `on_update`.
    pub(super) fn set_action(&mut self, when: &Ident, action: Action) {
        if when == "on_delete" {
            self.on_delete = action;
        } else {
            self.on_update = action;
        }
    }
}

/// The names in `"a, b"`.
pub(super) fn names(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

impl Deferrable {
    pub(super) const NO: Self = Self("No");

    pub(super) fn parse(text: &LitStr) -> syn::Result<Self> {
        Ok(Self(match text.value().to_lowercase().as_str() {
            "initially immediate" => "InitiallyImmediate",
            "initially deferred" => "InitiallyDeferred",
            other => {
                let known = "initially immediate, initially deferred";
                let message =
                    format!("`{other}` is not a time of checking; expected one of {known}");
                return Err(syn::Error::new(text.span(), message));
            }
        }))
    }

    pub(super) fn code(self) -> TokenStream {
        let variant = Ident::new(self.0, Span::call_site());
        quote!(::selfsame::schema::Deferrable::#variant)
    }
}

impl Action {
    const NOTHING: Self = Self("NoAction");

    pub(super) fn parse(text: &LitStr) -> syn::Result<Self> {
        Ok(Self(match text.value().to_lowercase().as_str() {
            "no action" => "NoAction",
            "restrict" => "Restrict",
            "cascade" => "Cascade",
            "set null" => "SetNull",
            "set default" => "SetDefault",
            other => {
                let known = "cascade, set null, set default, restrict, no action";
                let message = format!("`{other}` is not an action; expected one of {known}");
                return Err(syn::Error::new(text.span(), message));
            }
        }))
    }

    pub(super) fn code(self) -> TokenStream {
        let variant = Ident::new(self.0, Span::call_site());
        quote!(::selfsame::schema::ReferentialAction::#variant)
    }
}
