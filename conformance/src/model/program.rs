//! Programs: draws and steps.

use proptest::prelude::*;

use super::entities::Kind;
use crate::property::shorter_programs;

/// A random request. Its numbers select among the objects for which it is valid.
///
/// An invalid request becomes a step that makes it possible: removing from an empty collection becomes a push, and changes of another session
/// wait for the commit. Inside a savepoint, `Commit` releases it and `Rollback` rolls back to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Draw {
    Add(Kind),
    AddAgain(usize),
    SetNumber(usize, Option<i32>),
    Delete(usize),
    SetUser(Kind, usize, Option<usize>),
    Push(Kind, usize, usize),
    Remove(Kind, usize),
    /// Whether from the user's side or from the tag's.
    Pair(Kind, usize, usize),
    Part(Kind, usize),
    Replace(usize, Vec<usize>),
    Load(Path, usize),
    Query(Kind),
    Get(usize),
    Merge(usize, Option<i32>),
    Refresh(usize),
    Expire(usize),
    Expunge(usize),
    Flush,
    Savepoint,
    Commit,
    Rollback,
    OutsideSet(usize, Option<i32>),
    OutsideMove(Kind, usize, Option<usize>),
    OutsidePair(usize, usize),
    OutsideDelete(usize),
}

/// A collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    Tasks,
    Notes,
    Tags,
    Users,
}

impl Path {
    pub(super) const ALL: [Self; 4] = [Self::Tasks, Self::Notes, Self::Tags, Self::Users];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Notes => "notes",
            Self::Tags => "tags",
            Self::Users => "users",
        }
    }

    /// Returns the collections of a kind.
    pub(super) fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::User => &[Self::Tasks, Self::Notes, Self::Tags],
            Kind::Tag => &[Self::Users],
            Kind::Task | Kind::Note => &[],
        }
    }

    /// Returns the kind of the owner.
    pub(super) fn owner(self) -> Kind {
        match self {
            Self::Users => Kind::Tag,
            _ => Kind::User,
        }
    }

    /// Returns the kind of the members.
    pub(super) fn members(self) -> Kind {
        match self {
            Self::Tasks => Kind::Task,
            Self::Notes => Kind::Note,
            Self::Tags => Kind::Tag,
            Self::Users => Kind::User,
        }
    }

    /// Returns the relation's name.
    pub(super) fn relation(self) -> &'static str {
        match self {
            Self::Tasks => "User::TASKS",
            Self::Notes => "User::NOTES",
            Self::Tags => "User::TAGS",
            Self::Users => "Tag::USERS",
        }
    }
}

/// Generates lists of draws; programs have more than twenty steps on average.
pub(super) fn programs() -> impl Strategy<Value = Vec<Draw>> {
    let number = || proptest::option::of(0..5_i32);
    let any = || any::<usize>();
    let maybe = move || proptest::option::of(any());
    let side = || prop_oneof![Just(Kind::User), Just(Kind::Tag)];
    let draw = prop_oneof![
        4 => Just(Draw::Add(Kind::User)),
        3 => Just(Draw::Add(Kind::Task)),
        3 => Just(Draw::Add(Kind::Note)),
        3 => Just(Draw::Add(Kind::Tag)),
        10 => any().prop_map(Draw::AddAgain),
        6 => (any(), number()).prop_map(|(which, number)| Draw::SetNumber(which, number)),
        5 => any().prop_map(Draw::Delete),
        7 => (any(), maybe()).prop_map(|(task, user)| Draw::SetUser(Kind::Task, task, user)),
        10 => (any(), maybe()).prop_map(|(note, user)| Draw::SetUser(Kind::Note, note, user)),
        4 => (any(), any()).prop_map(|(user, task)| Draw::Push(Kind::Task, user, task)),
        4 => (any(), any()).prop_map(|(user, note)| Draw::Push(Kind::Note, user, note)),
        27 => any().prop_map(|which| Draw::Remove(Kind::Task, which)),
        36 => any().prop_map(|which| Draw::Remove(Kind::Note, which)),
        5 => (side(), any(), any()).prop_map(|(side, user, tag)| Draw::Pair(side, user, tag)),
        28 => (side(), any()).prop_map(|(side, which)| Draw::Part(side, which)),
        6 => (any(), proptest::collection::vec(any(), 0..3))
            .prop_map(|(user, tags)| Draw::Replace(user, tags)),
        2 => any().prop_map(|which| Draw::Load(Path::Tasks, which)),
        2 => any().prop_map(|which| Draw::Load(Path::Notes, which)),
        2 => any().prop_map(|which| Draw::Load(Path::Tags, which)),
        2 => any().prop_map(|which| Draw::Load(Path::Users, which)),
        3 => (0..Kind::ALL.len()).prop_map(|which| Draw::Query(Kind::ALL[which])),
        4 => any().prop_map(Draw::Get),
        4 => (any(), number()).prop_map(|(which, number)| Draw::Merge(which, number)),
        4 => any().prop_map(Draw::Refresh),
        4 => any().prop_map(Draw::Expire),
        3 => any().prop_map(Draw::Expunge),
        4 => Just(Draw::Flush),
        4 => Just(Draw::Savepoint),
        6 => Just(Draw::Commit),
        4 => Just(Draw::Rollback),
        8 => (any(), number()).prop_map(|(which, number)| Draw::OutsideSet(which, number)),
        12 => (any(), maybe()).prop_map(|(task, user)| Draw::OutsideMove(Kind::Task, task, user)),
        7 => (any(), maybe()).prop_map(|(note, user)| Draw::OutsideMove(Kind::Note, note, user)),
        24 => (any(), any()).prop_map(|(user, tag)| Draw::OutsidePair(user, tag)),
        6 => any().prop_map(Draw::OutsideDelete),
    ];
    // The minimum is one draw, so that a failing program can shrink to a few steps.
    proptest::collection::vec(draw, 1..135)
}

/// Returns smaller programs; a draw is simpler if it selects the first objects.
pub(super) fn smaller(draws: &[Draw]) -> Vec<Vec<Draw>> {
    shorter_programs(draws, |draw| vec![draw.on_first_objects()])
}

impl Draw {
    fn on_first_objects(&self) -> Self {
        match self {
            Self::AddAgain(_) => Self::AddAgain(0),
            Self::SetNumber(_, number) => Self::SetNumber(0, *number),
            Self::Delete(_) => Self::Delete(0),
            Self::SetUser(kind, _, user) => Self::SetUser(*kind, 0, user.map(|_| 0)),
            Self::Push(kind, ..) => Self::Push(*kind, 0, 0),
            Self::Remove(kind, _) => Self::Remove(*kind, 0),
            Self::Pair(side, ..) => Self::Pair(*side, 0, 0),
            Self::Part(side, _) => Self::Part(*side, 0),
            Self::Replace(..) => Self::Replace(0, Vec::new()),
            Self::Load(path, _) => Self::Load(*path, 0),
            Self::Get(_) => Self::Get(0),
            Self::Merge(_, number) => Self::Merge(0, *number),
            Self::Refresh(_) => Self::Refresh(0),
            Self::Expire(_) => Self::Expire(0),
            Self::Expunge(_) => Self::Expunge(0),
            Self::OutsideSet(_, number) => Self::OutsideSet(0, *number),
            Self::OutsideMove(kind, _, user) => Self::OutsideMove(*kind, 0, user.map(|_| 0)),
            Self::OutsidePair(..) => Self::OutsidePair(0, 0),
            Self::OutsideDelete(_) => Self::OutsideDelete(0),
            Self::Add(_)
            | Self::Query(_)
            | Self::Flush
            | Self::Savepoint
            | Self::Commit
            | Self::Rollback => self.clone(),
        }
    }
}

/// One step of a program, on objects by their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Add {
        object: usize,
        kind: Kind,
    },
    /// Adds an object that is transient again as a new object.
    AddAgain {
        old: usize,
        new: usize,
        kind: Kind,
    },
    SetNumber {
        object: usize,
        kind: Kind,
        number: Option<i32>,
    },
    Delete {
        object: usize,
        kind: Kind,
    },
    SetUser {
        child: usize,
        kind: Kind,
        user: Option<usize>,
    },
    Push {
        user: usize,
        child: usize,
        kind: Kind,
    },
    Remove {
        user: usize,
        child: usize,
        kind: Kind,
    },
    /// Relates a user and a tag, from one side.
    Pair {
        user: usize,
        tag: usize,
        side: Kind,
    },
    Part {
        user: usize,
        tag: usize,
        side: Kind,
    },
    /// Flushes, then replaces the user's tags with these.
    Replace {
        user: usize,
        tags: Vec<usize>,
    },
    /// Flushes, then loads the collection.
    Load {
        owner: usize,
        path: Path,
    },
    /// Reads all objects of a kind.
    Query {
        kind: Kind,
    },
    Get {
        object: usize,
        kind: Kind,
    },
    /// Merges a value with its key. Flushes first if the object must be read, so that the value has the keys of its row. A value with a
    /// number has the version that the session knows.
    Merge {
        object: usize,
        kind: Kind,
        number: Option<i32>,
        flush: bool,
    },
    Refresh {
        object: usize,
        kind: Kind,
    },
    Expire {
        object: usize,
        kind: Kind,
    },
    Expunge {
        object: usize,
        kind: Kind,
    },
    Flush,
    Commit,
    Rollback,
    Savepoint,
    Release,
    RollBackTo,
    /// Another session changes a committed row, between the transactions of the first.
    OutsideSet {
        object: usize,
        kind: Kind,
        number: Option<i32>,
    },
    OutsideMove {
        child: usize,
        kind: Kind,
        user: Option<usize>,
    },
    /// Another session relates what is unrelated, or unrelates what is related.
    OutsidePair {
        user: usize,
        tag: usize,
        wanted: Wanted,
    },
    /// Another session deletes a row, and inserts a row that stays, so that the key is not reused.
    OutsideDelete {
        object: usize,
        kind: Kind,
    },
}

/// A change of the pair of a user and a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Together,
    Apart,
}

impl Step {
    /// The names of all kinds of steps.
    #[cfg(test)]
    pub(super) const NAMES: [&'static str; 31] = [
        "add",
        "add again",
        "set",
        "delete",
        "relate",
        "relate note",
        "push",
        "push note",
        "remove",
        "remove note",
        "pair",
        "part",
        "replace",
        "load",
        "load pairs",
        "query",
        "get",
        "merge",
        "refresh",
        "expire",
        "expunge",
        "flush",
        "commit",
        "rollback",
        "savepoint",
        "release",
        "rollback to",
        "outside set",
        "outside move",
        "outside pair",
        "outside delete",
    ];

    /// Returns the kind of the step, for statistics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Add { .. } => "add",
            Self::AddAgain { .. } => "add again",
            Self::SetNumber { .. } => "set",
            Self::Delete { .. } => "delete",
            Self::SetUser {
                kind: Kind::Note, ..
            } => "relate note",
            Self::SetUser { .. } => "relate",
            Self::Push {
                kind: Kind::Note, ..
            } => "push note",
            Self::Push { .. } => "push",
            Self::Remove {
                kind: Kind::Note, ..
            } => "remove note",
            Self::Remove { .. } => "remove",
            Self::Pair { .. } => "pair",
            Self::Part { .. } => "part",
            Self::Replace { .. } => "replace",
            Self::Load {
                path: Path::Tags | Path::Users,
                ..
            } => "load pairs",
            Self::Load { .. } => "load",
            Self::Query { .. } => "query",
            Self::Get { .. } => "get",
            Self::Merge { .. } => "merge",
            Self::Refresh { .. } => "refresh",
            Self::Expire { .. } => "expire",
            Self::Expunge { .. } => "expunge",
            Self::Flush => "flush",
            Self::Commit => "commit",
            Self::Rollback => "rollback",
            Self::Savepoint => "savepoint",
            Self::Release => "release",
            Self::RollBackTo => "rollback to",
            Self::OutsideSet { .. } => "outside set",
            Self::OutsideMove { .. } => "outside move",
            Self::OutsidePair { .. } => "outside pair",
            Self::OutsideDelete { .. } => "outside delete",
        }
    }
}
