//! Databases for tests.

use std::path::{Path, PathBuf};

use selfsame::{Error, ErrorKind, Result};
use tempfile::TempDir;

use crate::Sqlite;

/// A database file in a directory of its own, both removed when this is dropped.
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
    /// A new directory; the first connection makes the file.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if there is no place for temporary files.
    pub fn new() -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("selfsame-sqlite-")
            .tempdir()
            .map_err(|error| {
                Error::new(
                    ErrorKind::Configuration,
                    "cannot make a temporary directory",
                )
                .source(error)
            })?;
        Ok(Self {
            path: directory.path().join("test.db"),
            directory,
        })
    }

    /// The backend of the file.
    pub fn backend(&self) -> Sqlite {
        Sqlite::file(&self.path)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory, for more files that shall go with it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}
