//! Rows that join or leave collections because a foreign key's columns were written directly or by an expression. Loaded collections are
//! updated to match the rows.

use std::sync::Arc;

use crate::entity::RelationKind;
use crate::error::Result;
use crate::session::memory::edges::ObjectId;
use crate::session::{Session, State};
use crate::value::Param;

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
    pub(in crate::session) fn note_moves(&self, moves: &mut Moves) -> Result<()> {
        if self.edges.has_no_collections() {
            return Ok(());
        }
        for (store, entry) in (0u16..).zip(&self.stores) {
            let any = &*entry.store;
            let is_idle = any.pending().is_empty() && any.touched().is_empty();
            if is_idle && self.expressions.is_empty() {
                continue;
            }
            for collections in self.collections_of(store)? {
                self.note_moves_among(store, collections, moves)?;
            }
        }
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
        let mut note = |slot, before| {
            let row = (store, slot);
            moves.rows.push(Move { row, of, before });
        };
        let is_set = |slot| self.edges.links.get((store, slot), columns).is_some();
        for &slot in any.pending() {
            let is_unknown = |&column: &usize| {
                let value = any.value(slot, column);
                value.value().is_none_or(|value| value.is_null())
            };
            if !columns.iter().any(is_unknown) && !is_set(slot) {
                note(slot, None);
            }
        }
        for &slot in any.touched() {
            let differs = |&column: &usize| {
                let (new, old) = (any.value(slot, column), any.row_value(slot, column));
                let values = new.value().zip(old.value());
                values.is_some_and(|(new, old)| !new.same(old))
            };
            if columns.iter().any(differs) && !is_set(slot) {
                let before = self.owner(owners, columns, |column| any.row_value(slot, column))?;
                note(slot, before);
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

    /// After the rows are written, removes them from collections of their old owner, and unloads collections that they joined.
    pub(in crate::session) fn make_moves(&mut self, moves: Moves) -> Result<()> {
        for Move { row, of, before } in moves.rows {
            let Collections {
                owners,
                relation,
                columns,
            } = &moves.collections[of];
            let any = self.any_store(row.0);
            let now = match any.state(row.1) {
                State::Persistent => {
                    self.owner(*owners, columns, |column| any.value(row.1, column))?
                }
                _ => None,
            };
            if now == before {
                continue;
            }
            if let Some(before) = before {
                self.edges.leave(&mut self.log, (before, *relation), row.1);
            }
            if let Some(now) = now {
                self.edges.join(&mut self.log, (now, *relation), row.1);
            }
        }
        for (owners, relation) in moves.computed {
            self.edges.unload_all(&mut self.log, owners, relation);
        }
        Ok(())
    }

    /// The object whose key these columns hold.
    fn owner<'a>(
        &self,
        owners: u16,
        columns: &[usize],
        value: impl Fn(usize) -> Param<'a>,
    ) -> Result<Option<ObjectId>> {
        match columns {
            [column] => self.mapped(owners, &[value(*column)]),
            columns => {
                let key: Vec<Param<'_>> = columns.iter().map(|&column| value(column)).collect();
                self.mapped(owners, &key)
            }
        }
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
