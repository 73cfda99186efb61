//! Rows so long that few of them fit into one statement.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Draft, Fixture, Passport, Seat};

/// Five of these fit into one statement.
fn long(n: u8) -> String {
    format!("{n}{}", "x".repeat(3 << 20))
}

/// Has generated columns that are read back beside what was sent.
#[derive(Entity, Clone, Debug)]
#[orm(table = "essays")]
struct Essay {
    #[orm(primary_key)]
    id: Auto<i64>,
    text: String,
    #[orm(computed = "length(text)")]
    size: Auto<i64>,
}

/// The statements sent since the last call that begin like this.
fn sent(f: &Fixture, what: &str) -> Vec<String> {
    let sent = f.sent().into_iter();
    sent.filter(|text| text.starts_with(what)).collect()
}

#[test]
fn new_rows_are_sent_by_powers_of_two() -> Result<()> {
    let mut f = Fixture::new()?;
    metadata![Essay].create_all(&f.engine)?;
    f.forget();
    let seats = (0..7).map(|n| Seat::new(1, long(n), false));
    f.session.add_all(seats.collect::<Vec<_>>());
    f.session.flush()?;
    let insert = "INSERT INTO seats (row, place, taken)";
    assert_eq!(
        sent(&f, "INSERT"),
        [format!("{insert} 4"), format!("{insert} 3")]
    );
    let essays = (0..7).map(|n| Essay::new(long(n)));
    let essays = f.session.add_all(essays.collect::<Vec<_>>());
    f.session.flush()?;
    let insert = "INSERT INTO essays (text)";
    assert_eq!(
        sent(&f, "INSERT"),
        [format!("{insert} 4"), format!("{insert} 3")]
    );
    for (n, essay) in (1..).zip(essays) {
        assert_eq!(*f.session[essay].id, n);
        assert_eq!(*f.session[essay].size, 1 + (3 << 20));
    }
    Ok(())
}

#[test]
fn rows_with_long_keys_are_changed_and_deleted() -> Result<()> {
    let mut f = Fixture::new()?;
    let drafts = (0..7).map(|n| Draft::new(long(n), "a"));
    let drafts = f.session.add_all(drafts.collect::<Vec<_>>());
    let passports = (0..7).map(|n| Passport::new(long(n)));
    let passports = f.session.add_all(passports.collect::<Vec<_>>());
    f.session.flush()?;
    f.forget();
    for &draft in &drafts {
        let text = Draft::TEXT.concat("!");
        f.session.set_expr(draft, Draft::TEXT, text)?;
    }
    f.session.flush()?;
    // One parameter of the expression, one of the version, and the keys.
    let sent = sent(&f, "UPDATE");
    let parameters = sent.iter().map(|text| text.matches('?').count());
    assert_eq!(parameters.collect::<Vec<_>>(), [2 + 2 * 5, 2 + 2 * 2]);
    for &passport in &passports {
        f.session.delete(passport)?;
    }
    f.session.commit()?;
    f.holds::<Passport>(0);
    Ok(())
}

#[test]
fn rows_with_long_keys_are_looked_up() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|s| {
        s.add_all((0..7).map(|n| Passport::new(long(n))).collect::<Vec<_>>());
        Ok(())
    })?;
    let found = f.session.get_many::<Passport>((0..7).map(long))?;
    let numbers = found
        .iter()
        .map(|&passport| f.session[passport].number.clone());
    assert!(numbers.eq((0..7).map(long)));
    f.session.add_all([1, 2].map(|n| Passport::new(long(n))));
    let error = f.session.flush().expect_err("they are there");
    assert_eq!(error.kind(), ErrorKind::IdentityConflict);
    Ok(())
}
