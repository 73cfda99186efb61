//! `Workload`: something that a program does with its database, at any size.

use std::fmt;

use selfsame::Engine;
use selfsame::backend::Statistics;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A workload at one size, ready to be run again and again.
pub trait Task {
    /// Puts the database into the state in which runs begin. Neither counted nor timed.
    ///
    /// # Errors
    ///
    /// Whatever the database gives.
    fn prepare(&mut self) -> Result<()> {
        Ok(())
    }

    /// Does the work once.
    ///
    /// # Errors
    ///
    /// Whatever the database gives.
    fn run(&mut self) -> Result<()>;

    /// Whether a run uses up what [`prepare`](Self::prepare) made, so that each run needs its own.
    fn uses_up(&self) -> bool {
        false
    }

    /// Checks that the work does what it should, before it is counted or timed.
    ///
    /// # Errors
    ///
    /// What differs.
    fn check(&mut self) -> Result<()> {
        Ok(())
    }

    /// The engine whose statements are counted; `None` for work without one.
    fn engine(&self) -> Option<&Engine> {
        None
    }

    /// What the connection of the runs has done so far. By default asked of a connection of the engine's pool, so that a task that
    /// keeps one open must give this itself.
    ///
    /// # Errors
    ///
    /// Whatever the database gives.
    fn statistics(&mut self) -> Result<Option<Statistics>> {
        match self.engine() {
            Some(engine) => Ok(engine.connect()?.statistics()?),
            None => Ok(None),
        }
    }
}

/// A task made of closures over an engine.
pub struct Ready {
    engine: Engine,
    before: Box<Work>,
    run: Box<Work>,
}

type Work = dyn FnMut(&Engine) -> selfsame::Result<()>;

impl Ready {
    /// A task that does `run`.
    pub fn new(engine: Engine, run: impl FnMut(&Engine) -> selfsame::Result<()> + 'static) -> Self {
        Self {
            engine,
            before: Box::new(|_| Ok(())),
            run: Box::new(run),
        }
    }

    /// Puts the tables back in this way before runs.
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
    /// By a few for every so many rows.
    Batches(usize),
    /// In proportion: the workload asks for its rows one by one.
    Rows,
}

/// What one run allocated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocations {
    /// How often memory was asked for.
    pub calls: u64,
    /// How much, in all.
    pub bytes: u64,
}

/// Counts what a closure allocates on this thread: an allocator's own business, so the program brings it along.
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
    /// A workload by the name that golden files have. `open` makes the tables for a size and gives the task.
    ///
    /// It is counted, timed and grown at sizes 1, 10 and 100; see [`sizes`](Self::sizes). Its number of statements may not grow; see
    /// [`statements`](Self::statements).
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

    /// Says at which size it is counted and timed, and at which sizes its growth is looked at.
    #[must_use]
    pub fn sizes(mut self, size: usize, growth: impl Into<Vec<usize>>) -> Self {
        self.size = size;
        self.sizes = growth.into();
        self
    }

    /// Says how the number of statements may grow.
    #[must_use]
    pub fn statements(mut self, law: Law) -> Self {
        self.law = law;
        self
    }

    /// Adds work that no change of the program touches, such as SQL by hand: if its time moves, the machine is to blame.
    #[must_use]
    pub fn control<T: Task + 'static, E: Into<Error>>(
        mut self,
        open: impl Fn(usize) -> Result<T, E> + 'static,
    ) -> Self {
        self.control = Some(boxed(open));
        self
    }

    /// Lets the number of allocations differ by this part, and leaves their bytes out of account: for a database behind a socket, whose
    /// answers come in pieces of any size.
    #[must_use]
    pub fn inexact_allocations(mut self, spread: f64) -> Self {
        self.spread = spread;
        self
    }

    /// Leaves its time and instructions unmeasured: for workloads that are there for their growth.
    #[must_use]
    pub fn untimed(mut self) -> Self {
        self.timed = false;
        self
    }

    /// The name.
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
