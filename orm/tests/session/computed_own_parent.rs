//! A row that references itself, whose key changes and whose reference is set to an expression, in one flush.

use selfsame::Result;
use selfsame::prelude::*;
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "places")]
struct Place {
    #[orm(primary_key)]
    code: String,
    #[orm(references = "places.code")]
    parent: Option<String>,
}

#[test]
fn a_row_lets_itself_go_before_its_key_changes() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Place].create_all(&engine)?;
    let mut s = Session::new(&engine);
    let place = s.add(Place {
        parent: Some("old".to_owned()),
        ..Place::new("old")
    });
    s.flush()?;
    s[place].code = "new".to_owned();
    s.set_expr(place, Place::PARENT, None::<String>)?;
    s.commit()?;
    let rows = s.sql("SELECT code, parent FROM places", ());
    let rows = rows.all::<(String, Option<String>)>()?;
    assert_eq!(rows, [("new".to_owned(), None)]);
    Ok(())
}
