//! Normalizing default expressions so that they can be compared with those of a database.

/// Removes from an expression what databases add: spaces, parentheses, casts, and quotes around numbers; makes it lower-case outside
/// quotes. MySQL calls the current timestamp `now`.
pub(super) fn essence(expression: &str) -> String {
    let mut out = String::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let length = quoted_length(rest);
            let inner = rest[1..length].trim_end_matches('\'');
            let is_number = inner.parse::<f64>().is_ok();
            out.push_str(if is_number { inner } else { &rest[..length] });
            rest = &rest[length..];
            continue;
        }
        if let Some(ty) = rest.strip_prefix("::") {
            rest = after_type(ty);
            continue;
        }
        if !first.is_whitespace() && first != '(' && first != ')' {
            out.extend(first.to_lowercase());
        }
        rest = &rest[first.len_utf8()..];
    }
    match out.strip_prefix("now") {
        Some(digits) if digits.bytes().all(|c| c.is_ascii_digit()) => {
            format!("current_timestamp{digits}")
        }
        _ => out,
    }
}

/// The length of the quoted text at the beginning of an expression.
fn quoted_length(text: &str) -> usize {
    let mut at = 1;
    while let Some(end) = text[at..].find('\'') {
        at += end + 1;
        if !text[at..].starts_with('\'') {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// The text after the type of a cast: words, optionally with numbers in parentheses and array brackets.
fn after_type(text: &str) -> &str {
    let rest = text
        .trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | ' ' | '.' | '"'));
    let rest = match rest
        .strip_prefix('(')
        .and_then(|inner| inner.split_once(')'))
    {
        Some((numbers, after)) if numbers.chars().all(|c| c.is_ascii_digit() || c == ',') => after,
        _ => rest,
    };
    rest.strip_prefix("[]").unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_compared_without_what_databases_add() {
        for (code, database) in [
            ("'new'", "'new'::text"),
            ("'it''s'", "'it''s'::character varying"),
            ("-1", "'-1'::integer"),
            ("1.5", "(1.5)::numeric(10,2)"),
            ("now()", "now()"),
            ("CURRENT_TIMESTAMP", "current_timestamp"),
            ("CURRENT_TIMESTAMP(6)", "now(6)"),
            ("datetime('now')", "(datetime('now'))"),
            ("1 + 2 * 3", "(1 + (2 * 3))"),
            ("'{}'", "'{}'::text[]"),
        ] {
            assert_eq!(essence(code), essence(database), "{code}");
        }
        for (a, b) in [
            ("'new'", "'New'"),
            ("'a b'", "'ab'"),
            ("1", "2"),
            ("'", "''"),
        ] {
            assert_ne!(essence(a), essence(b), "{a}");
        }
    }
}
