//! `#[derive(DbEnum)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields, Ident, LitStr, Variant};

use crate::attribute;
use crate::case::Case;
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
    let Data::Enum(data) = &input.data else {
        errors.at(
            name,
            format!("`{name}` is not an enum; only an enum can derive `DbEnum`"),
        );
        return None;
    };
    if !input.generics.params.is_empty() {
        errors.at(&input.generics, "an enum with `DbEnum` cannot be generic");
        return None;
    }
    if data.variants.is_empty() {
        errors.at(
            name,
            format!("`{name}` has no variants, so a column could not hold any value"),
        );
        return None;
    }
    let (case, db_type) = attributes(input, errors);
    let mut labels: Vec<(&Ident, String)> = Vec::new();
    let mut is_plain = true;
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            errors.at(
                &variant.fields,
                format!("`{}` has fields, which a label cannot store", variant.ident),
            );
            is_plain = false;
        }
        let label = label(variant, case, errors);
        if let Some((other, _)) = labels.iter().find(|(_, known)| *known == label) {
            let message = format!("`{other}` already has the label `{label}`");
            errors.at(&variant.ident, message);
        }
        labels.push((&variant.ident, label));
    }
    is_plain.then(|| implementation(name, db_type.as_ref(), &labels))
}

/// Reads the case of the labels and the name of the native enum type.
fn attributes(input: &DeriveInput, errors: &mut Errors) -> (Case, Option<LitStr>) {
    let mut case = Case::SNAKE;
    let mut db_type = None;
    for item in attribute::items(&input.attrs, &[], errors) {
        if item.name == "rename_all" {
            let named = item.text().and_then(|text| Case::read(&text));
            case = errors.keep(named).unwrap_or(case);
        } else if item.name == "db_type" {
            db_type = errors.keep(item.text());
        } else {
            let message = format!(
                "`{}` is not an attribute of an enum; expected one of rename_all, db_type",
                item.name
            );
            errors.at(&item.name, message);
        }
    }
    (case, db_type)
}

fn label(variant: &Variant, case: Case, errors: &mut Errors) -> String {
    let mut label = case.apply(&crate::shape::name(&variant.ident));
    for item in attribute::items(&variant.attrs, &[], errors) {
        if item.name != "label" {
            let message = format!(
                "`{}` is not an attribute of a variant; expected label",
                item.name
            );
            errors.at(&item.name, message);
        } else if let Some(text) = errors.keep(item.any_text()) {
            label = text.value();
        }
    }
    label
}

/// `impl ColumnValue`, with a label for each variant.
pub(crate) fn implementation(
    name: &Ident,
    db_type: Option<&LitStr>,
    labels: &[(&Ident, String)],
) -> TokenStream {
    let text = name.to_string();
    let variants: Vec<_> = labels.iter().map(|(variant, _)| variant).collect();
    let labels: Vec<_> = labels.iter().map(|(_, label)| label).collect();
    let usual = quote! {
        ::selfsame::schema::ColumnType::Enum { name: #text, labels: &[#(#labels),*] }
    };
    let column_type = match db_type {
        Some(db_type) => quote!(::selfsame::schema::ColumnType::named(#db_type, #usual)),
        None => usual,
    };
    let unknown = format!("the text is not a label of `{name}`");
    quote! {
        #[automatically_derived]
        impl ::selfsame::value::ColumnValue for #name {
            type Base = Self;
            const TYPE: ::selfsame::value::ValueType = ::selfsame::value::ValueType::Text;
            const TAKES_LENGTH: bool = false;

            fn column_type() -> ::selfsame::schema::ColumnType {
                #column_type
            }

            fn to_param(&self) -> ::selfsame::value::Param<'_> {
                ::selfsame::value::Param::Ref(::selfsame::value::ValueRef::Text(match self {
                    #(Self::#variants => #labels,)*
                }))
            }

            fn from_value(value: ::selfsame::value::ValueRef<'_>) -> ::selfsame::Result<Self> {
                ::std::result::Result::Ok(match value {
                    #(::selfsame::value::ValueRef::Text(#labels) => Self::#variants,)*
                    ::selfsame::value::ValueRef::Text(_) => {
                        return ::std::result::Result::Err(::selfsame::Error::new(
                            ::selfsame::ErrorKind::Conversion,
                            #unknown,
                        ));
                    }
                    other => {
                        return ::std::result::Result::Err(
                            other.mismatch(<Self as ::selfsame::value::ColumnValue>::TYPE),
                        );
                    }
                })
            }
        }
    }
}
