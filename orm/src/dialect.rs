//! How a database's SQL differs from the ANSI defaults, and what the database supports.

mod capabilities;
mod expression;
mod transaction;

use std::borrow::Cow;
use std::fmt::{Debug, Write as _};

pub use capabilities::Capabilities;
pub use expression::{DatePart, JsonStep, TextMatch, json_path};
pub use transaction::{Begin, Isolation, Transaction};

use crate::backend::Connection;
use crate::error::{Error, Result};
use crate::schema::{Column, ColumnType, ReferentialAction, Table};
use crate::value::ValueType;
use transaction::ansi_transaction;

/// A database's SQL. Every method but the first four has an ANSI default.
///
/// # Contract
///
/// - Methods MUST be pure: the same arguments give the same text, because rendered statements are cached.
/// - [`capabilities`](Self::capabilities) MUST be true: the suite checks that claimed capabilities work and that others are refused before
///   a statement is sent.
pub trait Dialect: Debug + Send + Sync {
    /// Returns a short lower-case name: `sqlite`.
    fn name(&self) -> &str;

    /// Returns the database's type for a column that is not a generated key.
    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str>;

    /// Returns what the database supports.
    fn capabilities(&self) -> Capabilities;

    /// Returns how many rows one statement carries.
    fn batch(&self) -> Batch;

    /// Writes a quoted identifier. By default always in double quotes.
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

    /// Writes a text literal. By default as in the SQL standard: in single quotes, with quotes inside doubled. A database in which a
    /// backslash is, or can be configured to be, an escape character MUST override this.
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

    /// Writes the placeholder of parameter `index`, counted from 1. By default `?`.
    fn placeholder(&self, index: usize, ty: ValueType, out: &mut String) {
        let _ = (index, ty);
        out.push('?');
    }

    /// Writes LIMIT and OFFSET with a leading space. By default `LIMIT n OFFSET m`.
    fn limit(&self, limit: Option<u64>, offset: Option<u64>, out: &mut String) {
        if let Some(limit) = limit {
            write!(out, " LIMIT {limit}").expect("a String accepts any text");
        }
        if let Some(offset) = offset {
            write!(out, " OFFSET {offset}").expect("a String accepts any text");
        }
    }

    /// Returns the text before, between and after the operands of a comparison that treats NULL as a value. `negated` means "differs". By
    /// default `IS [NOT] DISTINCT FROM`.
    fn null_safe_equality(&self, negated: bool) -> [&'static str; 3] {
        match negated {
            true => ["", " IS DISTINCT FROM ", ""],
            false => ["", " IS NOT DISTINCT FROM ", ""],
        }
    }

    /// Returns the text before, between and after a text and its pattern, in which the backslash is the escape character. By default
    /// `[NOT] LIKE … ESCAPE '\'`.
    fn like(&self, negated: bool) -> [&'static str; 3] {
        match negated {
            true => ["", " NOT LIKE ", r" ESCAPE '\'"],
            false => ["", " LIKE ", r" ESCAPE '\'"],
        }
    }

    /// Returns the text after the table's name in an INSERT of one row of defaults. By default `DEFAULT VALUES`.
    fn default_row(&self) -> &'static str {
        " DEFAULT VALUES"
    }

    /// Returns the text before the rows of `(a, b) IN (…)`. By default `VALUES`.
    fn row_list(&self) -> &'static str {
        "VALUES "
    }

    /// Returns how an INSERT handles a row whose key exists already. By default with ON CONFLICT. Only called if
    /// [`upsert`](Capabilities::upsert) is claimed.
    fn upsert(&self) -> Upsert {
        Upsert::OnConflict
    }

    /// Returns the clause of a query that locks its rows against writers only. By default `FOR SHARE`.
    fn share_lock(&self) -> &'static str {
        " FOR SHARE"
    }

    /// Returns whether IN and EXISTS accept a query with a LIMIT. By default true; otherwise the query is wrapped in a derived table.
    fn limits_in_subqueries(&self) -> bool {
        true
    }

    /// Returns whether CREATE, ALTER and DROP commit the transaction that they run in. By default false: a rollback undoes them.
    fn ddl_commits(&self) -> bool {
        false
    }

    /// Returns whether a row that references itself can be deleted, and whether its key and its reference can be changed together. By
    /// default true.
    fn deletes_own_references(&self) -> bool {
        true
    }

    /// Returns whether arithmetic, `ABS`, SUM and AVG of decimals are computed as decimals. By default false: they are refused, because a
    /// database that computes with floats loses digits, and may compare its floats with decimals wrongly.
    fn computes_decimals(&self) -> bool {
        false
    }

    /// Returns the type of a column that is one of `parts` columns of a key or an index. By default [`column_type`](Self::column_type).
    fn key_type(&self, ty: &ColumnType, parts: usize) -> Cow<'static, str> {
        let _ = parts;
        self.column_type(ty)
    }

    /// Returns the operator of integer division, which truncates towards zero. By default `/`.
    fn integer_division(&self) -> &'static str {
        " / "
    }

    /// Returns the database's name of a function of the expression language. `name` is the SQL standard's name, or else the most common
    /// one: `LENGTH` counts characters. By default the same name.
    fn function<'n>(&self, name: &'n str) -> &'n str {
        name
    }

    /// Writes the replacement of every occurrence of `from` in `subject` by `to`, all three rendered already; NULL if one of them is. By
    /// default `REPLACE(…)`.
    fn replace(&self, [subject, from, to]: [&str; 3], out: &mut String) {
        write!(out, "REPLACE({subject}, {from}, {to})").expect("a String accepts any text");
    }

    /// Returns whether an integer foreign key must have the same width as the column that it references. By default false.
    fn keys_need_same_width(&self) -> bool {
        false
    }

    /// Returns whether UNIQUE constraints can be DEFERRABLE. By default false.
    fn supports_deferrable_uniques(&self) -> bool {
        false
    }

    /// Returns whether foreign keys support SET DEFAULT. By default true.
    fn supports_set_default(&self) -> bool {
        true
    }

    /// Returns what reflection reports for a foreign key that was declared with `action`. By default the same; a database for which RESTRICT
    /// and NO ACTION are one returns [`NoAction`](ReferentialAction::NoAction) for both.
    fn reflected_action(&self, action: ReferentialAction) -> ReferentialAction {
        action
    }

    /// Returns how deeply a JSON document may be nested. By default `None`: no limit. Deeper documents MUST be refused before they are
    /// sent.
    fn max_json_depth(&self) -> Option<usize> {
        None
    }

    /// Returns the text after the closing parenthesis of CREATE TABLE. By default empty.
    fn table_options(&self) -> &'static str {
        ""
    }

    /// Returns whether a computed column can be declared NOT NULL. By default true.
    fn computed_columns_can_be_not_null(&self) -> bool {
        true
    }

    /// Writes a reference to a column of the row that an INSERT with ON CONFLICT proposed. By default `excluded."name"`.
    fn excluded(&self, column: &str, out: &mut String) {
        out.push_str("excluded.");
        self.quote(column, out);
    }

    /// Returns the type used in a CAST. By default the column type.
    fn cast_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        self.column_type(ty)
    }

    /// Returns whether the database treats two column types as the same. By default if [`column_type`](Self::column_type) is the same.
    fn is_same_type(&self, one: &ColumnType, other: &ColumnType) -> bool {
        self.column_type(one) == self.column_type(other)
    }

    /// Returns the SQL type of a column whose values are exchanged as text, because the driver does not support the type: parameters are
    /// cast from text to it, and results from it to text. By default `None`: values are bound and read as they are.
    ///
    /// The type must not have a length, because a cast would truncate longer values.
    fn text_form(&self, ty: &ColumnType) -> Option<Cow<'static, str>> {
        let _ = ty;
        None
    }

    /// Writes the conversion to text of a rendered operand whose type has a [`text_form`](Self::text_form). By default a cast to text.
    fn read_text(&self, operand: &str, ty: &ColumnType, out: &mut String) {
        let _ = ty;
        self.cast(operand, &ColumnType::Text { length: None }, out);
    }

    /// Returns whether the database may store another value than it was given, depending on the declared type of the column. The backend must
    /// then know the columns of parameters: each INSERT and UPDATE carries a [`Target`](crate::backend::Target). By default `false`: a value that
    /// does not fit its column is an error.
    fn converts_what_it_stores(&self) -> bool {
        false
    }

    /// Returns the expression that replaces a column in comparisons with columns of its type and with parameters, if stored values can have
    /// a different form than bound ones. By default `None`: the column itself.
    fn compared(&self, column: &str, ty: &ColumnType) -> Option<String> {
        let _ = (column, ty);
        None
    }

    /// Returns expressions for all stored forms that are equal to a parameter; a comparison then tests whether the column is one of them.
    /// They use the parameter several times, so this requires numbered placeholders. By default empty: the parameter's own form is the only
    /// one.
    fn equal_forms(&self, parameter: &str, ty: &ColumnType) -> Vec<String> {
        let _ = (parameter, ty);
        Vec::new()
    }

    /// Returns the least of the [`equal_forms`](Self::equal_forms); the parameter itself is the greatest.
    fn least_form(&self, parameter: &str, ty: &ColumnType) -> Option<String> {
        let _ = (parameter, ty);
        None
    }

    /// Returns an expression that gives all equal values of a column's type the same form, if they can be stored in several. GROUP BY, DISTINCT,
    /// set operations and comparisons with anything but parameters use it. By default `None`: equal values have one form.
    fn canonical_form(&self, operand: &str, ty: &ColumnType) -> Option<String> {
        let _ = (operand, ty);
        None
    }

    /// Returns the expression that ORDER BY, MIN and MAX use instead of one of a column's type, if stored forms sort differently from the values.
    /// By default `None`: the expression itself.
    fn ordered_form(&self, operand: &str, ty: &ColumnType) -> Option<String> {
        let _ = (operand, ty);
        None
    }

    /// Returns a statement that creates a native enum type unless it exists. By default `None`: labels are stored as text with a CHECK
    /// constraint.
    fn create_enum(&self, name: &str, labels: &[String]) -> Option<String> {
        let _ = (name, labels);
        None
    }

    /// Returns a statement that drops a native enum type, and does nothing if the type does not exist or is still in use.
    fn drop_enum(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// Returns a statement that sets the comment of a table or column, given as `TABLE "users"` or `COLUMN "users"."name"`. By default
    /// `None`: comments are written with [`comment_clause`](Self::comment_clause), or not supported.
    fn comment(&self, object: &str, text: &str) -> Option<String> {
        let _ = (object, text);
        None
    }

    /// Returns the clause that sets a comment in CREATE TABLE, after the definition of a column and after the
    /// [`table_options`](Self::table_options), with a leading space. By default `None`: comments are written with [`comment`](Self::comment), or
    /// not supported.
    fn comment_clause(&self, text: &str) -> Option<String> {
        let _ = text;
        None
    }

    /// Returns whether the database has comments: whether one of the two methods above writes them.
    fn has_comments(&self) -> bool {
        self.comment("", "").is_some() || self.comment_clause("").is_some()
    }

    /// Returns the text before the rows of an INSERT that sets an identity column explicitly. By default empty.
    fn overriding(&self) -> &'static str {
        ""
    }

    /// Writes the default of a column, after DEFAULT. By default the expression itself.
    fn default_value(&self, expression: &str, out: &mut String) {
        out.push_str(expression);
    }

    /// Returns whether UPDATE and an upsert assign columns one after the other, so that an expression sees those already assigned. By default
    /// false: every expression sees the row as it was before. Otherwise assignments are written in an order that gives the same result, and
    /// refused if there is none.
    fn assigns_in_sequence(&self) -> bool {
        false
    }

    /// Writes a CAST of a rendered operand. By default to [`cast_type`](Self::cast_type).
    fn cast(&self, operand: &str, ty: &ColumnType, out: &mut String) {
        let ty = self.cast_type(ty);
        write!(out, "CAST({operand} AS {ty})").expect("a String accepts any text");
    }

    /// Writes the extraction of the text at a path of a rendered JSON document; NULL if the path does not exist or holds JSON `null`. By
    /// default `JSON_VALUE(document, '$."a"[0]')`.
    fn json_text(&self, document: &str, path: &[JsonStep], out: &mut String) {
        out.push_str("JSON_VALUE(");
        out.push_str(document);
        out.push_str(", ");
        json_path(path, out);
        out.push(')');
    }

    /// Writes the extraction of a part of a rendered date or time as a 32-bit integer; instants are taken in UTC. By default with EXTRACT.
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
        written.expect("a String accepts any text");
    }

    /// Returns the array type of an element type, for casts: `bigint[]`. Only called if [`batch`](Self::batch) is [`Batch::Arrays`].
    fn array_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        format!("{}[]", self.column_type(ty)).into()
    }

    /// Returns a query over the values of a list that is bound as one parameter, so that the SQL does not depend on the list's length. Its
    /// only column is named `value` and has the type `ty`; `list` is the parameter's placeholder. By default `None`: each value is a
    /// separate parameter, up to the maximum per statement.
    ///
    /// The parameter is the text of a JSON array: integers are numbers, texts are strings, booleans are `true` and `false`, NULL is `null`;
    /// bytes and UUIDs are strings of two hexadecimal digits per byte. The method is not called for other types.
    ///
    /// The query MUST yield each value exactly as a column would hold it, bit for bit.
    fn list_query(&self, list: &str, ty: ValueType) -> Option<String> {
        let _ = (list, ty);
        None
    }

    /// Returns the definition of a generated key column, without its name, and whether it contains PRIMARY KEY. A column of
    /// [`Generated::KeyNeverReused`](crate::schema::Generated::KeyNeverReused) must not reuse the keys of deleted rows.
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

    /// Returns the name of the index that CREATE TABLE adds for a generated key that neither the primary key nor a UNIQUE constraint begins
    /// with. By default `None`: a generated key needs no index. Reflection MUST leave such an index out.
    fn index_of_generated_key(&self) -> Option<&'static str> {
        None
    }

    /// Writes the clause of a computed column, after its type, with a leading space. By default a stored column: `GENERATED ALWAYS AS (…)
    /// STORED`. Only called if [`computed_columns`](Capabilities::computed_columns) is claimed.
    fn computed_column(&self, expression: &str, out: &mut String) {
        write!(out, " GENERATED ALWAYS AS ({expression}) STORED")
            .expect("a String accepts any text");
    }

    /// Returns whether the outcome of an INSERT of one row reports the generated key. By default if RETURNING is not claimed, since it is
    /// then the only way.
    fn reports_generated_keys(&self) -> bool {
        !self.capabilities().returning
    }

    /// Returns a query for the greatest generated key in use: one integer column, NULL if there is none. The ORM computes the following
    /// keys itself, in the same transaction.
    ///
    /// Return one only if no other transaction can add a key between this query and the INSERT that follows it (SQLite has a single
    /// writer), if an INSERT of several rows numbers them consecutively, in order, and if its outcome reports the last key, which is
    /// checked. The query may yield no row: then rows are inserted one by one.
    fn last_key(&self, table: &Table) -> Option<String> {
        let _ = table;
        None
    }

    /// Returns the SQL that begins a transaction. By default `BEGIN`, with its modes after it.
    fn begin(&self, begin: &Begin) -> String {
        let mut out = "BEGIN".to_owned();
        if let Some(level) = begin.isolation {
            out.push_str(" ISOLATION LEVEL ");
            out.push_str(level.as_sql());
        }
        if begin.read_only {
            out.push_str(match begin.isolation {
                Some(_) => ", READ ONLY",
                None => " READ ONLY",
            });
        }
        out
    }

    /// Returns the SQL of a transaction command. By default the SQL standard's, and [`begin`](Self::begin).
    fn transaction(&self, command: &Transaction<'_>) -> String {
        ansi_transaction(self, command)
    }

    /// Returns a query that yields one row if the table named by its text parameter exists.
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

    /// Returns whether each schema is an attached database, as in SQLite: then foreign keys cannot leave it, and index names are qualified
    /// with it. By default false.
    fn schemas_are_databases(&self) -> bool {
        false
    }

    /// Reads the tables of the given schemas; `None` is the default one. A foreign key to a table outside these schemas becomes a remark.
    ///
    /// # Errors
    ///
    /// By default [`Unsupported`](crate::ErrorKind::Unsupported); also for named schemas if the database has no schemas.
    fn reflect(
        &self,
        connection: &mut dyn Connection,
        schemas: &[Option<String>],
    ) -> Result<Vec<Table>> {
        let _ = (connection, schemas);
        Err(Error::unsupported(self.name(), "reflection"))
    }

    /// Reads the names of all schemas that have tables, including the default one, with their numbers of tables.
    ///
    /// # Errors
    ///
    /// By default [`Unsupported`](crate::ErrorKind::Unsupported).
    fn schemas(&self, connection: &mut dyn Connection) -> Result<Vec<(String, u64)>> {
        let _ = connection;
        Err(Error::unsupported(self.name(), "reflection of schemas"))
    }

    /// Reads the tables, of any schema, that have foreign keys to this one: their names, their schemas, and these foreign keys.
    ///
    /// A session asks before it sets unique values to NULL for a moment, which rows of tables that it does not know would follow by ON
    /// UPDATE. By default the tables that [`reflect`](Self::reflect) finds in the same schema.
    ///
    /// # Errors
    ///
    /// As [`reflect`](Self::reflect). If it is [`Unsupported`](crate::ErrorKind::Unsupported), the session knows only its own tables.
    fn referring_tables(
        &self,
        connection: &mut dyn Connection,
        table: &Table,
    ) -> Result<Vec<Table>> {
        let mut tables = self.reflect(connection, std::slice::from_ref(&table.schema))?;
        for found in &mut tables {
            let keys = &mut found.foreign_keys;
            keys.retain(|key| key.table.eq_ignore_ascii_case(&table.name));
        }
        tables.retain(|found| !found.foreign_keys.is_empty());
        Ok(tables)
    }

    /// Writes a case-sensitive test of `subject` against the text `pattern`, without wildcards; both are rendered already.
    fn text_match(&self, test: TextMatch, subject: &str, pattern: &str, out: &mut String) {
        let written = match test {
            TextMatch::StartsWith => {
                write!(out, "substr({subject}, 1, length({pattern})) = {pattern}")
            }
            TextMatch::EndsWith => {
                write!(
                    out,
                    // Every text ends with the empty text; NULL does not.
                    "CASE WHEN length({pattern}) = 0 THEN {subject} = {subject} ELSE substr({subject}, -length({pattern})) = {pattern} END"
                )
            }
            TextMatch::Contains => write!(out, "position({pattern} IN {subject}) > 0"),
        };
        written.expect("a String accepts any text");
    }
}

/// The definition of a generated key column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedKey {
    /// The text after the column's name in CREATE TABLE.
    pub definition: Cow<'static, str>,
    /// Whether the definition contains PRIMARY KEY, so that the table's PRIMARY KEY clause is omitted.
    pub is_primary_key: bool,
}

/// The number of rows that one statement carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Batch {
    /// One: a batch executes one statement repeatedly.
    Rows,
    /// Multi-row VALUES and IN lists, up to this many parameters in one statement.
    Values {
        /// The maximum number of parameters of one statement.
        max_parameters: usize,
    },
    /// Any number: one array parameter for each column, through `UNNEST(…)` and `= ANY(…)`.
    Arrays,
}

/// The way in which an INSERT handles a row whose key exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Upsert {
    /// `ON CONFLICT (key) DO UPDATE SET …` or `DO NOTHING`.
    OnConflict,
    /// `ON DUPLICATE KEY UPDATE …`, which does not name a key: the assignments check that the conflict is on the intended key.
    OnDuplicateKey,
}
