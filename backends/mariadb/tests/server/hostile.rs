//! Servers whose settings would change the meaning of statements: the session behaves the same.

use selfsame::ErrorKind;
use selfsame::backend::{Backend, StatementKind};
use selfsame::dialect::Transaction;
use selfsame::prelude::*;
use selfsame::sql::count_all;

use crate::support::{all, begin, database, number, own_server, raw, run, transact};

#[derive(Entity, Clone, Debug)]
#[orm(table = "Houses")]
struct House {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    #[orm(back_populates = house)]
    rooms: HasMany<Room>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "Rooms")]
struct Room {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    #[orm(references = "Houses.id")]
    house_id: Option<i64>,
    #[orm(back_populates = rooms)]
    house: BelongsTo<House>,
}

/// Creates, writes, reads, and compares.
fn check(engine: &Engine) {
    let metadata = metadata![House, Room];
    metadata.create_all(engine).expect("creates");
    metadata.create_all(engine).expect("finds what is there");
    let mut session = Session::new(engine);
    let name = "a \\ 'quoted' \"name\" ";
    let house = session.add(House {
        rooms: ["one", "two", "three"].map(Room::new).into(),
        ..House::new(name)
    });
    session.commit().expect("commits");
    let key = *session[house].id;
    session.clear();
    let house = House::query()
        .filter(House::NAME.eq(name))
        .with(House::ROOMS.selectin())
        .one(&mut session)
        .expect("reads");
    assert_eq!(*session[house].id, key);
    assert_eq!(session.load(house, House::ROOMS).expect("loaded").len(), 3);
    let found = House::query().filter(House::NAME.ends_with("name\" "));
    assert_eq!(found.count(&mut session).expect("counts"), 1);
    session.add(Room {
        house_id: Some(4711),
        ..Room::new("nowhere")
    });
    let error = session.commit().expect_err("no such house");
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation, "{error}");
    session.rollback().expect("rolls back");
    let rooms = Room::query().select(count_all()).one(&mut session);
    assert_eq!(rooms.expect("counts"), 3);
    Room::query()
        .delete()
        .execute(&mut session)
        .expect("deletes");
    session.commit().expect("commits");
    metadata.drop_all(engine).expect("drops");
}

#[test]
fn settings_of_the_server_do_not_reach_in() {
    let Some(server) = own_server(&[]) else {
        return;
    };
    for mode in [
        "",
        "ANSI_QUOTES",
        "NO_BACKSLASH_ESCAPES",
        "ORACLE,EMPTY_STRING_IS_NULL",
        "TRADITIONAL,PAD_CHAR_TO_FULL_LENGTH,HIGH_NOT_PRECEDENCE,IGNORE_SPACE,TIME_ROUND_FRACTIONAL",
    ] {
        let database = server.database().expect("a database");
        let mut admin = database.backend().connect().expect("connects");
        for (name, value) in [
            ("sql_mode", &*format!("'{mode}'")),
            ("autocommit", "0"),
            ("foreign_key_checks", "0"),
            ("unique_checks", "0"),
            ("check_constraint_checks", "0"),
            ("sql_select_limit", "2"),
            ("completion_type", "'CHAIN'"),
            ("sql_safe_updates", "1"),
            ("sql_auto_is_null", "1"),
            ("max_recursive_iterations", "5"),
            ("max_sort_length", "64"),
            ("group_concat_max_len", "4"),
            ("time_zone", "'-05:00'"),
            ("character_set_server", "latin1"),
            ("character_set_client", "latin1"),
            ("character_set_results", "latin1"),
            ("collation_connection", "latin1_german1_ci"),
            ("default_storage_engine", "MyISAM"),
            ("auto_increment_increment", "7"),
            ("auto_increment_offset", "3"),
            ("div_precision_increment", "0"),
            ("old_mode", "''"),
            ("tx_isolation", "'READ-UNCOMMITTED'"),
        ] {
            let text = format!("SET GLOBAL {name} = {value}");
            raw(&mut *admin, &text).expect(&text);
        }
        let engine = Engine::new(database.backend());
        let mut connection = database.backend().connect().expect("connects");
        let level = "SELECT @@tx_isolation = 'READ-COMMITTED'";
        assert_eq!(number(&mut *connection, level), Some(1));
        check(&engine);
        let metadata = metadata![House, Room];
        metadata.create_all(&engine).expect("creates");
        assert_eq!(metadata.diff(&engine).expect("compares"), []);
    }
}

#[test]
fn a_server_whose_names_have_no_case() {
    let Some(server) = own_server(&["--lower-case-table-names=1"]) else {
        return;
    };
    let database = server.database().expect("a database");
    check(&Engine::new(database.backend()));
}

#[test]
fn what_is_read_is_not_cut() {
    let Some(database) = database() else { return };
    let mut connection = database.backend().connect().expect("connects");
    let connection = &mut *connection;
    let deep = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5000) SELECT COUNT(*) FROM c";
    assert_eq!(number(connection, deep), Some(5000));
    for text in [
        "CREATE TABLE t (id INT PRIMARY KEY, body LONGTEXT) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
        "INSERT INTO t VALUES (1, REPEAT('a', 5000) || 'z'), (2, REPEAT('a', 5000) || 'b'), (3, REPEAT('a', 5000) || 'q')",
    ] {
        run(connection, StatementKind::Ddl, text).expect(text);
    }
    let first = "SELECT id FROM t ORDER BY body LIMIT 1";
    assert_eq!(number(connection, first), Some(2));
    let ranks =
        "SELECT COUNT(DISTINCT r) FROM (SELECT RANK() OVER (ORDER BY body) AS r FROM t) AS q";
    assert_eq!(number(connection, ranks), Some(3));
    let alike = "SELECT MAX(n) FROM (SELECT COUNT(*) OVER (PARTITION BY body) AS n FROM t) AS q";
    assert_eq!(number(connection, alike), Some(1));
    let joined = "SELECT CHAR_LENGTH(GROUP_CONCAT(body)) FROM t";
    assert_eq!(number(connection, joined), Some(15_005));
}

/// A lock timeout rolls back the statement, or the transaction if the server is configured so.
#[test]
fn a_lock_timeout_rolls_back_the_statement_or_the_transaction() {
    for rolls_back_all in [false, true] {
        let option = format!("--innodb-rollback-on-timeout={}", u8::from(rolls_back_all));
        let Some(server) = own_server(&[&option]) else {
            return;
        };
        let database = server.database().expect("a database");
        all(
            &database,
            &[
                "CREATE TABLE t (id INT PRIMARY KEY, n INT) ENGINE = InnoDB",
                "INSERT INTO t VALUES (1, 0), (2, 0)",
            ],
        );
        let backend = database
            .backend()
            .lock_timeout(std::time::Duration::from_secs(1));
        let [mut one, mut other] = [(); 2].map(|()| backend.connect().expect("connects"));
        begin(&mut *one);
        raw(&mut *one, "UPDATE t SET n = 1 WHERE id = 1").expect("updates");
        begin(&mut *other);
        raw(&mut *other, "UPDATE t SET n = 2 WHERE id = 2").expect("updates");
        let error = raw(&mut *other, "UPDATE t SET n = 2 WHERE id = 1").expect_err("locked");
        assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
        transact(&mut *one, Transaction::Rollback).expect("rolls back");
        let further = raw(&mut *other, "INSERT INTO t VALUES (3, 2)");
        let committed = transact(&mut *other, Transaction::Commit);
        assert_eq!(further.is_err(), rolls_back_all);
        assert_eq!(committed.is_err(), rolls_back_all);
        let mut third = backend.connect().expect("connects");
        let written = number(&mut *third, "SELECT COUNT(*) FROM t WHERE n = 2");
        assert_eq!(written, Some(if rolls_back_all { 0 } else { 2 }));
    }
}

/// A statement that commits and begins again leaves a transaction open, but not the one that was begun.
#[test]
fn a_procedure_that_commits_is_noticed() {
    let Some(database) = database() else { return };
    all(
        &database,
        &[
            "CREATE TABLE t (id INT PRIMARY KEY)",
            "CREATE PROCEDURE again() BEGIN COMMIT; START TRANSACTION; END",
            "CREATE PROCEDURE harmless() BEGIN SELECT 1; END",
            "CREATE PROCEDURE fails() BEGIN COMMIT; START TRANSACTION; SIGNAL SQLSTATE '45000'; END",
        ],
    );
    let mut connection = database.backend().connect().expect("connects");
    let connection = &mut *connection;
    for (id, text, ends) in [
        (1, "CALL again()", true),
        (2, "/* SELECT */ COMMIT", true),
        (3, "/* SELECT */ COMMIT AND CHAIN", true),
        (4, "CALL fails()", true),
        (5, "CALL harmless()", false),
        (6, "SET @a = 1", false),
        (7, "SELECT 1", false),
    ] {
        begin(connection);
        raw(connection, &format!("INSERT INTO t VALUES ({id})")).expect("inserts");
        let _ = raw(connection, text);
        let next = raw(connection, &format!("INSERT INTO t VALUES ({})", 100 + id));
        assert_eq!(next.is_err(), ends, "{text}");
        if ends {
            transact(connection, Transaction::Commit).expect_err(text);
        } else {
            transact(connection, Transaction::Rollback).expect(text);
        }
        let left = format!("SELECT COUNT(*) FROM t WHERE id IN ({id}, {})", 100 + id);
        assert_eq!(number(connection, &left), Some(i64::from(ends)), "{text}");
    }
}
