//! Whole statements.

use super::*;

#[derive(Entity, Clone, Debug)]
#[orm(table = "or\"der")]
struct Odd {
    #[orm(primary_key, column = "select")]
    id: i32,
    #[orm(column = "grüße an 'alle' \"?\" $1")]
    text: String,
}

#[test]
fn another_tables_column_is_refused() {
    let stranger = Task::ID.eq(1);
    insta::assert_snapshot!(everywhere(|d| query_on(d, User::table(), Some(stranger.node()))), @r#"
InvalidStatement: tasks.id: the statement uses a column of `tasks`, which it does not read
InvalidStatement: tasks.id: the statement uses a column of `tasks`, which it does not read
InvalidStatement: tasks.id: the statement uses a column of `tasks`, which it does not read
"#);
    let delete = delete_from(User::table()).filter(Task::ID.eq(1));
    let error = delete.render(&Ansi).expect_err("would delete a user");
    assert_eq!(error.kind(), ErrorKind::InvalidStatement);
    let update = update(User::table()).set(Task::TITLE, "x");
    let error = update
        .render(&Ansi)
        .expect_err("would write another column");
    assert_eq!(error.kind(), ErrorKind::InvalidStatement);
}

#[test]
fn selects() {
    let names = select((User::NAME, User::AGE)).from(User::table());
    insta::assert_snapshot!(everywhere(|d| names.render(d)), @r#"
SELECT "name", "age" FROM "users" []
SELECT "name", "age" FROM "users" []
SELECT "name", "age" FROM "users" []
"#);
    let some = names
        .filter(User::AGE.ge(18))
        .filter(User::NAME.ne("bob"))
        .order_by(User::NAME.desc())
        .limit(3)
        .offset(1)
        .distinct();
    insta::assert_snapshot!(everywhere(|d| some.render(d)), @r#"
SELECT DISTINCT "name", "age" FROM "users" WHERE "age" >= ? AND "name" <> ? ORDER BY "name" DESC LIMIT 3 OFFSET 1 [18, "bob"]
SELECT DISTINCT "name", "age" FROM "users" WHERE "age" >= ? AND "name" <> ? ORDER BY "name" DESC LIMIT 3 OFFSET 1 [18, "bob"]
SELECT DISTINCT "name", "age" FROM "users" WHERE "age" >= $1 AND "name" <> $2 ORDER BY "name" DESC LIMIT 3 OFFSET 1 [18, "bob"]
"#);
    let sql = some.render(&Ansi).expect("renders").sql;
    assert_eq!(sql.columns(), [ValueType::Text, ValueType::I32]);
    insta::assert_snapshot!(everywhere(|d| select(User::NAME).from(User::table()).render(d)), @r#"
SELECT "name" FROM "users" []
SELECT "name" FROM "users" []
SELECT "name" FROM "users" []
"#);
}

#[test]
fn aggregates_and_groups() {
    let all = select((
        count_all(),
        count(User::AGE),
        count_distinct(User::NAME),
        sum(User::AGE),
        avg(User::ID),
        min(User::NAME),
        max(User::AGE + 1),
    ))
    .from(User::table());
    insta::assert_snapshot!(everywhere(|d| all.render(d)), @r#"
SELECT COUNT(*), COUNT("age"), COUNT(DISTINCT "name"), CAST(SUM("age") AS BIGINT), CAST(AVG("id") AS DOUBLE PRECISION), MIN("name"), MAX("age" + ?) FROM "users" [1]
SELECT COUNT(*), COUNT("age"), COUNT(DISTINCT "name"), CAST(SUM("age") AS BIGINT), CAST(AVG("id") AS DOUBLE PRECISION), MIN("name"), MAX("age" + ?) FROM "users" [1]
SELECT COUNT(*), COUNT("age"), COUNT(DISTINCT "name"), CAST(SUM("age") AS bigint), CAST(AVG("id") AS double precision), MIN("name"), MAX("age" + $1) FROM "users" [1]
"#);
    let groups = select((User::STATUS, count_all()))
        .from(User::table())
        .group_by(User::STATUS)
        .having(count_all().gt(1))
        .having(min(User::AGE).is_not_null())
        .order_by(count_all().desc());
    insta::assert_snapshot!(everywhere(|d| groups.render(d)), @r#"
SELECT "status", COUNT(*) FROM "users" GROUP BY "status" HAVING COUNT(*) > ? AND MIN("age") IS NOT NULL ORDER BY COUNT(*) DESC [1]
SELECT "status", COUNT(*) FROM "users" GROUP BY "status" HAVING COUNT(*) > ? AND MIN("age") IS NOT NULL ORDER BY COUNT(*) DESC [1]
SELECT "status", COUNT(*) FROM "users" GROUP BY "status" HAVING COUNT(*) > $1 AND MIN("age") IS NOT NULL ORDER BY COUNT(*) DESC [1]
"#);
}

#[test]
fn inserts() {
    let insert = insert_into(User::table()).columns((User::NAME, User::AGE, User::STATUS));
    let none = insert.render(&Ansi).expect_err("no rows");
    assert_eq!(none.kind(), ErrorKind::InvalidStatement);
    let insert =
        insert
            .values(("ann", 3, Status::Active))
            .rows([(String::from("bob"), None, Status::Gone)]);
    insta::assert_snapshot!(everywhere(|d| insert.render(d)), @r#"
INSERT INTO "users" ("name", "age", "status") VALUES (?, ?, ?), (?, ?, ?) ["ann", 3, "active", "bob", NULL, "gone"]
INSERT INTO "users" ("name", "age", "status") VALUES (?, ?, ?), (?, ?, ?) ["ann", 3, "active", "bob", NULL, "gone"]
INSERT INTO "users" ("name", "age", "status") VALUES ($1, $2, $3), ($4, $5, $6) ["ann", 3, "active", "bob", NULL, "gone"]
"#);
    insta::assert_snapshot!(everywhere(|d| insert_into(User::table()).render(d)), @r#"
INSERT INTO "users" DEFAULT VALUES []
INSERT INTO "users" DEFAULT VALUES []
INSERT INTO "users" DEFAULT VALUES []
"#);
}

#[test]
fn updates_and_deletes() {
    let changed = update(User::table())
        .set(User::AGE, User::AGE + 1)
        .set(User::NAME, "x")
        .filter(User::ID.eq(1))
        .filter(User::ACTIVE);
    insta::assert_snapshot!(everywhere(|d| changed.render(d)), @r#"
UPDATE "users" SET "age" = "age" + ?, "name" = ? WHERE "id" = ? AND "active" [1, "x", 1]
UPDATE "users" SET "age" = "age" + ?, "name" = ? WHERE "id" = ? AND "active" [1, "x", 1]
UPDATE "users" SET "age" = "age" + $1, "name" = $2 WHERE "id" = $3 AND "active" [1, "x", 1]
"#);
    let all = update(User::table()).set(User::AGE, None);
    insta::assert_snapshot!(everywhere(|d| all.render(d)), @r#"
UPDATE "users" SET "age" = ? [NULL]
UPDATE "users" SET "age" = ? [NULL]
UPDATE "users" SET "age" = $1 [NULL]
"#);
    assert_eq!(
        update(User::table())
            .render(&Ansi)
            .expect_err("sets nothing")
            .kind(),
        ErrorKind::InvalidStatement
    );
    let gone = delete_from(User::table()).filter(User::ID.in_([1, 2]));
    insta::assert_snapshot!(everywhere(|d| gone.render(d)), @r#"
DELETE FROM "users" WHERE "id" IN (?, ?) [1, 2]
DELETE FROM "users" WHERE "id" IN (?, ?) [1, 2]
DELETE FROM "users" WHERE "id" = ANY($1::bigint[]) [{1, 2}]
"#);
    insta::assert_snapshot!(everywhere(|d| delete_from(Odd::table()).render(d)), @r#"
DELETE FROM "or""der" []
DELETE FROM "or""der" []
DELETE FROM "or""der" []
"#);
}

#[test]
fn joins_and_aliases() {
    let both = select((User::NAME, Task::TITLE))
        .from(User::table())
        .join(Task::table(), on(Task::USER_ID, User::ID))
        .filter(Task::TITLE.starts_with("x"))
        .order_by(User::NAME.asc());
    insta::assert_snapshot!(both.render(&Arrays).expect("renders").sql.text(), @r#"SELECT "users"."name", "tasks"."title" FROM "users" JOIN "tasks" ON "tasks"."user_id" = "users"."id" WHERE substr("tasks"."title", 1, length($1)) = $2 ORDER BY "users"."name""#);
    let other = alias::<User>("oth\"er");
    let pairs = select((User::NAME, other.column(User::NAME).nullable()))
        .from(User::table())
        .left_join(&other, on(other.column(User::AGE), User::AGE))
        .filter(other.column(User::ID).is_null())
        .group_by(User::NAME);
    insta::assert_snapshot!(pairs.render(&Ansi).expect("renders").sql.text(), @r#"SELECT "users"."name", "oth""er"."name" FROM "users" LEFT JOIN "users" AS "oth""er" ON "oth""er"."age" = "users"."age" WHERE "oth""er"."id" IS NULL GROUP BY "users"."name""#);
}

#[test]
fn queries_in_conditions() {
    let tasks = select(Task::USER_ID).from(Task::table());
    let busy = User::ID.in_(tasks.clone().filter(Task::TITLE.ne("")));
    let none = !exists(tasks.clone().filter(on(Task::USER_ID, User::ID)));
    let last = User::ID.lt(select(max(Task::ID)).from(Task::table()));
    let filter = busy.and(none).and(last).and(User::AGE.eq(1));
    insta::assert_snapshot!(everywhere(|d| query_on(d, User::table(), Some(filter.node()))), @r#"
SELECT "users"."id" FROM "users" WHERE "users"."id" IN (SELECT "tasks"."user_id" FROM "tasks" WHERE "tasks"."title" <> ?) AND NOT (EXISTS (SELECT "tasks"."user_id" FROM "tasks" WHERE "tasks"."user_id" = "users"."id")) AND "users"."id" < (SELECT MAX("tasks"."id") FROM "tasks") AND "users"."age" = ? ["", 1]
SELECT "users"."id" FROM "users" WHERE "users"."id" IN (SELECT "tasks"."user_id" FROM "tasks" WHERE "tasks"."title" <> ?) AND NOT (EXISTS (SELECT "tasks"."user_id" FROM "tasks" WHERE "tasks"."user_id" = "users"."id")) AND "users"."id" < (SELECT MAX("tasks"."id") FROM "tasks") AND "users"."age" = ? ["", 1]
SELECT "users"."id" FROM "users" WHERE "users"."id" IN (SELECT "tasks"."user_id" FROM "tasks" WHERE "tasks"."title" <> $1) AND NOT (EXISTS (SELECT "tasks"."user_id" FROM "tasks" WHERE "tasks"."user_id" = "users"."id")) AND "users"."id" < (SELECT MAX("tasks"."id") FROM "tasks") AND "users"."age" = $2 ["", 1]
"#);
    let gone = delete_from(User::table()).filter(User::ID.not_in(tasks.clone()));
    insta::assert_snapshot!(gone.render(&Arrays).expect("renders").sql.text(), @r#"DELETE FROM "users" WHERE "users"."id" NOT IN (SELECT "tasks"."user_id" FROM "tasks")"#);
    let changed = update(User::table()).set(User::ID, select(count_all()).from(Task::table()));
    insta::assert_snapshot!(changed.render(&Ansi).expect("renders").sql.text(), @r#"UPDATE "users" SET "id" = (SELECT COUNT(*) FROM "tasks")"#);
}

#[test]
fn rows_of_several_queries() {
    let names = select(User::NAME).from(User::table());
    let titles = select(Task::TITLE).from(Task::table());
    let check = |compound: Compound<String>| {
        let rendered = compound.render(&Ansi).expect("renders");
        format!("{} {}", rendered.sql.text(), values(&rendered))
    };
    insta::assert_snapshot!(check(names.clone().union(titles.clone())), @r#"SELECT "users"."name" FROM "users" UNION SELECT "tasks"."title" FROM "tasks" []"#);
    let first = names.clone().order_by(User::AGE.desc()).limit(1);
    let bounded = first
        .union_all(titles.clone().filter(Task::ID.eq(1)))
        .order_by_descending(1)
        .limit(3)
        .offset(1);
    insta::assert_snapshot!(check(bounded), @r#"SELECT * FROM (SELECT "users"."name" FROM "users" ORDER BY "users"."age" DESC LIMIT 1) AS q UNION ALL SELECT "tasks"."title" FROM "tasks" WHERE "tasks"."id" = ? ORDER BY 1 DESC LIMIT 3 OFFSET 1 [1]"#);
    let mixed = names
        .clone()
        .union(titles.clone())
        .union(titles.clone())
        .intersect(names.clone())
        .except(titles.clone());
    insta::assert_snapshot!(check(mixed), @r#"SELECT * FROM (SELECT * FROM (SELECT "users"."name" FROM "users" UNION SELECT "tasks"."title" FROM "tasks" UNION SELECT "tasks"."title" FROM "tasks") AS q INTERSECT SELECT "users"."name" FROM "users") AS q EXCEPT SELECT "tasks"."title" FROM "tasks" []"#);
    let only_union = Plain(Capabilities::none());
    let of_both = names.clone().union(titles.clone());
    assert!(of_both.render(&only_union).is_ok());
    for refused in [
        names.clone().intersect(titles.clone()),
        names.clone().except(titles.clone()),
    ] {
        let error = refused.render(&only_union).expect_err("it has none");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
    let beyond = names
        .union(titles)
        .order_by(2)
        .render(&Ansi)
        .expect_err("has one column");
    assert_eq!(beyond.kind(), ErrorKind::InvalidStatement);
}

#[test]
fn each_bound_of_a_query_makes_it_a_table() {
    let ids = || select(User::ID).from(User::table());
    let all = [
        ids(),
        ids().order_by(User::ID.asc()),
        ids().limit(1),
        ids().offset(1),
    ];
    let is_table = |sql: &Rendered| sql.sql.text().contains("SELECT * FROM (");
    let parts = all.clone().map(|bounded| {
        let parts = [bounded.clone().union(ids()), ids().union(bounded)];
        parts.map(|part| is_table(&part.render(&Ansi).expect("renders")))
    });
    assert_eq!(parts, [[false; 2], [true; 2], [true; 2], [true; 2]]);
    // Some databases take no LIMIT in a list, but every one takes ORDER BY.
    let lists = all.map(|bounded| {
        let list = User::ID.in_(bounded);
        is_table(&query_on(&Forms, User::table(), Some(list.node())).expect("renders"))
    });
    assert_eq!(lists, [false, false, true, true]);
}

#[test]
fn functions() {
    insta::assert_snapshot!(check(lower(User::NAME).eq("ann")), @r#"LOWER("name") = ? ["ann"]"#);
    insta::assert_snapshot!(check(upper(User::EMAIL).eq("ANN")), @r#"UPPER("email") = ? ["ANN"]"#);
    insta::assert_snapshot!(check((coalesce(User::AGE, 0) + 1).gt(3)), @r#"(COALESCE("age", ?) + ?) > ? [0, 1, 3]"#);
    insta::assert_snapshot!(check(cast::<String, _>(User::AGE).eq("3")), @r#"CAST("age" AS TEXT) = ? ["3"]"#);
    let size = case(User::AGE.lt(3), "small")
        .when(User::AGE.lt(9), "middle")
        .otherwise("big");
    insta::assert_snapshot!(check(size.eq("big")), @r#"CASE WHEN "age" < ? THEN ? WHEN "age" < ? THEN ? ELSE ? END = ? [3, "small", 9, "middle", "big", "big"]"#);
    let size: Expr<User, Option<String>> = case(User::ACTIVE.eq(true), User::NAME).or_null();
    insta::assert_snapshot!(check(size.is_null()), @r#"CASE WHEN "active" = ? THEN "name" END IS NULL [true]"#);
}

#[test]
fn many_rows_are_split_by_their_parameters() {
    let rows = (0..9).map(|n| (format!("user {n}"), n));
    let insert = insert_into(User::table())
        .columns((User::NAME, User::AGE))
        .rows(rows);
    let split = Write::rendered(&insert, &Values).expect("renders");
    let widths: Vec<usize> = split.iter().map(|one| one.arguments.len()).collect();
    assert_eq!(widths, [8, 8, 2]);
    assert_eq!(Write::rendered(&insert, &Ansi).expect("renders").len(), 1);
    let defaults = Write::rendered(&insert_into(User::table()), &Values).expect("renders");
    assert_eq!(defaults.len(), 1);
}

#[test]
fn odd_identifiers() {
    let odd = select((Odd::ID, Odd::TEXT))
        .from(Odd::table())
        .filter(Odd::TEXT.eq("'\"?$1"));
    insta::assert_snapshot!(everywhere(|d| odd.render(d)), @r#"
SELECT "select", "grüße an 'alle' ""?"" $1" FROM "or""der" WHERE "grüße an 'alle' ""?"" $1" = ? ["'\"?$1"]
SELECT "select", "grüße an 'alle' ""?"" $1" FROM "or""der" WHERE "grüße an 'alle' ""?"" $1" = ? ["'\"?$1"]
SELECT "select", "grüße an 'alle' ""?"" $1" FROM "or""der" WHERE "grüße an 'alle' ""?"" $1" = $1 ["'\"?$1"]
"#);
}

#[test]
fn a_parameter_keeps_its_type_when_it_is_null() {
    let node: Node = IntoSql::<User, i32>::into_sql(None);
    assert_eq!(node, Node::Param(Value::Null, ValueType::I32));
}

#[test]
fn parameters_are_lent_to_a_connection() {
    let filter = User::AGE.in_([1, 2]).and(User::NAME.eq("a"));
    let rendered = query_on(&Arrays, User::table(), Some(filter.node())).expect("renders");
    assert_eq!(rendered.sql.params(), [ValueType::I32, ValueType::Text]);
    rendered.with_params(|params| {
        let ages = [ValueRef::I32(1), ValueRef::I32(2)];
        assert_eq!(
            params,
            [Param::Column(&ages), Param::Ref(ValueRef::Text("a"))]
        );
    });
}
