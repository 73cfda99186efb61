//! An enum as an embedded value: a tag column that holds the variant, and the columns of each variant.

use syn::{Ident, Visibility};

use super::Model;

pub(super) struct Variants<'a> {
    pub(super) name: &'a Ident,
    pub(super) visibility: &'a Visibility,
    pub(super) tag: Tag,
    pub(super) variants: Vec<Variant<'a>>,
}

/// The column that holds the variant's label.
pub(super) struct Tag {
    pub(super) column: String,
    pub(super) is_indexed: bool,
}

pub(super) struct Variant<'a> {
    pub(super) ident: &'a Ident,
    /// The name of its columns in the struct of columns.
    pub(super) field: Ident,
    /// Its label in the tag column.
    pub(super) label: String,
    pub(super) prefix: String,
    pub(super) form: Form,
    /// Its columns.
    pub(super) model: Model<'a>,
}

/// The form of a variant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Unit,
    Named,
    /// One embedded value.
    Newtype,
}
