//! A backend over [GlueSQL](https://crates.io/crates/gluesql), whose rows are in memory, written by
//! `docs/implementing-a-backend.md` alone.
//!
//! It is an example of an engine with few features: it has no transactions, no generated keys and no composite keys.

mod definitions;
mod dialect;
mod values;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use gluesql::core::error::{Error as Native, InsertError, ValidateError, ValueError};
use gluesql::prelude::{Glue as Engine, MemoryStorage, Payload, Value as Stored};
use selfsame::backend::{Backend, Connection, Outcome, Row, Statement, StatementKind};
use selfsame::dialect::Dialect;
use selfsame::error::without_values;
use selfsame::value::{ValueRef, ValueType};
use selfsame::{Error, ErrorKind, Result};

use crate::dialect::GlueDialect;
use crate::values::{decode, to_stored};

type Shared = Arc<Mutex<Engine<MemoryStorage>>>;

/// A database in memory, dropped with its last connection.
pub struct Glue(Shared);

impl Glue {
    /// A database without tables.
    pub fn memory() -> Self {
        Self(Arc::new(Mutex::new(Engine::new(MemoryStorage::default()))))
    }
}

impl fmt::Debug for Glue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Glue")
    }
}

impl Backend for Glue {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        Ok(Box::new(GlueConnection(Arc::clone(&self.0))))
    }

    fn dialect(&self) -> &dyn Dialect {
        &GlueDialect
    }
}

struct GlueConnection(Shared);

impl fmt::Debug for GlueConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GlueConnection")
    }
}

impl GlueConnection {
    fn run(&mut self, statement: &Statement<'_>) -> Result<Payload> {
        let text = statement.sql.text();
        let text = match statement.sql.kind() {
            StatementKind::Ddl => match definitions::rewritten(text)? {
                Some(text) => text,
                None => return Ok(Payload::CreateIndex),
            },
            _ => text.to_owned(),
        };
        let params = (1..).zip(statement.params);
        let params = params.map(|(index, param)| to_stored(param, index));
        let params: Vec<_> = params.collect::<Result<_>>()?;
        let mut engine = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let payloads = engine
            .execute_with_params(&text, params)
            .map_err(|error| classify(&error, &text))?;
        let missing = || Error::new(ErrorKind::InvalidStatement, "an empty statement");
        payloads.into_iter().next_back().ok_or_else(missing)
    }
}

impl Connection for GlueConnection {
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome> {
        let matched = match self.run(statement)? {
            Payload::Insert(rows) | Payload::Update(rows) | Payload::Delete(rows) => rows,
            _ => 0,
        };
        Ok(Outcome::matched(u64::try_from(matched).unwrap_or(u64::MAX)))
    }

    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        let Payload::Select { labels, rows } = self.run(statement)? else {
            return Ok(());
        };
        rows.iter().try_for_each(|values| {
            sink(&GlueRow {
                names: &labels,
                values,
            })
        })
    }

    /// A connection has no state.
    fn reset(&mut self, _: bool) -> Result<()> {
        Ok(())
    }

    fn server_version(&mut self) -> Result<String> {
        Ok("GlueSQL 0.20.0".to_owned())
    }
}

struct GlueRow<'a> {
    names: &'a [String],
    values: &'a [Stored],
}

impl Row for GlueRow<'_> {
    fn len(&self) -> usize {
        self.values.len()
    }

    /// The engine returns the name of a quoted column with its quotes.
    fn name(&self, index: usize) -> &str {
        let name = self.names.get(index).map_or("", String::as_str);
        name.strip_prefix('"')
            .and_then(|name| name.strip_suffix('"'))
            .unwrap_or(name)
    }

    fn value(&self, index: usize, ty: ValueType) -> Result<ValueRef<'_>> {
        let decoded = self.values.get(index).and_then(|value| decode(value, ty));
        decoded.ok_or_else(|| {
            let message = format!("the stored value is not of type {ty:?}");
            Error::new(ErrorKind::Conversion, message).column(self.name(index))
        })
    }
}

/// The engine's own words, which may be shown.
const WORDS: &[&str] = &[
    "parser",
    "translate",
    "execute",
    "fetch",
    "evaluate",
    "insert",
    "update",
    "validate",
    "value",
    "key",
    "planner",
    "table",
    "column",
    "not",
    "found",
    "unsupported",
    "expr",
    "statement",
    "duplicate",
    "entry",
    "for",
    "unique",
    "null",
    "on",
    "field",
    "function",
    "data",
    "type",
    "binary",
    "operator",
    "literal",
    "overflow",
    "incompatible",
    "query",
    "set",
    "sql",
    "error",
];

/// Every native error, in one place. The engine quotes values in its messages, which are left out.
fn classify(error: &Native, statement: &str) -> Error {
    let kind = match error {
        Native::Validate(
            ValidateError::DuplicateEntryOnUniqueField(..)
            | ValidateError::DuplicateEntryOnPrimaryKeyField(_),
        ) => ErrorKind::UniqueViolation,
        Native::Value(error) if matches!(**error, ValueError::NullValueOnNotNullField) => {
            ErrorKind::NotNullViolation
        }
        Native::Insert(InsertError::LackOfRequiredColumn(_)) => ErrorKind::NotNullViolation,
        Native::Fetch(_) | Native::Execute(_) => ErrorKind::NoSuchTable,
        Native::StorageMsg(_) => ErrorKind::Database,
        _ => ErrorKind::InvalidStatement,
    };
    Error::new(kind, without_values(&error.to_string(), statement, WORDS))
}
