//! Common table expressions: named queries that are used like tables, recursive or not.

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::schema::{Column, ColumnType, Table};
use crate::sql::{ColumnRef, CommonNode, Expr, FromRow, Node, Select, SelectNode, Source};
use crate::value::ColumnValue;

/// A common table expression with rows of type `R`. Built by [`common`] and [`recursive`].
///
/// It is written in the WITH clause of every query that uses it in `from` or `join`. Its columns are numbered from 0.
pub struct Common<R> {
    table: Arc<Table>,
    query: Option<Arc<CommonNode>>,
    marker: PhantomData<fn() -> R>,
}

/// Rows with a column number `N`.
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` have no column number {N}",
    note = "columns are numbered from 0, in the order of the query's projection"
)]
pub trait ColumnAt<const N: usize> {
    /// The column's type.
    type Type: ColumnValue;
}

/// Names a query so that other queries can use it like a table.
///
/// ```
#[doc = include_str!("../docs/models.txt")]
/// use selfsame::sql::{common, on};
///
/// let busy = common("busy", select((Task::USER_ID, count(Task::ID))).from(Task::table()).group_by(Task::USER_ID));
/// let query = select((User::NAME, busy.column::<1>()))
///     .from(User::table())
///     .join(&busy, on(busy.column::<0>(), User::ID));
/// ```
pub fn common<R: FromRow>(name: &str, query: Select<R>) -> Common<R> {
    let query = query.into_node();
    let table = table_of::<R>(name, &query);
    let query = CommonNode {
        first: query,
        step: None,
    };
    Common {
        table,
        query: Some(Arc::new(query)),
        marker: PhantomData,
    }
}

/// Builds a recursive query: its rows are those of `first`, then those that `step` derives from them, repeated until there are no new rows.
///
/// ```
#[doc = include_str!("../docs/tree.txt")]
/// use selfsame::sql::{on, recursive};
///
/// let below = recursive("below", select(Node::ID).from(Node::table()).filter(Node::ID.eq(1)), |below| {
///     select(Node::ID).from(Node::table()).join(below, on(Node::PARENT_ID, below.column::<0>()))
/// });
/// let nodes = Node::query().filter(Node::ID.in_(select(below.column::<0>()).from(&below)));
/// ```
pub fn recursive<R: FromRow>(
    name: &str,
    first: Select<R>,
    step: impl FnOnce(&Common<R>) -> Select<R>,
) -> Common<R> {
    let first = first.into_node();
    let itself = Common {
        table: table_of::<R>(name, &first),
        query: None,
        marker: PhantomData,
    };
    let query = CommonNode {
        first,
        step: Some(step(&itself).into_node()),
    };
    Common {
        query: Some(Arc::new(query)),
        ..itself
    }
}

fn table_of<R: FromRow>(name: &str, query: &SelectNode) -> Arc<Table> {
    let mut types = Vec::new();
    R::types(&mut types);
    let columns = types.into_iter().enumerate();
    let table = columns.fold(Table::build(name), |table, (at, ty)| {
        // A column keeps its own type, which may be specific to the database.
        let own = query.columns.get(at).and_then(Node::column_type);
        let own = own.filter(|own| own.value_type() == ty).cloned();
        let ty = own.unwrap_or(ColumnType::of(ty));
        table.column(Column::new(format!("c{}", at + 1), ty))
    });
    Arc::new(table)
}

impl<R> Common<R> {
    /// Returns column number `N`, from 0.
    pub fn column<const N: usize>(&self) -> Expr<Self, R::Type>
    where
        R: ColumnAt<N>,
    {
        Expr::from_node(Node::Column(ColumnRef::new(&self.table, N)))
    }
}

impl<R> From<&Common<R>> for Source {
    fn from(common: &Common<R>) -> Self {
        Self {
            common: common.query.clone(),
            ..Self::from(&common.table)
        }
    }
}

impl<T: ColumnValue> ColumnAt<0> for T {
    type Type = T;
}

macro_rules! column {
    ($index:literal $name:ident ($($all:ident)*)) => {
        impl<$($all: ColumnValue),*> ColumnAt<$index> for ($($all,)*) {
            type Type = $name;
        }
    };
}
macro_rules! columns {
    ($($index:literal $name:ident)* of $all:tt) => {
        $(column!($index $name $all);)*
    };
}
columns!(0 A of (A));
columns!(0 A 1 B of (A B));
columns!(0 A 1 B 2 C of (A B C));
columns!(0 A 1 B 2 C 3 D of (A B C D));
columns!(0 A 1 B 2 C 3 D 4 E of (A B C D E));
columns!(0 A 1 B 2 C 3 D 4 E 5 F of (A B C D E F));
columns!(0 A 1 B 2 C 3 D 4 E 5 F 6 G of (A B C D E F G));
columns!(0 A 1 B 2 C 3 D 4 E 5 F 6 G 7 H of (A B C D E F G H));

impl<R> Clone for Common<R> {
    fn clone(&self) -> Self {
        Self {
            table: Arc::clone(&self.table),
            query: self.query.clone(),
            marker: PhantomData,
        }
    }
}

impl<R> Debug for Common<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "common table {}", self.table.name)
    }
}
