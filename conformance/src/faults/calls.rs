//! Functions, windows and clauses that compute something else than requested.

use selfsame::dialect::Dialect;

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::Queries;
use crate::faults::lie::Lie;
use crate::faults::text::{calls, clause, in_where, places, replaced, within};

/// Sends another expression instead of a function call.
macro_rules! call {
    ($id:literal, $sentence:literal, $name:literal, $suspect:literal, $change:expr) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::Text(|_, _, text| calls(text, $name, $change)),
        )
        .suspects(&[$suspect])
    };
}

/// Sends another SQL text.
macro_rules! text {
    ($id:literal, $sentence:literal, $suspect:literal, $change:expr) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::Text(|_, _, text| {
                let change: fn(&str) -> Option<String> = $change;
                change(text)
            }),
        )
        .suspects(&[$suspect])
    };
}

/// Sends another SQL text, in the syntax of each database.
macro_rules! by_dialect {
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

pub(super) const FAULTS: &[Fault] = &[
    call!(
        "sum_of_nothing_is_zero",
        "SUM of no rows is 0.",
        "SUM(",
        "queries.groups.aggregates",
        |inner| { Some(format!("COALESCE(SUM({inner}), 0)")) }
    ),
    call!(
        "avg_counts_nulls",
        "AVG treats NULL as 0.",
        "AVG(",
        "queries.groups.aggregates",
        |inner| { Some(format!("AVG(COALESCE({inner}, 0))")) }
    ),
    call!(
        "count_counts_nulls",
        "COUNT of an expression counts its NULLs.",
        "COUNT(",
        "queries.groups.aggregates",
        |inner| { (inner != "*" && !inner.starts_with("DISTINCT")).then(|| "COUNT(*)".to_owned()) }
    ),
    call!(
        "min_is_null_with_a_null",
        "MIN is NULL if any value is NULL.",
        "MIN(",
        "queries.groups.aggregates",
        |inner| {
            Some(format!(
                "CASE WHEN COUNT({inner}) = COUNT(*) THEN MIN({inner}) END"
            ))
        }
    ),
    call!(
        "max_of_nothing_is_zero",
        "MAX of no values is 0.",
        "MAX(",
        "queries.groups.aggregates",
        |inner| { Some(format!("COALESCE(MAX({inner}), 0)")) }
    ),
    call!(
        "sum_of_distinct",
        "SUM adds equal values only once.",
        "SUM(",
        "queries.groups.aggregates",
        |inner| { (!inner.starts_with("DISTINCT")).then(|| format!("SUM(DISTINCT {inner})")) }
    ),
    call!(
        "coalesce_of_one",
        "COALESCE of two arguments returns the first.",
        "COALESCE(",
        "queries.operands.choice",
        |inner| {
            let at = *places_outside(inner, ",").first()?;
            let second = inner[at + 1..].trim();
            Some(format!(
                "COALESCE({}, NULLIF({second}, {second}))",
                &inner[..at]
            ))
        }
    ),
    call!(
        "nullif_is_coalesce",
        "NULLIF always returns its first argument.",
        "NULLIF(",
        "queries.operands.choice",
        |inner| {
            let at = *places_outside(inner, ",").first()?;
            let second = inner[at + 1..].trim();
            Some(format!(
                "COALESCE({}, NULLIF({second}, {second}))",
                &inner[..at]
            ))
        }
    ),
    call!(
        "trim_of_tabs",
        "TRIM also removes tabs and line endings.",
        "TRIM(",
        "queries.operands.text",
        |inner| {
            Some(format!(
                "TRIM(REPLACE(REPLACE({inner}, '\t', ' '), '\n', ' '))"
            ))
        }
    ),
    call!(
        "length_of_trimmed",
        "LENGTH does not count trailing spaces.",
        "LENGTH(",
        "queries.operands.text",
        |inner| { Some(format!("LENGTH(RTRIM({inner}))")) }
    ),
    call!(
        "substring_from_zero",
        "Positions of SUBSTRING are counted from 0.",
        "SUBSTR(",
        "queries.operands.text",
        |inner| {
            let commas = places_outside(inner, ",");
            let (from, to) = (*commas.first()?, commas.get(1).copied());
            let rest = to.map_or("", |to| &inner[to..]);
            Some(format!(
                "SUBSTR({}, ({}) + 1{rest})",
                &inner[..from],
                &inner[from + 1..to.unwrap_or(inner.len())]
            ))
        }
    ),
    call!(
        "abs_of_small_only",
        "ABS does not change numbers below −1,000,000.",
        "ABS(",
        "queries.operands.arithmetic",
        |inner| {
            Some(format!(
                "CASE WHEN {inner} < -1000000 THEN {inner} ELSE ABS({inner}) END"
            ))
        }
    ),
    call!(
        "lower_of_trimmed",
        "LOWER removes spaces around the text.",
        "LOWER(",
        "queries.operands.text",
        |inner| { Some(format!("LOWER(TRIM({inner}))")) }
    ),
    text!(
        "second_branch_dropped",
        "CASE evaluates only its first condition.",
        "queries.operands.choice",
        |text| {
            let second = *places(text, " WHEN ").get(1)?;
            let then = first_after(text, " THEN ", second)?;
            Some(format!("{} AND 1 = 0{}", &text[..then], &text[then..]))
        }
    ),
    text!(
        "greater_or_equal_is_greater",
        "A comparison by >= excludes equal values.",
        "queries.operands.comparison",
        |text| replaced(text, " >= ", " > ")
    ),
    text!(
        "less_is_less_or_equal",
        "A comparison by < includes equal values.",
        "queries.operands.comparison",
        |text| replaced(text, " < ", " <= ")
    ),
    by_dialect!(
        "differs_is_null_safe",
        "A comparison by <> is true if one side is NULL.",
        "queries.operands.comparison",
        |dialect, text| match dialect.null_safe_equality(true) {
            ["", differs, ""] => replaced(text, " <> ", differs),
            _ => None,
        }
    ),
    text!(
        "not_exists_is_exists",
        "NOT EXISTS matches what EXISTS matches.",
        "queries.operands",
        |text| replaced(text, "NOT EXISTS ", "EXISTS ").or_else(|| replaced(
            text,
            "NOT (EXISTS ",
            "(EXISTS "
        ))
    ),
    text!(
        "except_is_intersect",
        "EXCEPT returns the rows common to both sides.",
        "queries.groups.sets",
        |text| replaced(text, " EXCEPT ", " INTERSECT ")
    )
    .needs(&[Capability::SetOperations]),
    text!(
        "offset_without_limit_ignored",
        "OFFSET is ignored without LIMIT.",
        "queries.limit",
        |text| {
            // If OFFSET requires a LIMIT, an unlimited one is sent.
            const ALL: [&str; 3] = [
                " LIMIT -1",
                " LIMIT 9223372036854775807",
                " LIMIT 18446744073709551615",
            ];
            let at = *places(text, " OFFSET ").last()?;
            let before = ALL.iter().find_map(|all| text[..at].strip_suffix(all));
            let is_alone = places(text, " LIMIT ").is_empty();
            before
                .or(is_alone.then_some(&text[..at]))
                .map(str::to_owned)
        }
    ),
    text!(
        "limit_of_subquery_ignored",
        "LIMIT inside parentheses is ignored.",
        "queries",
        |text| {
            let at = *places(text, " LIMIT ").first()?;
            let digits = text[at + 7..]
                .bytes()
                .take_while(u8::is_ascii_digit)
                .count();
            let end = at + 7 + digits;
            (digits > 0 && text[end..].starts_with(')'))
                .then(|| format!("{}{}", &text[..at], &text[end..]))
        }
    ),
    text!(
        "order_of_union_ignored",
        "ORDER BY after a UNION is ignored.",
        "queries.groups.sets",
        |text| {
            places(text, " UNION ").first()?;
            within(text, " ORDER BY ", &[" LIMIT ", " OFFSET "], |keys| {
                (!keys.ends_with(" DESC")).then(|| format!("{keys} DESC"))
            })
        }
    ),
    text!(
        "having_includes_equals",
        "In HAVING, > includes equal values.",
        "queries.group",
        |text| {
            within(text, " HAVING ", &[" ORDER BY ", " LIMIT "], |condition| {
                replaced(condition, " > ", " >= ")
            })
        }
    ),
    text!(
        "frame_ends_at_the_end",
        "A frame up to the current row extends to the last row.",
        "queries.groups.windows",
        |text| replaced(text, " AND CURRENT ROW", " AND UNBOUNDED FOLLOWING")
    )
    .needs(&[Capability::Windows]),
    text!(
        "frame_begins_at_the_start",
        "A frame from the current row starts at the first row.",
        "queries.groups.windows",
        |text| replaced(text, "BETWEEN CURRENT ROW", "BETWEEN UNBOUNDED PRECEDING")
    )
    .needs(&[Capability::Windows]),
    text!(
        "frame_one_wider",
        "A frame that starts one row before starts two rows before.",
        "queries.groups.windows",
        |text| replaced(text, "BETWEEN 1 PRECEDING", "BETWEEN 2 PRECEDING")
    )
    .needs(&[Capability::Windows]),
    text!(
        "frame_one_longer",
        "A frame that ends one row after ends two rows after.",
        "queries.groups.windows",
        |text| replaced(text, "1 FOLLOWING)", "2 FOLLOWING)")
    )
    .needs(&[Capability::Windows]),
    text!(
        "first_is_last_value",
        "FIRST_VALUE returns the last value of the frame.",
        "queries.groups.windows",
        |text| replaced(text, "FIRST_VALUE(", "LAST_VALUE(")
    )
    .needs(&[Capability::Windows]),
    text!(
        "last_is_first_value",
        "LAST_VALUE returns the first value of the frame.",
        "queries.groups.windows",
        |text| replaced(text, "LAST_VALUE(", "FIRST_VALUE(")
    )
    .needs(&[Capability::Windows]),
    text!(
        "row_number_is_rank",
        "ROW_NUMBER gives peers the same number.",
        "queries.groups.windows",
        |text| replaced(text, "ROW_NUMBER()", "RANK()")
    )
    .needs(&[Capability::Windows]),
    text!(
        "partitions_ignored",
        "PARTITION BY is ignored.",
        "queries.groups.windows",
        |text| {
            let start = *places(text, "PARTITION BY ").first()? + "PARTITION BY ".len();
            let rest = &text[start..];
            let end = rest
                .find(" ORDER BY ")
                .into_iter()
                .chain(rest.find(')'))
                .min()?;
            let column = rest[..end].split(", ").next()?;
            Some(format!(
                "{}NULLIF({column}, {column}){}",
                &text[..start],
                &rest[end..]
            ))
        }
    )
    .needs(&[Capability::Windows]),
    text!(
        "window_order_turned",
        "ORDER BY in a window sorts in the opposite direction.",
        "queries.groups.windows",
        |text| {
            let over = *places(text, " OVER (").first()?;
            let at = first_after(text, "ORDER BY ", over)? + "ORDER BY ".len();
            let end = at + text[at..].find([',', ')', ' '])?;
            (!text[end..].starts_with(" DESC"))
                .then(|| format!("{} DESC{}", &text[..end], &text[end..]))
        }
    )
    .needs(&[Capability::Windows]),
    text!(
        "outer_condition_filters",
        "The last part of a left join's condition filters the result.",
        "queries.groups.joins",
        |text| {
            places(text, " LEFT JOIN ").first()?;
            let (start, end) = clause(
                text,
                " ON ",
                &[
                    " WHERE ",
                    " GROUP BY ",
                    " ORDER BY ",
                    " LIMIT ",
                    " LEFT JOIN ",
                    " JOIN ",
                ],
            )?;
            let and = *places(&text[start..end], " AND ").last()? + start;
            let part = &text[and + 5..end];
            let rest = match text[end..].strip_prefix(" WHERE ") {
                Some(rest) => format!(" WHERE {part} AND {rest}"),
                None => format!(" WHERE {part}{}", &text[end..]),
            };
            Some(format!("{}{rest}", &text[..and]))
        }
    ),
    text!(
        "joined_on_one_column",
        "A join by several conditions uses only the first.",
        "queries",
        |text| {
            let (start, end) = clause(
                text,
                " ON ",
                &[
                    " WHERE ",
                    " GROUP BY ",
                    " ORDER BY ",
                    " LIMIT ",
                    " LEFT JOIN ",
                    " JOIN ",
                ],
            )?;
            let and = *places(&text[start..end], " AND ").first()? + start;
            Some(format!(
                "{} AND (1 = 1 OR {}){}",
                &text[..and],
                &text[and + 5..end],
                &text[end..]
            ))
        }
    ),
    by_dialect!(
        "equality_folds_case",
        "A comparison of texts by = ignores case.",
        "queries.operands",
        |dialect, text| in_where(text, |condition| match dialect.name() {
            "postgres" => {
                comparison(condition).map(|[before, left, right, after]| {
                    format!("{before}LOWER({left}) = LOWER({right}){after}")
                })
            }
            "mariadb" | "mysql" => collated(condition, "utf8mb4_general_ci"),
            _ => collated(condition, "NOCASE"),
        })
    ),
    by_dialect!(
        "equality_ignores_spaces_at_end",
        "A comparison of texts by = ignores trailing spaces.",
        "queries.operands",
        |dialect, text| in_where(text, |condition| match dialect.name() {
            "postgres" | "mariadb" | "mysql" =>
                comparison(condition).map(|[before, left, right, after]| {
                    format!("{before}RTRIM({left}) = RTRIM({right}){after}")
                }),
            _ => collated(condition, "RTRIM"),
        })
    ),
    by_dialect!(
        "order_folds_case",
        "Texts are sorted without regard to case.",
        "queries.groups.order",
        |dialect, text| {
            let folded = |key: &str| match dialect.name() {
                "postgres" | "mariadb" | "mysql" => format!("LOWER({key})"),
                _ => format!("{key} COLLATE NOCASE"),
            };
            within(
                text,
                " ORDER BY ",
                &[" LIMIT ", " OFFSET ", " DESC", " ASC", ","],
                |key| Some(folded(key)),
            )
        }
    ),
    text!(
        "year_of_the_week",
        "The year of a date is that of its ISO week.",
        "queries",
        |text| text.contains("'%Y'").then(|| text.replace("'%Y'", "'%G'"))
    )
    .needs(&[Capability::DateParts]),
    text!(
        "sunday_is_seven",
        "Sunday is the seventh day of the week.",
        "queries",
        |text| text
            .contains("'%w'")
            .then(|| text.replace("'%w'", "'%u'"))
            .or_else(|| replaced(text, "(DOW FROM", "(ISODOW FROM"))
    )
    .needs(&[Capability::DateParts]),
    text!(
        "hours_to_twelve",
        "Hours are counted up to 12.",
        "queries",
        |text| {
            let to_twelve = |hour: String| format!("(({hour} + 11) % 12 + 1)");
            let formatted = text.contains("'%H'").then(|| text.replace("'%H'", "'%I'"));
            formatted
                .or_else(|| {
                    calls(text, "HOUR(", |inner| {
                        Some(to_twelve(format!("HOUR({inner})")))
                    })
                })
                .or_else(|| {
                    calls(text, "FLOOR(", |inner| {
                        inner
                            .starts_with("EXTRACT(HOUR FROM ")
                            .then(|| to_twelve(format!("FLOOR({inner})")))
                    })
                })
        }
    )
    .needs(&[Capability::DateParts]),
    text!(
        "month_is_minute",
        "The month of a timestamp is its minute.",
        "queries",
        |text| text.contains("'%m'").then(|| text.replace("'%m'", "'%M'"))
    )
    .needs(&[Capability::DateParts]),
    Fault::new(
        "queries.distinct_drops_null",
        Queries,
        "DISTINCT drops rows whose first column is NULL.",
        Lie::Rows(|_, text| text.starts_with("SELECT DISTINCT "), drop_nulls),
    )
    .suspects(&["queries.distinct", "queries.groups"]),
    Fault::new(
        "queries.null_group_dropped",
        Queries,
        "The group of NULL is dropped.",
        Lie::Rows(|_, text| !places(text, " GROUP BY ").is_empty(), drop_nulls),
    )
    .suspects(&["queries.group"]),
    Fault::new(
        "queries.equal_rows_merged",
        Queries,
        "A join drops duplicate rows.",
        Lie::Rows(
            |_, text| !places(text, " JOIN ").is_empty(),
            |rows| {
                let first = |at: &usize| !rows[..*at].contains(&rows[*at]);
                let kept: Vec<usize> = (0..rows.len()).filter(first).collect();
                (kept.len() < rows.len()).then_some(kept)
            },
        ),
    )
    .suspects(&["queries.groups.joins"]),
    Fault::new(
        "queries.last_of_odd_rows_lost",
        Queries,
        "The last row of a sorted result of more than ten rows is lost.",
        Lie::Rows(
            |_, text| !places(text, " ORDER BY ").is_empty(),
            |rows| (rows.len() > 10).then(|| (0..rows.len() - 1).collect()),
        ),
    )
    .suspects(&["queries.order"]),
];

/// Gives the left side of the first comparison by `=` a collation.
fn collated(condition: &str, collation: &str) -> Option<String> {
    let equal = *places(condition, " = ").first()?;
    let (before, after) = condition.split_at(equal);
    Some(format!("{before} COLLATE {collation}{after}"))
}

/// Splits a condition at the first comparison by `=`: the text before it, its sides, and the text after it.
fn comparison(condition: &str) -> Option<[&str; 4]> {
    let equal = *places(condition, " = ").first()?;
    let (before, after) = (&condition[..equal], &condition[equal + " = ".len()..]);
    let starts = [places(before, " "), places(before, "(")].concat();
    let ends = [places(after, " "), places(after, ")")].concat();
    let (before, left) = before.split_at(starts.into_iter().max().map_or(0, |at| at + 1));
    let (right, after) = after.split_at(ends.into_iter().min().unwrap_or(after.len()));
    Some([before, left, right, after])
}

fn drop_nulls(rows: &[Vec<selfsame::value::Value>]) -> Option<Vec<usize>> {
    let is_kept = |at: &usize| !matches!(rows[*at].first(), Some(selfsame::value::Value::Null));
    let kept: Vec<usize> = (0..rows.len()).filter(is_kept).collect();
    (kept.len() < rows.len()).then_some(kept)
}

/// Returns the positions of a word outside quotes and parentheses.
fn places_outside(text: &str, word: &str) -> Vec<usize> {
    let is_outside = |at: &usize| {
        let (open, close) = (
            places(&text[..*at], "(").len(),
            places(&text[..*at], ")").len(),
        );
        open == close
    };
    places(text, word).into_iter().filter(is_outside).collect()
}

fn first_after(text: &str, word: &str, start: usize) -> Option<usize> {
    places(text, word).into_iter().find(|at| *at > start)
}
