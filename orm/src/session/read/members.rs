//! Reading the members of collections, each with the key of its owner.

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::backend::Row;
use crate::engine::{Operation, Shape};
use crate::entity::ResolvedRelation;
use crate::error::Result;
use crate::render::{Lock, Pairing, Renderer};
use crate::session::Session;
use crate::session::memory::any_store::Fill;
use crate::session::read::lookup::{KeyBatch, Lookup, has_text, ordered, values};
use crate::value::{Value, ValueType};

/// Members that were read, each with the key of its owner.
#[derive(Debug, Default)]
pub(in crate::session) struct OwnedMembers {
    pub(in crate::session) slots: Vec<u32>,
    pub(in crate::session) keys: OwnerKeys,
}

/// The keys of owners that rows reference. Consecutive rows usually have the same owner.
#[derive(Debug, Default)]
pub(in crate::session) struct OwnerKeys {
    /// The keys, one after the other.
    values: Vec<Value>,
    /// The number of consecutive rows with each key.
    rows: Vec<usize>,
}

impl OwnerKeys {
    /// Adds the key of a row; `places` are its positions in the row.
    pub(in crate::session) fn take(
        &mut self,
        row: &dyn Row,
        places: &[(usize, ValueType)],
    ) -> Result<()> {
        let last = self.values.len().saturating_sub(places.len());
        let mut is_last = !self.rows.is_empty();
        for (value, &(at, ty)) in self.values[last..].iter().zip(places) {
            is_last = is_last && row.value(at, ty)?.same(value.as_ref());
        }
        if let Some(rows) = self.rows.last_mut().filter(|_| is_last) {
            *rows += 1;
            return Ok(());
        }
        for &(at, ty) in places {
            self.values.push(row.value(at, ty)?.to_owned());
        }
        self.rows.push(1);
        Ok(())
    }
}

/// Reads the members of some owners.
type ReadMembers<'a> = &'a mut dyn FnMut(&mut Session, &[u32]) -> Result<OwnedMembers>;

impl Session {
    /// Loads the collections of many owners that are not loaded yet. Members are in the relation's order, by default in that of their keys.
    pub(in crate::session) fn load_collections(
        &mut self,
        store: u16,
        relation: u16,
        resolved: &ResolvedRelation,
        owners: &[u32],
        undefer: &[usize],
    ) -> Result<()> {
        let target = self.target_store(store, relation);
        let is_missing = |owner: &u32| self.edges.loaded((store, *owner), relation).is_none();
        let mut missing: Vec<u32> = owners.iter().copied().filter(is_missing).collect();
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(());
        }
        let mapper = &self.entry(target).mapper;
        let key = &mapper.table().primary_key;
        // Integers have the same order everywhere, so they are sorted here instead of in the database.
        let is_integer = |column: &usize| {
            matches!(
                mapper.types()[*column],
                ValueType::I16 | ValueType::I32 | ValueType::I64
            )
        };
        let sorts_here = missing.len() > 1
            && resolved.order_by.is_empty()
            && resolved.through.is_none()
            && key.iter().all(is_integer);
        let order: Vec<(usize, bool)> = match sorts_here {
            true => Vec::new(),
            false => {
                let by_key = key.iter().map(|&column| (column, false));
                resolved.order_by.iter().copied().chain(by_key).collect()
            }
        };
        let mut pairs = self.pair_with_owners(store, &missing, &mut |session, owners| {
            session.read_members((store, target), resolved, owners, &order, undefer)
        })?;
        // A stable sort keeps the members of an owner in order.
        if !pairs.is_sorted_by_key(|pair| pair.0) {
            pairs.sort_by_key(|pair| pair.0);
        }
        if resolved.through.is_some() {
            keep_first(&mut pairs);
        }
        self.edges.reserve(missing.len());
        let mut rest = &pairs[..];
        for owner in missing {
            let count = rest.iter().take_while(|pair| pair.0 == owner).count();
            let (own, others) = rest.split_at(count);
            let mut slots: Vec<u32> = own.iter().map(|pair| pair.1).collect();
            if sorts_here {
                self.any_store(target).sort_by_key(&mut slots);
            }
            self.fill_collection((store, owner), relation, resolved, target, slots);
            rest = others;
        }
        Ok(())
    }

    /// Pairs members with their owners by the keys that were read with them; `owners` are in ascending order.
    pub(in crate::session) fn pair_with_owners(
        &mut self,
        store: u16,
        owners: &[u32],
        read: ReadMembers<'_>,
    ) -> Result<Vec<(u32, u32)>> {
        let found = read(self, owners)?;
        if let [owner] = *owners {
            return Ok(found.slots.into_iter().map(|slot| (owner, slot)).collect());
        }
        if let Some(pairs) = self.found_pairs(store, owners, found)? {
            return Ok(pairs);
        }
        // The database considers keys equal that are different here, so query each owner separately.
        let mut pairs = Vec::new();
        for &owner in owners {
            let found = read(self, &[owner])?;
            pairs.extend(found.slots.into_iter().map(|slot| (owner, slot)));
        }
        Ok(pairs)
    }

    /// Finds the owner of each member by its key; `None` if one is not among the owners.
    fn found_pairs(
        &self,
        store: u16,
        owners: &[u32],
        found: OwnedMembers,
    ) -> Result<Option<Vec<(u32, u32)>>> {
        let any = self.any_store(store);
        let width = any.mapper().table().primary_key.len();
        let mut pairs = Vec::with_capacity(found.slots.len());
        let mut slots = found.slots.into_iter();
        for (key, rows) in found.keys.values.chunks(width).zip(found.keys.rows) {
            let owner = match key {
                [value] => any.find(&[value.as_ref()])?,
                key => any.find(&values(key))?,
            };
            let Some(owner) = owner.filter(|owner| owners.binary_search(owner).is_ok()) else {
                return Ok(None);
            };
            pairs.extend(slots.by_ref().take(rows).map(|slot| (owner, slot)));
        }
        Ok(Some(pairs))
    }

    /// Reads the members of the collections of some owners, in order: by their foreign keys, or by a join.
    fn read_members(
        &mut self,
        (store, target): (u16, u16),
        resolved: &ResolvedRelation,
        owners: &[u32],
        order: &[(usize, bool)],
        undefer: &[usize],
    ) -> Result<OwnedMembers> {
        let mapper = Arc::clone(&self.entry(target).mapper);
        let read = mapper.reading(undefer);
        let place = |column: &usize| {
            let at = read.iter().position(|read| read == column)?;
            Some((at, mapper.types()[*column]))
        };
        let places: Option<Vec<(usize, ValueType)>> = resolved.remote.iter().map(place).collect();
        // Only the database can compare texts: the owner's column may have a collation.
        let by_key = resolved.through.is_none() && !has_text(&mapper, &resolved.remote);
        let Some(places) = places.filter(|_| by_key) else {
            return self.join_members((store, target), resolved, owners, order, undefer);
        };
        let keys = self.key_values(store, owners);
        let lookup = Lookup {
            store: target,
            by: &resolved.remote,
            keys: &keys,
            order,
            lock: Lock::None,
            undefer,
        };
        let mut keys = OwnerKeys::default();
        let slots = self.look_up_each(&lookup, &mut |row| match owners {
            [_] => Ok(()),
            _ => keys.take(row, &places),
        })?;
        Ok(OwnedMembers { slots, keys })
    }

    /// Reads members by a join: with the association table, or with the owners, so that the database compares the keys.
    fn join_members(
        &mut self,
        (store, target): (u16, u16),
        resolved: &ResolvedRelation,
        owners: &[u32],
        order: &[(usize, bool)],
        undefer: &[usize],
    ) -> Result<OwnedMembers> {
        self.refuse_second_mapping(target)?;
        let keys = self.key_values(store, owners);
        let owner = Arc::clone(&self.entry(store).mapper);
        let mapper = Arc::clone(&self.entry(target).mapper);
        let read = mapper.reading(undefer);
        let pairing = match &resolved.through {
            Some(through) => Pairing {
                association: through.association().table(),
                here: through.here(),
                there: through.there(),
                by: &resolved.remote,
                is_referenced: false,
                target: mapper.table(),
                read: &read,
                order,
            },
            None => Pairing {
                association: owner.table(),
                here: &resolved.local,
                there: &resolved.local,
                by: &resolved.remote,
                is_referenced: true,
                target: mapper.table(),
                read: &read,
                order,
            },
        };
        // The columns of an association table may have another collation than the keys that they reference.
        let compared =
            has_text(&owner, &resolved.local).then_some((&**owner.table(), &*resolved.local));
        let compared = compared.filter(|_| resolved.through.is_some());
        let others = ordered(order, undefer);
        let shape = |batch| {
            let (count, is_list) = match batch {
                KeyBatch::Arrays => (0, false),
                KeyBatch::List(count) => (count, true),
            };
            let (id, operation, columns) = match (&resolved.through, is_list) {
                (Some(through), is_list) => {
                    let operation = match is_list {
                        true => Operation::SelectPaired,
                        false => Operation::SelectPairedArrays,
                    };
                    (through.association().mapper().id(), operation, pairing.here)
                }
                (None, true) => (mapper.id(), Operation::SelectOwned(owner.id()), pairing.by),
                (None, false) => {
                    let operation = Operation::SelectOwnedArrays(owner.id());
                    (mapper.id(), operation, pairing.by)
                }
            };
            Shape {
                mapper: id,
                operation,
                columns: Cow::Borrowed(columns),
                others: Cow::Borrowed(&others),
                count,
            }
        };
        let types = match &resolved.through {
            Some(through) if compared.is_none() => through.association().mapper().types(),
            _ => owner.types(),
        };
        let columns = match compared {
            Some((_, columns)) => columns,
            None => pairing.here,
        };
        let types = columns.iter().map(|&column| types[column]);
        let places: Vec<(usize, ValueType)> = (read.len()..).zip(types).collect();
        let mut found = OwnedMembers::default();
        self.each_batch(
            resolved.local.len(),
            &keys,
            &mut |session, batch, params| {
                let sql = session.engine.shape(shape(batch), || {
                    let renderer = Renderer::new(session.engine.dialect());
                    match batch {
                        KeyBatch::Arrays => renderer.select_compared_arrays(&pairing, compared),
                        KeyBatch::List(count) => {
                            renderer.select_compared(&pairing, compared, count)
                        }
                    }
                });
                session.read_into(
                    target,
                    &sql,
                    params,
                    (undefer, Fill::Expired),
                    |slot, row| {
                        found.slots.push(slot);
                        found.keys.take(row, &places)
                    },
                )
            },
        )?;
        self.call_after_loads()?;
        Ok(found)
    }
}

/// Removes pairs that an association table without a key holds more than once.
pub(in crate::session) fn keep_first(pairs: &mut Vec<(u32, u32)>) {
    let mut known = FxHashSet::default();
    pairs.retain(|pair| known.insert(*pair));
}
