//! Normalizes SQL: placeholders and lists do not matter for comparisons.

/// The text with all placeholders alike, and repeated list items written once: `IN (?1, ?2, ?3)` is `IN (?, ...)`.
pub(crate) fn fingerprint(text: &str) -> String {
    let mut alike = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let placeholder = matches!(character, '?' | '$');
        alike.push(if placeholder { '?' } else { character });
        while placeholder && characters.next_if(char::is_ascii_digit).is_some() {}
    }
    let rows = fold(&alike, |at| {
        let row = at.strip_prefix('(')?;
        let end = row.find(')')?;
        let inside = &row[..end];
        let only_placeholders = inside.chars().all(|c| matches!(c, '?' | ',' | ' '));
        (only_placeholders && inside.contains('?')).then_some(end + 2)
    });
    fold(&rows, |at| at.starts_with('?').then_some(1))
}

/// Cuts each list of equal items, divided by commas, down to its first. `item` returns the length of the item at the beginning of a text.
fn fold(text: &str, item: impl Fn(&str) -> Option<usize>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let Some(length) = item(rest) else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        let (found, mut after) = rest.split_at(length);
        out.push_str(found);
        let mut repeated = false;
        while let Some(next) = after
            .strip_prefix(", ")
            .filter(|next| next.starts_with(found))
        {
            after = &next[length..];
            repeated = true;
        }
        if repeated {
            out.push_str(", ...");
        }
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(fingerprint(text), expected);
    }

    #[test]
    fn lists_are_cut_short() {
        check(
            "SELECT a FROM t WHERE b = ?1 AND c = $2",
            "SELECT a FROM t WHERE b = ? AND c = ?",
        );
        check("a IN (?1, ?2, ?3)", "a IN (?, ...)");
        check(
            "VALUES (?1, ?2), (?3, ?4), (?5, ?6)",
            "VALUES (?, ...), ...",
        );
        check("SET a = ?1, b = ?2", "SET a = ?, b = ?");
        check(
            "UNNEST($1::bigint[], $2::text[])",
            "UNNEST(?::bigint[], ?::text[])",
        );
        check("f()", "f()");
    }
}
