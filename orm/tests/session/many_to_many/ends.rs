//! Pairs whose ends are deleted, expired, expunged, or restored.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use super::{rows, tagged, tags};
use crate::fixture::{Fixture, Post, Seat, Site, Tag};

/// Has books and tags.
#[derive(Entity, Clone, Debug)]
#[orm(table = "shelves_of_books")]
struct Bookcase {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(back_populates = bookcase)]
    volumes: HasMany<Volume>,
    #[orm(secondary = "bookcase_tags(bookcase_id, tag_id)")]
    tags: ManyToMany<Tag>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "volumes")]
struct Volume {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "shelves_of_books.id")]
    bookcase_id: Option<i64>,
    #[orm(back_populates = volumes)]
    bookcase: BelongsTo<Bookcase>,
}

#[test]
fn the_pairs_of_a_deleted_object_go_first() -> Result<()> {
    let (mut f, post, [a, b, c]) = tagged()?;
    f.session.delete(post)?;
    f.session.flush()?;
    f.sends(&[
        "DELETE FROM post_tags WHERE post_id = ?",
        "DELETE FROM post_seats WHERE post_id = ?",
        "DELETE FROM posts WHERE id = ?",
    ]);
    f.session.rollback()?;
    assert_eq!(rows(&f, 1), "b a");
    // From the other side, for many; a change of a pair that is deleted anyway is discarded.
    f.session.load(post, Post::TAGS)?;
    f.session.push(post, Post::TAGS, c)?;
    f.session.remove(post, Post::TAGS, a)?;
    for tag in [a, b, c] {
        f.session.delete(tag)?;
    }
    f.forget();
    f.session.flush()?;
    f.sends(&[
        "DELETE FROM post_tags WHERE tag_id IN (?, ?, ?, ?)",
        "DELETE FROM tags WHERE id IN (?, ?, ?, ?)",
    ]);
    assert_eq!(f.session.load(post, Post::TAGS)?, []);
    f.session.replace(post, Post::TAGS, [])?;
    f.session.commit()?;
    f.holds::<Tag>(0);
    assert_eq!(rows(&f, 1), "");
    Ok(())
}

#[test]
fn the_pairs_of_a_one_sided_relation_go_with_either_end() -> Result<()> {
    let mut f = Fixture::new()?;
    let seat = |place: &str| Seat::new(1, place, false);
    let post = f.session.add(Post {
        seats: [seat("b"), seat("a")].into(),
        ..Post::new("x")
    });
    f.session.commit()?;
    let seats = f.session.load(post, Post::SEATS)?;
    let places: Vec<&str> = seats.iter().map(|&s| &*f.session[s].place).collect();
    assert_eq!(places, ["a", "b"]);
    f.session.delete(seats[0])?;
    f.session.commit()?;
    assert_eq!(f.session.load(post, Post::SEATS)?, [seats[1]]);
    f.session.commit()?;
    // A session that has not used posts.
    f.in_another_session(|s| {
        let seat = s.get::<Seat>((1, "b".to_owned()))?.expect("the seat");
        s.delete(seat)
    })?;
    f.session.commit()?;
    assert_eq!(f.session.load(post, Post::SEATS)?, []);
    Ok(())
}

#[test]
fn a_delete_cascade_deletes_the_other_end() -> Result<()> {
    let mut f = Fixture::new()?;
    let site = f.session.add(Site {
        own_tags: tags(["a", "b"]).into(),
        ..Site::new("x")
    });
    f.session.add(Tag::new("c"));
    f.session.commit()?;
    f.session.delete(site)?;
    f.session.commit()?;
    f.holds::<Tag>(1);
    f.holds::<Site>(0);
    Ok(())
}

#[test]
fn a_rollback_restores_both_sides() -> Result<()> {
    let (mut f, post, [a, b, c]) = tagged()?;
    f.session.load(c, Tag::POSTS)?;
    f.session.replace(post, Post::TAGS, [c])?;
    f.session.flush()?;
    f.session.push(post, Post::TAGS, b)?;
    f.session.rollback()?;
    assert_eq!(f.session.load(post, Post::TAGS)?, [b, a]);
    assert_eq!(f.session.load(c, Tag::POSTS)?, []);
    f.session.commit()?;
    assert_eq!(rows(&f, 1), "b a");
    Ok(())
}

#[test]
fn a_savepoint_restores_exactly_what_changed_inside() -> Result<()> {
    let (mut f, post, [a, b, c]) = tagged()?;
    f.session.load(c, Tag::POSTS)?;
    f.session.load(post, Post::TAGS)?;
    f.session.remove(post, Post::TAGS, a)?;
    let undone: Result<()> = f.session.savepoint(|s| {
        s.push(post, Post::TAGS, c)?;
        s.flush()?;
        s.remove(post, Post::TAGS, b)?;
        s.push(a, Tag::POSTS, post)?;
        s.delete(c)?;
        s.flush()?;
        assert_eq!(s.load(post, Post::TAGS)?, [a]);
        Err(selfsame::Error::new(ErrorKind::Database, "undo"))
    });
    assert!(undone.is_err());
    assert_eq!(f.session.load(post, Post::TAGS)?, [b]);
    assert_eq!(f.session.load(c, Tag::POSTS)?, []);
    f.session.savepoint(|s| s.push(post, Post::TAGS, c))?;
    f.session.commit()?;
    assert_eq!(rows(&f, 1), "c b");
    Ok(())
}

#[test]
fn expire_drops_the_changes_of_both_sides() -> Result<()> {
    let (mut f, post, [a, b, c]) = tagged()?;
    f.session.load(a, Tag::POSTS)?;
    f.session.load(c, Tag::POSTS)?;
    f.session.remove(post, Post::TAGS, a)?;
    f.session.push(post, Post::TAGS, c)?;
    f.session.expire(post)?;
    assert_eq!(f.session.loaded(a, Tag::POSTS)?, Some(vec![post]));
    assert_eq!(f.session.loaded(c, Tag::POSTS)?, Some(vec![]));
    assert_eq!(f.session.load(post, Post::TAGS)?, [b, a]);
    f.forget();
    f.session.commit()?;
    f.sends(&["COMMIT"]);
    // Unflushed changes survive rereading everything.
    f.session.load(post, Post::TAGS)?;
    f.session.push(post, Post::TAGS, c)?;
    f.session.expire_all();
    assert_eq!(f.session.loaded(post, Post::TAGS)?, None);
    let tags = f.session.no_autoflush(|s| s.load(post, Post::TAGS))?;
    assert_eq!(tags, [b, a, c]);
    f.session.commit()?;
    assert_eq!(rows(&f, 1), "c b a");
    Ok(())
}

#[test]
fn an_expunged_object_keeps_its_rows() -> Result<()> {
    let (mut f, post, [a, b, c]) = tagged()?;
    f.session.load(post, Post::TAGS)?;
    f.session.push(post, Post::TAGS, c)?;
    f.session.expunge(a)?;
    f.session.expunge(c)?;
    assert_eq!(f.session.load(post, Post::TAGS)?, [b]);
    // It is loaded again with another handle; the loaded collection does not contain it as a pair of the post.
    let a = f.session.get::<Tag>(1)?.expect("the tag a");
    f.session.push(post, Post::TAGS, a)?;
    f.session.commit()?;
    assert_eq!(rows(&f, 1), "b a");
    Ok(())
}

#[test]
fn the_rows_of_expunged_children_are_released_regardless_of_pairs() -> Result<()> {
    let f = Fixture::new()?;
    metadata![Bookcase, Volume, Tag, Post, Seat].create_all(f.session.engine())?;
    let mut session = Session::new(f.session.engine());
    let bookcase = session.add(Bookcase::new());
    let volume = session.add(Volume::new());
    session.push(bookcase, Bookcase::VOLUMES, volume)?;
    let tag = session.add(Tag::new("a"));
    session.flush()?;
    session.expunge(volume)?;
    session.push(bookcase, Bookcase::TAGS, tag)?;
    session.delete(bookcase)?;
    session.commit()?;
    let left = Volume::query().rows(&mut session)?;
    assert_eq!(left[0].bookcase_id, None);
    Ok(())
}

#[test]
fn a_missing_pair_is_stale() -> Result<()> {
    let (mut f, post, [a, b, c]) = tagged()?;
    f.session.load(post, Post::TAGS)?;
    f.session.commit()?;
    f.session.remove(post, Post::TAGS, c)?;
    f.session.remove(post, Post::TAGS, a)?;
    let error = f.session.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaleData);
    assert_eq!(error.entity_name(), Some("post_tags"));
    assert_eq!(error.key_text(), Some("(1, 3)"));
    f.session.rollback()?;
    assert_eq!(f.session.load(post, Post::TAGS)?, [b, a]);
    Ok(())
}

#[test]
fn an_object_that_takes_a_row_does_not_take_its_pairs() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b, c] = f.session.add_all(["a", "b", "c"].map(Site::new));
    f.session.push(a, Site::LINKS, b)?;
    f.session.commit()?;
    f.session.delete(a)?;
    let again = f.session.add(Site::new("a"));
    f.session.push(again, Site::LINKS, c)?;
    f.session.commit()?;
    assert_eq!(f.session.load(again, Site::LINKS)?, [c]);
    assert_eq!(f.session.load(b, Site::LINKED_BY)?, []);
    Ok(())
}

#[test]
fn pairs_follow_a_key_that_changes() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b, c] = f.session.add_all(["a", "b", "c"].map(Site::new));
    f.session.push(a, Site::LINKS, b)?;
    f.session.push(b, Site::LINKS, c)?;
    f.session.commit()?;
    f.session.refresh(b)?;
    f.session[b].name = "bee".to_owned();
    f.session.remove(b, Site::LINKS, c)?;
    f.session.push(c, Site::LINKS, b)?;
    f.session.commit()?;
    assert_eq!(f.session.load(a, Site::LINKS)?, [b]);
    assert_eq!(f.session.load(b, Site::LINKS)?, []);
    assert_eq!(f.session.load(b, Site::LINKED_BY)?, [a, c]);
    Ok(())
}

#[test]
fn of_two_pairs_taken_apart_one_is_taken_back() -> Result<()> {
    let (mut f, post, [a, b, _]) = tagged()?;
    f.session.no_autoflush(|s| {
        for tag in [a, b] {
            s.remove(tag, Tag::POSTS, post)?;
        }
        s.expire(a)?;
        assert_eq!(s.load(post, Post::TAGS)?, [a]);
        Ok(())
    })?;
    f.session.commit()?;
    assert_eq!(rows(&f, 1), "a");
    Ok(())
}

#[test]
fn objects_marked_for_deletion_cannot_be_paired() -> Result<()> {
    let (mut f, post, [a, _, c]) = tagged()?;
    f.session.delete(c)?;
    for result in [
        f.session.push(post, Post::TAGS, c),
        f.session.push(c, Tag::POSTS, post),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidState);
        assert_eq!(error.entity_name(), Some("Tag"));
        assert_eq!(error.key_text(), Some("3"));
        assert!(error.to_string().contains("marked for deletion"), "{error}");
    }
    // The collection is loaded first, which flushes: then it is deleted.
    let error = f.session.replace(post, Post::TAGS, [c]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    f.session.rollback()?;
    // An existing pair is not a change.
    f.session.load(post, Post::TAGS)?;
    f.session.delete(a)?;
    f.session.push(post, Post::TAGS, a)?;
    f.session.commit()?;
    assert_eq!(rows(&f, 1), "b");
    Ok(())
}

#[test]
fn a_new_object_related_to_a_deleted_one_fails_the_flush() -> Result<()> {
    let (mut f, _, [_, _, c]) = tagged()?;
    f.session.delete(c)?;
    f.session.add(Post {
        tags: [c].into(),
        ..Post::new("second")
    });
    let error = f.session.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    f.session.rollback()
}
