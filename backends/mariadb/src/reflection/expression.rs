//! Expressions as MySQL reports them.

use std::borrow::Cow;

/// Converts a reported expression to one that can be used in a statement: MySQL escapes the quotes and backslashes of its text, and
/// writes the character set before each literal.
pub(super) fn written(reported: &str) -> String {
    without_character_sets(&decoded(&in_hexadecimal(&unescaped(reported))))
}

/// Writes literals of other character sets than UTF-8 by their bytes, which MySQL reports as characters: `_latin1 x'e4'`.
fn in_hexadecimal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut quote, mut rest) = (None, text);
    while !rest.is_empty() {
        if quote.is_none()
            && !out.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '$'))
            && let Some((set, literal)) = introduced(rest)
        {
            let bytes: Result<Vec<u8>, _> = unescaped(literal).chars().map(u8::try_from).collect();
            let is_plain = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
            match bytes {
                Ok(bytes) if !set.starts_with("_utf8") && !bytes.iter().all(is_plain) => {
                    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                    out.push_str(&format!("{set} x'{digits}'"));
                }
                _ => out.push_str(&format!("{set}'{literal}'")),
            }
            rest = &rest[set.len() + literal.len() + 2..];
            continue;
        }
        out.push_str(take_token(&mut rest, &mut quote));
    }
    out
}

/// The character set and the literal at the beginning of a text: `_latin1` and `a` of `_latin1'a'`.
fn introduced(text: &str) -> Option<(&str, &str)> {
    let (set, rest) = text.split_once('\'')?;
    let name = set.strip_prefix('_')?;
    if name.is_empty() || !name.bytes().all(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    let mut at = 0;
    loop {
        match rest[at..].chars().next()? {
            '\'' => return Some((set, &rest[..at])),
            c => at += token(Some('\''), &rest[at..], c).0,
        }
    }
}

/// Takes the next character, or an escaped one, and tracks the quotes around it.
fn take_token<'t>(rest: &mut &'t str, quote: &mut Option<char>) -> &'t str {
    let Some(c) = rest.chars().next() else {
        return "";
    };
    let (taken, ends) = token(*quote, rest, c);
    *quote = match *quote {
        None => matches!(c, '\'' | '`' | '"').then_some(c),
        open => open.filter(|_| !ends),
    };
    let (token, after) = rest.split_at(taken);
    *rest = after;
    token
}

/// The length of the next character, or of an escaped one, and whether it is the quote that ends the literal.
fn token(quote: Option<char>, rest: &str, c: char) -> (usize, bool) {
    match (quote, c) {
        (Some('\''), '\\') => (
            1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            false,
        ),
        (quote, c) => (c.len_utf8(), quote == Some(c)),
    }
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
    while !rest.is_empty() {
        if quote.is_none() && rest.starts_with(CHARACTER_SET) {
            rest = &rest[CHARACTER_SET.len() - 1..];
            continue;
        }
        if quote == Some('\'') && rest.starts_with(r"\'") {
            out.push_str("''");
            rest = &rest[2..];
            continue;
        }
        out.push_str(take_token(&mut rest, &mut quote));
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
                "concat(_latin1\\'\u{e4}\\',_utf8mb4\\'\u{c3}\u{b6}\\')",
                "concat(_latin1 x'e4','ö')",
            ),
            (
                r"concat(_latin1\'a\',_ucs2\'\\0a\',_utf8mb3\'a\',b_latin1\'a\')",
                "concat(_latin1'a',_ucs2 x'0061',_utf8mb3'a',b_latin1'a')",
            ),
            (
                r"((`b` <> _utf8mb4\'it\\\'s _utf8mb4\\\'\') and (`b` <> _utf8mb4\'a\\\\b\'))",
                r"((`b` <> 'it''s _utf8mb4''') and (`b` <> 'a\\b'))",
            ),
        ] {
            assert_eq!(written(reported), expected, "{reported}");
        }
    }
}
