//! Wrong reports of connections and servers about themselves.
//!
//! Lost servers are not among these faults: the cases break the connection themselves, above the backend, because the contract offers no way to
//! stop every server. How a backend handles a dead connection is tested separately. Silent servers are included if the target can make its
//! server silent.

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::Connections;
use crate::faults::lie::{Lie, Wait};

/// Without a second connection there is nothing to wait for.
const OTHERS: &[Capability] = &[Capability::Transactions, Capability::SecondConnection];
const LIMITED: &[Capability] = &[
    Capability::Transactions,
    Capability::SecondConnection,
    Capability::LockTimeout,
];

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
        "connections.cancel_waits_for_lock",
        Connections,
        "A statement that waits for a lock is not interrupted: it goes on waiting.",
        Lie::IgnoreCancelOfWrites,
    )
    .needs(OTHERS)
    .suspects(&["connections.waits.interrupted"]),
    Fault::new(
        "connections.cancel_breaks_unnoticed",
        Connections,
        "After an interrupted statement the connection is unusable but reports that it is open.",
        Lie::BreakOnCancel,
    )
    .suspects(&["connections.cancelled.next"]),
    Fault::new(
        "connections.lock_waited_for_forever",
        Connections,
        "A statement waits for a lock as long as another connection holds it.",
        Lie::Wait(Wait::Locked),
    )
    .needs(LIMITED)
    .suspects(&["transactions.lock.waits"]),
    Fault::new(
        "connections.busy_retried_forever",
        Connections,
        "A statement that times out waiting for a lock is sent again until it succeeds.",
        Lie::RetryWhileBusy,
    )
    .needs(LIMITED)
    .suspects(&["connections.waits.kinds"]),
    Fault::new(
        "connections.drop_waits",
        Connections,
        "Dropping a connection with an open transaction never returns.",
        Lie::Wait(Wait::Drop),
    )
    .needs(OTHERS)
    .suspects(&["connections.waits.ended"]),
    Fault::new(
        "connections.reset_waits",
        Connections,
        "Resetting a connection with an open transaction never returns.",
        Lie::Wait(Wait::Reset),
    )
    .needs(OTHERS)
    .suspects(&["connections.waits.ended"]),
    Fault::new(
        "connections.checkout_waits",
        Connections,
        "Taking a connection out of the pool never returns, because the check of whether it is open does not.",
        Lie::Wait(Wait::Check),
    )
    .needs(OTHERS)
    .suspects(&["connections.waits.pool"]),
    Fault::new(
        "connections.connect_waits",
        Connections,
        "A connection is opened only once no transaction is open on another.",
        Lie::Wait(Wait::Connect),
    )
    .needs(OTHERS)
    .suspects(&["connections.waits.pool"]),
    Fault::new(
        "connections.silence_waited_out",
        Connections,
        "A statement waits for a silent server without a time limit.",
        Lie::Wait(Wait::Silent),
    )
    .needs_silence()
    .suspects(&["connections.silent.statement", "connections.silent.ending"]),
];
