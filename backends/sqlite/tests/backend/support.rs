//! Statements by their text, and results as owned values.

use selfsame::backend::Backend as _;
use selfsame::backend::{Connection, Outcome, Sql, Statement, StatementKind};
use selfsame::dialect::{Begin, Transaction};
use selfsame::value::{Param, Value, ValueRef, ValueType};
use selfsame::{Error, ErrorKind, Result};

pub(crate) use selfsame_sqlite::Sqlite;
pub(crate) use selfsame_sqlite::testing::TempDatabase;

pub(crate) type Session = Box<dyn Connection>;

pub(crate) fn memory() -> Session {
    Sqlite::memory().connect().expect("a database in memory")
}

pub(crate) fn sql(text: &str) -> Sql {
    let kind = match text.split_whitespace().next() {
        Some("SELECT" | "VALUES" | "WITH" | "EXPLAIN") => StatementKind::Select,
        Some("INSERT") => StatementKind::Insert,
        Some("UPDATE") => StatementKind::Update,
        Some("DELETE") => StatementKind::Delete,
        Some("CREATE" | "DROP" | "ALTER") => StatementKind::Ddl,
        Some("BEGIN" | "COMMIT" | "ROLLBACK" | "SAVEPOINT" | "RELEASE") => {
            StatementKind::Transaction
        }
        _ => StatementKind::Raw,
    };
    Sql::new(kind, text, [], [])
}

pub(crate) fn params<'a>(values: &[ValueRef<'a>]) -> Vec<Param<'a>> {
    values.iter().map(|value| Param::Ref(*value)).collect()
}

pub(crate) fn try_run(
    session: &mut Session,
    text: &str,
    values: &[ValueRef<'_>],
) -> Result<Outcome> {
    session.execute(&Statement::new(&sql(text), &params(values)))
}

pub(crate) fn run(session: &mut Session, text: &str, values: &[ValueRef<'_>]) -> Outcome {
    try_run(session, text, values).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn refused(session: &mut Session, text: &str, kind: ErrorKind) -> Error {
    let error = try_run(session, text, &[]).expect_err(text);
    assert_eq!(error.kind(), kind, "{text}: {error}");
    error
}

/// All rows, each column as the given type.
pub(crate) fn try_rows(
    session: &mut Session,
    text: &str,
    values: &[ValueRef<'_>],
    types: &[ValueType],
) -> Result<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    session.query(&Statement::new(&sql(text), &params(values)), &mut |row| {
        let row = (0..row.len())
            .map(|i| row.value(i, types[i]).map(ValueRef::to_owned))
            .collect::<Result<Vec<_>>>()?;
        rows.push(row);
        Ok(())
    })?;
    Ok(rows)
}

/// The only column of the only row.
pub(crate) fn try_one(session: &mut Session, text: &str, ty: ValueType) -> Result<Value> {
    let mut rows = try_rows(session, text, &[], &[ty])?;
    assert_eq!(rows.len(), 1, "{text}: one row");
    Ok(rows.remove(0).remove(0))
}

pub(crate) fn one(session: &mut Session, text: &str, ty: ValueType) -> Value {
    try_one(session, text, ty).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn integer(session: &mut Session, text: &str) -> i64 {
    one(session, text, ValueType::I64)
        .get()
        .expect("an integer")
}

pub(crate) fn transaction(session: &mut Session, command: Transaction<'_>) -> Result<()> {
    let backend = Sqlite::memory();
    let text = backend.dialect().transaction(&command);
    session.transaction(
        &command,
        &Sql::new(StatementKind::Transaction, text, [], []),
    )
}

pub(crate) fn begin(session: &mut Session, change: impl FnOnce(&mut Begin)) -> Result<()> {
    let mut begin = Begin::default();
    change(&mut begin);
    transaction(session, Transaction::Begin(begin))
}
