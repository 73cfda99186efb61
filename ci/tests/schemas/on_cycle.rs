//! Every table of these databases: a row is changed and a row is deleted, through the compiled entities and through records.

use std::fmt::Write as _;
use std::path::Path;

use selfsame::metadata::Metadata;
use selfsame::prelude::*;
use selfsame_mariadb::testing as mariadb_server;
use selfsame_postgres::testing::Server;
use selfsame_sqlite::testing::TempDatabase;

use crate::cycle::{Filling, Objects, cycle, fill, of_records};
use crate::on_sqlite::Test as OnSqlite;
use crate::own::in_own_database;
use crate::{
    OnMariaDb, Test, check_written, entities, execute, files, hostile_postgres, hostile_sqlite,
    mariadb, more, postgres, rules_mariadb, rules_postgres, rules_sqlite, sqlite, world_postgres,
    world_sqlite,
};

pub(crate) const ON_SQLITE: &[(&str, OnSqlite)] = &[
    ("sqlite_cycle_entities_are_listed", listed),
    ("sqlite_cycle_constructs", || {
        on_sqlite(&CONSTRUCTS_OF_SQLITE)
    }),
    ("sqlite_cycle_rules", || {
        written_of_sqlite()?;
        on_sqlite(&RULES_OF_SQLITE)
    }),
    ("sqlite_cycle_hostile", || on_sqlite(&HOSTILE_SQLITE)),
    ("sqlite_cycle_files", || on_sqlite(&FILES)),
    ("sqlite_cycle_world", || on_sqlite(&WORLD_OF_SQLITE)),
];
pub(crate) const ON_POSTGRES: &[(&str, Test)] = &[
    ("postgres_cycle_constructs", |server| {
        on_postgres(server, &CONSTRUCTS_OF_POSTGRES)
    }),
    ("postgres_cycle_rules", |server| {
        written_of_postgres(server)?;
        on_postgres(server, &RULES_OF_POSTGRES)
    }),
    ("postgres_cycle_more", |server| on_postgres(server, &MORE)),
    ("postgres_cycle_hostile", |server| {
        on_postgres(server, &HOSTILE_POSTGRES)
    }),
    ("postgres_cycle_world", |server| {
        on_postgres(server, &WORLD_OF_POSTGRES)
    }),
];
pub(crate) const ON_MARIADB: &[(&str, OnMariaDb)] = &[
    ("mariadb_cycle_constructs", |server| {
        on_mariadb(server, &CONSTRUCTS_OF_MARIADB)
    }),
    ("mariadb_cycle_rules", |server| {
        written_of_mariadb(server)?;
        on_mariadb(server, &RULES_OF_MARIADB)
    }),
];

/// A schema, how its tables are filled, and what is known to go otherwise.
struct Case {
    name: &'static str,
    sql: &'static str,
    entities: fn() -> Vec<Box<dyn Objects>>,
    fillings: &'static [Filling],
    /// Columns that the clock or a counter sets.
    moving: &'static [(&'static str, &'static str)],
    /// Tables that cannot be filled: their constraints refuse every row, or no record stands for one.
    empty: &'static [&'static str],
    /// What is refused by name although plain SQL does it.
    refused: &'static [&'static str],
    /// What another rule than the mapper's makes of it.
    told: &'static [&'static str],
}

const NOTHING: Case = Case {
    name: "",
    sql: "",
    entities: Vec::new,
    fillings: &[],
    moving: &[],
    empty: &[],
    refused: &[],
    told: &[],
};

const CONSTRUCTS_OF_SQLITE: Case = Case {
    name: "constructs",
    sql: include_str!("sqlite.sql"),
    entities: entities::sqlite,
    // Its second foreign key leads to no table, so that SQLite refuses every row.
    empty: &["children"],
    ..NOTHING
};

const RULES_OF_SQLITE: Case = Case {
    name: "rules",
    sql: include_str!("rules_sqlite.sql"),
    entities: entities::rules_sqlite,
    // Its trigger keeps every row: plain SQL deletes none without a word.
    refused: &[
        "kept RolledBack 0",
        "kept RolledBack 1",
        "kept RolledBack 2",
        "kept Committed 0",
    ],
    // What the program sets, the trigger sets otherwise: memory has it when it is read again.
    told: &["watched OfLast", "watched Another", "kept"],
    ..NOTHING
};

const HOSTILE_SQLITE: Case = Case {
    name: "hostile",
    sql: include_str!("hostile_sqlite.sql"),
    entities: entities::hostile_sqlite,
    // Foreign keys that lead to a view, or to columns that are no key: SQLite refuses every row of either table.
    empty: &["misfits", "unfit"],
    told: &["bumped OfLast", "bumped Another", "two_back"],
    ..NOTHING
};

const FILES: Case = Case {
    name: "files",
    sql: include_str!("files.sql"),
    entities: entities::files,
    fillings: &[
        ("account", "status", ["open", "closed", "open"]),
        ("auth_user", "settings", ["{}", "[1]", "null"]),
    ],
    ..NOTHING
};

const WORLD_OF_SQLITE: Case = Case {
    name: "world",
    sql: include_str!("world_sqlite.sql"),
    entities: entities::world_sqlite,
    fillings: &[("shop_product", "attributes", ["{}", "[1]", "null"])],
    ..NOTHING
};

const CONSTRUCTS_OF_POSTGRES: Case = Case {
    name: "constructs",
    sql: include_str!("postgres.sql"),
    entities: entities::postgres,
    fillings: &[
        // Its parent is in another schema.
        ("child", "acct_id", ["", "", ""]),
        ("jobs", "mood", ["calm", "it's odd", "1st"]),
        ("jobs", "label", ["{a}", "{b}", "{c}"]),
    ],
    told: &["child"],
    ..NOTHING
};

const RULES_OF_POSTGRES: Case = Case {
    name: "rules",
    sql: include_str!("rules_postgres.sql"),
    entities: entities::rules_postgres,
    // Its trigger keeps every row: plain SQL deletes none without a word.
    refused: &[
        "kept RolledBack 0",
        "kept RolledBack 1",
        "kept RolledBack 2",
        "kept Committed 0",
    ],
    // What the program sets, the trigger sets otherwise: memory has it when it is read again.
    told: &["watched OfLast", "watched Another", "kept"],
    moving: &[("history", "id")],
    ..NOTHING
};

const MORE: Case = Case {
    name: "more",
    sql: include_str!("more.sql"),
    entities: entities::more,
    fillings: &[("people", "born", ["1990-01-01", "1991-01-01", "1992-01-01"])],
    ..NOTHING
};

const HOSTILE_POSTGRES: Case = Case {
    name: "hostile",
    sql: include_str!("hostile_postgres.sql"),
    entities: entities::hostile_postgres,
    fillings: &[
        ("here", "parent", ["", "", ""]),
        ("measures", "sensor", ["1", "1", "2"]),
        ("measures", "at", ["2024-01-01", "2024-01-02", "2023-01-01"]),
        ("timed", "tiny", ["10", "20", "30"]),
    ],
    empty: &["computed_key"],
    ..NOTHING
};

const WORLD_OF_POSTGRES: Case = Case {
    name: "world",
    sql: include_str!("world_postgres.sql"),
    entities: entities::world_postgres,
    fillings: &[
        ("film", "release_year", ["2001", "2002", "2003"]),
        ("person", "businessentityid", ["1", "2", "-"]),
    ],
    ..NOTHING
};

const CONSTRUCTS_OF_MARIADB: Case = Case {
    name: "constructs",
    sql: include_str!("mariadb.sql"),
    entities: entities::mariadb,
    fillings: &[
        ("owners", "kind", ["cat", "dog's", "cat"]),
        ("owners", "born", ["1999", "2000", "2001"]),
        ("tokens", "place", ["", "", ""]),
    ],
    // The server would take 77 for the year 1977.
    refused: &["owners Another", "owners.born Another"],
    moving: &[("owners", "seen"), ("teams", "changed")],
    ..NOTHING
};

const RULES_OF_MARIADB: Case = Case {
    name: "rules",
    sql: include_str!("rules_mariadb.sql"),
    entities: entities::rules_mariadb,
    // What the program sets, the trigger sets otherwise: memory has it when it is read again.
    told: &["watched OfLast", "watched Another"],
    moving: &[("history", "id")],
    ..NOTHING
};

impl Case {
    fn check(&self, engine: &Engine, through_records: bool) -> selfsame::Result<()> {
        execute(engine, self.sql)?;
        let empty = fill(engine, self.fillings)?;
        let objects = match through_records {
            true => of_records(engine)?,
            false => (self.entities)(),
        };
        let told = cycle(engine, objects, self.moving)?;
        let mut wrong: Vec<String> = Vec::new();
        let first = |line: &String| line.split(": ").next().unwrap_or_default().to_owned();
        for (what, lines, known) in [
            ("empty", empty, self.empty),
            ("refused", told.refused, self.refused),
            ("wrong", told.wrong, self.told),
            ("missed", told.missed, &[self.empty, self.told].concat()),
        ] {
            let unknown = lines.iter().filter(|line| !known.contains(&&*first(line)));
            wrong.extend(unknown.map(|line| format!("{what} {line}")));
        }
        assert!(wrong.is_empty(), "{}: {}", self.name, wrong.join("\n"));
        Ok(())
    }
}

fn on_sqlite(case: &Case) -> selfsame::Result<()> {
    for through_records in [false, true] {
        let database = TempDatabase::new()?;
        let engine = Engine::new(database.backend());
        case.check(&engine, through_records)?;
    }
    Ok(())
}

fn on_postgres(server: &Server, case: &Case) -> selfsame::Result<()> {
    for through_records in [false, true] {
        let extensions = ["citext", "hstore", "ltree"];
        let name = format!("cycle_{}_{through_records}", case.name);
        in_own_database(server, &name, &extensions, |engine, _| {
            case.check(engine, through_records)
        })?;
    }
    Ok(())
}

fn on_mariadb(server: &mariadb_server::Server, case: &Case) -> selfsame::Result<()> {
    for through_records in [false, true] {
        let database = server.database()?;
        let engine = Engine::new(database.backend());
        case.check(&engine, through_records)?;
    }
    Ok(())
}

fn written_of_sqlite() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    execute(&engine, RULES_OF_SQLITE.sql)?;
    let url = format!("sqlite:{}", database.path().to_str().expect("text"));
    written(
        &engine,
        &url,
        "schemas/rules_sqlite.rs",
        &rules_sqlite::metadata(),
    )
}

fn written_of_postgres(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    execute(&engine, RULES_OF_POSTGRES.sql)?;
    let (url, file) = (database.url(), "schemas/rules_postgres.rs");
    written(&engine, &url, file, &rules_postgres::metadata())
}

fn written_of_mariadb(server: &mariadb_server::Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    execute(&engine, RULES_OF_MARIADB.sql)?;
    let (url, file) = (database.url(), "schemas/rules_mariadb.rs");
    written(&engine, &url, file, &rules_mariadb::metadata())
}

/// The entities are what the command writes, and do not differ from the database.
fn written(engine: &Engine, url: &str, file: &str, metadata: &Metadata) -> selfsame::Result<()> {
    check_written(url, file);
    assert_eq!(metadata.diff(engine)?, []);
    Ok(())
}

/// The entities that have a key and can be written are all listed; `SELFSAME_BLESS=1` lists them anew.
fn listed() -> selfsame::Result<()> {
    let modules: [(&str, Metadata); 12] = [
        ("files", files::metadata()),
        ("hostile_postgres", hostile_postgres::metadata()),
        ("hostile_sqlite", hostile_sqlite::metadata()),
        ("mariadb", mariadb::metadata()),
        ("more", more::metadata()),
        ("postgres", postgres::metadata()),
        ("rules_mariadb", rules_mariadb::metadata()),
        ("rules_postgres", rules_postgres::metadata()),
        ("rules_sqlite", rules_sqlite::metadata()),
        ("sqlite", sqlite::metadata()),
        ("world_postgres", world_postgres::metadata()),
        ("world_sqlite", world_sqlite::metadata()),
    ];
    let mut text = String::from(
        "//! Every entity of these files that has a key and can be written, listed by `SELFSAME_BLESS=1`.\n\n\
         use crate::cycle::{Objects, of};\n",
    );
    for (module, metadata) in &modules {
        write!(text, "\npub(crate) fn {module}() -> Vec<Box<dyn Objects>> {{\n    use crate::{module} as m;\n    vec![\n")
            .expect("a text grows");
        for mapper in metadata.mappers() {
            if !mapper.is_read_only() && !mapper.table().primary_key.is_empty() {
                writeln!(text, "        of::<m::{}>(),", mapper.name()).expect("a text grows");
            }
        }
        text += "    ]\n}\n";
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/entities.rs");
    if std::env::var_os("SELFSAME_BLESS").is_some() {
        std::fs::write(&path, &text).expect("the blessed file");
    }
    let blessed = std::fs::read_to_string(&path).expect("the blessed file");
    assert!(
        text == blessed,
        "entities.rs does not list what is mapped; see it with SELFSAME_BLESS=1"
    );
    Ok(())
}
