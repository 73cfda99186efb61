//! Replaces [`container`](super) in builds without the feature `containers`, with an error that says how to enable it.

use std::convert::Infallible;

use selfsame::error::{Error, ErrorKind, Result};

use crate::Image;

/// A placeholder: this build cannot start containers.
#[derive(Debug)]
pub struct Container(Infallible);

impl Container {
    /// Returns an error which says that containers need a feature.
    ///
    /// # Errors
    ///
    /// Always, [`Configuration`](ErrorKind::Configuration).
    pub fn start(_image: &Image<'_>) -> Result<Self> {
        Err(Error::new(
            ErrorKind::Configuration,
            "this build cannot start containers: build it with `--features containers`",
        ))
    }

    /// Returns `host:port`.
    pub fn address(&self) -> String {
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
