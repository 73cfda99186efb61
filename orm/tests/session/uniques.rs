//! Unique values that pass from row to row within one flush.

use selfsame::prelude::*;
use selfsame::{Entity, ErrorKind, Result};

use crate::fixture::{Author, Book, Fixture};

#[derive(Entity, Clone, Debug)]
#[orm(table = "slots", unique(list, position), unique(label))]
struct Slot {
    #[orm(primary_key)]
    id: i64,
    list: i64,
    position: i32,
    label: Option<String>,
}

fn slots(f: &mut Fixture, count: i64) -> Result<Vec<Handle<Slot>>> {
    let s = &mut f.session;
    s.sql("CREATE TABLE slots (id BIGINT PRIMARY KEY, list BIGINT NOT NULL, position INT NOT NULL, label TEXT UNIQUE, UNIQUE (list, position))", ())
        .execute()?;
    let made = (1..=count).map(|id| Slot {
        id,
        list: 1,
        position: i32::try_from(id).expect("few"),
        label: Some(format!("l{id}")),
    });
    let all = s.add_all(made.collect::<Vec<_>>());
    s.commit()?;
    Ok(all)
}

fn rows(f: &mut Fixture) -> Result<Vec<(i64, i32, Option<String>)>> {
    let rows = f
        .session
        .sql("SELECT id, position, label FROM slots ORDER BY id", ());
    rows.all::<(i64, i32, Option<String>)>()
}

#[test]
fn a_deleted_row_frees_its_name_for_a_new_one() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let ann = s.add(Author::new("ann"));
    let book = s.add(Book::new("b"));
    s.push(ann, Author::BOOKS, book)?;
    s.commit()?;
    s.delete(ann)?;
    let other = s.add(Author::new("ann"));
    s.commit()?;
    assert_eq!(s[book].author_id, None);
    assert_eq!(s[other].name, "ann");
    f.holds::<Author>(1);
    Ok(())
}

#[test]
fn names_are_handed_on_along_a_chain() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let [ann, bob] = s.add_all(["ann", "bob"].map(Author::new));
    s.commit()?;
    s[ann].name = "bob".into();
    s[bob].name = "carl".into();
    s.add(Author::new("ann"));
    s.commit()?;
    s.expire_all();
    assert_eq!((&*s[ann].name, &*s[bob].name), ("bob", "carl"));
    Ok(())
}

#[test]
fn a_swap_without_null_is_refused_before_anything_is_sent() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let [ann, bob] = s.add_all(["ann", "bob"].map(Author::new));
    s.commit()?;
    s[ann].name = "bob".into();
    s[bob].name = "ann".into();
    f.forget();
    let error = f.session.flush().expect_err("a swap");
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    assert!(error.to_string().contains("name"), "{error}");
    assert!(!f.sent().iter().any(|sent| sent.contains("UPDATE")));
    Ok(())
}

#[test]
fn a_swap_goes_through_null() -> Result<()> {
    let mut f = Fixture::new()?;
    let all = slots(&mut f, 3)?;
    let s = &mut f.session;
    s[all[0]].label = Some("l2".into());
    s[all[1]].label = Some("l3".into());
    s[all[2]].label = Some("l1".into());
    s.commit()?;
    let labels: Vec<_> = rows(&mut f)?.into_iter().filter_map(|row| row.2).collect();
    assert_eq!(labels, ["l2", "l3", "l1"]);
    Ok(())
}

#[test]
fn positions_are_shifted_by_one() -> Result<()> {
    let mut f = Fixture::new()?;
    let all = slots(&mut f, 6)?;
    let s = &mut f.session;
    // Upwards for a new first one, and then downwards over a deleted one.
    for &slot in &all {
        s[slot].position += 1;
    }
    s.add(Slot {
        id: 7,
        list: 1,
        position: 1,
        label: None,
    });
    s.commit()?;
    s.delete(all[0])?;
    for &slot in &all[1..] {
        s[slot].position -= 1;
    }
    s.commit()?;
    let positions: Vec<_> = rows(&mut f)?
        .into_iter()
        .map(|row| (row.0, row.1))
        .collect();
    assert_eq!(positions, [(2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 1)]);
    Ok(())
}

#[test]
fn keys_are_handed_on_along_a_chain() -> Result<()> {
    let mut f = Fixture::new()?;
    let all = slots(&mut f, 3)?;
    let s = &mut f.session;
    s.delete(all[2])?;
    s[all[1]].id = 3;
    s[all[0]].id = 2;
    s.commit()?;
    let labels: Vec<_> = rows(&mut f)?
        .into_iter()
        .map(|row| (row.0, row.2))
        .collect();
    let label = |text: &str| Some(text.to_owned());
    assert_eq!(labels, [(2, label("l1")), (3, label("l2"))]);
    Ok(())
}
