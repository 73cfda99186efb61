//! What is tested: something that gives isolated, empty databases.

use std::fmt;
use std::sync::Arc;

use selfsame::Result;
use selfsame::backend::Backend;

/// A database under test.
///
/// # Contract
///
/// - [`fresh`](Self::fresh) MUST give a database that is empty and that no other case sees.
/// - Nothing outside such a database may be created, changed or dropped.
pub trait Target: Send + Sync + 'static {
    /// A short name for reports: `sqlite::memory:`. It must not hold a password.
    fn name(&self) -> &str;

    /// One line about what is tested, for people. By default the name.
    fn description(&self) -> String {
        self.name().to_owned()
    }

    /// An isolated, empty database; cleaned up when dropped.
    ///
    /// # Errors
    ///
    /// Whatever kept the database from being made; the run reports it as a harness error.
    fn fresh(&self) -> Result<Box<dyn Fresh>>;

    /// Makes a used database empty again, where that is quicker than a new one. By default drops it and asks for a fresh one.
    ///
    /// # Errors
    ///
    /// See [`fresh`](Self::fresh).
    fn reset(&self, used: Box<dyn Fresh>) -> Result<Box<dyn Fresh>> {
        drop(used);
        self.fresh()
    }
}

/// One isolated database. Dropping it removes what it made.
pub trait Fresh: Send {
    /// The backend that reaches it.
    fn backend(&self) -> Arc<dyn Backend>;
}

impl Fresh for Box<dyn Fresh> {
    fn backend(&self) -> Arc<dyn Backend> {
        (**self).backend()
    }
}

/// A backend, and what keeps its database alive until it is dropped.
impl<B: Backend, K: Send> Fresh for (Arc<B>, K) {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::<B>::clone(&self.0)
    }
}

/// A target made of a name and a closure; see [`target_fn`].
pub struct FnTarget<F> {
    name: String,
    fresh: F,
}

/// Makes a target of a closure that gives a fresh database.
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
