//! Compiles and runs what the documents show.

#[path = "documents/readme.rs"]
#[expect(unreachable_pub, reason = "it is shown as a separate program")]
mod readme;

use selfsame_conformance::RULES;

/// The blocks of Rust in a document.
fn blocks(document: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    let mut rest = document;
    while let Some((_, begun)) = rest.split_once("```rust\n") {
        let (block, after) = begun.split_once("```").expect("an end of the block");
        blocks.push(block);
        rest = after;
    }
    blocks
}

/// Documents show parts of a file with less indentation.
fn without_indentation(text: &str) -> String {
    text.lines()
        .map(|line| line.trim_start().to_owned() + "\n")
        .collect()
}

#[test]
fn the_example_of_the_readme_runs() {
    let shown = blocks(include_str!("../../README.md"));
    assert_eq!(shown, [include_str!("documents/readme.rs")]);
    readme::main().expect("the example runs");
}

#[test]
fn the_guide_for_backends_shows_a_backend_that_passes_the_suite() {
    let sources = [
        without_indentation(include_str!("own_backend/backend.rs")),
        without_indentation(include_str!("own_backend/main.rs")),
    ];
    let shown = blocks(include_str!("../../docs/implementing-a-backend.md"));
    assert!(shown.len() >= 7, "{} blocks", shown.len());
    for block in shown {
        let block = without_indentation(block);
        assert!(
            sources.iter().any(|source| source.contains(&block)),
            "the guide shows what is nowhere in the backend:\n{block}"
        );
    }
}

/// New cases may be missing from the table until it is generated again; `ci/check.sh` compares it with the output of a full run.
#[test]
fn the_table_of_rules_says_what_the_rules_and_cases_say() {
    let table = include_str!("../../docs/semantics.md");
    let again =
        "write it anew: selfsame check sqlite postgres --format rules --out docs/semantics.md";
    for rule in &RULES {
        let row = table
            .lines()
            .find(|line| line.starts_with(&format!("| {} | ", rule.number)));
        let cells: Vec<&str> = row
            .map(|row| row.split(" | ").collect())
            .unwrap_or_default();
        let [_, text, held_by, ..] = cells[..] else {
            panic!("rule {} has no row: {again}", rule.number);
        };
        let promised = format!("{}.", rule.text);
        assert_eq!(text, promised, "rule {}: {again}", rule.number);
        for id in held_by.split('`').filter(|id| id.contains('.')) {
            let holds = rule.cases().any(|case| case == id);
            assert!(holds, "{id} does not hold rule {}: {again}", rule.number);
        }
    }
}
