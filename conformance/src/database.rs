//! A thin layer over one connection, for cases of the backend contract: SQL from short templates, values in, values out.
//!
//! In a template `[name]` is a quoted identifier and `?` a parameter; do not use either in a literal.

use std::collections::HashMap;
use std::sync::Arc;

use selfsame::Result;
use selfsame::backend::{
    Backend, Connection, Outcome, Rows, SharedSql, Sql, Statement, StatementKind,
};
use selfsame::dialect::{Begin, Dialect, Transaction};
use selfsame::render::Renderer;
use selfsame::schema::{Column, ColumnType, Table};
use selfsame::value::{Param, Value, ValueType};

use crate::case::CaseResult;
use crate::context::Context;

/// A parameter with its type, because NULL has none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Typed {
    pub(crate) ty: ValueType,
    pub(crate) value: Value,
}

impl Typed {
    pub(crate) fn new(ty: ValueType, value: Value) -> Self {
        Self { ty, value }
    }
}

/// A 64-bit integer parameter.
pub(crate) fn int(value: i64) -> Typed {
    Typed::new(ValueType::I64, Value::I64(value))
}

/// A text parameter.
pub(crate) fn text(value: &str) -> Typed {
    Typed::new(ValueType::Text, Value::Text(value.to_owned()))
}

/// NULL of a type.
pub(crate) fn null(ty: ValueType) -> Typed {
    Typed::new(ty, Value::Null)
}

/// One connection to the database of a case. Renders each template once, as the ORM does.
#[derive(Debug)]
pub(crate) struct Database {
    backend: Arc<dyn Backend>,
    pub(crate) connection: Box<dyn Connection>,
    rendered: HashMap<Shape, SharedSql>,
}

/// The key of a rendered statement: template, parameter types, column types.
type Shape = (String, Vec<ValueType>, Vec<ValueType>);

impl Database {
    /// Opens a connection.
    pub(crate) fn open(context: &Context) -> Result<Self> {
        Self::of(context.backend())
    }

    /// Opens a connection of this backend.
    pub(crate) fn of(backend: Arc<dyn Backend>) -> Result<Self> {
        let connection = backend.connect()?;
        Ok(Self {
            backend,
            connection,
            rendered: HashMap::new(),
        })
    }

    pub(crate) fn dialect(&self) -> &dyn Dialect {
        self.backend.dialect()
    }

    /// Creates a table and its indexes.
    pub(crate) fn create(&mut self, table: &Table) -> Result<()> {
        let renderer = Renderer::new(self.backend.dialect());
        let mut statements = vec![renderer.create_table(table, &[])?];
        statements.extend(renderer.create_indexes(table)?);
        for sql in &statements {
            self.connection.execute(&Statement::new(sql, &[]))?;
        }
        Ok(())
    }

    /// Renders a template, once.
    pub(crate) fn sql(
        &mut self,
        template: &str,
        params: &[ValueType],
        columns: &[ValueType],
    ) -> SharedSql {
        let shape: Shape = (template.to_owned(), params.into(), columns.into());
        let backend = &self.backend;
        let sql = self.rendered.entry(shape).or_insert_with(|| {
            let text = expand(backend.dialect(), template, params);
            Arc::new(Sql::new(kind_of(template), text, params, columns))
        });
        Arc::clone(sql)
    }

    /// Runs a statement without rows.
    pub(crate) fn execute(&mut self, template: &str, params: &[Typed]) -> Result<Outcome> {
        let types: Vec<ValueType> = params.iter().map(|p| p.ty).collect();
        let sql = self.sql(template, &types, &[]);
        self.execute_sql(&sql, params)
    }

    /// Runs a rendered statement without rows.
    pub(crate) fn execute_sql(&mut self, sql: &Sql, params: &[Typed]) -> Result<Outcome> {
        let params: Vec<Param<'_>> = as_params(params);
        self.connection.execute(&Statement::new(sql, &params))
    }

    /// Runs a query and collects its rows, decoded as the types in `columns`.
    pub(crate) fn rows(
        &mut self,
        template: &str,
        params: &[Typed],
        columns: &[ValueType],
    ) -> Result<Vec<Vec<Value>>> {
        let types: Vec<ValueType> = params.iter().map(|p| p.ty).collect();
        let sql = self.sql(template, &types, columns);
        self.rows_of(&sql, params)
    }

    /// Runs a rendered query and collects its rows.
    pub(crate) fn rows_of(&mut self, sql: &Sql, params: &[Typed]) -> Result<Vec<Vec<Value>>> {
        let params: Vec<Param<'_>> = as_params(params);
        let mut rows = Vec::new();
        self.connection
            .query(&Statement::new(sql, &params), &mut |row| {
                let values: Result<Vec<Value>> = sql
                    .columns()
                    .iter()
                    .enumerate()
                    .map(|(i, &ty)| Ok(row.value(i, ty)?.to_owned()))
                    .collect();
                rows.push(values?);
                Ok(())
            })?;
        Ok(rows)
    }

    /// Runs a query of one column and collects it.
    pub(crate) fn column(
        &mut self,
        template: &str,
        params: &[Typed],
        ty: ValueType,
    ) -> Result<Vec<Value>> {
        let rows = self.rows(template, params, &[ty])?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// Runs a query of one column of integers and collects it.
    pub(crate) fn integers(&mut self, template: &str, params: &[Typed]) -> Result<Vec<i64>> {
        let values = self.column(template, params, ValueType::I64)?;
        values
            .into_iter()
            .map(|value| match value {
                Value::I64(value) => Ok(value),
                other => Err(other.as_ref().mismatch(ValueType::I64)),
            })
            .collect()
    }

    /// Wraps an expression of a template in a cast to a 64-bit integer.
    pub(crate) fn as_integer(&self, expression: &str) -> String {
        let mut out = String::new();
        self.dialect().cast(expression, &ColumnType::I64, &mut out);
        out
    }

    /// Counts the rows of a table.
    pub(crate) fn count(&mut self, table: &str) -> Result<i64> {
        let counted = self.integers(&format!("SELECT count(*) FROM [{table}]"), &[])?;
        Ok(counted.first().copied().unwrap_or(-1))
    }

    /// Runs one statement for each row of parameters, and returns the outcomes in order.
    pub(crate) fn execute_each(
        &mut self,
        template: &str,
        types: &[ValueType],
        rows: &[Vec<Typed>],
    ) -> Result<Vec<Outcome>> {
        let sql = self.sql(template, types, &[]);
        let flat: Vec<Param<'_>> = rows.iter().flat_map(|row| as_params(row)).collect();
        let mut outcomes = Vec::new();
        self.connection
            .execute_each(&sql, Rows::new(&flat, types.len()), &mut |outcome| {
                outcomes.push(outcome);
                Ok(())
            })?;
        Ok(outcomes)
    }

    /// Begins a transaction in the database's usual way.
    pub(crate) fn begin(&mut self) -> Result<()> {
        self.transaction(Transaction::Begin(Begin::default()))
    }

    /// Begins a transaction whose first statement writes.
    pub(crate) fn begin_write(&mut self) -> Result<()> {
        let mut begin = Begin::default();
        begin.writes_first = true;
        self.transaction(Transaction::Begin(begin))
    }

    pub(crate) fn commit(&mut self) -> Result<()> {
        self.transaction(Transaction::Commit)
    }

    pub(crate) fn rollback(&mut self) -> Result<()> {
        self.transaction(Transaction::Rollback)
    }

    /// Runs this in a transaction that writes, if there are any.
    pub(crate) fn in_transaction(
        &mut self,
        work: impl FnOnce(&mut Self) -> CaseResult,
    ) -> CaseResult {
        let transactions = self.dialect().capabilities().transactions;
        if transactions {
            self.begin_write()?;
        }
        work(self)?;
        if transactions {
            self.commit()?;
        }
        Ok(())
    }

    pub(crate) fn savepoint(&mut self, name: &str) -> Result<()> {
        self.transaction(Transaction::Savepoint(name))
    }

    pub(crate) fn release(&mut self, name: &str) -> Result<()> {
        self.transaction(Transaction::Release(name))
    }

    pub(crate) fn rollback_to(&mut self, name: &str) -> Result<()> {
        self.transaction(Transaction::RollbackTo(name))
    }

    pub(crate) fn transaction(&mut self, command: Transaction<'_>) -> Result<()> {
        let text = self.dialect().transaction(&command);
        let sql = Sql::new(StatementKind::Transaction, text, [], []);
        self.connection.transaction(&command, &sql)
    }
}

/// Returns a table with a key that the program assigns and a nullable column `v`.
pub(crate) fn value_table(name: &str, ty: ColumnType) -> Table {
    Table::build(name)
        .column(Column::new("id", ColumnType::I64))
        .column(Column::new("v", ty).nullable())
        .primary_key(["id"])
}

/// Writes identifiers and placeholders into a template.
fn expand(dialect: &dyn Dialect, template: &str, params: &[ValueType]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut next = 0;
    let mut rest = template;
    while let Some(at) = rest.find(['[', '?']) {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        match (rest[at..].starts_with('['), after.split_once(']')) {
            (true, Some((name, after))) => {
                dialect.quote(name, &mut out);
                rest = after;
            }
            (true, None) => {
                out.push('[');
                rest = after;
            }
            (false, _) => {
                let ty = params.get(next).copied().unwrap_or(ValueType::Native);
                next += 1;
                dialect.placeholder(next, ty, &mut out);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn kind_of(template: &str) -> StatementKind {
    match template.split_whitespace().next() {
        Some("INSERT") => StatementKind::Insert,
        Some("UPDATE") => StatementKind::Update,
        Some("DELETE") => StatementKind::Delete,
        Some("SELECT") => StatementKind::Select,
        Some("CREATE" | "DROP" | "ALTER") => StatementKind::Ddl,
        _ => StatementKind::Raw,
    }
}

fn as_params(params: &[Typed]) -> Vec<Param<'_>> {
    params
        .iter()
        .map(|p| Param::Ref(p.value.as_ref()))
        .collect()
}
