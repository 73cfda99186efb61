//! Merges the reports of shards, and of several targets.

use std::collections::BTreeMap;

use selfsame::{Error, ErrorKind, Result};

use super::{CaseReport, KillMatrix, Report, TargetReport};
use crate::cases;

impl Report {
    /// Merges the reports of one run: its shards, or its targets.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if there is no report, if they differ in seed, inventory or number of inputs, or if a case
    /// ran in two of them on one target.
    pub fn merge(reports: impl IntoIterator<Item = Self>) -> Result<Self> {
        let mut reports = reports.into_iter();
        let mut merged = reports
            .next()
            .ok_or_else(|| refused("no report to merge".to_owned()))?;
        for report in reports {
            merged.add(report)?;
        }
        let order: BTreeMap<&str, usize> = cases::cases().map(|case| case.id).zip(0..).collect();
        let place = |case: &CaseReport| order.get(case.id.as_str()).copied();
        for target in &mut merged.targets {
            target.cases.sort_by_key(place);
        }
        let most = merged.targets.iter().map(|target| target.cases.len()).max();
        if most.unwrap_or_default() >= merged.matched {
            merged.shard = None;
        }
        Ok(merged)
    }

    fn add(&mut self, other: Self) -> Result<()> {
        for (what, ours, theirs) in [
            ("seed", self.seed, other.seed),
            ("inventory", self.inventory.into(), other.inventory.into()),
            ("number of inputs", self.cases.into(), other.cases.into()),
        ] {
            if ours != theirs {
                return Err(refused(format!(
                    "the reports are from different runs: the {what} is {ours} in one and {theirs} in another"
                )));
            }
        }
        self.matched = self.matched.max(other.matched);
        if let (Some(ours), Some(theirs)) = (&mut self.shard, &other.shard) {
            ours.push_str(" and ");
            ours.push_str(theirs);
        }
        for target in other.targets {
            self.add_target(target)?;
        }
        for matrix in other.faults {
            self.add_matrix(matrix)?;
        }
        self.timing.started = self.timing.started.min(other.timing.started);
        self.timing.seconds += other.timing.seconds;
        for (target, times) in other.timing.cases {
            self.timing.cases.entry(target).or_default().extend(times);
        }
        Ok(())
    }

    fn add_target(&mut self, other: TargetReport) -> Result<()> {
        let Some(known) = self.targets.iter_mut().find(|t| t.name == other.name) else {
            self.targets.push(other);
            return Ok(());
        };
        for case in other.cases {
            if known.cases.iter().any(|c| c.id == case.id) {
                let message = format!("`{}` ran twice on {}", case.id, known.name);
                return Err(refused(message));
            }
            known.cases.push(case);
        }
        known.error = known.error.take().or(other.error);
        known.server_version = known.server_version.take().or(other.server_version);
        known.dialect = known.dialect.take().or(other.dialect);
        Ok(())
    }

    fn add_matrix(&mut self, other: KillMatrix) -> Result<()> {
        let Some(known) = self.faults.iter_mut().find(|m| m.target == other.target) else {
            self.faults.push(other);
            return Ok(());
        };
        for fault in other.faults {
            if known.faults.iter().any(|f| f.id == fault.id) {
                let message = format!("the fault `{}` ran twice on {}", fault.id, known.target);
                return Err(refused(message));
            }
            known.faults.push(fault);
        }
        Ok(())
    }
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Configuration, message)
}
