//! The suite as a test binary: each case is a test of `cargo test` and `cargo nextest`.
//!
//! Options come from the environment, because the command line is libtest's; [`main`] lists them.

use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use selfsame::{Error, ErrorKind, Result};

use crate::case::Case;
use crate::command;
use crate::expected::Expected;
use crate::outcome::{FailureReport, Outcome};
use crate::runner::{Options, run_case};
use crate::supervise::{self, Role};
use crate::target::{Fresh, Target, target_fn};

/// Runs the suite on a closure that returns a fresh database; this is the body of `main` in `tests/conformance.rs`.
///
/// The command line is that of libtest: names select cases, and `--exact`, `--list`, `--test-threads` etc. work as in any test binary.
/// Options of the suite are environment variables:
///
/// | variable | meaning | default |
/// |---|---|---|
/// | `SELFSAME_SEED` | the seed of all generated inputs, as a number or `0x…` | `0x5e1f` |
/// | `SELFSAME_CASES` | how many inputs each property tries | 64 |
/// | `SELFSAME_TIER` | the highest tier to run: `read`, `core`, `full` or `extra` | `extra` |
/// | `SELFSAME_SHARD` | one share of the cases: `2/4` is the second of four | all |
/// | `SELFSAME_EXPECT` | a TOML file of expected failures | none |
/// | `SELFSAME_CASE_TIME` | the time limit of one case, in seconds | 60 |
/// | `SELFSAME_SUPERVISE` | `0` runs the cases in this process, for a debugger | `1` |
///
/// If the first argument is `check`, `explain`, `faults` or `merge`, the binary is the [command](crate::command) for this backend:
/// `cargo test --test conformance -- faults`, `cargo test --test conformance -- check --tier core --out reports`.
///
/// The cases run in a child process: if the engine ends the process (`abort`, a stack overflow, `exit(0)`), the run fails and
/// names the case that was running.
pub fn main<F, D>(name: &str, fresh: F) -> ExitCode
where
    F: Fn() -> Result<D> + Send + Sync + 'static,
    D: Fresh + 'static,
{
    main_with(target_fn(name, fresh))
}

/// Runs the suite on a target.
///
/// If the first argument is `check`, `explain`, `faults` or `merge`, it runs that [command](crate::command) instead.
pub fn main_with(target: impl Target) -> ExitCode {
    if command::is_requested() {
        return command::of_process(&(Arc::new(target) as Arc<dyn Target>));
    }
    let arguments = Arguments::from_args();
    let running = match supervise::role(arguments.list) {
        Role::Parent(code) => return code,
        Role::Child(running) => running,
    };
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
            let running = running.clone();
            Trial::ignorable_test(case.id, move || {
                let _running = running.case(case.id);
                let (report, _) = run_case(&target, case, &options);
                completion(case, report.outcome, options.seed)
            })
        })
        .collect();
    let code = libtest_mimic::run(&arguments, trials).exit_code();
    running.ended();
    code
}

/// Reports every case as ignored, with the reason: for a target that is not available and not required.
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

fn completion(case: &Case, outcome: Outcome, seed: u64) -> Result<Completion, Failed> {
    match outcome {
        Outcome::Pass => Ok(Completion::Completed),
        Outcome::Fail { failure } => Err(text_of(case, &failure, seed).into()),
        Outcome::HarnessError { message } => {
            Err(format!("the suite could not run: {message}").into())
        }
        Outcome::Expected { reason, .. } => Ok(Completion::ignored_with(format!(
            "expected failure: {reason}"
        ))),
        other => Ok(Completion::ignored_with(
            other.reason().unwrap_or_else(|| other.as_str().to_owned()),
        )),
    }
}

/// Formats a failure: promise, message, program, statements, and how to run it again.
fn text_of(case: &Case, failure: &FailureReport, seed: u64) -> String {
    let mut text = format!(
        "{}\n  promise: {}\n  hint: {}",
        failure.message, case.promise, case.hint
    );
    if let Some(program) = &failure.program {
        text.push_str("\nsmallest input that fails:\n");
        text.push_str(program);
    }
    if let Some(keep) = &failure.keep {
        text.push_str("\nonce fixed, keep this line as a regression case: ");
        text.push_str(keep);
    }
    if !failure.sql.is_empty() {
        text.push_str("\nstatements:\n  ");
        text.push_str(&failure.sql.join("\n  "));
    }
    text.push_str(&format!(
        "\nagain: SELFSAME_SEED={seed:#x} cargo test --test {} -- --exact {}",
        test_name(),
        case.id
    ));
    text
}

/// Returns the name of this test binary without Cargo's hash.
fn test_name() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    match stem.rsplit_once('-') {
        Some((name, hash)) if hash.len() == 16 => name.to_owned(),
        _ => stem.into_owned(),
    }
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
    if let Some(text) = variable("SELFSAME_TIER") {
        options.tier = Some(text.trim().parse()?);
    }
    if let Some(text) = variable("SELFSAME_CASE_TIME") {
        options.case_time = Duration::from_secs(number("SELFSAME_CASE_TIME", &text)?);
    }
    if let Some(path) = variable("SELFSAME_EXPECT") {
        options.expected = Expected::read(Path::new(&path))?;
    }
    Ok(options)
}

/// Parses a seed, decimal or as reports print it (`0x5e1f`).
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
        format!("{name} is `{text}`, which is not a valid number"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Tier;

    #[test]
    fn options_come_from_the_environment() {
        let options = options_from(|name| match name {
            "SELFSAME_SEED" => Some("0x10".to_owned()),
            "SELFSAME_CASES" => Some("7".to_owned()),
            "SELFSAME_SHARD" => Some("2/2".to_owned()),
            "SELFSAME_TIER" => Some("core".to_owned()),
            "SELFSAME_CASE_TIME" => Some("3".to_owned()),
            _ => None,
        })
        .expect("good options");
        assert_eq!((options.seed, options.cases), (16, 7));
        assert_eq!(options.shard, "2/2".parse().ok());
        assert_eq!(options.tier, Some(Tier::Core));
        assert_eq!(options.case_time, Duration::from_secs(3));
    }

    #[test]
    fn bad_options_are_refused() {
        for bad in [
            "SELFSAME_SEED",
            "SELFSAME_CASES",
            "SELFSAME_SHARD",
            "SELFSAME_TIER",
            "SELFSAME_EXPECT",
        ] {
            let error = options_from(|name| (name == bad).then(|| "x/y".to_owned()))
                .expect_err("a bad option");
            assert_eq!(error.kind(), ErrorKind::Configuration, "{bad}");
        }
    }

    #[test]
    fn what_says_nothing_is_ignored_with_its_reason() {
        let case = crate::find("types.i64.extremes").expect("a case");
        let ended = |outcome| completion(case, outcome, 0x5e1f);
        let ignored = ended(Outcome::Skipped {
            reason: "no clock".to_owned(),
        });
        assert!(
            matches!(ignored, Ok(Completion::Ignored { reason: Some(reason) }) if reason == "no clock")
        );
        let failed = ended(Outcome::HarnessError {
            message: "gone".to_owned(),
        });
        assert!(failed.is_err());
    }
}
