//! Rows that refer to a key by a text that only the database holds equal to it: they are treated like those with the same text.

use selfsame::prelude::*;
use selfsame::session::State;
use selfsame::{Engine, Result};
use selfsame_sqlite::Sqlite;

/// Leaves its pets and loans to the database when it is deleted.
#[derive(Entity, Clone, Debug)]
#[orm(table = "keepers")]
struct Keeper {
    #[orm(primary_key)]
    name: String,
    #[orm(back_populates = keeper, cascade = "merge, delete", passive_deletes)]
    pets: HasMany<Pet>,
    #[orm(back_populates = keeper, passive_deletes)]
    loans: HasMany<Loan>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "pets")]
struct Pet {
    #[orm(primary_key)]
    id: i64,
    #[orm(
        references = "keepers.name",
        on_delete = "cascade",
        on_update = "cascade"
    )]
    keeper_name: String,
    #[orm(back_populates = pets)]
    keeper: BelongsTo<Keeper>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "loans")]
struct Loan {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "keepers.name", on_delete = "set null")]
    keeper_name: Option<String>,
    #[orm(back_populates = loans)]
    keeper: BelongsTo<Keeper>,
}

/// A tree whose branches are deleted with their parent.
#[derive(Entity, Clone, Debug)]
#[orm(table = "branches")]
struct Branch {
    #[orm(primary_key)]
    name: String,
    #[orm(references = "branches.name", on_delete = "restrict")]
    parent_name: Option<String>,
    #[orm(back_populates = branches)]
    parent: BelongsTo<Branch>,
    #[orm(back_populates = parent, cascade = "all")]
    branches: HasMany<Branch>,
}

fn session(rows: &[&str]) -> Result<Session> {
    let engine = Engine::new(Sqlite::memory());
    let mut s = Session::new(&engine);
    let tables = [
        "CREATE TABLE keepers (name TEXT COLLATE NOCASE PRIMARY KEY)",
        "CREATE TABLE pets (id INTEGER PRIMARY KEY, keeper_name TEXT NOT NULL
             REFERENCES keepers (name) ON DELETE CASCADE ON UPDATE CASCADE)",
        "CREATE TABLE loans (id INTEGER PRIMARY KEY, keeper_name TEXT COLLATE NOCASE
             REFERENCES keepers (name) ON DELETE SET NULL)",
        "CREATE TABLE branches (name TEXT COLLATE NOCASE PRIMARY KEY,
             parent_name TEXT REFERENCES branches (name) ON DELETE RESTRICT)",
    ];
    for sql in tables.iter().chain(rows) {
        s.sql(*sql, ()).execute()?;
    }
    s.commit()?;
    Ok(s)
}

fn keepers() -> Result<Session> {
    session(&[
        "INSERT INTO keepers VALUES ('ann'), ('bob'), ('eve')",
        "INSERT INTO pets VALUES (1, 'ann'), (2, 'ANN'), (3, 'Bob'), (4, 'Ann')",
        "INSERT INTO loans VALUES (1, 'ann'), (2, 'ANN'), (3, 'Bob'), (4, NULL)",
    ])
}

fn get<E: Entity>(s: &mut Session, key: impl Into<E::Key>) -> Result<Handle<E>> {
    Ok(s.get::<E>(key)?.expect("a row"))
}

#[test]
fn children_in_memory_go_with_their_parent() -> Result<()> {
    let mut s = keepers()?;
    let pets = Pet::query().order_by(Pet::ID.asc()).all(&mut s)?;
    let loans = Loan::query().order_by(Loan::ID.asc()).all(&mut s)?;
    let ann = get::<Keeper>(&mut s, "ann".to_owned())?;
    s.delete(ann)?;
    s.flush()?;
    let states: Vec<State> = pets.iter().map(|&pet| s.state(pet)).collect();
    let (gone, there) = (State::Deleted, State::Persistent);
    assert_eq!(states, [gone, gone, there, gone]);
    let names: Vec<Option<&str>> = loans
        .iter()
        .map(|&loan| s[loan].keeper_name.as_deref())
        .collect();
    assert_eq!(names, [None, None, Some("Bob"), None]);
    s.commit()?;
    assert_eq!(s.sql("SELECT id FROM pets", ()).all::<i64>()?, [3]);
    Ok(())
}

#[test]
fn children_that_only_others_own_are_not_queried() -> Result<()> {
    let mut s = keepers()?;
    Pet::query().all(&mut s)?;
    Loan::query().all(&mut s)?;
    let eve = get::<Keeper>(&mut s, "eve".to_owned())?;
    s.delete(eve)?;
    selfsame::assert_statements!(s, 1, { s.flush()? });
    Ok(())
}

#[test]
fn a_tree_is_deleted_from_its_leaves() -> Result<()> {
    for by_cascade in [true, false] {
        let mut s = session(&[
            "INSERT INTO branches VALUES ('a', NULL), ('b', 'A'), ('c', 'B'), ('d', 'b'), ('e', NULL)",
        ])?;
        let all = Branch::query().order_by(Branch::NAME.asc()).all(&mut s)?;
        match by_cascade {
            true => s.delete(all[0])?,
            false => all[..4].iter().try_for_each(|&branch| s.delete(branch))?,
        }
        s.commit()?;
        let left: Vec<String> = s.sql("SELECT name FROM branches", ()).all()?;
        assert_eq!(left, ["e"], "{by_cascade}");
        s.delete(all[4])?;
        s.commit()?;
        assert_eq!(Branch::query().count(&mut s)?, 0);
    }
    Ok(())
}

#[test]
fn equal_texts_of_many_owners_are_queried_together() -> Result<()> {
    let mut s = session(&[
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO keepers SELECT 'k' || i FROM n",
        "INSERT INTO pets SELECT rowid, upper(name) FROM keepers",
        "INSERT INTO branches VALUES ('r', NULL)",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO branches SELECT 'b' || i, 'R' FROM n",
        "INSERT INTO branches SELECT 'l' || name, upper(name) FROM branches WHERE parent_name = 'R'",
    ])?;
    let pets = Pet::query().all(&mut s)?;
    for keeper in Keeper::query().all(&mut s)? {
        s.delete(keeper)?;
    }
    let before = s.statements();
    s.flush()?;
    let sent = s.statements() - before;
    assert!(sent <= 4, "{sent} statements for 100 keepers");
    assert!(pets.iter().all(|&pet| s.state(pet) == State::Deleted));
    let root = get::<Branch>(&mut s, "r".to_owned())?;
    s.delete(root)?;
    let before = s.statements();
    s.commit()?;
    let sent = s.statements() - before;
    assert!(sent <= 12, "{sent} statements for 100 branches");
    assert_eq!(Branch::query().count(&mut s)?, 0);
    Ok(())
}

fn pets_of(s: &mut Session, keeper: Handle<Keeper>) -> Result<Vec<i64>> {
    let pets = s.load(keeper, Keeper::PETS)?;
    Ok(pets.iter().map(|&pet| s[pet].id).collect())
}

#[test]
fn a_changed_key_is_followed_in_memory() -> Result<()> {
    for new in ["zoe", "Ann"] {
        let mut s = keepers()?;
        let pets = Pet::query().order_by(Pet::ID.asc()).all(&mut s)?;
        let loans: Vec<i64> = s.sql("DELETE FROM loans RETURNING id", ()).all()?;
        assert_eq!(loans.len(), 4);
        let ann = get::<Keeper>(&mut s, "ann".to_owned())?;
        s[ann].name = new.to_owned();
        s.flush()?;
        let rows: Vec<String> = s
            .sql("SELECT keeper_name FROM pets ORDER BY id", ())
            .all()?;
        if new == "Ann" {
            // The database holds it equal to the old key, so nothing needed to follow.
            Pet::query().all(&mut s)?;
        }
        let names: Vec<&str> = pets.iter().map(|&pet| &*s[pet].keeper_name).collect();
        assert_eq!(names, rows, "{new}");
        assert_eq!(s.load(pets[1], Pet::KEEPER)?, ann);
        s.rollback()?;
        s.refresh(pets[1])?;
        assert_eq!(s[pets[1]].keeper_name, "ANN");
    }
    Ok(())
}

#[test]
fn references_without_a_cascade_follow_a_changed_key() -> Result<()> {
    for in_memory in [true, false] {
        let mut s = keepers()?;
        if in_memory {
            Loan::query().all(&mut s)?;
        }
        let ann = get::<Keeper>(&mut s, "ann".to_owned())?;
        s[ann].name = "zoe".to_owned();
        s.flush()?;
        let rows: Vec<Option<String>> = s
            .sql("SELECT keeper_name FROM loans ORDER BY id", ())
            .all()?;
        let zoe = || Some("zoe".to_owned());
        assert_eq!(
            rows,
            [zoe(), zoe(), Some("Bob".to_owned()), None],
            "{in_memory}"
        );
        let loans = Loan::query().order_by(Loan::ID.asc()).all(&mut s)?;
        let names: Vec<Option<String>> = loans
            .iter()
            .map(|&loan| s[loan].keeper_name.clone())
            .collect();
        assert_eq!(names, rows, "{in_memory}");
    }
    Ok(())
}

#[test]
fn a_child_that_is_set_to_another_parent_leaves_a_loaded_collection() -> Result<()> {
    let mut s = keepers()?;
    let (ann, bob) = (
        get::<Keeper>(&mut s, "ann".to_owned())?,
        get::<Keeper>(&mut s, "bob".to_owned())?,
    );
    assert_eq!(pets_of(&mut s, ann)?, [1, 2, 4]);
    let pet = get::<Pet>(&mut s, 2)?;
    s.set(pet, Pet::KEEPER, bob)?;
    assert_eq!(pets_of(&mut s, ann)?, [1, 4]);
    assert_eq!(pets_of(&mut s, bob)?, [2, 3]);
    s.set(pet, Pet::KEEPER, ann)?;
    let mut pets = pets_of(&mut s, ann)?;
    pets.sort_unstable();
    assert_eq!(pets, [1, 2, 4]);
    s.set(pet, Pet::KEEPER, bob)?;
    s.flush()?;
    assert_eq!(pets_of(&mut s, ann)?, [1, 4]);
    assert_eq!(pets_of(&mut s, bob)?, [3, 2]);
    s.rollback()?;
    assert_eq!(pets_of(&mut s, ann)?, [1, 2, 4]);
    Ok(())
}

#[test]
fn a_loan_that_is_taken_back_in_a_savepoint_returns() -> Result<()> {
    let mut s = keepers()?;
    let ann = get::<Keeper>(&mut s, "ann".to_owned())?;
    let loan = get::<Loan>(&mut s, 2)?;
    let loans = |s: &mut Session| -> Result<Vec<i64>> {
        let loans = s.load(ann, Keeper::LOANS)?;
        Ok(loans.iter().map(|&loan| s[loan].id).collect())
    };
    assert_eq!(loans(&mut s)?, [1, 2]);
    let undone: Result<()> = s.savepoint(|s| {
        s.set(loan, Loan::KEEPER, None)?;
        assert_eq!(loans(s)?, [1]);
        s.flush()?;
        assert_eq!(loans(s)?, [1]);
        Err(selfsame::Error::new(selfsame::ErrorKind::Database, "boom"))
    });
    assert!(undone.is_err());
    assert_eq!(loans(&mut s)?, [1, 2]);
    assert_eq!(s[loan].keeper_name.as_deref(), Some("ANN"));
    s.refresh(loan)?;
    let undone: Result<()> = s.savepoint(|s| {
        s.delete(ann)?;
        s.flush()?;
        assert_eq!(s[loan].keeper_name, None);
        Err(selfsame::Error::new(selfsame::ErrorKind::Database, "boom"))
    });
    assert!(undone.is_err());
    assert_eq!(s[loan].keeper_name.as_deref(), Some("ANN"));
    assert_eq!(loans(&mut s)?, [1, 2]);
    s.remove(ann, Keeper::LOANS, loan)?;
    s.commit()?;
    assert_eq!(loans(&mut s)?, [1]);
    assert_eq!(
        s.sql("SELECT id FROM loans WHERE keeper_name IS NULL", ())
            .all::<i64>()?,
        [2, 4]
    );
    Ok(())
}

#[test]
fn a_column_that_is_set_to_another_text_moves_the_row() -> Result<()> {
    let mut s = keepers()?;
    let (ann, bob) = (
        get::<Keeper>(&mut s, "ann".to_owned())?,
        get::<Keeper>(&mut s, "bob".to_owned())?,
    );
    assert_eq!(pets_of(&mut s, ann)?, [1, 2, 4]);
    assert_eq!(pets_of(&mut s, bob)?, [3]);
    let pet = get::<Pet>(&mut s, 2)?;
    s[pet].keeper_name = "bob".to_owned();
    s.flush()?;
    assert_eq!(pets_of(&mut s, ann)?, [1, 4]);
    assert_eq!(pets_of(&mut s, bob)?, [2, 3]);
    s[pet].keeper_name = "aNN".to_owned();
    s.flush()?;
    assert_eq!(pets_of(&mut s, ann)?, [1, 2, 4]);
    assert_eq!(pets_of(&mut s, bob)?, [3]);
    s.add(Pet::new(9, "BOB"));
    s.flush()?;
    assert_eq!(pets_of(&mut s, bob)?, [3, 9]);
    s.set_expr(pet, Pet::KEEPER_NAME, "BOB")?;
    s.flush()?;
    assert_eq!(pets_of(&mut s, ann)?, [1, 4]);
    assert_eq!(pets_of(&mut s, bob)?, [2, 3, 9]);
    Ok(())
}

#[test]
fn a_collection_that_is_replaced_or_merged_keeps_each_child_once() -> Result<()> {
    let mut s = keepers()?;
    let ann = get::<Keeper>(&mut s, "ann".to_owned())?;
    let pet = get::<Pet>(&mut s, 2)?;
    s.push(ann, Keeper::PETS, pet)?;
    assert_eq!(pets_of(&mut s, ann)?.len(), 3);
    s.flush()?;
    assert_eq!(pets_of(&mut s, ann)?, [1, 2, 4]);
    let four = get::<Pet>(&mut s, 4)?;
    let one = get::<Pet>(&mut s, 1)?;
    s.replace(ann, Keeper::PETS, [four, one, pet])?;
    s.flush()?;
    s.expire_all();
    assert_eq!(pets_of(&mut s, ann)?, [1, 2, 4]);
    s.rollback()?;
    assert_eq!(pets_of(&mut s, ann)?, [1, 2, 4]);
    let merged = s.merge(Keeper {
        pets: [
            Pet::new(1, "ann"),
            Pet::new(2, "ANN"),
            Pet::new(4, "Ann"),
            Pet::new(8, ""),
        ]
        .into(),
        ..Keeper::new("ANN")
    })?;
    assert_eq!(merged, ann);
    s.commit()?;
    assert_eq!(pets_of(&mut s, ann)?, [1, 2, 4, 8]);
    assert_eq!(Keeper::query().count(&mut s)?, 3);
    let found = s.get_many::<Keeper>(["ANN", "eve", "Bob", "bob"].map(str::to_owned))?;
    assert_eq!(found.len(), 4);
    assert_eq!(found[2], found[3]);
    Ok(())
}

#[test]
fn a_new_owner_with_an_equal_text_takes_the_place_of_a_deleted_one() -> Result<()> {
    let mut s = keepers()?;
    let pets = Pet::query().order_by(Pet::ID.asc()).all(&mut s)?;
    let ann = get::<Keeper>(&mut s, "ann".to_owned())?;
    s.delete(ann)?;
    let new = s.add(Keeper::new("ANN"));
    s.commit()?;
    assert_eq!(
        s.sql("SELECT name FROM keepers ORDER BY 1", ())
            .all::<String>()?,
        ["ANN", "bob", "eve"]
    );
    assert_eq!(s.sql("SELECT id FROM pets", ()).all::<i64>()?, [3]);
    assert_eq!(s.state(pets[1]), State::Detached);
    assert_eq!(pets_of(&mut s, new)?, [] as [i64; 0]);
    Ok(())
}

#[test]
fn bulk_statements_reach_children_of_other_texts() -> Result<()> {
    let mut s = keepers()?;
    let pets = Pet::query().order_by(Pet::ID.asc()).all(&mut s)?;
    let loans = Loan::query().order_by(Loan::ID.asc()).all(&mut s)?;
    let ann = get::<Keeper>(&mut s, "ann".to_owned())?;
    assert_eq!(pets_of(&mut s, ann)?, [1, 2, 4]);
    Keeper::query()
        .filter(Keeper::NAME.eq("ANN"))
        .delete()
        .execute(&mut s)?;
    assert_eq!(s.state(ann), State::Deleted);
    assert_eq!(Pet::query().all(&mut s)?, [pets[2]]);
    Loan::query().all(&mut s)?;
    assert_eq!(s[loans[1]].keeper_name, None);
    s.rollback()?;
    assert_eq!(pets_of(&mut s, ann)?, [1, 2, 4]);
    Ok(())
}
