//! Outcomes, exit codes and reports of a run, on a target that does nothing.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use selfsame::backend::{Backend, Connection, Outcome as Done, Row, Statement};
use selfsame::dialect::{Batch, Capabilities, Dialect};
use selfsame::schema::{ColumnType, Table};
use selfsame::{Error, ErrorKind, Result};

use super::*;
use crate::case::{Capability, CaseResult, Failure};
use crate::report::Format;
use crate::{Context, Fresh, target_fn};

/// A database that accepts every statement and stores nothing.
#[derive(Debug)]
struct Nothing;

impl Backend for Nothing {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        Ok(Box::new(Nothing))
    }

    fn dialect(&self) -> &dyn Dialect {
        self
    }
}

impl Dialect for Nothing {
    fn name(&self) -> &str {
        "nothing"
    }

    fn column_type(&self, _: &ColumnType) -> Cow<'static, str> {
        "ANY".into()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
    }

    fn batch(&self) -> Batch {
        Batch::Rows
    }
}

impl Connection for Nothing {
    fn execute(&mut self, _: &Statement<'_>) -> Result<Done> {
        Ok(Done::matched(0))
    }

    fn query(
        &mut self,
        _: &Statement<'_>,
        _: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        Ok(())
    }

    fn reset(&mut self, _: bool) -> Result<()> {
        Ok(())
    }

    fn server_version(&mut self) -> Result<String> {
        Ok("Nothing 1.0".to_owned())
    }
}

struct FreshNothing;

impl Fresh for FreshNothing {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::new(Nothing)
    }
}

pub(crate) fn nothing() -> Arc<dyn Target> {
    Arc::new(target_fn("nothing", || Ok(FreshNothing)))
}

fn unreachable() -> Arc<dyn Target> {
    Arc::new(target_fn("away", || {
        Err::<FreshNothing, _>(Error::new(ErrorKind::Unreachable, "nobody answers"))
    }))
}

const fn case(id: &'static str, run: fn(&mut Context) -> CaseResult) -> Case {
    Case::core(id, run).promise("Something must hold <here> & there.")
}

static PASSES: Case = case("types.test.passes", |_| Ok(()));
static FAILS: Case = case("types.test.fails", |context| {
    let statement = "CREATE TABLE [t] (x < 1)";
    crate::database::Database::open(context)?.execute(statement, &[])?;
    check!(1 > 2, "one must be <more> than two");
    Ok(())
});
static ERRS: Case = case("types.test.errs", |_| {
    Err(Error::new(ErrorKind::Busy, "not now").into())
});
static PANICS: Case = case("types.test.panics", |_| panic!("at the {}", "disco"));
static SLEEPS: Case = case("types.test.sleeps", |_| {
    std::thread::sleep(Duration::from_secs(5));
    Ok(())
});
static SKIPS: Case = case("types.test.skips", |_| {
    Err(Failure::Skipped("no clock".to_owned()))
});
static UNCLAIMED: Case = case("types.test.unclaimed", |_| Ok(())).needs(&[Capability::Nan]);
static REFUSED: Case = case("types.test.refused", |_| Ok(()))
    .needs(&[Capability::Nan])
    .refusal(|_| Ok(()));
static SHRINKS: Case = case("types.test.shrinks", |context| {
    context.property(&(0..1_000_i32), |_, drawn| {
        check!(drawn < 17, "{drawn} must be small");
        Ok(())
    })
});

fn run_on(target: Arc<dyn Target>, cases: &[&'static Case], options: &Options) -> Report {
    let mut report = run_cases(&[target], cases, options, &mut ());
    // The real list does not run here.
    report.matched = cases.len();
    report
}

fn outcome_of(case: &'static Case) -> Outcome {
    let options = Options {
        case_time: Duration::from_millis(300),
        ..Options::default()
    };
    let mut report = run_on(nothing(), &[case], &options);
    report.targets.remove(0).cases.remove(0).outcome
}

#[test]
fn each_end_has_its_outcome() {
    assert_eq!(outcome_of(&PASSES), Outcome::Pass);
    for (case, kind, message) in [
        (
            &FAILS,
            FailureKind::Assertion,
            "one must be <more> than two",
        ),
        (&ERRS, FailureKind::Error, "Busy: not now"),
        (
            &SLEEPS,
            FailureKind::TimeLimit,
            "exceeded the time limit of 0.3 s",
        ),
    ] {
        let outcome = outcome_of(case);
        let failure = outcome.failure().expect("a failure");
        assert_eq!((failure.kind, failure.message.as_str()), (kind, message));
    }
    let outcome = outcome_of(&PANICS);
    let failure = outcome.failure().expect("a failure");
    assert_eq!(failure.kind, FailureKind::Panic);
    assert!(
        failure
            .message
            .starts_with("panicked: at the disco (tests.rs:"),
        "{}",
        failure.message
    );
    assert_eq!(outcome_of(&SKIPS).reason().as_deref(), Some("no clock"));
    for (case, checked) in [(&UNCLAIMED, false), (&REFUSED, true)] {
        let wanted = Outcome::Unsupported {
            capability: "NaN".to_owned(),
            refusal_checked: checked,
        };
        assert_eq!(outcome_of(case), wanted);
    }
}

#[test]
fn a_failure_shows_its_statements_and_its_smallest_input() {
    let outcome = outcome_of(&FAILS);
    let failure = outcome.failure().expect("a failure");
    assert_eq!(failure.sql, ["CREATE TABLE \"t\" (x < 1)"]);
    let outcome = outcome_of(&SHRINKS);
    let failure = outcome.failure().expect("a failure");
    assert_eq!(failure.program.as_deref(), Some("17"));
    assert_eq!(failure.message, "17 must be small");
}

#[test]
fn exit_codes_tell_what_happened() {
    let check = |target: Arc<dyn Target>, cases: &[&'static Case], options: &Options, code: u8| {
        assert_eq!(run_on(target, cases, options).exit_code(), code);
    };
    let usual = Options::default();
    check(nothing(), &[&PASSES, &UNCLAIMED, &SKIPS], &usual, 0);
    check(nothing(), &[&PASSES, &FAILS], &usual, 1);
    check(unreachable(), &[&PASSES], &usual, 2);
    check(nothing(), &[], &usual, 2);
    let no_time = Options {
        max_time: Some(Duration::ZERO),
        ..Options::default()
    };
    check(nothing(), &[&PASSES], &no_time, 3);
    let fail_fast = Options {
        fail_fast: true,
        ..Options::default()
    };
    let report = run_on(nothing(), &[&FAILS, &PASSES], &fail_fast);
    assert_eq!(report.exit_code(), 1);
    assert_eq!(
        report.targets[0].cases[1].outcome.reason().as_deref(),
        Some("`types.test.fails` failed first")
    );
}

#[test]
fn an_empty_share_is_fine_and_an_empty_choice_is_not() {
    let mut options = Options {
        filter: "types.bool.extremes".parse().expect("a filter"),
        shard: Some("2/2".parse().expect("a shard")),
        ..Options::default()
    };
    assert_eq!(run(&[nothing()], &options, &mut ()).exit_code(), 0);
    options.filter = "no.such.case".parse().expect("a filter");
    assert_eq!(run(&[nothing()], &options, &mut ()).exit_code(), 2);
}

#[test]
fn an_unreachable_target_is_reported_once() {
    let report = run_on(unreachable(), &[&PASSES, &FAILS], &Options::default());
    assert_eq!(report.targets[0].error.as_deref(), Some("nobody answers"));
    assert!(
        report.targets[0]
            .cases
            .iter()
            .all(|case| case.outcome.as_str() == "not_run")
    );
    assert_eq!(report.to_terminal().matches("nobody answers").count(), 1);
}

#[test]
fn expected_failures_must_go_on_failing() {
    let list = |id: &str| {
        let text = format!("[[expected]]\nid = \"{id}\"\nreason = \"known\"\n");
        Expected::parse(&text).expect("a good list")
    };
    // The list contains only real cases.
    static REAL_FAILS: Case = case("types.bool.extremes", |_| {
        Err(Failure::Assertion("no".to_owned()))
    });
    static REAL_PASSES: Case = case("types.bool.extremes", |_| Ok(()));
    let options = Options {
        expected: list("types.bool.extremes"),
        ..Options::default()
    };
    let report = run_on(nothing(), &[&REAL_FAILS], &options);
    assert_eq!((report.exit_code(), report.summary().expected), (0, 1));
    let report = run_on(nothing(), &[&REAL_PASSES], &options);
    assert_eq!(report.exit_code(), 1);
    let failure = report.targets[0].cases[0].outcome.failure();
    assert_eq!(failure.map(|f| f.kind), Some(FailureKind::UnexpectedPass));
    assert!(
        options
            .expected
            .bless(&report)
            .find("nothing", "types.bool.extremes")
            .is_none()
    );
    let failing = run_on(nothing(), &[&REAL_FAILS], &Options::default());
    let blessed = Expected::default().bless(&failing);
    let text = blessed.to_toml().expect("TOML");
    assert_eq!(
        Expected::parse(&text).expect("what was written is read"),
        blessed
    );
    assert!(blessed.find("nothing", "types.bool.extremes").is_some());
    for bad in [
        "[[expected]]\nid = \"no.such.case\"\nreason = \"x\"",
        "[[expected]]\nid = \"types.bool.extremes\"\nreason = \" \"",
        "[[expected]]\nid = \"types.bool.extremes\"",
        "nonsense",
    ] {
        let error = Expected::parse(bad).expect_err("a bad list");
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
}

#[test]
fn equal_runs_give_equal_reports() {
    let cases: [&'static Case; 5] = [&PASSES, &FAILS, &ERRS, &SHRINKS, &REFUSED];
    let once = |seed| {
        let options = Options {
            seed,
            ..Options::default()
        };
        run_on(nothing(), &cases, &options)
    };
    let (first, second) = (once(1), once(1));
    let json = first.to_stable_json().expect("JSON");
    assert_eq!(json, second.to_stable_json().expect("JSON"));
    assert_ne!(json, once(2).to_stable_json().expect("JSON"));
    let read = Report::from_json(&first.write(Format::Json).expect("JSON"))
        .expect("what was written is read");
    assert_eq!(read, first);
}

#[test]
fn every_format_holds_the_outcomes() {
    let cases: [&'static Case; 6] = [&PASSES, &FAILS, &ERRS, &SHRINKS, &REFUSED, &SKIPS];
    let report = run_on(nothing(), &cases, &Options::default());
    let junit = report.write(Format::Junit).expect("XML");
    for part in [
        "tests=\"6\"",
        "<skipped message=\"skipped: no clock\"/>",
        "<failure message=\"one must be &lt;more&gt; than two\" type=\"assertion\">",
        "<property name=\"selfsame.server_version\" value=\"Nothing 1.0\"/>",
        "<property name=\"selfsame.seed\" value=\"0x5e1f\"/>",
    ] {
        assert!(junit.contains(part), "{part} is not in {junit}");
    }
    let away = run_on(unreachable(), &[&PASSES], &Options::default());
    assert!(
        away.write(Format::Junit)
            .expect("XML")
            .contains("<error message=\"nobody answers\"")
    );
    let markdown = report.write(Format::Markdown).expect("Markdown");
    assert!(
        markdown.contains("| nothing | Nothing 1.0 | core 1/4 | 1 | 3 | 0 | 1 | 1 | 0 |"),
        "{markdown}"
    );
    let html = report.write(Format::Html).expect("HTML");
    assert!(html.contains("one must be &lt;more&gt; than two"));
    assert!(!html.contains("<more>"), "text must be escaped");
    for outside in ["http:", "https:", "src=", "@import", "url("] {
        assert!(
            !html.contains(outside),
            "the page must need nothing else: {outside}"
        );
    }
}

#[test]
fn a_terminal_gets_twelve_lines_at_most() {
    let cases: Vec<&'static Case> = vec![&FAILS; 50];
    let mut report = run_on(nothing(), &cases, &Options::default());
    for (place, case) in report.targets[0].cases.iter_mut().enumerate() {
        if let Outcome::Fail { failure } = &mut case.outcome {
            failure.message = format!("{} happened", "x".repeat(place + 1));
        }
    }
    let text = report.to_terminal();
    assert_eq!(text.lines().count(), 12, "{text}");
    assert!(text.contains("and 41 more (50 failed in total)"), "{text}");
    assert_eq!(report.failures().count(), 50);
}

#[test]
fn the_summary_counts_generated_operations() {
    let mut report = run_on(nothing(), &[&PASSES, &PASSES], &Options::default());
    assert!(!report.to_terminal().contains("operations"));
    for case in &mut report.targets[0].cases {
        case.operations = 21;
    }
    let text = report.to_terminal();
    assert!(text.contains("; 42 generated operations\n"), "{text}");
}

#[test]
fn the_page_holds_each_area_once() {
    static ELSEWHERE: Case = case("queries.test.passes", |_| Ok(()));
    let cases: [&'static Case; 3] = [&PASSES, &ELSEWHERE, &SKIPS];
    let page = run_on(nothing(), &cases, &Options::default())
        .write(Format::Html)
        .expect("HTML");
    for area in ["types", "queries"] {
        let summaries = page.matches(&format!("<summary><b>{area}</b>")).count();
        assert_eq!(summaries, 1, "{area}: {page}");
    }
}

#[test]
fn failures_of_one_cause_are_one_line() {
    let cases: Vec<&'static Case> = vec![&FAILS; 50];
    let mut report = run_on(nothing(), &cases, &Options::default());
    for (place, case) in report.targets[0].cases.iter_mut().enumerate() {
        if let Outcome::Fail { failure } = &mut case.outcome {
            failure.message = format!("Unsupported: t{place}.`c{place}`: no keys, {place} rows");
        }
    }
    let text = report.to_terminal();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains("(and 49 more with the same cause)"), "{text}");
}

/// Returns a report of one target with these cases.
pub(crate) fn report_of(cases: Vec<CaseReport>) -> Report {
    let mut report = run_on(nothing(), &[], &Options::default());
    report.matched = cases.len();
    report.targets[0].cases = cases;
    report
}

#[test]
fn shards_become_one_report() {
    let whole = Options {
        filter: "types.i".parse().expect("a filter"),
        ..Options::default()
    };
    let shards = ["1/2", "2/2"].map(|shard| {
        let options = Options {
            shard: shard.parse().ok(),
            ..whole.clone()
        };
        run(&[nothing()], &options, &mut ())
    });
    let [first, second] = shards;
    let twice = Report::merge([first.clone(), first.clone()]);
    assert_eq!(
        twice.expect_err("a shard twice").kind(),
        ErrorKind::Configuration
    );
    let other = Report {
        seed: 1,
        ..second.clone()
    };
    let error = Report::merge([first.clone(), other]).expect_err("another run");
    assert!(error.message().contains("different runs"), "{error}");
    let merged = Report::merge([second, first]).expect("one run");
    let all = run(&[nothing()], &whole, &mut ());
    assert_eq!(
        merged.to_stable_json().expect("a report"),
        all.to_stable_json().expect("a report")
    );
}

#[test]
fn a_certificate_says_what_was_shown() {
    let report = run_on(nothing(), &[&PASSES, &FAILS, &ERRS], &Options::default());
    let certificate = report.certificate();
    let target = &certificate.targets[0];
    assert_eq!(target.tier, None, "core has failures");
    assert_eq!((target.counts["pass"], target.counts["fail"]), (1, 2));
    assert_eq!(
        target.silent_failures, 1,
        "an error is not a silent failure"
    );
    let again = run_on(nothing(), &[&PASSES, &FAILS, &ERRS], &Options::default());
    assert_eq!(again.certificate(), certificate);
    let other = run_on(nothing(), &[&PASSES], &Options::default()).certificate();
    assert_ne!(other.targets[0].fingerprint, target.fingerprint);
    let badge = report.write(Format::Badge).expect("a badge");
    assert!(
        badge.starts_with("<svg") && badge.contains("2 failed"),
        "{badge}"
    );
}

#[test]
fn the_easiest_failures_are_named() {
    let report = run_on(nothing(), &[&PASSES, &FAILS, &ERRS], &Options::default());
    let easiest = report.easiest().expect("failures");
    // A failure with one statement comes after one without.
    assert!(
        easiest.contains("types.test.errs, types.test.fails"),
        "{easiest}"
    );
    let passed = run_on(nothing(), &[&PASSES], &Options::default());
    assert_eq!(passed.easiest(), None);
}

/// A database with a user's table.
#[derive(Debug)]
struct Filled(Arc<AtomicU64>);

impl Backend for Filled {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        Ok(Box::new(Self(Arc::clone(&self.0))))
    }

    fn dialect(&self) -> &dyn Dialect {
        self
    }
}

impl Dialect for Filled {
    fn name(&self) -> &str {
        "filled"
    }

    fn column_type(&self, _: &ColumnType) -> Cow<'static, str> {
        "ANY".into()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
    }

    fn batch(&self) -> Batch {
        Batch::Rows
    }

    fn reflect(&self, _: &mut dyn Connection, _: &[Option<String>]) -> Result<Vec<Table>> {
        Ok(vec![Table::build("invoices")])
    }
}

impl Connection for Filled {
    fn execute(&mut self, _: &Statement<'_>) -> Result<Done> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Done::matched(0))
    }

    fn query(
        &mut self,
        _: &Statement<'_>,
        _: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        Ok(())
    }

    fn reset(&mut self, _: bool) -> Result<()> {
        Ok(())
    }

    fn server_version(&mut self) -> Result<String> {
        Ok("Filled 1.0".to_owned())
    }
}

#[test]
fn a_database_with_tables_is_not_touched() {
    let written = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&written);
    let target: Arc<dyn Target> = Arc::new(target_fn("filled", move || {
        Ok((Arc::new(Filled(Arc::clone(&seen))), ()))
    }));
    let report = run(&[Arc::clone(&target)], &Options::default(), &mut ());
    assert_eq!(report.exit_code(), 2);
    let error = report.targets[0].error.as_deref().unwrap_or_default();
    assert!(error.contains("`invoices`"), "{error}");
    // Also if only a later database has tables.
    let case = crate::cases().next().expect("a case");
    let (alone, _) = run_case(&target, case, &Options::default());
    assert!(
        matches!(&alone.outcome, Outcome::HarnessError { message } if message.contains("`invoices`")),
        "{:?}",
        alone.outcome
    );
    assert_eq!(written.load(Ordering::Relaxed), 0);
}
