//! Temporary servers for the tests of [`selfsame`]'s backends. Each stops when the process that started it ends, in any way.

#[cfg(feature = "containers")]
mod container;
#[cfg(not(feature = "containers"))]
#[path = "no_container.rs"]
mod container;
mod proxy;
mod running;
mod schema;
mod supervised;
pub mod trials;

use std::fs;
use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener};

use selfsame::error::{Error, ErrorKind};

pub use container::{Container, sweep};
pub use proxy::{Direction, Proxy};
pub use running::Running;
pub use schema::require_schema;
pub use supervised::Supervised;

/// How to run a server in a container.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// `name:tag`.
    pub name: &'a str,
    /// The server's port in the container.
    pub port: u16,
    /// What the server writes to standard error when clients can connect.
    pub ready: &'static str,
    /// Environment variables.
    pub variables: &'a [(&'static str, &'static str)],
    /// The command and its arguments, as the image's entry point takes them.
    pub command: &'a [&'static str],
}

/// Returns whether tests must fail, instead of being ignored, if this server is not available: `SELFSAME_REQUIRE` lists it.
pub fn is_required(server: &str) -> bool {
    std::env::var("SELFSAME_REQUIRE")
        .is_ok_and(|names| names.split(',').any(|name| name.trim() == server))
}

/// Returns a free port of the loopback interface.
///
/// # Errors
///
/// The operating system's error if there is none.
pub fn free_port() -> io::Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()
        .map(|address| address.port())
}

/// Returns a random password of 32 hexadecimal digits.
///
/// # Errors
///
/// The operating system's error.
pub fn random_password() -> io::Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Returns the error for a server that is not available.
#[cold]
pub fn refused(message: String) -> Error {
    Error::new(ErrorKind::Configuration, message)
}
