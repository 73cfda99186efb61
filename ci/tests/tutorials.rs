//! The tutorials' examples on every backend: what they print and send, compared with snapshots.
//!
//! `INSTA_UPDATE=always cargo test -p selfsame-ci --test tutorials` rewrites the snapshots.

mod backends;

#[expect(dead_code, reason = "an example has its own main")]
#[path = "../examples/tutorial_1_first_entity.rs"]
mod tutorial_1_first_entity;
#[expect(dead_code, reason = "an example has its own main")]
#[path = "../examples/tutorial_2_using_orms.rs"]
mod tutorial_2_using_orms;
#[expect(dead_code, reason = "an example has its own main")]
#[path = "../examples/tutorial_3_object_relational.rs"]
mod tutorial_3_object_relational;
#[expect(dead_code, reason = "an example has its own main")]
#[path = "../examples/tutorial_4_tasks.rs"]
mod tutorial_4_tasks;
#[expect(dead_code, reason = "an example has its own main")]
#[path = "../examples/tutorial_5_understanding.rs"]
mod tutorial_5_understanding;

use std::error::Error;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use backends::{Case, On};
use libtest_mimic::Failed;
use selfsame::{Echo, Engine};

type Steps = fn(&Engine, &mut dyn Write) -> Result<(), Box<dyn Error>>;

const CASES: &[Case] = &[
    ("tutorial_1_first_entity", |engine, _| {
        check(
            "tutorial_1_first_entity",
            tutorial_1_first_entity::run,
            engine,
        )
    }),
    ("tutorial_2_using_orms", |engine, _| {
        check("tutorial_2_using_orms", tutorial_2_using_orms::run, engine)
    }),
    ("tutorial_3_object_relational", |engine, _| {
        check(
            "tutorial_3_object_relational",
            tutorial_3_object_relational::run,
            engine,
        )
    }),
    ("tutorial_4_tasks", |engine, _| {
        check("tutorial_4_tasks", tutorial_4_tasks::run, engine)
    }),
    ("tutorial_5_understanding", |engine, _| {
        check(
            "tutorial_5_understanding",
            tutorial_5_understanding::run,
            engine,
        )
    }),
];

fn main() {
    backends::run(CASES, &[On::Sqlite, On::Postgres, On::Mariadb]);
}

/// Runs a tutorial with echo, and compares all lines with the snapshot of the backend.
fn check(name: &str, steps: Steps, engine: Engine) -> Result<(), Failed> {
    let transcript = Transcript::default();
    let engine = engine.echo_to(Echo::WithParameters, transcript.clone());
    steps(&engine, &mut transcript.clone()).map_err(|error| {
        let lines = transcript.lines();
        format!("{error}\n{}", lines.join("\n"))
    })?;
    let name = format!("{name}@{}", engine.dialect().name());
    let lines = transcript.lines().join("\n");
    // insta prints the differences on standard error; its panic says so.
    let compared = catch_unwind(AssertUnwindSafe(|| {
        insta::assert_snapshot!(name.as_str(), lines);
    }));
    compared.map_err(|_| Failed::from(format!("{name} differs from its snapshot")))
}

/// What was printed and what was sent, in one order.
#[derive(Clone, Default)]
struct Transcript(Arc<Mutex<Vec<u8>>>);

impl Transcript {
    /// All lines, without what differs from run to run.
    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes)
            .lines()
            .map(masked)
            .collect()
    }
}

impl Write for Transcript {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut buffer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buffer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A line of echo ends with ` -- 2 rows, 12.3µs` or ` -- 12.3µs`: the duration is left out. So is the library's version.
fn masked(line: &str) -> String {
    let Some((statement, end)) = line.rsplit_once(" -- ") else {
        return line.replace(selfsame::VERSION, "VERSION");
    };
    let duration = end.rsplit(", ").next().unwrap_or(end);
    let is_duration = duration.starts_with(|c: char| c.is_ascii_digit()) && duration.ends_with('s');
    if !is_duration {
        return line.to_owned();
    }
    format!(
        "{statement} -- {}TIME",
        end.strip_suffix(duration).unwrap_or(end)
    )
}
