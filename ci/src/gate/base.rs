//! The other revision: in a worktree of its own, with the workloads of this one, so that both do the same.

use std::fs;
use std::path::{Path, PathBuf};

use selfsame::Result;
use selfsame_gate::Side;

use super::build::{git, programs};
use super::configuration;

/// What is measured is the ORM of the base; what measures it is of the head.
const MEASURING: [&str; 2] = ["benches", "gate"];

/// A revision to compare with. Its worktree goes with the value.
pub(super) struct Base {
    name: String,
    commit: String,
    root: PathBuf,
    worktree: PathBuf,
}

impl Base {
    /// Makes sure that there is such a revision.
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
        .map_err(|_| configuration(format!("there is no revision {revision} to compare with")))?;
        let short = commit.get(..10).unwrap_or(&commit);
        Ok(Self {
            name: format!("{revision} ({short})"),
            root: root.to_owned(),
            // The same path every time, so that what was built is found again.
            worktree: root.join("target/gate/worktree"),
            commit,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Checks the revision out and builds its programs: with the workloads of the head, or with its own where those ask for what it does
    /// not have.
    pub(super) fn build(&self, target: &Path) -> Result<Side> {
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
        .map_err(|why| configuration(format!("{} cannot be checked out: {why}", self.name)))
    }

    /// Puts what measures into the worktree.
    fn overlay(&self) -> std::io::Result<()> {
        for folder in MEASURING {
            let to = self.worktree.join(folder);
            if to.exists() {
                fs::remove_dir_all(&to)?;
            }
            copy(&self.root.join(folder), &to)?;
        }
        // The same libraries on both sides, too.
        fs::copy(
            self.root.join("Cargo.lock"),
            self.worktree.join("Cargo.lock"),
        )?;
        let ours = fs::read_to_string(self.root.join("Cargo.toml"))?;
        let manifest = self.worktree.join("Cargo.toml");
        let merged =
            merge(&fs::read_to_string(&manifest)?, &ours).map_err(std::io::Error::other)?;
        fs::write(manifest, merged)
    }

    fn remove(&self) {
        let path = self.worktree.to_string_lossy();
        // There may be none.
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
            // Peers are workspaces of their own; golden files are not built.
            true if name == "target" || name == "peers" || name == "golden" => {}
            true => copy(&path, &to.join(name))?,
            false => drop(fs::copy(&path, to.join(name))?),
        }
    }
    Ok(())
}

/// The base's manifest, with the members and dependencies that what measures needs and the base does not know.
fn merge(base: &str, head: &str) -> Result<String, String> {
    let read = |text: &str| {
        text.parse::<toml::Table>()
            .map_err(|error| error.message().to_owned())
    };
    let (mut base, head) = (read(base)?, read(head)?);
    let workspace = base
        .get_mut("workspace")
        .and_then(toml::Value::as_table_mut)
        .ok_or("the manifest has no workspace")?;
    if let Some(members) = workspace
        .get_mut("members")
        .and_then(toml::Value::as_array_mut)
    {
        for folder in MEASURING {
            if !members.iter().any(|member| member.as_str() == Some(folder)) {
                members.push(folder.into());
            }
        }
    }
    let ours = head
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"));
    let theirs = workspace
        .get_mut("dependencies")
        .and_then(toml::Value::as_table_mut);
    if let (Some(ours), Some(theirs)) = (ours.and_then(toml::Value::as_table), theirs) {
        for (name, dependency) in ours {
            if !theirs.contains_key(name) {
                theirs.insert(name.clone(), dependency.clone());
            }
        }
    }
    Ok(base.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_gets_what_it_lacks_and_keeps_what_it_has() {
        let base =
            "[workspace]\nmembers = [\"orm\", \"benches\"]\n[workspace.dependencies]\na = \"1\"\n";
        let head = "[workspace]\nmembers = [\"orm\", \"new\", \"gate\"]\n[workspace.dependencies]\na = \"2\"\nb = \"3\"\n";
        let merged: toml::Table = merge(base, head)
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
        assert_eq!(members, ["orm", "benches", "gate"]);
        assert_eq!(workspace["dependencies"]["a"].as_str(), Some("1"));
        assert_eq!(workspace["dependencies"]["b"].as_str(), Some("3"));
        assert!(merge("nonsense", head).is_err());
        assert!(merge("[package]\nname = \"x\"\n", head).is_err());
    }
}
