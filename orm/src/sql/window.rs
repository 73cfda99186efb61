//! Window functions: what is computed over the rows around each row.

use std::marker::PhantomData;

use crate::sql::{BaseOf, Expr, Expression, Frame, FrameBound, FrameUnit, Node, OrderBy, Window};
use crate::value::ColumnValue;

/// The scope of an expression that names no column, and so stands in any query.
#[derive(Clone, Copy, Debug)]
pub enum Anywhere {}

/// A window function without its window yet. Made by [`row_number`] and its neighbours.
#[derive(Clone, Debug)]
#[must_use = "say over which rows, by `over`"]
pub struct WindowFunction<S, T> {
    node: Node,
    marker: PhantomData<fn() -> (S, T)>,
}

/// Returns the number of the row in its partition, from 1.
pub fn row_number() -> WindowFunction<Anywhere, i64> {
    function("ROW_NUMBER", Vec::new())
}

/// Returns the rank of the row in its partition, from 1; peers have the same rank, and gaps follow.
pub fn rank() -> WindowFunction<Anywhere, i64> {
    function("RANK", Vec::new())
}

/// Returns the rank of the row in its partition, from 1, without gaps.
pub fn dense_rank() -> WindowFunction<Anywhere, i64> {
    function("DENSE_RANK", Vec::new())
}

/// Returns the value in the previous row of the window's order; `None` in the first.
pub fn lag<X: Expression>(value: X) -> WindowFunction<X::Scope, Option<BaseOf<X>>> {
    function("LAG", vec![value.into_node()])
}

/// Returns the value in the next row of the window's order; `None` in the last.
pub fn lead<X: Expression>(value: X) -> WindowFunction<X::Scope, Option<BaseOf<X>>> {
    function("LEAD", vec![value.into_node()])
}

/// Returns the value in the frame's first row.
pub fn first_value<X: Expression>(value: X) -> WindowFunction<X::Scope, Option<BaseOf<X>>> {
    function("FIRST_VALUE", vec![value.into_node()])
}

/// Returns the value in the frame's last row: by default the row's last peer.
pub fn last_value<X: Expression>(value: X) -> WindowFunction<X::Scope, Option<BaseOf<X>>> {
    function("LAST_VALUE", vec![value.into_node()])
}

impl Window {
    /// All rows of the query, in no order.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps to the rows that are equal in this; every call adds one.
    #[must_use]
    pub fn partition_by(mut self, expression: impl Expression) -> Self {
        self.partition.push(expression.into_node());
        self
    }

    /// Sorts; each call adds a lower-priority key.
    #[must_use]
    pub fn order_by<S>(mut self, order: OrderBy<S>) -> Self {
        self.order.push(order.into_order());
        self
    }

    /// Keeps to some rows around each.
    #[must_use]
    pub fn rows(self, from: FrameBound, to: FrameBound) -> Self {
        self.framed(FrameUnit::Rows, from, to)
    }

    /// Keeps to some groups of equals around each row; bounds other than the row itself and the ends need an order of one number.
    #[must_use]
    pub fn range(self, from: FrameBound, to: FrameBound) -> Self {
        self.framed(FrameUnit::Range, from, to)
    }

    fn framed(mut self, unit: FrameUnit, from: FrameBound, to: FrameBound) -> Self {
        self.frame = Some(Frame { unit, from, to });
        self
    }
}

impl<S, T: ColumnValue> WindowFunction<S, T> {
    /// Sets the window.
    pub fn over(self, window: Window) -> Expr<S, T> {
        over(self.node, window)
    }
}

impl<S, T: ColumnValue> Expr<S, T> {
    /// An aggregate over the rows around each row: `sum(Sale::AMOUNT).over(Window::new().order_by(Sale::DAY.asc()))`.
    pub fn over(self, window: Window) -> Self {
        over(self.into_node(), window)
    }
}

fn over<S, T>(function: Node, window: Window) -> Expr<S, T> {
    Expr::from_node(Node::Window {
        function: Box::new(function),
        window: Box::new(window),
    })
}

fn function<S, T>(name: &'static str, arguments: Vec<Node>) -> WindowFunction<S, T> {
    WindowFunction {
        node: Node::Function {
            name: name.into(),
            arguments,
        },
        marker: PhantomData,
    }
}
