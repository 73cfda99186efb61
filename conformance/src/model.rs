//! The state machine: runs random programs on a session, and compares each step with a small model in memory.
//!
//! A program is generated as a list of [`Draw`]s. The [`Reference`] turns each draw into a [`Step`] that is valid at its place, so any part of
//! a program is a valid program, and programs shrink well. The [`Machine`] runs the step on a session and compares states, values, collections,
//! rows and statements.

mod choice;
mod entities;
mod kept;
mod machine;
mod print;
mod program;
mod reference;

use std::collections::BTreeMap;

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::property::Inputs;
use machine::Machine;
use program::{Draw, Step};
use reference::Reference;

pub(crate) const CASES: &[Case] = &[Case::core("model.session.program", programs)
    .needs(&[
        Capability::Transactions,
        Capability::Savepoints,
        Capability::ForeignKeys,
        Capability::GeneratedKeys,
    ])
    .promise(
        "Random programs of add, set, delete, relations of every kind, versions, orphans, load, query, get, merge, refresh, expire, expunge, flush, savepoints, commit and \
         rollback, with another session that changes the rows between the transactions, leave objects, states, rows and counts of \
         statements as the rules say, step by step, and refuse what is stale.",
    )
    .hint("Run the printed program by hand: its last step is the first that differs.")
    .covers(&[
        Rule(1),
        Rule(2),
        Rule(3),
        Rule(4),
        Rule(7),
        Rule(8),
        Rule(9),
        Rule(12),
        Rule(14),
        Rule(15),
        Rule(18),
        Rule(19),
        Rule(23),
        Rule(25),
        Rule(26),
        Rule(30),
        Rule(31),
        Rule(32),
        Rule(33),
        Rule(34),
        Rule(35),
    ])];

fn programs(context: &mut Context) -> CaseResult {
    let world = entities::world(context)?;
    let mut statistics = Statistics::default();
    let inputs = Inputs {
        strategy: program::programs(),
        count: context.cases(),
        show: |draws| print::print(&steps(draws)),
        smaller: |draws| program::smaller(draws),
        kept: kept::programs(),
        keep: |draws| Some(kept::keep(draws)),
    };
    let result = context.property_of(&inputs, |context, draws| {
        entities::empty(&world)?;
        let steps = steps(&draws);
        context.operations += steps.len() as u64;
        statistics.add(&steps);
        Machine::new(&world).run(&draws)
    });
    if result.is_ok() {
        context.note(statistics.to_string());
    }
    result
}

/// A step of a program.
#[derive(Clone, Debug)]
struct Done {
    step: Step,
    /// Whether the step must be refused; the transaction or the innermost savepoint is then rolled back.
    refused: bool,
    /// The number of open savepoints after the step.
    depth: usize,
}

/// Returns the steps of a program, without a database. Savepoints left open are rolled back.
fn steps(draws: &[Draw]) -> Vec<Done> {
    let mut reference = Reference::default();
    let mut steps = Vec::new();
    let mut run = |reference: &mut Reference, step: Step| {
        let refused = reference.apply(&step).is_err();
        let depth = reference.depth();
        steps.push(Done {
            step,
            refused,
            depth,
        });
    };
    for draw in draws {
        if let Some(step) = reference.resolve(draw) {
            run(&mut reference, step);
        }
    }
    while reference.depth() > 0 {
        run(&mut reference, Step::RollBackTo);
    }
    steps
}

/// Statistics of programs: their lengths and the frequency of each kind of step.
#[derive(Debug, Default)]
struct Statistics {
    programs: usize,
    steps: usize,
    refused: usize,
    by_name: BTreeMap<&'static str, usize>,
}

impl Statistics {
    fn add(&mut self, steps: &[Done]) {
        self.programs += 1;
        self.steps += steps.len();
        for done in steps {
            self.refused += usize::from(done.refused);
            *self.by_name.entry(done.step.name()).or_default() += 1;
        }
    }
}

impl std::fmt::Display for Statistics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} steps in {} programs:", self.steps, self.programs)?;
        let share = |count: usize| {
            let permille = count * 1_000 / self.steps.max(1);
            format!("{}.{}%", permille / 10, permille % 10)
        };
        for (name, &count) in &self.by_name {
            write!(f, " {name} {}", share(count))?;
        }
        write!(f, "; {} refused, as they must be", share(self.refused))
    }
}

#[cfg(test)]
mod tests {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;

    use super::entities::Kind;
    use super::*;

    #[test]
    fn programs_are_long_and_do_everything() {
        let mut runner = TestRunner::deterministic();
        let mut statistics = Statistics::default();
        for _ in 0..256 {
            let tree = program::programs()
                .new_tree(&mut runner)
                .expect("programs can be drawn");
            statistics.add(&steps(&tree.current()));
        }
        assert!(statistics.steps >= 20 * statistics.programs, "{statistics}");
        for name in Step::NAMES {
            let count = statistics.by_name.get(name).copied().unwrap_or_default();
            assert!(
                count * 100 >= statistics.steps,
                "{name} is rare: {statistics}"
            );
        }
    }

    #[test]
    fn a_program_prints_as_rust() {
        let draws = [
            Draw::Add(Kind::User),
            Draw::Add(Kind::Task),
            Draw::SetUser(Kind::Task, 0, Some(0)),
            Draw::SetNumber(0, Some(3)),
            Draw::Commit,
            Draw::Delete(0),
            Draw::Rollback,
        ];
        assert_eq!(
            print::print(&steps(&draws)),
            "let mut session = Session::new(&engine);\n\
             let user0 = session.add(User::new(\"user 0\"));\n\
             let task1 = session.add(Task::new(\"task 1\"));\n\
             session.set(task1, Task::USER, Some(user0))?;\n\
             session[user0].age = Some(3);\n\
             session.commit()?;\n\
             session.delete(user0)?;\n\
             session.rollback()?;\n"
        );
    }

    #[test]
    fn savepoints_and_refusals_print_as_rust() {
        let draws = [
            Draw::Add(Kind::User),
            Draw::Commit,
            Draw::OutsideDelete(0),
            Draw::Savepoint,
            Draw::Add(Kind::Task),
            Draw::Commit,
            Draw::SetNumber(0, Some(3)),
            Draw::Flush,
            Draw::Expunge(0),
        ];
        assert_eq!(
            print::print(&steps(&draws)),
            "let mut session = Session::new(&engine);\n\
             let mut other = Session::new(&engine);\n\
             let mut object1 = None;\n\
             let user0 = session.add(User::new(\"user 0\"));\n\
             session.commit()?;\n\
             let it = other.get::<User>(user0_key)?.unwrap(); other.delete(it)?; \
             other.add(User::new(\"guard 0\")); other.add(Note::new(\"guard 0\")); other.commit()?;\n\
             session.savepoint(|s| {\n    \
             object1 = Some(s.add(Task::new(\"task 1\")));\n    \
             Ok(())\n\
             })?;\n\
             session[user0].age = Some(3);\n\
             session.flush().unwrap_err();\n\
             session.rollback()?;\n\
             User::query().all(&mut session)?; Task::query().all(&mut session)?;\n\
             session.expunge(user0)?;\n"
        );
    }
}
