//! Functions that databases have in common, CASE and CAST.

use std::marker::PhantomData;

use crate::sql::{BaseOf, Expr, Expression, IntoSql, Node, Predicate};
use crate::value::ColumnValue;

/// A CASE under construction. Made by [`case`].
#[derive(Debug)]
pub struct Case<S, B> {
    branches: Vec<(Node, Node)>,
    marker: PhantomData<fn() -> (S, B)>,
}

/// The text in lower case, as far as the database knows letters.
pub fn lower<X: Expression>(text: X) -> Expr<X::Scope, X::Type>
where
    X::Type: ColumnValue<Base = String>,
{
    function("LOWER", vec![text.into_node()])
}

/// The text in upper case, as far as the database knows letters.
pub fn upper<X: Expression>(text: X) -> Expr<X::Scope, X::Type>
where
    X::Type: ColumnValue<Base = String>,
{
    function("UPPER", vec![text.into_node()])
}

/// The value, or `otherwise` where it is NULL. `otherwise` must not be NULL itself.
pub fn coalesce<X: Expression>(
    value: X,
    otherwise: impl IntoSql<X::Scope, BaseOf<X>>,
) -> Expr<X::Scope, BaseOf<X>>
where
    BaseOf<X>: ColumnValue,
{
    function("COALESCE", vec![value.into_node(), otherwise.into_sql()])
}

/// The value as another type, as far as the database converts it.
pub fn cast<T: ColumnValue, X: Expression>(value: X) -> Expr<X::Scope, T> {
    Expr::from_node(Node::Cast {
        operand: Box::new(value.into_node()),
        ty: T::column_type(),
    })
}

/// The value of the first condition that is true: `case(User::AGE.lt(18), "child").otherwise("adult")`.
pub fn case<S, B>(condition: Predicate<S>, value: impl IntoSql<S, B>) -> Case<S, B> {
    Case {
        branches: vec![(condition.into_node(), value.into_sql())],
        marker: PhantomData,
    }
}

impl<S, B: ColumnValue> Case<S, B> {
    /// Adds a condition, asked after those before.
    #[must_use]
    pub fn when(mut self, condition: Predicate<S>, value: impl IntoSql<S, B>) -> Self {
        self.branches
            .push((condition.into_node(), value.into_sql()));
        self
    }

    /// The value if no condition is true. It and the others must not be NULL: see [`Expr::nullable`].
    pub fn otherwise(self, value: impl IntoSql<S, B>) -> Expr<S, B> {
        Expr::from_node(Node::Case {
            branches: self.branches,
            otherwise: Some(Box::new(value.into_sql())),
        })
    }

    /// NULL if no condition is true.
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
