//! The vocabulary of SQLite's run-time messages: any other word may be a value.

/// In lower case. A word that is missing here is removed from messages.
#[rustfmt::skip]
pub(crate) const WORDS: &[&str] = &[
    "a", "abort", "aborted", "active", "allowed", "already", "an", "and", "another", "application", "argument",
    "arguments", "array", "at", "attach", "attached", "attempt", "authorization", "authorized", "available", "bad",
    "be", "because", "big", "binary", "blob", "busy", "by", "cannot", "changed", "character", "collation", "column",
    "columns", "commit", "complex", "conflict", "connection", "constraint", "context", "corrupt", "corruption", "create",
    "data", "database", "datatype", "deep", "deeply", "denied", "depth", "detach", "directory", "disabled", "disk", "does",
    "element", "end", "error", "escape", "even", "exceeded", "exist", "exists", "expression", "failed", "file", "first",
    "flags", "foreign", "format", "found", "frame", "full", "function", "functions", "generated", "has", "have", "hold", "i", "image",
    "in", "index", "input", "integer", "internal", "interrupted", "into", "invalid", "io", "is", "it", "json", "key",
    "kind", "labels", "large", "library", "like", "limit", "local", "locked", "logic", "malformed", "many", "match", "maximum",
    "memory", "method", "mismatch", "missing", "module", "moved", "must", "name", "near", "needs", "negative", "nested", "no",
    "non", "not", "nth", "number", "o", "object", "odd", "of", "offset", "on", "only", "open", "operation", "or", "out", "overflow",
    "page", "parameter", "parse", "parser", "path", "pattern", "permission", "phrase", "positive", "progress", "protocol",
    "query", "range", "read", "readonly", "recursion", "recursive", "released", "required", "requires", "requested", "result",
    "rollback", "row", "rowid", "rows", "savepoint", "schema", "second", "sequence", "should", "single", "size", "special",
    "sql", "stack", "start", "starting", "ending", "statement", "statements", "store", "string", "such", "syntax", "table",
    "text", "than", "the", "third", "time", "to", "token", "tokenizer", "too", "transaction", "tree", "trigger",
    "triggers", "type", "unable", "unavailable", "unicode", "unknown", "unrecognized", "unterminated", "use", "used",
    "user", "value", "values", "view", "virtual", "wildcards", "while", "with", "within", "without", "write", "wrong",
];
