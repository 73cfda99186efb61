//! [`Pooler`]: a PgBouncer in front of a server.

use std::fmt;
use std::path::PathBuf;

use selfsame::error::Result;
use selfsame_testing::{Supervised, free_port, refused};
use url::Url;

use super::server::Server;

/// Runs PgBouncer in a separate folder until its standard input ends. Its configuration, which holds a password, comes first, up to a line
/// with a dot.
const SUPERVISOR: &str = r#"
bin=$1
dir=$(mktemp -d "${TMPDIR:-/tmp}/selfsame-pgbouncer.XXXXXX") || exit 1
cd "$dir" || exit 1
trap 'kill "$pid" 2>/dev/null; cd /; rm -rf "$dir"' EXIT
trap : HUP INT TERM PIPE
umask 077
while IFS= read -r line && [ "$line" != . ]; do printf '%s\n' "$line"; done >pgbouncer.ini
"$bin" pgbouncer.ini >log 2>&1 </dev/null &
pid=$!
for _ in $(seq 200); do
  grep -q 'process up' log 2>/dev/null && { echo ready; read -r _; exit 0; }
  kill -0 "$pid" 2>/dev/null || break
  sleep 0.02
done
tail -n 3 log | tr '\n' ' '
"#;

/// The time for which a client keeps its server connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    /// For its whole session.
    Session,
    /// For one transaction.
    Transaction,
    /// For one statement.
    Statement,
}

/// A running PgBouncer, stopped when dropped. It ignores the startup parameters `options` and `extra_float_digits`, like many
/// installations, and has four connections to the server.
pub struct Pooler {
    _running: Supervised,
    url: String,
}

impl Pooler {
    /// Starts a PgBouncer on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// [`Configuration`](selfsame::error::ErrorKind::Configuration) if `pgbouncer` is not found in `SELFSAME_PGBOUNCER`, PATH or `/usr/sbin`, or
    /// with the end of the log if it does not start.
    pub fn start(server: &Server, mode: PoolMode) -> Result<Self> {
        Self::start_with(server, mode, &[])
    }

    /// Starts a PgBouncer with more lines in its configuration, such as `server_lifetime = 1`. A line overrides an earlier one for the
    /// same setting.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with(server: &Server, mode: PoolMode, lines: &[&str]) -> Result<Self> {
        let program = program()?;
        let port = free_port().map_err(|error| refused(format!("no free port: {error}")))?;
        let mut url = Url::parse(server.url()).map_err(|error| refused(error.to_string()))?;
        let configuration = configuration(&url, port, mode);
        let placed = url
            .set_host(Some("127.0.0.1"))
            .is_ok_and(|()| url.set_port(Some(port)).is_ok());
        if !placed {
            return Err(refused("the server's URL has no host".to_owned()));
        }
        let input = format!("{configuration}\n{}\n.", lines.join("\n"));
        let running = Supervised::start("PgBouncer", SUPERVISOR, &program, &[], &input)?;
        Ok(Self {
            _running: running,
            url: url.into(),
        })
    }

    /// Returns its URL: the server's URL with another port.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl fmt::Debug for Pooler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pooler").finish_non_exhaustive()
    }
}

fn configuration(server: &Url, port: u16, mode: PoolMode) -> String {
    let decoded = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8_lossy()
            .replace('\'', "''")
    };
    let mode = match mode {
        PoolMode::Session => "session",
        PoolMode::Transaction => "transaction",
        PoolMode::Statement => "statement",
    };
    format!(
        "[databases]\n\
         * = host={host} port={server_port} user='{user}' password='{password}'\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = any\n\
         pool_mode = {mode}\n\
         default_pool_size = 4\n\
         max_client_conn = 400\n\
         ignore_startup_parameters = options,extra_float_digits\n\
         admin_users = nobody",
        host = server.host_str().unwrap_or("127.0.0.1"),
        server_port = server.port().unwrap_or(5432),
        user = decoded(server.username()),
        password = decoded(server.password().unwrap_or_default()),
    )
}

fn program() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("SELFSAME_PGBOUNCER") {
        return Ok(named.into());
    }
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    folders.push("/usr/sbin".into());
    folders
        .into_iter()
        .map(|folder| folder.join("pgbouncer"))
        .find(|program| program.is_file())
        .ok_or_else(|| {
            refused(
                "pgbouncer not found in PATH or /usr/sbin; set SELFSAME_PGBOUNCER to its path"
                    .to_owned(),
            )
        })
}
