//! The hint of a violated foreign key: SQLite does not say which one it is, so the session names those that may be.

use selfsame::prelude::*;

use crate::fixture::{Author, Book, Credit, Fixture, House, Node, Post, Room, Shelf, Tag};

#[track_caller]
fn check<T>(result: Result<T>, entity: &str, hint: &str) {
    let error = result.err().expect("a violated foreign key");
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation, "{error}");
    assert_eq!(error.entity_name(), Some(entity));
    assert_eq!(error.hint_text(), Some(hint));
    assert!(error.to_string().contains(hint), "{error}");
}

const HOUSE: &str = "`house_id` must refer to a row of `houses`; the relation `house` sets it";

#[test]
fn a_row_without_its_parent_names_the_relation() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add(Room::new("hall", 0));
    check(f.session.commit(), "Room", HOUSE);
    f.session.rollback()?;

    f.session
        .add_all([Room::new("hall", 0), Room::new("attic", 0)]);
    check(f.session.flush(), "Room", HOUSE);
    f.session.rollback()?;
    check(f.session.insert_all([Room::new("hall", 0)]), "Room", HOUSE);
    f.session.rollback()?;

    let room = f.session.add(Room {
        house: House::new("Elm").into(),
        ..Room::new("hall", 0)
    });
    f.session.commit()?;
    f.session[room].house_id = 77;
    check(f.session.commit(), "Room", HOUSE);
    f.session.rollback()?;
    let update = Room::query().update().set(Room::HOUSE_ID, 77);
    check(update.execute(&mut f.session), "Room", HOUSE);
    f.session.rollback()
}

#[test]
fn only_keys_that_were_written_are_named() -> Result<()> {
    let mut f = Fixture::new()?;
    let both = "one of these refers to no row: `author_id` to `authors` (relation `author`), `team_id` to `teams` (relation `team`)";
    f.session.add(Credit::new(1, 1));
    check(f.session.flush(), "Credit", both);
    f.session.rollback()?;

    // A key that is NULL violates nothing.
    f.session.add(Book::new("x"));
    f.session.add(Node::new("root"));
    f.session.flush()?;
    f.session.add(Shelf::new("north", 1));
    let of_two = "`region_code, shop_number` must refer to a row of `shops`";
    check(f.session.flush(), "Shelf", of_two);
    f.session.rollback()
}

#[test]
fn a_row_that_is_referred_to_names_the_others() -> Result<()> {
    let mut f = Fixture::new()?;
    let house = f.session.add(House {
        rooms: [Room::new("hall", 0)].into(),
        ..House::new("Elm")
    });
    f.session.commit()?;
    let rooms = "a row may still refer to it, of `rooms` by `house_id` (relation `rooms`); delete such rows first, or set a `cascade`";
    check(
        House::query().delete().execute(&mut f.session),
        "House",
        rooms,
    );
    f.session.rollback()?;
    assert_eq!(f.session[house].street, "Elm");

    let author = f.session.add(Author {
        books: [Book::new("x")].into(),
        ..Author::new("ann")
    });
    f.session.commit()?;
    let of_author = "a row may still refer to it, of `books` by `author_id` (relation `books`); delete such rows first, or set a `cascade`";
    check(
        Author::query().delete().execute(&mut f.session),
        "Author",
        of_author,
    );
    f.session.rollback()?;
    assert_eq!(f.session[author].name, "ann");
    Ok(())
}

#[test]
fn a_changed_key_names_the_rows_that_do_not_follow() -> Result<()> {
    let mut f = Fixture::new()?;
    let house = f.session.add(House {
        rooms: [Room::new("hall", 0)].into(),
        ..House::new("Elm")
    });
    f.session.commit()?;
    let rooms = "a row may still refer to the old value, of `rooms` by `house_id` (relation `rooms`); declare `on_update = \"cascade\"` for that foreign key";
    f.session[house].id = Auto::set(9);
    check(f.session.flush(), "House", rooms);
    f.session.rollback()?;
    f.session[house].street = "Oak".to_owned();
    f.session.commit()
}

#[test]
fn a_pair_names_both_ends() -> Result<()> {
    let mut f = Fixture::new()?;
    let tag = f.session.add(Tag::new("a"));
    let post = f.session.add(Post::new("first"));
    f.session.commit()?;
    // Deleted by another program.
    Session::new(&f.outside).transaction(|other| Tag::query().delete().execute(other))?;
    f.session.push(post, Post::TAGS, tag)?;
    let ends = "one of these refers to no row: `post_id` to `posts`, `tag_id` to `tags`";
    check(f.session.flush(), "post_tags", ends);
    f.session.rollback()
}

#[test]
fn other_errors_have_no_hint() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add_all([Author::new("ann"), Author::new("ann")]);
    let error = f.session.flush().expect_err("the name is unique");
    assert_eq!(
        (error.kind(), error.hint_text()),
        (ErrorKind::UniqueViolation, None)
    );
    f.session.rollback()
}
