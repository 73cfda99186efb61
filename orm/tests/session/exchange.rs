//! Exchanging objects between owners in a one-to-one relation with `delete-orphan`.

use selfsame::prelude::*;
use selfsame::session::State;
use selfsame::{Entity, ErrorKind, Result};
use selfsame_sqlite::Sqlite;

use crate::fixture::{Album, Author, Book, Fixture, Seat, Track};

#[derive(Entity, Clone, Debug)]
#[orm(table = "cars")]
struct Car {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(back_populates = car, cascade = "all, delete-orphan")]
    plate: HasOne<Plate>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "plates")]
struct Plate {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "cars.id", unique)]
    car_id: Option<i64>,
    #[orm(back_populates = plate)]
    car: BelongsTo<Car>,
}

type Traffic = (Session, Vec<Handle<Car>>, Vec<Handle<Plate>>);

/// Cars with a plate each; nothing is loaded.
fn cars(count: usize) -> Result<Traffic> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Car, Plate].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let (mut cars, mut plates) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let plate = session.add(Plate::new());
        plates.push(plate);
        cars.push(session.add(Car {
            plate: plate.into(),
            ..Car::new()
        }));
    }
    session.commit()?;
    Ok((session, cars, plates))
}

/// A plate without a car is deleted by the next flush, so there must be no flush before it has a new one.
#[test]
fn exchanged_objects_are_not_orphans() -> Result<()> {
    for count in [2, 3, 5] {
        for loaded in 0..=count {
            let (mut s, cars, plates) = cars(count)?;
            for &car in &cars[..loaded] {
                s.load(car, Car::PLATE)?;
            }
            for (at, &car) in cars.iter().enumerate() {
                s.set(car, Car::PLATE, Some(plates[(at + 1) % count]))?;
            }
            s.commit()?;
            assert_eq!(Plate::query().count(&mut s)?, count as u64);
            for (at, &car) in cars.iter().enumerate() {
                let plate = plates[(at + 1) % count];
                assert_eq!(s.load(car, Car::PLATE)?, Some(plate), "{count}, {loaded}");
                assert_eq!(s.load(plate, Plate::CAR)?, Some(car), "{count}, {loaded}");
            }
        }
    }
    Ok(())
}

#[test]
fn deleted_objects_cannot_be_related() -> Result<()> {
    let (mut s, cars, plates) = cars(2)?;
    s.set(cars[0], Car::PLATE, None)?;
    s.flush()?;
    assert_eq!(s.state(plates[0]), State::Deleted);
    let refused = [
        s.set(cars[0], Car::PLATE, Some(plates[0])),
        s.set(plates[0], Plate::CAR, Some(cars[0])),
    ];
    for refused in refused {
        let error = refused.expect_err("a deleted plate");
        assert_eq!(error.kind(), ErrorKind::InvalidState, "{error}");
    }
    s.rollback()?;
    assert_eq!(s.load(cars[0], Car::PLATE)?, Some(plates[0]));

    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let author = s.add(Author::new("ann"));
    let book = s.add(Book::new("b"));
    s.commit()?;
    s.delete(book)?;
    s.flush()?;
    let error = s
        .push(author, Author::BOOKS, book)
        .expect_err("a deleted book");
    assert_eq!(error.kind(), ErrorKind::InvalidState, "{error}");
    s.commit()
}

#[test]
fn keys_move_up_for_a_new_first_one() -> Result<()> {
    for is_last_deleted in [false, true] {
        let mut f = Fixture::new()?;
        let s = &mut f.session;
        let seats = s.add_all([1, 2, 3].map(|row| Seat::new(row, "A", row == 1)));
        s.commit()?;
        let (moved, last) = match is_last_deleted {
            true => (&seats[..2], Some(seats[2])),
            false => (&seats[..], None),
        };
        last.map_or(Ok(()), |last| s.delete(last))?;
        for &seat in moved {
            s[seat].row += 1;
        }
        let new = s.add(Seat::new(1, "A", false));
        s.commit()?;
        assert_eq!(s.get::<Seat>((1, "A".to_owned()))?, Some(new));
        for (row, &seat) in (2..).zip(moved) {
            assert_eq!(s.get::<Seat>((row, "A".to_owned()))?, Some(seat));
            assert_eq!(s[seat].taken, row == 2);
        }
        f.holds::<Seat>(if is_last_deleted { 3 } else { 4 });
    }
    Ok(())
}

#[test]
fn reading_over_changes_forgets_what_references_were_set_to() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let [ann, bob] = s.add_all(["ann", "bob"].map(Author::new));
    let book = s.add(Book {
        author: ann.into(),
        ..Book::new("b")
    });
    s.commit()?;
    assert_eq!(s.load(ann, Author::BOOKS)?, [book]);
    s.no_autoflush(|s| {
        s.set(book, Book::AUTHOR, Some(bob))?;
        s.set_expr(book, Book::TITLE, "other".to_owned())?;
        Book::query().populate_existing().all(s)?;
        assert_eq!(s.load(book, Book::AUTHOR)?, Some(ann));
        assert_eq!(s.load(ann, Author::BOOKS)?, [book]);
        assert_eq!(s.load(bob, Author::BOOKS)?, []);
        assert!(!s.is_modified(book)?);
        Ok(())
    })?;
    s.commit()?;
    assert_eq!((&*s[book].title, s[book].author_id), ("b", Some(1)));
    Ok(())
}

#[test]
fn an_orphan_that_another_session_gave_a_parent_is_not_deleted() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let albums = s.add_all(["a", "b"].map(Album::new));
    let track = s.add(Track {
        album: albums[0].into(),
        ..Track::new("t", 0)
    });
    s.commit()?;
    f.in_another_session(|s| {
        let track = s.get::<Track>(1)?.expect("a row");
        s[track].album_id = 2;
        Ok(())
    })?;
    let s = &mut f.session;
    s.remove(albums[0], Album::TRACKS, track)?;
    let error = s.commit().expect_err("it has moved");
    assert_eq!(error.kind(), ErrorKind::StaleData, "{error}");
    s.rollback()?;
    assert_eq!(s.load(albums[1], Album::TRACKS)?, [track]);
    s.remove(albums[1], Album::TRACKS, track)?;
    s.commit()?;
    f.holds::<Track>(0);
    Ok(())
}
