//! Units of work in asynchronous programs.

use super::{Canceller, Engine};
use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;

impl Engine {
    /// Runs a unit of work on one of tokio's blocking threads: opens a session, passes it to `work`, and commits if that returns `Ok`. On
    /// an error or a panic everything is rolled back; a panic is resumed in the caller.
    ///
    /// Dropping the future before it completes cancels the work, as [`Canceller::cancel`] does: the running statement is interrupted, no
    /// further one is sent, the transaction is rolled back, and the connection returns to the pool or is closed. A commit in progress may
    /// still succeed, but never in part.
    ///
    /// ```
    /// use selfsame::prelude::*;
    ///
    /// # #[derive(Entity, Clone, Debug)]
    /// # #[orm(table = "users")]
    /// # struct User { #[orm(primary_key)] id: Auto<i64>, name: String }
    /// async fn rename(engine: &Engine, id: i64, name: String) -> Result<()> {
    ///     let work = move |session: &mut Session| {
    ///         let user = session.get::<User>(id)?.ok_or_else(|| Error::new(ErrorKind::NoRow, "no such user"))?;
    ///         session[user].name = name;
    ///         Ok(())
    ///     };
    ///     engine.run(work).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Errors of `work` or the commit; [`ErrorKind::InvalidState`] if the runtime shuts down before the work begins.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, and if `work` panics.
    pub async fn run<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&mut Session) -> Result<T> + Send + 'static,
    {
        let engine = self.clone();
        let canceller = Canceller::default();
        let mut guard = CancelOnDrop(Some(canceller.clone()));
        let running = tokio::task::spawn_blocking(move || {
            let mut session = Session::new(&engine);
            session.cancelled_by(canceller);
            let value = work(&mut session)?;
            session.commit()?;
            Ok(value)
        });
        let ended = running.await;
        guard.0 = None;
        match ended {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Error::new(
                    ErrorKind::InvalidState,
                    "the runtime shut down before the work began",
                )),
            },
        }
    }
}

/// Cancels on drop unless it was emptied before.
struct CancelOnDrop(Option<Canceller>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(canceller) = self.0.take() {
            canceller.cancel();
        }
    }
}
