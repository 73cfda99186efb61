//! A transaction that has read rows which another transaction then changed.

use std::thread;
use std::time::Duration;

use selfsame::ErrorKind;
use selfsame::dialect::{Begin, Transaction};

use super::{insert, keys, with_row};
use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, int};
use crate::deadline::{SOON, Waiting};

pub(super) const CASES: &[Case] = &[
    Case::core("transactions.conflict.told", reported)
        .since(20)
        .needs(&[Capability::Transactions, Capability::SecondConnection])
        .promise("A write that cannot succeed because another transaction changed what this one has read is a retryable conflict, not a lock timeout.")
        .hint("Report `Serialization` or `Deadlock`: waiting in the same transaction never helps, and `retry` starts a new one.")
        .covers(&[Contract(58), Contract(72), Rule(37)]),
    Case::core("transactions.conflict.deadlock", crossed)
        .since(26)
        .concurrent()
        .needs(&[Capability::Transactions, Capability::SecondConnection, Capability::RowLocks])
        .promise("Of two transactions that wait for each other's rows, one is refused with a retryable conflict, not a lock timeout, and the other commits.")
        .hint("Report `Deadlock` or `Serialization`: the refused transaction has ended, and `retry` starts a new one.")
        .covers(&[Contract(58), Contract(72), Rule(37)]),
];

const SET: &str = "UPDATE [t] SET [v] = ? WHERE [id] = ?";

fn reported(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    let mut other = Database::open(context)?;
    let levels = context.capabilities().isolation_levels;
    let (mut refused, mut locked) = (0, 0);
    let beginnings = std::iter::once(None).chain(levels.into_iter().map(Some));
    for (isolation, round) in beginnings.zip(1..) {
        let mut begin = Begin::default();
        begin.isolation = isolation;
        database.transaction(Transaction::Begin(begin))?;
        keys(&mut database)?;
        other.begin_write()?;
        let changed = other
            .execute(SET, &[int(round), int(1)])
            .and_then(|_| other.commit());
        if changed
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::Busy)
        {
            // Rows that were read are locked until the transaction ends: no other transaction can change them.
            let _ = other.rollback();
            database.rollback()?;
            locked += 1;
            continue;
        }
        changed?;
        // The row is no longer locked, so nothing has to wait.
        let ended = database
            .execute(SET, &[int(-round), int(1)])
            .and_then(|_| database.commit());
        let wanted = match &ended {
            Ok(()) => -round,
            Err(error) => {
                check!(
                    matches!(error.kind(), ErrorKind::Serialization | ErrorKind::Deadlock),
                    "a write after what another committed ({isolation:?}) must be a conflict, returned {ended:?}"
                );
                refused += 1;
                let _ = database.rollback();
                round
            }
        };
        let value = other.integers("SELECT [v] FROM [t] WHERE [id] = ?", &[int(1)])?;
        check_eq!(value, [wanted], "the last committed value ({isolation:?})");
        // The same again, begun after the other transaction has ended.
        database.begin_write()?;
        let again = database
            .execute(SET, &[int(0), int(1)])
            .and_then(|_| database.commit());
        check!(
            again.is_ok(),
            "a transaction that begins after the other must succeed, returned {again:?}"
        );
    }
    announced(context, database, other)?;
    context.note(format!(
        "refused at {refused} levels, locked before at {locked}"
    ));
    Ok(())
}

fn crossed(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    insert(&mut database, 2, 10)?;
    let mut other = Database::open(context)?;
    database.begin_write()?;
    other.begin_write()?;
    database.execute(SET, &[int(1), int(1)])?;
    other.execute(SET, &[int(2), int(2)])?;
    let write = |database: &mut Database, value, id| {
        let written = database
            .execute(SET, &[int(value), int(id)])
            .and_then(|_| database.commit());
        if written.is_err() {
            let _ = database.rollback();
        }
        written
    };
    let waiting = Waiting::start(move || write(&mut other, 2, 1))?;
    let one = write(&mut database, 1, 2);
    let (another, _) = waiting.end("one of two that wait for each other", SOON)?;
    let wanted = match (&one, &another) {
        (Ok(()), Err(error)) if error.is_retryable() => 1,
        (Err(error), Ok(())) if error.is_retryable() => 2,
        _ => 0,
    };
    check!(
        wanted > 0,
        "one of two transactions that wait for each other must be a retryable conflict, and the other commit, returned {one:?} and {another:?}"
    );
    let values = database.integers("SELECT [v] FROM [t] ORDER BY [id]", &[])?;
    check_eq!(values, [wanted; 2], "the rows of the one that committed");
    Ok(())
}

/// How long another transaction gets to write other rows, if it does not have to wait.
const HEAD_START: Duration = Duration::from_millis(150);

/// Checks that a transaction that announced writes is not refused because others write other rows after it has read, whatever transaction its
/// connection ran before.
fn announced(context: &Context, mut database: Database, mut other: Database) -> CaseResult {
    let claims = context.capabilities();
    let mut befores = vec![None, Some(Begin::default())];
    befores.extend(claims.isolation_levels.into_iter().map(|level| {
        let mut begin = Begin::default();
        begin.isolation = Some(level);
        Some(begin)
    }));
    if claims.read_only_transactions {
        let mut begin = Begin::default();
        begin.read_only = true;
        befores.push(Some(begin));
    }
    for (before, id) in befores.into_iter().zip(2..) {
        if let Some(begin) = before {
            database.transaction(Transaction::Begin(begin))?;
            keys(&mut database)?;
            database.commit()?;
        }
        database.begin_write()?;
        keys(&mut database)?;
        // If only one transaction can write at a time, this waits, and may time out.
        let waiting = Waiting::start(move || {
            let row = &[int(id), int(0)];
            let written = other.begin_write().and_then(|()| {
                other.execute("INSERT INTO [t] ([id], [v]) VALUES (?, ?)", row)?;
                other.commit()
            });
            if written.is_err() {
                let _ = other.rollback();
            }
            other
        })?;
        thread::sleep(HEAD_START);
        let written = database
            .execute(SET, &[int(7), int(1)])
            .and_then(|_| database.commit());
        check!(
            !matches!(&written, Err(error) if error.is_retryable()),
            "a write that was announced, after {before:?}, must not be a conflict for what another wrote to another row, returned {written:?}"
        );
        if written.is_err() {
            database.rollback()?;
        }
        (other, _) = waiting.end("a write of another row", SOON)?;
    }
    Ok(())
}
