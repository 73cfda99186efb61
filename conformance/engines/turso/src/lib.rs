//! A backend over [turso](https://crates.io/crates/turso), the rewrite of SQLite in Rust, written by
//! `docs/implementing-a-backend.md` alone.
//!
//! It is an example: it has no reflection and keeps no statement prepared.

mod dialect;
mod values;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pollster::block_on;
use selfsame::backend::{Backend, Connection, Outcome, Row, Statement};
use selfsame::dialect::Dialect;
use selfsame::value::{ValueRef, ValueType};
use selfsame::{Error, ErrorKind, Result};

use crate::dialect::TursoDialect;
use crate::values::{decode, to_stored};

/// How long a statement waits for another connection's lock.
const BUSY: Duration = Duration::from_secs(5);

/// A database in a file.
#[derive(Debug)]
pub struct Turso {
    path: PathBuf,
    /// The engine locks the file for the process, so all connections share one of these. Opened by the first.
    database: Mutex<Option<turso::Database>>,
}

impl Turso {
    /// The database in this file, which is created if it does not exist.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            database: Mutex::default(),
        }
    }

    fn database(&self) -> Result<turso::Database> {
        let mut database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = &*database {
            return Ok(database.clone());
        }
        let path = self
            .path
            .to_str()
            .ok_or_else(|| Error::new(ErrorKind::Configuration, "the path is not valid Unicode"))?;
        let builder = turso::Builder::new_local(path).experimental_generated_columns(true);
        let opened = block_on(builder.build()).map_err(classify)?;
        Ok(database.insert(opened).clone())
    }
}

impl Backend for Turso {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        let database = self.database()?;
        Ok(Box::new(TursoConnection {
            native: open(&database)?,
            database,
        }))
    }

    fn dialect(&self) -> &dyn Dialect {
        &TursoDialect
    }
}

struct TursoConnection {
    native: turso::Connection,
    database: turso::Database,
}

impl std::fmt::Debug for TursoConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TursoConnection").finish_non_exhaustive()
    }
}

fn open(database: &turso::Database) -> Result<turso::Connection> {
    let native = database.connect().map_err(classify)?;
    native.busy_timeout(BUSY).map_err(classify)?;
    block_on(native.execute("PRAGMA foreign_keys = ON", ())).map_err(classify)?;
    Ok(native)
}

impl Connection for TursoConnection {
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome> {
        let matched = self.run(statement, &mut |_| Ok(()))?;
        Ok(Outcome::matched(matched).with_last_insert_id(self.native.last_insert_rowid()))
    }

    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        self.run(statement, sink).map(drop)
    }

    fn reset(&mut self, used_raw_sql: bool) -> Result<()> {
        // Raw SQL may have left any state; a new connection has none.
        if used_raw_sql {
            self.native = open(&self.database)?;
        } else if !self.native.is_autocommit().map_err(classify)? {
            block_on(self.native.execute("ROLLBACK", ())).map_err(classify)?;
        }
        Ok(())
    }

    fn server_version(&mut self) -> Result<String> {
        Ok("turso 0.8.3".to_owned())
    }
}

impl TursoConnection {
    /// Runs a statement to its end, and returns how many rows it wrote.
    fn run(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<u64> {
        let params: Vec<turso::Value> = (1..)
            .zip(statement.params)
            .map(|(index, param)| to_stored(param, index))
            .collect::<Result<_>>()?;
        let mut prepared = block_on(self.native.prepare(statement.sql.text())).map_err(classify)?;
        let names = prepared.column_names();
        let mut rows =
            block_on(prepared.query(turso::params_from_iter(params))).map_err(classify)?;
        while let Some(row) = block_on(rows.next()).map_err(classify)? {
            let values = (0..names.len()).map(|index| row.get_value(index));
            let values = values.collect::<turso::Result<_>>().map_err(classify)?;
            sink(&TursoRow {
                names: &names,
                values,
            })?;
        }
        Ok(prepared.n_change())
    }
}

struct TursoRow<'a> {
    names: &'a [String],
    values: Vec<turso::Value>,
}

impl Row for TursoRow<'_> {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn name(&self, index: usize) -> &str {
        self.names.get(index).map_or("", String::as_str)
    }

    fn value(&self, index: usize, ty: ValueType) -> Result<ValueRef<'_>> {
        let decoded = self.values.get(index).and_then(|value| decode(value, ty));
        decoded.ok_or_else(|| {
            let message = format!("the stored value is not of type {ty:?}");
            Error::new(ErrorKind::Conversion, message).column(self.name(index))
        })
    }
}

/// Classifies every native error. The engine's messages contain values only in errors of functions, which are left out.
fn classify(error: turso::Error) -> Error {
    use turso::Error as E;
    let kind = match &error {
        E::Constraint(text) if text.contains("UNIQUE constraint") => ErrorKind::UniqueViolation,
        E::Constraint(text) if text.contains("FOREIGN KEY constraint") => {
            ErrorKind::ForeignKeyViolation
        }
        E::Constraint(text) if text.contains("NOT NULL constraint") => ErrorKind::NotNullViolation,
        E::Constraint(text) if text.contains("CHECK constraint") => ErrorKind::CheckViolation,
        E::Busy(_) => ErrorKind::Busy,
        E::BusySnapshot(_) => ErrorKind::Serialization,
        E::Readonly(_) => ErrorKind::ReadOnly,
        E::NotAdb(_) | E::IoError(..) => ErrorKind::Unreachable,
        E::Error(text) if text.contains("no such table") => ErrorKind::NoSuchTable,
        E::Misuse(_) => ErrorKind::InvalidStatement,
        E::Error(_) => ErrorKind::InvalidStatement,
        _ => ErrorKind::Database,
    };
    let message = error.to_string();
    let error = Error::new(kind, message.as_str());
    match message.strip_prefix("CHECK constraint failed: ") {
        Some(name) => error.constraint(name.split(' ').next().unwrap_or(name)),
        None => error,
    }
}
