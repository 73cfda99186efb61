//! [`Container`]: a server in a container.

use std::collections::VecDeque;
use std::env;
use std::fmt;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use selfsame::error::{Error, ErrorKind, Result};
use testcontainers::core::logs::LogFrame;
use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::SyncRunner;
use testcontainers::{Container as Running, GenericImage, ImageExt};

use crate::Image;

const LABEL: &str = "selfsame.owner";
const STARTUP: Duration = Duration::from_secs(120);
const CONNECTING: Duration = Duration::from_secs(1);

/// Removes the container when its standard input ends, which it does however this process ends.
const SUPERVISOR: &str = r#"trap : HUP INT TERM; read -r _; "$2" rm -f -v "$1""#;

/// The programs that remove containers; the first one found is used.
const PROGRAMS: [&str; 2] = ["docker", "podman"];

/// The number of the server's last lines that are reported if it does not get ready.
const LAST_LINES: usize = 8;

/// A running container, removed when dropped, or when the process ends in any way.
pub struct Container {
    running: Option<Running<GenericImage>>,
    supervisor: Option<(Child, Option<ChildStdin>)>,
    host: String,
    port: u16,
}

impl Container {
    /// Starts a container and waits until its server is ready.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if Docker or the image is not available, or with the server's last lines if it does not get
    /// ready.
    pub fn start(image: &Image<'_>) -> Result<Self> {
        let swept = sweep();
        let lines = LastLines::default();
        let heard = lines.clone();
        let (name, tag) = name_and_tag(image.name);
        let server = GenericImage::new(name, tag)
            .with_exposed_port(image.port.tcp())
            .with_wait_for(WaitFor::message_on_stderr(image.ready))
            .with_label(LABEL, owner(std::process::id()))
            .with_startup_timeout(STARTUP)
            .with_log_consumer(move |frame: &LogFrame| heard.add(frame.bytes()))
            .with_cmd(image.command.iter().copied());
        let variables = image.variables.iter();
        let running = variables
            .fold(server, |server, (name, value)| {
                server.with_env_var(*name, *value)
            })
            .start()
            .map_err(|error| lines.added_to(refused(error.to_string())))?;
        if let Err(error) = swept {
            eprintln!("{}", error.message());
        }
        let host = running
            .get_host()
            .map_err(|error| refused(error.to_string()))?;
        let port = running
            .get_host_port_ipv4(image.port.tcp())
            .map_err(|error| refused(error.to_string()))?;
        let supervisor = supervise(running.id());
        Ok(Self {
            running: Some(running),
            supervisor,
            host: reached(&host.to_string(), daemon_is_remote(), port),
            port,
        })
    }

    /// Returns `host:port`.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Container").field(&self.address()).finish()
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

/// Whether `DOCKER_HOST` may name a daemon on another machine.
fn daemon_is_remote() -> bool {
    env::var("DOCKER_HOST").is_ok_and(|url| !url.is_empty() && !url.starts_with("unix:"))
}

/// The host of a published port. A daemon on this machine usually publishes on loopback, while inside of a container its host is
/// reported as the bridge's gateway; so loopback is tried first, unless the daemon is elsewhere.
fn reached(host: &str, daemon_is_remote: bool, port: u16) -> String {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let is_here = || !daemon_is_remote && TcpStream::connect_timeout(&loopback, CONNECTING).is_ok();
    match host {
        "localhost" => loopback.ip().to_string(),
        _ if is_here() => loopback.ip().to_string(),
        host => host.to_owned(),
    }
}

/// The last lines that the server wrote.
#[derive(Clone, Default)]
struct LastLines(Arc<Mutex<VecDeque<String>>>);

impl LastLines {
    fn add(&self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if lines.len() == LAST_LINES {
                lines.pop_front();
            }
            lines.push_back(line.to_owned());
        }
    }

    #[cold]
    fn added_to(&self, error: Error) -> Error {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.is_empty() {
            return error;
        }
        let said = lines.make_contiguous().join(" | ");
        let message = format!("{}; the server's last lines: {said}", error.message());
        Error::new(error.kind(), message)
    }
}

/// The program that removes containers.
fn program() -> Result<&'static str> {
    let folders: Vec<_> = env::var_os("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default();
    program_in(&folders)
}

fn program_in(folders: &[PathBuf]) -> Result<&'static str> {
    let is_there = |name: &&str| folders.iter().any(|folder| folder.join(name).is_file());
    PROGRAMS.into_iter().find(is_there).ok_or_else(|| {
        refused(
            "neither `docker` nor `podman` is in PATH: containers left behind by killed processes are not removed"
                .to_owned(),
        )
    })
}

/// Removes containers left behind by killed processes of this machine.
///
/// # Errors
///
/// [`Configuration`](ErrorKind::Configuration) if neither `docker` nor `podman` is installed.
pub fn sweep() -> Result<()> {
    let program = program()?;
    let format = format!("{{{{.ID}}}} {{{{.Label \"{LABEL}\"}}}}");
    let listed = Command::new(program)
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
    let listed = listed.map_err(|error| refused(format!("cannot run {program}: {error}")))?;
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        let Some((id, label)) = line.split_once(' ') else {
            continue;
        };
        if is_stale(label) {
            let _ = Command::new(program)
                .args(["rm", "-f", "-v", id])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }
    Ok(())
}

/// Identifies a process of this machine since its last boot: by id and start time, because ids are reused.
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
    // Processes of another machine, or of an earlier boot, are unknown.
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
        .args(["-c", SUPERVISOR, "selfsame-container", id, program().ok()?])
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
    fn the_host_is_the_daemons() {
        let open = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = open.local_addr().expect("its address").port();
        for (host, remote, expected) in [
            ("localhost", false, "127.0.0.1"),
            ("docker.example", true, "docker.example"),
            ("[::1]", true, "[::1]"),
            ("192.0.2.7", true, "192.0.2.7"),
            ("172.17.0.1", false, "127.0.0.1"),
        ] {
            assert_eq!(reached(host, remote, port), expected, "{host}");
        }
        drop(open);
        assert_eq!(reached("172.17.0.1", false, port), "172.17.0.1");
    }

    #[test]
    fn the_last_lines_are_reported() {
        let lines = LastLines::default();
        let error = || refused("it did not get ready\nin time".to_owned());
        assert_eq!(lines.added_to(error()).message(), "it did not get ready");
        for number in 0..20 {
            lines.add(format!("line {number}\n\n").as_bytes());
        }
        let reported = lines.added_to(error());
        assert!(
            reported.message().ends_with("line 18 | line 19"),
            "{reported}"
        );
        assert!(!reported.message().contains("line 11 "), "{reported}");
    }

    #[test]
    fn docker_is_preferred_and_podman_will_do() {
        let folder = env::temp_dir().join(format!("selfsame-programs-{}", std::process::id()));
        fs::create_dir(&folder).expect("a folder");
        let folders = [folder.clone()];
        let error = program_in(&folders).expect_err("no program");
        assert!(error.message().contains("podman"), "{error}");
        fs::write(folder.join("podman"), "").expect("a file");
        assert_eq!(program_in(&folders).expect("podman"), "podman");
        fs::write(folder.join("docker"), "").expect("a file");
        assert_eq!(program_in(&folders).expect("docker"), "docker");
        fs::remove_dir_all(&folder).expect("removes");
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
