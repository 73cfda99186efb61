//! Programs with unusual combinations; each compares rows and memory with the obvious expectation.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use selfsame::prelude::*;
use selfsame::session::{Hook, State};
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{
    Address, Album, Author, Book, Customer, Draft, Fixture, Line, Member, Node, Passport, Person,
    Post, Region, Seat, Shop, Tag, Team, Track, Vehicle,
};

fn boom<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Database, "boom"))
}

/// The first column of a query, seen by another session.
fn texts(f: &Fixture, sql: &str) -> Result<Vec<Option<String>>> {
    f.in_another_session(|s| {
        let rows = s.sql(sql, ()).all::<(Option<String>,)>()?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    })
}

#[track_caller]
fn has(f: &Fixture, sql: &str, wanted: &[&str]) {
    let rows = texts(f, sql).expect("rows");
    let rows: Vec<&str> = rows
        .iter()
        .map(|text| text.as_deref().unwrap_or("-"))
        .collect();
    assert_eq!(rows, wanted, "{sql}");
}

/// A hook body that runs once.
fn once(
    work: impl Fn(&mut Session) -> Result<()> + Send + Sync + 'static,
) -> impl Fn(&mut Session) -> Result<()> + Send + Sync + 'static {
    let due = AtomicBool::new(true);
    move |s: &mut Session| match due.swap(false, Ordering::SeqCst) {
        true => work(s),
        false => Ok(()),
    }
}

#[test]
fn hooks_delete_what_the_flush_was_to_write() -> Result<()> {
    for is_after in [false, true] {
        let mut f = Fixture::new()?;
        let [ann, bob] = f.session.add_all([Author::new("ann"), Author::new("bob")]);
        f.session.commit()?;
        Author::query().all(&mut f.session)?;
        let work = once(move |s| s.delete(ann));
        f.session.hook(match is_after {
            true => Hook::after_flush(work),
            false => Hook::before_flush(work),
        });
        f.session[ann].age = Some(1);
        f.session[bob].age = Some(2);
        f.session.commit()?;
        has(&f, "SELECT name FROM authors", &["bob"]);
        assert_eq!(f.session.state(ann), State::Detached);
        f.session.refresh(bob)?;
        assert_eq!(f.session[bob].age, Some(2));
    }
    Ok(())
}

#[test]
fn a_hook_moves_children_that_the_flush_was_to_release() -> Result<()> {
    let mut f = Fixture::new()?;
    let [ann, bob] = f.session.add_all([Author::new("ann"), Author::new("bob")]);
    let books = f.session.add_all(["a", "b", "c"].map(Book::new));
    for book in books {
        f.session.set(book, Book::AUTHOR, Some(ann))?;
    }
    f.session.commit()?;
    Author::query().all(&mut f.session)?;
    Book::query().all(&mut f.session)?;
    f.session.hook(Hook::before_flush(once(move |s| {
        s.set(books[1], Book::AUTHOR, Some(bob))
    })));
    f.session.delete(ann)?;
    f.session.commit()?;
    has(
        &f,
        "SELECT CAST(author_id AS TEXT) FROM books ORDER BY title",
        &["-", "2", "-"],
    );
    assert_eq!(f.session.load(bob, Author::BOOKS)?, [books[1]]);
    Ok(())
}

#[test]
fn errors_in_the_middle_of_nested_savepoints_leave_what_is_outside() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    f.session.get::<Author>(1)?;
    let seen = f.session.transaction(|s| {
        s[ann].age = Some(1);
        let outer = s.savepoint(|s| {
            s[ann].age = Some(2);
            let a = s.add(Book::new("a"));
            s.set(a, Book::AUTHOR, Some(ann))?;
            let inner: Result<()> = s.savepoint(|s| {
                s[ann].age = Some(3);
                s.add(Author::new("ann"));
                s.flush()
            });
            assert_eq!(inner.unwrap_err().kind(), ErrorKind::UniqueViolation);
            assert_eq!(s[ann].age, Some(2));
            let b = s.add(Book::new("b"));
            s.set(b, Book::AUTHOR, Some(ann))?;
            s.savepoint(|s| {
                s.delete(a)?;
                s[ann].age = Some(4);
                Ok(())
            })?;
            Ok(s.load(ann, Author::BOOKS)? == [b])
        })?;
        let undone: Result<()> = s.savepoint(|s| {
            for book in s.load(ann, Author::BOOKS)? {
                s.delete(book)?;
            }
            s[ann].name = "zoe".into();
            s.flush()?;
            boom()
        });
        assert!(undone.is_err());
        Ok(outer)
    })?;
    assert!(seen);
    has(&f, "SELECT title FROM books", &["b"]);
    has(&f, "SELECT name || age FROM authors", &["ann4"]);
    f.session.refresh(ann)?;
    assert_eq!(
        (&*f.session[ann].name, f.session[ann].age),
        ("ann", Some(4))
    );
    assert_eq!(f.session.load(ann, Author::BOOKS)?.len(), 1);
    Ok(())
}

#[test]
fn thousands_of_rows_with_mixed_changes() -> Result<()> {
    let mut f = Fixture::new()?;
    let authors = (0..1500).map(|n| Author {
        age: Some(n),
        ..Author::new(format!("n{n}"))
    });
    let authors = f.session.add_all(authors.collect::<Vec<_>>());
    f.session.commit()?;
    Author::query().all(&mut f.session)?;
    for (n, &author) in authors.iter().enumerate() {
        let age = i32::try_from(n).unwrap_or_default();
        match n % 5 {
            0 => f.session.delete(author)?,
            1 => f.session[author].age = Some(-age),
            2 => f.session[author].name = format!("m{n}"),
            3 => f
                .session
                .set_expr(author, Author::AGE, Author::AGE + 10_000)?,
            _ => {
                let book = f.session.add(Book::new(format!("b{n}")));
                f.session.set(book, Book::AUTHOR, Some(author))?;
            }
        }
    }
    // The names of deleted rows are taken at once.
    let again = (0..1500).step_by(5).map(|n| Author {
        height: Some(1.0),
        ..Author::new(format!("n{n}"))
    });
    f.session.add_all(again.collect::<Vec<_>>());
    f.session.commit()?;
    f.holds::<Author>(1500);
    f.holds::<Book>(300);
    let wrong = f.in_another_session(|s| {
        s.sql(
            "SELECT count(*), min(id), max(id) FROM authors WHERE NOT CASE
                WHEN id > 1500 THEN age IS NULL AND height = 1.0 AND name = 'n' || (5 * (id - 1501))
                WHEN id % 5 = 2 THEN age = -(id - 1) AND name = 'n' || (id - 1)
                WHEN id % 5 = 3 THEN age = id - 1 AND name = 'm' || (id - 1)
                WHEN id % 5 = 4 THEN age = id - 1 + 10000
                ELSE id % 5 = 0 AND age = id - 1 END",
            (),
        )
        .one::<(i64, Option<i64>, Option<i64>)>()
    })?;
    assert_eq!(wrong, (0, None, None));
    let wrong = f.in_another_session(|s| {
        s.sql(
            "SELECT count(*) FROM books WHERE title <> 'b' || (author_id - 1)",
            (),
        )
        .one::<(i64,)>()
    })?;
    assert_eq!(wrong, (0,));
    for author in Author::query().all(&mut f.session)? {
        let id = *f.session[author].id;
        if id <= 1500 {
            assert_eq!(authors[usize::try_from(id - 1).unwrap_or_default()], author);
        }
    }
    Ok(())
}

#[test]
fn panics_in_nested_closures_and_hooks_and_then_more_work() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    f.session.get::<Author>(1)?;
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    f.session.hook(Hook::after_flush(move |_| {
        assert_ne!(
            counted.fetch_add(1, Ordering::SeqCst),
            1,
            "the second flush"
        );
        Ok(())
    }));
    let s = &mut f.session;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        s.transaction(|s| {
            s[ann].age = Some(1);
            s.flush()?;
            s.savepoint(|s| {
                s[ann].age = Some(2);
                s.add(Book::new("lost"));
                s.flush()
            })
        })
    }));
    assert!(panicked.is_err());
    s.rollback()?;
    assert_eq!(s[ann].age, None);
    s[ann].height = Some(2.0);
    let book = s.add(Book::new("kept"));
    s.set(book, Book::AUTHOR, Some(ann))?;
    s.commit()?;
    has(&f, "SELECT title FROM books", &["kept"]);
    has(
        &f,
        "SELECT name || coalesce(age, '-') || height FROM authors",
        &["ann-2.0"],
    );
    Ok(())
}

#[test]
fn composite_keys_rotate_through_a_free_one_and_rows_follow_their_objects() -> Result<()> {
    let mut f = Fixture::new()?;
    let seats = f
        .session
        .add_all([1, 2, 3].map(|row| Seat::new(row, "a", row == 2)));
    f.session.commit()?;
    Seat::query().all(&mut f.session)?;
    // 1 -> 2 -> 3 -> 4, and a new 1, and each is changed.
    for (at, seat) in seats.into_iter().enumerate() {
        f.session[seat].row += 1;
        f.session[seat].taken = at == 0;
    }
    let new = f.session.add(Seat::new(1, "a", true));
    f.session.flush()?;
    f.session.commit()?;
    has(
        &f,
        "SELECT row || place || taken FROM seats ORDER BY row",
        &["1a1", "2a1", "3a0", "4a0"],
    );
    for (key, seat) in [(1, new), (2, seats[0]), (3, seats[1]), (4, seats[2])] {
        assert_eq!(f.session.get::<Seat>((key, "a".to_owned()))?, Some(seat));
    }
    Ok(())
}

#[test]
fn passports_are_exchanged_while_their_people_change() -> Result<()> {
    let mut f = Fixture::new()?;
    let people = f.session.add_all(["ann", "bob", "eve"].map(Person::new));
    let passports = f.session.add_all(["a", "b", "c"].map(Passport::new));
    for (person, passport) in people.into_iter().zip(passports) {
        f.session.set(person, Person::PASSPORT, Some(passport))?;
    }
    f.session.commit()?;
    Person::query().all(&mut f.session)?;
    Passport::query().all(&mut f.session)?;
    f.session
        .set(people[0], Person::PASSPORT, Some(passports[1]))?;
    f.session
        .set(people[1], Person::PASSPORT, Some(passports[0]))?;
    f.session[people[0]].name = "anna".into();
    f.session.delete(people[2])?;
    f.session[passports[2]].number = "z".into();
    f.session.commit()?;
    has(
        &f,
        "SELECT number || coalesce(person_id, '-') FROM passports ORDER BY number",
        &["a2", "b1", "z-"],
    );
    assert_eq!(
        f.session.load(people[0], Person::PASSPORT)?,
        Some(passports[1])
    );
    assert_eq!(f.session.load(passports[2], Passport::PERSON)?, None);
    Ok(())
}

#[test]
fn a_tree_is_turned_over_in_one_flush() -> Result<()> {
    let mut f = Fixture::new()?;
    let nodes = f.session.add_all(["a", "b", "c", "d"].map(Node::new));
    for at in 1..4 {
        f.session
            .set(nodes[at], Node::PARENT, Some(nodes[at - 1]))?;
    }
    f.session.commit()?;
    for node in nodes {
        f.session.refresh(node)?;
        f.session.load(node, Node::CHILDREN)?;
    }
    f.session.set(nodes[0], Node::PARENT, Some(nodes[1]))?;
    f.session.set(nodes[1], Node::PARENT, Some(nodes[2]))?;
    f.session.set(nodes[2], Node::PARENT, Some(nodes[3]))?;
    f.session.set(nodes[3], Node::PARENT, None)?;
    f.session.flush()?;
    for at in 0..3 {
        assert_eq!(f.session.load(nodes[at + 1], Node::CHILDREN)?, [nodes[at]]);
    }
    let undone: Result<()> = f.session.savepoint(|s| {
        s.delete(nodes[3])?;
        s.flush()?;
        boom()
    });
    assert!(undone.is_err());
    f.session.commit()?;
    has(
        &f,
        "SELECT label || coalesce(parent_id, '-') FROM nodes ORDER BY id",
        &["a2", "b3", "c4", "d-"],
    );
    f.session.delete(nodes[2])?;
    f.session.commit()?;
    has(&f, "SELECT label FROM nodes", &["d"]);
    assert!(f.session.load(nodes[3], Node::CHILDREN)?.is_empty());
    Ok(())
}

#[test]
fn bulk_statements_between_pending_changes_of_the_same_rows() -> Result<()> {
    let mut f = Fixture::new()?;
    let authors = f.session.add_all([0, 1, 2].map(|n| Author {
        age: Some(n),
        ..Author::new(format!("n{n}"))
    }));
    f.session.commit()?;
    Author::query().all(&mut f.session)?;
    f.session[authors[0]].age = Some(10);
    f.session[authors[1]].name = "x".into();
    let raised = Author::query()
        .filter(Author::AGE.ge(2))
        .update()
        .set(Author::AGE, Some(77))
        .execute(&mut f.session)?;
    assert_eq!(raised, 2);
    f.session[authors[0]].height = Some(1.0);
    f.session[authors[2]].name = "y".into();
    f.session.delete(authors[1])?;
    f.session.commit()?;
    has(
        &f,
        "SELECT name || age || coalesce(height, '-') FROM authors ORDER BY id",
        &["n0771.0", "y77-"],
    );
    Author::query().all(&mut f.session)?;
    assert_eq!(f.session[authors[0]].age, Some(77));
    assert_eq!(f.session[authors[2]].age, Some(77));
    Ok(())
}

#[test]
fn a_graph_is_merged_onto_rows_that_change_in_the_same_flush() -> Result<()> {
    let mut f = Fixture::new()?;
    let album = f.session.add(Album {
        tracks: ["a", "b", "c"].map(|title| Track::new(title, 0)).into(),
        ..Album::new("x")
    });
    f.session.commit()?;
    f.session.refresh(album)?;
    let tracks = f.session.load(album, Album::TRACKS)?;
    f.session[tracks[0]].title = "own".into();
    f.session.delete(tracks[2])?;
    let merged = f.session.merge(Album {
        id: Auto::set(1),
        tracks: [
            Track {
                id: Auto::set(2),
                ..Track::new("merged", 1)
            },
            Track::new("new", 1),
        ]
        .into(),
        ..Album::new("y")
    })?;
    assert_eq!(merged, album);
    f.session.commit()?;
    has(&f, "SELECT title FROM albums", &["y"]);
    // What is not among the merged members stays.
    has(
        &f,
        "SELECT title FROM tracks ORDER BY id",
        &["own", "merged", "new"],
    );
    assert_eq!(f.session.load(album, Album::TRACKS)?.len(), 3);
    Ok(())
}

#[test]
fn embedded_and_deferred_values_through_savepoints_and_expiry() -> Result<()> {
    let mut f = Fixture::new()?;
    let address = |street: &str| Address {
        street: street.into(),
        zip: "11111".into(),
        country: None,
    };
    let customer = f.session.add(Customer {
        billing: Some(address("b")),
        ..Customer::new("c", address("h"))
    });
    f.session.commit()?;
    f.session.refresh(customer)?;
    let undone: Result<()> = f.session.savepoint(|s| {
        s[customer].billing = None;
        s[customer].home.street = "x".into();
        s.flush()?;
        s.expire(customer)?;
        s.get::<Customer>(1)?;
        s[customer].billing = Some(address("z"));
        s.flush()?;
        boom()
    });
    assert!(undone.is_err());
    f.session.refresh(customer)?;
    assert_eq!(f.session[customer].billing, Some(address("b")));
    f.session[customer].billing = None;
    f.session[customer].home.country = Some("q".into());
    f.session.commit()?;
    has(
        &f,
        "SELECT home_or FROM (SELECT street || zip || country || coalesce(billing_street, '-') AS home_or FROM customers)",
        &["h11111q-"],
    );
    f.session.refresh(customer)?;
    assert_eq!(f.session[customer].billing, None);
    Ok(())
}

#[test]
fn versions_through_savepoints_bulk_statements_and_expressions() -> Result<()> {
    let mut f = Fixture::new()?;
    let draft = f.session.add(Draft::new("a", "0"));
    f.session.commit()?;
    f.session.refresh(draft)?;
    f.session[draft].text = "1".into();
    f.session.flush()?;
    let undone: Result<()> = f.session.savepoint(|s| {
        s[draft].text = "2".into();
        s.flush()?;
        s[draft].text = "3".into();
        s.flush()?;
        boom()
    });
    assert!(undone.is_err());
    assert_eq!(f.session[draft].version, 2);
    f.session[draft].name = "b".into();
    f.session.flush()?;
    f.session
        .set_expr(draft, Draft::TEXT, Draft::TEXT.concat("x"))?;
    f.session.flush()?;
    f.session.refresh(draft)?;
    let version = f.session[draft].version;
    assert_eq!((&*f.session[draft].text, version), ("1x", 4));
    f.session.commit()?;
    has(&f, "SELECT name || text || version FROM drafts", &["b1x4"]);
    Ok(())
}

#[test]
fn two_sessions_change_different_columns_and_then_the_same() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    f.in_another_session(|s| {
        let ann = s.get::<Author>(1)?.expect("ann");
        s[ann].height = Some(2.0);
        Ok(())
    })?;
    f.session[ann].age = Some(1);
    f.session.commit()?;
    f.session.refresh(ann)?;
    assert_eq!(
        (f.session[ann].age, f.session[ann].height),
        (Some(1), Some(2.0))
    );
    f.session.commit()?;
    f.in_another_session(|s| {
        let ann = s.get::<Author>(1)?.expect("ann");
        s.delete(ann)
    })?;
    f.session[ann].age = Some(3);
    assert_eq!(f.session.commit().unwrap_err().kind(), ErrorKind::StaleData);
    f.session.rollback()?;
    assert_eq!(f.session.get::<Author>(1)?, None);
    f.session.add(Author {
        id: Auto::set(1),
        ..Author::new("new")
    });
    f.session.commit()?;
    has(&f, "SELECT name FROM authors", &["new"]);
    Ok(())
}

#[test]
fn many_to_many_through_deletes_clears_and_rekeys() -> Result<()> {
    let mut f = Fixture::new()?;
    let tags = f.session.add_all(["r", "s", "t"].map(Tag::new));
    let posts = f.session.add_all(["p", "q"].map(Post::new));
    for post in posts {
        for tag in tags {
            f.session.push(post, Post::TAGS, tag)?;
        }
    }
    f.session.commit()?;
    Tag::query().all(&mut f.session)?;
    Post::query().all(&mut f.session)?;
    f.session.remove(posts[0], Post::TAGS, tags[0])?;
    f.session.delete(tags[1])?;
    f.session[tags[2]].id = Auto::set(30);
    f.session[posts[1]].id = Auto::set(20);
    let new = f.session.add(Tag::new("s"));
    f.session.push(posts[1], Post::TAGS, new)?;
    f.session.commit()?;
    has(
        &f,
        "SELECT post_id || label FROM post_tags JOIN tags ON tags.id = tag_id ORDER BY post_id, label",
        &["1t", "20r", "20s", "20t"],
    );
    Post::query().all(&mut f.session)?;
    Tag::query().all(&mut f.session)?;
    assert_eq!(f.session.load(posts[0], Post::TAGS)?, [tags[2]]);
    assert_eq!(
        f.session.load(posts[1], Post::TAGS)?,
        [tags[2], new, tags[0]]
    );
    assert_eq!(f.session.load(tags[0], Tag::POSTS)?, [posts[1]]);
    Ok(())
}

#[test]
fn a_read_only_transaction_writes_nothing_and_keeps_what_is_pending() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    let options = selfsame::session::TransactionOptions::new().read_only();
    let result = f.session.transaction_with(options, |s| {
        s.refresh(ann)?;
        s[ann].age = Some(1);
        s.flush()
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(f.session[ann].age, None);
    f.session[ann].age = Some(2);
    f.session.commit()?;
    has(&f, "SELECT CAST(age AS TEXT) FROM authors", &["2"]);
    Ok(())
}

#[test]
fn teams_and_leaders_in_cycles_are_replaced_in_one_flush() -> Result<()> {
    let mut f = Fixture::new()?;
    let team = f.session.add(Team::new("x"));
    let [a, b] = f
        .session
        .add_all(["a", "b"].map(|name| Member::new(name, 0)));
    for member in [a, b] {
        f.session.push(team, Team::MEMBERS, member)?;
    }
    f.session.set(team, Team::LEADER, Some(a))?;
    f.session.commit()?;
    f.session.refresh(team)?;
    f.session.load(team, Team::MEMBERS)?;
    let c = f.session.add(Member::new("c", 0));
    f.session.set(team, Team::LEADER, Some(c))?;
    f.session.replace(team, Team::MEMBERS, [b, c])?;
    f.session.commit()?;
    has(
        &f,
        "SELECT teams.name || members.name FROM teams JOIN members ON members.id = leader_id",
        &["xc"],
    );
    has(&f, "SELECT name FROM members ORDER BY name", &["b", "c"]);
    assert_eq!(f.session.load(team, Team::LEADER)?, Some(c));
    f.session.delete(team)?;
    f.session.commit()?;
    f.holds::<Member>(0);
    Ok(())
}

#[test]
fn a_region_is_renamed_while_its_shops_come_and_go() -> Result<()> {
    let mut f = Fixture::new()?;
    let north = f.session.add(Region::new("n"));
    let shops = f
        .session
        .add_all([1, 2].map(|number| Shop::new("n", number, false)));
    f.session.commit()?;
    Region::query().all(&mut f.session)?;
    Shop::query().all(&mut f.session)?;
    f.session[north].code = "m".into();
    f.session.delete(shops[0])?;
    f.session[shops[1]].number = 1;
    let new = f.session.add(Shop::new("", 2, true));
    f.session.push(north, Region::SHOPS, new)?;
    let south = f.session.add(Region::new("n"));
    f.session.commit()?;
    has(
        &f,
        "SELECT region_code || number || open FROM shops ORDER BY number",
        &["m10", "m21"],
    );
    Shop::query().all(&mut f.session)?;
    assert_eq!(f.session.load(north, Region::SHOPS)?, [shops[1], new]);
    assert!(f.session.load(south, Region::SHOPS)?.is_empty());
    Ok(())
}

#[test]
fn clear_and_close_in_the_middle_lose_only_what_was_pending() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.flush()?;
    f.session[ann].age = Some(1);
    f.session.clear();
    assert!(f.session.try_ref(ann).is_err());
    let ann = Author::query().one(&mut f.session)?;
    assert_eq!(f.session[ann].age, None);
    f.session[ann].age = Some(2);
    f.session.commit()?;
    has(&f, "SELECT CAST(age AS TEXT) FROM authors", &["2"]);
    f.session.add(Author::new("bob"));
    f.session.flush()?;
    f.session.close();
    f.session.add(Author::new("eve"));
    f.session.commit()?;
    has(&f, "SELECT name FROM authors ORDER BY id", &["ann", "eve"]);
    Ok(())
}

#[test]
fn computed_columns_and_variants_change_in_hooks() -> Result<()> {
    let mut f = Fixture::new()?;
    let line = f.session.add(Line::new(2, 3));
    let vehicle = f
        .session
        .add(Vehicle::new("v", crate::fixture::Kind::Bicycle));
    f.session.commit()?;
    f.session.refresh(line)?;
    f.session.refresh(vehicle)?;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    f.session.hook(Hook::before_update(move |line: &mut Line| {
        line.amount += 1;
        Ok(())
    }));
    f.session.hook(Hook::after_update(move |line: &Line| {
        log.lock().expect("a lock").push(line.amount);
        Ok(())
    }));
    f.session[line].price = 5;
    f.session[vehicle].kind = crate::fixture::Kind::Car {
        doors: 4,
        color: None,
    };
    f.session.commit()?;
    has(&f, "SELECT CAST(total AS TEXT) FROM lines", &["20"]);
    f.session.refresh(line)?;
    assert_eq!(*f.session[line].total, 20);
    assert_eq!(*seen.lock().expect("a lock"), [4]);
    f.session[line].price = 6;
    f.session.rollback()?;
    assert_eq!(f.session[line].price, 5);
    Ok(())
}

#[test]
fn savepoints_thirty_deep_are_undone_from_any_depth() -> Result<()> {
    fn go(s: &mut Session, ann: Handle<Author>, depth: i32, fails_at: i32) -> Result<()> {
        s.savepoint(|s| {
            s[ann].age = Some(depth);
            let book = s.add(Book::new(format!("b{depth}")));
            s.set(book, Book::AUTHOR, Some(ann))?;
            if depth < 30 {
                let inner = go(s, ann, depth + 1, fails_at);
                if depth >= fails_at {
                    inner?;
                }
                return Ok(());
            }
            boom()
        })
    }
    for fails_at in [1, 2, 15, 29, 30] {
        let mut f = Fixture::new()?;
        let ann = f.session.add(Author::new("ann"));
        f.session.commit()?;
        f.session.refresh(ann)?;
        f.session.load(ann, Author::BOOKS)?;
        let done = go(&mut f.session, ann, 1, fails_at);
        assert_eq!(done.is_ok(), fails_at > 1);
        let kept = usize::try_from(fails_at - 1).unwrap_or_default();
        assert_eq!(f.session[ann].age, (kept > 0).then_some(fails_at - 1));
        assert_eq!(f.session.load(ann, Author::BOOKS)?.len(), kept);
        f.session.commit()?;
        f.holds::<Book>(u64::try_from(kept).unwrap_or_default());
        f.session.refresh(ann)?;
        assert_eq!(f.session[ann].age, (kept > 0).then_some(fails_at - 1));
    }
    Ok(())
}

#[test]
fn everything_expires_while_relations_are_set() -> Result<()> {
    let mut f = Fixture::new()?;
    let [ann, bob] = f.session.add_all([Author::new("ann"), Author::new("bob")]);
    let books = f.session.add_all(["a", "b"].map(Book::new));
    f.session.set(books[0], Book::AUTHOR, Some(ann))?;
    f.session.commit()?;
    f.session.load(ann, Author::BOOKS)?;
    f.session.set(books[0], Book::AUTHOR, Some(bob))?;
    f.session.push(ann, Author::BOOKS, books[1])?;
    f.session.expire_all();
    assert_eq!(f.session.load(bob, Author::BOOKS)?, [books[0]]);
    assert_eq!(f.session.load(ann, Author::BOOKS)?, [books[1]]);
    f.session.commit()?;
    has(
        &f,
        "SELECT title || author_id FROM books ORDER BY title",
        &["a2", "b1"],
    );
    Ok(())
}

#[test]
fn unique_values_pass_on_through_a_savepoint_that_is_undone_and_repeated() -> Result<()> {
    let mut f = Fixture::new()?;
    let authors = f.session.add_all(["a", "b", "c"].map(Author::new));
    f.session.commit()?;
    Author::query().all(&mut f.session)?;
    let rotate = |s: &mut Session| {
        s[authors[0]].name = "b".into();
        s[authors[1]].name = "c".into();
        s.delete(authors[2])?;
        s.add(Author::new("a"));
        s.flush()
    };
    let undone: Result<()> = f.session.savepoint(|s| {
        rotate(s)?;
        boom()
    });
    assert!(undone.is_err());
    let names = authors.map(|author| f.session[author].name.clone());
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(f.session.state(authors[2]), State::Persistent);
    rotate(&mut f.session)?;
    f.session.commit()?;
    has(&f, "SELECT name FROM authors ORDER BY id", &["b", "c", "a"]);
    Ok(())
}

#[test]
fn a_row_deleted_elsewhere_does_not_stop_what_does_not_need_it() -> Result<()> {
    let mut f = Fixture::new()?;
    let [ann, bob] = f.session.add_all([Author::new("ann"), Author::new("bob")]);
    let books = f.session.add_all(["a", "b"].map(Book::new));
    for book in books {
        f.session.set(book, Book::AUTHOR, Some(ann))?;
    }
    f.session.commit()?;
    f.session.load(ann, Author::BOOKS)?;
    f.session.commit()?;
    f.in_another_session(|s| s.sql("DELETE FROM books WHERE title = 'a'", ()).execute())?;
    f.session.set(books[1], Book::AUTHOR, Some(bob))?;
    f.session[ann].age = Some(1);
    f.session.commit()?;
    assert!(f.session.load(ann, Author::BOOKS)?.is_empty());
    assert_eq!(f.session.load(bob, Author::BOOKS)?, [books[1]]);
    f.session.delete(bob)?;
    f.session.commit()?;
    has(
        &f,
        "SELECT title || coalesce(author_id, '-') FROM books",
        &["b-"],
    );
    Ok(())
}

#[test]
fn hooks_add_graphs_inside_savepoints_with_errors() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.hook(Hook::after_insert(|_: &Album| Ok(())));
    f.session.hook(Hook::before_flush(|s| {
        let albums = s.new_objects::<Album>();
        for album in albums {
            let track = s.add(Track::new("made", 0));
            s.push(album, Album::TRACKS, track)?;
        }
        Ok(())
    }));
    let x = f.session.add(Album::new("x"));
    let undone: Result<()> = f.session.savepoint(|s| {
        s.add(Album::new("y"));
        s.flush()?;
        boom()
    });
    assert!(undone.is_err());
    f.session.commit()?;
    has(
        &f,
        "SELECT albums.title || tracks.title FROM tracks JOIN albums ON albums.id = album_id",
        &["xmade"],
    );
    assert_eq!(f.session.load(x, Album::TRACKS)?.len(), 1);
    Ok(())
}

#[test]
fn a_refresh_in_the_middle_drops_only_the_changes_of_its_object() -> Result<()> {
    let mut f = Fixture::new()?;
    let [ann, bob] = f.session.add_all([Author::new("ann"), Author::new("bob")]);
    f.session.commit()?;
    Author::query().all(&mut f.session)?;
    f.session[ann].age = Some(1);
    f.session[bob].age = Some(2);
    f.session
        .set_expr(ann, Author::HEIGHT, Author::HEIGHT + 1.0)?;
    f.session.refresh(ann)?;
    f.session[ann].height = Some(5.0);
    f.session.commit()?;
    has(
        &f,
        "SELECT name || coalesce(age, '-') || coalesce(height, '-') FROM authors ORDER BY id",
        &["ann-5.0", "bob2-"],
    );
    Ok(())
}
