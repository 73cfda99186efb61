//! Rows that reference new rows of tables in a cycle, which they are not part of.

use selfsame::Result;
use selfsame::prelude::*;
use selfsame_sqlite::Sqlite;

/// The first table by the order of use.
#[derive(Entity, Clone, Debug)]
#[orm(table = "signs")]
struct Sign {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "places.name")]
    place: Option<String>,
    #[orm(references = "places.id")]
    place_id: Option<i64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "places")]
struct Place {
    #[orm(primary_key)]
    id: i64,
    #[orm(unique)]
    name: String,
    #[orm(references = "cards.id")]
    card: Option<i64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "cards")]
struct Card {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "places.id")]
    place: Option<i64>,
}

#[test]
fn they_are_inserted_after_them() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Sign, Place, Card].create_all(&engine)?;
    let mut s = Session::new(&engine);
    s.add(Sign {
        place: Some("here".to_owned()),
        ..Sign::new(1)
    });
    s.add(Sign {
        place_id: Some(1),
        ..Sign::new(2)
    });
    s.add(Place::new(1, "here"));
    s.add(Card::new(1));
    s.commit()
}
