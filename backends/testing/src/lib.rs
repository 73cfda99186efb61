//! Throw-away servers for the tests of [`selfsame`]'s backends: each ends with the process that started it, however that ends.

mod running;
mod supervised;

use std::fs;
use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener};

use selfsame::error::{Error, ErrorKind};

pub use running::Running;
pub use supervised::Supervised;

/// Whether tests must fail, instead of being reported as ignored, where this server cannot be had: `SELFSAME_REQUIRE` lists it.
pub fn is_required(server: &str) -> bool {
    std::env::var("SELFSAME_REQUIRE")
        .is_ok_and(|names| names.split(',').any(|name| name.trim() == server))
}

/// A port of the loopback interface that nobody listens on now.
///
/// # Errors
///
/// The operating system's, if it has none.
pub fn free_port() -> io::Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()
        .map(|address| address.port())
}

/// 32 hexadecimal digits that nobody can guess.
///
/// # Errors
///
/// The operating system's.
pub fn random_password() -> io::Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The error for a server that cannot be had.
#[cold]
pub fn refused(message: String) -> Error {
    Error::new(ErrorKind::Configuration, message)
}
