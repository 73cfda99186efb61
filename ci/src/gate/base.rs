//! The base revision: in a separate worktree, with the workloads of this revision, so that both do the same work.

use std::fs;
use std::path::{Path, PathBuf};

use selfsame::Result;
use selfsame_gate::Side;

use super::build::{git, programs};
use super::configuration;

/// The folders taken from the head: the base's ORM is measured with the head's programs.
const MEASURING: &[&str] = &["benches"];

/// Their packages, which a base may have elsewhere.
const MEASURES: &[&str] = &["selfsame-benches", "selfsame-gate"];

/// A revision to compare with. Dropping it removes its worktree.
pub(super) struct Base {
    name: String,
    commit: String,
    root: PathBuf,
    worktree: PathBuf,
}

impl Base {
    /// Resolves a revision.
    pub(super) fn check(root: &Path, revision: &str) -> Result<Self> {
        let wanted = format!("{revision}^{{commit}}");
        let commit = git(
            root,
            &[
                "rev-parse",
                "--verify",
                "--quiet",
                "--end-of-options",
                &wanted,
            ],
        )
        .map_err(|_| configuration(format!("unknown revision {revision}")))?;
        let short = commit.get(..10).unwrap_or(&commit);
        Ok(Self {
            name: format!("{revision} ({short})"),
            root: root.to_owned(),
            // Always the same path, so that earlier builds are reused.
            worktree: root.join("target/gate/worktree"),
            commit,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Checks out the revision and builds its programs: with the head's workloads, or with its own if those use what the base does
    /// not have.
    pub(super) fn build(&mut self, target: &Path) -> Result<Side> {
        self.check_out()?;
        let keep = self.root.join("target/gate/base");
        let overlaid = self
            .overlay()
            .map_err(|why| configuration(format!("{}: {why}", self.name)))
            .and_then(|()| programs(&self.worktree, Some(target), &keep));
        let error = match overlaid {
            Ok(built) => return Ok(built.side),
            Err(error) => error,
        };
        self.check_out()?;
        if self.worktree.join("benches/src/bin/probe.rs").is_file()
            && let Ok(own) = programs(&self.worktree, Some(target), &keep)
        {
            // Both sides then do different work, which the result must state.
            self.name.push_str(&format!(
                ", with its own workloads, because with those of this revision {}",
                error.message()
            ));
            return Ok(own.side);
        }
        Err(configuration(format!("{}: {}", self.name, error.message())))
    }

    fn check_out(&self) -> Result<()> {
        self.remove();
        let path = self.worktree.to_string_lossy();
        git(
            &self.root,
            &[
                "worktree",
                "add",
                "--detach",
                "--force",
                &path,
                &self.commit,
            ],
        )
        .map(drop)
        .map_err(|why| configuration(format!("cannot check out {}: {why}", self.name)))
    }

    /// Copies the measuring programs into the worktree.
    fn overlay(&self) -> std::io::Result<()> {
        for folder in MEASURING {
            let to = self.worktree.join(folder);
            if to.exists() {
                fs::remove_dir_all(&to)?;
            }
            copy(&self.root.join(folder), &to)?;
        }
        // Use the same versions of libraries on both sides.
        fs::copy(
            self.root.join("Cargo.lock"),
            self.worktree.join("Cargo.lock"),
        )?;
        let ours = fs::read_to_string(self.root.join("Cargo.toml"))?;
        let manifest = self.worktree.join("Cargo.toml");
        let name_of = |member: &str| package(&self.worktree.join(member));
        let merged = merge(&fs::read_to_string(&manifest)?, &ours, name_of)
            .map_err(std::io::Error::other)?;
        fs::write(manifest, merged)
    }

    fn remove(&self) {
        let path = self.worktree.to_string_lossy();
        // It may not exist.
        let _ = git(&self.root, &["worktree", "remove", "--force", &path]);
        let _ = fs::remove_dir_all(&self.worktree);
        let _ = git(&self.root, &["worktree", "prune"]);
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        self.remove();
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        match entry.file_type()?.is_dir() {
            // Peers are separate workspaces, and golden files are not built.
            true if name == "target" || name == "peers" || name == "golden" => {}
            true => copy(&path, &to.join(name))?,
            false => drop(fs::copy(&path, to.join(name))?),
        }
    }
    Ok(())
}

/// Adds to the base's manifest the members and dependencies of the measuring programs that it lacks. `name_of` returns the package
/// of a member.
fn merge(
    base: &str,
    head: &str,
    name_of: impl Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let read = |text: &str| {
        text.parse::<toml::Table>()
            .map_err(|error| error.message().to_owned())
    };
    let (mut base, head) = (read(base)?, read(head)?);
    let workspace = base
        .get_mut("workspace")
        .and_then(toml::Value::as_table_mut)
        .ok_or("the manifest has no workspace")?;
    let ours = head.get("workspace").and_then(toml::Value::as_table);
    let measures = |member: &toml::Value| {
        let folder = member.as_str().unwrap_or_default();
        let top = folder.split('/').next().unwrap_or_default();
        MEASURING.contains(&top)
    };
    if let Some(members) = workspace
        .get_mut("members")
        .and_then(toml::Value::as_array_mut)
    {
        // If the base has a measuring package elsewhere, there would be two of it.
        members.retain(|member| {
            let name = member.as_str().and_then(&name_of);
            !measures(member) && !name.is_some_and(|name| MEASURES.contains(&name.as_str()))
        });
        let needed = ours
            .and_then(|ours| ours.get("members"))
            .and_then(toml::Value::as_array);
        members.extend(
            needed
                .into_iter()
                .flatten()
                .filter(|member| measures(member))
                .cloned(),
        );
    }
    let ours = ours.and_then(|ours| ours.get("dependencies"));
    let theirs = workspace
        .get_mut("dependencies")
        .and_then(toml::Value::as_table_mut);
    if let (Some(ours), Some(theirs)) = (ours.and_then(toml::Value::as_table), theirs) {
        for (name, dependency) in ours {
            if !theirs.contains_key(name) || MEASURES.contains(&name.as_str()) {
                theirs.insert(name.clone(), dependency.clone());
            }
        }
    }
    Ok(base.to_string())
}

/// Returns the name of the package in a folder of a checkout.
fn package(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let manifest: toml::Table = text.parse().ok()?;
    let name = manifest.get("package")?.get("name")?.as_str()?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_gets_what_it_lacks_and_keeps_what_it_has() {
        let base = "[workspace]\nmembers = [\"orm\", \"benches\", \"gate\"]\n[workspace.dependencies]\na = \"1\"\nselfsame-gate = { path = \"gate\" }\n";
        let head = "[workspace]\nmembers = [\"orm\", \"new\", \"benches\", \"benches/gate\"]\n[workspace.dependencies]\na = \"2\"\nb = \"3\"\nselfsame-gate = { path = \"benches/gate\" }\n";
        let name_of = |member: &str| (member == "gate").then(|| "selfsame-gate".to_owned());
        let merged: toml::Table = merge(base, head, name_of)
            .expect("both can be read")
            .parse()
            .expect("TOML");
        let workspace = merged["workspace"].as_table().expect("it is there");
        let members: Vec<&str> = workspace["members"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(toml::Value::as_str)
            .collect();
        assert_eq!(members, ["orm", "benches", "benches/gate"]);
        let dependencies = &workspace["dependencies"];
        assert_eq!(dependencies["a"].as_str(), Some("1"));
        assert_eq!(dependencies["b"].as_str(), Some("3"));
        assert_eq!(
            dependencies["selfsame-gate"]["path"].as_str(),
            Some("benches/gate")
        );
        assert!(merge("nonsense", head, name_of).is_err());
        assert!(merge("[package]\nname = \"x\"\n", head, name_of).is_err());
    }
}
