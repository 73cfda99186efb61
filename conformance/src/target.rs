//! Targets: what is tested. A target provides isolated, empty databases.

use std::fmt;
use std::sync::Arc;

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
}

impl Fresh for Box<dyn Fresh> {
    fn backend(&self) -> Arc<dyn Backend> {
        (**self).backend()
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
