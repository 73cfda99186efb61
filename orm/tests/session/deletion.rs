//! Deletions: cascades, their order, and what is kept.

use selfsame::prelude::*;
use selfsame::session::Hook;
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{
    Album, Author, Book, Fixture, House, Mark, Node, Post, Room, Site, Tag, Track,
};

#[test]
fn a_tree_that_is_not_loaded_is_deleted_from_the_leaves() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|s| {
        s.add(Node {
            children: [Node {
                children: [Node::new("leaf")].into(),
                ..Node::new("branch")
            }]
            .into(),
            ..Node::new("root")
        });
        Ok(())
    })?;
    let root = f.session.get::<Node>(1)?.expect("root");
    f.session.delete(root)?;
    f.session.commit()?;
    f.holds::<Node>(0);
    Ok(())
}

/// References are determined by the rows, not by changes that are never written.
#[test]
fn deleted_rows_go_in_the_order_of_their_rows() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b, c] = f
        .session
        .add_all([Node::new("a"), Node::new("b"), Node::new("c")]);
    f.session.set(c, Node::PARENT, Some(a))?;
    f.session.commit()?;
    f.session.get_many::<Node>([1, 2, 3])?;
    f.session[c].parent_id = Some(2);
    for node in [a, b, c] {
        f.session.delete(node)?;
    }
    f.session.commit()?;
    f.holds::<Node>(0);
    Ok(())
}

/// Many rows are deleted with few statements; a missing one is reported, and the others are not deleted.
#[test]
fn a_missing_row_among_many_is_reported() -> Result<()> {
    let mut f = Fixture::new()?;
    let authors: Vec<Author> = (0..600).map(|n| Author::new(n.to_string())).collect();
    let authors = f.session.add_all(authors);
    f.session.commit()?;
    f.in_another_session(|s| s.sql("DELETE FROM authors WHERE id = 600", ()).execute())?;
    for &author in &authors {
        f.session.delete(author)?;
    }
    let error = f.session.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaleData);
    assert_eq!(error.entity_name(), Some("Author"));
    f.session.rollback()?;
    f.holds::<Author>(599);
    for &author in &authors[..599] {
        f.session.delete(author)?;
    }
    f.session.commit()?;
    f.holds::<Author>(0);
    Ok(())
}

#[test]
fn a_parent_without_a_cascade_lets_its_children_go() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author {
        books: [Book::new("a"), Book::new("b")].into(),
        ..Author::new("ann")
    });
    f.session.commit()?;
    f.session.get::<Author>(1)?;
    f.forget();
    f.session.delete(ann)?;
    f.session.commit()?;
    f.sends(&[
        "SELECT books WHERE author_id = ? ORDER BY id",
        "UPDATE books SET author_id = ? WHERE id = ? × 2",
        "DELETE FROM authors WHERE id = ?",
        "COMMIT",
    ]);
    f.holds::<Book>(2);
    Ok(())
}

#[test]
fn a_parent_whose_children_cannot_lose_it_is_not_deleted() -> Result<()> {
    let mut f = Fixture::new()?;
    let house = f.session.add(House {
        rooms: [Room::new("kitchen", 0)].into(),
        ..House::new("Elm")
    });
    f.session.commit()?;
    f.session.delete(house)?;
    let error = f.session.commit().expect_err("a room is left");
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation);
    f.session.rollback()?;
    assert_eq!(f.session.state(house), State::Persistent);

    // It can be deleted once the rooms are, in this flush or an earlier one.
    let rooms = f.session.load(house, House::ROOMS)?;
    f.session.delete(rooms[0])?;
    f.session.flush()?;
    f.session.delete(house)?;
    f.session.commit()?;
    f.holds::<House>(0);
    Ok(())
}

#[test]
fn orphans_go_and_pending_ones_never_come() -> Result<()> {
    let mut f = Fixture::new()?;
    let album = f.session.add(Album {
        tracks: [Track::new("a", 0), Track::new("b", 0)].into(),
        ..Album::new("x")
    });
    f.session.commit()?;
    let tracks = f.session.load(album, Album::TRACKS)?;
    let late = f.session.add(Track {
        marks: [Mark::new(1, 0)].into(),
        ..Track::new("late", 0)
    });
    f.session.push(album, Album::TRACKS, late)?;
    f.session.remove(album, Album::TRACKS, late)?;
    f.session.remove(album, Album::TRACKS, tracks[0])?;
    f.forget();
    f.session.commit()?;
    assert_eq!(f.session.state(late), State::Transient);
    f.holds::<Track>(1);
    f.holds::<Mark>(0);
    Ok(())
}

#[test]
fn a_deep_cascade_deletes_children_first() -> Result<()> {
    let mut f = Fixture::new()?;
    let album = f.session.add(Album {
        tracks: [Track {
            marks: [Mark::new(1, 0), Mark::new(2, 0)].into(),
            ..Track::new("t", 0)
        }]
        .into(),
        ..Album::new("x")
    });
    f.session.commit()?;
    f.session.get::<Album>(1)?;
    f.forget();
    f.session.delete(album)?;
    f.session.commit()?;
    f.sends(&[
        "SELECT tracks WHERE album_id = ? ORDER BY id",
        "SELECT marks WHERE track_id = ? ORDER BY id",
        "DELETE FROM marks WHERE id IN (?, ?)",
        "DELETE FROM tracks WHERE id = ?",
        "DELETE FROM albums WHERE id = ?",
        "COMMIT",
    ]);
    Ok(())
}

#[test]
fn a_pending_object_is_taken_back_and_not_deleted() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    assert_eq!(
        f.session.delete(ann).map_err(|e| e.kind()),
        Err(ErrorKind::InvalidState)
    );
    let value = f.session.take(ann)?;
    f.session.commit()?;
    f.sends(&[]);
    assert_eq!(f.session.state(ann), State::Detached);
    let ann = f.session.add(value);
    f.session.commit()?;
    assert_eq!(f.session[ann].id.get(), Some(&1));
    Ok(())
}

#[test]
fn deleting_drops_what_was_changed_before() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    f.session[ann].name = "x".into();
    f.session.delete(ann)?;
    f.session.flush()?;
    assert!(!f.sent().iter().any(|s| s.starts_with("UPDATE")));
    assert_eq!(f.session.state(ann), State::Deleted);
    f.session.rollback()?;
    assert_eq!(f.session[ann].name, "ann");
    f.session.delete(ann)?;
    f.session.delete(ann)?;
    f.session.commit()?;
    assert_eq!(f.session.state(ann), State::Detached);
    Ok(())
}

#[test]
fn a_reference_to_a_deleted_object_is_refused() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    let book = f.session.add(Book::new("b"));
    f.session.set(book, Book::AUTHOR, Some(ann))?;
    f.session.expunge(ann)?;
    let error = f.session.commit().expect_err("ann has left");
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    f.session.rollback()?;
    f.holds::<Book>(0);
    Ok(())
}

#[test]
fn an_orphan_and_its_parent_can_go_together() -> Result<()> {
    let mut f = Fixture::new()?;
    let album = f.session.add(Album {
        tracks: [Track::new("a", 0), Track::new("b", 0)].into(),
        ..Album::new("x")
    });
    f.session.commit()?;
    let t = f.session.load(album, Album::TRACKS)?;
    f.session.remove(album, Album::TRACKS, t[0])?;
    f.session.delete(album)?;
    f.session.commit()?;
    f.holds::<Track>(0);
    f.holds::<Album>(0);
    Ok(())
}

#[test]
fn a_child_can_move_to_a_new_parent_while_the_old_one_is_deleted() -> Result<()> {
    let mut f = Fixture::new()?;
    let album = f.session.add(Album {
        tracks: [Track::new("a", 0)].into(),
        ..Album::new("x")
    });
    f.session.commit()?;
    let t = f.session.load(album, Album::TRACKS)?[0];
    let y = f.session.add(Album::new("y"));
    f.session.push(y, Album::TRACKS, t)?;
    f.session.delete(album)?;
    f.session.commit()?;
    f.holds::<Track>(1);
    f.holds::<Album>(1);
    assert_eq!(f.session.load(y, Album::TRACKS)?, [t]);
    Ok(())
}

#[test]
fn pending_children_are_removed_with_their_parent() -> Result<()> {
    let mut f = Fixture::new()?;
    let album = f.session.add(Album::new("x"));
    f.session.commit()?;
    let t = f.session.add(Track::new("t", 0));
    f.session.set(t, Track::ALBUM, album)?;
    f.session.delete(album)?;
    f.session.commit()?;
    f.holds::<Track>(0);
    assert_eq!(f.session.state(t), State::Transient);
    Ok(())
}

#[test]
fn a_child_whose_column_was_changed_does_not_go_with_its_old_parent() -> Result<()> {
    let mut f = Fixture::new()?;
    let x = f.session.add(Album {
        tracks: [Track::new("t", 0)].into(),
        ..Album::new("x")
    });
    let y = f.session.add(Album::new("y"));
    f.session.commit()?;
    let track = f.session.load(x, Album::TRACKS)?[0];
    f.session[track].album_id = *f.session[y].id;
    f.session.delete(x)?;
    f.session.commit()?;
    f.holds::<Track>(1);
    Ok(())
}

#[test]
fn a_child_of_what_was_taken_is_refused() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author {
        books: [Book::new("a")].into(),
        ..Author::new("ann")
    });
    f.session.take(ann)?;
    let error = f.session.commit().expect_err("its author is gone");
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    f.session.rollback()?;
    f.holds::<Book>(0);
    Ok(())
}

#[test]
fn reading_again_does_not_save_what_is_to_be_deleted() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("x"));
    f.session.commit()?;
    f.session.no_autoflush(|s| {
        s.delete(ann)?;
        Author::query().populate_existing().all(s)?;
        Ok(())
    })?;
    f.session.commit()?;
    f.holds::<Author>(0);
    Ok(())
}

#[test]
fn a_long_chain_is_deleted_from_its_end() -> Result<()> {
    let mut f = Fixture::new()?;
    let mut parent: Option<Handle<Node>> = None;
    let mut first = None;
    for n in 0..300 {
        let h = f.session.add(Node::new(format!("{n}")));
        f.session.set(h, Node::PARENT, parent)?;
        parent = Some(h);
        first.get_or_insert(h);
    }
    f.session.commit()?;
    f.session.delete(first.expect("it is there"))?;
    f.session.commit()?;
    f.holds::<Node>(0);
    Ok(())
}

#[test]
fn rows_that_reference_each_other_are_deleted_after_releasing() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b, c] = f.session.add_all(["a", "b", "c"].map(Node::new));
    for (child, parent) in [(a, b), (b, a), (c, a)] {
        f.session.set(child, Node::PARENT, Some(parent))?;
    }
    f.session.commit()?;
    Node::query().all(&mut f.session)?;
    f.session.delete(a)?;
    f.forget();
    f.session.commit()?;
    let sent = f.sent();
    let cut = "UPDATE nodes SET parent_id = ? WHERE id = ? × 2".to_owned();
    assert!(sent.contains(&cut), "{sent:?}");
    f.holds::<Node>(0);
    Ok(())
}

#[test]
fn a_row_may_be_deleted_twice_before_the_flush() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    f.session.delete(ann)?;
    f.session.delete(ann)?;
    f.session.commit()?;
    f.holds::<Author>(0);
    // Nothing to do, so no flush begins.
    f.session.hook(Hook::before_flush(|_| {
        Err(Error::new(
            ErrorKind::Validation,
            "nothing is to be written",
        ))
    }));
    f.session.commit()
}

#[test]
fn pending_objects_of_a_deleted_grandparent_are_removed_silently() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let album = s.add(Album {
        tracks: [Track::new("t", 0)].into(),
        ..Album::new("a")
    });
    s.commit()?;
    let track = s.load(album, Album::TRACKS)?[0];
    let mark = s.add(Mark::new(1, 0));
    s.set(mark, Mark::TRACK, track)?;
    s.delete(album)?;
    s.commit()?;
    f.holds::<Album>(0);
    f.holds::<Mark>(0);
    Ok(())
}

/// SQLite generates the key of a deleted row again: what is planned for the object of that row must not reach the new one.
#[test]
fn an_object_whose_key_is_generated_again_is_stale() -> Result<()> {
    type Plan = fn(&mut Session, Handle<Author>) -> Result<()>;
    let plans: [(&str, Plan); 4] = [
        ("a deletion", |s, old| s.delete(old)),
        ("a relation of a new object", |s, old| {
            let book = s.add(Book::new("new"));
            s.set(book, Book::AUTHOR, Some(old))
        }),
        ("a relation of an object with a row", |s, old| {
            let book = s.get::<Book>(1)?.expect("the book");
            s.set(book, Book::AUTHOR, Some(old))
        }),
        ("an expression", |s, old| {
            s.set_expr(old, Author::AGE, Author::AGE + 1)
        }),
    ];
    for (name, plan) in plans {
        for in_transaction in [false, true] {
            let mut f = Fixture::new()?;
            f.in_another_session(|s| {
                s.add_all((Author::new("first"), Author::new("last"), Book::new("kept")));
                Ok(())
            })?;
            let old = f.session.get::<Author>(2)?.expect("the last author");
            let delete = "DELETE FROM authors WHERE id = 2";
            if in_transaction {
                f.session.sql(delete, ()).execute()?;
            } else {
                f.session.commit()?;
                f.in_another_session(|s| s.sql(delete, ()).execute())?;
            }
            plan(&mut f.session, old)?;
            f.session.add(Author::new("new"));
            let error = f.session.commit().expect_err(name);
            assert_eq!(error.kind(), ErrorKind::StaleData, "{name}: {error}");
            assert_eq!(error.entity_name(), Some("Author"), "{name}: {error}");
            f.session.rollback()?;
            f.holds::<Author>(if in_transaction { 2 } else { 1 });
            f.holds::<Book>(1);
        }
    }
    Ok(())
}

/// Rows that reference each other are deleted after one of them had NULL, which nobody wrote: the objects show their rows.
#[test]
fn deleted_objects_that_referenced_each_other_show_their_references() -> Result<()> {
    let mut f = Fixture::new()?;
    let [one, two] = f.session.add_all(["one", "two"].map(Node::new));
    f.session.flush()?;
    f.session.set(one, Node::PARENT, Some(two))?;
    f.session.set(two, Node::PARENT, Some(one))?;
    f.session.commit()?;
    let undone: Result<()> = f.session.savepoint(|s| {
        s.refresh(one)?;
        s.refresh(two)?;
        s[one].label = "never".to_owned();
        s.delete(one)?;
        s.delete(two)?;
        s.flush()?;
        let shown = [one, two].map(|node| (s[node].label.clone(), s[node].parent_id));
        let expected = [("one".to_owned(), Some(2)), ("two".to_owned(), Some(1))];
        assert_eq!(shown, expected);
        Err(selfsame::Error::new(ErrorKind::Database, "undo"))
    });
    assert!(undone.is_err());
    let parents = [one, two].map(|node| f.session[node].parent_id);
    assert_eq!(parents, [Some(2), Some(1)]);
    f.session.commit()?;
    f.holds::<Node>(2);
    Ok(())
}

/// It is never inserted, so no collection shows it any longer.
#[test]
fn a_new_object_that_goes_with_its_parent_leaves_all_collections() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let site = s.add(Site::new("site"));
    let post = s.add(Post::new("post"));
    s.commit()?;
    for outcome in ["flush", "rollback", "commit"] {
        assert_eq!(s.load(post, Post::TAGS)?, []);
        s.savepoint(|s| {
            let tag = s.add(Tag::new("tag"));
            s.push(post, Post::TAGS, tag)?;
            s.push(site, Site::OWN_TAGS, tag)?;
            s.delete(site)?;
            s.flush()?;
            assert_eq!(s.state(tag), State::Transient);
            assert_eq!(s.load(post, Post::TAGS)?, [], "{outcome}");
            match outcome {
                "rollback" => Err(Error::new(ErrorKind::Validation, "undone")),
                _ => Ok(()),
            }
        })
        .or_else(|error| match error.kind() {
            ErrorKind::Validation => Ok(()),
            _ => Err(error),
        })?;
        match outcome {
            "commit" => s.commit()?,
            _ => s.rollback()?,
        }
        assert_eq!(s.load(post, Post::TAGS)?, [], "{outcome}");
    }
    Ok(())
}

#[test]
fn a_new_object_that_went_with_its_parent_can_be_used_again() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let site = s.add(Site::new("site"));
    let post = s.add(Post::new("post"));
    s.commit()?;
    s.savepoint(|s| {
        let tag = s.add(Tag::new("tag"));
        s.push(site, Site::OWN_TAGS, tag)?;
        s.delete(site)?;
        s.flush()?;
        s.push(post, Post::TAGS, tag)?;
        s.flush()?;
        let undone = s.savepoint(|s| {
            s.remove(post, Post::TAGS, tag)?;
            s.flush()?;
            Err::<(), _>(Error::new(ErrorKind::Validation, "undone"))
        });
        assert!(undone.is_err());
        assert_eq!(s.load(post, Post::TAGS)?, [tag]);
        Ok(())
    })
}
