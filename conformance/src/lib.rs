//! The conformance suite that any [`selfsame`] backend can run.
//!
//! A backend's author writes one file, `tests/conformance.rs`, with `harness = false` in `Cargo.toml`:
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
//! Each case is then a test of `cargo test` and of `cargo nextest`. The same cases run from a program through [`run`], which
//! gives a [`Report`] that can be written as JSON, JUnit XML, Markdown and a self-contained page; [`run_faults`] proves the suite
//! on backends that lie.
//!
//! The suite knows only `selfsame`: it never names a backend.

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
pub use claims::{claiming, telling_no_keys};
pub use context::Context;
pub use contract::CONTRACT;
pub use differential::{Comparison, Difference, compare_targets};
pub use expected::{Expected, ExpectedFailure};
pub use explain::explain;
pub use faults::{Fault, Group, faults, lying, run_faults};
pub use harness::{main, main_unavailable, main_with};
pub use outcome::{FailureKind, FailureReport, Outcome};
pub use report::{
    CaseReport, Certificate, CertifiedTarget, FaultReport, FaultVerdict, Format, KillMatrix, Proof,
    Report, SeenAnomaly, SeenIsolation, Summary, TargetReport, TierSummary, Timing,
};
pub use rules::{RULES, Rule};
pub use runner::{Options, Progress, run};
pub use select::{Filter, Shard};
pub use target::{FnTarget, Fresh, Target, target_fn};
