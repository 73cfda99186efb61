//! Rust names for the names of tables and columns.

use std::collections::HashSet;

use heck::{ToSnakeCase, ToUpperCamelCase};
use unicode_ident::{is_xid_continue, is_xid_start};

/// The names used in one scope. A field and its constant in capitals count as one.
#[derive(Debug, Default)]
pub(super) struct Taken(HashSet<String>);

impl Taken {
    /// Creates a scope in which these names are used.
    pub(super) fn new(names: &[&str]) -> Self {
        Self(names.iter().map(|name| name.to_uppercase()).collect())
    }

    /// Returns the first free candidate, or the last one with a number appended.
    pub(super) fn take(&mut self, candidates: &[String]) -> String {
        let last = candidates.last().map_or("unnamed", String::as_str);
        let numbered = (2..).map(|number| {
            let gap = if last.ends_with(|c: char| c.is_ascii_digit()) {
                "_"
            } else {
                ""
            };
            format!("{last}{gap}{number}")
        });
        candidates
            .iter()
            .cloned()
            .chain(numbered)
            .find(|name| self.0.insert(name.to_uppercase()))
            .unwrap_or_default()
    }
}

/// Names of types that a generated module uses, or that would hide names of the prelude.
pub(super) const TYPES: &[&str] = &[
    "Auto",
    "BelongsTo",
    "Box",
    "Clone",
    "Date",
    "DbEnum",
    "Debug",
    "Decimal",
    "Deferred",
    "Echo",
    "Embedded",
    "Engine",
    "Entity",
    "Err",
    "Error",
    "ErrorKind",
    "From",
    "FromRow",
    "Handle",
    "HasMany",
    "HasOne",
    "Hook",
    "Into",
    "Iterator",
    "ManyToMany",
    "Metadata",
    "None",
    "Ok",
    "Option",
    "Result",
    "RowLock",
    "Self",
    "Session",
    "SessionFactory",
    "Some",
    "State",
    "String",
    "Time",
    "Timestamp",
    "TimestampTz",
    "ToString",
    "TransactionOptions",
    "Vec",
];

/// Keywords that cannot be raw identifiers.
const NEVER_RAW: &[&str] = &["crate", "self", "super"];

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// The field of a column, without the `r#` that a keyword needs.
pub(super) fn field(column: &str) -> String {
    writable(identifier(&column.to_snake_case(), "column_"))
}

/// Returns a name that Rust accepts, as a raw identifier if necessary.
pub(super) fn writable(name: String) -> String {
    if NEVER_RAW.contains(&name.as_str()) {
        return format!("{name}_");
    }
    name
}

/// Whether this name is a keyword of Rust.
pub(crate) fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

/// Returns a field's name as source text: a raw identifier if it is a keyword.
pub(super) fn written(field: &str) -> String {
    if KEYWORDS.contains(&field) {
        return format!("r#{field}");
    }
    field.to_owned()
}

/// Returns the entity of a table: its name in the singular.
pub(super) fn entity(table: &str) -> String {
    identifier(&one(table).to_upper_camel_case(), "Table")
}

/// Returns the name of one row of a table, in snake case.
pub(super) fn one(table: &str) -> String {
    let name = identifier(&table.to_snake_case(), "table_");
    writable(by_last_word(&name, singular))
}

/// The variant of an enum's label.
pub(super) fn variant(label: &str) -> String {
    if label.trim().is_empty() {
        return "Blank".to_owned();
    }
    let name = identifier(&label.to_upper_camel_case(), "Value");
    if name == "Self" {
        return "Self_".to_owned();
    }
    name
}

/// Returns the name of many rows of a table, in snake case.
pub(super) fn many(table: &str) -> String {
    by_last_word(one(table).trim_end_matches('_'), plural)
}

/// Converts a name to an identifier; `before` is prepended if the name could not begin one.
fn identifier(name: &str, before: &str) -> String {
    let name: String = name.chars().filter(|&c| is_xid_continue(c)).collect();
    match name.chars().next() {
        None => before.trim_end_matches('_').to_owned(),
        Some(first) if is_xid_start(first) => name,
        Some(_) => format!("{before}{name}"),
    }
}

fn by_last_word(name: &str, change: fn(&str) -> String) -> String {
    match name.rsplit_once('_') {
        Some((first, last)) => format!("{first}_{}", change(last)),
        None => change(name),
    }
}

/// Words whose singular and plural are the same.
const UNCOUNTED: &[&str] = &["series", "species", "news"];

/// Forms the English plural or singular by a few endings; an unusual result is still a valid name.
fn singular(word: &str) -> String {
    if UNCOUNTED.contains(&word) {
        return word.to_owned();
    }
    if let Some(stem) = word
        .strip_suffix("ies")
        .filter(|stem| ["mov", "cook"].contains(stem))
    {
        return format!("{stem}ie");
    }
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 1) {
        return format!("{stem}y");
    }
    let doubled = ["sses", "shes", "ches", "xes", "zes", "tuses"];
    if doubled.iter().any(|ending| word.ends_with(ending)) {
        return word[..word.len() - 2].to_owned();
    }
    let is_singular = ["ss", "us", "is"]
        .iter()
        .any(|ending| word.ends_with(ending));
    match word.strip_suffix('s') {
        Some(stem) if !is_singular && stem.len() > 1 => stem.to_owned(),
        _ => word.to_owned(),
    }
}

fn plural(word: &str) -> String {
    let hisses = ["s", "x", "z", "ch", "sh"]
        .iter()
        .any(|ending| word.ends_with(ending));
    match word.strip_suffix('y') {
        _ if UNCOUNTED.contains(&word) => word.to_owned(),
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if hisses => format!("{word}es"),
        _ => format!("{word}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_identifiers() {
        for (column, name) in [
            ("id", "id"),
            ("ReportsTo", "reports_to"),
            ("the name", "the_name"),
            ("type", "r#type"),
            ("self", "self_"),
            ("1st", "column_1st"),
            ("größe in m", "größe_in_m"),
            ("日本語", "日本語"),
            ("t; DROP TABLE x", "t_drop_table_x"),
            ("m²", "m"),
            ("***", "column"),
            ("_", "column"),
        ] {
            assert_eq!(written(&field(column)), name, "{column}");
        }
    }

    #[test]
    fn entities_are_singular() {
        for (table, name, collection) in [
            ("users", "User", "users"),
            ("Album", "Album", "albums"),
            ("order_addresses", "OrderAddress", "order_addresses"),
            ("categories", "Category", "categories"),
            ("boxes", "Box", "boxes"),
            ("movies", "Movie", "movies"),
            ("status", "Status", "statuses"),
            ("series", "Series", "series"),
            ("PlaylistTrack", "PlaylistTrack", "playlist_tracks"),
            ("2nd", "Table2nd", "table_2nds"),
            ("%", "Table", "tables"),
        ] {
            assert_eq!(entity(table), name, "{table}");
            assert_eq!(many(table), collection, "{table}");
        }
    }

    #[test]
    fn names_are_taken_once() {
        let mut taken = Taken::new(&["Option"]);
        let mut take = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            taken.take(&names)
        };
        assert_eq!(take(&["a"]), "a");
        assert_eq!(take(&["a", "b"]), "b");
        assert_eq!(take(&["A", "b"]), "b2");
        assert_eq!(take(&["Option", "OptionRow"]), "OptionRow");
        assert_eq!(take(&["x1"]), "x1");
        assert_eq!(take(&["x1"]), "x1_2");
    }
}
