//! Tables in which several rows have the key of one object: the mapping declares a key that the table does not enforce.

use selfsame::prelude::*;
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{Album, Author, Book, Fixture, Mark, Post, Seat, Tag, Track};

/// A change of one row.
type Change = fn(&mut Session, Handle<Seat>) -> Result<()>;

/// A table without a UNIQUE constraint on its key, with two rows of one key and a row of another.
fn doubled() -> Result<Fixture> {
    let f = Fixture::new()?;
    f.in_another_session(|s| {
        for text in [
            "PRAGMA foreign_keys = OFF",
            "DROP TABLE post_seats",
            "DROP TABLE seats",
            "CREATE TABLE seats (row INTEGER NOT NULL, place TEXT NOT NULL, taken BOOLEAN NOT NULL)",
            "INSERT INTO seats VALUES (1, 'a', 0), (1, 'a', 0), (2, 'b', 0)",
        ] {
            s.sql(text, ()).execute()?;
        }
        Ok(())
    })?;
    Ok(f)
}

#[track_caller]
fn says(error: &Error, message: &str) {
    assert_eq!(error.kind(), ErrorKind::MultipleRows, "{error}");
    assert_eq!(error.entity_name(), Some("Seat"), "{error}");
    assert_eq!(error.key_text(), Some("(1, \"a\")"), "{error}");
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn a_lookup_by_its_key_is_an_error() -> Result<()> {
    let mut f = doubled()?;
    let key = || (1, "a".to_owned());
    let error = f.session.get::<Seat>(key()).expect_err("two rows");
    says(&error, "several rows have this key");
    let error = f.session.get_many::<Seat>([key(), (2, "b".to_owned())]);
    says(
        &error.expect_err("three rows"),
        "several rows have this key",
    );
    let error = f.session.get_many::<Seat>([key(), (9, "z".to_owned())]);
    says(&error.expect_err("two rows"), "several rows have this key");
    assert!(f.session.get::<Seat>((2, "b".to_owned()))?.is_some());
    Ok(())
}

#[test]
fn changes_are_kept_when_a_query_is_refused() -> Result<()> {
    let mut f = doubled()?;
    let s = &mut f.session;
    let one = Seat::query().filter(Seat::ROW.eq(1)).limit(1);
    let seat = one.one(s)?;
    s.no_autoflush(|s| {
        s[seat].taken = true;
        Seat::query().all(s).expect_err("two rows");
        assert!(s[seat].taken && s.is_modified(seat)?);
        Ok(())
    })
}

#[test]
fn a_query_that_finds_several_rows_of_one_object_is_an_error() -> Result<()> {
    let mut f = doubled()?;
    for _ in 0..2 {
        let error = Seat::query().all(&mut f.session).expect_err("two rows");
        says(&error, "several rows have this key");
    }
    let apart = Seat::query().filter(Seat::ROW.eq(2)).all(&mut f.session)?;
    assert_eq!(apart.len(), 1);
    let values = Seat::query().rows(&mut f.session)?;
    assert_eq!(values.len(), 3);
    Ok(())
}

#[test]
fn a_statement_for_one_row_that_matches_two_is_an_error() -> Result<()> {
    let change: [Change; 3] = [
        |session, seat| {
            session[seat].taken = true;
            Ok(())
        },
        |session, seat| session.set_expr(seat, Seat::TAKEN, Seat::PLACE.eq("a")),
        |session, seat| session.delete(seat),
    ];
    for (change, what) in change.into_iter().zip(["UPDATE", "UPDATE", "DELETE"]) {
        let mut f = doubled()?;
        let result = f.session.transaction(|session| {
            let seat = Seat::query()
                .filter(Seat::ROW.eq(1))
                .limit(1)
                .one(session)?;
            change(session, seat)
        });
        says(
            &result.expect_err("two rows"),
            &format!("the {what} of one row matched 2"),
        );
        let kept = f
            .session
            .sql("SELECT count(*) FROM seats WHERE taken = 0", ());
        assert_eq!(kept.one::<i64>()?, 3);
    }
    Ok(())
}

/// An author with the books `a` and `b`; the row of `b` is there twice.
fn doubled_book() -> Result<(Fixture, Handle<Author>, [Handle<Book>; 2])> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let ann = s.add(Author::new("ann"));
    let books = s.add_all(["a", "b"].map(Book::new));
    for &book in &books {
        s.set(book, Book::AUTHOR, Some(ann))?;
    }
    s.add(Author::new("bob"));
    s.commit()?;
    f.in_another_session(|s| {
        for text in [
            "PRAGMA foreign_keys = OFF",
            "CREATE TABLE copies AS SELECT * FROM books",
            "DROP TABLE books",
            "ALTER TABLE copies RENAME TO books",
            "INSERT INTO books SELECT * FROM books WHERE title = 'b'",
        ] {
            s.sql(text, ()).execute()?;
        }
        Ok(())
    })?;
    Ok((f, ann, books))
}

#[test]
fn a_doubled_row_is_also_found_where_its_parent_is_joined() -> Result<()> {
    let (mut f, _, books) = doubled_book()?;
    let s = &mut f.session;
    let joined = Book::query().with(Book::AUTHOR.joined());
    let error = joined.all(s).expect_err("two rows of `b`");
    assert_eq!(error.kind(), ErrorKind::MultipleRows, "{error}");
    assert_eq!(error.entity_name(), Some("Book"), "{error}");
    let alone = Book::query().with(Book::AUTHOR.joined());
    let alone = alone.filter(Book::TITLE.eq("a")).all(s)?;
    assert_eq!(alone, [books[0]]);
    Ok(())
}

#[test]
fn a_doubled_row_is_also_found_among_the_members_of_a_collection() -> Result<()> {
    type Load = fn(&mut Session, Handle<Author>) -> Result<()>;
    let ways: [Load; 3] = [
        |s, ann| s.load(ann, Author::BOOKS).map(drop),
        |s, _| {
            let query = Author::query().with(Author::BOOKS.selectin());
            query.all(s).map(drop)
        },
        |s, _| {
            let query = Author::query().with(Author::BOOKS.joined());
            query.all(s).map(drop)
        },
    ];
    for (at, load) in ways.into_iter().enumerate() {
        let (mut f, ann, _) = doubled_book()?;
        let error = load(&mut f.session, ann).expect_err("two rows of `b`");
        assert_eq!(error.kind(), ErrorKind::MultipleRows, "{at}: {error}");
        assert_eq!(error.entity_name(), Some("Book"), "{at}: {error}");
    }
    Ok(())
}

/// A post with two tags; the row of one is there twice.
fn doubled_tag() -> Result<Fixture> {
    let mut f = Fixture::new()?;
    f.session.add(Post {
        tags: ["a", "b"].map(Tag::new).into(),
        ..Post::new("first")
    });
    f.session.commit()?;
    double(&f, &["post_tags", "site_tags", "tags"], "label = 'b'")?;
    f.session.clear();
    Ok(f)
}

/// Doubles some rows of the last table. It and those that reference it give up their constraints.
fn double(f: &Fixture, tables: &[&str], filter: &str) -> Result<()> {
    f.in_another_session(|s| {
        for table in tables {
            for text in [
                format!("CREATE TABLE copies AS SELECT * FROM {table}"),
                format!("DROP TABLE {table}"),
                format!("ALTER TABLE copies RENAME TO {table}"),
            ] {
                s.sql(text, ()).execute()?;
            }
        }
        let table = tables[tables.len() - 1];
        let again = format!("INSERT INTO {table} SELECT * FROM {table} WHERE {filter}");
        s.sql(again, ()).execute().map(drop)
    })
}

#[track_caller]
fn is_doubled<T: std::fmt::Debug>(result: Result<T>, entity: &str) {
    let error = result.expect_err("two rows of one key");
    assert_eq!(error.kind(), ErrorKind::MultipleRows, "{error}");
    assert_eq!(error.entity_name(), Some(entity), "{error}");
}

#[test]
fn a_doubled_row_is_also_found_through_an_association() -> Result<()> {
    type Load = fn(&mut Session) -> Result<()>;
    let ways: [Load; 5] = [
        |s| {
            let post = s.get::<Post>(1)?.expect("a post");
            s.load(post, Post::TAGS).map(drop)
        },
        |s| Post::query().with(Post::TAGS.selectin()).all(s).map(drop),
        |s| Post::query().with(Post::TAGS.joined()).all(s).map(drop),
        |s| {
            let tags = Post::TAGS.filter(true);
            Post::query().with(tags).all(s).map(drop)
        },
        |s| {
            let tags = Post::TAGS.joined().then(Tag::POSTS.joined());
            Post::query().with(tags).all(s).map(drop)
        },
    ];
    for load in ways {
        let mut f = doubled_tag()?;
        is_doubled(load(&mut f.session), "Tag");
    }
    Ok(())
}

#[test]
fn a_doubled_parent_is_found_where_it_is_joined() -> Result<()> {
    type Load = fn(&mut Session) -> Result<()>;
    let ways: [Load; 5] = [
        |s| Book::query().with(Book::AUTHOR.joined()).all(s).map(drop),
        |s| {
            let author = Book::AUTHOR.joined().then(Author::BOOKS.joined());
            Book::query().with(author).all(s).map(drop)
        },
        |s| {
            let author = Book::AUTHOR.joined().then(Author::BOOKS.selectin());
            Book::query().with(author).all(s).map(drop)
        },
        |s| {
            let query = Author::query().with(Author::BOOKS.joined());
            query.all(s).map(drop)
        },
        |s| {
            let book = s.get::<Book>(1)?.expect("a book");
            s.load(book, Book::AUTHOR).map(drop)
        },
    ];
    for load in ways {
        let mut f = Fixture::new()?;
        let ann = f.session.add(Author::new("ann"));
        for book in f.session.add_all(["a", "b"].map(Book::new)) {
            f.session.set(book, Book::AUTHOR, Some(ann))?;
        }
        f.session.commit()?;
        double(
            &f,
            &["credits", "actors", "vehicles", "books", "authors"],
            "true",
        )?;
        f.session.clear();
        is_doubled(load(&mut f.session), "Author");
    }
    Ok(())
}

#[test]
fn a_doubled_row_is_also_found_where_several_collections_are_joined() -> Result<()> {
    type Load = fn(&mut Session) -> Result<()>;
    let ways: [(&[&str], &str, Load); 4] = [
        (&["marks"], "Mark", |s| {
            let tracks = Album::TRACKS.joined().then(Track::MARKS.joined());
            Album::query().with(tracks).all(s).map(drop)
        }),
        (&["marks", "tracks"], "Track", |s| {
            let tracks = Album::TRACKS.joined().then(Track::MARKS.joined());
            Album::query().with(tracks).all(s).map(drop)
        }),
        (&["marks", "tracks", "albums"], "Album", |s| {
            let tracks = Album::TRACKS.joined().then(Track::MARKS.joined());
            Album::query().with(tracks).all(s).map(drop)
        }),
        (&["marks", "tracks"], "Track", |s| {
            let tracks = Album::TRACKS.filter(true);
            Album::query().with(tracks).all(s).map(drop)
        }),
    ];
    for (tables, entity, load) in ways {
        let mut f = Fixture::new()?;
        let track = |title: &str| Track {
            marks: [Mark::new(1, 0), Mark::new(2, 0)].into(),
            ..Track::new(title, 0)
        };
        f.session.add(Album {
            tracks: [track("a"), track("b")].into(),
            ..Album::new("first")
        });
        f.session.commit()?;
        f.session.clear();
        load(&mut f.session)?;
        f.session.commit()?;
        double(&f, tables, "id = 1")?;
        f.session.clear();
        is_doubled(load(&mut f.session), entity);
    }
    Ok(())
}

#[test]
fn rows_of_several_joined_collections_are_told_apart() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add(Album {
        tracks: [Track::new("without marks", 0)].into(),
        ..Album::new("first")
    });
    f.session.add(Album::new("empty"));
    f.session.commit()?;
    f.session.clear();
    let tracks = Album::TRACKS.joined().then(Track::MARKS.joined());
    let query = Album::query().order_by(Album::ID.asc()).with(tracks);
    let albums = query.all(&mut f.session)?;
    f.forget();
    let mut tracks = Vec::new();
    for album in albums {
        tracks.push(f.session.load(album, Album::TRACKS)?.len());
    }
    assert_eq!(tracks, [1, 0]);
    assert!(f.sent().is_empty());
    Ok(())
}
