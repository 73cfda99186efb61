//! Embedded enums: one table for all variants, one object for each row.

use selfsame::prelude::*;
use selfsame::sql::count;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Author, Fixture, Kind, KindTag, Vehicle};

fn car() -> Kind {
    Kind::Car {
        doors: 4,
        color: None,
    }
}

fn truck() -> Kind {
    Kind::Truck {
        load: 2.5,
        driver_id: None,
    }
}

/// A car, a truck and a bicycle, newly loaded.
fn vehicles() -> Result<(Fixture, [Handle<Vehicle>; 3])> {
    let mut fixture = Fixture::new()?;
    let kinds = [("a", car()), ("b", truck()), ("c", Kind::Bicycle)];
    let vehicles = kinds.map(|(name, kind)| Vehicle::new(name, kind));
    let vehicles = fixture.session.add_all(vehicles);
    fixture.session.commit()?;
    for vehicle in vehicles {
        fixture.session.refresh(vehicle)?;
    }
    fixture.forget();
    Ok((fixture, vehicles))
}

#[test]
fn each_row_is_read_as_what_it_is() -> Result<()> {
    let (mut f, [car_, truck_, bicycle]) = vehicles()?;
    let kinds = [car_, truck_, bicycle].map(|vehicle| f.session[vehicle].kind.clone());
    assert_eq!(kinds, [car(), truck(), Kind::Bicycle]);
    let wide = Vehicle::query()
        .filter(
            Vehicle::KIND
                .car
                .doors
                .gt(2)
                .or(Vehicle::KIND.truck.load.gt(2.0)),
        )
        .order_by(Vehicle::ID.asc())
        .all(&mut f.session)?;
    assert_eq!(wide, [car_, truck_]);
    let bicycles = Vehicle::query()
        .filter(Vehicle::KIND.is_bicycle())
        .all(&mut f.session)?;
    assert_eq!(bicycles, [bicycle]);
    let counted = Vehicle::query()
        .filter(Vehicle::KIND.tag.ne(KindTag::Bicycle))
        .select((Vehicle::KIND.tag, count(Vehicle::ID)))
        .group_by(Vehicle::KIND.tag)
        .order_by(Vehicle::KIND.tag.asc())
        .all(&mut f.session)?;
    assert_eq!(counted, [(KindTag::Car, 1), (KindTag::Truck, 1)]);
    Ok(())
}

#[test]
fn another_variant_is_one_update_of_both() -> Result<()> {
    let (mut f, [car_, truck_, bicycle]) = vehicles()?;
    f.session[car_].kind = truck();
    f.session[truck_].kind = Kind::Bicycle;
    f.session[bicycle].kind = car();
    assert_eq!(
        f.session.history(car_, Vehicle::KIND.tag)?,
        Some((KindTag::Car, KindTag::Truck))
    );
    f.session.commit()?;
    f.sends(&[
        "UPDATE vehicles SET kind = ?, doors = ?, load = ? WHERE id = ?",
        "UPDATE vehicles SET kind = ?, load = ? WHERE id = ?",
        "UPDATE vehicles SET kind = ?, doors = ? WHERE id = ?",
        "COMMIT",
    ]);
    f.session[bicycle].kind = Kind::Car {
        doors: 4,
        color: Some("red".to_owned()),
    };
    f.session.commit()?;
    assert!(
        f.sent()
            .contains(&"UPDATE vehicles SET color = ? WHERE id = ?".to_owned())
    );
    assert_eq!(f.session.get::<Vehicle>(1)?, Some(car_));
    assert_eq!(f.session[car_].kind, truck());
    Ok(())
}

#[test]
fn a_rollback_brings_the_variant_back() -> Result<()> {
    let (mut f, [car_, truck_, bicycle]) = vehicles()?;
    let result: Result<()> = f.session.savepoint(|s| {
        s[car_].kind = truck();
        s[truck_].kind = car();
        s.flush()?;
        s[truck_].kind = Kind::Bicycle;
        s[bicycle].kind = truck();
        Err(selfsame::Error::new(ErrorKind::Validation, "no"))
    });
    assert!(result.is_err());
    let kinds = [car_, truck_, bicycle].map(|vehicle| f.session[vehicle].kind.clone());
    assert_eq!(kinds, [car(), truck(), Kind::Bicycle]);
    f.session[car_].kind = Kind::Bicycle;
    f.session.flush()?;
    f.session.rollback()?;
    assert_eq!(f.session[car_].kind, car());
    Ok(())
}

#[test]
fn a_value_of_another_variant_is_merged() -> Result<()> {
    let (mut f, [car_, ..]) = vehicles()?;
    let value = |kind| Vehicle {
        id: Auto::set(1),
        manual: Deferred::UNLOADED,
        ..Vehicle::new("a", kind)
    };
    f.session.merge(value(car()))?;
    assert!(!f.session.is_modified(car_)?);
    f.session.merge(value(truck()))?;
    f.session.flush()?;
    assert_eq!(f.session[car_].kind, truck());
    f.sends(&["UPDATE vehicles SET kind = ?, doors = ?, load = ? WHERE id = ?"]);
    Ok(())
}

#[test]
fn changes_to_different_variants_are_stale() -> Result<()> {
    let red = || Kind::Car {
        doors: 4,
        color: Some("red".to_owned()),
    };
    let check = |theirs: Kind, mine: Kind, wanted: Option<&str>| -> Result<()> {
        let (mut f, [car_, ..]) = vehicles()?;
        f.session.commit()?;
        f.in_another_session(|other| {
            let found = other.get::<Vehicle>(1)?.expect("a car");
            other[found].kind = theirs;
            Ok(())
        })?;
        f.session[car_].kind = mine.clone();
        f.session[car_].name = "mine".to_owned();
        let flushed = f.session.flush();
        let error = flushed.as_ref().err();
        assert!(error.is_none_or(|error| error.kind() == ErrorKind::StaleData));
        assert_eq!(error.and_then(|error| error.column_name()), wanted);
        Ok(())
    };
    // These columns were not changed concurrently, but it is not a car any more.
    check(truck(), red(), Some("color"))?;
    check(truck(), Kind::Bicycle, Some("kind"))?;
    check(
        Kind::Car {
            doors: 2,
            color: None,
        },
        red(),
        None,
    )?;
    check(red(), truck(), None)
}

#[test]
fn a_relation_may_follow_a_key_of_a_variant() -> Result<()> {
    let (mut f, [car_, truck_, _]) = vehicles()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.set(truck_, Vehicle::DRIVER, Some(ann))?;
    f.session.commit()?;
    assert_eq!(f.session.load(truck_, Vehicle::DRIVER)?, Some(ann));
    assert_eq!(f.session.load(car_, Vehicle::DRIVER)?, None);
    let driven = Vehicle::query()
        .filter(Vehicle::DRIVER.has(Author::NAME.eq("ann")))
        .all(&mut f.session)?;
    assert_eq!(driven, [truck_]);
    // A car has no driver to set.
    f.session.set(car_, Vehicle::DRIVER, Some(ann))?;
    let error = f.session.flush().expect_err("a car has no driver");
    assert_eq!(error.column_name(), Some("driver_id"));
    f.session.rollback()?;
    f.session.set(truck_, Vehicle::DRIVER, None)?;
    f.session.commit()?;
    assert_eq!(f.session[truck_].kind, truck());
    Ok(())
}

#[test]
fn the_checks_of_a_variant_hold() -> Result<()> {
    let (mut f, [car_, ..]) = vehicles()?;
    f.session.commit()?;
    let changed = Vehicle::query()
        .filter(Vehicle::ID.eq(1))
        .update()
        .set(Vehicle::KIND.truck.load, -1.0)
        .execute(&mut f.session);
    let kind = changed.map_err(|error| error.kind());
    assert_eq!(kind, Err(ErrorKind::CheckViolation));
    f.session.rollback()?;
    assert_eq!(f.session[car_].kind, car());
    Ok(())
}
