//! Projections: from a query for objects to a query for columns.

use super::Query;
use crate::entity::Mapped;
use crate::error::Result;
use crate::session::Session;
use crate::sql::{Compound, FromRow, Projection, Read, Select, also, select};

impl<E: Mapped, S> Query<E, S> {
    /// Selects columns and expressions instead of objects, bypassing the identity map: one, or a tuple of up to eight. Joins repeat
    /// rows as in SQL; `group_by`, `having` and `distinct` come after this.
    ///
    /// ```
    #[doc = include_str!("../docs/models.txt")]
    /// # fn run(session: &mut Session) -> selfsame::Result<()> {
    /// let counts: Vec<(String, i64)> = User::query()
    ///     .left_join(User::TASKS)
    ///     .select((User::NAME, count(Task::ID)))
    ///     .group_by(User::ID)
    ///     .all(session)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn select<P: Projection>(self, projection: P) -> Select<P::Row> {
        select(projection).with_node(|node| {
            let parts = self.parts;
            node.from = Some(self.mapper.table().into());
            node.filter = parts.filter;
            if let Some(joined) = &parts.joined {
                joined.apply(node);
                for page in &joined.pages {
                    also(&mut node.filter, page.of_rows.clone());
                }
            }
            node.order = parts.order;
            (node.limit, node.offset) = (parts.limit, parts.offset);
            node.lock = parts.lock;
        })
    }
}

macro_rules! readers {
    ($($name:ident),*) => {$(
        impl<R: FromRow> $name<R> {
            /// Returns every row, in a session's transaction. Flushes first.
            ///
            /// # Errors
            ///
            /// Errors of the autoflush or the SELECT; a row that does not convert.
            pub fn all(&self, session: &mut Session) -> Result<Vec<R>> {
                session.rows(self)
            }

            /// Returns the first row, if any; no other is read. Flushes first.
            ///
            /// # Errors
            ///
            /// As [`all`](Self::all).
            pub fn first(&self, session: &mut Session) -> Result<Option<R>> {
                session.first_row(self)
            }

            /// Returns the only row. Flushes first.
            ///
            /// # Errors
            ///
            /// [`NoRow`](crate::ErrorKind::NoRow) and [`MultipleRows`](crate::ErrorKind::MultipleRows) if there are none or several; else as [`all`](Self::all).
            pub fn one(&self, session: &mut Session) -> Result<R> {
                session.one_row(self)
            }

            /// Passes every row to `each` as it is read; stops at its first error. Flushes first.
            ///
            /// # Errors
            ///
            /// Errors of `each`; otherwise as [`all`](Self::all).
            pub fn for_each(
                &self,
                session: &mut Session,
                each: impl FnMut(R) -> Result<()>,
            ) -> Result<()> {
                session.each_row(self, each)
            }
        }
    )*};
}
readers!(Select, Compound);

impl Session {
    fn one_row<Q: Read>(&mut self, query: &Q) -> Result<Q::Row> {
        self.autoflush()?;
        self.reading()?.one(query)
    }

    fn each_row<Q: Read>(
        &mut self,
        query: &Q,
        each: impl FnMut(Q::Row) -> Result<()>,
    ) -> Result<()> {
        self.autoflush()?;
        self.reading()?.for_each(query, each)
    }
}
