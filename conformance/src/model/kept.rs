//! Programs as lines of text, so that programs that failed are kept and run first.

use super::entities::Kind;
use super::program::{Draw, Path};

/// The programs of `kept.txt`.
pub(super) fn programs() -> Vec<Vec<Draw>> {
    let lines = include_str!("kept.txt").lines();
    let programs = lines.map(|line| line.split('#').next().unwrap_or_default());
    programs
        .filter(|program| !program.trim().is_empty())
        .filter_map(read)
        .collect()
}

/// Formats a program to be kept.
pub(super) fn keep(draws: &[Draw]) -> String {
    let words: Vec<String> = draws.iter().map(word).collect();
    format!(
        "conformance/src/model/kept.txt: {}  # what it found",
        words.join(" ")
    )
}

/// Parses a program.
fn read(line: &str) -> Option<Vec<Draw>> {
    line.split_whitespace().map(draw).collect()
}

fn word(draw: &Draw) -> String {
    let child = |kind: Kind| if kind == Kind::Note { "note" } else { "" };
    let optional = |n: Option<usize>| n.map_or("-".to_owned(), |n| n.to_string());
    let number = |n: Option<i32>| n.map_or("-".to_owned(), |n| n.to_string());
    match draw {
        Draw::Add(kind) => format!("add:{}", kind.word()),
        Draw::AddAgain(n) => format!("again:{n}"),
        Draw::SetNumber(n, to) => format!("set:{n}:{}", number(*to)),
        Draw::Delete(n) => format!("delete:{n}"),
        Draw::SetUser(kind, n, user) => format!("relate{}:{n}:{}", child(*kind), optional(*user)),
        Draw::Push(kind, user, n) => format!("push{}:{user}:{n}", child(*kind)),
        Draw::Remove(kind, n) => format!("remove{}:{n}", child(*kind)),
        Draw::Pair(side, user, tag) => format!("pair:{}:{user}:{tag}", side.word()),
        Draw::Part(side, n) => format!("part:{}:{n}", side.word()),
        Draw::Replace(user, tags) => {
            let tags: Vec<String> = tags.iter().map(usize::to_string).collect();
            match &tags[..] {
                [] => format!("replace:{user}:-"),
                tags => format!("replace:{user}:{}", tags.join(",")),
            }
        }
        Draw::Load(path, n) => format!("load:{}:{n}", path.word()),
        Draw::Query(kind) => format!("query:{}", kind.word()),
        Draw::Get(n) => format!("get:{n}"),
        Draw::Merge(n, to) => format!("merge:{n}:{}", number(*to)),
        Draw::Refresh(n) => format!("refresh:{n}"),
        Draw::Expire(n) => format!("expire:{n}"),
        Draw::Expunge(n) => format!("expunge:{n}"),
        Draw::Flush => "flush".to_owned(),
        Draw::Savepoint => "savepoint".to_owned(),
        Draw::Commit => "commit".to_owned(),
        Draw::Rollback => "rollback".to_owned(),
        Draw::OutsideSet(n, to) => format!("outsideset:{n}:{}", number(*to)),
        Draw::OutsideMove(kind, n, user) => {
            format!("outsidemove{}:{n}:{}", child(*kind), optional(*user))
        }
        Draw::OutsidePair(user, tag) => format!("outsidepair:{user}:{tag}"),
        Draw::OutsideDelete(n) => format!("outsidedelete:{n}"),
    }
}

fn draw(word: &str) -> Option<Draw> {
    let mut parts = word.split(':');
    let name = parts.next()?;
    // `removenote` is `remove` of a note.
    let (name, child) = match name.strip_suffix("note") {
        Some(name) => (name, Kind::Note),
        None => (name, Kind::Task),
    };
    let mut next = || parts.next();
    Some(match name {
        "add" => Draw::Add(kind(next()?)?),
        "again" => Draw::AddAgain(place(next()?)?),
        "set" => Draw::SetNumber(place(next()?)?, number(next()?)?),
        "delete" => Draw::Delete(place(next()?)?),
        "relate" => Draw::SetUser(child, place(next()?)?, optional(next()?)?),
        "push" => Draw::Push(child, place(next()?)?, place(next()?)?),
        "remove" => Draw::Remove(child, place(next()?)?),
        "pair" => Draw::Pair(kind(next()?)?, place(next()?)?, place(next()?)?),
        "part" => Draw::Part(kind(next()?)?, place(next()?)?),
        "replace" => {
            let user = place(next()?)?;
            let tags = next()?.split(',').filter(|tag| *tag != "-");
            Draw::Replace(user, tags.map(place).collect::<Option<_>>()?)
        }
        "load" => {
            let path = next()?;
            let path = Path::ALL.into_iter().find(|known| known.word() == path)?;
            Draw::Load(path, place(next()?)?)
        }
        "query" => Draw::Query(kind(next()?)?),
        "get" => Draw::Get(place(next()?)?),
        "merge" => Draw::Merge(place(next()?)?, number(next()?)?),
        "refresh" => Draw::Refresh(place(next()?)?),
        "expire" => Draw::Expire(place(next()?)?),
        "expunge" => Draw::Expunge(place(next()?)?),
        "flush" => Draw::Flush,
        "savepoint" => Draw::Savepoint,
        "commit" => Draw::Commit,
        "rollback" => Draw::Rollback,
        "outsideset" => Draw::OutsideSet(place(next()?)?, number(next()?)?),
        "outsidemove" => Draw::OutsideMove(child, place(next()?)?, optional(next()?)?),
        "outsidepair" => Draw::OutsidePair(place(next()?)?, place(next()?)?),
        "outsidedelete" => Draw::OutsideDelete(place(next()?)?),
        _ => return None,
    })
}

fn kind(word: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.word() == word)
}

fn place(word: &str) -> Option<usize> {
    word.parse().ok()
}

fn optional(word: &str) -> Option<Option<usize>> {
    match word {
        "-" => Some(None),
        word => place(word).map(Some),
    }
}

fn number(word: &str) -> Option<Option<i32>> {
    match word {
        "-" => Some(None),
        word => word.parse().ok().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;

    use super::*;

    #[test]
    fn a_program_is_read_as_it_was_kept() {
        let mut runner = TestRunner::deterministic();
        for _ in 0..64 {
            let tree = crate::model::program::programs().new_tree(&mut runner);
            let draws = tree.expect("a program").current();
            let line = keep(&draws);
            let words = line.split(": ").nth(1).expect("a line");
            let words = words.split('#').next().expect("words");
            assert_eq!(read(words), Some(draws), "{line}");
        }
    }

    #[test]
    fn every_kept_line_is_a_program_and_says_what_it_found() {
        let lines = include_str!("kept.txt").lines();
        let lines: Vec<&str> = lines.filter(|line| !line.starts_with('#')).collect();
        assert!(!lines.is_empty() && programs().len() == lines.len());
        for line in lines {
            let (program, found) = line.split_once('#').expect("what it found");
            assert!(read(program).is_some(), "{program}");
            assert!(found.trim().len() > 10 && found.trim() != "what it found");
        }
    }

    #[test]
    fn invalid_programs_are_not_read() {
        for line in ["add:nobody", "add", "fly:1", "delete:x", "load:nowhere:0"] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
