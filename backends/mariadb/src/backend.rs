//! [`MariaDb`]: the address of a server, and connecting to it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use selfsame::backend::{Backend, Connection, Scheme};
use selfsame::dialect::Dialect;
use selfsame::error::{Error, Result};

use crate::connection::MariaDbConnection;
use crate::dialect::MariaDbDialect;
use crate::flavor::Flavor;
use crate::link::{Link, connect, wrong_flavor};
use crate::options::Options;

/// The pause between attempts to find out the server's flavor, because the dialect is used many times in a row.
const PAUSE: Duration = Duration::from_secs(1);
/// The time after a failed attempt in which a connection of the same thread fails with the same error: the dialect was used for this
/// connection, and sending a wrong password twice may lock a user out.
const SAME_ATTEMPT: Duration = Duration::from_millis(100);

/// Opens `mariadb://…` and `mysql://…`.
pub const SCHEME: Scheme = Scheme {
    names: &["mariadb", "mysql"],
    open: |url| Ok(Arc::new(MariaDb::url(url)?)),
};

/// A MariaDB or MySQL database, on one server or on the nodes of a cluster.
///
/// ```
/// use selfsame_mariadb::MariaDb;
///
/// let mariadb = MariaDb::url("mariadb://ada:secret@one,two,three/library?spread=true")?;
/// assert!(!format!("{mariadb:?}").contains("secret"));
/// # Ok::<(), selfsame::Error>(())
/// ```
#[derive(Clone)]
pub struct MariaDb {
    pub(crate) options: Options,
    /// The server's flavor, determined by the URL or the first connection.
    flavor: Arc<OnceLock<Flavor>>,
    /// The last failed attempt to find out the flavor. Locked while an attempt runs.
    last_failure: Arc<Mutex<Option<FailedAttempt>>>,
    /// Whether an attempt has failed.
    has_failed: Arc<AtomicBool>,
    dialect: OnceLock<MariaDbDialect>,
    /// The dialect while the flavor is unknown.
    assumed: OnceLock<MariaDbDialect>,
    /// The number of connections so far, which determines the first host of the next one.
    connected: Arc<AtomicUsize>,
}

/// A failed attempt to find out the server's flavor.
struct FailedAttempt {
    at: Instant,
    by: ThreadId,
    /// Its error, unless it was already returned.
    error: Option<Error>,
}

impl MariaDb {
    /// Uses the database of a URL: `mariadb://user:password@host:port/database?option=value`. A connection uses the first of several hosts,
    /// separated by commas, that answers.
    ///
    /// A `mysql://` URL may lead to MySQL or MariaDB. Their SQL differs, so the first use of the dialect connects to find out which. Until a
    /// server answers, MySQL is assumed: statements for MySQL mean the same to MariaDB, or are refused by it. Once a server has answered,
    /// connections to the other kind are refused. A `mariadb://` URL needs no such connection, and MySQL is refused.
    ///
    /// | option | effect |
    /// |---|---|
    /// | `socket` | a Unix socket, instead of the hosts |
    /// | `spread=true` | each connection starts with the next host, so connections spread over the nodes of a cluster |
    /// | `sync_wait` | Galera's `wsrep_sync_wait`: with 1 reads, with 7 reads and writes wait until the node has applied earlier commits of the cluster |
    /// | `sslmode` | `disable`, the default; `require` and `verify-full` verify the server's certificate for its host, `verify-ca` for any; `trust` accepts any certificate; `prefer` does too, and falls back to no TLS if the server has none |
    /// | `sslrootcert` | a file with an authority to trust, in addition to the system's; alone it implies `verify-full` |
    /// | `ssl-mode=REQUIRED`, `VERIFY_IDENTITY` …; `ssl`, `tls`, `useSSL`; `sslaccept`; `ssl-ca`, `ssl_ca` | the same with the names of other tools, as hosting providers use them |
    /// | `charset` | only `utf8mb4`, which is always used |
    /// | `lock_timeout` | as [`lock_timeout`](Self::lock_timeout), in seconds |
    /// | `statement_timeout` | as [`statement_timeout`](Self::statement_timeout), in seconds |
    /// | `connect_timeout`, `response_timeout` | as the methods of these names, in seconds |
    ///
    /// A Unix socket is never encrypted.
    ///
    /// # Errors
    ///
    /// [`Configuration`](selfsame::ErrorKind::Configuration) if the URL is malformed, has no host or an unknown option, or if it needs TLS
    /// and the crate was built without its feature `tls`. The error shows no password.
    pub fn url(url: &str) -> Result<Self> {
        let options = Options::parse(url)?;
        let flavor = options.flavor.map(OnceLock::from).unwrap_or_default();
        Ok(Self {
            options,
            flavor: Arc::new(flavor),
            last_failure: Arc::default(),
            has_failed: Arc::default(),
            dialect: OnceLock::new(),
            assumed: OnceLock::new(),
            connected: Arc::default(),
        })
    }

    /// Changes the options, and forgets the outcome of attempts with the previous ones.
    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        Self {
            last_failure: Arc::default(),
            has_failed: Arc::default(),
            dialect: OnceLock::new(),
            assumed: OnceLock::new(),
            ..self
        }
    }

    /// Sets the database of unqualified names, instead of the URL's.
    #[must_use]
    pub fn database(self, name: &str) -> Self {
        self.with(|options| options.database = Some(name.to_owned()))
    }

    /// Sets the time limit for connecting; the default is five seconds.
    #[must_use]
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.with(|options| options.connect_timeout = timeout)
    }

    /// Sets how long a statement may run before it fails with [`Busy`](selfsame::ErrorKind::Busy); unlimited by default. On MySQL this
    /// limits only SELECT; other statements end with [`response_timeout`](Self::response_timeout).
    #[must_use]
    pub fn statement_timeout(self, timeout: Duration) -> Self {
        self.with(|options| options.statement_timeout = Some(timeout))
    }

    /// Sets how long a statement waits for a lock, on rows or on a table, before it fails with [`Busy`](selfsame::ErrorKind::Busy), in whole
    /// seconds; the default is the server's limits, usually 50 seconds for rows and a day for tables, which
    /// [`response_timeout`](Self::response_timeout) ends earlier.
    #[must_use]
    pub fn lock_timeout(self, timeout: Duration) -> Self {
        self.with(|options| options.lock_timeout = Some(timeout))
    }

    /// Sets how long the server may be silent while a statement runs before the connection is closed with
    /// [`ConnectionLost`](selfsame::ErrorKind::ConnectionLost). A server that sends rows or accepts data, however slowly, is not silent. The
    /// default is three seconds more than [`statement_timeout`](Self::statement_timeout), or five minutes without one. A rollback, and the
    /// reset between two uses of a connection, wait for at most five seconds.
    #[must_use]
    pub fn response_timeout(self, timeout: Duration) -> Self {
        self.with(|options| options.response_timeout = Some(timeout))
    }

    /// Makes statements on a Galera node wait until it has applied earlier commits of the cluster: `wsrep_sync_wait`, a sum of 1 (reads),
    /// 2 (UPDATE and DELETE), 4 (INSERT) and 8 (SHOW). Without it, a session may not see what another has just committed on another
    /// node.
    #[must_use]
    pub fn sync_wait(self, mask: u32) -> Self {
        self.with(|options| options.sync_wait = Some(mask))
    }

    /// Returns the server's flavor, and connects to find it out if necessary. Other threads wait for a running attempt, unless an earlier
    /// one has failed.
    fn found_flavor(&self) -> Option<Flavor> {
        if let Some(known) = self.flavor.get() {
            return Some(*known);
        }
        let mut last_failure = match self.last_failure.try_lock() {
            Err(TryLockError::WouldBlock) if self.has_failed.load(Ordering::Relaxed) => {
                return None;
            }
            Ok(last_failure) => last_failure,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => self
                .last_failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        };
        let is_late = |last: &FailedAttempt| last.at.elapsed() > PAUSE;
        if self.flavor.get().is_none()
            && last_failure.as_ref().is_none_or(is_late)
            && let Err(error) = self.checked_link()
        {
            self.has_failed.store(true, Ordering::Relaxed);
            *last_failure = Some(FailedAttempt {
                at: Instant::now(),
                by: thread::current().id(),
                error: Some(error),
            });
        }
        self.flavor.get().copied()
    }

    /// Returns the error of the last attempt to find out the flavor, if this thread has just made it.
    fn recent_failure(&self) -> Option<Error> {
        let mut last_failure = self.last_failure.try_lock().ok()?;
        let last = last_failure.as_mut()?;
        let is_same = last.by == thread::current().id() && last.at.elapsed() < SAME_ATTEMPT;
        is_same.then(|| last.error.take())?
    }

    /// Connects to a server of the known flavor, or records the server's flavor if it is unknown.
    fn checked_link(&self) -> Result<Link> {
        let link = self.link()?;
        // Statements rendered for one server may mean something else to the other.
        let expected = *self.flavor.get_or_init(|| link.flavor);
        match link.flavor == expected {
            true => Ok(link),
            false => Err(wrong_flavor(expected, link.flavor)),
        }
    }

    fn link(&self) -> Result<Link> {
        let first = match self.options.spread {
            true => self.connected.fetch_add(1, Ordering::Relaxed),
            false => 0,
        };
        let options = Options {
            flavor: self.flavor.get().copied(),
            ..self.options.clone()
        };
        connect(&options, first).map_err(|error| {
            let address = self.options.address();
            let message = format!("cannot connect to {address}: {}", error.message());
            let named = Error::new(error.kind(), message);
            match error.native_code() {
                Some(code) => named.code(code),
                None => named,
            }
        })
    }

    /// Returns the number of hosts over which connections spread.
    #[cfg(feature = "testing")]
    pub(crate) fn hosts(&self) -> usize {
        match self.options.spread {
            true => self.options.places.len(),
            false => 0,
        }
    }

    /// User, hosts and database: the parts that may be shown.
    #[cfg(feature = "testing")]
    pub(crate) fn address(&self) -> String {
        self.options.address()
    }
}

impl fmt::Debug for MariaDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MariaDb")
            .field("address", &self.options.address())
            .finish_non_exhaustive()
    }
}

impl Backend for MariaDb {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        if let Some(error) = self.recent_failure() {
            return Err(error);
        }
        Ok(Box::new(MariaDbConnection::new(self.checked_link()?)))
    }

    fn dialect(&self) -> &dyn Dialect {
        if let Some(known) = self.dialect.get() {
            return known;
        }
        let (dialect, flavor) = match self.found_flavor() {
            Some(flavor) => (&self.dialect, flavor),
            None => (&self.assumed, Flavor::MySql),
        };
        dialect.get_or_init(|| MariaDbDialect {
            flavor,
            lock_timeout: self.options.lock_timeout,
        })
    }

    fn knows_dialect(&self) -> bool {
        self.flavor.get().is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc;

    use selfsame::ErrorKind;

    use super::*;

    /// Returns a backend for a server that handles each connection with `answer`, and a channel of the connections.
    fn answered_by(
        mut answer: impl FnMut(TcpStream) -> Option<TcpStream> + Send + 'static,
    ) -> (MariaDb, mpsc::Receiver<Option<TcpStream>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, connections) = mpsc::channel();
        thread::spawn(move || {
            for connection in listener.incoming() {
                let kept = answer(connection.expect("a connection"));
                if sender.send(kept).is_err() {
                    return;
                }
            }
        });
        let url = format!("mysql://ada:secret@127.0.0.1:{port}/library");
        (MariaDb::url(&url).expect("a URL"), connections)
    }

    #[test]
    fn a_refused_login_is_not_repeated_for_the_dialect() {
        let (backend, connections) = answered_by(|_| None);
        for _ in 0..2 {
            assert_eq!(backend.dialect().name(), "mysql");
            assert!(!backend.knows_dialect());
            let error = backend
                .connect()
                .expect_err("the server closes the connection");
            assert_eq!(error.kind(), ErrorKind::Unreachable);
            thread::sleep(PAUSE + SAME_ATTEMPT);
        }
        let count = || {
            thread::sleep(SAME_ATTEMPT);
            connections.try_iter().count()
        };
        assert_eq!(count(), 2);
        // Nor does the error concern a backend with other options, or a later connection.
        backend.dialect();
        let other = backend.clone().database("other");
        thread::spawn({
            let backend = backend.clone();
            move || backend.connect().map(drop)
        })
        .join()
        .expect("ends")
        .expect_err("closed");
        other.connect().expect_err("closed");
        assert_eq!(count(), 3);
    }

    #[test]
    fn who_asks_for_the_dialect_does_not_wait_for_others_while_the_server_is_away() {
        let (backend, connections) = answered_by(Some);
        let backend = backend.connect_timeout(Duration::from_secs(2));
        backend.dialect();
        thread::sleep(PAUSE + SAME_ATTEMPT);
        let first = connections.recv().expect("a connection");
        let other = thread::spawn({
            let backend = backend.clone();
            move || backend.dialect().name().to_owned()
        });
        let second = connections.recv().expect("another one");
        let begun = Instant::now();
        assert_eq!(backend.dialect().name(), "mysql");
        assert!(
            begun.elapsed() < Duration::from_secs(1),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(other.join().expect("ends"), "mysql");
        drop((first, second));
    }

    #[test]
    fn malformed_urls_are_refused_without_their_password() {
        for url in [
            "",
            "postgres://u:hunter2@h/d",
            "mariadb:u:hunter2@h/d",
            "mariadb://u:hunter2@h:port/d",
            "mariadb://u:hunter2@h/d?nonsense=hunter2",
            "mariadb://u:hunter2@h/d?sslmode=hunter2",
            "mariadb://u:hunter2@h/d?ssl=hunter2",
            "mariadb://u:hunter2@h/d?charset=hunter2",
            "mariadb://u:hunter2@h/d?spread=hunter2",
            "mariadb://u:hunter2@h/d?sync_wait=16",
            "mariadb://u:hunter2@h/d?lock_timeout=0",
            "mariadb:///d",
            "mariadb://u:hunter2@h/d\n",
            "mariadb://u:hunter2@h/d?charset=utf8mb4\n",
            "mariadb://u:hunter2%00@h/d",
            "mariadb://u:hun/ter2@h/d",
            "mariadb://u:hunter2@[::1]3307/d",
            "mariadb://u:hunter2@[::1/d",
            "mariadb://u:hunter2@[]/d",
            "mariadb://u:hunter2@::1/d",
            "mariadb://u:hunter2@h:1:2/d",
            "mariadb://u:hunter2@h:99999/d",
            "mariadb://u:hunter2@h /d",
            "mariadb://u:hunter2@,/d",
            "mariadb://u:hunter2@h/d?socket=",
            "mariadb://u:hunter2@h/d?reconnect=hunter2",
            "mariadb://u:hunter2@h/d?connect_timeout=0",
            "mariadb://u:hunter2@h/d?charset=utf8",
            "mariadb://u:hunter2@h/d?=hunter2",
            "mysql+pymysql://u:hunter2@h/d",
            "mysql2://u:hunter2@h/d",
            "jdbc:mysql://h/d?password=hunter2",
        ] {
            let error = MariaDb::url(url).expect_err(url);
            assert_eq!(error.kind(), ErrorKind::Configuration, "{url}");
            let shown = format!("{error:?} {error}");
            assert!(
                !shown.contains("hunter2") && !shown.contains("ter2"),
                "{error}"
            );
        }
    }

    #[test]
    fn debug_shows_where_but_no_password() {
        for (url, shown) in [
            (
                "mariadb://ada:hunter2@db.example:3307,[::1]/books?spread=true",
                "mariadb://ada:***@db.example:3307,[::1]:3306/books",
            ),
            (
                "mysql://ada@localhost/b%C3%BCcher?socket=%2Frun%2Fm.sock",
                "mysql://ada@/run/m.sock/bücher",
            ),
            (
                "mysql://ada@localhost/d?unix_socket=/run/m.sock",
                "mysql://ada@/run/m.sock/d",
            ),
            ("mysql://ada@%2Frun%2Fm.sock/d", "mysql://ada@/run/m.sock/d"),
            // URLs as hosting providers write them.
            (
                "mysql://u:p@us-cdbr-east.cleardb.example/heroku_x?reconnect=true",
                "mysql://u:***@us-cdbr-east.cleardb.example:3306/heroku_x",
            ),
            (
                "mysql://u%40server:p@server.mysql.database.azure.example/d",
                "mysql://u@server:***@server.mysql.database.azure.example:3306/d",
            ),
            (
                "mysql://u@server:p@server.mysql.database.azure.example/d",
                "mysql://u@server:***@server.mysql.database.azure.example:3306/d",
            ),
            // A password may contain almost anything.
            ("mysql://u:p?a=b&c#d:e+f@h/d", "mysql://u:***@h:3306/d"),
            ("mysql://u:100%@h/d", "mysql://u:***@h:3306/d"),
            ("mysql://u:p@h:/d", "mysql://u:***@h:3306/d"),
            ("mysql://u:p@h?connect_timeout=9", "mysql://u:***@h:3306"),
            ("mysql://@h/d", "mysql://h:3306/d"),
            ("mysql://u:@h/", "mysql://u:***@h:3306"),
            ("mysql://u@a,b:3307/d", "mysql://u@a:3306,b:3307/d"),
            (
                "mysql://u@[2001:db8::1]:3307,[::1]:/d",
                "mysql://u@[2001:db8::1]:3307,[::1]:3306/d",
            ),
        ] {
            let mariadb = MariaDb::url(url).expect(url);
            assert_eq!(
                format!("{mariadb:?}"),
                format!("MariaDb {{ address: {shown:?}, .. }}")
            );
        }
    }
}
