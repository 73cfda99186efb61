//! Embedded values: their columns are read, compared, written and restored one by one, or together if the value is optional.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Actor, Address, Agency, Author, Customer, Fixture};

fn home() -> Address {
    Address::new("Main St", "12345")
}

fn billing() -> Address {
    Address {
        country: Some("de".to_owned()),
        ..Address::new("Side St", "54321")
    }
}

/// ann has no billing address, bob has one.
fn customers() -> Result<(Fixture, [Handle<Customer>; 2])> {
    let mut fixture = Fixture::new()?;
    let bob = Customer {
        billing: Some(billing()),
        ..Customer::new("bob", home())
    };
    let customers = fixture.session.add_all([Customer::new("ann", home()), bob]);
    fixture.session.commit()?;
    for customer in customers {
        fixture.session.refresh(customer)?;
    }
    fixture.forget();
    Ok((fixture, customers))
}

/// Whether two conflicting changes of bob's row, one by another session, are reported.
#[track_caller]
fn check_conflict(
    theirs: impl FnOnce(&mut Customer),
    mine: impl FnOnce(&mut Customer),
    wanted: Option<&str>,
) -> Result<Customer> {
    let (mut f, [_, bob]) = customers()?;
    f.session.commit()?;
    f.in_another_session(|other| {
        let bob = Customer::query()
            .filter(Customer::NAME.eq("bob"))
            .one(other)?;
        theirs(&mut other[bob]);
        Ok(())
    })?;
    mine(&mut f.session[bob]);
    let flushed = f.session.flush();
    let error = flushed.as_ref().err();
    assert!(error.is_none_or(|error| error.kind() == ErrorKind::StaleData));
    assert_eq!(error.and_then(|error| error.column_name()), wanted);
    Ok(f.session[bob].clone())
}

#[test]
fn it_is_written_and_read_with_its_row() -> Result<()> {
    let (mut f, [ann, bob]) = customers()?;
    assert_eq!(
        (&f.session[ann].home, &f.session[ann].billing),
        (&home(), &None)
    );
    assert_eq!(f.session[bob].billing, Some(billing()));

    f.session.clear();
    let found = Customer::query()
        .filter(Customer::BILLING.street.is_null())
        .filter(Customer::HOME.zip.eq("12345"))
        .order_by(Customer::HOME.street.desc())
        .all(&mut f.session)?;
    assert_eq!(found.len(), 1);
    assert_eq!(f.session[found[0]].name, "ann");
    let read = Customer::query()
        .select((
            Customer::NAME,
            Customer::HOME.zip,
            Customer::BILLING.country,
        ))
        .order_by(Customer::ID.asc())
        .all(&mut f.session)?;
    let row = |name: &str, country: Option<&str>| {
        (
            name.to_owned(),
            "12345".to_owned(),
            country.map(str::to_owned),
        )
    };
    assert_eq!(read, [row("ann", None), row("bob", Some("de"))]);
    Ok(())
}

#[test]
fn only_its_changed_columns_are_written() -> Result<()> {
    let (mut f, [ann, bob]) = customers()?;
    f.session[ann].home.street.push_str("reet");
    let history = f.session.history(ann, Customer::HOME.street)?;
    assert_eq!(
        history,
        Some(("Main St".to_owned(), "Main Street".to_owned()))
    );
    assert_eq!(f.session.history(ann, Customer::HOME.zip)?, None);
    f.session[ann].home.street = home().street;
    assert!(!f.session.is_modified(ann)?);
    f.session.flush()?;
    f.sends(&[]);

    f.session[ann].home.zip = "1".to_owned();
    if let Some(billing) = &mut f.session[bob].billing {
        billing.country = None;
    }
    f.session.flush()?;
    f.sends(&[
        "UPDATE customers SET zip = ? WHERE id = ?",
        "UPDATE customers SET billing_country = ? WHERE id = ?",
    ]);
    Ok(())
}

#[test]
fn it_is_set_and_removed_by_one_update() -> Result<()> {
    let (mut f, [ann, bob]) = customers()?;
    f.session[ann].billing = Some(home());
    f.session[bob].billing = None;
    f.session.commit()?;
    f.sends(&[
        "UPDATE customers SET billing_street = ?, billing_zip = ? WHERE id = ?",
        "UPDATE customers SET billing_street = ?, billing_zip = ?, billing_country = ? WHERE id = ?",
        "COMMIT",
    ]);
    f.session.refresh(ann)?;
    f.session.refresh(bob)?;
    assert_eq!(
        (&f.session[ann].billing, &f.session[bob].billing),
        (&Some(home()), &None)
    );
    Ok(())
}

#[test]
fn a_rollback_brings_it_back() -> Result<()> {
    let (mut f, [ann, bob]) = customers()?;
    f.session[ann].home.zip = "1".to_owned();
    f.session.flush()?;
    let result: Result<()> = f.session.savepoint(|s| {
        s[ann].home = billing();
        s[ann].billing = Some(home());
        s[bob].billing = None;
        s.flush()?;
        s[bob].billing = Some(home());
        Err(selfsame::Error::new(ErrorKind::Validation, "no"))
    });
    assert!(result.is_err());
    assert_eq!(
        f.session[ann].home,
        Address {
            zip: "1".to_owned(),
            ..home()
        }
    );
    assert_eq!(
        (&f.session[ann].billing, &f.session[bob].billing),
        (&None, &Some(billing()))
    );
    f.session[bob].billing = None;
    f.session.rollback()?;
    assert_eq!(
        (&f.session[ann].home, &f.session[bob].billing),
        (&home(), &Some(billing()))
    );

    f.session[bob].billing = None;
    f.session.expire(bob)?;
    assert_eq!(f.session[bob].billing, Some(billing()));
    Ok(())
}

#[test]
fn it_is_merged_with_its_value() -> Result<()> {
    let (mut f, [ann, bob]) = customers()?;
    let value = |id, billing| Customer {
        id: Auto::set(id),
        billing,
        ..Customer::new("ann", home())
    };
    f.session.merge(value(1, None))?;
    assert!(!f.session.is_modified(ann)?);
    f.session.merge(value(1, Some(billing())))?;
    f.session.merge(value(2, None))?;
    assert_eq!(
        (&f.session[ann].billing, &f.session[bob].billing),
        (&Some(billing()), &None)
    );
    f.session.merge(value(1, Some(home())))?;
    f.session.commit()?;
    f.sends(&[
        "UPDATE customers SET billing_street = ?, billing_zip = ? WHERE id = ?",
        "UPDATE customers SET name = ?, billing_street = ?, billing_zip = ?, billing_country = ? WHERE id = ?",
        "COMMIT",
    ]);
    Ok(())
}

#[test]
fn changes_of_both_sides_are_merged_or_reported() -> Result<()> {
    let edit =
        |edit: fn(&mut Address)| move |bob: &mut Customer| bob.billing.iter_mut().for_each(edit);
    let gone = |bob: &mut Customer| bob.billing = None;
    let merged = check_conflict(
        edit(|address| address.zip = "1".to_owned()),
        edit(|address| address.street = "Mine".to_owned()),
        None,
    )?;
    let wanted = Address {
        zip: "1".to_owned(),
        street: "Mine".to_owned(),
        ..billing()
    };
    assert_eq!(merged.billing, Some(wanted));
    let unchanged = check_conflict(|bob| bob.home.zip = "1".to_owned(), gone, None)?;
    assert_eq!(
        (unchanged.home.zip.as_str(), unchanged.billing),
        ("1", None)
    );
    check_conflict(
        gone,
        edit(|address| address.zip = "1".to_owned()),
        Some("billing_zip"),
    )?;
    check_conflict(
        edit(|address| address.country = None),
        gone,
        Some("billing_country"),
    )?;
    Ok(())
}

#[test]
fn an_incomplete_value_is_an_error() -> Result<()> {
    let (mut f, [ann, _]) = customers()?;
    f.session[ann].billing = Some(Address {
        country: Some("de".to_owned()),
        ..home()
    });
    f.session.commit()?;
    // Another program sets a required column to NULL.
    f.in_another_session(|other| {
        let changed = Customer::query()
            .filter(Customer::ID.eq(1))
            .update()
            .set(Customer::BILLING.street, None::<String>);
        changed.execute(other)
    })?;
    let error = f.session.refresh(ann).expect_err("half an address");
    assert_eq!(
        (error.kind(), error.entity_name()),
        (ErrorKind::Conversion, Some("Customer"))
    );
    assert_eq!(error.column_name(), Some("billing_street"));
    Ok(())
}

#[test]
fn its_validation_functions_name_its_columns() -> Result<()> {
    let (mut f, [ann, bob]) = customers()?;
    for (zip, kind) in [
        ("1234x", ErrorKind::Validation),
        ("123456", ErrorKind::OutOfRange),
        ("", ErrorKind::CheckViolation),
    ] {
        f.session[ann].billing = Some(Address::new("Side St", zip));
        let error = f.session.flush().expect_err("a wrong zip");
        assert_eq!(error.kind(), kind, "{error}");
        if kind != ErrorKind::CheckViolation {
            assert_eq!(error.column_name(), Some("billing_zip"));
        }
        f.session.rollback()?;
    }
    f.session[bob].home.zip = "x".to_owned();
    let error = f.session.flush().expect_err("a wrong zip");
    assert_eq!(error.column_name(), Some("zip"));
    Ok(())
}

#[test]
fn statements_for_many_rows_name_its_columns() -> Result<()> {
    let (mut f, [ann, bob]) = customers()?;
    let changed = Customer::query()
        .filter(Customer::HOME.street.starts_with("Main"))
        .update()
        .set(Customer::HOME.zip, "1")
        .set(Customer::BILLING.street, Customer::HOME.street)
        .set(Customer::BILLING.zip, Customer::HOME.zip)
        .execute(&mut f.session)?;
    assert_eq!(changed, 2);
    f.session
        .set_blind(ann, Customer::HOME.zip, "2".to_owned())?;
    f.session
        .set_expr(bob, Customer::HOME.zip, Customer::BILLING.zip)?;
    f.session.flush()?;
    f.session.insert_all([Customer {
        billing: Some(billing()),
        ..Customer::new("cy", home())
    }])?;
    let all = Customer::query()
        .order_by(Customer::ID.asc())
        .all(&mut f.session)?;
    let zips: Vec<_> = all
        .iter()
        .map(|&handle| f.session[handle].home.zip.as_str())
        .collect();
    assert_eq!(zips, ["2", "12345", "12345"]);
    assert_eq!(f.session[all[2]].billing, Some(billing()));
    Ok(())
}

#[test]
fn a_relation_makes_a_value_of_its_key_alone() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    let actor = f.session.add(Actor::new());
    f.session.set(actor, Actor::AGENT, Some(ann))?;
    f.session.commit()?;
    let agency = |share| Some(Agency { id: 1, share });
    assert_eq!(f.session[actor].agency, agency(None));
    f.session[actor].agency = agency(Some(0.1));
    f.session.commit()?;
    assert_eq!(f.session.load(actor, Actor::AGENT)?, Some(ann));

    // Without an agent the share is absent.
    f.session.set(actor, Actor::AGENT, None)?;
    let error = f.session.flush().expect_err("a share without an agent");
    assert_eq!(error.column_name(), Some("agent_id"));
    f.session.rollback()?;
    f.session[actor].agency = agency(None);
    f.session.set(actor, Actor::AGENT, None)?;
    f.session.commit()?;
    f.session.refresh(actor)?;
    assert_eq!(f.session[actor].agency, None);
    Ok(())
}
