//! PostgreSQL: values without a neutral form as keys, the extension `vector`, functions that another database does not have, and rows of
//! tables that inherit.

use selfsame::metadata::Metadata;
use selfsame::prelude::*;
use selfsame_postgres::testing::Server;

use crate::audit::{audited, check};
use crate::support::run;
use crate::{Test, execute};

pub(crate) const ON_POSTGRES: &[(&str, Test)] = &[
    ("postgres_keys_without_a_neutral_form", special_keys),
    ("postgres_vectors", vectors),
    ("postgres_functions_that_are_not_there", functions),
    ("postgres_rows_of_tables_that_inherit", inheritance),
];

#[derive(Entity, Clone, Debug)]
#[orm(table = "moments")]
struct Moment {
    #[orm(primary_key, db_type = "date")]
    day: String,
    #[orm(primary_key, db_type = "numeric")]
    number: String,
    name: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "moments")]
struct StrictMoment {
    #[orm(primary_key)]
    day: selfsame::value::Date,
    #[orm(primary_key)]
    number: selfsame::value::Decimal,
    name: Option<String>,
}

/// Infinite days and NaN are keys to a field of text; to one of another type the row is refused.
fn special_keys(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    metadata![Moment].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let keys: Vec<(String, String)> = ["infinity", "-infinity", "2024-02-29"]
        .into_iter()
        .flat_map(|day| ["NaN", "Infinity", "1.5"].map(|it| (day.to_owned(), it.to_owned())))
        .collect();
    for (day, number) in &keys {
        session.add(Moment::new(day.clone(), number.clone()));
    }
    session.commit()?;
    session.clear();
    let found = session.get_many::<Moment>(keys.clone())?;
    assert_eq!(found.len(), 9);
    let read: Vec<(String, String)> = found
        .iter()
        .map(|&it| (session[it].day.clone(), session[it].number.clone()))
        .collect();
    assert_eq!(read, keys);
    for (key, &handle) in keys.iter().zip(&found) {
        assert_eq!(session.get::<Moment>(key.clone())?, Some(handle));
        session[handle].name = Some("changed".to_owned());
    }
    session.commit()?;
    session.delete(found[0])?;
    session.commit()?;
    assert_eq!(Moment::query().count(&mut session)?, 8);

    for (day, number) in [("infinity", "1.5"), ("-infinity", "NaN")] {
        execute(
            &engine,
            &format!("DELETE FROM moments;\nINSERT INTO moments VALUES ('{day}', '{number}')"),
        )?;
        let error = StrictMoment::query()
            .all(&mut Session::new(&engine))
            .expect_err("an infinite day");
        assert_eq!(error.kind(), ErrorKind::Conversion);
        assert_eq!(error.column_name(), Some("day"), "{error}");
    }
    Ok(())
}

/// The real extension, where it is installed.
fn vectors(server: &Server) -> selfsame::Result<()> {
    #[derive(Entity, Clone, Debug)]
    #[orm(table = "items")]
    struct Item {
        #[orm(primary_key)]
        id: Auto<i64>,
        #[orm(db_type = "vector(3)")]
        near: Option<String>,
        #[orm(db_type = "vector(3)[]")]
        path: Option<Vec<String>>,
    }

    let database = server.database()?;
    let engine = Engine::new(database.backend());
    let sql = "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'";
    let known: i64 = Session::new(&engine).sql(sql, ()).one()?;
    if known == 0 {
        eprintln!("the extension vector is not installed");
        return Ok(());
    }
    execute(
        &engine,
        "CREATE EXTENSION vector;\n\
         CREATE TABLE items (id bigserial PRIMARY KEY, near vector(3), path vector(3)[]);\n\
         CREATE INDEX items_near ON items USING hnsw (near vector_l2_ops);\n\
         INSERT INTO items (near, path) VALUES ('[1,2,3]', '{\"[1,2,3]\",\"[0,0,0]\"}')",
    )?;
    let ran = run(&["inspect", &database.url()]);
    for line in [
        "db_type = \"vector(3)\"",
        "db_type = \"vector(3)[]\"",
        "USING hnsw",
    ] {
        assert!(ran.out.contains(line), "{line}: {}", ran.out);
    }
    let audit = audited(&[&database.url(), "--write"], 0);
    assert_eq!(audit["findings"]["error"], 0, "{audit:#}");
    let mut session = Session::new(&engine);
    let first = Item::query().one(&mut session)?;
    assert_eq!(session[first].near.as_deref(), Some("[1,2,3]"));
    let path = ["[1,2,3]", "[0,0,0]"].map(str::to_owned).to_vec();
    assert_eq!(session[first].path, Some(path));
    session[first].near = Some("[4, 5, 6.5]".to_owned());
    for _ in 0..3 {
        session.add(Item {
            near: Some("[0,0,1]".to_owned()),
            ..Item::new()
        });
    }
    session.commit()?;
    assert_eq!(session[first].near.as_deref(), Some("[4,5,6.5]"));
    let same = Item::query().filter(Item::NEAR.eq("[4,5,6.50]"));
    assert_eq!(same.count(&mut session)?, 1);
    let among = Item::NEAR.in_(["[0,0,1]".to_owned(), "[9,9,9]".to_owned()]);
    assert_eq!(Item::query().filter(among).count(&mut session)?, 3);
    session[first].near = Some("[1,2]".to_owned());
    session.commit().expect_err("two of three dimensions");
    session.rollback()?;
    session.delete(first)?;
    session.commit()?;
    drop(session);
    execute(&engine, "DROP TABLE items;\nDROP EXTENSION vector")
}

/// Defaults and conditions of types that are created along are kept; those by functions that are not there name the table.
fn functions(server: &Server) -> selfsame::Result<()> {
    let (first, second) = (server.database()?, server.database()?);
    let engine = Engine::new(first.backend());
    execute(
        &engine,
        "CREATE TYPE special_state AS ENUM ('new', 'done');\n\
         CREATE DOMAIN special_short AS varchar(5) DEFAULT 'x';\n\
         CREATE TABLE works (id integer PRIMARY KEY, state special_state NOT NULL DEFAULT 'new', \
             states special_state[] DEFAULT '{new}', short special_short DEFAULT 'y', tags text[], \
             CHECK (state <> 'done' OR cardinality(tags) > 0))",
    )?;
    let again = Engine::new(second.backend());
    let reflected = Metadata::reflect(&engine)?;
    reflected.create_all(&again)?;
    assert_eq!(reflected.diff(&again)?, []);
    execute(&again, "INSERT INTO works (id) VALUES (1)")?;
    let found: (String, String, String) = Session::new(&again)
        .sql(
            "SELECT state::text, states::text, short::text FROM works",
            (),
        )
        .one()?;
    let found = (found.0.as_str(), found.1.as_str(), found.2.as_str());
    assert_eq!(found, ("new", "{new}", "y"));
    execute(
        &again,
        "UPDATE works SET state = 'done', tags = '{}' WHERE false",
    )?;
    let refused = execute(&again, "UPDATE works SET state = 'done', tags = '{}'");
    assert_eq!(
        refused.expect_err("the condition is kept").kind(),
        ErrorKind::CheckViolation
    );

    execute(
        &engine,
        "CREATE FUNCTION special_number() RETURNS integer LANGUAGE sql AS 'SELECT 7';\n\
         CREATE TABLE calls (id integer PRIMARY KEY DEFAULT special_number())",
    )?;
    let error = Metadata::reflect(&engine)?
        .create_all(&again)
        .expect_err("there is no such function");
    let reported = error.to_string();
    assert!(
        reported.contains("special_number") && reported.contains("calls"),
        "{reported}"
    );
    let made: i64 = Session::new(&again)
        .sql("SELECT count(*) FROM pg_tables WHERE tablename = 'calls' AND schemaname = current_schema()", ())
        .one()?;
    assert_eq!(made, 0);
    Ok(())
}

/// A key of a table is none over the tables that inherit from it.
fn inheritance(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    execute(
        &engine,
        "CREATE TABLE cities (id integer PRIMARY KEY, name text);\n\
         CREATE TABLE capitals (of text) INHERITS (cities);\n\
         INSERT INTO cities VALUES (1, 'a'), (2, 'b');\nINSERT INTO capitals VALUES (1, 'c', 'd'), (3, 'e', 'f')",
    )?;
    let audit = audited(&[&database.url()], 1);
    check(
        &audit,
        &[(
            "silent",
            "cities",
            "id",
            None,
            1,
            "several rows have the same key",
        )],
    );
    let ran = run(&["inspect", &database.url()]);
    for line in [
        "// Other tables inherit from it: their rows are read with its own, and may have the same keys.",
        "// It inherits from another table.",
    ] {
        assert!(ran.out.lines().any(|found| found == line), "{}", ran.out);
    }
    Ok(())
}
