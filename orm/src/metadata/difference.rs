//! Differences between the tables that the code declares and those of a database.

mod compare;
mod essence;

pub(crate) use compare::compare;

use std::fmt::{self, Display};

use crate::schema::{Column, ColumnType, Deferrable, ForeignKey, Generated, ReferentialAction};

/// One difference between the code and the database. `Display` writes it as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// A table that exists on one side only.
    Table {
        /// The table.
        table: String,
        /// Where it is.
        only_in: Side,
    },
    /// A column that exists on one side only.
    Column {
        /// The table.
        table: String,
        /// The column.
        column: Column,
        /// Where it is.
        only_in: Side,
    },
    /// A column whose types differ.
    Type {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The declared type.
        code: ColumnType,
        /// The type in the database.
        database: ColumnType,
    },
    /// A column that is nullable on one side only.
    Nullable {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Where it is nullable.
        only_in: Side,
    },
    /// A column whose generation differs: its default, its computation, or whether it is a generated key.
    Generated {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The declared one.
        code: Generated,
        /// The one in the database.
        database: Generated,
    },
    /// A comment of a table or a column that differs, if the database supports comments.
    Comment {
        /// The table.
        table: String,
        /// The column, if it is a column's comment.
        column: Option<String>,
        /// The declared one.
        code: Option<String>,
        /// The one in the database.
        database: Option<String>,
    },
    /// A constraint or an index whose declared name differs.
    Name {
        /// The table.
        table: String,
        /// The constraint or index, with its columns: `UNIQUE (name)`.
        what: String,
        /// The declared name.
        code: String,
        /// The name in the database.
        database: String,
    },
    /// Primary keys that differ.
    PrimaryKey {
        /// The table.
        table: String,
        /// The declared columns, in order.
        code: Vec<String>,
        /// The columns in the database, in order.
        database: Vec<String>,
    },
    /// A UNIQUE constraint that exists on one side only.
    Unique {
        /// The table.
        table: String,
        /// Its columns, in order.
        columns: Vec<String>,
        /// Where it is.
        only_in: Side,
    },
    /// A UNIQUE constraint that is checked at another time.
    Deferrable {
        /// The table.
        table: String,
        /// Its columns, in order.
        columns: Vec<String>,
        /// When the declared one is checked.
        code: Deferrable,
        /// When the one in the database is checked.
        database: Deferrable,
    },
    /// An index that exists on one side only.
    Index {
        /// The table.
        table: String,
        /// Its columns, in order.
        columns: Vec<String>,
        /// Where it is.
        only_in: Side,
    },
    /// A foreign key that exists on one side only.
    ForeignKey {
        /// The table.
        table: String,
        /// The foreign key; its name is not compared.
        key: ForeignKey,
        /// Where it is.
        only_in: Side,
    },
}

/// The two sides of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The tables that the program declares.
    Code,
    /// The tables of the database.
    Database,
}

impl Difference {
    /// Returns the name of the table concerned.
    pub fn table(&self) -> &str {
        match self {
            Self::Table { table, .. }
            | Self::Column { table, .. }
            | Self::Type { table, .. }
            | Self::Nullable { table, .. }
            | Self::Generated { table, .. }
            | Self::Comment { table, .. }
            | Self::Name { table, .. }
            | Self::PrimaryKey { table, .. }
            | Self::Unique { table, .. }
            | Self::Deferrable { table, .. }
            | Self::Index { table, .. }
            | Self::ForeignKey { table, .. } => table,
        }
    }
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = |side: &Side| match side {
            Side::Code => "is missing in the database",
            Side::Database => "is in the database only",
        };
        match self {
            Self::Table { table, only_in } => write!(f, "{table}: the table {}", missing(only_in)),
            Self::Column {
                table,
                column,
                only_in,
            } => write!(
                f,
                "{table}.{}: the column {}",
                column.name,
                missing(only_in)
            ),
            Self::Type {
                table,
                column,
                code,
                database,
            } => write!(
                f,
                "{table}.{column}: the type is {code:?} in the code and {database:?} in the database"
            ),
            Self::Nullable {
                table,
                column,
                only_in: Side::Code,
            } => write!(f, "{table}.{column}: may be NULL in the code only"),
            Self::Nullable { table, column, .. } => {
                write!(f, "{table}.{column}: may be NULL in the database only")
            }
            Self::Generated {
                table,
                column,
                code,
                database,
            } => write!(
                f,
                "{table}.{column}: has {} in the code and {} in the database",
                maker(code),
                maker(database)
            ),
            Self::Comment {
                table,
                column,
                code,
                database,
            } => {
                let dot = if column.is_some() { "." } else { "" };
                let column = column.as_deref().unwrap_or_default();
                let shown = |text: &Option<String>| match text {
                    Some(text) => format!("{text:?}"),
                    None => "none".to_owned(),
                };
                write!(
                    f,
                    "{table}{dot}{column}: the comment is {} in the code and {} in the database",
                    shown(code),
                    shown(database)
                )
            }
            Self::Name {
                table,
                what,
                code,
                database,
            } => write!(
                f,
                "{table}: {what} is called {code} in the code and {database} in the database"
            ),
            Self::PrimaryKey {
                table,
                code,
                database,
            } => write!(
                f,
                "{table}: the primary key is ({}) in the code and ({}) in the database",
                code.join(", "),
                database.join(", ")
            ),
            Self::Unique {
                table,
                columns,
                only_in,
            } => write!(
                f,
                "{table}: UNIQUE ({}) {}",
                columns.join(", "),
                missing(only_in)
            ),
            Self::Deferrable {
                table,
                columns,
                code,
                database,
            } => write!(
                f,
                "{table}: UNIQUE ({}) is {} in the code and {} in the database",
                columns.join(", "),
                timing(*code),
                timing(*database)
            ),
            Self::Index {
                table,
                columns,
                only_in,
            } => write!(
                f,
                "{table}: the index ({}) {}",
                columns.join(", "),
                missing(only_in)
            ),
            Self::ForeignKey {
                table,
                key,
                only_in,
            } => write!(f, "{table}: {} {}", clause(key), missing(only_in)),
        }
    }
}

fn maker(generated: &Generated) -> String {
    match generated {
        Generated::No => "no default".to_owned(),
        Generated::Key => "a generated key".to_owned(),
        Generated::KeyNeverReused => "a generated key that is never reused".to_owned(),
        Generated::Default(expression) => format!("the default {expression}"),
        Generated::Computed(expression) => format!("the computation {expression}"),
    }
}

fn timing(deferrable: Deferrable) -> &'static str {
    match deferrable {
        Deferrable::No => "not deferrable",
        Deferrable::InitiallyImmediate | Deferrable::InitiallyDeferred => deferrable.as_sql(),
    }
}

fn clause(key: &ForeignKey) -> String {
    let mut text = format!(
        "FOREIGN KEY ({}) REFERENCES {} ({})",
        key.columns.join(", "),
        key.table,
        key.references.join(", ")
    );
    for (when, action) in [("DELETE", key.on_delete), ("UPDATE", key.on_update)] {
        if action != ReferentialAction::NoAction {
            text.push_str(&format!(" ON {when} {}", action.as_sql()));
        }
    }
    text
}
