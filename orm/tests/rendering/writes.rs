//! Upserts, writes that return rows, and writes of the rows of a query.

use std::borrow::Cow;

use super::*;
use selfsame::dialect::{Batch, Capabilities, Upsert};
use selfsame::render::render_update;
use selfsame::schema::ColumnType;
use selfsame::sql::UpdateNode;

/// Names no key where a row is there already.
#[derive(Debug)]
struct Duplicates;

impl Dialect for Duplicates {
    fn name(&self) -> &str {
        "duplicates"
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        Ansi.column_type(ty)
    }

    fn batch(&self) -> Batch {
        Ansi.batch()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none().with_upsert(true)
    }

    fn upsert(&self) -> Upsert {
        Upsert::OnDuplicateKey
    }
}

/// Assigns columns one after the other.
#[derive(Debug)]
struct InSequence;

impl Dialect for InSequence {
    fn name(&self) -> &str {
        "in_sequence"
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        Duplicates.column_type(ty)
    }

    fn batch(&self) -> Batch {
        Duplicates.batch()
    }

    fn capabilities(&self) -> Capabilities {
        Duplicates.capabilities()
    }

    fn upsert(&self) -> Upsert {
        Duplicates.upsert()
    }

    fn assigns_in_sequence(&self) -> bool {
        true
    }
}

#[test]
fn expressions_see_the_row_as_it_was_before() {
    let text = |rendered: Result<Rendered>| rendered.expect("renders").sql.text().to_owned();
    let table = Arc::clone(User::table());
    let column = |index| ColumnRef {
        table: Arc::clone(&table),
        index,
        alias: None,
    };
    // Columns, and those that they are set to.
    let set = |dialect: &dyn Dialect, pairs: &[(usize, Option<usize>)]| {
        let parameter = Node::Param(Value::Null, ValueType::Text);
        let value = |from: Option<usize>| from.map(column).map(Node::Column);
        let pairs = pairs.iter();
        let set = pairs.map(|&(to, from)| (column(to), value(from).unwrap_or(parameter.clone())));
        render_update(dialect, &UpdateNode::new(&table, set.collect(), None))
    };
    let pairs = [(2, None), (1, Some(3)), (4, Some(2)), (3, None)];
    insta::assert_snapshot!(text(set(&Ansi, &pairs)), @r#"UPDATE "users" SET "age" = ?, "name" = "email", "status" = "age", "email" = ?"#);
    insta::assert_snapshot!(text(set(&InSequence, &pairs)), @r#"UPDATE "users" SET "name" = "email", "status" = "age", "age" = ?, "email" = ?"#);
    let error = set(&InSequence, &[(1, Some(3)), (3, Some(1))]).expect_err("has no order");
    assert_eq!(error.kind(), ErrorKind::Unsupported);

    let insert = insert_into(User::table())
        .columns((User::NAME, User::AGE))
        .values(("ann", 3));
    let filtered = insert.on_conflict((User::NAME,)).do_update(|row| {
        row.set(User::AGE, 4)
            .set(User::ACTIVE, true)
            .filter(User::AGE.lt(9))
    });
    insta::assert_snapshot!(text(filtered.render(&InSequence)), @r#"INSERT INTO "users" ("name", "age") VALUES (?, ?) ON DUPLICATE KEY UPDATE "name" = CASE WHEN "users"."name" IS NOT DISTINCT FROM excluded."name" THEN "users"."name" ELSE (SELECT 1 UNION ALL SELECT 2) END, "active" = CASE WHEN "users"."age" < ? THEN ? ELSE "users"."active" END, "age" = CASE WHEN "users"."age" < ? THEN ? ELSE "users"."age" END"#);
}

#[test]
fn rows_that_are_there_already_by_some_key() {
    let insert = insert_into(User::table())
        .columns((User::NAME, User::AGE))
        .values(("ann", 3));
    let text = |rendered: Result<Rendered>| rendered.expect("renders").sql.text().to_owned();
    let by_two = || insert.clone().on_conflict((User::NAME, User::EMAIL));
    let changed = by_two().do_update(|row| {
        row.set(User::AGE, excluded(User::AGE))
            .set(User::ACTIVE, true)
            .filter(User::ACTIVE)
    });
    insta::assert_snapshot!(text(changed.render(&Duplicates)), @r#"INSERT INTO "users" ("name", "age") VALUES (?, ?) ON DUPLICATE KEY UPDATE "name" = CASE WHEN "users"."name" IS NOT DISTINCT FROM excluded."name" AND "users"."email" IS NOT DISTINCT FROM excluded."email" THEN "users"."name" ELSE (SELECT 1 UNION ALL SELECT 2) END, "age" = CASE WHEN "users"."active" THEN excluded."age" ELSE "users"."age" END, "active" = CASE WHEN "users"."active" THEN ? ELSE "users"."active" END"#);
    let key = insert
        .clone()
        .on_conflict((User::NAME,))
        .do_update(|row| row.set(User::NAME, lower(User::NAME)).set(User::AGE, 4));
    insta::assert_snapshot!(text(key.render(&Duplicates)), @r#"INSERT INTO "users" ("name", "age") VALUES (?, ?) ON DUPLICATE KEY UPDATE "name" = CASE WHEN "users"."name" IS NOT DISTINCT FROM excluded."name" THEN LOWER("users"."name") ELSE (SELECT 1 UNION ALL SELECT 2) END, "age" = ?"#);
    let skipped = by_two().do_nothing();
    insta::assert_snapshot!(text(skipped.render(&Duplicates)), @r#"INSERT INTO "users" ("name", "age") VALUES (?, ?) ON DUPLICATE KEY UPDATE "name" = CASE WHEN "users"."name" IS NOT DISTINCT FROM excluded."name" AND "users"."email" IS NOT DISTINCT FROM excluded."email" THEN "users"."name" ELSE (SELECT 1 UNION ALL SELECT 2) END"#);
    let skipped = insert.clone().or_do_nothing();
    insta::assert_snapshot!(text(skipped.render(&Duplicates)), @r#"INSERT INTO "users" ("name", "age") VALUES (?, ?) ON DUPLICATE KEY UPDATE "name" = "users"."name""#);
}

#[test]
fn rows_that_are_there_already() {
    let insert = insert_into(User::table())
        .columns((User::NAME, User::AGE))
        .values(("ann", 3));
    let skipped = insert.clone().on_conflict((User::NAME,)).do_nothing();
    insta::assert_snapshot!(everywhere(|d| skipped.render(d)), @r#"
Unsupported: users: INSERT … ON CONFLICT is not supported by ansi
INSERT INTO "users" ("name", "age") VALUES (?, ?) ON CONFLICT ("name") DO NOTHING ["ann", 3]
INSERT INTO "users" ("name", "age") VALUES ($1, $2) ON CONFLICT ("name") DO NOTHING ["ann", 3]
"#);
    insta::assert_snapshot!(everywhere(|d| insert.clone().or_do_nothing().render(d)), @r#"
Unsupported: users: INSERT … ON CONFLICT is not supported by ansi
INSERT INTO "users" ("name", "age") VALUES (?, ?) ON CONFLICT DO NOTHING ["ann", 3]
INSERT INTO "users" ("name", "age") VALUES ($1, $2) ON CONFLICT DO NOTHING ["ann", 3]
"#);
    let changed = insert.clone().on_conflict((User::NAME,)).do_update(|row| {
        row.set(User::AGE, excluded(User::AGE) + User::AGE)
            .set(User::ACTIVE, true)
            .filter(User::ACTIVE)
    });
    insta::assert_snapshot!(everywhere(|d| changed.render(d)), @r#"
Unsupported: users: INSERT … ON CONFLICT is not supported by ansi
INSERT INTO "users" ("name", "age") VALUES (?, ?) ON CONFLICT ("name") DO UPDATE SET "age" = excluded."age" + "users"."age", "active" = ? WHERE "users"."active" ["ann", 3, true]
INSERT INTO "users" ("name", "age") VALUES ($1, $2) ON CONFLICT ("name") DO UPDATE SET "age" = excluded."age" + "users"."age", "active" = $3 WHERE "users"."active" ["ann", 3, true]
"#);
    let open = insert
        .clone()
        .on_conflict((User::NAME,))
        .filter_target(User::ACTIVE.and(User::NAME.in_(["it's", "b"])))
        .filter_target(User::AGE.gt(17).or(User::AGE.is_null()))
        .do_update(|row| row.set(User::AGE, 4).filter(User::AGE.lt(9)));
    insta::assert_snapshot!(everywhere(|d| open.render(d)), @r#"
Unsupported: users: INSERT … ON CONFLICT is not supported by ansi
INSERT INTO "users" ("name", "age") VALUES (?, ?) ON CONFLICT ("name") WHERE "active" AND "name" IN ('it''s', 'b') AND ("age" > 17 OR "age" IS NULL) DO UPDATE SET "age" = ? WHERE "users"."age" < ? ["ann", 3, 4, 9]
INSERT INTO "users" ("name", "age") VALUES ($1, $2) ON CONFLICT ("name") WHERE "active" AND "name" IN ('it''s', 'b') AND ("age" > 17 OR "age" IS NULL) DO UPDATE SET "age" = $3 WHERE "users"."age" < $4 ["ann", 3, 4, 9]
"#);
    let error = open.render(&Duplicates).expect_err("has no such indexes");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let unwritten = insert
        .clone()
        .on_conflict((User::NAME,))
        .filter_target(cast::<f64, _>(User::AGE).gt(0.5))
        .do_nothing();
    let error = unwritten.render(&Values).expect_err("has no literal");
    assert_eq!(error.kind(), ErrorKind::InvalidStatement);
    let nothing = insert
        .on_conflict((User::NAME,))
        .do_update::<User>(|row| row);
    let error = nothing.render(&Values).expect_err("sets nothing");
    assert_eq!(error.kind(), ErrorKind::InvalidStatement);
}

#[test]
fn rows_from_a_query() {
    let names = select((User::NAME, User::ID))
        .from(User::table())
        .filter(User::ACTIVE);
    let insert = insert_into(Task::table())
        .columns((Task::TITLE, Task::USER_ID))
        .from_query(names);
    insta::assert_snapshot!(everywhere(|d| insert.render(d)), @r#"
INSERT INTO "tasks" ("title", "user_id") SELECT "users"."name", "users"."id" FROM "users" WHERE "users"."active" []
INSERT INTO "tasks" ("title", "user_id") SELECT "users"."name", "users"."id" FROM "users" WHERE "users"."active" []
INSERT INTO "tasks" ("title", "user_id") SELECT "users"."name", "users"."id" FROM "users" WHERE "users"."active" []
"#);
    let all = insert_into(Task::table())
        .columns((Task::TITLE,))
        .from_query(select((User::NAME,)).from(User::table()))
        .or_do_nothing();
    insta::assert_snapshot!(everywhere(|d| all.render(d)), @r#"
Unsupported: tasks: INSERT … ON CONFLICT is not supported by ansi
INSERT INTO "tasks" ("title") SELECT "users"."name" FROM "users" WHERE 1 = 1 ON CONFLICT DO NOTHING []
INSERT INTO "tasks" ("title") SELECT "users"."name" FROM "users" WHERE 1 = 1 ON CONFLICT DO NOTHING []
"#);
}

#[test]
fn rows_that_come_back() {
    let insert = insert_into(Task::table())
        .columns((Task::TITLE,))
        .values(("x",))
        .returning(Task::ID);
    insta::assert_snapshot!(everywhere(|d| insert.render(d)), @r#"
Unsupported: tasks: RETURNING is not supported by ansi
INSERT INTO "tasks" ("title") VALUES (?) RETURNING "tasks"."id" ["x"]
INSERT INTO "tasks" ("title") VALUES ($1) RETURNING "tasks"."id" ["x"]
"#);
    let update = update(Task::table())
        .set(Task::TITLE, "y")
        .filter(Task::USER.has(User::NAME.eq("ann")))
        .returning((Task::ID, upper(Task::TITLE)));
    insta::assert_snapshot!(everywhere(|d| update.render(d)), @r#"
Unsupported: tasks: UPDATE … RETURNING is not supported by ansi
UPDATE "tasks" SET "title" = ? WHERE EXISTS (SELECT 1 FROM "users" WHERE "users"."id" = "tasks"."user_id" AND "users"."name" = ?) RETURNING "tasks"."id", UPPER("tasks"."title") ["y", "ann"]
UPDATE "tasks" SET "title" = $1 WHERE EXISTS (SELECT 1 FROM "users" WHERE "users"."id" = "tasks"."user_id" AND "users"."name" = $2) RETURNING "tasks"."id", UPPER("tasks"."title") ["y", "ann"]
"#);
    let delete = delete_from(Task::table())
        .filter(Task::ID.eq(1))
        .returning(Task::TITLE);
    insta::assert_snapshot!(everywhere(|d| delete.render(d)), @r#"
Unsupported: tasks: RETURNING is not supported by ansi
DELETE FROM "tasks" WHERE "id" = ? RETURNING "title" [1]
DELETE FROM "tasks" WHERE "id" = $1 RETURNING "title" [1]
"#);
    let types = update.render(&Values).expect("renders");
    assert_eq!(types.sql.columns(), [ValueType::I64, ValueType::Text]);
}

#[test]
fn many_rows_leave_room_for_the_change() {
    let rows = (0..9).map(|n| (format!("user {n}"), n));
    let insert = insert_into(User::table())
        .columns((User::NAME, User::AGE))
        .rows(rows)
        .on_conflict((User::NAME,))
        .do_update(|row| row.set(User::AGE, 1).filter(User::AGE.in_([2])));
    let split = Write::rendered(&insert, &Values).expect("renders");
    let widths: Vec<usize> = split.iter().map(|one| one.arguments.len()).collect();
    assert_eq!(widths, [8, 8, 8]);
}
