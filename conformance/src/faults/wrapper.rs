//! A wrapper around any backend that injects one fault, or none.

mod connection;
mod kept;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use selfsame::backend::{Backend, Connection, Outcome, Row, Sql, Statement, StatementKind};
use selfsame::dialect::Dialect;
use selfsame::value::{Param, Value, ValueRef, ValueType};
use selfsame::{Error, ErrorKind, Result};

use connection::LyingConnection;

use crate::claims::reflecting;
use crate::faults::Fault;
use crate::faults::connection_state::ConnectionState;
use crate::faults::lie::{Answer, Lie, Wait, Write};
use crate::target::{Fresh, Silenceable, Target};

/// A target whose backends have one injected fault, or none.
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
        Ok(Box::new(LyingFresh {
            inner: self.inner.fresh()?,
            liar: Arc::new(Liar {
                lie: self.fault.map(|fault| &fault.lie),
                fired: Arc::clone(&self.fired),
                texts: Mutex::default(),
                widths: Mutex::default(),
                first: Mutex::default(),
                connections: AtomicU64::new(0),
                open: AtomicU64::new(0),
                changes: AtomicU64::new(0),
            }),
        }))
    }
}

struct LyingFresh {
    inner: Box<dyn Fresh>,
    liar: Arc<Liar>,
}

impl LyingFresh {
    fn lying(&self, inner: Arc<dyn Backend>) -> Arc<dyn Backend> {
        let liar = Arc::clone(&self.liar);
        let inner = match liar.lie {
            Some(Lie::Reflect(change)) => {
                let liar = Arc::clone(&liar);
                reflecting(inner, move |tables| {
                    for table in tables {
                        if change(table) {
                            liar.fire();
                        }
                    }
                })
            }
            _ => inner,
        };
        Arc::new(Lying { inner, liar })
    }
}

impl Fresh for LyingFresh {
    fn backend(&self) -> Arc<dyn Backend> {
        self.lying(self.inner.backend())
    }

    fn silenceable(&self) -> Option<Silenceable> {
        let silenceable = self.inner.silenceable()?;
        Some(silenceable.wrapped(|inner| self.lying(inner)))
    }
}

/// The key by which statements are confused, and the types that they must share.
type Signature = (u64, Vec<ValueType>, Vec<ValueType>);

/// The fault, shared by all connections of one backend.
pub(super) struct Liar {
    pub(super) lie: Option<&'static Lie>,
    fired: Arc<AtomicU64>,
    /// The replacement of each statement, by id: rewritten once, so that the inner backend can keep it prepared.
    texts: Mutex<HashMap<u64, Option<Arc<Sql>>>>,
    /// The original number of columns of each statement, by id.
    widths: Mutex<HashMap<u64, usize>>,
    /// The first statement with each key and these types of parameters and columns.
    first: Mutex<HashMap<Signature, Arc<Sql>>>,
    /// The number of connections opened.
    connections: AtomicU64,
    /// The number of connections with an open transaction.
    open: AtomicU64,
    /// How often any connection changed something.
    changes: AtomicU64,
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
    /// Records that the fault acted.
    pub(super) fn fire(&self) {
        self.fired.fetch_add(1, Ordering::Relaxed);
    }

    /// Never returns, if the fault says so.
    fn wait(&self, what: Wait) {
        if matches!(self.lie, Some(Lie::Wait(wait)) if *wait == what) {
            self.fire();
            loop {
                thread::park();
            }
        }
    }

    /// Waits until no transaction is open, if the fault says so.
    fn wait_to_connect(&self) {
        if !matches!(self.lie, Some(Lie::Wait(Wait::Connect))) {
            return;
        }
        let mut fired = false;
        while self.open.load(Ordering::SeqCst) > 0 {
            if !std::mem::replace(&mut fired, true) {
                self.fire();
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn fired<T>(&self, acted: Option<T>) -> Option<T> {
        if acted.is_some() {
            self.fire();
        }
        acted
    }

    fn text(&self, dialect: &dyn Dialect, sql: &Sql) -> Option<Arc<Sql>> {
        let rewrite = |sql: &Sql| match self.lie {
            Some(Lie::Text(rewrite)) => rewrite(dialect, sql.kind(), sql.text()),
            Some(Lie::LoseTarget) if sql.target().is_some() => Some(sql.text().to_owned()),
            _ => None,
        };
        if !matches!(self.lie, Some(Lie::Text(_) | Lie::LoseTarget)) {
            return None;
        }
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let rewritten = texts.entry(sql.id()).or_insert_with(|| {
            let rewritten = with_text(sql, rewrite(sql)?);
            Some(Arc::new(match self.lie {
                Some(Lie::LoseTarget) => rewritten.with_target(None),
                _ => rewritten,
            }))
        });
        self.fired(rewritten.clone())
    }

    /// Returns the SQL to send now, rewritten each time, with its own id for each text.
    fn text_in(&self, state: &ConnectionState, sql: &Sql) -> Option<Arc<Sql>> {
        let Some(Lie::TextIn(rewrite)) = self.lie else {
            return None;
        };
        let text = rewrite(state, sql.kind(), sql.text())?;
        self.fire();
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = texts.entry(sql.id()).or_default();
        match kept {
            Some(kept) if kept.text() == text => {}
            _ => *kept = Some(Arc::new(with_text(sql, text))),
        }
        kept.clone()
    }

    /// Returns the statement with which this one is confused.
    fn confused(&self, sql: &Sql) -> Option<Arc<Sql>> {
        let Some(Lie::Confuse(key)) = self.lie else {
            return None;
        };
        let signature = (key(sql)?, sql.params().to_vec(), sql.columns().to_vec());
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let first = first
            .entry(signature)
            .or_insert_with(|| Arc::new(sql.clone()));
        let other = (first.text() != sql.text()).then(|| Arc::clone(first));
        self.fired(other)
    }

    /// Returns the replacements of a statement's parameters.
    fn params(
        &self,
        state: &ConnectionState,
        sql: &Sql,
        params: &[Param<'_>],
    ) -> Option<Vec<Value>> {
        let Some(Lie::Params(alter)) = self.lie else {
            return None;
        };
        let values: Vec<Value> = params
            .iter()
            .map(|param| param.value().map(ValueRef::to_owned))
            .collect::<Option<_>>()?;
        self.fired(alter(state, sql.kind(), sql.text(), &values))
    }

    /// Returns how many columns of a row are visible.
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

    /// Returns the owned forms of the parameters to send; `None` if nothing changes.
    fn stored(&self, params: &[Param<'_>]) -> Option<Vec<Stored>> {
        let alter: &dyn Fn(ValueRef<'_>) -> Option<Value> = match self.lie {
            Some(Lie::Store(alter)) => alter,
            Some(Lie::LoseLast(_) | Lie::LoseLastOf(_) | Lie::Array(_)) => &|_| None,
            _ => return None,
        };
        let mut changed = false;
        let mut altered = |value: ValueRef<'_>| match alter(value) {
            Some(other) => {
                changed = true;
                other
            }
            None => value.to_owned(),
        };
        let mut stored: Vec<Stored> = params
            .iter()
            .map(|param| match param {
                Param::Ref(value) => Stored::One(altered(*value)),
                Param::Owned(value) => Stored::One(altered(value.as_ref())),
                Param::Column(values) => Stored::Many(values.iter().map(|v| altered(*v)).collect()),
            })
            .collect();
        let is_lost = |rows: usize| match self.lie {
            Some(Lie::LoseLast(beyond)) => rows > *beyond,
            Some(Lie::LoseLastOf(size)) => rows == *size,
            _ => false,
        };
        for column in &mut stored {
            if let Stored::Many(values) = column
                && is_lost(values.len())
            {
                values.pop();
                changed = true;
            }
        }
        if let Some(Lie::Array(alter)) = self.lie {
            for column in &mut stored {
                if let Stored::Many(values) = column
                    && let Some(altered) = alter(values)
                {
                    *values = altered;
                    changed = true;
                }
            }
        }
        changed.then(|| {
            self.fire();
            stored
        })
    }

    fn outcome(&self, state: &ConnectionState, sql: &Sql, outcome: Outcome) -> Outcome {
        match self.lie {
            Some(Lie::Outcome(change)) => {
                let changed = change(sql.kind(), outcome);
                self.fired(changed).unwrap_or(outcome)
            }
            Some(Lie::OutcomeOf(change)) => {
                let changed = change(state, sql.kind(), sql.text(), outcome);
                self.fired(changed).unwrap_or(outcome)
            }
            _ => outcome,
        }
    }

    /// Adds the parameters to the error.
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

    /// Returns the error to report of a refused row.
    fn error_of(&self, write: &Write<'_>, error: Error) -> Error {
        let Some(Lie::ErrorOf(change)) = self.lie else {
            return error;
        };
        self.fired(change(write, &error)).unwrap_or(error)
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

/// Passes on the parameters, altered by the fault.
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
        self.liar.wait_to_connect();
        let mut inner = self.inner.connect()?;
        let before = self.liar.connections.fetch_add(1, Ordering::Relaxed);
        if matches!(self.liar.lie, Some(Lie::KeysOffElsewhere))
            && before > 0
            && keys_off(&mut *inner)
        {
            self.liar.fire();
        }
        let backend = Arc::clone(&self.inner);
        let liar = Arc::clone(&self.liar);
        Ok(Box::new(LyingConnection::new(inner, backend, liar, before)))
    }

    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }

    fn knows_dialect(&self) -> bool {
        self.inner.knows_dialect()
    }
}

/// Returns the statement with another text and the same target and compared types, so that a backend checks its values as before.
fn with_text(sql: &Sql, text: String) -> Sql {
    Sql::new(sql.kind(), text, sql.params(), sql.columns())
        .with_target(sql.target().cloned())
        .with_compared_types(sql.compared_types().to_vec())
}

/// Disables foreign keys in one of the ways that databases offer; returns false if there is none.
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
