//! Mechanisms: random programs of simple row changes, each made by one of the ORM's many mechanisms.
//!
//! Several changes may wait for one flush: unique values and keys are passed on and swapped, rows reference each other in cycles, and between
//! transactions another session changes and deletes rows. Each change is generated with its mechanism: an assignment, an expression, a bulk
//! statement, raw SQL, a relation from either side, a hook, or a deletion and a new object with the same key. A hook may also panic, and
//! collections are partly loaded. The result must not depend on the mechanism. So the model is a map of rows, and the session is compared with
//! it after each change and at the end.

mod entities;
mod perform;
mod plan;
mod programs;

use proptest::prelude::Strategy;

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult, Failure};
use crate::context::Context;
use crate::property::Inputs;
use crate::world::World;
use perform::{Look, Performer, look_at_views};
use plan::{Change, Draw, Rows};

pub(crate) const CASES: &[Case] = &[Case::core("model.session.mechanisms", programs)
    .since(17)
    .needs(&[
        Capability::Transactions,
        Capability::Savepoints,
        Capability::ForeignKeys,
        Capability::GeneratedKeys,
    ])
    .promise(
        "Whatever way a change goes (assignment, expression, bulk statement, raw SQL, a relation from either side, a hook, a changed or reused key), rows and objects \
         are those of the plain program: with natural and composite keys, cycles, unique values and one-to-one relations that pass on in one flush, in savepoints, after \
         rollbacks, panics in hooks and clear, with deferred columns, defaults and filtered loading, and after changes of another session.",
    )
    .hint("Run the printed program by hand: its last step is the first that differs.")
    .covers(&[
        Rule(7),
        Rule(10),
        Rule(14),
        Rule(16),
        Rule(17),
        Rule(20),
        Rule(23),
        Rule(26),
        Rule(29),
        Rule(31),
        Rule(32),
        Rule(36),
    ])];

fn programs(context: &mut Context) -> CaseResult {
    let world = World::of(context, &entities::tables())?;
    let inputs = Inputs {
        strategy: proptest::collection::vec(plan::draws(), 1..60).boxed(),
        count: context.cases(),
        show: |draws: &Vec<Draw>| programs::shown(draws),
        smaller: |draws| programs::smaller(draws),
        kept: programs::kept(),
        keep: |draws| Some(programs::keep(draws)),
    };
    context.property_of(&inputs, |context, draws| {
        context.operations += run(&world, &draws)?;
        Ok(())
    })
}

/// Runs a program and returns the number of its operations.
fn run(world: &World, draws: &[Draw]) -> CaseResult<u64> {
    entities::empty(world)?;
    let mut session = world.session();
    let mut program = Program {
        performer: Performer::new(&mut session),
        other: world.session(),
        rows: Rows::default(),
        committed: Rows::default(),
        draws: draws.iter(),
        operations: 0,
    };
    program.go_on(&mut session, 0)?;
    session.commit()?;
    compare(&mut world.session(), &program.rows, "after the last commit")?;
    Ok(program.operations)
}

/// The remaining steps, and the rows expected so far.
struct Program<'a> {
    performer: Performer,
    /// Changes rows between the transactions of the session under test.
    other: selfsame::Session,
    rows: Rows,
    committed: Rows,
    draws: std::slice::Iter<'a, Draw>,
    operations: u64,
}

impl Program<'_> {
    /// Runs the remaining steps, up to the end of the savepoint.
    fn go_on(&mut self, session: &mut selfsame::Session, depth: usize) -> CaseResult<bool> {
        while let Some(draw) = self.draws.next() {
            let Some(change) = self.rows.resolve(draw, depth) else {
                continue;
            };
            self.operations += 1;
            match change {
                Change::Commit => {
                    session.commit()?;
                    self.committed = self.rows.clone();
                }
                Change::Rollback => {
                    session.rollback()?;
                    self.rows = self.committed.clone();
                }
                Change::Outside(inner) => {
                    session.commit()?;
                    self.performer.perform_outside(&mut self.other, &inner)?;
                    self.rows.apply(&inner);
                    self.committed = self.rows.clone();
                }
                Change::Panic { way } => {
                    self.performer.panic_in_hook(session, way)?;
                    self.rows = self.committed.clone();
                }
                Change::RefusedSwap { code, other } => {
                    self.performer.refuse_swap(session, &code, &other)?;
                    if depth > 0 {
                        return Ok(false);
                    }
                    session.rollback()?;
                    self.rows = self.committed.clone();
                }
                Change::Filter { way } => look_at_views(session, &self.rows, way)?,
                Change::Savepoint => self.savepoint(session, depth)?,
                Change::EndSavepoint { keep } => return Ok(keep),
                change => {
                    self.performer.perform(session, &change)?;
                    self.rows.apply(&change);
                }
            }
            self.rows.begin_next();
            // Not after each change, so that several changes wait for the same flush.
            if draw.way % 4 == 3 {
                let how = match draw.way % 8 {
                    3 => Look::Loaded,
                    _ => Look::All,
                };
                let looked = self.performer.look(session, &self.rows, how);
                looked.map_err(|failure| named(failure, &format!("{draw:?}")))?;
            }
        }
        Ok(true)
    }

    fn savepoint(&mut self, session: &mut selfsame::Session, depth: usize) -> CaseResult {
        let before = self.rows.clone();
        let mut inner = Ok(true);
        let result = session.savepoint(|session| {
            inner = self.go_on(session, depth + 1);
            match inner {
                Ok(true) => Ok(()),
                _ => Err(selfsame::Error::new(
                    selfsame::ErrorKind::InvalidState,
                    "rolled back as drawn",
                )),
            }
        });
        match inner {
            Ok(true) => result?,
            Ok(false) => {
                self.rows = before;
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }
}

fn named(failure: Failure, step: &str) -> Failure {
    match failure {
        Failure::Assertion(message) => Failure::Assertion(format!("after {step}: {message}")),
        other => other,
    }
}

/// Compares all rows with those of the model.
fn compare(session: &mut selfsame::Session, wanted: &Rows, when: &str) -> CaseResult {
    let found = entities::rows(session)?;
    check_eq!(found.places, wanted.places, "the places {when}");
    check_eq!(found.seats, wanted.seats, "the seats {when}");
    check_eq!(found.cards, wanted.cards, "the cards {when}");
    check_eq!(found.labels, wanted.labels, "the labels {when}");
    check_eq!(found.bookings, wanted.bookings, "the bookings {when}");
    check_eq!(found.signs, wanted.signs, "the signs {when}");
    check_eq!(found.pairs, wanted.pairs, "the labels of places {when}");
    Ok(())
}
