//! One cause has one kind, whatever database it is: a program that handles an error on one handles it on all.

mod backends;

use backends::{Case, On};
use libtest_mimic::Failed;
use selfsame::backend::{Sql, StatementKind};
use selfsame::dialect::Begin;
use selfsame::engine::Connected;
use selfsame::value::{Param, ValueRef, ValueType};
use selfsame::{Engine, ErrorKind, Result};

const CASES: &[Case] = &[
    ("statements_that_are_wrong", statements_that_are_wrong),
    ("values_that_are_refused", values_that_are_refused),
    ("limits_that_are_met", limits_that_are_met),
    ("texts_of_several_statements", texts_of_several_statements),
];

fn main() {
    backends::run(CASES, &[On::Sqlite, On::Postgres, On::Mariadb]);
}

fn run(connection: &mut Connected, kind: StatementKind, text: &str, params: usize) -> Result<u64> {
    let sql = Sql::new(kind, text, vec![ValueType::I64; params], []);
    let params: Vec<Param<'_>> = (0..params)
        .map(|number| {
            Param::Ref(ValueRef::I64(
                i64::try_from(number).expect("a small number"),
            ))
        })
        .collect();
    Ok(connection.execute(&sql, &params)?.matched)
}

fn tables(engine: &Engine) -> Result<Connected> {
    let mut connection = engine.connect()?;
    for text in [
        "CREATE TABLE parents (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(20) NOT NULL UNIQUE)",
        "CREATE TABLE children (id INTEGER NOT NULL PRIMARY KEY, parent INTEGER NOT NULL, age INTEGER CHECK (age < 100), \
         FOREIGN KEY (parent) REFERENCES parents (id))",
        "INSERT INTO parents VALUES (1, 'ann'), (2, 'bob')",
        "INSERT INTO children VALUES (1, 1, 5)",
    ] {
        run(&mut connection, StatementKind::Ddl, text, 0)?;
    }
    Ok(connection)
}

/// Checks the kind of error of each statement, and that the connection stays usable.
fn check(
    connection: &mut Connected,
    on: On,
    wrong: &[(&str, usize, ErrorKind)],
) -> std::result::Result<(), Failed> {
    let mut surprises = Vec::new();
    for &(text, params, expected) in wrong {
        for kind in [StatementKind::Raw, StatementKind::Update] {
            let shown: String = text.chars().take(60).collect();
            match run(connection, kind, text, params) {
                Ok(_) => surprises.push(format!("{kind:?} {shown:?}: no error")),
                Err(error) if error.kind() != expected => {
                    let message: String = error.message().chars().take(120).collect();
                    surprises.push(format!(
                        "{kind:?} {shown:?}: {:?} for {expected:?}: {message} {:?}",
                        error.kind(),
                        error.native_code()
                    ));
                }
                Err(_) => {}
            }
            run(connection, StatementKind::Raw, "SELECT 1", 0)?;
        }
    }
    match surprises.is_empty() {
        true => Ok(()),
        false => Err(format!("{on:?}:\n{}", surprises.join("\n")).into()),
    }
}

fn statements_that_are_wrong(engine: Engine, on: On) -> std::result::Result<(), Failed> {
    use ErrorKind::{InvalidStatement, NoSuchTable};
    let mut connection = tables(&engine)?;
    let mut wrong = vec![
        ("SELECT * FROM nowhere", 0, NoSuchTable),
        (
            "SELECT * FROM parents JOIN nowhere ON 1 = 1",
            0,
            NoSuchTable,
        ),
        ("INSERT INTO nowhere (id) VALUES (1)", 0, NoSuchTable),
        ("UPDATE nowhere SET id = 1", 0, NoSuchTable),
        ("DELETE FROM nowhere", 0, NoSuchTable),
        ("DROP TABLE nowhere", 0, NoSuchTable),
        ("SELECT nothing FROM parents", 0, InvalidStatement),
        ("UPDATE parents SET nothing = 1", 0, InvalidStatement),
        (
            "INSERT INTO parents (nothing) VALUES (1)",
            0,
            InvalidStatement,
        ),
        ("SELECT parents.nothing FROM parents", 0, InvalidStatement),
        ("SELECT other.id FROM parents", 0, InvalidStatement),
        ("SELECT id FROM parents, children", 0, InvalidStatement),
        ("SELEKT 1", 0, InvalidStatement),
        ("SELECT (1", 0, InvalidStatement),
        ("SELECT 'never ended", 0, InvalidStatement),
        (
            "INSERT INTO parents VALUES (3, 'c', 5)",
            0,
            InvalidStatement,
        ),
        (
            "INSERT INTO parents (id, name) VALUES (3)",
            0,
            InvalidStatement,
        ),
        (
            "INSERT INTO parents (id, name) SELECT 3",
            0,
            InvalidStatement,
        ),
        (
            "INSERT INTO parents VALUES (3, 'c'), (4)",
            0,
            InvalidStatement,
        ),
        ("SELECT count(count(*)) FROM parents", 0, InvalidStatement),
        (
            "SELECT id FROM parents WHERE count(*) > 1",
            0,
            InvalidStatement,
        ),
        ("SELECT no_such_function(1)", 0, InvalidStatement),
        ("SELECT 1 UNION SELECT 1, 2", 0, InvalidStatement),
        ("SELECT id FROM parents ORDER BY 7", 0, InvalidStatement),
        (
            "SELECT * FROM parents WHERE id IN (SELECT id, name FROM parents)",
            0,
            InvalidStatement,
        ),
        ("CREATE TABLE parents (id INTEGER)", 0, InvalidStatement),
        (
            "CREATE TABLE twice (id INTEGER, id INTEGER)",
            0,
            InvalidStatement,
        ),
        (
            "ALTER TABLE parents ADD COLUMN name INTEGER",
            0,
            InvalidStatement,
        ),
        (
            "ALTER TABLE parents DROP COLUMN nothing",
            0,
            InvalidStatement,
        ),
        ("CREATE INDEX odd ON parents (nothing)", 0, InvalidStatement),
        ("DROP INDEX nowhere", 0, InvalidStatement),
        ("WITH a AS (SELECT 1) SELECT * FROM b", 0, NoSuchTable),
        ("SELECT 1\0 and more", 0, InvalidStatement),
    ];
    // MySQL does not prepare them.
    if engine.dialect().name() != "mysql" {
        wrong.push(("ROLLBACK TO SAVEPOINT nowhere", 0, InvalidStatement));
        wrong.push(("RELEASE SAVEPOINT nowhere", 0, InvalidStatement));
    }
    check(&mut connection, on, &wrong)
}

fn values_that_are_refused(engine: Engine, on: On) -> std::result::Result<(), Failed> {
    use ErrorKind as K;
    let mut connection = tables(&engine)?;
    let wrong = [
        (
            "INSERT INTO parents VALUES (1, 'cid')",
            0,
            K::UniqueViolation,
        ),
        (
            "INSERT INTO parents VALUES (3, 'ann')",
            0,
            K::UniqueViolation,
        ),
        ("UPDATE parents SET id = 1", 0, K::UniqueViolation),
        ("UPDATE parents SET name = 'ann'", 0, K::UniqueViolation),
        (
            "INSERT INTO parents VALUES (3, NULL)",
            0,
            K::NotNullViolation,
        ),
        (
            "INSERT INTO parents (id) VALUES (3)",
            0,
            K::NotNullViolation,
        ),
        (
            "UPDATE parents SET name = NULL WHERE id = 1",
            0,
            K::NotNullViolation,
        ),
        (
            "INSERT INTO children VALUES (2, 9, 5)",
            0,
            K::ForeignKeyViolation,
        ),
        ("UPDATE children SET parent = 9", 0, K::ForeignKeyViolation),
        ("DELETE FROM parents", 0, K::ForeignKeyViolation),
        (
            "UPDATE parents SET id = 7 WHERE id = 1",
            0,
            K::ForeignKeyViolation,
        ),
        (
            "INSERT INTO children VALUES (2, 1, 500)",
            0,
            K::CheckViolation,
        ),
        ("UPDATE children SET age = 500", 0, K::CheckViolation),
    ];
    check(&mut connection, on, &wrong)?;
    let mut begin = Begin::default();
    begin.read_only = true;
    for text in [
        "INSERT INTO parents VALUES (3, 'cid')",
        "UPDATE parents SET name = 'x'",
        "DELETE FROM children",
    ] {
        connection.begin(begin)?;
        let error = run(&mut connection, StatementKind::Update, text, 0).expect_err(text);
        assert_eq!(error.kind(), K::ReadOnly, "{on:?} {text}: {error}");
        connection.rollback()?;
    }
    Ok(())
}

/// More than a database accepts is an error of the statement, or of the value.
fn limits_that_are_met(engine: Engine, on: On) -> std::result::Result<(), Failed> {
    let mut connection = tables(&engine)?;
    let place = |number: usize| match on {
        On::Postgres => format!("${number}"),
        On::Sqlite | On::Mariadb => "?".to_owned(),
    };
    let many = |count: usize| {
        let places: Vec<String> = (1..=count).map(place).collect();
        format!("SELECT 1 WHERE 1 IN ({})", places.join(", "))
    };
    let (too_many, deep) = (
        many(70_000),
        format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000)),
    );
    let (one, columns) = (many(1), format!("SELECT {}", vec!["1"; 5_000].join(", ")));
    let mut wrong = vec![
        (too_many.as_str(), 70_000, ErrorKind::InvalidStatement),
        (one.as_str(), 0, ErrorKind::InvalidStatement),
    ];
    // MySQL only says that it is out of memory.
    if engine.dialect().name() != "mysql" {
        wrong.push((deep.as_str(), 0, ErrorKind::InvalidStatement));
    }
    // MariaDB limits the columns of tables alone.
    if on != On::Mariadb {
        wrong.push((columns.as_str(), 0, ErrorKind::InvalidStatement));
    }
    // PostgreSQL takes a type that is declared for a parameter that the text does not use.
    if on != On::Postgres {
        wrong.push((one.as_str(), 2, ErrorKind::InvalidStatement));
    }
    check(&mut connection, on, &wrong)
}

/// Text after the first statement is not silently ignored.
fn texts_of_several_statements(engine: Engine, on: On) -> std::result::Result<(), Failed> {
    let mut connection = tables(&engine)?;
    let wrong = [
        ("SELECT 1; SELECT 2", 0, ErrorKind::InvalidStatement),
        (
            "DELETE FROM children; DELETE FROM parents",
            0,
            ErrorKind::InvalidStatement,
        ),
        ("SELECT 1;;SELECT 2", 0, ErrorKind::InvalidStatement),
        (
            "SELECT 1; -- a remark\nDELETE FROM children",
            0,
            ErrorKind::InvalidStatement,
        ),
    ];
    check(&mut connection, on, &wrong)?;
    for whole in [
        "SELECT 1;",
        "SELECT 1 ; ",
        "SELECT 1 -- a remark",
        "SELECT 1 /* a; remark */",
        "SELECT ';'",
    ] {
        run(&mut connection, StatementKind::Raw, whole, 0)?;
    }
    let left = Sql::new(
        StatementKind::Select,
        "SELECT count(*) FROM children",
        [],
        [ValueType::I64],
    );
    let mut rows = 0;
    connection.query(&left, &[], &mut |row| {
        rows = row.value(0, ValueType::I64)?.to_owned().get()?;
        Ok(())
    })?;
    assert_eq!(rows, 1_i64);
    Ok(())
}
