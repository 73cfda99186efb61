//! Columns that are set to SQL expressions by the UPDATEs of a flush.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::dialect::Dialect;
use crate::entity::{ColumnOf, Mapped, Mapper};
use crate::error::{Error, ErrorKind, Result};
use crate::render::in_sequence::{in_order, reads};
use crate::render::{Argument, render_update};
use crate::session::memory::edges::{Membership, ObjectId};
use crate::session::memory::links::Reference;
use crate::session::write::plan::Step;
use crate::session::{AnyStore, Handle, Session, State};
use crate::sql::{self, ColumnRef, IntoSql, UpdateNode};
use crate::value::{ColumnValue, Param, Value, ValueRef};

/// The expressions to write, by object and column.
pub(in crate::session) type Expressions = BTreeMap<ObjectId, BTreeMap<usize, Expression>>;

/// An expression to write.
#[derive(Clone, Debug)]
pub(in crate::session) struct Expression {
    node: sql::Node,
    /// The value assigned to the column before, if it differs from the row's.
    assigned: Option<Value>,
}

impl Expression {
    /// An expression for a column that was not assigned anything.
    pub(in crate::session) fn new(node: sql::Node) -> Self {
        let assigned = None;
        Self { node, assigned }
    }

    /// The value, unless the database computes it.
    pub(in crate::session) fn value(&self) -> Option<&Value> {
        match &self.node {
            sql::Node::Param(value, _) => Some(value),
            _ => None,
        }
    }

    /// Whether the column was assigned another value since.
    fn is_overridden(&self, any: &dyn AnyStore, slot: u32, column: usize) -> bool {
        match &self.assigned {
            Some(before) => {
                let now = any.value(slot, column);
                now.value().is_none_or(|now| !now.same(before.as_ref()))
            }
            None => any.changed(slot).contains(&column),
        }
    }
}

fn nodes(of: &BTreeMap<usize, Expression>) -> impl Iterator<Item = (usize, &sql::Node)> {
    of.iter()
        .map(|(&column, expression)| (column, &expression.node))
}

/// The value assigned to a column, if it differs from the row's.
fn assigned(any: &dyn AnyStore, slot: u32, column: usize) -> Option<Value> {
    let is_changed = any.changed(slot).contains(&column);
    let value = any.value(slot, column);
    value.value().filter(|_| is_changed).map(ValueRef::to_owned)
}

impl Session {
    /// Sets a column to an SQL expression in the next flush, such as `Account::BALANCE + 5`. The database computes it, so that concurrent
    /// changes are not lost. In memory the column keeps its last known value; after the flush the object is expired. If nothing reads it
    /// before, a commit does, so that later changes by other sessions are noticed.
    ///
    /// The last change of a column is written: the expression, a value assigned later, or the key of an object that its foreign key is set
    /// to later. Assigning the value that the object shows changes nothing, and leaves the expression.
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

    fn set_computed(&mut self, node: ObjectId, index: usize, expression: sql::Node) -> Result<()> {
        let mapper = Arc::clone(&self.entry(node.0).mapper);
        mapper.refuse_writes()?;
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
            let message = "the column identifies the row to write, so its value must be known";
            return refused(message.to_owned());
        }
        // Takes a relationship field that was set earlier, because this change comes after it.
        let fields = self.any_store_mut(node.0).take_pending_relations(node.1);
        self.attach_all(node, fields);
        for link in self.edges.links.take_of(node, index) {
            self.revert_reference(&link, Membership::Unknown)?;
        }
        let any = &*self.stores[usize::from(node.0)].store;
        let expression = Expression {
            node: expression,
            assigned: assigned(any, node.1, index),
        };
        let columns = self.expressions.entry(node).or_default();
        columns.insert(index, expression);
        Ok(())
    }

    /// Sets a column to a value in the next flush without checking the row: an expired object is not reread, and concurrent changes of the
    /// column are overwritten silently. After the flush the object is expired.
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

    /// Whether a column of an object is set to an expression.
    pub(in crate::session) fn has_expression(&self, node: ObjectId) -> bool {
        !self.expressions.is_empty() && self.expressions.contains_key(&node)
    }

    /// Whether one of these columns of an object is set to an expression.
    pub(in crate::session) fn is_computed(&self, node: ObjectId, columns: &[usize]) -> bool {
        let expressions = self.expressions.get(&node);
        expressions.is_some_and(|set| columns.iter().any(|column| set.contains_key(column)))
    }

    /// Whether one of these columns of an object is set to an expression that the database computes.
    pub(in crate::session) fn is_computed_by_database(
        &self,
        node: ObjectId,
        columns: &[usize],
    ) -> bool {
        let set = self.expressions.get(&node).into_iter().flatten();
        let mut unknown = set.filter(|(_, expression)| expression.value().is_none());
        unknown.any(|(column, _)| columns.contains(column))
    }

    /// The parent of an object with expressions in its foreign key, if these are values.
    pub(in crate::session) fn computed_parent(
        &self,
        node: ObjectId,
        reference: &Reference,
    ) -> Result<Option<ObjectId>> {
        self.mapped(
            reference.parent_store,
            &self.written_values(node, &reference.columns),
        )
    }

    /// The values that a row gets in these columns, absent where the database computes them.
    fn written_values(&self, node: ObjectId, columns: &[usize]) -> Vec<Param<'_>> {
        let expressions = self.expressions.get(&node);
        let values =
            columns
                .iter()
                .map(|column| match expressions.and_then(|set| set.get(column)) {
                    Some(expression) => {
                        let value = expression.value().map(Value::as_ref);
                        value.map_or(Param::ABSENT, Param::Ref)
                    }
                    None => self.any_store(node.0).value(node.1, *column),
                });
        values.collect()
    }

    /// Drops the expressions of these columns of an object, which get other values.
    pub(in crate::session) fn drop_expressions(&mut self, node: ObjectId, columns: &[usize]) {
        if let Some(expressions) = self.expressions.get_mut(&node) {
            expressions.retain(|column, _| !columns.contains(column));
            if expressions.is_empty() {
                self.expressions.remove(&node);
            }
        }
    }

    /// Notes the values assigned to columns with expressions, so that only later assignments override the expressions.
    pub(in crate::session) fn note_assigned(&mut self) {
        for (&(store, slot), expressions) in &mut self.expressions {
            let any = &*self.stores[usize::from(store)].store;
            for (&column, expression) in expressions {
                expression.assigned = assigned(any, slot, column);
            }
        }
    }

    /// Drops the expressions of columns that were assigned other values since.
    pub(in crate::session) fn drop_overridden_expressions(&mut self) {
        let stores = &self.stores;
        self.expressions.retain(|&(store, slot), expressions| {
            let any = &*stores[usize::from(store)].store;
            expressions.retain(|&at, expression| !expression.is_overridden(any, slot, at));
            !expressions.is_empty()
        });
    }

    /// The expressions of this flush.
    pub(in crate::session) fn computations(&self) -> Result<Computations> {
        let mut all = Computations::default();
        let mut last: Option<(u16, &BTreeMap<usize, Expression>, Row)> = None;
        for (&node, expressions) in &self.expressions {
            let any = self.any_store(node.0);
            if any.state(node.1) != State::Persistent || any.is_marked_deleted(node.1) {
                continue;
            }
            // Consecutive rows usually have the same expressions.
            let same = last.as_ref().filter(|(store, other, _)| {
                *store == node.0 && nodes(other).eq(nodes(expressions))
            });
            let row = match same {
                Some((_, _, row)) => row.clone(),
                None => all.row(self.engine.dialect(), any.mapper(), node.0, expressions)?,
            };
            all.rows.insert(node, row.clone());
            last = Some((node.0, expressions, row));
        }
        Ok(all)
    }

    /// Refuses expressions that read a column which an earlier step of the flush writes: they would not see the row as it was.
    pub(in crate::session) fn refuse_late_reads(
        &self,
        steps: &[Step],
        computations: &Computations,
    ) -> Result<()> {
        if computations.rows.is_empty() {
            return Ok(());
        }
        let mut written: BTreeMap<ObjectId, BTreeSet<usize>> = BTreeMap::new();
        let steps = steps.iter().filter_map(|step| match step {
            Step::Vacate {
                store,
                column,
                slots,
            } => Some((*store, std::slice::from_ref(column), slots)),
            Step::Release {
                store,
                columns,
                slots,
            } => Some((*store, &columns[..], slots)),
            _ => None,
        });
        let early = self.early_updates.iter();
        let early = early.map(|(store, columns, slots)| (*store, &columns[..], slots));
        for (store, columns, slots) in early.chain(steps) {
            for &slot in slots {
                if computations.rows.contains_key(&(store, slot)) {
                    written.entry((store, slot)).or_default().extend(columns);
                }
            }
        }
        for (node, columns) in written {
            let mapper = self.any_store(node.0).mapper();
            let set = &computations.sets[computations.rows[&node].set].set;
            let is_read = |&&at: &&usize| set.iter().any(|(_, it)| reads(it, mapper.table(), at));
            if let Some(&column) = columns.iter().find(is_read) {
                let message = "an expression reads the column, which is written before it: flush one of the two changes first";
                return Err(Error::new(ErrorKind::InvalidState, message)
                    .entity(mapper.name())
                    .column(&mapper.table().columns[column].name)
                    .key(self.any_store(node.0).key_text(node.1)));
            }
        }
        Ok(())
    }
}

/// The expressions of a flush, shared by all rows whose expressions differ only in parameters.
#[derive(Debug, Default)]
pub(in crate::session) struct Computations {
    sets: Vec<Computed>,
    /// The index of each set, by its store and text.
    numbers: FxHashMap<(u16, String), usize>,
    rows: BTreeMap<ObjectId, Row>,
}

/// A set of columns and their expressions, with the parameters of one of the rows.
#[derive(Debug)]
pub(in crate::session) struct Computed {
    pub(in crate::session) set: Vec<(ColumnRef, sql::Node)>,
}

/// The expressions of one row.
#[derive(Clone, Debug)]
struct Row {
    set: usize,
    arguments: Arc<[Argument]>,
}

impl Computations {
    fn row(
        &mut self,
        dialect: &dyn Dialect,
        mapper: &Mapper,
        store: u16,
        expressions: &BTreeMap<usize, Expression>,
    ) -> Result<Row> {
        let nodes = nodes(expressions);
        let set: Vec<_> = nodes
            .map(|(column, node)| (reference(mapper, column), node.clone()))
            .collect();
        // Parameters are taken in the order in which they are rendered.
        let ordered = in_order(dialect, mapper.table(), &set);
        let ordered = match ordered.map_err(|error| error.entity(mapper.name()))? {
            Cow::Borrowed(_) => None,
            Cow::Owned(ordered) => Some(ordered),
        };
        let set = ordered.unwrap_or(set);
        let node = UpdateNode::new(mapper.table(), set, None);
        let rendered =
            render_update(dialect, &node).map_err(|error| error.entity(mapper.name()))?;
        let next = self.sets.len();
        let text = rendered.sql.text().to_owned();
        let number = *self.numbers.entry((store, text)).or_insert(next);
        if number == next {
            self.sets.push(Computed { set: node.set });
        }
        Ok(Row {
            set: number,
            arguments: rendered.arguments.into(),
        })
    }

    /// The set with this index.
    pub(in crate::session) fn computed(&self, set: usize) -> &Computed {
        &self.sets[set]
    }

    /// The columns of an object that are set to expressions.
    pub(in crate::session) fn columns(&self, node: ObjectId) -> impl Iterator<Item = usize> {
        let set = self.rows.get(&node).map(|row| &self.sets[row.set]);
        set.into_iter().flat_map(Computed::columns)
    }

    /// The parameters of an object's expressions.
    pub(in crate::session) fn arguments(&self, node: ObjectId) -> &Arc<[Argument]> {
        &self.rows[&node].arguments
    }

    /// The sets of a store's objects.
    pub(in crate::session) fn of_store(&self, store: u16) -> BTreeMap<u32, usize> {
        let rows = self.rows.range((store, 0)..=(store, u32::MAX));
        rows.map(|(node, row)| (node.1, row.set)).collect()
    }

    /// Whether a set has a column of an embedded value that can only be set as a whole.
    pub(in crate::session) fn sets_part_of_whole(&self, set: usize, mapper: &Mapper) -> bool {
        let mut columns = self.sets[set].columns();
        columns.any(|column| mapper.is_together(column))
    }
}

impl Computed {
    pub(in crate::session) fn columns(&self) -> impl Iterator<Item = usize> {
        self.set.iter().map(|(column, _)| column.index)
    }
}

pub(in crate::session) fn reference(mapper: &Mapper, index: usize) -> ColumnRef {
    ColumnRef::new(mapper.table(), index)
}
