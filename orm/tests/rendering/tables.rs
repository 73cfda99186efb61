//! Statements of the unit of work and of table definitions.

mod definitions;

use std::borrow::Cow;

use selfsame::dialect::{Batch, Capabilities, Dialect};
use selfsame::render::{Lock, Pairing, Renderer};
use selfsame::schema::{
    Column, ColumnType, Deferrable, ForeignKey, Generated, ReferentialAction, Table,
};
use selfsame::value::ValueType;

use crate::dialects::{Ansi, Arrays, DIALECTS, Values, ansi_type};

fn users() -> Table {
    Table::build("users")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
        .column(Column::new("name", ColumnType::Text { length: Some(50) }))
        .column(Column::new("age", ColumnType::I32).nullable())
        .primary_key(["id"])
        .unique(["name"])
        .index(["age", "name"])
        .check("age > 0")
}

fn tags() -> Table {
    Table::build("user_tags")
        .column(Column::new("user_id", ColumnType::I64))
        .column(Column::new("tag", ColumnType::Text { length: None }))
        .column(
            Column::new(
                "kind",
                ColumnType::Enum {
                    name: "Kind",
                    labels: &["own", "other's"],
                },
            )
            .generated(Generated::Default("'own'".into())),
        )
        .primary_key(["user_id", "tag"])
        .constraint(ForeignKey {
            name: None,
            columns: vec!["user_id".into()],
            table: "users".into(),
            schema: None,
            references: vec!["id".into()],
            on_delete: ReferentialAction::Cascade,
            on_update: ReferentialAction::SetNull,
        })
}

fn odd() -> Table {
    Table::build("se\"lect")
        .column(Column::new("größe in m", ColumnType::F64))
        .column(Column::new("order", ColumnType::Text { length: None }))
        .primary_key(["order"])
}

/// The same statement on each dialect, one a line.
fn everywhere(render: impl Fn(Renderer<'_>) -> String) -> String {
    DIALECTS
        .map(|dialect| render(Renderer::new(dialect)))
        .join("\n")
}

fn ddl(sql: selfsame::Result<selfsame::backend::Sql>) -> String {
    match sql {
        Ok(sql) => sql.text().to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

#[test]
fn insert_by_values() {
    let table = users();
    insta::assert_snapshot!(everywhere(|r| r.insert(&table, &[1, 2], 1, &[]).text().into()), @r#"
INSERT INTO "users" ("name", "age") VALUES (?, ?)
INSERT INTO "users" ("name", "age") VALUES (?, ?)
INSERT INTO "users" ("name", "age") VALUES ($1, $2)
"#);
    insta::assert_snapshot!(everywhere(|r| r.insert(&table, &[1, 2], 2, &[0, 2]).text().into()), @r#"
INSERT INTO "users" ("name", "age") VALUES (?, ?), (?, ?) RETURNING "id", "age"
INSERT INTO "users" ("name", "age") VALUES (?, ?), (?, ?) RETURNING "id", "age"
INSERT INTO "users" ("name", "age") VALUES ($1, $2), ($3, $4) RETURNING "id", "age"
"#);
    insta::assert_snapshot!(everywhere(|r| r.insert(&table, &[], 1, &[0]).text().into()), @r#"
INSERT INTO "users" DEFAULT VALUES RETURNING "id"
INSERT INTO "users" DEFAULT VALUES RETURNING "id"
INSERT INTO "users" DEFAULT VALUES RETURNING "id"
"#);
    let sql = Renderer::new(&Values).insert(&table, &[1, 2], 2, &[0]);
    let row = [ValueType::Text, ValueType::I32];
    assert_eq!(sql.params(), [row, row].concat());
    assert_eq!(sql.columns(), [ValueType::I64]);
}

#[test]
fn insert_by_arrays() {
    let renderer = Renderer::new(&Arrays);
    let sql = renderer.insert_arrays(&users(), &[1, 2], &[0]);
    insta::assert_snapshot!(sql.text(), @r#"INSERT INTO "users" ("name", "age") SELECT v.c1, v.c2 FROM UNNEST($1::text[], $2::integer[]) WITH ORDINALITY AS v(c1, c2, n) ORDER BY v.n RETURNING "id""#);
    assert_eq!(sql.params(), [ValueType::Text, ValueType::I32]);
    insta::assert_snapshot!(renderer.insert_arrays(&odd(), &[1], &[]).text(), @r#"INSERT INTO "se""lect" ("order") SELECT v.c1 FROM UNNEST($1::text[]) WITH ORDINALITY AS v(c1, n) ORDER BY v.n"#);
}

#[test]
fn update_one_row() {
    insta::assert_snapshot!(everywhere(|r| r.update(&users(), &[1, 2], &[0]).text().into()), @r#"
UPDATE "users" SET "name" = ?, "age" = ? WHERE "id" = ?
UPDATE "users" SET "name" = ?, "age" = ? WHERE "id" = ?
UPDATE "users" SET "name" = $1, "age" = $2 WHERE "id" = $3
"#);
    insta::assert_snapshot!(everywhere(|r| r.update(&tags(), &[0], &[0, 1]).text().into()), @r#"
UPDATE "user_tags" SET "user_id" = ? WHERE "user_id" = ? AND "tag" = ?
UPDATE "user_tags" SET "user_id" = ? WHERE "user_id" = ? AND "tag" = ?
UPDATE "user_tags" SET "user_id" = $1 WHERE "user_id" = $2 AND "tag" = $3
"#);
    insta::assert_snapshot!(everywhere(|r| r.update(&odd(), &[0], &[1]).text().into()), @r#"
UPDATE "se""lect" SET "größe in m" = ? WHERE "order" = ?
UPDATE "se""lect" SET "größe in m" = ? WHERE "order" = ?
UPDATE "se""lect" SET "größe in m" = $1 WHERE "order" = $2
"#);
}

#[test]
fn update_by_arrays_distinguishes_new_keys_from_old_ones() {
    let renderer = Renderer::new(&Arrays);
    let sql = renderer.update_arrays(&tags(), &[0, 2], &[0, 1]);
    insta::assert_snapshot!(sql.text(), @r#"UPDATE "user_tags" AS t SET "user_id" = v.s1, "kind" = v.s2 FROM UNNEST($1::bigint[], $2::text[], $3::bigint[], $4::text[]) AS v(s1, s2, k1, k2) WHERE t."user_id" = v.k1 AND t."tag" = v.k2"#);
    assert_eq!(
        sql.params(),
        [
            ValueType::I64,
            ValueType::Text,
            ValueType::I64,
            ValueType::Text
        ]
    );
    insta::assert_snapshot!(renderer.update_arrays(&odd(), &[0], &[1]).text(), @r#"UPDATE "se""lect" AS t SET "größe in m" = v.s1 FROM UNNEST($1::double precision[], $2::text[]) AS v(s1, k1) WHERE t."order" = v.k1"#);
}

#[test]
fn delete_rows() {
    insta::assert_snapshot!(everywhere(|r| r.delete(&tags(), &[0, 1]).text().into()), @r#"
DELETE FROM "user_tags" WHERE "user_id" = ? AND "tag" = ?
DELETE FROM "user_tags" WHERE "user_id" = ? AND "tag" = ?
DELETE FROM "user_tags" WHERE "user_id" = $1 AND "tag" = $2
"#);
    let renderer = Renderer::new(&Arrays);
    insta::assert_snapshot!(renderer.delete_arrays(&users(), &[0]).text(), @r#"DELETE FROM "users" WHERE "id" = ANY($1::bigint[])"#);
    insta::assert_snapshot!(renderer.delete_arrays(&tags(), &[0, 1]).text(), @r#"DELETE FROM "user_tags" WHERE ("user_id", "tag") IN (SELECT * FROM UNNEST($1::bigint[], $2::text[]))"#);
}

#[test]
fn select_by_values() {
    let table = users();
    let lines = everywhere(|r| r.select_by(&table, &[0, 1], &[0], 1, &[]).text().into());
    insta::assert_snapshot!(lines, @r#"
SELECT "id", "name" FROM "users" WHERE "id" = ?
SELECT "id", "name" FROM "users" WHERE "id" = ?
SELECT "id", "name" FROM "users" WHERE "id" = $1
"#);
    let order = [(2, true), (0, false)];
    let lines = everywhere(|r| {
        let renderer = r.lock(Lock::ForUpdate);
        renderer
            .select_by(&table, &[0], &[2], 3, &order)
            .text()
            .into()
    });
    insta::assert_snapshot!(lines, @r#"
SELECT "id" FROM "users" WHERE "age" IN (?, ?, ?) ORDER BY "age" DESC, "id" FOR UPDATE
SELECT "id" FROM "users" WHERE "age" IN (?, ?, ?) ORDER BY "age" DESC, "id"
SELECT "id" FROM "users" WHERE "age" IN ($1, $2, $3) ORDER BY "age" DESC, "id" FOR UPDATE
"#);
    let lines = everywhere(|r| r.select_by(&tags(), &[1], &[0, 1], 2, &[]).text().into());
    insta::assert_snapshot!(lines, @r#"
SELECT "tag" FROM "user_tags" WHERE ("user_id", "tag") IN (VALUES (?, ?), (?, ?))
SELECT "tag" FROM "user_tags" WHERE ("user_id", "tag") IN (VALUES (?, ?), (?, ?))
SELECT "tag" FROM "user_tags" WHERE ("user_id", "tag") IN (VALUES ($1, $2), ($3, $4))
"#);
}

#[test]
fn select_by_arrays() {
    let renderer = Renderer::new(&Arrays);
    let sql = renderer.select_by_arrays(&users(), &[0, 2], &[0], &[(0, false)]);
    insta::assert_snapshot!(sql.text(), @r#"SELECT "id", "age" FROM "users" WHERE "id" = ANY($1::bigint[]) ORDER BY "id""#);
    assert_eq!(sql.columns(), [ValueType::I64, ValueType::I32]);
    let sql = renderer.select_by_arrays(&tags(), &[1], &[0, 1], &[]);
    insta::assert_snapshot!(sql.text(), @r#"SELECT "tag" FROM "user_tags" WHERE ("user_id", "tag") IN (SELECT * FROM UNNEST($1::bigint[], $2::text[]))"#);
}

#[test]
fn rows_reached_through_pairs() {
    let (tags, users) = (tags(), users());
    let pairing = Pairing {
        association: &tags,
        here: &[1],
        there: &[0],
        by: &[0],
        is_referenced: false,
        target: &users,
        read: &[0, 1, 2],
        order: &[(2, true), (0, false)],
    };
    insta::assert_snapshot!(everywhere(|r| r.select_paired(&pairing, 2).text().into()), @r#"
SELECT t."id", t."name", t."age", a."tag" FROM "user_tags" AS a JOIN "users" AS t ON t."id" = a."user_id" WHERE a."tag" IN (?, ?) ORDER BY t."age" DESC, t."id"
SELECT t."id", t."name", t."age", a."tag" FROM "user_tags" AS a JOIN "users" AS t ON t."id" = a."user_id" WHERE a."tag" IN (?, ?) ORDER BY t."age" DESC, t."id"
SELECT t."id", t."name", t."age", a."tag" FROM "user_tags" AS a JOIN "users" AS t ON t."id" = a."user_id" WHERE a."tag" IN ($1, $2) ORDER BY t."age" DESC, t."id"
"#);
    let sql = Renderer::new(&Arrays).select_paired_arrays(&Pairing {
        here: &[1, 2],
        order: &[],
        ..pairing
    });
    insta::assert_snapshot!(sql.text(), @r#"SELECT t."id", t."name", t."age", a."tag", a."kind" FROM "user_tags" AS a JOIN "users" AS t ON t."id" = a."user_id" WHERE (a."tag", a."kind") IN (SELECT * FROM UNNEST($1::text[], $2::text[]))"#);
    let referring = Pairing {
        association: &users,
        here: &[0],
        there: &[0],
        by: &[0],
        is_referenced: true,
        target: &tags,
        read: &[1],
        order: &[],
    };
    insta::assert_snapshot!(Renderer::new(&Arrays).select_paired(&referring, 1).text(), @r#"SELECT t."tag", a."id" FROM "users" AS a JOIN "user_tags" AS t ON a."id" = t."user_id" WHERE a."id" IN ($1)"#);
    let read = [ValueType::I64, ValueType::Text, ValueType::I32];
    let keys = [ValueType::Text, ValueType::Text];
    assert_eq!(sql.params(), keys);
    assert_eq!(sql.columns(), [&read[..], &keys].concat());
}

#[test]
fn delete_by_values() {
    let lines = everywhere(|r| r.delete_by(&tags(), &[0], 1).text().into());
    insta::assert_snapshot!(lines, @r#"
DELETE FROM "user_tags" WHERE "user_id" = ?
DELETE FROM "user_tags" WHERE "user_id" = ?
DELETE FROM "user_tags" WHERE "user_id" = $1
"#);
    let lines = everywhere(|r| r.delete_by(&tags(), &[0, 1], 2).text().into());
    insta::assert_snapshot!(lines, @r#"
DELETE FROM "user_tags" WHERE ("user_id", "tag") IN (VALUES (?, ?), (?, ?))
DELETE FROM "user_tags" WHERE ("user_id", "tag") IN (VALUES (?, ?), (?, ?))
DELETE FROM "user_tags" WHERE ("user_id", "tag") IN (VALUES ($1, $2), ($3, $4))
"#);
}

#[test]
fn create_and_drop() {
    insta::assert_snapshot!(everywhere(|r| ddl(r.create_table(&users(), &[]))), @r#"
CREATE TABLE "users" ("id" BIGINT GENERATED BY DEFAULT AS IDENTITY, "name" VARCHAR(50) NOT NULL, "age" INTEGER, PRIMARY KEY ("id"), CONSTRAINT "users_name_key" UNIQUE ("name"), CONSTRAINT "users_1_check" CHECK (age > 0))
CREATE TABLE "users" ("id" INTEGER PRIMARY KEY, "name" VARCHAR(50) NOT NULL, "age" INTEGER, CONSTRAINT "users_name_key" UNIQUE ("name"))
CREATE TABLE "users" ("id" bigint GENERATED BY DEFAULT AS IDENTITY, "name" varchar(50) NOT NULL, "age" integer, PRIMARY KEY ("id"), CONSTRAINT "users_name_key" UNIQUE ("name"), CONSTRAINT "users_1_check" CHECK (age > 0))
"#);
    insta::assert_snapshot!(everywhere(|r| ddl(r.create_table(&tags(), &[]))), @r#"
CREATE TABLE "user_tags" ("user_id" BIGINT NOT NULL, "tag" TEXT NOT NULL, "kind" TEXT NOT NULL DEFAULT 'own', PRIMARY KEY ("user_id", "tag"), CONSTRAINT "user_tags_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE SET NULL, CONSTRAINT "user_tags_kind_check" CHECK ("kind" IN ('own', 'other''s')))
CREATE TABLE "user_tags" ("user_id" BIGINT NOT NULL, "tag" TEXT NOT NULL, "kind" TEXT NOT NULL DEFAULT 'own', PRIMARY KEY ("user_id", "tag"))
CREATE TABLE "user_tags" ("user_id" bigint NOT NULL, "tag" text NOT NULL, "kind" text NOT NULL DEFAULT 'own', PRIMARY KEY ("user_id", "tag"), CONSTRAINT "user_tags_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE SET NULL, CONSTRAINT "user_tags_kind_check" CHECK ("kind" IN ('own', 'other''s')))
"#);
    insta::assert_snapshot!(everywhere(|r| ddl(r.create_table(&odd(), &[]))), @r#"
CREATE TABLE "se""lect" ("größe in m" DOUBLE PRECISION NOT NULL, "order" TEXT NOT NULL, PRIMARY KEY ("order"))
CREATE TABLE "se""lect" ("größe in m" DOUBLE PRECISION NOT NULL, "order" TEXT NOT NULL, PRIMARY KEY ("order"))
CREATE TABLE "se""lect" ("größe in m" double precision NOT NULL, "order" text NOT NULL, PRIMARY KEY ("order"))
"#);
    insta::assert_snapshot!(everywhere(|r| ddl(r.drop_table(&odd()))), @r#"
DROP TABLE "se""lect"
DROP TABLE "se""lect"
DROP TABLE "se""lect"
"#);
    let indexes = Renderer::new(&Ansi)
        .create_indexes(&users())
        .expect("has indexes");
    let [index] = &indexes[..] else {
        panic!("one index, not {}", indexes.len());
    };
    insta::assert_snapshot!(index.text(), @r#"CREATE INDEX "users_age_name_idx" ON "users" ("age", "name")"#);
}

#[test]
fn a_foreign_key_can_come_later() {
    insta::assert_snapshot!(ddl(Renderer::new(&Arrays).create_table(&tags(), &[0])), @r#"CREATE TABLE "user_tags" ("user_id" bigint NOT NULL, "tag" text NOT NULL, "kind" text NOT NULL DEFAULT 'own', PRIMARY KEY ("user_id", "tag"), CONSTRAINT "user_tags_kind_check" CHECK ("kind" IN ('own', 'other''s')))"#);
    insta::assert_snapshot!(everywhere(|r| ddl(r.add_foreign_key(&tags(), 0))), @r#"
ALTER TABLE "user_tags" ADD CONSTRAINT "user_tags_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE SET NULL
Unsupported: user_tags: adding or dropping a foreign key of an existing table is not supported by values
ALTER TABLE "user_tags" ADD CONSTRAINT "user_tags_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE SET NULL
"#);
    insta::assert_snapshot!(everywhere(|r| ddl(r.drop_foreign_key(&tags(), 0))), @r#"
ALTER TABLE "user_tags" DROP CONSTRAINT "user_tags_user_id_fkey"
Unsupported: user_tags: adding or dropping a foreign key of an existing table is not supported by values
ALTER TABLE "user_tags" DROP CONSTRAINT "user_tags_user_id_fkey"
"#);
}

#[test]
fn long_names_are_shortened_or_refused() {
    let long = Table::build("a_table_of_a_rather_long_näme")
        .column(Column::new("id", ColumnType::I64))
        .unique(["id"]);
    insta::assert_snapshot!(everywhere(|r| ddl(r.create_table(&long, &[]))), @r#"
CREATE TABLE "a_table_of_a_rather_long_näme" ("id" BIGINT NOT NULL, CONSTRAINT "a_table_of_a_rath_57086029_key" UNIQUE ("id"))
CREATE TABLE "a_table_of_a_rather_long_näme" ("id" BIGINT NOT NULL, CONSTRAINT "a_table_of_a_rather_long_näme_id_key" UNIQUE ("id"))
CREATE TABLE "a_table_of_a_rather_long_näme" ("id" bigint NOT NULL, CONSTRAINT "a_table_of_a_rather_long_näme_id_key" UNIQUE ("id"))
"#);
    // The cut may be inside a character.
    let wide = Table::build("ääääääääääääää")
        .column(Column::new("id", ColumnType::I64))
        .unique(["id"]);
    let text = ddl(Renderer::new(&Ansi).create_table(&wide, &[]));
    assert!(text.contains("CONSTRAINT \"ääääääää_"), "{text}");
    let longer =
        Table::build("a_table_of_an_even_longer_näme").column(Column::new("id", ColumnType::I64));
    insta::assert_snapshot!(ddl(Renderer::new(&Ansi).create_table(&longer, &[])), @r#"Mapping: a_table_of_an_even_longer_näme: the table's name `a_table_of_an_even_longer_näme` is 31 bytes long, but ansi allows at most 30"#);
}

#[test]
fn tables_that_cannot_be_created_are_refused() {
    let check = |table: Table, says: &str| {
        let text = ddl(Renderer::new(&Ansi).create_table(&table, &[]));
        assert!(text.contains(says), "{text}");
    };
    let id = || Column::new("id", ColumnType::I64);
    check(Table::build("t"), "no columns");
    check(Table::build("").column(id()), "is empty");
    check(Table::build("a\0b").column(id()), "a NUL character");
    check(
        Table::build("t").column(id()).column(id()),
        "t.id: the table has two columns",
    );
    check(
        Table::build("t").column(id()).unique(["x"]),
        "t.x: the constraint uses a column",
    );
    check(Table::build("t").column(id()).unique([""; 0]), "no columns");
    check(
        Table::build("t")
            .column(id())
            .foreign_key(["id"], "u", ["a", "b"]),
        "more or fewer",
    );
    let counted = Table::build("t").column(id().generated(Generated::Key));
    let text = ddl(Renderer::new(&Values).create_table(&counted, &[]));
    assert!(text.contains("whole primary key"), "{text}");
    let text = Column::new("id", ColumnType::Text { length: None }).generated(Generated::Key);
    check(
        Table::build("t").column(text).primary_key(["id"]),
        "an integer",
    );
}

/// Has native enums, sets no defaults and computes no columns.
#[derive(Debug)]
struct Moods;

impl Dialect for Moods {
    fn name(&self) -> &str {
        "moods"
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        match ty {
            ColumnType::NativeEnum { name, .. } => name.clone().into(),
            ty => ansi_type(ty),
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
            .with_foreign_keys(true)
            .with_checks(true)
    }

    fn batch(&self) -> Batch {
        Batch::Rows
    }

    fn supports_set_default(&self) -> bool {
        false
    }

    fn create_enum(&self, name: &str, _: &[String]) -> Option<String> {
        Some(format!("CREATE TYPE {name}"))
    }
}

#[test]
fn native_types_are_not_checked_and_missing_features_are_refused() {
    let create = |table: &Table| ddl(Renderer::new(&Moods).create_table(table, &[]));
    let mood = ColumnType::NativeEnum {
        name: "mood".to_owned(),
        labels: vec!["gay".to_owned(), "glum".to_owned()],
    };
    let table = Table::build("days")
        .column(Column::new("mood", mood))
        .column(Column::new("user_id", ColumnType::I64));
    let kept = table.clone().foreign_key(["user_id"], "users", ["id"]);
    insta::assert_snapshot!(create(&kept), @r#"CREATE TABLE "days" ("mood" mood NOT NULL, "user_id" BIGINT NOT NULL, CONSTRAINT "days_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id"))"#);
    for (on_delete, on_update) in [
        (ReferentialAction::SetDefault, ReferentialAction::NoAction),
        (ReferentialAction::NoAction, ReferentialAction::SetDefault),
    ] {
        let mut table = kept.clone();
        (
            table.foreign_keys[0].on_delete,
            table.foreign_keys[0].on_update,
        ) = (on_delete, on_update);
        insta::allow_duplicates! {
            insta::assert_snapshot!(create(&table), @"Unsupported: days: SET DEFAULT in a foreign key is not supported by moods (constraint days_user_id_fkey)");
        }
    }
    let mut once = table.clone().unique(["user_id"]);
    once.uniques[0].deferrable = Deferrable::InitiallyImmediate;
    insta::assert_snapshot!(create(&once), @"Unsupported: days: a deferrable UNIQUE constraint is not supported by moods (constraint days_user_id_key)");
    let total =
        Column::new("total", ColumnType::I64).generated(Generated::Computed("1 + 1".to_owned()));
    insta::assert_snapshot!(create(&table.column(total)), @"Unsupported: days.total: a computed column is not supported by moods");
}
