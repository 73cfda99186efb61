//! Tests of the engine over a backend that records its calls.

use std::borrow::Cow;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use selfsame::backend::{
    Backend, Connection, Outcome, Row, Rows, Scheme, Sql, Statement, StatementKind,
};
use selfsame::dialect::{Batch, Begin, Capabilities, Dialect, Isolation};
use selfsame::engine::{Echo, Engine, Event};
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::schema::ColumnType;
use selfsame::value::{Param, ValueRef, ValueType};

/// What happened to all connections of a fake backend, in order.
type Log = Arc<Mutex<Vec<String>>>;

#[derive(Debug)]
struct Fake {
    log: Log,
    capabilities: Capabilities,
}

#[derive(Debug)]
struct FakeConnection {
    log: Log,
    open: bool,
}

#[derive(Debug)]
struct Plain(Capabilities);

impl Fake {
    fn engine(capabilities: Capabilities) -> (Engine, Log) {
        let log = Log::default();
        (
            Engine::from_backend(Arc::new(Boxed::new(Fake {
                log: Arc::clone(&log),
                capabilities,
            }))),
            log,
        )
    }

    fn with_transactions() -> (Engine, Log) {
        Self::engine(
            Capabilities::none()
                .with_transactions(true)
                .with_savepoints(true),
        )
    }
}

/// A fake with its dialect.
#[derive(Debug)]
struct Boxed {
    fake: Fake,
    dialect: Plain,
}

impl Boxed {
    fn new(fake: Fake) -> Self {
        let dialect = Plain(fake.capabilities.clone());
        Self { fake, dialect }
    }
}

impl Backend for Boxed {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        record(&self.fake.log, "connect");
        Ok(Box::new(FakeConnection {
            log: Arc::clone(&self.fake.log),
            open: true,
        }))
    }

    fn dialect(&self) -> &dyn Dialect {
        &self.dialect
    }
}

impl Dialect for Plain {
    fn name(&self) -> &str {
        "plain"
    }

    fn column_type(&self, _: &ColumnType) -> Cow<'static, str> {
        "TEXT".into()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.clone()
    }

    fn batch(&self) -> Batch {
        Batch::Rows
    }
}

impl Connection for FakeConnection {
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome> {
        let text = statement.sql.text();
        record(&self.log, text);
        match text {
            "LOSE" => {
                self.open = false;
                Err(Error::new(ErrorKind::ConnectionLost, "gone"))
            }
            "FAIL" => Err(Error::new(ErrorKind::UniqueViolation, "refused").constraint("one")),
            "COMMIT" if !self.open => Err(Error::new(ErrorKind::ConnectionLost, "gone")),
            _ => Ok(Outcome::matched(3)),
        }
    }

    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        record(&self.log, statement.sql.text());
        sink(&OneRow)
    }

    fn is_open(&self) -> bool {
        self.open
    }

    fn reset(&mut self, used_raw_sql: bool) -> Result<()> {
        record(
            &self.log,
            if used_raw_sql {
                "reset after raw SQL"
            } else {
                "reset"
            },
        );
        Ok(())
    }

    fn server_version(&mut self) -> Result<String> {
        Ok("Fake 1".to_owned())
    }
}

struct OneRow;

impl Row for OneRow {
    fn len(&self) -> usize {
        1
    }

    fn name(&self, _: usize) -> &str {
        "one"
    }

    fn value(&self, _: usize, _: ValueType) -> Result<ValueRef<'_>> {
        Ok(ValueRef::I64(1))
    }
}

fn record(log: &Log, what: &str) {
    log.lock().expect("no panic").push(what.to_owned());
}

fn taken(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().expect("no panic"))
}

fn sql(text: &str) -> Sql {
    Sql::new(StatementKind::Update, text, [], [])
}

#[test]
fn nothing_connects_before_the_first_statement_and_connections_are_reused() {
    let (engine, log) = Fake::with_transactions();
    assert!(taken(&log).is_empty());
    drop(engine.connect().expect("a success"));
    drop(engine.connect().expect("a success"));
    assert_eq!(taken(&log), ["connect", "reset", "reset"]);
}

#[test]
fn a_broken_connection_is_replaced() {
    let (engine, log) = Fake::with_transactions();
    let mut connected = engine.connect().expect("a success");
    assert_eq!(
        connected
            .execute(&sql("LOSE"), &[])
            .expect_err("a failure")
            .kind(),
        // A write outside a transaction commits itself.
        ErrorKind::AmbiguousCommit
    );
    drop(connected);
    engine
        .connect()
        .expect("a success")
        .execute(&sql("UPDATE"), &[])
        .expect("a success");
    assert_eq!(
        taken(&log),
        ["connect", "LOSE", "connect", "UPDATE", "reset"]
    );
}

#[test]
fn a_dropped_transaction_is_rolled_back() {
    let (engine, log) = Fake::with_transactions();
    let mut connected = engine.connect().expect("a success");
    connected.begin(Begin::default()).expect("a success");
    connected.execute(&sql("UPDATE"), &[]).expect("a success");
    drop(connected);
    assert_eq!(
        taken(&log),
        ["connect", "BEGIN", "UPDATE", "ROLLBACK", "reset"]
    );
}

#[test]
fn the_reset_knows_of_raw_sql() {
    let (engine, log) = Fake::with_transactions();
    engine
        .connect()
        .expect("a success")
        .execute(&Sql::new(StatementKind::Raw, "SET x", [], []), &[])
        .expect("a success");
    assert_eq!(taken(&log), ["connect", "SET x", "reset after raw SQL"]);
}

#[test]
fn the_reset_knows_of_ddl() {
    let (engine, log) = Fake::with_transactions();
    let text = "CREATE TEMPORARY TABLE t (id INT)";
    engine
        .connect()
        .expect("a success")
        .execute(&Sql::new(StatementKind::Ddl, text, [], []), &[])
        .expect("a success");
    assert_eq!(taken(&log), ["connect", text, "reset after raw SQL"]);
}

#[test]
fn raw_sql_ends_no_transaction() {
    let (engine, log) = Fake::with_transactions();
    let raw = |text: &str| Sql::new(StatementKind::Raw, text, [], []);
    let mut connected = engine.connect().expect("a success");
    connected.begin(Begin::default()).expect("a success");
    for text in [
        "COMMIT",
        " /* a */ commit and chain",
        "END",
        "Abort",
        "ROLLBACK",
        "-- x\nrollback work;",
        "PREPARE TRANSACTION 'x'",
    ] {
        let error = connected.execute(&raw(text), &[]).expect_err("a failure");
        assert_eq!(error.kind(), ErrorKind::InvalidState, "{text}");
        assert!(error.is_unsent());
    }
    let allowed = [
        "ROLLBACK TO a",
        "rollback work to a",
        "RELEASE a",
        "CALL p()",
        "PREPARE transaction FROM 'SELECT 1'",
    ];
    for text in allowed {
        connected.execute(&raw(text), &[]).expect("a success");
    }
    connected.commit().expect("a success");
    // Outside a transaction nothing needs to be checked.
    connected.execute(&raw("COMMIT"), &[]).expect("a success");
    drop(connected);
    let [first, second, third, fourth, fifth] = allowed;
    assert_eq!(
        taken(&log),
        [
            "connect",
            "BEGIN",
            first,
            second,
            third,
            fourth,
            fifth,
            "COMMIT",
            "COMMIT",
            "reset after raw SQL"
        ]
    );
}

/// What is written after it is part of the transaction.
#[test]
fn a_panic_of_an_observer_at_begin_leaves_the_transaction_open() {
    let (engine, log) = Fake::with_transactions();
    engine.observe(|event: &Event<'_>| assert_ne!(event.sql.text(), "BEGIN", "on purpose"));
    let mut connected = engine.connect().expect("a success");
    let begun = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        connected.begin(Begin::default())
    }));
    assert!(begun.is_err());
    assert!(connected.in_transaction());
    connected.execute(&sql("UPDATE"), &[]).expect("a success");
    connected.commit().expect("a success");
    drop(connected);
    assert_eq!(
        taken(&log),
        ["connect", "BEGIN", "UPDATE", "COMMIT", "reset"]
    );
}

#[test]
fn waiting_for_a_full_pool_times_out() {
    let (engine, _) = Fake::engine(Capabilities::none().with_max_connections(Some(1)));
    let engine = engine.pool_size(5).pool_timeout(Duration::from_millis(30));
    let held = engine.connect().expect("a success");
    let start = Instant::now();
    let error = engine.connect().expect_err("a failure");
    assert_eq!(error.kind(), ErrorKind::PoolTimeout);
    assert!(error.message().contains("all 1 are in use"), "{error}");
    assert!(start.elapsed() >= Duration::from_millis(30));
    drop(held);
    engine.connect().expect("a success");
}

/// A backend that knows its dialect when it has connected.
#[derive(Debug)]
struct Late {
    inner: Boxed,
    is_known: AtomicBool,
    assumed: Plain,
}

impl Backend for Late {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        self.is_known.store(true, Ordering::Relaxed);
        self.inner.connect()
    }

    fn dialect(&self) -> &dyn Dialect {
        match self.knows_dialect() {
            true => self.inner.dialect(),
            false => &self.assumed,
        }
    }

    fn knows_dialect(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }
}

#[test]
fn a_limit_of_connections_that_is_known_late_holds() {
    for size in [1, 5] {
        let fake = Fake {
            log: Log::default(),
            capabilities: Capabilities::none().with_max_connections(Some(2)),
        };
        let engine = Engine::new(Late {
            inner: Boxed::new(fake),
            is_known: AtomicBool::new(false),
            assumed: Plain(Capabilities::none()),
        });
        let engine = engine
            .pool_size(size)
            .pool_timeout(Duration::from_millis(30));
        let allowed = size.min(2);
        let held: Vec<_> = (0..allowed)
            .map(|_| engine.connect().expect("a success"))
            .collect();
        let error = engine.connect().expect_err("a failure");
        assert_eq!(error.kind(), ErrorKind::PoolTimeout, "{size}");
        assert!(
            error
                .message()
                .contains(&format!("all {allowed} are in use")),
            "{error}"
        );
        drop(held);
        engine.connect().expect("a success");
    }
}

#[test]
fn idle_connections_of_a_pool_that_shrinks_are_closed() {
    let (engine, log) = Fake::engine(Capabilities::none());
    let held = [(); 3].map(|()| engine.connect().expect("a success"));
    drop(held);
    let engine = engine.pool_size(1).pool_timeout(Duration::from_millis(30));
    taken(&log);
    let held = engine.connect().expect("an idle one");
    let error = engine.connect().expect_err("a failure");
    assert_eq!(error.kind(), ErrorKind::PoolTimeout);
    drop(held);
    assert_eq!(taken(&log), ["reset"]);
}

#[test]
fn a_waiting_session_gets_the_connection_that_comes_back() {
    let (engine, log) = Fake::engine(Capabilities::none());
    let engine = engine.pool_size(1).pool_timeout(Duration::from_secs(20));
    let held = engine.connect().expect("a success");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| engine.connect().map(drop));
        std::thread::sleep(Duration::from_millis(20));
        drop(held);
        waiting.join().expect("a success").expect("a success");
    });
    assert_eq!(taken(&log), ["connect", "reset", "reset"]);
}

/// A backend whose driver panics a few times, then works.
#[derive(Debug)]
struct Panicking {
    inner: Boxed,
    panics: AtomicU32,
}

impl Backend for Panicking {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        let order = std::sync::atomic::Ordering::Relaxed;
        let left = |left: u32| left.checked_sub(1);
        assert!(
            self.panics.fetch_update(order, order, left).is_err(),
            "the driver panics"
        );
        self.inner.connect()
    }

    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }
}

#[test]
fn a_panic_while_connecting_leaks_no_slot() {
    let capabilities = Capabilities::none();
    let inner = Boxed::new(Fake {
        log: Log::default(),
        capabilities,
    });
    let engine = Engine::from_backend(Arc::new(Panicking {
        inner,
        panics: AtomicU32::new(5),
    }));
    let engine = engine.pool_size(2).pool_timeout(Duration::from_millis(30));
    for _ in 0..5 {
        let connect = std::panic::AssertUnwindSafe(|| engine.connect().map(drop));
        std::panic::catch_unwind(connect).expect_err("a panic");
    }
    let (_first, _second) = (
        engine.connect().expect("a success"),
        engine.connect().expect("a success"),
    );
    let error = engine.connect().expect_err("a failure");
    assert_eq!(error.kind(), ErrorKind::PoolTimeout);
}

/// An observer panics at ROLLBACK, in an ordinary drop and in one during a panic.
#[test]
fn a_panic_while_rolling_back_leaks_no_slot() {
    let (engine, _) = Fake::with_transactions();
    let engine = engine.pool_size(1).pool_timeout(Duration::from_millis(20));
    engine.observe(|event: &Event<'_>| assert_ne!(event.sql.text(), "ROLLBACK", "on purpose"));
    for unwinds in [false, true, false, true] {
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut connected = engine.connect().expect("the one place");
            connected.begin(Begin::default()).expect("a success");
            assert!(!unwinds, "on purpose");
            drop(connected);
        }));
        assert!(panicked.is_err());
    }
    engine.connect().expect("the one place");
}

#[test]
fn a_pool_timeout_may_be_unlimited() {
    let (engine, _) = Fake::engine(Capabilities::none());
    let engine = engine.pool_size(1).pool_timeout(Duration::MAX);
    let held = engine.connect().expect("a success");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| engine.connect().map(drop));
        std::thread::sleep(Duration::from_millis(20));
        drop(held);
        waiting.join().expect("a success").expect("a success");
    });
}

#[test]
fn many_threads_share_few_connections() {
    let (engine, _) = Fake::engine(Capabilities::none());
    let engine = engine.pool_size(3).pool_timeout(Duration::from_secs(20));
    let got = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..500 {
                    drop(engine.connect().expect("a success"));
                    got.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(got.into_inner(), 8_000);
}

#[test]
fn a_commit_on_a_lost_connection_is_ambiguous() {
    let (engine, _) = Fake::with_transactions();
    let mut connected = engine.connect().expect("a success");
    connected.begin(Begin::default()).expect("a success");
    connected.execute(&sql("LOSE"), &[]).expect_err("a failure");
    let error = connected.commit().expect_err("a failure");
    assert_eq!(error.kind(), ErrorKind::AmbiguousCommit);
    assert!(!error.is_retryable());
}

#[test]
fn unclaimed_capabilities_are_refused_before_anything_is_sent() {
    let (engine, log) = Fake::with_transactions();
    let mut connected = engine.connect().expect("a success");
    let (mut isolated, mut read_only) = (Begin::default(), Begin::default());
    isolated.isolation = Some(Isolation::Serializable);
    read_only.read_only = true;
    for begin in [isolated, read_only] {
        assert_eq!(
            connected.begin(begin).expect_err("a failure").kind(),
            ErrorKind::Unsupported
        );
    }
    let (bare, bare_log) = Fake::engine(Capabilities::none());
    let mut connected = bare.connect().expect("a success");
    assert_eq!(
        connected
            .begin(Begin::default())
            .expect_err("a failure")
            .kind(),
        ErrorKind::Unsupported
    );
    assert_eq!(
        connected.savepoint("a").expect_err("a failure").kind(),
        ErrorKind::Unsupported
    );
    assert_eq!(
        (taken(&log), taken(&bare_log)),
        (vec!["connect".to_owned()], vec!["connect".to_owned()])
    );
}

#[test]
fn every_statement_is_counted_and_observed_once() {
    let (engine, _) = Fake::with_transactions();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    engine.observe(move |event: &Event<'_>| {
        let error = event.error.map(Error::kind);
        sink.lock().expect("no panic").push((
            event.sql.text().to_owned(),
            event.executions,
            event.rows,
            error,
        ));
    });
    let mut connected = engine.connect().expect("a success");
    connected.begin(Begin::default()).expect("a success");
    connected
        .query(&sql("SELECT"), &[], &mut |_| Ok(()))
        .expect("a success");
    let params = [Param::Ref(ValueRef::I64(1)), Param::Ref(ValueRef::I64(2))];
    connected
        .execute_each(&sql("EACH"), Rows::new(&params, 1), &mut |_| Ok(()))
        .expect("a success");
    let error = connected.execute(&sql("FAIL"), &[]).expect_err("a failure");
    assert_eq!(error.statement_text(), Some("FAIL"));
    connected.commit().expect("a success");
    assert_eq!((connected.statements(), engine.statements()), (6, 6));
    let expected = [
        ("BEGIN".to_owned(), 1, 0, None),
        ("SELECT".to_owned(), 1, 1, None),
        ("EACH".to_owned(), 2, 6, None),
        ("FAIL".to_owned(), 1, 0, Some(ErrorKind::UniqueViolation)),
        ("COMMIT".to_owned(), 1, 0, None),
    ];
    assert_eq!(*seen.lock().expect("no panic"), expected);
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn echoed(echo: Echo) -> String {
    let lines = Lines::default();
    let engine = Fake::with_transactions().0.echo_to(echo, lines.clone());
    let mut connected = engine.connect().expect("a success");
    connected.begin(Begin::default()).expect("a success");
    let secret = [
        Param::Ref(ValueRef::Text("secret")),
        Param::Ref(ValueRef::Null),
        Param::Ref(ValueRef::Bytes(&[1, 2])),
    ];
    connected
        .execute(&sql("UPDATE t SET a = ?"), &secret)
        .expect("a success");
    connected.execute(&sql("FAIL"), &[]).expect_err("a failure");
    let text = String::from_utf8(lines.0.lock().expect("no panic").clone()).expect("a success");
    text.lines()
        .map(|line| {
            line.rsplit_once(", ")
                .filter(|_| line.contains(" rows, "))
                .map_or(line, |(head, _)| head)
        })
        .fold(String::new(), |all, line| {
            all + line.split(" -- ").next().unwrap_or_default()
                + "|"
                + line
                    .split(" -- ")
                    .nth(1)
                    .filter(|end| !end.ends_with('s') || end.ends_with("rows"))
                    .unwrap_or_default()
                + "\n"
        })
}

#[test]
fn echo_shows_parameters_only_on_request() {
    assert_eq!(echoed(Echo::Off), "");
    assert_eq!(
        echoed(Echo::Sql),
        "BEGIN|\nUPDATE t SET a = ?|3 rows\nFAIL|UniqueViolation\n"
    );
    assert_eq!(
        echoed(Echo::WithParameters),
        "BEGIN|\nUPDATE t SET a = ? [\"secret\", NULL, 2 bytes]|3 rows\nFAIL|UniqueViolation\n"
    );
}

#[test]
fn urls_are_opened_by_their_scheme() {
    const FAKE: Scheme = Scheme {
        names: &["fake"],
        open: |_| {
            Ok(Arc::new(Boxed::new(Fake {
                log: Log::default(),
                capabilities: Capabilities::none(),
            })))
        },
    };
    Engine::from_url("fake:anything", &[&FAKE]).expect("a success");
    for url in ["mysql://root:hunter2@host/db", "fake", ""] {
        let error = Engine::from_url(url, &[&FAKE]).expect_err("a failure");
        assert_eq!(error.kind(), ErrorKind::Configuration, "{url}");
        assert!(
            error.message().contains("fake") && !error.message().contains("hunter2"),
            "{error}"
        );
    }
}
