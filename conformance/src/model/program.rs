//! Programs: what is drawn, what is done, and how it is printed.

use proptest::prelude::*;

/// What a drawn program asks for. Numbers choose among the objects for which it makes sense.
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
    Get(usize),
    Flush,
    Commit,
    Rollback,
}

/// Lists of wishes; programs do more than twenty steps in the mean.
pub(super) fn programs() -> impl Strategy<Value = Vec<Wish>> {
    let number = proptest::option::of(0..5_i32);
    let any = || any::<usize>();
    let wish = prop_oneof![
        4 => Just(Wish::AddUser),
        5 => Just(Wish::AddTask),
        6 => any().prop_map(Wish::AddAgain),
        6 => (any(), number).prop_map(|(which, number)| Wish::SetNumber(which, number)),
        4 => any().prop_map(Wish::Delete),
        4 => (any(), proptest::option::of(any())).prop_map(|(task, user)| Wish::SetUser(task, user)),
        4 => (any(), any()).prop_map(|(user, task)| Wish::Push(user, task)),
        6 => any().prop_map(Wish::Remove),
        4 => any().prop_map(Wish::Load),
        4 => any().prop_map(Wish::Get),
        4 => Just(Wish::Flush),
        3 => Just(Wish::Commit),
        3 => Just(Wish::Rollback),
    ];
    // From one wish on, so that a failing program can shrink to a few steps.
    proptest::collection::vec(wish, 1..90)
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
            other => other.clone(),
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
    /// `flush` first where the object must be read, so that it is known what the read flushes.
    Get {
        object: usize,
        is_user: bool,
        flush: bool,
    },
    Flush,
    Commit,
    Rollback,
}

impl Step {
    /// The names of all kinds of steps.
    #[cfg(test)]
    pub(super) const NAMES: [&'static str; 12] = [
        "add",
        "add again",
        "set",
        "delete",
        "relate",
        "push",
        "remove",
        "load",
        "get",
        "flush",
        "commit",
        "rollback",
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
            Self::Get { .. } => "get",
            Self::Flush => "flush",
            Self::Commit => "commit",
            Self::Rollback => "rollback",
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

/// The program as Rust.
pub(super) fn print(steps: &[Step]) -> String {
    let mut out = "let mut session = Session::new(&engine);\n".to_owned();
    for step in steps {
        out.push_str(&line(step));
        out.push('\n');
    }
    out
}

fn line(step: &Step) -> String {
    let variable = |object: usize, is_user: bool| name_of(object, is_user).replace(' ', "");
    let (user_of, task_of) = (|n| variable(n, true), |n| variable(n, false));
    match step {
        Step::AddUser(n) => format!(
            "let {} = session.add(User::new(\"user {n}\"));",
            user_of(*n)
        ),
        Step::AddTask(n) => format!(
            "let {} = session.add(Task::new(\"task {n}\"));",
            task_of(*n)
        ),
        Step::AddAgain { old, new, is_user } => format!(
            "session.take({})?; let {} = session.add({}::new(\"{}\"));",
            variable(*old, *is_user),
            variable(*new, *is_user),
            if *is_user { "User" } else { "Task" },
            name_of(*new, *is_user),
        ),
        Step::SetNumber {
            object,
            is_user: true,
            number,
        } => format!("session[{}].age = {number:?};", user_of(*object)),
        Step::SetNumber { object, number, .. } => format!(
            "session[{}].title = \"{}\".into();",
            task_of(*object),
            title_of(*object, *number)
        ),
        Step::Delete { object, is_user } => {
            format!("session.delete({})?;", variable(*object, *is_user))
        }
        Step::SetUser { task, user: None } => {
            format!("session.set({}, Task::USER, None)?;", task_of(*task))
        }
        Step::SetUser {
            task,
            user: Some(user),
        } => format!(
            "session.set({}, Task::USER, Some({}))?;",
            task_of(*task),
            user_of(*user)
        ),
        Step::Push { user, task } => format!(
            "session.push({}, User::TASKS, {})?;",
            user_of(*user),
            task_of(*task)
        ),
        Step::Remove { user, task } => format!(
            "session.remove({}, User::TASKS, {})?;",
            user_of(*user),
            task_of(*task)
        ),
        Step::Load(user) => format!(
            "session.flush()?; session.load({}, User::TASKS)?;",
            user_of(*user)
        ),
        Step::Get {
            object,
            is_user,
            flush,
        } => format!(
            "{}session.get::<{}>({}_key)?;",
            if *flush { "session.flush()?; " } else { "" },
            if *is_user { "User" } else { "Task" },
            variable(*object, *is_user)
        ),
        Step::Flush => "session.flush()?;".to_owned(),
        Step::Commit => "session.commit()?;".to_owned(),
        Step::Rollback => "session.rollback()?;".to_owned(),
    }
}
