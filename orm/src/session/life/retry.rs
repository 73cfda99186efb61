//! Transactions with options, and retried transactions.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use crate::dialect::{Begin, Isolation, Transaction};
use crate::engine::Connected;
use crate::error::{Error, ErrorKind, Result};
use crate::session::life::phase::Phase;
use crate::session::{Session, State};

/// The options of a transaction; the database's defaults unless set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransactionOptions {
    begin: Begin,
}

impl TransactionOptions {
    /// Creates options with the database's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the isolation level.
    #[must_use]
    pub fn isolation(mut self, level: Isolation) -> Self {
        self.begin.isolation = Some(level);
        self
    }

    /// Makes the transaction read-only: the database refuses a write with [`ErrorKind::ReadOnly`].
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.begin.read_only = true;
        self
    }

    /// Announces that the transaction will write: a database with a single writer, such as SQLite, then waits for its lock at BEGIN, so
    /// that no other transaction can write between this one's reads and writes. It makes no difference for databases with row locks.
    #[must_use]
    pub fn writes(mut self) -> Self {
        self.begin.writes_first = true;
        self
    }
}

/// The delay before the first retry, doubled for each further one up to a maximum. The actual delay is random, between half of it and the
/// whole.
const SHORTEST_WAIT: Duration = Duration::from_millis(4);
const LONGEST_WAIT: Duration = Duration::from_millis(500);

impl Session {
    /// Runs a [`transaction`](Self::transaction) with options.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] before anything is sent, if the backend does not support the options; [`ErrorKind::InvalidState`] if a
    /// transaction is open already; otherwise as [`transaction`](Self::transaction).
    pub fn transaction_with<T>(
        &mut self,
        options: TransactionOptions,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.refuse_inside("a transaction")?;
        if self.in_transaction() {
            let message = "a transaction is open already, and options only apply when it begins: commit or roll back first";
            return Err(Error::new(ErrorKind::InvalidState, message));
        }
        if options != TransactionOptions::default() {
            self.engine.check_begin(&options.begin)?;
        }
        let phase = Phase {
            begin: options.begin,
            ..self.phase
        };
        self.within(phase, |session| session.transaction(work))
    }

    /// Runs `work` as a [`transaction`](Self::transaction), and retries it up to `retries` times after a serialization failure, a deadlock,
    /// or a timeout waiting for the lock at BEGIN. Each attempt starts from the session's state before; objects added by a failed attempt
    /// have left the session. Between attempts it waits for a random time of at most half a second, and further attempts [begin for
    /// writing](TransactionOptions::writes).
    ///
    /// An open transaction in which the session has only read is ended first, as by [`rollback`](Self::rollback) but without hooks.
    ///
    /// An ambiguous commit ([`ErrorKind::AmbiguousCommit`]) is not retried.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidState`] if the session's transaction has written, or ran raw SQL that may have, or if there is something to
    /// flush, since that could not be retried; otherwise the error of the last attempt.
    pub fn retry<T>(
        &mut self,
        retries: u32,
        work: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.retry_with(TransactionOptions::default(), retries, work)
    }

    /// Runs [`retry`](Self::retry) with options for each attempt.
    ///
    /// # Errors
    ///
    /// As [`retry`](Self::retry) and [`transaction_with`](Self::transaction_with).
    pub fn retry_with<T>(
        &mut self,
        mut options: TransactionOptions,
        retries: u32,
        mut work: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.refuse_inside("a transaction")?;
        self.refuse_unclean()?;
        self.end_reads()?;
        let before = self.slot_counts();
        for retry in 0..retries {
            match self.transaction_with(options, &mut work) {
                Err(error) if error.is_retryable() || self.is_kept_out(&error, options) => {
                    self.forget_added_since(&before);
                    options.begin.writes_first |= !options.begin.read_only;
                    std::thread::sleep(wait(retry));
                }
                result => return result,
            }
        }
        self.transaction_with(options, work)
    }

    /// Whether a transaction timed out waiting for a lock at BEGIN, so that nothing of it has run.
    fn is_kept_out(&self, error: &Error, options: TransactionOptions) -> bool {
        let plain = options.begin;
        let writes = Begin {
            writes_first: true,
            ..plain
        };
        let dialect = self.engine.dialect();
        let texts = [plain, writes].map(|begin| dialect.transaction(&Transaction::Begin(begin)));
        error.kind() == ErrorKind::Busy
            && texts
                .iter()
                .any(|text| error.statement_text() == Some(text.as_str()))
    }

    fn refuse_unclean(&self) -> Result<()> {
        let what = if self.failed.is_some() {
            "waits for rollback()"
        } else if self.connection.as_ref().is_some_and(Connected::has_written) {
            "is in a transaction that has written"
        } else if self.has_changes() {
            "has something to flush"
        } else {
            return Ok(());
        };
        let message = format!(
            "the session {what}, which could not be retried: commit or roll back before `retry`"
        );
        Err(Error::new(ErrorKind::InvalidState, message))
    }

    /// Ends a transaction that only read, and expires what it read.
    fn end_reads(&mut self) -> Result<()> {
        if !self.in_transaction() {
            return Ok(());
        }
        let ended = self.connection.as_mut().map(Connected::rollback);
        self.give_back_connection();
        self.log.epoch += 1;
        ended.unwrap_or(Ok(()))
    }

    /// Drops the objects that a failed attempt added: they are transient after the rollback, and the next attempt adds its own.
    fn forget_added_since(&mut self, before: &[u32]) {
        for (store, entry) in (0u16..).zip(&mut self.stores) {
            let any = &mut *entry.store;
            for slot in before.get(usize::from(store)).copied().unwrap_or(0)..any.len() {
                if any.state(slot) == State::Transient {
                    any.discard(slot);
                    self.undone.forget((store, slot));
                }
            }
        }
    }
}

fn wait(retry: u32) -> Duration {
    let longest = SHORTEST_WAIT.saturating_mul(1_u32.checked_shl(retry).unwrap_or(u32::MAX));
    let half = longest.min(LONGEST_WAIT) / 2;
    // A new `RandomState` has a random seed.
    let random = RandomState::new().hash_one(retry) % 1024;
    half + half.mul_f64(f64::from(u16::try_from(random).unwrap_or(0)) / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_are_bounded_and_differ() {
        for retry in [0, 1, 5, 7, 31, 32, u32::MAX] {
            let longest = SHORTEST_WAIT
                .saturating_mul(2_u32.saturating_pow(retry))
                .min(LONGEST_WAIT);
            let waits: Vec<Duration> = (0..50).map(|_| wait(retry)).collect();
            let bounds = longest / 2..=longest;
            assert!(waits.iter().all(|wait| bounds.contains(wait)), "{retry}");
            assert!(waits.iter().any(|wait| *wait != waits[0]), "{retry}");
        }
    }
}
