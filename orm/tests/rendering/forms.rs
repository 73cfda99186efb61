//! Statements where equal values are stored in several forms, where values are exchanged as text, and where the database converts what it
//! stores.

use std::borrow::Cow;

use super::*;
use selfsame::backend::Sql;
use selfsame::dialect::{Batch, Capabilities};
use selfsame::render::Pairing;
use selfsame::schema::ColumnType;
use selfsame::sql::{FromRow, List, OrderBy, Select, Update, nullif};

/// Stores an `INT` in two forms, gives both the form `one(…)`, and sorts them by `rank(…)`.
#[derive(Debug)]
struct Several;

/// Exchanges an `INT` as text, which is cast to `mood`.
#[derive(Debug)]
struct Cast(Batch);

/// May store another value than it was given.
#[derive(Debug)]
struct Converts;

impl Dialect for Several {
    fn name(&self) -> &str {
        "several"
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        Ansi.column_type(ty)
    }

    fn capabilities(&self) -> Capabilities {
        Ansi.capabilities().with_row_values(true)
    }

    fn batch(&self) -> Batch {
        Ansi.batch()
    }

    fn placeholder(&self, index: usize, _: ValueType, out: &mut String) {
        out.push_str(&format!("?{index}"));
    }

    fn equal_forms(&self, parameter: &str, ty: &ColumnType) -> Vec<String> {
        match ty {
            ColumnType::I32 => vec![format!("short({parameter})"), parameter.to_owned()],
            _ => Vec::new(),
        }
    }

    fn canonical_form(&self, operand: &str, ty: &ColumnType) -> Option<String> {
        (*ty == ColumnType::I32).then(|| format!("one({operand})"))
    }

    fn ordered_form(&self, operand: &str, ty: &ColumnType) -> Option<String> {
        (*ty == ColumnType::I32).then(|| format!("rank({operand})"))
    }
}

impl Dialect for Cast {
    fn name(&self) -> &str {
        "cast"
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        Arrays.column_type(ty)
    }

    fn capabilities(&self) -> Capabilities {
        Arrays.capabilities()
    }

    fn batch(&self) -> Batch {
        self.0
    }

    fn placeholder(&self, index: usize, ty: ValueType, out: &mut String) {
        Arrays.placeholder(index, ty, out);
    }

    fn text_form(&self, ty: &ColumnType) -> Option<Cow<'static, str>> {
        (*ty == ColumnType::I32).then_some("mood".into())
    }

    fn list_query(&self, list: &str, _: ValueType) -> Option<String> {
        Some(format!("SELECT value FROM items({list})"))
    }
}

impl Dialect for Converts {
    fn name(&self) -> &str {
        "converts"
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        Arrays.column_type(ty)
    }

    fn capabilities(&self) -> Capabilities {
        Arrays.capabilities()
    }

    fn batch(&self) -> Batch {
        Batch::Rows
    }

    fn converts_what_it_stores(&self) -> bool {
        true
    }

    fn overriding(&self) -> &'static str {
        " OVERRIDING"
    }
}

/// A query of the ages of users, for each order.
fn ordered(dialect: &dyn Dialect, orders: &[Vec<OrderBy<User>>]) -> String {
    let query = |order: &Vec<OrderBy<User>>| {
        let ages = select(User::AGE).from(User::table());
        order.iter().cloned().fold(ages, Select::order_by)
    };
    let texts = orders.iter().map(|order| text(&query(order), dialect));
    texts.collect::<Vec<_>>().join("\n")
}

fn conditions(dialect: &dyn Dialect, all: &[Node]) -> String {
    let text = |condition: &Node| {
        let rendered = query_on(dialect, User::table(), Some(condition)).expect("renders");
        let text = rendered.sql.text().split_once(" WHERE ").expect("WHERE").1;
        format!("{text} {}", values(&rendered))
    };
    all.iter().map(text).collect::<Vec<_>>().join("\n")
}

fn text<R: FromRow>(select: &Select<R>, dialect: &dyn Dialect) -> String {
    let rendered = select.render(dialect).expect("renders");
    rendered.sql.text().to_owned()
}

fn age() -> Node {
    Node::Column(User::AGE.reference())
}

/// Conditions on the age of users.
fn of_ages() -> Vec<Node> {
    let ages = select(User::AGE).from(User::table());
    let list = |nodes: Vec<Node>| Node::In {
        subject: Box::new(age()),
        list: List::Nodes(nodes),
        negated: false,
    };
    let three = || Node::Param(Value::I32(3), ValueType::I32);
    vec![
        User::AGE.eq(3).into_condition(),
        User::AGE.eq(User::AGE).into_condition(),
        User::AGE.ge(coalesce(User::AGE, 1)).into_condition(),
        User::AGE.between(3, 5).into_condition(),
        User::AGE.between(3, User::AGE).into_condition(),
        list(vec![three(), three()]),
        list(vec![age(), three()]),
        User::AGE.in_(ages.clone()).into_condition(),
        User::AGE.not_in(ages.clone().limit(1)).into_condition(),
        User::AGE.eq(ages).into_condition(),
        User::AGE.eq_null_safe(User::AGE).into_condition(),
        User::AGE.ne_null_safe(3).into_condition(),
        nullif(User::AGE, 3).eq(4).into_condition(),
        case(User::AGE.lt(3), 5)
            .otherwise(User::AGE)
            .gt(4)
            .into_condition(),
        (User::AGE + 1).lt(2).into_condition(),
    ]
}

#[test]
fn equal_values_of_several_forms_are_compared_in_one() {
    insta::assert_snapshot!(conditions(&Several, &of_ages()), @r#"
"age" IN (short(?1), ?1) [3]
one("age") = one("age") []
one("age") >= one(COALESCE("age", ?1)) [1]
("age" >= ?1 AND "age" <= ?2) [3, 5]
one("age") BETWEEN ?1 AND one("age") [3]
"age" IN (short(?1), ?1, short(?2), ?2) [3, 3]
one("age") IN (one("age"), ?1) [3]
one("users"."age") IN (SELECT one("users"."age") AS "age" FROM "users") []
one("users"."age") NOT IN (SELECT one("users"."age") AS "age" FROM "users" LIMIT 1) []
one("users"."age") = (SELECT one("users"."age") AS "age" FROM "users") []
one("age") IS NOT DISTINCT FROM one("age") []
coalesce(NOT "age" IN (short(?1), ?1), TRUE) [3]
one(NULLIF(one("age"), ?1)) = ?2 [3, 4]
one(CASE WHEN "age" < ?1 THEN ?2 ELSE "age" END) > ?3 [3, 5, 4]
("age" + ?1) < ?2 [1, 2]
"#);
    let row = Node::In {
        subject: Box::new(Node::Row(vec![age(), Node::Column(User::ID.reference())])),
        list: List::Nodes(vec![
            Node::Row(vec![age(), Node::Param(Value::I64(1), ValueType::I64)]),
            Node::Row(vec![
                Node::Param(Value::I32(2), ValueType::I32),
                Node::Param(Value::I64(3), ValueType::I64),
            ]),
        ]),
        negated: true,
    };
    insta::assert_snapshot!(conditions(&Several, &[row]), @r#"(one("age"), "id") NOT IN ((one("age"), ?1), (?2, ?3)) [1, 2, 3]"#);
}

#[test]
fn values_that_travel_as_text_are_cast() {
    let values = Batch::Values { max_parameters: 8 };
    insta::assert_snapshot!(conditions(&Cast(values), &of_ages()), @r#"
"age" = CAST($1 AS mood) [3]
"age" = "age" []
"age" >= COALESCE("age", CAST($1 AS mood)) [1]
"age" BETWEEN CAST($1 AS mood) AND CAST($2 AS mood) [3, 5]
"age" BETWEEN CAST($1 AS mood) AND "age" [3]
"age" IN (CAST($1 AS mood), CAST($2 AS mood)) [3, 3]
"age" IN ("age", CAST($1 AS mood)) [3]
"users"."age" IN (SELECT "users"."age" FROM "users") []
"users"."age" NOT IN (SELECT "users"."age" FROM "users" LIMIT 1) []
"users"."age" = (SELECT "users"."age" FROM "users") []
"age" IS NOT DISTINCT FROM "age" []
"age" IS DISTINCT FROM CAST($1 AS mood) [3]
NULLIF("age", CAST($1 AS mood)) = CAST($2 AS mood) [3, 4]
CASE WHEN "age" < CAST($1 AS mood) THEN CAST($2 AS mood) ELSE "age" END > CAST($3 AS mood) [3, 5, 4]
("age" + $1) < $2 [1, 2]
"#);
    insta::assert_snapshot!(conditions(&Cast(Batch::Arrays), &of_ages()), @r#"
"age" = CAST($1 AS mood) [3]
"age" = "age" []
"age" >= COALESCE("age", CAST($1 AS mood)) [1]
"age" BETWEEN CAST($1 AS mood) AND CAST($2 AS mood) [3, 5]
"age" BETWEEN CAST($1 AS mood) AND "age" [3]
"age" IN (SELECT CAST(v.c AS mood) FROM UNNEST($1::integer[]) AS v(c)) [{3, 3}]
"age" IN ("age", CAST($1 AS mood)) [3]
"users"."age" IN (SELECT "users"."age" FROM "users") []
"users"."age" NOT IN (SELECT "users"."age" FROM "users" LIMIT 1) []
"users"."age" = (SELECT "users"."age" FROM "users") []
"age" IS NOT DISTINCT FROM "age" []
"age" IS DISTINCT FROM CAST($1 AS mood) [3]
NULLIF("age", CAST($1 AS mood)) = CAST($2 AS mood) [3, 4]
CASE WHEN "age" < CAST($1 AS mood) THEN CAST($2 AS mood) ELSE "age" END > CAST($3 AS mood) [3, 5, 4]
("age" + $1) < $2 [1, 2]
"#);
    let query = select((User::AGE, min(User::AGE), coalesce(User::AGE, 3)))
        .from(User::table())
        .order_by(User::AGE.desc());
    insta::assert_snapshot!(text(&query, &Cast(values)), @r#"SELECT CAST("age" AS text), CAST(MIN("age") AS text), CAST(COALESCE("age", CAST($1 AS mood)) AS text) FROM "users" ORDER BY "users"."age" DESC"#);
    let list = |count| vec![User::AGE.in_(0..count).into_condition()];
    // A long list is one parameter.
    insta::assert_snapshot!(conditions(&Cast(values), &list(9)), @r#""age" IN (SELECT CAST(value AS mood) FROM (SELECT value FROM items($1))) ["[0,1,2,3,4,5,6,7,8]"]"#);
    let is_one = |count| !conditions(&Cast(values), &list(count)).contains("items");
    assert_eq!([8, 9].map(is_one), [true, false]);
    let texts = [
        cast::<String, _>(User::AGE).like("a%").into_condition(),
        User::NAME.concat("x").eq("ax").into_condition(),
    ];
    insta::assert_snapshot!(conditions(&Cast(values), &texts), @r#"
CAST("age" AS text) LIKE $1 ESCAPE '\' ["a%"]
("name" || $1) = $2 ["x", "ax"]
"#);
}

#[test]
fn a_sort_key_is_compared_by_value_where_others_follow() {
    let orders = [
        vec![User::AGE.asc()],
        vec![User::AGE.desc(), User::ID.asc()],
        vec![User::ID.asc(), User::AGE.asc()],
        vec![User::AGE.asc(), User::AGE.desc(), User::AGE.asc()],
    ];
    insta::assert_snapshot!(ordered(&Several, &orders), @r#"
SELECT "age" FROM "users" ORDER BY rank("age")
SELECT "age" FROM "users" ORDER BY one("age") DESC, "id"
SELECT "age" FROM "users" ORDER BY "id", rank("age")
SELECT "age" FROM "users" ORDER BY one("age"), one("age") DESC, rank("age")
"#);
    insta::assert_snapshot!(ordered(&Cast(Batch::Arrays), &orders), @r#"
SELECT CAST("age" AS text) FROM "users" ORDER BY "users"."age"
SELECT CAST("age" AS text) FROM "users" ORDER BY "users"."age" DESC, "id"
SELECT CAST("age" AS text) FROM "users" ORDER BY "id", "users"."age"
SELECT CAST("age" AS text) FROM "users" ORDER BY "users"."age", "users"."age" DESC, "users"."age"
"#);
    let windows = [
        Window::new().order_by(User::AGE.asc()),
        Window::new()
            .partition_by(User::AGE)
            .order_by(User::ID.asc())
            .order_by(User::AGE.desc()),
    ];
    let rank = |window: Window| select(row_number().over(window)).from(User::table());
    let texts = windows.map(|window| text(&rank(window), &Several));
    insta::assert_snapshot!(texts.join("\n"), @r#"
SELECT ROW_NUMBER() OVER (ORDER BY one("age")) FROM "users"
SELECT ROW_NUMBER() OVER (PARTITION BY one("age") ORDER BY "id", one("age") DESC) FROM "users"
"#);
}

#[test]
fn equal_values_are_one_group() {
    let ages = || select(User::AGE).from(User::table());
    let all = [
        ages(),
        ages().distinct(),
        ages().group_by(User::AGE).group_by(User::ID),
    ];
    let texts = all.map(|query| text(&query, &Several));
    insta::assert_snapshot!(texts.join("\n"), @r#"
SELECT "age" FROM "users"
SELECT DISTINCT one("age") AS "age" FROM "users"
SELECT "age" FROM "users" GROUP BY one("age"), "id"
"#);
    let numbers = select((
        min(User::AGE),
        max(User::ID),
        count_distinct(User::AGE),
        sum(User::AGE),
    ));
    insta::assert_snapshot!(text(&numbers.from(User::table()), &Several), @r#"SELECT MIN(rank("age")), MAX("id"), COUNT(DISTINCT one("age")), CAST(SUM("age") AS BIGINT) FROM "users""#);
    let compound = |compound: Compound<Option<i32>>| {
        let rendered = compound.render(&Several).expect("renders");
        rendered.sql.text().to_owned()
    };
    let texts = [
        compound(ages().union(ages())),
        compound(ages().union_all(ages())),
        compound(ages().union_all(ages()).order_by(1)),
        compound(ages().union_all(ages()).union(ages())),
    ];
    insta::assert_snapshot!(texts.join("\n"), @r#"
SELECT one("users"."age") AS "age" FROM "users" UNION SELECT one("users"."age") AS "age" FROM "users"
SELECT "users"."age" FROM "users" UNION ALL SELECT "users"."age" FROM "users"
SELECT one("users"."age") AS "age" FROM "users" UNION ALL SELECT one("users"."age") AS "age" FROM "users" ORDER BY 1
SELECT * FROM (SELECT one("users"."age") AS "age" FROM "users" UNION ALL SELECT one("users"."age") AS "age" FROM "users") AS q UNION SELECT one("users"."age") AS "age" FROM "users"
"#);
}

/// The columns that an UPDATE of users writes, whether they are computed, and the parameters that become their values.
type Written = (Vec<(String, bool)>, Vec<(usize, usize)>);

fn written(update: &Update) -> Written {
    let rendered = update.render(&Converts).expect("renders");
    let target = rendered.sql.target().expect("a target").clone();
    let columns = target.columns().iter();
    let columns = columns.map(|column| (column.name.clone(), column.is_computed));
    (columns.collect(), target.parameters().collect())
}

#[test]
fn parameters_that_become_values_are_known() {
    let name = |is_computed| vec![("name".to_owned(), is_computed)];
    let set = |value: Expr<User, String>| written(&update(User::table()).set(User::NAME, value));
    let lit = |text: &str| Expr::<User, String>::from_node(Node::value(&text.to_owned()));
    assert_eq!(set(lit("x")), (name(false), vec![(0, 0)]));
    // The second is compared with the first only.
    let either = nullif(lit("x"), "y");
    assert_eq!(
        set(Expr::from_node(either.node().clone())),
        (name(false), vec![(0, 0)])
    );
    assert_eq!(
        set(coalesce(lit("x"), "y")),
        (name(false), vec![(0, 0), (1, 0)])
    );
    let chosen = || case(User::NAME.eq("a"), lit("x"));
    assert_eq!(
        set(chosen().otherwise("y")),
        (name(false), vec![(1, 0), (2, 0)])
    );
    assert_eq!(
        set(chosen().otherwise(User::EMAIL)),
        (name(true), Vec::new())
    );
    assert_eq!(set(User::NAME.concat("x")), (name(true), Vec::new()));
    assert_eq!(set(lower(User::NAME)), (name(true), Vec::new()));
    assert_eq!(set(coalesce(User::NAME, "x")), (name(false), vec![(0, 0)]));
    // The values of another column, even of another row, may be stored differently.
    let of_users = |query: Select<String>| written(&update(User::table()).set(User::NAME, query));
    let names = select(User::NAME).from(User::table());
    assert_eq!(of_users(names), (Vec::new(), Vec::new()));
    let titles = select(Task::TITLE).from(Task::table());
    assert_eq!(of_users(titles), (name(true), Vec::new()));
}

/// The statements of the unit of work on users and their ages.
fn of_the_session(dialect: &dyn Dialect) -> Vec<String> {
    let (table, renderer) = (User::table(), Renderer::new(dialect));
    let pairing = Pairing {
        association: Task::table(),
        here: &[0],
        there: &[2],
        by: &[0],
        is_referenced: false,
        target: table,
        read: &[0, 2],
        order: &[(2, true), (0, false)],
    };
    let ages = Pairing {
        association: table,
        here: &[2],
        there: &[2],
        by: &[2],
        is_referenced: true,
        order: &[(0, true), (2, false)],
        ..pairing
    };
    [
        renderer.insert(table, &[1, 2], 2, &[0, 2]),
        renderer.update(table, &[1, 2], &[0, 2]),
        renderer.delete_by(table, &[2], 1),
        renderer.delete_by(table, &[2, 0], 2),
        renderer.select_by(table, &[0, 2], &[2], 2, &[(2, false), (0, true)]),
        renderer.select_by(table, &[0], &[0], 1, &[(0, false), (2, true)]),
        renderer.select_paired(&pairing, 1),
        renderer.select_paired(&ages, 2),
    ]
    .map(|sql| sql.text().to_owned())
    .into()
}

/// The same with arrays.
fn by_arrays(dialect: &dyn Dialect) -> Vec<String> {
    let (table, renderer) = (User::table(), Renderer::new(dialect));
    [
        renderer.insert_arrays(table, &[1, 2], &[0, 2]),
        renderer.update_arrays(table, &[1, 2], &[0, 2]),
        renderer.delete_arrays(table, &[2]),
        renderer.delete_arrays(table, &[0, 2]),
        renderer.select_by_arrays(table, &[0, 2], &[2], &[(2, false), (0, true)]),
    ]
    .map(|sql| sql.text().to_owned())
    .into()
}

#[test]
fn rows_of_the_session_have_their_forms() {
    insta::assert_snapshot!(of_the_session(&Several).join("\n"), @r#"
INSERT INTO "users" ("name", "age") VALUES (?1, ?2), (?3, ?4) RETURNING "id", "age"
UPDATE "users" SET "name" = ?1, "age" = ?2 WHERE "id" = ?3 AND "age" IN (short(?4), ?4)
DELETE FROM "users" WHERE "age" IN (short(?1), ?1)
DELETE FROM "users" WHERE ("age", "id") IN (VALUES (short(?1), ?2), (?1, ?2), (short(?3), ?4), (?3, ?4))
SELECT "id", "age" FROM "users" WHERE "age" IN (short(?1), ?1, short(?2), ?2) ORDER BY one("age"), "id" DESC
SELECT "id" FROM "users" WHERE "id" = ?1 ORDER BY "id", rank("age") DESC
SELECT t."id", t."age", a."id" FROM "tasks" AS a JOIN "users" AS t ON t."id" = a."user_id" WHERE a."id" IN (?1) ORDER BY one(t."age") DESC, t."id"
SELECT t."id", t."age", a."age" FROM "users" AS a JOIN "users" AS t ON one(a."age") = one(t."age") WHERE a."age" IN (short(?1), ?1, short(?2), ?2) ORDER BY t."id" DESC, rank(t."age")
"#);
    insta::assert_snapshot!(of_the_session(&Cast(Batch::Rows)).join("\n"), @r#"
INSERT INTO "users" ("name", "age") VALUES ($1, CAST($2 AS mood)), ($3, CAST($4 AS mood)) RETURNING "id", CAST("age" AS text) AS "age"
UPDATE "users" SET "name" = $1, "age" = CAST($2 AS mood) WHERE "id" = $3 AND "age" = CAST($4 AS mood)
DELETE FROM "users" WHERE "age" = CAST($1 AS mood)
DELETE FROM "users" WHERE ("age", "id") IN (VALUES (CAST($1 AS mood), $2), (CAST($3 AS mood), $4))
SELECT "id", CAST("age" AS text) AS "age" FROM "users" WHERE "age" IN (CAST($1 AS mood), CAST($2 AS mood)) ORDER BY "users"."age", "id" DESC
SELECT "id" FROM "users" WHERE "id" = $1 ORDER BY "id", "users"."age" DESC
SELECT t."id", CAST(t."age" AS text) AS "age", a."id" FROM "tasks" AS a JOIN "users" AS t ON t."id" = a."user_id" WHERE a."id" IN ($1) ORDER BY t."age" DESC, t."id"
SELECT t."id", CAST(t."age" AS text) AS "age", CAST(a."age" AS text) AS "age" FROM "users" AS a JOIN "users" AS t ON a."age" = t."age" WHERE a."age" IN (CAST($1 AS mood), CAST($2 AS mood)) ORDER BY t."id" DESC, t."age"
"#);
    insta::assert_snapshot!(by_arrays(&Cast(Batch::Arrays)).join("\n"), @r#"
INSERT INTO "users" ("name", "age") SELECT v.c1, CAST(v.c2 AS mood) FROM UNNEST($1::text[], $2::integer[]) WITH ORDINALITY AS v(c1, c2, n) ORDER BY v.n RETURNING "id", CAST("age" AS text) AS "age"
UPDATE "users" AS t SET "name" = v.s1, "age" = CAST(v.s2 AS mood) FROM UNNEST($1::text[], $2::integer[], $3::bigint[], $4::integer[]) AS v(s1, s2, k1, k2) WHERE t."id" = v.k1 AND t."age" = CAST(v.k2 AS mood)
DELETE FROM "users" WHERE ("age") IN (SELECT CAST(v.c1 AS mood) FROM UNNEST($1::integer[]) AS v(c1))
DELETE FROM "users" WHERE ("id", "age") IN (SELECT v.c1, CAST(v.c2 AS mood) FROM UNNEST($1::bigint[], $2::integer[]) AS v(c1, c2))
SELECT "id", CAST("age" AS text) AS "age" FROM "users" WHERE ("age") IN (SELECT CAST(v.c1 AS mood) FROM UNNEST($1::integer[]) AS v(c1)) ORDER BY "users"."age", "id" DESC
"#);
}

#[test]
fn the_values_of_rows_are_known() {
    let (table, renderer) = (User::table(), Renderer::new(&Converts));
    let parameters = |sql: &Sql| -> Vec<(usize, String)> {
        let target = sql.target().expect("a target");
        let name = |column: usize| target.columns()[column].name.clone();
        target
            .parameters()
            .map(|(at, column)| (at, name(column)))
            .collect()
    };
    let named = |all: &[(usize, &str)]| -> Vec<(usize, String)> {
        all.iter()
            .map(|&(at, name)| (at, name.to_owned()))
            .collect()
    };
    let twice = named(&[(0, "name"), (1, "age"), (2, "name"), (3, "age")]);
    assert_eq!(parameters(&renderer.insert(table, &[1, 2], 2, &[])), twice);
    let once = named(&[(0, "name"), (1, "age")]);
    assert_eq!(
        parameters(&renderer.insert_arrays(table, &[1, 2], &[])),
        once
    );
    assert_eq!(parameters(&renderer.update(table, &[1, 2], &[0])), once);
    assert_eq!(
        parameters(&renderer.update_arrays(table, &[1, 2], &[0, 5])),
        once
    );
    assert!(
        Renderer::new(&Arrays)
            .insert(table, &[1], 1, &[])
            .target()
            .is_none()
    );
    assert!(renderer.delete(table, &[0]).target().is_none());
}

#[test]
fn a_key_that_is_given_overrides_the_generated_one() {
    let text = |sql: &Sql| sql.text().replace('"', "");
    let with_id = insert_into(User::table())
        .columns((User::ID, User::NAME))
        .values((7, "ann"));
    let without = insert_into(User::table())
        .columns((User::NAME,))
        .values(("ann",));
    let texts = [with_id.render(&Converts), without.render(&Converts)];
    let texts = texts.map(|rendered| text(&rendered.expect("renders").sql));
    assert_eq!(
        texts,
        [
            "INSERT INTO users (id, name) OVERRIDING VALUES (?, ?)",
            "INSERT INTO users (name) VALUES (?)"
        ]
    );
}
