//! Executing a plan: each step becomes one or a few statements, and generated values are assigned to objects.

mod association;
mod compute;
mod insert;
mod pairing;
mod send;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::backend::{Sql, StatementKind};
use crate::dialect::Batch;
use crate::engine::WriteOperation;
use crate::error::{Error, ErrorKind, Result};
use crate::record::RecordKey;
use crate::session::memory::fit::trace;
use crate::session::read::lookup::{Lookup, owned};
use crate::session::write::expression::Computations;
use crate::session::write::plan::Step;
use crate::session::{Session, State};
use crate::value::{Value, ValueRef};
use compute::Compute;
use insert::Insert;
use send::{Keys, by_bytes, each_row, key_arrays, parts, with_arrays, writing};
pub(in crate::session) use send::{bytes, fitting};

/// Runs one step.
pub(in crate::session) fn run(
    session: &mut Session,
    step: &Step,
    computations: &Computations,
    single: Option<&Single>,
) -> Result<()> {
    if reaches_others(session, step, computations) {
        session.log.wrote_unknown();
    }
    // For a single statement this was done before deciding whether it commits itself.
    if single.is_none() {
        session.note_actions(step, computations);
    }
    execute(session, step, computations, single).map_err(|error| session.hint_of_step(error, step))
}

fn execute(
    session: &mut Session,
    step: &Step,
    computations: &Computations,
    single: Option<&Single>,
) -> Result<()> {
    match step {
        Step::Insert {
            store,
            columns,
            slots,
        } => Insert {
            store: *store,
            columns,
            slots,
            single,
        }
        .run(session),
        Step::Update {
            store,
            columns,
            slots,
        } => update(session, *store, columns, slots),
        Step::Release {
            store,
            columns,
            slots,
        } => release(session, *store, columns, slots),
        Step::Compute {
            store,
            set,
            columns,
            slots,
        } => Compute {
            store: *store,
            set: *set,
            columns,
            slots,
            computations,
        }
        .run(session),
        Step::Delete { store, slots } => delete(session, *store, slots),
        Step::Vacate {
            store,
            column,
            slots,
        } => vacate(session, *store, *column, slots),
        Step::Associate { association, pairs } => {
            association::associate(session, *association, pairs)
        }
        Step::Dissociate { association, pairs } => {
            association::dissociate(session, *association, pairs)
        }
        Step::Sever {
            association,
            side,
            slots,
        } => association::sever(session, *association, *side, slots),
    }
}

/// Whether a step may change rows that are not in the session: those that follow a changed key.
fn reaches_others(session: &Session, step: &Step, computations: &Computations) -> bool {
    let is_key = |store: u16, column: usize| {
        let table = session.entry(store).mapper.table();
        let name = &table.columns[column].name;
        let mut uniques = table.uniques.iter();
        table.primary_key.contains(&column) || uniques.any(|unique| unique.columns.contains(name))
    };
    let is_any_key = |store: u16, columns: &[usize]| columns.iter().any(|&at| is_key(store, at));
    match step {
        Step::Update { store, columns, .. } | Step::Release { store, columns, .. } => {
            is_any_key(*store, columns)
        }
        Step::Compute {
            store,
            set,
            columns,
            ..
        } => {
            let mut computed = computations.computed(*set).columns();
            is_any_key(*store, columns) || computed.any(|column| is_key(*store, column))
        }
        Step::Vacate { store, column, .. } => is_key(*store, *column),
        _ => false,
    }
}

/// Inserts rows without reading anything back.
pub(in crate::session) fn insert_plain(
    session: &mut Session,
    store: u16,
    columns: &[usize],
    slots: &[u32],
) -> Result<()> {
    Insert {
        store,
        columns,
        slots,
        single: None,
    }
    .plain(session)
}

/// A step that is sent as a single statement, and so is atomic by itself.
pub(in crate::session) struct Single {
    /// The columns that identify the returned rows of an INSERT with arrays.
    identity_columns: Vec<usize>,
}

/// Returns `Some` if a step is sent as a single statement.
pub(in crate::session) fn single(
    session: &Session,
    step: &Step,
    computations: &Computations,
) -> Option<Single> {
    if let Step::Insert {
        store,
        columns,
        slots,
    }
    | Step::Update {
        store,
        columns,
        slots,
    } = step
        && !session.rewritten(*store, columns, slots).is_empty()
    {
        return None;
    }
    let is_single = match step {
        Step::Insert {
            store,
            columns,
            slots,
        } => {
            let insert = Insert {
                store: *store,
                columns,
                slots,
                single: None,
            };
            return insert.single(session);
        }
        // A statement for several rows may match only some of them, which a transaction must then undo.
        Step::Update { slots, .. } | Step::Delete { slots, .. } => slots.len() == 1,
        Step::Compute {
            store, set, slots, ..
        } => {
            slots.len() == 1
                && !computations.sets_part_of_whole(*set, &session.entry(*store).mapper)
        }
        Step::Release { .. } | Step::Vacate { .. } => false,
        Step::Associate { pairs, .. } | Step::Dissociate { pairs, .. } => pairs.len() == 1,
        Step::Sever { slots, .. } => association::is_one_delete(session, slots.len()),
    };
    is_single.then(|| Single {
        identity_columns: Vec::new(),
    })
}

/// Returns true if the database also sets mapped columns that the UPDATE does not name.
pub(in crate::session) fn database_sets_more(
    session: &mut Session,
    store: u16,
    columns: &[usize],
) -> Result<bool> {
    if session.any_store(store).states().set_by_updates().is_none() {
        let mapper = Arc::clone(&session.entry(store).mapper);
        let names = session
            .connected()?
            .columns_set_by_updates(mapper.table())?;
        let is_set = |at: &usize| {
            let column = &mapper.table().columns[*at].name;
            // A mapping may write a name in another case than the database.
            names.iter().any(|name| name.eq_ignore_ascii_case(column))
        };
        let set = (0..mapper.types().len()).filter(is_set).collect();
        let states = session.any_store_mut(store).states_mut();
        states.keep_set_by_updates(set);
    }
    let set = session.any_store(store).states().set_by_updates();
    Ok(set.is_some_and(|set| set.iter().any(|column| !columns.contains(column))))
}

fn update(session: &mut Session, store: u16, columns: &[usize], slots: &[u32]) -> Result<()> {
    let sets_more = database_sets_more(session, store, columns)?;
    send_update(session, store, columns, slots)?;
    let (any, log) = session.logged_store(store);
    log.reserve(slots.len());
    for &slot in slots {
        any.updated(slot, log)?;
        if sets_more {
            any.states_mut().overwritten(slot, log);
        }
    }
    Ok(())
}

/// Writes some of the changed columns; the others still differ.
fn release(session: &mut Session, store: u16, columns: &[usize], slots: &[u32]) -> Result<()> {
    let sets_more = database_sets_more(session, store, columns)?;
    send_update(session, store, columns, slots)?;
    let mapper = &session.entry(store).mapper;
    let is_unknown = sets_more || !mapper.computed().is_empty();
    let version = mapper.version_column();
    let written: Vec<usize> = columns.iter().copied().chain(version).collect();
    let (any, log) = session.logged_store(store);
    for &slot in slots {
        any.updated_in_part(slot, &written, log)?;
        if is_unknown {
            any.states_mut().overwritten(slot, log);
        }
    }
    Ok(())
}

/// Sends an UPDATE of some columns of rows, and increments their versions.
fn send_update(session: &mut Session, store: u16, columns: &[usize], slots: &[u32]) -> Result<()> {
    let mapper = Arc::clone(&session.entry(store).mapper);
    let key = mapper.guard();
    let columns = &*session.increment_versions(store, columns, slots)?;
    if slots.len() > 1 && session.engine.dialect().batch() == Batch::Arrays {
        let operation = WriteOperation::UpdateArrays;
        let sql = writing(session, &mapper, operation, columns, key, 0);
        for slots in by_bytes(session, store, slots, columns) {
            let matched = {
                let (any, connection) = parts(session, store)?;
                let arrays = key_arrays(any, slots, columns);
                let sent: Vec<usize> = columns.iter().chain(key).copied().collect();
                let outcome = with_arrays(&arrays, |params| connection.execute(&sql, params));
                outcome
                    .map_err(|error| trace(error, &mapper, &sent))?
                    .matched
            };
            expect_all(session, store, slots, columns, matched, &sql)?;
        }
    } else {
        let sql = writing(session, &mapper, WriteOperation::Update, columns, key, 0);
        one_each(session, store, &sql, slots, columns, "UPDATE")?;
    }
    Ok(())
}

/// Writes NULL to a column of rows that get another value later, which the objects keep.
fn vacate(session: &mut Session, store: u16, column: usize, slots: &[u32]) -> Result<()> {
    let any = session.any_store(store);
    let values: Vec<Value> = slots
        .iter()
        .map(|&slot| {
            let value = any.value(slot, column);
            value.value().map_or(Value::Null, ValueRef::to_owned)
        })
        .collect();
    let any = session.any_store_mut(store);
    for &slot in slots {
        any.assign(slot, column, ValueRef::Null)?;
    }
    release(session, store, &[column], slots)?;
    let any = session.any_store_mut(store);
    slots
        .iter()
        .zip(&values)
        .try_for_each(|(&slot, value)| any.assign(slot, column, value.as_ref()))
}

fn delete(session: &mut Session, store: u16, slots: &[u32]) -> Result<()> {
    // Those of an association table may be deleted already, as pairs.
    let any = session.any_store(store);
    let is_left = |slot: &u32| any.state(*slot) == State::Persistent;
    let slots: Cow<'_, [u32]> = match slots.iter().all(is_left) {
        true => slots.into(),
        false => slots.iter().copied().filter(is_left).collect(),
    };
    let slots = &*slots;
    if slots.is_empty() {
        return Ok(());
    }
    let mapper = Arc::clone(&session.entry(store).mapper);
    let key = mapper.guard();
    let many = match session.engine.dialect().batch() {
        Batch::Arrays => slots.len() > 1,
        // Not every database uses an index for lists of row values.
        Batch::Values { .. } => slots.len() > 1 && key.len() == 1,
        Batch::Rows => false,
    };
    if many {
        for slots in by_bytes(session, store, slots, &[]) {
            let (any, mut keys) = (session.any_store(store), Vec::with_capacity(slots.len()));
            slots
                .iter()
                .for_each(|&slot| any.row_values(slot, key, &mut keys));
            let keys = owned(&keys);
            let (mut matched, mut sent) = (0, None);
            session.each_batch(key.len(), &keys, &mut |session, batch, params| {
                let (operation, count) = batch.delete();
                let sql = writing(session, &mapper, operation, &[], key, count);
                matched += session.connected()?.execute(&sql, params)?.matched;
                sent = Some(sql);
                Ok(())
            })?;
            if let Some(sql) = sent {
                expect_all(session, store, slots, &[], matched, &sql)?;
            }
        }
    } else {
        let sql = writing(session, &mapper, WriteOperation::Delete, &[], key, 1);
        one_each(session, store, &sql, slots, &[], "DELETE")?;
    }
    let (any, log) = session.logged_store(store);
    log.reserve(slots.len());
    slots.iter().for_each(|&slot| any.deleted(slot, log));
    Ok(())
}

/// Runs a statement for each row; a row that is not matched is stale.
fn one_each(
    session: &mut Session,
    store: u16,
    sql: &Arc<Sql>,
    slots: &[u32],
    columns: &[usize],
    what: &str,
) -> Result<()> {
    let mut wrong = None;
    let result = each_row(
        session,
        store,
        sql,
        slots,
        columns,
        Keys::OfTheRow,
        &mut |_, slot, outcome| match outcome.matched {
            1 => Ok(()),
            matched => {
                wrong = Some((slot, matched));
                Err(Error::new(ErrorKind::StaleData, "not one row matched"))
            }
        },
    );
    match wrong {
        Some((slot, matched)) => Err(not_one(session, store, slot, what, matched, sql)),
        None => result,
    }
}

/// The error for a statement that should have matched exactly one row: the row no longer exists, or several have its key.
#[cold]
fn not_one(session: &Session, store: u16, slot: u32, what: &str, matched: u64, sql: &Sql) -> Error {
    let error = match matched {
        0 => session.stale(store, slot, &format!("the {what} matched no row")),
        _ => {
            let outcome = match session.in_transaction() {
                true => "",
                false => "; without a transaction they stay written",
            };
            let message = format!(
                "the {what} of one row matched {matched}: the primary key of the entity is not unique in its table{outcome}"
            );
            let entry = session.entry(store);
            Error::new(ErrorKind::MultipleRows, message)
                .entity(entry.mapper.name())
                .key(entry.store.key_text(slot))
        }
    };
    error.statement(sql.text())
}

/// Checks that a bulk statement, which wrote these columns, matched every row.
fn expect_all(
    session: &mut Session,
    store: u16,
    slots: &[u32],
    columns: &[usize],
    matched: u64,
    sql: &Sql,
) -> Result<()> {
    if matched == slots.len() as u64 {
        return Ok(());
    }
    let kind = sql.kind();
    let what = if kind == StatementKind::Delete {
        "DELETE"
    } else {
        "UPDATE"
    };
    let message = format!("the {what} of {} rows matched {matched}", slots.len());
    let error = match session.first_missing(store, slots, columns, kind)? {
        Some(gone) => {
            let message = format!("{message}; this is one that was not matched");
            session.stale(store, gone, &message)
        }
        // A row no longer exists, or another session set it to the same version; it is unknown which row.
        None => {
            let error = Error::new(ErrorKind::StaleData, message);
            error.entity(session.entry(store).mapper.name())
        }
    };
    Err(error.statement(sql.text()))
}

impl Session {
    /// The first object whose row was not matched: it does not exist, or has another version than the statement set; otherwise the first
    /// whose row differs from the written values.
    fn first_missing(
        &mut self,
        store: u16,
        slots: &[u32],
        columns: &[usize],
        kind: StatementKind,
    ) -> Result<Option<u32>> {
        let mapper = Arc::clone(&self.entry(store).mapper);
        let by = &mapper.table().primary_key;
        let any = self.any_store(store);
        // Updated rows may have new keys, and inserted ones have the keys of their objects.
        let is_update = kind != StatementKind::Delete;
        let mut keys = Vec::new();
        for &slot in slots {
            match is_update {
                true => any.values(slot, by, &mut keys),
                false => any.row_values(slot, by, &mut keys),
            }
        }
        let keys = owned(&keys);
        let version = mapper.version_column();
        let mut found = BTreeMap::new();
        let lookup = Lookup::new(store, by, &keys);
        let at = version.and_then(|column| mapper.eager().iter().position(|&it| it == column));
        self.look_up_rows(&lookup, &mut |_, _, row| {
            let mut key = Vec::new();
            mapper.key_values(row, 0, &mut key)?;
            let key = RecordKey::of(&key);
            let read = |at| row.value(at, mapper.types()[mapper.eager()[at]]);
            let version = at.map(read).transpose()?.map(ValueRef::to_owned);
            let is_written = |at: &usize| columns.contains(&mapper.eager()[*at]);
            let mut written = Vec::new();
            for at in (0..mapper.eager().len()).filter(is_written) {
                written.push((mapper.eager()[at], read(at)?.to_owned()));
            }
            found.extend(key.map(|key| (key, (version, written))));
            Ok(())
        })?;
        let any = self.any_store(store);
        let row = |key: &[Value]| {
            let key: Vec<ValueRef<'_>> = key.iter().map(Value::as_ref).collect();
            RecordKey::of(&key).and_then(|key| found.get(&key))
        };
        let is = |slot: u32, column: usize, value: &Value| {
            let known = any.value(slot, column);
            known.value().is_none_or(|known| known.same(value.as_ref()))
        };
        let is_matched = |(&slot, key): (&u32, &[Value])| match (is_update, row(key)) {
            (true, Some((found, _))) => found
                .as_ref()
                .zip(version)
                .is_none_or(|(found, column)| is(slot, column, found)),
            // A row that exists was not deleted; one that does not exist may have been.
            (false, Some(_)) | (true, None) => false,
            (false, None) => true,
        };
        let is_as_written = |(&slot, key): (&u32, &[Value])| {
            let mut written = row(key).into_iter().flat_map(|(_, written)| written);
            written.all(|(column, value)| is(slot, *column, value))
        };
        let mut rows = slots.iter().zip(keys.chunks(by.len()));
        let unmatched = rows.clone().find(|row| !is_matched(*row));
        let found = unmatched.or_else(|| rows.find(|row| !is_as_written(*row)));
        Ok(found.map(|(&slot, _)| slot))
    }
}
