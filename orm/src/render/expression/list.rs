//! Rendering lists of values: as parameters, as one array, or as one JSON document.

use std::fmt::Write as _;

use super::{Argument, Form, Lists, Writer, not};
use crate::dialect::Batch;
use crate::sql::tree::{List, Node};
use crate::value::{Value, ValueType};

/// The maximum length of a list whose values are separate parameters, if the dialect has a query for longer lists. Otherwise each length
/// would be a different statement to prepare and cache.
const MAX_SEPARATE: usize = 100;

impl Writer<'_> {
    pub(super) fn in_list(&mut self, subject: &Node, list: &List, negated: bool) {
        let nodes = match list {
            List::Nodes(nodes) => nodes,
            List::Subquery(query) => {
                let parts = match subject {
                    Node::Row(parts) => &parts[..],
                    part => std::slice::from_ref(part),
                };
                self.compares(parts.iter().chain(&query.columns));
                let mut sides = parts.iter().chain(&query.columns);
                let in_one_form = sides.any(|node| self.has_several_forms(node));
                match in_one_form {
                    true => self.operand_in_one_form(subject, &None),
                    false => self.operand(subject),
                }
                self.push(not(negated));
                self.push(" IN (");
                self.is_in_one_form = in_one_form;
                self.subquery(query);
                return self.push(")");
            }
        };
        if nodes.is_empty() {
            return self.push(if negated { "1 = 1" } else { "1 = 0" });
        }
        self.compares(nodes.iter().chain([subject]));
        let form = self.common_form(nodes.iter().chain([subject]));
        if self.list_of_forms(subject, nodes, negated) {
            return;
        }
        let others: Vec<&Node> = nodes.iter().collect();
        self.compared_with(subject, &others, &form);
        let in_one_form = |writer: &Self, node: &Node| {
            !matches!(node, Node::Param(..)) && writer.has_several_forms(node)
        };
        if !self.is_of_index
            && self.text.dialect.batch() == Batch::Arrays
            && let Some((ty, values)) = of_one_type(nodes)
        {
            self.any_of(ty, values, &form, negated);
            return;
        }
        if !self.is_of_index
            && nodes.len() > self.max_separate()
            && let Some((query, values)) = self.as_one(nodes)
        {
            self.push(not(negated));
            self.push(" IN (");
            match &form {
                None => self.push(&query),
                Some(form) => {
                    self.push("SELECT ");
                    self.text.cast(form, |text| text.push("value"));
                    self.push(" FROM (");
                    self.push(&query);
                    self.push(")");
                }
            }
            self.text.types.push(ValueType::Text);
            self.arguments.push(Argument::Value(Value::Text(values)));
            return self.push(")");
        }
        self.push(not(negated));
        self.push(" IN (");
        let forms = match subject {
            Node::Row(parts) => parts.iter().map(|part| self.form(part)).collect(),
            _ => Vec::new(),
        };
        for (i, node) in nodes.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            match node {
                Node::Param(value, _) if self.lists == Lists::Literals => {
                    self.literal_or_param(value, node);
                }
                Node::Row(parts) if parts.len() == forms.len() => self.row_as(parts, &forms),
                node if in_one_form(self, node) => self.operand_in_one_form(node, &form),
                node => self.node_as(node, &form),
            }
        }
        self.push(")");
    }

    /// ` = ANY($1::bigint[])`, or ` IN (SELECT CAST(v.c AS mood) FROM UNNEST($1::text[]) AS v(c))`.
    fn any_of(&mut self, ty: ValueType, values: Vec<Value>, form: &Form, negated: bool) {
        match form {
            None => {
                self.push(if negated { " <> ALL(" } else { " = ANY(" });
                self.text.array_of(ty);
            }
            Some(form) => {
                self.push(not(negated));
                self.push(" IN (SELECT ");
                self.text.cast(form, |text| text.push("v.c"));
                self.push(" FROM UNNEST(");
                self.text.array_of(ty);
                self.push(") AS v(c)");
            }
        }
        self.arguments.push(Argument::Array(values));
        self.push(")");
    }

    /// The maximum length of a list whose values are separate parameters.
    fn max_separate(&self) -> usize {
        match self.lists {
            Lists::Parameters => MAX_SEPARATE,
            Lists::Literals => 1,
        }
    }

    /// A long list as one parameter: the query for its values, and the parameter.
    fn as_one(&self, nodes: &[Node]) -> Option<(String, String)> {
        let Some(Node::Param(_, ty)) = nodes.first() else {
            return None;
        };
        let dialect = self.text.dialect;
        let mut placeholder = String::new();
        dialect.placeholder(self.text.types.len() + 1, ValueType::Text, &mut placeholder);
        let query = dialect.list_query(&placeholder, *ty)?;
        let values = nodes.iter().map(|node| match node {
            Node::Param(value, other) if other == ty => Some(value),
            _ => None,
        });
        Some((query, json_array(values)?))
    }

    /// Writes a list of parameters that can be stored in several forms; returns false for any other list.
    fn list_of_forms(&mut self, subject: &Node, nodes: &[Node], negated: bool) -> bool {
        let Node::Column(_) = subject else {
            return false;
        };
        let Some(ty) = subject.column_type().filter(|ty| self.text.has_forms(ty)) else {
            return false;
        };
        if self.is_of_index {
            return false;
        }
        let of_type =
            |node: &Node| matches!(node, Node::Param(_, other) if *other == ty.value_type());
        if !nodes.iter().all(of_type) {
            return false;
        }
        self.compared(subject, &None);
        self.push(not(negated));
        self.push(" IN (");
        for (i, node) in nodes.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            if let Node::Param(value, _) = node {
                self.text.equal_value(ty);
                self.arguments.push(Argument::Value(value.clone()));
            }
        }
        self.push(")");
        true
    }

    fn row_as(&mut self, parts: &[Node], forms: &[Form]) {
        self.push("(");
        for (i, (part, form)) in parts.iter().zip(forms).enumerate() {
            if i > 0 {
                self.push(", ");
            }
            match part {
                Node::Param(..) => self.node_as(part, form),
                part if self.has_several_forms(part) => self.operand_in_one_form(part, form),
                part => self.node_as(part, form),
            }
        }
        self.push(")");
    }

    fn literal_or_param(&mut self, value: &Value, node: &Node) {
        match value.as_ref().integer() {
            Some(number) => self.push(&number.to_string()),
            None => self.node(node),
        }
    }
}

/// The values of a list, if all are parameters of the same type.
fn of_one_type(nodes: &[Node]) -> Option<(ValueType, Vec<Value>)> {
    let Some(Node::Param(_, ty)) = nodes.first() else {
        return None;
    };
    let value = |node: &Node| match node {
        Node::Param(value, other) if other == ty => Some(value.clone()),
        _ => None,
    };
    let values = nodes.iter().map(value).collect::<Option<_>>()?;
    Some((*ty, values))
}

/// The text of a JSON array, as described by [`Dialect::list_query`](crate::dialect::Dialect::list_query); `None` if a value cannot be
/// represented exactly.
fn json_array<'v>(values: impl Iterator<Item = Option<&'v Value>>) -> Option<String> {
    let mut out = String::from("[");
    for (place, value) in values.enumerate() {
        if place > 0 {
            out.push(',');
        }
        let written = match value? {
            Value::Null => write!(out, "null"),
            Value::Bool(value) => write!(out, "{value}"),
            Value::I16(value) => write!(out, "{value}"),
            Value::I32(value) => write!(out, "{value}"),
            Value::I64(value) => write!(out, "{value}"),
            Value::Text(text) => {
                json_text(text, &mut out);
                Ok(())
            }
            Value::Uuid(bytes) => json_hex(bytes, &mut out),
            Value::Bytes(bytes) => json_hex(bytes, &mut out),
            _ => return None,
        };
        written.expect("a String accepts any text");
    }
    out.push(']');
    Some(out)
}

fn json_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_ascii_control() => {
                write!(out, "\\u{:04x}", u32::from(c)).expect("a String accepts any text");
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn json_hex(bytes: &[u8], out: &mut String) -> std::fmt::Result {
    out.push('"');
    for byte in bytes {
        write!(out, "{byte:02x}")?;
    }
    out.push('"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_exact_or_refused() {
        let array = |values: &[Value]| json_array(values.iter().map(Some));
        assert_eq!(
            array(&[
                Value::I64(i64::MIN),
                Value::I64(i64::MAX),
                Value::I32(-2),
                Value::I16(3),
                Value::Null,
                Value::Bool(true),
                Value::Text("\"\\\0\n\u{7f}é𝄞'".into()),
                Value::Bytes(vec![0, 255]),
                Value::Uuid([0xa0; 16]),
            ])
            .as_deref(),
            Some(
                r#"[-9223372036854775808,9223372036854775807,-2,3,null,true,"\"\\\u0000\u000a\u007fé𝄞'","00ff","a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0"]"#
            )
        );
        assert_eq!(array(&[]).as_deref(), Some("[]"));
        assert_eq!(array(&[Value::I64(1), Value::F64(0.1)]), None);
    }
}
