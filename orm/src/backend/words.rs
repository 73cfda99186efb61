//! The first words of a SQL text.

/// Returns the first words of a SQL text, without the comments and semicolons before and between them; empty from where something other
/// than a word follows.
///
/// ```
/// use selfsame::backend::leading_words;
///
/// assert_eq!(leading_words("-- end\n/* it */ ROLLBACK TO a"), ["ROLLBACK", "TO", "a"]);
/// assert_eq!(leading_words("SELECT 'commit'"), ["SELECT", "", ""]);
/// ```
pub fn leading_words(text: &str) -> [&str; 3] {
    let mut rest = text;
    [(); 3].map(|()| {
        rest = without_comments(rest);
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        if word.is_empty() {
            rest = "";
        } else {
            rest = after;
        }
        word
    })
}

/// Returns a text from its next word or sign on.
pub(crate) fn without_comments(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches(|c: char| c.is_whitespace() || c == ';');
        text = match text {
            _ if text.starts_with("--") || text.starts_with('#') => {
                text.find(['\n', '\r']).map_or("", |end| &text[end..])
            }
            _ if text.starts_with("/*") => after_comment(text),
            _ => return text,
        };
    }
}

/// Returns what follows a comment, which may contain others.
fn after_comment(text: &str) -> &str {
    let mut depth = 0_usize;
    let mut rest = text;
    loop {
        let step = if rest.starts_with("/*") {
            depth += 1;
            2
        } else if rest.starts_with("*/") {
            depth -= 1;
            2
        } else {
            rest.chars().next().map_or(0, char::len_utf8)
        };
        rest = &rest[step..];
        if depth == 0 || rest.is_empty() {
            return rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_no_words() {
        for (text, words) in [
            ("", ["", "", ""]),
            ("COMMIT", ["COMMIT", "", ""]),
            ("commit and chain", ["commit", "and", "chain"]),
            ("; a;b;", ["a", "b", ""]),
            (" \n-- x\n/* a /* b */ ü */é_1/**/b#c\nd", ["é_1", "b", "d"]),
            ("-- a", ["", "", ""]),
            ("/* a", ["", "", ""]),
            ("/*/ a */ b", ["b", "", ""]),
            ("a(b c)", ["a", "", ""]),
            ("\"a\" b", ["", "", ""]),
            ("(SELECT 1)", ["", "", ""]),
        ] {
            assert_eq!(leading_words(text), words, "{text}");
        }
    }
}
