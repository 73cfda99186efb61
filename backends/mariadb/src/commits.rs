//! Detects statements that end their transaction.

use selfsame::backend::{Sql, StatementKind, ends_transaction, leading_words};

/// Returns whether a statement is of a kind that may end its transaction.
pub(crate) fn may_commit(sql: &Sql) -> bool {
    match sql.kind() {
        StatementKind::Ddl => true,
        StatementKind::Raw => match words(sql.text())[0].as_str() {
            "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "WITH" | "VALUES" | "SHOW"
            | "EXPLAIN" => false,
            // They move among savepoints, of which the mark is one.
            "SAVEPOINT" | "RELEASE" => false,
            "ROLLBACK" => ends_transaction(sql.text()),
            _ => true,
        },
        _ => false,
    }
}

/// Returns whether a statement commits its transaction.
pub(crate) fn commits(text: &str) -> bool {
    let [first, second, third] = &words(text);
    match first.as_str() {
        "CREATE" | "DROP" => {
            second != "TEMPORARY"
                && !(third == "REPLACE" && text.to_ascii_uppercase().contains("REPLACE TEMPORARY"))
        }
        // A block of statements, each of which is judged by itself.
        "BEGIN" => second != "NOT",
        // Otherwise they explain a statement, or set a variable.
        "ANALYZE" => matches!(second.as_str(), "TABLE" | "LOCAL" | "NO_WRITE_TO_BINLOG"),
        "SET" => second == "PASSWORD",
        "ALTER" | "TRUNCATE" | "RENAME" | "GRANT" | "REVOKE" | "LOCK" | "UNLOCK" | "OPTIMIZE"
        | "REPAIR" | "CHECK" | "CACHE" | "FLUSH" | "RESET" | "START" | "INSTALL" | "UNINSTALL" => {
            true
        }
        _ => false,
    }
}

/// Returns the first words of a statement in upper case; none of one that begins with an executable comment, which only some servers run.
fn words(text: &str) -> [String; 3] {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    let words = leading_words(text);
    let before = text.split_once(words[0]).map_or(text, |(before, _)| before);
    match before.contains("/*!") || before.contains("/*M!") {
        true => Default::default(),
        false => words.map(str::to_ascii_uppercase),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(text: &str) -> Sql {
        Sql::new(StatementKind::Raw, text, [], [])
    }

    #[test]
    fn what_commits_is_known() {
        for text in [
            "create table t (id int)",
            "CREATE OR REPLACE TABLE t (id INT)",
            "  ALTER TABLE t ADD b INT",
            "DROP TABLE t",
            "truncate t",
            "/* SELECT */ DROP TABLE t",
            "-- SELECT\n# SELECT\nDROP TABLE t",
            "ANALYZE TABLE t",
        ] {
            assert!(commits(text) && may_commit(&sql(text)), "{text}");
        }
        for text in [
            "CREATE TEMPORARY TABLE t (id INT)",
            "CREATE OR REPLACE TEMPORARY TABLE t (id INT)",
            "DROP TEMPORARY TABLE t",
            "SET @a = 1",
            "CALL p()",
            "COMMIT",
            "ROLLBACK",
            "/*! SELECT */",
            "/* SELECT */ COMMIT",
            "BEGIN NOT ATOMIC SELECT 1; END",
        ] {
            assert!(!commits(text) && may_commit(&sql(text)), "{text}");
        }
        for text in [
            "(SELECT 1)",
            "/* a */ SELECT 1",
            "ROLLBACK WORK TO SAVEPOINT a",
            "SAVEPOINT a",
        ] {
            assert!(!may_commit(&sql(text)), "{text}");
        }
    }
}
