//! A row that moves to a new parent frees the key that the old one gave it: for a new row, in the same flush.

use selfsame::Result;
use selfsame::prelude::*;
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "halls")]
struct Hall {
    #[orm(primary_key)]
    code: String,
    #[orm(back_populates = hall, cascade = "all, delete-orphan")]
    stools: HasMany<Stool>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "stools")]
struct Stool {
    #[orm(primary_key, references = "halls.code")]
    hall_code: String,
    #[orm(primary_key)]
    number: i32,
    guest: Option<String>,
    #[orm(back_populates = stools)]
    hall: BelongsTo<Hall>,
}

type Add = fn(&mut Session, Handle<Hall>) -> Result<()>;

/// Ways to add a stool 2 to the first hall.
const ADD: [Add; 3] = [
    |session, _| {
        session.add(Stool::new("p0", 2));
        Ok(())
    },
    |session, hall| {
        let new = session.add(Stool::new("", 2));
        session.set(new, Stool::HALL, hall)
    },
    |session, hall| {
        let new = session.add(Stool::new("", 2));
        session.push(hall, Hall::STOOLS, new)
    },
];

#[test]
fn the_key_that_a_moved_row_leaves_is_free() -> Result<()> {
    for (at, add) in ADD.iter().enumerate() {
        for (is_shifted, is_committed) in [(false, false), (false, true), (true, false)] {
            let engine = Engine::new(Sqlite::memory());
            metadata![Hall, Stool].create_all(&engine)?;
            let mut session = Session::new(&engine);
            let hall = session.add(Hall::new("p0"));
            let number = if is_shifted { 1 } else { 2 };
            let stool = session.add(Stool {
                guest: Some("ann".to_owned()),
                ..Stool::new("p0", number)
            });
            match is_committed {
                true => session.commit()?,
                false => session.flush()?,
            }
            let key = ("p0".to_owned(), number);
            assert_eq!(session.get::<Stool>(key)?, Some(stool));
            session[stool].number = 2;
            let new = session.add(Hall::new("p4"));
            session.set(stool, Stool::HALL, new)?;
            add(&mut session, hall)?;
            session.commit()?;
            let text = "SELECT hall_code, number, guest FROM stools ORDER BY hall_code";
            let rows: Vec<(String, i32, Option<String>)> = session.sql(text, ()).all()?;
            let expected = [
                ("p0".to_owned(), 2, None),
                ("p4".to_owned(), 2, Some("ann".to_owned())),
            ];
            assert_eq!(rows, expected, "{at}");
            let key = ("p4".to_owned(), 2);
            assert_eq!(session.get::<Stool>(key)?, Some(stool), "{at}");
        }
    }
    Ok(())
}
