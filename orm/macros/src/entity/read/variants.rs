//! Parses an enum as an embedded value.

use proc_macro2::Span;
use quote::format_ident;
use syn::{DataEnum, DeriveInput, Fields, Ident, Variant as Input};

use super::super::flatten::Flattened;
use super::super::variants::{Form, Tag, Variant, Variants};
use super::super::{Access, Model};
use crate::attribute;
use crate::case::{self, Case};
use crate::errors::Errors;
use crate::shape;

const ATTRIBUTES: [&str; 3] = ["tag", "index", "rename_all"];
const VARIANT_ATTRIBUTES: [&str; 2] = ["label", "prefix"];

/// Generated names, which the models borrow.
pub(in crate::entity) struct Names {
    variants: Vec<Ident>,
    /// The field of a newtype variant.
    value: Ident,
}

impl Names {
    pub(in crate::entity) fn new(name: &Ident, data: &DataEnum) -> Self {
        let variants = data.variants.iter();
        let variants = variants.map(|variant| format_ident!("{name}{}", variant.ident));
        Self {
            variants: variants.collect(),
            value: Ident::new("value", Span::mixed_site()),
        }
    }
}

/// Parses the enum; `None` if it is too broken to generate code.
pub(in crate::entity) fn variants<'a>(
    input: &'a DeriveInput,
    data: &'a DataEnum,
    names: &'a Names,
    errors: &mut Errors,
) -> Option<Variants<'a>> {
    let name = &input.ident;
    if !input.generics.params.is_empty() {
        let message = format!("`{name}` is generic, but an embedded enum must be one type");
        errors.at(&input.generics, message);
        return None;
    }
    if data.variants.is_empty() {
        let message = format!("`{name}` has no variants, so a row could not hold any value");
        errors.at(name, message);
        return None;
    }
    let (tag, case) = tag(input, errors);
    let mut variants: Vec<Variant<'a>> = Vec::new();
    for (variant, columns) in data.variants.iter().zip(&names.variants) {
        let variant = read(input, variant, columns, &names.value, case, errors)?;
        if let Some(other) = variants.iter().find(|other| other.label == variant.label) {
            let message = format!(
                "`{}` already has the label `{}`",
                other.ident, variant.label
            );
            errors.at(variant.ident, message);
        }
        variants.push(variant);
    }
    Some(Variants {
        name,
        visibility: &input.vis,
        tag,
        variants,
    })
}

fn tag(input: &DeriveInput, errors: &mut Errors) -> (Tag, Case) {
    let mut tag = Tag {
        column: "kind".to_owned(),
        is_indexed: false,
    };
    let mut case = Case::SNAKE;
    for item in attribute::items(&input.attrs, &[], errors) {
        match item.name.to_string().as_str() {
            "tag" => {
                if let Some(text) = errors.keep(item.text()) {
                    tag.column = text.value();
                }
            }
            "index" => tag.is_indexed = errors.keep(item.flag()).is_some(),
            "rename_all" => {
                let named = item.text().and_then(|text| Case::read(&text));
                case = errors.keep(named).unwrap_or(case);
            }
            other => {
                let known = ATTRIBUTES.join(", ");
                let message = format!(
                    "`{other}` is not an attribute of an embedded enum; expected one of {known}"
                );
                errors.at(&item.name, message);
            }
        }
    }
    (tag, case)
}

fn read<'a>(
    input: &'a DeriveInput,
    variant: &'a Input,
    columns: &'a Ident,
    value: &'a Ident,
    case: Case,
    errors: &mut Errors,
) -> Option<Variant<'a>> {
    let name = shape::name(&variant.ident);
    let mut model = Model::new(columns, input, super::Role::Embedded);
    model.access = Access::Binding;
    let form = match &variant.fields {
        Fields::Unit => Form::Unit,
        Fields::Named(fields) => {
            super::read_fields(&mut model, &fields.named, errors);
            super::check_names(&model, errors);
            super::check_embedded(&model, errors);
            if model.field_count() < fields.named.len() || !model.relations.is_empty() {
                return None;
            }
            Form::Named
        }
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
            let value = Flattened::whole(&fields.unnamed[0], value);
            model.flattened.push(value);
            Form::Newtype
        }
        Fields::Unnamed(fields) => {
            let message = "a variant must have named fields, or one value that derives `Embedded`";
            errors.at(fields, message);
            return None;
        }
    };
    for column in &mut model.columns {
        column.visibility = &input.vis;
    }
    for flattened in &mut model.flattened {
        flattened.visibility = &input.vis;
    }
    let mut read = Variant {
        ident: &variant.ident,
        field: field(&case::snake(&name), variant.ident.span()),
        label: case.apply(&name),
        prefix: String::new(),
        form,
        model,
    };
    for item in attribute::items(&variant.attrs, &[], errors) {
        match item.name.to_string().as_str() {
            "label" => {
                if let Some(text) = errors.keep(item.text()) {
                    read.label = text.value();
                }
            }
            "prefix" => {
                if let Some(text) = errors.keep(item.text()) {
                    read.prefix = text.value();
                }
            }
            other => {
                let known = VARIANT_ATTRIBUTES.join(", ");
                let message =
                    format!("`{other}` is not an attribute of a variant; expected one of {known}");
                errors.at(&item.name, message);
            }
        }
    }
    if read.field == "tag" {
        let message =
            "a variant cannot be called `Tag`, because `tag` is the column that holds the variant";
        errors.at(&variant.ident, message);
        return None;
    }
    Some(read)
}

/// An identifier with this name, raw if it is a keyword.
fn field(name: &str, span: Span) -> Ident {
    let mut field = syn::parse_str(name).unwrap_or_else(|_| Ident::new_raw(name, span));
    field.set_span(span);
    field
}
