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

#[test]
fn the_example_of_the_readme_runs() {
    let shown = blocks(include_str!("../../README.md"));
    assert_eq!(shown, [include_str!("documents/readme.rs")]);
    readme::main().expect("the example runs");
}
