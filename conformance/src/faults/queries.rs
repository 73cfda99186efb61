//! Wrong rows.

use selfsame::backend::StatementKind;
use selfsame::dialect::Dialect;

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::Queries;
use crate::faults::lie::{Delivery, Lie};
use crate::faults::text::{always_true, clause, places, quotes, replaced};

pub(super) const FAULTS: &[Fault] = &[
    Fault::new(
        "queries.long_names_cut",
        Queries,
        "Names are truncated to 40 characters.",
        Lie::Text(|dialect, _, text| names_cut(quotes(dialect), text, 40)),
    )
    .suspects(&["schema.names.long"]),
    Fault::new(
        "queries.null_equals_null",
        Queries,
        "A comparison with NULL by = matches rows with NULL.",
        Lie::Text(null_equals_null),
    )
    .suspects(&["queries.equality.null"]),
    Fault::new(
        "queries.limit_zero_is_unlimited",
        Queries,
        "LIMIT 0 returns all rows.",
        Lie::Text(|_, _, text| limit_zero_is_unlimited(text)),
    )
    .suspects(&["queries.limit"]),
    Fault::new(
        "queries.offset_off_by_one_beyond_50",
        Queries,
        "An OFFSET of 50 or more skips one row too many.",
        Lie::Text(offset_off_by_one),
    )
    .beyond(50)
    .suspects(&["queries.limit"]),
    Fault::new(
        "queries.nulls_order_swapped",
        Queries,
        "NULLS FIRST and NULLS LAST are swapped.",
        Lie::Text(|_, _, text| {
            replaced(text, "NULLS FIRST", "NULLS LAST")
                .or_else(|| replaced(text, "NULLS LAST", "NULLS FIRST"))
        }),
    )
    .needs(&[Capability::NullsOrder])
    .suspects(&["queries.order.nulls"]),
    Fault::new(
        "queries.second_sort_key_dropped",
        Queries,
        "Only the first key of ORDER BY counts, and ties are in reverse order.",
        Lie::Text(second_sort_key_dropped),
    )
    .suspects(&["queries.order"]),
    Fault::new(
        "queries.distinct_dropped",
        Queries,
        "DISTINCT is ignored.",
        Lie::Text(|_, _, text| replaced(text, "SELECT DISTINCT ", "SELECT ")),
    )
    .suspects(&["queries.distinct"]),
    Fault::new(
        "queries.union_is_union_all",
        Queries,
        "UNION keeps duplicates.",
        Lie::Text(union_is_union_all),
    )
    .suspects(&["queries.union"]),
    Fault::new(
        "queries.intersect_is_union",
        Queries,
        "INTERSECT returns the rows of both sides.",
        Lie::Text(|_, _, text| replaced(text, " INTERSECT ", " UNION ")),
    )
    .suspects(&["queries.union"]),
    Fault::new(
        "queries.left_join_is_inner",
        Queries,
        "A left join drops the unmatched rows.",
        Lie::Text(|_, _, text| replaced(text, " LEFT JOIN ", " JOIN ")),
    )
    .suspects(&["queries.join"]),
    Fault::new(
        "queries.having_dropped",
        Queries,
        "HAVING is ignored.",
        Lie::Text(|_, _, text| always_true(text, " HAVING ", &[" ORDER BY ", " LIMIT "])),
    )
    .suspects(&["queries.group"]),
    Fault::new(
        "queries.row_lost_beyond_100",
        Queries,
        "The 101st row of a result is lost.",
        Lie::Deliver(|place| (place == 100).then_some(Delivery::Never)),
    )
    .beyond(100)
    .suspects(&["queries.stream"]),
    Fault::new(
        "queries.row_lost_beyond_1000",
        Queries,
        "The 1,001st row of a result is lost.",
        Lie::Deliver(|place| (place == 1_000).then_some(Delivery::Never)),
    )
    .beyond(1_000)
    .suspects(&["queries.stream"]),
    Fault::new(
        "queries.stale_plan",
        Queries,
        "A prepared statement keeps returning the columns that its table had originally.",
        Lie::StalePlan,
    )
    .suspects(&["schema.change"]),
    Fault::new(
        "queries.column_names_lost",
        Queries,
        "Columns are returned without names.",
        Lie::LoseNames,
    )
    .suspects(&["queries.columns.names"]),
    Fault::new(
        "queries.bitwise_and_is_or",
        Queries,
        "A bitwise AND computes OR.",
        Lie::Text(|_, _, text| replaced(text, " & ", " | ")),
    )
    .suspects(&["queries.arithmetic.bits"]),
    Fault::new(
        "queries.remainder_is_quotient",
        Queries,
        "A remainder computes the quotient.",
        Lie::Text(|dialect, _, text| replaced(text, " % ", dialect.integer_division())),
    )
    .suspects(&["queries.arithmetic.integers"]),
    Fault::new(
        "queries.row_twice",
        Queries,
        "The third row of a result is returned twice.",
        Lie::Deliver(|place| (place == 2).then_some(Delivery::Twice)),
    )
    .suspects(&["queries.stream", "queries.order"]),
    Fault::new(
        "queries.stop_breaks_connection",
        Queries,
        "A reader that stops early leaves the connection unusable.",
        Lie::BreakOnStop,
    )
    .suspects(&["queries.stream.stop"]),
];

/// Returns the text with all quoted names truncated.
fn names_cut((open, close): (char, char), text: &str, longest: usize) -> Option<String> {
    let mut length = None;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        length = match length {
            None if c == open => Some(0),
            Some(_) if c == close => None,
            length => length.map(|length| length + 1),
        };
        if length.is_none_or(|length| length <= longest) {
            out.push(c);
        }
    }
    (out != text).then_some(out)
}

fn limit_zero_is_unlimited(text: &str) -> Option<String> {
    let rest = text
        .strip_suffix(" LIMIT 0")
        .or_else(|| text.strip_suffix(" LIMIT 0 OFFSET 0"))?;
    Some(rest.to_owned())
}

fn null_equals_null(dialect: &dyn Dialect, kind: StatementKind, text: &str) -> Option<String> {
    if kind != StatementKind::Select {
        return None;
    }
    let (start, end) = clause(text, " WHERE ", &[" GROUP BY ", " ORDER BY ", " LIMIT "])?;
    let condition = &text[start..end];
    if !places(condition, "ANY").is_empty() {
        return None;
    }
    let [_, same, _] = dialect.null_safe_equality(false);
    let altered = replaced(condition, " = ", same)?;
    Some(format!("{}{altered}{}", &text[..start], &text[end..]))
}

fn offset_off_by_one(_: &dyn Dialect, _: StatementKind, text: &str) -> Option<String> {
    let at = places(text, " OFFSET ").last()? + " OFFSET ".len();
    let digits: String = text[at..]
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let offset: u64 = digits.parse().ok()?;
    (offset >= 50).then(|| {
        format!(
            "{}{}{}",
            &text[..at],
            offset + 1,
            &text[at + digits.len()..]
        )
    })
}

/// Drops the second and all later keys of the last ORDER BY. Rows with equal first keys could still come in the right order by chance, so
/// they are sorted by the second key in reverse.
fn second_sort_key_dropped(_: &dyn Dialect, _: StatementKind, text: &str) -> Option<String> {
    let (start, end) = clause(text, " ORDER BY ", &[" LIMIT ", " OFFSET ", ")"])?;
    let keys = &text[start..end];
    let comma = *places(keys, ", ").first()?;
    let second = &keys[comma + 2..];
    let second = second.split(", ").next().unwrap_or(second);
    let bare = second.trim_end_matches(" ASC").trim_end_matches(" DESC");
    let turned = if second.ends_with(" DESC") {
        bare.to_owned()
    } else {
        format!("{bare} DESC")
    };
    Some(format!(
        "{}{}, {turned}{}",
        &text[..start],
        &keys[..comma],
        &text[end..]
    ))
}

fn union_is_union_all(_: &dyn Dialect, _: StatementKind, text: &str) -> Option<String> {
    let marked = replaced(text, " UNION ", " UNION ALL ")?;
    let replaced_text = replaced(&marked, " UNION ALL ALL ", " UNION ALL ").unwrap_or(marked);
    (replaced_text != text).then_some(replaced_text)
}
