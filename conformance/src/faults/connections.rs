//! What connections and servers tell of themselves.
//!
//! A server that is gone is not among these lies: the cases break the connection themselves, above the backend, as nothing in the
//! contract could make any server go. What a backend makes of a dead line is a test of its own.

use crate::faults::Fault;
use crate::faults::Group::Connections;
use crate::faults::lie::Lie;

pub(super) const FAULTS: &[Fault] = &[
    Fault::new(
        "connections.version_untold",
        Connections,
        "The backend does not report the server's name and version.",
        Lie::Anonymous,
    )
    .suspects(&["connections.version"]),
    Fault::new(
        "connections.password_shown",
        Connections,
        "The backend's Debug form shows the password.",
        Lie::ShowPassword,
    )
    .suspects(&["connections.debug"]),
    Fault::new(
        "connections.cancel_ignored",
        Connections,
        "A statement interrupted from another thread runs to its end.",
        Lie::IgnoreCancel,
    )
    .suspects(&["connections.cancelled.running"]),
    Fault::new(
        "connections.cancel_breaks_unnoticed",
        Connections,
        "After an interrupted statement the connection is unusable but reports that it is open.",
        Lie::BreakOnCancel,
    )
    .suspects(&["connections.cancelled.next"]),
];
