//! What `#[derive(Entity)]` writes down of a mapping: constants, which one function makes a [`Mapper`] of.
//!
//! An entity's own code is so a few statics, and costs little to compile. These types are for the derive; they change as it does.

mod group;
mod text;

pub use group::{Assigned, CheckOutline, EmbeddedOutline, Group, IndexOutline, There};

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
    /// Its schema, if it is not the usual one.
    pub schema: Option<&'static str>,
    /// What it is.
    pub kind: TableKind,
    /// Whether its rows are only read.
    pub read_only: bool,
    /// What the database says about it to people.
    pub comment: Option<&'static str>,
    /// The columns in order, and their constraints.
    pub group: Group,
    /// The positions of the primary key's columns.
    pub primary_key: &'static [usize],
    /// The positions of the columns that are not read along.
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
    /// Who makes its value.
    pub made: Made,
    /// What the database says about it to people.
    pub comment: Option<&'static str>,
}

/// Who makes a column's value: [`Generated`] as a constant.
#[derive(Clone, Copy, Debug)]
pub enum Made {
    /// The program.
    ByProgram,
    /// The database counts.
    Counted,
    /// The database counts and never uses a number twice.
    CountedOnce,
    /// A DEFAULT clause.
    ByDefault(&'static str),
    /// The database computes it from the other columns.
    Computed(&'static str),
}

/// A foreign key.
#[derive(Debug)]
pub struct ForeignKeyOutline {
    /// Its name, where it is told.
    pub name: Option<&'static str>,
    /// The referring columns.
    pub columns: Names,
    /// The table referred to.
    pub table: &'static str,
    /// The columns referred to.
    pub references: Names,
    /// ON DELETE.
    pub on_delete: ReferentialAction,
    /// ON UPDATE.
    pub on_update: ReferentialAction,
}

/// A relation.
#[derive(Debug)]
pub struct RelationOutline {
    /// [`RelationDescriptor::to`] its target.
    pub to: fn(RelationKind, &str, &str) -> RelationDescriptor,
    /// Which side holds the key.
    pub kind: RelationKind,
    /// Its name.
    pub name: &'static str,
    /// The target's type as written.
    pub target: &'static str,
    /// The foreign key's columns; none if they are inferred.
    pub key: Names,
    /// The association table, where this side gives it.
    pub secondary: Option<SecondaryOutline>,
    /// The other side.
    pub back_populates: Option<&'static str>,
    /// The words of its [`Cascade`]; the usual one if there are none.
    pub cascade: Option<&'static str>,
    /// How it is loaded.
    pub fetch: Fetch,
    /// The order of a collection.
    pub order_by: Names,
    /// Whether deletions are left to the database.
    pub passive_deletes: bool,
}

/// An association table.
#[derive(Debug)]
pub struct SecondaryOutline {
    /// Its name.
    pub table: &'static str,
    /// The columns that refer to the relation's own side, then those that refer to the target.
    pub columns: Names,
}

impl Outline {
    /// The mapping itself.
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
    /// The column, but for the names in an expression.
    fn prefixed(&self, prefix: &str) -> Column {
        let mut column = Column::new(format!("{prefix}{}", self.name), (self.ty)());
        column.nullable = self.nullable;
        column.comment = self.comment.map(str::to_owned);
        column.generated(match self.made {
            Made::ByProgram => Generated::No,
            Made::Counted => Generated::Key,
            Made::CountedOnce => Generated::KeyNeverReused,
            Made::ByDefault(expression) => Generated::Default(expression.to_owned()),
            Made::Computed(expression) => Generated::Computed(expression.to_owned()),
        })
    }
}

impl RelationOutline {
    fn cascade(&self) -> Cascade {
        let parse =
            |words| Cascade::parse(words).expect("the derive has read the words of a cascade");
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
