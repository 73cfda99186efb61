//! Walking expression trees: visiting children, and renaming tables.

use std::sync::Arc;

use super::{ColumnRef, List, Node, SelectNode};
use crate::schema::Table;

/// A child of an expression.
pub(crate) enum Inside<'a> {
    Node(&'a Node),
    Select(&'a SelectNode),
}

/// A mutable child of an expression.
pub(crate) enum InsideMut<'a> {
    Node(&'a mut Node),
    Select(&'a mut SelectNode),
}

macro_rules! walk {
    ($name:ident $select:ident $inside:ident $($mutable:ident)?) => {
        impl Node {
            /// Calls `each` with every child, in the order of rendering.
            pub(crate) fn $name(&$($mutable)? self, each: &mut dyn FnMut($inside<'_>)) {
                match self {
                    Self::Column(_) | Self::Excluded(_) | Self::Param(..) | Self::Raw(_) | Self::Invalid(..) => {}
                    Self::Exists(query) | Self::Subquery(query) => each($inside::Select(query)),
                    Self::Binary { left, right, .. } | Self::NullSafe { left, right, .. } => {
                        each($inside::Node(left));
                        each($inside::Node(right));
                    }
                    Self::All(nodes) | Self::Any(nodes) | Self::Row(nodes) => {
                        for node in nodes {
                            each($inside::Node(node));
                        }
                    }
                    Self::Not(operand) | Self::IsNull { operand, .. } | Self::Cast { operand, .. } => {
                        each($inside::Node(operand));
                    }
                    Self::Between {
                        subject, low, high, ..
                    } => {
                        each($inside::Node(subject));
                        each($inside::Node(low));
                        each($inside::Node(high));
                    }
                    Self::In { subject, list, .. } => {
                        each($inside::Node(subject));
                        match list {
                            List::Subquery(query) => each($inside::Select(query)),
                            List::Nodes(nodes) => {
                                for node in nodes {
                                    each($inside::Node(node));
                                }
                            }
                        }
                    }
                    Self::Like {
                        subject, pattern, ..
                    }
                    | Self::TextMatch {
                        subject, pattern, ..
                    } => {
                        each($inside::Node(subject));
                        each($inside::Node(pattern));
                    }
                    Self::Function { arguments, .. } => {
                        for node in arguments {
                            each($inside::Node(node));
                        }
                    }
                    Self::Aggregate { operand, .. } => {
                        if let Some(operand) = operand {
                            each($inside::Node(operand));
                        }
                    }
                    Self::Window { function, window } => {
                        each($inside::Node(function));
                        for node in &$($mutable)? window.partition {
                            each($inside::Node(node));
                        }
                        for key in &$($mutable)? window.order {
                            each($inside::Node(&$($mutable)? key.node));
                        }
                    }
                    Self::JsonText { document, .. } => each($inside::Node(document)),
                    Self::DatePart { operand, .. } => each($inside::Node(operand)),
                    Self::Case {
                        branches,
                        otherwise,
                    } => {
                        for (when, then) in branches {
                            each($inside::Node(when));
                            each($inside::Node(then));
                        }
                        if let Some(node) = otherwise {
                            each($inside::Node(node));
                        }
                    }
                }
            }
        }

        impl SelectNode {
            /// Calls `each` with each of the query's expressions.
            pub(crate) fn $select(&$($mutable)? self, each: &mut dyn FnMut(&$($mutable)? Node)) {
                for node in &$($mutable)? self.columns {
                    each(node);
                }
                let sources = &$($mutable)? self.joins;
                for join in sources {
                    each(&$($mutable)? join.on);
                }
                if let Some(node) = &$($mutable)? self.filter {
                    each(node);
                }
                for node in &$($mutable)? self.group_by {
                    each(node);
                }
                if let Some(node) = &$($mutable)? self.having {
                    each(node);
                }
                for key in &$($mutable)? self.order {
                    each(&$($mutable)? key.node);
                }
            }
        }
    };
}
walk!(inside expressions Inside);
walk!(inside_mut expressions_mut InsideMut mut);

impl Node {
    /// Returns whether it contains a subquery, so that column names must be qualified.
    pub fn has_subquery(&self) -> bool {
        let mut found = false;
        self.inside(&mut |inside| {
            found = found
                || match inside {
                    Inside::Select(_) => true,
                    Inside::Node(node) => node.has_subquery(),
                };
        });
        found
    }

    /// Whether `test` is true for it or a descendant, except inside subqueries.
    pub(crate) fn has(&self, test: &dyn Fn(&Self) -> bool) -> bool {
        let mut found = test(self);
        self.inside(&mut |inside| {
            if let Inside::Node(node) = inside {
                found = found || node.has(test);
            }
        });
        found
    }

    /// Whether a subquery in it uses this name for a table.
    pub(crate) fn uses_name(&self, name: &str) -> bool {
        let mut found = false;
        self.inside(&mut |inside| {
            found = found
                || match inside {
                    Inside::Node(node) => node.uses_name(name),
                    Inside::Select(query) => query.uses_name(name),
                };
        });
        found
    }

    /// Gives the table's unaliased columns an alias.
    pub(crate) fn rename(&mut self, table: &Arc<Table>, name: &Arc<str>) {
        if let Self::Column(column) = self
            && column.is_of(table)
            && column.alias.is_none()
        {
            column.alias = Some(Arc::clone(name));
        }
        self.inside_mut(&mut |inside| match inside {
            InsideMut::Node(node) => node.rename(table, name),
            InsideMut::Select(query) => query.rename(table, name),
        });
    }
}

impl SelectNode {
    fn uses_name(&self, name: &str) -> bool {
        let mut sources = self.from.iter().chain(self.joins.iter().map(|j| &j.source));
        let mut found = sources.any(|source| source.name() == name);
        self.expressions(&mut |node| found = found || node.uses_name(name));
        found
    }

    /// Skips a subquery that reads the table under its own name, because its columns refer to its own rows.
    fn rename(&mut self, table: &Arc<Table>, name: &Arc<str>) {
        let mut sources = self.from.iter().chain(self.joins.iter().map(|j| &j.source));
        if sources.any(|source| source.alias.is_none() && source.table.name == table.name) {
            return;
        }
        self.expressions_mut(&mut |node| node.rename(table, name));
    }
}

impl ColumnRef {
    /// A column of a table under the table's own name.
    pub(crate) fn new(table: &Arc<Table>, index: usize) -> Self {
        Self {
            table: Arc::clone(table),
            index,
            alias: None,
        }
    }

    /// Whether it is a column of this table, aliased or not.
    pub(crate) fn is_of(&self, table: &Table) -> bool {
        std::ptr::eq(&*self.table, table) || self.table.name == table.name
    }
}
