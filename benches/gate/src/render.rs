//! Formats of a report: for terminals, for the summary of a CI job, and for services that track history.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::growth::exponents;
use crate::verdict::{Report, Step};

impl Report {
    /// Formats the report for a terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let _ = writeln!(text, "{finding}");
        }
        for (step, why) in &self.skipped {
            let _ = writeln!(text, "{:<12} {step:<12} {why}", "not run");
        }
        let _ = writeln!(
            text,
            "{}: {} workloads against {}; {}",
            self.verdict(),
            self.exact.len(),
            self.base,
            self.times()
        );
        text
    }

    /// Formats the report as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "## Performance gate: {}\n\n{} workloads against {}; {}\n\n",
            self.verdict(),
            self.exact.len(),
            self.base,
            self.times()
        );
        if !self.findings.is_empty() {
            text.push_str("| | step | workload | cause |\n|---|---|---|---|\n");
            for finding in &self.findings {
                let cause = finding.cause.replace('|', "\\|");
                let _ = writeln!(
                    text,
                    "| {:?} | {} | {} | {cause} |",
                    finding.kind, finding.step, finding.workload
                );
            }
            text.push('\n');
        }
        if !self.paired.is_empty() {
            text.push_str("| workload | base | head | ratio | interval |\n|---|---|---|---|---|\n");
            for found in &self.paired {
                let _ = writeln!(
                    text,
                    "| {} | {} | {} | {:.3} | {:.3} to {:.3} |",
                    found.workload,
                    duration(found.base_ns),
                    duration(found.head_ns),
                    found.ratio,
                    found.low,
                    found.high
                );
            }
            text.push('\n');
        }
        for (step, why) in &self.skipped {
            let _ = writeln!(text, "Not run: {step}, {why}.");
        }
        text
    }

    /// Formats costs by size, and the exponent of their growth.
    pub fn growth(&self) -> String {
        let mut text = format!(
            "{:<28} {:>8} {:>10} {:>12} {:>14} {:>12} {:>10}\n",
            "workload", "size", "statements", "allocations", "bytes", "ns", "ns a row"
        );
        for exact in &self.exact {
            for point in &exact.growth {
                let (calls, bytes) = match point.allocations {
                    Some(found) => (found.calls.to_string(), found.bytes.to_string()),
                    None => ("-".to_owned(), "-".to_owned()),
                };
                let each =
                    point.ns / f64::from(u32::try_from(point.size.max(1)).unwrap_or(u32::MAX));
                let _ = writeln!(
                    text,
                    "{:<28} {:>8} {:>10} {calls:>12} {bytes:>14} {:>12.0} {each:>10.0}",
                    exact.workload, point.size, point.statements, point.ns
                );
            }
            if let Some(found) = exponents(&exact.growth) {
                let of = |exponent: Option<f64>| {
                    exponent.map_or_else(|| "-".to_owned(), |exponent| format!("{exponent:.2}"))
                };
                let _ = writeln!(
                    text,
                    "{:<28} {:>8} {:>10.2} {:>12} {:>14} {:>12.2}",
                    exact.workload,
                    "power",
                    found.statements,
                    of(found.calls),
                    of(found.bytes),
                    found.time
                );
            }
        }
        text
    }

    /// Formats the report for `github-action-benchmark` with `customSmallerIsBetter`.
    pub fn github(&self) -> Value {
        let mut all = Vec::new();
        for exact in &self.exact {
            let name = &exact.workload;
            all.push(json!({"name": format!("{name}: statements"), "unit": "statements", "value": exact.counts.executions()}));
            if let Some(found) = exact.allocations() {
                all.push(json!({"name": format!("{name}: allocations"), "unit": "allocations", "value": found.calls}));
            }
        }
        for found in &self.instructions {
            all.push(json!({"name": format!("{}: instructions", found.workload), "unit": "instructions", "value": found.head}));
        }
        for found in &self.paired {
            all.push(json!({
                "name": format!("{}: time", found.workload),
                "unit": "ns",
                "value": found.head_ns,
                "extra": format!("{:.3} of the base, {:.3} to {:.3}", found.ratio, found.low, found.high),
            }));
        }
        Value::Array(all)
    }

    /// Formats the report for Bencher.
    pub fn bencher(&self) -> Value {
        let mut all: Map<String, Value> = Map::new();
        let mut put = |workload: &str, measure: &str, value: Value| {
            let of = all.entry(workload.to_owned()).or_insert_with(|| json!({}));
            if let Value::Object(of) = of {
                of.insert(measure.to_owned(), value);
            }
        };
        for exact in &self.exact {
            put(
                &exact.workload,
                "statements",
                json!({"value": exact.counts.executions()}),
            );
            if let Some(found) = exact.allocations() {
                put(
                    &exact.workload,
                    "allocations",
                    json!({"value": found.calls}),
                );
                put(
                    &exact.workload,
                    "allocated-bytes",
                    json!({"value": found.bytes}),
                );
            }
        }
        for found in &self.instructions {
            put(
                &found.workload,
                "instructions",
                json!({"value": found.head}),
            );
        }
        for found in &self.paired {
            put(
                &found.workload,
                "latency",
                json!({
                    "value": found.head_ns,
                    "lower_value": found.base_ns * found.low,
                    "upper_value": found.base_ns * found.high,
                }),
            );
        }
        Value::Object(all)
    }

    fn times(&self) -> String {
        let exact = self
            .steps
            .iter()
            .find(|(step, _)| *step <= Step::Allocations);
        let mut parts = Vec::new();
        if let Some((_, seconds)) = exact {
            parts.push(format!("counts, growth and allocations {seconds:.0} s"));
        }
        for (step, seconds) in &self.steps {
            if *step > Step::Allocations {
                parts.push(format!("{step} {seconds:.0} s"));
            }
        }
        parts.join(", ")
    }
}

/// Three digits and a unit.
fn duration(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.1} µs", ns / 1e3),
        ns => format!("{:.2} ms", ns / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use crate::exact::{Exact, Point};
    use crate::paired::{Paired, TimeVerdict};
    use crate::verdict::{Finding, Kind};
    use crate::workload::{Allocations, Law};

    fn report() -> Report {
        Report {
            base: "HEAD~1".to_owned(),
            steps: vec![(Step::Counts, 2.0), (Step::Time, 30.0)],
            skipped: vec![(Step::Instructions, "not requested".to_owned())],
            findings: vec![Finding::new(
                Step::Counts,
                "db/w",
                Kind::Worse,
                "+1 statement: a || b",
            )],
            exact: vec![Exact {
                workload: "db/w".to_owned(),
                size: 10,
                law: Law::Constant,
                spread: 0.0,
                counts: Counts::default(),
                growth: vec![Point {
                    size: 10,
                    statements: 3,
                    allocations: Some(Allocations {
                        calls: 4,
                        bytes: 50,
                    }),
                    ns: 1e3,
                }],
            }],
            paired: vec![Paired {
                workload: "db/w".to_owned(),
                ratio: 1.5,
                low: 1.4,
                high: 1.6,
                elapsed: None,
                waits: false,
                base_ns: 1000.0,
                head_ns: 1500.0,
                twin: 1.0,
                control: None,
                verdict: TimeVerdict::Regression,
            }],
            ..Report::default()
        }
    }

    #[test]
    fn people_read_the_verdict_and_its_cause() {
        let text = report().text();
        assert!(
            text.starts_with("WORSE        counts       db/w: +1 statement: a || b\n"),
            "{text}"
        );
        assert!(text.ends_with("regression: 1 workloads against HEAD~1; counts, growth and allocations 2 s, time 30 s\n"), "{text}");
        let markdown = report().markdown();
        assert!(
            markdown.contains("| Worse | counts | db/w | +1 statement: a \\|\\| b |"),
            "{markdown}"
        );
        assert!(
            markdown.contains("| db/w | 1.0 µs | 1.5 µs | 1.500 | 1.400 to 1.600 |"),
            "{markdown}"
        );
        assert!(report().growth().contains("db/w"));
    }

    #[test]
    fn services_get_their_formats() {
        let github = report().github();
        assert_eq!(github[0]["unit"], "statements");
        assert_eq!(github[2]["value"], 1500.0);
        let bencher = report().bencher();
        assert_eq!(bencher["db/w"]["allocations"]["value"], 4);
        assert_eq!(bencher["db/w"]["latency"]["upper_value"], 1600.0);
    }
}
