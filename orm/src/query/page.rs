//! Keyset pagination: the rows after the last one of the previous page.

use super::Query;
use crate::entity::Mapped;
use crate::error::ErrorKind;
use crate::sql::{Node, Operator, Order, Params, also};
use crate::value::{Value, ValueType};

impl<E: Mapped, S> Query<E, S> {
    /// Keeps only objects after these values of the `order_by` keys so far, one value for each key: those of the last object of the
    /// previous page. The keys must be unique together (end with the primary key) and not NULL.
    ///
    /// ```
    /// # use selfsame::prelude::*;
    /// # #[derive(Entity, Clone, Debug)]
    /// # #[orm(table = "users")]
    /// # struct User {
    /// #     #[orm(primary_key)]
    /// #     id: Auto<i64>,
    /// #     name: String,
    /// #     age: Option<i32>,
    /// #     #[orm(back_populates = user)]
    /// #     tasks: HasMany<Task>,
    /// # }
    /// # #[derive(Entity, Clone, Debug)]
    /// # #[orm(table = "tasks")]
    /// # struct Task {
    /// #     #[orm(primary_key)]
    /// #     id: Auto<i64>,
    /// #     title: String,
    /// #     #[orm(default = false)]
    /// #     completed: bool,
    /// #     #[orm(references = "users.id")]
    /// #     user_id: Option<i64>,
    /// #     #[orm(back_populates = tasks)]
    /// #     user: BelongsTo<User>,
    /// # }
    /// let page = User::query().order_by(User::NAME.asc()).order_by(User::ID.asc()).after(("bob", 7)).limit(20);
    /// ```
    ///
    /// Keys and values that do not fit are an [`InvalidStatement`](ErrorKind::InvalidStatement) when the query runs.
    pub fn after(mut self, values: impl Params) -> Self {
        let condition = keyset_after(&self.parts.order, &values.into_params());
        also(&mut self.parts.filter, condition);
        self
    }
}

/// `a > ? OR (a = ? AND b > ?) OR …`.
fn keyset_after(order: &[Order], values: &[(Value, ValueType)]) -> Node {
    if order.len() != values.len() || order.is_empty() {
        let reason = format!(
            "`after` needs one value for each key of the order: there are {} keys and {} values",
            order.len(),
            values.len()
        );
        return Node::Invalid(ErrorKind::InvalidStatement, reason.into());
    }
    if values.iter().any(|(value, _)| *value == Value::Null) {
        let reason = "`after` does not accept NULL";
        return Node::Invalid(ErrorKind::InvalidStatement, reason.into());
    }
    let compare = |at: usize, operator| {
        let (value, ty) = values[at].clone();
        let key: &Order = &order[at];
        key.node.clone().binary(operator, Node::Param(value, ty))
    };
    let pages = (0..order.len()).map(|last| {
        let equal = (0..last).map(|at| compare(at, Operator::Eq));
        let operator = match order[last].descending {
            true => Operator::Lt,
            false => Operator::Gt,
        };
        let all = equal.chain([compare(last, operator)]);
        all.reduce(Node::and).unwrap_or(Node::All(Vec::new()))
    });
    pages.reduce(Node::or).unwrap_or(Node::Any(Vec::new()))
}
