//! Databases for tests.

use std::path::{Path, PathBuf};

use selfsame::{Error, ErrorKind, Result};
use tempfile::TempDir;

use crate::{Sqlite, Synchronous};

/// A database file in a new temporary directory; both are removed when this is dropped.
///
/// Commits do not wait for the disk ([`Synchronous::Off`]): they survive the end of the process, and not a power cut.
///
/// ```
/// use selfsame::backend::Backend;
/// use selfsame_sqlite::testing::TempDatabase;
///
/// # fn main() -> selfsame::Result<()> {
/// let database = TempDatabase::new()?;
/// let connection = database.backend().connect()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TempDatabase {
    path: PathBuf,
    directory: TempDir,
}

impl TempDatabase {
    /// Creates a directory; the first connection creates the file.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if a temporary directory cannot be created.
    pub fn new() -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("selfsame-sqlite-")
            .tempdir()
            .map_err(|error| {
                Error::new(
                    ErrorKind::Configuration,
                    "cannot create a temporary directory",
                )
                .with_source(error)
            })?;
        Ok(Self {
            path: directory.path().join("test.db"),
            directory,
        })
    }

    /// Returns the backend of the file.
    pub fn backend(&self) -> Sqlite {
        Sqlite::file(&self.path).synchronous(Synchronous::Off)
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the directory, for further files that are removed with it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}
