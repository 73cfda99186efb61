//! The report as Markdown, for the summary of a CI job.

use crate::outcome::Outcome;
use crate::report::{FaultVerdict, Report};

pub(super) fn write(report: &Report) -> String {
    let mut out = format!(
        "## Conformance\n\nInventory {}, seed `{:#x}`.\n",
        report.inventory, report.seed
    );
    if !report.targets.is_empty() {
        out.push_str("\n| target | version | tiers | passed | failed | expected | unsupported | skipped | not run |\n|---|---|---|--:|--:|--:|--:|--:|--:|\n");
    }
    for target in &report.targets {
        let count = |name: &str| {
            target
                .cases
                .iter()
                .filter(|case| case.outcome.as_str() == name)
                .count()
        };
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            cell(&target.name),
            cell(match &target.error {
                Some(error) => error,
                None => target.server_version.as_deref().unwrap_or_default(),
            }),
            target
                .tiers()
                .map(|tier| tier.to_string())
                .collect::<Vec<_>>()
                .join(", "),
            count("pass"),
            count("fail") + count("harness_error"),
            count("expected"),
            count("unsupported"),
            count("skipped"),
            count("not_run"),
        ));
    }
    failures(report, &mut out);
    faults(report, &mut out);
    out
}

fn failures(report: &Report, out: &mut String) {
    for target in &report.targets {
        for case in &target.cases {
            match &case.outcome {
                Outcome::Fail { failure } => {
                    out.push_str(&format!(
                        "\n<details><summary><code>{}</code> on {} ({}): {}</summary>\n\n{}\n",
                        case.id,
                        escaped(&target.name),
                        failure.loudness(),
                        escaped(failure.message.lines().next().unwrap_or_default()),
                        escaped(&case.promise),
                    ));
                    if let Some(program) = &failure.program {
                        out.push_str(&block("rust", program));
                    }
                    if !failure.sql.is_empty() {
                        out.push_str(&block("sql", &failure.sql.join("\n")));
                    }
                    out.push_str("\n</details>\n");
                }
                Outcome::HarnessError { message } => out.push_str(&format!(
                    "\n- `{}` on {} could not run: {}\n",
                    case.id,
                    escaped(&target.name),
                    escaped(message)
                )),
                _ => {}
            }
        }
    }
}

fn faults(report: &Report, out: &mut String) {
    for matrix in &report.faults {
        out.push_str(&format!(
            "\n### Fault injection on {}\n\n",
            escaped(&matrix.target)
        ));
        if let Some(error) = &matrix.error {
            out.push_str(&format!("Cannot be used: {}\n", escaped(error)));
        }
        out.push_str("| fault | caught by |\n|---|---|\n");
        for fault in &matrix.faults {
            let verdict = match &fault.verdict {
                FaultVerdict::Killed { case, .. } => format!("`{case}`"),
                FaultVerdict::Survived { .. } => "**not found**".to_owned(),
                FaultVerdict::NeverActed => "never acted".to_owned(),
                FaultVerdict::Equivalent { reason } => format!("equivalent: {}", cell(reason)),
            };
            out.push_str(&format!("| {} | {verdict} |\n", cell(&fault.sentence)));
        }
    }
}

/// Escapes text for a table cell.
fn cell(text: &str) -> String {
    escaped(text).replace('|', "\\|").replace('\n', " ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Formats a code block with a fence longer than any in the text.
fn block(language: &str, text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("\n{fence}{language}\n{text}\n{fence}\n")
}
