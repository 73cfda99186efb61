//! Inferring properties from a field's type as written, since a macro sees names, not types.

use syn::ext::IdentExt;
use syn::{GenericArgument, Ident, PathArguments, Type, TypePath};

/// The type without the invisible groups that `macro_rules!` adds.
fn bare(mut ty: &Type) -> &Type {
    while let Type::Group(group) = ty {
        ty = &group.elem;
    }
    ty
}

/// The `T` of `path::Name<T>`.
pub(crate) fn argument<'t>(ty: &'t Type, name: &str) -> Option<&'t Type> {
    let Type::Path(TypePath {
        qself: None, path, ..
    }) = bare(ty)
    else {
        return None;
    };
    let last = path.segments.last()?;
    match &last.arguments {
        PathArguments::AngleBracketed(list) if last.ident == name && list.args.len() == 1 => {
            match &list.args[0] {
                GenericArgument::Type(argument) => Some(argument),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether it is `path::Name`, without arguments.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    match bare(ty) {
        Type::Path(TypePath {
            qself: None, path, ..
        }) => path
            .segments
            .last()
            .is_some_and(|last| last.ident == name && last.arguments.is_none()),
        _ => false,
    }
}

pub(crate) fn is_option(ty: &Type) -> bool {
    argument(ty, "Option").is_some()
}

pub(crate) fn is_auto(ty: &Type) -> bool {
    argument(ty, "Auto").is_some()
}

/// Whether it is an `Option`, possibly inside an `Auto`.
pub(crate) fn mentions_option(ty: &Type) -> bool {
    is_option(ty) || argument(ty, "Auto").is_some_and(is_option)
}

/// The type without `Option` and `Auto`.
pub(crate) fn base(mut ty: &Type) -> &Type {
    while let Some(inner) = argument(ty, "Option").or_else(|| argument(ty, "Auto")) {
        ty = inner;
    }
    ty
}

/// Whether it is a `String`, without an `Option` or `Auto`.
pub(crate) fn is_plain_text(ty: &Type) -> bool {
    kind(ty) == Kind::Text && !is_option(ty) && !is_auto(ty)
}

/// The kind of a column's type, as far as its name shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Text,
    Decimal,
    Float,
    Bool,
    /// Another type, which is checked by the compiler.
    Unknown,
}

pub(crate) fn kind(ty: &Type) -> Kind {
    let Type::Path(TypePath {
        qself: None, path, ..
    }) = bare(base(ty))
    else {
        return Kind::Unknown;
    };
    let Some(last) = path.segments.last() else {
        return Kind::Unknown;
    };
    match last.ident.to_string().as_str() {
        "i16" | "i32" | "i64" => Kind::Integer,
        "String" => Kind::Text,
        "Decimal" => Kind::Decimal,
        "f32" | "f64" => Kind::Float,
        "bool" => Kind::Bool,
        _ => Kind::Unknown,
    }
}

/// A field's name, without the `r#` of a raw identifier.
pub(crate) fn name(field: &Ident) -> String {
    field.unraw().to_string()
}
