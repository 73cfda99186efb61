//! PostgreSQL: an existing server or one started for the run; a schema for each case.

use std::sync::Arc;

use selfsame::{Error, ErrorKind, Result};
use selfsame_conformance::{Fresh, Silenceable, Target, with_silence};
use selfsame_postgres::testing::{PoolMode, Pooler, Server};

use super::SILENCE_LIMIT;

/// A server. Dropping it stops what was started for the run.
#[derive(Debug)]
pub(super) struct Postgres {
    name: String,
    /// The pooler that the cases connect to, if there is one. Dropped before its server.
    server: Server,
    _pooler: Option<Pooler>,
    _pooled: Option<Server>,
}

/// Returns `None` if the name is of another kind.
pub(super) fn open(name: &str) -> Option<Result<Postgres>> {
    if name == "pgbouncer" {
        return Some(behind_pooler());
    }
    let server = match name {
        "postgres" => Server::start(),
        "local:postgres" => Server::local().map_err(|error| of(name, &error)),
        name if name.starts_with("postgres://") || name.starts_with("postgresql://") => {
            Server::from_url(name).map_err(|error| with_form(&error))
        }
        name => match name.strip_prefix("docker:")? {
            "" => Err(Error::new(
                ErrorKind::Configuration,
                "the target docker: has no image: use docker:postgres:17",
            )),
            image => Server::container(image).map_err(|error| of(name, &error)),
        },
    };
    Some(server.map(|server| Postgres {
        name: server.description().to_owned(),
        server,
        _pooler: None,
        _pooled: None,
    }))
}

/// Starts a PgBouncer in front of the server.
fn behind_pooler() -> Result<Postgres> {
    let pooled = Server::start()?;
    let pooler =
        Pooler::start(&pooled, PoolMode::Transaction).map_err(|error| of("pgbouncer", &error))?;
    Ok(Postgres {
        name: "pgbouncer".to_owned(),
        server: Server::from_url(pooler.url())?,
        _pooler: Some(pooler),
        _pooled: Some(pooled),
    })
}

/// Adds the expected form of a URL to the error for an invalid one.
fn with_form(error: &Error) -> Error {
    if error.kind() != ErrorKind::Configuration {
        return Error::new(error.kind(), error.message());
    }
    Error::new(
        error.kind(),
        format!(
            "{}; write postgres://user:password@host:port/database",
            error.message()
        ),
    )
}

fn of(name: &str, error: &Error) -> Error {
    Error::new(error.kind(), format!("{name}: {}", error.message()))
}

impl Target for Postgres {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> String {
        "PostgreSQL, a schema for each case".to_owned()
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
