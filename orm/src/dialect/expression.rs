//! Parts of expressions that databases write differently.

use std::fmt::Write as _;

/// A test of one text against another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextMatch {
    /// The subject begins with the pattern.
    StartsWith,
    /// The subject ends with the pattern.
    EndsWith,
    /// The subject contains the pattern.
    Contains,
}

/// One step into a JSON document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JsonStep {
    /// A member of an object.
    Name(String),
    /// An element of an array, from 0.
    Index(u32),
}

impl From<&str> for JsonStep {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for JsonStep {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<u32> for JsonStep {
    fn from(index: u32) -> Self {
        Self::Index(index)
    }
}

/// Writes a path into a JSON document as an SQL literal: `'$."a"[0]'`.
pub fn json_path(path: &[JsonStep], out: &mut String) {
    out.push_str("'$");
    for step in path {
        match step {
            JsonStep::Index(index) => write!(out, "[{index}]").expect("a String accepts any text"),
            JsonStep::Name(name) => {
                out.push_str(".\"");
                for c in name.chars() {
                    match c {
                        '\'' => out.push_str("''"),
                        '"' | '\\' => out.extend(['\\', c]),
                        c => out.push(c),
                    }
                }
                out.push('"');
            }
        }
    }
    out.push('\'');
}

/// A part of a date or a time, as an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DatePart {
    /// The year.
    Year,
    /// The month, from 1.
    Month,
    /// The day of the month, from 1.
    Day,
    /// The hour, from 0.
    Hour,
    /// The minute.
    Minute,
    /// The second, without its fraction.
    Second,
    /// The day of the week, from 0 for Sunday.
    Weekday,
    /// The day of the year, from 1.
    YearDay,
}
