//! Removing values from a database's own messages.

use std::collections::BTreeSet;

/// Replaces a possible value.
const LEFT_OUT: &str = "…";

/// Removes everything that may be a value from a database's message: all words except those in `words`, the vocabulary of the database's
/// messages, and those in the text of the statement, which contains only placeholders. Quoted parts are kept only if they are in the
/// statement.
///
/// For backends: database messages may quote parameters, which no error may show.
///
/// ```
/// use selfsame::error::without_values;
///
/// let words = ["relation", "does", "not", "exist"];
/// let shown = |message| without_values(message, "SELECT * FROM users WHERE place = $1::regclass", &words);
/// assert_eq!(shown(r#"relation "users" does not exist"#), r#"relation "users" does not exist"#);
/// assert_eq!(shown(r#"relation "4711 secret" does not exist"#), r#"relation "…" does not exist"#);
/// assert_eq!(shown("relation secret does not exist: 4711"), "relation … does not exist: …");
/// ```
pub fn without_values(message: &str, statement: &str, words: &[&str]) -> String {
    let own = Own {
        statement,
        tokens: tokens(statement).map(str::to_lowercase).collect(),
    };
    let mut out = String::new();
    let mut rest = message;
    while let Some(start) = rest.find('"') {
        own.prose(&rest[..start], words, &mut out);
        rest = &rest[start + 1..];
        let end = rest.find('"').unwrap_or(rest.len());
        out.push('"');
        out.push_str(if own.holds(&rest[..end]) {
            &rest[..end]
        } else {
            LEFT_OUT
        });
        out.push('"');
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    own.prose(rest, words, &mut out);
    out
}

/// The words and quoted parts of the statement's text.
struct Own<'a> {
    statement: &'a str,
    tokens: BTreeSet<String>,
}

impl Own<'_> {
    fn has(&self, token: &str) -> bool {
        // A number may be a value, even if the text contains it in a placeholder.
        !token.starts_with(|c: char| c.is_ascii_digit())
            && self.tokens.contains(&token.to_lowercase())
    }

    /// Whether the statement contains a quoted part.
    fn holds(&self, quoted: &str) -> bool {
        let mut found = tokens(quoted).peekable();
        if found.peek().is_none() {
            return quoted.chars().count() <= 2 && self.statement.contains(quoted);
        }
        found.all(|token| self.has(token))
            && quoted
                .chars()
                .all(|c| is_word(c) || matches!(c, '.' | ',' | ' ' | '(' | ')'))
    }

    fn prose(&self, text: &str, words: &[&str], out: &mut String) {
        let mut rest = text;
        while let Some(start) = rest.find(is_word) {
            push(&rest[..start], out);
            rest = &rest[start..];
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let token = &rest[..end];
            let lower = token.to_lowercase();
            if self.has(token) || words.contains(&&*lower) {
                out.push_str(token);
            } else if !out.trim_end().ends_with(LEFT_OUT) {
                out.push_str(LEFT_OUT);
            }
            rest = &rest[end..];
        }
        push(rest, out);
    }
}

/// Keeps only the punctuation between words.
fn push(between: &str, out: &mut String) {
    out.extend(between.chars().filter(|c| {
        c.is_ascii_whitespace()
            || matches!(c, '.' | ',' | ':' | ';' | '(' | ')' | '[' | ']' | '-' | '/')
    }));
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_word(c))
        .filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(message: &str) -> String {
        let words = [
            "syntax", "error", "at", "or", "near", "in", "tsquery", "operator", "not",
        ];
        without_values(
            message,
            "SELECT a.\"b c\" FROM t WHERE x = $1 AND y >= $2",
            &words,
        )
    }

    #[test]
    fn names_of_the_statement_stay() {
        for message in [
            "syntax error at or near \"FROM\"",
            "error in \"b c\"",
            "error near \"a.x\"",
            "syntax error near \">=\"",
            "error in a.x (t)",
        ] {
            assert_eq!(shown(message), message);
        }
    }

    #[test]
    fn all_else_goes() {
        for (message, expected) in [
            (
                "syntax error in tsquery: \"secret & x\"",
                "syntax error in tsquery: \"…\"",
            ),
            ("error near \"1\"", "error near \"…\""),
            ("error near \"!!!\"", "error near \"…\""),
            ("error near \"secret", "error near \"…\""),
            ("error \"x\"secret\"y\"", "error \"x\"…\"y\""),
            ("operator secret other 12.5", "operator …  .…"),
            ("operator ~~%$ secret", "operator  …"),
            ("error in Grüße", "error in …"),
        ] {
            assert_eq!(shown(message), expected);
        }
    }
}
