//! Names built at compile time, and column names in SQL expressions.

/// A text built at compile time.
pub(super) struct Text {
    bytes: [u8; 512],
    length: usize,
}

impl Text {
    pub(super) const fn new() -> Self {
        Self {
            bytes: [0; 512],
            length: 0,
        }
    }

    pub(super) const fn push(&mut self, text: &str) {
        let text = text.as_bytes();
        assert!(
            self.length + text.len() <= self.bytes.len(),
            "the names of embedded columns are too long"
        );
        let mut at = 0;
        while at < text.len() {
            self.bytes[self.length] = text[at];
            self.length += 1;
            at += 1;
        }
    }

    pub(super) const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            Err(_) => panic!("it consists of whole texts"),
        }
    }

    /// FNV-1a.
    pub(super) const fn hash(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325;
        let mut at = 0;
        while at < self.length {
            hash = (hash ^ self.bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
        hash
    }

    pub(super) const fn is(&self, other: &Self) -> bool {
        if self.length != other.length {
            return false;
        }
        let mut at = 0;
        while at < self.length {
            if self.bytes[at] != other.bytes[at] {
                return false;
            }
            at += 1;
        }
        true
    }
}

/// Adds a prefix to each column name in an SQL expression.
///
/// Names are bare or in double quotes; text in single quotes is a literal, and a name before a parenthesis is a function.
pub(super) fn with_prefix(expression: &str, columns: &[String], prefix: &str) -> String {
    if prefix.is_empty() {
        return expression.to_owned();
    }
    let mut out = String::with_capacity(expression.len() + prefix.len());
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let (token, kind) = token(rest, first);
        let after = &rest[token.len()..];
        let name = token.trim_matches('"');
        let is_column = match kind {
            Token::Quoted => true,
            Token::Word => !after.trim_start().starts_with('('),
            Token::Other => false,
        };
        if is_column && columns.iter().any(|column| column == name) {
            out.push_str(&token.replacen(name, &format!("{prefix}{name}"), 1));
        } else {
            out.push_str(token);
        }
        rest = after;
    }
    out
}

enum Token {
    Word,
    /// A name in double quotes.
    Quoted,
    Other,
}

/// The first token of a text that is not empty and begins with `first`.
fn token(text: &str, first: char) -> (&str, Token) {
    if first == '\'' || first == '"' {
        let body = &text[1..];
        let length = body.find(first).map_or(text.len(), |at| at + 2);
        let kind = if first == '"' {
            Token::Quoted
        } else {
            Token::Other
        };
        return (&text[..length], kind);
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    if !is_part(first) {
        return (&text[..first.len_utf8()], Token::Other);
    }
    let length = text.find(|c| !is_part(c)).unwrap_or(text.len());
    (&text[..length], Token::Word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expression: &str, wanted: &str) {
        let columns = ["zip", "length", "a b"].map(str::to_owned);
        assert_eq!(with_prefix(expression, &columns, "home_"), wanted);
    }

    #[test]
    fn only_columns_get_the_prefix() {
        check("zip <> ''", "home_zip <> ''");
        check("length(zip) > length", "length(home_zip) > home_length");
        check("zip = 'zip ''zip'", "home_zip = 'zip ''zip'");
        check(
            "\"a b\" = zipper OR \"zip\"='x",
            "\"home_a b\" = zipper OR \"home_zip\"='x",
        );
        check("é=zip", "é=home_zip");
    }

    #[test]
    fn a_text_in_a_constant() {
        const TEXT: &str = {
            const TEXT: Text = {
                let mut text = Text::new();
                text.push("é");
                text.push("b");
                text
            };
            TEXT.as_str()
        };
        assert_eq!(TEXT, "éb");
    }
}
