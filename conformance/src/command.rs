//! The suite as a command line, for terminals and pipelines, on any backend.
//!
//! [`command`] is the complete command for one backend. A test binary made with [`main`](crate::main) is also a command line if its first
//! argument is one of the [`Command`]s: `cargo test --test conformance -- check --tier core`. A program with several targets, such as
//! `selfsame`, combines the parts: `clap` parses [`CheckArguments`] and its siblings, and [`run`] runs them.

mod arguments;
mod check;
mod compare;
mod diff;
mod explain;
mod faults;
mod github;
mod list;
mod merge;
mod output;
mod progress;
mod values;

use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind as Usage;
use clap::{CommandFactory, Parser, Subcommand};
use selfsame::Result;

use crate::target::Target;

pub use arguments::{
    CheckArguments, DiffArguments, ExplainArguments, FaultsArguments, Inputs, MergeArguments,
    OutputArguments, Shape,
};
pub use diff::run as run_diff;
pub use github::summary;
pub use output::{say, try_to_write, unwritable};
pub use progress::bar;
pub use values::{duration, filter, seed, shard, tier};

/// The exit code for bad arguments, or a target that cannot be used.
const UNUSABLE: u8 = 2;

/// The commands that need at most one backend.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Runs the conformance suite
    Check(CheckArguments),
    /// Explains what a case or fault tests, and where to look when it fails
    Explain(ExplainArguments),
    /// Injects known bugs into the backend and shows which case catches each
    Faults(FaultsArguments),
    /// Merges the JSON reports of shards, and writes every format from them
    Merge(MergeArguments),
}

#[derive(Parser)]
#[command(
    about = "Tests that a database backend, and the ORM on top of it, keep their promises",
    after_help = EXIT_CODES,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

/// The exit codes of every command, for `--help`.
pub const EXIT_CODES: &str = "Exit codes: 0 all passed, 1 failures, 2 bad arguments or a target that cannot be used, 3 incomplete.";

/// Runs the command line of this process on a backend: `check`, `explain`, `faults`, `merge`.
///
/// ```no_run
/// # use std::sync::Arc;
/// # struct MyBackend;
/// # impl MyBackend { fn fresh() -> selfsame::Result<Self> { Ok(Self) } }
/// # impl selfsame_conformance::Fresh for MyBackend {
/// #     fn backend(&self) -> Arc<dyn selfsame::backend::Backend> { unimplemented!() }
/// # }
/// use selfsame_conformance::{command::command, target_fn};
///
/// fn main() -> std::process::ExitCode {
///     command(target_fn("mydb", || MyBackend::fresh()))
/// }
/// ```
pub fn command(target: impl Target) -> ExitCode {
    of_process(&(Arc::new(target) as Arc<dyn Target>))
}

/// Returns whether the first argument of this process names a command.
pub(crate) fn is_requested() -> bool {
    let first = std::env::args().nth(1).unwrap_or_default();
    Line::command()
        .get_subcommands()
        .any(|command| command.get_name() == first)
}

pub(crate) fn of_process(target: &Arc<dyn Target>) -> ExitCode {
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(error) => {
            // Help is printed to standard output, an error to standard error.
            let _ = error.print();
            return match error.kind() {
                Usage::DisplayHelp | Usage::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(UNUSABLE),
            };
        }
    };
    run(&line.command, || Ok(vec![Arc::clone(target)])).unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(UNUSABLE)
    })
}

/// Runs a command on the targets that `open` returns; it is called after the arguments have been checked.
///
/// # Errors
///
/// Bad arguments, a target that cannot be used, a file that cannot be written.
pub fn run(
    command: &Command,
    open: impl FnOnce() -> Result<Vec<Arc<dyn Target>>>,
) -> Result<ExitCode> {
    match command {
        Command::Check(arguments) => check::run(arguments, open),
        Command::Explain(arguments) => explain::run(&arguments.id),
        Command::Faults(arguments) => faults::run(arguments, open),
        Command::Merge(arguments) => merge::run(arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds() {
        Line::command().debug_assert();
    }
}
