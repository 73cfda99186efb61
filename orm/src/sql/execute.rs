//! Running statements of the expression language on a connection, without a session.

use std::sync::Arc;

use crate::backend::{Row, Sql};
use crate::dialect::{Begin, Dialect};
use crate::engine::Connected;
use crate::error::{Error, ErrorKind, Result};
use crate::render::{Rendered, max_parameters_of, render_insert};
use crate::sql::{Compound, Delete, FromRow, Insert, Select, Update};

/// A statement that reads rows: a [`Select`] or a [`Compound`].
pub trait Read {
    /// The type of a row.
    type Row: FromRow;

    /// Renders the statement as text and parameters, limited to at most `limit` rows.
    ///
    /// # Errors
    ///
    /// If the statement cannot be rendered for this database.
    fn rendered(&self, dialect: &dyn Dialect, limit: Option<u64>) -> Result<Rendered>;

    /// Returns whether it may write, as raw SQL that does not begin with SELECT or VALUES. By default `false`.
    fn may_write(&self) -> bool {
        false
    }
}

/// A statement that writes: an [`Insert`], [`Update`] or [`Delete`].
pub trait Write {
    /// Renders the statement as text and parameters; as several if it has too many parameters for one.
    ///
    /// # Errors
    ///
    /// If the statement cannot be rendered for this database.
    fn rendered(&self, dialect: &dyn Dialect) -> Result<Vec<Rendered>>;
}

impl Connected {
    /// Returns all rows.
    ///
    /// # Errors
    ///
    /// Errors of the backend; a row that does not convert.
    pub fn all<Q: Read>(&mut self, query: &Q) -> Result<Vec<Q::Row>> {
        let mut rows = Vec::new();
        self.for_each(query, |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Returns the first row, if any, and reads no others.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn first<Q: Read>(&mut self, query: &Q) -> Result<Option<Q::Row>> {
        let mut first = None;
        let rendered = query.rendered(self.dialect(), Some(1))?;
        self.read(&rendered, &mut |row| {
            first = Some(Q::Row::from_row(row, 0)?);
            Ok(())
        })?;
        Ok(first)
    }

    /// Returns the only row.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoRow`] or [`ErrorKind::MultipleRows`] if there is none or more than one; otherwise as [`all`](Self::all).
    pub fn one<Q: Read>(&mut self, query: &Q) -> Result<Q::Row> {
        let mut rows = Vec::with_capacity(2);
        let rendered = query.rendered(self.dialect(), Some(2))?;
        let text = rendered.sql.text().to_owned();
        self.read(&rendered, &mut |row| {
            rows.push(Q::Row::from_row(row, 0)?);
            Ok(())
        })?;
        let (kind, message) = match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => return Ok(row),
            (Some(_), false) => (ErrorKind::MultipleRows, "more than one"),
            (None, _) => (ErrorKind::NoRow, "none"),
        };
        Err(Error::new(kind, format!("expected one row, found {message}")).statement(text))
    }

    /// Calls `each` with every row as it arrives, without collecting them. Stops at the first error of `each`.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all); errors of `each`.
    pub fn for_each<Q: Read>(
        &mut self,
        query: &Q,
        mut each: impl FnMut(Q::Row) -> Result<()>,
    ) -> Result<()> {
        let rendered = query.rendered(self.dialect(), None)?;
        self.read(&rendered, &mut |row| each(Q::Row::from_row(row, 0)?))
    }

    /// Runs a statement that writes, and returns the number of rows inserted or matched. If the rows need several statements because of
    /// their number of parameters, these run in one transaction, if the database supports transactions.
    ///
    /// # Errors
    ///
    /// Errors of rendering and of the backend.
    pub fn write(&mut self, statement: &impl Write) -> Result<u64> {
        let statements = statement.rendered(self.dialect())?;
        let own_transaction = statements.len() > 1
            && !self.in_transaction()
            && self.engine().capabilities().transactions;
        if !own_transaction {
            return self.write_all(statements);
        }
        self.begin(Begin {
            writes_first: true,
            ..Begin::default()
        })?;
        match self.write_all(statements) {
            Ok(rows) => self.commit().map(|()| rows),
            Err(error) => {
                // The first error is the one to report; a connection that cannot roll back is discarded.
                let _ = self.rollback();
                Err(error)
            }
        }
    }

    fn write_all(&mut self, statements: Vec<Rendered>) -> Result<u64> {
        let mut rows = 0;
        for statement in statements {
            let sql = self.interned(&statement);
            rows += statement
                .with_params(|params| self.execute(&sql, params))?
                .matched;
        }
        Ok(rows)
    }

    pub(super) fn read(
        &mut self,
        rendered: &Rendered,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        let sql = self.interned(rendered);
        rendered.with_params(|params| self.query(&sql, params, sink))
    }

    /// Returns the cached statement with the same text, whose id the connection has prepared.
    fn interned(&self, rendered: &Rendered) -> Arc<Sql> {
        self.engine().intern(&rendered.sql)
    }
}

impl<R: FromRow> Read for Select<R> {
    type Row = R;

    fn rendered(&self, dialect: &dyn Dialect, limit: Option<u64>) -> Result<Rendered> {
        match limit {
            Some(limit) => self.clone().at_most(limit).render(dialect),
            None => self.render(dialect),
        }
    }
}

impl<R: FromRow> Read for Compound<R> {
    type Row = R;

    fn rendered(&self, dialect: &dyn Dialect, limit: Option<u64>) -> Result<Rendered> {
        match limit {
            Some(limit) => self.clone().at_most(limit).render(dialect),
            None => self.render(dialect),
        }
    }
}

impl<C> Write for Insert<C> {
    fn rendered(&self, dialect: &dyn Dialect) -> Result<Vec<Rendered>> {
        let chunks = self.chunks(max_parameters_of(dialect));
        chunks
            .iter()
            .map(|chunk| render_insert(dialect, chunk))
            .collect()
    }
}

impl Write for Update {
    fn rendered(&self, dialect: &dyn Dialect) -> Result<Vec<Rendered>> {
        Ok(vec![self.render(dialect)?])
    }
}

impl Write for Delete {
    fn rendered(&self, dialect: &dyn Dialect) -> Result<Vec<Rendered>> {
        Ok(vec![self.render(dialect)?])
    }
}
