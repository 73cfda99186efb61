//! `Workload`: a piece of database work, at any size.

use std::fmt;

use selfsame::Engine;
use selfsame::backend::Statistics;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A workload at one size, ready to be run repeatedly.
pub trait Task {
    /// Prepares the database for runs. Neither counted nor timed.
    ///
    /// # Errors
    ///
    /// Errors of the database.
    fn prepare(&mut self) -> Result<()> {
        Ok(())
    }

    /// Does the work once.
    ///
    /// # Errors
    ///
    /// Errors of the database.
    fn run(&mut self) -> Result<()>;

    /// Returns whether each run needs its own [`prepare`](Self::prepare), because a run consumes what it created.
    fn uses_up(&self) -> bool {
        false
    }

    /// Checks that the work is correct, before it is counted or timed.
    ///
    /// # Errors
    ///
    /// What is wrong.
    fn check(&mut self) -> Result<()> {
        Ok(())
    }

    /// Returns the engine whose statements are counted, if any.
    fn engine(&self) -> Option<&Engine> {
        None
    }

    /// Returns the statistics of the connection used by runs. The default takes a connection from the engine's pool, so a task that
    /// keeps one open must override it.
    ///
    /// # Errors
    ///
    /// Errors of the database.
    fn statistics(&mut self) -> Result<Option<Statistics>> {
        match self.engine() {
            Some(engine) => Ok(engine.connect()?.statistics()?),
            None => Ok(None),
        }
    }
}

/// A task with closures over an engine.
pub struct Ready {
    engine: Engine,
    before: Box<Work>,
    run: Box<Work>,
}

type Work = dyn FnMut(&Engine) -> selfsame::Result<()>;

impl Ready {
    /// Creates a task that runs `run`.
    pub fn new(engine: Engine, run: impl FnMut(&Engine) -> selfsame::Result<()> + 'static) -> Self {
        Self {
            engine,
            before: Box::new(|_| Ok(())),
            run: Box::new(run),
        }
    }

    /// Sets how to reset the tables before runs.
    #[must_use]
    pub fn before(mut self, work: impl FnMut(&Engine) -> selfsame::Result<()> + 'static) -> Self {
        self.before = Box::new(work);
        self
    }
}

impl Task for Ready {
    fn prepare(&mut self) -> Result<()> {
        Ok((self.before)(&self.engine)?)
    }

    fn run(&mut self) -> Result<()> {
        Ok((self.run)(&self.engine)?)
    }

    fn engine(&self) -> Option<&Engine> {
        Some(&self.engine)
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready")
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

/// How the number of statements may grow with the size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Law {
    /// Not at all.
    Constant,
    /// By a few for each batch of rows.
    Batches(usize),
    /// In proportion: the workload reads its rows one by one.
    Rows,
}

/// The allocations of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocations {
    /// The number of allocations.
    pub calls: u64,
    /// The number of bytes.
    pub bytes: u64,
}

/// Counts what a closure allocates on this thread. It depends on the allocator, so the program provides it.
pub type Meter = fn(&mut dyn FnMut()) -> Allocations;

pub(crate) type Open = Box<dyn Fn(usize) -> Result<Box<dyn Task>>>;

/// Something that a program does with its database.
pub struct Workload {
    pub(crate) name: String,
    pub(crate) size: usize,
    pub(crate) sizes: Vec<usize>,
    pub(crate) law: Law,
    pub(crate) open: Open,
    pub(crate) control: Option<Open>,
    pub(crate) timed: bool,
    pub(crate) spread: f64,
}

impl Workload {
    /// Creates a workload; golden files have its name. `open` creates the tables for a size and returns the task.
    ///
    /// It is counted and timed, and its growth measured, at sizes 1, 10 and 100; see [`sizes`](Self::sizes). Its number of statements must not
    /// grow; see [`statements`](Self::statements).
    pub fn new<T: Task + 'static, E: Into<Error>>(
        name: impl Into<String>,
        open: impl Fn(usize) -> Result<T, E> + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            size: 100,
            sizes: vec![1, 10, 100],
            law: Law::Constant,
            open: boxed(open),
            control: None,
            timed: true,
            spread: 0.0,
        }
    }

    /// Sets the size at which it is counted and timed, and the sizes for growth.
    #[must_use]
    pub fn sizes(mut self, size: usize, growth: impl Into<Vec<usize>>) -> Self {
        self.size = size;
        self.sizes = growth.into();
        self
    }

    /// Sets how the number of statements may grow.
    #[must_use]
    pub fn statements(mut self, law: Law) -> Self {
        self.law = law;
        self
    }

    /// Adds a control: work that changes of the program do not affect, such as hand-written SQL. If its time changes, the machine is the cause.
    #[must_use]
    pub fn control<T: Task + 'static, E: Into<Error>>(
        mut self,
        open: impl Fn(usize) -> Result<T, E> + 'static,
    ) -> Self {
        self.control = Some(boxed(open));
        self
    }

    /// Lets the number of allocations differ by this fraction and ignores their bytes: for a database behind a socket, whose
    /// answers arrive in pieces of varying size.
    #[must_use]
    pub fn inexact_allocations(mut self, spread: f64) -> Self {
        self.spread = spread;
        self
    }

    /// Skips time and instructions: for workloads that only measure growth.
    #[must_use]
    pub fn untimed(mut self) -> Self {
        self.timed = false;
        self
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn boxed<T: Task + 'static, E: Into<Error>>(
    open: impl Fn(usize) -> Result<T, E> + 'static,
) -> Open {
    Box::new(move |size| match open(size) {
        Ok(task) => Ok(Box::new(task)),
        Err(error) => Err(error.into()),
    })
}

impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workload")
            .field("name", &self.name)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}
