//! `diff`: one program on two targets.

use std::process::ExitCode;
use std::sync::Arc;

use selfsame::Result;

use super::arguments::DiffArguments;
use super::output::say;
use crate::differential::compare_targets;
use crate::target::Target;

/// How many programs run unless the arguments say.
const PROGRAMS: u32 = 100;

/// Runs drawn programs on both targets; ends with 1 if they differ.
///
/// # Errors
///
/// A target that cannot be used, or standard output that cannot be written to.
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
