//! Rows that another transaction has changed or removed.

use selfsame::ErrorKind;
use selfsame::prelude::*;

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::{Letter, Seat, User, World};

pub(super) const CASES: &[Case] = &[
    Case::core("flush.stale.update", stale)
        .needs(&[Capability::Transactions, Capability::SecondConnection])
        .promise("An UPDATE or DELETE that matches no row is a `StaleData` error that names entity and key, never silent.")
        .hint("Report how many rows matched, including 0.")
        .covers(&[Rule(19)]),
    Case::core("flush.stale.whole", stale_whole)
        .since(11)
        .needs(&[Capability::Transactions])
        .promise("If one of several rows to update or delete no longer exists, none of them is written.")
        .hint("Of the backend, only rolling back a transaction matters here.")
        .covers(&[Rule(18), Rule(19)]),
    Case::core("flush.stale.changed", stale_changed)
        .since(13)
        .needs(&[Capability::Transactions, Capability::SecondConnection])
        .promise("If another connection deleted or changed one of several rows that were read and modified, the commit is `StaleData` and none of them is written.")
        .hint("Report how many rows of a batch matched, for each row or in total.")
        .covers(&[Rule(18), Rule(19), Rule(30)]),
    Case::core("flush.stale.replaced", stale_replaced)
        .since(21)
        .needs(&[Capability::Transactions, Capability::SecondConnection, Capability::GeneratedKeys])
        .promise("Deleting an object whose row another connection has removed is `StaleData`, also if a new row of the same flush gets its generated key: the new row is never deleted in its place, and a second try adds it.")
        .hint("Report how many rows a DELETE matched. Keys may be generated again for new rows, and may not.")
        .covers(&[Rule(4), Rule(19), Rule(31)]),
    Case::core("flush.version.counts", version_counts)
        .since(2)
        .promise("A version starts at 1, increases by one with each UPDATE that changes something, and stays otherwise.")
        .hint("The version is a column of the UPDATE's SET and of its WHERE.")
        .covers(&[Rule(19)]),
    Case::core("flush.version.lost_update", version_lost_update)
        .since(2)
        .needs(&[Capability::Transactions, Capability::SecondConnection])
        .promise("If two sessions read and write a row with a version, the second write is refused: no update is lost.")
        .hint("Report how many rows the UPDATE matched; a database that refuses the write itself reports a serialization failure.")
        .covers(&[Rule(19)]),
];

fn stale(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let keys = world.with_users(&["ann"])?;
    for deleting in [false, true] {
        let mut session = world.session();
        session.add(User::new(format!("gone {deleting}")));
        session.commit()?;
        let gone = User::query()
            .filter(User::ID.ne(keys[0]))
            .one(&mut session)?;
        let key = session[gone].id.get().copied().unwrap_or_default();
        // Another client deletes the row, in its own transaction.
        let mut expired = world.session();
        let same = expired.get::<User>(key)?;
        session.rollback()?;
        if let Some(same) = same {
            expired.delete(same)?;
        }
        expired.commit()?;
        if deleting {
            session.delete(gone)?;
        } else {
            session[gone].age = Some(1);
        }
        let result = session.flush();
        check!(
            matches!(&result, Err(error) if error.kind() == ErrorKind::StaleData && error.entity_name().is_some() && error.key_text().is_some()),
            "writing a row that is gone must be stale data with entity and key, returned {result:?}"
        );
        session.rollback()?;
    }
    Ok(())
}

fn stale_replaced(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let keys = world.with_users(&["first", "last"])?;
    let mut session = world.session();
    let last = session.get::<User>(keys[1])?;
    session.commit()?;
    let mut other = world.session();
    // The greatest key is free again; some databases use it for the next row.
    User::query()
        .filter(User::ID.eq(keys[1]))
        .delete()
        .execute(&mut other)?;
    other.commit()?;
    let Some(last) = last else {
        return Err(crate::Failure::Assertion("no last user".to_owned()));
    };
    session.delete(last)?;
    let new = session.add(User::new("new"));
    let result = session.commit();
    check!(
        matches!(&result, Err(error) if error.kind() == ErrorKind::StaleData && error.entity_name().is_some()),
        "deleting a row that is gone must be stale data, returned {result:?}"
    );
    session.rollback()?;
    let names = |world: &World| -> CaseResult<Vec<String>> {
        Ok(world.users()?.into_iter().map(|user| user.name).collect())
    };
    check_eq!(names(&world)?, ["first"], "the rows after the rollback");
    let mut value = session.take(new)?;
    value.id = Auto::default();
    let again = session.add(value);
    session.commit()?;
    check_eq!(
        names(&world)?,
        ["first", "new"],
        "the rows after the second try"
    );
    let key = session[again].id.get().copied().unwrap_or_default();
    check_eq!(
        session.get::<User>(key)?,
        Some(again),
        "the object of the new row, whatever its key"
    );
    Ok(())
}

fn version_counts(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let names = || (0..3).map(|i| format!("letter {i}"));
    let letters: Vec<Handle<Letter>> = names()
        .map(|name| session.add(Letter::new(name, "a")))
        .collect();
    session.commit()?;
    for (round, text) in (1..).zip(["b", "c", "c"]) {
        let found = session.get_many::<Letter>(names())?;
        check_eq!(&found, &letters, "the same objects");
        for &letter in &letters {
            session[letter].text = text.into();
        }
        session.commit()?;
        let mut other = world.session();
        for letter in Letter::query().rows(&mut other)? {
            check_eq!(
                letter.version,
                if round == 3 { 3 } else { round + 1 },
                "round {round}"
            );
            check_eq!(letter.text, text, "round {round}");
        }
    }
    Ok(())
}

fn version_lost_update(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    session.add(Letter::new("a", "first"));
    session.commit()?;
    let key = || "a".to_owned();
    let Some(mine) = session.get::<Letter>(key())? else {
        return Err(crate::Failure::Assertion("the letter is gone".to_owned()));
    };
    let mut other = world.session();
    if let Some(theirs) = other.get::<Letter>(key())? {
        other[theirs].text = "theirs".into();
    }
    match other.commit() {
        Ok(()) => {}
        // If readers block writers, updates cannot be lost either.
        Err(error) if error.kind() == ErrorKind::Busy => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    session[mine].text = "mine".into();
    let result = session.flush();
    let refused = [ErrorKind::StaleData, ErrorKind::Serialization];
    check!(
        matches!(&result, Err(error) if refused.contains(&error.kind())),
        "overwriting another session's version must be refused, returned {result:?}"
    );
    session.rollback()?;
    check_eq!(session[mine].version, 1, "the last known version");
    session.refresh(mine)?;
    check_eq!(session[mine].text, "theirs", "the other session's change");
    check_eq!(session[mine].version, 2, "the other session's version");
    Ok(())
}

fn stale_whole(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    for deleting in [true, false] {
        let mut session = world.session();
        let block = if deleting { "a" } else { "b" };
        let seats: Vec<Handle<Seat>> = (1..4)
            .map(|number| session.add(Seat::new(block, number)))
            .collect();
        session.commit()?;
        let mut other = world.session();
        if let Some(gone) = other.get::<Seat>((block.to_owned(), 2))? {
            other.delete(gone)?;
        }
        other.commit()?;
        for &seat in &seats {
            if deleting {
                session.delete(seat)?;
            } else {
                session.set_blind(seat, Seat::GUEST, Some("ann".to_owned()))?;
            }
        }
        let result = session.commit();
        check!(
            matches!(&result, Err(error) if error.kind() == ErrorKind::StaleData),
            "writing a row that is gone must be stale data, returned {result:?}"
        );
        session.rollback()?;
        let left = Seat::query()
            .filter(Seat::BLOCK.eq(block))
            .rows(&mut session)?;
        check_eq!(left.len(), 2, "the other rows");
        check!(
            left.iter().all(|seat| seat.guest.is_none()),
            "none of the other rows may be written"
        );
    }
    Ok(())
}

/// A way in which another connection removes a row.
type Away = fn(&mut Session, Handle<Seat>) -> selfsame::Result<()>;

fn stale_changed(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let ways: [(&str, Away); 2] = [
        ("deleted", |other, seat| other.delete(seat)),
        ("moved", |other, seat| {
            other[seat].number = 20;
            Ok(())
        }),
    ];
    for (how, away) in ways {
        for transactions in [1, 2] {
            let mut session = world.session();
            let block = format!("{how} {transactions}");
            let seats = (1..6).map(|number| Seat::new(block.clone(), number));
            session.add_all(seats.collect::<Vec<_>>());
            session.commit()?;
            let seats = Seat::query()
                .filter(Seat::BLOCK.eq(&block))
                .order_by(Seat::NUMBER.asc())
                .all(&mut session)?;
            if transactions == 2 {
                session.rollback()?;
            }
            let mut other = world.session();
            if let Some(seat) = other.get::<Seat>((block.clone(), 3))? {
                away(&mut other, seat)?;
            }
            match other.commit() {
                Ok(()) => {}
                // If readers block writers, updates cannot be lost either.
                Err(error) if error.kind() == ErrorKind::Busy && transactions == 1 => continue,
                Err(error) => return Err(error.into()),
            }
            for &seat in &seats {
                session[seat].guest = Some("ann".to_owned());
            }
            let result = session.commit();
            let refused = [ErrorKind::StaleData, ErrorKind::Serialization];
            let refused = &refused[..if transactions == 1 { 2 } else { 1 }];
            check!(
                matches!(&result, Err(error) if refused.contains(&error.kind())),
                "changing a row that is {how} must be stale data, returned {result:?}"
            );
            session.rollback()?;
            let left = Seat::query()
                .filter(Seat::BLOCK.eq(&block))
                .rows(&mut session)?;
            check!(
                left.len() >= 4 && left.iter().all(|seat| seat.guest.is_none()),
                "none of the other rows may be written where one is {how}"
            );
        }
    }
    Ok(())
}
