//! The built command on PostgreSQL. Without a server, and unless SELFSAME_REQUIRE lists `postgres`, these tests are ignored.

mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use selfsame_conformance::Report;
use selfsame_postgres::Postgres;
use selfsame_postgres::testing::{PoolMode, Pooler, Server, pooler_required, required};
use support::{ran, refused, run, selfsame};

type Test = fn(&Server);

const TESTS: &[(&str, Test)] = &[
    (
        "check_runs_on_a_server_and_leaves_nothing",
        check_runs_on_a_server,
    ),
    ("equal_seeds_give_equal_reports", equal_seeds),
    ("the_password_is_in_no_report", no_password_in_reports),
    (
        "check_leaves_tables_that_are_there_alone",
        check_leaves_tables_alone,
    ),
    (
        "a_wrong_password_is_refused_in_the_servers_words",
        wrong_password,
    ),
    (
        "with_postgres_passes_the_url_and_the_code",
        with_postgres_passes_on,
    ),
    (
        "with_postgres_is_stopped_along_with_its_command",
        with_postgres_is_stopped,
    ),
];

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let server = (!arguments.list).then(Server::start).transpose();
    let trials = TESTS
        .iter()
        .map(|&(name, test)| {
            let server = match &server {
                Ok(server) => Ok(server.clone()),
                Err(error) => Err(error.to_string()),
            };
            Trial::ignorable_test(name, move || on(server, test))
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn on(server: Result<Option<Server>, String>, test: Test) -> Result<Completion, Failed> {
    match server {
        Ok(Some(server)) => {
            test(&server);
            Ok(Completion::Completed)
        }
        Ok(None) => Err("no server was started".into()),
        Err(reason) if required() => Err(reason.into()),
        Err(reason) => Ok(Completion::ignored_with(reason)),
    }
}

fn check_runs_on_a_server(server: &Server) {
    let ran = run(&["check", server.url(), "--filter", "types.i64,types.text"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("(PostgreSQL 1"), "{}", ran.out);
}

/// Except for concurrent histories, whose anomalies depend on timing.
fn equal_seeds(server: &Server) {
    let reports = [(); 2].map(|()| {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("report.json");
        let filter = "drawn.,types.i64,connections.waits";
        let ran = run(&[
            "check",
            server.url(),
            "--seed",
            "777",
            "--filter",
            filter,
            "--out",
            out.to_str().expect("a path in UTF-8"),
        ]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        let text = fs::read_to_string(out).expect("a report");
        let report = Report::from_json(&text).expect("a report");
        report.to_stable_json().expect("JSON")
    });
    assert_eq!(reports[0], reports[1]);
}

/// With tables named like the suite's in the public schema, directly and behind a pooler that drops the search path.
fn check_leaves_tables_alone(server: &Server) {
    use selfsame::backend::{Backend, Sql, Statement, StatementKind};
    use selfsame::value::{ValueRef, ValueType};

    let mut connection = Postgres::url(server.url())
        .and_then(|postgres| postgres.connect())
        .expect("connects");
    let mut execute = |text: &str| {
        let sql = Sql::new(StatementKind::Ddl, text, [], []);
        connection.execute(&Statement::new(&sql, &[])).expect(text);
    };
    for table in ["users", "tags", "t"] {
        execute(&format!(
            "DROP TABLE IF EXISTS public.{table}; CREATE TABLE public.{table} (id bigint, name text); INSERT INTO public.{table} VALUES (1, 'mine')"
        ));
    }
    let pooler = match Pooler::start(server, PoolMode::Transaction) {
        Ok(pooler) => Some(pooler),
        Err(error) if pooler_required() => panic!("{error}"),
        Err(_) => None,
    };
    for url in [Some(server.url()), pooler.as_ref().map(Pooler::url)]
        .into_iter()
        .flatten()
    {
        let ran = run(&[
            "check",
            url,
            "--filter",
            "flush.*,schema.*,relations.many_to_many.*",
        ]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    }
    let left = "SELECT (SELECT string_agg(name, '') FROM public.users) || (SELECT string_agg(name, '') FROM public.tags) || \
         (SELECT string_agg(name, '') FROM public.t) || (SELECT count(*) FROM pg_tables WHERE schemaname = 'public')";
    let sql = Sql::new(StatementKind::Select, left, [], [ValueType::Text]);
    let mut found = String::new();
    connection
        .query(&Statement::new(&sql, &[]), &mut |row| {
            if let ValueRef::Text(text) = row.value(0, ValueType::Text)? {
                found = text.to_owned();
            }
            Ok(())
        })
        .expect("reads");
    assert_eq!(found, "mineminemine3");
    let drop_all = Sql::new(
        StatementKind::Ddl,
        "DROP TABLE public.users, public.tags, public.t",
        [],
        [],
    );
    connection
        .execute(&Statement::new(&drop_all, &[]))
        .expect("drops");
}

fn no_password_in_reports(server: &Server) {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().to_str().expect("text");
    let ran = run(&[
        "check",
        server.url(),
        "--filter",
        "types.bool",
        "--out",
        folder,
    ]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let secret = password(server);
    let mut texts = vec![ran.out, ran.err];
    for entry in fs::read_dir(home.path()).expect("the folder") {
        texts.push(fs::read_to_string(entry.expect("an entry").path()).expect("text"));
    }
    assert_eq!(
        texts.len(),
        2 + 7,
        "two streams, a file for each format, a certificate and its badge"
    );
    for text in &texts {
        assert!(!text.contains(&format!(":{secret}@")), "{text}");
    }
    let json = fs::read_to_string(home.path().join("report.json")).expect("the report");
    let report = Report::from_json(&json).expect("a report");
    assert!(
        report.targets[0].name.contains(":***@"),
        "{}",
        report.targets[0].name
    );
}

fn wrong_password(server: &Server) {
    let url = server
        .url()
        .replace(&format!(":{}@", password(server)), ":hunter2@");
    refused(
        &["check", &url],
        &[
            "password authentication failed",
            "correct user and password",
        ],
    );
}

fn with_postgres_passes_on(server: &Server) {
    let with_server = |command: &str| {
        ran(selfsame()
            .args(["with-postgres", "--", "sh", "-c", command])
            .env("SELFSAME_POSTGRES_URL", server.url()))
    };
    let ran = with_server("echo \"$SELFSAME_POSTGRES_URL\"; exit 7");
    assert_eq!(
        (ran.code, ran.out.trim()),
        (Some(7), server.url()),
        "{}",
        ran.err
    );
    assert_eq!(with_server("kill -s KILL $$").code, Some(137));
    let missing = selfsame()
        .args(["with-postgres", "--", "/no/such/command"])
        .env("SELFSAME_POSTGRES_URL", server.url())
        .output()
        .expect("the command runs");
    assert_eq!(missing.status.code(), Some(2));
}

/// Starts its own server, as it does without a URL, and checks that it stops.
fn with_postgres_is_stopped(_: &Server) {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("url");
    let script = format!(
        "echo \"$SELFSAME_POSTGRES_URL\" >{0}.part; mv {0}.part {0}; exec sleep 60",
        file.display()
    );
    let mut child = selfsame()
        .args(["with-postgres", "--", "sh", "-c", &script])
        .env_remove("SELFSAME_POSTGRES_URL")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command runs");
    let came = within(Duration::from_secs(90), || file.exists());
    assert!(came, "no server came up");
    let url = fs::read_to_string(&file).expect("the URL");
    Server::from_url(url.trim()).expect("the server is there");
    let killed = Command::new("kill")
        .args(["-s", "TERM", &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(killed.success());
    assert_eq!(child.wait().expect("an end").code(), Some(143));
    let gone = within(Duration::from_secs(30), || {
        Server::from_url(url.trim()).is_err()
    });
    assert!(gone, "the server is still there");
}

fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

fn password(server: &Server) -> &str {
    let (credentials, _) = server.url().split_once('@').expect("a password in the URL");
    credentials
        .rsplit(':')
        .next()
        .expect("a password in the URL")
}
