//! Statements with arrays, sent to a fake database whose responses the test sets.

mod writes;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use selfsame::backend::{Backend, Connection, Outcome, Row, Statement};
use selfsame::dialect::{Batch, Capabilities, Dialect};
use selfsame::prelude::*;
use selfsame::schema::ColumnType;
use selfsame::value::{Param, Value, ValueRef, ValueType};
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{Author, Draft, Post, Seat, Tag};

/// Has a generated key of a small integer type.
#[derive(Entity, Clone, Debug)]
#[orm(table = "turns")]
struct Turn {
    #[orm(primary_key)]
    id: Auto<i16>,
    who: String,
}

/// Has only a generated key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "tickets")]
struct Ticket {
    #[orm(primary_key)]
    id: Auto<i64>,
}

/// The received statements, and the responses to the next ones.
#[derive(Debug, Default)]
struct Script {
    sent: Mutex<Vec<String>>,
    answers: Mutex<VecDeque<Answer>>,
}

#[derive(Debug)]
enum Answer {
    Rows(Vec<Vec<Value>>),
    Matched(u64),
}

#[derive(Debug)]
struct Arrays {
    script: Arc<Script>,
    returning: bool,
}

impl Script {
    fn session() -> (Session, Arc<Self>) {
        Self::session_on(true)
    }

    /// A database with or without RETURNING.
    fn session_on(returning: bool) -> (Session, Arc<Self>) {
        let script = Arc::new(Self::default());
        let backend = Arrays {
            script: Arc::clone(&script),
            returning,
        };
        (Session::new(&Engine::new(backend)), script)
    }

    fn answer(&self, answer: Answer) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push_back(answer);
    }

    /// Responds with rows of one key each.
    fn keys<const N: usize>(&self, keys: [i64; N]) {
        let row = |key| vec![Value::I64(key)];
        self.answer(Answer::Rows(keys.map(row).into()));
    }

    /// Responds with rows of a key and the sent text, which identifies each row.
    fn rows<const N: usize>(&self, rows: [(i64, &str); N]) {
        let row = |(key, text): (i64, &str)| vec![Value::I64(key), Value::Text(text.to_owned())];
        self.answer(Answer::Rows(rows.map(row).into()));
    }

    /// The beginning of each statement received since the last call, with the number of rows in its arrays; SELECTs in full.
    fn sent(&self) -> Vec<String> {
        std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self, statement: &Statement<'_>) -> Option<Answer> {
        let text = statement.sql.text().replace('"', "");
        let rows = statement.params.iter().find_map(|param| match param {
            Param::Column(column) => Some(column.len()),
            _ => None,
        });
        let end = if text.contains("RETURNING") {
            " RETURNING"
        } else {
            ""
        };
        let words = if text.starts_with("SELECT") || text.contains(" + ") {
            usize::MAX
        } else {
            3
        };
        let begin: Vec<&str> = text.split(' ').take(words).collect();
        let rows = rows.map(|rows| format!(" {rows}")).unwrap_or_default();
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.push(format!("{}{rows}{end}", begin.join(" ")));
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.pop_front()
    }
}

impl Backend for Arrays {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        Ok(Box::new(Self {
            script: Arc::clone(&self.script),
            ..*self
        }))
    }

    fn dialect(&self) -> &dyn Dialect {
        self
    }
}

impl Connection for Arrays {
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome> {
        let is_command = matches!(statement.sql.text(), "BEGIN" | "COMMIT" | "ROLLBACK");
        if is_command {
            let mut sent = self
                .script
                .sent
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            sent.push(statement.sql.text().to_owned());
            return Ok(Outcome::matched(0));
        }
        match self.script.take(statement) {
            Some(Answer::Matched(rows)) => Ok(Outcome::matched(rows)),
            // As many rows as were sent.
            _ => {
                let rows = statement.params.iter().find_map(|param| match param {
                    Param::Column(column) => u64::try_from(column.len()).ok(),
                    _ => None,
                });
                Ok(Outcome::matched(rows.unwrap_or(1)))
            }
        }
    }

    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        match self.script.take(statement) {
            Some(Answer::Rows(rows)) => rows.iter().try_for_each(|row| sink(&Values(row))),
            _ => Ok(()),
        }
    }

    fn reset(&mut self, _: bool) -> Result<()> {
        Ok(())
    }

    fn server_version(&mut self) -> Result<String> {
        Ok("scripted".to_owned())
    }
}

impl Dialect for Arrays {
    fn name(&self) -> &str {
        "arrays"
    }

    fn column_type(&self, _: &ColumnType) -> Cow<'static, str> {
        "any".into()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
            .with_transactions(true)
            .with_generated_keys(true)
            .with_returning(self.returning)
    }

    fn batch(&self) -> Batch {
        Batch::Arrays
    }
}

struct Values<'a>(&'a [Value]);

impl Row for Values<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn name(&self, _: usize) -> &str {
        ""
    }

    fn value(&self, index: usize, ty: ValueType) -> Result<ValueRef<'_>> {
        let narrow = || Error::new(ErrorKind::Conversion, "not of the requested type");
        match (&self.0[index], ty) {
            (Value::I64(value), ValueType::I16) => i16::try_from(*value)
                .map(ValueRef::I16)
                .map_err(|_| narrow()),
            (value, _) => Ok(value.as_ref()),
        }
    }
}

#[test]
fn keys_find_their_objects_in_whatever_order_they_come() -> Result<()> {
    let (mut session, script) = Script::session();
    let authors = session.add_all(["a", "b", "c"].map(Author::new));
    script.rows([(9, "c"), (7, "a"), (8, "b")]);
    session.commit()?;
    // One statement needs no transaction.
    assert_eq!(script.sent(), ["INSERT INTO authors 3 RETURNING"]);
    assert_eq!(authors.map(|author| *session[author].id), [7, 8, 9]);
    let turns = session.add_all(["x", "y"].map(Turn::new));
    script.rows([(1, "y"), (2, "x")]);
    session.commit()?;
    assert_eq!(turns.map(|turn| *session[turn].id), [2, 1]);
    Ok(())
}

#[test]
fn rows_that_are_changed_on_their_way_go_by_keys_that_ascend() -> Result<()> {
    let (mut session, script) = Script::session();
    let authors = session.add_all(["a", "b"].map(Author::new));
    script.rows([(7, "A"), (9, "B")]);
    session.flush()?;
    assert_eq!(authors.map(|author| *session[author].id), [7, 9]);
    session.add_all(["c", "d"].map(Author::new));
    script.rows([(9, "C"), (7, "D")]);
    let error = session.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Database);
    assert!(
        error.to_string().contains("matched with their objects"),
        "{error}"
    );
    Ok(())
}

#[test]
fn one_row_travels_as_values() -> Result<()> {
    let (mut session, script) = Script::session();
    let ann = session.add(Author::new("ann"));
    script.keys([5]);
    session.commit()?;
    assert_eq!(script.sent(), ["INSERT INTO authors RETURNING"]);
    assert_eq!(*session[ann].id, 5);
    assert_eq!(session.insert_all([Author::new("x")])?, 1);
    assert_eq!(session.insert_all(["x", "y"].map(Author::new))?, 2);
    assert_eq!(
        script.sent(),
        ["BEGIN", "INSERT INTO authors", "INSERT INTO authors 2"]
    );
    Ok(())
}

#[test]
fn a_statement_for_many_rows_carries_so_many_bytes() -> Result<()> {
    let (mut session, script) = Script::session();
    let long = "x".repeat(3 << 20);
    session.add_all([1, 2, 3].map(|row| Seat::new(row, &*long, false)));
    session.flush()?;
    assert_eq!(
        script.sent(),
        ["BEGIN", "INSERT INTO seats 2", "INSERT INTO seats 1"]
    );
    Ok(())
}

#[test]
fn parameters_of_expressions_travel_as_arrays() -> Result<()> {
    let (mut session, script) = Script::session();
    script.rows([(1, "ann"), (2, "bob"), (3, "eve")]);
    let authors = session.add_all(["ann", "bob", "eve"].map(Author::new));
    session.flush()?;
    script.sent();
    for (author, years) in authors.into_iter().zip([10, 20, 30]) {
        let age = Author::AGE + years + 1;
        session.set_expr(author, Author::AGE, age)?;
    }
    session.flush()?;
    assert_eq!(
        script.sent(),
        [
            "UPDATE authors SET age = (authors.age + (v.p1)) + (v.p2) FROM UNNEST(?::any[], ?::any[], ?::any[]) AS v(k1, p1, p2) WHERE authors.id = v.k1 3"
        ]
    );
    Ok(())
}

#[test]
fn one_expression_for_all_rows_has_its_parameters_once() -> Result<()> {
    let (mut session, script) = Script::session();
    script.rows([(1, "ann"), (2, "bob")]);
    let authors = session.add_all(["ann", "bob"].map(Author::new));
    session.flush()?;
    script.sent();
    for author in authors {
        session.set_expr(author, Author::AGE, Author::AGE + 1)?;
    }
    script.answer(Answer::Matched(1));
    let error = session.flush().expect_err("one row is gone");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    assert_eq!(
        script.sent()[0],
        "UPDATE authors SET age = authors.age + ? FROM UNNEST(?::any[]) AS v(k1) WHERE authors.id = v.k1 2"
    );
    Ok(())
}

type Tagged = (Session, Arc<Script>, Handle<Post>, [Handle<Tag>; 3]);

/// A post with three tags, flushed.
fn tagged() -> Result<Tagged> {
    let (mut session, script) = Script::session();
    let post = session.add(Post::new("p"));
    let tags = session.add_all(["a", "b", "c"].map(Tag::new));
    session.replace(post, Post::TAGS, tags)?;
    script.keys([1]);
    script.rows([(1, "a"), (2, "b"), (3, "c")]);
    session.flush()?;
    assert_eq!(
        script.sent(),
        [
            "BEGIN",
            "INSERT INTO posts RETURNING",
            "INSERT INTO tags 3 RETURNING",
            "INSERT INTO post_tags 3",
        ]
    );
    Ok((session, script, post, tags))
}

#[test]
fn pairs_travel_as_arrays_and_one_as_values() -> Result<()> {
    let (mut session, script, post, tags) = tagged()?;
    session.replace(post, Post::TAGS, [tags[2]])?;
    session.flush()?;
    assert_eq!(script.sent(), ["DELETE FROM post_tags 2"]);
    session.remove(post, Post::TAGS, tags[2])?;
    session.flush()?;
    assert_eq!(script.sent(), ["DELETE FROM post_tags"]);
    session.push(post, Post::TAGS, tags[0])?;
    session.flush()?;
    assert_eq!(script.sent(), ["INSERT INTO post_tags"]);
    Ok(())
}

#[test]
fn pairs_that_the_database_does_not_write_or_find_are_errors() -> Result<()> {
    let (mut session, script, post, tags) = tagged()?;
    session.replace(post, Post::TAGS, [])?;
    script.answer(Answer::Matched(2));
    let error = session.flush().expect_err("one is not there");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    assert_eq!(error.entity_name(), Some("post_tags"));

    let (mut session, script, post, _) = tagged()?;
    session.replace(post, Post::TAGS, [])?;
    session.flush()?;
    let _ = tags;
    let more = session.add_all(["d", "e"].map(Tag::new));
    session.replace(post, Post::TAGS, more)?;
    script.rows([(4, "d"), (5, "e")]);
    script.answer(Answer::Matched(1));
    let error = session.flush().expect_err("one was skipped");
    assert_eq!(error.kind(), ErrorKind::Database);
    assert_eq!(error.entity_name(), Some("post_tags"));
    Ok(())
}

#[test]
fn one_key_is_looked_up_as_a_value_and_many_as_an_array() -> Result<()> {
    let (mut session, script) = Script::session();
    session.get_many::<Ticket>([1])?;
    session.get_many::<Ticket>([1, 2, 3])?;
    assert_eq!(
        script.sent(),
        [
            "BEGIN",
            "SELECT id FROM tickets WHERE id = ?",
            "SELECT id FROM tickets WHERE id = ANY(?::any[]) 3",
        ]
    );
    Ok(())
}

#[test]
fn rows_whose_keys_are_known_come_back_with_nothing() -> Result<()> {
    let (mut session, script) = Script::session();
    session.add_all([1, 2].map(|row| Seat::new(row, "a", false)));
    session.commit()?;
    // If the database skips one, the other must be undone.
    assert_eq!(script.sent(), ["BEGIN", "INSERT INTO seats 2", "COMMIT"]);
    session.add(Seat::new(3, "a", false));
    session.commit()?;
    assert_eq!(script.sent(), ["INSERT INTO seats"]);
    Ok(())
}

#[test]
fn rows_that_the_database_skipped_are_an_error() -> Result<()> {
    let (mut session, script) = Script::session();
    let row = |row, place: &str, taken| {
        let place = Value::Text(place.to_owned());
        vec![Value::I32(row), place, Value::Bool(taken)]
    };
    for (found, named) in [
        (vec![row(1, "a", false)], "(2, \"a\")"),
        // A row of another session has the key.
        (vec![row(2, "a", false), row(1, "a", true)], "(1, \"a\")"),
    ] {
        session.add_all([1, 2].map(|row| Seat::new(row, "a", false)));
        script.answer(Answer::Matched(1));
        script.answer(Answer::Rows(found));
        let error = session.commit().expect_err("one was skipped");
        assert_eq!(error.kind(), ErrorKind::Database);
        assert_eq!(error.key_text(), Some(named), "{error}");
        session.rollback()?;
        assert_eq!(script.sent().last().map(String::as_str), Some("ROLLBACK"));
    }
    Ok(())
}

#[test]
fn rows_without_columns_go_one_by_one() -> Result<()> {
    let (mut session, script) = Script::session();
    let tickets = session.add_all([(), ()].map(|()| Ticket::new()));
    script.keys([3]);
    script.keys([4]);
    session.commit()?;
    let insert = "INSERT INTO tickets RETURNING";
    assert_eq!(script.sent(), ["BEGIN", insert, insert, "COMMIT"]);
    assert_eq!(tickets.map(|ticket| *session[ticket].id), [3, 4]);
    Ok(())
}

#[test]
fn a_row_that_does_not_come_back_is_an_error() {
    let (mut session, script) = Script::session();
    session.add_all(["a", "b"].map(Author::new));
    script.rows([(1, "a")]);
    let error = session.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Database);
    assert!(
        error.to_string().contains("the INSERT of 2 rows wrote 1"),
        "{error}"
    );
    assert_eq!(
        session.flush().unwrap_err().kind(),
        ErrorKind::PendingRollback
    );
}

#[test]
fn the_missing_row_of_many_is_named() -> Result<()> {
    let (mut session, script) = Script::session();
    let drafts = session.add_all(["a", "b", "c"].map(|name| Draft::new(name, "")));
    session.flush()?;
    assert_eq!(script.sent(), ["BEGIN", "INSERT INTO drafts 3"]);
    for draft in drafts {
        session[draft].text = "new".into();
    }
    let row = |name: &str, version| {
        let name = Value::Text(name.to_owned());
        let text = Value::Text("new".to_owned());
        vec![name, text, Value::I32(version), Value::Null]
    };
    // A row written by the statement has the next version; any other version is a concurrent change.
    script.answer(Answer::Matched(2));
    script.answer(Answer::Rows(vec![row("a", 2), row("b", 5), row("c", 2)]));
    let error = session.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaleData);
    assert_eq!(error.key_text(), Some("\"b\""));
    assert_eq!(script.sent()[0], "UPDATE drafts AS 3");
    Ok(())
}

#[test]
fn without_returning_the_keys_of_what_a_bulk_delete_takes_are_read_first() -> Result<()> {
    let (mut session, script) = Script::session_on(false);
    let seats = session.add_all([1, 2].map(|row| Seat::new(row, "a", row == 1)));
    session.flush()?;
    script.sent();
    let row = vec![Value::I32(2), Value::Text("a".to_owned())];
    script.answer(Answer::Rows(vec![row]));
    let free = Seat::query().filter(Seat::TAKEN.eq(false));
    assert_eq!(free.delete().execute(&mut session)?, 1);
    assert_eq!(
        script.sent(),
        [
            "SELECT row, place FROM seats WHERE taken = ?",
            "DELETE FROM seats"
        ]
    );
    let states = seats.map(|seat| session.state(seat));
    assert_eq!(states, [State::Persistent, State::Deleted]);
    Ok(())
}
