//! [`Postgres`]: the address of a server, and connecting to it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use selfsame::backend::{Backend, Connection, Scheme};
use selfsame::dialect::Dialect;
use selfsame::error::{Error, Result};
use tokio_postgres::config::Host;

use crate::connect::{Connected, connect};
use crate::connection::{PostgresConnection, SendOptions};
use crate::dialect::PostgresDialect;
use crate::options::{Options, configuration};
use crate::runtime;
use crate::settings::Settings;

/// Opens `postgres://…` and `postgresql://…`.
pub const SCHEME: Scheme = Scheme {
    names: &["postgres", "postgresql"],
    open: |url| Ok(Arc::new(Postgres::url(url)?)),
};

/// A PostgreSQL database.
///
/// Clones share only the configuration.
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
    options: Options,
    settings: Settings,
    dialect: PostgresDialect,
}

impl Postgres {
    /// Uses the database of a URL: `postgres://user:password@host:port/database?option=value`.
    ///
    /// Options are those of libpq, as hosted databases provide them: several hosts, `hostaddr`, `target_session_attrs`, `sslmode`,
    /// `sslrootcert`, `sslcert`, `sslkey`, `sslnegotiation`, `channel_binding`, `application_name`, `connect_timeout`, `keepalives…`,
    /// `tcp_user_timeout`, `options` … As in libpq, the options `host` and `port` replace those before the path.
    ///
    /// | option | effect |
    /// |---|---|
    /// | `sslmode` | `verify-full` and `require` verify the server's certificate for its host, `verify-ca` for any; `prefer`, the default, takes any certificate, or none |
    /// | `sslrootcert` | a file of the only authorities to trust, or `system` |
    /// | `options` | each `-c name=value` is set on the connection, also through a pooler; other entries are sent to the server |
    /// | `pooler=transaction`, `pgbouncer=true` | as [`transaction_pooler`](Self::transaction_pooler) |
    /// | `prepared_statements=false` | as [`without_prepared_statements`](Self::without_prepared_statements) |
    /// | `response_timeout` | as [`response_timeout`](Self::response_timeout), in seconds |
    ///
    /// # Errors
    ///
    /// [`Configuration`](selfsame::ErrorKind::Configuration) if the URL is malformed or has no host, or if it needs TLS and the crate
    /// was built without its feature `tls`. The error shows no password.
    pub fn url(url: &str) -> Result<Self> {
        let rest = SCHEME
            .names
            .iter()
            .find_map(|name| url.strip_prefix(name)?.strip_prefix("://"));
        let Some(rest) = rest else {
            return Err(configuration(
                "a PostgreSQL URL looks like postgres://user:password@host:port/database",
            ));
        };
        let (options, settings) = Options::parse(rest)?;
        let dialect = PostgresDialect {
            lock_timeout: settings.lock_timeout(),
        };
        Ok(Self {
            options,
            settings,
            dialect,
        })
    }

    /// Sets the time limit for connecting; the default is five seconds.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = timeout;
        self
    }

    /// Sets the application name that the server shows for connections.
    #[must_use]
    pub fn application_name(mut self, name: &str) -> Self {
        self.options.config.application_name(name);
        self
    }

    /// Sets the schema of unqualified names, instead of the server's search path. If it does not exist, connecting fails
    /// with [`Configuration`](selfsame::ErrorKind::Configuration).
    #[must_use]
    pub fn schema(mut self, schema: &str) -> Self {
        self.settings.set_schema(schema);
        self
    }

    /// Sets how long a statement may run before it fails with [`Busy`](selfsame::ErrorKind::Busy); the default is the server's limit.
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.settings
            .set("statement_timeout", milliseconds(timeout));
        self
    }

    /// Sets how long a statement waits for a lock before it fails with [`Busy`](selfsame::ErrorKind::Busy); the default is the server's
    /// limit.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.dialect.lock_timeout = Some(timeout);
        self.settings.set("lock_timeout", milliseconds(timeout));
        self
    }

    /// Sets how long the server may be silent while a statement runs before the connection is closed with
    /// [`ConnectionLost`](selfsame::ErrorKind::ConnectionLost). A server that sends rows or accepts data, however slowly, is not silent.
    /// The default is three seconds more than [`statement_timeout`](Self::statement_timeout), or five minutes without one. A rollback,
    /// and the reset between two uses of a connection, wait for at most five seconds.
    ///
    /// This detects servers that are reachable but do not respond; set it longer than the longest statement takes.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.options.response_timeout = Some(timeout);
        self
    }

    /// Disables prepared statements: each statement is sent with its text, in one round trip, and is parsed and planned each time.
    #[must_use]
    pub fn without_prepared_statements(mut self) -> Self {
        self.options.unprepared = true;
        self
    }

    /// Declares a pooler that may use another server connection for each transaction, like PgBouncer with `pool_mode = transaction`.
    /// Then nothing is prepared, and the settings of this value are made in each transaction; if there are any, a statement outside a
    /// transaction runs in its own. Session settings made by raw SQL do not persist.
    ///
    /// A pooler whose greeting names another process than the server's is detected and treated in the same way.
    #[must_use]
    pub fn transaction_pooler(mut self) -> Self {
        self.options.pooler = true;
        self.options.unprepared = true;
        self
    }

    /// Returns user, hosts, ports and database, without secrets.
    pub(crate) fn address(&self) -> String {
        let mut out = "postgres://".to_owned();
        if let Some(user) = self.options.config.get_user() {
            out.push_str(user);
            if self.options.config.get_password().is_some() {
                out.push_str(":***");
            }
            out.push('@');
        }
        let hosts: Vec<String> = match self.options.config.get_hosts() {
            [] => self
                .options
                .config
                .get_hostaddrs()
                .iter()
                .map(ToString::to_string)
                .collect(),
            hosts => hosts.iter().map(host_name).collect(),
        };
        let ports = self.options.config.get_ports();
        for (index, host) in hosts.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            out.push_str(host);
            // A single port applies to every host.
            if let Some(port) = ports.get(index).or(ports.first()) {
                out.push_str(&format!(":{port}"));
            }
        }
        if let Some(database) = self.options.config.get_dbname() {
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
        let Connected { client, pooled } =
            connect(&self.options, &self.settings).map_err(|error| {
                let message = format!("cannot connect to {}: {}", self.address(), error.message());
                let named = Error::new(error.kind(), message);
                match error.native_code() {
                    Some(code) => named.code(code),
                    None => named,
                }
            })?;
        let send_options = SendOptions::new(self.options.unprepared, pooled, &self.settings);
        Ok(Box::new(PostgresConnection::new(client, send_options)))
    }

    fn dialect(&self) -> &dyn Dialect {
        &self.dialect
    }
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) if name.contains(':') => format!("[{name}]"),
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    }
}

fn milliseconds(duration: Duration) -> String {
    // Zero would turn the limit off, and the server counts in 31 bits.
    duration.as_millis().clamp(1, 0x7fff_ffff).to_string()
}

#[cfg(test)]
mod tests {
    use selfsame::ErrorKind;

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
            "postgres://u:hunter2@h/d?sslcert=/a",
            "postgres://u:hunter2@h/d?pooler=hunter2",
            "postgres://u:hunter2@/d?host=a,b,c&port=1,2",
            "postgres://u:hunter2@h/d?client_encoding=LATIN1",
            "postgres://u:hunter2@h/d?target_session_attrs=hunter2",
            "postgres://u:hunter2@h/d?prepared_statements=hunter2",
            "postgres:///d",
            "postgres://u:hun@ter2@h/d",
            "postgres://u:x/hunter2@h/d",
            "postgres://u:hunter2@h,/d",
            "postgres://u:hunter2@/d?host=",
            "postgres://u:hunter2@h/d?port=hunter2",
            "postgres://u:hunter2@h/d?port=70000",
            "postgres://u:hunter2@[::1/d",
            "postgres://u:hunter2@h/d?sslmode=verify-ca&sslrootcert=system",
            "postgres://u:hunter2@h/d?sslmode=prefer&sslrootcert=system",
            "postgres://u:hunter2@h/d?ssl=maybe",
            "postgres://u:hunter2@h/d?sslmode=no-verify",
            "postgres://u:hunter2@h/d?ssl_min_protocol_version=TLSv1.3",
            "postgres://u:hunter2@h/d?ssl_min_protocol_version=hunter2",
            // Read from a file, including the line feed.
            "postgres://u:hunter2@h/d\n",
            "postgres://u:hunter2@h/d?application_name=x\r\n",
            "postgres://u:hun\tter2@h/d",
            "postgres://u:hunter2%00@h/d",
            "postgres://u%00:hunter2@h/d",
            "postgres://u:hunter2@h/d?application_name=%00",
            "postgres://u:hunter2@h/d?hostaddr=127.0.0.1,127.0.0.2",
            "postgres://u:hunter2@a,b/d?hostaddr=127.0.0.1",
            "postgres://u:hunter2@h/d?hostaddr=hunter2",
            "postgres://u@server:hunter2@server.example:5432/d",
            "postgres://u:hunter2@::1/d",
            "postgres://u:hunter2@[::1]5433/d",
            "postgres://u:hunter2@h:1:2/d",
            "postgres://u:hunter2@h:-1/d",
            "postgres://u:hunter2@h /d",
            "postgres://u:hunter2@h/d?sslmode",
            "postgres://u:hunter2@h/d?SSLMODE=disable",
            "postgres://u:hunter2@h/d?sslpassword=hunter2",
            "postgres://u:hunter2@h/d?sslcrl=hunter2",
            "postgres://u:hunter2@h/d?require_auth=hunter2",
            "postgres://u:hunter2@h/d?connect_timeout=hunter2",
            "postgres://u:hunter2@h/d?channel_binding=hunter2",
            "postgres://u:hunter2@h/d?application_name=%ff",
            "postgres://u:hunter2@h/d?=x",
            // The forms that other libraries use.
            "postgresql+psycopg://u:hunter2@h/d",
            "jdbc:postgresql://h/d?user=u&password=hunter2",
            "\"postgres://u:hunter2@h/d\"",
            " postgres://u:hunter2@h/d",
            "postgres://u:hunter2@h/d?schema=hunter2",
        ] {
            let error = Postgres::url(url).expect_err(url);
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
        let postgres =
            Postgres::url("postgresql://ada:hunter2@db.example:6432/books?password=hunter2")
                .expect("a URL");
        assert_eq!(
            format!("{postgres:?}"),
            "Postgres { address: \"postgres://ada:***@db.example:6432/books\", .. }"
        );
    }

    #[test]
    fn settings_of_the_url_are_kept_beside_our_own() {
        let postgres = Postgres::url(
            "postgres://h/d?options=-c%20geqo%3Doff%20endpoint%3Dep-1%20-c%20lock_timeout%3D7s",
        )
        .expect("a URL")
        .schema("my \"own\"");
        assert_eq!(postgres.settings.get("geqo"), Some("off"));
        assert_eq!(
            postgres.settings.get("search_path"),
            Some("\"my \"\"own\"\"\"")
        );
        assert_eq!(postgres.options.config.get_options(), Some("endpoint=ep-1"));
        assert_eq!(
            postgres.dialect().capabilities().lock_timeout,
            Some(Duration::from_secs(7))
        );
    }

    /// URLs as hosted databases, poolers and other libraries write them.
    #[test]
    fn urls_as_they_are_handed_out() {
        for (url, address) in [
            (
                "postgresql://u:p@ep-cool-1.eu.aws.neon.tech/db?sslmode=prefer&channel_binding=prefer&options=endpoint%3Dep-cool-1",
                "postgresql://u:***@ep-cool-1.eu.aws.neon.tech/db",
            ),
            (
                "postgres://u:p@aws-0.pooler.supabase.com:6543/postgres?pgbouncer=true&connect_timeout=15",
                "postgres://u:***@aws-0.pooler.supabase.com:6543/postgres",
            ),
            (
                "postgres://u:p@a.example:5432,b.example:5433/db?target_session_attrs=read-write&load_balance_hosts=random",
                "postgres://u:***@a.example:5432,b.example:5433/db",
            ),
            (
                "postgres://u@[::1]:5433/db?keepalives=1&keepalives_idle=20&keepalives_interval=5&keepalives_count=3&tcp_user_timeout=30",
                "postgres://u@[::1]:5433/db",
            ),
            (
                "postgres://u@%2Fvar%2Frun%2Fpostgresql/db?application_name=x&client_encoding=UTF8&gssencmode=disable&sslcompression=0",
                "postgres://u@/var/run/postgresql/db",
            ),
            (
                "postgres:///db?host=/var/run/postgresql&user=u&target_session_attrs=prefer-standby&fallback_application_name=y",
                "postgres://u@/var/run/postgresql/db",
            ),
            (
                "postgres://u:p%40ss%3Fword@h/db?prepared_statements=false&response_timeout=60&pooler=session&sslsni=1",
                "postgres://u:***@h/db",
            ),
            // A socket's folder replaces the host before it.
            (
                "postgres://u:p@localhost/db?host=/cloudsql/project:region:instance",
                "postgres://u:***@/cloudsql/project:region:instance/db",
            ),
            (
                "postgres://u@nowhere:1/db?host=a.example,b.example&port=6001,6002",
                "postgres://u@a.example:6001,b.example:6002/db",
            ),
            ("postgres://u@h/db?port=6543", "postgres://u@h:6543/db"),
            (
                "postgres://u@[2001:db8::1]:6001,[2001:db8::2]:6002/db",
                "postgres://u@[2001:db8::1]:6001,[2001:db8::2]:6002/db",
            ),
            // An `@` after the first slash.
            (
                "postgres://h/db?user=ada@corp&password=a@b",
                "postgres://ada@corp:***@h/db",
            ),
            ("postgres://u:p@h/a@b", "postgres://u:***@h/a@b"),
            (
                "postgres://u%40server:p@server.example:5432/postgres?sslmode=disable&",
                "postgres://u@server:***@server.example/postgres",
            ),
            ("postgres://u:p?&=#@h/db?", "postgres://u:***@h/db"),
            ("postgres://u:p:q+r@h/db", "postgres://u:***@h/db"),
            ("postgres://u:100%@h/db", "postgres://u:***@h/db"),
            // An empty user counts as missing.
            ("postgres://@h/db", "postgres://h/db"),
            ("postgres://:p@h/db", "postgres://h/db"),
            (
                "postgres://u:p@h/db?user=&dbname=&",
                "postgres://u:***@h/db",
            ),
            ("postgres://h/?dbname=x&user=u", "postgres://u@h/x"),
            ("postgres://u:p@h/db:main", "postgres://u:***@h/db:main"),
            ("postgres://u:p@h/my%20db%2Fx", "postgres://u:***@h/my db/x"),
            (
                "postgres://u@[fe80::1%25eth0]:6543/db",
                "postgres://u@[fe80::1%eth0]:6543/db",
            ),
            (
                "postgres://%2Ftmp,localhost:5433/db",
                "postgres:///tmp,localhost:5433/db",
            ),
            (
                "postgres:///db?host=localhost,%2Ftmp&port=6001,6002",
                "postgres://localhost:6001,/tmp:6002/db",
            ),
            (
                "postgres://a,b/db?hostaddr=127.0.0.1,127.0.0.2",
                "postgres://a,b/db",
            ),
            ("postgres://u:p@h", "postgres://u:***@h"),
            ("postgres://u:p@h:/", "postgres://u:***@h"),
            (
                "postgres://u:p@h/db?krbsrvname=postgres&gssdelegation=0&ssl_min_protocol_version=TLSv1.2",
                "postgres://u:***@h/db",
            ),
            (
                "postgres://u:p@h/db?options=--cluster%3Dcosy-cat-12&sslmode=prefer&supa=base-pooler.x",
                "postgres://u:***@h/db",
            ),
        ] {
            let postgres = Postgres::url(url).expect(url);
            let address = address.replace("postgresql://", "postgres://");
            let shown = postgres.address();
            // The default port, if none is given.
            assert_eq!(
                shown.replace(":5432", ""),
                address.replace(":5432", ""),
                "{url}"
            );
        }
    }

    #[test]
    fn options_reach_what_they_are_for() {
        let postgres = Postgres::url(
            "postgres://u:p%40ss%3Fword@h/db?pgbouncer=true&application_name=a%26b&keepalives_count=4&response_timeout=9&target_session_attrs=standby",
        )
        .expect("a URL");
        let options = &postgres.options;
        assert_eq!(options.config.get_password(), Some(&b"p@ss?word"[..]));
        assert_eq!(options.config.get_application_name(), Some("a&b"));
        assert_eq!(options.config.get_keepalives_retries(), Some(4));
        assert!(options.pooler && options.unprepared);
        assert_eq!(
            options.silence_limit(&postgres.settings),
            Duration::from_secs(9)
        );
        assert_eq!(options.target.to_string(), "standby");
        let routed =
            Postgres::url("postgres://h/d?options=--cluster%3Dcosy-cat-12").expect("a URL");
        assert_eq!(
            routed.options.config.get_options(),
            Some("--cluster=cosy-cat-12")
        );
        assert!(routed.settings.is_empty());
        let limited =
            Postgres::url("postgres://h/d?options=-cstatement_timeout%3D2s").expect("a URL");
        assert_eq!(
            limited.options.silence_limit(&limited.settings),
            Duration::from_secs(5)
        );
    }

    #[cfg(feature = "tls")]
    #[test]
    fn certificates_are_verified_as_requested() {
        use crate::options::TlsMode;
        for (mode, expected) in [
            ("disable", TlsMode::Disable),
            ("prefer", TlsMode::Prefer),
            ("require", TlsMode::VerifyFull),
            ("verify-ca", TlsMode::VerifyCa),
            ("verify-full", TlsMode::VerifyFull),
        ] {
            let url = format!("postgres://h/d?sslmode={mode}&sslrootcert=/nowhere/root.pem");
            let postgres = Postgres::url(&url).expect("a URL");
            assert_eq!(postgres.options.tls.mode, expected);
            let error = postgres.options.tls.connector().expect_err("no such file");
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.message().contains("/nowhere/root.pem"), "{error}");
        }
        for url in [
            "postgres://h/d?sslmode=verify-full&sslrootcert=system",
            "postgres://h/d?sslrootcert=system",
            "postgres://h/d?ssl=true",
            "postgres://h/d?sslnegotiation=direct",
            "postgres://h/d?sslmode=require&channel_binding=require",
        ] {
            let system = Postgres::url(url).expect(url);
            assert_eq!(system.options.tls.mode, TlsMode::VerifyFull, "{url}");
            system
                .options
                .tls
                .connector()
                .expect("the system's authorities");
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn required_tls_is_refused_without_the_feature() {
        for mode in ["require", "verify-ca", "verify-full"] {
            let url = format!("postgres://h/d?sslmode={mode}");
            let error = Postgres::url(&url).expect_err("no TLS");
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.to_string().contains("feature `tls`"), "{error}");
            assert!(error.to_string().contains(mode), "{error}");
        }
    }
}
