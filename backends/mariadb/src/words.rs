//! The words of the server's messages: any other word that is not in the statement may be a value.

#[rustfmt::skip]
pub(crate) const WORDS: &[&str] = &[
    "a", "access", "aborted", "after", "all", "allowed", "already", "ambiguous", "an", "and", "any", "application",
    "argument", "arguments", "arises", "as", "at", "available", "base", "be", "because", "been", "before", "block", "by",
    "called", "can", "cannot", "changed", "changes", "check", "clause", "collation", "collations", "column", "columns",
    "combination", "command", "commit", "concurrent", "conflict", "connection", "connections", "consider", "constraint",
    "contains", "context", "corresponds", "could", "count", "create", "current", "cursor", "data", "database", "deadlock",
    "default", "defined", "definition", "delete", "denied", "deny", "derived", "different", "does", "doesn", "don", "drop",
    "due", "duplicate", "during", "empty", "end", "engine", "error", "errors", "every", "exceeded", "execute", "execution",
    "exist", "exists", "expected", "expression", "failed", "failure", "field", "fields", "file", "find", "for", "foreign",
    "found", "from", "full", "function", "generated", "given", "global", "got", "group", "has", "have", "identifier",
    "illegal", "implicit", "in", "incorrect", "index", "insert", "inside", "interrupted", "into", "invalid", "is", "it",
    "its", "key", "keys", "killed", "know", "large", "last", "length", "level", "limit", "list", "lock", "locked", "long",
    "lost", "manual", "many", "mariadb", "match", "max", "maximum", "memory", "missing", "mix", "mode", "more", "multiple",
    "must", "name", "near", "needs", "no", "node", "non", "not", "null", "number", "object", "of", "on", "one", "only",
    "operation", "option", "or", "order", "other", "out", "packet", "parameter", "parameters", "parent", "part", "prepared",
    "primary", "privilege", "procedure", "query", "range", "read", "record", "records", "recursive", "reference",
    "referenced", "references", "required", "reserved", "restart", "result", "returned", "right", "rollback", "row", "rows",
    "running", "same", "savepoint", "select", "server", "session", "set", "should", "shutdown", "since", "size", "snapshot",
    "some", "sort", "source", "space", "specified", "sql", "standard", "statement", "statements", "still", "storage",
    "string", "such", "supported", "syntax", "t", "table", "tables", "target", "temporary", "than", "that", "the", "there",
    "this", "time", "timeout", "to", "too", "transaction", "trigger", "truncated", "try", "trying", "type", "types",
    "unable", "undo", "unique", "unknown", "unsupported", "update", "use", "used", "user", "using", "valid", "value",
    "values", "variable", "version", "view", "wait", "was", "when", "where", "which", "while", "with", "without", "wrong",
    "wsrep", "yet", "you", "your",
];
