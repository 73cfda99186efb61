//! No error shows a parameter: statements that fail because of their parameter, with random values.

use selfsame::backend::{Backend, Connection, Sql, Statement, StatementKind};
use selfsame::value::{Param, Value, ValueType};

use crate::support::{all, database};

/// Statements that fail because of their parameter, whether or not the server's messages quote it.
const STATEMENTS: &[&str] = &[
    "INSERT INTO t (name) VALUES (?), ('other')",
    "INSERT INTO t (short) VALUES (?)",
    "INSERT INTO t (checked) VALUES (?)",
    "INSERT INTO t (parent) VALUES (?)",
    "INSERT INTO t (mood) VALUES (?)",
    "INSERT INTO t (number) VALUES (?)",
    "INSERT INTO t (tiny) VALUES (?)",
    "INSERT INTO t (price) VALUES (?)",
    "INSERT INTO t (day) VALUES (?)",
    "INSERT INTO t (moment) VALUES (?)",
    "INSERT INTO t (document) VALUES (?)",
    "INSERT INTO t (address) VALUES (?)",
    "INSERT INTO t (unique_id) VALUES (?)",
    "INSERT INTO t (shape) VALUES (?)",
    "UPDATE t SET number = ?",
    "UPDATE t SET day = ? WHERE name IS NOT NULL",
    "UPDATE t SET short = CONCAT(?, ?)",
    "DELETE FROM t WHERE number = CAST(? AS INTEGER) AND shouted(?) = 1",
    "SELECT shouted(?)",
    "SELECT nested(?)",
    "SELECT EXTRACTVALUE('<a/>', ?)",
    "SELECT UPDATEXML('<a/>', ?, 'b')",
    "SELECT ST_GeomFromText(?)",
    "SELECT 'a' REGEXP CONCAT('[', ?)",
    "SELECT REGEXP_REPLACE('a', CONCAT('(', ?), 'b')",
    "SELECT JSON_EXTRACT('{}', ?)",
    "SELECT JSON_VALUE(?, '$')",
    "SELECT CONVERT_TZ('2020-01-01', ?, 'UTC')",
    "SELECT GET_LOCK(CONCAT(?, REPEAT('x', 100)), 0)",
    "SELECT CAST(? AS DATE) + INTERVAL ? DAY",
    "SELECT NEXT VALUE FOR nowhere, ?",
    "SELECT * FROM nowhere WHERE a = ?",
    "SELECT nothing, ? FROM t",
    "SELECT LOAD_FILE(?) + BENCHMARK(-1, ?)",
    "SELECT (SELECT name FROM t) + ?",
    "EXECUTE IMMEDIATE ?",
    "SET SESSION sql_mode = ?",
    "SET SESSION time_zone = ?",
    "SET NAMES utf8mb4 COLLATE utf8mb4_nothing -- ?",
    "CALL named(?)",
    "CALL dynamic(?)",
];

const SCHEMA: &[&str] = &[
    "CREATE TABLE t (name VARCHAR(100) UNIQUE, short VARCHAR(3), checked VARCHAR(100) CHECK (CHAR_LENGTH(checked) < 2), \
     parent VARCHAR(100) REFERENCES t (name), mood ENUM('calm'), number INT, tiny TINYINT, price DECIMAL(5, 2), day DATE, moment DATETIME(6), \
     document JSON, address INET6, unique_id UUID, shape POINT)",
    "INSERT INTO t (name) VALUES ('first'), ('other')",
    "CREATE FUNCTION shouted(a TEXT) RETURNS INT BEGIN DECLARE said TEXT DEFAULT CONCAT('cannot ', a); \
     SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = said; RETURN 1; END",
    "CREATE FUNCTION nested(a TEXT) RETURNS INT RETURN shouted(a)",
    "CREATE PROCEDURE named(a TEXT) BEGIN DECLARE said TEXT DEFAULT LEFT(a, 60); \
     SIGNAL SQLSTATE '23000' SET MYSQL_ERRNO = 1062, MESSAGE_TEXT = said, CONSTRAINT_NAME = said, TABLE_NAME = said, COLUMN_NAME = said; END",
    "CREATE PROCEDURE dynamic(a TEXT) BEGIN EXECUTE IMMEDIATE CONCAT('SELECT ', a); END",
];

/// Knuth's generator, with the same values in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    fn around(&mut self) -> String {
        let letters: Vec<char> = " !\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~é"
            .chars()
            .collect();
        (0..self.below(12))
            .map(|_| letters[self.below(letters.len())])
            .collect()
    }

    fn core(&mut self) -> String {
        let drawn = (0..6).map(|_| char::from(b'a' + u8::try_from(self.below(26)).expect("small")));
        "qxz".chars().chain(drawn).collect()
    }
}

#[test]
fn are_in_no_error() {
    let Some(database) = database() else { return };
    all(&database, SCHEMA);
    let mut connection = database.backend().connect().expect("connects");
    let mut dice = Dice(1);
    let mut failed = vec![0; STATEMENTS.len()];
    for round in 0..60 {
        for (at, text) in STATEMENTS.iter().enumerate() {
            let (before, core, after) = match round {
                0 => (String::new(), "qxzvexing".to_owned(), String::new()),
                _ => (dice.around(), dice.core(), dice.around()),
            };
            let kind = match round % 2 {
                0 => StatementKind::Raw,
                _ => StatementKind::Update,
            };
            let secret = format!("{before}{core}{after}");
            failed[at] += u32::from(try_one(connection.as_mut(), text, &core, &secret, kind));
            if !connection.is_open() {
                connection = database.backend().connect().expect("connects");
            }
        }
    }
    let silent: Vec<&str> = (0..STATEMENTS.len())
        .filter(|at| failed[*at] == 0)
        .map(|at| STATEMENTS[at])
        .collect();
    assert!(
        silent.len() * 3 < STATEMENTS.len(),
        "these do not fail: {silent:#?}"
    );
}

/// Returns whether the statement failed; checks that the error does not show its parameter.
fn try_one(
    connection: &mut dyn Connection,
    text: &str,
    core: &str,
    secret: &str,
    kind: StatementKind,
) -> bool {
    let count = text.matches('?').count();
    let sql = Sql::new(kind, text, vec![ValueType::Text; count], []);
    let params: Vec<Param<'_>> = (0..count)
        .map(|_| Param::Owned(Value::Text(secret.to_owned())))
        .collect();
    let Err(error) = connection.execute(&Statement::new(&sql, &params)) else {
        return false;
    };
    let mut shown = format!("{error} {error:?}").to_lowercase();
    let mut cause = std::error::Error::source(&error);
    while let Some(next) = cause {
        shown.push_str(&format!(" {next} {next:?}").to_lowercase());
        cause = next.source();
    }
    assert!(!shown.contains(core), "{text}: {shown}");
    true
}
