//! Merging values, and the cascades of refresh, expire and expunge.

use selfsame::prelude::*;
use selfsame::session::Hook;
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{Album, Author, Book, Draft, Fixture, Seat, Track};

fn ann(age: Option<i32>) -> Author {
    Author {
        id: Auto::set(1),
        age,
        ..Author::new("ann")
    }
}

#[test]
fn a_value_is_laid_over_the_object_of_its_key() -> Result<()> {
    let mut f = Fixture::new()?;
    let mapped = f.session.add(Author::new("ann"));
    f.session.flush()?;
    f.forget();
    assert_eq!(f.session.merge(ann(None))?, mapped);
    f.session.flush()?;
    f.sends(&[]);
    assert_eq!(f.session.merge(ann(Some(3)))?, mapped);
    assert_eq!(f.session[mapped].age, Some(3));
    f.session.flush()?;
    f.sends(&["UPDATE authors SET age = ? WHERE id = ?"]);
    Ok(())
}

#[test]
fn a_value_is_laid_over_its_row_or_becomes_one() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|s| Ok(s.add(Author::new("ann"))))?;
    let merged = f.session.merge(ann(Some(3)))?;
    f.sends(&["BEGIN", "SELECT authors WHERE id = ?"]);
    assert_eq!(f.session.state(merged), State::Persistent);
    f.session.commit()?;
    f.sends(&["UPDATE authors SET age = ? WHERE id = ?", "COMMIT"]);

    // Expired: the row is reread, and equal values are not written.
    f.session.merge(ann(Some(3)))?;
    f.session.commit()?;
    f.sends(&["BEGIN", "SELECT authors WHERE id = ?", "COMMIT"]);

    // A key without a row and a value without a key match nothing.
    let new = f.session.merge(Author {
        id: Auto::set(9),
        ..Author::new("bob")
    })?;
    let keyless = f.session.merge(Author::new("carl"))?;
    let states = [new, keyless].map(|author| f.session.state(author));
    assert_eq!(states, [State::Pending; 2]);
    f.session.commit()?;
    f.holds::<Author>(3);
    Ok(())
}

#[test]
fn a_pending_object_is_merged_onto_as_well() -> Result<()> {
    let mut f = Fixture::new()?;
    let seat = |taken| Seat {
        row: 1,
        place: "a".to_owned(),
        taken,
    };
    let pending = f.session.add(seat(false));
    assert_eq!(f.session.no_autoflush(|s| s.merge(seat(true)))?, pending);
    assert_eq!(f.session.state(pending), State::Pending);
    assert_eq!(f.session.merge(seat(true))?, pending);
    assert_eq!(f.session.state(pending), State::Persistent);
    f.session.commit()?;
    f.holds::<Seat>(1);

    // Whatever key it had when it was first looked up.
    let pending = f.session.add(Seat {
        row: 2,
        ..seat(false)
    });
    f.session.no_autoflush(|s| {
        assert_eq!(
            s.merge(Seat {
                row: 2,
                ..seat(true)
            })?,
            pending
        );
        s[pending].row = 3;
        assert_eq!(
            s.merge(Seat {
                row: 3,
                ..seat(false)
            })?,
            pending
        );
        assert_ne!(
            s.merge(Seat {
                row: 2,
                ..seat(false)
            })?,
            pending
        );
        Ok(())
    })?;
    f.session.commit()?;
    f.holds::<Seat>(3);
    Ok(())
}

#[test]
fn a_value_replaces_a_row_that_is_deleted_first() -> Result<()> {
    let mut f = Fixture::new()?;
    let old = f.session.add(Author::new("ann"));
    f.session.commit()?;
    f.session.delete(old)?;
    let refused = f.session.no_autoflush(|s| s.merge(ann(None)));
    assert_eq!(
        refused.map_err(|error| error.kind()),
        Err(ErrorKind::InvalidState)
    );
    let new = f.session.merge(ann(Some(7)))?;
    assert_ne!(new, old);
    f.session.commit()?;
    assert_eq!(f.session.get::<Author>(1)?, Some(new));
    Ok(())
}

#[test]
fn the_row_of_an_expired_object_may_be_gone() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add(Author::new("ann"));
    f.session.commit()?;
    f.in_another_session(|s| {
        let ann = Author::query().one(s)?;
        s.delete(ann)
    })?;
    let ann = f.session.merge(ann(Some(3)))?;
    f.session.commit()?;
    f.session.refresh(ann)?;
    assert_eq!(f.session[ann].age, Some(3));
    f.holds::<Author>(1);
    Ok(())
}

#[test]
fn merging_follows_its_cascade() -> Result<()> {
    let mut f = Fixture::new()?;
    let album = f.session.add(Album {
        tracks: [Track::new("a", 0), Track::new("b", 0)].into(),
        ..Album::new("first")
    });
    f.session.commit()?;
    let tracks = f.session.load(album, Album::TRACKS)?;
    f.forget();
    let changed = |title: &str| Album {
        id: Auto::set(1),
        tracks: [
            Track {
                id: Auto::set(1),
                ..Track::new(title, 1)
            },
            Track::new("c", 0),
        ]
        .into(),
        ..Album::new("first")
    };
    f.session.merge(changed("A"))?;
    assert_eq!(f.session[tracks[0]].title, "A");
    assert_eq!(f.session[tracks[1]].title, "b");
    let merged = f.session.load(album, Album::TRACKS)?;
    assert_eq!((merged.len(), &merged[..2]), (3, &tracks[..]));
    f.session.commit()?;
    f.sends(&[
        "SELECT albums WHERE id = ?",
        "UPDATE tracks SET title = ? WHERE id = ?",
        "INSERT INTO tracks (title, album_id) 1",
        "COMMIT",
    ]);
    f.holds::<Track>(3);
    Ok(())
}

#[test]
fn merging_along_a_reference_costs_nothing_where_nothing_differs() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add(Book {
        author: Author::new("ann").into(),
        ..Book::new("b")
    });
    f.session.flush()?;
    f.forget();
    let book = f.session.merge(Book {
        id: Auto::set(1),
        author_id: Some(1),
        author: ann(None).into(),
        ..Book::new("b")
    })?;
    f.session.flush()?;
    f.sends(&[]);
    let author = f.session.load(book, Book::AUTHOR)?;
    assert_eq!(author, f.session.get::<Author>(1)?);
    Ok(())
}

#[test]
fn refresh_and_expire_follow_their_cascade() -> Result<()> {
    let mut f = Fixture::new()?;
    let album = f.session.add(Album {
        tracks: [Track::new("a", 0), Track::new("b", 0)].into(),
        ..Album::new("first")
    });
    f.session.flush()?;
    let tracks = f.session.load(album, Album::TRACKS)?;
    for &track in &tracks {
        f.session[track].title.push('!');
    }
    f.forget();
    f.session.refresh(album)?;
    f.sends(&[
        "SELECT albums WHERE id = ?",
        "SELECT tracks WHERE id IN (?, ?)",
    ]);
    assert_eq!(f.session[tracks[1]].title, "b");
    f.session.load(album, Album::TRACKS)?;
    f.session[tracks[0]].title.push('?');
    f.session.expire(album)?;
    assert_eq!(f.session[tracks[0]].title, "a");
    assert!(f.session.is_expired(tracks[1])?);

    // The track's side has no cascade, so nothing follows. All of its own relations are reread.
    assert_eq!(f.session.load(tracks[0], Track::MARKS)?, []);
    f.session.refresh(tracks[0])?;
    assert!(f.session.is_expired(album)?);
    assert_eq!(f.session.loaded(tracks[0], Track::MARKS)?, None);
    Ok(())
}

#[test]
fn expunging_follows_its_cascade_and_loses_no_value() -> Result<()> {
    let mut f = Fixture::new()?;
    let album = f.session.add(Album {
        tracks: [Track::new("a", 0)].into(),
        ..Album::new("first")
    });
    f.session.flush()?;
    let kept = f.session.load(album, Album::TRACKS)?[0];
    let pending = f.session.add(Track::new("b", 0));
    f.session.push(album, Album::TRACKS, pending)?;
    let value = f.session.expunge(album)?;
    assert_eq!(value.title, "first");
    for (track, title) in [(kept, "a"), (pending, "b")] {
        assert_eq!(f.session.state(track), State::Detached);
        let error = f.session.try_ref(track).map(drop).expect_err("it has left");
        assert_eq!(error.kind(), ErrorKind::StaleHandle);
        assert_eq!(f.session.take(track)?.title, title);
        assert!(f.session.take(track).is_err());
    }
    f.session.commit()?;
    f.holds::<Track>(1);

    let ann = f.session.add(Author {
        books: [Book::new("b")].into(),
        ..Author::new("ann")
    });
    f.session.flush()?;
    let book = f.session.load(ann, Author::BOOKS)?[0];
    f.session.expunge(ann)?;
    assert_eq!(f.session.state(book), State::Persistent);
    Ok(())
}

#[test]
fn a_value_of_another_version_is_stale() -> Result<()> {
    let mut f = Fixture::new()?;
    let letter = f.session.add(Draft::new("x", "a"));
    f.session.commit()?;
    let read = f.session[letter].clone();
    f.session[letter].text = "b".to_owned();
    f.session.commit()?;
    let stale = f.session.merge(Draft {
        text: "c".to_owned(),
        ..read
    });
    assert_eq!(
        stale.map_err(|error| error.kind()),
        Err(ErrorKind::StaleData)
    );
    assert!(
        !f.session.is_modified(letter)?,
        "what is refused leaves no trace"
    );
    f.session.merge(Draft::new("x", "d"))?;
    f.session.commit()?;
    let fresh = f.session[letter].clone();
    assert_eq!((&*fresh.text, fresh.version), ("d", 3));
    f.session.merge(fresh)?;
    Ok(())
}

#[test]
fn many_values_are_read_by_one_statement() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|s| {
        s.add_all(
            (1..=4)
                .map(|n| Author::new(format!("author {n}")))
                .collect::<Vec<_>>(),
        );
        Ok(())
    })?;
    let author = |id: i64| Author {
        id: Auto::set(id),
        age: Some(30),
        ..Author::new(format!("author {id}"))
    };
    // Two with the same key, two without a row, and one without a key.
    let values = [1, 2, 3, 2, 8, 9].map(author);
    let values = values.into_iter().chain([Author::new("keyless")]);
    let merged = f.session.merge_all(values)?;
    f.sends(&[
        "BEGIN",
        "SELECT authors WHERE id IN (?, ?, ?, ?, ?, ?, ?, ?)",
    ]);
    assert_eq!(merged[1], merged[3]);
    let states: Vec<State> = merged.iter().map(|&a| f.session.state(a)).collect();
    assert_eq!(states[..4], [State::Persistent; 4]);
    assert_eq!(states[4..], [State::Pending; 3]);
    f.session.commit()?;
    f.holds::<Author>(7);
    f.forget();
    // Equal values are not written, however they are merged.
    f.session.merge_all([1, 2, 3, 8, 9].map(author))?;
    f.session.commit()?;
    f.sends(&[
        "BEGIN",
        "SELECT authors WHERE id IN (?, ?, ?, ?, ?, ?, ?, ?)",
        "COMMIT",
    ]);
    Ok(())
}

#[test]
fn two_new_values_of_one_key_are_one_object() -> Result<()> {
    let mut f = Fixture::new()?;
    let seat = |row, taken| Seat::new(row, "a", taken);
    let merged = f
        .session
        .merge_all([seat(1, false), seat(2, false), seat(1, true)])?;
    assert_eq!(merged[0], merged[2]);
    f.session.commit()?;
    f.holds::<Seat>(2);
    assert!(f.session.get::<Seat>((1, "a".to_owned()))?.is_some());
    assert!(f.session[merged[0]].taken);
    // A second one does not match a pending one either.
    f.session.no_autoflush(|s| {
        let pending = s.add(seat(3, false));
        let merged = s.merge_all([seat(3, true), seat(4, true)])?;
        assert_eq!(merged[0], pending);
        Ok(())
    })?;
    f.session.commit()?;
    f.holds::<Seat>(4);
    Ok(())
}

#[test]
fn the_members_of_collections_are_read_level_by_level() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|s| {
        for title in ["one", "two"] {
            let tracks = ["a", "b"].map(|title| Track::new(title, 0));
            s.add(Album {
                tracks: tracks.into(),
                ..Album::new(title)
            });
        }
        Ok(())
    })?;
    let track = |id: i64, title: &str| Track {
        id: Auto::set(id),
        ..Track::new(title, 0)
    };
    let albums = [(1, [1, 2]), (2, [3, 9])].map(|(id, tracks)| Album {
        id: Auto::set(id),
        tracks: tracks.map(|id| track(id, "changed")).into(),
        ..Album::new("changed")
    });
    let albums = f.session.merge_all(albums)?;
    f.sends(&[
        "BEGIN",
        "SELECT albums WHERE id IN (?, ?)",
        "UPDATE albums SET title = ? WHERE id = ? × 2",
        "SELECT tracks WHERE id IN (?, ?, ?, ?)",
    ]);
    f.session.commit()?;
    let one = f.session.load(albums[0], Album::TRACKS)?;
    let two = f.session.load(albums[1], Album::TRACKS)?;
    assert_eq!((one.len(), two.len()), (2, 3));
    assert_eq!(f.session[two[2]].id.get(), Some(&9));
    let changed = one
        .iter()
        .chain(&two)
        .filter(|&&t| f.session[t].title == "changed");
    assert_eq!(changed.count(), 4);
    // Along one collection, too.
    f.session.commit()?;
    f.forget();
    f.session.merge(Album {
        id: Auto::set(1),
        tracks: [track(1, "again"), track(2, "again")].into(),
        ..Album::new("again")
    })?;
    f.sends(&[
        "BEGIN",
        "SELECT albums WHERE id = ?",
        "UPDATE albums SET title = ? WHERE id = ?",
        "SELECT tracks WHERE id IN (?, ?)",
    ]);
    Ok(())
}

#[test]
fn an_error_ends_a_merge_of_many() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session
        .add_all([Draft::new("a", "a"), Draft::new("b", "b")]);
    f.session.commit()?;
    let mut wrong = Draft::new("b", "changed");
    wrong.version = 7;
    let error = f
        .session
        .merge_all([Draft::new("a", "changed"), wrong, Draft::new("c", "c")]);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::StaleData);
    f.session.rollback()?;
    f.forget();
    // Knowledge about missing keys is discarded.
    let merged = f.session.merge(Draft::new("c", "c"))?;
    f.sends(&["BEGIN", "SELECT drafts WHERE name = ?"]);
    assert_eq!(f.session.state(merged), State::Pending);
    Ok(())
}

#[test]
fn rows_that_are_loaded_are_not_read_to_be_merged() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add_all([1, 2, 3, 4].map(|id| Author {
        id: Auto::set(id),
        ..Author::new(id.to_string())
    }));
    f.session.commit()?;
    let value = |id: i64| Author {
        id: Auto::set(id),
        ..Author::new(id.to_string())
    };
    f.session.get_many::<Author>([1, 2])?;
    f.forget();
    f.session.merge_all([1, 3, 2, 4, 3].map(value))?;
    f.sends(&["SELECT authors WHERE id IN (?, ?)"]);
    f.session.clear();
    f.session.get_many::<Author>([1, 2])?;
    f.forget();
    f.session.merge_all([1, 2, 3, 3].map(value))?;
    f.sends(&["SELECT authors WHERE id = ?"]);
    Ok(())
}

#[test]
fn merging_an_equal_graph_changes_nothing() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = Author {
        id: Auto::set(1),
        ..Author::new("ann")
    };
    let book = Book {
        id: Auto::set(1),
        author_id: Some(1),
        author: ann.clone().into(),
        ..Book::new("b")
    };
    let value = book.clone();
    f.session.add(book);
    f.session.commit()?;
    Book::query().all(&mut f.session)?;
    f.session.hook(Hook::before_flush(|_| {
        Err(Error::new(
            ErrorKind::Validation,
            "nothing is to be written",
        ))
    }));
    f.session.merge(value.clone())?;
    let with_books = Author {
        books: [Book {
            author: BelongsTo::default(),
            ..value
        }]
        .into(),
        ..ann
    };
    f.session.merge(with_books)?;
    f.session.commit()
}

/// The database ignores the case of its key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "tokens")]
struct Token {
    #[orm(primary_key)]
    code: String,
    note: String,
}

fn tokens() -> Result<Session> {
    let engine = Engine::new(selfsame_sqlite::Sqlite::memory());
    let mut session = Session::new(&engine);
    let table = "CREATE TABLE tokens (code TEXT PRIMARY KEY COLLATE NOCASE, note TEXT NOT NULL)";
    session.sql(table, ()).execute()?;
    session.commit()?;
    Ok(session)
}

#[test]
fn values_whose_keys_the_database_considers_equal_are_merged_onto_one_row() -> Result<()> {
    for with_row in [false, true] {
        let mut s = tokens()?;
        if with_row {
            s.sql("INSERT INTO tokens VALUES ('ann', 'old')", ())
                .execute()?;
            s.commit()?;
        }
        let value = |code: &str| Token::new(code, code);
        let merged = s.merge_all(["ann", "ANN", "bob", "Ann", "carl"].map(value))?;
        assert_eq!((merged[0], merged[0]), (merged[1], merged[3]));
        s.commit()?;
        let rows = s.sql("SELECT code, note FROM tokens ORDER BY code", ());
        let rows = rows.all::<(String, String)>()?;
        let row = |code: &str, note: &str| (code.to_owned(), note.to_owned());
        let expected = [row("ann", "Ann"), row("bob", "bob"), row("carl", "carl")];
        assert_eq!(rows, expected, "with a row: {with_row}");
    }
    Ok(())
}

/// A new member whose column already names its parent is in the parent's collection, and can be removed from it.
#[test]
fn new_members_that_name_their_parent_are_in_its_collection() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|s| Ok(s.add(Author::new("ann"))))?;
    let book = Book {
        author_id: Some(1),
        ..Book::new("a")
    };
    let merged = f.session.merge(Author {
        books: [book].into(),
        ..ann(None)
    })?;
    f.session
        .no_autoflush(|s| s.replace(merged, Author::BOOKS, []))?;
    f.session.commit()?;
    let rows: Vec<(Option<i64>,)> = f.session.sql("SELECT author_id FROM books", ()).all()?;
    assert_eq!(rows, [(None,)]);
    Ok(())
}
