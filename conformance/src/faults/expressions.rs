//! Operators and functions that mean something else.

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::Queries;
use crate::faults::lie::Lie;
use crate::faults::text::replaced;

/// A word of SQL that is sent as another.
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
    instead!(
        "not_like_is_like",
        "NOT LIKE matches what LIKE matches.",
        " NOT LIKE " => " LIKE ",
        "queries.operands.patterns"
    ),
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
        "LOWER gives the text as it is.",
        "LOWER(" => "(",
        "queries.operands.text"
    ),
    instead!(
        "upper_does_nothing",
        "UPPER gives the text as it is.",
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
        "COALESCE gives NULL for values equal to its first argument.",
        "COALESCE(" => "NULLIF(",
        "queries.operands.choice"
    ),
    instead!(
        "else_dropped",
        "CASE gives NULL instead of its ELSE.",
        " ELSE " => " WHEN 1 = 0 THEN ",
        "queries.operands.choice"
    ),
    instead!(
        "subtraction_is_addition",
        "A subtraction adds its right side.",
        " - " => " + ",
        "queries.operands.arithmetic"
    ),
    instead!(
        "count_distinct_counts_all",
        "COUNT(DISTINCT …) counts duplicates too.",
        "COUNT(DISTINCT " => "COUNT(",
        "queries.groups.aggregates"
    ),
    instead!(
        "max_is_min",
        "MAX gives the smallest value.",
        "MAX(" => "MIN(",
        "queries.groups.aggregates"
    ),
    instead!(
        "union_all_is_union",
        "UNION ALL keeps one of each row.",
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
        "LAG looks at the next row.",
        "LAG(" => "LEAD(",
        "queries.groups.windows"
    )
    .needs(&[Capability::Windows]),
    instead!(
        "range_is_rows",
        "A RANGE frame counts rows, so peers are not in it together.",
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
