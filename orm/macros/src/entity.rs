//! `#[derive(Entity)]` and `#[derive(Embedded)]`: read a struct into a [`Model`], then write the code of the model.

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
    // A model that could be read is written even if it has errors, so that they do not bring others with them.
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

/// A struct as a mapping.
struct Model<'a> {
    /// What the derive makes of it.
    role: Role,
    access: Access,
    name: &'a Ident,
    /// Those of an embedded value; an entity has none.
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

/// What an entity's rows are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// To be read and written.
    Allowed,
    /// To be read only.
    Refused,
    /// To be read only, as they are a view's.
    View,
}

/// What a struct becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Entity,
    Embedded,
}

/// How the code comes to a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    /// As a field of `self`.
    Field,
    /// By a reference of the field's name, which a pattern has bound.
    Binding,
}

/// Whether the derive makes `new`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum New {
    Made,
    Left,
}

impl Model<'_> {
    /// How many fields were understood.
    fn field_count(&self) -> usize {
        self.columns.len() + self.relations.len() + self.flattened.len()
    }

    /// The primary key's columns, with their positions.
    fn key_columns(&self) -> impl Iterator<Item = (usize, &Column<'_>)> {
        let columns = self.columns.iter().enumerate();
        let mut key: Vec<_> = columns
            .filter(|(_, column)| column.primary_key.is_some())
            .collect();
        // Those without a place in the key keep their order, after those that have one.
        key.sort_by_key(|(_, column)| column.key_place.unwrap_or(u32::MAX));
        key.into_iter()
    }
}
