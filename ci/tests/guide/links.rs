//! Checks that the guide shows tested samples, lists its chapters, has working links, and describes every kind of error.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::Failed;

const SOURCES: &[&str] = &[
    include_str!("../on_both.rs"),
    include_str!("asynchronous.rs"),
    include_str!("loading.rs"),
    include_str!("mapping.rs"),
    include_str!("migrations.rs"),
    include_str!("performance.rs"),
    include_str!("program.rs"),
    include_str!("reading.rs"),
    include_str!("recipes.rs"),
    include_str!("relations.rs"),
    include_str!("schema.rs"),
    include_str!("shapes.rs"),
    include_str!("sql.rs"),
    include_str!("testing.rs"),
    include_str!("transactions.rs"),
    include_str!("writing.rs"),
];

pub(crate) fn check() -> Result<(), Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/src");
    let mut wrong = Vec::new();
    let mut chapters = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        chapters.push((path, text));
    }
    check_samples(&chapters, &mut wrong);
    check_links(&chapters, &mut wrong);
    check_summary(&folder, &chapters, &mut wrong)?;
    check_errors(&fs::read_to_string(folder.join("errors.md"))?, &mut wrong);
    if wrong.is_empty() {
        return Ok(());
    }
    Err(wrong.join("\n").into())
}

/// Checks that each Rust sample in the guide is tested, and that each tested sample is in the guide.
fn check_samples(chapters: &[(PathBuf, String)], wrong: &mut Vec<String>) {
    let mut unseen: BTreeSet<String> = SOURCES.iter().flat_map(|source| samples(source)).collect();
    let known = unseen.clone();
    for (path, text) in chapters {
        for block in text.split("```rust\n").skip(1) {
            let block = flush_left(block.split("```").next().unwrap_or_default());
            unseen.remove(&block);
            if !known.contains(&block) {
                wrong.push(format!("{}: no test runs this:\n{block}", path.display()));
            }
        }
    }
    wrong.extend(
        unseen
            .iter()
            .map(|sample| format!("no chapter shows this:\n{sample}")),
    );
}

/// Returns the parts between `ANCHOR` and `ANCHOR_END`.
fn samples(source: &str) -> Vec<String> {
    let begun = source.split("// ANCHOR: ").skip(1);
    let bodies = begun.map(|rest| rest.split("// ANCHOR_END").next().unwrap_or_default());
    bodies
        .map(|body| flush_left(body.split_once('\n').map_or("", |(_, body)| body)))
        .collect()
}

fn flush_left(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join("\n").trim().to_owned()
}

/// Checks that relative links lead to a file, and to a heading in it if they name one.
fn check_links(chapters: &[(PathBuf, String)], wrong: &mut Vec<String>) {
    for (path, text) in chapters {
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap_or_default();
            if target.starts_with("https://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => path.clone(),
                file => path.with_file_name("").join(file),
            };
            let is_there = match fs::read_to_string(&file) {
                Ok(text) => heading.is_empty() || headings(&text).any(|found| found == heading),
                Err(_) => file.is_dir() && heading.is_empty(),
            };
            if !is_there {
                wrong.push(format!("{}: {target} leads nowhere", path.display()));
            }
        }
    }
}

/// The anchors of the headings.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
}

/// The summary lists every chapter.
fn check_summary(
    folder: &Path,
    chapters: &[(PathBuf, String)],
    wrong: &mut Vec<String>,
) -> Result<(), Failed> {
    let summary = fs::read_to_string(folder.join("SUMMARY.md"))?;
    for (path, _) in chapters {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name != "SUMMARY.md" && !summary.contains(&format!("({name})")) {
            wrong.push(format!("SUMMARY.md does not list {name}"));
        }
    }
    Ok(())
}

/// Each kind of error has a row: what it means, usual causes, the cure.
fn check_errors(page: &str, wrong: &mut Vec<String>) {
    let source = include_str!("../../../orm/src/error.rs");
    let body = source
        .split_once("pub enum ErrorKind {")
        .and_then(|(_, rest)| rest.split_once("\n}"))
        .map_or("", |(body, _)| body);
    let kinds: BTreeSet<&str> = body
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| line.trim_end_matches(','))
        .collect();
    let explained: BTreeSet<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 3)
        .filter_map(|line| line.split('`').nth(1))
        .collect();
    if kinds.is_empty() {
        wrong.push("no kinds of errors are found in error.rs".to_owned());
    }
    for kind in kinds.symmetric_difference(&explained) {
        wrong.push(format!("errors.md and ErrorKind do not agree on {kind}"));
    }
}
