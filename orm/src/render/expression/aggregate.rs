//! Rendering aggregates and window functions.

use super::Writer;
use crate::schema::ColumnType;
use crate::sql::tree::{Aggregate, FrameBound, FrameUnit, Node, Window};

impl Writer<'_> {
    pub(super) fn window(&mut self, function: &Node, window: &Window) {
        if !self.text.dialect.capabilities().windows {
            return self.refuse("a window function");
        }
        // The cast of an aggregate encloses the OVER clause.
        let cast = match function {
            Node::Aggregate {
                function,
                operand,
                distinct,
                cast: Some(ty),
            } => {
                self.push("CAST(");
                self.aggregate(*function, operand.as_deref(), *distinct, None);
                Some(ty)
            }
            function => {
                self.node(function);
                None
            }
        };
        self.push(" OVER (");
        if !window.partition.is_empty() {
            self.push("PARTITION BY ");
            self.groups(&window.partition);
        }
        if !window.order.is_empty() {
            let space = if window.partition.is_empty() {
                "ORDER BY "
            } else {
                " ORDER BY "
            };
            self.push(space);
            self.order_keys(&window.order, true);
        }
        if let Some(frame) = window.frame {
            self.push(match frame.unit {
                FrameUnit::Rows => " ROWS BETWEEN ",
                FrameUnit::Range => " RANGE BETWEEN ",
            });
            self.bound(frame.from);
            self.push(" AND ");
            self.bound(frame.to);
        }
        self.push(")");
        if let Some(ty) = cast {
            self.end_of_cast(ty);
        }
    }

    fn bound(&mut self, bound: FrameBound) {
        match bound {
            FrameBound::UnboundedPreceding => self.push("UNBOUNDED PRECEDING"),
            FrameBound::Preceding(rows) => self.push(&format!("{rows} PRECEDING")),
            FrameBound::CurrentRow => self.push("CURRENT ROW"),
            FrameBound::Following(rows) => self.push(&format!("{rows} FOLLOWING")),
            FrameBound::UnboundedFollowing => self.push("UNBOUNDED FOLLOWING"),
        }
    }

    pub(super) fn aggregate(
        &mut self,
        function: Aggregate,
        operand: Option<&Node>,
        distinct: bool,
        cast: Option<&ColumnType>,
    ) {
        if matches!(function, Aggregate::Sum | Aggregate::Avg) {
            self.refuse_computed_decimals(operand);
        }
        if cast.is_some() {
            self.push("CAST(");
        }
        self.push(match function {
            Aggregate::Count => "COUNT(",
            Aggregate::Sum => "SUM(",
            Aggregate::Min => "MIN(",
            Aggregate::Max => "MAX(",
            Aggregate::Avg => "AVG(",
        });
        if distinct {
            self.push("DISTINCT ");
        }
        match operand {
            Some(operand) if distinct => self.groups(std::slice::from_ref(operand)),
            Some(operand) if matches!(function, Aggregate::Min | Aggregate::Max) => {
                self.compares([operand]);
                let start = self.text.out.len();
                self.node(operand);
                if let Some(ty) = operand.column_type() {
                    self.text.as_ordered(start, ty);
                }
            }
            Some(operand) => self.node(operand),
            None => self.push("*"),
        }
        self.push(")");
        if let Some(ty) = cast {
            self.end_of_cast(ty);
        }
    }
}
