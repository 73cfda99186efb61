//! Conditions: each comparison of each value finds the rows that Rust finds.

use std::cmp::Ordering;

use selfsame::prelude::*;
use selfsame::sql::{Predicate, alias, case, delete_from, exists, nullif, on, select, update};
use selfsame::value::Value;

use super::{Cell, Cells, Operand, class, longer, order, plain, same};
use crate::case::CaseResult;
use crate::check::shown;

/// A condition, and the rows for which it is true.
struct Condition {
    path: &'static str,
    filter: Predicate<Cell>,
    wanted: Vec<i64>,
}

pub(super) fn check<V: Operand>(cells: &mut Cells<'_, V>) -> CaseResult {
    if !cells.has_equality() {
        return Ok(());
    }
    cells.fill()?;
    for (id, value) in cells.values() {
        let shown = format!("{} {}", class(&plain(Some(&value))), shown(&value));
        for condition in conditions(cells, id, &value) {
            check_selected(cells, &condition, &shown)?;
        }
        for condition in in_writes(cells, &value) {
            check_updated(cells, &condition, &shown)?;
            check_deleted(cells, &condition, &shown)?;
        }
    }
    cells.check_stored("conditions that change nothing")?;
    let null = Condition {
        path: "= NULL",
        filter: cells.column.eq(None::<V>),
        wanted: Vec::new(),
    };
    check_selected(cells, &null, "NULL")?;
    let null = Condition {
        path: "a null-safe comparison",
        filter: cells.column.eq_null_safe(None::<V>),
        wanted: vec![cells.rows.len() as i64],
    };
    check_selected(cells, &null, "NULL")
}

fn conditions<V: Operand>(cells: &Cells<'_, V>, id: i64, value: &V) -> Vec<Condition> {
    let column = cells.column;
    let wanted = plain(Some(value));
    let of = |truth: &dyn Fn(&Value) -> bool| -> Vec<i64> {
        let values = cells.values().into_iter();
        let kept = values.filter(|(_, value)| truth(&plain(Some(value))));
        kept.map(|(id, _)| id).collect()
    };
    let equal = of(&|other| same(other, &wanted));
    let different = of(&|other| !same(other, &wanted));
    let all: Vec<V> = cells.values().into_iter().map(|(_, value)| value).collect();
    let every = of(&|_| true);
    let null_too = |ids: &[i64]| [ids, &[cells.rows.len() as i64]].concat();
    let other = alias::<Cell>("other");
    let (other_id, other_value) = (other.column(Cell::ID), other.column(column));
    let others = || select(other_value.clone()).from(&other);
    let v = || value.clone();
    let mut conditions = vec![
        ("=", column.eq(v()), equal.clone()),
        ("<>", column.ne(v()), different.clone()),
        ("a null-safe =", column.eq_null_safe(v()), equal.clone()),
        (
            "a null-safe <>",
            column.ne_null_safe(v()),
            null_too(&different),
        ),
        ("IN of one", column.in_([v()]), equal.clone()),
        ("IN of two", column.in_([v(), all[0].clone()]), {
            let mut two = [equal.clone(), vec![1]].concat();
            two.sort_unstable();
            two.dedup();
            two
        }),
        ("NOT IN of one", column.not_in([v()]), different.clone()),
        ("IN of many", column.in_(many(cells, &all)), every.clone()),
        (
            "NOT IN of many",
            column.not_in(many(cells, &all)),
            Vec::new(),
        ),
        ("BETWEEN", column.between(v(), v()), equal.clone()),
        ("NULLIF", nullif(column, v()).is_null(), null_too(&equal)),
        (
            "CASE",
            case(column.eq(v()), 1_i64).otherwise(2_i64).eq(1),
            equal.clone(),
        ),
        (
            "EXISTS",
            Predicate::from_node(selfsame::sql::Expression::into_node(exists(
                others()
                    .filter(on(other_value.clone(), column))
                    .filter(other_value.clone().eq(v())),
            ))),
            equal.clone(),
        ),
        (
            "IN of a query",
            column.in_(others().filter(other_value.clone().eq(v()))),
            equal.clone(),
        ),
        (
            "= of a query",
            column.eq(others().filter(other_id.eq(id))),
            equal.clone(),
        ),
        // Compared with the value's own row, which needs no order of the type.
        ("<= itself", column.le(v()).and(Cell::ID.eq(id)), vec![id]),
        (">= itself", column.ge(v()).and(Cell::ID.eq(id)), vec![id]),
        ("< itself", column.lt(v()).and(Cell::ID.eq(id)), Vec::new()),
        ("> itself", column.gt(v()).and(Cell::ID.eq(id)), Vec::new()),
    ];
    if let Some(longer) = longer(value) {
        let of_row = |filter: Predicate<Cell>| filter.and(Cell::ID.eq(id));
        conditions.extend([
            ("< one longer", of_row(column.lt(longer.clone())), vec![id]),
            ("<= one longer", of_row(column.le(longer.clone())), vec![id]),
            (
                "> one longer",
                of_row(column.gt(longer.clone())),
                Vec::new(),
            ),
            (
                "BETWEEN and one longer",
                of_row(column.between(longer.clone(), longer)),
                Vec::new(),
            ),
        ]);
    }
    if order(&wanted, &wanted).is_some() {
        let ordered =
            |truth: fn(Ordering) -> bool| of(&|other| order(other, &wanted).is_some_and(truth));
        conditions.extend([
            ("<", column.lt(v()), ordered(Ordering::is_lt)),
            ("<=", column.le(v()), ordered(Ordering::is_le)),
            (">", column.gt(v()), ordered(Ordering::is_gt)),
            (">=", column.ge(v()), ordered(Ordering::is_ge)),
        ]);
    }
    let conditions = conditions.into_iter();
    conditions
        .map(|(path, filter, wanted)| Condition {
            path,
            filter,
            wanted,
        })
        .collect()
}

/// Returns some conditions that UPDATE and DELETE must evaluate like SELECT.
fn in_writes<V: Operand>(cells: &Cells<'_, V>, value: &V) -> Vec<Condition> {
    let equal = cells.values().into_iter();
    let equal: Vec<i64> = equal
        .filter(|(_, other)| same(&plain(Some(other)), &plain(Some(value))))
        .map(|(id, _)| id)
        .collect();
    let column = cells.column;
    let v = || value.clone();
    [
        ("=", column.eq(v())),
        ("IN", column.in_([v(), v()])),
        ("BETWEEN", column.between(v(), v())),
    ]
    .map(|(path, filter)| Condition {
        path,
        filter,
        wanted: equal.clone(),
    })
    .into()
}

/// Returns a list of many values; of as many as fit, if the number of parameters is limited.
fn many<V: Operand>(cells: &Cells<'_, V>, all: &[V]) -> Vec<V> {
    const MANY: usize = 70;
    let length = cells.room_for(MANY.max(all.len()));
    all.iter().cycle().take(length).cloned().collect()
}

fn check_selected<V: Operand>(
    cells: &mut Cells<'_, V>,
    condition: &Condition,
    shown: &str,
) -> CaseResult {
    let path = condition.path;
    let query = select(Cell::ID)
        .from(Cell::table())
        .filter(condition.filter.clone());
    let found = cells.connect()?.all(&query);
    let mut found = cells.done(path, found)?;
    found.sort_unstable();
    check_eq!(
        found,
        condition.wanted,
        "{:?} through {path} in a SELECT: the rows that {shown} finds",
        V::TYPE
    );
    Ok(())
}

fn check_updated<V: Operand>(
    cells: &mut Cells<'_, V>,
    condition: &Condition,
    shown: &str,
) -> CaseResult {
    let path = condition.path;
    let touch = update(Cell::table())
        .set(cells.column, cells.column)
        .filter(condition.filter.clone());
    let updated = cells.connect()?.write(&touch);
    let updated = cells.done(path, updated)?;
    check_eq!(
        updated,
        condition.wanted.len() as u64,
        "{:?} through {path} in an UPDATE: the number of rows that {shown} finds",
        V::TYPE
    );
    Ok(())
}

fn check_deleted<V: Operand>(
    cells: &mut Cells<'_, V>,
    condition: &Condition,
    shown: &str,
) -> CaseResult {
    let path = condition.path;
    let delete = delete_from(Cell::table()).filter(condition.filter.clone());
    let deleted = cells.connect()?.write(&delete);
    let deleted = cells.done(path, deleted)?;
    check_eq!(
        deleted,
        condition.wanted.len() as u64,
        "{:?} through {path} in a DELETE: the number of rows that {shown} finds",
        V::TYPE
    );
    let left = cells.connect()?.all(&select(Cell::ID).from(Cell::table()));
    let mut left = cells.done(path, left)?;
    left.sort_unstable();
    let gone = |id: &i64| condition.wanted.contains(id);
    let (again, kept): (Vec<_>, Vec<_>) = cells.rows.iter().cloned().partition(|row| gone(&row.0));
    let kept: Vec<i64> = kept.iter().map(|row| row.0).collect();
    check_eq!(
        left,
        kept,
        "{:?} through {path} in a DELETE: the rows that {shown} leaves",
        V::TYPE
    );
    let inserted = cells.connect()?.write(&cells.insert().rows(again));
    cells.done(path, inserted).map(drop)
}
