//! The constants and `new`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, ExprLit, Ident, Lit, Type};

use super::{Column, Flattened, Model, New, Part, Relation, embedded_value, number};
use crate::shape;

pub(super) fn code(model: &Model<'_>) -> TokenStream {
    let name = model.name;
    let columns = model
        .columns
        .iter()
        .enumerate()
        .map(|(index, c)| column(index, c, model));
    let flattened = model.flattened.iter().enumerate();
    let flattened = flattened.map(|(at, f)| embedded(at, f, model));
    let relations = model
        .relations
        .iter()
        .enumerate()
        .map(|(index, r)| relation(index, r, model));
    let new = match model.new {
        New::Generated => new(model),
        New::Omitted => TokenStream::new(),
    };
    quote! {
        #[automatically_derived]
        #[allow(dead_code)]
        impl #name {
            #(#columns)*
            #(#flattened)*
            #(#relations)*
            #new
        }
    }
}

fn column(index: usize, column: &Column<'_>, model: &Model<'_>) -> TokenStream {
    let (visibility, constant, ty) = (column.visibility, &column.constant, column.ty);
    let name = model.name;
    let made = if model.flattened.is_empty() {
        let index = number(index);
        quote!(new(#index))
    } else {
        let index = model.position(index);
        quote!(at(#index))
    };
    let doc = format!("The column `{}`.", column.name);
    quote! {
        #[doc = #doc]
        #visibility const #constant: ::selfsame::sql::Column<#name, #ty> =
            ::selfsame::sql::Column::#made;
    }
}

fn embedded(at: usize, flattened: &Flattened<'_>, model: &Model<'_>) -> TokenStream {
    let (visibility, constant) = (flattened.visibility, &flattened.constant);
    let (name, first) = (model.name, model.first(at));
    let value = embedded_value(flattened.ty);
    let columns = quote!(#value::Columns<#name, ::selfsame::entity::Present>);
    let doc = format!("The columns of `{}`.", shape::name(flattened.field));
    quote! {
        #[doc = #doc]
        #visibility const #constant: #columns = <#columns>::at(#first);
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

pub(super) fn new(model: &Model<'_>) -> TokenStream {
    let (name, visibility) = (model.name, model.visibility);
    let new = Ident::new("new", name.span());
    let parts = model.parts();
    let required = || parts.iter().filter(|part| part.is_required());
    let parameters = required().map(|part| {
        let (field, ty) = (part.field(), part.ty());
        if shape::is_plain_text(ty) {
            quote!(#field: impl ::std::convert::Into<#ty>)
        } else {
            quote!(#field: #ty)
        }
    });
    let columns = parts.iter().map(|part| {
        let field = part.field();
        let value = initial(part);
        quote!(#field: #value)
    });
    let relations = model.relations.iter().map(|relation| relation.field);
    let names: Vec<_> = required()
        .map(|part| format!("`{}`", shape::name(part.field())))
        .collect();
    let doc = match &names[..] {
        [] => format!("Creates a `{name}` with nothing set."),
        names => format!("Creates a `{name}` with {}.", names.join(", ")),
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

/// The value that `new` sets in a field.
fn initial(part: &Part<'_>) -> TokenStream {
    let field = part.field();
    let is_text = shape::is_plain_text(part.ty());
    if part.default().is_none() && !part.is_required() {
        return quote!(::std::default::Default::default());
    }
    let value = match part.default() {
        Some(Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        })) if is_text => quote!(::std::convert::From::from(#text)),
        Some(expression) => quote!(#expression),
        None if is_text => quote!(::std::convert::Into::into(#field)),
        None => quote!(#field),
    };
    match part {
        Part::Column(_, column) if column.is_deferred() => {
            quote!(::selfsame::value::Deferred::new(#value))
        }
        _ => value,
    }
}

impl Part<'_> {
    pub(super) fn field(&self) -> &Ident {
        match self {
            Self::Column(_, column) => column.field,
            Self::Flattened(_, flattened) => flattened.field,
        }
    }

    fn ty(&self) -> &Type {
        match self {
            Self::Column(_, column) => column.ty,
            Self::Flattened(_, flattened) => flattened.ty,
        }
    }

    fn default(&self) -> Option<&Expr> {
        match self {
            Self::Column(_, column) => column.default.as_ref(),
            Self::Flattened(_, flattened) => flattened.default.as_ref(),
        }
    }

    fn is_required(&self) -> bool {
        match self {
            Self::Column(_, column) => column.is_required(),
            Self::Flattened(_, flattened) => flattened.is_required(),
        }
    }
}
