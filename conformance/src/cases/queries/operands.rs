//! Every operator and function of the expression language over a table of operands, compared with results computed in Rust.
//!
//! A wrong engine returns the right result for most operands. So each expression is tried with all of them: NULL on either side, both signs,
//! equal values, empty text, fractions, letters of both cases, and the characters that patterns treat as special.

mod texts;

use selfsame::metadata;
use selfsame::prelude::*;
use selfsame::sql::{abs, case, cast, coalesce, nullif, select};

use texts::{patterns, texts};

use crate::case::Cover::Contract;
use crate::case::{Case, CaseResult};
use crate::context::Context;

pub(super) const CASES: &[Case] = &[
    Case::core("queries.operands.comparison", comparisons)
        .since(17)
        .promise("Every comparison of numbers is true, false or NULL as SQL defines, as a result column and as a condition, for all operands.")
        .hint("NULL on either side gives NULL, except in null-safe comparisons; nothing is compared as text.")
        .covers(&[Contract(23), Contract(24), Contract(25)]),
    Case::core("queries.operands.logic", logic)
        .since(17)
        .promise("AND, OR and NOT follow three-valued logic: a condition, its negation and its being NULL partition the rows.")
        .hint("A row for which the condition is NULL matches neither the condition nor its negation.")
        .covers(&[Contract(23)]),
    Case::core("queries.operands.lists", lists)
        .since(17)
        .promise("IN and NOT IN over lists and subqueries follow SQL's rules for NULL, in the list and on the left side.")
        .hint("NOT IN of a list with a NULL is never true.")
        .covers(&[Contract(25), Contract(36)]),
    Case::core("queries.operands.arithmetic", arithmetic)
        .since(17)
        .promise("Sums, products, quotients and remainders equal those computed in Rust; integer division truncates towards zero.")
        .hint("Integers are divided as integers, floats as floats.")
        .covers(&[Contract(38)]),
    Case::core("queries.operands.choice", choices)
        .since(17)
        .promise("CASE, COALESCE, NULLIF and casts give the selected value, or NULL if none is selected.")
        .hint("The branches of CASE are tried in order.")
        .covers(&[Contract(38)]),
    Case::core("queries.operands.text", texts)
        .since(17)
        .promise("Text functions count characters, are case-sensitive, and return NULL for NULL.")
        .hint("Lengths and positions are in characters, not bytes.")
        .covers(&[Contract(27)]),
    Case::core("queries.operands.patterns", patterns)
        .since(17)
        .promise("Each text-matching operator finds the right rows, even if both sides contain the special characters of patterns.")
        .hint("`Dialect::text_match` matches every character literally; in LIKE, `%` and `_` are wildcards unless escaped by a backslash.")
        .covers(&[Contract(27), Contract(28)]),
];

/// Two integers and two floats, each of which may be NULL.
#[derive(Entity, Clone, Debug)]
#[orm(table = "numbers")]
pub(super) struct Numbers {
    #[orm(primary_key)]
    id: i64,
    a: Option<i64>,
    b: Option<i64>,
    x: Option<f64>,
    y: Option<f64>,
}

/// Two texts, each of which may be NULL.
#[derive(Entity, Clone, Debug)]
#[orm(table = "words")]
pub(super) struct Words {
    #[orm(primary_key)]
    id: i64,
    s: Option<String>,
    t: Option<String>,
}

const INTEGERS: [Option<i64>; 10] = [
    None,
    Some(-(1 << 40)),
    Some(-7),
    Some(-2),
    Some(-1),
    Some(0),
    Some(1),
    Some(2),
    Some(7),
    Some((1 << 40) + 1),
];

const FLOATS: [Option<f64>; 10] = [
    None,
    Some(-1e30),
    Some(-7.5),
    Some(-2.0),
    Some(-0.25),
    Some(0.0),
    Some(0.5),
    Some(2.0),
    Some(7.25),
    Some(1e30),
];

const TEXTS: [Option<&str>; 21] = [
    None,
    Some(""),
    Some(" "),
    Some("a"),
    Some("A"),
    Some("ab"),
    Some("aB"),
    Some("ba"),
    Some("aab"),
    Some("%"),
    Some("_"),
    Some("a%b"),
    Some("a_b"),
    Some("\\"),
    Some("a\\b"),
    Some("^"),
    Some("[^]"),
    Some("  ab "),
    Some("\tab\n"),
    Some("éa"),
    Some("😀b"),
];

/// Returns a session, and every pair of operands as a row.
fn with_numbers(context: &Context) -> CaseResult<(Session, Vec<Numbers>)> {
    let engine = Engine::from_backend(context.backend());
    metadata![Numbers].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let pairs = (0..INTEGERS.len()).flat_map(|i| (0..INTEGERS.len()).map(move |j| (i, j)));
    let rows: Vec<Numbers> = pairs
        .zip(1..)
        .map(|((i, j), id)| Numbers {
            a: INTEGERS[i],
            b: INTEGERS[j],
            x: FLOATS[i],
            y: FLOATS[j],
            ..Numbers::new(id)
        })
        .collect();
    session.insert_all(rows.clone())?;
    Ok((session, rows))
}

fn with_words(context: &Context) -> CaseResult<(Session, Vec<Words>)> {
    let engine = Engine::from_backend(context.backend());
    metadata![Words].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let pairs = TEXTS
        .iter()
        .flat_map(|s| TEXTS.iter().map(move |t| (*s, *t)));
    let rows: Vec<Words> = pairs
        .zip(1..)
        .map(|((s, t), id)| Words {
            s: s.map(str::to_owned),
            t: t.map(str::to_owned),
            ..Words::new(id)
        })
        .collect();
    session.insert_all(rows.clone())?;
    Ok((session, rows))
}

/// Checks an expression's value in every row.
macro_rules! agree {
    ($session:ident, $entity:ident, $rows:ident, $name:expr, $expression:expr, $wanted:expr) => {{
        let found = select(($entity::ID, $expression))
            .from($entity::table())
            .order_by($entity::ID.asc())
            .all(&mut $session)?;
        check_eq!(found.len(), $rows.len(), "{}: every row must come", $name);
        for ((id, found), row) in found.iter().zip(&$rows) {
            check_eq!(*id, row.id, "{}: the rows must come in order", $name);
            check_eq!(*found, ($wanted)(row), "{} of {row:?}", $name);
        }
    }};
}

/// Checks a condition in every row, as a projection, and checks the rows that it, its negation and its test for NULL find.
macro_rules! decide {
    ($session:ident, $entity:ident, $rows:ident, $name:expr, $condition:expr, $wanted:expr) => {{
        let condition = $condition;
        agree!(
            $session,
            $entity,
            $rows,
            $name,
            condition.clone().nullable(),
            $wanted
        );
        for (what, filter, truth) in [
            ("true", condition.clone(), Some(true)),
            ("false", !condition.clone(), Some(false)),
            ("NULL", condition.is_null(), None),
        ] {
            let found = select($entity::ID)
                .from($entity::table())
                .filter(filter)
                .order_by($entity::ID.asc())
                .all(&mut $session)?;
            let rows = $rows.iter().filter(|row| ($wanted)(row) == truth);
            let wanted: Vec<i64> = rows.map(|row| row.id).collect();
            check_eq!(found, wanted, "the rows where {} is {what}", $name);
        }
    }};
}
use {agree, decide};

fn comparisons(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_numbers(context)?;
    macro_rules! compare {
        ($($name:literal $method:ident $operator:tt;)*) => {$(
            decide!(session, Numbers, rows, concat!("a ", $name, " b"), Numbers::A.$method(Numbers::B), |row: &Numbers| {
                Some(row.a? $operator row.b?)
            });
            decide!(session, Numbers, rows, concat!("x ", $name, " y"), Numbers::X.$method(Numbers::Y), |row: &Numbers| {
                Some(row.x? $operator row.y?)
            });
            decide!(session, Numbers, rows, concat!("a ", $name, " 2"), Numbers::A.$method(2), |row: &Numbers| {
                Some(row.a? $operator 2)
            });
        )*};
    }
    compare! {
        "=" eq ==;
        "<>" ne !=;
        "<" lt <;
        "<=" le <=;
        ">" gt >;
        ">=" ge >=;
    }
    decide!(
        session,
        Numbers,
        rows,
        "a equals b, NULL included",
        Numbers::A.eq_null_safe(Numbers::B),
        |row: &Numbers| Some(row.a == row.b)
    );
    decide!(
        session,
        Numbers,
        rows,
        "a differs from b, NULL included",
        Numbers::A.ne_null_safe(Numbers::B),
        |row: &Numbers| Some(row.a != row.b)
    );
    for value in [None, Some(2)] {
        decide!(
            session,
            Numbers,
            rows,
            format!("a equals {value:?}, NULL included"),
            Numbers::A.eq_null_safe(value),
            |row: &Numbers| Some(row.a == value)
        );
        decide!(
            session,
            Numbers,
            rows,
            format!("a differs from {value:?}, NULL included"),
            Numbers::A.ne_null_safe(value),
            |row: &Numbers| Some(row.a != value)
        );
    }
    decide!(
        session,
        Numbers,
        rows,
        "a IS NULL",
        Numbers::A.is_null(),
        |row: &Numbers| Some(row.a.is_none())
    );
    decide!(
        session,
        Numbers,
        rows,
        "a IS NOT NULL",
        Numbers::A.is_not_null(),
        |row: &Numbers| Some(row.a.is_some())
    );
    for (low, high) in [(-2, 2), (2, -2), (0, 0)] {
        decide!(
            session,
            Numbers,
            rows,
            format!("a BETWEEN {low} AND {high}"),
            Numbers::A.between(low, high),
            |row: &Numbers| Some((low..=high).contains(&row.a?))
        );
    }
    decide!(
        session,
        Numbers,
        rows,
        "0 to b around a",
        Numbers::A.between(0, Numbers::B),
        // One false operand is enough, even if the other is NULL.
        |row: &Numbers| both(row.a.map(|a| a >= 0), row.a.zip(row.b).map(|(a, b)| a <= b))
    );
    Ok(())
}

/// AND in three-valued logic.
fn both(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

/// OR in three-valued logic.
fn either(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    both(left.map(|l| !l), right.map(|r| !r)).map(|neither| !neither)
}

fn logic(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_numbers(context)?;
    let left = || Numbers::A.gt(0);
    let right = || Numbers::B.gt(0);
    let l = |row: &Numbers| Some(row.a? > 0);
    let r = |row: &Numbers| Some(row.b? > 0);
    decide!(
        session,
        Numbers,
        rows,
        "a > 0 AND b > 0",
        left().and(right()),
        |row: &Numbers| both(l(row), r(row))
    );
    decide!(
        session,
        Numbers,
        rows,
        "a > 0 OR b > 0",
        left().or(right()),
        |row: &Numbers| either(l(row), r(row))
    );
    decide!(
        session,
        Numbers,
        rows,
        "NOT (a > 0 OR b > 0) OR a = b",
        (!left().or(right())).or(Numbers::A.eq(Numbers::B)),
        |row: &Numbers| either(
            either(l(row), r(row)).map(|any| !any),
            row.a.zip(row.b).map(|(a, b)| a == b)
        )
    );
    decide!(
        session,
        Numbers,
        rows,
        "a > 0 AND (b > 0 OR a = 7)",
        left().and(right().or(Numbers::A.eq(7))),
        |row: &Numbers| both(l(row), either(r(row), row.a.map(|a| a == 7)))
    );
    decide!(
        session,
        Numbers,
        rows,
        "a > 0 AND b > 0 OR a = 7",
        left().and(right()).or(Numbers::A.eq(7)),
        |row: &Numbers| either(both(l(row), r(row)), row.a.map(|a| a == 7))
    );
    Ok(())
}

/// `subject IN list` in three-valued logic.
fn is_in(subject: Option<i64>, list: &[Option<i64>]) -> Option<bool> {
    let equal = |item: &Option<i64>| subject.zip(*item).map(|(s, i)| s == i);
    list.iter().map(equal).fold(Some(false), either)
}

fn lists(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_numbers(context)?;
    let long: Vec<Option<i64>> = (-1_000..1_000).map(|n| Some(n * 3 + 1)).collect();
    let drawn: [&[Option<i64>]; 6] = [
        &[],
        &[Some(2)],
        &[Some(2), Some(2), Some(-7)],
        &[None],
        &[Some(7), None, Some(0)],
        &long,
    ];
    for list in drawn {
        let shown = crate::check::shown(&list);
        decide!(
            session,
            Numbers,
            rows,
            format!("a IN {shown}"),
            Numbers::A.in_(list.to_vec()),
            |row: &Numbers| is_in(row.a, list)
        );
        decide!(
            session,
            Numbers,
            rows,
            format!("a NOT IN {shown}"),
            Numbers::A.not_in(list.to_vec()),
            |row: &Numbers| is_in(row.a, list).map(|found| !found)
        );
    }
    let above: Vec<Option<i64>> = INTEGERS.into_iter().filter(|a| *a > Some(1)).collect();
    let query = || {
        select(Numbers::B)
            .from(Numbers::table())
            .filter(Numbers::B.gt(1))
    };
    decide!(
        session,
        Numbers,
        rows,
        "a IN (every b above 1)",
        Numbers::A.in_(query()),
        |row: &Numbers| is_in(row.a, &above)
    );
    decide!(
        session,
        Numbers,
        rows,
        "a NOT IN (every b above 1)",
        Numbers::A.not_in(query()),
        |row: &Numbers| is_in(row.a, &above).map(|found| !found)
    );
    let all = || select(Numbers::B).from(Numbers::table());
    decide!(
        session,
        Numbers,
        rows,
        "a IN (every b, NULL among them)",
        Numbers::A.in_(all()),
        |row: &Numbers| is_in(row.a, &INTEGERS)
    );
    decide!(
        session,
        Numbers,
        rows,
        "a NOT IN (every b, NULL among them)",
        Numbers::A.not_in(all()),
        |row: &Numbers| is_in(row.a, &INTEGERS).map(|found| !found)
    );
    let some: Vec<Option<i64>> = [None].into_iter().chain(above).collect();
    let query = || {
        select(Numbers::B)
            .from(Numbers::table())
            .filter(Numbers::B.gt(1).or(Numbers::B.is_null()))
    };
    decide!(
        session,
        Numbers,
        rows,
        "a IN (every b above 1, and NULL)",
        Numbers::A.in_(query()),
        |row: &Numbers| is_in(row.a, &some)
    );
    decide!(
        session,
        Numbers,
        rows,
        "a NOT IN (every b above 1, and NULL)",
        Numbers::A.not_in(query()),
        |row: &Numbers| is_in(row.a, &some).map(|found| !found)
    );
    Ok(())
}

fn arithmetic(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_numbers(context)?;
    macro_rules! calculate {
        ($($operator:tt)*) => {$(
            agree!(session, Numbers, rows, concat!("a ", stringify!($operator), " 3"),
                Numbers::A $operator 3, |row: &Numbers| Some(row.a? $operator 3));
            agree!(session, Numbers, rows, concat!("x ", stringify!($operator), " 0.5"),
                Numbers::X $operator 0.5, |row: &Numbers| Some(row.x? $operator 0.5));
        )*};
    }
    calculate!(+ - * /);
    agree!(
        session,
        Numbers,
        rows,
        "a % 3",
        Numbers::A % 3,
        |row: &Numbers| Some(row.a? % 3)
    );
    agree!(
        session,
        Numbers,
        rows,
        "a + b",
        Numbers::A + Numbers::B,
        |row: &Numbers| Some(row.a? + row.b?)
    );
    agree!(
        session,
        Numbers,
        rows,
        "a - b",
        Numbers::A - Numbers::B,
        |row: &Numbers| Some(row.a? - row.b?)
    );
    agree!(
        session,
        Numbers,
        rows,
        "x + y",
        Numbers::X + Numbers::Y,
        |row: &Numbers| Some(row.x? + row.y?)
    );
    agree!(
        session,
        Numbers,
        rows,
        "x * y",
        Numbers::X * Numbers::Y,
        |row: &Numbers| Some(row.x? * row.y?)
    );
    agree!(
        session,
        Numbers,
        rows,
        "a - (b - 1)",
        Numbers::A - (Numbers::B - 1),
        |row: &Numbers| Some(row.a? - (row.b? - 1))
    );
    agree!(
        session,
        Numbers,
        rows,
        "(a + 1) * 2 - 3 * 4",
        (Numbers::A + 1) * 2 - 12,
        |row: &Numbers| Some((row.a? + 1) * 2 - 12)
    );
    agree!(
        session,
        Numbers,
        rows,
        "abs(a)",
        abs(Numbers::A),
        |row: &Numbers| Some(row.a?.abs())
    );
    agree!(
        session,
        Numbers,
        rows,
        "abs(x)",
        abs(Numbers::X),
        |row: &Numbers| Some(row.x?.abs())
    );
    Ok(())
}

fn choices(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_numbers(context)?;
    agree!(
        session,
        Numbers,
        rows,
        "CASE in order, with ELSE",
        case(Numbers::A.gt(1), "large")
            .when(Numbers::A.gt(-2), "small")
            .when(Numbers::B.is_null(), "no b")
            .otherwise("else")
            .nullable(),
        |row: &Numbers| Some(
            match row.a {
                Some(a) if a > 1 => "large",
                Some(a) if a > -2 => "small",
                _ if row.b.is_none() => "no b",
                _ => "else",
            }
            .to_owned()
        )
    );
    agree!(
        session,
        Numbers,
        rows,
        "CASE without ELSE",
        case(Numbers::A.gt(Numbers::B), Numbers::A).or_null(),
        |row: &Numbers| row
            .a
            .filter(|_| row.a.zip(row.b).is_some_and(|(a, b)| a > b))
    );
    agree!(
        session,
        Numbers,
        rows,
        "coalesce(a, -5)",
        coalesce(Numbers::A, -5).nullable(),
        |row: &Numbers| Some(row.a.unwrap_or(-5))
    );
    agree!(
        session,
        Numbers,
        rows,
        "nullif(a, b)",
        nullif(Numbers::A, Numbers::B),
        |row: &Numbers| row.a.filter(|_| row.a != row.b)
    );
    agree!(
        session,
        Numbers,
        rows,
        "a as text",
        cast::<Option<String>, _>(Numbers::A),
        |row: &Numbers| row.a.map(|a| a.to_string())
    );
    agree!(
        session,
        Numbers,
        rows,
        "a as a float",
        cast::<Option<f64>, _>(Numbers::A),
        // Exact: the largest is below 2^53.
        |row: &Numbers| row.a.map(|a| a as f64)
    );
    agree!(
        session,
        Numbers,
        rows,
        "a as text and back",
        cast::<Option<i64>, _>(cast::<Option<String>, _>(Numbers::A)),
        |row: &Numbers| row.a
    );
    Ok(())
}
