//! What a statement can leave on its connection.

/// Whether a statement can change a setting, attach a database or make a temporary object: nothing of that goes without one of
/// these words. Where a word is only a name the answer is a needless yes.
pub(crate) fn changes_session(text: &str) -> bool {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .any(|word| {
            [
                "pragma",
                "attach",
                "detach",
                "temp",
                "temporary",
                "load_extension",
            ]
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known))
        })
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
            assert!(changes_session(text), "{text}");
        }
        for text in [
            "SELECT temperature FROM attachments",
            "INSERT INTO t VALUES (?1)",
            "",
        ] {
            assert!(!changes_session(text), "{text}");
        }
    }
}
