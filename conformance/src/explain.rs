//! The description of a case.

use selfsame::{Error, ErrorKind, Result};

use crate::case::Cover;
use crate::cases;
use crate::contract::CONTRACT;
use crate::rules::RULES;

/// Describes a case: its promise, the reason, and where to look if it fails.
///
/// # Errors
///
/// [`Configuration`](ErrorKind::Configuration) if the case does not exist; the message suggests similar ids.
pub fn explain(id: &str) -> Result<String> {
    let Some(case) = cases::find(id) else {
        return Err(unknown(id));
    };
    let mut lines = vec![
        case.id.to_owned(),
        String::new(),
        format!("  {}", case.promise),
        format!("  Hint: {}", case.hint),
        String::new(),
        format!("  tier       {}", case.tier),
    ];
    if !case.needs.is_empty() {
        let needs: Vec<String> = case.needs.iter().map(ToString::to_string).collect();
        lines.push(format!("  needs      {}", needs.join(", ")));
    }
    for (place, cover) in case.covers.iter().enumerate() {
        let word = if place == 0 { "covers" } else { "" };
        lines.push(format!("  {word:10} {cover}: {}", sentence(*cover)));
    }
    if case.concurrent {
        lines.push("  concurrent the order of its events depends on timing".to_owned());
    }
    lines.push(format!("  since      inventory {}", case.since));
    Ok(lines.join("\n") + "\n")
}

/// Returns the text of a line of the contract or of a rule.
fn sentence(cover: Cover) -> &'static str {
    let text = match cover {
        Cover::Contract(line) => CONTRACT.get(usize::from(line).wrapping_sub(1)).copied(),
        Cover::Rule(number) => RULES
            .iter()
            .find(|rule| rule.number == number)
            .map(|rule| rule.text),
    };
    text.unwrap_or_default()
}

fn unknown(id: &str) -> Error {
    let last = id.rsplit('.').next().unwrap_or(id);
    let near: Vec<&str> = cases::cases()
        .map(|case| case.id)
        .filter(|known| {
            !id.is_empty() && (known.contains(id) || known.rsplit('.').next() == Some(last))
        })
        .take(5)
        .collect();
    let hint = if near.is_empty() {
        String::new()
    } else {
        format!("; did you mean {}?", near.join(", "))
    };
    Error::new(
        ErrorKind::Configuration,
        format!("unknown case `{id}`{hint}"),
    )
}
