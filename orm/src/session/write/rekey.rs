//! Changed primary keys: the rows that refer to a row follow its key.
//!
//! Where the foreign key has ON UPDATE CASCADE the database lets them follow, and memory does the same. Elsewhere they are written with
//! NULL first, then the key is changed, then they get the new key. Where a foreign key takes no NULL, the database decides.

use std::sync::Arc;

use crate::entity::RelationKind;
use crate::error::Result;
use crate::render::Lock;
use crate::schema::ReferentialAction;
use crate::session::life::hook::When;
use crate::session::life::transaction::Intent;
use crate::session::memory::edges::Node;
use crate::session::read::lookup::{Lookup, owned};
use crate::session::write::deletion::refers_to_primary_key;
use crate::session::write::expression::Computations;
use crate::session::write::persist;
use crate::session::write::plan::Step;
use crate::session::{Session, State};
use crate::value::Value;

/// A foreign key that refers to a table's primary key.
struct Referring {
    store: u16,
    columns: Vec<usize>,
    nullable: bool,
    cascades: bool,
}

/// A row that is to follow a key.
struct Follower {
    node: Node,
    columns: Vec<usize>,
    cascades: bool,
}

impl Session {
    /// Writes the changed keys of rows that others may refer to, and keys that new objects take, before everything else.
    pub(in crate::session) fn write_changed_keys(&mut self) -> Result<()> {
        let mut changed: Vec<Node> = Vec::new();
        let mut vacated: Vec<Node> = Vec::new();
        for (store, entry) in (0u16..).zip(&self.stores) {
            if entry.store.touched().is_empty() {
                continue;
            }
            vacated.extend(entry.store.vacated().into_iter().map(|slot| (store, slot)));
            changed.extend(entry.store.rekeyed().into_iter().map(|slot| (store, slot)));
        }
        let mut read_again = false;
        for owner in changed {
            let referring = self.referring(owner.0);
            if referring.is_empty() && !vacated.contains(&owner) {
                continue;
            }
            if !std::mem::replace(&mut read_again, true) {
                self.read_again_what_expired()?;
                self.ready(Intent::Write)?;
            }
            self.write_changed_key(owner, &referring)?;
        }
        Ok(())
    }

    fn write_changed_key(&mut self, owner: Node, referring: &[Referring]) -> Result<()> {
        let old = self.key_values(owner.0, &[owner.1]);
        let mut followers = Vec::new();
        for key in referring {
            if !key.cascades {
                self.look_up(&Lookup {
                    store: key.store,
                    by: &key.columns,
                    keys: &old,
                    order: &[],
                    lock: Lock::ForUpdate,
                    undefer: &[],
                })?;
            }
            let mut cut = Vec::new();
            for node in self.rows_with(key, &old) {
                followers.extend(self.let_go_of_key(owner, node, key, &old, &mut cut)?);
            }
            self.write_columns(key.store, key.columns.clone(), cut)?;
        }
        self.write_now(owner)?;
        let new = self.key_values(owner.0, &[owner.1]);
        for follower in followers {
            self.follow(&follower, &new)?;
        }
        Ok(())
    }

    /// Makes a row ready for the key that it refers to being changed: it is to follow unless it refers to something else by now, and in
    /// `cut` if it is to be written with NULL first.
    fn let_go_of_key(
        &mut self,
        owner: Node,
        node: Node,
        key: &Referring,
        old: &[Value],
        cut: &mut Vec<u32>,
    ) -> Result<Option<Follower>> {
        let refers = self.edges.links.get(node, key.columns[0]).is_none()
            && self.foreign_key(node, &key.columns).as_deref() == Some(old);
        let follower = Follower {
            node,
            columns: key.columns.clone(),
            cascades: key.cascades,
        };
        if node == owner {
            // It refers to itself: one UPDATE changes both.
            if refers {
                let new = self.values(owner, &self.primary_key(owner.0));
                self.assign_all(node, &key.columns, &new)?;
            }
            return Ok(None);
        }
        self.write_now(node)?;
        if !key.cascades && key.nullable {
            let nulls = vec![Value::Null; key.columns.len()];
            if self.foreign_key(node, &key.columns).as_deref() == Some(old) {
                self.assign_all(node, &key.columns, &nulls)?;
                cut.push(node.1);
            }
        }
        let is_doomed = self.any_store(node.0).is_doomed(node.1);
        Ok((refers && !is_doomed).then_some(follower))
    }

    /// The new key in a row that referred to the old one: where the database has written it, nothing is left to write.
    fn follow(&mut self, follower: &Follower, new: &[Value]) -> Result<()> {
        let (store, slot) = follower.node;
        let old = self.key_values(store, &[slot]);
        self.assign_all(follower.node, &follower.columns, new)?;
        if !follower.cascades {
            return Ok(());
        }
        let epoch = self.epoch;
        let was_expired = self.any_store(store).is_expired(slot, epoch);
        self.any_store_mut(store).updated(slot, epoch)?;
        if was_expired {
            self.any_store_mut(store).expire(slot);
        }
        let key = self.primary_key(store);
        if !key.iter().any(|column| follower.columns.contains(column)) {
            return Ok(());
        }
        let own = self.key_values(store, &[slot]);
        for referring in self.referring(store) {
            for node in self.rows_with(&referring, &old) {
                let next = Follower {
                    node,
                    columns: referring.columns.clone(),
                    cascades: referring.cascades,
                };
                self.follow(&next, &own)?;
            }
        }
        Ok(())
    }

    /// Writes what is changed in a row, if anything is.
    fn write_now(&mut self, (store, slot): Node) -> Result<()> {
        let node = (store, slot);
        if self.any_store(store).changed(slot).is_empty() {
            return Ok(());
        }
        self.call_for(When::BeforeUpdate, &[node])?;
        let columns = self.any_store(store).changed(slot);
        if columns.is_empty() {
            return Ok(());
        }
        self.write_columns(store, columns, vec![slot])?;
        self.call_for(When::AfterUpdate, &[node])
    }

    fn write_columns(&mut self, store: u16, columns: Vec<usize>, slots: Vec<u32>) -> Result<()> {
        if columns.is_empty() || slots.is_empty() {
            return Ok(());
        }
        self.check_fit(store, &columns, &slots)?;
        let mapper = Arc::clone(&self.entry(store).mapper);
        let step = Step::Update {
            store,
            columns,
            slots,
        };
        persist::run(self, &step, &Computations::default())
            .map_err(|error| error.entity(mapper.name()))
    }

    /// Whether rows of other tables, or of its own, may refer to the primary key of a store's table.
    pub(in crate::session) fn is_referred_to(&mut self, store: u16) -> bool {
        !self.referring(store).is_empty()
    }

    /// The foreign keys that refer to the primary key of a store's table.
    fn referring(&mut self, store: u16) -> Vec<Referring> {
        let relations = self.entry(store).mapper.relations();
        let children = (0u16..).zip(relations);
        let children = children.filter(|(_, relation)| relation.kind != RelationKind::BelongsTo);
        for relation in children.map(|(index, _)| index).collect::<Vec<_>>() {
            self.target_store(store, relation);
        }
        let parent = self.entry(store).mapper.table();
        let mut found = Vec::new();
        for (store, entry) in (0u16..).zip(&self.stores) {
            let table = entry.mapper.table();
            let keys = table
                .foreign_keys
                .iter()
                .filter(|key| key.table == parent.name && refers_to_primary_key(key, parent));
            for key in keys {
                let columns: Vec<usize> = key
                    .columns
                    .iter()
                    .filter_map(|name| table.position(name))
                    .collect();
                found.push(Referring {
                    store,
                    nullable: columns.iter().all(|&column| table.columns[column].nullable),
                    cascades: key.on_update == ReferentialAction::Cascade,
                    columns,
                });
            }
        }
        found
    }

    /// The rows in memory that refer to a key, as the database has them.
    fn rows_with(&self, key: &Referring, wanted: &[Value]) -> Vec<Node> {
        let store = self.any_store(key.store);
        let refers = |slot: &u32| {
            store.state(*slot) == State::Persistent
                && key.columns.iter().zip(wanted).all(|(&column, wanted)| {
                    let value = store.row_value(*slot, column);
                    value
                        .value()
                        .is_some_and(|value| value.same(wanted.as_ref()))
                })
        };
        let slots = (0..store.len()).filter(refers);
        slots.map(|slot| (key.store, slot)).collect()
    }

    fn primary_key(&self, store: u16) -> Vec<usize> {
        self.entry(store).mapper.table().primary_key.clone()
    }

    fn values(&self, (store, slot): Node, columns: &[usize]) -> Vec<Value> {
        let mut params = Vec::with_capacity(columns.len());
        self.any_store(store).values(slot, columns, &mut params);
        owned(&params)
    }

    fn assign_all(&mut self, node: Node, columns: &[usize], values: &[Value]) -> Result<()> {
        let mut pairs = columns.iter().zip(values);
        pairs.try_for_each(|(&column, value)| self.assign_changed(node, column, value))
    }
}
