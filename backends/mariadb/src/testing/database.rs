//! [`Database`]: an empty database for one case.

use std::time::Duration;

use selfsame_testing::Proxy;

use super::server::Server;
use crate::MariaDb;
use crate::tls::TlsMode;

/// Longer than tests hold locks, but short enough to test lock timeouts.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// An empty database. Dropping it closes its connections and drops the database.
#[derive(Debug)]
pub struct Database {
    server: Server,
    name: String,
}

impl Database {
    pub(super) fn new(server: Server, name: String) -> Self {
        Self { server, name }
    }

    /// Returns the database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its URL.
    pub fn url(&self) -> String {
        let url = self.server.url();
        let (address, options) = url.split_once('?').unwrap_or((url, ""));
        let scheme = address.find("://").map_or(0, |at| at + 3);
        let end = address[scheme..].find('/').map(|at| scheme + at);
        let address = &address[..end.unwrap_or(address.len())];
        let mark = if options.is_empty() { "" } else { "?" };
        format!("{address}/{}{mark}{options}", self.name)
    }

    /// Returns a backend for it, with a lock timeout of two seconds.
    pub fn backend(&self) -> MariaDb {
        self.server
            .backend()
            .database(&self.name)
            .lock_timeout(LOCK_TIMEOUT)
    }

    /// Starts a proxy in front of the server, and returns it with a backend for this database that connects through it and waits for an
    /// answer for at most `time_limit`. `None` if the server is not one host with a port, or the connection uses TLS.
    pub fn behind_proxy(&self, time_limit: Duration) -> Option<(MariaDb, Proxy)> {
        let is_plain = self.server.backend().options.tls.mode == TlsMode::Disable;
        let (host, port) = self.address().filter(|_| is_plain)?;
        let proxy = Proxy::to(&host, port);
        let backend = self.through(proxy.port())?;
        let backend = backend
            .connect_timeout(time_limit)
            .response_timeout(time_limit);
        Some((backend, proxy))
    }

    /// Returns the server's host and port; `None` if it is not one host with a port.
    pub fn address(&self) -> Option<(String, u16)> {
        let (_, place) = self.parts()?;
        let (host, port) = place.rsplit_once(':')?;
        let is_one = !place.contains([',', '[', '%']);
        is_one.then(|| Some((host.to_owned(), port.parse().ok()?)))?
    }

    /// Returns a backend that connects to a port of the loopback interface, from which a proxy or tunnel forwards to the server, without
    /// TLS.
    pub fn through(&self, port: u16) -> Option<MariaDb> {
        let (user, _) = self.parts()?;
        let at = if user.is_empty() { "" } else { "@" };
        let (scheme, _) = self.server.url().split_once("://")?;
        MariaDb::url(&format!("{scheme}://{user}{at}127.0.0.1:{port}"))
            .ok()
            .map(|backend| backend.database(&self.name))
    }

    /// Returns user and password, and hosts, as written in the URL.
    fn parts(&self) -> Option<(&str, &str)> {
        let (_, rest) = self.server.url().split_once("://")?;
        let rest = rest.split(['/', '?']).next()?;
        Some(rest.rsplit_once('@').unwrap_or(("", rest)))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A connection that was left inside a transaction would hold the tables forever.
        if let Err(error) = self.server.drop_database(&self.name) {
            eprintln!("cannot drop the database {}: {error}", self.name);
        }
    }
}
