//! SQLite: in memory, or a new file for each case.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use selfsame::backend::Backend;
use selfsame::{Error, ErrorKind, Result};
use selfsame_conformance::{Fresh, Target};
use selfsame_sqlite::{Sqlite, Synchronous};
use tempfile::TempDir;

use crate::interrupt;

/// Longer than the cases hold locks, but short enough to wait for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// A database in memory for each case.
#[derive(Debug)]
pub(super) struct Memory;

impl Target for Memory {
    fn name(&self) -> &str {
        "sqlite::memory:"
    }

    fn description(&self) -> String {
        "SQLite in memory: one connection".to_owned()
    }

    fn fresh(&self) -> Result<Box<dyn Fresh>> {
        Ok(Box::new((Arc::new(Sqlite::memory()), ())))
    }
}

/// A new file for each case, in a folder that is removed with the value.
#[derive(Debug)]
pub(super) struct Files {
    name: String,
    folder: TempDir,
    settings: Settings,
    next: AtomicU64,
}

/// The options of the files.
#[derive(Debug)]
enum Settings {
    /// Without syncing to disk, because nobody needs these files after a crash, and with a short timeout for locks.
    Quick,
    /// The options of a URL, from its `?` on.
    Url(String),
}

impl Files {
    /// Creates the files in the system's temporary folder.
    pub(super) fn temporary() -> Result<Self> {
        Self::within(super::DEFAULT, &std::env::temp_dir(), Settings::Quick)
    }

    /// Creates the files in the folder of a `sqlite:PATH`, with the URL's options. PATH itself is not touched.
    pub(super) fn beside(url: &str) -> Result<Self> {
        // Reports an invalid URL.
        Sqlite::url(url)?;
        let rest = url.strip_prefix("sqlite:").unwrap_or(url);
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, options) = match rest.find('?') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let mut single = options.trim_start_matches('?').split('&');
        if single.any(|option| option == "mode=ro" || option == "mode=rw") {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "the target {url} cannot create files, and each case needs a new one: remove `mode`"
                ),
            ));
        }
        let path = percent_decode_str(path).decode_utf8_lossy();
        let folder = match Path::new(path.as_ref()).parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        Self::within(url, folder, Settings::Url(options.to_owned()))
    }

    fn within(name: &str, folder: &Path, settings: Settings) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("selfsame_")
            .tempdir_in(folder)
            .map_err(|error| unusable(folder, &error))?;
        interrupt::remove_at_end(folder.path());
        Ok(Self {
            name: name.to_owned(),
            folder,
            settings,
            next: AtomicU64::new(1),
        })
    }

    fn backend(&self, path: &Path) -> Result<Sqlite> {
        match &self.settings {
            Settings::Quick => Ok(Sqlite::file(path)
                .synchronous(Synchronous::Off)
                .busy_timeout(BUSY_TIMEOUT)),
            Settings::Url(options) => {
                let bytes = path.as_os_str().as_encoded_bytes();
                let path = percent_encode(bytes, NON_ALPHANUMERIC);
                Sqlite::url(&format!("sqlite:{path}{options}"))
            }
        }
    }
}

fn unusable(folder: &Path, error: &io::Error) -> Error {
    // The error's source does not name the folder.
    let cause = error.get_ref().and_then(|inner| inner.source());
    let reason = cause.map_or_else(|| error.to_string(), ToString::to_string);
    Error::new(
        ErrorKind::Unreachable,
        format!(
            "cannot create SQLite databases in {}: {reason}",
            folder.display()
        ),
    )
}

impl Target for Files {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> String {
        "SQLite in a file, with a write-ahead log".to_owned()
    }

    fn fresh(&self) -> Result<Box<dyn Fresh>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.path().join(format!("{number}.db"));
        Ok(Box::new(File {
            backend: Arc::new(self.backend(&path)?),
            path,
        }))
    }
}

struct File {
    backend: Arc<Sqlite>,
    path: PathBuf,
}

impl Fresh for File {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::<Sqlite>::clone(&self.backend)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // Files that cannot be removed now are removed with the folder.
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let mut path = self.path.clone().into_os_string();
            path.push(suffix);
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_and_what_was_there_stays() {
        let home = tempfile::tempdir().expect("a folder");
        let own = home.path().join("own 100%.db");
        std::fs::write(&own, "mine").expect("a file");
        let url = percent_encode(own.as_os_str().as_encoded_bytes(), NON_ALPHANUMERIC);
        let target = Files::beside(&format!("sqlite:{url}?synchronous=off")).expect("a target");
        let fresh = target.fresh().expect("a database");
        drop(fresh.backend().connect().expect("a connection"));
        drop(fresh);
        assert_eq!(
            std::fs::read_dir(target.folder.path())
                .expect("the folder")
                .count(),
            0
        );
        drop(target);
        assert_eq!(
            std::fs::read_dir(home.path()).expect("the folder").count(),
            1
        );
        assert_eq!(std::fs::read_to_string(&own).expect("the file"), "mine");
    }

    #[test]
    fn databases_that_must_exist_are_refused() {
        for url in [
            "sqlite:x.db?mode=ro",
            "sqlite:x.db?mode=rw",
            "sqlite:x.db?sharing=yes",
            "sqlite:",
        ] {
            let error = Files::beside(url).expect_err(url);
            assert_eq!(error.kind(), ErrorKind::Configuration, "{url}");
        }
        let error = Files::beside("sqlite:/no/such/folder/x.db").expect_err("no folder");
        assert_eq!(error.kind(), ErrorKind::Unreachable);
    }
}
