//! Foreign keys to unique columns other than the primary key: no relation follows them, and rows are written in the order that their values
//! require, whatever the order of `add` and of the keys.

use selfsame::prelude::*;
use selfsame::{Entity, ErrorKind, Result};
use selfsame_sqlite::Sqlite;

use crate::fixture::{Fixture, Word};

/// Its capital is a city, which is in a country.
#[derive(Entity, Clone, Debug)]
#[orm(table = "countries")]
struct Country {
    #[orm(primary_key)]
    id: i64,
    #[orm(unique)]
    code: String,
    #[orm(references = "cities.name")]
    capital: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "cities")]
struct City {
    #[orm(primary_key)]
    id: i64,
    #[orm(unique)]
    name: String,
    #[orm(references = "countries.code")]
    country: String,
}

/// May have no country.
#[derive(Entity, Clone, Debug)]
#[orm(table = "islands")]
struct Island {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "countries.code")]
    country: Option<String>,
}

/// Requires a country.
#[derive(Entity, Clone, Debug)]
#[orm(table = "harbours")]
struct Harbour {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "countries.code")]
    country: String,
}

type Words<'a> = &'a [(&'a str, Option<&'a str>)];

fn word(id: usize, text: &str, root: Option<&str>) -> Word {
    Word {
        root: root.map(str::to_owned),
        ..Word::new(i64::try_from(id).expect("small"), text)
    }
}

/// The orders of a few things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for at in 0..count {
        let longer = all.iter().flat_map(|order: &Vec<usize>| {
            (0..=at).map(move |place| {
                let mut order = order.clone();
                order.insert(place, at);
                order
            })
        });
        all = longer.collect();
    }
    all
}

/// Writes words, changes them, and compares the rows, with the keys of the words in all orders and whichever is added or deleted first. A
/// word without a text is deleted.
#[track_caller]
fn check(before: Words<'_>, after: Words<'_>) {
    let all = orders(after.len());
    for (at, keys) in all.iter().enumerate() {
        for order in [&all[0], &all[all.len() - 1], &all[all.len() - 1 - at]] {
            let result = words(before, after, keys, order);
            assert!(
                result.is_ok(),
                "{before:?} {after:?} {keys:?} {order:?}: {result:?}"
            );
        }
    }
}

fn words(before: Words<'_>, after: Words<'_>, keys: &[usize], order: &[usize]) -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let mut handles = vec![None; after.len()];
    for &at in order {
        if let Some((text, root)) = before.get(at) {
            handles[at] = Some(s.add(word(keys[at], text, *root)));
        }
    }
    s.commit()?;
    Word::query().all(s)?;
    for &at in order {
        let (text, root) = after[at];
        match handles[at] {
            None => drop(s.add(word(keys[at], text, root))),
            Some(old) if text.is_empty() => s.delete(old)?,
            Some(old) => {
                s[old].text = text.to_owned();
                s[old].root = root.map(str::to_owned);
            }
        }
    }
    s.commit()?;
    let mut expected: Vec<(String, Option<String>)> = after
        .iter()
        .filter(|(text, _)| !text.is_empty())
        .map(|(text, root)| ((*text).to_owned(), root.map(str::to_owned)))
        .collect();
    expected.sort();
    let words = Word::query().order_by(Word::TEXT.asc());
    let rows = f.in_another_session(|s| words.select((Word::TEXT, Word::ROOT)).all(s))?;
    assert_eq!(rows, expected);
    Ok(())
}

#[test]
fn new_rows_come_after_those_that_they_reference() {
    check(
        &[],
        &[("go", None), ("goes", Some("go")), ("gone", Some("goes"))],
    );
    check(&[], &[("a", Some("b")), ("b", Some("a")), ("c", Some("c"))]);
}

/// The value is free when a row is deleted, and then another row gets it.
#[test]
fn a_row_gets_a_value_that_is_passed_on_by_a_deleted_one() {
    check(
        &[("a", None), ("b", None), ("c", None)],
        &[("b", None), ("", None), ("c", Some("b"))],
    );
    check(
        &[("a", None), ("b", None), ("c", Some("a"))],
        &[("b", None), ("", None), ("c", Some("b"))],
    );
}

#[test]
fn deleted_rows_come_before_those_that_they_reference() {
    check(
        &[("go", None), ("goes", Some("go")), ("gone", Some("goes"))],
        &[("", None), ("", None), ("", None)],
    );
    check(
        &[("a", Some("b")), ("b", Some("a")), ("c", Some("c"))],
        &[("", None), ("", None), ("", None)],
    );
}

#[test]
fn rows_move_to_new_and_changed_rows() {
    check(
        &[("a", None), ("b", Some("a"))],
        &[("a", None), ("b", Some("x")), ("x", Some("a"))],
    );
    check(
        &[("a", None), ("b", None), ("c", Some("a"))],
        &[("a", None), ("x", None), ("c", Some("x"))],
    );
    check(
        &[("a", None), ("b", None)],
        &[("a", None), ("x", None), ("c", Some("x"))],
    );
}

#[test]
fn rows_leave_values_that_change() {
    // To the new value, to another row, to a new row, to none, and with their row.
    for (root, text) in [
        (Some("x"), "b"),
        (Some("c"), "b"),
        (Some("n"), "b"),
        (None, "b"),
        (None, ""),
    ] {
        check(
            &[("a", None), ("b", Some("a")), ("c", None)],
            &[("x", None), (text, root), ("c", None), ("n", None)],
        );
    }
    // Two words exchange their texts, and a third follows one of them.
    check(
        &[("a", None), ("b", None), ("c", Some("a"))],
        &[("x", None), ("a", None), ("c", Some("x"))],
    );
    // A chain that moves on.
    check(
        &[("a", None), ("b", Some("a")), ("c", Some("b"))],
        &[("x", None), ("y", Some("x")), ("z", Some("y"))],
    );
}

fn world() -> Result<(Session, Engine)> {
    let database = Sqlite::memory();
    let (engine, outside) = (Engine::new(database.clone()), Engine::new(database));
    metadata![Country, City, Island, Harbour].create_all(&outside)?;
    Ok((Session::new(&engine), outside))
}

/// The order in which a session meets tables decides where nothing else does.
fn meet(s: &mut Session, cities_first: bool) -> Result<()> {
    if cities_first {
        City::query().all(s)?;
    }
    Country::query().all(s)?;
    City::query().all(s)?;
    Island::query().all(s)?;
    Ok(())
}

#[test]
fn tables_that_reference_each_other_are_ordered_by_values() -> Result<()> {
    for cities_first in [false, true] {
        let (mut session, outside) = world()?;
        let s = &mut session;
        meet(s, cities_first)?;
        let country = s.add(Country {
            capital: Some("bonn".to_owned()),
            ..Country::new(1, "de")
        });
        let city = s.add(City::new(1, "bonn", "de"));
        s.commit()?;
        meet(s, cities_first)?;
        // A city is renamed, and remains the capital.
        s[city].name = "berlin".to_owned();
        s[country].capital = Some("berlin".to_owned());
        s.commit()?;
        meet(s, cities_first)?;
        // The country gets another code while its city moves to a new one.
        s.add(Country::new(2, "dd"));
        s[city].country = "dd".to_owned();
        s[country].code = "brd".to_owned();
        s.commit()?;
        meet(s, cities_first)?;
        let rows = Country::query()
            .order_by(Country::ID.asc())
            .select((Country::CODE, Country::CAPITAL))
            .all(&mut Session::new(&outside))?;
        let row = |code: &str, capital: Option<&str>| (code.to_owned(), capital.map(str::to_owned));
        assert_eq!(rows, [row("brd", Some("berlin")), row("dd", None)]);
        for country in Country::query().all(s)? {
            s.delete(country)?;
        }
        s.delete(city)?;
        s.commit()?;
        assert_eq!(Country::query().count(s)?, 0);
    }
    Ok(())
}

#[test]
fn rows_of_other_tables_leave_values_that_change() -> Result<()> {
    for cities_first in [false, true] {
        for change in 0..5 {
            let (mut session, outside) = world()?;
            let s = &mut session;
            let [de, _] = s.add_all([Country::new(1, "de"), Country::new(2, "fr")]);
            let city = s.add(City::new(1, "bonn", "de"));
            let island = s.add(Island {
                country: Some("de".to_owned()),
                ..Island::new(1)
            });
            s.commit()?;
            meet(s, cities_first)?;
            s[de].code = "dd".to_owned();
            match change {
                0 | 1 => s[city].country = "fr".to_owned(),
                4 => {
                    s.add(Country::new(3, "at"));
                    s[city].country = "at".to_owned();
                }
                _ => s.delete(city)?,
            }
            match change {
                0 => s[island].country = Some("dd".to_owned()),
                1 => s[island].country = Some("fr".to_owned()),
                4 => s[island].country = Some("at".to_owned()),
                2 => s[island].country = None,
                _ => s.delete(island)?,
            }
            s.commit()?;
            let s = &mut Session::new(&outside);
            let city = City::query().select(City::COUNTRY).first(s)?;
            let expected = [Some("fr"), Some("fr"), None, None, Some("at")][change];
            assert_eq!(city.as_deref(), expected);
            let island = Island::query().select(Island::COUNTRY).first(s)?;
            let expected = [
                Some(Some("dd")),
                Some(Some("fr")),
                Some(None),
                None,
                Some(Some("at")),
            ][change];
            assert_eq!(island.as_ref().map(Option::as_deref), expected);
        }
    }
    Ok(())
}

#[test]
fn a_required_value_may_be_that_of_a_new_row() -> Result<()> {
    let (mut session, outside) = world()?;
    let s = &mut session;
    let country = s.add(Country::new(1, "de"));
    let harbour = s.add(Harbour::new(1, "de"));
    s.commit()?;
    meet(s, false)?;
    Harbour::query().all(s)?;
    s.add(Country::new(2, "at"));
    s[harbour].country = "at".to_owned();
    s[country].code = "dd".to_owned();
    s.commit()?;
    let countries = Harbour::query().select(Harbour::COUNTRY);
    assert_eq!(countries.all(&mut Session::new(&outside))?, ["at"]);
    Ok(())
}

/// The countries are written early, because the capital of one is deleted and its name taken; a harbour leaves its code before.
#[test]
fn a_required_value_is_left_before_an_early_update() -> Result<()> {
    let (mut session, outside) = world()?;
    let s = &mut session;
    let [de, _] = s.add_all([Country::new(1, "de"), Country::new(2, "fr")]);
    let cities = [(1, "bonn"), (2, "berlin")].map(|(id, name)| City::new(id, name, "fr"));
    let [bonn, _] = s.add_all(cities);
    s.flush()?;
    s[de].capital = Some("bonn".to_owned());
    let harbour = s.add(Harbour::new(1, "de"));
    s.commit()?;
    meet(s, false)?;
    Harbour::query().all(s)?;
    s.delete(bonn)?;
    s.add(City::new(3, "bonn", "fr"));
    s[de].capital = Some("berlin".to_owned());
    s[de].code = "dd".to_owned();
    s[harbour].country = "fr".to_owned();
    s.commit()?;
    let s = &mut Session::new(&outside);
    let countries = Harbour::query().select(Harbour::COUNTRY).all(s)?;
    assert_eq!(countries, ["fr"]);
    let codes = Country::query().order_by(Country::ID.asc());
    assert_eq!(codes.select(Country::CODE).all(s)?, ["dd", "fr"]);
    Ok(())
}

/// Was in another country before.
#[derive(Entity, Clone, Debug)]
#[orm(table = "ferries")]
struct Ferry {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "countries.code")]
    country: String,
    previous: Option<String>,
    #[orm(version)]
    version: i64,
}

#[test]
fn an_expression_that_would_see_a_value_left_early_is_refused() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![City, Country, Ferry].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let [de, _] = [(1, "de"), (2, "fr")].map(|(id, code)| session.add(Country::new(id, code)));
    let ferry = session.add(Ferry::new(1, "de"));
    session.commit()?;
    session[de].code = "dd".to_owned();
    session[ferry].country = "fr".to_owned();
    session.set_expr(ferry, Ferry::PREVIOUS, Ferry::COUNTRY)?;
    match session.commit() {
        Ok(()) => {
            let ferries = Ferry::query().select(Ferry::PREVIOUS);
            assert_eq!(ferries.all(&mut session)?, [Some("de".to_owned())]);
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidState, "{error}");
            assert!(error.to_string().contains("country"), "{error}");
        }
    }
    Ok(())
}

#[test]
fn a_row_that_leaves_two_values_at_once_is_written_once() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![City, Country, Ferry].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let [de, _, gone] =
        [(1, "de"), (2, "fr"), (3, "xx")].map(|(id, code)| session.add(Country::new(id, code)));
    let [moved, deleted] = [1, 2].map(|id| session.add(Ferry::new(id, "de")));
    session.commit()?;
    session.delete(gone)?;
    session[de].code = "xx".to_owned();
    session[moved].country = "fr".to_owned();
    session.delete(deleted)?;
    session.commit()?;
    let ferries = Ferry::query().select((Ferry::ID, Ferry::COUNTRY));
    assert_eq!(
        ferries.all(&mut Session::new(&engine))?,
        [(1, "fr".to_owned())]
    );
    Ok(())
}
