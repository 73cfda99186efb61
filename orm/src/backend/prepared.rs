//! [`Prepared`]: a connection's cache of prepared statements.

use rustc_hash::FxHashMap;

use super::Sql;

/// The limit for the texts of all cached statements together, in bytes. Client and server use several times as much memory for them.
const MOST_BYTES: usize = 1024 * 1024;

/// A least-recently-used cache of a connection's prepared statements, by [`Sql::id`](super::Sql::id), for backends whose driver has none.
/// It is limited to a number of statements and to one mebibyte of SQL text; a single longer statement is still cached.
///
/// ```
/// use selfsame::backend::{Prepared, Sql, StatementKind};
///
/// let [one, two, three] =
///     ["SELECT 1", "SELECT 2", "SELECT 3"].map(|text| Sql::new(StatementKind::Select, text, [], []));
/// let mut prepared = Prepared::new(2);
/// assert!(prepared.keep(&one, "one").is_empty());
/// assert!(prepared.keep(&two, "two").is_empty());
/// assert_eq!(prepared.get(one.id()), Some(&"one"));
/// assert_eq!(prepared.keep(&three, "three"), ["two"], "to be closed");
/// ```
#[derive(Clone, Debug)]
pub struct Prepared<S> {
    kept: FxHashMap<u64, Cached<S>>,
    capacity: usize,
    clock: u64,
    text_bytes: usize,
}

#[derive(Clone, Debug)]
struct Cached<S> {
    statement: S,
    used: u64,
    text_bytes: usize,
}

impl<S> Prepared<S> {
    /// Creates an empty cache of at most `capacity` statements.
    pub fn new(capacity: usize) -> Self {
        Self {
            kept: FxHashMap::default(),
            capacity,
            clock: 0,
            text_bytes: 0,
        }
    }

    /// Returns the statement with this id and marks it as the most recently used.
    pub fn get(&mut self, id: u64) -> Option<&S> {
        self.clock += 1;
        let kept = self.kept.get_mut(&id)?;
        kept.used = self.clock;
        Some(&kept.statement)
    }

    /// Adds a statement, and returns the evicted ones, which the caller closes.
    pub fn keep(&mut self, sql: &Sql, statement: S) -> Vec<S> {
        let text_bytes = sql.text().len();
        let mut gone: Vec<S> = self.forget(sql.id()).into_iter().collect();
        while self.kept.len() >= self.capacity
            || self.text_bytes.saturating_add(text_bytes) > MOST_BYTES
        {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used);
            match oldest.map(|(id, _)| *id) {
                Some(oldest) => gone.extend(self.forget(oldest)),
                None => break,
            }
        }
        self.clock += 1;
        self.text_bytes += text_bytes;
        let kept = Cached {
            statement,
            used: self.clock,
            text_bytes,
        };
        self.kept.insert(sql.id(), kept);
        gone
    }

    /// Removes a statement and returns it; the caller closes it.
    pub fn forget(&mut self, id: u64) -> Option<S> {
        let kept = self.kept.remove(&id)?;
        self.text_bytes = self.text_bytes.saturating_sub(kept.text_bytes);
        Some(kept.statement)
    }

    /// Removes all statements and returns them; the caller closes them.
    pub fn take(&mut self) -> Vec<S> {
        self.text_bytes = 0;
        let kept = self.kept.drain();
        kept.map(|(_, kept)| kept.statement).collect()
    }
}
