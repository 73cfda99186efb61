//! Rows whose keys change because a relation gives them another parent: rows that reference them follow.

use selfsame::Result;
use selfsame::prelude::*;
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "places")]
struct Place {
    #[orm(primary_key)]
    code: String,
    #[orm(back_populates = place)]
    seats: HasMany<Seat>,
}

/// Half of its key is that of its place.
#[derive(Entity, Clone, Debug)]
#[orm(table = "seats")]
struct Seat {
    #[orm(primary_key, references = "places.code", on_update = "cascade")]
    place_code: String,
    #[orm(primary_key)]
    number: i32,
    #[orm(back_populates = seats)]
    place: BelongsTo<Place>,
    #[orm(back_populates = seat)]
    bookings: HasMany<Booking>,
}

#[derive(Entity, Clone, Debug)]
#[orm(
    table = "bookings",
    foreign_key(
        columns(place_code, number),
        references = "seats(place_code, number)",
        on_update = "cascade"
    )
)]
struct Booking {
    #[orm(primary_key)]
    id: Auto<i64>,
    place_code: String,
    number: Option<i32>,
    #[orm(key = "place_code, number", back_populates = bookings)]
    seat: BelongsTo<Seat>,
}

#[test]
fn a_booking_follows_its_seat_to_another_place() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Place, Seat, Booking].create_all(&engine)?;
    let mut s = Session::new(&engine);
    let [_, b] = s.add_all(["a", "b"].map(Place::new));
    let seat = s.add(Seat::new("a", 1));
    let booking = s.add(Booking {
        number: Some(1),
        ..Booking::new("a")
    });
    s.flush()?;
    s.load(seat, Seat::BOOKINGS)?;

    s.set(seat, Seat::PLACE, b)?;
    s.flush()?;
    // A seat with the old key is another one.
    let other = s.add(Seat::new("a", 1));
    s.flush()?;
    assert_eq!(s.load(booking, Booking::SEAT)?, Some(seat));
    assert_eq!(s[booking].place_code, "b");
    assert_eq!(s.load(seat, Seat::BOOKINGS)?, [booking]);
    assert!(s.load(other, Seat::BOOKINGS)?.is_empty());
    s.commit()
}

#[test]
fn a_seat_takes_the_key_that_another_leaves_by_a_relation() -> Result<()> {
    for is_new in [false, true] {
        let engine = Engine::new(Sqlite::memory());
        metadata![Place, Seat, Booking].create_all(&engine)?;
        let mut s = Session::new(&engine);
        let [_, b] = s.add_all(["a", "b"].map(Place::new));
        let seats = [("a", 1), ("a", 2), ("a", 3), ("b", 3)];
        let [first, second, third, last] = s.add_all(seats.map(|(at, n)| Seat::new(at, n)));
        let booking = s.add(Booking {
            number: Some(2),
            ..Booking::new("a")
        });
        s.commit()?;

        // The last one goes to a place that may be new, the third one to its key, and the second one to the third one's.
        let c = s.add(Place::new("c"));
        if !is_new {
            s.commit()?;
        }
        s.set(last, Seat::PLACE, c)?;
        s.set(third, Seat::PLACE, b)?;
        s.get::<Seat>(("a".to_owned(), 1))?;
        s.get::<Seat>(("a".to_owned(), 2))?;
        s[second].number = 3;
        s[first].number = 2;
        s.commit()?;
        let keys = [first, second, third, last].map(|seat| {
            s.refresh(seat)?;
            Ok((s[seat].place_code.clone(), s[seat].number))
        });
        let keys = keys.into_iter().collect::<Result<Vec<_>>>()?;
        let expected = [("a", 2), ("a", 3), ("b", 3), ("c", 3)];
        assert_eq!(keys, expected.map(|(at, n)| (at.to_owned(), n)));
        assert_eq!(s.load(booking, Booking::SEAT)?, Some(second));
    }
    Ok(())
}

/// The key that the column alone would give is another seat's.
#[test]
fn a_seat_changes_both_parts_of_its_key() -> Result<()> {
    for is_new in [false, true] {
        let engine = Engine::new(Sqlite::memory());
        metadata![Place, Seat, Booking].create_all(&engine)?;
        let mut s = Session::new(&engine);
        let [_, b] = s.add_all(["a", "b"].map(Place::new));
        let numbers = if is_new { [3, 6] } else { [3, 5] };
        let [seat, _] = s.add_all(numbers.map(|number| Seat::new("a", number)));
        s.commit()?;
        let to = if is_new { s.add(Place::new("c")) } else { b };
        s.get::<Seat>(("a".to_owned(), 3))?;
        s[seat].number = 5;
        s.set(seat, Seat::PLACE, to)?;
        s.commit()?;
        s.refresh(seat)?;
        let code = s.get::<Place>(s[seat].place_code.clone())?;
        assert_eq!((code, s[seat].number), (Some(to), 5));
    }
    Ok(())
}

/// Only a part of its reference changes, and the database changes the other part with the seat that it leaves.
#[test]
fn a_booking_goes_to_another_seat_while_its_own_moves() -> Result<()> {
    for (by_column, seat_by_column) in [(false, false), (true, false), (false, true), (true, true)]
    {
        for is_there in [false, true] {
            let engine = Engine::new(Sqlite::memory());
            metadata![Place, Seat, Booking].create_all(&engine)?;
            let mut s = Session::new(&engine);
            let [_, b] = s.add_all(["a", "b"].map(Place::new));
            let [moves, stays] = s.add_all([Seat::new("a", 1), Seat::new("a", 2)]);
            if is_there {
                s.add(Seat::new("b", 2));
            }
            let booking = s.add(Booking {
                number: Some(1),
                ..Booking::new("a")
            });
            s.commit()?;
            Seat::query().all(&mut s)?;
            s.get::<Booking>(1)?;
            match seat_by_column {
                true => s[moves].place_code = "b".into(),
                false => s.set(moves, Seat::PLACE, b)?,
            }
            match by_column {
                true => s[booking].number = Some(2),
                false => s.set(booking, Booking::SEAT, Some(stays))?,
            }
            s.commit()?;
            assert_eq!(
                s.load(booking, Booking::SEAT)?,
                Some(stays),
                "{by_column} {is_there}"
            );
            assert_eq!((&*s[booking].place_code, s[booking].number), ("a", Some(2)));
        }
    }
    Ok(())
}
