//! Progress of a run on standard error: a bar on a terminal, lines elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::outcome::Outcome;
use crate::report::{CaseReport, FaultReport, FaultVerdict};
use crate::runner::Progress;

/// Shows a run's progress.
#[derive(Debug)]
pub(super) struct Shown {
    /// `None` if standard error is not a terminal.
    bar: Option<ProgressBar>,
    target: String,
}

impl Shown {
    /// Shows progress on standard error.
    pub(super) fn new() -> Self {
        Self {
            bar: None,
            target: String::new(),
        }
    }

    fn step(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }
}

impl Progress for Shown {
    fn started(&mut self, steps: usize) {
        self.bar = bar(steps);
    }

    fn step_started(&mut self, target: &str, id: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(format!("{target}: {id}")),
            None if self.target != target => eprintln!("running on {target}"),
            None => {}
        }
        if self.target != target {
            target.clone_into(&mut self.target);
        }
    }

    fn case_finished(&mut self, target: &str, case: &CaseReport, _: Duration) {
        self.step();
        match &case.outcome {
            Outcome::Fail { .. } => self.line(&format!("FAIL {} on {target}", case.id)),
            Outcome::HarnessError { message } => {
                self.line(&format!("ERROR {} on {target}: {message}", case.id));
            }
            _ => {}
        }
    }

    fn fault_finished(&mut self, target: &str, fault: &FaultReport, _: Duration) {
        self.step();
        if matches!(fault.verdict, FaultVerdict::Survived { .. }) {
            self.line(&format!("NOT CAUGHT {} on {target}", fault.id));
        }
    }

    fn finished(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Creates a progress bar if standard error is a terminal.
pub fn bar(steps: usize) -> Option<ProgressBar> {
    if !stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::new(steps as u64);
    // A test checks the template.
    if let Ok(style) = style() {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    Some(bar)
}

fn style() -> Result<ProgressStyle, indicatif::style::TemplateError> {
    Ok(
        ProgressStyle::with_template("{bar:32} {pos}/{len} {elapsed} {wide_msg}")?
            .progress_chars("━╸─"),
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_bar_has_a_style() {
        super::style().expect("a good template");
    }
}
