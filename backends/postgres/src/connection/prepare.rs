//! Prepares statements, and checks their parameters against the columns that they are written to.

use std::sync::Arc;

use postgres_types::Type;
use selfsame::backend::{Sql, Statement};
use selfsame::error::{Error, ErrorKind, Result};

use super::{Failure, PostgresConnection};
use crate::driver::{Cause, Fault};
use crate::fit::{self, Declared, Guard};
use crate::operators;
use crate::param::declared_type;

/// The maximum number of cached tables and types: a program with a schema for each tenant may use any number.
const MOST_KNOWN: usize = 256;

/// A cached prepared statement.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) statement: tokio_postgres::Statement,
    /// The guards of parameters that their columns may change.
    pub(super) guards: Arc<[Guard]>,
}

impl PostgresConnection {
    /// Forgets the declared columns of a statement's table, so that they are queried again: the table may not have existed, and another
    /// connection may have created it.
    pub(super) fn forget_table(&mut self, sql: &Sql) {
        if let Some(table) = sql.target().and_then(fit::table) {
            self.tables.remove(&table);
            self.guarded.forget(sql.id());
        }
    }

    pub(super) fn prepare_to_keep(&mut self, statement: &Statement<'_>) -> Result<Kept, Failure> {
        let sql = statement.sql;
        let table = sql.target().and_then(fit::table);
        let table = table.filter(|table| !self.tables.contains_key(table));
        let prepared = match table {
            Some(table) => self.prepare_and_describe(statement, table)?,
            None => self.prepare(statement)?,
        };
        let kept = Kept {
            statement: prepared,
            guards: self.guards(sql)?,
        };
        // The driver closes evicted statements on the server.
        self.statements.keep(sql, kept.clone());
        Ok(kept)
    }

    pub(super) fn prepare(
        &mut self,
        statement: &Statement<'_>,
    ) -> Result<tokio_postgres::Statement, Failure> {
        let types = types(statement);
        let client = self.client().map_err(Failure::Own)?;
        let prepared = client.prepare(statement.sql.text(), &types);
        let prepared = prepared.map_err(as_unsent)?;
        self.counted.prepares += 1;
        Ok(prepared)
    }

    /// Prepares a statement, and queries the declared columns of its table in the same round trip.
    fn prepare_and_describe(
        &mut self,
        statement: &Statement<'_>,
        table: String,
    ) -> Result<tokio_postgres::Statement, Failure> {
        let (text, types) = (statement.sql.text(), types(statement));
        let client = self.client().map_err(Failure::Own)?;
        let both = client.prepare_and_query(text, &types, fit::DECLARED_COLUMNS, &table);
        let (prepared, rows) = both.map_err(as_unsent)?;
        self.counted.prepares += 1;
        self.describe(table, &rows)?;
        Ok(prepared)
    }

    fn describe(&mut self, table: String, rows: &[tokio_postgres::Row]) -> Result<(), Failure> {
        let declared = declared(rows)?;
        if self.tables.len() >= MOST_KNOWN {
            self.tables.clear();
        }
        self.tables.insert(table, declared);
        Ok(())
    }

    /// Refuses parameters that their columns would change.
    pub(super) fn refuse_changed(
        &mut self,
        guards: &[Guard],
        statement: &Statement<'_>,
    ) -> Result<(), Failure> {
        if fit::check(guards, statement.params).is_ok() {
            return Ok(());
        }
        // Another connection may have altered the table.
        let sql = statement.sql;
        self.forget_table(sql);
        let guards = self.guards(sql)?;
        fit::check(&guards, statement.params).map_err(Failure::Own)?;
        match self.statements.forget(sql.id()) {
            Some(kept) => drop(self.statements.keep(sql, Kept { guards, ..kept })),
            None => drop(self.guarded.keep(sql, guards)),
        }
        Ok(())
    }

    /// Refuses comparisons of values whose type has its operators in a schema that the server does not search.
    pub(super) fn refuse_hidden_operators(&mut self, sql: &Sql) -> Result<(), Failure> {
        for name in sql.compared_types() {
            if self.comparable.contains(name) {
                continue;
            }
            let client = self.client().map_err(Failure::Own)?;
            let found = client.query_with_text(operators::HIDDEN, name);
            let found = found.map_err(as_unsent)?;
            let schema = found.first().map(|row| row.try_get(0).map_err(unread));
            if let Some(schema) = schema.transpose()? {
                let error = operators::hidden(name, schema).statement(sql.text());
                return Err(Failure::Own(error.unsent()));
            }
            if self.comparable.len() >= MOST_KNOWN {
                self.comparable.clear();
            }
            self.comparable.insert(name.clone());
        }
        Ok(())
    }

    pub(super) fn guards_of_unprepared(&mut self, sql: &Sql) -> Result<Arc<[Guard]>, Failure> {
        if sql.target().is_none() {
            return Ok(Arc::default());
        }
        if let Some(guards) = self.guarded.get(sql.id()) {
            return Ok(Arc::clone(guards));
        }
        let guards = self.guards(sql)?;
        self.guarded.keep(sql, Arc::clone(&guards));
        Ok(guards)
    }

    /// Returns guards for the parameters that their columns may change, as the table is declared.
    fn guards(&mut self, sql: &Sql) -> Result<Arc<[Guard]>, Failure> {
        let target = sql.target();
        let Some((target, table)) = target.and_then(|it| Some((it, fit::table(it)?))) else {
            return Ok(Arc::default());
        };
        if !self.tables.contains_key(&table) {
            let client = self.client().map_err(Failure::Own)?;
            let rows = client
                .query_with_text(fit::DECLARED_COLUMNS, &table)
                .map_err(as_unsent)?;
            self.describe(table.clone(), &rows)?;
        }
        let declared = self.tables.get(&table);
        Ok(fit::guards(target, declared.map_or(&[], Vec::as_slice)).into())
    }
}

/// The types of the parameters.
fn types(statement: &Statement<'_>) -> Vec<Type> {
    let types = statement.sql.params().iter().zip(statement.params);
    types.map(|(ty, param)| declared_type(*ty, param)).collect()
}

fn declared(rows: &[tokio_postgres::Row]) -> Result<Vec<Declared>, Failure> {
    let read = rows.iter().map(Declared::read);
    let read: Result<Vec<_>, _> = read.collect();
    read.map_err(unread)
}

/// A row of the catalog that could not be read.
fn unread(error: tokio_postgres::Error) -> Failure {
    as_unsent(Fault {
        cause: Cause::Driver(error),
        unsent: true,
    })
}

/// Marks the fault as unsent: preparing a statement or describing its table runs nothing.
fn as_unsent(fault: Fault) -> Failure {
    Failure::Driver(Fault {
        unsent: true,
        ..fault
    })
}

pub(super) fn check_count(
    prepared: &tokio_postgres::Statement,
    statement: &Statement<'_>,
) -> Result<(), Failure> {
    let (needed, given) = (prepared.params().len(), statement.params.len());
    if needed == given {
        return Ok(());
    }
    let message = format!("the statement has {needed} parameters, but {given} were given");
    Err(Failure::Own(
        Error::new(ErrorKind::InvalidStatement, message).statement(statement.sql.text()),
    ))
}
