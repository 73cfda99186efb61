//! What differs between tables as the code declares them and as a database has them.

mod compare;
mod essence;

pub(crate) use compare::compare;

use std::fmt::{self, Display};

use crate::schema::{Column, ColumnType, ForeignKey, Generated, ReferentialAction};

/// One thing that differs between the code and the database. Its text is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// A table that is on one side only.
    Table {
        /// The table.
        table: String,
        /// Where it is.
        only_in: Side,
    },
    /// A column that is on one side only.
    Column {
        /// The table.
        table: String,
        /// The column.
        column: Column,
        /// Where it is.
        only_in: Side,
    },
    /// A column of two types.
    Type {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The type that is declared.
        code: ColumnType,
        /// The type that was found.
        database: ColumnType,
    },
    /// A column that may be NULL on one side only.
    Nullable {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Where it may be NULL.
        only_in: Side,
    },
    /// A column whose value is made by others: another default, or counted on one side only.
    Generated {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What is declared.
        code: Generated,
        /// What was found.
        database: Generated,
    },
    /// Another comment of a table or of a column, where the database has comments.
    Comment {
        /// The table.
        table: String,
        /// The column, if it is one's.
        column: Option<String>,
        /// What is declared.
        code: Option<String>,
        /// What was found.
        database: Option<String>,
    },
    /// A constraint or an index that is declared with another name than it has.
    Name {
        /// The table.
        table: String,
        /// What it is, with its columns: `UNIQUE (name)`.
        what: String,
        /// The name that is declared.
        code: String,
        /// The name that was found.
        database: String,
    },
    /// Two primary keys.
    PrimaryKey {
        /// The table.
        table: String,
        /// The columns that are declared, in order.
        code: Vec<String>,
        /// The columns that were found, in order.
        database: Vec<String>,
    },
    /// A UNIQUE constraint that is on one side only.
    Unique {
        /// The table.
        table: String,
        /// Its columns, in order.
        columns: Vec<String>,
        /// Where it is.
        only_in: Side,
    },
    /// An index that is on one side only.
    Index {
        /// The table.
        table: String,
        /// Its columns, in order.
        columns: Vec<String>,
        /// Where it is.
        only_in: Side,
    },
    /// A foreign key that is on one side only.
    ForeignKey {
        /// The table.
        table: String,
        /// The foreign key; its name plays no part.
        key: ForeignKey,
        /// Where it is.
        only_in: Side,
    },
}

/// The two sides of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// What the program declares.
    Code,
    /// What the database has.
    Database,
}

impl Difference {
    /// The table that it is about.
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
        Generated::Key => "counted keys".to_owned(),
        Generated::KeyNeverReused => "counted keys that are never reused".to_owned(),
        Generated::Default(expression) => format!("the default {expression}"),
        Generated::Computed(expression) => format!("computed as {expression}"),
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
