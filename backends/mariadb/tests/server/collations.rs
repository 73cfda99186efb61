//! Keys under collations for which different texts are equal.

use std::collections::HashSet;

use selfsame::ErrorKind;
use selfsame::prelude::*;

use crate::support::{Person, Pet, all, database};

const PEOPLE: &str = "CREATE TABLE people (name VARCHAR(20) PRIMARY KEY, city VARCHAR(20) NOT NULL) ENGINE = InnoDB \
    CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";
const PETS: &str = "CREATE TABLE pets (id BIGINT PRIMARY KEY, person_name VARCHAR(20), \
    FOREIGN KEY (person_name) REFERENCES people (name)) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";

/// The owners' names and the pets', as they are stored.
fn stored(engine: &Engine) -> (Vec<String>, Vec<Option<String>>) {
    let mut session = Session::new(engine);
    let people = Person::query().order_by(Person::NAME.asc());
    let people = people.rows(&mut session).expect("reads");
    let pets = Pet::query().order_by(Pet::ID.asc());
    let pets = pets.rows(&mut session).expect("reads");
    (
        people.into_iter().map(|person| person.name).collect(),
        pets.into_iter().map(|pet| pet.person_name).collect(),
    )
}

/// A key that changes only in case or in trailing spaces is changed, and the rows that refer to it follow.
#[test]
fn a_key_changes_its_case() {
    for (new, has_pets) in [
        ("ANN", false),
        ("Ann ", false),
        ("änn", false),
        ("ANN", true),
    ] {
        let Some(database) = database() else { return };
        all(
            &database,
            &[PEOPLE, PETS, "INSERT INTO people VALUES ('ann', 'rom')"],
        );
        if has_pets {
            all(
                &database,
                &["INSERT INTO pets VALUES (1, 'ann'), (2, 'Ann')"],
            );
        }
        let engine = Engine::new(database.backend());
        let mut session = Session::new(&engine);
        let ann = session.get::<Person>("ann").expect("reads").expect("a row");
        session[ann].name = new.to_owned();
        session[ann].city = "ulm".to_owned();
        session.commit().expect(new);
        if has_pets {
            let followed = Some(new.to_owned());
            assert_eq!(stored(&engine).1, [followed.clone(), followed]);
        }
        assert_eq!(session[ann].name, new);
        assert_eq!(stored(&engine).0, [new]);
        let mut session = Session::new(&engine);
        let found = session.get::<Person>("ann").expect("reads").expect("a row");
        assert_eq!((&*session[found].name, &*session[found].city), (new, "ulm"));
    }
}

/// A row may take the key of a row that the same flush deletes, even if only the database knows that the keys are equal.
#[test]
fn an_equal_key_is_taken_again() {
    let Some(database) = database() else { return };
    all(
        &database,
        &[
            PEOPLE,
            PETS,
            "INSERT INTO people VALUES ('ann', 'rom'), ('bo', 'ulm')",
        ],
    );
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    let ann = session.get::<Person>("ann").expect("reads").expect("a row");
    session.delete(ann).expect("is marked");
    session.add(Person::new("ANN", "bonn"));
    match session.commit() {
        Ok(()) => assert_eq!(stored(&engine).0, ["ANN", "bo"]),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error}");
            assert_eq!(stored(&engine).0, ["ann", "bo"]);
        }
    }
}

/// Equal keys in one lookup give one object.
#[test]
fn equal_keys_are_one_object() {
    let Some(database) = database() else { return };
    all(
        &database,
        &[
            PEOPLE,
            PETS,
            "INSERT INTO people VALUES ('ann', 'rom'), ('bo', 'ulm')",
        ],
    );
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    let keys = ["ANN", "bo ", "ann", "Änn ", "nobody"].map(str::to_owned);
    let found = session.get_many::<Person>(keys).expect("reads");
    let objects: HashSet<_> = found.iter().collect();
    assert_eq!((found.len(), objects.len()), (4, 2), "{found:?}");
    let again = session.get::<Person>("Ann").expect("reads").expect("a row");
    assert!(found.contains(&again));
    session[again].city = "bonn".to_owned();
    session.commit().expect("writes");
    let mut session = Session::new(&engine);
    let ann = session.get::<Person>("ann").expect("reads").expect("a row");
    assert_eq!((&*session[ann].name, &*session[ann].city), ("ann", "bonn"));
}

/// Rows whose foreign keys differ in case from the key of a deleted row are released too.
#[test]
fn a_deleted_row_releases_those_with_equal_references() {
    let Some(database) = database() else { return };
    all(
        &database,
        &[
            PEOPLE,
            PETS,
            "INSERT INTO people VALUES ('ann', 'rom'), ('bo', 'ulm'), ('eve', 'bonn')",
            "INSERT INTO pets VALUES (1, 'ann'), (2, 'ANN'), (3, 'Bo'), (4, 'Eve'), (5, 'änn')",
        ],
    );
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    for name in ["ann", "bo"] {
        let person = session.get::<Person>(name).expect("reads").expect("a row");
        session.delete(person).expect("is marked");
    }
    let before = session.statements();
    session.commit().expect("deletes");
    assert!(
        session.statements() - before <= 6,
        "they are queried together"
    );
    let (people, pets) = stored(&engine);
    assert_eq!(people, ["eve"]);
    assert_eq!(pets, [None, None, None, Some("Eve".to_owned()), None]);
}
