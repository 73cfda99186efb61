//! Rows of any table, also of those that the session does not know, that follow unique values by ON UPDATE CASCADE.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::record::RecordKey;
use crate::render::{Lock, Renderer};
use crate::schema::{Column, ForeignKey, ReferentialAction, Table};
use crate::session::Session;
use crate::session::read::lookup::{KeyBatch, Lookup};
use crate::value::Value;

impl Session {
    /// Refuses to set columns of rows to NULL for a moment if other rows follow their values: these would stay NULL. Each time the database
    /// is asked which tables these may be in, because tables may be altered.
    pub(in crate::session) fn refuse_followers(
        &mut self,
        store: u16,
        columns: &[usize],
        slots: &[u32],
    ) -> Result<()> {
        let is_due = !columns.is_empty() && !slots.is_empty();
        if !is_due || !self.engine.capabilities().foreign_keys {
            return Ok(());
        }
        let mapper = Arc::clone(&self.entry(store).mapper);
        let referred = mapper.table();
        let followed = |key: &ForeignKey| {
            let position = |name: &String| position(referred, name);
            let mut referred = key.references.iter().filter_map(position);
            referred.find(|at| key.on_update == ReferentialAction::Cascade && columns.contains(at))
        };
        let mut tables = self.connected()?.referring_tables(referred)?;
        for table in &mut tables {
            table.foreign_keys.retain(|key| followed(key).is_some());
        }
        tables.retain(|table| !table.foreign_keys.is_empty());
        if !tables.is_empty() {
            // From now on no other row starts to reference these.
            let keys = self.key_values(store, slots);
            let lookup = Lookup {
                lock: Lock::ForUpdate,
                ..Lookup::new(store, &referred.primary_key, &keys)
            };
            self.look_up_rows(&lookup, &mut |_, _, _| Ok(()))?;
        }
        for table in &tables {
            for key in &table.foreign_keys {
                if self.has_followers(table, key, (store, slots))? {
                    let column = followed(key).map(|at| &referred.columns[at].name);
                    let message = format!(
                        "rows of {} follow values by ON UPDATE CASCADE that would have to be NULL for a moment: set them to unused values and flush first",
                        table.name
                    );
                    return Err(Error::new(ErrorKind::UniqueViolation, message)
                        .entity(mapper.name())
                        .column(column.map_or("", |name| name)));
                }
            }
        }
        Ok(())
    }

    /// Whether rows of a table reference one of these rows.
    fn has_followers(
        &mut self,
        table: &Table,
        key: &ForeignKey,
        (store, slots): (u16, &[u32]),
    ) -> Result<bool> {
        let mapper = Arc::clone(&self.entry(store).mapper);
        // If a column is not mapped, the others decide.
        let pairs = key.columns.iter().zip(&key.references);
        let pairs = pairs.filter_map(|(own, name)| Some((own, position(mapper.table(), name)?)));
        let (own, referred): (Vec<&String>, Vec<usize>) = pairs.unzip();
        let mut read = Table::build(table.local_name());
        read.columns = own
            .iter()
            .zip(&referred)
            .map(|(&name, &at)| Column {
                name: name.clone(),
                ..mapper.table().columns[at].clone()
            })
            .collect();
        if let Some(schema) = &table.schema {
            read = read.in_schema(schema);
        }
        let by: Vec<usize> = (0..own.len()).collect();
        let values = slots
            .iter()
            .filter_map(|&slot| self.key_of_row((store, slot), &referred));
        let values: Vec<Value> = values.flat_map(RecordKey::into_values).collect();
        let mut is_found = false;
        self.each_batch(by.len(), &values, &mut |session, batch, params| {
            let renderer = Renderer::new(session.engine.dialect()).lock(Lock::ForUpdate);
            let sql = match batch {
                KeyBatch::Arrays => renderer.select_by_arrays(&read, &by, &by, &[]),
                KeyBatch::List(size) => renderer.select_by(&read, &by, &by, size, &[]),
            };
            let sql = session.engine.intern(&sql);
            session.connected()?.query(&sql, params, &mut |_| {
                is_found = true;
                Ok(())
            })
        })?;
        Ok(is_found)
    }
}

/// The position of a column; a mapping may write its name in another case than the database.
fn position(table: &Table, name: &str) -> Option<usize> {
    let mut columns = table.columns.iter();
    columns.position(|column| column.name.eq_ignore_ascii_case(name))
}
