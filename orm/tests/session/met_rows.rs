//! Rows that this session inserted without objects, or whose objects have left, and read later: when a rollback undoes them, their objects are like added ones.

use selfsame::prelude::*;
use selfsame::session::State;
use selfsame::{Error, ErrorKind, Result, sql};

use crate::fixture::{Author, Book, Fixture, Region, Shop};

fn boom<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Database, "boom"))
}

type Insert = fn(&mut Session) -> Result<()>;

/// Ways to insert the author 2 without an object.
const INSERTIONS: [(&str, Insert); 6] = [
    ("insert_all", |s| {
        s.insert_all([Author::new("new")]).map(drop)
    }),
    ("insert_all with a key", |s| {
        let id = Auto::set(2);
        s.insert_all([Author {
            id,
            ..Author::new("new")
        }])
        .map(drop)
    }),
    ("raw", |s| {
        let insert = "INSERT INTO authors (id, name) VALUES (2, 'new')";
        s.sql(insert, ()).execute().map(drop)
    }),
    ("statement", |s| {
        let insert = sql::insert_into(Author::table()).columns((Author::NAME,));
        s.execute(&insert.values(("new",))).map(drop)
    }),
    ("expunged", |s| {
        let new = s.add(Author::new("new"));
        s.flush()?;
        s.expunge(new).map(drop)
    }),
    ("cleared", |s| {
        s.add(Author::new("new"));
        s.flush()?;
        s.clear();
        Ok(())
    }),
];

type Work<'a> = &'a mut dyn FnMut(&mut Session) -> Result<()>;
type Undo = fn(&mut Session, Work<'_>, Work<'_>) -> Result<()>;

/// Ways to undo an insertion and the reading of its row.
const UNDONE: [(&str, Undo); 5] = [
    ("rollback", |s, insert, read| {
        insert(s)?;
        read(s)?;
        s.rollback()
    }),
    ("transaction", |s, insert, read| {
        let undone = s.transaction(|s| {
            insert(s)?;
            read(s)?;
            boom::<()>()
        });
        assert!(undone.is_err());
        Ok(())
    }),
    ("savepoint", |s, insert, read| {
        let undone = s.savepoint(|s| {
            insert(s)?;
            read(s)?;
            boom::<()>()
        });
        assert!(undone.is_err());
        Ok(())
    }),
    ("read in an undone savepoint", |s, insert, read| {
        insert(s)?;
        let undone = s.savepoint(|s| {
            read(s)?;
            boom::<()>()
        });
        assert!(undone.is_err());
        s.rollback()
    }),
    ("inserted in a savepoint", |s, insert, read| {
        let undone = s.savepoint(|s| {
            s.savepoint(&mut *insert)?;
            s.savepoint(&mut *read)?;
            boom::<()>()
        });
        assert!(undone.is_err());
        Ok(())
    }),
];

#[test]
fn objects_of_undone_rows_are_transient() -> Result<()> {
    for (how, insert) in INSERTIONS {
        for (place, undo) in UNDONE {
            let name = format!("{how}, {place}");
            let mut f = Fixture::new()?;
            f.in_another_session(|s| {
                s.add(Author::new("old"));
                s.commit()
            })?;
            let s = &mut f.session;
            let mut met = Vec::new();
            undo(s, &mut |s| insert(s), &mut |s| {
                met = Author::query().order_by(Author::ID.asc()).all(s)?;
                Ok(())
            })?;
            let [old, new] = met[..] else {
                panic!("{name}: two rows were read");
            };
            assert_eq!(s.state(old), State::Persistent, "{name}");
            assert_eq!(s.state(new), State::Transient, "{name}");
            assert_eq!(s[new].name, "new", "{name}");
            // What the other object is assigned is written.
            s.get::<Author>(1)?;
            s[old].age = Some(7);
            // Relating the object adds it again.
            let book = s.add(Book::new("book"));
            s.set(book, Book::AUTHOR, Some(new))?;
            s.commit()?;
            let rows = s.sql("SELECT name, age FROM authors ORDER BY id", ());
            let rows = rows.all::<(String, Option<i32>)>()?;
            let expected = [("old".to_owned(), Some(7)), ("new".to_owned(), None)];
            assert_eq!(rows, expected, "{name}");
            let rows = s.sql("SELECT author_id FROM books", ());
            assert_eq!(rows.one::<(i64,)>()?, (*s[new].id,), "{name}");
        }
    }
    Ok(())
}

#[test]
fn an_object_that_was_changed_and_deleted_is_transient() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let mut met = None;
    let undone = s.transaction(|s| {
        s.insert_all([Region::new("a"), Region::new("b")])?;
        let regions = Region::query().order_by(Region::CODE.asc()).all(s)?;
        s[regions[0]].code = "c".to_owned();
        s.flush()?;
        s.delete(regions[1])?;
        s.flush()?;
        met = Some([regions[0], regions[1]]);
        boom::<()>()
    });
    assert!(undone.is_err());
    let [renamed, deleted] = met.expect("they were read");
    for (region, code) in [(renamed, "a"), (deleted, "b")] {
        assert_eq!(
            (s.state(region), &*s[region].code),
            (State::Transient, code)
        );
    }
    let value = s.take(renamed)?;
    s.add(value);
    s.add(Shop {
        region: deleted.into(),
        ..Shop::new("", 1, true)
    });
    s.commit()?;
    let rows = s.sql("SELECT code FROM regions ORDER BY code", ());
    assert_eq!(rows.all::<(String,)>()?.len(), 2);
    Ok(())
}

/// Nothing is asked where nothing can have been undone.
#[test]
fn rows_that_were_read_before_are_not_asked_for() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|s| {
        s.add(Author::new("old"));
        s.commit()
    })?;
    let s = &mut f.session;
    let old = Author::query().one(s)?;
    s.insert_all([Author::new("new")])?;
    let log = s.log_statements();
    s.rollback()?;
    log.expect(0);
    assert_eq!(s.state(old), State::Persistent);
    s.insert_all([Author::new("new")])?;
    s.commit()?;
    Author::query().all(s)?;
    let log = s.log_statements();
    s.rollback()?;
    log.expect(0);
    Ok(())
}
