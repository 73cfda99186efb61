//! Window functions.

use std::marker::PhantomData;

use crate::sql::{BaseOf, Expr, Expression, Frame, FrameBound, FrameUnit, Node, OrderBy, Window};
use crate::value::ColumnValue;

/// The scope of an expression without columns, which is valid in any query.
#[derive(Clone, Copy, Debug)]
pub enum Anywhere {}

/// A window function without its window yet. Built by [`row_number`], [`rank`], [`lag`] and the like.
#[derive(Clone, Debug)]
#[must_use = "call `over` to set the window"]
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
    /// Creates a window of all rows of the query, without order.
    pub fn new() -> Self {
        Self::default()
    }

    /// Partitions the rows by an expression; each call adds one.
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

    /// Sets a frame of rows around the current row.
    #[must_use]
    pub fn rows(self, from: FrameBound, to: FrameBound) -> Self {
        self.framed(FrameUnit::Rows, from, to)
    }

    /// Sets a frame by value around the current row; bounds with an offset require exactly one numeric ORDER BY key.
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
    /// Computes an aggregate over a window: `sum(Sale::AMOUNT).over(Window::new().order_by(Sale::DAY.asc()))`.
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
