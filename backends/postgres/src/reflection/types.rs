//! Converts the server's types to neutral ones.

use selfsame::schema::ColumnType;

/// The type of a column that is neither an enum nor an array, as the server writes it: `character varying(50)`; and whether
/// `create_all` creates the same type from it.
pub(super) fn column_type(written: &str) -> (ColumnType, bool) {
    let (name, modifiers) = split(written);
    let is_plain = modifiers.is_empty();
    let ty = match name.as_str() {
        "boolean" => ColumnType::Bool,
        "smallint" => ColumnType::I16,
        "integer" => ColumnType::I32,
        "bigint" => ColumnType::I64,
        "real" => ColumnType::F32,
        "double precision" => ColumnType::F64,
        "text" => ColumnType::Text { length: None },
        "character varying" => {
            let length = modifiers.parse().ok();
            return (ColumnType::Text { length }, is_plain || length.is_some());
        }
        "bytea" => ColumnType::Bytes,
        "numeric" => {
            let precision = modifiers
                .split_once(',')
                .and_then(|(precision, scale)| precision.parse().ok().zip(scale.parse().ok()));
            let is_exact = is_plain || precision.is_some();
            return (ColumnType::Decimal { precision }, is_exact);
        }
        "uuid" => ColumnType::Uuid,
        "date" => ColumnType::Date,
        "json" => return (ColumnType::Json, false),
        "jsonb" => ColumnType::Json,
        "timestamp with time zone" => rounded(written, modifiers, ColumnType::TimestampTz),
        "timestamp without time zone" => rounded(written, modifiers, ColumnType::Timestamp),
        "time without time zone" => rounded(written, modifiers, ColumnType::Time),
        _ => {
            let name = written.to_owned();
            return (ColumnType::Other { name }, true);
        }
    };
    (ty, true)
}

/// The type of times that are rounded to a number of digits; six digits are exact.
fn rounded(written: &str, digits: &str, ty: ColumnType) -> ColumnType {
    match digits {
        "" | "6" => ty,
        _ => ColumnType::named(written, ty),
    }
}

/// The type of an array's elements, without a precision, which neutral arrays do not declare; and whether values are kept as they
/// are.
pub(super) fn element(ty: ColumnType, written: &str) -> (ColumnType, bool) {
    match ty {
        // No operator compares a `varchar[]` with a `text[]`.
        ColumnType::Text { length } if written.starts_with("character varying") => {
            let name = written.to_owned();
            (ColumnType::Other { name }, length.is_none())
        }
        ColumnType::Decimal { precision: Some(_) } => {
            (ColumnType::Decimal { precision: None }, false)
        }
        ColumnType::Declared { of, .. } => (ColumnType::of(of), false),
        ty => (ty, true),
    }
}

/// Splits a type into its name and its modifiers: `timestamp(3) without time zone` is `timestamp without time zone` and `3`.
pub(crate) fn split(written: &str) -> (String, &str) {
    // A quoted name may contain anything.
    let start = written.rfind('"').map_or(0, |quote| quote + 1);
    let open = written[start..].find('(').map(|at| start + at);
    let close = written[start..].rfind(')').map(|at| start + at);
    match (open, close) {
        (Some(open), Some(close)) if open < close => {
            let name = format!("{}{}", &written[..open], &written[close + 1..]);
            (name, &written[open + 1..close])
        }
        _ => (written.to_owned(), ""),
    }
}

/// Whether a default is NULL, which is the same as no default.
pub(super) fn is_null(default: &str) -> bool {
    let is_type = |text: &str| {
        let (name, _) = split(text);
        name.chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | ' ' | '.' | '"' | '[' | ']'))
    };
    default == "NULL" || default.strip_prefix("NULL::").is_some_and(is_type)
}

/// Removes the casts to a type from an expression.
pub(super) fn without_casts(expression: &str, ty: &str) -> String {
    let cast = format!("::{ty}");
    let (mut out, mut quote, mut rest) = (String::new(), None, expression);
    while let Some(c) = rest.chars().next() {
        let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.');
        let after = rest.strip_prefix(&cast);
        match after.filter(|after| quote.is_none() && !after.starts_with(is_of_name)) {
            Some(after) => rest = after,
            None => {
                match quote {
                    Some(open) if open == c => quote = None,
                    None if matches!(c, '\'' | '"') => quote = Some(c),
                    _ => {}
                }
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_the_server_writes_them() {
        let text = |length| ColumnType::Text { length };
        let other = |name: &str| ColumnType::Other { name: name.into() };
        let precision = Some((10, 2));
        for (written, expected) in [
            ("character varying(50)", (text(Some(50)), true)),
            ("character varying", (text(None), true)),
            ("text", (text(None), true)),
            ("character(5)", (other("character(5)"), true)),
            ("interval", (other("interval"), true)),
            ("bit(3)", (other("bit(3)"), true)),
            ("\"a (b)\"", (other("\"a (b)\""), true)),
            ("numeric", (ColumnType::Decimal { precision: None }, true)),
            ("numeric(10,2)", (ColumnType::Decimal { precision }, true)),
            (
                "numeric(3,-2)",
                (ColumnType::Decimal { precision: None }, false),
            ),
            ("json", (ColumnType::Json, false)),
            (
                "timestamp(3) with time zone",
                (
                    ColumnType::Declared {
                        name: "timestamp(3) with time zone".into(),
                        of: selfsame::value::ValueType::TimestampTz,
                    },
                    true,
                ),
            ),
            (
                "timestamp(6) with time zone",
                (ColumnType::TimestampTz, true),
            ),
            ("timestamp without time zone", (ColumnType::Timestamp, true)),
            ("time without time zone", (ColumnType::Time, true)),
            ("time with time zone", (other("time with time zone"), true)),
        ] {
            assert_eq!(column_type(written), expected, "{written}");
        }
    }

    #[test]
    fn a_default_of_null_is_none() {
        for default in ["NULL", "NULL::character varying(5)", "NULL::a.\"b c\"[]"] {
            assert!(is_null(default), "{default}");
        }
        for default in ["NULL::text || 'a'::text", "'NULL'::text", "f(NULL::text)"] {
            assert!(!is_null(default), "{default}");
        }
    }

    #[test]
    fn casts_to_a_domain_are_removed() {
        for (default, ty, expected) in [
            ("'a'::t", "t", "'a'"),
            ("'a::t b'::t", "t", "'a::t b'"),
            ("(now())::date", "d", "(now())::date"),
            ("(now())::d", "d", "(now())"),
            ("'x'::d.e", "d", "'x'::d.e"),
            ("'{x}'::s.\"a b\"", "s.\"a b\"", "'{x}'"),
            ("'it''s'::t", "t", "'it''s'"),
        ] {
            assert_eq!(without_casts(default, ty), expected, "{default}");
        }
    }
}
