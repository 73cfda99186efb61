//! Connecting, and failing to connect.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use selfsame::backend::Backend;
use selfsame::error::ErrorKind;
use selfsame::value::{Value, ValueType};
use selfsame_postgres::testing::Server;
use selfsame_postgres::{Postgres, SCHEME};

use crate::support::{Case, execute, fixture, read, shown, write};

pub(crate) const CASES: &[Case] = &[
    ("connecting_reports_the_version", reports_the_version),
    ("connecting_by_scheme", by_scheme),
    ("connecting_with_a_wrong_password", with_a_wrong_password),
    ("connecting_to_no_database", to_no_database),
    ("connecting_to_a_closed_port", to_a_closed_port),
    ("connecting_to_a_silent_server", to_a_silent_server),
    #[cfg(unix)]
    ("connecting_to_a_full_queue", to_a_full_queue),
    ("connecting_with_extreme_limits", with_extreme_limits),
    ("connecting_inside_tokio", inside_tokio),
    ("connecting_settings_arrive", settings_arrive),
    ("connecting_databases_are_isolated", databases_are_isolated),
    ("connecting_refused_has_a_kind", refused_has_a_kind),
];

fn reports_the_version(server: &Server) {
    let version = server.version().expect("a version");
    let number = version.strip_prefix("PostgreSQL ").expect("a name");
    assert!(
        number.starts_with(|c: char| c.is_ascii_digit()) && !number.contains(' '),
        "{version}"
    );
}

fn by_scheme(server: &Server) {
    let backend = (SCHEME.open)(server.url()).expect("opens");
    assert!(backend.connect().expect("connects").is_open());
    assert_eq!(backend.dialect().name(), "postgres");
}

/// A limit may be longer than a clock can represent, or shorter than any answer takes.
fn with_extreme_limits(server: &Server) {
    let mark = if server.url().contains('?') { '&' } else { '?' };
    let longest = format!(
        "{}{mark}connect_timeout={}&response_timeout={}",
        server.url(),
        i64::MAX,
        u64::MAX
    );
    let url = |text: &str| Postgres::url(text).expect("a URL");
    for backend in [
        url(&longest),
        url(server.url())
            .connect_timeout(Duration::MAX)
            .response_timeout(Duration::MAX)
            .statement_timeout(Duration::MAX)
            .lock_timeout(Duration::MAX),
        url(server.url()).statement_timeout(Duration::MAX),
    ] {
        let mut connection = backend.connect().expect("connects");
        let rows = read(&mut *connection, "SELECT 1::bigint", &[], &[ValueType::I64]);
        assert_eq!(rows.expect("reads"), [[Value::I64(1)]]);
        connection.reset(true).expect("resets");
    }
    for short in [Duration::ZERO, Duration::from_nanos(1)] {
        let mut connection = url(server.url())
            .response_timeout(short)
            .connect()
            .expect("connects");
        let started = Instant::now();
        let error = execute(&mut *connection, "SELECT pg_sleep(8)").expect_err("no answer");
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
        drop(connection);
        assert!(started.elapsed() < Duration::from_secs(6));
        let error = url(server.url()).connect_timeout(short).connect().map(drop);
        if let Err(error) = error {
            assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        }
    }
}

fn with_a_wrong_password(server: &Server) {
    let mut url = url::Url::parse(server.url()).expect("a URL");
    url.set_password(Some("hunter2")).expect("has a host");
    let error = Postgres::url(url.as_str())
        .expect("a URL")
        .connect()
        .expect_err("wrong password");
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    assert_eq!(error.native_code(), Some("28P01"));
    assert!(
        error.message().contains("password authentication failed"),
        "{error}"
    );
    assert!(!shown(&error).contains("hunter2"), "{error:?}");

    url.set_password(None).expect("has a host");
    let error = Postgres::url(url.as_str())
        .expect("a URL")
        .connect()
        .expect_err("no password");
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
}

fn to_no_database(server: &Server) {
    let mut url = url::Url::parse(server.url()).expect("a URL");
    url.set_path("/nowhere");
    let error = Postgres::url(url.as_str())
        .expect("a URL")
        .connect()
        .expect_err("no database");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(
        error.message().contains("\"nowhere\" does not exist"),
        "{error}"
    );
}

fn to_a_closed_port(_: &Server) {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    let error = Postgres::url(&format!("postgres://u:hunter2@127.0.0.1:{port}/d"))
        .expect("a URL")
        .connect()
        .expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(error.message().contains("refused"), "{error}");
    assert!(error.message().contains(&port.to_string()), "{error}");
    assert!(!shown(&error).contains("hunter2"), "{error:?}");
}

fn to_a_silent_server(_: &Server) {
    // The backlog accepts, and nothing answers.
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let port = listener.local_addr().expect("an address").port();
    let started = Instant::now();
    let error = Postgres::url(&format!("postgres://u@127.0.0.1:{port}/d"))
        .expect("a URL")
        .connect_timeout(Duration::from_millis(300))
        .connect()
        .expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(started.elapsed() < Duration::from_secs(2));
}

/// A stopped server accepts nobody, and its queue fills.
#[cfg(unix)]
fn to_a_full_queue(_: &Server) {
    use std::os::unix::net::UnixListener;
    let folder = std::env::temp_dir().join(format!("selfsame-queue-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(".s.PGSQL.5432");
    let listener = UnixListener::bind(&path).expect("listens");
    let socket = socket2::SockRef::from(&listener);
    socket.listen(1).expect("a short queue");
    let address = socket2::SockAddr::unix(&path).expect("an address");
    let mut waiting = Vec::new();
    loop {
        let client = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)
            .expect("a socket");
        client.set_nonblocking(true).expect("does not block");
        match client.connect(&address) {
            Ok(()) => waiting.push(client),
            Err(_) => break,
        }
        assert!(waiting.len() < 10_000, "the queue has no end");
    }
    let started = Instant::now();
    let url = format!("postgres:///d?user=u&host={}", folder.display());
    let backend = Postgres::url(&url).expect("a URL");
    let error = backend
        .connect_timeout(Duration::from_millis(300))
        .connect()
        .expect_err("nobody accepts");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(started.elapsed() < Duration::from_secs(2));
    std::fs::remove_dir_all(folder).expect("removes");
}

fn inside_tokio(server: &Server) {
    let database = server.database().expect("a database");
    let mut outside = database.backend().connect().expect("connects");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let error = database.backend().connect().expect_err("inside a task");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("spawn_blocking"), "{error}");
        let error = write(outside.as_mut(), "SELECT 1", &[]).expect_err("inside a task");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(outside.is_open());
    });
    write(outside.as_mut(), "SELECT 1", &[]).expect("is unharmed");
    runtime.block_on(async { drop(outside) });
    let backend = database.backend();
    let version = runtime
        .block_on(runtime.spawn_blocking(move || backend.connect()?.server_version()))
        .expect("does not panic");
    assert!(version.expect("works").starts_with("PostgreSQL"));
}

fn settings_arrive(server: &Server) {
    let database = server.database().expect("a database");
    let backend = Postgres::url(&database.url())
        .expect("the URL of a database")
        .statement_timeout(Duration::from_secs(7));
    let mut connection = backend.connect().expect("connects");
    for (setting, expected) in [
        ("search_path", database.name()),
        ("application_name", database.name()),
        ("statement_timeout", "7s"),
    ] {
        let select = format!("SELECT current_setting('{setting}')");
        let rows = read(connection.as_mut(), &select, &[], &[ValueType::Text]);
        assert_eq!(rows.expect("reads"), [[Value::Text(expected.to_owned())]]);
    }
}

fn databases_are_isolated(server: &Server) {
    let one = fixture(server);
    let mut other = fixture(server);
    let name = one.database.name().to_owned();
    let mut connection = one.connection;
    execute(connection.as_mut(), "CREATE TABLE t (id bigint)").expect("creates");
    let error = write(other.connection.as_mut(), "SELECT * FROM t", &[]).expect_err("not here");
    assert_eq!(error.kind(), ErrorKind::NoSuchTable);
    // A connection that is left open does not keep the schema alive.
    drop(one.database);
    let select = format!("SELECT 1 FROM pg_namespace WHERE nspname = '{name}'");
    let rows = read(other.connection.as_mut(), &select, &[], &[ValueType::I32]);
    assert!(rows.expect("reads").is_empty());
}

/// Servers and poolers use one code for different causes, and different codes for one cause.
fn refused_has_a_kind(_: &Server) {
    for (code, message, kind) in [
        (
            "08P01",
            "unsupported startup parameter: options",
            ErrorKind::Configuration,
        ),
        (
            "08P01",
            "SASL authentication failed",
            ErrorKind::Authentication,
        ),
        ("08P01", "no such user: ada", ErrorKind::Authentication),
        ("08P01", "no such database: nowhere", ErrorKind::Unreachable),
        (
            "08P01",
            "no more connections allowed (max_client_conn)",
            ErrorKind::Unreachable,
        ),
        (
            "28P01",
            "password authentication failed",
            ErrorKind::Authentication,
        ),
        ("28000", "no pg_hba.conf entry", ErrorKind::Authentication),
        (
            "3D000",
            "database \"d\" does not exist",
            ErrorKind::Unreachable,
        ),
        (
            "53300",
            "sorry, too many clients already",
            ErrorKind::Unreachable,
        ),
        (
            "57P03",
            "the database system is starting up",
            ErrorKind::Unreachable,
        ),
        (
            "22023",
            "invalid value for parameter",
            ErrorKind::Configuration,
        ),
        (
            "XX000",
            "Tenant or user not found",
            ErrorKind::Authentication,
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let refusing = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            let mut request = [0; 512];
            let _ = client.read(&mut request);
            let body = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
            let length = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
            let answer = [b"E", &length[..], body.as_bytes()].concat();
            client.write_all(&answer).expect("is heard");
        });
        let url = format!("postgres://u:p@127.0.0.1:{port}/d?sslmode=disable");
        let backend = Postgres::url(&url).expect("a URL");
        let error = backend.connect().expect_err(message);
        refusing.join().expect("no panic");
        assert_eq!(error.kind(), kind, "{code}: {error}");
        assert_eq!(error.native_code(), Some(code), "{error}");
        assert!(error.message().contains(message), "{error}");
    }
}
