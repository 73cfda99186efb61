//! The output of `#[derive(Entity)]`: constants that describe a mapping, from which one function builds a [`Mapper`].
//!
//! This keeps the code generated per entity small and quick to compile. These types are only for the derive and may change with it.

mod group;
mod text;

pub use group::{Assigned, CheckOutline, EmbeddedOutline, Group, IndexOutline, PresentWhen};

use std::sync::Arc;

use super::{Cascade, Fetch, Mapper, RelationDescriptor, RelationKind};
use crate::schema::{Column, ColumnType, Generated, ReferentialAction, Table, TableKind};

type Names = &'static [&'static str];

/// A mapping.
#[derive(Debug)]
pub struct Outline {
    /// The type's name.
    pub name: &'static str,
    /// The table's name.
    pub table: &'static str,
    /// The schema, if it is not the default one.
    pub schema: Option<&'static str>,
    /// Whether it is a table or a view.
    pub kind: TableKind,
    /// Whether the rows are read-only.
    pub read_only: bool,
    /// The comment stored in the database.
    pub comment: Option<&'static str>,
    /// The columns in order, and their constraints.
    pub group: Group,
    /// The positions of the primary key's columns.
    pub primary_key: &'static [usize],
    /// The positions of the deferred columns.
    pub deferred: &'static [usize],
    /// The relations in order.
    pub relations: &'static [RelationOutline],
}

/// A column.
#[derive(Debug)]
pub struct ColumnOutline {
    /// Its name in the database.
    pub name: &'static str,
    /// Its type.
    pub ty: fn() -> ColumnType,
    /// Whether the column may be NULL.
    pub nullable: bool,
    /// How its value is generated.
    pub generated: GeneratedOutline,
    /// The comment stored in the database.
    pub comment: Option<&'static str>,
}

/// How a column's value is generated: [`Generated`] as a constant.
#[derive(Clone, Copy, Debug)]
pub enum GeneratedOutline {
    /// By the program.
    No,
    /// By the database, as a generated key.
    Key,
    /// By the database, as a generated key that is never reused.
    KeyNeverReused,
    /// By a DEFAULT clause.
    Default(&'static str),
    /// By the database, computed from other columns.
    Computed(&'static str),
}

/// A foreign key.
#[derive(Debug)]
pub struct ForeignKeyOutline {
    /// Its name, if it is declared.
    pub name: Option<&'static str>,
    /// The referencing columns.
    pub columns: Names,
    /// The referenced table.
    pub table: &'static str,
    /// The referenced columns.
    pub references: Names,
    /// ON DELETE.
    pub on_delete: ReferentialAction,
    /// ON UPDATE.
    pub on_update: ReferentialAction,
}

/// A relation.
#[derive(Debug)]
pub struct RelationOutline {
    /// [`RelationDescriptor::to`] for its target.
    pub to: fn(RelationKind, &str, &str) -> RelationDescriptor,
    /// Which side holds the key.
    pub kind: RelationKind,
    /// Its name.
    pub name: &'static str,
    /// The target's type as written.
    pub target: &'static str,
    /// The foreign key's columns; none if they are inferred.
    pub key: Names,
    /// The association table, if this side declares it.
    pub secondary: Option<SecondaryOutline>,
    /// The inverse relation.
    pub back_populates: Option<&'static str>,
    /// The text of its [`Cascade`]; `None` is the default one.
    pub cascade: Option<&'static str>,
    /// How it is loaded.
    pub fetch: Fetch,
    /// The order of a collection.
    pub order_by: Names,
    /// Whether deletions of unloaded objects are left to the database.
    pub passive_deletes: bool,
}

/// An association table.
#[derive(Debug)]
pub struct SecondaryOutline {
    /// Its name.
    pub table: &'static str,
    /// The columns that reference the relation's owner, then those that reference the target.
    pub columns: Names,
}

impl Outline {
    /// Builds the mapping.
    pub fn mapper(&self) -> Arc<Mapper> {
        let table = Table::build(self.table);
        let table = match self.schema {
            Some(schema) => table.in_schema(schema),
            None => table,
        };
        let layout = self.group.lay_out(table);
        let mut table = layout.table;
        table.primary_key = self.primary_key.to_vec();
        table.kind = self.kind;
        table.comment = self.comment.map(str::to_owned);
        let mut mapper = Mapper::new(self.name, table);
        if self.read_only {
            mapper = mapper.read_only();
        }
        if let Some(column) = layout.version {
            mapper = mapper.version(column);
        }
        mapper.validated = layout.validated;
        mapper.together = layout.together;
        mapper = mapper.defer(self.deferred);
        let relations = self.relations.iter().map(RelationOutline::descriptor);
        Arc::new(relations.fold(mapper, Mapper::relation))
    }
}

impl ColumnOutline {
    /// The column with a prefixed name; names in expressions are prefixed later.
    fn prefixed(&self, prefix: &str) -> Column {
        let mut column = Column::new(format!("{prefix}{}", self.name), (self.ty)());
        column.nullable = self.nullable;
        column.comment = self.comment.map(str::to_owned);
        column.generated(match self.generated {
            GeneratedOutline::No => Generated::No,
            GeneratedOutline::Key => Generated::Key,
            GeneratedOutline::KeyNeverReused => Generated::KeyNeverReused,
            GeneratedOutline::Default(expression) => Generated::Default(expression.to_owned()),
            GeneratedOutline::Computed(expression) => Generated::Computed(expression.to_owned()),
        })
    }
}

impl RelationOutline {
    fn cascade(&self) -> Cascade {
        let parse = |words| Cascade::parse(words).expect("the derive has checked the cascade");
        self.cascade.map(parse).unwrap_or_default()
    }

    fn descriptor(&self) -> RelationDescriptor {
        let mut relation = (self.to)(self.kind, self.name, self.target)
            .key(self.key.iter().copied())
            .order_by(self.order_by.iter().copied())
            .fetch(self.fetch)
            .cascade(self.cascade());
        if let Some(secondary) = &self.secondary {
            relation = relation.secondary(secondary.table, secondary.columns.iter().copied());
        }
        if self.passive_deletes {
            relation = relation.passive_deletes();
        }
        match self.back_populates {
            Some(other) => relation.back_populates(other),
            None => relation,
        }
    }
}
