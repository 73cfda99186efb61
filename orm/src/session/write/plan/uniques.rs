//! Unique values: a row that frees one is written before the row that takes it.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{Columns, TableChanges};

/// Rows with the numbers of their values; equal values have equal numbers.
pub(crate) type Numbered = Vec<(u32, u32)>;

/// The rows that free and take values of one UNIQUE constraint or the primary key. Texts that some databases consider equal have one number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unique {
    /// Its name, for messages.
    pub(crate) name: String,
    pub(crate) columns: Vec<usize>,
    /// Whether it is a foreign key to unique columns: the database decides about a cycle of NOT NULL ones.
    pub(crate) is_reference: bool,
    /// Whether it may be checked at COMMIT: the database decides about an exchange.
    pub(crate) is_deferrable: bool,
    /// Whether it has columns of the primary key, by which rows are found.
    pub(crate) is_of_key: bool,
    /// A nullable column of it, with which a row can free its value before it takes another.
    pub(crate) nullable: Option<usize>,
    /// Pairs of rows in which the first takes a value that the second frees.
    pub(crate) passed_on: Vec<(u32, u32)>,
    /// The same pairs if only identical texts are equal; `None` if that makes no difference.
    pub(crate) exactly: Option<Vec<(u32, u32)>>,
}

/// Rows that exchange values of a constraint that is checked at once and whose columns are NOT NULL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Swap {
    pub(crate) store: u16,
    pub(crate) constraint: String,
}

/// The order of a table's changed rows.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The number of rows that must be written before each row; 0 for rows that are not listed.
    pub(super) levels: BTreeMap<u32, usize>,
    /// Rows that are first written with NULL in a column.
    pub(super) vacate: BTreeMap<usize, Vec<u32>>,
    /// Rows that free a value before their other columns are written, with the columns to write then, and their levels.
    pub(super) released: Vec<(usize, u32, Columns)>,
}

/// A changed row that waits for another because of a constraint.
struct Edge {
    taker: u32,
    freer: u32,
    unique: usize,
}

/// Orders the changed rows of a table, except `late` ones.
pub(super) fn update_order(
    table: &TableChanges,
    is_late: impl Fn(u32) -> bool,
) -> Result<Order, Swap> {
    let mut order = Order::default();
    if table.uniques.is_empty() {
        return Ok(order);
    }
    let updated: BTreeMap<u32, &Columns> =
        table.updates.iter().map(|row| (row.0, &row.1)).collect();
    let is_in_time = |row: u32| updated.contains_key(&row) && !is_late(row);
    let mut edges: Vec<Edge> = Vec::new();
    for (unique, use_of) in table.uniques.iter().enumerate() {
        for &(taker, freer) in &use_of.passed_on {
            if is_in_time(taker) && is_in_time(freer) {
                edges.push(Edge {
                    taker,
                    freer,
                    unique,
                });
            }
        }
    }
    let mut waiting = Waiting::new(&edges);
    let mut now: Vec<u32> = waiting.free();
    let mut level = 0;
    while order.levels.len() < waiting.rows {
        if now.is_empty() {
            let cycle = waiting.cycle();
            let nullable = |edge: &&&Edge| table.uniques[edge.unique].nullable.is_some();
            let Some(cut) = cycle.iter().find(nullable) else {
                let is_free = |edge: &&&Edge| waiting.is_free(table, edge);
                if let Some(&&Edge { freer, unique, .. }) = cycle.iter().find(is_free) {
                    let columns = updated.get(&freer).into_iter().flat_map(|row| row.iter());
                    let freed = &table.uniques[unique].columns;
                    let columns = columns.copied().filter(|at| freed.contains(at));
                    order.released.push((level, freer, columns.collect()));
                    now = waiting.end(freer, |edge| edge.unique == unique);
                    now.sort_unstable();
                    level += 1;
                    continue;
                }
                // All of them together, so that one statement can exchange the values.
                let undecided = cycle.iter().filter(|edge| {
                    let unique = &table.uniques[edge.unique];
                    unique.is_reference || unique.is_deferrable
                });
                let undecided: Vec<(u32, usize)> =
                    undecided.map(|edge| (edge.freer, edge.unique)).collect();
                for &(freer, unique) in &undecided {
                    now.extend(waiting.end(freer, |edge| edge.unique == unique));
                }
                if !undecided.is_empty() {
                    now.sort_unstable();
                    continue;
                }
                let constraint = cycle.first();
                return Err(Swap {
                    store: table.store,
                    constraint: constraint
                        .map_or_else(String::new, |edge| table.uniques[edge.unique].name.clone()),
                });
            };
            let (freer, unique) = (cut.freer, cut.unique);
            let column = table.uniques[unique].nullable;
            let vacated = column.map(|column| order.vacate.entry(column).or_default());
            vacated.into_iter().for_each(|rows| rows.push(freer));
            now = waiting.end(freer, |edge| edge.unique == unique);
            now.sort_unstable();
            continue;
        }
        let mut next = Vec::new();
        for row in now {
            order.levels.insert(row, level);
            next.extend(waiting.end(row, |_| true));
        }
        next.sort_unstable();
        now = next;
        level += 1;
    }
    Ok(order)
}

/// The rows that wait for others. Each edge is visited a bounded number of times, so that ordering takes linear time.
struct Waiting<'a> {
    edges: &'a [Edge],
    /// The edges whose freer is still to be written.
    is_open: Vec<bool>,
    by_taker: FxHashMap<u32, Vec<usize>>,
    by_freer: FxHashMap<u32, Vec<usize>>,
    /// The number of open edges of each taker.
    counts: FxHashMap<u32, usize>,
    /// The number of rows that take or free values.
    rows: usize,
    /// All edges before this one are closed.
    first: usize,
}

impl<'a> Waiting<'a> {
    fn new(edges: &'a [Edge]) -> Self {
        let mut waiting = Self {
            edges,
            is_open: vec![true; edges.len()],
            by_taker: FxHashMap::default(),
            by_freer: FxHashMap::default(),
            counts: FxHashMap::default(),
            rows: 0,
            first: 0,
        };
        for (at, edge) in edges.iter().enumerate() {
            waiting.by_taker.entry(edge.taker).or_default().push(at);
            waiting.by_freer.entry(edge.freer).or_default().push(at);
            *waiting.counts.entry(edge.taker).or_default() += 1;
            waiting.counts.entry(edge.freer).or_default();
        }
        waiting.rows = waiting.counts.len();
        waiting
    }

    /// The rows that do not wait, in order.
    fn free(&self) -> Vec<u32> {
        let counts = self.counts.iter();
        let free = counts.filter(|(_, count)| **count == 0);
        let mut free: Vec<u32> = free.map(|(&row, _)| row).collect();
        free.sort_unstable();
        free
    }

    /// Closes the edges to a row that frees its values; returns the rows that no longer wait.
    fn end(&mut self, freer: u32, is_freed: impl Fn(&Edge) -> bool) -> Vec<u32> {
        let mut free = Vec::new();
        for &at in self.by_freer.get(&freer).into_iter().flatten() {
            let edge = &self.edges[at];
            if !self.is_open[at] || !is_freed(edge) {
                continue;
            }
            self.is_open[at] = false;
            if let Some(count) = self.counts.get_mut(&edge.taker) {
                *count -= 1;
                if *count == 0 {
                    free.push(edge.taker);
                }
            }
        }
        free
    }

    /// Whether a row can free its value before its other columns are written: the new value is free, and the row is not found by it.
    fn is_free(&self, table: &TableChanges, edge: &Edge) -> bool {
        let unique = &table.uniques[edge.unique];
        let shares = |columns: &[usize]| columns.iter().any(|at| unique.columns.contains(at));
        let mut awaited = self.by_taker.get(&edge.freer).into_iter().flatten();
        let is_awaited = awaited.any(|&at| {
            let other = self.edges[at].unique;
            self.is_open[at] && (other == edge.unique || shares(&table.uniques[other].columns))
        });
        let is_computed = shares(table.computed_of(edge.freer));
        !(unique.is_reference || unique.is_of_key || is_computed || is_awaited)
    }

    /// Finds a cycle; called when every awaited row waits for another.
    fn cycle(&mut self) -> Vec<&'a Edge> {
        while self.is_open.get(self.first) == Some(&false) {
            self.first += 1;
        }
        let mut path: Vec<&Edge> = Vec::new();
        let mut positions: FxHashMap<u32, usize> = FxHashMap::default();
        let mut next = self.edges.get(self.first);
        while let Some(edge) = next {
            if let Some(&from) = positions.get(&edge.taker) {
                return path.split_off(from);
            }
            positions.insert(edge.taker, path.len());
            path.push(edge);
            let mut edges = self.by_taker.get(&edge.freer).into_iter().flatten();
            next = edges
                .find(|&&at| self.is_open[at])
                .map(|&at| &self.edges[at]);
        }
        path
    }
}

/// Pairs of rows in which the first takes a value that the second frees: changed and new rows take, changed and deleted ones free.
pub(crate) fn passed_on(frees: &[(u32, u32)], takes: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let freed = frees.iter().map(|&(row, value)| (value, row));
    let mut freed: Vec<(u32, u32)> = freed.collect();
    freed.sort_unstable();
    let mut pairs = Vec::new();
    for &(taker, value) in takes {
        let from = freed.partition_point(|&(other, _)| other < value);
        let freers = freed[from..].iter().take_while(|freed| freed.0 == value);
        let others = freers.filter(|freed| freed.1 != taker);
        pairs.extend(others.map(|&(_, freer)| (taker, freer)));
    }
    pairs
}
