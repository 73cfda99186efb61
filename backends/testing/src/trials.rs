//! Tests of a backend with a server that keeps sending a little, sends more than is read, or accepts data slowly or not at all: every wait
//! must end, and not too early.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use selfsame::backend::{Backend, Sql, Statement, StatementKind};
use selfsame::dialect::Begin;
use selfsame::value::{Param, ValueRef, ValueType};
use selfsame::{Engine, ErrorKind};

use crate::Proxy;

/// Longer than any of these waits.
pub const TEST_LIMIT: Duration = Duration::from_secs(12);

/// A server that never completes a message.
#[derive(Clone, Debug, Default)]
pub struct Drip {
    /// What it sends to a new client.
    pub greeting: Vec<u8>,
    /// What it sends after the client's first message.
    pub answer: Vec<u8>,
    /// What it keeps sending after that.
    pub again: Vec<u8>,
}

impl Drip {
    /// Starts the server, and returns its port of the loopback interface.
    ///
    /// # Panics
    ///
    /// Without a free port.
    pub fn start(self) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let drip = self.clone();
                thread::spawn(move || drip.serve(client));
            }
        });
        port
    }

    fn serve(&self, mut client: TcpStream) {
        let _ = client.write_all(&self.greeting);
        let mut request = [0; 512];
        let _ = client.set_read_timeout(Some(Duration::from_millis(200)));
        let _ = client.read(&mut request);
        let _ = client.write_all(&self.answer);
        while client.write_all(&self.again).is_ok() {
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Asserts that connecting to such a server ends in time, as unreachable.
///
/// # Panics
///
/// If it does not.
pub fn connecting_ends_in_time(what: &str, backend: impl Backend) {
    let (sender, reported) = mpsc::channel();
    thread::spawn(move || {
        // The receiver no longer exists if this took too long.
        let _ = sender.send(backend.connect().map(drop));
    });
    let reported = reported
        .recv_timeout(TEST_LIMIT)
        .unwrap_or_else(|_| panic!("{what}: connecting has not ended within {TEST_LIMIT:?}"));
    let error = reported.expect_err("no server");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{what}: {error}");
    assert!(error.message().contains("answer"), "{what}: {error}");
}

/// Asserts that rolling back and resetting end in time although bytes keep arriving: a connection with an open transaction and one that ran
/// raw SQL go back to their pool while the proxy in front of their server lets answers through byte by byte.
///
/// # Panics
///
/// If it does not hold.
pub fn undoing_by_drops_ends_in_time(backend: &Arc<dyn Backend>, proxy: &Proxy, pause: Duration) {
    let engine = Engine::from_backend(Arc::clone(backend)).pool_size(1);
    for resets in [false, true] {
        let mut connection = engine.connect().expect("connects");
        match resets {
            true => {
                let raw = Sql::new(StatementKind::Raw, "SELECT 1", [], [ValueType::I32]);
                connection.execute(&raw, &[]).expect("runs");
            }
            false => connection.begin(Begin::default()).expect("begins"),
        }
        proxy.drip(pause);
        let started = Instant::now();
        drop(connection);
        assert!(started.elapsed() < TEST_LIMIT, "{:?}", started.elapsed());
        proxy.mend();
    }
}

/// Asserts that after a panic in a sink, which leaves far more rows unread than are worth waiting for, neither the connection that is
/// returned nor its next user reads them all. `flood` selects them, as texts.
///
/// # Panics
///
/// If it does not hold.
pub fn a_flood_ends_in_time(backend: &Arc<dyn Backend>, flood: &str) {
    let flood = Sql::new(StatementKind::Raw, flood, [], [ValueType::Text]);
    let one = Sql::new(StatementKind::Raw, "SELECT 1", [], [ValueType::I32]);
    for in_transaction in [false, true] {
        let engine = Engine::from_backend(Arc::clone(backend)).pool_size(1);
        let started = Instant::now();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut connection = engine.connect().expect("connects");
            if in_transaction {
                connection.begin(Begin::default()).expect("begins");
            }
            connection.query(&flood, &[], &mut |_| panic!("on purpose"))
        }));
        assert!(panicked.is_err());
        let mut rows = 0;
        let mut next = engine.connect().expect("connects");
        next.query(&one, &[], &mut |_| {
            rows += 1;
            Ok(())
        })
        .expect("serves");
        assert_eq!(rows, 1);
        assert!(started.elapsed() < TEST_LIMIT, "{:?}", started.elapsed());
    }
}

/// Asserts that the limit for silence also applies while a large statement is sent. A server that accepts the statement slowly is not
/// silent, although it sends nothing for longer than the limit; one that accepts nothing is. `length` returns the length of its one
/// parameter, a text, and the backend's limit for silence is one second.
///
/// # Panics
///
/// If it does not hold.
pub fn a_slow_upload_is_not_silence(backend: &Arc<dyn Backend>, proxy: &Proxy, length: &str) {
    /// At this rate the text takes three times as long as the server may be silent.
    const RATE: u64 = 3_000_000;
    let text = "x".repeat(9_000_000);
    let length = Sql::new(
        StatementKind::Select,
        length,
        [ValueType::Text],
        [ValueType::I64],
    );
    let params = [Param::Ref(ValueRef::Text(&text))];
    let mut connection = backend.connect().expect("connects");
    let mut read = None;
    let mut measure = || {
        let statement = Statement::new(&length, &params);
        let started = Instant::now();
        let done = connection.query(&statement, &mut |row| {
            read = row.i64(0)?;
            Ok(())
        });
        (done, read.take(), started.elapsed())
    };
    proxy.throttle(RATE);
    let (done, read, took) = measure();
    assert!(done.is_ok(), "after {took:?}: {done:?}");
    assert_eq!(read, i64::try_from(text.len()).ok());
    assert!(took > Duration::from_secs(2), "{took:?}");
    proxy.mend();
    proxy.stall();
    let (done, _, took) = measure();
    let error = done.expect_err("takes nothing");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    assert!(took < TEST_LIMIT, "{took:?}");
    let started = Instant::now();
    drop(connection);
    assert!(started.elapsed() < TEST_LIMIT, "{:?}", started.elapsed());
    proxy.mend();
}
