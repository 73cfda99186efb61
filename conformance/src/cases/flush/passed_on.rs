//! Unique values that pass from row to row while rows move to new parents, in one flush.

use selfsame::prelude::*;

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::World;

/// A hall with a unique name; its seats require one.
#[derive(Entity, Clone, Debug)]
#[orm(table = "halls")]
struct Hall {
    #[orm(primary_key, length = 20)]
    code: String,
    #[orm(unique, length = 20)]
    name: Option<String>,
    #[orm(back_populates = hall)]
    chairs: HasMany<Chair>,
    #[orm(back_populates = hall)]
    door: HasOne<Door>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "chairs", unique(line, place))]
struct Chair {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "halls.code", length = 20)]
    hall_code: String,
    line: Option<i64>,
    place: i64,
    #[orm(back_populates = chairs)]
    hall: BelongsTo<Hall>,
}

/// A hall has one door.
#[derive(Entity, Clone, Debug)]
#[orm(table = "doors")]
struct Door {
    #[orm(primary_key)]
    id: i64,
    #[orm(unique, references = "halls.code", length = 20)]
    hall_code: Option<String>,
    #[orm(back_populates = door)]
    hall: BelongsTo<Hall>,
}

pub(super) const CASES: &[Case] = &[
    Case::core("flush.unique.in_part", in_part)
        .since(22)
        .promise("Rows may exchange a part of a unique value: another column of it, which is NULL in between, keeps its value.")
        .hint("A constraint with a NULL in one of its columns must not be enforced.")
        .covers(&[Rule(17)]),
    Case::core("flush.unique.new_parents", new_parents)
        .since(22)
        .needs(&[Capability::ForeignKeys])
        .promise("A row that is to be deleted frees its unique value for another, even if its children move to a new row, by a relation or by their columns, and require it; a unique foreign key passes on when its row moves to a new parent.")
        .hint("Of the backend, only enforced foreign keys and unique values matter here.")
        .covers(&[Rule(14), Rule(17), Rule(25)]),
];

fn hall(code: &str, name: &str) -> Hall {
    Hall {
        name: Some(name.to_owned()),
        ..Hall::new(code)
    }
}

fn in_part(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Hall, Chair])?;
    let mut session = world.session();
    session.add(hall("a", "first"));
    let chairs = [1, 2, 3].map(|id| Chair {
        line: Some(7),
        ..Chair::new(id, "a", id)
    });
    let chairs = session.add_all(chairs);
    session.commit()?;
    Chair::query().all(&mut session)?;
    for (chair, place) in chairs.into_iter().zip([2, 3, 1]) {
        session[chair].place = place;
    }
    session.commit()?;
    let columns = (Chair::ID, Chair::LINE, Chair::PLACE);
    let rows = Chair::query().order_by(Chair::ID.asc()).select(columns);
    check_eq!(
        rows.all(&mut world.session())?,
        [(1, Some(7), 2), (2, Some(7), 3), (3, Some(7), 1)],
        "lines and places after the places were exchanged"
    );
    Ok(())
}

fn new_parents(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Hall, Chair, Door])?;
    for by_column in [false, true] {
        world.empty(&["doors", "chairs", "halls"])?;
        let mut session = world.session();
        let [old, other] = session.add_all([hall("old", "name"), hall("other", "second")]);
        let chair = session.add(Chair::new(1, "old", 1));
        let doors = [1, 2].map(|id| Door {
            hall_code: (id == 1).then(|| "other".to_owned()),
            ..Door::new(id)
        });
        let [first, second] = session.add_all(doors);
        session.commit()?;
        Hall::query().all(&mut session)?;
        Chair::query().all(&mut session)?;
        Door::query().all(&mut session)?;
        let new = session.add(Hall::new("new"));
        session.add(hall("taker", "name"));
        match by_column {
            true => session[chair].hall_code = "new".to_owned(),
            false => session.set(chair, Chair::HALL, new)?,
        }
        session.set(first, Door::HALL, Some(new))?;
        session.set(second, Door::HALL, Some(other))?;
        session.delete(old)?;
        session.commit()?;
        let mut session = world.session();
        let names = Hall::query().order_by(Hall::CODE.asc());
        let names = names.select((Hall::CODE, Hall::NAME)).all(&mut session)?;
        let name = |code: &str, name: Option<&str>| (code.to_owned(), name.map(str::to_owned));
        check_eq!(
            names,
            [
                name("new", None),
                name("other", Some("second")),
                name("taker", Some("name"))
            ],
            "the names after the row was deleted"
        );
        let chairs = Chair::query().select(Chair::HALL_CODE).all(&mut session)?;
        check_eq!(chairs, ["new"], "the hall of the chair");
        let doors = Door::query().order_by(Door::ID.asc());
        let doors = doors.select(Door::HALL_CODE).all(&mut session)?;
        let hall = |code: &str| Some(code.to_owned());
        check_eq!(
            doors,
            [hall("new"), hall("other")],
            "the halls of the doors"
        );
    }
    Ok(())
}
