//! The `selfsame` command: proves backends, and the ORM on them, for people and for pipelines.

mod arguments;
mod audit;
mod bench;
mod check;
mod explain;
mod faults;
mod gate;
mod github;
mod history;
mod init;
mod inspect;
mod interrupt;
mod output;
mod progress;
mod report;
mod targets;
mod values;
mod with_postgres;

use std::process::ExitCode;

use arguments::{Command, Invocation};
use selfsame::Result;

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
        Command::Check(arguments) => check::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments.id),
        Command::Faults(arguments) => faults::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Gate(arguments) => gate::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::WithPostgres(arguments) => with_postgres::run(&arguments.command),
    }
}
