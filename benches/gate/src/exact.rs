//! `Exact`: everything about a workload that can be counted, at its size and as it grows.

use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use selfsame::backend::StatementKind;
use selfsame::engine::Event;
use serde::{Deserialize, Serialize};

use crate::counts::{Counted, Counts};
use crate::fingerprint::fingerprint;
use crate::workload::{Allocations, Law, Meter, Task, Workload};
use crate::{Error, Result};

/// Growth beyond this size is only measured on request.
pub(crate) const LARGE: usize = 10_000;

/// The counts of a workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exact {
    /// The workload's name.
    pub workload: String,
    /// The size at which it is counted.
    pub size: usize,
    /// How its number of statements may grow.
    pub law: Law,
    /// The fraction by which allocations may differ; 0 if they are exact.
    #[serde(default)]
    pub spread: f64,
    /// The statements of one run.
    pub counts: Counts,
    /// The costs at several sizes, ascending, including the size of the counts.
    pub growth: Vec<Point>,
}

/// The costs of one run at one size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The size.
    pub size: usize,
    /// The number of statements.
    pub statements: usize,
    /// The allocations, if counted.
    pub allocations: Option<Allocations>,
    /// The shortest time of a few runs, in nanoseconds: CPU time of the process, or wall-clock time if the database is behind a socket.
    pub ns: f64,
}

impl Exact {
    /// Counts a workload. Allocations need a meter; growth leaves out sizes beyond `largest`.
    ///
    /// # Errors
    ///
    /// A failed check of the workload, different counts of the backend and the database, errors of the database.
    pub fn of(workload: &Workload, meter: Option<Meter>, largest: usize) -> Result<Self> {
        let mut sizes = workload.sizes.clone();
        sizes.retain(|size| *size <= largest);
        if !sizes.contains(&workload.size) {
            sizes.push(workload.size);
        }
        sizes.sort_unstable();
        let mut counts = None;
        let mut growth = Vec::new();
        for size in sizes {
            if size == workload.size {
                // A separate task: a check prepares statements.
                (workload.open)(size)?.check()?;
            }
            let mut task = (workload.open)(size)?;
            let found = counts_of(&mut *task)?;
            // A task without observers, which allocate and take time.
            drop(task);
            let mut task = (workload.open)(size)?;
            task.prepare()?;
            task.run()?;
            growth.push(Point {
                size,
                statements: found.executions(),
                allocations: meter
                    .map(|meter| allocations_of(&mut *task, meter))
                    .transpose()?,
                ns: shortest(&mut *task, workload.spread > 0.0)?,
            });
            if size == workload.size {
                counts = Some(found);
            }
        }
        Ok(Self {
            workload: workload.name.clone(),
            size: workload.size,
            law: workload.law,
            spread: workload.spread,
            counts: counts.ok_or("a workload has a size")?,
            growth,
        })
    }

    /// What a run allocates at the workload's size.
    pub fn allocations(&self) -> Option<Allocations> {
        let point = self.growth.iter().find(|point| point.size == self.size)?;
        point.allocations
    }
}

/// Runs the task twice: once to prepare its statements, once to count.
pub(crate) fn counts_of(task: &mut dyn Task) -> Result<Counts> {
    task.prepare()?;
    let before = task.statistics()?;
    task.run()?;
    let first = task.statistics()?;
    task.prepare()?;
    let between = task.statistics()?;
    let seen = Arc::new(Mutex::new(Vec::new()));
    if let Some(engine) = task.engine() {
        let seen = Arc::clone(&seen);
        engine.observe(move |event: &Event<'_>| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push((event.sql.kind(), counted(event)));
        });
    }
    task.run()?;
    // Querying statistics may send something; nothing after this counts.
    let events = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    let after = task.statistics()?;
    let mut counts = Counts {
        transactions: events
            .iter()
            .filter(|(kind, counted)| {
                *kind == StatementKind::Transaction && begins(&counted.fingerprint)
            })
            .count(),
        ..Counts::default()
    };
    let commands = |(kind, counted): &(StatementKind, Counted)| match kind {
        StatementKind::Transaction => counted.executions,
        _ => 0,
    };
    let commands: usize = events.iter().map(commands).sum();
    counts.statements = events.into_iter().map(|(_, counted)| counted).collect();
    if let (Some(before), Some(first)) = (before, first) {
        counts.prepares = first.prepares - before.prepares;
    }
    if let (Some(between), Some(after)) = (between, after) {
        counts.prepares_again = after.prepares - between.prepares;
        counts.cache_hits = after.cache_hits - between.cache_hits;
        counts.round_trips = after.round_trips - between.round_trips;
        let executions = after.executions - between.executions;
        let by_database = match (between.executions_by_database, after.executions_by_database) {
            (Some(between), Some(after)) => after.checked_sub(between),
            _ => None,
        };
        cross_check(executions, by_database, counts.executions(), commands)?;
    }
    Ok(counts)
}

/// Whether a command begins a transaction. MariaDB sets its isolation level before.
fn begins(command: &str) -> bool {
    command.starts_with("BEGIN") || command.contains("START TRANSACTION")
}

/// The engine, the backend and the database count independently, and must agree. Transaction commands need not be prepared.
fn cross_check(
    executions: u64,
    by_database: Option<u64>,
    seen: usize,
    commands: usize,
) -> Result<()> {
    let seen = u64::try_from(seen)?;
    let fewest = seen - u64::try_from(commands)?;
    if executions < fewest || executions > seen {
        return Err(format!(
            "the engine sent {seen} statements, {commands} of them transaction commands, and the backend counts {executions}"
        )
        .into());
    }
    match by_database {
        Some(counted) if counted != executions => Err(format!(
            "the backend counts {executions} executions, and the database {counted}"
        )
        .into()),
        _ => Ok(()),
    }
}

/// The least of a few runs: caches that grow with their use grow seldom.
fn allocations_of(task: &mut dyn Task, meter: Meter) -> Result<Allocations> {
    let mut least: Option<Allocations> = None;
    for _ in 0..3 {
        task.prepare()?;
        let mut result: Result<()> = Ok(());
        let found = meter(&mut || result = task.run());
        result?;
        least = match least {
            Some(least) if (least.calls, least.bytes) <= (found.calls, found.bytes) => Some(least),
            _ => Some(found),
        };
    }
    least.ok_or_else(|| Error::from("nothing was run"))
}

/// The shortest of some runs: what else the machine does only adds. It is what the process computed; behind a socket, where others
/// compute, it is the time of the clock.
fn shortest(task: &mut dyn Task, is_behind_a_socket: bool) -> Result<f64> {
    const RUNS: usize = 15;
    const LONG: Duration = Duration::from_millis(60);
    let begun = Instant::now();
    let mut shortest = f64::INFINITY;
    for run in 0..RUNS {
        if run >= 3 && begun.elapsed() > LONG {
            break;
        }
        task.prepare()?;
        let (start, computed) = (Instant::now(), ProcessTime::try_now()?);
        black_box(task.run())?;
        let time = match is_behind_a_socket {
            true => start.elapsed(),
            false => computed.try_elapsed()?,
        };
        shortest = shortest.min(time.as_secs_f64() * 1e9);
    }
    Ok(shortest)
}

fn counted(event: &Event<'_>) -> Counted {
    Counted {
        fingerprint: fingerprint(event.sql.text()),
        executions: event.executions,
        parameters: event.params.len(),
        rows: event.rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_that_disagree_are_an_error() {
        // Commands prepared as on SQLite, or sent as text as on PostgreSQL.
        assert!(cross_check(5, Some(5), 5, 2).is_ok());
        assert!(cross_check(3, Some(3), 5, 2).is_ok());
        assert!(cross_check(3, None, 5, 2).is_ok());
        assert!(cross_check(3, Some(4), 5, 2).is_err());
        assert!(cross_check(2, Some(2), 5, 2).is_err());
        assert!(cross_check(6, Some(6), 5, 2).is_err());
    }
}
