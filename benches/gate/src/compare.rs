//! Compares two counts of one workload, and names the cause of each difference.

use std::collections::BTreeMap;

use crate::counts::Counts;
use crate::exact::Exact;
use crate::verdict::{Finding, Kind, Step};
use crate::workload::Allocations;

/// The tolerance for allocations that are not exact.
const FEW: f64 = 16.0;

/// The maximum length of SQL in a cause.
const LONGEST: usize = 90;

/// Lists the differences between two counts; more than before is worse.
pub fn counts(was: &Counts, is: &Counts, size: usize) -> Vec<(Kind, String)> {
    if was == is {
        return Vec::new();
    }
    let mut causes = statements(was, is, size);
    for (what, was, is, most) in [
        (
            "transaction",
            wide(was.transactions),
            wide(is.transactions),
            0,
        ),
        ("prepare", was.prepares, is.prepares, 0),
        // A statement prepared in every run is no longer cached.
        (
            "prepare again in every run (a statement is no longer cached)",
            was.prepares_again,
            is.prepares_again,
            0,
        ),
        ("round trip", was.round_trips, is.round_trips, 0),
        (
            "parameter",
            wide(was.parameters()),
            wide(is.parameters()),
            0,
        ),
        ("row", was.rows(), is.rows(), 0),
    ] {
        causes.extend(number(what, was, is, most));
    }
    if causes.is_empty() {
        let at = was
            .statements
            .iter()
            .zip(&is.statements)
            .position(|(was, is)| was != is);
        causes.push((
            Kind::Different,
            match at {
                Some(at) => format!(
                    "other statements or another order, from number {} on: {}",
                    at + 1,
                    cut(&is.statements[at].fingerprint)
                ),
                None => format!("{} cache hits instead of {}", is.cache_hits, was.cache_hits),
            },
        ));
    }
    causes
}

/// Compares how often each statement is sent.
fn statements(was: &Counts, is: &Counts, size: usize) -> Vec<(Kind, String)> {
    let mut by_text: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for counted in &was.statements {
        by_text.entry(&counted.fingerprint).or_default().0 += counted.executions;
    }
    for counted in &is.statements {
        by_text.entry(&counted.fingerprint).or_default().1 += counted.executions;
    }
    let (was, is) = (was.executions(), is.executions());
    let mut causes = Vec::new();
    for (text, (was, is)) in by_text {
        let text = cut(text);
        if is > was {
            let more = is - was;
            // Once for each row, or for one of ten of them where a batch was.
            let named = if more >= 5 && more * 2 >= size && was <= 1 {
                "N+1: "
            } else {
                ""
            };
            causes.push((
                Kind::Worse,
                format!("{named}+{}: {text}", plural(more, "statement")),
            ));
        } else if was > is {
            causes.push((
                Kind::Better,
                format!("-{}: {text}", plural(was - is, "statement")),
            ));
        }
    }
    // As many as before, but different: neither better nor worse.
    if is <= was {
        for cause in &mut causes {
            cause.0 = if is < was {
                Kind::Better
            } else {
                Kind::Different
            };
        }
    }
    causes
}

/// Compares allocations. With a `spread`, calls may differ by that fraction and a few more, and bytes are ignored, because data from a
/// socket arrives in pieces of varying size.
pub fn allocations(
    was: Allocations,
    is: Allocations,
    size: usize,
    spread: f64,
) -> Vec<(Kind, String)> {
    let rows = wide(size.max(1));
    let mut causes = Vec::new();
    for (what, was, is) in [
        ("allocation", was.calls, is.calls),
        ("allocated byte", was.bytes, is.bytes),
    ] {
        let change = was.abs_diff(is);
        let is_loose = spread > 0.0;
        let most = if is_loose {
            float(was) * spread + FEW
        } else {
            0.0
        };
        if float(change) <= most || (is_loose && what != "allocation") {
            continue;
        }
        let (kind, sign) = if is > was {
            (Kind::Worse, '+')
        } else {
            (Kind::Better, '-')
        };
        let cause = if change >= rows && size > 1 {
            let each = float(change) / float(rows);
            format!("{sign}{} {what}s a row", digits(each))
        } else {
            format!("{sign}{}", plural_wide(change, what))
        };
        causes.push((
            kind,
            format!(
                "{cause} ({was} before, {is} now, for {})",
                plural(size, "row")
            ),
        ));
    }
    causes
}

/// Lists all differences between two revisions.
pub(crate) fn revisions(was: &Exact, is: &Exact, steps: &dyn Fn(Step) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut take = |step: Step, causes: Vec<(Kind, String)>| {
        for (kind, cause) in causes {
            // Another text or order is not a regression; the golden files record it.
            let kind = if kind == Kind::Different {
                Kind::Note
            } else {
                kind
            };
            found.push(Finding::new(step, &is.workload, kind, cause));
        }
    };
    if steps(Step::Counts) {
        take(Step::Counts, counts(&was.counts, &is.counts, is.size));
    }
    if let (true, Some(was), Some(now)) = (
        steps(Step::Allocations),
        was.allocations(),
        is.allocations(),
    ) {
        take(Step::Allocations, allocations(was, now, is.size, is.spread));
    }
    found
}

fn number(what: &str, was: u64, is: u64, most: u64) -> Option<(Kind, String)> {
    let change = was.abs_diff(is);
    if change <= most {
        return None;
    }
    let (kind, sign) = if is > was {
        (Kind::Worse, '+')
    } else {
        (Kind::Better, '-')
    };
    Some((
        kind,
        format!(
            "{sign}{} ({was} before, {is} now)",
            plural_wide(change, what)
        ),
    ))
}

fn plural(count: usize, what: &str) -> String {
    plural_wide(wide(count), what)
}

/// The first word of what is counted takes the ending.
fn plural_wide(count: u64, what: &str) -> String {
    if count == 1 {
        return format!("1 {what}");
    }
    match what.split_once(' ') {
        Some((first, rest)) if !matches!(first, "round" | "allocated") => {
            format!("{count} {first}s {rest}")
        }
        _ => format!("{count} {what}s"),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Whole if it is, else with two digits.
fn digits(number: f64) -> String {
    if (number - number.round()).abs() < 0.005 {
        format!("{number:.0}")
    } else {
        format!("{number:.2}")
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counted;

    fn sent(texts: &[(&str, usize)]) -> Counts {
        let counted = |(text, executions): &(&str, usize)| Counted {
            fingerprint: (*text).to_owned(),
            executions: *executions,
            parameters: 0,
            rows: 0,
        };
        Counts {
            statements: texts.iter().map(counted).collect(),
            ..Counts::default()
        }
    }

    fn causes(was: &Counts, is: &Counts) -> Vec<String> {
        counts(was, is, 9)
            .into_iter()
            .map(|(kind, cause)| format!("{kind:?} {cause}"))
            .collect()
    }

    #[test]
    fn an_extra_statement_is_named() {
        let was = sent(&[("BEGIN", 1), ("SELECT a", 1)]);
        let is = sent(&[("BEGIN", 1), ("SELECT a", 1), ("SELECT b", 1)]);
        assert_eq!(causes(&was, &was), Vec::<String>::new());
        assert_eq!(causes(&was, &is), ["Worse +1 statement: SELECT b"]);
        assert_eq!(causes(&is, &was), ["Better -1 statement: SELECT b"]);
    }

    #[test]
    fn an_n_plus_one_is_named() {
        let was = sent(&[("SELECT a IN (?, ...)", 1)]);
        let is = sent(&[("SELECT a = ?", 9)]);
        assert_eq!(
            causes(&was, &is),
            [
                "Worse N+1: +9 statements: SELECT a = ?",
                "Better -1 statement: SELECT a IN (?, ...)"
            ]
        );
    }

    #[test]
    fn a_cache_that_is_off_is_named() {
        let was = sent(&[("SELECT a", 1)]);
        let is = Counts {
            prepares_again: 3,
            ..was.clone()
        };
        assert_eq!(
            causes(&was, &is),
            [
                "Worse +3 prepares again in every run (a statement is no longer cached) (0 before, 3 now)"
            ]
        );
    }

    #[test]
    fn another_order_is_different() {
        let was = sent(&[("a", 1), ("b", 1)]);
        let is = sent(&[("b", 1), ("a", 1)]);
        assert_eq!(
            causes(&was, &is),
            ["Different other statements or another order, from number 1 on: b"]
        );
        let is = sent(&[("a", 1), ("c", 1)]);
        assert_eq!(
            causes(&was, &is),
            ["Different -1 statement: b", "Different +1 statement: c"]
        );
    }

    #[test]
    fn allocations_are_reported_per_row_where_each_row_has_some() {
        let of = |calls, bytes| Allocations { calls, bytes };
        let causes = |was, is| -> Vec<String> {
            allocations(was, is, 100, 0.0)
                .into_iter()
                .map(|(_, cause)| cause)
                .collect()
        };
        assert_eq!(
            causes(of(100, 0), of(400, 0)),
            ["+3 allocations a row (100 before, 400 now, for 100 rows)"]
        );
        assert_eq!(
            causes(of(100, 0), of(99, 0)),
            ["-1 allocation (100 before, 99 now, for 100 rows)"]
        );
        assert_eq!(
            causes(of(1, 0), of(1, 8)),
            ["+8 allocated bytes (0 before, 8 now, for 100 rows)"]
        );
        assert!(allocations(of(1_000, 0), of(1_040, 900), 100, 0.03).is_empty());
        assert_eq!(allocations(of(1_000, 0), of(1_050, 0), 100, 0.03).len(), 1);
    }
}
