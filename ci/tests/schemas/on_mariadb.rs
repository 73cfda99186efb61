//! MariaDB.

use selfsame::Engine;
use selfsame::prelude::*;
use selfsame_mariadb::testing::Server;

use crate::audit::{audited, check};
use crate::mariadb::{NamedPet, Owner, Pet};
use crate::{check_written, execute, mariadb};

pub(crate) type Test = fn(&Server) -> selfsame::Result<()>;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("mariadb_is_written_and_used", written),
    ("mariadb_audit", audit),
];

const ROWS: &str = "INSERT INTO owners (email, score, likes, is_old, is_new, flags, born, code, note, document) \
     VALUES ('Ann@x', 7, 'fish,meat', 1, b'1', b'10000001', 1999, 'a', 'long', '{\"a\": 1}');\n\
     INSERT INTO pets (owner_id, owner_email, name) VALUES (1, 'ann@X', 'Rex'), (1, NULL, 'Tom')";

fn written(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("mariadb.sql"))?;
    check_written(&database.url(), "schemas/mariadb.rs");
    assert_eq!(mariadb::metadata().diff(&engine)?, []);
    execute(&engine, ROWS)?;
    let mut session = Session::new(&engine);
    let owner = Owner::query().one(&mut session)?;
    assert_eq!(session[owner].is_new.get(), Some(&true), "a BIT(1)");
    assert_eq!(session[owner].flags, Some(129), "a BIT(8)");
    assert_eq!(session[owner].score, Some("7".parse()?));
    session[owner].is_new = Auto::from(false);
    session[owner].kind = Auto::from("dog's".to_owned());
    let pet = session.add(Pet::new("Bo"));
    session.set(pet, Pet::OWNER, Some(owner))?;
    session.commit()?;
    let names = NamedPet::query().order_by(NamedPet::NAME.asc());
    let names: Vec<String> = names
        .rows(&mut session)?
        .into_iter()
        .map(|row| row.name)
        .collect();
    assert_eq!(names, ["Bo", "Rex", "Tom"]);
    Ok(())
}

fn audit(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("mariadb.sql"))?;
    execute(&engine, ROWS)?;
    execute(
        &engine,
        "SET foreign_key_checks = 0, sql_mode = ''; \
         INSERT INTO owners (email, is_old) VALUES ('two', 2); \
         INSERT INTO owners (email, born_on) VALUES ('three', '0000-00-00'); \
         INSERT INTO owners (email, woke) VALUES ('four', '25:00:00'); \
         INSERT INTO pets (owner_id, name) VALUES (4711, 'Stray')",
    )?;
    execute(
        &engine,
        "CREATE TABLE old (id int PRIMARY KEY, note text) ENGINE = MyISAM;\nINSERT INTO old VALUES (1, 'a')",
    )?;
    let audit = audited(&[&database.url(), "--write"], 1);
    check(
        &audit,
        &[
            (
                "silent",
                "pets",
                "owner_email",
                None,
                1,
                "different in memory",
            ),
            (
                "error",
                "pets",
                "owner_id",
                None,
                1,
                "leads to no row of owners",
            ),
            ("error", "owners", "is_old", Some("2"), 1, "Bool"),
            ("error", "owners", "born_on", Some("3"), 1, "zero date"),
            ("error", "owners", "woke", Some("4"), 1, "time of day"),
        ],
    );
    let tables = audit["tables"].as_array().expect("tables");
    let old = tables.iter().find(|table| table["name"] == "old");
    let old = old.expect("a table")["findings"].to_string();
    assert!(old.contains("nothing is written back"), "{old}");
    Ok(())
}
