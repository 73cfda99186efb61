//! The conformance suite for backends of [`selfsame`].
//!
//! The author of a backend writes one file, `tests/conformance.rs`, with `harness = false` in `Cargo.toml`:
//!
//! ```no_run
//! # use std::sync::Arc;
//! # struct MyBackend;
//! # impl MyBackend { fn fresh() -> selfsame::Result<Self> { Ok(Self) } }
//! # impl selfsame_conformance::Fresh for MyBackend {
//! #     fn backend(&self) -> Arc<dyn selfsame::backend::Backend> { unimplemented!() }
//! # }
//! fn main() -> std::process::ExitCode {
//!     selfsame_conformance::main("mydb", || MyBackend::fresh())
//! }
//! ```
//!
//! Each case is then a test of `cargo test` and `cargo nextest`. A program runs the same cases with [`run`], which returns a
//! [`Report`] to be written as JSON, JUnit XML, Markdown or a self-contained HTML page. [`run_faults`] injects known bugs and
//! reports which case catches each.
//!
//! The suite depends only on `selfsame`, not on any backend.

#[macro_use]
mod check;

mod attempt;
mod case;
mod cases;
mod claims;
pub mod command;
mod context;
mod contract;
mod coverage;
mod database;
mod deadline;
mod differential;
mod domain;
mod expected;
mod explain;
mod faults;
mod harness;
mod history;
mod interrupt;
#[cfg(test)]
mod inventory;
mod mechanisms;
mod model;
mod outcome;
mod property;
mod record;
mod report;
mod rules;
mod runner;
mod script;
mod select;
mod supervise;
mod target;
mod world;

pub use case::{Area, Capability, Case, CaseResult, Cover, Failure, Tier};
pub use cases::{INVENTORY, cases, find};
pub use claims::{claiming, without_reported_keys};
pub use context::Context;
pub use contract::CONTRACT;
pub use differential::{Comparison, Difference, compare_targets};
pub use expected::{Expected, ExpectedFailure};
pub use explain::explain;
pub use faults::{Fault, Group, faults, run_faults, with_fault};
pub use harness::{main, main_unavailable, main_with};
pub use outcome::{FailureKind, FailureReport, Outcome};
pub use report::{
    CaseReport, Certificate, CertifiedTarget, FaultReport, FaultVerdict, Format, KillMatrix, Proof,
    Report, SeenAnomaly, SeenIsolation, Summary, TargetReport, TierSummary, Timing,
};
pub use rules::{RULES, Rule};
pub use runner::{Options, Progress, run};
pub use select::{Filter, Shard};
pub use target::{FnTarget, Fresh, Silenceable, Target, target_fn, with_silence};
