//! The checkout, and its measuring programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use selfsame::Result;
use selfsame_gate::Side;

use super::configuration;

/// Finds the root of the current checkout.
pub(super) fn root() -> Result<PathBuf> {
    let top = git(Path::new("."), &["rev-parse", "--show-toplevel"]).map_err(|why| {
        configuration(format!("the gate needs a git checkout of selfsame: {why}"))
    })?;
    let root = PathBuf::from(top);
    if !root.join("benches/src/bin/probe.rs").is_file() {
        return Err(configuration(format!(
            "{} is not a checkout of selfsame; for a gate of your own project, see the chapter on performance in the guide",
            root.display()
        )));
    }
    Ok(root)
}

/// Refuses uncommitted changes, which would be measured under the name of a revision.
pub(super) fn refuse_dirty(root: &Path) -> Result<()> {
    let changed =
        git(root, &["status", "--porcelain", "--untracked-files=no"]).map_err(configuration)?;
    match changed.lines().next() {
        None => Ok(()),
        Some(first) => Err(configuration(format!(
            "the working tree is dirty ({} files, such as {}): commit them, or use --allow-dirty",
            changed.lines().count(),
            first.trim()
        ))),
    }
}

/// The programs of a build, and their target directory.
pub(super) struct Built {
    pub(super) side: Side,
    pub(super) target: PathBuf,
}

/// Builds the programs of a checkout, in its own target directory or another, and copies them to a folder where no other build replaces them.
/// Two checkouts share a target directory, and with it the compiled libraries.
pub(super) fn programs(root: &Path, target: Option<&Path>, keep: &Path) -> Result<Built> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(root)
        .args([
            "build",
            "--release",
            "--quiet",
            "-p",
            "selfsame-benches",
            "--bins",
        ])
        .args(["--message-format", "json-render-diagnostics"])
        // Variables set by the Cargo that runs this command.
        .env_remove("CARGO_MANIFEST_DIR")
        .stdin(Stdio::null());
    if let Some(target) = target {
        cargo.arg("--target-dir").arg(target);
    }
    let output = cargo
        .output()
        .map_err(|error| configuration(format!("cannot run cargo: {error}")))?;
    if !output.status.success() {
        return Err(configuration(format!(
            "the build failed: {}",
            first_error(&output)
        )));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let kept = |name: &str| {
        let found = text.lines().find_map(|line| executable(line, name));
        let program = found.ok_or_else(|| configuration(format!("cargo built no {name}")))?;
        let to = keep.join(name);
        fs::create_dir_all(keep)
            .and_then(|()| fs::copy(&program, &to))
            .map_err(|error| configuration(format!("{}: {error}", to.display())))?;
        Ok((program, to))
    };
    let (built, timing) = kept("selfsame-probe")?;
    let (_, counting) = kept("selfsame-probe-counting")?;
    // target/release/selfsame-probe
    let target = built.ancestors().nth(2).unwrap_or(root).to_owned();
    Ok(Built {
        side: Side::new(timing).counting_with(counting),
        target,
    })
}

/// Returns the path in a message of Cargo about this program.
fn executable(line: &str, name: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    if message["reason"] != "compiler-artifact" || message["target"]["name"] != name {
        return None;
    }
    message["executable"].as_str().map(PathBuf::from)
}

fn first_error(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let error = text.lines().find(|line| line.starts_with("error"));
    error
        .or_else(|| text.lines().last())
        .unwrap_or("no message")
        .to_owned()
}

/// Runs git and returns its output.
pub(super) fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run git: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(text.lines().next().unwrap_or("git failed").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_in_what_cargo_says() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"a"},"executable":"/t/a"}"#;
        assert_eq!(executable(line, "a"), Some(PathBuf::from("/t/a")));
        assert_eq!(executable(line, "b"), None);
        assert_eq!(executable("nonsense", "a"), None);
        let library = r#"{"reason":"compiler-artifact","target":{"name":"a"},"executable":null}"#;
        assert_eq!(executable(library, "a"), None);
    }
}
