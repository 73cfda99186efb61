//! `#[derive(Entity)]` and `#[derive(Embedded)]`: parse a type into a [`Model`], then generate code from the model.

mod column;
mod constraint;
mod flatten;
mod read;
mod relation;
mod secondary;
mod variants;
mod write;

use proc_macro2::TokenStream;
use syn::{Data, DeriveInput, Generics, Ident, Visibility};

use crate::errors::Errors;
use column::Column;
use constraint::{Check, ForeignKey, Index, References};
use flatten::Flattened;
use relation::Relation;

pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    // Code is generated even for a model with errors, to avoid follow-up errors from the compiler.
    let code = read::model(input, &mut errors).map(|model| write::code(&model));
    let mut tokens = errors.into_tokens();
    tokens.extend(code);
    tokens
}

pub(crate) fn derive_embedded(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let code = match &input.data {
        Data::Enum(data) => {
            let names = read::Names::new(&input.ident, data);
            let variants = read::variants(input, data, &names, &mut errors);
            variants.map(|variants| write::variants(&variants))
        }
        _ => read::embedded(input, &mut errors).map(|model| write::embedded(&model)),
    };
    let mut tokens = errors.into_tokens();
    tokens.extend(code);
    tokens
}

/// A parsed struct.
struct Model<'a> {
    /// Whether it is an entity or an embedded value.
    role: Role,
    access: Access,
    name: &'a Ident,
    /// The generics of an embedded value; an entity has none.
    generics: &'a Generics,
    visibility: &'a Visibility,
    table: String,
    schema: Option<String>,
    writing: Writing,
    comment: Option<String>,
    new: New,
    /// In the order of the fields; so are the relations.
    columns: Vec<Column<'a>>,
    relations: Vec<Relation<'a>>,
    /// The embedded values.
    flattened: Vec<Flattened<'a>>,
    foreign_keys: Vec<ForeignKey>,
    uniques: Vec<Index>,
    indexes: Vec<Index>,
    checks: Vec<Check>,
}

/// Whether an entity's rows can be written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// Rows can be written.
    Allowed,
    /// Rows are read-only.
    Refused,
    /// Rows are read-only because they belong to a view.
    View,
}

/// The trait that the struct derives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Entity,
    Embedded,
}

/// The way in which generated code accesses a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    /// As a field of `self`.
    Field,
    /// As a variable bound by a pattern.
    Binding,
}

/// Whether the derive generates `new`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum New {
    Generated,
    Omitted,
}

impl Model<'_> {
    /// The number of fields that could be parsed.
    fn field_count(&self) -> usize {
        self.columns.len() + self.relations.len() + self.flattened.len()
    }

    /// The columns of the primary key with their positions, in the key's order.
    fn key_columns(&self) -> impl Iterator<Item = (usize, &Column<'_>)> {
        let columns = self.columns.iter().enumerate();
        let mut key: Vec<_> = columns
            .filter(|(_, column)| column.primary_key.is_some())
            .collect();
        // Columns without an explicit position follow the others, in the order of the fields.
        key.sort_by_key(|(_, column)| column.key_place.unwrap_or(u32::MAX));
        key.into_iter()
    }
}
