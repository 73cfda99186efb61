//! The effects of a flush on objects and rows.

use selfsame::session::State;

use super::{Object, Reference, Refusal, Refused, Written};
use crate::model::entities::Kind;
use crate::model::program::Wanted;

impl Reference {
    pub(super) fn flush(&mut self) -> Result<Written, Refused> {
        let mut refused = Refused::new();
        let mut written = Written::default();
        // Another session may have given an orphan to another user.
        if self.objects.iter().any(|o| o.is_orphan() && o.expired) {
            self.read_what_is_written(&mut written, &mut refused);
        }
        self.mark_orphans();
        self.read_what_is_written(&mut written, &mut refused);
        self.let_go_of_children(&mut written);
        // Removed objects may be expired too.
        self.read_what_is_written(&mut written, &mut refused);
        for object in self.objects.iter_mut().filter(|o| o.is_live()) {
            if let Some(owner) = object.link.take() {
                object.values.owner = owner;
            }
        }
        for n in 0..self.objects.len() {
            let object = &self.objects[n];
            let is_written = match object.state {
                State::Pending => true,
                State::Persistent => !object.marked_deleted && object.values != object.base,
                _ => false,
            };
            let owner = object.values.owner.filter(|_| is_written);
            let moved = object.state == State::Pending || object.values.owner != object.base.owner;
            let is_there = |user: usize| {
                let user = &self.objects[user];
                user.row.is_some() || user.state == State::Pending
            };
            if moved && owner.is_some_and(|user| !is_there(user)) {
                refused.insert(Refusal::ForeignKey);
            }
            let is_stale = object
                .row
                .is_none_or(|row| row.version != object.base.version);
            if object.state == State::Persistent && object.marked_deleted && is_stale {
                refused.insert(Refusal::Stale);
            }
        }
        let pairs = self.changed_pairs(&mut written, &mut refused);
        if !refused.is_empty() {
            return Err(refused);
        }
        self.write(&mut written);
        for (pair, wanted) in pairs {
            match wanted {
                Wanted::Together => self.pairs.rows.insert(pair),
                Wanted::Apart => self.pairs.rows.remove(&pair),
            };
        }
        self.pairs.forget_changes();
        self.in_transaction |= !written.nothing();
        Ok(written)
    }

    /// Orphaned notes are deleted; those without a row are never inserted.
    fn mark_orphans(&mut self) {
        for note in self.objects.iter_mut().filter(|o| o.is_orphan()) {
            note.go();
        }
    }

    /// Returns the changes of the association table. Pairs of deleted objects are deleted too.
    fn changed_pairs(
        &self,
        written: &mut Written,
        refused: &mut Refused,
    ) -> Vec<((usize, usize), Wanted)> {
        let mut changed = Vec::new();
        for (pair, wanted, is_sure) in self.pairs.changes() {
            let (user, tag) = (&self.objects[pair.0], &self.objects[pair.1]);
            if !user.is_live() || !tag.is_live() {
                continue;
            }
            let is_there = self.pairs.rows.contains(&pair);
            // An unknown value is read.
            written.reads |= !is_sure;
            if is_there == (wanted == Wanted::Together) {
                if is_sure {
                    refused.insert(Refusal::Stale);
                }
                continue;
            }
            match wanted {
                Wanted::Together => written.inserts = true,
                Wanted::Apart => written.deletes = true,
            }
            if [user, tag]
                .iter()
                .any(|o| o.state == State::Persistent && o.row.is_none())
            {
                refused.insert(Refusal::ForeignKey);
            }
            changed.push((pair, wanted));
        }
        changed
    }

    /// Reads objects again that were written to while expired, and applies the changes to them.
    fn read_what_is_written(&mut self, written: &mut Written, refused: &mut Refused) {
        self.now += 1;
        for object in self
            .objects
            .iter_mut()
            .filter(|o| o.state == State::Persistent && o.expired)
        {
            // Objects to be deleted are not written: cascades may read them as if they had not changed.
            if object.marked_deleted {
                object.values = object.base;
                object.touched = false;
                continue;
            }
            if !object.touched && object.link.is_none() {
                continue;
            }
            let is_equal = object.values == object.base && object.link.is_none();
            if is_equal {
                object.touched = false;
            }
            written.reads = true;
            let Some(row) = object.row else {
                refused.insert(Refusal::Stale);
                continue;
            };
            let (mine, base) = (object.values, object.base);
            // The session cannot know that the row has another value.
            if is_equal && (row.number, row.owner) != (base.number, base.owner) {
                refused.insert(Refusal::Stale);
            }
            object.read(row, self.now);
            if mine.number != base.number {
                object.values.number = mine.number;
                if row.number != base.number {
                    refused.insert(Refusal::Stale);
                }
            }
            if object.link.is_some() && row.owner != base.owner {
                refused.insert(Refusal::Stale);
            }
        }
    }

    /// Reads the children of users to be deleted; tasks lose their owner, notes are deleted.
    fn let_go_of_children(&mut self, written: &mut Written) {
        for user in 0..self.objects.len() {
            if !(self.objects[user].kind == Kind::User && self.objects[user].marked_deleted) {
                continue;
            }
            written.reads = true;
            self.now += 1;
            let now = self.now;
            for child in self.objects.iter_mut().filter(|o| o.kind.is_child()) {
                let row = child.row.filter(|row| row.owner == Some(user));
                if let Some(row) = row
                    && child.state == State::Persistent
                    && child.expired
                    && !child.touched
                {
                    child.read(row, now);
                }
                let is_known_elsewhere = child.link.is_none() && child.expired && row.is_none();
                if child.is_live() && child.owner() == Some(user) && !is_known_elsewhere {
                    child.let_go();
                }
                // The row of a child that has left the session is found by its foreign key.
                if child.state == State::Detached && row.is_some() {
                    child.let_row_go(written);
                }
            }
        }
    }

    fn write(&mut self, written: &mut Written) {
        self.now += 1;
        for n in 0..self.objects.len() {
            let object = &mut self.objects[n];
            object.touched = false;
            match object.state {
                State::Persistent if object.marked_deleted => {
                    written.deletes = true;
                    object.forget_changes();
                    object.state = State::Deleted;
                    object.expired = true;
                    object.row = None;
                    self.pairs.sever(n);
                }
                State::Pending => {
                    written.inserts = true;
                    object.state = State::Persistent;
                    object.is_new = true;
                    object.values.version = object.kind.first_version();
                    object.row = Some(object.values);
                    object.read(object.values, self.now);
                }
                State::Persistent if object.values != object.base => {
                    written.updates = true;
                    object.values.version += object.kind.first_version();
                    object.row = Some(object.values);
                    object.read(object.values, self.now);
                }
                _ => {}
            }
        }
    }
}

impl Object {
    /// Returns whether it is an orphaned note.
    fn is_orphan(&self) -> bool {
        self.kind == Kind::Note && self.is_live() && self.link == Some(None)
    }

    /// Returns whether its user is to be deleted.
    fn let_go(&mut self) {
        match self.kind {
            Kind::Note => self.go(),
            _ => self.link = Some(None),
        }
    }

    fn go(&mut self) {
        match self.state {
            State::Pending => {
                self.forget_changes();
                self.state = State::Transient;
            }
            _ => self.marked_deleted = true,
        }
    }

    /// Removes the user from the row of an object that has left the session.
    fn let_row_go(&mut self, written: &mut Written) {
        let Some(row) = &mut self.row else {
            return;
        };
        if self.kind == Kind::Note {
            written.deletes = true;
            self.row = None;
            return;
        }
        written.updates = true;
        row.owner = None;
        row.version += self.kind.first_version();
    }
}
