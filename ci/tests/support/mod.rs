//! Runs the built command.

use std::process::{Command, Output};

/// The built command, without the environment variables that would change its behaviour.
pub(crate) fn selfsame() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_selfsame"));
    for name in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"] {
        command.env_remove(name);
    }
    command
}

/// The result of a run of the command.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

/// Runs it until it exits.
pub(crate) fn run(arguments: &[&str]) -> Ran {
    ran(selfsame().args(arguments))
}

/// Runs this command until it exits.
pub(crate) fn ran(command: &mut Command) -> Ran {
    command.output().expect("the command runs").into()
}

/// Checks that these arguments are refused: code 2, nothing on standard output, one line that holds all of this, and no secret.
pub(crate) fn refused(arguments: &[&str], parts: &[&str]) {
    let ran = run(arguments);
    assert_eq!(ran.code, Some(2), "{arguments:?}: {}{}", ran.out, ran.err);
    assert_eq!(ran.out, "", "{arguments:?}");
    assert_eq!(ran.err.lines().count(), 1, "{arguments:?}: {}", ran.err);
    assert!(ran.err.starts_with("error: "), "{arguments:?}: {}", ran.err);
    for part in parts {
        assert!(
            ran.err.contains(part),
            "{arguments:?} lacks `{part}`: {}",
            ran.err
        );
    }
    for never in ["panicked", "hunter2"] {
        assert!(!ran.err.contains(never), "{arguments:?}: {}", ran.err);
    }
}
