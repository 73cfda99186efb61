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
mod common;
mod compound;
mod execute;
mod exists;
mod expression;
mod function;
mod into_sql;
mod lock;
mod node;
mod projection;
mod relation;
mod returning;
mod select;
mod text;
mod upsert;
pub(crate) mod walk;
mod window;
mod write;

pub use aggregate::{
    AverageOf, BaseOf, SumOf, Summable, avg, count, count_all, count_distinct, max, min, sum,
};
pub use alias::{Alias, alias, on};
pub use arithmetic::Number;
pub use column::Column;
pub use common::{ColumnAt, Common, CommonNode, common, recursive};
pub use compound::{Compound, CompoundNode, SetOperator};
pub use execute::{Read, Write};
pub use exists::{Exists, exists};
pub use expression::{Condition, Expr, Expression, IntoList, OrderBy, Predicate, raw};
pub use function::{
    Case, abs, case, cast, coalesce, date_part, json_text, length, lower, nullif, replace,
    substring, trim, upper,
};
pub use into_sql::{IntoSql, Verbatim, verbatim};
pub use lock::{LockStrength, Locked, RowLock};
pub use node::{Aggregate, ColumnRef, List, Node, Nulls, Operator, Order};
pub use projection::{FromRow, Projection, RowStruct};
pub use relation::{Along, Path, UntypedPath};
pub(crate) use relation::{Multiplicity, column};
pub use returning::{Returning, WriteNode};
pub(crate) use select::also;
pub use select::{Join, JoinKind, Select, SelectNode, Source, select};
pub use text::{Exactly, Parameter, Params, TextQuery, TextStatement, text};
pub use upsert::{ConflictNode, ConflictUpdate, OnConflict, excluded};
pub use window::{
    Anywhere, Frame, FrameBound, FrameUnit, Window, WindowFunction, dense_rank, first_value, lag,
    last_value, lead, rank, row_number,
};
pub use write::{
    ColumnList, Delete, DeleteNode, Insert, InsertNode, InsertRows, RowFor, Update, UpdateNode,
    delete_from, insert_into, update,
};

#[cfg(test)]
mod tests;
