//! What stands in for [`container`](super) in a build without the feature `containers`: it says how to get one.

use std::convert::Infallible;

use selfsame::error::{Error, ErrorKind, Result};

/// No container: this build cannot start any.
#[derive(Debug)]
pub(super) struct Container(Infallible);

impl Container {
    pub(super) fn start(_image: &str) -> Result<Self> {
        Err(Error::new(
            ErrorKind::Configuration,
            "this build cannot start containers: build it with `--features containers`",
        ))
    }

    pub(super) fn url(&self) -> String {
        match self.0 {}
    }
}

/// Removes the containers that processes of this machine left behind. A build without the feature `containers` leaves none, and does nothing.
///
/// # Errors
///
/// None.
pub fn sweep() -> Result<()> {
    Ok(())
}
