//! The built command: what it prints and writes, and how it refuses.

mod support;

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use quick_xml::events::Event;
use selfsame_conformance::Report;
use support::{Ran, ran, refused, run, selfsame};

const QUICK: [&str; 4] = ["check", "sqlite::memory:", "--filter", "types.i64"];

/// The quick run with more arguments.
fn quick(more: &[&str]) -> Ran {
    run(&[&QUICK[..], more].concat())
}

#[test]
fn check_passes_and_says_so_in_few_lines() {
    let ran = quick(&[]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.lines().count() <= 12, "{}", ran.out);
    assert!(
        ran.out.contains("sqlite::memory: (SQLite 3."),
        "{}",
        ran.out
    );
    assert!(ran.out.trim_end().ends_with("passed"), "{}", ran.out);
}

#[test]
fn the_default_target_is_a_file_and_nothing_stays_of_it() {
    let home = tempfile::tempdir().expect("a folder");
    let ran = ran(selfsame()
        .args(["check", "--filter", "types.i64.extremes"])
        .env("TMPDIR", home.path()));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.starts_with("sqlite (SQLite 3."), "{}", ran.out);
    assert_eq!(fs::read_dir(home.path()).expect("the folder").count(), 0);
}

#[test]
fn several_targets_are_checked_in_one_run() {
    let ran = run(&[
        "check",
        "sqlite",
        "sqlite::memory:",
        "--filter",
        "types.bool",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.out.lines().count(), 3, "{}", ran.out);
}

#[test]
fn json_can_be_read_back_and_is_the_same_each_time() {
    let report = |ran: Ran| Report::from_json(&ran.out).expect("a report");
    let first = report(quick(&[
        "--format", "json", "--seed", "0x2a", "--cases", "5",
    ]));
    assert_eq!((first.seed, first.cases), (42, 5));
    assert_eq!(first.exit_code(), 0);
    assert!(
        first.targets[0]
            .cases
            .iter()
            .all(|case| case.id.starts_with("types.i64"))
    );
    let second = report(quick(&["--format", "json", "--seed", "42", "--cases", "5"]));
    assert_eq!(
        first.to_stable_json().expect("text"),
        second.to_stable_json().expect("text")
    );
}

#[test]
fn junit_is_xml_with_a_test_for_each_case() {
    let ran = quick(&["--format", "junit"]);
    let mut reader = quick_xml::Reader::from_str(&ran.out);
    let mut tests = 0;
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Start(tag) | Event::Empty(tag) if tag.name().as_ref() == b"testcase" => {
                tests += 1
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(tests, quick(&["--list"]).out.lines().count());
}

#[test]
fn html_needs_nothing_else() {
    let page = quick(&["--format", "html"]).out;
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    assert!(page.contains("types.i64.extremes"));
    for foreign in ["http://", "https://", " src=", "<link"] {
        assert!(!page.contains(foreign), "the page loads {foreign}");
    }
}

#[test]
fn a_folder_takes_every_format_and_a_file_its_own() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("new").join("reports");
    let ran = quick(&["--out", folder.to_str().expect("text")]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("the folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "badge.svg",
            "certificate.json",
            "junit.xml",
            "report.html",
            "report.json",
            "report.md",
            "rules.md"
        ]
    );
    let file = home.path().join("one.md");
    quick(&["--out", file.to_str().expect("text")]);
    assert!(
        fs::read_to_string(&file)
            .expect("a file")
            .contains("| sqlite::memory: |")
    );
    assert_eq!(fs::read_dir(home.path()).expect("the folder").count(), 2);
}

#[test]
fn a_job_of_github_gets_its_summary() {
    let home = tempfile::tempdir().expect("a folder");
    let summary = home.path().join("summary.md");
    fs::write(&summary, "before\n").expect("a file");
    let ran = ran(selfsame().args(QUICK).env("GITHUB_STEP_SUMMARY", &summary));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let text = fs::read_to_string(&summary).expect("a file");
    assert!(
        text.starts_with("before\n") && text.contains("| sqlite::memory: |"),
        "{text}"
    );
}

#[test]
fn shards_share_the_cases() {
    let ids = |more: &[&str]| -> Vec<String> {
        let text = quick(&[&["--list"], more].concat()).out;
        text.lines()
            .map(|line| line.split_whitespace().next().expect("an id").to_owned())
            .collect()
    };
    let mut shared = [ids(&["--shard", "1/2"]), ids(&["--shard", "2/2"])].concat();
    let mut all = ids(&[]);
    shared.sort();
    all.sort();
    assert_eq!(shared, all);
    // More shards than cases: an empty one is not an error.
    assert_eq!(quick(&["--shard", "500/500"]).code, Some(0));
}

#[test]
fn a_listed_failure_that_passes_is_a_failure_until_it_is_blessed_away() {
    let home = tempfile::tempdir().expect("a folder");
    let list = home.path().join("selfsame-expected.toml");
    let path = list.to_str().expect("text");
    let all = quick(&["--list"]).out;
    let first = all.split_whitespace().next().expect("an id");
    let entry = format!("[[expected]]\nid = \"{first}\"\nreason = \"a test\"\n");
    fs::write(&list, entry).expect("a file");
    let unexpected = quick(&["--expect", path]);
    assert_eq!(unexpected.code, Some(1));
    assert!(
        unexpected.out.contains(&format!("FAIL {first}")),
        "{}",
        unexpected.out
    );
    let first_only = quick(&["--expect", path, "--fail-fast", "--format", "json"]);
    let report = Report::from_json(&first_only.out).expect("a report");
    assert!(report.summary().failed == 1 && report.summary().not_run > 0);
    assert_eq!(quick(&["--expect", path, "--bless"]).code, Some(0));
    assert!(
        !fs::read_to_string(&list)
            .expect("a file")
            .contains("types.i64")
    );
    assert_eq!(quick(&["--expect", path]).code, Some(0));
}

#[test]
fn time_that_is_over_is_incomplete() {
    let ran = quick(&["--max-time", "0s"]);
    assert_eq!(ran.code, Some(3), "{}", ran.out);
    assert!(ran.out.contains("incomplete"), "{}", ran.out);
}

#[test]
fn explain_knows_cases_and_faults() {
    let case = run(&["explain", "types.i64.extremes"]);
    assert_eq!(case.code, Some(0));
    assert!(
        case.out.starts_with("types.i64.extremes\n") && case.out.contains("contract"),
        "{}",
        case.out
    );
    refused(&["explain", "types.i64.extrems"], &["types.i64.extremes"]);
}

#[test]
fn faults_shows_which_case_catches_each_fault() {
    let ran = run(&[
        "faults",
        "sqlite::memory:",
        "--filter",
        "values.i64_through",
    ]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let killed = ran
        .out
        .lines()
        .filter(|line| line.contains("killed      types."))
        .count();
    assert!(killed >= 1, "{}", ran.out);
    refused(
        &["faults", "--filter", "no_such_lie"],
        &["no fault matches `no_such_lie`", "faults --list --all"],
    );
    refused(
        &["faults", "--filter", "values.julian_days"],
        &["only faults that --all injects"],
    );
    let listed = run(&[
        "faults",
        "--list",
        "--all",
        "--filter",
        "values.julian_days",
    ]);
    assert_eq!(listed.code, Some(0), "{}", listed.err);
    assert!(
        listed.out.starts_with("values.julian_days  "),
        "{}",
        listed.out
    );
    let shards = ["1/2", "2/2"].map(|shard| run(&["faults", "--list", "--shard", shard]).out);
    let all = run(&["faults", "--list"]).out;
    let lines = |text: &str| text.lines().count();
    assert!(shards.iter().all(|shard| lines(shard) > 0));
    assert_eq!(
        shards.iter().map(|shard| lines(shard)).sum::<usize>(),
        lines(&all)
    );
}

#[test]
fn bench_measures_every_arm_against_raw() {
    let bench = ["bench", "--filter", "associations", "--backend", "sqlite"];
    let json = run(&[&bench[..], &["--format", "json"]].concat());
    assert_eq!(json.code, Some(0), "{}", json.err);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json.out).expect("an array");
    for row in &rows {
        for name in ["ratio", "low", "high", "ns"] {
            assert!(
                row[name].as_f64().is_some_and(|number| number > 0.0),
                "{row}"
            );
        }
        assert_eq!(
            (&row["backend"], &row["workload"]),
            (&"sqlite".into(), &"associations".into())
        );
        assert!(row["size"].is_u64() && row["arm"].is_string(), "{row}");
    }
    assert!(rows.iter().any(|row| row["arm"] == "tracked"));
    refused(
        &["bench", "--filter", "nonsense"],
        &["no workload matches `nonsense`", "trivial"],
    );
    refused(
        &["bench", "--filter", "trivial,nonsense"],
        &["no workload matches `nonsense`", "trivial"],
    );
    refused(
        &["bench", "--backend", "oracle"],
        &["oracle", "sqlite, postgres"],
    );
    refused(
        &["bench", "--out", "/proc/nowhere/x.json"],
        &["cannot write", "--out"],
    );
}

#[test]
fn a_gate_that_cannot_run_says_so_in_one_line() {
    refused(
        &["gate", "--allow-dirty", "--base", "no-such-revision"],
        &["unknown revision no-such-revision"],
    );
    refused(
        &["gate", "--allow-dirty", "--base=--upload-pack=x"],
        &["unknown revision --upload-pack=x"],
    );
    refused(&["gate", "--skip", "magic"], &["magic", "growth"]);
    refused(
        &["gate", "--export", "prometheus=x"],
        &["prometheus", "bencher"],
    );
    refused(&["gate", "--base", "HEAD", "--bless"], &["--bless"]);
    refused(&["gate", "--pairs", "3"], &["--self-test"]);
    refused(
        &["report", "/no/such/history.jsonl"],
        &["/no/such/history.jsonl"],
    );
}

#[test]
fn bad_arguments_are_refused_in_one_line() {
    refused(&[], &["selfsame check"]);
    refused(&["chek"], &["chek", "check"]);
    refused(&["check", "--nonsense"], &["--nonsense"]);
    refused(&["check", "--format", "yaml"], &["yaml", "json"]);
    refused(&["check", "--seed", "x"], &["0x5e1f"]);
    refused(&["check", "--cases", "0"], &["--cases"]);
    refused(&["check", "--shard", "3/2"], &["2/4"]);
    refused(&["check", "--max-time", "soon"], &["90s"]);
    refused(&["check", "--bless"], &["--expect"]);
    refused(&["explain"], &["<ID>"]);
    refused(&["with-postgres"], &["<CMD>"]);
}

#[test]
fn filters_that_choose_nothing_are_refused() {
    refused(
        &["check", "--filter", "no.such.case"],
        &["no case matches", "--list"],
    );
    refused(
        &["check", "--filter", "identity,no.such.case"],
        &["no case matches `no.such.case`"],
    );
    refused(
        &["faults", "--filter", "no.such.fault"],
        &["no fault matches `no.such.fault`"],
    );
    refused(
        &["faults", "--by", "no.such.case"],
        &["no case matches `no.such.case`"],
    );
    refused(
        &["gate", "--filter", "insert,nonsense"],
        &["no workload matches `nonsense`", "sqlite/insert"],
    );
    refused(&["gate", "--self-test", "--pairs", "0"], &["--pairs"]);
    refused(&["check", "--filter", "Types"], &["ids do not contain `T`"]);
    refused(
        &["check", "--list", "--filter", "no.such.case"],
        &["no case matches"],
    );
}

#[test]
fn targets_that_cannot_be_used_are_refused() {
    refused(
        &["check", "oracle"],
        &["unknown target `oracle`", "sqlite::memory:", "postgres://"],
    );
    refused(
        &["check", "oracle://ann:hunter2@host/db"],
        &["unknown target `oracle://`"],
    );
    refused(&["check", "sqlite:"], &["must have a path"]);
    refused(
        &["check", "sqlite:/no/such/folder/x.db"],
        &["/no/such/folder", "No such file"],
    );
    refused(&["check", "sqlite:x.db?nonsense=1"], &["nonsense"]);
    refused(
        &["check", "env:SELFSAME_NO_SUCH_VARIABLE"],
        &["set SELFSAME_NO_SUCH_VARIABLE"],
    );
    refused(&["check", "docker:"], &["docker:postgres:17"]);
    refused(
        &["check", "postgres://ann:hunter2@host:port/db"],
        &["port", "postgres://user:password@host:port/database"],
    );
    refused(
        &["check", "postgres://ann:hunter2@127.0.0.1:1/db"],
        &[
            "ann:***@127.0.0.1:1",
            "Connection refused",
            "local:postgres",
        ],
    );
}

#[test]
fn a_target_named_by_a_variable_keeps_its_secret() {
    let check = |value: &str, wanted: &str| {
        let ran = ran(selfsame()
            .args(["check", "env:MY_DATABASE"])
            .env("MY_DATABASE", value));
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(
            ran.err.contains(wanted) && !ran.err.contains("hunter2"),
            "{}",
            ran.err
        );
    };
    check(
        "oracle://ann:hunter2@host/db",
        "MY_DATABASE is not a target",
    );
    check(
        "postgres://ann:hunter2@127.0.0.1:1/db",
        "Connection refused",
    );
    let good = ran(selfsame()
        .args(["check", "env:MY_DATABASE", "--filter", "types.bool"])
        .env("MY_DATABASE", "sqlite::memory:"));
    assert_eq!(good.code, Some(0), "{}", good.err);
}

#[test]
fn a_server_that_never_answers_is_given_up_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let begun = Instant::now();
    refused(
        &[
            "check",
            &format!("postgres://ann:hunter2@127.0.0.1:{port}/db"),
        ],
        &["did not answer within 5s"],
    );
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn places_that_cannot_be_written_are_refused_before_the_run() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("file");
    fs::write(&file, "").expect("a file");
    let below = file.join("reports");
    refused(
        &["check", "--out", below.to_str().expect("text")],
        &["cannot write", "--out"],
    );
    refused(
        &["check", "--out", "report.docx"],
        &["report.docx", ".json"],
    );
    refused(
        &["check", "--expect", "/no/such/list.toml"],
        &["/no/such/list.toml"],
    );
}

#[test]
fn a_stopped_run_leaves_no_files() {
    let home = tempfile::tempdir().expect("a folder");
    let mut child = selfsame()
        .args(["check", "--filter", "types", "--cases", "1000000"])
        .env("TMPDIR", home.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command runs");
    let entries = || fs::read_dir(home.path()).expect("the folder").count();
    let deadline = Instant::now() + Duration::from_secs(20);
    while entries() == 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(entries(), 1, "the run's folder");
    let killed = std::process::Command::new("kill")
        .args(["-s", "INT", &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(killed.success());
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    assert_eq!(entries(), 0);
}
