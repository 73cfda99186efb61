//! Relations and the columns of their foreign keys: columns that several keys share, and columns that are written directly.

#![expect(
    clippy::duplicated_attributes,
    reason = "foreign keys that share a column say so"
)]

use selfsame::prelude::*;
use selfsame::{Error, ErrorKind};

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::{Task, User, World};

/// A person in a firm; the firm is part of the key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "clerks")]
struct Clerk {
    #[orm(primary_key)]
    firm: i64,
    #[orm(primary_key)]
    number: i32,
    #[orm(back_populates = writer)]
    wrote: HasMany<Letter>,
    #[orm(back_populates = reader)]
    reads: HasMany<Letter>,
}

/// A letter within a firm: both its foreign keys begin with the firm.
#[derive(Entity, Clone, Debug)]
#[orm(
    table = "letters",
    foreign_key(columns(firm, written_by), references = "clerks(firm, number)"),
    foreign_key(columns(firm, read_by), references = "clerks(firm, number)")
)]
struct Letter {
    #[orm(primary_key)]
    id: Auto<i64>,
    firm: i64,
    written_by: i32,
    read_by: Option<i32>,
    #[orm(key = "firm, written_by", back_populates = wrote)]
    writer: BelongsTo<Clerk>,
    #[orm(key = "firm, read_by", back_populates = reads)]
    reader: BelongsTo<Clerk>,
}

pub(super) const CASES: &[Case] = &[
    Case::core("relations.columns.shared", shared)
        .promise(
            "Relations whose foreign keys share a column are independent: each is set, cleared and loaded without the other, also by one joined query, and contradictory ones are refused.",
        )
        .hint("A foreign key references nothing if one of its columns is NULL.")
        .covers(&[Rule(22), Rule(14), Rule(25)])
        .needs(&[Capability::ForeignKeys, Capability::GeneratedKeys])
        .since(20),
    Case::core("relations.columns.written", written)
        .promise(
            "Assigning a foreign key column moves the object to the other loaded collection at the flush, and undoing that moves it back.",
        )
        .suspects_orm()
        .covers(&[Rule(23), Rule(10), Rule(32)])
        .needs(&[Capability::Savepoints])
        .since(20),
];

fn letters(world: &World) -> CaseResult<Vec<(i64, i32, Option<i32>)>> {
    let columns = (Letter::FIRM, Letter::WRITTEN_BY, Letter::READ_BY);
    let letters = Letter::query().order_by(Letter::ID.asc()).select(columns);
    Ok(letters.all(&mut world.session())?)
}

fn shared(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Clerk, Letter])?;
    let mut session = world.session();
    let [ann, bob, other] =
        session.add_all([(1, 1), (1, 2), (2, 1)].map(|key| Clerk::new(key.0, key.1)));
    let letter = session.add(Letter {
        writer: ann.into(),
        reader: bob.into(),
        ..Letter::new(0, 0)
    });
    session.commit()?;
    check_eq!(
        letters(&world)?,
        [(1, 1, Some(2))],
        "both references must be written"
    );
    session.set(letter, Letter::WRITER, bob)?;
    session.set(letter, Letter::READER, Some(ann))?;
    check_eq!(session.load(bob, Clerk::WROTE)?, [letter], "what bob wrote");
    check_eq!(session.load(bob, Clerk::READS)?, [], "what bob reads");
    session.commit()?;
    check_eq!(
        letters(&world)?,
        [(1, 2, Some(1))],
        "both references must have changed"
    );
    session.delete(ann)?;
    session.commit()?;
    check_eq!(
        letters(&world)?,
        [(1, 2, None)],
        "the reference to a deleted row must be cleared by its own column"
    );
    check_eq!(
        session.load(letter, Letter::READER)?,
        None,
        "the reader who is gone"
    );
    session.commit()?;
    let mut fresh = world.session();
    let both = Clerk::query()
        .with(Clerk::WROTE.joined())
        .with(Clerk::READS.joined())
        .order_by(Clerk::FIRM.asc());
    let mut letters_of = Vec::new();
    for clerk in both.all(&mut fresh)? {
        let wrote = fresh.load(clerk, Clerk::WROTE)?.len();
        letters_of.push((wrote, fresh.load(clerk, Clerk::READS)?.len()));
    }
    check_eq!(
        letters_of,
        [(1, 0), (0, 0)],
        "what each clerk wrote and reads, joined"
    );
    drop(fresh);
    session.set(letter, Letter::READER, Some(bob))?;
    session.set(letter, Letter::WRITER, other)?;
    let refused = session.commit();
    check!(
        matches!(&refused, Err(error) if error.kind() == ErrorKind::InvalidState),
        "a letter of two firms must be refused, returned {refused:?}"
    );
    session.rollback()?;
    check_eq!(
        letters(&world)?,
        [(1, 2, None)],
        "nothing of it must be written"
    );
    Ok(())
}

fn written(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let keys = [
        world.with_tasks("ann", &["a", "b"])?,
        world.with_tasks("bob", &[])?,
    ];
    let mut session = world.session();
    let (Some(ann), Some(bob)) = (session.get::<User>(keys[0])?, session.get::<User>(keys[1])?)
    else {
        check!(false, "both users must be found");
        return Ok(());
    };
    let tasks = session.load(ann, User::TASKS)?;
    check_eq!(session.load(bob, User::TASKS)?, [], "bob has no task yet");
    for computed in [false, true] {
        let mut found = None;
        let undone = session.savepoint(|session| {
            match computed {
                false => session[tasks[0]].user_id = Some(keys[1]),
                true => session.set_expr(tasks[0], Task::USER_ID, Some(keys[1]))?,
            }
            session.flush()?;
            let (anns, bobs) = (
                session.load(ann, User::TASKS)?,
                session.load(bob, User::TASKS)?,
            );
            found = Some((anns, bobs));
            Err::<(), _>(Error::new(ErrorKind::InvalidState, "undo"))
        });
        check!(undone.is_err(), "the savepoint must be undone");
        let moved = Some((tasks[1..].to_vec(), tasks[..1].to_vec()));
        check_eq!(found, moved, "the task must be bob's after the flush");
        check_eq!(
            session.load(ann, User::TASKS)?,
            tasks,
            "ann must have both tasks again"
        );
        check_eq!(
            session.load(bob, User::TASKS)?,
            [],
            "bob must have none again"
        );
    }
    session[tasks[0]].user_id = Some(keys[1]);
    session.flush()?;
    session.delete(bob)?;
    session.commit()?;
    check_eq!(
        session[tasks[0]].user_id,
        None,
        "deleting the new user must clear the task's key"
    );
    Ok(())
}
