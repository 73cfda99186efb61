//! Lock timeouts at each step of a unit of work.

use std::time::{Duration, Instant};

use selfsame::prelude::*;
use selfsame::{Engine, ErrorKind as K};
use selfsame_sqlite::JournalMode;

use crate::support::TempDatabase;

#[derive(Entity, Clone, Debug, PartialEq)]
#[orm(table = "notes")]
struct Note {
    #[orm(primary_key)]
    id: i64,
    text: String,
}

const BUSY_TIMEOUT: Duration = Duration::from_millis(60);

fn engine(database: &TempDatabase, mode: JournalMode) -> Engine {
    let backend = database.backend().journal_mode(mode);
    let engine = Engine::new(backend.busy_timeout(BUSY_TIMEOUT));
    metadata![Note].create_all(&engine).expect("creates");
    engine
}

fn count(engine: &Engine) -> u64 {
    Note::query()
        .count(&mut Session::new(engine))
        .expect("counts")
}

/// With a rollback journal, a reader blocks a COMMIT: nothing of it stays, and the next attempt succeeds completely.
#[test]
fn a_commit_under_a_reader() {
    let database = TempDatabase::new().expect("a directory");
    let engine = engine(&database, JournalMode::Delete);
    let mut first = Session::new(&engine);
    first.add(Note::new(1, "there"));
    first.commit().expect("alone");
    for graph in [false, true] {
        let reader = rusqlite::Connection::open(database.path()).expect("opens");
        reader.execute_batch("BEGIN").expect("begins");
        let read: i64 = reader
            .query_row("SELECT count(*) FROM notes", [], |row| row.get(0))
            .expect("reads");
        let mut session = Session::new(&engine);
        session.add(Note::new(10, "late"));
        if graph {
            session.add(Note::new(11, "later"));
            session.flush().expect("a write waits for no reader");
        }
        let started = Instant::now();
        let error = session.commit().expect_err("somebody reads");
        assert_eq!(error.kind(), K::Busy, "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(5));
        session.rollback().expect("rolls back");
        assert_eq!(count(&engine), u64::try_from(read).expect("a count"));
        // Others can read beside the reader; after it, a commit writes each row once.
        drop(reader);
        session.add(Note::new(20 + i64::from(graph), "again"));
        session.commit().expect("nobody reads");
        assert_eq!(count(&engine), u64::try_from(read).expect("a count") + 1);
    }
}

/// A writer's lock blocks BEGIN, the first write, and the upgrade of a reader.
#[test]
fn under_a_writer() {
    for mode in [JournalMode::Wal, JournalMode::Delete] {
        let database = TempDatabase::new().expect("a directory");
        let engine = engine(&database, mode);
        let writer = rusqlite::Connection::open(database.path()).expect("opens");
        writer
            .execute_batch("BEGIN IMMEDIATE; INSERT INTO notes VALUES (1, 'held')")
            .expect("the lock");
        let mut session = Session::new(&engine);
        session.add(Note::new(2, "waits"));
        let error = session.commit().expect_err("locked");
        assert_eq!(error.kind(), K::Busy, "{mode:?}: {error:?}");
        session.rollback().expect("rolls back");
        let begun = session.transaction_with(TransactionOptions::new().writes(), |session| {
            Note::query().count(session)
        });
        assert_eq!(begun.expect_err("locked").kind(), K::Busy, "{mode:?}");
        // A reader that cannot become a writer must begin again: the writer may be waiting for it.
        let mut tries = 0;
        let upgraded = session.retry(2, |session| {
            tries += 1;
            Note::query().count(session)?;
            session.add(Note::new(3, "upgrades"));
            session.flush()
        });
        let error = upgraded.expect_err("locked");
        assert!(
            error.is_retryable() || error.kind() == K::Busy,
            "{mode:?}: {error:?}"
        );
        assert!(tries >= 1);
        writer.execute_batch("COMMIT").expect("commits");
        session.rollback().expect("rolls back");
        assert_eq!(count(&engine), 1, "{mode:?}");
        session.add(Note::new(4, "free"));
        session.commit().expect("free");
        assert_eq!(count(&engine), 2, "{mode:?}");
    }
}

/// A long reader prevents a checkpoint; commits succeed all the same.
#[test]
fn a_checkpoint_under_a_reader() {
    let database = TempDatabase::new().expect("a directory");
    let engine = engine(&database, JournalMode::Wal);
    let reader = rusqlite::Connection::open(database.path()).expect("opens");
    reader.execute_batch("BEGIN").expect("begins");
    let read = |reader: &rusqlite::Connection| -> i64 {
        reader
            .query_row("SELECT count(*) FROM notes", [], |row| row.get(0))
            .expect("reads")
    };
    assert_eq!(read(&reader), 0);
    let mut session = Session::new(&engine);
    for round in 0..40_i64 {
        let notes = (0..50).map(|n| Note::new(round * 50 + n, "x".repeat(4_000)));
        session.insert_all(notes.collect::<Vec<_>>()).expect("rows");
        session.commit().expect("commits");
    }
    let checkpoint = session.sql("PRAGMA wal_checkpoint(TRUNCATE)", ()).execute();
    if let Err(error) = checkpoint {
        assert_eq!(error.kind(), K::Busy, "{error:?}");
    }
    session.rollback().expect("rolls back");
    assert_eq!(read(&reader), 0, "its own snapshot");
    drop(reader);
    assert_eq!(count(&engine), 2_000);
}

/// Concurrent reads and writes without WAL: every write that reported success is there.
#[test]
fn many_writers_and_readers_without_a_log() {
    let database = TempDatabase::new().expect("a directory");
    let backend = database.backend().journal_mode(JournalMode::Delete);
    let engine = Engine::new(backend.busy_timeout(Duration::from_secs(20)));
    metadata![Note].create_all(&engine).expect("creates");
    let done: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6_i64)
            .map(|thread| {
                let engine = &engine;
                scope.spawn(move || {
                    let mut done = 0;
                    for n in 0..20 {
                        let mut session = Session::new(engine);
                        let reported =
                            session.retry_with(TransactionOptions::new().writes(), 50, |session| {
                                Note::query().count(session)?;
                                session.add(Note::new(thread * 1_000 + n, "x"));
                                Ok(())
                            });
                        match reported {
                            Ok(()) => done += 1,
                            Err(error) => assert_eq!(error.kind(), K::Busy, "{error:?}"),
                        }
                    }
                    done
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .sum()
    });
    assert_eq!(count(&engine), done);
    assert!(done > 0);
}
