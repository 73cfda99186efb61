//! Statements of the expression language inside a session's transaction.

use crate::engine::Connected;
use crate::error::Result;
use crate::session::Session;
use crate::session::life::transaction::Intent;
use crate::sql::{FromRow, Read, Returning, Write};

impl Session {
    /// Returns the rows of a query of columns and expressions as plain values, bypassing the identity map. Flushes first. After raw SQL that
    /// may write, every object is expired, as by [`execute`](Self::execute).
    ///
    /// ```
    #[doc = include_str!("../../docs/models.txt")]
    /// # fn run(session: &mut Session) -> selfsame::Result<()> {
    /// let names = session.rows(&select((User::ID, User::NAME)).from(User::table()))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Errors of the autoflush or the SELECT.
    pub fn rows<Q: Read>(&mut self, query: &Q) -> Result<Vec<Q::Row>> {
        self.read(query, |connection| connection.all(query))
    }

    /// Returns the first row of a query of columns and expressions, if any. Flushes first.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows).
    pub fn first_row<Q: Read>(&mut self, query: &Q) -> Result<Option<Q::Row>> {
        self.read(query, |connection| connection.first(query))
    }

    fn read<Q: Read, T>(
        &mut self,
        query: &Q,
        run: impl FnOnce(&mut Connected) -> Result<T>,
    ) -> Result<T> {
        let writes = query.may_write();
        if writes {
            self.may_have_written();
        }
        let found = self
            .autoflush()
            .and_then(|()| run(self.ready(Intent::Read)?));
        // Also if its rows do not convert, because the statement has run.
        if writes {
            self.expire_all();
        }
        found
    }

    /// Runs an INSERT, UPDATE or DELETE of the expression language in the session's transaction, and returns the number of rows inserted or
    /// matched. Flushes first. Afterwards every object is expired, because it is unknown which of them changed: after a commit, `refresh`
    /// those that the statement wrote before assigning the columns that it set, otherwise the flush reports them as changed by another
    /// session.
    ///
    /// # Errors
    ///
    /// Errors of the flush or the statement. If the statement fails, the session waits for [`rollback`](Self::rollback).
    pub fn execute(&mut self, statement: &impl Write) -> Result<u64> {
        self.flush_first()?;
        let result = self.ready(Intent::Write)?.write(statement);
        match &result {
            Ok(_) => self.expire_after_own_write(),
            Err(error) => self.fail(error),
        }
        result
    }

    /// Runs an INSERT, UPDATE or DELETE with RETURNING in the session's transaction, and returns the written rows. Otherwise like
    /// [`execute`](Self::execute).
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute); [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if the database does not support RETURNING.
    pub fn execute_returning<R: FromRow>(&mut self, statement: &Returning<R>) -> Result<Vec<R>> {
        self.flush_first()?;
        let result = self.ready(Intent::Write)?.write_returning(statement);
        match &result {
            Ok(_) => self.expire_after_own_write(),
            Err(error) => self.fail(error),
        }
        result
    }

    /// Notes that this session may have written any row with unknown values.
    pub(crate) fn may_have_written(&mut self) {
        self.log.wrote_before(self.log.epoch + 1);
    }

    /// Expires every object, because this session may have written any row with unknown values.
    pub(in crate::session) fn expire_after_own_write(&mut self) {
        self.expire_all();
        self.log.wrote_before(self.log.epoch);
    }

    /// Expires every object, so that it is reread at its next use. Unflushed changes are kept.
    pub fn expire_all(&mut self) {
        self.log.epoch += 1;
        self.edges.expire_loaded(&mut self.log);
    }
}
