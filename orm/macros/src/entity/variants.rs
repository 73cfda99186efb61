//! An enum as an embedded value: a column that tells the variants apart, and the columns of each.

use syn::{Ident, Visibility};

use super::Model;

pub(super) struct Variants<'a> {
    pub(super) name: &'a Ident,
    pub(super) visibility: &'a Visibility,
    pub(super) tag: Tag,
    pub(super) variants: Vec<Variant<'a>>,
}

/// The column that tells the variants apart.
pub(super) struct Tag {
    pub(super) column: String,
    pub(super) is_indexed: bool,
}

pub(super) struct Variant<'a> {
    pub(super) ident: &'a Ident,
    /// What its columns are called in the struct of columns.
    pub(super) field: Ident,
    /// Its value of the tag.
    pub(super) label: String,
    pub(super) prefix: String,
    pub(super) form: Form,
    /// Its columns.
    pub(super) model: Model<'a>,
}

/// How a variant is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Unit,
    Named,
    /// One embedded value.
    Newtype,
}
