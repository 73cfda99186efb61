//! `Expr`: a typed expression in a scope, and the operators that columns and expressions share.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr, Not};

use crate::dialect::TextMatch;
use crate::entity::Entity;
use crate::sql::{Column, FromRow, IntoSql, List, Node, Nulls, Operator, Order, Select};
use crate::value::ColumnValue;

/// An expression of type `T` in scope `S`, the entity whose columns it may use.
pub struct Expr<S, T> {
    node: Node,
    marker: PhantomData<fn() -> (S, T)>,
}

/// A condition in scope `S`.
pub type Predicate<S> = Expr<S, bool>;

/// A column or an expression.
pub trait Expression: Sized {
    /// The entity whose columns it may use.
    type Scope;
    /// The type of its values.
    type Type: ColumnValue;

    /// Returns the untyped expression tree.
    fn into_node(self) -> Node;
}

/// A condition that can filter rows of scope `S`: a [`Predicate`], or a boolean column.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a condition on `{S}`",
    label = "not a condition on `{S}`",
    note = "a condition uses the entity's own columns: `Column<{S}, bool>`, or a comparison like `{S}::ID.eq(1)`"
)]
pub trait Condition<S> {
    /// Returns the untyped expression tree.
    fn into_condition(self) -> Node;
}

/// The right-hand side of IN: an iterator of values or expressions, or a query of one column.
pub trait IntoList<S, B> {
    /// Returns the untyped list.
    fn into_list(self) -> List;
}

/// A key of ORDER BY in scope `S`. The position of NULLs is the database's default unless set.
pub struct OrderBy<S> {
    order: Order,
    marker: PhantomData<fn() -> S>,
}

/// Uses raw SQL as an expression, for what this language does not support. The SQL must not contain placeholders or user input.
pub fn raw<S, T: ColumnValue>(text: impl Into<Cow<'static, str>>) -> Expr<S, T> {
    Expr::from_node(Node::Raw(text.into()))
}

impl<S, T> Expr<S, T> {
    /// Wraps an expression tree; the caller is responsible for scope and type.
    pub fn from_node(node: Node) -> Self {
        Self {
            node,
            marker: PhantomData,
        }
    }

    /// Returns the untyped expression tree.
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

/// The operators that columns and expressions share.
macro_rules! operators {
    ([$($generics:tt)*] $scope:ident $ty:ty) => {
        impl<$($generics)*, T: ColumnValue> $ty {
            /// `=`. NULL is equal to nothing, not even to NULL: see [`eq_null_safe`](Self::eq_null_safe).
            pub fn eq(self, other: impl IntoSql<$scope, T::Base>) -> Predicate<$scope> {
                self.compare(Operator::Eq, other)
            }

            /// `<>`. NULL is different from nothing: see [`ne_null_safe`](Self::ne_null_safe).
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

            /// Tests whether both are equal, or both NULL.
            pub fn eq_null_safe(self, other: impl IntoSql<$scope, T::Base>) -> Predicate<$scope> {
                Expr::from_node(Node::NullSafe {
                    left: Box::new(self.into_node()),
                    right: Box::new(other.into_sql()),
                    negated: false,
                })
            }

            /// Tests whether both are different, or exactly one is NULL.
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

            /// Tests whether the value is between `low` and `high`, inclusive.
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

            /// IN: tests whether the value is in a list; false for an empty list. A NULL on either side is equal to nothing, as in SQL.
            pub fn in_(self, list: impl IntoList<$scope, T::Base>) -> Predicate<$scope> {
                Expr::from_node(Node::In {
                    subject: Box::new(self.into_node()),
                    list: list.into_list(),
                    negated: false,
                })
            }

            /// NOT IN: tests whether the value is not in a list; true for an empty list. It is never true if the list contains NULL, as in
            /// SQL.
            pub fn not_in(self, list: impl IntoList<$scope, T::Base>) -> Predicate<$scope> {
                Expr::from_node(Node::In {
                    subject: Box::new(self.into_node()),
                    list: list.into_list(),
                    negated: true,
                })
            }

            /// Makes the type an `Option`, for rows without a match in a left join.
            pub fn nullable(self) -> Expr<$scope, Option<T::Base>> {
                Expr::from_node(self.into_node())
            }

            /// Sorts in ascending order.
            pub fn asc(self) -> OrderBy<$scope> {
                OrderBy::new(self.into_node(), false)
            }

            /// Sorts in descending order.
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
            /// LIKE: `%` matches any text and `_` any character, unless after a backslash. Case sensitivity depends on the database.
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

            /// Tests whether the text starts with another, case-sensitively and without wildcards.
            pub fn starts_with(self, text: impl IntoSql<$scope, String>) -> Predicate<$scope> {
                self.text_match(TextMatch::StartsWith, text)
            }

            /// Tests whether the text ends with another, case-sensitively and without wildcards.
            pub fn ends_with(self, text: impl IntoSql<$scope, String>) -> Predicate<$scope> {
                self.text_match(TextMatch::EndsWith, text)
            }

            /// Tests whether the text contains another, case-sensitively and without wildcards.
            pub fn contains(self, text: impl IntoSql<$scope, String>) -> Predicate<$scope> {
                self.text_match(TextMatch::Contains, text)
            }

            /// Concatenates two texts.
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
operators!([E: Entity] E Column<E, T>);
operators!([S] S Expr<S, T>);

/// The operators that boolean columns and conditions share.
macro_rules! logic {
    ([$($generics:tt)*] $scope:ident $ty:ty) => {
        impl<$($generics)*> Condition<$scope> for $ty {
            fn into_condition(self) -> Node {
                self.into_node()
            }
        }

        impl<$($generics)*> $ty {
            /// Combines two conditions with AND.
            pub fn and(self, other: impl Condition<$scope>) -> Predicate<$scope> {
                Expr::from_node(self.into_node().and(other.into_condition()))
            }

            /// Combines two conditions with OR.
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

/// A constant condition: all rows, or none.
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

    /// Sorts NULLs first.
    #[must_use]
    pub fn nulls_first(mut self) -> Self {
        self.order.nulls = Some(Nulls::First);
        self
    }

    /// Sorts NULLs last.
    #[must_use]
    pub fn nulls_last(mut self) -> Self {
        self.order.nulls = Some(Nulls::Last);
        self
    }

    /// Returns the untyped key.
    pub fn into_order(self) -> Order {
        self.order
    }
}

untyped!(Expr<S, T>, node);

untyped!(OrderBy<S>, order);
