//! Reading: filters, order, paging, sets, streaming.

use selfsame::schema::ColumnType;
use selfsame::value::ValueType;

use crate::case::Cover::Contract;
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, int, null, value_table};

pub(super) const CASES: &[Case] = &[Case::read("queries.equality.null", equality_null)
    .promise("A comparison with NULL is neither true nor false, so neither = nor <> finds the row.")
    .hint("Do not rewrite `= NULL` into IS NULL; send the parameter as it is.")
    .covers(&[Contract(23)])];

/// A table `t` with these values in `v`, under the keys 1, 2, ….
fn with_values(context: &Context, values: &[Option<i64>]) -> CaseResult<Database> {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    let rows: Vec<_> = values
        .iter()
        .zip(1..)
        .map(|(value, id)| vec![int(id), value.map_or_else(|| null(ValueType::I64), int)])
        .collect();
    database.execute_each(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[ValueType::I64, ValueType::I64],
        &rows,
    )?;
    Ok(database)
}

fn equality_null(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(1), None])?;
    for operator in ["=", "<>"] {
        let found = database.integers(
            &format!("SELECT [id] FROM [t] WHERE [v] {operator} ?"),
            &[null(ValueType::I64)],
        )?;
        check!(
            found.is_empty(),
            "`{operator} NULL` must find no row, found the keys {found:?}"
        );
    }
    let found = database.integers("SELECT [id] FROM [t] WHERE [v] <> ?", &[int(2)])?;
    check_eq!(found, [1], "`<> 2` must not find the row that holds NULL");
    Ok(())
}
