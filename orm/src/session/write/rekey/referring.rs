//! The foreign keys that reference a table, and the rows that reference changed keys.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::entity::RelationKind;
use crate::error::Result;
use crate::record::RecordKey;
use crate::render::Lock;
use crate::schema::ReferentialAction;
use crate::session::memory::edges::ObjectId;
use crate::session::memory::referring_rows::Texts;
use crate::session::read::equal_texts::{EqualTexts, Resembling};
use crate::session::read::lookup::{Lookup, owned, values};
use crate::session::write::deletion::references_to_primary_key;
use crate::session::write::rekey::followers::Follower;
use crate::session::{Session, State};
use crate::value::{Param, Value, ValueRef};

/// The most rows for which builds with debug assertions compare an index with all rows.
const FEW: u32 = 64;

/// A foreign key that references the table of a store.
pub(in crate::session::write) struct Referring {
    pub(in crate::session::write) store: u16,
    pub(in crate::session::write) columns: Vec<usize>,
    /// The referenced columns, in the same order: that of the primary key, if they are its columns.
    pub(in crate::session::write) referred: Vec<usize>,
    /// Whether it references the primary key.
    pub(in crate::session::write) is_to_key: bool,
    /// Its nullable columns: a NULL in one of them releases the reference.
    pub(super) nullable: Vec<usize>,
    pub(in crate::session::write) cascades: bool,
    /// The database's action on the referencing rows of a deleted or changed row.
    pub(in crate::session::write) on_delete: ReferentialAction,
    pub(in crate::session::write) on_update: ReferentialAction,
}

/// The old values of keys that change together.
pub(super) struct Old {
    width: usize,
    /// The keys, one after the other, and then their other texts.
    values: Vec<Value>,
    positions: FxHashMap<RecordKey, usize>,
}

impl Referring {
    pub(super) fn follower(&self, key: usize, node: ObjectId) -> Follower {
        Follower {
            node,
            columns: self.columns.clone(),
            cascades: self.cascades,
            key,
        }
    }
}

impl Old {
    pub(super) fn new(width: usize, values: Vec<Value>) -> Self {
        let keys = values.chunks(width).map(|key| {
            let key: Vec<ValueRef<'_>> = key.iter().map(Value::as_ref).collect();
            RecordKey::of(&key)
        });
        let positions = keys
            .enumerate()
            .filter_map(|(at, key)| Some((key?, at)))
            .collect();
        Self {
            width,
            values,
            positions,
        }
    }

    pub(super) fn position(&self, values: &[ValueRef<'_>]) -> Option<usize> {
        self.positions.get(&RecordKey::of(values)?).copied()
    }

    pub(super) fn key(&self, at: usize) -> &[Value] {
        &self.values[at * self.width..][..self.width]
    }

    /// Whether values are the old key at a position, perhaps in another text.
    pub(super) fn is_at(&self, at: usize, values: &[Value]) -> bool {
        let values: Vec<ValueRef<'_>> = values.iter().map(Value::as_ref).collect();
        self.position(&values) == Some(at)
    }
}

impl Session {
    /// Whether any foreign key references the primary key of a store's table.
    pub(in crate::session) fn is_referenced(&mut self, store: u16) -> bool {
        !self.referring(store).is_empty()
    }

    /// The foreign keys that reference the primary key of a store's table.
    pub(super) fn referring(&mut self, store: u16) -> Vec<Referring> {
        let relations = self.entry(store).mapper.relations();
        let children = (0u16..).zip(relations);
        let children = children.filter(|(_, relation)| relation.kind != RelationKind::BelongsTo);
        for relation in children.map(|(index, _)| index).collect::<Vec<_>>() {
            self.target_store(store, relation);
        }
        let mut found = self.foreign_keys_to(store);
        found.retain(|key| key.is_to_key);
        found
    }

    /// The foreign keys of tables in the session that reference a store's table.
    pub(in crate::session::write) fn foreign_keys_to(&self, parents: u16) -> Vec<Referring> {
        let parent = self.entry(parents).mapper.table();
        let mut found = Vec::new();
        for (store, entry) in (0u16..).zip(&self.stores) {
            let table = entry.mapper.table();
            let keys = table.foreign_keys.iter();
            for key in keys.filter(|key| key.table == parent.name) {
                let to_key = references_to_primary_key(key, table, parent);
                let is_to_key = to_key.is_some();
                let (columns, referred) = match to_key {
                    // Links list the columns in the order of the primary key.
                    Some(columns) => (columns, parent.primary_key.clone()),
                    None => {
                        let own = key.columns.iter();
                        let referred = key.references.iter();
                        (
                            own.filter_map(|name| table.position(name)).collect(),
                            referred.filter_map(|name| parent.position(name)).collect(),
                        )
                    }
                };
                let nullable = columns.iter().copied();
                found.push(Referring {
                    store,
                    nullable: nullable.filter(|&at| table.columns[at].nullable).collect(),
                    is_to_key,
                    cascades: key.on_update == ReferentialAction::Cascade,
                    on_delete: key.on_delete,
                    on_update: key.on_update,
                    columns,
                    referred,
                });
            }
        }
        found
    }

    /// The rows in memory that reference one of some keys in the database, with the indexes of the keys.
    pub(super) fn rows_with(&mut self, key: &Referring, wanted: &Old) -> Vec<(usize, ObjectId)> {
        let slots = self.candidates(key, &wanted.values, Texts::Equal);
        let found = self.rows_among(slots, key, wanted);
        debug_assert!(
            self.any_store(key.store).len() > FEW || {
                let all = 0..self.any_store(key.store).len();
                found == self.rows_among(all, key, wanted)
            },
            "an index of referring rows must know all of them"
        );
        found
    }

    /// The rows in memory, among which are all that reference one of some keys, which are one after the other.
    pub(in crate::session::write) fn candidates(
        &mut self,
        key: &Referring,
        keys: &[Value],
        texts: Texts,
    ) -> Vec<u32> {
        let entry = &mut self.stores[usize::from(key.store)];
        let (rows, store) = (&mut entry.referring_rows, &mut *entry.store);
        rows.candidates(store, &key.columns, keys, texts)
    }

    fn rows_among(
        &self,
        slots: impl IntoIterator<Item = u32>,
        key: &Referring,
        wanted: &Old,
    ) -> Vec<(usize, ObjectId)> {
        let store = self.any_store(key.store);
        let mut found = Vec::new();
        let slots = slots.into_iter();
        for slot in slots.filter(|&slot| store.state(slot) == State::Persistent) {
            let values = key
                .columns
                .iter()
                .map(|&column| store.row_value(slot, column));
            let values: Vec<Param<'_>> = values.collect();
            let values: Vec<ValueRef<'_>> = values.iter().filter_map(Param::value).collect();
            if let Some(at) = wanted.position(&values) {
                found.push((at, (key.store, slot)));
            }
        }
        found
    }

    /// Adds the texts in which rows in memory reference the old keys, where only the database considers them
    /// equal.
    pub(super) fn add_other_texts(
        &mut self,
        parents: u16,
        slots: &[u32],
        key: &Referring,
        old: &mut Old,
    ) -> Result<()> {
        let Some(resembling) = Resembling::to(self, parents, slots) else {
            return Ok(());
        };
        let found = match resembling.is_any() {
            true => (0..self.any_store(key.store).len()).collect(),
            false => self.candidates(key, &old.values, Texts::Resembling),
        };
        let store = self.any_store(key.store);
        let mut others = Vec::new();
        for slot in found
            .into_iter()
            .filter(|&slot| store.state(slot) == State::Persistent)
        {
            let mut row = Vec::with_capacity(key.columns.len());
            store.row_values(slot, &key.columns, &mut row);
            if self.is_other_text(parents, &row)? {
                others.push(owned(&row));
            }
        }
        others.retain(|text| old.position(&values(text)).is_none() && resembling.has(text));
        let mut texts = EqualTexts::default();
        self.find_equal(parents, others.iter().cloned(), &mut texts)?;
        for text in others {
            let parent = texts.get(parents, text.clone());
            let at = parent.and_then(|(_, found)| slots.iter().position(|&slot| slot == found));
            if let Some(at) = at
                && old.position(&values(&text)).is_none()
            {
                old.values.extend(text.iter().cloned());
                old.positions.insert(RecordKey::new(text), at);
            }
        }
        Ok(())
    }

    /// Reads the rows that reference one of some keys. Objects that only memory considers referencing are expired.
    pub(super) fn read_rows_with(
        &mut self,
        parents: u16,
        slots: &[u32],
        key: &Referring,
        wanted: &mut Old,
    ) -> Result<Vec<(usize, ObjectId)>> {
        let met = self.look_up(&Lookup {
            lock: Lock::ForUpdate,
            ..Lookup::new(key.store, &key.columns, &wanted.values)
        })?;
        // The rows that were read may have yet other texts.
        self.add_other_texts(parents, slots, key, wanted)?;
        let met: FxHashSet<u32> = met.into_iter().collect();
        let mut rows = self.rows_with(key, wanted);
        let any = self.any_store_mut(key.store);
        rows.retain(|(_, (_, slot))| {
            let is_there = met.contains(slot);
            if !is_there {
                any.states_mut().set_epoch(*slot, 0);
            }
            is_there
        });
        Ok(rows)
    }
}
