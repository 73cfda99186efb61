//! Rendering expressions: from [`Node`] to text and parameters.

mod aggregate;
mod form;
mod list;

use form::Form;

use super::writer::{Argument, Lists, Names, Writer};
use crate::dialect::{Dialect, TextMatch};
use crate::error::{Error, ErrorKind};
use crate::schema::ColumnType;
use crate::sql::tree::{ColumnRef, Node, Nulls, Operator, Order, keeps_type};
use crate::value::{Value, ValueType};

fn is_decimal(node: &Node) -> bool {
    match node {
        Node::Param(_, ty) => *ty == ValueType::Decimal,
        node => (node.column_type()).is_some_and(|ty| ty.value_type() == ValueType::Decimal),
    }
}

impl Writer<'_> {
    /// Writes an expression without enclosing parentheses.
    pub(super) fn node(&mut self, node: &Node) {
        match node {
            Node::Column(column) => self.column(column),
            Node::Excluded(column) => self.excluded(column),
            Node::Param(value, ty) => self.param(value, *ty),
            Node::Binary {
                operator,
                left,
                right,
            } => self.binary(*operator, left, right),
            Node::All(nodes) => self.junction(nodes, " AND ", "1 = 1"),
            Node::Any(nodes) => self.junction(nodes, " OR ", "1 = 0"),
            Node::Not(operand) => {
                self.push("NOT (");
                self.node(operand);
                self.push(")");
            }
            Node::IsNull { operand, negated } => {
                self.operand(operand);
                self.push(match negated {
                    false => " IS NULL",
                    true => " IS NOT NULL",
                });
            }
            Node::NullSafe {
                left,
                right,
                negated,
            } => {
                self.compares([&**left, &**right]);
                let form = self.common_form([&**left, &**right]);
                let [before, between, after] = self.text.dialect.null_safe_equality(*negated);
                if self.null_safe_forms(left, right, *negated) {
                    return;
                }
                self.push(before);
                self.compared_with(left, &[&**right], &form);
                self.push(between);
                self.compared_with(right, &[&**left], &form);
                self.push(after);
            }
            Node::Between {
                subject,
                low,
                high,
                negated,
            } => {
                self.compares([&**subject, &**low, &**high]);
                if self.between_forms(subject, low, high, *negated) {
                    return;
                }
                let form = self.common_form([&**subject, &**low, &**high]);
                self.compared_with(subject, &[&**low, &**high], &form);
                self.push(not(*negated));
                self.push(" BETWEEN ");
                self.compared_with(low, &[&**subject], &form);
                self.push(" AND ");
                self.compared_with(high, &[&**subject], &form);
            }
            Node::Row(nodes) => self.row(nodes),
            Node::In {
                subject,
                list,
                negated,
            } => self.in_list(subject, list, *negated),
            Node::Like {
                subject,
                pattern,
                negated,
            } => {
                let [before, between, after] = self.text.dialect.like(*negated);
                self.push(before);
                self.text_operand(subject);
                self.push(between);
                self.text_operand(pattern);
                self.push(after);
            }
            Node::TextMatch {
                test,
                subject,
                pattern,
            } => self.text_match(*test, subject, pattern),
            Node::Function { name, arguments } => {
                if *name == "ABS" {
                    self.refuse_computed_decimals(arguments);
                }
                let form = match keeps_type(name) {
                    true => self.common_form(arguments),
                    false => None,
                };
                self.function(name, arguments, &form);
            }
            Node::Aggregate {
                function,
                operand,
                distinct,
                cast,
            } => self.aggregate(*function, operand.as_deref(), *distinct, cast.as_ref()),
            Node::Window { function, window } => self.window(function, window),
            Node::JsonText { .. } if !self.text.dialect.capabilities().json_paths => {
                self.refuse("a path into a JSON document");
            }
            Node::DatePart { .. } if !self.text.dialect.capabilities().date_parts => {
                self.refuse("a part of a date or time");
            }
            Node::JsonText { document, path } => self.template(
                |dialect, operand, out| dialect.json_text(operand, path, out),
                |writer| writer.operand(document),
            ),
            Node::DatePart { part, operand, ty } => self.template(
                |dialect, value, out| dialect.date_part(*part, value, *ty, out),
                |writer| writer.operand(operand),
            ),
            Node::Case {
                branches,
                otherwise,
            } => {
                let results = branches.iter().map(|(_, result)| result);
                let form = self.common_form(results.chain(otherwise.as_deref()));
                self.case(branches, otherwise.as_deref(), &form);
            }
            Node::Cast { operand, ty } => {
                self.template(
                    |dialect, operand, out| dialect.cast(operand, ty, out),
                    |writer| writer.node(operand),
                );
            }
            Node::Exists(query) => {
                self.push("EXISTS (");
                self.select(query);
                self.push(")");
            }
            Node::Subquery(query) => {
                self.push("(");
                self.select(query);
                self.push(")");
            }
            Node::Raw(text) => self.push(text),
            Node::Invalid(kind, reason) => self.fail(Error::new(*kind, &**reason)),
        }
    }

    fn binary(&mut self, operator: Operator, left: &Node, right: &Node) {
        let is_comparison = matches!(
            operator,
            Operator::Eq | Operator::Ne | Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge
        );
        if operator == Operator::Concat {
            self.text_operand(left);
            self.push(self.symbol(operator));
            return self.text_operand(right);
        }
        if !is_comparison {
            self.refuse_computed_decimals([left, right]);
        }
        let form = match is_comparison {
            true => self.common_form([left, right]),
            false => None,
        };
        if !is_comparison {
            self.operand_as(left, &form);
            self.push(self.symbol(operator));
            return self.operand_as(right, &form);
        }
        self.compares([left, right]);
        if self.compared_forms(operator, left, right) {
            return;
        }
        self.compared_with(left, &[right], &form);
        self.push(self.symbol(operator));
        self.compared_with(right, &[left], &form);
    }

    pub(super) fn order_keys(&mut self, order: &[Order], is_of_window: bool) {
        for (i, key) in order.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            let emulated = key.nulls.is_some() && !self.text.dialect.capabilities().nulls_order;
            if emulated {
                self.push("CASE WHEN ");
                self.operand(&key.node);
                self.push(match key.nulls {
                    Some(Nulls::First) => " IS NULL THEN 0 ELSE 1 END, ",
                    _ => " IS NULL THEN 1 ELSE 0 END, ",
                });
            }
            let is_last = i + 1 == order.len();
            match is_of_window && self.has_several_forms(&key.node) {
                // Equal values are peers.
                true => self.operand_in_one_form(&key.node, &None),
                false if is_last => self.sort_key(&key.node),
                false => self.sort_key_with_ties(&key.node),
            }
            if key.descending {
                self.push(" DESC");
            }
            match key.nulls {
                Some(Nulls::First) if !emulated => self.push(" NULLS FIRST"),
                Some(Nulls::Last) if !emulated => self.push(" NULLS LAST"),
                _ => {}
            }
        }
    }

    /// Writes a row value.
    fn row(&mut self, nodes: &[Node]) {
        if !self.text.dialect.capabilities().row_values {
            return self.refuse("a comparison of several columns at once");
        }
        self.compares(nodes);
        self.push("(");
        self.groups(nodes);
        self.push(")");
    }

    /// Refuses an expression over decimals whose result is a new number, unless the database computes it exactly.
    fn refuse_computed_decimals<'n>(&mut self, operands: impl IntoIterator<Item = &'n Node>) {
        if self.text.dialect.computes_decimals() {
            return;
        }
        let decimals: Vec<&Node> = operands
            .into_iter()
            .filter(|node| is_decimal(node))
            .collect();
        if decimals.is_empty() {
            return;
        }
        let what = "computing with decimals (compute in the program, or cast them to f64)";
        let mut error = Error::unsupported(self.text.dialect.name(), what);
        let column = decimals.iter().find_map(|node| match node {
            Node::Column(column) | Node::Excluded(column) => Some(column),
            _ => None,
        });
        if let Some(ColumnRef { table, index, .. }) = column
            && let Some(column) = table.columns.get(*index)
        {
            error = error.entity(&table.name).column(&column.name);
        }
        self.fail(error);
    }

    /// Fails because the dialect does not support something: `what` completes "… is not supported".
    pub(super) fn refuse(&mut self, what: &str) {
        self.fail(Error::unsupported(self.text.dialect.name(), what));
    }

    /// Writes an expression, in parentheses unless it is a single term.
    fn operand(&mut self, node: &Node) {
        let is_term = matches!(
            node,
            Node::Column(_)
                | Node::Excluded(_)
                | Node::Param(..)
                | Node::Function { .. }
                | Node::Aggregate { .. }
                | Node::Window { .. }
                | Node::JsonText { .. }
                | Node::DatePart { .. }
                | Node::Case { .. }
                | Node::Cast { .. }
                | Node::Row(_)
                | Node::Exists(_)
                | Node::Subquery(_)
        );
        self.grouped(node, !is_term);
    }

    fn grouped(&mut self, node: &Node, group: bool) {
        if !group {
            return self.node(node);
        }
        self.push("(");
        self.node(node);
        self.push(")");
    }

    fn junction(&mut self, nodes: &[Node], between: &str, of_none: &str) {
        if nodes.is_empty() {
            return self.push(of_none);
        }
        for (i, node) in nodes.iter().enumerate() {
            if i > 0 {
                self.push(between);
            }
            let group = matches!(node, Node::All(_) | Node::Any(_) | Node::Raw(_));
            self.grouped(node, group);
        }
    }

    fn column(&mut self, column: &ColumnRef) {
        let Some(definition) = column.table.columns.get(column.index) else {
            let message = format!("the table has no column number {}", column.index);
            return self.fail(Error::new(ErrorKind::Mapping, message).entity(&column.table.name));
        };
        match self.names {
            Names::Bare(table) => {
                let same = std::ptr::eq(&*column.table, table) || column.table.name == table.name;
                if !same || column.alias.is_some() {
                    self.fail(stranger(column, &definition.name));
                }
            }
            Names::Qualified => {
                let name = column.alias.as_deref().unwrap_or(&column.table.name);
                if !self.scopes.iter().any(|scope| scope == name) {
                    self.fail(stranger(column, &definition.name));
                }
                // PostgreSQL knows the columns of an index by their bare names only.
                if !self.is_of_index {
                    self.text.identifier(name);
                    self.push(".");
                }
            }
        }
        self.text.identifier(&definition.name);
    }

    fn excluded(&mut self, column: &ColumnRef) {
        if let Some(definition) = column.table.columns.get(column.index) {
            let dialect = self.text.dialect;
            dialect.excluded(&definition.name, &mut self.text.out);
        }
    }

    fn param(&mut self, value: &Value, ty: ValueType) {
        if self.is_of_index {
            return self.constant(value);
        }
        if let Some(ColumnRef { table, index, .. }) = &self.destination
            && let Some(definition) = table.columns.get(*index)
        {
            self.text.next_is_value_of(definition);
            let misfit = rounded(value, &definition.ty);
            let error = misfit.map(|error| error.entity(&table.name).column(&definition.name));
            if let Some(error) = error {
                self.fail(error);
            }
        }
        self.text.param(ty);
        self.arguments.push(Argument::Value(value.clone()));
    }

    /// Writes a value as a literal.
    fn constant(&mut self, value: &Value) {
        match value {
            Value::Null => self.push("NULL"),
            Value::Bool(value) => self.push(if *value { "TRUE" } else { "FALSE" }),
            Value::Text(text) => self.text.string(text),
            value => match value.as_ref().integer() {
                Some(number) => self.push(&number.to_string()),
                None => self.fail(Error::new(
                    ErrorKind::InvalidStatement,
                    "the condition of an index contains a value that has no literal here: write the condition with `raw`",
                )),
            },
        }
    }

    /// The dialect may use subject and pattern several times; each use writes them again, with their parameters.
    fn text_match(&mut self, test: TextMatch, subject: &Node, pattern: &Node) {
        self.around(
            |dialect, [subject, pattern], out| dialect.text_match(test, subject, pattern, out),
            |writer, which: usize| match which {
                0 => writer.text_operand(subject),
                _ => writer.text_operand(pattern),
            },
        );
    }

    /// Writes what the dialect puts around one operand.
    fn template(
        &mut self,
        write: impl Fn(&dyn Dialect, &str, &mut String),
        operand: impl Fn(&mut Self),
    ) {
        self.around(
            |dialect, [operand], out| write(dialect, operand, out),
            |writer, _| operand(writer),
        );
    }

    /// Writes what the dialect puts around operands, whose positions are found by marks. The marks are chosen not to occur in the dialect's
    /// text, which may contain names from the program.
    fn around<const N: usize>(
        &mut self,
        write: impl Fn(&dyn Dialect, [&str; N], &mut String),
        operand: impl Fn(&mut Self, usize),
    ) {
        let dialect = self.text.dialect;
        let written = |operands: [&str; N]| {
            let mut out = String::new();
            write(dialect, operands, &mut out);
            out
        };
        let plain = written([""; N]);
        let number = (0_u32..)
            .find(|number| !plain.contains(&format!("\u{1}{number}")))
            .unwrap_or_default();
        let marks: [String; N] = std::array::from_fn(|which| format!("\u{1}{number}:{which}\u{2}"));
        let template = written(std::array::from_fn(|which| &*marks[which]));
        let mut rest = &*template;
        loop {
            let next = (0..N).filter_map(|which| Some((rest.find(&marks[which])?, which)));
            let Some((at, which)) = next.min() else {
                return self.push(rest);
            };
            self.push(&rest[..at]);
            operand(self, which);
            rest = &rest[at + marks[which].len()..];
        }
    }

    fn case(&mut self, branches: &[(Node, Node)], otherwise: Option<&Node>, form: &Form) {
        self.push("CASE");
        for (condition, result) in branches {
            self.push(" WHEN ");
            let destination = self.destination.take();
            self.node(condition);
            self.destination = destination;
            self.push(" THEN ");
            self.node_as(result, form);
        }
        if let Some(result) = otherwise {
            self.push(" ELSE ");
            self.node_as(result, form);
        }
        self.push(" END");
    }

    fn symbol(&self, operator: Operator) -> &'static str {
        match operator {
            Operator::Eq => " = ",
            Operator::Ne => " <> ",
            Operator::Lt => " < ",
            Operator::Le => " <= ",
            Operator::Gt => " > ",
            Operator::Ge => " >= ",
            Operator::Add => " + ",
            Operator::Sub => " - ",
            Operator::Mul => " * ",
            Operator::Div => " / ",
            Operator::DivInteger => self.text.dialect.integer_division(),
            Operator::Rem => " % ",
            Operator::Concat => " || ",
        }
    }

    fn end_of_cast(&mut self, ty: &ColumnType) {
        self.push(" AS ");
        let ty = self.text.dialect.cast_type(ty);
        self.push(&ty);
        self.push(")");
    }
}

fn not(negated: bool) -> &'static str {
    if negated { " NOT" } else { "" }
}

/// The error for a value that the database would round to fit its column.
fn rounded(value: &Value, ty: &ColumnType) -> Option<Error> {
    let (Value::Decimal(decimal), ColumnType::Decimal { precision }) = (value, ty) else {
        return None;
    };
    let (digits, scale) = (*precision)?;
    let reason = decimal.misfit(digits, scale)?;
    Some(Error::new(ErrorKind::OutOfRange, reason))
}

#[cold]
fn stranger(column: &ColumnRef, name: &str) -> Error {
    let table = column.alias.as_deref().unwrap_or(&column.table.name);
    let message = format!("the statement uses a column of `{table}`, which it does not read");
    Error::new(ErrorKind::InvalidStatement, message)
        .entity(table)
        .column(name)
}
