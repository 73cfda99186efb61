//! A field that is an embedded value.

use syn::{Expr, Field, Ident, LitStr, Type, Visibility};

use super::column;
use crate::attribute;
use crate::errors::Errors;
use crate::shape;

const ATTRIBUTES: [&str; 3] = ["flatten", "prefix", "default"];

pub(super) struct Flattened<'a> {
    pub(super) field: &'a Ident,
    pub(super) visibility: &'a Visibility,
    pub(super) ty: &'a Type,
    pub(super) constant: Ident,
    /// The number of the struct's own columns before it.
    pub(super) before: usize,
    pub(super) prefix: Option<LitStr>,
    pub(super) default: Option<Expr>,
}

/// Whether a field is marked with `flatten`. Syntax errors are ignored here and reported when the field is parsed.
pub(super) fn is_flattened(field: &Field) -> bool {
    let items = attribute::items(&field.attrs, &[], &mut Errors::default());
    items.iter().any(|item| item.name == "flatten")
}

impl<'a> Flattened<'a> {
    pub(super) fn read(
        field: &'a Field,
        ident: &'a Ident,
        before: usize,
        errors: &mut Errors,
    ) -> Self {
        let mut flattened = Self {
            field: ident,
            visibility: &field.vis,
            ty: &field.ty,
            constant: column::constant(ident),
            before,
            prefix: None,
            default: None,
        };
        for item in attribute::items(&field.attrs, &[], errors) {
            match item.name.to_string().as_str() {
                "flatten" => {
                    errors.keep(item.flag());
                }
                "prefix" => flattened.prefix = errors.keep(item.text()),
                "default" => flattened.default = errors.keep(item.expression()),
                other => {
                    let known = ATTRIBUTES.join(", ");
                    let message = if column::ATTRIBUTES.contains(&other) {
                        format!(
                            "`{other}` is for columns, but `{ident}` is an embedded value: put it on the fields of its type"
                        )
                    } else {
                        format!(
                            "`{other}` is not an attribute of an embedded value; expected one of {known}"
                        )
                    };
                    errors.at(&item.name, message);
                }
            }
        }
        flattened
    }

    /// The single unnamed field of a variant.
    pub(super) fn whole(field: &'a Field, ident: &'a Ident) -> Self {
        Self {
            field: ident,
            visibility: &field.vis,
            ty: &field.ty,
            constant: column::constant(ident),
            before: 0,
            prefix: None,
            default: None,
        }
    }

    /// Whether `new` takes it as a parameter.
    pub(super) fn is_required(&self) -> bool {
        !shape::is_option(self.ty) && self.default.is_none()
    }
}
