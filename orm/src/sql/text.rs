//! SQL as text, with typed parameters and rows.

use std::fmt::{self, Debug};
use std::marker::PhantomData;

use crate::backend::{Row, Sql, StatementKind};
use crate::dialect::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::render::{Argument, Rendered};
use crate::sql::{FromRow, Read, Write};
use crate::value::{ColumnValue, Param, Value, ValueType};

/// A statement written by hand, in the database's own SQL. Made by [`text`].
#[derive(Clone, Debug)]
pub struct TextStatement {
    text: String,
    params: Vec<(Value, ValueType)>,
}

/// A query written by hand, whose rows are read as `R`. Made by [`TextStatement::read_as`].
pub struct TextQuery<R> {
    statement: TextStatement,
    marker: PhantomData<fn() -> R>,
}

/// A row that has as many columns as `R`, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exactly<R>(pub R);

/// The parameters of a statement written by hand: `()`, a tuple of up to eight values, an array or a `Vec`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of parameters",
    note = "give `()`, a tuple like `(1, \"ann\")`, an array or a `Vec` of values"
)]
pub trait Params {
    /// The values, each with its type.
    fn into_params(self) -> Vec<(Value, ValueType)>;
}

/// One parameter: a value of any column type, or a `&str`.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a parameter")]
pub trait Parameter {
    /// The value and its type.
    fn into_parameter(self) -> (Value, ValueType);
}

/// A statement written by hand. Each `?` outside of quotes and comments is a parameter, whatever the database's own placeholders are; `??`
/// is a question mark. Nothing that a user typed may be in the text.
pub fn text(text: impl Into<String>, params: impl Params) -> TextStatement {
    TextStatement {
        text: text.into(),
        params: params.into_params(),
    }
}

impl TextStatement {
    /// Says what its rows are read as; a row of another width is an error.
    pub fn read_as<R: FromRow>(self) -> TextQuery<R> {
        TextQuery {
            statement: self,
            marker: PhantomData,
        }
    }

    /// Whether it begins as a SELECT; what begins otherwise may write.
    pub(crate) fn is_select(&self) -> bool {
        let word = self.text.split_whitespace().next().unwrap_or_default();
        word.eq_ignore_ascii_case("select")
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
                "the text has {params} parameters, and {} were given",
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
    /// A question mark that is none.
    Mark,
}

/// Cuts a text at its question marks, those in quotes and comments left out.
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

/// How far it is to the end of what was opened; to the end of the text if it never closes.
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

    /// The text as it is: it has its own limit.
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
            let message = format!("a row of {found} columns, to be read as {}", types.len());
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
            // `ColumnValue::to_param` gives a value or NULL.
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
