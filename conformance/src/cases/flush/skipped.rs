//! Rows that the database skips in an INSERT without an error.

use selfsame::prelude::*;
use selfsame::session::State;
use selfsame::{ErrorKind, Result};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult, Failure};
use crate::context::Context;
use crate::world::{Seat, User, World};

pub(super) const CASES: &[Case] = &[Case::full("flush.insert.skipped", skipped)
    .since(20)
    .needs(&[Capability::Transactions])
    .promise("A row that the database leaves out of an INSERT without an error (a trigger ignores it) is an error, alone or among many: none of them stays, and the session goes on.")
    .hint("Report how many rows were inserted, not how many were sent.")
    .covers(&[Contract(49), Rule(18)])];

/// Statements that make INSERTs skip rows, each in the syntax of one database.
const WAYS: [&[&str]; 2] = [
    &[
        "CREATE TRIGGER skip_user BEFORE INSERT ON users WHEN new.name LIKE 'no%' BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER skip_seat BEFORE INSERT ON seats WHEN new.block = 'no' BEGIN SELECT RAISE(IGNORE); END",
    ],
    &[
        "CREATE FUNCTION skip_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER skip_user BEFORE INSERT ON users FOR EACH ROW WHEN (new.name LIKE 'no%') EXECUTE FUNCTION skip_row()",
        "CREATE TRIGGER skip_seat BEFORE INSERT ON seats FOR EACH ROW WHEN (new.block = 'no') EXECUTE FUNCTION skip_row()",
    ],
];

fn skipped(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let run = |way: &[&str]| -> Result<()> {
        let mut session = world.session();
        way.iter()
            .try_for_each(|text| session.sql(*text, ()).execute().map(drop))?;
        session.commit()
    };
    if !WAYS.iter().any(|way| run(way).is_ok()) {
        let reason = "no way is known here that has an INSERT leave out a row";
        return Err(Failure::Skipped(reason.to_owned()));
    }
    for count in [1, 2, 70] {
        for at in [0, count - 1] {
            let users = (0..count).map(|row| match row == at {
                true => User::new("no"),
                false => User::new(format!("user {row}")),
            });
            leaves_out(&world, users, "a row whose key the database generates")?;
            let seats = (0..count).map(|row| match row == at {
                true => Seat::new("no", row),
                false => Seat::new("A", row),
            });
            leaves_out(&world, seats, "a row whose key the program assigns")?;
        }
    }
    Ok(())
}

fn leaves_out<E: Entity>(world: &World, values: impl Iterator<Item = E>, what: &str) -> CaseResult {
    let mut session = world.session();
    let added = session.add_all(values.collect::<Vec<_>>());
    let count = added.len();
    let committed = session.commit();
    check!(
        matches!(&committed, Err(error) if error.kind() == ErrorKind::Database && error.entity_name().is_some()),
        "{what}, one of {count} that was left out, must be an error that names the entity, returned {committed:?}"
    );
    session.rollback()?;
    let states: Vec<State> = added.iter().map(|&one| session.state(one)).collect();
    check_eq!(states, vec![State::Transient; count], "{what}");
    check_eq!(E::query().count(&mut session)?, 0, "the rows beside {what}");
    Ok(())
}
