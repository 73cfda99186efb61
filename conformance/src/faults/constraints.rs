//! What should be refused is not, or not rightly.

use selfsame::{Error, ErrorKind};

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::Constraints;
use crate::faults::lie::{Answer, Lie};
use crate::faults::text::{replaced, without_definitions};

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
        "constraints.not_null_dropped",
        Constraints,
        "NOT NULL is not enforced.",
        Lie::Text(|_, _, text| replaced(text, " NOT NULL", "")),
    )
    .suspects(&["constraints.not_null"]),
    Fault::new(
        "constraints.wrong_error_kind",
        Constraints,
        "A violated constraint is told as a foreign key, whatever it was.",
        Lie::Error(|_, error| {
            (error.is_constraint() && error.kind() != ErrorKind::ForeignKeyViolation)
                .then(|| Answer::Error(Error::new(ErrorKind::ForeignKeyViolation, error.message())))
        }),
    )
    .suspects(&["constraints.unique", "constraints.not_null"]),
    Fault::new(
        "constraints.name_lost",
        Constraints,
        "The error does not name the constraint.",
        Lie::Error(|_, error| {
            error
                .constraint_name()
                .map(|_| Answer::Error(Error::new(error.kind(), "a constraint was violated")))
        }),
    )
    .suspects(&["constraints.check"]),
    Fault::new(
        "constraints.connection_breaks_on_error",
        Constraints,
        "The connection is unusable after an error.",
        Lie::BreakOnError,
    )
    .suspects(&["constraints.connection"]),
];
