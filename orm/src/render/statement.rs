//! Rendering queries.

use super::expression::{Names, Rendered, Writer, write};
use super::{Lock, types};
use crate::backend::StatementKind;
use crate::dialect::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Table;
use crate::sql::tree::{
    CommonNode, CompoundNode, JoinKind, LockStrength, Locked, Node, Order, RowLock, SelectNode,
    SetOperator, Source,
};
use crate::value::ValueType;

/// A session's query of one table.
#[derive(Clone, Copy, Debug)]
pub struct QuerySpec<'a> {
    /// The table.
    pub table: &'a Table,
    /// What to read.
    pub read: Read<'a>,
    /// WHERE.
    pub filter: Option<&'a Node>,
    /// ORDER BY. Ignored when counting rows.
    pub order: &'a [Order],
    /// LIMIT.
    pub limit: Option<u64>,
    /// OFFSET.
    pub offset: Option<u64>,
    /// Whether duplicate rows are removed.
    pub distinct: bool,
    /// How the rows are locked.
    pub lock: Lock,
}

/// What a query of one table reads.
#[derive(Clone, Copy, Debug)]
pub enum Read<'a> {
    /// These columns.
    Columns(&'a [usize]),
    /// The number of rows: one row with one `i64`.
    Count,
    /// Whether there is a row: if so the result is one row with one `i32`, otherwise empty.
    Exists,
}

impl<'a> QuerySpec<'a> {
    /// Creates a query of all rows.
    pub fn new(table: &'a Table, read: Read<'a>) -> Self {
        Self {
            table,
            read,
            filter: None,
            order: &[],
            limit: None,
            offset: None,
            distinct: false,
            lock: Lock::None,
        }
    }
}

/// Renders a session's query.
///
/// # Errors
///
/// [`ErrorKind::OutOfRange`] if it has more parameters than the database supports; [`ErrorKind::InvalidStatement`] if it uses a column of
/// another table.
pub fn query(dialect: &dyn Dialect, spec: &QuerySpec<'_>) -> Result<Rendered> {
    let has_subquery = spec.filter.is_some_and(Node::has_subquery)
        || spec.order.iter().any(|key| key.node.has_subquery());
    let names = names(spec.table, has_subquery);
    let columns = match spec.read {
        Read::Columns(columns) => types(spec.table, columns),
        Read::Count => vec![ValueType::I64],
        Read::Exists => vec![ValueType::I32],
    };
    write(dialect, names, StatementKind::Select, columns, |writer| {
        writer.reading([&*spec.table.name], |writer| session_query(writer, spec));
    })
}

fn session_query(writer: &mut Writer<'_>, spec: &QuerySpec<'_>) {
    let bounded = spec.limit.is_some() || spec.offset.is_some() || spec.distinct;
    match spec.read {
        Read::Columns(columns) => {
            select(writer, spec.distinct);
            writer.text.columns_of(
                spec.table,
                columns,
                matches!(writer.names, Names::Qualified),
            );
            rows(writer, spec);
            writer.order(spec.order);
            limit(writer, spec.limit, spec.offset);
            writer.text.lock(spec.lock);
        }
        Read::Count if bounded => {
            writer.push("SELECT COUNT(*) FROM (");
            select(writer, spec.distinct);
            match spec.distinct {
                true => writer.push("*"),
                false => writer.push("1"),
            }
            rows(writer, spec);
            limit(writer, spec.limit, spec.offset);
            writer.push(") AS q");
        }
        Read::Count => {
            writer.push("SELECT COUNT(*)");
            rows(writer, spec);
        }
        Read::Exists => {
            writer.push("SELECT 1");
            rows(writer, spec);
            limit(
                writer,
                Some(spec.limit.map_or(1, |rows| rows.min(1))),
                spec.offset,
            );
        }
    }
}

/// Renders a SELECT.
///
/// # Errors
///
/// As [`query`].
pub fn render_select(dialect: &dyn Dialect, node: &SelectNode) -> Result<Rendered> {
    let parts = node.columns.iter().chain(&node.filter);
    let parts = parts.chain(&node.group_by).chain(&node.having);
    let mut parts = parts.chain(node.order.iter().map(|key| &key.node));
    let names = match &node.from {
        Some(Source {
            table, alias: None, ..
        }) if node.joins.is_empty() => names(table, parts.any(Node::has_subquery)),
        _ => Names::Qualified,
    };
    write(
        dialect,
        names,
        StatementKind::Select,
        node.types.clone(),
        |writer| writer.body(node),
    )
}

/// Renders queries combined by set operators.
///
/// # Errors
///
/// As [`query`]; [`ErrorKind::InvalidStatement`] if it sorts by a position that does not exist.
pub fn render_compound(dialect: &dyn Dialect, node: &CompoundNode) -> Result<Rendered> {
    let width = node.types().len();
    if node.order.iter().any(|&(at, _)| at == 0 || at > width) {
        let message =
            format!("the query has {width} columns, so it can be sorted by positions 1 to {width}");
        return Err(Error::new(ErrorKind::InvalidStatement, message));
    }
    let types = node.types().to_vec();
    write(
        dialect,
        Names::Qualified,
        StatementKind::Select,
        types,
        |writer| {
            let is_all =
                |(operator, _): &(SetOperator, SelectNode)| *operator == SetOperator::UnionAll;
            let in_one_form = !node.others.iter().all(is_all) || !node.order.is_empty();
            writer.compound(&node.first, &node.others, in_one_form);
            for (i, (position, descending)) in node.order.iter().enumerate() {
                writer.push(if i == 0 { " ORDER BY " } else { ", " });
                writer.push(&position.to_string());
                if *descending {
                    writer.push(" DESC");
                }
            }
            limit(writer, node.limit, node.offset);
        },
    )
}

impl Writer<'_> {
    /// Writes a subquery.
    pub(super) fn select(&mut self, node: &SelectNode) {
        let outer = std::mem::replace(&mut self.names, Names::Qualified);
        let destination = self.destination.take();
        self.nested(|writer| writer.body(node));
        (self.names, self.destination) = (outer, destination);
    }

    /// Writes the query of an IN; wrapped in a derived table if the database does not accept a LIMIT there.
    pub(super) fn subquery(&mut self, node: &SelectNode) {
        let is_bounded = node.limit.is_some() || node.offset.is_some();
        if !is_bounded || self.text.dialect.limits_in_subqueries() {
            return self.select(node);
        }
        self.push("SELECT * FROM (");
        self.select(node);
        self.push(") AS q");
    }

    /// Writes a query whose values are not returned to the program.
    pub(super) fn nested(&mut self, write: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.is_nested, true);
        write(self);
        self.is_nested = outer;
    }

    pub(super) fn outputs(&mut self, nodes: &[Node], in_one_form: bool) {
        for (i, node) in nodes.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            match in_one_form {
                true => self.output_in_one_form(node),
                false => self.output(node),
            }
        }
    }

    pub(super) fn body(&mut self, node: &SelectNode) {
        let names: Vec<&str> = node.sources().map(Source::name).collect();
        let twice = (1..names.len()).find(|&at| names[..at].contains(&names[at]));
        if let Some(name) = twice.map(|at| names[at]) {
            let message = format!(
                "the query uses the name `{name}` for two tables: give one of them another name with `alias`"
            );
            self.fail(Error::new(ErrorKind::InvalidStatement, message).entity(name));
        }
        self.reading(names, |writer| writer.clauses(node));
    }

    fn clauses(&mut self, node: &SelectNode) {
        let in_one_form = std::mem::take(&mut self.is_in_one_form) || node.distinct;
        self.commons(node);
        select(self, node.distinct);
        self.outputs(&node.columns, in_one_form);
        if let Some(from) = &node.from {
            self.push(" FROM ");
            self.source(from);
        }
        for join in &node.joins {
            self.push(match join.kind {
                JoinKind::Inner => " JOIN ",
                JoinKind::Left => " LEFT JOIN ",
            });
            self.source(&join.source);
            condition(self, " ON ", Some(&join.on));
        }
        condition(self, " WHERE ", node.filter.as_ref());
        if !node.group_by.is_empty() {
            self.push(" GROUP BY ");
            self.groups(&node.group_by);
        }
        condition(self, " HAVING ", node.having.as_ref());
        self.order(&node.order);
        limit(self, node.limit, node.offset);
        if let Some(lock) = node.lock {
            self.row_lock(lock);
        }
    }

    fn row_lock(&mut self, lock: RowLock) {
        let dialect = self.text.dialect;
        if !dialect.capabilities().row_locks {
            return self.fail(Error::unsupported(dialect.name(), "a lock on rows"));
        }
        self.push(match lock.strength {
            LockStrength::Update => " FOR UPDATE",
            LockStrength::Share => dialect.share_lock(),
        });
        self.push(match lock.locked {
            Locked::Wait => "",
            Locked::Skip => " SKIP LOCKED",
            Locked::Fail => " NOWAIT",
        });
    }

    /// Writes `WITH name (columns) AS (…) ` for each common table expression of the query.
    fn commons(&mut self, node: &SelectNode) {
        let mut commons: Vec<(&Source, &CommonNode)> = Vec::new();
        for source in node.sources() {
            if let Some(common) = source.common.as_deref()
                && commons
                    .iter()
                    .all(|(other, _)| other.table.name != source.table.name)
            {
                commons.push((source, common));
            }
        }
        let recursive = commons.iter().any(|(_, common)| common.step.is_some());
        if recursive && !self.text.dialect.capabilities().recursive_queries {
            return self.refuse("a recursive query");
        }
        for (i, (source, common)) in commons.into_iter().enumerate() {
            self.push(match (i, recursive) {
                (0, true) => "WITH RECURSIVE ",
                (0, false) => "WITH ",
                _ => ", ",
            });
            self.text.table(&source.table);
            let columns: Vec<usize> = (0..source.table.columns.len()).collect();
            self.text.column_list(&source.table, &columns);
            self.push(" AS (");
            let outer = std::mem::replace(&mut self.names, Names::Qualified);
            self.nested(|writer| {
                writer.part(&common.first);
                if let Some(step) = &common.step {
                    writer.push(" UNION ALL ");
                    writer.body(step);
                }
            });
            self.names = outer;
            self.push(") ");
        }
    }

    /// Writes queries combined from left to right. Databases disagree about the precedence of INTERSECT, so when the operator changes, the
    /// part before it is wrapped in a derived table.
    fn compound(
        &mut self,
        first: &SelectNode,
        others: &[(SetOperator, SelectNode)],
        in_one_form: bool,
    ) {
        let Some(((operator, last), before)) = others.split_last() else {
            self.is_in_one_form = in_one_form;
            return self.part(first);
        };
        let same = before.iter().all(|(other, _)| other == operator);
        match same {
            true => self.compound(first, before, in_one_form),
            false => {
                self.push("SELECT * FROM (");
                self.compound(first, before, in_one_form);
                self.push(") AS q");
            }
        }
        let is_union = matches!(operator, SetOperator::Union | SetOperator::UnionAll);
        if !is_union && !self.text.dialect.capabilities().set_operations {
            return self.refuse("INTERSECT or EXCEPT");
        }
        self.push(match operator {
            SetOperator::Union => " UNION ",
            SetOperator::UnionAll => " UNION ALL ",
            SetOperator::Intersect => " INTERSECT ",
            SetOperator::Except => " EXCEPT ",
        });
        self.is_in_one_form = in_one_form;
        self.part(last);
    }

    /// Writes one of several combined queries; wrapped in a derived table if it has its own ORDER BY, LIMIT or OFFSET.
    fn part(&mut self, node: &SelectNode) {
        let bounded = !node.order.is_empty() || node.limit.is_some() || node.offset.is_some();
        if !bounded && node.sources().all(|source| source.common.is_none()) {
            return self.body(node);
        }
        self.push("SELECT * FROM (");
        self.body(node);
        self.push(") AS q");
    }

    fn source(&mut self, source: &Source) {
        if let Some(query) = &source.query {
            self.push("(");
            self.select(query);
            self.push(") AS ");
            return self.text.identifier(source.name());
        }
        let Some(alias) = &source.alias else {
            return self.text.source(&source.table);
        };
        self.text.table(&source.table);
        self.push(" AS ");
        self.text.identifier(alias);
    }
}

pub(super) fn names(table: &Table, has_subquery: bool) -> Names<'_> {
    match has_subquery {
        true => Names::Qualified,
        false => Names::Bare(table),
    }
}

pub(super) fn select(writer: &mut Writer<'_>, distinct: bool) {
    writer.push(match distinct {
        true => "SELECT DISTINCT ",
        false => "SELECT ",
    });
}

/// ` FROM table WHERE …`.
fn rows(writer: &mut Writer<'_>, spec: &QuerySpec<'_>) {
    writer.push(" FROM ");
    writer.text.source(spec.table);
    condition(writer, " WHERE ", spec.filter);
}

pub(super) fn condition(writer: &mut Writer<'_>, clause: &str, condition: Option<&Node>) {
    if let Some(condition) = condition {
        writer.push(clause);
        writer.node(condition);
    }
}

fn limit(writer: &mut Writer<'_>, limit: Option<u64>, offset: Option<u64>) {
    if limit.is_none() && offset.is_none() {
        return;
    }
    // Databases limit rows to 63 bits; a greater limit means all rows.
    let bound = |rows: u64| rows.min(i64::MAX.unsigned_abs());
    let (limit, offset) = (limit.map(bound), offset.map(bound));
    writer
        .text
        .dialect
        .limit(limit, offset, &mut writer.text.out);
}
