//! UNION, INTERSECT, EXCEPT.

use std::marker::PhantomData;

use crate::dialect::Dialect;
use crate::error::Result;
use crate::render::{Rendered, render_compound};
use crate::sql::{CompoundNode, FromRow, Select, SetOperator};

/// Queries combined by set operators. Built by [`Select::union`], [`Select::intersect`] and the like.
pub struct Compound<R> {
    node: CompoundNode,
    marker: PhantomData<fn() -> R>,
}

macro_rules! operators {
    ($($(#[$doc:meta])* $name:ident $operator:ident;)*) => {
        impl<R: FromRow> Select<R> {
            $(
                $(#[$doc])*
                pub fn $name(self, other: Select<R>) -> Compound<R> {
                    Compound::new(self).with(SetOperator::$operator, other)
                }
            )*
        }

        impl<R: FromRow> Compound<R> {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(self, other: Select<R>) -> Self {
                    self.with(SetOperator::$operator, other)
                }
            )*
        }
    };
}
operators!(
    /// UNION: the rows of both, without duplicates.
    union Union;
    /// UNION ALL: the rows of both, with duplicates.
    union_all UnionAll;
    /// INTERSECT: the rows that are in both, without duplicates.
    intersect Intersect;
    /// EXCEPT: the rows that are not in the other query, without duplicates.
    except Except;
);

impl<R: FromRow> Compound<R> {
    fn new(first: Select<R>) -> Self {
        Self {
            node: CompoundNode {
                first: first.into_node(),
                others: Vec::new(),
                order: Vec::new(),
                limit: None,
                offset: None,
            },
            marker: PhantomData,
        }
    }

    fn with(mut self, operator: SetOperator, other: Select<R>) -> Self {
        self.node.others.push((operator, other.into_node()));
        self
    }

    /// Sorts the combined rows by the column at this position, from 1.
    #[must_use]
    pub fn order_by(mut self, position: usize) -> Self {
        self.node.order.push((position, false));
        self
    }

    /// Sorts the combined rows by the column at this position, from 1, in descending order.
    #[must_use]
    pub fn order_by_descending(mut self, position: usize) -> Self {
        self.node.order.push((position, true));
        self
    }

    /// Limits the number of combined rows.
    #[must_use]
    pub fn limit(mut self, rows: u64) -> Self {
        self.node.limit = Some(rows);
        self
    }

    /// Skips this many of the combined rows.
    #[must_use]
    pub fn offset(mut self, rows: u64) -> Self {
        self.node.offset = Some(rows);
        self
    }

    pub(super) fn at_most(self, rows: u64) -> Self {
        let limit = self.node.limit.map_or(rows, |limit| limit.min(rows));
        self.limit(limit)
    }

    /// Renders the query as text and parameters.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if it has more parameters than the database supports;
    /// [`ErrorKind::InvalidStatement`](crate::ErrorKind::InvalidStatement) if it sorts by a position that does not exist.
    pub fn render(&self, dialect: &dyn Dialect) -> Result<Rendered> {
        render_compound(dialect, &self.node)
    }
}

untyped!(Compound<R>, node);
