//! Foreign keys for which a parent's primary key does not determine the order of writes: those to other unique columns, and those with one
//! nullable column of several.

use selfsame::prelude::*;

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::World;

/// Refers to its root by the root's text.
#[derive(Entity, Clone, Debug)]
#[orm(table = "words")]
struct Word {
    #[orm(primary_key)]
    id: i64,
    #[orm(unique, length = 20)]
    text: String,
    #[orm(references = "words.text", length = 20)]
    root: Option<String>,
}

/// Requires a word, by its text.
#[derive(Entity, Clone, Debug)]
#[orm(table = "quotes")]
struct Quote {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "words.text", length = 20)]
    word: String,
}

/// Comes before another step of its plan.
#[derive(Entity, Clone, Debug)]
#[orm(
    table = "steps",
    foreign_key(columns(plan, next), references = "steps(plan, number)")
)]
struct Step {
    #[orm(primary_key)]
    plan: i64,
    #[orm(primary_key)]
    number: i64,
    #[orm(column = "next")]
    next: Option<i64>,
    #[orm(key = "plan, next")]
    before: BelongsTo<Step>,
}

pub(super) const CASES: &[Case] = &[
    Case::core("flush.foreign_keys.unique", unique)
        .since(25)
        .needs(&[Capability::ForeignKeys, Capability::Transactions])
        .promise("Foreign keys may reference unique columns other than the primary key, also of their own table: rows are inserted, moved and deleted in the order of these values, whatever their keys and the order of `add`, and leave a value before it changes.")
        .hint("Of the backend, only enforced foreign keys to unique columns matter here.")
        .covers(&[Rule(12), Rule(16)]),
    Case::core("flush.foreign_keys.partly_nullable", partly_nullable)
        .since(25)
        .needs(&[Capability::ForeignKeys, Capability::Transactions])
        .promise("A foreign key of several columns of which one is nullable is NULL in that column until its row is inserted: cycles of such rows are inserted and deleted.")
        .hint("A foreign key with a NULL in one of its columns must not be enforced (MATCH SIMPLE).")
        .covers(&[Rule(16), Rule(22)]),
];

/// The texts of words and of their roots.
type Words<'a> = &'a [(&'a str, Option<&'a str>)];

/// Words before and after a change: the same words at the same positions, new ones at the end, deleted ones without a text.
const CHANGES: &[(Words<'_>, Words<'_>)] = &[
    (&[], &[("a", Some("b")), ("b", None), ("c", Some("a"))]),
    (
        &[("a", Some("b")), ("b", Some("a"))],
        &[("", None), ("", None)],
    ),
    (
        &[("a", None), ("b", Some("a"))],
        &[("a", None), ("b", Some("x")), ("x", Some("a"))],
    ),
    (
        &[("a", None), ("b", None), ("c", Some("a"))],
        &[("a", None), ("x", None), ("c", Some("x"))],
    ),
    (
        &[("a", None), ("b", Some("a")), ("c", Some("b"))],
        &[("x", None), ("y", Some("x")), ("z", Some("y"))],
    ),
    (
        &[("a", None), ("b", Some("a")), ("c", Some("a"))],
        &[("x", None), ("b", None), ("", None)],
    ),
];

fn unique(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Word, Quote])?;
    for (before, after) in CHANGES {
        for is_reversed in [false, true] {
            change_words(&world, before, after, is_reversed)?;
        }
    }
    leave_for_another_word(&world)
}

fn change_words(
    world: &World,
    before: Words<'_>,
    after: Words<'_>,
    is_reversed: bool,
) -> CaseResult {
    let mut session = world.session();
    let word = |id: i64, (text, root): (&str, Option<&str>)| Word {
        root: root.map(str::to_owned),
        ..Word::new(if is_reversed { 10 - id } else { id }, text)
    };
    for (id, &pair) in (1..).zip(before) {
        session.add(word(id, pair));
    }
    session.commit()?;
    let new: Vec<Word> = (1..).zip(after).map(|(id, &pair)| word(id, pair)).collect();
    let mut old = Vec::new();
    for word in &new {
        old.push(session.get::<Word>(word.id)?);
    }
    for (new, old) in new.into_iter().zip(old) {
        match old {
            None => drop(session.add(new)),
            Some(old) if new.text.is_empty() => session.delete(old)?,
            Some(old) => session[old] = new,
        }
    }
    session.commit()?;
    let words = Word::query().order_by(Word::TEXT.asc());
    let rows = words
        .select((Word::TEXT, Word::ROOT))
        .all(&mut world.session())?;
    let kept = after.iter().filter(|(text, _)| !text.is_empty());
    let mut expected: Vec<(String, Option<String>)> = kept
        .map(|(text, root)| ((*text).to_owned(), root.map(str::to_owned)))
        .collect();
    expected.sort();
    check_eq!(rows, expected, "words and roots");
    for word in Word::query().all(&mut session)? {
        session.delete(word)?;
    }
    session.commit()?;
    check_eq!(Word::query().count(&mut session)?, 0, "words that are left");
    Ok(())
}

/// A row that requires a word moves to another word, which may be new, or is deleted, while the word changes.
fn leave_for_another_word(world: &World) -> CaseResult {
    for other in [Some("old"), Some("new"), None] {
        let mut session = world.session();
        session.add_all([Word::new(1, "word"), Word::new(2, "old")]);
        session.add(Quote::new(1, "word"));
        session.commit()?;
        let found = session.get::<Word>(1)?.zip(session.get::<Quote>(1)?);
        let (word, quote) = found.ok_or_else(|| crate::Failure::Assertion("no rows".to_owned()))?;
        session[word].text = "changed".to_owned();
        match other {
            Some(other) => session[quote].word = other.to_owned(),
            None => session.delete(quote)?,
        }
        if other == Some("new") {
            session.add(Word::new(3, "new"));
        }
        session.commit()?;
        let quotes = Quote::query()
            .select(Quote::WORD)
            .all(&mut world.session())?;
        let expected: Vec<String> = other.into_iter().map(str::to_owned).collect();
        check_eq!(quotes, expected, "quoted words");
        for quote in Quote::query().all(&mut session)? {
            session.delete(quote)?;
        }
        for word in Word::query().all(&mut session)? {
            session.delete(word)?;
        }
        session.commit()?;
    }
    Ok(())
}

fn partly_nullable(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Step])?;
    for by_columns in [false, true] {
        let mut session = world.session();
        let steps = session.add_all([3, 2, 1].map(|number| Step::new(7, number)));
        for (at, &step) in steps.iter().enumerate() {
            let next = steps[(at + 1) % 3];
            match by_columns {
                true => session[step].next = Some(session[next].number),
                false => session.set(step, Step::BEFORE, Some(next))?,
            }
        }
        session.commit()?;
        let rows = Step::query().order_by(Step::NUMBER.asc());
        let rows = rows
            .select((Step::PLAN, Step::NUMBER, Step::NEXT))
            .all(&mut world.session())?;
        check_eq!(
            rows,
            [(7, 1, Some(3)), (7, 2, Some(1)), (7, 3, Some(2))],
            "steps and those that follow them"
        );
        for step in steps {
            session.delete(step)?;
        }
        session.commit()?;
        check_eq!(Step::query().count(&mut session)?, 0, "steps that are left");
    }
    Ok(())
}
