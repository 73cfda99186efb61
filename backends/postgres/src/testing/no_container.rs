//! Replaces [`container`](super) in builds without the feature `containers`, with an error that says how to enable it.

use std::convert::Infallible;

use selfsame::error::{Error, ErrorKind, Result};

/// A placeholder: this build cannot start containers.
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

/// Removes containers left behind by killed processes of this machine. Without the feature `containers` it does nothing.
///
/// # Errors
///
/// None.
pub fn sweep() -> Result<()> {
    Ok(())
}
