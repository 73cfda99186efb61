//! Relations of records that the program declares itself, beside those that foreign keys tell.

use super::family::{Family, Members};
use crate::entity::{Cascade, Fetch, RelationDescriptor, RelationKind};
use crate::error::Result;
use crate::metadata::Metadata;
use crate::record::Record;
use crate::schema::Table;
use crate::session::new_store;

/// Tables to be mapped to records, with what their foreign keys cannot tell about their relations.
///
/// What is not declared comes from the foreign keys, as with [`Metadata::of_records`]; a declared relation takes the place of the one
/// that its foreign key or association table would give.
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
#[must_use = "tables are mapped by `metadata`"]
pub struct RecordTables {
    tables: Vec<Table>,
    declared: Vec<(String, RecordRelation)>,
}

/// A relation of a table of records to another.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a relation belongs to a table of `RecordTables`"]
pub struct RecordRelation {
    pub(super) kind: RelationKind,
    pub(super) name: String,
    pub(super) target: String,
    pub(super) key: Vec<String>,
    pub(super) secondary: Option<(String, Vec<String>)>,
    pub(super) back_populates: Option<String>,
    cascade: Cascade,
    fetch: Fetch,
    order_by: Vec<String>,
}

impl RecordTables {
    /// These tables, with the relations that their foreign keys tell.
    pub fn new(tables: impl IntoIterator<Item = Table>) -> Self {
        Self {
            tables: tables.into_iter().collect(),
            declared: Vec::new(),
        }
    }

    /// Declares a relation of a table.
    pub fn relation(mut self, table: impl Into<String>, relation: RecordRelation) -> Self {
        self.declared.push((table.into(), relation));
        self
    }

    /// Maps the tables.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`](crate::ErrorKind::Mapping) if a relation is of or to a table that is not listed or has no primary key,
    /// if a table has two of one name or a column of that name, or for what does not fit, naming both sides.
    pub fn metadata(self) -> Result<Metadata> {
        let metadata = Metadata::of_family(Family::new(self.tables, self.declared)?);
        for mapper in metadata.mappers() {
            mapper.resolved()?;
        }
        Ok(metadata)
    }
}

impl RecordRelation {
    /// Leads to one record of the table that a foreign key here refers to.
    pub fn belongs_to(name: impl Into<String>, table: impl Into<String>) -> Self {
        Self::new(RelationKind::BelongsTo, name.into(), table.into())
    }

    /// Leads to the records of a table whose foreign key refers here.
    pub fn has_many(name: impl Into<String>, table: impl Into<String>) -> Self {
        Self::new(RelationKind::HasMany, name.into(), table.into())
    }

    /// Leads to the one record of a table whose foreign key refers here.
    pub fn has_one(name: impl Into<String>, table: impl Into<String>) -> Self {
        Self::new(RelationKind::HasOne, name.into(), table.into())
    }

    /// Leads to records of a table over the pairs of an association table; one of both sides gives it by
    /// [`secondary`](Self::secondary).
    pub fn many_to_many(name: impl Into<String>, table: impl Into<String>) -> Self {
        Self::new(RelationKind::ManyToMany, name.into(), table.into())
    }

    /// Names the foreign key's columns (on whichever side holds it); needed where several fit.
    pub fn key<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.key = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Names the association table: the columns that refer to this side's primary key, then those that refer to the target's. It
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

    /// Names the relation of the target that is the other side of this one; it names this one in turn.
    pub fn back_populates(mut self, relation: impl Into<String>) -> Self {
        self.back_populates = Some(relation.into());
        self
    }

    /// Sets what follows; `save-update, merge` where nothing is said.
    pub fn cascade(mut self, cascade: Cascade) -> Self {
        self.cascade = cascade;
        self
    }

    /// Sets how it is loaded where a query does not say.
    pub fn fetch(mut self, fetch: Fetch) -> Self {
        self.fetch = fetch;
        self
    }

    /// Orders a collection by columns of the target, each `name` or `name desc`; else by its key.
    pub fn order_by<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.order_by = columns.into_iter().map(Into::into).collect();
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
            fetch: Fetch::default(),
            order_by: Vec::new(),
        }
    }

    /// The relation as the session sees it.
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
        if let Some((table, columns)) = &self.secondary {
            relation = relation.secondary(table, columns);
        }
        match &self.back_populates {
            Some(other) => relation.back_populates(other),
            None => relation,
        }
    }
}
