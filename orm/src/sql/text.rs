//! Raw SQL with typed parameters and rows.

use std::fmt::{self, Debug};
use std::marker::PhantomData;

use crate::backend::{Row, Sql, StatementKind, leading_words, without_comments};
use crate::dialect::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::render::{Argument, Rendered};
use crate::sql::{FromRow, Read, Write};
use crate::value::{ColumnValue, Param, Value, ValueType};

/// A raw SQL statement. Built by [`text`].
#[derive(Clone, Debug)]
pub struct TextStatement {
    text: String,
    params: Vec<(Value, ValueType)>,
}

/// A raw SQL query with rows of type `R`. Built by [`TextStatement::read_as`].
pub struct TextQuery<R> {
    statement: TextStatement,
    marker: PhantomData<fn() -> R>,
}

/// A row with exactly as many columns as `R`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exactly<R>(pub R);

/// The parameters of raw SQL: `()`, a tuple of up to eight values, an array or a `Vec`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of parameters",
    note = "give `()`, a tuple like `(1, \"ann\")`, an array or a `Vec` of values"
)]
pub trait Params {
    /// Returns the values with their types.
    fn into_params(self) -> Vec<(Value, ValueType)>;
}

/// One parameter: a value of any column type, or a `&str`.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a parameter")]
pub trait Parameter {
    /// Returns the value with its type.
    fn into_parameter(self) -> (Value, ValueType);
}

/// Creates a raw SQL statement. Each `?` outside quotes and comments is a placeholder, whatever the database uses; `??` is a question
/// mark. The text must not contain user input.
pub fn text(text: impl Into<String>, params: impl Params) -> TextStatement {
    TextStatement {
        text: text.into(),
        params: params.into_params(),
    }
}

impl TextStatement {
    /// Sets the type of the rows; a row with another number of columns is an error.
    pub fn read_as<R: FromRow>(self) -> TextQuery<R> {
        TextQuery {
            statement: self,
            marker: PhantomData,
        }
    }

    /// Whether the text begins with SELECT or VALUES, after comments and parentheses; any other statement may write.
    pub(crate) fn is_select(&self) -> bool {
        let mut text = self.text.as_str();
        loop {
            text = without_comments(text);
            match text.strip_prefix('(') {
                Some(rest) => text = rest,
                None => break,
            }
        }
        let [word, ..] = leading_words(text);
        ["select", "values"]
            .iter()
            .any(|read| word.eq_ignore_ascii_case(read))
    }

    fn render(&self, dialect: &dyn Dialect, columns: Vec<ValueType>) -> Result<Rendered> {
        let mut out = String::with_capacity(self.text.len() + self.params.len());
        let mut params = 0;
        for piece in pieces(&self.text) {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Mark => out.push('?'),
                Piece::Parameter => {
                    let ty = self.params.get(params).map_or(ValueType::Native, |p| p.1);
                    params += 1;
                    dialect.placeholder(params, ty, &mut out);
                }
            }
        }
        if params != self.params.len() {
            let message = format!(
                "the text has {params} placeholders, but {} parameters were given",
                self.params.len()
            );
            return Err(Error::new(ErrorKind::InvalidStatement, message).statement(&self.text));
        }
        let types: Vec<ValueType> = self.params.iter().map(|(_, ty)| *ty).collect();
        let values = self.params.iter().map(|(value, _)| value.clone());
        Ok(Rendered {
            sql: Sql::new(StatementKind::Raw, out, types, columns),
            arguments: values.map(Argument::Value).collect(),
        })
    }
}

enum Piece<'a> {
    Text(&'a str),
    Parameter,
    /// An escaped question mark.
    Mark,
}

/// Splits a text at its question marks, except those in quotes and comments.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let skipped = match c {
            '\'' | '"' | '`' => closing(rest, 1, &rest[..1]),
            '-' if rest.starts_with("--") => closing(rest, 2, "\n"),
            '/' if rest.starts_with("/*") => closing(rest, 2, "*/"),
            '?' => {
                pieces.push(Piece::Text(&text[from..at]));
                let doubled = rest.starts_with("??");
                pieces.push(if doubled {
                    Piece::Mark
                } else {
                    Piece::Parameter
                });
                at += if doubled { 2 } else { 1 };
                from = at;
                continue;
            }
            c => c.len_utf8(),
        };
        at += skipped;
    }
    pieces.push(Piece::Text(&text[from..]));
    pieces
}

/// The length up to and including the closing delimiter, or the whole length if there is none.
fn closing(text: &str, opened: usize, close: &str) -> usize {
    let found = text[opened..].find(close);
    found.map_or(text.len(), |at| opened + at + close.len())
}

impl Write for TextStatement {
    fn rendered(&self, dialect: &dyn Dialect) -> Result<Vec<Rendered>> {
        Ok(vec![self.render(dialect, Vec::new())?])
    }
}

impl<R: FromRow> Read for TextQuery<R> {
    type Row = Exactly<R>;

    fn may_write(&self) -> bool {
        !self.statement.is_select()
    }

    /// Ignores the limit: the text is not changed.
    fn rendered(&self, dialect: &dyn Dialect, _limit: Option<u64>) -> Result<Rendered> {
        let mut columns = Vec::new();
        R::types(&mut columns);
        self.statement.render(dialect, columns)
    }
}

impl<R: FromRow> FromRow for Exactly<R> {
    fn types(out: &mut Vec<ValueType>) {
        R::types(out);
    }

    fn from_row(row: &dyn Row, at: usize) -> Result<Self> {
        let mut types = Vec::new();
        R::types(&mut types);
        let found = row.len() - at.min(row.len());
        if found != types.len() {
            let message = format!(
                "the row has {found} columns, but its type has {}",
                types.len()
            );
            return Err(Error::new(ErrorKind::Conversion, message));
        }
        R::from_row(row, at).map(Exactly)
    }
}

impl<T: ColumnValue> Parameter for T {
    fn into_parameter(self) -> (Value, ValueType) {
        let value = match self.to_param() {
            Param::Ref(value) => value.to_owned(),
            Param::Owned(value) => value,
            // `ColumnValue::to_param` returns a value or NULL.
            Param::Column(_) => Value::Null,
        };
        (value, T::TYPE)
    }
}

impl Parameter for &str {
    fn into_parameter(self) -> (Value, ValueType) {
        (Value::Text(self.to_owned()), ValueType::Text)
    }
}

impl Params for () {
    fn into_params(self) -> Vec<(Value, ValueType)> {
        Vec::new()
    }
}

impl<P: Parameter> Params for Vec<P> {
    fn into_params(self) -> Vec<(Value, ValueType)> {
        self.into_iter().map(P::into_parameter).collect()
    }
}

impl<P: Parameter, const N: usize> Params for [P; N] {
    fn into_params(self) -> Vec<(Value, ValueType)> {
        self.into_iter().map(P::into_parameter).collect()
    }
}

macro_rules! tuples {
    ($($($name:ident $index:tt),*;)*) => {$(
        impl<$($name: Parameter),*> Params for ($($name,)*) {
            fn into_params(self) -> Vec<(Value, ValueType)> {
                vec![$(self.$index.into_parameter()),*]
            }
        }
    )*};
}
tuples!(
    A 0;
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
);

impl<R> Debug for TextQuery<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.statement.fmt(f)
    }
}
