//! Columns that would store a parameter as another value: integers and floats round, `char` loses trailing blanks, `enum` reads `"3"` as
//! its third label.
//!
//! The server converts what is assigned to a column, at most with a note. So each connection queries the declared types of a table's
//! columns once, when it prepares the first statement that writes to the table.

mod rule;

use std::sync::Arc;

use selfsame::backend::{Target, TargetColumn};
use selfsame::dialect::Dialect as _;
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::schema::ColumnType;
use selfsame::value::{Param, ValueRef};

use crate::dialect::MariaDbDialect;
use crate::flavor::Flavor;
use rule::Rule;

/// A column as declared in the database.
pub(crate) struct Declared {
    pub(crate) name: String,
    /// Its type as the server writes it.
    pub(crate) ty: String,
    /// Whether it is NOT NULL but stores another value for NULL instead of refusing it.
    pub(crate) replaces_null: bool,
    /// Whether an UPDATE that does not set it sets it to the current time, or may do so.
    pub(crate) follows_updates: bool,
}

/// A parameter whose column may change its value.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// Its position, from 0.
    position: usize,
    column: Arc<LossyColumn>,
}

/// A column that may change values.
#[derive(Debug)]
struct LossyColumn {
    name: String,
    declared: String,
    rule: Option<Rule>,
    replaces_null: bool,
}

/// Returns a query for the [`Declared`] columns of a table.
pub(crate) fn columns_query(schema: Option<&str>, table: &str) -> String {
    format!("SHOW COLUMNS FROM {}", name(schema, table))
}

/// Returns a quoted name.
pub(crate) fn name(schema: Option<&str>, name: &str) -> String {
    let (dialect, mut out) = (MariaDbDialect::default(), String::new());
    if let Some(schema) = schema {
        dialect.quote(schema, &mut out);
        out.push('.');
    }
    dialect.quote(name, &mut out);
    out
}

/// Returns the guards of a target, from the declared columns, the result of the [`columns_query`].
pub(crate) fn guards(target: &Target, table: &[Declared]) -> Vec<Guard> {
    let columns = target.columns().iter();
    let columns: Vec<_> = columns.map(|column| lossy_column(column, table)).collect();
    let guard = |(position, at): (usize, usize)| {
        let column = columns[at].clone()?;
        Some(Guard { position, column })
    };
    target.parameters().filter_map(guard).collect()
}

fn lossy_column(column: &TargetColumn, table: &[Declared]) -> Option<Arc<LossyColumn>> {
    let is_it = |found: &&Declared| found.name.to_lowercase() == column.name.to_lowercase();
    let declared = table.iter().find(is_it)?;
    let rule = match column.ty {
        // If the mapping names the database's own type, the column is reread after it is written.
        ColumnType::Declared { .. } | ColumnType::Other { .. } => None,
        _ => Rule::of(column.ty.value_type(), &declared.ty),
    };
    (rule.is_some() || declared.replaces_null).then(|| {
        Arc::new(LossyColumn {
            name: column.name.clone(),
            declared: declared.ty.clone(),
            rule,
            replaces_null: declared.replaces_null,
        })
    })
}

/// Refuses parameters that their columns would change.
///
/// # Errors
///
/// [`OutOfRange`](ErrorKind::OutOfRange), or [`NotNullViolation`](ErrorKind::NotNullViolation), with the column.
pub(crate) fn check(guards: &[Guard], params: &[Param<'_>], flavor: Flavor) -> Result<()> {
    let server = flavor.server();
    for Guard { position, column } in guards {
        let error = match (params.get(*position).and_then(Param::value), &column.rule) {
            (Some(ValueRef::Null), _) if column.replaces_null => replaced(column, server),
            (Some(value), Some(rule)) if !rule.keeps(value) => changed(column, rule, server),
            _ => continue,
        };
        return Err(error.column(&column.name).parameter(position + 1));
    }
    Ok(())
}

#[cold]
fn replaced(column: &LossyColumn, server: &str) -> Error {
    let message = format!(
        "{server} would store another value for NULL, because the column is declared `{} NOT NULL`: give the value, or let the database give it \
         (`Auto<…>`)",
        column.declared
    );
    Error::new(ErrorKind::NotNullViolation, message)
}

#[cold]
fn changed(column: &LossyColumn, rule: &Rule, server: &str) -> Error {
    let declared = &column.declared;
    let name = format!("map it with `db_type = {declared:?}`");
    let (does, advice) = match rule {
        Rule::Single => ("rounds it".to_owned(), "map it as `f32`".to_owned()),
        Rule::Scale(scale) | Rule::Fixed { digits: scale, .. } => (
            format!("rounds it to {scale} digits after the decimal point"),
            "round it before".to_owned(),
        ),
        Rule::Year => (
            "reads it as a year of four digits".to_owned(),
            "give all digits of the year".to_owned(),
        ),
        Rule::Digits(digits) => (
            format!("cuts it to {digits} digits after the second"),
            format!("round it before, or {name}"),
        ),
        Rule::NotNegative => (
            "holds whole numbers from 0 on".to_owned(),
            "give such a number".to_owned(),
        ),
        Rule::Length(bytes) => (
            format!("has exactly {bytes} bytes"),
            format!("give exactly as many, or {name}"),
        ),
        Rule::Characters(_) | Rule::Stripped(_) | Rule::Bytes(_) => (
            "drops the blanks at its end".to_owned(),
            format!("remove them before, or {name}"),
        ),
        Rule::Label(_) => (
            "has no such label".to_owned(),
            format!("give one of its labels, or {name}"),
        ),
        Rule::Labels(_) => (
            "stores its labels once each, in the order and spelling of the declaration".to_owned(),
            format!("give them in that form, or {name}"),
        ),
        Rule::Uuid | Rule::Inet4 | Rule::Inet6 => (
            "writes it in another form".to_owned(),
            format!("give it in the server's form, or {name}"),
        ),
        Rule::OtherKind => (
            "holds other values".to_owned(),
            "map it with the type of its values".to_owned(),
        ),
    };
    Error::new(
        ErrorKind::OutOfRange,
        format!(
            "{server} would store another value, because the column is declared `{declared}`, which {does}: {advice}"
        ),
    )
}
