//! Workloads that show what the ORM costs over raw SQL, the loop that measures them, and their form for the gate.
//!
//! Every workload is declared once and has several arms, which are compared with the one named *raw*. All arms have the same transaction
//! boundaries. Before they are timed, they are checked to read and leave the same rows.

mod clock;
mod core;
mod digest;
mod fixture;
mod gated;
mod measure;
pub mod memory;
mod orm;
mod planted;
mod raw;
mod rows;
pub mod schema;
mod table;
pub mod throughput;
mod workload;
mod workloads;

pub use digest::Digest;
pub use fixture::{Fixture, Site};
pub use gated::{gated, gated_on, limits};
pub use measure::{Measurement, Options, Report, Sizes, run};
pub use planted::{PLANT, Planted};
pub use workload::{Arm, Backend, Workload};

/// An error of the ORM or a driver.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The result of a run.
pub type Result<T, E = Error> = std::result::Result<T, E>;
