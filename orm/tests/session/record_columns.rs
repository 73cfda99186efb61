//! Versions, deferred columns and validation of records.

use selfsame::prelude::*;
use selfsame::record::{Record, RecordTables, Records};
use selfsame::schema::{Column, ColumnType, Generated, Table};
use selfsame::value::Value;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Author, Fixture};

fn text() -> ColumnType {
    ColumnType::Text { length: None }
}

fn letters() -> Table {
    Table::build("letters")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
        .column(Column::new("body", text()))
        .column(Column::new("title", text()))
        .column(Column::new("note", text()).nullable())
        .column(Column::new("seal", text()).generated(Generated::Default("'wax'".to_owned())))
        .column(Column::new("revision", ColumnType::I32))
        .column(Column::new("reply_to", ColumnType::I64).nullable())
        .primary_key(["id"])
        .foreign_key(["reply_to"], "letters", ["id"])
}

fn is_trimmed(value: &Value) -> std::result::Result<(), String> {
    match value {
        Value::Text(text) if text.trim() != text => Err("it has spaces around it".to_owned()),
        _ => Ok(()),
    }
}

fn is_short(value: &Value) -> std::result::Result<(), String> {
    match value {
        Value::Text(text) if text.len() > 9 => Err("it is too long".to_owned()),
        _ => Ok(()),
    }
}

fn declared() -> RecordTables {
    RecordTables::new([letters()])
        .version("letters", "revision")
        .deferred("letters", "note")
        .deferred("letters", "body")
        .deferred("letters", "seal")
        .validate("letters", "title", "is_trimmed", is_trimmed)
        .validate("letters", "title", "is_short", is_short)
        .validate("letters", "note", "is_short", is_short)
}

fn opened() -> Result<(Fixture, Records)> {
    let f = Fixture::new()?;
    let metadata = declared().metadata()?;
    metadata.create_all(&f.outside)?;
    let letters = metadata.records("letters")?;
    Ok((f, letters))
}

fn letter(letters: &Records, title: &str, body: &str) -> Result<Record> {
    let mut letter = letters.record();
    letter.set("title", title)?;
    letter.set("body", body)?;
    Ok(letter)
}

/// One committed letter, expired.
fn posted() -> Result<(Fixture, Records, Handle<Record>)> {
    let (mut f, letters) = opened()?;
    let first = f.session.add(letter(&letters, "first", "long")?);
    f.session.commit()?;
    f.session.clear();
    f.forget();
    let first = letters.get(&mut f.session, 1)?.unwrap_or(first);
    Ok((f, letters, first))
}

#[test]
fn the_version_of_a_record_counts_its_updates() -> Result<()> {
    let (mut f, letters, first) = posted()?;
    let version = |s: &Session, letter: Handle<Record>| s[letter].get::<i32>("revision");
    assert_eq!(version(&f.session, first)?, 1);
    f.session[first].set("title", "second")?;
    f.session[first].set("revision", 70)?;
    f.forget();
    f.session.commit()?;
    f.sends(&[
        "UPDATE letters SET title = ?, revision = ? WHERE id = ? AND revision = ?",
        "COMMIT",
    ]);
    let first = letters.get(&mut f.session, 1)?.expect("a letter");
    assert_eq!(version(&f.session, first)?, 2);
    f.session.commit()?;
    // Another session writes the row in between.
    let trigger = "CREATE TRIGGER others AFTER INSERT ON authors \
                   BEGIN UPDATE letters SET revision = revision + 1; END";
    f.session.sql(trigger, ()).execute()?;
    f.session.commit()?;
    for deletes in [false, true] {
        letters.get(&mut f.session, 1)?;
        f.session.add(Author::new("other"));
        f.session.flush()?;
        match deletes {
            true => f.session.delete(first)?,
            false => f.session[first].set("note", "mine")?,
        }
        let error = f.session.commit().expect_err("stale");
        assert_eq!(error.kind(), ErrorKind::StaleData);
        f.session.rollback()?;
    }
    // A bulk statement counts too.
    let query = letters.query().filter(letters.equals("id", 1)?);
    query
        .update()
        .set_named("title", "bulk")
        .execute(&mut f.session)?;
    f.session.commit()?;
    let first = letters.get(&mut f.session, 1)?.expect("a letter");
    assert_eq!(version(&f.session, first)?, 3);
    Ok(())
}

#[test]
fn a_record_is_merged_onto_the_version_it_was_read_from() -> Result<()> {
    let (mut f, letters, first) = posted()?;
    let read = f.session[first].clone();
    let mut unread = letters.record();
    unread.set("id", 1)?;
    unread.set("title", "merged")?;
    f.session.merge(unread)?;
    f.session.commit()?;
    let error = f.session.merge(read).expect_err("an older version");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    let first = letters.get(&mut f.session, 1)?.expect("a letter");
    assert_eq!(f.session[first].get::<String>("title")?, "merged");
    assert_eq!(f.session[first].get::<i32>("revision")?, 2);
    Ok(())
}

#[test]
fn deferred_columns_of_records_are_read_on_request() -> Result<()> {
    let (mut f, letters, first) = posted()?;
    let error = f.session[first]
        .get::<String>("body")
        .expect_err("not loaded");
    assert_eq!(
        (error.kind(), error.column_name()),
        (ErrorKind::NotLoaded, Some("body"))
    );
    assert_eq!(f.session[first].value("body"), None);
    assert_eq!(f.session[first].get::<String>("title")?, "first");
    f.forget();
    let body = || letters.column::<String>("body");
    for _ in 0..2 {
        f.session.undefer_all([first], body()?)?;
        assert_eq!(f.session[first].get::<String>("body")?, "long");
    }
    assert_eq!(f.sent().len(), 1);
    assert!(f.session[first].get::<Option<String>>("note").is_err());
    // In the query's own statement, for objects and for rows.
    f.session.clear();
    let query = letters
        .query()
        .undefer(body()?)
        .undefer(letters.column::<String>("seal")?);
    let found = query.one(&mut f.session)?;
    assert_eq!(f.sent().len(), 1);
    let rows = query.rows(&mut f.session)?;
    for letter in [&f.session[found], &rows[0]] {
        assert_eq!(letter.get::<String>("body")?, "long");
        assert_eq!(letter.get::<String>("seal")?, "wax");
        assert!(letter.get::<Option<String>>("note").is_err());
    }
    let error = letters.query().undefer(letters.column::<String>("title")?);
    let error = error.all(&mut f.session).expect_err("not deferred");
    assert_eq!(error.kind(), ErrorKind::Mapping);
    Ok(())
}

#[test]
fn deferred_columns_of_records_are_written_if_set() -> Result<()> {
    let (mut f, letters, first) = posted()?;
    f.session[first].set("title", "second")?;
    f.forget();
    f.session.flush()?;
    f.sends(&["UPDATE letters SET title = ?, revision = ? WHERE id = ? AND revision = ?"]);
    f.session[first].set("body", "longer")?;
    f.session.flush()?;
    f.sends(&["UPDATE letters SET body = ?, revision = ? WHERE id = ? AND revision = ?"]);
    f.session.rollback()?;
    assert!(
        f.session[first].get::<String>("body").is_err(),
        "unloaded again"
    );
    f.session
        .undefer_all([first], letters.column::<String>("body")?)?;
    assert_eq!(f.session[first].get::<String>("body")?, "long");
    f.session[first].set("body", "long")?;
    f.forget();
    f.session.flush()?;
    f.sends(&[]);
    // New records need those that are NOT NULL and have no default.
    f.session.rollback()?;
    let mut untold = letters.record();
    untold.set("title", "no body")?;
    f.session.add(untold);
    let error = f.session.flush().expect_err("no body");
    assert_eq!(
        (error.kind(), error.column_name()),
        (ErrorKind::Validation, Some("body"))
    );
    Ok(())
}

#[test]
fn rules_of_records_refuse_values_before_a_statement_is_sent() -> Result<()> {
    let (mut f, letters, first) = posted()?;
    f.session.commit()?;
    let wrong = [
        (
            "title",
            " first",
            "it has spaces around it (rejected by is_trimmed)",
        ),
        (
            "title",
            "much too long",
            "it is too long (rejected by is_short)",
        ),
        (
            "note",
            "much too long",
            "it is too long (rejected by is_short)",
        ),
    ];
    for (column, value, message) in wrong {
        f.session[first].set(column, value)?;
        f.forget();
        let error = f.session.flush().expect_err("refused");
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Validation, message)
        );
        assert_eq!(error.column_name(), Some(column));
        assert!(f.sent().iter().all(|sent| !sent.starts_with("UPDATE")));
        f.session.rollback()?;
    }
    f.session.add(letter(&letters, "new ", "body")?);
    let error = f.session.flush().expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Validation);
    f.session.rollback()?;
    f.session[first].set("note", None::<String>)?;
    f.session[first].set("title", "short")?;
    f.session.commit()?;
    Ok(())
}

#[test]
fn declarations_that_do_not_fit_are_refused() {
    let check = |tables: RecordTables, column: Option<&str>| {
        let error = tables.metadata().expect_err("refused");
        assert_eq!(
            (error.kind(), error.column_name()),
            (ErrorKind::Mapping, column),
            "{error}"
        );
        error.message().to_owned()
    };
    let tables = || RecordTables::new([letters()]);
    check(tables().version("envelopes", "revision"), None);
    for column in ["id", "title", "reply_to", "none"] {
        check(tables().version("letters", column), Some(column));
    }
    for column in ["id", "reply_to", "none"] {
        check(tables().deferred("letters", column), Some(column));
    }
    check(
        tables().validate("letters", "none", "is_short", is_short),
        Some("none"),
    );
    let both = tables().version("letters", "revision");
    check(
        both.clone().deferred("letters", "revision"),
        Some("revision"),
    );
    check(both.version("letters", "revision"), Some("revision"));
    // The same declarations are the same mapping.
    let of = |tables: RecordTables| {
        let metadata = tables.metadata().expect("it fits");
        metadata
            .records("letters")
            .expect("it is listed")
            .mapper()
            .id()
    };
    assert_eq!(of(declared()), of(declared()));
    assert_ne!(of(declared()), of(tables()));
}
