//! Users who may not see or change everything: privileges on columns, roles, views that check.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};
use selfsame_mariadb::MariaDb;
use selfsame_mariadb::testing::Database;

use crate::support::{all, database};

#[derive(Entity, Clone, Debug)]
#[orm(table = "people")]
struct Person {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    city: String,
    salary: Deferred<Option<i64>>,
}

fn as_user(database: &Database, user: &str) -> Engine {
    let url = database.url();
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (_, place) = rest.rsplit_once('@').expect("a user");
    Engine::new(MariaDb::url(&format!("{scheme}://{user}:own@{place}")).expect("a URL"))
}

fn refused<T>(session: &mut Session, result: Result<T>, kind: ErrorKind, part: &str) {
    let Err(error) = result else {
        panic!("{part}: nothing was said")
    };
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(part), "{error}");
    session.rollback().expect("rolls back");
}

/// Only changed columns are written, and a deferred column is not read. The rights come through a role.
#[test]
fn privileges_on_columns() {
    let Some(database) = database() else { return };
    let (name, role, user) = (
        database.name(),
        format!("{}_role", database.name()),
        format!("{}_user", database.name()),
    );
    all(
        &database,
        &[
            "CREATE TABLE people (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) NOT NULL, city VARCHAR(20) NOT NULL, \
             salary BIGINT DEFAULT 1) ENGINE = InnoDB",
            "CREATE TABLE hidden (id BIGINT PRIMARY KEY, name VARCHAR(20) UNIQUE) ENGINE = InnoDB",
            "INSERT INTO people (name, city, salary) VALUES ('ann', 'Rome', 5), ('bo', 'Ulm', 6), ('cy', 'Oslo', 7)",
            &format!("CREATE ROLE {role}"),
            &format!("CREATE USER {user} IDENTIFIED BY 'own'"),
            &format!(
                "GRANT SELECT (id, name, city), INSERT (name, city), UPDATE (city) ON {name}.people TO {role}"
            ),
            &format!("GRANT SELECT (name) ON {name}.hidden TO {role}"),
            &format!("GRANT {role} TO {user}"),
            &format!("SET DEFAULT ROLE {role} FOR {user}"),
        ],
    );
    let engine = as_user(&database, &user);
    let mut s = Session::new(&engine);
    let people = Person::query().order_by(Person::ID.asc()).all(&mut s);
    let people = people.expect("a deferred column is not read");
    for &person in &people {
        s[person].city = "Bonn".to_owned();
    }
    s.commit().expect("only the city is sent");
    s.refresh(people[0]).expect("reads");
    s[people[0]].city = "Pisa".to_owned();
    s.commit().expect("only the city is sent");
    s[people[0]].name = "Ann".to_owned();
    let result = s.commit();
    refused(&mut s, result, ErrorKind::Database, "denied");
    s.add(Person::new("di", "Kiel"));
    s.commit().expect("the salary is left to its default");
    let result = Person::query().select(Person::SALARY).all(&mut s);
    refused(&mut s, result, ErrorKind::Database, "denied");
    let person = s.get::<Person>(2).expect("reads").expect("a row");
    s.delete(person).expect("is marked");
    let result = s.commit();
    refused(&mut s, result, ErrorKind::Database, "denied");
    drop(s);
    // The server shows only what the user may use.
    let reflected = Metadata::reflect(&engine).expect("reflects");
    let columns: Vec<(&str, Vec<&str>, usize)> = reflected
        .tables()
        .iter()
        .map(|table| {
            let columns = table.columns.iter().map(|column| &*column.name).collect();
            (&*table.name, columns, table.primary_key.len())
        })
        .collect();
    assert_eq!(
        columns,
        [
            ("hidden", vec!["name"], 0),
            ("people", vec!["id", "name", "city"], 1)
        ]
    );
    let mut s = Session::new(&Engine::new(database.backend()));
    let rows = Person::query().order_by(Person::ID.asc());
    let rows: Vec<(String, String, Option<i64>)> = rows
        .select((Person::NAME, Person::CITY, Person::SALARY))
        .all(&mut s)
        .expect("reads");
    let row = |name: &str, city: &str, salary| (name.to_owned(), city.to_owned(), Some(salary));
    assert_eq!(
        rows,
        [
            row("ann", "Pisa", 5),
            row("bo", "Bonn", 6),
            row("cy", "Bonn", 7),
            row("di", "Kiel", 1)
        ]
    );
    drop(s);
    all(
        &database,
        &[&format!("DROP USER {user}"), &format!("DROP ROLE {role}")],
    );
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "notes")]
struct Note {
    #[orm(primary_key)]
    id: i64,
    owner: String,
    body: String,
}

/// A row that a view would not show is refused, or not reached.
#[test]
fn a_view_that_checks() {
    let Some(database) = database() else { return };
    all(
        &database,
        &[
            "CREATE TABLE all_notes (id BIGINT PRIMARY KEY, owner VARCHAR(20) NOT NULL, body VARCHAR(20) NOT NULL) ENGINE = InnoDB",
            "CREATE VIEW notes AS SELECT id, owner, body FROM all_notes WHERE owner = 'me' WITH CHECK OPTION",
        ],
    );
    let mut s = Session::new(&Engine::new(database.backend()));
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
    all(&database, &["UPDATE all_notes SET owner = 'you'"]);
    s[one].body = "d".to_owned();
    let result = s.commit();
    refused(&mut s, result, ErrorKind::StaleData, "Note");
}
