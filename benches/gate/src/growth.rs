//! Growth of costs with size: the exponent between two sizes, and the allowed growth.

use crate::exact::{Exact, Point};
use crate::verdict::{Finding, Kind, Step};
use crate::workload::Law;

/// Allows the exponent of allocations to exceed 1 because vectors and hash tables double.
const MOST_ALLOCATIONS: f64 = 1.10;
/// The limit for time is higher, since caches overflow. Quadratic growth has an exponent near 2.
const MOST_TIME: f64 = 1.50;
/// Below this size constant costs hide what grows.
const SMALLEST: usize = 100;
/// The tolerance for bytes: the unused room of a hash table.
const MOST_BYTES: f64 = 1.30;

/// Returns the exponent of a cost's growth between two sizes: 0 is constant, 1 linear, 2 quadratic.
pub fn exponent(small: (usize, f64), large: (usize, f64)) -> f64 {
    (large.1.max(1.0) / small.1.max(1.0)).ln() / (as_float(large.0) / as_float(small.0)).ln()
}

/// The exponents of a workload, if its sizes suffice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Exponents {
    pub(crate) statements: f64,
    pub(crate) calls: Option<f64>,
    pub(crate) bytes: Option<f64>,
    pub(crate) time: f64,
}

/// Between the largest size and one that is about a tenth of it.
pub(crate) fn exponents(growth: &[Point]) -> Option<Exponents> {
    let large = growth.last()?;
    let small = growth
        .iter()
        .rev()
        .find(|point| point.size * 5 <= large.size && point.size >= SMALLEST)?;
    let of = |cost: &dyn Fn(&Point) -> f64| {
        exponent((small.size, cost(small)), (large.size, cost(large)))
    };
    let allocations = small.allocations.zip(large.allocations);
    Some(Exponents {
        statements: of(&|point| as_float(point.statements)),
        calls: allocations
            .map(|(a, b)| exponent((small.size, wide(a.calls)), (large.size, wide(b.calls)))),
        bytes: allocations
            .map(|(a, b)| exponent((small.size, wide(a.bytes)), (large.size, wide(b.bytes)))),
        time: of(&|point| point.ns),
    })
}

/// Lists the violations of a workload's laws.
pub(crate) fn check(exact: &Exact) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |cause: String| {
        findings.push(Finding::new(
            Step::Growth,
            &exact.workload,
            Kind::Worse,
            cause,
        ));
    };
    if let Some(cause) = statements(exact) {
        find(cause);
    }
    let Some(found) = exponents(&exact.growth) else {
        return findings;
    };
    for (what, exponent, most) in [
        ("allocations grow", found.calls, MOST_ALLOCATIONS),
        ("allocated bytes grow", found.bytes, MOST_BYTES),
        ("time grows", Some(found.time), MOST_TIME),
    ] {
        if let Some(exponent) = exponent.filter(|exponent| *exponent > most) {
            find(format!(
                "{what} with exponent {exponent:.2} of the size, allowed is {most:.2}"
            ));
        }
    }
    findings
}

/// The law of the number of statements, against the smallest size at which there is more than one row.
fn statements(exact: &Exact) -> Option<String> {
    let first = exact.growth.iter().find(|point| point.size >= 10)?;
    let last = exact.growth.last()?;
    let grown = last.statements.saturating_sub(first.statements);
    let most = match exact.law {
        Law::Constant => 0,
        // Several statements of a run may each go in batches.
        Law::Batches(rows) => 4 * last.size.div_ceil(rows),
        Law::Rows => return None,
    };
    (grown > most).then(|| {
        let n_plus_one = if grown * 2 >= last.size - first.size {
            "N+1: "
        } else {
            ""
        };
        format!(
            "{n_plus_one}{} statements for {}, {} for {}",
            first.statements, first.size, last.statements, last.size
        )
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes and counts are far below 2^52"
)]
fn as_float(number: usize) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn wide(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use crate::workload::Allocations;

    fn exact(law: Law, points: &[(usize, usize, u64, f64)]) -> Exact {
        let point = |&(size, statements, calls, ns): &(usize, usize, u64, f64)| Point {
            size,
            statements,
            allocations: Some(Allocations {
                calls,
                bytes: calls * 10,
            }),
            ns,
        };
        Exact {
            workload: "w".to_owned(),
            size: 100,
            law,
            spread: 0.0,
            counts: Counts::default(),
            growth: points.iter().map(point).collect(),
        }
    }

    #[test]
    fn exponents_of_known_growth() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        near(exponent((10, 5.0), (100, 50.0)), 1.0);
        near(exponent((10, 5.0), (100, 500.0)), 2.0);
        near(exponent((10, 5.0), (1_000, 5.0)), 0.0);
        near(exponent((10, 0.0), (100, 0.0)), 0.0);
    }

    #[test]
    fn flat_growth_passes() {
        let flat = [
            (10, 3, 30, 1e3),
            (100, 3, 300, 1e4),
            (1_000, 3, 3_000, 1.1e5),
        ];
        assert_eq!(check(&exact(Law::Constant, &flat)), []);
        let rows = [(10, 12, 30, 1e3), (100, 102, 300, 1e4)];
        assert_eq!(check(&exact(Law::Rows, &rows)), []);
        let batches = [
            (10, 4, 30, 1e3),
            (100, 5, 300, 1e4),
            (1_000, 19, 3_000, 1e5),
        ];
        assert_eq!(check(&exact(Law::Batches(64), &batches)), []);
    }

    #[test]
    fn an_n_plus_one_is_named() {
        let points = [(10, 13, 30, 1e3), (100, 103, 300, 1e4)];
        let found = check(&exact(Law::Constant, &points));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].cause, "N+1: 13 statements for 10, 103 for 100");
        assert_eq!(check(&exact(Law::Batches(64), &points)).len(), 1);
    }

    #[test]
    fn quadratic_time_and_allocations_are_found() {
        let time = [(100, 3, 300, 1e4), (1_000, 3, 3_000, 5e5)];
        let found = check(&exact(Law::Constant, &time));
        assert!(
            found[0].cause.starts_with("time grows with exponent 1.70"),
            "{found:?}"
        );
        let calls = [(100, 3, 300, 1e4), (1_000, 3, 30_000, 1e5)];
        assert_eq!(check(&exact(Law::Constant, &calls)).len(), 2);
    }
}
