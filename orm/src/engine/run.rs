//! Units of work for asynchronous programs.

use super::{Canceller, Engine};
use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;

impl Engine {
    /// Runs a unit of work on one of tokio's threads for blocking work: opens a session, gives it to `work`, and commits if that returns
    /// `Ok`. On an error, and on a panic, which goes on in the caller, everything is rolled back.
    ///
    /// Dropping the future before it is done cancels the work, as [`Canceller::cancel`] does: the statement that runs is stopped, no
    /// further one is sent, what is open is rolled back, and the connection goes back to the pool or is closed. A commit that is under way
    /// may come to its end, but never in part.
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
    /// What `work` or the commit gives; [`ErrorKind::InvalidState`] if the runtime shuts down before the work begins.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, and where `work` does.
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

/// Cancels unless it was emptied before.
struct CancelOnDrop(Option<Canceller>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(canceller) = self.0.take() {
            canceller.cancel();
        }
    }
}
