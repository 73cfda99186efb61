//! `Gate`: the main function of a project's gate.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::golden::Golden;
use crate::paired::Limits;
use crate::probe::{self, Side};
use crate::run::{Plan, Steps, run};
use crate::verdict::{Report, Step};
use crate::workload::{Meter, Workload};
use crate::{Error, Result};

const HELP: &str = "\
Counts the workloads and compares them with the golden files, or with another build.

  --bless             accepts what is counted
  --golden FOLDER     has the golden files elsewhere
  --base PROGRAM      compares with another build of this program: instructions and time too
  --filter PART       only workloads whose name holds this; may be repeated
  --skip STEP         leaves out a step: counts, growth, allocations, instructions, time
  --growth            shows cost by size
  --json FILE         writes the report as JSON
  --markdown FILE     writes it as Markdown
  --github FILE       writes it for github-action-benchmark
  --bencher FILE      writes it for Bencher

Exit codes: 0 pass, 1 regression, 2 the gate itself failed, 3 inconclusive.
";

/// A project's gate: its workloads, the folder of its golden files, and its allocation counter.
#[derive(Debug)]
pub struct Gate {
    workloads: Vec<Workload>,
    golden: Option<Golden>,
    meter: Option<Meter>,
    limits: fn(&str) -> Limits,
}

impl Gate {
    /// Creates a gate for these workloads.
    pub fn new(workloads: impl IntoIterator<Item = Workload>) -> Self {
        Self {
            workloads: workloads.into_iter().collect(),
            golden: None,
            meter: None,
            limits: |_| Limits::EMBEDDED,
        }
    }

    /// Compares counts with the golden files in this folder.
    #[must_use]
    pub fn golden(mut self, folder: impl Into<PathBuf>) -> Self {
        self.golden = Some(Golden::new(folder));
        self
    }

    /// Counts allocations with this function; the program provides a counting allocator.
    #[must_use]
    pub fn allocations(mut self, meter: Meter) -> Self {
        self.meter = Some(meter);
        self
    }

    /// Sets how much slower is too slow, and the measuring effort, by workload name. The default is 2 %.
    #[must_use]
    pub fn limits(mut self, limits: fn(&str) -> Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Runs the command line of this process; see `--help`.
    pub fn main(self) -> ExitCode {
        let mut arguments: Vec<String> = env::args().skip(1).collect();
        // Added by `cargo bench`.
        arguments.retain(|argument| argument != "--bench");
        if arguments.first().is_some_and(|first| first == probe::WORD) {
            return match probe::serve(&self.workloads, self.meter, &arguments[1..]) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&error),
            };
        }
        match self.answer(&arguments) {
            Ok(code) => ExitCode::from(code),
            Err(error) => failed(&error),
        }
    }

    fn answer(&self, arguments: &[String]) -> Result<u8> {
        let mut plan = Plan::new(Side::new(env::current_exe()?));
        plan.golden.clone_from(&self.golden);
        plan.limits = self.limits;
        let mut outputs = Vec::new();
        let mut growth = false;
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || {
                let value = rest.next().cloned();
                value.ok_or_else(|| Error::from(format!("{argument} needs a value")))
            };
            match argument.as_str() {
                "--help" | "-h" => {
                    print!("{HELP}");
                    return Ok(Report::PASS);
                }
                "--bless" => plan.bless = true,
                "--golden" => plan.golden = Some(Golden::new(value()?)),
                "--growth" => growth = true,
                "--base" => {
                    let program = value()?;
                    plan.base = Some((program.clone(), Side::new(program)));
                }
                "--filter" => plan.filter.push(value()?),
                "--skip" => plan.steps = without(plan.steps, &value()?)?,
                "--json" | "--markdown" | "--github" | "--bencher" => {
                    outputs.push((argument.clone(), PathBuf::from(value()?)));
                }
                _ => return Err(format!("unknown argument {argument}: see --help").into()),
            }
        }
        if plan.bless && plan.golden.is_none() {
            return Err("cannot bless: the gate has no folder of golden files".into());
        }
        let report = run(&plan, &mut |_| {})?;
        for (format, path) in outputs {
            let text = match format.as_str() {
                "--json" => serde_json::to_string_pretty(&report)?,
                "--markdown" => report.markdown(),
                "--github" => serde_json::to_string_pretty(&report.github())?,
                _ => serde_json::to_string_pretty(&report.bencher())?,
            };
            fs::write(&path, text)
                .map_err(|error| Error::from(format!("{}: {error}", path.display())))?;
        }
        if growth {
            print!("{}", report.growth());
        }
        print!("{}", report.text());
        Ok(report.code())
    }
}

fn without(steps: Steps, name: &str) -> Result<Steps> {
    let step = Step::ALL.into_iter().find(|step| step.name() == name);
    match step {
        Some(step) => Ok(steps.without(step)),
        None => Err(format!("unknown step {name}").into()),
    }
}

fn failed(error: &Error) -> ExitCode {
    eprintln!("error: {}", error.to_string().replace('\n', " "));
    ExitCode::from(Report::ERROR)
}
