//! Changed primary keys, and the rows that refer to them.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Author, Book, Draft, Fixture, House, Region, Room, Shelf, Shop};

#[test]
fn children_whose_key_takes_null_follow_by_updates() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author {
        books: [Book::new("a"), Book::new("b")].into(),
        ..Author::new("ann")
    });
    f.session.commit()?;
    f.session.get::<Author>(1)?;
    f.session[ann].id = Auto::set(70);
    f.forget();
    f.session.flush()?;
    f.sends(&[
        "SELECT books WHERE author_id = ?",
        "UPDATE books SET author_id = ? WHERE id = ? × 2",
        "UPDATE authors SET id = ? WHERE id = ?",
        "UPDATE books SET author_id = ? WHERE id = ? × 2",
    ]);
    let books = f.session.load(ann, Author::BOOKS)?;
    assert_eq!(books.len(), 2);
    assert_eq!(f.session[books[0]].author_id, Some(70));
    assert_eq!(f.session.load(books[0], Book::AUTHOR)?, Some(ann));
    f.session.rollback()?;
    assert_eq!(f.session[books[0]].author_id, Some(1));
    assert_eq!(f.session.get::<Author>(1)?, Some(ann));
    assert_eq!(f.session.load(books[0], Book::AUTHOR)?, Some(ann));
    Ok(())
}

#[test]
fn a_child_that_moves_away_at_once_does_not_follow() -> Result<()> {
    let mut f = Fixture::new()?;
    let [ann, bob] = f.session.add_all([Author::new("ann"), Author::new("bob")]);
    let [by_link, by_column, stays] = ["a", "b", "c"].map(Book::new);
    let books = f.session.add_all([by_link, by_column, stays]);
    for book in books {
        f.session.set(book, Book::AUTHOR, Some(ann))?;
    }
    f.session.commit()?;
    Author::query().all(&mut f.session)?;
    Book::query().all(&mut f.session)?;
    f.session[ann].id = Auto::set(70);
    f.session.set(books[0], Book::AUTHOR, Some(bob))?;
    f.session[books[1]].author_id = Some(2);
    f.session.commit()?;
    Book::query().all(&mut f.session)?;
    let owners = books.map(|book| f.session[book].author_id);
    assert_eq!(owners, [Some(2), Some(2), Some(70)]);
    Ok(())
}

#[test]
fn what_the_database_cascades_memory_follows() -> Result<()> {
    let mut f = Fixture::new()?;
    let north = f.session.add(Region::new("n"));
    let shop = f.session.add(Shop::new("n", 1, false));
    let other = f.session.add(Shop::new("n", 2, false));
    let shelf = f.session.add(Shelf::new("n", 1));
    f.session.commit()?;
    Region::query().all(&mut f.session)?;
    Shop::query().all(&mut f.session)?;
    Shelf::query().all(&mut f.session)?;
    f.session[north].code = "north".into();
    f.session[other].open = true;
    f.forget();
    f.session.flush()?;
    f.sends(&[
        "UPDATE shops SET open = ? WHERE region_code = ? AND number = ?",
        "UPDATE regions SET code = ? WHERE code = ?",
    ]);
    assert_eq!(f.session[shop].region_code, "north");
    assert_eq!(f.session[shelf].region_code, "north");
    assert_eq!(f.session.get::<Shop>(("north".to_owned(), 2))?, Some(other));
    f.sends(&[]);
    assert_eq!(f.session.load(shop, Shop::REGION)?, north);
    f.session.rollback()?;
    assert_eq!(f.session[shop].region_code, "n");
    assert_eq!(f.session[shelf].region_code, "n");
    assert_eq!(f.session.get::<Shop>(("n".to_owned(), 2))?, Some(other));
    assert!(!f.session[other].open);
    Ok(())
}

#[test]
fn a_row_that_refers_to_itself_is_one_update_and_its_like_follow() -> Result<()> {
    let mut f = Fixture::new()?;
    let root = f.session.add(Draft::new("a", "root"));
    f.session.commit()?;
    f.session.get::<Draft>("a".to_owned())?;
    f.session[root].origin_name = Some("a".into());
    let leaf = f.session.add(Draft::new("b", "leaf"));
    f.session.set(leaf, Draft::ORIGIN, Some(root))?;
    f.session.flush()?;
    f.session[root].name = "z".into();
    f.session.commit()?;
    Draft::query().all(&mut f.session)?;
    assert_eq!(f.session[root].origin_name.as_deref(), Some("z"));
    assert_eq!(f.session[leaf].origin_name.as_deref(), Some("z"));
    Ok(())
}

#[test]
fn where_no_null_is_taken_the_database_refuses() -> Result<()> {
    let mut f = Fixture::new()?;
    let house = f.session.add(House {
        rooms: [Room::new("hall", 0)].into(),
        ..House::new("elm")
    });
    f.session.commit()?;
    f.session.get::<House>(1)?;
    f.session[house].id = Auto::set(9);
    let error = f.session.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation);
    f.session.rollback()?;
    assert_eq!(f.session.get::<House>(1)?, Some(house));
    Ok(())
}
