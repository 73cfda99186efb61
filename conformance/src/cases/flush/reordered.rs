//! Foreign keys that list the columns of a composite key in another order.

use selfsame::prelude::*;

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::World;

/// A cell of a sheet. Some databases require an index for each order in which foreign keys list its key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "cells", unique(place, line))]
struct Cell {
    #[orm(primary_key)]
    line: i64,
    #[orm(primary_key)]
    place: i64,
    #[orm(back_populates = cell)]
    remarks: HasMany<Remark>,
}

/// Follows its cell by ON UPDATE.
#[derive(Entity, Clone, Debug)]
#[orm(
    table = "notes",
    foreign_key(
        columns(cell_place, cell_line),
        references = "cells(place, line)",
        on_update = "cascade"
    )
)]
struct Note {
    #[orm(primary_key)]
    id: i64,
    cell_line: i64,
    cell_place: i64,
}

/// Follows its cell by UPDATE statements of the session.
#[derive(Entity, Clone, Debug)]
#[orm(
    table = "remarks",
    foreign_key(columns(cell_place, cell_line), references = "cells(place, line)")
)]
struct Remark {
    #[orm(primary_key)]
    id: i64,
    cell_line: Option<i64>,
    cell_place: Option<i64>,
    #[orm(key = "cell_place, cell_line", back_populates = remarks)]
    cell: BelongsTo<Cell>,
}

pub(super) const CASES: &[Case] = &[Case::core("flush.key.reordered", reordered)
    .since(21)
    .needs(&[Capability::ForeignKeys])
    .promise("A foreign key may list the columns of a composite key in another order than the key: its rows follow a changed key, are let go by a deleted row, and move to a row that takes the key, by the columns that belong together.")
    .hint("Of the backend, only foreign keys over two columns and ON UPDATE CASCADE matter here.")
    .covers(&[Rule(20), Rule(22), Rule(25)])];

/// The ids of the remarks and notes, and the lines and places of their cells.
type Rows = Vec<(i64, Option<i64>, Option<i64>)>;

fn remarks(world: &World) -> CaseResult<Rows> {
    let columns = (Remark::ID, Remark::CELL_LINE, Remark::CELL_PLACE);
    let remarks = Remark::query().order_by(Remark::ID.asc()).select(columns);
    Ok(remarks.all(&mut world.session())?)
}

fn notes(world: &World) -> CaseResult<Vec<(i64, i64, i64)>> {
    let columns = (Note::ID, Note::CELL_LINE, Note::CELL_PLACE);
    let notes = Note::query().order_by(Note::ID.asc()).select(columns);
    Ok(notes.all(&mut world.session())?)
}

fn reordered(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Cell, Note, Remark])?;
    let mut session = world.session();
    // Each key is the other one with its columns exchanged.
    let [cell, mirrored] = session.add_all([Cell::new(1, 2), Cell::new(2, 1)]);
    let [note, _] = session.add_all([Note::new(1, 1, 2), Note::new(2, 2, 1)]);
    for (id, cell) in [(1, cell), (2, mirrored)] {
        let remark = session.add(Remark::new(id));
        session.set(remark, Remark::CELL, Some(cell))?;
    }
    session.commit()?;
    check_eq!(
        remarks(&world)?,
        [(1, Some(1), Some(2)), (2, Some(2), Some(1))],
        "the foreign keys of related rows"
    );

    Cell::query().all(&mut session)?;
    session.get::<Note>(1)?;
    session[cell].line = 7;
    session.flush()?;
    check_eq!(
        (session[note].cell_line, session[note].cell_place),
        (7, 2),
        "the row that the database lets follow, in memory"
    );
    let mine = session.load(cell, Cell::REMARKS)?;
    check_eq!(
        mine.iter().map(|&it| session[it].id).collect::<Vec<_>>(),
        [1],
        "the members after the key has changed"
    );
    session.commit()?;
    check_eq!(
        remarks(&world)?,
        [(1, Some(7), Some(2)), (2, Some(2), Some(1))],
        "the rows that follow by UPDATEs"
    );
    check_eq!(
        notes(&world)?,
        [(1, 7, 2), (2, 2, 1)],
        "the rows that follow by ON UPDATE CASCADE"
    );

    // The mirrored cell is deleted, and the other takes its key.
    Cell::query().all(&mut session)?;
    let moved = session.get::<Remark>(2)?;
    let removed = session.get::<Note>(2)?;
    check!(
        moved.is_some() && removed.is_some(),
        "the rows must be found by their keys"
    );
    if let (Some(moved), Some(removed)) = (moved, removed) {
        session.set(moved, Remark::CELL, Some(cell))?;
        session.delete(removed)?;
    }
    session.delete(mirrored)?;
    (session[cell].line, session[cell].place) = (2, 1);
    session.flush()?;
    check_eq!(
        session.load(cell, Cell::REMARKS)?.len(),
        2,
        "the members of the cell that took the key"
    );
    session.commit()?;
    check_eq!(
        remarks(&world)?,
        [(1, Some(2), Some(1)), (2, Some(2), Some(1))],
        "the rows of the key that was taken"
    );
    check_eq!(notes(&world)?, [(1, 2, 1)], "the row that followed twice");

    Cell::query().all(&mut session)?;
    if let Some(note) = session.get::<Note>(1)? {
        session.delete(note)?;
    }
    session.delete(cell)?;
    session.commit()?;
    check_eq!(
        remarks(&world)?,
        [(1, None, None), (2, None, None)],
        "the rows that a deleted cell lets go"
    );
    Ok(())
}
