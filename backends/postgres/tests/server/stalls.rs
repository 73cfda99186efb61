//! A server that accepts connections and sends nothing blocks nobody for long.

use std::sync::Arc;
use std::time::{Duration, Instant};

use selfsame::backend::Backend;
use selfsame::error::ErrorKind;
use selfsame::prelude::*;
use selfsame_postgres::Postgres;
use selfsame_postgres::testing::Server;
use selfsame_testing::trials::{
    Drip, TEST_LIMIT, a_flood_ends_in_time, a_slow_upload_is_not_silence, connecting_ends_in_time,
    undoing_by_drops_ends_in_time,
};

use crate::support::{Case, proxy, through_proxy};

pub(crate) const CASES: &[Case] = &[
    ("stalls_end_in_time", end_in_time),
    ("stalls_no_long_statement_is_one", no_long_statement_is_one),
    ("stalls_dropping_panics_nowhere", dropping_panics_nowhere),
    ("stalls_by_drops_end_in_time", by_drops_end_in_time),
    ("stalls_undoing_by_drops_ends_in_time", undoing_ends_in_time),
    ("stalls_by_floods_end_in_time", by_floods_end_in_time),
    ("stalls_no_slow_upload_is_one", no_slow_upload_is_one),
];

#[derive(Entity, Clone, Debug)]
#[orm(table = "notes")]
struct Note {
    #[orm(primary_key)]
    id: Auto<i64>,
    text: String,
}

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
            // A rollback has a short limit even if statements have none.
            (rollback, false, Some(ErrorKind::ConnectionLost)),
            (|_| Ok(()), false, None),
        ] {
            scope.spawn(move || {
                let database = server.database().expect("a database");
                let direct = Engine::new(database.backend());
                metadata![Note].create_all(&direct).expect("creates");
                let proxy = proxy(server);
                let mut backend = through_proxy(&proxy, server, &database);
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
                    started.elapsed() < TEST_LIMIT,
                    "{expected:?} {:?}",
                    started.elapsed()
                );
            });
        }
    });
}

/// The client's limit is longer than the server's: a statement that the server cancels is reported with the server's error. A server that
/// keeps sending rows is not silent.
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
        .expect_err("sends nothing until its end");
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

/// In both kinds of Tokio runtime, with and without a task budget, a connection is refused and dropped without a panic.
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

/// A server that keeps sending a little is not silent, but the connection is given up all the same.
fn by_drops_end_in_time(_: &Server) {
    const LET_IN: &[u8] = b"R\0\0\0\x08\0\0\0\0";
    const PARAMETER: &[u8] = b"S\0\0\0\x08a\0b\0";
    const NOTICE: &[u8] = b"N\0\0\0\x17SNOTICE\0C00000\0Mx\0\0";
    let ready = b"K\0\0\0\x0c\0\0\0\x01\0\0\0\x01Z\0\0\0\x05I";
    for (what, mode, answer, again) in [
        // It agrees to TLS, then sends a long record.
        #[cfg(feature = "tls")]
        (
            "handshake",
            "prefer",
            b"S\x16\x03\x03\x40\0\x02\0\x3f\xfc".to_vec(),
            &b"x"[..],
        ),
        // During the startup, before ReadyForQuery.
        ("startup", "disable", LET_IN.to_vec(), PARAMETER),
        // After the startup, before the answer to the first query.
        ("greeting", "disable", [LET_IN, &ready[..]].concat(), NOTICE),
        // Byte by byte.
        ("bytes", "disable", b"R\x7f\0\0\0".to_vec(), b"x"),
    ] {
        let drip = Drip {
            answer,
            again: again.to_vec(),
            ..Drip::default()
        };
        let url = format!("postgres://u:p@127.0.0.1:{}/d?sslmode={mode}", drip.start());
        let backend = Postgres::url(&url).expect("a URL");
        connecting_ends_in_time(what, backend.connect_timeout(Duration::from_millis(700)));
    }
}

/// Rolling back must end in time too, although bytes keep arriving.
fn undoing_ends_in_time(server: &Server) {
    let database = server.database().expect("a database");
    let proxy = proxy(server);
    let backend: Arc<dyn Backend> = Arc::new(through_proxy(&proxy, server, &database));
    undoing_by_drops_ends_in_time(&backend, &proxy, Duration::from_millis(1_000));
}

fn by_floods_end_in_time(server: &Server) {
    let database = server.database().expect("a database");
    let backend: Arc<dyn Backend> = Arc::new(database.backend());
    a_flood_ends_in_time(
        &backend,
        "SELECT repeat('x', 500) || generate_series(1, 100000000)",
    );
}

fn no_slow_upload_is_one(server: &Server) {
    let database = server.database().expect("a database");
    for prepares in [true, false] {
        let proxy = proxy(server);
        let mut backend =
            through_proxy(&proxy, server, &database).response_timeout(Duration::from_secs(1));
        if !prepares {
            backend = backend.without_prepared_statements();
        }
        let backend: Arc<dyn Backend> = Arc::new(backend);
        let length = "SELECT length($1)::bigint";
        a_slow_upload_is_not_silence(&backend, &proxy, length);
    }
}
