//! Reflects tables.

use selfsame::ErrorKind;
use selfsame::backend::Backend;
use selfsame::metadata::Metadata;
use selfsame::prelude::*;
use selfsame::schema::{
    Column, ColumnType, ForeignKey, Generated, ReferentialAction, Table, TableKind,
};
use selfsame_postgres::testing::Server;

use crate::support::{Case, Fixture, execute, fixture};

pub(crate) const CASES: &[Case] = &[
    ("reflection_reads_what_was_made", reads_what_was_made),
    (
        "reflection_reads_defaults_of_domains",
        reads_defaults_of_domains,
    ),
    ("reflection_reads_counted_columns", reads_counted_columns),
    ("reflection_of_names_with_dots", names_with_dots),
    ("tables_that_refer_to_another", referring_tables),
];

/// They may be in other schemas, and partitioned.
fn referring_tables(server: &Server) {
    let Fixture {
        mut connection,
        database,
    } = fixture(server);
    let name = database.name();
    execute(
        connection.as_mut(),
        &format!(
            "CREATE SCHEMA {name}_referring; \
             CREATE TABLE \"it's\" (id bigint PRIMARY KEY, a text, b text, UNIQUE (a, b)); \
             CREATE TABLE other (id bigint PRIMARY KEY REFERENCES \"it's\" ON UPDATE SET NULL); \
             CREATE TABLE unrelated (id bigint PRIMARY KEY REFERENCES other); \
             CREATE TABLE {name}_referring.parts (y text, x text, FOREIGN KEY (y, x) REFERENCES {name}.\"it's\" (b, a) ON UPDATE CASCADE) \
                 PARTITION BY LIST (x); \
             CREATE TABLE {name}_referring.part PARTITION OF {name}_referring.parts FOR VALUES IN ('1')"
        ),
    )
    .expect("creates");
    let backend = database.backend();
    for table in [Table::build("it's"), Table::build("it's").in_schema(name)] {
        let found = (backend.dialect())
            .referring_tables(connection.as_mut(), &table)
            .expect("reads");
        let keys = found.iter().flat_map(|found| {
            let keys = found.foreign_keys.iter();
            keys.map(|key| {
                assert_eq!((&key.table, &key.schema), (&table.name, &table.schema));
                let columns = (key.columns.join(", "), key.references.join(", "));
                (found.name.clone(), columns, key.on_update)
            })
        });
        let key = |name: &str, own: &str, referred: &str, on_update| {
            (
                name.to_owned(),
                (own.to_owned(), referred.to_owned()),
                on_update,
            )
        };
        assert_eq!(
            keys.collect::<Vec<_>>(),
            [
                key("other", "id", "id", ReferentialAction::SetNull),
                key(
                    &format!("{name}_referring.parts"),
                    "y, x",
                    "b, a",
                    ReferentialAction::Cascade
                ),
            ]
        );
    }
    execute(
        connection.as_mut(),
        &format!("DROP SCHEMA {name}_referring CASCADE"),
    )
    .expect("drops");
}

/// Tables of two schemas with the same qualified name are not confused.
fn names_with_dots(server: &Server) {
    #[derive(Entity, Clone, Debug)]
    #[orm(table = "b.c", schema = "dots")]
    struct Outer {
        #[orm(primary_key)]
        id: i64,
        x: String,
    }
    #[derive(Entity, Clone, Debug)]
    #[orm(table = "c", schema = "dots.b")]
    struct Inner {
        #[orm(primary_key)]
        id: i64,
        y: String,
    }
    let Fixture {
        mut connection,
        database,
    } = fixture(server);
    execute(
        connection.as_mut(),
        "DROP SCHEMA IF EXISTS dots, \"dots.b\" CASCADE; CREATE SCHEMA dots; CREATE SCHEMA \"dots.b\"; \
         CREATE TABLE dots.\"b.c\" (id bigint PRIMARY KEY, x text NOT NULL); \
         CREATE TABLE \"dots.b\".c (id bigint PRIMARY KEY, y text NOT NULL)",
    )
    .expect("creates");
    let engine = Engine::new(database.backend());
    let error = Metadata::reflect_schemas(&engine, ["dots", "dots.b"]).expect_err("two tables");
    assert_eq!(error.kind(), ErrorKind::Mapping, "{error}");
    assert_eq!(error.entity_name(), Some("dots.b.c"), "{error}");
    for (schema, table, metadata) in [
        ("dots", "b.c", metadata![Outer]),
        ("dots.b", "c", metadata![Inner]),
    ] {
        let alone = Metadata::reflect_schemas(&engine, [schema]).expect("reflects");
        assert_eq!(alone.tables()[0].local_name(), table);
        assert_eq!(metadata.diff(&engine).expect("compares"), []);
    }
    let mut session = Session::new(&engine);
    session.add(Outer::new(1, "outer"));
    session.commit().expect("inserts");
    session.add(Inner::new(1, "inner"));
    let error = session.commit().expect_err("two tables");
    assert_eq!(error.kind(), ErrorKind::Mapping, "{error}");
    drop(session);
    execute(
        connection.as_mut(),
        "DROP SCHEMA dots CASCADE; DROP SCHEMA \"dots.b\" CASCADE",
    )
    .expect("drops");
}

fn reads_what_was_made(server: &Server) {
    let Fixture {
        mut connection,
        database,
    } = fixture(server);
    execute(
        connection.as_mut(),
        "CREATE DOMAIN grade AS smallint CHECK (VALUE > 0); \
         CREATE TABLE \"Authors\" (\"the key\" serial PRIMARY KEY, name varchar(50) NOT NULL CONSTRAINT one_name UNIQUE); \
         CREATE TABLE books (author integer NOT NULL, place bigint GENERATED BY DEFAULT AS IDENTITY, title text DEFAULT 'it''s', \
             price numeric(10, 2), grade grade, gone text, double integer GENERATED ALWAYS AS (author * 2) STORED, \
             PRIMARY KEY (place, author), CONSTRAINT dear CHECK (price > 1), \
             CONSTRAINT by FOREIGN KEY (author) REFERENCES \"Authors\" ON DELETE CASCADE ON UPDATE SET NULL); \
         ALTER TABLE books DROP gone; \
         CREATE INDEX by_title ON books (title, price) INCLUDE (grade); \
         CREATE INDEX partial ON books (title) WHERE price > 5; \
         CREATE UNIQUE INDEX computed ON books (lower(title)); \
         CREATE VIEW seen AS SELECT * FROM books",
    )
    .expect("creates");
    let backend = database.backend();
    let tables = backend
        .dialect()
        .reflect(connection.as_mut(), &[None])
        .expect("reflects");

    let mut authors = Table::build("Authors")
        .column(Column::new("the key", ColumnType::I32).generated(Generated::Key))
        .column(Column::new("name", ColumnType::Text { length: Some(50) }))
        .primary_key(["the key"])
        .unique(["name"]);
    authors.uniques[0].name = Some("one_name".into());
    let default = Generated::Default("'it''s'::text".into());
    let precision = Some((10, 2));
    let mut grade = Column::new("grade", ColumnType::I16);
    grade.remarks = vec!["Its type is the domain grade, mapped as its base type.".into()];
    let mut books = Table::build("books")
        .column(Column::new("author", ColumnType::I32))
        .column(Column::new("place", ColumnType::I64).generated(Generated::Key))
        .column(
            Column::new("title", ColumnType::Text { length: None })
                .nullable()
                .generated(default),
        )
        .column(Column::new("price", ColumnType::Decimal { precision }).nullable())
        .column(grade.nullable())
        .column(
            Column::new("double", ColumnType::I32)
                .nullable()
                .generated(Generated::Computed("(author * 2)".into())),
        )
        .primary_key(["place", "author"])
        .index(["title", "price"])
        .check("(price > (1)::numeric)")
        .constraint(ForeignKey {
            name: Some("by".into()),
            columns: vec!["author".into()],
            table: "Authors".into(),
            schema: None,
            references: vec!["the key".into()],
            on_delete: ReferentialAction::Cascade,
            on_update: ReferentialAction::SetNull,
        });
    books.indexes[0].name = Some("by_title".into());
    books.checks[0].name = Some("dear".into());
    books.remarks = vec![
        "Only partly here: CREATE INDEX by_title ON books USING btree (title, price) INCLUDE (grade).".into(),
        "Not here: CREATE INDEX partial ON books USING btree (title) WHERE (price > (5)::numeric).".into(),
        "Not here: CREATE UNIQUE INDEX computed ON books USING btree (lower(title)).".into(),
    ];
    let (seen, made) = tables.split_last().expect("a view and two tables");
    assert_eq!(made, &[authors, books][..]);
    assert_eq!((&*seen.name, seen.kind), ("seen", TableKind::View));
    assert!(seen.primary_key.is_empty());
    let names = |table: &Table| -> Vec<_> {
        let columns = table.columns.iter();
        columns.map(|column| column.name.clone()).collect()
    };
    assert_eq!(names(seen), names(&made[1]));
    assert!(seen.columns.iter().all(|column| column.nullable));
}

/// Only a cast to the domain itself is removed: the base type stays, and what a text contains. A number that may be NULL is no generated key.
fn reads_defaults_of_domains(server: &Server) {
    let Fixture {
        mut connection,
        database,
    } = fixture(server);
    execute(
        connection.as_mut(),
        "CREATE DOMAIN d AS date; CREATE DOMAIN t AS text; CREATE SEQUENCE numbers; \
         CREATE TABLE dated (id integer PRIMARY KEY, day d DEFAULT '2024-01-01', cast_day d DEFAULT '2024-01-01'::d, \
             note t DEFAULT 'a::t', word t DEFAULT 'b'::t, number bigint DEFAULT nextval('numbers'))",
    )
    .expect("creates");
    let engine = Engine::new(database.backend());
    let reflected = Metadata::reflect(&engine).expect("reflects");
    reflected.drop_all(&engine).expect("drops");
    reflected.create_all(&engine).expect("creates");
    execute(connection.as_mut(), "INSERT INTO dated (id) VALUES (1)").expect("inserts");
    let row = "SELECT day::text, cast_day::text, note, word, number FROM dated";
    let row: (String, String, String, String, i64) =
        Session::new(&engine).sql(row, ()).one().expect("a row");
    let day = || "2024-01-01".to_owned();
    assert_eq!(row, (day(), day(), "a::t".to_owned(), "b".to_owned(), 1));
}

/// A view's column may have numbers of its own; of a serial column that may be NULL a remark says whose its numbers are.
fn reads_counted_columns(server: &Server) {
    let Fixture {
        mut connection,
        database,
    } = fixture(server);
    execute(
        connection.as_mut(),
        "CREATE TABLE counted (id serial PRIMARY KEY, n serial); ALTER TABLE counted ALTER COLUMN n DROP NOT NULL; \
         CREATE SEQUENCE s; CREATE VIEW seen AS SELECT id FROM counted; ALTER VIEW seen ALTER COLUMN id SET DEFAULT nextval('s')",
    )
    .expect("creates");
    let engine = Engine::new(database.backend());
    let reflected = Metadata::reflect(&engine).expect("reflects");
    let column = |name: &str, column: usize| {
        let table = reflected.tables().iter().find(|table| table.name == name);
        table.expect("is there").columns[column].clone()
    };
    assert_eq!(column("seen", 0).generated, Generated::Key);
    let number = column("counted", 1);
    assert!(matches!(number.generated, Generated::Default(_)));
    let is_told = |remark: &String| remark.contains("dropped with the table");
    assert!(number.remarks.iter().any(is_told), "{number:?}");
}
