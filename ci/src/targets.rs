//! Targets by name: `sqlite::memory:`, `postgres://…`, `docker:IMAGE`.

mod mariadb;
mod postgres;
mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use selfsame::{Error, ErrorKind, Result};
use selfsame_conformance::Target;

/// The default target: a file, because a database in memory has only one connection.
pub(crate) const DEFAULT: &str = "sqlite";

/// The time limit of a connection to a server that cases make silent.
const SILENCE_LIMIT: Duration = Duration::from_secs(1);

const KNOWN: &str = "sqlite, sqlite::memory:, sqlite:PATH, postgres://USER:PASSWORD@HOST:PORT/DATABASE, docker:IMAGE, local:postgres, \
     postgres, pgbouncer, mariadb://USER:PASSWORD@HOST:PORT, local:mariadb, mariadb, galera:local, \
     mysql://USER:PASSWORD@HOST:PORT, local:mysql, mysql, env:NAME";

/// Opens the targets and checks that each can be used.
///
/// # Errors
///
/// The first target that is unknown or cannot be used, with a hint.
pub(crate) fn open(names: &[String]) -> Result<Vec<Arc<dyn Target>>> {
    let mut targets: Vec<Arc<dyn Target>> = Vec::new();
    for name in names {
        let target = open_one(name)?;
        if targets.iter().any(|other| other.name() == target.name()) {
            return Err(configuration(format!(
                "the target {} is given twice",
                target.name()
            )));
        }
        try_out(&*target).map_err(|error| with_advice(&error))?;
        targets.push(target);
    }
    Ok(targets)
}

fn open_one(name: &str) -> Result<Arc<dyn Target>> {
    if let Some(variable) = name.strip_prefix("env:") {
        return open_named_by(variable);
    }
    open_direct(name).unwrap_or_else(|| {
        Err(configuration(format!(
            "unknown target `{}`; known are {KNOWN}",
            without_secrets(name)
        )))
    })
}

/// Reads the target from an environment variable, which keeps passwords out of process lists and logs.
fn open_named_by(variable: &str) -> Result<Arc<dyn Target>> {
    let value = std::env::var(variable).map_err(|_| {
        configuration(format!(
            "env:{variable}: there is no such environment variable; set {variable} to a target, such as \
             postgres://user:password@host/database"
        ))
    })?;
    open_direct(&value).unwrap_or_else(|| {
        Err(configuration(format!(
            "env:{variable}: the value of {variable} is not a target; known are {KNOWN}"
        )))
    })
}

/// Returns `None` if the name is of an unknown kind.
fn open_direct(name: &str) -> Option<Result<Arc<dyn Target>>> {
    let target = match name {
        "sqlite::memory:" => Ok(Arc::new(sqlite::Memory) as Arc<dyn Target>),
        DEFAULT => sqlite::Files::temporary().map(|files| Arc::new(files) as Arc<dyn Target>),
        name if name.starts_with("sqlite:") => {
            sqlite::Files::beside(name).map(|files| Arc::new(files) as Arc<dyn Target>)
        }
        name => match mariadb::open(name) {
            Some(server) => server.map(|server| Arc::new(server) as Arc<dyn Target>),
            None => postgres::open(name)?.map(|server| Arc::new(server) as Arc<dyn Target>),
        },
    };
    Some(target.map_err(|error| with_advice(&error)))
}

fn try_out(target: &dyn Target) -> Result<()> {
    target.fresh()?.backend().connect().map(drop)
}

/// Returns a hint for an error that only says what happened.
fn with_advice(error: &Error) -> Error {
    let advice = match error.kind() {
        ErrorKind::Unreachable if error.message().contains("SQLite") => {
            "use a path in an existing, writable folder"
        }
        ErrorKind::Unreachable => {
            "start the server or correct host and port in the URL; `local:postgres` and `local:mariadb` start a temporary server"
        }
        ErrorKind::Authentication => "correct user and password in the URL",
        _ => return Error::new(error.kind(), error.message()),
    };
    Error::new(error.kind(), format!("{}; {advice}", error.message()))
}

/// Hides the rest of an unknown name: it may be the URL of another database, with a password.
fn without_secrets(name: &str) -> &str {
    match name.find("://") {
        Some(at) => &name[..at + 3],
        None => name,
    }
}

fn configuration(message: String) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_targets_are_refused_without_their_password() {
        for (name, shown) in [
            ("oracle://u:hunter2@h/d", "`oracle://`"),
            ("oracle", "`oracle`"),
            ("", "``"),
        ] {
            let error = open_one(name).err().expect(name);
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.message().contains(shown), "{error}");
            assert!(!error.message().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_target_is_named_once() {
        let names = ["sqlite::memory:".to_owned(), "sqlite::memory:".to_owned()];
        let error = open(&names).err().expect("named twice");
        assert!(error.message().contains("is given twice"), "{error}");
    }
}
