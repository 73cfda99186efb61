//! What only MySQL does: it decides the dialect, assigns in sequence, has no RETURNING, and stores the numbers of documents as doubles.

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use selfsame::backend::{Backend, Sql, Statement, StatementKind};
use selfsame::dialect::Isolation;
use selfsame::metadata::Metadata;
use selfsame::prelude::*;
use selfsame::value::{Param, ValueRef, ValueType};
use selfsame::{ErrorKind, Result};
use selfsame_mariadb::MariaDb;
use selfsame_mariadb::testing::{Database, Server, mysql_required};

/// Two columns that can be exchanged.
#[derive(Entity, Clone, Debug)]
#[orm(table = "pairs")]
struct Pair {
    #[orm(primary_key)]
    id: i64,
    left: i64,
    right: i64,
}

/// An empty database of the one server; `None` where there is no server and none is required.
fn database() -> Option<Database> {
    // It ends with the process.
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| match Server::mysql() {
        Ok(server) => Some(server),
        Err(error) if mysql_required() => panic!("MySQL is required, and there is none: {error}"),
        Err(error) => {
            eprintln!("not run: {error}");
            None
        }
    });
    Some(server.as_ref()?.database().expect("a database"))
}

fn run(database: &Database, text: &str) -> Result<()> {
    let sql = Sql::new(StatementKind::Raw, text, [], []);
    let mut connection = database.backend().connect()?;
    connection.execute(&Statement::new(&sql, &[])).map(drop)
}

#[test]
fn the_server_decides_the_dialect() {
    let Some(database) = database() else { return };
    let url = database.url();
    let backend = MariaDb::url(&url).expect("a URL");
    assert_eq!(backend.dialect().name(), "mysql");
    let version = backend.connect().expect("connects").server_version();
    assert!(version.expect("a version").starts_with("MySQL "));
    let other = MariaDb::url(&url.replace("mysql://", "mariadb://")).expect("a URL");
    assert_eq!(other.dialect().name(), "mariadb");
    let error = other.connect().expect_err("it is MySQL");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("write mysql://"), "{error}");
}

#[test]
fn a_user_needs_no_privileges_for_the_settings() {
    let Some(database) = database() else { return };
    let name = database.name();
    for text in [
        format!("CREATE USER {name} IDENTIFIED BY 'secret'"),
        format!("GRANT ALL ON {name}.* TO {name}"),
    ] {
        run(&database, &text).expect("granted");
    }
    let (_, rest) = database.url().split_once('@').map(own).expect("an address");
    let backend = MariaDb::url(&format!("mysql://{name}:secret@{rest}")).expect("a URL");
    let backend = backend
        .lock_timeout(Duration::from_secs(1))
        .statement_timeout(Duration::from_secs(1));
    backend.connect().expect("connects");
    let endless = backend
        .lock_timeout(Duration::MAX)
        .statement_timeout(Duration::MAX);
    endless.connect().expect("connects");
    run(&database, &format!("DROP USER {name}")).expect("dropped");
}

/// The server makes an authority of its own, and a certificate that names no host.
#[cfg(feature = "tls")]
#[test]
fn connections_over_tls() {
    let Some(database) = database() else { return };
    let folder = text(&database.backend(), "SELECT @@datadir");
    let root = format!("{folder}ca.pem");
    if !std::path::Path::new(&root).exists() {
        eprintln!("not run: the server is elsewhere");
        return;
    }
    let name = database.name();
    for statement in [
        format!("CREATE USER {name} IDENTIFIED BY 'secret'"),
        format!("GRANT ALL ON {name}.* TO {name}"),
    ] {
        run(&database, &statement).expect("granted");
    }
    let (_, place) = database.url().split_once('@').map(own).expect("an address");
    let open = |mode: &str| {
        let mode = mode.replace("ROOT", &root.replace('/', "%2F"));
        MariaDb::url(&format!("mysql://{name}:secret@{place}?{mode}")).expect("a URL")
    };
    for mode in [
        "sslmode=verify-ca&sslrootcert=ROOT",
        "ssl-mode=VERIFY_CA&ssl-ca=ROOT",
        "tls=skip-verify",
        "sslmode=trust",
        "ssl-mode=PREFERRED",
    ] {
        let cipher = text(&open(mode), "SHOW SESSION STATUS LIKE 'Ssl_cipher'");
        assert!(!cipher.is_empty(), "{mode}");
    }
    for mode in ["sslmode=verify-full&sslrootcert=ROOT", "ssl-mode=REQUIRED"] {
        let error = open(mode).connect().expect_err("not verified");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    }
    run(&database, &format!("DROP USER {name}")).expect("dropped");
}

/// The last column of a query's row.
#[cfg(feature = "tls")]
fn text(backend: &MariaDb, query: &str) -> String {
    let at = usize::from(query.starts_with("SHOW"));
    let sql = Sql::new(StatementKind::Raw, query, [], [ValueType::Text]);
    let mut found = String::new();
    let mut connection = backend.connect().expect(query);
    connection
        .query(&Statement::new(&sql, &[]), &mut |row| {
            if let ValueRef::Text(text) = row.value(at, ValueType::Text)? {
                found = text.to_owned();
            }
            Ok(())
        })
        .expect(query);
    found
}

fn own((before, after): (&str, &str)) -> (String, String) {
    (before.to_owned(), after.to_owned())
}

#[test]
fn expressions_see_the_row_as_it_was_or_are_refused() {
    let Some(database) = database() else { return };
    let engine = Engine::new(database.backend());
    metadata![Pair].create_all(&engine).expect("creates");
    let mut session = Session::new(&engine);
    let pair = session.add(Pair {
        id: 1,
        left: 10,
        right: 20,
    });
    session.commit().expect("commits");
    session
        .set_expr(pair, Pair::LEFT, Pair::LEFT + 1)
        .expect("set");
    session
        .set_expr(pair, Pair::RIGHT, Pair::LEFT)
        .expect("set");
    session.commit().expect("commits");
    session.refresh(pair).expect("reads");
    assert_eq!((session[pair].left, session[pair].right), (11, 10));
    session
        .set_expr(pair, Pair::LEFT, Pair::RIGHT)
        .expect("set");
    session
        .set_expr(pair, Pair::RIGHT, Pair::LEFT)
        .expect("set");
    let error = session.commit().expect_err("each reads the other");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    session.rollback().expect("rolls back");
    session.refresh(pair).expect("reads");
    assert_eq!((session[pair].left, session[pair].right), (11, 10));
}

#[test]
fn errors_name_the_server() {
    let Some(database) = database() else { return };
    run(
        &database,
        "CREATE TABLE pairs (id bigint PRIMARY KEY, `right` year)",
    )
    .expect("creates");
    let mut session = Session::new(&Engine::new(database.backend()));
    session.add(Dated {
        id: 1,
        right: "70".to_owned(),
    });
    let error = session.commit().expect_err("a year is no text");
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
    assert!(error.message().starts_with("MySQL would store"), "{error}");
}

/// A text over a year.
#[derive(Entity, Clone, Debug)]
#[orm(table = "pairs")]
struct Dated {
    #[orm(primary_key)]
    id: i64,
    right: String,
}

/// A row whose key and mark the database makes.
#[derive(Entity, Clone, Debug)]
#[orm(table = "logged")]
struct Logged {
    #[orm(primary_key)]
    id: Auto<i64>,
    place: i64,
    #[orm(server_default = "'x'")]
    mark: Auto<String>,
}

/// The same without a default.
#[derive(Entity, Clone, Debug)]
#[orm(table = "counted")]
struct Counted {
    #[orm(primary_key)]
    id: Auto<i64>,
    place: i64,
}

/// Inserts so many rows of each table in one transaction; returns the numbers of statements, without those of the transaction. Every
/// object has the key of its row.
fn inserted(engine: &Engine, rows: i64) -> [u64; 2] {
    let mut session = Session::new(engine);
    let before = engine.statements();
    let logged: Vec<_> = (0..rows)
        .map(|place| session.add(Logged::new(place)))
        .collect();
    session.commit().expect("commits");
    let between = engine.statements();
    let counted: Vec<_> = (0..rows)
        .map(|place| session.add(Counted::new(place)))
        .collect();
    session.commit().expect("commits");
    let sent = [between - before - 2, engine.statements() - between - 2];
    let mut wanted: Vec<(i64, i64)> = Vec::new();
    let mut also: Vec<(i64, i64)> = Vec::new();
    for (&logged, &counted) in logged.iter().zip(&counted) {
        session.refresh(logged).expect("reads");
        session.refresh(counted).expect("reads");
        assert_eq!(*session[logged].mark, "x");
        wanted.push((*session[logged].id, session[logged].place));
        also.push((*session[counted].id, session[counted].place));
    }
    let places: Vec<i64> = wanted.iter().map(|(_, place)| *place).collect();
    assert_eq!(places, Vec::from_iter(0..rows), "each has its own row");
    let places: Vec<i64> = also.iter().map(|(_, place)| *place).collect();
    assert_eq!(places, Vec::from_iter(0..rows), "each has its own row");
    sent
}

#[test]
fn values_that_the_database_made_are_read_together() {
    let Some(database) = database() else { return };
    let engine = Engine::new(database.backend());
    metadata![Logged, Counted]
        .create_all(&engine)
        .expect("creates");
    // One by one, and the values that the database made together.
    assert_eq!(inserted(&engine, 40), [41, 40]);
    assert_eq!(inserted(&engine, 3), [4, 3]);
    // Of a cluster each server may count in steps.
    let steps = |step: u8| {
        let set = format!("SET GLOBAL auto_increment_increment = {step}");
        run(&database, &set).expect("sets");
    };
    steps(7);
    let sent = inserted(&Engine::new(database.backend()), 40);
    steps(1);
    assert_eq!(sent, [41, 40]);
}

#[test]
fn a_trigger_may_choose_keys() {
    let Some(database) = database() else { return };
    let name = database.name();
    let engine = Engine::new(database.backend());
    metadata![Logged, Counted]
        .create_all(&engine)
        .expect("creates");
    let skips = |table: &str| {
        let create = format!(
            "CREATE TRIGGER skips BEFORE INSERT ON {table} FOR EACH ROW \
             SET NEW.id = IF(NEW.place % 3 = 1, NEW.place + 1000000, NEW.id)"
        );
        run(&database, &create).expect("creates");
    };
    skips("logged");
    // Each, and the values that the database made.
    assert_eq!(inserted(&engine, 20), [21, 20]);
    run(&database, "DROP TRIGGER skips").expect("drops");
    skips("counted");
    for text in [
        format!("CREATE USER {name} IDENTIFIED BY 'secret'"),
        format!("GRANT SELECT, INSERT ON {name}.* TO {name}"),
        "DELETE FROM logged".to_owned(),
        "DELETE FROM counted".to_owned(),
    ] {
        run(&database, &text).expect(&text);
    }
    // Triggers are hidden from this user.
    let (_, rest) = database.url().split_once('@').map(own).expect("an address");
    let backend = MariaDb::url(&format!("mysql://{name}:secret@{rest}")).expect("a URL");
    assert_eq!(inserted(&Engine::new(backend), 20), [21, 20]);
    run(&database, &format!("DROP USER {name}")).expect("dropped");
}

#[test]
fn no_update_is_lost_at_serializable() {
    const THREADS: i64 = 4;
    const TIMES: i64 = 5;
    let Some(database) = database() else { return };
    let engine = Engine::new(database.backend());
    metadata![Pair].create_all(&engine).expect("creates");
    let mut session = Session::new(&engine);
    let pair = session.add(Pair {
        id: 1,
        left: 0,
        right: 0,
    });
    session.commit().expect("commits");
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut session = Session::new(&engine);
                for _ in 0..TIMES {
                    let options = TransactionOptions::new().isolation(Isolation::Serializable);
                    // Two that have read the row wait for each other, until the server undoes one.
                    let done = session.retry_with(options, 200, |s| {
                        let pair = Pair::query().one(s)?;
                        s[pair].left += 1;
                        Ok(())
                    });
                    done.expect("succeeds in the end");
                }
            });
        }
    });
    session.refresh(pair).expect("reads");
    assert_eq!(session[pair].left, THREADS * TIMES);
}

#[test]
fn numbers_of_documents_are_kept_or_refused() {
    let Some(database) = database() else { return };
    run(&database, "CREATE TABLE d (v json)").expect("creates");
    let insert = Sql::new(
        StatementKind::Insert,
        "INSERT INTO d VALUES (?)",
        [ValueType::Json],
        [],
    );
    let mut connection = database.backend().connect().expect("connects");
    for (document, kept) in [
        (r#"{"n":18446744073709551615}"#, true),
        ("[0.1]", true),
        ("[3.14159265358979323846]", false),
        ("[123456789012345678901]", false),
        // MySQL reads the double before it.
        ("[9088544342.689998]", false),
    ] {
        let params = [Param::Ref(ValueRef::Json(document))];
        let done = connection.execute(&Statement::new(&insert, &params));
        let refused = done.map(drop).map_err(|error| error.kind());
        let expected = match kept {
            true => Ok(()),
            false => Err(ErrorKind::OutOfRange),
        };
        assert_eq!(refused, expected, "{document}");
    }
}

#[test]
fn doubles_of_documents_are_kept_or_refused() {
    let Some(database) = database() else { return };
    let engine = Engine::new(database.backend());
    metadata![Note].create_all(&engine).expect("creates");
    let mut kept = Vec::new();
    let mut bits = 0x3fd5_5555_5555_5555_u64;
    for id in 0..600 {
        bits = bits
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(id + 1);
        // Small numbers and fractions, and in every tenth case any size.
        let double = match id % 10 {
            0 => f64::from_bits(bits & !(1 << 62)),
            _ => f64::from_bits(0x3ff0_0000_0000_0000 | bits >> 12) - 1.0,
        };
        let id = i64::try_from(id).expect("small");
        let document = serde_json::json!([double]);
        let mut session = Session::new(&engine);
        session.add(Note {
            id,
            document: document.clone(),
        });
        match session.commit() {
            Ok(()) => kept.push((id, document)),
            Err(error) => assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}"),
        }
    }
    assert!((400..600).contains(&kept.len()), "{} are kept", kept.len());
    let notes = Note::query().order_by(Note::ID.asc());
    let rows = notes.rows(&mut Session::new(&engine)).expect("reads");
    let rows: Vec<_> = rows
        .into_iter()
        .map(|note| (note.id, note.document))
        .collect();
    assert_eq!(rows, kept);
}

/// A document.
#[derive(Entity, Clone, Debug)]
#[orm(table = "notes")]
struct Note {
    #[orm(primary_key)]
    id: i64,
    document: serde_json::Value,
}

#[test]
fn documents_are_found_by_their_value() {
    let Some(database) = database() else { return };
    let engine = Engine::new(database.backend());
    metadata![Note].create_all(&engine).expect("creates");
    let mut session = Session::new(&engine);
    let document = serde_json::json!({"b": [1, null], "a": "x"});
    session.add(Note {
        id: 1,
        document: document.clone(),
    });
    session.commit().expect("commits");
    let found = Note::query().filter(Note::DOCUMENT.eq(document));
    assert_eq!(found.count(&mut session).expect("counts"), 1);
}

#[test]
fn a_statement_that_takes_too_long_is_ended() {
    let Some(database) = database() else { return };
    let backend = database
        .backend()
        .statement_timeout(Duration::from_millis(200));
    let mut connection = backend.connect().expect("connects");
    let text = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) SELECT COUNT(*) FROM n";
    let sql = Sql::new(StatementKind::Raw, text, [], [ValueType::I64]);
    let error = connection
        .query(&Statement::new(&sql, &[]), &mut |_| Ok(()))
        .expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::Busy);
}

#[test]
fn tables_of_others_are_reflected() {
    let Some(database) = database() else { return };
    let create = r"CREATE TABLE legacy (
        id bigint unsigned AUTO_INCREMENT PRIMARY KEY,
        code char(5) NOT NULL DEFAULT 'it''s',
        made datetime(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
        details json,
        count int DEFAULT 3,
        price double(10,2) DEFAULT 0.5,
        places int(5) zerofill DEFAULT 7,
        words varchar(20) DEFAULT (concat('a', '\'', 'b')),
        latin varchar(20) DEFAULT (concat(_latin1 x'e4', 'ö')),
        wide varchar(20) AS (concat(_ucs2 x'00e4', _latin1'a')),
        CONSTRAINT legacy_code_check CHECK (code <> 'it\'s not'),
        INDEX legacy_lower ((lower(code))))";
    run(&database, create).expect("creates");
    let engine = Engine::new(database.backend());
    let mut connected = engine.connect().expect("connects");
    let tables = connected.reflect().expect("reflects");
    let [table] = &tables[..] else {
        panic!("one table, found {}", tables.len());
    };
    let shown: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("{} {:?} {:?}", column.name, column.ty, column.generated))
        .collect();
    assert_eq!(
        shown,
        [
            "id I64 Key",
            "code Text { length: Some(5) } Default(\"'it''s'\")",
            "made Timestamp Default(\"CURRENT_TIMESTAMP(6)\")",
            "details Json No",
            "count I32 Default(\"3\")",
            "price F64 Default(\"0.50\")",
            "places I64 Default(\"7\")",
            "words Text { length: Some(20) } Default(\"concat('a','''','b')\")",
            "latin Text { length: Some(20) } Default(\"concat(_latin1 x'e4','ö')\")",
            "wide Text { length: Some(20) } Computed(\"concat(_ucs2 x'00e4',_latin1'a')\")",
        ]
    );
    let checks: Vec<&str> = table
        .checks
        .iter()
        .map(|it| it.condition.as_str())
        .collect();
    assert_eq!(checks, ["(`code` <> 'it''s not')"]);
    assert!(table.indexes.is_empty(), "{:?}", table.indexes);
    let remarks = table.remarks.join(" ");
    assert!(remarks.contains("legacy_lower"), "{remarks}");
    // A table created from the reflected one has no differences.
    let text = || -> String {
        run(&database, "INSERT INTO legacy (code) VALUES ('a')").expect("inserts");
        let mut session = Session::new(&engine);
        let text = session.sql("SELECT concat(latin, wide) FROM legacy", ());
        text.one().expect("reads")
    };
    assert_eq!(text(), "äöäa");
    run(&database, "DROP TABLE legacy").expect("drops");
    let metadata = Metadata::of_records(tables);
    metadata.create_all(&engine).expect("creates");
    assert_eq!(metadata.diff(&engine).expect("compares"), []);
    assert_eq!(text(), "äöäa");
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "articles")]
struct Article {
    #[orm(primary_key)]
    id: i64,
    title: String,
    updated: selfsame::value::Timestamp,
}

#[test]
fn a_column_that_follows_updates_is_read_again() {
    let Some(database) = database() else { return };
    let create = "CREATE TABLE articles (id BIGINT PRIMARY KEY, title VARCHAR(20) NOT NULL, \
        updated DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6))";
    run(&database, create).expect("creates");
    let mut session = Session::new(&Engine::new(database.backend()));
    let article = session.add(Article::new(1, "a", selfsame::value::Timestamp(0)));
    session.commit().expect("inserts");
    session[article].title = "b".to_owned();
    session.commit().expect("updates");
    session[article].title += "";
    session.commit().expect("nobody else has written the row");
    session[article].title = "c".to_owned();
    session.flush().expect("updates");
    session[article].title += "";
    session.flush().expect("there is nothing to write");
    session.get::<Article>(1).expect("reads");
    assert!(session[article].updated.0 > 0);
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "words")]
struct Word {
    #[orm(primary_key)]
    id: i64,
    text: String,
}

/// The server would compare by the column's collation.
#[test]
fn parts_of_texts_of_any_character_set() {
    for set in ["utf8mb4", "utf8mb3", "latin1", "utf16"] {
        let Some(database) = database() else { return };
        for text in [
            &format!(
                "CREATE TABLE words (id BIGINT PRIMARY KEY, text VARCHAR(20) CHARACTER SET {set} NOT NULL)"
            ),
            "INSERT INTO words VALUES (1, 'abc'), (2, 'Abc '), (3, 'á')",
        ] {
            run(&database, text).expect("runs");
        }
        let mut session = Session::new(&Engine::new(database.backend()));
        for (part, starts, ends, contains) in [
            ("abc", 1, 1, 1),
            ("ABC", 0, 0, 0),
            ("bc", 0, 1, 2),
            ("a", 1, 0, 1),
            ("😀", 0, 0, 0),
        ] {
            let mut count = |test| {
                let found = Word::query().filter(test).count(&mut session);
                found.unwrap_or_else(|error| panic!("{set} {part}: {error}"))
            };
            let found = [
                count(Word::TEXT.starts_with(part)),
                count(Word::TEXT.ends_with(part)),
                count(Word::TEXT.contains(part)),
            ];
            assert_eq!(found, [starts, ends, contains], "{set} {part}");
        }
    }
}
