//! The first words of a SQL text.

/// Returns the first words of a SQL text, without the comments and semicolons before and between them; empty once something other than
/// a word follows.
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
        let (word, after) = next_word(rest);
        rest = after;
        word
    })
}

/// Returns whether a SQL text commits or rolls back the transaction around it, or hands it over to another session. Rolling back to a
/// savepoint does not, nor does preparing a statement of the name `transaction`.
///
/// ```
/// use selfsame::backend::ends_transaction;
///
/// assert!(ends_transaction("/* done */ commit"));
/// assert!(ends_transaction("PREPARE TRANSACTION 'x'"));
/// assert!(!ends_transaction("ROLLBACK TO a"));
/// assert!(!ends_transaction("PREPARE transaction FROM 'SELECT 1'"));
/// ```
pub fn ends_transaction(text: &str) -> bool {
    let (first, rest) = next_word(text);
    let (second, after_second) = next_word(rest);
    let (third, _) = next_word(after_second);
    let is =
        |word: &str, known: &[&str]| known.iter().any(|known| known.eq_ignore_ascii_case(word));
    if is(first, &["rollback"]) {
        return !is(second, &["to"]) && !is(third, &["to"]);
    }
    // The name of a transaction follows, as a literal.
    let hands_over = || {
        is(second, &["transaction"])
            && !is(third, &["as", "from"])
            && !without_comments(after_second).starts_with('(')
    };
    is(first, &["commit", "end", "abort"]) || is(first, &["prepare"]) && hands_over()
}

/// Splits off the next word. Both parts are empty if something else comes first.
fn next_word(text: &str) -> (&str, &str) {
    let text = without_comments(text);
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    match text.split_at(end.unwrap_or(text.len())) {
        ("", _) => ("", ""),
        found => found,
    }
}

/// Returns a text without the white space, semicolons and comments before its next word or sign.
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

/// Returns the text after a comment, which may contain nested comments.
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
    fn comments_are_not_words() {
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

    #[test]
    fn the_first_words_tell_what_ends_a_transaction() {
        for text in [
            "COMMIT",
            "commit and chain",
            " \n-- SELECT\n/* a /* b */ ü */COMMIT/**/",
            "; End",
            "ABORT WORK",
            "ROLLBACK",
            "rollback work and no chain;",
            "PREPARE TRANSACTION 'x'",
            "PREPARE/**/TRANSACTION/**/'x'",
            "prepare transaction E'x'",
            "PREPARE TRANSACTION U&'x'",
            "PREPARE TRANSACTION $$x$$",
        ] {
            assert!(ends_transaction(text), "{text}");
        }
        for text in [
            "",
            "SELECT 1",
            "-- COMMIT",
            "commit_all()",
            "\"commit\"",
            "RELEASE a",
            "ROLLBACK TO a",
            "rollback work to savepoint a",
            "ROLLBACK/*x*/TRANSACTION--y\nTO a",
            "PREPARE commit AS SELECT 1",
            "PREPARE transaction FROM 'SELECT 1'",
            "prepare Transaction from @text",
            "PREPARE transaction AS SELECT 1",
            "PREPARE transaction (int) AS SELECT $1",
            "PREPARE transaction/* its type */(int) AS SELECT $1",
        ] {
            assert!(!ends_transaction(text), "{text}");
        }
    }
}
