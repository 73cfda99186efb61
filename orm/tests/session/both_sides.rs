//! Both sides of a relation are consistent, and relations are never lost silently.

use selfsame::prelude::*;
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{
    Album, Author, Book, Fixture, Mark, Node, Passport, Person, Post, Tag, Track,
};

type Albums = (Fixture, [Handle<Album>; 2], [Handle<Track>; 2]);

/// Two albums with a track each.
fn albums() -> Result<Albums> {
    let mut f = Fixture::new()?;
    let albums = ["x", "y"].map(|title| {
        f.session.add(Album {
            tracks: [Track::new(title, 0)].into(),
            ..Album::new(title)
        })
    });
    f.session.commit()?;
    let mut tracks = Vec::new();
    for album in albums {
        f.session.refresh(album)?;
        tracks.extend(f.session.load(album, Album::TRACKS)?);
    }
    Ok((f, albums, [tracks[0], tracks[1]]))
}

#[track_caller]
fn refused(result: Result<()>, parent: &str) {
    let error = result.expect_err("the parent is about to be deleted");
    assert_eq!(error.kind(), ErrorKind::InvalidState, "{error}");
    assert!(error.to_string().contains(parent), "{error}");
}

#[test]
fn nothing_is_added_to_a_parent_marked_for_deletion() -> Result<()> {
    let (mut f, [x, y], [_, t]) = albums()?;
    f.session.delete(x)?;
    let new = f.session.add(Track::new("new", 0));
    refused(f.session.set(new, Track::ALBUM, x), "Album with the key 1");
    refused(
        f.session.push(x, Album::TRACKS, new),
        "Album with the key 1",
    );
    refused(f.session.push(x, Album::TRACKS, t), "Album with the key 1");
    f.session.set(new, Track::ALBUM, y)?;
    f.session.commit()?;
    f.holds::<Track>(2);
    assert_eq!(f.session.load(y, Album::TRACKS)?, [t, new]);
    Ok(())
}

#[test]
fn a_new_object_that_is_put_to_a_deleted_one_by_its_field_is_not_lost() -> Result<()> {
    let (mut f, [x, _], _) = albums()?;
    f.session.delete(x)?;
    f.session.add(Track {
        album: x.into(),
        ..Track::new("new", 0)
    });
    refused(f.session.commit(), "Album with the key 1");
    f.session.rollback()?;
    f.holds::<Track>(2);

    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    f.session.delete(ann)?;
    f.session.add(Book {
        author: ann.into(),
        ..Book::new("b")
    });
    refused(f.session.commit(), "Author with the key 1");
    Ok(())
}

#[test]
fn a_new_object_below_a_cascaded_deletion_is_not_lost() -> Result<()> {
    let (mut f, [x, _], [t, _]) = albums()?;
    // Objects related to it before are deleted too.
    let before = f.session.add(Mark::new(1, 0));
    f.session.push(t, Track::MARKS, before)?;
    f.session.delete(x)?;
    f.session
        .savepoint(|s| {
            assert_eq!(s.state(before), State::Transient);
            Err::<(), Error>(boom())
        })
        .expect_err("an error");
    f.session.rollback()?;

    f.session.delete(x)?;
    let after = f.session.add(Mark::new(2, 0));
    f.session.push(t, Track::MARKS, after)?;
    refused(f.session.commit(), "Track with the key 1");
    Ok(())
}

fn boom() -> Error {
    Error::new(ErrorKind::Validation, "boom")
}

#[test]
fn a_merge_that_moves_a_child_takes_it_out_of_its_old_collection() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b] = ["a", "b"].map(|name| f.session.add(Author::new(name)));
    let book = f.session.add(Book {
        author: b.into(),
        ..Book::new("t")
    });
    f.session.commit()?;
    f.session.refresh(a)?;
    assert_eq!(f.session.load(b, Author::BOOKS)?, [book]);
    let (ida, idb) = (f.session[a].id, f.session[book].id);
    f.session.merge(Author {
        id: ida,
        books: [Book {
            id: idb,
            ..Book::new("t")
        }]
        .into(),
        ..Author::new("a")
    })?;
    assert_eq!(f.session.loaded(b, Author::BOOKS)?, Some(vec![]));
    assert_eq!(f.session.load(a, Author::BOOKS)?, [book]);
    f.session.flush()?;
    assert_eq!(f.session.loaded(b, Author::BOOKS)?, Some(vec![]));
    f.session.commit()?;
    assert_eq!(f.session.load(a, Author::BOOKS)?, [book]);
    assert_eq!(f.session.load(b, Author::BOOKS)?, []);
    Ok(())
}

#[test]
fn a_child_whose_column_was_changed_leaves_the_collection_of_its_row() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b, c] = ["a", "b", "c"].map(|name| f.session.add(Author::new(name)));
    let book = f.session.add(Book {
        author: b.into(),
        ..Book::new("t")
    });
    f.session.commit()?;
    for author in [a, b, c] {
        f.session.refresh(author)?;
        f.session.load(author, Author::BOOKS)?;
    }
    f.session[book].author_id = f.session[c].id.get().copied();
    f.session.set(book, Book::AUTHOR, Some(a))?;
    let books = |f: &Fixture, author| f.session.loaded(author, Author::BOOKS);
    assert_eq!(books(&f, a)?, Some(vec![book]));
    assert_eq!(books(&f, b)?, Some(vec![]));
    assert_eq!(books(&f, c)?, Some(vec![]));
    f.session.commit()?;
    assert_eq!(f.session.load(a, Author::BOOKS)?, [book]);
    Ok(())
}

#[test]
fn expiring_a_parent_keeps_the_child_that_was_moved_to_it() -> Result<()> {
    let (mut f, [x, y], [t, u]) = albums()?;
    f.session.set(t, Track::ALBUM, y)?;
    f.session.expire(y)?;
    let tracks = f.session.no_autoflush(|s| s.load(y, Album::TRACKS))?;
    assert_eq!(tracks, [u, t]);
    f.session.commit()?;
    assert_eq!(f.session[t].album_id, 2);
    assert_eq!(f.session.load(x, Album::TRACKS)?, []);
    assert_eq!(f.session.load(y, Album::TRACKS)?, [t, u]);
    // Its own expiry drops it.
    f.session.set(t, Track::ALBUM, x)?;
    f.session.expire(t)?;
    assert_eq!(f.session.load(x, Album::TRACKS)?, []);
    Ok(())
}

#[test]
fn a_node_that_moves_below_another_survives_that_its_parent_is_refreshed() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b, n] = ["a", "b", "n"].map(|label| f.session.add(Node::new(label)));
    f.session.push(a, Node::CHILDREN, n)?;
    f.session.commit()?;
    f.session.load(a, Node::CHILDREN)?;
    f.session.set(n, Node::PARENT, Some(b))?;
    f.session.no_autoflush(|s| s.refresh(b))?;
    assert_eq!(f.session.loaded(a, Node::CHILDREN)?, Some(vec![]));
    f.session.commit()?;
    assert_eq!(f.session.load(b, Node::CHILDREN)?, [n]);
    Ok(())
}

/// Slots are numbered per table: the first book is not the first tag.
#[test]
fn a_pending_link_of_one_table_keeps_no_collection_of_another() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    let passport = f.session.add(Passport::new("1"));
    f.session.commit()?;
    f.in_another_session(|s| {
        s.add(Book {
            author_id: Some(1),
            ..Book::new("b")
        });
        Ok(())
    })?;
    f.session.refresh(passport)?;
    assert_eq!(f.session.load(ann, Author::BOOKS)?.len(), 1);
    let bob = f.session.add(Person::new("bob"));
    f.session.set(passport, Passport::PERSON, Some(bob))?;
    f.session.expire_all();
    assert_eq!(f.session.loaded(ann, Author::BOOKS)?, None);
    assert_eq!(f.session.load(ann, Author::BOOKS)?.len(), 1);
    Ok(())
}

#[test]
fn a_collection_with_a_pushed_child_is_reread_after_expiring_all() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    assert_eq!(f.session.load(ann, Author::BOOKS)?, []);
    f.session.rollback()?;
    assert_eq!(f.session.load(ann, Author::BOOKS)?, []);
    let book = f.session.add(Book::new("mine"));
    f.session.push(ann, Author::BOOKS, book)?;
    let gone = f.session.add(Book::new("gone"));
    f.session.push(ann, Author::BOOKS, gone)?;
    f.session.remove(ann, Author::BOOKS, gone)?;
    f.session.expire_all();
    let books = f.session.no_autoflush(|s| s.load(ann, Author::BOOKS))?;
    assert_eq!(books, [book]);
    f.session.commit()?;
    assert_eq!(f.session.load(ann, Author::BOOKS)?, [book]);
    Ok(())
}

#[test]
fn a_session_cleared_in_a_savepoint_that_is_undone_keeps_no_collection() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add(Author::new("ann"));
    f.session.commit()?;
    let mut ann = None;
    let result = f.session.savepoint(|s| {
        s.clear();
        let author = s.get::<Author>(1)?.expect("ann");
        s.load(author, Author::BOOKS)?;
        let book = s.add(Book::new("b"));
        s.push(author, Author::BOOKS, book)?;
        s.flush()?;
        ann = Some(author);
        Err::<(), Error>(boom())
    });
    assert!(result.is_err());
    let ann = ann.expect("was read");
    assert_eq!(f.session.load(ann, Author::BOOKS)?, []);
    f.session.commit()?;
    f.holds::<Book>(0);
    Ok(())
}

#[test]
fn a_collection_that_lost_a_member_in_an_undone_savepoint_is_reread() -> Result<()> {
    let (mut f, [x, _], [t, u]) = albums()?;
    f.session.push(x, Album::TRACKS, u)?;
    f.session.flush()?;
    f.session.load(x, Album::TRACKS)?;
    let result = f.session.savepoint(|s| {
        s.expunge(t)?;
        s.expire_all();
        Err::<(), Error>(boom())
    });
    assert!(result.is_err());
    assert_eq!(f.session.loaded(x, Album::TRACKS)?, None);
    let tracks = f.session.load(x, Album::TRACKS)?;
    assert!(tracks.len() == 2 && tracks.contains(&u) && !tracks.contains(&t));
    Ok(())
}

#[test]
fn many_to_many_members_keep_their_order_over_an_undone_savepoint() -> Result<()> {
    let mut f = Fixture::new()?;
    let tags: Vec<Handle<Tag>> = (0..20)
        .map(|n| f.session.add(Tag::new(format!("t{n:02}"))))
        .collect();
    let post = f.session.add(Post {
        tags: tags[..15].iter().copied().collect(),
        ..Post::new("p")
    });
    f.session.flush()?;
    let before = f.session.load(post, Post::TAGS)?;
    let result = f.session.savepoint(|s| {
        s.replace(post, Post::TAGS, tags[10..].iter().rev().copied())?;
        s.flush()?;
        s.push(post, Post::TAGS, tags[0])?;
        s.flush()?;
        Err::<(), Error>(boom())
    });
    assert!(result.is_err());
    assert_eq!(f.session.load(post, Post::TAGS)?, before);
    for (n, &tag) in tags.iter().enumerate() {
        let posts = f.session.load(tag, Tag::POSTS)?;
        assert_eq!(posts.len(), usize::from(n < 15), "tag {n}");
    }
    Ok(())
}

#[test]
fn an_only_child_follows_a_merge() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b] = ["a", "b"].map(|name| f.session.add(Person::new(name)));
    let passport = f.session.add(Passport {
        person: b.into(),
        ..Passport::new("1")
    });
    f.session.commit()?;
    f.session.refresh(a)?;
    assert_eq!(f.session.load(b, Person::PASSPORT)?, Some(passport));
    f.session.merge(Person {
        id: f.session[a].id,
        passport: Passport::new("1").into(),
        ..Person::new("a")
    })?;
    assert_eq!(f.session.load(b, Person::PASSPORT)?, None);
    assert_eq!(f.session.load(a, Person::PASSPORT)?, Some(passport));
    f.session.commit()?;
    assert_eq!(f.session.load(a, Person::PASSPORT)?, Some(passport));
    Ok(())
}

/// An expired book gets an author and is written to with the text that it shows, while another session writes the text.
#[test]
fn a_move_of_an_expired_child_is_kept_beside_an_equal_write() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    let book = f.session.add(Book::new("a"));
    f.session.commit()?;
    let key = *f.session[book].id;
    f.session.push(ann, Author::BOOKS, book)?;
    f.session[book].title = "a".to_owned();
    let mut other = Session::new(&f.outside);
    let theirs = other.get::<Book>(key)?.expect("a row");
    other[theirs].title = "b".to_owned();
    other.commit()?;
    f.session.commit()?;
    let mut other = Session::new(&f.outside);
    let theirs = other.get::<Book>(key)?.expect("a row");
    assert_eq!(other[theirs].author_id, f.session[ann].id.get().copied());
    assert_eq!(other[theirs].title, "b", "what nobody here changed stays");
    Ok(())
}
