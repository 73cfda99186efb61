//! Links: references that were set and not yet flushed. They take precedence over the foreign key's columns.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::session::memory::edges::ObjectId;

/// A reference from a child to a parent that was set.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) child: ObjectId,
    pub(crate) parent: Option<ObjectId>,
    pub(crate) reference: Reference,
}

/// A foreign key with both of its sides: the child's columns, and the parent's collection.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    /// The key's columns on the child, in the order of the parent's key.
    pub(crate) columns: Arc<[usize]>,
    pub(crate) parent_store: u16,
    /// The parent's relation that lists its children.
    pub(crate) collection: Option<u16>,
    /// Whether that relation is one-to-one.
    pub(crate) single: bool,
    /// Whether a column of the key is nullable, so that the reference can be empty.
    pub(crate) nullable: bool,
    /// Whether the child is deleted if it has no parent.
    pub(crate) delete_orphan: bool,
}

/// All links in the order in which they were set, so that a flush is deterministic.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// `None` if a link was removed.
    list: Vec<Option<Entry>>,
    /// The last link of each child, from which the others are found.
    last: FxHashMap<ObjectId, u32>,
    count: usize,
    /// The number of references set since the last flush.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    link: Link,
    /// The clock when it was set.
    at: u64,
    /// The previous link of the same child.
    before: Option<u32>,
}

impl Links {
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The link of an object for a foreign key. All columns are compared, because foreign keys may share some.
    pub(crate) fn get(&self, child: ObjectId, columns: &[usize]) -> Option<&Link> {
        if self.count == 0 {
            return None;
        }
        let at = self.position(child, columns)?;
        self.list[at as usize].as_ref().map(|entry| &entry.link)
    }

    /// Sets a reference. If it was set before, it keeps its position in the order.
    pub(crate) fn set(&mut self, link: Link) {
        let child = link.child;
        self.clock += 1;
        if let Some(at) = self.position(child, &link.reference.columns) {
            if let Some(entry) = &mut self.list[at as usize] {
                (entry.link, entry.at) = (link, self.clock);
            }
            return;
        }
        let at = u32::try_from(self.list.len()).expect("fewer than 2^32 references are set");
        let before = self.last.insert(child, at);
        self.list.push(Some(Entry {
            link,
            at: self.clock,
            before,
        }));
        self.count += 1;
    }

    /// The links of an object, the latest first.
    pub(crate) fn of(&self, child: ObjectId) -> impl Iterator<Item = &Link> {
        let entry = |at: Option<u32>| self.list[at? as usize].as_ref();
        let last = entry(self.last.get(&child).copied());
        std::iter::successors(last, move |link| entry(link.before)).map(|entry| &entry.link)
    }

    /// Removes and returns the links of an object, in order.
    pub(crate) fn take(&mut self, child: ObjectId) -> Vec<Link> {
        let mut taken = Vec::new();
        let mut next = self.last.remove(&child);
        while let Some(entry) = next.and_then(|at| self.list[at as usize].take()) {
            next = entry.before;
            taken.push(entry.link);
        }
        self.count -= taken.len();
        if self.count == 0 {
            self.list.clear();
        }
        taken.reverse();
        taken
    }

    /// Removes and returns the links of an object whose foreign keys are just this column.
    pub(crate) fn take_of(&mut self, child: ObjectId, column: usize) -> Vec<Link> {
        let links = self.take(child).into_iter();
        let (taken, kept) = links.partition(|link| *link.reference.columns == [column]);
        let kept: Vec<Link> = kept;
        kept.into_iter().for_each(|link| self.set(link));
        taken
    }

    /// The number of references set since the last flush.
    pub(crate) fn clock(&self) -> u64 {
        self.clock
    }

    /// Whether a reference was set after this time of the clock.
    pub(crate) fn is_set_after(&self, child: ObjectId, columns: &[usize], clock: u64) -> bool {
        let entry = self.position(child, columns);
        let entry = entry.and_then(|at| self.list[at as usize].as_ref());
        entry.is_some_and(|entry| entry.at > clock)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.list.iter().flatten().map(|entry| &entry.link)
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.last.clear();
        (self.count, self.clock) = (0, 0);
    }

    fn position(&self, child: ObjectId, columns: &[usize]) -> Option<u32> {
        let mut next = self.last.get(&child).copied();
        while let Some(at) = next {
            let entry = self.list[at as usize].as_ref()?;
            if *entry.link.reference.columns == *columns {
                return Some(at);
            }
            next = entry.before;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(child: ObjectId, column: usize, parent: u32) -> Link {
        Link {
            child,
            parent: Some((9, parent)),
            reference: Reference {
                columns: [column].into(),
                parent_store: 9,
                collection: None,
                single: false,
                nullable: true,
                delete_orphan: false,
            },
        }
    }

    fn summary(links: &[Link]) -> Vec<(ObjectId, usize, Option<u32>)> {
        let one = |link: &Link| {
            let parent = link.parent.map(|parent| parent.1);
            (link.child, link.reference.columns[0], parent)
        };
        links.iter().map(one).collect()
    }

    #[test]
    fn a_reference_is_of_one_object_in_one_store() {
        let mut links = Links::default();
        links.set(link((0, 1), 2, 5));
        assert!(links.get((0, 1), &[2]).is_some());
        assert!(links.get((1, 1), &[2]).is_none() && links.get((0, 1), &[3]).is_none());
    }

    #[test]
    fn foreign_keys_that_begin_alike_are_two_references() {
        let mut links = Links::default();
        for columns in [&[1][..], &[1, 2], &[1, 3]] {
            let parent = u32::try_from(columns.len()).expect("few") + 5;
            let mut link = link((0, 1), 1, parent);
            link.reference.columns = columns.into();
            links.set(link);
        }
        assert_eq!(links.of((0, 1)).count(), 3);
        let parent = |columns: &[usize]| links.get((0, 1), columns).and_then(|link| link.parent);
        assert_eq!(parent(&[1]), Some((9, 6)));
        assert_eq!(
            (parent(&[1, 2]), parent(&[1, 3])),
            (Some((9, 7)), Some((9, 7)))
        );
        assert!(links.get((0, 1), &[1, 4]).is_none());
    }

    #[test]
    fn the_clock_says_what_was_set_after() {
        let mut links = Links::default();
        links.set(link((0, 1), 2, 5));
        links.set(link((0, 2), 2, 5));
        assert_eq!(links.clock(), 2);
        let after = |links: &Links, child| links.is_set_after((0, child), &[2], 1);
        assert!(!after(&links, 1) && after(&links, 2) && !after(&links, 3));
        links.set(link((0, 1), 2, 6));
        assert!(after(&links, 1));
        links.clear();
        assert_eq!(links.clock(), 0);
        assert!(links.is_empty() && links.get((0, 1), &[2]).is_none());
    }

    #[test]
    fn links_are_taken_in_the_order_in_which_they_were_set() {
        let mut links = Links::default();
        for (child, column, parent) in [(1, 2, 5), (2, 2, 5), (1, 3, 6), (1, 2, 7)] {
            links.set(link((0, child), column, parent));
        }
        let taken = links.take((0, 1));
        assert_eq!(
            summary(&taken),
            [((0, 1), 2, Some(7)), ((0, 1), 3, Some(6))]
        );
        let left: Vec<Link> = links.iter().cloned().collect();
        assert_eq!(summary(&left), [((0, 2), 2, Some(5))]);
        assert!(links.take((0, 1)).is_empty() && !links.is_empty());
        assert_eq!(links.take((0, 2)).len(), 1);
        assert!(links.is_empty());
    }
}
