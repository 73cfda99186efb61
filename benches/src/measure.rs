//! `run`: measures the ORM's arms against the raw one, alternately in one process.
//!
//! Other load on the machine affects all arms alike, so the arms of one round are compared: a round runs every arm, in random order, and gives
//! one log-ratio for each. An arm's time in a round is the shortest of [`SAMPLES`], each of at least [`SAMPLE`]; on SQLite it is the CPU time
//! of the process. Absolute times depend on the state of the machine.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use selfsame_gate::{Random, estimate, median};

use crate::Result;
use crate::fixture::{Fixture, Site};
use crate::workload::{Arm, Backend, Workload};

/// The minimum length of a sample.
const SAMPLE: Duration = Duration::from_micros(400);

/// How many samples one arm takes in one round, unless they are long.
const SAMPLES: u32 = 5;

/// Samples of at least this length are taken less often.
const LONG: Duration = Duration::from_millis(30);

/// Fewer rounds give no confidence interval.
const FEWEST_ROUNDS: usize = 7;

/// What to measure.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The databases.
    pub backends: Vec<Backend>,
    /// The workloads.
    pub workloads: Vec<Workload>,
    /// Which of their sizes to measure.
    pub sizes: Sizes,
    /// How long one workload at one size on one backend is measured, all arms together.
    pub time: Duration,
    /// The maximum number of rounds.
    pub rounds: usize,
    /// Decides the order of the arms.
    pub seed: u64,
}

/// Which sizes of a workload are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// The most informative ones in the least time.
    Telling,
    /// All of them.
    All,
}

/// How one arm compares with the raw one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// The workload.
    pub workload: Workload,
    /// The number of users.
    pub size: usize,
    /// The database.
    pub backend: Backend,
    /// The arm.
    pub arm: Arm,
    /// Its time over the raw arm's: the median of the rounds.
    pub ratio: f64,
    /// The lower bound of its 95 % confidence interval.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
    /// Its time for one run, in nanoseconds: the median of the rounds.
    pub ns: f64,
    /// The time of one run, in nanoseconds, of each round.
    #[serde(default)]
    pub samples: Vec<f64>,
}

/// All measurements, and the backends that could not be measured.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order of the options.
    pub measurements: Vec<Measurement>,
    /// The backends that could not be measured, and why.
    pub missing: Vec<(Backend, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            backends: Backend::ALL.to_vec(),
            workloads: Workload::all(),
            sizes: Sizes::Telling,
            time: Duration::from_millis(1_800),
            rounds: 60,
            seed: 0,
        }
    }
}

impl Options {
    /// How many workloads and sizes are measured on all backends, for a progress bar.
    pub fn steps(&self) -> usize {
        self.backends.len() * self.cases().len()
    }

    fn cases(&self) -> Vec<(Workload, usize)> {
        let sizes = |workload: Workload| match self.sizes {
            Sizes::Telling => workload.telling_sizes(),
            Sizes::All => workload.sizes(),
        };
        self.workloads
            .iter()
            .flat_map(|&workload| sizes(workload).iter().map(move |&size| (workload, size)))
            .collect()
    }
}

/// Measures the workloads. Calls `step` before each workload and size.
///
/// # Errors
///
/// If the arms of a workload do not agree; errors of a database that could be reached. One that cannot be reached is listed in
/// [`Report::missing`].
pub fn run(options: &Options, mut step: impl FnMut(Backend, Workload, usize)) -> Result<Report> {
    let mut report = Report::default();
    let mut random = Random::new(options.seed);
    for &backend in &options.backends {
        let site = match Site::start(backend) {
            Ok(site) => site,
            Err(error) => {
                report.missing.push((backend, error.message().to_owned()));
                continue;
            }
        };
        for (workload, size) in options.cases() {
            step(backend, workload, size);
            let mut fixture = Fixture::new(&site, workload, size)?;
            fixture.check_parity()?;
            let measured = measure(&mut fixture, options, &mut random)?;
            report.measurements.extend(measured);
        }
    }
    Ok(report)
}

/// One arm as it is measured.
struct Course {
    arm: Arm,
    /// The number of runs in a sample.
    runs: u32,
    /// The number of samples in a round.
    samples: u32,
    /// The time of one run in nanoseconds, for each round.
    times: Vec<f64>,
}

fn measure(
    fixture: &mut Fixture,
    options: &Options,
    random: &mut Random,
) -> Result<Vec<Measurement>> {
    let mut courses = Vec::new();
    for arm in fixture.workload().arms(fixture.backend()) {
        let (runs, samples) = runs_and_samples(fixture, arm)?;
        courses.push(Course {
            arm,
            runs,
            samples,
            times: Vec::new(),
        });
    }
    let deadline = Instant::now() + options.time;
    let mut order: Vec<usize> = (0..courses.len()).collect();
    for round in 0..options.rounds.max(FEWEST_ROUNDS) {
        if round >= FEWEST_ROUNDS && Instant::now() >= deadline {
            break;
        }
        random.shuffle(&mut order);
        for &at in &order {
            let course = &mut courses[at];
            let time = fixture.shortest(course.arm, course.samples, u64::from(course.runs))?;
            course
                .times
                .push(nanoseconds(time) / f64::from(course.runs));
        }
    }
    Ok(compare(fixture, &courses, random))
}

fn compare(fixture: &Fixture, courses: &[Course], random: &mut Random) -> Vec<Measurement> {
    let raw = &courses[0].times;
    courses
        .iter()
        .map(|course| {
            let ratios: Vec<f64> = course
                .times
                .iter()
                .zip(raw)
                .map(|(time, raw)| (time / raw).ln())
                .collect();
            let ratio = estimate(&ratios, random);
            Measurement {
                workload: fixture.workload(),
                size: fixture.size(),
                backend: fixture.backend(),
                arm: course.arm,
                ratio: ratio.median.exp(),
                low: ratio.low.exp(),
                high: ratio.high.exp(),
                ns: median(&course.times),
                samples: course.times.clone(),
            }
        })
        .collect()
}

/// Doubles the runs until they take long enough; the slow first ones do not count.
fn runs_and_samples(fixture: &mut Fixture, arm: Arm) -> Result<(u32, u32)> {
    let mut runs = 1;
    loop {
        let fastest = fixture.shortest(arm, 3, u64::from(runs))?;
        if fastest >= SAMPLE || runs >= 1 << 20 {
            let samples = if fastest >= LONG { 2 } else { SAMPLES };
            return Ok((runs, samples));
        }
        runs *= 2;
    }
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}
