//! Keys that SQLite counts.

use selfsame::backend::Backend as _;
use selfsame::schema::{Column, ColumnType, Generated, Table};
use selfsame::value::{Value, ValueType as T};

use crate::support::*;

fn table(generated: Generated) -> Table {
    Table::build("it's \"odd\"")
        .column(Column::new("the id", ColumnType::I32).generated(generated))
        .primary_key(["the id"])
}

/// Makes the table as the dialect says.
fn create(session: &mut Session, table: &Table) {
    let backend = Sqlite::memory();
    let key = backend.dialect().generated_key(&table.columns[0]);
    assert!(key.is_primary_key);
    run(
        session,
        &format!(
            "CREATE TABLE \"it's \"\"odd\"\"\" (\"the id\" {})",
            key.definition
        ),
        &[],
    );
}

const INSERT: &str = "INSERT INTO \"it's \"\"odd\"\"\" DEFAULT VALUES";

#[test]
fn the_last_key_is_found_without_reading_the_table() {
    let table = table(Generated::Key);
    let mut session = memory();
    create(&mut session, &table);
    let query = Sqlite::memory()
        .dialect()
        .last_key(&table)
        .expect("a query");
    let aggregates = |session: &mut Session, query: &str| {
        let explained = format!("EXPLAIN {query}");
        let columns = [T::Native; 8];
        let steps = try_rows(session, &explained, &[], &columns).expect("a program");
        let at = |name: &str| {
            let wanted = Value::Text(name.to_owned());
            steps.iter().position(|step| step[1] == wanted)
        };
        (at("AggStep").expect("max()"), at("Last"))
    };
    // The one row that max() looks at is the last, which the program goes to at once.
    let (step, last) = aggregates(&mut session, &query);
    assert!(last.is_some_and(|last| last < step));
    let all = "SELECT max(\"the id\") FROM \"it's \"\"odd\"\"\" HAVING count(*) > 0";
    assert_eq!(aggregates(&mut session, all).1, None);
}

#[test]
fn the_last_key_is_what_sqlite_counts_on_from() {
    let table = table(Generated::Key);
    let mut session = memory();
    create(&mut session, &table);
    let query = Sqlite::memory()
        .dialect()
        .last_key(&table)
        .expect("a query");
    let last = |session: &mut Session| try_rows(session, &query, &[], &[T::I64]).expect("a query");
    assert_eq!(last(&mut session), [[Value::Null]]);
    assert_eq!(run(&mut session, INSERT, &[]).last_insert_id, Some(1));
    run(
        &mut session,
        "INSERT INTO \"it's \"\"odd\"\"\" VALUES (40), (-7)",
        &[],
    );
    assert_eq!(last(&mut session), [[Value::I64(40)]]);
    assert_eq!(run(&mut session, INSERT, &[]).last_insert_id, Some(41));

    run(
        &mut session,
        "INSERT INTO \"it's \"\"odd\"\"\" VALUES (9223372036854775807)",
        &[],
    );
    assert_eq!(last(&mut session), Vec::<Vec<Value>>::new());
    run(
        &mut session,
        "DELETE FROM \"it's \"\"odd\"\"\" WHERE \"the id\" > 100",
        &[],
    );
    assert_eq!(last(&mut session), [[Value::I64(41)]]);

    for scope in ["", "TEMP "] {
        run(
            &mut session,
            &format!(
                "CREATE {scope}TRIGGER noted AFTER INSERT ON main.\"IT'S \"\"odd\"\"\" BEGIN SELECT 1; END"
            ),
            &[],
        );
        assert_eq!(last(&mut session), Vec::<Vec<Value>>::new(), "{scope}");
        run(&mut session, "DROP TRIGGER noted", &[]);
    }
}

#[test]
fn a_key_that_is_never_reused() {
    let table = table(Generated::KeyNeverReused);
    let mut session = memory();
    create(&mut session, &table);
    assert_eq!(Sqlite::memory().dialect().last_key(&table), None);
    assert_eq!(run(&mut session, INSERT, &[]).last_insert_id, Some(1));
    run(&mut session, "DELETE FROM \"it's \"\"odd\"\"\"", &[]);
    assert_eq!(run(&mut session, INSERT, &[]).last_insert_id, Some(2));
}

#[test]
fn a_table_without_rowids_tells_no_key() {
    let mut session = memory();
    run(
        &mut session,
        "CREATE TABLE counted (id INTEGER PRIMARY KEY)",
        &[],
    );
    run(
        &mut session,
        "CREATE TABLE named (name TEXT PRIMARY KEY) WITHOUT ROWID",
        &[],
    );
    assert_eq!(
        run(&mut session, "INSERT INTO counted VALUES (5)", &[]).last_insert_id,
        Some(5)
    );
    let outcome = run(&mut session, "INSERT INTO named VALUES ('x')", &[]);
    assert_eq!((outcome.matched, outcome.last_insert_id), (1, None));
    let outcome = run(
        &mut session,
        "INSERT INTO counted VALUES (5) ON CONFLICT DO NOTHING",
        &[],
    );
    assert_eq!((outcome.matched, outcome.last_insert_id), (0, None));
    assert_eq!(
        run(&mut session, "UPDATE counted SET id = 6", &[]).last_insert_id,
        None
    );
}

#[test]
fn keys_of_many_rows_in_one_statement_ascend() {
    let mut session = memory();
    run(
        &mut session,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER)",
        &[],
    );
    run(&mut session, "INSERT INTO t VALUES (10, 0)", &[]);
    let list: Vec<String> = (1..=500).map(|i| format!("({i})")).collect();
    let outcome = run(
        &mut session,
        &format!("INSERT INTO t (v) VALUES {}", list.join(",")),
        &[],
    );
    assert_eq!((outcome.matched, outcome.last_insert_id), (500, Some(510)));
    assert_eq!(
        integer(&mut session, "SELECT count(*) FROM t WHERE id = v + 10"),
        501
    );
}

#[test]
fn tables_are_found_whatever_their_case() {
    let mut session = memory();
    run(&mut session, "CREATE TABLE Users (id)", &[]);
    let query = Sqlite::memory().dialect().table_exists();
    let mut found = |name: &str| {
        let rows = try_rows(
            &mut session,
            &query,
            &[selfsame::value::ValueRef::Text(name)],
            &[T::I64],
        );
        rows.expect("a query").len()
    };
    assert_eq!((found("users"), found("Users"), found("user")), (1, 1, 0));
}
