//! A server that sends too little, or more than anybody reads, blocks nobody for long.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use selfsame::backend::{Backend, Sql, StatementKind};
use selfsame::dialect::Begin;
use selfsame::prelude::*;
use selfsame::value::ValueType;
use selfsame_mariadb::MariaDb;
use selfsame_testing::trials::{
    Drip, a_flood_ends_in_time, a_slow_upload_is_not_silence, connecting_ends_in_time,
    undoing_by_drops_ends_in_time,
};

use crate::support::{database, packet};

/// The server's greeting to a new client.
fn greeting(offers_tls: bool) -> Vec<u8> {
    let capabilities: u16 = if offers_tls { 0xffdf } else { 0xf7df };
    let body = [
        &b"\x0a11.4.2-MariaDB\0\x01\0\0\0saltsalt\0"[..],
        &capabilities.to_le_bytes(),
        b"\x2d\x02\0\x08\0\x15\0\0\0\0\0\0\0\0\0\0saltsaltsalt\0mysql_native_password\0",
    ];
    packet(0, &body.concat())
}

#[test]
fn connecting_by_drops_ends_in_time() {
    for (what, options, greeting, answer) in [
        ("greeting", "", b"\x60\0\0\0\x0a".to_vec(), &b""[..]),
        ("answer", "", greeting(false), b"\xf0\0\0\x02"),
        #[cfg(feature = "tls")]
        (
            "handshake",
            "?tls=skip-verify",
            greeting(true),
            b"\x16\x03\x03\x40\0\x02\0\x3f\xfc",
        ),
        #[cfg(feature = "tls")]
        (
            "handshake, if there is one",
            "?sslmode=prefer",
            greeting(true),
            b"\x16\x03\x03\x40\0\x02\0\x3f\xfc",
        ),
    ] {
        let drip = Drip {
            greeting,
            answer: answer.to_vec(),
            again: b"x".to_vec(),
        };
        let url = format!("mariadb://u:p@127.0.0.1:{}/d{options}", drip.start());
        let backend = MariaDb::url(&url).expect("a URL");
        connecting_ends_in_time(what, backend.connect_timeout(Duration::from_millis(700)));
    }
}

/// Rolling back must end in time, although bytes keep arriving.
#[test]
fn undoing_ends_in_time() {
    let Some(database) = database() else { return };
    let Some((backend, proxy)) = database.behind_proxy(Duration::from_secs(300)) else {
        return eprintln!("ignored: the server is not one host with a port");
    };
    let backend: Arc<dyn Backend> = Arc::new(backend);
    undoing_by_drops_ends_in_time(&backend, &proxy, Duration::from_millis(1_500));
}

#[test]
fn floods_end_in_time() {
    let Some(database) = database() else { return };
    let backend: Arc<dyn Backend> = Arc::new(database.backend());
    a_flood_ends_in_time(&backend, "SELECT REPEAT('x', 500) FROM seq_1_to_1000000000");
    // A few rows are read to their end, and the connection stays usable.
    let engine = Engine::new(database.backend()).pool_size(1);
    let mut connection = engine.connect().expect("connects");
    connection.begin(Begin::default()).expect("begins");
    let few = "SELECT REPEAT('x', 500) FROM seq_1_to_1000";
    let few = Sql::new(StatementKind::Raw, few, [], [ValueType::Text]);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        connection.query(&few, &[], &mut |_| panic!("on purpose"))
    }));
    assert!(panicked.is_err());
    connection
        .query(&few, &[], &mut |_| Ok(()))
        .expect("goes on");
    connection.commit().expect("commits");
}

#[test]
fn slow_uploads_are_not_silence() {
    let Some(database) = database() else { return };
    let Some((backend, proxy)) = database.behind_proxy(Duration::from_secs(1)) else {
        return eprintln!("ignored: the server is not one host with a port");
    };
    let backend: Arc<dyn Backend> = Arc::new(backend);
    a_slow_upload_is_not_silence(&backend, &proxy, "SELECT CHAR_LENGTH(?)");
}
