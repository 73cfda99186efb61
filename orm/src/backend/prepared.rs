//! [`Prepared`]: the prepared statements that a connection keeps.

use rustc_hash::FxHashMap;

use super::Sql;

/// Bytes of the texts of kept statements: client and server take several times as much for them.
const MOST_BYTES: usize = 1024 * 1024;

/// The prepared statements of a connection by [`Sql::id`](super::Sql::id), for backends whose driver keeps none: at most so many, and those
/// of a mebibyte of text or of one statement. The ones that were used longest ago make room for a new one.
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
    kept: FxHashMap<u64, Kept<S>>,
    capacity: usize,
    clock: u64,
    text_bytes: usize,
}

#[derive(Clone, Debug)]
struct Kept<S> {
    statement: S,
    used: u64,
    text_bytes: usize,
}

impl<S> Prepared<S> {
    /// Creates an empty store of at most `capacity` statements.
    pub fn new(capacity: usize) -> Self {
        Self {
            kept: FxHashMap::default(),
            capacity,
            clock: 0,
            text_bytes: 0,
        }
    }

    /// Returns the statement of this id, which is now the most recently used.
    pub fn get(&mut self, id: u64) -> Option<&S> {
        self.clock += 1;
        let kept = self.kept.get_mut(&id)?;
        kept.used = self.clock;
        Some(&kept.statement)
    }

    /// Keeps a statement, and returns those whose place it takes, to be closed.
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
        let kept = Kept {
            statement,
            used: self.clock,
            text_bytes,
        };
        self.kept.insert(sql.id(), kept);
        gone
    }

    /// Forgets a statement, and returns it to be closed.
    pub fn forget(&mut self, id: u64) -> Option<S> {
        let kept = self.kept.remove(&id)?;
        self.text_bytes = self.text_bytes.saturating_sub(kept.text_bytes);
        Some(kept.statement)
    }

    /// Forgets all statements, and returns them to be closed.
    pub fn take(&mut self) -> Vec<S> {
        self.text_bytes = 0;
        let kept = self.kept.drain();
        kept.map(|(_, kept)| kept.statement).collect()
    }
}
