//! `selfsame init`: the crates that it writes compile, and their tests pass.

mod support;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{refused, run};

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Writes a crate and runs a Cargo command in it, with the workspace's versions of dependencies.
fn written(kind: &str, name: &str, cargo: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join(name);
    let out_text = out.to_str().expect("text");
    let checkout = checkout();
    let selfsame = checkout.to_str().expect("text");
    let arguments = [
        "init",
        kind,
        name,
        "--out",
        out_text,
        "--selfsame",
        selfsame,
    ];
    let ran = run(&arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    // The second run would overwrite the first.
    refused(&arguments, &["is not empty"]);
    std::fs::copy(checkout.join("Cargo.lock"), out.join("Cargo.lock")).expect("a lock file");
    // The workspace's own target folder, with its profile: most dependencies are built already.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("a target folder");
    let output = Command::new(env!("CARGO"))
        .args(cargo)
        .current_dir(&out)
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    // Cargo's own warnings, of the network for example, are none of the code.
    assert!(!errors.contains(") generated "), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn an_application_passes_its_tests() {
    let out = written("app", "to-do", &["test"]);
    assert!(out.contains("2 passed"), "{out}");
}

#[test]
fn a_backend_compiles_with_its_conformance_test() {
    let out = written(
        "backend",
        "my-db",
        &["test", "--test", "conformance", "--", "types.f64"],
    );
    assert!(out.contains("test result: ok"), "{out}");
    assert!(!out.contains(". 0 passed"), "{out}");
}

#[test]
fn inside_a_checkout_the_crate_depends_on_it_and_is_not_part_of_its_workspace() {
    let folder = tempfile::tempdir().expect("a folder");
    let checkout = folder.path().canonicalize().expect("a path");
    std::fs::create_dir_all(checkout.join("orm/macros")).expect("a folder");
    std::fs::write(checkout.join("orm/Cargo.toml"), "").expect("a file");
    let out = checkout.join("deep/app");
    let ran = run(&["init", "app", "app", "--out", out.to_str().expect("text")]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let ignored = std::fs::read_to_string(out.join(".gitignore")).expect("a list");
    assert_eq!(ignored, "/target\n*.db\n*.db-shm\n*.db-wal\n");
    let manifest = std::fs::read_to_string(out.join("Cargo.toml")).expect("a manifest");
    let orm = checkout.join("orm").display().to_string();
    assert!(manifest.contains(&orm), "{manifest}");
    assert!(manifest.ends_with("\n[workspace]\n"), "{manifest}");
}

#[test]
fn run_in_a_checkout_a_crate_elsewhere_depends_on_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("app");
    // Tests run in the folder of their package, which is in a checkout.
    let ran = run(&["init", "app", "app", "--out", out.to_str().expect("text")]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let manifest = std::fs::read_to_string(out.join("Cargo.toml")).expect("a manifest");
    let orm = checkout().canonicalize().expect("a path").join("orm");
    assert!(manifest.contains(&orm.display().to_string()), "{manifest}");
    assert!(!manifest.contains("[workspace]"), "{manifest}");
}

#[test]
fn names_that_no_crate_can_have_are_refused() {
    for name in [
        "",
        "9lives",
        "Upper",
        "with space",
        "type",
        "../out",
        "selfsame",
    ] {
        refused(&["init", "app", "--", name], &["cannot name a crate"]);
    }
    refused(
        &["init", "app", "to-do", "--selfsame", "/nowhere"],
        &["/nowhere"],
    );
}
