//! Programs as Rust.

use std::collections::BTreeSet;

use super::Done;
use super::program::{Step, name_of, title_of};

/// The program as Rust.
///
/// What is added inside a savepoint is declared before all, for the steps behind the savepoint.
pub(super) fn print(program: &[Done]) -> String {
    let mut depth: usize = 0;
    let mut inside = BTreeSet::new();
    for done in program {
        match done.step {
            Step::AddUser(n) | Step::AddTask(n) | Step::AddAgain { new: n, .. } if depth > 0 => {
                inside.insert(n);
            }
            _ => depth = done.depth,
        }
    }
    let mut printer = Printer {
        out: String::new(),
        depth: 0,
        inside,
    };
    let uses_another = program
        .iter()
        .any(|done| done.step.name().starts_with("outside"));
    printer.line("let mut session = Session::new(&engine);");
    if uses_another {
        printer.line("let mut other = Session::new(&engine);");
    }
    for &object in &printer.inside.clone() {
        printer.line(&format!("let mut object{object} = None;"));
    }
    for done in program {
        printer.step(done);
    }
    printer.out
}

struct Printer {
    out: String,
    depth: usize,
    /// What is added inside a savepoint.
    inside: BTreeSet<usize>,
}

impl Printer {
    fn step(&mut self, done: &Done) {
        let session = if self.depth == 0 { "session" } else { "s" };
        let text = self.text(&done.step, session);
        if !done.refused {
            return match done.step {
                Step::Savepoint => {
                    self.line(&format!("{session}.savepoint(|s| {{"));
                    self.depth += 1;
                }
                Step::Release => {
                    self.line("Ok(())");
                    self.depth -= 1;
                    self.line("})?;");
                }
                Step::RollBackTo => {
                    self.line("Err::<(), _>(Error::new(ErrorKind::Validation, \"stop\"))");
                    self.depth -= 1;
                    self.line("}).unwrap_err();");
                }
                _ => self.line(&text),
            };
        }
        match (&done.step, self.depth) {
            (Step::Savepoint, 0) => self.line("session.savepoint(|_| Ok(())).unwrap_err();"),
            (Step::Savepoint, _) => self.line("s.savepoint(|_| Ok(())) // refused"),
            (Step::Release, _) => self.line("Ok(()) // refused by the flush at the end"),
            (_, 0) => self.line(&text.replace("?;", ".unwrap_err();")),
            _ => {
                self.line(&format!("{text} // refused"));
                self.line("Ok(())");
            }
        }
        if self.depth == 0 {
            self.line("session.rollback()?;");
        } else {
            self.depth -= 1;
            self.line("}).unwrap_err();");
        }
        let session = borrowed(if self.depth == 0 { "session" } else { "s" });
        self.line(&format!(
            "User::query().all({session})?; Task::query().all({session})?;"
        ));
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(&"    ".repeat(self.depth));
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn variable(&self, object: usize, is_user: bool) -> String {
        if self.inside.contains(&object) {
            format!("object{object}.unwrap()")
        } else {
            name_of(object, is_user).replace(' ', "")
        }
    }

    fn added(&self, object: usize, is_user: bool, session: &str) -> String {
        let ty = entity(is_user);
        let name = name_of(object, is_user);
        let add = format!("{session}.add({ty}::new(\"{name}\"))");
        if self.inside.contains(&object) {
            format!("object{object} = Some({add});")
        } else {
            format!("let {} = {add};", self.variable(object, is_user))
        }
    }

    fn text(&self, step: &Step, session: &str) -> String {
        let (user_of, task_of) = (
            |n: usize| self.variable(n, true),
            |n: usize| self.variable(n, false),
        );
        let some_user = |user: Option<usize>| match user {
            None => "None".to_owned(),
            Some(user) => format!("Some({})", user_of(user)),
        };
        match *step {
            Step::AddUser(n) => self.added(n, true, session),
            Step::AddTask(n) => self.added(n, false, session),
            Step::AddAgain { old, new, is_user } => format!(
                "{session}.take({})?; {}",
                self.variable(old, is_user),
                self.added(new, is_user, session)
            ),
            Step::SetNumber {
                object,
                is_user: true,
                number,
            } => format!("{session}[{}].age = {number:?};", user_of(object)),
            Step::SetNumber { object, number, .. } => format!(
                "{session}[{}].title = \"{}\".into();",
                task_of(object),
                title_of(object, number)
            ),
            Step::Delete { object, is_user } => {
                format!("{session}.delete({})?;", self.variable(object, is_user))
            }
            Step::SetUser { task, user } => format!(
                "{session}.set({}, Task::USER, {})?;",
                task_of(task),
                some_user(user)
            ),
            Step::Push { user, task } => format!(
                "{session}.push({}, User::TASKS, {})?;",
                user_of(user),
                task_of(task)
            ),
            Step::Remove { user, task } => format!(
                "{session}.remove({}, User::TASKS, {})?;",
                user_of(user),
                task_of(task)
            ),
            Step::Load(user) => format!(
                "{session}.flush().and_then(|()| {session}.load({}, User::TASKS))?;",
                user_of(user)
            ),
            Step::Query { users } => {
                format!("{}::query().all({})?;", entity(users), borrowed(session))
            }
            Step::Get { object, is_user } => format!(
                "{session}.get::<{}>({}_key)?;",
                entity(is_user),
                name_of(object, is_user).replace(' ', "")
            ),
            Step::Merge {
                object,
                is_user,
                number,
                flush,
            } => {
                let value = if is_user {
                    format!(
                        "User {{ id: Auto::set(user{object}_key), age: {number:?}, ..User::new(\"user {object}\") }}"
                    )
                } else {
                    format!(
                        "Task {{ id: Auto::set(task{object}_key), user_id: as_it_is, ..Task::new(\"{}\") }}",
                        title_of(object, number)
                    )
                };
                if flush {
                    format!("{session}.flush().and_then(|()| {session}.merge({value}))?;")
                } else {
                    format!("{session}.merge({value})?;")
                }
            }
            Step::Refresh { object, is_user } => {
                format!("{session}.refresh({})?;", self.variable(object, is_user))
            }
            Step::Expire { object, is_user } => {
                format!("{session}.expire({})?;", self.variable(object, is_user))
            }
            Step::Expunge { object, is_user } => {
                format!("{session}.expunge({})?;", self.variable(object, is_user))
            }
            Step::Flush => format!("{session}.flush()?;"),
            Step::Commit => "session.commit()?;".to_owned(),
            Step::Rollback => "session.rollback()?;".to_owned(),
            Step::Savepoint | Step::Release | Step::RollBackTo => String::new(),
            Step::OutsideSet {
                object,
                is_user: true,
                number,
            } => format!(
                "{} other[it].age = {number:?}; other.commit()?;",
                found(object, true)
            ),
            Step::OutsideSet { object, number, .. } => format!(
                "{} other[it].title = \"{}\".into(); other.commit()?;",
                found(object, false),
                title_of(object, number)
            ),
            Step::OutsideMove { task, user } => format!(
                "{} other[it].user_id = {}; other.commit()?;",
                found(task, false),
                user.map_or("None".to_owned(), |user| format!("Some(user{user}_key)"))
            ),
            Step::OutsideDelete { object, is_user } => format!(
                "{} other.delete(it)?; other.add({}::new(\"guard {object}\")); other.commit()?;",
                found(object, is_user),
                entity(is_user)
            ),
        }
    }
}

/// The session as an argument; inside a savepoint it is borrowed already.
fn borrowed(session: &str) -> &str {
    match session {
        "session" => "&mut session",
        other => other,
    }
}

fn entity(is_user: bool) -> &'static str {
    if is_user { "User" } else { "Task" }
}

/// What the other session begins with.
fn found(object: usize, is_user: bool) -> String {
    format!(
        "let it = other.get::<{}>({}_key)?.unwrap();",
        entity(is_user),
        name_of(object, is_user).replace(' ', "")
    )
}
