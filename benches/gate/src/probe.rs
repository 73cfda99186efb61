//! Probes: each build is measured by its own program in a separate process, which the gate controls over a pipe.

use std::ffi::OsString;
use std::hint::black_box;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use serde::{Deserialize, Serialize};

use crate::exact::Exact;
use crate::placement::Processor;
use crate::workload::{Meter, Task, Workload};
use crate::{Error, Result};

/// The first argument of a program started as a probe.
pub(crate) const WORD: &str = "gate-probe";

/// The minimum of fewer runs depends on chance.
const FEWEST_RUNS: u32 = 4;

/// How often a workload is run under callgrind.
pub(crate) const INSTRUCTED_RUNS: u32 = 3;

/// One of the two tasks of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arm {
    /// The workload itself.
    Subject,
    /// The control, which no change affects.
    Control,
}

impl Arm {
    fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Control => "control",
        }
    }
}

/// Nanoseconds of one run, the shortest of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spent {
    /// Wall-clock time.
    pub(crate) elapsed: f64,
    /// CPU time of the process. Older builds report only the mean of a block.
    pub(crate) computed: Option<f64>,
}

/// A workload in a probe's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) timed: bool,
    pub(crate) has_control: bool,
}

/// A build, with its measuring programs.
#[derive(Clone, Debug)]
pub struct Side {
    timing: PathBuf,
    counting: PathBuf,
    environment: Vec<(OsString, OsString)>,
    removed: Vec<OsString>,
}

impl Side {
    /// Creates a build that one program measures.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let program = program.into();
        Self {
            timing: program.clone(),
            counting: program,
            environment: Vec::new(),
            removed: Vec::new(),
        }
    }

    /// Sets a separate program for counting allocations, because counting costs time.
    #[must_use]
    pub fn counting_with(mut self, program: impl Into<PathBuf>) -> Self {
        self.counting = program.into();
        self
    }

    /// Sets an environment variable of the programs.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Removes an environment variable of the programs.
    #[must_use]
    pub fn without(mut self, name: impl Into<OsString>) -> Self {
        self.removed.push(name.into());
        self
    }

    /// A command with this build's environment.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        self.environ(&mut command);
        command
    }

    pub(crate) fn environ(&self, command: &mut Command) {
        for name in &self.removed {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().cloned());
    }

    pub(crate) fn timing(&self) -> &Path {
        &self.timing
    }

    /// A command that runs the program that counts, in the environment of this build.
    pub fn counting(&self) -> Command {
        self.command(&self.counting)
    }

    pub(crate) fn list(&self) -> Result<Vec<Listed>> {
        self.lines(&self.timing, &["list"])
    }

    /// Counts workloads with these names.
    ///
    /// # Errors
    ///
    /// Errors of the program.
    pub fn exact(&self, largest: usize, names: &[String]) -> Result<Vec<Exact>> {
        let largest = largest.to_string();
        let mut arguments = vec!["exact", &largest];
        arguments.extend(names.iter().map(String::as_str));
        self.lines(&self.counting, &arguments)
    }

    /// Parses one JSON document per line.
    fn lines<T: for<'de> Deserialize<'de>>(
        &self,
        program: &Path,
        arguments: &[&str],
    ) -> Result<Vec<T>> {
        let output = self
            .command(program)
            .arg(WORD)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Error::from(format!("{}: {error}", program.display())))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            let last = text.lines().last().unwrap_or("no message");
            return Err(last.trim_start_matches("error: ").to_owned().into());
        }
        let text = String::from_utf8(output.stdout)?;
        let mut found = Vec::new();
        for line in text.lines() {
            found.push(serde_json::from_str(line)?);
        }
        Ok(found)
    }
}

/// A process that runs one workload of one build on request.
#[derive(Debug)]
pub struct Probe {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Probe {
    /// Starts the process, if possible on this processor, creates the workload's tables and checks its result.
    pub(crate) fn start(side: &Side, workload: &str, on: Option<Processor>) -> Result<Self> {
        let mut child = side
            .command(&side.timing)
            .args([WORD, "serve", workload])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Error::from(format!("{}: {error}", side.timing.display())))?;
        if let Some(processor) = on {
            processor.hold(&child);
        }
        let (input, output) = child
            .stdin
            .take()
            .zip(child.stdout.take())
            .ok_or("no pipes")?;
        let mut probe = Self {
            child,
            input,
            output: BufReader::new(output),
        };
        probe.answer()?;
        Ok(probe)
    }

    /// Returns the number of runs that take this long.
    pub(crate) fn calibrate(&mut self, arm: Arm, block: Duration) -> Result<u32> {
        let block = block.as_nanos();
        writeln!(self.input, "calibrate {} {block}", arm.name())?;
        Ok(self.answer()?.parse()?)
    }

    /// Measures a block of this many runs.
    pub(crate) fn block(&mut self, arm: Arm, runs: u32) -> Result<Spent> {
        writeln!(self.input, "block {} {runs}", arm.name())?;
        let answer = self.answer()?;
        let mut numbers = answer.split(' ').map(str::parse::<f64>);
        let elapsed = numbers.next().ok_or("a probe returned no time")??;
        let computed = numbers.next().transpose()?;
        Ok(Spent {
            elapsed: match computed {
                Some(_) => elapsed,
                None => elapsed / f64::from(runs),
            },
            computed,
        })
    }

    fn answer(&mut self) -> Result<String> {
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let line = line.trim();
        if line.is_empty() {
            return Err("a probe ended before it answered".into());
        }
        match line.strip_prefix("error: ") {
            Some(why) => Err(why.to_owned().into()),
            None => Ok(line.to_owned()),
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // Closing its input ends the probe and its database.
        let _ = writeln!(self.input, "end");
        let _ = self.input.flush();
        let _ = self.child.wait();
    }
}

/// Runs the program as a probe.
pub(crate) fn serve(
    workloads: &[Workload],
    meter: Option<Meter>,
    arguments: &[String],
) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match &words[..] {
        ["list"] => {
            for workload in workloads {
                say(&Listed {
                    name: workload.name.clone(),
                    timed: workload.timed,
                    has_control: workload.control.is_some(),
                })?;
            }
            Ok(())
        }
        ["exact", largest, names @ ..] => {
            let largest = largest.parse()?;
            for name in names {
                let exact = Exact::of(named(workloads, name)?, meter, largest)
                    .map_err(|error| Error::from(format!("{name}: {error}")))?;
                say(&exact)?;
            }
            Ok(())
        }
        ["instructions", name] => {
            let mut task = opened(named(workloads, name)?, Arm::Subject)?;
            task.prepare()?;
            task.run()?;
            for run in 0..INSTRUCTED_RUNS {
                if run == 0 || task.uses_up() {
                    task.prepare()?;
                }
                instructed(&mut *task)?;
            }
            Ok(())
        }
        ["serve", name] => {
            let mut out = io::stdout();
            let served = converse(named(workloads, name)?, &mut io::stdin().lock(), &mut out);
            if let Err(error) = &served {
                writeln!(out, "error: {}", error.to_string().replace('\n', " "))?;
            }
            Ok(())
        }
        _ => Err("a probe is only started by the gate".into()),
    }
}

/// The function that callgrind counts, found by its name.
#[inline(never)]
fn instructed(task: &mut dyn Task) -> Result<()> {
    black_box(task).run()
}

fn converse(workload: &Workload, input: &mut dyn BufRead, out: &mut dyn Write) -> Result<()> {
    let mut subject = opened(workload, Arm::Subject)?;
    subject.check()?;
    let mut control = match workload.control {
        Some(_) => Some(opened(workload, Arm::Control)?),
        None => None,
    };
    writeln!(out, "ready")?;
    out.flush()?;
    for line in input.lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let (work, arm, number) = match &words[..] {
            [work, arm, number] => (*work, *arm, number.parse::<u64>()?),
            ["end"] => return Ok(()),
            _ => return Err(format!("invalid line: {line}").into()),
        };
        let task = match arm {
            "control" => control.as_mut().ok_or("the workload has no control")?,
            _ => &mut subject,
        };
        match work {
            "calibrate" => {
                let runs = runs_of(&mut **task, Duration::from_nanos(number))?;
                writeln!(out, "{runs}")?;
            }
            _ => {
                let (_, shortest) = block(&mut **task, u32::try_from(number)?)?;
                let ns = |time: Duration| time.as_secs_f64() * 1e9;
                let Shortest { elapsed, computed } = shortest;
                writeln!(out, "{:.1} {:.1}", ns(elapsed), ns(computed))?;
            }
        }
        out.flush()?;
    }
    Ok(())
}

fn opened(workload: &Workload, arm: Arm) -> Result<Box<dyn Task>> {
    match (arm, &workload.control) {
        (Arm::Control, Some(control)) => control(workload.size),
        _ => (workload.open)(workload.size),
    }
}

/// Doubles the number of runs until they take long enough; does not count the slow first runs.
fn runs_of(task: &mut dyn Task, enough: Duration) -> Result<u32> {
    let mut runs = FEWEST_RUNS;
    loop {
        let mut fastest = Duration::MAX;
        for _ in 0..3 {
            fastest = fastest.min(block(task, runs)?.0);
        }
        if fastest >= enough || runs >= 1 << 20 {
            return Ok(runs);
        }
        runs *= 2;
    }
}

/// Runs a block: returns its wall-clock time, and the shortest run.
fn block(task: &mut dyn Task, runs: u32) -> Result<(Duration, Shortest)> {
    let (mut all, mut shortest) = (Duration::ZERO, Shortest::NONE);
    if !task.uses_up() {
        task.prepare()?;
    }
    for _ in 0..runs {
        if task.uses_up() {
            task.prepare()?;
        }
        let (clock, computed) = (Instant::now(), ProcessTime::try_now()?);
        task.run()?;
        let (computed, elapsed) = (computed.try_elapsed()?, clock.elapsed());
        all += elapsed;
        shortest.elapsed = shortest.elapsed.min(elapsed);
        shortest.computed = shortest.computed.min(computed);
    }
    Ok((all, shortest))
}

/// The shortest run of a block: other load on the machine only adds time, and rarely to every run.
struct Shortest {
    elapsed: Duration,
    computed: Duration,
}

impl Shortest {
    const NONE: Self = Self {
        elapsed: Duration::MAX,
        computed: Duration::MAX,
    };
}

fn named<'a>(workloads: &'a [Workload], name: &str) -> Result<&'a Workload> {
    let found = workloads.iter().find(|workload| workload.name == name);
    found.ok_or_else(|| format!("unknown workload {name}").into())
}

fn say(value: &impl Serialize) -> Result<()> {
    let mut out = io::stdout();
    serde_json::to_writer(&mut out, value)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame::Engine;
    use selfsame_sqlite::Sqlite;

    use crate::workload::Ready;

    fn answers_to(lines: &str) -> String {
        let workload = Workload::new("w", |_| {
            Ok::<_, Error>(Ready::new(Engine::new(Sqlite::memory()), |_| {
                std::thread::sleep(Duration::from_micros(300));
                Ok(())
            }))
        });
        let mut out = Vec::new();
        let reported = converse(&workload, &mut lines.as_bytes(), &mut out);
        let mut text = String::from_utf8(out).expect("text");
        if let Err(error) = reported {
            text.push_str(&format!("error: {error}"));
        }
        text
    }

    #[test]
    fn a_probe_answers_line_by_line() {
        let text = answers_to("calibrate subject 1000000\nblock subject 2\nend\n");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "ready");
        let runs: u32 = lines[1].parse().expect("a number of runs");
        assert!((1..=4).contains(&runs), "{text}");
        let numbers: Vec<f64> = lines[2]
            .split(' ')
            .map(|number| number.parse().expect("nanoseconds"))
            .collect();
        // It slept. CPU time is that of the whole process, including other tests.
        assert!(
            numbers.len() == 2 && numbers[0] >= 3e5 && numbers[1] > 0.0,
            "{text}"
        );
    }

    #[test]
    fn what_cannot_be_answered_is_an_error() {
        assert!(answers_to("block control 1\n").contains("error: the workload has no control"));
        assert!(answers_to("sing\n").contains("error: invalid line"));
        assert!(answers_to("block subject many\n").contains("error: "));
    }
}
