//! `Expr`: a typed expression over a scope, and what can be asked of columns and expressions alike.

use std::borrow::Cow;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr, Not};

use crate::dialect::TextMatch;
use crate::entity::Entity;
use crate::sql::{Column, FromRow, IntoSql, List, Node, Nulls, Operator, Order, Select};
use crate::value::ColumnValue;

/// An expression of type `T` over scope `S`: the entity whose columns it may name.
pub struct Expr<S, T> {
    node: Node,
    marker: PhantomData<fn() -> (S, T)>,
}

/// A condition over scope `S`.
pub type Predicate<S> = Expr<S, bool>;

/// A column or an expression.
pub trait Expression: Sized {
    /// The entity whose columns it may name.
    type Scope;
    /// What its values are read as.
    type Type: ColumnValue;

    /// The expression as plain data.
    fn into_node(self) -> Node;
}

/// What can filter rows of scope `S`: a [`Predicate`] over it, or one of its boolean columns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a condition on `{S}`",
    label = "not a condition on `{S}`",
    note = "a condition is made of the entity's own columns: `Column<{S}, bool>`, or a comparison like `{S}::ID.eq(1)`"
)]
pub trait Condition<S> {
    /// The condition as plain data.
    fn into_condition(self) -> Node;
}

/// What IN looks in: an iterator of values or expressions, or a query of one column.
pub trait IntoList<S, B> {
    /// The list as plain data.
    fn into_list(self) -> List;
}

/// One key of ORDER BY over scope `S`. NULLs go where the database puts them unless said otherwise.
pub struct OrderBy<S> {
    order: Order,
    marker: PhantomData<fn() -> S>,
}

/// SQL text as an expression, written as it is: for what this language cannot say. It must hold no placeholder, and nothing that
/// a user typed.
pub fn raw<S, T: ColumnValue>(text: impl Into<Cow<'static, str>>) -> Expr<S, T> {
    Expr::from_node(Node::Raw(text.into()))
}

impl<S, T> Expr<S, T> {
    /// An expression of plain data; scope and type are the caller's word.
    pub fn from_node(node: Node) -> Self {
        Self {
            node,
            marker: PhantomData,
        }
    }

    /// The expression as plain data.
    pub fn node(&self) -> &Node {
        &self.node
    }
}

impl<S, T: ColumnValue> Expression for Expr<S, T> {
    type Scope = S;
    type Type = T;

    fn into_node(self) -> Node {
        self.node
    }
}

/// What columns and expressions have in common, written once.
macro_rules! questions {
    ([$($generics:tt)*] $scope:ident $ty:ty) => {
        impl<$($generics)*, T: ColumnValue> $ty {
            /// `=`. NULL equals nothing, not even NULL: see [`eq_null_safe`](Self::eq_null_safe).
            pub fn eq(self, other: impl IntoSql<$scope, T::Base>) -> Predicate<$scope> {
                self.compare(Operator::Eq, other)
            }

            /// `<>`. NULL differs from nothing: see [`ne_null_safe`](Self::ne_null_safe).
            pub fn ne(self, other: impl IntoSql<$scope, T::Base>) -> Predicate<$scope> {
                self.compare(Operator::Ne, other)
            }

            /// `<`.
            pub fn lt(self, other: impl IntoSql<$scope, T::Base>) -> Predicate<$scope> {
                self.compare(Operator::Lt, other)
            }

            /// `<=`.
            pub fn le(self, other: impl IntoSql<$scope, T::Base>) -> Predicate<$scope> {
                self.compare(Operator::Le, other)
            }

            /// `>`.
            pub fn gt(self, other: impl IntoSql<$scope, T::Base>) -> Predicate<$scope> {
                self.compare(Operator::Gt, other)
            }

            /// `>=`.
            pub fn ge(self, other: impl IntoSql<$scope, T::Base>) -> Predicate<$scope> {
                self.compare(Operator::Ge, other)
            }

            /// Equal, or both NULL.
            pub fn eq_null_safe(self, other: impl IntoSql<$scope, T::Base>) -> Predicate<$scope> {
                Expr::from_node(Node::NullSafe {
                    left: Box::new(self.into_node()),
                    right: Box::new(other.into_sql()),
                    negated: false,
                })
            }

            /// Different, or one of them NULL.
            pub fn ne_null_safe(self, other: impl IntoSql<$scope, T::Base>) -> Predicate<$scope> {
                Expr::from_node(Node::NullSafe {
                    left: Box::new(self.into_node()),
                    right: Box::new(other.into_sql()),
                    negated: true,
                })
            }

            /// IS NULL.
            pub fn is_null(self) -> Predicate<$scope> {
                Expr::from_node(Node::IsNull {
                    operand: Box::new(self.into_node()),
                    negated: false,
                })
            }

            /// IS NOT NULL.
            pub fn is_not_null(self) -> Predicate<$scope> {
                Expr::from_node(Node::IsNull {
                    operand: Box::new(self.into_node()),
                    negated: true,
                })
            }

            /// Tests whether the value lies between `low` and `high`, inclusive.
            pub fn between(
                self,
                low: impl IntoSql<$scope, T::Base>,
                high: impl IntoSql<$scope, T::Base>,
            ) -> Predicate<$scope> {
                Expr::from_node(Node::Between {
                    subject: Box::new(self.into_node()),
                    low: Box::new(low.into_sql()),
                    high: Box::new(high.into_sql()),
                    negated: false,
                })
            }

            /// One of these. Nothing is in an empty list; a NULL on either side keeps its SQL meaning: it is equal to nothing.
            pub fn in_(self, list: impl IntoList<$scope, T::Base>) -> Predicate<$scope> {
                Expr::from_node(Node::In {
                    subject: Box::new(self.into_node()),
                    list: list.into_list(),
                    negated: false,
                })
            }

            /// None of these. Everything is outside an empty list; a NULL in the list makes this true of nothing.
            pub fn not_in(self, list: impl IntoList<$scope, T::Base>) -> Predicate<$scope> {
                Expr::from_node(Node::In {
                    subject: Box::new(self.into_node()),
                    list: list.into_list(),
                    negated: true,
                })
            }

            /// The same, read as something that may be NULL: what a left join gives of the rows without a match.
            pub fn nullable(self) -> Expr<$scope, Option<T::Base>> {
                Expr::from_node(self.into_node())
            }

            /// In ascending order.
            pub fn asc(self) -> OrderBy<$scope> {
                OrderBy::new(self.into_node(), false)
            }

            /// In descending order.
            pub fn desc(self) -> OrderBy<$scope> {
                OrderBy::new(self.into_node(), true)
            }

            fn compare(
                self,
                operator: Operator,
                other: impl IntoSql<$scope, T::Base>,
            ) -> Predicate<$scope> {
                Expr::from_node(self.into_node().binary(operator, other.into_sql()))
            }
        }

        impl<$($generics)*, T: ColumnValue<Base = String>> $ty {
            /// LIKE: `%` stands for any text and `_` for any character, unless after a backslash. Whether case counts is up to
            /// the database.
            pub fn like(self, pattern: impl IntoSql<$scope, String>) -> Predicate<$scope> {
                Expr::from_node(Node::Like {
                    subject: Box::new(self.into_node()),
                    pattern: Box::new(pattern.into_sql()),
                    negated: false,
                })
            }

            /// NOT LIKE, see [`like`](Self::like).
            pub fn not_like(self, pattern: impl IntoSql<$scope, String>) -> Predicate<$scope> {
                Expr::from_node(Node::Like {
                    subject: Box::new(self.into_node()),
                    pattern: Box::new(pattern.into_sql()),
                    negated: true,
                })
            }

            /// Tests whether the text begins with this text, case-sensitively and without wildcards.
            pub fn starts_with(self, text: impl IntoSql<$scope, String>) -> Predicate<$scope> {
                self.text_match(TextMatch::StartsWith, text)
            }

            /// Tests whether the text ends with this text, case-sensitively and without wildcards.
            pub fn ends_with(self, text: impl IntoSql<$scope, String>) -> Predicate<$scope> {
                self.text_match(TextMatch::EndsWith, text)
            }

            /// Tests whether the text contains this text, case-sensitively and without wildcards.
            pub fn contains(self, text: impl IntoSql<$scope, String>) -> Predicate<$scope> {
                self.text_match(TextMatch::Contains, text)
            }

            /// Concatenates both texts.
            pub fn concat(self, text: impl IntoSql<$scope, String>) -> Expr<$scope, T> {
                Expr::from_node(self.into_node().binary(Operator::Concat, text.into_sql()))
            }

            fn text_match(
                self,
                test: TextMatch,
                text: impl IntoSql<$scope, String>,
            ) -> Predicate<$scope> {
                Expr::from_node(Node::TextMatch {
                    test,
                    subject: Box::new(self.into_node()),
                    pattern: Box::new(text.into_sql()),
                })
            }
        }
    };
}
questions!([E: Entity] E Column<E, T>);
questions!([S] S Expr<S, T>);

/// What boolean columns and conditions have in common.
macro_rules! logic {
    ([$($generics:tt)*] $scope:ident $ty:ty) => {
        impl<$($generics)*> Condition<$scope> for $ty {
            fn into_condition(self) -> Node {
                self.into_node()
            }
        }

        impl<$($generics)*> $ty {
            /// Both.
            pub fn and(self, other: impl Condition<$scope>) -> Predicate<$scope> {
                Expr::from_node(self.into_node().and(other.into_condition()))
            }

            /// One or both.
            pub fn or(self, other: impl Condition<$scope>) -> Predicate<$scope> {
                Expr::from_node(self.into_node().or(other.into_condition()))
            }
        }

        impl<$($generics)*, C: Condition<$scope>> BitAnd<C> for $ty {
            type Output = Predicate<$scope>;

            fn bitand(self, other: C) -> Predicate<$scope> {
                self.and(other)
            }
        }

        impl<$($generics)*, C: Condition<$scope>> BitOr<C> for $ty {
            type Output = Predicate<$scope>;

            fn bitor(self, other: C) -> Predicate<$scope> {
                self.or(other)
            }
        }

        impl<$($generics)*> Not for $ty {
            type Output = Predicate<$scope>;

            fn not(self) -> Predicate<$scope> {
                Expr::from_node(self.into_node().negated())
            }
        }
    };
}
logic!([E: Entity] E Column<E, bool>);
logic!([S] S Expr<S, bool>);

/// All rows, or none.
impl<S> Condition<S> for bool {
    fn into_condition(self) -> Node {
        match self {
            true => Node::All(Vec::new()),
            false => Node::Any(Vec::new()),
        }
    }
}

impl<S, B, I: IntoIterator> IntoList<S, B> for I
where
    I::Item: IntoSql<S, B>,
{
    fn into_list(self) -> List {
        List::Nodes(self.into_iter().map(IntoSql::into_sql).collect())
    }
}

impl<S, B, T: ColumnValue<Base = B>> IntoList<S, B> for Select<T>
where
    T: FromRow,
{
    fn into_list(self) -> List {
        List::Subquery(Box::new(self.into_node()))
    }
}

impl<S> OrderBy<S> {
    fn new(node: Node, descending: bool) -> Self {
        Self {
            order: Order {
                node,
                descending,
                nulls: None,
            },
            marker: PhantomData,
        }
    }

    /// Puts NULLs first.
    #[must_use]
    pub fn nulls_first(mut self) -> Self {
        self.order.nulls = Some(Nulls::First);
        self
    }

    /// Puts NULLs last.
    #[must_use]
    pub fn nulls_last(mut self) -> Self {
        self.order.nulls = Some(Nulls::Last);
        self
    }

    /// The key as plain data.
    pub fn into_order(self) -> Order {
        self.order
    }
}

impl<S, T> Clone for Expr<S, T> {
    fn clone(&self) -> Self {
        Self::from_node(self.node.clone())
    }
}

impl<S, T> Debug for Expr<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}

impl<S> Clone for OrderBy<S> {
    fn clone(&self) -> Self {
        Self {
            order: self.order.clone(),
            marker: PhantomData,
        }
    }
}

impl<S> Debug for OrderBy<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.order.fmt(f)
    }
}
