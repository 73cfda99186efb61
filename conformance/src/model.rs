//! The state machine: random programs on a session, step by step beside a small model in memory.
//!
//! A program is drawn as a list of [`Wish`]es. The [`Reference`] turns each into a [`Step`] that makes sense where it stands, so that
//! any part of a program is a program too and shrinks well. The [`Machine`] runs the step on a session and compares: states,
//! values, collections, rows, and what was sent.

mod machine;
mod program;
mod reference;

use std::collections::BTreeMap;

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::property::Inputs;
use crate::world::World;
use machine::Machine;
use program::{Step, Wish};
use reference::Reference;

pub(crate) const CASES: &[Case] = &[Case::core("model.session.program", programs)
    .needs(&[Capability::Transactions, Capability::GeneratedKeys])
    .promise(
        "Random programs of add, set, delete, relations, load, get, flush, commit and rollback leave objects, states, rows and \
         counts of statements as the rules say, step by step.",
    )
    .hint("Run the printed program by hand: its last step is the first that differs.")
    .covers(&[
        Rule(1),
        Rule(7),
        Rule(8),
        Rule(12),
        Rule(14),
        Rule(23),
        Rule(25),
        Rule(30),
        Rule(31),
        Rule(34),
    ])];

fn programs(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut statistics = Statistics::default();
    let inputs = Inputs {
        strategy: program::programs(),
        count: context.cases(),
        show: |wishes| program::print(&steps(wishes)),
        smaller: |wishes| program::smaller(wishes),
    };
    let result = context.property_of(&inputs, |_, wishes| {
        world.empty()?;
        statistics.add(&steps(&wishes));
        Machine::new(&world).run(&wishes)
    });
    if result.is_ok() {
        context.note(statistics.to_string());
    }
    result
}

/// What a program does, found out without a database.
fn steps(wishes: &[Wish]) -> Vec<Step> {
    let mut reference = Reference::default();
    let mut steps = Vec::new();
    for wish in wishes {
        if let Some(step) = reference.resolve(wish) {
            reference.apply(&step);
            steps.push(step);
        }
    }
    steps
}

/// How long programs are, and what they do how often.
#[derive(Debug, Default)]
struct Statistics {
    programs: usize,
    steps: usize,
    by_name: BTreeMap<&'static str, usize>,
}

impl Statistics {
    fn add(&mut self, steps: &[Step]) {
        self.programs += 1;
        self.steps += steps.len();
        for step in steps {
            *self.by_name.entry(step.name()).or_default() += 1;
        }
    }

    /// Steps per program, rounded down.
    fn mean(&self) -> usize {
        self.steps / self.programs.max(1)
    }
}

impl std::fmt::Display for Statistics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} programs of {} steps in the mean:",
            self.programs,
            self.mean()
        )?;
        for (name, count) in &self.by_name {
            write!(f, " {name} {}%", count * 100 / self.steps.max(1))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;

    use super::*;

    #[test]
    fn programs_are_long_and_do_everything() {
        let mut runner = TestRunner::deterministic();
        let mut statistics = Statistics::default();
        for _ in 0..64 {
            let tree = program::programs()
                .new_tree(&mut runner)
                .expect("programs can be drawn");
            statistics.add(&steps(&tree.current()));
        }
        assert!(statistics.mean() >= 20, "{statistics}");
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
        let wishes = [
            Wish::AddUser,
            Wish::AddTask,
            Wish::SetUser(0, Some(0)),
            Wish::SetNumber(0, Some(3)),
            Wish::Commit,
            Wish::Delete(0),
            Wish::Rollback,
        ];
        assert_eq!(
            program::print(&steps(&wishes)),
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
}
