//! Ways to a server: over TCP, by a Unix socket, and over TLS.

use std::time::{Duration, Instant};

use selfsame::ErrorKind;
use selfsame::backend::{Backend, Sql, Statement, StatementKind};
use selfsame::prelude::*;
use selfsame::value::{ValueRef, ValueType};
use selfsame_mariadb::{MariaDb, SCHEME};
use selfsame_testing::Proxy;

use crate::support::{Person, Pet, database, number, raw};

/// A URL's user and password.
fn user(url: &str) -> &str {
    let (_, rest) = url.split_once("://").expect("a URL");
    rest.rsplit_once('@').expect("a user").0
}

/// Hosts write `mysql://` for MariaDB too.
#[test]
fn the_server_behind_a_url_of_mysql_decides_the_dialect() {
    let Some(database) = database() else { return };
    let url = database.url();
    let (_, rest) = url.split_once("://").expect("a URL");
    let backend = MariaDb::url(&format!("mysql://{rest}")).expect("a URL");
    assert_eq!(backend.dialect().name(), "mariadb");
    let mut connection = backend.connect().expect("connects");
    let version = connection.server_version().expect("a version");
    assert!(version.starts_with("MariaDB "), "{version}");
    connection.reset(true).expect("resets");
    assert_eq!(number(&mut *connection, "SELECT 1"), Some(1));
}

/// The first connection may fail: the next one finds out.
#[test]
fn a_server_that_is_not_there_at_first_decides_the_dialect() {
    let Some(database) = database() else { return };
    let url = database.url();
    let (_, rest) = url.split_once("://").expect("a URL");
    let (_, address) = rest.rsplit_once('@').expect("a user");
    let (address, name) = address.split_once('/').expect("a database");
    let (host, port) = address.rsplit_once(':').expect("a port");
    let proxy = Proxy::to(host, port.parse().expect("a port"));
    proxy.stall();
    let url = format!("mysql://{}@127.0.0.1:{}/{name}", user(&url), proxy.port());
    let mark = if url.contains('?') { '&' } else { '?' };
    let engine = Engine::from_url(&format!("{url}{mark}connect_timeout=1"), &[&SCHEME]);
    let engine = engine.expect("a URL");
    let error = metadata![Person, Pet]
        .create_all(&engine)
        .expect_err("nobody answers");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    let mut session = Session::new(&engine);
    Person::query()
        .all(&mut session)
        .expect_err("nobody answers");
    session.rollback().expect("nothing has begun");
    proxy.mend();
    metadata![Person, Pet].create_all(&engine).expect("creates");
    let ann = session.add(Person::new("Ann", "Rome"));
    session.commit().expect("commits");
    session.refresh(ann).expect("reads");
    assert_eq!(engine.dialect().name(), "mariadb");
    assert!(engine.capabilities().returning);
}

/// A limit may be longer than a clock can represent, or shorter than any answer takes: a socket treats a limit of zero as no limit.
#[test]
fn limits_may_be_extreme() {
    let Some(database) = database() else { return };
    let url = database.url();
    let mark = if url.contains('?') { '&' } else { '?' };
    let most = u64::MAX;
    let longest = format!(
        "{url}{mark}connect_timeout={most}&response_timeout={most}&statement_timeout={most}&lock_timeout={most}"
    );
    for backend in [
        MariaDb::url(&longest).expect("a URL"),
        database
            .backend()
            .connect_timeout(Duration::MAX)
            .response_timeout(Duration::MAX)
            .statement_timeout(Duration::MAX)
            .lock_timeout(Duration::MAX),
        database.backend().statement_timeout(Duration::MAX),
    ] {
        let mut connection = backend.connect().expect("connects");
        assert_eq!(number(&mut *connection, "SELECT 1"), Some(1));
        connection.reset(true).expect("resets");
    }
    for short in [Duration::ZERO, Duration::from_nanos(1)] {
        let backend = database.backend();
        let mut connection = backend
            .clone()
            .response_timeout(short)
            .connect()
            .expect("connects");
        let begun = Instant::now();
        let error = raw(&mut *connection, "SELECT SLEEP(8)").expect_err("no answer");
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
        drop(connection);
        assert!(begun.elapsed() < Duration::from_secs(6));
        if let Err(error) = backend.connect_timeout(short).connect() {
            assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        }
    }
}

#[test]
fn by_a_unix_socket() {
    let Some(database) = database() else { return };
    let mut connection = database.backend().connect().expect("connects");
    let sql = Sql::new(StatementKind::Raw, "SELECT @@socket", [], [ValueType::Text]);
    let mut socket = String::new();
    connection
        .query(&Statement::new(&sql, &[]), &mut |row| {
            if let ValueRef::Text(path) = row.value(0, ValueType::Text)? {
                path.clone_into(&mut socket);
            }
            Ok(())
        })
        .expect("reads");
    // The socket of a server on another machine is not here.
    if !std::path::Path::new(&socket).exists() {
        return eprintln!("ignored: the socket {socket} does not exist here");
    }
    let url = format!(
        "mariadb://{}@localhost/{}?socket={}",
        user(&database.url()),
        database.name(),
        socket.replace('/', "%2F")
    );
    let mut connection = MariaDb::url(&url)
        .expect("a URL")
        .connect()
        .expect("connects");
    let by_socket = "SELECT COUNT(*) FROM information_schema.processlist WHERE id = CONNECTION_ID() AND host = 'localhost'";
    assert_eq!(number(&mut *connection, by_socket), Some(1));
    let here = format!("SELECT DATABASE() = '{}'", database.name());
    assert_eq!(number(&mut *connection, &here), Some(1));
    connection.reset(true).expect("resets");
    assert_eq!(number(&mut *connection, &here), Some(1));
    assert!(connection.is_open());
    let interrupter = connection.interrupter().expect("can be interrupted");
    interrupter.interrupt();
    assert!(!connection.is_open());
}

#[cfg(feature = "tls")]
mod over_tls {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::Command;
    use std::{fs, thread};

    use selfsame::ErrorKind;

    use super::*;
    use crate::support::own_server;

    /// An authority and a certificate of it for 127.0.0.1, as files of a folder; `None` without openssl.
    fn certificates(folder: &Path) -> Option<()> {
        fs::create_dir_all(folder).expect("a folder");
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("is opened");
        fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1").expect("a file");
        for arguments in [
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
            "req -newkey rsa:2048 -nodes -subj /CN=server -keyout server.key -out server.csr",
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem",
        ] {
            let ran = Command::new("openssl")
                .args(arguments.split(' '))
                .current_dir(folder)
                .output();
            match ran {
                Ok(ran) if ran.status.success() => {}
                Ok(ran) => panic!("openssl: {}", String::from_utf8_lossy(&ran.stderr)),
                Err(error) => {
                    eprintln!("ignored: openssl: {error}");
                    return None;
                }
            }
        }
        // The server runs as another user, and the folder goes with the test.
        let readable = fs::Permissions::from_mode(0o644);
        fs::set_permissions(folder.join("server.key"), readable).expect("is opened");
        Some(())
    }

    #[test]
    fn over_tls() {
        let folder = std::env::temp_dir().join(format!("selfsame-tls-{}", std::process::id()));
        if certificates(&folder).is_some() {
            try_out(&folder);
        }
        fs::remove_dir_all(&folder).expect("is removed");
    }

    fn try_out(folder: &Path) {
        let file = |name: &str| folder.join(name).display().to_string();
        let options = [
            ("ca", "ca.pem"),
            ("cert", "server.pem"),
            ("key", "server.key"),
        ];
        let options = options.map(|(option, name)| format!("--ssl-{option}={}", file(name)));
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let Some(server) = own_server(&options) else {
            return;
        };
        let database = server.database().expect("a database");
        let url = database.url();
        let open = |mode: &str, url: &str| {
            let root = file("ca.pem").replace('/', "%2F");
            MariaDb::url(&format!("{url}?{}", mode.replace("ROOT", &root)))
                .expect("a URL")
                .connect()
        };
        for mode in [
            "sslmode=require&sslrootcert=ROOT",
            "sslmode=verify-full&sslrootcert=ROOT",
            "sslmode=verify-ca&sslrootcert=ROOT",
            "ssl-mode=REQUIRED&ssl-ca=ROOT",
            "ssl_mode=VERIFY_IDENTITY&ssl_ca=ROOT",
            "ssl=true&ssl_ca=ROOT",
            "tls=true&sslrootcert=ROOT",
            "sslrootcert=ROOT",
            "tls=skip-verify",
            "sslmode=trust",
            "ssl-mode=PREFERRED",
        ] {
            let mut connection = open(mode, &url).expect("connects");
            let encrypted = "SELECT variable_value <> '' FROM information_schema.session_status WHERE variable_name = 'SSL_CIPHER'";
            assert_eq!(number(&mut *connection, encrypted), Some(1), "{mode}");
            thread::sleep(std::time::Duration::from_millis(200));
            assert!(connection.is_open(), "{mode}: nothing was received since");
            connection.reset(true).expect("resets");
            assert_eq!(number(&mut *connection, encrypted), Some(1), "{mode}");
            assert!(connection.is_open(), "{mode}");
        }
        // The certificate is for the address, not for the name.
        let by_name = url.replace("127.0.0.1", "localhost");
        for mode in ["sslmode=verify-full&sslrootcert=ROOT", "ssl=1&ssl-ca=ROOT"] {
            let error = open(mode, &by_name).expect_err("another host");
            assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        }
        open("sslmode=verify-ca&sslrootcert=ROOT", &by_name).expect("connects");
        for mode in [
            "sslmode=require",
            "ssl-mode=REQUIRED",
            "ssl-mode=VERIFY_CA",
            "ssl=true",
            "sslaccept=strict",
        ] {
            let error = open(mode, &url).expect_err("an unknown authority");
            assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
            assert!(error.message().contains("authority with ssl-ca"), "{error}");
        }
        let key = file("names").replace('/', "%2F");
        let error = open(&format!("sslrootcert={key}"), &url).expect_err("no certificate");
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    }

    /// The requested TLS mode holds for a server without TLS.
    #[test]
    fn without_tls_of_the_server() {
        let Some(server) = own_server(&["--skip-ssl"]) else {
            return;
        };
        let database = server.database().expect("a database");
        let url = database.url();
        for mode in ["ssl-mode=REQUIRED", "tls=skip-verify", "sslmode=verify-ca"] {
            let backend = MariaDb::url(&format!("{url}?{mode}")).expect("a URL");
            let error = backend.connect().expect_err(mode);
            assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        }
        let backend = MariaDb::url(&format!("{url}?ssl-mode=PREFERRED")).expect("a URL");
        let mut connection = backend.connect().expect("connects");
        assert_eq!(number(&mut *connection, "SELECT 1"), Some(1));
    }
}
