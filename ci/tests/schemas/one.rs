//! One database for each backend that holds every construct of these files, and rows that break what can be broken: its audit tells all that
//! is wrong, and nothing else.

use selfsame::backend::{Sql, StatementKind};
use selfsame::prelude::*;
use selfsame_mariadb::testing as mariadb;
use selfsame_postgres::testing::Server;
use selfsame_sqlite::testing::TempDatabase;
use serde_json::Value;

use crate::audit::audited;
use crate::on_sqlite::Test as OnSqlite;
use crate::own::in_own_database;
use crate::{OnMariaDb, Test};

pub(crate) const ON_POSTGRES: &[(&str, Test)] = &[("postgres_every_construct", on_postgres)];
pub(crate) const ON_SQLITE: &[(&str, OnSqlite)] = &[("sqlite_every_construct", on_sqlite)];
pub(crate) const ON_MARIADB: &[(&str, OnMariaDb)] = &[("mariadb_every_construct", on_mariadb)];

/// Makes what the files say in one database; a name that two of them use is the first one's.
fn make(engine: &Engine, files: &[&str]) -> selfsame::Result<()> {
    let mut connected = engine.connect()?;
    let mut known = Vec::new();
    for statement in files.iter().flat_map(|file| file.split(";\n")) {
        let words: Vec<&str> = statement.split_whitespace().take(3).collect();
        if let ["CREATE", "TABLE" | "DOMAIN", _] = words[..] {
            if known.contains(&words) {
                continue;
            }
            known.push(words);
        }
        connected.execute(&Sql::new(StatementKind::Ddl, statement, [], []), &[])?;
    }
    Ok(())
}

/// What is wrong: `severity table.column key`, in order.
fn wrong(audit: &Value) -> Vec<String> {
    let tables = audit["tables"].as_array().expect("tables");
    let mut reported = Vec::new();
    for table in tables {
        for finding in table["findings"].as_array().expect("findings") {
            let text = |field: &str| finding[field].as_str().unwrap_or("-").to_owned();
            if ["silent", "error"].contains(&&*text("severity")) {
                let name = table["name"].as_str().expect("a name");
                let (severity, column, key) = (text("severity"), text("column"), text("key"));
                reported.push(format!("{severity} {name}.{column} {key}"));
            }
        }
    }
    reported.sort();
    reported
}

fn on_sqlite() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    make(
        &engine,
        &[
            include_str!("sqlite.sql"),
            include_str!("files.sql"),
            include_str!("hostile_sqlite.sql"),
            include_str!("trial_sqlite.sql"),
            include_str!("broken_sqlite.sql"),
        ],
    )?;
    drop(engine);
    let url = format!("sqlite:{}", database.path().to_str().expect("text"));
    let audit = audited(&[&url, "--write"], 1);
    assert_eq!(audit["whole"], true);
    assert_eq!(
        wrong(&audit),
        [
            "error children.gone_id 1",
            "error children.parent_id -",
            "error children.parent_id 1",
            "error dates.is_done 1",
            "error dates.made 1",
            "error folded.name Null",
            "error follows.name -",
            "error follows.name 2",
            "error follows.tiny 2",
            "error loose.b 2",
            "error maybe_keys.a Null, 1",
            "error maybe_keys.b \"x\", Null",
            "error unsaid_blobs.value row 1",
            "silent follows.name -",
        ]
    );
    // A reading that takes the forms of others leaves what is wrong in any.
    let lenient = audited(&[&format!("{url}?reading=lenient")], 1);
    let reported = wrong(&lenient);
    assert!(
        !reported.iter().any(|it| it.contains("dates.")),
        "{reported:#?}"
    );
    Ok(())
}

fn on_postgres(server: &Server) -> selfsame::Result<()> {
    let extensions = ["citext", "hstore", "btree_gist", "ltree"];
    in_own_database(server, "every", &extensions, in_postgres)
}

fn in_postgres(engine: &Engine, url: &str) -> selfsame::Result<()> {
    make(
        engine,
        &[
            include_str!("postgres.sql"),
            include_str!("more.sql"),
            include_str!("hostile_postgres.sql"),
            include_str!("world_postgres.sql"),
            include_str!("trial_postgres.sql"),
            include_str!("broken_postgres.sql"),
        ],
    )?;
    let audit = audited(&[url, "--write"], 1);
    assert_eq!(audit["whole"], true);
    assert_eq!(
        wrong(&audit),
        [
            "error array_keys.k \"{NULL}\"",
            "error base.name 1",
            "error cites.tags \"Go\"",
            "error endless.at 2",
            "error endless.clock 4",
            "error endless.day 1",
            "error endless.n 5",
            "error endless.tz 3",
            "error nothing.- -",
            "error persons.moods 3",
            "error rate.cur_code -",
            "silent base.id -",
            "silent cite_of.name -",
            "silent numbers.js 1.50",
            "silent stamped.touched 1",
        ]
    );
    Ok(())
}

fn on_mariadb(server: &mariadb::Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    make(
        &engine,
        &[
            include_str!("mariadb.sql"),
            include_str!("trial_mariadb.sql"),
            include_str!("broken_mariadb.sql"),
        ],
    )?;
    let audit = audited(&[&database.url(), "--write"], 1);
    assert_eq!(audit["whole"], true);
    assert_eq!(
        wrong(&audit),
        [
            "error broken.- -",
            "error owners.born_on 3",
            "error owners.is_old 2",
            "error owners.woke 4",
            "error pets.owner_id -",
            "silent pets.owner_email -",
            "silent posts.login -",
        ]
    );
    Ok(())
}
