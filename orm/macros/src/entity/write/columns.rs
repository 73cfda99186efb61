//! `impl Mapped`: one table of columns in each method.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Column, Kind, Model, column_bound, column_value, entity_bound, number};
use crate::shape;

pub(super) fn mapped(model: &Model<'_>) -> TokenStream {
    let name = model.name;
    let key_type = key_type(model);
    let methods = [
        hydrate(model),
        row_key(model),
        key(model),
        value(model),
        each_value(model),
        is_unset(model),
        assign(model),
        take_wishes(model),
        validate(model),
    ];
    quote! {
        #[automatically_derived]
        impl ::selfsame::entity::Mapped for #name {
            type Key = #key_type;
            #(#methods)*
        }
    }
}

/// One part, or a tuple of several.
fn tuple(mut parts: Vec<TokenStream>) -> TokenStream {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    quote!((#(#parts),*))
}

fn key_type(model: &Model<'_>) -> TokenStream {
    let base = |(_, column): (usize, &Column<'_>)| {
        let value = column_value(column.ty);
        quote_spanned!(column.ty.span()=> #value::Base)
    };
    tuple(model.key_columns().map(base).collect())
}

fn hydrate(model: &Model<'_>) -> TokenStream {
    let bounds = bounds(model);
    let columns = model.columns.iter().enumerate().map(|(index, column)| {
        let (index, field, ty) = (number(index), column.field, column.ty);
        quote!(#field: mapper.read::<#ty>(row, at, #index)?)
    });
    let relations = model.relations.iter().map(|relation| relation.field);
    quote! {
        fn hydrate(
            mapper: &::selfsame::entity::Mapper,
            row: &dyn ::selfsame::backend::Row,
            at: usize,
        ) -> ::selfsame::Result<Self> {
            #bounds
            ::std::result::Result::Ok(Self {
                #(#columns,)*
                #(#relations: ::std::default::Default::default(),)*
            })
        }
    }
}

/// Names the trait at the types that may not have it.
fn bounds(model: &Model<'_>) -> TokenStream {
    let unknown = model
        .columns
        .iter()
        .filter(|column| shape::kind(column.ty) == shape::Kind::Unknown);
    unknown.map(|column| column_bound(column.ty)).collect()
}

fn row_key(model: &Model<'_>) -> TokenStream {
    let reads: Vec<_> = model
        .key_columns()
        .map(|(index, column)| {
            let (column, index) = (column_value(column.ty), number(index));
            quote!(mapper.read::<::std::option::Option<#column::Base>>(row, at, #index))
        })
        .collect();
    let body = match &reads[..] {
        [only] => only.clone(),
        _ => {
            let parts = reads.iter().map(|read| {
                quote! {
                    match #read? {
                        ::std::option::Option::Some(part) => part,
                        ::std::option::Option::None => {
                            return ::std::result::Result::Ok(::std::option::Option::None);
                        }
                    }
                }
            });
            quote!(::std::result::Result::Ok(::std::option::Option::Some((#(#parts),*))))
        }
    };
    quote! {
        fn row_key(
            mapper: &::selfsame::entity::Mapper,
            row: &dyn ::selfsame::backend::Row,
            at: usize,
        ) -> ::selfsame::Result<::std::option::Option<Self::Key>> {
            #body
        }
    }
}

fn key(model: &Model<'_>) -> TokenStream {
    let parts: Vec<_> = model
        .key_columns()
        .map(|(index, column)| key_part(index, column))
        .collect();
    let body = match &parts[..] {
        [only] => only.clone(),
        _ => quote!(::std::option::Option::Some((#(#parts?),*))),
    };
    quote! {
        fn key(&self, mapper: &::selfsame::entity::Mapper) -> ::std::option::Option<Self::Key> {
            #body
        }
    }
}

/// The value of a key column as an `Option` of its base.
fn key_part(index: usize, column: &Column<'_>) -> TokenStream {
    let field = column.field;
    let is_own_base = matches!(
        shape::kind(column.ty),
        shape::Kind::Integer | shape::Kind::Text
    );
    if is_own_base && shape::is_auto(column.ty) {
        return quote!(self.#field.get().cloned());
    }
    if is_own_base {
        return quote!(::std::option::Option::Some(self.#field.clone()));
    }
    let (column, index) = (column_value(column.ty), number(index));
    quote! {
        match #column::to_param(&self.#field).value() {
            ::std::option::Option::Some(value) if !value.is_null() => {
                mapper.convert::<#column::Base>(#index, value).ok()
            }
            _ => ::std::option::Option::None,
        }
    }
}

fn value(model: &Model<'_>) -> TokenStream {
    let arms = model.columns.iter().enumerate().map(|(index, column)| {
        let (index, field, column) = (number(index), column.field, column_value(column.ty));
        quote!(#index => #column::to_param(&self.#field),)
    });
    quote! {
        fn value(
            &self,
            _: &::selfsame::entity::Mapper,
            column: usize,
        ) -> ::selfsame::value::Param<'_> {
            match column {
                #(#arms)*
                _ => ::std::unreachable!(),
            }
        }
    }
}

/// Written out, so that the compiler knows the kind of each value.
fn each_value(model: &Model<'_>) -> TokenStream {
    let values = model.columns.iter().enumerate().map(|(index, column)| {
        let (index, field, column) = (number(index), column.field, column_value(column.ty));
        quote!(each(#index, #column::to_param(&self.#field));)
    });
    quote! {
        #[inline]
        fn each_value(
            &self,
            _: &::selfsame::entity::Mapper,
            mut each: impl ::std::ops::FnMut(usize, ::selfsame::value::Param<'_>),
        ) {
            #(#values)*
        }
    }
}

fn is_unset(model: &Model<'_>) -> TokenStream {
    let arms = model
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| shape::is_auto(column.ty))
        .map(|(index, column)| {
            let (index, field, column) = (number(index), column.field, column_value(column.ty));
            quote!(#index => #column::is_unset(&self.#field),)
        });
    quote! {
        fn is_unset(&self, _: &::selfsame::entity::Mapper, column: usize) -> bool {
            match column {
                #(#arms)*
                _ => false,
            }
        }
    }
}

fn assign(model: &Model<'_>) -> TokenStream {
    let arms = model.columns.iter().enumerate().map(|(index, column)| {
        let (index, field, ty) = (number(index), column.field, column.ty);
        quote!(#index => mapper.set::<#ty>(#index, value, &mut self.#field),)
    });
    let bounds = bounds(model);
    quote! {
        fn assign(
            &mut self,
            mapper: &::selfsame::entity::Mapper,
            column: usize,
            value: ::selfsame::value::ValueRef<'_>,
        ) -> ::selfsame::Result<()> {
            #bounds
            match column {
                #(#arms)*
                _ => ::std::unreachable!(),
            }
        }
    }
}

fn validate(model: &Model<'_>) -> TokenStream {
    let columns = model.columns.iter().enumerate();
    let arms: Vec<_> = columns
        .filter_map(|(index, column)| {
            let path = column.validate.as_ref()?;
            let (index, field) = (number(index), column.field);
            let rule = quote!(#path).to_string().replace(' ', "");
            // The value inside is asked about, if there is one.
            let mut call = quote!(mapper.validated(#index, #rule, #path(value)));
            let mut ty = column.ty;
            let mut inner = Vec::new();
            while let Some(argument) =
                shape::argument(ty, "Option").or_else(|| shape::argument(ty, "Auto"))
            {
                inner.push(shape::is_auto(ty));
                ty = argument;
            }
            for is_auto in inner.into_iter().rev() {
                let value = if is_auto {
                    quote!(value.get())
                } else {
                    quote!(value.as_ref())
                };
                call = quote! {
                    match #value {
                        ::std::option::Option::Some(value) => #call,
                        ::std::option::Option::None => ::std::result::Result::Ok(()),
                    }
                };
            }
            Some(quote! {
                #index => {
                    let value = &self.#field;
                    #call
                }
            })
        })
        .collect();
    if arms.is_empty() {
        return TokenStream::new();
    }
    quote! {
        fn validate(
            &self,
            mapper: &::selfsame::entity::Mapper,
            column: usize,
        ) -> ::selfsame::Result<()> {
            match column {
                #(#arms)*
                _ => ::std::result::Result::Ok(()),
            }
        }
    }
}

fn take_wishes(model: &Model<'_>) -> TokenStream {
    if model.relations.is_empty() {
        return TokenStream::new();
    }
    let takes = model.relations.iter().map(|relation| {
        let (field, constant) = (relation.field, &relation.constant);
        let (bound, target) = (entity_bound(relation, model), relation.target);
        let method = match relation.kind {
            Kind::HasMany => quote!(many::<#target>),
            Kind::HasOne => quote!(has_one::<#target, _>),
            Kind::BelongsTo => quote!(belongs_to::<#target, _>),
            Kind::ManyToMany => quote!(many_to_many::<#target>),
        };
        quote! {
            #bound
            wishes.#method(Self::#constant, &mut self.#field);
        }
    });
    quote! {
        fn take_wishes(&mut self, wishes: &mut ::selfsame::entity::Wishes<Self>) {
            #(#takes)*
        }
    }
}
