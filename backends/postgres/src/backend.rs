//! [`Postgres`]: where the server is, and how to connect to it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use selfsame::backend::{Backend, Connection, Scheme};
use selfsame::dialect::Dialect;
use selfsame::error::{Error, ErrorKind, Result};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::connection::PostgresConnection;
use crate::dialect::PostgresDialect;
use crate::driver::Client;
use crate::runtime;

/// Opens `postgres://…` and `postgresql://…`.
pub const SCHEME: Scheme = Scheme {
    names: &["postgres", "postgresql"],
    open: |url| Ok(Arc::new(Postgres::url(url)?)),
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// When a silent peer is asked whether it is still there; the operating system's own answer is two hours.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// A PostgreSQL database.
///
/// A clone shares nothing but the description.
///
/// ```
/// use std::time::Duration;
/// use selfsame_postgres::Postgres;
///
/// let postgres = Postgres::url("postgres://ada:secret@localhost/library")?
///     .schema("loans")
///     .statement_timeout(Duration::from_secs(30));
/// assert!(!format!("{postgres:?}").contains("secret"));
/// # Ok::<(), selfsame::Error>(())
/// ```
#[derive(Clone)]
pub struct Postgres {
    config: Config,
    connect_timeout: Duration,
    dialect: PostgresDialect,
}

impl Postgres {
    /// The database at a URL: `postgres://user:password@host:port/database?option=value`.
    ///
    /// The options are those of libpq that the driver knows: `sslmode`, `application_name`, `connect_timeout`, `options` …
    /// With `sslmode=require` the server's certificate is verified; `prefer`, the default, takes any.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if the URL is malformed or names no host, or if it needs TLS and the crate was
    /// built without its feature `tls`. The error shows no password.
    pub fn url(url: &str) -> Result<Self> {
        if !SCHEME.names.iter().any(|name| {
            url.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with("://"))
        }) {
            return Err(configuration(
                "a PostgreSQL URL looks like postgres://user:password@host:port/database",
            ));
        }
        let mut config = Config::from_str(url).map_err(|error| {
            let reason = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), |source| source.to_string());
            configuration(format!("the PostgreSQL URL cannot be used: {reason}"))
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(configuration("the PostgreSQL URL names no host"));
        }
        if cfg!(not(feature = "tls")) && config.get_ssl_mode() == SslMode::Require {
            return Err(configuration(
                "sslmode=require needs TLS: build selfsame-postgres with its feature `tls`",
            ));
        }
        config.keepalives_idle(KEEPALIVE);
        let connect_timeout = config
            .get_connect_timeout()
            .copied()
            .unwrap_or(CONNECT_TIMEOUT);
        Ok(Self {
            config,
            connect_timeout,
            dialect: PostgresDialect::default(),
        })
    }

    /// How long connecting may take in all, five seconds by default.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The name that the server shows for the connections.
    #[must_use]
    pub fn application_name(mut self, name: &str) -> Self {
        self.config.application_name(name);
        self
    }

    /// The schema that unqualified names belong to, instead of the server's search path.
    #[must_use]
    pub fn schema(self, schema: &str) -> Self {
        let quoted = format!("\"{}\"", schema.replace('"', "\"\""));
        self.setting("search_path", &quoted)
    }

    /// How long a statement may run before it fails as [`Busy`](ErrorKind::Busy); the server's own limit by default.
    #[must_use]
    pub fn statement_timeout(self, timeout: Duration) -> Self {
        self.setting("statement_timeout", &milliseconds(timeout))
    }

    /// How long a statement waits for a lock before it fails as [`Busy`](ErrorKind::Busy); the server's own limit by default.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.dialect.lock_timeout = Some(timeout);
        self.setting("lock_timeout", &milliseconds(timeout))
    }

    /// Settings of the startup message are what RESET ALL goes back to.
    fn setting(mut self, name: &str, value: &str) -> Self {
        let mut options = self.config.get_options().unwrap_or_default().to_owned();
        options.push_str(" -c ");
        options.push_str(name);
        options.push('=');
        for c in value.chars() {
            if c == '\\' || c.is_whitespace() {
                options.push('\\');
            }
            options.push(c);
        }
        self.config.options(options.trim_start());
        self
    }

    /// User, hosts, ports and database: everything that may be shown.
    pub(crate) fn address(&self) -> String {
        let mut out = "postgres://".to_owned();
        if let Some(user) = self.config.get_user() {
            out.push_str(user);
            if self.config.get_password().is_some() {
                out.push_str(":***");
            }
            out.push('@');
        }
        let hosts: Vec<String> = match self.config.get_hosts() {
            [] => self
                .config
                .get_hostaddrs()
                .iter()
                .map(ToString::to_string)
                .collect(),
            hosts => hosts.iter().map(host_name).collect(),
        };
        let ports = self.config.get_ports();
        for (index, host) in hosts.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            out.push_str(host);
            // One port alone is that of every host.
            if let Some(port) = ports.get(index).or(ports.first()) {
                out.push_str(&format!(":{port}"));
            }
        }
        if let Some(database) = self.config.get_dbname() {
            out.push('/');
            out.push_str(database);
        }
        out
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

impl Backend for Postgres {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        runtime::may_block()?;
        let client = Client::connect(&self.config, self.connect_timeout).map_err(|error| {
            let message = format!("cannot connect to {}: {}", self.address(), error.message());
            let named = Error::new(error.kind(), message);
            match error.native_code() {
                Some(code) => named.code(code),
                None => named,
            }
        })?;
        Ok(Box::new(PostgresConnection::new(client)))
    }

    fn dialect(&self) -> &dyn Dialect {
        &self.dialect
    }
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    }
}

fn milliseconds(duration: Duration) -> String {
    // Zero would switch the limit off.
    duration.as_millis().max(1).to_string()
}

#[cold]
fn configuration(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_urls_are_refused_without_their_password() {
        for url in [
            "",
            "mysql://u:hunter2@h/d",
            "postgres:u:hunter2@h/d",
            "postgres://u:hunter2@h:port/d",
            "postgres://u:hunter2@h/d?nonsense=1",
            "postgres://u:hunter2@h/d?sslmode=maybe",
            "postgres:///d",
        ] {
            let error = Postgres::url(url).expect_err(url);
            assert_eq!(error.kind(), ErrorKind::Configuration, "{url}");
            assert!(!format!("{error:?} {error}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn debug_shows_where_but_no_password() {
        let postgres =
            Postgres::url("postgresql://ada:hunter2@db.example:6432/books?password=hunter2")
                .expect("a URL");
        assert_eq!(
            format!("{postgres:?}"),
            "Postgres { address: \"postgres://ada:***@db.example:6432/books\", .. }"
        );
    }

    #[test]
    fn settings_are_escaped_and_keep_those_of_the_url() {
        let postgres = Postgres::url("postgres://h/d?options=-c%20geqo%3Doff")
            .expect("a URL")
            .schema("my \"own\"")
            .lock_timeout(Duration::from_millis(1500));
        assert_eq!(
            postgres.config.get_options(),
            Some(r#"-c geqo=off -c search_path="my\ ""own""" -c lock_timeout=1500"#)
        );
        assert_eq!(
            postgres.dialect().capabilities().lock_timeout,
            Some(Duration::from_millis(1500))
        );
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn required_tls_is_refused_without_the_feature() {
        let error = Postgres::url("postgres://h/d?sslmode=require").expect_err("no TLS");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("feature `tls`"), "{error}");
    }
}
