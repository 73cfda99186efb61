//! The options of a URL: libpq's, as hosted databases publish them, and a few additional ones.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::{percent_decode_str, utf8_percent_encode};
use selfsame::error::{Error, ErrorKind, Result};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslNegotiation};

use crate::settings::{Settings, from_options};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The idle time before keepalives probe a silent peer; the operating system's default is two hours.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// The limit for the server's silence while a statement runs, if statements have no time limit.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(300);
/// The time after its own limit within which the server may report that a statement took too long.
const GRACE: Duration = Duration::from_secs(3);

/// Some calls treat a limit of zero as no limit.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);
/// A year. A clock can represent it, unlike the longest duration.
const LONGEST_WAIT: Duration = Duration::from_secs(365 * 86_400);

/// The addresses of a server, and which server to choose.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) config: Config,
    pub(crate) tls: Tls,
    pub(crate) target: Target,
    /// Whether statements are sent without being prepared.
    pub(crate) unprepared: bool,
    /// Whether the server connection may differ from transaction to transaction.
    pub(crate) pooler: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Option<Duration>,
}

/// The encryption of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) mode: TlsMode,
    /// Whether the connection begins with TLS, without a request for it.
    pub(crate) is_direct: bool,
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "files of TLS"))]
    files: TlsFiles,
}

/// Certificates in files, instead of the system's.
#[derive(Clone, Debug, Default)]
struct TlsFiles {
    root: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// The verification of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// No TLS.
    Disable,
    /// TLS if the server supports it, with any certificate.
    Prefer,
    /// A certificate of a trusted authority.
    VerifyCa,
    /// A certificate of a trusted authority for this host.
    VerifyFull,
}

/// Which of several servers to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Target {
    #[default]
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
            Self::Primary => "primary",
            Self::Standby => "standby",
            Self::PreferStandby => "prefer-standby",
        })
    }
}

impl Options {
    /// Parses a URL and the settings in it; `rest` is the text after the scheme.
    pub(crate) fn parse(rest: &str) -> Result<(Self, Settings)> {
        refuse_control(rest)?;
        let Parts {
            credentials,
            hosts,
            database,
            query,
        } = Parts::of(rest);
        let mut parsed = Parsed::default();
        let mut left: Vec<String> = Vec::new();
        // As in libpq, an empty user counts as missing, but its password is used.
        let credentials = match credentials.strip_prefix(':') {
            Some(password) => {
                let password = decode(password.trim_end_matches('@'))?;
                left.extend(option("password", &password));
                ""
            }
            None if credentials == "@" => "",
            None => credentials,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            let value = decode(value)?;
            if let Some((name, value)) = parsed.take(&name, &value)? {
                left.extend(option(&name, &value));
            }
        }
        let places = driver(&format!("postgres://{credentials}{hosts}"))?;
        // Otherwise the driver would look for credentials before the `@`.
        let database = database.replace('@', "%40");
        let mut config = driver(&format!(
            "postgres://{credentials}/{database}?{}",
            left.join("&")
        ))?;
        parsed.place(&places, &mut config)?;
        parsed.finish(&mut config)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the limit for the server's silence while a statement runs.
    pub(crate) fn silence_limit(&self, settings: &Settings) -> Duration {
        let silence_limit = self.response_timeout.unwrap_or_else(|| {
            settings
                .statement_timeout()
                .map_or(RESPONSE_TIMEOUT, |timeout| timeout.saturating_add(GRACE))
        });
        silence_limit.clamp(SHORTEST_WAIT, LONGEST_WAIT)
    }

    /// Returns the time limit for connecting.
    pub(crate) fn connect_limit(&self) -> Duration {
        self.connect_timeout.clamp(SHORTEST_WAIT, LONGEST_WAIT)
    }
}

/// The parts of a URL after its scheme, unchanged.
struct Parts<'u> {
    /// Including the `@`; empty if there are none.
    credentials: &'u str,
    hosts: &'u str,
    database: &'u str,
    query: &'u str,
}

impl<'u> Parts<'u> {
    /// Splits a URL as libpq does: an `@` after the first slash does not end credentials.
    fn of(rest: &'u str) -> Self {
        let at = rest
            .find(['@', '/'])
            .filter(|at| rest[*at..].starts_with('@'));
        let (credentials, rest) = rest.split_at(at.map_or(0, |at| at + 1));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
        Self {
            credentials,
            hosts,
            database,
            query,
        }
    }
}

/// An option in the driver's form; empty ones are omitted.
fn option(name: &str, value: &str) -> Option<String> {
    let is_said = !value.is_empty() || !matches!(name, "user" | "password" | "dbname");
    let value = utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
    is_said.then(|| format!("{name}={value}"))
}

/// Refuses characters that no part of a URL may contain. A line feed from the file that the URL was read from would become part of
/// the database's name, and texts of the protocol cannot contain a NUL.
fn refuse_control(rest: &str) -> Result<()> {
    let is_written = rest.contains(|c: char| c.is_control());
    if is_written || percent_decode_str(rest).any(|byte| byte == 0) {
        return Err(configuration(
            "the PostgreSQL URL cannot be used: it holds a control character, such as the end of a line",
        ));
    }
    Ok(())
}

/// The options that the driver reads from a URL.
fn driver(url: &str) -> Result<Config> {
    Config::from_str(url).map_err(|error| {
        let reason = std::error::Error::source(&error)
            .map_or_else(|| error.to_string(), |source| source.to_string());
        configuration(format!("the PostgreSQL URL cannot be used: {reason}"))
    })
}

/// The options of a URL that the driver does not know, or that would not override the parts before them.
#[derive(Default)]
struct Parsed {
    hosts: Option<String>,
    ports: Option<String>,
    mode: Option<String>,
    files: TlsFiles,
    target: Target,
    unprepared: bool,
    pooler: bool,
    response_timeout: Option<Duration>,
    fallback_name: Option<String>,
    options: Option<String>,
    keepalives_idle: bool,
}

impl Parsed {
    /// Handles an option, or returns it in the driver's form.
    fn take(&mut self, name: &str, value: &str) -> Result<Option<(String, String)>> {
        let path = || Some(PathBuf::from(value));
        match name {
            "host" => self.hosts = Some(value.to_owned()),
            "port" => self.ports = Some(value.to_owned()),
            "sslmode" => self.mode = Some(value.to_owned()),
            // The spelling of other drivers, which libpq accepts too.
            "ssl" => {
                if truth(name, value)? {
                    self.mode = Some("require".to_owned());
                }
            }
            // Options of a provider that do not apply to this driver.
            "supa" | "uselibpqcompat" => {}
            "sslrootcert" => self.files.root = path(),
            "sslcert" => self.files.certificate = path(),
            "sslkey" => self.files.key = path(),
            "target_session_attrs" => self.target = target(value)?,
            "prepared_statements" => self.unprepared = !truth(name, value)?,
            "pgbouncer" => self.pooler = truth(name, value)?,
            "pooler" => {
                self.pooler = match value {
                    "transaction" => true,
                    "session" | "none" => false,
                    _ => return Err(invalid(name, "transaction, session or none")),
                }
            }
            "response_timeout" => {
                let seconds = value.parse::<u64>().ok().filter(|seconds| *seconds > 0);
                let seconds = seconds.ok_or_else(|| invalid(name, "a number of seconds"))?;
                self.response_timeout = Some(Duration::from_secs(seconds));
            }
            "fallback_application_name" => self.fallback_name = Some(value.to_owned()),
            // An empty option would be sent nevertheless, and poolers refuse it.
            "options" => self.options = Some(value.to_owned()),
            "client_encoding" => {
                let plain = value.to_ascii_lowercase().replace(['-', '_'], "");
                if !matches!(plain.as_str(), "utf8" | "auto" | "unicode") {
                    return Err(invalid(name, "UTF8"));
                }
            }
            "gssencmode" => {
                if value == "require" {
                    return Err(invalid(name, "disable or prefer"));
                }
            }
            // Kerberos, which is not supported.
            "krbsrvname" | "gsslib" | "gssdelegation" => {}
            // Nothing older than TLS 1.2 is supported, like libpq's default.
            "ssl_min_protocol_version" => {
                if !matches!(value, "" | "TLSv1" | "TLSv1.1" | "TLSv1.2") {
                    return Err(invalid(name, "TLSv1.2 or older"));
                }
            }
            // No maintained version of PostgreSQL offers compression; the server's name is always sent.
            "sslcompression" | "sslsni" => {
                truth(name, value)?;
            }
            "keepalives_count" => {
                return Ok(Some(("keepalives_retries".to_owned(), value.to_owned())));
            }
            _ => {
                self.keepalives_idle |= name == "keepalives_idle";
                return Ok(Some((name.to_owned(), value.to_owned())));
            }
        }
        Ok(None)
    }

    /// The hosts and ports of the options, otherwise those before the path.
    fn place(&self, before: &Config, config: &mut Config) -> Result<()> {
        match &self.hosts {
            Some(hosts) => hosts.split(',').for_each(|host| add_host(host, config)),
            None => {
                for host in before.get_hosts() {
                    match host {
                        Host::Tcp(name) => add_host(name, config),
                        #[cfg(unix)]
                        Host::Unix(path) => {
                            config.host_path(path);
                        }
                    }
                }
            }
        }
        match &self.ports {
            Some(ports) => {
                for port in ports.split(',') {
                    let port = port.parse().map_err(|_| invalid("port", "a number"))?;
                    config.port(port);
                }
            }
            None => {
                for port in before.get_ports() {
                    config.port(*port);
                }
            }
        }
        // The host may be the end of a password.
        let is_odd = |host: &Host| match host {
            Host::Tcp(name) => name.is_empty() || name.contains(['@', '/', ' ']),
            #[cfg(unix)]
            Host::Unix(_) => false,
        };
        match config.get_hosts().iter().any(is_odd) {
            true => Err(configuration(
                "the PostgreSQL URL names no usable host; in a user or password `@` is written as %40, `/` as %2F and `:` as %3A",
            )),
            false => Ok(()),
        }
    }

    fn finish(self, config: &mut Config) -> Result<(Options, Settings)> {
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(configuration("the PostgreSQL URL names no host"));
        }
        let (hosts, addresses) = (config.get_hosts().len(), config.get_hostaddrs().len());
        if hosts != addresses && hosts > 0 && addresses > 0 {
            return Err(configuration(format!(
                "the PostgreSQL URL has {hosts} hosts but {addresses} addresses (`hostaddr`)"
            )));
        }
        let places = hosts.max(addresses);
        let ports = config.get_ports().len();
        if ports > 1 && ports != places {
            return Err(configuration(format!(
                "the PostgreSQL URL has {places} hosts but {ports} ports"
            )));
        }
        if !self.keepalives_idle {
            config.keepalives_idle(KEEPALIVE);
        }
        if let (Some(name), None) = (&self.fallback_name, config.get_application_name()) {
            config.application_name(name);
        }
        let tls = self.tls(config)?;
        let mut settings = Settings::default();
        if let Some(options) = &self.options {
            let (found, rest) = from_options(options);
            if !rest.is_empty() {
                config.options(rest);
            }
            for (name, value) in found {
                settings.set(&name, value);
            }
        }
        let connect_timeout = config
            .get_connect_timeout()
            .copied()
            .unwrap_or(CONNECT_TIMEOUT);
        let options = Options {
            config: config.clone(),
            tls,
            target: self.target,
            unprepared: self.unprepared || self.pooler,
            pooler: self.pooler,
            connect_timeout,
            response_timeout: self.response_timeout,
        };
        Ok((options, settings))
    }

    fn tls(&self, config: &Config) -> Result<Tls> {
        let is_direct = config.get_ssl_negotiation() == SslNegotiation::Direct;
        let is_of_system = self
            .files
            .root
            .as_ref()
            .is_some_and(|root| root.as_os_str() == "system");
        let mode = match self.mode.as_deref() {
            Some("disable" | "allow" | "prefer" | "verify-ca") if is_of_system => {
                // Anyone can get a certificate from the system's authorities.
                return Err(configuration(
                    "sslrootcert=system needs sslmode=verify-full",
                ));
            }
            Some("disable") => TlsMode::Disable,
            None if is_direct || is_of_system => TlsMode::VerifyFull,
            None | Some("allow" | "prefer") => TlsMode::Prefer,
            Some("verify-ca") => TlsMode::VerifyCa,
            // Encryption without verification does not protect against an active attacker.
            Some("require" | "verify-full") => TlsMode::VerifyFull,
            Some(_) => {
                return Err(invalid(
                    "sslmode",
                    "disable, prefer, require, verify-ca or verify-full",
                ));
            }
        };
        if is_direct && mode == TlsMode::Prefer {
            return Err(configuration(
                "sslnegotiation=direct needs sslmode=require, verify-ca or verify-full",
            ));
        }
        if self.files.certificate.is_some() != self.files.key.is_some() {
            return Err(configuration("sslcert and sslkey go together"));
        }
        let is_needed = matches!(mode, TlsMode::VerifyCa | TlsMode::VerifyFull);
        if cfg!(not(feature = "tls")) && is_needed {
            let mode = self.mode.as_deref().unwrap_or("require");
            return Err(configuration(format!(
                "sslmode={mode} needs TLS: build selfsame-postgres with its feature `tls`"
            )));
        }
        Ok(Tls {
            mode,
            is_direct,
            files: self.files.clone(),
        })
    }
}

impl Tls {
    /// Whether trusted authorities are named.
    #[cfg(feature = "tls")]
    pub(crate) fn has_root(&self) -> bool {
        self.files.root.is_some()
    }

    /// Returns the connector that verifies the server's certificate and presents the client's.
    #[cfg(feature = "tls")]
    pub(crate) fn connector(&self) -> Result<native_tls::TlsConnector> {
        let unusable =
            |error: native_tls::Error| configuration(format!("TLS cannot be used: {error}"));
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|error| {
                configuration(format!("{} cannot be read: {error}", path.display()))
            })
        };
        let mut builder = native_tls::TlsConnector::builder();
        builder.min_protocol_version(Some(native_tls::Protocol::Tlsv12));
        if self.is_direct {
            // Direct TLS: the server expects ALPN to name the protocol.
            postgres_native_tls::set_postgresql_alpn(&mut builder);
        }
        // As in libpq: `prefer` falls back to plain text, so verifying a certificate would prove nothing.
        builder.danger_accept_invalid_certs(self.mode == TlsMode::Prefer);
        builder.danger_accept_invalid_hostnames(self.mode != TlsMode::VerifyFull);
        let TlsFiles {
            root,
            certificate,
            key,
        } = &self.files;
        if let Some(root) = root.as_ref().filter(|root| root.as_os_str() != "system") {
            let authorities =
                native_tls::Certificate::stack_from_pem(&read(root)?).map_err(|error| {
                    configuration(format!("{} holds no certificates: {error}", root.display()))
                })?;
            builder.disable_built_in_roots(true);
            for authority in authorities {
                builder.add_root_certificate(authority);
            }
        }
        if let (Some(certificate), Some(key)) = (certificate, key) {
            let identity = native_tls::Identity::from_pkcs8(&read(certificate)?, &read(key)?);
            builder.identity(identity.map_err(|error| {
                configuration(format!(
                    "sslcert and sslkey cannot be used (the key must be unencrypted PKCS #8): {error}"
                ))
            })?);
        }
        builder.build().map_err(unusable)
    }
}

/// Adds a host as libpq does: a name that begins with a slash is a folder with a socket.
fn add_host(host: &str, config: &mut Config) {
    match host.starts_with('/') {
        #[cfg(unix)]
        true => config.host_path(host),
        _ => config.host(host.trim_start_matches('[').trim_end_matches(']')),
    };
}

fn target(value: &str) -> Result<Target> {
    Ok(match value {
        "any" => Target::Any,
        "read-write" => Target::ReadWrite,
        "read-only" => Target::ReadOnly,
        "primary" => Target::Primary,
        "standby" => Target::Standby,
        "prefer-standby" => Target::PreferStandby,
        _ => {
            return Err(invalid(
                "target_session_attrs",
                "any, read-write, read-only, primary, standby or prefer-standby",
            ));
        }
    })
}

fn truth(name: &str, value: &str) -> Result<bool> {
    match value {
        "true" | "1" | "on" | "yes" => Ok(true),
        "false" | "0" | "off" | "no" => Ok(false),
        _ => Err(invalid(name, "true or false")),
    }
}

fn decode(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| configuration("the PostgreSQL URL is not UTF-8"))?;
    Ok(decoded.into_owned())
}

/// The value is not shown, because it may be a secret in the wrong place.
#[cold]
fn invalid(name: &str, wanted: &str) -> Error {
    configuration(format!(
        "the PostgreSQL URL cannot be used: {name} must be {wanted}"
    ))
}

#[cold]
pub(crate) fn configuration(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, message)
}
