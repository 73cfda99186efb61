//! Raw SQL in a session.

use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;
use crate::sql::{Exactly, FromRow, Params, TextStatement, text};

/// A raw SQL statement and the session that it will run in. Built by [`Session::sql`].
#[derive(Debug)]
#[must_use = "statements are lazy: nothing runs until `all`, `first`, `one` or `execute`"]
pub struct SessionSql<'s> {
    session: &'s mut Session,
    statement: TextStatement,
}

impl Session {
    /// Prepares raw SQL to run in this session's transaction. Each `?` outside quotes and comments is a placeholder, whatever the
    /// database uses; `??` is a question mark.
    ///
    /// ```
    /// # use selfsame::prelude::*;
    /// # fn run(session: &mut Session) -> selfsame::Result<()> {
    /// let rows = session.sql("SELECT id, name FROM users WHERE age > ?", (18,)).all::<(i64, String)>()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn sql(&mut self, statement: impl Into<String>, params: impl Params) -> SessionSql<'_> {
        SessionSql {
            session: self,
            statement: text(statement, params),
        }
    }
}

impl SessionSql<'_> {
    /// Returns every row as plain values, bypassing the identity map. Flushes first. If the text does not begin with SELECT or VALUES, it may write:
    /// afterwards every object is expired, as by [`execute`](Self::execute).
    ///
    /// # Errors
    ///
    /// Errors of the autoflush or the statement; [`ErrorKind::Conversion`] for a row of other types or another width;
    /// [`ErrorKind::InvalidStatement`] if there are more or fewer parameters than `?`.
    pub fn all<R: FromRow>(self) -> Result<Vec<R>> {
        let rows = self.session.rows(&self.statement.read_as::<R>())?;
        Ok(rows.into_iter().map(|Exactly(row)| row).collect())
    }

    /// Returns the first row, if any; the others are read and discarded. Flushes first.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn first<R: FromRow>(self) -> Result<Option<R>> {
        Ok(self.all()?.into_iter().next())
    }

    /// Returns the only row.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoRow`] and [`ErrorKind::MultipleRows`] if there are none or several; else as [`all`](Self::all).
    pub fn one<R: FromRow>(self) -> Result<R> {
        let mut rows = self.all()?;
        let (kind, found) = match (rows.pop(), rows.len()) {
            (Some(row), 0) => return Ok(row),
            (Some(_), _) => (ErrorKind::MultipleRows, "more than one"),
            (None, _) => (ErrorKind::NoRow, "none"),
        };
        Err(Error::new(kind, format!("expected one row, found {found}")))
    }

    /// Runs the statement and returns how many rows it matched, as far as the database reports it. Flushes first; afterwards every
    /// object is expired.
    ///
    /// # Errors
    ///
    /// As [`Session::execute`].
    pub fn execute(self) -> Result<u64> {
        self.session.execute(&self.statement)
    }
}
