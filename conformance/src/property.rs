//! Properties: one check tried on many drawn inputs, the smallest failing one reported.

use std::fmt::Debug;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::case::{CaseResult, Failure};
use crate::context::Context;

/// How many smaller inputs are tried before the smallest so far is reported.
const MOST_SHRINKS: usize = 400;

impl Context {
    /// Checks a property on as many drawn inputs as the run asks for. The inputs depend on the seed alone.
    pub(crate) fn property<S: Strategy>(
        &mut self,
        strategy: &S,
        check: impl FnMut(&mut Self, S::Value) -> CaseResult,
    ) -> CaseResult
    where
        S::Value: Debug,
    {
        let show = |input: &S::Value| crate::check::shown(input);
        self.property_shown(self.cases(), strategy, show, check)
    }

    /// As [`property`](Self::property), with its own count and its own way to show the failing input.
    pub(crate) fn property_shown<S: Strategy>(
        &mut self,
        count: u32,
        strategy: &S,
        show: impl Fn(&S::Value) -> String,
        mut check: impl FnMut(&mut Self, S::Value) -> CaseResult,
    ) -> CaseResult {
        let mut runner = runner(self.seed());
        for _ in 0..count {
            let mut tree = strategy
                .new_tree(&mut runner)
                .map_err(|reason| Failure::Skipped(format!("no input could be drawn: {reason}")))?;
            self.log().clear();
            if let Err(first) = check(self, tree.current()) {
                return Err(self.shrink(first, &mut tree, show, check));
            }
        }
        Ok(())
    }

    /// Looks for a smaller input that fails in the same way, runs it once more for its log, and keeps it as the program.
    fn shrink<T: ValueTree>(
        &mut self,
        first: Failure,
        tree: &mut T,
        show: impl Fn(&T::Value) -> String,
        mut check: impl FnMut(&mut Self, T::Value) -> CaseResult,
    ) -> Failure {
        let mut smallest = show(&tree.current());
        let mut failure = first;
        let mut lines = self.log().to_lines();
        let mut moved = tree.simplify();
        for _ in 0..MOST_SHRINKS {
            if !moved {
                break;
            }
            self.log().clear();
            moved = match check(self, tree.current()) {
                Err(smaller) if smaller.is_assertion() == failure.is_assertion() => {
                    smallest = show(&tree.current());
                    failure = smaller;
                    lines = self.log().to_lines();
                    tree.simplify()
                }
                _ => tree.complicate(),
            };
        }
        self.log().replace(lines);
        self.program = Some(smallest);
        failure
    }
}

fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    for (i, chunk) in bytes.chunks_exact_mut(8).enumerate() {
        let salt = u64::try_from(i).unwrap_or_default();
        chunk.copy_from_slice(
            &seed
                .rotate_left(u32::try_from(i).unwrap_or_default() * 16)
                .wrapping_add(salt)
                .to_le_bytes(),
        );
    }
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}
