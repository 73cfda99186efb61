//! Columns that the database computes in the unit of work's UPDATE.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::backend::Sql;
use crate::entity::{ColumnOf, Mapped, Mapper};
use crate::error::{Error, ErrorKind, Result};
use crate::render::render_update;
use crate::session::life::transaction::Intent;
use crate::session::memory::edges::Node;
use crate::session::{Handle, Session, State};
use crate::sql::{self, ColumnRef, IntoSql, UpdateNode};
use crate::value::{ColumnValue, Value, ValueRef};

/// What is to be written to columns, by object and column, until the flush.
pub(in crate::session) type Expressions = BTreeMap<Node, BTreeMap<usize, sql::Node>>;

impl Session {
    /// Has the next flush set a column to an expression of the row, such as `Account::BALANCE + 5`: the database computes it, so that
    /// nothing is lost that others write meanwhile. In memory the column keeps its last known value; after the flush the object is
    /// expired. Beats what is assigned to the column itself.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidState`] for an object without a row, and for a column of the primary key or the version;
    /// [`ErrorKind::StaleHandle`], [`ErrorKind::ForeignHandle`].
    pub fn set_expr<E: Mapped, T: ColumnValue>(
        &mut self,
        handle: Handle<E>,
        column: impl ColumnOf<E, T>,
        value: impl IntoSql<E, T::Base>,
    ) -> Result<()> {
        let node = self.node(handle)?;
        let column = column.find(&self.entry(node.0).mapper)?;
        self.set_computed(node, column, value.into_sql())
    }

    fn set_computed(&mut self, node: Node, index: usize, expression: sql::Node) -> Result<()> {
        let mapper = Arc::clone(&self.entry(node.0).mapper);
        let refused = |message: String| {
            let column = &mapper.table().columns[index].name;
            let error = Error::new(ErrorKind::InvalidState, message);
            Err(error.entity(mapper.name()).column(column))
        };
        let state = self.any_store(node.0).state(node.1);
        if state != State::Persistent {
            return refused(format!(
                "a {state} object has no row: assign a value instead"
            ));
        }
        if mapper.guard().contains(&index) {
            let message = "the column picks the row that is written, so its value must be known";
            return refused(message.to_owned());
        }
        let columns = self.expressions.entry(node).or_default();
        columns.insert(index, expression);
        Ok(())
    }

    /// Has the next flush write a value to a column, whatever the row has now: an object that is expired is not read for it, and
    /// nobody is told if the column was changed by others meanwhile. After the flush the object is expired.
    ///
    /// # Errors
    ///
    /// As [`set_expr`](Self::set_expr).
    pub fn set_blind<E: Mapped, T: ColumnValue>(
        &mut self,
        handle: Handle<E>,
        column: impl ColumnOf<E, T>,
        value: impl IntoSql<E, T::Base>,
    ) -> Result<()> {
        self.set_expr(handle, column, value)
    }

    /// Whether the database is to compute a column of an object.
    pub(in crate::session) fn has_expression(&self, node: Node) -> bool {
        !self.expressions.is_empty() && self.expressions.contains_key(&node)
    }

    /// One UPDATE for each object with expressions, with what else changed in it.
    pub(in crate::session) fn write_expressions(&mut self) -> Result<()> {
        for (node, expressions) in self.expressions.clone() {
            let any = self.any_store(node.0);
            if any.state(node.1) == State::Persistent && !any.is_doomed(node.1) {
                self.write_expression(node, &expressions)?;
            }
        }
        self.expressions.clear();
        Ok(())
    }

    fn write_expression(
        &mut self,
        (store, slot): Node,
        expressions: &BTreeMap<usize, sql::Node>,
    ) -> Result<()> {
        let mapper = Arc::clone(&self.entry(store).mapper);
        let mut columns = self.any_store(store).changed(slot);
        columns.retain(|column| !expressions.contains_key(column));
        self.check_fit(store, &columns, &[slot])?;
        let columns = self.count_versions(store, &columns, &[slot])?.into_owned();
        let any = self.any_store(store);
        let value = |column: usize, value: Option<ValueRef<'_>>| {
            let value = value.map_or(Value::Null, ValueRef::to_owned);
            sql::Node::Param(value, mapper.types()[column])
        };
        let assigned = columns
            .iter()
            .map(|&column| (column, value(column, any.value(slot, column).value())));
        let computed = expressions
            .iter()
            .map(|(&column, node)| (column, node.clone()));
        let set: Vec<(ColumnRef, sql::Node)> = assigned
            .chain(computed)
            .map(|(column, node)| (reference(&mapper, column), node))
            .collect();
        let picked = mapper.guard().iter().map(|&column| {
            let known = value(column, any.row_value(slot, column).value());
            sql::Node::Column(reference(&mapper, column)).binary(sql::Operator::Eq, known)
        });
        let filter = picked.reduce(sql::Node::and);
        let dialect = self.engine.dialect();
        let rendered = render_update(dialect, &UpdateNode::new(mapper.table(), set, filter))?;
        let sql: Arc<Sql> = self.engine.intern(&rendered.sql);
        let connection = self.ready(Intent::Write)?;
        let outcome = rendered
            .with_params(|params| connection.execute(&sql, params))
            .map_err(|error| error.entity(mapper.name()))?;
        if outcome.matched == 0 {
            let error = self.stale(store, slot, "the UPDATE matched no row");
            return Err(error.statement(sql.text()));
        }
        let epoch = self.epoch;
        let any = self.any_store_mut(store);
        any.updated(slot, epoch)?;
        any.expire(slot);
        any.ledger_mut().overwritten(slot);
        let relations = self.relation_count(store);
        self.edges.queried.forget((store, slot), relations);
        Ok(())
    }
}

fn reference(mapper: &Mapper, index: usize) -> ColumnRef {
    ColumnRef {
        table: Arc::clone(mapper.table()),
        index,
        alias: None,
    }
}
