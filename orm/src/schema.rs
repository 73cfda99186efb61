//! Table definitions, as declared by mappings, written by `create_all` and read by reflection.

use crate::value::ValueType;

/// The type of a column. A [`Dialect`](crate::dialect::Dialect) turns it into the database's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ColumnType {
    /// True or false.
    Bool,
    /// 16-bit integer.
    I16,
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// Single precision float.
    F32,
    /// Double precision float.
    F64,
    /// Text of at most `length` characters, or of any length.
    Text {
        /// The maximum number of characters.
        length: Option<u32>,
    },
    /// Binary data.
    Bytes,
    /// An exact number: `precision` digits, `scale` of them after the decimal point, or without limits if `None`.
    Decimal {
        /// Precision and scale.
        precision: Option<(u32, u32)>,
    },
    /// UUID.
    Uuid,
    /// Date.
    Date,
    /// Time of day to the microsecond.
    Time,
    /// Date and time of day to the microsecond, no zone.
    Timestamp,
    /// Instant to the microsecond.
    TimestampTz,
    /// JSON document.
    Json,
    /// One of a set of labels, stored as text and restricted by a CHECK constraint.
    Enum {
        /// The name of the Rust enum, for messages.
        name: &'static str,
        /// The labels in declaration order.
        labels: &'static [&'static str],
    },
    /// One of a set of labels, stored as an enum type of the database where supported, otherwise as [`Enum`](Self::Enum).
    NativeEnum {
        /// The name of the database's type, as SQL writes it.
        name: String,
        /// The labels in declaration order.
        labels: Vec<String>,
    },
    /// An array; without support in the database, stored as text in PostgreSQL's form.
    Array(Box<ColumnType>),
    /// A database-specific type: `inet`, `tstzrange`. Its values are exchanged as the database's text.
    Other {
        /// The type's name, as SQL writes it, with its modifiers.
        name: String,
    },
    /// A neutral type in a database-specific form, which may round or pad what it stores: `timestamp(3)`, `datetime`,
    /// `binary(4)`. Written values that such a column may change are read again in the same flush.
    Declared {
        /// The type's name, as SQL writes it, with its modifiers.
        name: String,
        /// The neutral type that its values are exchanged as.
        of: ValueType,
    },
}

impl ColumnType {
    /// Creates the default column type of a neutral type.
    pub const fn of(ty: ValueType) -> Self {
        match ty {
            ValueType::Bool => Self::Bool,
            ValueType::I16 => Self::I16,
            ValueType::I32 => Self::I32,
            ValueType::I64 => Self::I64,
            ValueType::F32 => Self::F32,
            ValueType::F64 => Self::F64,
            ValueType::Text | ValueType::Native => Self::Text { length: None },
            ValueType::Bytes => Self::Bytes,
            ValueType::Decimal => Self::Decimal { precision: None },
            ValueType::Uuid => Self::Uuid,
            ValueType::Date => Self::Date,
            ValueType::Time => Self::Time,
            ValueType::Timestamp => Self::Timestamp,
            ValueType::TimestampTz => Self::TimestampTz,
            ValueType::Json => Self::Json,
        }
    }

    /// Creates a database-specific type by its name: for an enum, the native enum type of that name; for times and bytes a
    /// [`Declared`](Self::Declared) type; otherwise one whose values are exchanged as text.
    pub fn named(name: impl Into<String>, usual: Self) -> Self {
        let name = name.into();
        match usual {
            Self::Enum { labels, .. } => Self::NativeEnum {
                name,
                labels: labels.iter().map(|&label| label.to_owned()).collect(),
            },
            Self::NativeEnum { labels, .. } => Self::NativeEnum { name, labels },
            Self::Time | Self::Timestamp | Self::TimestampTz | Self::Bytes => Self::Declared {
                name,
                of: usual.value_type(),
            },
            Self::Declared { of, .. } => Self::Declared { name, of },
            _ => Self::Other { name },
        }
    }

    /// Returns the name and labels of a native enum type, or of that of an array's elements.
    pub fn native_enum(&self) -> Option<(&str, &[String])> {
        match self {
            Self::NativeEnum { name, labels } => Some((name, labels)),
            Self::Array(element) => element.native_enum(),
            _ => None,
        }
    }

    /// Returns the neutral type that the column's values are sent and read as.
    pub const fn value_type(&self) -> ValueType {
        match self {
            Self::Bool => ValueType::Bool,
            Self::I16 => ValueType::I16,
            Self::I32 => ValueType::I32,
            Self::I64 => ValueType::I64,
            Self::F32 => ValueType::F32,
            Self::F64 => ValueType::F64,
            Self::Text { .. }
            | Self::Enum { .. }
            | Self::NativeEnum { .. }
            | Self::Array(_)
            | Self::Other { .. } => ValueType::Text,
            Self::Bytes => ValueType::Bytes,
            Self::Decimal { .. } => ValueType::Decimal,
            Self::Uuid => ValueType::Uuid,
            Self::Date => ValueType::Date,
            Self::Time => ValueType::Time,
            Self::Timestamp => ValueType::Timestamp,
            Self::TimestampTz => ValueType::TimestampTz,
            Self::Json => ValueType::Json,
            Self::Declared { of, .. } => *of,
        }
    }
}

/// The source of a column's value if the program does not set it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Generated {
    /// The program must supply it.
    #[default]
    No,
    /// The database generates an integer key.
    Key,
    /// The database generates an integer key and never reuses one, not even a deleted maximum.
    KeyNeverReused,
    /// A DEFAULT clause: an SQL expression.
    Default(String),
    /// The database always computes it from the row's other columns: an SQL expression.
    Computed(String),
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in the database.
    pub name: String,
    /// Its type.
    pub ty: ColumnType,
    /// True if the column may be NULL.
    pub nullable: bool,
    /// The source of its value.
    pub generated: Generated,
    /// Its comment in the database.
    pub comment: Option<String>,
    /// True if reflection found that this role may not read it.
    pub unreadable: bool,
    /// Facts found by reflection that no other field can express, one sentence each.
    pub remarks: Vec<String>,
}

impl Column {
    /// Creates a NOT NULL column that the program fills.
    pub fn new(name: impl Into<String>, ty: ColumnType) -> Self {
        Self {
            name: name.into(),
            ty,
            nullable: false,
            generated: Generated::No,
            comment: None,
            unreadable: false,
            remarks: Vec::new(),
        }
    }

    /// Makes the column nullable.
    #[must_use]
    pub fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// Returns whether it is a generated key or another identity column.
    pub fn is_generated_key(&self) -> bool {
        matches!(self.generated, Generated::Key | Generated::KeyNeverReused)
    }

    /// Sets the source of its value.
    #[must_use]
    pub fn generated(mut self, generated: Generated) -> Self {
        self.generated = generated;
        self
    }
}

/// The database's action on referencing rows when the referenced row is deleted or its key changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReferentialAction {
    /// Refuses (NO ACTION).
    #[default]
    NoAction,
    /// Refuses at once (RESTRICT).
    Restrict,
    /// Follows (CASCADE).
    Cascade,
    /// Writes NULL (SET NULL).
    SetNull,
    /// Writes the column's default (SET DEFAULT).
    SetDefault,
}

impl ReferentialAction {
    /// Returns the action in SQL.
    pub const fn as_sql(self) -> &'static str {
        match self {
            Self::NoAction => "NO ACTION",
            Self::Restrict => "RESTRICT",
            Self::Cascade => "CASCADE",
            Self::SetNull => "SET NULL",
            Self::SetDefault => "SET DEFAULT",
        }
    }
}

/// A FOREIGN KEY constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The constraint's name; generated from table and columns if `None`.
    pub name: Option<String>,
    /// The referencing columns, by name, in order.
    pub columns: Vec<String>,
    /// The referenced table, by its full [name](Table::name).
    pub table: String,
    /// The schema of that table, if not the default one. [`Metadata`](crate::metadata::Metadata) sets it if the table is listed.
    pub schema: Option<String>,
    /// The referenced columns, in order.
    pub references: Vec<String>,
    /// ON DELETE.
    pub on_delete: ReferentialAction,
    /// ON UPDATE.
    pub on_update: ReferentialAction,
}

/// When a UNIQUE constraint is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Deferrable {
    /// At once, for each row.
    #[default]
    No,
    /// At the end of each statement, or at COMMIT after `SET CONSTRAINTS … DEFERRED`.
    InitiallyImmediate,
    /// At COMMIT, or at the end of each statement after `SET CONSTRAINTS … IMMEDIATE`.
    InitiallyDeferred,
}

impl Deferrable {
    /// Returns the clause in SQL; empty if the constraint is not deferrable.
    pub const fn as_sql(self) -> &'static str {
        match self {
            Self::No => "",
            Self::InitiallyImmediate => "DEFERRABLE",
            Self::InitiallyDeferred => "DEFERRABLE INITIALLY DEFERRED",
        }
    }
}

/// A UNIQUE constraint, or an index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Its name; generated from table and columns if `None`.
    pub name: Option<String>,
    /// The columns, by name, in order.
    pub columns: Vec<String>,
    /// When it is checked, if it is a UNIQUE constraint.
    pub deferrable: Deferrable,
}

/// A CHECK constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The constraint's name; generated from table and position if `None`.
    pub name: Option<String>,
    /// The SQL condition.
    pub condition: String,
}

/// The kind of a [`Table`] in the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TableKind {
    /// A table.
    #[default]
    Table,
    /// A view, or anything else that is read like a table: a materialized view, a foreign table, a virtual table of SQLite.
    /// Read-only; [`Metadata`](crate::metadata::Metadata) neither creates, drops nor compares it.
    View,
}

/// A table.
///
/// ```
/// use selfsame::schema::{Column, ColumnType, Generated, Table};
///
/// let users = Table::build("users")
///     .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
///     .column(Column::new("name", ColumnType::Text { length: Some(50) }))
///     .primary_key(["id"])
///     .unique(["name"]);
/// assert_eq!(users.position("name"), Some(1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name, unquoted, qualified with its schema if it has one: `sales.orders`.
    pub name: String,
    /// Its schema or attached database, if not the default one.
    pub schema: Option<String>,
    /// Its kind.
    pub kind: TableKind,
    /// Its comment in the database.
    pub comment: Option<String>,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// The positions of the primary key's columns, in the key's order.
    pub primary_key: Vec<usize>,
    /// Foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// UNIQUE constraints.
    pub uniques: Vec<Index>,
    /// Indexes that are not unique.
    pub indexes: Vec<Index>,
    /// CHECK constraints.
    pub checks: Vec<Check>,
    /// True if reflection found that this role may read none of its columns.
    pub unreadable: bool,
    /// True if reflection found that the table keeps what a rolled-back transaction wrote to it.
    pub without_transactions: bool,
    /// True if reflection found rules of PostgreSQL, by which writing to it may change other rows.
    pub has_rules: bool,
    /// Facts found by reflection that no other field can express, one sentence each: a partial index, an exclusion constraint.
    pub remarks: Vec<String>,
}

/// Returns the name of a table without its schema.
pub(crate) fn local_name<'n>(name: &'n str, schema: Option<&str>) -> &'n str {
    schema
        .and_then(|schema| name.strip_prefix(schema)?.strip_prefix('.'))
        .unwrap_or(name)
}

fn names<S: Into<String>>(columns: impl IntoIterator<Item = S>) -> Vec<String> {
    columns.into_iter().map(Into::into).collect()
}

impl Table {
    /// Creates a table without columns.
    pub fn build(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            schema: None,
            kind: TableKind::Table,
            comment: None,
            columns: Vec::new(),
            primary_key: Vec::new(),
            foreign_keys: Vec::new(),
            uniques: Vec::new(),
            indexes: Vec::new(),
            checks: Vec::new(),
            unreadable: false,
            without_transactions: false,
            has_rules: false,
            remarks: Vec::new(),
        }
    }

    /// Puts it into a schema: [`name`](Self::name) then begins with the schema's.
    ///
    /// ```
    /// use selfsame::schema::Table;
    ///
    /// let orders = Table::build("orders").in_schema("sales");
    /// assert_eq!((orders.name.as_str(), orders.local_name()), ("sales.orders", "orders"));
    /// ```
    #[must_use]
    pub fn in_schema(mut self, schema: impl Into<String>) -> Self {
        let schema = schema.into();
        self.name = format!("{schema}.{}", self.local_name());
        self.schema = Some(schema);
        self
    }

    /// Turns it into a view.
    #[must_use]
    pub fn view(mut self) -> Self {
        self.kind = TableKind::View;
        self
    }

    /// Returns whether it is a view.
    pub fn is_view(&self) -> bool {
        self.kind == TableKind::View
    }

    /// Returns its name inside its schema.
    pub fn local_name(&self) -> &str {
        local_name(&self.name, self.schema.as_deref())
    }

    /// Adds a column.
    #[must_use]
    pub fn column(mut self, column: Column) -> Self {
        self.columns.push(column);
        self
    }

    /// Sets the primary key.
    ///
    /// # Panics
    ///
    /// If the table has no column of that name: add the columns first.
    #[must_use]
    pub fn primary_key<S: AsRef<str>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.primary_key = columns
            .into_iter()
            .map(|name| {
                let name = name.as_ref();
                self.position(name).unwrap_or_else(|| {
                    panic!(
                        "table {}: the primary key names `{name}`, which is not a column",
                        self.name
                    )
                })
            })
            .collect();
        self
    }

    /// Adds a foreign key with the default actions on delete and update.
    #[must_use]
    pub fn foreign_key<A: Into<String>, B: Into<String>>(
        self,
        columns: impl IntoIterator<Item = A>,
        table: impl Into<String>,
        references: impl IntoIterator<Item = B>,
    ) -> Self {
        self.constraint(ForeignKey {
            name: None,
            columns: names(columns),
            table: table.into(),
            schema: None,
            references: names(references),
            on_delete: ReferentialAction::NoAction,
            on_update: ReferentialAction::NoAction,
        })
    }

    /// Adds a foreign key with all its parts.
    #[must_use]
    pub fn constraint(mut self, foreign_key: ForeignKey) -> Self {
        self.foreign_keys.push(foreign_key);
        self
    }

    /// Adds a UNIQUE constraint.
    #[must_use]
    pub fn unique<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.uniques.push(Index {
            columns: names(columns),
            ..Index::default()
        });
        self
    }

    /// Adds an index.
    #[must_use]
    pub fn index<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.indexes.push(Index {
            columns: names(columns),
            ..Index::default()
        });
        self
    }

    /// Adds a CHECK constraint.
    #[must_use]
    pub fn check(mut self, condition: impl Into<String>) -> Self {
        self.checks.push(Check {
            name: None,
            condition: condition.into(),
        });
        self
    }

    /// Returns the position of a column.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == column)
    }

    /// Returns the columns of the primary key, in the key's order.
    pub fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.primary_key.iter().map(|&i| &self.columns[i])
    }

    /// Returns the positions of the computed columns.
    pub fn computed(&self) -> impl Iterator<Item = usize> {
        let columns = self.columns.iter().enumerate();
        columns
            .filter(|(_, column)| matches!(column.generated, Generated::Computed(_)))
            .map(|(position, _)| position)
    }

    /// Returns the position of the column with generated keys, if any.
    pub fn generated_key(&self) -> Option<usize> {
        match self.primary_key[..] {
            [only]
                if matches!(
                    self.columns[only].generated,
                    Generated::Key | Generated::KeyNeverReused
                ) =>
            {
                Some(only)
            }
            _ => None,
        }
    }
}
