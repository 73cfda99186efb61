//! The undo log of a session: everything that a rollback undoes, in order, and the clock.
//!
//! Stores, collections and keys share it. A savepoint is one position in it; undoing goes back from its end.

use rustc_hash::FxHashMap;

use crate::session::memory::edges::{Collection, Departure, Members, ObjectId};
use crate::session::memory::snapshots::Snapshot;
use crate::value::Value;

/// The changes since BEGIN; changes of collections are only recorded while a savepoint is open.
#[derive(Debug, Default)]
pub(crate) struct UndoLog {
    entries: Vec<LogEntry>,
    /// The value before each [`Done::KeyCopied`], in order.
    pub(in crate::session) copied: Vec<Value>,
    /// The member and its position of each [`Done::MemberRemoved`], in order.
    pub(in crate::session) removed: Vec<(u32, usize)>,
    /// The collection before each [`Done::CollectionReplaced`], in order.
    pub(in crate::session) replaced: Vec<Option<Box<Members>>>,
    /// The positions of the open savepoints, the outermost first.
    savepoints: Vec<usize>,
    /// The objects that have left the session since the outermost savepoint, which undoing does not restore.
    pub(in crate::session) departed: FxHashMap<ObjectId, Departure>,
    /// Whether statements with unknown effects on objects ran inside an open savepoint.
    pub(in crate::session) has_written_unknown: bool,
    /// Anything read before this is expired.
    pub(in crate::session) epoch: u32,
    /// Anything read before this may have been overwritten by this transaction's raw statements.
    pub(in crate::session) written_before: u32,
}

/// A change of an object, or of one of its collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct LogEntry {
    pub(in crate::session) of: ObjectId,
    pub(in crate::session) done: Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// The row was written, or overwritten memory; this was the old one.
    Written(Snapshot),
    /// The row was inserted.
    Inserted,
    /// The object took over a deleted object's row; the store has the old object.
    Switched,
    /// The row was deleted.
    Deleted,
    /// The row was read inside a savepoint.
    Read,
    /// The row was first read inside a savepoint, and the values read may be undone with it.
    Guessed,
    /// This session wrote the row with unknown values.
    Overwritten,
    /// The row that this session had written with unknown values was read inside a savepoint.
    Known,
    /// This session may have written all rows of the store with unknown values; holds its previous `overwritten_before`.
    AllOverwritten(u32),
    /// A parent's key was copied into this column of a new object.
    KeyCopied(u16),
    /// A member was added at the end of the collection of this relation.
    MemberAdded(u16),
    /// A member was removed from the collection of this relation.
    MemberRemoved(u16),
    /// The whole collection of this relation was read, created or forgotten.
    CollectionReplaced(u16),
    /// This session may have written any row with unknown values; holds the previous `written_before`.
    WrittenBefore(u32),
}

impl Done {
    /// Whether only the end of a savepoint undoes it: a rollback rereads everything, and no collection survives it.
    pub(in crate::session) fn is_of_savepoint(self) -> bool {
        matches!(
            self,
            Self::Read
                | Self::Guessed
                | Self::Known
                | Self::MemberAdded(_)
                | Self::MemberRemoved(_)
                | Self::CollectionReplaced(_)
                | Self::WrittenBefore(_)
        )
    }
}

impl UndoLog {
    /// The number of open savepoints.
    pub(in crate::session) fn depth(&self) -> usize {
        self.savepoints.len()
    }

    #[inline]
    pub(in crate::session) fn in_savepoint(&self) -> bool {
        !self.savepoints.is_empty()
    }

    pub(in crate::session) fn open_savepoint(&mut self) {
        self.savepoints.push(self.entries.len());
    }

    /// The position of the innermost savepoint.
    pub(in crate::session) fn savepoint(&self) -> Option<usize> {
        self.savepoints.last().copied()
    }

    /// Closes the innermost savepoint. Closing the outermost one keeps only the entries that a rollback undoes.
    pub(in crate::session) fn close_savepoint(&mut self) {
        let Some(position) = self.savepoints.pop() else {
            return;
        };
        if self.savepoints.is_empty() {
            let mut kept = position;
            for at in position..self.entries.len() {
                if !self.entries[at].done.is_of_savepoint() {
                    self.entries[kept] = self.entries[at];
                    kept += 1;
                }
            }
            self.entries.truncate(kept);
            (self.removed, self.replaced) = (Vec::new(), Vec::new());
            self.departed = FxHashMap::default();
            self.has_written_unknown = false;
        }
    }

    /// Reserves space for additional entries.
    pub(in crate::session) fn reserve(&mut self, entries: usize) {
        match self.entries.is_empty() {
            true => self.entries.reserve_exact(entries),
            false => self.entries.reserve(entries),
        }
    }

    #[inline]
    pub(in crate::session) fn push(&mut self, of: ObjectId, done: Done) {
        self.entries.push(LogEntry { of, done });
    }

    /// Logs that a parent's key replaces a value in a column of a new object.
    pub(in crate::session) fn key_copied(&mut self, of: ObjectId, column: usize, before: Value) {
        let column = u16::try_from(column).expect("a table has fewer than 65,536 columns");
        self.copied.push(before);
        self.push(of, Done::KeyCopied(column));
    }

    pub(in crate::session) fn member_added(&mut self, (of, relation): Collection) {
        if self.in_savepoint() {
            self.push(of, Done::MemberAdded(relation));
        }
    }

    pub(in crate::session) fn member_removed(
        &mut self,
        (of, relation): Collection,
        slot: u32,
        at: usize,
    ) {
        self.removed.push((slot, at));
        self.push(of, Done::MemberRemoved(relation));
    }

    pub(in crate::session) fn collection_replaced(
        &mut self,
        (of, relation): Collection,
        before: Option<Members>,
    ) {
        if self.in_savepoint() {
            self.replaced.push(before.map(Box::new));
            self.push(of, Done::CollectionReplaced(relation));
        }
    }

    /// Notes that a statement has unknown effects on objects.
    pub(in crate::session) fn wrote_unknown(&mut self) {
        self.has_written_unknown |= self.in_savepoint();
    }

    /// Notes that this session may have written any row read before this epoch, with unknown values.
    pub(in crate::session) fn wrote_before(&mut self, epoch: u32) {
        self.wrote_unknown();
        if self.in_savepoint() && epoch != self.written_before {
            self.push((0, 0), Done::WrittenBefore(self.written_before));
        }
        self.written_before = epoch;
    }

    /// The entries since a position.
    pub(in crate::session) fn since(&self, position: usize) -> &[LogEntry] {
        self.entries.get(position..).unwrap_or_default()
    }

    /// Removes the last entry since a position, to be undone.
    pub(in crate::session) fn pop(&mut self, position: usize) -> Option<LogEntry> {
        match self.entries.len() > position {
            true => self.entries.pop(),
            false => None,
        }
    }

    /// Forgets everything, also what open savepoints would undo.
    pub(in crate::session) fn clear(&mut self) {
        self.savepoints.fill(0);
        *self = Self {
            savepoints: std::mem::take(&mut self.savepoints),
            has_written_unknown: self.has_written_unknown,
            epoch: self.epoch,
            written_before: self.written_before,
            ..Self::default()
        };
    }

    /// Forgets everything, including the open savepoints.
    pub(in crate::session) fn close(&mut self) {
        self.savepoints.clear();
        self.clear();
        self.has_written_unknown = false;
    }

    /// Removes all entries after a commit.
    pub(in crate::session) fn commit(&mut self) -> impl Iterator<Item = LogEntry> + '_ {
        self.copied.clear();
        self.entries.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF: ObjectId = (3, 7);

    #[test]
    fn an_entry_takes_two_words() {
        assert!(size_of::<LogEntry>() <= 16);
    }

    #[test]
    fn the_outermost_savepoint_leaves_what_a_rollback_undoes() {
        let mut log = UndoLog::default();
        log.push(OF, Done::Inserted);
        log.member_added((OF, 1));
        log.open_savepoint();
        log.push(OF, Done::Read);
        log.open_savepoint();
        log.push(OF, Done::Deleted);
        log.member_removed((OF, 1), 5, 0);
        log.wrote_before(9);
        log.close_savepoint();
        assert_eq!((log.since(0).len(), log.has_written_unknown), (5, true));
        log.close_savepoint();
        let left: Vec<Done> = log.since(0).iter().map(|entry| entry.done).collect();
        assert_eq!(left, [Done::Inserted, Done::Deleted]);
        assert!(!log.has_written_unknown && log.removed.is_empty());
    }

    #[test]
    fn a_cleared_log_undoes_what_follows_for_every_savepoint() {
        let mut log = UndoLog::default();
        log.push(OF, Done::Inserted);
        log.open_savepoint();
        log.clear();
        log.push(OF, Done::Deleted);
        let position = log.savepoint().expect("one is open");
        assert_eq!(
            log.pop(position).map(|entry| entry.done),
            Some(Done::Deleted)
        );
        assert_eq!(log.pop(position), None);
    }
}
