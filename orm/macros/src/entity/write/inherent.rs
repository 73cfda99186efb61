//! The constants and `new`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, ExprLit, Ident, Lit};

use super::{Column, Model, New, Relation, number};
use crate::shape;

pub(super) fn code(model: &Model<'_>) -> TokenStream {
    let name = model.name;
    let columns = model
        .columns
        .iter()
        .enumerate()
        .map(|(index, c)| column(index, c, model));
    let relations = model
        .relations
        .iter()
        .enumerate()
        .map(|(index, r)| relation(index, r, model));
    let new = match model.new {
        New::Made => new(model),
        New::Left => TokenStream::new(),
    };
    quote! {
        #[automatically_derived]
        #[allow(dead_code)]
        impl #name {
            #(#columns)*
            #(#relations)*
            #new
        }
    }
}

fn column(index: usize, column: &Column<'_>, model: &Model<'_>) -> TokenStream {
    let (visibility, constant, ty) = (column.visibility, &column.constant, column.ty);
    let (name, index) = (model.name, number(index));
    let doc = format!("The column `{}`.", column.name);
    quote! {
        #[doc = #doc]
        #visibility const #constant: ::selfsame::sql::Column<#name, #ty> =
            ::selfsame::sql::Column::new(#index);
    }
}

fn relation(index: usize, relation: &Relation<'_>, model: &Model<'_>) -> TokenStream {
    let (visibility, constant) = (relation.visibility, &relation.constant);
    let (name, index) = (model.name, number(index));
    let (target, cardinality) = (relation.target, relation.cardinality());
    let doc = format!("The relation `{}`.", relation.name());
    quote! {
        #[doc = #doc]
        #visibility const #constant: ::selfsame::entity::Relation<#name, #target, #cardinality> =
            ::selfsame::entity::Relation::new(#index);
    }
}

fn new(model: &Model<'_>) -> TokenStream {
    let (name, visibility) = (model.name, model.visibility);
    let new = Ident::new("new", name.span());
    let required = || model.columns.iter().filter(|column| column.is_required());
    let parameters = required().map(|column| {
        let (field, ty) = (column.field, column.ty);
        if shape::is_plain_text(ty) {
            quote!(#field: impl ::std::convert::Into<#ty>)
        } else {
            quote!(#field: #ty)
        }
    });
    let columns = model.columns.iter().map(|column| {
        let field = column.field;
        let value = initial(column);
        quote!(#field: #value)
    });
    let relations = model.relations.iter().map(|relation| relation.field);
    let names: Vec<_> = required()
        .map(|column| format!("`{}`", shape::name(column.field)))
        .collect();
    let doc = match &names[..] {
        [] => format!("A `{name}` with nothing set."),
        names => format!("A `{name}` with {} set.", names.join(", ")),
    };
    quote! {
        #[doc = #doc]
        #[must_use]
        #[allow(clippy::too_many_arguments, clippy::new_without_default)]
        #visibility fn #new(#(#parameters),*) -> Self {
            Self {
                #(#columns,)*
                #(#relations: ::std::default::Default::default(),)*
            }
        }
    }
}

/// What `new` puts into a column.
fn initial(column: &Column<'_>) -> TokenStream {
    let field = column.field;
    let is_text = shape::is_plain_text(column.ty);
    match &column.default {
        Some(Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        })) if is_text => quote!(::std::convert::From::from(#text)),
        Some(expression) => quote!(#expression),
        None if !column.is_required() => quote!(::std::default::Default::default()),
        None if is_text => quote!(::std::convert::Into::into(#field)),
        None => quote!(#field),
    }
}
