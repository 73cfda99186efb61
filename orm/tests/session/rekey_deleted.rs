//! Changed keys that take the keys of rows deleted in the same flush, with referencing rows.

use std::sync::{Arc, Mutex};

use selfsame::prelude::*;
use selfsame::{Result, session::Hook};

use crate::fixture::{
    Author, Book, Draft, Fixture, Member, Node, Post, Region, Seat, Shelf, Shop, Site, Tag, Team,
    Word,
};

type Authors = (Fixture, [Handle<Author>; 2], [Handle<Book>; 2]);

/// Two authors with a book each, all loaded.
fn authors() -> Result<Authors> {
    let mut f = Fixture::new()?;
    let authors = f.session.add_all(["ann", "bob"].map(|name| Author {
        books: [Book::new(format!("by {name}"))].into(),
        ..Author::new(name)
    }));
    f.session.commit()?;
    Author::query().all(&mut f.session)?;
    let mut book = |author| Ok::<_, selfsame::Error>(f.session.load(author, Author::BOOKS)?[0]);
    let books = [book(authors[0])?, book(authors[1])?];
    f.forget();
    Ok((f, authors, books))
}

fn row(f: &Fixture, book: &str) -> Result<Option<i64>> {
    f.in_another_session(|s| {
        let title = Book::TITLE.eq(book);
        Book::query().filter(title).select(Book::AUTHOR_ID).one(s)
    })
}

#[test]
fn the_row_is_deleted_before_its_key_is_taken() -> Result<()> {
    let (mut f, [ann, bob], books) = authors()?;
    let s = &mut f.session;
    s.delete(bob)?;
    s[ann].id = Auto::set(2);
    s[ann].age = Some(7);
    s.flush()?;
    f.sends(&[
        "UPDATE books SET author_id = ? WHERE id = ?",
        "DELETE FROM authors WHERE id = ?",
        "SELECT books WHERE author_id = ?",
        "UPDATE books SET author_id = ? WHERE id = ?",
        "UPDATE authors SET id = ?, age = ? WHERE id = ?",
        "UPDATE books SET author_id = ? WHERE id = ?",
    ]);
    let s = &mut f.session;
    assert_eq!(s.get::<Author>(2)?, Some(ann));
    assert_eq!(s.load(ann, Author::BOOKS)?, [books[0]]);
    assert_eq!(s[books[1]].author_id, None);
    s.rollback()?;
    assert_eq!(
        (s.get::<Author>(1)?, s.get::<Author>(2)?),
        (Some(ann), Some(bob))
    );
    assert_eq!(s.load(bob, Author::BOOKS)?, [books[1]]);
    assert_eq!(s.load(ann, Author::BOOKS)?, [books[0]]);
    // The same again, completely.
    s.delete(bob)?;
    s[ann].id = Auto::set(2);
    s.commit()?;
    f.holds::<Author>(1);
    assert_eq!((row(&f, "by ann")?, row(&f, "by bob")?), (Some(2), None));
    Ok(())
}

#[test]
fn children_may_move_on_in_the_same_flush() -> Result<()> {
    type Move = fn(&mut Session, Handle<Book>, Handle<Author>) -> Result<()>;
    let moves: [Move; 3] = [
        |s, book, to| s.set(book, Book::AUTHOR, Some(to)),
        |s, book, to| s.push(to, Author::BOOKS, book),
        |s, book, to| {
            s[book].author_id = s[to].id.get().copied();
            Ok(())
        },
    ];
    for (at, change) in moves.iter().enumerate() {
        for to_new in [false, true] {
            let (mut f, [ann, bob], books) = authors()?;
            let s = &mut f.session;
            let carl = s.add(Author::new("carl"));
            if !to_new || at == 2 {
                s.flush()?;
            }
            change(s, books[1], carl)?;
            s.delete(bob)?;
            s[ann].id = Auto::set(2);
            s.commit()?;
            assert_eq!(s.get::<Author>(2)?, Some(ann), "{at}");
            let carl = s[carl].id.get().copied();
            assert_eq!(
                (row(&f, "by ann")?, row(&f, "by bob")?),
                (Some(2), carl),
                "{at}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_child_may_move_to_the_row_that_takes_the_key() -> Result<()> {
    let (mut f, [ann, bob], books) = authors()?;
    let s = &mut f.session;
    s.set(books[1], Book::AUTHOR, Some(ann))?;
    s.delete(bob)?;
    s[ann].id = Auto::set(2);
    s.commit()?;
    assert_eq!(s.load(ann, Author::BOOKS)?, books);
    assert_eq!((row(&f, "by ann")?, row(&f, "by bob")?), (Some(2), Some(2)));
    Ok(())
}

#[test]
fn keys_move_up_into_a_gap_that_is_made_at_once() -> Result<()> {
    let (mut f, [ann, bob], books) = authors()?;
    let s = &mut f.session;
    let carl = s.add(Author::new("carl"));
    s.flush()?;
    s.delete(ann)?;
    s[bob].id = Auto::set(1);
    s[carl].id = Auto::set(2);
    let dora = s.add(Author {
        id: Auto::set(3),
        ..Author::new("dora")
    });
    s.set(books[0], Book::AUTHOR, Some(dora))?;
    s.commit()?;
    let names = Author::query().order_by(Author::ID.asc());
    assert_eq!(names.all(s)?, [bob, carl, dora]);
    assert_eq!((row(&f, "by ann")?, row(&f, "by bob")?), (Some(3), Some(1)));
    Ok(())
}

#[test]
fn cascaded_deletions_come_first() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    // A tree: the branches below the deleted node are deleted with it, leaves first.
    let nodes = s.add_all(["root", "branch", "leaf", "other", "twig"].map(Node::new));
    for (child, parent) in [(1, 0), (2, 1), (4, 3)] {
        s.set(nodes[child], Node::PARENT, Some(nodes[parent]))?;
    }
    s.commit()?;
    Node::query().all(s)?;
    s.delete(nodes[0])?;
    s[nodes[3]].id = Auto::set(1);
    s.commit()?;
    f.holds::<Node>(2);
    let s = &mut f.session;
    assert_eq!(s.get::<Node>(1)?, Some(nodes[3]));
    assert_eq!(s.load(nodes[3], Node::CHILDREN)?, [nodes[4]]);

    // A deleted row of another table that references it.
    let (mut f, [ann, bob], books) = authors()?;
    let s = &mut f.session;
    s.delete(books[1])?;
    s.delete(bob)?;
    s[ann].id = Auto::set(2);
    s.commit()?;
    f.holds::<Book>(1);
    assert_eq!(row(&f, "by ann")?, Some(2));
    Ok(())
}

#[test]
fn children_that_the_database_lets_follow() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let [north, south] = s.add_all(["n", "s"].map(Region::new));
    let shop = s.add(Shop::new("n", 1, true));
    let [moved, gone] = s.add_all([2, 3].map(|number| Shop::new("s", number, false)));
    let shelf = s.add(Shelf::new("n", 1));
    s.commit()?;
    Region::query().all(s)?;
    Shop::query().all(s)?;
    s.get::<Shelf>(*s[shelf].id)?;
    s.delete(gone)?;
    // Its foreign key is NOT NULL: it is moved before the row that it leaves is deleted, and its own key follows then.
    s.set(moved, Shop::REGION, north)?;
    s.delete(south)?;
    s[north].code = "s".into();
    s.commit()?;
    f.holds::<Region>(1);
    let s = &mut f.session;
    assert_eq!(s.get::<Shop>(("s".to_owned(), 1))?, Some(shop));
    assert_eq!(s.get::<Shop>(("s".to_owned(), 2))?, Some(moved));
    s.refresh(shelf)?;
    assert_eq!(s[shelf].region_code, "s");
    Ok(())
}

#[test]
fn pairs_go_with_the_deleted_row_alone() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let [a, b, c] = s.add_all(["a", "b", "c"].map(Site::new));
    let tag = s.add(Tag::new("t"));
    for (from, to) in [(a, c), (b, c), (c, b)] {
        s.push(from, Site::LINKS, to)?;
    }
    s.push(a, Site::OWN_TAGS, tag)?;
    s.commit()?;
    Site::query().all(s)?;
    s.load(c, Site::LINKS)?;
    s.delete(b)?;
    s[a].name = "b".into();
    s.commit()?;
    f.holds::<Site>(2);
    let s = &mut f.session;
    assert_eq!(s.load(a, Site::LINKS)?, [c]);
    assert_eq!(s.load(c, Site::LINKS)?, []);
    assert_eq!(s.load(c, Site::LINKED_BY)?, [a]);
    assert_eq!(s.load(a, Site::OWN_TAGS)?, [tag]);
    Ok(())
}

#[test]
fn foreign_keys_to_other_columns_are_released_too() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let word = |id, text: &str, root: Option<&str>| Word {
        root: root.map(str::to_owned),
        ..Word::new(id, text)
    };
    let [one, two, three] = s.add_all([
        word(1, "one", None),
        word(2, "two", None),
        word(3, "three", Some("two")),
    ]);
    s.commit()?;
    Word::query().all(s)?;
    s.delete(two)?;
    s[one].id = 2;
    s[three].root = Some("one".into());
    s.commit()?;
    f.holds::<Word>(2);
    let s = &mut f.session;
    s.refresh(three)?;
    assert_eq!(s[three].root.as_deref(), Some("one"));
    assert_eq!(s.get::<Word>(2)?, Some(one));
    Ok(())
}

#[test]
fn versions_and_rows_that_refer_to_their_own_table() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let drafts = s.add_all(["a", "b", "c"].map(|name| Draft::new(name, name)));
    s.set(drafts[0], Draft::ORIGIN, Some(drafts[1]))?;
    s.set(drafts[1], Draft::ORIGIN, Some(drafts[1]))?;
    s.set(drafts[2], Draft::ORIGIN, Some(drafts[0]))?;
    s.commit()?;
    Draft::query().all(s)?;
    // The row that takes the key references the deleted row.
    s.set(drafts[0], Draft::ORIGIN, None)?;
    s.delete(drafts[1])?;
    s[drafts[0]].name = "b".into();
    s.commit()?;
    f.holds::<Draft>(2);
    let rows = f.in_another_session(|s| {
        Draft::query()
            .order_by(Draft::NAME.asc())
            .select((Draft::NAME, Draft::ORIGIN_NAME, Draft::TEXT))
            .all(s)
    })?;
    let row = |name: &str, origin: Option<&str>, text: &str| {
        (name.to_owned(), origin.map(str::to_owned), text.to_owned())
    };
    assert_eq!(rows, [row("b", None, "a"), row("c", Some("b"), "c")]);
    Ok(())
}

#[test]
fn the_row_may_be_expired_and_deleted_by_another_session() -> Result<()> {
    let (mut f, [ann, bob], books) = authors()?;
    let s = &mut f.session;
    s.commit()?;
    s.expire_all();
    s.delete(bob)?;
    s[ann].id = Auto::set(2);
    s.commit()?;
    assert_eq!(s.get::<Author>(2)?, Some(ann));
    s.delete(books[0])?;
    s.commit()?;

    let (mut f, [ann, bob], _) = authors()?;
    f.session.commit()?;
    f.in_another_session(|s| {
        s.sql("UPDATE books SET author_id = NULL", ()).execute()?;
        s.sql("DELETE FROM authors WHERE id = 2", ()).execute()
    })?;
    let s = &mut f.session;
    s.delete(bob)?;
    s[ann].id = Auto::set(2);
    let error = s.commit().expect_err("the row is gone");
    assert_eq!(error.kind(), selfsame::ErrorKind::StaleData);
    Ok(())
}

#[test]
fn hooks_are_called_once_for_each_row() -> Result<()> {
    for moves in [false, true] {
        let (mut f, [ann, bob], books) = authors()?;
        let calls = Arc::new(Mutex::new(Vec::new()));
        let log = |what: &'static str| {
            let calls = Arc::clone(&calls);
            move |name: &str| calls.lock().expect("a lock").push(format!("{what} {name}"))
        };
        let s = &mut f.session;
        let (before, after) = (log("before"), log("after"));
        s.hook(Hook::before_update(move |book: &mut Book| {
            before(&book.title);
            Ok(())
        }));
        s.hook(Hook::after_update(move |book: &Book| {
            after(&book.title);
            Ok(())
        }));
        let (before, after) = (log("before deleting"), log("after deleting"));
        s.hook(Hook::before_delete(move |author: &Author| {
            before(&author.name);
            Ok(())
        }));
        s.hook(Hook::after_delete(move |author: &Author| {
            after(&author.name);
            Ok(())
        }));
        s.delete(books[0])?;
        s.flush()?;
        calls.lock().expect("a lock").clear();
        let carl = s.add(Author::new("carl"));
        if moves {
            s.set(books[1], Book::AUTHOR, Some(carl))?;
        }
        s.delete(bob)?;
        s[ann].id = Auto::set(2);
        s.commit()?;
        let mut calls = calls.lock().expect("a lock").clone();
        calls.sort();
        let wanted = [
            "after by bob",
            "after deleting bob",
            "before by bob",
            "before deleting bob",
        ];
        assert_eq!(calls, wanted, "{moves}");
    }
    Ok(())
}

#[test]
fn a_failed_flush_undoes_it_all() -> Result<()> {
    let (mut f, [ann, bob], books) = authors()?;
    let s = &mut f.session;
    let team = s.add(Team::new("t"));
    let failed = s.savepoint(|s| {
        s.delete(bob)?;
        s[ann].id = Auto::set(2);
        s.flush()?;
        assert_eq!(s.get::<Author>(2)?, Some(ann));
        Err::<(), _>(selfsame::Error::new(
            selfsame::ErrorKind::Validation,
            "undo",
        ))
    });
    assert!(failed.is_err());
    s.commit()?;
    assert_eq!(s.get::<Author>(2)?, Some(bob));
    assert_eq!(s.get::<Author>(1)?, Some(ann));
    assert_eq!(s.load(books[1], Book::AUTHOR)?, Some(bob));
    assert_eq!(s.get::<Team>(1)?, Some(team));
    f.holds::<Author>(2);
    Ok(())
}

#[test]
fn a_row_whose_key_was_changed_is_deleted_by_the_key_that_it_has() -> Result<()> {
    let (mut f, [ann, bob], books) = authors()?;
    let s = &mut f.session;
    s.delete(books[0])?;
    s[ann].id = Auto::set(70);
    s.delete(ann)?;
    s.flush()?;
    assert_eq!(s.get::<Author>(1)?, None);
    assert_eq!(s.get::<Author>(2)?, Some(bob));
    s.rollback()?;
    assert_eq!(s.get::<Author>(1)?, Some(ann));
    s.commit()?;
    // Identified by the key of its row, too.
    f.in_another_session(|s| {
        s.sql("UPDATE books SET author_id = NULL", ()).execute()?;
        s.sql("DELETE FROM authors WHERE id = 1", ()).execute()
    })?;
    let s = &mut f.session;
    s[ann].id = Auto::set(70);
    let error = s.flush().expect_err("it is gone");
    assert_eq!(error.key_text(), Some("1"));
    Ok(())
}

#[test]
fn children_outside_the_session_follow_too() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|s| {
        s.add(Author {
            books: [Book::new("by ann")].into(),
            ..Author::new("ann")
        });
        Ok(())
    })?;
    let ann = f.session.get::<Author>(1)?.expect("ann");
    f.session[ann].id = Auto::set(70);
    f.session.commit()?;
    assert_eq!(row(&f, "by ann")?, Some(70));
    Ok(())
}

#[test]
fn rows_go_before_those_that_they_refer_to_whichever_table_was_met_first() -> Result<()> {
    let (mut f, ..) = authors()?;
    f.session.clear();
    let s = &mut f.session;
    let books = Book::query().order_by(Book::ID.asc()).all(s)?;
    let authors = Author::query().order_by(Author::ID.asc()).all(s)?;
    s.delete(authors[1])?;
    s.delete(books[1])?;
    s[authors[0]].id = Auto::set(2);
    s.commit()?;
    f.holds::<Book>(1);
    assert_eq!(row(&f, "by ann")?, Some(2));
    Ok(())
}

/// Has spokes that refer to it, and pairs.
#[derive(Entity, Clone, Debug)]
#[orm(table = "hubs")]
struct Hub {
    #[orm(primary_key)]
    code: String,
    #[orm(back_populates = hub)]
    spokes: HasMany<Spoke>,
    #[orm(secondary = "hub_tags(hub, tag_id)")]
    tags: ManyToMany<Tag>,
    #[orm(secondary = "hub_links(source, target)", back_populates = linked_by)]
    links: ManyToMany<Hub>,
    #[orm(secondary = "hub_links(target, source)", back_populates = links)]
    linked_by: ManyToMany<Self>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "spokes")]
struct Spoke {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "hubs.code")]
    hub_code: Option<String>,
    #[orm(back_populates = spokes)]
    hub: BelongsTo<Hub>,
}

#[test]
fn pairs_of_a_table_that_others_refer_to_go_with_the_deleted_row_alone() -> Result<()> {
    let mut f = Fixture::new()?;
    metadata![Hub, Spoke, Tag, Post, Seat].create_all(&f.engine)?;
    let s = &mut f.session;
    let [a, b, c] = s.add_all(["a", "b", "c"].map(Hub::new));
    let tags = s.add_all(["s", "t"].map(Tag::new));
    for (from, to) in [(a, c), (b, c), (c, b)] {
        s.push(from, Hub::LINKS, to)?;
    }
    s.push(a, Hub::TAGS, tags[0])?;
    s.push(b, Hub::TAGS, tags[1])?;
    let spoke = s.add(Spoke::new());
    s.set(spoke, Spoke::HUB, Some(a))?;
    s.commit()?;
    Hub::query().all(s)?;
    s.load(c, Hub::LINKS)?;
    // A pair that is taken apart, and one that goes with its row.
    s.remove(a, Hub::LINKS, c)?;
    s.delete(b)?;
    s[a].code = "b".into();
    s.commit()?;
    let pairs =
        "SELECT source || target FROM hub_links UNION ALL SELECT hub || tag_id FROM hub_tags";
    let pairs = f.in_another_session(|s| s.sql(pairs, ()).all::<(String,)>())?;
    assert_eq!(pairs, [("b1".to_owned(),)]);
    let s = &mut f.session;
    assert_eq!(s.load(c, Hub::LINKS)?, []);
    assert_eq!(s.load(a, Hub::TAGS)?, [tags[0]]);
    assert_eq!(s.load(spoke, Spoke::HUB)?, Some(a));
    Ok(())
}

/// The new team is inserted before the changed key, and waits for its own leader.
#[test]
fn a_row_inserted_early_may_be_in_a_cycle() -> Result<()> {
    for by_columns in [false, true] {
        let mut f = Fixture::new()?;
        let s = &mut f.session;
        let [first, second] = s.add_all([Team::new("first"), Team::new("second")]);
        let moved = s.add(Member {
            team: second.into(),
            ..Member::new("moved", 0)
        });
        s.commit()?;
        Team::query().all(s)?;
        Member::query().all(s)?;
        let third = s.add(Team::new("third"));
        let leader = s.add(Member {
            id: Auto::set(9),
            team: third.into(),
            ..Member::new("leader", 0)
        });
        match by_columns {
            true => s[third].leader_id = Some(9),
            false => s.set(third, Team::LEADER, Some(leader))?,
        }
        s.set(moved, Member::TEAM, third)?;
        s.delete(second)?;
        s[first].id = Auto::set(2);
        s.commit()?;
        assert_eq!(s.load(third, Team::LEADER)?, Some(leader));
        assert_eq!(s.load(moved, Member::TEAM)?, third);
        assert_eq!(s.get::<Team>(2)?, Some(first));
    }
    Ok(())
}
