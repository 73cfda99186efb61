//! Deferred columns: neither read nor written unless they are loaded or set.

use selfsame::ErrorKind;
use selfsame::backend::StatementKind;
use selfsame::dialect::Batch;
use selfsame::prelude::*;

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::{Sent, World};

pub(super) const CASES: &[Case] = &[
    Case::core("dirty.deferred.left_out", left_out)
        .since(14)
        .promise("Queries, `get`, `refresh`, relations and untracked reads all leave deferred columns out.")
        .hint("Columns are numbered by their position in the SELECT, not in the table.")
        .covers(&[Rule(11)]),
    Case::core("dirty.deferred.undefer", undefer)
        .since(14)
        .promise("A deferred column is loaded by one SELECT, or one for each batch of objects, and then costs nothing; `undefer` makes a query read it in its own statement.")
        .hint("Long texts and large byte strings must be complete.")
        .covers(&[Rule(11), Rule(29)]),
    Case::core("dirty.deferred.written", written)
        .since(14)
        .promise("A deferred column can be set without being loaded, by an UPDATE of that column only; if it was loaded, setting an equal value writes nothing.")
        .suspects_orm()
        .covers(&[Rule(8), Rule(11)]),
    Case::core("dirty.deferred.new", new)
        .since(14)
        .promise("A deferred column that a new object does not set gets its default or NULL; if neither is possible, nothing is sent and the error names the column.")
        .hint("An INSERT may omit columns; they then get their DEFAULT.")
        .covers(&[Rule(11)]),
    Case::core("dirty.deferred.taken_over", taken_over)
        .since(24)
        .needs(&[Capability::Transactions])
        .promise("A new object that takes over the row of a deleted one leaves nothing of it in the columns that it does not set: they become NULL or get their defaults, whether they were loaded or not.")
        .suspects_orm()
        .covers(&[Rule(11), Rule(17)]),
    Case::core("dirty.deferred.moved", moved)
        .since(14)
        .promise("Changing a deferred column that was loaded and has expired is `StaleData` if another session changed that column, and is merged otherwise.")
        .suspects_orm()
        .covers(&[Rule(11), Rule(30)]),
    Case::full("dirty.deferred.undone", undone)
        .since(14)
        .needs(&[Capability::Transactions, Capability::Savepoints])
        .promise("After a rollback, also to a savepoint, a deferred column is as before: unloaded, or with its row's value.")
        .hint("See `sessions.savepoint.restores`.")
        .covers(&[Rule(11), Rule(31), Rule(32)]),
    Case::core("relations.load.undefer", of_relations)
        .since(14)
        .promise("Loading options read deferred columns of related objects without further statements, by joins or otherwise.")
        .hint("Columns are numbered by their position in the SELECT, not in the table.")
        .covers(&[Rule(28), Rule(29)]),
];

/// A recording with long columns, on a medium.
#[derive(Entity, Clone, Debug)]
#[orm(table = "recordings")]
struct Recording {
    #[orm(primary_key)]
    id: Auto<i64>,
    sound: Deferred<Vec<u8>>,
    title: String,
    words: Deferred<Option<String>>,
    #[orm(server_default = "'none'")]
    rights: Deferred<String>,
    #[orm(references = "media.name")]
    medium_name: Option<String>,
    year: i32,
    #[orm(back_populates = recordings)]
    medium: BelongsTo<Medium>,
}

/// A tape or a disc.
#[derive(Entity, Clone, Debug)]
#[orm(table = "media")]
struct Medium {
    cover: Deferred<Option<Vec<u8>>>,
    #[orm(primary_key)]
    name: String,
    #[orm(back_populates = medium)]
    recordings: HasMany<Recording>,
}

fn sound(seed: u8) -> Vec<u8> {
    (0..40_000_u32)
        .map(|at| (at % 251).to_le_bytes()[0] ^ seed)
        .collect()
}

/// A tape with three recordings from the years 1, 2 and 3.
fn with_tape(context: &Context) -> CaseResult<World> {
    let world = World::of(context, &metadata![Recording, Medium])?;
    let mut session = world.session();
    let tape = session.add(Medium {
        cover: Some(vec![0, 255]).into(),
        ..Medium::new("tape")
    });
    for year in 1..=3_u8 {
        let recording = Recording::new(sound(year), format!("take {year}"), year.into());
        let recording = session.add(recording);
        session.set(recording, Recording::MEDIUM, Some(tape))?;
    }
    session.commit()?;
    drop(session);
    world.sent();
    Ok(world)
}

fn takes(session: &mut Session) -> selfsame::Result<Vec<Handle<Recording>>> {
    let query = Recording::query().order_by(Recording::YEAR.asc());
    query.all(session)
}

fn left_out(context: &mut Context) -> CaseResult {
    let world = with_tape(context)?;
    let mut session = world.session();
    let takes = takes(&mut session)?;
    session.refresh(takes[1])?;
    session.commit()?;
    let key = *session[takes[0]].id;
    session.get::<Recording>(key)?;
    session.clear();
    for load in [Medium::RECORDINGS.selectin(), Medium::RECORDINGS.joined()] {
        session.clear();
        let tape = Medium::query().with(load).one(&mut session)?;
        for take in session.load(tape, Medium::RECORDINGS)? {
            let recording = &session[take];
            check_eq!(
                (recording.title.clone(), recording.medium_name.as_deref()),
                (format!("take {}", recording.year), Some("tape")),
                "the other columns must be in their places"
            );
            check!(
                !recording.sound.is_loaded() && !recording.words.is_loaded(),
                "deferred columns must not be loaded"
            );
        }
    }
    let rows = Recording::query().rows(&mut session)?;
    check!(
        rows.iter().all(|row| !row.sound.is_loaded()),
        "nor in rows that are not tracked"
    );
    let read = world.texts(StatementKind::Select);
    check!(
        !read.is_empty()
            && read
                .iter()
                .all(|text| !text.contains("sound") && !text.contains("cover")),
        "no SELECT may name them: {read:?}"
    );
    Ok(())
}

fn undefer(context: &mut Context) -> CaseResult {
    let world = with_tape(context)?;
    let mut session = world.session();
    let handles = takes(&mut session)?;
    world.sent();
    for expected in [1, 0] {
        check_eq!(
            *session.undefer(handles[0], Recording::SOUND)?,
            sound(1),
            "the value must be complete"
        );
        check_eq!(world.sent().rows(), expected, "statements for one object");
    }
    session.undefer_all(handles.clone(), Recording::SOUND)?;
    let batch = match context.dialect().batch() {
        Batch::Rows => 2,
        _ => 1,
    };
    check_eq!(world.sent().rows(), batch, "statements for many objects");
    for (&handle, year) in handles.iter().zip(1..) {
        check_eq!(
            session[handle].sound.get(),
            Some(&sound(year)),
            "each must get its own"
        );
    }
    // A database may have a single connection.
    drop(session);
    let mut session = world.session();
    let filtered = Recording::query().filter(Recording::RIGHTS.eq("none"));
    let query = filtered.undefer(Recording::WORDS).undefer(Recording::SOUND);
    let found = query
        .clone()
        .filter(Recording::YEAR.eq(2))
        .one(&mut session)?;
    check_eq!(world.sent().rows(), 1, "a query sends its own statement");
    check_eq!(
        (session[found].sound.get(), session[found].words.get()),
        (Some(&sound(2)), Some(&None)),
        "the query must read the undeferred columns"
    );
    let rows = query.rows(&mut session)?;
    check!(
        rows.iter()
            .all(|row| row.sound.is_loaded() && !row.rights.is_loaded()),
        "so must one that is not tracked"
    );
    Ok(())
}

fn written(context: &mut Context) -> CaseResult {
    let world = with_tape(context)?;
    let mut session = world.session();
    let take = takes(&mut session)?[0];
    world.sent();
    session[take].sound.set(vec![1]);
    check!(session.is_modified(take)?, "setting it is a change");
    session.flush()?;
    let texts = world.texts(StatementKind::Update);
    check!(
        matches!(&texts[..], [text] if text.contains("sound") && !text.contains("title") && !text.contains("words")),
        "the UPDATE must name it alone: {texts:?}"
    );
    session[take].sound.set(vec![1]);
    session.undefer(take, Recording::WORDS)?;
    world.sent();
    session[take].words.set(None);
    session.flush()?;
    check_eq!(world.sent(), Sent::NOTHING, "equal values are not written");
    session[take].title.push('!');
    session.commit()?;
    let texts = world.texts(StatementKind::Update);
    check!(
        matches!(&texts[..], [text] if !text.contains("sound")),
        "a change of another column must leave it alone: {texts:?}"
    );
    let mut session = world.session();
    let query = Recording::query().select((Recording::TITLE, Recording::SOUND));
    let rows = query.all(&mut session)?;
    check!(
        rows.contains(&("take 1!".to_owned(), vec![1]))
            && rows.contains(&("take 2".to_owned(), sound(2))),
        "the rows must have what was set"
    );
    Ok(())
}

fn new(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Recording, Medium])?;
    world.sent();
    let mut session = world.session();
    session.add(Recording {
        sound: Deferred::UNLOADED,
        ..Recording::new(Vec::new(), "silence".to_owned(), 1)
    });
    let error = session.flush().err();
    check!(
        matches!(&error, Some(error) if error.kind() == ErrorKind::Validation && error.column_name() == Some("sound")),
        "a required one must be named, returned {error:?}"
    );
    check_eq!(world.sent(), Sent::NOTHING, "nothing may be sent for it");
    session.rollback()?;

    let given = session.add(Recording {
        rights: "all".into(),
        words: Some("la".to_owned()).into(),
        ..Recording::new(vec![1], "given", 2)
    });
    let left = session.add(Recording::new(vec![2], "left", 3));
    session.commit()?;
    check!(
        !session[left].rights.is_loaded() && session[given].rights.is_loaded(),
        "unset columns are not loaded"
    );
    check_eq!(
        (
            session.undefer(left, Recording::RIGHTS)?.clone(),
            session.undefer(left, Recording::WORDS)?.clone(),
            session.undefer(given, Recording::RIGHTS)?.clone(),
            session.undefer(given, Recording::WORDS)?.as_deref(),
        ),
        ("none".to_owned(), None, "all".to_owned(), Some("la")),
        "the rows must have the given values, the default, or NULL"
    );
    Ok(())
}

fn moved(context: &mut Context) -> CaseResult {
    let world = with_tape(context)?;
    let mut session = world.session();
    let take = takes(&mut session)?[0];
    let change = |words: &str, title: &str| -> CaseResult {
        let mut other = world.session();
        let take = takes(&mut other)?[0];
        other[take].words.set(Some(words.to_owned()));
        other[take].title = title.to_owned();
        other.commit()?;
        Ok(())
    };
    session.undefer(take, Recording::SOUND)?;
    session.commit()?;
    change("theirs", "renamed")?;
    session[take].sound.set(vec![9]);
    session.commit()?;
    session.undefer(take, Recording::WORDS)?;
    check_eq!(
        (&*session[take].title, session[take].words.get().cloned()),
        ("renamed", Some(Some("theirs".to_owned()))),
        "the change must be applied to the current row"
    );
    session.commit()?;
    change("theirs again", "renamed")?;
    session[take].words.set(Some("mine".to_owned()));
    let result = session.commit();
    check!(
        matches!(&result, Err(error) if error.kind() == ErrorKind::StaleData && error.column_name() == Some("words")),
        "both changed it, so it must be stale: {result:?}"
    );
    Ok(())
}

fn undone(context: &mut Context) -> CaseResult {
    let world = with_tape(context)?;
    let mut session = world.session();
    let take = takes(&mut session)?[0];
    let failing = |session: &mut Session| -> selfsame::Result<()> {
        session[take].sound.set(vec![2]);
        session[take].words.set(Some("inner".to_owned()));
        session.flush()?;
        Err(selfsame::Error::new(ErrorKind::InvalidState, "no"))
    };
    session.undefer(take, Recording::SOUND)?;
    check!(
        session.savepoint(failing).is_err(),
        "the savepoint must fail"
    );
    check_eq!(
        (session[take].sound.get(), session[take].words.get()),
        (Some(&sound(1)), None),
        "loaded values are restored, unloaded ones stay unloaded"
    );
    session[take].words.set(Some("outer".to_owned()));
    session.flush()?;
    session.rollback()?;
    check!(
        !session[take].words.is_loaded(),
        "a rollback unloads it too"
    );
    check_eq!(
        *session.undefer(take, Recording::WORDS)?,
        None,
        "the row must be unchanged"
    );
    check_eq!(
        *session.undefer(take, Recording::SOUND)?,
        sound(1),
        "nor of the savepoint"
    );
    Ok(())
}

fn taken_over(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Recording, Medium])?;
    let take = |title: &str| Recording {
        id: Auto::set(1),
        ..Recording::new(sound(1), title, 1)
    };
    for is_loaded in [false, true] {
        let mut session = world.session();
        session.add(Recording {
            words: Some("la la".to_owned()).into(),
            rights: "all".to_owned().into(),
            ..take("old")
        });
        session.commit()?;
        drop(session);
        let mut session = world.session();
        let old = Recording::query().one(&mut session)?;
        if is_loaded {
            session.undefer(old, Recording::WORDS)?;
            session.undefer(old, Recording::RIGHTS)?;
        }
        session.delete(old)?;
        session.add(take("new"));
        session.commit()?;
        drop(session);
        let mut session = world.session();
        let new = Recording::query().one(&mut session)?;
        check_eq!(
            session[new].title,
            "new",
            "the row must be the new object's"
        );
        check_eq!(
            session.undefer(new, Recording::WORDS)?,
            &None,
            "the words of the deleted object must be gone"
        );
        check_eq!(
            session.undefer(new, Recording::RIGHTS)?,
            "none",
            "the default must apply"
        );
        session.delete(new)?;
        session.commit()?;
    }
    Ok(())
}

fn of_relations(context: &mut Context) -> CaseResult {
    let world = with_tape(context)?;
    let kinds = [
        (
            Medium::RECORDINGS.selectin(),
            Recording::MEDIUM.selectin(),
            2,
        ),
        (Medium::RECORDINGS.joined(), Recording::MEDIUM.joined(), 1),
    ];
    for (down, up, statements) in kinds {
        let mut session = world.session();
        let down = down.undefer(Recording::SOUND);
        let tape = Medium::query().with(down).one(&mut session)?;
        check_eq!(world.sent().rows(), statements, "no statement more");
        for take in session.load(tape, Medium::RECORDINGS)? {
            let recording = &session[take];
            let year = u8::try_from(recording.year).unwrap_or_default();
            check_eq!(
                (recording.sound.get(), recording.words.get()),
                (Some(&sound(year)), None),
                "exactly the requested relations must be loaded"
            );
        }
        drop(session);
        let mut session = world.session();
        let latest = Recording::query().filter(Recording::YEAR.eq(3));
        let query = latest.with(up.undefer(Medium::COVER));
        let take = query.one(&mut session)?;
        check_eq!(world.sent().rows(), statements, "nor upwards");
        let tape = session.load(take, Recording::MEDIUM)?;
        let cover = tape.and_then(|tape| session[tape].cover.get().cloned());
        check_eq!(cover, Some(Some(vec![0, 255])), "nor less");
    }
    Ok(())
}
