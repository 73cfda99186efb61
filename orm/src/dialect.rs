//! How a database's SQL differs from the ANSI defaults, and what it can do.

mod capabilities;

use std::borrow::Cow;
use std::fmt::{Debug, Write as _};

pub use capabilities::Capabilities;

use crate::backend::Connection;
use crate::error::{Error, Result};
use crate::schema::{Column, ColumnType, Table};
use crate::value::ValueType;

/// The SQL of one database. Every method but the first four has an ANSI default.
///
/// # Contract
///
/// - Methods MUST be pure: the same arguments give the same text, so that what is rendered once can be reused.
/// - [`capabilities`](Self::capabilities) MUST tell the truth: the suite checks that what is claimed works and that what is not
///   claimed is refused before a statement is sent.
pub trait Dialect: Debug + Send + Sync {
    /// Returns a short lower-case name: `sqlite`.
    fn name(&self) -> &str;

    /// Returns the database's type for a column that is not a generated key.
    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str>;

    /// Returns what the database supports.
    fn capabilities(&self) -> Capabilities;

    /// How many rows one statement carries.
    fn batch(&self) -> Batch;

    /// Writes an identifier, quoted. By default in double quotes, always.
    fn quote(&self, identifier: &str, out: &mut String) {
        out.push('"');
        for c in identifier.chars() {
            if c == '"' {
                out.push('"');
            }
            out.push(c);
        }
        out.push('"');
    }

    /// Writes a text as a literal. By default as the SQL standard has it: in quotes, a quote in it doubled. A database that takes a backslash
    /// for more than itself, or may be told to, MUST override this.
    fn literal(&self, text: &str, out: &mut String) {
        out.push('\'');
        for c in text.chars() {
            if c == '\'' {
                out.push('\'');
            }
            out.push(c);
        }
        out.push('\'');
    }

    /// Writes the placeholder of parameter `index` (from 1). By default `?`.
    fn placeholder(&self, index: usize, ty: ValueType, out: &mut String) {
        let _ = (index, ty);
        out.push('?');
    }

    /// Writes LIMIT and OFFSET with a leading space. By default `LIMIT n OFFSET m`.
    fn limit(&self, limit: Option<u64>, offset: Option<u64>, out: &mut String) {
        if let Some(limit) = limit {
            write!(out, " LIMIT {limit}").expect("a String takes any text");
        }
        if let Some(offset) = offset {
            write!(out, " OFFSET {offset}").expect("a String takes any text");
        }
    }

    /// A comparison that treats NULL as a value: what stands before, between and after its operands. `negated` asks for "differs". By
    /// default `IS [NOT] DISTINCT FROM`.
    fn null_safe_equality(&self, negated: bool) -> [&'static str; 3] {
        match negated {
            true => ["", " IS DISTINCT FROM ", ""],
            false => ["", " IS NOT DISTINCT FROM ", ""],
        }
    }

    /// What follows the pattern of LIKE, in which a backslash takes the character after it as it is. By default `ESCAPE '\'`.
    fn like_escape(&self) -> &'static str {
        r" ESCAPE '\'"
    }

    /// What follows the table's name in an INSERT of one row of defaults. By default `DEFAULT VALUES`.
    fn default_row(&self) -> &'static str {
        " DEFAULT VALUES"
    }

    /// What stands before the rows of `(a, b) IN (…)`. By default `VALUES`.
    fn row_list(&self) -> &'static str {
        "VALUES "
    }

    /// How an INSERT takes a row whose key is there already. By default by ON CONFLICT. Only asked where
    /// [`upsert`](Capabilities::upsert) is claimed.
    fn upsert(&self) -> Upsert {
        Upsert::OnConflict
    }

    /// The lock of a query that only keeps writers away. By default `FOR SHARE`.
    fn share_lock(&self) -> &'static str {
        " FOR SHARE"
    }

    /// Whether a query with a LIMIT may stand in IN and EXISTS. By default it may; else it stands there as a table of its own.
    fn limits_in_subqueries(&self) -> bool {
        true
    }

    /// Whether CREATE, ALTER and DROP commit the transaction that they run in. By default not: they are undone by a rollback.
    fn ddl_commits(&self) -> bool {
        false
    }

    /// Whether a row can be deleted that refers to itself. By default it can.
    fn deletes_own_references(&self) -> bool {
        true
    }

    /// The type of a column that is one of `parts` columns of a key or an index. By default [`column_type`](Self::column_type).
    fn key_type(&self, ty: &ColumnType, parts: usize) -> Cow<'static, str> {
        let _ = parts;
        self.column_type(ty)
    }

    /// What stands between two integers that are divided, towards zero. By default `/`.
    fn integer_division(&self) -> &'static str {
        " / "
    }

    /// The database's name of a function of the expression language, which is given as the SQL standard or else most databases have it:
    /// `LENGTH` counts characters. By default the same.
    fn function<'n>(&self, name: &'n str) -> &'n str {
        name
    }

    /// Writes a text with each occurrence of a text in it replaced by another, all three rendered already: NULL where one of them is. By
    /// default `REPLACE(…)`.
    fn replace(&self, [subject, from, to]: [&str; 3], out: &mut String) {
        write!(out, "REPLACE({subject}, {from}, {to})").expect("a String takes any text");
    }

    /// Whether a foreign key must have the width of the integers that it refers to. By default numbers are compared as numbers.
    fn keys_need_same_width(&self) -> bool {
        false
    }

    /// Whether foreign keys can SET DEFAULT. By default they can.
    fn sets_defaults(&self) -> bool {
        true
    }

    /// How many levels deep a JSON document may be. By default there is no such limit. What is deeper MUST be refused before it is sent.
    fn max_json_depth(&self) -> Option<usize> {
        None
    }

    /// What follows the closing parenthesis of CREATE TABLE. By default nothing.
    fn table_options(&self) -> &'static str {
        ""
    }

    /// Whether a computed column may be declared NOT NULL. By default it may.
    fn computed_may_refuse_null(&self) -> bool {
        true
    }

    /// Writes the name of a column in the row that an INSERT with ON CONFLICT could not insert. By default `excluded."name"`.
    fn excluded(&self, column: &str, out: &mut String) {
        out.push_str("excluded.");
        self.quote(column, out);
    }

    /// Returns the type used in a CAST. By default the type of a column.
    fn cast_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        self.column_type(ty)
    }

    /// Returns whether two column types are the same to the database. By default if it writes them the same.
    fn is_same_type(&self, one: &ColumnType, other: &ColumnType) -> bool {
        self.column_type(one) == self.column_type(other)
    }

    /// The type that a text is cast to where it becomes a value of a column of this type, and that is cast to text where it is read:
    /// for types that the driver has no form of its own for. By default `None`: values are bound and read as they are.
    ///
    /// Name it without a length, to which a cast would cut what is too long.
    fn text_form(&self, ty: &ColumnType) -> Option<Cow<'static, str>> {
        let _ = ty;
        None
    }

    /// Writes the text of an operand that is rendered already and whose type has a [`text_form`](Self::text_form): what a cast of it
    /// gives back. By default a cast to text.
    fn read_text(&self, operand: &str, ty: &ColumnType, out: &mut String) {
        let _ = ty;
        self.cast(operand, &ColumnType::Text { length: None }, out);
    }

    /// Returns what stands for a column where it is compared with others of its type and with parameters, if what is stored can have
    /// other forms than what is bound. By default `None`: the column as it is.
    fn compared(&self, column: &str, ty: &ColumnType) -> Option<String> {
        let _ = (column, ty);
        None
    }

    /// All forms in which values are stored that are equal to a parameter, as expressions: a column is then looked for among them. They
    /// name the parameter more than once, so this is for dialects whose placeholders have numbers. By default none: the parameter's own
    /// form is the only one.
    fn equal_forms(&self, parameter: &str, ty: &ColumnType) -> Vec<String> {
        let _ = (parameter, ty);
        Vec::new()
    }

    /// The least of the [`equal_forms`](Self::equal_forms); the parameter itself is the greatest.
    fn least_form(&self, parameter: &str, ty: &ColumnType) -> Option<String> {
        let _ = (parameter, ty);
        None
    }

    /// A statement that creates an enum type of the database's own, and does nothing if the type exists. By default `None`: the labels
    /// are stored as text, held by a CHECK.
    fn create_enum(&self, name: &str, labels: &[String]) -> Option<String> {
        let _ = (name, labels);
        None
    }

    /// A statement that drops an enum type, and does nothing if there is none or something still uses it.
    fn drop_enum(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// A statement that writes what the database says to people about a table or a column, named as `TABLE "users"` or
    /// `COLUMN "users"."name"`. By default `None`: there are no comments.
    fn comment(&self, object: &str, text: &str) -> Option<String> {
        let _ = (object, text);
        None
    }

    /// What an INSERT says before its rows when it gives a value to a column that the database counts. By default nothing.
    fn overriding(&self) -> &'static str {
        ""
    }

    /// Writes a CAST of an operand that is rendered already. By default to [`cast_type`](Self::cast_type).
    fn cast(&self, operand: &str, ty: &ColumnType, out: &mut String) {
        let ty = self.cast_type(ty);
        write!(out, "CAST({operand} AS {ty})").expect("a String takes any text");
    }

    /// Writes the text at a path of a JSON document, which is rendered already; NULL where there is none, or JSON's `null`. By default
    /// `JSON_VALUE(document, '$."a"[0]')`.
    fn json_text(&self, document: &str, path: &[JsonStep], out: &mut String) {
        out.push_str("JSON_VALUE(");
        out.push_str(document);
        out.push_str(", ");
        json_path(path, out);
        out.push(')');
    }

    /// Writes a part of a day or time of this type, rendered already, as a 32-bit integer; of an instant, of its day and time in UTC. By
    /// default by EXTRACT.
    fn date_part(&self, part: DatePart, value: &str, ty: ValueType, out: &mut String) {
        let name = match part {
            DatePart::Year => "YEAR",
            DatePart::Month => "MONTH",
            DatePart::Day => "DAY",
            DatePart::Hour => "HOUR",
            DatePart::Minute => "MINUTE",
            DatePart::Second => "SECOND",
            DatePart::Weekday => "DOW",
            DatePart::YearDay => "DOY",
        };
        let integer = self.cast_type(&ColumnType::I32);
        let utc = match ty {
            ValueType::TimestampTz => " AT TIME ZONE 'UTC'",
            _ => "",
        };
        let written = write!(
            out,
            "CAST(FLOOR(EXTRACT({name} FROM {value}{utc})) AS {integer})"
        );
        written.expect("a String takes any text");
    }

    /// Returns the array type of this element type, for a cast: `bigint[]`. Only called if [`batch`](Self::batch) is [`Batch::Arrays`].
    fn array_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        format!("{}[]", self.column_type(ty)).into()
    }

    /// A query for the values of a long list that travels as one parameter, so that the text does not depend on the list's length. Its
    /// one column is named `value`, of the type `ty`; `list` is the parameter's placeholder. By default `None`: each value is
    /// a parameter of its own, up to the most that a statement takes.
    ///
    /// The parameter is the text of a JSON array. Integers are numbers in it, texts are strings, truth values are `true` and `false`, NULL is
    /// `null`; bytes and UUIDs are strings of two hexadecimal digits for each byte. Lists of other types are not asked for.
    ///
    /// The query MUST give each value as its column would hold it, bit for bit.
    fn list_query(&self, list: &str, ty: ValueType) -> Option<String> {
        let _ = (list, ty);
        None
    }

    /// Returns the definition of a generated key column, without its name, and whether it already contains PRIMARY KEY.
    fn generated_key(&self, column: &Column) -> GeneratedKey {
        GeneratedKey {
            definition: format!(
                "{} GENERATED BY DEFAULT AS IDENTITY",
                self.column_type(&column.ty)
            )
            .into(),
            is_primary_key: false,
        }
    }

    /// Writes how a column is computed, after its type, with a leading space. By default a stored column:
    /// `GENERATED ALWAYS AS (…) STORED`. Only asked where [`computed_columns`](Capabilities::computed_columns) is claimed.
    fn computed_column(&self, expression: &str, out: &mut String) {
        write!(out, " GENERATED ALWAYS AS ({expression}) STORED").expect("a String takes any text");
    }

    /// Whether the outcome of an INSERT of one row tells the key that the database counted. By default where RETURNING is not claimed, as
    /// there is no other way then.
    fn tells_keys(&self) -> bool {
        !self.capabilities().returning
    }

    /// A query for the greatest generated key in use, one integer column, NULL where there is none; the ORM counts on from it
    /// inside the same transaction.
    ///
    /// Give one only if no other transaction can add a key between this query and the INSERT that follows it in the same
    /// transaction (SQLite's one writer), if an INSERT of several rows gives them keys in order, one higher each, and if its outcome
    /// tells the last of them, which is checked. The answer may be no row at all: then the table's keys come row by row.
    fn last_key(&self, table: &Table) -> Option<String> {
        let _ = table;
        None
    }

    /// Returns the text of a transaction command. By default the SQL standard's.
    fn transaction(&self, command: &Transaction<'_>) -> String {
        ansi_transaction(self, command)
    }

    /// Returns a query that yields one row if the table named by its one text parameter exists.
    fn table_exists(&self) -> String {
        let mut placeholder = String::new();
        self.placeholder(1, ValueType::Text, &mut placeholder);
        format!(
            "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = {placeholder}"
        )
    }

    /// Returns a query that yields one row if the table named by its first text parameter exists in the schema named by its second.
    fn table_exists_in_schema(&self) -> String {
        let (mut table, mut schema) = (String::new(), String::new());
        self.placeholder(1, ValueType::Text, &mut table);
        self.placeholder(2, ValueType::Text, &mut schema);
        format!(
            "SELECT 1 FROM information_schema.tables WHERE table_name = {table} AND table_schema = {schema}"
        )
    }

    /// Whether a schema is a database of its own that is attached, as SQLite's are: then a foreign key stays inside of it, and an index is
    /// named with it. By default not.
    fn schemas_are_databases(&self) -> bool {
        false
    }

    /// Reads the tables of some schemas; `None` stands for the default one. A reference to a table that is not among them is no foreign
    /// key but a remark.
    ///
    /// # Errors
    ///
    /// By default [`Unsupported`](crate::ErrorKind::Unsupported); also for named schemas where the database has none.
    fn reflect(
        &self,
        connection: &mut dyn Connection,
        schemas: &[Option<String>],
    ) -> Result<Vec<Table>> {
        let _ = (connection, schemas);
        Err(Error::unsupported(self.name(), "reflection"))
    }

    /// Reads the schemas that have tables, with the number of tables, including the default one.
    ///
    /// # Errors
    ///
    /// By default [`Unsupported`](crate::ErrorKind::Unsupported).
    fn schemas(&self, connection: &mut dyn Connection) -> Result<Vec<(String, u64)>> {
        let _ = connection;
        Err(Error::unsupported(self.name(), "reflection of schemas"))
    }

    /// Writes a test of `subject` against the text `pattern`, both already rendered, case-sensitively and without wildcards.
    fn text_match(&self, test: TextMatch, subject: &str, pattern: &str, out: &mut String) {
        let written = match test {
            TextMatch::StartsWith => {
                write!(out, "substr({subject}, 1, length({pattern})) = {pattern}")
            }
            TextMatch::EndsWith => {
                write!(
                    out,
                    // An empty text ends every text, but not NULL.
                    "CASE WHEN length({pattern}) = 0 THEN {subject} = {subject} ELSE substr({subject}, -length({pattern})) = {pattern} END"
                )
            }
            TextMatch::Contains => write!(out, "position({pattern} IN {subject}) > 0"),
        };
        written.expect("a String takes any text");
    }
}

/// A test of one text against another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextMatch {
    /// The subject begins with the pattern.
    StartsWith,
    /// The subject ends with the pattern.
    EndsWith,
    /// The subject contains the pattern.
    Contains,
}

/// One step into a JSON document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JsonStep {
    /// A member of an object.
    Name(String),
    /// An element of an array, from 0.
    Index(u32),
}

impl From<&str> for JsonStep {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for JsonStep {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<u32> for JsonStep {
    fn from(index: u32) -> Self {
        Self::Index(index)
    }
}

/// A path into a JSON document as a literal of SQL: `'$."a"[0]'`.
pub fn json_path(path: &[JsonStep], out: &mut String) {
    out.push_str("'$");
    for step in path {
        match step {
            JsonStep::Index(index) => write!(out, "[{index}]").expect("a String takes any text"),
            JsonStep::Name(name) => {
                out.push_str(".\"");
                for c in name.chars() {
                    match c {
                        '\'' => out.push_str("''"),
                        '"' | '\\' => out.extend(['\\', c]),
                        c => out.push(c),
                    }
                }
                out.push('"');
            }
        }
    }
    out.push('\'');
}

/// A part of a day or a time of day, as a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DatePart {
    /// The year.
    Year,
    /// The month, from 1.
    Month,
    /// The day of the month, from 1.
    Day,
    /// The hour, from 0.
    Hour,
    /// The minute.
    Minute,
    /// The second, without its fraction.
    Second,
    /// The day of the week, from 0 for Sunday.
    Weekday,
    /// The day of the year, from 1.
    YearDay,
}

/// The definition of a generated key column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedKey {
    /// The text after the column's name in CREATE TABLE.
    pub definition: Cow<'static, str>,
    /// Whether the definition contains PRIMARY KEY, so that the table's own clause is left out.
    pub is_primary_key: bool,
}

/// How many rows one statement carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Batch {
    /// One: batches are loops over one statement.
    Rows,
    /// Multi-row VALUES and IN lists, up to this many parameters in one statement.
    Values {
        /// The most parameters that one statement takes.
        max_parameters: usize,
    },
    /// Any number: one array for each column, through `UNNEST(…)` and `= ANY(…)`.
    Arrays,
}

/// How an INSERT takes a row whose key is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Upsert {
    /// `ON CONFLICT (key) DO UPDATE SET …` or `DO NOTHING`.
    OnConflict,
    /// `ON DUPLICATE KEY UPDATE …`, which no key is named in: that the row there is the one with this key is asked for in what is set.
    OnDuplicateKey,
}

/// Begins, ends or marks a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transaction<'a> {
    /// BEGIN.
    Begin(Begin),
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
    /// SAVEPOINT name.
    Savepoint(&'a str),
    /// RELEASE SAVEPOINT name.
    Release(&'a str),
    /// ROLLBACK TO SAVEPOINT name.
    RollbackTo(&'a str),
}

/// How a transaction begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Begin {
    /// The isolation level; `None` is the database's default.
    pub isolation: Option<Isolation>,
    /// Refuses writes.
    pub read_only: bool,
    /// Its first statement writes: an engine with one writer takes the lock at once instead of failing later.
    pub writes_first: bool,
}

/// Isolation levels of the SQL standard, and snapshot isolation under its own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Isolation {
    /// READ UNCOMMITTED.
    ReadUncommitted,
    /// READ COMMITTED.
    ReadCommitted,
    /// REPEATABLE READ.
    RepeatableRead,
    /// SERIALIZABLE.
    Serializable,
}

impl Isolation {
    /// Its name in SQL.
    pub fn as_sql(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "READ UNCOMMITTED",
            Self::ReadCommitted => "READ COMMITTED",
            Self::RepeatableRead => "REPEATABLE READ",
            Self::Serializable => "SERIALIZABLE",
        }
    }
}

fn ansi_transaction<D: Dialect + ?Sized>(dialect: &D, command: &Transaction<'_>) -> String {
    let named = |text: &str, name: &str| {
        let mut out = text.to_owned();
        dialect.quote(name, &mut out);
        out
    };
    match command {
        Transaction::Begin(begin) => {
            let mut out = "BEGIN".to_owned();
            if let Some(level) = begin.isolation {
                out.push_str(" ISOLATION LEVEL ");
                out.push_str(level.as_sql());
            }
            if begin.read_only {
                out.push_str(if begin.isolation.is_some() {
                    ", READ ONLY"
                } else {
                    " READ ONLY"
                });
            }
            out
        }
        Transaction::Commit => "COMMIT".to_owned(),
        Transaction::Rollback => "ROLLBACK".to_owned(),
        Transaction::Savepoint(name) => named("SAVEPOINT ", name),
        Transaction::Release(name) => named("RELEASE SAVEPOINT ", name),
        Transaction::RollbackTo(name) => named("ROLLBACK TO SAVEPOINT ", name),
    }
}
