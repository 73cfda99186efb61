//! Writing set references into foreign keys; those to rows inserted in the same flush must wait.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::{Error, ErrorKind, Result};
use crate::schema::{ForeignKey, Table};
use crate::session::memory::edges::ObjectId;
use crate::session::memory::links::Link;
use crate::session::write::actions::acts;
use crate::session::write::deletion::references_to_primary_key;
use crate::session::write::plan::{References, Step, TableChanges, ValueMove, Wait};
use crate::session::write::rekey::Referring;
use crate::session::{Session, State};
use crate::value::{Value, ValueRef};

/// The references to new rows, by the rows that wait for them.
pub(in crate::session) struct Waiting<'w> {
    waits: Vec<&'w Wait>,
    of_rows: FxHashMap<ObjectId, Range<usize>>,
}

impl<'w> Waiting<'w> {
    pub(in crate::session) fn new(waits: &'w [Wait]) -> Self {
        let mut waits: Vec<&Wait> = waits.iter().collect();
        waits.sort_by_key(|wait| wait.child);
        let mut start = 0;
        let of_rows = waits.chunk_by(|one, other| one.child == other.child);
        let of_rows = of_rows.map(|of_row| {
            let range = start..start + of_row.len();
            start = range.end;
            (of_row[0].child, range)
        });
        Self {
            of_rows: of_rows.collect(),
            waits,
        }
    }

    pub(in crate::session) fn is_empty(&self) -> bool {
        self.waits.is_empty()
    }

    fn of(&self, node: ObjectId) -> &[&'w Wait] {
        let range = self.of_rows.get(&node).cloned();
        range.map_or(&[], |range| &self.waits[range])
    }
}

impl Session {
    /// Runs a step after filling the foreign keys whose referenced rows are inserted. Nullable ones whose rows are inserted later are
    /// NULL while it runs.
    pub(in crate::session) fn with_foreign_keys(
        &mut self,
        step: &Step,
        waiting: &Waiting<'_>,
        run: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        if waiting.is_empty() {
            return run(self);
        }
        if let Some((store, _, slots)) = step.written() {
            for &slot in slots {
                self.fill_foreign_keys(waiting.of((store, slot)))?;
            }
        }
        let mut withheld = Vec::new();
        let run = self
            .set_null_until_parents_inserted(step, waiting, &mut withheld)
            .and_then(|()| run(self))
            .map_err(|error| self.explain_cycle(step, waiting, error));
        // Even after an error, memory keeps the values that the program assigned.
        let kept = withheld
            .iter()
            .map(|(node, column, value)| self.assign_changed(*node, *column, value))
            .fold(Ok(()), Result::and);
        run.and(kept)
    }

    /// Names the cause of a violated foreign key if a row was inserted before one that it requires.
    fn explain_cycle(&self, step: &Step, waiting: &Waiting<'_>, error: Error) -> Error {
        let Step::Insert { store, slots, .. } = step else {
            return error;
        };
        let requires = |wait: &&&Wait| {
            let (parents, parent) = wait.parent;
            wait.late.is_empty() && self.any_store(parents).state(parent) == State::Pending
        };
        let mut waits = slots.iter().flat_map(|&slot| waiting.of((*store, slot)));
        match waits.find(requires) {
            Some(wait) if error.kind() == ErrorKind::ForeignKeyViolation => {
                let names =
                    [wait.child.0, wait.parent.0].map(|store| self.entry(store).mapper.name());
                let message = format!(
                    "new rows reference each other in a cycle of NOT NULL foreign keys, and that of {} to {} is not checked at COMMIT (DEFERRABLE INITIALLY DEFERRED), so none can be inserted first",
                    names[0], names[1]
                );
                Error::new(ErrorKind::CircularDependency, message).with_source(error)
            }
            _ => error,
        }
    }

    /// Copies the keys of inserted parents into their children.
    fn fill_foreign_keys(&mut self, waits: &[&Wait]) -> Result<()> {
        for wait in waits {
            let is_there = self.any_store(wait.parent.0).state(wait.parent.1) == State::Persistent;
            let is_known = is_there || wait.is_deferrable && wait.late.is_empty();
            if is_known && wait.is_filled {
                self.copy_key(wait.child, &wait.columns, wait.parent)?;
            }
        }
        let Some(child) = waits.first().map(|wait| wait.child) else {
            return Ok(());
        };
        self.fill_references_to_itself(child)?;
        match self.has_shared_columns(child.0) {
            true => self.refuse_contradictions_of(child, |parent| self.has_row(parent)),
            false => Ok(()),
        }
    }

    /// Copies the key of a new row into its references to itself, if the key is known.
    fn fill_references_to_itself(&mut self, child: ObjectId) -> Result<()> {
        let own = self.edges.links.of(child);
        let own = own.filter(|link| link.parent == Some(child));
        let own: Vec<Arc<[usize]>> = own
            .map(|link| Arc::clone(&link.reference.columns))
            .collect();
        let is_known = !own.is_empty() && self.has_key(child);
        let mut known = own.iter().filter(|_| is_known);
        known.try_for_each(|columns| self.copy_key(child, columns, child))
    }

    /// Copies the keys of all new rows into their references to themselves.
    pub(in crate::session) fn fill_references_to_themselves(&mut self) -> Result<()> {
        let links = self.edges.links.iter();
        let own = links.filter(|link| link.parent == Some(link.child));
        let own: Vec<ObjectId> = own.map(|link| link.child).collect();
        own.into_iter()
            .try_for_each(|child| self.fill_references_to_itself(child))
    }

    /// Sets foreign keys of new rows to NULL if their parents are inserted later but the program assigned values to the columns. Adds
    /// these values to `withheld`; they are written after the parents.
    fn set_null_until_parents_inserted(
        &mut self,
        step: &Step,
        waiting: &Waiting<'_>,
        withheld: &mut Vec<(ObjectId, usize, Value)>,
    ) -> Result<()> {
        let Step::Insert { store, slots, .. } = step else {
            return Ok(());
        };
        let mapper = Arc::clone(&self.entry(*store).mapper);
        for &slot in slots {
            let node = (*store, slot);
            for wait in waiting.of(node) {
                let (parents, parent) = wait.parent;
                if wait.late.is_empty()
                    || self.any_store(parents).state(parent) == State::Persistent
                {
                    continue;
                }
                for column in columns_to_clear(mapper.table(), &wait.columns) {
                    let value = self.values(node, &[column]).pop();
                    let Some(value) = value.filter(|value| !value.as_ref().is_null()) else {
                        continue;
                    };
                    self.remember_key(node, &[column]);
                    self.assign_changed(node, column, &Value::Null)?;
                    withheld.push((node, column, value));
                }
            }
        }
        Ok(())
    }

    /// Whether foreign keys of a table share columns: then setting one changes another.
    fn has_shared_columns(&self, store: u16) -> bool {
        let keys = &self.entry(store).mapper.table().foreign_keys;
        keys.iter().enumerate().any(|(at, key)| {
            let mut others = keys[..at].iter();
            others.any(|other| key.columns.iter().any(|name| other.columns.contains(name)))
        })
    }

    /// Refuses two references of an object to parents whose keys differ in a column that both foreign keys share: one of them would
    /// reference another row.
    fn refuse_contradictions_of(
        &self,
        child: ObjectId,
        is_known: impl Fn(ObjectId) -> bool,
    ) -> Result<()> {
        let mut known: Vec<(usize, Value, u16)> = Vec::new();
        for link in self.edges.links.of(child) {
            let Some(parent) = link.parent.filter(|parent| is_known(*parent)) else {
                continue;
            };
            let any = self.any_store(parent.0);
            for (&column, &at) in link
                .reference
                .columns
                .iter()
                .zip(&any.mapper().table().primary_key)
            {
                let value = any.value(parent.1, at);
                let value = value.value().map_or(Value::Null, ValueRef::to_owned);
                match known.iter().find(|(other, ..)| *other == column) {
                    Some((_, other, _)) if other.as_ref().same(value.as_ref()) => {}
                    Some((_, _, other)) => {
                        let (child, parents) = (
                            &self.entry(child.0).mapper,
                            [*other, parent.0].map(|store| self.entry(store).mapper.name()),
                        );
                        let message = format!(
                            "it references a {} and a {} by foreign keys that share the column, but their keys differ in it",
                            parents[0], parents[1]
                        );
                        return Err(Error::new(ErrorKind::InvalidState, message)
                            .entity(child.name())
                            .column(&child.table().columns[column].name));
                    }
                    None => known.push((column, value, parent.0)),
                }
            }
        }
        Ok(())
    }

    /// Sets parts of new objects' keys that come from parents with known keys, before matching new objects with deleted rows. Returns the
    /// new objects whose keys are open: a part of them comes from a parent without a known key.
    pub(in crate::session) fn settle_keys_of_new_rows(&mut self) -> Result<FxHashSet<ObjectId>> {
        let in_key = |link: &&Link| {
            let (store, slot) = link.child;
            link.parent != Some(link.child)
                && self.any_store(store).state(slot) == State::Pending
                && self.is_in_key(link.child, &link.reference.columns)
        };
        let links = self.edges.links.iter().filter(in_key);
        let mut open: FxHashMap<ObjectId, usize> = FxHashMap::default();
        let mut by_parent: FxHashMap<ObjectId, Vec<Link>> = FxHashMap::default();
        let mut parents = Vec::new();
        for link in links {
            let Some(parent) = link.parent else {
                continue;
            };
            *open.entry(link.child).or_default() += 1;
            let children = by_parent.entry(parent).or_default();
            children.push(link.clone());
            parents.push(parent);
        }
        // A parent's key may come from its own parent.
        let is_known = |parent: &ObjectId| !open.contains_key(parent) && self.has_key(*parent);
        let mut known: Vec<ObjectId> = parents.into_iter().filter(is_known).collect();
        while let Some(parent) = known.pop() {
            for link in by_parent.remove(&parent).unwrap_or_default() {
                let child = link.child;
                self.copy_key(child, &link.reference.columns, parent)?;
                if let Some(count) = open.get_mut(&child) {
                    *count -= 1;
                    if *count == 0 {
                        open.remove(&child);
                        known.extend(self.has_key(child).then_some(child));
                    }
                }
            }
        }
        Ok(open.into_keys().collect())
    }

    /// Whether an object has a row, or is new and has a key, which is final unless it is open.
    pub(in crate::session) fn has_key(&self, (store, slot): ObjectId) -> bool {
        let any = self.any_store(store);
        match any.state(slot) {
            State::Persistent => !any.is_marked_deleted(slot),
            State::Pending => {
                let mut key = any.mapper().table().primary_key.iter();
                key.all(|&column| !any.is_unset(slot, column))
            }
            _ => false,
        }
    }

    /// Whether an object has a row that is not to be deleted.
    pub(in crate::session) fn has_row(&self, (store, slot): ObjectId) -> bool {
        let any = self.any_store(store);
        any.state(slot) == State::Persistent && !any.is_marked_deleted(slot)
    }

    /// Writes set references into foreign keys; returns those to objects inserted in this flush, which must wait.
    pub(in crate::session) fn settle_links(
        &mut self,
        open: &FxHashSet<ObjectId>,
    ) -> Result<Vec<Wait>> {
        let is_known = |session: &Self, node: ObjectId| {
            session.has_key(node) && (session.has_row(node) || !open.contains(&node))
        };
        let links: Vec<Link> = self.edges.links.iter().cloned().collect();
        let mut waits = Vec::new();
        let mut shared = (u16::MAX, false);
        for link in links {
            let (store, slot) = link.child;
            let alive = matches!(
                self.any_store(store).state(slot),
                State::Pending | State::Persistent
            );
            if !alive || self.any_store(store).is_marked_deleted(slot) {
                continue;
            }
            if shared.0 != store {
                shared = (store, self.has_shared_columns(store));
            }
            if shared.1 {
                self.refuse_contradictions_of(link.child, |parent| is_known(self, parent))?;
            }
            let Some(parent) = link.parent else {
                self.clear_foreign_key(&link)?;
                continue;
            };
            let state = self.any_store(parent.0).state(parent.1);
            match state {
                State::Persistent if !self.any_store(parent.0).is_marked_deleted(parent.1) => {
                    self.copy_key(link.child, &link.reference.columns, parent)?;
                }
                // A new row may reference itself.
                State::Pending if parent == link.child && self.has_key(parent) => {
                    self.copy_key(link.child, &link.reference.columns, parent)?;
                }
                State::Pending => {
                    let wait = self.wait(link.child, link.reference.columns, parent);
                    // A changed key frees its old value for new rows, and a NOT NULL column needs its value before the others.
                    if (self.is_in_key(wait.child, &wait.columns) || self.is_partly_nullable(&wait))
                        && is_known(self, parent)
                    {
                        self.copy_key(wait.child, &wait.columns, parent)?;
                    }
                    waits.push(wait);
                }
                _ => {
                    let (child, parent) = (&self.entry(store).mapper, &self.entry(parent.0).mapper);
                    let column = &child.table().columns[link.reference.columns[0]].name;
                    let gone = if state == State::Persistent {
                        "marked for deletion"
                    } else {
                        "not in the database"
                    };
                    let message = format!("it references a {} that is {gone}", parent.name());
                    return Err(Error::new(ErrorKind::InvalidState, message)
                        .entity(child.name())
                        .column(column));
                }
            }
        }
        Ok(waits)
    }

    /// Marks the references whose rows can be inserted in any order if the database checks the foreign keys at COMMIT, which only the
    /// database knows.
    pub(in crate::session) fn mark_deferrable(
        &self,
        waits: &mut [Wait],
        open: &FxHashSet<ObjectId>,
    ) {
        if self.engine.capabilities().deferrable_constraints {
            for wait in waits {
                wait.is_deferrable = !open.contains(&wait.parent) && self.has_key(wait.parent);
            }
        }
    }

    /// New objects whose primary keys contain keys of parents that are inserted first, such as rows of an association table.
    pub(in crate::session) fn open_keys(&self, waits: &[Wait]) -> FxHashSet<ObjectId> {
        let open = waits
            .iter()
            .filter(|wait| self.is_in_key(wait.child, &wait.columns));
        open.map(|wait| wait.child).collect()
    }

    /// Describes the wait of a row for the new row that its foreign key references.
    pub(in crate::session) fn wait(
        &self,
        child: ObjectId,
        columns: Arc<[usize]>,
        parent: ObjectId,
    ) -> Wait {
        let table = self.entry(child.0).mapper.table();
        let is_in_key = |column: &usize| table.primary_key.contains(column);
        let late = match columns.iter().any(|&column| table.columns[column].nullable) {
            true if !columns.iter().any(is_in_key) => Arc::clone(&columns),
            true => columns
                .iter()
                .copied()
                .filter(|at| !is_in_key(at))
                .collect(),
            false => Arc::default(),
        };
        Wait {
            child,
            parent,
            columns,
            late,
            is_filled: true,
            is_deferrable: false,
        }
    }

    /// Whether some columns of a nullable foreign key are NOT NULL.
    fn is_partly_nullable(&self, wait: &Wait) -> bool {
        let table = self.entry(wait.child.0).mapper.table();
        let mut columns = wait.columns.iter();
        !wait.late.is_empty() && columns.any(|&column| !table.columns[column].nullable)
    }

    /// Writes all columns of a changed foreign key if ON UPDATE may change the others in this flush, because the referenced rows change.
    pub(in crate::session) fn write_whole_references(&self, tables: &mut [TableChanges]) {
        let follows = |key: &ForeignKey| key.columns.len() > 1 && acts(key.on_update);
        let table = |store: u16| self.entry(store).mapper.table();
        if !tables
            .iter()
            .any(|it| table(it.store).foreign_keys.iter().any(follows))
        {
            return;
        }
        let mut followed = Vec::new();
        for parents in &*tables {
            let changes = |key: &Referring| {
                let mut written = parents
                    .updates
                    .iter()
                    .flat_map(|(_, columns)| columns.iter());
                acts(key.on_update) && written.any(|column| key.referred.contains(column))
            };
            let keys = self.foreign_keys_to(parents.store).into_iter();
            followed.extend(keys.filter(changes));
        }
        for key in followed {
            let own_key = &table(key.store).primary_key;
            // A row is found by its own key.
            if key.columns.iter().any(|column| own_key.contains(column)) {
                continue;
            }
            for children in tables.iter_mut().filter(|it| it.store == key.store) {
                for (slot, columns) in &mut children.updates {
                    let is_written = |column: &usize| columns.contains(column);
                    if key.columns.iter().any(is_written)
                        && !key.columns.iter().all(is_written)
                        && !children.computed.contains_key(slot)
                    {
                        let all: BTreeSet<usize> =
                            columns.iter().chain(&key.columns).copied().collect();
                        *columns = all.into_iter().collect::<Vec<_>>().into();
                    }
                }
            }
        }
    }

    /// Whether some of an object's columns belong to its primary key.
    pub(in crate::session) fn is_in_key(&self, (store, _): ObjectId, columns: &[usize]) -> bool {
        let key = &self.entry(store).mapper.table().primary_key;
        columns.iter().any(|column| key.contains(column))
    }

    pub(in crate::session) fn clear_foreign_key(&mut self, link: &Link) -> Result<()> {
        let mapper = &self.entry(link.child.0).mapper;
        if !link.reference.nullable {
            let message =
                "its required parent was removed: set another, delete it, or use `delete-orphan`";
            return Err(Error::new(ErrorKind::NotNullViolation, message)
                .entity(mapper.name())
                .column(&mapper.table().columns[link.reference.columns[0]].name));
        }
        for column in columns_to_clear(mapper.table(), &link.reference.columns) {
            self.assign_changed(link.child, column, &Value::Null)?;
        }
        Ok(())
    }

    /// Rows whose foreign key values reference new rows that would be inserted too late: of their own table, or of one that references
    /// theirs.
    pub(in crate::session) fn waits_by_natural_keys(&self) -> Result<Vec<Wait>> {
        self.waits_by_keys(|parents, children| {
            parents == children || self.refers_back(parents, children)
        })
    }

    /// If rows are deleted, adds the other rows whose foreign key values reference new rows: some deletions, and what they require, come
    /// before these are inserted.
    pub(in crate::session) fn with_waits_by_keys(&self, mut waits: Vec<Wait>) -> Result<Vec<Wait>> {
        if self.has_deletes() {
            waits.extend(self.other_waits_by_keys()?);
        }
        Ok(waits)
    }

    /// Adds the same rows if rows leave unique values that change, unless deletions have added them already: such a row may have to move
    /// to a new one.
    pub(in crate::session) fn with_waits_of_leaving(
        &self,
        mut waits: Vec<Wait>,
        moves: &[ValueMove],
    ) -> Result<Vec<Wait>> {
        if !moves.is_empty() && !self.has_deletes() {
            waits.extend(self.other_waits_by_keys()?);
        }
        Ok(waits)
    }

    fn has_deletes(&self) -> bool {
        let mut stores = self.stores.iter();
        stores.any(|entry| !entry.store.marked().is_empty())
    }

    /// The rows whose foreign key values reference new rows that are inserted in time, unless an early step comes before.
    fn other_waits_by_keys(&self) -> Result<Vec<Wait>> {
        self.waits_by_keys(|parents, children| {
            parents != children && !self.refers_back(parents, children)
        })
    }

    /// Rows whose foreign key values reference new rows, among the tables with these stores of parents and children.
    pub(in crate::session) fn waits_by_keys(
        &self,
        is_due: impl Fn(u16, u16) -> bool,
    ) -> Result<Vec<Wait>> {
        let mut waits = Vec::new();
        for (parents, parent) in (0u16..).zip(&self.stores) {
            if parent.store.pending().is_empty() {
                continue;
            }
            for (children, child) in (0u16..).zip(&self.stores) {
                let (table, referred) = (child.mapper.table(), parent.mapper.table());
                let keys = table.foreign_keys.iter();
                let mut keys = keys.filter(|key| key.table == referred.name).peekable();
                if keys.peek().is_none() || !is_due(parents, children) {
                    continue;
                }
                for key in keys {
                    match references_to_primary_key(key, table, referred) {
                        Some(columns) => {
                            waits.extend(self.waits_by_key(parents, children, columns.into())?);
                        }
                        None => waits.extend(self.waits_by_values(parents, children, key)),
                    }
                }
            }
        }
        Ok(waits)
    }

    /// Rows of one table whose foreign key values reference new rows of another.
    fn waits_by_key(
        &self,
        parents: u16,
        children: u16,
        columns: Arc<[usize]>,
    ) -> Result<Vec<Wait>> {
        let store = self.any_store(children);
        let mut written = || self.rows_to_write(children, &columns);
        let parent = self.any_store(parents);
        let found = parent.pending_referred_to(store, &mut written, &columns)?;
        let mut waits = Vec::new();
        for (slot, parent) in found {
            let (child, parent) = ((children, slot), (parents, parent));
            if self.edges.links.get(child, &columns).is_none()
                && self.may_reference(child, &columns, parent)
            {
                let wait = self.wait(child, Arc::clone(&columns), parent);
                // The row has these values already.
                waits.push(Wait {
                    is_filled: false,
                    ..wait
                });
            }
        }
        Ok(waits)
    }

    /// Whether a foreign key with the values of a new row's key may be a reference to it: if both get a column from another row, it must
    /// be the same row.
    fn may_reference(&self, child: ObjectId, columns: &[usize], parent: ObjectId) -> bool {
        let source = |node: ObjectId, column: usize| {
            let mut links = self.edges.links.of(node);
            links.find(|link| link.reference.columns.contains(&column))
        };
        let key = &self.entry(parent.0).mapper.table().primary_key;
        let mut pairs = columns.iter().zip(key);
        child != parent
            && pairs.all(
                |(&own, &at)| match (source(child, own), source(parent, at)) {
                    (Some(own), Some(other)) => own.parent == other.parent,
                    _ => true,
                },
            )
    }

    /// Whether a table references another, directly or indirectly.
    fn refers_back(&self, from: u16, to: u16) -> bool {
        let mut seen = vec![from];
        let mut next = 0;
        while let Some(&store) = seen.get(next) {
            next += 1;
            for References { parent, .. } in self.references(store) {
                if parent == to {
                    return true;
                }
                if !seen.contains(&parent) {
                    seen.push(parent);
                }
            }
        }
        false
    }

    pub(in crate::session) fn copy_key(
        &mut self,
        child: ObjectId,
        columns: &[usize],
        parent: ObjectId,
    ) -> Result<()> {
        let key: Vec<Value> = {
            let store = self.any_store(parent.0);
            let primary = &store.mapper().table().primary_key;
            let values = primary.iter().map(|&column| {
                store
                    .value(parent.1, column)
                    .value()
                    .map_or(Value::Null, ValueRef::to_owned)
            });
            values.collect()
        };
        self.remember_key(child, columns);
        for (&column, value) in columns.iter().zip(&key) {
            self.assign_changed(child, column, value)?;
        }
        Ok(())
    }

    /// Sets a column if it differs, so that equal values do not take a snapshot.
    pub(in crate::session) fn assign_changed(
        &mut self,
        (store, slot): ObjectId,
        column: usize,
        value: &Value,
    ) -> Result<()> {
        let store = self.any_store_mut(store);
        let same = store
            .value(slot, column)
            .value()
            .is_some_and(|old| old.same(value.as_ref()));
        if same {
            Ok(())
        } else {
            store.assign(slot, column, value.as_ref())
        }
    }
}

/// The columns to set to NULL to clear a foreign key: the nullable ones that no other foreign key uses.
pub(in crate::session) fn columns_to_clear(table: &Table, columns: &[usize]) -> Vec<usize> {
    let nullable = columns.iter().copied();
    let nullable: Vec<usize> = nullable.filter(|&at| table.columns[at].nullable).collect();
    let is_of_another = |&&column: &&usize| {
        let name = &table.columns[column].name;
        let mut others = table.foreign_keys.iter().filter(|key| {
            let mut own = columns.iter().map(|&at| &table.columns[at].name);
            !(key.columns.len() == columns.len() && own.all(|name| key.columns.contains(name)))
        });
        others.any(|key| key.columns.contains(name))
    };
    let own = nullable.iter().filter(|column| !is_of_another(column));
    let own: Vec<usize> = own.copied().collect();
    if own.is_empty() { nullable } else { own }
}
