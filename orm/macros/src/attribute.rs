//! Parsing of `#[orm(…)]` attributes: names, with or without a value.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Expr, ExprLit, ExprPath, Ident, Lit, LitInt, LitStr, Meta, Token, parenthesized,
};

use crate::errors::Errors;

/// One attribute item: `name`, `name = value` or `name(list)`.
pub(crate) struct Item {
    pub(crate) name: Ident,
    value: Value,
}

/// The arguments of `name(a, b, name = "…")`.
#[derive(Default)]
pub(crate) struct FieldsAndName {
    pub(crate) fields: Vec<Ident>,
    pub(crate) name: Option<String>,
    /// The value of one more key.
    pub(crate) of_key: Option<LitStr>,
}

enum Value {
    None,
    Assigned(Expr),
    List(TokenStream),
}

/// Parses the items of all `#[orm(…)]` attributes; invalid syntax is an error, and so is repeating an item that is not in `repeatable`.
pub(crate) fn items(
    attributes: &[Attribute],
    repeatable: &[&str],
    errors: &mut Errors,
) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for attribute in attributes {
        if !attribute.path().is_ident("orm") {
            continue;
        }
        let list = attribute.parse_args_with(Punctuated::<Item, Token![,]>::parse_terminated);
        for item in errors.keep(list).into_iter().flatten() {
            let again = items.iter().any(|other| other.name == item.name);
            if again && !repeatable.iter().any(|name| item.name == name) {
                errors.at(&item.name, format!("`{}` is given twice", item.name));
            } else {
                items.push(item);
            }
        }
    }
    items
}

/// The text of doc comments, without the leading space of each line.
pub(crate) fn docs(attributes: &[Attribute]) -> Option<String> {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => {
                let text = text.value();
                Some(text.strip_prefix(' ').unwrap_or(&text).to_owned())
            }
            _ => None,
        },
        _ => None,
    };
    let lines: Vec<String> = attributes.iter().filter_map(line).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Value::Assigned(input.parse()?)
        } else if input.peek(syn::token::Paren) {
            let content;
            parenthesized!(content in input);
            Value::List(content.parse()?)
        } else {
            Value::None
        };
        Ok(Self { name, value })
    }
}

impl Item {
    fn error<T>(&self, form: &str) -> syn::Result<T> {
        Err(syn::Error::new_spanned(
            self,
            format!("write `{}{form}`", self.name),
        ))
    }

    /// `name`.
    pub(crate) fn flag(&self) -> syn::Result<Span> {
        match self.value {
            Value::None => Ok(self.name.span()),
            _ => self.error(""),
        }
    }

    /// `name`, or `name = 1`.
    pub(crate) fn flag_or_integer(&self) -> syn::Result<(Span, Option<u32>)> {
        match &self.value {
            Value::None => Ok((self.name.span(), None)),
            Value::Assigned(value) => match as_u32(value) {
                Some(number) => Ok((self.name.span(), Some(number.base10_parse()?))),
                None => self.error(" = 1"),
            },
            Value::List(_) => self.error(""),
        }
    }

    /// `name = "text"`, not empty.
    pub(crate) fn text(&self) -> syn::Result<LitStr> {
        match &self.value {
            Value::Assigned(Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            })) if !text.value().trim().is_empty() => Ok(text.clone()),
            _ => self.error(" = \"…\""),
        }
    }

    /// `name = "text"`, which may be empty.
    pub(crate) fn any_text(&self) -> syn::Result<LitStr> {
        match &self.value {
            Value::Assigned(Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            })) => Ok(text.clone()),
            _ => self.error(" = \"…\""),
        }
    }

    /// `name`, or `name = "text"`.
    pub(crate) fn flag_or_text(&self) -> syn::Result<Option<LitStr>> {
        match self.value {
            Value::None => Ok(None),
            _ => self.text().map(Some),
        }
    }

    /// `comment = "text"`, or `comment`, which uses the doc comment.
    pub(crate) fn comment(&self, attributes: &[Attribute]) -> syn::Result<String> {
        if let Some(text) = self.flag_or_text()? {
            return Ok(text.value());
        }
        docs(attributes).ok_or_else(|| {
            let message = "`comment` uses the doc comment, and there is none: write one, or `comment = \"…\"`";
            syn::Error::new(self.name.span(), message)
        })
    }

    /// `name(a, b)`, with at least one field and optionally `name = "…"` and this key.
    pub(crate) fn fields_and_name(&self, key: Option<&str>) -> syn::Result<FieldsAndName> {
        let mut found = FieldsAndName::default();
        for item in self.items().or_else(|_| self.error("(field, field)"))? {
            let is_key = key.is_some_and(|key| item.name == key);
            match item.value {
                Value::None => found.fields.push(item.name),
                Value::Assigned(_) if item.name == "name" => {
                    found.name = Some(item.text()?.value());
                }
                Value::Assigned(_) if is_key => found.of_key = Some(item.text()?),
                _ => return self.error("(field, field, name = \"…\")"),
            }
        }
        match found.fields.is_empty() {
            true => self.error("(field, field)"),
            false => Ok(found),
        }
    }

    /// `name = 50`.
    pub(crate) fn integer(&self) -> syn::Result<LitInt> {
        match &self.value {
            Value::Assigned(value) => match as_u32(value) {
                Some(number) => Ok(number),
                None => self.error(" = 50"),
            },
            _ => self.error(" = 50"),
        }
    }

    /// `name = (10, 2)`.
    pub(crate) fn two_integers(&self) -> syn::Result<(LitInt, LitInt)> {
        if let Value::Assigned(Expr::Tuple(tuple)) = &self.value
            && tuple.elems.len() == 2
            && let (Some(a), Some(b)) = (as_u32(&tuple.elems[0]), as_u32(&tuple.elems[1]))
        {
            return Ok((a, b));
        }
        self.error(" = (10, 2)")
    }

    /// `name = an expression`.
    pub(crate) fn expression(&self) -> syn::Result<Expr> {
        match &self.value {
            Value::Assigned(value) => Ok(value.clone()),
            _ => self.error(" = …"),
        }
    }

    /// `name = path::to::function`.
    pub(crate) fn path(&self) -> syn::Result<ExprPath> {
        match &self.value {
            Value::Assigned(Expr::Path(path)) => Ok(path.clone()),
            _ => self.error(" = function"),
        }
    }

    /// `name = field`.
    pub(crate) fn field(&self) -> syn::Result<Ident> {
        if let Value::Assigned(Expr::Path(ExprPath { path, .. })) = &self.value
            && let Some(field) = path.get_ident()
        {
            return Ok(field.clone());
        }
        match &self.value {
            Value::Assigned(Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            })) => Err(syn::Error::new_spanned(
                text,
                format!(
                    "write the field's name without quotes: `{} = {}`",
                    self.name,
                    text.value()
                ),
            )),
            _ => self.error(" = field"),
        }
    }

    /// `name(a, b)`, with at least one field.
    pub(crate) fn fields(&self) -> syn::Result<Vec<Ident>> {
        if let Value::List(list) = &self.value {
            let fields = Punctuated::<Ident, Token![,]>::parse_terminated.parse2(list.clone())?;
            if !fields.is_empty() {
                return Ok(fields.into_iter().collect());
            }
        }
        self.error("(field, field)")
    }

    /// `name(item, item)`.
    pub(crate) fn items(&self) -> syn::Result<Vec<Item>> {
        match &self.value {
            Value::List(list) => {
                let items = Punctuated::<Item, Token![,]>::parse_terminated.parse2(list.clone())?;
                Ok(items.into_iter().collect())
            }
            _ => self.error("(…)"),
        }
    }
}

impl ToTokens for Item {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.name.to_tokens(tokens);
        match &self.value {
            Value::None => {}
            Value::Assigned(value) => value.to_tokens(tokens),
            Value::List(list) => list.to_tokens(tokens),
        }
    }
}

fn as_u32(value: &Expr) -> Option<LitInt> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) if number.base10_parse::<u32>().is_ok() => Some(number.clone()),
        _ => None,
    }
}
