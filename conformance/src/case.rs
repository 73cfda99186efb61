//! A test case: one behaviour, and the text that explains it.

use std::fmt;
use std::str::FromStr;

use selfsame::dialect::{Batch, Dialect, Isolation};
use selfsame::schema::{Column, ColumnType, Generated, Table};
use selfsame::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

use crate::context::Context;

/// A test case: a stable id, a promise with its reason, and the code that checks it.
///
/// Created by [`Case::core`] and its siblings and completed by the setters, all `const`.
#[derive(Clone, Copy)]
pub struct Case {
    /// The id, `area.topic.detail`. Never renamed or reused.
    pub id: &'static str,
    /// The tier it belongs to.
    pub tier: Tier,
    /// The capabilities that a backend must claim for the case to apply.
    pub needs: &'static [Capability],
    /// Whether the order of its events depends on timing.
    pub concurrent: bool,
    /// The promise that it tests, and why, in one sentence.
    pub promise: &'static str,
    /// A hint for backend authors: where to look if the case fails.
    pub hint: &'static str,
    /// The lines of the contract and rules of the ORM that it covers.
    pub covers: &'static [Cover],
    /// The inventory in which it was added.
    pub since: u32,
    /// Runs the case.
    pub run: fn(&mut Context) -> CaseResult,
    /// Checks that a backend that does not claim a needed capability refuses its use; `None` if that cannot be tested.
    pub refusal: Option<fn(&mut Context) -> CaseResult>,
}

/// The result of a case.
pub type CaseResult<T = ()> = Result<T, Failure>;

/// Why a case did not pass.
#[derive(Debug)]
pub enum Failure {
    /// An assertion failed.
    Assertion(String),
    /// An operation that must succeed returned an error.
    Backend(Error),
    /// The case found at run time that it does not apply.
    Skipped(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Backend(error)
    }
}

impl Failure {
    /// Returns whether an assertion failed, as opposed to an operation that returned an error.
    pub fn is_assertion(&self) -> bool {
        matches!(self, Self::Assertion(_))
    }
}

/// How essential a behaviour is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Queries over existing rows.
    Read,
    /// Required by the unit of work.
    Core,
    /// Everything else that the ORM can use.
    Full,
    /// Declared capabilities.
    Extra,
}

impl Tier {
    /// Every tier, the most essential first.
    pub const ALL: [Self; 4] = [Self::Read, Self::Core, Self::Full, Self::Extra];
}

impl FromStr for Tier {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.to_string() == text)
            .ok_or_else(|| {
                let message = format!("unknown tier `{text}`: use read, core, full or extra");
                Error::new(ErrorKind::Configuration, message)
            })
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Core => "core",
            Self::Full => "full",
            Self::Extra => "extra",
        })
    }
}

/// The subject of a case: the first part of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Values of each type, through every path.
    Types,
    /// Reading.
    Queries,
    /// Inserting, updating, deleting.
    Writes,
    /// Constraint violations and other errors.
    Constraints,
    /// Commit, rollback, savepoints, isolation.
    Transactions,
    /// Tables: creating, altering, dropping, reflecting.
    Schema,
    /// Connections and the pool.
    Connections,
    /// The identity map.
    Identity,
    /// Change detection.
    Dirty,
    /// How changes are written.
    Flush,
    /// Relationships in memory and in the database.
    Relations,
    /// States, expiry, commit and rollback of objects.
    Sessions,
    /// Records: rows of tables known only at run time.
    Records,
    /// Random programs against a model.
    Model,
}

impl Area {
    /// Every area, in the order of reports.
    pub const ALL: [Self; 14] = [
        Self::Types,
        Self::Queries,
        Self::Writes,
        Self::Constraints,
        Self::Transactions,
        Self::Schema,
        Self::Connections,
        Self::Identity,
        Self::Dirty,
        Self::Flush,
        Self::Relations,
        Self::Sessions,
        Self::Records,
        Self::Model,
    ];

    /// Returns the first part of the ids.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Types => "types",
            Self::Queries => "queries",
            Self::Writes => "writes",
            Self::Constraints => "constraints",
            Self::Transactions => "transactions",
            Self::Schema => "schema",
            Self::Connections => "connections",
            Self::Identity => "identity",
            Self::Dirty => "dirty",
            Self::Flush => "flush",
            Self::Relations => "relations",
            Self::Sessions => "sessions",
            Self::Records => "records",
            Self::Model => "model",
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A line of the backend contract, or a rule of the ORM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cover {
    /// A numbered line of the backend contract.
    Contract(u16),
    /// A numbered rule of the ORM.
    Rule(u16),
}

impl fmt::Display for Cover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contract(line) => write!(f, "contract {line}"),
            Self::Rule(rule) => write!(f, "rule {rule}"),
        }
    }
}

/// A capability that a backend may claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// BEGIN, COMMIT, ROLLBACK.
    Transactions,
    /// Savepoints.
    Savepoints,
    /// Enforced foreign keys.
    ForeignKeys,
    /// Enforced CHECK constraints.
    Checks,
    /// Keys generated by the database.
    GeneratedKeys,
    /// RETURNING.
    Returning,
    /// UPDATE … RETURNING.
    UpdateReturning,
    /// INSERT … ON CONFLICT.
    Upsert,
    /// NULLS FIRST and NULLS LAST.
    NullsOrder,
    /// Comparisons of row values.
    RowValues,
    /// Decimals that are compared and computed exactly.
    ExactDecimals,
    /// Decimals that keep their scale.
    DecimalScale,
    /// Errors that name a violated CHECK.
    ConstraintNames,
    /// Errors that name a violated UNIQUE constraint or foreign key.
    KeyConstraintNames,
    /// Errors that name a violated NOT NULL column.
    ColumnNames,
    /// Errors with the database's own code.
    ErrorCodes,
    /// Columns that the database computes.
    ComputedColumns,
    /// Window functions.
    Windows,
    /// WITH RECURSIVE.
    RecursiveQueries,
    /// INTERSECT and EXCEPT.
    SetOperations,
    /// Paths into JSON documents.
    JsonPaths,
    /// Parts of dates and times.
    DateParts,
    /// Read-only transactions.
    ReadOnlyTransactions,
    /// Foreign keys checked at COMMIT.
    DeferrableConstraints,
    /// An isolation level.
    Isolation(Isolation),
    /// NaN in float columns.
    Nan,
    /// Infinities in float columns.
    Infinities,
    /// −0.0 distinct from 0.0.
    NegativeZero,
    /// NUL in text.
    NulInText,
    /// JSON documents whose text is kept.
    JsonTextKept,
    /// A second connection at the same time.
    SecondConnection,
    /// Row locks taken by a query.
    RowLocks,
    /// A limit on the time for which a statement waits for a lock.
    LockTimeout,
    /// Batches as arrays.
    ArrayBatches,
    /// ON DELETE and ON UPDATE SET DEFAULT.
    SetDefault,
    /// Keys of a multi-row INSERT that can be computed from the last key.
    KeysCountedOn,
    /// Values that are converted to the types of their columns.
    ConvertedValues,
    /// Assignments of an UPDATE that see the row as it was before.
    SimultaneousAssignment,
}

impl Capability {
    /// Returns whether the dialect claims this capability.
    pub fn is_claimed(self, dialect: &dyn Dialect) -> bool {
        let capabilities = dialect.capabilities();
        match self {
            Self::Transactions => capabilities.transactions,
            Self::Savepoints => capabilities.savepoints,
            Self::ForeignKeys => capabilities.foreign_keys,
            Self::Checks => capabilities.checks,
            Self::GeneratedKeys => capabilities.generated_keys,
            Self::Returning => capabilities.returning,
            Self::UpdateReturning => capabilities.update_returning,
            Self::Upsert => capabilities.upsert,
            Self::NullsOrder => capabilities.nulls_order,
            Self::RowValues => capabilities.row_values,
            Self::ExactDecimals => capabilities.exact_decimals,
            Self::DecimalScale => capabilities.decimal_scale_kept,
            Self::ConstraintNames => capabilities.constraint_names,
            Self::KeyConstraintNames => capabilities.key_constraint_names,
            Self::ColumnNames => capabilities.column_names,
            Self::ErrorCodes => capabilities.error_codes,
            Self::ComputedColumns => capabilities.computed_columns,
            Self::Windows => capabilities.windows,
            Self::RecursiveQueries => capabilities.recursive_queries,
            Self::SetOperations => capabilities.set_operations,
            Self::JsonPaths => capabilities.json_paths,
            Self::DateParts => capabilities.date_parts,
            Self::ReadOnlyTransactions => capabilities.read_only_transactions,
            Self::DeferrableConstraints => capabilities.deferrable_constraints,
            Self::Isolation(level) => capabilities.isolation_levels.contains(&level),
            Self::Nan => capabilities.nan,
            Self::Infinities => capabilities.infinities,
            Self::NegativeZero => capabilities.negative_zero,
            Self::NulInText => capabilities.nul_in_text,
            Self::JsonTextKept => capabilities.json_text_kept,
            Self::SecondConnection => capabilities.max_connections.is_none_or(|most| most > 1),
            Self::RowLocks => capabilities.row_locks,
            Self::LockTimeout => capabilities.lock_timeout.is_some(),
            Self::ArrayBatches => dialect.batch() == Batch::Arrays,
            Self::SetDefault => dialect.supports_set_default(),
            Self::KeysCountedOn => {
                let key = Column::new("id", ColumnType::I64).generated(Generated::Key);
                let table = Table::build("items").column(key).primary_key(["id"]);
                dialect.last_key(&table).is_some()
            }
            Self::ConvertedValues => dialect.converts_what_it_stores(),
            Self::SimultaneousAssignment => !dialect.assigns_in_sequence(),
        }
    }
}

/// The ORM's names of unsupported features, with the capability of each.
const REFUSALS: &[(&str, Capability)] = &[
    ("a generated key", Capability::GeneratedKeys),
    ("without a transaction", Capability::Transactions),
    ("a transaction", Capability::Transactions),
    ("a savepoint", Capability::Savepoints),
    ("UPDATE … RETURNING", Capability::UpdateReturning),
    ("RETURNING", Capability::Returning),
    ("ON CONFLICT", Capability::Upsert),
    ("a read-only transaction", Capability::ReadOnlyTransactions),
    (
        "a comparison of several columns at once",
        Capability::RowValues,
    ),
    ("a computed column", Capability::ComputedColumns),
    (
        "assignments that read each other's columns",
        Capability::SimultaneousAssignment,
    ),
    ("a window function", Capability::Windows),
    ("a recursive query", Capability::RecursiveQueries),
    ("INTERSECT or EXCEPT", Capability::SetOperations),
    ("a path into a JSON document", Capability::JsonPaths),
    ("a part of a date or time", Capability::DateParts),
];

impl Capability {
    /// Returns the missing capability that an [`Unsupported`](selfsame::ErrorKind::Unsupported) error of the ORM names.
    pub(crate) fn refused_by(error: &Error) -> Option<Self> {
        let message = error.message();
        REFUSALS
            .iter()
            .find(|(phrase, _)| message.contains(phrase))
            .map(|&(_, capability)| capability)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transactions => "transactions",
            Self::Savepoints => "savepoints",
            Self::ForeignKeys => "foreign keys",
            Self::Checks => "check constraints",
            Self::GeneratedKeys => "generated keys",
            Self::Returning => "RETURNING",
            Self::UpdateReturning => "UPDATE … RETURNING",
            Self::Upsert => "upsert",
            Self::NullsOrder => "NULLS FIRST and LAST",
            Self::RowValues => "rows of values in comparisons",
            Self::ExactDecimals => "exact decimals",
            Self::DecimalScale => "the scale of decimals",
            Self::ConstraintNames => "names of violated constraints",
            Self::KeyConstraintNames => "names of violated keys",
            Self::ColumnNames => "names of columns without a value",
            Self::ErrorCodes => "codes of errors",
            Self::ComputedColumns => "computed columns",
            Self::Windows => "window functions",
            Self::RecursiveQueries => "recursive queries",
            Self::SetOperations => "INTERSECT and EXCEPT",
            Self::JsonPaths => "paths into JSON documents",
            Self::DateParts => "parts of dates and times",
            Self::ReadOnlyTransactions => "read-only transactions",
            Self::DeferrableConstraints => "deferrable constraints",
            Self::Isolation(level) => level.as_sql(),
            Self::Nan => "NaN",
            Self::Infinities => "infinities",
            Self::NegativeZero => "negative zero",
            Self::NulInText => "NUL in text",
            Self::JsonTextKept => "JSON documents that keep their text",
            Self::SecondConnection => "a second connection",
            Self::RowLocks => "rows locked by a query",
            Self::LockTimeout => "a limit of waits for locks",
            Self::ArrayBatches => "arrays as parameters",
            Self::SetDefault => "SET DEFAULT",
            Self::KeysCountedOn => "keys counted on from the last",
            Self::ConvertedValues => "values converted to the types of their columns",
            Self::SimultaneousAssignment => "assignments that see the row as it was before",
        })
    }
}

impl Case {
    /// Creates a case of the tier [`Read`](Tier::Read).
    pub const fn read(id: &'static str, run: fn(&mut Context) -> CaseResult) -> Self {
        Self::new(id, Tier::Read, run)
    }

    /// Creates a case of the tier [`Core`](Tier::Core).
    pub const fn core(id: &'static str, run: fn(&mut Context) -> CaseResult) -> Self {
        Self::new(id, Tier::Core, run)
    }

    /// Creates a case of the tier [`Full`](Tier::Full).
    pub const fn full(id: &'static str, run: fn(&mut Context) -> CaseResult) -> Self {
        Self::new(id, Tier::Full, run)
    }

    /// Creates a case of the tier [`Extra`](Tier::Extra).
    pub const fn extra(id: &'static str, run: fn(&mut Context) -> CaseResult) -> Self {
        Self::new(id, Tier::Extra, run)
    }

    const fn new(id: &'static str, tier: Tier, run: fn(&mut Context) -> CaseResult) -> Self {
        Self {
            id,
            tier,
            needs: &[],
            concurrent: false,
            promise: "",
            hint: "",
            covers: &[],
            since: 1,
            run,
            refusal: None,
        }
    }

    /// Sets the inventory in which the case was added; the default is the first.
    #[must_use]
    pub const fn since(mut self, inventory: u32) -> Self {
        self.since = inventory;
        self
    }

    /// Sets the promise.
    #[must_use]
    pub const fn promise(mut self, promise: &'static str) -> Self {
        self.promise = promise;
        self
    }

    /// Marks that a failure indicates a bug in the ORM: what this case needs of a backend is tested by other cases.
    #[must_use]
    pub const fn suspects_orm(mut self) -> Self {
        self.hint =
            "Suspect the ORM, not your backend: other cases test what this one needs of a backend.";
        self
    }

    /// Sets the hint for backend authors.
    #[must_use]
    pub const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    /// Sets the lines and rules that it covers.
    #[must_use]
    pub const fn covers(mut self, covers: &'static [Cover]) -> Self {
        self.covers = covers;
        self
    }

    /// Sets the capabilities that it needs.
    #[must_use]
    pub const fn needs(mut self, needs: &'static [Capability]) -> Self {
        self.needs = needs;
        self
    }

    /// Sets the check that an unclaimed capability is refused.
    #[must_use]
    pub const fn refusal(mut self, refusal: fn(&mut Context) -> CaseResult) -> Self {
        self.refusal = Some(refusal);
        self
    }

    /// Marks that the order of its events depends on timing.
    #[must_use]
    pub const fn concurrent(mut self) -> Self {
        self.concurrent = true;
        self
    }

    /// Returns the area; `None` if the id does not start with one, which the suite's own tests rule out.
    pub fn area(&self) -> Option<Area> {
        let first = self.id.split('.').next()?;
        Area::ALL.into_iter().find(|area| area.as_str() == first)
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("id", &self.id)
            .field("tier", &self.tier)
            .field("needs", &self.needs)
            .finish_non_exhaustive()
    }
}
