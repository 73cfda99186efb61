//! Expressions as MySQL reports them.

use std::borrow::Cow;

/// Converts a reported expression to one that can be used in a statement: MySQL escapes the quotes and backslashes of its text, and
/// writes the character set before each literal.
pub(super) fn written(reported: &str) -> String {
    without_character_sets(&unescaped(&decoded(reported)))
}

/// MySQL reports each byte of the UTF-8 of an expression as a character of its own. Text that cannot be decoded in this way is
/// returned unchanged.
fn decoded(reported: &str) -> Cow<'_, str> {
    let bytes: Result<Vec<u8>, _> = reported.chars().map(u8::try_from).collect();
    let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.map_or(Cow::Borrowed(reported), Cow::Owned)
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => chars.next().unwrap_or(c),
            c => {
                out.push(c);
                continue;
            }
        };
        out.push(match c {
            'n' => '\n',
            'r' => '\r',
            '0' => '\0',
            'Z' => '\u{1a}',
            c => c,
        });
    }
    out
}

fn without_character_sets(text: &str) -> String {
    const CHARACTER_SET: &str = "_utf8mb4'";
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if quote.is_none() && rest.starts_with(CHARACTER_SET) {
            rest = &rest[CHARACTER_SET.len() - 1..];
            continue;
        }
        if quote == Some('\'') && rest.starts_with(r"\'") {
            out.push_str("''");
            rest = &rest[2..];
            continue;
        }
        let (taken, ends) = match (quote, c) {
            // An escaped character.
            (Some('\''), '\\') => (
                1 + rest[1..].chars().next().map_or(0, char::len_utf8),
                false,
            ),
            (Some(open), c) => (c.len_utf8(), c == open),
            (None, c) => {
                quote = matches!(c, '\'' | '`' | '"').then_some(c);
                (c.len_utf8(), false)
            }
        };
        if ends {
            quote = None;
        }
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_written_as_they_were_declared() {
        for (reported, expected) in [
            ("(1 + 2)", "(1 + 2)"),
            (
                r"concat(_utf8mb4\'a\',`_utf8mb4'b`)",
                "concat('a',`_utf8mb4'b`)",
            ),
            ("(`\u{c3}\u{84}` + 1)", "(`Ä` + 1)"),
            ("(`Ä` + 1)", "(`Ä` + 1)"),
            ("concat('名','Ã')", "concat('名','Ã')"),
            (
                r"((`b` <> _utf8mb4\'it\\\'s _utf8mb4\\\'\') and (`b` <> _utf8mb4\'a\\\\b\'))",
                r"((`b` <> 'it''s _utf8mb4''') and (`b` <> 'a\\b'))",
            ),
        ] {
            assert_eq!(written(reported), expected, "{reported}");
        }
    }
}
