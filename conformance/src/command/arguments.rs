//! The arguments of each command.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::{duration, filter, seed, shard, tier};
use crate::case::Tier;
use crate::cases::INVENTORY;
use crate::report::Format;
use crate::runner::Options;
use crate::select::{Filter, Shard};

/// The settings of generated inputs.
#[derive(Args, Clone, Debug)]
pub struct Inputs {
    /// The seed of all generated inputs; `random` draws one and prints it
    #[arg(long, value_parser = seed, default_value_t = Options::DEFAULT_SEED)]
    pub seed: u64,
    /// The number of inputs that each property tries
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub cases: Option<u32>,
}

/// Where results are written.
#[derive(Args, Clone, Debug)]
pub struct OutputArguments {
    /// The format written to standard output, or to the file given by --out
    #[arg(long, value_enum, default_value_t = Shape::Human)]
    pub format: Shape,
    /// A folder for all reports (report.json, junit.xml, report.md, report.html, rules.md, certificate.json, badge.svg), or one file
    /// (.json, .xml, .md, .html, .svg)
    #[arg(long, value_name = "DIR|FILE")]
    pub out: Option<PathBuf>,
}

/// The arguments of `check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArguments {
    /// The settings of generated inputs.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Where results are written.
    #[command(flatten)]
    pub output: OutputArguments,
    /// Selects cases by parts of their ids, separated by commas; `*` matches anything
    #[arg(long, value_parser = filter)]
    pub filter: Option<Filter>,
    /// The highest tier to run: read, core, full or extra; each includes those before it
    #[arg(long, value_parser = tier)]
    pub tier: Option<Tier>,
    /// Leaves out cases that are newer than this inventory
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(INVENTORY)))]
    pub inventory: Option<u32>,
    /// Lists the selected cases instead of running them
    #[arg(long)]
    pub list: bool,
    /// Stops at the first failure
    #[arg(long)]
    pub fail_fast: bool,
    /// A list of expected failures (TOML)
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// Writes the current failures to the file given by --expect
    #[arg(long, requires = "expect")]
    pub bless: bool,
    /// Runs one part of the cases: 2/4 is the second of four
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<Shard>,
    /// Starts no further cases after this time: 90s, 5m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub max_time: Option<Duration>,
    /// The time limit of each case; by default 60s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub case_time: Option<Duration>,
    /// Shows what changed since this report (JSON) or certificate
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
}

/// The arguments of `explain`.
#[derive(Args, Clone, Debug)]
pub struct ExplainArguments {
    /// The id of a case or of a fault
    pub id: String,
}

/// The arguments of `faults`.
#[derive(Args, Clone, Debug)]
pub struct FaultsArguments {
    /// The settings of generated inputs.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Where results are written.
    #[command(flatten)]
    pub output: OutputArguments,
    /// Injects all faults: on SQLite that takes two minutes, on a server many more
    #[arg(long)]
    pub all: bool,
    /// Selects among them by parts of their ids, separated by commas
    #[arg(long, value_parser = filter)]
    pub filter: Option<Filter>,
    /// Selects the cases that may catch them, in the same way
    #[arg(long, value_parser = filter, value_name = "FILTER")]
    pub by: Option<Filter>,
    /// Lists the selected faults instead of injecting them
    #[arg(long)]
    pub list: bool,
    /// Injects one part of the faults: 2/4 is the second of four
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<Shard>,
    /// Leaves out cases that are newer than this inventory
    #[arg(long, value_name = "N")]
    pub inventory: Option<u32>,
    /// For each line of the contract and each rule, finds a case that covers it and catches a fault; fails if there is none
    #[arg(long)]
    pub coverage: bool,
}

/// The arguments of `diff`, besides its two targets.
#[derive(Args, Clone, Debug)]
pub struct DiffArguments {
    /// The settings of generated inputs.
    #[command(flatten)]
    pub inputs: Inputs,
}

/// The arguments of `merge`.
#[derive(Args, Clone, Debug)]
pub struct MergeArguments {
    /// JSON reports: the shards of one run, or runs on several targets
    #[arg(value_name = "FILE", required = true)]
    pub reports: Vec<PathBuf>,
    /// Where results are written.
    #[command(flatten)]
    pub output: OutputArguments,
}

/// How results are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// A short summary
    Human,
    /// Complete, for programs
    Json,
    /// JUnit XML
    Junit,
    /// For the summary of a CI job
    Markdown,
    /// A self-contained page
    Html,
    /// The rules of the ORM with their cases and results: docs/semantics.md
    Rules,
    /// A certificate: the results of each target as JSON
    Certificate,
    /// A badge (SVG)
    Badge,
}

impl Shape {
    /// Returns the report's format, unless the result is for a terminal.
    pub(super) fn format(self) -> Option<Format> {
        match self {
            Self::Human => None,
            Self::Json => Some(Format::Json),
            Self::Junit => Some(Format::Junit),
            Self::Markdown => Some(Format::Markdown),
            Self::Html => Some(Format::Html),
            Self::Rules => Some(Format::Rules),
            Self::Certificate => Some(Format::Certificate),
            Self::Badge => Some(Format::Badge),
        }
    }
}
