//! `explain`: describes a case or a fault.

use std::process::ExitCode;

use selfsame::{Error, ErrorKind, Result};

use crate::cases::{cases, find};
use crate::explain::explain;
use crate::faults::faults;

const MOST_SUGGESTIONS: usize = 3;

/// Prints the description of a case or fault.
///
/// # Errors
///
/// [`Configuration`](ErrorKind::Configuration) with similar ids if there is no such case or fault.
pub(super) fn run(id: &str) -> Result<ExitCode> {
    print!("{}", text(id)?);
    Ok(ExitCode::SUCCESS)
}

fn text(id: &str) -> Result<String> {
    if find(id).is_some() {
        return explain(id);
    }
    let Some(fault) = faults().find(|fault| fault.id == id) else {
        return Err(unknown(id));
    };
    let beyond = match fault.beyond {
        None => String::new(),
        Some(most) => format!("  Acts only beyond {most} rows, values or bytes.\n"),
    };
    Ok(format!(
        "{}\n\n  A fault of the group {}: {}\n{beyond}",
        fault.id, fault.group, fault.sentence
    ))
}

fn unknown(id: &str) -> Error {
    let mut near: Vec<(f64, &str)> = cases()
        .map(|case| case.id)
        .chain(faults().map(|fault| fault.id))
        .map(|known| (strsim::jaro(id, known), known))
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let near: Vec<&str> = near
        .into_iter()
        .take(MOST_SUGGESTIONS)
        .map(|(_, known)| known)
        .collect();
    Error::new(
        ErrorKind::Configuration,
        format!(
            "unknown case or fault `{id}`; did you mean {}? (`check --list` lists all cases)",
            near.join(", ")
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_explained() {
        for id in cases()
            .map(|case| case.id)
            .chain(faults().map(|fault| fault.id))
        {
            let text = text(id).expect(id);
            assert!(text.starts_with(id) && text.lines().count() >= 3, "{text}");
        }
    }

    #[test]
    fn a_misspelt_id_gives_the_nearest() {
        for case in cases() {
            let misspelt = format!("{}x", case.id);
            let error = text(&misspelt).expect_err("misspelt");
            assert!(error.message().contains(case.id), "{error}");
        }
    }
}
