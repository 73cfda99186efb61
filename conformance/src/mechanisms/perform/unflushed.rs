//! Relations that a program has set and may not have flushed yet.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use selfsame::Result;
use selfsame::prelude::*;

/// Relations that may not be flushed yet.
#[derive(Debug, Default)]
pub(in crate::mechanisms) struct Unflushed {
    /// The codes to which foreign keys were set as columns: these do not follow when a code changes.
    by_column: RefCell<BTreeSet<String>>,
    /// The objects whose relations were set, which take precedence over the columns.
    by_relation: RefCell<BTreeSet<String>>,
    /// The places whose foreign keys were set to expressions.
    computed: RefCell<BTreeSet<String>>,
    /// The codes for which the seats of a place may show other codes.
    entered: RefCell<BTreeSet<String>>,
    /// Whether the program has added signs and bookings.
    has_signs: Cell<bool>,
    has_bookings: Cell<bool>,
}

impl Unflushed {
    /// Flushes if a foreign key may have one of these codes.
    pub(in crate::mechanisms) fn settle(
        &self,
        session: &mut Session,
        codes: &[&str],
    ) -> Result<()> {
        let by_column = self.by_column.borrow();
        let is_used = codes.iter().any(|code| by_column.contains(*code));
        drop(by_column);
        match is_used {
            true => self.flush(session),
            false => Ok(()),
        }
    }

    /// Flushes if a relation of an object may be set.
    pub(in crate::mechanisms) fn settle_relation(
        &self,
        session: &mut Session,
        object: &str,
    ) -> Result<()> {
        let is_set = self.by_relation.borrow().contains(object);
        match is_set {
            true => self.flush(session),
            false => Ok(()),
        }
    }

    /// Flushes if a foreign key of a place may be set to an expression.
    pub(in crate::mechanisms) fn settle_expression(
        &self,
        session: &mut Session,
        code: &str,
    ) -> Result<()> {
        let is_set = self.computed.borrow().contains(code);
        match is_set {
            true => self.flush(session),
            false => Ok(()),
        }
    }

    /// Flushes if seats of this place may show another code, or seats of another place this code.
    pub(in crate::mechanisms) fn settle_seats(
        &self,
        session: &mut Session,
        code: &str,
    ) -> Result<()> {
        let is_entered = self.entered.borrow().contains(code);
        match is_entered {
            true => self.flush(session),
            false => Ok(()),
        }
    }

    /// Records that seats get this code, through their place or directly.
    pub(in crate::mechanisms) fn enters(&self, code: &str) {
        self.entered.borrow_mut().insert(code.to_owned());
    }

    pub(in crate::mechanisms) fn computes(&self, code: &str) {
        self.computed.borrow_mut().insert(code.to_owned());
    }

    pub(in crate::mechanisms) fn sign(&self) {
        self.has_signs.set(true);
    }

    pub(in crate::mechanisms) fn has_signs(&self) -> bool {
        self.has_signs.get()
    }

    pub(in crate::mechanisms) fn booking(&self) {
        self.has_bookings.set(true);
    }

    pub(in crate::mechanisms) fn has_bookings(&self) -> bool {
        self.has_bookings.get()
    }

    pub(in crate::mechanisms) fn flush(&self, session: &mut Session) -> Result<()> {
        session.flush()?;
        self.by_column.borrow_mut().clear();
        self.by_relation.borrow_mut().clear();
        self.computed.borrow_mut().clear();
        self.entered.borrow_mut().clear();
        Ok(())
    }

    pub(in crate::mechanisms) fn relates(&self, object: &str) {
        self.by_relation.borrow_mut().insert(object.to_owned());
    }

    /// Records that the object's code changes.
    pub(in crate::mechanisms) fn rename(&self, code: &str, new: &str) {
        for set in [&self.by_relation, &self.computed] {
            let mut set = set.borrow_mut();
            if set.remove(code) {
                set.insert(new.to_owned());
            }
        }
    }

    /// Called after a foreign key was set to a code as a column: flushes, or leaves it to a later flush.
    pub(in crate::mechanisms) fn by_column(
        &self,
        session: &mut Session,
        code: &str,
        way: usize,
    ) -> Result<()> {
        if way < 20 {
            // Loaded collections show the change only after they are loaded again.
            self.flush(session)?;
            session.expire_all();
            return Ok(());
        }
        self.by_column.borrow_mut().insert(code.to_owned());
        Ok(())
    }
}
