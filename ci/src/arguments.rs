//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use selfsame_benches::Backend;
use selfsame_conformance::Filter;
use selfsame_conformance::command::{
    self, CheckArguments, EXIT_CODES, ExplainArguments, FaultsArguments, MergeArguments, filter,
};
use selfsame_gate::Step;

/// The parsed command line.
pub(crate) enum Invocation {
    /// Run this command.
    Run(Command),
    /// Print this text: help, or the version.
    Show(String),
    /// Report this error, in one line.
    Refuse(String),
}

/// Reads the command line of this process.
pub(crate) fn read() -> Invocation {
    match Line::try_parse() {
        Ok(line) => Invocation::Run(line.command),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Invocation::Show(error.to_string())
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Invocation::Refuse(
                "error: no command given: try `selfsame check`, or `selfsame --help`".to_owned(),
            ),
            _ => Invocation::Refuse(one_line(&error.to_string())),
        },
    }
}

#[derive(Parser)]
#[command(
    name = "selfsame",
    version,
    about = "Tests that a database backend, and the ORM on top of it, keep their promises",
    after_help = EXIT_CODES,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Runs the conformance suite
    Check(On<CheckArguments>),
    /// Explains what a case or fault tests, and where to look when it fails
    Explain(ExplainArguments),
    /// Injects known bugs into a backend and shows which case catches each
    Faults(On<FaultsArguments>),
    /// Runs generated programs on two targets and compares what sessions observe
    Diff(Pair),
    /// Merges the JSON reports of shards, and writes them in any format
    Merge(MergeArguments),
    /// Measures what the ORM costs over raw SQL, as ratios
    Bench(BenchArguments),
    /// Fails if a change makes the ORM slower: exact counts, growth, allocations, instructions, paired time
    Gate(GateArguments),
    /// Draws the history written by `bench --save` as an HTML page
    Report(ReportArguments),
    /// Writes Rust entities for the tables of a database
    Inspect(InspectArguments),
    /// Reads a database and reports which tables, columns and rows can be mapped, queried, related and written
    Audit(AuditArguments),
    /// Writes a new crate: a backend with the suite as its test, or an application
    Init(InitArguments),
    /// Prints completions for a shell
    Completions(CompletionsArguments),
    /// Starts a PostgreSQL server, runs a command with its URL in SELFSAME_POSTGRES_URL, and stops the server
    WithPostgres(WithPostgresArguments),
}

/// Arguments and targets.
#[derive(Args)]
pub(crate) struct On<A: Args> {
    /// The database to test: sqlite (a temporary file), sqlite::memory:, sqlite:PATH (new files next to it), postgres://…, docker:IMAGE,
    /// local:postgres, postgres (the first of these that is available), pgbouncer (the same behind PgBouncer), mariadb://…, local:mariadb, mariadb, mysql://…, local:mysql, mysql,
    /// galera:local (three nodes), env:NAME (the target in this variable)
    #[arg(value_name = "TARGET", default_value = crate::targets::DEFAULT)]
    pub(crate) targets: Vec<String>,
    #[command(flatten)]
    pub(crate) arguments: A,
}

#[derive(Args)]
pub(crate) struct Pair {
    /// The first target, as for `check`
    pub(crate) one: String,
    /// The second target
    pub(crate) other: String,
    #[command(flatten)]
    pub(crate) arguments: command::DiffArguments,
}

#[derive(Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args)]
pub(crate) struct BenchArguments {
    /// Selects workloads by parts of their names, separated by commas: trivial, insert, pk
    #[arg(long, value_parser = filter)]
    pub(crate) filter: Option<Filter>,
    /// The backend to measure: sqlite, postgres or mariadb; by default each that is available
    #[arg(long = "backend", value_name = "BACKEND", value_parser = crate::bench::backend)]
    pub(crate) backends: Vec<Backend>,
    /// Measures every size of each workload, not only the most informative ones
    #[arg(long)]
    pub(crate) all_sizes: bool,
    /// The format written to standard output, or to the file given by --out
    #[arg(long, value_enum, default_value_t = BenchShape::Human)]
    pub(crate) format: BenchShape,
    /// The file for the result: JSON if its name ends in .json or --format says so, otherwise a table
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Appends the result, with all samples and the machine, to this file of JSON lines
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Measures concurrent transactions of 1, 2, 4 and 8 sessions instead, this many for each
    #[arg(long, value_name = "TRANSACTIONS", num_args = 0..=1, default_missing_value = "10000", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sessions: Option<u32>,
}

#[derive(Args)]
pub(crate) struct ReportArguments {
    /// The history: a file of JSON lines
    pub(crate) history: PathBuf,
    /// The file for the page, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct GateArguments {
    /// The revision to compare with; both are built and measured alternately
    #[arg(long, value_name = "REV")]
    pub(crate) base: Option<String>,
    /// Accepts the measured counts, growth and allocations: writes benches/golden
    #[arg(long, conflicts_with = "base")]
    pub(crate) bless: bool,
    /// The backend to measure: sqlite, postgres or mariadb; by default the first two. MariaDB has golden statements only
    #[arg(long = "backend", value_name = "BACKEND", value_parser = crate::bench::backend)]
    pub(crate) backends: Vec<Backend>,
    /// Selects workloads by parts of their names, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) filter: Vec<String>,
    /// A step to leave out: counts, growth, allocations, instructions, time
    #[arg(long, value_name = "STEP", value_parser = crate::gate::step)]
    pub(crate) skip: Vec<Step>,
    /// Measures time for a fifth as long; more results are inconclusive
    #[arg(long)]
    pub(crate) quick: bool,
    /// Shows costs by size, and the exponent of their growth
    #[arg(long)]
    pub(crate) growth: bool,
    /// Also measures growth at 100,000 and 1,000,000 rows
    #[arg(long)]
    pub(crate) large: bool,
    /// Accepts a working tree with uncommitted changes
    #[arg(long)]
    pub(crate) allow_dirty: bool,
    /// Tests the gate itself: equal builds must not alarm, planted mistakes must
    #[arg(long, conflicts_with_all = ["base", "bless"])]
    pub(crate) self_test: bool,
    /// How many pairs of equal builds --self-test compares
    #[arg(long, value_name = "N", default_value_t = 300, requires = "self_test", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pairs: u32,
    /// The format written to standard output
    #[arg(long, value_enum, default_value_t = GateShape::Human)]
    pub(crate) format: GateShape,
    /// The file for the result: JSON if its name ends in .json, Markdown if in .md
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Writes the result for a service: github=FILE (github-action-benchmark) or bencher=FILE
    #[arg(long, value_name = "KIND=FILE", value_parser = crate::gate::export)]
    pub(crate) export: Vec<(GateShape, PathBuf)>,
}

/// How the gate's result is shown.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GateShape {
    /// One line for each finding
    Human,
    /// For the summary of a CI job
    Markdown,
    /// Everything, for programs
    Json,
    /// For github-action-benchmark
    Github,
    /// For Bencher
    Bencher,
}

#[derive(Args)]
pub(crate) struct InspectArguments {
    /// The database: sqlite:PATH, postgres://user:password@host:port/database, mariadb://…, env:NAME (the URL in this variable)
    pub(crate) url: String,
    /// The schemas or attached databases to read, instead of the default one: A,B
    #[arg(long, value_name = "SCHEMA", value_delimiter = ',')]
    pub(crate) schema: Vec<String>,
    /// The file for the entities, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct AuditArguments {
    /// The database: sqlite:PATH, postgres://user:password@host:port/database, mariadb://…, env:NAME (the URL in this variable)
    pub(crate) url: String,
    /// The schemas or attached databases to read, instead of the default one: A,B
    #[arg(long, value_name = "SCHEMA", value_delimiter = ',')]
    pub(crate) schema: Vec<String>,
    /// The maximum number of rows to read from each table; by default all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rows: Option<u64>,
    /// Also writes rows back unchanged, in transactions that are rolled back: 100 rows of each table, or --rows
    #[arg(long)]
    pub(crate) write: bool,
    /// The format of the result; by default given by the file's extension, or human
    #[arg(long, value_enum)]
    pub(crate) format: Option<AuditShape>,
    /// The file for the result (.json, .md, .html, .txt), instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// How a verdict is shown.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditShape {
    /// One line for each problem
    Human,
    /// Complete, for programs
    Json,
    /// Markdown
    Markdown,
    /// One page
    Html,
}

impl AuditArguments {
    /// The requested format, or the one given by the file's extension.
    ///
    /// # Errors
    ///
    /// An unknown extension without a format.
    pub(crate) fn shape(&self) -> selfsame::Result<AuditShape> {
        let (Some(path), None) = (&self.out, self.format) else {
            return Ok(self.format.unwrap_or(AuditShape::Human));
        };
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("json") => Ok(AuditShape::Json),
            Some("md") => Ok(AuditShape::Markdown),
            Some("html") => Ok(AuditShape::Html),
            Some("txt") | None => Ok(AuditShape::Human),
            Some(_) => {
                let message = format!(
                    "cannot tell the format of {}: end it in .json, .md, .html or .txt, or give --format",
                    path.display()
                );
                Err(selfsame::Error::new(
                    selfsame::ErrorKind::Configuration,
                    message,
                ))
            }
        }
    }
}

#[derive(Args)]
pub(crate) struct InitArguments {
    /// What to create
    #[arg(value_enum)]
    pub(crate) kind: Kind,
    /// The crate's name
    pub(crate) name: String,
    /// The folder to write, new or empty; by default named after the crate
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// A checkout of selfsame to depend on; by default the one that the folder or the current directory is in, otherwise the registry
    #[arg(long, value_name = "DIR")]
    pub(crate) selfsame: Option<PathBuf>,
}

/// What `init` writes.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A backend that wraps SQLite and passes the conformance suite, to start from
    Backend,
    /// An application of two entities, with tests
    App,
}

#[derive(Args)]
pub(crate) struct WithPostgresArguments {
    /// The command and its arguments, after `--`
    #[arg(value_name = "CMD", required = true, last = true)]
    pub(crate) command: Vec<OsString>,
}

/// How measurements are shown.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchShape {
    /// A table of ratios
    Human,
    /// An array with an object for each workload, size, backend and arm
    Json,
}

/// Writes completions for a shell to standard output.
pub(crate) fn complete(arguments: &CompletionsArguments) {
    let mut line = <Line as clap::CommandFactory>::command();
    clap_complete::generate(
        arguments.shell,
        &mut line,
        "selfsame",
        &mut std::io::stdout(),
    );
}

/// The parser's message without its usage section, on one line.
fn one_line(text: &str) -> String {
    let message = text.split("\n\nUsage:").next().unwrap_or(text);
    let message = message
        .split("\n\nFor more information")
        .next()
        .unwrap_or(message);
    let mut words: Vec<&str> = message.split_whitespace().collect();
    if !text.contains("tip:") {
        words.push("(see `selfsame --help`)");
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds() {
        Line::command().debug_assert();
    }

    #[test]
    fn messages_of_the_parser_become_one_line() {
        let text = "error: bad\n\n  tip: a similar one exists\n\nUsage: x\n\nFor more information, try '--help'.\n";
        assert_eq!(one_line(text), "error: bad tip: a similar one exists");
        let text = "error: missing:\n  <ID>\n\nUsage: x\n";
        assert_eq!(
            one_line(text),
            "error: missing: <ID> (see `selfsame --help`)"
        );
    }
}
