//! The formats of an audit, for people and for programs.

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

/// Formats the audit for a terminal: the worst findings first, notes only counted.
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
                "key": column.is_key,
                "leads_to": column.leads_to,
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

/// Formats the audit as Markdown.
pub(super) fn markdown(audit: &Audit) -> String {
    let mut out = String::from("# Audit\n\n");
    out.push_str(&escaped_markdown(&summary(audit)));
    for table in &audit.tables {
        let name = escaped_markdown(&table.name);
        line(&mut out, &format!("\n## {name} ({} rows)\n", table.rows));
        line(&mut out, "| column | type | use | read | found | written |");
        line(&mut out, "|---|---|---|---|---|---|");
        for column in &table.columns {
            let [read, found, written] = marks(column);
            let name = escaped_markdown(&column.name);
            let ty = escaped_markdown(&column.ty);
            let role = escaped_markdown(&role(column));
            line(
                &mut out,
                &format!("| {name} | {ty} | {role} | {read} | {found} | {written} |"),
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

/// Formats the audit as a self-contained HTML page: the findings, the worst first, then each table.
pub(super) fn html(audit: &Audit) -> String {
    let mut out = String::from(HEAD);
    line(
        &mut out,
        &format!("<h1>Audit</h1><p>{}</p>", escaped_html(&summary(audit))),
    );
    line(&mut out, LEGEND);
    for severity in [Severity::Silent, Severity::Loud] {
        let found = audit.findings().filter(|(_, it)| it.severity == severity);
        findings_html(&mut out, found);
    }
    line(
        &mut out,
        "<h2>Tables</h2><div><table><tr><th>table</th><th>rows</th><th>silent</th><th>error</th><th>slow</th><th>note</th></tr>",
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
        let (name, rows) = (escaped_html(&table.name), table.rows);
        line(
            &mut out,
            &format!("<tr><td><a href=\"#t{place}\">{name}</a></td><td>{rows}</td>{counts}</tr>"),
        );
    }
    line(&mut out, "</table></div>");
    for (place, table) in audit.tables.iter().enumerate() {
        table_html(&mut out, place, table);
    }
    out.push_str("</body></html>\n");
    out
}

fn findings_html<'a>(
    out: &mut String,
    findings: impl Iterator<Item = (&'a TableAudit, &'a Finding)>,
) {
    let items: Vec<String> = findings
        .map(|(table, finding)| {
            let word = finding.severity.word();
            let sentence = escaped_html(&sentence(table, finding));
            format!("<li><b class=\"{word}\">{word}</b> {sentence}</li>")
        })
        .collect();
    if !items.is_empty() {
        line(out, &format!("<ul>{}</ul>", items.join("\n")));
    }
}

fn table_html(out: &mut String, place: usize, table: &TableAudit) {
    let (name, rows) = (escaped_html(&table.name), table.rows);
    let whole = match table.is_whole {
        true => "",
        false => ", incomplete",
    };
    line(
        out,
        &format!(
            "<h2 id=\"t{place}\">{name}</h2><p>{rows} {} in {:.1} s{whole}</p>",
            if rows == 1 { "row" } else { "rows" },
            table.seconds
        ),
    );
    for severity in Severity::ALL {
        let found = table.findings.iter().filter(|it| it.severity == severity);
        findings_html(out, found.map(|finding| (table, finding)));
    }
    line(
        out,
        "<div><table><tr><th>column</th><th>type</th><th>use</th><th>read</th><th>found</th><th>written</th></tr>",
    );
    for column in &table.columns {
        let marks: String = marks(column)
            .iter()
            .map(|mark| match *mark {
                "no" => "<td class=\"error\">no</td>".to_owned(),
                mark => format!("<td>{mark}</td>"),
            })
            .collect();
        let (name, ty) = (escaped_html(&column.name), escaped_html(&column.ty));
        let role = escaped_html(&role(column));
        line(
            out,
            &format!("<tr><td>{name}</td><td>{ty}</td><td>{role}</td>{marks}</tr>"),
        );
    }
    line(out, "</table></div>");
}

/// Explains the words.
const LEGEND: &str = "<p><b class=\"silent\">silent</b> another value or another row, without an error; \
    <b class=\"error\">error</b> an error where it is met; <b class=\"slow\">slow</b> right, and slow; \
    <b class=\"note\">note</b> cannot be expressed in an entity.</p>";

const HEAD: &str = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Audit</title><style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 0.3rem; font-size: 1.2rem; }
ul { padding-left: 1.1rem; } li { margin: 0.3rem 0; }
div { overflow-x: auto; }
table { border-collapse: collapse; margin: 0.5rem 0 1rem; }
th, td { border: 1px solid #ccc; padding: 0.2rem 0.6rem; text-align: left; vertical-align: top; }
th { overflow-wrap: normal; } td:first-child { min-width: 7rem; }
.silent { color: #fff; background: #a00; } .error { color: #fff; background: #b84300; }
.slow { background: #fd8; } .note { background: #def; }
b { padding: 0 0.4rem; border-radius: 0.2rem; }
@media (max-width: 40rem) { body { margin: 1rem auto; } th, td { padding: 0.1rem 0.25rem; font-size: 13px; } }
</style></head><body>
";

/// Returns the role of a column: key, relation.
fn role(column: &ColumnAudit) -> String {
    let mut roles: Vec<String> = Vec::new();
    if column.is_key {
        roles.push("key".to_owned());
    }
    roles.extend(column.leads_to.iter().map(|table| format!("to {table}")));
    roles.join(", ")
}

/// Formats the place and the message: `users.name, row "a" and 3 more: …`.
fn sentence(table: &TableAudit, finding: &Finding) -> String {
    let mut out = table.name.clone();
    if let Some(column) = &finding.column {
        write!(out, ".{column}").expect("writing to a String does not fail");
    }
    match (&finding.key, finding.rows) {
        (Some(key), 0 | 1) => write!(out, ", key {key}"),
        (Some(key), rows) => write!(out, ", key {key} and {} more", rows - 1),
        (None, 0) => Ok(()),
        (None, 1) => write!(out, ", 1 row"),
        (None, rows) => write!(out, ", {rows} rows"),
    }
    .expect("writing to a String does not fail");
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

/// Escapes line breaks: names of the database may contain anything, and an entry is one line.
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
