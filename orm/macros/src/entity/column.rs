//! A field that is a column.

use proc_macro2::Span;
use syn::{Expr, ExprPath, Field, Ident, LitInt, LitStr, Type, Visibility};

use super::constraint::{Action, References};
use super::relation;
use crate::attribute::{self, Item};
use crate::errors::Errors;
use crate::shape::{self, Kind};

pub(super) const ATTRIBUTES: [&str; 20] = [
    "primary_key",
    "autoincrement",
    "version",
    "column",
    "unique",
    "index",
    "length",
    "precision",
    "db_type",
    "identity",
    "default",
    "server_default",
    "computed",
    "references",
    "foreign_key",
    "on_delete",
    "on_update",
    "check",
    "validate",
    "comment",
];

/// When a column is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// With its row.
    Eager,
    /// On request: the field is a `Deferred`.
    Deferred,
}

pub(super) struct Column<'a> {
    pub(super) field: &'a Ident,
    pub(super) visibility: &'a Visibility,
    /// The column's type, without `Deferred`.
    pub(super) ty: &'a Type,
    pub(super) reading: Reading,
    pub(super) constant: Ident,
    pub(super) name: String,
    pub(super) name_span: Span,
    pub(super) primary_key: Option<Span>,
    /// Its position in the key, if the attribute gives it.
    pub(super) key_place: Option<u32>,
    pub(super) autoincrement: Option<Span>,
    pub(super) version: Option<Span>,
    /// Whether it is unique, and the constraint's name.
    pub(super) unique: Option<Option<LitStr>>,
    pub(super) index: Option<Option<LitStr>>,
    pub(super) length: Option<LitInt>,
    pub(super) precision: Option<(LitInt, LitInt)>,
    pub(super) db_type: Option<LitStr>,
    pub(super) identity: Option<Span>,
    pub(super) default: Option<Expr>,
    pub(super) server_default: Option<LitStr>,
    pub(super) computed: Option<LitStr>,
    pub(super) references: Option<References>,
    pub(super) foreign_key: Option<LitStr>,
    pub(super) comment: Option<String>,
    pub(super) check: Option<LitStr>,
    pub(super) validate: Option<ExprPath>,
    /// Whether an error was reported already, so that follow-up errors are suppressed.
    is_broken: bool,
}

/// The constant of a field: its name in capitals, with the field's span.
pub(super) fn constant(field: &Ident) -> Ident {
    Ident::new(&shape::name(field).to_uppercase(), field.span())
}

impl<'a> Column<'a> {
    pub(super) fn read(field: &'a Field, ident: &'a Ident, errors: &mut Errors) -> Self {
        let (ty, reading) = match shape::argument(&field.ty, "Deferred") {
            Some(ty) => (ty, Reading::Deferred),
            None => (&field.ty, Reading::Eager),
        };
        let mut column = Self {
            field: ident,
            visibility: &field.vis,
            ty,
            reading,
            constant: constant(ident),
            name: shape::name(ident),
            name_span: ident.span(),
            primary_key: None,
            key_place: None,
            autoincrement: None,
            version: None,
            unique: None,
            index: None,
            length: None,
            precision: None,
            db_type: None,
            identity: None,
            default: None,
            server_default: None,
            computed: None,
            references: None,
            foreign_key: None,
            comment: None,
            check: None,
            validate: None,
            is_broken: false,
        };
        let errors_before = errors.count();
        let mut actions = Vec::new();
        for item in attribute::items(&field.attrs, &[], errors) {
            match item.name == "comment" {
                true => column.comment = errors.keep(item.comment(&field.attrs)),
                false => column.set(item, &mut actions, errors),
            }
        }
        column.set_actions(actions, errors);
        column.check_deferred(errors);
        column.is_broken = errors.count() > errors_before;
        column
    }

    fn set(&mut self, item: Item, actions: &mut Vec<Item>, errors: &mut Errors) {
        let field = self.field;
        match item.name.to_string().as_str() {
            "primary_key" => {
                if let Some((span, place)) = errors.keep(item.flag_or_integer()) {
                    self.primary_key = Some(span);
                    self.key_place = place;
                }
                if shape::is_option(self.ty) {
                    errors.at(
                        self.ty,
                        "a primary key cannot be an `Option`, because it cannot be NULL",
                    );
                }
                if shape::kind(self.ty) == Kind::Float {
                    let message =
                        "a primary key cannot be a float, because keys are compared exactly";
                    errors.at(self.ty, message);
                }
            }
            "autoincrement" => self.autoincrement = errors.keep(item.flag()),
            "version" => {
                self.version = errors.keep(item.flag());
                let is_integer = shape::kind(self.ty) == Kind::Integer;
                if !is_integer || shape::is_option(self.ty) || shape::is_auto(self.ty) {
                    let message = "a version must be an `i16`, `i32` or `i64`";
                    errors.at(self.ty, message);
                }
            }
            "column" => {
                if let Some(name) = errors.keep(item.text()) {
                    self.name = name.value();
                    self.name_span = name.span();
                }
            }
            "unique" => self.unique = errors.keep(item.flag_or_text()),
            "index" => self.index = errors.keep(item.flag_or_text()),
            "length" => {
                self.length = errors.keep(item.integer());
                if !matches!(shape::kind(self.ty), Kind::Text | Kind::Unknown) {
                    errors.at(
                        &item.name,
                        format!("`length` is for text, but `{field}` is not text"),
                    );
                    self.length = None;
                }
            }
            "precision" => {
                self.precision = errors.keep(item.two_integers());
                if !matches!(shape::kind(self.ty), Kind::Decimal | Kind::Unknown) {
                    let message =
                        format!("`precision` is for decimals, but `{field}` is not a decimal");
                    errors.at(&item.name, message);
                    self.precision = None;
                }
            }
            "db_type" => {
                self.db_type = errors.keep(item.text());
                let message = format!(
                    "`db_type` requires a `String` or an enum with `DbEnum`, because values of such a type are exchanged as text: change the type of `{field}`"
                );
                if !matches!(shape::kind(self.ty), Kind::Text | Kind::Unknown) {
                    errors.at(self.ty, message);
                    self.db_type = None;
                }
            }
            "identity" => {
                self.identity = errors.keep(item.flag());
                if !shape::is_auto(self.ty) {
                    let message = format!(
                        "`identity` requires an `Auto`: write the type of `{field}` as `Auto<i64>`"
                    );
                    errors.at(&item.name, message);
                    self.identity = None;
                }
            }
            "default" => self.default = errors.keep(item.expression()),
            "server_default" => {
                self.server_default = errors.keep(item.text());
                if !shape::is_auto(self.ty) && !self.is_deferred() {
                    errors.at(
                        &item.name,
                        format!("`server_default` requires an `Auto`: write the type of `{field}` as `Auto<…>`"),
                    );
                    self.server_default = None;
                }
            }
            "computed" => {
                self.computed = errors.keep(item.text());
                let message = if !shape::is_auto(self.ty) && !self.is_deferred() {
                    format!(
                        "`computed` requires an `Auto`: write the type of `{field}` as `Auto<…>`"
                    )
                } else if self.primary_key.is_some() || self.server_default.is_some() {
                    "a computed column cannot be a primary key or have a default".to_owned()
                } else {
                    return;
                };
                errors.at(&item.name, message);
                self.computed = None;
            }
            "references" => {
                let references = item.text().and_then(|text| References::column(&text));
                self.references = errors.keep(references);
            }
            "foreign_key" => {
                self.foreign_key = errors.keep(item.text());
                actions.push(item);
            }
            "on_delete" | "on_update" => actions.push(item),
            "check" => self.check = errors.keep(item.text()),
            "validate" => self.validate = errors.keep(item.path()),
            other => {
                let message = if relation::ATTRIBUTES.contains(&other) {
                    format!("`{other}` is for relations, but `{field}` is a column")
                } else if other == "prefix" {
                    format!(
                        "`prefix` is for an embedded value: `#[orm(flatten, prefix = \"…\")] {field}`"
                    )
                } else {
                    let known = ATTRIBUTES.join(", ");
                    format!("`{other}` is not an attribute of a column; expected one of {known}")
                };
                errors.at(&item.name, message);
            }
        }
    }

    fn set_actions(&mut self, actions: Vec<Item>, errors: &mut Errors) {
        for item in actions {
            let Some(references) = &mut self.references else {
                let message = format!("`{}` requires `references = \"table.column\"`", item.name);
                errors.at(&item.name, message);
                continue;
            };
            if item.name == "foreign_key" {
                continue;
            }
            if let Some(action) = errors.keep(item.text().and_then(|text| Action::parse(&text))) {
                references.set_action(&item.name, action);
            }
        }
    }

    /// Checks that the column can be deferred.
    fn check_deferred(&self, errors: &mut Errors) {
        let message = match self.reading {
            Reading::Eager => return,
            Reading::Deferred if shape::is_auto(self.ty) => {
                "a deferred column cannot be an `Auto`: if it is unloaded, the database sets its value anyway"
            }
            Reading::Deferred if self.primary_key.is_some() => "a primary key cannot be deferred",
            Reading::Deferred if self.version.is_some() => {
                "a version cannot be deferred, because every write checks it"
            }
            Reading::Deferred => return,
        };
        errors.at(self.ty, message);
    }

    pub(super) fn is_deferred(&self) -> bool {
        self.reading == Reading::Deferred
    }

    /// Checks `Auto` and `autoincrement`, given the number of primary key columns.
    pub(super) fn check_auto(&self, key_width: usize, errors: &mut Errors) {
        if self.is_broken {
            return;
        }
        let is_auto = shape::is_auto(self.ty);
        let counted = self.is_generated_key();
        if let Some(span) = self.autoincrement
            && (!counted || key_width > 1)
        {
            let message = "`autoincrement` is for a primary key of the type `Auto<i64>`";
            errors.push(syn::Error::new(span, message));
        }
        if counted && !matches!(shape::kind(self.ty), Kind::Integer | Kind::Unknown) {
            let message = "the database generates only integer keys: give a `server_default`, or write the type without `Auto`";
            errors.at(self.ty, message);
        }
        let is_made = self.server_default.is_some() || self.computed.is_some() || counted;
        if is_auto && self.primary_key.is_none() && !is_made {
            let message = "nothing generates this value: an `Auto` must be a primary key, `identity` or `computed`, or have a `server_default`";
            errors.at(self.ty, message);
        }
    }

    /// Whether it can be part of a primary key; if not, an error was reported.
    pub(super) fn can_be_key(&self) -> bool {
        !shape::is_option(self.ty) && shape::kind(self.ty) != Kind::Float && !self.is_deferred()
    }

    /// Whether it is a generated key or an identity column.
    pub(super) fn is_generated_key(&self) -> bool {
        (self.primary_key.is_some() || self.identity.is_some())
            && self.server_default.is_none()
            && self.computed.is_none()
            && shape::is_auto(self.ty)
    }

    /// Whether `new` takes it as a parameter.
    pub(super) fn is_required(&self) -> bool {
        let is_made = self.server_default.is_some() || self.computed.is_some();
        !(is_made
            || shape::is_option(self.ty)
            || shape::is_auto(self.ty)
            || self.default.is_some()
            || self.version.is_some())
    }
}
