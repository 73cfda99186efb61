//! Windows, common tables, locks, functions, text and pages.

use super::*;
use selfsame::dialect::{DatePart, JsonStep};
use selfsame::sql::{
    RowLock, Window, abs, common, date_part, first_value, json_text, lag, length, nullif,
    recursive, replace, row_number, substring, text, trim,
};
use selfsame::value::Decimal;

#[test]
fn windows() {
    let by_status = Window::new()
        .partition_by(User::STATUS)
        .order_by(User::AGE.desc());
    let query = select((
        row_number().over(by_status.clone()),
        lag(User::NAME).over(by_status.clone()),
        sum(User::AGE).over(by_status.rows(FrameBound::Preceding(2), FrameBound::CurrentRow)),
        first_value(User::AGE).over(Window::new().order_by(User::ID.asc()).range(
            FrameBound::UnboundedPreceding,
            FrameBound::UnboundedFollowing,
        )),
        count(User::AGE + 1).over(Window::new()),
    ))
    .from(User::table());
    insta::assert_snapshot!(everywhere(|d| query.render(d)), @r#"
SELECT ROW_NUMBER() OVER (PARTITION BY "status" ORDER BY "age" DESC), LAG("name") OVER (PARTITION BY "status" ORDER BY "age" DESC), CAST(SUM("age") OVER (PARTITION BY "status" ORDER BY "age" DESC ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS BIGINT), FIRST_VALUE("age") OVER (ORDER BY "id" RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), COUNT("age" + ?) OVER () FROM "users" [1]
SELECT ROW_NUMBER() OVER (PARTITION BY "status" ORDER BY "age" DESC), LAG("name") OVER (PARTITION BY "status" ORDER BY "age" DESC), CAST(SUM("age") OVER (PARTITION BY "status" ORDER BY "age" DESC ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS BIGINT), FIRST_VALUE("age") OVER (ORDER BY "id" RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), COUNT("age" + ?) OVER () FROM "users" [1]
SELECT ROW_NUMBER() OVER (PARTITION BY "status" ORDER BY "age" DESC), LAG("name") OVER (PARTITION BY "status" ORDER BY "age" DESC), CAST(SUM("age") OVER (PARTITION BY "status" ORDER BY "age" DESC ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS bigint), FIRST_VALUE("age") OVER (ORDER BY "id" RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), COUNT("age" + $1) OVER () FROM "users" [1]
"#);
}

#[test]
fn common_tables() {
    let busy = common(
        "busy",
        select((Task::USER_ID, count(Task::ID)))
            .from(Task::table())
            .group_by(Task::USER_ID),
    );
    let names = select((User::NAME, busy.column::<1>()))
        .from(User::table())
        .join(&busy, on(busy.column::<0>(), User::ID))
        .filter(busy.column::<1>().gt(2));
    insta::assert_snapshot!(everywhere(|d| names.render(d)), @r#"
WITH "busy" ("c1", "c2") AS (SELECT "tasks"."user_id", COUNT("tasks"."id") FROM "tasks" GROUP BY "tasks"."user_id") SELECT "users"."name", "busy"."c2" FROM "users" JOIN "busy" ON "busy"."c1" = "users"."id" WHERE "busy"."c2" > ? [2]
WITH "busy" ("c1", "c2") AS (SELECT "tasks"."user_id", COUNT("tasks"."id") FROM "tasks" GROUP BY "tasks"."user_id") SELECT "users"."name", "busy"."c2" FROM "users" JOIN "busy" ON "busy"."c1" = "users"."id" WHERE "busy"."c2" > ? [2]
WITH "busy" ("c1", "c2") AS (SELECT "tasks"."user_id", COUNT("tasks"."id") FROM "tasks" GROUP BY "tasks"."user_id") SELECT "users"."name", "busy"."c2" FROM "users" JOIN "busy" ON "busy"."c1" = "users"."id" WHERE "busy"."c2" > $1 [2]
"#);
    let titled = common("titled", select(Task::ID).from(Task::table()));
    let both = select((busy.column::<1>(), titled.column::<0>()))
        .from(&busy)
        .join(&titled, on(titled.column::<0>(), busy.column::<1>()));
    insta::assert_snapshot!(both.render(&Ansi).expect("renders").sql.text(), @r#"WITH "busy" ("c1", "c2") AS (SELECT "tasks"."user_id", COUNT("tasks"."id") FROM "tasks" GROUP BY "tasks"."user_id") , "titled" ("c1") AS (SELECT "tasks"."id" FROM "tasks") SELECT "busy"."c2", "titled"."c1" FROM "busy" JOIN "titled" ON "titled"."c1" = "busy"."c2""#);
    let below: Common<Auto<i64>> = recursive(
        "below",
        select(Branch::ID)
            .from(Branch::table())
            .filter(Branch::LABEL.eq("oak")),
        |below| {
            select(Branch::ID)
                .from(Branch::table())
                .join(below, on(below.column::<0>(), Branch::PARENT_ID))
        },
    );
    let inside = select(Branch::ID)
        .from(Branch::table())
        .filter(Branch::ID.in_(select(below.column::<0>()).from(&below)));
    insta::assert_snapshot!(everywhere(|d| inside.render(d)), @r#"
SELECT "branches"."id" FROM "branches" WHERE "branches"."id" IN (WITH RECURSIVE "below" ("c1") AS (SELECT "branches"."id" FROM "branches" WHERE "branches"."label" = ? UNION ALL SELECT "branches"."id" FROM "branches" JOIN "below" ON "below"."c1" = "branches"."parent_id") SELECT "below"."c1" FROM "below") ["oak"]
SELECT "branches"."id" FROM "branches" WHERE "branches"."id" IN (WITH RECURSIVE "below" ("c1") AS (SELECT "branches"."id" FROM "branches" WHERE "branches"."label" = ? UNION ALL SELECT "branches"."id" FROM "branches" JOIN "below" ON "below"."c1" = "branches"."parent_id") SELECT "below"."c1" FROM "below") ["oak"]
SELECT "branches"."id" FROM "branches" WHERE "branches"."id" IN (WITH RECURSIVE "below" ("c1") AS (SELECT "branches"."id" FROM "branches" WHERE "branches"."label" = $1 UNION ALL SELECT "branches"."id" FROM "branches" JOIN "below" ON "below"."c1" = "branches"."parent_id") SELECT "below"."c1" FROM "below") ["oak"]
"#);
    let plain = Plain(Capabilities::none());
    let refused = inside.render(&plain).expect_err("it has no recursion");
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(names.render(&plain).is_ok());
    let ids = select(below.column::<0>()).from(&below);
    insta::assert_snapshot!(everywhere(|d| ids.clone().union(select(User::ID).from(User::table())).render(d)), @r#"
SELECT * FROM (WITH RECURSIVE "below" ("c1") AS (SELECT "branches"."id" FROM "branches" WHERE "branches"."label" = ? UNION ALL SELECT "branches"."id" FROM "branches" JOIN "below" ON "below"."c1" = "branches"."parent_id") SELECT "below"."c1" FROM "below") AS q UNION SELECT "users"."id" FROM "users" ["oak"]
SELECT * FROM (WITH RECURSIVE "below" ("c1") AS (SELECT "branches"."id" FROM "branches" WHERE "branches"."label" = ? UNION ALL SELECT "branches"."id" FROM "branches" JOIN "below" ON "below"."c1" = "branches"."parent_id") SELECT "below"."c1" FROM "below") AS q UNION SELECT "users"."id" FROM "users" ["oak"]
SELECT * FROM (WITH RECURSIVE "below" ("c1") AS (SELECT "branches"."id" FROM "branches" WHERE "branches"."label" = $1 UNION ALL SELECT "branches"."id" FROM "branches" JOIN "below" ON "below"."c1" = "branches"."parent_id") SELECT "below"."c1" FROM "below") AS q UNION SELECT "users"."id" FROM "users" ["oak"]
"#);
    let insert = insert_into(Task::table())
        .columns((Task::USER_ID,))
        .from_query(select((below.column::<0>(),)).from(&below));
    insta::assert_snapshot!(everywhere(|d| insert.render(d)), @r#"
INSERT INTO "tasks" ("user_id") WITH RECURSIVE "below" ("c1") AS (SELECT "branches"."id" FROM "branches" WHERE "branches"."label" = ? UNION ALL SELECT "branches"."id" FROM "branches" JOIN "below" ON "below"."c1" = "branches"."parent_id") SELECT "below"."c1" FROM "below" ["oak"]
INSERT INTO "tasks" ("user_id") WITH RECURSIVE "below" ("c1") AS (SELECT "branches"."id" FROM "branches" WHERE "branches"."label" = ? UNION ALL SELECT "branches"."id" FROM "branches" JOIN "below" ON "below"."c1" = "branches"."parent_id") SELECT "below"."c1" FROM "below" ["oak"]
INSERT INTO "tasks" ("user_id") WITH RECURSIVE "below" ("c1") AS (SELECT "branches"."id" FROM "branches" WHERE "branches"."label" = $1 UNION ALL SELECT "branches"."id" FROM "branches" JOIN "below" ON "below"."c1" = "branches"."parent_id") SELECT "below"."c1" FROM "below" ["oak"]
"#);
}

#[test]
fn locks() {
    let shared = select(Task::ID)
        .from(Task::table())
        .lock(RowLock::for_share().nowait());
    insta::assert_snapshot!(everywhere(|d| shared.render(d)), @r#"
SELECT "id" FROM "tasks" FOR SHARE NOWAIT []
Unsupported: a lock on rows is not supported by values
SELECT "id" FROM "tasks" FOR SHARE NOWAIT []
"#);
}

#[test]
fn functions_of_text_and_numbers() {
    insta::assert_snapshot!(check(length(trim(User::NAME)).gt(3)), @r#"LENGTH(TRIM("name")) > ? [3]"#);
    insta::assert_snapshot!(check(replace(User::NAME, "a", User::EMAIL).eq("x")), @r#"REPLACE("name", ?, "email") = ? ["a", "x"]"#);
    insta::assert_snapshot!(check(substring(User::NAME, 1, 2).eq("an")), @r#"SUBSTR("name", ?, ?) = ? [1, 2, "an"]"#);
    insta::assert_snapshot!(check(abs(User::AGE - 5).lt(3)), @r#"ABS("age" - ?) < ? [5, 3]"#);
    insta::assert_snapshot!(check(nullif(User::AGE, 0).is_null()), @r#"NULLIF("age", ?) IS NULL [0]"#);
    insta::assert_snapshot!(check(date_part(DatePart::Year, User::NAME).eq(2024)), @r#"CAST(FLOOR(EXTRACT(YEAR FROM "name")) AS INTEGER) = ? [2024]"#);
    insta::assert_snapshot!(check(cast::<Decimal, _>(User::AGE).gt(Decimal::new(5, 1))), @r#"CAST("age" AS NUMERIC) > ? [Decimal(0.5)]"#);
    let path = [JsonStep::from("it's \"q\""), JsonStep::from(3)];
    insta::assert_snapshot!(check(json_text(User::NAME, path).eq("x")), @r#"JSON_VALUE("name", '$."it''s \"q\""[3]') = ? ["x"]"#);
    // Whatever a name contains, the operand is inserted only in its own place.
    for name in ["\u{1}", "\u{1}0", "\u{1}0:0\u{2}", "\u{1}1:0\u{2}\u{1}0"] {
        let text = check(json_text(User::NAME, [name]).is_null());
        let escaped = name.escape_default().to_string();
        assert_eq!(text.matches(r#""name""#).count(), 1, "{escaped}: {text}");
        assert!(text.contains(&format!("$.\"{name}\"")), "{escaped}: {text}");
    }
}

#[test]
fn text_with_parameters() {
    let statement = text(
        "SELECT '?', \"?\", `?` -- ?\n, ??, /* ? */ é FROM t WHERE a = ? AND b = ?",
        (1, "x"),
    );
    insta::assert_snapshot!(everywhere(|d| Ok(Write::rendered(&statement, d)?.remove(0))), @r#"
SELECT '?', "?", `?` -- ?
, ?, /* ? */ é FROM t WHERE a = ? AND b = ? [1, "x"]
SELECT '?', "?", `?` -- ?
, ?, /* ? */ é FROM t WHERE a = ? AND b = ? [1, "x"]
SELECT '?', "?", `?` -- ?
, ?, /* ? */ é FROM t WHERE a = $1 AND b = $2 [1, "x"]
"#);
    let error = Write::rendered(&text("SELECT ?", ()), &Ansi).expect_err("no parameter");
    assert_eq!(error.kind(), ErrorKind::InvalidStatement);
    assert!(Write::rendered(&text("SELECT 'open ?", ()), &Ansi).is_ok());
}
