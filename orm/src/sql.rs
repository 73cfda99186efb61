//! The SQL expression language, usable with and without a session.
//!
//! Typed columns (`User::NAME`) grow into expressions: `User::AGE.ge(18).and(User::NAME.starts_with("a"))`. An expression knows
//! its *scope*, the entity whose columns it may name, so that a condition on tasks cannot filter users; and the type of its
//! values, so that an age is not compared with a text. Underneath is [`Node`], plain data that any renderer can walk.
//!
//! [`select()`], [`insert_into`], [`update()`] and [`delete_from`] are whole statements without a session.

mod aggregate;
mod alias;
mod arithmetic;
mod column;
mod compound;
mod execute;
mod expression;
mod function;
mod into_sql;
mod node;
mod projection;
mod relation;
mod returning;
mod select;
mod upsert;
mod walk;
mod write;

pub use aggregate::{
    AverageOf, BaseOf, SumOf, Summable, avg, count, count_all, count_distinct, max, min, sum,
};
pub use alias::{Alias, alias, exists, on};
pub use arithmetic::Number;
pub use column::Column;
pub use compound::{Compound, CompoundNode, SetOperator};
pub use execute::{Read, Write};
pub use expression::{Condition, Expr, Expression, IntoList, OrderBy, Predicate, raw};
pub use function::{Case, case, cast, coalesce, lower, upper};
pub use into_sql::{IntoSql, Verbatim, verbatim};
pub use node::{Aggregate, ColumnRef, List, Node, Nulls, Operator, Order};
pub use projection::{FromRow, Projection, RowStruct};
pub use relation::{Along, Path, UntypedPath};
pub(crate) use relation::{Multiplicity, column};
pub use returning::{Returning, WriteNode};
pub(crate) use select::also;
pub use select::{Join, JoinKind, Select, SelectNode, Source, select};
pub use upsert::{ConflictNode, ConflictUpdate, OnConflict, excluded};
pub use write::{
    ColumnList, Delete, DeleteNode, Insert, InsertNode, InsertRows, RowFor, Update, UpdateNode,
    delete_from, insert_into, update,
};

#[cfg(test)]
mod tests;
