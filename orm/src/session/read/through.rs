//! Loading rows together with the keys of their owners, by a join: through association tables, and where only the database can compare
//! keys.

use std::borrow::Cow;
use std::sync::Arc;

use crate::engine::{Operation, Shape};
use crate::entity::ResolvedRelation;
use crate::error::Result;
use crate::render::{Pairing, Renderer};
use crate::session::Session;
use crate::session::life::transaction::Intent;
use crate::session::memory::any_store::Fill;
use crate::session::read::load::OwnerKeys;
use crate::session::read::lookup::{KeyBatch, not_connected, ordered};
use crate::value::ValueType;

/// Rows with the keys of their owners.
pub(in crate::session) type Owned = (Vec<u32>, OwnerKeys);

impl Session {
    /// Reads the members of the collections of some owners, in order, each with the key of its owner: through the association table, or by
    /// a join with the owners' rows, so that the database compares the keys.
    pub(in crate::session) fn look_up_with_owners(
        &mut self,
        (store, target): (u16, u16),
        resolved: &ResolvedRelation,
        owners: &[u32],
        order: &[(usize, bool)],
        undefer: &[usize],
    ) -> Result<Owned> {
        self.refuse_second_mapping(target)?;
        let keys = self.key_values(store, owners);
        let width = resolved.local.len();
        let mapper = Arc::clone(&self.entry(target).mapper);
        let owner = Arc::clone(&self.entry(store).mapper);
        let read = mapper.reading(undefer);
        let (pairing, types) = match &resolved.through {
            Some(through) => {
                let association = through.association();
                let pairing = Pairing {
                    association: association.table(),
                    here: through.here(),
                    there: through.there(),
                    by: &mapper.table().primary_key,
                    is_referenced: false,
                    target: mapper.table(),
                    read: &read,
                    order,
                };
                (pairing, association.mapper().types())
            }
            None => {
                let pairing = Pairing {
                    association: owner.table(),
                    here: &resolved.local,
                    there: &resolved.local,
                    by: &resolved.remote,
                    is_referenced: true,
                    target: mapper.table(),
                    read: &read,
                    order,
                };
                (pairing, owner.types())
            }
        };
        let others = ordered(order, undefer);
        let shape = |batch| {
            let count = match batch {
                KeyBatch::Arrays => 0,
                KeyBatch::List(count) => count,
            };
            match &resolved.through {
                Some(through) => Shape {
                    mapper: through.association().mapper().id(),
                    operation: match batch {
                        KeyBatch::Arrays => Operation::SelectPairedArrays,
                        KeyBatch::List(_) => Operation::SelectPaired,
                    },
                    columns: Cow::Borrowed(pairing.here),
                    others: Cow::Borrowed(&others),
                    count,
                },
                None => Shape {
                    mapper: mapper.id(),
                    operation: match batch {
                        KeyBatch::Arrays => Operation::SelectOwnedArrays(owner.id()),
                        KeyBatch::List(_) => Operation::SelectOwned(owner.id()),
                    },
                    columns: Cow::Borrowed(pairing.by),
                    others: Cow::Borrowed(&others),
                    count,
                },
            }
        };
        let as_of = self.read_epoch();
        let first = read.len();
        let here = (first..).zip(pairing.here);
        let places: Vec<(usize, ValueType)> =
            here.map(|(at, &column)| (at, types[column])).collect();
        let (mut members, mut owner_keys) = Owned::default();
        self.ready(Intent::Read)?;
        self.each_batch(width, &keys, &mut |session, batch, params| {
            let sql = session.engine.shape(shape(batch), || {
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
                    .take_row(row, 0, undefer, Fill::Expired, as_of)
                    .map_err(|error| error.entity(mapper.name()))?;
                let Some(slot) = slot else {
                    return Ok(());
                };
                members.push(slot);
                owner_keys.take(row, &places)
            })
        })?;
        self.call_after_loads()?;
        Ok((members, owner_keys))
    }
}
