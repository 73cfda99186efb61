//! Large inputs and unusual endings: long texts, long lists, many parameters, panics in closures of the program, and values dropped in unusual
//! places and orders.

mod backends;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use backends::{Case, On};
use libtest_mimic::Failed;
use selfsame::ErrorKind;
use selfsame::prelude::*;

const CASES: &[Case] = &[
    ("texts_of_20_megabytes", texts_of_20_megabytes),
    ("rows_of_a_megabyte_each", rows_of_a_megabyte_each),
    ("lists_of_70_000_members", lists_of_70_000_members),
    ("rows_with_40_000_parameters", rows_with_40_000_parameters),
    ("panics_leave_nothing_behind", panics_leave_nothing_behind),
    ("whatever_is_dropped_first", whatever_is_dropped_first),
];

fn main() {
    backends::run(CASES, &[On::Sqlite, On::Postgres, On::Mariadb]);
}

type Outcome = std::result::Result<(), Failed>;

#[derive(Entity, Clone, Debug)]
#[orm(table = "notes")]
struct Note {
    #[orm(primary_key)]
    id: i64,
    number: i64,
    text: String,
}

fn prepared(engine: &Engine) -> selfsame::Result<Session> {
    metadata![Note].create_all(engine)?;
    Ok(Session::new(engine))
}

fn long(letter: char, bytes: usize) -> String {
    letter.to_string().repeat(bytes)
}

fn texts_of_20_megabytes(engine: Engine, on: On) -> Outcome {
    const MANY: usize = 20 * 1024 * 1024;
    let mut session = prepared(&engine)?;
    session.add(Note::new(1, 1, "short"));
    session.commit()?;
    session.add(Note::new(2, 2, long('x', MANY)));
    let reported = session.commit();
    let stored = match reported {
        Ok(()) => true,
        // A setting of MariaDB limits the size of a packet.
        Err(error) if on == On::Mariadb => {
            assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}");
            assert!(error.to_string().len() < 1_000);
            session.rollback()?;
            false
        }
        Err(error) => return Err(error.to_string().into()),
    };
    session.clear();
    let found = Note::query().order_by(Note::ID.asc()).all(&mut session)?;
    assert_eq!(found.len(), 1 + usize::from(stored));
    for note in found {
        let note = &session[note];
        let expected = match note.id {
            1 => "short".to_owned(),
            _ => long('x', MANY),
        };
        assert!(
            note.text == expected,
            "{on:?}: {} is not as written",
            note.id
        );
    }
    // In a condition, too.
    if on != On::Mariadb {
        let same = Note::query().filter(Note::TEXT.eq(long('x', MANY)));
        assert_eq!(same.count(&mut session)?, 1);
    }
    Ok(session.rollback()?)
}

/// Together they are more than one message may hold.
fn rows_of_a_megabyte_each(engine: Engine, on: On) -> Outcome {
    const MEGABYTE: usize = 1024 * 1024;
    let mut session = prepared(&engine)?;
    let count = 40;
    let notes = (0..count).map(|id| Note::new(id, id, long('a', MEGABYTE - 7)));
    let notes = session.add_all(notes.collect::<Vec<_>>());
    session.commit()?;
    for note in &notes {
        session[*note].text = long('b', MEGABYTE + 7);
    }
    session.commit()?;
    drop(session);
    let mut session = Session::new(&engine);
    let mut ids = BTreeSet::new();
    for note in Note::query().all(&mut session)? {
        let note = &session[note];
        assert!(note.text == long('b', MEGABYTE + 7), "{on:?} {}", note.id);
        ids.insert(note.id);
    }
    assert_eq!(ids, (0..count).collect());
    Ok(session.rollback()?)
}

fn lists_of_70_000_members(engine: Engine, on: On) -> Outcome {
    const MEMBERS: i64 = 70_000;
    let mut session = prepared(&engine)?;
    session.add_all(
        (0..100)
            .map(|id| Note::new(id * 1_000, id, format!("n{id}")))
            .collect::<Vec<_>>(),
    );
    session.commit()?;
    let members: Vec<i64> = (0..MEMBERS).collect();
    for _ in 0..2 {
        let by_number = Note::query().filter(Note::ID.in_(members.clone()));
        assert_eq!(by_number.count(&mut session)?, 70, "{on:?}");
        // MariaDB limits the number of parameters, and rejects longer lists of texts with an error.
        let last = match on {
            On::Mariadb => 65_000,
            On::Sqlite | On::Postgres => MEMBERS,
        };
        let names: Vec<String> = (30..last).map(|number| format!("n{number}")).collect();
        let by_name = Note::query().filter(Note::TEXT.in_(names));
        assert_eq!(by_name.count(&mut session)?, 70, "{on:?}");
        let others = Note::query().filter(Note::ID.not_in(members.clone()));
        assert_eq!(others.count(&mut session)?, 30, "{on:?}");
    }
    let found = session.get_many::<Note>(0..MEMBERS)?;
    assert_eq!(found.len(), 70);
    let gone = Note::query()
        .filter(Note::ID.in_(members.clone()))
        .delete()
        .execute(&mut session)?;
    assert_eq!(gone, 70);
    session.commit()?;
    assert_eq!(Note::query().count(&mut session)?, 30);
    Ok(session.rollback()?)
}

fn rows_with_40_000_parameters(engine: Engine, on: On) -> Outcome {
    let rows = 40_000_i64 / 3 + 1;
    let mut session = prepared(&engine)?;
    let notes = session.add_all(
        (0..rows)
            .map(|id| Note::new(id, id, format!("n{id}")))
            .collect::<Vec<_>>(),
    );
    session.commit()?;
    for (at, note) in notes.iter().enumerate() {
        session[*note].number += 1;
        if at % 2 == 0 {
            session[*note].text.push('!');
        }
    }
    session.commit()?;
    let changed = Note::query().filter(Note::NUMBER.eq(Note::ID + 1));
    assert_eq!(changed.count(&mut session)?, rows as u64, "{on:?}");
    for note in notes {
        session.delete(note)?;
    }
    session.commit()?;
    assert_eq!(Note::query().count(&mut session)?, 0);
    Ok(session.rollback()?)
}

/// Panics after `work` in a session, and checks that nothing of it was written.
fn panics(
    engine: &Engine,
    what: &str,
    work: impl FnOnce(&mut Session) -> selfsame::Result<()>,
) -> Outcome {
    let mut session = Session::new(engine);
    let panicked = catch_unwind(AssertUnwindSafe(|| work(&mut session)));
    assert!(panicked.is_err(), "{what}: no panic");
    // A rollback undoes what is left.
    session.rollback()?;
    assert_eq!(Note::query().count(&mut session)?, 1, "{what}");
    session.add(Note::new(50, 1, "later"));
    session.commit()?;
    assert_eq!(
        Note::query()
            .filter(Note::ID.eq(50))
            .delete()
            .execute(&mut session)?,
        1
    );
    session.commit()?;
    drop(session);
    // The connection's place in the pool is free again.
    let mut next = Session::new(engine);
    assert_eq!(Note::query().count(&mut next)?, 1, "{what}");
    Ok(())
}

fn panics_leave_nothing_behind(engine: Engine, _: On) -> Outcome {
    let engine = engine.pool_size(1);
    let mut session = prepared(&engine)?;
    session.add(Note::new(1, 1, "there"));
    session.commit()?;
    drop(session);
    let add = |session: &mut Session| {
        session.add(Note::new(9, 9, "never"));
        session.flush()
    };
    panics(&engine, "transaction", |s| {
        s.transaction(|s| {
            add(s)?;
            panic!("on purpose")
        })
    })?;
    panics(&engine, "savepoint", |s| {
        add(s)?;
        s.savepoint(|s| {
            s.add(Note::new(10, 9, "never"));
            s.flush()?;
            panic!("on purpose")
        })
    })?;
    panics(&engine, "retry", |s| {
        s.retry(3, |s| {
            add(s)?;
            panic!("on purpose")
        })
    })?;
    panics(&engine, "no_autoflush", |s| {
        add(s)?;
        s.no_autoflush(|_| panic!("on purpose"))
    })?;
    panics(&engine, "rows", |s| {
        add(s)?;
        Note::query()
            .select(Note::ID)
            .for_each(s, |_| panic!("on purpose"))
    })?;
    Ok(())
}

fn whatever_is_dropped_first(engine: Engine, on: On) -> Outcome {
    prepared(&engine)?.close();
    let open = |id: i64| {
        let mut session = Session::new(&engine);
        session.add(Note::new(id, 1, "never"));
        session.flush().map(|()| session)
    };
    // The last handle of the engine is the session's.
    let clone = engine.clone();
    let mut session = Session::new(&clone);
    session.add(Note::new(1, 1, "kept"));
    session.flush()?;
    drop(clone);
    session.commit()?;
    drop(session);
    // On another thread, while it unwinds.
    let session = open(2)?;
    let unwound = std::thread::spawn(move || {
        let _session = session;
        panic!("on purpose")
    });
    assert!(unwound.join().is_err());
    // At the end of a thread, when its thread locals are dropped.
    thread_local! {
        static KEPT: RefCell<Option<(Session, Engine)>> = const { RefCell::new(None) };
    }
    let session = open(3)?;
    let copy = engine.clone();
    std::thread::spawn(move || KEPT.set(Some((session, copy))))
        .join()
        .map_err(|_| "a panic at the end of a thread")?;
    // Many at once, each on its own thread, the engine first.
    if on != On::Sqlite {
        let sessions = [open(4)?, open(5)?, open(6)?];
        std::thread::scope(|scope| {
            for session in sessions {
                scope.spawn(move || drop(session));
            }
        });
    }
    // A dropped connection returns to the pool.
    let connection = engine.connect()?;
    drop(connection);
    let mut session = Session::new(&engine);
    let found = Note::query().all(&mut session)?;
    assert_eq!(found.len(), 1, "{on:?}");
    assert_eq!(session[found[0]].text, "kept");
    Ok(session.rollback()?)
}
