//! Writes the code of a model.

mod columns;
mod inherent;
mod mapper;
mod relations;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Type};

use super::column::Column;
use super::relation::{Kind, Relation};
use super::{Model, New};

pub(super) fn code(model: &Model<'_>) -> TokenStream {
    let mapped = columns::mapped(model);
    let entity = mapper::entity(model);
    let inherent = inherent::code(model);
    let checks = relations::checks(model);
    quote! {
        #mapped
        #entity
        #inherent
        #checks
    }
}

/// `<T as ColumnValue>` at the place of the field's type, so that an error about it stands there, and only once.
fn column_value(ty: &Type) -> TokenStream {
    let span = ty.span();
    quote_spanned!(span=> <#ty as ::selfsame::value::ColumnValue>)
}

/// A position as a literal without a suffix.
fn number(index: usize) -> proc_macro2::Literal {
    proc_macro2::Literal::usize_unsuffixed(index)
}

impl Relation<'_> {
    /// The target, with `Self` written out.
    fn target_of(&self, model: &Model<'_>) -> TokenStream {
        let target = self.target;
        match target {
            Type::Path(path) if path.path.is_ident("Self") => {
                let name = Ident::new(&model.name.to_string(), path.span());
                quote!(#name)
            }
            _ => quote!(#target),
        }
    }
}

/// The tokens, as if they stood there.
fn at(span: Span, tokens: TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            if let proc_macro2::TokenTree::Group(group) = &token {
                let inner = at(span, group.stream());
                token = proc_macro2::Group::new(group.delimiter(), inner).into();
            }
            token.set_span(span);
            token
        })
        .collect()
}
