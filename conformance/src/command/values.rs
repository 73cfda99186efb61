//! Parsers for the values of options.

use std::time::Duration;

use crate::case::Tier;
use crate::select::{Filter, Shard};

/// Parses a filter.
///
/// # Errors
///
/// A message that shows valid values.
pub fn filter(text: &str) -> Result<Filter, String> {
    text.parse().map_err(message)
}

/// Parses a shard.
///
/// # Errors
///
/// A message that shows valid values.
pub fn shard(text: &str) -> Result<Shard, String> {
    text.parse().map_err(message)
}

/// Parses a tier.
///
/// # Errors
///
/// A message that shows valid values.
pub fn tier(text: &str) -> Result<Tier, String> {
    text.parse().map_err(message)
}

/// Parses a seed, in decimal or as reports print it (`0x5e1f`), or draws one for `random`.
///
/// # Errors
///
/// A message that shows valid values.
pub fn seed(text: &str) -> Result<u64, String> {
    if text == "random" {
        return Ok(drawn_seed());
    }
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| "use a number below 2^64, such as 7 or 0x5e1f, or `random`".to_owned())
}

/// Draws a seed from the hasher's random keys. Reports print the seed.
fn drawn_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one("selfsame")
}

/// Parses a duration: seconds, or a number with `s`, `m` or `h`.
///
/// # Errors
///
/// A message that shows valid values.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        _ => (text, 1),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .map(Duration::from_secs)
        .ok_or_else(|| "use a time such as 90s, 5m or 1h".to_owned())
}

fn message(error: selfsame::Error) -> String {
    error.message().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        for bad in [
            "",
            "m",
            "-1",
            "1d",
            "é",
            "99999999999999999999h",
            "18446744073709551615h",
        ] {
            duration(bad).expect_err(bad);
        }
    }

    #[test]
    fn seeds_are_read_as_they_are_printed() {
        assert_eq!(seed("0x5e1f"), Ok(0x5e1f));
        assert_eq!(seed("7"), Ok(7));
        for bad in ["", "0x", "-1", "seven"] {
            seed(bad).expect_err(bad);
        }
    }
}
