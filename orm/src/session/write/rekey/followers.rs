//! Rows that follow a changed key: the session writes the new one, or ON UPDATE CASCADE has written it.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::session::Session;
use crate::session::memory::edges::ObjectId;
use crate::session::read::load::folded;
use crate::session::read::lookup::{has_text, owned};
use crate::session::write::rekey::referring::Old;
use crate::value::Value;

/// A row that must follow a key.
pub(super) struct Follower {
    pub(super) node: ObjectId,
    pub(super) columns: Vec<usize>,
    pub(super) cascades: bool,
    /// The index of the key among those that change together.
    pub(super) key: usize,
}

/// A row in memory that follows a key that the database has written to it.
struct Following<'f> {
    follower: &'f Follower,
    was_expired: bool,
    /// The previous foreign key, in the row and in the object.
    row: Vec<Value>,
    values: Vec<Value>,
    /// Whether other columns of the object differ from its row.
    has_changes: bool,
}

impl Session {
    /// Writes the new keys to rows that referenced the old ones. If the database has written them already, only memory is updated, and rows
    /// that reference those follow in turn.
    pub(super) fn follow(&mut self, followers: Vec<Follower>, new: &[&[Value]]) -> Result<()> {
        let mut followed: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
        let mut own_keys: BTreeMap<u16, Vec<Value>> = BTreeMap::new();
        let mut in_memory = Vec::new();
        for follower in &followers {
            let (store, slot) = follower.node;
            if !follower.cascades {
                self.assign_all(follower.node, &follower.columns, new[follower.key])?;
                continue;
            }
            let key = self.primary_key(store);
            if key.iter().any(|column| follower.columns.contains(column)) {
                let own = self.key_values(store, &[slot]);
                own_keys.entry(store).or_default().extend(own);
                followed.entry(store).or_default().push(slot);
            }
            in_memory.push(self.begin_following(follower, new[follower.key])?);
        }
        // A row may take the key that another one had, so this runs after all have left theirs.
        for following in in_memory {
            self.end_following(following)?;
        }
        for (store, slots) in followed {
            let width = self.primary_key(store).len();
            let old = Old::new(width, own_keys.remove(&store).unwrap_or_default());
            let mut next = Vec::new();
            for key in self.referring(store) {
                let rows = self.rows_with(&key, &old);
                next.extend(rows.into_iter().map(|(at, node)| key.follower(at, node)));
            }
            let own = self.key_values(store, &slots);
            let own: Vec<&[Value]> = own.chunks(width).collect();
            self.follow(next, &own)?;
        }
        Ok(())
    }

    /// Assigns a key to a row in memory that the database has written.
    fn begin_following<'f>(
        &mut self,
        follower: &'f Follower,
        new: &[Value],
    ) -> Result<Following<'f>> {
        let (store, slot) = follower.node;
        let any = self.any_store(store);
        let mut row = Vec::new();
        any.row_values(slot, &follower.columns, &mut row);
        let mut others = any.changed(slot);
        others.retain(|column| !follower.columns.contains(column));
        let following = Following {
            follower,
            was_expired: any.is_expired(slot, self.log.epoch),
            row: owned(&row),
            values: self.values(follower.node, &follower.columns),
            has_changes: !others.is_empty(),
        };
        self.assign_all(follower.node, &follower.columns, new)?;
        Ok(following)
    }

    /// Records the new key as the row's, and keeps the program's other changes.
    fn end_following(&mut self, following: Following<'_>) -> Result<()> {
        let Follower { node, columns, .. } = following.follower;
        let (store, slot) = *node;
        let has_computed = !self.entry(store).mapper.computed().is_empty();
        let is_as_read = following.values == following.row;
        let (any, log) = self.logged_store(store);
        match following.has_changes {
            false => any.updated(slot, log)?,
            true => any.updated_in_part(slot, columns, log)?,
        }
        match following.was_expired {
            true if !following.has_changes && is_as_read => any.expire(slot),
            true => any.states_mut().set_epoch(slot, 0),
            // Computed columns are reread at the object's next use.
            false if has_computed => any.states_mut().set_epoch(slot, 0),
            false => {}
        }
        match is_as_read {
            true => Ok(()),
            false => self.assign_all(*node, columns, &following.values),
        }
    }

    /// Returns the rows to read again, because they may not have followed: where the database considers a new text equal to the old one, ON
    /// UPDATE CASCADE may leave the references as they are.
    pub(super) fn rows_to_reread(
        &self,
        store: u16,
        followers: &[Follower],
        old: &Old,
        new: &[&[Value]],
    ) -> Vec<ObjectId> {
        if !has_text(&self.entry(store).mapper, &self.primary_key(store)) {
            return Vec::new();
        }
        let may_not_have_followed = |follower: &&Follower| {
            let (before, now) = (folded(old.key(follower.key)), folded(new[follower.key]));
            let key = self.primary_key(follower.node.0);
            follower.cascades
                && (before.is_none() || now.is_none() || before == now)
                && !key.iter().any(|column| follower.columns.contains(column))
        };
        let to_reread = followers.iter().filter(may_not_have_followed);
        to_reread.map(|follower| follower.node).collect()
    }
}
