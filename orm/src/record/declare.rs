//! Declarations for tables of records: relations besides those derived from foreign keys, versions, deferred columns and validation.

use super::family::{Family, Members};
use crate::entity::{Cascade, Fetch, RelationDescriptor, RelationKind, Rule};
use crate::error::Result;
use crate::metadata::Metadata;
use crate::record::Record;
use crate::schema::{ReferentialAction, Table};
use crate::session::new_store;
use crate::value::Value;

/// A builder that maps tables to records, with declared relations, versions, deferred columns and validation.
///
/// Other relations are derived from foreign keys, as with [`Metadata::of_records`]; a declared relation replaces the one derived from its
/// foreign key or association table.
///
/// ```
/// use selfsame::entity::Cascade;
/// use selfsame::record::{RecordRelation, RecordTables};
/// # use selfsame::{metadata::Metadata, schema::Table};
///
/// # fn map(users: Table, tasks: Table, tags: Table) -> selfsame::Result<Metadata> {
/// RecordTables::new([users, tasks, tags])
///     .relation(
///         "users",
///         RecordRelation::has_many("tasks", "tasks")
///             .key(["user_id"])
///             .back_populates("user")
///             .cascade(Cascade::parse("all, delete-orphan")?),
///     )
///     .relation("tasks", RecordRelation::belongs_to("user", "users").back_populates("tasks"))
///     .relation(
///         "users",
///         RecordRelation::many_to_many("tags", "tags").secondary("user_tags", ["user_id", "tag_id"]),
///     )
///     .metadata()
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "call `metadata` to map the tables"]
pub struct RecordTables {
    tables: Vec<Table>,
    declared: Vec<Declared>,
}

/// A table's name, and a declaration for it.
pub(crate) type Declared = (String, Declaration);

/// A declaration for a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Declaration {
    Relation(RecordRelation),
    /// For a column.
    Column(String, ColumnRole),
}

/// A declaration for a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ColumnRole {
    Version,
    Deferred,
    Validated(Rule),
}

/// A declared relation between tables of records.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "add the relation with `RecordTables::relation`"]
pub struct RecordRelation {
    pub(super) kind: RelationKind,
    pub(super) name: String,
    pub(super) target: String,
    pub(super) key: Vec<String>,
    pub(super) secondary: Option<(String, Vec<String>)>,
    pub(super) back_populates: Option<String>,
    cascade: Cascade,
    /// Children of a deleted record are left to the database, which deletes them or writes NULL.
    passive_deletes: bool,
    fetch: Fetch,
    order_by: Vec<String>,
}

impl RecordTables {
    /// Starts with these tables and the relations derived from their foreign keys.
    pub fn new(tables: impl IntoIterator<Item = Table>) -> Self {
        Self {
            tables: tables.into_iter().collect(),
            declared: Vec::new(),
        }
    }

    /// Declares a relation of a table.
    pub fn relation(mut self, table: impl Into<String>, relation: RecordRelation) -> Self {
        let relation = Declaration::Relation(relation);
        self.declared.push((table.into(), relation));
        self
    }

    /// Makes an integer column the version of a table's rows: 1 in a new row, incremented by each UPDATE, and checked by each UPDATE and
    /// DELETE, so that a row changed concurrently is [`ErrorKind::StaleData`](crate::ErrorKind::StaleData).
    pub fn version(self, table: impl Into<String>, column: impl Into<String>) -> Self {
        self.column(table, column, ColumnRole::Version)
    }

    /// Makes a column deferred: rows are read without it, until [`undefer_all`](crate::Session::undefer_all) or
    /// [`Query::undefer`](crate::query::Query::undefer) loads it; it is written only if it was set.
    pub fn deferred(self, table: impl Into<String>, column: impl Into<String>) -> Self {
        self.column(table, column, ColumnRole::Deferred)
    }

    /// Adds a function that a flush calls before it writes a value other than NULL to a column. The error of a rejected value is
    /// [`ErrorKind::Validation`](crate::ErrorKind::Validation), and contains the function's reason and the name of the rule.
    ///
    /// ```
    /// # use selfsame::record::RecordTables;
    /// use selfsame::value::Value;
    ///
    /// fn is_trimmed(value: &Value) -> Result<(), String> {
    ///     match value {
    ///         Value::Text(text) if text.trim() != text => Err("it has spaces around it".to_owned()),
    ///         _ => Ok(()),
    ///     }
    /// }
    /// # fn map(tables: RecordTables) -> RecordTables {
    /// tables.validate("users", "name", "is_trimmed", is_trimmed)
    /// # }
    /// ```
    pub fn validate(
        self,
        table: impl Into<String>,
        column: impl Into<String>,
        rule: impl Into<String>,
        check: fn(&Value) -> std::result::Result<(), String>,
    ) -> Self {
        let rule = Rule::new(rule.into(), check);
        self.column(table, column, ColumnRole::Validated(rule))
    }

    fn column(
        mut self,
        table: impl Into<String>,
        column: impl Into<String>,
        role: ColumnRole,
    ) -> Self {
        let column = Declaration::Column(column.into(), role);
        self.declared.push((table.into(), column));
        self
    }

    /// Maps the tables.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`](crate::ErrorKind::Mapping) if the owner or target of a relation is not listed or has no primary key, if a
    /// relation has the name of a column or another relation of its table, or if a relation is inconsistent, naming both sides; if a table
    /// has no such column, or the column cannot be a version or deferred.
    pub fn metadata(self) -> Result<Metadata> {
        let metadata = Metadata::of_family(Family::new(self.tables, self.declared)?);
        for mapper in metadata.mappers() {
            mapper.resolved()?;
        }
        Ok(metadata)
    }
}

impl RecordRelation {
    /// Declares a many-to-one relation: a foreign key on this side references the other table.
    pub fn belongs_to(name: impl Into<String>, table: impl Into<String>) -> Self {
        Self::new(RelationKind::BelongsTo, name.into(), table.into())
    }

    /// Declares a one-to-many relation: a foreign key of the other table references this side.
    pub fn has_many(name: impl Into<String>, table: impl Into<String>) -> Self {
        Self::new(RelationKind::HasMany, name.into(), table.into())
    }

    /// Declares a one-to-one relation: a unique foreign key of the other table references this side.
    pub fn has_one(name: impl Into<String>, table: impl Into<String>) -> Self {
        Self::new(RelationKind::HasOne, name.into(), table.into())
    }

    /// Declares a many-to-many relation through an association table, which one of both sides names with [`secondary`](Self::secondary).
    pub fn many_to_many(name: impl Into<String>, table: impl Into<String>) -> Self {
        Self::new(RelationKind::ManyToMany, name.into(), table.into())
    }

    /// Names the foreign key's columns (on whichever side holds it); required if several foreign keys match.
    pub fn key<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.key = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Names the association table: the columns that reference this side's primary key, then those that reference the target's. The table
    /// need not be listed.
    pub fn secondary<S: Into<String>>(
        mut self,
        table: impl Into<String>,
        columns: impl IntoIterator<Item = S>,
    ) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        self.secondary = Some((table.into(), columns));
        self
    }

    /// Names the target's relation that is the inverse of this one; the inverse must name this one too.
    pub fn back_populates(mut self, relation: impl Into<String>) -> Self {
        self.back_populates = Some(relation.into());
        self
    }

    /// Sets the cascades; by default `save-update, merge`.
    pub fn cascade(mut self, cascade: Cascade) -> Self {
        self.cascade = cascade;
        self
    }

    /// Sets how it is loaded by default.
    pub fn fetch(mut self, fetch: Fetch) -> Self {
        self.fetch = fetch;
        self
    }

    /// Orders a collection by columns of the target, each `name` or `name desc`; by default by the primary key.
    pub fn order_by<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.order_by = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Deletes as the foreign key does: ON DELETE CASCADE and SET NULL are left to the database.
    pub(super) fn on_delete(mut self, action: ReferentialAction) -> Self {
        self.cascade.delete = action == ReferentialAction::Cascade;
        self.passive_deletes = self.cascade.delete || action == ReferentialAction::SetNull;
        self
    }

    pub(super) fn new(kind: RelationKind, name: String, target: String) -> Self {
        Self {
            kind,
            name,
            target,
            key: Vec::new(),
            secondary: None,
            back_populates: None,
            cascade: Cascade::default(),
            passive_deletes: false,
            fetch: Fetch::default(),
            order_by: Vec::new(),
        }
    }

    /// Converts the declaration to a descriptor.
    pub(super) fn into_descriptor(self, members: &Members) -> RelationDescriptor {
        let members = Members::clone(members);
        let name = self.target.clone();
        let target = move || members.of(&name);
        let store = {
            let target = target.clone();
            move || new_store::<Record>(target())
        };
        let between = RelationDescriptor::between;
        let mut relation = between(self.kind, &self.name, &self.target, target, store)
            .key(self.key)
            .cascade(self.cascade)
            .fetch(self.fetch)
            .order_by(self.order_by);
        if self.passive_deletes {
            relation = relation.passive_deletes();
        }
        if let Some((table, columns)) = &self.secondary {
            relation = relation.secondary(table, columns);
        }
        match &self.back_populates {
            Some(other) => relation.back_populates(other),
            None => relation,
        }
    }
}
