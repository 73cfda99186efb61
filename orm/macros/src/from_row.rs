//! `#[derive(FromRow)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields};

use crate::errors::Errors;

pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let code = code(input, &mut errors);
    let mut tokens = errors.into_tokens();
    tokens.extend(code);
    tokens
}

fn code(input: &DeriveInput, errors: &mut Errors) -> Option<TokenStream> {
    let name = &input.ident;
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) if !fields.named.is_empty() => &fields.named,
            _ => {
                let message = format!(
                    "`{name}` has no named fields; `FromRow` requires a struct with named fields"
                );
                errors.at(name, message);
                return None;
            }
        },
        _ => {
            errors.at(
                name,
                format!("`{name}` is not a struct; `FromRow` requires a struct with named fields"),
            );
            return None;
        }
    };
    if !input.generics.params.is_empty() {
        errors.at(&input.generics, "a struct with `FromRow` cannot be generic");
        return None;
    }
    let names: Vec<_> = fields.iter().map(|field| &field.ident).collect();
    let types: Vec<_> = fields.iter().map(|field| &field.ty).collect();
    let positions = 0..names.len();
    Some(quote! {
        #[automatically_derived]
        impl ::selfsame::sql::FromRow for #name {
            fn types(out: &mut ::std::vec::Vec<::selfsame::value::ValueType>) {
                #(out.push(<#types as ::selfsame::value::ColumnValue>::TYPE);)*
            }

            fn from_row(row: &dyn ::selfsame::backend::Row, at: usize) -> ::selfsame::Result<Self> {
                ::std::result::Result::Ok(Self {
                    #(#names: <#types as ::selfsame::sql::FromRow>::from_row(row, at + #positions)?,)*
                })
            }
        }

        #[automatically_derived]
        impl ::selfsame::sql::RowStruct for #name {
            type Columns = (#(#types,)*);
        }
    })
}
