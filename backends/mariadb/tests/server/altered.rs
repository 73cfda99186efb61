//! Values that the server would alter without an error: none of them passes unnoticed.

use selfsame::ErrorKind;
use selfsame::prelude::*;
use selfsame::sql::{excluded, insert_into, lower};

use crate::support::{all, database, own_server};

#[derive(Entity, Clone, Debug)]
#[orm(table = "codes")]
struct Code {
    #[orm(primary_key)]
    id: Auto<i64>,
    text: String,
}

const CODES: &str = "CREATE TABLE codes (id BIGINT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(3) NOT NULL) ENGINE = InnoDB \
    CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin";

/// Raw SQL may change settings that the mapper's statements depend on: the statements are refused until the setting is restored.
#[test]
fn settings_that_raw_sql_changes() {
    let Some(database) = database() else { return };
    all(&database, &[CODES]);
    let engine = Engine::new(database.backend());
    for (name, value) in [
        ("sql_mode", "''"),
        ("sql_mode", "CONCAT(@@sql_mode, ',PAD_CHAR_TO_FULL_LENGTH')"),
        ("time_zone", "'+05:00'"),
        ("character_set_client", "latin1"),
        ("collation_connection", "utf8mb4_general_ci"),
        ("autocommit", "0"),
        ("sql_select_limit", "1"),
        ("lc_messages", "'de_DE'"),
        ("completion_type", "'CHAIN'"),
        ("max_sort_length", "64"),
        ("system_versioning_asof", "'2020-01-01'"),
    ] {
        let mut session = Session::new(&engine);
        let set = format!("SET SESSION {name} = {value}");
        session.sql(&set, ()).execute().expect(&set);
        session.add(Code::new("too long"));
        let error = session.flush().expect_err("could mean something else");
        assert_eq!(error.kind(), ErrorKind::InvalidState, "{set}: {error}");
        session.rollback().expect("rolls back");
        drop(session);
        let mut session = Session::new(&engine);
        session.sql(&set, ()).execute().expect(&set);
        let error = Code::query().all(&mut session).expect_err("the same");
        assert_eq!(error.kind(), ErrorKind::InvalidState, "{set}: {error}");
        let text = session.sql("SELECT 'raw'", ()).one::<(String,)>();
        assert_eq!(text.expect("raw SQL runs"), ("raw".to_owned(),));
        drop(session);
        // The pool has reset the connection.
        let mut session = Session::new(&engine);
        session.add(Code::new("too long"));
        let error = session.commit().expect_err("too long");
        assert_eq!(error.kind(), ErrorKind::OutOfRange, "{set}: {error}");
    }
    let mut session = Session::new(&engine);
    Code::query().all(&mut session).expect("reads");
    session
        .sql("USE information_schema", ())
        .execute()
        .expect("another database");
    let error = Code::query()
        .all(&mut session)
        .expect_err("of another database");
    assert_eq!(error.kind(), ErrorKind::InvalidState, "{error}");
    drop(session);
    for harmless in [
        "SET SESSION foreign_key_checks = 0",
        "SET STATEMENT sql_mode = '' FOR INSERT INTO codes (text) VALUES ('cut off')",
        "SET SESSION sql_mode = @@sql_mode",
    ] {
        let mut session = Session::new(&engine);
        session.sql(harmless, ()).execute().expect(harmless);
        session.add(Code::new("abc"));
        session.commit().expect(harmless);
    }
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "counters")]
struct Counter {
    #[orm(primary_key)]
    id: i64,
    one: i64,
    two: i64,
}

/// The server assigns from left to right, and reads what it has assigned.
#[test]
fn an_upsert_reads_the_row_as_it_was() {
    let Some(database) = database() else { return };
    let engine = Engine::new(database.backend());
    metadata![Counter].create_all(&engine).expect("creates");
    let mut session = Session::new(&engine);
    let insert = || {
        insert_into(Counter::table())
            .columns((Counter::ID, Counter::ONE, Counter::TWO))
            .values((1, 10, 20))
    };
    session.execute(&insert()).expect("inserts");
    let read = |session: &mut Session| {
        let rows = Counter::query().rows(session).expect("reads");
        (rows[0].one, rows[0].two)
    };
    let exchange = insert().on_conflict((Counter::ID,)).do_update(|row| {
        row.set(Counter::ONE, Counter::TWO)
            .set(Counter::TWO, Counter::ONE)
    });
    session.execute(&exchange).expect("updates");
    assert_eq!(read(&mut session), (20, 10), "exchanged");
    let chain = insert().on_conflict((Counter::ID,)).do_update(|row| {
        row.set(Counter::ONE, excluded(Counter::ONE))
            .set(Counter::TWO, Counter::ONE + 1)
    });
    session.execute(&chain).expect("updates");
    assert_eq!(read(&mut session), (10, 21), "by the value before");
    let filtered = insert().on_conflict((Counter::ID,)).do_update(|row| {
        row.set(Counter::ONE, 0)
            .set(Counter::TWO, 0)
            .filter(Counter::ONE.gt(5))
    });
    session.execute(&filtered).expect("updates");
    assert_eq!(
        read(&mut session),
        (0, 0),
        "the whole row, or nothing of it"
    );
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "owners")]
struct Owner {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    #[orm(back_populates = owner)]
    things: HasMany<Thing>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "things")]
struct Thing {
    #[orm(primary_key)]
    id: Auto<i64>,
    title: String,
    #[orm(references = "owners.id")]
    owner_id: Option<i64>,
    #[orm(back_populates = things)]
    owner: BelongsTo<Owner>,
}

/// Pages by an expression over the object's columns and by a key of a joined table.
#[test]
fn pages_by_an_expression_and_a_joined_key() {
    let Some(database) = database() else { return };
    let engine = Engine::new(database.backend());
    metadata![Owner, Thing]
        .create_all(&engine)
        .expect("creates");
    let mut session = Session::new(&engine);
    for (name, titles) in [("B", ["x", "a"]), ("a", ["y", "b"]), ("b", ["c", "z"])] {
        session.add(Owner {
            things: titles.map(Thing::new).into(),
            ..Owner::new(name)
        });
    }
    session.commit().expect("commits");
    let query = || {
        Owner::query()
            .join(Owner::THINGS)
            .order_by(lower(Owner::NAME).asc())
            .order_by(Thing::TITLE.asc())
            .order_by(Owner::ID.asc())
    };
    let names = |owners: Vec<Handle<Owner>>, session: &Session| -> Vec<String> {
        let name = |owner: &Handle<Owner>| session[*owner].name.clone();
        owners.iter().map(name).collect()
    };
    let whole = query().all(&mut session).expect("reads");
    let whole = names(whole, &session);
    assert_eq!(whole, ["a", "B", "b"]);
    let page = query()
        .after(("a", "b", 2))
        .all(&mut session)
        .expect("reads");
    assert_eq!(names(page, &session), ["B", "b"]);
    let page = query()
        .after(("b", "a", 1))
        .all(&mut session)
        .expect("reads");
    assert_eq!(names(page, &session), ["b"]);
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "narrow")]
struct Narrow {
    #[orm(primary_key)]
    id: i64,
    text: String,
}

/// A character outside the column's character set is neither stored nor compared as a question mark.
#[test]
fn characters_that_a_column_lacks() {
    for set in ["utf8mb3", "latin1", "ascii"] {
        let Some(database) = database() else { return };
        all(
            &database,
            &[
                &format!(
                    "CREATE TABLE narrow (id BIGINT PRIMARY KEY, text VARCHAR(20) NOT NULL UNIQUE) ENGINE = InnoDB CHARACTER SET {set}"
                ),
                "INSERT INTO narrow VALUES (1, '?'), (2, '??'), (3, '????')",
            ],
        );
        let engine = Engine::new(database.backend());
        let mut session = Session::new(&engine);
        for text in ["😀", "漢😀", "\u{1F600}\u{1F601}"] {
            let found = Narrow::query()
                .filter(Narrow::TEXT.eq(text))
                .all(&mut session);
            // An error or no row, but never another row.
            assert!(
                found.is_err() || found.is_ok_and(|found| found.is_empty()),
                "{set}"
            );
            let found = Narrow::query()
                .filter(Narrow::TEXT.in_([text, "nobody"]))
                .all(&mut session);
            assert!(
                found.is_err() || found.is_ok_and(|found| found.is_empty()),
                "{set}"
            );
            let mut session = Session::new(&engine);
            session.add(Narrow::new(9, text));
            let error = session.commit().expect_err(set);
            assert_eq!(error.kind(), ErrorKind::OutOfRange, "{set}: {error}");
        }
    }
}

/// The server replaces a text that is longer than a packet by NULL; that must be an error.
#[test]
fn a_result_that_is_too_long() {
    let Some(server) = own_server(&["--max-allowed-packet=1M"]) else {
        return;
    };
    let database = server.database().expect("a database");
    let engine = Engine::new(database.backend());
    metadata![Owner, Thing]
        .create_all(&engine)
        .expect("creates");
    let mut session = Session::new(&engine);
    session.add(Owner::new("x".repeat(700_000)));
    session.commit().expect("commits");
    let doubled = Owner::query()
        .select(Owner::NAME.concat(Owner::NAME))
        .all(&mut session);
    doubled.expect_err("longer than a packet");
    session.rollback().expect("rolls back");
    let missing = Owner::query()
        .filter(Owner::NAME.concat(Owner::NAME).eq("y"))
        .all(&mut session);
    let error = missing.expect_err("would be compared with NULL");
    assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}");
}

/// Zero is an ordinary key.
#[test]
fn the_key_zero() {
    let Some(database) = database() else { return };
    all(&database, &[CODES]);
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    let zero = session.add(Code {
        id: 0.into(),
        ..Code::new("nil")
    });
    let next = session.add(Code::new("one"));
    session.commit().expect("inserts");
    assert_eq!((*session[zero].id, &*session[zero].text), (0, "nil"));
    assert_ne!(*session[next].id, 0);
    let mut session = Session::new(&engine);
    let found = session.get::<Code>(0).expect("reads").expect("a row");
    assert_eq!(session[found].text, "nil");
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "odd:names")]
struct Odd {
    #[orm(primary_key)]
    id: i64,
    #[orm(column = "a:b")]
    first: i64,
    #[orm(column = "c`d:e")]
    second: String,
}

/// Names that a driver could take for parameters.
#[test]
fn names_with_colons() {
    let Some(database) = database() else { return };
    let engine = Engine::new(database.backend());
    metadata![Odd].create_all(&engine).expect("creates");
    let mut session = Session::new(&engine);
    session.add(Odd::new(1, 7, "a:b 'c:d'"));
    session.commit().expect("inserts");
    let found = Odd::query()
        .filter(Odd::FIRST.eq(7))
        .filter(Odd::SECOND.contains(":b 'c"))
        .one(&mut session)
        .expect("reads");
    assert_eq!(session[found].second, "a:b 'c:d'");
    let text = session.sql(
        "SELECT 'x:y', \"a:b\" FROM \"odd:names\" WHERE id = ?",
        (1,),
    );
    assert_eq!(
        text.one::<(String, i64)>().expect("reads"),
        ("x:y".to_owned(), 7)
    );
}
