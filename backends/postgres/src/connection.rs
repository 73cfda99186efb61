//! [`PostgresConnection`]: runs statements, one at a time.

use std::cell::RefCell;
use std::fmt;

use postgres_types::Type;
use selfsame::backend::{Connection, Outcome, Row, Sql, Statement, StatementKind};
use selfsame::dialect::Transaction;
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::value::{ValueRef, ValueType};

use crate::classify::{Phase, classify, is_stale_plan};
use crate::driver::{Client, Rows};
use crate::param::{Bound, declared_type};
use crate::row::PostgresRow;
use crate::runtime;
use crate::statements::Statements;

/// Everything that a user's statements can leave behind in a session, but for the prepared statements.
const FORGET: &str = "ROLLBACK; CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; \
                      SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";

/// One connection to PostgreSQL.
pub(crate) struct PostgresConnection {
    /// The cell lets `is_open` look at the socket.
    client: RefCell<Client>,
    statements: Statements,
    transaction: State,
    lost: bool,
}

/// The transaction as the server sees it: the driver does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Open,
    /// Open, and refusing everything but a rollback since a statement failed.
    Failed,
}

/// Why a statement ended early.
enum Failure {
    Driver(tokio_postgres::Error),
    /// Found by us before anything was sent.
    Own(Error),
    /// The sink's error, and that of reading on behind it.
    Sink(Error, Option<tokio_postgres::Error>),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Driver(error)
    }
}

impl PostgresConnection {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client: RefCell::new(client),
            statements: Statements::default(),
            transaction: State::Idle,
            lost: false,
        }
    }

    fn client(&mut self) -> Result<&mut Client> {
        runtime::may_block()?;
        if self.lost {
            return Err(Error::new(
                ErrorKind::ConnectionLost,
                "the connection to the server is gone",
            ));
        }
        Ok(self.client.get_mut())
    }

    /// Runs one statement; how many rows it matched.
    fn run(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<u64> {
        let sql = statement.sql;
        let failure = match self.attempt(statement, sink) {
            Ok(matched) => {
                if sql.kind() == StatementKind::Ddl {
                    // What is kept may have another shape now.
                    self.statements.clear();
                }
                return Ok(matched);
            }
            Err(failure) => failure,
        };
        match failure {
            Failure::Own(error) => Err(error),
            Failure::Sink(error, behind) => {
                if let Some(behind) = behind {
                    self.failed(behind, sql);
                }
                Err(error)
            }
            // Refused before its first row: nothing has been handed on.
            Failure::Driver(error) if is_stale_plan(&error) && self.statements.forget(sql.id()) => {
                if self.transaction == State::Idle {
                    return self.run(statement, sink);
                }
                Err(self.failed(error, sql).with_kind(ErrorKind::Serialization))
            }
            Failure::Driver(error) => Err(self.failed(error, sql)),
        }
    }

    fn attempt(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<u64, Failure> {
        let Statement { sql, params } = *statement;
        let bound = params.iter().enumerate().map(|(index, param)| Bound {
            position: index + 1,
            declared: sql
                .params()
                .get(index)
                .copied()
                .unwrap_or(ValueType::Native),
            param,
        });
        if sql.kind() == StatementKind::Ddl && params.is_empty() {
            self.client()
                .map_err(Failure::Own)?
                .batch_execute(sql.text())?;
            return Ok(0);
        }
        // A user's statement is not kept: its id is mostly fresh. It travels with its types in one round trip.
        if sql.kind() == StatementKind::Raw {
            let typed: Vec<(Bound<'_>, Type)> = bound
                .map(|bound| (bound, declared_type(bound.declared, bound.param)))
                .collect();
            if typed.iter().all(|(_, ty)| *ty != Type::UNKNOWN) {
                let client = self.client().map_err(Failure::Own)?;
                return drain(client.query_once(sql.text(), typed)?, sink);
            }
            let prepared = self.prepare(statement)?;
            check_count(&prepared, statement)?;
            let bound = typed.into_iter().map(|(bound, _)| bound);
            let client = self.client().map_err(Failure::Own)?;
            return drain(client.query(&prepared, bound)?, sink);
        }
        let prepared = match self.statements.get(sql.id()) {
            Some(prepared) => prepared,
            None => {
                let prepared = self.prepare(statement)?;
                self.statements.keep(sql.id(), prepared.clone());
                prepared
            }
        };
        check_count(&prepared, statement)?;
        let client = self.client().map_err(Failure::Own)?;
        drain(client.query(&prepared, bound)?, sink)
    }

    fn prepare(&mut self, statement: &Statement<'_>) -> Result<tokio_postgres::Statement, Failure> {
        let Statement { sql, params } = *statement;
        let types: Vec<Type> = sql
            .params()
            .iter()
            .zip(params)
            .map(|(ty, param)| declared_type(*ty, param))
            .collect();
        let client = self.client().map_err(Failure::Own)?;
        Ok(client.prepare(sql.text(), &types)?)
    }

    /// Notes what the error did to the connection, and classifies it.
    fn failed(&mut self, error: tokio_postgres::Error, sql: &Sql) -> Error {
        let reported = error.as_db_error().is_some();
        let error = classify(error, Phase::Run).statement(sql.text());
        if error.is_connection_lost() {
            self.lost = true;
        } else if reported && self.transaction == State::Open {
            self.transaction = State::Failed;
        }
        error
    }

    fn command(&mut self, sql: &Sql, text: &str) -> Result<()> {
        let client = self.client()?;
        client
            .batch_execute(text)
            .map_err(|error| self.failed(error, sql))
    }
}

fn check_count(
    prepared: &tokio_postgres::Statement,
    statement: &Statement<'_>,
) -> Result<(), Failure> {
    let (needed, given) = (prepared.params().len(), statement.params.len());
    if needed == given {
        return Ok(());
    }
    let message = format!("the statement has {needed} parameters, and {given} were given");
    Err(Failure::Own(
        Error::new(ErrorKind::InvalidStatement, message).statement(statement.sql.text()),
    ))
}

/// Hands on the rows, and reads what the sink does not want, so that the connection is free for the next statement.
fn drain(mut rows: Rows<'_>, sink: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<u64, Failure> {
    while !rows.chunk().is_empty() {
        for row in rows.chunk() {
            if let Err(error) = sink(&PostgresRow(row)) {
                return Err(Failure::Sink(error, skip(rows).err()));
            }
        }
        rows.advance()?;
    }
    Ok(rows.matched())
}

fn skip(mut rows: Rows<'_>) -> Result<(), tokio_postgres::Error> {
    while !rows.chunk().is_empty() {
        rows.advance()?;
    }
    Ok(())
}

impl Connection for PostgresConnection {
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome> {
        self.run(statement, &mut |_| Ok(())).map(Outcome::matched)
    }

    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        self.run(statement, sink).map(drop)
    }

    fn transaction(&mut self, command: &Transaction<'_>, sql: &Sql) -> Result<()> {
        match command {
            // The server would answer this COMMIT with a silent rollback.
            Transaction::Commit if self.transaction == State::Failed => {
                self.command(sql, "ROLLBACK")?;
                self.transaction = State::Idle;
                Err(Error::new(
                    ErrorKind::Database,
                    "a statement of this transaction failed before: it was rolled back, not committed",
                )
                .code("25P02"))
            }
            Transaction::Commit | Transaction::Rollback => {
                // What is refused here was not sent; what is sent ends the transaction, whatever the answer.
                self.client()?;
                self.transaction = State::Idle;
                self.command(sql, sql.text())
            }
            Transaction::Begin(_) | Transaction::RollbackTo(_) => {
                self.command(sql, sql.text())?;
                self.transaction = State::Open;
                Ok(())
            }
            _ => self.command(sql, sql.text()),
        }
    }

    /// Looks at the socket: a server that went away while the connection was idle is noticed without asking it.
    fn is_open(&self) -> bool {
        if self.lost {
            return false;
        }
        // In use, or inside a task where nothing can be asked, it is taken to be well.
        match self.client.try_borrow_mut() {
            Ok(mut client) if !runtime::is_async() => client.is_open(),
            _ => true,
        }
    }

    fn reset(&mut self, used_raw_sql: bool) -> Result<()> {
        let text = match (used_raw_sql, self.transaction) {
            (true, _) => FORGET,
            (false, State::Idle) => return Ok(()),
            (false, _) => "ROLLBACK",
        };
        let reset = Sql::new(StatementKind::Transaction, text, [], []);
        self.command(&reset, text)?;
        self.transaction = State::Idle;
        Ok(())
    }

    fn server_version(&mut self) -> Result<String> {
        let version = Sql::new(
            StatementKind::Raw,
            "SHOW server_version",
            [],
            [ValueType::Text],
        );
        let mut text = "PostgreSQL".to_owned();
        self.query(&Statement::new(&version, &[]), &mut |row| {
            if let ValueRef::Text(version) = row.value(0, ValueType::Text)? {
                // What follows the number says who packaged it.
                let number = version.split(' ').next().unwrap_or(version);
                text = format!("PostgreSQL {number}");
            }
            Ok(())
        })?;
        Ok(text)
    }
}

impl fmt::Debug for PostgresConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConnection")
            .field("transaction", &self.transaction)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}
