//! Selects cases by id and by shard.

use std::fmt;
use std::str::FromStr;

use selfsame::{Error, ErrorKind};

/// Selects cases by id: patterns separated by commas, each a part of an id in which `*` matches anything.
///
/// ```
/// use selfsame_conformance::Filter;
///
/// let filter: Filter = "types,flush.*.keys".parse().unwrap();
/// assert!(filter.matches("types.i64.round_trip") && filter.matches("flush.batch.keys"));
/// assert!(!filter.matches("queries.order.keys"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    patterns: Vec<String>,
}

impl Filter {
    /// Returns whether the filter matches an id. An empty filter matches every id.
    pub fn matches(&self, id: &str) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|pattern| contains(id, pattern))
    }

    /// Returns the first pattern that matches none of the ids, such as a misspelled one.
    pub fn unmatched<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Option<&str> {
        let ids: Vec<&str> = ids.into_iter().collect();
        let mut patterns = self.patterns.iter().map(String::as_str);
        patterns.find(|pattern| !ids.iter().any(|id| contains(id, pattern)))
    }
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let patterns: Vec<String> = text
            .split(',')
            .map(|pattern| pattern.trim().to_owned())
            .collect();
        for pattern in &patterns {
            if pattern.is_empty() {
                return Err(bad(text, "a pattern is empty"));
            }
            let odd = pattern
                .chars()
                .find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || "._*".contains(*c)));
            if let Some(odd) = odd {
                return Err(bad(text, &format!("ids do not contain `{odd}`")));
            }
        }
        Ok(Self { patterns })
    }
}

fn bad(text: &str, why: &str) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!(
            "invalid filter `{text}`: {why}; write parts of ids separated by commas, `*` for anything"
        ),
    )
}

/// Returns whether the parts of the pattern occur in the id in order.
fn contains(id: &str, pattern: &str) -> bool {
    let mut rest = id;
    for piece in pattern.split('*') {
        match rest.find(piece) {
            None => return false,
            Some(at) => rest = &rest[at + piece.len()..],
        }
    }
    true
}

/// One shard of the cases, for runs split over machines: `2/4` is every fourth case starting with the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// Returns whether the case at this position (from 0) belongs to the shard.
    pub fn contains(self, place: usize) -> bool {
        place % self.count == self.index
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parsed = text.split_once('/').and_then(|(index, count)| {
            let index: usize = index.trim().parse().ok()?;
            let count: usize = count.trim().parse().ok()?;
            (1..=count).contains(&index).then(|| Self {
                index: index - 1,
                count,
            })
        });
        parsed.ok_or_else(|| {
            Error::new(
                ErrorKind::Configuration,
                format!("invalid shard `{text}`: write 2/4 for the second of four"),
            )
        })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_takes_parts_and_stars() {
        let check = |filter: &str, id: &str, wanted: bool| {
            let filter: Filter = filter.parse().expect("a good filter");
            assert_eq!(filter.matches(id), wanted, "{filter:?} on {id}");
        };
        check("types.", "types.i64.extremes", true);
        check("i64,f64", "types.f64.extremes", true);
        check("types.*.nul", "types.text.nul", true);
        check("types.*.nul", "types.text.empty", false);
        check("nul*types", "types.text.nul", false);
    }

    #[test]
    fn a_pattern_without_matches_is_found() {
        let filter: Filter = "i64,tex*nul,f46".parse().expect("a good filter");
        let ids = ["types.i64.extremes", "types.text.nul"];
        assert_eq!(filter.unmatched(ids), Some("f46"));
        assert_eq!(filter.unmatched(ids.into_iter().chain(["f46"])), None);
        assert_eq!(Filter::default().unmatched(ids), None);
    }

    #[test]
    fn a_bad_filter_says_why() {
        for bad in ["", "Types", "types,,queries", "types/i64"] {
            let error = bad.parse::<Filter>().expect_err("a bad filter");
            assert_eq!(error.kind(), ErrorKind::Configuration);
        }
    }

    #[test]
    fn shards_partition() {
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"]
            .map(|text| text.parse().expect("a good shard"))
            .into();
        for place in 0..20 {
            assert_eq!(shards.iter().filter(|s| s.contains(place)).count(), 1);
        }
        for bad in ["0/3", "4/3", "1", "a/b", "1/0"] {
            bad.parse::<Shard>().expect_err("a bad shard");
        }
    }
}
