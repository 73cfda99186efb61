//! Values of types that cross as text: cast where they are bound, and where they are read.

use std::borrow::Cow;

use super::{Names, Writer};
use crate::schema::ColumnType;
use crate::sql::tree::{ColumnRef, Node, keeps_type};

/// The type of an expression's values, as SQL names it, if they cross as text.
pub(super) type Form = Option<Cow<'static, str>>;

impl Writer<'_> {
    pub(super) fn form(&self, node: &Node) -> Form {
        node.column_type().and_then(|ty| self.form_of(ty))
    }

    pub(in crate::render) fn form_of(&self, ty: &ColumnType) -> Form {
        self.text.dialect.text_form(ty)
    }

    /// The type that several expressions are compared as.
    pub(super) fn common_form<'n>(&self, nodes: impl IntoIterator<Item = &'n Node>) -> Form {
        nodes.into_iter().find_map(|node| self.form(node))
    }

    /// An expression beside others of this type: its parameters become values of it.
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

    pub(super) fn operand_as(&mut self, node: &Node, form: &Form) {
        match node {
            Node::Param(..) => self.node_as(node, form),
            node => self.operand(node),
        }
    }

    /// An operand of a test of texts.
    pub(super) fn text_operand(&mut self, node: &Node) {
        match self.form(node) {
            Some(_) => self.cast_to_text(node),
            None => self.operand(node),
        }
    }

    /// An expression whose value is read.
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
        self.push(self.text.dialect.function(name));
        self.push("(");
        for (i, argument) in arguments.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            self.node_as(argument, form);
        }
        self.push(")");
    }

    /// A key of ORDER BY: a bare name there would be that of the text which is read.
    pub(super) fn sort_key(&mut self, node: &Node) {
        if let (Node::Column(ColumnRef { table, index, .. }), Names::Bare(_)) = (node, self.names)
            && table.columns.get(*index).is_some()
        {
            return self.text.sorted(table, *index);
        }
        self.operand(node);
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
