//! Parses a struct into a model.

mod variants;

pub(super) use variants::{Names, variants};

use proc_macro2::Span;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Data, DataStruct, DeriveInput, Field, Fields, Ident, Token, Type};

use super::column::Column;
use super::constraint::{Action, Deferrable};
use super::flatten::{self, Flattened};
use super::relation::{self, Relation};
use super::{Access, Check, ForeignKey, Index, Model, New, References, Role, Writing};
use crate::attribute::{self, Item};
use crate::case;
use crate::errors::Errors;
use crate::shape;

const ATTRIBUTES: [&str; 10] = [
    "table",
    "schema",
    "view",
    "read_only",
    "comment",
    "unique",
    "index",
    "check",
    "foreign_key",
    "no_new",
];

/// Parses an entity; `None` if it is too broken to generate code.
pub(super) fn model<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Option<Model<'a>> {
    let (mut model, fields) = start(input, Role::Entity, errors)?;
    let key_width = model.key_columns().count();
    for column in &model.columns {
        column.check_auto(key_width, errors);
    }
    check_version(&model, errors);
    check_foreign_keys(&model, errors);
    let flattened = &model.flattened;
    for relation in &mut model.relations {
        relation.find_key(&model.columns, &model.foreign_keys, flattened, errors);
        relation.check_secondary(model.name, key_width, errors);
    }
    check_key_places(&model, errors);
    check_keyless(&model, key_width, errors);
    match key_width {
        // If a field is missing, generated code could not construct the struct.
        1..=4 if model.field_count() < fields => None,
        1..=4 if !model.key_columns().all(|(_, column)| column.can_be_key()) => None,
        1..=4 => Some(model),
        0 if model.field_count() < fields => None,
        0 if model.writing != Writing::Allowed => Some(model),
        0 => {
            let message = "has no primary key: mark a field with `#[orm(primary_key)]`";
            errors.at(model.name, format!("`{}` {message}", model.name));
            None
        }
        _ => {
            errors.at(model.name, "a primary key can have at most four columns");
            None
        }
    }
}

/// Refuses relations and deferred columns in an entity without a primary key.
fn check_keyless(model: &Model<'_>, key_width: usize, errors: &mut Errors) {
    if key_width > 0 || model.writing == Writing::Allowed {
        return;
    }
    for relation in &model.relations {
        let message = format!(
            "`{}` has no primary key, so it cannot have relations: mark a field with `#[orm(primary_key)]`",
            model.name
        );
        errors.at(relation.field, message);
    }
    for column in model.columns.iter().filter(|column| column.is_deferred()) {
        let message = "a deferred column is loaded by primary key, but there is none";
        errors.at(column.ty, message);
    }
}

/// Parses an embedded value; `None` if it is too broken to generate code.
pub(super) fn embedded<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Option<Model<'a>> {
    let (model, fields) = start(input, Role::Embedded, errors)?;
    check_embedded(&model, errors);
    let is_whole = model.relations.is_empty() && model.field_count() == fields;
    is_whole.then_some(model)
}

/// Refuses a primary key and relations in an embedded value.
fn check_embedded(model: &Model<'_>, errors: &mut Errors) {
    for column in &model.columns {
        if let Some(span) = column.primary_key {
            let message = "a primary key must consist of an entity's own fields";
            errors.push(syn::Error::new(span, message));
        } else {
            column.check_auto(0, errors);
        }
    }
    check_version(model, errors);
    for relation in &model.relations {
        let message = format!(
            "`{}` is a relation, which must be a field of the entity; only its foreign key can be here",
            relation.field
        );
        errors.at(relation.field, message);
    }
}

impl<'a> Model<'a> {
    /// A model without fields.
    fn new(name: &'a Ident, input: &'a DeriveInput, role: Role) -> Self {
        Self {
            role,
            access: Access::Field,
            name,
            generics: &input.generics,
            visibility: &input.vis,
            table: case::snake(&name.to_string()),
            schema: None,
            writing: Writing::Allowed,
            comment: None,
            new: New::Generated,
            columns: Vec::new(),
            relations: Vec::new(),
            flattened: Vec::new(),
            foreign_keys: Vec::new(),
            uniques: Vec::new(),
            indexes: Vec::new(),
            checks: Vec::new(),
        }
    }
}

/// Parses what entities and embedded values have in common; returns the model and the struct's number of fields.
fn start<'a>(
    input: &'a DeriveInput,
    role: Role,
    errors: &mut Errors,
) -> Option<(Model<'a>, usize)> {
    let fields = errors.keep(named_fields(input, role))?;
    let mut model = Model::new(&input.ident, input, role);
    read_fields(&mut model, fields, errors);
    check_names(&model, errors);
    for item in attribute::items(
        &input.attrs,
        &["unique", "index", "check", "foreign_key"],
        errors,
    ) {
        set(&mut model, &item, input, errors);
    }
    check_constraint_names(&model, errors);
    Some((model, fields.len()))
}

fn named_fields(input: &DeriveInput, role: Role) -> syn::Result<&Punctuated<Field, Token![,]>> {
    let name = &input.ident;
    if role == Role::Embedded {
        return match &input.data {
            Data::Struct(DataStruct {
                fields: Fields::Named(fields),
                ..
            }) if !fields.named.is_empty() => Ok(&fields.named),
            _ => Err(syn::Error::new_spanned(
                name,
                format!("an embedded value must have named fields: `struct {name} {{ … }}`"),
            )),
        };
    }
    let message = match &input.data {
        Data::Struct(DataStruct {
            fields: Fields::Named(fields),
            ..
        }) if input.generics.params.is_empty() => return Ok(&fields.named),
        Data::Struct(DataStruct {
            fields: Fields::Named(_),
            ..
        }) => {
            let message =
                format!("`{name}` is generic, but an entity must be one type with one table");
            return Err(syn::Error::new_spanned(&input.generics, message));
        }
        Data::Struct(_) => format!("an entity must have named fields: `struct {name} {{ … }}`"),
        Data::Enum(_) => {
            format!(
                "`{name}` is an enum, but an entity must be a struct; for an enum in a column, derive `DbEnum`"
            )
        }
        Data::Union(_) => format!("`{name}` is a union, but an entity must be a struct"),
    };
    Err(syn::Error::new_spanned(name, message))
}

fn read_fields<'a>(
    model: &mut Model<'a>,
    fields: &'a Punctuated<Field, Token![,]>,
    errors: &mut Errors,
) {
    for field in fields {
        let Some(ident) = &field.ident else {
            continue;
        };
        if let Some(kind) = relation::kind(&field.ty) {
            model
                .relations
                .push(Relation::read(field, ident, kind, errors));
            continue;
        }
        if flatten::is_flattened(field) {
            let before = model.columns.len();
            let flattened = Flattened::read(field, ident, before, errors);
            model.flattened.push(flattened);
            continue;
        }
        if let Some(message) = misplaced_deferred(&field.ty, model.role) {
            errors.at(&field.ty, message);
            continue;
        }
        let mut column = Column::read(field, ident, errors);
        let columns = || vec![column.name.clone()];
        let index = |name: &Option<syn::LitStr>| Index {
            name: name.as_ref().map(syn::LitStr::value),
            columns: columns(),
            deferrable: Deferrable::NO,
        };
        model.uniques.extend(column.unique.as_ref().map(index));
        model.indexes.extend(column.index.as_ref().map(index));
        model
            .checks
            .extend(column.check.as_ref().map(|check| Check {
                name: None,
                condition: check.value(),
            }));
        let name = column.foreign_key.as_ref().map(syn::LitStr::value);
        if let Some(references) = column.references.take() {
            model.foreign_keys.push(ForeignKey {
                name,
                columns: columns(),
                references,
            });
        }
        model.columns.push(column);
    }
}

/// The error for a misplaced `Deferred` in the type of a field.
fn misplaced_deferred(ty: &Type, role: Role) -> Option<&'static str> {
    match shape::argument(ty, "Deferred") {
        Some(_) if role == Role::Embedded => Some(
            "a deferred column must be a field of an entity, because an embedded value is read as a whole",
        ),
        Some(inner) if relation::kind(inner).is_some() => {
            Some("a relation cannot be `Deferred`: it is loaded on request anyway")
        }
        Some(_) => None,
        None => shape::argument(shape::base(ty), "Deferred")
            .map(|_| "`Deferred` must be outermost: write `Deferred<Option<…>>`"),
    }
}

/// Checks that positions in the key, if given, count from 1 without gaps.
fn check_key_places(model: &Model<'_>, errors: &mut Errors) {
    let places: Vec<_> = model
        .key_columns()
        .map(|(_, column)| column.key_place)
        .collect();
    if places.iter().all(Option::is_none) {
        return;
    }
    let is_right = (1..)
        .zip(&places)
        .all(|(wanted, found)| *found == Some(wanted));
    if !is_right {
        let message = "give each column of the key its position: `primary_key = 1`, `primary_key = 2` and so on";
        errors.at(model.name, message);
    }
}

/// Refuses constraint names in an embedded value: they must be unique in the database, and the value may be in several tables.
fn check_constraint_names(model: &Model<'_>, errors: &mut Errors) {
    if model.role == Role::Entity {
        return;
    }
    let indexes = model.uniques.iter().chain(&model.indexes);
    let mut names = indexes
        .map(|index| &index.name)
        .chain(model.foreign_keys.iter().map(|key| &key.name))
        .chain(model.checks.iter().map(|check| &check.name));
    if let Some(name) = names.find_map(Option::as_ref) {
        let message = format!(
            "a constraint of an embedded value cannot have a name ({name}), because the value may be in several tables"
        );
        errors.at(model.name, message);
    }
}

fn check_version(model: &Model<'_>, errors: &mut Errors) {
    let versions = model.columns.iter();
    let mut versions = versions.filter_map(|column| Some((column, column.version?)));
    if let Some((column, span)) = versions.next()
        && column.primary_key.is_some()
    {
        let message = "a version cannot be the primary key, because it changes with each UPDATE";
        errors.push(syn::Error::new(span, message));
    }
    for (_, span) in versions {
        errors.push(syn::Error::new(
            span,
            "an entity can have only one version column",
        ));
    }
}

fn check_foreign_keys(model: &Model<'_>, errors: &mut Errors) {
    for column in model.columns.iter().filter(|column| column.is_deferred()) {
        let mut keys = model.foreign_keys.iter();
        if keys.any(|key| key.columns.contains(&column.name)) {
            let message = "a foreign key cannot be deferred, because relations use it in memory";
            errors.at(column.ty, message);
        }
    }
}

fn check_names(model: &Model<'_>, errors: &mut Errors) {
    for (index, column) in model.columns.iter().enumerate() {
        let same = |other: &&Column<'_>| other.name == column.name;
        if let Some(first) = model.columns[..index].iter().find(same) {
            let message = format!(
                "`{}` already has the column name `{}`",
                first.field, column.name
            );
            errors.push(syn::Error::new(column.name_span, message));
        }
    }
}

fn set(model: &mut Model<'_>, item: &Item, input: &DeriveInput, errors: &mut Errors) {
    match item.name.to_string().as_str() {
        "table" if model.role == Role::Embedded => {
            let message = format!(
                "`{}` is an embedded value: its columns are in the tables of entities",
                model.name
            );
            errors.at(&item.name, message);
        }
        "table" => {
            if let Some(table) = errors.keep(item.text()) {
                model.table = table.value();
            }
        }
        "schema" | "view" | "read_only" | "comment" if model.role == Role::Embedded => {
            let message = format!(
                "`{}` is an embedded value: its columns are in the tables of entities",
                model.name
            );
            errors.at(&item.name, message);
        }
        "schema" => model.schema = errors.keep(item.text()).map(|schema| schema.value()),
        "view" => {
            if errors.keep(item.flag()).is_some() {
                model.writing = Writing::View;
            }
        }
        "read_only" => {
            if errors.keep(item.flag()).is_some() && model.writing == Writing::Allowed {
                model.writing = Writing::Refused;
            }
        }
        "comment" => model.comment = errors.keep(item.comment(&input.attrs)),
        "unique" => {
            let unique = index(model, item);
            model.uniques.extend(errors.keep(unique));
        }
        "index" => {
            let index = index(model, item);
            model.indexes.extend(errors.keep(index));
        }
        "check" => model.checks.extend(errors.keep(check(item))),
        "foreign_key" => {
            let key = foreign_key(model, item);
            model.foreign_keys.extend(errors.keep(key));
        }
        "no_new" => {
            if errors.keep(item.flag()).is_some() {
                model.new = New::Omitted;
            }
        }
        other => {
            let known = ATTRIBUTES.join(", ");
            let what = match model.role {
                Role::Entity => "an entity",
                Role::Embedded => "an embedded value",
            };
            let message =
                format!("`{other}` is not an attribute of {what}; expected one of {known}");
            errors.at(&item.name, message);
        }
    }
}

/// Parses `unique(a, b)` or `index(a, b)`.
fn index(model: &Model<'_>, item: &Item) -> syn::Result<Index> {
    let key = match &item.name {
        name if name == "unique" => Some("deferrable"),
        _ => None,
    };
    let found = item.fields_and_name(key)?;
    let deferrable = found.of_key.as_ref().map(Deferrable::parse);
    Ok(Index {
        columns: columns(model, &found.fields)?,
        name: found.name,
        deferrable: deferrable.transpose()?.unwrap_or(Deferrable::NO),
    })
}

/// Parses `check = "…"`, or `check(name = "…", condition = "…")`.
fn check(item: &Item) -> syn::Result<Check> {
    let Ok(parts) = item.items() else {
        return item.text().map(|condition| Check {
            name: None,
            condition: condition.value(),
        });
    };
    let (mut name, mut condition) = (None, None);
    for part in parts {
        match part.name.to_string().as_str() {
            "name" => name = Some(part.text()?.value()),
            "condition" => condition = Some(part.text()?.value()),
            _ => condition = None,
        }
    }
    let condition = condition.ok_or_else(|| {
        let message = "write `check = \"…\"` or `check(name = \"…\", condition = \"…\")`";
        syn::Error::new(item.span(), message)
    })?;
    Ok(Check { name, condition })
}

/// The column names of fields.
fn columns(model: &Model<'_>, fields: &[Ident]) -> syn::Result<Vec<String>> {
    let column = |field: &Ident| {
        let found = model.columns.iter().find(|column| column.field == field);
        found.map(|column| column.name.clone()).ok_or_else(|| {
            syn::Error::new_spanned(field, format!("`{}` has no column `{field}`", model.name))
        })
    };
    fields.iter().map(column).collect()
}

/// Parses `foreign_key(columns(a, b), references = "table(x, y)")`.
fn foreign_key(model: &Model<'_>, item: &Item) -> syn::Result<ForeignKey> {
    let (mut here, mut name) = (None, None);
    let mut references: Option<(Span, References)> = None;
    let mut actions = Vec::new();
    for part in item.items()? {
        match part.name.to_string().as_str() {
            "columns" => here = Some(columns(model, &part.fields()?)?),
            "name" => name = Some(part.text()?.value()),
            "references" => {
                let text = part.text()?;
                references = Some((text.span(), References::columns(&text)?));
            }
            "on_delete" | "on_update" => {
                let action = Action::parse(&part.text()?)?;
                actions.push((part.name, action));
            }
            other => {
                let known = "columns, references, on_delete, on_update, name";
                let message =
                    format!("`{other}` is not part of a foreign key; expected one of {known}");
                return Err(syn::Error::new_spanned(part.name, message));
            }
        }
    }
    let (Some(columns), Some((span, mut references))) = (here, references) else {
        return Err(syn::Error::new(
            item.span(),
            "write `foreign_key(columns(a, b), references = \"table(x, y)\")`",
        ));
    };
    if columns.len() != references.columns.len() {
        let (here, there) = (columns.len(), references.columns.len());
        let message = format!("{here} columns cannot reference {there}");
        return Err(syn::Error::new(span, message));
    }
    for (when, action) in actions {
        references.set_action(&when, action);
    }
    Ok(ForeignKey {
        name,
        columns,
        references,
    })
}
