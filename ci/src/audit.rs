//! `selfsame audit`: reads a database and reports whether it can be mapped as it is.
//!
//! Nothing is written: on SQLite the file is opened read-only, on PostgreSQL the transaction is read-only. With `--write` each row is
//! written back unchanged, inside a transaction that is rolled back.

mod read;
mod relations;
mod report;
mod verdict;
mod write_back;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use selfsame::dialect::Begin;
use selfsame::engine::Connected;
use selfsame::schema::Table;
use selfsame::{Engine, Result};

use crate::arguments::{AuditArguments, AuditShape};
use crate::inspect;
use selfsame_conformance::command::{say, try_to_write, unwritable};
use verdict::{Audit, Severity, TableAudit};

/// How many rows of each table `--write` writes back without `--rows`.
const WRITTEN_ROWS: u64 = 100;

/// The exit code if some table could not be read completely.
const INCOMPLETE: u8 = 3;

/// Reads a database and reports which parts of it can be used.
///
/// # Errors
///
/// An unknown URL, a schema without tables, a file that cannot be written; errors while connecting.
pub(crate) fn run(arguments: &AuditArguments) -> Result<ExitCode> {
    let shape = arguments.shape()?;
    if let Some(path) = &arguments.out {
        try_to_write(path).map_err(|error| unwritable(path, &error))?;
    }
    let engine = match arguments.write {
        true => inspect::open_for_writing(&arguments.url)?,
        false => inspect::open(&arguments.url)?,
    };
    let tables = inspect::tables(&engine, &arguments.schema)?;
    let tables: Vec<Table> = tables.iter().map(inspect::with_key).collect();
    let start = Instant::now();
    let mut audit = Audit {
        database: engine.connect()?.server_version()?,
        rows: arguments.rows,
        wrote: arguments.write,
        tables: Vec::new(),
        seconds: 0.0,
    };
    let progress = progress(tables.len());
    for table in &tables {
        progress.set_message(table.name.clone());
        audit
            .tables
            .push(of_table(&engine, table, &tables, arguments, &progress)?);
        progress.inc(1);
    }
    progress.finish_and_clear();
    audit.seconds = start.elapsed().as_secs_f64();
    let text = match shape {
        AuditShape::Human => report::human(&audit),
        AuditShape::Json => report::json(&audit),
        AuditShape::Markdown => report::markdown(&audit),
        AuditShape::Html => report::html(&audit),
    };
    match &arguments.out {
        Some(path) => {
            std::fs::write(path, text).map_err(|error| unwritable(path, &error))?;
            say(&report::summary(&audit))?;
        }
        None => say(&text)?,
    }
    Ok(match (audit.is_whole(), audit.worst()) {
        (false, _) => ExitCode::from(INCOMPLETE),
        (true, Some(Severity::Silent | Severity::Loud)) => ExitCode::from(1),
        (true, _) => ExitCode::SUCCESS,
    })
}

fn progress(tables: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
    let bar = ProgressBar::new(tables as u64);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// One part of the audit of a table.
type Part<'a> = dyn Fn(&mut Connected, &mut TableAudit) -> Result<()> + 'a;

/// Audits a table, in a separate transaction that is rolled back.
fn of_table(
    engine: &Engine,
    table: &Table,
    tables: &[Table],
    arguments: &AuditArguments,
    progress: &ProgressBar,
) -> Result<TableAudit> {
    let start = Instant::now();
    let mut audit = TableAudit::new(table, engine.dialect());
    let mut connected = engine.connect()?;
    let mut begin = Begin::default();
    begin.read_only = !arguments.write;
    begin.writes_first = arguments.write;
    connected.begin(begin)?;
    let parts: [(&str, &Part<'_>); 4] = [
        ("it could not be read", &|connected, audit| {
            read::rows(connected, table, arguments.rows, progress, audit)
        }),
        (
            "its keys could not be compared",
            &|connected, audit| match arguments.rows {
                None => relations::repeated_keys(connected, table, audit),
                Some(_) => Ok(()),
            },
        ),
        (
            "its foreign keys could not be checked",
            &|connected, audit| relations::check(connected, table, tables, audit),
        ),
        (
            "it could not be written back",
            &|connected, audit| match arguments.write {
                true => {
                    let rows = arguments.rows.unwrap_or(WRITTEN_ROWS);
                    write_back::rows(connected, table, rows, audit)
                }
                false => Ok(()),
            },
        ),
    ];
    let mut reasons: Vec<String> = Vec::new();
    for (failure, part) in parts {
        // Report an error of the database for this table, and continue with the others.
        if let Err(error) = guarded(&mut connected, |connected| part(connected, &mut audit)) {
            // An error in one part usually occurs in the next ones too: report it once.
            if !reasons.iter().any(|reason| reason == error.message()) {
                audit.broke_off(failure, &error);
            }
            reasons.push(error.message().to_owned());
        }
    }
    connected.rollback()?;
    audit.seconds = start.elapsed().as_secs_f64();
    Ok(audit)
}

/// Runs a step. The transaction remains usable even if the step fails.
fn guarded<T>(
    connected: &mut Connected,
    run: impl FnOnce(&mut Connected) -> Result<T>,
) -> Result<T> {
    connected.savepoint("audit")?;
    let result = run(connected);
    connected.rollback_to("audit")?;
    connected.release("audit")?;
    result
}
