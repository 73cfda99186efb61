//! Programs: what is drawn, and what is done.

use proptest::prelude::*;

/// What a drawn program asks for. Numbers choose among the objects for which it makes sense.
///
/// Inside a savepoint, `Commit` releases it and `Rollback` rolls back to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    AddUser,
    AddTask,
    AddAgain(usize),
    SetNumber(usize, Option<i32>),
    Delete(usize),
    SetUser(usize, Option<usize>),
    Push(usize, usize),
    Remove(usize),
    Load(usize),
    Query(bool),
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
    OutsideMove(usize, Option<usize>),
    OutsideDelete(usize),
}

/// Lists of wishes; programs do more than twenty steps in the mean.
pub(super) fn programs() -> impl Strategy<Value = Vec<Wish>> {
    let number = || proptest::option::of(0..5_i32);
    let any = || any::<usize>();
    let wish = prop_oneof![
        4 => Just(Wish::AddUser),
        5 => Just(Wish::AddTask),
        8 => any().prop_map(Wish::AddAgain),
        6 => (any(), number()).prop_map(|(which, number)| Wish::SetNumber(which, number)),
        4 => any().prop_map(Wish::Delete),
        4 => (any(), proptest::option::of(any())).prop_map(|(task, user)| Wish::SetUser(task, user)),
        4 => (any(), any()).prop_map(|(user, task)| Wish::Push(user, task)),
        9 => any().prop_map(Wish::Remove),
        3 => any().prop_map(Wish::Load),
        2 => proptest::bool::ANY.prop_map(Wish::Query),
        4 => any().prop_map(Wish::Get),
        4 => (any(), number()).prop_map(|(which, number)| Wish::Merge(which, number)),
        3 => any().prop_map(Wish::Refresh),
        3 => any().prop_map(Wish::Expire),
        2 => any().prop_map(Wish::Expunge),
        3 => Just(Wish::Flush),
        4 => Just(Wish::Savepoint),
        6 => Just(Wish::Commit),
        4 => Just(Wish::Rollback),
        8 => (any(), number()).prop_map(|(which, number)| Wish::OutsideSet(which, number)),
        11 => (any(), proptest::option::of(any())).prop_map(|(task, user)| Wish::OutsideMove(task, user)),
        6 => any().prop_map(Wish::OutsideDelete),
    ];
    // From one wish on, so that a failing program can shrink to a few steps.
    proptest::collection::vec(wish, 1..100)
}

/// Programs with one wish less, the last first, and with one wish that chooses the first objects.
///
/// Leaving a wish out changes what those behind it choose; trying it again once others are gone finds much smaller programs.
pub(super) fn smaller(wishes: &[Wish]) -> Vec<Vec<Wish>> {
    let shorter = (0..wishes.len()).rev().map(|place| {
        let mut fewer = wishes.to_vec();
        fewer.remove(place);
        fewer
    });
    let plainer = (0..wishes.len()).filter_map(|place| {
        let first = wishes[place].on_first_objects();
        (first != wishes[place]).then(|| {
            let mut changed = wishes.to_vec();
            changed[place] = first;
            changed
        })
    });
    shorter.chain(plainer).collect()
}

impl Wish {
    fn on_first_objects(&self) -> Self {
        match self {
            Self::AddAgain(_) => Self::AddAgain(0),
            Self::SetNumber(_, number) => Self::SetNumber(0, *number),
            Self::Delete(_) => Self::Delete(0),
            Self::SetUser(_, user) => Self::SetUser(0, user.map(|_| 0)),
            Self::Push(..) => Self::Push(0, 0),
            Self::Remove(_) => Self::Remove(0),
            Self::Load(_) => Self::Load(0),
            Self::Get(_) => Self::Get(0),
            Self::Merge(_, number) => Self::Merge(0, *number),
            Self::Refresh(_) => Self::Refresh(0),
            Self::Expire(_) => Self::Expire(0),
            Self::Expunge(_) => Self::Expunge(0),
            Self::OutsideSet(_, number) => Self::OutsideSet(0, *number),
            Self::OutsideMove(_, user) => Self::OutsideMove(0, user.map(|_| 0)),
            Self::OutsideDelete(_) => Self::OutsideDelete(0),
            Self::AddUser
            | Self::AddTask
            | Self::Query(_)
            | Self::Flush
            | Self::Savepoint
            | Self::Commit
            | Self::Rollback => self.clone(),
        }
    }
}

/// One step of a program, on objects by their number in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    AddUser(usize),
    AddTask(usize),
    /// Takes a transient object and adds it as a new one.
    AddAgain {
        old: usize,
        new: usize,
        is_user: bool,
    },
    SetNumber {
        object: usize,
        is_user: bool,
        number: Option<i32>,
    },
    Delete {
        object: usize,
        is_user: bool,
    },
    SetUser {
        task: usize,
        user: Option<usize>,
    },
    Push {
        user: usize,
        task: usize,
    },
    Remove {
        user: usize,
        task: usize,
    },
    /// Flushes, then loads the collection.
    Load(usize),
    /// Reads all users, or all tasks.
    Query {
        users: bool,
    },
    Get {
        object: usize,
        is_user: bool,
    },
    /// Merges a value of its key; `flush` first where the object must be read, so that the value has the keys of its row.
    Merge {
        object: usize,
        is_user: bool,
        number: Option<i32>,
        flush: bool,
    },
    Refresh {
        object: usize,
        is_user: bool,
    },
    Expire {
        object: usize,
        is_user: bool,
    },
    Expunge {
        object: usize,
        is_user: bool,
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
        is_user: bool,
        number: Option<i32>,
    },
    OutsideMove {
        task: usize,
        user: Option<usize>,
    },
    /// It also inserts a row that stays, so that the key is not given out again.
    OutsideDelete {
        object: usize,
        is_user: bool,
    },
}

impl Step {
    /// The names of all kinds of steps.
    #[cfg(test)]
    pub(super) const NAMES: [&'static str; 23] = [
        "add",
        "add again",
        "set",
        "delete",
        "relate",
        "push",
        "remove",
        "load",
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
        "outside delete",
    ];

    /// What kind of step it is, for statistics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::AddUser(_) | Self::AddTask(_) => "add",
            Self::AddAgain { .. } => "add again",
            Self::SetNumber { .. } => "set",
            Self::Delete { .. } => "delete",
            Self::SetUser { .. } => "relate",
            Self::Push { .. } => "push",
            Self::Remove { .. } => "remove",
            Self::Load(_) => "load",
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
            Self::OutsideDelete { .. } => "outside delete",
        }
    }
}

/// The name of a user, or the title of a task that nobody changed.
pub(super) fn name_of(object: usize, is_user: bool) -> String {
    if is_user {
        format!("user {object}")
    } else {
        format!("task {object}")
    }
}

/// The title of a task.
pub(super) fn title_of(object: usize, number: Option<i32>) -> String {
    match number {
        None => name_of(object, false),
        Some(number) => format!("task {object} v{number}"),
    }
}
