//! Bugs that real engines and drivers have had: normalized values, clauses that affect each other, writes visible too early.

use selfsame::backend::{Outcome, StatementKind};
use selfsame::dialect::Transaction;
use selfsame::value::{Time, Timestamp, TimestampTz, Value, ValueRef};

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::{Constraints, Queries, Transactions, Writes};
use crate::faults::lie::Lie;
use crate::faults::text::{calls, clause, has_like, in_where, places, replaced, within};

/// Sends other SQL.
macro_rules! text {
    ($group:ident, $id:literal, $sentence:literal, $suspects:expr, $change:expr) => {
        Fault::new(
            $id,
            $group,
            $sentence,
            Lie::Text(|_, kind, text| {
                let change: fn(StatementKind, &str) -> Option<String> = $change;
                change(kind, text)
            }),
        )
        .suspects($suspects)
    };
}

/// Sends another SQL text, which only engines with loose types and SQLite's collations accept.
macro_rules! loose {
    ($id:literal, $sentence:literal, $suspects:expr, $change:expr) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::Text(|dialect, _, text| {
                let change: fn(&str) -> Option<String> = $change;
                match dialect.name() {
                    "postgres" | "mariadb" | "mysql" => None,
                    _ => change(text),
                }
            }),
        )
        .suspects($suspects)
    };
}

/// Alters the values in the results of some statements.
macro_rules! cells {
    ($id:literal, $sentence:literal, $word:literal, $suspects:expr, $change:expr) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::Cells(
                |kind, text| kind == StatementKind::Select && !places(text, $word).is_empty(),
                |rows| {
                    let change: fn(&mut Value) -> bool = $change;
                    let mut changed = false;
                    for value in rows.iter_mut().flatten() {
                        changed |= change(value);
                    }
                    changed
                },
            ),
        )
        .suspects($suspects)
    };
}

pub(super) const FAULTS: &[Fault] = &[
    read!(
        "zeros_of_a_fraction_lost",
        "Leading zeros of the fraction of a second are lost.",
        "types.time",
        |value| instant(value, |micros| {
            let mut fraction = micros.rem_euclid(1_000_000);
            let whole = micros - fraction;
            while fraction > 0 && fraction < 100_000 {
                fraction *= 10;
            }
            whole + fraction
        })
    ),
    read!(
        "fraction_before_1970_subtracted",
        "The fraction of a second of a timestamp before 1970 is subtracted.",
        "types.timestamp",
        |value| instant(value, |micros| {
            let fraction = micros.rem_euclid(1_000_000);
            if micros < 0 {
                micros - 2 * fraction
            } else {
                micros
            }
        })
    ),
    read!(
        "zoned_microseconds_cut_before_1970",
        "A timestamp with a time zone before 1970 loses its fractional seconds.",
        "types.timestamptz",
        |value| match value {
            ValueRef::TimestampTz(at) if at.0 < 0 && at.0 % 1_000_000 != 0 => Some(
                Value::TimestampTz(TimestampTz(at.0 - at.0.rem_euclid(1_000_000)))
            ),
            _ => None,
        }
    ),
    read!(
        "microseconds_rounded",
        "A timestamp is rounded to the nearest ten microseconds.",
        "types.timestamp",
        |value| instant(value, |micros| (micros + 5).div_euclid(10) * 10)
    ),
    stored!(
        "text_of_an_exponent_is_a_number",
        "A text such as 1e5 is stored as the number it denotes.",
        "types.text",
        |value| text(value, |text| {
            let is_number = text.contains(['e', 'E'])
                && text.starts_with(|first: char| first.is_ascii_digit() || first == '-');
            let number = text.parse::<f64>().ok().filter(|_| is_number);
            number.map_or(text.to_owned(), |number| number.to_string())
        })
    ),
    stored!(
        "text_plus_sign_lost",
        "The plus sign before a text of digits is lost.",
        "types.text",
        |value| text(value, |text| {
            let rest = text
                .strip_prefix('+')
                .filter(|rest| rest.parse::<u64>().is_ok());
            rest.unwrap_or(text).to_owned()
        })
    ),
    stored!(
        "text_fraction_normalized",
        "Trailing zeros of a text of a fraction are lost.",
        "types.text",
        |value| text(value, |text| {
            let is_fraction = text.contains('.')
                && text.starts_with(|first: char| first.is_ascii_digit())
                && text.parse::<f64>().is_ok();
            match is_fraction {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text.to_owned(),
            }
        })
    ),
    stored!(
        "text_of_truth_is_a_number",
        "The text true is stored as 1, the text false as 0.",
        "types.text",
        |value| text(value, |text| match text {
            "true" => "1".to_owned(),
            "false" => "0".to_owned(),
            _ => text.to_owned(),
        })
    ),
    stored!(
        "text_nan_to_null",
        "The text NaN is stored as NULL.",
        "types.text",
        |value| match value {
            ValueRef::Text("NaN" | "nan") => Some(Value::Null),
            _ => None,
        }
    ),
    stored!(
        "midnight_of_a_text_lost",
        "A text of a date and midnight is stored as the date alone.",
        "types.text",
        |value| text(value, |text| {
            let date = text.strip_suffix(" 00:00:00");
            date.or(text.strip_suffix("T00:00:00"))
                .unwrap_or(text)
                .to_owned()
        })
    ),
    stored!(
        "noncharacters_lost",
        "The noncharacters U+FFFE and U+FFFF are lost.",
        "types.text",
        |value| text(value, |text| text.replace(['\u{fffe}', '\u{ffff}'], ""))
    ),
    stored!(
        "named_placeholders_lost",
        "A colon before a letter is lost, as if it began a placeholder.",
        "types.text",
        |value| text(value, |text| {
            let mut out = String::with_capacity(text.len());
            let mut rest = text.chars().peekable();
            while let Some(c) = rest.next() {
                if c != ':' || !rest.peek().is_some_and(char::is_ascii_alphabetic) {
                    out.push(c);
                }
            }
            out
        })
    ),
    stored!(
        "json_slashes_unescaped",
        "An escaped slash of a JSON document is stored without its backslash.",
        "types.json",
        |value| json(value, |text| text.replace("\\/", "/"))
    )
    .needs(&[Capability::JsonTextKept]),
    stored!(
        "json_letters_unescaped",
        "An escaped letter of a JSON document is stored as the letter.",
        "types.json",
        |value| json(value, |text| text
            .replace("\\u00e9", "é")
            .replace("\\u00E9", "é"))
    )
    .needs(&[Capability::JsonTextKept]),
    stored!(
        "json_exponents_expanded",
        "Numbers with an exponent in a JSON document are stored without it.",
        "types.json",
        |value| json(value, |text| text
            .replace("1e2", "100")
            .replace("1E2", "100"))
    )
    .needs(&[Capability::JsonTextKept]),
    read!(
        "minus_one_is_unsigned",
        "The 64-bit integer −1 is read as 4,294,967,295.",
        "types.i64",
        |value| match value {
            ValueRef::I64(-1) => Some(Value::I64(4_294_967_295)),
            _ => None,
        }
    ),
    Fault::new(
        "queries.duplicates_in_list_lost",
        Queries,
        "A value that occurs twice in an IN list is ignored.",
        Lie::Params(|_, kind, text, params| {
            let is_list = kind == StatementKind::Select && !places(text, " IN (").is_empty();
            let twice = |value: &&Value| {
                !matches!(value, Value::Null)
                    && params.iter().filter(|other| other == value).count() > 1
            };
            let twice = params.iter().find(twice).filter(|_| is_list)?;
            let lost = |value: &Value| match value == twice {
                true => Value::Null,
                false => value.clone(),
            };
            Some(params.iter().map(lost).collect())
        }),
    )
    .suspects(&["queries.operands.lists", "queries.in"]),
    Fault::new(
        "queries.between_excludes_upper",
        Queries,
        "BETWEEN two integers excludes the upper.",
        Lie::Params(|_, kind, text, params| {
            let is_range = kind == StatementKind::Select && !places(text, " BETWEEN ").is_empty();
            let mut altered = params.to_vec();
            match altered.last_mut()? {
                Value::I64(upper) if is_range => *upper = upper.checked_sub(1)?,
                _ => return None,
            }
            Some(altered)
        }),
    )
    .suspects(&["queries.operands", "queries."]),
    Fault::new(
        "queries.percent_needs_a_character",
        Queries,
        "In LIKE, % at the end of a pattern matches one character at least.",
        Lie::Params(|_, kind, text, params| {
            let is_pattern = kind == StatementKind::Select && has_like(text);
            let mut altered = params.to_vec();
            let mut acts = false;
            for value in &mut altered {
                if let Value::Text(pattern) = value
                    && pattern.ends_with('%')
                    && !pattern.ends_with("\\%")
                {
                    pattern.pop();
                    pattern.push_str("_%");
                    acts = true;
                }
            }
            (acts && is_pattern).then_some(altered)
        }),
    )
    .suspects(&["queries.operands.patterns", "queries."]),
    text!(
        Queries,
        "queries.percent_stops_at_a_line_end",
        "In LIKE, a text with a line feed matches no pattern.",
        &["queries.operands.patterns", "queries."],
        |kind, text| {
            (kind == StatementKind::Select)
                .then(|| {
                    in_where(text, |condition| {
                        let like = *places(condition, " LIKE ").first()?;
                        let left = &condition[..like];
                        let is_simple =
                            !left.contains([' ', '(']) && places(condition, " LIKE ").len() == 1;
                        is_simple.then(|| format!("{left} NOT LIKE '%\n%' AND {condition}"))
                    })
                })
                .flatten()
        }
    ),
    text!(
        Queries,
        "queries.second_key_lost_with_limit",
        "With LIMIT, only the first key of ORDER BY counts.",
        &["queries.limit", "queries.order"],
        |_, text| {
            places(text, " LIMIT ").first()?;
            within(text, " ORDER BY ", &[" LIMIT ", " OFFSET "], |keys| {
                let first = places(keys, ", ").first().copied()?;
                Some(keys[..first].to_owned())
            })
        }
    ),
    text!(
        Queries,
        "queries.distinct_loses_descending",
        "With DISTINCT, ORDER BY sorts in ascending order.",
        &["queries.distinct", "queries."],
        |_, text| {
            places(text, "SELECT DISTINCT ").first()?;
            replaced(text, " DESC", "")
        }
    ),
    loose!(
        "grouped_by_first_only",
        "GROUP BY several expressions uses the first.",
        &["queries.group"],
        |text| {
            within(
                text,
                " GROUP BY ",
                &[" HAVING ", " ORDER BY ", " LIMIT ", ")"],
                |keys| {
                    let first = places(keys, ", ").first().copied()?;
                    Some(keys[..first].to_owned())
                },
            )
        }
    ),
    loose!(
        "missing_else_is_zero",
        "CASE without ELSE is 0 if no condition is true.",
        &["queries.operands.choice"],
        |text| {
            places(text, " WHEN ").first()?;
            (places(text, " ELSE ").is_empty())
                .then(|| replaced(text, " END", " ELSE 0 END"))
                .flatten()
        }
    ),
    cells!(
        "sum_wraps_at_32_bits",
        "SUM overflows beyond 32 bits.",
        "SUM(",
        &["queries.groups.aggregates", "queries.operands"],
        |value| match value {
            Value::I64(sum) if i32::try_from(*sum).is_err() => {
                *sum = sum.rem_euclid(1 << 32);
                true
            }
            _ => false,
        }
    ),
    cells!(
        "remainder_is_positive",
        "The remainder of a negative number is positive.",
        " % ",
        &["queries.operands.arithmetic"],
        |value| match value {
            Value::I64(rest) if *rest < 0 => {
                *rest = -*rest;
                true
            }
            _ => false,
        }
    ),
    text!(
        Queries,
        "queries.concat_skips_null",
        "Concatenation treats NULL as an empty text.",
        &["queries.operands.text"],
        |_, text| {
            let at = *places(text, " || ").first()?;
            let start = text[..at].rfind([' ', '(']).map_or(0, |before| before + 1);
            let left = &text[start..at];
            (!left.is_empty() && !left.ends_with(')'))
                .then(|| format!("{}COALESCE({left}, ''){}", &text[..start], &text[at..]))
        }
    ),
    text!(
        Queries,
        "queries.minute_is_second",
        "The minute of a timestamp is its second.",
        &["queries"],
        |_, text| text.contains("'%M'").then(|| text.replace("'%M'", "'%S'"))
    )
    .needs(&[Capability::DateParts]),
    text!(
        Queries,
        "queries.day_is_day_of_the_year",
        "The day of a date is counted from the start of the year.",
        &["queries"],
        |_, text| text.contains("'%d'").then(|| text.replace("'%d'", "'%j'"))
    )
    .needs(&[Capability::DateParts]),
    text!(
        Queries,
        "queries.not_in_query_forgets_null",
        "NOT IN a query ignores the NULLs that the query returns.",
        &["queries."],
        |_, text| {
            calls(text, "NOT IN (", |query| {
                let rest = query.strip_prefix("SELECT ")?;
                let from = *places(rest, " FROM ").first()?;
                let (column, rest) = rest.split_at(from);
                Some(format!(
                    "NOT IN (SELECT v FROM (SELECT {column} AS v{rest}) AS known WHERE v IS NOT NULL)"
                ))
            })
        }
    ),
    loose!(
        "count_distinct_folds_case",
        "COUNT of distinct texts ignores case.",
        &["queries.groups.aggregates"],
        |text| {
            calls(text, "COUNT(", |inner| {
                let column = inner.strip_prefix("DISTINCT ")?;
                Some(format!("COUNT(DISTINCT {column} COLLATE NOCASE)"))
            })
        }
    ),
    loose!(
        "min_folds_case",
        "MIN of texts ignores case.",
        &["queries.groups.aggregates"],
        |text| calls(text, "MIN(", |inner| Some(format!(
            "MIN({inner} COLLATE NOCASE)"
        )))
    ),
    loose!(
        "join_folds_case",
        "A join by texts ignores case.",
        &["queries.groups.joins"],
        |text| {
            let followers = [
                " WHERE ",
                " GROUP BY ",
                " ORDER BY ",
                " LIMIT ",
                " LEFT JOIN ",
                " JOIN ",
            ];
            let (start, end) = clause(text, " ON ", &followers)?;
            let equal = start + places(&text[start..end], " = ").first()?;
            Some(format!(
                "{} COLLATE NOCASE{}",
                &text[..equal],
                &text[equal..]
            ))
        }
    ),
    cells!(
        "unmatched_texts_are_empty",
        "NULL in a result of a left join is read as an empty text.",
        " LEFT JOIN ",
        &["queries.groups.joins", "relations"],
        |value| match value {
            Value::Null => {
                *value = Value::Text(String::new());
                true
            }
            _ => false,
        }
    ),
    text!(
        Writes,
        "writes.assignments_see_each_other",
        "An assignment of an UPDATE sees the ones before it.",
        &["writes.update", "writes."],
        |kind, text| {
            let (start, end) = (kind == StatementKind::Update)
                .then(|| clause(text, " SET ", &[" WHERE ", " RETURNING "]))
                .flatten()?;
            let assignments = &text[start..end];
            let comma = *places(assignments, ", ").first()?;
            let (first, second) = (&assignments[..comma], &assignments[comma + 2..]);
            let ((name, value), (other, source)) =
                (first.split_once(" = ")?, second.split_once(" = ")?);
            let sees = places(&source.replace(name, "\u{1}").replace('"', ""), "\u{1}");
            (!sees.is_empty() && !value.contains('?')).then(|| {
                let source = source.replace(name, &format!("({value})"));
                format!(
                    "{}{first}, {other} = {source}{}",
                    &text[..start],
                    &text[end..]
                )
            })
        }
    ),
    Fault::new(
        "writes.returning_merges_equal_rows",
        Writes,
        "RETURNING returns equal rows once.",
        Lie::Rows(
            |kind, _| kind != StatementKind::Select,
            |rows| {
                let first = |at: &usize| !rows[..*at].contains(&rows[*at]);
                let kept: Vec<usize> = (0..rows.len()).filter(first).collect();
                (kept.len() < rows.len()).then_some(kept)
            },
        ),
    )
    .needs(&[Capability::Returning])
    .suspects(&["writes."]),
    Fault::new(
        "writes.returning_of_delete_is_empty",
        Writes,
        "DELETE … RETURNING returns no rows.",
        Lie::Rows(
            |kind, _| kind == StatementKind::Delete,
            |rows| (!rows.is_empty()).then(Vec::new),
        ),
    )
    .needs(&[Capability::Returning])
    .suspects(&["writes."]),
    Fault::new(
        "writes.returning_of_update_loses_last_column",
        Writes,
        "UPDATE … RETURNING returns NULL in its last column.",
        Lie::Cells(
            |kind, _| kind == StatementKind::Update,
            |rows| {
                let mut changed = false;
                for row in rows {
                    if let Some(last) = row.last_mut()
                        && !matches!(last, Value::Null)
                    {
                        *last = Value::Null;
                        changed = true;
                    }
                }
                changed
            },
        ),
    )
    .needs(&[Capability::UpdateReturning])
    .suspects(&["writes."]),
    text!(
        Writes,
        "writes.update_by_first_condition",
        "UPDATE with several conditions uses the first.",
        &["writes.update", "writes."],
        |kind, text| by_first(StatementKind::Update, kind, text)
    ),
    text!(
        Writes,
        "writes.delete_by_first_condition",
        "DELETE with several conditions uses the first.",
        &["writes.delete", "writes."],
        |kind, text| by_first(StatementKind::Delete, kind, text)
    ),
    text!(
        Writes,
        "writes.deleted_keys_reused",
        "The key of a deleted row is given again, although it must not be.",
        &["writes.keys", "schema."],
        |_, text| replaced(text, " AUTOINCREMENT", "")
    ),
    Fault::new(
        "writes.key_wrong_after_rollback_to",
        Writes,
        "After a ROLLBACK TO, the key reported for a row is one less.",
        Lie::OutcomeOf(|state, kind, _, outcome| {
            let key = outcome.last_insert_id?;
            (kind == StatementKind::Insert && !state.rolled_back_to.is_empty())
                .then(|| Outcome::matched(outcome.matched).with_last_insert_id(key - 1))
        }),
    )
    .needs(&[Capability::GeneratedKeys, Capability::Savepoints])
    .suspects(&["writes.keys", "transactions."]),
    Fault::new(
        "writes.count_of_all_rows_is_zero",
        Writes,
        "An UPDATE or DELETE without a condition reports no rows.",
        Lie::OutcomeOf(|_, kind, text, outcome| {
            let is_all = matches!(kind, StatementKind::Update | StatementKind::Delete)
                && places(text, " WHERE ").is_empty();
            (is_all && outcome.matched > 0).then(|| Outcome::matched(0))
        }),
    )
    .suspects(&["writes."]),
    Fault::new(
        "transactions.rollback_to_the_outer_of_equal_names",
        Transactions,
        "ROLLBACK TO a name that two open savepoints share undoes the outer.",
        Lie::CommandIn(|state, command| match command {
            Transaction::RollbackTo(name)
                if state.savepoints.iter().filter(|open| open == name).count() > 1 =>
            {
                Some(vec![
                    Transaction::Release(name),
                    Transaction::RollbackTo(name),
                    Transaction::Savepoint(name),
                ])
            }
            _ => None,
        }),
    )
    .needs(&[Capability::Savepoints])
    .suspects(&["transactions.savepoint"]),
    Fault::new(
        "transactions.commit_with_failed_statement_undoes",
        Transactions,
        "COMMIT rolls back a transaction in which a statement failed, and reports success.",
        Lie::CommandIn(|state, command| match command {
            Transaction::Commit if state.failed => Some(vec![Transaction::Rollback]),
            _ => None,
        }),
    )
    .needs(&[Capability::Transactions])
    .suspects(&["transactions."]),
    Fault::new(
        "transactions.release_after_rollback_to_undoes",
        Transactions,
        "RELEASE of a savepoint that was rolled back to once undoes what followed.",
        Lie::CommandIn(|state, command| match command {
            Transaction::Release(name)
                if state.rolled_back_to.iter().any(|before| before == name) =>
            {
                Some(vec![
                    Transaction::RollbackTo(name),
                    Transaction::Release(name),
                ])
            }
            _ => None,
        }),
    )
    .needs(&[Capability::Savepoints])
    .suspects(&["transactions.savepoint"]),
    text!(
        Constraints,
        "constraints.default_is_null",
        "A default declared for a column is not used.",
        &["schema.", "writes."],
        |kind, text| {
            (kind == StatementKind::Ddl)
                .then(|| {
                    let at = *places(text, " DEFAULT ").first()?;
                    Some(format!("{} DEFAULT NULL, ", &text[..at]) + text[at..].split_once(", ")?.1)
                })
                .flatten()
        }
    ),
];

fn by_first(wanted: StatementKind, kind: StatementKind, text: &str) -> Option<String> {
    (kind == wanted)
        .then(|| {
            in_where(text, |condition| {
                let and = *places(condition, " AND ").first()?;
                let (first, rest) = (&condition[..and], &condition[and + 5..]);
                let is_plain = places(condition, "(").is_empty()
                    && places(condition, " BETWEEN ").is_empty()
                    && places(condition, " OR ").is_empty();
                is_plain.then(|| format!("{first} AND (1 = 1 OR {rest})"))
            })
        })
        .flatten()
}

/// Changes the microseconds of a time or timestamp.
fn instant(value: ValueRef<'_>, change: impl FnOnce(i64) -> i64) -> Option<Value> {
    let (before, same): (i64, fn(i64) -> Value) = match value {
        ValueRef::Time(at) => (at.0, |at| Value::Time(Time(at))),
        ValueRef::Timestamp(at) => (at.0, |at| Value::Timestamp(Timestamp(at))),
        ValueRef::TimestampTz(at) => (at.0, |at| Value::TimestampTz(TimestampTz(at))),
        _ => return None,
    };
    let after = change(before);
    (after != before).then(|| same(after))
}

fn text(value: ValueRef<'_>, change: impl FnOnce(&str) -> String) -> Option<Value> {
    let ValueRef::Text(text) = value else {
        return None;
    };
    let changed = change(text);
    (changed != text).then_some(Value::Text(changed))
}

fn json(value: ValueRef<'_>, change: impl FnOnce(&str) -> String) -> Option<Value> {
    let ValueRef::Json(text) = value else {
        return None;
    };
    let changed = change(text);
    (changed != text).then_some(Value::Json(changed))
}
