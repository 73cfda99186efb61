//! `--list`: prints ids and their sentences.

use std::process::ExitCode;

use selfsame::{Error, ErrorKind, Result};

use super::arguments::Shape;
use super::output::say;

/// Prints each id with its sentence.
///
/// # Errors
///
/// [`Configuration`](ErrorKind::Configuration) for a format other than the one for people; errors while writing.
pub(super) fn list(
    items: impl Iterator<Item = (&'static str, &'static str)>,
    shape: Shape,
) -> Result<ExitCode> {
    if shape != Shape::Human {
        return Err(Error::new(
            ErrorKind::Configuration,
            "--list cannot be combined with --format",
        ));
    }
    let items: Vec<_> = items.collect();
    let width = items.iter().map(|(id, _)| id.len()).max().unwrap_or(0);
    let lines: String = items
        .iter()
        .map(|(id, sentence)| format!("{id:width$}  {sentence}\n"))
        .collect();
    say(&lines)?;
    Ok(ExitCode::SUCCESS)
}
