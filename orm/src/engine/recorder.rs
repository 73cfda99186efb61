//! A recorder of the statements that were sent.

use std::sync::{Mutex, PoisonError};

use crate::backend::{Sql, StatementKind};

/// The texts of all statements sent since its creation, without transaction commands.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Vec<String>>);

impl Recorder {
    pub(super) fn add(&self, sql: &Sql) {
        if sql.kind() != StatementKind::Transaction {
            self.with(|texts| texts.push(sql.text().to_owned()));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.with(|texts| texts.len())
    }

    /// Returns all texts but the first `first`.
    pub(crate) fn since(&self, first: usize) -> Vec<String> {
        self.with(|texts| texts.iter().skip(first).cloned().collect())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Vec<String>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
