//! Opens a file: journal mode, accompanying files, and the reason if it cannot be opened.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rusqlite::OpenFlags;
use selfsame::{Error, ErrorKind, Result};

use crate::classify::classify_driver;
use crate::sqlite::{Access, Sqlite};

/// How SQLite makes commits of a file atomic: see [`Sqlite::journal_mode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalMode {
    /// A write-ahead log next to the file: readers and one writer work concurrently. The only mode that is stored in the file.
    Wal,
    /// A rollback journal that is deleted at each commit. SQLite's default.
    Delete,
    /// A rollback journal that is truncated at each commit.
    Truncate,
    /// A rollback journal that is kept and overwritten.
    Persist,
    /// A rollback journal in memory: a crash during a commit corrupts the file.
    Memory,
    /// No journal: rollback is impossible, and a crash during a commit corrupts the file.
    Off,
}

impl JournalMode {
    pub(crate) const ALL: [Self; 6] = [
        Self::Wal,
        Self::Delete,
        Self::Truncate,
        Self::Persist,
        Self::Memory,
        Self::Off,
    ];

    /// Returns SQLite's name of the mode.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Wal => "wal",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
            Self::Persist => "persist",
            Self::Memory => "memory",
            Self::Off => "off",
        }
    }
}

/// A native connection to a file.
pub(crate) struct Opened {
    pub(crate) connection: rusqlite::Connection,
    pub(crate) leftovers: Option<Leftovers>,
    pub(crate) followed: Option<Followed>,
}

impl Sqlite {
    /// Opens and sets up a native connection to a file.
    pub(crate) fn open_file(&self, path: &Path) -> Result<Opened> {
        if self.access == Access::ReadOnly
            && let Some(mode) = self.journal_mode
        {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "a read-only file keeps its journal mode: {} cannot be set",
                    mode.word()
                ),
            ));
        }
        let plain = file_name(path, self.folder.as_deref())?;
        // Links are followed before the file is opened: if one changes in between, the connection has another file.
        let target = std::fs::canonicalize(&plain).ok();
        let real = target.as_deref().unwrap_or(&plain);
        if self.is_immutable {
            refuse_unfinished(path, real)?;
        }
        let leftovers = match self.access {
            Access::ReadOnly if !self.is_immutable => Leftovers::of(real, &self.was_alone),
            _ => None,
        };
        let named = match self.is_immutable {
            true => immutable_uri(&plain)?,
            false => plain.clone(),
        };
        let reported = |error: Error| self.not_opened(path, error);
        let connection = open_native(&named, self.access).map_err(reported)?;
        self.set_up(&connection).map_err(reported)?;
        self.settle_journal(&connection).map_err(reported)?;
        Ok(Opened {
            connection,
            leftovers,
            followed: Followed::of(plain, target),
        })
    }

    /// Reads the file for the first time. A new file gets a write-ahead log, which lets readers and a writer work concurrently;
    /// an existing one keeps its mode, unless another is requested.
    fn settle_journal(&self, connection: &rusqlite::Connection) -> Result<()> {
        let read = |text: &str| connection.query_row(text, [], |row| row.get::<_, i64>(0));
        read("SELECT count(*) FROM sqlite_schema").map_err(classify_driver)?;
        if self.access == Access::ReadOnly {
            return Ok(());
        }
        if let Some(wanted) = self.journal_mode {
            let found = self.set_journal(connection, wanted)?;
            if found.eq_ignore_ascii_case(wanted.word()) {
                return Ok(());
            }
            return Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "cannot set the journal mode {}: the file is in mode {found}",
                    wanted.word()
                ),
            ));
        }
        if read("PRAGMA page_count").map_err(classify_driver)? > 0 {
            return Ok(());
        }
        match self.set_journal(connection, JournalMode::Wal) {
            Err(error) if error.kind() != ErrorKind::ReadOnly => Err(error),
            _ => Ok(()),
        }
    }

    /// Changes the journal mode, and returns the resulting mode. This needs exclusive access for a moment, for which SQLite does not
    /// wait when several connections try at once, so this method waits.
    fn set_journal(&self, connection: &rusqlite::Connection, mode: JournalMode) -> Result<String> {
        let text = format!("PRAGMA journal_mode = {}", mode.word());
        let start = Instant::now();
        loop {
            let found = connection.query_row(&text, [], |row| row.get(0));
            match found.map_err(classify_driver) {
                Err(error)
                    if error.kind() == ErrorKind::Busy && start.elapsed() < self.lock_timeout() =>
                {
                    std::thread::sleep(Duration::from_millis(1));
                }
                done => return done,
            }
        }
    }

    /// Returns the error for a file that cannot be opened: the reason according to the file system, and SQLite's message. A lock or a full or
    /// broken disk has the same kind as for a statement.
    fn not_opened(&self, path: &Path, error: Error) -> Error {
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let needs_log = matches!(
            error.native_code(),
            Some(
                "SQLITE_CANTOPEN"
                    | "SQLITE_READONLY_RECOVERY"
                    | "SQLITE_READONLY_CANTINIT"
                    | "SQLITE_READONLY_DIRECTORY"
            )
        ) && is_in_wal_mode(path);
        // Even reading requires the log.
        let kind = match needs_log {
            true => ErrorKind::Unreachable,
            false => error.kind(),
        };
        let is_file_error = kind == ErrorKind::Unreachable;
        let reason = if !is_file_error {
            error.message().to_owned()
        } else if !parent.is_dir() {
            format!("the directory {} does not exist", parent.display())
        } else if path.is_dir() {
            "it is a directory".to_owned()
        } else if self.access != Access::Create && !path.exists() {
            "the file does not exist".to_owned()
        } else if error.native_code() == Some("SQLITE_READONLY_ROLLBACK") {
            format!("it has {CUT_OFF}, which is rolled back when the file is opened for writing")
        } else if needs_log {
            "it is in WAL mode, and its accompanying files (-wal, -shm) can be neither opened nor created; move it to a writable folder, \
             or open it with `immutable` if nothing else writes to it"
                .to_owned()
        } else {
            error.message().to_owned()
        };
        let reported = format!(
            "cannot open the SQLite database {}: {reason}",
            path.display()
        );
        let mut unopened = Error::new(kind, reported);
        if let Some(code) = error.native_code() {
            unopened = unopened.code(code);
        }
        unopened
    }
}

/// The journal of an interrupted transaction that has not been rolled back yet.
const CUT_OFF: &str = "a journal (-journal) of an interrupted transaction";

/// A path with symbolic links, and the file that it led to when it was opened.
#[derive(Debug)]
pub(crate) struct Followed {
    path: PathBuf,
    target: PathBuf,
}

impl Followed {
    /// Returns `None` if the path has no links.
    fn of(path: PathBuf, target: Option<PathBuf>) -> Option<Self> {
        // The file was just created.
        let target = target.or_else(|| std::fs::canonicalize(&path).ok())?;
        (target != path).then_some(Self { path, target })
    }

    /// Returns whether the path now leads to another file. SQLite itself detects that the file no longer exists.
    pub(crate) fn leads_elsewhere(&self) -> bool {
        !std::fs::canonicalize(&self.path).is_ok_and(|target| target == self.target)
    }
}

/// The accompanying files of a file in WAL mode that a read-only connection creates but cannot remove. They did not exist before, so
/// SQLite removes them when the connection is closed: only SQLite knows whether another program uses them by now.
#[derive(Debug)]
pub(crate) struct Leftovers(PathBuf);

impl Leftovers {
    /// `was_alone` records whether the first connection found no such files.
    fn of(path: &Path, was_alone: &OnceLock<bool>) -> Option<Self> {
        let is_alone = || {
            let mut suffixes = ["-wal", "-shm"].iter();
            suffixes.all(|suffix| !beside(path, suffix).exists())
        };
        was_alone
            .get_or_init(is_alone)
            .then(|| Self(path.to_owned()))
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        if !beside(&self.0, "-shm").exists() {
            return;
        }
        // Closing the last writable connection removes them. If it cannot be opened, they stay.
        if let Ok(last) = open_native(&self.0, Access::ReadWrite) {
            let _ = last.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
        }
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Returns whether the file is in WAL mode according to its header: the two bytes after the page size are 2.
fn is_in_wal_mode(path: &Path) -> bool {
    let mut header = [0; 20];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut header))
        .is_ok_and(|()| header.starts_with(b"SQLite format 3\0") && header[18..] == [2, 2])
}

pub(crate) fn open_native(path: &Path, access: Access) -> Result<rusqlite::Connection> {
    let access = match access {
        Access::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Access::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Access::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    };
    // Only one session at a time uses a connection, so SQLite need not lock each call.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    rusqlite::Connection::open_with_flags(path, flags).map_err(classify_driver)
}

/// Returns the path in a form that SQLite does not mistake for a URI or a special name. A relative path begins in `folder`.
fn file_name(path: &Path, folder: Option<&Path>) -> Result<PathBuf> {
    if path.as_os_str().is_empty() || path == Path::new(":memory:") {
        return Err(Error::new(
            ErrorKind::Configuration,
            format!(
                "`{}` is not a path of a file; use `Sqlite::memory()` for a database in memory",
                path.display()
            ),
        ));
    }
    // SQLite would drop the slash.
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(Error::new(
            ErrorKind::Configuration,
            format!(
                "`{}` is the path of a directory, not of a SQLite database",
                path.display()
            ),
        ));
    }
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(Error::new(
            ErrorKind::Configuration,
            "the path of a SQLite database contains a NUL character",
        ));
    }
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    Ok(folder.unwrap_or(Path::new(".")).join(path))
}

/// Refuses an immutable file with a log or journal next to it: SQLite would ignore these, and the file alone is outdated or
/// half-written. `real` is the file that the links of the path lead to.
fn refuse_unfinished(path: &Path, real: &Path) -> Result<()> {
    let length = |suffix| std::fs::metadata(beside(real, suffix)).map_or(0, |found| found.len());
    let (found, or) = if length("-wal") > 0 {
        let log = "a write-ahead log (-wal) with commits that are not in the file";
        (log, ", or read it with `mode=ro`")
    } else if length("-journal") > 0 && is_hot(&beside(real, "-journal")) {
        (CUT_OFF, "")
    } else {
        return Ok(());
    };
    Err(Error::new(
        ErrorKind::Configuration,
        format!(
            "cannot open the SQLite database {} as immutable: it has {found}; open it once for writing{or}",
            path.display()
        ),
    ))
}

/// Returns whether a journal has a header: a finished one is empty, or starts with zeros.
fn is_hot(journal: &Path) -> bool {
    let mut header = [0; 8];
    File::open(journal)
        .and_then(|mut file| file.read_exact(&mut header))
        .is_ok_and(|()| header != [0; 8])
}

/// Returns the URI of an immutable file, for which SQLite takes no locks and ignores accompanying files.
fn immutable_uri(path: &Path) -> Result<PathBuf> {
    let text = path.to_str().ok_or_else(|| {
        Error::new(
            ErrorKind::Configuration,
            "the path of an immutable file must be in UTF-8",
        )
    })?;
    let mut uri = String::from("file:");
    if cfg!(windows) && path.is_absolute() {
        uri.push('/');
    }
    for c in text.chars() {
        match c {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            '\\' if cfg!(windows) => uri.push('/'),
            c => uri.push(c),
        }
    }
    uri.push_str("?immutable=1");
    // Two slashes at the start would be followed by a host name.
    Ok(uri.replacen("file://", "file:////", 1).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_what_a_file_is() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = &folder.path().join("file");
        let mut header = *b"SQLite format 3\0\x10\0\x02\x02";
        for (bytes, is_wal, is_hot_journal) in [
            (&[][..], false, false),
            (&[0; 20][..], false, false),
            (&header[..18], false, true),
            (&header[..], true, true),
        ] {
            std::fs::write(path, bytes).expect("a file");
            assert_eq!(is_in_wal_mode(path), is_wal, "{bytes:?}");
            assert_eq!(is_hot(path), is_hot_journal, "{bytes:?}");
        }
        for modes in [[1, 1], [1, 2], [2, 1]] {
            header[18..].copy_from_slice(&modes);
            std::fs::write(path, header).expect("a file");
            assert!(!is_in_wal_mode(path), "{modes:?}");
        }
    }
}
