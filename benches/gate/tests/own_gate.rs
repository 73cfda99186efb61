//! A project's own gate, from its command line: what it accepts, what it refuses and for which cause, and its errors for bad input.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The example, which `cargo test` builds too.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let deps = test.parent().expect("it is in a folder");
    let name = format!("own_gate{}", std::env::consts::EXE_SUFFIX);
    deps.with_file_name("examples").join(name)
}

fn run_gate(golden: &Path, arguments: &[&str], slow: bool) -> (Option<i32>, String) {
    let mut command = Command::new(program());
    command.arg("--golden").arg(golden).args(arguments);
    if slow {
        command.env("OWN_GATE_SLOW", "1");
    }
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the example is built");
    let text = [stdout, stderr].concat();
    (status.code(), String::from_utf8(text).expect("text"))
}

#[test]
fn what_is_blessed_passes_and_a_mistake_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let golden = folder.path();
    let (code, text) = run_gate(golden, &[], false);
    assert_eq!(code, Some(1), "nothing is accepted yet: {text}");
    assert!(text.contains("no golden file"), "{text}");
    assert_eq!(run_gate(golden, &["--bless"], false).0, Some(0));
    let (code, text) = run_gate(golden, &[], false);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("pass: 2 workloads against golden files"),
        "{text}"
    );

    let (code, text) = run_gate(golden, &[], true);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("catalogue: N+1: +"), "{text}");
    assert!(
        text.contains("N+1: 13 statements for 10, 103 for 100"),
        "{text}"
    );
    assert!(!text.contains("retitle"), "{text}");
}

#[test]
fn a_build_is_compared_with_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let golden = folder.path();
    assert_eq!(run_gate(golden, &["--bless"], false).0, Some(0));
    let base = program().display().to_string();
    let json = golden.join("report.json").display().to_string();
    let bencher = golden.join("bencher.json").display().to_string();
    let (code, text) = run_gate(
        golden,
        &[
            "--base",
            &base,
            "--filter",
            "retitle",
            "--skip",
            "time",
            "--skip",
            "instructions",
            "--json",
            &json,
            "--bencher",
            &bencher,
        ],
        false,
    );
    assert_eq!(code, Some(0), "{text}");
    let report = std::fs::read_to_string(json).expect("it is written");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["exact"][0]["workload"], "retitle");
    let bencher = std::fs::read_to_string(bencher).expect("it is written");
    assert!(bencher.contains("allocations"), "{bencher}");
}

#[test]
fn bad_input_is_one_line_and_no_pass() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [
        &["--magic"][..],
        &["--base"],
        &["--base", "/no/such/program"],
        &["--filter", "nothing is named like this"],
        &["--skip", "magic"],
        &["--json", "/no/such/folder/x.json", "--bless"],
    ] {
        let (code, text) = run_gate(folder.path(), arguments, false);
        assert_eq!(code, Some(2), "{arguments:?}: {text}");
        let errors: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("error: "))
            .collect();
        assert_eq!(errors.len(), 1, "{arguments:?}: {text}");
    }
}
