//! `Writer`: a statement with expressions while it is written.

use super::text::Text;
use crate::backend::{Sql, StatementKind};
use crate::dialect::{Batch, Dialect};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Table;
use crate::sql::tree::ColumnRef;
use crate::value::{Param, Value, ValueRef, ValueType};

/// A rendered statement with its parameters.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The text, with the types of parameters and columns.
    pub sql: Sql,
    /// One parameter for each placeholder, in order.
    pub arguments: Vec<Argument>,
}

/// An owned parameter of a rendered statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// One value.
    Value(Value),
    /// A whole list as one array, if the dialect uses [`Batch::Arrays`].
    Array(Vec<Value>),
}

impl Rendered {
    /// Calls `run` with the parameters in the form that a connection takes.
    pub fn with_params<T>(&self, run: impl FnOnce(&[Param<'_>]) -> T) -> T {
        let arrays: Vec<Vec<ValueRef<'_>>> = self
            .arguments
            .iter()
            .map(|argument| match argument {
                Argument::Value(_) => Vec::new(),
                Argument::Array(values) => values.iter().map(Value::as_ref).collect(),
            })
            .collect();
        let params: Vec<Param<'_>> = self
            .arguments
            .iter()
            .zip(&arrays)
            .map(|(argument, array)| match argument {
                Argument::Value(value) => Param::Ref(value.as_ref()),
                Argument::Array(_) => Param::Column(array),
            })
            .collect();
        run(&params)
    }
}

/// The form in which column names are written.
#[derive(Clone, Copy)]
pub(super) enum Names<'a> {
    /// Unqualified: this is the only table.
    Bare(&'a Table),
    /// Qualified with their tables.
    Qualified,
}

/// The form in which lists of values are written.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Lists {
    Parameters,
    /// With as few parameters as possible, because there were too many: a list as one parameter, or its integers as literals.
    Literals,
}

/// A statement with expressions being written.
pub(super) struct Writer<'a> {
    pub(super) text: Text<'a>,
    pub(super) names: Names<'a>,
    /// The names of the tables in scope, including those of outer queries.
    pub(super) scopes: Vec<String>,
    pub(super) arguments: Vec<Argument>,
    pub(super) lists: Lists,
    error: Option<Error>,
    /// Whether this is a subquery, whose values are not returned to the program.
    pub(super) is_nested: bool,
    /// Whether the next query must return equal values in one form.
    pub(super) is_in_one_form: bool,
    /// Whether this is the condition of an index, which the database must recognize: names are bare, and values are literals.
    pub(super) is_of_index: bool,
    /// The column that takes the value being written, if every parameter of it may become the column's value.
    pub(super) destination: Option<ColumnRef>,
}

/// Writes a statement, and writes it again with lists as literals if it has too many parameters for the database.
pub(super) fn write<'a>(
    dialect: &'a dyn Dialect,
    names: Names<'a>,
    kind: StatementKind,
    columns: Vec<ValueType>,
    body: impl Fn(&mut Writer<'a>),
) -> Result<Rendered> {
    let attempt = |lists| {
        let mut writer = Writer::new(dialect, names, lists, 192);
        body(&mut writer);
        match writer.error.take() {
            Some(error) => Err(error),
            None => Ok(writer),
        }
    };
    let mut writer = attempt(Lists::Parameters)?;
    if !writer.arguments.is_empty()
        && let Some(most) = max_parameters_of(dialect)
        && writer.arguments.len() > most
    {
        writer = attempt(Lists::Literals)?;
        if writer.arguments.len() > most {
            return Err(too_many(writer.arguments.len(), most, dialect));
        }
    }
    Ok(Rendered {
        sql: writer.text.finish(kind, columns),
        arguments: writer.arguments,
    })
}

/// Writes a statement without expressions, whose parameters are bound later.
pub(super) fn unbound<'a>(
    dialect: &'a dyn Dialect,
    names: Names<'a>,
    kind: StatementKind,
    columns: Vec<ValueType>,
    capacity: usize,
    body: impl FnOnce(&mut Writer<'a>),
) -> Sql {
    let mut writer = Writer::new(dialect, names, Lists::Parameters, capacity);
    body(&mut writer);
    debug_assert!(writer.error.is_none() && writer.arguments.is_empty());
    writer.text.finish(kind, columns)
}

/// The maximum number of parameters of a statement: the capability, or else the limit of a batch.
pub(crate) fn max_parameters_of(dialect: &dyn Dialect) -> Option<usize> {
    dialect
        .capabilities()
        .max_parameters
        .or_else(|| match dialect.batch() {
            Batch::Values { max_parameters } => Some(max_parameters),
            _ => None,
        })
}

#[cold]
fn too_many(found: usize, most: usize, dialect: &dyn Dialect) -> Error {
    Error::new(
        ErrorKind::OutOfRange,
        format!(
            "the statement has {found} parameters, but {} allows {most}: split its list of values (lists of integers can have any length)",
            dialect.name()
        ),
    )
}

impl<'a> Writer<'a> {
    fn new(dialect: &'a dyn Dialect, names: Names<'a>, lists: Lists, capacity: usize) -> Self {
        Self {
            text: Text::with_capacity(dialect, capacity),
            names,
            scopes: Vec::new(),
            arguments: Vec::new(),
            lists,
            error: None,
            is_nested: false,
            is_in_one_form: false,
            is_of_index: false,
            destination: None,
        }
    }

    pub(super) fn push(&mut self, text: &str) {
        self.text.push(text);
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    /// Brings tables into scope while `write` runs.
    pub(super) fn reading<'n>(
        &mut self,
        names: impl IntoIterator<Item = &'n str>,
        write: impl FnOnce(&mut Self),
    ) {
        let before = self.scopes.len();
        for name in names {
            if self.scopes[before..].iter().any(|other| other == name) {
                let message = format!(
                    "the query uses the name `{name}` for two tables: give one of them another name with `alias`"
                );
                self.fail(Error::new(ErrorKind::InvalidStatement, message).entity(name));
            }
            self.scopes.push(name.to_owned());
        }
        write(self);
        self.scopes.truncate(before);
    }
}
