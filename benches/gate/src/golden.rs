//! `Golden`: files with the accepted counts, two per workload, in a form suited for review.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::compare;
use crate::counts::Counts;
use crate::exact::{Exact, LARGE, Point};
use crate::verdict::{Finding, Kind, Step};
use crate::workload::Allocations;
use crate::{Error, Result};

const COUNTS: &str = ".txt";
const GROWTH: &str = ".growth.txt";

/// A folder of golden files: `NAME.txt` has the counts of a workload, `NAME.growth.txt` its statements and allocations by size.
#[derive(Clone, Debug)]
pub struct Golden {
    folder: PathBuf,
}

impl Golden {
    /// Uses the golden files of a folder, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Compares counts with the accepted ones. A missing file is a difference.
    ///
    /// # Errors
    ///
    /// An existing file that cannot be read.
    pub fn compare(&self, exact: &Exact, steps: &dyn Fn(Step) -> bool) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        let mut find = |step, kind, cause: String| {
            findings.push(Finding::new(step, &exact.workload, kind, cause));
        };
        if steps(Step::Counts) {
            match self.read(&exact.workload, COUNTS)? {
                None => find(Step::Counts, Kind::Different, "no golden file".to_owned()),
                Some(text) => match counts_from(&text) {
                    Ok((heading, _)) if heading != heading_of(exact) => find(
                        Step::Counts,
                        Kind::Different,
                        format!("the golden file belongs to something else: {heading}"),
                    ),
                    Ok((_, was)) => {
                        for (kind, cause) in compare::counts(&was, &exact.counts, exact.size) {
                            find(Step::Counts, unaccepted(kind), cause);
                        }
                    }
                    Err(why) => find(Step::Counts, Kind::Different, why),
                },
            }
        }
        let (growth, allocations) = (steps(Step::Growth), steps(Step::Allocations));
        if !growth && !allocations {
            return Ok(findings);
        }
        let Some(text) = self.read(&exact.workload, GROWTH)? else {
            find(Step::Growth, Kind::Different, "no golden file".to_owned());
            return Ok(findings);
        };
        let accepted: Vec<Point> = text.lines().skip(1).filter_map(point_from).collect();
        for point in exact.growth.iter().filter(|point| point.size <= LARGE) {
            let Some(was) = accepted.iter().find(|was| was.size == point.size) else {
                let cause = format!("no accepted counts for size {}", point.size);
                find(Step::Growth, Kind::Different, cause);
                continue;
            };
            if growth && was.statements != point.statements {
                let cause = format!(
                    "{} statements for {}, accepted are {}",
                    point.statements, point.size, was.statements
                );
                find(Step::Growth, Kind::Different, cause);
            }
            // One size shows the cause; the others follow from it.
            let telling = point.size == exact.size;
            if let (true, true, Some(was), Some(is)) =
                (allocations, telling, was.allocations, point.allocations)
            {
                for (kind, cause) in compare::allocations(was, is, point.size, exact.spread) {
                    find(Step::Allocations, unaccepted(kind), cause);
                }
            } else if let (true, Some(was), Some(is)) =
                (allocations, was.allocations, point.allocations)
                && !compare::allocations(was, is, point.size, exact.spread).is_empty()
            {
                let cause = format!(
                    "{} allocations of {} bytes for {}, accepted are {} of {}",
                    is.calls, is.bytes, point.size, was.calls, was.bytes
                );
                find(Step::Allocations, Kind::Different, cause);
            }
        }
        Ok(findings)
    }

    /// Accepts the counts, but not growth and allocations.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn bless_counts(&self, exact: &Exact) -> Result<()> {
        self.write(&exact.workload, COUNTS, &counts_text(exact))
    }

    /// Accepts counts, growth and allocations.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn bless(&self, exact: &Exact) -> Result<()> {
        self.bless_counts(exact)?;
        self.write(&exact.workload, GROWTH, &growth_text(exact))
    }

    /// Returns the paths of golden files that belong to none of these workloads.
    ///
    /// # Errors
    ///
    /// A folder that cannot be read.
    pub fn stale(&self, names: &BTreeSet<String>) -> Result<Vec<PathBuf>> {
        let mut stale = Vec::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let Ok(inside) = path.strip_prefix(&self.folder) else {
                    continue;
                };
                let name = inside.to_string_lossy().replace('\\', "/");
                let name = name
                    .strip_suffix(GROWTH)
                    .or_else(|| name.strip_suffix(COUNTS));
                if name.is_some_and(|name| !names.contains(name)) {
                    stale.push(path);
                }
            }
        }
        stale.sort();
        Ok(stale)
    }

    fn path(&self, workload: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{workload}{ending}"))
    }

    fn read(&self, workload: &str, ending: &str) -> Result<Option<String>> {
        let path = self.path(workload, ending);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(named(&path, &error)),
        }
    }

    fn write(&self, workload: &str, ending: &str, text: &str) -> Result<()> {
        let path = self.path(workload, ending);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| named(folder, &error))?;
        }
        fs::write(&path, text).map_err(|error| named(&path, &error))
    }
}

fn named(path: &Path, error: &io::Error) -> Error {
    format!("{}: {error}", path.display()).into()
}

/// Fewer than accepted is a difference too, until accepted.
fn unaccepted(kind: Kind) -> Kind {
    match kind {
        Kind::Better => Kind::Different,
        kind => kind,
    }
}

fn heading_of(exact: &Exact) -> String {
    format!("{} of {}", exact.workload, exact.size)
}

fn counts_text(exact: &Exact) -> String {
    format!("{}\n\n{}", heading_of(exact), exact.counts)
}

fn counts_from(text: &str) -> Result<(&str, Counts), String> {
    let (heading, rest) = text.split_once('\n').ok_or("the golden file is empty")?;
    Ok((heading, rest.parse()?))
}

fn growth_text(exact: &Exact) -> String {
    let mut text = format!(
        "{:>8} {:>10} {:>12} {:>12}\n",
        "size", "statements", "allocations", "bytes"
    );
    for point in exact.growth.iter().filter(|point| point.size <= LARGE) {
        let (calls, bytes) = match point.allocations {
            Some(found) => (found.calls.to_string(), found.bytes.to_string()),
            None => ("-".to_owned(), "-".to_owned()),
        };
        let (size, statements) = (point.size, point.statements);
        // Writing to a string does not fail.
        let _ = writeln!(text, "{size:>8} {statements:>10} {calls:>12} {bytes:>12}");
    }
    text
}

fn point_from(line: &str) -> Option<Point> {
    let mut words = line.split_whitespace();
    let size = words.next()?.parse().ok()?;
    let statements = words.next()?.parse().ok()?;
    let (calls, bytes) = (words.next()?, words.next()?);
    let allocations = match (calls.parse(), bytes.parse()) {
        (Ok(calls), Ok(bytes)) => Some(Allocations { calls, bytes }),
        _ => None,
    };
    Some(Point {
        size,
        statements,
        allocations,
        ns: f64::NAN,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counted;
    use crate::workload::Law;

    fn exact(statements: usize, calls: u64) -> Exact {
        Exact {
            workload: "db/w".to_owned(),
            size: 10,
            law: Law::Constant,
            spread: 0.0,
            counts: Counts {
                statements: (0..statements)
                    .map(|n| Counted {
                        fingerprint: format!("SELECT {n}"),
                        executions: 1,
                        parameters: 0,
                        rows: 1,
                    })
                    .collect(),
                ..Counts::default()
            },
            growth: vec![Point {
                size: 10,
                statements,
                allocations: Some(Allocations { calls, bytes: 800 }),
                ns: 1.0,
            }],
        }
    }

    fn causes(golden: &Golden, exact: &Exact) -> Vec<String> {
        let found = golden.compare(exact, &|_| true).expect("can be read");
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_blessed_is_accepted_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let golden = Golden::new(folder.path());
        assert_eq!(
            causes(&golden, &exact(2, 50)).len(),
            2,
            "nothing is accepted yet"
        );
        golden.bless(&exact(2, 50)).expect("can be written");
        assert_eq!(causes(&golden, &exact(2, 50)), Vec::<String>::new());
        let more = causes(&golden, &exact(3, 80));
        assert!(more[0].contains("db/w: +1 statement: SELECT 2"), "{more:?}");
        assert!(
            more.iter()
                .any(|cause| cause.contains("+3 allocations a row")),
            "{more:?}"
        );
        let less = causes(&golden, &exact(1, 50));
        assert!(less[0].starts_with("DIFFERENT"), "{less:?}");
        assert!(less[0].contains("-1 statement: SELECT 1"), "{less:?}");
    }

    #[test]
    fn damaged_files_are_differences_and_stale_ones_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let golden = Golden::new(folder.path());
        golden.bless(&exact(2, 50)).expect("can be written");
        let known = BTreeSet::from(["db/w".to_owned()]);
        assert_eq!(
            golden.stale(&known).expect("can be read"),
            Vec::<PathBuf>::new()
        );
        assert_eq!(
            golden.stale(&BTreeSet::new()).expect("can be read").len(),
            2
        );
        fs::write(folder.path().join("db/w.txt"), "nonsense\nand more\n").expect("writes");
        assert!(!causes(&golden, &exact(2, 50)).is_empty());
    }
}
