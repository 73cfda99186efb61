//! The number of statements does not grow with the number of rows, or only with the levels of a tree.
//!
//! A batch that executes one statement repeatedly counts once. On SQLite keys are sent 512 at a time, and new rows 250 or 64 at a time, so
//! up to 64 rows are one statement.

use selfsame::prelude::*;
use selfsame::{Result, assert_statements};

use crate::fixture::{
    Album, Author, Book, Draft, Fixture, Mark, Node, Post, Region, Seat, Shop, Tag, Track,
};

const SIZES: [usize; 3] = [1, 10, 32];

/// Runs `work` for each size on `given`, and asserts the number of statements.
#[track_caller]
fn always<T>(
    statements: usize,
    given: impl Fn(&mut Session, usize) -> Result<T>,
    work: impl Fn(&mut Session, usize, T) -> Result<()>,
) -> Result<()> {
    for size in SIZES {
        let mut f = Fixture::new()?;
        let given = given(&mut f.session, size)?;
        f.session.commit()?;
        f.forget();
        work(&mut f.session, size, given)?;
        let sent = f.sent();
        let sent: Vec<&String> = sent
            .iter()
            .filter(|text| {
                !["BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "LAST KEY"]
                    .contains(&text.as_str())
            })
            .collect();
        assert_eq!(sent.len(), statements, "for {size}: {sent:#?}");
    }
    Ok(())
}

fn nothing(_: &mut Session, _: usize) -> Result<()> {
    Ok(())
}

fn names(size: usize) -> impl Iterator<Item = String> {
    (0..size).map(|n| format!("n{n}"))
}

/// One album with `size` tracks that have a mark each.
fn album(session: &mut Session, size: usize) -> Result<Handle<Album>> {
    let tracks = names(size).map(|name| Track {
        marks: [Mark::new(1, 0)].into(),
        ..Track::new(name, 0)
    });
    Ok(session.add(Album {
        tracks: tracks.collect(),
        ..Album::new("a")
    }))
}

/// Authors with two books each.
fn authors(session: &mut Session, size: usize) -> Result<Vec<Handle<Author>>> {
    let authors = names(size).map(|name| Author {
        books: [Book::new("a"), Book::new("b")].into(),
        ..Author::new(name)
    });
    Ok(session.add_all(authors.collect::<Vec<_>>()))
}

#[test]
fn inserting_a_graph_is_a_statement_a_table() -> Result<()> {
    always(3, nothing, |session, size, ()| {
        album(session, size)?;
        session.commit()
    })
}

#[test]
fn a_cascade_reads_and_deletes_level_by_level() -> Result<()> {
    always(6, album, |session, _, album| {
        session.refresh(album)?;
        session.delete(album)?;
        session.commit()
    })
}

#[test]
fn orphans_go_together() -> Result<()> {
    always(4, album, |session, _, album| {
        session.replace(album, Album::TRACKS, [])?;
        session.commit()
    })
}

#[test]
fn a_tree_is_a_statement_a_level() -> Result<()> {
    always(3, nothing, |session, size, ()| {
        let leaf = |name| Node::new(name);
        let branches = names(size).map(|name| Node {
            children: [leaf("x"), leaf("y")].into(),
            ..Node::new(name)
        });
        session.add(Node {
            children: branches.collect(),
            ..Node::new("root")
        });
        session.commit()
    })
}

#[test]
fn loading_two_levels_is_three_statements_or_one() -> Result<()> {
    always(3, album, |session, _, _| {
        let tracks = Album::TRACKS.selectin().then(Track::MARKS.selectin());
        Album::query().with(tracks).all(session).map(drop)
    })?;
    always(1, album, |session, _, _| {
        let tracks = Album::TRACKS.joined().then(Track::MARKS.joined());
        Album::query().with(tracks).all(session).map(drop)
    })
}

#[test]
fn changes_of_many_objects_are_a_statement_a_shape() -> Result<()> {
    always(3, authors, |session, _, _| {
        for author in Author::query().all(session)? {
            session[author].age = Some(1);
        }
        for book in Book::query().all(session)? {
            session[book].title.push('!');
        }
        // The books' query flushed the authors.
        session.rollback()
    })
}

#[test]
fn released_children_are_one_update() -> Result<()> {
    always(4, authors, |session, _, _| {
        for author in Author::query().all(session)? {
            session.delete(author)?;
        }
        session.commit()
    })
}

#[test]
fn pairs_are_a_statement_of_their_own() -> Result<()> {
    let posts = |session: &mut Session, size| {
        let posts = names(size).map(|name| Post {
            tags: [Tag::new(format!("tag of {name}"))].into(),
            ..Post::new(name)
        });
        Ok(session.add_all(posts.collect::<Vec<_>>()))
    };
    always(3, nothing, |session, size, ()| {
        posts(session, size)?;
        session.commit()
    })?;
    always(2, posts, |session, _, _| {
        Post::query()
            .with(Post::TAGS.selectin())
            .all(session)
            .map(drop)
    })
}

#[test]
fn rows_that_change_hands_or_versions_are_a_batch() -> Result<()> {
    let seats = |session: &mut Session, size: usize| {
        let seats = names(size).map(|name| Seat::new(1, name, false));
        Ok(session.add_all(seats.collect::<Vec<_>>()))
    };
    always(2, seats, |session, size, seats| {
        for seat in seats {
            session.delete(seat)?;
        }
        for name in names(size) {
            session.add(Seat::new(1, name, true));
        }
        session.commit()
    })?;
    let drafts = |session: &mut Session, size: usize| {
        let drafts = names(size).map(|name| Draft::new(name, "a"));
        Ok(session.add_all(drafts.collect::<Vec<_>>()))
    };
    always(2, drafts, |session, _, _| {
        for draft in Draft::query().all(session)? {
            session[draft].text.push('!');
        }
        session.commit()
    })
}

#[test]
fn the_followers_of_a_key_are_a_batch() -> Result<()> {
    let ann = |session: &mut Session, size: usize| {
        let books = names(size).map(Book::new);
        Ok(session.add(Author {
            books: books.collect(),
            ..Author::new("ann")
        }))
    };
    always(5, ann, |session, _, ann| {
        session.refresh(ann)?;
        session[ann].id = Auto::set(1_000);
        session.commit()
    })?;
    let region = |session: &mut Session, size: usize| {
        let region = session.add(Region::new("n"));
        let shops = (0..size).map(|n| Shop::new("n", i32::try_from(n).unwrap_or(0), false));
        session.add_all(shops.collect::<Vec<_>>());
        Ok(region)
    };
    always(2, region, |session, _, region| {
        session.refresh(region)?;
        session[region].code = "north".into();
        session.commit()
    })
}

#[test]
fn keys_of_two_columns_are_as_many_to_a_statement_as_others() -> Result<()> {
    let f = Fixture::new()?;
    let keys = |n: i32| (0..n).map(|row| (row, "a".to_owned()));
    for (n, statements) in [(1, 1), (512, 1), (513, 2)] {
        let mut session = Session::new(&f.engine);
        assert_statements!(session, statements, { session.get_many::<Seat>(keys(n))? });
    }
    Ok(())
}

#[test]
fn children_of_a_row_whose_key_is_taken_leave_together() -> Result<()> {
    let given = |s: &mut Session, size| {
        let [ann, bob, carl] = s.add_all(["ann", "bob", "carl"].map(Author::new));
        let books = s.add_all(names(size).map(Book::new).collect::<Vec<_>>());
        for &book in &books {
            s.set(book, Book::AUTHOR, Some(bob))?;
        }
        Ok((ann, bob, carl, books))
    };
    always(7, given, |s, _, (ann, bob, carl, books)| {
        Author::query().all(s)?;
        s.load(bob, Author::BOOKS)?;
        for book in books {
            s.set(book, Book::AUTHOR, Some(carl))?;
        }
        s[ann].id = Auto::set(*s[bob].id);
        s.delete(bob)?;
        s.commit()
    })
}
