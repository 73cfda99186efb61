//! More of PostgreSQL: types of extensions and of other schemas as values, in filters and in keys; names, comments and views.

use selfsame::backend::{Sql, StatementKind};
use selfsame::prelude::*;
use selfsame::value::Decimal;
use selfsame::{ErrorKind, sql};
use selfsame_postgres::testing::{Database, Server};

use crate::more::*;
use crate::{Test, check_written, execute};

pub(crate) const TESTS: &[(&str, Test)] = &[("postgres_more", more)];

const SCHEMA: &str = include_str!("more.sql");

/// What the entities say otherwise than the database, or not at all.
const TOLD: [&str; 3] = [
    "measured: the primary key is () in the code and (at) in the database",
    "wide_key: the primary key is () in the code and (a, b, c, d, e) in the database",
    "nothing: the table is in the database only",
];

/// All of it in one database: an extension is in one schema only.
fn more(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    if !has_extensions(&engine)? {
        eprintln!("the extensions citext, hstore and ltree are not installed");
        return Ok(());
    }
    execute(&engine, SCHEMA)?;
    check_written(&database.url(), "schemas/more.rs");
    made_again(&engine)?;
    kinds(&engine)?;
    one_key_of_two_letter_cases(&engine)?;
    keys(&engine)?;
    names(&engine)?;
    without_objects(&engine)?;
    audited(&database)
}

fn has_extensions(engine: &Engine) -> selfsame::Result<bool> {
    let sql =
        "SELECT count(*) FROM pg_available_extensions WHERE name IN ('citext', 'hstore', 'ltree')";
    let found: i64 = Session::new(engine).sql(sql, ()).one()?;
    Ok(found == 3)
}

fn differences(engine: &Engine) -> selfsame::Result<Vec<String>> {
    let found = metadata().diff(engine)?;
    Ok(found.iter().map(ToString::to_string).collect())
}

/// The original schema differs as reported; the one created from the entities does not differ.
fn made_again(engine: &Engine) -> selfsame::Result<()> {
    assert_eq!(differences(engine)?, TOLD);
    let reflected = Metadata::reflect(engine)?;
    assert_eq!(reflected.diff(engine)?, []);
    execute(
        engine,
        "DROP VIEW adults;\nDROP MATERIALIZED VIEW years;\nDROP TABLE nothing",
    )?;
    metadata().drop_all(engine)?;
    assert_eq!(engine.connect()?.reflect()?, []);
    metadata().create_all(engine)?;
    metadata().create_all(engine)?;
    assert_eq!(metadata().diff(engine)?, []);
    // Names and comments are as they were.
    let tables = engine.connect()?.reflect()?;
    let before = reflected.tables().iter().find(|it| it.name == "people");
    let after = tables.iter().find(|it| it.name == "people");
    let (before, after) = (before.expect("was there"), after.expect("is there"));
    assert_eq!(before.comment, after.comment);
    for (before, after) in before.columns.iter().zip(&after.columns) {
        assert_eq!(before.comment, after.comment);
    }
    let sorted = |mut names: Vec<Option<String>>| {
        names.sort();
        names
    };
    let of = |table: &selfsame::schema::Table| {
        let indexes = table.uniques.iter().chain(&table.indexes);
        let mut names: Vec<Option<String>> = indexes.map(|it| it.name.clone()).collect();
        names.extend(table.foreign_keys.iter().map(|it| it.name.clone()));
        names.extend(table.checks.iter().map(|it| it.name.clone()));
        sorted(names)
    };
    assert_eq!(of(before), of(after));
    // A changed name and a changed comment are reported.
    execute(
        engine,
        "ALTER INDEX by_birth RENAME TO by_date;\nALTER TABLE people RENAME CONSTRAINT \"to the boss\" TO boss;\n\
         COMMENT ON TABLE people IS NULL;\nCOMMENT ON COLUMN people.boss IS 'Who'",
    )?;
    assert_eq!(
        differences(engine)?,
        [
            "people: the index (born) is called by_birth in the code and by_date in the database",
            "people: FOREIGN KEY (boss) is called to the boss in the code and boss in the database",
            "people: the comment is \"Who works here.\" in the code and none in the database",
            "people.boss: the comment is none in the code and \"Who\" in the database",
        ]
    );
    execute(
        engine,
        "CREATE VIEW adults AS SELECT id, name, born FROM people WHERE born < '2006-01-01';\n\
         CREATE MATERIALIZED VIEW years AS SELECT extract(year FROM born) AS year, count(*) AS people FROM people GROUP BY 1",
    )
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn texts(values: &[&str]) -> Option<Vec<String>> {
    Some(values.iter().map(|&value| value.to_owned()).collect())
}

/// One of everything.
fn whole() -> Kind {
    Kind {
        folded: text("Ann"),
        pairs: text("\"a\"=>\"1\", \"b\"=>NULL"),
        tree: text("top.science"),
        near: text("[1,2,3]"),
        maybe: Some(Mood::ABC),
        all_moods: Some(vec![Mood::ABC, Mood::Up, Mood::Type]),
        domain_of_moods: Some(vec![Mood::Down]),
        direction: Some(Order::Desc).into(),
        directions: Some(vec![Order::Desc, Order::Asc]),
        home: text("(\"Elm St, 1\",12345)"),
        homes: texts(&["(\"Elm \"\"St\"\"\",1)", "(Oak,2)"]),
        weights: text("[0.5,1.5)"),
        multi: text("{[1.5,2.5),[3,4)}"),
        smalls: texts(&["7", "99"]),
        several: texts(&["1"]),
        tags: texts(&["a,b", "", "NULL", "\"q\" \\"]),
        matrix: Some(vec![vec![1, 2], vec![3, 4]]),
        cube: Some(vec![vec![vec![0.5], vec![1e300]]]),
        bools: Some(vec![true, false]),
        shorts: Some(vec![i16::MIN, i16::MAX]),
        longs: Some(vec![i64::MIN, i64::MAX]),
        numbers: Some(
            ["1.50", "-2.25"]
                .map(|it| it.parse::<Decimal>().expect("a number"))
                .to_vec(),
        ),
        days: Some(vec!["2024-02-29".parse().expect("a day")]),
        moments: Some(vec![
            "2024-02-29 12:30:00.123456Z".parse().expect("a moment"),
        ]),
        ids: Some(vec![uuid::Uuid::from_u128(7)]),
        bytes: Some(vec![vec![0, 255], Vec::new()]),
        docs: Some(vec![serde_json::json!({"a": [1, "x"]})]),
        spans: texts(&["1 day", "02:00:00"]),
        boxes: text("{(2,2),(1,1);(4,4),(3,3)}"),
        codes: texts(&["abc", "a  "]),
        system: text("1 2 3"),
        one: text("x"),
        called: text("pg name"),
        at_zone: text("24:00:00+02"),
        cash: text("$1,234.50"),
        flags: text("11001"),
        bits: texts(&["101", "010"]),
        search: text("'cat' & 'dog'"),
        page: text("<a>&amp;</a>"),
        class: text("pg_class"),
        r#type: text("t"),
        a_b: text("dot"),
        quote_d: text("quote"),
        ..Kind::new(Mood::Down)
    }
}

fn kinds(engine: &Engine) -> selfsame::Result<()> {
    let mut session = Session::new(engine);
    let first = session.add(whole());
    let rest: Vec<_> = (0..3).map(|_| session.add(Kind::new(Mood::Type))).collect();
    session.add(whole());
    session.commit()?;
    let wanted = format!(
        "{:?}",
        Kind {
            id: session[first].id,
            ..whole()
        }
    );
    assert_eq!(format!("{:?}", session[first]), wanted, "as it was sent");

    let mut session = Session::new(engine);
    let found = Kind::query().order_by(Kind::ID.asc()).all(&mut session)?;
    assert_eq!(found.len(), 5);
    assert_eq!(
        format!("{:?}", session[found[0]]),
        wanted,
        "as it was stored"
    );
    assert_eq!(
        session[found[1]].direction.get(),
        Some(&Some(Order::Asc)),
        "by default"
    );
    // Equal values are no change; others are written, one row and many.
    assert!(!session.is_modified(found[0])?);
    for &kind in &found {
        session[kind].matrix = Some(vec![vec![9]]);
        session[kind].home = text("(Ash,3)");
        session[kind].maybe = Some(Mood::Up);
        session[kind].all_moods = Some(vec![Mood::ABC]);
        session[kind].pairs = text("\"k\"=>\"v\"");
        session[kind].at_zone = text("10:00:00+00");
        session[kind].near = text("[4]");
    }
    session.commit()?;
    session[found[2]].cash = text("$2.00");
    session.commit()?;
    let id = Kind::ID;
    macro_rules! finds {
        ($($condition:expr => $count:literal;)*) => {$(
            assert_eq!(Kind::query().filter($condition).count(&mut session)?, $count, "{}", stringify!($condition));
        )*};
    }
    finds! {
        Kind::FOLDED.eq("ANN") => 2;
        Kind::FOLDED.in_(["aNN".to_owned(), "bob".to_owned()]) => 2;
        Kind::FOLDED.ne("ann") => 0;
        Kind::PAIRS.eq("k=>v") => 5;
        Kind::TREE.eq("top.science") => 2;
        Kind::TREE.lt("top.zoo") => 2;
        Kind::MAYBE.eq(Mood::Up) => 5;
        Kind::MAYBE.in_([Mood::Up, Mood::ABC]) => 5;
        Kind::FEELING.gt(Mood::Up) => 5;
        Kind::ALL_MOODS.eq(vec![Mood::ABC]) => 5;
        Kind::DOMAIN_OF_MOODS.eq(vec![Mood::Down]) => 2;
        Kind::DIRECTION.eq(Order::Desc) => 2;
        Kind::DIRECTIONS.is_not_null() => 2;
        Kind::HOME.eq("(Ash,3)") => 5;
        Kind::HOMES.is_null() => 3;
        Kind::WEIGHTS.eq("[0.5,1.5)") => 2;
        Kind::MULTI.eq("{[1.5,2.5),[3,4)}") => 2;
        Kind::SMALLS.eq(vec!["7".to_owned(), "99".to_owned()]) => 2;
        Kind::MATRIX.eq(vec![vec![9]]) => 5;
        Kind::NUMBERS.is_not_null().and(id.gt(1)) => 1;
        Kind::SPANS.eq(vec!["24:00".to_owned(), "120 minutes".to_owned()]) => 2;
        Kind::CASH.gt("$2.00") => 2;
        Kind::CASH.eq("2") => 1;
        Kind::AT_ZONE.eq("12:00+02") => 0;
        Kind::AT_ZONE.eq("10:00+00") => 5;
        Kind::FLAGS.eq("11001") => 2;
        Kind::ONE.eq("x") => 2;
        Kind::CALLED.eq("pg name") => 2;
        Kind::CLASS.eq("pg_class") => 2;
        Kind::A_B.eq("dot").and(Kind::QUOTE_D.eq("quote")).and(Kind::TYPE.eq("t")) => 2;
    }
    // What has no `=` is an error, and nothing is found that is not there.
    for error in [
        Kind::query()
            .filter(Kind::PAGE.eq("<a/>"))
            .count(&mut session),
        Kind::query()
            .filter(Kind::NEAR.eq("[4]"))
            .count(&mut session),
    ] {
        assert!(error.is_err());
        session.rollback()?;
    }
    // Values that the database's type refuses are errors too, and nothing is bent to fit.
    let kind = rest.len();
    for (name, change) in [
        (
            "another dimension",
            (|it: &mut Kind| it.matrix = Some(vec![vec![1], vec![2, 3]])) as fn(&mut Kind),
        ),
        ("a domain's CHECK", |it| it.smalls = texts(&["100"])),
        ("too many bits", |it| it.flags = text("1100110011")),
        ("a long code", |it| it.codes = texts(&["abcd"])),
        ("no address", |it| it.home = text("(a)")),
        ("no element", |it| it.pairs = text("=>")),
    ] {
        change(&mut session[found[kind]]);
        assert!(session.commit().is_err(), "{name}");
        session.rollback()?;
    }
    session.refresh(found[kind])?;
    assert_eq!(session[found[kind]].matrix, Some(vec![vec![9]]));

    // The error for an array with other dimensions than the field's, or with another lower bound than 1, names its row.
    for value in ["'{1,2}'", "'{{{1}}}'", "'[0:0][1:1]={{1}}'"] {
        execute(
            engine,
            &format!("UPDATE kinds SET matrix = {value} WHERE id = 2"),
        )?;
        let error = Kind::query()
            .all(&mut Session::new(engine))
            .expect_err(value);
        assert_eq!(
            (error.kind(), error.column_name(), error.key_text()),
            (ErrorKind::Conversion, Some("matrix"), Some("2")),
            "{value}"
        );
    }
    execute(engine, "UPDATE kinds SET matrix = NULL WHERE id = 2")?;

    // Plain rows, and statements without a session.
    let plain: Vec<Kind> = (0..3).map(|_| whole()).collect();
    assert_eq!(session.insert_all(plain)?, 3);
    let updated = Kind::query()
        .filter(Kind::MAYBE.eq(Mood::ABC))
        .update()
        .set(Kind::MAYBE, Mood::Down)
        .set(Kind::HOME, text("(x,1)"))
        .execute(&mut session)?;
    assert_eq!(updated, 3);
    let moods = Kind::query()
        .select((Kind::MAYBE, sql::count(Kind::ID)))
        .group_by(Kind::MAYBE)
        .order_by(Kind::MAYBE.desc())
        .all(&mut session)?;
    assert_eq!(moods, [(Some(Mood::Down), 3), (Some(Mood::Up), 5)]);
    session.delete(found[0])?;
    session.commit()?;
    assert_eq!(Kind::query().count(&mut session)?, 7);
    Ok(())
}

/// To the database `Ann` and `ANN` are one: in memory too.
fn one_key_of_two_letter_cases(engine: &Engine) -> selfsame::Result<()> {
    let mut session = Session::new(engine);
    session.add(FoldedKey {
        folded_childrens: [FoldedChildren::new(1)].into(),
        ..FoldedKey::new("Ann".to_owned())
    });
    session.add(FoldedKey::new("bob".to_owned()));
    session.commit()?;
    execute(
        engine,
        "INSERT INTO folded_children VALUES (2, 'ANN'), (3, 'BOB')",
    )?;
    let mut session = Session::new(engine);
    let ann = session
        .get::<FoldedKey>("aNN".to_owned())?
        .expect("is there");
    assert_eq!(session[ann].name, "Ann");
    let both = session.get_many::<FoldedKey>(["ANN".to_owned(), "BOB".to_owned()])?;
    assert_eq!(both.len(), 2);
    assert_eq!(both[0], ann);
    assert_eq!(session.load(ann, FoldedKey::FOLDED_CHILDRENS)?.len(), 2);
    let all = FoldedKey::query()
        .with(FoldedKey::FOLDED_CHILDRENS.selectin())
        .order_by(FoldedKey::NAME.asc())
        .all(&mut session)?;
    let counts: Vec<Option<usize>> = all
        .iter()
        .map(|&key| {
            session
                .loaded(key, FoldedKey::FOLDED_CHILDRENS)
                .map(|them| them.map(|them| them.len()))
        })
        .collect::<selfsame::Result<_>>()?;
    assert_eq!(counts, [Some(2), Some(1)]);
    let child = session.get::<FoldedChildren>(2)?.expect("is there");
    assert_eq!(session.load(child, FoldedChildren::FOLDED_KEY)?, Some(ann));
    session[ann].hits = Some(1);
    session.commit()?;
    session.delete(child)?;
    session.commit()?;
    session.add(FoldedKey::new("ANN".to_owned()));
    assert!(session.commit().is_err(), "the key is taken");
    session.rollback()
}

fn keys(engine: &Engine) -> selfsame::Result<()> {
    let mut session = Session::new(engine);
    macro_rules! check_keys {
        ($entity:ident, $column:ident, $new:expr, $key_of:expr; $($key:expr),+) => {{
            let keys = [$($key),+];
            for key in keys.clone() {
                session.add($new(key));
            }
            session.commit()?;
            session.clear();
            let many = session.get_many::<$entity>(keys.clone())?;
            assert_eq!(many.len(), keys.len(), stringify!($entity));
            session.clear();
            for key in keys.clone() {
                let found = session.get::<$entity>(key)?.expect(stringify!($entity));
                assert_eq!(session.get_many::<$entity>([$key_of(&session[found])])?, [found]);
                session[found].words = text("changed");
            }
            session.commit()?;
            let changed = $entity::query().filter($entity::WORDS.eq("changed")).order_by($entity::$column.asc());
            let changed = changed.all(&mut session)?;
            assert_eq!(changed.len(), keys.len(), stringify!($entity));
            session.refresh(changed[0])?;
            session.delete(changed[0])?;
            session.commit()?;
            assert_eq!($entity::query().count(&mut session)?, keys.len() as u64 - 1);
        }};
    }
    check_keys!(MoneyKey, PRICE, MoneyKey::new, |it: &MoneyKey| it.price.clone(); "$1.00".to_owned(), "$20.50".to_owned(), "-$3.00".to_owned());
    check_keys!(RangeKey, DURING, RangeKey::new, |it: &RangeKey| it.during.clone(); "[1,3)".to_owned(), "empty".to_owned(), "(,5)".to_owned());
    check_keys!(OidKey, CLASS, OidKey::new, |it: &OidKey| it.class.clone(); "1".to_owned(), "4294967295".to_owned());
    check_keys!(SmallKey, SMALL, SmallKey::new, |it: &SmallKey| it.small; 1, 99);
    check_keys!(BitKey, FLAGS, |(a, b)| BitKey::new(a, b), |it: &BitKey| (it.flags.clone(), it.zone.clone()); ("1010".to_owned(), "24:00:00+00".to_owned()), ("0000".to_owned(), "10:00:00-05".to_owned()));
    check_keys!(DirectionKey, MOOD, |(a, b)| DirectionKey::new(a, b), |it: &DirectionKey| (it.direction, it.mood); (Order::Asc, Mood::ABC), (Order::Asc, Mood::Up), (Order::Desc, Mood::ABC));
    Ok(())
}

/// Constraints are called in errors as the database calls them.
fn names(engine: &Engine) -> selfsame::Result<()> {
    let mut session = Session::new(engine);
    let ann = session.add(People {
        born: "2000-01-01".parse().ok(),
        ..People::new(1, "ann".to_owned())
    });
    let bob = session.add(People::new(2, "bob".to_owned()));
    session.set(bob, People::BOSS_ROW, Some(ann))?;
    session.push(ann, People::PEOPLES_BY_PERSON, bob)?;
    session.commit()?;
    session.add(People::new(3, "ann".to_owned()));
    let error = session.commit().expect_err("the name is taken");
    assert_eq!(error.constraint_name(), Some("People's names"));
    session.rollback()?;
    session[bob].height = Some(-1.0);
    let error = session.commit().expect_err("a CHECK");
    assert_eq!(error.constraint_name(), Some("high"));
    session.rollback()?;
    session[bob].boss = Some(9);
    let error = session.commit().expect_err("nobody");
    assert_eq!(error.constraint_name(), Some("boss"));
    session.rollback()?;
    Ok(())
}

/// Views and tables without a key are read.
fn without_objects(engine: &Engine) -> selfsame::Result<()> {
    let mut session = Session::new(engine);
    let adults = Adult::query().rows(&mut session)?;
    assert_eq!(adults.len(), 1);
    assert_eq!(adults[0].name.as_deref(), Some("ann"));
    let refresh = Sql::new(
        StatementKind::Ddl,
        "REFRESH MATERIALIZED VIEW years",
        [],
        [],
    );
    engine.connect()?.execute(&refresh, &[])?;
    session.rollback()?;
    let years = Year::query()
        .filter(Year::PEOPLE.gt(0))
        .rows(&mut session)?;
    assert_eq!(years.len(), 2);
    execute(
        engine,
        "INSERT INTO lines VALUES ('2024-01-01', 'a', '[]'), ('2024-01-01', 'a', '[]'), (NULL, NULL, NULL);\n\
         INSERT INTO measured VALUES ('NaN', 'a'), (1.5, 'b');\nINSERT INTO wide_key VALUES (1, 2, 3, 4, 5)",
    )?;
    assert_eq!(Line::query().rows(&mut session)?.len(), 3);
    let exact = Measured::query()
        .filter(Measured::AT.eq(1.5))
        .rows(&mut session)?;
    assert_eq!(exact[0].value, text("b"));
    assert_eq!(WideKey::query().select(WideKey::E).all(&mut session)?, [5]);
    let reflected = Metadata::reflect(engine)?;
    for (name, rows) in [("adults", 1), ("lines", 3), ("years", 2)] {
        let records = reflected.records(name)?;
        assert_eq!(records.query().rows(&mut session)?.len(), rows, "{name}");
    }
    Ok(())
}

/// A key in another case is reported, and nothing else.
fn audited(database: &Database) -> selfsame::Result<()> {
    let url = database.url();
    let audit = crate::audit::audited(&[&url, "--write"], 1);
    assert_eq!(audit["findings"]["silent"], 1, "{audit:#}");
    crate::audit::check(
        &audit,
        &[("silent", "folded_children", "name", None, 1, "letter case")],
    );
    assert_eq!(audit["whole"], true);
    let tables = audit["tables"].as_array().expect("tables");
    let errors: Vec<&serde_json::Value> = tables
        .iter()
        .flat_map(|table| table["findings"].as_array().expect("findings"))
        .filter(|finding| finding["severity"] == "error")
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    Ok(())
}
