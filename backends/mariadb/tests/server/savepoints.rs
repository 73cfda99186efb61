//! Savepoints of the session beside those of raw SQL.

use selfsame::backend::Backend;
use selfsame::prelude::*;

use crate::support::{database, number};

#[derive(Entity, Clone, Debug)]
#[orm(table = "notes")]
struct Note {
    #[orm(primary_key)]
    id: i64,
    body: String,
}

/// A name denotes one savepoint at a time: raw SQL must not take over one of the session.
#[test]
fn a_savepoint_of_raw_sql_takes_over_none_of_the_session() {
    let Some(database) = database() else { return };
    let engine = Engine::new(database.backend());
    metadata![Note].create_all(&engine).expect("creates");
    let mut session = Session::new(&engine);
    for name in ["s0", "s1", "a", "selfsame_1", "selfsame"] {
        let undone: selfsame::Result<()> = session.savepoint(|session| {
            session.add(Note::new(1, "before"));
            session.flush()?;
            session.sql(format!("SAVEPOINT {name}"), ()).execute()?;
            session.add(Note::new(2, "after"));
            session.flush()?;
            Err(Error::new(ErrorKind::Validation, "a change of mind"))
        });
        let error = undone.expect_err("on purpose");
        assert_eq!(error.kind(), ErrorKind::Validation, "{name}: {error}");
        session.commit().expect("commits");
        let mut connection = database.backend().connect().expect("connects");
        let left = number(&mut *connection, "SELECT COUNT(*) FROM notes");
        assert_eq!(left, Some(0), "{name}");
    }
}
