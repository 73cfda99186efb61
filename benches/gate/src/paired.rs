//! Paired time: two builds run alternately, in random order, judged by confidence intervals.
//!
//! A busy machine slows both builds, so the gate judges the logarithm of the ratio of two blocks of one round. For an embedded database it
//! takes CPU time, which other processes cannot stretch by taking turns; wall-clock time only shows whether a build waits longer. Since
//! other processes also disturb caches, a block counts as its shortest run. A slowdown of a few runs therefore shows in instructions and
//! allocations, not in time. The probes of a launch share a processor, because two processors are seldom equally fast. Memory layout differs between launches of one program, so there are several. The head is also compared with
//! itself (the twin), and the base's control with the head's: work that no change affects. If those ratios move, the machine is the cause.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::placement::Processor;
use crate::probe::{Arm, Probe, Side, Spent};
use crate::statistics::{Estimate, Random, estimate, estimate_launches, median};

/// The effort of a measurement, and the slowdown it allows.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The allowed slowdown, as a fraction.
    pub regress: f64,
    /// The number of times the probes are launched.
    pub launches: usize,
    /// The number of rounds in each launch: on a busy machine up to eight times as many, until the interval is no wider than `regress`.
    pub rounds: usize,
    /// The shortest time of a block.
    pub block: Duration,
    /// The kind of time to judge.
    pub measure: Measure,
}

/// A kind of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Measure {
    /// CPU time of the process: for an embedded database. Wall-clock time is checked too, to find waits.
    Computed,
    /// Wall-clock time: for a server, which runs in another process.
    Elapsed,
}

impl Limits {
    /// Limits for an embedded database.
    pub const EMBEDDED: Self = Self {
        regress: 0.02,
        launches: 7,
        rounds: 60,
        block: Duration::from_millis(2),
        measure: Measure::Computed,
    };

    /// Limits for a database server.
    pub const SERVER: Self = Self {
        regress: 0.05,
        measure: Measure::Elapsed,
        ..Self::EMBEDDED
    };

    /// Returns these limits with another effort.
    #[must_use]
    pub fn effort(mut self, launches: usize, rounds: usize, block: Duration) -> Self {
        self.launches = launches.max(3);
        self.rounds = rounds.max(7);
        self.block = block;
        self
    }

    /// The most rounds of a launch.
    fn most_rounds(self) -> usize {
        8 * self.rounds
    }

    fn threshold(self) -> f64 {
        self.regress.ln_1p()
    }
}

/// The result of a comparison of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeVerdict {
    /// Not slower by twice the allowed amount.
    Pass,
    /// Slower than allowed, in nearly every launch, twice.
    Regression,
    /// Inconclusive.
    Inconclusive,
    /// The machine is too noisy: the twin or the control changed.
    Contaminated,
}

/// The times of a workload in two builds, compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// The workload.
    pub workload: String,
    /// The head's time over the base's.
    pub ratio: f64,
    /// The lower bound of its interval.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
    /// The same ratio by wall-clock time, if CPU time is judged.
    #[serde(default)]
    pub elapsed: Option<f64>,
    /// Whether it waits: it is slower by wall-clock time alone, or that grew by more than twice as much as CPU time.
    #[serde(default)]
    pub waits: bool,
    /// Nanoseconds of one run of the base.
    pub base_ns: f64,
    /// Nanoseconds of one run of the head.
    pub head_ns: f64,
    /// The head's time over that of its twin, the same program.
    pub twin: f64,
    /// The time of the control, head over base, if there is one.
    pub control: Option<f64>,
    /// The result.
    pub verdict: TimeVerdict,
}

/// The log-ratios of one job: launches of rounds.
#[derive(Clone, Debug, Default)]
struct Job {
    subject: Vec<Vec<f64>>,
    twin: Vec<Vec<f64>>,
    control: Vec<Vec<f64>>,
    /// Subject and twin by wall-clock time, if CPU time is judged.
    elapsed: Vec<Vec<f64>>,
    elapsed_twin: Vec<Vec<f64>>,
    base_ns: Vec<f64>,
    head_ns: Vec<f64>,
}

/// Judges the log-ratios of one job, a vector for each launch. A regression needs a second job to confirm it.
pub fn judge(launches: &[Vec<f64>], limits: Limits, random: &mut Random) -> TimeVerdict {
    if launches.is_empty() || launches.iter().any(Vec::is_empty) {
        return TimeVerdict::Inconclusive;
    }
    let threshold = limits.threshold();
    let slower = launches
        .iter()
        .filter(|rounds| estimate(rounds, random).low > threshold)
        .count();
    // Six of seven, or the same share of another number.
    if slower * 7 >= launches.len() * 6 {
        return TimeVerdict::Regression;
    }
    match estimate_launches(launches, random).high < 2.0 * threshold {
        true => TimeVerdict::Pass,
        false => TimeVerdict::Inconclusive,
    }
}

/// Whether a ratio that should stay at 1 moved.
fn has_moved(launches: &[Vec<f64>], limits: Limits, random: &mut Random) -> bool {
    if launches.is_empty() {
        return false;
    }
    let found = estimate_launches(launches, random);
    found.low > limits.threshold() || found.high < -limits.threshold()
}

/// Measures one workload of two builds, up to twice.
pub(crate) fn measure(
    base: &Side,
    head: &Side,
    (workload, has_control): (&str, bool),
    limits: Limits,
    random: &mut Random,
) -> Result<Paired> {
    let sides = [base, head, head];
    let mut job = run(sides, workload, has_control, limits, random)?;
    let mut verdict = judge_job(&job, limits, random);
    if verdict != TimeVerdict::Pass {
        // A regression must show again, and more rounds may settle an inconclusive result.
        let second = run(sides, workload, has_control, limits, random)?;
        let again = judge_job(&second, limits, random);
        job.append(second);
        let together = judge_job(&job, limits, random);
        verdict = match (verdict, again, together) {
            (TimeVerdict::Regression, TimeVerdict::Regression, _) => TimeVerdict::Regression,
            (_, TimeVerdict::Contaminated, _) => TimeVerdict::Contaminated,
            (_, _, TimeVerdict::Pass) => TimeVerdict::Pass,
            // A single job does not prove a regression.
            (_, _, TimeVerdict::Contaminated) => TimeVerdict::Contaminated,
            _ => TimeVerdict::Inconclusive,
        };
    }
    let Estimate {
        median: ratio,
        low,
        high,
    } = estimate_launches(&job.subject, random);
    let middle = |launches: &[Vec<f64>], random: &mut Random| {
        estimate_launches(launches, random).median.exp()
    };
    let elapsed = (!job.elapsed.is_empty()).then(|| middle(&job.elapsed, random));
    let computes_more = judge(&job.subject, limits, random) == TimeVerdict::Regression;
    Ok(Paired {
        workload: workload.to_owned(),
        ratio: ratio.exp(),
        low: low.exp(),
        high: high.exp(),
        waits: verdict == TimeVerdict::Regression
            && elapsed.is_some_and(|elapsed| !computes_more || mostly_waits(elapsed, ratio.exp())),
        elapsed,
        base_ns: median(&job.base_ns),
        head_ns: median(&job.head_ns),
        twin: middle(&job.twin, random),
        control: has_control.then(|| middle(&job.control, random)),
        verdict,
    })
}

/// Whether the clock grew by more than twice as much as CPU time. Waiting costs CPU time too: to sleep, to wake, and to fill caches again.
fn mostly_waits(elapsed: f64, computed: f64) -> bool {
    elapsed - 1.0 > 2.0 * (computed - 1.0).max(0.0)
}

fn judge_job(job: &Job, limits: Limits, random: &mut Random) -> TimeVerdict {
    if has_moved(&job.twin, limits, random) || has_moved(&job.control, limits, random) {
        return TimeVerdict::Contaminated;
    }
    let verdict = judge(&job.subject, limits, random);
    // Equal CPU time does not exclude longer waits. Wall-clock time can only add a regression: it is too noisy to rule one out.
    let waits = verdict != TimeVerdict::Regression
        && judge(&job.elapsed, limits, random) == TimeVerdict::Regression
        && !has_moved(&job.elapsed_twin, limits, random);
    match waits {
        true => TimeVerdict::Regression,
        false => verdict,
    }
}

impl Job {
    fn append(&mut self, mut other: Self) {
        self.subject.append(&mut other.subject);
        self.twin.append(&mut other.twin);
        self.control.append(&mut other.control);
        self.elapsed.append(&mut other.elapsed);
        self.elapsed_twin.append(&mut other.elapsed_twin);
        self.base_ns.append(&mut other.base_ns);
        self.head_ns.append(&mut other.head_ns);
    }
}

/// Base, head, and the head again.
fn run(
    sides: [&Side; 3],
    workload: &str,
    has_control: bool,
    limits: Limits,
    random: &mut Random,
) -> Result<Job> {
    let mut job = Job::default();
    for _ in 0..limits.launches {
        launch(&mut job, sides, workload, has_control, limits, random)?;
    }
    Ok(job)
}

fn launch(
    job: &mut Job,
    sides: [&Side; 3],
    workload: &str,
    has_control: bool,
    limits: Limits,
    random: &mut Random,
) -> Result<()> {
    // A server needs the other processors.
    let processor = match limits.measure {
        Measure::Computed => Processor::draw(random),
        Measure::Elapsed => None,
    };
    let mut probes = Vec::new();
    for side in sides {
        probes.push(Probe::start(side, workload, processor)?);
    }
    // The same number of runs for all, so that the fixed cost of a block is the same.
    let runs = probes[0].calibrate(Arm::Subject, limits.block)?;
    let control_runs = match has_control {
        true => probes[0].calibrate(Arm::Control, limits.block)?,
        false => 0,
    };
    let mut turns = vec![(0, Arm::Subject), (1, Arm::Subject), (2, Arm::Subject)];
    if has_control {
        turns.extend([(0, Arm::Control), (1, Arm::Control)]);
    }
    // The first blocks warm the processes up.
    for &(at, arm) in &turns {
        let runs = if arm == Arm::Control {
            control_runs
        } else {
            runs
        };
        probes[at].block(arm, runs)?;
    }
    let mut found = Launch::default();
    // Stopping by the width of the interval, not by its position, favours neither direction.
    while found.rounds() == 0
        || found.rounds() < limits.most_rounds() && found.is_wider_than(limits.threshold(), random)
    {
        for _ in 0..limits.rounds {
            random.shuffle(&mut turns);
            let mut times = [Spent::default(); 3];
            let mut controls = [Spent::default(); 2];
            for &(at, arm) in &turns {
                match arm {
                    Arm::Subject => times[at] = probes[at].block(arm, runs)?,
                    Arm::Control => controls[at] = probes[at].block(arm, control_runs)?,
                }
            }
            let all: Vec<Spent> = times
                .into_iter()
                .chain(has_control.then_some(controls).into_iter().flatten())
                .collect();
            found.add(&all, limits.measure);
            job.base_ns.push(times[0].elapsed);
            job.head_ns.push(times[1].elapsed);
        }
    }
    found.end(job);
    Ok(())
}

/// The log-ratios of one launch.
#[derive(Default)]
struct Launch {
    subject: Vec<f64>,
    twin: Vec<f64>,
    control: Vec<f64>,
    elapsed: Vec<f64>,
    elapsed_twin: Vec<f64>,
}

impl Launch {
    fn rounds(&self) -> usize {
        self.subject.len()
    }

    fn is_wider_than(&self, width: f64, random: &mut Random) -> bool {
        let found = estimate(&self.subject, random);
        found.high - found.low > width
    }

    /// Adds a round: base, head, head again, and the control of the first two if there is one.
    fn add(&mut self, round: &[Spent], measure: Measure) {
        let elapsed: Vec<f64> = round.iter().map(|spent| spent.elapsed).collect();
        let computed: Option<Vec<f64>> = match measure {
            // If one build does not report CPU time, all are compared by what every build reports.
            Measure::Computed => round.iter().map(|spent| spent.computed).collect(),
            Measure::Elapsed => None,
        };
        let ratio = |times: &[f64], over: usize, under: usize| (times[over] / times[under]).ln();
        if computed.is_some() {
            self.elapsed.push(ratio(&elapsed, 1, 0));
            self.elapsed_twin.push(ratio(&elapsed, 2, 1));
        }
        let times = computed.unwrap_or(elapsed);
        self.subject.push(ratio(&times, 1, 0));
        self.twin.push(ratio(&times, 2, 1));
        if times.len() > 3 {
            self.control.push(ratio(&times, 4, 3));
        }
    }

    fn end(self, job: &mut Job) {
        for (launch, launches) in [
            (self.subject, &mut job.subject),
            (self.twin, &mut job.twin),
            (self.control, &mut job.control),
            (self.elapsed, &mut job.elapsed),
            (self.elapsed_twin, &mut job.elapsed_twin),
        ] {
            if !launch.is_empty() {
                launches.push(launch);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Launches around a ratio with noise of this size, the same in every run.
    fn launches(ratio: f64, noise: f64, seed: u64) -> Vec<Vec<f64>> {
        let mut random = Random::new(seed);
        let mut drawn = || {
            let sum: f64 = (0..4)
                .map(|_| f64::from(u32::try_from(random.below(1_000)).unwrap_or(0)) / 1e3 - 0.5)
                .sum();
            ratio.ln() + sum * noise
        };
        (0..7).map(|_| (0..60).map(|_| drawn()).collect()).collect()
    }

    fn verdict(ratio: f64, noise: f64) -> TimeVerdict {
        judge(
            &launches(ratio, noise, 5),
            Limits::EMBEDDED,
            &mut Random::new(1),
        )
    }

    #[test]
    fn equal_builds_pass_and_slower_ones_do_not() {
        assert_eq!(verdict(1.0, 0.03), TimeVerdict::Pass);
        assert_eq!(verdict(0.9, 0.03), TimeVerdict::Pass);
        assert_eq!(verdict(1.05, 0.03), TimeVerdict::Regression);
        assert_eq!(verdict(1.2, 0.1), TimeVerdict::Regression);
    }

    #[test]
    fn noise_is_inconclusive_and_never_a_pass() {
        assert_eq!(verdict(1.03, 0.6), TimeVerdict::Inconclusive);
        assert_eq!(verdict(1.0, 3.0), TimeVerdict::Inconclusive);
        assert_eq!(
            judge(&[], Limits::EMBEDDED, &mut Random::new(1)),
            TimeVerdict::Inconclusive
        );
        assert_eq!(
            judge(&[vec![]], Limits::EMBEDDED, &mut Random::new(1)),
            TimeVerdict::Inconclusive
        );
    }

    #[test]
    fn noise_widens_the_interval_and_rounds_narrow_it() {
        let mut random = Random::new(1);
        let mut is_wide = |rounds: usize, noise: f64| {
            let launch = Launch {
                subject: launches(1.0, noise, 3).concat()[..rounds].to_vec(),
                ..Launch::default()
            };
            launch.is_wider_than(Limits::EMBEDDED.threshold(), &mut random)
        };
        assert!(!is_wide(60, 0.02));
        assert!(is_wide(60, 0.3));
        assert!(!is_wide(420, 0.05));
    }

    #[test]
    fn what_waits_is_found_by_the_clock_unless_the_twin_waits_too() {
        let mut random = Random::new(1);
        let job = Job {
            subject: launches(1.0, 0.02, 1),
            twin: launches(1.0, 0.02, 2),
            elapsed: launches(1.1, 0.02, 3),
            elapsed_twin: launches(1.0, 0.02, 4),
            ..Job::default()
        };
        assert_eq!(
            judge_job(&job, Limits::EMBEDDED, &mut random),
            TimeVerdict::Regression
        );
        let job = Job {
            elapsed_twin: launches(1.1, 0.02, 4),
            ..job
        };
        assert_eq!(
            judge_job(&job, Limits::EMBEDDED, &mut random),
            TimeVerdict::Pass
        );
    }

    #[test]
    fn a_wait_is_told_from_work_by_the_clock() {
        assert!(mostly_waits(1.2, 0.99));
        assert!(mostly_waits(1.6, 1.2));
        assert!(!mostly_waits(1.22, 1.2));
        assert!(!mostly_waits(1.0, 1.1));
    }

    #[test]
    fn computed_time_is_judged_where_all_tell_it() {
        let spent = |elapsed, computed| Spent { elapsed, computed };
        let round = [
            spent(10.0, Some(1.0)),
            spent(20.0, Some(1.0)),
            spent(20.0, Some(1.0)),
        ];
        let added = |round: &[Spent], measure| {
            let mut launch = Launch::default();
            launch.add(round, measure);
            let mut job = Job::default();
            launch.end(&mut job);
            (job.subject, job.elapsed)
        };
        let by_clock = vec![vec![2.0_f64.ln()]];
        assert_eq!(
            added(&round, Measure::Computed),
            (vec![vec![0.0]], by_clock.clone())
        );
        assert_eq!(added(&round, Measure::Elapsed), (by_clock.clone(), vec![]));
        let old = [spent(10.0, None), round[1], round[2]];
        assert_eq!(added(&old, Measure::Computed), (by_clock, vec![]));
    }

    #[test]
    fn a_twin_that_moves_contaminates() {
        let mut random = Random::new(1);
        let job = Job {
            subject: launches(1.0, 0.02, 1),
            twin: launches(1.06, 0.02, 2),
            ..Job::default()
        };
        assert_eq!(
            judge_job(&job, Limits::EMBEDDED, &mut random),
            TimeVerdict::Contaminated
        );
        let job = Job {
            control: launches(0.95, 0.02, 2),
            twin: launches(1.0, 0.02, 3),
            ..job
        };
        assert_eq!(
            judge_job(&job, Limits::EMBEDDED, &mut random),
            TimeVerdict::Contaminated
        );
    }
}
