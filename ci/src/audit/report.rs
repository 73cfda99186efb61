//! The formats of an audit, for people and for programs.

use serde_json::json;

use super::verdict::{Audit, ColumnAudit, Finding, Severity, TableAudit};

/// Summarizes the audit in one line.
pub(super) fn summary(audit: &Audit) -> String {
    let counts: Vec<String> = Severity::ALL
        .iter()
        .map(|&severity| {
            let found = audit.count(severity);
            let ending = match (severity, found) {
                (Severity::Loud | Severity::Note, 0 | 2..) => "s",
                _ => "",
            };
            format!("{found} {}{ending}", severity.word())
        })
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
    if audit.count(Severity::Note) > 0 {
        line(
            &mut out,
            "The other formats list the notes: --format markdown",
        );
    }
    out
}

/// Formats the whole audit as JSON.
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
            let [read, found, written] = marks(table, column);
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
    let (summary, extent) = (escaped_html(&summary(audit)), extent(audit));
    line(
        &mut out,
        &format!("<h1 id=\"top\">Audit</h1><p>{summary}</p><p>{extent}</p>"),
    );
    line(&mut out, LEGEND);
    for severity in [Severity::Silent, Severity::Loud] {
        let tables = audit.tables.iter().enumerate();
        let items = tables.flat_map(|(at, table)| {
            let found = table.findings.iter().filter(|it| it.severity == severity);
            found.map(move |finding| {
                let place = escaped_html(&place(table, finding));
                let rest = escaped_html(&rows_and_message(finding));
                item(finding, &format!("<a href=\"#t{at}\">{place}</a>{rest}"))
            })
        });
        list(&mut out, items);
    }
    line(
        &mut out,
        "<h2>Tables</h2><div><table><tr><th>table</th><th>rows</th><th>silent</th><th>error</th><th>slow</th><th>note</th></tr>",
    );
    for (at, table) in audit.tables.iter().enumerate() {
        let count = |severity: Severity| {
            let same = |it: &&Finding| it.severity == severity;
            match table.findings.iter().filter(same).count() {
                0 => "<td></td>".to_owned(),
                found => format!("<td class=\"number {}\">{found}</td>", severity.word()),
            }
        };
        let counts: String = Severity::ALL
            .iter()
            .map(|&severity| count(severity))
            .collect();
        let (name, rows) = (escaped_html(&table.name), table.rows);
        line(
            &mut out,
            &format!(
                "<tr><td><a href=\"#t{at}\">{name}</a></td><td class=\"number\">{rows}</td>{counts}</tr>"
            ),
        );
    }
    line(&mut out, "</table></div>");
    for (at, table) in audit.tables.iter().enumerate() {
        table_html(&mut out, at, table);
    }
    out.push_str("</body></html>\n");
    out
}

/// Describes what was read and written.
fn extent(audit: &Audit) -> String {
    let read = match audit.rows {
        None => "Every row was read".to_owned(),
        Some(most) => format!("At most {most} rows of each table were read"),
    };
    match audit.wrote {
        true => format!("{read}; some were written back, in transactions that were rolled back."),
        false => format!("{read}; nothing was written."),
    }
}

fn item(finding: &Finding, text: &str) -> String {
    let word = finding.severity.word();
    format!("<li><b class=\"{word}\">{word}</b> {text}</li>")
}

fn list(out: &mut String, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    if !items.is_empty() {
        line(out, &format!("<ul>{}</ul>", items.join("\n")));
    }
}

fn table_html(out: &mut String, at: usize, table: &TableAudit) {
    let (name, rows) = (escaped_html(&table.name), table.rows);
    let whole = match table.is_whole {
        true => "",
        false => ", incomplete",
    };
    line(
        out,
        &format!(
            "<h2 id=\"t{at}\">{name} <a href=\"#top\" title=\"to the top\">↑</a></h2><p>{rows} {} in {:.1} s{whole}</p>",
            if rows == 1 { "row" } else { "rows" },
            table.seconds
        ),
    );
    let findings = Severity::ALL.iter().flat_map(|&severity| {
        let findings = table.findings.iter();
        findings.filter(move |finding| finding.severity == severity)
    });
    // The heading says which table it is.
    let items = findings.map(|finding| match &finding.column {
        Some(column) => {
            let text = format!("{column}{}", rows_and_message(finding));
            item(finding, &escaped_html(&text))
        }
        None => item(finding, &escaped_html(&finding.message)),
    });
    list(out, items);
    line(
        out,
        "<div><table><tr><th>column</th><th>type</th><th>use</th><th>read</th><th>found</th><th>written</th></tr>",
    );
    for column in &table.columns {
        let marks: String = marks(table, column)
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

/// Explains the terms of the page.
const LEGEND: &str = "<p><b class=\"silent\">silent</b> another value or another row, without an error; \
    <b class=\"error\">error</b> an error where it is met; <b class=\"slow\">slow</b> right, but slow; \
    <b class=\"note\">note</b> cannot be expressed in an entity. Of a column: whether its values are read, whether a row is found by them, and whether \
    they are written back unchanged; empty where there was nothing to try.</p>";

const HEAD: &str = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Audit</title><style>
:root { color-scheme: light dark; --ink: #1f2933; --faint: #ccd2d8; --paper: #fff; --link: #0b57d0; --silent: #a00; --error: #b84300; --slow: #fd8; --note: #def; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --faint: #3b4754; --paper: #14191f; --link: #8ab4f8; --silent: #b3261e; --error: #a84a10; --slow: #6b5410; --note: #24415c; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto; max-width: 70rem; padding: 0 1rem; overflow-wrap: anywhere; }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
h2 { margin: 2rem 0 0.3rem; font-size: 1.2rem; }
ul { padding-left: 1.1rem; } li { margin: 0.3rem 0; }
div { overflow-x: auto; }
table { border-collapse: collapse; margin: 0.5rem 0 1rem; font-variant-numeric: tabular-nums; }
th, td { border: 1px solid var(--faint); padding: 0.2rem 0.6rem; text-align: left; vertical-align: top; }
th { overflow-wrap: normal; } td:first-child { min-width: 5rem; } .number { text-align: right; }
.silent { color: #fff; background: var(--silent); } .error { color: #fff; background: var(--error); }
.slow { background: var(--slow); } .note { background: var(--note); }
b { padding: 0 0.4rem; border-radius: 0.2rem; }
@media (max-width: 40rem) { body { margin: 1rem auto; padding: 0 0.6rem; } th, td { padding: 0.1rem 0.2rem; font-size: 12px; } }
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

/// Formats the place and the message: `users.name, key "a" and 3 more: …`.
fn sentence(table: &TableAudit, finding: &Finding) -> String {
    place(table, finding) + &rows_and_message(finding)
}

fn place(table: &TableAudit, finding: &Finding) -> String {
    match &finding.column {
        Some(column) => format!("{}.{column}", table.name),
        None => table.name.clone(),
    }
}

fn rows_and_message(finding: &Finding) -> String {
    let rows = match (&finding.key, finding.rows) {
        (Some(key), 0 | 1) => format!(", key {key}"),
        (Some(key), rows) => format!(", key {key} and {} more", rows - 1),
        (None, 0) => String::new(),
        (None, 1) => ", 1 row".to_owned(),
        (None, rows) => format!(", {rows} rows"),
    };
    format!("{rows}: {}", finding.message)
}

/// Returns whether a column's values were read, found and written; empty if there was no value to try.
fn marks(table: &TableAudit, column: &ColumnAudit) -> [&'static str; 3] {
    let mark = |known: Option<bool>| match known {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    };
    let is_read = (table.rows > 0 || !column.is_readable).then_some(column.is_readable);
    [
        mark(is_read),
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
