//! Values of types that are exchanged as text: cast when they are bound and when they are read.

use std::borrow::Cow;

use super::{Argument, Names, Writer};
use crate::schema::ColumnType;
use crate::sql::tree::{ColumnRef, Node, Operator, keeps_type};
use crate::value::Value;

/// The SQL type of an expression's values, if they are exchanged as text.
pub(super) type Form = Option<Cow<'static, str>>;

impl Writer<'_> {
    pub(super) fn form(&self, node: &Node) -> Form {
        node.column_type().and_then(|ty| self.form_of(ty))
    }

    pub(in crate::render) fn form_of(&self, ty: &ColumnType) -> Form {
        self.text.dialect.text_form(ty)
    }

    /// Records that the statement compares values of these expressions.
    pub(super) fn compares<'n>(&mut self, nodes: impl IntoIterator<Item = &'n Node>) {
        for node in nodes {
            if let Some(ty) = node.column_type() {
                self.text.compares(ty);
            }
        }
    }

    /// The common type of several expressions in a comparison.
    pub(super) fn common_form<'n>(&self, nodes: impl IntoIterator<Item = &'n Node>) -> Form {
        nodes.into_iter().find_map(|node| self.form(node))
    }

    /// Writes an expression whose parameters are cast to this type.
    pub(in crate::render) fn node_as(&mut self, node: &Node, form: &Form) {
        let Some(form_name) = form else {
            return self.node(node);
        };
        match node {
            Node::Param(value, ty) => {
                self.push("CAST(");
                self.param(value, *ty);
                self.push(" AS ");
                self.push(form_name);
                self.push(")");
            }
            Node::Case {
                branches,
                otherwise,
            } => self.case(branches, otherwise.as_deref(), form),
            Node::Function { name, arguments } if keeps_type(name) => {
                self.function(name, arguments, form);
            }
            node => self.node(node),
        }
    }

    /// Writes an operand of a comparison with parameters.
    pub(super) fn compared(&mut self, node: &Node, form: &Form) {
        let Node::Column(column) = node else {
            return self.operand_in_one_form(node, form);
        };
        let Some(definition) = column.table.columns.get(column.index) else {
            return self.operand(node);
        };
        let start = self.text.out.len();
        self.column(column);
        self.text.as_compared(start, &definition.ty);
    }

    /// Writes an operand of a comparison: in its comparison form if the others are parameters, otherwise in the one form that all equal values
    /// share.
    pub(super) fn compared_with(&mut self, node: &Node, others: &[&Node], form: &Form) {
        if self.is_of_index {
            return self.operand_as(node, form);
        }
        let is_param = |node: &&Node| matches!(node, Node::Param(..));
        match others.iter().all(is_param) {
            true => self.compared(node, form),
            false => self.operand_in_one_form(node, form),
        }
    }

    /// Writes an operand in the one form that all equal values share. Parameters are in it already.
    pub(super) fn operand_in_one_form(&mut self, node: &Node, form: &Form) {
        match node {
            Node::Param(..) => self.node_as(node, form),
            // The query itself returns that form, since writing it several times would run it several times.
            Node::Subquery(query) => {
                self.push("(");
                self.is_in_one_form = true;
                self.select(query);
                self.push(")");
            }
            node => {
                let start = self.text.out.len();
                self.operand(node);
                if let Some(ty) = node.column_type() {
                    self.text.as_one_form(start, ty);
                }
            }
        }
    }

    /// Returns whether equal values of an expression can have several forms.
    pub(in crate::render) fn has_several_forms(&self, node: &Node) -> bool {
        let ty = node.column_type();
        ty.is_some_and(|ty| self.text.dialect.canonical_form("", ty).is_some())
    }

    /// Writes expressions whose equal values must be one: of GROUP BY, PARTITION BY and row values.
    pub(in crate::render) fn groups(&mut self, nodes: &[Node]) {
        for (i, node) in nodes.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            match self.has_several_forms(node) {
                true => self.operand_in_one_form(node, &None),
                false => self.node(node),
            }
        }
    }

    /// Writes a comparison of a column with a parameter that can be stored in several forms; returns false for any other comparison.
    pub(super) fn compared_forms(&mut self, operator: Operator, left: &Node, right: &Node) -> bool {
        let (column, value, value_ty, operator) = match (left, right) {
            (Node::Column(column), Node::Param(value, ty)) => (column, value, *ty, operator),
            (Node::Param(value, ty), Node::Column(column)) => {
                (column, value, *ty, mirrored(operator))
            }
            _ => return false,
        };
        let Some(definition) = column.table.columns.get(column.index) else {
            return false;
        };
        let ty = &definition.ty;
        if self.is_of_index || ty.value_type() != value_ty || !self.text.has_forms(ty) {
            return false;
        }
        self.compared(&Node::Column(column.clone()), &None);
        let param = self.text.placeholder(value_ty);
        self.arguments.push(Argument::Value(value.clone()));
        let dialect = self.text.dialect;
        let forms = || dialect.equal_forms(&param, ty).join(", ");
        let least = || {
            dialect
                .least_form(&param, ty)
                .unwrap_or_else(|| param.clone())
        };
        let written = match operator {
            Operator::Eq => format!(" IN ({})", forms()),
            Operator::Ne => format!(" NOT IN ({})", forms()),
            Operator::Lt => format!(" < {}", least()),
            Operator::Ge => format!(" >= {}", least()),
            operator => format!("{}{param}", self.symbol(operator)),
        };
        self.push(&written);
        true
    }

    /// Like [`compared_forms`](Self::compared_forms), treating NULL as a value.
    pub(super) fn null_safe_forms(&mut self, left: &Node, right: &Node, negated: bool) -> bool {
        let (column, param, value) = match (left, right) {
            (Node::Column(_), Node::Param(value, _)) => (left, right, value),
            (Node::Param(value, _), Node::Column(_)) => (right, left, value),
            _ => return false,
        };
        let has_forms = |ty: &ColumnType| self.text.has_forms(ty);
        // NULL has only one form.
        if self.is_of_index || *value == Value::Null || !column.column_type().is_some_and(has_forms)
        {
            return false;
        }
        self.push(match negated {
            false => "coalesce(",
            true => "coalesce(NOT ",
        });
        self.compared_forms(Operator::Eq, column, param);
        self.push(match negated {
            false => ", FALSE)",
            true => ", TRUE)",
        });
        true
    }

    /// Like [`compared_forms`](Self::compared_forms), for BETWEEN.
    pub(super) fn between_forms(
        &mut self,
        subject: &Node,
        low: &Node,
        high: &Node,
        negated: bool,
    ) -> bool {
        let has_forms = |ty: &ColumnType| self.text.has_forms(ty);
        let (Node::Column(_), Node::Param(..), Node::Param(..)) = (subject, low, high) else {
            return false;
        };
        if self.is_of_index || !subject.column_type().is_some_and(has_forms) {
            return false;
        }
        self.push(match negated {
            false => "(",
            true => "NOT (",
        });
        self.compared_forms(Operator::Ge, subject, low);
        self.push(" AND ");
        self.compared_forms(Operator::Le, subject, high);
        self.push(")");
        true
    }

    pub(super) fn operand_as(&mut self, node: &Node, form: &Form) {
        match node {
            Node::Param(..) => self.node_as(node, form),
            node => self.operand(node),
        }
    }

    /// Writes an operand of a text test.
    pub(super) fn text_operand(&mut self, node: &Node) {
        match self.form(node) {
            Some(_) => self.cast_to_text(node),
            None => self.operand(node),
        }
    }

    /// Writes an expression whose value is returned in the one form that all equal values share.
    pub(in crate::render) fn output_in_one_form(&mut self, node: &Node) {
        if !self.has_several_forms(node) {
            return self.output(node);
        }
        self.operand_in_one_form(node, &None);
        if let Node::Column(column) = node
            && let Some(definition) = column.table.columns.get(column.index)
        {
            self.push(" AS ");
            self.text.identifier(&definition.name);
        }
    }

    /// Writes an expression whose value is returned to the program.
    pub(in crate::render) fn output(&mut self, node: &Node) {
        if self.is_nested || self.form(node).is_none() {
            return self.node(node);
        }
        self.cast_to_text(node);
    }

    pub(super) fn function(&mut self, name: &str, arguments: &[Node], form: &Form) {
        if let ("REPLACE", [_, _, _]) = (name, arguments) {
            return self.around(
                |dialect, operands, out| dialect.replace(operands, out),
                |writer, which| writer.node_as(&arguments[which], form),
            );
        }
        if compares_arguments(name) {
            self.compares(arguments);
        }
        let in_one_form = compares_arguments(name)
            && arguments
                .iter()
                .any(|argument| self.has_several_forms(argument));
        let destination = self.destination.take();
        self.push(self.text.dialect.function(name));
        self.push("(");
        for (i, argument) in arguments.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            // A function that compares its arguments returns only the first.
            if i == 0 || !compares_arguments(name) {
                self.destination.clone_from(&destination);
            }
            match in_one_form {
                true => self.operand_in_one_form(argument, form),
                false => self.node_as(argument, form),
            }
            self.destination = None;
        }
        self.destination = destination;
        self.push(")");
    }

    /// Writes a key of ORDER BY before further keys: equal values are ties, whatever their stored forms.
    pub(super) fn sort_key_with_ties(&mut self, node: &Node) {
        let ty = node.column_type();
        match ty.is_some_and(|ty| self.text.has_forms(ty)) {
            true => self.operand_in_one_form(node, &None),
            false => self.sort_key(node),
        }
    }

    /// Writes a key of ORDER BY, qualified if needed, because a bare name would refer to the text that is read.
    pub(super) fn sort_key(&mut self, node: &Node) {
        if let (Node::Column(ColumnRef { table, index, .. }), Names::Bare(_)) = (node, self.names)
            && table.columns.get(*index).is_some()
        {
            return self.text.sorted(table, *index);
        }
        let start = self.text.out.len();
        self.operand(node);
        if let Some(ty) = node.column_type() {
            self.text.as_ordered(start, ty);
        }
    }

    fn cast_to_text(&mut self, node: &Node) {
        let text = ColumnType::Text { length: None };
        let ty = node.column_type().unwrap_or(&text);
        self.template(
            |dialect, operand, out| dialect.read_text(operand, ty, out),
            |writer| writer.node(node),
        );
    }
}

/// Whether a function compares its arguments with each other.
fn compares_arguments(function: &str) -> bool {
    let comparing = ["nullif", "greatest", "least"];
    comparing
        .iter()
        .any(|name| name.eq_ignore_ascii_case(function))
}

/// The operator for swapped operands.
fn mirrored(operator: Operator) -> Operator {
    match operator {
        Operator::Lt => Operator::Gt,
        Operator::Le => Operator::Ge,
        Operator::Gt => Operator::Lt,
        Operator::Ge => Operator::Le,
        same => same,
    }
}
