//! A server ends with the process that started it, however that process ends. The process is this test binary, run as `hold`.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use selfsame::backend::Backend;
use selfsame::value::{Value, ValueType};
use selfsame_postgres::Postgres;
use selfsame_postgres::testing::Server;

use crate::support::{Case, read};

pub(crate) const CASES: &[Case] = &[
    ("lifetime_ends_with_the_process", ends_with_the_process),
    #[cfg(target_os = "linux")]
    (
        "lifetime_ends_with_a_process_that_waits_for_it",
        ends_with_a_process_that_waits_for_it,
    ),
    (
        "lifetime_without_a_server_the_error_lists_what_was_tried",
        the_error_lists_what_was_tried,
    ),
];

/// Longer than a container takes to be removed on a busy machine.
const REMOVAL_LIMIT: Duration = Duration::from_secs(120);

/// Starts a server of this kind, prints its URL, and ends the process in this way.
pub(crate) fn hold(kind: &str, ending: &str) {
    let started = match kind.strip_prefix("docker:") {
        Some(image) => Server::container(image),
        None if kind == "local:postgres" => Server::local(),
        None => Server::start(),
    };
    let server = match started {
        Ok(server) => server,
        Err(error) => return println!("{error}"),
    };
    println!("{}", server.url());
    match ending {
        "exit" => std::process::exit(0),
        "panic" => panic!("on purpose"),
        "kill" => std::thread::sleep(2 * REMOVAL_LIMIT),
        _ => {}
    }
}

fn held(kind: &str, ending: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a program"));
    command
        .args(["hold", kind, ending])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

fn ends_with_the_process(server: &Server) {
    let kind = server.description();
    if kind.starts_with("postgres://") {
        // A server given by URL is left alone.
        return;
    }
    for ending in ["return", "exit", "panic", "kill"] {
        let mut child = held(kind, ending).spawn().expect("starts");
        let mut url = String::new();
        let output = child.stdout.take().expect("a pipe");
        BufReader::new(output)
            .read_line(&mut url)
            .expect("says where");
        let port = url::Url::parse(url.trim())
            .unwrap_or_else(|error| panic!("{kind}, {ending}: {error} in {url:?}"))
            .port()
            .expect("a port");
        let folder = (ending == "kill").then(|| {
            let folder = data_folder(url.trim());
            child.kill().expect("is killed");
            folder
        });
        child.wait().expect("ends");
        let gone = || {
            TcpStream::connect(("127.0.0.1", port)).is_err()
                && folder
                    .as_ref()
                    .is_none_or(|folder| !Path::new(folder).exists())
        };
        let started = Instant::now();
        while !gone() {
            assert!(
                started.elapsed() < REMOVAL_LIMIT,
                "{kind} outlives its process after {ending}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The process is killed while its server starts: nobody reads that it is ready.
#[cfg(target_os = "linux")]
fn ends_with_a_process_that_waits_for_it(server: &Server) {
    if server.description() != "local:postgres" {
        return;
    }
    let mut child = held("local:postgres", "kill").spawn().expect("starts");
    let started = Instant::now();
    let is_late = || started.elapsed() > REMOVAL_LIMIT;
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let folder = loop {
        let supervisor = std::fs::read_to_string(&children).unwrap_or_default();
        let folder = std::fs::read_link(format!("/proc/{}/cwd", supervisor.trim()));
        match folder {
            Ok(folder) if folder.join("password").exists() => break folder,
            _ => assert!(!is_late(), "the server does not start"),
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    child.kill().expect("is killed");
    child.wait().expect("ends");
    while folder.exists() {
        assert!(!is_late(), "{} is left", folder.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn data_folder(url: &str) -> String {
    let mut connection = Postgres::url(url)
        .expect("a URL")
        .connect()
        .expect("connects");
    let select = "SELECT current_setting('data_directory')";
    let mut rows = read(connection.as_mut(), select, &[], &[ValueType::Text]).expect("reads");
    match rows.remove(0).remove(0) {
        Value::Text(folder) => folder,
        other => panic!("not a folder: {other:?}"),
    }
}

fn the_error_lists_what_was_tried(_: &Server) {
    let output = held("any", "return")
        .env_remove("SELFSAME_POSTGRES_URL")
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .env("SELFSAME_POSTGRES_BIN", "/nowhere/bin")
        .output()
        .expect("runs");
    let said = String::from_utf8(output.stdout).expect("text");
    for part in [
        "SELFSAME_POSTGRES_URL is not set",
        "Docker: ",
        "SELFSAME_POSTGRES_BIN is /nowhere/bin",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(said.lines().count(), 1, "{said}");
}
