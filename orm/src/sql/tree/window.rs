//! Windows as plain data.

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
    /// ROWS or RANGE BETWEEN; the database's own frame if `None`.
    pub frame: Option<Frame>,
}

/// Which rows of a partition are in the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What is counted.
    pub unit: FrameUnit,
    /// The first row.
    pub from: FrameBound,
    /// The last row.
    pub to: FrameBound,
}

/// What the bounds of a frame count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameUnit {
    /// Rows.
    Rows,
    /// Groups of rows that are equal in the order.
    Range,
}

/// Where a frame begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameBound {
    /// At the first row of the partition.
    UnboundedPreceding,
    /// This many before.
    Preceding(u32),
    /// At the current row; in a range, at its peers.
    CurrentRow,
    /// This many after.
    Following(u32),
    /// At the last row of the partition.
    UnboundedFollowing,
}
