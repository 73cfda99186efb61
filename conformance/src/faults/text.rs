//! Edits the text of a statement, except its quoted parts.

use selfsame::dialect::Dialect;

/// Returns the dialect's opening and closing quote of a name.
pub(super) fn quotes(dialect: &dyn Dialect) -> (char, char) {
    let mut quoted = String::new();
    dialect.quote("x", &mut quoted);
    let mut characters = quoted.chars();
    let open = characters.next().unwrap_or('"');
    (open, characters.next_back().unwrap_or(open))
}

/// Returns whether a statement has a condition on a pattern, with an operator or a function.
pub(super) fn has_like(text: &str) -> bool {
    [" LIKE ", " GLOB ", "_like("]
        .iter()
        .any(|word| !places(text, word).is_empty())
}

/// Returns the positions of `word` outside quotes.
pub(super) fn places(text: &str, word: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let mut quote: Option<char> = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            None if text[at..].starts_with(word) => places.push(at),
            None => {}
        }
    }
    places
}

/// Replaces a word everywhere outside quotes; `None` if it does not occur.
pub(super) fn replaced(text: &str, word: &str, by: &str) -> Option<String> {
    let places = places(text, word);
    if places.is_empty() {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for at in places {
        out.push_str(&text[done..at]);
        out.push_str(by);
        done = at + word.len();
    }
    out.push_str(&text[done..]);
    Some(out)
}

/// Returns the start and end of the text between a keyword and the next of the keywords that may follow it.
pub(super) fn clause(text: &str, keyword: &str, followers: &[&str]) -> Option<(usize, usize)> {
    let start = places(text, keyword).last()? + keyword.len();
    let end = followers
        .iter()
        .flat_map(|follower| places(text, follower))
        .filter(|&at| at >= start)
        .min()
        .unwrap_or(text.len());
    Some((start, end))
}

/// Changes the last clause with this keyword; `None` if there is no such clause or nothing to change.
pub(super) fn within(
    text: &str,
    keyword: &str,
    followers: &[&str],
    change: impl FnOnce(&str) -> Option<String>,
) -> Option<String> {
    let (start, end) = clause(text, keyword, followers)?;
    let changed = change(&text[start..end])?;
    Some(format!("{}{changed}{}", &text[..start], &text[end..]))
}

/// Changes the WHERE clause.
pub(super) fn in_where(text: &str, change: impl FnOnce(&str) -> Option<String>) -> Option<String> {
    let followers = [" GROUP BY ", " ORDER BY ", " LIMIT ", " RETURNING "];
    within(text, " WHERE ", &followers, change)
}

/// Rewrites each call of a function, given its arguments; `None` if there is no call. Calls over a window are not changed.
pub(super) fn calls(
    text: &str,
    name: &str,
    change: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut done, mut changed) = (0, false);
    for at in places(text, name) {
        let open = at + name.len();
        let Some(length) = closing(&text[open..]).filter(|_| at >= done) else {
            continue;
        };
        let is_whole_word = !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if !is_whole_word || text[open + length..].starts_with(") OVER") {
            continue;
        }
        if let Some(new) = change(&text[open..open + length]) {
            out.push_str(&text[done..at]);
            out.push_str(&new);
            done = open + length + 1;
            changed = true;
        }
    }
    out.push_str(&text[done..]);
    changed.then_some(out)
}

/// Returns the position of the closing parenthesis for one opened before this text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote: Option<char> = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(mark), c) if c == mark => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') if depth == 0 => return Some(at),
            (None, ')') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

/// Makes the condition of a clause true, but keeps its parameters.
pub(super) fn always_true(text: &str, keyword: &str, followers: &[&str]) -> Option<String> {
    let (start, end) = clause(text, keyword, followers)?;
    Some(format!(
        "{}({}) OR 1 = 1{}",
        &text[..start],
        &text[start..end],
        &text[end..]
    ))
}

/// Splits a CREATE TABLE into the text before its definitions, the definitions, and the text after.
pub(super) fn definitions(text: &str) -> Option<(&str, Vec<&str>, &str)> {
    if !text.starts_with("CREATE TABLE") {
        return None;
    }
    let open = *places(text, "(").first()?;
    let mut depth = 0;
    let mut parts = Vec::new();
    let mut begun = open + 1;
    let mut quote: Option<char> = None;
    for (at, c) in text.char_indices().skip_while(|(at, _)| *at < open) {
        match (quote, c) {
            (Some(mark), c) if c == mark => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ',') if depth == 1 => {
                parts.push(text[begun..at].trim());
                begun = at + 1;
            }
            (None, ')') => {
                depth -= 1;
                if depth == 0 {
                    parts.push(text[begun..at].trim());
                    return Some((&text[..=open], parts, &text[at..]));
                }
            }
            (None, _) => {}
        }
    }
    None
}

/// Removes the definitions with this keyword from a CREATE TABLE; `None` if there are none.
pub(super) fn without_definitions(text: &str, keyword: &str) -> Option<String> {
    without_definitions_after(text, keyword, 0)
}

/// Keeps at most this many definitions with this keyword in a CREATE TABLE; `None` if there are no more.
pub(super) fn without_definitions_after(text: &str, keyword: &str, most: usize) -> Option<String> {
    let (before, parts, after) = definitions(text)?;
    let mut seen = 0;
    let kept: Vec<&str> = parts
        .iter()
        .copied()
        .filter(|part| {
            let holds = !places(part, keyword).is_empty();
            seen += usize::from(holds);
            !holds || seen <= most
        })
        .collect();
    (kept.len() < parts.len()).then(|| format!("{before}{}{after}", kept.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_parts_stay() {
        assert_eq!(
            replaced(
                "SELECT \" DISTINCT \", ' DISTINCT ' DISTINCT ",
                " DISTINCT ",
                " "
            ),
            Some("SELECT \" DISTINCT \", ' DISTINCT ' ".to_owned())
        );
        assert_eq!(replaced("SELECT 1", "DISTINCT", ""), None);
    }

    #[test]
    fn a_condition_keeps_its_parameters() {
        assert_eq!(
            always_true(
                "UPDATE t SET a = ? WHERE b = ? RETURNING a",
                " WHERE ",
                &[" RETURNING "]
            )
            .as_deref(),
            Some("UPDATE t SET a = ? WHERE (b = ?) OR 1 = 1 RETURNING a")
        );
    }

    #[test]
    fn definitions_are_taken_out_whole() {
        assert_eq!(
            without_definitions(
                "CREATE TABLE \"a,(b\" (\"x\" NUMERIC(3, 2), CONSTRAINT \"c\" CHECK (x IN (1, 2)), y INT)",
                "CHECK"
            )
            .as_deref(),
            Some("CREATE TABLE \"a,(b\" (\"x\" NUMERIC(3, 2), y INT)")
        );
    }
}
