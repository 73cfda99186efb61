//! Generated queries over one table: orders and pages, groups, set operations, lists.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use selfsame::prelude::*;
use selfsame::sql::{
    Compound, OrderBy, Select, count, count_all, count_distinct, delete_from, max, min, select,
    sum, update,
};

use super::predicates::{Sample, Test, tests, with_rows};
use super::without_one;
use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::property::Inputs;

pub(super) const CASES: &[Case] = &[
    Case::core("queries.drawn.order", orders)
        .since(20)
        .promise("Rows are sorted by any keys, each in its direction and with NULLs placed as requested; any LIMIT and OFFSET return a slice of that order.")
        .hint("OFFSET works without LIMIT, and beyond the last row.")
        .covers(&[Contract(29), Contract(30)]),
    Case::core("queries.drawn.groups", groups)
        .since(20)
        .promise("Groups of any rows by any keys, their aggregates, and HAVING equal those computed in Rust.")
        .hint("NULL is one group; aggregates ignore NULLs, and without other values are NULL, except COUNT.")
        .covers(&[Contract(32)]),
    Case::core("queries.drawn.sets", sets)
        .since(20)
        .promise("Any chain of UNION, UNION ALL, INTERSECT and EXCEPT is evaluated from left to right, and treats NULLs as equal.")
        .hint("Only UNION ALL keeps duplicates.")
        .covers(&[Contract(31), Contract(35)]),
    Case::core("queries.drawn.lists", lists)
        .since(20)
        .needs(&[Capability::Transactions])
        .promise("IN and NOT IN with a list of any length, with repeated values and NULL, match the same rows in SELECT, UPDATE and DELETE.")
        .hint("See `Capabilities::max_parameters` and `Dialect::list_query`; do not drop the last values of a list.")
        .covers(&[Contract(25), Contract(42), Contract(53), Rule(13)]),
];

fn inputs<T: std::fmt::Debug + Clone, S: Strategy<Value = T>>(
    context: &Context,
    strategy: S,
    smaller: fn(&T) -> Vec<T>,
) -> Inputs<S> {
    Inputs {
        strategy,
        count: context.cases(),
        show: |input| format!("{input:?}"),
        smaller,
        kept: Vec::new(),
        keep: |_| None,
    }
}

/// A sort key.
#[derive(Clone, Copy, Debug)]
enum Key {
    A,
    B,
    /// The sum, which is NULL if one operand is.
    Sum,
    Mark,
}

#[derive(Clone, Copy, Debug)]
struct Sorted {
    by: Key,
    descending: bool,
    nulls_first: bool,
}

#[derive(Clone, Debug)]
struct Page {
    filter: Option<Test>,
    keys: Vec<Sorted>,
    limit: Option<u64>,
    offset: Option<u64>,
}

impl Key {
    fn of(self, row: &Sample) -> Option<i64> {
        match self {
            Self::A => row.a,
            Self::B => row.b,
            Self::Sum => Some(row.a? + row.b?),
            Self::Mark => row.mark,
        }
    }
}

impl Sorted {
    fn to_sql(self) -> OrderBy<Sample> {
        let key = match self.by {
            Key::A => Sample::A.nullable(),
            Key::B => Sample::B.nullable(),
            Key::Sum => Sample::A.nullable() + Sample::B.nullable(),
            Key::Mark => Sample::MARK.nullable(),
        };
        let order = match self.descending {
            true => key.desc(),
            false => key.asc(),
        };
        match self.nulls_first {
            true => order.nulls_first(),
            false => order.nulls_last(),
        }
    }

    fn compare(self, one: &Sample, other: &Sample) -> std::cmp::Ordering {
        let (one, other) = (self.by.of(one), self.by.of(other));
        if one.is_none() != other.is_none() {
            let order = other.is_none().cmp(&one.is_none());
            return if self.nulls_first {
                order.reverse()
            } else {
                order
            }
            .reverse();
        }
        let order = one.cmp(&other);
        if self.descending {
            order.reverse()
        } else {
            order
        }
    }
}

fn pages() -> impl Strategy<Value = Page> {
    let by = proptest::sample::select(vec![Key::A, Key::B, Key::Sum, Key::Mark]);
    let key = (by, any::<bool>(), any::<bool>()).prop_map(|(by, descending, nulls_first)| Sorted {
        by,
        descending,
        nulls_first,
    });
    (
        proptest::option::weighted(0.3, tests()),
        proptest::collection::vec(key, 0..4),
        proptest::option::of(0_u64..60),
        proptest::option::of(0_u64..60),
    )
        .prop_map(|(filter, keys, limit, offset)| Page {
            filter,
            keys,
            limit,
            offset,
        })
}

fn smaller_pages(page: &Page) -> Vec<Page> {
    let mut all: Vec<Page> = without_one(&page.keys)
        .map(|keys| Page {
            keys,
            ..page.clone()
        })
        .collect();
    if page.filter.is_some() {
        all.push(Page {
            filter: None,
            ..page.clone()
        });
    }
    if page.limit.is_some() && page.offset.is_some() {
        for (limit, offset) in [(None, page.offset), (page.limit, None)] {
            all.push(Page {
                limit,
                offset,
                ..page.clone()
            });
        }
    }
    all
}

fn orders(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_rows(context)?;
    context.property_of(&inputs(context, pages(), smaller_pages), |_, page| {
        let mut query = select(Sample::ID).from(Sample::table());
        let mut wanted: Vec<&Sample> = rows.iter().collect();
        if let Some(filter) = &page.filter {
            query = query.filter(filter.to_sql());
            wanted.retain(|row| filter.of(row) == Some(true));
        }
        for key in &page.keys {
            query = query.order_by(key.to_sql());
        }
        query = query.order_by(Sample::ID.asc());
        wanted.sort_by(|one, other| {
            let by_keys = page.keys.iter().map(|key| key.compare(one, other));
            let decided = by_keys.into_iter().find(|order| order.is_ne());
            decided.unwrap_or_else(|| one.id.cmp(&other.id))
        });
        if let Some(limit) = page.limit {
            query = query.limit(limit);
        }
        if let Some(offset) = page.offset {
            query = query.offset(offset);
        }
        let size = |rows: Option<u64>| rows.and_then(|rows| usize::try_from(rows).ok());
        let wanted: Vec<i64> = wanted
            .into_iter()
            .skip(size(page.offset).unwrap_or(0))
            .take(size(page.limit).unwrap_or(usize::MAX))
            .map(|row| row.id)
            .collect();
        check_eq!(query.all(&mut session)?, wanted, "the page, in its order");
        Ok(())
    })
}

/// The HAVING condition.
#[derive(Clone, Copy, Debug)]
enum Having {
    All,
    CountAbove(i64),
    CountFrom(i64),
    SumBelow(i64),
}

#[derive(Clone, Debug)]
struct Grouped {
    filter: Test,
    by_text: bool,
    having: Having,
}

fn grouped() -> impl Strategy<Value = Grouped> {
    let having = prop_oneof![
        2 => Just(Having::All),
        1 => (0_i64..9).prop_map(Having::CountAbove),
        1 => (0_i64..9).prop_map(Having::CountFrom),
        1 => (-9_i64..30).prop_map(Having::SumBelow),
    ];
    (tests(), any::<bool>(), having).prop_map(|(filter, by_text, having)| Grouped {
        filter,
        by_text,
        having,
    })
}

fn smaller_groups(grouped: &Grouped) -> Vec<Grouped> {
    let mut all: Vec<Grouped> = grouped
        .filter
        .smaller()
        .into_iter()
        .map(|filter| Grouped {
            filter,
            ..grouped.clone()
        })
        .collect();
    if !matches!(grouped.having, Having::All) {
        all.push(Grouped {
            having: Having::All,
            ..grouped.clone()
        });
    }
    all
}

/// A group's key, its numbers of rows, values and distinct values, its sum, and its least and greatest value.
type GroupRow<K> = (
    Option<K>,
    i64,
    i64,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

fn group_of<K: Ord + Clone>(
    rows: &[&Sample],
    key: impl Fn(&Sample) -> Option<K>,
) -> Vec<GroupRow<K>> {
    let mut groups: BTreeMap<Option<K>, Vec<&Sample>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(row)).or_default().push(row);
    }
    let summary = |(key, rows): (Option<K>, Vec<&Sample>)| {
        let values: Vec<i64> = rows.iter().filter_map(|row| row.b).collect();
        let different: BTreeSet<i64> = values.iter().copied().collect();
        let size = |count: usize| i64::try_from(count).unwrap_or_default();
        (
            key,
            size(rows.len()),
            size(values.len()),
            size(different.len()),
            (!values.is_empty()).then(|| values.iter().sum()),
            values.iter().min().copied(),
            values.iter().max().copied(),
        )
    };
    groups.into_iter().map(summary).collect()
}

impl Having {
    fn keeps<K>(self, group: &GroupRow<K>) -> bool {
        match self {
            Self::All => true,
            Self::CountAbove(rows) => group.1 > rows,
            Self::CountFrom(rows) => group.1 >= rows,
            Self::SumBelow(most) => group.4.is_some_and(|sum| sum < most),
        }
    }

    fn on<R: selfsame::sql::FromRow>(self, query: Select<R>) -> Select<R> {
        match self {
            Self::All => query,
            Self::CountAbove(rows) => query.having(count_all().gt(rows)),
            Self::CountFrom(rows) => query.having(count_all().ge(rows)),
            Self::SumBelow(most) => query.having(sum(Sample::B).lt(most)),
        }
    }
}

fn groups(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_rows(context)?;
    context.property_of(&inputs(context, grouped(), smaller_groups), |_, drawn| {
        let kept: Vec<&Sample> = rows
            .iter()
            .filter(|row| drawn.filter.of(row) == Some(true))
            .collect();
        macro_rules! compared {
            ($column:expr, $key:expr) => {{
                let query = select((
                    $column,
                    count_all(),
                    count(Sample::B),
                    count_distinct(Sample::B),
                    sum(Sample::B),
                    min(Sample::B),
                    max(Sample::B),
                ))
                .from(Sample::table())
                .filter(drawn.filter.to_sql())
                .group_by($column);
                let mut found = drawn.having.on(query).all(&mut session)?;
                found.sort();
                let mut wanted = group_of(&kept, $key);
                wanted.retain(|group| drawn.having.keeps(group));
                check_eq!(found, wanted, "the groups and their aggregates");
            }};
        }
        match drawn.by_text {
            true => compared!(Sample::S, |row| row.s.clone()),
            false => compared!(Sample::A, |row| row.a),
        }
        Ok(())
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Union,
    UnionAll,
    Intersect,
    Except,
}

#[derive(Clone, Debug)]
struct Chain {
    first: Test,
    others: Vec<(Set, Test)>,
}

fn chains(all: bool) -> impl Strategy<Value = Chain> {
    let mut sets = vec![Set::Union, Set::UnionAll];
    if all {
        sets.extend([Set::Intersect, Set::Except]);
    }
    let other = (proptest::sample::select(sets), tests());
    (tests(), proptest::collection::vec(other, 1..4))
        .prop_map(|(first, others)| Chain { first, others })
}

fn smaller_chains(chain: &Chain) -> Vec<Chain> {
    let mut all = Vec::new();
    if chain.others.len() > 1 {
        all.extend(without_one(&chain.others).map(|others| Chain {
            others,
            ..chain.clone()
        }));
    }
    all.extend(chain.first.smaller().into_iter().map(|first| Chain {
        first,
        ..chain.clone()
    }));
    all
}

type Pair = (Option<i64>, Option<i64>);

fn sets(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_rows(context)?;
    let all = context.capabilities().set_operations;
    let pairs = |test: &Test| -> Vec<Pair> {
        let kept = rows.iter().filter(|row| test.of(row) == Some(true));
        kept.map(|row| (row.a, row.b)).collect()
    };
    let query = |test: &Test| {
        select((Sample::A, Sample::B))
            .from(Sample::table())
            .filter(test.to_sql())
    };
    context.property_of(&inputs(context, chains(all), smaller_chains), |_, chain| {
        let mut compound: Option<Compound<Pair>> = None;
        let mut wanted = pairs(&chain.first);
        for (set, test) in &chain.others {
            let next = query(test);
            compound = Some(match (compound, set) {
                (None, Set::Union) => query(&chain.first).union(next),
                (None, Set::UnionAll) => query(&chain.first).union_all(next),
                (None, Set::Intersect) => query(&chain.first).intersect(next),
                (None, Set::Except) => query(&chain.first).except(next),
                (Some(before), Set::Union) => before.union(next),
                (Some(before), Set::UnionAll) => before.union_all(next),
                (Some(before), Set::Intersect) => before.intersect(next),
                (Some(before), Set::Except) => before.except(next),
            });
            let other = pairs(test);
            match set {
                Set::Union | Set::UnionAll => wanted.extend(other),
                Set::Intersect => wanted.retain(|pair| other.contains(pair)),
                Set::Except => wanted.retain(|pair| !other.contains(pair)),
            }
            if *set != Set::UnionAll {
                wanted.sort_unstable();
                wanted.dedup();
            }
        }
        let Some(compound) = compound else {
            return Ok(());
        };
        let mut found = compound.all(&mut session)?;
        found.sort_unstable();
        wanted.sort_unstable();
        check_eq!(found, wanted, "the rows of all sets");
        Ok(())
    })
}

#[derive(Clone, Debug)]
struct Listed {
    /// The number of values that no row has.
    others: usize,
    /// Keys of rows, at the end of the list.
    found: Vec<i64>,
    /// Keys at the beginning of the list, possibly repeated.
    first: Vec<i64>,
    with_null: bool,
    negated: bool,
    long_first: bool,
}

/// Lengths at which lists are split.
const LENGTHS: [usize; 13] = [
    0, 1, 2, 15, 254, 255, 256, 998, 1_000, 1_022, 2_050, 4_096, 33_000,
];

fn listed() -> impl Strategy<Value = Listed> {
    let keys = || proptest::collection::vec(1_i64..49, 0..5);
    (
        proptest::sample::select(LENGTHS.to_vec()),
        keys(),
        keys(),
        proptest::bool::weighted(0.2),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(others, found, first, with_null, negated, long_first)| Listed {
                others,
                found,
                first,
                with_null,
                negated,
                long_first,
            },
        )
}

fn smaller_lists(listed: &Listed) -> Vec<Listed> {
    let mut all: Vec<Listed> = without_one(&listed.found)
        .map(|found| Listed {
            found,
            ..listed.clone()
        })
        .collect();
    all.extend(without_one(&listed.first).map(|first| Listed {
        first,
        ..listed.clone()
    }));
    if let Some(fewer) = LENGTHS.iter().rev().find(|length| **length < listed.others) {
        all.push(Listed {
            others: *fewer,
            ..listed.clone()
        });
    }
    all
}

impl Listed {
    fn values(&self) -> Vec<Option<i64>> {
        let others = (1..=self.others).map(|at| Some(100_000 + i64::try_from(at).unwrap_or(0)));
        let found = self.found.iter().copied().map(Some);
        let mut values: Vec<Option<i64>> = self.first.iter().copied().map(Some).collect();
        match self.long_first {
            true => values.extend(others.chain(found)),
            false => values.extend(found.chain(others)),
        }
        if self.with_null {
            values.insert(values.len() / 2, None);
        }
        values
    }

    fn chooses(&self, id: i64) -> bool {
        let is_in = self.found.contains(&id) || self.first.contains(&id);
        match self.negated {
            false => is_in,
            // NOT IN with a NULL in the list is never true; with an empty list it always is.
            true => !is_in && !self.with_null,
        }
    }

    fn to_sql(&self) -> selfsame::sql::Predicate<Sample> {
        match self.negated {
            false => Sample::ID.in_(self.values()),
            true => Sample::ID.not_in(self.values()),
        }
    }
}

fn lists(context: &mut Context) -> CaseResult {
    let (mut session, rows) = with_rows(context)?;
    session.commit()?;
    context.property_of(&inputs(context, listed(), smaller_lists), |_, listed| {
        let ids = rows.iter().map(|row| row.id);
        let (chosen, others): (Vec<i64>, Vec<i64>) = ids.partition(|id| listed.chooses(*id));
        let count = u64::try_from(chosen.len()).unwrap_or_default();
        let found = |session: &mut Session, condition| {
            select(Sample::ID)
                .from(Sample::table())
                .filter(condition)
                .order_by(Sample::ID.asc())
                .all(session)
        };
        check_eq!(
            found(&mut session, listed.to_sql())?,
            chosen,
            "the rows that SELECT found"
        );
        let mark = update(Sample::table())
            .set(Sample::MARK, 1)
            .filter(listed.to_sql());
        check_eq!(
            session.execute(&mark)?,
            count,
            "how many rows UPDATE matched"
        );
        let marked = found(&mut session, Sample::MARK.eq(1))?;
        check_eq!(marked, chosen, "the rows that UPDATE changed");
        let delete = delete_from(Sample::table()).filter(listed.to_sql());
        check_eq!(
            session.execute(&delete)?,
            count,
            "how many rows DELETE matched"
        );
        let left = found(&mut session, Sample::ID.gt(0))?;
        check_eq!(left, others, "the rows remaining after DELETE");
        session.rollback()?;
        Ok(())
    })
}
