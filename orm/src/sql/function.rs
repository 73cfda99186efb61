//! Functions that databases have in common, CASE and CAST.

use std::marker::PhantomData;

use crate::dialect::{DatePart, JsonStep};
use crate::sql::{BaseOf, Expr, Expression, IntoSql, Node, Number, Predicate};
use crate::value::ColumnValue;

/// A CASE expression being built. Started by [`case`].
#[derive(Debug)]
pub struct Case<S, B> {
    branches: Vec<(Node, Node)>,
    marker: PhantomData<fn() -> (S, B)>,
}

/// Converts the text to lower case; which letters are converted depends on the database.
pub fn lower<X: Expression>(text: X) -> Expr<X::Scope, X::Type>
where
    X::Type: ColumnValue<Base = String>,
{
    function("LOWER", vec![text.into_node()])
}

/// Converts the text to upper case; which letters are converted depends on the database.
pub fn upper<X: Expression>(text: X) -> Expr<X::Scope, X::Type>
where
    X::Type: ColumnValue<Base = String>,
{
    function("UPPER", vec![text.into_node()])
}

/// Returns the value, or `otherwise` if it is NULL. `otherwise` must not be NULL.
pub fn coalesce<X: Expression>(
    value: X,
    otherwise: impl IntoSql<X::Scope, BaseOf<X>>,
) -> Expr<X::Scope, BaseOf<X>>
where
    BaseOf<X>: ColumnValue,
{
    function("COALESCE", vec![value.into_node(), otherwise.into_sql()])
}

/// Returns NULL if both are equal, otherwise the value.
pub fn nullif<X: Expression>(
    value: X,
    other: impl IntoSql<X::Scope, BaseOf<X>>,
) -> Expr<X::Scope, Option<BaseOf<X>>> {
    function("NULLIF", vec![value.into_node(), other.into_sql()])
}

/// Returns the number of characters of a text.
pub fn length<X: Expression>(text: X) -> Expr<X::Scope, Option<i32>>
where
    X::Type: ColumnValue<Base = String>,
{
    function("LENGTH", vec![text.into_node()])
}

/// Removes leading and trailing spaces.
pub fn trim<X: Expression>(text: X) -> Expr<X::Scope, X::Type>
where
    X::Type: ColumnValue<Base = String>,
{
    function("TRIM", vec![text.into_node()])
}

/// Replaces every occurrence of `from`.
pub fn replace<X: Expression>(
    text: X,
    from: impl IntoSql<X::Scope, String>,
    to: impl IntoSql<X::Scope, String>,
) -> Expr<X::Scope, X::Type>
where
    X::Type: ColumnValue<Base = String>,
{
    function(
        "REPLACE",
        vec![text.into_node(), from.into_sql(), to.into_sql()],
    )
}

/// Returns up to `length` characters of the text, starting at position `from`, which counts from 1.
pub fn substring<X: Expression>(
    text: X,
    from: impl IntoSql<X::Scope, i32>,
    length: impl IntoSql<X::Scope, i32>,
) -> Expr<X::Scope, X::Type>
where
    X::Type: ColumnValue<Base = String>,
{
    function(
        "SUBSTR",
        vec![text.into_node(), from.into_sql(), length.into_sql()],
    )
}

/// Returns the absolute value.
pub fn abs<X: Expression>(number: X) -> Expr<X::Scope, X::Type>
where
    BaseOf<X>: Number,
{
    function("ABS", vec![number.into_node()])
}

/// Extracts the value at a path of a JSON document as text: `json_text(User::SETTINGS, ["theme"])`. NULL if the path does not exist or
/// holds JSON `null`. The white space in the text of an object or array depends on the database.
pub fn json_text<X: Expression, P: Into<JsonStep>>(
    document: X,
    path: impl IntoIterator<Item = P>,
) -> Expr<X::Scope, Option<String>> {
    Expr::from_node(Node::JsonText {
        document: Box::new(document.into_node()),
        path: path.into_iter().map(Into::into).collect(),
    })
}

/// Extracts a part of a date or time as an integer; instants are taken in UTC.
pub fn date_part<X: Expression>(part: DatePart, value: X) -> Expr<X::Scope, Option<i32>> {
    Expr::from_node(Node::DatePart {
        part,
        operand: Box::new(value.into_node()),
        ty: X::Type::TYPE,
    })
}

/// Converts the value to another type, by the database's rules.
pub fn cast<T: ColumnValue, X: Expression>(value: X) -> Expr<X::Scope, T> {
    Expr::from_node(Node::Cast {
        operand: Box::new(value.into_node()),
        ty: T::column_type(),
    })
}

/// Returns the value of the first condition that is true: `case(User::AGE.lt(18), "child").otherwise("adult")`.
pub fn case<S, B>(condition: Predicate<S>, value: impl IntoSql<S, B>) -> Case<S, B> {
    Case {
        branches: vec![(condition.into_node(), value.into_sql())],
        marker: PhantomData,
    }
}

impl<S, B: ColumnValue> Case<S, B> {
    /// Adds a condition, tested after the earlier ones.
    #[must_use]
    pub fn when(mut self, condition: Predicate<S>, value: impl IntoSql<S, B>) -> Self {
        self.branches
            .push((condition.into_node(), value.into_sql()));
        self
    }

    /// Sets the value if no condition is true. None of the values may be NULL: see [`Expr::nullable`].
    pub fn otherwise(self, value: impl IntoSql<S, B>) -> Expr<S, B> {
        Expr::from_node(Node::Case {
            branches: self.branches,
            otherwise: Some(Box::new(value.into_sql())),
        })
    }

    /// Returns NULL if no condition is true.
    pub fn or_null(self) -> Expr<S, Option<B>> {
        Expr::from_node(Node::Case {
            branches: self.branches,
            otherwise: None,
        })
    }
}

fn function<S, T>(name: &'static str, arguments: Vec<Node>) -> Expr<S, T> {
    Expr::from_node(Node::Function {
        name: name.into(),
        arguments,
    })
}
