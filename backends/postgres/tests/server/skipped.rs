//! Rows that a trigger or a rule skips without an error: the session reports them, however they were sent.

use selfsame::prelude::*;
use selfsame::{Error, ErrorKind, Result};
use selfsame_postgres::testing::Server;

use crate::support::{Case, execute, fixture};

pub(crate) const CASES: &[Case] = &[
    ("skipped_by_a_trigger", by_a_trigger),
    ("skipped_by_a_rule", by_a_rule),
];

/// The database generates its key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "guests")]
struct Guest {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    #[orm(secondary = "guest_rooms(guest_id, room_name)")]
    rooms: ManyToMany<Room>,
}

/// The program assigns its key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "rooms")]
struct Room {
    #[orm(primary_key)]
    name: String,
    size: i32,
}

/// The program assigns its key, and the database another column.
#[derive(Entity, Clone, Debug)]
#[orm(table = "beds")]
struct Bed {
    #[orm(primary_key)]
    name: String,
    #[orm(server_default = "7")]
    width: Auto<i32>,
}

const NO: &str = "no";

fn skipped<T>(session: &mut Session, result: Result<T>, kind: ErrorKind, entity: &str) -> Error {
    let Err(error) = result else {
        panic!("{entity}: a row was skipped in silence")
    };
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(error.entity_name(), Some(entity), "{error}");
    assert!(error.statement_text().is_some(), "{error}");
    session.rollback().expect("rolls back");
    error
}

fn none_of<E: Entity>(session: &mut Session) {
    assert_eq!(E::query().count(session).expect("counts"), 0, "rows stay");
    session.rollback().expect("rolls back");
}

/// One name, or several with the skipped one in different places.
const NAMES: &[&[&str]] = &[&[NO], &[NO, "a"], &["a", NO], &["a", NO, "b", "c"]];

fn by_a_trigger(server: &Server) {
    let fixture = fixture(server);
    let mut connection = fixture.connection;
    let engine = Engine::new(fixture.database.backend());
    metadata![Guest, Room, Bed]
        .create_all(&engine)
        .expect("creates");
    let function = "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF TG_OP = 'INSERT' THEN RETURN CASE WHEN NEW.name = 'no' THEN NULL ELSE NEW END; END IF; \
         RETURN CASE WHEN OLD.name = 'kept' THEN NULL WHEN TG_OP = 'UPDATE' THEN NEW ELSE OLD END; END $$";
    execute(&mut *connection, function).expect("a function");
    for table in ["guests", "rooms", "beds"] {
        let trigger = format!(
            "CREATE TRIGGER skip BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION skip()"
        );
        execute(&mut *connection, &trigger).expect("a trigger");
    }
    let mut s = Session::new(&engine);
    for names in NAMES {
        s.add_all(names.iter().copied().map(Guest::new).collect::<Vec<_>>());
        let result = s.commit();
        skipped(&mut s, result, ErrorKind::Database, "Guest");
        none_of::<Guest>(&mut s);

        let rooms = || names.iter().map(|&name| Room::new(name, 1));
        s.add_all(rooms().collect::<Vec<_>>());
        let result = s.commit();
        let error = skipped(&mut s, result, ErrorKind::Database, "Room");
        assert_eq!(error.key_text(), Some("\"no\""));
        none_of::<Room>(&mut s);
        let result = s.insert_all(rooms());
        skipped(&mut s, result, ErrorKind::Database, "Room");
        none_of::<Room>(&mut s);

        s.add_all(names.iter().copied().map(Bed::new).collect::<Vec<_>>());
        let result = s.commit();
        let error = skipped(&mut s, result, ErrorKind::Database, "Bed");
        assert_eq!(error.key_text(), Some("\"no\""));
        none_of::<Bed>(&mut s);
    }

    let rooms = s.add_all(["a", "kept", "b"].map(|name| Room::new(name, 1)));
    s.commit().expect("commits");
    for changed in [&rooms[1..2], &rooms[..]] {
        Room::query().all(&mut s).expect("reads");
        for &room in changed {
            s[room].size = 2;
        }
        let result = s.commit();
        let error = skipped(&mut s, result, ErrorKind::StaleData, "Room");
        assert_eq!(error.key_text(), Some("\"kept\""));
        for &room in changed {
            s.set_expr(room, Room::SIZE, Room::SIZE + 1)
                .expect("is set");
        }
        let result = s.commit();
        skipped(&mut s, result, ErrorKind::StaleData, "Room");
        for &room in changed {
            s.delete(room).expect("is marked");
        }
        let result = s.commit();
        let error = skipped(&mut s, result, ErrorKind::StaleData, "Room");
        assert_eq!(error.key_text(), Some("\"kept\""));
    }
    let sizes: Vec<i32> = Room::query().select(Room::SIZE).all(&mut s).expect("reads");
    assert_eq!(sizes, [1, 1, 1]);
}

fn by_a_rule(server: &Server) {
    let fixture = fixture(server);
    let mut connection = fixture.connection;
    let engine = Engine::new(fixture.database.backend());
    metadata![Guest, Room, Bed]
        .create_all(&engine)
        .expect("creates");
    let mut s = Session::new(&engine);
    let guest = s.add(Guest::new("ann"));
    let rooms = s.add_all(["a", "b"].map(|name| Room::new(name, 1)));
    s.commit().expect("commits");
    for what in ["INSERT", "UPDATE", "DELETE"] {
        let rule = format!("CREATE RULE no_{what} AS ON {what} TO rooms DO INSTEAD NOTHING");
        execute(&mut *connection, &rule).expect("a rule");
    }
    let rule = "CREATE RULE no_pair AS ON INSERT TO guest_rooms DO INSTEAD NOTHING";
    execute(&mut *connection, rule).expect("a rule");
    for count in [1, 2] {
        let new = ["c", "d"].map(|name| Room::new(name, 1));
        s.add_all(new[..count].to_vec());
        let result = s.commit();
        skipped(&mut s, result, ErrorKind::Database, "Room");
        for &room in &rooms[..count] {
            s.push(guest, Guest::ROOMS, room).expect("is pushed");
        }
        let result = s.commit();
        skipped(&mut s, result, ErrorKind::Database, "guest_rooms");
        Room::query().all(&mut s).expect("reads");
        for &room in &rooms[..count] {
            s[room].size = 5;
        }
        let result = s.commit();
        skipped(&mut s, result, ErrorKind::StaleData, "Room");
        for &room in &rooms[..count] {
            s.delete(room).expect("is marked");
        }
        let result = s.commit();
        skipped(&mut s, result, ErrorKind::StaleData, "Room");
    }
}
