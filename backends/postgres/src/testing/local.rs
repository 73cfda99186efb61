//! A throw-away server from local binaries.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use selfsame::error::{Error, ErrorKind, Result};

/// Runs the server in a folder of its own until its standard input ends, which it does however this process ends. The password
/// comes as the first line.
const SUPERVISOR: &str = r#"
bin=$1 port=$2
dir=$(mktemp -d "${TMPDIR:-/tmp}/selfsame-postgres.XXXXXX") || dir=$(mktemp -d /tmp/selfsame-postgres.XXXXXX) || exit 1
cd "$dir" || exit 1
trap '"$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1; cd /; rm -rf "$dir"' EXIT
trap : HUP INT TERM
failed() { tail -n 5 log | tr '\n' ' '; exit 1; }
read -r password
(umask 077; printf '%s\n' "$password" >password)
"$bin/initdb" -D data -U postgres -A md5 --pwfile=password -E UTF8 --locale=C -N >log 2>&1 </dev/null || failed
rm password
"$bin/pg_ctl" -D data -w -t 60 -l log -o "-p $port -h 127.0.0.1 -k '$dir' -F \
  -c synchronous_commit=off -c full_page_writes=off -c max_connections=200 -c shared_buffers=64MB" start >/dev/null 2>&1 </dev/null || failed
echo ready
read -r _
"#;

/// A running server, in a folder that goes with it.
pub(super) struct LocalServer {
    supervisor: Child,
    /// The supervisor ends with it.
    lifeline: Option<ChildStdin>,
    port: u16,
    password: String,
}

impl LocalServer {
    pub(super) fn start() -> Result<Self> {
        let bin = binaries()?;
        let port = free_port().map_err(|error| refused(format!("no free port: {error}")))?;
        let password =
            random_password().map_err(|error| refused(format!("no random numbers: {error}")))?;
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(SUPERVISOR)
            .arg("selfsame-postgres")
            .arg(&bin)
            .arg(port.to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Away from the terminal's signals: it must outlive this process by a moment, to clean up.
            .process_group(0);
        // The server refuses to run as root.
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
            port,
            password,
        };
        server.wait(output)?;
        Ok(server)
    }

    pub(super) fn url(&self) -> String {
        format!(
            "postgres://postgres:{}@127.0.0.1:{}/postgres",
            self.password, self.port
        )
    }

    /// Waits for the supervisor's word: `ready`, or the end of the log and then nothing.
    fn wait(&mut self, output: Option<impl Read>) -> Result<()> {
        let (Some(lifeline), Some(output)) = (self.lifeline.as_mut(), output) else {
            return Err(refused("no pipe to the server".to_owned()));
        };
        let mut said = String::new();
        let started = writeln!(lifeline, "{}", self.password)
            .and_then(|()| BufReader::new(output).read_line(&mut said));
        match started {
            Ok(_) if said.trim() == "ready" => Ok(()),
            Ok(_) => Err(refused(format!(
                "the server did not start: {}",
                said.trim()
            ))),
            Err(error) => Err(refused(format!("the server did not start: {error}"))),
        }
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // It ends by itself; waiting leaves no zombie and no folder behind.
        let _ = self.supervisor.wait();
    }
}

/// The folder that holds `initdb`, `pg_ctl` and `postgres`.
fn binaries() -> Result<PathBuf> {
    if let Some(named) = env::var_os("SELFSAME_POSTGRES_BIN") {
        let named = PathBuf::from(named);
        return if is_complete(&named) {
            Ok(named)
        } else {
            Err(refused(format!(
                "SELFSAME_POSTGRES_BIN is {}, which does not hold initdb, pg_ctl and postgres",
                named.display()
            )))
        };
    }
    let mut folders: Vec<PathBuf> = env::var_os("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        folders.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    let mut packaged: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    // The newest first.
    packaged.sort();
    folders.extend(packaged.into_iter().rev());
    folders
        .into_iter()
        .find(|folder| is_complete(folder))
        .ok_or_else(|| {
            refused(
                "initdb, pg_ctl and postgres are neither in PATH nor in /usr/lib/postgresql/*/bin; SELFSAME_POSTGRES_BIN can name their folder"
                    .to_owned(),
            )
        })
}

fn is_complete(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"]
        .iter()
        .all(|program| folder.join(program).is_file())
}

/// The user and group to run as when this process is root.
pub(super) fn unprivileged_user() -> Option<(u32, u32)> {
    let root = fs::metadata("/proc/self").is_ok_and(|own| {
        use std::os::unix::fs::MetadataExt;
        own.uid() == 0
    });
    if !root {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").ok()?;
    ["postgres", "nobody"].iter().find_map(|name| {
        let account = accounts
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut fields = account.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

pub(super) fn free_port() -> io::Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()
        .map(|address| address.port())
}

fn random_password() -> io::Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cold]
fn refused(message: String) -> Error {
    Error::new(ErrorKind::Configuration, message)
}
