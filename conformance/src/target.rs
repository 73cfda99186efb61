//! Targets: what is tested. A target provides isolated, empty databases.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use selfsame::Result;
use selfsame::backend::Backend;

/// A database under test.
///
/// # Contract
///
/// - [`fresh`](Self::fresh) MUST return an empty database that no other case sees.
/// - It MUST NOT create, change or drop anything outside such a database.
pub trait Target: Send + Sync + 'static {
    /// Returns a short name for reports, such as `sqlite::memory:`. It must not contain a password.
    fn name(&self) -> &str;

    /// Describes the target in one line. The default is the name.
    fn description(&self) -> String {
        self.name().to_owned()
    }

    /// Creates an isolated, empty database, which is removed when dropped.
    ///
    /// # Errors
    ///
    /// Why the database could not be created; the run reports it as a harness error.
    fn fresh(&self) -> Result<Box<dyn Fresh>>;

    /// Empties a used database, if that is faster than creating a new one. The default drops it and creates a fresh one.
    ///
    /// # Errors
    ///
    /// See [`fresh`](Self::fresh).
    fn reset(&self, used: Box<dyn Fresh>) -> Result<Box<dyn Fresh>> {
        drop(used);
        self.fresh()
    }
}

/// One isolated database. Dropping it removes the database.
pub trait Fresh: Send {
    /// Returns the backend of this database.
    fn backend(&self) -> Arc<dyn Backend>;

    /// Returns the same database through a proxy that can make its server silent, for cases that check that every wait for an answer ends.
    /// The default is `None`, and those cases are skipped: a database in the program's own process has no server that could fall silent.
    fn silenceable(&self) -> Option<Silenceable> {
        None
    }
}

impl Fresh for Box<dyn Fresh> {
    fn backend(&self) -> Arc<dyn Backend> {
        (**self).backend()
    }

    fn silenceable(&self) -> Option<Silenceable> {
        (**self).silenceable()
    }
}

/// A database whose server can be made silent, for example by a proxy that keeps its connections open and stops forwarding.
pub struct Silenceable {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) time_limit: Duration,
    pub(crate) silence: Box<dyn Fn(bool) + Send>,
}

impl Silenceable {
    /// Creates it from three parts: the backend that reaches the server this way, the time limit for answers and for connecting with which
    /// the backend is configured, and a function that makes the server silent (`true`) or lets it answer again (`false`).
    pub fn new(
        backend: Arc<dyn Backend>,
        time_limit: Duration,
        silence: impl Fn(bool) + Send + 'static,
    ) -> Self {
        Self {
            backend,
            time_limit,
            silence: Box::new(silence),
        }
    }

    /// Wraps the backend.
    pub(crate) fn wrapped(self, wrap: impl FnOnce(Arc<dyn Backend>) -> Arc<dyn Backend>) -> Self {
        Self {
            backend: wrap(self.backend),
            ..self
        }
    }
}

impl fmt::Debug for Silenceable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Silenceable")
            .field("backend", &self.backend)
            .field("time_limit", &self.time_limit)
            .finish_non_exhaustive()
    }
}

/// Adds to a fresh database a way to make its server silent. See [`Fresh::silenceable`].
pub fn with_silence(
    fresh: impl Fresh + 'static,
    silenceable: impl Fn() -> Option<Silenceable> + Send + 'static,
) -> Box<dyn Fresh> {
    Box::new(WithSilence {
        silenceable: Box::new(silenceable),
        fresh,
    })
}

struct WithSilence<D> {
    silenceable: Box<dyn Fn() -> Option<Silenceable> + Send>,
    fresh: D,
}

impl<D: Fresh> Fresh for WithSilence<D> {
    fn backend(&self) -> Arc<dyn Backend> {
        self.fresh.backend()
    }

    fn silenceable(&self) -> Option<Silenceable> {
        (self.silenceable)()
    }
}

/// A backend, and a value that keeps its database alive until dropped.
impl<B: Backend, K: Send> Fresh for (Arc<B>, K) {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::<B>::clone(&self.0)
    }
}

/// A target with a name and a closure; see [`target_fn`].
pub struct FnTarget<F> {
    name: String,
    fresh: F,
}

/// Creates a target from a closure that returns a fresh database.
pub fn target_fn<F, D>(name: impl Into<String>, fresh: F) -> FnTarget<F>
where
    F: Fn() -> Result<D> + Send + Sync + 'static,
    D: Fresh + 'static,
{
    FnTarget {
        name: name.into(),
        fresh,
    }
}

impl<F, D> Target for FnTarget<F>
where
    F: Fn() -> Result<D> + Send + Sync + 'static,
    D: Fresh + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn fresh(&self) -> Result<Box<dyn Fresh>> {
        Ok(Box::new((self.fresh)()?))
    }
}

impl<F> fmt::Debug for FnTarget<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnTarget")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
