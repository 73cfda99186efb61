//! `impl Embedded`, and the struct of its typed columns.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Generics, Ident, parse_quote};

use super::{Model, New, Part, columns, embedded_value, inherent, mapper};
use crate::shape;

/// The struct of typed columns.
pub(super) fn columns(model: &Model<'_>) -> TokenStream {
    let (visibility, columns) = (model.visibility, name(model));
    let generics = generics(model);
    let (implemented, arguments, bounds) = generics.split_for_impl();
    let parts = model.parts();
    let fields = parts.iter().map(|part| match part {
        Part::Column(_, column) => {
            let (visibility, field, ty) = (column.visibility, column.field, column.ty);
            let doc = format!("The column `{}`.", column.name);
            let ty = if shape::is_option(ty) {
                quote!(#ty)
            } else {
                quote!(<Presence as ::selfsame::entity::Presence>::Of<#ty>)
            };
            quote! {
                #[doc = #doc]
                #visibility #field: ::selfsame::sql::Column<Owner, #ty>
            }
        }
        Part::Flattened(_, flattened) => {
            let (visibility, field) = (flattened.visibility, flattened.field);
            let doc = format!("The columns of `{}`.", shape::name(field));
            let value = embedded_value(flattened.ty);
            quote! {
                #[doc = #doc]
                #visibility #field: #value::Columns<Owner, Presence>
            }
        }
    });
    let values = parts.iter().map(|part| match part {
        Part::Column(index, column) => {
            let (field, index) = (column.field, model.position(*index));
            quote!(#field: ::selfsame::sql::Column::at(first + #index))
        }
        Part::Flattened(at, flattened) => {
            let (field, first) = (flattened.field, model.first(*at));
            let value = embedded_value(flattened.ty);
            quote!(#field: <#value::Columns<Owner, Presence>>::at(first + #first))
        }
    });
    let doc = format!("The columns of a `{}` in an entity `Owner`.", model.name);
    quote! {
        #[doc = #doc]
        #[allow(dead_code)]
        #visibility struct #columns #implemented #bounds {
            #(#fields,)*
            __owner: ::std::marker::PhantomData<fn() -> (Owner, Presence)>,
        }

        #[automatically_derived]
        impl #implemented ::std::clone::Clone for #columns #arguments #bounds {
            fn clone(&self) -> Self {
                *self
            }
        }

        #[automatically_derived]
        impl #implemented ::std::marker::Copy for #columns #arguments #bounds {}

        #[automatically_derived]
        impl #implemented #columns #arguments #bounds {
            #[doc(hidden)]
            pub const fn at(first: usize) -> Self {
                Self {
                    #(#values,)*
                    __owner: ::std::marker::PhantomData,
                }
            }
        }
    }
}

pub(super) fn value(model: &Model<'_>) -> TokenStream {
    let (name, columns) = (model.name, name(model));
    let (implemented, arguments, bounds) = model.generics.split_for_impl();
    let of_columns = generics(model);
    let (_, column_arguments, _) = of_columns.split_for_impl();
    let group = mapper::group(model);
    let hydrate = columns::hydration(model, &quote!(Self));
    let value = columns::value_body(model);
    let each_value = columns::each_part(model, &quote!(first+), &quote!(each));
    let is_unset = columns::is_unset_body(model);
    let assign = columns::assign_body(model);
    let assign_many = (!model.flattened.is_empty()).then(|| {
        let body = columns::assign_many_body(model);
        quote! {
            fn assign_many(
                &mut self,
                place: ::selfsame::entity::Place<'_>,
                columns: &[usize],
                row: &dyn ::selfsame::backend::Row,
            ) -> ::selfsame::Result<()> {
                #body
            }
        }
    });
    let validate = columns::validate_body(model).map(|body| {
        quote! {
            fn validate(
                &self,
                place: ::selfsame::entity::Place<'_>,
                column: usize,
            ) -> ::selfsame::Result<()> {
                #body
            }
        }
    });
    quote! {
        #[automatically_derived]
        impl #implemented ::selfsame::entity::Embedded for #name #arguments #bounds {
            type Columns<Owner, Presence: ::selfsame::entity::Presence> = #columns #column_arguments;

            const GROUP: ::selfsame::entity::outline::Group = #group;

            fn hydrate(
                place: ::selfsame::entity::Place<'_>,
                row: &dyn ::selfsame::backend::Row,
                at: usize,
            ) -> ::selfsame::Result<Self> {
                #hydrate
            }

            fn value(&self, column: usize) -> ::selfsame::value::Param<'_> {
                #value
            }

            #[inline]
            fn each_value(
                &self,
                first: usize,
                each: &mut impl ::std::ops::FnMut(usize, ::selfsame::value::Param<'_>),
            ) {
                #each_value
            }

            fn is_unset(&self, column: usize) -> bool {
                #is_unset
            }

            fn assign(
                &mut self,
                place: ::selfsame::entity::Place<'_>,
                column: usize,
                value: ::selfsame::value::ValueRef<'_>,
            ) -> ::selfsame::Result<()> {
                #assign
            }

            #assign_many
            #validate
        }
    }
}

/// `new`.
pub(super) fn inherent(model: &Model<'_>) -> TokenStream {
    if model.new == New::Omitted {
        return TokenStream::new();
    }
    let name = model.name;
    let (implemented, arguments, bounds) = model.generics.split_for_impl();
    let new = inherent::new(model);
    quote! {
        #[automatically_derived]
        #[allow(dead_code)]
        impl #implemented #name #arguments #bounds {
            #new
        }
    }
}

/// The name of the struct of typed columns.
fn name(model: &Model<'_>) -> Ident {
    format_ident!("{}Columns", model.name)
}

/// Its parameters: those of the embedded value, the entity, and the presence.
fn generics(model: &Model<'_>) -> Generics {
    let mut generics = model.generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.default = None;
    }
    generics.params.push(parse_quote!(Owner));
    let presence = parse_quote!(Presence: ::selfsame::entity::Presence);
    generics.params.push(presence);
    generics
}
