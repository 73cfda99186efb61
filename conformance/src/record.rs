//! A wrapper that logs every statement, for the reports of failures.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use selfsame::Result;
use selfsame::backend::{
    Backend, Connection, Interrupter, Outcome, Row, Rows, Sql, Statement, StatementKind, Statistics,
};
use selfsame::dialect::{Dialect, Transaction};
use selfsame::schema::Table;
use selfsame::value::{Param, ValueRef};

use crate::script::statement;

/// The statements that ran, shared by all connections of one database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    ran: VecDeque<Line>,
    /// Statements that were sent but not answered yet; after a panic or a hang they never will be.
    unanswered: Vec<(u64, String)>,
    next: u64,
    /// The lines to report instead, once the smallest failing input is known.
    kept: Option<Vec<String>>,
    /// Statements with literals.
    script: Vec<String>,
    /// A digest of every statement and its parameters.
    sent: DefaultHasher,
    writes_script: Writing,
}

/// Which statements are logged with literals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writing {
    /// Those before the first input, which create the tables.
    #[default]
    Tables,
    Nothing,
    Everything,
}

#[derive(Debug)]
struct Line {
    text: String,
    times: usize,
    error: Option<String>,
}

/// The maximum number of lines; the oldest are dropped first.
const MOST_LINES: usize = 60;
/// The maximum number of statements logged with literals.
const LONGEST_SCRIPT: usize = 5_000;
/// The maximum length of a logged statement; the rest of a long batch would not add information.
const MOST_CHARACTERS: usize = 300;

impl Log {
    /// Clears the log.
    pub(crate) fn clear(&self) {
        self.lines().ran.clear();
    }

    /// Returns the statements with literals so far, which create the tables, and stops logging literals.
    pub(crate) fn end_tables(&self) -> Vec<String> {
        let mut lines = self.lines();
        lines.writes_script = Writing::Nothing;
        std::mem::take(&mut lines.script)
    }

    /// Logs all statements with literals from now on.
    pub(crate) fn begin_script(&self) {
        self.lines().writes_script = Writing::Everything;
    }

    /// Returns the statements logged since.
    pub(crate) fn end_script(&self) -> Vec<String> {
        self.end_tables()
    }

    /// Returns a digest of all statements sent, with their parameters.
    pub(crate) fn digest(&self) -> String {
        format!("{:016x}", self.lines().sent.finish())
    }

    fn script<T>(&self, sql: &Sql, params: &[Param<'_>], result: &Result<T>) {
        let mut lines = self.lines();
        digest(sql, params, &mut lines.sent);
        let wanted = match lines.writes_script {
            Writing::Tables => sql.kind() == StatementKind::Ddl,
            Writing::Nothing => false,
            Writing::Everything => true,
        };
        if !wanted || lines.script.len() >= LONGEST_SCRIPT {
            return;
        }
        let mut text = statement(sql, params);
        if let Err(error) = result {
            text.push_str(&format!(" -- {:?}", error.kind()));
        }
        lines.script.push(text);
    }

    /// Sets the lines to report instead of the log.
    pub(crate) fn replace(&self, lines: Vec<String>) {
        self.lines().kept = Some(lines);
    }

    /// Returns the log, the oldest first.
    pub(crate) fn to_lines(&self) -> Vec<String> {
        let lines = self.lines();
        match &lines.kept {
            Some(kept) => kept.clone(),
            None => {
                let unanswered = lines.unanswered.iter();
                let ran = lines.ran.iter().map(Line::to_string);
                ran.chain(unanswered.map(|(_, text)| format!("{text}  -- did not return")))
                    .collect()
            }
        }
    }

    /// Logs a statement, then sends it.
    fn around<T>(&self, text: &str, times: usize, send: impl FnOnce() -> Result<T>) -> Result<T> {
        let number = self.begin(text);
        let result = send();
        self.lines()
            .unanswered
            .retain(|(other, _)| *other != number);
        self.note(text, times, &result);
        result
    }

    fn begin(&self, text: &str) -> u64 {
        let mut lines = self.lines();
        lines.next += 1;
        let number = lines.next;
        lines.unanswered.push((number, shortened(text)));
        number
    }

    fn note<T>(&self, text: &str, times: usize, result: &Result<T>) {
        let text = shortened(text);
        let error = result.as_ref().err().map(|e| format!("{:?}", e.kind()));
        let lines = &mut self.lines().ran;
        if let Some(last) = lines.back_mut()
            && last.text == text
            && last.error == error
        {
            last.times += times;
            return;
        }
        if lines.len() == MOST_LINES {
            lines.pop_front();
        }
        lines.push_back(Line { text, times, error });
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)?;
        if self.times > 1 {
            write!(f, "  -- {} times", self.times)?;
        }
        if let Some(error) = &self.error {
            write!(f, "  -- {error}")?;
        }
        Ok(())
    }
}

fn digest(sql: &Sql, params: &[Param<'_>], sent: &mut DefaultHasher) {
    sql.text().hash(sent);
    for param in params {
        match param {
            Param::Column(values) => {
                values.len().hash(sent);
                values.iter().for_each(|value| digest_of(*value, sent));
            }
            param => digest_of(param.value().unwrap_or(ValueRef::Null), sent),
        }
    }
}

/// Hashes long texts and bytes directly, other values by their Debug form.
fn digest_of(value: ValueRef<'_>, sent: &mut DefaultHasher) {
    match value {
        ValueRef::Text(text) | ValueRef::Json(text) => text.hash(sent),
        ValueRef::Bytes(bytes) => bytes.hash(sent),
        other => format!("{other:?}").hash(sent),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// A backend whose statements are logged.
#[derive(Debug)]
pub(crate) struct Recorded {
    inner: Arc<dyn Backend>,
    log: Log,
}

impl Recorded {
    pub(crate) fn new(inner: Arc<dyn Backend>, log: Log) -> Self {
        Self { inner, log }
    }
}

impl Backend for Recorded {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        Ok(Box::new(RecordedConnection {
            inner: self.inner.connect()?,
            log: self.log.clone(),
        }))
    }

    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }

    fn knows_dialect(&self) -> bool {
        self.inner.knows_dialect()
    }
}

#[derive(Debug)]
struct RecordedConnection {
    inner: Box<dyn Connection>,
    log: Log,
}

impl Connection for RecordedConnection {
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome> {
        let Self { inner, log } = self;
        let result = log.around(statement.sql.text(), 1, || inner.execute(statement));
        self.log.script(statement.sql, statement.params, &result);
        result
    }

    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        let Self { inner, log } = self;
        let result = log.around(statement.sql.text(), 1, || inner.query(statement, sink));
        self.log.script(statement.sql, statement.params, &result);
        result
    }

    fn execute_each(
        &mut self,
        sql: &Sql,
        rows: Rows<'_>,
        each: &mut dyn FnMut(Outcome) -> Result<()>,
    ) -> Result<()> {
        let Self { inner, log } = self;
        let result = log.around(sql.text(), rows.len(), || {
            inner.execute_each(sql, rows, each)
        });
        for params in rows.iter() {
            self.log.script(sql, params, &result);
        }
        result
    }

    fn transaction(&mut self, command: &Transaction<'_>, sql: &Sql) -> Result<()> {
        let Self { inner, log } = self;
        let result = log.around(sql.text(), 1, || inner.transaction(command, sql));
        self.log.script(sql, &[], &result);
        result
    }

    fn interrupter(&self) -> Option<Interrupter> {
        self.inner.interrupter()
    }

    fn is_open(&self) -> bool {
        self.inner.is_open()
    }

    fn reset(&mut self, used_raw_sql: bool) -> Result<()> {
        self.inner.reset(used_raw_sql)
    }

    fn columns_set_by_updates(&mut self, table: &Table) -> Result<Vec<String>> {
        self.inner.columns_set_by_updates(table)
    }

    fn server_version(&mut self) -> Result<String> {
        self.inner.server_version()
    }

    fn statistics(&mut self) -> Result<Option<Statistics>> {
        self.inner.statistics()
    }
}
