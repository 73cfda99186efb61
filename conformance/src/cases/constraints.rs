//! What the database refuses, and how the refusal is reported.

mod declared;
mod everywhere;
mod hints;
mod names;
mod refusals;

use selfsame::dialect::Capabilities;
use selfsame::schema::{Column, ColumnType, ForeignKey, ReferentialAction, Table};
use selfsame::{Error, ErrorKind};

use crate::case::Cover::Contract;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, int, null, text};
use selfsame::value::ValueType;

pub(super) const LISTS: &[&[Case]] = &[
    CASES,
    names::CASES,
    everywhere::CASES,
    refusals::CASES,
    declared::CASES,
    hints::CASES,
];

const CASES: &[Case] = &[
    Case::core("constraints.primary_key.duplicate", primary_key)
        .promise("A second row with an existing key is refused as a unique violation, and the first row is unchanged.")
        .hint("Classify the database's code, not its message.")
        .covers(&[Contract(56)]),
    Case::core("constraints.unique.duplicate", unique)
        .promise("A second row with an existing value in a UNIQUE column is refused as a unique violation.")
        .hint("Classify the database's code, not its message.")
        .covers(&[Contract(56)]),
    Case::core("constraints.unique.nulls", unique_nulls)
        .promise("UNIQUE ignores NULL: any number of rows may hold NULL.")
        .hint("An engine that differs must declare it.")
        .covers(&[Contract(59)]),
    Case::core("constraints.not_null.missing", not_null)
        .promise("NULL in a NOT NULL column is refused as a not-null violation, in INSERT and in UPDATE.")
        .hint("Classify the database's code, not its message.")
        .covers(&[Contract(56)]),
    Case::full("constraints.check.violated", check)
        .needs(&[Capability::Checks])
        .promise("A row that violates a CHECK is refused as a check violation, and the error names the constraint where the backend claims so.")
        .hint("Read the constraint's name from the error's own field, or from its text.")
        .covers(&[Contract(56)]),
    Case::full("constraints.foreign_key.missing", foreign_key)
        .needs(&[Capability::ForeignKeys])
        .promise("A row that references a missing row is refused as a foreign key violation, and so is deleting a referenced row.")
        .hint("Some engines enforce foreign keys only if this is turned on for each connection.")
        .covers(&[Contract(56)]),
    Case::full("constraints.foreign_key.every_connection", every_connection)
        .needs(&[Capability::ForeignKeys])
        .promise("Foreign keys are enforced on every connection, not only on the first.")
        .hint("Make the setting part of connecting, and of resetting.")
        .covers(&[Contract(62)]),
    Case::full("constraints.foreign_key.actions", actions)
        .needs(&[Capability::ForeignKeys])
        .promise("ON DELETE CASCADE removes the children and SET NULL clears their keys, since cascades may be left to the database.")
        .hint("Check that the clauses reach the database.")
        .covers(&[Contract(60)]),
];

/// Checks that a statement was refused with this kind.
fn refused<T: std::fmt::Debug>(
    result: Result<T, Error>,
    kind: ErrorKind,
    what: &str,
) -> CaseResult<Error> {
    match result {
        Err(error) if error.kind() == kind => {
            check!(
                !error.message().is_empty(),
                "the error of {what} must have a message"
            );
            Ok(error)
        }
        other => {
            let found = match other {
                Ok(outcome) => format!("it was taken: {outcome:?}"),
                Err(error) => format!("it was refused as {:?}", error.kind()),
            };
            check!(false, "{what} must be refused as {kind:?}; {found}");
            unreachable!("the check above ends the case")
        }
    }
}

/// Checks that the error of a refused statement has the database's code, if this is claimed.
fn coded(claims: &Capabilities, error: &Error, what: &str) -> CaseResult {
    check!(
        !claims.error_codes || error.native_code().is_some_and(|code| !code.is_empty()),
        "the error of {what} must have the database's own code, it is {error:?}"
    );
    Ok(())
}

/// The UNIQUE constraint of `people`.
const UNIQUE: &str = "people_email_is_unique";

/// A table of names and ages, with every kind of constraint that needs no second table.
fn people() -> Table {
    let mut table = Table::build("people")
        .column(Column::new("id", ColumnType::I64))
        .column(Column::new("name", ColumnType::Text { length: None }))
        .column(Column::new("email", ColumnType::Text { length: None }).nullable())
        .primary_key(["id"])
        .unique(["email"]);
    table.uniques[0].name = Some(UNIQUE.to_owned());
    table
}

const INSERT: &str = "INSERT INTO [people] ([id], [name], [email]) VALUES (?, ?, ?)";

fn with_people(context: &Context) -> CaseResult<Database> {
    let mut database = Database::open(context)?;
    database.create(&people())?;
    database.execute(INSERT, &[int(1), text("ann"), text("ann@example.org")])?;
    Ok(database)
}

fn primary_key(context: &mut Context) -> CaseResult {
    let mut database = with_people(context)?;
    let result = database.execute(INSERT, &[int(1), text("bob"), text("bob@example.org")]);
    refused(result, ErrorKind::UniqueViolation, "an existing key")?;
    let names = database.column("SELECT [name] FROM [people]", &[], ValueType::Text)?;
    check_eq!(
        names,
        [text("ann").value],
        "the first row must be unchanged"
    );
    Ok(())
}

fn unique(context: &mut Context) -> CaseResult {
    let mut database = with_people(context)?;
    let result = database.execute(INSERT, &[int(2), text("bob"), text("ann@example.org")]);
    refused(result, ErrorKind::UniqueViolation, "an existing value")?;
    database.execute(INSERT, &[int(2), text("bob"), text("bob@example.org")])?;
    let result = database.execute(
        "UPDATE [people] SET [email] = ? WHERE [id] = ?",
        &[text("ann@example.org"), int(2)],
    );
    refused(
        result,
        ErrorKind::UniqueViolation,
        "an existing value, by UPDATE",
    )?;
    check_eq!(
        database.count("people")?,
        2,
        "refused rows must not be there"
    );
    Ok(())
}

fn unique_nulls(context: &mut Context) -> CaseResult {
    let mut database = with_people(context)?;
    for id in [2, 3] {
        let result = database.execute(INSERT, &[int(id), text("x"), null(ValueType::Text)]);
        check!(
            result.is_ok(),
            "NULL must be free under UNIQUE, was refused: {result:?}"
        );
    }
    Ok(())
}

fn not_null(context: &mut Context) -> CaseResult {
    let mut database = with_people(context)?;
    let result = database.execute(INSERT, &[int(2), null(ValueType::Text), text("x")]);
    refused(
        result,
        ErrorKind::NotNullViolation,
        "NULL in a NOT NULL column",
    )?;
    let result = database.execute("UPDATE [people] SET [name] = ?", &[null(ValueType::Text)]);
    refused(
        result,
        ErrorKind::NotNullViolation,
        "NULL in a NOT NULL column, by UPDATE",
    )?;
    Ok(())
}

fn check(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    let mut table = Table::build("people")
        .column(Column::new("id", ColumnType::I64))
        .column(Column::new("age", ColumnType::I64).nullable())
        .primary_key(["id"])
        .check("age >= 0");
    table.checks[0].name = Some("age_is_not_negative".to_owned());
    database.create(&table)?;
    let insert = "INSERT INTO [people] ([id], [age]) VALUES (?, ?)";
    let error = refused(
        database.execute(insert, &[int(1), int(-1)]),
        ErrorKind::CheckViolation,
        "a row that a CHECK refuses",
    )?;
    if context.capabilities().constraint_names {
        check_eq!(
            error.constraint_name(),
            Some("age_is_not_negative"),
            "the error must name the constraint"
        );
    }
    database.execute(insert, &[int(1), int(1)])?;
    let error = refused(
        database.execute("UPDATE [people] SET [age] = ?", &[int(-1)]),
        ErrorKind::CheckViolation,
        "a row that a CHECK refuses, by UPDATE",
    )?;
    if context.capabilities().constraint_names {
        check_eq!(
            error.constraint_name(),
            Some("age_is_not_negative"),
            "the error of an UPDATE must name the constraint"
        );
    }
    for (id, age) in [(2, int(0)), (3, null(ValueType::I64))] {
        let result = database.execute(insert, &[int(id), age]);
        check!(
            result.is_ok(),
            "a row that the CHECK allows must be taken: {result:?}"
        );
    }
    Ok(())
}

/// The foreign key of `pets`.
const OWNER: &str = "pets_owner_is_known";

/// `people`, and `pets` that reference them.
fn with_pets(context: &Context, on_delete: ReferentialAction) -> CaseResult<Database> {
    let mut database = with_people(context)?;
    let pets = Table::build("pets")
        .column(Column::new("id", ColumnType::I64))
        .column(Column::new("owner", ColumnType::I64).nullable())
        .primary_key(["id"])
        .constraint(ForeignKey {
            name: Some(OWNER.to_owned()),
            columns: vec!["owner".to_owned()],
            table: "people".to_owned(),
            schema: None,
            references: vec!["id".to_owned()],
            on_delete,
            on_update: ReferentialAction::NoAction,
        });
    database.create(&pets)?;
    database.execute(
        "INSERT INTO [pets] ([id], [owner]) VALUES (?, ?)",
        &[int(10), int(1)],
    )?;
    Ok(database)
}

fn foreign_key(context: &mut Context) -> CaseResult {
    let mut database = with_pets(context, ReferentialAction::NoAction)?;
    let insert = "INSERT INTO [pets] ([id], [owner]) VALUES (?, ?)";
    let result = database.execute(insert, &[int(11), int(99)]);
    refused(
        result,
        ErrorKind::ForeignKeyViolation,
        "a row that references a missing row",
    )?;
    let result = database.execute("UPDATE [pets] SET [owner] = ?", &[int(99)]);
    refused(
        result,
        ErrorKind::ForeignKeyViolation,
        "a row that references a missing row, by UPDATE",
    )?;
    let result = database.execute("DELETE FROM [people]", &[]);
    refused(
        result,
        ErrorKind::ForeignKeyViolation,
        "deleting a referenced row",
    )?;
    if context.capabilities().transactions {
        // A foreign key that is not DEFERRABLE is checked at once.
        database.begin_write()?;
        let result = database.execute(insert, &[int(11), int(99)]);
        refused(
            result,
            ErrorKind::ForeignKeyViolation,
            "inside a transaction, a row that references a missing row",
        )?;
        database.rollback()?;
    }
    let free = database.execute(insert, &[int(12), null(ValueType::I64)]);
    check!(free.is_ok(), "a NULL reference must be accepted: {free:?}");
    Ok(())
}

fn every_connection(context: &mut Context) -> CaseResult {
    let first = with_pets(context, ReferentialAction::NoAction)?;
    drop(first);
    for place in 1..=3 {
        let mut other = Database::open(context)?;
        let result = other.execute(
            "INSERT INTO [pets] ([id], [owner]) VALUES (?, ?)",
            &[int(20 + place), int(99)],
        );
        refused(
            result,
            ErrorKind::ForeignKeyViolation,
            "a row that references a missing row, on a later connection",
        )?;
        other.connection.reset(true)?;
        let result = other.execute(
            "INSERT INTO [pets] ([id], [owner]) VALUES (?, ?)",
            &[int(30 + place), int(99)],
        );
        refused(
            result,
            ErrorKind::ForeignKeyViolation,
            "a row that references a missing row, after a reset",
        )?;
    }
    Ok(())
}

fn actions(context: &mut Context) -> CaseResult {
    let mut database = with_pets(context, ReferentialAction::Cascade)?;
    database.execute("DELETE FROM [people]", &[])?;
    check_eq!(
        database.count("pets")?,
        0,
        "ON DELETE CASCADE must remove the children"
    );
    database.execute("DROP TABLE [pets]", &[])?;
    database.execute("DROP TABLE [people]", &[])?;
    let mut database = with_pets(context, ReferentialAction::SetNull)?;
    database.execute("DELETE FROM [people]", &[])?;
    let left = database.integers("SELECT count(*) FROM [pets] WHERE [owner] IS NULL", &[])?;
    check_eq!(
        left,
        [1],
        "ON DELETE SET NULL must keep the child and clear its reference"
    );
    Ok(())
}
