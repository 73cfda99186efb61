//! Statements: prepared once and kept, or prepared for one execution.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use mysql::Params;
use mysql::prelude::Queryable;
use selfsame::backend::{Outcome, Sql, Statement, StatementKind, Target};
use selfsame::error::{Error, ErrorKind, Result};

use crate::classify::code_of;
use crate::connection::MariaDbConnection;
use crate::fit::{self, Declared, Guard};
use crate::param::bound;
use crate::results::{Sink, drain};

/// The errors for a statement that must be prepared again, and for one that the server does not know.
pub(crate) const STALE: [u16; 2] = [1615, 1243];
/// The error for a statement that cannot be prepared.
const NOT_PREPARABLE: u16 = 1295;
/// The error when all connections together hold as many prepared statements as the server allows.
const TOO_MANY_PREPARED: u16 = 1461;
/// Statements with more parameters are not kept: their number usually depends on a list, and the server keeps each of them in
/// memory.
const MOST_KEPT_PARAMETERS: usize = 4_096;
/// The maximum number of tables whose columns are cached: a program with a schema for each tenant may write to any number.
const MOST_TABLES: usize = 256;

/// A column's name, type, nullability, key, default, and extra information.
type Described = (String, String, String, String, mysql::Value, String);

/// A prepared statement that is kept.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) statement: mysql::Statement,
    /// The parameters that their columns may change.
    guards: Arc<[Guard]>,
    /// The connection's alterations when the guards were made.
    alterations: u64,
}

/// The reason why a statement ended early.
pub(crate) enum Failure {
    Driver(mysql::Error),
    /// An error while it was prepared: nothing has run.
    Preparing(mysql::Error),
    /// An error found before anything was sent.
    Own(Error),
    /// The sink's error, and the error of reading the remaining rows.
    Sink(Error, Option<mysql::Error>),
}

impl From<mysql::Error> for Failure {
    fn from(error: mysql::Error) -> Self {
        Self::Driver(error)
    }
}

impl Failure {
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            Self::Driver(error) | Self::Preparing(error) => code_of(error),
            Self::Own(_) | Self::Sink(..) => None,
        }
    }
}

impl MariaDbConnection {
    pub(crate) fn attempt(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, Failure> {
        let Statement { sql, params } = *statement;
        if sql.kind() == StatementKind::Ddl && params.is_empty() {
            self.counted.round_trips += 1;
            let result = self.link.conn.query_iter(sql.text())?;
            return drain(result, &self.link.socket, sql, sink);
        }
        let values = bound(params, self.link.flavor).map_err(Failure::Own)?;
        if sql.kind() == StatementKind::Raw {
            return self.once(sql, values, sink);
        }
        let mut kept = match self.statements.get(sql.id()) {
            Some(kept) => {
                self.counted.cache_hits += 1;
                kept.clone()
            }
            None if values.len() > MOST_KEPT_PARAMETERS => {
                let guards = self.guards(sql)?;
                if fit::check(&guards, params, self.link.flavor).is_err() {
                    self.refuse_changed(statement)?;
                }
                return self.once(sql, values, sink);
            }
            None => self.prepare_to_keep(sql)?,
        };
        if kept.alterations != self.alterations {
            kept.guards = self.guards(sql)?;
            self.keep_again(sql, &mut kept)?;
        }
        if fit::check(&kept.guards, params, self.link.flavor).is_err() {
            kept.guards = self.refuse_changed(statement)?;
            self.keep_again(sql, &mut kept)?;
        }
        let prepared = kept.statement;
        check_count(&prepared, sql, values.len())?;
        self.counted.executions += 1;
        self.counted.round_trips += 1;
        let result = self.link.conn.exec_iter(&prepared, params_of(values))?;
        drain(result, &self.link.socket, sql, sink)
    }

    /// Runs a statement without keeping it: one of the user, whose id is usually new, or one with many parameters.
    fn once(
        &mut self,
        sql: &Sql,
        values: Vec<mysql::Value>,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, Failure> {
        let prepared = match self.prepare(sql) {
            Err(failure) if failure.code() == Some(NOT_PREPARABLE) && values.is_empty() => {
                self.counted.round_trips += 1;
                let result = self.link.conn.query_iter(sql.text())?;
                return drain(result, &self.link.socket, sql, sink);
            }
            prepared => prepared?,
        };
        self.counted.executions += 1;
        self.counted.round_trips += 1;
        let outcome = match check_count(&prepared, sql, values.len()) {
            Ok(()) => match self.link.conn.exec_iter(&prepared, params_of(values)) {
                Ok(result) => drain(result, &self.link.socket, sql, sink),
                Err(error) => Err(error.into()),
            },
            Err(failure) => Err(failure),
        };
        // The server does not answer this. A broken connection is known already, or is noticed at the next statement.
        let _ = self.link.conn.close(prepared);
        outcome
    }

    fn prepare_to_keep(&mut self, sql: &Sql) -> Result<Kept, Failure> {
        // Guards come first: if querying them fails, no prepared statement is left on the server.
        let guards = self.guards(sql)?;
        let kept = Kept {
            statement: self.prepare(sql)?,
            guards,
            alterations: self.alterations,
        };
        self.keep(sql, kept.clone())?;
        Ok(kept)
    }

    /// Keeps a statement again, with other guards.
    fn keep_again(&mut self, sql: &Sql, kept: &mut Kept) -> Result<(), Failure> {
        kept.alterations = self.alterations;
        self.statements.forget(sql.id());
        self.keep(sql, kept.clone())
    }

    fn keep(&mut self, sql: &Sql, kept: Kept) -> Result<(), Failure> {
        for gone in self.statements.keep(sql, kept) {
            let closed = self.link.conn.close(gone.statement);
            closed.map_err(Failure::Preparing)?;
        }
        Ok(())
    }

    /// Refuses parameters that their columns would change, as the table is declared now: another connection may have altered
    /// it.
    fn refuse_changed(&mut self, statement: &Statement<'_>) -> Result<Arc<[Guard]>, Failure> {
        if let Some(target) = statement.sql.target() {
            self.tables.remove(&columns_query_of(target));
        }
        let guards = self.guards(statement.sql)?;
        fit::check(&guards, statement.params, self.link.flavor).map_err(Failure::Own)?;
        Ok(guards)
    }

    /// Returns guards for the parameters that their columns may change.
    fn guards(&mut self, sql: &Sql) -> Result<Arc<[Guard]>, Failure> {
        let Some(target) = sql.target() else {
            return Ok(Arc::default());
        };
        Ok(fit::guards(target, self.declared(columns_query_of(target))?).into())
    }

    /// Returns the declared columns of a table.
    pub(crate) fn declared(&mut self, columns_query: String) -> Result<&[Declared], Failure> {
        if self.tables.len() >= MOST_TABLES && !self.tables.contains_key(&columns_query) {
            self.tables.clear();
        }
        let entry = match self.tables.entry(columns_query) {
            Entry::Occupied(known) => return Ok(known.into_mut()),
            Entry::Vacant(entry) => entry,
        };
        self.counted.round_trips += 1;
        let table = self.link.conn.query::<Described, _>(entry.key());
        let table = table.map_err(Failure::Preparing)?;
        // The server reports neither the keys of a view nor that its columns follow updates, so a time may do so.
        let may_be_view = table.iter().all(|(_, _, _, key, ..)| key != "PRI");
        let described = |(name, ty, nullable, _, _, extra): Described| Declared {
            replaces_null: extra.contains("auto_increment")
                || nullable == "NO" && ty.starts_with("timestamp"),
            follows_updates: extra.contains("on update ")
                || may_be_view && (ty.starts_with("timestamp") || ty.starts_with("datetime")),
            name,
            ty,
        };
        Ok(entry.insert(table.into_iter().map(described).collect()))
    }

    fn prepare(&mut self, sql: &Sql) -> Result<mysql::Statement, Failure> {
        let prepared = self.prep(sql.text());
        let prepared = match prepared {
            Err(error) if code_of(&error) == Some(TOO_MANY_PREPARED) => {
                for gone in self.statements.take() {
                    let closed = self.link.conn.close(gone.statement);
                    closed.map_err(Failure::Preparing)?;
                }
                self.prep(sql.text())
            }
            prepared => prepared,
        };
        prepared.map_err(Failure::Preparing)
    }

    fn prep(&mut self, text: &str) -> Result<mysql::Statement, mysql::Error> {
        self.counted.prepares += 1;
        self.counted.round_trips += 1;
        self.link.conn.prep(text)
    }
}

fn columns_query_of(target: &Target) -> String {
    fit::columns_query(target.schema(), target.table())
}

fn params_of(values: Vec<mysql::Value>) -> Params {
    match values.is_empty() {
        true => Params::Empty,
        false => Params::Positional(values),
    }
}

fn check_count(prepared: &mysql::Statement, sql: &Sql, given: usize) -> Result<(), Failure> {
    let needed = usize::from(prepared.num_params());
    if needed == given {
        return Ok(());
    }
    let message = format!("the statement has {needed} parameters, but {given} were given");
    Err(Failure::Own(
        Error::new(ErrorKind::InvalidStatement, message).statement(sql.text()),
    ))
}
