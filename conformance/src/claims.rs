//! Targets with changed capabilities: the suite must also pass on a target that claims less than it can do.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use selfsame::Result;
use selfsame::backend::{
    Backend, Connection, Interrupter, Outcome, Row, Rows, Sql, Statement, Statistics,
};
use selfsame::dialect::{
    Batch, Begin, Capabilities, DatePart, Dialect, GeneratedKey, JsonStep, TextMatch, Transaction,
    Upsert,
};
use selfsame::schema::{Column, ColumnType, ReferentialAction, Table};
use selfsame::value::ValueType;

use crate::target::{Fresh, Silenceable, Target};

/// Changes the claimed capabilities.
type Change = Arc<dyn Fn(Capabilities) -> Capabilities + Send + Sync>;

/// Changes reflected tables.
type ChangeTables = Arc<dyn Fn(&mut [Table]) + Send + Sync>;

/// Changes the capabilities that a target claims, to check that the suite needs only claimed capabilities, or to try further claims.
///
/// ```no_run
/// # use std::sync::Arc;
/// # fn target() -> Arc<dyn selfsame_conformance::Target> { unimplemented!() }
/// use selfsame::dialect::Capabilities;
/// use selfsame_conformance::{claiming, run, Options};
///
/// let modest = claiming(target(), "nothing claimed", |_| Capabilities::none());
/// assert_eq!(run(&[modest], &Options::default(), &mut ()).exit_code(), 0);
/// ```
pub fn claiming(
    target: Arc<dyn Target>,
    name: impl Into<String>,
    change: impl Fn(Capabilities) -> Capabilities + Send + Sync + 'static,
) -> Arc<dyn Target> {
    Arc::new(Claiming {
        inner: target,
        name: name.into(),
        change: Arc::new(change),
        keys: Keys::Reported,
    })
}

/// Makes the target report generated keys only by RETURNING: the outcome of an INSERT has no key.
pub fn without_reported_keys(target: Arc<dyn Target>, name: impl Into<String>) -> Arc<dyn Target> {
    Arc::new(Claiming {
        inner: target,
        name: name.into(),
        change: Arc::new(|all| all),
        keys: Keys::Hidden,
    })
}

/// Returns the backend with its reflected tables changed.
pub(crate) fn reflecting(
    inner: Arc<dyn Backend>,
    change: impl Fn(&mut [Table]) + Send + Sync + 'static,
) -> Arc<dyn Backend> {
    Arc::new(ClaimingBackend {
        dialect: ClaimingDialect {
            inner: Arc::clone(&inner),
            change: Arc::new(|all| all),
            keys: Keys::Reported,
            reflected: Some(Arc::new(change)),
        },
        inner,
    })
}

/// Whether outcomes report generated keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    Reported,
    Hidden,
}

struct Claiming {
    inner: Arc<dyn Target>,
    name: String,
    change: Change,
    keys: Keys,
}

impl Target for Claiming {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> String {
        format!("{}, {}", self.inner.description(), self.name)
    }

    fn fresh(&self) -> Result<Box<dyn Fresh>> {
        Ok(Box::new(FreshClaiming {
            inner: self.inner.fresh()?,
            change: Arc::clone(&self.change),
            keys: self.keys,
        }))
    }
}

struct FreshClaiming {
    inner: Box<dyn Fresh>,
    change: Change,
    keys: Keys,
}

impl FreshClaiming {
    fn claiming(&self, inner: Arc<dyn Backend>) -> Arc<dyn Backend> {
        Arc::new(ClaimingBackend {
            dialect: ClaimingDialect {
                inner: Arc::clone(&inner),
                change: Arc::clone(&self.change),
                keys: self.keys,
                reflected: None,
            },
            inner,
        })
    }
}

impl Fresh for FreshClaiming {
    fn backend(&self) -> Arc<dyn Backend> {
        self.claiming(self.inner.backend())
    }

    fn silenceable(&self) -> Option<Silenceable> {
        let silenceable = self.inner.silenceable()?;
        Some(silenceable.wrapped(|inner| self.claiming(inner)))
    }
}

#[derive(Debug)]
struct ClaimingBackend {
    inner: Arc<dyn Backend>,
    dialect: ClaimingDialect,
}

impl Backend for ClaimingBackend {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        let inner = self.inner.connect()?;
        Ok(match self.dialect.keys {
            Keys::Reported => inner,
            Keys::Hidden => Box::new(HidesKeys { inner }),
        })
    }

    fn dialect(&self) -> &dyn Dialect {
        &self.dialect
    }

    fn knows_dialect(&self) -> bool {
        self.inner.knows_dialect()
    }
}

struct ClaimingDialect {
    inner: Arc<dyn Backend>,
    change: Change,
    keys: Keys,
    reflected: Option<ChangeTables>,
}

impl fmt::Debug for ClaimingDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimingDialect")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

/// Forwards methods to the inner value.
macro_rules! forward {
    ($($name:ident($($argument:ident: $ty:ty),*) $(-> $result:ty)?;)*) => {$(
        fn $name(&self $(, $argument: $ty)*) $(-> $result)? {
            self.inner.dialect().$name($($argument),*)
        }
    )*};
}

impl Dialect for ClaimingDialect {
    fn capabilities(&self) -> Capabilities {
        (self.change)(self.inner.dialect().capabilities())
    }

    fn reports_generated_keys(&self) -> bool {
        self.keys == Keys::Reported && self.inner.dialect().reports_generated_keys()
    }

    fn last_key(&self, table: &Table) -> Option<String> {
        match self.keys {
            Keys::Reported => self.inner.dialect().last_key(table),
            Keys::Hidden => None,
        }
    }

    fn reflect(
        &self,
        connection: &mut dyn Connection,
        schemas: &[Option<String>],
    ) -> Result<Vec<Table>> {
        let mut tables = self.inner.dialect().reflect(connection, schemas)?;
        if let Some(change) = &self.reflected {
            change(&mut tables);
        }
        Ok(tables)
    }

    fn referring_tables(
        &self,
        connection: &mut dyn Connection,
        table: &Table,
    ) -> Result<Vec<Table>> {
        let mut tables = self.inner.dialect().referring_tables(connection, table)?;
        if let Some(change) = &self.reflected {
            change(&mut tables);
        }
        Ok(tables)
    }

    fn function<'n>(&self, name: &'n str) -> &'n str {
        self.inner.dialect().function(name)
    }

    forward! {
        name() -> &str;
        column_type(ty: &ColumnType) -> Cow<'static, str>;
        batch() -> Batch;
        quote(identifier: &str, out: &mut String);
        placeholder(index: usize, ty: ValueType, out: &mut String);
        literal(text: &str, out: &mut String);
        limit(limit: Option<u64>, offset: Option<u64>, out: &mut String);
        null_safe_equality(negated: bool) -> [&'static str; 3];
        like(negated: bool) -> [&'static str; 3];
        default_row() -> &'static str;
        row_list() -> &'static str;
        upsert() -> Upsert;
        share_lock() -> &'static str;
        limits_in_subqueries() -> bool;
        ddl_commits() -> bool;
        computes_decimals() -> bool;
        assigns_in_sequence() -> bool;
        default_value(expression: &str, out: &mut String);
        deletes_own_references() -> bool;
        key_type(ty: &ColumnType, parts: usize) -> Cow<'static, str>;
        integer_division() -> &'static str;
        replace(operands: [&str; 3], out: &mut String);
        keys_need_same_width() -> bool;
        supports_set_default() -> bool;
        supports_deferrable_uniques() -> bool;
        reflected_action(action: ReferentialAction) -> ReferentialAction;
        max_json_depth() -> Option<usize>;
        table_options() -> &'static str;
        computed_columns_can_be_not_null() -> bool;
        excluded(column: &str, out: &mut String);
        is_same_type(one: &ColumnType, other: &ColumnType) -> bool;
        text_form(ty: &ColumnType) -> Option<Cow<'static, str>>;
        read_text(operand: &str, ty: &ColumnType, out: &mut String);
        compared(column: &str, ty: &ColumnType) -> Option<String>;
        equal_forms(parameter: &str, ty: &ColumnType) -> Vec<String>;
        least_form(parameter: &str, ty: &ColumnType) -> Option<String>;
        canonical_form(operand: &str, ty: &ColumnType) -> Option<String>;
        ordered_form(operand: &str, ty: &ColumnType) -> Option<String>;
        converts_what_it_stores() -> bool;
        create_enum(name: &str, labels: &[String]) -> Option<String>;
        drop_enum(name: &str) -> Option<String>;
        overriding() -> &'static str;
        comment(object: &str, text: &str) -> Option<String>;
        comment_clause(text: &str) -> Option<String>;
        has_comments() -> bool;
        cast_type(ty: &ColumnType) -> Cow<'static, str>;
        cast(operand: &str, ty: &ColumnType, out: &mut String);
        json_text(document: &str, path: &[JsonStep], out: &mut String);
        date_part(part: DatePart, value: &str, ty: ValueType, out: &mut String);
        array_type(ty: &ColumnType) -> Cow<'static, str>;
        list_query(list: &str, ty: ValueType) -> Option<String>;
        generated_key(column: &Column) -> GeneratedKey;
        index_of_generated_key() -> Option<&'static str>;
        computed_column(expression: &str, out: &mut String);
        begin(begin: &Begin) -> String;
        transaction(command: &Transaction<'_>) -> String;
        table_exists() -> String;
        table_exists_in_schema() -> String;
        schemas_are_databases() -> bool;
        schemas(connection: &mut dyn Connection) -> Result<Vec<(String, u64)>>;
        text_match(test: TextMatch, subject: &str, pattern: &str, out: &mut String);
    }
}

/// A connection whose outcomes have no generated keys.
#[derive(Debug)]
struct HidesKeys {
    inner: Box<dyn Connection>,
}

impl Connection for HidesKeys {
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome> {
        let outcome = self.inner.execute(statement)?;
        Ok(Outcome::matched(outcome.matched))
    }

    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        self.inner.query(statement, sink)
    }

    fn execute_each(
        &mut self,
        sql: &Sql,
        rows: Rows<'_>,
        each: &mut dyn FnMut(Outcome) -> Result<()>,
    ) -> Result<()> {
        self.inner.execute_each(sql, rows, &mut |outcome| {
            each(Outcome::matched(outcome.matched))
        })
    }

    fn transaction(&mut self, command: &Transaction<'_>, sql: &Sql) -> Result<()> {
        self.inner.transaction(command, sql)
    }

    fn interrupter(&self) -> Option<Interrupter> {
        self.inner.interrupter()
    }

    fn is_open(&self) -> bool {
        self.inner.is_open()
    }

    fn reset(&mut self, used_raw_sql: bool) -> Result<()> {
        self.inner.reset(used_raw_sql)
    }

    fn columns_set_by_updates(&mut self, table: &Table) -> Result<Vec<String>> {
        self.inner.columns_set_by_updates(table)
    }

    fn server_version(&mut self) -> Result<String> {
        self.inner.server_version()
    }

    fn statistics(&mut self) -> Result<Option<Statistics>> {
        self.inner.statistics()
    }
}

#[cfg(test)]
mod tests {
    /// Returns the names of the functions that a source declares, in a trait or in the forwarded list.
    fn declared(text: &str, begins: &str) -> Vec<String> {
        let mut names: Vec<String> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix(begins))
            .filter_map(|rest| rest.split_once('('))
            .map(|(name, _)| name.to_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn every_method_of_a_dialect_is_forwarded() {
        let dialect = include_str!("../../orm/src/dialect.rs");
        let begin = dialect.find("pub trait Dialect").expect("the trait");
        let end = begin + dialect[begin..].find("\n}\n").expect("its end");
        let mut wanted = declared(&dialect[begin..end], "fn ");
        wanted.retain(|name| {
            ![
                "capabilities",
                "last_key",
                "reports_generated_keys",
                "reflect",
                "referring_tables",
                "function<'n>",
            ]
            .contains(&name.as_str())
        });
        let own = include_str!("claims.rs");
        let begin = own.find("    forward! {").expect("the list");
        let end = begin + own[begin..].find("\n    }\n").expect("its end");
        assert_eq!(declared(&own[begin..end], ""), {
            wanted.sort();
            wanted
        });
    }
}
