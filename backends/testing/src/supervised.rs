//! [`Supervised`]: a server started and stopped by a shell script.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use selfsame::error::Result;

use crate::refused;

/// A shell that runs a server until its standard input is closed, which happens however this process ends, and then cleans up.
#[derive(Debug)]
pub struct Supervised {
    supervisor: Child,
    /// Closing it ends the supervisor.
    lifeline: Option<ChildStdin>,
}

impl Supervised {
    /// Runs `script` with `program`, `arguments` and the lines of `input` on its standard input, and waits until it prints `ready`, or the
    /// reason why `name` did not start. As root it runs as another user, because database servers refuse to run as root.
    ///
    /// # Errors
    ///
    /// [`Configuration`](selfsame::ErrorKind::Configuration) with the script's message.
    pub fn start(
        name: &str,
        script: &str,
        program: &Path,
        arguments: &[String],
        input: &str,
    ) -> Result<Self> {
        let mut command = Command::new("sh");
        command
            .args(["-c", script, "selfsame-server"])
            .arg(program)
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Not in the terminal's process group: it must outlive this process for a moment, to clean up.
            .process_group(0);
        if let Some((user, group)) = unprivileged_user() {
            command.uid(user).gid(group).env_remove("TMPDIR");
        }
        let mut supervisor = command
            .spawn()
            .map_err(|error| refused(format!("cannot start sh: {error}")))?;
        let lifeline = supervisor.stdin.take();
        let output = supervisor.stdout.take();
        let mut server = Self {
            supervisor,
            lifeline,
        };
        let (Some(lifeline), Some(output)) = (server.lifeline.as_mut(), output) else {
            return Err(refused(format!("no pipe to {name}")));
        };
        let mut said = String::new();
        let started = writeln!(lifeline, "{input}")
            .and_then(|()| BufReader::new(output).read_line(&mut said));
        match started {
            Ok(_) if said.trim() == "ready" => Ok(server),
            Ok(_) => Err(refused(format!("{name} did not start: {}", said.trim()))),
            Err(error) => Err(refused(format!("{name} did not start: {error}"))),
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // The supervisor ends by itself; waiting for it avoids a zombie and a leftover folder.
        let _ = self.supervisor.wait();
    }
}

/// Returns the user and group to run as if this process is root.
fn unprivileged_user() -> Option<(u32, u32)> {
    let root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !root {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").ok()?;
    ["postgres", "mysql", "nobody"].iter().find_map(|name| {
        let account = accounts
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut fields = account.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}
