//! Bulk statements, and their effects on objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::entity::{Mapped, Mapper, PendingRelations};
use crate::error::{Error, ErrorKind, Result};
use crate::render::{Rendered, render_delete, render_select, render_update};
use crate::session::life::transaction::Intent;
use crate::session::memory::referring_rows::ReferringRows;
use crate::session::memory::store::Store;
use crate::session::read::lookup::values;
use crate::session::write::persist;
use crate::session::{AnyStore, Session, State, StoreEntry};
use crate::sql::{ColumnRef, DeleteNode, Node, Operator, SelectNode, Source, UpdateNode, column};
use crate::value::{Value, ValueType};

impl Session {
    /// Inserts rows without creating objects, with as few statements as the database allows, and returns their number. Flushes first. Rows
    /// that set the same columns are sent together, so the order of insertion is undefined; generated values are not read back.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidState`] if a relationship field of a row is not empty; [`ErrorKind::Mapping`] if records belong to several
    /// tables; errors of the flush or a statement. If a statement fails, the session waits for [`rollback`](Self::rollback).
    pub fn insert_all<E: Mapped>(&mut self, rows: impl IntoIterator<Item = E>) -> Result<u64> {
        const { crate::entity::refuse_read_only::<E>() };
        let mut rows = rows.into_iter().peekable();
        let Some(first) = rows.peek() else {
            return self.flush().map(|()| 0);
        };
        let mapper = &Arc::clone(first.mapping());
        let mut store = Store::<E>::new(Arc::clone(mapper));
        for mut row in rows {
            let found = row.mapping();
            if found.id() != mapper.id() {
                let message = format!("it is not a record of {}", mapper.name());
                let error = Error::new(ErrorKind::Mapping, message);
                return Err(error.entity(found.name()));
            }
            refuse_pending_relations(mapper, &mut row)?;
            store.add(row);
        }
        self.insert_rows(mapper, Box::new(store))
    }

    pub(in crate::session) fn insert_rows(
        &mut self,
        mapper: &Arc<Mapper>,
        rows: Box<dyn AnyStore>,
    ) -> Result<u64> {
        mapper.refuse_writes()?;
        self.flush_first()?;
        let count = u64::from(rows.len());
        if count == 0 {
            return Ok(0);
        }
        // A temporary store holds the rows during the statements.
        let store = self.stores.len();
        self.stores.push(StoreEntry {
            store: rows,
            mapper: Arc::clone(mapper),
            by_key: None,
            referring_rows: ReferringRows::default(),
            refused: None,
        });
        let outcome = self.outcome(self.phase, |session| {
            let result = match u16::try_from(store) {
                Ok(store) => session.send_rows(store),
                Err(_) => Err(Error::new(
                    ErrorKind::Mapping,
                    "a session maps fewer than 65,536 tables",
                )),
            };
            result.map_err(|error| error.entity(mapper.name()))
        });
        self.stores.truncate(store);
        self.fail_unless_done(outcome)?;
        self.edges.expire_loaded(&mut self.log);
        Ok(count)
    }

    fn send_rows(&mut self, store: u16) -> Result<()> {
        self.set_versions()?;
        let any = self.any_store(store);
        let mut shapes: BTreeMap<Vec<usize>, Vec<u32>> = BTreeMap::new();
        for &slot in any.pending() {
            let mut columns = Vec::new();
            any.given(slot, &mut columns);
            shapes.entry(columns).or_default().push(slot);
        }
        for (columns, slots) in &shapes {
            self.check_given(store, columns)?;
            self.check_fit(store, columns, slots)?;
        }
        self.ready(Intent::Write)?;
        for (columns, slots) in &shapes {
            persist::insert_plain(self, store, columns, slots)
                .map_err(|error| self.hint_of_new_rows(error, store, columns, slots))?;
        }
        Ok(())
    }

    /// Flushes before a bulk statement, whose table's store must outlive the flush.
    fn flush_of_bulk(&mut self) -> Result<()> {
        let session = self.id;
        self.flush_first()?;
        if self.id != session {
            let message = "a hook cleared the session in the flush before a bulk statement, which was not sent";
            return Err(Error::new(ErrorKind::InvalidState, message));
        }
        Ok(())
    }

    /// Runs an UPDATE of a table and expires its objects.
    pub(crate) fn bulk_update(
        &mut self,
        store: u16,
        mut set: Vec<(ColumnRef, Node)>,
        filter: Option<Node>,
    ) -> Result<u64> {
        self.refuse_second_mapping(store)?;
        let mapper = Arc::clone(&self.entry(store).mapper);
        mapper.refuse_writes()?;
        refuse_keys(&mapper, &set)?;
        increment_version(&mapper, &mut set);
        let columns: Vec<usize> = set.iter().map(|(column, _)| column.index).collect();
        let node = UpdateNode::new(mapper.table(), set, filter);
        let rendered = render_update(self.engine.dialect(), &node)?;
        self.flush_of_bulk()?;
        let matched = self
            .bulk(&mapper, &rendered)
            .map_err(|error| self.hint_of_update(error, store, &columns, &[]))?;
        if self.acts_on_update(store, &columns) {
            self.expire_after_own_write();
            return Ok(matched);
        }
        let (any, log) = self.logged_store(store);
        any.states_mut().all_overwritten(log);
        log.wrote_unknown();
        self.edges.expire_loaded(&mut self.log);
        Ok(matched)
    }

    /// Runs a DELETE of a table; objects of deleted rows become deleted, the others are expired.
    pub(crate) fn bulk_delete(&mut self, store: u16, filter: Option<Node>) -> Result<u64> {
        self.refuse_second_mapping(store)?;
        let mapper = Arc::clone(&self.entry(store).mapper);
        mapper.refuse_writes()?;
        self.flush_of_bulk()?;
        let (matched, gone) = self
            .delete_rows(store, &mapper, DeleteNode::new(mapper.table(), filter))
            .map_err(|error| self.hint_of_deletion(error, store))?;
        let (any, log) = self.logged_store(store);
        for slot in gone {
            any.deleted(slot, log);
        }
        self.expire_after_own_write();
        Ok(matched)
    }

    /// Returns how many rows were deleted, and those of them that are objects in the session.
    fn delete_rows(
        &mut self,
        store: u16,
        mapper: &Mapper,
        mut node: DeleteNode,
    ) -> Result<(u64, Vec<u32>)> {
        let known = self.any_store(store).states().has_persistent();
        Ok(if !known {
            let rendered = render_delete(self.engine.dialect(), &node)?;
            (self.bulk(mapper, &rendered)?, Vec::new())
        } else if self.engine.capabilities().returning {
            (node.returning, node.types) = key_columns(mapper);
            let rendered = render_delete(self.engine.dialect(), &node)?;
            self.bulk_keys(store, &rendered)?
        } else {
            let (columns, types) = key_columns(mapper);
            let chosen = SelectNode {
                columns,
                types,
                from: Some(Source::from(mapper.table())),
                filter: node.filter.clone(),
                ..SelectNode::default()
            };
            let chosen = render_select(self.engine.dialect(), &chosen)?;
            let (_, gone) = self.bulk_keys(store, &chosen)?;
            let rendered = render_delete(self.engine.dialect(), &node)?;
            (self.bulk(mapper, &rendered)?, gone)
        })
    }

    fn bulk(&mut self, mapper: &Mapper, rendered: &Rendered) -> Result<u64> {
        let sql = self.engine.intern(&rendered.sql);
        let connection = self.ready(Intent::Write)?;
        let result = rendered.with_params(|params| connection.execute(&sql, params));
        let result = result.map_err(|error| error.entity(mapper.name()));
        if let Err(error) = &result {
            self.fail(error);
        }
        result.map(|outcome| outcome.matched)
    }

    /// Runs a statement that returns primary keys; returns their number, and the objects in the session that have them.
    fn bulk_keys(&mut self, store: u16, rendered: &Rendered) -> Result<(u64, Vec<u32>)> {
        let mapper = Arc::clone(&self.entry(store).mapper);
        let sql = self.engine.intern(&rendered.sql);
        let mut keys: Vec<Value> = Vec::new();
        let connection = self.ready(Intent::Write)?;
        let result = rendered.with_params(|params| {
            connection.query(&sql, params, &mut |row| {
                for (at, &ty) in sql.columns().iter().enumerate() {
                    keys.push(row.value(at, ty)?.to_owned());
                }
                Ok(())
            })
        });
        if let Err(error) = result {
            let error = error.entity(mapper.name());
            self.fail(&error);
            return Err(error);
        }
        let any = self.any_store(store);
        let mut slots = Vec::new();
        let width = mapper.table().primary_key.len();
        for key in keys.chunks(width) {
            let found = any.find(&values(key))?;
            slots.extend(found.filter(|&slot| any.state(slot) == State::Persistent));
        }
        Ok(((keys.len() / width) as u64, slots))
    }
}

/// Refuses relationship fields in rows that are inserted without objects.
pub(in crate::session) fn refuse_pending_relations<E: Mapped>(
    mapper: &Mapper,
    row: &mut E,
) -> Result<()> {
    if PendingRelations::of(row).into_attachments().is_empty() {
        return Ok(());
    }
    let message =
        "a row inserted without an object cannot have related objects: add it as an object";
    Err(Error::new(ErrorKind::InvalidState, message).entity(mapper.name()))
}

fn refuse_keys(mapper: &Mapper, set: &[(ColumnRef, Node)]) -> Result<()> {
    let key = &mapper.table().primary_key;
    let Some((column, _)) = set.iter().find(|(column, _)| key.contains(&column.index)) else {
        return Ok(());
    };
    let message = "a bulk UPDATE cannot set a column of the primary key, because the session identifies objects by it";
    Err(Error::new(ErrorKind::InvalidStatement, message)
        .entity(mapper.name())
        .column(&mapper.table().columns[column.index].name))
}

/// Increments the version, so that sessions with an older version notice the change.
fn increment_version(mapper: &Mapper, set: &mut Vec<(ColumnRef, Node)>) {
    let Some(version) = mapper.version_column() else {
        return;
    };
    if set.is_empty() || set.iter().any(|(column, _)| column.index == version) {
        return;
    }
    let one = match mapper.types()[version] {
        ValueType::I16 => Value::I16(1),
        ValueType::I32 => Value::I32(1),
        _ => Value::I64(1),
    };
    let one = Node::Param(one, mapper.types()[version]);
    let next = column(mapper.table(), version, None).binary(Operator::Add, one);
    set.push((ColumnRef::new(mapper.table(), version), next));
}

fn key_columns(mapper: &Mapper) -> (Vec<Node>, Vec<ValueType>) {
    let key = mapper.table().primary_key.iter();
    key.map(|&at| (column(mapper.table(), at, None), mapper.types()[at]))
        .unzip()
}
