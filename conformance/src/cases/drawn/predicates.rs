//! Generated conditions: the rows for which a condition is true, false and NULL partition the table as computed in Rust, and SELECT, UPDATE and
//! DELETE affect the same rows.

use proptest::prelude::*;
use selfsame::metadata;
use selfsame::prelude::*;
use selfsame::sql::{Expr, Predicate, coalesce, delete_from, nullif, select, update};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::property::Inputs;

pub(super) const CASES: &[Case] = &[
    Case::core("queries.drawn.partition", partition)
        .since(19)
        .promise("Any condition, its negation and its being NULL partition the rows of a table according to three-valued logic.")
        .hint("Look at the smallest condition that fails; NULL is neither true nor false.")
        .covers(&[Contract(23), Contract(24), Contract(25), Contract(27), Contract(38)]),
    Case::core("writes.drawn.same_rows", same_rows)
        .since(19)
        .needs(&[Capability::Transactions])
        .promise("SELECT, UPDATE and DELETE with the same condition affect the same rows, and report how many.")
        .hint("`Outcome::matched` counts the rows that the condition matched.")
        .covers(&[Contract(49), Contract(53), Rule(13)]),
];

/// Two numbers and two texts, each nullable, and a mark.
#[derive(Entity, Clone, Debug)]
#[orm(table = "samples")]
pub(super) struct Sample {
    #[orm(primary_key)]
    pub(super) id: i64,
    pub(super) a: Option<i64>,
    pub(super) b: Option<i64>,
    pub(super) s: Option<String>,
    pub(super) t: Option<String>,
    pub(super) mark: Option<i64>,
}

const NUMBERS: [Option<i64>; 6] = [None, Some(-2), Some(0), Some(1), Some(3), Some(9)];
const TEXTS: [Option<&str>; 8] = [
    None,
    Some(""),
    Some("a"),
    Some("ab"),
    Some("A"),
    Some("%"),
    Some("a_b"),
    Some("é\\"),
];

/// Patterns without letters, so that case does not matter. [`is_like`] evaluates them.
const PATTERNS: [&str; 6] = ["%", "_", "__", "_%_", "%\\_%", "\\%"];

/// Returns whether a text matches a pattern in which a backslash escapes the next character.
fn is_like(text: &[char], pattern: &[char]) -> bool {
    match (text, pattern) {
        (text, []) => text.is_empty(),
        (text, ['%', rest @ ..]) => (0..=text.len()).any(|from| is_like(&text[from..], rest)),
        ([_, text @ ..], ['_', rest @ ..]) => is_like(text, rest),
        ([c, text @ ..], ['\\', wanted, rest @ ..]) => c == wanted && is_like(text, rest),
        ([c, text @ ..], [wanted, rest @ ..]) => c == wanted && is_like(text, rest),
        ([], _) => false,
    }
}

/// A number: a column, a constant, or an expression of others.
#[derive(Clone, Debug)]
pub(super) enum Number {
    A,
    B,
    Constant(i64),
    Null,
    Sum(Box<Number>, Box<Number>),
    Difference(Box<Number>, Box<Number>),
    Product(Box<Number>, Box<Number>),
    /// The first operand that is not NULL.
    Coalesce(Box<Number>, Box<Number>),
    /// NULL if both are equal.
    NullIf(Box<Number>, Box<Number>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    EqNullSafe,
    NeNullSafe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    S,
    T,
    Constant(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Eq,
    Ne,
    StartsWith,
    EndsWith,
    Contains,
}

/// A condition.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Compare(Number, Compare, Number),
    IsNull(Number),
    Between(Number, Number, Number),
    In(Number, Vec<i64>, bool),
    Match(Text, Match, Text),
    /// A pattern of [`PATTERNS`].
    Like(Text, usize, bool),
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
    Not(Box<Test>),
}

pub(super) fn numbers() -> impl Strategy<Value = Number> {
    let leaf = prop_oneof![
        3 => Just(Number::A),
        3 => Just(Number::B),
        3 => (-3_i64..10).prop_map(Number::Constant),
        1 => Just(Number::Null),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        let two = || {
            (
                inner.clone().prop_map(Box::new),
                inner.clone().prop_map(Box::new),
            )
        };
        prop_oneof![
            two().prop_map(|(l, r)| Number::Sum(l, r)),
            two().prop_map(|(l, r)| Number::Difference(l, r)),
            two().prop_map(|(l, r)| Number::Product(l, r)),
            two().prop_map(|(l, r)| Number::Coalesce(l, r)),
            two().prop_map(|(l, r)| Number::NullIf(l, r)),
        ]
    })
}

pub(super) fn tests() -> impl Strategy<Value = Test> {
    let compare = proptest::sample::select(vec![
        Compare::Eq,
        Compare::Ne,
        Compare::Lt,
        Compare::Le,
        Compare::Gt,
        Compare::Ge,
        Compare::EqNullSafe,
        Compare::NeNullSafe,
    ]);
    let text = || {
        prop_oneof![
            Just(Text::S),
            Just(Text::T),
            (0..TEXTS.len()).prop_map(Text::Constant)
        ]
    };
    let matches = proptest::sample::select(vec![
        Match::Eq,
        Match::Ne,
        Match::StartsWith,
        Match::EndsWith,
        Match::Contains,
    ]);
    let leaf = prop_oneof![
        5 => (numbers(), compare, numbers()).prop_map(|(l, op, r)| Test::Compare(l, op, r)),
        1 => numbers().prop_map(Test::IsNull),
        1 => (numbers(), numbers(), numbers()).prop_map(|(v, l, h)| Test::Between(v, l, h)),
        1 => (numbers(), proptest::collection::vec(-3_i64..10, 0..4), any::<bool>())
            .prop_map(|(v, list, negated)| Test::In(v, list, negated)),
        3 => (text(), matches, text()).prop_map(|(l, how, r)| Test::Match(l, how, r)),
        1 => (text(), 0..PATTERNS.len(), any::<bool>())
            .prop_map(|(text, pattern, negated)| Test::Like(text, pattern, negated)),
    ];
    leaf.prop_recursive(4, 12, 2, |inner| {
        let two = || {
            (
                inner.clone().prop_map(Box::new),
                inner.clone().prop_map(Box::new),
            )
        };
        prop_oneof![
            two().prop_map(|(l, r)| Test::And(l, r)),
            two().prop_map(|(l, r)| Test::Or(l, r)),
            inner.clone().prop_map(|t| Test::Not(Box::new(t))),
        ]
    })
}

impl Number {
    pub(super) fn of(&self, row: &Sample) -> Option<i64> {
        Some(match self {
            Self::A => row.a?,
            Self::B => row.b?,
            Self::Constant(value) => *value,
            Self::Null => return None,
            Self::Sum(l, r) => l.of(row)? + r.of(row)?,
            Self::Difference(l, r) => l.of(row)? - r.of(row)?,
            Self::Product(l, r) => l.of(row)? * r.of(row)?,
            Self::Coalesce(l, r) => return l.of(row).or_else(|| r.of(row)),
            Self::NullIf(l, r) => return l.of(row).filter(|l| Some(*l) != r.of(row)),
        })
    }

    pub(super) fn to_sql(&self) -> Expr<Sample, Option<i64>> {
        let constant = |value: Option<i64>| coalesce_of(value);
        match self {
            Self::A => Sample::A.nullable(),
            Self::B => Sample::B.nullable(),
            Self::Constant(value) => constant(Some(*value)),
            Self::Null => constant(None),
            Self::Sum(l, r) => l.to_sql() + r.to_sql(),
            Self::Difference(l, r) => l.to_sql() - r.to_sql(),
            Self::Product(l, r) => l.to_sql() * r.to_sql(),
            Self::Coalesce(l, r) => coalesce(l.to_sql(), r.to_sql()).nullable(),
            Self::NullIf(l, r) => nullif(l.to_sql(), r.to_sql()).nullable(),
        }
    }

    fn parts(&self) -> Vec<Self> {
        match self {
            Self::A | Self::B | Self::Constant(_) | Self::Null => Vec::new(),
            Self::Sum(l, r)
            | Self::Difference(l, r)
            | Self::Product(l, r)
            | Self::Coalesce(l, r)
            | Self::NullIf(l, r) => vec![(**l).clone(), (**r).clone()],
        }
    }
}

/// Returns a constant, or NULL, as an expression.
fn coalesce_of(value: Option<i64>) -> Expr<Sample, Option<i64>> {
    Expr::from_node(selfsame::sql::Node::value(&value))
}

impl Text {
    fn of(self, row: &Sample) -> Option<&str> {
        match self {
            Self::S => row.s.as_deref(),
            Self::T => row.t.as_deref(),
            Self::Constant(place) => TEXTS[place],
        }
    }

    fn to_sql(self) -> Expr<Sample, Option<String>> {
        match self {
            Self::S => Sample::S.nullable(),
            Self::T => Sample::T.nullable(),
            Self::Constant(place) => {
                let value = TEXTS[place].map(str::to_owned);
                Expr::from_node(selfsame::sql::Node::value(&value))
            }
        }
    }
}

/// AND in three-valued logic.
pub(super) fn both(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

pub(super) fn negated(value: Option<bool>) -> Option<bool> {
    value.map(|value| !value)
}

impl Test {
    pub(super) fn of(&self, row: &Sample) -> Option<bool> {
        match self {
            Self::Compare(l, how, r) => {
                let (l, r) = (l.of(row), r.of(row));
                match how {
                    Compare::EqNullSafe => return Some(l == r),
                    Compare::NeNullSafe => return Some(l != r),
                    _ => {}
                }
                let (l, r) = (l?, r?);
                Some(match how {
                    Compare::Eq | Compare::EqNullSafe => l == r,
                    Compare::Ne | Compare::NeNullSafe => l != r,
                    Compare::Lt => l < r,
                    Compare::Le => l <= r,
                    Compare::Gt => l > r,
                    Compare::Ge => l >= r,
                })
            }
            Self::IsNull(v) => Some(v.of(row).is_none()),
            Self::Between(v, low, high) => {
                let (v, low, high) = (v.of(row), low.of(row), high.of(row));
                both(
                    v.zip(low).map(|(v, low)| v >= low),
                    v.zip(high).map(|(v, high)| v <= high),
                )
            }
            Self::In(v, list, is_negated) => {
                if list.is_empty() {
                    return Some(*is_negated);
                }
                Some(list.contains(&v.of(row)?) != *is_negated)
            }
            Self::Match(l, how, r) => {
                let (l, r) = (l.of(row)?, r.of(row)?);
                Some(match how {
                    Match::Eq => l == r,
                    Match::Ne => l != r,
                    Match::StartsWith => l.starts_with(r),
                    Match::EndsWith => l.ends_with(r),
                    Match::Contains => l.contains(r),
                })
            }
            Self::Like(text, pattern, is_negated) => {
                let text: Vec<char> = text.of(row)?.chars().collect();
                let pattern: Vec<char> = PATTERNS[*pattern].chars().collect();
                Some(is_like(&text, &pattern) != *is_negated)
            }
            Self::And(l, r) => both(l.of(row), r.of(row)),
            Self::Or(l, r) => negated(both(negated(l.of(row)), negated(r.of(row)))),
            Self::Not(t) => negated(t.of(row)),
        }
    }

    pub(super) fn to_sql(&self) -> Predicate<Sample> {
        match self {
            Self::Compare(l, how, r) => {
                let (l, r) = (l.to_sql(), r.to_sql());
                match how {
                    Compare::Eq => l.eq(r),
                    Compare::Ne => l.ne(r),
                    Compare::Lt => l.lt(r),
                    Compare::Le => l.le(r),
                    Compare::Gt => l.gt(r),
                    Compare::Ge => l.ge(r),
                    Compare::EqNullSafe => l.eq_null_safe(r),
                    Compare::NeNullSafe => l.ne_null_safe(r),
                }
            }
            Self::IsNull(v) => v.to_sql().is_null(),
            Self::Between(v, low, high) => v.to_sql().between(low.to_sql(), high.to_sql()),
            Self::In(v, list, false) => v.to_sql().in_(list.clone()),
            Self::In(v, list, true) => v.to_sql().not_in(list.clone()),
            Self::Match(l, how, r) => {
                let (l, r) = (l.to_sql(), r.to_sql());
                match how {
                    Match::Eq => l.eq(r),
                    Match::Ne => l.ne(r),
                    Match::StartsWith => l.starts_with(r),
                    Match::EndsWith => l.ends_with(r),
                    Match::Contains => l.contains(r),
                }
            }
            Self::Like(text, pattern, false) => text.to_sql().like(PATTERNS[*pattern]),
            Self::Like(text, pattern, true) => text.to_sql().not_like(PATTERNS[*pattern]),
            Self::And(l, r) => l.to_sql().and(r.to_sql()),
            Self::Or(l, r) => l.to_sql().or(r.to_sql()),
            Self::Not(t) => !t.to_sql(),
        }
    }

    /// Returns its operands, and the same expression with simpler operands.
    pub(super) fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        match self {
            Self::And(l, r) | Self::Or(l, r) => {
                all.extend([(**l).clone(), (**r).clone()]);
                let again: fn(Box<Self>, Box<Self>) -> Self = match self {
                    Self::And(..) => Self::And,
                    _ => Self::Or,
                };
                all.extend(
                    l.smaller()
                        .into_iter()
                        .map(|l| again(Box::new(l), r.clone())),
                );
                all.extend(
                    r.smaller()
                        .into_iter()
                        .map(|r| again(l.clone(), Box::new(r))),
                );
            }
            Self::Not(t) => {
                all.push((**t).clone());
                all.extend(t.smaller().into_iter().map(|t| Self::Not(Box::new(t))));
            }
            Self::Compare(l, how, r) => {
                all.extend(
                    l.parts()
                        .into_iter()
                        .map(|l| Self::Compare(l, *how, r.clone())),
                );
                all.extend(
                    r.parts()
                        .into_iter()
                        .map(|r| Self::Compare(l.clone(), *how, r)),
                );
            }
            Self::IsNull(v) => all.extend(v.parts().into_iter().map(Self::IsNull)),
            Self::Between(v, low, high) => {
                all.push(Self::Compare(v.clone(), Compare::Ge, low.clone()));
                all.push(Self::Compare(v.clone(), Compare::Le, high.clone()));
                let parts = v.parts().into_iter();
                all.extend(parts.map(|v| Self::Between(v, low.clone(), high.clone())));
            }
            Self::In(v, list, is_negated) => {
                let fewer = super::without_one(list);
                all.extend(fewer.map(|list| Self::In(v.clone(), list, *is_negated)));
                let parts = v.parts().into_iter();
                all.extend(parts.map(|v| Self::In(v, list.clone(), *is_negated)));
            }
            Self::Match(..) | Self::Like(..) => {}
        }
        all
    }
}

fn inputs(context: &Context) -> Inputs<impl Strategy<Value = Test> + use<>> {
    Inputs {
        strategy: tests(),
        count: context.cases(),
        show: |test| format!("{test:?}"),
        smaller: Test::smaller,
        kept: Vec::new(),
        keep: |_| None,
    }
}

/// Inserts rows with every pair of numbers, each with texts.
pub(super) fn with_rows(context: &Context) -> CaseResult<(Session, Vec<Sample>)> {
    let engine = Engine::from_backend(context.backend());
    metadata![Sample].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let mut rows = Vec::new();
    for (place, id) in (0..NUMBERS.len() * TEXTS.len()).zip(1..) {
        rows.push(Sample {
            a: NUMBERS[place % NUMBERS.len()],
            b: NUMBERS[(place / 2 + place / 7) % NUMBERS.len()],
            s: TEXTS[place / NUMBERS.len()].map(str::to_owned),
            t: TEXTS[(place * 3 + place / 5) % TEXTS.len()].map(str::to_owned),
            ..Sample::new(id)
        });
    }
    session.insert_all(rows.clone())?;
    Ok((session, rows))
}

fn wanted(rows: &[Sample], test: &Test, truth: Option<bool>) -> Vec<i64> {
    let of_it = rows.iter().filter(|row| test.of(row) == truth);
    of_it.map(|row| row.id).collect()
}

fn partition(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_rows(context)?;
    context.property_of(&inputs(context), |_, test| {
        for (what, condition, truth) in [
            ("true", test.to_sql(), Some(true)),
            ("false", !test.to_sql(), Some(false)),
            ("NULL", test.to_sql().is_null(), None),
        ] {
            let found = select(Sample::ID)
                .from(Sample::table())
                .filter(condition)
                .order_by(Sample::ID.asc())
                .all(&mut session)?;
            check_eq!(
                found,
                wanted(&rows, &test, truth),
                "the rows for which the condition is {what}"
            );
        }
        let found = select(test.to_sql().nullable())
            .from(Sample::table())
            .order_by(Sample::ID.asc())
            .all(&mut session)?;
        let truths: Vec<Option<bool>> = rows.iter().map(|row| test.of(row)).collect();
        check_eq!(found, truths, "the condition as a column");
        Ok(())
    })
}

fn same_rows(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_rows(context)?;
    session.commit()?;
    context.property_of(&inputs(context), |_, test| {
        let chosen = wanted(&rows, &test, Some(true));
        let count = u64::try_from(chosen.len()).unwrap_or_default();
        let mark = update(Sample::table())
            .set(Sample::MARK, 1)
            .filter(test.to_sql());
        check_eq!(
            session.execute(&mark)?,
            count,
            "how many rows UPDATE matched"
        );
        let marked = select(Sample::ID)
            .from(Sample::table())
            .filter(Sample::MARK.eq(1))
            .order_by(Sample::ID.asc())
            .all(&mut session)?;
        check_eq!(marked, chosen, "the rows that UPDATE changed");
        let delete = delete_from(Sample::table()).filter(test.to_sql());
        check_eq!(
            session.execute(&delete)?,
            count,
            "how many rows DELETE matched"
        );
        let left = select(Sample::ID)
            .from(Sample::table())
            .order_by(Sample::ID.asc())
            .all(&mut session)?;
        let all = rows.iter().map(|row| row.id);
        let others: Vec<i64> = all.filter(|id| !chosen.contains(id)).collect();
        check_eq!(left, others, "the rows remaining after DELETE");
        session.rollback()?;
        Ok(())
    })
}
