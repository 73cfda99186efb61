//! Operators and functions that compute something else than requested.

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::Queries;
use crate::faults::lie::Lie;
use crate::faults::text::replaced;

/// Sends another SQL keyword.
macro_rules! instead {
    ($id:literal, $sentence:literal, $word:literal => $other:literal, $suspect:literal) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::Text(|_, _, text| replaced(text, $word, $other)),
        )
        .suspects(&[$suspect])
    };
}

pub(super) const FAULTS: &[Fault] = &[
    instead!(
        "not_in_is_in",
        "NOT IN matches what IN matches.",
        " NOT IN (" => " IN (",
        "queries.operands.lists"
    ),
    Fault::new(
        "queries.not_like_is_like",
        Queries,
        "NOT LIKE matches what LIKE matches.",
        Lie::Text(|dialect, _, text| {
            let (not, like) = (dialect.like(true), dialect.like(false));
            let parts = not.into_iter().zip(like).filter(|(not, like)| not != like);
            parts.fold(None, |done, (not, like)| {
                let text = done.as_deref().unwrap_or(text);
                replaced(text, not, like).or(done)
            })
        }),
    )
    .suspects(&["queries.operands.patterns"]),
    instead!(
        "or_is_and",
        "OR requires both sides to be true.",
        " OR " => " AND ",
        "queries.operands.logic"
    ),
    instead!(
        "less_or_equal_is_less",
        "A comparison by <= excludes equal values.",
        " <= " => " < ",
        "queries.operands.comparison"
    ),
    instead!(
        "descending_dropped",
        "ORDER BY … DESC sorts in ascending order.",
        " DESC" => "",
        "queries.groups.order"
    ),
    instead!(
        "lower_does_nothing",
        "LOWER returns the text unchanged.",
        "LOWER(" => "(",
        "queries.operands.text"
    ),
    instead!(
        "upper_does_nothing",
        "UPPER returns the text unchanged.",
        "UPPER(" => "(",
        "queries.operands.text"
    ),
    instead!(
        "trim_at_start_only",
        "TRIM leaves trailing spaces.",
        "TRIM(" => "LTRIM(",
        "queries.operands.text"
    ),
    instead!(
        "coalesce_is_nullif",
        "COALESCE computes NULLIF.",
        "COALESCE(" => "NULLIF(",
        "queries.operands.choice"
    ),
    instead!(
        "else_dropped",
        "CASE returns NULL instead of its ELSE value.",
        " ELSE " => " WHEN 1 = 0 THEN ",
        "queries.operands.choice"
    ),
    instead!(
        "subtraction_is_addition",
        "A subtraction adds.",
        " - " => " + ",
        "queries.operands.arithmetic"
    ),
    instead!(
        "count_distinct_counts_all",
        "COUNT(DISTINCT …) also counts duplicates.",
        "COUNT(DISTINCT " => "COUNT(",
        "queries.groups.aggregates"
    ),
    instead!(
        "max_is_min",
        "MAX returns the smallest value.",
        "MAX(" => "MIN(",
        "queries.groups.aggregates"
    ),
    instead!(
        "union_all_is_union",
        "UNION ALL removes duplicates.",
        " UNION ALL " => " UNION ",
        "queries.groups.sets"
    ),
    instead!(
        "rank_is_row_number",
        "RANK gives peers consecutive numbers.",
        "RANK()" => "ROW_NUMBER()",
        "queries.groups.windows"
    )
    .needs(&[Capability::Windows]),
    instead!(
        "dense_rank_leaves_gaps",
        "DENSE_RANK leaves gaps after peers, as RANK does.",
        "DENSE_RANK()" => "RANK()",
        "queries.groups.windows"
    )
    .needs(&[Capability::Windows]),
    instead!(
        "lag_is_lead",
        "LAG reads the next row.",
        "LAG(" => "LEAD(",
        "queries.groups.windows"
    )
    .needs(&[Capability::Windows]),
    instead!(
        "range_is_rows",
        "A RANGE frame counts rows like a ROWS frame.",
        " RANGE BETWEEN " => " ROWS BETWEEN ",
        "queries.groups.windows"
    )
    .needs(&[Capability::Windows]),
    instead!(
        "inner_join_is_left",
        "An inner join keeps the unmatched rows.",
        " JOIN " => " LEFT JOIN ",
        "queries.groups.joins"
    ),
];
