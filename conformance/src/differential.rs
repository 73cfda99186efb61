//! Runs the same programs on two targets and compares everything that a session observes.
//!
//! It compares rows (of all kinds of queries, with a total order), counts, error kinds, and the number of statements of each step if both
//! dialects batch the same way. It does not compare generated keys, because databases may generate them differently.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use selfsame::prelude::*;
use selfsame::sql::{
    Window, alias, avg, case, coalesce, count, count_all, exists, length, max, min, on, row_number,
    select, sum, text, upper,
};
use selfsame::{Error, ErrorKind, Result, metadata};

use crate::property::runner;
use crate::target::Target;
use crate::world::{Task, User};

/// The comparison of two targets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comparison {
    /// The names of the targets.
    pub targets: [String; 2],
    /// The seed.
    pub seed: u64,
    /// The number of programs that ran.
    pub programs: usize,
    /// The number of steps of the programs.
    pub steps: usize,
    /// The number of equal observations.
    pub observations: usize,
    /// Whether the numbers of statements were compared: only if both targets batch the same way.
    pub statements_compared: bool,
    /// The smallest program whose observations differ.
    pub difference: Option<Difference>,
}

/// The first difference between two targets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The steps, one line each.
    pub program: Vec<String>,
    /// The observation of each target at the first step where they differ.
    pub observed: [String; 2],
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, other] = &self.targets;
        if let Some(difference) = &self.difference {
            writeln!(f, "{one} and {other} differ in this program:")?;
            for step in &difference.program {
                writeln!(f, "    {step}")?;
            }
            for (name, observed) in self.targets.iter().zip(&difference.observed) {
                writeln!(f, "  {name}: {observed}")?;
            }
        } else {
            let statements = match self.statements_compared {
                true => "statement counts included",
                false => "statement counts not compared: their batches differ",
            };
            writeln!(
                f,
                "{one} and {other} are equal in {} observations of {} programs ({} steps; {statements})",
                self.observations, self.programs, self.steps
            )?;
        }
        writeln!(f, "seed {:#x}", self.seed)
    }
}

/// A step of a program. A number selects an object, modulo the number of objects.
#[derive(Clone, Debug)]
enum Step {
    AddUser(u8, Option<i32>),
    AddTask(u8, bool, Option<usize>),
    SetAge(usize, Option<i32>),
    Rename(usize, u8),
    SetUser(usize, Option<usize>),
    Delete(usize),
    DeleteTask(usize),
    Flush,
    Commit,
    Rollback,
    Savepoint(u8, bool),
    Load(usize),
    Ask(Question, i32),
    RaiseAll(i32),
    DeleteDone,
    Broken,
}

/// A query.
#[derive(Clone, Copy, Debug)]
enum Question {
    Older,
    ByAge,
    Aggregates,
    Joined,
    Without,
    Union,
    Numbered,
    Choice,
    Names,
    Count,
    Page,
    Lists,
}

const QUESTIONS: [Question; 12] = [
    Question::Older,
    Question::ByAge,
    Question::Aggregates,
    Question::Joined,
    Question::Without,
    Question::Union,
    Question::Numbered,
    Question::Choice,
    Question::Names,
    Question::Count,
    Question::Page,
    Question::Lists,
];

fn programs() -> impl Strategy<Value = Vec<Step>> {
    let age = || proptest::option::weighted(0.8, -3_i32..60);
    let which = || 0_usize..12;
    let step = prop_oneof![
        5 => (0_u8..14, age()).prop_map(|(n, age)| Step::AddUser(n, age)),
        4 => (0_u8..20, any::<bool>(), proptest::option::of(which()))
            .prop_map(|(n, done, user)| Step::AddTask(n, done, user)),
        2 => (which(), age()).prop_map(|(w, age)| Step::SetAge(w, age)),
        1 => (which(), 0_u8..14).prop_map(|(w, n)| Step::Rename(w, n)),
        2 => (which(), proptest::option::of(which())).prop_map(|(t, u)| Step::SetUser(t, u)),
        1 => which().prop_map(Step::Delete),
        1 => which().prop_map(Step::DeleteTask),
        2 => Just(Step::Flush),
        3 => Just(Step::Commit),
        1 => Just(Step::Rollback),
        1 => (0_u8..14, any::<bool>()).prop_map(|(n, keep)| Step::Savepoint(n, keep)),
        2 => which().prop_map(Step::Load),
        8 => (0..QUESTIONS.len(), -3_i32..60).prop_map(|(q, n)| Step::Ask(QUESTIONS[q], n)),
        1 => (0_i32..50).prop_map(Step::RaiseAll),
        1 => Just(Step::DeleteDone),
        1 => Just(Step::Broken),
    ];
    proptest::collection::vec(step, 1..40)
}

/// Runs random programs on two targets, and returns the smallest difference.
///
/// # Errors
///
/// A target that cannot be used.
pub fn compare_targets(
    one: &Arc<dyn Target>,
    other: &Arc<dyn Target>,
    seed: u64,
    programs_to_run: u32,
) -> Result<Comparison> {
    let batches = [one, other].map(|target| {
        let fresh = target.fresh()?;
        Ok::<_, Error>(fresh.backend().dialect().batch())
    });
    let [first, second] = batches;
    let statements_compared = first? == second?;
    let mut comparison = Comparison {
        targets: [one.name().to_owned(), other.name().to_owned()],
        seed,
        programs: 0,
        steps: 0,
        observations: 0,
        statements_compared,
        difference: None,
    };
    let strategy = programs();
    let mut runner = runner(seed);
    let run = |steps: &[Step]| -> Result<[Vec<String>; 2]> {
        Ok([
            observe(&**one, steps, statements_compared)?,
            observe(&**other, steps, statements_compared)?,
        ])
    };
    for _ in 0..programs_to_run {
        let drawn = strategy.new_tree(&mut runner).map_err(|reason| {
            Error::new(
                ErrorKind::Configuration,
                format!("cannot generate a program: {reason}"),
            )
        })?;
        let mut steps = drawn.current();
        let observed = run(&steps)?;
        comparison.programs += 1;
        comparison.steps += steps.len();
        if observed[0] == observed[1] {
            comparison.observations += observed[0].len();
            continue;
        }
        // Remove steps one by one, as long as the targets differ.
        let mut place = steps.len();
        while place > 0 {
            place -= 1;
            let mut fewer = steps.clone();
            fewer.remove(place);
            let [a, b] = run(&fewer)?;
            if a != b {
                steps = fewer;
                place = place.min(steps.len());
            }
        }
        let [a, b] = run(&steps)?;
        let parts = a.iter().zip(&b).find(|(a, b)| a != b);
        let observed = match parts {
            Some((a, b)) => [a.clone(), b.clone()],
            None => [a, b].map(|all| all.last().cloned().unwrap_or_default()),
        };
        comparison.difference = Some(Difference {
            program: steps.iter().map(|step| format!("{step:?}")).collect(),
            observed,
        });
        break;
    }
    Ok(comparison)
}

/// Runs a program on a target and returns one line for each step.
fn observe(target: &dyn Target, steps: &[Step], with_statements: bool) -> Result<Vec<String>> {
    let fresh = target.fresh()?;
    let engine = Engine::from_backend(fresh.backend());
    metadata![User, Task].create_all(&engine)?;
    let mut world = World {
        session: Session::new(&engine),
        users: Vec::new(),
        tasks: Vec::new(),
    };
    let mut lines = Vec::new();
    for (number, step) in steps.iter().chain([&Step::Commit]).enumerate() {
        let before = world.session.statements();
        let result = catch_unwind(AssertUnwindSafe(|| world.take(step)));
        let reported = match result {
            Ok(Ok(reported)) => reported,
            Ok(Err(error)) => {
                let reported = format!("{:?}", error.kind());
                // After an error both sessions are in the same state: rolled back.
                world.session.rollback()?;
                reported
            }
            Err(_) => "a panic".to_owned(),
        };
        let statements = match with_statements {
            true => format!(", {} statements", world.session.statements() - before),
            false => String::new(),
        };
        lines.push(format!("step {}: {reported}{statements}", number + 1));
    }
    for (what, question) in [("people", Question::ByAge), ("tasks", Question::Joined)] {
        let reported = world.ask(question, 0)?;
        lines.push(format!("{what} in the end: {reported}"));
    }
    drop(world);
    drop(engine);
    drop(fresh);
    Ok(lines)
}

struct World {
    session: Session,
    users: Vec<Handle<User>>,
    tasks: Vec<Handle<Task>>,
}

fn name(number: u8) -> String {
    format!("user {number:02}")
}

impl World {
    fn user(&self, which: usize) -> Option<Handle<User>> {
        let live: Vec<Handle<User>> = self
            .users
            .iter()
            .copied()
            .filter(|user| self.session.try_ref(*user).is_ok())
            .collect();
        live.get(which % live.len().max(1)).copied()
    }

    fn task(&self, which: usize) -> Option<Handle<Task>> {
        let live: Vec<Handle<Task>> = self
            .tasks
            .iter()
            .copied()
            .filter(|task| self.session.try_ref(*task).is_ok())
            .collect();
        live.get(which % live.len().max(1)).copied()
    }

    fn take(&mut self, step: &Step) -> Result<String> {
        let nothing = || Ok("nothing".to_owned());
        match *step {
            Step::AddUser(number, age) => {
                let user = User {
                    age,
                    ..User::new(name(number))
                };
                self.users.push(self.session.add(user));
            }
            Step::AddTask(number, done, user) => {
                let user = user.and_then(|user| self.user(user));
                let task = self.session.add(Task {
                    done,
                    ..Task::new(format!("task {number:02}"))
                });
                self.tasks.push(task);
                if user.is_some() {
                    self.session.set(task, Task::USER, user)?;
                }
            }
            Step::SetAge(which, age) => {
                let Some(user) = self.user(which) else {
                    return nothing();
                };
                self.session.refresh(user)?;
                self.session[user].age = age;
            }
            Step::Rename(which, number) => {
                let Some(user) = self.user(which) else {
                    return nothing();
                };
                self.session.refresh(user)?;
                self.session[user].name = name(number);
            }
            Step::SetUser(task, user) => {
                let user = user.and_then(|user| self.user(user));
                let Some(task) = self.task(task) else {
                    return nothing();
                };
                self.session.set(task, Task::USER, user)?;
            }
            Step::Delete(which) => {
                let Some(user) = self.user(which) else {
                    return nothing();
                };
                self.session.delete(user)?;
            }
            Step::DeleteTask(which) => {
                let Some(task) = self.task(which) else {
                    return nothing();
                };
                self.session.delete(task)?;
            }
            Step::Flush => self.session.flush()?,
            Step::Commit => self.session.commit()?,
            Step::Rollback => self.session.rollback()?,
            Step::Savepoint(number, keep) => {
                let mut added = None;
                let result: Result<()> = self.session.savepoint(|session| {
                    added = Some(session.add(User::new(name(number))));
                    session.flush()?;
                    match keep {
                        true => Ok(()),
                        false => Err(Error::new(ErrorKind::Validation, "a change of mind")),
                    }
                });
                self.users.extend(added.filter(|_| result.is_ok()));
                match result {
                    Err(error) if error.kind() == ErrorKind::Validation => {}
                    other => other?,
                }
            }
            Step::Load(which) => {
                let Some(user) = self.user(which) else {
                    return nothing();
                };
                let tasks = self.session.load(user, User::TASKS)?;
                let titles = tasks.iter().map(|task| self.session.try_ref(*task));
                let titles: Result<Vec<String>> =
                    titles.map(|task| Ok(task?.title.clone())).collect();
                let mut titles = titles?;
                titles.sort();
                return Ok(format!("tasks {titles:?}"));
            }
            Step::Ask(question, number) => return self.ask(question, number),
            Step::RaiseAll(most) => {
                let raised = User::query()
                    .filter(User::AGE.lt(most))
                    .update()
                    .set(User::AGE, User::AGE + 1)
                    .execute(&mut self.session)?;
                return Ok(format!("{raised} raised"));
            }
            Step::DeleteDone => {
                let deleted = Task::query()
                    .filter(Task::DONE.eq(true))
                    .delete()
                    .execute(&mut self.session)?;
                return Ok(format!("{deleted} deleted"));
            }
            Step::Broken => {
                let query = text("SELECT 1 FROM a_table_that_is_not_there", ());
                self.session.rows(&query.read_as::<i64>())?;
            }
        }
        Ok("done".to_owned())
    }

    fn ask(&mut self, question: Question, number: i32) -> Result<String> {
        let session = &mut self.session;
        let by_name = || User::NAME.asc();
        Ok(match question {
            Question::Older => {
                let query = User::query()
                    .filter(User::AGE.gt(number))
                    .order_by(by_name());
                shown(query.select((User::NAME, User::AGE)).all(session)?)
            }
            Question::ByAge => {
                let query = User::query()
                    .order_by(User::AGE.desc().nulls_last())
                    .order_by(by_name());
                shown(query.select((User::NAME, User::AGE)).all(session)?)
            }
            Question::Aggregates => {
                let columns = (
                    count(User::AGE),
                    sum(User::AGE),
                    min(User::AGE),
                    max(User::NAME),
                    avg(User::AGE),
                );
                let (ages, total, least, last, mean) =
                    select(columns).from(User::table()).one(session)?;
                format!("{ages} {total:?} {least:?} {last:?} {:.6?}", mean)
            }
            Question::Joined => {
                let query = select((Task::TITLE, Task::DONE, User::NAME.nullable()))
                    .from(Task::table())
                    .left_join(User::table(), on(Task::USER_ID, User::ID))
                    .order_by(Task::TITLE.asc())
                    .order_by(User::NAME.asc().nulls_first())
                    .order_by(Task::DONE.asc());
                shown(query.all(session)?)
            }
            Question::Without => {
                let tasks = select(Task::ID)
                    .from(Task::table())
                    .filter(on(Task::USER_ID, User::ID));
                let query = User::query().filter(!exists(tasks)).order_by(by_name());
                shown(query.select(User::NAME).all(session)?)
            }
            Question::Union => {
                let young = select(User::NAME)
                    .from(User::table())
                    .filter(User::AGE.lt(number));
                let titles = select(Task::TITLE).from(Task::table());
                shown(young.union_all(titles).order_by(1).all(session)?)
            }
            Question::Numbered => {
                let place =
                    row_number().over(Window::new().partition_by(User::AGE).order_by(by_name()));
                let query = select((User::NAME, place))
                    .from(User::table())
                    .order_by(by_name());
                shown(query.all(session)?)
            }
            Question::Choice => {
                let word = case(User::AGE.lt(number), "young")
                    .when(User::AGE.is_null(), "unknown")
                    .otherwise("old");
                let query = select((User::NAME, word, coalesce(User::AGE, -1)))
                    .from(User::table())
                    .order_by(by_name());
                shown(query.all(session)?)
            }
            Question::Names => {
                let pattern = format!("%{}%", number.rem_euclid(10));
                let query = select((upper(User::NAME), length(User::NAME)))
                    .from(User::table())
                    .filter(User::NAME.like(pattern))
                    .order_by(by_name());
                shown(query.all(session)?)
            }
            Question::Count => {
                let per_age = select((User::AGE, count_all()))
                    .from(User::table())
                    .group_by(User::AGE)
                    .having(count_all().ge(i64::from(number.rem_euclid(3))))
                    .order_by(User::AGE.asc().nulls_first());
                shown(per_age.all(session)?)
            }
            Question::Page => {
                let place = u64::try_from(number.rem_euclid(5)).unwrap_or_default();
                let query = User::query().order_by(by_name()).limit(3).offset(place);
                shown(query.select(User::NAME).all(session)?)
            }
            Question::Lists => {
                let other = alias::<User>("other");
                let query = select((User::NAME, other.column(User::NAME)))
                    .from(User::table())
                    .join(&other, on(User::AGE, other.column(User::AGE)))
                    .filter(User::AGE.in_([number, number + 1, 30]))
                    .order_by(by_name())
                    .order_by(other.column(User::NAME).asc());
                shown(query.all(session)?)
            }
        })
    }
}

fn shown<T: fmt::Debug>(rows: Vec<T>) -> String {
    format!("{rows:?}")
}
