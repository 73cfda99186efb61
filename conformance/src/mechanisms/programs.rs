//! Shrinks, formats and keeps programs.

use super::plan::{ALL, Change, Draw, Rows};
use crate::property::shorter_programs;

/// Returns smaller programs; a draw with smaller numbers is simpler.
pub(super) fn smaller(draws: &[Draw]) -> Vec<Vec<Draw>> {
    shorter_programs(draws, |draw| {
        let plain = [
            (0, draw.other, draw.way),
            (draw.which, 0, draw.way),
            (draw.which, draw.other, 0),
        ];
        let with = |(which, other, way)| Draw {
            which,
            other,
            way,
            what: draw.what,
        };
        plain.map(with).to_vec()
    })
}

/// Formats the program, one change per line.
pub(super) fn shown(draws: &[Draw]) -> String {
    let changes = changes(draws).into_iter();
    let lines = changes.map(|(depth, change)| format!("{}{change:?}", "  ".repeat(depth)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the changes of a program, without a database, each with the number of savepoints around it.
pub(super) fn changes(draws: &[Draw]) -> Vec<(usize, Change)> {
    let mut rows = Rows::default();
    let mut committed = Rows::default();
    let mut saved: Vec<Rows> = Vec::new();
    let mut changes = Vec::new();
    for draw in draws {
        let Some(change) = rows.resolve(draw, saved.len()) else {
            continue;
        };
        let depth = saved.len();
        match &change {
            Change::Commit => committed = rows.clone(),
            Change::RefusedSwap { .. } => {
                rows = saved.pop().unwrap_or_else(|| committed.clone());
            }
            Change::Rollback | Change::Panic { .. } => rows = committed.clone(),
            Change::Savepoint => saved.push(rows.clone()),
            Change::EndSavepoint { keep } => {
                if let Some(before) = saved.pop().filter(|_| !keep) {
                    rows = before;
                }
            }
            Change::Outside(inner) => {
                rows.apply(inner);
                committed = rows.clone();
            }
            change => rows.apply(change),
        }
        // A savepoint and its end are one change.
        if change != Change::Savepoint {
            rows.begin_next();
        }
        changes.push((depth, change));
    }
    changes
}

/// Returns the line with which a program is kept.
pub(super) fn keep(draws: &[Draw]) -> String {
    let words: Vec<String> = draws
        .iter()
        .map(|draw| {
            let word = ALL.iter().find(|(_, what, _)| *what == draw.what);
            let word = word.map_or("?", |(_, _, word)| word);
            format!("{word}:{}:{}:{}", draw.which, draw.other, draw.way)
        })
        .collect();
    format!("conformance/src/mechanisms/kept.txt: {}", words.join(" "))
}

/// Returns the programs of `kept.txt`, which have failed before.
pub(super) fn kept() -> Vec<Vec<Draw>> {
    let lines = include_str!("kept.txt").lines();
    let programs = lines.map(|line| line.split('#').next().unwrap_or_default());
    programs
        .filter(|program| !program.trim().is_empty())
        .filter_map(|program| program.split_whitespace().map(read).collect())
        .collect()
}

fn read(word: &str) -> Option<Draw> {
    let mut parts = word.split(':');
    let what = parts.next()?;
    let (_, what, _) = ALL.iter().find(|(_, _, word)| *word == what)?;
    let mut number = || parts.next()?.parse().ok();
    Some(Draw {
        what: *what,
        which: number()?,
        other: number()?,
        way: number()?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kept_line_is_a_program() {
        let lines = include_str!("kept.txt").lines();
        let wanted = lines
            .filter(|line| !line.split('#').next().unwrap_or_default().trim().is_empty())
            .count();
        assert_eq!(kept().len(), wanted);
    }

    #[test]
    fn words_are_unique() {
        let words: BTreeSet<&str> = ALL.iter().map(|(_, _, word)| *word).collect();
        assert_eq!(words.len(), ALL.len());
    }
}
