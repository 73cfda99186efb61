//! Workloads that show what the ORM costs over raw SQL, the loop that measures them, and the counts of their statements.
//!
//! Every workload is done by several arms, of which *raw* is the measure of the others. Arms share transaction boundaries, and what
//! they read and leave behind is compared before they are timed.

mod core;
mod counts;
mod digest;
mod fixture;
mod measure;
mod orm;
mod raw;
mod rows;
pub mod schema;
mod statistics;
mod table;
mod workload;

pub use counts::{Counted, Counts};
pub use digest::Digest;
pub use fixture::{Fixture, Site};
pub use measure::{Measurement, Options, Report, Sizes, run};
pub use workload::{Arm, Backend, Workload};

/// What went wrong, in the ORM or in a driver.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The result of a run.
pub type Result<T, E = Error> = std::result::Result<T, E>;
