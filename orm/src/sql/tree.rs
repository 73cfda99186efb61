//! Statements as untyped trees, which renderers read.

mod lock;
mod node;
mod query;
pub(crate) mod walk;
mod window;
mod write;

pub use lock::{LockStrength, Locked, RowLock};
pub(crate) use node::keeps_type;
pub use node::{Aggregate, ColumnRef, List, Node, Nulls, Operator, Order};
pub(crate) use query::also;
pub use query::{CommonNode, CompoundNode, Join, JoinKind, SelectNode, SetOperator, Source};
pub use window::{Frame, FrameBound, FrameUnit, Window};
pub use write::{ConflictNode, DeleteNode, InsertNode, InsertRows, UpdateNode};
