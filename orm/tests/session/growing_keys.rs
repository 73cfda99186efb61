//! Changed keys: the work of a flush depends on the rows that follow, not on the rows in memory.

use selfsame::Result;
use selfsame::prelude::*;
use selfsame_sqlite::Sqlite;

/// A place, with a key that the program sets.
#[derive(Entity, Clone, Debug)]
#[orm(table = "places")]
struct Place {
    #[orm(primary_key)]
    code: String,
    #[orm(unique)]
    number: i64,
}

/// A seat, which the database moves with its place.
#[derive(Entity, Clone, Debug)]
#[orm(table = "seats")]
struct Seat {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "places.code", on_update = "cascade", index)]
    place_code: String,
}

/// A sign, which the session takes down while the code of its place changes.
#[derive(Entity, Clone, Debug)]
#[orm(table = "signs")]
struct Sign {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "places.code", index)]
    place_code: Option<String>,
}

/// A ticket, which references a place by another unique column.
#[derive(Entity, Clone, Debug)]
#[orm(table = "tickets")]
struct Ticket {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "places.number", on_update = "cascade", index)]
    place_number: i64,
}

/// Which rows reference the places.
#[derive(Clone, Copy, Debug)]
enum Referring {
    Seats,
    Signs,
    Tickets,
}

fn code(n: usize) -> String {
    format!("p{n}")
}

fn number(n: usize) -> i64 {
    i64::try_from(n).expect("few")
}

/// This many places, each with one row that references it, all in memory.
fn places(referring: Referring, size: usize) -> Result<(Session, Vec<Handle<Place>>)> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Place, Seat, Sign, Ticket].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let all = (0..size).map(|n| Place::new(code(n), number(n)));
    let all = session.add_all(all.collect::<Vec<_>>());
    session.flush()?;
    for n in 0..size {
        match referring {
            Referring::Seats => drop(session.add(Seat::new(code(n)))),
            Referring::Signs => {
                session.add(Sign {
                    place_code: Some(code(n)),
                    ..Sign::new()
                });
            }
            Referring::Tickets => drop(session.add(Ticket::new(number(n)))),
        }
    }
    session.flush()?;
    Ok((session, all))
}

/// Asserts that the work for each of many objects makes as many allocations as for each of few.
#[track_caller]
fn allocates_in_proportion(work: impl Fn(usize) -> Result<u64>) {
    let each = |size: usize| {
        let count = work(size).expect("the work");
        count / u64::try_from(size).expect("few")
    };
    let sizes = [100, 1_000, 10_000];
    let found = sizes.map(each);
    assert!(
        found[2] <= found[0] * 3 / 2 + 10,
        "allocations for each of {sizes:?}: {found:?}"
    );
}

fn counted(work: impl FnOnce() -> Result<()>) -> Result<u64> {
    let mut result = Ok(());
    let count = allocation_counter::measure(|| result = work()).count_total;
    result.map(|()| count)
}

/// Changes each place and flushes.
fn one_by_one(referring: Referring, size: usize) -> Result<u64> {
    let (mut session, all) = places(referring, size)?;
    counted(|| {
        for (n, &place) in all.iter().enumerate() {
            match referring {
                Referring::Tickets => session[place].number = -1 - number(n),
                _ => session[place].code = format!("new {n}"),
            }
            session.flush()?;
        }
        Ok(())
    })
}

#[test]
fn rows_that_the_database_moves_with_keys_changed_one_by_one() {
    allocates_in_proportion(|size| one_by_one(Referring::Seats, size));
}

#[test]
fn rows_that_are_released_while_keys_change_one_by_one() {
    allocates_in_proportion(|size| one_by_one(Referring::Signs, size));
}

#[test]
fn rows_that_follow_other_unique_values_changed_one_by_one() {
    allocates_in_proportion(|size| one_by_one(Referring::Tickets, size));
}

#[test]
fn keys_taken_over_along_a_chain_in_one_flush() {
    allocates_in_proportion(|size| {
        let (mut session, all) = places(Referring::Seats, size)?;
        counted(|| {
            for (n, &place) in all.iter().enumerate() {
                session[place].code = code(n + 1);
            }
            session.flush()
        })
    });
}

#[test]
fn unique_values_taken_over_along_a_chain_beside_changed_keys() {
    allocates_in_proportion(|size| {
        let (mut session, all) = places(Referring::Seats, size)?;
        counted(|| {
            for (n, &place) in all.iter().enumerate() {
                session[place].number = number(n + 1);
                session[place].code = format!("new {n}");
            }
            session.flush()
        })
    });
}

#[test]
fn the_rows_that_follow_are_found_after_all_that_happens_to_them() -> Result<()> {
    let (mut session, all) = places(Referring::Seats, 8)?;
    let seats = session.persistent::<Seat>();
    session.commit()?;
    let shown = |session: &Session| -> Vec<String> {
        let seats = seats.iter().map(|&seat| &session[seat].place_code);
        seats.cloned().collect()
    };
    // The second search builds an index.
    for (place, new) in [(0, "a"), (1, "b"), (2, "c")] {
        session[all[place]].code = new.to_owned();
        session.flush()?;
    }
    // A seat comes from another place by an assignment, by a statement, by a rollback, and by a new row.
    session[seats[3]].place_code = "a".to_owned();
    session.flush()?;
    session
        .sql("UPDATE seats SET place_code = 'a' WHERE id = 5", ())
        .execute()?;
    session.refresh(seats[4])?;
    let undone = session.savepoint(|session| {
        session[seats[0]].place_code = "b".to_owned();
        session.flush()?;
        Err::<(), _>(selfsame::Error::new(
            selfsame::ErrorKind::Validation,
            "undone",
        ))
    });
    assert!(undone.is_err());
    let new = session.add(Seat::new("a"));
    session.flush()?;
    session[all[0]].code = "z".to_owned();
    session.flush()?;
    assert_eq!(shown(&session), ["z", "b", "c", "z", "z", "p5", "p6", "p7"],);
    assert_eq!(session[new].place_code, "z");
    session.commit()?;
    let rows = Seat::query().rows(&mut session)?.into_iter();
    let rows: Vec<String> = rows.map(|seat| seat.place_code).collect();
    assert_eq!(rows, ["z", "b", "c", "z", "z", "p5", "p6", "p7", "z"]);
    Ok(())
}
