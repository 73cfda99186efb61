//! CREATE TABLE as the engine accepts it: a key is declared on a column, not on the table.

use gluesql::core::parse_sql::parse;
use gluesql::core::sqlparser::ast::{ColumnOption, ColumnOptionDef, Statement, TableConstraint};
use selfsame::{Error, ErrorKind, Result};

/// The statement as the engine accepts it; `None` for an index that only speeds up queries, which the storage does not support.
pub(crate) fn rewritten(text: &str) -> Result<Option<String>> {
    let refused = |error: &dyn ToString| Error::new(ErrorKind::InvalidStatement, error.to_string());
    let parsed = parse(text).map_err(|error| refused(&error))?;
    let mut table = match parsed.into_iter().next() {
        Some(Statement::CreateIndex(index)) if !index.unique => return Ok(None),
        Some(Statement::CreateTable(table)) => table,
        _ => return Ok(Some(text.to_owned())),
    };
    for constraint in std::mem::take(&mut table.constraints) {
        let (columns, is_primary) = match &constraint {
            TableConstraint::PrimaryKey { columns, .. } => (columns, true),
            TableConstraint::Unique { columns, .. } => (columns, false),
            _ => {
                table.constraints.push(constraint);
                continue;
            }
        };
        let [name] = columns.as_slice() else {
            return Err(Error::unsupported("gluesql", "a key of several columns"));
        };
        let column = table.columns.iter_mut().find(|column| column.name == *name);
        let missing = || Error::new(ErrorKind::Mapping, "a key of a column that is not there");
        column.ok_or_else(missing)?.options.push(ColumnOptionDef {
            name: None,
            option: ColumnOption::Unique {
                is_primary,
                characteristics: None,
            },
        });
    }
    Ok(Some(table.to_string()))
}
