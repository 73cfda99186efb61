//! EXISTS conditions.

use std::ops::{BitAnd, BitOr, Not};

use crate::sql::{
    Anywhere, Condition, Expr, Expression, FromRow, Node, Predicate, Projection, Select,
};

/// An EXISTS condition, usable in any scope. Built by [`exists`].
#[derive(Clone, Debug)]
pub struct Exists(Node);

/// Tests whether a query returns a row. Its conditions may use the outer query's columns.
///
/// The result is usable like any condition: `User::query().filter(!exists(tasks))`, `User::AGE.gt(3).and(exists(tasks))`.
///
/// ```
#[doc = include_str!("../docs/models.txt")]
/// use selfsame::sql::on;
///
/// let tasks = select(Task::ID).from(Task::table()).filter(on(Task::USER_ID, User::ID));
/// let busy = User::query().filter(exists(tasks));
/// ```
pub fn exists<R: FromRow>(query: Select<R>) -> Exists {
    Exists(Node::Exists(Box::new(query.into_node())))
}

impl Exists {
    /// Combines two conditions with AND.
    pub fn and<S>(self, other: impl Condition<S>) -> Predicate<S> {
        Expr::from_node(self.0.and(other.into_condition()))
    }

    /// Combines two conditions with OR.
    pub fn or<S>(self, other: impl Condition<S>) -> Predicate<S> {
        Expr::from_node(self.0.or(other.into_condition()))
    }
}

impl<S> Condition<S> for Exists {
    fn into_condition(self) -> Node {
        self.0
    }
}

impl Expression for Exists {
    type Scope = Anywhere;
    type Type = bool;

    fn into_node(self) -> Node {
        self.0
    }
}

impl Projection for Exists {
    type Row = bool;

    fn nodes(self, out: &mut Vec<Node>) {
        out.push(self.0);
    }
}

impl Not for Exists {
    type Output = Self;

    fn not(self) -> Self {
        Self(self.0.negated())
    }
}

impl<S> BitAnd<Predicate<S>> for Exists {
    type Output = Predicate<S>;

    fn bitand(self, other: Predicate<S>) -> Predicate<S> {
        self.and(other)
    }
}

impl<S> BitOr<Predicate<S>> for Exists {
    type Output = Predicate<S>;

    fn bitor(self, other: Predicate<S>) -> Predicate<S> {
        self.or(other)
    }
}
