//! The Chinook music shop on both databases: loaded through the ORM, asked, and written as entities by `selfsame inspect`.

#[path = "../backends/mod.rs"]
mod backends;
mod entities;
mod load;
mod questions;

use backends::{Case, On};
use libtest_mimic::Failed;
use questions::{NULL, Order, QUESTIONS, Question};
use selfsame::backend::{Row, Sql, StatementKind};
use selfsame::schema::Metadata;
use selfsame::value::{ValueRef, ValueType};
use selfsame::{Engine, Session};

const CASES: &[Case] = &[
    ("questions", questions),
    ("no_difference", no_difference),
    ("by_reflection", by_reflection),
];

fn main() {
    backends::run(CASES);
}

fn questions(engine: Engine, _: On) -> Result<(), Failed> {
    load::load(&engine)?;
    for question in QUESTIONS {
        check(&engine, question).map_err(|error| format!("{}: {error}", question.name))?;
    }
    Ok(())
}

/// Checks that both ways give the same answer, and the known one.
fn check(engine: &Engine, question: &Question) -> selfsame::Result<()> {
    let mut answer = (question.answer)(&mut Session::new(engine))?;
    let mut expected = by_sql(engine, question.sql)?;
    if question.order == Order::Any {
        answer.sort();
        expected.sort();
    }
    assert_eq!(answer, expected, "{}", question.name);
    let first = answer.first().map_or("", String::as_str);
    assert_eq!((first, answer.len()), question.known, "{}", question.name);
    Ok(())
}

fn by_sql(engine: &Engine, text: &'static str) -> selfsame::Result<Vec<String>> {
    let sql = Sql::new(StatementKind::Raw, text, [], []);
    let mut lines = Vec::new();
    engine.connect()?.query(&sql, &[], &mut |row| {
        let values: selfsame::Result<Vec<String>> =
            (0..row.len()).map(|at| shown(row, at)).collect();
        lines.push(values?.join(" | "));
        Ok(())
    })?;
    Ok(lines)
}

fn shown(row: &dyn Row, at: usize) -> selfsame::Result<String> {
    Ok(match row.value(at, ValueType::Native)? {
        ValueRef::Null => NULL.to_owned(),
        ValueRef::Text(text) => text.to_owned(),
        ValueRef::I16(number) => number.to_string(),
        ValueRef::I32(number) => number.to_string(),
        ValueRef::I64(number) => number.to_string(),
        ValueRef::Decimal(number) => number.to_string(),
        ValueRef::Date(date) => date.to_string(),
        other => return Err(other.mismatch("text or number")),
    })
}

/// The shop without a struct: mapped by what the database says of itself.
fn by_reflection(engine: Engine, _: On) -> Result<(), Failed> {
    load::load(&engine)?;
    let shop = Metadata::reflect(&engine)?;
    assert_eq!(shop.diff(&engine)?, []);
    let mut session = Session::new(&engine);
    let artists = shop.records("artist")?;
    let name = artists.column::<String>("name")?;
    let artist = artists.query().filter(name.eq("AC/DC")).one(&mut session)?;
    let mut titles = Vec::new();
    for album in session.related(artist, "album")? {
        let tracks = session.related(album, "track")?.len();
        titles.push(format!(
            "{} {tracks}",
            session[album].get::<String>("title")?
        ));
    }
    assert_eq!(
        titles,
        [
            "For Those About To Rock We Salute You 10",
            "Let There Be Rock 8"
        ]
    );
    let employees = shop.records("employee")?;
    let king = session.get_record(&employees, 7)?.ok_or("an employee")?;
    let boss = session.related(king, "reports_to_employee")?[0];
    assert_eq!(session[boss].get::<String>("last_name")?, "Mitchell");
    assert_eq!(session.related(boss, "employee_by_reports_to")?.len(), 2);
    assert_eq!(shop.records("track")?.query().count(&mut session)?, 3503);
    Ok(())
}

fn no_difference(engine: Engine, _: On) -> Result<(), Failed> {
    let chinook = entities::chinook();
    chinook.create_all(&engine)?;
    assert_eq!(chinook.diff(&engine)?, []);
    Ok(())
}
