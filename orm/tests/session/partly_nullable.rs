//! Foreign keys of several columns, of which one is nullable: a reference is empty, or comes later, by that column alone.

#![expect(
    clippy::duplicated_attributes,
    reason = "foreign keys that share a column say so"
)]

use selfsame::prelude::*;
use selfsame::{Entity, ErrorKind, Result};
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "tenants")]
struct Tenant {
    #[orm(primary_key)]
    id: Auto<i64>,
}

/// May follow another task of its tenant, and may have been split off one.
#[derive(Entity, Clone, Debug)]
#[orm(
    table = "tasks",
    foreign_key(columns(tenant_id, next), references = "tasks(tenant_id, number)")
)]
struct Task {
    #[orm(primary_key, references = "tenants.id")]
    tenant_id: i64,
    #[orm(primary_key)]
    number: i32,
    #[orm(column = "next")]
    next: Option<i32>,
    #[orm(key = "tenant_id")]
    tenant: BelongsTo<Tenant>,
    #[orm(key = "tenant_id, next")]
    following: BelongsTo<Task>,
}

/// Its captain is one of its players.
#[derive(Entity, Clone, Debug)]
#[orm(
    table = "squads",
    foreign_key(columns(tenant_id, captain), references = "players(tenant_id, number)")
)]
struct Squad {
    #[orm(primary_key, references = "tenants.id")]
    tenant_id: i64,
    #[orm(primary_key)]
    number: i32,
    #[orm(column = "captain")]
    captain: Option<i32>,
    #[orm(key = "tenant_id")]
    tenant: BelongsTo<Tenant>,
    #[orm(key = "tenant_id, captain")]
    led_by: BelongsTo<Player>,
}

#[derive(Entity, Clone, Debug)]
#[orm(
    table = "players",
    foreign_key(columns(tenant_id, squad), references = "squads(tenant_id, number)")
)]
struct Player {
    #[orm(primary_key, references = "tenants.id")]
    tenant_id: i64,
    #[orm(primary_key)]
    number: i32,
    #[orm(column = "squad")]
    squad: i32,
    #[orm(key = "tenant_id")]
    tenant: BelongsTo<Tenant>,
    #[orm(key = "tenant_id, squad")]
    plays_for: BelongsTo<Squad>,
}

/// References a task by columns outside its own key, and another letter by a NOT NULL one.
#[derive(Entity, Clone, Debug)]
#[orm(
    table = "letters",
    foreign_key(columns(tenant_id, answer), references = "letters(tenant_id, number)"),
    foreign_key(columns(tenant_id, first), references = "letters(tenant_id, number)")
)]
struct Letter {
    #[orm(primary_key, references = "tenants.id")]
    tenant_id: i64,
    #[orm(primary_key)]
    number: i32,
    #[orm(column = "answer")]
    answer: Option<i32>,
    #[orm(column = "first")]
    first: i32,
    #[orm(key = "tenant_id")]
    tenant: BelongsTo<Tenant>,
    #[orm(key = "tenant_id, answer")]
    answered_by: BelongsTo<Letter>,
    #[orm(key = "tenant_id, first")]
    begun_by: BelongsTo<Letter>,
}

/// A task that is noted elsewhere.
#[derive(Entity, Clone, Debug)]
#[orm(
    table = "notes",
    foreign_key(columns(owner, task), references = "tasks(tenant_id, number)")
)]
struct Note {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "tenants.id")]
    owner: i64,
    #[orm(column = "task")]
    task: Option<i32>,
    #[orm(key = "owner, task")]
    about: BelongsTo<Task>,
}

/// Is followed by another stop of its tenant, or by itself.
#[derive(Entity, Clone, Debug)]
#[orm(
    table = "stops",
    foreign_key(columns(tenant_id, next), references = "stops(tenant_id, number)")
)]
struct Stop {
    #[orm(primary_key, references = "tenants.id")]
    tenant_id: i64,
    #[orm(primary_key)]
    number: i32,
    next: i32,
    #[orm(key = "tenant_id")]
    tenant: BelongsTo<Tenant>,
}

struct Office {
    session: Session,
    outside: Engine,
}

impl Office {
    fn new() -> Result<Self> {
        let database = Sqlite::memory();
        let (engine, outside) = (Engine::new(database.clone()), Engine::new(database));
        metadata![Tenant, Task, Squad, Player, Letter, Note, Stop].create_all(&outside)?;
        let mut session = Session::new(&engine);
        session.add_all([Tenant::new(), Tenant::new()]);
        session.commit()?;
        Ok(Self { session, outside })
    }

    fn tasks(&self) -> Result<Vec<(i64, i32, Option<i32>)>> {
        let columns = (Task::TENANT_ID, Task::NUMBER, Task::NEXT);
        let tasks = Task::query()
            .order_by(Task::TENANT_ID.asc())
            .order_by(Task::NUMBER.asc());
        tasks.select(columns).all(&mut Session::new(&self.outside))
    }
}

#[test]
fn a_cycle_of_new_rows_is_closed_by_the_nullable_column() -> Result<()> {
    for by_columns in [false, true] {
        let mut office = Office::new()?;
        let s = &mut office.session;
        let tasks = s.add_all([1, 2, 3].map(|number| Task::new(1, number)));
        for (at, &task) in tasks.iter().enumerate() {
            let next = (at + 1) % 3;
            match by_columns {
                true => s[task].next = Some(i32::try_from(next).expect("small") + 1),
                false => s.set(task, Task::FOLLOWING, Some(tasks[next]))?,
            }
        }
        s.commit()?;
        assert_eq!(s.load(tasks[2], Task::FOLLOWING)?, Some(tasks[0]));
        assert_eq!(
            office.tasks()?,
            [(1, 1, Some(2)), (1, 2, Some(3)), (1, 3, Some(1))]
        );
    }
    Ok(())
}

#[test]
fn a_cycle_is_deleted() -> Result<()> {
    let mut office = Office::new()?;
    let s = &mut office.session;
    let tasks = s.add_all([1, 2].map(|number| Task::new(1, number)));
    s.flush()?;
    s.set(tasks[0], Task::FOLLOWING, Some(tasks[1]))?;
    s.set(tasks[1], Task::FOLLOWING, Some(tasks[0]))?;
    s.commit()?;
    s.delete(tasks[0])?;
    s.delete(tasks[1])?;
    s.commit()?;
    assert_eq!(office.tasks()?, []);
    Ok(())
}

#[test]
fn a_cycle_takes_its_tenant_from_a_new_row() -> Result<()> {
    let mut office = Office::new()?;
    let s = &mut office.session;
    let tenant = s.add(Tenant::new());
    let tasks = s.add_all([1, 2].map(|number| Task {
        tenant: tenant.into(),
        ..Task::new(0, number)
    }));
    s.set(tasks[0], Task::FOLLOWING, Some(tasks[1]))?;
    s.set(tasks[1], Task::FOLLOWING, Some(tasks[0]))?;
    s.commit()?;
    assert_eq!(office.tasks()?, [(3, 1, Some(2)), (3, 2, Some(1))]);
    Ok(())
}

#[test]
fn tables_that_reference_each_other_begin_with_the_nullable_reference() -> Result<()> {
    for players_first in [false, true] {
        for by_columns in [false, true] {
            let mut office = Office::new()?;
            let s = &mut office.session;
            // The order in which a session meets the tables.
            match players_first {
                true => drop(Player::query().all(s)?),
                false => drop(Squad::query().all(s)?),
            }
            let squad = s.add(Squad::new(1, 1));
            let player = s.add(Player::new(1, 7, 1));
            match by_columns {
                true => s[squad].captain = Some(7),
                false => {
                    s.set(squad, Squad::LED_BY, Some(player))?;
                    s.set(player, Player::PLAYS_FOR, squad)?;
                }
            }
            s.commit()?;
            assert_eq!(s.load(squad, Squad::LED_BY)?, Some(player));
            assert_eq!(s.load(player, Player::PLAYS_FOR)?, squad);
            // A new captain for the old squad, and a new squad for the old player.
            let other = s.add(Squad::new(1, 2));
            let captain = s.add(Player::new(1, 8, 1));
            match by_columns {
                true => {
                    s[squad].captain = Some(8);
                    s[player].squad = 2;
                }
                false => {
                    s.set(squad, Squad::LED_BY, Some(captain))?;
                    s.set(player, Player::PLAYS_FOR, other)?;
                }
            }
            s.commit()?;
            assert_eq!(s.load(squad, Squad::LED_BY)?, Some(captain));
            assert_eq!(s.load(player, Player::PLAYS_FOR)?, other);
            s.get::<Squad>((1, 1))?;
            for player in [player, captain] {
                s.delete(player)?;
            }
            s.delete(other)?;
            s.delete(squad)?;
            s.commit()?;
            assert_eq!(Squad::query().count(s)?, 0);
            assert_eq!(Player::query().count(s)?, 0);
        }
    }
    Ok(())
}

/// Two foreign keys join the rows of a cycle: only the nullable one can wait, wherever the cycle is entered.
#[test]
fn a_cycle_is_cut_at_its_nullable_reference() -> Result<()> {
    for swapped in [false, true] {
        let mut office = Office::new()?;
        let s = &mut office.session;
        let [one, two] = s.add_all([1, 2].map(|number| Letter::new(1, number, number)));
        let (first, last) = match swapped {
            true => (two, one),
            false => (one, two),
        };
        s.set(first, Letter::BEGUN_BY, first)?;
        s.set(first, Letter::ANSWERED_BY, Some(last))?;
        s.set(last, Letter::BEGUN_BY, first)?;
        s.commit()?;
        assert_eq!(s.load(first, Letter::ANSWERED_BY)?, Some(last));
        assert_eq!(s.load(last, Letter::BEGUN_BY)?, first);
        assert_eq!(s.load(last, Letter::ANSWERED_BY)?, None);
    }
    // With two NOT NULL references neither row can be inserted first.
    let mut office = Office::new()?;
    let s = &mut office.session;
    let [one, two] = s.add_all([1, 2].map(|number| Letter::new(1, number, number)));
    s.set(one, Letter::BEGUN_BY, two)?;
    s.set(two, Letter::BEGUN_BY, one)?;
    let error = s.flush().expect_err("a cycle");
    assert_eq!(error.kind(), ErrorKind::CircularDependency, "{error}");
    Ok(())
}

/// The NOT NULL column is written at once, the other with it or later.
#[test]
fn columns_outside_the_key_wait_alike() -> Result<()> {
    let mut office = Office::new()?;
    let s = &mut office.session;
    let tenant = s.add(Tenant::new());
    let task = s.add(Task {
        tenant: tenant.into(),
        ..Task::new(0, 1)
    });
    let note = s.add(Note {
        about: task.into(),
        ..Note::new(0)
    });
    s.commit()?;
    assert_eq!((s[note].owner, s[note].task), (3, Some(1)));
    // The key of the task changes, and the note follows.
    s.load(note, Note::ABOUT)?;
    s.get::<Task>((3, 1))?;
    s[task].number = 5;
    s.commit()?;
    assert_eq!(s.load(note, Note::ABOUT)?, Some(task));
    assert_eq!((s[note].owner, s[note].task), (3, Some(5)));
    Ok(())
}

/// The placeholder of a key that comes by a relation is not copied, and contradicts nothing.
#[test]
fn a_key_that_comes_by_a_relation_is_passed_on() -> Result<()> {
    for children_first in [false, true] {
        let mut office = Office::new()?;
        let s = &mut office.session;
        let tenant = s.add(Tenant::new());
        // A letter that begins itself, with a key that is not known yet, and a chain that ends with it.
        let mut letters = Vec::new();
        let numbers: Vec<i32> = match children_first {
            true => (1..=9).rev().collect(),
            false => (1..=9).collect(),
        };
        for number in numbers {
            letters.push(s.add(Letter::new(0, number, 0)));
        }
        if children_first {
            letters.reverse();
        }
        let root = letters[0];
        s.set(root, Letter::TENANT, tenant)?;
        s.set(root, Letter::BEGUN_BY, root)?;
        for pair in letters.windows(2) {
            s.set(pair[1], Letter::BEGUN_BY, pair[0])?;
        }
        s.commit()?;
        for letter in Letter::query().order_by(Letter::NUMBER.asc()).all(s)? {
            let letter = &s[letter];
            let first = (letter.number - 1).max(1);
            assert_eq!((letter.tenant_id, letter.first), (3, first));
        }
        assert_eq!(Letter::query().count(s)?, 9);
    }
    Ok(())
}

#[test]
fn a_row_keeps_its_own_new_tenant() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Tenant, Task].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let [one, two] = [Tenant::new(), Tenant::new()].map(|tenant| session.add(tenant));
    let task = |tenant: Handle<Tenant>, number: i32, next: Option<i32>| Task {
        tenant: tenant.into(),
        next,
        ..Task::new(0, number)
    };
    session.add(task(one, 1, None));
    session.add(task(two, 1, None));
    session.add(task(two, 2, Some(1)));
    session.commit()?;
    let rows = Task::query()
        .order_by(Task::TENANT_ID.asc())
        .order_by(Task::NUMBER.asc());
    let rows = rows.select((Task::TENANT_ID, Task::NUMBER, Task::NEXT));
    let (one, two) = (
        *session[one].id.get().expect("a key"),
        *session[two].id.get().expect("a key"),
    );
    assert_eq!(
        rows.all(&mut Session::new(&engine))?,
        [(one, 1, None), (two, 1, None), (two, 2, Some(1))]
    );
    Ok(())
}

/// By their numbers alone, the stops of one tenant would follow those of the other, in a circle.
#[test]
fn rows_of_new_tenants_wait_for_those_of_their_own() -> Result<()> {
    for order in [
        [0, 1, 2, 3],
        [3, 1, 0, 2],
        [3, 2, 1, 0],
        [2, 3, 0, 1],
        [1, 3, 2, 0],
    ] {
        let mut office = Office::new()?;
        let s = &mut office.session;
        let tenants = s.add_all([Tenant::new(), Tenant::new()]);
        let stops = [(0, 1, 1), (0, 2, 1), (1, 2, 2), (1, 1, 2)];
        for (tenant, number, next) in order.map(|at| stops[at]) {
            s.add(Stop {
                tenant: tenants[tenant].into(),
                ..Stop::new(0, number, next)
            });
        }
        s.commit()?;
        let columns = (Stop::TENANT_ID, Stop::NUMBER, Stop::NEXT);
        let stops = Stop::query()
            .order_by(Stop::TENANT_ID.asc())
            .order_by(Stop::NUMBER.asc());
        let stops = stops
            .select(columns)
            .all(&mut Session::new(&office.outside))?;
        let expected = [(3, 1, 1), (3, 2, 1), (4, 1, 2), (4, 2, 2)];
        assert_eq!(stops, expected, "{order:?}");
    }
    Ok(())
}

/// The other column of the reference is not lost.
#[test]
fn a_shared_column_may_be_written_blindly_after_a_reference_is_set() -> Result<()> {
    let mut office = Office::new()?;
    let s = &mut office.session;
    let task = s.add(Task::new(1, 5));
    let note = s.add(Note::new(2));
    s.commit()?;
    s.set(note, Note::ABOUT, Some(task))?;
    s.set_blind(note, Note::OWNER, 1)?;
    s.commit()?;
    let rows = s.sql("SELECT owner, task FROM notes", ());
    assert_eq!(rows.all::<(i64, Option<i32>)>()?, [(1, Some(5))]);
    Ok(())
}
