//! Values whose text the database rewrites, such as intervals and ranges.
//!
//! Values of such database-specific types are exchanged as text, and equal values can have different texts. Written values are reread in
//! the same flush, so that memory holds the database's text; otherwise the next flush would mistake the difference for a concurrent change.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dialect::Dialect;
use crate::entity::Mapper;
use crate::error::{Error, ErrorKind, Result};
use crate::render::Lock;
use crate::schema::ColumnType;
use crate::session::read::lookup::Lookup;
use crate::session::write::expression::Computations;
use crate::session::write::plan::Step;
use crate::session::{Fill, Session, State};

/// Whether one of these columns has a type whose text the database may rewrite.
pub(in crate::session) fn is_rewritten(
    dialect: &dyn Dialect,
    mapper: &Mapper,
    columns: &[usize],
) -> bool {
    columns.iter().any(|&column| {
        let ty = &mapper.table().columns[column].ty;
        matches!(ty, ColumnType::Other { .. }) && dialect.text_form(ty).is_some()
    })
}

impl Session {
    /// Rereads the rows whose columns of such types these steps have written.
    pub(in crate::session) fn read_back(
        &mut self,
        steps: &[Step],
        computed: &Computations,
    ) -> Result<()> {
        let mut written: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
        let mut wholes: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
        for step in steps {
            if let Step::Insert {
                store,
                columns,
                slots,
            }
            | Step::Update {
                store,
                columns,
                slots,
            } = step
            {
                let mapper = &self.entry(*store).mapper;
                if is_rewritten(self.engine.dialect(), mapper, columns) {
                    written.entry(*store).or_default().extend(slots);
                }
            }
            // Embedded values that can only be set as a whole: an invalid one is refused now instead of when it is read.
            if let Step::Compute {
                store, set, slots, ..
            } = step
                && computed.sets_part_of_whole(*set, &self.entry(*store).mapper)
            {
                wholes.entry(*store).or_default().extend(slots);
            }
        }
        for (store, mut slots) in written {
            slots.sort_unstable();
            slots.dedup();
            slots.retain(|&slot| self.any_store(store).state(slot) == State::Persistent);
            self.read_rows_back(store, &slots)?;
        }
        for (store, slots) in wholes {
            let read = self.read_rows_back(store, &slots);
            read.map_err(|error| match error.kind() {
                ErrorKind::Conversion => half(error),
                _ => error,
            })?;
        }
        Ok(())
    }

    fn read_rows_back(&mut self, store: u16, slots: &[u32]) -> Result<()> {
        if slots.is_empty() {
            return Ok(());
        }
        let mapper = Arc::clone(&self.entry(store).mapper);
        let keys = self.key_values(store, slots);
        let as_of = self.read_epoch();
        for &slot in slots {
            self.any_store_mut(store).states_mut().set_epoch(slot, 0);
        }
        let lookup = Lookup {
            store,
            by: &mapper.table().primary_key,
            keys: &keys,
            order: &[],
            lock: Lock::None,
            undefer: &[],
        };
        self.look_up_rows(&lookup, &mut |any, row| {
            let mut key = Vec::new();
            mapper.key_values(row, 0, &mut key)?;
            if any.find(&key)?.is_none() {
                let message = "the database rewrites the text of this key: use the text that the database returns";
                return Err(Error::new(ErrorKind::Conversion, message).entity(mapper.name()));
            }
            any.take_row(row, 0, &[], Fill::Expired, as_of).map(drop)
        })
    }
}

#[cold]
fn half(cause: Error) -> Error {
    let message = "an expression set a part of an embedded value, and the resulting value is incomplete or invalid";
    let mut error = Error::new(ErrorKind::Conversion, message);
    if let Some(entity) = cause.entity_name() {
        error = error.entity(entity);
    }
    if let Some(column) = cause.column_name() {
        error = error.column(column);
    }
    if let Some(key) = cause.key_text() {
        error = error.key(key);
    }
    error.source(cause)
}
