//! Columns that would store something else than the given value: the value is refused with the column's name, or the row holds what memory holds.

use std::fmt::Debug;

use selfsame::ErrorKind;
use selfsame::prelude::*;
use selfsame::sql::insert_into;
use selfsame::value::{Decimal, Timestamp};
use selfsame_mariadb::MariaDb;

use crate::support::{all, database};

/// An entity of the table `held`, whose column `value` is declared differently in each test.
trait Held: Entity {
    type Value: Clone + PartialEq + Debug;

    fn with(value: Self::Value) -> Self;
    fn held(&self) -> &Self::Value;
}

macro_rules! held {
    ($name:ident, $value:ty) => {
        #[derive(Entity, Clone, Debug)]
        #[orm(table = "held")]
        struct $name {
            #[orm(primary_key)]
            id: i64,
            value: $value,
        }

        impl Held for $name {
            type Value = $value;

            fn with(value: Self::Value) -> Self {
                Self { id: 1, value }
            }

            fn held(&self) -> &Self::Value {
                &self.value
            }
        }
    };
}

held!(Texts, String);
held!(Smalls, i16);
held!(Longs, i64);
held!(Doubles, f64);
held!(Decimals, Decimal);
held!(Bytes, Vec<u8>);
held!(Stamps, Timestamp);

/// Writes values to a column of a declared type, each to an empty table: those of `kept` must be stored as they are, those of `refused` refused.
fn check<E: Held>(declared: &str, kept: &[E::Value], refused: &[E::Value]) {
    let Some(database) = database() else { return };
    all(
        &database,
        &[&format!(
            "CREATE TABLE held (id BIGINT PRIMARY KEY, value {declared} NOT NULL) ENGINE = InnoDB \
             CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
        )],
    );
    let engine = Engine::new(database.backend());
    for (value, is_kept) in kept
        .iter()
        .map(|value| (value, true))
        .chain(refused.iter().map(|value| (value, false)))
    {
        let mut session = Session::new(&engine);
        let held = session.add(E::with(value.clone()));
        let written = session.flush();
        if !is_kept {
            let error = written.expect_err(&format!("{declared} changes {value:?}"));
            assert_eq!(error.kind(), ErrorKind::OutOfRange, "{declared}: {error}");
            assert_eq!(error.column_name(), Some("value"), "{declared}: {error}");
            assert!(error.message().contains(declared), "{declared}: {error}");
            continue;
        }
        written.unwrap_or_else(|error| panic!("{declared} keeps {value:?}: {error}"));
        assert_eq!(session[held].held(), value, "{declared}");
        session.refresh(held).expect("reads");
        assert_eq!(session[held].held(), value, "{declared}");
        session.rollback().expect("rolls back");
    }
}

fn texts(declared: &str, kept: &[&str], refused: &[&str]) {
    let owned = |all: &[&str]| all.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    check::<Texts>(declared, &owned(kept), &owned(refused));
}

#[test]
fn texts_with_blanks_at_the_end() {
    texts(
        "char(3)",
        &["", "a", " a", "äöü", "a\t"],
        &["a ", " ", "abc ", "abc\t"],
    );
    texts(
        "varchar(3)",
        &["", "a ", "äö ", "abc"],
        &["abc ", "abc  ", "äöü ", "abc\t"],
    );
    let long = |length: usize, end: &str| "x".repeat(length) + end;
    texts(
        "tinytext",
        &[&long(254, " "), &long(255, "")],
        &[&long(255, " ")],
    );
    texts("text", &[&long(65_534, " ")], &[&long(65_535, "  ")]);
    texts("longtext", &[" ", &long(70_000, " ")], &[]);
}

#[test]
fn labels_are_given_as_they_are_written() {
    let declared = r"enum('no','Yes','it''s, a\\b','2','ü')";
    texts(
        declared,
        &["no", "Yes", "it's, a\\b", "2", "ü"],
        &["1", "5", "yes", "no ", "U", "", "none"],
    );
    let declared = "set('fish','Meat','2')";
    texts(
        declared,
        &["", "fish", "Meat", "fish,Meat", "fish,Meat,2"],
        &["Meat,fish", "fish,fish", "meat", "1", "3", "fish,", "tofu"],
    );
}

#[test]
fn uuids_and_addresses_are_given_in_the_servers_form() {
    texts(
        "uuid",
        &[
            "0192aabb-ccdd-7eef-8011-223344556677",
            "123e4567-e89b-12d3-a456-426655440000",
        ],
        &[
            "123E4567-e89b-12d3-a456-426655440000",
            "123e4567e89b12d3a456426655440000",
            "123e4567e89b-12d3a456-4266554400-00",
        ],
    );
    texts(
        "inet4",
        &["0.0.0.0", "192.0.2.255"],
        &["192.0.2", "192.0.02.1"],
    );
    texts(
        "inet6",
        &[
            "::",
            "::1",
            "2001:db8::1",
            "1::2:3:4:5:6:7",
            "1::2:0:3:4:5:6",
            "1:0:0:2::3",
            "1::2:0:0:3:4",
            "::ffff:192.0.2.1",
            "::192.0.2.1",
            "::0.1.0.0",
            "fe80::",
        ],
        &[
            "2001:DB8::1",
            "2001:db8:0::1",
            "192.0.2.1",
            "::102:304",
            "::1:0",
            "::ffff:c000:201",
            "1:0:2:3:4:5:6:7",
        ],
    );
}

/// A text field on a column of another type: the column would be read as something else than the text in memory.
#[test]
fn texts_in_columns_of_other_kinds() {
    for (declared, text) in [
        ("year(4)", "99"),
        ("bit(8)", "5"),
        ("int(5) unsigned zerofill", "00007"),
        ("decimal(10,2)", "1.005"),
        ("double", "0.10"),
        ("date", "24-5-6"),
        ("datetime(3)", "2024-05-06"),
        ("time", "1:2"),
        ("varbinary(10)", "a"),
        ("blob", "a"),
    ] {
        texts(declared, &[], &[text]);
    }
}

#[test]
fn numbers_that_a_column_changes() {
    check::<Smalls>("year(4)", &[0, 1901, 2155], &[1, 70, 99]);
    check::<Longs>("year(4)", &[1970], &[7]);
    check::<Decimals>("year(4)", &[Decimal::new(1970, 0)], &[Decimal::new(70, 0)]);
    check::<Doubles>("float", &[0.5], &[0.1]);
    check::<Doubles>("int(11)", &[2.0], &[0.5]);
    check::<Decimals>(
        "decimal(10,2)",
        &[Decimal::new(125, 2), Decimal::new(12500, 4)],
        &[Decimal::new(12555, 4)],
    );
}

#[test]
fn bytes_that_a_column_pads() {
    check::<Bytes>(
        "binary(3)",
        &[b"abc".to_vec(), b"ab ".to_vec()],
        &[b"ab".to_vec(), Vec::new()],
    );
    // The server would compare bytes with it as a number.
    check::<Bytes>("bit(12)", &[], &[vec![0, 5], vec![15, 255], vec![5]]);
    check::<Decimals>(
        "bit(64)",
        &[Decimal::new(5, 0), Decimal::new(u64::MAX.into(), 0)],
        &[Decimal::new(-1, 0), Decimal::new(15, 1)],
    );
}

#[test]
fn times_name_the_cure() {
    let stamp = |text: &str| text.parse::<Timestamp>().expect("a timestamp");
    let (whole, half) = (stamp("2024-05-06 07:08:09"), stamp("2024-05-06 07:08:09.5"));
    check::<Stamps>("datetime", &[whole], &[half]);
    check::<Stamps>(
        "timestamp(3)",
        &[half],
        &[stamp("2024-05-06 07:08:09.0005")],
    );
}

/// Bulk statements, an UPDATE, and a user who may only write.
#[test]
fn every_way_to_write() {
    let Some(database) = database() else { return };
    all(
        &database,
        &[
            "CREATE TABLE held (id BIGINT PRIMARY KEY, value CHAR(3) NOT NULL)",
            "INSERT INTO held VALUES (1, 'a')",
            "CREATE OR REPLACE USER writer IDENTIFIED BY 'w'",
            &format!("GRANT INSERT ON {}.held TO writer", database.name()),
        ],
    );
    let check = |error: selfsame::Error| {
        assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}");
        assert_eq!(error.column_name(), Some("value"), "{error}");
    };
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    let held = session.get::<Texts>(1).expect("reads").expect("a row");
    session[held].value = "b ".to_owned();
    check(session.flush().expect_err("an UPDATE"));
    session.rollback().expect("rolls back");
    let set = Texts::query().update().set(Texts::VALUE, "b ");
    check(set.execute(&mut session).expect_err("a bulk UPDATE"));
    session.rollback().expect("rolls back");
    let insert = |value: &str| {
        insert_into(Texts::table())
            .columns((Texts::ID, Texts::VALUE))
            .values((2, "b"))
            .values((3, value))
    };
    check(session.execute(&insert("c ")).expect_err("a bulk INSERT"));
    let url = database.url();
    let (before, rest) = url.split_once("://").expect("a URL");
    let (_, place) = rest.rsplit_once('@').expect("a user");
    let writer = MariaDb::url(&format!("{before}://writer:w@{place}")).expect("a URL");
    let mut session = Session::new(&Engine::new(writer));
    check(session.execute(&insert("c ")).expect_err("only writes"));
    session.rollback().expect("rolls back");
    session.execute(&insert("c")).expect("writes");
}

/// A mapping that names a database type accepts the database's conversions: the stored value is read back.
#[test]
fn a_named_type_is_read_again() {
    #[derive(Entity, Clone, Debug)]
    #[orm(table = "held")]
    struct Named {
        #[orm(primary_key)]
        id: i64,
        #[orm(db_type = "char(5)")]
        code: String,
        #[orm(db_type = "enum('No','Yes')")]
        mood: String,
        #[orm(db_type = "inet6")]
        address: String,
        #[orm(db_type = "datetime")]
        at: Timestamp,
    }

    let Some(database) = database() else { return };
    let engine = Engine::new(database.backend());
    metadata![Named].create_all(&engine).expect("creates");
    let differences = metadata![Named].diff(&engine).expect("compares");
    assert!(differences.is_empty(), "{differences:?}");
    let mut session = Session::new(&engine);
    let at = |text: &str| text.parse::<Timestamp>().expect("a timestamp");
    let named = session.add(Named::new(
        1,
        "a ",
        "2",
        "2001:DB8:0::1",
        at("2024-05-06 07:08:09.5"),
    ));
    session.flush().expect("inserts");
    let held = |session: &Session| {
        let row = &session[named];
        (
            row.code.clone(),
            row.mood.clone(),
            row.address.clone(),
            row.at,
        )
    };
    let kept = held(&session);
    assert_eq!(
        kept,
        (
            "a".into(),
            "Yes".into(),
            "2001:db8::1".into(),
            at("2024-05-06 07:08:09")
        )
    );
    session.commit().expect("commits");
    session.refresh(named).expect("reads");
    assert_eq!(held(&session), kept);
}

/// Some NOT NULL columns store something else for NULL.
#[test]
fn null_is_not_replaced() {
    #[derive(Entity, Clone, Debug)]
    #[orm(table = "held")]
    struct Optional {
        #[orm(primary_key)]
        id: i64,
        number: Option<i64>,
        at: Option<Timestamp>,
        #[orm(db_type = "timestamp")]
        later: Option<Timestamp>,
    }

    let Some(database) = database() else { return };
    all(
        &database,
        &[
            "CREATE TABLE held (id BIGINT PRIMARY KEY, number BIGINT AUTO_INCREMENT UNIQUE, at TIMESTAMP NOT NULL, \
           later TIMESTAMP NOT NULL)",
        ],
    );
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    let stamp: Timestamp = "2024-05-06 07:08:09".parse().expect("a timestamp");
    let whole = || Optional {
        id: 1,
        number: Some(7),
        at: Some(stamp),
        later: Some(stamp),
    };
    for (column, one) in [
        (
            "number",
            Optional {
                number: None,
                ..whole()
            },
        ),
        (
            "at",
            Optional {
                at: None,
                ..whole()
            },
        ),
        (
            "later",
            Optional {
                later: None,
                ..whole()
            },
        ),
    ] {
        session.add(one);
        let error = session.flush().expect_err("another value would be stored");
        assert_eq!(error.kind(), ErrorKind::NotNullViolation, "{error}");
        assert_eq!(error.column_name(), Some(column), "{error}");
        session.rollback().expect("rolls back");
    }
    session.add(whole());
    session.commit().expect("has no NULL");
}

/// Column types cached with a statement do not outlive the table that it was prepared for.
#[test]
fn a_table_that_another_one_hides() {
    let Some(database) = database() else { return };
    all(
        &database,
        &["CREATE TABLE held (id BIGINT PRIMARY KEY, value TEXT NOT NULL) CHARACTER SET utf8mb4"],
    );
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    let write = |session: &mut Session, id: i64| {
        session.add(Texts {
            id,
            value: "a ".to_owned(),
        });
        session.flush()
    };
    write(&mut session, 1).expect("is kept");
    let hide = "CREATE TEMPORARY TABLE held (id BIGINT PRIMARY KEY, value CHAR(3) NOT NULL)";
    session.sql(hide, ()).execute().expect("hides the table");
    let error = write(&mut session, 2).expect_err("the column drops the blank");
    assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}");
}
