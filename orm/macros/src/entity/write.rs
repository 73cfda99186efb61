//! Generates code from a model.

mod columns;
mod embedded;
mod inherent;
mod mapper;
mod relations;
mod types;
mod variants;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Type};

use super::column::{Column, Reading};
use super::flatten::Flattened;
use super::relation::{Kind, Relation};
use super::variants::Variants;
use super::{Access, Model, New, Role};
use crate::shape;

pub(super) fn code(model: &Model<'_>) -> TokenStream {
    let mapped = columns::mapped(model);
    let entity = mapper::entity(model);
    let inherent = inherent::code(model);
    let inverses = relations::checks(model);
    let types = types::checks(model);
    quote! {
        #mapped
        #entity
        #inherent
        #inverses
        #types
    }
}

pub(super) fn embedded(model: &Model<'_>) -> TokenStream {
    let columns = embedded::columns(model);
    let value = embedded::value(model);
    let new = embedded::inherent(model);
    let types = types::checks(model);
    quote! {
        #columns
        #value
        #new
        #types
    }
}

pub(super) fn variants(enumeration: &Variants<'_>) -> TokenStream {
    variants::code(enumeration)
}

/// `<T as ColumnValue>` with the span of the field's type, so that an error about it is reported there, and only once.
fn column_value(ty: &Type) -> TokenStream {
    let span = ty.span();
    quote_spanned!(span=> <#ty as ::selfsame::value::ColumnValue>)
}

/// Returns `<T as Embedded>` in the same way.
fn embedded_value(ty: &Type) -> TokenStream {
    let span = ty.span();
    quote_spanned!(span=> <#ty as ::selfsame::entity::Embedded>)
}

/// Uses `ColumnValue` of a type that may not implement it.
///
/// The compiler reports a missing bound once per span and body, and equal errors once. This makes it report the user's type instead of
/// generated calls.
fn column_bound(ty: &Type) -> TokenStream {
    let value = column_value(ty);
    quote!(let _ = #value::TYPE;)
}

/// Uses the bound of a relation's target in the same way.
fn entity_bound(relation: &Relation<'_>, model: &Model<'_>) -> TokenStream {
    let target = relation.target_of(model);
    quote_spanned!(relation.target.span()=> let _ = <#target as ::selfsame::entity::Entity>::mapper;)
}

/// A position as a literal without a suffix.
fn number(index: usize) -> proc_macro2::Literal {
    proc_macro2::Literal::usize_unsuffixed(index)
}

/// A field whose values are columns.
enum Part<'a> {
    Column(usize, &'a Column<'a>),
    Flattened(usize, &'a Flattened<'a>),
}

impl Model<'_> {
    /// The columns and the embedded values, in the order of the fields.
    fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        let mut flattened = self.flattened.iter().enumerate().peekable();
        for (index, column) in self.columns.iter().enumerate() {
            while let Some((at, next)) = flattened.next_if(|(_, next)| next.before <= index) {
                parts.push(Part::Flattened(at, next));
            }
            parts.push(Part::Column(index, column));
        }
        parts.extend(flattened.map(|(at, next)| Part::Flattened(at, next)));
        parts
    }

    /// The position of a column, as an expression that contains the widths of the embedded values before it.
    fn position(&self, index: usize) -> TokenStream {
        let before = self.flattened.iter();
        let before = before.take_while(|flattened| flattened.before <= index);
        sum(index, before)
    }

    /// The position of a column in a row that is read, which has no deferred columns.
    fn offset(&self, index: usize) -> TokenStream {
        self.without_deferred(self.position(index), index)
    }

    /// The position of an embedded value's first column in such a row.
    fn first_offset(&self, at: usize) -> TokenStream {
        self.without_deferred(self.first(at), self.flattened[at].before)
    }

    fn without_deferred(&self, position: TokenStream, before: usize) -> TokenStream {
        let before = self.columns[..before].iter();
        match before.filter(|column| column.is_deferred()).count() {
            0 => quote!((#position)),
            deferred => {
                let deferred = number(deferred);
                quote!((#position - #deferred))
            }
        }
    }

    /// The position of the first column of an embedded value.
    fn first(&self, at: usize) -> TokenStream {
        sum(self.flattened[at].before, self.flattened[..at].iter())
    }

    /// A reference to a field.
    fn lend(&self, field: &Ident) -> TokenStream {
        match self.access {
            Access::Field => quote!(&self.#field),
            Access::Binding => binding(field).to_token_stream(),
        }
    }

    /// A mutable reference to a field.
    fn lend_mut(&self, field: &Ident) -> TokenStream {
        match self.access {
            Access::Field => quote!(&mut self.#field),
            Access::Binding => binding(field).to_token_stream(),
        }
    }

    /// The variable that reads and sets columns: an entity's mapper, or an embedded value's place.
    fn mapping(&self) -> TokenStream {
        match self.role {
            Role::Entity => quote!(mapper),
            Role::Embedded => quote!(place),
        }
    }
}

/// The variable that a variant's pattern binds a field to, named so as not to clash with generated code.
fn binding(field: &Ident) -> Ident {
    format_ident!("__{}", shape::name(field))
}

fn sum<'a>(own: usize, embedded: impl Iterator<Item = &'a Flattened<'a>>) -> TokenStream {
    let widths = embedded.map(|flattened| {
        let value = embedded_value(flattened.ty);
        quote!(#value::WIDTH)
    });
    let own = number(own);
    quote!(#own #(+ #widths)*)
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

/// The tokens with another span.
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
