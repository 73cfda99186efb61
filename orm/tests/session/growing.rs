//! Work in memory grows in proportion to the number of objects: ten times as many take about ten times as long.
//!
//! A list that is searched for each object would make that a hundred. CPU time of the thread is measured, which excludes waiting for a
//! processor. It is noisy all the same, so a failure is measured again before it counts, and the limit is in between.

use std::time::Duration;

use cpu_time::ThreadTime;
use selfsame::prelude::*;
use selfsame::{Error, ErrorKind, Result};
use selfsame_sqlite::Sqlite;

use crate::fixture::{Album, Author, Book, Fixture, Post, Tag, Track};

const SMALL: usize = 800;
const TIMES: usize = 10;
const BOUND: u32 = 40;
const TRIES: usize = 4;

/// Asserts that the work on what `prepare` returns takes time in proportion to the size.
#[track_caller]
pub(crate) fn grows_in_proportion<T>(
    prepare: impl Fn(&mut Session, usize) -> Result<T>,
    work: impl Fn(&mut Session, T) -> Result<()>,
) {
    let time = |size: usize| -> Result<Duration> {
        let mut f = Fixture::new()?;
        let given = prepare(&mut f.session, size)?;
        let begin = ThreadTime::now();
        work(&mut f.session, given)?;
        Ok(begin.elapsed())
    };
    let mut seen = Vec::new();
    for _ in 0..TRIES {
        let small = time(SMALL).expect("the small one");
        let large = time(SMALL * TIMES).expect("the large one");
        if large < small * BOUND {
            return;
        }
        seen.push((small, large));
    }
    panic!("{TIMES} times as many take more than {BOUND} times as long: {seen:?}");
}

/// An author and books without author, all in the database.
fn books(session: &mut Session, size: usize) -> Result<(Handle<Author>, Vec<Handle<Book>>)> {
    let author = session.add(Author::new("ann"));
    let books = session.add_all((0..size).map(|_| Book::new("b")).collect::<Vec<_>>());
    session.flush()?;
    Ok((author, books))
}

/// An author with this many books.
fn shelf(session: &mut Session, size: usize) -> Result<(Handle<Author>, Vec<Handle<Book>>)> {
    let (author, books) = books(session, size)?;
    session.replace(author, Author::BOOKS, books.iter().copied())?;
    session.flush()?;
    Ok((author, books))
}

/// This many authors with a book each, whose collections are loaded.
fn authors(session: &mut Session, size: usize) -> Result<Vec<Handle<Author>>> {
    let authors = (0..size).map(|n| Author {
        books: [Book::new("b")].into(),
        ..Author::new(format!("a{n}"))
    });
    session.add_all(authors.collect::<Vec<_>>());
    session.commit()?;
    Author::query().with(Author::BOOKS.selectin()).all(session)
}

fn tagged(session: &mut Session, size: usize) -> Result<(Handle<Post>, Vec<Handle<Tag>>)> {
    let post = session.add(Post::new("p"));
    let tags = (0..size).map(|n| Tag::new(format!("t{n}")));
    let tags = session.add_all(tags.collect::<Vec<_>>());
    session.flush()?;
    session.load(post, Post::TAGS)?;
    Ok((post, tags))
}

fn boom() -> Error {
    Error::new(ErrorKind::Validation, "boom")
}

#[test]
fn pushes_sets_and_removals() {
    grows_in_proportion(books, |session, (author, books)| {
        for &book in &books {
            session.push(author, Author::BOOKS, book)?;
        }
        for &book in books.iter().rev() {
            session.remove(author, Author::BOOKS, book)?;
        }
        for &book in &books {
            session.set(book, Book::AUTHOR, Some(author))?;
        }
        Ok(())
    });
}

#[test]
fn pushes_before_a_collection_is_loaded() {
    grows_in_proportion(books, |session, (author, books)| {
        session.no_autoflush(|session| {
            session.expire_all();
            for &book in &books {
                session.push(author, Author::BOOKS, book)?;
            }
            session.load(author, Author::BOOKS).map(drop)
        })
    });
}

#[test]
fn one_collection_replaced_by_another() {
    grows_in_proportion(shelf, |session, (author, books)| {
        session.load(author, Author::BOOKS)?;
        let others = books.iter().map(|_| Book::new("other"));
        let others = session.add_all(others.collect::<Vec<_>>());
        session.no_autoflush(|session| session.replace(author, Author::BOOKS, others))
    });
}

#[test]
fn pairs_put_together_and_taken_apart() {
    grows_in_proportion(tagged, |session, (post, tags)| {
        for &tag in &tags {
            session.push(post, Post::TAGS, tag)?;
        }
        for &tag in tags.iter().skip(1) {
            session.remove(post, Post::TAGS, tag)?;
        }
        session.no_autoflush(|session| session.replace(post, Post::TAGS, tags))
    });
}

#[test]
fn expunged_one_by_one() {
    grows_in_proportion(authors, |session, authors| {
        for author in authors {
            session[author].age = Some(1);
            session.expunge(author)?;
        }
        Ok(())
    });
    grows_in_proportion(shelf, |session, (author, books)| {
        session.load(author, Author::BOOKS)?;
        for book in books {
            session.expunge(book)?;
        }
        Ok(())
    });
}

#[test]
fn pending_ones_taken_back() {
    let pending = |session: &mut Session, size| {
        let author = session.add(Author::new("ann"));
        let books = (0..size).map(|_| Book {
            author: author.into(),
            ..Book::new("b")
        });
        Ok(session.add_all(books.collect::<Vec<_>>()))
    };
    grows_in_proportion(pending, |session, books| {
        for book in books {
            session.take(book)?;
        }
        Ok(())
    });
}

#[test]
fn expired_and_changed_one_by_one() {
    grows_in_proportion(authors, |session, authors| {
        for &author in &authors {
            session[author].age = Some(1);
        }
        for &author in &authors {
            session.expire(author)?;
        }
        Ok(())
    });
}

#[test]
fn changed_ones_with_expressions_are_dirty_once() {
    grows_in_proportion(
        |session, size| {
            let authors = (0..size).map(|n| Author::new(format!("a{n}")));
            let authors = session.add_all(authors.collect::<Vec<_>>());
            session.flush()?;
            for &author in &authors {
                session[author].height = Some(1.8);
                session.set_expr(author, Author::AGE, Author::AGE + 1)?;
            }
            Ok(authors)
        },
        |session, mut authors| {
            let unchanged = authors.split_off(authors.len() / 2);
            for &author in &unchanged {
                session[author].height = None;
            }
            authors.extend(unchanged);
            let mut dirty = session.dirty::<Author>();
            dirty.sort_unstable_by_key(|author| session[*author].id.into_inner());
            assert_eq!(dirty, authors);
            Ok(())
        },
    );
}

#[test]
fn all_expired_with_a_pushed_child_for_each_owner() {
    grows_in_proportion(authors, |session, authors| {
        for &author in &authors {
            let book = session.add(Book::new("late"));
            session.push(author, Author::BOOKS, book)?;
        }
        session.expire_all();
        Ok(())
    });
}

#[test]
fn refreshed_and_flushed_one_by_one() {
    grows_in_proportion(authors, |session, authors| {
        for author in authors {
            session[author].age = Some(1);
            session.refresh(author)?;
        }
        Ok(())
    });
    grows_in_proportion(authors, |session, authors| {
        for author in authors {
            session[author].age = Some(1);
            session.flush()?;
        }
        Ok(())
    });
}

#[test]
fn savepoints_around_each_of_many_owners() {
    grows_in_proportion(authors, |session, authors| {
        for author in authors {
            let result = session.savepoint(|session| {
                let book = session.add(Book::new("b"));
                session.push(author, Author::BOOKS, book)?;
                Err::<(), _>(boom())
            });
            assert!(result.is_err());
        }
        Ok(())
    });
}

#[test]
fn pushes_in_a_savepoint() {
    grows_in_proportion(books, |session, (author, books)| {
        let result = session.savepoint(|session| {
            for &book in &books {
                session.push(author, Author::BOOKS, book)?;
            }
            Err::<(), _>(boom())
        });
        assert!(result.is_err());
        session.load(author, Author::BOOKS).map(drop)
    });
}

#[test]
fn a_parent_deleted_that_lets_its_children_go() {
    grows_in_proportion(shelf, |session, (author, _)| {
        session.load(author, Author::BOOKS)?;
        session.delete(author)?;
        session.flush()
    });
}

#[test]
fn orphans() {
    let album = |session: &mut Session, size| {
        let tracks = (0..size).map(|_| Track::new("t", 0));
        let album = session.add(Album {
            tracks: tracks.collect(),
            ..Album::new("a")
        });
        session.flush()?;
        session.load(album, Album::TRACKS)?;
        Ok(album)
    };
    grows_in_proportion(album, |session, album| {
        session.replace(album, Album::TRACKS, [])?;
        session.flush()
    });
}

#[test]
fn updates_of_one_row_beside_many_objects() {
    grows_in_proportion(authors, |session, authors| {
        for n in 0..authors.len() {
            let one = Author::query().filter(Author::ID.eq(1));
            let age = i32::try_from(n).ok();
            one.update().set(Author::AGE, age).execute(session)?;
        }
        Ok(())
    });
}

/// A tree whose keys the program sets.
#[derive(Entity, Clone, Debug)]
#[orm(table = "folders")]
struct Folder {
    #[orm(primary_key)]
    path: String,
    #[orm(references = "folders.path")]
    parent: Option<String>,
}

fn folder(n: usize) -> Folder {
    Folder {
        path: format!("{n}"),
        parent: n.checked_sub(1).map(|parent| format!("{parent}")),
    }
}

#[test]
fn a_tree_by_keys_of_the_program_and_merges_of_what_is_pending() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Folder].create_all(&engine)?;
    grows_in_proportion(
        |_, size| Ok((Session::new(&engine), size)),
        |_, (mut session, size)| {
            session.no_autoflush(|session| {
                for n in 0..size {
                    session.merge(folder(n))?;
                }
                for n in 0..size {
                    session.merge(folder(n))?;
                }
                Ok(())
            })
        },
    );
    grows_in_proportion(
        |_, size| {
            let mut session = Session::new(&engine);
            session.add_all((0..size).map(folder).collect::<Vec<_>>());
            Ok(session)
        },
        |_, mut session| session.flush(),
    );
    Ok(())
}
