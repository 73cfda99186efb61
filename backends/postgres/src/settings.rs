//! Settings for every statement: those of the session, and the schema.

use std::fmt::Write as _;
use std::time::Duration;

use selfsame::error::{Error, ErrorKind, Result};

/// Settings by name; later ones override earlier ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    values: Vec<(String, String)>,
    /// The required result of `current_schema()`.
    schema: Option<String>,
}

impl Settings {
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.retain(|(known, _)| known != name);
        self.values.push((name.to_owned(), value.into()));
        if name == "search_path" {
            self.schema = None;
        }
    }

    /// Makes a schema the whole search path.
    pub(crate) fn set_schema(&mut self, schema: &str) {
        self.set("search_path", identifier(schema));
        self.schema = Some(schema.to_owned());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.values.iter().find(|(known, _)| known == name);
        value.map(|(_, value)| value.as_str())
    }

    /// The server's limit for a statement, if it is among the settings and can be understood.
    pub(crate) fn statement_timeout(&self) -> Option<Duration> {
        self.timeout("statement_timeout")
    }

    /// The server's limit for a lock.
    pub(crate) fn lock_timeout(&self) -> Option<Duration> {
        self.timeout("lock_timeout")
    }

    fn timeout(&self, name: &str) -> Option<Duration> {
        let value = self.values.iter().find(|(known, _)| known == name);
        let timeout = value.and_then(|(_, value)| duration(value));
        timeout.filter(|timeout| !timeout.is_zero())
    }

    /// The first query of a new connection, without side effects: the settings are in effect in its transaction, even through a pooler.
    /// Returns the server's process, the current schema, and whether it is a standby or read-only.
    pub(crate) fn greeting(&self) -> String {
        format!(
            "BEGIN{}; SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_schema(), pg_catalog.pg_is_in_recovery(), \
             pg_catalog.current_setting('transaction_read_only'); COMMIT",
            self.for_the_transaction()
        )
    }

    /// Returns the commands that make the settings until the session ends.
    pub(crate) fn for_the_session(&self) -> String {
        self.each(false)
    }

    /// Returns the commands that make the settings until the transaction ends.
    pub(crate) fn for_the_transaction(&self) -> String {
        self.each(true)
    }

    /// Returns the commands, each preceded by a semicolon.
    fn each(&self, is_local: bool) -> String {
        let mut out = String::new();
        for (name, value) in &self.values {
            let (name, value) = (literal(name), literal(value));
            write!(
                out,
                "; SELECT pg_catalog.set_config({name}, {value}, {is_local})"
            )
            .expect("writing to a String does not fail");
        }
        out
    }

    pub(crate) fn check_schema(&self, found: Option<&str>) -> Result<()> {
        let Some(wanted) = &self.schema else {
            return Ok(());
        };
        let message = match found {
            Some(found) if found == wanted => return Ok(()),
            Some(found) => {
                format!("the current schema is \"{found}\" instead of \"{wanted}\"")
            }
            None => format!(
                "the schema \"{wanted}\" does not exist, or this user may not use it: create it over a connection without `schema()`"
            ),
        };
        Err(Error::new(ErrorKind::Configuration, message))
    }
}

/// The settings in libpq's `options`, and its other entries: `-c name=value`, `-cname=value`, `--name=value`.
pub(crate) fn from_options(options: &str) -> (Vec<(String, String)>, String) {
    let mut words = split(options).into_iter();
    let (mut settings, mut rest) = (Vec::new(), Vec::new());
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("--").or(word.strip_prefix("-c")) {
            Some("") if word == "-c" => words.next(),
            Some(setting) => Some(setting.to_owned()),
            None => None,
        };
        match setting
            .as_deref()
            .and_then(|setting| setting.split_once('='))
        {
            // Proxies use it for routing; servers do not know it.
            Some(("cluster", _)) => rest.push(word),
            Some((name, value)) => settings.push((name.trim().replace('-', "_"), value.to_owned())),
            None => rest.extend(Some(word).into_iter().chain(setting)),
        }
    }
    let escaped: Vec<String> = rest
        .iter()
        .map(|word| word.replace('\\', "\\\\").replace(' ', "\\ "))
        .collect();
    (settings, escaped.join(" "))
}

/// Splits at spaces; a backslash escapes the next character.
fn split(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = options.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Parses a duration like the server: milliseconds, or a number with its unit.
fn duration(value: &str) -> Option<Duration> {
    let value = value.trim().trim_matches('\'');
    let digits = value
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(value.len());
    let number: u64 = value[..digits].parse().ok()?;
    let milliseconds = match value[digits..].trim() {
        "" | "ms" => number,
        "us" => number.div_ceil(1000),
        "s" => number.checked_mul(1000)?,
        "min" => number.checked_mul(60_000)?,
        "h" => number.checked_mul(3_600_000)?,
        "d" => number.checked_mul(86_400_000)?,
        _ => return None,
    };
    Some(Duration::from_millis(milliseconds))
}

pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns a literal that does not depend on `standard_conforming_strings`.
pub(crate) fn literal(value: &str) -> String {
    let quoted = value.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_apart() {
        for (options, settings, rest) in [
            ("", &[][..], ""),
            ("-c geqo=off", &[("geqo", "off")], ""),
            (
                "-cgeqo=off --statement-timeout=5s",
                &[("geqo", "off"), ("statement_timeout", "5s")],
                "",
            ),
            (r"-c search_path=a,\ b", &[("search_path", "a, b")], ""),
            ("endpoint=ep-cool-1", &[], "endpoint=ep-cool-1"),
            (
                "--cluster=cosy-cat-12 -c geqo=off",
                &[("geqo", "off")],
                "--cluster=cosy-cat-12",
            ),
            (
                r"project=x\ y -c geqo=off",
                &[("geqo", "off")],
                r"project=x\ y",
            ),
        ] {
            let settings: Vec<(String, String)> = settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            assert_eq!(
                from_options(options),
                (settings, rest.to_owned()),
                "{options}"
            );
        }
    }

    #[test]
    fn durations_have_units() {
        for (value, milliseconds) in [
            ("1500", Some(1500)),
            ("5s", Some(5000)),
            ("2 min", Some(120_000)),
            ("'1h'", Some(3_600_000)),
            ("never", None),
        ] {
            assert_eq!(
                duration(value),
                milliseconds.map(Duration::from_millis),
                "{value}"
            );
        }
    }

    #[test]
    fn values_are_not_syntax() {
        let mut settings = Settings::default();
        settings.set_schema("my \"own\"");
        settings.set("application_name", r"it's \ mine");
        assert_eq!(
            settings.for_the_transaction(),
            r#"; SELECT pg_catalog.set_config('search_path', '"my ""own"""', true); SELECT pg_catalog.set_config('application_name', E'it''s \\ mine', true)"#
        );
        settings.set("search_path", "public");
        settings
            .check_schema(Some("public"))
            .expect("no schema is required");
    }
}
