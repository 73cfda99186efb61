//! MariaDB and MySQL: an existing server, one started for the run, or a cluster; a database for each case.

use std::sync::Arc;

use selfsame::{Error, ErrorKind, Result};
use selfsame_conformance::{Fresh, Silenceable, Target, with_silence};
use selfsame_mariadb::testing::Server;

use super::SILENCE_LIMIT;

/// A server or a cluster. Dropping it stops what was started for the run.
#[derive(Debug)]
pub(super) struct MariaDb {
    server: Server,
    name: String,
}

/// Returns `None` if the name is of another kind.
pub(super) fn open(name: &str) -> Option<Result<MariaDb>> {
    let of = |error: Error| Error::new(error.kind(), format!("{name}: {}", error.message()));
    let server = match name {
        "mariadb" => Server::start(),
        "local:mariadb" => Server::local().map_err(of),
        "mysql" => Server::mysql(),
        "local:mysql" => Server::local_mysql().map_err(of),
        "galera:local" => Server::cluster().map_err(of),
        name if name.strip_prefix("docker:").is_some_and(is_mariadb) => {
            Server::container(&name["docker:".len()..]).map_err(of)
        }
        name if name.starts_with("mariadb://") || name.starts_with("mysql://") => {
            Server::from_url(name).map_err(|error| with_form(&error))
        }
        _ => return None,
    };
    Some(server.map(|server| MariaDb {
        name: server.description().to_owned(),
        server,
    }))
}

/// Whether an image is of MariaDB, by its name without registry and tag: `registry:5000/own-mariadb:11.4`.
fn is_mariadb(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    let name = name.split([':', '@']).next().unwrap_or(name);
    name.contains("mariadb")
}

/// Adds the expected form of a URL to the error for an invalid one.
fn with_form(error: &Error) -> Error {
    if error.kind() != ErrorKind::Configuration {
        return Error::new(error.kind(), error.message());
    }
    let message = format!(
        "{}; write mariadb://user:password@host:port or mysql://…",
        error.message()
    );
    Error::new(error.kind(), message)
}

impl Target for MariaDb {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> String {
        let version = self.server.version();
        let version = version.as_deref().unwrap_or("MariaDB");
        let name = version.split(' ').next().unwrap_or(version);
        format!("{name}, a database for each case")
    }

    fn fresh(&self) -> Result<Box<dyn Fresh>> {
        let database = Arc::new(self.server.database()?);
        let fresh = (Arc::new(database.backend()), Arc::clone(&database));
        Ok(with_silence(fresh, move || {
            let (backend, proxy) = database.behind_proxy(SILENCE_LIMIT)?;
            Some(Silenceable::new(
                Arc::new(backend),
                SILENCE_LIMIT,
                move |is_silent| proxy.set_silent(is_silent),
            ))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_by_their_names() {
        for image in [
            "mariadb",
            "mariadb:11.4",
            "registry:5000/own/mariadb-local:10.11",
        ] {
            assert!(is_mariadb(image), "{image}");
        }
        for image in ["postgres:17", "mariadb/postgres:17", "own/db:mariadb", ""] {
            assert!(!is_mariadb(image), "{image}");
        }
    }
}
