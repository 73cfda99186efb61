//! The SQL expression language, usable with and without a session.
//!
//! Expressions are built from typed columns: `User::AGE.ge(18).and(User::NAME.starts_with("a"))`. An expression has a *scope*, the entity
//! whose columns it may use, so that a condition on tasks cannot filter users, and a type, so that an age cannot be compared with a text.
//! Underneath is [`Node`], an untyped expression tree that renderers walk.
//!
//! [`select()`], [`insert_into`], [`update()`] and [`delete_from`] build whole statements.

/// Implements `Clone` and `Debug` of a typed wrapper by its untyped field, whatever the type parameters.
macro_rules! untyped {
    ($name:ident<$($parameter:ident),*>, $field:ident) => {
        impl<$($parameter),*> Clone for $name<$($parameter),*> {
            fn clone(&self) -> Self {
                Self {
                    $field: self.$field.clone(),
                    marker: std::marker::PhantomData,
                }
            }
        }

        impl<$($parameter),*> std::fmt::Debug for $name<$($parameter),*> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&self.$field, f)
            }
        }
    };
}

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
mod projection;
mod relation;
mod returning;
mod select;
mod text;
pub(crate) mod tree;
mod upsert;
mod window;
mod write;

pub use aggregate::{
    AverageOf, BaseOf, SumOf, Summable, avg, count, count_all, count_distinct, max, min, sum,
};
pub use alias::{Alias, alias, on};
pub use arithmetic::Number;
pub use column::Column;
pub use common::{ColumnAt, Common, common, recursive};
pub use compound::Compound;
pub use execute::{Read, Write};
pub use exists::{Exists, exists};
pub use expression::{Condition, Expr, Expression, IntoList, OrderBy, Predicate, raw};
pub use function::{
    Case, abs, case, cast, coalesce, date_part, json_text, length, lower, nullif, replace,
    substring, trim, upper,
};
pub use into_sql::{IntoSql, Verbatim, verbatim};
pub use projection::{FromRow, Projection, RowStruct};
pub use relation::{AliasedRelation, Path, UntypedPath};
pub(crate) use relation::{Multiplicity, column};
pub use returning::{Returning, WriteNode};
pub use select::{Select, select};
pub use text::{Exactly, Parameter, Params, TextQuery, TextStatement, text};
pub use tree::{
    Aggregate, ColumnRef, CommonNode, CompoundNode, ConflictNode, DeleteNode, Frame, FrameBound,
    FrameUnit, InsertNode, InsertRows, Join, JoinKind, List, LockStrength, Locked, Node, Nulls,
    Operator, Order, RowLock, SelectNode, SetOperator, Source, UpdateNode, Window,
};
pub(crate) use tree::{also, walk};
pub use upsert::{ConflictUpdate, OnConflict, excluded};
pub use window::{
    Anywhere, WindowFunction, dense_rank, first_value, lag, last_value, lead, rank, row_number,
};
pub use write::{ColumnList, Delete, Insert, RowFor, Update, delete_from, insert_into, update};
