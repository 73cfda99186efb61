//! Aggregates: COUNT, SUM, MIN, MAX, AVG.

use crate::schema::ColumnType;
use crate::sql::{Aggregate, Anywhere, Expr, Expression, Node};
use crate::value::{ColumnValue, Decimal};

/// Types that can be summed. Integers sum to `i64` and floats to `f64`, regardless of the database's own result type; overflow is an error
/// of the database.
#[diagnostic::on_unimplemented(message = "SQL cannot sum values of type `{Self}`")]
pub trait Summable {
    /// The type of the sum.
    type Sum: ColumnValue;
    /// The type of the average.
    type Average: ColumnValue;
    /// The type that the sum is cast to; `None` for no cast.
    const SUM: Option<ColumnType>;
    /// The type that the average is cast to; `None` for no cast.
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

/// The type of its [`sum`].
pub type SumOf<X> = <BaseOf<X> as Summable>::Sum;

/// The type of its [`avg`].
pub type AverageOf<X> = <BaseOf<X> as Summable>::Average;

/// Counts rows: `COUNT(*)`. It uses no column and so is valid in any query: `.having(count_all().gt(1))`. To compare it with a column, use
/// [`count`] of the primary key instead: it is the same number in the entity's scope.
pub fn count_all() -> Expr<Anywhere, i64> {
    Expr::from_node(Node::Aggregate {
        function: Aggregate::Count,
        operand: None,
        distinct: false,
        cast: None,
    })
}

/// Counts the rows in which the expression is not NULL.
pub fn count<X: Expression>(expression: X) -> Expr<X::Scope, i64> {
    aggregate(Aggregate::Count, expression, None)
}

/// Counts the distinct values that are not NULL.
pub fn count_distinct<X: Expression>(expression: X) -> Expr<X::Scope, i64> {
    Expr::from_node(Node::Aggregate {
        function: Aggregate::Count,
        operand: Some(Box::new(expression.into_node())),
        distinct: true,
        cast: None,
    })
}

/// Returns the sum of the values that are not NULL; `None` without any.
pub fn sum<X: Expression>(expression: X) -> Expr<X::Scope, Option<SumOf<X>>>
where
    BaseOf<X>: Summable,
{
    let cast = <BaseOf<X> as Summable>::SUM;
    aggregate(Aggregate::Sum, expression, cast)
}

/// Returns the average of the values that are not NULL; `None` without any.
pub fn avg<X: Expression>(expression: X) -> Expr<X::Scope, Option<AverageOf<X>>>
where
    BaseOf<X>: Summable,
{
    let cast = <BaseOf<X> as Summable>::AVERAGE;
    aggregate(Aggregate::Avg, expression, cast)
}

/// Returns the least value that is not NULL; `None` without any.
pub fn min<X: Expression>(expression: X) -> Expr<X::Scope, Option<BaseOf<X>>>
where
    BaseOf<X>: ColumnValue,
{
    aggregate(Aggregate::Min, expression, None)
}

/// Returns the greatest value that is not NULL; `None` without any.
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
