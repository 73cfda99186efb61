//! The audit as text, for people and for programs.

use std::fmt::Write as _;

use serde_json::json;

use super::verdict::{Audit, ColumnAudit, Finding, Severity, TableAudit};

/// One line.
pub(super) fn summary(audit: &Audit) -> String {
    let counts: Vec<String> = Severity::ALL
        .iter()
        .map(|&severity| format!("{} {}", audit.count(severity), severity.word()))
        .collect();
    format!(
        "{}: {} tables, {} rows read in {:.1} s: {}{}\n",
        audit.database,
        audit.tables.len(),
        audit.rows_read(),
        audit.seconds,
        counts.join(", "),
        match audit.is_whole() {
            true => "",
            false => "; incomplete",
        }
    )
}

/// For the terminal: the worst first, notes counted only.
pub(super) fn human(audit: &Audit) -> String {
    let mut out = String::new();
    for severity in Severity::ALL {
        if severity == Severity::Note {
            continue;
        }
        for (table, finding) in audit.findings().filter(|(_, it)| it.severity == severity) {
            line(
                &mut out,
                &format!("{:6} {}", severity.word(), sentence(table, finding)),
            );
        }
    }
    out.push_str(&summary(audit));
    out
}

/// Everything.
pub(super) fn json(audit: &Audit) -> String {
    let tables: Vec<serde_json::Value> = audit.tables.iter().map(table_json).collect();
    let counts: serde_json::Map<String, serde_json::Value> = Severity::ALL
        .iter()
        .map(|&severity| (severity.word().to_owned(), json!(audit.count(severity))))
        .collect();
    let document = json!({
        "database": audit.database,
        "rows": audit.rows_read(),
        "most_rows": audit.rows,
        "written_back": audit.wrote,
        "whole": audit.is_whole(),
        "seconds": audit.seconds,
        "findings": counts,
        "tables": tables,
    });
    format!("{document:#}\n")
}

fn table_json(table: &TableAudit) -> serde_json::Value {
    let columns: Vec<serde_json::Value> = table
        .columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name,
                "type": column.ty,
                "readable": column.is_readable,
                "found": column.is_found,
                "writable": column.is_writable,
            })
        })
        .collect();
    let findings: Vec<serde_json::Value> = table
        .findings
        .iter()
        .map(|finding| {
            json!({
                "severity": finding.severity.word(),
                "column": finding.column,
                "key": finding.key,
                "rows": finding.rows,
                "message": finding.message,
            })
        })
        .collect();
    json!({
        "name": table.name,
        "rows": table.rows,
        "whole": table.is_whole,
        "seconds": table.seconds,
        "columns": columns,
        "findings": findings,
    })
}

/// For a page of a repository or a summary of a pipeline.
pub(super) fn markdown(audit: &Audit) -> String {
    let mut out = String::from("# Audit\n\n");
    out.push_str(&escaped_markdown(&summary(audit)));
    for table in &audit.tables {
        let name = escaped_markdown(&table.name);
        line(&mut out, &format!("\n## {name} ({} rows)\n", table.rows));
        line(&mut out, "| column | type | read | found | written |");
        line(&mut out, "|---|---|---|---|---|");
        for column in &table.columns {
            let [read, found, written] = marks(column);
            let name = escaped_markdown(&column.name);
            let ty = escaped_markdown(&column.ty);
            line(
                &mut out,
                &format!("| {name} | {ty} | {read} | {found} | {written} |"),
            );
        }
        for severity in Severity::ALL {
            for finding in table.findings.iter().filter(|it| it.severity == severity) {
                let text = escaped_markdown(&sentence(table, finding));
                line(&mut out, &format!("\n- **{}** {text}", severity.word()));
            }
        }
    }
    out
}

/// A self-contained page.
pub(super) fn html(audit: &Audit) -> String {
    let mut out = String::from(HEAD);
    let text = |text: &str| escaped_html(text);
    line(
        &mut out,
        &format!("<h1>Audit</h1><p>{}</p>", text(&summary(audit))),
    );
    line(
        &mut out,
        "<table><tr><th>table</th><th>rows</th><th>silent</th><th>error</th><th>slow</th><th>note</th></tr>",
    );
    for (place, table) in audit.tables.iter().enumerate() {
        let count = |severity: Severity| {
            let same = |it: &&Finding| it.severity == severity;
            match table.findings.iter().filter(same).count() {
                0 => "<td></td>".to_owned(),
                found => format!("<td class={:?}>{found}</td>", severity.word()),
            }
        };
        let counts: String = Severity::ALL
            .iter()
            .map(|&severity| count(severity))
            .collect();
        let name = text(&table.name);
        line(
            &mut out,
            &format!(
                "<tr><td><a href=\"#t{place}\">{name}</a></td><td>{}</td>{counts}</tr>",
                table.rows
            ),
        );
    }
    line(&mut out, "</table>");
    for (place, table) in audit.tables.iter().enumerate() {
        line(
            &mut out,
            &format!("<h2 id=\"t{place}\">{}</h2><ul>", text(&table.name)),
        );
        for severity in Severity::ALL {
            for finding in table.findings.iter().filter(|it| it.severity == severity) {
                let word = severity.word();
                let sentence = text(&sentence(table, finding));
                line(
                    &mut out,
                    &format!("<li><b class=\"{word}\">{word}</b> {sentence}</li>"),
                );
            }
        }
        line(
            &mut out,
            "</ul><table><tr><th>column</th><th>type</th><th>read</th><th>found</th><th>written</th></tr>",
        );
        for column in &table.columns {
            let [read, found, written] = marks(column);
            let (name, ty) = (text(&column.name), text(&column.ty));
            line(
                &mut out,
                &format!(
                    "<tr><td>{name}</td><td>{ty}</td><td>{read}</td><td>{found}</td><td>{written}</td></tr>"
                ),
            );
        }
        line(&mut out, "</table>");
    }
    out.push_str("</body></html>\n");
    out
}

const HEAD: &str =
    "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Audit</title><style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; }
th, td { border: 1px solid #ccc; padding: 0.2rem 0.6rem; text-align: left; }
.silent { color: #fff; background: #a00; } .error { color: #fff; background: #c50; }
.slow { background: #fd8; } .note { background: #def; }
b { padding: 0 0.4rem; border-radius: 0.2rem; }
</style></head><body>
";

/// Where, and what: `users.name, row "a" and 3 more: …`.
fn sentence(table: &TableAudit, finding: &Finding) -> String {
    let mut out = table.name.clone();
    if let Some(column) = &finding.column {
        write!(out, ".{column}").expect("a String takes any text");
    }
    match (&finding.key, finding.rows) {
        (Some(key), 0 | 1) => write!(out, ", key {key}"),
        (Some(key), rows) => write!(out, ", key {key} and {} more", rows - 1),
        (None, 0) => Ok(()),
        (None, 1) => write!(out, ", 1 row"),
        (None, rows) => write!(out, ", {rows} rows"),
    }
    .expect("a String takes any text");
    format!("{out}: {}", finding.message)
}

fn marks(column: &ColumnAudit) -> [&'static str; 3] {
    let mark = |known: Option<bool>| match known {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    };
    [
        mark(Some(column.is_readable)),
        mark(column.is_found),
        mark(column.is_writable),
    ]
}

/// Names of the database may hold anything, and an entry is a line.
fn line(out: &mut String, text: &str) {
    out.extend(text.chars().map(|c| match c {
        '\n' => '\n',
        c if c.is_control() => ' ',
        c => c,
    }));
    out.push('\n');
}

fn escaped_markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '|' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '\\' | '#'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn escaped_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}
