//! Aggregates: COUNT, SUM, MIN, MAX, AVG.

use crate::schema::ColumnType;
use crate::sql::{Aggregate, Anywhere, Expr, Expression, Node};
use crate::value::{ColumnValue, Decimal};

/// Types that can be summed. Integers sum to `i64` and floats to `f64`, whatever the database makes of them by itself; a sum that
/// does not fit is the database's error.
#[diagnostic::on_unimplemented(message = "SQL cannot sum values of type `{Self}`")]
pub trait Summable {
    /// What the sum is.
    type Sum: ColumnValue;
    /// What the average is.
    type Average: ColumnValue;
    /// The type that the sum is cast to; `None` leaves it as it is.
    const SUM: Option<ColumnType>;
    /// The type that the average is cast to; `None` leaves it as it is.
    const AVERAGE: Option<ColumnType>;
}

macro_rules! summable {
    ($($ty:ty => $sum:ty, $average:ty, $sum_type:expr, $average_type:expr;)*) => {$(
        impl Summable for $ty {
            type Sum = $sum;
            type Average = $average;
            const SUM: Option<ColumnType> = $sum_type;
            const AVERAGE: Option<ColumnType> = $average_type;
        }
    )*};
}
summable!(
    i16 => i64, f64, Some(ColumnType::I64), Some(ColumnType::F64);
    i32 => i64, f64, Some(ColumnType::I64), Some(ColumnType::F64);
    i64 => i64, f64, Some(ColumnType::I64), Some(ColumnType::F64);
    f32 => f64, f64, Some(ColumnType::F64), Some(ColumnType::F64);
    f64 => f64, f64, Some(ColumnType::F64), Some(ColumnType::F64);
    Decimal => Decimal, Decimal, None, None;
);
#[cfg(feature = "rust_decimal")]
summable!(rust_decimal::Decimal => rust_decimal::Decimal, rust_decimal::Decimal, None, None;);

/// The type of a column or expression without `Option` and `Auto`.
pub type BaseOf<X> = <<X as Expression>::Type as ColumnValue>::Base;

/// What a [`sum`] of it is.
pub type SumOf<X> = <BaseOf<X> as Summable>::Sum;

/// What an [`avg`] of it is.
pub type AverageOf<X> = <BaseOf<X> as Summable>::Average;

/// How many rows. It names no column, and so stands in any query: `.having(count_all().gt(1))`. Where a column of a query is compared
/// with it, [`count`] of the primary key is the same number in that query's scope.
pub fn count_all() -> Expr<Anywhere, i64> {
    Expr::from_node(Node::Aggregate {
        function: Aggregate::Count,
        operand: None,
        distinct: false,
        cast: None,
    })
}

/// How many rows where it is not NULL.
pub fn count<X: Expression>(expression: X) -> Expr<X::Scope, i64> {
    aggregate(Aggregate::Count, expression, None)
}

/// How many different values that are not NULL.
pub fn count_distinct<X: Expression>(expression: X) -> Expr<X::Scope, i64> {
    Expr::from_node(Node::Aggregate {
        function: Aggregate::Count,
        operand: Some(Box::new(expression.into_node())),
        distinct: true,
        cast: None,
    })
}

/// The sum of what is not NULL; `None` over no rows.
pub fn sum<X: Expression>(expression: X) -> Expr<X::Scope, Option<SumOf<X>>>
where
    BaseOf<X>: Summable,
{
    let cast = <BaseOf<X> as Summable>::SUM;
    aggregate(Aggregate::Sum, expression, cast)
}

/// The average of what is not NULL; `None` over no rows.
pub fn avg<X: Expression>(expression: X) -> Expr<X::Scope, Option<AverageOf<X>>>
where
    BaseOf<X>: Summable,
{
    let cast = <BaseOf<X> as Summable>::AVERAGE;
    aggregate(Aggregate::Avg, expression, cast)
}

/// The least value that is not NULL; `None` over no rows.
pub fn min<X: Expression>(expression: X) -> Expr<X::Scope, Option<BaseOf<X>>>
where
    BaseOf<X>: ColumnValue,
{
    aggregate(Aggregate::Min, expression, None)
}

/// The greatest value that is not NULL; `None` over no rows.
pub fn max<X: Expression>(expression: X) -> Expr<X::Scope, Option<BaseOf<X>>>
where
    BaseOf<X>: ColumnValue,
{
    aggregate(Aggregate::Max, expression, None)
}

fn aggregate<X: Expression, T>(
    function: Aggregate,
    expression: X,
    cast: Option<ColumnType>,
) -> Expr<X::Scope, T> {
    Expr::from_node(Node::Aggregate {
        function,
        operand: Some(Box::new(expression.into_node())),
        distinct: false,
        cast,
    })
}
