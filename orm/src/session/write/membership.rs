//! Rows that join or leave collections because a foreign key's columns were written directly or by an expression. Loaded collections are
//! updated to match the rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::entity::RelationKind;
use crate::error::Result;
use crate::session::memory::edges::ObjectId;
use crate::session::read::equal_texts::Resembling;
use crate::session::read::lookup::owned;
use crate::session::{Session, State};
use crate::value::Value;

/// Foreign key changes of a flush that loaded collections do not reflect.
#[derive(Debug, Default)]
pub(in crate::session) struct Moves {
    collections: Vec<Collections>,
    rows: Vec<Move>,
    /// The relations, with the stores of their owners, whose foreign keys are set to expressions.
    computed: Vec<(u16, u16)>,
}

/// A row whose owner in a relation may change.
#[derive(Debug)]
struct Move {
    row: ObjectId,
    /// The index of its [`Collections`].
    of: usize,
    before: Option<ObjectId>,
    /// Whether the row's previous foreign key was a text that no object in memory has as its key.
    was_other: bool,
}

/// The collections of one relation, with the foreign key of their members.
#[derive(Debug)]
struct Collections {
    owners: u16,
    relation: u16,
    columns: Arc<[usize]>,
}

impl Session {
    /// Adds the rows whose foreign keys were written through their columns.
    pub(in crate::session) fn note_moves(&mut self) -> Result<()> {
        if self.edges.has_no_collections() {
            return Ok(());
        }
        let mut moves = std::mem::take(&mut self.moves);
        for (store, entry) in (0u16..).zip(&self.stores) {
            let any = &*entry.store;
            let is_idle = any.pending().is_empty() && any.touched().is_empty();
            if is_idle && self.expressions.is_empty() {
                continue;
            }
            for collections in self.collections_of(store)? {
                self.note_moves_among(store, collections, &mut moves)?;
            }
        }
        self.moves = moves;
        Ok(())
    }

    fn note_moves_among(
        &self,
        store: u16,
        collections: Collections,
        moves: &mut Moves,
    ) -> Result<()> {
        let any = self.any_store(store);
        let (owners, columns) = (collections.owners, &collections.columns);
        let of = moves.collections.len();
        let mut note = |slot, before, was_other| {
            moves.rows.push(Move {
                row: (store, slot),
                of,
                before,
                was_other,
            });
        };
        let is_set = |slot| self.edges.links.get((store, slot), columns).is_some();
        for &slot in any.pending() {
            let is_unknown = |&column: &usize| {
                let value = any.value(slot, column);
                value.value().is_none_or(|value| value.is_null())
            };
            if !columns.iter().any(is_unknown) && !is_set(slot) {
                note(slot, None, false);
            }
        }
        for &slot in any.touched() {
            let differs = |&column: &usize| {
                let (new, old) = (any.value(slot, column), any.row_value(slot, column));
                let values = new.value().zip(old.value());
                values.is_some_and(|(new, old)| !new.same(old))
            };
            if columns.iter().any(differs) && !is_set(slot) {
                let mut row = Vec::with_capacity(columns.len());
                any.row_values(slot, columns, &mut row);
                let was_other = self.is_other_text(owners, &row)?;
                note(slot, self.mapped(owners, &row)?, was_other);
            }
        }
        let computed = self.expressions.range((store, 0)..=(store, u32::MAX));
        let mut computed = computed.flat_map(|(_, expressions)| expressions.keys());
        if computed.any(|column| columns.contains(column)) {
            moves.computed.push((owners, collections.relation));
        }
        moves.collections.push(collections);
        Ok(())
    }

    /// Adds the rows whose parent was set as a relation before a hook moved them to another by writing the columns.
    pub(in crate::session) fn note_overridden(&mut self) {
        let mut moves = std::mem::take(&mut self.moves);
        for link in self.edges.links.iter() {
            let columns = &link.reference.columns;
            let Some(relation) = link.reference.collection else {
                continue;
            };
            let given = self.values(link.child, columns);
            let is_overridden = match link.parent {
                Some(parent) if self.has_row(parent) => {
                    let key = &self.entry(parent.0).mapper.table().primary_key;
                    let set = self.values(parent, key);
                    let mut pairs = given.iter().zip(&set);
                    !pairs.all(|(given, set)| given.as_ref().same(set.as_ref()))
                }
                // The key of a new parent is filled in later, whatever the columns hold.
                Some(_) => false,
                None => !given.contains(&Value::Null),
            };
            if is_overridden {
                moves.rows.push(Move {
                    row: link.child,
                    of: moves.collections.len(),
                    before: link.parent,
                    was_other: false,
                });
                moves.collections.push(Collections {
                    owners: link.reference.parent_store,
                    relation,
                    columns: Arc::clone(columns),
                });
            }
        }
        self.moves = moves;
    }

    /// After the rows are written, removes them from collections of their old owner, and unloads collections that they joined.
    pub(in crate::session) fn make_moves(&mut self) -> Result<()> {
        let moves = std::mem::take(&mut self.moves);
        let mut other_texts: BTreeMap<(u16, u16), Vec<Vec<Value>>> = BTreeMap::new();
        for Move {
            row,
            of,
            before,
            was_other,
        } in moves.rows
        {
            let Collections {
                owners,
                relation,
                columns,
            } = &moves.collections[of];
            let any = self.any_store(row.0);
            let mut key = Vec::with_capacity(columns.len());
            if any.state(row.1) == State::Persistent {
                any.values(row.1, columns, &mut key);
            }
            let now = match key.is_empty() {
                true => None,
                false => self.mapped(*owners, &key)?,
            };
            if self.is_other_text(*owners, &key)? {
                let texts = other_texts.entry((*owners, *relation)).or_default();
                texts.push(owned(&key));
            }
            let mut left: Vec<ObjectId> = before.into_iter().collect();
            // Its row may have been released before a hook gave it another owner.
            if was_other || !self.hooks.is_empty() {
                left.extend(self.edges.owners_of(*owners, *relation, row));
            }
            if !was_other {
                left.retain(|&owner| Some(owner) != now);
                if left.is_empty() && now == before {
                    continue;
                }
            }
            for before in left {
                self.edges.leave(&mut self.log, (before, *relation), row.1);
            }
            if let Some(now) = now {
                self.edges.join(&mut self.log, (now, *relation), row.1);
            }
        }
        for ((owners, relation), texts) in other_texts {
            let any = self.any_store(owners);
            let slots = (0..any.len()).filter(|&slot| any.state(slot) == State::Persistent);
            let resembling = Resembling::to(self, owners, &slots.collect::<Vec<u32>>());
            if resembling.is_some_and(|some| texts.iter().any(|text| some.has(text))) {
                self.edges.unload_all(&mut self.log, owners, relation);
            }
        }
        for (owners, relation) in moves.computed {
            self.edges.unload_all(&mut self.log, owners, relation);
        }
        Ok(())
    }

    /// The collections whose members are in a store.
    fn collections_of(&self, store: u16) -> Result<Vec<Collections>> {
        let target = self.entry(store).mapper.id();
        let mut found = Vec::new();
        for (owners, entry) in (0u16..).zip(&self.stores) {
            for (relation, descriptor) in (0u16..).zip(entry.mapper.relations()) {
                let kind = descriptor.kind();
                if !matches!(kind, RelationKind::HasMany | RelationKind::HasOne)
                    || descriptor.target().id() != target
                {
                    continue;
                }
                found.push(Collections {
                    owners,
                    relation,
                    columns: Arc::clone(&self.relation(owners, relation)?.remote),
                });
            }
        }
        Ok(found)
    }
}
