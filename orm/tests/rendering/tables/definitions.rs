//! Definitions of tables on a database with types for keys, comments and enums of its own, and with schemas that are files.

use super::*;

/// Has other types for keys, comments, enums, and schemas that are databases.
#[derive(Debug)]
struct Own;

impl Dialect for Own {
    fn name(&self) -> &str {
        "own"
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        match ty {
            ColumnType::NativeEnum { name, .. } => name.clone().into(),
            ty => ansi_type(ty),
        }
    }

    fn capabilities(&self) -> Capabilities {
        Ansi.capabilities()
    }

    fn batch(&self) -> Batch {
        Batch::Rows
    }

    fn key_type(&self, ty: &ColumnType, parts: usize) -> Cow<'static, str> {
        format!("{} KEY {parts}", self.column_type(ty)).into()
    }

    fn comment(&self, object: &str, text: &str) -> Option<String> {
        Some(format!("COMMENT ON {object} IS {text}"))
    }

    fn create_enum(&self, name: &str, labels: &[String]) -> Option<String> {
        Some(format!("CREATE TYPE {name} OF {}", labels.join(", ")))
    }

    fn drop_enum(&self, name: &str) -> Option<String> {
        Some(format!("DROP TYPE {name}"))
    }

    fn computed_columns_can_be_not_null(&self) -> bool {
        false
    }

    fn schemas_are_databases(&self) -> bool {
        true
    }

    fn table_options(&self) -> &'static str {
        " STRICT"
    }
}

fn text(name: &str) -> Column {
    Column::new(name, ColumnType::Text { length: None })
}

fn create(table: &Table) -> String {
    ddl(Renderer::new(&Own).create_table(table, &[]))
}

#[test]
fn a_column_has_the_type_of_its_longest_key() {
    let table = Table::build("t")
        .column(text("plain"))
        .column(text("one"))
        .column(text("two"))
        .column(text("three"))
        .column(text("key"))
        .column(text("other"))
        .primary_key(["key", "three"])
        .unique(["one"])
        .index(["one", "two"])
        .foreign_key(["three", "one", "two"], "u", ["a", "b", "c"])
        .index(["other"]);
    insta::assert_snapshot!(create(&table), @r#"CREATE TABLE "t" ("plain" TEXT NOT NULL, "one" TEXT KEY 3 NOT NULL, "two" TEXT KEY 3 NOT NULL, "three" TEXT KEY 3 NOT NULL, "key" TEXT KEY 2 NOT NULL, "other" TEXT KEY 1 NOT NULL, PRIMARY KEY ("key", "three"), CONSTRAINT "t_one_key" UNIQUE ("one"), CONSTRAINT "t_three_one_two_fkey" FOREIGN KEY ("three", "one", "two") REFERENCES "u" ("a", "b", "c")) STRICT"#);
}

#[test]
fn computed_columns_are_null_where_they_cannot_be_otherwise() {
    let computed = |name: &str| {
        let expression = Generated::Computed("1 + 1".to_owned());
        Column::new(name, ColumnType::I64).generated(expression)
    };
    let table = Table::build("t")
        .column(Column::new("id", ColumnType::I64))
        .column(computed("total"))
        .column(computed("sum").nullable());
    insta::assert_snapshot!(everywhere(|r| ddl(r.create_table(&table, &[]))), @r#"
CREATE TABLE "t" ("id" BIGINT NOT NULL, "total" BIGINT GENERATED ALWAYS AS (1 + 1) STORED NOT NULL, "sum" BIGINT GENERATED ALWAYS AS (1 + 1) STORED)
CREATE TABLE "t" ("id" BIGINT NOT NULL, "total" BIGINT GENERATED ALWAYS AS (1 + 1) STORED NOT NULL, "sum" BIGINT GENERATED ALWAYS AS (1 + 1) STORED)
CREATE TABLE "t" ("id" bigint NOT NULL, "total" bigint GENERATED ALWAYS AS (1 + 1) STORED NOT NULL, "sum" bigint GENERATED ALWAYS AS (1 + 1) STORED)
"#);
    insta::assert_snapshot!(create(&table), @r#"CREATE TABLE "t" ("id" BIGINT NOT NULL, "total" BIGINT GENERATED ALWAYS AS (1 + 1) STORED, "sum" BIGINT GENERATED ALWAYS AS (1 + 1) STORED) STRICT"#);
}

#[test]
fn foreign_keys_are_cleared_where_null_is_allowed() {
    let table = Table::build("t")
        .column(text("a").nullable())
        .column(text("b"))
        .column(text("c").nullable())
        .foreign_key(["a", "b", "c"], "u", ["a", "b", "c"])
        .foreign_key(["b"], "u", ["b"]);
    let clear = |position| {
        let sql = Renderer::new(&Ansi).clear_foreign_key(&table, position);
        sql.expect("renders").map(|sql| sql.text().to_owned())
    };
    assert_eq!(
        clear(0).as_deref(),
        Some(r#"UPDATE "t" SET "a" = NULL, "c" = NULL"#)
    );
    assert_eq!(clear(1), None);
    // The others come at once where one comes later.
    let later = |deferred: &[usize]| {
        let text = ddl(Renderer::new(&Ansi).create_table(&table, deferred));
        [r#"KEY ("a","#, r#"KEY ("b")"#].map(|key| text.contains(key))
    };
    assert_eq!(later(&[]), [true, true]);
    assert_eq!(later(&[0]), [false, true]);
    assert_eq!(later(&[1]), [true, false]);
}

#[test]
fn a_generated_key_is_a_whole_integer_that_is_not_null() {
    let key = |name: &str, ty| Column::new(name, ty).generated(Generated::Key);
    let create = |table: Table| ddl(Renderer::new(&Ansi).create_table(&table, &[]));
    for ty in [ColumnType::I16, ColumnType::I32, ColumnType::I64] {
        let table = Table::build("t").column(key("id", ty)).primary_key(["id"]);
        assert!(create(table).starts_with("CREATE TABLE"));
    }
    for wrong in [
        key("id", ColumnType::I64).nullable(),
        key("id", ColumnType::F64),
    ] {
        let text = create(Table::build("t").column(wrong).primary_key(["id"]));
        assert!(text.contains("an integer and NOT NULL"), "{text}");
    }
    let of_two = Table::build("t")
        .column(key("id", ColumnType::I64))
        .column(text("name"))
        .primary_key(["id", "name"]);
    assert!(create(of_two.clone()).starts_with("CREATE TABLE"));
    let text = ddl(Renderer::new(&Values).create_table(&of_two, &[]));
    assert!(text.contains("whole primary key"), "{text}");
    let none = ddl(Renderer::new(&Moods).create_table(&of_two, &[]));
    assert!(none.contains("a generated key is not supported"), "{none}");
}

#[test]
fn enums_and_comments_are_statements_of_their_own() {
    let mood = ColumnType::NativeEnum {
        name: "mood".to_owned(),
        labels: vec!["glad".to_owned(), "glum".to_owned()],
    };
    let mut table = Table::build("days")
        .in_schema("main")
        .column(Column::new("mood", mood))
        .column(text("note"));
    table.comment = Some("a day".to_owned());
    table.columns[1].comment = Some("what was".to_owned());
    let own = Renderer::new(&Own);
    let statements = [
        own.create_enums(&table),
        own.comments(&table),
        own.drop_enums(&table),
    ];
    let texts: Vec<&str> = statements.iter().flatten().map(|sql| sql.text()).collect();
    insta::assert_snapshot!(texts.join("\n"), @r#"
CREATE TYPE mood OF glad, glum
COMMENT ON TABLE "main"."days" IS a day
COMMENT ON COLUMN "main"."days"."note" IS what was
DROP TYPE mood
"#);
    let ansi = Renderer::new(&Ansi);
    assert!(ansi.create_enums(&table).is_empty() && ansi.drop_enums(&table).is_empty());
    assert!(ansi.comments(&table).is_empty());
    // Without types for enums, their labels are checked.
    insta::assert_snapshot!(ddl(ansi.create_table(&table, &[])), @r#"CREATE TABLE "main"."days" ("mood" TEXT NOT NULL, "note" TEXT NOT NULL, CONSTRAINT "days_mood_check" CHECK ("mood" IN ('glad', 'glum')))"#);
    insta::assert_snapshot!(create(&table), @r#"CREATE TABLE "main"."days" ("mood" mood NOT NULL, "note" TEXT NOT NULL) STRICT"#);
    let nothing = ColumnType::NativeEnum {
        name: "nothing".to_owned(),
        labels: Vec::new(),
    };
    let empty = Table::build("t").column(Column::new("x", nothing));
    let error = ddl(ansi.create_table(&empty, &[]));
    assert!(error.contains("no labels"), "{error}");
}

#[test]
fn a_foreign_key_stays_within_its_database() {
    let table = |schema: Option<&str>, to: Option<&str>| {
        let table = Table::build("tasks").column(Column::new("user_id", ColumnType::I64));
        let table = match schema {
            Some(schema) => table.in_schema(schema),
            None => table,
        };
        let name = to.map_or("users".to_owned(), |schema| format!("{schema}.users"));
        table.index(["user_id"]).constraint(ForeignKey {
            name: None,
            columns: vec!["user_id".into()],
            table: name,
            schema: to.map(str::to_owned),
            references: vec!["id".into()],
            on_delete: ReferentialAction::NoAction,
            on_update: ReferentialAction::NoAction,
        })
    };
    let same = [table(None, None), table(Some("aux"), Some("aux"))];
    let index = |renderer: Renderer<'_>, table: &Table| {
        let indexes = renderer.create_indexes(table).expect("renders");
        indexes[0].text().to_owned()
    };
    let mut texts = Vec::new();
    for table in &same {
        texts.push(create(table));
        texts.push(index(Renderer::new(&Own), table));
        texts.push(ddl(Renderer::new(&Ansi).create_table(table, &[])));
        texts.push(index(Renderer::new(&Ansi), table));
    }
    insta::assert_snapshot!(texts.join("\n"), @r#"
CREATE TABLE "tasks" ("user_id" BIGINT KEY 1 NOT NULL, CONSTRAINT "tasks_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id")) STRICT
CREATE INDEX "tasks_user_id_idx" ON "tasks" ("user_id")
CREATE TABLE "tasks" ("user_id" BIGINT NOT NULL, CONSTRAINT "tasks_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id"))
CREATE INDEX "tasks_user_id_idx" ON "tasks" ("user_id")
CREATE TABLE "aux"."tasks" ("user_id" BIGINT KEY 1 NOT NULL, CONSTRAINT "tasks_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id")) STRICT
CREATE INDEX "aux"."tasks_user_id_idx" ON "tasks" ("user_id")
CREATE TABLE "aux"."tasks" ("user_id" BIGINT NOT NULL, CONSTRAINT "tasks_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "aux"."users" ("id"))
CREATE INDEX "tasks_user_id_idx" ON "aux"."tasks" ("user_id")
"#);
    for (schema, to) in [
        (None, Some("aux")),
        (Some("aux"), None),
        (Some("aux"), Some("other")),
    ] {
        let text = create(&table(schema, to));
        assert!(text.contains("another attached database"), "{text}");
        let text = ddl(Renderer::new(&Ansi).create_table(&table(schema, to), &[]));
        assert!(text.starts_with("CREATE TABLE"), "{text}");
    }
}
