//! Generated joins and subqueries over two small tables, compared with nested loops in Rust.

use proptest::prelude::*;
use selfsame::metadata;
use selfsame::prelude::*;
use selfsame::sql::{
    Expr, Expression, Predicate, alias, delete_from, exists, max, on, select, update,
};

use super::without_one;
use crate::case::Cover::Contract;
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::property::Inputs;

pub(super) const CASES: &[Case] = &[
    Case::core("queries.drawn.joins", joins)
        .since(20)
        .promise("Any join of two tables, or of a table with itself, pairs the rows for which its whole condition is true; a left join returns each unmatched row once; WHERE applies afterwards.")
        .hint("The ON condition of a left join never drops a row of the left side; NULL equals nothing.")
        .covers(&[Contract(33), Contract(34)]),
    Case::core("queries.drawn.subqueries", subqueries)
        .since(20)
        .promise("EXISTS, IN and scalar subqueries, and their negations, select the same rows as a model in Rust, with any NULLs on either side.")
        .hint("NOT IN over a NULL is never true; EXISTS tests for rows, not for their values; a scalar subquery without rows is NULL.")
        .covers(&[Contract(25), Contract(36)]),
];

#[derive(Entity, Clone, Debug)]
#[orm(table = "lefts")]
struct Left {
    #[orm(primary_key)]
    id: i64,
    k: Option<i64>,
    v: Option<i64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "rights")]
struct Right {
    #[orm(primary_key)]
    id: i64,
    k: Option<i64>,
    v: Option<i64>,
}

type Pair = (Option<i64>, Option<i64>);

/// The rows of both tables, as pairs of key and value.
#[derive(Clone, Debug)]
struct Rows {
    left: Vec<Pair>,
    right: Vec<Pair>,
}

fn rows() -> impl Strategy<Value = Rows> {
    let value = || proptest::option::weighted(0.8, 0_i64..4);
    let side = move || proptest::collection::vec((value(), value()), 0..8);
    (side(), side()).prop_map(|(left, right)| Rows { left, right })
}

fn smaller_rows(rows: &Rows) -> Vec<Rows> {
    let fewer_left = without_one(&rows.left).map(|left| Rows {
        left,
        ..rows.clone()
    });
    let fewer_right = without_one(&rows.right).map(|right| Rows {
        right,
        ..rows.clone()
    });
    fewer_left.chain(fewer_right).collect()
}

/// Replaces all rows by these; ids start at 1.
fn written(session: &mut Session, rows: &Rows) -> CaseResult {
    session.execute(&delete_from(Left::table()))?;
    session.execute(&delete_from(Right::table()))?;
    let left: Vec<Left> = (1..)
        .zip(&rows.left)
        .map(|(id, &(k, v))| Left { id, k, v })
        .collect();
    let right: Vec<Right> = (1..)
        .zip(&rows.right)
        .map(|(id, &(k, v))| Right { id, k, v })
        .collect();
    session.insert_all(left)?;
    session.insert_all(right)?;
    Ok(())
}

fn with_tables(context: &Context) -> CaseResult<Session> {
    let engine = Engine::from_backend(context.backend());
    metadata![Left, Right].create_all(&engine)?;
    Ok(Session::new(&engine))
}

#[derive(Clone, Debug)]
struct Join {
    rows: Rows,
    itself: bool,
    outer: bool,
    /// The right side's value is above this.
    above: Option<i64>,
    /// The left side's value is at most this.
    at_most: Option<i64>,
    filter: Option<Filter>,
}

#[derive(Clone, Copy, Debug)]
enum Filter {
    Unmatched,
    Value(i64),
    LeftFrom(i64),
}

fn joined() -> impl Strategy<Value = Join> {
    let filter = prop_oneof![
        Just(Filter::Unmatched),
        (0_i64..4).prop_map(Filter::Value),
        (0_i64..4).prop_map(Filter::LeftFrom),
    ];
    (
        rows(),
        any::<bool>(),
        proptest::bool::weighted(0.7),
        proptest::option::of(-1_i64..4),
        proptest::option::of(-1_i64..4),
        proptest::option::weighted(0.4, filter),
    )
        .prop_map(|(rows, itself, outer, above, at_most, filter)| Join {
            rows,
            itself,
            outer,
            above,
            at_most,
            filter,
        })
}

fn smaller_joins(join: &Join) -> Vec<Join> {
    let mut all: Vec<Join> = smaller_rows(&join.rows)
        .into_iter()
        .map(|rows| Join {
            rows,
            ..join.clone()
        })
        .collect();
    for (above, at_most, filter) in [
        (None, join.at_most, join.filter),
        (join.above, None, join.filter),
        (join.above, join.at_most, None),
    ] {
        let is_less = (above.is_none() && join.above.is_some())
            || (at_most.is_none() && join.at_most.is_some())
            || (filter.is_none() && join.filter.is_some());
        if is_less {
            all.push(Join {
                above,
                at_most,
                filter,
                ..join.clone()
            });
        }
    }
    all
}

/// Both conditions.
fn both<L: Expression<Type = bool>, R: Expression<Type = bool>>(
    left: L,
    right: R,
) -> Expr<(L::Scope, R::Scope), bool> {
    Expr::from_node(left.into_node().and(right.into_node()))
}

impl Join {
    fn pairs(&self) -> Vec<(i64, Option<i64>)> {
        let right = match self.itself {
            true => &self.rows.left,
            false => &self.rows.right,
        };
        let mut pairs = Vec::new();
        let left = (1..).zip(&self.rows.left);
        for (id, &(k, v)) in left {
            let matches = |&(_, (other_k, other_v)): &(i64, &Pair)| {
                k.is_some()
                    && k == *other_k
                    && self
                        .above
                        .is_none_or(|least| other_v.is_some_and(|v| v > least))
                    && self.at_most.is_none_or(|most| v.is_some_and(|v| v <= most))
            };
            let mut found: Vec<(Option<i64>, Option<i64>)> = (1..)
                .zip(right)
                .filter(matches)
                .map(|(other, (_, v))| (Some(other), *v))
                .collect();
            if found.is_empty() && self.outer {
                found.push((None, None));
            }
            let kept = found
                .into_iter()
                .filter(|(other, other_v)| match self.filter {
                    None => true,
                    Some(Filter::Unmatched) => other.is_none(),
                    Some(Filter::Value(wanted)) => *other_v == Some(wanted),
                    Some(Filter::LeftFrom(least)) => v.is_some_and(|v| v >= least),
                });
            pairs.extend(kept.map(|(other, _)| (id, other)));
        }
        pairs.sort_unstable();
        pairs
    }

    fn found(&self, session: &mut Session) -> CaseResult<Vec<(i64, Option<i64>)>> {
        macro_rules! found {
            ($source:expr, $id:expr, $k:expr, $v:expr) => {{
                let condition = on(Left::K, $k).into_node();
                let mut condition: Expr<(), bool> = Expr::from_node(condition);
                if let Some(above) = self.above {
                    condition = Expr::from_node(both(condition, $v.gt(above)).into_node());
                }
                if let Some(at_most) = self.at_most {
                    condition = Expr::from_node(both(condition, Left::V.le(at_most)).into_node());
                }
                let query = select((Left::ID, $id.nullable())).from(Left::table());
                let mut query = match self.outer {
                    true => query.left_join($source, condition),
                    false => query.join($source, condition),
                };
                query = match self.filter {
                    None => query,
                    Some(Filter::Unmatched) => query.filter($id.is_null()),
                    Some(Filter::Value(value)) => query.filter($v.eq(value)),
                    Some(Filter::LeftFrom(value)) => query.filter(Left::V.ge(value)),
                };
                query.all(session)?
            }};
        }
        let mut pairs = match self.itself {
            false => found!(Right::table(), Right::ID, Right::K, Right::V),
            true => {
                let other = alias::<Left>("other");
                found!(
                    &other,
                    other.column(Left::ID),
                    other.column(Left::K),
                    other.column(Left::V)
                )
            }
        };
        pairs.sort_unstable();
        Ok(pairs)
    }
}

fn joins(context: &mut Context) -> CaseResult {
    let mut session = with_tables(context)?;
    let inputs = Inputs {
        strategy: joined(),
        count: context.cases(),
        show: |join| format!("{join:?}"),
        smaller: smaller_joins,
        kept: Vec::new(),
        keep: |_| None,
    };
    context.property_of(&inputs, |_, join| {
        written(&mut session, &join.rows)?;
        check_eq!(
            join.found(&mut session)?,
            join.pairs(),
            "the pairs of both sides"
        );
        session.rollback()?;
        Ok(())
    })
}

/// The condition on the other table.
#[derive(Clone, Copy, Debug)]
enum Test {
    /// There is a row with the same key and a value above this.
    Exists(Option<i64>),
    /// The key is among the keys of rows whose value is above this.
    In(Option<i64>),
    /// The value is the greatest of the rows with the same key.
    Greatest,
}

#[derive(Clone, Debug)]
struct Subquery {
    rows: Rows,
    test: Test,
    negated: bool,
}

fn subquery() -> impl Strategy<Value = Subquery> {
    let above = || proptest::option::of(-1_i64..4);
    let test = prop_oneof![
        above().prop_map(Test::Exists),
        above().prop_map(Test::In),
        Just(Test::Greatest),
    ];
    (rows(), test, any::<bool>()).prop_map(|(rows, test, negated)| Subquery {
        rows,
        test,
        negated,
    })
}

impl Subquery {
    fn truth(&self, (k, v): Pair) -> Option<bool> {
        let right = self.rows.right.iter();
        let is_above = |least: Option<i64>, v: Option<i64>| {
            least.is_none_or(|least| v.is_some_and(|v| v > least))
        };
        let truth = match self.test {
            Test::Exists(least) => {
                let mut right = right;
                Some(right.any(|(other, v)| k.is_some() && *other == k && is_above(least, *v)))
            }
            Test::In(least) => {
                let keys: Vec<Option<i64>> = right
                    .filter(|(_, v)| is_above(least, *v))
                    .map(|(other, _)| *other)
                    .collect();
                match k {
                    _ if keys.is_empty() => Some(false),
                    Some(_) if keys.contains(&k) => Some(true),
                    Some(_) if !keys.contains(&None) => Some(false),
                    _ => None,
                }
            }
            Test::Greatest => {
                let greatest = right
                    .filter(|(other, _)| k.is_some() && *other == k)
                    .filter_map(|(_, v)| *v)
                    .max();
                v.zip(greatest).map(|(v, greatest)| v == greatest)
            }
        };
        truth.map(|truth| truth != self.negated)
    }

    fn to_sql(&self) -> Predicate<Left> {
        let condition: Predicate<Left> = match self.test {
            Test::Exists(least) => {
                // The value of the selected column does not matter, even if it is NULL.
                let mut query = select(Right::V)
                    .from(Right::table())
                    .filter(on(Right::K, Left::K));
                if let Some(least) = least {
                    query = query.filter(Right::V.gt(least));
                }
                Expr::from_node(exists(query).into_node())
            }
            Test::In(least) => {
                let mut query = select(Right::K).from(Right::table());
                if let Some(least) = least {
                    query = query.filter(Right::V.gt(least));
                }
                return match self.negated {
                    true => Left::K.not_in(query),
                    false => Left::K.in_(query),
                };
            }
            Test::Greatest => {
                let greatest = select(max(Right::V))
                    .from(Right::table())
                    .filter(on(Right::K, Left::K));
                Left::V.eq(greatest)
            }
        };
        match self.negated {
            true => !condition,
            false => condition,
        }
    }
}

fn subqueries(context: &mut Context) -> CaseResult {
    let mut session = with_tables(context)?;
    let inputs = Inputs {
        strategy: subquery(),
        count: context.cases(),
        show: |subquery| format!("{subquery:?}"),
        smaller: |subquery| {
            let fewer = smaller_rows(&subquery.rows).into_iter();
            let smaller = fewer.map(|rows| Subquery {
                rows,
                ..subquery.clone()
            });
            smaller.collect()
        },
        kept: Vec::new(),
        keep: |_| None,
    };
    context.property_of(&inputs, |_, subquery| {
        written(&mut session, &subquery.rows)?;
        let wanted: Vec<i64> = (1..)
            .zip(&subquery.rows.left)
            .filter(|(_, row)| subquery.truth(**row) == Some(true))
            .map(|(id, _)| id)
            .collect();
        let found = select(Left::ID)
            .from(Left::table())
            .filter(subquery.to_sql())
            .order_by(Left::ID.asc())
            .all(&mut session)?;
        check_eq!(found, wanted, "the rows for which it is true");
        let count = u64::try_from(wanted.len()).unwrap_or_default();
        let set = update(Left::table())
            .set(Left::V, 99)
            .filter(subquery.to_sql());
        check_eq!(
            session.execute(&set)?,
            count,
            "how many rows UPDATE matched"
        );
        let changed = select(Left::ID)
            .from(Left::table())
            .filter(Left::V.eq(99))
            .order_by(Left::ID.asc())
            .all(&mut session)?;
        check_eq!(changed, wanted, "the rows that UPDATE changed");
        written(&mut session, &subquery.rows)?;
        let delete = delete_from(Left::table()).filter(subquery.to_sql());
        check_eq!(
            session.execute(&delete)?,
            count,
            "how many rows DELETE matched"
        );
        session.rollback()?;
        Ok(())
    })
}
