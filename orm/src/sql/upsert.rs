//! INSERT … ON CONFLICT.

use std::marker::PhantomData;

use crate::entity::Entity;
use crate::sql::walk::Inside;
use crate::sql::{
    Column, ColumnList, ColumnRef, Condition, ConflictNode, Expr, Insert, IntoSql, Node,
    SelectNode, also,
};
use crate::value::ColumnValue;

/// An INSERT without its conflict action yet. Built by [`Insert::on_conflict`].
#[derive(Debug)]
#[must_use = "call `do_nothing` or `do_update`"]
pub struct OnConflict<C> {
    insert: Insert<C>,
    target: Vec<ColumnRef>,
    filter: Option<Node>,
}

/// The changes to an existing row, for [`OnConflict::do_update`].
#[derive(Debug)]
pub struct ConflictUpdate<E> {
    set: Vec<(ColumnRef, Node)>,
    filter: Option<Node>,
    marker: PhantomData<fn() -> E>,
}

/// Returns a column of the row that could not be inserted, for [`OnConflict::do_update`].
pub fn excluded<E: Entity, T: ColumnValue>(column: Column<E, T>) -> Expr<E, T> {
    Expr::from_node(Node::Excluded(column.reference()))
}

impl<C> Insert<C> {
    /// Handles rows whose values of these columns exist already: `.on_conflict((User::NAME,)).do_nothing()`. The columns must be those
    /// of a primary key, a UNIQUE constraint or a unique index: over all rows, or, with [`filter_target`](OnConflict::filter_target), over
    /// some. Databases refuse expression and deferrable ones.
    pub fn on_conflict(self, columns: impl ColumnList) -> OnConflict<C> {
        OnConflict {
            insert: self,
            target: columns.references(),
            filter: None,
        }
    }

    /// Skips rows that violate any primary key or UNIQUE constraint.
    #[must_use]
    pub fn or_do_nothing(mut self) -> Self {
        self.node.conflict = Some(ConflictNode {
            target: Vec::new(),
            target_filter: None,
            update: None,
            filter: None,
        });
        self
    }
}

impl<C> OnConflict<C> {
    /// Names a partial unique index, by its condition: `.on_conflict((User::EMAIL,)).filter_target(User::DELETED_AT.is_null())`. Rows outside
    /// of the index do not conflict. Several conditions are combined by AND.
    ///
    /// The condition must be the index's own; it does not choose the rows to handle. PostgreSQL looks for an index whose condition it
    /// implies, SQLite for one with the same condition, and both refuse the statement if there is none. Numbers, booleans and text in it
    /// become part of the statement's text, because a parameter would hide them from that search; write other values with
    /// [`raw`](super::raw). Not supported by MariaDB and MySQL, which have no partial indexes.
    pub fn filter_target<E: Entity>(mut self, condition: impl Condition<E>) -> Self {
        also(&mut self.filter, condition.into_condition());
        self
    }

    /// Keeps the existing row unchanged, and does not count it.
    pub fn do_nothing(mut self) -> Insert<C> {
        self.insert.node.conflict = Some(ConflictNode {
            target: self.target,
            target_filter: self.filter,
            update: None,
            filter: None,
        });
        self.insert
    }

    /// Updates the existing row, and counts it: `.do_update(|row| row.set(User::AGE, excluded(User::AGE)))`. MariaDB and MySQL do not
    /// count a row that has the new values already.
    pub fn do_update<E: Entity>(
        mut self,
        change: impl FnOnce(ConflictUpdate<E>) -> ConflictUpdate<E>,
    ) -> Insert<C> {
        let change = change(ConflictUpdate {
            set: Vec::new(),
            filter: None,
            marker: PhantomData,
        });
        self.insert.node.conflict = Some(ConflictNode {
            target: self.target,
            target_filter: self.filter,
            update: Some(change.set),
            filter: change.filter,
        });
        self.insert
    }
}

impl<E: Entity> ConflictUpdate<E> {
    /// Sets a column to a value, to an expression of the existing row, or to an [`excluded`] column.
    #[must_use]
    pub fn set<T: ColumnValue>(
        mut self,
        column: Column<E, T>,
        value: impl IntoSql<E, T::Base>,
    ) -> Self {
        self.set.push((column.reference(), value.into_sql()));
        self
    }

    /// Updates only rows for which the condition is true; several are combined by AND.
    #[must_use]
    pub fn filter(mut self, condition: impl Condition<E>) -> Self {
        also(&mut self.filter, condition.into_condition());
        self
    }
}

impl ConflictNode {
    /// The number of its parameters.
    pub(super) fn parameters(&self) -> usize {
        let set = self.update.iter().flatten().map(|(_, value)| value);
        set.chain(&self.filter).map(parameters).sum()
    }
}

fn parameters(node: &Node) -> usize {
    let mut count = usize::from(matches!(node, Node::Param(..)));
    node.inside(&mut |inside| {
        count += match inside {
            Inside::Node(node) => parameters(node),
            Inside::Select(query) => parameters_of(query),
        }
    });
    count
}

fn parameters_of(query: &SelectNode) -> usize {
    let mut count = 0;
    query.expressions(&mut |node| count += parameters(node));
    count
}
