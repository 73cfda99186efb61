//! LIKE that distinguishes case, as a function of its own: `PRAGMA case_sensitive_like` would also change what the CHECKs, triggers,
//! views and partial indexes of the file mean.

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;

/// Adds `selfsame_like(text, pattern, escape)` to a connection. The result is NULL if an argument is.
pub(crate) fn add(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function(c"selfsame_like", 3, flags, call)
}

fn call(context: &Context<'_>) -> rusqlite::Result<Option<bool>> {
    // Bytes that are not UTF-8, from a cast BLOB, match like the replacement character.
    let text = |index| match context.get_raw(index) {
        ValueRef::Null => Ok(None),
        value => value
            .as_bytes()
            .map(|bytes| Some(String::from_utf8_lossy(bytes))),
    };
    let (Some(subject), Some(pattern), Some(escape)) = (text(0)?, text(1)?, text(2)?) else {
        return Ok(None);
    };
    Ok(Some(matches(&subject, &pattern, escape.chars().next())))
}

/// Whether a text matches a pattern: `%` stands for any text, `_` for any character, and the escape character makes the next one literal.
/// Like SQLite's own LIKE, nothing matches a pattern that ends with the escape character.
fn matches(text: &str, pattern: &str, escape: Option<char>) -> bool {
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    // Where to continue if the text after the last `%` does not match: with the pattern after it, one character later in the text.
    let mut retry = None;
    loop {
        let mut rest = pattern.clone();
        let is_matched = match rest.next() {
            Some('%') if escape != Some('%') => {
                pattern = rest;
                retry = Some((text.clone(), pattern.clone()));
                continue;
            }
            Some(c) if Some(c) == escape => rest.next().is_some_and(|c| text.next() == Some(c)),
            Some('_') => text.next().is_some(),
            Some(c) => text.next() == Some(c),
            None if text.as_str().is_empty() => return true,
            None => false,
        };
        if is_matched {
            pattern = rest;
            continue;
        }
        let Some((later, after)) = &mut retry else {
            return false;
        };
        if later.next().is_none() {
            return false;
        }
        text = later.clone();
        pattern = after.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_by_case_and_to_the_end() {
        for (text, pattern, expected) in [
            ("", "", true),
            ("", "%", true),
            ("", "_", false),
            ("Abc", "abc", false),
            ("Abc", "A%", true),
            ("abc", "%c", true),
            ("abc", "%b", false),
            ("abcabd", "%ab_", true),
            ("aXbXc", "a%X_", true),
            ("mississippi", "m%iss%ip%i", true),
            ("mississippi", "m%iss%iss%iss%", false),
            ("é𝄞", "__", true),
            ("a\0b", "a_b", true),
            ("50%", "50\\%", true),
            ("500", "50\\%", false),
            ("a_", "%\\_", true),
            ("ab", "%\\_", false),
            ("\\", "\\\\", true),
            ("\\", "\\", false),
            ("a", "%%%", true),
        ] {
            assert_eq!(
                matches(text, pattern, Some('\\')),
                expected,
                "{text:?} LIKE {pattern:?}"
            );
        }
    }
}
