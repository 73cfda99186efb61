//! Values that a column would change: memory holds what the row holds, or the value is refused with its column and the column's type.

use selfsame::prelude::*;
use selfsame::value::{Decimal, Timestamp};
use selfsame_postgres::Postgres;
use selfsame_postgres::testing::{Database, Server};

use crate::support::{Case, execute, fixture};

pub(crate) const CASES: &[Case] = &[
    ("changed_texts_are_refused", texts_are_refused),
    (
        "changed_numbers_and_times_are_refused",
        numbers_and_times_are_refused,
    ),
    (
        "changed_texts_of_other_types_are_read_again",
        other_types_are_read_again,
    ),
    ("changed_keys_are_refused", keys_are_refused),
    ("changed_documents_alone_are_written", documents),
    (
        "changed_values_of_a_table_that_was_altered",
        of_a_table_that_was_altered,
    ),
    (
        "changed_declared_types_are_queried_once_for_each_table",
        queried_once,
    ),
];

const TABLES: &str = "
    CREATE DOMAIN code AS char(3);
    CREATE DOMAIN country AS code NOT NULL;
    CREATE TABLE texts (
        id integer PRIMARY KEY,
        fixed char(4) NOT NULL DEFAULT '',
        short varchar(4) NOT NULL DEFAULT '',
        any_length varchar NOT NULL DEFAULT '',
        ident name NOT NULL DEFAULT '',
        letter \"char\" NOT NULL DEFAULT '',
        place country NOT NULL DEFAULT ''
    );
    CREATE TABLE numbers (
        id integer PRIMARY KEY,
        whole integer NOT NULL DEFAULT 0,
        cents numeric(6, 2) NOT NULL DEFAULT 0,
        single real NOT NULL DEFAULT 0,
        at timestamp(3) NOT NULL DEFAULT 'epoch'
    )";

#[derive(Entity, Clone, Debug, Default)]
#[orm(table = "texts")]
struct Texts {
    #[orm(primary_key)]
    id: i32,
    fixed: String,
    short: String,
    any_length: String,
    ident: String,
    letter: String,
    place: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "numbers")]
struct Numbers {
    #[orm(primary_key)]
    id: i32,
    whole: Decimal,
    cents: Decimal,
    single: f64,
    at: Timestamp,
}

/// With prepared statements, without them, and behind a transaction pooler.
fn ways(database: &Database) -> [Postgres; 3] {
    [
        database.backend(),
        database.backend().without_prepared_statements(),
        database.backend().transaction_pooler(),
    ]
}

fn database(server: &Server) -> Database {
    let mut fixture = fixture(server);
    execute(&mut *fixture.connection, TABLES).expect("tables");
    fixture.database
}

/// Checks that the value is refused by inserts, changes and bulk updates.
#[track_caller]
fn refused<E: Entity + Clone>(
    backend: &Postgres,
    new: impl Fn(i32) -> E,
    change: impl Fn(&mut E),
    column: &str,
    declared: &str,
) {
    let mut session = Session::new(&Engine::new(backend.clone()));
    let mut wrong = new(1);
    change(&mut wrong);
    let check = |error: selfsame::Error| {
        let text = error.to_string();
        assert_eq!(error.kind(), selfsame::ErrorKind::OutOfRange, "{text}");
        assert_eq!(error.column_name(), Some(column), "{text}");
        assert!(text.contains(declared), "{text}");
    };
    session.add(wrong.clone());
    check(session.flush().expect_err("inserts what is changed"));
    session.rollback().expect("rolls back");
    session.clear();
    session.add(new(2));
    session.add(wrong.clone());
    check(
        session
            .flush()
            .expect_err("inserts two rows, of which one is changed"),
    );
    session.rollback().expect("rolls back");
    session.clear();
    let error = session
        .insert_all([wrong])
        .expect_err("inserts what is changed in bulk");
    check(error);
    session.rollback().expect("rolls back");
    session.clear();
    let good = session.add(new(3));
    session.flush().expect("inserts what is kept");
    change(&mut session[good]);
    check(session.flush().expect_err("updates to what is changed"));
    session.rollback().expect("rolls back");
}

fn texts_are_refused(server: &Server) {
    let database = database(server);
    let long = "n".repeat(64);
    for backend in ways(&database) {
        let texts = |id| Texts {
            id,
            ..Texts::default()
        };
        let check = |change: &dyn Fn(&mut Texts), column, declared| {
            refused(&backend, texts, change, column, declared);
        };
        check(&|it| it.fixed = "AB ".to_owned(), "fixed", "char(4)");
        check(&|it| it.short = "ABCD ".to_owned(), "short", "varchar(4)");
        check(&|it| it.ident = long.clone(), "ident", "name");
        check(&|it| it.letter = "ab".to_owned(), "letter", "\"char\"");
        check(&|it| it.letter = "ä".to_owned(), "letter", "\"char\"");
        check(&|it| it.place = "D ".to_owned(), "place", "char(3)");

        let mut session = Session::new(&Engine::new(backend.clone()));
        let kept = Texts {
            id: 4,
            fixed: "AB".to_owned(),
            short: "A   ".to_owned(),
            any_length: "any ".to_owned(),
            ident: "n".repeat(63),
            letter: "a".to_owned(),
            place: "DE".to_owned(),
        };
        let one = session.add(kept.clone());
        let empty = session.add(Texts {
            id: 5,
            ..Texts::default()
        });
        session.flush().expect("inserts what is kept");
        for (handle, kept) in [
            (one, kept),
            (
                empty,
                Texts {
                    id: 5,
                    ..Texts::default()
                },
            ),
        ] {
            session.refresh(handle).expect("reads");
            assert_eq!(format!("{:?}", session[handle]), format!("{kept:?}"));
        }
        session.rollback().expect("rolls back");
    }
}

fn numbers_and_times_are_refused(server: &Server) {
    let database = database(server);
    let decimal = |text: &str| text.parse::<Decimal>().expect("a decimal");
    for backend in ways(&database) {
        let numbers = |id| Numbers {
            id,
            whole: decimal("1"),
            cents: decimal("1.50"),
            single: 0.5,
            at: Timestamp(1_000),
        };
        let check = |change: &dyn Fn(&mut Numbers), column, declared| {
            refused(&backend, numbers, change, column, declared);
        };
        check(&|it| it.whole = decimal("1.5"), "whole", "int4");
        check(&|it| it.cents = decimal("1.555"), "cents", "scale of 2");
        check(&|it| it.at = Timestamp(1), "at", "timestamp(3)");
        check(&|it| it.single = 0.1, "single", "float4");
    }
}

/// Columns whose types the mapping names.
#[derive(Entity, Clone, Debug)]
#[orm(table = "forms")]
struct Forms {
    #[orm(primary_key)]
    id: i32,
    #[orm(db_type = "uuid")]
    uuid: String,
    #[orm(db_type = "inet")]
    inet: String,
    #[orm(db_type = "cidr")]
    cidr: String,
    #[orm(db_type = "macaddr")]
    mac: String,
    #[orm(db_type = "interval")]
    span: String,
    #[orm(db_type = "xml")]
    xml: String,
    #[orm(db_type = "json")]
    json: String,
    #[orm(db_type = "jsonb")]
    jsonb: String,
    #[orm(db_type = "char(4)")]
    fixed: String,
    #[orm(db_type = "varchar(4)")]
    short: String,
    #[orm(db_type = "name")]
    ident: String,
    #[orm(db_type = "\"char\"")]
    letter: String,
    #[orm(db_type = "int4range")]
    range: String,
    #[orm(db_type = "money")]
    money: String,
    #[orm(db_type = "timetz")]
    time: String,
    #[orm(db_type = "numeric(6, 2)")]
    number: String,
    list: Vec<Option<f64>>,
    #[orm(db_type = "varchar(2)[]")]
    texts: Vec<String>,
}

fn other_types_are_read_again(server: &Server) {
    let database = database(server);
    for backend in ways(&database) {
        let engine = Engine::new(backend);
        metadata![Forms].create_all(&engine).expect("the table");
        let forms = Forms {
            id: 1,
            uuid: "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}".to_owned(),
            inet: "10.1.2.3/32".to_owned(),
            cidr: "10.1".to_owned(),
            mac: "08-00-2B-01-02-03".to_owned(),
            span: "36:00".to_owned(),
            xml: "<a  b='1'/>".to_owned(),
            json: "{\"b\": 1,  \"a\": 2}".to_owned(),
            jsonb: "{\"b\": 1,  \"a\": 2.50}".to_owned(),
            fixed: "AB ".to_owned(),
            short: "A".to_owned(),
            ident: "n".repeat(63),
            letter: "a".to_owned(),
            range: "[1,3]".to_owned(),
            money: "12.5".to_owned(),
            time: "16:00+02".to_owned(),
            number: "1.5".to_owned(),
            list: vec![Some(0.1), None],
            texts: vec!["a".to_owned(), "b ".to_owned()],
        };
        let mut session = Session::new(&engine);
        let one = session.add(forms);
        session.flush().expect("inserts");
        let check = |session: &mut Session| {
            let memory = format!("{:?}", session[one]);
            session.refresh(one).expect("reads");
            assert_eq!(memory, format!("{:?}", session[one]));
        };
        check(&mut session);
        session[one].uuid = "A0EEBC999C0B4EF8BB6D6BB9BD380A12".to_owned();
        session[one].fixed = "C  ".to_owned();
        session[one].short = "ABC".to_owned();
        session[one].ident = "m".repeat(63);
        session[one].letter = "b".to_owned();
        session[one].span = "90 minutes".to_owned();
        session.flush().expect("updates");
        assert_eq!(session[one].uuid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12");
        check(&mut session);
        session.commit().expect("commits");
        metadata![Forms].drop_all(&engine).expect("drops");
    }
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "documents")]
struct Document {
    #[orm(primary_key)]
    id: i32,
    content: serde_json::Value,
    texts: Vec<String>,
    note: String,
}

/// What Rust does not keep of a `json` stays in the row until the program changes the document.
fn documents(server: &Server) {
    let mut fixture = fixture(server);
    let tables = r#"CREATE TABLE documents (id integer PRIMARY KEY, content json NOT NULL, texts varchar(9)[] NOT NULL, note text NOT NULL);
        INSERT INTO documents SELECT n, '{"b": 1,  "a": 2, "a": 3}', '{x,"a b"}', 'old' FROM generate_series(1, 3) AS n"#;
    execute(&mut *fixture.connection, tables).expect("tables");
    let engine = Engine::new(fixture.database.backend());
    let mut session = Session::new(&engine);
    let by_id = Document::query().order_by(Document::ID.asc());
    let all = by_id.all(&mut session).expect("reads");
    for &it in &all {
        session[it].note = "new".to_owned();
    }
    session[all[0]].content = serde_json::json!({"b": 1, "a": 3});
    session[all[1]].content["a"] = serde_json::json!(4);
    session.commit().expect("commits");
    session.refresh(all[2]).expect("reads");
    let mut texts = || -> Vec<String> {
        let query = "SELECT content::text FROM documents ORDER BY id";
        session.sql(query, ()).all().expect("reads")
    };
    let kept = r#"{"b": 1,  "a": 2, "a": 3}"#;
    assert_eq!(texts(), [kept, r#"{"a": 4, "b": 1}"#, kept]);

    // Reflected, elements of a `varchar[]` are compared as such.
    let records = selfsame::metadata::Metadata::reflect(&engine).expect("reflects");
    let records = records.records("documents").expect("a table");
    let same = records.column::<String>("texts").expect("a column");
    let same = same.eq("{x,\"a b\"}".to_owned());
    let found = records.query().filter(same).count(&mut session);
    assert_eq!(found.expect("compares"), 3);
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "currencies")]
struct Currency {
    #[orm(primary_key)]
    code: String,
    name: String,
    #[orm(back_populates = currency)]
    rates: HasMany<Rate>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "rates")]
struct Rate {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "currencies.code")]
    currency_code: String,
    #[orm(back_populates = rates)]
    currency: BelongsTo<Currency>,
}

/// A key with trailing blanks would not be the key of its row.
fn keys_are_refused(server: &Server) {
    let mut fixture = fixture(server);
    let tables = "CREATE TABLE currencies (code char(5) PRIMARY KEY, name text NOT NULL);
        CREATE TABLE rates (id serial PRIMARY KEY, currency_code char(5) NOT NULL REFERENCES currencies)";
    execute(&mut *fixture.connection, tables).expect("tables");
    let engine = Engine::new(fixture.database.backend());
    let mut session = Session::new(&engine);
    session.add(Currency::new("EUR ", "euro"));
    let error = session.commit().expect_err("the key is changed");
    assert_eq!(error.column_name(), Some("code"), "{error}");
    session.rollback().expect("rolls back");
    session.clear();
    let euro = session.add(Currency::new("EUR", "euro"));
    let rate = session.add(Rate::new(""));
    session.set(rate, Rate::CURRENCY, euro).expect("relates");
    session.commit().expect("commits");
    let rates = session.load(euro, Currency::RATES).expect("reads").to_vec();
    assert_eq!(rates, [rate]);
    session[euro].name = "Euro".to_owned();
    session.commit().expect("the row is found by its key");
    assert_eq!(session.get::<Currency>("EUR").expect("reads"), Some(euro));
    session[rate].currency_code = "EUR  ".to_owned();
    let error = session.flush().expect_err("the reference is changed");
    assert_eq!(error.column_name(), Some("currency_code"), "{error}");
}

fn of_a_table_that_was_altered(server: &Server) {
    let database = database(server);
    for backend in ways(&database) {
        let mut session = Session::new(&Engine::new(backend));
        let one = session.add(Texts {
            id: 1,
            short: "A".to_owned(),
            ..Texts::default()
        });
        session.flush().expect("inserts");
        let set = |session: &mut Session, text: &str| {
            session[one].short = text.to_owned();
            session.flush()
        };
        // Statements after the ALTER see the new type.
        let alter = |session: &mut Session, ty: &str| {
            let sql = format!("ALTER TABLE texts ALTER short TYPE {ty}");
            session.sql(&sql, ()).execute().expect("alters");
        };
        set(&mut session, "B").expect("updates");
        alter(&mut session, "varchar(9)");
        set(&mut session, "ABCDE ").expect("is kept by now");
        alter(&mut session, "char(9)");
        let error = set(&mut session, "ABC ").expect_err("is no longer kept");
        assert_eq!(error.column_name(), Some("short"), "{error}");
        session.rollback().expect("rolls back");
        let error = session.insert_all([Texts {
            id: 2,
            short: "ABCD ".to_owned(),
            ..Texts::default()
        }]);
        error.expect_err("the table is as it was");
        session.rollback().expect("rolls back");
        // Rolling back to a savepoint of raw SQL restores the table, too.
        let one = session.add(Texts {
            id: 3,
            short: "A".to_owned(),
            ..Texts::default()
        });
        session.flush().expect("inserts");
        let raw = |session: &mut Session, sql: &str| {
            session.sql(sql, ()).execute().expect(sql);
        };
        raw(&mut session, "SAVEPOINT a");
        alter(&mut session, "text");
        session[one].short = "ABCD ".to_owned();
        session.flush().expect("is kept by now");
        raw(&mut session, "ROLLBACK TO a");
        session.expire(one).expect("expires");
        session[one].short = "ABC  ".to_owned();
        session.flush().expect_err("the table is as it was");
        session.rollback().expect("rolls back");
    }
}

/// The declared types of a table are queried in the round trip that prepares the first statement writing to it.
fn queried_once(server: &Server) {
    let database = database(server);
    let [prepared, unprepared, _] = ways(&database);
    for (backend, first_of_each, again) in [(prepared, [2, 2], 1), (unprepared, [2, 1], 1)] {
        let engine = Engine::new(backend);
        let mut id = 0;
        let mut round_trips = |names: [&str; 2]| {
            let count = || {
                let mut connection = engine.connect().expect("connects");
                let statistics = connection.statistics().expect("counts");
                statistics.expect("are kept").round_trips
            };
            let before = count();
            let mut session = Session::new(&engine);
            id += 2;
            for (name, id) in names.iter().zip(id..).filter(|(name, _)| !name.is_empty()) {
                session.add(Texts {
                    id,
                    short: (*name).to_owned(),
                    ..Texts::default()
                });
            }
            session.commit().expect("inserts in one statement");
            count() - before
        };
        assert_eq!(round_trips(["a", ""]), first_of_each[0]);
        // Two rows are written between BEGIN and COMMIT.
        assert_eq!(round_trips(["a", "b"]), 2 + first_of_each[1]);
        assert_eq!(round_trips(["c", ""]), again);
        assert_eq!(round_trips(["c", "d"]), 2 + again);
        let mut session = Session::new(&engine);
        Texts::query()
            .delete()
            .execute(&mut session)
            .expect("deletes");
        session.commit().expect("commits");
    }
}
