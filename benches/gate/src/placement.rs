//! Places the probes of a launch on one processor.
//!
//! The processors of a shared machine run at different speeds: a neighbour that keeps one busy would slow one build and not the other. Probes
//! take turns, so they lose nothing by sharing a processor, and what slows it slows them all.

use crate::statistics::Random;

/// The processor of a launch; `None` if processes cannot be pinned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Processor(#[cfg_attr(not(target_os = "linux"), allow(dead_code))] usize);

impl Processor {
    /// Draws one of the processors that this process may use, so that launches differ in it.
    #[cfg(target_os = "linux")]
    pub(crate) fn draw(random: &mut Random) -> Option<Self> {
        use rustix::thread::{CpuSet, sched_getaffinity};

        let usable = sched_getaffinity(None).ok()?;
        let usable: Vec<usize> = (0..CpuSet::MAX_CPU)
            .filter(|&cpu| usable.is_set(cpu))
            .collect();
        (!usable.is_empty()).then(|| Self(usable[random.below(usable.len())]))
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn draw(_: &mut Random) -> Option<Self> {
        None
    }

    /// Keeps a process on this processor. The gate is only less precise if that fails.
    #[cfg(target_os = "linux")]
    pub(crate) fn hold(self, child: &std::process::Child) {
        use rustix::process::Pid;
        use rustix::thread::{CpuSet, sched_setaffinity};

        let mut set = CpuSet::new();
        set.set(self.0);
        let _ = sched_setaffinity(Some(Pid::from_child(child)), &set);
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn hold(self, _: &std::process::Child) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use rustix::process::Pid;
    use rustix::thread::sched_getaffinity;

    use super::*;

    #[test]
    fn a_process_stays_on_the_processor_that_was_drawn() {
        let processor = Processor::draw(&mut Random::new(1)).expect("a processor");
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("cat starts");
        processor.hold(&child);
        let set = sched_getaffinity(Some(Pid::from_child(&child))).expect("an affinity");
        assert_eq!((set.count(), set.is_set(processor.0)), (1, true));
        drop(child.stdin.take());
        child.wait().expect("cat ends");
    }
}
