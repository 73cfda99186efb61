//! [`Database`]: a schema used as an empty database.

use std::borrow::Cow;
use std::time::Duration;

use selfsame_testing::Proxy;
use url::Url;

use super::server::Server;
use crate::Postgres;

/// Longer than tests hold locks, but short enough to test lock timeouts.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// An empty database for one case. Dropping it closes its connections and drops its contents.
///
/// It is a schema of the server's database, because CREATE SCHEMA takes about a millisecond and CREATE DATABASE dozens.
#[derive(Debug)]
pub struct Database {
    server: Server,
    name: String,
}

impl Database {
    pub(super) fn new(server: Server, name: String) -> Self {
        Self { server, name }
    }

    /// Returns the schema's name, which is also the application name of its connections.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns a URL for any client; its `options` set the search path.
    pub fn url(&self) -> String {
        let Ok(mut url) = Url::parse(self.server.url()) else {
            return self.server.url().to_owned();
        };
        url.query_pairs_mut()
            .append_pair("application_name", &self.name)
            .append_pair("options", &format!("-c search_path={}", self.name));
        // Clients do not decode a plus sign as a space.
        url.as_str().replace('+', "%20")
    }

    /// Returns a backend for it, with a lock timeout of two seconds.
    pub fn backend(&self) -> Postgres {
        Postgres::url(self.server.url())
            .expect("the server was reached by this URL")
            .application_name(&self.name)
            .schema(&self.name)
            .lock_timeout(LOCK_TIMEOUT)
    }

    /// Starts a proxy in front of the server, and returns it with a backend for this database that connects through it and waits for an
    /// answer for at most `time_limit`. `None` if the server is not one host with a port, or verifies the host's name.
    pub fn behind_proxy(&self, time_limit: Duration) -> Option<(Postgres, Proxy)> {
        let mut url = Url::parse(self.server.url()).ok()?;
        let is_elsewhere = |(name, value): (Cow<'_, str>, Cow<'_, str>)| match &*name {
            "host" | "hostaddr" | "port" | "sslrootcert" | "sslnegotiation" | "ssl" => true,
            "sslmode" => !matches!(&*value, "disable" | "allow" | "prefer"),
            _ => false,
        };
        if url.query_pairs().any(is_elsewhere) {
            return None;
        }
        let host = url.host_str().filter(|host| !host.contains(['%', '[']))?;
        let proxy = Proxy::to(host, url.port().unwrap_or(5432));
        url.set_host(Some("127.0.0.1")).ok()?;
        url.set_port(Some(proxy.port())).ok()?;
        let backend = Postgres::url(url.as_str())
            .ok()?
            .application_name(&self.name)
            .schema(&self.name)
            .connect_timeout(time_limit)
            .response_timeout(time_limit);
        Some((backend, proxy))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A connection left inside a transaction would lock the tables forever. An idle one holds no locks, and with a pooler it may
        // already serve the next client, even this statement, which must not terminate itself.
        let dropped = self.server.admin(&format!(
            "BEGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE application_name = '{0}' AND state <> 'idle' AND pid <> pg_backend_pid(); \
             SET LOCAL client_min_messages = warning; SET LOCAL lock_timeout = '5s'; DROP SCHEMA IF EXISTS {0} CASCADE; COMMIT",
            self.name
        ));
        if let Err(error) = dropped {
            eprintln!("cannot drop the schema {}: {error}", self.name);
        }
    }
}
