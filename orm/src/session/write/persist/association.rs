//! Inserting and deleting rows of association tables, with as few statements as the dialect allows.

use std::sync::Arc;

use super::insert::{first_batch, not_written};
use super::send::{bytes, fitting, writing};
use crate::backend::{Rows, Sql};
use crate::dialect::Batch;
use crate::engine::WriteOperation;
use crate::entity::AssociationSide;
use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;
use crate::session::read::lookup::not_connected;
use crate::value::{Param, Value, ValueRef};

/// Whether this many pairs, or the pairs of this many objects, are deleted by a single statement.
pub(super) fn is_one_delete(session: &Session, count: usize) -> bool {
    count == 1 || session.engine.dialect().batch() == Batch::Arrays
}

/// Inserts the rows of pairs.
pub(super) fn associate(
    session: &mut Session,
    association: u16,
    pairs: &[(u32, u32)],
) -> Result<()> {
    let keys = session.pair_keys(association, pairs);
    let table = Table::of(session, association);
    let batch = session.engine.dialect().batch();
    if batch == Batch::Arrays && pairs.len() > 1 {
        let (written, sql) = table.arrays(session, WriteOperation::InsertArrays, &keys)?;
        return match written == pairs.len() as u64 {
            true => Ok(()),
            false => Err(table
                .not_written(pairs.len(), written)
                .statement(sql.text())),
        };
    }
    let insert = |session: &Session, rows: usize| {
        let operation = WriteOperation::Insert;
        writing(
            session,
            table.association.mapper(),
            operation,
            &table.columns,
            &[],
            rows,
        )
    };
    let Batch::Values { max_parameters } = batch else {
        let sql = insert(session, 1);
        let Some((at, written)) =
            table.first_wrong_count(session, &sql, &keys, |matched| matched == 1)?
        else {
            return Ok(());
        };
        let error = table.not_written(1, written).statement(sql.text());
        return Err(error.key(session.pair_text(association, pairs[at])));
    };
    let rows: Vec<&[Value]> = keys.chunks(table.width).collect();
    let mut rest = &rows[..];
    while !rest.is_empty() {
        let at = pairs.len() - rest.len();
        let rows;
        (rows, rest) = first_batch(rest, max_parameters, table.width);
        let sql = insert(session, rows.len());
        let values = rows.iter().flat_map(|row| row.iter());
        let params: Vec<Param<'_>> = values.map(|value| Param::Ref(value.as_ref())).collect();
        let written = session.connected()?.execute(&sql, &params)?.matched;
        if written != rows.len() as u64 {
            let error = table.not_written(rows.len(), written).statement(sql.text());
            return Err(match rows {
                [_] => error.key(session.pair_text(association, pairs[at])),
                _ => error,
            });
        }
    }
    Ok(())
}

/// Deletes the rows of pairs; a missing one is stale data.
pub(super) fn dissociate(
    session: &mut Session,
    association: u16,
    pairs: &[(u32, u32)],
) -> Result<()> {
    let keys = session.pair_keys(association, pairs);
    let table = Table::of(session, association);
    if session.engine.dialect().batch() == Batch::Arrays && pairs.len() > 1 {
        let (matched, sql) = table.arrays(session, WriteOperation::DeleteArrays, &keys)?;
        if matched == pairs.len() as u64 {
            return Ok(());
        }
        let message = format!(
            "the DELETE of {} pairs matched {matched}: the others no longer exist",
            pairs.len()
        );
        let error = Error::new(ErrorKind::StaleData, message).statement(sql.text());
        return Err(error.entity(&table.association.table().name));
    }
    let operation = WriteOperation::Delete;
    let sql = writing(
        session,
        table.association.mapper(),
        operation,
        &[],
        &table.columns,
        1,
    );
    let Some((at, _)) = table.first_wrong_count(session, &sql, &keys, |matched| matched > 0)?
    else {
        return Ok(());
    };
    let message = "the DELETE matched no row: the pair no longer exists";
    Err(Error::new(ErrorKind::StaleData, message)
        .key(session.pair_text(association, pairs[at]))
        .statement(sql.text()))
}

/// Deletes all rows of some objects on one side.
pub(super) fn sever(
    session: &mut Session,
    association: u16,
    side: AssociationSide,
    slots: &[u32],
) -> Result<()> {
    let store = session.associations[usize::from(association)]
        .end(side)
        .store;
    let keys = session.key_values(store, slots);
    let table = Table::of(session, association);
    let by = table.association.columns(side);
    session.each_batch(by.len(), &keys, &mut |session, batch, params| {
        let (operation, count) = batch.delete();
        let mapper = table.association.mapper();
        let sql = writing(session, mapper, operation, &[], by, count);
        session.connected()?.execute(&sql, params).map(drop)
    })
}

/// An association table with its columns.
struct Table {
    association: Arc<crate::entity::Association>,
    columns: Vec<usize>,
    width: usize,
}

impl Table {
    fn of(session: &Session, association: u16) -> Self {
        let association = &session.associations[usize::from(association)].association;
        let width = association.table().columns.len();
        Self {
            association: Arc::clone(association),
            columns: (0..width).collect(),
            width,
        }
    }

    /// The error for an INSERT that did not write every row.
    #[cold]
    fn not_written(&self, rows: usize, written: u64) -> Error {
        not_written(rows, written).entity(&self.association.table().name)
    }

    /// Runs a statement for each pair, up to the first with a wrong row count; returns that pair and its count.
    fn first_wrong_count(
        &self,
        session: &mut Session,
        sql: &Sql,
        keys: &[Value],
        is_right: fn(u64) -> bool,
    ) -> Result<Option<(usize, u64)>> {
        let params: Vec<Param<'_>> = keys.iter().map(|key| Param::Ref(key.as_ref())).collect();
        let (mut at, mut odd) = (0, None);
        let connection = session.connection.as_mut().ok_or_else(not_connected)?;
        let result = connection.execute_each(sql, Rows::new(&params, self.width), &mut |outcome| {
            if !is_right(outcome.matched) {
                odd = Some((at, outcome.matched));
                return Err(Error::new(ErrorKind::Database, "the batch ends here"));
            }
            at += 1;
            Ok(())
        });
        match odd {
            Some(odd) => Ok(Some(odd)),
            None => result.map(|()| None),
        }
    }

    /// Runs one statement for all rows, with one array for each column; returns the number of matched rows and the text.
    fn arrays(
        &self,
        session: &mut Session,
        operation: WriteOperation,
        keys: &[Value],
    ) -> Result<(u64, Arc<Sql>)> {
        let (written, found) = match operation {
            WriteOperation::InsertArrays => (&self.columns[..], &[][..]),
            _ => (&[][..], &self.columns[..]),
        };
        let sql = writing(
            session,
            self.association.mapper(),
            operation,
            written,
            found,
            0,
        );
        let mut matched = 0;
        let mut rest = keys;
        while !rest.is_empty() {
            let rows = rest.chunks(self.width);
            let fits = fitting(rows.map(|row| row.iter().map(|key| bytes(key.as_ref())).sum()));
            let (keys, others) = rest.split_at(fits * self.width);
            rest = others;
            let column = |at: usize| -> Vec<ValueRef<'_>> {
                let values = keys.iter().skip(at).step_by(self.width);
                values.map(Value::as_ref).collect()
            };
            let columns: Vec<Vec<ValueRef<'_>>> = (0..self.width).map(column).collect();
            let params: Vec<Param<'_>> =
                columns.iter().map(|column| Param::Column(column)).collect();
            matched += session.connected()?.execute(&sql, &params)?.matched;
        }
        Ok((matched, sql))
    }
}

impl Session {
    /// A pair as text, for messages.
    fn pair_text(&self, association: u16, (left, right): (u32, u32)) -> String {
        let entry = &self.associations[usize::from(association)];
        let key = |side, slot| self.any_store(entry.end(side).store).key_text(slot);
        format!(
            "({}, {})",
            key(AssociationSide::Left, left),
            key(AssociationSide::Right, right)
        )
    }
}
