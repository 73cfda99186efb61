//! Properties: a check that runs on many generated inputs; the smallest failing input is reported.

use std::fmt::Debug;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::case::{CaseResult, Failure};
use crate::context::Context;

/// The maximum number of smaller inputs that are tried.
const MOST_SHRINKS: usize = 1_500;

/// How a property generates, shows and shrinks its inputs.
pub(crate) struct Inputs<S: Strategy> {
    /// Generates the inputs.
    pub(crate) strategy: S,
    /// The number of inputs that are tried.
    pub(crate) count: u32,
    /// Formats an input for the report.
    pub(crate) show: fn(&S::Value) -> String,
    /// Returns smaller inputs. If there are any, they replace the strategy's own shrinking.
    pub(crate) smaller: fn(&S::Value) -> Vec<S::Value>,
    /// Inputs that failed before; they are tried first.
    pub(crate) kept: Vec<S::Value>,
    /// Returns the line with which an input is kept, and its file.
    pub(crate) keep: fn(&S::Value) -> Option<String>,
}

impl Context {
    /// Checks a property on as many generated inputs as the run requests. The inputs depend only on the seed.
    pub(crate) fn property<S: Strategy>(
        &mut self,
        strategy: &S,
        check: impl FnMut(&mut Self, S::Value) -> CaseResult,
    ) -> CaseResult
    where
        S::Value: Debug + Clone,
    {
        let inputs = Inputs {
            strategy,
            count: self.cases(),
            show: |input| crate::check::shown(input),
            smaller: |_| Vec::new(),
            kept: Vec::new(),
            keep: |_| None,
        };
        self.property_of(&inputs, check)
    }

    /// Like [`property`](Self::property), with full control over the inputs.
    pub(crate) fn property_of<S: Strategy>(
        &mut self,
        inputs: &Inputs<S>,
        mut check: impl FnMut(&mut Self, S::Value) -> CaseResult,
    ) -> CaseResult
    where
        S::Value: Clone,
    {
        let tables = self.log().end_tables();
        for input in &inputs.kept {
            if let Some(failing) = self.try_input(&mut check, input.clone()) {
                return self.report(inputs, &mut check, failing, None::<S::Tree>, &tables);
            }
        }
        let mut runner = runner(self.seed());
        for _ in 0..inputs.count {
            let tree = inputs.strategy.new_tree(&mut runner).map_err(|reason| {
                Failure::Skipped(format!("cannot generate an input: {reason}"))
            })?;
            if let Some(failing) = self.try_input(&mut check, tree.current()) {
                return self.report(inputs, &mut check, failing, Some(tree), &tables);
            }
        }
        Ok(())
    }

    fn try_input<V: Clone>(
        &mut self,
        check: &mut impl FnMut(&mut Self, V) -> CaseResult,
        input: V,
    ) -> Option<Failing<V>> {
        self.log().clear();
        let failure = check(self, input.clone()).err()?;
        Some(Failing {
            input,
            failure,
            lines: self.log().to_lines(),
        })
    }

    /// Looks for the smallest input that fails, and reports it.
    fn report<S: Strategy>(
        &mut self,
        inputs: &Inputs<S>,
        check: &mut impl FnMut(&mut Self, S::Value) -> CaseResult,
        first: Failing<S::Value>,
        tree: Option<S::Tree>,
        tables: &[String],
    ) -> CaseResult
    where
        S::Value: Clone,
    {
        let mut search = Search {
            context: self,
            check,
            left: MOST_SHRINKS,
        };
        // Prefer the property's own shrinking to the strategy's; there is time for only one.
        let knows_better = !(inputs.smaller)(&first.input).is_empty();
        let smallest = match tree {
            Some(mut tree) if !knows_better => search.along(first, &mut tree),
            _ => first,
        };
        let smallest = search.among(smallest, inputs.smaller);
        // Run once more, to record the statements with their parameters.
        self.log().begin_script();
        let _ = check(self, smallest.input.clone());
        let script = self.log().end_script();
        self.repro = Some([tables, &script].concat().join("\n") + "\n");
        self.log().replace(smallest.lines);
        self.program = Some((inputs.show)(&smallest.input));
        self.keep = (inputs.keep)(&smallest.input);
        Err(smallest.failure)
    }
}

/// A failing input, its failure, and the statements that ran.
struct Failing<V> {
    input: V,
    failure: Failure,
    lines: Vec<String>,
}

/// Looks for smaller inputs that fail in the same way: by an assertion, or by an error.
struct Search<'a, C> {
    context: &'a mut Context,
    check: &'a mut C,
    left: usize,
}

impl<C> Search<'_, C> {
    /// Follows the strategy's own shrinking.
    fn along<T: ValueTree>(
        &mut self,
        mut smallest: Failing<T::Value>,
        tree: &mut T,
    ) -> Failing<T::Value>
    where
        C: FnMut(&mut Context, T::Value) -> CaseResult,
    {
        let mut moved = tree.simplify();
        while moved && self.left > 0 {
            moved = match self.fails(tree.current(), &smallest.failure) {
                Some((failure, lines)) => {
                    smallest = Failing {
                        input: tree.current(),
                        failure,
                        lines,
                    };
                    tree.simplify()
                }
                None => tree.complicate(),
            };
        }
        smallest
    }

    /// Repeatedly continues with the first smaller input that fails.
    fn among<V>(&mut self, mut smallest: Failing<V>, smaller: fn(&V) -> Vec<V>) -> Failing<V>
    where
        C: FnMut(&mut Context, V) -> CaseResult,
    {
        'again: loop {
            let candidates = smaller(&smallest.input).len();
            for place in 0..candidates {
                if self.left == 0 {
                    return smallest;
                }
                let candidate = || smaller(&smallest.input).swap_remove(place);
                if let Some((failure, lines)) = self.fails(candidate(), &smallest.failure) {
                    smallest = Failing {
                        input: candidate(),
                        failure,
                        lines,
                    };
                    continue 'again;
                }
            }
            return smallest;
        }
    }

    fn fails<V>(&mut self, input: V, like: &Failure) -> Option<(Failure, Vec<String>)>
    where
        C: FnMut(&mut Context, V) -> CaseResult,
    {
        self.left -= 1;
        self.context.log().clear();
        let failure = (self.check)(self.context, input).err()?;
        (failure.is_assertion() == like.is_assertion())
            .then(|| (failure, self.context.log().to_lines()))
    }
}

pub(crate) fn runner(seed: u64) -> TestRunner {
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

/// Returns programs with many steps removed, then with one removed, the last first, then with one step simplified.
///
/// Removing a step changes what later steps select; trying again after other steps are gone finds much smaller programs.
pub(crate) fn shorter_programs<T: Clone + PartialEq>(
    steps: &[T],
    plainer: impl Fn(&T) -> Vec<T>,
) -> Vec<Vec<T>> {
    let halves = std::iter::successors(Some(steps.len() / 2), |size| Some(size / 2));
    let sizes = halves.take_while(|&size| size > 1);
    let without = |from: usize, to: usize| [&steps[..from], &steps[to.min(steps.len())..]].concat();
    let much_shorter = sizes.flat_map(|size| {
        let starts = (0..steps.len()).step_by(size);
        starts.map(move |start| without(start, start + size))
    });
    let shorter = (0..steps.len()).rev().map(|at| without(at, at + 1));
    let mut programs: Vec<Vec<T>> = much_shorter.chain(shorter).collect();
    for (at, step) in steps.iter().enumerate() {
        for plain in plainer(step).into_iter().filter(|plain| plain != step) {
            let mut changed = steps.to_vec();
            changed[at] = plain;
            programs.push(changed);
        }
    }
    programs
}
