//! Roles that may not see or change everything: row-level security, privileges on columns, views that check, foreign tables.

use selfsame::prelude::*;
use selfsame::sql::{excluded, insert_into};
use selfsame::value::Timestamp;
use selfsame::{ErrorKind, Result};
use selfsame_postgres::Postgres;
use selfsame_postgres::testing::{Database, Server};

use crate::support::{Case, Fixture, execute, fixture};

pub(crate) const CASES: &[Case] = &[
    ("restricted_rows", rows),
    ("restricted_columns", columns),
    ("restricted_to_inserts", inserts_only),
    ("restricted_by_a_view", a_view_that_checks),
    ("restricted_by_rules", rules),
    ("restricted_foreign_tables", foreign_tables),
    ("restricted_uniques_as_targets", uniques_as_targets),
    ("restricted_partial_uniques", partial_uniques),
    (
        "restricted_index_that_was_never_built",
        an_index_that_was_never_built,
    ),
];

/// A role of a test's own, dropped with its rights.
struct Role<'a> {
    fixture: &'a mut Fixture,
    name: String,
}

impl<'a> Role<'a> {
    fn new(fixture: &'a mut Fixture, rights: &str) -> Self {
        let name = format!("{}_user", fixture.database.name());
        let schema = fixture.database.name();
        let sql = format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'own'; GRANT USAGE ON SCHEMA {schema} TO {name}; {}",
            rights.replace("ROLE", &name)
        );
        execute(&mut *fixture.connection, &sql).expect("a role");
        Self { fixture, name }
    }

    fn engine(&self) -> Engine {
        Engine::new(as_role(&self.fixture.database, &self.name))
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        let sql = format!("DROP OWNED BY {0}; DROP ROLE {0}", self.name);
        let _ = execute(&mut *self.fixture.connection, &sql);
    }
}

fn as_role(database: &Database, role: &str) -> Postgres {
    let url = database.url();
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (_, place) = rest.split_once('@').expect("a user");
    Postgres::url(&format!("{scheme}://{role}:own@{place}")).expect("a URL")
}

fn refused<T>(session: &mut Session, result: Result<T>, kind: ErrorKind, part: &str) {
    let Err(error) = result else {
        panic!("{part}: nothing was said")
    };
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(part), "{error}");
    session.rollback().expect("rolls back");
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "notes")]
struct Note {
    #[orm(primary_key)]
    id: i64,
    owner: String,
    body: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "counted")]
struct Counted {
    #[orm(primary_key)]
    id: Auto<i64>,
    owner: String,
}

fn rows(server: &Server) {
    let mut fixture = fixture(server);
    let tables =
        "CREATE TABLE notes (id bigint PRIMARY KEY, owner text NOT NULL, body text NOT NULL);
        CREATE TABLE counted (id bigserial PRIMARY KEY, owner text NOT NULL);
        ALTER TABLE notes ENABLE ROW LEVEL SECURITY; ALTER TABLE counted ENABLE ROW LEVEL SECURITY;
        INSERT INTO notes VALUES (1, 'me', 'a'), (2, 'you', 'b'), (3, 'all', 'c'), (4, 'me', 'd')";
    execute(&mut *fixture.connection, tables).expect("tables");
    let role = Role::new(
        &mut fixture,
        "GRANT ALL ON notes, counted, counted_id_seq TO ROLE;
         CREATE POLICY put ON notes FOR INSERT TO ROLE WITH CHECK (owner <> 'root');
         CREATE POLICY see ON notes FOR SELECT TO ROLE USING (owner IN ('me', 'all'));
         CREATE POLICY change ON notes FOR UPDATE TO ROLE USING (owner = 'me') WITH CHECK (owner IN ('me', 'all'));
         CREATE POLICY take ON notes FOR DELETE TO ROLE USING (owner = 'me');
         CREATE POLICY put ON counted FOR INSERT TO ROLE WITH CHECK (true);
         CREATE POLICY see ON counted FOR SELECT TO ROLE USING (owner = 'me')",
    );
    let engine = role.engine();
    let mut s = Session::new(&engine);
    // A row that may be written and not be read back.
    for count in [1, 2] {
        let new = ["you", "me"].map(Counted::new);
        s.add_all(new[..count].to_vec());
        let result = s.commit();
        refused(&mut s, result, ErrorKind::Database, "row-level security");
    }
    let hidden = s.add(Note::new(5, "you", "hidden"));
    s.commit().expect("is written");
    let result = s.refresh(hidden);
    refused(&mut s, result, ErrorKind::StaleData, "Note");
    let hidden = s.add(Note::new(6, "you", "hidden"));
    s.flush().expect("is written");
    s[hidden].body = "changed".to_owned();
    let result = s.commit();
    refused(&mut s, result, ErrorKind::StaleData, "Note");
    s.clear();
    s.add(Note::new(7, "root", "x"));
    let result = s.commit();
    refused(&mut s, result, ErrorKind::Database, "row-level security");
    s.add(Note::new(2, "me", "x"));
    let result = s.commit();
    refused(&mut s, result, ErrorKind::UniqueViolation, "");
    // Rows that are seen and not reached.
    for ids in [&[3][..], &[1, 3, 4]] {
        let notes: Vec<_> = ids
            .iter()
            .map(|&id| s.get::<Note>(id).expect("reads").expect("a row"))
            .collect();
        for &note in &notes {
            s[note].body = "changed".to_owned();
        }
        let result = s.commit();
        refused(&mut s, result, ErrorKind::StaleData, "Note");
        for &note in &notes {
            s.delete(note).expect("is marked");
        }
        let result = s.commit();
        refused(&mut s, result, ErrorKind::StaleData, "Note");
    }
    let one = s.get::<Note>(1).expect("reads").expect("a row");
    s[one].owner = "you".to_owned();
    let result = s.commit();
    refused(&mut s, result, ErrorKind::Database, "row-level security");
    let changed = Note::query().update().set(Note::BODY, "all");
    assert_eq!(changed.execute(&mut s).expect("changes"), 2);
    s.commit().expect("commits");
    drop(s);
    let mut all = Session::new(&Engine::new(role.fixture.database.backend()));
    let bodies: Vec<String> = Note::query()
        .order_by(Note::ID.asc())
        .select(Note::BODY)
        .all(&mut all)
        .expect("reads");
    assert_eq!(bodies, ["all", "b", "c", "all", "hidden"]);
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "people")]
struct Person {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    city: String,
    salary: Deferred<Option<i64>>,
    #[orm(server_default = "now()")]
    made: Auto<Timestamp>,
}

fn columns(server: &Server) {
    let mut fixture = fixture(server);
    let tables = "CREATE TABLE people (id bigserial PRIMARY KEY, name text NOT NULL, city text NOT NULL, salary bigint, made timestamp NOT NULL DEFAULT now());
        INSERT INTO people (name, city, salary) VALUES ('ann', 'Rome', 5), ('bo', 'Ulm', 6), ('cy', 'Oslo', 7)";
    execute(&mut *fixture.connection, tables).expect("tables");
    let role = Role::new(
        &mut fixture,
        "GRANT SELECT (id, name, city, made), INSERT (name, city), UPDATE (city) ON people TO ROLE; GRANT USAGE ON people_id_seq TO ROLE",
    );
    let engine = role.engine();
    let mut s = Session::new(&engine);
    let people = Person::query()
        .order_by(Person::ID.asc())
        .all(&mut s)
        .expect("a deferred column is not read");
    for &person in &people {
        s[person].city = "Bonn".to_owned();
    }
    s.commit().expect("only the city is sent");
    s.refresh(people[0]).expect("reads");
    s[people[0]].city = "Pisa".to_owned();
    s.commit().expect("only the city is sent");
    s[people[0]].name = "Ann".to_owned();
    let result = s.commit();
    refused(&mut s, result, ErrorKind::Database, "permission denied");
    let added = s.add(Person::new("di", "Kiel"));
    let result = s.commit();
    result.expect("the key and what the database made of it may be read");
    assert!(s[added].made.get().is_some());
    let result = Person::query().select(Person::SALARY).all(&mut s);
    refused(&mut s, result, ErrorKind::Database, "permission denied");
    let person = s.get::<Person>(2).expect("reads").expect("a row");
    s.delete(person).expect("is marked");
    let result = s.commit();
    refused(&mut s, result, ErrorKind::Database, "permission denied");
    drop(s);
    let mut all = Session::new(&Engine::new(role.fixture.database.backend()));
    let cities: Vec<(String, String, Option<i64>)> = Person::query()
        .order_by(Person::ID.asc())
        .select((Person::NAME, Person::CITY, Person::SALARY))
        .all(&mut all)
        .expect("reads");
    let row = |name: &str, city: &str, salary| (name.to_owned(), city.to_owned(), salary);
    assert_eq!(
        cities,
        [
            row("ann", "Pisa", Some(5)),
            row("bo", "Bonn", Some(6)),
            row("cy", "Bonn", Some(7)),
            row("di", "Kiel", None)
        ]
    );
}

fn inserts_only(server: &Server) {
    let mut fixture = fixture(server);
    let tables =
        "CREATE TABLE notes (id bigint PRIMARY KEY, owner text NOT NULL, body text NOT NULL);
        CREATE TABLE counted (id bigserial PRIMARY KEY, owner text NOT NULL)";
    execute(&mut *fixture.connection, tables).expect("tables");
    let role = Role::new(
        &mut fixture,
        "GRANT INSERT ON notes, counted TO ROLE; GRANT USAGE ON counted_id_seq TO ROLE",
    );
    let engine = role.engine();
    let mut s = Session::new(&engine);
    s.add(Note::new(1, "a", "b"));
    s.commit().expect("one");
    s.add_all((2..5).map(|id| Note::new(id, "a", "b")).collect::<Vec<_>>());
    s.commit().expect("several");
    s.insert_all((5..8).map(|id| Note::new(id, "a", "b")))
        .expect("inserts");
    s.commit().expect("several");
    s.add(Counted::new("a"));
    let result = s.commit();
    refused(&mut s, result, ErrorKind::Database, "permission denied");
    let result = s.get::<Note>(4711).map(|_| ());
    refused(&mut s, result, ErrorKind::Database, "permission denied");
}

fn a_view_that_checks(server: &Server) {
    let mut fixture = fixture(server);
    let tables = "CREATE TABLE all_notes (id bigint PRIMARY KEY, owner text NOT NULL, body text NOT NULL);
        CREATE VIEW notes AS SELECT id, owner, body FROM all_notes WHERE owner = 'me' WITH CHECK OPTION";
    execute(&mut *fixture.connection, tables).expect("tables");
    let engine = Engine::new(fixture.database.backend());
    let mut s = Session::new(&engine);
    let [one, two] = [1, 2].map(|id| s.add(Note::new(id, "me", "b")));
    s.commit().expect("inserts");
    for count in [1, 2] {
        let new = [3, 4].map(|id| Note::new(id, "you", "b"));
        s.add_all(new[..count].to_vec());
        let result = s.commit();
        refused(&mut s, result, ErrorKind::CheckViolation, "Note");
    }
    s[one].owner = "you".to_owned();
    let result = s.commit();
    refused(&mut s, result, ErrorKind::CheckViolation, "Note");
    s[one].body = "c".to_owned();
    s.delete(two).expect("is marked");
    s.commit().expect("changes");
    execute(
        &mut *fixture.connection,
        "UPDATE all_notes SET owner = 'you'",
    )
    .expect("moves it");
    s[one].body = "d".to_owned();
    let result = s.commit();
    refused(&mut s, result, ErrorKind::StaleData, "Note");
}

fn rules(server: &Server) {
    let mut fixture = fixture(server);
    let tables = "CREATE TABLE all_notes (id bigint PRIMARY KEY, owner text NOT NULL, body text NOT NULL);
        CREATE TABLE log (what text);
        CREATE VIEW notes AS SELECT id, owner, body || '' AS body FROM all_notes;
        CREATE RULE put AS ON INSERT TO notes DO INSTEAD INSERT INTO all_notes VALUES (NEW.id, NEW.owner, NEW.body);
        CREATE RULE change AS ON UPDATE TO notes DO INSTEAD UPDATE all_notes SET body = NEW.body WHERE id = OLD.id AND owner <> 'locked';
        CREATE RULE take AS ON DELETE TO notes DO INSTEAD DELETE FROM all_notes WHERE id = OLD.id;
        CREATE RULE tell AS ON UPDATE TO all_notes DO ALSO INSERT INTO log VALUES ('a'), ('b')";
    execute(&mut *fixture.connection, tables).expect("tables");
    let engine = Engine::new(fixture.database.backend());
    let mut s = Session::new(&engine);
    let [one, two, locked] =
        [(1, "me"), (2, "me"), (3, "locked")].map(|(id, owner)| s.add(Note::new(id, owner, "b")));
    s.commit().expect("inserts");
    s[one].body = "c".to_owned();
    s[two].body = "d".to_owned();
    s.commit().expect("changes");
    s[locked].body = "c".to_owned();
    let result = s.commit();
    refused(&mut s, result, ErrorKind::StaleData, "Note");
    s[one].body = "x".to_owned();
    s[locked].body = "x".to_owned();
    let result = s.commit();
    refused(&mut s, result, ErrorKind::StaleData, "Note");
    // The rule leaves the owner as it is.
    s[one].owner = "you".to_owned();
    s.commit().expect("is said to be changed");
    s.refresh(one).expect("reads");
    assert_eq!(s[one].owner, "me");
    s.delete(two).expect("is marked");
    s.commit().expect("deletes");
    let mut all = Session::new(&engine);
    let bodies: Vec<String> = Note::query()
        .order_by(Note::ID.asc())
        .select(Note::BODY)
        .all(&mut all)
        .expect("reads");
    assert_eq!(bodies, ["c", "b"]);
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "far_notes")]
struct Far {
    #[orm(primary_key)]
    id: i64,
    name: String,
    kind: Option<String>,
}

fn foreign_tables(server: &Server) {
    let mut fixture = fixture(server);
    let url = fixture.database.url();
    let count = "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'";
    let engine = Engine::new(fixture.database.backend());
    let installed: i64 = Session::new(&engine).sql(count, ()).one().expect("counts");
    if installed == 0 {
        eprintln!("postgres_fdw is not installed");
        return;
    }
    let (_, rest) = url.split_once("://").expect("a URL");
    let (user, _) = rest.split_once('@').expect("a user");
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    // As the server reaches itself: from a container, the published port is elsewhere.
    let port: String = Session::new(&engine)
        .sql("SELECT current_setting('port')", ())
        .one()
        .expect("reads");
    let schema = fixture.database.name().to_owned();
    let base: String = Session::new(&engine)
        .sql("SELECT current_database()::text", ())
        .one()
        .expect("reads");
    let sql = format!(
        "CREATE EXTENSION IF NOT EXISTS postgres_fdw SCHEMA public;
         CREATE TABLE near (id bigint PRIMARY KEY, name text NOT NULL UNIQUE, kind text DEFAULT 'usual');
         CREATE SERVER {schema}_far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{port}', dbname '{base}');
         CREATE USER MAPPING FOR CURRENT_USER SERVER {schema}_far OPTIONS (user '{user}', password '{password}');
         CREATE FOREIGN TABLE far_notes (id bigint NOT NULL, name text NOT NULL, kind text) SERVER {schema}_far OPTIONS (schema_name '{schema}', table_name 'near')"
    );
    execute(&mut *fixture.connection, &sql).expect("a foreign table");
    let mut s = Session::new(&engine);
    let [a, b, c] = [(1, "a"), (2, "b"), (3, "c")].map(|(id, name)| s.add(Far::new(id, name)));
    s.commit().expect("inserts");
    for far in [a, b] {
        s[far].name = format!("{}{}", s[far].name, s[far].name);
    }
    s.delete(c).expect("is marked");
    s.commit().expect("changes and deletes");
    execute(&mut *fixture.connection, "DELETE FROM near WHERE id = 1").expect("deletes");
    s[a].name = "x".to_owned();
    s[b].name = "y".to_owned();
    let result = s.commit();
    refused(&mut s, result, ErrorKind::StaleData, "Far");
    s.add(Far::new(9, "bb"));
    let result = s.commit();
    refused(&mut s, result, ErrorKind::UniqueViolation, "Far");
    let mut all = Session::new(&engine);
    let names: Vec<String> = Far::query()
        .order_by(Far::ID.asc())
        .select(Far::NAME)
        .all(&mut all)
        .expect("reads");
    assert_eq!(names, ["bb"]);
    drop((s, all));
    let sql = format!("DROP SERVER {schema}_far CASCADE");
    execute(&mut *fixture.connection, &sql).expect("drops");
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "stock")]
struct Stock {
    #[orm(primary_key)]
    id: i64,
    name: String,
    shelf: Option<i32>,
    amount: i32,
}

/// ON CONFLICT takes an index over exactly these columns of all rows; with any other it is refused.
fn uniques_as_targets(server: &Server) {
    use ErrorKind::{Database, InvalidStatement};
    let mut fixture = fixture(server);
    let engine = Engine::new(fixture.database.backend());
    for (index, refusal) in [
        (
            "CREATE UNIQUE INDEX i ON stock (name) INCLUDE (amount)",
            None,
        ),
        ("CREATE UNIQUE INDEX i ON stock (name DESC)", None),
        (
            "CREATE UNIQUE INDEX i ON stock (name) WHERE amount > 0",
            Some(InvalidStatement),
        ),
        (
            "CREATE UNIQUE INDEX i ON stock (lower(name))",
            Some(InvalidStatement),
        ),
        (
            "CREATE UNIQUE INDEX i ON stock (name, shelf)",
            Some(InvalidStatement),
        ),
        (
            "ALTER TABLE stock ADD UNIQUE (name) DEFERRABLE",
            Some(Database),
        ),
    ] {
        let table = "CREATE TABLE stock (id bigint PRIMARY KEY, name text NOT NULL, shelf integer, amount integer NOT NULL)";
        execute(&mut *fixture.connection, table).expect("a table");
        execute(&mut *fixture.connection, index).expect("an index");
        let mut s = Session::new(&engine);
        let put = |id, amount| {
            insert_into(Stock::table())
                .columns((Stock::ID, Stock::NAME, Stock::AMOUNT))
                .values((id, "nut", amount))
                .on_conflict((Stock::NAME,))
                .do_update(|row| row.set(Stock::AMOUNT, Stock::AMOUNT + excluded(Stock::AMOUNT)))
        };
        let first = s.execute(&put(1, 1));
        match refusal {
            None => {
                first.expect("inserts");
                s.execute(&put(2, 2)).expect("updates");
                let rows: Vec<(i64, i32)> = Stock::query()
                    .select((Stock::ID, Stock::AMOUNT))
                    .all(&mut s)
                    .expect("reads");
                assert_eq!(rows, [(1, 3)], "{index}");
            }
            Some(kind) => refused(&mut s, first, kind, ""),
        }
        drop(s);
        execute(&mut *fixture.connection, "DROP TABLE stock").expect("drops");
    }
}

/// A key that another row keeps only while it is live is free for a new row, whatever the order of the statements.
fn partial_uniques(server: &Server) {
    let mut fixture = fixture(server);
    let engine = Engine::new(fixture.database.backend());
    let table = "CREATE TABLE stock (id bigint PRIMARY KEY, name text NOT NULL, shelf integer, amount integer NOT NULL);
        CREATE UNIQUE INDEX live ON stock (name) WHERE amount > 0";
    execute(&mut *fixture.connection, table).expect("a table");
    let reflected = Metadata::reflect(&engine).expect("reflects");
    assert!(reflected.tables()[0].uniques.is_empty());
    let mut s = Session::new(&engine);
    let new = |id, amount| Stock {
        shelf: None,
        ..Stock::new(id, "nut", amount)
    };
    let [old, gone, live] = [(1, 0), (2, 0), (3, 1)].map(|(id, amount)| s.add(new(id, amount)));
    s.commit().expect("one is live");
    s.add(new(4, 1));
    let result = s.commit();
    refused(&mut s, result, ErrorKind::UniqueViolation, "live");
    s.delete(gone).expect("is marked");
    s[live].amount = 0;
    s.add(new(5, 0));
    s.commit().expect("none is live");
    s[old].amount = 1;
    s.commit().expect("one is live");
}

/// A unique index that could not be built promises nothing.
fn an_index_that_was_never_built(server: &Server) {
    let mut fixture = fixture(server);
    let table = "CREATE TABLE stock (id bigint PRIMARY KEY, name text NOT NULL, shelf integer, amount integer NOT NULL);
        INSERT INTO stock VALUES (1, 'nut', 1, 1), (2, 'nut', 1, 1)";
    execute(&mut *fixture.connection, table).expect("a table");
    let index = "CREATE UNIQUE INDEX CONCURRENTLY named ON stock (name)";
    execute(&mut *fixture.connection, index).expect_err("two rows have one name");
    let engine = Engine::new(fixture.database.backend());
    let reflected = Metadata::reflect(&engine).expect("reflects");
    let table = &reflected.tables()[0];
    assert!(table.uniques.is_empty());
    assert_eq!(
        table.remarks,
        ["Not here: CREATE UNIQUE INDEX named ON stock USING btree (name), INVALID."]
    );
}
