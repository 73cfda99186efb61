//! [`Prepared`]: the prepared statements that a connection keeps.

use rustc_hash::FxHashMap;

/// The prepared statements of a connection by [`Sql::id`](super::Sql::id), for backends whose driver keeps none: at most so many, of which
/// the one that was used longest ago makes room for a new one.
///
/// ```
/// use selfsame::backend::Prepared;
///
/// let mut prepared = Prepared::new(2);
/// assert_eq!(prepared.keep(1, "one"), None);
/// assert_eq!(prepared.keep(2, "two"), None);
/// assert_eq!(prepared.get(1), Some(&"one"));
/// assert_eq!(prepared.keep(3, "three"), Some("two"), "to be closed");
/// ```
#[derive(Clone, Debug)]
pub struct Prepared<S> {
    kept: FxHashMap<u64, Kept<S>>,
    capacity: usize,
    clock: u64,
}

#[derive(Clone, Debug)]
struct Kept<S> {
    statement: S,
    used: u64,
}

impl<S> Prepared<S> {
    /// Creates an empty store of at most `capacity` statements.
    pub fn new(capacity: usize) -> Self {
        Self {
            kept: FxHashMap::default(),
            capacity,
            clock: 0,
        }
    }

    /// Returns the statement of this id, which is now the most recently used.
    pub fn get(&mut self, id: u64) -> Option<&S> {
        self.clock += 1;
        let kept = self.kept.get_mut(&id)?;
        kept.used = self.clock;
        Some(&kept.statement)
    }

    /// Keeps a statement, and returns the one whose place it takes, to be closed.
    pub fn keep(&mut self, id: u64, statement: S) -> Option<S> {
        let mut gone = self.forget(id);
        if self.kept.len() >= self.capacity {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used);
            let oldest = oldest.map(|(id, _)| *id);
            gone = gone.or(oldest.and_then(|id| self.forget(id)));
        }
        self.clock += 1;
        let used = self.clock;
        self.kept.insert(id, Kept { statement, used });
        gone
    }

    /// Forgets a statement, and returns it to be closed.
    pub fn forget(&mut self, id: u64) -> Option<S> {
        self.kept.remove(&id).map(|kept| kept.statement)
    }

    /// Forgets all statements, and returns them to be closed.
    pub fn take(&mut self) -> Vec<S> {
        let kept = self.kept.drain();
        kept.map(|(_, kept)| kept.statement).collect()
    }
}
