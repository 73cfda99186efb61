//! What a database supports.

use std::time::Duration;

use super::Isolation;

/// The capabilities of a database, as far as the ORM depends on them. Everything is off by default.
///
/// ```
/// use selfsame::dialect::Capabilities;
///
/// let capabilities = Capabilities::none().with_transactions(true).with_max_connections(Some(1));
/// assert!(capabilities.transactions && !capabilities.savepoints);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Transactions: BEGIN, COMMIT, ROLLBACK.
    pub transactions: bool,
    /// Savepoints inside a transaction.
    pub savepoints: bool,
    /// Foreign keys are enforced.
    pub foreign_keys: bool,
    /// CHECK constraints are enforced.
    pub checks: bool,
    /// The database generates integer keys.
    pub generated_keys: bool,
    /// INSERT and DELETE can return rows.
    pub returning: bool,
    /// UPDATE can return rows.
    pub update_returning: bool,
    /// INSERT can update the existing row on conflict.
    pub upsert: bool,
    /// Rows can be locked by a query.
    pub row_locks: bool,
    /// Foreign keys can be checked at COMMIT.
    pub deferrable_constraints: bool,
    /// ORDER BY supports NULLS FIRST and NULLS LAST.
    pub nulls_order: bool,
    /// Row values can be compared: `(a, b) IN (SELECT …)`.
    pub row_values: bool,
    /// ALTER TABLE can add a foreign key.
    pub alter_add_constraint: bool,
    /// Transactions can be read-only.
    pub read_only_transactions: bool,
    /// The isolation levels that can be requested.
    pub isolation_levels: Vec<Isolation>,
    /// Float columns can hold NaN.
    pub nan: bool,
    /// Float columns can hold infinities.
    pub infinities: bool,
    /// Float columns distinguish −0.0 from 0.0.
    pub negative_zero: bool,
    /// Text can contain the NUL character.
    pub nul_in_text: bool,
    /// JSON is read as the exact text that was written (key order, white space), not only as an equal document.
    pub json_text_kept: bool,
    /// Decimals are stored, compared and ordered exactly, never as floats or text. Computing with them is
    /// [`Dialect::computes_decimals`](super::Dialect::computes_decimals).
    pub exact_decimals: bool,
    /// Decimals keep their scale: 1.50 does not become 1.5.
    pub decimal_scale_kept: bool,
    /// The error for a violated CHECK names the constraint.
    pub constraint_names: bool,
    /// The errors for a violated UNIQUE constraint and a violated foreign key name the constraint.
    pub key_constraint_names: bool,
    /// The error for a violated NOT NULL names the column.
    pub column_names: bool,
    /// The error for a statement that the database refuses has the database's own code.
    pub error_codes: bool,
    /// Columns can be computed from others: `GENERATED ALWAYS AS`.
    pub computed_columns: bool,
    /// Window functions: `OVER (…)`.
    pub windows: bool,
    /// Recursive queries: `WITH RECURSIVE`.
    pub recursive_queries: bool,
    /// INTERSECT and EXCEPT.
    pub set_operations: bool,
    /// Text can be extracted from a JSON document by path.
    pub json_paths: bool,
    /// Parts of dates and times can be extracted: years, hours, weekdays.
    pub date_parts: bool,
    /// The maximum number of simultaneous connections; `None` means no limit.
    pub max_connections: Option<usize>,
    /// The maximum number of parameters of any statement; longer lists are sent in another way. [`Batch::Values`](super::Batch::Values) has
    /// its own limit for statements of many rows, which is never larger.
    pub max_parameters: Option<usize>,
    /// The maximum length of an identifier, in bytes.
    pub max_identifier: Option<usize>,
    /// The time that a statement waits for a lock before it fails with [`Busy`](crate::ErrorKind::Busy); `None` leaves this to the server's
    /// configuration.
    pub lock_timeout: Option<Duration>,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $field:ident: $ty:ty),* $(,)?) => {
        impl Capabilities {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](Self::", stringify!($field), ").")]
                #[must_use]
                pub fn $name(mut self, value: $ty) -> Self {
                    self.$field = value;
                    self
                }
            )*
        }
    };
}
setters!(
    with_transactions: transactions: bool,
    with_savepoints: savepoints: bool,
    with_foreign_keys: foreign_keys: bool,
    with_checks: checks: bool,
    with_generated_keys: generated_keys: bool,
    with_returning: returning: bool,
    with_update_returning: update_returning: bool,
    with_upsert: upsert: bool,
    with_row_locks: row_locks: bool,
    with_deferrable_constraints: deferrable_constraints: bool,
    with_nulls_order: nulls_order: bool,
    with_row_values: row_values: bool,
    with_alter_add_constraint: alter_add_constraint: bool,
    with_read_only_transactions: read_only_transactions: bool,
    with_isolation_levels: isolation_levels: Vec<Isolation>,
    with_nan: nan: bool,
    with_infinities: infinities: bool,
    with_negative_zero: negative_zero: bool,
    with_nul_in_text: nul_in_text: bool,
    with_json_text_kept: json_text_kept: bool,
    with_exact_decimals: exact_decimals: bool,
    with_decimal_scale_kept: decimal_scale_kept: bool,
    with_constraint_names: constraint_names: bool,
    with_key_constraint_names: key_constraint_names: bool,
    with_column_names: column_names: bool,
    with_error_codes: error_codes: bool,
    with_computed_columns: computed_columns: bool,
    with_windows: windows: bool,
    with_recursive_queries: recursive_queries: bool,
    with_set_operations: set_operations: bool,
    with_json_paths: json_paths: bool,
    with_date_parts: date_parts: bool,
    with_max_connections: max_connections: Option<usize>,
    with_max_parameters: max_parameters: Option<usize>,
    with_max_identifier: max_identifier: Option<usize>,
    with_lock_timeout: lock_timeout: Option<Duration>,
);

impl Capabilities {
    /// Returns capabilities with everything off, to set those that the database has.
    pub fn none() -> Self {
        Self::default()
    }

    /// Describes the first contradiction between claims; `None` if the claims are consistent.
    ///
    /// The conformance suite refuses to run on contradictory claims.
    pub fn contradiction(&self) -> Option<&'static str> {
        let claims = [
            (
                self.savepoints && !self.transactions,
                "savepoints are claimed, but transactions are not",
            ),
            (
                self.read_only_transactions && !self.transactions,
                "read-only transactions are claimed, but transactions are not",
            ),
            (
                !self.isolation_levels.is_empty() && !self.transactions,
                "isolation levels are claimed, but transactions are not",
            ),
            (
                self.deferrable_constraints && !self.foreign_keys,
                "deferrable foreign keys are claimed, but foreign keys are not",
            ),
            (
                self.deferrable_constraints && !self.transactions,
                "deferrable foreign keys are claimed, but transactions are not",
            ),
            (
                self.max_connections == Some(0),
                "max_connections is 0, so the database cannot be used",
            ),
        ];
        claims
            .into_iter()
            .find_map(|(contradicts, sentence)| contradicts.then_some(sentence))
    }
}
