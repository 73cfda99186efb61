//! Records in a session: added, found by key, related by name. All else they share with entities.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::entity::{Mapper, RelationKind, Wish, Wishes};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{self, Record, RecordKey, Records, fit_key};
use crate::session::write::bulk::refuse_wishes;
use crate::session::{Handle, Node, Session, Store, Taking, new_store, typed_mut};
use crate::value::{Value, ValueRef};

impl Session {
    /// Adds a record, and along with it what it shall be related to ([`Record::relate`]). The next flush inserts them.
    pub fn add_record(&mut self, mut record: Record) -> Handle<Record> {
        let grants = Wishes::of(&mut record).into_grants();
        let store = self.store_of_records(record.mapper());
        let slot = typed_mut::<Record>(&mut self.stores[usize::from(store)]).add(record);
        if !grants.is_empty() {
            self.grant_all((store, slot), grants);
        }
        self.handle((store, slot))
    }

    /// Copies what was set in a record onto the record of its key: the one in the session, else the one of the row, which is read by
    /// one SELECT. One without a key, or whose key has no row, is added. As [`merge`](Self::merge): columns that are equal or were not
    /// set stay untouched, and what it shall be related to ([`Record::relate`]) is merged too along the cascade `merge`, which relations
    /// have unless they are declared without it.
    ///
    /// ```
    /// # use selfsame::prelude::*;
    /// # use selfsame::record::{Record, Records};
    /// # fn birthday(users: &Records, session: &mut Session) -> selfsame::Result<Handle<Record>> {
    /// let mut ann = users.record();
    /// ann.set("id", 1)?;
    /// ann.set("age", 37)?;
    /// session.merge_record(ann) // her name stays
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`merge`](Self::merge).
    pub fn merge_record(&mut self, record: Record) -> Result<Handle<Record>> {
        let node = self.merge_with(|session| session.merge_record_into(record))?;
        Ok(self.handle(node))
    }

    /// Inserts plain records, without objects, in as few statements as the database takes; how many. As
    /// [`insert_all`](Self::insert_all).
    ///
    /// # Errors
    ///
    /// As there; [`ErrorKind::Mapping`] if one of them is of another table, [`ErrorKind::InvalidState`] if it shall be related to
    /// something.
    pub fn insert_all_records(
        &mut self,
        records: &Records,
        rows: impl IntoIterator<Item = Record>,
    ) -> Result<u64> {
        let mapper = records.mapper();
        let mut store = Store::<Record>::new(Arc::clone(mapper));
        for mut row in rows {
            if row.mapper().id() != mapper.id() {
                let message = format!("it is not a record of {}", mapper.name());
                let error = Error::new(ErrorKind::Mapping, message);
                return Err(error.entity(row.mapper().name()));
            }
            refuse_wishes(mapper, &mut row)?;
            store.add(row);
        }
        self.insert_rows(mapper, Box::new(store))
    }

    /// The record with this key: without a statement if it is mapped and not expired, else by one SELECT. `None` if there is no such
    /// row.
    ///
    /// # Errors
    ///
    /// What an autoflush or the SELECT gives; [`ErrorKind::Conversion`] if the key is of another type or width.
    pub fn get_record(
        &mut self,
        records: &Records,
        key: impl Into<RecordKey>,
    ) -> Result<Option<Handle<Record>>> {
        let store = self.store_of_records(records.mapper());
        let values = fit_key(records.mapper(), key.into())?;
        if let Some(slot) = self.current(store, &values)? {
            return Ok(Some(self.handle((store, slot))));
        }
        let slots = self.load_by_key(store, &values)?;
        self.load_default_relations(store, &slots)?;
        Ok(slots.first().map(|&slot| self.handle((store, slot))))
    }

    /// The records with these keys, in the order of the keys; keys without a row are left out. Keys that are not mapped are read in as
    /// few statements as the backend allows.
    ///
    /// # Errors
    ///
    /// As [`get_record`](Self::get_record).
    pub fn get_many_records(
        &mut self,
        records: &Records,
        keys: impl IntoIterator<Item = impl Into<RecordKey>>,
    ) -> Result<Vec<Handle<Record>>> {
        let store = self.store_of_records(records.mapper());
        let keys = keys.into_iter();
        let keys: Result<Vec<Vec<Value>>> = keys
            .map(|key| fit_key(records.mapper(), key.into()))
            .collect();
        let keys = keys?;
        let mut missing = Vec::new();
        for key in &keys {
            if self.current(store, key)?.is_none() {
                missing.extend(key.iter().cloned());
            }
        }
        let mut read = BTreeSet::new();
        if !missing.is_empty() {
            let slots = self.load_by_key(store, &missing)?;
            self.load_default_relations(store, &slots)?;
            read.extend(slots);
        }
        let any = self.any_store(store);
        let mut found = Vec::with_capacity(keys.len());
        for key in &keys {
            let key: Vec<ValueRef<'_>> = key.iter().map(Value::as_ref).collect();
            // A mapped row that was not read again is gone.
            let slot = any
                .find(&key)?
                .filter(|slot| read.contains(slot) || !any.is_expired(*slot, self.epoch));
            found.extend(slot.map(|slot| self.handle((store, slot))));
        }
        Ok(found)
    }

    /// What a relation of a record leads to, by its name: without a statement if it is known, else by one SELECT.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if there is no such relation; what an autoflush or the SELECT gives; [`ErrorKind::NotLoaded`] if the
    /// relation is declared to raise; [`ErrorKind::StaleHandle`].
    pub fn related(
        &mut self,
        owner: Handle<Record>,
        relation: &str,
    ) -> Result<Vec<Handle<Record>>> {
        let owner = self.node(owner)?;
        let relation = self.relation_named(owner, relation)?;
        let (target, slots) = self.load_relation(owner, relation)?;
        Ok(self.records_at(target, &slots))
    }

    /// The members of a record's collection if they are loaded; never a statement.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if there is no such relation, or the foreign key is here, so that nothing is loaded;
    /// [`ErrorKind::StaleHandle`].
    pub fn related_loaded(
        &mut self,
        owner: Handle<Record>,
        relation: &str,
    ) -> Result<Option<Vec<Handle<Record>>>> {
        let owner = self.node(owner)?;
        let index = self.relation_named(owner, relation)?;
        if self.relation(owner.0, index)?.kind == RelationKind::BelongsTo {
            let message = format!("the relation {relation} is no collection");
            let name = self.entry(owner.0).mapper.name();
            return Err(Error::new(ErrorKind::Mapping, message).entity(name));
        }
        let target = self.target_store(owner.0, index);
        let slots = self.edges.loaded(owner, index);
        Ok(slots.map(|slots| self.records_at(target, &slots.to_vec())))
    }

    /// The members of a record's collection that a query found with [`RecordLoad::filtered`](crate::query::RecordLoad::filtered), as
    /// [`filtered`](Self::filtered) gives those of an entity's; `None` if none was asked for them. Never a statement.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if there is no such relation; [`ErrorKind::StaleHandle`].
    pub fn filtered_related(
        &mut self,
        owner: Handle<Record>,
        relation: &str,
    ) -> Result<Option<Vec<Handle<Record>>>> {
        let owner = self.node(owner)?;
        let index = self.relation_named(owner, relation)?;
        let target = self.target_store(owner.0, index);
        Ok(self.view(owner, index, target))
    }

    /// Relates two records by the name of a relation of the first: sets it if it leads to one, adds to it if it leads to many. Both
    /// sides change at once, in memory; the next flush writes the foreign key, or the row of the association table.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if there is no such relation, or it leads to another table; [`ErrorKind::StaleHandle`],
    /// [`ErrorKind::ForeignHandle`].
    pub fn relate(
        &mut self,
        owner: Handle<Record>,
        relation: &str,
        target: Handle<Record>,
    ) -> Result<()> {
        let (owner, index, target) = self.ends(owner, relation, target)?;
        let resolved = self.relation(owner.0, index)?;
        if resolved.kind == RelationKind::HasOne {
            self.load_relation(owner, index)?;
        }
        self.connect(owner, index, target)
    }

    /// Takes apart what [`relate`](Self::relate) puts together: a relation to one leads to nothing, one to many to one less. Both
    /// sides change at once, in memory. Of a many-to-many relation that is loaded on neither side nobody knows what is in it: if this
    /// one is not, the next flush gives [`ErrorKind::StaleData`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidState`] if they are known not to be related; else as [`relate`](Self::relate).
    pub fn unrelate(
        &mut self,
        owner: Handle<Record>,
        relation: &str,
        target: Handle<Record>,
    ) -> Result<()> {
        let (owner, index, target) = self.ends(owner, relation, target)?;
        let resolved = self.relation(owner.0, index)?;
        if let Some(through) = &resolved.through {
            return self.take_apart(owner, index, &resolved, through, target);
        }
        let reference = self.reference(owner.0, index, &resolved);
        let (child, parent) = match resolved.kind {
            RelationKind::BelongsTo => (owner, target),
            _ => (target, owner),
        };
        if self.parent(child, &reference)? != Some(parent) {
            let name = self.entry(owner.0).mapper.name();
            let message = format!("the record to take out is not in {name}.{relation} of this one");
            return Err(Error::new(ErrorKind::InvalidState, message).entity(name));
        }
        self.set_parent(child, &reference, None)
    }

    /// Makes a relation lead to just these records: those that are not among them are taken out, the others related. What is not
    /// loaded is loaded first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidState`] for several records where the relation leads to one; else as [`related`](Self::related) and
    /// [`relate`](Self::relate).
    pub fn replace_related(
        &mut self,
        owner: Handle<Record>,
        relation: &str,
        targets: impl IntoIterator<Item = Handle<Record>>,
    ) -> Result<()> {
        let targets: Vec<Handle<Record>> = targets.into_iter().collect();
        for &target in &targets {
            self.ends(owner, relation, target)?;
        }
        let node = self.node(owner)?;
        let index = self.relation_named(node, relation)?;
        let leads_to_one = matches!(
            self.relation(node.0, index)?.kind,
            RelationKind::BelongsTo | RelationKind::HasOne
        );
        if leads_to_one && targets.len() > 1 {
            let message = format!("the relation {relation} leads to one record, not to several");
            let name = self.entry(node.0).mapper.name();
            return Err(Error::new(ErrorKind::InvalidState, message).entity(name));
        }
        let before = self.related(owner, relation)?;
        for &gone in before.iter().filter(|member| !targets.contains(member)) {
            self.unrelate(owner, relation, gone)?;
        }
        for &target in targets.iter().filter(|target| !before.contains(target)) {
            self.relate(owner, relation, target)?;
        }
        Ok(())
    }

    pub(crate) fn store_of_records(&mut self, mapper: &Arc<Mapper>) -> u16 {
        self.store_for(mapper, &|| new_store::<Record>(Arc::clone(mapper)))
    }

    /// Puts what a record of `owner` shall be related to into the session, or finds it there.
    pub(crate) fn grant_record(
        &mut self,
        owner: &Arc<Mapper>,
        relation: u16,
        wish: Wish<Record>,
        taking: Taking,
    ) -> Result<Node> {
        let node = match (wish, taking) {
            (Wish::New(record), Taking::Add) => {
                let handle = self.add_record(record);
                (handle.store, handle.slot)
            }
            (Wish::New(record), Taking::Merge) => self.merge_record_into(record)?,
            (Wish::Handle(handle), _) => self.node(handle)?,
        };
        let descriptor = &owner.relations()[usize::from(relation)];
        let found = &self.entry(node.0).mapper;
        match found.id() == descriptor.target().id() {
            true => Ok(node),
            false => Err(record::leads_elsewhere(
                owner,
                descriptor.name(),
                found.name(),
            )),
        }
    }

    fn merge_record_into(&mut self, record: Record) -> Result<Node> {
        let store = self.store_of_records(record.mapper());
        self.merge_into(store, record, record::is_given)
    }

    /// The mapped object of a key, unless it has to be read again.
    fn current(&self, store: u16, key: &[Value]) -> Result<Option<u32>> {
        let key: Vec<ValueRef<'_>> = key.iter().map(Value::as_ref).collect();
        let any = self.any_store(store);
        let found = any.find(&key)?;
        Ok(found.filter(|&slot| !any.is_expired(slot, self.epoch)))
    }

    fn records_at(&self, store: u16, slots: &[u32]) -> Vec<Handle<Record>> {
        let slots = slots.iter();
        slots.map(|&slot| self.handle((store, slot))).collect()
    }

    /// The ends of a relation, of the tables that it relates.
    fn ends(
        &mut self,
        owner: Handle<Record>,
        relation: &str,
        target: Handle<Record>,
    ) -> Result<(Node, u16, Node)> {
        let (owner, target) = (self.node(owner)?, self.node(target)?);
        let index = self.relation_named(owner, relation)?;
        if self.target_store(owner.0, index) == target.0 {
            return Ok((owner, index, target));
        }
        let (owner, target) = (&self.entry(owner.0).mapper, &self.entry(target.0).mapper);
        Err(record::leads_elsewhere(owner, relation, target.name()))
    }

    fn relation_named(&self, owner: Node, name: &str) -> Result<u16> {
        record::relation(&self.entry(owner.0).mapper, name)
    }
}
