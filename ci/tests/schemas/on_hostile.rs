//! Schemas that mix what is seldom together, and the files of other tools: inspected, compiled, made again, loaded, changed, deleted,
//! audited.

use selfsame::metadata::Metadata;
use selfsame::prelude::*;
use selfsame::record::Record;
use selfsame::value::{Decimal, Value};
use selfsame_postgres::testing::Server;
use selfsame_sqlite::Sqlite;
use selfsame_sqlite::testing::TempDatabase;

use crate::on_sqlite::Test as OnSqlite;
use crate::{Test, check_written, execute, files, hostile_postgres, hostile_sqlite};

pub(crate) const ON_POSTGRES: &[(&str, Test)] = &[("postgres_hostile", on_postgres)];
pub(crate) const ON_SQLITE: &[(&str, OnSqlite)] = &[
    ("sqlite_hostile", on_sqlite),
    ("sqlite_files_of_other_tools", of_other_tools),
];

/// The comments in the code that was generated for a database.
fn differences(metadata: &Metadata, engine: &Engine) -> selfsame::Result<Vec<String>> {
    let found = metadata.diff(engine)?;
    Ok(found.iter().map(ToString::to_string).collect())
}

/// Changes a row of each table that can be written, and takes one away; whatever is refused is refused by name, and what is done is done.
/// Returns how many rows were changed and deleted, and what was refused.
fn exercise(engine: &Engine) -> selfsame::Result<(usize, usize, Vec<String>)> {
    let reflected = Metadata::reflect(engine)?;
    assert_eq!(reflected.diff(engine)?, []);
    let (mut changed, mut deleted, mut refused) = (0, 0, Vec::new());
    for table in reflected.tables() {
        let Ok(records) = reflected.records(&table.name) else {
            continue;
        };
        let mut session = Session::new(engine);
        let plain = records.query().rows(&mut session)?;
        if records.mapper().is_read_only() {
            continue;
        }
        let all = records.query().all(&mut session)?;
        assert_eq!(all.len(), plain.len(), "{}", table.name);
        let Some(&first) = all.first() else {
            continue;
        };
        let of_key = |record: &Record| -> Vec<Value> {
            let key = table.key_columns();
            key.filter_map(|column| record.value(&column.name).cloned())
                .collect()
        };
        let key = of_key(&session[first]);
        for column in &table.columns {
            let is_own = column.generated == selfsame::schema::Generated::No
                && !table.key_columns().any(|key| key.name == column.name);
            let value = match column.ty.value_type() {
                selfsame::value::ValueType::Text if is_own => Value::Text("changed".to_owned()),
                selfsame::value::ValueType::I32 if is_own => Value::I32(1),
                selfsame::value::ValueType::I64 if is_own => Value::I64(1),
                _ => continue,
            };
            session[first].set(&column.name, value.clone())?;
            match session.commit() {
                Ok(()) => {
                    changed += 1;
                    let mut other = Session::new(engine);
                    let again = records.query().all(&mut other)?;
                    let same = again.iter().find(|&&it| of_key(&other[it]) == key);
                    let same = *same.unwrap_or_else(|| {
                        panic!("{}.{}: the row {key:?} is gone", table.name, column.name)
                    });
                    assert_eq!(
                        other[same].value(&column.name),
                        Some(&value),
                        "{}.{}",
                        table.name,
                        column.name
                    );
                }
                Err(error) => {
                    refused.push(format!(
                        "{}.{}: {:?}",
                        table.name,
                        column.name,
                        error.kind()
                    ));
                    session.rollback()?;
                }
            }
        }
        session.delete(first)?;
        match session.commit() {
            Ok(()) => {
                deleted += 1;
                let left = records.query().count(&mut session)?;
                assert!(left < all.len() as u64, "{}", table.name);
            }
            Err(error) => {
                refused.push(format!("{}: {:?}", table.name, error.kind()));
                session.rollback()?;
            }
        }
    }
    Ok((changed, deleted, refused))
}

/// A foreign key may name the columns in another order than the key does: the relation pairs them as it says.
macro_rules! follows_a_swapped_key {
    ($module:ident, $engine:expr) => {{
        use $module::{Swap, Swapped};
        let mut session = Session::new($engine);
        let swap = session.get::<Swap>(1)?.expect("is there");
        let there = session.load(swap, Swap::SWAPPED)?.expect("has one");
        assert_eq!(session[there].name.as_deref(), Some("right"));
        session.clear();
        let all = Swapped::query()
            .with(Swapped::SWAPS.selectin())
            .order_by(Swapped::NAME.asc())
            .all(&mut session)?;
        let mut counts = Vec::new();
        for &swapped in &all {
            let swaps = session.loaded(swapped, Swapped::SWAPS)?;
            counts.push(swaps.map_or(0, |swaps| swaps.len()));
        }
        assert_eq!(counts, [1, 0]);
        let swap = session.get::<Swap>(1)?.expect("is there");
        session.set(swap, Swap::SWAPPED, Some(all[1]))?;
        session.commit()?;
        assert_eq!((session[swap].x, session[swap].y), (Some(2), Some(1)));
        let records = Metadata::reflect($engine)?.records("swaps")?;
        let record = records.get(&mut Session::new($engine), 1)?;
        assert!(record.is_some());
        let mut session = Session::new($engine);
        let record = records.get(&mut session, 1)?.expect("is there");
        let there = session.load(record, "x_y")?;
        assert_eq!(session[there[0]].get::<String>("name")?, "wrong");
    }};
}

/// A number is a key by what it is worth, whatever its scale.
fn keys_that_are_numbers(engine: &Engine) -> selfsame::Result<()> {
    use hostile_postgres::{Priced, PricesOf};
    let mut session = Session::new(engine);
    let number = |text: &str| text.parse::<Decimal>();
    let one = session.get::<Priced>(number("1.5000")?)?.expect("is there");
    assert_eq!(session.get::<Priced>(number("1.5")?)?, Some(one));
    assert_eq!(session.load(one, Priced::PRICES_OFS)?.len(), 2);
    session.clear();
    let all = Priced::query()
        .with(Priced::PRICES_OFS.selectin())
        .order_by(Priced::PRICE.asc())
        .all(&mut session)?;
    let children = session.loaded(all[0], Priced::PRICES_OFS)?;
    assert_eq!(children.map(|children| children.len()), Some(2));
    let many = session.get_many::<Priced>([number("20")?, number("1.500")?])?;
    assert_eq!(many.len(), 2);
    let of = PricesOf::query()
        .filter(PricesOf::PRICE.eq(number("20.0")?))
        .count(&mut session)?;
    assert_eq!(of, 1);
    session[all[1]].name = Some("changed".to_owned());
    session.commit()
}

/// Writing another column would change the key without the session's knowledge, so such rows are read-only.
fn keys_that_are_computed(engine: &Engine) -> selfsame::Result<()> {
    let records = Metadata::reflect(engine)?.records("computed_key")?;
    let mut session = Session::new(engine);
    let found = records.query().all(&mut session)?;
    assert_eq!(found.len(), 2);
    session[found[0]].set("a", Value::I32(9))?;
    let error = session.commit().expect_err("its key is computed");
    assert_eq!(error.kind(), selfsame::ErrorKind::ReadOnly);
    assert!(error.to_string().contains("computes its key"), "{error}");
    session.rollback()
}

fn on_sqlite() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("hostile_sqlite.sql"))?;
    let url = format!("sqlite:{}", database.path().to_str().expect("text"));
    check_written(&url, "schemas/hostile_sqlite.rs");
    let metadata = hostile_sqlite::metadata();
    assert_eq!(differences(&metadata, &engine)?, [""; 0]);
    let again = Engine::new(Sqlite::memory());
    metadata.create_all(&again)?;
    assert_eq!(differences(&metadata, &again)?, [""; 0]);
    execute(
        &engine,
        "INSERT INTO \"o'dd \"\"name\"\".dot\" (\"🦀\", \"Ünï\") VALUES (1, 2.5);\n\
         INSERT INTO only_made (id) VALUES (3);\n\
         INSERT INTO key_with_computed (a, b) VALUES (1, 'x'), (2, 'y');\n\
         INSERT INTO strict_kinds VALUES (1, 2, 3.5, 't', x'00', 'any'), (2, 3, NULL, NULL, NULL, 7);\n\
         INSERT INTO papers VALUES ('t', 'b');\n\
         INSERT INTO boxes VALUES (1, 0.5, 1.5, 'box');\n\
         INSERT INTO tree VALUES (1, NULL, NULL, 'Root'), (2, 1, 1, 'leaf');\n\
         INSERT INTO bumped (id) VALUES (1);\n\
         INSERT INTO typeless VALUES ('a', '1', NULL, 2), ('b', 'x', 'y', NULL);\n\
         INSERT INTO text_key VALUES ('a', 'b');\n\
         INSERT INTO rowid_named VALUES ('a', 'b', 'c', 1);\n\
         INSERT INTO two_back VALUES (1, NULL);\n\
         INSERT INTO two_ways VALUES (1, 1);\n\
         INSERT INTO case_Names VALUES (1, 'a', 'b');\n\
         INSERT INTO refs_case VALUES (1, 1);\n\
         INSERT INTO defaults (id, b) VALUES (1, 1), (2, 2);\n\
         INSERT INTO wide (id, column_299) VALUES (1, 299);\n\
         INSERT INTO self (self) VALUES (1);\n\
         INSERT INTO swapped VALUES (1, 2, 'right'), (2, 1, 'wrong');\n\
         INSERT INTO swaps VALUES (1, 1, 2);\n\
         INSERT INTO geo VALUES (1, x'00', '1 day')",
    )?;
    // A trigger writes the time of a change.
    let audit = crate::audit::audited(&[&url, "--write"], 1);
    let touched = "beside other columns changes the value";
    crate::audit::check(
        &audit,
        &[("silent", "bumped", "touched", Some("1"), 1, touched)],
    );
    assert_eq!(
        (&audit["findings"]["silent"], &audit["findings"]["error"]),
        (&1.into(), &0.into()),
        "{audit:#}"
    );
    follows_a_swapped_key!(hostile_sqlite, &engine);
    let (changed, deleted, refused) = exercise(&engine)?;
    assert!(
        changed > 5 && deleted > 5,
        "{changed} {deleted} {refused:#?}"
    );
    Ok(())
}

fn on_postgres(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("hostile_postgres.sql"))?;
    check_written(&database.url(), "schemas/hostile_postgres.rs");
    let metadata = hostile_postgres::metadata();
    assert_eq!(
        differences(&metadata, &engine)?,
        ["computed_key: the primary key is () in the code and (sum) in the database"]
    );
    execute(
        &engine,
        "INSERT INTO \"side.By\".parents VALUES (1, NULL);\n\
         INSERT INTO here VALUES (1, 1, '{a,\"B b\",\"\"}', ''), (2, NULL, NULL, NULL);\n\
         INSERT INTO base (name) VALUES ('plain');\n\
         INSERT INTO derived (id, name, extra) VALUES (2, 'derived', 1);\n\
         INSERT INTO measures (sensor, at, value) VALUES (1, '2024-01-01', 1.5), (2, '2023-01-01', 2.5);\n\
         INSERT INTO alarms VALUES (1, 2, '2023-01-01');\n\
         INSERT INTO computed_key VALUES (1, 2), (2, 3);\n\
         INSERT INTO only_computed DEFAULT VALUES;\n\
         INSERT INTO \"Ünï \"\"q\"\" 🦀\" VALUES (1);\n\
         INSERT INTO ruled VALUES (1, 'a');\n\
         INSERT INTO secured VALUES (1, 'a', 'b');\n\
         INSERT INTO fast DEFAULT VALUES;\n\
         INSERT INTO nulls_once (a, b) VALUES (1, 2);\n\
         INSERT INTO down_a (name) VALUES ('a');\n\
         INSERT INTO timed (id) VALUES (1);\n\
         INSERT INTO deep VALUES (1, 1, 1);\n\
         INSERT INTO self (self) VALUES (1);\n\
         INSERT INTO wide (id, column_299) VALUES (1, 299);\n\
         INSERT INTO swapped VALUES (1, 2, 'right'), (2, 1, 'wrong');\n\
         INSERT INTO swaps VALUES (1, 1, 2);\n\
         INSERT INTO priced VALUES (1.50, 'a'), (20, 'b');\n\
         INSERT INTO prices_of VALUES (1, 1.5), (2, 1.5000), (3, 20);\n\
         INSERT INTO by_fives (name) VALUES ('a')",
    )?;
    let audit = crate::audit::audited(&[&database.url(), "--write"], 0);
    assert_eq!(
        (&audit["findings"]["silent"], &audit["findings"]["error"]),
        (&0.into(), &0.into()),
        "{audit:#}"
    );
    follows_a_swapped_key!(hostile_postgres, &engine);
    keys_that_are_numbers(&engine)?;
    keys_that_are_computed(&engine)?;
    let (changed, deleted, refused) = exercise(&engine)?;
    assert!(
        changed > 5 && deleted > 5,
        "{changed} {deleted} {refused:#?}"
    );
    Ok(())
}

/// Tables as Django, Rails, SQLAlchemy, EF Core, Northwind, Firefox and Chromium make them, and rows as they write them.
fn of_other_tools() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("files.sql"))?;
    let url = format!("sqlite:{}", database.path().to_str().expect("text"));
    check_written(&url, "schemas/files.rs");
    let metadata = files::metadata();
    assert_eq!(
        differences(&metadata, &engine)?,
        [
            "cookies: the primary key is (host_key, name) in the code and () in the database",
            "cookies: UNIQUE (host_key, name) is in the database only"
        ]
    );
    let again = Engine::new(Sqlite::memory());
    metadata.create_all(&again)?;
    assert_eq!(differences(&metadata, &again)?, [""; 0]);
    execute(
        &engine,
        "INSERT INTO auth_user VALUES (1, 'p', '2024-02-29 12:30:00.123456', 0, 'ann', '2024-02-29 12:30:00', '12.50', '{}', '0123456789abcdef0123456789abcdef', 86400000000, 7);\n\
         INSERT INTO auth_group VALUES (1, 'g');\n\
         INSERT INTO auth_user_groups VALUES (1, 1, 1);\n\
         INSERT INTO schema_migrations VALUES ('20240229');\n\
         INSERT INTO ar_internal_metadata VALUES ('environment', 'test', '2024-02-29 12:30:00.123456', '2024-02-29 12:30:00.123456');\n\
         INSERT INTO authors (id, name) VALUES (1, 'Ann');\n\
         INSERT INTO articles VALUES (1, 't', 'Article', 1, 12.5, '{\"a\": 1}', x'00', '2000-01-01 12:30:00', '2024-02-29', 1.5, 1, '2024-02-29 12:30:00.123456', 0);\n\
         INSERT INTO alembic_version VALUES ('abc');\n\
         INSERT INTO account VALUES ('0123456789abcdef0123456789abcdef', 'a@b', '2024-02-29 12:30:00', 12.5, 'open', '1970-01-02 00:00:00.000000', '[1]', 1);\n\
         INSERT INTO \"__EFMigrationsHistory\" VALUES ('m', '8.0');\n\
         INSERT INTO \"AspNetUsers\" VALUES ('6F9619FF-8B86-D011-B42D-00C04FC964FF', 'ann', '2024-02-29 12:30:00.1234567+02:00', 1, 0);\n\
         INSERT INTO \"AspNetUserLogins\" VALUES ('p', 'k', '6F9619FF-8B86-D011-B42D-00C04FC964FF');\n\
         INSERT INTO Customers VALUES ('ALFKI', 'Alfreds', x'0102', 'n');\n\
         INSERT INTO Orders VALUES (1, 'ALFKI', '1996-07-04', 32.38, 0);\n\
         INSERT INTO \"Order Details\" VALUES (1, 11, 14, 12, 0.05);\n\
         INSERT INTO moz_origins VALUES (1, 'https://', 'example.org', 10);\n\
         INSERT INTO moz_places VALUES (1, 'https://example.org/', 't', 'gro.elpmaxe.', 1, 0, 10, 1709209800123456, 'abcdefghijkl', 47356370932282, 1);\n\
         INSERT INTO moz_historyvisits VALUES (1, 0, 1, 1709209800123456, 1, 0);\n\
         INSERT INTO moz_icons VALUES (1, 'i', 16, x'89504e47');\n\
         INSERT INTO moz_pages_w_icons VALUES (1, 'p');\n\
         INSERT INTO moz_icons_to_pages VALUES (1, 1, 0);\n\
         INSERT INTO meta VALUES ('version', 65);\n\
         INSERT INTO urls VALUES (1, 'u', 't', 1, 13353683400123456, 0);\n\
         INSERT INTO visits VALUES (1, 1, 13353683400123456, 0, 805306368, 0);\n\
         INSERT INTO keyword_search_terms VALUES (2, 1, 'rust');\n\
         INSERT INTO cookies VALUES (13353683400123456, '.example.org', 'n', '', x'763130', 0, 1)",
    )?;
    // Strict reading names the row of a value in an unusual form; lenient reading accepts it.
    let strict = crate::audit::audited(&[&url], 1);
    crate::audit::check(
        &strict,
        &[
            (
                "error",
                "Orders",
                "OrderDate",
                Some("1"),
                1,
                "not a valid Timestamp",
            ),
            (
                "error",
                "articles",
                "at_time",
                Some("1"),
                1,
                "not a valid Time",
            ),
        ],
    );
    assert_eq!(
        (&strict["findings"]["silent"], &strict["findings"]["error"]),
        (&0.into(), &2.into()),
        "{strict:#}"
    );
    let lenient = crate::audit::audited(&[&format!("{url}?reading=lenient")], 0);
    assert_eq!(
        (
            &lenient["findings"]["silent"],
            &lenient["findings"]["error"]
        ),
        (&0.into(), &0.into()),
        "{lenient:#}"
    );
    let (changed, deleted, refused) = exercise(&Engine::new(database.backend().lenient()))?;
    assert!(
        changed > 5 && deleted > 5,
        "{changed} {deleted} {refused:#?}"
    );
    Ok(())
}
