//! Results sorted in the order of another type, or by a part of the value.

use std::cmp::Ordering;

use selfsame::backend::StatementKind;
use selfsame::value::Value;

use crate::faults::Fault;
use crate::faults::Group::Queries;
use crate::faults::lie::Lie;
use crate::faults::text::places;

/// Sorts a result by `$wrong` if it is sorted by a column of `$kind` in the order `$right`.
macro_rules! sorted {
    ($id:literal, $sentence:literal, $kind:ident, $suspects:expr, $right:expr, $wrong:expr) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::Rows(is_sorted_query, |rows| {
                resorted(
                    rows,
                    |a, b| match (a, b) {
                        (Value::$kind(a), Value::$kind(b)) => Some(compare_by($right, a, b)),
                        _ => None,
                    },
                    |a, b| match (a, b) {
                        (Value::$kind(a), Value::$kind(b)) => Some(compare_by($wrong, a, b)),
                        _ => None,
                    },
                )
            }),
        )
        .suspects($suspects)
    };
}

pub(super) const FAULTS: &[Fault] = &[
    sorted!(
        "texts_sorted_by_utf16",
        "Texts are sorted by UTF-16 code units.",
        Text,
        &["queries.groups.order", "types.text", "queries."],
        |a, b| a.cmp(b),
        |a, b| a.encode_utf16().cmp(b.encode_utf16())
    ),
    sorted!(
        "texts_sorted_by_1024_bytes",
        "Texts are sorted by their first 1,024 bytes.",
        Text,
        &["queries.groups.order", "types.text", "queries."],
        |a, b| a.cmp(b),
        |a, b| {
            let start = |text: &str| text.bytes().take(1_024).collect::<Vec<u8>>();
            start(a).cmp(&start(b)).then_with(|| b.cmp(a))
        }
    )
    .beyond(1_024),
    sorted!(
        "bytes_sorted_as_signed",
        "Bytes beyond 127 are sorted before the others.",
        Bytes,
        &["queries.groups.order", "types.bytes", "queries."],
        |a, b| a.cmp(b),
        |a, b| {
            let signed = |bytes: &[u8]| bytes.iter().map(|byte| byte ^ 0x80).collect::<Vec<u8>>();
            signed(a).cmp(&signed(b))
        }
    ),
    sorted!(
        "uuids_sorted_by_their_ends",
        "UUIDs are sorted by their last six bytes first.",
        Uuid,
        &["queries.groups.order", "types.uuid", "queries."],
        |a, b| a.cmp(b),
        |a, b| a[10..].cmp(&b[10..]).then_with(|| a.cmp(b))
    ),
    sorted!(
        "decimals_sorted_as_texts",
        "Decimals are sorted as their texts.",
        Decimal,
        &["types.decimal.order", "queries."],
        |a, b| a.cmp(b),
        |a, b| a.to_string().cmp(&b.to_string())
    ),
    sorted!(
        "doubles_sorted_by_their_bits",
        "Negative doubles are sorted in reverse.",
        F64,
        &["queries.groups.order", "types.f64", "queries."],
        |a, b| a.total_cmp(b),
        |a, b| match (a.is_sign_negative(), b.is_sign_negative()) {
            (true, true) => b.total_cmp(a),
            _ => a.total_cmp(b),
        }
    ),
    sorted!(
        "integers_sorted_as_unsigned",
        "Negative integers are sorted after the positive ones.",
        I64,
        &["queries.order", "queries."],
        |a, b| a.cmp(b),
        |a, b| a.cast_unsigned().cmp(&b.cast_unsigned())
    ),
    sorted!(
        "dates_before_1970_sorted_in_reverse",
        "Dates are sorted by their distance from 1970.",
        Date,
        &["queries.groups.order", "types.date", "queries."],
        |a, b| a.0.cmp(&b.0),
        |a, b| a.0.abs().cmp(&b.0.abs())
    ),
    sorted!(
        "timestamps_before_1970_sorted_last",
        "Timestamps before 1970 are sorted after the others.",
        Timestamp,
        &["queries.groups.order", "types.timestamp", "queries."],
        |a, b| a.0.cmp(&b.0),
        |a, b| (a.0 < 0).cmp(&(b.0 < 0)).then(a.0.cmp(&b.0))
    ),
    sorted!(
        "zoned_timestamps_sorted_by_seconds",
        "Timestamps with a time zone are sorted by their seconds.",
        TimestampTz,
        &["queries.groups.order", "types.timestamptz", "queries."],
        |a, b| a.0.cmp(&b.0),
        |a, b| {
            let seconds = |at: i64| at.div_euclid(1_000_000);
            seconds(a.0).cmp(&seconds(b.0)).then(b.0.cmp(&a.0))
        }
    ),
    sorted!(
        "times_sorted_to_twelve",
        "Times of day are sorted as if hours were counted up to 12.",
        Time,
        &["queries.groups.order", "types.time", "queries."],
        |a, b| a.0.cmp(&b.0),
        |a, b| {
            let half = |at: i64| at % (12 * 3_600 * 1_000_000);
            half(a.0).cmp(&half(b.0))
        }
    ),
    sorted!(
        "truth_sorted_first",
        "True is sorted before false.",
        Bool,
        &["queries.groups.order", "types.bool", "queries."],
        |a, b| a.cmp(b),
        |a, b| b.cmp(a)
    ),
];

/// Gives the closures of [`sorted!`] the type of the value.
fn compare_by<T: ?Sized>(compare: impl Fn(&T, &T) -> Ordering, a: &T, b: &T) -> Ordering {
    compare(a, b)
}

fn is_sorted_query(kind: StatementKind, text: &str) -> bool {
    kind == StatementKind::Select && !places(text, "ORDER BY ").is_empty()
}

type Compare = fn(&Value, &Value) -> Option<Ordering>;

/// Returns the rows in the wrong order if they are in the right order of one of their columns. NULLs keep their positions.
fn resorted(rows: &[Vec<Value>], right: Compare, wrong: Compare) -> Option<Vec<usize>> {
    let width = rows.first()?.len();
    (0..width).find_map(|column| {
        let known = (0..rows.len()).filter(|&row| rows[row][column] != Value::Null);
        let known: Vec<usize> = known.collect();
        let follows =
            |order: Compare, a: usize, b: usize| order(&rows[a][column], &rows[b][column]);
        let steps = known
            .windows(2)
            .map(|pair| follows(right, pair[0], pair[1]));
        let steps: Vec<Ordering> = steps.collect::<Option<_>>()?;
        let descends = steps.contains(&Ordering::Greater);
        if descends && steps.contains(&Ordering::Less) {
            return None;
        }
        let mut sorted = known.clone();
        sorted.sort_by(|&a, &b| {
            let order = follows(wrong, a, b).unwrap_or(Ordering::Equal);
            match descends {
                true => order.reverse(),
                false => order,
            }
        });
        let mut places: Vec<usize> = (0..rows.len()).collect();
        for (&at, &row) in known.iter().zip(&sorted) {
            places[at] = row;
        }
        (sorted != known).then_some(places)
    })
}
