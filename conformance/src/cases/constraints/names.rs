//! The names in the error for a violated key.

use selfsame::schema::ReferentialAction;
use selfsame::value::ValueType;
use selfsame::{Error, ErrorKind};

use super::{INSERT, OWNER, UNIQUE, coded, refused, with_pets};
use crate::case::Cover::Contract;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, null, text};

pub(super) const CASES: &[Case] = &[
    Case::full("constraints.error.names_unique", unique)
        .since(25)
        .promise("The error for an existing value names the UNIQUE constraint, in INSERT and in UPDATE, so that a program can tell which of its rules a user broke; where that is not claimed, it names it or nothing.")
        .hint("Read the name from the error's own field, or from the end of its text: the value in it may hold anything.")
        .covers(&[Contract(56)]),
    Case::full("constraints.error.names_foreign_key", foreign_key)
        .since(25)
        .needs(&[Capability::ForeignKeys])
        .promise("The error of a violated foreign key names it, whether the child is written, or the parent deleted or changed; where that is not claimed, it names it or nothing.")
        .hint("How a database quotes names in its messages may depend on the settings of the connection.")
        .covers(&[Contract(56)]),
    Case::full("constraints.error.names_column", column)
        .since(25)
        .promise("The error for NULL in a NOT NULL column names the column, in INSERT and in UPDATE, and so does that for a column without a value; where that is not claimed, it names it or nothing.")
        .hint("Read the name from the error's own field, or from its text.")
        .covers(&[Contract(56)]),
];

/// Checks that each statement is refused with an error of this kind that names the object; if names are not claimed, the error may have no
/// name.
fn named(
    database: &mut Database,
    kind: ErrorKind,
    statements: &[(&str, &[Typed])],
    name: fn(&Error) -> Option<&str>,
    expected: &str,
) -> CaseResult {
    let claims = database.dialect().capabilities();
    let may_be_none = match kind {
        ErrorKind::NotNullViolation => !claims.column_names,
        _ => !claims.key_constraint_names,
    };
    for (statement, params) in statements {
        let error = refused(database.execute(statement, params), kind, statement)?;
        let found = name(&error);
        check!(
            found == Some(expected) || found.is_none() && may_be_none,
            "the error of {statement} must name {expected}, which was violated; it names {found:?}"
        );
        coded(&claims, &error, statement)?;
    }
    Ok(())
}

fn unique(context: &mut Context) -> CaseResult {
    let mut database = with_pets(context, ReferentialAction::NoAction)?;
    database.execute(INSERT, &[int(2), text("bob"), text("for key 'x'")])?;
    named(
        &mut database,
        ErrorKind::UniqueViolation,
        &[
            (INSERT, &[int(3), text("cy"), text("for key 'x'")]),
            (
                "UPDATE [people] SET [email] = ? WHERE [id] = ?",
                &[text("for key 'x'"), int(1)],
            ),
        ],
        Error::constraint_name,
        UNIQUE,
    )
}

fn foreign_key(context: &mut Context) -> CaseResult {
    let mut database = with_pets(context, ReferentialAction::NoAction)?;
    named(
        &mut database,
        ErrorKind::ForeignKeyViolation,
        &[
            (
                "INSERT INTO [pets] ([id], [owner]) VALUES (?, ?)",
                &[int(11), int(99)],
            ),
            ("UPDATE [pets] SET [owner] = ?", &[int(99)]),
            ("DELETE FROM [people] WHERE [id] = ?", &[int(1)]),
            ("UPDATE [people] SET [id] = ?", &[int(99)]),
        ],
        Error::constraint_name,
        OWNER,
    )
}

fn column(context: &mut Context) -> CaseResult {
    let mut database = with_pets(context, ReferentialAction::NoAction)?;
    named(
        &mut database,
        ErrorKind::NotNullViolation,
        &[
            (INSERT, &[int(2), null(ValueType::Text), text("x")]),
            ("UPDATE [people] SET [name] = ?", &[null(ValueType::Text)]),
            ("INSERT INTO [people] ([id]) VALUES (?)", &[int(2)]),
        ],
        Error::column_name,
        "name",
    )
}
