//! Refusals reported as success or with another reason, and parts of constraints that are not enforced.

use selfsame::backend::StatementKind;
use selfsame::{Error, ErrorKind};

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::Constraints;
use crate::faults::lie::{Answer, Lie};
use crate::faults::text::{definitions, places, replaced, without_definitions_after};

/// Reports a violation by one kind of statement as success.
macro_rules! accepted {
    ($id:literal, $kind:ident, $violation:ident, $sentence:literal) => {
        Fault::new(
            concat!("constraints.", $id),
            Constraints,
            $sentence,
            Lie::Error(|kind, error| {
                (kind == StatementKind::$kind && error.kind() == ErrorKind::$violation)
                    .then_some(Answer::Success)
            }),
        )
        .suspects(&["constraints."])
    };
}

/// Reports a violation as another one.
macro_rules! reported {
    ($id:literal, $violation:ident => $other:ident, $sentence:literal) => {
        Fault::new(
            concat!("constraints.", $id),
            Constraints,
            $sentence,
            Lie::Error(|_, error| {
                (error.kind() == ErrorKind::$violation)
                    .then(|| Answer::Error(Error::new(ErrorKind::$other, error.message())))
            }),
        )
        .suspects(&["constraints."])
    };
}

/// Removes some definitions of a CREATE TABLE.
macro_rules! dropped {
    ($id:literal, $sentence:literal, $is_dropped:expr) => {
        Fault::new(
            concat!("constraints.", $id),
            Constraints,
            $sentence,
            Lie::Text(|_, _, text| {
                let is_dropped: fn(&str) -> bool = $is_dropped;
                let (before, parts, after) = definitions(text)?;
                let kept: Vec<&str> = parts
                    .iter()
                    .copied()
                    .filter(|part| !is_dropped(part))
                    .collect();
                (kept.len() < parts.len()).then(|| format!("{before}{}{after}", kept.join(", ")))
            }),
        )
        .suspects(&["constraints."])
    };
}

/// Replaces a word in a definition.
macro_rules! instead {
    ($id:literal, $sentence:literal, $word:literal => $other:literal) => {
        Fault::new(
            concat!("constraints.", $id),
            Constraints,
            $sentence,
            Lie::Text(|_, _, text| replaced(text, $word, $other)),
        )
        .needs(&[Capability::ForeignKeys])
        .suspects(&["constraints."])
    };
}

pub(super) const FAULTS: &[Fault] = &[
    accepted!(
        "update_to_a_taken_key_is_success",
        Update,
        UniqueViolation,
        "An UPDATE that a UNIQUE constraint refuses is reported as success."
    ),
    accepted!(
        "update_to_null_is_success",
        Update,
        NotNullViolation,
        "An UPDATE that NOT NULL refuses is reported as success."
    ),
    accepted!(
        "update_against_a_check_is_success",
        Update,
        CheckViolation,
        "An UPDATE that a CHECK refuses is reported as success."
    )
    .needs(&[Capability::Checks]),
    accepted!(
        "update_of_a_reference_is_success",
        Update,
        ForeignKeyViolation,
        "An UPDATE that a foreign key refuses is reported as success."
    )
    .needs(&[Capability::ForeignKeys]),
    accepted!(
        "delete_of_a_parent_is_success",
        Delete,
        ForeignKeyViolation,
        "A DELETE that a foreign key refuses is reported as success."
    )
    .needs(&[Capability::ForeignKeys]),
    accepted!(
        "insert_of_null_is_success",
        Insert,
        NotNullViolation,
        "An INSERT that NOT NULL refuses is reported as success."
    ),
    reported!(
        "not_null_is_check",
        NotNullViolation => CheckViolation,
        "A violated NOT NULL is reported as a violated CHECK."
    ),
    reported!(
        "check_is_not_null",
        CheckViolation => NotNullViolation,
        "A violated CHECK is reported as a violated NOT NULL."
    )
    .needs(&[Capability::Checks]),
    reported!(
        "foreign_key_is_unique",
        ForeignKeyViolation => UniqueViolation,
        "A violated foreign key is reported as a violated UNIQUE constraint."
    )
    .needs(&[Capability::ForeignKeys]),
    Fault::new(
        "constraints.another_named",
        Constraints,
        "The error names another constraint.",
        Lie::Error(|_, error| {
            let name = error.constraint_name()?;
            let other = Error::new(error.kind(), error.message());
            Some(Answer::Error(other.constraint(format!("{name}_1"))))
        }),
    )
    .needs(&[Capability::ConstraintNames])
    .suspects(&["constraints.check"]),
    Fault::new(
        "constraints.second_foreign_key_dropped",
        Constraints,
        "Of several foreign keys of a table only the first is enforced.",
        Lie::Text(|_, _, text| without_definitions_after(text, "FOREIGN KEY", 1)),
    )
    .needs(&[Capability::ForeignKeys])
    .suspects(&["constraints."]),
    Fault::new(
        "constraints.second_unique_dropped",
        Constraints,
        "Of several UNIQUE constraints of a table only the first is enforced.",
        Lie::Text(|_, _, text| without_definitions_after(text, "UNIQUE (", 1)),
    )
    .suspects(&["constraints."]),
    dropped!(
        "composite_foreign_keys_off",
        "A foreign key of several columns is not enforced.",
        |part| {
            let columns = part.split("FOREIGN KEY (").nth(1);
            columns
                .is_some_and(|columns| columns.split(')').next().is_some_and(|c| c.contains(',')))
        }
    )
    .needs(&[Capability::ForeignKeys]),
    dropped!(
        "key_of_one_column_not_unique",
        "A primary key of one column is not enforced.",
        |part| part.starts_with("PRIMARY KEY (") && !part.contains(',')
    ),
    Fault::new(
        "constraints.last_not_null_dropped",
        Constraints,
        "The last NOT NULL of a table is not enforced.",
        Lie::Text(|_, _, text| {
            let at = *places(text, " NOT NULL").last()?;
            let rest = &text[at + " NOT NULL".len()..];
            text.starts_with("CREATE TABLE")
                .then(|| format!("{}{rest}", &text[..at]))
        }),
    )
    .suspects(&["constraints."]),
    instead!(
        "cascade_is_set_null",
        "ON DELETE CASCADE clears the children's columns.",
        " ON DELETE CASCADE" => " ON DELETE SET NULL"
    ),
    instead!(
        "set_null_ignored",
        "ON DELETE SET NULL is ignored.",
        " ON DELETE SET NULL" => ""
    ),
    instead!(
        "update_cascade_is_set_null",
        "ON UPDATE CASCADE clears the children's columns.",
        " ON UPDATE CASCADE" => " ON UPDATE SET NULL"
    ),
    instead!(
        "update_set_null_is_cascade",
        "ON UPDATE SET NULL changes the children's columns with the key.",
        " ON UPDATE SET NULL" => " ON UPDATE CASCADE"
    ),
];
