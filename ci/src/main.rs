//! The `selfsame` command: tests backends and the ORM on top of them, for people and pipelines.

mod arguments;
mod audit;
mod bench;
mod gate;
mod history;
mod init;
mod inspect;
mod interrupt;
mod report;
mod targets;
mod with_postgres;

use std::process::ExitCode;

use arguments::{Command, Invocation, Pair};
use selfsame::Result;
use selfsame_conformance::command;

/// Bad arguments, or a target that cannot be used.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let command = match arguments::read() {
        Invocation::Run(command) => command,
        Invocation::Show(text) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Invocation::Refuse(line) => {
            eprintln!("{line}");
            return ExitCode::from(UNUSABLE);
        }
    };
    run(command).unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(UNUSABLE)
    })
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Check(on) => suite(&command::Command::Check(on.arguments), &on.targets),
        Command::Faults(on) => suite(&command::Command::Faults(on.arguments), &on.targets),
        Command::Explain(arguments) => suite(&command::Command::Explain(arguments), &[]),
        Command::Merge(arguments) => suite(&command::Command::Merge(arguments), &[]),
        Command::Diff(arguments) => diff(&arguments),
        Command::Completions(arguments) => {
            arguments::complete(&arguments);
            Ok(ExitCode::SUCCESS)
        }
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Gate(arguments) => gate::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::WithPostgres(arguments) => with_postgres::run(&arguments.command),
    }
}

/// Runs a command of the suite on these targets.
fn suite(command: &command::Command, targets: &[String]) -> Result<ExitCode> {
    command::run(command, || {
        interrupt::clean_up_on_signals()?;
        targets::open(targets)
    })
}

fn diff(arguments: &Pair) -> Result<ExitCode> {
    interrupt::clean_up_on_signals()?;
    let targets = targets::open(&[arguments.one.clone(), arguments.other.clone()])?;
    match &targets[..] {
        [one, other] => command::run_diff(&arguments.arguments, one, other),
        _ => Ok(ExitCode::from(UNUSABLE)),
    }
}
