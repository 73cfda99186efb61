//! Rendering queries.

use super::clause::{Filter, Name, Outputs, Sorting, TableRef};
use super::writer::{Names, Rendered, Writer, unbound, write};
use crate::backend::{Sql, StatementKind};
use crate::dialect::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Table;
use crate::sql::tree::{
    CommonNode, CompoundNode, Join, JoinKind, LockStrength, Locked, Node, RowLock, SelectNode,
    SetOperator, Source,
};

/// A SELECT: what an expression tree, a session's query, and a lookup of rows all become before they are written.
#[derive(Clone, Copy)]
pub(crate) struct Select<'a> {
    pub(crate) distinct: bool,
    pub(crate) outputs: Outputs<'a>,
    pub(crate) tables: Tables<'a>,
    pub(crate) filter: Filter<'a>,
    pub(crate) group_by: &'a [Node],
    pub(crate) having: Option<&'a Node>,
    /// Ignored if rows are only counted or found.
    pub(crate) order: Sorting<'a>,
    pub(crate) limit: Option<u64>,
    pub(crate) offset: Option<u64>,
    pub(crate) lock: Option<RowLock>,
}

/// The tables that a SELECT reads.
#[derive(Clone, Copy)]
pub(crate) enum Tables<'a> {
    /// One, and those joined with it on their columns.
    Columns(TableRef<'a>, &'a [ColumnJoin<'a>]),
    /// The tables of an expression tree.
    Nodes(Option<&'a Source>, &'a [Join]),
}

/// A table joined where these columns are equal.
#[derive(Clone, Copy)]
pub(crate) struct ColumnJoin<'a>(
    pub(super) TableRef<'a>,
    pub(super) [(TableRef<'a>, &'a [usize]); 2],
);

impl<'a> Select<'a> {
    /// A SELECT of all rows of a table.
    pub(crate) fn new(table: TableRef<'a>, outputs: Outputs<'a>) -> Self {
        Self {
            distinct: false,
            outputs,
            tables: Tables::Columns(table, &[]),
            filter: Filter::Node(None),
            group_by: &[],
            having: None,
            order: Sorting::Nodes(&[]),
            limit: None,
            offset: None,
            lock: None,
        }
    }

    /// Renders it with the parameters of its expressions.
    ///
    /// # Errors
    ///
    /// As [`render_select`].
    pub(crate) fn rendered(&self, dialect: &dyn Dialect) -> Result<Rendered> {
        let (names, types) = (self.names(), self.outputs.types());
        write(dialect, names, StatementKind::Select, types, |writer| {
            writer.body(self);
        })
    }

    /// Renders it without expressions; its parameters are bound later.
    pub(super) fn sql(&self, dialect: &dyn Dialect, capacity: usize) -> Sql {
        let (names, types) = (self.names(), self.outputs.types());
        unbound(
            dialect,
            names,
            StatementKind::Select,
            types,
            capacity,
            |writer| {
                writer.body(self);
            },
        )
    }

    fn names(&self) -> Names<'a> {
        let table = match self.tables {
            Tables::Columns(of, []) if of.name == Name::Table => of.table,
            Tables::Nodes(Some(source), []) if source.alias.is_none() => &*source.table,
            _ => return Names::Qualified,
        };
        let order = match self.order {
            Sorting::Nodes(order) => order,
            Sorting::Columns(..) => &[],
        };
        let parts = self.outputs.nodes().iter().chain(self.filter.node());
        let parts = parts.chain(self.group_by).chain(self.having);
        let mut parts = parts.chain(order.iter().map(|key| &key.node));
        names(table, parts.any(Node::has_subquery))
    }

    /// The tables of an expression tree.
    fn sources(&self) -> impl Iterator<Item = &'a Source> {
        let (from, joins) = match self.tables {
            Tables::Nodes(from, joins) => (from, joins),
            Tables::Columns(..) => (None, &[][..]),
        };
        from.into_iter()
            .chain(joins.iter().map(|join| &join.source))
    }

    fn is_bounded(&self) -> bool {
        self.limit.is_some() || self.offset.is_some()
    }
}

impl<'a> From<&'a SelectNode> for Select<'a> {
    fn from(node: &'a SelectNode) -> Self {
        Self {
            distinct: node.distinct,
            outputs: Outputs::Nodes(&node.columns, &node.types),
            tables: Tables::Nodes(node.from.as_ref(), &node.joins),
            filter: Filter::Node(node.filter.as_ref()),
            group_by: &node.group_by,
            having: node.having.as_ref(),
            order: Sorting::Nodes(&node.order),
            limit: node.limit,
            offset: node.offset,
            lock: node.lock,
        }
    }
}

/// Renders a SELECT.
///
/// # Errors
///
/// [`ErrorKind::OutOfRange`] if it has more parameters than the database supports; [`ErrorKind::InvalidStatement`] if it uses a column of
/// another table.
pub fn render_select(dialect: &dyn Dialect, node: &SelectNode) -> Result<Rendered> {
    Select::from(node).rendered(dialect)
}

/// Renders queries combined by set operators.
///
/// # Errors
///
/// As [`render_select`]; [`ErrorKind::InvalidStatement`] if it sorts by a position that does not exist.
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
        self.nested(|writer| writer.body(&node.into()));
        (self.names, self.destination) = (outer, destination);
    }

    /// Writes the query of an IN; wrapped in a derived table if the database does not accept a LIMIT there.
    pub(super) fn subquery(&mut self, node: &SelectNode) {
        if !Select::from(node).is_bounded() || self.text.dialect.limits_in_subqueries() {
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

    pub(super) fn body(&mut self, select: &Select<'_>) {
        match select.tables {
            Tables::Columns(of, _) => {
                self.reading([&*of.table.name], |writer| writer.clauses(select));
            }
            Tables::Nodes(..) => {
                let names = select.sources().map(Source::name);
                self.reading(names, |writer| writer.clauses(select));
            }
        }
    }

    fn clauses(&mut self, select: &Select<'_>) {
        let is_count = matches!(select.outputs, Outputs::Count);
        if is_count && select.is_bounded() {
            self.push("SELECT COUNT(*) FROM (");
            self.clauses(&Select {
                outputs: Outputs::One,
                ..*select
            });
            return self.push(") AS q");
        }
        let in_one_form = std::mem::take(&mut self.is_in_one_form) || select.distinct;
        self.commons(select);
        self.push(match select.distinct {
            true => "SELECT DISTINCT ",
            false => "SELECT ",
        });
        self.outputs(select.outputs, in_one_form);
        self.tables(select.tables);
        self.filter(select.filter);
        if !select.group_by.is_empty() {
            self.push(" GROUP BY ");
            self.groups(select.group_by);
        }
        self.condition(" HAVING ", select.having);
        if !matches!(select.outputs, Outputs::Count | Outputs::One) {
            self.sorting(select.order);
        }
        limit(self, select.limit, select.offset);
        if let Some(lock) = select.lock {
            self.row_lock(lock);
        }
    }

    fn tables(&mut self, tables: Tables<'_>) {
        match tables {
            Tables::Columns(of, joins) => {
                self.push(" FROM ");
                self.table(of);
                for &ColumnJoin(of, [(left, from), (right, to)]) in joins {
                    self.push(" JOIN ");
                    self.table(of);
                    self.push(" ON ");
                    let prefixes = (self.prefix(left), self.prefix(right));
                    self.text.each(from.len(), " AND ", |text, i| {
                        text.compared_column(&prefixes.0, &left.table.columns[from[i]]);
                        text.push(" = ");
                        text.compared_column(&prefixes.1, &right.table.columns[to[i]]);
                    });
                }
            }
            Tables::Nodes(from, joins) => {
                if let Some(from) = from {
                    self.push(" FROM ");
                    self.source(from);
                }
                for join in joins {
                    self.push(match join.kind {
                        JoinKind::Inner => " JOIN ",
                        JoinKind::Left => " LEFT JOIN ",
                    });
                    self.source(&join.source);
                    self.condition(" ON ", Some(&join.on));
                }
            }
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
    fn commons(&mut self, select: &Select<'_>) {
        let mut commons: Vec<(&Source, &CommonNode)> = Vec::new();
        for source in select.sources() {
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
                    writer.body(&step.into());
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
        let select = Select::from(node);
        let is_plain = node.order.is_empty() && !select.is_bounded();
        if is_plain && select.sources().all(|source| source.common.is_none()) {
            return self.body(&select);
        }
        self.push("SELECT * FROM (");
        self.body(&select);
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
