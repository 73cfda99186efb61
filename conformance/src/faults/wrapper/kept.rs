//! Results that a connection keeps instead of asking again.

use std::sync::atomic::Ordering;

use selfsame::Result;
use selfsame::backend::{Connection, Row, Sql, Statement, StatementKind};
use selfsame::dialect::Transaction;
use selfsame::value::{Value, ValueRef};

use super::Liar;
use crate::faults::lie::{Change, Lie};
use crate::faults::rows::deliver_otherwise;

/// The results that one connection keeps.
#[derive(Debug, Default)]
pub(super) struct Kept {
    results: Vec<KeptResult>,
    /// The number of changes, by any connection, that it has noticed.
    known: u64,
}

#[derive(Debug)]
struct KeptResult {
    id: u64,
    text: String,
    params: Vec<Value>,
    rows: Vec<Vec<Value>>,
}

impl Kept {
    /// Returns whether the fault keeps the result of this statement.
    pub(super) fn is_kept(liar: &Liar, sql: &Sql) -> bool {
        matches!(liar.lie, Some(Lie::KeepResults(_)))
            && sql.kind() == StatementKind::Select
            && !sql.columns().is_empty()
    }

    /// Forgets what the fault forgets after this change.
    pub(super) fn changed(&mut self, liar: &Liar, change: Change<'_>) {
        let Some(Lie::KeepResults(forgets)) = liar.lie else {
            return;
        };
        self.results.retain(|kept| !forgets(&change, &kept.text));
        if change != Change::OtherConnection {
            let before = liar.changes.fetch_add(1, Ordering::SeqCst);
            // If another connection has changed something too, the next query notices it.
            self.known += u64::from(before == self.known);
        }
    }

    pub(super) fn commanded(&mut self, liar: &Liar, command: &Transaction<'_>) {
        match command {
            Transaction::Rollback => self.changed(liar, Change::Rollback),
            Transaction::RollbackTo(_) => self.changed(liar, Change::RollbackTo),
            // Others see what it wrote only now.
            Transaction::Commit => {
                let before = liar.changes.fetch_add(1, Ordering::SeqCst);
                self.known += u64::from(before == self.known);
            }
            _ => {}
        }
    }

    /// Passes on the kept result, or keeps one.
    pub(super) fn query(
        &mut self,
        liar: &Liar,
        connection: &mut dyn Connection,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        let changes = liar.changes.load(Ordering::SeqCst);
        if self.known != changes {
            self.changed(liar, Change::OtherConnection);
            self.known = changes;
        }
        let sql = statement.sql;
        let params = statement.params.iter();
        let params: Option<Vec<Value>> = params
            .map(|param| param.value().map(ValueRef::to_owned))
            .collect();
        let keep = |_: &[String], rows: Vec<Vec<Value>>| {
            let Some(params) = params else { return rows };
            let mut kept = self.results.iter();
            match kept.find(|kept| kept.id == sql.id() && kept.params == params) {
                Some(kept) if kept.rows != rows => {
                    liar.fire();
                    kept.rows.clone()
                }
                Some(_) => rows,
                None => {
                    self.results.push(KeptResult {
                        id: sql.id(),
                        text: sql.text().to_owned(),
                        params,
                        rows: rows.clone(),
                    });
                    rows
                }
            }
        };
        deliver_otherwise(connection, statement, keep, sink)
    }
}
