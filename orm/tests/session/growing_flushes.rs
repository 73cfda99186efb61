//! Flushes, undoing and reading over changes grow in proportion to the number of objects, along chains and in whatever order.

use selfsame::prelude::*;
use selfsame::session::Hook;
use selfsame::{Error, ErrorKind, Result};
use selfsame_sqlite::Sqlite;

use crate::fixture::{Author, Book, Post, Tag};
use crate::growing::grows_in_proportion;

/// A place whose name is unique, and which others are in.
#[derive(Entity, Clone, Debug)]
#[orm(table = "spots")]
struct Spot {
    #[orm(primary_key)]
    code: i64,
    #[orm(unique)]
    name: String,
    #[orm(references = "spots.code")]
    parent_code: Option<i64>,
    #[orm(back_populates = children)]
    parent: BelongsTo<Spot>,
    #[orm(back_populates = parent, cascade = "all", passive_deletes)]
    children: HasMany<Spot>,
}

fn spots(size: usize) -> Result<(Session, Vec<Handle<Spot>>)> {
    let engine = Engine::new(Sqlite::memory());
    let table = "CREATE TABLE spots (code BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, parent_code BIGINT REFERENCES spots(code) ON DELETE CASCADE)";
    let mut session = Session::new(&engine);
    session.sql(table, ()).execute()?;
    session
        .sql("CREATE INDEX spots_parent ON spots(parent_code)", ())
        .execute()?;
    let all = (0..size).map(|n| spot(n, None));
    let all = session.add_all(all.collect::<Vec<_>>());
    session.commit()?;
    Spot::query().all(&mut session)?;
    Ok((session, all))
}

fn spot(n: usize, parent: Option<usize>) -> Spot {
    let number = |n: usize| i64::try_from(n).expect("few");
    Spot {
        parent_code: parent.map(number),
        ..Spot::new(number(n), format!("name {n}"))
    }
}

fn boom() -> Error {
    Error::new(ErrorKind::Validation, "boom")
}

#[test]
fn rows_that_are_gone_beside_references_that_were_set() {
    grows_in_proportion(
        |_, size| {
            let (mut session, all) = spots(size)?;
            session
                .sql("DELETE FROM spots WHERE code >= 2", ())
                .execute()?;
            Ok((session, all))
        },
        |_, (mut session, all)| {
            let new = (0..all.len()).map(|n| spot(n + 2, None));
            let new = session.add_all(new.collect::<Vec<_>>());
            let parent = session.get::<Spot>(1)?;
            for &child in &new {
                session.set(child, Spot::PARENT, parent)?;
            }
            session.flush()
        },
    );
}

#[test]
fn unique_names_passed_on_along_a_chain() {
    grows_in_proportion(
        |_, size| spots(size),
        |_, (mut session, all)| {
            for (n, &spot) in all.iter().enumerate() {
                session[spot].name = format!("name {}", n + 1);
            }
            session.flush()
        },
    );
}

#[test]
fn pairs_put_into_another_order_and_taken_back_in_turn() {
    grows_in_proportion(
        |session, size| {
            let tags = (0..size).map(|n| Tag::new(format!("t{n}")));
            let tags = session.add_all(tags.collect::<Vec<_>>());
            let post = session.add(Post::new("p"));
            session.replace(post, Post::TAGS, tags.iter().copied())?;
            session.flush()?;
            Ok((post, tags))
        },
        |session, (post, mut tags)| {
            tags.reverse();
            session.replace(post, Post::TAGS, tags.iter().copied())?;
            session.no_autoflush(|session| {
                for &tag in &tags {
                    session.remove(post, Post::TAGS, tag)?;
                    session.push(post, Post::TAGS, tag)?;
                    session.remove(post, Post::TAGS, tag)?;
                }
                for _ in 0..tags.len() {
                    session.push(post, Post::TAGS, tags[0])?;
                    session.remove(post, Post::TAGS, tags[0])?;
                }
                Ok(())
            })?;
            session.flush()?;
            assert!(session.load(post, Post::TAGS)?.is_empty());
            Ok(())
        },
    );
}

#[test]
fn hooks_that_change_other_objects() {
    grows_in_proportion(
        |session, size| {
            let authors = (0..size).map(|n| Author::new(format!("a{n}")));
            let authors = session.add_all(authors.collect::<Vec<_>>());
            session.flush()?;
            let all = authors.clone();
            session.hook(Hook::before_flush(move |session| {
                for &author in &all {
                    if session[author].age == Some(1) {
                        let book = session.add(Book::new("b"));
                        session.push(author, Author::BOOKS, book)?;
                        session[author].age = Some(2);
                    }
                }
                Ok(())
            }));
            session.hook(Hook::before_update(|author: &mut Author| {
                author.name.push('!');
                Ok(())
            }));
            Ok(authors)
        },
        |session, authors| {
            for &author in &authors {
                session[author].age = Some(1);
            }
            session.commit()
        },
    );
}

#[test]
fn a_savepoint_in_a_savepoint_that_changes_all() {
    grows_in_proportion(
        |session, size| {
            let authors = (0..size).map(|n| Author::new(format!("a{n}")));
            let authors = session.add_all(authors.collect::<Vec<_>>());
            session.flush()?;
            Ok(authors)
        },
        |session, authors| {
            let change = |session: &mut Session, age: i32| {
                for &author in &authors {
                    session[author].age = Some(age);
                }
            };
            let outer = session.savepoint(|session| {
                change(session, 1);
                for age in 2..6 {
                    let inner = session.savepoint(|session| {
                        change(session, age);
                        session.flush()?;
                        Err::<(), _>(boom())
                    });
                    assert!(inner.is_err());
                }
                assert_eq!(session[authors[0]].age, Some(1));
                Err::<(), _>(boom())
            });
            assert!(outer.is_err());
            assert_eq!(session[authors[0]].age, None);
            Ok(())
        },
    );
}

#[test]
fn added_ones_taken_and_added_again_after_a_rollback() {
    grows_in_proportion(
        |session, size| {
            let authors = (0..size).map(|n| Author {
                books: [Book::new("b")].into(),
                ..Author::new(format!("a{n}"))
            });
            let authors = session.add_all(authors.collect::<Vec<_>>());
            session.flush()?;
            Ok(authors)
        },
        |session, authors| {
            session.rollback()?;
            for author in authors {
                let value = session.take(author)?;
                session.add(value);
            }
            session.flush()
        },
    );
}

#[test]
fn pending_ones_whose_keys_change_between_merges() {
    grows_in_proportion(
        |_, size| {
            let (mut session, _) = spots(0)?;
            let all = (0..size).map(|n| spot(n, None));
            let all = session.add_all(all.collect::<Vec<_>>());
            Ok((session, all))
        },
        |_, (mut session, all)| {
            session.no_autoflush(|session| {
                session.merge(spot(0, None))?;
                for &it in &all {
                    session[it].code += 1_000_000;
                }
                for n in 0..all.len() {
                    session.merge(Spot {
                        name: format!("other {n}"),
                        ..spot(n, None)
                    })?;
                }
                Ok(())
            })
        },
    );
}

#[test]
fn a_chain_whose_rows_are_left_to_the_database() {
    grows_in_proportion(
        |_, size| {
            let (mut session, all) = spots(0)?;
            assert!(all.is_empty());
            let chain = (0..size).map(|n| spot(n, n.checked_sub(1)));
            let chain = session.add_all(chain.collect::<Vec<_>>());
            session.flush()?;
            Ok((session, chain))
        },
        |_, (mut session, chain)| {
            session.delete(chain[0])?;
            session.flush()?;
            assert_eq!(Spot::query().count(&mut session)?, 0);
            Ok(())
        },
    );
}
