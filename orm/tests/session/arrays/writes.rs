//! UPDATEs and DELETEs of several rows with arrays, and those that go one by one.

use selfsame::prelude::*;
use selfsame::sql::case;
use selfsame::value::Value;
use selfsame::{ErrorKind, Result};

use super::{Answer, Script};
use crate::fixture::{Author, Draft, Post, Seat, Site};

/// Its table is named as the arrays of an UPDATE are.
#[derive(Entity, Clone, Debug)]
#[orm(table = "v")]
struct Volume {
    #[orm(primary_key)]
    id: i64,
    pages: i64,
}

fn authors<const N: usize>(
    session: &mut Session,
    script: &Script,
    names: [&'static str; N],
) -> Result<[Handle<Author>; N]> {
    let mut number = 0;
    script.rows(names.map(|name| {
        number += 1;
        (number, name)
    }));
    let authors = session.add_all(names.map(Author::new));
    session.flush()?;
    script.sent();
    Ok(authors)
}

#[test]
fn rows_are_written_and_deleted_by_one_statement_and_one_as_values() -> Result<()> {
    let (mut session, script) = Script::session();
    let [ann, bob, eve] = authors(&mut session, &script, ["ann", "bob", "eve"])?;
    for author in [ann, bob] {
        session[author].age = Some(3);
    }
    session.flush()?;
    session[eve].age = Some(3);
    session.flush()?;
    assert_eq!(script.sent(), ["UPDATE authors AS 2", "UPDATE authors SET"]);
    session.delete(ann)?;
    session.delete(bob)?;
    session.flush()?;
    session.delete(eve)?;
    session.flush()?;
    let sent = script.sent();
    let deletes: Vec<&String> = sent
        .iter()
        .filter(|sent| sent.starts_with("DELETE"))
        .collect();
    assert_eq!(deletes, ["DELETE FROM authors 2", "DELETE FROM authors"]);
    Ok(())
}

#[test]
fn a_row_that_is_not_deleted_is_named() -> Result<()> {
    for count in [1, 3] {
        let (mut session, script) = Script::session();
        let seats: Vec<Seat> = (1..=count).map(|row| Seat::new(row, "a", false)).collect();
        let seats = session.add_all(seats);
        session.flush()?;
        script.sent();
        for &seat in &seats {
            session.delete(seat)?;
        }
        script.answer(Answer::Matched(u64::try_from(count).unwrap_or(0) - 1));
        // The one that was not matched is still there, with another version or key.
        let row = vec![
            Value::I32(count),
            Value::Text("a".to_owned()),
            Value::Bool(false),
        ];
        script.answer(Answer::Rows(vec![row]));
        let error = session.flush().expect_err("a row is gone");
        assert_eq!(error.kind(), ErrorKind::StaleData);
        assert_eq!(error.key_text(), Some(&*format!("({count}, \"a\")")));
    }
    Ok(())
}

#[test]
fn long_keys_of_pairs_are_split() -> Result<()> {
    let (mut session, script) = Script::session();
    let name = |n: u8| format!("{n}{}", "x".repeat(3 << 20));
    let site = session.add(Site::new(name(0)));
    let others = session.add_all([1, 2, 3].map(|n| Site::new(name(n))));
    session.flush()?;
    script.sent();
    let links = |script: &Script| -> Vec<String> {
        let sent = script.sent().into_iter();
        sent.filter(|sent| !sent.starts_with("SELECT")).collect()
    };
    session.replace(site, Site::LINKS, others)?;
    session.flush()?;
    assert_eq!(
        links(&script),
        ["INSERT INTO links 2", "INSERT INTO links 1"]
    );
    session.replace(site, Site::LINKS, [])?;
    session.flush()?;
    assert_eq!(
        links(&script),
        ["DELETE FROM links 2", "DELETE FROM links 1"]
    );
    for site in others {
        session.delete(site)?;
    }
    session.flush()?;
    let sent = script.sent();
    let sites: Vec<&String> = sent
        .iter()
        .filter(|sent| sent.starts_with("DELETE FROM sites"))
        .collect();
    assert_eq!(sites, ["DELETE FROM sites 3"]);
    Ok(())
}

#[test]
fn pairs_of_deleted_objects_go_by_one_statement() -> Result<()> {
    let (mut session, script) = Script::session();
    script.rows([(1, "a"), (2, "b")]);
    let posts = session.add_all(["a", "b"].map(Post::new));
    session.flush()?;
    session.expire_all();
    script.sent();
    for post in posts {
        session.delete(post)?;
    }
    session.flush()?;
    assert_eq!(
        script.sent(),
        [
            "DELETE FROM post_tags 2",
            "DELETE FROM post_seats 2",
            "DELETE FROM posts 2"
        ]
    );
    Ok(())
}

#[test]
fn expressions_of_a_table_named_as_the_arrays_go_one_by_one() -> Result<()> {
    let (mut session, script) = Script::session();
    let volumes = session.add_all([1, 2].map(|id| Volume::new(id, 10)));
    session.flush()?;
    script.sent();
    for volume in volumes {
        session.set_expr(volume, Volume::PAGES, Volume::PAGES + 1)?;
    }
    session.flush()?;
    let update = "UPDATE v SET pages = pages + ? WHERE id = ?";
    assert_eq!(script.sent(), [update; 2]);
    Ok(())
}

#[test]
fn expressions_with_lists_of_their_own_go_one_by_one() -> Result<()> {
    let (mut session, script) = Script::session();
    let [ann, bob] = authors(&mut session, &script, ["ann", "bob"])?;
    for (author, id) in [(ann, 1), (bob, 2)] {
        let older = case(Author::ID.in_([id]), Author::AGE + 1).otherwise(Author::AGE + 2);
        session.set_expr(author, Author::AGE, older)?;
    }
    session.flush()?;
    let update = "UPDATE authors SET age = CASE WHEN id = ANY(?::any[]) THEN age + ? ELSE age + ? END WHERE id = ? 1";
    assert_eq!(script.sent(), [update; 2]);
    Ok(())
}

#[test]
fn the_same_expression_beside_other_changes_travels_as_arrays() -> Result<()> {
    let (mut session, script) = Script::session();
    let drafts = session.add_all(["a", "b", "c"].map(|name| Draft::new(name, "x")));
    session.flush()?;
    script.sent();
    for draft in drafts {
        session.set_expr(draft, Draft::TEXT, Draft::TEXT.concat("!"))?;
        session[draft].origin_name = Some("a".to_owned());
    }
    script.answer(Answer::Matched(2));
    let row = |name: &str, version| {
        let (name, origin) = (Value::Text(name.to_owned()), Value::Text("a".to_owned()));
        vec![
            name,
            Value::Text("x!".to_owned()),
            Value::I32(version),
            origin,
        ]
    };
    script.answer(Answer::Rows(vec![row("a", 2), row("b", 2), row("c", 1)]));
    let error = session.flush().expect_err("one is not written");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    assert_eq!(error.key_text(), Some("\"c\""));
    assert_eq!(script.sent()[0], "UPDATE drafts SET 3");
    Ok(())
}

#[test]
fn a_row_that_an_expression_does_not_reach_is_named() -> Result<()> {
    let (mut session, script) = Script::session();
    let volumes = session.add_all([1, 2, 3].map(|id| Volume::new(id, 10)));
    session.flush()?;
    for volume in volumes {
        session.set_expr(volume, Volume::PAGES, Volume::PAGES + 1)?;
    }
    script.answer(Answer::Matched(1));
    script.answer(Answer::Matched(0));
    script.sent();
    let error = session.flush().expect_err("the second is gone");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    assert_eq!(error.key_text(), Some("2"));
    assert_eq!(script.sent().len(), 3);
    Ok(())
}
