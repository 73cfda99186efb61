//! A temporary server from local binaries.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use selfsame::error::Result;
use selfsame_testing::{Supervised, free_port, random_password, refused};

/// Runs the server in a temporary folder until its standard input is closed, which happens however this process ends. The password
/// is the first line of its input.
const SUPERVISOR: &str = r#"
bin=$1 port=$2
dir=$(mktemp -d "${TMPDIR:-/tmp}/selfsame-postgres.XXXXXX") || dir=$(mktemp -d /tmp/selfsame-postgres.XXXXXX) || exit 1
cd "$dir" || exit 1
trap '"$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1; cd /; rm -rf "$dir"' EXIT
trap : HUP INT TERM PIPE
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

/// A running server, in a folder that is removed with it.
pub(super) struct LocalServer {
    _running: Supervised,
    port: u16,
    password: String,
}

impl LocalServer {
    pub(super) fn start() -> Result<Self> {
        let bin = binaries()?;
        let port = free_port().map_err(|error| refused(format!("no free port: {error}")))?;
        let password =
            random_password().map_err(|error| refused(format!("no random numbers: {error}")))?;
        let running = Supervised::start(
            "the server",
            SUPERVISOR,
            &bin,
            &[port.to_string()],
            &password,
        )?;
        Ok(Self {
            _running: running,
            port,
            password,
        })
    }

    pub(super) fn url(&self) -> String {
        format!(
            "postgres://postgres:{}@127.0.0.1:{}/postgres",
            self.password, self.port
        )
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
                "SELFSAME_POSTGRES_BIN is {}, which does not contain initdb, pg_ctl and postgres",
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
                "initdb, pg_ctl and postgres not found in PATH or /usr/lib/postgresql/*/bin; set SELFSAME_POSTGRES_BIN to their folder"
                    .to_owned(),
            )
        })
}

fn is_complete(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"]
        .iter()
        .all(|program| folder.join(program).is_file())
}
