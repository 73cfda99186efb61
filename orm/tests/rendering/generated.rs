//! Renderings of generated tables and conditions are whole.

use proptest::prelude::*;

use super::*;
use selfsame::dialect::TextMatch;
use selfsame::schema::{Column, ColumnType};
use selfsame::sql::{ColumnRef, List, Operator};

const ODD: &str = "[a\"'?$1;é𝄞 \\\\-]{1,6}";

fn table() -> impl Strategy<Value = Arc<Table>> {
    (ODD, ODD).prop_map(|(name, column)| {
        let text = ColumnType::Text { length: None };
        Arc::new(Table::build(name).column(Column::new(column, text)))
    })
}

fn condition(table: Arc<Table>) -> impl Strategy<Value = Node> {
    let column = Node::Column(ColumnRef {
        table,
        index: 0,
        alias: None,
    });
    let term = prop_oneof![
        Just(column),
        ODD.prop_map(|text| Node::Param(Value::Text(text), ValueType::Text)),
    ];
    term.prop_recursive(4, 24, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        let boxed = |(a, b): (Node, Node)| (Box::new(a), Box::new(b));
        prop_oneof![
            two.clone().prop_map(|(a, b)| a.binary(Operator::Eq, b)),
            two.clone().prop_map(|(a, b)| a.and(b)),
            two.clone().prop_map(|(a, b)| a.or(b)),
            inner.clone().prop_map(Node::negated),
            two.clone()
                .prop_map(boxed)
                .prop_map(|(left, right)| Node::NullSafe {
                    left,
                    right,
                    negated: true
                }),
            two.clone()
                .prop_map(boxed)
                .prop_map(|(subject, pattern)| Node::Like {
                    subject,
                    pattern,
                    negated: false
                }),
            two.prop_map(boxed)
                .prop_map(|(subject, pattern)| Node::TextMatch {
                    test: TextMatch::EndsWith,
                    subject,
                    pattern
                }),
            (inner.clone(), prop::collection::vec(inner, 0..4)).prop_map(|(subject, list)| {
                Node::In {
                    subject: Box::new(subject),
                    list: List::Nodes(list),
                    negated: false,
                }
            }),
        ]
    })
}

/// The number of placeholders outside quotes; fails on an unclosed quote or parenthesis.
fn placeholders(text: &str) -> Result<usize, String> {
    let (mut quote, mut depth, mut count) = (None, 0_i32, 0);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, '?' | '$') => count += 1,
            (None, _) => {}
        }
        if depth < 0 {
            return Err(format!("a parenthesis too many in {text}"));
        }
    }
    match (quote, depth) {
        (None, 0) => Ok(count),
        _ => Err(format!("something is not closed in {text}")),
    }
}

proptest! {
    #[test]
    fn quotes_are_closed_and_every_parameter_has_its_placeholder(
        (table, condition) in table().prop_flat_map(|table| (Just(Arc::clone(&table)), condition(table)))
    ) {
        for dialect in [&Ansi as &dyn Dialect, &Arrays] {
            let Ok(rendered) = query_on(dialect, &table, Some(&condition)) else {
                // The array dialect takes eight parameters.
                continue;
            };
            let found = placeholders(rendered.sql.text()).map_err(TestCaseError::fail)?;
            prop_assert_eq!(found, rendered.arguments.len());
            prop_assert_eq!(found, rendered.sql.params().len());
        }
    }
}
