//! Runs a program on a session, and compares the session with the model after each step.

mod act;
mod compare;
mod outside;

use std::slice;

use selfsame::prelude::*;
use selfsame::{Error, ErrorKind};

use super::entities::{Kind, Note, Tag, Task, User};
use super::program::{Draw, Step};
use super::reference::{Reference, Refused, Written};
use crate::case::{CaseResult, Failure};
use crate::world::World;

pub(super) struct Machine<'w> {
    world: &'w World,
    /// Changes rows between the transactions of the session under test.
    other: Session,
    reference: Reference,
    handles: Vec<Object>,
    /// The keys of the objects that were inserted.
    keys: Vec<Option<i64>>,
}

/// An object of the program in the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Object {
    User(Handle<User>),
    Task(Handle<Task>),
    Note(Handle<Note>),
    Tag(Handle<Tag>),
}

/// The same for an object of each kind.
macro_rules! each_kind {
    ($object:expr, $handle:ident => $result:expr) => {
        match $object {
            Object::User($handle) => $result,
            Object::Task($handle) => $result,
            Object::Note($handle) => $result,
            Object::Tag($handle) => $result,
        }
    };
}
use each_kind;

/// How the steps in a savepoint ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ended {
    Released,
    RolledBack,
    /// A step was correctly refused.
    Refused,
}

impl<'w> Machine<'w> {
    pub(super) fn new(world: &'w World) -> Self {
        Self {
            world,
            other: world.session(),
            reference: Reference::default(),
            handles: Vec::new(),
            keys: Vec::new(),
        }
    }

    pub(super) fn run(mut self, draws: &[Draw]) -> CaseResult {
        self.world.sent();
        let mut session = self.world.session();
        self.steps(&mut session, &mut draws.iter()).map(drop)
    }

    /// Runs steps until the draws or the current savepoint end.
    fn steps(
        &mut self,
        session: &mut Session,
        draws: &mut slice::Iter<'_, Draw>,
    ) -> CaseResult<Ended> {
        while let Some(draw) = draws.next() {
            let Some(step) = self.reference.resolve(draw) else {
                continue;
            };
            match step {
                Step::Release => return Ok(Ended::Released),
                Step::RollBackTo => return Ok(Ended::RolledBack),
                _ => {}
            }
            let is_inside = self.reference.depth() > 0;
            let refused = match step {
                Step::Savepoint => self.savepoint(session, draws),
                _ => self.step(session, &step),
            };
            let refused = refused.map_err(|failure| named(failure, &step))?;
            if refused && is_inside {
                return Ok(Ended::Refused);
            }
        }
        Ok(Ended::RolledBack)
    }

    /// Runs one step and compares; returns whether it was correctly refused.
    fn step(&mut self, session: &mut Session, step: &Step) -> CaseResult<bool> {
        let before = self.reference.clone();
        let expected = self.reference.apply(step);
        let result = self.act(session, step, &before, &expected)?;
        match (result, expected) {
            (Ok(()), Ok(written)) => {
                self.compare(session, step, written)?;
                Ok(false)
            }
            (result, Err(refused)) => {
                self.refused(result, &refused)?;
                // Inside a savepoint the closure's error rolls back.
                if before.depth() == 0 {
                    self.roll_back(session)?;
                }
                Ok(true)
            }
            (Err(error), Ok(_)) => Err(unexpected(&error)),
        }
    }

    /// Runs a savepoint with the steps inside it; returns whether the flush that opens it was refused.
    fn savepoint(
        &mut self,
        session: &mut Session,
        draws: &mut slice::Iter<'_, Draw>,
    ) -> CaseResult<bool> {
        let before = self.reference.clone();
        if let Err(refused) = self.reference.apply(&Step::Savepoint) {
            let result = session.savepoint(|_| Ok(()));
            self.refused(result, &refused)?;
            if before.depth() == 0 {
                self.roll_back(session)?;
            }
            return Ok(true);
        }
        let mut inside = Ok(Ended::RolledBack);
        let result = session.savepoint(|session| {
            self.world.sent();
            inside = self
                .compare(session, &Step::Savepoint, Written::default())
                .and_then(|()| self.steps(session, draws));
            match inside {
                Ok(Ended::Released) => Ok(()),
                _ => Err(Error::new(ErrorKind::Validation, "stop")),
            }
        });
        match inside? {
            Ended::Released => match self.reference.apply(&Step::Release) {
                Ok(_) => {
                    result.map_err(|error| unexpected(&error))?;
                    self.world.sent();
                    self.compare(session, &Step::Release, Written::default())?;
                    return Ok(false);
                }
                Err(refused) => self.refused(result, &refused)?,
            },
            Ended::RolledBack => {
                check!(result.is_err(), "the error of the closure must be returned");
                let _ = self.reference.apply(&Step::RollBackTo);
                self.world.sent();
                if self.reference.unsure {
                    self.learn_expired(session)?;
                }
                self.compare(session, &Step::RollBackTo, Written::default())?;
                return Ok(false);
            }
            Ended::Refused => {
                check!(result.is_err(), "the error of the closure must be returned");
            }
        }
        self.read_all(session)?;
        Ok(false)
    }

    /// Checks that a step was refused.
    fn refused(&self, result: selfsame::Result<()>, refused: &Refused) -> CaseResult {
        let kinds: Vec<ErrorKind> = refused.iter().map(|refusal| refusal.kind()).collect();
        let found = result.map_err(|error| error.kind());
        check!(
            matches!(&found, Err(kind) if kinds.contains(kind)),
            "it must be refused with {kinds:?}, gave {found:?}"
        );
        Ok(())
    }

    /// After a refused step, checks that nothing works before the rollback; then reads everything again.
    fn roll_back(&mut self, session: &mut Session) -> CaseResult {
        let waits = User::query().count(session).map_err(|error| error.kind());
        check_eq!(
            waits,
            Err(ErrorKind::PendingRollback),
            "after a failed flush the session must wait for a rollback"
        );
        session.rollback()?;
        self.read_all(session)
    }

    fn read_all(&mut self, session: &mut Session) -> CaseResult {
        for kind in self.reference.kinds() {
            match kind {
                Kind::User => drop(User::query().all(session)?),
                Kind::Task => drop(Task::query().all(session)?),
                Kind::Note => drop(Note::query().all(session)?),
                Kind::Tag => drop(Tag::query().all(session)?),
            }
        }
        self.world.sent();
        self.compare_memory(session)?;
        self.compare_rows(session, &Step::Flush)
    }

    fn number_of(&self, object: Object) -> Option<usize> {
        self.handles.iter().position(|known| *known == object)
    }

    fn user(&self, object: usize) -> CaseResult<Handle<User>> {
        match self.handles[object] {
            Object::User(handle) => Ok(handle),
            _ => Err(misnamed()),
        }
    }

    fn tag(&self, object: usize) -> CaseResult<Handle<Tag>> {
        match self.handles[object] {
            Object::Tag(handle) => Ok(handle),
            _ => Err(misnamed()),
        }
    }
}

fn misnamed() -> Failure {
    Failure::Skipped("the model mistakes an object for one of another kind".to_owned())
}

fn unexpected(error: &Error) -> Failure {
    Failure::Assertion(format!("it must work, gave {:?}: {error}", error.kind()))
}

/// Adds the step to the message of an assertion.
fn named(failure: Failure, step: &Step) -> Failure {
    match failure {
        Failure::Assertion(message) if !message.starts_with(NAMED) => {
            Failure::Assertion(format!("{NAMED}{}: {message}", step.name()))
        }
        other => other,
    }
}

const NAMED: &str = "at ";
