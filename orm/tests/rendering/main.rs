//! Every expression and statement on three dialects: the ANSI default, `?` with VALUES, `$n` with arrays.

mod dialects;
mod forms;
mod functions;
mod generated;
mod models;
mod statements;
mod tables;
mod writes;

use std::borrow::Cow;
use std::sync::Arc;

use selfsame::dialect::{Batch, Capabilities, DatePart, Dialect};
use selfsame::render::{Rendered, Renderer, render_select};
use selfsame::schema::{ColumnType, Table};
use selfsame::sql::{
    ColumnRef, Common, Compound, Condition, Expr, FrameBound, IntoSql, Node, SelectNode, Source,
    Window, Write, alias, avg, case, cast, coalesce, count, count_all, count_distinct, date_part,
    delete_from, excluded, exists, insert_into, json_text, lower, max, min, on, raw, row_number,
    select, sum, update, upper, verbatim,
};
use selfsame::value::{Auto, ColumnValue, Param, Value, ValueRef, ValueType};
use selfsame::{Entity, ErrorKind, Result};

use dialects::{Ansi, Arrays, Values, everywhere, values};
use models::{Branch, Email, Status, Task, User};

/// A condition on users on the ANSI dialect, and its parameters.
fn check(condition: impl Condition<User>) -> String {
    let node = condition.into_condition();
    let rendered = query_on(&Ansi, User::table(), Some(&node)).expect("renders");
    let text = rendered.sql.text().split_once(" WHERE ").expect("WHERE").1;
    format!("{text} {}", values(&rendered))
}

/// Claims this capability, and is otherwise like ANSI.
#[derive(Debug)]
struct Plain(Capabilities);

impl Dialect for Plain {
    fn name(&self) -> &str {
        "plain"
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        Ansi.column_type(ty)
    }

    fn capabilities(&self) -> Capabilities {
        self.0.clone()
    }

    fn batch(&self) -> Batch {
        Ansi.batch()
    }
}

/// Stores an `INT` in two forms, the lesser of which is made by a function.
#[derive(Debug)]
struct Forms;

impl Dialect for Forms {
    fn name(&self) -> &str {
        "forms"
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

    fn least_form(&self, parameter: &str, ty: &ColumnType) -> Option<String> {
        (*ty == ColumnType::I32).then(|| format!("short({parameter})"))
    }

    fn limits_in_subqueries(&self) -> bool {
        false
    }
}

#[test]
fn a_column_is_compared_with_each_form_of_a_value() {
    let on_forms = |condition: Node| {
        let rendered = query_on(&Forms, User::table(), Some(&condition)).expect("renders");
        let text = rendered
            .sql
            .text()
            .split_once(" WHERE ")
            .expect("WHERE")
            .1
            .to_owned();
        format!("{text} {}", values(&rendered))
    };
    let all = [
        User::AGE.eq(3).into_condition(),
        User::AGE.ne(3).into_condition(),
        User::AGE.lt(3).into_condition(),
        User::AGE.le(3).into_condition(),
        User::AGE.gt(3).into_condition(),
        User::AGE.ge(3).into_condition(),
        User::AGE.between(3, 5).into_condition(),
        User::AGE.in_([3, 4]).into_condition(),
        User::AGE.not_in([3, 4]).into_condition(),
        User::AGE.eq_null_safe(Some(3)).into_condition(),
        User::AGE.ne_null_safe(Some(3)).into_condition(),
        User::AGE.ne_null_safe(None).into_condition(),
        User::ID.eq(3).into_condition(),
    ];
    let texts: Vec<String> = all.into_iter().map(on_forms).collect();
    insta::assert_snapshot!(texts.join("\n"), @r#"
    "age" IN (short(?1), ?1) [3]
    "age" NOT IN (short(?1), ?1) [3]
    "age" < short(?1) [3]
    "age" <= ?1 [3]
    "age" > ?1 [3]
    "age" >= short(?1) [3]
    ("age" >= short(?1) AND "age" <= ?2) [3, 5]
    "age" IN (short(?1), ?1, short(?2), ?2) [3, 4]
    "age" NOT IN (short(?1), ?1, short(?2), ?2) [3, 4]
    coalesce("age" IN (short(?1), ?1), FALSE) [3]
    coalesce(NOT "age" IN (short(?1), ?1), TRUE) [3]
    "age" IS DISTINCT FROM ?1 [NULL]
    "id" = ?1 [3]
    "#);
}

#[test]
fn a_bounded_query_in_a_list_is_a_table_where_the_dialect_needs_it() {
    let tasks = select(Task::ID).from(Task::table());
    let lists = [User::ID.in_(tasks.clone()), User::ID.in_(tasks.limit(1))];
    let is_table = |dialect: &dyn Dialect| {
        lists.clone().map(|list| {
            let rendered = query_on(dialect, User::table(), Some(list.node())).expect("renders");
            rendered.sql.text().contains("IN (SELECT * FROM (")
        })
    };
    assert_eq!(is_table(&Forms), [false, true]);
    assert_eq!(is_table(&Ansi), [false, false]);
}

#[test]
fn rows_are_looked_up_by_each_form_of_their_keys() {
    let (table, renderer) = (User::table(), Renderer::new(&Forms));
    let age = table.position("age").expect("a column");
    let name = table.position("name").expect("a column");
    let by = |columns: &[usize], rows| {
        let sql = renderer.select_by(table, &[0], columns, rows, &[]);
        sql.text().to_owned()
    };
    let texts = [by(&[age], 2), by(&[age, name], 2), by(&[name, age], 1)];
    insta::assert_snapshot!(texts.join("\n"), @r#"
    SELECT "id" FROM "users" WHERE "age" IN (short(?1), ?1, short(?2), ?2)
    SELECT "id" FROM "users" WHERE ("age", "name") IN (VALUES (short(?1), ?2), (?1, ?2), (short(?3), ?4), (?3, ?4))
    SELECT "id" FROM "users" WHERE "name" = ?1 AND "age" IN (short(?2), ?2)
    "#);
}

#[test]
fn unclaimed_capabilities_are_refused() {
    let plain = Plain(Capabilities::none());
    let first = row_number().over(Window::new().order_by(User::AGE.asc()));
    let refused = [
        date_part(DatePart::Year, User::NAME).eq(1).into_condition(),
        json_text(User::NAME, ["a"]).eq("x").into_condition(),
        first.eq(1).into_condition(),
    ];
    for node in refused {
        let error = query_on(&plain, User::table(), Some(&node)).expect_err("it has none");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(query_on(&Ansi, User::table(), Some(&node)).is_ok());
    }
}

/// The first column of the rows of a table that satisfy a condition.
fn query_on(dialect: &dyn Dialect, table: &Arc<Table>, filter: Option<&Node>) -> Result<Rendered> {
    let mut query = SelectNode::default();
    query.columns.push(Node::Column(ColumnRef {
        table: Arc::clone(table),
        index: 0,
        alias: None,
    }));
    query.types.push(table.columns[0].ty.value_type());
    query.from = Some(Source::from(table));
    query.filter = filter.cloned();
    render_select(dialect, &query)
}

#[test]
fn comparisons() {
    insta::assert_snapshot!(check(User::NAME.eq("ann")), @r#""name" = ? ["ann"]"#);
    insta::assert_snapshot!(check(User::NAME.ne(String::from("ann"))), @r#""name" <> ? ["ann"]"#);
    insta::assert_snapshot!(check(User::AGE.lt(18)), @r#""age" < ? [18]"#);
    insta::assert_snapshot!(check(User::ID.le(18)), @r#""id" <= ? [18]"#);
    insta::assert_snapshot!(check(User::AGE.gt(18)), @r#""age" > ? [18]"#);
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
    insta::assert_snapshot!(check(User::AGE.in_([18].iter())), @r#""age" IN (?) [18]"#);
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
OutOfRange: the statement has 9 parameters, but values allows 8: split its list of values (lists of integers can have any length)
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
SELECT "id" FROM "users" WHERE substr("name", 1, length(?)) = ? AND CASE WHEN length(?) = 0 THEN "name" = "name" ELSE substr("name", -length(?)) = ? END AND position(? IN "name") > 0 ["a_", "a_", "%", "%", "%", ""]
SELECT "id" FROM "users" WHERE substr("name", 1, length(?)) = ? AND CASE WHEN length(?) = 0 THEN "name" = "name" ELSE substr("name", -length(?)) = ? END AND position(? IN "name") > 0 ["a_", "a_", "%", "%", "%", ""]
SELECT "id" FROM "users" WHERE substr("name", 1, length($1)) = $2 AND CASE WHEN length($3) = 0 THEN "name" = "name" ELSE substr("name", -length($4)) = $5 END AND position($6 IN "name") > 0 ["a_", "a_", "%", "%", "%", ""]
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
