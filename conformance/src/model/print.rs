//! Formats programs as Rust code.

use std::collections::BTreeSet;

use super::Done;
use super::entities::{Kind, name_of, text_of};
use super::program::{Step, Wanted};

/// Formats the program as Rust code.
///
/// Objects added inside a savepoint are declared at the start, for the steps after the savepoint.
pub(super) fn print(program: &[Done]) -> String {
    let mut depth: usize = 0;
    let mut inside = BTreeSet::new();
    for done in program {
        match done.step {
            Step::Add { object: n, .. } | Step::AddAgain { new: n, .. } if depth > 0 => {
                inside.insert(n);
            }
            _ => depth = done.depth,
        }
    }
    let kinds = program.iter().filter_map(|done| match done.step {
        Step::Add { kind, .. } => Some(kind),
        _ => None,
    });
    let mut printer = Printer {
        out: String::new(),
        depth: 0,
        inside,
        kinds: kinds.collect(),
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
    /// Objects added inside a savepoint.
    inside: BTreeSet<usize>,
    /// The kinds that are read after a refused step.
    kinds: BTreeSet<Kind>,
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
        let queries = self.kinds.iter();
        let queries: Vec<String> = queries
            .map(|kind| format!("{}::query().all({session})?;", kind.entity()))
            .collect();
        self.line(&queries.join(" "));
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(&"    ".repeat(self.depth));
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn variable(&self, object: usize, kind: Kind) -> String {
        if self.inside.contains(&object) {
            format!("object{object}.unwrap()")
        } else {
            variable(object, kind)
        }
    }

    fn added(&self, object: usize, kind: Kind, session: &str) -> String {
        let (ty, name) = (kind.entity(), name_of(object, kind));
        let add = format!("{session}.add({ty}::new(\"{name}\"))");
        if self.inside.contains(&object) {
            format!("object{object} = Some({add});")
        } else {
            format!("let {} = {add};", self.variable(object, kind))
        }
    }

    /// Formats a method call on a many-to-many relation, from one of its sides.
    fn paired(&self, method: &str, user: usize, tag: usize, side: Kind) -> String {
        let (user, tag) = (
            self.variable(user, Kind::User),
            self.variable(tag, Kind::Tag),
        );
        match side {
            Kind::Tag => format!("{method}({tag}, Tag::USERS, {user})?;"),
            _ => format!("{method}({user}, User::TAGS, {tag})?;"),
        }
    }

    fn text(&self, step: &Step, session: &str) -> String {
        let user_of = |n: usize| self.variable(n, Kind::User);
        match *step {
            Step::Add { object, kind } => self.added(object, kind, session),
            Step::AddAgain { old, new, kind } => format!(
                "{session}.take({})?; {}",
                self.variable(old, kind),
                self.added(new, kind, session)
            ),
            Step::SetNumber {
                object,
                kind,
                number,
            } => format!(
                "{session}[{}].{};",
                self.variable(object, kind),
                assignment(object, kind, number)
            ),
            Step::Delete { object, kind } => {
                format!("{session}.delete({})?;", self.variable(object, kind))
            }
            Step::SetUser { child, kind, user } => format!(
                "{session}.set({}, {}::USER, {})?;",
                self.variable(child, kind),
                kind.entity(),
                user.map_or("None".to_owned(), |user| format!("Some({})", user_of(user)))
            ),
            Step::Push { user, child, kind } => format!(
                "{session}.push({}, {}, {})?;",
                user_of(user),
                kind.listed(),
                self.variable(child, kind)
            ),
            Step::Remove { user, child, kind } => format!(
                "{session}.remove({}, {}, {})?;",
                user_of(user),
                kind.listed(),
                self.variable(child, kind)
            ),
            Step::Pair { user, tag, side } => {
                format!("{session}.{}", self.paired("push", user, tag, side))
            }
            Step::Part { user, tag, side } => {
                format!("{session}.{}", self.paired("remove", user, tag, side))
            }
            Step::Replace { user, ref tags } => {
                let tags = tags.iter().map(|&tag| self.variable(tag, Kind::Tag));
                format!(
                    "{session}.flush().and_then(|()| {session}.replace({}, User::TAGS, [{}]))?;",
                    user_of(user),
                    tags.collect::<Vec<String>>().join(", ")
                )
            }
            Step::Load { owner, path } => format!(
                "{session}.flush().and_then(|()| {session}.load({}, {}))?;",
                self.variable(owner, path.owner()),
                path.relation()
            ),
            Step::Query { kind } => {
                format!("{}::query().all({})?;", kind.entity(), borrowed(session))
            }
            Step::Get { object, kind } => format!(
                "{session}.get::<{}>({}_key)?;",
                kind.entity(),
                variable(object, kind)
            ),
            Step::Merge {
                object,
                kind,
                number,
                flush,
            } => {
                let value = merged(object, kind, number);
                if flush {
                    format!("{session}.flush().and_then(|()| {session}.merge({value}))?;")
                } else {
                    format!("{session}.merge({value})?;")
                }
            }
            Step::Refresh { object, kind } => {
                format!("{session}.refresh({})?;", self.variable(object, kind))
            }
            Step::Expire { object, kind } => {
                format!("{session}.expire({})?;", self.variable(object, kind))
            }
            Step::Expunge { object, kind } => {
                format!("{session}.expunge({})?;", self.variable(object, kind))
            }
            Step::Flush => format!("{session}.flush()?;"),
            Step::Commit => "session.commit()?;".to_owned(),
            Step::Rollback => "session.rollback()?;".to_owned(),
            Step::Savepoint | Step::Release | Step::RollBackTo => String::new(),
            Step::OutsideSet {
                object,
                kind,
                number,
            } => format!(
                "{} other[it].{}; other.commit()?;",
                found(object, kind),
                assignment(object, kind, number)
            ),
            Step::OutsideMove { child, kind, user } => format!(
                "{} other[it].user_id = {}; other.commit()?;",
                found(child, kind),
                user.map_or("None".to_owned(), |user| format!("Some(user{user}_key)"))
            ),
            Step::OutsidePair { user, tag, wanted } => format!(
                "{} let tag = other.get::<Tag>(tag{tag}_key)?.unwrap(); other.{}(it, User::TAGS, tag)?; other.commit()?;",
                found(user, Kind::User),
                match wanted {
                    Wanted::Together => "push",
                    Wanted::Apart => "remove",
                }
            ),
            Step::OutsideDelete { object, kind } => {
                let guard =
                    |kind: Kind| format!("other.add({}::new(\"guard {object}\"));", kind.entity());
                let guards = match kind {
                    Kind::User => format!("{} {}", guard(kind), guard(Kind::Note)),
                    kind => guard(kind),
                };
                format!(
                    "{} other.delete(it)?; {guards} other.commit()?;",
                    found(object, kind)
                )
            }
        }
    }
}

/// Formats the session as an argument; inside a savepoint it is borrowed already.
fn borrowed(session: &str) -> &str {
    match session {
        "session" => "&mut session",
        other => other,
    }
}

fn variable(object: usize, kind: Kind) -> String {
    name_of(object, kind).replace(' ', "")
}

/// Formats the field that holds an object's number.
fn assignment(object: usize, kind: Kind, number: Option<i32>) -> String {
    let text = text_of(object, kind, number);
    match kind {
        Kind::User => format!("age = {number:?}"),
        Kind::Task => format!("title = \"{text}\".into()"),
        Kind::Note => format!("text = \"{text}\".into()"),
        Kind::Tag => format!("label = \"{text}\".into()"),
    }
}

/// Formats a value to merge.
fn merged(object: usize, kind: Kind, number: Option<i32>) -> String {
    let name = name_of(object, kind);
    let text = text_of(object, kind, number);
    let ty = kind.entity();
    let key = format!("id: Auto::set({}_key)", variable(object, kind));
    match kind {
        Kind::User => format!("{ty} {{ {key}, age: {number:?}, ..{ty}::new(\"{name}\") }}"),
        Kind::Task if number.is_some() => format!(
            "{ty} {{ {key}, user_id: as_it_is, version: as_known, ..{ty}::new(\"{text}\") }}"
        ),
        Kind::Task | Kind::Note => {
            format!("{ty} {{ {key}, user_id: as_it_is, ..{ty}::new(\"{text}\") }}")
        }
        Kind::Tag => format!("{ty} {{ {key}, ..{ty}::new(\"{text}\") }}"),
    }
}

/// Formats the first statement of the other session.
fn found(object: usize, kind: Kind) -> String {
    format!(
        "let it = other.get::<{}>({}_key)?.unwrap();",
        kind.entity(),
        variable(object, kind)
    )
}
