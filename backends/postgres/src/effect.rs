//! Detects the effect of raw SQL on the transaction around it. A text contains one statement, so its first words
//! determine the effect.

use selfsame::backend::{ends_transaction, leading_words};

/// The effect of a statement on the transaction around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    /// Commits it, rolls it back, or hands it over to others.
    Ends,
    /// Rolls back to a savepoint, after which a failed transaction continues.
    RollsBackToSavepoint,
}

/// Returns the effect of a statement.
pub(crate) fn effect(text: &str) -> Effect {
    if ends_transaction(text) {
        return Effect::Ends;
    }
    let [first, ..] = leading_words(text);
    match first.eq_ignore_ascii_case("rollback") {
        true => Effect::RollsBackToSavepoint,
        false => Effect::None,
    }
}

/// Returns whether a statement may change which tables names refer to.
pub(crate) fn alters(text: &str) -> bool {
    let [first, second, third] = leading_words(text);
    let is_one_of =
        |word: &str, words: &[&str]| words.iter().any(|it| word.eq_ignore_ascii_case(it));
    // The path may contain `"$user"`, which depends on the role.
    let sets_path = || {
        is_one_of(first, &["set"])
            && [second, third]
                .iter()
                .any(|word| is_one_of(word, &["schema", "role", "authorization"]))
    };
    let contains = |part: &str| text.to_ascii_lowercase().contains(part);
    let does_anything = &[
        "alter", "create", "drop", "do", "call", "reset", "discard", "import",
    ];
    is_one_of(first, does_anything)
        || sets_path()
        || contains("search_path")
        || is_one_of(first, &["select"]) && contains("into")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_altered_by_their_statements() {
        for text in [
            "ALTER TABLE t",
            "create temp table t",
            "/* a */ Drop VIEW v",
            "SET LOCAL search_path = a",
            "set search_path to a",
            "SELECT set_config('search_path', $1, true)",
            "SET LOCAL ROLE a",
            "SET SESSION AUTHORIZATION a",
            "RESET ALL",
            "DO $$BEGIN ALTER TABLE t ADD a int; END$$",
            "CALL f()",
            "SELECT 1 AS a INTO TEMP t",
            "DISCARD TEMP",
        ] {
            assert!(alters(text), "{text}");
        }
        for text in [
            "SELECT alter",
            "SET lock_timeout = 1",
            "UPDATE path SET a = 1",
            "INSERT INTO t SELECT 1",
            "",
        ] {
            assert!(!alters(text), "{text}");
        }
    }

    #[test]
    fn the_first_words_tell() {
        for text in [
            "COMMIT",
            "commit and chain",
            "End",
            "ABORT WORK",
            "ROLLBACK",
            "rollback work and no chain;",
            "; COMMIT",
            " \n-- SELECT\n/* a /* b */ ü */COMMIT/**/",
            "PREPARE/**/TRANSACTION 'x'",
        ] {
            assert_eq!(effect(text), Effect::Ends, "{text}");
        }
        for text in [
            "ROLLBACK TO a",
            "rollback work to savepoint a",
            "ROLLBACK/*x*/TRANSACTION--y\nTO a",
        ] {
            assert_eq!(effect(text), Effect::RollsBackToSavepoint, "{text}");
        }
        for text in [
            "",
            "SELECT 1",
            "-- COMMIT",
            "/* COMMIT */ SELECT 1",
            "\"commit\"",
            "commit_all()",
            "PREPARE commit AS SELECT 1",
            "PREPARE transaction AS SELECT 1",
            "PREPARE transaction(int) AS SELECT $1",
            "RELEASE a",
            "WITH commit AS (SELECT 1) SELECT 1",
        ] {
            assert_eq!(effect(text), Effect::None, "{text}");
        }
    }
}
