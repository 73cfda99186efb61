//! Each way in which a transaction can end, and what the next transaction sees, on the same connection and on another.

use selfsame::ErrorKind;
use selfsame::backend::{Sql, StatementKind};
use selfsame::dialect::{Begin, Transaction};
use selfsame::schema::ColumnType;
use selfsame::value::{Param, ValueRef, ValueType};

use super::{create_deferred, insert, keys, with_row};
use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::cases::connections::waits::{claimed_wait, longest};
use crate::context::Context;
use crate::database::{Database, int, null, value_table};
use crate::deadline::Waiting;

pub(super) const CASES: &[Case] = &[
    Case::full("transactions.lock.waits", lock_waits)
        .since(19)
        .needs(&[Capability::Transactions, Capability::SecondConnection, Capability::LockTimeout])
        .promise("A write to a row locked by another transaction waits no longer than the backend claims, then fails as busy, and succeeds once the row is free.")
        .hint("See `Capabilities::lock_timeout`; a lock timeout is `Busy`.")
        .covers(&[Contract(58), Contract(61)]),
    Case::core("transactions.ending.rows", rows)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("However a transaction ends, its rows are present if it was committed and absent if not, on this connection and on others.")
        .hint("Each of COMMIT, ROLLBACK, a failed COMMIT, a reset and dropping the connection must end it.")
        .covers(&[Contract(63), Contract(64), Contract(65), Contract(77)]),
    Case::core("transactions.ending.next", next)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("However a transaction ends, the next one on the connection can begin, write, commit and roll back independently.")
        .hint("No mode, isolation level or savepoint of the previous transaction may stay.")
        .covers(&[Contract(64), Contract(68), Contract(69), Contract(77)]),
    Case::core("transactions.ending.locks", locks)
        .since(17)
        .needs(&[Capability::Transactions, Capability::SecondConnection])
        .promise("However a transaction ends, its locks are released: another connection can write the same row at once.")
        .hint("A connection in the pool holds nothing.")
        .covers(&[Contract(65), Contract(77), Contract(80)]),
    Case::full("transactions.ending.savepoints", savepoints)
        .since(17)
        .needs(&[Capability::Transactions, Capability::Savepoints])
        .promise("However a savepoint ends, earlier work stays, its name can be reused, and the end of the transaction commits or undoes everything.")
        .hint("RELEASE keeps, ROLLBACK TO undoes; the end of the transaction ends every savepoint.")
        .covers(&[Contract(66), Contract(67), Rule(32)]),
    Case::core("transactions.ending.by_itself", by_itself)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("A statement that fails inside a transaction never splits it: writes before and after it are committed together or not at all.")
        .hint("After a failed statement, check whether the database still has the transaction. If not, refuse everything but ROLLBACK, and make COMMIT report it.")
        .covers(&[Contract(58), Contract(64), Contract(70)]),
    Case::core("transactions.ending.by_text", by_text)
        .since(21)
        .needs(&[Capability::Transactions])
        .promise("Raw SQL that begins with COMMIT or ROLLBACK cannot end a transaction: it is refused, and writes before and after it are committed together or not at all.")
        .hint("A backend that overrides nothing here passes: the engine refuses the text.")
        .covers(&[Contract(64), Rule(32)]),
    Case::extra("transactions.commit.again", commits_again)
        .since(17)
        .needs(&[
            Capability::Transactions,
            Capability::ForeignKeys,
            Capability::DeferrableConstraints,
        ])
        .promise("A COMMIT that fails leaves nothing behind and the connection stays usable, however often it happens.")
        .hint("After a failed COMMIT the transaction is over.")
        .covers(&[Contract(61), Contract(70)]),
];

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Commit,
    Rollback,
    /// A refused statement, then ROLLBACK.
    Error,
    /// The connection returns to the pool.
    Reset,
    /// The connection is dropped, and a new one opened.
    Drop,
}

const ENDINGS: [Ending; 5] = [
    Ending::Commit,
    Ending::Rollback,
    Ending::Error,
    Ending::Reset,
    Ending::Drop,
];

impl Ending {
    fn keeps(self) -> bool {
        self == Self::Commit
    }

    /// Ends the transaction, which has already written row 1.
    fn end(self, context: &Context, mut database: Database) -> CaseResult<Database> {
        match self {
            Self::Commit => database.commit()?,
            Self::Rollback => database.rollback()?,
            Self::Error => {
                let refused = database.execute(
                    "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
                    &[int(1), int(0)],
                );
                check!(
                    matches!(&refused, Err(error) if error.kind() == ErrorKind::UniqueViolation),
                    "an existing key must be refused, returned {refused:?}"
                );
                database.rollback()?;
            }
            Self::Reset => database.connection.reset(true)?,
            Self::Drop => {
                drop(database);
                database = Database::open(context)?;
            }
        }
        Ok(database)
    }
}

fn rows(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    let mut wanted = vec![1];
    for (ending, id) in ENDINGS.into_iter().cycle().zip(2..).take(15) {
        database.begin_write()?;
        insert(&mut database, id, 0)?;
        database.execute("UPDATE [t] SET [v] = ? WHERE [id] = ?", &[int(id), int(1)])?;
        database = ending.end(context, database)?;
        if ending.keeps() {
            wanted.push(id);
        }
        let found = keys(&mut database)?;
        check_eq!(found, wanted, "the rows after {ending:?}");
        let last = wanted.iter().copied().max().unwrap_or_default();
        let last = if last == 1 { 10 } else { last };
        let value = database.integers("SELECT [v] FROM [t] WHERE [id] = ?", &[int(1)])?;
        check_eq!(value, [last], "the changed row after {ending:?}");
        if Capability::SecondConnection.is_claimed(context.dialect()) {
            let found = keys(&mut Database::open(context)?)?;
            check_eq!(found, wanted, "the rows that another sees after {ending:?}");
        }
    }
    Ok(())
}

/// Every way to begin that the backend claims.
fn beginnings(context: &Context) -> Vec<Begin> {
    let capabilities = context.capabilities();
    let mut all = vec![Begin::default()];
    let mut writes = Begin::default();
    writes.writes_first = true;
    all.push(writes);
    if capabilities.read_only_transactions {
        let mut begin = Begin::default();
        begin.read_only = true;
        all.push(begin);
    }
    for level in capabilities.isolation_levels {
        let mut begin = Begin::default();
        begin.isolation = Some(level);
        all.push(begin);
    }
    all
}

fn next(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    let mut id = 1;
    for begin in beginnings(context) {
        for ending in ENDINGS {
            let what = format!("{ending:?} of {begin:?}");
            database.transaction(Transaction::Begin(begin))?;
            keys(&mut database)?;
            if begin.read_only && ending == Ending::Error {
                // In a read-only transaction the write is refused for another reason.
                database.rollback()?;
            } else {
                database = ending.end(context, database)?;
            }
            for undone in [true, false] {
                id += 1;
                let begun = database.begin_write();
                check!(
                    begun.is_ok(),
                    "a transaction must begin after {what}: {begun:?}"
                );
                let before = keys(&mut database)?;
                let written = insert(&mut database, id, 0);
                check!(
                    written.is_ok(),
                    "a transaction must write after {what}: {written:?}"
                );
                match undone {
                    true => database.rollback()?,
                    false => database.commit()?,
                }
                let after = keys(&mut database)?.len() - before.len();
                check_eq!(
                    after,
                    usize::from(!undone),
                    "its own end must decide after {what}"
                );
            }
            let alone = insert(&mut database, -id, 0);
            check!(
                alone.is_ok(),
                "a statement must run outside a transaction after {what}: {alone:?}"
            );
        }
    }
    Ok(())
}

fn lock_waits(context: &mut Context) -> CaseResult {
    let claimed = claimed_wait(context)?;
    let mut database = with_row(context)?;
    let mut other = Database::open(context)?;
    let set = "UPDATE [t] SET [v] = ? WHERE [id] = ?";
    database.begin_write()?;
    database.execute(set, &[int(10), int(1)])?;
    let waiting = Waiting::start(move || {
        let waited = other
            .begin_write()
            .and_then(|()| other.execute(set, &[int(20), int(1)]).map(drop));
        (waited, other)
    })?;
    let what = format!("the wait for a locked row, which is claimed to take {claimed:?},");
    let ((waited, mut other), _) = waiting.end(&what, longest(claimed))?;
    check!(
        matches!(&waited, Err(error) if error.kind() == ErrorKind::Busy),
        "a locked row must time out as busy, returned {waited:?}"
    );
    // There may be no transaction to roll back: its BEGIN may have timed out.
    let _ = other.rollback();
    database.commit()?;
    other.begin_write()?;
    let written = other.execute(set, &[int(20), int(1)])?;
    check_eq!(
        written.matched,
        1,
        "the row must be written once it is free"
    );
    other.commit()?;
    let found = database.integers("SELECT [v] FROM [t] WHERE [id] = ?", &[int(1)])?;
    check_eq!(found, [20], "the last written value");
    Ok(())
}

fn locks(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    let mut other = Database::open(context)?;
    for (ending, value) in ENDINGS.into_iter().cycle().zip(1..).take(10) {
        database.begin_write()?;
        let set = "UPDATE [t] SET [v] = ? WHERE [id] = ?";
        database.execute(set, &[int(-value), int(1)])?;
        database = ending.end(context, database)?;
        other.begin_write()?;
        let written = other.execute(set, &[int(value), int(1)]);
        check!(
            matches!(&written, Ok(outcome) if outcome.matched == 1),
            "another must write the row after {ending:?}, returned {written:?}"
        );
        other.commit()?;
        let found = database.integers("SELECT [v] FROM [t] WHERE [id] = ?", &[int(1)])?;
        check_eq!(found, [value], "what another wrote after {ending:?}");
    }
    Ok(())
}

fn savepoints(context: &mut Context) -> CaseResult {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Inner {
        Release,
        RollbackTo,
        /// A refused statement, then a rollback to the savepoint.
        Error,
        /// Left open: the transaction ends first.
        Open,
    }
    let mut database = with_row(context)?;
    let mut id = 1;
    for inner in [Inner::Release, Inner::RollbackTo, Inner::Error, Inner::Open] {
        for ending in ENDINGS {
            let what = format!("{inner:?}, then {ending:?}");
            let before = keys(&mut database)?;
            let (outside, inside, after) = (id + 1, id + 2, id + 3);
            id += 3;
            database.begin_write()?;
            insert(&mut database, outside, 0)?;
            database.savepoint("same")?;
            insert(&mut database, inside, 0)?;
            let mut wanted = before.clone();
            wanted.push(outside);
            match inner {
                Inner::Release => {
                    database.release("same")?;
                    wanted.push(inside);
                }
                Inner::RollbackTo => database.rollback_to("same")?,
                Inner::Error => {
                    let refused = insert(&mut database, outside, 1);
                    check!(refused.is_err(), "an existing key must be refused");
                    database.rollback_to("same")?;
                }
                Inner::Open => wanted.push(inside),
            }
            insert(&mut database, after, 0)?;
            wanted.push(after);
            check_eq!(
                keys(&mut database)?,
                wanted,
                "within the transaction, {what}"
            );
            database = ending.end(context, database)?;
            let wanted = if ending.keeps() { wanted } else { before };
            check_eq!(keys(&mut database)?, wanted, "after {what}");
            // The name is free again, and no savepoint is left to roll back to.
            let gone = database
                .begin_write()
                .and_then(|()| database.rollback_to("same"));
            check!(
                gone.is_err(),
                "no savepoint may outlive its transaction, {what}"
            );
            database.rollback()?;
        }
    }
    Ok(())
}

fn by_itself(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    let insert_text = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";
    let types = [ValueType::I64, ValueType::I64];
    let mut id = 1;
    for way in ["execute", "query", "execute_each"] {
        for commits in [true, false] {
            let what = format!("a failed {way}, commits: {commits}");
            let mut wanted = keys(&mut database)?;
            database.begin_write()?;
            insert(&mut database, id + 1, 0)?;
            let taken = [int(1), int(0)];
            let refused = match way {
                "execute" => database.execute(insert_text, &taken).map(drop),
                "query" => database.rows(insert_text, &taken, &[]).map(drop),
                _ => database
                    .execute_each(insert_text, &types, &[taken.into()])
                    .map(drop),
            };
            check!(refused.is_err(), "an existing key must be refused: {what}");
            let later = insert(&mut database, id + 2, 0);
            let committed = commits && database.commit().is_ok();
            if !committed {
                database.rollback()?;
            }
            if committed {
                wanted.push(id + 1);
                if later.is_ok() {
                    wanted.push(id + 2);
                }
            }
            check_eq!(
                keys(&mut database)?,
                wanted,
                "the transaction must stay atomic after {what}"
            );
            id += 2;
        }
    }
    Ok(())
}

fn by_text(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    let insert_text = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";
    let types = [ValueType::I64, ValueType::I64];
    let written = database.sql(insert_text, &types, &[]);
    let engine = selfsame::Engine::from_backend(context.backend());
    let mut wanted = keys(&mut database)?;
    // A backend with a single connection would wait for the one held here.
    drop(database);
    let mut id = 1;
    for text in [
        "COMMIT",
        "ROLLBACK",
        "END",
        "ABORT",
        "/* the end */ commit",
        "-- the end\nrollback;",
    ] {
        let raw = Sql::new(StatementKind::Raw, text, [], []);
        for commits in [true, false] {
            let what = format!("{text:?}, commits: {commits}");
            let mut connected = engine.connect()?;
            let mut begin = Begin::default();
            begin.writes_first = true;
            connected.begin(begin)?;
            let insert = |id: i64, connected: &mut selfsame::engine::Connected| {
                let params = [ValueRef::I64(id), ValueRef::I64(0)].map(Param::Ref);
                connected.execute(&written, &params).map(drop)
            };
            insert(id + 1, &mut connected)?;
            let ended = connected.execute(&raw, &[]);
            check!(
                matches!(&ended, Err(error) if error.kind() == ErrorKind::InvalidState),
                "raw SQL must not end a transaction, {what}, returned {ended:?}"
            );
            insert(id + 2, &mut connected)?;
            match commits {
                true => {
                    connected.commit()?;
                    wanted.extend([id + 1, id + 2]);
                }
                false => connected.rollback()?,
            }
            drop(connected);
            let mut database = Database::open(context)?;
            check_eq!(
                keys(&mut database)?,
                wanted,
                "the transaction must stay whole, {what}"
            );
            id += 2;
        }
    }
    Ok(())
}

fn commits_again(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    create_deferred(&mut database, value_table("child", ColumnType::I64))?;
    let child = "INSERT INTO [child] ([id], [v]) VALUES (?, ?)";
    for round in 1..=4 {
        database.begin_write()?;
        insert(&mut database, round * 10, 0)?;
        database.execute(child, &[int(round), int(999)])?;
        let failed = database.commit();
        check!(
            matches!(&failed, Err(error) if error.kind() == ErrorKind::ForeignKeyViolation),
            "COMMIT number {round} must be refused, returned {failed:?}"
        );
        // If the database leaves the transaction of a failed COMMIT open, it ends here.
        let _ = database.rollback();
        let left = keys(&mut database);
        check!(
            matches!(&left, Ok(left) if *left == [1]),
            "after a refused COMMIT the connection must answer, and nothing may remain; returned {left:?}"
        );
        database.begin_write()?;
        database.execute(child, &[int(100 + round), int(1)])?;
        database.execute(child, &[int(200 + round), null(ValueType::I64)])?;
        database.commit()?;
        check_eq!(
            database.count("child")?,
            round * 2,
            "a good one goes through"
        );
    }
    Ok(())
}
