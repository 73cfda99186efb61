//! The order and the number of statements of a flush.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result, assert_statements};
use selfsame_sqlite::Sqlite;

use crate::fixture::{
    Album, Author, Book, Credit, Draft, Fixture, Member, Node, Region, Seat, Shop, Team, Track,
    Word,
};

#[test]
fn parents_are_written_first_whatever_was_added_first() -> Result<()> {
    let mut f = Fixture::new()?;
    let book = f.session.add(Book::new("b"));
    let ann = f.session.add(Author::new("ann"));
    f.session.set(book, Book::AUTHOR, Some(ann))?;
    f.session.commit()?;
    f.sends(&[
        "BEGIN IMMEDIATE",
        "INSERT INTO authors (name, age, height) 1",
        "INSERT INTO books (title, author_id) 1",
        "COMMIT",
    ]);
    assert_eq!(f.session[book].author_id, Some(1));
    Ok(())
}

#[test]
fn keys_that_are_those_of_new_parents_are_found_in_the_flush() -> Result<()> {
    let mut f = Fixture::new()?;
    let [ann, bob] = ["ann", "bob"].map(|name| f.session.add(Author::new(name)));
    let team = f.session.add(Team::new("t"));
    let credit = |author: Handle<Author>| Credit {
        author: author.into(),
        team: team.into(),
        ..Credit::new(0, 0)
    };
    let credits = [ann, bob].map(|author| f.session.add(credit(author)));
    f.session.commit()?;
    assert_eq!(f.session.get::<Credit>((2, 1))?, Some(credits[1]));
    f.holds::<Credit>(2);
    let other = f.session.add(Team::new("u"));
    let twice = |author: Handle<Author>| Credit {
        author: author.into(),
        team: other.into(),
        ..Credit::new(0, 0)
    };
    f.session.add_all([twice(ann), twice(ann)]);
    let error = f.session.flush().expect_err("one key twice");
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    Ok(())
}

#[test]
fn rows_of_one_shape_are_one_statement_and_keys_come_back_to_their_own() -> Result<()> {
    let mut f = Fixture::new()?;
    let names: Vec<Author> = (0..64).map(|n| Author::new(format!("n{n}"))).collect();
    let authors = f.session.add_all(names);
    f.session.flush()?;
    f.sends(&[
        "BEGIN IMMEDIATE",
        "LAST KEY",
        "INSERT INTO authors (name, age, height) 64",
    ]);
    for (at, author) in authors.iter().enumerate() {
        assert_eq!(f.session[*author].id.get(), Some(&(at as i64 + 1)));
        assert_eq!(f.session[*author].name, format!("n{at}"));
    }
    for author in &authors[..3] {
        f.session[*author].age = Some(1);
    }
    f.session.delete(authors[9])?;
    f.session.delete(authors[8])?;
    f.session.flush()?;
    f.sends(&[
        "SELECT books WHERE author_id IN (?, ?)",
        "UPDATE authors SET age = ? WHERE id = ? × 3",
        "DELETE FROM authors WHERE id IN (?, ?)",
    ]);
    f.session.commit()?;
    f.holds::<Author>(62);
    Ok(())
}

#[test]
fn a_relation_beats_a_column() -> Result<()> {
    let mut f = Fixture::new()?;
    let [ann, bob] = f.session.add_all([Author::new("ann"), Author::new("bob")]);
    let book = f.session.add(Book::new("b"));
    f.session.commit()?;
    f.session[book].author_id = Some(1);
    f.session.set(book, Book::AUTHOR, Some(bob))?;
    f.session.commit()?;
    f.session.refresh(book)?;
    assert_eq!(f.session[book].author_id, Some(2));
    f.session[book].author_id = Some(1);
    assert_eq!(f.session.load(book, Book::AUTHOR)?, Some(ann));
    Ok(())
}

#[test]
fn a_tree_is_written_level_by_level() -> Result<()> {
    let mut f = Fixture::new()?;
    let root = f.session.add(Node {
        children: [
            Node {
                children: [Node::new("a1"), Node::new("a2")].into(),
                ..Node::new("a")
            },
            Node::new("b"),
        ]
        .into(),
        ..Node::new("root")
    });
    f.session.flush()?;
    f.sends(&[
        "BEGIN IMMEDIATE",
        "INSERT INTO nodes (label, parent_id) 1",
        "LAST KEY",
        "INSERT INTO nodes (label, parent_id) 2",
        "LAST KEY",
        "INSERT INTO nodes (label, parent_id) 2",
    ]);
    f.session.delete(root)?;
    f.session.commit()?;
    let sent = f.sent();
    let deletes: Vec<&String> = sent.iter().filter(|s| s.starts_with("DELETE")).collect();
    assert_eq!(
        deletes,
        [
            "DELETE FROM nodes WHERE id IN (?, ?, ?, ?)",
            "DELETE FROM nodes WHERE id = ?",
            "DELETE FROM nodes WHERE id = ?",
        ]
    );
    f.holds::<Node>(0);
    Ok(())
}

#[test]
fn a_cycle_of_new_rows_is_written_in_two_steps() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b] = f.session.add_all([Node::new("a"), Node::new("b")]);
    f.session.set(a, Node::PARENT, Some(b))?;
    f.session.set(b, Node::PARENT, Some(a))?;
    f.session.commit()?;
    assert_eq!(
        f.sent().iter().filter(|s| s.starts_with("UPDATE")).count(),
        1
    );
    f.session.refresh(a)?;
    f.session.refresh(b)?;
    assert_eq!(
        (f.session[a].parent_id, f.session[b].parent_id),
        (
            f.session[b].id.get().copied(),
            f.session[a].id.get().copied()
        )
    );
    Ok(())
}

#[test]
fn a_row_can_be_its_own_parent() -> Result<()> {
    let mut f = Fixture::new()?;
    let a = f.session.add(Node::new("a"));
    f.session.set(a, Node::PARENT, Some(a))?;
    f.session.commit()?;
    f.session.refresh(a)?;
    assert_eq!(f.session[a].parent_id, Some(1));
    f.session.delete(a)?;
    f.session.commit()?;
    f.holds::<Node>(0);
    Ok(())
}

#[test]
fn a_child_that_moves_is_one_update() -> Result<()> {
    let mut f = Fixture::new()?;
    let a = f.session.add(Album {
        tracks: [Track::new("t", 0)].into(),
        ..Album::new("a")
    });
    let b = f.session.add(Album::new("b"));
    f.session.commit()?;
    let track = f.session.load(a, Album::TRACKS)?[0];
    f.session.get::<Album>(2)?;
    f.forget();
    f.session.remove(a, Album::TRACKS, track)?;
    f.session.push(b, Album::TRACKS, track)?;
    f.session.flush()?;
    f.sends(&["UPDATE tracks SET album_id = ? WHERE id = ?"]);
    f.session.delete(a)?;
    f.session.commit()?;
    f.holds::<Track>(1);
    assert_eq!(f.session.load(b, Album::TRACKS)?, [track]);
    Ok(())
}

#[test]
fn the_key_of_a_new_parent_reaches_an_expired_child() -> Result<()> {
    let mut f = Fixture::new()?;
    let book = f.session.add(Book::new("old"));
    f.session.commit()?;
    f.in_another_session(|s| {
        let book = s.get::<Book>(1)?.expect("the book");
        s[book].title = "new".into();
        Ok(())
    })?;
    let ann = f.session.add(Author::new("ann"));
    f.session.set(book, Book::AUTHOR, Some(ann))?;
    f.session.flush()?;
    f.session.get::<Book>(1)?;
    assert_eq!(
        (f.session[book].title.as_str(), f.session[book].author_id),
        ("new", Some(1))
    );
    f.session.commit()
}

#[test]
fn tables_that_refer_to_each_other_are_written_and_deleted() -> Result<()> {
    let mut f = Fixture::new()?;
    let team = f.session.add(Team {
        members: [Member::new("a", 0), Member::new("b", 0)].into(),
        ..Team::new("t")
    });
    let members = f.session.load(team, Team::MEMBERS)?;
    f.session.set(team, Team::LEADER, Some(members[0]))?;
    f.session.commit()?;
    f.session.refresh(team)?;
    assert_eq!(f.session[team].leader_id, Some(1));
    f.session.delete(team)?;
    f.session.flush()?;
    f.session.rollback()?;
    assert_eq!(f.session[team].leader_id, Some(1));
    f.session.delete(team)?;
    f.session.commit()?;
    f.holds::<Team>(0);
    f.holds::<Member>(0);
    Ok(())
}

#[test]
fn a_foreign_key_need_not_refer_to_the_primary_key() -> Result<()> {
    let mut f = Fixture::new()?;
    let root = f.session.add(Word::new(1, "go"));
    f.session.flush()?;
    let [goes, went] = f.session.add_all([
        Word {
            root: Some("go".to_owned()),
            ..Word::new(2, "goes")
        },
        Word {
            root: Some("go".to_owned()),
            ..Word::new(3, "went")
        },
    ]);
    f.session.commit()?;
    f.session.delete(goes)?;
    f.session.delete(went)?;
    f.session.flush()?;
    f.session.delete(root)?;
    f.session.commit()?;
    f.holds::<Word>(0);
    Ok(())
}

#[test]
fn a_new_object_whose_key_comes_from_its_parent_takes_the_row_of_a_deleted_one() -> Result<()> {
    let mut f = Fixture::new()?;
    let region = f.session.add(Region::new("n"));
    let old = f.session.add(Shop::new("n", 1, true));
    f.session.commit()?;
    f.session.delete(old)?;
    let new = f.session.add(Shop::new("", 1, false));
    f.session.set(new, Shop::REGION, region)?;
    f.session.commit()?;
    f.holds::<Shop>(1);
    assert_eq!(f.session.get::<Shop>(("n".to_owned(), 1))?, Some(new));
    assert!(!f.session[new].open);
    Ok(())
}

#[test]
fn a_new_object_takes_the_row_of_a_deleted_one_by_an_update() -> Result<()> {
    let mut f = Fixture::new()?;
    let old = f.session.add(Seat::new(1, "a", false));
    f.session.commit()?;
    let key = || (1, "a".to_owned());
    f.session.get::<Seat>(key())?;
    f.session[old].taken = true;
    f.session.delete(old)?;
    let new = f.session.add(Seat::new(1, "a", true));
    f.forget();
    f.session.flush()?;
    f.sends(&["UPDATE seats SET taken = ? WHERE row = ? AND place = ?"]);
    assert_eq!(f.session.state(old), State::Deleted);
    assert_eq!(f.session.state(new), State::Persistent);
    assert_eq!(f.session.get::<Seat>(key())?, Some(new));

    f.session.rollback()?;
    assert_eq!(f.session.state(old), State::Persistent);
    assert_eq!(f.session.state(new), State::Transient);
    assert!(!f.session[old].taken);
    assert!(f.session[new].taken);
    assert_eq!(f.session.get::<Seat>(key())?, Some(old));

    // Nothing differs, so nothing is sent, but the new object takes over the row.
    let same = f.session.add(Seat::new(1, "a", false));
    f.session.delete(old)?;
    f.forget();
    f.session.commit()?;
    f.sends(&["COMMIT"]);
    assert_eq!(f.session.state(old), State::Detached);
    assert_eq!(f.session.get::<Seat>(key())?, Some(same));
    f.holds::<Seat>(1);
    Ok(())
}

#[test]
fn a_row_that_changes_hands_keeps_what_the_program_leaves_to_the_database() -> Result<()> {
    let mut f = Fixture::new()?;
    let old = f.session.add(Draft::new("a", "old"));
    f.session.commit()?;
    f.session.delete(old)?;
    let new = f.session.add(Draft::new("a", "new"));
    let child = f.session.add(Draft::new("b", "child"));
    f.session.set(child, Draft::ORIGIN, Some(new))?;
    f.session.commit()?;
    let found = f.session.get::<Draft>("a".to_owned())?;
    assert_eq!(found, Some(new));
    assert_eq!(f.session[new].text, "new");
    assert_eq!(f.session[new].version, 2);
    assert_eq!(f.session.load(child, Draft::ORIGIN)?, Some(new));
    Ok(())
}

#[test]
fn a_failed_flush_gives_the_row_back() -> Result<()> {
    let mut f = Fixture::new()?;
    let old = f.session.add(Draft::new("a", "old"));
    f.session.commit()?;
    f.session.delete(old)?;
    let mut value = Draft::new("a", "new");
    value.origin_name = Some("nobody".into());
    let new = f.session.add(value);
    let error = f.session.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation);
    f.session.rollback()?;
    assert_eq!(f.session.state(old), State::Persistent);
    assert_eq!(f.session[old].text, "old");
    assert_eq!(f.session.take(new)?.text, "new");
    Ok(())
}

/// Its keys follow those of deleted rows, too, so they cannot be computed from the rows that are there.
#[derive(Entity, Clone, Debug)]
#[orm(table = "notes")]
struct Note {
    #[orm(primary_key, autoincrement)]
    id: Auto<i64>,
    text: String,
}

#[test]
fn keys_that_cannot_be_computed_are_returned_by_one_statement() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Note].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let deleted = session.add(Note::new("deleted"));
    session.commit()?;
    session.delete(deleted)?;
    session.commit()?;

    let notes = session.add_all(["b", "a", "b", "c"].map(Note::new));
    assert_statements!(session, 1, { session.commit()? });
    let mut keys = Vec::new();
    for note in notes {
        let id = *session[note].id.get().expect("a key");
        let text = session[note].text.clone();
        let query = Note::query().filter(Note::ID.eq(id).and(Note::TEXT.eq(text)));
        assert_eq!(query.count(&mut Session::new(&engine))?, 1);
        keys.push(id);
    }
    keys.sort_unstable();
    assert_eq!(keys, [2, 3, 4, 5]);
    Ok(())
}
