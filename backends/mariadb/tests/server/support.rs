//! Shared by the tests: a database, a test's own server, and one-line statements.

use std::sync::OnceLock;

use selfsame::backend::{Backend, Connection, Sql, Statement, StatementKind};
use selfsame::dialect::{Begin, Dialect, Transaction};
use selfsame::error::Result;
use selfsame::prelude::*;
use selfsame::value::{ValueRef, ValueType};
use selfsame_mariadb::MariaDbDialect;
use selfsame_mariadb::testing::{Database, Server, required};

#[derive(Entity, Clone, Debug)]
#[orm(table = "people")]
pub(crate) struct Person {
    #[orm(primary_key)]
    pub(crate) name: String,
    pub(crate) city: String,
    #[orm(back_populates = person)]
    pub(crate) pets: HasMany<Pet>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "pets")]
pub(crate) struct Pet {
    #[orm(primary_key)]
    pub(crate) id: i64,
    #[orm(references = "people.name")]
    pub(crate) person_name: Option<String>,
    #[orm(back_populates = pets)]
    pub(crate) person: BelongsTo<Person>,
}

/// A packet of the protocol: its length, its number, its body.
pub(crate) fn packet(number: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len())
        .expect("a short one")
        .to_le_bytes();
    [&length[..3], &[number], body].concat()
}

/// An empty database of the shared server; `None` if no server is available and none is required.
pub(crate) fn database() -> Option<Database> {
    // It ends with the process.
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| had(Server::start()));
    let server = server.as_ref()?;
    Some(server.database().expect("a database"))
}

pub(crate) fn run(connection: &mut dyn Connection, kind: StatementKind, text: &str) -> Result<u64> {
    let sql = Sql::new(kind, text, [], []);
    Ok(connection.execute(&Statement::new(&sql, &[]))?.matched)
}

pub(crate) fn raw(connection: &mut dyn Connection, text: &str) -> Result<u64> {
    run(connection, StatementKind::Raw, text)
}

pub(crate) fn number(connection: &mut dyn Connection, text: &str) -> Option<i64> {
    let sql = Sql::new(StatementKind::Raw, text, [], [ValueType::I64]);
    let mut found = None;
    connection
        .query(&Statement::new(&sql, &[]), &mut |row| {
            if let ValueRef::I64(value) = row.value(0, ValueType::I64)? {
                found = Some(value);
            }
            Ok(())
        })
        .expect("a query");
    found
}

pub(crate) fn transact(connection: &mut dyn Connection, command: Transaction<'_>) -> Result<()> {
    let text = MariaDbDialect::default().transaction(&command);
    let sql = Sql::new(StatementKind::Transaction, text, [], []);
    connection.transaction(&command, &sql)
}

pub(crate) fn begin(connection: &mut dyn Connection) {
    transact(connection, Transaction::Begin(Begin::default())).expect("begins");
}

/// A test's own server, with these options; `None` if no binaries are installed and none are required.
pub(crate) fn own_server(options: &[&str]) -> Option<Server> {
    had(Server::local_with(options))
}

fn had(server: Result<Server>) -> Option<Server> {
    match server {
        Ok(server) => Some(server),
        Err(error) if required() => panic!("MariaDB is required: {error}"),
        Err(error) => {
            eprintln!("ignored: {error}");
            None
        }
    }
}

/// Runs statements on a new connection.
pub(crate) fn all(database: &Database, statements: &[&str]) {
    let mut connection = database.backend().connect().expect("connects");
    for statement in statements {
        run(&mut *connection, StatementKind::Ddl, statement).expect(statement);
    }
}
