//! `+ - * / %` on columns and expressions.

use std::ops::{Add, Div, Mul, Rem, Sub};

use crate::entity::Entity;
use crate::sql::{Column, Expr, Expression, IntoSql, Operator};
use crate::value::{ColumnValue, Decimal, ValueType};

/// Types with arithmetic operators. The result has the type of the left operand. Rounding, overflow and division by zero behave as in the
/// database; integer division truncates.
#[diagnostic::on_unimplemented(message = "SQL cannot calculate with a `{Self}`")]
pub trait Number {}

macro_rules! numbers {
    ($($ty:ty),*) => {
        $(impl Number for $ty {})*
    };
}
numbers!(i16, i32, i64, f32, f64, Decimal);
#[cfg(feature = "rust_decimal")]
numbers!(rust_decimal::Decimal);

macro_rules! operator {
    ($trait:ident $method:ident $operator:ident) => {
        impl<E: Entity, T: ColumnValue, R: IntoSql<E, T::Base>> $trait<R> for Column<E, T>
        where
            T::Base: Number,
        {
            type Output = Expr<E, T>;

            fn $method(self, other: R) -> Expr<E, T> {
                let operator = of_type::<T>(Operator::$operator);
                Expr::from_node(self.into_node().binary(operator, other.into_sql()))
            }
        }

        impl<S, T: ColumnValue, R: IntoSql<S, T::Base>> $trait<R> for Expr<S, T>
        where
            T::Base: Number,
        {
            type Output = Expr<S, T>;

            fn $method(self, other: R) -> Expr<S, T> {
                let operator = of_type::<T>(Operator::$operator);
                Expr::from_node(self.into_node().binary(operator, other.into_sql()))
            }
        }
    };
}
/// Selects integer division for integers.
fn of_type<T: ColumnValue>(operator: Operator) -> Operator {
    let is_integer = matches!(T::TYPE, ValueType::I16 | ValueType::I32 | ValueType::I64);
    match operator {
        Operator::Div if is_integer => Operator::DivInteger,
        operator => operator,
    }
}

operator!(Add add Add);
operator!(Sub sub Sub);
operator!(Mul mul Mul);
operator!(Div div Div);
operator!(Rem rem Rem);
