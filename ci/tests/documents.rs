//! What the documents show is what compiles and runs here.

#[path = "documents/readme.rs"]
#[expect(unreachable_pub, reason = "it is shown as a program of its own")]
mod readme;

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

/// Parts of a file are shown further to the left than they stand there.
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
