//! A server that is there and says nothing stops nobody for long.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use selfsame::backend::{Backend, Sql, StatementKind};
use selfsame::dialect::Begin;
use selfsame::error::ErrorKind;
use selfsame::prelude::*;
use selfsame::value::ValueType;
use selfsame_postgres::testing::Server;

use crate::proxy::Proxy;
use crate::support::Case;

pub(crate) const CASES: &[Case] = &[
    ("stalls_end_in_time", end_in_time),
    ("stalls_no_long_statement_is_one", no_long_statement_is_one),
    ("stalls_dropping_panics_nowhere", dropping_panics_nowhere),
    ("stalls_by_drops_end_in_time", by_drops_end_in_time),
    ("stalls_by_floods_end_in_time", by_floods_end_in_time),
];

#[derive(Entity, Clone, Debug)]
#[orm(table = "notes")]
struct Note {
    #[orm(primary_key)]
    id: Auto<i64>,
    text: String,
}

/// Longer than any of these waits, shorter than for ever.
const PATIENCE: Duration = Duration::from_secs(12);

fn end_in_time(server: &Server) {
    type Work = fn(&mut Session) -> selfsame::Result<()>;
    let count: Work = |session| Note::query().count(session).map(drop);
    let commit: Work = |session| session.commit();
    let rollback: Work = |session| session.rollback();
    let savepoint: Work = |session| session.savepoint(|_| Ok(()));
    std::thread::scope(|scope| {
        for (work, limited, expected) in [
            (count, true, Some(ErrorKind::ConnectionLost)),
            (commit, true, Some(ErrorKind::AmbiguousCommit)),
            (savepoint, true, Some(ErrorKind::ConnectionLost)),
            // With no limit said, what only undoes is short all the same.
            (rollback, false, Some(ErrorKind::ConnectionLost)),
            (|_| Ok(()), false, None),
        ] {
            scope.spawn(move || {
                let database = server.database().expect("a database");
                let direct = Engine::new(database.backend());
                metadata![Note].create_all(&direct).expect("creates");
                let proxy = Proxy::new(server);
                let mut backend = proxy.backend(server, &database);
                if limited {
                    backend = backend.statement_timeout(Duration::from_millis(500));
                }
                let engine = Engine::new(backend);
                let mut session = Session::new(&engine);
                session.add(Note::new("a"));
                session.flush().expect("flushes");
                proxy.stall();
                let started = Instant::now();
                let result = work(&mut session);
                assert_eq!(result.err().map(|error| error.kind()), expected);
                drop(session);
                drop(engine);
                assert!(
                    started.elapsed() < PATIENCE,
                    "{expected:?} {:?}",
                    started.elapsed()
                );
            });
        }
    });
}

/// The limit is for silence after the server's own: a statement that the server ends itself is told in its words, and rows that keep
/// coming are no silence.
fn no_long_statement_is_one(server: &Server) {
    let database = server.database().expect("a database");
    let backend = database
        .backend()
        .statement_timeout(Duration::from_millis(300));
    let mut connection = Engine::new(backend).connect().expect("connects");
    let sleep = |text: &str| {
        selfsame::backend::Sql::new(
            selfsame::backend::StatementKind::Raw,
            text,
            [],
            [selfsame::value::ValueType::I32],
        )
    };
    let error = connection
        .execute(&sleep("SELECT 1 FROM pg_sleep(5)"), &[])
        .expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    let backend = database
        .backend()
        .response_timeout(Duration::from_millis(400));
    let mut connection = Engine::new(backend).connect().expect("connects");
    let slow =
        "SELECT 1 FROM (SELECT repeat('x', 9000), pg_sleep(0.1) FROM generate_series(1, 10)) AS s";
    connection
        .execute(&sleep(slow), &[])
        .expect_err("says nothing until its end");
    let mut connection = Engine::new(
        database
            .backend()
            .response_timeout(Duration::from_millis(400)),
    )
    .connect()
    .expect("connects");
    let flowing = "SELECT repeat('x', 20000) FROM generate_series(1, 10) AS g WHERE pg_sleep(0.1) IS NOT NULL";
    connection
        .execute(&sleep(flowing), &[])
        .expect("keeps coming");
}

/// In every flavour of runtime, and without a budget, a connection is refused and dropped without a panic.
fn dropping_panics_nowhere(server: &Server) {
    let database = server.database().expect("a database");
    for multi in [false, true] {
        for constrained in [false, true] {
            let engine = Engine::new(database.backend());
            metadata![Note].create_all(&engine).expect("creates");
            let mut session = Session::new(&engine);
            session.add(Note::new("a"));
            session.flush().expect("flushes");
            let mut builder = match multi {
                true => tokio::runtime::Builder::new_multi_thread(),
                false => tokio::runtime::Builder::new_current_thread(),
            };
            let runtime = builder.build().expect("a runtime");
            let work = async move {
                let error = Note::query()
                    .count(&mut session)
                    .expect_err("inside a task");
                assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
                let error = session.commit().expect_err("inside a task");
                assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
                drop(session);
                drop(engine);
            };
            match constrained {
                true => runtime.block_on(work),
                false => runtime.block_on(tokio::task::unconstrained(work)),
            }
        }
    }
}

/// What a server says that never says enough.
#[derive(Clone, Copy, Debug)]
enum Drip {
    /// Of its agreement to TLS, a long record.
    #[cfg(feature = "tls")]
    Handshake,
    /// Before it is ready.
    Startup,
    /// After it has let us in, and before it answers the first question.
    Greeting,
}

/// A server that says a little again and again is no silent one, and is given up all the same.
fn by_drops_end_in_time(_: &Server) {
    for drip in [
        #[cfg(feature = "tls")]
        Drip::Handshake,
        Drip::Startup,
        Drip::Greeting,
    ] {
        let port = dripping(drip);
        let mode = match drip {
            #[cfg(feature = "tls")]
            Drip::Handshake => "prefer",
            _ => "disable",
        };
        let url = format!("postgres://u:p@127.0.0.1:{port}/d?sslmode={mode}");
        let (sender, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let backend = selfsame_postgres::Postgres::url(&url).expect("a URL");
            let limited = backend.connect_timeout(Duration::from_millis(700));
            // Nobody may wait any more.
            let _ = sender.send(limited.connect().map(drop));
        });
        let told = told
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("{drip:?}: connecting has not ended within {PATIENCE:?}"));
        let error = told.expect_err("no server");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{drip:?}: {error}");
        assert!(error.message().contains("answer"), "{drip:?}: {error}");
    }
}

fn dripping(drip: Drip) -> u16 {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let mut asked = [0; 512];
        let _ = client.read(&mut asked);
        let parameter = b"S\0\0\0\x08a\0b\0";
        let notice = b"N\0\0\0\x17SNOTICE\0C00000\0Mx\0\0";
        let (begin, again): (Vec<u8>, &[u8]) = match drip {
            #[cfg(feature = "tls")]
            Drip::Handshake => (b"S\x16\x03\x03\x40\0\x02\0\x3f\xfc".to_vec(), b"x"),
            Drip::Startup => (b"R\0\0\0\x08\0\0\0\0".to_vec(), parameter),
            Drip::Greeting => {
                let welcome = b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x01\0\0\0\x01Z\0\0\0\x05I";
                (welcome.to_vec(), notice)
            }
        };
        let _ = client.write_all(&begin);
        while client.write_all(again).is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    port
}

/// A panic in a sink leaves more rows on their way than anybody would wait for: neither the session that goes, nor the next user of the
/// connection reads them all.
fn by_floods_end_in_time(server: &Server) {
    let database = server.database().expect("a database");
    let text = "SELECT repeat('x', 500) || generate_series(1, 100000000)";
    let flood = Sql::new(StatementKind::Raw, text, [], [ValueType::Text]);
    for in_transaction in [false, true] {
        let engine = Engine::new(database.backend()).pool_size(1);
        let started = Instant::now();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut connection = engine.connect().expect("connects");
            if in_transaction {
                connection.begin(Begin::default()).expect("begins");
            }
            connection.query(&flood, &[], &mut |_| panic!("as asked"))
        }));
        assert!(panicked.is_err());
        let mut next = Session::new(&engine);
        let one = next.sql("SELECT 1", ()).first::<(i32,)>().expect("serves");
        assert_eq!(one, Some((1,)));
        assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    }
}
