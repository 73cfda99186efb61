//! Parses what only the text of a CREATE TABLE contains: expressions of computed columns, CHECK constraints, collations, and names of
//! constraints.

use std::iter::Peekable;
use std::slice::Iter;

use selfsame::schema::Check;

/// The parts of a CREATE TABLE that only its text contains.
#[derive(Debug, Default)]
pub(super) struct Definition {
    pub(super) columns: Vec<ColumnDefinition>,
    pub(super) checks: Vec<Check>,
    /// The names of UNIQUE constraints, with their columns.
    pub(super) uniques: Vec<(String, Vec<String>)>,
    /// The names of foreign keys, with their columns.
    pub(super) foreign_keys: Vec<(String, Vec<String>)>,
}

/// A column of it.
#[derive(Debug, Default)]
pub(super) struct ColumnDefinition {
    name: String,
    pub(super) computed: Option<String>,
    pub(super) collation: Option<String>,
}

impl Definition {
    /// Reads the text of a CREATE TABLE.
    pub(super) fn of(text: &str) -> Self {
        let mut definition = Self::default();
        for item in items(text) {
            definition.add(text, &item);
        }
        definition
    }

    /// The constraints of a column.
    pub(super) fn column(&self, name: &str) -> Option<&ColumnDefinition> {
        let mut columns = self.columns.iter();
        columns.find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Adds a column or a constraint. The constraints of a table need not be separated by commas.
    fn add(&mut self, text: &str, item: &[Token<'_>]) {
        let Some(first) = item.first() else {
            return;
        };
        let begins = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];
        let own = !begins.iter().any(|word| first.is(word));
        let mut column = own.then(|| ColumnDefinition {
            name: unquoted(first.text),
            ..ColumnDefinition::default()
        });
        let mut words = item[usize::from(own)..].iter().peekable();
        let mut name: Option<String> = None;
        while let Some(token) = words.next() {
            if token.depth > 1 {
                continue;
            }
            if token.is("CONSTRAINT") {
                name = words.next().map(|token| unquoted(token.text));
            } else if token.is("CHECK") {
                let condition = group(text, &mut words).map(|(condition, _)| condition);
                let name = name.take();
                self.checks
                    .extend(condition.map(|condition| Check { name, condition }));
            } else if token.is("AS") {
                if let Some(column) = &mut column {
                    column.computed = group(text, &mut words).map(|(expression, _)| expression);
                }
            } else if token.is("COLLATE") {
                if let Some(column) = &mut column {
                    column.collation = words.next().map(|token| unquoted(token.text));
                }
            } else if token.is("UNIQUE") {
                let columns = match &column {
                    Some(column) => vec![column.name.clone()],
                    None => {
                        group(text, &mut words).map_or_else(Vec::new, |(_, inner)| names(&inner))
                    }
                };
                self.uniques.extend(name.take().map(|name| (name, columns)));
            } else if token.is("REFERENCES")
                && let Some(column) = &column
            {
                let columns = vec![column.name.clone()];
                self.foreign_keys
                    .extend(name.take().map(|name| (name, columns)));
            } else if token.is("FOREIGN") {
                let _key = words.next();
                let columns =
                    group(text, &mut words).map_or_else(Vec::new, |(_, inner)| names(&inner));
                self.foreign_keys
                    .extend(name.take().map(|name| (name, columns)));
            } else if ["PRIMARY", "NOT", "NULL", "DEFAULT", "GENERATED"]
                .iter()
                .any(|word| token.is(word))
            {
                name = None;
            }
        }
        self.columns.extend(column);
    }
}

/// The body of a constraint: the text in the parentheses after its keyword, and its tokens.
fn group<'t>(
    text: &str,
    words: &mut Peekable<Iter<'t, Token<'t>>>,
) -> Option<(String, Vec<&'t Token<'t>>)> {
    let open = words.next_if(|next| next.text == "(")?;
    let inner = std::iter::from_fn(|| words.next_if(|next| next.depth > open.depth)).collect();
    let end = words.next()?.at;
    Some((text[open.at + 1..end].trim().to_owned(), inner))
}

/// The columns in such a group.
fn names(tokens: &[&Token<'_>]) -> Vec<String> {
    let parts = tokens.split(|token| token.text == ",");
    parts
        .filter_map(|part| part.first().map(|name| unquoted(name.text)))
        .collect()
}

/// The name of the constraint over these columns.
pub(super) fn name_of(names: &[(String, Vec<String>)], columns: &[String]) -> Option<String> {
    let same = |others: &[String]| {
        others.len() == columns.len()
            && others
                .iter()
                .zip(columns)
                .all(|(a, b)| a.eq_ignore_ascii_case(b))
    };
    let found = names.iter().find(|(_, others)| same(others));
    found.map(|(name, _)| name.clone())
}

/// The parts between the commas in the outer parentheses of the definition.
fn items(text: &str) -> Vec<Vec<Token<'_>>> {
    let mut items: Vec<Vec<Token<'_>>> = Vec::new();
    let mut depth = 0_usize;
    for (at, word) in Tokens(text, 0) {
        if word == ")" {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                break;
            }
        }
        match word {
            "(" if depth == 0 => items.push(Vec::new()),
            "," if depth == 1 => items.push(Vec::new()),
            text => {
                if let Some(item) = items.last_mut() {
                    item.push(Token { at, text, depth });
                }
            }
        }
        if word == "(" {
            depth += 1;
        }
    }
    items
}

/// A word or a sign, with the number of parentheses around it.
struct Token<'t> {
    at: usize,
    text: &'t str,
    depth: usize,
}

impl Token<'_> {
    /// Whether it is this keyword, which a quoted name is not.
    fn is(&self, keyword: &str) -> bool {
        self.text.eq_ignore_ascii_case(keyword)
    }
}

/// Words, quoted texts and single signs, without blanks and comments, each with its place.
struct Tokens<'a>(&'a str, usize);

impl<'a> Iterator for Tokens<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = &self.0[self.1..];
            let first = rest.chars().next()?;
            let at = self.1;
            let comment_end = if rest.starts_with("--") {
                Some(rest.find('\n').map_or(rest.len(), |end| end + 1))
            } else if rest.starts_with("/*") {
                Some(rest.find("*/").map_or(rest.len(), |end| end + 2))
            } else {
                first.is_whitespace().then_some(first.len_utf8())
            };
            if let Some(length) = comment_end {
                self.1 += length;
                continue;
            }
            let length = match first {
                '\'' | '"' | '`' => quoted_length(rest, first),
                '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
                _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                _ => first.len_utf8(),
            };
            self.1 += length;
            return Some((at, &rest[..length]));
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// The length up to the first quote that is not doubled.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

fn unquoted(name: &str) -> String {
    for (open, close) in [('"', '"'), ('`', '`'), ('\'', '\''), ('[', ']')] {
        let inner = name
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close));
        if let Some(inner) = inner {
            return inner.replace(&format!("{close}{close}"), &close.to_string());
        }
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Definition, name_of};

    #[test]
    fn the_parts_of_a_definition_are_found() {
        let definition = Definition::of(
            "CREATE TABLE \"a (b\" (id INTEGER PRIMARY KEY, -- as (no)
            price NUMERIC(10, 2) DEFAULT (1 + 1) CHECK (price AS (1)),
            \"the \"\"sum\" INT GENERATED ALWAYS AS (price * (id + 1) || ', )') STORED,
            [as] INT as /* ( */ (\"the \"\"sum\"), \"check\" TEXT COLLATE \"NOCASE\" CONSTRAINT one UNIQUE,
            u INT CONSTRAINT \"to x\" REFERENCES x (id) ON DELETE SET NULL,
            CONSTRAINT two UNIQUE (price, \"check\" COLLATE NOCASE DESC) CHECK (id > 0)
            CONSTRAINT named CHECK ((u IN (1, ')'))), CONSTRAINT f FOREIGN KEY (u, price) REFERENCES y) STRICT",
        );
        let computed = |name: &str| definition.column(name)?.computed.as_deref();
        assert_eq!(computed("the \"sum"), Some("price * (id + 1) || ', )'"));
        assert_eq!(computed("AS"), Some("\"the \"\"sum\""));
        assert_eq!(computed("id"), None);
        assert_eq!(computed("nobody"), None);
        let collation = |name: &str| definition.column(name)?.collation.as_deref();
        assert_eq!(collation("check"), Some("NOCASE"));
        assert_eq!(collation("u"), None);
        let checks: Vec<(Option<&str>, &str)> = definition
            .checks
            .iter()
            .map(|check| (check.name.as_deref(), check.condition.as_str()))
            .collect();
        let named = (Some("named"), "(u IN (1, ')'))");
        assert_eq!(checks, [(None, "price AS (1)"), (None, "id > 0"), named]);
        let columns = |names: &[&str]| {
            names
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>()
        };
        let unique = |names: &[&str]| name_of(&definition.uniques, &columns(names));
        assert_eq!(unique(&["check"]).as_deref(), Some("one"));
        assert_eq!(unique(&["price", "check"]).as_deref(), Some("two"));
        assert_eq!(unique(&["u"]), None);
        let key = |names: &[&str]| name_of(&definition.foreign_keys, &columns(names));
        assert_eq!(key(&["u"]).as_deref(), Some("to x"));
        assert_eq!(key(&["u", "price"]).as_deref(), Some("f"));
        for broken in [
            "",
            "CREATE TABLE t (a AS (",
            "CREATE TABLE t (a CHECK",
            "CREATE TABLE t (CONSTRAINT",
        ] {
            assert!(Definition::of(broken).checks.is_empty(), "{broken}");
        }
    }
}
