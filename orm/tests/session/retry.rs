//! Retried transactions, on a backend that fails a given number of times, and transactions with options.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use selfsame::backend::{
    Backend, Connection, Outcome, Row, Sql, Statement, StatementKind, Statistics,
};
use selfsame::dialect::{Dialect, Isolation, Transaction};
use selfsame::prelude::*;
use selfsame::session::TransactionOptions;
use selfsame::{Error, ErrorKind, Result};
use selfsame_sqlite::Sqlite;

use crate::fixture::Author;

/// The statement that fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    Insert,
    Commit,
}

/// Fails a given number of times, then works.
#[derive(Clone, Debug)]
struct Flaky {
    inner: Sqlite,
    at: At,
    kind: ErrorKind,
    failures: Arc<AtomicU32>,
    begun: Arc<Mutex<Vec<Transaction<'static>>>>,
}

#[derive(Debug)]
struct FlakyConnection {
    inner: Box<dyn Connection>,
    flaky: Flaky,
}

impl Flaky {
    fn new(at: At, kind: ErrorKind, failures: u32) -> Result<Self> {
        let inner = Sqlite::memory();
        metadata![Author, crate::fixture::Book].create_all(&Engine::new(inner.clone()))?;
        let failures = Arc::new(AtomicU32::new(failures));
        Ok(Self {
            inner,
            at,
            kind,
            failures,
            begun: Arc::default(),
        })
    }

    fn fail(&self, at: At) -> Result<()> {
        let left = |left: u32| left.checked_sub(1);
        let order = Ordering::Relaxed;
        if at == self.at && self.failures.fetch_update(order, order, left).is_ok() {
            return Err(Error::new(self.kind, "somebody else was faster"));
        }
        Ok(())
    }
}

impl Backend for Flaky {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        Ok(Box::new(FlakyConnection {
            inner: self.inner.connect()?,
            flaky: self.clone(),
        }))
    }

    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }
}

impl Connection for FlakyConnection {
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome> {
        if statement.sql.kind() == StatementKind::Insert {
            self.flaky.fail(At::Insert)?;
        }
        self.inner.execute(statement)
    }

    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        self.inner.query(statement, sink)
    }

    fn transaction(&mut self, command: &Transaction<'_>, sql: &Sql) -> Result<()> {
        if let Transaction::Begin(begin) = command {
            let mut begun = self.flaky.begun.lock().expect("a list");
            begun.push(Transaction::Begin(*begin));
        }
        if *command == Transaction::Commit {
            self.flaky.fail(At::Commit)?;
        }
        self.inner.transaction(command, sql)
    }

    fn reset(&mut self, used_raw_sql: bool) -> Result<()> {
        self.inner.reset(used_raw_sql)
    }

    fn server_version(&mut self) -> Result<String> {
        self.inner.server_version()
    }

    fn statistics(&mut self) -> Result<Option<Statistics>> {
        self.inner.statistics()
    }
}

/// Runs a transaction with two retries on a failing backend; returns the number of attempts, the outcome, and the number of rows.
fn tries(at: At, kind: ErrorKind, failures: u32) -> Result<(u32, Option<ErrorKind>, u64)> {
    let engine = Engine::new(Flaky::new(at, kind, failures)?);
    let mut session = Session::new(&engine);
    let mut tries = 0;
    let mut handles = Vec::new();
    let result = session.retry(2, |s| {
        tries += 1;
        let ann = s.add(Author::new("ann"));
        handles.push(ann);
        s.flush()?;
        s.add(Author::new("bob"));
        Ok(ann)
    });
    let states: Vec<State> = handles.iter().map(|&ann| session.state(ann)).collect();
    let last = if result.is_ok() {
        State::Persistent
    } else {
        State::Transient
    };
    let (of_last, before) = states.split_last().expect("at least one try");
    assert_eq!(*of_last, last);
    assert!(before.iter().all(|state| *state == State::Detached));
    assert!(!session.in_transaction());
    let kind = result.err().map(|error| error.kind());
    Ok((tries, kind, Author::query().count(&mut session)?))
}

#[test]
fn a_transaction_is_run_again_while_it_can_succeed() -> Result<()> {
    for at in [At::Insert, At::Commit] {
        for kind in [ErrorKind::Serialization, ErrorKind::Deadlock] {
            assert_eq!(tries(at, kind, 0)?, (1, None, 2));
            assert_eq!(tries(at, kind, 2)?, (3, None, 2), "{at:?} {kind:?}");
            assert_eq!(tries(at, kind, 9)?, (3, Some(kind), 0), "{at:?} {kind:?}");
        }
    }
    Ok(())
}

#[test]
fn other_errors_end_it_at_once() -> Result<()> {
    let busy = ErrorKind::Busy;
    assert_eq!(tries(At::Insert, busy, 9)?, (1, Some(busy), 0));
    let ambiguous = ErrorKind::AmbiguousCommit;
    let (tried, kind, _) = tries(At::Commit, ErrorKind::ConnectionLost, 9)?;
    assert_eq!((tried, kind), (1, Some(ambiguous)));
    Ok(())
}

#[test]
fn objects_from_before_are_as_they_were_in_each_try() -> Result<()> {
    let flaky = Flaky::new(At::Commit, ErrorKind::Serialization, 0)?;
    let failures = Arc::clone(&flaky.failures);
    let mut session = Session::new(&Engine::new(flaky));
    let ann = session.add(Author::new("ann"));
    session.commit()?;
    failures.store(2, Ordering::Relaxed);
    session.retry(2, |s| {
        let age = s[ann].age.unwrap_or(0);
        s[ann].age = Some(age + 1);
        s.flush()
    })?;
    assert_eq!(session[ann].age, Some(1));
    Ok(())
}

#[test]
fn work_that_cannot_be_retried_is_refused() -> Result<()> {
    let engine = Engine::new(Flaky::new(At::Commit, ErrorKind::Serialization, 0)?);
    let check = |session: &mut Session| {
        let mut tried = false;
        let refused = session.retry(3, |_| {
            tried = true;
            Ok(())
        });
        assert_eq!(
            refused.map_err(|error| error.kind()),
            Err(ErrorKind::InvalidState)
        );
        assert!(!tried);
    };
    let mut session = Session::new(&engine);
    session.add(Author::new("ann"));
    check(&mut session);
    session.flush()?;
    check(&mut session);
    session.commit()?;
    session.retry(3, |_| Ok(()))?;
    Ok(())
}

#[test]
fn options_reach_begin_and_only_their_own_transaction() -> Result<()> {
    let flaky = Flaky::new(At::Commit, ErrorKind::Serialization, 0)?;
    let begun = Arc::clone(&flaky.begun);
    let engine = Engine::new(flaky);
    let begun = || std::mem::take(&mut *begun.lock().expect("a list"));
    let mut session = Session::new(&engine);
    let options = TransactionOptions::new()
        .isolation(Isolation::Serializable)
        .read_only();
    let refused = session.transaction_with(options, |s| Ok(s.add(Author::new("ann"))));
    assert_eq!(
        refused.map_err(|error| error.kind()).err(),
        Some(ErrorKind::ReadOnly)
    );
    let [Transaction::Begin(begin)] = begun()[..] else {
        panic!("one BEGIN");
    };
    assert_eq!(
        (begin.isolation, begin.read_only),
        (Some(Isolation::Serializable), true)
    );
    session.transaction(|s| Author::query().count(s))?;
    let [Transaction::Begin(begin)] = begun()[..] else {
        panic!("one BEGIN");
    };
    assert_eq!((begin.isolation, begin.read_only), (None, false));
    Ok(())
}

#[test]
fn options_that_cannot_be_kept_are_refused_before_anything_is_sent() -> Result<()> {
    let engine = Engine::new(Flaky::new(At::Commit, ErrorKind::Serialization, 0)?);
    let mut session = Session::new(&engine);
    let options = TransactionOptions::new().isolation(Isolation::ReadCommitted);
    let refused = session.transaction_with(options, |_| Ok(()));
    let kind = |result: Result<()>| result.map_err(|error| error.kind());
    assert_eq!(kind(refused), Err(ErrorKind::Unsupported));
    assert_eq!(session.statements(), 0);
    Author::query().count(&mut session)?;
    let refused = session.transaction_with(TransactionOptions::new().read_only(), |_| Ok(()));
    assert_eq!(kind(refused), Err(ErrorKind::InvalidState));
    Ok(())
}

/// A file in its own directory.
fn file() -> Result<(selfsame_sqlite::testing::TempDatabase, Engine)> {
    let database = selfsame_sqlite::testing::TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    metadata![Author, crate::fixture::Book].create_all(&engine)?;
    Ok((database, engine))
}

#[test]
fn increments_of_many_threads_are_all_there() -> Result<()> {
    let (_database, engine) = file()?;
    {
        let mut session = Session::new(&engine);
        session.add(Author::new("ann"));
        session.commit()?;
    }
    let increment = |session: &mut Session, options| {
        session.retry_with(options, 3, |s| {
            let ann = s.get::<Author>(1)?.expect("the row");
            let age = s[ann].age.unwrap_or(0);
            s[ann].age = Some(age + 1);
            Ok(())
        })
    };
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let (engine, increment) = (&engine, &increment);
                scope.spawn(move || {
                    let mut options = TransactionOptions::new();
                    if thread % 4 == 0 {
                        options = options.writes();
                    }
                    (0..125).try_for_each(|_| increment(&mut Session::new(engine), options))
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    results.into_iter().collect::<Result<Vec<()>>>()?;
    let mut session = Session::new(&engine);
    let ann = session.get::<Author>(1)?.expect("the row");
    assert_eq!(session[ann].age, Some(1_000));
    Ok(())
}

#[test]
fn a_beginning_that_waits_in_vain_is_tried_again() -> Result<()> {
    let database = selfsame_sqlite::testing::TempDatabase::new()?;
    let backend = database
        .backend()
        .busy_timeout(std::time::Duration::from_millis(1));
    let engine = Engine::new(backend);
    metadata![Author, crate::fixture::Book].create_all(&engine)?;
    let mut holder = Session::new(&engine);
    holder.add(Author::new("holder"));
    holder.flush()?;
    let mut kept_out = Session::new(&engine);
    let writes = TransactionOptions::new().writes();
    let once = kept_out.transaction_with(writes, |s| {
        s.add(Author::new("ann"));
        Ok(())
    });
    let error = once.expect_err("the holder has the lock");
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::Busy, false)
    );
    let mut tries = 0;
    kept_out.rollback()?;
    kept_out.retry_with(writes, 5, |s| {
        tries += 1;
        if tries == 3 {
            holder.commit()?;
        }
        s.add(Author::new("ann"));
        Ok(())
    })?;
    assert_eq!(tries, 3);
    assert_eq!(Author::query().count(&mut kept_out)?, 2);
    Ok(())
}

#[test]
fn reads_before_a_retry_are_ended_and_repeated() -> Result<()> {
    let (_database, engine) = file()?;
    let mut session = Session::new(&engine);
    let ann = session.add(Author::new("ann"));
    session.commit()?;
    let found = Author::query().first(&mut session)?.expect("ann");
    assert!(session.in_transaction());
    let mut other = Session::new(&engine);
    let theirs = Author::query().first(&mut other)?.expect("ann");
    other[theirs].age = Some(7);
    other.commit()?;
    // The age is the newest, not that of the ended transaction.
    let age = session.retry(0, |s| {
        let ann = Author::query().first(s)?.expect("ann");
        let age = s[ann].age.unwrap_or(0);
        s[ann].age = Some(age + 1);
        Ok(age)
    })?;
    assert_eq!((found, age), (ann, 7));
    Ok(())
}

#[test]
fn writers_take_turns_from_the_beginning() -> Result<()> {
    let flaky = Flaky::new(At::Commit, ErrorKind::Serialization, 1)?;
    let begun = Arc::clone(&flaky.begun);
    let mut session = Session::new(&Engine::new(flaky));
    session
        .transaction_with(TransactionOptions::new().writes(), |s| {
            Author::query().count(s)
        })
        .expect_err("the first COMMIT fails");
    session.retry(1, |s| Author::query().count(s))?;
    let begun = begun.lock().expect("a list");
    let writes: Vec<bool> = begun
        .iter()
        .map(|command| matches!(command, Transaction::Begin(begin) if begin.writes_first))
        .collect();
    assert_eq!(writes, [true, false]);
    Ok(())
}

#[test]
fn a_transaction_that_the_database_ended_is_not_continued() -> Result<()> {
    let (_database, engine) = file()?;
    let add = |session: &mut Session, conflicts: bool| -> Result<()> {
        let name = "INSERT OR ROLLBACK INTO authors (id, name) VALUES (1, 'x') RETURNING id";
        let rows = session.sql(name, ()).all::<(i64,)>();
        assert_eq!(rows.is_err(), conflicts, "{rows:?}");
        Ok(())
    };
    let mut session = Session::new(&engine);
    add(&mut session, false)?;
    session.commit()?;
    for commits in [true, false] {
        session.add(Author::new("before"));
        session.flush()?;
        add(&mut session, true)?;
        let later = session
            .sql("INSERT INTO authors (name) VALUES ('after')", ())
            .execute();
        let error = later.expect_err("the transaction is over");
        assert_eq!(error.kind(), ErrorKind::PendingRollback);
        assert!(error.to_string().contains("UNIQUE"), "{error}");
        if commits {
            let error = session.commit().expect_err("it was rolled back");
            assert!(error.to_string().contains("UNIQUE"), "{error}");
        }
        session.rollback()?;
        assert_eq!(Author::query().count(&mut session)?, 1);
    }
    // A savepoint reports the first cause too, even if its work ignored it.
    session.rollback()?;
    let ended = session.savepoint(|s| add(s, true)).expect_err("it is over");
    assert!(ended.to_string().contains("UNIQUE"), "{ended}");
    session.rollback()?;
    // What its work failed for is its error, and not that it could not be undone any more.
    let ended = session.savepoint(|s| {
        let again = "INSERT OR ROLLBACK INTO authors (id, name) VALUES (1, 'x') RETURNING id";
        s.sql(again, ()).all::<(i64,)>()
    });
    let ended = ended.expect_err("it is over");
    assert_eq!(ended.kind(), ErrorKind::UniqueViolation, "{ended}");
    session.rollback()?;
    session.add(Author::new("last"));
    session.commit()
}
