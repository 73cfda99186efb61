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
use crate::session::read::lookup::{KeyBatch, Lookup, has_text, ordered, refuse_repeated, values};
use crate::value::{Value, ValueType};

/// Members that were read, each with the key of its owner.
#[derive(Debug, Default)]
pub(in crate::session) struct OwnedMembers {
    slots: Vec<u32>,
    keys: OwnerKeys,
}

/// The collections to read: the stores of owners and members, their relation, the order of the members, and the deferred columns to load.
struct Collections<'a> {
    store: u16,
    target: u16,
    resolved: &'a ResolvedRelation,
    order: &'a [(usize, bool)],
    undefer: &'a [usize],
}

/// The keys of owners that rows reference. Consecutive rows usually have the same owner.
#[derive(Debug, Default)]
struct OwnerKeys {
    /// The keys, one after the other.
    values: Vec<Value>,
    /// The number of consecutive rows with each key.
    rows: Vec<usize>,
}

impl OwnedMembers {
    /// The members, in the order of their rows.
    pub(in crate::session) fn slots(&self) -> &[u32] {
        &self.slots
    }

    /// Adds a member whose row has the key of its owner at some places.
    pub(in crate::session) fn take(
        &mut self,
        slot: u32,
        row: &dyn Row,
        places: &[(usize, ValueType)],
    ) -> Result<()> {
        self.slots.push(slot);
        self.keys.take(row, places)
    }
}

impl OwnerKeys {
    /// Adds the key of a row; `places` are its positions in the row.
    fn take(&mut self, row: &dyn Row, places: &[(usize, ValueType)]) -> Result<()> {
        let last = self.values.len().saturating_sub(places.len());
        let mut is_last = true;
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
        let is_missing = |owner: &u32| self.edges.loaded(((store, *owner), relation)).is_none();
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
        let of = Collections {
            store,
            target,
            resolved,
            order: &order,
            undefer,
        };
        let mut pairs = self.pair_with_owners(store, &missing, &mut |session, owners| {
            session.read_members(&of, owners)
        })?;
        // A stable sort keeps the members of an owner in order.
        if !pairs.is_sorted_by_key(|pair| pair.0) {
            pairs.sort_by_key(|pair| pair.0);
        }
        if resolved.through.is_some() {
            self.keep_first(target, &mut pairs)?;
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
        // The database considers keys equal that differ in memory, so query each owner separately.
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
    fn read_members(&mut self, of: &Collections<'_>, owners: &[u32]) -> Result<OwnedMembers> {
        let mapper = Arc::clone(&self.entry(of.target).mapper);
        let read = mapper.reading(of.undefer);
        let by = &of.resolved.remote;
        let place = |column: &usize| {
            let at = read.iter().position(|read| read == column)?;
            Some((at, mapper.types()[*column]))
        };
        let places: Option<Vec<(usize, ValueType)>> = by.iter().map(place).collect();
        // Only the database can compare texts: the owner's column may have a collation.
        let by_key = of.resolved.through.is_none() && !has_text(&mapper, by);
        let Some(places) = places.filter(|_| by_key) else {
            return self.join_members(of, owners);
        };
        let keys = self.key_values(of.store, owners);
        let lookup = Lookup {
            store: of.target,
            by,
            keys: &keys,
            order: of.order,
            lock: Lock::None,
            undefer: of.undefer,
        };
        let mut keys = OwnerKeys::default();
        let slots = self.look_up_each(&lookup, &mut |row| match owners {
            [_] => Ok(()),
            _ => keys.take(row, &places),
        })?;
        Ok(OwnedMembers { slots, keys })
    }

    /// Reads members by a join: with the association table, or with the owners, so that the database compares the keys.
    fn join_members(&mut self, of: &Collections<'_>, owners: &[u32]) -> Result<OwnedMembers> {
        self.refuse_second_mapping(of.target)?;
        let keys = self.key_values(of.store, owners);
        let owner = Arc::clone(&self.entry(of.store).mapper);
        let mapper = Arc::clone(&self.entry(of.target).mapper);
        let read = mapper.reading(of.undefer);
        let local = &*of.resolved.local;
        let through = of.resolved.through.as_ref();
        let (association, here, there) = match through {
            Some(through) => (
                through.association().mapper(),
                through.here(),
                through.there(),
            ),
            None => (&*owner, local, local),
        };
        let pairing = Pairing {
            association: association.table(),
            here,
            there,
            by: &of.resolved.remote,
            is_referenced: through.is_none(),
            target: mapper.table(),
            read: &read,
            order: of.order,
        };
        // The columns of an association table may have another collation than the keys that they reference.
        let compares = through.is_some() && has_text(&owner, local);
        let compared = compares.then_some((&**owner.table(), local));
        let others = ordered(of.order, of.undefer);
        let shape = |batch| {
            let (count, operation) = match (batch, through) {
                (KeyBatch::Arrays, Some(_)) => (0, Operation::SelectPairedArrays),
                (KeyBatch::Arrays, None) => (0, Operation::SelectOwnedArrays(owner.id())),
                (KeyBatch::List(count), Some(_)) => (count, Operation::SelectPaired),
                (KeyBatch::List(count), None) => (count, Operation::SelectOwned(owner.id())),
            };
            let (mapper, columns) = match through {
                Some(_) => (association.id(), here),
                None => (mapper.id(), pairing.by),
            };
            Shape {
                mapper,
                operation,
                columns: Cow::Borrowed(columns),
                others: Cow::Borrowed(&others),
                count,
            }
        };
        let (types, columns) = match compares {
            true => (owner.types(), local),
            false => (association.types(), here),
        };
        let types = columns.iter().map(|&column| types[column]);
        let places: Vec<(usize, ValueType)> = (read.len()..).zip(types).collect();
        let how = (of.undefer, Fill::Expired);
        let mut found = OwnedMembers::default();
        self.each_batch(local.len(), &keys, &mut |session, batch, params| {
            let sql = session.engine.shape(shape(batch), || {
                let renderer = Renderer::new(session.engine.dialect());
                match batch {
                    KeyBatch::Arrays => renderer.select_compared_arrays(&pairing, compared),
                    KeyBatch::List(count) => renderer.select_compared(&pairing, compared, count),
                }
            });
            session.read_into(of.target, &sql, params, how, |slot, row| {
                found.take(slot, row, &places)
            })
        })?;
        // A pair of an association table without a key may have several rows.
        if through.is_none() {
            refuse_repeated(self.any_store_mut(of.target), &found.slots)?;
        }
        self.call_after_loads()?;
        Ok(found)
    }

    /// Removes pairs that an association table without a key holds more than once, and refuses members that have several rows.
    pub(in crate::session) fn keep_first(
        &mut self,
        target: u16,
        pairs: &mut Vec<(u32, u32)>,
    ) -> Result<()> {
        let mut known = FxHashSet::default();
        let mut again = Vec::new();
        pairs.retain(|pair| {
            let is_new = known.insert(*pair);
            again.extend((!is_new).then_some(pair.1));
            is_new
        });
        self.refuse_doubled(target, again)
    }
}
