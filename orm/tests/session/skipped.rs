//! Rows that the database skips without an error: by a trigger with `RAISE(IGNORE)`, or by a constraint with `ON CONFLICT IGNORE`.

use selfsame::prelude::*;
use selfsame::session::State;
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{Album, Author, Draft, Fixture, Line, Person, Post, Seat, Tag, Track};

/// Makes the database skip rows of the table for which this is true.
fn skip(f: &Fixture, what: &str, table: &str, when: &str) -> Result<()> {
    f.in_another_session(|s| {
        let text = format!(
            "CREATE TRIGGER skip_{table}_{what} BEFORE {what} ON {table} WHEN {when} BEGIN SELECT RAISE(IGNORE); END"
        );
        s.sql(&text, ()).execute().map(drop)
    })
}

/// Asserts that the error describes what happened, and where; and that the session works after a rollback.
#[track_caller]
fn says(f: &mut Fixture, error: &Error, kind: ErrorKind, entity: &str, key: Option<&str>) {
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(error.entity_name(), Some(entity), "{error}");
    assert_eq!(error.key_text(), key, "{error}");
    assert!(error.statement_text().is_some(), "{error}");
    f.session.rollback().expect("rolls back");
}

fn seat(row: i32, place: &str) -> Seat {
    Seat::new(row, place, false)
}

#[test]
fn a_new_row_that_is_skipped_is_an_error() -> Result<()> {
    let mut f = Fixture::new()?;
    skip(&f, "INSERT", "authors", "new.name = 'no'")?;
    skip(&f, "INSERT", "seats", "new.row = 0")?;
    skip(&f, "INSERT", "lines", "new.price = 0")?;

    // With a generated key, with a computed column, and with all columns set.
    let ann = f.session.add(Author::new("no"));
    let error = f.session.commit().expect_err("it was skipped");
    says(&mut f, &error, ErrorKind::Database, "Author", None);
    assert_eq!(f.session.state(ann), State::Transient);
    f.session.add(Line::new(0, 3));
    let error = f.session.commit().expect_err("it was skipped");
    says(&mut f, &error, ErrorKind::Database, "Line", None);
    f.session.add(seat(0, "a"));
    let error = f.session.commit().expect_err("it was skipped");
    let key = Some("(0, \"a\")");
    says(&mut f, &error, ErrorKind::Database, "Seat", key);
    f.holds::<Author>(0);
    f.holds::<Line>(0);
    f.holds::<Seat>(0);
    Ok(())
}

#[test]
fn one_of_many_new_rows_that_is_skipped_undoes_the_others() -> Result<()> {
    let mut f = Fixture::new()?;
    skip(&f, "INSERT", "authors", "new.name = 'no'")?;
    skip(&f, "INSERT", "seats", "new.row = 0")?;
    skip(&f, "INSERT", "lines", "new.price = 0")?;
    skip(&f, "INSERT", "drafts", "new.name = 'no'")?;
    for count in [2, 70, 600] {
        for at in [0, count - 1] {
            let number = |row: i32| i32::from(row != at) * row.max(1);
            let authors = (0..count).map(|row| match row == at {
                true => Author::new("no"),
                false => Author::new(row.to_string()),
            });
            f.session.add_all(authors.collect::<Vec<_>>());
            f.forget();
            let error = f.session.commit().expect_err("one was skipped");
            // Which one cannot be looked up without keys.
            assert!(!f.sent().iter().any(|text| text.starts_with("SELECT")));
            says(&mut f, &error, ErrorKind::Database, "Author", None);
            let lines = (0..count).map(|row| Line::new(i64::from(number(row)), 1));
            f.session.add_all(lines.collect::<Vec<_>>());
            let error = f.session.commit().expect_err("one was skipped");
            says(&mut f, &error, ErrorKind::Database, "Line", None);
            let seats = (0..count).map(|row| seat(number(row), &row.to_string()));
            f.session.add_all(seats.collect::<Vec<_>>());
            let error = f.session.commit().expect_err("one was skipped");
            let key = format!("(0, \"{at}\")");
            says(&mut f, &error, ErrorKind::Database, "Seat", Some(&key));
            let error = f
                .session
                .insert_all((0..count).map(|row| seat(number(row), &row.to_string())))
                .expect_err("one was skipped");
            says(&mut f, &error, ErrorKind::Database, "Seat", Some(&key));
        }
    }
    f.session
        .add_all(["a", "no", "b"].map(|name| Draft::new(name, "")));
    let error = f.session.commit().expect_err("one was skipped");
    says(&mut f, &error, ErrorKind::Database, "Draft", Some("\"no\""));
    f.holds::<Author>(0);
    f.holds::<Line>(0);
    f.holds::<Seat>(0);
    f.holds::<Draft>(0);
    Ok(())
}

#[test]
fn a_row_that_its_constraint_ignores_is_an_error() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|s| {
        s.sql("DROP TABLE seats", ()).execute()?;
        s.sql(
            "CREATE TABLE seats (row INTEGER NOT NULL, place TEXT NOT NULL, taken BOOLEAN NOT NULL,
             PRIMARY KEY (row, place) ON CONFLICT IGNORE)",
            (),
        )
        .execute()?;
        s.sql("INSERT INTO seats VALUES (1, 'b', 1)", ())
            .execute()
            .map(drop)
    })?;
    for places in [&["b"][..], &["a", "b", "c"]] {
        let seats = places.iter().map(|&place| seat(1, place));
        f.session.add_all(seats.collect::<Vec<_>>());
        let error = f.session.commit().expect_err("one is there already");
        let key = Some("(1, \"b\")");
        says(&mut f, &error, ErrorKind::Database, "Seat", key);
        f.holds::<Seat>(1);
    }
    // An UPDATE to its key.
    let other = f.session.add(seat(2, "b"));
    f.session.commit()?;
    f.session.refresh(other)?;
    f.session[other].row = 1;
    let error = f.session.commit().expect_err("the key is taken");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    f.session.rollback()?;
    let rows: Vec<(i32, bool)> = f
        .session
        .sql("SELECT row, taken FROM seats ORDER BY row", ())
        .all()?;
    assert_eq!(rows, [(1, true), (2, false)]);
    Ok(())
}

#[test]
fn a_changed_row_that_is_skipped_is_an_error() -> Result<()> {
    let mut f = Fixture::new()?;
    let authors = f.session.add_all(["a", "b", "c"].map(Author::new));
    let draft = f.session.add(Draft::new("d", "x"));
    f.session.commit()?;
    skip(&f, "UPDATE", "authors", "old.name = 'b'")?;
    skip(&f, "UPDATE", "drafts", "1")?;
    for changed in [&authors[1..2], &authors[..]] {
        Author::query().all(&mut f.session)?;
        for &author in changed {
            f.session[author].age = Some(1);
        }
        let error = f.session.commit().expect_err("one was skipped");
        let key = Some(f.session[authors[1]].id.to_string());
        says(
            &mut f,
            &error,
            ErrorKind::StaleData,
            "Author",
            key.as_deref(),
        );
    }
    for &author in &authors {
        f.session.set_expr(author, Author::AGE, Author::AGE + 1)?;
    }
    assert!(f.session.flush().is_err());
    f.session.rollback()?;
    f.session.refresh(draft)?;
    f.session[draft].text = "y".into();
    let error = f.session.commit().expect_err("it was skipped");
    says(&mut f, &error, ErrorKind::StaleData, "Draft", Some("\"d\""));
    let changed = Author::query().filter(Author::AGE.is_not_null());
    assert_eq!(changed.count(&mut f.session)?, 0);
    Ok(())
}

#[test]
fn a_row_whose_deletion_is_skipped_is_an_error() -> Result<()> {
    let mut f = Fixture::new()?;
    let people = f.session.add_all(["a", "b", "c"].map(Person::new));
    let seats = f
        .session
        .add_all(["a", "b", "c"].map(|place| seat(1, place)));
    f.session.commit()?;
    skip(&f, "DELETE", "people", "old.name = 'b'")?;
    skip(&f, "DELETE", "seats", "old.place = 'b'")?;
    for gone in [&people[1..2], &people[..]] {
        for &person in gone {
            f.session.delete(person)?;
        }
        let error = f.session.commit().expect_err("one was skipped");
        let key = Some(f.session[people[1]].id.to_string());
        says(
            &mut f,
            &error,
            ErrorKind::StaleData,
            "Person",
            key.as_deref(),
        );
    }
    for gone in [&seats[1..2], &seats[..]] {
        for &seat in gone {
            f.session.delete(seat)?;
        }
        let error = f.session.commit().expect_err("one was skipped");
        let key = Some("(1, \"b\")");
        says(&mut f, &error, ErrorKind::StaleData, "Seat", key);
    }
    f.holds::<Person>(3);
    f.holds::<Seat>(3);
    Ok(())
}

#[test]
fn pairs_that_are_skipped_are_errors() -> Result<()> {
    let mut f = Fixture::new()?;
    let post = f.session.add(Post::new("p"));
    let tags = f.session.add_all(["a", "b", "c"].map(Tag::new));
    f.session.commit()?;
    let number = f.session[tags[1]].id.to_string();
    skip(&f, "INSERT", "post_tags", &format!("new.tag_id = {number}"))?;
    let pairs = |f: &mut Fixture| -> Result<Vec<(i64,)>> {
        f.session.sql("SELECT tag_id FROM post_tags", ()).all()
    };
    for pushed in [&tags[1..2], &tags[..]] {
        for &tag in pushed {
            f.session.push(post, Post::TAGS, tag)?;
        }
        let error = f.session.commit().expect_err("one was skipped");
        assert_eq!(error.key_text().is_some(), pushed.len() == 1);
        assert_eq!(error.entity_name(), Some("post_tags"));
        assert_eq!(error.kind(), ErrorKind::Database);
        assert!(error.statement_text().is_some());
        f.session.rollback()?;
        assert_eq!(pairs(&mut f)?, []);
    }
    f.session.push(post, Post::TAGS, tags[0])?;
    f.session.push(post, Post::TAGS, tags[2])?;
    f.session.commit()?;
    skip(&f, "DELETE", "post_tags", "1")?;
    for &removed in &[1, 2] {
        for &tag in [tags[0], tags[2]].iter().take(removed) {
            f.session.remove(post, Post::TAGS, tag)?;
        }
        let error = f.session.commit().expect_err("one was skipped");
        assert_eq!(error.kind(), ErrorKind::StaleData);
        assert_eq!(error.entity_name(), Some("post_tags"));
        f.session.rollback()?;
        assert_eq!(pairs(&mut f)?.len(), 2);
    }
    // All pairs of a deleted row: a remaining pair would violate the foreign key.
    f.session.delete(post)?;
    let error = f.session.commit().expect_err("its pairs were skipped");
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation);
    f.session.rollback()?;
    f.holds::<Post>(1);
    Ok(())
}

#[test]
fn children_that_are_skipped_undo_their_parents_and_only_their_savepoint() -> Result<()> {
    let mut f = Fixture::new()?;
    skip(&f, "INSERT", "tracks", "new.title = 'no'")?;
    let first = f.session.add(Album::new("first"));
    f.session.flush()?;
    let result = f.session.savepoint(|s| {
        s.add(Album {
            tracks: [Track::new("yes", 0), Track::new("no", 0)].into(),
            ..Album::new("second")
        });
        Ok(())
    });
    let error = result.expect_err("a track was skipped");
    assert_eq!(error.kind(), ErrorKind::Database);
    assert_eq!(f.session.state(first), State::Persistent);
    f.session.commit()?;
    f.holds::<Album>(1);
    f.holds::<Track>(0);
    Ok(())
}
