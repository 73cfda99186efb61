//! Queries with joins, and queries for columns instead of objects.

use selfsame::prelude::*;
use selfsame::query::Query;
use selfsame::sql::{alias, count, max, on};
use selfsame::{Entity, ErrorKind, Result};

use crate::fixture::{Album, Author, Book, Fixture, Mark, Node, Region, Shop, Track};

/// ann with two books, bob with one, cy with none.
fn library() -> Result<Fixture> {
    let mut fixture = Fixture::new()?;
    let author = |name: &str, age, titles: &[&str]| Author {
        age: Some(age),
        books: titles
            .iter()
            .map(|&title| Book::new(title))
            .collect::<Vec<_>>()
            .into(),
        ..Author::new(name)
    };
    fixture.session.add_all([
        author("ann", 30, &["x", "y"]),
        author("bob", 40, &["z"]),
        author("cy", 50, &[]),
    ]);
    fixture.session.commit()?;
    fixture.forget();
    Ok(fixture)
}

fn names(session: &Session, authors: &[Handle<Author>]) -> Vec<String> {
    authors
        .iter()
        .map(|&author| session[author].name.clone())
        .collect()
}

#[test]
fn joined_rows_find_each_object_once() -> Result<()> {
    let mut fixture = library()?;
    let session = &mut fixture.session;
    let with_books = Author::query()
        .join(Author::BOOKS)
        .order_by(Author::NAME.asc());
    let found = with_books.all(session)?;
    assert_eq!(names(session, &found), ["ann", "bob"]);
    assert_eq!(with_books.count(session)?, 2);
    assert!(with_books.exists(session)?);
    let first = with_books.clone().limit(1).all(session)?;
    assert_eq!(names(session, &first), ["ann"]);
    assert_eq!(with_books.rows(session)?.len(), 2);
    let by_title = Author::query()
        .left_join(Author::BOOKS)
        .order_by(Book::TITLE.desc().nulls_last())
        .all(session)?;
    assert_eq!(names(session, &by_title), ["bob", "ann", "cy"]);
    let busy = Author::query()
        .join(Author::BOOKS)
        .having(count(Book::ID).gt(1))
        .all(session)?;
    assert_eq!(names(session, &busy), ["ann"]);
    let books = Book::query()
        .join(Book::AUTHOR)
        .filter(Author::AGE.ge(30))
        .order_by(Author::NAME.desc())
        .order_by(Book::TITLE.asc())
        .all(session)?;
    let titles: Vec<&str> = books.iter().map(|&book| &*session[book].title).collect();
    assert_eq!(titles, ["z", "x", "y"]);
    Ok(())
}

#[test]
fn a_query_with_joins_loads_relations() -> Result<()> {
    let mut fixture = library()?;
    let query = Author::query()
        .join(Author::BOOKS)
        .order_by(Author::NAME.asc())
        .limit(2);
    for query in [
        query.clone().with(Author::BOOKS.selectin()),
        query.with(Author::BOOKS.joined()),
    ] {
        let mut session = Session::new(&fixture.engine);
        let found = query.all(&mut session)?;
        let counts: Vec<_> = found
            .iter()
            .map(|&author| {
                session
                    .loaded(author, Author::BOOKS)
                    .map(|books| books.map(|b| b.len()))
            })
            .collect::<Result<_>>()?;
        assert_eq!(counts, [Some(2), Some(1)]);
    }
    fixture.session.rollback()
}

#[test]
fn conditions_on_what_is_related() -> Result<()> {
    let mut fixture = library()?;
    let session = &mut fixture.session;
    let of_z = Author::query().filter(Author::BOOKS.any(Book::TITLE.eq("z")));
    assert_eq!(
        of_z.one(session)?,
        Author::query()
            .filter(Author::NAME.eq("bob"))
            .one(session)?
    );
    let idle = Author::query()
        .filter(!Author::BOOKS.any(true))
        .all(session)?;
    assert_eq!(names(session, &idle), ["cy"]);
    let of_young = Book::query().filter(Book::AUTHOR.has(Author::AGE.lt(35)));
    assert_eq!(of_young.count(session)?, 2);
    let ids = Book::query()
        .filter(Book::TITLE.ne("z"))
        .select(Book::AUTHOR_ID);
    let found = Author::query().filter(Author::ID.in_(ids)).all(session)?;
    assert_eq!(names(session, &found), ["ann"]);
    Ok(())
}

#[test]
fn a_table_is_joined_with_itself() -> Result<()> {
    let mut fixture = Fixture::new()?;
    let session = &mut fixture.session;
    let root = session.add(Node::new("root"));
    let branch = session.add(Node::new("branch"));
    let leaf = session.add(Node::new("leaf"));
    session.set(branch, Node::PARENT, Some(root))?;
    session.set(leaf, Node::PARENT, Some(branch))?;
    session.flush()?;
    let parent = alias::<Node>("parent");
    let below_root = Node::query()
        .join(Node::PARENT.to(&parent))
        .filter(parent.column(Node::LABEL).eq("root"));
    assert_eq!(below_root.all(session)?, [branch]);
    let leaves = Node::query().filter(!Node::CHILDREN.any(true));
    assert_eq!(leaves.all(session)?, [leaf]);
    let grandparents = Node::CHILDREN.any(Node::CHILDREN.any(Node::LABEL.eq("leaf")));
    assert_eq!(Node::query().filter(grandparents).all(session)?, [root]);
    let same = alias::<Node>("same");
    let twice = Node::query().join_on(&same, on(same.column(Node::PARENT_ID), Node::ID));
    assert_eq!(twice.count(session)?, 2);
    let stray = Node::query()
        .join(Node::PARENT.to(&same))
        .join(Node::CHILDREN.of(&parent).to(&alias("child")));
    let error = stray.all(session).expect_err("nothing is called parent");
    assert_eq!(error.kind(), ErrorKind::InvalidStatement);
    let nameless = Node::query().join(Node::PARENT);
    let error = nameless.all(session).expect_err("two tables of one name");
    assert_eq!(error.kind(), ErrorKind::InvalidStatement);
    Ok(())
}

#[derive(FromRow, Debug, PartialEq)]
struct Shelf {
    name: String,
    books: i64,
    last: Option<String>,
}

#[test]
fn columns_instead_of_objects() -> Result<()> {
    let mut fixture = library()?;
    let session = &mut fixture.session;
    let shelves = Author::query()
        .left_join(Author::BOOKS)
        .order_by(Author::NAME.asc())
        .select((Author::NAME, count(Book::ID), max(Book::TITLE)))
        .group_by(Author::ID);
    let last = |title: &str| Some(title.to_owned());
    let rows = shelves.all(session)?;
    assert_eq!(rows[0], ("ann".into(), 2, last("y")));
    assert_eq!(rows[2], ("cy".into(), 0, None));
    let shelf = shelves
        .clone()
        .having(count(Book::ID).eq(1))
        .read_as::<Shelf>();
    let bobs = Shelf {
        name: "bob".into(),
        books: 1,
        last: last("z"),
    };
    assert_eq!(shelf.one(session)?, bobs);
    let mut seen = Vec::new();
    shelf.for_each(session, |row| {
        seen.push(row);
        Ok(())
    })?;
    assert_eq!(seen, [bobs]);
    let every = Author::query().join(Author::BOOKS).select(Author::NAME);
    assert_eq!(every.all(session)?.len(), 3);
    assert_eq!(every.clone().distinct().all(session)?.len(), 2);
    assert_eq!(
        every.one(session).expect_err("three rows").kind(),
        ErrorKind::MultipleRows
    );
    assert_eq!(every.filter(Author::ID.eq(0)).first(session)?, None);
    // Pending objects are flushed first.
    session.add(Author::new("dee"));
    assert_eq!(Author::query().select(Author::NAME).all(session)?.len(), 4);
    Ok(())
}

/// LIMIT counts the query's own rows, which requires a single-column key: with two columns, the relation is loaded with a separate
/// statement.
#[test]
fn a_part_of_what_has_a_key_of_two_columns_is_read_without_a_join() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add(Region::new("n"));
    f.session
        .add_all([0, 1, 2].map(|number| Shop::new("n", number, true)));
    f.session.commit()?;
    let query = || {
        Shop::query()
            .with(Shop::REGION.joined())
            .order_by(Shop::NUMBER.asc())
    };
    for (query, rows, statements) in [
        (query(), 3, 1),
        (query().limit(2), 2, 2),
        (query().offset(1), 2, 2),
    ] {
        let mut session = Session::new(&f.engine);
        f.forget();
        assert_eq!(query.all(&mut session)?.len(), rows);
        let is_select = |sent: &&String| sent.starts_with("SELECT");
        assert_eq!(f.sent().iter().filter(is_select).count(), statements);
        assert_eq!(session.persistent::<Region>().len(), 1);
    }
    Ok(())
}

/// Nested loading continues through relations that are loaded already.
#[test]
fn nested_relations_are_loaded_below_those_loaded_before() -> Result<()> {
    for before in 0..=3 {
        let mut f = Fixture::new()?;
        f.in_another_session(|s| {
            for title in ["a", "b", "c"] {
                let track = |title: &str| Track {
                    marks: [Mark::new(1, 0), Mark::new(2, 0)].into(),
                    ..Track::new(title, 0)
                };
                s.add(Album {
                    tracks: [track("1"), track("2")].into(),
                    ..Album::new(title)
                });
            }
            Ok(())
        })?;
        let albums = Album::query().order_by(Album::ID.asc());
        let albums = albums.all(&mut f.session)?;
        for &album in &albums[..before] {
            f.session.load(album, Album::TRACKS)?;
        }
        let nested = Album::TRACKS.selectin().then(Track::MARKS.selectin());
        Album::query().with(nested).all(&mut f.session)?;
        f.forget();
        for &album in &albums {
            for track in f.session.load(album, Album::TRACKS)? {
                assert_eq!(f.session.load(track, Track::MARKS)?.len(), 2);
            }
        }
        f.sends(&[]);
    }
    Ok(())
}

/// SQLite allows NULL in a primary key that is not declared NOT NULL.
#[test]
fn a_row_with_null_in_its_key_is_an_error_not_a_row_less() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    s.sql(
        "CREATE TABLE stamps (code TEXT PRIMARY KEY, size BIGINT NOT NULL)",
        (),
    )
    .execute()?;
    s.sql("INSERT INTO stamps VALUES ('a', 1), (NULL, 2)", ())
        .execute()?;
    let error = Stamp::query().all(s).expect_err("a row without a key");
    assert_eq!(error.kind(), ErrorKind::Conversion);
    assert!(error.to_string().contains("code"), "{error}");
    let whole = Stamp::query().filter(Stamp::CODE.is_not_null()).all(s)?;
    assert_eq!(whole.len(), 1);
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "stamps")]
struct Stamp {
    #[orm(primary_key)]
    code: String,
    size: i64,
}

#[test]
fn a_list_beyond_a_hundred_values_is_one_parameter() -> Result<()> {
    let mut f = Fixture::new()?;
    for (values, parameters) in [(100, 100), (101, 1)] {
        f.forget();
        Author::query()
            .filter(Author::ID.in_(0..values))
            .all(&mut f.session)?;
        let sent = f.sent().pop().unwrap_or_default();
        assert_eq!(sent.matches('?').count(), parameters, "{sent}");
    }
    Ok(())
}

#[test]
fn the_first_row_of_a_query_of_columns_sees_what_is_pending() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add_all(["ann", "bob"].map(Author::new));
    let names = Author::query()
        .order_by(Author::NAME.desc())
        .select(Author::NAME);
    assert_eq!(names.first(&mut f.session)?.as_deref(), Some("bob"));
    let select = selfsame::sql::select(Author::NAME)
        .from(Author::table())
        .order_by(Author::NAME.asc());
    assert_eq!(f.session.first_row(&select)?.as_deref(), Some("ann"));
    let nobody = select.filter(Author::NAME.eq("eve"));
    assert_eq!(f.session.first_row(&nobody)?, None);
    Ok(())
}

fn found<S>(session: &mut Session, query: &Query<Author, S>) -> Result<Vec<String>> {
    let authors = query.all(session)?;
    Ok(names(session, &authors))
}

#[test]
fn pages_by_keys_of_joined_tables_hold_each_object_once() -> Result<()> {
    let mut fixture = library()?;
    let session = &mut fixture.session;
    let by_title = || {
        Author::query()
            .join(Author::BOOKS)
            .order_by(Book::TITLE.asc())
            .order_by(Author::NAME.asc())
    };
    // ann has the titles x and y, and is sorted by x.
    assert_eq!(found(session, &by_title())?, ["ann", "bob"]);
    let rest = by_title().after(("x", "ann"));
    assert_eq!(found(session, &rest)?, ["bob"]);
    assert_eq!(rest.count(session)?, 1);
    assert!(rest.exists(session)?);
    let first = by_title().after(("a", "")).limit(1);
    assert_eq!(found(session, &first)?, ["ann"]);
    let descending = || {
        Author::query()
            .join(Author::BOOKS)
            .order_by(Book::TITLE.desc())
            .order_by(Author::ID.desc())
    };
    assert_eq!(found(session, &descending())?, ["bob", "ann"]);
    assert_eq!(found(session, &descending().after(("z", 2)))?, ["ann"]);
    assert_eq!(descending().after(("y", 1)).all(session)?, []);
    let by_count = || {
        Author::query()
            .left_join(Author::BOOKS)
            .order_by(count(Book::ID).desc())
            .order_by(Author::ID.asc())
    };
    assert_eq!(found(session, &by_count())?, ["ann", "bob", "cy"]);
    assert_eq!(
        found(session, &by_count().after((2_i64, 1)))?,
        ["bob", "cy"]
    );
    // The one row of each book: nothing is grouped.
    let books = Book::query()
        .join(Book::AUTHOR)
        .order_by(Author::NAME.asc())
        .order_by(Book::ID.asc())
        .after(("ann", 1));
    let titles = books.clone().select(Book::TITLE).all(session)?;
    assert_eq!(titles, ["y", "z"]);
    assert_eq!(books.all(session)?.len(), 2);
    // Of the rows of a projection, each is on its page.
    let rows = by_title()
        .after(("x", "ann"))
        .select(Book::TITLE)
        .all(session)?;
    assert_eq!(rows, ["y", "z"]);
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "shelf_marks", read_only)]
struct ShelfMark {
    title: String,
}

#[test]
fn rows_without_a_key_are_not_grouped() -> Result<()> {
    let mut fixture = library()?;
    let session = &mut fixture.session;
    session
        .sql("CREATE TABLE shelf_marks (title TEXT NOT NULL)", ())
        .execute()?;
    session
        .sql("INSERT INTO shelf_marks VALUES ('x'), ('z'), ('x')", ())
        .execute()?;
    let joined = ShelfMark::query().join_on(Book::table(), on(Book::TITLE, ShelfMark::TITLE));
    for query in [
        joined.clone().order_by(Book::TITLE.desc()),
        joined.having(count(Book::ID).gt(1)),
    ] {
        let error = query.rows(session).expect_err("not grouped");
        assert_eq!(error.kind(), ErrorKind::InvalidStatement);
    }
    Ok(())
}

#[test]
fn bounded_queries_count_within_their_bounds() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    s.add_all(["ann", "bob", "cid"].map(Author::new));
    s.commit()?;
    let all = Author::query;
    assert_eq!(all().count(s)?, 3);
    assert_eq!(all().limit(2).count(s)?, 2);
    assert_eq!(all().offset(2).count(s)?, 1);
    assert_eq!(all().limit(9).offset(1).count(s)?, 2);
    assert!(all().limit(1).exists(s)?);
    assert!(all().offset(2).exists(s)?);
    assert!(!all().offset(3).exists(s)? && !all().limit(0).exists(s)?);
    Ok(())
}
