//! A new object that takes over the row of a deleted one leaves in it what an INSERT would: also in the columns that it does not set.

use selfsame::prelude::*;
use selfsame::record::RecordTables;
use selfsame::schema::Table;
use selfsame::{ErrorKind, Result};
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "tickets")]
struct Ticket {
    #[orm(primary_key)]
    code: String,
    title: String,
    #[orm(server_default = "'new'")]
    status: Auto<String>,
    #[orm(server_default = "(40 + 2)")]
    weight: Auto<Option<i32>>,
    #[orm(computed = "length(title)")]
    length: Auto<i64>,
    note: Deferred<Option<String>>,
    #[orm(server_default = "'wax?'")]
    seal: Deferred<String>,
    #[orm(back_populates = ticket)]
    stubs: HasMany<Stub>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "stubs")]
struct Stub {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "tickets.code", on_delete = "cascade")]
    ticket_code: Option<String>,
    #[orm(back_populates = stubs)]
    ticket: BelongsTo<Ticket>,
}

/// Must belong to a ticket.
#[derive(Entity, Clone, Debug)]
#[orm(table = "coupons")]
struct Coupon {
    #[orm(primary_key)]
    number: i32,
    #[orm(references = "tickets.code")]
    ticket_code: String,
    value: Option<i32>,
}

/// Its text is loaded on request, and required.
#[derive(Entity, Clone, Debug)]
#[orm(table = "scrolls")]
struct Scroll {
    #[orm(primary_key)]
    code: String,
    text: Deferred<String>,
}

type Row = (String, Option<i32>, i64, Option<String>, String);

/// What the database gives to a row of which only the key and the title `fresh` are given.
fn fresh() -> Row {
    ("new".to_owned(), Some(42), 5, None, "wax?".to_owned())
}

/// A ticket `a` whose every column was changed.
fn used(session: &mut Session) -> Result<Handle<Ticket>> {
    let used = Ticket {
        status: Auto::set("used".to_owned()),
        weight: Auto::set(None),
        note: Some("an old note".to_owned()).into(),
        seal: "broken".to_owned().into(),
        ..Ticket::new("a", "old")
    };
    let old = session.add(used);
    session.commit()?;
    Ok(old)
}

fn row(session: &mut Session, code: &str) -> Result<Row> {
    let text = "SELECT status, weight, length, note, seal FROM tickets WHERE code = ?";
    session.sql(text, (code.to_owned(),)).one()
}

/// The object shows what is in the row.
fn shows_its_row(session: &mut Session, ticket: Handle<Ticket>) -> Result<()> {
    let (status, weight, length, note, seal) = row(session, "a")?;
    session.get::<Ticket>("a".to_owned())?;
    assert_eq!(session[ticket].status, Auto::set(status));
    assert_eq!(session[ticket].weight, Auto::set(weight));
    assert_eq!(session[ticket].length, Auto::set(length));
    assert_eq!(session.undefer(ticket, Ticket::NOTE)?, &note);
    assert_eq!(session.undefer(ticket, Ticket::SEAL)?, &seal);
    Ok(())
}

#[test]
fn what_is_not_set_is_as_in_a_new_row() -> Result<()> {
    for (loads_all, is_expired) in [(false, false), (true, false), (false, true), (true, true)] {
        let engine = Engine::new(Sqlite::memory());
        metadata![Ticket, Stub, Coupon, Scroll].create_all(&engine)?;
        let mut session = Session::new(&engine);
        used(&mut session)?;
        drop(session);
        let mut session = Session::new(&engine);
        let old = session.get::<Ticket>("a".to_owned())?.expect("a row");
        if loads_all {
            session.undefer(old, Ticket::NOTE)?;
            session.undefer(old, Ticket::SEAL)?;
        }
        if is_expired {
            session.commit()?;
        }
        session.delete(old)?;
        let new = session.add(Ticket::new("a", "fresh"));
        session.flush()?;
        assert_eq!(row(&mut session, "a")?, fresh());
        shows_its_row(&mut session, new)?;

        session.rollback()?;
        assert_eq!(row(&mut session, "a")?.0, "used");
        assert_eq!(session[new].status, Auto::UNSET);
        let again = session[new].clone();
        session.delete(old)?;
        session.transaction(|session| {
            session.add(again);
            Ok(())
        })?;
        session.commit()?;
        assert_eq!(row(&mut session, "a")?, fresh());
        let new = session.get::<Ticket>("a".to_owned())?.expect("a row");
        shows_its_row(&mut session, new)?;
    }
    Ok(())
}

#[test]
fn what_is_set_is_kept() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Ticket, Stub, Coupon, Scroll].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let old = used(&mut session)?;
    session.delete(old)?;
    session.add(Ticket {
        status: Auto::set("mine".to_owned()),
        note: Some("a new note".to_owned()).into(),
        ..Ticket::new("a", "fresh")
    });
    session.commit()?;
    let (_, weight, length, _, seal) = fresh();
    let expected = (
        "mine".to_owned(),
        weight,
        length,
        Some("a new note".to_owned()),
        seal,
    );
    assert_eq!(row(&mut session, "a")?, expected);
    Ok(())
}

/// The row itself stays: a DELETE would take rows with it that have moved to the new object.
#[test]
fn rows_that_refer_to_it_stay() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Ticket, Stub, Coupon, Scroll].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let old = used(&mut session)?;
    let stub = session.add(Stub::new());
    session.set(stub, Stub::TICKET, Some(old))?;
    session.commit()?;
    session.delete(old)?;
    let new = session.add(Ticket::new("a", "fresh"));
    session.set(stub, Stub::TICKET, Some(new))?;
    session.commit()?;
    assert_eq!(row(&mut session, "a")?, fresh());
    assert_eq!(session.load(new, Ticket::STUBS)?, [stub]);
    let stubs = session.sql("SELECT ticket_code FROM stubs", ());
    assert_eq!(stubs.all::<(Option<String>,)>()?, [(Some("a".to_owned()),)]);
    Ok(())
}

/// It is deleted, though, before another row takes the key of the one that it refers to.
#[test]
fn a_row_below_one_whose_key_is_taken_is_deleted() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Ticket, Stub, Coupon, Scroll].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let old = used(&mut session)?;
    let other = session.add(Ticket::new("b", "other"));
    let coupon = session.add(Coupon {
        value: Some(5),
        ..Coupon::new(1, "a")
    });
    session.commit()?;
    session.delete(coupon)?;
    session.delete(old)?;
    session.get::<Ticket>("b".to_owned())?;
    session[other].code = "a".to_owned();
    let new = session.add(Coupon::new(1, "a"));
    session.commit()?;
    assert_eq!(session.get::<Ticket>("a".to_owned())?, Some(other));
    assert_eq!(session.get::<Coupon>(1)?, Some(new));
    let rows = session.sql("SELECT ticket_code, value FROM coupons", ());
    assert_eq!(
        rows.all::<(String, Option<i32>)>()?,
        [("a".to_owned(), None)]
    );
    let titles = session.sql("SELECT title FROM tickets", ());
    assert_eq!(titles.all::<(String,)>()?, [("other".to_owned(),)]);
    Ok(())
}

#[test]
fn a_required_column_is_missed_as_by_an_insert() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Ticket, Stub, Coupon, Scroll].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let old = session.add(Scroll::new("a", "long"));
    session.commit()?;
    let without = |code: &str| Scroll {
        text: Deferred::UNLOADED,
        ..Scroll::new(code, "")
    };
    for code in ["a", "b"] {
        session.delete(old)?;
        session.add(without(code));
        let error = session.commit().expect_err("requires a text");
        assert_eq!(error.kind(), ErrorKind::Validation, "{code}: {error}");
        session.rollback()?;
    }
    let texts = session.sql("SELECT text FROM scrolls", ());
    assert_eq!(texts.all::<(String,)>()?, [("long".to_owned(),)]);
    Ok(())
}

#[test]
fn records_do_as_entities_do() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Ticket, Stub, Coupon, Scroll].create_all(&engine)?;
    let metadata = RecordTables::new([Table::clone(Ticket::table())])
        .deferred("tickets", "note")
        .metadata()?;
    let tickets = metadata.records("tickets")?;
    let mut session = Session::new(&engine);
    used(&mut session)?;
    drop(session);
    let mut session = Session::new(&engine);
    let old = tickets.query().one(&mut session)?;
    session.delete(old)?;
    let mut new = tickets.record();
    new.set("code", "a")?;
    new.set("title", "fresh")?;
    session.add(new);
    session.commit()?;
    assert_eq!(row(&mut session, "a")?, fresh());
    Ok(())
}
