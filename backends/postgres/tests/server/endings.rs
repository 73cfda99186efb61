//! A transaction with savepoints is ended from outside at every point: by a cut connection, or by the server.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use selfsame::backend::{Backend, Connection};
use selfsame::engine::Event;
use selfsame::error::{Error, ErrorKind};
use selfsame::prelude::*;
use selfsame::value::ValueType;
use selfsame_postgres::testing::{Database, Server};
use selfsame_testing::{Direction, Proxy};

use crate::support::{Case, execute, i64s, proxy, read, through_proxy};

pub(crate) const CASES: &[Case] = &[
    ("endings_by_a_cut", by_a_cut),
    ("endings_by_the_server", by_the_server),
    ("endings_by_idleness", by_idleness),
    ("endings_under_retry", under_retry),
    ("endings_by_panics", by_panics),
];

#[derive(Entity, Clone, Debug)]
#[orm(table = "notes")]
struct Note {
    #[orm(primary_key)]
    id: i64,
    text: String,
}

struct Place<'s> {
    server: &'s Server,
    proxy: Proxy,
    // Declared before its database, so that it closes first.
    direct: Box<dyn Connection>,
    database: Database,
}

/// The rows of the program if it is committed.
const WHOLE: [i64; 3] = [1, 2, 4];

/// Two savepoints, one released and one rolled back, between other work.
fn program(session: &mut Session) -> selfsame::Result<()> {
    session.transaction(|session| {
        session.add(Note::new(1, "before"));
        session.savepoint(|session| {
            session.add(Note::new(2, "kept"));
            Ok(())
        })?;
        let undone: selfsame::Result<()> = session.savepoint(|session| {
            session.add(Note::new(3, "undone"));
            session.flush()?;
            Err(Error::new(ErrorKind::Validation, "a change of mind"))
        });
        match undone {
            Err(error) if error.kind() == ErrorKind::Validation => {}
            other => return other,
        }
        session.add(Note::new(4, "after"));
        Ok(())
    })
}

impl<'s> Place<'s> {
    fn new(server: &'s Server) -> Self {
        let database = server.database().expect("a database");
        let engine = Engine::new(database.backend());
        metadata![Note].create_all(&engine).expect("creates");
        Self {
            server,
            proxy: proxy(server),
            direct: database.backend().connect().expect("connects"),
            database,
        }
    }

    /// An engine through the proxy, with a short response timeout.
    fn engine(&self, response_timeout: Duration) -> Engine {
        let backend = through_proxy(&self.proxy, self.server, &self.database);
        Engine::new(backend.response_timeout(response_timeout)).pool_size(2)
    }

    /// Returns the rows after every other connection has become idle, and deletes them.
    fn take_rows(&mut self) -> Vec<i64> {
        let name = self.database.name().to_owned();
        let busy = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}' AND pid <> pg_backend_pid() AND state <> 'idle'"
        );
        let started = Instant::now();
        while self.numbers(&busy) != [0] && started.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(1));
        }
        // A stalled connection keeps its locks: the server does not notice a stall.
        self.end_others();
        let rows = self.numbers("SELECT id FROM notes ORDER BY id");
        execute(self.direct.as_mut(), "DELETE FROM notes").expect("deletes");
        rows
    }

    fn numbers(&mut self, text: &str) -> Vec<i64> {
        i64s(&read(self.direct.as_mut(), text, &[], &[ValueType::I64]).expect("reads"))
    }

    /// Ends every connection but this one.
    fn terminate(&mut self) {
        assert!(self.end_others() > 0, "there was one");
    }

    /// Ends all other connections and returns their number.
    fn end_others(&mut self) -> i64 {
        let others = format!(
            "FROM pg_stat_activity WHERE application_name = '{}' AND pid <> pg_backend_pid()",
            self.database.name()
        );
        let ended = self.numbers(&format!("SELECT count(pg_terminate_backend(pid)) {others}"))[0];
        let started = Instant::now();
        while ended > 0
            && self.numbers(&format!("SELECT count(*) {others}")) != [0]
            && started.elapsed() < Duration::from_secs(5)
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        if ended > 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
        ended
    }

    /// The reported outcome must match the rows, and the same engine must serve again.
    fn check(&mut self, what: &str, engine: &Engine, reported: selfsame::Result<()>) -> ErrorKind {
        let rows = self.take_rows();
        let kind = match &reported {
            Ok(()) => {
                assert_eq!(rows, WHOLE, "{what}: reported as done");
                ErrorKind::Validation
            }
            Err(error) => {
                match error.kind() {
                    ErrorKind::AmbiguousCommit => {
                        assert!(rows.is_empty() || rows == WHOLE, "{what}: {rows:?}");
                    }
                    ErrorKind::ConnectionLost => assert!(rows.is_empty(), "{what}: {rows:?}"),
                    // The savepoint was rolled back with its own error, and the program continued.
                    ErrorKind::PendingRollback => {
                        assert!(rows.is_empty(), "{what}: {rows:?}");
                        let cause = "then the savepoint could not be rolled back: ";
                        assert!(error.message().contains(cause), "{what}: {error}");
                    }
                    _ => panic!("{what}: {error:?}"),
                }
                error.kind()
            }
        };
        self.proxy.mend();
        let mut session = Session::new(engine);
        let again = program(&mut session);
        assert!(again.is_ok(), "{what}: afterwards {again:?}");
        drop(session);
        assert_eq!(self.take_rows(), WHOLE, "{what}: afterwards");
        kind
    }
}

fn by_a_cut(server: &Server) {
    let mut place = Place::new(server);
    let mut cuts = 0;
    for direction in [Direction::ToServer, Direction::ToClient] {
        let mut ambiguous = 0;
        // `cuts` cuts a commit at every byte.
        for cut in (0..).step_by(3) {
            let engine = place.engine(Duration::from_secs(5));
            drop(engine.connect().expect("nothing is cut yet"));
            place.proxy.cut_after(direction, cut);
            let mut session = Session::new(&engine);
            let reported = program(&mut session);
            let was_cut = place.proxy.has_cut(direction);
            drop(session);
            let what = format!("{direction:?} {cut}");
            ambiguous +=
                usize::from(place.check(&what, &engine, reported) == ErrorKind::AmbiguousCommit);
            if !was_cut {
                break;
            }
            cuts += 1;
        }
        // Only cuts in COMMIT and in its answer are ambiguous.
        assert!((1..80).contains(&ambiguous), "{direction:?}: {ambiguous}");
    }
    println!("{cuts} cuts of a transaction with savepoints");
    assert!(cuts > 300, "{cuts}");
}

/// The server ends the connection at each step of a transaction.
fn by_the_server(server: &Server) {
    let mut place = Place::new(server);
    for at in 0..5 {
        let engine = Engine::new(place.database.backend()).pool_size(2);
        let mut session = Session::new(&engine);
        let mut step = 0;
        let mut here = |place: &mut Place<'_>| {
            if step == at {
                place.terminate();
            }
            step += 1;
        };
        let reported = session.transaction(|session| {
            session.add(Note::new(1, "before"));
            session.flush()?;
            here(&mut place);
            session.savepoint(|session| {
                here(&mut place);
                session.add(Note::new(2, "kept"));
                session.flush()?;
                here(&mut place);
                Ok(())
            })?;
            here(&mut place);
            session.add(Note::new(4, "after"));
            session.flush()?;
            here(&mut place);
            Ok(())
        });
        let error = reported.expect_err("the server ended it");
        // Before the last step no COMMIT was sent; at the last one the server's message may not have arrived yet.
        let is_known = error.kind() == ErrorKind::ConnectionLost;
        assert!(
            is_known || (at == 4 && error.kind() == ErrorKind::AmbiguousCommit),
            "{at}: {error:?}"
        );
        // The session stays usable, and keeps nothing of the transaction.
        assert_eq!(Note::query().count(&mut session).expect("counts"), 0);
        session.commit().expect("has nothing to commit");
        assert_eq!(place.take_rows(), Vec::<i64>::new(), "{at}");
        place.check(&format!("ended at {at}"), &engine, Err(error));
    }
}

/// With `idle_in_transaction_session_timeout`, as hosted servers set it.
fn by_idleness(server: &Server) {
    let mut place = Place::new(server);
    let url = place.database.url();
    let sign = if url.contains('?') { '&' } else { '?' };
    let backend = selfsame_postgres::Postgres::url(&format!(
        "{url}{sign}options=-c%20idle_in_transaction_session_timeout%3D50"
    ))
    .expect("a URL")
    .schema(place.database.name());
    let engine = Engine::new(backend);
    for in_savepoint in [false, true] {
        let mut session = Session::new(&engine);
        let reported = session.transaction(|session| {
            session.add(Note::new(1, "before"));
            session.flush()?;
            let work = |session: &mut Session| {
                std::thread::sleep(Duration::from_millis(300));
                session.add(Note::new(2, "late"));
                session.flush()
            };
            match in_savepoint {
                true => session.savepoint(work),
                false => work(session),
            }
        });
        let error = reported.expect_err("ended by the server");
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
        assert_eq!(error.native_code(), Some("25P03"), "{error:?}");
        drop(session);
        assert_eq!(place.take_rows(), Vec::<i64>::new());
        let mut session = Session::new(&engine);
        program(&mut session).expect("a new connection");
        drop(session);
        assert_eq!(place.take_rows(), WHOLE);
    }
}

/// A lost connection alone is not retried, because the statements may have run. A panic or an early return ends an attempt.
fn under_retry(server: &Server) {
    let mut place = Place::new(server);
    let engine = Engine::new(place.database.backend()).pool_size(1);
    let mut tries = 0;
    let mut session = Session::new(&engine);
    let reported = session.retry(5, |session| {
        tries += 1;
        session.add(Note::new(1, "before"));
        session.flush()?;
        if tries == 1 {
            place.terminate();
        }
        session.add(Note::new(2, "kept"));
        session.flush()
    });
    match reported {
        Ok(()) => assert_eq!(place.take_rows(), [1, 2]),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
            assert_eq!(place.take_rows(), Vec::<i64>::new());
        }
    }
    // A panic in an attempt.
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        session.retry(5, |session| {
            session.add(Note::new(5, "never"));
            session.flush()?;
            if session.in_transaction() {
                panic!("on purpose");
            }
            Ok(())
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(place.take_rows(), Vec::<i64>::new());
    // An early return of an error that is not from the database.
    let reported: selfsame::Result<()> = session.retry(5, |session| {
        session.add(Note::new(6, "never"));
        session.flush()?;
        Err(Error::new(ErrorKind::Validation, "a change of mind"))
    });
    assert_eq!(reported.expect_err("said so").kind(), ErrorKind::Validation);
    assert_eq!(place.take_rows(), Vec::<i64>::new());
    drop(session);
    // The pool's only connection is free.
    let mut session = Session::new(&engine);
    program(&mut session).expect("serves");
    drop(session);
    assert_eq!(place.take_rows(), WHOLE);
}

/// Panics of a sink and of an observer leave the pool intact, whatever else unwinds.
fn by_panics(server: &Server) {
    const MANY: u64 = 20_000;
    let mut place = Place::new(server);
    let fill = format!(
        "INSERT INTO notes SELECT g, 'x' FROM generate_series(100, {}) AS g",
        MANY + 99
    );
    execute(place.direct.as_mut(), &fill).expect("fills");
    let engine = Engine::new(place.database.backend()).pool_size(2);
    for round in 0..4 {
        let mut session = Session::new(&engine);
        session.add(Note::new(1, "before"));
        session.flush().expect("flushes");
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut seen = 0;
            Note::query().select(Note::ID).for_each(&mut session, |_| {
                seen += 1;
                assert!(seen < 10, "on purpose");
                Ok(())
            })
        }));
        assert!(panicked.is_err());
        match round % 2 {
            0 => drop(session),
            _ => {
                session.rollback().expect("rolls back");
                assert_eq!(Note::query().count(&mut session).expect("counts"), MANY);
            }
        }
    }
    engine.observe(|event: &Event<'_>| {
        assert!(!event.sql.text().contains("notes"), "on purpose");
    });
    for _ in 0..4 {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut session = Session::new(&engine);
            session.add(Note::new(1, "before"));
            session.commit()
        }));
        assert!(panicked.is_err());
    }
    // An observer that panics at every statement also panics while a session unwinds.
    let engine = Engine::new(place.database.backend()).pool_size(2);
    engine.observe(|event: &Event<'_>| {
        assert!(event.sql.text().starts_with("SELECT 1"), "on purpose");
    });
    for _ in 0..4 {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut session = Session::new(&engine);
            session.add(Note::new(1, "before"));
            session.flush()
        }));
        assert!(panicked.is_err());
    }
    let mut all = Vec::new();
    for _ in 0..2 {
        all.push(engine.connect().expect("every place of the pool"));
    }
    drop(all);
    place.take_rows();
}
