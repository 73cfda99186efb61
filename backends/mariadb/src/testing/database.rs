//! [`Database`]: an empty database for one case.

use std::time::Duration;

use super::server::Server;
use crate::MariaDb;

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
}

impl Drop for Database {
    fn drop(&mut self) {
        // A connection that was left inside a transaction would hold the tables for ever.
        if let Err(error) = self.server.drop_database(&self.name) {
            eprintln!("cannot drop the database {}: {error}", self.name);
        }
    }
}
