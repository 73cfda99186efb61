//! Clauses, operators and functions of queries with a changed meaning.

use selfsame::backend::StatementKind;
use selfsame::dialect::Dialect;
use selfsame::schema::ColumnType;
use selfsame::value::Value;

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::Queries;
use crate::faults::lie::{Delivery, Lie};
use crate::faults::text::{calls, in_where, places, replaced, within};

macro_rules! text {
    ($id:literal, $sentence:literal, $suspect:literal, $change:expr) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::Text(|dialect, _, text| {
                let change: fn(&dyn Dialect, &str) -> Option<String> = $change;
                change(dialect, text)
            }),
        )
        .suspects(&[$suspect])
    };
}

/// Drops rows of statements that contain a word.
macro_rules! rows {
    ($id:literal, $sentence:literal, $suspect:literal, $word:literal, $dropped:expr) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::Rows(
                |_, text| !places(text, $word).is_empty(),
                |rows| {
                    let is_dropped: fn(&[Vec<Value>], &[Value]) -> bool = $dropped;
                    let is_kept = |at: &usize| !is_dropped(&rows[..*at], &rows[*at]);
                    let kept: Vec<usize> = (0..rows.len()).filter(is_kept).collect();
                    (kept.len() < rows.len()).then_some(kept)
                },
            ),
        )
        .suspects(&[$suspect])
    };
}

macro_rules! row_lost {
    ($id:literal, $at:literal, $sentence:literal) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::Deliver(|place| (place == $at).then_some(Delivery::Never)),
        )
        .beyond($at)
        .suspects(&["queries.stream", "writes.sizes"])
    };
}

pub(super) const FAULTS: &[Fault] = &[
    text!(
        "large_offset_ignored",
        "An OFFSET of 100 or more is ignored.",
        "queries.limit",
        |_, text| number_after(text, " OFFSET ", |offset| if offset >= 100 {
            0
        } else {
            offset
        })
    ),
    text!(
        "limit_counts_skipped_rows",
        "LIMIT counts the rows that OFFSET skips.",
        "queries.limit",
        |_, text| {
            let offset = number(text, " OFFSET ")?.0;
            number_after(text, " LIMIT ", |limit| limit.saturating_sub(offset))
        }
    ),
    text!(
        "limit_wraps_at_32_bits",
        "A LIMIT is taken modulo 2^32.",
        "queries.limit",
        |_, text| number_after(text, " LIMIT ", |limit| limit % (1 << 32))
    ),
    text!(
        "limit_of_one_is_two",
        "LIMIT 1 returns two rows.",
        "queries.limit",
        |_, text| number_after(text, " LIMIT ", |limit| limit + u64::from(limit == 1))
    ),
    text!(
        "pattern_escape_ignored",
        "A backslash in a pattern of LIKE is an ordinary character.",
        "queries.operands.patterns",
        |dialect, text| {
            let [_, _, escape] = dialect.like(false);
            let other = escape.replace('\\', "|");
            (text.contains(escape) && other != escape).then(|| text.replace(escape, &other))
        }
    ),
    text!(
        "join_matches_null",
        "A join on equal columns joins NULL with NULL.",
        "queries.groups.joins",
        |dialect, text| {
            let [_, same, _] = dialect.null_safe_equality(false);
            within(text, " ON ", JOIN_ENDS, |condition| {
                replaced(condition, " = ", same)
            })
        }
    ),
    text!(
        "not_of_a_condition_ignored",
        "NOT before a condition in parentheses is ignored.",
        "queries.operands.logic",
        |_, text| in_where(text, |condition| replaced(condition, "NOT (", "("))
    ),
    text!(
        "count_distinct_counts_null",
        "COUNT(DISTINCT …) counts NULL as a value.",
        "queries.groups.aggregates",
        |_, text| calls(text, "COUNT(", |inner| {
            let operand = inner.strip_prefix("DISTINCT ")?;
            Some(format!(
                "(COUNT({inner}) + COALESCE(MAX(CASE WHEN {operand} IS NULL THEN 1 ELSE 0 END), 0))"
            ))
        })
    ),
    text!(
        "avg_is_rounded",
        "AVG is rounded to an integer.",
        "queries.groups.aggregates",
        |_, text| calls(text, "AVG(", |inner| Some(format!("ROUND(AVG({inner}))")))
    ),
    text!(
        "sum_skips_negatives",
        "SUM skips negative numbers.",
        "queries.groups.aggregates",
        |_, text| calls(text, "SUM(", |inner| {
            let is_plain = !inner.contains(['?', '$']) && !inner.starts_with("DISTINCT");
            is_plain.then(|| format!("SUM(CASE WHEN {inner} < 0 THEN 0 ELSE {inner} END)"))
        })
    ),
    text!(
        "numbers_sorted_as_texts",
        "ORDER BY sorts numbers by their digits.",
        "queries.order",
        |dialect, text| within(text, " ORDER BY ", KEY_ENDS, |key| {
            let mut cast = String::new();
            dialect.cast(key, &ColumnType::Text { length: None }, &mut cast);
            Some(cast)
        })
    ),
    text!(
        "sorted_by_absolute_value",
        "ORDER BY sorts numbers without regard to their sign.",
        "queries.groups.order",
        |_, text| within(text, " ORDER BY ", KEY_ENDS, |key| Some(format!(
            "ABS({key})"
        )))
    ),
    text!(
        "sorted_by_length",
        "ORDER BY sorts shorter texts first.",
        "queries.groups.order",
        |dialect, text| {
            let length = dialect.function("LENGTH");
            within(text, " ORDER BY ", KEY_ENDS, |key| {
                Some(format!("{length}({key}), {key}"))
            })
        }
    ),
    text!(
        "length_counts_bytes",
        "LENGTH counts bytes.",
        "queries.operands.text",
        |dialect, text| {
            let name = format!("{}(", dialect.function("LENGTH"));
            calls(text, &name, |inner| Some(format!("OCTET_LENGTH({inner})")))
        }
    ),
    text!(
        "replace_does_nothing",
        "REPLACE returns the text unchanged.",
        "queries.operands.text",
        |_, text| calls(text, "REPLACE(", |inner| Some(format!("COALESCE({inner})")))
    ),
    text!(
        "substring_one_longer",
        "SUBSTRING returns one character too many.",
        "queries.operands.text",
        |_, text| calls(text, "SUBSTR(", |inner| {
            let commas = places(inner, ", ").len();
            (commas > 1).then(|| format!("SUBSTR({inner} + 1)"))
        })
    ),
    text!(
        "default_frame_is_of_rows",
        "A window with an order but without a frame does not contain the peers of the current row.",
        "queries.groups.windows",
        |_, text| {
            let is_ranking = ["RANK(", "ROW_NUMBER(", "LAG(", "LEAD("]
                .iter()
                .any(|name| !places(text, name).is_empty());
            if is_ranking {
                return None;
            }
            calls_of_windows(text, |window| {
                let is_plain = window.contains("ORDER BY ") && !window.contains(" BETWEEN ");
                is_plain
                    .then(|| format!("{window} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"))
            })
        }
    )
    .needs(&[Capability::Windows]),
    text!(
        "bitwise_or_is_and",
        "A bitwise OR computes AND.",
        "queries.arithmetic.bits",
        |_, text| replaced(text, " | ", " & ")
    ),
    text!(
        "exists_is_true",
        "EXISTS is true of every query.",
        "queries",
        |_, text| calls(text, "EXISTS (", |query| Some(format!(
            "(1 = 1 OR EXISTS ({query}))"
        )))
    ),
    text!(
        "empty_list_matches",
        "IN of an empty list is true.",
        "queries.operands.lists",
        |_, text| replaced(text, "1 = 0", "1 = 1")
    ),
    text!(
        "null_safe_is_plain",
        "A null-safe comparison is NULL if either side is.",
        "queries.operands.comparison",
        |dialect, text| {
            let [before, same, _] = dialect.null_safe_equality(false);
            let at = places(text, same).into_iter().find(|at| {
                let after = &text[at + same.len()..];
                !after.starts_with("NULL") && !after.starts_with("NOT ")
            })?;
            before
                .is_empty()
                .then(|| format!("{} = {}", &text[..at], &text[at + same.len()..]))
        }
    ),
    text!(
        "recursion_stops_after_three",
        "A recursive query returns only its first three rows.",
        "queries.subquery.recursive",
        |_, text| {
            let is_plain = text.starts_with("WITH RECURSIVE") && places(text, " LIMIT ").is_empty();
            is_plain.then(|| format!("{text} LIMIT 3"))
        }
    )
    .needs(&[Capability::RecursiveQueries]),
    rows!(
        "intersect_drops_null",
        "INTERSECT drops rows whose first column is NULL.",
        "queries.groups.sets",
        " INTERSECT ",
        |_, row| matches!(row.first(), Some(Value::Null))
    )
    .needs(&[Capability::SetOperations]),
    rows!(
        "union_drops_null",
        "UNION drops rows whose first column is NULL.",
        "queries.groups.sets",
        " UNION ",
        |_, row| matches!(row.first(), Some(Value::Null))
    ),
    rows!(
        "distinct_by_first_column",
        "DISTINCT compares only the first column.",
        "queries.distinct",
        "SELECT DISTINCT ",
        |before, row| before.iter().any(|other| other.first() == row.first())
    ),
    rows!(
        "distinct_folds_case",
        "DISTINCT takes texts that differ only in case for one.",
        "queries.distinct",
        "SELECT DISTINCT ",
        |before, row| before.iter().any(|other| same_but_for_case(other, row))
    ),
    rows!(
        "groups_fold_case",
        "GROUP BY drops the group of a text that differs from an earlier one only in case.",
        "queries.group",
        " GROUP BY ",
        |before, row| {
            before.iter().any(|other| {
            let heads = (other.first(), row.first());
            matches!(heads, (Some(Value::Text(a)), Some(Value::Text(b))) if a.eq_ignore_ascii_case(b))
        })
        }
    ),
    Fault::new(
        "queries.rows_exchanged_at_256",
        Queries,
        "The 256th and 257th row of a sorted result are exchanged.",
        Lie::Rows(
            |_, text| !places(text, " ORDER BY ").is_empty(),
            |rows| {
                let mut order: Vec<usize> = (0..rows.len()).collect();
                (rows.len() > 256).then(|| {
                    order.swap(255, 256);
                    order
                })
            },
        ),
    )
    .beyond(256)
    .suspects(&["queries.stream"]),
    Fault::new(
        "queries.reversed_bounds_match",
        Queries,
        "BETWEEN matches also if its bounds are reversed.",
        Lie::Params(|_, _, text, params| {
            places(text, " BETWEEN ").first()?;
            match params {
                [Value::I64(low), Value::I64(high)] if low > high => {
                    Some(vec![Value::I64(*high), Value::I64(*low)])
                }
                _ => None,
            }
        }),
    )
    .suspects(&["queries.operands.comparison"]),
    row_lost!(
        "row_lost_at_2048",
        2_047,
        "The 2,048th row of a result is lost."
    ),
    row_lost!(
        "row_lost_at_16385",
        16_384,
        "The 16,385th row of a result is lost."
    ),
    row_lost!(
        "row_lost_at_100000",
        99_999,
        "The 100,000th row of a result is lost."
    ),
    row_lost!(
        "row_lost_at_131073",
        131_072,
        "The 131,073rd row of a result is lost."
    ),
    Fault::new(
        "queries.locks_ignored",
        Queries,
        "A query that locks its rows does not lock them.",
        Lie::Text(|dialect, kind, text| {
            let locks = [" FOR UPDATE", dialect.share_lock()];
            (kind == StatementKind::Select)
                .then(|| {
                    let unlocked = locks.iter().find_map(|lock| replaced(text, lock, ""))?;
                    let waiting = [" SKIP LOCKED", " NOWAIT"];
                    let rest = waiting
                        .iter()
                        .find_map(|word| replaced(&unlocked, word, ""));
                    Some(rest.unwrap_or(unlocked))
                })
                .flatten()
        }),
    )
    .needs(&[Capability::RowLocks])
    .suspects(&["queries.lock"]),
    text!(
        "recursive_rows_once",
        "A recursive query returns equal rows once.",
        "queries.common",
        |_, text| {
            places(text, "WITH RECURSIVE ").first()?;
            replaced(text, " UNION ALL ", " UNION ")
        }
    )
    .needs(&[Capability::RecursiveQueries]),
    text!(
        "replace_finds_lower_case",
        "REPLACE looks for the text in lower case.",
        "queries.operands.text",
        |_, text| calls(text, "REPLACE(", |arguments| {
            let [text, from, to] =
                <[&str; 3]>::try_from(arguments.split(", ").collect::<Vec<_>>()).ok()?;
            Some(format!("REPLACE({text}, LOWER({from}), {to})"))
        })
    ),
    text!(
        "trim_removes_no_break_spaces",
        "TRIM also removes no-break spaces.",
        "queries.operands.text",
        |_, text| calls(text, "TRIM(", |argument| {
            (!argument.contains(',')).then(|| format!("TRIM(REPLACE({argument}, '\u{a0}', ' '))"))
        })
    ),
];

const JOIN_ENDS: &[&str] = &[
    " WHERE ",
    " GROUP BY ",
    " ORDER BY ",
    " LIMIT ",
    " LEFT JOIN ",
    " JOIN ",
];

const KEY_ENDS: &[&str] = &[" LIMIT ", " OFFSET ", " DESC", " ASC", " NULLS ", ",", ")"];

/// Returns the number after the last occurrence of this keyword, and the start and end of its digits.
fn number(text: &str, keyword: &str) -> Option<(u64, usize, usize)> {
    let start = *places(text, keyword).last()? + keyword.len();
    let digits = text[start..].bytes().take_while(u8::is_ascii_digit).count();
    let number = text[start..start + digits].parse().ok()?;
    Some((number, start, start + digits))
}

/// Changes the number after the last occurrence of this keyword, unless it means all rows.
fn number_after(text: &str, keyword: &str, change: impl FnOnce(u64) -> u64) -> Option<String> {
    let (found, start, end) = number(text, keyword)?;
    let is_all = found >= i64::MAX.unsigned_abs();
    let changed = change(found);
    (!is_all && changed != found).then(|| format!("{}{changed}{}", &text[..start], &text[end..]))
}

/// Rewrites the text in the parentheses after each OVER.
fn calls_of_windows(text: &str, change: impl Fn(&str) -> Option<String>) -> Option<String> {
    calls(text, "OVER (", |window| {
        change(window).map(|window| format!("OVER ({window})"))
    })
}

fn same_but_for_case(one: &[Value], other: &[Value]) -> bool {
    let is_same = |(a, b): (&Value, &Value)| match (a, b) {
        (Value::Text(a), Value::Text(b)) => a.eq_ignore_ascii_case(b),
        (a, b) => a == b,
    };
    one.len() == other.len() && one.iter().zip(other).all(is_same)
}
