//! `Counts`: what one run of a workload sends. It does not depend on the machine, so any difference is a change of behaviour.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Statements that repeat together are folded up to this many.
const LONGEST_PERIOD: usize = 12;

/// What one run sends, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The statements; a batch of executions is one entry.
    pub statements: Vec<Counted>,
    /// The number of transactions.
    pub transactions: usize,
    /// The number of statements that the first run prepared; 0 if the backend does not count them.
    pub prepares: u64,
    /// The number of statements that a later run prepared, normally 0.
    pub prepares_again: u64,
    /// The number of cache hits of a later run.
    pub cache_hits: u64,
    /// The number of round trips of a later run.
    pub round_trips: u64,
}

/// A statement, or a batch of executions of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Its SQL, with normalized placeholders and shortened lists.
    pub fingerprint: String,
    /// The number of executions.
    pub executions: usize,
    /// The number of parameters in all executions. An array counts as one.
    pub parameters: usize,
    /// The number of rows returned or matched.
    pub rows: u64,
}

impl Counts {
    /// Returns the number of executed statements, including transaction commands.
    pub fn executions(&self) -> usize {
        let all = self.statements.iter();
        all.map(|counted| counted.executions).sum()
    }

    /// Returns the number of parameters sent.
    pub fn parameters(&self) -> usize {
        let all = self.statements.iter();
        all.map(|counted| counted.parameters).sum()
    }

    /// Returns the number of rows returned or matched.
    pub fn rows(&self) -> u64 {
        self.statements.iter().map(|counted| counted.rows).sum()
    }
}

/// The golden form: totals, then one line for each statement, equal neighbours folded.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "statements {}", self.executions())?;
        writeln!(f, "transactions {}", self.transactions)?;
        writeln!(f, "prepares {}", self.prepares)?;
        writeln!(f, "prepares again {}", self.prepares_again)?;
        writeln!(f, "cache hits {}", self.cache_hits)?;
        writeln!(f, "round trips {}", self.round_trips)?;
        writeln!(f, "parameters {}", self.parameters())?;
        writeln!(f, "rows {}", self.rows())?;
        writeln!(f)?;
        let mut rest = &self.statements[..];
        while !rest.is_empty() {
            let (period, times) = repeated(rest);
            if period > 1 {
                writeln!(f, "{times} times {period}")?;
                for counted in &rest[..period] {
                    line(f, 1, counted)?;
                }
            } else {
                line(f, times, &rest[0])?;
            }
            rest = &rest[period * times..];
        }
        Ok(())
    }
}

/// How many statements repeat from the beginning, and how often they come.
fn repeated(statements: &[Counted]) -> (usize, usize) {
    let times = |period: usize| {
        let mut groups = statements.chunks_exact(period);
        let first = groups.next();
        1 + groups.take_while(|group| Some(*group) == first).count()
    };
    let one = times(1);
    if one > 1 {
        return (1, one);
    }
    (2..=LONGEST_PERIOD.min(statements.len() / 2))
        .map(|period| (period, times(period)))
        .find(|(_, times)| *times > 1)
        .unwrap_or((1, 1))
}

fn line(f: &mut fmt::Formatter<'_>, times: usize, counted: &Counted) -> fmt::Result {
    let (executions, parameters, rows) = (counted.executions, counted.parameters, counted.rows);
    // A text of several lines is one.
    let text: Vec<&str> = counted.fingerprint.split_whitespace().collect();
    writeln!(
        f,
        "{times} x {executions} | {parameters} parameters | {rows} rows | {}",
        text.join(" ")
    )
}

/// Reads the golden form back. Totals that the statements give are not looked at.
impl FromStr for Counts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut counts = Self::default();
        // How often the next statements come, and how many those are.
        let mut group: Option<(usize, usize)> = None;
        let mut begun = 0;
        for line in text.lines().filter(|line| !line.is_empty()) {
            if line.contains(" | ") {
                let (times, counted) =
                    statement(line).ok_or_else(|| format!("no statement: {line}"))?;
                let same = std::iter::repeat_n(counted, times);
                counts.statements.extend(same);
                if let Some((times, period)) = group
                    && counts.statements.len() == begun + period
                {
                    let once = counts.statements[begun..].to_vec();
                    for _ in 1..times {
                        counts.statements.extend_from_slice(&once);
                    }
                    group = None;
                }
                continue;
            }
            if let Some((times, period)) = line.split_once(" times ") {
                let number = |text: &str| text.parse().map_err(|_| format!("no number: {line}"));
                group = Some((number(times)?, number(period)?));
                begun = counts.statements.len();
                continue;
            }
            let (name, number) = line
                .rsplit_once(' ')
                .ok_or_else(|| format!("no number: {line}"))?;
            let number: u64 = number.parse().map_err(|_| format!("no number: {line}"))?;
            match name {
                "transactions" => counts.transactions = usize::try_from(number).unwrap_or(0),
                "prepares" => counts.prepares = number,
                "prepares again" => counts.prepares_again = number,
                "cache hits" => counts.cache_hits = number,
                "round trips" => counts.round_trips = number,
                "statements" | "parameters" | "rows" => {}
                _ => return Err(format!("invalid line: {line}")),
            }
        }
        Ok(counts)
    }
}

/// `1 x 9 | 0 parameters | 9 rows | SELECT …`
fn statement(line: &str) -> Option<(usize, Counted)> {
    let mut parts = line.splitn(4, " | ");
    let (times, executions) = parts.next()?.split_once(" x ")?;
    let parameters = parts.next()?.strip_suffix(" parameters")?;
    let rows = parts.next()?.strip_suffix(" rows")?;
    let counted = Counted {
        executions: executions.parse().ok()?,
        parameters: parameters.parse().ok()?,
        rows: rows.parse().ok()?,
        fingerprint: parts.next()?.to_owned(),
    };
    Some((times.parse().ok()?, counted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golden_form_is_read_back() {
        let select = |rows| Counted {
            fingerprint: "SELECT a || b | c FROM t".to_owned(),
            executions: 2,
            parameters: 3,
            rows,
        };
        let counts = Counts {
            statements: vec![select(1), select(1), select(4)],
            transactions: 1,
            prepares: 2,
            prepares_again: 0,
            cache_hits: 5,
            round_trips: 7,
        };
        assert_eq!(counts.to_string().parse(), Ok(counts.clone()));
        let mut folded = counts.clone();
        folded.statements = [5, 1, 2, 1, 2, 1, 2, 7].map(select).to_vec();
        assert!(folded.to_string().contains("\n3 times 2\n"), "{folded}");
        assert_eq!(folded.to_string().parse(), Ok(folded));
        assert_eq!(counts.executions(), 6);
        assert_eq!((counts.rows(), counts.parameters()), (6, 9));
    }

    #[test]
    fn other_texts_than_golden_forms_are_refused() {
        for text in ["nonsense", "statements many", "apples 3", "1 x | a | b | c"] {
            assert!(text.parse::<Counts>().is_err(), "{text}");
        }
    }
}
