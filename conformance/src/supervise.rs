//! Runs the cases in a child process, so that the suite can report an engine that ends the process.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};

/// An environment variable that is set in the child: the file in which it records the running cases.
const NOTES: &str = "SELFSAME_SUPERVISED_NOTES";
/// The last entry that a child writes.
const ENDED: &str = "ended";

/// The role of this process.
pub(crate) enum Role {
    /// The parent, with the exit code for its child.
    Parent(ExitCode),
    /// The process that runs the cases.
    Child(Running),
}

/// Starts the child and waits for it, unless this is the child or none is needed.
pub(crate) fn role(only_lists: bool) -> Role {
    if let Some(path) = std::env::var_os(NOTES) {
        return Role::Child(Running::noting(path.into()));
    }
    let unwanted = std::env::var("SELFSAME_SUPERVISE").is_ok_and(|value| value == "0");
    if only_lists || unwanted {
        return Role::Child(Running::default());
    }
    match supervised() {
        Ok(code) => Role::Parent(code),
        // If no process can be started, the cases run in this one.
        Err(_) => Role::Child(Running::default()),
    }
}

fn supervised() -> std::io::Result<ExitCode> {
    let notes = std::env::temp_dir().join(format!("selfsame-notes-{}", std::process::id()));
    fs::write(&notes, "")?;
    let status = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(NOTES, &notes)
        .status();
    let noted = fs::read_to_string(&notes).unwrap_or_default();
    let _ = fs::remove_file(&notes);
    Ok(verdict(status?, &noted))
}

/// Returns the exit code of the run from the child's exit status and its last entry.
fn verdict(status: ExitStatus, noted: &str) -> ExitCode {
    if noted == ENDED {
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        return code.map_or(ExitCode::FAILURE, ExitCode::from);
    }
    // A usage error or `--help`: nothing ran, and libtest has printed why.
    if noted.is_empty() && status.code().is_some_and(|code| code != 0) {
        return ExitCode::FAILURE;
    }
    let doing = match noted {
        "" => "before the first case".to_owned(),
        cases => format!("while running {}", cases.replace('\n', ", ")),
    };
    eprintln!("error: the process ended unexpectedly ({status}) {doing}: the engine ended it");
    ExitCode::FAILURE
}

/// Records the running cases for the parent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running {
    notes: Option<Arc<Notes>>,
}

#[derive(Debug)]
struct Notes {
    path: PathBuf,
    cases: Mutex<BTreeSet<&'static str>>,
}

impl Running {
    fn noting(path: PathBuf) -> Self {
        Self {
            notes: Some(Arc::new(Notes {
                path,
                cases: Mutex::default(),
            })),
        }
    }

    /// Records that a case runs until the guard is dropped.
    pub(crate) fn case(&self, id: &'static str) -> impl Drop + use<> {
        if let Some(notes) = &self.notes {
            notes.change(|cases| cases.insert(id));
        }
        RunningCase {
            notes: self.notes.clone(),
            id,
        }
    }

    /// Records the end of the run.
    pub(crate) fn ended(&self) {
        if let Some(notes) = &self.notes {
            write(&notes.path, ENDED);
        }
    }
}

impl Notes {
    fn change(&self, change: impl FnOnce(&mut BTreeSet<&'static str>) -> bool) {
        let mut cases = self.cases.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut cases);
        let ids: Vec<&str> = cases.iter().copied().collect();
        write(&self.path, &ids.join("\n"));
    }
}

fn write(path: &Path, text: &str) {
    // The record only improves a message, so a full disk must not make a case fail.
    let _ = fs::write(path, text);
}

struct RunningCase {
    notes: Option<Arc<Notes>>,
    id: &'static str,
}

impl Drop for RunningCase {
    fn drop(&mut self) {
        if let Some(notes) = &self.notes {
            notes.change(|cases| cases.remove(self.id));
        }
    }
}
