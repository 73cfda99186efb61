//! Queries for objects with joins.

use std::marker::PhantomData;

use super::Query;
use crate::entity::{Entity, Mapper};
use crate::error::ErrorKind;
use crate::schema::Table;
use crate::session::Joins;
use crate::sql::{
    ColumnRef, Expression, Join, JoinKind, Multiplicity, Node, Order, OrderBy, Path, SelectNode,
    Source, also, column,
};

/// The scope of a query with joins: conditions may use columns of all its tables. That a column belongs to one of them is checked before
/// the query is sent.
#[derive(Clone, Copy, Debug)]
pub enum Joined {}

impl<E: Entity> Query<E> {
    /// Joins the target of a relation; objects without a match are omitted: `.join(User::TASKS)`. A table that the query uses already needs
    /// an alias: `.join(Node::PARENT.to(&alias::<Node>("parent")))`.
    pub fn join(self, path: impl Path<From = E>) -> Query<E, Joined> {
        self.with_path(JoinKind::Inner, path)
    }

    /// Joins the target of a relation; objects without a match are kept, with NULLs.
    pub fn left_join(self, path: impl Path<From = E>) -> Query<E, Joined> {
        self.with_path(JoinKind::Left, path)
    }
}

impl<E: Entity> Query<E, Joined> {
    /// Joins the target of a relation of any joined table.
    pub fn join(self, path: impl Path) -> Self {
        self.with_path(JoinKind::Inner, path)
    }

    /// Joins the target of a relation of any joined table; rows without a match are kept, with NULLs.
    pub fn left_join(self, path: impl Path) -> Self {
        self.with_path(JoinKind::Left, path)
    }

    /// Keeps only objects with a joined row for which the condition is true; several filters must be true of the same row.
    pub fn filter(mut self, condition: impl Expression<Type = bool>) -> Self {
        also(&mut self.parts.filter, condition.into_node());
        self
    }

    /// Keeps only objects whose joined rows satisfy a condition on aggregates: `.having(count(Task::ID).gt(2))`.
    pub fn having(mut self, condition: impl Expression<Type = bool>) -> Self {
        let joined = self.parts.joined.get_or_insert_default();
        also(&mut joined.having, condition.into_node());
        self
    }

    /// Sorts; each call adds a lower-priority key. An object with several joined rows is sorted by the first of them, or by an aggregate of
    /// them.
    pub fn order_by<S>(mut self, order: impl Into<OrderBy<S>>) -> Self {
        self.parts.order.push(order.into().into_order());
        self
    }
}

impl<E: Entity, S> Query<E, S> {
    /// Joins a table on a condition; objects without a match are omitted: `.join_on(&older, on(older.column(User::AGE), User::AGE))`.
    pub fn join_on(
        self,
        source: impl Into<Source>,
        on: impl Expression<Type = bool>,
    ) -> Query<E, Joined> {
        self.with_source(JoinKind::Inner, source.into(), on.into_node())
    }

    /// Joins a table on a condition; objects without a match are kept, with NULLs.
    pub fn left_join_on(
        self,
        source: impl Into<Source>,
        on: impl Expression<Type = bool>,
    ) -> Query<E, Joined> {
        self.with_source(JoinKind::Left, source.into(), on.into_node())
    }

    fn with_path(self, kind: JoinKind, path: impl Path) -> Query<E, Joined> {
        let mut query = self.joined();
        let joined = query.parts.joined.get_or_insert_default();
        match path.into_path().steps() {
            Ok((steps, multiplicity)) => {
                joined.multiplies |= multiplicity == Multiplicity::Many;
                let joins = steps
                    .into_iter()
                    .map(|(source, on)| Join { kind, source, on });
                joined.joins.extend(joins);
            }
            Err(error) => query.refuse(&error),
        }
        query
    }

    fn with_source(self, kind: JoinKind, source: Source, on: Node) -> Query<E, Joined> {
        let mut query = self.joined();
        let joined = query.parts.joined.get_or_insert_default();
        joined.multiplies = true;
        joined.joins.push(Join { kind, source, on });
        query
    }

    fn joined(self) -> Query<E, Joined> {
        Query {
            mapper: self.mapper,
            parts: self.parts,
            marker: PhantomData,
        }
    }
}

impl Joins {
    /// Adds the joins to a query, without grouping.
    pub(super) fn apply(&self, node: &mut SelectNode) {
        node.joins.extend(self.joins.iter().cloned());
        if let Some(having) = &self.having {
            also(&mut node.having, having.clone());
        }
    }

    /// Groups the rows of each object into one.
    pub(super) fn group(&self, mapper: &Mapper, node: &mut SelectNode) {
        let table = mapper.table();
        let is_needed =
            self.multiplies || self.having.is_some() || node.order.iter().any(is_aggregate);
        if is_needed && table.primary_key.is_empty() {
            let reason = "rows without a primary key cannot be grouped: select columns instead";
            let refused = Node::Invalid(ErrorKind::InvalidStatement, reason.into());
            return also(&mut node.filter, refused);
        }
        for page in &self.pages {
            match is_needed {
                true => also(&mut node.having, page.of_groups.clone()),
                false => also(&mut node.filter, page.of_rows.clone()),
            }
        }
        if !is_needed {
            return;
        }
        let keys = table.primary_key.iter();
        node.group_by = keys.map(|&key| column(table, key, None)).collect();
        if !self.pages.is_empty() {
            // The condition on the keys may use columns that the query does not read.
            let own = node.order.iter().filter(|key| is_of_rows(key, table));
            node.group_by.extend(own.map(|key| key.node.clone()));
        }
        first_of_groups(&mut node.order, table);
    }
}

/// Replaces keys that differ among the rows of an object; returns whether there are any, or aggregates.
pub(super) fn first_of_groups(order: &mut [Order], table: &Table) -> bool {
    let mut found = false;
    for key in order.iter_mut().filter(|key| !is_of_rows(key, table)) {
        found = true;
        if !is_aggregate(key) {
            first_of(key);
        }
    }
    found
}

/// Whether a key uses only the query's own table.
fn is_of_rows(key: &Order, table: &Table) -> bool {
    let is_own = |column: &ColumnRef| column.alias.is_none() && column.is_of(table);
    let names_others = |node: &Node| matches!(node, Node::Column(column) if !is_own(column));
    !key.node.has(&names_others) && !is_aggregate(key)
}

fn is_aggregate(key: &Order) -> bool {
    key.node.has(&|node| matches!(node, Node::Aggregate { .. }))
}

/// Sorts a group by the row that would come first.
fn first_of(key: &mut Order) {
    use crate::sql::Aggregate::{Max, Min};
    let operand = std::mem::replace(&mut key.node, Node::All(Vec::new()));
    key.node = Node::Aggregate {
        function: if key.descending { Max } else { Min },
        operand: Some(Box::new(operand)),
        distinct: false,
        cast: None,
    };
}
