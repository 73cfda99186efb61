//! The connection with the injected fault.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use selfsame::backend::{
    Backend, Connection, Interrupter, Outcome, Row, Rows, Sql, Statement, StatementKind, Statistics,
};
use selfsame::dialect::{Begin, Transaction};
use selfsame::schema::Table;
use selfsame::value::{Param, Value};
use selfsame::{Error, ErrorKind, Result};

use super::kept::Kept;
use super::{BROKEN, Liar, with_params};
use crate::faults::connection_state::StateTracker;
use crate::faults::lie::{Change, Command, Lie, Wait, Write};
use crate::faults::rows::{Deliverer, changes, deliver_otherwise};

#[derive(Debug)]
pub(super) struct LyingConnection {
    /// Its history, for faults that depend on it.
    tracker: StateTracker,
    inner: Box<dyn Connection>,
    backend: Arc<dyn Backend>,
    liar: Arc<Liar>,
    broken: bool,
    /// A statement was stopped.
    cancelled: Arc<AtomicBool>,
    /// A statement was stopped, and its transaction must be committed.
    committed: Arc<AtomicBool>,
    /// How many rows each stopped statement had returned, by id.
    stopped: HashMap<u64, u64>,
    /// The last statement may have waited for a lock.
    locks: Arc<AtomicBool>,
    /// The transaction has ended without being reported.
    ended: bool,
    in_transaction: bool,
    /// Whether it is counted among the connections with an open transaction.
    is_counted: bool,
    was_reset: bool,
    number: u64,
    /// The row of a batch that runs.
    place: Option<usize>,
    kept: Kept,
    handles: AtomicU64,
    resets: Arc<AtomicU64>,
}

impl LyingConnection {
    pub(super) fn new(
        inner: Box<dyn Connection>,
        backend: Arc<dyn Backend>,
        liar: Arc<Liar>,
        number: u64,
    ) -> Self {
        Self {
            number,
            place: None,
            kept: Kept::default(),
            handles: AtomicU64::new(0),
            resets: Arc::default(),
            tracker: StateTracker::default(),
            inner,
            backend,
            liar,
            broken: false,
            cancelled: Arc::default(),
            committed: Arc::default(),
            stopped: HashMap::new(),
            locks: Arc::default(),
            ended: false,
            in_transaction: false,
            is_counted: false,
            was_reset: false,
        }
    }

    /// Updates the number of connections with an open transaction.
    fn count(&mut self) {
        let open = self.tracker.now().in_transaction;
        match (std::mem::replace(&mut self.is_counted, open), open) {
            (false, true) => self.liar.open.fetch_add(1, Ordering::SeqCst),
            (true, false) => self.liar.open.fetch_sub(1, Ordering::SeqCst),
            _ => 0,
        };
    }

    /// Waits forever instead of returning the error that ends a wait.
    fn wait_on<T>(&self, result: &Result<T>) {
        match result.as_ref().map_err(Error::kind) {
            Err(ErrorKind::Busy) => self.liar.wait(Wait::Locked),
            Err(ErrorKind::ConnectionLost) => self.liar.wait(Wait::Silent),
            _ => {}
        }
    }

    /// Repeats a call that is busy, if the fault says so.
    fn retry_while_busy<T>(&mut self, mut run: impl FnMut(&mut Self) -> Result<T>) -> Result<T> {
        let retries = matches!(self.liar.lie, Some(Lie::RetryWhileBusy))
            && !self.tracker.now().in_transaction;
        loop {
            match run(self) {
                Err(error) if retries && error.kind() == ErrorKind::Busy => self.liar.fire(),
                result => return result,
            }
        }
    }

    fn refuse_if_broken(&self) -> Result<()> {
        if self.broken || self.cancelled.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Database, BROKEN));
        }
        Ok(())
    }

    fn note_error<T>(&mut self, result: &Result<T>) {
        self.wait_on(result);
        self.tracker.ran(result.is_ok());
        if result.is_err() && matches!(self.liar.lie, Some(Lie::BreakOnError)) {
            self.liar.fire();
            self.broken = true;
        }
        if result.is_err() && self.in_transaction && matches!(self.liar.lie, Some(Lie::EndOnError))
        {
            self.liar.fire();
            self.ended = true;
            // If this fails, so will the next statement.
            let _ = self.send(&Transaction::Rollback);
        }
    }

    /// Opens a transaction that was not requested.
    fn hold_open(&mut self, kind: StatementKind) -> Result<()> {
        let holds = matches!(self.liar.lie, Some(Lie::HoldOpen(held)) if *held == kind);
        if !holds || self.in_transaction {
            return Ok(());
        }
        self.liar.fire();
        self.in_transaction = true;
        self.send(&Transaction::Begin(Begin::default()))
    }

    fn rewritten(&mut self, sql: &Sql) -> Option<Arc<Sql>> {
        self.liar
            .text(self.backend.dialect(), sql)
            .or_else(|| self.liar.text_in(self.tracker.now(), sql))
            .or_else(|| self.liar.confused(sql))
    }

    /// Returns whether the fault commits the transaction with this statement.
    fn in_definition(&self, kind: StatementKind) -> bool {
        kind == StatementKind::Ddl
            && self.tracker.now().in_transaction
            && matches!(self.liar.lie, Some(Lie::DefinitionCommits))
    }

    /// Commits an open transaction, if the fault says so here.
    fn commit_if(&mut self, commits: bool) {
        if commits && self.tracker.now().in_transaction {
            // The interrupt itself may end the first attempt.
            let commit = &Transaction::Commit;
            let done = self.send(commit).or_else(|_| self.send(commit));
            if done.is_ok() {
                self.liar.fire();
            }
        }
    }

    fn write<'a>(&self, sql: &'a Sql) -> Write<'a> {
        Write {
            kind: sql.kind(),
            text: sql.text(),
            place: self.place,
            returns_rows: !sql.columns().is_empty(),
            connection: self.number,
        }
    }

    /// Forgets the kept results that a statement may have changed.
    fn note_write(&mut self, sql: &Sql) {
        if sql.kind() != StatementKind::Select {
            let write = self.write(sql);
            self.kept.changed(&self.liar, Change::Write(write));
        }
    }

    /// Returns the parameters to send, and records them for the statement's next run.
    fn altered(&mut self, sql: &Sql, params: &[Param<'_>]) -> Option<Vec<Value>> {
        let is_wanted = match self.liar.lie {
            Some(Lie::Params(_)) => true,
            // This only checks whether a write repeats the last one.
            Some(Lie::OutcomeOf(_)) => sql.kind().is_write(),
            _ => false,
        };
        if !is_wanted {
            return None;
        }
        let altered = self.liar.params(self.tracker.of(sql.id()), sql, params);
        self.tracker.sent(sql.id(), params, altered.as_deref());
        altered
    }
}

impl Connection for LyingConnection {
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome> {
        self.refuse_if_broken()?;
        let text = self.rewritten(statement.sql);
        let sql = text.as_deref().unwrap_or(statement.sql);
        self.hold_open(sql.kind())?;
        let commits = self.in_definition(sql.kind());
        self.locks.store(sql.kind().is_write(), Ordering::SeqCst);
        let liar = Arc::clone(&self.liar);
        let altered = self.altered(sql, statement.params);
        let result = match altered {
            Some(values) => {
                let params: Vec<Param<'_>> =
                    values.iter().map(|v| Param::Ref(v.as_ref())).collect();
                self.inner.execute(&Statement::new(sql, &params))
            }
            None => self.retry_while_busy(|connection| {
                with_params(&liar, statement.params, |params| {
                    connection.inner.execute(&Statement::new(sql, params))
                })
            }),
        };
        let result = liar.quoting(result, statement.params);
        self.note_error(&result);
        if result.is_ok() {
            self.note_write(sql);
        }
        if commits && result.is_ok() {
            liar.fire();
            self.send(&Transaction::Commit)?;
            self.send(&Transaction::Begin(Begin::default()))?;
        }
        match result {
            Ok(outcome) => {
                let told = liar.outcome(self.tracker.now(), sql, outcome);
                self.tracker.told(outcome);
                Ok(told)
            }
            Err(error) => liar.answer(sql.kind(), liar.error_of(&self.write(sql), error)),
        }
    }

    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        self.refuse_if_broken()?;
        let text = self.rewritten(statement.sql);
        let sql = text.as_deref().unwrap_or(statement.sql);
        self.hold_open(sql.kind())?;
        self.locks.store(sql.kind().is_write(), Ordering::SeqCst);
        let liar = Arc::clone(&self.liar);
        let mut stopped = false;
        let mut late = None;
        let mut skipped = self.stopped.remove(&sql.id()).unwrap_or(0);
        let mut delivered = 0_u64;
        let altered = self.altered(sql, statement.params);
        let result = match (altered, changes(&liar, sql)) {
            _ if Kept::is_kept(&liar, sql) => self.kept.query(
                &liar,
                &mut *self.inner,
                &Statement::new(sql, statement.params),
                sink,
            ),
            (Some(values), _) => {
                let params: Vec<Param<'_>> =
                    values.iter().map(|v| Param::Ref(v.as_ref())).collect();
                self.inner.query(&Statement::new(sql, &params), sink)
            }
            (None, Some(change)) => {
                let statement = Statement::new(sql, statement.params);
                deliver_otherwise(&mut *self.inner, &statement, change, sink)
            }
            _ => {
                let mut delivery = Deliverer::new(&liar, sql.id());
                with_params(&liar, statement.params, |params| {
                    self.inner.query(&Statement::new(sql, params), &mut |row| {
                        delivered += 1;
                        if skipped > 0 {
                            skipped -= 1;
                            liar.fire();
                            return Ok(());
                        }
                        let result = delivery.row(row, sink);
                        if let Some(error) = late.take() {
                            return Err(error);
                        }
                        stopped |= result.is_err();
                        match (liar.lie, result) {
                            (Some(Lie::SwallowStop), Err(_)) => {
                                liar.fire();
                                Ok(())
                            }
                            (Some(Lie::StopLate), Err(error)) => {
                                liar.fire();
                                late = Some(error);
                                Ok(())
                            }
                            (_, result) => result,
                        }
                    })
                })
            }
        };
        let result = result.and_then(|()| late.map_or(Ok(()), Err));
        if stopped && matches!(liar.lie, Some(Lie::ResumeStopped)) {
            self.stopped.insert(sql.id(), delivered);
        }
        if stopped && matches!(liar.lie, Some(Lie::BreakOnStop)) {
            liar.fire();
            self.broken = true;
        }
        if stopped && matches!(liar.lie, Some(Lie::UndoOnStop)) && self.tracker.now().in_transaction
        {
            liar.fire();
            self.send(&Transaction::Rollback)?;
            self.send(&Transaction::Begin(Begin::default()))?;
        }
        let result = liar.quoting(result, statement.params);
        self.note_error(&result);
        if result.is_ok() {
            self.note_write(sql);
        }
        match result {
            Ok(()) => Ok(()),
            Err(_) if stopped && matches!(liar.lie, Some(Lie::BlurStop)) => {
                liar.fire();
                let message = "the query was stopped";
                Err(Error::new(ErrorKind::Database, message))
            }
            Err(error) if stopped => Err(error),
            Err(_) if delivered > 0 && matches!(liar.lie, Some(Lie::ErrorEndsResult)) => {
                liar.fire();
                Ok(())
            }
            Err(error)
                if is_violation(error.kind()) && matches!(liar.lie, Some(Lie::ErrorOfQuery)) =>
            {
                liar.fire();
                Err(Error::new(ErrorKind::Database, error.message()))
            }
            Err(error) => {
                let error = liar.error_of(&self.write(sql), error);
                liar.answer(sql.kind(), error).map(drop)
            }
        }
    }

    fn execute_each(
        &mut self,
        sql: &Sql,
        rows: Rows<'_>,
        each: &mut dyn FnMut(Outcome) -> Result<()>,
    ) -> Result<()> {
        let result = self.each_row(sql, rows, each);
        self.place = None;
        result
    }

    fn transaction(&mut self, command: &Transaction<'_>, sql: &Sql) -> Result<()> {
        if matches!(command, Transaction::Rollback)
            && matches!(self.liar.lie, Some(Lie::BreakOnError))
        {
            // After an error the contract requires only that a rollback works; the fault continues after it.
            return self.inner.transaction(command, sql);
        }
        self.refuse_if_broken()?;
        if matches!(command, Transaction::Rollback) {
            let commits = self.committed.swap(false, Ordering::SeqCst);
            self.commit_if(commits);
            if commits && self.tracker.now().in_transaction {
                self.tracker.commanded(command);
                return Ok(());
            }
        }
        let begins = matches!(command, Transaction::Begin(_));
        self.locks.store(begins, Ordering::SeqCst);
        if matches!(self.liar.lie, Some(Lie::HoldOpen(_)))
            && matches!(command, Transaction::Begin(_))
        {
            if self.in_transaction {
                self.send(&Transaction::Commit)?;
            }
            self.in_transaction = true;
        }
        if matches!(self.liar.lie, Some(Lie::EndOnError)) {
            self.in_transaction = match command {
                Transaction::Begin(_) => true,
                Transaction::Commit | Transaction::Rollback => false,
                _ => self.in_transaction,
            };
            if std::mem::take(&mut self.ended) && !self.in_transaction {
                return Ok(());
            }
        }
        if let Some(Lie::CommandIn(change)) = self.liar.lie {
            // Databases have the same text for some commands.
            let others = change(self.tracker.now(), command).filter(|others| {
                let dialect = self.backend.dialect();
                let texts = others.iter().map(|other| dialect.transaction(other));
                texts.collect::<Vec<_>>() != [sql.text()]
            });
            let others = self.liar.fired(others);
            let result = match others {
                None => self.inner.transaction(command, sql),
                Some(others) => others.iter().try_for_each(|other| self.send(other)),
            };
            if result.is_ok() {
                self.tracker.commanded(command);
            }
            return result;
        }
        let other = match self.liar.lie {
            Some(Lie::Command(change)) => self.liar.fired(change(command)),
            _ => None,
        };
        let result = match other {
            None => self.retry_while_busy(|connection| connection.inner.transaction(command, sql)),
            Some(Command::Nothing) => Ok(()),
            Some(Command::Begin) => self.send(&Transaction::Begin(Begin::default())),
            Some(Command::Commit) => self.send(&Transaction::Commit),
            Some(Command::Rollback) => self.send(&Transaction::Rollback),
        };
        if result.is_err()
            && matches!(command, Transaction::Commit)
            && matches!(self.liar.lie, Some(Lie::BreakOnRefusedCommit))
        {
            self.liar.fire();
            self.broken = true;
        }
        self.wait_on(&result);
        match result {
            Ok(()) => {
                self.tracker.commanded(command);
                self.count();
                self.kept.commanded(&self.liar, command);
                Ok(())
            }
            Err(error) => self
                .liar
                .answer(StatementKind::Transaction, error)
                .map(drop),
        }
    }

    fn interrupter(&self) -> Option<Interrupter> {
        let honest = self.inner.interrupter()?;
        let liar = Arc::clone(&self.liar);
        Some(match self.liar.lie {
            Some(Lie::IgnoreCancel) => Interrupter::new(move || liar.fire()),
            Some(Lie::OneHandle) if self.handles.fetch_add(1, Ordering::SeqCst) > 0 => {
                Interrupter::new(move || liar.fire())
            }
            Some(Lie::HandleUntilReset) => {
                let (resets, made) = (Arc::clone(&self.resets), self.resets.load(Ordering::SeqCst));
                Interrupter::new(move || match resets.load(Ordering::SeqCst) == made {
                    true => honest.interrupt(),
                    false => liar.fire(),
                })
            }
            Some(Lie::IgnoreCancelOfWrites) => {
                let locks = Arc::clone(&self.locks);
                Interrupter::new(move || match locks.load(Ordering::SeqCst) {
                    true => liar.fire(),
                    false => honest.interrupt(),
                })
            }
            Some(Lie::CancelCommits) => {
                let cancelled = Arc::clone(&self.committed);
                Interrupter::new(move || {
                    cancelled.store(true, Ordering::SeqCst);
                    honest.interrupt();
                })
            }
            Some(Lie::BreakOnCancel) => {
                let cancelled = Arc::clone(&self.cancelled);
                Interrupter::new(move || {
                    liar.fire();
                    cancelled.store(true, Ordering::SeqCst);
                    honest.interrupt();
                })
            }
            _ => honest,
        })
    }

    fn is_open(&self) -> bool {
        if self.was_reset {
            self.liar.wait(Wait::Check);
        }
        self.cancelled.load(Ordering::SeqCst) || self.inner.is_open()
    }

    fn reset(&mut self, used_raw_sql: bool) -> Result<()> {
        if matches!(self.liar.lie, Some(Lie::KeepDirty)) {
            self.liar.fire();
            return Ok(());
        }
        self.resets.fetch_add(1, Ordering::SeqCst);
        self.kept.commanded(&self.liar, &Transaction::Rollback);
        if self.tracker.now().in_transaction {
            self.liar.wait(Wait::Reset);
        }
        self.commit_if(matches!(self.liar.lie, Some(Lie::ResetCommits)));
        self.tracker.reset();
        self.count();
        self.was_reset = true;
        if used_raw_sql && matches!(self.liar.lie, Some(Lie::ResetLightly)) {
            self.liar.fire();
            return self.inner.reset(false);
        }
        self.inner.reset(used_raw_sql)
    }

    fn columns_set_by_updates(&mut self, table: &Table) -> Result<Vec<String>> {
        let named = self.inner.columns_set_by_updates(table)?;
        let Some(Lie::Updated(change)) = self.liar.lie else {
            return Ok(named);
        };
        let other = change(table, &named);
        let other = self.liar.fired((other != named).then_some(other));
        Ok(other.unwrap_or(named))
    }

    fn server_version(&mut self) -> Result<String> {
        if matches!(self.liar.lie, Some(Lie::Anonymous)) {
            self.liar.fire();
            return Ok(String::new());
        }
        self.inner.server_version()
    }

    fn statistics(&mut self) -> Result<Option<Statistics>> {
        let mut counted = self.inner.statistics()?;
        if let (Some(counters), Some(Lie::Count(change))) = (&mut counted, self.liar.lie) {
            let before = *counters;
            change(counters);
            if *counters != before {
                self.liar.fire();
            }
        }
        Ok(counted)
    }
}

impl Drop for LyingConnection {
    fn drop(&mut self) {
        if self.tracker.now().in_transaction {
            self.liar.wait(Wait::Drop);
        }
        let cancelled = self.committed.load(Ordering::SeqCst);
        self.commit_if(cancelled || matches!(self.liar.lie, Some(Lie::DropCommits)));
        self.tracker.reset();
        self.count();
    }
}

impl LyingConnection {
    /// Runs a batch in a transaction of its own.
    fn all_or_none(
        &mut self,
        sql: &Sql,
        rows: &[&[Param<'_>]],
        each: &mut dyn FnMut(Outcome) -> Result<()>,
    ) -> Result<()> {
        self.send(&Transaction::Begin(Begin::default()))?;
        for params in rows {
            let outcome = self.execute(&Statement::new(sql, params));
            if let Err(error) = outcome.and_then(&mut *each) {
                self.liar.fire();
                self.send(&Transaction::Rollback)?;
                return Err(error);
            }
        }
        self.send(&Transaction::Commit)
    }

    fn each_row(
        &mut self,
        sql: &Sql,
        rows: Rows<'_>,
        each: &mut dyn FnMut(Outcome) -> Result<()>,
    ) -> Result<()> {
        // Row by row: the effect of a fault must not depend on how the inner backend batches.
        let all: Vec<&[Param<'_>]> = rows.iter().collect();
        if all.is_empty() && matches!(self.liar.lie, Some(Lie::EmptyBatch)) {
            self.liar.fire();
            return each(Outcome::matched(0));
        }
        let is_alone = !self.tracker.now().in_transaction;
        if is_alone && matches!(self.liar.lie, Some(Lie::AtomicBatch)) {
            return self.all_or_none(sql, &all, each);
        }
        let mut outcomes = Vec::new();
        let mut first = None;
        let mut before = Outcome::matched(1);
        for (place, params) in all.iter().enumerate() {
            let is_last = place + 1 == all.len();
            self.place = Some(place);
            let outcome = match self.liar.lie {
                Some(Lie::EmptyRowsOnce) if params.is_empty() && place > 0 => {
                    self.liar.fire();
                    Outcome::matched(1)
                }
                Some(Lie::LoseLastOf(size)) if all.len() == *size && is_last => {
                    self.liar.fire();
                    Outcome::matched(1)
                }
                Some(Lie::LoseLast(beyond)) if all.len() > *beyond && is_last => {
                    self.liar.fire();
                    Outcome::matched(1)
                }
                Some(Lie::SkipInBatch(skip)) if skip(&all[..place], params) => {
                    self.liar.fire();
                    Outcome::matched(1)
                }
                Some(Lie::RepeatParameter) if place == 1 && params.len() > 1 => {
                    let mut mixed = params.to_vec();
                    if let (Some(last), Some(first)) = (mixed.last_mut(), all[0].last()) {
                        last.clone_from(first);
                        self.liar.fire();
                    }
                    self.execute(&Statement::new(sql, &mixed))?
                }
                Some(Lie::GoOn) => match self.execute(&Statement::new(sql, params)) {
                    Ok(outcome) => outcome,
                    Err(error) => {
                        self.liar.fire();
                        first.get_or_insert(error);
                        continue;
                    }
                },
                _ => self.execute(&Statement::new(sql, params))?,
            };
            match self.liar.lie {
                Some(Lie::EachOutcome(change)) => {
                    let changed = self.liar.fired(change(&outcomes, outcome));
                    outcomes.push(outcome);
                    each(changed.unwrap_or(outcome))?;
                }
                Some(Lie::LateOutcomes) => {
                    if before != outcome {
                        self.liar.fire();
                    }
                    each(std::mem::replace(&mut before, outcome))?;
                }
                Some(Lie::SkipLastOutcome) if is_last => self.liar.fire(),
                Some(Lie::IgnoreReader) => {
                    if let Err(error) = each(outcome) {
                        self.liar.fire();
                        first.get_or_insert(error);
                    }
                }
                _ => each(outcome)?,
            }
        }
        first.map_or(Ok(()), Err)
    }

    fn send(&mut self, command: &Transaction<'_>) -> Result<()> {
        let text = self.backend.dialect().transaction(command);
        let sql = Sql::new(StatementKind::Transaction, text, [], []);
        self.inner.transaction(command, &sql)
    }
}

fn is_violation(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UniqueViolation
            | ErrorKind::ForeignKeyViolation
            | ErrorKind::NotNullViolation
            | ErrorKind::CheckViolation
    )
}
