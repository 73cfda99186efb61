//! Versions, deferred columns and validation of records.

use selfsame::ErrorKind;
use selfsame::prelude::*;
use selfsame::record::{Record, RecordTables, Records};
use selfsame::schema::{Column, ColumnType, Table};
use selfsame::value::Value;

use crate::Failure;
use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case::core("records.columns.version", version)
        .since(21)
        .needs(&[Capability::Transactions, Capability::SecondConnection])
        .promise("A declared version of records is 1 in a new row, and counted and checked by each write.")
        .hint("As `flush.version.counts`.")
        .covers(&[Rule(19)]),
    Case::core("records.columns.deferred", deferred)
        .since(21)
        .promise("Declared deferred columns of records are neither read nor written unless they are requested or set.")
        .hint("As `dirty.deferred.left_out`.")
        .covers(&[Rule(11)]),
    Case::core("records.columns.validation", validation)
        .since(21)
        .promise("A declared rule refuses a record's value before a statement is sent; the error names the column and the rule.")
        .suspects_orm()
        .covers(&[Rule(42)]),
];

/// Returns an error for a name with a space at one end.
fn is_trimmed(value: &Value) -> Result<(), String> {
    match value {
        Value::Text(text) if text.trim() != text => Err("it has spaces around it".to_owned()),
        _ => Ok(()),
    }
}

/// A committed letter with key 1 in an empty session.
fn posted(context: &Context) -> CaseResult<(World, Records, Session, Handle<Record>)> {
    let text = || ColumnType::Text { length: Some(20) };
    let letters = Table::build("letters")
        .column(Column::new("id", ColumnType::I64))
        .column(Column::new("body", text()))
        .column(Column::new("title", text()))
        .column(Column::new("revision", ColumnType::I32))
        .primary_key(["id"]);
    let tables = RecordTables::new([letters])
        .version("letters", "revision")
        .deferred("letters", "body")
        .validate("letters", "title", "is_trimmed", is_trimmed)
        .metadata()?;
    let world = World::of(context, &tables)?;
    let letters = tables.records("letters")?;
    let mut session = world.session();
    let mut letter = letters.record();
    letter.set("id", 1)?;
    letter.set("title", "first")?;
    letter.set("body", "long")?;
    session.add(letter);
    session.commit()?;
    session.clear();
    let letter = read(&mut session, &letters)?;
    world.sent();
    Ok((world, letters, session, letter))
}

fn read(session: &mut Session, letters: &Records) -> CaseResult<Handle<Record>> {
    letters
        .get(session, 1)?
        .ok_or_else(|| Failure::Assertion("the letter must be there".to_owned()))
}

fn version(context: &mut Context) -> CaseResult {
    let (world, letters, mut session, letter) = posted(context)?;
    let revision =
        |session: &Session, letter: Handle<Record>| session[letter].get::<i32>("revision");
    check_eq!(revision(&session, letter)?, 1, "the version of a new row");
    let mut other = world.session();
    let theirs = read(&mut other, &letters)?;
    other[theirs].set("title", "theirs")?;
    match other.commit() {
        Ok(()) => {}
        // If readers block writers, updates cannot be lost either.
        Err(error) if error.kind() == ErrorKind::Busy => {
            other.rollback()?;
            session.rollback()?;
            let letter = read(&mut session, &letters)?;
            session[letter].set("title", "mine")?;
            session.commit()?;
            let letter = read(&mut session, &letters)?;
            check_eq!(
                revision(&session, letter)?,
                2,
                "the version must be counted"
            );
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    }
    session[letter].set("body", "mine")?;
    let result = session.commit();
    let refused = [ErrorKind::StaleData, ErrorKind::Serialization];
    check!(
        matches!(&result, Err(error) if refused.contains(&error.kind())),
        "a write onto another version must be refused, returned {result:?}"
    );
    session.rollback()?;
    let letter = read(&mut session, &letters)?;
    check_eq!(
        revision(&session, letter)?,
        2,
        "the version must be counted"
    );
    session[letter].set("title", "mine")?;
    session.commit()?;
    let letter = read(&mut session, &letters)?;
    check_eq!(
        revision(&session, letter)?,
        3,
        "the version must be counted"
    );
    Ok(())
}

fn deferred(context: &mut Context) -> CaseResult {
    let (world, letters, mut session, letter) = posted(context)?;
    let body = |session: &Session, letter: Handle<Record>| session[letter].get::<String>("body");
    let error = body(&session, letter).err().map(|error| error.kind());
    check_eq!(
        error,
        Some(ErrorKind::NotLoaded),
        "a deferred column must not be read with its row"
    );
    session[letter].set("title", "second")?;
    session.flush()?;
    check_eq!(
        world.sent().rows(),
        1,
        "one UPDATE must write the other columns"
    );
    session.undefer_all([letter], letters.column::<String>("body")?)?;
    check_eq!(world.sent().rows(), 1, "one SELECT must read it");
    check_eq!(body(&session, letter)?, "long", "it must be read whole");
    session[letter].set("body", "longer")?;
    session.commit()?;
    session.clear();
    let query = letters.query().undefer(letters.column::<String>("body")?);
    let letter = query.one(&mut session)?;
    check_eq!(
        body(&session, letter)?,
        "longer",
        "what was set must be there"
    );
    check_eq!(
        session[letter].get::<String>("title")?,
        "second",
        "the other columns must be in their places"
    );
    Ok(())
}

fn validation(context: &mut Context) -> CaseResult {
    let (world, _, mut session, letter) = posted(context)?;
    session[letter].set("title", " first")?;
    world.sent();
    let error = session.flush().err();
    let named = error
        .as_ref()
        .map(|error| (error.kind(), error.column_name()));
    check_eq!(
        named,
        Some((ErrorKind::Validation, Some("title"))),
        "the error must name the column"
    );
    check!(
        error.is_some_and(|error| error.message().contains("is_trimmed")),
        "the error must name the rule"
    );
    check_eq!(world.sent().rows(), 0, "nothing may be sent");
    session.rollback()?;
    session[letter].set("title", "second")?;
    session.commit()?;
    Ok(())
}
