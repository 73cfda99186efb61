//! The untyped expression tree.

use std::borrow::Cow;
use std::sync::Arc;

use super::{SelectNode, Window};
use crate::dialect::{DatePart, JsonStep, TextMatch};
use crate::error::ErrorKind;
use crate::schema::{ColumnType, Table};
use crate::value::{ColumnValue, Param, Value, ValueType};

/// An SQL expression.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Node {
    /// A column.
    Column(ColumnRef),
    /// A column of the row that an INSERT with ON CONFLICT proposed.
    Excluded(ColumnRef),
    /// A value, sent as a parameter of this type.
    Param(Value, ValueType),
    /// `left operator right`.
    Binary {
        /// The operator.
        operator: Operator,
        /// The left side.
        left: Box<Node>,
        /// The right side.
        right: Box<Node>,
    },
    /// The conjunction of several (AND); true if empty.
    All(Vec<Node>),
    /// The disjunction of several (OR); false if empty.
    Any(Vec<Node>),
    /// `NOT operand`.
    Not(Box<Node>),
    /// `operand IS [NOT] NULL`.
    IsNull {
        /// The tested expression.
        operand: Box<Node>,
        /// Whether it is IS NOT NULL.
        negated: bool,
    },
    /// `left = right`, treating NULL as a value.
    NullSafe {
        /// The left side.
        left: Box<Node>,
        /// The right side.
        right: Box<Node>,
        /// Whether it tests for difference.
        negated: bool,
    },
    /// `subject [NOT] BETWEEN low AND high`.
    Between {
        /// The tested expression.
        subject: Box<Node>,
        /// The lower bound, inclusive.
        low: Box<Node>,
        /// The upper bound, inclusive.
        high: Box<Node>,
        /// Whether it is NOT BETWEEN.
        negated: bool,
    },
    /// `subject [NOT] IN (…)`.
    In {
        /// The tested expression.
        subject: Box<Node>,
        /// The list.
        list: List,
        /// Whether it is NOT IN.
        negated: bool,
    },
    /// `subject [NOT] LIKE pattern ESCAPE '\'`.
    Like {
        /// The tested expression.
        subject: Box<Node>,
        /// The pattern, with the wildcards `%` and `_`.
        pattern: Box<Node>,
        /// Whether it is NOT LIKE.
        negated: bool,
    },
    /// A test of a text without wildcards.
    TextMatch {
        /// The kind of test.
        test: TextMatch,
        /// The tested expression.
        subject: Box<Node>,
        /// The text to find.
        pattern: Box<Node>,
    },
    /// `name(arguments)`: a function call.
    Function {
        /// The function's name, not quoted.
        name: Cow<'static, str>,
        /// The arguments.
        arguments: Vec<Node>,
    },
    /// An aggregate.
    Aggregate {
        /// The function.
        function: Aggregate,
        /// The operand; `None` is `*`.
        operand: Option<Box<Node>>,
        /// Whether it is DISTINCT.
        distinct: bool,
        /// The type that the result is cast to, if databases disagree about it.
        cast: Option<ColumnType>,
    },
    /// `function OVER (…)`.
    Window {
        /// The function or aggregate.
        function: Box<Node>,
        /// The window.
        window: Box<Window>,
    },
    /// The text at a path of a JSON document.
    JsonText {
        /// The document.
        document: Box<Node>,
        /// The path.
        path: Vec<JsonStep>,
    },
    /// A part of a date or time.
    DatePart {
        /// The part.
        part: DatePart,
        /// The date or time.
        operand: Box<Node>,
        /// The type of the operand.
        ty: ValueType,
    },
    /// `CASE WHEN … THEN … ELSE … END`.
    Case {
        /// The conditions with their results.
        branches: Vec<(Node, Node)>,
        /// The result if no condition is true; `None` is NULL.
        otherwise: Option<Box<Node>>,
    },
    /// `CAST(operand AS type)`.
    Cast {
        /// The operand.
        operand: Box<Node>,
        /// The target type.
        ty: ColumnType,
    },
    /// `(a, b)`: a row value, for comparisons.
    Row(Vec<Node>),
    /// `EXISTS (SELECT …)`.
    Exists(Box<SelectNode>),
    /// A scalar subquery: one column and at most one row.
    Subquery(Box<SelectNode>),
    /// Raw SQL. It must not contain placeholders or user input.
    Raw(Cow<'static, str>),
    /// An expression that could not be built; rendering it returns this error.
    Invalid(ErrorKind, Arc<str>),
}

/// A column of a table, under the table's name or an alias.
#[derive(Clone, Debug)]
pub struct ColumnRef {
    /// The table.
    pub table: Arc<Table>,
    /// The column's index in the table.
    pub index: usize,
    /// The table's alias in the statement, if any.
    pub alias: Option<Arc<str>>,
}

/// The right-hand side of IN.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum List {
    /// Values and expressions.
    Nodes(Vec<Node>),
    /// The rows of a query of one column.
    Subquery(Box<SelectNode>),
}

/// A binary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operator {
    /// `=`
    Eq,
    /// `<>`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `/` of integers, truncating towards zero.
    DivInteger,
    /// `%`
    Rem,
    /// `||`
    Concat,
}

/// An aggregate function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Aggregate {
    /// COUNT
    Count,
    /// SUM
    Sum,
    /// MIN
    Min,
    /// MAX
    Max,
    /// AVG
    Avg,
}

/// One key of ORDER BY.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The expression to sort by.
    pub node: Node,
    /// Whether the order is descending.
    pub descending: bool,
    /// Where NULLs are sorted; `None` is the database's default.
    pub nulls: Option<Nulls>,
}

/// Where NULLs are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nulls {
    /// Before all other values.
    First,
    /// After all other values.
    Last,
}

impl Node {
    /// Creates a parameter from a value.
    pub fn value<V: ColumnValue>(value: &V) -> Self {
        let value = match value.to_param() {
            Param::Ref(value) => value.to_owned(),
            Param::Owned(value) => value,
            // `ColumnValue::to_param` returns a value or NULL.
            Param::Column(_) => Value::Null,
        };
        Self::Param(value, V::TYPE)
    }

    /// The type of its values, as far as it can be derived from columns and casts.
    pub(crate) fn column_type(&self) -> Option<&ColumnType> {
        match self {
            Self::Column(column) | Self::Excluded(column) => {
                let definition = column.table.columns.get(column.index)?;
                Some(&definition.ty)
            }
            Self::Aggregate {
                function: Aggregate::Min | Aggregate::Max,
                operand: Some(operand),
                ..
            } => operand.column_type(),
            Self::Window { function, .. } => function.column_type(),
            Self::Function { name, arguments } if keeps_type(name) => {
                arguments.iter().find_map(Self::column_type)
            }
            Self::Case {
                branches,
                otherwise,
            } => {
                let mut results = branches.iter().map(|(_, result)| result);
                results
                    .find_map(Self::column_type)
                    .or_else(|| otherwise.as_deref()?.column_type())
            }
            Self::Cast { ty, .. } => Some(ty),
            Self::Subquery(query) => query.columns.first()?.column_type(),
            _ => None,
        }
    }

    /// Combines two expressions with an operator.
    #[must_use]
    pub fn binary(self, operator: Operator, right: Self) -> Self {
        Self::Binary {
            operator,
            left: Box::new(self),
            right: Box::new(right),
        }
    }

    /// Combines two conditions with AND. Chains are flattened.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (mut nodes, more) = match (self, other) {
            (Self::All(nodes), Self::All(more)) => (nodes, more),
            (Self::All(nodes), other) => (nodes, vec![other]),
            (node, Self::All(more)) => (vec![node], more),
            (node, other) => return Self::All(vec![node, other]),
        };
        nodes.extend(more);
        Self::All(nodes)
    }

    /// Combines two conditions with OR. Chains are flattened.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let (mut nodes, more) = match (self, other) {
            (Self::Any(nodes), Self::Any(more)) => (nodes, more),
            (Self::Any(nodes), other) => (nodes, vec![other]),
            (node, Self::Any(more)) => (vec![node], more),
            (node, other) => return Self::Any(vec![node, other]),
        };
        nodes.extend(more);
        Self::Any(nodes)
    }

    /// Negates a condition; NULL stays NULL.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Not(node) => *node,
            node => Self::Not(Box::new(node)),
        }
    }
}

impl PartialEq for ColumnRef {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
            && self.alias == other.alias
            && (Arc::ptr_eq(&self.table, &other.table) || self.table == other.table)
    }
}

/// Whether the result of a function has the type of its arguments.
pub(crate) fn keeps_type(function: &str) -> bool {
    const KEEPING: [&str; 8] = [
        "coalesce",
        "nullif",
        "greatest",
        "least",
        "lag",
        "lead",
        "first_value",
        "last_value",
    ];
    KEEPING
        .iter()
        .any(|name| name.eq_ignore_ascii_case(function))
}
