//! A field that is a relation.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Field, Ident, LitStr, Type, Visibility};

use super::column::{self, Column};
use super::constraint::names;
use super::secondary::Secondary;
use super::{Flattened, ForeignKey};
use crate::attribute::{self, Item};
use crate::errors::Errors;
use crate::shape;

pub(super) const ATTRIBUTES: [&str; 7] = [
    "back_populates",
    "key",
    "secondary",
    "cascade",
    "lazy",
    "order_by",
    "passive_deletes",
];

pub(super) struct Relation<'a> {
    pub(super) field: &'a Ident,
    pub(super) visibility: &'a Visibility,
    pub(super) constant: Ident,
    pub(super) kind: Kind,
    pub(super) target: &'a Type,
    pub(super) back_populates: Option<Ident>,
    pub(super) key: Vec<String>,
    key_text: Option<LitStr>,
    pub(super) secondary: Option<Secondary>,
    pub(super) cascade: Option<LitStr>,
    pub(super) lazy: Option<Ident>,
    pub(super) order_by: Vec<String>,
    pub(super) passive_deletes: bool,
    pub(super) cardinality: Cardinality,
    /// Whether an error was reported already, so that follow-up errors are suppressed.
    pub(super) is_broken: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    BelongsTo,
    HasMany,
    HasOne,
    ManyToMany,
}

#[derive(Clone, Copy)]
pub(super) enum Cardinality {
    One,
    Required,
    Many,
}

/// The kind and the target if a field's type is that of a relation.
pub(super) fn kind(ty: &Type) -> Option<(Kind, &Type)> {
    let is = |name, kind| shape::argument(ty, name).map(|target| (kind, target));
    is("HasMany", Kind::HasMany)
        .or_else(|| is("HasOne", Kind::HasOne))
        .or_else(|| is("BelongsTo", Kind::BelongsTo))
        .or_else(|| is("ManyToMany", Kind::ManyToMany))
}

impl<'a> Relation<'a> {
    pub(super) fn read(
        field: &'a Field,
        ident: &'a Ident,
        (kind, target): (Kind, &'a Type),
        errors: &mut Errors,
    ) -> Self {
        let mut relation = Self {
            field: ident,
            visibility: &field.vis,
            constant: column::constant(ident),
            kind,
            target,
            back_populates: None,
            key: Vec::new(),
            key_text: None,
            secondary: None,
            cascade: None,
            lazy: None,
            order_by: Vec::new(),
            passive_deletes: false,
            cardinality: match kind {
                Kind::HasMany | Kind::ManyToMany => Cardinality::Many,
                Kind::HasOne | Kind::BelongsTo => Cardinality::One,
            },
            is_broken: false,
        };
        let errors_before = errors.count();
        for item in attribute::items(&field.attrs, &[], errors) {
            relation.set(&item, errors);
        }
        relation.is_broken = errors.count() > errors_before;
        relation
    }

    fn set(&mut self, item: &Item, errors: &mut Errors) {
        let field = self.field;
        match item.name.to_string().as_str() {
            "back_populates" => self.back_populates = errors.keep(item.field()),
            "key" => {
                self.key_text = errors.keep(item.text());
                self.key = self
                    .key_text
                    .iter()
                    .flat_map(|text| names(&text.value()))
                    .collect();
                if self.kind == Kind::ManyToMany {
                    let message = format!(
                        "`{field}` uses an association table, not a foreign key: name the columns in `secondary`"
                    );
                    errors.at(&item.name, message);
                }
            }
            "secondary" if self.kind == Kind::ManyToMany => {
                self.secondary = errors.keep(item.text().and_then(Secondary::parse));
            }
            "secondary" => {
                let message =
                    format!("`secondary` is for a `ManyToMany`, but `{field}` uses a foreign key");
                errors.at(&item.name, message);
            }
            "cascade" => {
                let text = item.text().and_then(|text| cascade(text, field, self.kind));
                self.cascade = errors.keep(text);
            }
            "passive_deletes" => {
                self.passive_deletes = errors.keep(item.flag()).is_some();
                if !matches!(self.kind, Kind::HasMany | Kind::HasOne) {
                    let message = format!(
                        "`passive_deletes` is for a `HasMany` or a `HasOne`, but `{field}` is neither"
                    );
                    errors.at(&item.name, message);
                }
            }
            "lazy" => self.lazy = errors.keep(item.text().and_then(|text| fetch(&text))),
            "order_by" => {
                self.order_by = errors
                    .keep(item.text())
                    .map(|text| names(&text.value()))
                    .unwrap_or_default();
                if !matches!(self.cardinality, Cardinality::Many) {
                    let message = format!(
                        "`order_by` is for collections, but `{field}` refers to one object"
                    );
                    errors.at(&item.name, message);
                }
            }
            other => {
                let known = ATTRIBUTES.join(", ");
                let message = if column::ATTRIBUTES.contains(&other) {
                    format!(
                        "`{other}` is for columns, but `{field}` is a relation; expected one of {known}"
                    )
                } else {
                    format!("`{other}` is not an attribute of a relation; expected one of {known}")
                };
                errors.at(&item.name, message);
            }
        }
    }

    /// Finds the foreign key of a `BelongsTo`, and from it whether the relation is required.
    pub(super) fn find_key(
        &mut self,
        columns: &[Column<'_>],
        foreign_keys: &[ForeignKey],
        flattened: &[Flattened<'_>],
        errors: &mut Errors,
    ) {
        if self.kind != Kind::BelongsTo {
            return;
        }
        // A key in an embedded value is unknown here; the mapper resolves it.
        let is_own = |name: &String| columns.iter().any(|column| column.name == *name);
        if self.key_text.is_some() && !flattened.is_empty() && !self.key.iter().all(is_own) {
            return;
        }
        match self.foreign_key(columns, foreign_keys) {
            Ok(key) => {
                let is_optional = |name: &String| {
                    columns
                        .iter()
                        .any(|column| column.name == *name && shape::is_option(column.ty))
                };
                if !key.iter().any(is_optional) {
                    self.cardinality = Cardinality::Required;
                }
                self.key = key;
            }
            Err(error) => errors.push(error),
        }
    }

    fn foreign_key(
        &self,
        columns: &[Column<'_>],
        foreign_keys: &[ForeignKey],
    ) -> syn::Result<Vec<String>> {
        let field = self.field;
        let listed = foreign_keys
            .iter()
            .map(|key| &key.columns)
            .collect::<Vec<_>>();
        if let Some(text) = &self.key_text {
            if listed.contains(&&self.key) {
                return Ok(self.key.clone());
            }
            let unknown = self
                .key
                .iter()
                .find(|name| columns.iter().all(|column| column.name != **name));
            let message = match (unknown, &self.key[..]) {
                (Some(name), _) => format!("the struct has no column `{name}`"),
                (None, [name]) => {
                    format!(
                        "`{name}` is not a foreign key: give it `references = \"table.column\"`"
                    )
                }
                (None, _) => {
                    format!(
                        "({}) is not a foreign key: give the struct a `foreign_key(…)`",
                        self.key.join(", ")
                    )
                }
            };
            return Err(syn::Error::new(text.span(), message));
        }
        // Without the `r#` of a keyword: the relation `r#type` uses `type_id`.
        let usual = format!("{}_id", self.name());
        let usual = columns
            .iter()
            .find(|column| shape::name(column.field) == usual)
            .map(|column| vec![column.name.clone()]);
        if let Some(usual) = usual
            && listed.contains(&&usual)
        {
            return Ok(usual);
        }
        match listed[..] {
            [only] => Ok(only.clone()),
            [] => Err(syn::Error::new_spanned(
                self.field,
                format!(
                    "`{field}` has no foreign key: give a column of this struct `references = \"table.column\"`"
                ),
            )),
            _ => {
                let candidates: Vec<_> = listed
                    .iter()
                    .map(|columns| format!("`key = \"{}\"`", columns.join(", ")))
                    .collect();
                Err(syn::Error::new_spanned(
                    self.field,
                    format!(
                        "`{field}` could use several foreign keys: choose {}",
                        candidates.join(" or ")
                    ),
                ))
            }
        }
    }

    pub(super) fn name(&self) -> String {
        shape::name(self.field)
    }

    /// The cardinality as a type.
    pub(super) fn cardinality(&self) -> TokenStream {
        match self.cardinality {
            Cardinality::One => quote!(::selfsame::entity::One),
            Cardinality::Required => quote!(::selfsame::entity::Required),
            Cardinality::Many => quote!(::selfsame::entity::Many),
        }
    }
}

/// Checks the text of a cascade, as `selfsame::entity::Cascade::parse` does.
fn cascade(text: LitStr, field: &Ident, kind: Kind) -> syn::Result<LitStr> {
    let known = [
        "all",
        "save-update",
        "merge",
        "refresh",
        "expunge",
        "delete",
        "delete-orphan",
    ];
    let words = names(&text.value());
    if let Some(other) = words.iter().find(|word| !known.contains(&word.as_str())) {
        let known = known.join(", ");
        let message = format!("unknown cascade `{other}`; known ones are {known}");
        return Err(syn::Error::new(text.span(), message));
    }
    let has = |wanted| words.iter().any(|word| word == wanted);
    if has("delete-orphan") && kind == Kind::ManyToMany {
        let message = format!(
            "`delete-orphan` is not allowed for a `ManyToMany`: the objects in `{field}` have no single owner"
        );
        return Err(syn::Error::new(text.span(), message));
    }
    if has("delete-orphan") && !has("delete") && !has("all") {
        let message = "the cascade delete-orphan requires delete (or all)";
        return Err(syn::Error::new(text.span(), message));
    }
    Ok(text)
}

/// The variant of `selfsame::entity::Fetch`.
fn fetch(text: &LitStr) -> syn::Result<Ident> {
    let variant = match text.value().as_str() {
        "select" => "Lazy",
        "selectin" => "Selectin",
        "joined" => "Joined",
        "raise" => "Raise",
        other => {
            let known = "select, selectin, joined, raise";
            let message = format!("`{other}` is not a loading strategy; expected one of {known}");
            return Err(syn::Error::new(text.span(), message));
        }
    };
    Ok(Ident::new(variant, text.span()))
}
