//! A server in a container.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use selfsame::error::{Error, ErrorKind, Result};
use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::SyncRunner;
use testcontainers::{Container as Running, GenericImage, ImageExt};

const LABEL: &str = "selfsame.postgres.owner";
const PASSWORD: &str = "selfsame";
const PORT: u16 = 5432;
const STARTUP: Duration = Duration::from_secs(120);

/// Removes the container when its standard input ends, which it does however this process ends.
const SUPERVISOR: &str = r#"trap : HUP INT TERM; read -r _; docker rm -f -v "$1""#;

/// A running container, removed when dropped.
pub(super) struct Container {
    running: Option<Running<GenericImage>>,
    supervisor: Option<(Child, Option<ChildStdin>)>,
    port: u16,
}

impl Container {
    pub(super) fn start(image: &str) -> Result<Self> {
        sweep();
        let (name, tag) = name_and_tag(image);
        let running = GenericImage::new(name, tag)
            .with_exposed_port(PORT.tcp())
            // The first server, which only sets up, says this on standard output.
            .with_wait_for(WaitFor::message_on_stderr(
                "database system is ready to accept connections",
            ))
            .with_env_var("POSTGRES_PASSWORD", PASSWORD)
            // A SCRAM handshake takes an unoptimized client a tenth of a second.
            .with_env_var("POSTGRES_HOST_AUTH_METHOD", "password")
            .with_label(LABEL, owner(std::process::id()))
            .with_startup_timeout(STARTUP)
            .with_cmd([
                "postgres",
                "-c",
                "fsync=off",
                "-c",
                "synchronous_commit=off",
                "-c",
                "full_page_writes=off",
                "-c",
                "max_connections=200",
            ])
            .start()
            .map_err(|error| refused(error.to_string()))?;
        let port = running
            .get_host_port_ipv4(PORT.tcp())
            .map_err(|error| refused(error.to_string()))?;
        let supervisor = supervise(running.id());
        Ok(Self {
            running: Some(running),
            supervisor,
            port,
        })
    }

    /// By address: the host's name can lead astray inside another container.
    pub(super) fn url(&self) -> String {
        format!(
            "postgres://postgres:{PASSWORD}@127.0.0.1:{}/postgres",
            self.port
        )
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(self.running.take());
        if let Some((mut child, lifeline)) = self.supervisor.take() {
            drop(lifeline);
            let _ = child.wait();
        }
    }
}

/// Removes the containers that processes of this machine left behind, as they do when they are killed.
///
/// Does nothing without the `docker` command.
pub fn sweep() {
    let format = format!("{{{{.ID}}}} {{{{.Label \"{LABEL}\"}}}}");
    let listed = Command::new("docker")
        .args([
            "ps",
            "-a",
            "--filter",
            &format!("label={LABEL}"),
            "--format",
            &format,
        ])
        .stderr(Stdio::null())
        .output();
    let Ok(listed) = listed else { return };
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        let Some((id, label)) = line.split_once(' ') else {
            continue;
        };
        if is_stale(label) {
            let _ = Command::new("docker")
                .args(["rm", "-f", "-v", id])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// A process of this machine, in this run of it: its id, and when it was started, for ids are used again.
fn owner(process: u32) -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    format!(
        "{process}@{}@{}",
        started(process).unwrap_or_default(),
        boot.trim()
    )
}

fn is_stale(label: &str) -> bool {
    let Some(process) = label.split('@').next().and_then(|id| id.parse().ok()) else {
        return false;
    };
    let own = owner(process);
    // Of another machine or another run of it nothing is known.
    label.rsplit('@').next() == own.rsplit('@').next() && label != own
}

/// The time at which a process was started, in the kernel's ticks.
fn started(process: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may hold spaces.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19).map(str::to_owned)
}

fn supervise(id: &str) -> Option<(Child, Option<ChildStdin>)> {
    let mut child = Command::new("sh")
        .args(["-c", SUPERVISOR, "selfsame-postgres", id])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .ok()?;
    let lifeline = child.stdin.take();
    Some((child, lifeline))
}

fn name_and_tag(image: &str) -> (&str, &str) {
    match image.rsplit_once(':') {
        // A colon before a slash belongs to the registry's port.
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

#[cold]
fn refused(message: String) -> Error {
    // The driver's message can be several lines long.
    let line = message.lines().next().unwrap_or_default();
    Error::new(ErrorKind::Configuration, line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_a_tag() {
        for (image, expected) in [
            ("postgres:17", ("postgres", "17")),
            ("postgres", ("postgres", "latest")),
            ("registry:5000/own/pg", ("registry:5000/own/pg", "latest")),
            ("registry:5000/own/pg:15", ("registry:5000/own/pg", "15")),
        ] {
            assert_eq!(name_and_tag(image), expected);
        }
    }

    #[test]
    fn only_the_dead_of_this_machine_are_stale() {
        let own = owner(std::process::id());
        assert!(!is_stale(&own));
        let (_, boot) = own.rsplit_once('@').expect("a boot id");
        assert!(is_stale(&format!("{}@1@{boot}", std::process::id())));
        assert!(!is_stale(&format!("{}@1@another", std::process::id())));
        assert!(!is_stale("nonsense"));
    }
}
