//! Encrypted connections, on a separate server, whose settings are changed.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use selfsame::backend::Backend;
use selfsame::error::ErrorKind;
use selfsame::prelude::*;
use selfsame::value::ValueType;
use selfsame_postgres::Postgres;
use selfsame_postgres::testing::Server;

use crate::support::{Case, execute, i64s, read};

pub(crate) const CASES: &[Case] = &[
    ("tls_is_verified_and_cancelled", is_verified_and_cancelled),
    ("tls_that_is_too_old_is_refused", that_is_too_old_is_refused),
];

/// Self-signed, for these tests only.
const CERTIFICATE: &str = include_str!("tls/server.crt");
const KEY: &str = include_str!("tls/server.key");

/// Longer than anything here takes.
const TEST_LIMIT: Duration = Duration::from_secs(10);

fn is_verified_and_cancelled(shared: &Server) {
    if shared.description().starts_with("postgres://") {
        // A server given by URL is left as it is.
        return;
    }
    let server = Server::start().expect("a second server");
    encrypt(&server);
    let folder = own_folder();
    let authority = folder.join("authority.crt");
    std::fs::write(&authority, CERTIFICATE).expect("writes");
    let known = format!("sslrootcert={}", authority.display());
    let url = |options: &str| format!("{}?{options}", server.url());

    // No known authority signed this certificate, and the message says how to trust it.
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

/// The statement is also cancelled on the server, which would not notice otherwise that the client is gone.
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
            started.elapsed() < TEST_LIMIT,
            "{options}: the server goes on with what was cancelled"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Gives the server a certificate. The server writes the files itself, because it may run in a container.
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
        assert!(started.elapsed() < TEST_LIMIT, "the server offers no TLS");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A configuration that allows OpenSSL everything it supports, as on machines whose configuration is older than their libraries.
const EVERYTHING: &str = "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = everything\n[everything]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n";

/// A server that supports nothing newer than TLS 1.1 is refused, even if the machine's OpenSSL would accept it.
fn that_is_too_old_is_refused(_: &Server) {
    let folder = own_folder();
    for (name, text) in [
        ("server.crt", CERTIFICATE),
        ("server.key", KEY),
        ("openssl.cnf", EVERYTHING),
    ] {
        std::fs::write(folder.join(name), text).expect("writes");
    }
    for (version, is_accepted) in [("tls1_1", false), ("tls1_2", true)] {
        let Some((mut server, port)) = old_server(&folder, version) else {
            break;
        };
        let url = format!(
            "postgres://u:p@127.0.0.1:{port}/d?sslmode=verify-ca&sslnegotiation=direct&sslrootcert={}&connect_timeout=2",
            folder.join("server.crt").display()
        );
        let printed = Command::new(std::env::current_exe().expect("a program"))
            .args(["connect", &url])
            .env("OPENSSL_CONF", folder.join("openssl.cnf"))
            .output()
            .expect("runs");
        let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
        let _ = server.kill();
        let _ = server.wait();
        // After the handshake the TLS 1.2 server sends nothing.
        let expected = match is_accepted {
            true => "did not answer",
            false => "TLS handshake failed",
        };
        assert!(printed.contains(expected), "{version}: {printed}");
    }
    std::fs::remove_dir_all(folder).expect("removes");
}

/// Connects, and prints the result.
pub(crate) fn connect(url: &str) {
    match Postgres::url(url).and_then(|backend| backend.connect()) {
        Ok(_) => println!("connected"),
        Err(error) => println!("{error}"),
    }
}

/// Starts OpenSSL's test server with one version and returns its port; `None` if OpenSSL's own client cannot connect to it.
fn old_server(folder: &Path, version: &str) -> Option<(Child, u16)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command
            .args(arguments.split(' '))
            .current_dir(folder)
            .env("OPENSSL_CONF", folder.join("openssl.cnf"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    };
    let serve = format!(
        "s_server -accept 127.0.0.1:{port} -cert server.crt -key server.key -{version} -cipher ALL:@SECLEVEL=0 -alpn postgresql -quiet"
    );
    let mut server = match openssl(&serve).spawn() {
        Ok(server) => server,
        Err(error) => {
            eprintln!("not tried: openssl: {error}");
            return None;
        }
    };
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(started.elapsed() < TEST_LIMIT, "{serve}: does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    let ask = format!("s_client -connect 127.0.0.1:{port} -{version} -cipher ALL:@SECLEVEL=0");
    let mut client = openssl(&ask).spawn().expect("openssl is there");
    let mut goodbye = client.stdin.take().expect("a pipe");
    let _ = goodbye.write_all(b"Q\n");
    drop(goodbye);
    let printed = client.wait_with_output().expect("ends");
    let is_accepted = String::from_utf8_lossy(&printed.stdout).contains("Verify return code");
    if !is_accepted || !printed.status.success() {
        eprintln!("not tried: OpenSSL speaks no {version} here");
        let _ = server.kill();
        let _ = server.wait();
        return None;
    }
    Some((server, port))
}

/// A folder of one test.
fn own_folder() -> std::path::PathBuf {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("selfsame-tls-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}
