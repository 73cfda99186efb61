//! Bugs in the later parts of conditions, keys and lists, and patterns that other databases read differently.

use selfsame::backend::StatementKind;
use selfsame::value::Value;

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::Queries;
use crate::faults::lie::Lie;
use crate::faults::text::{clause, has_like, places, within};

/// Rewrites a statement.
macro_rules! text {
    ($id:literal, $sentence:literal, $suspects:expr, $change:expr) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::Text(|_, _, text| {
                let change: fn(&str) -> Option<String> = $change;
                change(text)
            }),
        )
        .suspects($suspects)
    };
}

/// Drops all but the first key of the list that starts at `start` and extends to the first of some ends.
fn first_alone(text: &str, start: usize, ends: &[&str]) -> Option<String> {
    let (before, rest) = text.split_at(start);
    let end = ends.iter().filter_map(|end| rest.find(end)).min()?;
    let comma = rest[..end].find(", ")?;
    Some(format!("{before}{}{}", &rest[..comma], &rest[end..]))
}

/// Alters the patterns of LIKE.
macro_rules! pattern {
    ($id:literal, $sentence:literal, $change:expr) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::Params(|_, _, text, params| {
                let change: fn(&str) -> Option<String> = $change;
                if !has_like(text) {
                    return None;
                }
                let mut altered = params.to_vec();
                let mut changed = false;
                for value in &mut altered {
                    if let Value::Text(pattern) = value
                        && let Some(other) = change(pattern)
                    {
                        *pattern = other;
                        changed = true;
                    }
                }
                changed.then_some(altered)
            }),
        )
        .suspects(&[
            "queries.operands.patterns",
            "queries.text.wildcards",
            "queries.",
        ])
    };
}

pub(super) const FAULTS: &[Fault] = &[
    text!(
        "third_sort_key_reversed",
        "The third key of ORDER BY sorts in reverse.",
        &["queries.order", "queries."],
        |text| {
            let (start, end) = clause(text, " ORDER BY ", &[" LIMIT ", " OFFSET ", ")"])?;
            let keys: Vec<&str> = text[start..end].split(", ").collect();
            let third = *keys.get(2)?;
            let turned = match third.strip_suffix(" DESC") {
                Some(bare) => bare.to_owned(),
                None => format!("{} DESC", third.trim_end_matches(" ASC")),
            };
            let mut keys: Vec<String> = keys.into_iter().map(str::to_owned).collect();
            keys[2] = turned;
            Some(format!(
                "{}{}{}",
                &text[..start],
                keys.join(", "),
                &text[end..]
            ))
        }
    ),
    text!(
        "having_by_its_first_condition",
        "HAVING uses only the first of its conditions.",
        &["queries.group", "queries."],
        |text| within(
            text,
            " HAVING ",
            &[" ORDER BY ", " LIMIT ", ")"],
            |condition| {
                let and = *places(condition, " AND ").first()?;
                Some(format!(
                    "{} AND (1 = 1 OR {})",
                    &condition[..and],
                    &condition[and + 5..]
                ))
            }
        )
    ),
    text!(
        "filter_by_its_first_two_conditions",
        "WHERE uses only the first two of its conditions.",
        &["queries."],
        |text| within(
            text,
            " WHERE ",
            &[" GROUP BY ", " ORDER BY ", " LIMIT ", ")"],
            |condition| {
                let ands = places(condition, " AND ");
                let is_flat = places(condition, " BETWEEN ").is_empty()
                    && places(condition, " OR ").is_empty()
                    && places(condition, "(").is_empty();
                let second = *ands.get(1).filter(|_| is_flat)?;
                let rest = &condition[second + 5..];
                Some(format!("{} AND (1 = 1 OR {rest})", &condition[..second]))
            }
        )
    ),
    text!(
        "unknown_condition_of_case_holds",
        "CASE takes a branch whose condition is NULL.",
        &["queries.operands.choice", "queries."],
        |text| {
            let when = *places(text, "CASE WHEN ").first()? + "CASE WHEN ".len();
            let then = *places(&text[when..], " THEN ").first()? + when;
            let condition = &text[when..then];
            Some(format!(
                "{}(({condition}) IS NOT FALSE){}",
                &text[..when],
                &text[then..]
            ))
        }
    ),
    text!(
        "partitions_by_their_first_column",
        "PARTITION BY uses only its first column.",
        &["queries.groups.windows", "queries."],
        |text| {
            let start = *places(text, "PARTITION BY ").first()? + "PARTITION BY ".len();
            first_alone(text, start, &[" ORDER BY ", ")"])
        }
    )
    .needs(&[Capability::Windows]),
    text!(
        "windows_sorted_by_their_first_key",
        "ORDER BY in a window sorts by its first key only.",
        &["queries.groups.windows", "queries."],
        |text| {
            let over = *places(text, " OVER (").first()?;
            let start = *places(&text[over..], "ORDER BY ").first()? + over + "ORDER BY ".len();
            first_alone(text, start, &[" ROWS ", " RANGE ", ")"])
        }
    )
    .needs(&[Capability::Windows]),
    text!(
        "second_join_keeps_the_unmatched",
        "The second of several joins keeps rows without a match.",
        &["queries.groups.joins", "relations.", "queries."],
        |text| {
            let joins = places(text, " JOIN ");
            let second = *joins.get(1)?;
            let is_plain =
                !text[..second].ends_with(" LEFT") && !text[..second].ends_with(" INNER");
            is_plain
                .then(|| format!("{} LEFT{}", &text[..second], &text[second..]))
                .or_else(|| {
                    let before = text[..second].strip_suffix(" INNER")?;
                    Some(format!("{before} LEFT{}", &text[second..]))
                })
        }
    ),
    text!(
        "second_left_join_drops_the_unmatched",
        "The second of several left joins drops rows without a match.",
        &["queries.groups.joins", "relations.", "queries."],
        |text| {
            let second = *places(text, " LEFT JOIN ").get(1)?;
            Some(format!(
                "{}{}",
                &text[..second],
                &text[second + " LEFT".len()..]
            ))
        }
    ),
    text!(
        "second_subquery_never_matches",
        "The second of two EXISTS is false.",
        &["queries.", "relations."],
        |text| {
            let second = *places(text, "EXISTS (SELECT ").get(1)?;
            let inner = second + "EXISTS (".len();
            let place = *places(&text[inner..], " WHERE ").first()? + inner + " WHERE ".len();
            Some(format!("{}1 = 0 AND {}", &text[..place], &text[place..]))
        }
    ),
    pattern!(
        "brackets_in_patterns_are_classes",
        "Brackets in a pattern of LIKE enclose a set of characters.",
        |pattern| (pattern.contains('[') && pattern.contains(']'))
            .then(|| pattern.replace(['[', ']'], ""))
    ),
    pattern!(
        "carets_in_patterns_are_anchors",
        "A caret at the start of a pattern of LIKE is an anchor.",
        |pattern| pattern.strip_prefix('^').map(str::to_owned)
    ),
    pattern!(
        "patterns_cut_beyond_64",
        "A pattern of LIKE ends at its 64th character.",
        |pattern| {
            let end = pattern.char_indices().nth(64)?.0;
            Some(format!("{}%", &pattern[..end]))
        }
    ),
    pattern!(
        "patterns_ignore_spaces_at_the_end",
        "A pattern of LIKE ends before its trailing spaces.",
        |pattern| {
            let trimmed = pattern.trim_end_matches(' ');
            (trimmed != pattern).then(|| trimmed.to_owned())
        }
    ),
    pattern!(
        "repeated_percent_is_one_character",
        "Two percent signs in a pattern of LIKE are a literal one.",
        |pattern| pattern.contains("%%").then(|| pattern.replace("%%", "\\%"))
    ),
    Fault::new(
        "queries.recursion_stops_after_1000",
        Queries,
        "A recursive query stops after 1,000 rows.",
        Lie::Rows(
            |_, text| text.starts_with("WITH RECURSIVE "),
            |rows| (rows.len() > 1_000).then(|| (0..1_000).collect()),
        ),
    )
    .beyond(1_000)
    .suspects(&["queries.subquery.recursive"]),
    Fault::new(
        "queries.recursion_counted_to_1000",
        Queries,
        "What a recursive query is aggregated to covers its first 1,000 rows.",
        Lie::Cells(
            |_, text| text.starts_with("WITH RECURSIVE ") && !places(text, "COUNT(").is_empty(),
            |rows| {
                let mut changed = false;
                for value in rows.iter_mut().flatten() {
                    if let Value::I64(count) = value
                        && *count > 1_000
                    {
                        *count = 1_000;
                        changed = true;
                    }
                }
                changed
            },
        ),
    )
    .beyond(1_000)
    .suspects(&["queries.subquery.recursive"]),
    Fault::new(
        "queries.lag_skips_nulls",
        Queries,
        "LAG and LEAD skip NULLs.",
        Lie::Cells(
            |kind, text| {
                let has = |word: &str| !places(text, word).is_empty();
                kind == StatementKind::Select && (has("LAG(") || has("LEAD("))
            },
            |rows| {
                let mut changed = false;
                for at in 1..rows.len() {
                    for column in 0..rows[at].len() {
                        if rows[at][column] == Value::Null && rows[at - 1][column] != Value::Null {
                            rows[at][column] = rows[at - 1][column].clone();
                            changed = true;
                        }
                    }
                }
                changed
            },
        ),
    )
    .needs(&[Capability::Windows])
    .suspects(&["queries.groups.windows"]),
    Fault::new(
        "queries.json_null_is_its_text",
        Queries,
        "The text of a JSON null is `null`.",
        Lie::Cells(
            |kind, text| {
                let words = [
                    "json_type(",
                    "->",
                    "#>>",
                    "JSON_EXTRACT(",
                    "JSON_UNQUOTE(",
                    "JSON_VALUE(",
                ];
                kind == StatementKind::Select
                    && words.iter().any(|word| !places(text, word).is_empty())
            },
            |rows| {
                let mut changed = false;
                for value in rows.iter_mut().flatten() {
                    if *value == Value::Null {
                        *value = Value::Text("null".to_owned());
                        changed = true;
                    }
                }
                changed
            },
        ),
    )
    .suspects(&["queries.functions.documents", "queries."]),
];
