//! Tables created by other programs: their values are read as they are, or refused.

use selfsame::ErrorKind;
use selfsame::prelude::*;
use selfsame::value::{Decimal, Timestamp};

use crate::support::{Person, Pet, all, database};

/// Reflection reports what an entity cannot express: triggers, system versioning, partitions.
#[test]
fn what_an_entity_cannot_express_is_reported() {
    let Some(database) = database() else { return };
    all(
        &database,
        &[
            "CREATE TABLE plain (id INT PRIMARY KEY, n INT) ENGINE = InnoDB",
            "CREATE TABLE watched (id INT PRIMARY KEY, n INT) ENGINE = InnoDB",
            "CREATE TRIGGER up BEFORE UPDATE ON watched FOR EACH ROW SET NEW.n = OLD.n + 1",
            "CREATE TRIGGER into_it BEFORE INSERT ON watched FOR EACH ROW SET NEW.n = 1",
            "CREATE TABLE kept (id INT PRIMARY KEY, n INT) ENGINE = InnoDB WITH SYSTEM VERSIONING",
            "CREATE TABLE parts (id INT PRIMARY KEY, n INT) ENGINE = InnoDB PARTITION BY HASH (id) PARTITIONS 2",
            "CREATE TABLE sorted (id INT PRIMARY KEY, n INT, m INT, KEY down (n DESC, m), KEY up (m)) ENGINE = InnoDB",
        ],
    );
    let engine = Engine::new(database.backend());
    let metadata = Metadata::reflect(&engine).expect("reflects");
    let remarks: Vec<(&str, String)> = metadata
        .tables()
        .iter()
        .map(|table| (&*table.name, table.remarks.join(" ")))
        .collect();
    let wanted = [
        (
            "kept",
            "It is WITH SYSTEM VERSIONING: the server keeps earlier rows.",
        ),
        ("parts", "It is partitioned."),
        ("plain", ""),
        (
            "sorted",
            "Only partly here: the index down (n DESC, m), BTREE.",
        ),
        ("watched", "It has triggers: into_it, up."),
    ];
    assert_eq!(
        remarks,
        wanted.map(|(name, remark)| (name, remark.to_owned()))
    );
    // The same by the name of the schema.
    let named = Metadata::reflect_schemas(&engine, [database.name()]).expect("reflects");
    let named = named.tables().iter().map(|table| table.remarks.join(" "));
    assert!(named.eq(wanted.map(|(_, remark)| remark.to_owned())));
}

/// The information schema sorts names without regard to case, so that the keys of such tables alternate.
#[test]
fn tables_whose_names_differ_in_case_keep_their_own_keys() {
    let Some(database) = database() else { return };
    let columns = "(a INT, b INT, c INT NOT NULL, d INT NOT NULL";
    all(
        &database,
        &[
            &format!(
                "CREATE TABLE thing {columns}, PRIMARY KEY (a, b), UNIQUE KEY pair (c, d)) ENGINE = InnoDB"
            ),
            &format!(
                "CREATE TABLE Thing {columns}, PRIMARY KEY (d, c), UNIQUE KEY pair (b, a)) ENGINE = InnoDB"
            ),
        ],
    );
    let engine = Engine::new(database.backend());
    let metadata = Metadata::reflect(&engine).expect("reflects");
    let mut keys: Vec<_> = metadata
        .tables()
        .iter()
        .map(|table| {
            let uniques = table.uniques.iter().map(|index| index.columns.clone());
            let uniques: Vec<Vec<String>> = uniques.collect();
            (table.name.clone(), table.primary_key.clone(), uniques)
        })
        .collect();
    keys.sort();
    let pair = |one: &str, other: &str| vec![vec![one.to_owned(), other.to_owned()]];
    assert_eq!(
        keys,
        [
            ("Thing".to_owned(), vec![3, 2], pair("b", "a")),
            ("thing".to_owned(), vec![0, 1], pair("c", "d")),
        ]
    );
}

/// Reflection leaves out what cannot be created again, and reports it. What it returns creates the tables that it describes.
#[test]
fn what_cannot_be_created_is_left_out() {
    let Some(database) = database() else { return };
    all(
        &database,
        &[
            "SET sql_mode = ''; CREATE TABLE dated (id INT PRIMARY KEY, at DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', \
             day DATE DEFAULT '2000-00-00', stamp TIMESTAMP NOT NULL DEFAULT '2000-01-02 03:04:05') ENGINE = InnoDB",
            "CREATE TABLE kept (id INT PRIMARY KEY, n INT UNIQUE, since TIMESTAMP(6) GENERATED ALWAYS AS ROW START, \
             until TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (since, until), KEY (until)) ENGINE = InnoDB WITH SYSTEM VERSIONING",
            "CREATE TABLE searched (id INT PRIMARY KEY, title VARCHAR(4000), body TEXT, place POINT NOT NULL, code VARCHAR(40), n INT, \
             FULLTEXT KEY words (title, body), SPATIAL KEY places (place), KEY begins (n, title(10)), UNIQUE KEY coded (code(8), n), KEY (n)) ENGINE = InnoDB CHARACTER SET utf8mb4",
        ],
    );
    let engine = Engine::new(database.backend());
    let metadata = Metadata::reflect(&engine).expect("reflects");
    let remarks: Vec<&str> = metadata
        .tables()
        .iter()
        .flat_map(|table| {
            let of_columns = table.columns.iter().flat_map(|column| &column.remarks);
            table.remarks.iter().chain(of_columns)
        })
        .map(String::as_str)
        .filter(|remark| !remark.starts_with("Its collation") && !remark.starts_with("Its type"))
        .collect();
    assert_eq!(
        remarks,
        [
            "Its default is '0000-00-00 00:00:00', which is no date.",
            "Its default is '2000-00-00', which is no date.",
            "It is WITH SYSTEM VERSIONING: the server keeps earlier rows.",
            "Not here: since, until, by which the server tells earlier rows.",
            "Not here: the index begins (n, title(10)), BTREE.",
            "Only partly here: the index coded (code(8), n), BTREE.",
            "Not here: the index places (place), SPATIAL.",
            "Not here: the index words (title, body), FULLTEXT.",
        ]
    );
    let named = |name: &str| {
        let table = metadata.tables().iter().find(|table| table.name == name);
        table.expect("a table")
    };
    let keys: Vec<_> = (named("kept").key_columns())
        .map(|column| &*column.name)
        .collect();
    assert_eq!(keys, ["id"]);
    assert_eq!(named("kept").uniques[0].columns, ["n"]);
    let mut session = Session::new(&engine);
    let kept = metadata.records("kept").expect("records");
    let mut row = kept.record();
    row.set("id", 1).expect("sets");
    let row = session.add(row);
    session.commit().expect("inserts");
    session[row].set("n", 5).expect("sets");
    session.commit().expect("updates");
    session.delete(row).expect("marks");
    session.commit().expect("deletes");
    let mut dated = metadata.records("dated").expect("records").record();
    dated.set("id", 1).expect("sets");
    session.add(dated);
    let error = session.commit().expect_err("its date is required");
    assert_eq!(error.column_name(), Some("at"), "{error}");
    session.rollback().expect("rolls back");
    drop(session);
    assert_eq!(metadata.diff(&engine).expect("compares"), []);
    metadata.drop_all(&engine).expect("drops");
    metadata.create_all(&engine).expect("creates");
    assert_eq!(metadata.diff(&engine).expect("compares"), []);
}

/// Keys that are equal to the database although they differ in case, accents or spaces.
#[test]
fn keys_that_are_equal_to_the_database() {
    for collation in [
        "utf8mb4_general_ci",
        "utf8mb4_unicode_ci",
        "latin1_swedish_ci",
    ] {
        let Some(database) = database() else { return };
        let set = collation.split('_').next().expect("a character set");
        all(
            &database,
            &[
                &format!(
                    "CREATE TABLE people (name VARCHAR(20) PRIMARY KEY, city VARCHAR(20) NOT NULL) ENGINE = InnoDB CHARACTER SET {set} COLLATE {collation}"
                ),
                &format!(
                    "CREATE TABLE pets (id BIGINT PRIMARY KEY, person_name VARCHAR(20), FOREIGN KEY (person_name) REFERENCES people (name)) ENGINE = InnoDB CHARACTER SET {set} COLLATE {collation}"
                ),
                "INSERT INTO people VALUES ('Ann', 'Rom'), ('Bo', 'Ulm')",
                "INSERT INTO pets VALUES (1, 'ANN'), (2, 'ann'), (3, 'Ann '), (4, 'bo'), (5, NULL), (6, 'Bo')",
            ],
        );
        let engine = Engine::new(database.backend());
        let mut session = Session::new(&engine);
        // One row has one handle, whichever key it is read by.
        let ann = session.get::<Person>("Ann").expect("reads").expect("a row");
        for name in ["ANN", "ann", "Ann "] {
            let found = session.get::<Person>(name).expect("reads");
            assert_eq!(found, Some(ann), "{collation}: {name:?}");
        }
        // References and collections agree with the database.
        let mut session = Session::new(&engine);
        let pets = Pet::query()
            .order_by(Pet::ID.asc())
            .all(&mut session)
            .expect("reads");
        let owners: Vec<Option<String>> = pets
            .iter()
            .map(|&pet| {
                let owner = session.load(pet, Pet::PERSON).expect("loads");
                owner.map(|owner| session[owner].name.clone())
            })
            .collect();
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(
            owners,
            [
                some("Ann"),
                some("Ann"),
                some("Ann"),
                some("Bo"),
                None,
                some("Bo")
            ],
            "{collation}"
        );
        for lazily in [false, true] {
            let mut session = Session::new(&engine);
            let query = Person::query().order_by(Person::NAME.asc());
            let people = match lazily {
                true => query.all(&mut session),
                false => query.with(Person::PETS.selectin()).all(&mut session),
            };
            let people = people.expect("reads");
            assert_eq!(people.len(), 2);
            for (&person, count) in people.iter().zip([3, 2]) {
                let pets = session.load(person, Person::PETS).expect("loads");
                assert_eq!(pets.len(), count, "{collation}, lazily: {lazily}");
            }
        }
        // Another object of the same row is refused.
        let mut session = Session::new(&engine);
        session.add(Person::new("ANN", "Bonn"));
        let error = session.commit().expect_err("the same row");
        assert_eq!(
            error.kind(),
            ErrorKind::UniqueViolation,
            "{collation}: {error}"
        );
    }
}

/// A concurrent change that differs only in case is a conflict, not overwritten.
#[test]
fn a_change_of_case_is_a_change() {
    let Some(database) = database() else { return };
    all(
        &database,
        &[
            "CREATE TABLE people (name VARCHAR(20) PRIMARY KEY, city VARCHAR(20) NOT NULL) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
            "INSERT INTO people VALUES ('Ann', 'rom'), ('Bo', 'ulm')",
        ],
    );
    let engine = Engine::new(database.backend());
    let mut one = Session::new(&engine);
    let ann = one.get::<Person>("Ann").expect("reads").expect("a row");
    assert_eq!(one[ann].city, "rom");
    one.rollback().expect("ends the snapshot");
    let ann = one.get::<Person>("Ann").expect("reads").expect("a row");
    one[ann].city = "Rom".to_owned();
    one.commit().expect("commits");
    let mut other = Session::new(&engine);
    let again = other.get::<Person>("Ann").expect("reads").expect("a row");
    assert_eq!(
        other[again].city, "Rom",
        "written, though equal to the database"
    );
    one.rollback().expect("ends the snapshot");
    for together in [false, true] {
        let mut session = Session::new(&engine);
        let ann = session.get::<Person>("Ann").expect("reads").expect("a row");
        let bo = session.get::<Person>("Bo").expect("reads").expect("a row");
        let city = session[ann].city.clone();
        session.commit().expect("expires what is known");
        let swapped = city.chars().map(|c| match c.is_lowercase() {
            true => c.to_ascii_uppercase(),
            false => c.to_ascii_lowercase(),
        });
        let meanwhile: String = swapped.collect();
        session[ann].city = "Bonn".to_owned();
        if together {
            session[bo].city = format!("{} again", session[bo].city);
        }
        all(
            &database,
            &[&format!(
                "UPDATE people SET city = '{meanwhile}' WHERE name = 'Ann'"
            )],
        );
        let error = session.commit().expect_err("another change would be lost");
        assert_eq!(error.kind(), ErrorKind::StaleData, "{error}");
    }
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "odd")]
struct Odd {
    #[orm(primary_key)]
    id: i32,
    big: Option<i64>,
    wide: Option<Decimal>,
    flag: Option<bool>,
    bit: Option<bool>,
    kind: Option<String>,
    kinds: Option<String>,
    year: Option<i16>,
    day: Option<selfsame::value::Date>,
    at: Option<selfsame::value::Timestamp>,
    stamp: Option<selfsame::value::TimestampTz>,
    span: Option<selfsame::value::Time>,
}

const ODD: &str = "CREATE TABLE odd (id INT UNSIGNED PRIMARY KEY, big BIGINT UNSIGNED, wide DECIMAL(65,30), flag TINYINT(1), `bit` BIT(1), \
    kind ENUM('a','b'), kinds SET('x','y'), `year` YEAR, day DATE, at DATETIME, stamp TIMESTAMP NULL ON UPDATE CURRENT_TIMESTAMP, span TIME) \
    ENGINE = InnoDB CHARACTER SET utf8mb3";

#[test]
fn odd_types() {
    let Some(database) = database() else { return };
    all(
        &database,
        &[
            ODD,
            "INSERT INTO odd VALUES (1, 9223372036854775807, 1.5, 1, b'1', 'b', 'x,y', 1999, '2024-02-29', '2024-02-29 01:02:03', '2024-02-29 01:02:03', '01:02:03')",
            "SET sql_mode = ''; INSERT INTO odd (id, big) VALUES (2, 18446744073709551615); INSERT INTO odd (id, wide) VALUES (3, 99999999999999999999999999999999999.999999999999999999999999999999); \
             INSERT INTO odd (id, flag) VALUES (4, 2); INSERT INTO odd (id, day) VALUES (5, '0000-00-00'); INSERT INTO odd (id, day) VALUES (6, '2024-00-00'); \
             INSERT INTO odd (id, at) VALUES (7, '0000-00-00'); INSERT INTO odd (id, stamp) VALUES (8, '0000-00-00'); INSERT INTO odd (id, span) VALUES (9, '-01:00:00'); \
             INSERT INTO odd (id, span) VALUES (10, '25:00:00')",
        ],
    );
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    let odd = session.get::<Odd>(1).expect("reads").expect("a row");
    let row = session[odd].clone();
    assert_eq!(row.big, Some(i64::MAX));
    assert_eq!(row.wide, Some("1.5".parse().expect("a decimal")));
    assert_eq!((row.flag, row.bit), (Some(true), Some(true)));
    assert_eq!(
        (row.kind.as_deref(), row.kinds.as_deref()),
        (Some("b"), Some("x,y"))
    );
    assert_eq!(row.year, Some(1999));
    assert_eq!(row.at.map(|at| at.0), row.stamp.map(|stamp| stamp.0));
    session[odd].bit = Some(false);
    session[odd].kind = Some("a".to_owned());
    session[odd].kinds = Some("y".to_owned());
    session.commit().expect("commits");
    assert_eq!(
        Odd::query()
            .filter(Odd::BIT.eq(false))
            .count(&mut session)
            .expect("counts"),
        1
    );
    assert_eq!(
        Odd::query()
            .filter(Odd::BIT.eq(true))
            .count(&mut session)
            .expect("counts"),
        0
    );
    session.clear();
    let odd = session.get::<Odd>(1).expect("reads").expect("a row");
    assert_eq!(session[odd].bit, Some(false));
    for id in 2..=10 {
        let error = session
            .get::<Odd>(id)
            .expect_err("what has no neutral form");
        assert_eq!(error.kind(), ErrorKind::Conversion, "{id}: {error}");
    }
    session.rollback().expect("rolls back");
    session.clear();
    let odd = session.get::<Odd>(1).expect("reads").expect("a row");
    for (what, change) in [
        (
            "not of the ENUM",
            &(|odd: &mut Odd| odd.kind = Some("c".to_owned())) as &dyn Fn(&mut Odd),
        ),
        ("not of the SET", &|odd| odd.kinds = Some("z".to_owned())),
        ("no utf8mb3", &|odd| odd.kind = Some("😀".to_owned())),
        ("below an unsigned", &|odd| odd.big = Some(-1)),
        ("beyond 2038", &|odd| {
            odd.stamp = Some(selfsame::value::TimestampTz(
                i64::from(u32::MAX) * 2_000_000,
            ))
        }),
    ] {
        let mut row = session[odd].clone();
        change(&mut row);
        session[odd] = row;
        let error = session.commit().expect_err(what);
        assert_eq!(error.kind(), ErrorKind::OutOfRange, "{what}: {error}");
        session.rollback().expect("rolls back");
        let kept = session.get::<Odd>(1).expect("reads").expect("a row");
        assert_eq!(kept, odd);
    }
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "remarked", comment = r"It's C:\new")]
struct Remarked {
    #[orm(primary_key, comment = "counted")]
    id: Auto<i64>,
    #[orm(server_default = "'x'", comment = "with a default")]
    code: Auto<String>,
    #[orm(computed = "id_of + 1", comment = "computed")]
    next: Auto<Option<i64>>,
    #[orm(comment = "of it")]
    id_of: i64,
}

/// The server writes defaults of `zerofill` and `bit` columns in other forms than those of the mapped types.
#[test]
fn defaults_of_numbers_are_the_same_once_created() {
    let Some(database) = database() else { return };
    let table = "CREATE TABLE numbers (id int PRIMARY KEY, a int(5) zerofill DEFAULT 7, b decimal(5,2) zerofill DEFAULT 1.5, \
        g uuid DEFAULT '6F9619FF-8B86-D011-B42D-00C04FC964FF', c bit(8) DEFAULT b'10101010', d bit(1) DEFAULT b'1', e double zerofill DEFAULT 0.5, f bigint unsigned DEFAULT 10)";
    all(&database, &[table]);
    let engine = Engine::new(database.backend());
    let reflected = Metadata::reflect(&engine).expect("reflects");
    all(&database, &["DROP TABLE numbers"]);
    reflected.create_all(&engine).expect("creates");
    assert_eq!(reflected.diff(&engine).expect("compares"), []);
}

/// A key over the beginning of a document is a key of a text.
#[test]
fn a_key_over_the_beginning_of_a_document_is_created() {
    let Some(database) = database() else { return };
    let tables = [
        "CREATE TABLE documents (k json NOT NULL, n int, PRIMARY KEY (k(20))) ENGINE = InnoDB",
        "CREATE TABLE uniques (id int PRIMARY KEY, k json, UNIQUE KEY by_k (k(20))) ENGINE = InnoDB",
    ];
    all(&database, &tables);
    let engine = Engine::new(database.backend());
    let reflected = Metadata::reflect(&engine).expect("reflects");
    all(&database, &["DROP TABLE documents", "DROP TABLE uniques"]);
    reflected.create_all(&engine).expect("creates");
    assert_eq!(reflected.diff(&engine).expect("compares"), []);
}

/// Comments are created with their table, reflected, and compared.
#[test]
fn comments_are_kept() {
    let Some(database) = database() else { return };
    let engine = Engine::new(database.backend());
    let metadata = metadata![Remarked];
    metadata.create_all(&engine).expect("creates");
    assert_eq!(metadata.diff(&engine).expect("compares"), []);
    let reflected = Metadata::reflect(&engine).expect("reflects");
    let table = &reflected.tables()[0];
    assert_eq!(table.comment.as_deref(), Some(r"It's C:\new"));
    let comments: Vec<_> = table
        .columns
        .iter()
        .map(|it| it.comment.as_deref())
        .collect();
    assert_eq!(
        comments,
        [
            Some("counted"),
            Some("with a default"),
            Some("computed"),
            Some("of it")
        ]
    );
    all(&database, &["ALTER TABLE remarked COMMENT = 'another'"]);
    let found: Vec<String> = metadata
        .diff(&engine)
        .expect("compares")
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("the comment"), "{found:?}");
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "articles")]
struct Article {
    #[orm(primary_key)]
    id: i64,
    title: String,
    visits: i64,
    updated: Timestamp,
}

/// The column follows each update: the session's own ones are no changes by another, whether they run alone or in a transaction.
#[test]
fn a_column_that_follows_updates_is_read_again() {
    let Some(database) = database() else { return };
    all(
        &database,
        &[
            "CREATE TABLE articles (id BIGINT PRIMARY KEY, title VARCHAR(20) NOT NULL, visits BIGINT NOT NULL, \
             updated DATETIME(6) NOT NULL ON UPDATE CURRENT_TIMESTAMP(6)) ENGINE = InnoDB",
        ],
    );
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    let old = Timestamp(0);
    let articles = [1, 2].map(|id| session.add(Article::new(id, "a", 0, old)));
    session.commit().expect("inserts");
    let [one, other] = articles;
    // One statement, then several.
    for written in [&articles[..1], &articles[..]] {
        for &article in written {
            session.get::<Article>(session[article].id).expect("reads");
            session[article].title += "b";
        }
        session.commit().expect("updates");
        // Touched, but not changed.
        session[one].title += "";
        session[one].updated = old;
        session.commit().expect("nobody else has written the row");
        assert_eq!(session[one].updated, old);
    }
    session.get::<Article>(2).expect("reads");
    session[other].title = "c".to_owned();
    session.flush().expect("updates");
    session.get::<Article>(2).expect("reads");
    let updated = session[other].updated;
    assert_ne!(updated, old);
    session
        .set_expr(other, Article::VISITS, Article::VISITS + 1)
        .expect("sets");
    session.flush().expect("updates");
    session.get::<Article>(2).expect("reads");
    assert!(session[other].updated > updated);
    session.set_blind(other, Article::VISITS, 7).expect("sets");
    session.flush().expect("updates");
    session[other].title += "";
    session.flush().expect("nobody else has written the row");
    assert_eq!(session[other].visits, 7);
    session.rollback().expect("rolls back");
    // What another session has changed is still a conflict.
    session.get::<Article>(1).expect("reads");
    session[one].title = "mine".to_owned();
    session.commit().expect("updates");
    let mut another = Session::new(&engine);
    let theirs = another.get::<Article>(1).expect("reads").expect("a row");
    another[theirs].title = "theirs".to_owned();
    another.commit().expect("updates");
    session[one].title = "mine again".to_owned();
    let error = session.commit().expect_err("another has changed it");
    assert_eq!(error.kind(), ErrorKind::StaleData, "{error}");
    session.rollback().expect("rolls back");
    session.get::<Article>(1).expect("reads");
    session.rollback().expect("what is known expires");
    session[one].title += "";
    all(&database, &["UPDATE articles SET updated = '2001-01-01'"]);
    let error = session.commit().expect_err("another has changed it");
    assert_eq!(error.column_name(), Some("updated"), "{error}");
}

/// The database's own changes are not mistaken for values of the program, whatever the case in which the column is written.
#[test]
fn a_row_that_was_updated_is_touched_and_left_as_it_is() {
    for column in ["updated", "Updated"] {
        let Some(database) = database() else { return };
        all(
            &database,
            &[
                &format!(
                    "CREATE TABLE articles (id BIGINT PRIMARY KEY, title VARCHAR(20) NOT NULL, visits BIGINT NOT NULL, \
                     {column} DATETIME(6) NOT NULL ON UPDATE CURRENT_TIMESTAMP(6)) ENGINE = InnoDB"
                ),
                "INSERT INTO articles VALUES (1, 'a', 0, '2001-01-01')",
            ],
        );
        let engine = Engine::new(database.backend());
        let mut session = Session::new(&engine);
        let article = session.get::<Article>(1).expect("reads").expect("a row");
        let old = session[article].updated;
        for title in ["b", "c"] {
            session[article].title = title.to_owned();
            session.flush().expect("updates");
            session[article].title += "";
            session.flush().expect("there is nothing to write");
            assert!(session[article].updated > old, "{column}");
        }
        session.commit().expect("commits");
        session[article].title += "";
        session.commit().expect("there is nothing to write");
    }
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "labels")]
struct Label {
    #[orm(primary_key)]
    code: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "labelled")]
struct Labelled {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "labels.code")]
    label_code: Option<String>,
    updated: Timestamp,
}

/// The reference becomes NULL before the key changes, and then there is nothing left to write.
#[test]
fn a_reference_to_a_changed_key_is_released_by_the_program_too() {
    let Some(database) = database() else { return };
    all(
        &database,
        &[
            "CREATE TABLE labels (code VARCHAR(20) PRIMARY KEY) ENGINE = InnoDB",
            "CREATE TABLE labelled (id BIGINT PRIMARY KEY, label_code VARCHAR(20), \
             updated DATETIME(6) NOT NULL ON UPDATE CURRENT_TIMESTAMP(6), \
             FOREIGN KEY (label_code) REFERENCES labels (code)) ENGINE = InnoDB",
            "INSERT INTO labels VALUES ('a')",
            "INSERT INTO labelled VALUES (1, 'a', '2001-01-01')",
        ],
    );
    let mut session = Session::new(&Engine::new(database.backend()));
    let label = session.get::<Label>("a").expect("reads").expect("a row");
    let child = session.get::<Labelled>(1).expect("reads").expect("a row");
    let old = session[child].updated;
    session[label].code = "z".to_owned();
    session[child].label_code = None;
    session.flush().expect("updates");
    session.get::<Labelled>(1).expect("reads");
    assert_eq!(session[child].label_code, None);
    assert!(session[child].updated > old);
}

/// The server does not tell what the columns of a view do.
#[test]
fn a_column_that_follows_updates_through_a_view_is_read_again() {
    #[derive(Entity, Clone, Debug)]
    #[orm(table = "recent_articles")]
    struct Recent {
        #[orm(primary_key)]
        id: i64,
        title: String,
        updated: Timestamp,
    }
    let Some(database) = database() else { return };
    all(
        &database,
        &[
            "CREATE TABLE all_articles (id BIGINT PRIMARY KEY, title VARCHAR(20) NOT NULL, \
             updated DATETIME(6) NOT NULL ON UPDATE CURRENT_TIMESTAMP(6)) ENGINE = InnoDB",
            "CREATE VIEW recent_articles AS SELECT * FROM all_articles",
        ],
    );
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    let old = Timestamp(0);
    let article = session.add(Recent::new(1, "a", old));
    session.commit().expect("inserts");
    session.get::<Recent>(1).expect("reads");
    session[article].title += "b";
    session.commit().expect("updates");
    session[article].title += "";
    session[article].updated = old;
    session.commit().expect("nobody else has written the row");
    assert_eq!(session[article].updated, old);
    session[article].title += "c";
    session.flush().expect("updates");
    session.get::<Recent>(1).expect("reads");
    assert_ne!(session[article].updated, old);
}

/// InnoDB compares labels by their positions: a foreign key between columns that list them differently pairs other labels.
#[test]
fn foreign_keys_of_labels_in_another_order_are_left_out() {
    let Some(database) = database() else { return };
    let pairs = [
        ("enum('a','b')", "enum('b','a')", false),
        ("enum('a','b')", "enum('a','b','c')", true),
        ("enum('a','b')", "enum('a')", true),
        ("enum('a','b')", "enum('a','B')", false),
        ("set('a','b')", "set('b','a')", false),
        ("set('a','b')", "set('a','b','c')", true),
    ];
    for (at, (parent, child, _)) in pairs.iter().enumerate() {
        all(
            &database,
            &[
                &format!("CREATE TABLE p{at} (k {parent} PRIMARY KEY) ENGINE = InnoDB"),
                &format!(
                    "CREATE TABLE c{at} (id INT PRIMARY KEY, k {child}, CONSTRAINT fk{at} FOREIGN KEY (k) REFERENCES p{at} (k)) ENGINE = InnoDB"
                ),
            ],
        );
    }
    let metadata = Metadata::reflect(&Engine::new(database.backend())).expect("reflects");
    for (at, (parent, child, is_kept)) in pairs.iter().enumerate() {
        let name = format!("c{at}");
        let mut tables = metadata.tables().iter();
        let table = tables.find(|table| table.name == name).expect("the table");
        assert_eq!(table.foreign_keys.len() == 1, *is_kept, "{parent} {child}");
        let remark = format!(
            "Not here: the foreign key fk{at} of k to p{at}, whose labels are not those of k: the server compares their positions."
        );
        assert_eq!(table.remarks.contains(&remark), !is_kept, "{table:?}");
    }
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "bits")]
struct Bits {
    #[orm(primary_key)]
    k: Vec<u8>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "bits")]
struct Numbers {
    #[orm(primary_key)]
    k: Decimal,
}

/// The server compares bits with bytes as numbers, so that `b"1"` would not find the bits 0x31: they are refused.
#[test]
fn bits_are_not_read_as_bytes() {
    let Some(database) = database() else { return };
    all(
        &database,
        &[
            "CREATE TABLE bits (k bit(64) PRIMARY KEY) ENGINE = InnoDB",
            "INSERT INTO bits VALUES (1), (49), (18446744073709551615)",
        ],
    );
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    let error = Bits::query().all(&mut session).expect_err("no bytes");
    assert_eq!(error.kind(), ErrorKind::Conversion, "{error}");
    assert!(
        error.message().contains("an integer field reads it"),
        "{error}"
    );
    let mut session = Session::new(&engine);
    for k in [1, 49, u64::MAX] {
        let k = Decimal::new(k.into(), 0);
        let found = session.get::<Numbers>(k).expect("reads").expect("a row");
        assert_eq!(session[found].k, k);
        session.delete(found).expect("marks");
        session.commit().expect("one row is deleted");
    }
}
