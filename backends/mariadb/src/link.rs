//! [`Link`]: the driver's connection, with a limit for every wait.

use std::fs::File;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use filedescriptor::FileDescriptor;
use mysql::consts::CapabilityFlags;
use mysql::prelude::Queryable;
use mysql::{Conn, DriverError, OptsBuilder};
use selfsame::error::{Error, ErrorKind, Result};
use socket2::SockRef;

use crate::attempts::{self, Missing};
use crate::classify::{Phase, TLS_FAILED, classify};
use crate::flavor::Flavor;
use crate::options::{Options, Place, configuration};
use crate::settings;
use crate::tls::TlsMode;
use crate::watch::{self, Limit};

/// The time limit for a rollback, or for the reset between two users; after it the connection is closed. Short enough to go unnoticed.
pub(crate) const SHORT_WAIT: Duration = Duration::from_secs(5);
/// The number of bytes that the system may buffer before sending them, so that the wait for an answer begins when nearly everything has
/// been sent.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 128 * 1024;

/// An open connection.
pub(crate) struct Link {
    pub(crate) conn: Conn,
    /// A second descriptor of its socket.
    pub(crate) socket: Arc<File>,
    /// The options to reach the same server again.
    pub(crate) options: Options,
    /// The limit for the server's silence while a statement runs.
    silence_limit: Duration,
    waiting: Duration,
    /// The time limit for a whole operation that must be short.
    limit: Option<Limit>,
    pub(crate) flavor: Flavor,
    /// The version that the server reports.
    pub(crate) version: String,
    /// The identity of the server: several may share one address.
    pub(crate) server: String,
    /// The settings that statements depend on.
    pub(crate) fingerprint: String,
}

/// Connects to the first place that answers, beginning with number `first`. The options' time limit applies to all places together.
pub(crate) fn connect(options: &Options, first: usize) -> Result<Link> {
    let deadline = Instant::now() + options.connect_limit();
    let count = options.places.len();
    let mut said = Vec::new();
    let mut last = None;
    for index in 0..count {
        let place = &options.places[(first + index) % count];
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(count - index).unwrap_or(1);
        match attempt(options, place, share) {
            Ok(link) => return Ok(link),
            // The next host would answer the same.
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => {
                said.push(format!("{}: {}", place.name(), error.message()));
                last = Some(error);
            }
        }
    }
    match last {
        Some(error) if count == 1 => Err(error),
        _ => Err(Error::new(ErrorKind::Unreachable, said.join("; "))),
    }
}

fn is_final(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Authentication | ErrorKind::Configuration
    )
}

/// Connects to one place, with a time limit for the whole attempt.
fn attempt(options: &Options, place: &Place, limit: Duration) -> Result<Link> {
    // A limit of zero would mean no limit.
    let limit = limit.max(Duration::from_millis(1));
    let driver = driver_options(options, place, limit)?;
    let options = Options {
        places: vec![place.clone()],
        ..options.clone()
    };
    let connect = move || open(driver, options, limit);
    attempts::within(&place.name(), limit, connect).unwrap_or_else(|missing| {
        Err(unreachable(match missing {
            Missing::Late => format!("the server did not answer within {limit:?}"),
            Missing::TooMany => {
                "the server has not answered many earlier attempts to connect, which still run"
                    .to_owned()
            }
            Missing::NoThread(error) => format!("no thread to connect in: {error}"),
        }))
    })
}

fn driver_options(options: &Options, place: &Place, limit: Duration) -> Result<OptsBuilder> {
    let mut driver = OptsBuilder::new()
        .user(options.user.clone())
        .pass(options.password.clone())
        .db_name(options.database.clone())
        .prefer_socket(false)
        .tcp_connect_timeout(Some(limit))
        .read_timeout(Some(limit))
        .write_timeout(Some(limit))
        .tcp_keepalive_time_ms(Some(30_000))
        .additional_capabilities(CapabilityFlags::CLIENT_LONG_FLAG)
        // The backend caches statements itself.
        .stmt_cache_size(0);
    driver = match place {
        Place::Tcp(host, port) => driver.ip_or_hostname(Some(host.clone())).tcp_port(*port),
        Place::Socket(path) => return Ok(driver.socket(Some(path.clone()))),
    };
    match options.tls.mode {
        TlsMode::Disable => Ok(driver),
        TlsMode::Prefer if cfg!(not(feature = "tls")) => Ok(driver),
        _ => encrypted(driver, options),
    }
}

#[cfg(feature = "tls")]
fn encrypted(driver: OptsBuilder, options: &Options) -> Result<OptsBuilder> {
    let mut tls = mysql::SslOpts::default();
    if let Some(root) = &options.tls.root {
        let root = std::path::PathBuf::from(root);
        let read = std::fs::read(&root).map_err(|error| {
            configuration(format!("{} cannot be read: {error}", root.display()))
        })?;
        // If the file contains no certificate, the driver would silently trust only the system's authorities. It is PEM, or DER, which
        // begins with a sequence.
        let begin = b"-----BEGIN CERTIFICATE-----";
        if read.first() != Some(&0x30) && !read.windows(begin.len()).any(|part| part == begin) {
            let message = format!("{} holds no certificate", root.display());
            return Err(configuration(message));
        }
        tls = tls.with_root_cert_path(Some(root));
    }
    let of_anybody = matches!(options.tls.mode, TlsMode::Prefer | TlsMode::Unverified);
    let of_any_host = options.tls.mode != TlsMode::VerifyFull;
    let tls = tls
        .with_danger_accept_invalid_certs(of_anybody)
        .with_danger_skip_domain_validation(of_any_host);
    Ok(driver.ssl_opts(tls))
}

#[cfg(not(feature = "tls"))]
fn encrypted(_: OptsBuilder, _: &Options) -> Result<OptsBuilder> {
    Err(configuration("this build has no TLS"))
}

fn open(driver: OptsBuilder, options: Options, limit: Duration) -> Result<Link> {
    let failed = |error| classify(error, Phase::Connect, "");
    let (mut conn, flavor) = configured(driver, &options)?;
    let socket = FileDescriptor::dup(&conn)
        .and_then(|descriptor| descriptor.as_file())
        .map_err(|error| unreachable(format!("no second descriptor of the socket: {error}")))?;
    let socket = Arc::new(socket);
    let in_time = watch::within(&socket, limit);
    let checked: Option<(String, Option<bool>, String)> =
        conn.query_first(settings::check(flavor)).map_err(failed)?;
    let fingerprint = conn.query_first(settings::fingerprint(flavor));
    let fingerprint = fingerprint.map_err(failed)?;
    drop(in_time);
    let (version, holds, server) = checked.unwrap_or_default();
    if Flavor::of(&version)? != flavor {
        return Err(configuration("the server changed while connecting"));
    }
    if holds != Some(true) {
        let message = "the settings of the connection were dropped (strict mode, utf8mb4, UTC), probably by a proxy in front of the server";
        return Err(configuration(message));
    }
    let mut link = Link {
        conn,
        socket,
        silence_limit: options.silence_limit(),
        options: Options {
            flavor: Some(flavor),
            ..options
        },
        flavor,
        waiting: limit,
        limit: None,
        version,
        server,
        fingerprint: fingerprint.unwrap_or_default(),
    };
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if matches!(link.options.places[..], [Place::Tcp(..)]) {
        SockRef::from(&*link.socket)
            .set_tcp_notsent_lowat(UNSENT)
            .map_err(|error| unreachable(error.to_string()))?;
    }
    link.use_silence_limit();
    Ok(link)
}

/// Connects with the settings of the server's flavor. If the flavor is unknown, those of MySQL are tried first.
fn configured(driver: OptsBuilder, options: &Options) -> Result<(Conn, Flavor)> {
    let tried = options.flavor.unwrap_or(Flavor::MySql);
    let refused = match configured_as(driver.clone(), options, tried) {
        // Other servers, and older ones, lack some of the settings, and report that.
        Err(error) if error.kind() == ErrorKind::Configuration => error,
        connected => return connected.map(|conn| (conn, tried)),
    };
    let failed = |error| classify(error, Phase::Connect, "");
    let mut plain = with_tls(driver.clone(), options).map_err(failed)?;
    let version: Option<String> = plain.query_first("SELECT VERSION()").map_err(failed)?;
    let found = Flavor::of(&version.unwrap_or_default())?;
    match options.flavor {
        _ if found == tried => Err(refused),
        None => configured_as(driver, options, found).map(|conn| (conn, found)),
        Some(_) => Err(wrong_flavor(tried, found)),
    }
}

fn configured_as(driver: OptsBuilder, options: &Options, flavor: Flavor) -> Result<Conn> {
    let driver = driver.init(settings::statements(options, flavor));
    with_tls(driver, options)
        .map_err(|error| untrusted(options, classify(error, Phase::Connect, "")))
}

/// Connects without TLS if the server does not support it and TLS is only preferred.
fn with_tls(driver: OptsBuilder, options: &Options) -> Result<Conn, mysql::Error> {
    match Conn::new(driver.clone()) {
        Err(mysql::Error::DriverError(DriverError::TlsNotSupported))
            if options.tls.mode == TlsMode::Prefer =>
        {
            Conn::new(driver.ssl_opts(None))
        }
        opened => opened,
    }
}

/// The error for a server of another flavor than the URL says, or than statements were rendered for.
pub(crate) fn wrong_flavor(expected: Flavor, found: Flavor) -> Error {
    let (expected, found) = (expected.server(), found.dialect());
    let message = format!("the server is not {expected}: write {found}:// in its URL");
    configuration(message)
}

/// Adds a hint: other tools verify less for `REQUIRED`, so a hosting provider's own authority is a common surprise.
fn untrusted(options: &Options, error: Error) -> Error {
    let is_verified = matches!(options.tls.mode, TlsMode::VerifyCa | TlsMode::VerifyFull);
    if !is_verified || options.tls.root.is_some() || !error.message().starts_with(TLS_FAILED) {
        return error;
    }
    let hint = "ssl-mode=REQUIRED also verifies the server's certificate: name the file of its authority with ssl-ca";
    let message = format!("{} ({hint})", error.message());
    Error::new(error.kind(), message)
}

impl Link {
    /// Sets the time limit for statements: for each answer, and for the server to accept data.
    pub(crate) fn use_silence_limit(&mut self) {
        self.limit = None;
        self.wait_for(self.silence_limit);
    }

    /// Sets the time limit for commands that undo changes.
    pub(crate) fn use_short_limit(&mut self) {
        let limit = self.silence_limit.min(SHORT_WAIT);
        self.limit = Some(watch::within(&self.socket, limit));
        self.wait_for(limit);
    }

    fn wait_for(&mut self, limit: Duration) {
        if limit == self.waiting {
            return;
        }
        let socket = SockRef::from(&*self.socket);
        let limited = socket
            .set_read_timeout(Some(limit))
            .and_then(|()| socket.set_write_timeout(Some(limit)));
        // If the socket accepts no timeout, it is closed.
        if limited.is_ok() {
            self.waiting = limit;
        }
    }

    /// Returns the current limit for the server's silence.
    pub(crate) fn waiting(&self) -> Duration {
        self.waiting
    }

    /// Returns whether the server has sent nothing since its last answer: anything else means that it closed the connection.
    pub(crate) fn is_idle_and_open(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        let looked = SockRef::from(&*self.socket).recv_with_flags(&mut byte, PEEK_WITHOUT_WAITING);
        matches!(looked, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }
}

/// `MSG_PEEK | MSG_DONTWAIT`.
#[cfg(target_os = "linux")]
const PEEK_WITHOUT_WAITING: i32 = 0x2 | 0x40;
#[cfg(not(target_os = "linux"))]
const PEEK_WITHOUT_WAITING: i32 = 0x2 | 0x80;

impl Drop for Link {
    /// Limits the driver's final message, which it sends when dropped: a server that does not read must not block it.
    fn drop(&mut self) {
        let socket = SockRef::from(&*self.socket);
        let _ = socket.set_write_timeout(Some(Duration::from_secs(1)));
        if !self.is_idle_and_open() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

#[cold]
fn unreachable(message: String) -> Error {
    Error::new(ErrorKind::Unreachable, message)
}
