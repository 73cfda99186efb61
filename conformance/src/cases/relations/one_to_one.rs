//! Relations to one object whose foreign key is on the other side.

use selfsame::ErrorKind;
use selfsame::prelude::*;

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::World;

/// A desk with at most one lamp, which is deleted when it is removed from the desk.
#[derive(Entity, Clone, Debug)]
#[orm(table = "desks")]
struct Desk {
    #[orm(primary_key)]
    id: i64,
    #[orm(back_populates = desk, cascade = "all, delete-orphan")]
    lamp: HasOne<Lamp>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "lamps")]
struct Lamp {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "desks.id", unique)]
    desk_id: Option<i64>,
    #[orm(back_populates = lamp)]
    desk: BelongsTo<Desk>,
}

pub(super) const CASES: &[Case] = &[Case::core("relations.one_to_one.exchanged", exchanged)
    .promise(
        "Owners can exchange their one-to-one objects, loaded or not: none is mistaken for an orphan, and an object deleted by a flush cannot be related again.",
    )
    .hint("The foreign key is unique, so one row is set to NULL first.")
    .covers(&[Rule(17), Rule(23), Rule(26)])
    .needs(&[Capability::ForeignKeys])
    .since(20)];

fn exchanged(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Desk, Lamp])?;
    for count in [2, 3] {
        world.empty(&["lamps", "desks"])?;
        let mut session = world.session();
        let numbers: Vec<i64> = (1..=count).collect();
        for &id in &numbers {
            session.add(Desk {
                lamp: Lamp::new(id).into(),
                ..Desk::new(id)
            });
        }
        session.commit()?;
        drop(session);
        let mut session = world.session();
        let desks = session.get_many::<Desk>(numbers.clone())?;
        let lamps = session.get_many::<Lamp>(numbers)?;
        let next = lamps.iter().cycle().skip(1);
        for (&desk, &lamp) in desks.iter().zip(next.clone()) {
            session.set(desk, Desk::LAMP, Some(lamp))?;
        }
        session.commit()?;
        for (&desk, &lamp) in desks.iter().zip(next) {
            let found = session.load(desk, Desk::LAMP)?;
            check_eq!(found, Some(lamp), "each desk must have the next lamp");
        }
        let rows = Lamp::query().filter(Lamp::DESK_ID.is_not_null());
        let left = rows.count(&mut session)?;
        check_eq!(left, lamps.len() as u64, "every lamp must be on a desk");
        session.set(desks[0], Desk::LAMP, None)?;
        session.flush()?;
        let gone = lamps[1];
        let refused = session.set(desks[0], Desk::LAMP, Some(gone));
        check!(
            matches!(&refused, Err(error) if error.kind() == ErrorKind::InvalidState),
            "a lamp that was deleted must be refused, returned {refused:?}"
        );
        session.rollback()?;
        check_eq!(
            session.load(desks[0], Desk::LAMP)?,
            Some(gone),
            "the deletion is undone"
        );
    }
    Ok(())
}
