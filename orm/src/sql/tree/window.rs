//! Windows of window functions.

use super::{Node, Order};

/// The window of a window function: partition, order and frame.
///
/// ```
/// use selfsame::sql::{FrameBound, Window};
///
/// let last_three = Window::new().rows(FrameBound::Preceding(2), FrameBound::CurrentRow);
/// # let _ = last_three;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Window {
    /// PARTITION BY.
    pub partition: Vec<Node>,
    /// ORDER BY.
    pub order: Vec<Order>,
    /// The frame, ROWS or RANGE BETWEEN; `None` is the database's default.
    pub frame: Option<Frame>,
}

/// The frame of a window: the rows of the partition that a function sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The unit of the bounds.
    pub unit: FrameUnit,
    /// The start.
    pub from: FrameBound,
    /// The end.
    pub to: FrameBound,
}

/// The unit of a frame's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameUnit {
    /// Rows.
    Rows,
    /// Values of the ORDER BY key; rows with equal values belong together.
    Range,
}

/// A bound of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameBound {
    /// The first row of the partition.
    UnboundedPreceding,
    /// This many units before the current row.
    Preceding(u32),
    /// The current row; in a RANGE frame, including its peers.
    CurrentRow,
    /// This many units after the current row.
    Following(u32),
    /// The last row of the partition.
    UnboundedFollowing,
}
