//! What happens when the run is stopped from outside.
//!
//! Servers and containers are taken away by small processes of their own, however this one ends; folders are not, so they are
//! removed here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;

use selfsame::{Error, ErrorKind, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes this folder if the run is stopped; on every other way out its owner does.
pub(crate) fn remove_at_end(folder: &Path) {
    folders().push(folder.to_owned());
}

/// From now on, a signal to stop removes what was registered and ends the process with 128 and the signal's number.
pub(crate) fn clean_up_on_signals() -> Result<()> {
    on_signals(|signal| {
        eprintln!("stopped");
        for folder in folders().iter() {
            // Somebody else may have removed it already.
            let _ = std::fs::remove_dir_all(folder);
        }
        std::process::exit(128 + signal);
    })
}

/// From now on, signals to stop are left to this child: a terminal sends them to both, the others are passed on.
pub(crate) fn leave_signals_to(child: u32) -> Result<()> {
    on_signals(move |signal| {
        let name = match signal {
            SIGTERM => "TERM",
            SIGHUP => "HUP",
            _ => return,
        };
        // A child that is gone needs no signal.
        let _ = Command::new("kill")
            .args(["-s", name, &child.to_string()])
            .status();
    })
}

fn on_signals(mut act: impl FnMut(i32) + Send + 'static) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::new(
            ErrorKind::Configuration,
            format!("signals cannot be watched: {error}"),
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
