//! Checks that need the actual type of a column, which may be an alias or a newtype.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Column, Model, column_value};
use crate::shape::{self, Kind};

pub(super) fn checks(model: &Model<'_>) -> TokenStream {
    // A constant outside the type cannot use its parameters.
    if !model.generics.params.is_empty() {
        return TokenStream::new();
    }
    let unknown = model
        .columns
        .iter()
        .filter(|column| shape::kind(column.ty) == Kind::Unknown);
    unknown.map(check).collect()
}

fn check(column: &Column<'_>) -> TokenStream {
    let value = column_value(column.ty);
    let is = |types: &[TokenStream], message| {
        let types = quote!(#(::selfsame::value::ValueType::#types)|*);
        (quote!(::std::matches!(#value::TYPE, #types)), message)
    };
    let mut checks: Vec<(TokenStream, &str)> = Vec::new();
    if column.length.is_some() {
        let message = "`length` is for text, not for the labels of an enum";
        checks.push((quote!(#value::TAKES_LENGTH), message));
    }
    if column.precision.is_some() {
        checks.push(is(&[quote!(Decimal)], "`precision` is for decimals"));
    }
    if column.db_type.is_some() {
        let types = [
            quote!(Text),
            quote!(Bytes),
            quote!(Time),
            quote!(Timestamp),
            quote!(TimestampTz),
        ];
        let message = "`db_type` requires a type that is stored as text or bytes, or a time";
        checks.push(is(&types, message));
    }
    if column.is_generated_key() {
        let integers = [quote!(I16), quote!(I32), quote!(I64)];
        checks.push(is(
            &integers,
            "the database generates only integer keys: give a `server_default`",
        ));
    }
    if !shape::mentions_option(column.ty) {
        let message = "this type is an alias of an `Option`: write `Option<…>`";
        checks.push((quote!(!#value::NULLABLE), message));
    }
    let span = column.ty.span();
    checks
        .into_iter()
        .map(|(condition, message)| quote_spanned!(span=> const _: () = ::std::assert!(#condition, #message);))
        .collect()
}
