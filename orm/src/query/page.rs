//! Keyset pagination: the rows after the last one of the previous page.

use super::Query;
use super::join::first_of_groups;
use crate::entity::Mapped;
use crate::error::ErrorKind;
use crate::session::Page;
use crate::sql::{Node, Operator, Order, Params, also};
use crate::value::{Value, ValueType};

impl<E: Mapped, S> Query<E, S> {
    /// Keeps only objects after these values of the `order_by` keys so far, one value for each key: those of the last object of the
    /// previous page. The keys must be unique together (end with the primary key) and not NULL. The value of a key of a joined table, or of
    /// an aggregate, is the one that the object is sorted by.
    ///
    /// ```
    #[doc = include_str!("../docs/models.txt")]
    /// let page = User::query().order_by(User::NAME.asc()).order_by(User::ID.asc()).after(("bob", 7)).limit(20);
    /// ```
    ///
    /// Keys and values that do not fit are an [`InvalidStatement`](ErrorKind::InvalidStatement) when the query runs.
    pub fn after(mut self, values: impl Params) -> Self {
        let values = values.into_params();
        let of_rows = keyset_after(&self.parts.order, &values);
        let mut first = self.parts.order.clone();
        if first_of_groups(&mut first, self.mapper.table()) {
            let of_groups = keyset_after(&first, &values);
            let joined = self.parts.joined.get_or_insert_default();
            joined.pages.push(Page { of_rows, of_groups });
        } else {
            also(&mut self.parts.filter, of_rows);
        }
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
