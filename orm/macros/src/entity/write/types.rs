//! Checks of what only the compiler knows of a column's type: an alias, a newtype.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Column, Model, column_value};
use crate::shape::{self, Kind};

pub(super) fn checks(model: &Model<'_>) -> TokenStream {
    // A constant outside of the type does not know its parameters.
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
        let message = "`length` is for text, and not for the labels of an enum";
        checks.push((quote!(#value::TAKES_LENGTH), message));
    }
    if column.precision.is_some() {
        checks.push(is(&[quote!(Decimal)], "`precision` is for decimals"));
    }
    if column.db_type.is_some() {
        let message = "values of a type that only the database knows cross as text";
        checks.push(is(&[quote!(Text)], message));
    }
    if column.is_counted() {
        let integers = [quote!(I16), quote!(I32), quote!(I64)];
        checks.push(is(
            &integers,
            "the database counts integers only: give a `server_default`",
        ));
    }
    if !shape::mentions_option(column.ty) {
        let message = "write `Option` out: this type is one by another name";
        checks.push((quote!(!#value::NULLABLE), message));
    }
    let span = column.ty.span();
    checks
        .into_iter()
        .map(|(condition, message)| quote_spanned!(span=> const _: () = ::std::assert!(#condition, #message);))
        .collect()
}
