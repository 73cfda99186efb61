//! Keys that a database holds equal although their texts differ: spans of a day and of 24 hours, ranges, arrays and composites of decimals.

use std::collections::BTreeMap;

use selfsame::metadata::Metadata;
use selfsame::prelude::*;
use selfsame::record::{Record, RecordKey};
use selfsame_postgres::testing::Server;

use crate::audit::{audited, check};
use crate::own::in_own_database;
use crate::support::run;
use crate::{Test, execute};

pub(crate) const ON_POSTGRES: &[(&str, Test)] = &[
    ("postgres_keys_of_equal_values_with_other_texts", equal_keys),
    ("postgres_unique_values_are_exchanged", exchanges),
    ("postgres_rows_move_with_their_keys", moves),
    ("postgres_deferrable_uniques", deferrable_uniques),
    ("postgres_operators_out_of_sight", out_of_sight),
];

/// Two rows of a table exchange what must be unique. Where NULL must be unique too, and another row has it, they cannot: this is refused
/// with the constraint, and nothing is written.
fn exchanges(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    // `NULLS NOT DISTINCT` is newer than the oldest server.
    let mut session = Session::new(&engine);
    let version: i32 = session
        .sql("SELECT current_setting('server_version_num')::integer", ())
        .one()?;
    let nulls = ["UNIQUE", "UNIQUE NULLS NOT DISTINCT"];
    let mut wrong = Vec::new();
    for (at, unique) in [
        nulls[0],
        nulls[1],
        "UNIQUE DEFERRABLE INITIALLY DEFERRED",
        "UNIQUE DEFERRABLE",
    ]
    .into_iter()
    .filter(|&unique| unique != nulls[1] || version >= 150_000)
    .enumerate()
    {
        let table = format!("exchanged_{at}");
        execute(
            &engine,
            &format!(
                "CREATE TABLE {table} (id integer PRIMARY KEY, a integer {unique});\n\
                 INSERT INTO {table} VALUES (1, 10), (2, 20), (3, NULL)"
            ),
        )?;
        let records = Metadata::reflect(&engine)?.records(&table)?;
        let exchange = |one: i32, other: i32| -> selfsame::Result<()> {
            let mut session = Session::new(&engine);
            let [one, other] = [
                records.get(&mut session, one)?,
                records.get(&mut session, other)?,
            ]
            .map(|it| it.expect("a row"));
            let values = [one, other].map(|it| session[it].value("a").cloned());
            let [of_one, of_other] = values.map(|it| it.expect("a value"));
            session[one].set("a", of_other.clone())?;
            session[other].set("a", of_one)?;
            session.commit()
        };
        let needs_null = unique == nulls[1];
        for (one, other) in [(1, 2), (2, 3), (3, 1)] {
            match exchange(one, other) {
                Ok(()) if !needs_null => {}
                Err(error)
                    if needs_null
                        && error.kind() == ErrorKind::UniqueViolation
                        && error.constraint_name().is_some() => {}
                result => wrong.push(format!("{unique}: {one} and {other}: {result:?}")),
            }
        }
        let rows: Vec<(i32, Option<i32>)> = session
            .sql(format!("SELECT id, a FROM {table} ORDER BY id"), ())
            .all()?;
        session.commit()?;
        let expected = match needs_null {
            false => [(1, Some(10)), (2, None), (3, Some(20))],
            true => [(1, Some(10)), (2, Some(20)), (3, None)],
        };
        if rows != expected {
            wrong.push(format!("{unique}: {rows:?}"));
        }
    }
    assert_eq!(wrong, [""; 0]);
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "places")]
#[orm(unique(late, name = "once_late", deferrable = "initially deferred"))]
#[orm(unique(soon, spare, deferrable = "initially immediate"))]
struct Place {
    #[orm(primary_key)]
    id: i32,
    late: i32,
    soon: i32,
    spare: i32,
    note: Option<String>,
}

/// A constraint that may be checked at COMMIT is created, reflected, compared and written by `inspect`; values that it keeps are exchanged
/// where the database allows it, and otherwise the database refuses.
fn deferrable_uniques(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    let metadata = metadata![Place];
    metadata.create_all(&engine)?;
    assert_eq!(metadata.diff(&engine)?, []);
    let reflected = Metadata::reflect(&engine)?;
    assert_eq!(reflected.diff(&engine)?, []);
    assert_eq!(reflected.tables()[0].remarks, [""; 0]);
    let ran = run(&["inspect", &database.url()]);
    for line in [
        r#"#[orm(unique(late, name = "once_late", deferrable = "initially deferred"))]"#,
        r#"#[orm(unique(soon, spare, deferrable = "initially immediate"))]"#,
    ] {
        assert!(ran.out.lines().any(|found| found == line), "{}", ran.out);
    }
    execute(
        &engine,
        "INSERT INTO places VALUES (1, 1, 1, 0), (2, 2, 2, 0), (3, 3, 3, 0)",
    )?;
    let rows = |order: &str| -> selfsame::Result<Vec<i32>> {
        let text = format!("SELECT {order} FROM places ORDER BY id");
        Session::new(&engine).sql(text, ()).all()
    };

    // By entity: two rows exchange their values, then all move by one.
    let mut session = Session::new(&engine);
    let all = Place::query().order_by(Place::ID.asc()).all(&mut session)?;
    (session[all[0]].late, session[all[1]].late) = (2, 1);
    session.commit()?;
    assert_eq!(rows("late")?, [2, 1, 3]);
    for &it in &all {
        session[it].late = session[it].late % 3 + 1;
    }
    session.commit()?;
    assert_eq!(rows("late")?, [3, 2, 1]);
    // Rows that change in other columns, too, are written by several statements.
    (session[all[0]].late, session[all[2]].late) = (1, 3);
    session[all[0]].note = Some("moved".to_owned());
    session.commit()?;
    assert_eq!(rows("late")?, [1, 2, 3]);
    session[all[0]].late = 2;
    let error = session.commit().expect_err("two rows with one value");
    assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error}");
    assert_eq!(error.constraint_name(), Some("once_late"));
    session.rollback()?;
    assert_eq!(session[all[0]].late, 1);

    // Checked at the end of each statement: one statement may exchange, two may not, unless the program defers the check.
    (session[all[0]].soon, session[all[1]].soon) = (2, 1);
    session.commit()?;
    assert_eq!(rows("soon")?, [2, 1, 3]);
    let exchange = |session: &mut Session| {
        (session[all[0]].soon, session[all[1]].soon) = (1, 2);
        session[all[0]].note = Some("moved again".to_owned());
    };
    exchange(&mut session);
    let error = session.commit().expect_err("two statements");
    assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error}");
    assert_eq!(error.constraint_name(), Some("places_soon_spare_key"));
    session.rollback()?;
    session.sql("SET CONSTRAINTS ALL DEFERRED", ()).execute()?;
    exchange(&mut session);
    session.commit()?;
    assert_eq!(rows("soon")?, [1, 2, 3]);

    // By reflection.
    let places = reflected.records("places")?;
    let mut session = Session::new(&engine);
    let by_id = places.query().order_by(places.column::<i32>("id")?.asc());
    let all = by_id.all(&mut session)?;
    for &it in &all {
        let late: i32 = session[it].get("late")?;
        session[it].set("late", 4 - late)?;
    }
    session.commit()?;
    assert_eq!(rows("late")?, [3, 2, 1]);

    // Without the clause it is another constraint.
    execute(
        &engine,
        "ALTER TABLE places DROP CONSTRAINT once_late;\n\
         ALTER TABLE places ADD CONSTRAINT once_late UNIQUE (late)",
    )?;
    let found: Vec<String> = metadata
        .diff(&engine)?
        .iter()
        .map(ToString::to_string)
        .collect();
    let wanted = "places: UNIQUE (late) is DEFERRABLE INITIALLY DEFERRED in the code and not deferrable in the database";
    assert_eq!(found, [wanted]);
    // Another database has no such constraints.
    let lite = selfsame_sqlite::testing::TempDatabase::new()?;
    let error = metadata
        .create_all(&Engine::new(lite.backend()))
        .expect_err("not in SQLite");
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert_eq!(error.constraint_name(), Some("once_late"));
    Ok(())
}

/// A row moves into another partition with its key, and a trigger that gives a row another key is told or known in memory.
fn moves(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    execute(
        &engine,
        "CREATE TABLE parts (id integer, at integer, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);\n\
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);\n\
         CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);\n\
         INSERT INTO parts VALUES (1, 5, 'a');\n\
         CREATE TABLE shifted (id integer PRIMARY KEY, note text);\n\
         INSERT INTO shifted VALUES (1, 'a');\n\
         CREATE FUNCTION shift() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.id := OLD.id + 100; RETURN NEW; END';\n\
         CREATE TRIGGER shift BEFORE UPDATE ON shifted FOR EACH ROW EXECUTE FUNCTION shift()",
    )?;
    let metadata = Metadata::reflect(&engine)?;
    let mut session = Session::new(&engine);
    let parts = metadata.records("parts")?;
    let row = parts.query().one(&mut session)?;
    session[row].set("at", 15)?;
    session[row].set("note", "b".to_owned())?;
    session.commit()?;
    assert_eq!(
        session
            .sql("SELECT note FROM parts_2", ())
            .one::<String>()?,
        "b"
    );
    assert_eq!(
        session.sql("SELECT count(*) FROM parts", ()).one::<i64>()?,
        1
    );
    // Out of all partitions.
    session[row].set("at", 25)?;
    session.commit().expect_err("no partition");
    session.rollback()?;
    let shifted = metadata.records("shifted")?;
    let row = shifted.query().one(&mut session)?;
    session[row].set("note", "b".to_owned())?;
    session.commit()?;
    // The row has gone to another key: memory does not say otherwise.
    let error = session.refresh(row).expect_err("another key");
    assert_eq!(error.kind(), ErrorKind::StaleData, "{error}");
    Ok(())
}

/// Comparisons of a type whose operators are in a schema that is not searched are refused, and `inspect` and `audit` tell it.
fn out_of_sight(server: &Server) -> selfsame::Result<()> {
    let extensions = ["citext", "hstore", "ltree"];
    in_own_database(server, "out_of_sight", &extensions, |engine, url| {
        execute(
            engine,
            "CREATE SCHEMA ext;\n\
             CREATE EXTENSION citext SCHEMA ext;\nCREATE EXTENSION hstore SCHEMA ext;\nCREATE EXTENSION ltree SCHEMA ext;\n\
             CREATE TABLE users (mail ext.citext PRIMARY KEY, tags ext.hstore, place ext.ltree);\n\
             CREATE TABLE logins (id integer PRIMARY KEY, mail ext.citext REFERENCES users);\n\
             INSERT INTO users VALUES ('Ann', 'a=>1', 'a.b');\nINSERT INTO logins VALUES (1, 'ANN')",
        )?;
        let users = Metadata::reflect(engine)?.records("users")?;
        for (column, value) in [("mail", "ann"), ("tags", "a=>1"), ("place", "a.b")] {
            let same = users.column::<String>(column)?.eq(value.to_owned());
            let error = users.query().filter(same).count(&mut Session::new(engine));
            let error = error.expect_err(column);
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        }
        let error = users
            .get(&mut Session::new(engine), "ann")
            .expect_err("a key");
        assert!(error.to_string().contains("ext.citext"), "{error}");
        let ran = run(&["inspect", url]);
        assert!(ran.out.contains("It cannot be compared"), "{}", ran.out);
        let audit = audited(&[url], 1);
        let refused = "the operators of the type ext.citext";
        check(
            &audit,
            &[
                ("note", "users", "mail", None, 0, "It cannot be compared"),
                ("error", "logins", "mail", None, 0, refused),
            ],
        );
        Ok(())
    })
}

fn equal_keys(server: &Server) -> selfsame::Result<()> {
    in_own_database(server, "outside", &["citext"], |engine, _| {
        execute(engine, "CREATE EXTENSION citext")?;
        execute(engine, include_str!("outside_postgres.sql"))?;
        let mut wrong = Vec::new();
        for table in [
            "span", "range", "numbers", "words", "pair", "mail", "price", "bytes", "both",
        ] {
            if let Err(error) = relations(engine, table, &mut wrong) {
                wrong.push(format!("{table}: {error}"));
            }
        }
        assert_eq!(wrong, [""; 0]);
        Ok(())
    })
}

/// A row's note is that of its parent, however either is read; and both can be changed and deleted.
fn relations(engine: &Engine, name: &str, wrong: &mut Vec<String>) -> selfsame::Result<()> {
    let metadata = Metadata::reflect(engine)?;
    let (by, of) = (format!("by_{name}"), format!("of_{name}"));
    let (parents, children) = (metadata.records(&by)?, metadata.records(&of)?);
    let relation = |records: &selfsame::record::Records, table: &str| {
        let mut relations = records.relations();
        let found = relations.find(|(_, target)| target == table);
        found.map(|(name, _)| name.to_owned()).expect(table)
    };
    let (up, down) = (relation(&children, &by), relation(&parents, &of));
    let mut plain = Session::new(engine);
    let pairs: Vec<(i32, Option<String>)> = plain
        .sql(format!("SELECT id, note FROM {of} ORDER BY id"), ())
        .all()?;
    let wanted: BTreeMap<i32, Option<String>> = pairs.into_iter().collect();
    let note = |session: &Session, it: Handle<Record>| session[it].get::<Option<String>>("note");
    for loaded in ["lazy", "with"] {
        let mut session = Session::new(engine);
        let query = match loaded {
            "lazy" => children.query(),
            _ => children.query().with(&*up),
        };
        let mut found = BTreeMap::new();
        for child in query.all(&mut session)? {
            let parent: Vec<Handle<Record>> = session.load(child, &*up)?.into_iter().collect();
            let of_parent = match parent.first() {
                Some(&parent) => note(&session, parent)?,
                None => None,
            };
            found.insert(session[child].get::<i32>("id")?, of_parent);
        }
        if found != wanted {
            wrong.push(format!("{of}.{up} {loaded}: {found:?}"));
        }
        let mut session = Session::new(engine);
        let query = match loaded {
            "lazy" => parents.query(),
            _ => parents.query().with(&*down),
        };
        let mut found = BTreeMap::new();
        for parent in query.all(&mut session)? {
            for child in session.load(parent, &*down)? {
                found.insert(session[child].get::<i32>("id")?, note(&session, parent)?);
            }
        }
        found.extend(
            wanted
                .iter()
                .filter(|(_, note)| note.is_none())
                .map(|(&id, _)| (id, None)),
        );
        if found != wanted {
            wrong.push(format!("{by}.{down} {loaded}: {found:?}"));
        }
    }
    // Every key finds its parent, among others and alone.
    let key = metadata.records(&by)?.table().primary_key.clone();
    let columns: Vec<String> = key
        .iter()
        .map(|&at| parents.table().columns[at].name.clone())
        .collect();
    let mut session = Session::new(engine);
    let rows = children.query().rows(&mut session)?;
    let keys: Vec<RecordKey> = rows
        .iter()
        .map(|row| columns.iter().filter_map(|it| row.value(it).cloned()))
        .map(RecordKey::new)
        .take(wanted.values().flatten().count())
        .collect();
    let found = parents.get_many(&mut Session::new(engine), keys.clone())?;
    if found.len() != keys.len() {
        wrong.push(format!(
            "{by}: get_many finds {} of {}",
            found.len(),
            keys.len()
        ));
    }
    // What was changed is written, and a deleted parent lets go of all its children, whether or not they are in memory.
    for in_memory in [true, false] {
        let mut session = Session::new(engine);
        let all_parents = parents.query().all(&mut session)?;
        for &it in &all_parents {
            session[it].set("note", "changed".to_owned())?;
        }
        if in_memory {
            for it in children.query().all(&mut session)? {
                session[it].set("note", "changed".to_owned())?;
            }
        }
        session.flush()?;
        session.delete(all_parents[0])?;
        session.flush()?;
        let left: i64 = session
            .sql(
                format!("SELECT count(*) FROM {of} WHERE {} IS NULL", columns[0]),
                (),
            )
            .one()?;
        let lone = wanted.values().filter(|it| it.is_none()).count();
        if usize::try_from(left) != Ok(lone + 2) {
            wrong.push(format!("{of}: {left} rows without a parent"));
        }
        session.rollback()?;
    }
    Ok(())
}
