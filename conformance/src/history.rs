//! Histories of concurrent transactions, and the anomalies in them, which only some isolation levels allow.
//!
//! A history has transactions over lists (a write appends, so a read shows the order of all versions) and over registers (each
//! written value is unique). It determines a graph of dependencies between committed transactions: *ww* (wrote the next version), *wr*
//! (read that version), *rw* (read a version that the other replaced). A cycle is an anomaly; the kinds of its edges determine which.
//! The names are those of Adya, Liskov and O'Neil, *Generalized Isolation Level Definitions* (2000).

mod graph;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use graph::{Edge, Graph, Kind};

/// The operations of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transaction {
    pub(crate) ops: Vec<Op>,
    pub(crate) end: End,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Committed,
    Aborted,
    /// Its COMMIT was ambiguous.
    Unknown,
}

/// One operation; lists and registers have separate keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Append { key: u32, value: i64 },
    ReadList { key: u32, values: Vec<i64> },
    Write { key: u32, value: i64 },
    Read { key: u32, value: i64 },
}

/// The initial value of a register.
pub(crate) const INITIAL: i64 = 0;

/// Anomalies, which no isolation level or only some allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Anomaly {
    /// A cycle of writes only.
    G0,
    /// A value written by a transaction that was rolled back was read.
    G1a,
    /// A value that its own transaction replaced before the commit was read.
    G1b,
    /// A cycle of writes, and reads of written values.
    G1c,
    /// A transaction did not read its own write, or read one key inconsistently.
    Internal,
    /// Two transactions replaced the version that both had read.
    LostUpdate,
    /// A cycle with one *rw* edge: part of a transaction was seen.
    GSingle,
    /// A cycle with several *rw* edges: write skew.
    G2,
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::G0 => "G0 (dirty write)",
            Self::G1a => "G1a (aborted read)",
            Self::G1b => "G1b (intermediate read)",
            Self::G1c => "G1c (circular information flow)",
            Self::Internal => "a transaction at odds with itself",
            Self::LostUpdate => "a lost update",
            Self::GSingle => "G-single (read skew)",
            Self::G2 => "G2 (write skew)",
        })
    }
}

/// The strongest level that a history allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Not even writes are isolated.
    Nothing,
    ReadUncommitted,
    ReadCommitted,
    /// REPEATABLE READ of multi-version databases: all reads see one state.
    Snapshot,
    Serializable,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "no isolation",
            Self::ReadUncommitted => "read uncommitted",
            Self::ReadCommitted => "read committed",
            Self::Snapshot => "snapshot isolation",
            Self::Serializable => "serializable",
        })
    }
}

impl Anomaly {
    /// The anomalies that distinguish the levels.
    pub(crate) const ALL: [Self; 7] = [
        Self::G0,
        Self::G1a,
        Self::G1b,
        Self::G1c,
        Self::LostUpdate,
        Self::GSingle,
        Self::G2,
    ];

    /// Returns the strongest level that allows the anomaly.
    pub(crate) fn allowed_by(self) -> Level {
        match self {
            Self::G0 | Self::Internal => Level::Nothing,
            Self::G1a | Self::G1b | Self::G1c => Level::ReadUncommitted,
            Self::LostUpdate | Self::GSingle => Level::ReadCommitted,
            Self::G2 => Level::Snapshot,
        }
    }
}

/// The result of checking a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Each kind of anomaly, with the first example.
    pub(crate) anomalies: BTreeMap<Anomaly, String>,
}

impl Verdict {
    /// The strongest level that allows everything observed.
    pub(crate) fn level(&self) -> Level {
        let levels = self.anomalies.keys().map(|anomaly| anomaly.allowed_by());
        levels.min().unwrap_or(Level::Serializable)
    }

    fn add(&mut self, anomaly: Anomaly, example: impl FnOnce() -> String) {
        self.anomalies.entry(anomaly).or_insert_with(example);
    }
}

/// Looks for anomalies.
pub(crate) fn check(history: &[Transaction]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut graph = Graph::new(history.len());
    lists(history, &mut graph, &mut verdict);
    registers(history, &mut graph, &mut verdict);
    cycles(&graph, &mut verdict);
    verdict
}

/// The writer of a value, and whether this was the writer's last value for the key.
#[derive(Clone, Copy)]
struct Written {
    by: usize,
    is_last: bool,
}

fn written(
    history: &[Transaction],
    of: impl Fn(&Op) -> Option<(u32, i64)>,
) -> BTreeMap<(u32, i64), Written> {
    let mut all = BTreeMap::new();
    for (by, transaction) in history.iter().enumerate() {
        let mut last: BTreeMap<u32, i64> = BTreeMap::new();
        for (key, value) in transaction.ops.iter().filter_map(&of) {
            if let Some(replaced) = last.insert(key, value) {
                let is_last = false;
                all.insert((key, replaced), Written { by, is_last });
            }
            all.insert((key, value), Written { by, is_last: true });
        }
    }
    all
}

fn lists(history: &[Transaction], graph: &mut Graph, verdict: &mut Verdict) {
    let writers = written(history, |op| match op {
        Op::Append { key, value } => Some((*key, *value)),
        _ => None,
    });
    let mut orders: BTreeMap<u32, &[i64]> = BTreeMap::new();
    let committed = || {
        let all = history.iter().enumerate();
        all.filter(|(_, transaction)| transaction.end == End::Committed)
    };
    for (_, transaction) in committed() {
        for op in &transaction.ops {
            if let Op::ReadList { key, values } = op {
                let order = orders.entry(*key).or_insert(values);
                if values.len() > order.len() {
                    *order = values;
                }
            }
        }
    }
    for (reader, transaction) in committed() {
        let mut own: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
        for op in &transaction.ops {
            match op {
                Op::Append { key, value } => own.entry(*key).or_default().push(*value),
                Op::ReadList { key, values } => {
                    let own = own.get(key).map_or(&[][..], Vec::as_slice);
                    if !values.ends_with(own) {
                        verdict.add(Anomaly::Internal, || {
                            format!("transaction {reader} appended {own:?} and read {values:?}")
                        });
                    }
                    // The values before its own ones come from other transactions.
                    let others = values.len().saturating_sub(own.len());
                    let others = &values[..others];
                    if !orders[key].starts_with(values) {
                        verdict.add(Anomaly::G0, || {
                            let order = orders[key];
                            format!("list {key} was read as {values:?} and as {order:?}")
                        });
                    }
                    seen(history, &writers, reader, *key, others, verdict);
                    let last = others.last().and_then(|last| writers.get(&(*key, *last)));
                    if let Some(last) = last {
                        graph.add(last.by, reader, Kind::WriteRead, *key);
                    }
                    // The transaction of the next version overwrote the value read; a transaction's own next version proves nothing.
                    let next = orders[key].get(values.len());
                    let next = next.and_then(|next| writers.get(&(*key, *next)));
                    if let Some(next) = next {
                        graph.add(reader, next.by, Kind::ReadWrite, *key);
                    }
                }
                _ => {}
            }
        }
    }
    for (key, order) in orders {
        for pair in order.windows(2) {
            let by = |value: i64| writers.get(&(key, value)).map(|written| written.by);
            if let (Some(first), Some(second)) = (by(pair[0]), by(pair[1])) {
                graph.add(first, second, Kind::WriteWrite, key);
            }
        }
    }
}

/// Checks that a transaction read no aborted and no intermediate values from others.
fn seen(
    history: &[Transaction],
    writers: &BTreeMap<(u32, i64), Written>,
    reader: usize,
    key: u32,
    values: &[i64],
    verdict: &mut Verdict,
) {
    for value in values {
        let Some(written) = writers.get(&(key, *value)) else {
            if *value != INITIAL {
                verdict.add(Anomaly::G1a, || {
                    format!("transaction {reader} read {value} of {key}, which nobody wrote")
                });
            }
            continue;
        };
        if written.by != reader && history[written.by].end == End::Aborted {
            let by = written.by;
            verdict.add(Anomaly::G1a, || {
                format!(
                    "transaction {reader} read {value} of {key}, which transaction {by} rolled back"
                )
            });
        }
    }
    let last = values.last().and_then(|last| writers.get(&(key, *last)));
    if let Some(last) = last
        && last.by != reader
        && !last.is_last
    {
        let by = last.by;
        verdict.add(Anomaly::G1b, || {
            format!("transaction {reader} read {key} in the middle of transaction {by}")
        });
    }
}

fn registers(history: &[Transaction], graph: &mut Graph, verdict: &mut Verdict) {
    let writers = written(history, |op| match op {
        Op::Write { key, value } => Some((*key, *value)),
        _ => None,
    });
    // Who replaced which version, if the writer had read the version first; and who read it.
    let mut replaced: BTreeMap<(u32, i64), Vec<usize>> = BTreeMap::new();
    let mut readers: BTreeMap<(u32, i64), BTreeSet<usize>> = BTreeMap::new();
    for (by, transaction) in history.iter().enumerate() {
        if transaction.end != End::Committed {
            continue;
        }
        let mut known: BTreeMap<u32, i64> = BTreeMap::new();
        let mut own: BTreeSet<u32> = BTreeSet::new();
        for op in &transaction.ops {
            match op {
                Op::Read { key, value } if own.contains(key) && known.get(key) == Some(value) => {}
                Op::Read { key, value } if own.contains(key) => {
                    let wrote = known.get(key);
                    verdict.add(Anomaly::Internal, || {
                        format!("transaction {by} wrote {wrote:?} to {key} and read {value}")
                    });
                }
                Op::Read { key, value } => {
                    seen(history, &writers, by, *key, &[*value], verdict);
                    readers.entry((*key, *value)).or_default().insert(by);
                    if let Some(written) = writers.get(&(*key, *value)) {
                        graph.add(written.by, by, Kind::WriteRead, *key);
                    }
                    known.insert(*key, *value);
                }
                Op::Write { key, value } => {
                    if let Some(before) = known.insert(*key, *value)
                        && own.insert(*key)
                    {
                        replaced.entry((*key, before)).or_default().push(by);
                        if let Some(written) = writers.get(&(*key, before)) {
                            graph.add(written.by, by, Kind::WriteWrite, *key);
                        }
                    }
                    own.insert(*key);
                }
                _ => {}
            }
        }
    }
    for ((key, value), by) in &replaced {
        if let [first, second, ..] = by[..] {
            verdict.add(Anomaly::LostUpdate, || {
                format!(
                    "transactions {first} and {second} both read {value} of {key} and replaced it"
                )
            });
        }
        for reader in readers.get(&(*key, *value)).into_iter().flatten() {
            for next in by {
                graph.add(*reader, *next, Kind::ReadWrite, *key);
            }
        }
    }
}

fn cycles(graph: &Graph, verdict: &mut Verdict) {
    let writes = |edge: &Edge| edge.kind == Kind::WriteWrite;
    let forward = |edge: &Edge| edge.kind != Kind::ReadWrite;
    if let Some(cycle) = graph.cycle(writes) {
        verdict.add(Anomaly::G0, || cycle);
    }
    // If writes alone form a cycle, the reads add nothing.
    if let Some(cycle) = graph.cycle_through(|edge| edge.kind == Kind::WriteRead, forward) {
        verdict.add(Anomaly::G1c, || cycle);
    }
    if let Some(cycle) = graph.cycle_through(|edge| edge.kind == Kind::ReadWrite, forward) {
        verdict.add(Anomaly::GSingle, || cycle);
    }
    if verdict.level() >= Level::Snapshot
        && let Some(cycle) = graph.cycle(|_| true)
    {
        verdict.add(Anomaly::G2, || cycle);
    }
}
