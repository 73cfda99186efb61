//! [`Database`]: a schema that stands for an empty database.

use std::time::Duration;

use url::Url;

use super::server::Server;
use crate::Postgres;

/// Long enough for any test's own lock, short enough for a test of what happens without it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// An empty database for one case. Dropping it closes its connections and drops what they made.
///
/// It is a schema of the server's database, for CREATE SCHEMA takes about a millisecond where CREATE DATABASE takes dozens.
#[derive(Debug)]
pub struct Database {
    server: Server,
    name: String,
}

impl Database {
    pub(super) fn new(server: Server, name: String) -> Self {
        Self { server, name }
    }

    /// The schema's name, which is the application name of the connections too.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A URL that leads to it with any client: the search path travels in its `options`.
    pub fn url(&self) -> String {
        let Ok(mut url) = Url::parse(self.server.url()) else {
            return self.server.url().to_owned();
        };
        url.query_pairs_mut()
            .append_pair("application_name", &self.name)
            .append_pair("options", &format!("-c search_path={}", self.name));
        // Clients read a plus sign as itself.
        url.as_str().replace('+', "%20")
    }

    /// The backend that leads to it, which waits two seconds for a lock.
    pub fn backend(&self) -> Postgres {
        Postgres::url(self.server.url())
            .expect("the server was reached by this URL")
            .application_name(&self.name)
            .schema(&self.name)
            .lock_timeout(LOCK_TIMEOUT)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A connection that was left inside a transaction would hold the tables for ever. One that is idle holds nothing, and behind a
        // pooler may be the next client's already: even that of this statement, which must not end itself.
        let dropped = self.server.admin(&format!(
            "BEGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE application_name = '{0}' AND state <> 'idle' AND pid <> pg_backend_pid(); \
             SET LOCAL client_min_messages = warning; SET LOCAL lock_timeout = '5s'; DROP SCHEMA IF EXISTS {0} CASCADE; COMMIT",
            self.name
        ));
        if let Err(error) = dropped {
            eprintln!("the schema {} could not be dropped: {error}", self.name);
        }
    }
}
