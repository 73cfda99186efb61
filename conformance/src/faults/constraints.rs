//! Violations that are not refused, or not reported correctly.

use selfsame::{Error, ErrorKind};

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::Constraints;
use crate::faults::lie::{Answer, Lie, Part, without};
use crate::faults::text::{definitions, replaced, without_definitions, without_definitions_after};

/// Removes a name from an error.
macro_rules! unnamed {
    ($id:literal, $kind:ident, $part:ident, $sentence:literal, $needs:expr) => {
        Fault::new(
            concat!("constraints.", $id),
            Constraints,
            $sentence,
            Lie::Error(|_, error| {
                (error.kind() == ErrorKind::$kind)
                    .then(|| without(error, Part::$part))
                    .flatten()
                    .map(Answer::Error)
            }),
        )
        .needs($needs)
        .suspects(&["constraints.error.names"])
    };
}

pub(super) const FAULTS: &[Fault] = &[
    Fault::new(
        "constraints.foreign_keys_off",
        Constraints,
        "Foreign keys are not enforced.",
        Lie::Text(|_, _, text| without_definitions(text, "FOREIGN KEY")),
    )
    .needs(&[Capability::ForeignKeys])
    .suspects(&["constraints.foreign_key"]),
    Fault::new(
        "constraints.unique_dropped",
        Constraints,
        "UNIQUE constraints are not enforced.",
        Lie::Text(|_, _, text| {
            without_definitions(text, "UNIQUE")
                .or_else(|| replaced(text, "CREATE UNIQUE INDEX", "CREATE INDEX"))
        }),
    )
    .suspects(&["constraints.unique"]),
    Fault::new(
        "constraints.check_dropped",
        Constraints,
        "CHECK constraints are not enforced.",
        Lie::Text(|_, _, text| without_definitions(text, "CHECK")),
    )
    .needs(&[Capability::Checks])
    .suspects(&["constraints.check"]),
    Fault::new(
        "constraints.unique_first_column_only",
        Constraints,
        "A UNIQUE constraint of several columns covers only the first.",
        Lie::Text(|_, _, text| first_column_only(text)),
    )
    .suspects(&["constraints.declared.keys"]),
    Fault::new(
        "constraints.second_check_dropped",
        Constraints,
        "Of several CHECK constraints of a table only the first is enforced.",
        Lie::Text(|_, _, text| without_definitions_after(text, "CHECK", 1)),
    )
    .needs(&[Capability::Checks])
    .suspects(&["constraints.declared.checks"]),
    Fault::new(
        "constraints.on_update_ignored",
        Constraints,
        "ON UPDATE CASCADE is ignored.",
        Lie::Text(|_, _, text| replaced(text, " ON UPDATE CASCADE", "")),
    )
    .needs(&[Capability::ForeignKeys])
    .suspects(&["constraints.declared.actions"]),
    Fault::new(
        "constraints.set_default_is_set_null",
        Constraints,
        "ON DELETE SET DEFAULT writes NULL.",
        Lie::Text(|_, _, text| replaced(text, " SET DEFAULT", " SET NULL")),
    )
    .needs(&[Capability::ForeignKeys, Capability::SetDefault])
    .suspects(&["constraints.declared.actions"]),
    Fault::new(
        "constraints.set_null_is_cascade",
        Constraints,
        "ON DELETE SET NULL removes the children.",
        Lie::Text(|_, _, text| replaced(text, " ON DELETE SET NULL", " ON DELETE CASCADE")),
    )
    .needs(&[Capability::ForeignKeys])
    .suspects(&["constraints.declared.actions"]),
    Fault::new(
        "constraints.not_null_dropped",
        Constraints,
        "NOT NULL is not enforced.",
        Lie::Text(|_, _, text| replaced(text, " NOT NULL", "")),
    )
    .suspects(&["constraints.not_null"]),
    Fault::new(
        "constraints.wrong_error_kind",
        Constraints,
        "Every constraint violation is reported as a foreign key violation.",
        Lie::Error(|_, error| {
            (error.is_constraint() && error.kind() != ErrorKind::ForeignKeyViolation)
                .then(|| Answer::Error(Error::new(ErrorKind::ForeignKeyViolation, error.message())))
        }),
    )
    .suspects(&["constraints.unique", "constraints.not_null"]),
    Fault::new(
        "constraints.invalid_statement_is_other",
        Constraints,
        "A statement that the database cannot resolve is reported as another error of the database.",
        Lie::Error(|_, error| {
            (error.kind() == ErrorKind::InvalidStatement)
                .then(|| Answer::Error(Error::new(ErrorKind::Database, error.message())))
        }),
    )
    .suspects(&["constraints.error"]),
    Fault::new(
        "constraints.missing_table_is_invalid",
        Constraints,
        "A statement of a missing table is reported as an invalid statement.",
        Lie::Error(|_, error| {
            (error.kind() == ErrorKind::NoSuchTable)
                .then(|| Answer::Error(Error::new(ErrorKind::InvalidStatement, error.message())))
        }),
    )
    .suspects(&["constraints.error"]),
    Fault::new(
        "constraints.name_lost",
        Constraints,
        "The error does not name the constraint.",
        Lie::Error(|_, error| {
            without(error, Part::Constraint).map(Answer::Error)
        }),
    )
    .suspects(&["constraints.check"]),
    unnamed!(
        "unique_name_lost",
        UniqueViolation,
        Constraint,
        "The error of a violated UNIQUE constraint does not name it.",
        &[Capability::KeyConstraintNames]
    ),
    unnamed!(
        "foreign_key_name_lost",
        ForeignKeyViolation,
        Constraint,
        "The error of a violated foreign key does not name it.",
        &[Capability::KeyConstraintNames, Capability::ForeignKeys]
    ),
    unnamed!(
        "not_null_column_lost",
        NotNullViolation,
        Column,
        "The error for NULL does not name the column.",
        &[Capability::ColumnNames]
    ),
    Fault::new(
        "constraints.error_shows_values",
        Constraints,
        "An error shows the parameters of its statement.",
        Lie::QuoteParameters,
    )
    .suspects(&["constraints.error.no_values"]),
    Fault::new(
        "constraints.connection_breaks_on_error",
        Constraints,
        "The connection is unusable after an error.",
        Lie::BreakOnError,
    )
    .suspects(&["constraints.connection"]),
];

/// CREATE TABLE whose UNIQUE constraints name one column.
fn first_column_only(text: &str) -> Option<String> {
    let (before, parts, after) = definitions(text)?;
    let cut: Vec<String> = parts
        .iter()
        .map(|part| match part.split_once("UNIQUE (") {
            Some((head, columns)) => {
                let first = columns.split(',').next().unwrap_or(columns);
                format!("{head}UNIQUE ({})", first.trim_end_matches(')'))
            }
            None => (*part).to_owned(),
        })
        .collect();
    let changed = cut.iter().zip(&parts).any(|(cut, part)| cut != part);
    changed.then(|| format!("{before}{}{after}", cut.join(", ")))
}
