//! Aggregates, windows, joins and orders over rows with ties, NULLs and duplicates, compared with results computed in Rust.

use std::collections::BTreeMap;

use selfsame::metadata;
use selfsame::prelude::*;
use selfsame::sql::{
    FrameBound, Window, alias, avg, count, count_all, count_distinct, dense_rank, first_value, lag,
    last_value, lead, max, min, on, rank, row_number, select, sum,
};

use crate::case::Cover::Contract;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;

pub(super) const CASES: &[Case] = &[
    Case::core("queries.groups.aggregates", aggregates)
        .since(17)
        .promise("Each aggregate of each group ignores NULL and counts duplicates, unless it says DISTINCT; a group has one value of every grouped column.")
        .hint("NULL is one group; an aggregate of NULLs only is NULL, its count 0.")
        .covers(&[Contract(32)]),
    Case::core("queries.groups.windows", windows)
        .since(17)
        .needs(&[Capability::Windows])
        .promise("Every window function respects its partition, its order including ties, and its frame.")
        .hint("Without an explicit frame, the frame ends with the current row's last peer.")
        .covers(&[Contract(37)]),
    Case::core("queries.groups.joins", joins)
        .since(17)
        .promise("Joins return every pair, including those of equal rows, and a left join returns each unmatched row once.")
        .hint("A projection without a key may contain equal rows: none may be dropped.")
        .covers(&[Contract(33), Contract(34)]),
    Case::core("queries.groups.sets", sets)
        .since(17)
        .promise("UNION ALL keeps every row; UNION and DISTINCT keep one of each, treating NULLs as equal.")
        .hint("Rows are compared by all of their columns.")
        .covers(&[Contract(31), Contract(35)]),
    Case::core("queries.groups.order", orders)
        .since(17)
        .promise("Rows are sorted by all keys, each in its direction with NULLs where requested, and every page is a slice of that order.")
        .hint("A later key decides ties of the earlier ones.")
        .covers(&[Contract(29), Contract(30)]),
];

/// A sale, with ties and NULLs in every column but its key.
#[derive(Entity, Clone, Debug, PartialEq)]
#[orm(table = "sales")]
struct Sale {
    #[orm(primary_key)]
    id: i64,
    shop: Option<i32>,
    amount: Option<i64>,
    weight: Option<f64>,
    label: Option<String>,
}

const ROWS: i64 = 60;

/// Rows whose values repeat with coprime periods, so that all combinations occur.
fn with_sales(context: &Context) -> CaseResult<(Session, Vec<Sale>)> {
    let engine = Engine::from_backend(context.backend());
    metadata![Sale].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let sale = |id: i64| Sale {
        shop: [None, Some(1), Some(2)][index(id, 3)],
        amount: [Some(10), None, Some(-3), Some(10), Some(0)][index(id, 5)],
        weight: [
            Some(0.5),
            Some(2.0),
            None,
            Some(2.0),
            Some(-1.25),
            Some(0.0),
            Some(8.0),
        ][index(id, 7)],
        label: [Some("a"), Some("b"), None, Some("A")][index(id, 4)].map(str::to_owned),
        ..Sale::new(id)
    };
    let rows: Vec<Sale> = (1..=ROWS).map(sale).collect();
    session.insert_all(rows.clone())?;
    Ok((session, rows))
}

fn index(id: i64, period: i64) -> usize {
    usize::try_from(id % period).unwrap_or_default()
}

fn groups(rows: &[Sale]) -> BTreeMap<Option<i32>, Vec<&Sale>> {
    let mut groups: BTreeMap<Option<i32>, Vec<&Sale>> = BTreeMap::new();
    for row in rows {
        groups.entry(row.shop).or_default().push(row);
    }
    groups
}

fn aggregates(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_sales(context)?;
    let mut found = select((
        Sale::SHOP,
        count_all(),
        count(Sale::AMOUNT),
        count_distinct(Sale::AMOUNT),
        sum(Sale::AMOUNT),
        min(Sale::AMOUNT),
        max(Sale::LABEL),
        avg(Sale::WEIGHT),
    ))
    .from(Sale::table())
    .group_by(Sale::SHOP)
    .all(&mut session)?;
    found.sort_by_key(|row| row.0);
    let wanted: Vec<_> = groups(&rows)
        .into_iter()
        .map(|(shop, rows)| {
            let amounts: Vec<i64> = rows.iter().filter_map(|row| row.amount).collect();
            let weights: Vec<f64> = rows.iter().filter_map(|row| row.weight).collect();
            let different: std::collections::BTreeSet<i64> = amounts.iter().copied().collect();
            (
                shop,
                rows.len() as i64,
                amounts.len() as i64,
                different.len() as i64,
                Some(amounts.iter().sum::<i64>()),
                amounts.iter().min().copied(),
                rows.iter().filter_map(|row| row.label.clone()).max(),
                // Sums of quarters are exact, so both sides divide the same numbers.
                Some(weights.iter().sum::<f64>() / weights.len() as f64),
            )
        })
        .collect();
    check_eq!(found, wanted, "each aggregate of each group");

    let found = select((
        count_all(),
        count(Sale::AMOUNT),
        sum(Sale::AMOUNT),
        max(Sale::WEIGHT),
        min(Sale::LABEL),
        count_distinct(Sale::LABEL),
    ))
    .from(Sale::table())
    .filter(Sale::AMOUNT.is_null().and(Sale::SHOP.eq(1)))
    .all(&mut session)?;
    let nulls: Vec<&Sale> = rows
        .iter()
        .filter(|row| row.amount.is_none() && row.shop == Some(1))
        .collect();
    let heaviest = nulls.iter().filter_map(|row| row.weight).reduce(f64::max);
    let least = nulls.iter().filter_map(|row| row.label.clone()).min();
    let labels: std::collections::BTreeSet<&String> =
        nulls.iter().filter_map(|row| row.label.as_ref()).collect();
    let wanted = [(
        nulls.len() as i64,
        0,
        None,
        heaviest,
        least,
        labels.len() as i64,
    )];
    check_eq!(found, wanted, "aggregates of NULLs only");

    let mut found = select((Sale::SHOP, sum(Sale::AMOUNT)))
        .from(Sale::table())
        .group_by(Sale::SHOP)
        .having(sum(Sale::AMOUNT).gt(sum_of(&rows, Some(1)) - 1))
        .all(&mut session)?;
    found.sort_unstable();
    let wanted: Vec<(Option<i32>, Option<i64>)> = groups(&rows)
        .keys()
        .map(|&shop| (shop, Some(sum_of(&rows, shop))))
        .filter(|(_, total)| *total > Some(sum_of(&rows, Some(1)) - 1))
        .collect();
    check_eq!(found, wanted, "the groups that HAVING keeps");

    let found = select((Sale::SHOP, count_all()))
        .from(Sale::table())
        .group_by(Sale::SHOP)
        .having(Sale::SHOP.ge(1))
        .having(Sale::SHOP.lt(2))
        .all(&mut session)?;
    let ones = rows.iter().filter(|row| row.shop == Some(1)).count();
    check_eq!(
        found,
        [(Some(1), ones as i64)],
        "the group that both conditions of HAVING keep"
    );

    const FACTOR: i64 = 1_000_000_000;
    let large = select(sum(Sale::AMOUNT * FACTOR)).from(Sale::table());
    let total = rows.iter().filter_map(|row| row.amount).sum::<i64>() * FACTOR;
    check_eq!(
        large.all(&mut session)?,
        [Some(total)],
        "a sum beyond 32 bits"
    );

    let mut found = select((Sale::SHOP, Sale::LABEL, count_all(), sum(Sale::AMOUNT)))
        .from(Sale::table())
        .group_by(Sale::SHOP)
        .group_by(Sale::LABEL)
        .all(&mut session)?;
    found.sort_unstable();
    let mut by_both = BTreeMap::new();
    for row in &rows {
        let group: &mut Vec<&Sale> = by_both.entry((row.shop, row.label.clone())).or_default();
        group.push(row);
    }
    let wanted: Vec<_> = by_both
        .into_iter()
        .map(|((shop, label), rows)| {
            let amounts = rows.iter().filter_map(|row| row.amount);
            let total = amounts.reduce(|total, amount| total + amount);
            (shop, label, rows.len() as i64, total)
        })
        .collect();
    check_eq!(found, wanted, "the groups by two columns");
    Ok(())
}

fn sum_of(rows: &[Sale], shop: Option<i32>) -> i64 {
    let of = rows.iter().filter(|row| row.shop == shop);
    of.filter_map(|row| row.amount).sum()
}

/// Returns the rows of a shop in the order of a key and then of their ids, without NULLs.
fn part(rows: &[Sale], shop: Option<i32>) -> Vec<&Sale> {
    let mut part: Vec<&Sale> = rows
        .iter()
        .filter(|row| row.shop == shop && row.amount.is_some())
        .collect();
    part.sort_by_key(|row| (row.amount, row.id));
    part
}

fn windows(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_sales(context)?;
    let by_amount = || {
        Window::new()
            .partition_by(Sale::SHOP)
            .order_by(Sale::AMOUNT.asc())
    };
    let total = || by_amount().order_by(Sale::ID.asc());
    let near = || total().rows(FrameBound::Preceding(2), FrameBound::Following(1));
    let found = select((
        Sale::ID,
        row_number().over(total()),
        rank().over(by_amount()),
        dense_rank().over(by_amount()),
        lag(Sale::ID).over(total()),
        lead(Sale::ID).over(total()),
        sum(Sale::AMOUNT).over(near()),
        sum(Sale::AMOUNT).over(by_amount()),
    ))
    .from(Sale::table())
    .filter(Sale::AMOUNT.is_not_null())
    .order_by(Sale::ID.asc())
    .all(&mut session)?;
    let frames = select((
        Sale::ID,
        first_value(Sale::ID).over(near()),
        last_value(Sale::ID).over(near()),
        last_value(Sale::AMOUNT).over(by_amount()),
        count_all().over(by_amount().range(FrameBound::UnboundedPreceding, FrameBound::CurrentRow)),
        count_all().over(by_amount().rows(
            FrameBound::UnboundedPreceding,
            FrameBound::UnboundedFollowing,
        )),
        count_all().over(by_amount().range(FrameBound::CurrentRow, FrameBound::UnboundedFollowing)),
        max(Sale::ID).over(Window::new()),
    ))
    .from(Sale::table())
    .filter(Sale::AMOUNT.is_not_null())
    .order_by(Sale::ID.asc())
    .all(&mut session)?;

    let mut wanted = Vec::new();
    let mut wanted_frames = Vec::new();
    let greatest = rows
        .iter()
        .filter(|row| row.amount.is_some())
        .map(|row| row.id)
        .max();
    for shop in [None, Some(1), Some(2)] {
        let part = part(&rows, shop);
        for (place, row) in part.iter().enumerate() {
            let below = part.iter().filter(|other| other.amount < row.amount);
            let up_to = part.iter().filter(|other| other.amount <= row.amount);
            let from_here = part.iter().filter(|other| other.amount >= row.amount);
            let lower: std::collections::BTreeSet<_> =
                below.clone().map(|other| other.amount).collect();
            let frame = &part[place.saturating_sub(2)..part.len().min(place + 2)];
            let sum = |rows: &mut dyn Iterator<Item = &&Sale>| -> Option<i64> {
                Some(rows.filter_map(|row| row.amount).sum())
            };
            wanted.push((
                row.id,
                place as i64 + 1,
                below.count() as i64 + 1,
                lower.len() as i64 + 1,
                place.checked_sub(1).map(|before| part[before].id),
                part.get(place + 1).map(|next| next.id),
                sum(&mut frame.iter()),
                sum(&mut up_to.clone()),
            ));
            wanted_frames.push((
                row.id,
                frame.first().map(|row| row.id),
                frame.last().map(|row| row.id),
                row.amount,
                up_to.count() as i64,
                part.len() as i64,
                from_here.count() as i64,
                greatest,
            ));
        }
    }
    wanted.sort_by_key(|row| row.0);
    wanted_frames.sort_by_key(|row| row.0);
    check_eq!(found, wanted, "numbers, ranks, neighbours and running sums");
    check_eq!(frames, wanted_frames, "the ends and sizes of frames");
    // Peers may be numbered in any order, but no two may have the same number.
    let mut numbers = select((Sale::SHOP, row_number().over(by_amount())))
        .from(Sale::table())
        .all(&mut session)?;
    numbers.sort_unstable();
    let shops = [None, Some(1), Some(2)].into_iter();
    let wanted: Vec<(Option<i32>, i64)> = shops
        .flat_map(|shop| {
            let size = rows.iter().filter(|row| row.shop == shop).count();
            (1..).take(size).map(move |number| (shop, number))
        })
        .collect();
    check_eq!(numbers, wanted, "the numbers of peers");
    let by_both = Window::new()
        .partition_by(Sale::SHOP)
        .partition_by(Sale::LABEL);
    let sizes = select((Sale::ID, count_all().over(by_both)))
        .from(Sale::table())
        .order_by(Sale::ID.asc())
        .all(&mut session)?;
    let wanted: Vec<(i64, i64)> = rows
        .iter()
        .map(|row| {
            let same = |other: &&Sale| other.shop == row.shop && other.label == row.label;
            (row.id, rows.iter().filter(same).count() as i64)
        })
        .collect();
    check_eq!(sizes, wanted, "the sizes of partitions by two columns");
    Ok(())
}

fn joins(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_sales(context)?;
    let other = alias::<Sale>("other");
    let pairs = |inner: bool| {
        let query = select((Sale::SHOP, other.column(Sale::AMOUNT).nullable())).from(Sale::table());
        let same = on(Sale::SHOP, other.column(Sale::SHOP));
        match inner {
            true => query.join(&other, same),
            false => query.left_join(&other, same),
        }
    };
    let partners = |row: &Sale| -> Vec<Option<i64>> {
        let same = rows
            .iter()
            .filter(|other| row.shop.is_some() && other.shop == row.shop);
        same.map(|other| other.amount).collect()
    };
    let mut found = pairs(true).all(&mut session)?;
    found.sort_unstable();
    let mut wanted: Vec<(Option<i32>, Option<i64>)> = rows
        .iter()
        .flat_map(|row| {
            partners(row)
                .into_iter()
                .map(move |amount| (row.shop, amount))
        })
        .collect();
    wanted.sort_unstable();
    check_eq!(
        found,
        wanted,
        "the pairs of an inner join, each as often as it is"
    );

    let same = on(Sale::LABEL, other.column(Sale::LABEL));
    let found = select((Sale::LABEL, other.column(Sale::LABEL)))
        .from(Sale::table())
        .join(&other, same)
        .all(&mut session)?;
    let labels = rows.iter().filter(|row| row.label.is_some());
    let equal = labels.map(|row| rows.iter().filter(|other| other.label == row.label).count());
    check_eq!(
        (
            found.len(),
            found.iter().all(|(label, other)| label == other)
        ),
        (equal.sum::<usize>(), true),
        "the pairs of equal texts, whose case counts"
    );

    let mut found = pairs(false).all(&mut session)?;
    found.sort_unstable();
    let alone = rows
        .iter()
        .filter(|row| row.shop.is_none())
        .map(|_| (None, None));
    wanted.extend(alone);
    wanted.sort_unstable();
    check_eq!(
        found,
        wanted,
        "and of a left join, with the rows that have no partner"
    );

    // Each row joins with itself, and some of the amounts are also the key of a third row.
    let third = alias::<Sale>("third");
    let mut found = select((Sale::ID, third.column(Sale::ID).nullable()))
        .from(Sale::table())
        .join(&other, on(other.column(Sale::ID), Sale::ID))
        .join(
            &third,
            on(third.column(Sale::ID), other.column(Sale::AMOUNT)),
        )
        .all(&mut session)?;
    found.sort_unstable();
    let wanted: Vec<(i64, Option<i64>)> = rows
        .iter()
        .filter(|row| row.amount.is_some_and(|amount| amount > 0))
        .map(|row| (row.id, row.amount))
        .collect();
    check_eq!(found, wanted, "the triples of two inner joins");
    Ok(())
}

fn sets(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_sales(context)?;
    let columns = || select((Sale::SHOP, Sale::AMOUNT)).from(Sale::table());
    let all: Vec<(Option<i32>, Option<i64>)> =
        rows.iter().map(|row| (row.shop, row.amount)).collect();
    let sorted = |mut rows: Vec<(Option<i32>, Option<i64>)>| {
        rows.sort_unstable();
        rows
    };
    let once = |rows: &[(Option<i32>, Option<i64>)]| {
        let mut rows = sorted(rows.to_vec());
        rows.dedup();
        rows
    };
    check_eq!(
        sorted(columns().all(&mut session)?),
        sorted(all.clone()),
        "a projection without a key keeps its equal rows"
    );
    check_eq!(
        sorted(columns().distinct().all(&mut session)?),
        once(&all),
        "DISTINCT keeps one of each"
    );
    let mut amounts: Vec<i64> = rows.iter().filter_map(|row| row.amount).collect();
    amounts.sort_unstable();
    amounts.dedup();
    amounts.reverse();
    let amounts: Vec<Option<i64>> = amounts.into_iter().map(Some).collect();
    let descending = select(Sale::AMOUNT)
        .from(Sale::table())
        .filter(Sale::AMOUNT.is_not_null())
        .distinct()
        .order_by(Sale::AMOUNT.desc());
    check_eq!(
        descending.all(&mut session)?,
        amounts,
        "DISTINCT rows in descending order"
    );
    let ones = || columns().filter(Sale::SHOP.eq(1));
    let of_ones: Vec<_> = all.iter().copied().filter(|row| row.0 == Some(1)).collect();
    let both = [all.clone(), of_ones.clone()].concat();
    check_eq!(
        sorted(columns().union_all(ones()).all(&mut session)?),
        sorted(both.clone()),
        "UNION ALL keeps the rows of both sides"
    );
    check_eq!(
        sorted(columns().union(ones()).all(&mut session)?),
        once(&both),
        "UNION keeps one of each"
    );
    if context.capabilities().set_operations {
        check_eq!(
            sorted(columns().intersect(ones()).all(&mut session)?),
            once(&of_ones),
            "INTERSECT keeps what is on both sides"
        );
        let rest: Vec<_> = all.iter().copied().filter(|row| row.0 != Some(1)).collect();
        check_eq!(
            sorted(columns().except(ones()).all(&mut session)?),
            once(&rest),
            "EXCEPT keeps what is on the first side alone"
        );
    }
    Ok(())
}

fn orders(context: &mut Context) -> CaseResult {
    let (mut session, mut rows) = with_sales(context)?;
    let sorted = || {
        select(Sale::ID)
            .from(Sale::table())
            .order_by(Sale::SHOP.desc().nulls_first())
            .order_by(Sale::AMOUNT.asc().nulls_last())
            .order_by(Sale::WEIGHT.desc().nulls_last())
            .order_by(Sale::ID.desc())
    };
    let last = |amount: Option<i64>| (amount.is_none(), amount);
    rows.sort_by(|a, b| {
        let shops = (b.shop.is_none(), b.shop).cmp(&(a.shop.is_none(), a.shop));
        let weights = match (a.weight, b.weight) {
            (Some(a), Some(b)) => b.total_cmp(&a),
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        shops
            .then(last(a.amount).cmp(&last(b.amount)))
            .then(weights)
            .then(b.id.cmp(&a.id))
    });
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    check_eq!(
        sorted().all(&mut session)?,
        ids,
        "every key of the order counts"
    );
    for (limit, offset) in [
        (0, 0),
        (1, 0),
        (7, 3),
        (50, 30),
        (1, 59),
        (5, 60),
        (100, 1_000),
    ] {
        let found = sorted().limit(limit).offset(offset).all(&mut session)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let wanted: Vec<i64> = ids.iter().copied().skip(from).take(most).collect();
        check_eq!(found, wanted, "{limit} rows after {offset}");
    }
    Ok(())
}
