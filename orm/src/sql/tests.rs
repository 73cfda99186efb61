//! Every expression and statement on three dialects: the ANSI default, `?` with VALUES, `$n` with arrays.

use std::sync::Arc;

use crate::dialect::Dialect;
use crate::render::tests::{Ansi, Arrays, DIALECTS, Values};
use crate::render::{Argument, Lock, QuerySpec, Read, Rendered, query};
use crate::schema::Table;
use crate::sql::{
    Compound, Condition, Expr, IntoSql, Node, Order, OrderBy, Write, alias, avg, case, cast,
    coalesce, count, count_all, count_distinct, delete_from, exists, insert_into, lower, max, min,
    on, raw, select, sum, update, upper, verbatim,
};
use crate::value::{Auto, ColumnValue, Param, Value, ValueRef, ValueType};
use crate::{DbEnum, Entity, ErrorKind, Result};

#[derive(Clone, Debug, PartialEq)]
struct Email(String);

impl ColumnValue for Email {
    type Base = String;
    const TYPE: ValueType = ValueType::Text;

    fn to_param(&self) -> Param<'_> {
        self.0.to_param()
    }

    fn from_value(value: ValueRef<'_>) -> Result<Self> {
        String::from_value(value).map(Email)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, DbEnum)]
enum Status {
    Active,
    Gone,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    age: Option<i32>,
    email: Email,
    status: Status,
    active: bool,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tasks")]
struct Task {
    #[orm(primary_key)]
    id: Auto<i64>,
    title: String,
    #[orm(references = "users.id")]
    user_id: Option<i64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "or\"der")]
struct Odd {
    #[orm(primary_key, column = "select")]
    id: i32,
    #[orm(column = "grüße an 'alle' \"?\" $1")]
    text: String,
}

/// A condition on users on the ANSI dialect, and its parameters.
fn check(condition: impl Condition<User>) -> String {
    let node = condition.into_condition();
    let rendered = query_on(&Ansi, User::table(), Some(&node)).expect("renders");
    let text = rendered.sql.text().split_once(" WHERE ").expect("WHERE").1;
    format!("{text} {}", values(&rendered))
}

fn query_on(dialect: &dyn Dialect, table: &Table, filter: Option<&Node>) -> Result<Rendered> {
    let spec = QuerySpec {
        filter,
        ..QuerySpec::new(table, Read::Columns(&[0]))
    };
    query(dialect, &spec)
}

fn values(rendered: &Rendered) -> String {
    assert_eq!(rendered.arguments.len(), rendered.sql.params().len());
    let value = |value: &Value| match value {
        Value::Null => "NULL".to_owned(),
        Value::I32(v) => v.to_string(),
        Value::I64(v) => v.to_string(),
        Value::Bool(v) => v.to_string(),
        Value::Text(v) => format!("{v:?}"),
        other => format!("{other:?}"),
    };
    let argument = |argument: &Argument| match argument {
        Argument::Value(one) => value(one),
        Argument::Array(many) => {
            format!(
                "{{{}}}",
                many.iter().map(value).collect::<Vec<_>>().join(", ")
            )
        }
    };
    let all: Vec<String> = rendered.arguments.iter().map(argument).collect();
    format!("[{}]", all.join(", "))
}

/// The same statement on each dialect, one a line.
fn everywhere(render: impl Fn(&dyn Dialect) -> Result<Rendered>) -> String {
    let line = |dialect| match render(dialect) {
        Ok(rendered) => format!("{} {}", rendered.sql.text(), values(&rendered)),
        Err(error) => format!("{error:?}"),
    };
    DIALECTS.map(line).join("\n")
}

#[test]
fn comparisons() {
    let eighteen = &18;
    insta::assert_snapshot!(check(User::NAME.eq("ann")), @r#""name" = ? ["ann"]"#);
    insta::assert_snapshot!(check(User::NAME.ne(String::from("ann"))), @r#""name" <> ? ["ann"]"#);
    insta::assert_snapshot!(check(User::AGE.lt(18)), @r#""age" < ? [18]"#);
    insta::assert_snapshot!(check(User::ID.le(18)), @r#""id" <= ? [18]"#);
    insta::assert_snapshot!(check(User::AGE.gt(eighteen)), @r#""age" > ? [18]"#);
    insta::assert_snapshot!(check(User::AGE.ge(Some(18))), @r#""age" >= ? [18]"#);
    insta::assert_snapshot!(check(User::AGE.eq(None)), @r#""age" = ? [NULL]"#);
    insta::assert_snapshot!(check(User::ID.eq(Auto::set(7))), @r#""id" = ? [7]"#);
    insta::assert_snapshot!(check(User::STATUS.eq(Status::Gone)), @r#""status" = ? ["gone"]"#);
    insta::assert_snapshot!(check(User::EMAIL.eq("a@b")), @r#""email" = ? ["a@b"]"#);
    insta::assert_snapshot!(check(User::EMAIL.eq(verbatim(Email("a@b".into())))), @r#""email" = ? ["a@b"]"#);
    insta::assert_snapshot!(check(User::NAME.eq(User::EMAIL)), @r#""name" = "email" []"#);
    insta::assert_snapshot!(check(User::ACTIVE), @r#""active" []"#);
    assert_eq!(
        Status::Active.to_param(),
        Param::Ref(ValueRef::Text("active"))
    );
}

#[test]
fn null() {
    insta::assert_snapshot!(check(User::AGE.is_null()), @r#""age" IS NULL []"#);
    insta::assert_snapshot!(check(User::AGE.is_not_null()), @r#""age" IS NOT NULL []"#);
    insta::assert_snapshot!(check(User::AGE.eq_null_safe(None)), @r#""age" IS NOT DISTINCT FROM ? [NULL]"#);
    insta::assert_snapshot!(check(User::AGE.ne_null_safe(Some(3))), @r#""age" IS DISTINCT FROM ? [3]"#);
}

#[test]
fn lists() {
    let in_ages = User::AGE.in_([1, 2]);
    insta::assert_snapshot!(everywhere(|d| query_on(d, User::table(), Some(in_ages.node()))), @r#"
SELECT "id" FROM "users" WHERE "age" IN (?, ?) [1, 2]
SELECT "id" FROM "users" WHERE "age" IN (?, ?) [1, 2]
SELECT "id" FROM "users" WHERE "age" = ANY($1::integer[]) [{1, 2}]
"#);
    let not_in = User::AGE.not_in([Some(1), None]);
    insta::assert_snapshot!(everywhere(|d| query_on(d, User::table(), Some(not_in.node()))), @r#"
SELECT "id" FROM "users" WHERE "age" NOT IN (?, ?) [1, NULL]
SELECT "id" FROM "users" WHERE "age" NOT IN (?, ?) [1, NULL]
SELECT "id" FROM "users" WHERE "age" <> ALL($1::integer[]) [{1, NULL}]
"#);
    insta::assert_snapshot!(check(User::NAME.in_(["a", "b"])), @r#""name" IN (?, ?) ["a", "b"]"#);
    insta::assert_snapshot!(check(User::NAME.in_(vec!["a".to_owned()])), @r#""name" IN (?) ["a"]"#);
    insta::assert_snapshot!(check(User::NAME.in_(["a"].iter())), @r#""name" IN (?) ["a"]"#);
    insta::assert_snapshot!(check(User::NAME.in_([""; 0])), @r#"1 = 0 []"#);
    insta::assert_snapshot!(check(!User::NAME.not_in([""; 0])), @r#"NOT (1 = 1) []"#);
    let mixed = User::NAME.in_([Expr::<User, String>::from(User::NAME), raw("'x'")]);
    insta::assert_snapshot!(everywhere(|d| query_on(d, User::table(), Some(mixed.node()))), @r#"
SELECT "id" FROM "users" WHERE "name" IN ("name", 'x') []
SELECT "id" FROM "users" WHERE "name" IN ("name", 'x') []
SELECT "id" FROM "users" WHERE "name" IN ("name", 'x') []
"#);
}

#[test]
fn lists_longer_than_the_parameters_of_a_statement() {
    let numbers = User::ID.in_(0..9).and(User::NAME.eq("ann"));
    insta::assert_snapshot!(everywhere(|d| query_on(d, User::table(), Some(numbers.node()))), @r#"
SELECT "id" FROM "users" WHERE "id" IN (?, ?, ?, ?, ?, ?, ?, ?, ?) AND "name" = ? [0, 1, 2, 3, 4, 5, 6, 7, 8, "ann"]
SELECT "id" FROM "users" WHERE "id" IN (0, 1, 2, 3, 4, 5, 6, 7, 8) AND "name" = ? ["ann"]
SELECT "id" FROM "users" WHERE "id" = ANY($1::bigint[]) AND "name" = $2 [{0, 1, 2, 3, 4, 5, 6, 7, 8}, "ann"]
"#);
    let extremes = User::ID.in_([i64::MIN, i64::MAX, -1].repeat(3));
    let rendered = query_on(&Values, User::table(), Some(extremes.node())).expect("renders");
    assert!(rendered.arguments.is_empty());
    assert!(
        rendered
            .sql
            .text()
            .contains("(-9223372036854775808, 9223372036854775807, -1, ")
    );
    let texts = User::NAME.in_(["x"; 9]);
    insta::assert_snapshot!(everywhere(|d| query_on(d, User::table(), Some(texts.node()))), @r#"
SELECT "id" FROM "users" WHERE "name" IN (?, ?, ?, ?, ?, ?, ?, ?, ?) ["x", "x", "x", "x", "x", "x", "x", "x", "x"]
OutOfRange: the statement has 9 parameters and values takes 8: split its list of values (lists of integers may be of any length)
SELECT "id" FROM "users" WHERE "name" = ANY($1::text[]) [{"x", "x", "x", "x", "x", "x", "x", "x", "x"}]
"#);
}

#[test]
fn text() {
    insta::assert_snapshot!(check(User::NAME.like("a%")), @r#""name" LIKE ? ESCAPE '\' ["a%"]"#);
    insta::assert_snapshot!(check(User::EMAIL.not_like("a%")), @r#""email" NOT LIKE ? ESCAPE '\' ["a%"]"#);
    insta::assert_snapshot!(check(User::NAME.concat("!").eq("ann!")), @r#"("name" || ?) = ? ["!", "ann!"]"#);
    let text = User::NAME
        .starts_with("a_")
        .and(User::NAME.ends_with("%"))
        .and(User::NAME.contains(""));
    insta::assert_snapshot!(everywhere(|d| query_on(d, User::table(), Some(text.node()))), @r#"
SELECT "id" FROM "users" WHERE substr("name", 1, length(?)) = ? AND (length(?) = 0 OR substr("name", -length(?)) = ?) AND position(? IN "name") > 0 ["a_", "a_", "%", "%", "%", ""]
SELECT "id" FROM "users" WHERE substr("name", 1, length(?)) = ? AND (length(?) = 0 OR substr("name", -length(?)) = ?) AND position(? IN "name") > 0 ["a_", "a_", "%", "%", "%", ""]
SELECT "id" FROM "users" WHERE substr("name", 1, length($1)) = $2 AND (length($3) = 0 OR substr("name", -length($4)) = $5) AND position($6 IN "name") > 0 ["a_", "a_", "%", "%", "%", ""]
"#);
}

#[test]
fn logic_groups_only_where_it_must() {
    let (a, b, c) = (User::AGE.gt(1), User::ACTIVE, User::NAME.eq("x"));
    insta::assert_snapshot!(check(a.clone().and(b).and(c.clone())), @r#""age" > ? AND "active" AND "name" = ? [1, "x"]"#);
    insta::assert_snapshot!(check((a.clone() | b) & c.clone()), @r#"("age" > ? OR "active") AND "name" = ? [1, "x"]"#);
    insta::assert_snapshot!(check(a.clone() & b | c.clone()), @r#"("age" > ? AND "active") OR "name" = ? [1, "x"]"#);
    insta::assert_snapshot!(check(!(a.clone() & b)), @r#"NOT ("age" > ? AND "active") [1]"#);
    insta::assert_snapshot!(check(!!a.clone()), @r#""age" > ? [1]"#);
    insta::assert_snapshot!(check(a.eq(true)), @r#"("age" > ?) = ? [1, true]"#);
    insta::assert_snapshot!(check(User::AGE.between(1, 5).or(raw("1 = 1 OR 1 = 0")).and(c)), @r#"("age" BETWEEN ? AND ? OR (1 = 1 OR 1 = 0)) AND "name" = ? [1, 5, "x"]"#);
    insta::assert_snapshot!(check(User::NAME.starts_with("a").is_null()), @r#"(substr("name", 1, length(?)) = ?) IS NULL ["a", "a"]"#);
    let empty: Expr<User, bool> = Expr::from_node(Node::All(vec![]));
    insta::assert_snapshot!(check(!empty), @r#"NOT (1 = 1) []"#);
}

#[test]
fn a_long_chain_stays_flat() {
    let mut chain = User::AGE.eq(0);
    for n in 1..20_000 {
        chain = chain.or(User::AGE.eq(n));
    }
    let rendered = query_on(&Ansi, User::table(), Some(chain.node())).expect("renders");
    assert_eq!(rendered.arguments.len(), 20_000);
}

#[test]
fn arithmetic() {
    insta::assert_snapshot!(check((User::AGE + 1).gt(18)), @r#"("age" + ?) > ? [1, 18]"#);
    insta::assert_snapshot!(check(((User::ID - 1) * 2 / 3 % User::ID).eq(0)), @r#"(((("id" - ?) * ?) / ?) % "id") = ? [1, 2, 3, 0]"#);
    insta::assert_snapshot!(check((User::ID * (User::ID + 1)).eq(2)), @r#"("id" * ("id" + ?)) = ? [1, 2]"#);
}

#[test]
fn session_queries() {
    let filter = User::NAME.eq("ann");
    let keys = [
        User::AGE.desc().nulls_last(),
        User::NAME.asc().nulls_first(),
        User::ID.asc(),
    ];
    let order: Vec<Order> = keys.map(OrderBy::into_order).into();
    let spec = QuerySpec {
        filter: Some(filter.node()),
        order: &order,
        limit: Some(10),
        offset: Some(u64::MAX),
        lock: Lock::ForUpdate,
        ..QuerySpec::new(User::table(), Read::Columns(&[0, 1]))
    };
    insta::assert_snapshot!(everywhere(|d| query(d, &spec)), @r#"
SELECT "id", "name" FROM "users" WHERE "name" = ? ORDER BY "age" DESC NULLS LAST, "name" NULLS FIRST, "id" LIMIT 10 OFFSET 9223372036854775807 FOR UPDATE ["ann"]
SELECT "id", "name" FROM "users" WHERE "name" = ? ORDER BY CASE WHEN "age" IS NULL THEN 1 ELSE 0 END, "age" DESC, CASE WHEN "name" IS NULL THEN 0 ELSE 1 END, "name", "id" LIMIT 10 OFFSET 9223372036854775807 ["ann"]
SELECT "id", "name" FROM "users" WHERE "name" = $1 ORDER BY "age" DESC NULLS LAST, "name" NULLS FIRST, "id" LIMIT 10 OFFSET 9223372036854775807 FOR UPDATE ["ann"]
"#);
    let count = QuerySpec {
        read: Read::Count,
        ..spec
    };
    insta::assert_snapshot!(everywhere(|d| query(d, &count)), @r#"
SELECT COUNT(*) FROM (SELECT 1 FROM "users" WHERE "name" = ? LIMIT 10 OFFSET 9223372036854775807) AS q ["ann"]
SELECT COUNT(*) FROM (SELECT 1 FROM "users" WHERE "name" = ? LIMIT 10 OFFSET 9223372036854775807) AS q ["ann"]
SELECT COUNT(*) FROM (SELECT 1 FROM "users" WHERE "name" = $1 LIMIT 10 OFFSET 9223372036854775807) AS q ["ann"]
"#);
    let exists = QuerySpec {
        read: Read::Exists,
        limit: None,
        offset: None,
        ..spec
    };
    insta::assert_snapshot!(everywhere(|d| query(d, &exists)), @r#"
SELECT 1 FROM "users" WHERE "name" = ? LIMIT 1 ["ann"]
SELECT 1 FROM "users" WHERE "name" = ? LIMIT 1 ["ann"]
SELECT 1 FROM "users" WHERE "name" = $1 LIMIT 1 ["ann"]
"#);
    let all = QuerySpec::new(User::table(), Read::Count);
    insta::assert_snapshot!(everywhere(|d| query(d, &all)), @r#"
SELECT COUNT(*) FROM "users" []
SELECT COUNT(*) FROM "users" []
SELECT COUNT(*) FROM "users" []
"#);
    let plain = QuerySpec {
        distinct: true,
        ..QuerySpec::new(User::table(), Read::Columns(&[1]))
    };
    insta::assert_snapshot!(everywhere(|d| query(d, &plain)), @r#"
SELECT DISTINCT "name" FROM "users" []
SELECT DISTINCT "name" FROM "users" []
SELECT DISTINCT "name" FROM "users" []
"#);
    let distinct = QuerySpec {
        read: Read::Count,
        ..plain
    };
    insta::assert_snapshot!(everywhere(|d| query(d, &distinct)), @r#"
SELECT COUNT(*) FROM (SELECT DISTINCT * FROM "users") AS q []
SELECT COUNT(*) FROM (SELECT DISTINCT * FROM "users") AS q []
SELECT COUNT(*) FROM (SELECT DISTINCT * FROM "users") AS q []
"#);
    let sql = query(&Ansi, &spec).expect("renders").sql;
    assert_eq!(sql.columns(), [ValueType::I64, ValueType::Text]);
}

#[test]
fn another_tables_column_is_refused() {
    let stranger = Task::ID.eq(1);
    insta::assert_snapshot!(everywhere(|d| query_on(d, User::table(), Some(stranger.node()))), @r#"
InvalidStatement: tasks.id: the statement names a column of `tasks`, which it does not read
InvalidStatement: tasks.id: the statement names a column of `tasks`, which it does not read
InvalidStatement: tasks.id: the statement names a column of `tasks`, which it does not read
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
        count_all::<User>(),
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
    let groups = select((User::STATUS, count_all::<User>()))
        .from(User::table())
        .group_by(User::STATUS)
        .having(count_all::<User>().gt(1))
        .having(min(User::AGE).is_not_null())
        .order_by(count_all::<User>().desc());
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
    let none = !exists::<User, _>(tasks.clone().filter(on(Task::USER_ID, User::ID)));
    let last = User::ID.lt(select(max(Task::ID)).from(Task::table()));
    let filter = busy.and(none).and(last).and(User::AGE.eq(1));
    insta::assert_snapshot!(everywhere(|d| query_on(d, User::table(), Some(filter.node()))), @r#"
SELECT "users"."id" FROM "users" WHERE "users"."id" IN (SELECT "tasks"."user_id" FROM "tasks" WHERE "tasks"."title" <> ?) AND NOT (EXISTS (SELECT "tasks"."user_id" FROM "tasks" WHERE "tasks"."user_id" = "users"."id")) AND "users"."id" < (SELECT MAX("tasks"."id") FROM "tasks") AND "users"."age" = ? ["", 1]
SELECT "users"."id" FROM "users" WHERE "users"."id" IN (SELECT "tasks"."user_id" FROM "tasks" WHERE "tasks"."title" <> ?) AND NOT (EXISTS (SELECT "tasks"."user_id" FROM "tasks" WHERE "tasks"."user_id" = "users"."id")) AND "users"."id" < (SELECT MAX("tasks"."id") FROM "tasks") AND "users"."age" = ? ["", 1]
SELECT "users"."id" FROM "users" WHERE "users"."id" IN (SELECT "tasks"."user_id" FROM "tasks" WHERE "tasks"."title" <> $1) AND NOT (EXISTS (SELECT "tasks"."user_id" FROM "tasks" WHERE "tasks"."user_id" = "users"."id")) AND "users"."id" < (SELECT MAX("tasks"."id") FROM "tasks") AND "users"."age" = $2 ["", 1]
"#);
    let gone = delete_from(User::table()).filter(User::ID.not_in(tasks.clone()));
    insta::assert_snapshot!(gone.render(&Arrays).expect("renders").sql.text(), @r#"DELETE FROM "users" WHERE "users"."id" NOT IN (SELECT "tasks"."user_id" FROM "tasks")"#);
    let changed =
        update(User::table()).set(User::ID, select(count_all::<Task>()).from(Task::table()));
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
    let beyond = names
        .union(titles)
        .order_by(2)
        .render(&Ansi)
        .expect_err("has one column");
    assert_eq!(beyond.kind(), ErrorKind::InvalidStatement);
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

mod generated {
    use proptest::prelude::*;

    use super::*;
    use crate::dialect::TextMatch;
    use crate::schema::{Column, ColumnType};
    use crate::sql::{ColumnRef, List, Operator};

    const ODD: &str = "[a\"'?$1;é𝄞 \\\\-]{1,6}";

    fn table() -> impl Strategy<Value = Arc<Table>> {
        (ODD, ODD).prop_map(|(name, column)| {
            let text = ColumnType::Text { length: None };
            Arc::new(Table::build(name).column(Column::new(column, text)))
        })
    }

    fn condition(table: Arc<Table>) -> impl Strategy<Value = Node> {
        let column = Node::Column(ColumnRef {
            table,
            index: 0,
            alias: None,
        });
        let term = prop_oneof![
            Just(column),
            ODD.prop_map(|text| Node::Param(Value::Text(text), ValueType::Text)),
        ];
        term.prop_recursive(4, 24, 3, |inner| {
            let two = (inner.clone(), inner.clone());
            let boxed = |(a, b): (Node, Node)| (Box::new(a), Box::new(b));
            prop_oneof![
                two.clone().prop_map(|(a, b)| a.binary(Operator::Eq, b)),
                two.clone().prop_map(|(a, b)| a.and(b)),
                two.clone().prop_map(|(a, b)| a.or(b)),
                inner.clone().prop_map(Node::negated),
                two.clone()
                    .prop_map(boxed)
                    .prop_map(|(left, right)| Node::NullSafe {
                        left,
                        right,
                        negated: true
                    }),
                two.clone()
                    .prop_map(boxed)
                    .prop_map(|(subject, pattern)| Node::Like {
                        subject,
                        pattern,
                        negated: false
                    }),
                two.prop_map(boxed)
                    .prop_map(|(subject, pattern)| Node::TextMatch {
                        test: TextMatch::EndsWith,
                        subject,
                        pattern
                    }),
                (inner.clone(), prop::collection::vec(inner, 0..4)).prop_map(|(subject, list)| {
                    Node::In {
                        subject: Box::new(subject),
                        list: List::Nodes(list),
                        negated: false,
                    }
                }),
            ]
        })
    }

    /// How many placeholders stand outside quotes; fails on a quote or a parenthesis that is not closed.
    fn placeholders(text: &str) -> Result<usize, String> {
        let (mut quote, mut depth, mut count) = (None, 0_i32, 0);
        for c in text.chars() {
            match (quote, c) {
                (Some(open), c) if open == c => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(c),
                (None, '(') => depth += 1,
                (None, ')') => depth -= 1,
                (None, '?' | '$') => count += 1,
                (None, _) => {}
            }
            if depth < 0 {
                return Err(format!("a parenthesis too many in {text}"));
            }
        }
        match (quote, depth) {
            (None, 0) => Ok(count),
            _ => Err(format!("something is not closed in {text}")),
        }
    }

    proptest! {
        #[test]
        fn quotes_are_closed_and_every_parameter_has_its_placeholder(
            (table, condition) in table().prop_flat_map(|table| (Just(Arc::clone(&table)), condition(table)))
        ) {
            for dialect in [&Ansi as &dyn Dialect, &Arrays] {
                let Ok(rendered) = query_on(dialect, &table, Some(&condition)) else {
                    // The array dialect takes eight parameters.
                    continue;
                };
                let found = placeholders(rendered.sql.text()).map_err(TestCaseError::fail)?;
                prop_assert_eq!(found, rendered.arguments.len());
                prop_assert_eq!(found, rendered.sql.params().len());
            }
        }
    }
}
