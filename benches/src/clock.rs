//! `Clock`: how the time of an arm is measured on a database.

use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

use crate::Result;
use crate::workload::Backend;

/// How often the cost of reading the clock is measured.
const ASKED: usize = 200;

/// A way to measure time.
pub(crate) enum Clock {
    /// CPU time of the process, minus the cost of reading the clock, which is as high as that of a small statement.
    Computed(Duration),
    /// Wall-clock time, for a server in another process.
    Elapsed,
}

impl Clock {
    pub(crate) fn of(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => {
                let readings = (0..ASKED).map(|_| ProcessTime::now().elapsed());
                Self::Computed(readings.min().unwrap_or_default())
            }
            Backend::Postgres | Backend::MariaDb => Self::Elapsed,
        }
    }

    pub(crate) fn time(&self, work: impl FnOnce() -> Result<()>) -> Result<Duration> {
        match self {
            Self::Computed(reading) => {
                let start = ProcessTime::try_now()?;
                work()?;
                Ok(start.try_elapsed()?.saturating_sub(*reading))
            }
            Self::Elapsed => {
                let start = Instant::now();
                work()?;
                Ok(start.elapsed())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sleeps_computes_nothing() {
        let sleep = || {
            std::thread::sleep(Duration::from_millis(5));
            Ok(())
        };
        // The process may be doing something else at the moment, but not forever.
        let computed = || Clock::of(Backend::Sqlite).time(sleep);
        let mut tries = std::iter::repeat_with(computed).take(1_000);
        assert!(tries.any(|time| time.is_ok_and(|time| time < Duration::from_millis(4))));
        let elapsed = Clock::of(Backend::Postgres).time(sleep);
        assert!(elapsed.is_ok_and(|time| time >= Duration::from_millis(5)));
    }
}
