//! Loading through association tables: targets and the owners that they are paired with, by one join.

use std::sync::Arc;

use crate::engine::{Operation, Shape};
use crate::entity::{ResolvedRelation, Through};
use crate::error::Result;
use crate::render::{Pairing, Renderer};
use crate::session::Session;
use crate::session::life::transaction::Intent;
use crate::session::memory::any_store::Fill;
use crate::session::read::lookup::{KeyBatch, not_connected, undeferred};
use crate::value::{Value, ValueRef};

impl Session {
    /// Reads the many-to-many collections of some owners: each owner with one of its members, the members of an owner in order.
    pub(in crate::session) fn look_up_paired(
        &mut self,
        (store, target): (u16, u16),
        resolved: &ResolvedRelation,
        through: &Through,
        owners: &[u32],
        order: &[(usize, bool)],
        undefer: &[usize],
    ) -> Result<Vec<(u32, u32)>> {
        self.refuse_second_mapping(target)?;
        let keys = self.key_values(store, owners);
        let width = resolved.local.len();
        let association = through.association();
        let mapper = Arc::clone(&self.entry(target).mapper);
        let read = mapper.reading(undefer);
        let pairing = Pairing {
            association: association.table(),
            here: through.here(),
            there: through.there(),
            target: mapper.table(),
            read: &read,
            order,
        };
        let moment = self.moment();
        let behind = read.len();
        let types = association.mapper().types();
        let (mut members, mut owner_keys): (Vec<u32>, Vec<Value>) = (Vec::new(), Vec::new());
        self.ready(Intent::Read)?;
        self.each_batch(width, &keys, &mut |session, batch, params| {
            let (operation, count) = match batch {
                KeyBatch::Arrays => (Operation::SelectPairedArrays, 0),
                KeyBatch::List(count) => (Operation::SelectPaired, count),
            };
            let shape = Shape {
                mapper: association.mapper().id(),
                operation,
                columns: pairing.here.to_vec(),
                others: order
                    .iter()
                    .map(|&(column, descending)| column * 2 + usize::from(descending))
                    .chain(undeferred(undefer))
                    .collect(),
                count,
            };
            let sql = session.engine.shape(shape, || {
                let renderer = Renderer::new(session.engine.dialect());
                match batch {
                    KeyBatch::Arrays => renderer.select_paired_arrays(&pairing),
                    KeyBatch::List(count) => renderer.select_paired(&pairing, count),
                }
            });
            let any = &mut *session.stores[usize::from(target)].store;
            let connection = session.connection.as_mut().ok_or_else(not_connected)?;
            connection.query(&sql, params, &mut |row| {
                let slot = any
                    .take_row(row, 0, undefer, Fill::Expired, moment)
                    .map_err(|error| error.entity(mapper.name()))?;
                let Some(slot) = slot else {
                    return Ok(());
                };
                members.push(slot);
                for (at, &column) in pairing.here.iter().enumerate() {
                    owner_keys.push(row.value(behind + at, types[column])?.to_owned());
                }
                Ok(())
            })
        })?;
        self.call_after_loads()?;
        let mut found = Vec::with_capacity(members.len());
        for (member, key) in members.into_iter().zip(owner_keys.chunks(width)) {
            // An owner has few columns in its key, and mostly one.
            let key: Vec<ValueRef<'_>> = key.iter().map(Value::as_ref).collect();
            let owner = self.any_store(store).find(&key)?;
            found.extend(owner.map(|owner| (owner, member)));
        }
        Ok(found)
    }
}
