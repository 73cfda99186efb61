//! [`Sqlite`]: the location of a database, and the setup of connections.

use std::cmp::Ordering;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering as Memory};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use selfsame::backend::{Backend, Connection, Scheme};
use selfsame::dialect::Dialect;
use selfsame::value::Decimal;
use selfsame::{Error, ErrorKind, Result};

use crate::classify::classify_driver;
use crate::connection::SqliteConnection;
use crate::dialect::SqliteDialect;
use crate::file::{JournalMode, Opened, open_native};
use crate::lenient;
use crate::like;

/// SQLite by URL, for [`Engine::from_url`](selfsame::Engine::from_url): see [`Sqlite::url`].
pub const SCHEME: Scheme = Scheme {
    names: &["sqlite"],
    open: |url| Ok(Arc::new(Sqlite::url(url)?)),
};

/// A SQLite database: a file, or one in memory.
///
/// ```
/// use std::time::Duration;
/// use selfsame_sqlite::Sqlite;
///
/// let backend = Sqlite::file("app.db").busy_timeout(Duration::from_secs(1));
/// ```
#[derive(Clone, Debug)]
pub struct Sqlite {
    pub(crate) location: Location,
    /// The working directory at the time when a relative path was given.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) access: Access,
    pub(crate) is_immutable: bool,
    pub(crate) journal_mode: Option<JournalMode>,
    /// Whether a read-only file had no accompanying files when it was first opened.
    pub(crate) was_alone: Arc<OnceLock<bool>>,
    synchronous: Option<Synchronous>,
    pub(crate) dialect: SqliteDialect,
    hooks: Vec<Hook>,
}

/// A hook for each new connection.
#[derive(Clone)]
struct Hook(Arc<OnConnect>);

type OnConnect = dyn Fn(&rusqlite::Connection) -> rusqlite::Result<()> + Send + Sync;

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

/// When SQLite syncs to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// Never: a crash of the machine can corrupt the database.
    Off,
    /// At checkpoints: a crash of the machine can lose the last commits, not the database.
    Normal,
    /// At each commit. SQLite's default.
    Full,
}

#[derive(Clone, Debug)]
pub(crate) enum Location {
    File(PathBuf),
    Memory(Arc<InMemory>),
}

/// A named database in memory. It exists as long as a connection to it: the anchor is an unused one.
#[derive(Debug)]
pub(crate) struct InMemory {
    uri: String,
    anchor: Mutex<Option<rusqlite::Connection>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    ReadOnly,
    ReadWrite,
    Create,
}

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The driver counts milliseconds in 31 bits.
const LONGEST_BUSY_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

impl Sqlite {
    /// Uses the database in this file; the first connection creates it if it does not exist. A relative path is resolved in the current
    /// directory of this call, even if the program changes it later.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::at(Location::File(path.into()))
    }

    /// Creates a database in memory, which is dropped with the last clone of this value and the last connection. It allows one
    /// connection at a time.
    pub fn memory() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Memory::Relaxed);
        Self::at(Location::Memory(Arc::new(InMemory {
            uri: format!(
                "file:/selfsame-sqlite-{}-{number}?vfs=memdb",
                env!("CARGO_PKG_VERSION")
            ),
            anchor: Mutex::new(None),
        })))
    }

    /// Uses the database of a URL:
    ///
    /// - `sqlite::memory:` is [`memory`](Self::memory);
    /// - `sqlite:PATH` and `sqlite://PATH` are [`file`](Self::file): `sqlite:app.db`, `sqlite:///var/lib/app.db`. The path may be
    ///   percent-encoded: `%20` is a space.
    ///
    /// Options follow after `?`, separated by `&`: `mode=ro`, `mode=rw` (must exist) or `mode=rwc`; `immutable`;
    /// `journal_mode=wal`, `delete`, `truncate`, `persist`, `memory` or `off`; `busy_timeout=` in milliseconds;
    /// `synchronous=off`, `normal` or `full`; `reading=lenient`.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if the text is not such a URL.
    pub fn url(url: &str) -> Result<Self> {
        let rest = url
            .strip_prefix("sqlite:")
            .ok_or_else(|| unusable("must start with `sqlite:`"))?;
        if rest.contains(|c: char| c.is_control()) {
            return Err(unusable(
                "must not have control characters, such as a line feed, except encoded as %0A",
            ));
        }
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
        let mut backend = match path {
            "" => return Err(unusable("must have a path, or `:memory:`")),
            ":memory:" => Self::memory(),
            // SQLite would take a URI in its own syntax for a file name.
            path if path
                .get(..5)
                .is_some_and(|name| name.eq_ignore_ascii_case("file:")) =>
            {
                return Err(unusable("must have the path itself, without `file:`"));
            }
            // Other libraries write a database in memory like this.
            path if path.ends_with("/:memory:") => {
                return Err(unusable(
                    "must be `sqlite::memory:` for a database in memory",
                ));
            }
            path => Self::file(local(percent_decoded(path)?)),
        };
        for option in options.split('&').filter(|option| !option.is_empty()) {
            backend = backend.with_option(option)?;
        }
        Ok(backend)
    }

    /// Sets how long a statement waits for a lock held by another connection before it fails with [`Busy`](ErrorKind::Busy). The default is
    /// five seconds; the resolution is one millisecond.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.dialect.busy_timeout = timeout;
        self
    }

    /// Refuses all writes. The database must exist. Files that SQLite creates next to a file in WAL mode are removed with
    /// the connection if they did not exist before.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.access = Access::ReadOnly;
        self
    }

    /// Reads a file that does not change while it is open, for example on a read-only medium: takes no locks, and neither reads nor creates
    /// accompanying files. If the file is changed anyway, results may be wrong. Refuses all writes.
    ///
    /// Connecting fails with [`Configuration`](ErrorKind::Configuration) if a log or journal next to the file contains committed
    /// changes.
    #[must_use]
    pub fn immutable(mut self) -> Self {
        self.access = Access::ReadOnly;
        self.is_immutable = true;
        self
    }

    /// Sets the journal mode of the file. By default, new files are in WAL mode and existing files keep
    /// theirs.
    ///
    /// Connecting fails with [`Configuration`](ErrorKind::Configuration) if the mode is impossible (in memory, or read-only), and with
    /// [`Busy`](ErrorKind::Busy) if others have the file open for longer than [`busy_timeout`](Self::busy_timeout).
    #[must_use]
    pub fn journal_mode(mut self, mode: JournalMode) -> Self {
        self.journal_mode = Some(mode);
        self
    }

    /// Does not create the file if it does not exist.
    #[must_use]
    pub fn must_exist(mut self) -> Self {
        self.access = Access::ReadWrite;
        self
    }

    /// Sets when SQLite syncs to disk. The default is that of SQLite: [`Synchronous::Full`].
    #[must_use]
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = Some(synchronous);
        self
    }

    /// Adds a hook that runs on each new connection before it is used, after earlier hooks, for example to register a function or a
    /// collation that an existing schema needs, or to attach a database.
    ///
    /// ```
    /// use selfsame_sqlite::Sqlite;
    ///
    /// let backend = Sqlite::file("calibre.db").on_connect(|connection| {
    ///     connection.create_collation(c"unicase", |a, b| a.to_lowercase().cmp(&b.to_lowercase()))
    /// });
    /// ```
    #[must_use]
    pub fn on_connect(
        mut self,
        hook: impl Fn(&rusqlite::Connection) -> rusqlite::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.push(Hook(Arc::new(hook)));
        self
    }

    /// Reads dates, times and booleans in the forms that other programs store: `2024-02-29` and `2024-02-29T12:30:00.1234567+02:00`
    /// as timestamps, integers as seconds since 1970, reals as Julian days, `'t'` as true. Times without an offset are in UTC.
    ///
    /// Values are written in the usual form, so a column may come to have several forms. Conditions compare values by meaning and therefore cannot
    /// use an index on such a column: a filter by a date, time or boolean reads the whole table.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.dialect.is_lenient = true;
        self
    }

    fn at(location: Location) -> Self {
        let (folder, max_connections) = match &location {
            Location::File(path) if path.is_relative() => (std::env::current_dir().ok(), None),
            Location::File(_) => (None, None),
            Location::Memory(_) => (None, Some(1)),
        };
        Self {
            location,
            folder,
            access: Access::Create,
            is_immutable: false,
            journal_mode: None,
            was_alone: Arc::default(),
            synchronous: None,
            dialect: SqliteDialect {
                busy_timeout: BUSY_TIMEOUT,
                max_connections,
                is_lenient: false,
            },
            hooks: Vec::new(),
        }
    }

    fn with_option(self, option: &str) -> Result<Self> {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        Ok(match (name, value) {
            ("mode", "ro") => self.read_only(),
            ("mode", "rw") => self.must_exist(),
            ("mode", "rwc") => {
                let mut backend = self;
                backend.access = Access::Create;
                backend
            }
            ("immutable", "" | "1") => self.immutable(),
            ("journal_mode", word) => {
                let mut modes = JournalMode::ALL.into_iter();
                let mode = modes.find(|mode| mode.word().eq_ignore_ascii_case(word));
                self.journal_mode(mode.ok_or_else(|| {
                    unusable(
                        "must have a journal_mode of wal, delete, truncate, persist, memory or off",
                    )
                })?)
            }
            ("reading", "lenient") => self.lenient(),
            ("synchronous", "off") => self.synchronous(Synchronous::Off),
            ("synchronous", "normal") => self.synchronous(Synchronous::Normal),
            ("synchronous", "full") => self.synchronous(Synchronous::Full),
            ("busy_timeout", value) => self.busy_timeout(Duration::from_millis(
                value
                    .parse()
                    .map_err(|_| unusable("must give busy_timeout in milliseconds"))?,
            )),
            _ => {
                return Err(Error::new(
                    ErrorKind::Configuration,
                    format!(
                        "unknown option `{option}`; expected one of mode=ro|rw|rwc, immutable, journal_mode=wal|delete|truncate|persist|memory|off, busy_timeout=MILLISECONDS, synchronous=off|normal|full, reading=lenient"
                    ),
                ));
            }
        })
    }

    /// Returns the lock timeout in SQLite's range.
    pub(crate) fn lock_timeout(&self) -> Duration {
        self.dialect.busy_timeout.min(LONGEST_BUSY_TIMEOUT)
    }

    /// Opens and sets up a native connection.
    pub(crate) fn open(&self) -> Result<Opened> {
        let memory = match &self.location {
            Location::File(path) => return self.open_file(path),
            Location::Memory(memory) => memory,
        };
        if let Some(mode) = self.journal_mode {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "a database in memory has no journal file: cannot set the mode {}",
                    mode.word()
                ),
            ));
        }
        let mut anchor = memory.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        if anchor.is_none() {
            *anchor = Some(open_native(Path::new(&memory.uri), Access::Create)?);
        }
        drop(anchor);
        let connection = open_native(Path::new(&memory.uri), self.access)?;
        self.set_up(&connection)?;
        Ok(Opened {
            connection,
            leftovers: None,
            followed: None,
        })
    }

    pub(crate) fn set_up(&self, connection: &rusqlite::Connection) -> Result<()> {
        self.set(connection).map_err(classify_driver)?;
        match self.hooks.is_empty() {
            true => Ok(()),
            false => check_settings(connection),
        }
    }

    fn set(&self, connection: &rusqlite::Connection) -> rusqlite::Result<()> {
        connection.busy_timeout(self.lock_timeout())?;
        // Otherwise SQLite would read a quoted name that does not exist as a string.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
        connection.create_collation(c"decimal", compare_decimals)?;
        like::add(connection)?;
        if self.dialect.is_lenient {
            connection.create_collation(lenient::TEMPORAL_COLLATION, lenient::compare_temporal)?;
        }
        connection.execute_batch("PRAGMA foreign_keys = ON")?;
        // Only if the program has changed the default: after the PRAGMA, SQLite refuses indexes whose conditions use LIKE.
        if !connection.query_row("SELECT 'A' LIKE 'a'", [], |row| row.get::<_, bool>(0))? {
            connection.execute_batch("PRAGMA case_sensitive_like = OFF")?;
        }
        if let Some(synchronous) = self.synchronous {
            let level = match synchronous {
                Synchronous::Off => "OFF",
                Synchronous::Normal => "NORMAL",
                Synchronous::Full => "FULL",
            };
            connection.pragma_update(None, "synchronous", level)?;
        }
        self.hooks.iter().try_for_each(|hook| hook.0(connection))
    }
}

/// Settings that statements depend on, with their required values.
const SETTINGS: [(&str, &str, i64); 5] = [
    (
        "foreign_keys",
        "SELECT foreign_keys FROM pragma_foreign_keys",
        1,
    ),
    (
        "ignore_check_constraints",
        "SELECT * FROM pragma_ignore_check_constraints",
        0,
    ),
    ("query_only", "SELECT query_only FROM pragma_query_only", 0),
    (
        "full_column_names",
        "SELECT * FROM pragma_full_column_names",
        0,
    ),
    (
        "short_column_names",
        "SELECT * FROM pragma_short_column_names",
        1,
    ),
];

/// Refuses a connection on which a hook has changed a required setting.
fn check_settings(connection: &rusqlite::Connection) -> Result<()> {
    for (name, question, expected) in SETTINGS {
        let found: i64 = connection
            .query_row(question, [], |row| row.get(0))
            .map_err(classify_driver)?;
        if found != expected {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("on_connect has changed `{name}`, on which every statement depends"),
            ));
        }
    }
    Ok(())
}

impl Backend for Sqlite {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        Ok(Box::new(SqliteConnection::open(self.clone())?))
    }

    fn dialect(&self) -> &dyn Dialect {
        &self.dialect
    }
}

/// Compares decimal text numerically. Other text sorts last, by its bytes, so that the order is total.
fn compare_decimals(a: &str, b: &str) -> Ordering {
    match (a.parse::<Decimal>(), b.parse::<Decimal>()) {
        (Ok(a), Ok(b)) => a.compare(b),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    }
}

#[cold]
fn unusable(expected: &str) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("not a URL of a SQLite database: it {expected}"),
    )
}

/// After `sqlite://`, a path with a drive letter is preceded by a slash.
fn local(path: String) -> String {
    let is_drive =
        matches!(path.as_bytes(), [b'/', letter, b':', ..] if letter.is_ascii_alphabetic());
    match cfg!(windows) && is_drive {
        true => path[1..].to_owned(),
        false => path,
    }
}

fn percent_decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        let byte = escaped
            .get(..2)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .ok_or_else(|| {
                unusable("must have two hexadecimal digits after each `%` of its path")
            })?;
        bytes.push(byte);
        rest = &escaped[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).map_err(|_| unusable("must have a path in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_files_and_memory() {
        let location = |url: &str| Sqlite::url(url).expect("a URL").location;
        let file = |url: &str| match location(url) {
            Location::File(path) => path.display().to_string(),
            Location::Memory(_) => panic!("{url} is not a file"),
        };
        assert!(matches!(location("sqlite::memory:"), Location::Memory(_)));
        assert!(matches!(location("sqlite://:memory:"), Location::Memory(_)));
        assert_eq!(file("sqlite:app.db"), "app.db");
        assert_eq!(file("sqlite://dir/app.db"), "dir/app.db");
        assert_eq!(file("sqlite:///dir/app.db"), "/dir/app.db");
        assert_eq!(file("sqlite:a%20b%C3%A9%25.db?mode=rwc"), "a bé%.db");
        assert_eq!(file("sqlite:a b#c&d=e.db"), "a b#c&d=e.db");
        assert_eq!(file("sqlite:a%3Fb.db?"), "a?b.db");
        assert_eq!(file("sqlite:../a/./b.db?&mode=rw&"), "../a/./b.db");
        assert_eq!(file("sqlite:C:\\data\\app.db"), "C:\\data\\app.db");
        let drive = match cfg!(windows) {
            true => "C:/data/app.db",
            false => "/C:/data/app.db",
        };
        assert_eq!(file("sqlite:///C:/data/app.db"), drive);
    }

    #[test]
    fn url_options() {
        let backend =
            Sqlite::url("sqlite:x?mode=ro&busy_timeout=20&synchronous=normal").expect("a URL");
        assert_eq!(backend.access, Access::ReadOnly);
        assert_eq!(backend.synchronous, Some(Synchronous::Normal));
        assert_eq!(backend.dialect.busy_timeout, Duration::from_millis(20));
        let backend = Sqlite::url("sqlite:x?journal_mode=TRUNCATE").expect("a URL");
        assert_eq!(backend.journal_mode, Some(JournalMode::Truncate));
        assert_eq!(backend.access, Access::Create);
        let backend = Sqlite::url("sqlite:x?immutable=1").expect("a URL");
        assert_eq!(
            (backend.access, backend.is_immutable),
            (Access::ReadOnly, true)
        );
    }

    #[test]
    fn other_urls_are_refused() {
        for url in [
            "",
            "sqlite",
            "sqlite:",
            "sqlite://",
            "postgres://x",
            "sqlite:a%2",
            "sqlite:a%zz",
            "sqlite:a%é1",
            "sqlite:a%ff",
            "sqlite:x?mode=memory",
            "sqlite:x?cache",
            "sqlite:x?journal_mode=fast",
            "sqlite:x?immutable=2",
            "sqlite:x?busy_timeout=long",
            "sqlite:x?busy_timeout=-1",
            "sqlite:x?busy_timeout=",
            "sqlite:?mode=ro",
            "sqlite://?mode=ro",
            "sqlite:file:x?mode=ro",
            "sqlite://file:x",
            "sqlite:FILE:x",
            "sqlite:///:memory:",
            // Read from a file, including the line feed.
            "sqlite:x.db\n",
            "sqlite:x.db?mode=ro\r\n",
            "sqlite:q?.db",
            "sqlite:100%.db",
            "sqlite:x?vfs=unix-none",
            "sqlite:x?cache=shared",
            "sqlite:x?mode=RO",
            "sqlite:x?immutable=true",
            "sqlite:x?foreign_keys=off",
            "sqlite:x?busy_timeout=99999999999999999999",
            "sqlite+pysqlite:///x.db",
            "sqlite3:x",
            "SQLITE:x",
        ] {
            let error = Sqlite::url(url).expect_err(url);
            assert_eq!(error.kind(), ErrorKind::Configuration, "{url}");
        }
    }

    #[test]
    fn the_decimal_order_is_total() {
        let mut texts = ["10", "x", "9.5", "-1", "9.50", "", "-1.5"];
        texts.sort_by(|a, b| compare_decimals(a, b).then(a.cmp(b)));
        assert_eq!(texts, ["-1.5", "-1", "9.5", "9.50", "10", "", "x"]);
    }
}
