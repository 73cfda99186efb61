//! The hints for violated foreign keys, which the unit of work adds to the backend's error.

use selfsame::prelude::*;

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::World;

/// A port in which ships are registered.
#[derive(Entity, Clone, Debug)]
#[orm(table = "ports")]
struct Port {
    #[orm(primary_key)]
    id: i64,
    #[orm(back_populates = home)]
    ships: HasMany<Ship>,
}

/// A ship with two foreign keys.
#[derive(Entity, Clone, Debug)]
#[orm(table = "ships")]
struct Ship {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "ports.id")]
    home_id: i64,
    #[orm(back_populates = ships)]
    home: BelongsTo<Port>,
    #[orm(references = "yards.id")]
    yard_id: i64,
    yard: BelongsTo<Yard>,
}

/// A yard that builds ships.
#[derive(Entity, Clone, Debug)]
#[orm(table = "yards")]
struct Yard {
    #[orm(primary_key)]
    id: i64,
}

pub(super) const CASES: &[Case] = &[
    Case::full("constraints.error.foreign_key_hint", hint)
        .since(21)
        .needs(&[Capability::ForeignKeys])
        .promise("The error of a violated foreign key names the relation that sets the key, and only that one if the backend names the constraint.")
        .hint("Read the constraint's name from the error's own field, or from its text.")
        .covers(&[Contract(56), Rule(18)]),
];

const HOME: &str = "`home_id` must refer to a row of `ports`; the relation `home` sets it";
const YARD: &str = "`yard_id` must refer to a row of `yards`; the relation `yard` sets it";
const EITHER: &str = "one of these refers to no row: `home_id` to `ports` (relation `home`), `yard_id` to `yards` (relation `yard`)";

fn hint(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Port, Yard, Ship])?;
    let mut session = world.session();
    session.add_all((Port::new(1), Yard::new(1), Ship::new(1, 1, 1)));
    session.commit()?;
    for (home, yard, named) in [(9, 1, HOME), (1, 9, YARD)] {
        session.add(Ship::new(2, home, yard));
        let refused = session.commit();
        let Err(error) = refused else {
            check!(false, "a ship without its port or yard must be refused");
            return Ok(());
        };
        check_eq!(
            error.kind(),
            ErrorKind::ForeignKeyViolation,
            "the kind of {error}"
        );
        let expected = match error.constraint_name() {
            Some(_) => named,
            None => EITHER,
        };
        check_eq!(error.hint_text(), Some(expected), "the hint");
        session.rollback()?;
    }
    let deleted = Port::query().delete().execute(&mut session);
    let Err(error) = deleted else {
        check!(false, "a port with ships must not be deleted");
        return Ok(());
    };
    let ships = "a row may still refer to it, of `ships` by `home_id` (relation `ships`); delete such rows first, or set a `cascade`";
    check_eq!(error.hint_text(), Some(ships), "the hint of the deletion");
    session.rollback()?;
    Ok(())
}
