//! Programs as lines of text, so that those that failed once are kept and run first.

use super::entities::Kind;
use super::program::{Path, Wish};

/// The programs of `kept.txt`.
pub(super) fn programs() -> Vec<Vec<Wish>> {
    let lines = include_str!("kept.txt").lines();
    let programs = lines.map(|line| line.split('#').next().unwrap_or_default());
    programs
        .filter(|program| !program.trim().is_empty())
        .filter_map(read)
        .collect()
}

/// How a program is kept.
pub(super) fn keep(wishes: &[Wish]) -> String {
    let words: Vec<String> = wishes.iter().map(word).collect();
    format!(
        "conformance/src/model/kept.txt: {}  # what it found",
        words.join(" ")
    )
}

/// A program, if each of its words is one.
fn read(line: &str) -> Option<Vec<Wish>> {
    line.split_whitespace().map(wish).collect()
}

fn word(wish: &Wish) -> String {
    let child = |kind: Kind| if kind == Kind::Note { "note" } else { "" };
    let optional = |n: Option<usize>| n.map_or("-".to_owned(), |n| n.to_string());
    let number = |n: Option<i32>| n.map_or("-".to_owned(), |n| n.to_string());
    match wish {
        Wish::Add(kind) => format!("add:{}", kind.word()),
        Wish::AddAgain(n) => format!("again:{n}"),
        Wish::SetNumber(n, to) => format!("set:{n}:{}", number(*to)),
        Wish::Delete(n) => format!("delete:{n}"),
        Wish::SetUser(kind, n, user) => format!("relate{}:{n}:{}", child(*kind), optional(*user)),
        Wish::Push(kind, user, n) => format!("push{}:{user}:{n}", child(*kind)),
        Wish::Remove(kind, n) => format!("remove{}:{n}", child(*kind)),
        Wish::Pair(side, user, tag) => format!("pair:{}:{user}:{tag}", side.word()),
        Wish::Part(side, n) => format!("part:{}:{n}", side.word()),
        Wish::Replace(user, tags) => {
            let tags: Vec<String> = tags.iter().map(usize::to_string).collect();
            match &tags[..] {
                [] => format!("replace:{user}:-"),
                tags => format!("replace:{user}:{}", tags.join(",")),
            }
        }
        Wish::Load(path, n) => format!("load:{}:{n}", path.word()),
        Wish::Query(kind) => format!("query:{}", kind.word()),
        Wish::Get(n) => format!("get:{n}"),
        Wish::Merge(n, to) => format!("merge:{n}:{}", number(*to)),
        Wish::Refresh(n) => format!("refresh:{n}"),
        Wish::Expire(n) => format!("expire:{n}"),
        Wish::Expunge(n) => format!("expunge:{n}"),
        Wish::Flush => "flush".to_owned(),
        Wish::Savepoint => "savepoint".to_owned(),
        Wish::Commit => "commit".to_owned(),
        Wish::Rollback => "rollback".to_owned(),
        Wish::OutsideSet(n, to) => format!("outsideset:{n}:{}", number(*to)),
        Wish::OutsideMove(kind, n, user) => {
            format!("outsidemove{}:{n}:{}", child(*kind), optional(*user))
        }
        Wish::OutsidePair(user, tag) => format!("outsidepair:{user}:{tag}"),
        Wish::OutsideDelete(n) => format!("outsidedelete:{n}"),
    }
}

fn wish(word: &str) -> Option<Wish> {
    let mut parts = word.split(':');
    let name = parts.next()?;
    // `removenote` is `remove` of a note.
    let (name, child) = match name.strip_suffix("note") {
        Some(name) => (name, Kind::Note),
        None => (name, Kind::Task),
    };
    let mut next = || parts.next();
    Some(match name {
        "add" => Wish::Add(kind(next()?)?),
        "again" => Wish::AddAgain(place(next()?)?),
        "set" => Wish::SetNumber(place(next()?)?, number(next()?)?),
        "delete" => Wish::Delete(place(next()?)?),
        "relate" => Wish::SetUser(child, place(next()?)?, optional(next()?)?),
        "push" => Wish::Push(child, place(next()?)?, place(next()?)?),
        "remove" => Wish::Remove(child, place(next()?)?),
        "pair" => Wish::Pair(kind(next()?)?, place(next()?)?, place(next()?)?),
        "part" => Wish::Part(kind(next()?)?, place(next()?)?),
        "replace" => {
            let user = place(next()?)?;
            let tags = next()?.split(',').filter(|tag| *tag != "-");
            Wish::Replace(user, tags.map(place).collect::<Option<_>>()?)
        }
        "load" => {
            let path = next()?;
            let path = Path::ALL.into_iter().find(|known| known.word() == path)?;
            Wish::Load(path, place(next()?)?)
        }
        "query" => Wish::Query(kind(next()?)?),
        "get" => Wish::Get(place(next()?)?),
        "merge" => Wish::Merge(place(next()?)?, number(next()?)?),
        "refresh" => Wish::Refresh(place(next()?)?),
        "expire" => Wish::Expire(place(next()?)?),
        "expunge" => Wish::Expunge(place(next()?)?),
        "flush" => Wish::Flush,
        "savepoint" => Wish::Savepoint,
        "commit" => Wish::Commit,
        "rollback" => Wish::Rollback,
        "outsideset" => Wish::OutsideSet(place(next()?)?, number(next()?)?),
        "outsidemove" => Wish::OutsideMove(child, place(next()?)?, optional(next()?)?),
        "outsidepair" => Wish::OutsidePair(place(next()?)?, place(next()?)?),
        "outsidedelete" => Wish::OutsideDelete(place(next()?)?),
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
            let wishes = tree.expect("a program").current();
            let line = keep(&wishes);
            let words = line.split(": ").nth(1).expect("a line");
            let words = words.split('#').next().expect("words");
            assert_eq!(read(words), Some(wishes), "{line}");
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
    fn what_is_no_program_is_not_read() {
        for line in ["add:nobody", "add", "fly:1", "delete:x", "load:nowhere:0"] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
