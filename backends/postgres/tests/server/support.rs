//! Shared by the cases: a case, a connection, and one-line statements.

use selfsame::backend::{Backend, Connection, Sql, Statement, StatementKind};
use selfsame::dialect::{Begin, Dialect, Transaction};
use selfsame::error::{Error, Result};
use selfsame::value::{Param, Value, ValueRef, ValueType};
use selfsame_postgres::testing::{Database, Server};
use selfsame_postgres::{Postgres, PostgresDialect};
use selfsame_testing::Proxy;

pub(crate) type Case = (&'static str, fn(&Server));

/// A case's database and a connection to it. The connection closes first.
pub(crate) struct Fixture {
    pub(crate) connection: Box<dyn Connection>,
    pub(crate) database: Database,
}

pub(crate) fn fixture(server: &Server) -> Fixture {
    let database = server.database().expect("a database");
    Fixture {
        connection: database.backend().connect().expect("connects"),
        database,
    }
}

pub(crate) fn execute(connection: &mut dyn Connection, text: &str) -> Result<u64> {
    let sql = Sql::new(StatementKind::Ddl, text, [], []);
    Ok(connection.execute(&Statement::new(&sql, &[]))?.matched)
}

/// A prepared statement with its parameters.
pub(crate) fn write(
    connection: &mut dyn Connection,
    text: &str,
    params: &[(ValueType, Param<'_>)],
) -> Result<u64> {
    let sql = sql(StatementKind::Insert, text, params, &[]);
    let params: Vec<_> = params.iter().map(|(_, param)| param.clone()).collect();
    Ok(connection.execute(&Statement::new(&sql, &params))?.matched)
}

/// All values of a query, row by row.
pub(crate) fn read(
    connection: &mut dyn Connection,
    text: &str,
    params: &[(ValueType, Param<'_>)],
    columns: &[ValueType],
) -> Result<Vec<Vec<Value>>> {
    let sql = sql(StatementKind::Select, text, params, columns);
    let params: Vec<_> = params.iter().map(|(_, param)| param.clone()).collect();
    read_sql(connection, &sql, &params)
}

pub(crate) fn read_sql(
    connection: &mut dyn Connection,
    sql: &Sql,
    params: &[Param<'_>],
) -> Result<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    connection.query(&Statement::new(sql, params), &mut |row| {
        assert_eq!(row.len(), sql.columns().len());
        let values = sql.columns().iter().enumerate();
        rows.push(
            values
                .map(|(index, ty)| row.value(index, *ty).map(ValueRef::to_owned))
                .collect::<Result<_>>()?,
        );
        Ok(())
    })?;
    Ok(rows)
}

pub(crate) fn sql(
    kind: StatementKind,
    text: &str,
    params: &[(ValueType, Param<'_>)],
    columns: &[ValueType],
) -> Sql {
    let types: Vec<_> = params.iter().map(|(ty, _)| *ty).collect();
    Sql::new(kind, text, types, columns)
}

pub(crate) fn transact(connection: &mut dyn Connection, command: Transaction<'_>) -> Result<()> {
    let text = PostgresDialect::default().transaction(&command);
    let sql = Sql::new(StatementKind::Transaction, text, [], []);
    connection.transaction(&command, &sql)
}

pub(crate) fn begin(connection: &mut dyn Connection) {
    transact(connection, Transaction::Begin(Begin::default())).expect("begins");
}

pub(crate) fn i64s(rows: &[Vec<Value>]) -> Vec<i64> {
    rows.iter()
        .map(|row| match row[0] {
            Value::I64(value) => value,
            ref other => panic!("not an i64: {other:?}"),
        })
        .collect()
}

/// Everything that an error shows, its causes included.
pub(crate) fn shown(error: &Error) -> String {
    let mut out = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        out.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    out
}

/// A proxy in front of the server.
pub(crate) fn proxy(server: &Server) -> Proxy {
    let url = url::Url::parse(server.url()).expect("a URL");
    let host = url.host_str().expect("a host");
    Proxy::to(host, url.port().unwrap_or(5432))
}

/// The backend of a database, through a proxy.
pub(crate) fn through_proxy(proxy: &Proxy, server: &Server, database: &Database) -> Postgres {
    let mut url = url::Url::parse(server.url()).expect("a URL");
    url.set_host(Some("127.0.0.1")).expect("has a host");
    url.set_port(Some(proxy.port())).expect("has a host");
    Postgres::url(url.as_str())
        .expect("a URL")
        .application_name(database.name())
        .schema(database.name())
}
