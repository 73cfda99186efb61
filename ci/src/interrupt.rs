//! Cleans up when the run is interrupted by a signal.
//!
//! Servers and containers are stopped by small supervising processes, however this process ends; temporary folders are
//! removed here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;

use selfsame::{Error, ErrorKind, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Registers a folder to be removed on a signal; otherwise its owner removes it.
pub(crate) fn remove_at_end(folder: &Path) {
    folders().push(folder.to_owned());
}

/// Installs a handler: a terminating signal removes the registered folders and ends the process with 128 plus the signal's number.
pub(crate) fn clean_up_on_signals() -> Result<()> {
    on_signals(|signal| {
        eprintln!("stopped");
        for folder in folders().iter() {
            // It may have been removed already.
            let _ = std::fs::remove_dir_all(folder);
        }
        std::process::exit(128 + signal);
    })
}

/// Leaves terminating signals to this child: a terminal sends them to both processes, others are forwarded.
pub(crate) fn leave_signals_to(child: u32) -> Result<()> {
    on_signals(move |signal| {
        let name = match signal {
            SIGTERM => "TERM",
            SIGHUP => "HUP",
            _ => return,
        };
        // The child may have ended already.
        let _ = Command::new("kill")
            .args(["-s", name, &child.to_string()])
            .status();
    })
}

fn on_signals(mut act: impl FnMut(i32) + Send + 'static) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::new(
            ErrorKind::Configuration,
            format!("cannot watch signals: {error}"),
        )
    };
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(failed)?;
    thread::Builder::new()
        .name("selfsame-signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                act(signal);
            }
        })
        .map_err(failed)?;
    Ok(())
}

fn folders() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}
