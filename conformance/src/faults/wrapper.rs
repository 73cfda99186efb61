//! A wrapper around any backend that makes one mistake, or none.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use selfsame::backend::{
    Backend, Connection, Interrupter, Outcome, Row, Rows, Sql, Statement, StatementKind, Statistics,
};
use selfsame::dialect::{Begin, Dialect, Transaction};
use selfsame::value::{Param, Value, ValueRef};
use selfsame::{Error, ErrorKind, Result};

use crate::faults::Fault;
use crate::faults::lie::{Answer, Command, Lie};
use crate::faults::moment::{Moment, Moments};
use crate::faults::rows::{Deliverer, deliver_otherwise};
use crate::target::{Fresh, Target};

/// A target whose backends make one mistake, or none.
pub(super) struct LyingTarget {
    inner: Arc<dyn Target>,
    fault: Option<&'static Fault>,
    fired: Arc<AtomicU64>,
}

impl LyingTarget {
    /// `fired` counts how often the fault acted.
    pub(super) fn new(
        inner: Arc<dyn Target>,
        fault: Option<&'static Fault>,
        fired: Arc<AtomicU64>,
    ) -> Self {
        Self {
            inner,
            fault,
            fired,
        }
    }
}

impl Target for LyingTarget {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn fresh(&self) -> Result<Box<dyn Fresh>> {
        let inner = self.inner.fresh()?;
        let backend: Arc<dyn Backend> = Arc::new(Lying {
            inner: inner.backend(),
            liar: Arc::new(Liar {
                lie: self.fault.map(|fault| &fault.lie),
                fired: Arc::clone(&self.fired),
                texts: Mutex::default(),
                widths: Mutex::default(),
                connections: AtomicU64::new(0),
            }),
        });
        Ok(Box::new(LyingFresh {
            backend,
            _inner: inner,
        }))
    }
}

struct LyingFresh {
    backend: Arc<dyn Backend>,
    _inner: Box<dyn Fresh>,
}

impl Fresh for LyingFresh {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.backend)
    }
}

/// The mistake, shared by all connections of one backend.
pub(super) struct Liar {
    pub(super) lie: Option<&'static Lie>,
    fired: Arc<AtomicU64>,
    /// What is sent instead of a statement, by its id: rewritten once, so that the inner backend can keep it prepared.
    texts: Mutex<HashMap<u64, Option<Arc<Sql>>>>,
    /// How many columns a statement gave at first, by its id.
    widths: Mutex<HashMap<u64, usize>>,
    /// How many connections were opened.
    connections: AtomicU64,
}

impl fmt::Debug for Liar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if matches!(self.lie, Some(Lie::ShowPassword)) {
            self.fire();
            return f.write_str("Liar { password: \"secret\" }");
        }
        f.write_str("Liar")
    }
}

impl Liar {
    /// Notes that the fault acted.
    pub(super) fn fire(&self) {
        self.fired.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn fired<T>(&self, acted: Option<T>) -> Option<T> {
        if acted.is_some() {
            self.fire();
        }
        acted
    }

    fn text(&self, dialect: &dyn Dialect, sql: &Sql) -> Option<Arc<Sql>> {
        let Some(Lie::Text(rewrite)) = self.lie else {
            return None;
        };
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let rewritten = texts.entry(sql.id()).or_insert_with(|| {
            let text = rewrite(dialect, sql.kind(), sql.text())?;
            Some(Arc::new(Sql::new(
                sql.kind(),
                text,
                sql.params(),
                sql.columns(),
            )))
        });
        self.fired(rewritten.clone())
    }

    /// The text that is sent at this moment. Rewritten anew each time, under an id of its own for each text.
    fn text_in(&self, moment: &Moment, sql: &Sql) -> Option<Arc<Sql>> {
        let Some(Lie::TextIn(rewrite)) = self.lie else {
            return None;
        };
        let text = rewrite(moment, sql.kind(), sql.text())?;
        self.fire();
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = texts.entry(sql.id()).or_default();
        match kept {
            Some(kept) if kept.text() == text => {}
            _ => {
                *kept = Some(Arc::new(Sql::new(
                    sql.kind(),
                    text,
                    sql.params(),
                    sql.columns(),
                )));
            }
        }
        kept.clone()
    }

    /// What is sent instead of all parameters of a statement.
    fn params(&self, moment: &Moment, sql: &Sql, params: &[Param<'_>]) -> Option<Vec<Value>> {
        let Some(Lie::Params(bend)) = self.lie else {
            return None;
        };
        let values: Vec<Value> = params
            .iter()
            .map(|param| param.value().map(ValueRef::to_owned))
            .collect::<Option<_>>()?;
        self.fired(bend(moment, sql.kind(), sql.text(), &values))
    }

    /// How many columns of a row are shown.
    pub(super) fn width(&self, id: u64, row: &dyn Row) -> usize {
        if !matches!(self.lie, Some(Lie::StalePlan)) {
            return row.len();
        }
        let mut widths = self.widths.lock().unwrap_or_else(PoisonError::into_inner);
        let first = *widths.entry(id).or_insert(row.len());
        if first < row.len() {
            self.fire();
        }
        first.min(row.len())
    }

    /// The owned forms of what is sent; `None` where nothing changes.
    fn stored(&self, params: &[Param<'_>]) -> Option<Vec<Stored>> {
        let bend: &dyn Fn(ValueRef<'_>) -> Option<Value> = match self.lie {
            Some(Lie::Store(bend)) => bend,
            Some(Lie::LoseLast(_) | Lie::Array(_)) => &|_| None,
            _ => return None,
        };
        let mut changed = false;
        let mut bent = |value: ValueRef<'_>| match bend(value) {
            Some(other) => {
                changed = true;
                other
            }
            None => value.to_owned(),
        };
        let mut stored: Vec<Stored> = params
            .iter()
            .map(|param| match param {
                Param::Ref(value) => Stored::One(bent(*value)),
                Param::Owned(value) => Stored::One(bent(value.as_ref())),
                Param::Column(values) => Stored::Many(values.iter().map(|v| bent(*v)).collect()),
            })
            .collect();
        if let Some(Lie::LoseLast(beyond)) = self.lie {
            for column in &mut stored {
                if let Stored::Many(values) = column
                    && values.len() > *beyond
                {
                    values.pop();
                    changed = true;
                }
            }
        }
        if let Some(Lie::Array(bend)) = self.lie {
            for column in &mut stored {
                if let Stored::Many(values) = column
                    && let Some(bent) = bend(values)
                {
                    *values = bent;
                    changed = true;
                }
            }
        }
        changed.then(|| {
            self.fire();
            stored
        })
    }

    fn outcome(&self, moment: &Moment, sql: &Sql, outcome: Outcome) -> Outcome {
        match self.lie {
            Some(Lie::Outcome(change)) => {
                let changed = change(sql.kind(), outcome);
                self.fired(changed).unwrap_or(outcome)
            }
            Some(Lie::OutcomeOf(change)) => {
                let changed = change(moment, sql.kind(), sql.text(), outcome);
                self.fired(changed).unwrap_or(outcome)
            }
            _ => outcome,
        }
    }

    /// The error with the parameters in it.
    fn quoting<T>(&self, result: Result<T>, params: &[Param<'_>]) -> Result<T> {
        match (result, self.lie) {
            (Err(error), Some(Lie::QuoteParameters)) if !params.is_empty() => {
                self.fire();
                let message = format!("{}: {params:?}", error.message());
                Err(Error::new(error.kind(), message))
            }
            (result, _) => result,
        }
    }

    fn answer(&self, kind: StatementKind, error: Error) -> Result<Outcome> {
        if error.kind() == ErrorKind::Database && error.message() == BROKEN {
            return Err(error);
        }
        let Some(Lie::Error(change)) = self.lie else {
            return Err(error);
        };
        match self.fired(change(kind, &error)) {
            None => Err(error),
            Some(Answer::Error(other)) => Err(other),
            Some(Answer::Success) => Ok(Outcome::matched(1)),
        }
    }
}

/// An owned parameter.
enum Stored {
    One(Value),
    Many(Vec<Value>),
}

/// Hands the parameters on, bent where the fault bends them.
fn with_params<T>(liar: &Liar, params: &[Param<'_>], send: impl FnOnce(&[Param<'_>]) -> T) -> T {
    let Some(stored) = liar.stored(params) else {
        return send(params);
    };
    let columns: Vec<Vec<ValueRef<'_>>> = stored
        .iter()
        .map(|param| match param {
            Stored::One(_) => Vec::new(),
            Stored::Many(values) => values.iter().map(Value::as_ref).collect(),
        })
        .collect();
    let params: Vec<Param<'_>> = stored
        .iter()
        .zip(&columns)
        .map(|(param, column)| match param {
            Stored::One(value) => Param::Ref(value.as_ref()),
            Stored::Many(_) => Param::Column(column),
        })
        .collect();
    send(&params)
}

const BROKEN: &str = "the connection is in no state to answer";

#[derive(Debug)]
struct Lying {
    inner: Arc<dyn Backend>,
    liar: Arc<Liar>,
}

impl Backend for Lying {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        let mut inner = self.inner.connect()?;
        let before = self.liar.connections.fetch_add(1, Ordering::Relaxed);
        if matches!(self.liar.lie, Some(Lie::KeysOffElsewhere))
            && before > 0
            && keys_off(&mut *inner)
        {
            self.liar.fire();
        }
        Ok(Box::new(LyingConnection {
            inner,
            moments: Moments::default(),
            backend: Arc::clone(&self.inner),
            liar: Arc::clone(&self.liar),
            broken: false,
            cancelled: Arc::default(),
            ended: false,
            in_transaction: false,
        }))
    }

    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }
}

/// Switches foreign keys off by one of the ways that databases have for it; false where there is none.
fn keys_off(connection: &mut dyn Connection) -> bool {
    let ways = [
        "PRAGMA foreign_keys = OFF",
        "SET SESSION foreign_key_checks = 0",
        "SET session_replication_role = replica",
    ];
    ways.into_iter().any(|way| {
        let sql = Sql::new(StatementKind::Raw, way, [], []);
        connection.execute(&Statement::new(&sql, &[])).is_ok()
    })
}

#[derive(Debug)]
struct LyingConnection {
    /// What it went through, for lies that depend on it.
    moments: Moments,
    inner: Box<dyn Connection>,
    backend: Arc<dyn Backend>,
    liar: Arc<Liar>,
    broken: bool,
    /// A statement was stopped.
    cancelled: Arc<AtomicBool>,
    /// The transaction is over, and nobody is told.
    ended: bool,
    in_transaction: bool,
}

impl LyingConnection {
    fn refuse_if_broken(&self) -> Result<()> {
        if self.broken || self.cancelled.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Database, BROKEN));
        }
        Ok(())
    }

    fn note_error<T>(&mut self, result: &Result<T>) {
        self.moments.ran(result.is_ok());
        if result.is_err() && matches!(self.liar.lie, Some(Lie::BreakOnError)) {
            self.liar.fire();
            self.broken = true;
        }
        if result.is_err() && self.in_transaction && matches!(self.liar.lie, Some(Lie::EndOnError))
        {
            self.liar.fire();
            self.ended = true;
            // What fails here fails for the one who asks next.
            let _ = self.send(&Transaction::Rollback);
        }
    }

    /// Opens a transaction that nobody asked for.
    fn hold_open(&mut self, kind: StatementKind) -> Result<()> {
        let holds = matches!(self.liar.lie, Some(Lie::HoldOpen));
        if !holds || self.in_transaction || kind != StatementKind::Insert {
            return Ok(());
        }
        self.liar.fire();
        self.in_transaction = true;
        self.send(&Transaction::Begin(Begin::default()))
    }

    fn rewritten(&mut self, sql: &Sql) -> Option<Arc<Sql>> {
        self.liar
            .text(self.backend.dialect(), sql)
            .or_else(|| self.liar.text_in(self.moments.now(), sql))
    }

    /// The parameters as they are sent, noted for the statement's next run.
    fn bent(&mut self, sql: &Sql, params: &[Param<'_>]) -> Option<Vec<Value>> {
        if !matches!(self.liar.lie, Some(Lie::Params(_))) {
            return None;
        }
        let bent = self.liar.params(self.moments.of(sql.id()), sql, params);
        self.moments.sent(sql.id(), params, bent.as_deref());
        bent
    }
}

impl Connection for LyingConnection {
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome> {
        self.refuse_if_broken()?;
        let text = self.rewritten(statement.sql);
        let sql = text.as_deref().unwrap_or(statement.sql);
        self.hold_open(sql.kind())?;
        let liar = Arc::clone(&self.liar);
        let bent = self.bent(sql, statement.params);
        let result = match bent {
            Some(values) => {
                let params: Vec<Param<'_>> =
                    values.iter().map(|v| Param::Ref(v.as_ref())).collect();
                self.inner.execute(&Statement::new(sql, &params))
            }
            None => with_params(&liar, statement.params, |params| {
                self.inner.execute(&Statement::new(sql, params))
            }),
        };
        let result = liar.quoting(result, statement.params);
        self.note_error(&result);
        match result {
            Ok(outcome) => Ok(liar.outcome(self.moments.now(), sql, outcome)),
            Err(error) => liar.answer(sql.kind(), error),
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
        let liar = Arc::clone(&self.liar);
        let mut stopped = false;
        let bent = self.bent(sql, statement.params);
        let result = match (bent, liar.lie) {
            (Some(values), _) => {
                let params: Vec<Param<'_>> =
                    values.iter().map(|v| Param::Ref(v.as_ref())).collect();
                self.inner.query(&Statement::new(sql, &params), sink)
            }
            (None, Some(Lie::Rows(on, order)))
                if !sql.columns().is_empty() && on(sql.kind(), sql.text()) =>
            {
                deliver_otherwise(
                    &mut *self.inner,
                    &Statement::new(sql, statement.params),
                    |rows| liar.fired(order(rows)),
                    sink,
                )
            }
            _ => {
                let mut delivery = Deliverer::new(&liar, sql.id());
                with_params(&liar, statement.params, |params| {
                    self.inner.query(&Statement::new(sql, params), &mut |row| {
                        let result = delivery.row(row, sink);
                        stopped |= result.is_err();
                        match liar.lie {
                            Some(Lie::SwallowStop) if result.is_err() => {
                                liar.fire();
                                Ok(())
                            }
                            _ => result,
                        }
                    })
                })
            }
        };
        if stopped && matches!(liar.lie, Some(Lie::BreakOnStop)) {
            liar.fire();
            self.broken = true;
        }
        let result = liar.quoting(result, statement.params);
        self.note_error(&result);
        match result {
            Ok(()) => Ok(()),
            Err(error) if stopped => Err(error),
            Err(error) => liar.answer(sql.kind(), error).map(drop),
        }
    }

    fn execute_each(
        &mut self,
        sql: &Sql,
        rows: Rows<'_>,
        each: &mut dyn FnMut(Outcome) -> Result<()>,
    ) -> Result<()> {
        // Row by row: what a mistake does to one row must not depend on how the inner backend batches.
        let all: Vec<&[Param<'_>]> = rows.iter().collect();
        let mut first = None;
        let mut before = Outcome::matched(1);
        for (place, params) in all.iter().enumerate() {
            let outcome = match self.liar.lie {
                Some(Lie::LoseLast(beyond)) if all.len() > *beyond && place + 1 == all.len() => {
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
                Some(Lie::LateOutcomes) => {
                    if before != outcome {
                        self.liar.fire();
                    }
                    each(std::mem::replace(&mut before, outcome))?;
                }
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

    fn transaction(&mut self, command: &Transaction<'_>, sql: &Sql) -> Result<()> {
        if matches!(command, Transaction::Rollback)
            && matches!(self.liar.lie, Some(Lie::BreakOnError))
        {
            // What the contract allows after an error: a rollback. The mistake outlives it.
            return self.inner.transaction(command, sql);
        }
        self.refuse_if_broken()?;
        if matches!(self.liar.lie, Some(Lie::HoldOpen)) && matches!(command, Transaction::Begin(_))
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
            let others = self.liar.fired(change(self.moments.now(), command));
            let result = match others {
                None => self.inner.transaction(command, sql),
                Some(others) => others.iter().try_for_each(|other| self.send(other)),
            };
            if result.is_ok() {
                self.moments.commanded(command);
            }
            return result;
        }
        let other = match self.liar.lie {
            Some(Lie::Command(change)) => self.liar.fired(change(command)),
            _ => None,
        };
        let result = match other {
            None => self.inner.transaction(command, sql),
            Some(Command::Nothing) => Ok(()),
            Some(Command::Begin) => self.send(&Transaction::Begin(Begin::default())),
            Some(Command::Commit) => self.send(&Transaction::Commit),
            Some(Command::Rollback) => self.send(&Transaction::Rollback),
        };
        match result {
            Ok(()) => {
                self.moments.commanded(command);
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
        self.cancelled.load(Ordering::SeqCst) || self.inner.is_open()
    }

    fn reset(&mut self, used_raw_sql: bool) -> Result<()> {
        if matches!(self.liar.lie, Some(Lie::KeepDirty)) {
            self.liar.fire();
            return Ok(());
        }
        self.moments.reset();
        if used_raw_sql && matches!(self.liar.lie, Some(Lie::ResetLightly)) {
            self.liar.fire();
            return self.inner.reset(false);
        }
        self.inner.reset(used_raw_sql)
    }

    fn server_version(&mut self) -> Result<String> {
        if matches!(self.liar.lie, Some(Lie::Anonymous)) {
            self.liar.fire();
            return Ok(String::new());
        }
        self.inner.server_version()
    }

    fn statistics(&mut self) -> Result<Option<Statistics>> {
        self.inner.statistics()
    }
}

impl LyingConnection {
    fn send(&mut self, command: &Transaction<'_>) -> Result<()> {
        let text = self.backend.dialect().transaction(command);
        let sql = Sql::new(StatementKind::Transaction, text, [], []);
        self.inner.transaction(command, &sql)
    }
}
