//! A server in a container of the image that `SELFSAME_MARIADB_IMAGE` or `SELFSAME_MARIADB_CONTAINER` names; dropping it removes the container.

use std::env;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use selfsame::backend::Backend;
use selfsame_mariadb::testing::Server;

use crate::support::number;

#[test]
fn a_container_lives_as_long_as_its_server() {
    let named = |name| env::var(name).ok();
    let Some(image) =
        named("SELFSAME_MARIADB_IMAGE").or_else(|| named("SELFSAME_MARIADB_CONTAINER"))
    else {
        assert!(
            !selfsame_testing::is_required("mariadb-container"),
            "no image is named"
        );
        return eprintln!("ignored: SELFSAME_MARIADB_IMAGE is not set");
    };
    let server = Server::container(&image).expect("starts");
    assert_eq!(server.description(), format!("docker:{image}"));
    assert!(server.version().expect("a version").starts_with("MariaDB "));
    let address = server
        .url()
        .rsplit('@')
        .next()
        .expect("an address")
        .to_owned();
    let database = server.database().expect("a database");
    let mut connection = database.backend().connect().expect("connects");
    assert_eq!(number(&mut *connection, "SELECT @@port"), Some(3306));
    drop((connection, database, server));
    let begun = Instant::now();
    while TcpStream::connect(&address).is_ok() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{address} answers"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_missing_image_is_reported() {
    let error = Server::container("selfsame.invalid/no-such-mariadb:0").expect_err("no image");
    assert_eq!(error.kind(), selfsame::ErrorKind::Configuration, "{error}");
    assert_eq!(error.message().lines().count(), 1, "{error}");
}
