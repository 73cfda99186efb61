//! The report as JUnit XML: one test suite per target, one test case per case.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};
use selfsame::Result;

use super::{Format, written};
use crate::outcome::{FailureKind, FailureReport, Outcome};
use crate::report::{CaseReport, FaultVerdict, KillMatrix, Report, TargetReport};

pub(super) fn write(report: &Report) -> Result<String> {
    let mut junit = Junit::new("selfsame conformance");
    junit.set_time(seconds(report.timing.seconds));
    for target in &report.targets {
        junit.add_test_suite(suite(report, target));
    }
    for matrix in &report.faults {
        junit.add_test_suite(faults(matrix));
    }
    junit
        .to_string()
        .map_err(|error| written(Format::Junit, &error))
}

fn suite(report: &Report, target: &TargetReport) -> TestSuite {
    let mut suite = TestSuite::new(target.name.as_str());
    let version = target.server_version.clone().unwrap_or_default();
    suite.add_properties([
        ("selfsame.seed", format!("{:#x}", report.seed).as_str()),
        ("selfsame.inventory", report.inventory.to_string().as_str()),
        ("selfsame.server_version", version.as_str()),
    ]);
    if let Some(error) = &target.error {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(error.as_str());
        suite.add_test_case(TestCase::new("target", status));
    }
    let times = report.timing.cases.get(&target.name);
    for case in &target.cases {
        let mut test = TestCase::new(case.id.as_str(), status(case));
        test.set_classname(target.name.as_str());
        if let Some(time) = times.and_then(|times| times.get(&case.id)) {
            test.set_time(seconds(*time));
        }
        suite.add_test_case(test);
    }
    suite
}

fn status(case: &CaseReport) -> TestCaseStatus {
    match &case.outcome {
        Outcome::Pass => TestCaseStatus::success(),
        Outcome::Fail { failure } => failed(failure),
        Outcome::HarnessError { message } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(message.as_str());
            status
        }
        other => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!(
                "{}: {}",
                other.as_str(),
                other.reason().unwrap_or_default()
            ));
            status
        }
    }
}

fn failed(failure: &FailureReport) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(failure.message.as_str());
    status.set_type(match failure.kind {
        FailureKind::Assertion => "assertion",
        FailureKind::Error => "error",
        FailureKind::Panic => "panic",
        FailureKind::TimeLimit => "time limit",
        FailureKind::UnexpectedPass => "unexpected pass",
    });
    let mut description = String::new();
    if let Some(program) = &failure.program {
        description.push_str(program);
        description.push('\n');
    }
    description.push_str(&failure.sql.join("\n"));
    status.set_description(description);
    status
}

fn faults(matrix: &KillMatrix) -> TestSuite {
    let mut suite = TestSuite::new(format!("{} (faults)", matrix.target));
    if let Some(error) = &matrix.error {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(error.as_str());
        suite.add_test_case(TestCase::new("target", status));
    }
    for fault in &matrix.faults {
        let status = match &fault.verdict {
            FaultVerdict::Killed { .. } => TestCaseStatus::success(),
            FaultVerdict::Survived { .. } => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(format!("not found: {}", fault.sentence));
                status
            }
            FaultVerdict::NeverActed => {
                let mut status = TestCaseStatus::skipped();
                status.set_message("it never acted on this backend's statements");
                status
            }
            FaultVerdict::Equivalent { reason } => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(reason.as_str());
                status
            }
        };
        suite.add_test_case(TestCase::new(fault.id.as_str(), status));
    }
    suite
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
