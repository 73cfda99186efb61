//! The suite as a test binary: each case is a test of `cargo test` and of `cargo nextest`.
//!
//! Own options come from the environment, so that the command line stays libtest's: `SELFSAME_SEED`, `SELFSAME_CASES`,
//! `SELFSAME_SHARD` (2/4), `SELFSAME_EXPECT` (a file of expected failures), `SELFSAME_CASE_TIME` (seconds).

use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use selfsame::{Error, ErrorKind, Result};

use crate::expected::Expected;
use crate::outcome::{FailureReport, Outcome};
use crate::runner::{Options, run_case};
use crate::target::{Fresh, Target, target_fn};

/// Runs the suite on a closure that gives a fresh database; the body of a `main` of `tests/conformance.rs`.
pub fn main<F, D>(name: &str, fresh: F) -> ExitCode
where
    F: Fn() -> Result<D> + Send + Sync + 'static,
    D: Fresh + 'static,
{
    main_with(target_fn(name, fresh))
}

/// Runs the suite on a target.
pub fn main_with(target: impl Target) -> ExitCode {
    let arguments = Arguments::from_args();
    let options = match options_from(|name| std::env::var(name).ok()) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    let target: Arc<dyn Target> = Arc::new(target);
    let options = Arc::new(options);
    let trials = options
        .selected()
        .map(|case| {
            let (target, options) = (Arc::clone(&target), Arc::clone(&options));
            Trial::ignorable_test(case.id, move || {
                let (report, _) = run_case(&target, case, &options);
                completion(report.outcome)
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Reports every case as ignored, with the reason: for a target that this machine does not have and that nobody required.
pub fn main_unavailable(name: &str, reason: &str) -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = Options::default()
        .selected()
        .map(|case| {
            let reason = format!("{name}: {reason}");
            Trial::ignorable_test(case.id, move || Ok(Completion::ignored_with(reason)))
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn completion(outcome: Outcome) -> Result<Completion, Failed> {
    match outcome {
        Outcome::Pass => Ok(Completion::Completed),
        Outcome::Fail { failure } => Err(text_of(&failure).into()),
        Outcome::HarnessError { message } => {
            Err(format!("the suite could not run: {message}").into())
        }
        other => Ok(Completion::ignored_with(
            other.reason().unwrap_or_else(|| other.as_str().to_owned()),
        )),
    }
}

/// A failure as people read it: the message, the program, the statements, the seed.
fn text_of(failure: &FailureReport) -> String {
    let mut text = failure.message.clone();
    if let Some(program) = &failure.program {
        text.push_str("\nsmallest input that fails:\n");
        text.push_str(program);
    }
    if !failure.sql.is_empty() {
        text.push_str("\nstatements:\n  ");
        text.push_str(&failure.sql.join("\n  "));
    }
    text.push_str(&format!("\nseed of the case: {:#x}", failure.seed));
    text
}

fn options_from(variable: impl Fn(&str) -> Option<String>) -> Result<Options> {
    let mut options = Options::default();
    if let Some(text) = variable("SELFSAME_SEED") {
        options.seed = seed_from(&text)?;
    }
    if let Some(text) = variable("SELFSAME_CASES") {
        options.cases = number("SELFSAME_CASES", &text)?;
    }
    if let Some(text) = variable("SELFSAME_SHARD") {
        options.shard = Some(text.parse()?);
    }
    if let Some(text) = variable("SELFSAME_CASE_TIME") {
        options.case_time = Duration::from_secs(number("SELFSAME_CASE_TIME", &text)?);
    }
    if let Some(path) = variable("SELFSAME_EXPECT") {
        options.expected = Expected::read(Path::new(&path))?;
    }
    Ok(options)
}

/// A seed as reports print it (`0x5e1f`) or as a number.
fn seed_from(text: &str) -> Result<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => {
            u64::from_str_radix(digits, 16).map_err(|_| unusable("SELFSAME_SEED", text))
        }
        None => number("SELFSAME_SEED", text),
    }
}

fn number<T: FromStr>(name: &str, text: &str) -> Result<T> {
    text.trim().parse().map_err(|_| unusable(name, text))
}

fn unusable(name: &str, text: &str) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("{name} is `{text}`, which is no number that it can be"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_from_the_environment() {
        let options = options_from(|name| match name {
            "SELFSAME_SEED" => Some("0x10".to_owned()),
            "SELFSAME_CASES" => Some("7".to_owned()),
            "SELFSAME_SHARD" => Some("2/2".to_owned()),
            "SELFSAME_CASE_TIME" => Some("3".to_owned()),
            _ => None,
        })
        .expect("good options");
        assert_eq!((options.seed, options.cases), (16, 7));
        assert_eq!(options.shard, "2/2".parse().ok());
        assert_eq!(options.case_time, Duration::from_secs(3));
    }

    #[test]
    fn bad_options_are_refused() {
        for bad in [
            "SELFSAME_SEED",
            "SELFSAME_CASES",
            "SELFSAME_SHARD",
            "SELFSAME_EXPECT",
        ] {
            let error = options_from(|name| (name == bad).then(|| "x/y".to_owned()))
                .expect_err("a bad option");
            assert_eq!(error.kind(), ErrorKind::Configuration, "{bad}");
        }
    }

    #[test]
    fn what_says_nothing_is_ignored_with_its_reason() {
        let ignored = completion(Outcome::Skipped {
            reason: "no clock".to_owned(),
        });
        assert!(
            matches!(ignored, Ok(Completion::Ignored { reason: Some(reason) }) if reason == "no clock")
        );
        let failed = completion(Outcome::HarnessError {
            message: "gone".to_owned(),
        });
        assert!(failed.is_err());
    }
}
