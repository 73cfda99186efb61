//! A performance gate: fails if a change makes a program's database work slower.
//!
//! A project declares its workloads in a few lines each and passes them to a [`Gate`] in a bench target. The gate has these steps, the
//! most reliable first:
//!
//! 1. **Counts** of statements, transactions, prepares, round trips, parameters and rows are compared with golden files.
//! 2. **Growth**: each workload runs at several sizes. The number of statements must follow the declared [`Law`]; allocations and time per
//!    row must stay constant.
//! 3. **Allocations**: calls and bytes of one run, exactly.
//! 4. **Instructions** under callgrind, and 5. **paired time**, both against another build of the same program.
//!
//! ```
//! use selfsame::prelude::*;
//! use selfsame_gate::{Gate, Law, Ready, Workload};
//! use selfsame_sqlite::Sqlite;
//!
//! #[derive(Entity, Clone, Debug)]
//! #[orm(table = "notes")]
//! struct Note {
//!     #[orm(primary_key)]
//!     id: Auto<i64>,
//!     text: String,
//! }
//!
//! fn front_page() -> Workload {
//!     Workload::new("front_page", |size| {
//!         let engine = Engine::new(Sqlite::memory());
//!         metadata![Note].create_all(&engine)?;
//!         let mut session = Session::new(&engine);
//!         session.add_all((0..size).map(|n| Note::new(format!("note {n}"))).collect::<Vec<_>>());
//!         session.commit()?;
//!         session.close();
//!         Ok::<_, selfsame::Error>(Ready::new(engine, |engine| {
//!             Note::query().all(&mut Session::new(engine)).map(drop)
//!         }))
//!     })
//!     .statements(Law::Constant)
//! }
//!
//! // In a bench target with `harness = false`: `cargo bench --bench gate`, and `-- --bless` to accept what is found.
//! let gate = Gate::new([front_page()]).golden(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/golden"));
//! # drop(gate);
//! # // std::process::exit would be: gate.main()
//! ```

mod callgrind;
mod compare;
mod counts;
mod exact;
mod fingerprint;
mod gate;
mod golden;
mod growth;
mod paired;
mod placement;
mod probe;
mod render;
mod run;
mod statistics;
mod verdict;
mod workload;

pub use callgrind::{Instructions, is_there as has_callgrind};
pub use compare::{allocations as compare_allocations, counts as compare_counts};
pub use counts::{Counted, Counts};
pub use exact::{Exact, Point};
pub use gate::Gate;
pub use golden::Golden;
pub use growth::exponent;
pub use paired::{Limits, Measure, Paired, TimeVerdict, judge};
pub use probe::{Probe, Side};
pub use run::{Plan, Steps, run};
pub use statistics::{Estimate, Random, estimate, median};
pub use verdict::{Finding, Kind, Report, Step};
pub use workload::{Allocations, Law, Meter, Ready, Task, Workload};

/// An error of the program, the ORM or a driver.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The result of a step.
pub type Result<T, E = Error> = std::result::Result<T, E>;
