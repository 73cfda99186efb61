//! Changed primary keys and referencing rows.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Author, Book, Draft, Fixture, House, Node, Region, Room, Shelf, Shop};

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
fn memory_follows_cascades_of_the_database() -> Result<()> {
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
        "UPDATE regions SET code = ? WHERE code = ?",
        "UPDATE shops SET open = ? WHERE region_code = ? AND number = ?",
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

#[test]
fn children_that_go_beside_a_changed_key_go_by_the_key_that_they_have() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let north = s.add(Region::new("n"));
    let shops = s.add_all([1, 2, 3].map(|number| Shop::new("n", number, false)));
    let ann = s.add(Author {
        books: [Book::new("a"), Book::new("b")].into(),
        ..Author::new("ann")
    });
    s.commit()?;
    Region::query().all(s)?;
    Shop::query().all(s)?;
    let books = s.load(ann, Author::BOOKS)?;
    s[north].code = "north".into();
    s[ann].id = Auto::set(70);
    s[shops[1]].open = true;
    s[books[0]].title = "changed".into();
    s.delete(shops[1])?;
    s.delete(books[0])?;
    s[shops[2]].number = 4;
    s.commit()?;
    let rows = Shop::query().order_by(Shop::NUMBER.asc()).all(s)?;
    assert_eq!(rows, [shops[0], shops[2]]);
    assert_eq!(
        (&*s[shops[2]].region_code, s[shops[2]].number),
        ("north", 4)
    );
    Book::query().all(s)?;
    assert_eq!(s[books[1]].author_id, Some(70));
    f.holds::<Book>(1);
    Ok(())
}

#[test]
fn a_child_whose_key_follows_may_move_at_once() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let [north, south] = s.add_all([Region::new("n"), Region::new("s")]);
    let shop = s.add(Shop::new("n", 1, false));
    s.commit()?;
    Region::query().all(s)?;
    Shop::query().all(s)?;
    s[north].code = "north".into();
    s.set(shop, Shop::REGION, south)?;
    s[shop].open = true;
    s.commit()?;
    assert_eq!(s.get::<Shop>(("s".to_owned(), 1))?, Some(shop));
    assert!(s[shop].open);
    Ok(())
}

#[test]
fn a_row_that_was_rolled_back_does_not_follow() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let ann = s.add(Author::new("ann"));
    let kept = s.add(Book::new("kept"));
    s.set(kept, Book::AUTHOR, Some(ann))?;
    s.commit()?;
    s.get::<Author>(1)?;
    let undone: Result<()> = s.savepoint(|s| {
        s.insert_all([Book {
            author_id: Some(1),
            ..Book::new("gone")
        }])?;
        Book::query().all(s)?;
        Err(selfsame::Error::new(ErrorKind::Validation, "undo"))
    });
    assert!(undone.is_err());
    s[ann].id = Auto::set(70);
    s.commit()?;
    Book::query().all(s)?;
    assert_eq!(s[kept].author_id, Some(70));
    f.holds::<Book>(1);
    Ok(())
}

#[test]
fn keys_along_a_tree_change_together() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let drafts = s.add_all(["a", "b", "c"].map(|name| Draft::new(name, "x")));
    s.set(drafts[1], Draft::ORIGIN, Some(drafts[0]))?;
    s.set(drafts[2], Draft::ORIGIN, Some(drafts[1]))?;
    s.commit()?;
    Draft::query().all(s)?;
    s[drafts[0]].name = "x".into();
    s[drafts[1]].name = "y".into();
    s[drafts[2]].text = "z".into();
    s.commit()?;
    s.clear();
    let rows = Draft::query()
        .order_by(Draft::NAME.asc())
        .select((Draft::NAME, Draft::ORIGIN_NAME, Draft::TEXT))
        .all(s)?;
    let row = |name: &str, origin: Option<&str>, text: &str| {
        (name.to_owned(), origin.map(str::to_owned), text.to_owned())
    };
    assert_eq!(
        rows,
        [
            row("c", Some("y"), "z"),
            row("x", None, "x"),
            row("y", Some("x"), "x")
        ]
    );
    Ok(())
}

#[test]
fn many_changed_keys_are_few_batches() -> Result<()> {
    for count in [100_u16, 1_000] {
        let mut f = Fixture::new()?;
        let s = &mut f.session;
        let authors = (0..count).map(|n| Author {
            books: [Book::new("b")].into(),
            ..Author::new(format!("a{n}"))
        });
        let authors = s.add_all(authors.collect::<Vec<_>>());
        s.commit()?;
        Author::query().with(Author::BOOKS.selectin()).all(s)?;
        for &author in &authors {
            let id = *s[author].id;
            s[author].id = Auto::set(id + 100_000);
        }
        f.forget();
        f.session.flush()?;
        let sent = f.sent();
        let batches = 4 + 3 * usize::from(count) / 250 + usize::from(count) / 64;
        assert!(sent.len() <= batches, "{} batches of {count}", sent.len());
        f.session.commit()?;
        Book::query().all(&mut f.session)?;
        let book = f.session.load(authors[7], Author::BOOKS)?[0];
        assert_eq!(f.session[book].author_id, Some(100_008));
    }
    Ok(())
}

#[test]
fn a_collection_is_whole_after_a_deletion_and_a_changed_key() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let north = s.add(Region::new("n"));
    let shops = s.add_all([0, 1, 2, 3].map(|number| Shop::new("", number, false)));
    s.replace(north, Region::SHOPS, shops)?;
    s.flush()?;
    s.delete(shops[0])?;
    s.flush()?;
    assert_eq!(s.load(north, Region::SHOPS)?, shops[1..], "before");
    s[north].code = "north".into();
    s.flush()?;
    assert_eq!(s.load(north, Region::SHOPS)?, shops[1..]);
    s.replace(north, Region::SHOPS, [shops[1]])?;
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "cells")]
struct Cell {
    #[orm(primary_key)]
    row: i64,
    #[orm(primary_key)]
    column: i64,
}

/// Lists the columns of its foreign key in another order than the key that it references.
#[derive(Entity, Clone, Debug)]
#[orm(
    table = "notes",
    foreign_key(
        columns(cell_column, cell_row),
        references = "cells(column, row)",
        on_update = "cascade"
    )
)]
struct Note {
    #[orm(primary_key)]
    id: i64,
    cell_row: i64,
    cell_column: i64,
}

#[test]
fn foreign_keys_in_another_order_follow() -> Result<()> {
    let engine = Engine::new(selfsame_sqlite::Sqlite::memory());
    metadata![Cell, Note].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let cell = session.add(Cell::new(1, 2));
    let note = session.add(Note::new(1, 1, 2));
    session.commit()?;
    session.get::<Note>(1)?;
    session.get::<Cell>((1, 2))?;
    session[cell].row = 7;
    session.flush()?;
    session.refresh(note)?;
    assert_eq!((session[note].cell_row, session[note].cell_column), (7, 2));
    session[cell].column = 8;
    session.flush()?;
    assert_eq!((session[note].cell_row, session[note].cell_column), (7, 8));
    session.delete(cell)?;
    session.delete(note)?;
    session.commit()
}

/// Takes the key of a deleted cell, whose notes move.
#[test]
fn foreign_keys_in_another_order_release_a_deleted_row() -> Result<()> {
    let engine = Engine::new(selfsame_sqlite::Sqlite::memory());
    metadata![Cell, Note].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let [cell, mirrored] = session.add_all([Cell::new(1, 2), Cell::new(2, 1)]);
    let [kept, moved, gone] =
        session.add_all([Note::new(1, 1, 2), Note::new(2, 2, 1), Note::new(3, 2, 1)]);
    session.add(Cell::new(5, 6));
    session.commit()?;
    Cell::query().all(&mut session)?;
    Note::query().all(&mut session)?;
    (session[moved].cell_row, session[moved].cell_column) = (5, 6);
    session.delete(gone)?;
    session.delete(mirrored)?;
    (session[cell].row, session[cell].column) = (2, 1);
    session.commit()?;
    let columns = (Note::CELL_ROW, Note::CELL_COLUMN);
    let notes = Note::query().order_by(Note::ID.asc()).select(columns);
    assert_eq!(notes.all(&mut session)?, [(2, 1), (5, 6)]);
    assert_eq!(session[kept].cell_row, 2);
    Ok(())
}

/// Somebody of a firm: the firm is part of the key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "clerks")]
struct Clerk {
    #[orm(primary_key)]
    firm: i64,
    #[orm(primary_key)]
    number: i64,
}

/// Only the second column of its foreign key is nullable.
#[derive(Entity, Clone, Debug)]
#[orm(
    table = "letters",
    foreign_key(columns(firm, reader), references = "clerks(firm, number)")
)]
struct Letter {
    #[orm(primary_key)]
    id: i64,
    firm: i64,
    reader: Option<i64>,
}

#[test]
fn a_foreign_key_with_one_nullable_column_follows() -> Result<()> {
    let engine = Engine::new(selfsame_sqlite::Sqlite::memory());
    metadata![Clerk, Letter].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let clerk = session.add(Clerk::new(1, 1));
    let [read, unread] = session.add_all([
        Letter {
            reader: Some(1),
            ..Letter::new(1, 1)
        },
        Letter::new(2, 1),
    ]);
    session.commit()?;
    session.get::<Clerk>((1, 1))?;
    (session[clerk].firm, session[clerk].number) = (2, 9);
    session.commit()?;
    Letter::query().all(&mut session)?;
    assert_eq!((session[read].firm, session[read].reader), (2, Some(9)));
    assert_eq!((session[unread].firm, session[unread].reader), (1, None));
    Ok(())
}

/// Its key is referenced by its own table.
#[derive(Entity, Clone, Debug)]
#[orm(table = "places")]
struct Place {
    #[orm(primary_key)]
    number: i64,
    #[orm(references = "places.number")]
    below: Option<i64>,
}

#[test]
fn many_keys_move_into_a_gap() -> Result<()> {
    let engine = Engine::new(selfsame_sqlite::Sqlite::memory());
    metadata![Place].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let count = 1_000;
    let places = session.add_all((1..=count).map(Place::new).collect::<Vec<_>>());
    session.commit()?;
    Place::query().all(&mut session)?;
    session.delete(places[0])?;
    for &place in &places[1..] {
        session[place].number -= 1;
    }
    session.commit()?;
    let numbers = Place::query().order_by(Place::NUMBER.asc());
    assert_eq!(numbers.all(&mut session)?, places[1..]);
    Ok(())
}

/// The database passes the keys of children on like those of their parents.
#[test]
fn children_take_keys_that_other_children_leave() -> Result<()> {
    for passes_last_first in [true, false] {
        let mut f = Fixture::new()?;
        let [a, b] = f.session.add_all(["a", "b"].map(Region::new));
        let of = |code: &str| Shop::new(code, 1, true);
        let shops = match passes_last_first {
            true => f.session.add_all([of("a"), of("b")]),
            false => {
                let [b, a] = f.session.add_all([of("b"), of("a")]);
                [a, b]
            }
        };
        f.session.commit()?;
        Region::query()
            .with(Region::SHOPS.selectin())
            .all(&mut f.session)?;
        f.session[b].code = "c".to_owned();
        f.session[a].code = "b".to_owned();
        f.session.flush()?;
        for commits in [false, true] {
            if commits {
                f.session.commit()?;
            }
            let found = [(a, "b"), (b, "c")].map(|(region, code)| {
                let shops = f.session.load(region, Region::SHOPS).expect("shops");
                let keys = shops
                    .iter()
                    .map(|&shop| f.session[shop].region_code.clone());
                assert_eq!(keys.collect::<Vec<_>>(), [code], "{commits}");
                shops[0]
            });
            assert_eq!(found, shops, "{commits}");
        }
    }
    Ok(())
}

#[test]
fn grandchildren_follow_keys_that_are_passed_on() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b, c] = f.session.add_all(["a", "b", "c"].map(Region::new));
    let codes = ["a", "b", "c"];
    f.session
        .add_all(codes.map(|code| Shop::new(code, 1, true)));
    f.session.flush()?;
    let shelves = f.session.add_all(codes.map(|code| Shelf::new(code, 1)));
    f.session.commit()?;
    Region::query()
        .with(Region::SHOPS.selectin())
        .all(&mut f.session)?;
    Shelf::query().all(&mut f.session)?;
    let passed = f.session.savepoint(|s| {
        for (region, code) in [(c, "d"), (b, "c"), (a, "b")] {
            s[region].code = code.to_owned();
        }
        s.flush()?;
        let codes = shelves.map(|shelf| s[shelf].region_code.clone());
        assert_eq!(codes, ["b", "c", "d"]);
        Err::<(), _>(selfsame::Error::new(ErrorKind::Database, "undo"))
    });
    assert!(passed.is_err());
    let now = shelves.map(|shelf| f.session[shelf].region_code.clone());
    assert_eq!(now, codes);
    for (region, code) in [(a, "b"), (b, "c"), (c, "d")] {
        f.session[region].code = code.to_owned();
    }
    f.session.commit()?;
    Shelf::query().all(&mut f.session)?;
    let now = shelves.map(|shelf| f.session[shelf].region_code.clone());
    assert_eq!(now, ["b", "c", "d"]);
    for (region, code) in [(a, "b"), (b, "c"), (c, "d")] {
        let shops = f.session.load(region, Region::SHOPS)?;
        assert_eq!(shops.len(), 1);
        assert_eq!(f.session[shops[0]].region_code, code);
    }
    Ok(())
}

/// The relation is written after the key, so the old reference must be let go before.
#[test]
fn a_row_leaves_itself_and_changes_its_key() -> Result<()> {
    for to_other in [false, true] {
        let mut f = Fixture::new()?;
        let other = f.session.add(Node::new("other"));
        let own = f.session.add(Node::new("own"));
        f.session.set(own, Node::PARENT, Some(own))?;
        f.session.commit()?;
        f.session.refresh(own)?;
        let parent = to_other.then_some(other);
        f.session.set(own, Node::PARENT, parent)?;
        f.session[own].id = Auto::set(30);
        f.session.commit()?;
        f.session.refresh(own)?;
        assert_eq!(f.session[own].id.get(), Some(&30));
        assert_eq!(f.session[own].parent_id, to_other.then_some(1));
        assert_eq!(f.session.load(own, Node::PARENT)?, parent);
    }
    Ok(())
}

#[test]
fn a_child_keeps_its_parent_whose_key_another_takes() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let regions = s.add_all(["a", "b"].map(Region::new));
    let shops = s.add_all([Shop::new("a", 1, false), Shop::new("b", 1, true)]);
    s.commit()?;
    Region::query().all(s)?;
    Shop::query().all(s)?;
    s[regions[0]].code = "c".into();
    s[regions[1]].code = "a".into();
    // Until the flush, the children show the keys of their rows.
    assert_eq!(s.get::<Shop>(("a".to_owned(), 1))?, Some(shops[0]));
    s[shops[0]].number = 0;
    s.commit()?;
    s.clear();
    let shops = Shop::query().rows(s)?.into_iter();
    let mut shops: Vec<_> = shops
        .map(|it| (it.region_code, it.number, it.open))
        .collect();
    shops.sort();
    let wanted = [("a".to_owned(), 1, true), ("c".to_owned(), 0, false)];
    assert_eq!(shops, wanted);
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "boxes")]
struct Crate {
    #[orm(primary_key)]
    code: String,
    #[orm(unique)]
    label: Option<String>,
    #[orm(references = "boxes.code")]
    outer_code: Option<String>,
    #[orm(references = "boxes.label")]
    like: Option<String>,
    #[orm(key = "outer_code", back_populates = inner)]
    outer: BelongsTo<Crate>,
    #[orm(back_populates = outer)]
    inner: HasMany<Crate>,
}

#[test]
fn a_row_refers_to_the_key_and_the_value_that_another_takes() -> Result<()> {
    let engine = Engine::new(selfsame_sqlite::Sqlite::memory());
    metadata![Crate].create_all(&engine)?;
    let mut s = Session::new(&engine);
    let [a, b, c] = s.add_all(["a", "b", "c"].map(Crate::new));
    s.commit()?;
    Crate::query().all(&mut s)?;
    // The last one's key goes to the second one, and that one's to the first.
    s[c].code = "d".into();
    s[b].code = "c".into();
    s[a].code = "b".into();
    s[a].label = Some("new".into());
    s[c].outer_code = Some("c".into());
    s[b].outer_code = Some("b".into());
    s[b].like = Some("new".into());
    s.commit()?;
    assert_eq!(s.load(c, Crate::OUTER)?, Some(b));
    assert_eq!(s.load(b, Crate::OUTER)?, Some(a));
    let text = "SELECT code, outer_code, \"like\" FROM boxes ORDER BY code";
    type Row = (String, Option<String>, Option<String>);
    let rows: Vec<Row> = s.sql(text, ()).all()?;
    let of = |code: &str, outer: Option<&str>, like: Option<&str>| {
        (
            code.to_owned(),
            outer.map(str::to_owned),
            like.map(str::to_owned),
        )
    };
    let expected = [
        of("b", None, None),
        of("c", Some("b"), Some("new")),
        of("d", Some("c"), None),
    ];
    assert_eq!(rows, expected);
    Ok(())
}

/// Refers to another of the same tenant.
#[derive(Entity, Clone, Debug)]
#[orm(
    table = "parts",
    foreign_key(columns(tenant, outer), references = "parts(tenant, code)")
)]
struct Part {
    #[orm(primary_key)]
    tenant: i64,
    #[orm(primary_key)]
    code: String,
    outer: Option<String>,
}

#[test]
fn a_row_moves_with_the_one_that_it_then_refers_to() -> Result<()> {
    let engine = Engine::new(selfsame_sqlite::Sqlite::memory());
    metadata![Part].create_all(&engine)?;
    let mut s = Session::new(&engine);
    let [_, a, r] = s.add_all(["q", "a", "r"].map(|code| Part::new(1, code)));
    s[r].outer = Some("q".into());
    s.commit()?;
    Part::query().all(&mut s)?;
    s[a].tenant = 2;
    s[r].tenant = 2;
    s[r].outer = Some("a".into());
    s.commit()?;
    let rows = s.sql("SELECT tenant, code, outer FROM parts ORDER BY 1, 2", ());
    let rows: Vec<(i64, String, Option<String>)> = rows.all()?;
    let row = |tenant, code: &str, outer: Option<&str>| {
        (tenant, code.to_owned(), outer.map(str::to_owned))
    };
    assert_eq!(
        rows,
        [row(1, "q", None), row(2, "a", None), row(2, "r", Some("a"))]
    );
    Ok(())
}
