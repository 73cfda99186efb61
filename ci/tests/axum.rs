//! The web service of the examples, by real requests; and units of work whose future was dropped.

mod backends;
#[path = "../examples/axum_users.rs"]
#[expect(dead_code, reason = "its main is for people")]
mod example;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use axum::routing::get;
use libtest_mimic::Failed;
use selfsame::prelude::*;
use tokio::runtime::Runtime;

use backends::{Case, On};
use example::{User, app};

const CASES: &[Case] = &[
    ("requests", requests),
    ("errors_roll_back", errors_roll_back),
    ("a_panic_rolls_back", a_panic_rolls_back),
    ("dropped_futures_roll_back", dropped_futures_roll_back),
    ("clients_that_hang_up", clients_that_hang_up),
    ("a_canceller_stops_a_session", a_canceller_stops_a_session),
];

fn main() {
    // MariaDB's backend cannot stop a statement from another thread yet.
    backends::run(CASES, &[On::Sqlite, On::Postgres]);
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn serve(runtime: &Runtime, router: axum::Router) -> SocketAddr {
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    runtime.spawn(async { axum::serve(listener, router).await });
    address
}

/// The status and the body of a response.
fn request(address: SocketAddr, method: &str, path: &str) -> (u16, String) {
    let mut stream = send(address, method, path);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned());
    (status.expect("a status"), body.unwrap_or_default())
}

fn send(address: SocketAddr, method: &str, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("connects");
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )
    .expect("sends");
    stream
}

fn names(engine: &Engine) -> Result<Vec<String>> {
    let mut session = Session::new(engine);
    User::query()
        .order_by(User::NAME.asc())
        .select(User::NAME)
        .all(&mut session)
}

fn requests(engine: Engine, _: On) -> Result<(), Failed> {
    metadata![User].create_all(&engine)?;
    let runtime = runtime();
    let address = serve(&runtime, app(engine.clone()));
    assert_eq!(request(address, "POST", "/users/ann").0, 201);
    assert_eq!(request(address, "POST", "/users/bob").0, 201);
    assert_eq!(request(address, "POST", "/users/ann").0, 409);
    assert_eq!(
        request(address, "GET", "/users"),
        (200, "ann\nbob".to_owned())
    );
    assert_eq!(request(address, "DELETE", "/users/ann").0, 204);
    assert_eq!(request(address, "DELETE", "/users/ann").0, 404);
    // Many requests at once: each waits for a connection.
    std::thread::scope(|scope| {
        for worker in 0..8 {
            scope.spawn(move || {
                for number in 0..10 {
                    let path = format!("/users/w{worker}-{number}");
                    assert_eq!(request(address, "POST", &path).0, 201);
                }
            });
        }
    });
    assert_eq!(names(&engine)?.len(), 81);
    Ok(())
}

fn errors_roll_back(engine: Engine, _: On) -> Result<(), Failed> {
    metadata![User].create_all(&engine)?;
    let work = |session: &mut Session| -> Result<()> {
        session.add(User::new("ann"));
        session.flush()?;
        Err(Error::new(ErrorKind::Validation, "no"))
    };
    let error = runtime().block_on(engine.run(work)).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Validation);
    assert_eq!(names(&engine)?, [""; 0]);
    Ok(())
}

fn a_panic_rolls_back(engine: Engine, _: On) -> Result<(), Failed> {
    metadata![User].create_all(&engine)?;
    let engine = engine.pool_size(1);
    let runtime = runtime();
    let panicking = engine.clone();
    let task = runtime.spawn(async move {
        let work = |session: &mut Session| -> Result<()> {
            session.add(User::new("ann"));
            session.flush()?;
            panic!("planned");
        };
        panicking.run(work).await
    });
    assert!(runtime.block_on(task).expect_err("panics").is_panic());
    assert_eq!(names(&engine)?, [""; 0]);
    Ok(())
}

/// A statement that takes far longer than any test.
fn slow(on: On) -> &'static str {
    match on {
        On::Sqlite => {
            "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n) SELECT count(*) FROM n"
        }
        On::Postgres => "SELECT count(pg_sleep(600))",
        On::Mariadb => "SELECT SLEEP(600)",
    }
}

/// Adds a user, then waits forever.
fn add_and_hang(on: On) -> impl FnOnce(&mut Session) -> Result<()> + Send + 'static {
    move |session| {
        session.add(User::new("ann"));
        session.flush()?;
        session.sql(slow(on), ()).all::<(i64,)>().map(drop)
    }
}

/// The only connection returns to the pool, the server stops the statement, and nothing was written.
fn check_undone(engine: &Engine, on: On) -> Result<(), Failed> {
    let begun = Instant::now();
    assert_eq!(names(engine)?, [""; 0]);
    let mut left = 1;
    while on == On::Postgres && left > 0 && begun.elapsed() < Duration::from_secs(20) {
        let mut session = Session::new(engine);
        let busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND state = 'active' AND pid <> pg_backend_pid()";
        left = session.sql(busy, ()).one::<(i64,)>()?.0;
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    Ok(())
}

fn dropped_futures_roll_back(engine: Engine, on: On) -> Result<(), Failed> {
    metadata![User].create_all(&engine)?;
    let engine = engine.pool_size(1);
    let runtime = runtime();
    for wait in [0, 1, 5, 50, 200] {
        let cancelled = engine.clone();
        let task = runtime.spawn(async move { cancelled.run(add_and_hang(on)).await });
        std::thread::sleep(Duration::from_millis(wait));
        task.abort();
        assert!(runtime.block_on(task).expect_err("aborted").is_cancelled());
        check_undone(&engine, on)?;
    }
    // A future that is never polled does nothing.
    drop(engine.run(add_and_hang(on)));
    check_undone(&engine, on)
}

fn clients_that_hang_up(engine: Engine, on: On) -> Result<(), Failed> {
    metadata![User].create_all(&engine)?;
    let engine = engine.pool_size(1);
    let runtime = runtime();
    let hanging = engine.clone();
    let hang = move || async move { hanging.run(add_and_hang(on)).await.map_err(|_| "failed") };
    let router = app(engine.clone()).route(
        "/hang",
        get(|| async move { hang().await.map(|()| "done") }),
    );
    let address = serve(&runtime, router);
    let stream = send(address, "GET", "/hang");
    std::thread::sleep(Duration::from_millis(200));
    drop(stream);
    check_undone(&engine, on)?;
    assert_eq!(request(address, "POST", "/users/bob").0, 201);
    Ok(())
}

fn a_canceller_stops_a_session(engine: Engine, on: On) -> Result<(), Failed> {
    metadata![User].create_all(&engine)?;
    let engine = engine.pool_size(1);
    let mut session = Session::new(&engine);
    let canceller = session.canceller();
    let working = std::thread::spawn(move || {
        let error = add_and_hang(on)(&mut session).expect_err("stopped");
        session.add(User::new("bob"));
        let refused = session.commit().expect_err("refused");
        (error.kind(), refused.kind(), session.rollback().is_ok())
    });
    std::thread::sleep(Duration::from_millis(200));
    canceller.cancel();
    let (stopped, refused, rolled_back) = working.join().expect("no panic");
    let expected = match on {
        On::Sqlite => ErrorKind::Database,
        On::Postgres | On::Mariadb => ErrorKind::ConnectionLost,
    };
    assert_eq!(stopped, expected);
    assert!(
        matches!(refused, ErrorKind::Cancelled | ErrorKind::PendingRollback),
        "{refused:?}"
    );
    assert!(rolled_back || on == On::Postgres);
    check_undone(&engine, on)
}
