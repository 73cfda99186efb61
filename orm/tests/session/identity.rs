//! One row, one handle.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result, assert_statements};

use crate::fixture::{Author, Book, Fixture, House, Seat};

#[test]
fn a_mapped_row_costs_nothing() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.flush()?;
    f.sends(&[
        "BEGIN IMMEDIATE",
        "INSERT INTO authors (name, age, height) 1",
    ]);
    assert_eq!(f.session.get::<Author>(1)?, Some(ann));
    f.sends(&[]);
    assert_eq!(f.session.get::<Author>(2)?, None);
    f.sends(&["SELECT authors WHERE id = ?"]);
    f.session.commit()?;
    f.sends(&["COMMIT"]);
    assert_eq!(f.session.get::<Author>(1)?, Some(ann));
    f.sends(&["BEGIN", "SELECT authors WHERE id = ?"]);
    Ok(())
}

#[test]
fn a_handle_is_printed_as_its_type_and_place() -> Result<()> {
    let mut f = Fixture::new()?;
    let authors = f.session.add_all(["ann", "bob"].map(Author::new));
    assert_eq!(format!("{authors:?}"), "[Author#0, Author#1]");
    Ok(())
}

#[test]
fn a_query_keeps_what_is_loaded_and_fills_what_expired() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    f.in_another_session(|s| {
        let ann = s.get::<Author>(1)?.expect("ann");
        s[ann].age = Some(30);
        Ok(())
    })?;
    assert_eq!(f.session[ann].age, None, "the last known value");
    assert_eq!(Author::query().all(&mut f.session)?, [ann]);
    assert_eq!(f.session[ann].age, Some(30));

    let none: Vec<Handle<Author>> = f.session.no_autoflush(|s| {
        s[ann].age = Some(99);
        assert_eq!(Author::query().all(s)?, [ann]);
        assert_eq!(s[ann].age, Some(99), "a loaded value is kept");
        Author::query().populate_existing().all(s)?;
        assert_eq!(s[ann].age, Some(30), "and overwritten on request");
        Ok(s.dirty::<Author>())
    })?;
    assert_eq!(none, []);
    Ok(())
}

#[test]
fn two_objects_of_one_key_are_refused_at_the_flush() -> Result<()> {
    let mut f = Fixture::new()?;
    let seat = |taken| Seat::new(1, "a", taken);
    f.session.add(seat(false));
    f.session.flush()?;
    f.session.add(seat(true));
    let error = f.session.flush().expect_err("one key, two objects");
    assert_eq!(error.kind(), ErrorKind::IdentityConflict);
    f.session.rollback()?;
    f.session.add_all([seat(false), seat(true)]);
    let error = f.session.commit().expect_err("one key, two objects");
    assert_eq!(error.kind(), ErrorKind::IdentityConflict);
    f.holds::<Seat>(0);
    Ok(())
}

#[test]
fn composite_keys_obey() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b] = f
        .session
        .add_all([Seat::new(1, "a", false), Seat::new(1, "b", true)]);
    f.session.commit()?;
    f.forget();
    assert_eq!(
        f.session.get_many::<Seat>([
            (1, "b".to_owned()),
            (7, "x".to_owned()),
            (1, "a".to_owned())
        ])?,
        [b, a]
    );
    assert_eq!(f.sent().len(), 2, "BEGIN and one SELECT");
    assert_eq!(f.session.get::<Seat>((1, "a".to_owned()))?, Some(a));
    f.sends(&[]);
    f.session[a].taken = true;
    f.session.flush()?;
    f.sends(&["UPDATE seats SET taken = ? WHERE row = ? AND place = ?"]);
    Ok(())
}

#[test]
fn a_changed_key_moves_in_the_map_and_back() -> Result<()> {
    let mut f = Fixture::new()?;
    let a = f.session.add(Seat::new(1, "a", false));
    f.session.commit()?;
    f.session.get::<Seat>((1, "a".to_owned()))?;
    f.session[a].place = "z".into();
    f.session.flush()?;
    assert_eq!(f.session.get::<Seat>((1, "z".to_owned()))?, Some(a));
    assert_eq!(f.session.get::<Seat>((1, "a".to_owned()))?, None);
    f.session.rollback()?;
    assert_eq!(f.session[a].place, "a");
    assert_eq!(f.session.get::<Seat>((1, "a".to_owned()))?, Some(a));
    assert_eq!(f.session.get::<Seat>((1, "z".to_owned()))?, None);
    Ok(())
}

#[test]
fn handles_outlive_nothing() -> Result<()> {
    let mut f = Fixture::new()?;
    let [ann, bob] = f.session.add_all([Author::new("ann"), Author::new("bob")]);
    f.session.commit()?;
    f.session.expunge(ann)?;
    assert_eq!(f.session.state(ann), State::Detached);
    let kind = |s: &Session, h| s.try_ref::<Author>(h).map(|_| ()).map_err(|e| e.kind());
    assert_eq!(kind(&f.session, ann), Err(ErrorKind::StaleHandle));
    assert_ne!(f.session.get::<Author>(1)?, Some(ann), "a new slot");

    f.session.delete(bob)?;
    f.session.commit()?;
    assert_eq!(kind(&f.session, bob), Err(ErrorKind::StaleHandle));
    assert_eq!(
        f.session.take(bob)?.name,
        "bob",
        "the value stays until it is taken"
    );
    assert_eq!(
        f.session.take(bob).map_err(|e| e.kind()).err(),
        Some(ErrorKind::StaleHandle)
    );

    let eve = f.session.add(Author::new("eve"));
    f.session.clear();
    assert_eq!(kind(&f.session, eve), Err(ErrorKind::ForeignHandle));
    assert_eq!(
        f.session.delete(eve).map_err(|e| e.kind()),
        Err(ErrorKind::ForeignHandle)
    );
    let other = Session::new(&f.engine);
    assert_eq!(kind(&other, ann), Err(ErrorKind::ForeignHandle));
    f.session.commit()?;
    f.holds::<Author>(1);
    Ok(())
}

#[test]
fn expired_and_changed_objects_are_found_without_a_flush() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    f.session.no_autoflush(|s| {
        s[ann].age = Some(3);
        assert_eq!(s.get::<Author>(1)?, Some(ann));
        assert_eq!(s.get_many::<Author>([1])?, [ann]);
        Ok(())
    })
}

#[test]
fn loaded_objects_are_among_those_of_many_keys() -> Result<()> {
    let mut f = Fixture::new()?;
    let all = f.session.add_all(["ann", "bob", "cid"].map(Author::new));
    f.session.commit()?;
    let bob = f.session.get::<Author>(2)?;
    assert_eq!(bob, Some(all[1]));
    assert_eq!(f.session.get_many::<Author>([1, 2, 4])?, all[..2]);
    assert_statements!(f.session, 0, {
        assert_eq!(f.session.get_many::<Author>([2, 1])?, [all[1], all[0]]);
    });
    assert_eq!(
        f.session.get_many::<Author>([3, 2, 1, 3])?,
        [all[2], all[1], all[0], all[2]]
    );
    Ok(())
}

#[test]
fn a_key_that_the_database_gives_out_again_is_the_new_object_s() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    f.in_another_session(|s| {
        let ann = s.get::<Author>(1)?.expect("ann");
        s.delete(ann)
    })?;
    let bob = f.session.add(Author::new("bob"));
    f.session.commit()?;
    assert_eq!(f.session[bob].id.get(), Some(&1));
    assert_eq!(f.session.get::<Author>(1)?, Some(bob));
    assert_eq!(f.session.state(ann), State::Detached);
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "turns")]
struct Turn {
    #[orm(primary_key)]
    id: Auto<i16>,
    who: String,
}

#[test]
fn keys_of_a_narrow_type_are_counted_to_their_end() -> Result<()> {
    let f = Fixture::new()?;
    metadata![Turn].create_all(&f.outside)?;
    let mut session = Session::new(&f.engine);
    let turns = session.add_all(["a", "b", "c"].map(Turn::new));
    session.flush()?;
    assert_eq!(turns.map(|turn| *session[turn].id), [1, 2, 3]);
    session.add(Turn {
        id: (i16::MAX - 1).into(),
        ..Turn::new("d")
    });
    session.flush()?;
    session.add_all(["e", "f"].map(Turn::new));
    let error = session.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
    assert_eq!(error.entity_name(), Some("Turn"));
    Ok(())
}

#[test]
fn what_is_overwritten_has_no_old_collections() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author {
        books: [Book::new("x")].into(),
        ..Author::new("ann")
    });
    f.session.commit()?;
    let titles = |s: &mut Session| -> Result<Vec<String>> {
        let books = s.load(ann, Author::BOOKS)?;
        Ok(books.iter().map(|&book| s[book].title.clone()).collect())
    };
    type Reread = fn(&mut Session) -> Result<Vec<Handle<Author>>>;
    let ways: [(&str, Reread); 4] = [
        ("lazy", |s| Author::query().populate_existing().all(s)),
        ("selectin", |s| {
            let query = Author::query().with(Author::BOOKS.selectin());
            query.populate_existing().all(s)
        }),
        ("joined", |s| {
            let query = Author::query().with(Author::BOOKS.joined());
            query.populate_existing().all(s)
        }),
        ("joined below", |s| {
            let query = Book::query().with(Book::AUTHOR.joined().then(Author::BOOKS.joined()));
            query.populate_existing().all(s)?;
            Author::query().all(s)
        }),
    ];
    let gift = "CREATE TRIGGER gift AFTER INSERT ON houses BEGIN \
                INSERT INTO books (title, author_id) VALUES (new.street, 1); END";
    f.session.sql(gift, ()).execute()?;
    let mut expected = vec!["x".to_owned()];
    for (way, reread) in ways {
        assert_eq!(titles(&mut f.session)?, expected);
        f.session.commit()?;
        assert_eq!(titles(&mut f.session)?, expected);
        expected.push(way.to_owned());
        // A row that memory does not know of, in the same transaction.
        f.session.add(House::new(way));
        assert_eq!(reread(&mut f.session)?, [ann], "{way}");
        assert_eq!(titles(&mut f.session)?, expected, "{way}");
    }
    // Pushed and unflushed members are forgotten with the reference that was set.
    f.session.no_autoflush(|s| {
        let before = s.load(ann, Author::BOOKS)?;
        let book = before[0];
        s.set(book, Book::AUTHOR, None)?;
        assert_eq!(s.load(ann, Author::BOOKS)?.len(), before.len() - 1);
        let query = Author::query().with(Author::BOOKS.joined());
        query.populate_existing().all(s)?;
        assert_eq!(s.load(ann, Author::BOOKS)?, before);
        assert_eq!(s.load(book, Book::AUTHOR)?, Some(ann));
        Ok(())
    })
}
