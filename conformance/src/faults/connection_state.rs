//! The history of a connection, on which some faults depend.

use std::collections::HashMap;

use selfsame::backend::Outcome;
use selfsame::dialect::{Begin, Transaction};
use selfsame::value::{Param, Value, ValueRef};

/// The history of a connection so far.
#[derive(Debug, Default)]
pub(super) struct ConnectionState {
    pub(super) in_transaction: bool,
    /// The names of the open savepoints, the innermost last.
    pub(super) savepoints: Vec<String>,
    /// The names of the savepoints that were released in this transaction.
    pub(super) released: Vec<String>,
    /// The savepoints that this transaction was rolled back to, in order.
    pub(super) rolled_back_to: Vec<String>,
    /// The previous transaction was rolled back.
    pub(super) after_rollback: bool,
    /// A statement of this transaction failed.
    pub(super) failed: bool,
    /// The statement before this one failed.
    pub(super) after_failure: bool,
    /// The last key that was reported.
    pub(super) last_key: Option<i64>,
    /// How many statements ran in this transaction.
    pub(super) statements: usize,
    /// How many transactions were committed.
    pub(super) commits: usize,
    /// How the previous transaction began, before any reset.
    pub(super) begun: Option<Begin>,
    /// The parameters of the statement's previous run.
    pub(super) previous: Option<Vec<Value>>,
    /// The statement's previous run had the same parameters.
    pub(super) repeated: bool,
}

/// Keeps a [`ConnectionState`] up to date.
#[derive(Debug)]
pub(super) struct StateTracker {
    now: ConnectionState,
    sent: HashMap<u64, Vec<Value>>,
    /// The last statement succeeded.
    succeeded: bool,
}

impl Default for StateTracker {
    fn default() -> Self {
        Self {
            now: ConnectionState::default(),
            sent: HashMap::new(),
            succeeded: true,
        }
    }
}

impl StateTracker {
    /// Records the key that a statement reported.
    pub(super) fn told(&mut self, outcome: Outcome) {
        self.now.last_key = outcome.last_insert_id.or(self.now.last_key);
    }

    pub(super) fn now(&self) -> &ConnectionState {
        &self.now
    }

    /// Returns the state before a statement with this id runs.
    pub(super) fn of(&mut self, id: u64) -> &ConnectionState {
        self.now.previous = self.sent.get(&id).cloned();
        &self.now
    }

    /// Records the parameters that a statement is sent with.
    pub(super) fn sent(&mut self, id: u64, params: &[Param<'_>], altered: Option<&[Value]>) {
        let values = match altered {
            Some(altered) => Some(altered.to_vec()),
            None => params
                .iter()
                .map(|param| param.value().map(ValueRef::to_owned))
                .collect(),
        };
        self.now.repeated = values.is_some() && self.now.previous == values;
        if let Some(values) = values {
            self.sent.insert(id, values);
        }
    }

    /// Records a result of a statement before it is reported.
    pub(super) fn ran(&mut self, succeeded: bool) {
        self.now.after_failure = !std::mem::replace(&mut self.succeeded, succeeded);
        if self.now.in_transaction {
            self.now.statements += 1;
            self.now.failed |= !succeeded;
        }
    }

    pub(super) fn commanded(&mut self, command: &Transaction<'_>) {
        let now = &mut self.now;
        match command {
            Transaction::Begin(begin) => {
                now.in_transaction = true;
                now.begun = Some(*begin);
            }
            Transaction::Commit | Transaction::Rollback => {
                let rolled_back = matches!(command, Transaction::Rollback);
                *now = ConnectionState {
                    after_rollback: rolled_back,
                    commits: now.commits + usize::from(!rolled_back),
                    begun: now.begun,
                    after_failure: now.after_failure,
                    last_key: now.last_key,
                    ..ConnectionState::default()
                };
            }
            Transaction::Savepoint(name) => now.savepoints.push((*name).to_owned()),
            Transaction::Release(name) => {
                now.released.push((*name).to_owned());
                if let Some(at) = now.savepoints.iter().rposition(|open| open == name) {
                    now.savepoints.truncate(at);
                }
            }
            Transaction::RollbackTo(name) => {
                now.failed = false;
                now.rolled_back_to.push((*name).to_owned());
                if let Some(at) = now.savepoints.iter().rposition(|open| open == name) {
                    now.savepoints.truncate(at + 1);
                }
            }
            _ => {}
        }
    }

    pub(super) fn reset(&mut self) {
        self.now = ConnectionState {
            begun: self.now.begun,
            last_key: self.now.last_key,
            ..ConnectionState::default()
        };
    }
}
