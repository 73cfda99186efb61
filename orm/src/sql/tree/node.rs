//! The expression tree: plain data, without the types that the wrappers carry.

use std::borrow::Cow;
use std::sync::Arc;

use super::{SelectNode, Window};
use crate::dialect::{DatePart, JsonStep, TextMatch};
use crate::error::ErrorKind;
use crate::schema::{ColumnType, Table};
use crate::value::{ColumnValue, Param, Value, ValueType};

/// An expression of SQL.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Node {
    /// A column.
    Column(ColumnRef),
    /// A column of the row that an INSERT with ON CONFLICT could not insert.
    Excluded(ColumnRef),
    /// A value, sent as a parameter of this type.
    Param(Value, ValueType),
    /// `left operator right`.
    Binary {
        /// What stands between.
        operator: Operator,
        /// The left side.
        left: Box<Node>,
        /// The right side.
        right: Box<Node>,
    },
    /// All of them (AND); TRUE if there are none.
    All(Vec<Node>),
    /// Any of them (OR); FALSE if there are none.
    Any(Vec<Node>),
    /// `NOT operand`.
    Not(Box<Node>),
    /// `operand IS [NOT] NULL`.
    IsNull {
        /// What is tested.
        operand: Box<Node>,
        /// IS NOT NULL.
        negated: bool,
    },
    /// `left = right`, where NULL is a value like any other.
    NullSafe {
        /// The left side.
        left: Box<Node>,
        /// The right side.
        right: Box<Node>,
        /// Whether they differ.
        negated: bool,
    },
    /// `subject [NOT] BETWEEN low AND high`.
    Between {
        /// What is tested.
        subject: Box<Node>,
        /// The least that passes.
        low: Box<Node>,
        /// The greatest that passes.
        high: Box<Node>,
        /// NOT BETWEEN.
        negated: bool,
    },
    /// `subject [NOT] IN (…)`.
    In {
        /// What is tested.
        subject: Box<Node>,
        /// What it is looked for in.
        list: List,
        /// NOT IN.
        negated: bool,
    },
    /// `subject [NOT] LIKE pattern ESCAPE '\'`.
    Like {
        /// What is tested.
        subject: Box<Node>,
        /// With `%` and `_` as wildcards.
        pattern: Box<Node>,
        /// NOT LIKE.
        negated: bool,
    },
    /// A test without wildcards.
    TextMatch {
        /// Which.
        test: TextMatch,
        /// What is tested.
        subject: Box<Node>,
        /// What is looked for.
        pattern: Box<Node>,
    },
    /// `name(arguments)`: a function of the database, by its name.
    Function {
        /// Its name, written as it is.
        name: Cow<'static, str>,
        /// Its arguments.
        arguments: Vec<Node>,
    },
    /// An aggregate.
    Aggregate {
        /// Which.
        function: Aggregate,
        /// Over what; `None` is `*`.
        operand: Option<Box<Node>>,
        /// Over different values only.
        distinct: bool,
        /// The type that the result is read as, where databases disagree about it.
        cast: Option<ColumnType>,
    },
    /// `function OVER (…)`.
    Window {
        /// A function or an aggregate.
        function: Box<Node>,
        /// Over which rows.
        window: Box<Window>,
    },
    /// The text at a path of a JSON document.
    JsonText {
        /// The document.
        document: Box<Node>,
        /// The names and positions that lead there.
        path: Vec<JsonStep>,
    },
    /// A part of a day or time.
    DatePart {
        /// Which.
        part: DatePart,
        /// Of what.
        operand: Box<Node>,
        /// Its type.
        ty: ValueType,
    },
    /// `CASE WHEN … THEN … ELSE … END`.
    Case {
        /// Conditions and their results.
        branches: Vec<(Node, Node)>,
        /// The result if no condition holds; NULL if `None`.
        otherwise: Option<Box<Node>>,
    },
    /// `CAST(operand AS type)`.
    Cast {
        /// What is cast.
        operand: Box<Node>,
        /// To what.
        ty: ColumnType,
    },
    /// `(a, b)`: several values as one, where the database compares such.
    Row(Vec<Node>),
    /// `EXISTS (SELECT …)`.
    Exists(Box<SelectNode>),
    /// The one value of a query of one column and at most one row.
    Subquery(Box<SelectNode>),
    /// SQL text, written as it is. It must hold no placeholder and nothing that a user typed.
    Raw(Cow<'static, str>),
    /// What could not be made, and why: rendering it gives the error.
    Invalid(ErrorKind, Arc<str>),
}

/// A column of a table, under the table's name or an alias.
#[derive(Clone, Debug)]
pub struct ColumnRef {
    /// The table.
    pub table: Arc<Table>,
    /// Its position in the table.
    pub index: usize,
    /// The name that the statement gives the table, if another than its own.
    pub alias: Option<Arc<str>>,
}

/// What IN looks in.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum List {
    /// Values and expressions.
    Nodes(Vec<Node>),
    /// The rows of a query of one column.
    Subquery(Box<SelectNode>),
}

/// What stands between two expressions.
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
    /// `/` of integers, towards zero.
    DivInteger,
    /// `%`
    Rem,
    /// `||`
    Concat,
}

/// Functions over many rows.
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
    /// What to sort by.
    pub node: Node,
    /// In descending order.
    pub descending: bool,
    /// Where NULLs go; `None` leaves it to the database.
    pub nulls: Option<Nulls>,
}

/// Where NULLs go in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nulls {
    /// In front.
    First,
    /// At the end.
    Last,
}

impl Node {
    /// A value as a parameter.
    pub fn value<V: ColumnValue>(value: &V) -> Self {
        let value = match value.to_param() {
            Param::Ref(value) => value.to_owned(),
            Param::Owned(value) => value,
            // `ColumnValue::to_param` gives a value or NULL.
            Param::Column(_) => Value::Null,
        };
        Self::Param(value, V::TYPE)
    }

    /// The type of its values, as far as the columns in it tell.
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

    /// `left operator right`.
    #[must_use]
    pub fn binary(self, operator: Operator, right: Self) -> Self {
        Self::Binary {
            operator,
            left: Box::new(self),
            right: Box::new(right),
        }
    }

    /// Both. Chains stay flat, however long.
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

    /// One or both. Chains stay flat, however long.
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

    /// The opposite; NULL stays NULL.
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

/// Whether a function gives a value of the type of its arguments.
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
