//! [`Database`]: an empty database for one case.

use std::time::Duration;

use super::server::Server;
use crate::MariaDb;

/// Long enough for any test's own lock, short enough for a test of what happens without it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// An empty database. Dropping it closes its connections and drops what they made.
#[derive(Debug)]
pub struct Database {
    server: Server,
    name: String,
}

impl Database {
    pub(super) fn new(server: Server, name: String) -> Self {
        Self { server, name }
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A URL that leads to it.
    pub fn url(&self) -> String {
        let url = self.server.url();
        let (address, options) = url.split_once('?').unwrap_or((url, ""));
        let scheme = address.find("://").map_or(0, |at| at + 3);
        let end = address[scheme..].find('/').map(|at| scheme + at);
        let address = &address[..end.unwrap_or(address.len())];
        let mark = if options.is_empty() { "" } else { "?" };
        format!("{address}/{}{mark}{options}", self.name)
    }

    /// The backend that leads to it, which waits two seconds for a lock.
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
            eprintln!("the database {} could not be dropped: {error}", self.name);
        }
    }
}
