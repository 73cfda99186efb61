//! Connections that are encrypted, on a server of their own: its settings are changed.

use std::time::{Duration, Instant};

use selfsame::backend::Backend;
use selfsame::error::ErrorKind;
use selfsame::prelude::*;
use selfsame::value::ValueType;
use selfsame_postgres::Postgres;
use selfsame_postgres::testing::Server;

use crate::support::{Case, execute, i64s, read};

pub(crate) const CASES: &[Case] = &[("tls_is_verified_and_cancelled", is_verified_and_cancelled)];

/// Of nobody, for these tests alone.
const CERTIFICATE: &str = include_str!("tls/server.crt");
const KEY: &str = include_str!("tls/server.key");

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(10);

fn is_verified_and_cancelled(shared: &Server) {
    if shared.description().starts_with("postgres://") {
        // A server that others started is left as it is.
        return;
    }
    let server = Server::start().expect("a second server");
    encrypt(&server);
    let folder = own_folder();
    let authority = folder.join("authority.crt");
    std::fs::write(&authority, CERTIFICATE).expect("writes");
    let known = format!("sslrootcert={}", authority.display());
    let url = |options: &str| format!("{}?{options}", server.url());

    // Nobody vouches for this certificate, and the message says what helps.
    for mode in ["require", "verify-ca", "verify-full"] {
        let refused = Postgres::url(&url(&format!("sslmode={mode}"))).expect("a URL");
        let error = refused.connect().expect_err("an unknown certificate");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        assert!(error.message().contains("sslrootcert"), "{error}");
    }
    for (options, is_encrypted) in [
        ("sslmode=disable".to_owned(), 0),
        ("sslmode=prefer".to_owned(), 1),
        (format!("sslmode=verify-ca&{known}"), 1),
        (
            format!("sslmode=verify-ca&channel_binding=prefer&{known}"),
            1,
        ),
    ] {
        let backend = Postgres::url(&url(&options)).expect("a URL");
        let mut connection = backend.connect().expect(&options);
        let select = "SELECT ssl::int::bigint FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let found = read(connection.as_mut(), select, &[], &[ValueType::I64]).expect("reads");
        assert_eq!(i64s(&found), [is_encrypted], "{options}");
        drop(connection);
        ends_on_the_server_too(&server, backend, &options);
    }
    std::fs::remove_dir_all(folder).expect("removes");
}

/// The server is asked to stop as well: nobody would tell it otherwise that nobody listens.
fn ends_on_the_server_too(server: &Server, backend: Postgres, options: &str) {
    let name = "selfsame-cancelled";
    let engine = Engine::new(backend.application_name(name));
    let mut session = Session::new(&engine);
    let canceller = session.canceller();
    let started = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            canceller.cancel();
        });
        let slept = session.sql("SELECT 1 FROM pg_sleep(120)", ()).execute();
        assert!(slept.is_err(), "{options}: {slept:?}");
    });
    drop(session);
    let mut direct = Postgres::url(server.url())
        .expect("a URL")
        .connect()
        .expect("connects");
    let running = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}' AND state = 'active'"
    );
    loop {
        let found = read(direct.as_mut(), &running, &[], &[ValueType::I64]).expect("reads");
        if i64s(&found) == [0] {
            return;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "{options}: the server goes on with what was cancelled"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Gives the server a certificate, by its own hand: it may be in a container.
fn encrypt(server: &Server) {
    let mut connection = Postgres::url(server.url())
        .expect("a URL")
        .connect()
        .expect("connects");
    for (name, text) in [("server.crt", CERTIFICATE), ("server.key", KEY)] {
        // COPY runs its program in the data folder.
        let copy = format!(
            "COPY (SELECT string_to_table('{}', E'\\n')) TO PROGRAM 'umask 077; cat >{name}'",
            text.trim_end()
        );
        execute(connection.as_mut(), &copy).expect("writes");
    }
    execute(connection.as_mut(), "ALTER SYSTEM SET ssl = on").expect("sets");
    execute(connection.as_mut(), "SELECT pg_reload_conf()").expect("reloads");
    let started = Instant::now();
    let encrypted = format!("{}?sslmode=prefer", server.url());
    loop {
        let mut connection = Postgres::url(&encrypted)
            .expect("a URL")
            .connect()
            .expect("connects");
        let select = "SELECT ssl::int::bigint FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let found = read(connection.as_mut(), select, &[], &[ValueType::I64]).expect("reads");
        if i64s(&found) == [1] {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "the server offers no TLS");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A folder of this test.
fn own_folder() -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("selfsame-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}
