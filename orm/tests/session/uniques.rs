//! Unique values that pass from row to row within one flush.

use selfsame::prelude::*;
use selfsame::{Entity, ErrorKind, Result};

use crate::fixture::{Author, Book, Draft, Fixture};

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
    // Shifted up for a new first one, then down over a deleted one.
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

#[test]
fn a_swap_of_values_and_a_new_key_are_one_flush() -> Result<()> {
    let mut f = Fixture::new()?;
    let all = slots(&mut f, 2)?;
    let s = &mut f.session;
    s[all[0]].label = Some("l2".into());
    s[all[1]].label = Some("l1".into());
    s[all[0]].id = 10;
    s[all[1]].id = 20;
    s.commit()?;
    let labels: Vec<_> = rows(&mut f)?
        .into_iter()
        .map(|row| (row.0, row.2))
        .collect();
    let label = |text: &str| Some(text.to_owned());
    assert_eq!(labels, [(10, label("l2")), (20, label("l1"))]);
    f.session.rollback()?;
    assert_eq!(f.session[all[0]].id, 10);
    Ok(())
}

/// A tree with keys set by the program.
#[derive(Entity, Clone, Debug)]
#[orm(table = "places")]
struct Place {
    #[orm(primary_key)]
    code: String,
    #[orm(unique)]
    name: Option<String>,
    rank: i32,
    #[orm(references = "places.code")]
    parent_code: Option<String>,
    #[orm(back_populates = children)]
    parent: BelongsTo<Place>,
    #[orm(back_populates = parent)]
    children: HasMany<Place>,
}

/// `a` and its children `b` and `c`, named as their codes.
fn places(f: &mut Fixture) -> Result<[Handle<Place>; 3]> {
    metadata![Place].create_all(&f.outside)?;
    let s = &mut f.session;
    let named = |code: &str| Place {
        name: Some(code.to_owned()),
        ..Place::new(code, 0)
    };
    let all = s.add_all(["a", "b", "c"].map(named));
    s.set(all[1], Place::PARENT, Some(all[0]))?;
    s.set(all[2], Place::PARENT, Some(all[0]))?;
    s.commit()?;
    Place::query().all(s)?;
    Ok(all)
}

type PlaceRow = (String, Option<String>, Option<String>);

fn place_rows(f: &mut Fixture) -> Result<Vec<PlaceRow>> {
    Place::query()
        .order_by(Place::CODE.asc())
        .select((Place::CODE, Place::NAME, Place::PARENT_CODE))
        .all(&mut f.session)
}

fn place_row(code: &str, name: Option<&str>, parent: Option<&str>) -> PlaceRow {
    (
        code.to_owned(),
        name.map(str::to_owned),
        parent.map(str::to_owned),
    )
}

#[test]
fn a_child_takes_the_name_of_the_parent_that_it_loses() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b, _] = places(&mut f)?;
    let s = &mut f.session;
    s.delete(a)?;
    s[b].name = Some("a".into());
    s[b].rank = 7;
    s.commit()?;
    assert_eq!(
        place_rows(&mut f)?,
        [
            place_row("b", Some("a"), None),
            place_row("c", Some("c"), None)
        ]
    );
    assert_eq!(f.session[b].rank, 7);
    Ok(())
}

#[test]
fn a_child_that_takes_its_parents_name_may_be_put_to_a_new_one() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b, c] = places(&mut f)?;
    let s = &mut f.session;
    s.delete(a)?;
    let d = s.add(Place {
        name: Some("a".into()),
        ..Place::new("d", 0)
    });
    s.set(b, Place::PARENT, Some(d))?;
    s.set_expr(c, Place::RANK, Place::RANK + 5)?;
    s.commit()?;
    assert_eq!(
        place_rows(&mut f)?,
        [
            place_row("b", Some("b"), Some("d")),
            place_row("c", Some("c"), None),
            place_row("d", Some("a"), None)
        ]
    );
    f.session.refresh(c)?;
    assert_eq!(f.session[c].rank, 5);
    Ok(())
}

#[test]
fn rows_may_refer_by_value_to_new_ones() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b, _] = places(&mut f)?;
    let s = &mut f.session;
    // A row that is deleted and added again, and one that is changed.
    s.delete(a)?;
    s.add(Place {
        parent_code: Some("new".into()),
        ..Place::new("a", 1)
    });
    s.add(Place {
        parent_code: Some("newer".into()),
        ..Place::new("new", 0)
    });
    s.add(Place::new("newer", 0));
    s[b].parent_code = Some("newer".into());
    s.commit()?;
    assert_eq!(
        place_rows(&mut f)?,
        [
            place_row("a", None, Some("new")),
            place_row("b", Some("b"), Some("newer")),
            place_row("c", Some("c"), None),
            place_row("new", None, Some("newer")),
            place_row("newer", None, None),
        ]
    );
    Ok(())
}

#[test]
fn a_row_that_waits_for_a_new_one_gives_it_its_name_before() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b, c] = places(&mut f)?;
    let s = &mut f.session;
    s.set(b, Place::PARENT, None)?;
    s.set(c, Place::PARENT, None)?;
    s.flush()?;
    // A new object's row with its key, and a changed one: both reference new rows that take their names.
    s.delete(a)?;
    s.add(Place {
        name: Some("a".into()),
        ..Place::new("d", 0)
    });
    s.add(Place {
        parent_code: Some("d".into()),
        ..Place::new("a", 1)
    });
    let e = s.add(Place {
        name: Some("b".into()),
        ..Place::new("e", 0)
    });
    s.set(b, Place::PARENT, Some(e))?;
    s[b].name = Some("bb".into());
    s[b].rank = 3;
    s.commit()?;
    assert_eq!(
        place_rows(&mut f)?,
        [
            place_row("a", None, Some("d")),
            place_row("b", Some("bb"), Some("e")),
            place_row("c", Some("c"), None),
            place_row("d", Some("a"), None),
            place_row("e", Some("b"), None),
        ]
    );
    f.session.refresh(b)?;
    assert_eq!(f.session[b].rank, 3);
    Ok(())
}

#[test]
fn keys_that_the_program_gives_to_counted_rows_are_referred_to_in_order() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let drafts = s.add_all(["leaf", "root"].map(|name| Draft::new(name, "x")));
    s[drafts[0]].origin_name = Some("root".into());
    s.commit()?;
    let nodes = s.add_all([2, 1].map(|id| crate::fixture::Node {
        id: Auto::set(id),
        parent_id: (id == 2).then_some(1),
        ..crate::fixture::Node::new("n")
    }));
    s.commit()?;
    assert_eq!(s[nodes[0]].parent_id, Some(1));
    Ok(())
}

#[test]
fn a_row_with_a_changed_key_takes_a_name_that_another_frees() -> Result<()> {
    for deleted in [false, true] {
        let mut f = Fixture::new()?;
        let s = &mut f.session;
        let [ann, bob, carl] = s.add_all(["ann", "bob", "carl"].map(Author::new));
        let book = s.add(Book::new("b"));
        s.push(ann, Author::BOOKS, book)?;
        s.commit()?;
        s[ann].id = Auto::set(70);
        s[ann].name = "bob".into();
        s[ann].age = Some(30);
        s[carl].id = Auto::set(71);
        s[carl].name = "ann".into();
        match deleted {
            true => s.delete(bob)?,
            false => s[bob].name = "dan".into(),
        }
        s.commit()?;
        s.expire_all();
        assert_eq!((&*s[ann].name, s[ann].age), ("bob", Some(30)));
        assert_eq!(&*s[carl].name, "ann");
        assert_eq!(s[book].author_id, Some(70));
        f.holds::<Author>(if deleted { 2 } else { 3 });
    }
    Ok(())
}
