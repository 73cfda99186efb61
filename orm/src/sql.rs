//! The SQL expression language, usable with and without a session.

mod column;

pub use column::Column;
