//! The prepared statements that a connection keeps.

use mysql::Statement;
use rustc_hash::FxHashMap;

/// How many a connection keeps.
const CAPACITY: usize = 256;

/// Prepared statements by [`Sql::id`](selfsame::backend::Sql::id); the one used longest ago makes room for a new one.
#[derive(Default)]
pub(crate) struct Statements {
    kept: FxHashMap<u64, Kept>,
    clock: u64,
}

struct Kept {
    statement: Statement,
    used: u64,
}

impl Statements {
    /// The statement of this id, now the most recently used.
    pub(crate) fn get(&mut self, id: u64) -> Option<Statement> {
        self.clock += 1;
        let kept = self.kept.get_mut(&id)?;
        kept.used = self.clock;
        Some(kept.statement.clone())
    }

    /// Keeps a statement; gives back one to be closed.
    pub(crate) fn keep(&mut self, id: u64, statement: Statement) -> Option<Statement> {
        let mut gone = None;
        if self.kept.len() >= CAPACITY {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                gone = self.kept.remove(&oldest).map(|kept| kept.statement);
            }
        }
        self.clock += 1;
        let used = self.clock;
        self.kept.insert(id, Kept { statement, used });
        gone
    }

    /// Forgets one; gives it back to be closed.
    pub(crate) fn forget(&mut self, id: u64) -> Option<Statement> {
        self.kept.remove(&id).map(|kept| kept.statement)
    }

    /// Forgets all: a reset closed them.
    pub(crate) fn clear(&mut self) {
        self.kept.clear();
    }
}
