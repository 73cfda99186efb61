//! Detects statements that end their transaction.

use selfsame::backend::{Sql, StatementKind};

/// Returns whether a statement is of a kind that may end its transaction.
pub(crate) fn may_commit(sql: &Sql) -> bool {
    match sql.kind() {
        StatementKind::Ddl => true,
        StatementKind::Raw => {
            let mut words = words(sql.text());
            let first = words.next().unwrap_or_default();
            match first.as_str() {
                "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "WITH" | "VALUES"
                | "SHOW" | "EXPLAIN" => false,
                // They only change savepoints, and the mark is one.
                "SAVEPOINT" | "RELEASE" => false,
                "ROLLBACK" => !words.take(2).any(|word| word == "TO"),
                _ => true,
            }
        }
        _ => false,
    }
}

/// Returns whether a statement commits its transaction.
pub(crate) fn commits(text: &str) -> bool {
    let mut words = words(text);
    let first = words.next().unwrap_or_default();
    let mut second = words.next().unwrap_or_default();
    match first.as_str() {
        "CREATE" | "DROP" => {
            if second == "OR" {
                second = words.nth(1).unwrap_or_default();
            }
            second != "TEMPORARY"
        }
        // `BEGIN NOT ATOMIC` starts a block of statements, each of which is checked by itself.
        "BEGIN" => second != "NOT",
        // The other forms explain a statement, or set a variable.
        "ANALYZE" => matches!(second.as_str(), "TABLE" | "LOCAL" | "NO_WRITE_TO_BINLOG"),
        "SET" => second == "PASSWORD",
        "ALTER" | "TRUNCATE" | "RENAME" | "GRANT" | "REVOKE" | "LOCK" | "UNLOCK" | "OPTIMIZE"
        | "REPAIR" | "CHECK" | "CACHE" | "FLUSH" | "RESET" | "START" | "INSTALL" | "UNINSTALL" => {
            true
        }
        _ => false,
    }
}

/// Returns the words of a statement in upper case. Executable comments, which only some servers run, do not start with a
/// word.
fn words(text: &str) -> impl Iterator<Item = String> {
    without_comments(text)
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_uppercase)
}

/// Returns a statement without leading white space and comments.
fn without_comments(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        let end = if text.starts_with("/*!") || text.starts_with("/*M!") {
            return "";
        } else if let Some(comment) = text.strip_prefix("/*") {
            comment.find("*/").map(|at| at + 4)
        } else if text.starts_with('#') || text.starts_with("--") {
            text.find('\n')
        } else {
            return text;
        };
        text = end.and_then(|end| text.get(end..)).unwrap_or_default();
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
            "/* a /* b */ DROP TABLE t",
            "/*/ DROP */ DROP TABLE t",
            "/* /* */ DROP TABLE t -- */ SELECT",
            "CREATE OR REPLACE TABLE t (a INT COMMENT 'replace temporary')",
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
            "/* select the rows */ /*!50000 CREATE TABLE u AS */ select * from t",
            "CREATE OR REPLACE\nTEMPORARY TABLE t (id INT)",
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
