//! Added objects after a rollback: their values and relations.

use selfsame::prelude::*;
use selfsame::session::State;
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{
    Album, Author, Book, Fixture, Mark, Node, Passport, Person, Post, Tag, Track,
};

fn boom<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Database, "boom"))
}

type Undo = fn(&mut Session, &mut dyn FnMut(&mut Session) -> Result<()>) -> Result<()>;

/// Every way to undo adding objects.
const UNDONE: [(&str, Undo); 5] = [
    ("rollback", |s, work| {
        work(s)?;
        s.rollback()
    }),
    ("rollback after a flush", |s, work| {
        work(s)?;
        s.flush()?;
        s.rollback()
    }),
    ("transaction", |s, work| {
        let failed = s.transaction(|s| {
            work(s)?;
            s.flush()?;
            boom::<()>()
        });
        assert!(failed.is_err());
        Ok(())
    }),
    ("savepoint", |s, work| {
        let failed = s.savepoint(|s| {
            work(s)?;
            boom::<()>()
        });
        assert!(failed.is_err());
        Ok(())
    }),
    ("savepoint after a flush", |s, work| {
        let failed = s.savepoint(|s| {
            work(s)?;
            s.flush()?;
            boom::<()>()
        });
        assert!(failed.is_err());
        Ok(())
    }),
];

/// Adds one object and undoes it; returns its handle.
fn undone<E: Entity>(
    f: &mut Fixture,
    undo: Undo,
    mut work: impl FnMut(&mut Session) -> Result<Handle<E>>,
) -> Result<Handle<E>> {
    let mut handle = None;
    undo(&mut f.session, &mut |s| {
        handle = Some(work(s)?);
        Ok(())
    })?;
    let handle = handle.expect("it was added");
    assert_eq!(f.session.state(handle), State::Transient);
    Ok(handle)
}

#[test]
fn a_tree_is_added_again_by_its_root() -> Result<()> {
    for (name, undo) in UNDONE {
        let mut f = Fixture::new()?;
        let album = undone(&mut f, undo, |s| {
            let tracks = [
                Track {
                    marks: [Mark::new(1, 0), Mark::new(2, 0)].into(),
                    ..Track::new("t1", 0)
                },
                Track::new("t2", 0),
            ];
            Ok(s.add(Album {
                tracks: tracks.into(),
                ..Album::new("a")
            }))
        })?;
        let tracks = f.session.load(album, Album::TRACKS)?;
        assert_eq!(tracks.len(), 2, "{name}");
        assert_eq!(
            f.session.loaded(album, Album::TRACKS)?,
            Some(tracks.clone())
        );
        for &track in &tracks {
            assert_eq!(
                f.session[track].album_id, 0,
                "{name}: as the program gave it"
            );
            assert_eq!(f.session.load(track, Track::ALBUM)?, album, "{name}");
        }
        let value = f.session.take(album)?;
        assert_eq!(value.tracks.pending(), 2, "{name}");
        let again = f.session.add(value);
        f.session.commit()?;
        f.holds::<Album>(1);
        f.holds::<Track>(2);
        f.holds::<Mark>(2);
        let found = f.session.load(again, Album::TRACKS)?;
        assert_eq!(found, tracks, "{name}: their handles go on");
        assert_eq!(f.session.load(tracks[0], Track::MARKS)?.len(), 2, "{name}");
    }
    Ok(())
}

#[test]
fn a_tree_is_added_again_by_its_leaf() -> Result<()> {
    for (name, undo) in UNDONE {
        let mut f = Fixture::new()?;
        let book = undone(&mut f, undo, |s| {
            let book = Book {
                author: Author {
                    books: [Book::new("other")].into(),
                    ..Author::new("ann")
                }
                .into(),
                ..Book::new("b")
            };
            Ok(s.add(book))
        })?;
        assert_eq!(f.session[book].author_id, None, "{name}");
        let value = f.session.take(book)?;
        assert_eq!(value.author.pending(), 1, "{name}");
        let book = f.session.add(value);
        f.session.commit()?;
        f.holds::<Author>(1);
        f.holds::<Book>(2);
        let author = f.session.load(book, Book::AUTHOR)?.expect("an author");
        assert_eq!(f.session.load(author, Author::BOOKS)?.len(), 2, "{name}");
    }
    Ok(())
}

#[test]
fn pairs_and_one_to_one_relations_are_kept() -> Result<()> {
    for (name, undo) in UNDONE {
        let mut f = Fixture::new()?;
        let old = f.session.add(Tag::new("old"));
        f.session.commit()?;
        let mut second = None;
        let first = undone(&mut f, undo, |s| {
            let shared = s.add(Tag::new("shared"));
            second = Some(s.add(Post {
                tags: [shared].into(),
                ..Post::new("second")
            }));
            Ok(s.add(Post {
                tags: [shared, old].into(),
                ..Post::new("first")
            }))
        })?;
        let second = second.expect("it was added");
        assert_eq!(f.session.load(first, Post::TAGS)?.len(), 2, "{name}");
        let values = [f.session.take(first)?, f.session.take(second)?];
        let [first, second] = f.session.add_all(values);
        f.session.commit()?;
        f.holds::<Tag>(2);
        f.holds::<Post>(2);
        assert_eq!(f.session.load(first, Post::TAGS)?.len(), 2, "{name}");
        assert_eq!(f.session.load(second, Post::TAGS)?.len(), 1, "{name}");
        let person = undone(&mut f, undo, |s| {
            Ok(s.add(Person {
                passport: Passport::new("n").into(),
                ..Person::new("ann")
            }))
        })?;
        let value = f.session.take(person)?;
        assert_eq!(value.passport.pending(), 1, "{name}");
        let person = f.session.add(value);
        f.session.commit()?;
        assert!(
            f.session.load(person, Person::PASSPORT)?.is_some(),
            "{name}"
        );
    }
    Ok(())
}

#[test]
fn related_objects_belong_to_a_row_again() -> Result<()> {
    for (name, undo) in UNDONE {
        let mut f = Fixture::new()?;
        let ann = f.session.add(Author::new("ann"));
        f.session.commit()?;
        for is_pushed in [false, true] {
            let book = undone(&mut f, undo, |s| {
                let book = s.add(Book::new("b"));
                match is_pushed {
                    true => s.push(ann, Author::BOOKS, book)?,
                    false => s.set(book, Book::AUTHOR, Some(ann))?,
                }
                Ok(book)
            })?;
            assert_eq!(f.session.load(ann, Author::BOOKS)?, [], "{name}");
            f.session.rollback()?;
            let value = f.session.take(book)?;
            let book = f.session.add(value);
            f.session.flush()?;
            assert_eq!(f.session.load(book, Book::AUTHOR)?, Some(ann), "{name}");
            f.session.rollback()?;
        }
    }
    Ok(())
}

#[test]
fn relating_a_transient_object_adds_it_again() -> Result<()> {
    for (_, undo) in UNDONE {
        let mut f = Fixture::new()?;
        let root = f.session.add(Node::new("root"));
        f.session.commit()?;
        let node = undone(&mut f, undo, |s| {
            Ok(s.add(Node {
                children: [Node::new("leaf")].into(),
                ..Node::new("branch")
            }))
        })?;
        f.session.push(root, Node::CHILDREN, node)?;
        assert_eq!(f.session.state(node), State::Pending);
        f.session.commit()?;
        f.holds::<Node>(3);
        assert_eq!(f.session.load(node, Node::CHILDREN)?.len(), 1);
        let two = [Node::new("x"), Node::new("y")].map(|node| f.session.add(node));
        f.session.rollback()?;
        let error = f.session.set(two[0], Node::PARENT, Some(two[1]));
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidState);
    }
    Ok(())
}

#[test]
fn a_pending_object_is_taken_with_its_relations() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author {
        books: [Book::new("b")].into(),
        ..Author::new("ann")
    });
    let mut value = f.session.take(ann)?;
    assert_eq!(value.books.pending(), 1);
    value.name = "anna".into();
    let anna = f.session.add(value);
    f.session.commit()?;
    f.holds::<Book>(1);
    assert_eq!(f.session.load(anna, Author::BOOKS)?.len(), 1);
    Ok(())
}

#[test]
fn a_second_rollback_keeps_them_too() -> Result<()> {
    let mut f = Fixture::new()?;
    let mut ann = f.session.add(Author {
        books: [Book::new("b")].into(),
        ..Author::new("ann")
    });
    for _ in 0..3 {
        f.session.flush()?;
        f.session.rollback()?;
        let value = f.session.take(ann)?;
        ann = f.session.add(value);
    }
    f.session.commit()?;
    f.holds::<Author>(1);
    f.holds::<Book>(1);
    Ok(())
}

/// A generated key is free once it is undone: the database may assign it to another row.
#[test]
fn objects_added_again_by_a_relation_get_new_generated_keys() -> Result<()> {
    for (name, undo) in UNDONE {
        let mut f = Fixture::new()?;
        let mut track = None;
        let album = undone(&mut f, undo, |s| {
            let album = s.add(Album::new("a"));
            let new = s.add(Track::new("t1", 0));
            s.set(new, Track::ALBUM, album)?;
            track = Some(new);
            Ok(album)
        })?;
        let track = track.expect("a track");
        let new = f.session.add(Track::new("t2", 0));
        let other = f.session.add(Album::new("b"));
        f.session.set(new, Track::ALBUM, album)?;
        f.session.flush()?;
        assert_eq!(f.session.state(track), State::Persistent, "{name}");
        assert_ne!(f.session[album].id, f.session[other].id, "{name}");
        assert_ne!(f.session[track].id, f.session[new].id, "{name}");
        for track in [track, new] {
            assert_eq!(f.session[track].album_id, *f.session[album].id, "{name}");
        }
        f.session.commit()?;
        f.holds::<Album>(2);
        f.holds::<Track>(2);
    }
    Ok(())
}

#[test]
fn objects_added_again_by_a_relation_keep_explicit_keys() -> Result<()> {
    for (name, undo) in UNDONE {
        for given_before in [true, false] {
            let mut f = Fixture::new()?;
            let album = undone(&mut f, undo, |s| {
                let mut album = Album::new("a");
                if given_before {
                    album.id = Auto::set(7);
                }
                Ok(s.add(album))
            })?;
            if !given_before {
                f.session[album].id = Auto::set(7);
            }
            let track = f.session.add(Track::new("t", 0));
            f.session.set(track, Track::ALBUM, album)?;
            f.session.commit()?;
            assert_eq!(f.session[album].id, 7, "{name}");
            assert_eq!(f.session[track].album_id, 7, "{name}");
        }
    }
    Ok(())
}

#[test]
fn keys_generated_by_a_failed_flush_are_generated_again() -> Result<()> {
    let mut f = Fixture::new()?;
    let album = f.session.add(Album::new("a"));
    f.session.add(Track::new("of no album", 999));
    assert!(f.session.flush().is_err());
    f.session.rollback()?;
    let other = f.session.add(Album::new("b"));
    let track = f.session.add(Track::new("t", 0));
    f.session.set(track, Track::ALBUM, album)?;
    f.session.commit()?;
    assert_ne!(f.session[album].id, f.session[other].id);
    f.holds::<Album>(2);
    Ok(())
}

#[test]
fn a_taken_value_whose_key_another_row_has_by_now_may_get_a_new_one() -> Result<()> {
    for is_known in [true, false] {
        let mut f = Fixture::new()?;
        let ann = f.session.add(Author {
            books: [Book::new("b")].into(),
            ..Author::new("ann")
        });
        f.session.flush()?;
        f.session.rollback()?;
        let add_bob = |s: &mut Session| {
            s.add(Author::new("bob"));
            s.commit()
        };
        match is_known {
            true => add_bob(&mut f.session)?,
            false => f.in_another_session(add_bob)?,
        }
        let value = f.session.take(ann)?;
        assert_eq!(value.id.get(), Some(&1));
        let again = f.session.add(value);
        let refused = f.session.commit().map_err(|error| error.kind());
        let wanted = match is_known {
            true => ErrorKind::IdentityConflict,
            false => ErrorKind::UniqueViolation,
        };
        assert_eq!(refused, Err(wanted));
        f.session.rollback()?;
        let mut value = f.session.take(again)?;
        value.id = Auto::default();
        let again = f.session.add(value);
        f.session.commit()?;
        assert_eq!(f.session.load(again, Author::BOOKS)?.len(), 1);
        assert_eq!(f.session[again].id.get(), Some(&2));
        f.holds::<Author>(2);
    }
    Ok(())
}
