//! Tables as other programs declare them: inserts, changes and deletes are correct, or fail with an error.

use selfsame::prelude::*;
use selfsame::value::{Decimal, Timestamp};
use selfsame_postgres::testing::Server;

use crate::support::{Case, execute, fixture};

pub(crate) const CASES: &[Case] = &[
    ("others_nulls_that_are_not_distinct", nulls_not_distinct),
    ("others_share_a_sequence", a_shared_sequence),
    ("others_match_full", match_full),
    ("others_view_with_triggers", a_view_with_triggers),
    ("others_keys_generated_always", keys_generated_always),
    ("others_deferrable_primary_keys", deferrable_primary_keys),
    (
        "others_arrays_that_are_rewritten",
        arrays_that_are_rewritten,
    ),
    (
        "others_generated_values_that_do_not_fit",
        generated_values_that_do_not_fit,
    ),
    (
        "others_rows_of_others_stay_after_a_failed_insert",
        rows_of_others_stay_after_a_failed_insert,
    ),
    ("others_decimals_of_filters", decimals_of_filters),
];

#[derive(Entity, Clone, Debug)]
#[orm(table = "members")]
struct Member {
    #[orm(primary_key)]
    id: i64,
    #[orm(unique)]
    nick: Option<String>,
}

/// With at most one NULL: exchanging values succeeds, or is refused.
fn nulls_not_distinct(server: &Server) {
    let mut fixture = fixture(server);
    let table = "CREATE TABLE members (id bigint PRIMARY KEY, nick text UNIQUE NULLS NOT DISTINCT)";
    if execute(&mut *fixture.connection, table).is_err() {
        // Since version 15.
        return;
    }
    let engine = Engine::new(fixture.database.backend());
    let mut session = Session::new(&engine);
    let member = |id, nick: Option<&str>| Member {
        id,
        nick: nick.map(str::to_owned),
    };
    let [a, b, c] =
        [(1, None), (2, Some("b")), (3, Some("c"))].map(|(id, nick)| session.add(member(id, nick)));
    session.commit().expect("one NULL");
    session.add(member(4, None));
    let error = session.commit().expect_err("a second NULL");
    assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error}");
    session.rollback().expect("rolls back");
    session[a].nick = Some("b".to_owned());
    session[b].nick = None;
    session[c].nick = Some("d".to_owned());
    let flushed = session.commit();
    let mut other = Session::new(&engine);
    let nicks = Member::query()
        .order_by(Member::ID.asc())
        .select(Member::NICK);
    let nicks: Vec<Option<String>> = nicks.all(&mut other).expect("reads");
    let text = |nick: &str| Some(nick.to_owned());
    match flushed {
        Ok(()) => assert_eq!(nicks, [text("b"), None, text("d")]),
        Err(error) => {
            assert_eq!(nicks, [None, text("b"), text("c")], "{error}");
        }
    }
}

macro_rules! counted {
    ($entity:ident, $table:tt) => {
        #[derive(Entity, Clone, Debug)]
        #[orm(table = $table)]
        struct $entity {
            #[orm(primary_key)]
            id: Auto<i64>,
            name: String,
        }
    };
}
counted!(Apple, "apples");
counted!(Pear, "pears");

fn a_shared_sequence(server: &Server) {
    let mut fixture = fixture(server);
    let tables = "CREATE SEQUENCE fruit INCREMENT BY 3;
        CREATE TABLE apples (id bigint PRIMARY KEY DEFAULT nextval('fruit'), name text NOT NULL);
        CREATE TABLE pears (id bigint PRIMARY KEY DEFAULT nextval('fruit'), name text NOT NULL)";
    execute(&mut *fixture.connection, tables).expect("tables");
    let engine = Engine::new(fixture.database.backend());
    let mut session = Session::new(&engine);
    let names = ["a", "b", "c"];
    let apples = names.map(|name| session.add(Apple::new(name)));
    let pears = names.map(|name| session.add(Pear::new(name)));
    session.flush().expect("inserts");
    let apple_keys = apples.map(|apple| *session[apple].id);
    let pear_keys = pears.map(|pear| *session[pear].id);
    session.commit().expect("commits");
    session.clear();
    for ((apple, pear), name) in apple_keys.into_iter().zip(pear_keys).zip(names) {
        let apple = session.get::<Apple>(apple).expect("reads").expect("a row");
        let pear = session.get::<Pear>(pear).expect("reads").expect("a row");
        assert_eq!((&*session[apple].name, &*session[pear].name), (name, name));
    }
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "flats")]
struct Flat {
    #[orm(primary_key)]
    street: String,
    #[orm(primary_key)]
    number: i32,
    #[orm(back_populates = flat)]
    tenants: HasMany<Tenant>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tenants")]
#[orm(foreign_key(columns(street, number), references = "flats(street, number)"))]
struct Tenant {
    #[orm(primary_key)]
    id: i64,
    street: Option<String>,
    number: Option<i32>,
    #[orm(back_populates = tenants)]
    flat: BelongsTo<Flat>,
}

fn match_full(server: &Server) {
    let mut fixture = fixture(server);
    let tables = "CREATE TABLE flats (street text, number integer, PRIMARY KEY (street, number));
        CREATE TABLE tenants (id bigint PRIMARY KEY, street text, number integer,
            FOREIGN KEY (street, number) REFERENCES flats MATCH FULL)";
    execute(&mut *fixture.connection, tables).expect("tables");
    let engine = Engine::new(fixture.database.backend());
    let mut session = Session::new(&engine);
    let flat = session.add(Flat::new("Main St", 1));
    let tenant = session.add(Tenant::new(1));
    session
        .set(tenant, Tenant::FLAT, Some(flat))
        .expect("relates");
    session.commit().expect("both columns");
    session.set(tenant, Tenant::FLAT, None).expect("relates");
    session.commit().expect("neither column");
    session[tenant].street = Some("Main St".to_owned());
    let error = session.commit().expect_err("one column");
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation, "{error}");
    session.rollback().expect("rolls back");
    session
        .set(tenant, Tenant::FLAT, Some(flat))
        .expect("relates");
    session.commit().expect("both columns");
    session.delete(flat).expect("deletes");
    session.commit().expect("the tenant leaves");
    session.refresh(tenant).expect("reads");
    assert_eq!(
        (&session[tenant].street, session[tenant].number),
        (&None, None)
    );
}

counted!(Thing, "things");

/// Triggers that return the row's key, or do not.
fn a_view_with_triggers(server: &Server) {
    for (returned, is_reported) in [("NEW", true), ("NULL", false), ("NO_KEY", false)] {
        let mut fixture = fixture(server);
        let end = match returned {
            // The generated key is not returned.
            "NO_KEY" => "NEW.id := NULL; RETURN NEW;",
            other => &format!("RETURN {other};"),
        };
        let tables = format!(
            "CREATE TABLE all_things (id bigserial PRIMARY KEY, name text NOT NULL);
            CREATE VIEW things AS SELECT * FROM all_things;
            CREATE FUNCTION put() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO all_things (name) VALUES (NEW.name) RETURNING id INTO NEW.id; {end} END $$;
            CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                UPDATE all_things SET name = NEW.name WHERE id = OLD.id; RETURN NEW; END $$;
            CREATE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                DELETE FROM all_things WHERE id = OLD.id; RETURN OLD; END $$;
            CREATE TRIGGER putting INSTEAD OF INSERT ON things FOR EACH ROW EXECUTE FUNCTION put();
            CREATE TRIGGER changing INSTEAD OF UPDATE ON things FOR EACH ROW EXECUTE FUNCTION change();
            CREATE TRIGGER taking INSTEAD OF DELETE ON things FOR EACH ROW EXECUTE FUNCTION take()"
        );
        execute(&mut *fixture.connection, &tables).expect("tables");
        let engine = Engine::new(fixture.database.backend());
        let mut session = Session::new(&engine);
        let [one, two] = ["one", "two"].map(|name| session.add(Thing::new(name)));
        let inserted = session.commit();
        if !is_reported {
            inserted.expect_err("no key is reported");
            session.rollback().expect("rolls back");
            continue;
        }
        inserted.expect("inserts");
        session[one].name = "first".to_owned();
        session.delete(two).expect("deletes");
        session.commit().expect("changes and deletes");
        let mut other = Session::new(&engine);
        let names: Vec<String> = Thing::query()
            .select(Thing::NAME)
            .all(&mut other)
            .expect("reads");
        assert_eq!(names, ["first"]);
    }
}

fn keys_generated_always(server: &Server) {
    let mut fixture = fixture(server);
    let table = "CREATE TABLE apples (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, name text NOT NULL)";
    execute(&mut *fixture.connection, table).expect("tables");
    let engine = Engine::new(fixture.database.backend());
    let mut session = Session::new(&engine);
    let given = session.add(Apple {
        id: Auto::set(7),
        ..Apple::new("given")
    });
    let counted = session.add(Apple::new("counted"));
    session.flush().expect("inserts both");
    assert_eq!((*session[given].id, *session[counted].id), (7, 1));
    session.commit().expect("commits");
    session[given].id = Auto::set(8);
    session
        .commit()
        .expect_err("the server lets nobody change such a key");
    session.rollback().expect("rolls back");
    assert_eq!(Apple::query().count(&mut session).expect("counts"), 2);
    session.delete(given).expect("deletes");
    let again = session.add(Apple {
        id: Auto::set(7),
        ..Apple::new("again")
    });
    session.commit().expect("a row takes over");
    session.refresh(again).expect("reads");
    assert_eq!(session[again].name, "again");
}

/// A key that is checked at the end is a key like others: rows are found, pass keys on, and are deleted by it.
fn deferrable_primary_keys(server: &Server) {
    let mut fixture = fixture(server);
    execute(
        &mut *fixture.connection,
        "CREATE TABLE members (id bigint PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, nick text)",
    )
    .expect("a table");
    let engine = Engine::new(fixture.database.backend());
    let mut session = Session::new(&engine);
    let member = |id, nick: &str| Member {
        id,
        nick: Some(nick.to_owned()),
    };
    let [a, b, c] = [(1, "a"), (2, "b"), (3, "c")].map(|(id, nick)| session.add(member(id, nick)));
    session.commit().expect("inserts");
    let rows = |engine: &Engine| -> Vec<(i64, Option<String>)> {
        let rows = Member::query().order_by(Member::ID.asc());
        let rows = rows.select((Member::ID, Member::NICK));
        rows.all(&mut Session::new(engine)).expect("reads")
    };
    let row = |id, nick: &str| (id, Some(nick.to_owned()));
    session.delete(a).expect("marks");
    session[b].id = 1;
    session[c].id = 2;
    session.commit().expect("keys are passed on");
    assert_eq!(rows(&engine), [row(1, "b"), row(2, "c")]);
    session[b].id = 2;
    session[c].id = 1;
    match session.commit() {
        Ok(()) => assert_eq!(rows(&engine), [row(1, "c"), row(2, "b")]),
        Err(error) => {
            assert_eq!(rows(&engine), [row(1, "b"), row(2, "c")], "{error}");
            session.rollback().expect("rolls back");
        }
    }
    let mut session = Session::new(&engine);
    session.add(member(1, "again"));
    let error = session.commit().expect_err("the key is there");
    assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error}");
    session.rollback().expect("rolls back");
    assert_eq!(rows(&engine).len(), 2);
    // The same in one statement, whose rows are checked by COMMIT.
    let twice = [member(7, "x"), member(7, "y")];
    let inserted = session.insert_all(twice);
    let error = inserted.map(drop).and_then(|()| session.commit());
    let error = error.expect_err("a key twice");
    assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error}");
    session.rollback().expect("rolls back");
    assert_eq!(rows(&engine).len(), 2);
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "grids")]
struct Grid {
    #[orm(primary_key)]
    id: i64,
    cells: Vec<Vec<i32>>,
    documents: Vec<serde_json::Value>,
    deep: Vec<Vec<serde_json::Value>>,
}

/// The server writes the numbers of documents in its own way, and has no empty arrays in an array: memory has what is stored.
fn arrays_that_are_rewritten(server: &Server) {
    let fixture = fixture(server);
    let engine = Engine::new(fixture.database.backend());
    metadata![Grid].create_all(&engine).expect("creates");
    let mut session = Session::new(&engine);
    let empty: Vec<Vec<i32>> = Vec::new();
    for (id, cells) in [
        (1, empty.clone()),
        (2, vec![vec![1, 2], vec![3, 4]]),
        (3, vec![vec![]]),
    ] {
        let documents = vec![serde_json::json!(1e16), serde_json::json!({"a": -0.0})];
        let (documents, deep) = match id {
            1 => (documents, Vec::new()),
            _ => (Vec::new(), vec![documents]),
        };
        let grid = session.add(Grid::new(id, cells, documents, deep));
        if let Err(error) = session.flush() {
            // Before version 17.
            assert_eq!((id, error.kind()), (3, ErrorKind::OutOfRange), "{error}");
            break;
        }
        let in_memory = session[grid].clone();
        session.refresh(grid).expect("reads");
        let stored = session[grid].clone();
        assert_eq!(format!("{in_memory:?}"), format!("{stored:?}"), "{id}");
    }
}

/// Rows do not stay if a value that the database generated does not fit its field, also where the INSERT commits itself.
fn generated_values_that_do_not_fit(server: &Server) {
    #[derive(Entity, Clone, Debug)]
    #[orm(table = "narrow")]
    struct Narrow {
        #[orm(primary_key)]
        id: Auto<i32>,
        name: String,
        #[orm(server_default = "now()")]
        at: Auto<Timestamp>,
    }
    for (start, default) in [("3000000000", "now()"), ("1", "'infinity'")] {
        let mut fixture = fixture(server);
        let table = format!(
            "CREATE TABLE narrow (id bigint GENERATED ALWAYS AS IDENTITY (START {start}) PRIMARY KEY, name text, \
             at timestamp DEFAULT {default})"
        );
        execute(&mut *fixture.connection, &table).expect("a table");
        let engine = Engine::new(fixture.database.backend());
        for names in [&["a"][..], &["b", "c", "d"]] {
            let mut session = Session::new(&engine);
            session.add_all(
                names
                    .iter()
                    .map(|name| Narrow::new(*name))
                    .collect::<Vec<_>>(),
            );
            let error = session.commit().expect_err("does not fit");
            assert_eq!(error.kind(), ErrorKind::Conversion, "{error}");
            session.rollback().expect("rolls back");
            let rows = session.sql("SELECT count(*) FROM narrow", ()).one::<i64>();
            assert_eq!(rows.expect("counts"), 0, "{start} {default} {names:?}");
        }
    }
}

/// A key that does not fit its field may be that of other rows too, or of a row that a trigger has changed.
fn rows_of_others_stay_after_a_failed_insert(server: &Server) {
    #[derive(Entity, Clone, Debug)]
    #[orm(table = "log")]
    struct Entry {
        #[orm(primary_key)]
        id: Auto<i32>,
        name: String,
    }
    let table = "CREATE TABLE log (id bigint DEFAULT 3000000000, name text); INSERT INTO log (name) VALUES ('a'), ('b')";
    let view = "CREATE TABLE words (id bigint, name text); INSERT INTO words VALUES (3000000000, 'a'), (2, 'b'); \
        CREATE VIEW log AS SELECT * FROM words; \
        CREATE FUNCTION put() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            UPDATE words SET name = NEW.name WHERE id > 2 RETURNING id INTO NEW.id; RETURN NEW; END $$; \
        CREATE TRIGGER putting INSTEAD OF INSERT ON log FOR EACH ROW EXECUTE FUNCTION put()";
    let rule = "CREATE TABLE log (id bigint PRIMARY KEY, name text); INSERT INTO log VALUES (3000000000, 'a'); \
        CREATE TABLE words (id bigint DEFAULT 3000000000, name text); \
        CREATE RULE putting AS ON INSERT TO log DO INSTEAD INSERT INTO words (name) VALUES (NEW.name) RETURNING words.*";
    let refused = "CREATE TABLE log (id bigint PRIMARY KEY DEFAULT 3000000000, name text); \
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'stays'; END $$; \
        CREATE TRIGGER refusing BEFORE DELETE ON log FOR EACH ROW EXECUTE FUNCTION refuse()";
    for (tables, rows) in [(table, 3), (view, 2), (rule, 1), (refused, 1)] {
        let mut fixture = fixture(server);
        execute(&mut *fixture.connection, tables).expect("a table");
        let engine = Engine::new(fixture.database.backend());
        let mut session = Session::new(&engine);
        session.add(Entry::new("new"));
        let error = session.commit().expect_err("does not fit");
        assert_eq!(error.kind(), ErrorKind::Conversion, "{error}");
        assert!(
            error.message().contains("may be in the database"),
            "{error}"
        );
        session.rollback().expect("rolls back");
        let count = session.sql("SELECT count(*) FROM log", ()).one::<i64>();
        assert_eq!(count.expect("counts"), rows, "{tables}");
    }
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "prices")]
struct Price {
    #[orm(primary_key)]
    id: i64,
    price: Decimal,
}

/// What is only compared need not be readable; what is stored must be.
fn decimals_of_filters(server: &Server) {
    let fixture = fixture(server);
    let engine = Engine::new(fixture.database.backend());
    metadata![Price].create_all(&engine).expect("creates");
    let mut session = Session::new(&engine);
    let one: Decimal = format!("1.{}", "0".repeat(38)).parse().expect("a decimal");
    let price = session.add(Price::new(1, one));
    session.commit().expect("is 1");
    session.refresh(price).expect("reads");
    assert_eq!(session[price].price, Decimal::new(1, 0));
    for bound in [Decimal::new(i128::MAX, 0), Decimal::new(i128::MAX, 38)] {
        let rows = Price::query().filter(Price::PRICE.le(bound));
        assert_eq!(rows.all(&mut session).expect("compares").len(), 1);
        let given = [bound, bound];
        let rows = Price::query().filter(Price::PRICE.in_(given));
        assert_eq!(rows.all(&mut session).expect("compares").len(), 0);
    }
    session[price].price = Decimal::new(i128::MAX, 0);
    let error = session.commit().expect_err("could not be read again");
    assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}");
    session.rollback().expect("rolls back");
    session.add(Price::new(2, Decimal::new(i128::MAX, 0)));
    let error = session.commit().expect_err("could not be read again");
    assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}");
}
