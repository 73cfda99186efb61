//! Whether statements can change the state of their connection.

/// Whether a statement can change a setting, attach a database or create a temporary object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// No.
    None,
    /// Possibly: it contains a keyword that this requires, or a name that looks like one.
    Possible,
    /// Yes: it starts with such a keyword.
    Certain,
}

/// Returns whether a statement can change such state, by its words.
pub(crate) fn session_change(text: &str) -> Change {
    const WORDS: [&str; 6] = [
        "pragma",
        "attach",
        "detach",
        "temp",
        "temporary",
        "load_extension",
    ];
    let is_known = |word: &str| WORDS.iter().any(|known| word.eq_ignore_ascii_case(known));
    let mut words = text
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty());
    match words.next() {
        Some(first) if is_known(first) => Change::Certain,
        _ if words.any(is_known) => Change::Possible,
        _ => Change::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_found() {
        for text in [
            "PRAGMA foreign_keys=OFF",
            "/*x*/pragma/**/query_only(1)",
            "attach 'x' AS y",
            "DETACH y",
            "CREATE TEMP TABLE t (a)",
            "CREATE Temporary VIEW v AS SELECT 1",
            "CREATE TABLE [temp].t (a)",
            "CREATE TABLE temp.t (a)",
        ] {
            assert_ne!(session_change(text), Change::None, "{text}");
        }
        for text in [
            "SELECT temperature FROM attachments",
            "INSERT INTO t VALUES (?1)",
            "",
        ] {
            assert_eq!(session_change(text), Change::None, "{text}");
        }
    }

    #[test]
    fn settings_are_certain() {
        for text in ["PRAGMA foreign_keys=OFF", " attach 'x' AS y", ";DETACH y"] {
            assert_eq!(session_change(text), Change::Certain, "{text}");
        }
        assert_eq!(session_change("SELECT temp FROM t"), Change::Possible);
    }
}
