//! A temporary server from local binaries.

use std::env;
use std::path::{Path, PathBuf};

use selfsame::error::Result;
use selfsame_testing::{Supervised, free_port, random_password, refused};

use super::supervisor::script;
use crate::flavor::Flavor;

/// The arguments of [`START`].
const ARGUMENTS: &str = "mariadbd=$1 install=$2 port=$3; shift 3";
const START: &str = r#"
"$install" --no-defaults --datadir="$dir/data" --auth-root-authentication-method=socket --skip-test-db >log 2>&1 </dev/null || failed
"$mariadbd" --no-defaults --datadir="$dir/data" --port="$port" --bind-address=127.0.0.1 --socket="$dir/s" --pid-file="$dir/pid" \
  --init-file="$dir/init.sql" --skip-name-resolve --max-connections=300 --max-allowed-packet=64M --innodb-buffer-pool-size=64M \
  --innodb-log-file-size=16M --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 --innodb-flush-method=nosync \
  --innodb-file-per-table=0 --performance-schema=0 "$@" >log 2>&1 </dev/null &
"#;

/// The same for MySQL, which initializes its data folder itself.
const ARGUMENTS_OF_MYSQL: &str = "mysqld=$1 port=$2";
const START_MYSQL: &str = r#"
"$mysqld" --no-defaults --version >log 2>&1 </dev/null || { tail -n 3 log | tr '\n' ' '; exit 1; }
grep -q MariaDB log && { echo "$mysqld is MariaDB"; exit 1; }
"$mysqld" --no-defaults --datadir="$dir/data" --initialize-insecure --secure-file-priv= >log 2>&1 </dev/null || failed
printf "ALTER USER root@localhost IDENTIFIED BY '%s';\n" "$password" >>init.sql
"$mysqld" --no-defaults --datadir="$dir/data" --port="$port" --bind-address=127.0.0.1 --socket="$dir/s" --pid-file="$dir/pid" \
  --init-file="$dir/init.sql" --secure-file-priv= --mysqlx=OFF --skip-name-resolve --max-connections=300 --max-allowed-packet=64M \
  --innodb-buffer-pool-size=64M --skip-log-bin --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 --innodb-flush-method=nosync \
  --performance-schema=0 >log 2>&1 </dev/null &
"#;

/// A running server, in a folder that is removed with it.
#[derive(Debug)]
pub(super) struct LocalServer {
    _running: Supervised,
    flavor: Flavor,
    port: u16,
    password: String,
}

impl LocalServer {
    pub(super) fn start(options: &[&str]) -> Result<Self> {
        let (server, install) = (
            program("mariadbd", "/usr/sbin")?,
            program("mariadb-install-db", "/usr/bin")?,
        );
        let script = script(ARGUMENTS, START);
        Self::run(Flavor::MariaDb, &script, &server, |port| {
            let mut arguments = vec![install.display().to_string(), port];
            arguments.extend(options.iter().map(|&option| option.to_owned()));
            arguments
        })
    }

    pub(super) fn start_mysql() -> Result<Self> {
        let server = mysqld()?;
        let script = script(ARGUMENTS_OF_MYSQL, START_MYSQL);
        Self::run(Flavor::MySql, &script, &server, |port| vec![port])
    }

    /// Runs a server under a supervisor, whose arguments depend on the server's port.
    fn run(
        flavor: Flavor,
        supervisor: &str,
        server: &Path,
        arguments: impl FnOnce(String) -> Vec<String>,
    ) -> Result<Self> {
        let port = free_port().map_err(|error| refused(format!("no free port: {error}")))?;
        let password =
            random_password().map_err(|error| refused(format!("no random numbers: {error}")))?;
        let arguments = arguments(port.to_string());
        let running = Supervised::start("the server", supervisor, server, &arguments, &password)?;
        Ok(Self {
            _running: running,
            flavor,
            port,
            password,
        })
    }

    pub(super) fn url(&self) -> String {
        format!(
            "{}://selfsame:{}@127.0.0.1:{}",
            self.flavor.dialect(),
            self.password,
            self.port
        )
    }
}

/// Finds MySQL's server: the file named in `SELFSAME_MYSQLD`, or `mysqld` in PATH or in the folders that
/// packages use.
fn mysqld() -> Result<PathBuf> {
    const NAMED: &str = "SELFSAME_MYSQLD";
    if let Some(named) = env::var_os(NAMED) {
        let named = PathBuf::from(named);
        return match named.is_file() {
            true => Ok(named),
            false => Err(refused(format!("{NAMED} does not name a file"))),
        };
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
    let mut found = folders.map(|folder| folder.join("mysqld"));
    found
        .find(|program| program.is_file())
        .ok_or_else(|| refused(format!("mysqld not found in PATH; set {NAMED} to its file")))
}

/// Finds a program of the server: in the folder named in `SELFSAME_MARIADB_BIN`, in PATH, or in the folders
/// that packages use.
pub(super) fn program(name: &str, packaged: &str) -> Result<PathBuf> {
    let mut folders: Vec<PathBuf> = match env::var_os("SELFSAME_MARIADB_BIN") {
        Some(named) => vec![named.into()],
        None => {
            let path = env::var_os("PATH");
            path.map(|path| env::split_paths(&path).collect())
                .unwrap_or_default()
        }
    };
    if env::var_os("SELFSAME_MARIADB_BIN").is_none() {
        folders.push(packaged.into());
    }
    folders
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|program| program.is_file())
        .ok_or_else(|| {
            refused(format!(
                "{name} not found in PATH or {packaged}; set SELFSAME_MARIADB_BIN to its folder"
            ))
        })
}
