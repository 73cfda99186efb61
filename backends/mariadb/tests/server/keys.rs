//! Keys that the database decides: each object has its own row's.

use selfsame::prelude::*;
use selfsame_mariadb::testing::Server;

use crate::support::{all, database, own_server};

/// Somebody's account.
#[derive(Entity, Clone, Debug)]
#[orm(table = "accounts")]
struct Account {
    #[orm(primary_key)]
    id: Auto<i64>,
    owner: String,
    #[orm(server_default = "7")]
    limit: Auto<i64>,
}

const TABLE: &str = "CREATE TABLE accounts (id BIGINT PRIMARY KEY AUTO_INCREMENT, owner VARCHAR(50) NOT NULL, \
    `limit` BIGINT NOT NULL DEFAULT 7) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin";

/// Checks that every object that was added has the key and the defaults of its own row.
fn check(server: &Server, statements: &[&str], sizes: &[usize]) {
    let database = server.database().expect("a database");
    all(&database, statements);
    let engine = Engine::new(database.backend());
    for &size in sizes {
        let mut session = Session::new(&engine);
        let names: Vec<String> = (0..size).map(|n| format!("{size}/{n}")).collect();
        let added = session.add_all(names.iter().map(Account::new).collect::<Vec<_>>());
        session.flush().expect("the rows are inserted");
        let reported: Vec<(i64, Option<i64>)> = added
            .iter()
            .map(|&one| (*session[one].id, session[one].limit.get().copied()))
            .collect();
        session.commit().expect("commits");
        let mut session = Session::new(&engine);
        for ((key, limit), name) in reported.iter().zip(&names) {
            let row = session.get::<Account>(*key).expect("reads");
            let row = row.unwrap_or_else(|| panic!("no row of the key {key}, {name}"));
            assert_eq!(session[row].owner, *name, "the row of the key {key}");
            assert_eq!(session[row].limit.get().copied(), *limit, "its default");
        }
        Account::query()
            .delete()
            .execute(&mut session)
            .expect("deletes");
        session.commit().expect("commits");
    }
}

#[test]
fn keys_in_steps() {
    let Some(server) = own_server(&["--auto-increment-increment=7", "--auto-increment-offset=3"])
    else {
        return;
    };
    check(&server, &[TABLE], &[1, 2, 3, 500]);
}

#[test]
fn keys_beside_triggers() {
    let Some(server) = own_server(&[]) else {
        return;
    };
    let log = "CREATE TABLE log (id BIGINT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(50)) AUTO_INCREMENT = 90000";
    let logged = "CREATE TRIGGER logged AFTER INSERT ON accounts FOR EACH ROW INSERT INTO log (text) VALUES (NEW.owner)";
    let before = "CREATE TRIGGER before_it BEFORE INSERT ON accounts FOR EACH ROW INSERT INTO log (text) VALUES (NEW.owner)";
    check(&server, &[TABLE, log, logged], &[1, 2, 300]);
    check(&server, &[TABLE, log, before], &[1, 2, 300]);
    let set = "CREATE TRIGGER odd BEFORE INSERT ON accounts FOR EACH ROW SET NEW.id = CRC32(NEW.owner), NEW.`limit` = CRC32(NEW.owner) * 2";
    check(&server, &[TABLE, set], &[1, 2, 300]);
    check(&server, &[TABLE, log, set, logged], &[1, 2, 300]);
}

#[test]
fn a_key_of_zero_is_zero() {
    let Some(server) = own_server(&[]) else {
        return;
    };
    let database = server.database().expect("a database");
    all(&database, &[TABLE]);
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    for key in [0, -1] {
        session.add(Account {
            id: Auto::from(key),
            ..Account::new("a")
        });
    }
    session.commit().expect("commits");
    for key in [0, -1] {
        let row = session.get::<Account>(key).expect("reads");
        assert!(row.is_some(), "{key}");
    }
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "entries")]
struct Entry {
    #[orm(primary_key)]
    tenant: i64,
    #[orm(primary_key)]
    id: Auto<i64>,
    text: String,
}

/// The engine wants an index that begins with a counted column.
#[test]
fn a_counted_column_after_another_of_the_key() {
    let Some(database) = database() else { return };
    let engine = Engine::new(database.backend());
    let metadata = metadata![Entry];
    metadata.create_all(&engine).expect("creates");
    let differences = metadata.diff(&engine).expect("compares");
    assert!(differences.is_empty(), "{differences:?}");
    let mut session = Session::new(&engine);
    let entries = [(7, "a"), (3, "b"), (7, "c")];
    let entries = entries.map(|(tenant, text)| session.add(Entry::new(tenant, text)));
    session.commit().expect("inserts");
    let known = entries.map(|it| {
        (
            session[it].tenant,
            *session[it].id,
            session[it].text.clone(),
        )
    });
    let mut session = Session::new(&engine);
    let rows = Entry::query().order_by(Entry::TEXT.asc());
    let rows = rows.rows(&mut session).expect("reads");
    let rows: Vec<_> = rows
        .into_iter()
        .map(|it| (it.tenant, *it.id, it.text))
        .collect();
    assert_eq!(rows, known);
    drop(session);
    // What was reflected can be created again.
    let reflected = Metadata::reflect(&engine).expect("reflects");
    metadata.drop_all(&engine).expect("drops");
    reflected.create_all(&engine).expect("creates");
    let differences = metadata.diff(&engine).expect("compares");
    assert!(differences.is_empty(), "{differences:?}");
}
