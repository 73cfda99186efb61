//! `selfsame with-postgres -- CMD…`: one server for a command that runs many processes.

use std::ffi::OsString;
use std::process::{Command, ExitCode, ExitStatus};

use selfsame::{Error, ErrorKind, Result};
use selfsame_postgres::testing::Server;

use crate::interrupt;

/// Runs the command with the server's URL in its environment, and returns its exit code.
///
/// # Errors
///
/// No server is available, or the command cannot be started.
pub(crate) fn run(command: &[OsString]) -> Result<ExitCode> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Error::new(
            ErrorKind::Configuration,
            "no command after `--`",
        ));
    };
    let server = Server::start()?;
    let mut child = Command::new(program)
        .args(arguments)
        .env("SELFSAME_POSTGRES_URL", server.url())
        .spawn()
        .map_err(|error| of(program, "cannot be started", &error))?;
    interrupt::leave_signals_to(child.id())?;
    let status = child
        .wait()
        .map_err(|error| of(program, "cannot be waited for", &error))?;
    drop(server);
    Ok(ExitCode::from(code(status)))
}

/// Returns the exit code as a shell does: the command's own, or 128 plus the signal's number.
fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn of(program: &OsString, what: &str, error: &std::io::Error) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("the command {} {what}: {error}", program.display()),
    )
}
