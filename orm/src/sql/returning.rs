//! RETURNING: statements that return the rows they write.

use std::marker::PhantomData;

use crate::dialect::Dialect;
use crate::engine::Connected;
use crate::error::Result;
use crate::render::{Rendered, render_delete, render_insert, render_update};
use crate::sql::{Delete, DeleteNode, FromRow, Insert, InsertNode, Projection, Update, UpdateNode};

/// A statement that writes rows and returns them as `R`. Built by [`Insert::returning`], [`Update::returning`] and [`Delete::returning`],
/// run by [`Connected::write_returning`] and [`Session::execute_returning`](crate::Session::execute_returning).
pub struct Returning<R> {
    node: WriteNode,
    marker: PhantomData<fn() -> R>,
}

/// An untyped statement that writes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WriteNode {
    /// INSERT.
    Insert(InsertNode),
    /// UPDATE.
    Update(UpdateNode),
    /// DELETE.
    Delete(DeleteNode),
}

macro_rules! returning {
    ([$($generics:tt)*] $ty:ty, $variant:ident) => {
        impl<$($generics)*> $ty {
            /// Returns columns and expressions of each written row, if the database supports it: one, or a tuple of up to eight. The order
            /// of the rows is undefined.
            pub fn returning<P: Projection>(mut self, projection: P) -> Returning<P::Row> {
                self.node.returning.clear();
                self.node.types.clear();
                projection.nodes(&mut self.node.returning);
                P::Row::types(&mut self.node.types);
                Returning {
                    node: WriteNode::$variant(self.node),
                    marker: PhantomData,
                }
            }
        }
    };
}
returning!([C] Insert<C>, Insert);
returning!([] Update, Update);
returning!([] Delete, Delete);

impl<R: FromRow> Returning<R> {
    /// Renders the statement as text and parameters.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if the database does not support RETURNING; otherwise as the statement
    /// without it.
    pub fn render(&self, dialect: &dyn Dialect) -> Result<Rendered> {
        match &self.node {
            WriteNode::Insert(node) => render_insert(dialect, node),
            WriteNode::Update(node) => render_update(dialect, node),
            WriteNode::Delete(node) => render_delete(dialect, node),
        }
    }
}

impl Connected {
    /// Runs a statement that writes, and returns the rows written.
    ///
    /// # Errors
    ///
    /// Errors of the backend; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before anything is sent, if it does not support
    /// RETURNING; a row that does not convert.
    pub fn write_returning<R: FromRow>(&mut self, statement: &Returning<R>) -> Result<Vec<R>> {
        let rendered = statement.render(self.dialect())?;
        let mut rows = Vec::new();
        self.read(&rendered, &mut |row| {
            rows.push(R::from_row(row, 0)?);
            Ok(())
        })?;
        Ok(rows)
    }
}

untyped!(Returning<R>, node);
