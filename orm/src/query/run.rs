//! Running queries, independent of the entity's type: into a store, or row by row without one.

use std::sync::Arc;

use crate::backend::{Row, Sql};
use crate::dialect::Dialect;
use crate::entity::{Fetch, Loading, Mapper};
use crate::error::{Error, ErrorKind, Result};
use crate::render::{Filter, Outputs, Rendered, Select, Sorting, TableRef, render_select};
use crate::session::{Fill, Handle, Selection, Session, refuse_repeated, repeated};
use crate::sql::{Aggregate, List, Node, SelectNode, Source, column};
use crate::value::{ColumnValue, ValueType};

/// The output of a query.
#[derive(Clone, Copy)]
pub(super) enum Read<'a> {
    /// These columns.
    Columns(&'a [usize]),
    /// The number of rows: one row with one `i64`.
    Count,
    /// Whether there is a row: if so the result is one row with one `i32`, otherwise empty.
    Exists,
}

impl Read<'_> {
    fn limit(self, limit: Option<u64>) -> Option<u64> {
        match self {
            Self::Exists => Some(limit.map_or(1, |rows| rows.min(1))),
            _ => limit,
        }
    }
}

impl Session {
    /// Runs a query and calls `sink` with each row, without tracking objects.
    pub(super) fn run_query(
        &mut self,
        mapper: &Mapper,
        selection: &Selection<'_>,
        read: Read<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        self.autoflush()?;
        let (rendered, sql) = self.render(mapper, selection, read)?;
        let connection = self.reading()?;
        rendered.with_params(|params| connection.query(&sql, params, sink))
    }

    /// Returns the number of rows that a query finds.
    pub(super) fn count_rows(&mut self, mapper: &Mapper, selection: &Selection<'_>) -> Result<u64> {
        let mut count = 0;
        self.run_query(mapper, selection, Read::Count, &mut |row| {
            count = Row::value(row, 0, ValueType::I64).and_then(i64::from_value)?;
            Ok(())
        })?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Returns whether a query finds a row.
    pub(super) fn finds_row(&mut self, mapper: &Mapper, selection: &Selection<'_>) -> Result<bool> {
        let mut found = false;
        self.run_query(mapper, selection, Read::Exists, &mut |_| {
            found = true;
            Ok(())
        })?;
        Ok(found)
    }

    /// Runs a query into a store, with the relations that it and the mapping load; returns the slots of its objects in order.
    pub(crate) fn query_objects(
        &mut self,
        store: u16,
        selection: &Selection<'_>,
        said: &[Loading],
    ) -> Result<Vec<u32>> {
        self.refuse_second_mapping(store)?;
        let mapper = Arc::clone(self.any_store(store).mapper());
        mapper.refuse_objects()?;
        mapper.check_deferred(selection.undefer)?;
        let defaults = self.default_loadings_beside(store, said, |_| false);
        let mut loadings: Vec<Loading> = said.iter().cloned().chain(defaults).collect();
        let slots = if self.can_join(store, &loadings, selection) {
            let slots = self.query_joined(store, selection, &loadings)?;
            for loading in loadings
                .iter()
                .filter(|loading| loading.fetch == Fetch::Joined)
            {
                self.allow_lazy_loads(store, loading.relation, &slots);
            }
            loadings.retain(|loading| loading.fetch != Fetch::Joined);
            slots
        } else {
            self.query_plain(store, &mapper, selection)?
        };
        self.load_relations(store, &slots, &loadings)?;
        Ok(slots)
    }

    fn query_plain(
        &mut self,
        store: u16,
        mapper: &Mapper,
        selection: &Selection<'_>,
    ) -> Result<Vec<u32>> {
        self.autoflush()?;
        let columns = mapper.reading(selection.undefer);
        let (rendered, sql) = self.render(mapper, selection, Read::Columns(&columns))?;
        let how = (selection.undefer, selection.fill);
        let mut slots = Vec::new();
        rendered.with_params(|params| {
            self.read_into(store, &sql, params, how, |slot, _| {
                slots.push(slot);
                Ok(())
            })
        })?;
        match selection.joined {
            None => refuse_repeated(self.any_store_mut(store), &slots)?,
            // Joined rows may repeat those of the query's own table.
            Some(_) => self.refuse_doubled(store, repeated(&slots))?,
        }
        if selection.fill == Fill::Always {
            self.forget_relations_of(store, &slots)?;
        }
        self.call_after_loads()?;
        Ok(slots)
    }

    fn render(
        &self,
        mapper: &Mapper,
        selection: &Selection<'_>,
        read: Read<'_>,
    ) -> Result<(Rendered, Arc<Sql>)> {
        let rendered = rendered(self.engine().dialect(), mapper, selection, read)?;
        let sql = self.engine().intern(&rendered.sql);
        Ok((rendered, sql))
    }
}

/// Renders a query as text and parameters.
pub(super) fn rendered(
    dialect: &dyn Dialect,
    mapper: &Mapper,
    selection: &Selection<'_>,
    read: Read<'_>,
) -> Result<Rendered> {
    if selection.joined.is_some() || selection.lock.is_some() {
        return render_select(dialect, &several(mapper, selection, read));
    }
    let table = TableRef::own(mapper.table());
    let columns;
    let outputs = match read {
        Read::Columns(read) => {
            columns = [(table, read)];
            Outputs::Columns(&columns)
        }
        Read::Count => Outputs::Count,
        Read::Exists => Outputs::One,
    };
    let select = Select {
        filter: Filter::Node(selection.filter),
        order: Sorting::Nodes(selection.order),
        limit: read.limit(selection.limit),
        offset: selection.offset,
        ..Select::new(table, outputs)
    };
    select.rendered(dialect)
}

/// The condition that selects a query's own rows, for a statement that has only a WHERE.
pub(super) fn condition(mapper: &Mapper, selection: &Selection<'_>) -> Option<Node> {
    let bounded = selection.limit.is_some() || selection.offset.is_some();
    if !bounded && selection.joined.is_none() {
        return selection.filter.cloned();
    }
    let key = &mapper.table().primary_key;
    let subject = match key[..] {
        [key] => column(mapper.table(), key, None),
        _ => Node::Row(
            key.iter()
                .map(|&at| column(mapper.table(), at, None))
                .collect(),
        ),
    };
    let chosen = several(mapper, selection, Read::Columns(key));
    Some(Node::In {
        subject: Box::new(subject),
        list: List::Subquery(Box::new(chosen)),
        negated: false,
    })
}

/// A query with joins, with one row for each object.
fn several(mapper: &Mapper, selection: &Selection<'_>, read: Read<'_>) -> SelectNode {
    let table = mapper.table();
    let mut node = SelectNode {
        from: Some(Source::from(table)),
        filter: selection.filter.cloned(),
        order: selection.order.to_vec(),
        limit: selection.limit,
        offset: selection.offset,
        lock: selection.lock,
        ..SelectNode::default()
    };
    if let Some(joined) = selection.joined {
        joined.apply(&mut node);
        joined.group(mapper, &mut node);
    }
    match read {
        Read::Columns(columns) => {
            node.columns = columns.iter().map(|&at| column(table, at, None)).collect();
            node.types = columns.iter().map(|&at| mapper.types()[at]).collect();
        }
        Read::Count => {
            node.order.clear();
            node.lock = None;
            node.columns.push(Node::Raw("1".into()));
            return count_of(node);
        }
        Read::Exists => {
            node.order.clear();
            node.columns.push(Node::Raw("1".into()));
            node.types.push(ValueType::I32);
            node.limit = read.limit(node.limit);
        }
    }
    node
}

/// Counts the rows of a query.
fn count_of(rows: SelectNode) -> SelectNode {
    SelectNode {
        columns: vec![Node::Aggregate {
            function: Aggregate::Count,
            operand: None,
            distinct: false,
            cast: None,
        }],
        types: vec![ValueType::I64],
        from: Some(Source::query(rows, "q")),
        ..SelectNode::default()
    }
}

/// Returns the only object found, if any.
pub(super) fn at_most_one<E>(mapper: &Mapper, found: &[Handle<E>]) -> Result<Option<Handle<E>>> {
    match *found {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        _ => {
            let message = "expected at most one row, found more";
            Err(Error::new(ErrorKind::MultipleRows, message).entity(mapper.name()))
        }
    }
}

/// The error for no row.
pub(super) fn no_row(mapper: &Mapper) -> Error {
    let message = "expected exactly one row, found none";
    Error::new(ErrorKind::NoRow, message).entity(mapper.name())
}
