//! Records in a session: added, found by key, related by name. All else they share with entities.

use std::sync::Arc;

use super::{Handle, Node, Session, new_store, typed_mut};
use crate::entity::{Key, Mapper, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Record, RecordKey, Records, fit_key};
use crate::value::{Value, ValueRef};

impl Session {
    /// Adds a record. The next flush inserts it.
    pub fn add_record(&mut self, record: Record) -> Handle<Record> {
        let store = self.store_of_records(record.mapper());
        let slot = typed_mut::<Record>(&mut self.stores[usize::from(store)]).add(record);
        self.handle((store, slot))
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
        let borrowed: Vec<ValueRef<'_>> = values.iter().map(Value::as_ref).collect();
        let key = RecordKey::from_values(&borrowed)?;
        let known = typed_mut::<Record>(&mut self.stores[usize::from(store)]).find_key(&key);
        if let Some(slot) =
            known.filter(|&slot| !self.any_store(store).is_expired(slot, self.epoch))
        {
            return Ok(Some(self.handle((store, slot))));
        }
        let slots = self.load_by_key(store, &values)?;
        Ok(slots.first().map(|&slot| self.handle((store, slot))))
    }

    /// What a relation of a record leads to, by its name: without a statement if it is known, else by one SELECT.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if there is no such relation; what an autoflush or the SELECT gives; [`ErrorKind::StaleHandle`].
    pub fn related(
        &mut self,
        owner: Handle<Record>,
        relation: &str,
    ) -> Result<Vec<Handle<Record>>> {
        let owner = self.node(owner)?;
        let relation = self.relation_named(owner, relation)?;
        let (target, slots) = self.load_relation(owner, relation)?;
        Ok(slots
            .into_iter()
            .map(|slot| self.handle((target, slot)))
            .collect())
    }

    /// Relates two records by the name of a relation of the first: sets it if it leads to one, adds to it if it leads to many. Both
    /// sides change at once, in memory; the next flush writes the foreign key.
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
        let (owner, target) = (self.node(owner)?, self.node(target)?);
        let index = self.relation_named(owner, relation)?;
        if self.target_store(owner.0, index) != target.0 {
            let name = self.entry(target.0).mapper.name();
            let message = format!("its relation {relation} does not lead to {name}");
            return Err(
                Error::new(ErrorKind::Mapping, message).entity(self.entry(owner.0).mapper.name())
            );
        }
        let resolved = self.relation(owner.0, index)?;
        if resolved.kind == RelationKind::HasOne {
            self.load_relation(owner, index)?;
        }
        self.connect(owner, index, target)
    }

    pub(crate) fn store_of_records(&mut self, mapper: &Arc<Mapper>) -> u16 {
        self.store_for(mapper, &|| new_store::<Record>(Arc::clone(mapper)))
    }

    fn relation_named(&self, owner: Node, name: &str) -> Result<u16> {
        let mapper = &self.entry(owner.0).mapper;
        let found = mapper
            .relations()
            .iter()
            .position(|relation| relation.name() == name);
        let index = found.and_then(|index| u16::try_from(index).ok());
        index.ok_or_else(|| {
            let message = format!("there is no relation {name}");
            Error::new(ErrorKind::Mapping, message).entity(mapper.name())
        })
    }
}
