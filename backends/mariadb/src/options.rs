//! The options of a URL.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use selfsame::error::{Error, ErrorKind, Result};

use crate::flavor::Flavor;
use crate::tls::{Tls, Wanted};

const PORT: u16 = 3306;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The limit for the server's silence while a statement runs, if statements have no time limit.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(300);
/// The time after its own limit within which the server may report that a statement took too long.
const GRACE: Duration = Duration::from_secs(3);

/// A socket takes a timeout of zero as no timeout.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);
/// A year: the longest time limit that the server accepts. A clock can represent it, unlike the longest duration.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(365 * 86_400);

/// The addresses of a server and the settings of its connections.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The server's flavor; `None` if a connection must find out.
    pub(crate) flavor: Option<Flavor>,
    pub(crate) places: Vec<Place>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) tls: Tls,
    /// Whether each connection begins with the next place.
    pub(crate) spread: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Option<Duration>,
    pub(crate) statement_timeout: Option<Duration>,
    pub(crate) lock_timeout: Option<Duration>,
    /// The value of `wsrep_sync_wait`: which statements on a Galera node wait until it has applied earlier commits of the
    /// cluster.
    pub(crate) sync_wait: Option<u32>,
}

/// An address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp(String, u16),
    Socket(String),
}

impl Place {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Tcp(host, port) if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp(host, port) => format!("{host}:{port}"),
            Self::Socket(path) => path.clone(),
        }
    }
}

impl Options {
    /// Reads `mariadb://user:password@host:port,host:port/database?option=value`. A `mysql://` URL may lead to either
    /// server.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (flavor, rest) = [("mariadb://", Some(Flavor::MariaDb)), ("mysql://", None)]
            .iter()
            .find_map(|(scheme, flavor)| Some((*flavor, url.strip_prefix(scheme)?)))
            .ok_or_else(|| {
                configuration("a URL of MariaDB or MySQL looks like mariadb://user:password@host:port/database")
            })?;
        // A line feed from the file that the URL was read from would become part of the database's name.
        if rest.contains(|c: char| c.is_control()) || percent_decode_str(rest).any(|byte| byte == 0)
        {
            return Err(configuration(
                "the URL cannot be used: it holds a control character, such as the end of a line",
            ));
        }
        // A password may contain the separators of the following parts, except a slash.
        let authority = rest.find('/').unwrap_or(rest.len());
        let at = rest[..authority].rfind('@');
        let credentials = &rest[..at.unwrap_or(0)];
        let rest = &rest[at.map_or(0, |at| at + 1)..];
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(decode(password)?)),
            None => (credentials, None),
        };
        let places = hosts.split(',').filter(|host| !host.is_empty());
        let named =
            |text: &str| decode(text).map(|text| Some(text).filter(|text| !text.is_empty()));
        let mut options = Self {
            flavor,
            places: places.map(place).collect::<Result<_>>()?,
            user: named(user)?,
            password,
            database: named(database)?,
            tls: Tls::default(),
            spread: false,
            connect_timeout: CONNECT_TIMEOUT,
            response_timeout: None,
            statement_timeout: None,
            lock_timeout: None,
            sync_wait: None,
        };
        let mut wanted = Wanted::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if !wanted.take(&name, &value)? {
                options.take(&name, &value)?;
            }
        }
        options.tls = wanted.finish()?;
        if options.places.is_empty() {
            return Err(configuration("the URL names no host"));
        }
        Ok(options)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "socket" | "unix_socket" if value.is_empty() => return Err(invalid(name, "a path")),
            "socket" | "unix_socket" => self.places = vec![Place::Socket(value.to_owned())],
            // Hosting providers add it for drivers that do not reconnect by themselves.
            "reconnect" if matches!(value, "true" | "1" | "false" | "0") => {}
            "reconnect" => return Err(invalid(name, "true or false")),
            // Every connection uses it.
            "charset" if value.eq_ignore_ascii_case("utf8mb4") => {}
            "charset" => return Err(invalid(name, "utf8mb4")),
            "spread" => {
                self.spread = match value {
                    "true" | "1" => true,
                    "false" | "0" => false,
                    _ => return Err(invalid(name, "true or false")),
                }
            }
            "connect_timeout" => self.connect_timeout = seconds(name, value)?,
            "response_timeout" => self.response_timeout = Some(seconds(name, value)?),
            "statement_timeout" => self.statement_timeout = Some(seconds(name, value)?),
            "lock_timeout" => self.lock_timeout = Some(seconds(name, value)?),
            "sync_wait" => {
                let mask = value.parse().ok().filter(|mask| *mask <= 15);
                self.sync_wait = Some(mask.ok_or_else(|| invalid(name, "a number from 0 to 15"))?);
            }
            _ => {
                return Err(configuration(format!(
                    "the URL cannot be used: it has the unknown option `{name}`"
                )));
            }
        }
        Ok(())
    }

    /// Returns the limit for the server's silence while a statement runs.
    pub(crate) fn silence_limit(&self) -> Duration {
        let silence_limit = self.response_timeout.unwrap_or_else(|| {
            self.statement_timeout
                .map_or(RESPONSE_TIMEOUT, |timeout| timeout.saturating_add(GRACE))
        });
        silence_limit.clamp(SHORTEST_WAIT, LONGEST_WAIT)
    }

    /// Returns the time limit for connecting.
    pub(crate) fn connect_limit(&self) -> Duration {
        self.connect_timeout.clamp(SHORTEST_WAIT, LONGEST_WAIT)
    }

    /// User, hosts and database: the parts that may be shown.
    pub(crate) fn address(&self) -> String {
        let scheme = self.flavor.unwrap_or(Flavor::MySql).dialect();
        let mut out = format!("{scheme}://");
        if let Some(user) = &self.user {
            out.push_str(user);
            if self.password.is_some() {
                out.push_str(":***");
            }
            out.push('@');
        }
        let places: Vec<String> = self.places.iter().map(Place::name).collect();
        out.push_str(&places.join(","));
        if let Some(database) = &self.database {
            out.push('/');
            out.push_str(database);
        }
        out
    }
}

fn place(host: &str) -> Result<Place> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => rest
            .split_once(']')
            .ok_or_else(|| configuration("an address in the URL lacks its bracket"))?,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    // A colon without a port is ignored.
    let number = port.strip_prefix(':').filter(|number| !number.is_empty());
    let port = match (number, port) {
        (Some(number), _) => number.parse().ok(),
        (None, "" | ":") => Some(PORT),
        _ => None,
    };
    let port = port
        .ok_or_else(|| configuration(format!("the port in the URL is not a number ({ESCAPED})")))?;
    let name = decode(name)?;
    if name.is_empty() || name.contains(['@', ' ']) {
        return Err(configuration(format!(
            "the URL names no usable host ({ESCAPED})"
        )));
    }
    Ok(match name.starts_with('/') {
        true => Place::Socket(name),
        false => Place::Tcp(name, port),
    })
}

/// The usual cause: an `@` or `:` in a password was read as a separator.
const ESCAPED: &str = "in a user or password `@` is written as %40, `/` as %2F and `:` as %3A";

fn seconds(name: &str, value: &str) -> Result<Duration> {
    let seconds = value.parse::<u64>().ok().filter(|seconds| *seconds > 0);
    let seconds = seconds.ok_or_else(|| invalid(name, "a number of seconds"))?;
    Ok(Duration::from_secs(seconds))
}

fn decode(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| configuration("the URL is not UTF-8"))?;
    Ok(decoded.into_owned())
}

/// The value is not shown, because it may be a secret in the wrong place.
#[cold]
pub(crate) fn invalid(name: &str, wanted: &str) -> Error {
    configuration(format!("the URL cannot be used: {name} must be {wanted}"))
}

#[cold]
pub(crate) fn configuration(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, message)
}
