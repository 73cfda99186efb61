//! `Engine`: a backend with its connection pool and its cache of rendered statements.

mod cache;
mod cancel;
mod connected;
mod echo;
mod pool;
mod recorder;
#[cfg(feature = "tokio")]
mod run;

pub use cancel::Canceller;
pub use connected::Connected;
pub use echo::Echo;

pub(crate) use cache::{Operation, Shape, WriteOperation};
pub(crate) use recorder::Recorder;

use std::fmt::{self, Debug};
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Duration;

use crate::backend::{Backend, Scheme, Sql};
use crate::dialect::{Begin, Capabilities, Dialect};
use crate::error::{Error, ErrorKind, Result};
use crate::value::Param;

/// A database with its connection pool, on which sessions are opened. Cheap to clone: clones share the pool, caches, echo and observers.
///
/// Connections are opened lazily, when the first statement runs.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Arc<dyn Backend>,
    /// The dialect's capabilities, once the backend knows its dialect.
    capabilities: OnceLock<Capabilities>,
    /// The capabilities of the dialect that the backend assumes until then.
    assumed: OnceLock<Capabilities>,
    pool: pool::Pool,
    cache: cache::Cache,
    echo: echo::Printer,
    observed: AtomicBool,
    observers: RwLock<Vec<Arc<dyn Observer>>>,
    statements: AtomicU64,
    /// 0 if the warning is off.
    lazy_loads_to_warn_of: AtomicU32,
}

/// Receives every statement after it has run.
pub trait Observer: Send + Sync {
    /// Called with one statement, or one batch of executions of it.
    fn statement(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>) + Send + Sync> Observer for F {
    fn statement(&self, event: &Event<'_>) {
        self(event);
    }
}

/// A statement that has run.
#[derive(Debug)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The statement.
    pub sql: &'a Sql,
    /// The parameters; for a batch, those of all executions one after the other.
    pub params: &'a [Param<'a>],
    /// The number of executions: 1, or the length of a batch.
    pub executions: usize,
    /// The number of rows returned or matched.
    pub rows: u64,
    /// The time it took, including reading its rows.
    pub duration: Duration,
    /// The error, if it failed.
    pub error: Option<&'a Error>,
}

impl Engine {
    /// Creates an engine over a backend.
    pub fn new(backend: impl Backend) -> Self {
        Self::from_backend(Arc::new(backend))
    }

    /// Creates an engine over a backend chosen at run time.
    pub fn from_backend(backend: Arc<dyn Backend>) -> Self {
        let known = (backend.knows_dialect()).then(|| backend.dialect().capabilities());
        let most = known.as_ref().and_then(|known| known.max_connections);
        let pool = pool::Pool::new(most);
        Self {
            inner: Arc::new(Inner {
                backend,
                capabilities: known.map_or_else(OnceLock::new, OnceLock::from),
                assumed: OnceLock::new(),
                pool,
                cache: cache::Cache::default(),
                echo: echo::Printer::default(),
                observed: AtomicBool::new(false),
                observers: RwLock::default(),
                statements: AtomicU64::new(0),
                lazy_loads_to_warn_of: AtomicU32::new(0),
            }),
        }
    }

    /// Creates an engine for a URL, with the first of `schemes` that has the URL's scheme.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] if none has, or if the backend refuses the URL. The error does not contain a password.
    pub fn from_url(url: &str, schemes: &[&Scheme]) -> Result<Self> {
        let name = url.split(':').next().unwrap_or_default();
        let known = schemes.iter().find(|scheme| scheme.names.contains(&name));
        let Some(scheme) = known.filter(|_| url.contains(':')) else {
            let names: Vec<&str> = schemes
                .iter()
                .flat_map(|scheme| scheme.names)
                .copied()
                .collect();
            let message = format!(
                "the URL must begin with one of the schemes {}, followed by a colon",
                names.join(", ")
            );
            return Err(Error::new(ErrorKind::Configuration, message));
        };
        Ok(Self::from_backend((scheme.open)(url)?))
    }

    /// Logs every statement: through [`tracing`] if a subscriber is set, otherwise to standard error.
    #[must_use]
    pub fn echo(self, echo: Echo) -> Self {
        self.inner.echo.set(echo);
        self
    }

    /// Logs every statement to `writer`.
    #[must_use]
    pub fn echo_to(self, echo: Echo, writer: impl Write + Send + 'static) -> Self {
        self.inner.echo.set(echo);
        self.inner.echo.redirect(Box::new(writer));
        self
    }

    /// Warns when a session loads the same relation lazily this many times in one transaction, each time with its own statement: the N+1
    /// pattern. The warning names the relation and the `.with(…)` that loads it eagerly, and is given once per relation and transaction. It
    /// goes to the writer of [`echo_to`](Self::echo_to) if one is set, otherwise through [`tracing`] if a subscriber is set, otherwise to
    /// standard error. 0, the default, turns the warning off.
    #[must_use]
    pub fn warn_n_plus_one(self, lazy_loads: u32) -> Self {
        self.inner
            .lazy_loads_to_warn_of
            .store(lazy_loads, Ordering::Relaxed);
        self
    }

    /// Sets the maximum number of open connections. By default 10, or the backend's limit if that is lower.
    #[must_use]
    pub fn pool_size(self, connections: usize) -> Self {
        self.inner.pool.resize(connections);
        self
    }

    /// Sets how long to wait for a free connection. By default 30 seconds.
    #[must_use]
    pub fn pool_timeout(self, timeout: Duration) -> Self {
        self.inner.pool.set_timeout(timeout);
        self
    }

    /// Calls `observer` with every statement from now on, on all clones of this engine.
    pub fn observe(&self, observer: impl Observer + 'static) {
        let mut observers = self
            .inner
            .observers
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        observers.push(Arc::new(observer));
        self.inner.observed.store(true, Ordering::Release);
    }

    /// Returns the number of statements sent so far, including transaction commands; a batch that executes one statement repeatedly counts
    /// each execution.
    pub fn statements(&self) -> u64 {
        self.inner.statements.load(Ordering::Relaxed)
    }

    /// Returns the database's dialect.
    pub fn dialect(&self) -> &dyn Dialect {
        self.inner.backend.dialect()
    }

    /// Returns the capabilities of the database, as its dialect declared them when the backend first knew it: usually when the engine was
    /// created.
    pub fn capabilities(&self) -> &Capabilities {
        let inner = &*self.inner;
        let assumed = || inner.backend.dialect().capabilities();
        self.known_capabilities()
            .unwrap_or_else(|| inner.assumed.get_or_init(assumed))
    }

    /// Returns `None` while the backend does not know its dialect.
    fn known_capabilities(&self) -> Option<&Capabilities> {
        let Inner {
            backend,
            capabilities,
            pool,
            ..
        } = &*self.inner;
        if capabilities.get().is_none() {
            // This call may determine the dialect.
            backend.dialect();
            if backend.knows_dialect() {
                let found = backend.dialect().capabilities();
                pool.limit(found.max_connections);
                return Some(capabilities.get_or_init(|| found));
            }
        }
        capabilities.get()
    }

    /// Takes a connection from the pool, or opens one.
    ///
    /// # Errors
    ///
    /// Errors of connecting; [`ErrorKind::PoolTimeout`] if no connection became free in time.
    pub fn connect(&self) -> Result<Connected> {
        let connection = self.inner.pool.take(&*self.inner.backend)?;
        // Connecting may have determined the dialect, whose limit applies to the next connection.
        self.known_capabilities();
        Ok(Connected::new(self.clone(), connection))
    }

    /// Refuses transaction options that the backend does not support.
    pub(crate) fn check_begin(&self, begin: &Begin) -> Result<()> {
        let capabilities = self.capabilities();
        let refuse = |what: &str| Err(Error::unsupported(self.dialect().name(), what));
        if !capabilities.transactions {
            return refuse("a transaction");
        }
        if let Some(level) = begin
            .isolation
            .filter(|level| !capabilities.isolation_levels.contains(level))
        {
            return refuse(&format!("the isolation level {}", level.as_sql()));
        }
        if begin.read_only && !capabilities.read_only_transactions {
            return refuse("a read-only transaction");
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn lazy_loads_to_warn_of(&self) -> u32 {
        self.inner.lazy_loads_to_warn_of.load(Ordering::Relaxed)
    }

    pub(crate) fn warn(&self, line: &str) {
        self.inner.echo.warn(line);
    }

    pub(crate) fn shape(&self, shape: Shape<'_>, render: impl FnOnce() -> Sql) -> Arc<Sql> {
        match self.known_capabilities() {
            Some(_) => self.inner.cache.shape(shape, render),
            None => Arc::new(render()),
        }
    }

    pub(crate) fn intern(&self, sql: &Sql) -> Arc<Sql> {
        self.inner.cache.intern(sql)
    }
}

impl Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("backend", &self.inner.backend)
            .finish_non_exhaustive()
    }
}
