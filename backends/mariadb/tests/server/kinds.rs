//! Tables of all kinds and storage engines: objects get the keys of their own rows, and what an engine cannot do is an error.

use selfsame::ErrorKind;
use selfsame::error::Error;
use selfsame::prelude::*;
use selfsame::session::State;
use selfsame::sql::{excluded, insert_into};
use selfsame::value::{Decimal, Timestamp};

use crate::support::{all, database};

#[derive(Entity, Clone, Debug)]
#[orm(table = "items")]
struct Item {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(length = 20)]
    name: String,
}

/// The items in the database, by key.
fn rows(engine: &Engine) -> Vec<(Option<i64>, String)> {
    let mut session = Session::new(engine);
    let items = Item::query().order_by(Item::ID.asc());
    let items = items.rows(&mut session).expect("reads");
    items
        .into_iter()
        .map(|item| (item.id.get().copied(), item.name))
        .collect()
}

fn check_keys(statements: &[&str]) {
    let Some(database) = database() else { return };
    all(&database, statements);
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    let items = ["a", "b", "c"].map(|name| session.add(Item::new(name)));
    session.commit().expect("inserts");
    let mut known: Vec<_> = items
        .iter()
        .map(|&item| (session[item].id.get().copied(), session[item].name.clone()))
        .collect();
    known.sort();
    assert_eq!(known, rows(&engine), "{statements:?}");
    let [a, b, c] = items;
    session[a].name = "d".to_owned();
    session[b].name = "e".to_owned();
    session.delete(c).expect("is marked");
    session.commit().expect("writes");
    let mut names: Vec<String> = rows(&engine).into_iter().map(|(_, name)| name).collect();
    names.sort();
    assert_eq!(names, ["d", "e"], "{statements:?}");
}

const COLUMNS: &str = "(id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20) NOT NULL)";

#[test]
fn keys_of_every_kind_of_table() {
    for options in [
        "WITH SYSTEM VERSIONING",
        "PARTITION BY HASH (id) PARTITIONS 4",
        "ENGINE = Aria",
        "ENGINE = MyISAM",
        "ENGINE = MEMORY",
        "ROW_FORMAT = REDUNDANT",
        "AUTO_INCREMENT = 4294967296",
    ] {
        check_keys(&[&format!("CREATE TABLE items {COLUMNS} {options}")]);
    }
    let unsigned = COLUMNS.replace("BIGINT", "BIGINT UNSIGNED");
    check_keys(&[&format!("CREATE TABLE items {unsigned}")]);
    check_keys(&[
        &format!("CREATE TABLE others {COLUMNS}"),
        "CREATE VIEW items AS SELECT id, name FROM others",
    ]);
    check_keys(&[
        &format!("CREATE TABLE items {COLUMNS}"),
        "CREATE TRIGGER first BEFORE INSERT ON items FOR EACH ROW SET NEW.id = 1000 - ASCII(NEW.name)",
    ]);
}

#[test]
fn what_cannot_be_counted_on_is_refused() {
    for create in [
        "CREATE TABLE items (id TINYINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20) NOT NULL) AUTO_INCREMENT = 126",
        "CREATE TABLE items (id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20) NOT NULL) AUTO_INCREMENT = 9223372036854775807",
    ] {
        let Some(database) = database() else { return };
        all(&database, &[create]);
        let engine = Engine::new(database.backend());
        let mut session = Session::new(&engine);
        session.add_all(["a", "b", "c"].map(Item::new));
        session.commit().expect_err("no key is left");
        assert_eq!(rows(&engine), [], "{create}");
    }
}

/// Also where the INSERT commits itself.
#[test]
fn a_row_whose_key_is_too_great_does_not_stay() {
    let Some(database) = database() else { return };
    let unsigned = COLUMNS.replace("BIGINT", "BIGINT UNSIGNED");
    let create = format!("CREATE TABLE items {unsigned} AUTO_INCREMENT = 9223372036854775808");
    all(&database, &[&create]);
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    for _ in 0..2 {
        let item = session.add(Item::new("a"));
        let error = session.commit().expect_err("no I64");
        assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}");
        assert_eq!(error.column_name(), Some("id"), "{error}");
        session.rollback().expect("rolls back");
        assert_eq!(session.state(item), State::Transient);
        assert_eq!(rows(&engine), []);
    }
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tallies")]
struct Tally {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(length = 20, unique)]
    name: String,
    n: i32,
}

/// The server tells the key of the row that was there, which may be any.
#[test]
fn an_upsert_keeps_the_row_whose_key_it_meets() {
    for (ty, id) in [("BIGINT", "-3"), ("BIGINT UNSIGNED", "9223372036854775999")] {
        let Some(database) = database() else { return };
        let create = format!(
            "CREATE TABLE tallies (id {ty} AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) UNIQUE, n INT)"
        );
        let insert = format!("INSERT INTO tallies VALUES ({id}, 'a', 1)");
        all(&database, &[&create, &insert]);
        let engine = Engine::new(database.backend());
        let upsert = insert_into(Tally::table())
            .columns((Tally::NAME, Tally::N))
            .values(("a", 2))
            .on_conflict((Tally::NAME,))
            .do_update(|row| row.set(Tally::N, excluded(Tally::N)));
        let mut connection = engine.connect().expect("connects");
        assert_eq!(connection.write(&upsert).expect("updates"), 1);
        let mut session = Session::new(&engine);
        let rows = session.sql("SELECT name, n FROM tallies", ());
        let rows: Vec<(String, i32)> = rows.all().expect("reads");
        assert_eq!(rows, [("a".to_owned(), 2)]);
    }
}

/// A rollback that leaves rows behind is reported, and the session continues as if everything had been rolled back.
#[test]
fn a_rollback_that_undoes_nothing_says_so() {
    for engine in ["MyISAM", "Aria", "MEMORY"] {
        let Some(database) = database() else { return };
        let create = format!("CREATE TABLE items {COLUMNS} ENGINE = {engine}");
        all(
            &database,
            &[&create, "CREATE TABLE notes (id INT PRIMARY KEY)"],
        );
        let engine = Engine::new(database.backend());
        let mut session = Session::new(&engine);
        let item = session.add(Item::new("a"));
        session.flush().expect("inserts");
        let error = session.rollback().expect_err("it stays");
        assert_eq!(error.kind(), ErrorKind::Database);
        assert!(
            error.message().contains("not everything was rolled back"),
            "{error}"
        );
        assert_eq!(session.state(item), State::Transient);
        assert_eq!(rows(&engine).len(), 1);
        // The next transaction is not affected, and rolls back what it can.
        session
            .sql("INSERT INTO notes VALUES (1)", ())
            .execute()
            .expect("inserts");
        session.rollback().expect("rolls back");
        let savepoint = session.transaction(|session| {
            session.savepoint(|session| {
                session.add(Item::new("b"));
                session.flush()?;
                Err::<(), _>(Error::new(ErrorKind::InvalidState, "no"))
            })
        });
        savepoint.expect_err("refused");
        let notes = session
            .sql("SELECT COUNT(*) FROM notes", ())
            .one::<(i64,)>();
        assert_eq!(notes.expect("reads"), (0,));
    }
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "events")]
struct Event {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(db_type = "datetime")]
    at: Timestamp,
    #[orm(db_type = "char(5)")]
    code: String,
    #[orm(db_type = "set('fish','meat')")]
    likes: String,
    price: Decimal,
    score: f32,
}

/// The same, without the declared types.
#[derive(Entity, Clone, Debug)]
#[orm(table = "events")]
struct Undeclared {
    #[orm(primary_key)]
    id: Auto<i64>,
    at: Timestamp,
    code: String,
    likes: String,
    price: Decimal,
    score: f64,
}

/// A value that its column converts is not a conflict with another session if the mapping names the type, and is refused otherwise.
#[test]
fn values_that_the_column_changes() {
    let Some(database) = database() else { return };
    all(
        &database,
        &[
            "CREATE TABLE events (id BIGINT AUTO_INCREMENT PRIMARY KEY, at DATETIME NOT NULL, code CHAR(5) NOT NULL, \
          likes SET('fish', 'meat') NOT NULL, price DECIMAL(10, 2) NOT NULL, score FLOAT NOT NULL) ENGINE = InnoDB CHARACTER SET utf8mb4",
        ],
    );
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    let at = |text: &str| text.parse::<Timestamp>().expect("a timestamp");
    let decimal = |text: &str| text.parse::<Decimal>().expect("a decimal");
    let event = session.add(Event::new(
        at("2024-05-06 07:08:09.987654"),
        "a ",
        "meat,fish",
        decimal("1.50"),
        0.1,
    ));
    session.flush().expect("inserts");
    let kept = &session[event];
    assert_eq!(kept.at, at("2024-05-06 07:08:09"));
    assert_eq!((&*kept.code, &*kept.likes), ("a", "fish,meat"));
    for (second, price, score) in [(1, "2.5", 0.2), (2, "3.000", 0.7)] {
        session[event].at = at(&format!("2024-05-06 07:08:0{second}.5"));
        session[event].code = format!("b{second} ");
        session[event].likes = ["meat,fish", "fish"][second % 2].to_owned();
        session[event].price = decimal(price);
        session[event].score = score;
        session.flush().expect("updates");
    }
    session.commit().expect("commits");
    session.refresh(event).expect("reads");
    let kept = &session[event];
    assert_eq!(kept.at, at("2024-05-06 07:08:02"));
    assert_eq!((&*kept.code, &*kept.likes), ("b2", "fish,meat"));
    assert_eq!((kept.price, kept.score), (decimal("3.00"), 0.7));
    session[event].score = 0.9;
    session.commit().expect("updates what was read");
    let mut session = Session::new(&engine);
    for (column, time, price, score) in [
        ("at", "2024-05-06 07:08:09.5", "1", 0.5),
        ("price", "2024-05-06 07:08:09", "1.005", 0.5),
        ("score", "2024-05-06 07:08:09", "1", 0.1),
    ] {
        session.add(Undeclared::new(
            at(time),
            "a",
            "fish",
            decimal(price),
            score,
        ));
        let error = session.commit().expect_err("another value would be stored");
        assert_eq!(
            (error.kind(), error.column_name()),
            (ErrorKind::OutOfRange, Some(column)),
            "{error}"
        );
        session.rollback().expect("rolls back");
        let rows = Undeclared::query().count(&mut session).expect("counts");
        assert_eq!(rows, 1, "{column}");
    }
    session.add(Undeclared::new(
        at("2024-05-06 07:08:09"),
        "a",
        "fish",
        decimal("1.500"),
        0.5,
    ));
    session.commit().expect("what the columns keep");
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "folders")]
struct Folder {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "folders.id")]
    inside_id: Option<i64>,
    #[orm(back_populates = folders)]
    inside: BelongsTo<Folder>,
    #[orm(back_populates = inside)]
    folders: HasMany<Folder>,
}

/// The server refuses to delete a row that refers to itself, so its reference is set to NULL first.
#[test]
fn a_row_that_refers_to_itself_is_deleted() {
    let Some(database) = database() else { return };
    let engine = Engine::new(database.backend());
    metadata![Folder].create_all(&engine).expect("creates");
    let mut session = Session::new(&engine);
    for id in 1..=5 {
        session.add(Folder::new(id));
    }
    session.commit().expect("inserts");
    // Two inside themselves, one inside one of these, and two inside each other.
    session
        .sql("UPDATE folders SET inside_id = CASE id WHEN 3 THEN 1 WHEN 4 THEN 5 WHEN 5 THEN 4 ELSE id END", ())
        .execute()
        .expect("updates");
    session.commit().expect("commits");
    let one = session.get::<Folder>(2).expect("reads").expect("a row");
    session.delete(one).expect("is marked");
    session.commit().expect("deletes one");
    for folder in Folder::query().all(&mut session).expect("reads") {
        session.delete(folder).expect("is marked");
    }
    session.commit().expect("deletes");
    assert_eq!(Folder::query().count(&mut session).expect("counts"), 0);
}
