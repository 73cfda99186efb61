//! The ends of transactions and savepoints, and their effects on objects and rows.

use selfsame::session::State;

use super::{Reference, Refused, Savepoint, Written};

impl Reference {
    pub(super) fn commit(&mut self) -> Result<Written, Refused> {
        let written = self.flush()?;
        self.end_transaction();
        self.pairs.committed.clone_from(&self.pairs.rows);
        for object in &mut self.objects {
            object.committed = object.row;
            object.is_new = false;
            object.expired = true;
            if object.state == State::Deleted {
                object.state = State::Detached;
            }
        }
        Ok(written)
    }

    pub(super) fn rollback(&mut self) {
        let begun = self.begun;
        self.end_transaction();
        self.pairs.rows.clone_from(&self.pairs.committed);
        self.pairs.forget_changes();
        for object in &mut self.objects {
            object.forget_changes();
            object.row = object.committed;
            object.expired = true;
            let was_new = std::mem::take(&mut object.is_new);
            match object.state {
                State::Detached | State::Transient => {}
                State::Pending => object.state = State::Transient,
                _ if was_new => object.state = State::Transient,
                _ => {
                    object.state = State::Persistent;
                    if let Some(row) = object.committed.filter(|_| object.met > begun) {
                        object.values = row;
                        object.base = row;
                    }
                }
            }
        }
    }

    fn end_transaction(&mut self) {
        self.in_transaction = false;
        self.unsure = false;
        self.now += 1;
        self.begun = self.now;
    }

    pub(super) fn open_savepoint(&mut self) -> Result<Written, Refused> {
        let written = self.flush()?;
        self.in_transaction = true;
        self.now += 1;
        self.savepoints.push(Savepoint {
            objects: self.objects.clone(),
            pairs: self.pairs.rows.clone(),
            now: self.now,
        });
        Ok(written)
    }

    pub(super) fn roll_back_to(&mut self) {
        let Some(savepoint) = self.savepoints.pop() else {
            return;
        };
        self.pairs.rows = savepoint.pairs;
        self.pairs.forget_changes();
        for (n, object) in self.objects.iter_mut().enumerate() {
            object.forget_changes();
            let Some(before) = savepoint.objects.get(n) else {
                object.row = None;
                object.is_new = false;
                if object.state != State::Detached {
                    object.state = State::Transient;
                }
                continue;
            };
            object.row = before.row;
            object.is_new = before.is_new;
            if object.state == State::Detached {
                continue;
            }
            object.state = before.state;
            object.values = before.values;
            if object.met > savepoint.now {
                object.expired = true;
                if let Some(row) = before.row {
                    object.values = row;
                }
            }
            object.base = object.values;
        }
    }

    /// Rolls back the transaction or the innermost savepoint after a refused step. It is unknown how much was read before, so everything is
    /// read again.
    pub(super) fn recover(&mut self) {
        if self.savepoints.is_empty() {
            self.rollback();
        } else {
            self.roll_back_to();
        }
        self.in_transaction = true;
        self.unsure = true;
        for object in &mut self.objects {
            object.expired = true;
        }
        self.meet(|_, _| true);
    }
}
