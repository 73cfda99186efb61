//! Statements that store a value, and RETURNING.

use selfsame::prelude::*;
use selfsame::sql::{case, delete_from, excluded, select, text, update};

use super::{Cell, Cells, Operand};
use crate::case::CaseResult;

pub(super) fn check<V: Operand>(cells: &mut Cells<'_, V>) -> CaseResult {
    inserts(cells)?;
    updates(cells)?;
    if cells.capabilities.transactions {
        sessions(cells)?;
    }
    if cells.capabilities.upsert {
        upserts(cells)?;
    }
    if cells.capabilities.returning {
        returned(cells)?;
    }
    raw(cells)
}

fn inserts<V: Operand>(cells: &mut Cells<'_, V>) -> CaseResult {
    cells.fill()?;
    cells.check_stored("INSERT of several rows")?;
    cells.empty()?;
    let path = "INSERT of one row";
    for row in cells.rows.clone() {
        let inserted = cells.connect()?.write(&cells.insert().values(row));
        check_eq!(cells.done(path, inserted)?, 1, "{path}: the count");
    }
    cells.check_stored(path)?;
    let path = "INSERT … SELECT";
    // The copies have keys above those of the rows.
    let shift = 1_000_i64;
    let copy = cells
        .insert()
        .from_query(select((Cell::ID + shift, cells.column)).from(Cell::table()));
    let copied = cells.connect()?.write(&copy);
    let copied = cells.done(path, copied)?;
    check_eq!(copied, cells.rows.len() as u64, "{path}: the count");
    let copies = select((Cell::ID - shift, cells.column))
        .from(Cell::table())
        .filter(Cell::ID.gt(shift));
    cells.check_query(path, &copies)
}

fn updates<V: Operand>(cells: &mut Cells<'_, V>) -> CaseResult {
    cells.fill()?;
    let column = cells.column;
    clear(cells)?;
    let path = "UPDATE";
    for (id, value) in cells.rows.clone() {
        let set = update(Cell::table())
            .set(column, value)
            .filter(Cell::ID.eq(id));
        let updated = cells.connect()?.write(&set);
        check_eq!(cells.done(path, updated)?, 1, "{path}: the count");
    }
    cells.check_stored(path)?;
    clear(cells)?;
    let path = "UPDATE by CASE";
    // Each branch takes a key and a value, and the condition takes two keys.
    let branches = (cells.room_for(60) - 2) / 2;
    for part in cells.values().chunks(branches.max(1)) {
        let [(first, value), others @ ..] = part else {
            continue;
        };
        let last = first + others.len() as i64;
        let chosen = others.iter().fold(
            case(Cell::ID.eq(*first), value.clone()),
            |case, (id, value)| case.when(Cell::ID.eq(*id), value.clone()),
        );
        let set = update(Cell::table())
            .set(column, chosen.or_null())
            .filter(Cell::ID.between(*first, last));
        let updated = cells.connect()?.write(&set);
        cells.done(path, updated)?;
    }
    cells.check_stored(path)
}

/// Sets all values to NULL.
fn clear<V: Operand>(cells: &mut Cells<'_, V>) -> CaseResult {
    let set = update(Cell::table()).set(cells.column, None::<V>);
    let updated = cells.connect()?.write(&set);
    cells.done("UPDATE to NULL", updated).map(drop)
}

fn sessions<V: Operand>(cells: &mut Cells<'_, V>) -> CaseResult {
    cells.empty()?;
    let field = cells.field;
    let path = "the INSERT of a flush";
    let mut session = cells.world.session();
    let objects = cells.rows.iter().map(|(id, value)| {
        let mut cell = Cell::new(*id);
        *field(&mut cell) = value.clone();
        cell
    });
    let objects: Vec<Cell> = objects.collect();
    session.add_all(objects);
    let committed = session.commit();
    cells.done(path, committed)?;
    cells.check_stored(path)?;
    let path = "a refreshed object";
    let read = Cell::query().all(&mut session);
    let handles = cells.done(path, read)?;
    let found = handles.iter().map(|&handle| {
        let mut cell = session[handle].clone();
        (cell.id, field(&mut cell).take())
    });
    cells.check(path, found.collect())?;
    let path = "the UPDATE of a flush";
    for &handle in &handles {
        *field(&mut session[handle]) = None;
    }
    let flushed = session.flush();
    cells.done(path, flushed)?;
    for &handle in &handles {
        let row = cells.rows.iter().find(|row| row.0 == session[handle].id);
        *field(&mut session[handle]) = row.and_then(|row| row.1.clone());
    }
    let committed = session.commit();
    cells.done(path, committed)?;
    cells.check_stored(path)
}

fn upserts<V: Operand>(cells: &mut Cells<'_, V>) -> CaseResult {
    let column = cells.column;
    cells.empty()?;
    for path in ["the INSERT of an upsert", "the UPDATE of an upsert"] {
        let upsert = cells
            .insert()
            .rows(cells.rows.clone())
            .on_conflict((Cell::ID,))
            .do_update(|row| row.set(column, excluded(column)));
        let written = cells.connect()?.write(&upsert);
        cells.done(path, written)?;
        cells.check_stored(path)?;
        clear(cells)?;
    }
    let path = "the value that an upsert sets";
    for (id, value) in cells.rows.clone() {
        let upsert = cells
            .insert()
            .values((id, None::<V>))
            .on_conflict((Cell::ID,))
            .do_update(|row| row.set(column, value));
        let written = cells.connect()?.write(&upsert);
        cells.done(path, written)?;
    }
    cells.check_stored(path)
}

fn returned<V: Operand>(cells: &mut Cells<'_, V>) -> CaseResult {
    let column = cells.column;
    cells.empty()?;
    let path = "INSERT … RETURNING";
    let mut all = Vec::new();
    for part in cells.rows.chunks(cells.room_for(100) / 2) {
        let insert = cells.insert().rows(part.to_vec());
        let found = cells
            .connect()?
            .write_returning(&insert.returning((Cell::ID, column)));
        all.extend(cells.done(path, found)?);
    }
    cells.check(path, all)?;
    if cells.capabilities.update_returning {
        let path = "UPDATE … RETURNING";
        let touch = update(Cell::table()).set(column, column);
        let found = cells
            .connect()?
            .write_returning(&touch.returning((Cell::ID, column)));
        let found = cells.done(path, found)?;
        cells.check(path, found)?;
    }
    let path = "DELETE … RETURNING";
    let delete = delete_from(Cell::table());
    let found = cells
        .connect()?
        .write_returning(&delete.returning((Cell::ID, column)));
    let found = cells.done(path, found)?;
    cells.check(path, found)
}

fn raw<V: Operand>(cells: &mut Cells<'_, V>) -> CaseResult {
    let name = &cells.column.definition().name;
    let insert = format!("INSERT INTO cells (id, {name}) VALUES (?, ?)");
    let query = format!("SELECT id, {name} FROM cells");
    let path = "raw SQL";
    cells.empty()?;
    for (id, value) in cells.rows.clone() {
        let inserted = cells.connect()?.write(&text(insert.clone(), (id, value)));
        cells.done(path, inserted)?;
    }
    let read = text(query, ()).read_as::<(i64, Option<V>)>();
    let found = cells.connect()?.all(&read);
    let found = cells.done(path, found)?.into_iter();
    cells.check(path, found.map(|row| row.0).collect())
}
