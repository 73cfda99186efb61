//! Reflection of created tables.

use selfsame::Engine;
use selfsame::backend::Backend as _;
use selfsame::metadata::Metadata;
use selfsame::schema::{
    Check, Column, ColumnType, ForeignKey, Generated, ReferentialAction, Table,
};

use crate::support::*;

fn reflect(session: &mut Session) -> Vec<Table> {
    Sqlite::memory()
        .dialect()
        .reflect(&mut **session, &[None])
        .expect("a schema")
}

#[test]
fn tables_with_all_their_parts() {
    let mut session = memory();
    for text in [
        "CREATE TABLE parent (a TEXT NOT NULL, b INT NOT NULL, PRIMARY KEY (b, a))",
        "CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, \"the name\" VARCHAR(20) NOT NULL DEFAULT 'x', \
         price DECIMAL TEXT(10, 2) COLLATE decimal, made TIMESTAMP TEXT DEFAULT (datetime('now')), pa TEXT, pb INT, \
         boss BIGINT REFERENCES child ON DELETE SET NULL, CONSTRAINT once UNIQUE (\"the name\", pa), UNIQUE (pb), \
         CONSTRAINT positive CHECK (pb > 0), CONSTRAINT \"to parent\" FOREIGN KEY (pb, pa) REFERENCES parent (b, a) ON DELETE CASCADE ON UPDATE CASCADE)",
        "CREATE INDEX child_made ON child (made, price)",
        "CREATE INDEX child_some ON child (made) WHERE price > 1",
        "CREATE INDEX child_lower ON child (lower(pa))",
        "CREATE UNIQUE INDEX child_made_once ON child (made)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE VIEW w AS SELECT a FROM gone",
        "CREATE TEMP TABLE passing (id INTEGER PRIMARY KEY)",
    ] {
        run(&mut session, text, &[]);
    }
    let text = |length| ColumnType::Text { length };
    let parent = Table::build("parent")
        .column(Column::new("a", text(None)))
        .column(Column::new("b", ColumnType::I64))
        .primary_key(["b", "a"]);
    let child = Table::build("child")
        .column(Column::new("id", ColumnType::I64).generated(Generated::KeyNeverReused))
        .column(Column::new("the name", text(Some(20))).generated(Generated::Default("'x'".into())))
        .column(
            Column::new(
                "price",
                ColumnType::Decimal {
                    precision: Some((10, 2)),
                },
            )
            .nullable(),
        )
        .column(
            Column::new("made", ColumnType::Timestamp)
                .nullable()
                .generated(Generated::Default("(datetime('now'))".into())),
        )
        .column(Column::new("pa", text(None)).nullable())
        .column(Column::new("pb", ColumnType::I64).nullable())
        .column(Column::new("boss", ColumnType::I64).nullable())
        .primary_key(["id"])
        .constraint(ForeignKey {
            name: None,
            columns: vec!["boss".into()],
            table: "child".into(),
            schema: None,
            references: vec!["id".into()],
            on_delete: ReferentialAction::SetNull,
            on_update: ReferentialAction::NoAction,
        })
        .constraint(ForeignKey {
            name: None,
            columns: vec!["pb".into(), "pa".into()],
            table: "parent".into(),
            schema: None,
            references: vec!["b".into(), "a".into()],
            on_delete: ReferentialAction::Cascade,
            on_update: ReferentialAction::Cascade,
        })
        .unique(["the name", "pa"])
        .unique(["pb"])
        .unique(["made"]);
    let mut child = child.index(["made", "price"]);
    child.indexes[0].name = Some("child_made".into());
    child.uniques[2].name = Some("child_made_once".into());
    child.uniques[0].name = Some("once".into());
    child.foreign_keys[1].name = Some("to parent".into());
    child.checks.push(Check {
        name: Some("positive".into()),
        condition: "pb > 0".into(),
    });
    let untyped = ColumnType::Other {
        name: "UNTYPED BLOB".into(),
    };
    let view = Table::build("v")
        .view()
        .column(Column::new("1", untyped).nullable());
    let mut broken = Table::build("w").view();
    broken.remarks = vec!["Its columns cannot be read: gone: no such table.".into()];
    child.remarks = vec![
        "Not here: CREATE INDEX child_some ON child (made) WHERE price > 1.".into(),
        "Not here: CREATE INDEX child_lower ON child (lower(pa)).".into(),
    ];
    assert_eq!(reflect(&mut session), [child, parent, view, broken]);
}

#[test]
fn a_computed_column_tells_its_expression() {
    let mut session = memory();
    let table = Table::build("t")
        .column(Column::new("a", ColumnType::I64))
        .column(
            Column::new("the sum", ColumnType::I64)
                .generated(Generated::Computed("a * (a + 1)".into())),
        )
        .primary_key(["a"]);
    let text = "CREATE TABLE t (a INTEGER NOT NULL, \
                \"the sum\" BIGINT NOT NULL AS (a * (a + 1)) STORED, PRIMARY KEY (a)) WITHOUT ROWID";
    run(&mut session, text, &[]);
    let mut found = reflect(&mut session);
    found[0].columns[0].ty = ColumnType::I64;
    found[0].remarks.clear();
    assert_eq!(found, [table]);
}

#[test]
fn only_a_rowid_is_counted() {
    let mut session = memory();
    for (text, generated) in [
        ("id INTEGER PRIMARY KEY", Generated::Key),
        ("id INTEGER, PRIMARY KEY (id)", Generated::Key),
        ("id BIGINT PRIMARY KEY", Generated::No),
        ("id INTEGER PRIMARY KEY DESC", Generated::No),
        ("id INTEGER, b INTEGER, PRIMARY KEY (id, b)", Generated::No),
    ] {
        run(&mut session, &format!("CREATE TABLE t ({text})"), &[]);
        assert_eq!(
            reflect(&mut session)[0].columns[0].generated,
            generated,
            "{text}"
        );
        run(&mut session, "DROP TABLE t", &[]);
    }
    run(
        &mut session,
        "CREATE TABLE t (id INTEGER PRIMARY KEY) WITHOUT ROWID",
        &[],
    );
    let table = &reflect(&mut session)[0];
    assert_eq!(table.columns[0].generated, Generated::No);
    assert!(!table.columns[0].nullable);
}

#[test]
fn what_a_table_cannot_express_is_reported() {
    let mut session = memory();
    for text in [
        "CREATE TABLE t (id INTEGER PRIMARY KEY, up INT DEFAULT 1 REFERENCES t ON DELETE SET DEFAULT, gone INT REFERENCES nowhere)",
        "CREATE INDEX t_some ON t (gone) WHERE id > 5",
    ] {
        run(&mut session, text, &[]);
    }
    let found = reflect(&mut session);
    let [key] = &found[0].foreign_keys[..] else {
        panic!("one foreign key: {found:?}");
    };
    assert_eq!(key.on_delete, ReferentialAction::SetDefault);
    assert_eq!(
        found[0].remarks,
        [
            "Not here: CREATE INDEX t_some ON t (gone) WHERE id > 5.",
            "Not here: the foreign key of gone to \"nowhere\", for there is no such table.",
        ]
    );
}

#[test]
fn a_schema_that_is_listed_twice_is_reflected_once() -> selfsame::Result<()> {
    let engine = Engine::new(Sqlite::memory());
    let mut session = selfsame::Session::new(&engine);
    session
        .sql("CREATE TABLE notes (id INTEGER PRIMARY KEY)", ())
        .execute()?;
    session.commit()?;
    drop(session);
    let metadata = Metadata::reflect_schemas(&engine, ["main", "main"])?;
    assert_eq!(metadata.tables().len(), 1);
    Ok(())
}

#[test]
fn what_is_reflected_can_be_created_and_reflected_again() {
    let mut first = memory();
    for text in [
        "CREATE TABLE parent (id INTEGER PRIMARY KEY, code UUID BLOB NOT NULL UNIQUE, made TIMESTAMPTZ TEXT)",
        "CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, price DECIMAL TEXT(10, 2) COLLATE decimal NOT NULL, \
         noted TEXT NOT NULL DEFAULT (date('now')), parent BIGINT REFERENCES parent ON DELETE CASCADE)",
        "CREATE INDEX child_parent ON child (parent, price)",
    ] {
        run(&mut first, text, &[]);
    }
    let tables = reflect(&mut first);

    let second = Sqlite::memory();
    Metadata::new(tables.clone())
        .create_all(&Engine::new(second.clone()))
        .expect("tables");
    let mut session = second.connect().expect("a connection");
    let mut again = reflect(&mut session);
    // Unnamed constraints got names.
    let key = again[0].foreign_keys[0].name.take();
    let unique = again[1].uniques[0].name.take();
    assert_eq!(
        (key.as_deref(), unique.as_deref()),
        (Some("child_parent_fkey"), Some("parent_code_key"))
    );
    assert_eq!(again, tables);
}
