//! The expressions of computed columns, which SQLite tells only in the text of the table's definition.

/// The expression of a column in the text of a CREATE TABLE: what stands in the parentheses behind its AS.
pub(super) fn expression(definition: &str, column: &str) -> Option<String> {
    let mut depth = 0_usize;
    let mut is_first = true;
    let mut is_wanted = false;
    let mut after_as = false;
    let mut begin = None;
    for (at, token) in Tokens(definition, 0) {
        match token {
            "(" => {
                depth += 1;
                if depth == 2 && is_wanted && after_as {
                    begin = Some(at + 1);
                }
            }
            ")" => {
                if let (2, Some(begin)) = (depth, begin) {
                    return Some(definition[begin..at].trim().to_owned());
                }
                depth = depth.saturating_sub(1);
            }
            "," if depth == 1 => is_first = true,
            name if depth == 1 && is_first => {
                is_first = false;
                is_wanted = unquoted(name).eq_ignore_ascii_case(column);
                after_as = false;
            }
            word if depth == 1 => after_as = word.eq_ignore_ascii_case("AS"),
            _ => {}
        }
    }
    None
}

/// Words, quoted texts and single signs, without blanks and comments; each with its place.
struct Tokens<'a>(&'a str, usize);

impl<'a> Iterator for Tokens<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = &self.0[self.1..];
            let first = rest.chars().next()?;
            let at = self.1;
            let comment_end = if rest.starts_with("--") {
                Some(rest.find('\n').map_or(rest.len(), |end| end + 1))
            } else if rest.starts_with("/*") {
                Some(rest.find("*/").map_or(rest.len(), |end| end + 2))
            } else {
                first.is_whitespace().then_some(first.len_utf8())
            };
            if let Some(length) = comment_end {
                self.1 += length;
                continue;
            }
            let length = match first {
                '\'' | '"' | '`' => quoted_length(rest, first),
                '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
                _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                _ => first.len_utf8(),
            };
            self.1 += length;
            return Some((at, &rest[..length]));
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Up to the quote that is not doubled.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

fn unquoted(name: &str) -> String {
    for (open, close) in [('"', '"'), ('`', '`'), ('\'', '\''), ('[', ']')] {
        let inner = name
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close));
        if let Some(inner) = inner {
            return inner.replace(&format!("{close}{close}"), &close.to_string());
        }
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::expression;

    #[test]
    fn what_stands_behind_as_is_found() {
        let definition = "CREATE TABLE \"a (b\" (id INTEGER PRIMARY KEY, -- as (no)
            price NUMERIC(10, 2) DEFAULT (1 + 1) CHECK (price AS (1)),
            \"the \"\"sum\" INT GENERATED ALWAYS AS (price * (id + 1) || ', )') STORED,
            [as] INT as /* ( */ (\"the \"\"sum\"), CHECK (id > 0))";
        let find = |column| expression(definition, column);
        assert_eq!(
            find("the \"sum").as_deref(),
            Some("price * (id + 1) || ', )'")
        );
        assert_eq!(find("AS").as_deref(), Some("\"the \"\"sum\""));
        assert_eq!(find("id"), None);
        assert_eq!(find("nobody"), None);
        assert_eq!(expression("CREATE TABLE t (a AS (", "a"), None);
    }
}
