//! `Counts`: the statements of one run of a workload, as the engine tells them. They do not vary between machines, so any difference
//! is a change of behaviour.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use selfsame::backend::StatementKind;
use selfsame::engine::Event;

use crate::Result;
use crate::digest::Digest;
use crate::fixture::{Fixture, Site};
use crate::workload::{Arm, Workload};

/// What one run of one arm of a workload sends, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Each statement, or each batch of executions of one.
    pub statements: Vec<Counted>,
}

/// A statement, or a batch of executions of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Its text, with lists of placeholders cut short.
    pub fingerprint: String,
    /// What it is.
    pub kind: StatementKind,
    /// How often it was executed.
    pub executions: usize,
    /// How many parameters it had, all executions together. An array is one.
    pub parameters: usize,
    /// The number of rows returned or matched.
    pub rows: u64,
}

impl Counts {
    /// Runs a workload once and counts.
    ///
    /// # Errors
    ///
    /// Whatever the database gives.
    pub fn of(site: &Site, workload: Workload, size: usize, arm: Arm) -> Result<Self> {
        let mut fixture = Fixture::new(site, workload, size)?;
        fixture.prepare(arm)?;
        let counts = Arc::new(Mutex::new(Self::default()));
        let seen = Arc::clone(&counts);
        fixture.engine().observe(move |event: &Event<'_>| {
            seen.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .statements
                .push(counted(event));
        });
        fixture.run(arm, &mut Digest::off())?;
        let counts = counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Ok(counts)
    }

    /// How many statements were executed, transaction commands included.
    pub fn executions(&self) -> usize {
        self.statements
            .iter()
            .map(|counted| counted.executions)
            .sum()
    }

    /// How many transactions were begun.
    pub fn transactions(&self) -> usize {
        self.statements
            .iter()
            .filter(|counted| {
                counted.kind == StatementKind::Transaction
                    && counted.fingerprint.starts_with("BEGIN")
            })
            .count()
    }
}

/// The golden form: totals, then one line for each statement, equal neighbours folded.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: u64 = self.statements.iter().map(|counted| counted.rows).sum();
        let parameters: usize = self
            .statements
            .iter()
            .map(|counted| counted.parameters)
            .sum();
        writeln!(f, "statements {}", self.executions())?;
        writeln!(f, "transactions {}", self.transactions())?;
        writeln!(f, "parameters {parameters}")?;
        writeln!(f, "rows {rows}")?;
        writeln!(f)?;
        for same in self.statements.chunk_by(|a, b| a == b) {
            let counted = &same[0];
            let (times, executions) = (same.len(), counted.executions);
            let (parameters, rows) = (counted.parameters, counted.rows);
            writeln!(
                f,
                "{times} x {executions} | {parameters} parameters | {rows} rows | {}",
                counted.fingerprint
            )?;
        }
        Ok(())
    }
}

fn counted(event: &Event<'_>) -> Counted {
    Counted {
        fingerprint: fingerprint(event.sql.text()),
        kind: event.sql.kind(),
        executions: event.executions,
        parameters: event.params.len(),
        rows: event.rows,
    }
}

/// The text with all placeholders alike, and what repeats in a list said once: `IN (?1, ?2, ?3)` is `IN (?, ...)`.
fn fingerprint(text: &str) -> String {
    let mut alike = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let placeholder = matches!(character, '?' | '$');
        alike.push(if placeholder { '?' } else { character });
        while placeholder && characters.next_if(char::is_ascii_digit).is_some() {}
    }
    let rows = fold(&alike, |at| {
        let row = at.strip_prefix('(')?;
        let end = row.find(')')?;
        let inside = &row[..end];
        let only_placeholders = inside.chars().all(|c| matches!(c, '?' | ',' | ' '));
        (only_placeholders && inside.contains('?')).then_some(end + 2)
    });
    fold(&rows, |at| at.starts_with('?').then_some(1))
}

/// Cuts each list of equal items, divided by commas, down to its first. `item` tells how long the item is that begins a text.
fn fold(text: &str, item: impl Fn(&str) -> Option<usize>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let Some(length) = item(rest) else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        let (found, mut behind) = rest.split_at(length);
        out.push_str(found);
        let mut repeated = false;
        while let Some(next) = behind
            .strip_prefix(", ")
            .filter(|next| next.starts_with(found))
        {
            behind = &next[length..];
            repeated = true;
        }
        if repeated {
            out.push_str(", ...");
        }
        rest = behind;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(fingerprint(text), expected);
    }

    #[test]
    fn lists_are_cut_short() {
        check(
            "SELECT a FROM t WHERE b = ?1 AND c = $2",
            "SELECT a FROM t WHERE b = ? AND c = ?",
        );
        check("a IN (?1, ?2, ?3)", "a IN (?, ...)");
        check(
            "VALUES (?1, ?2), (?3, ?4), (?5, ?6)",
            "VALUES (?, ...), ...",
        );
        check("SET a = ?1, b = ?2", "SET a = ?, b = ?");
        check(
            "UNNEST($1::bigint[], $2::text[])",
            "UNNEST(?::bigint[], ?::text[])",
        );
        check("f()", "f()");
    }
}
