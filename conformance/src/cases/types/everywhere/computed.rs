//! Results: each expression and clause returns each value unchanged.

use std::collections::HashSet;

use selfsame::prelude::*;
use selfsame::sql::{
    Expression as _, Operator, Predicate, Summable, Window, alias, case, coalesce, common, count,
    count_distinct, first_value, lag, last_value, lead, max, min, nullif, on, row_number, select,
    sum,
};
use selfsame::value::ValueType;
use selfsame::{Error, ErrorKind};

use super::{Cell, Cells, Keyed, Operand, order, plain, same};
use crate::case::CaseResult;

pub(super) fn check<V: Operand>(cells: &mut Cells<'_, V>) -> CaseResult {
    cells.fill()?;
    plainly(cells)?;
    chosen(cells)?;
    combined(cells)?;
    if cells.has_equality() {
        grouped(cells)?;
        sorted(cells)?;
    }
    if cells.capabilities.windows {
        windows(cells)?;
    }
    Ok(())
}

fn plainly<V: Operand>(cells: &mut Cells<'_, V>) -> CaseResult {
    cells.check_stored("a column")?;
    let field = cells.field;
    let path = "the rows of a query";
    let found = Cell::query().rows(&mut cells.world.session());
    let found = cells.done(path, found)?.into_iter();
    let found = found.map(|mut cell| (cell.id, field(&mut cell).take()));
    cells.check(path, found.collect())?;
    let path = "a row by its key";
    for (id, value) in cells.rows.clone() {
        let query = select(cells.column)
            .from(Cell::table())
            .filter(Cell::ID.eq(id));
        let found = cells.connect()?.one(&query);
        let found = cells.done(path, found)?;
        cells.check_one(path, found.as_ref(), value.as_ref())?;
    }
    Ok(())
}

fn chosen<V: Operand>(cells: &mut Cells<'_, V>) -> CaseResult {
    let column = cells.column;
    let Some((_, other)) = cells.values().pop() else {
        return Ok(());
    };
    let of_table = |query: selfsame::sql::Select<Keyed<V>>| query.from(Cell::table());
    let missing = || case(Cell::ID.lt(0), column).or_null();
    let here = || case(Cell::ID.gt(0), column).or_null();
    for (path, query) in [
        ("CASE", select((Cell::ID, here()))),
        (
            "the ELSE of CASE",
            select((
                Cell::ID,
                case(Cell::ID.lt(0), None::<V>)
                    .when(Cell::ID.gt(0), column)
                    .or_null(),
            )),
        ),
        (
            "COALESCE, as its first",
            select((Cell::ID, coalesce(column, column).nullable())),
        ),
        (
            "COALESCE, as its second",
            select((Cell::ID, coalesce(missing(), column).nullable())),
        ),
    ] {
        cells.check_query(path, &of_table(query))?;
    }
    // For NULL the other value is chosen.
    for (path, expression) in [
        ("COALESCE with a value", coalesce(column, other.clone())),
        (
            "CASE with a value",
            case(column.is_not_null(), column).otherwise(other.clone()),
        ),
    ] {
        let found = cells
            .connect()?
            .all(&select((Cell::ID, expression)).from(Cell::table()));
        let found = cells.done(path, found)?;
        for (id, found) in found {
            let stored = cells.rows.iter().find(|row| row.0 == id);
            let stored = stored.and_then(|row| row.1.as_ref()).unwrap_or(&other);
            cells.check_one(path, Some(&found), Some(stored))?;
        }
    }
    let path = "the value that CASE chooses";
    for (id, value) in cells.values() {
        // The other branch, a column, gives the result its type.
        let chosen = case(Cell::ID.eq(id), value.clone()).otherwise(column);
        let query = select(chosen).from(Cell::table()).filter(Cell::ID.eq(id));
        let found = cells.connect()?.one(&query);
        let found = cells.done(path, found)?;
        cells.check_one(path, Some(&found), Some(&value))?;
    }
    Ok(())
}

fn combined<V: Operand>(cells: &mut Cells<'_, V>) -> CaseResult {
    let column = cells.column;
    let other = alias::<Cell>("other");
    let joined = || on(other.column(Cell::ID), Cell::ID);
    let theirs = || select((Cell::ID, other.column(column))).from(Cell::table());
    cells.check_query("a join", &theirs().join(&other, joined()))?;
    cells.check_query("a left join", &theirs().left_join(&other, joined()))?;
    let all = || select((Cell::ID, column)).from(Cell::table());
    let few = || all().filter(Cell::ID.le(1));
    let rest = || all().filter(Cell::ID.gt(1));
    let path = "UNION ALL";
    let found = cells.connect()?.all(&few().union_all(rest()));
    let found = cells.done(path, found)?;
    cells.check(path, found)?;
    if cells.has_equality() {
        let path = "UNION";
        let found = cells.connect()?.all(&all().union(rest()));
        let found = cells.done(path, found)?;
        cells.check(path, found)?;
        if cells.capabilities.set_operations {
            let path = "INTERSECT";
            let found = cells.connect()?.all(&all().intersect(all()));
            let found = cells.done(path, found)?;
            cells.check(path, found)?;
            let path = "EXCEPT";
            let none = all().filter(Cell::ID.lt(0));
            let found = cells.connect()?.all(&all().except(none));
            let found = cells.done(path, found)?;
            cells.check(path, found)?;
        }
    }
    let named = common("named", all());
    let query = select((named.column::<0>(), named.column::<1>())).from(&named);
    cells.check_query("a common table expression", &query)
}

fn grouped<V: Operand>(cells: &mut Cells<'_, V>) -> CaseResult {
    let column = cells.column;
    let path = "GROUP BY";
    let query = select((min(Cell::ID), column))
        .from(Cell::table())
        .group_by(column);
    let found = cells.connect()?.all(&query);
    let found = cells.done(path, found)?.into_iter();
    let found = found.map(|(id, value)| (id.unwrap_or(0), value));
    cells.check(path, found.collect())?;
    let path = "DISTINCT";
    let found = cells
        .connect()?
        .all(&select((Cell::ID, column)).distinct().from(Cell::table()));
    let found = cells.done(path, found)?;
    cells.check(path, found)?;
    let found = cells
        .connect()?
        .all(&select(column).distinct().from(Cell::table()));
    let mut found = cells.done(path, found)?;
    check_eq!(
        found.len(),
        cells.rows.len(),
        "{:?} through {path}: the number of values",
        V::TYPE
    );
    for (_, stored) in cells.rows.clone() {
        let is_stored = |found: &Option<V>| {
            cells
                .check_one(path, found.as_ref(), stored.as_ref())
                .is_ok()
        };
        match found.iter().position(is_stored) {
            Some(at) => drop(found.swap_remove(at)),
            // The wrong value is among the rest.
            None => cells.check_one(path, found[0].as_ref(), stored.as_ref())?,
        }
    }
    let query = select((count(column), count_distinct(column))).from(Cell::table());
    let counted = cells.connect()?.one(&query);
    let counted = cells.done("COUNT", counted)?;
    let values = cells.values().len() as i64;
    check_eq!(counted, (values, values), "{:?} through COUNT", V::TYPE);
    if cells.has_extremes() {
        for (path, expression) in [("MIN", min(column)), ("MAX", max(column))] {
            let query = select((Cell::ID, expression))
                .from(Cell::table())
                .group_by(Cell::ID);
            cells.check_query(path, &query)?;
        }
    }
    let path = "NULLIF";
    let Some((last, other)) = cells.values().pop() else {
        return Ok(());
    };
    let query = select((Cell::ID, nullif(column, other)))
        .from(Cell::table())
        .filter(Cell::ID.ne(last));
    let found = cells.connect()?.all(&query);
    let found = cells.done(path, found)?;
    for (id, found) in found {
        let stored = cells.rows.iter().find(|row| row.0 == id);
        let stored = stored.and_then(|row| row.1.as_ref());
        cells.check_one(path, found.as_ref(), stored)?;
    }
    Ok(())
}

/// The sum of one value is this value.
pub(super) fn sums<V: Operand + Summable<Sum = V>>(cells: &mut Cells<'_, V>) -> CaseResult {
    if !cells.has_equality() {
        return Ok(());
    }
    cells.fill()?;
    let query = select((Cell::ID, sum(cells.column)))
        .from(Cell::table())
        .group_by(Cell::ID);
    let found = cells.connect()?.all(&query);
    let refused = found.as_ref().err().map(Error::kind);
    if V::TYPE == ValueType::Decimal && refused == Some(ErrorKind::Unsupported) {
        // A database may store and compare decimals exactly, but refuse to compute with them.
        return Ok(());
    }
    let found = cells.done("SUM", found)?;
    check_eq!(found.len(), cells.rows.len(), "{:?} through SUM", V::TYPE);
    for (id, found) in found {
        let stored = cells.rows.iter().find(|row| row.0 == id);
        let stored = plain(stored.and_then(|row| row.1.as_ref()));
        let found = plain(found.as_ref());
        check!(
            same(&found, &stored),
            "{:?} through SUM: {stored:?} became {found:?}",
            V::TYPE
        );
    }
    Ok(())
}

fn sorted<V: Operand>(cells: &mut Cells<'_, V>) -> CaseResult {
    let column = cells.column;
    // Whatever the order of the type is, `<` uses the same order.
    let less = alias::<Cell>("less");
    let (less_id, less_value) = (less.column(Cell::ID), less.column(column));
    let is_less = less_value
        .into_node()
        .binary(Operator::Lt, column.into_node());
    let query = select((less_id, Cell::ID))
        .from(Cell::table())
        .join(&less, Predicate::<Cell>::from_node(is_less));
    let found = cells.connect()?.all(&query);
    let pairs: HashSet<(i64, i64)> = cells.done("< of two columns", found)?.into_iter().collect();
    for (path, key) in [
        ("ORDER BY", column.asc()),
        ("ORDER BY … DESC", column.desc()),
    ] {
        let query = select((Cell::ID, column)).from(Cell::table()).order_by(key);
        let found = cells.connect()?.all(&query);
        let found = cells.done(path, found)?;
        let values = found
            .iter()
            .filter_map(|(id, value)| Some((*id, value.as_ref()?)));
        let values: Vec<_> = values.map(|(id, value)| (id, plain(Some(value)))).collect();
        for pair in values.windows(2) {
            let [(before, first), (after, second)] = pair else {
                continue;
            };
            let (sorted, reversed) = match path {
                "ORDER BY" => (order(first, second), (*after, *before)),
                _ => (order(second, first), (*before, *after)),
            };
            check!(
                !pairs.contains(&reversed),
                "{:?} through {path}: {first:?} comes before {second:?}, against `<`",
                V::TYPE
            );
            check!(
                sorted.is_none_or(std::cmp::Ordering::is_lt),
                "{:?} through {path}: {:?} must not come before {:?}",
                V::TYPE,
                first,
                second
            );
        }
        cells.check(path, found)?;
    }
    Ok(())
}

fn windows<V: Operand>(cells: &mut Cells<'_, V>) -> CaseResult {
    let column = cells.column;
    let own = || Window::new().partition_by(Cell::ID);
    let in_order = || Window::new().order_by(Cell::ID.asc());
    for (path, expression) in [
        ("first_value", first_value(column).over(own())),
        ("last_value", last_value(column).over(own())),
    ] {
        let query = select((Cell::ID, expression)).from(Cell::table());
        cells.check_query(path, &query)?;
    }
    if cells.has_extremes() {
        let query = select((Cell::ID, max(column).over(own()))).from(Cell::table());
        cells.check_query("MAX over a window", &query)?;
    }
    // The neighbours' values, with their own keys.
    for (path, expression, key) in [
        ("lag", lag(column).over(in_order()), lag(Cell::ID)),
        ("lead", lead(column).over(in_order()), lead(Cell::ID)),
    ] {
        let query = select((key.over(in_order()), expression)).from(Cell::table());
        let found = cells.connect()?.all(&query);
        let found = cells.done(path, found)?;
        check_eq!(
            found.len(),
            cells.rows.len(),
            "{:?} through {path}",
            V::TYPE
        );
        for (id, found) in found {
            let stored = cells.rows.iter().find(|row| Some(row.0) == id);
            let stored = stored.and_then(|row| row.1.as_ref());
            cells.check_one(path, found.as_ref(), stored)?;
        }
    }
    let query = select((Cell::ID, column, row_number().over(in_order()))).from(Cell::table());
    let found = cells.connect()?.all(&query);
    let found = cells.done("row_number", found)?;
    let found = found.into_iter().map(|(id, value, _)| (id, value));
    cells.check("a row with row_number", found.collect())
}
