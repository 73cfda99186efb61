//! Whether the calling thread may block.

use std::panic::AssertUnwindSafe;
use std::task::{Context, Waker};

use selfsame::error::{Error, ErrorKind, Result};
use tokio::runtime::Handle;
use tokio::task::coop;

/// More than any task's budget (128 at the time of writing).
const PROBES: usize = 1024;

/// Returns an error where the blocking client would panic.
pub(crate) fn may_block() -> Result<()> {
    if !is_async() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Configuration,
        "the PostgreSQL client blocks and cannot run inside a task of a tokio runtime: call it from `tokio::task::spawn_blocking`",
    ))
}

/// Whether this thread is polling a task. A current runtime is not enough: `spawn_blocking` has one too.
fn is_async() -> bool {
    match Handle::try_current() {
        Ok(runtime) => is_on_a_budget() || is_entered(&runtime),
        Err(_) => false,
    }
}

/// Only tasks have a budget: elsewhere it is never used up.
fn is_on_a_budget() -> bool {
    let mut context = Context::from_waker(Waker::noop());
    let mut taken = Vec::new();
    let exhausted = (0..PROBES).any(|_| match coop::poll_proceed(&mut context) {
        std::task::Poll::Ready(restore) => {
            taken.push(restore);
            false
        }
        std::task::Poll::Pending => true,
    });
    // Each value restores the budget to its earlier state, so the first one is dropped last.
    while taken.pop().is_some() {}
    exhausted
}

/// A task may run without a budget (`tokio::task::unconstrained`). Only an attempt to block detects
/// that: the runtime panics, and the panic is caught. If panics abort the process, this is not tried,
/// and the call blocks the task's thread. Nor is it tried while a panic unwinds, when nothing is sent.
fn is_entered(runtime: &Handle) -> bool {
    if std::thread::panicking() {
        return true;
    }
    cfg!(panic = "unwind")
        && std::panic::catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(std::future::ready(()))
        }))
        .is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current_thread() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime")
    }

    #[test]
    fn a_plain_thread_may_block() {
        may_block().expect("no runtime");
        let runtime = current_thread();
        let _entered = runtime.enter();
        may_block().expect("a handle is current, but nothing is being polled");
    }

    #[test]
    fn a_task_may_not() {
        let error = current_thread()
            .block_on(async { may_block() })
            .expect_err("a task");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("spawn_blocking"));
    }

    #[test]
    fn a_task_without_a_budget_may_not() {
        for runtime in [
            current_thread(),
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .build()
                .expect("a runtime"),
        ] {
            let error = runtime
                .block_on(tokio::task::unconstrained(async { may_block() }))
                .expect_err("a task");
            assert_eq!(error.kind(), ErrorKind::Configuration);
            let task = tokio::task::unconstrained(async { may_block() });
            let error = runtime.block_on(runtime.spawn(task)).expect("joins");
            assert_eq!(error.expect_err("a task").kind(), ErrorKind::Configuration);
        }
    }

    #[test]
    fn a_task_that_was_left_may() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .expect("a runtime");
        let left = runtime.spawn(async { tokio::task::block_in_place(may_block) });
        runtime.block_on(left).expect("joins").expect("may block");
        runtime
            .block_on(runtime.spawn_blocking(may_block))
            .expect("joins")
            .expect("may block");
    }

    #[test]
    fn a_blocking_task_may() {
        let runtime = current_thread();
        runtime
            .block_on(runtime.spawn_blocking(may_block))
            .expect("joins")
            .expect("may block");
    }

    #[test]
    fn the_probe_leaves_the_budget_as_it_was() {
        current_thread().block_on(async {
            assert!(is_async() && is_async());
            assert!(coop::has_budget_remaining());
        });
    }
}
