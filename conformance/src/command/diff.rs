//! `diff`: the same programs on two targets.

use std::process::ExitCode;
use std::sync::Arc;

use selfsame::Result;

use super::arguments::DiffArguments;
use super::output::say;
use crate::differential::compare_targets;
use crate::target::Target;

/// The default number of programs.
const PROGRAMS: u32 = 100;

/// Runs random programs on both targets; the exit code is 1 if they differ.
///
/// # Errors
///
/// A target that cannot be used, or standard output that cannot be written.
pub fn run(
    arguments: &DiffArguments,
    one: &Arc<dyn Target>,
    other: &Arc<dyn Target>,
) -> Result<ExitCode> {
    let programs = arguments.inputs.cases.unwrap_or(PROGRAMS);
    let comparison = compare_targets(one, other, arguments.inputs.seed, programs)?;
    say(&comparison.to_string())?;
    Ok(ExitCode::from(u8::from(comparison.difference.is_some())))
}
