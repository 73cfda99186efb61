//! Transactions of one kind of write each: how a transaction ends does not depend on what wrote in it.

use selfsame::dialect::{Begin, Transaction, Upsert};
use selfsame::schema::ColumnType;
use selfsame::value::{Value, ValueType};
use selfsame::{ErrorKind, Result};

use crate::case::Cover::Contract;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, value_table};

pub(super) const CASES: &[Case] = &[
    Case::core("transactions.commit.kinds", kinds)
        .since(29)
        .needs(&[Capability::Transactions])
        .promise("A transaction of any one kind of write (INSERT, UPDATE or DELETE; alone, in a batch, with RETURNING, from a query, as an upsert, as raw SQL, many times) is committed or undone whole, also in a savepoint, by a commit, a rollback, a reset or a dropped connection.")
        .hint("COMMIT and ROLLBACK must always reach the database.")
        .covers(&[Contract(63), Contract(64), Contract(65), Contract(66)]),
    Case::extra("transactions.read_only.kinds", read_only)
        .since(29)
        .needs(&[Capability::Transactions, Capability::ReadOnlyTransactions])
        .promise("A read-only transaction refuses every kind of write, and nothing is written: INSERT, UPDATE and DELETE; alone, in a batch, with RETURNING, from a query, as an upsert, as raw SQL; CREATE TABLE.")
        .hint("The database itself must refuse: BEGIN … READ ONLY.")
        .covers(&[Contract(69)]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Insert,
    Update,
    Delete,
    InsertBatch,
    UpdateBatch,
    DeleteBatch,
    InsertReturning,
    UpdateReturning,
    DeleteReturning,
    FromQuery,
    Upsert,
    Raw,
    /// Many statements.
    Many,
}

const KINDS: [Kind; 13] = [
    Kind::Insert,
    Kind::Update,
    Kind::Delete,
    Kind::InsertBatch,
    Kind::UpdateBatch,
    Kind::DeleteBatch,
    Kind::InsertReturning,
    Kind::UpdateReturning,
    Kind::DeleteReturning,
    Kind::FromQuery,
    Kind::Upsert,
    Kind::Raw,
    Kind::Many,
];

const INSERT: &str = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";
const UPDATE: &str = "UPDATE [t] SET [v] = ? WHERE [id] = ?";
const DELETE: &str = "DELETE FROM [t] WHERE [id] = ?";
const START: [i64; 4] = [1, 10, 2, 20];

impl Kind {
    fn is_possible(self, database: &Database) -> bool {
        let claims = database.dialect().capabilities();
        match self {
            Self::InsertReturning | Self::DeleteReturning => claims.returning,
            Self::UpdateReturning => claims.update_returning,
            Self::Upsert => claims.upsert,
            _ => true,
        }
    }

    /// Writes, given the rows of [`START`], and returns the keys and values that are then there.
    fn write(self, database: &mut Database) -> Result<Vec<i64>> {
        let pair = [ValueType::I64; 2];
        let rows = |rows: &[[i64; 2]]| -> Vec<Vec<Typed>> {
            let typed = rows.iter().map(|row| row.map(int).to_vec());
            typed.collect()
        };
        match self {
            Self::Insert => drop(database.execute(INSERT, &[int(3), int(30)])?),
            Self::Update => drop(database.execute(UPDATE, &[int(11), int(1)])?),
            Self::Delete => drop(database.execute(DELETE, &[int(2)])?),
            Self::InsertBatch => {
                drop(database.execute_each(INSERT, &pair, &rows(&[[3, 30], [4, 40]]))?);
            }
            Self::UpdateBatch => {
                drop(database.execute_each(UPDATE, &pair, &rows(&[[11, 1], [21, 2]]))?);
            }
            Self::DeleteBatch => {
                let keys = [vec![int(1)], vec![int(2)]];
                drop(database.execute_each(DELETE, &pair[..1], &keys)?);
            }
            Self::InsertReturning => {
                let insert = format!("{INSERT} RETURNING [id]");
                database.integers(&insert, &[int(3), int(30)])?;
            }
            Self::UpdateReturning => {
                let update = format!("{UPDATE} RETURNING [id]");
                database.integers(&update, &[int(11), int(1)])?;
            }
            Self::DeleteReturning => {
                database.integers(&format!("{DELETE} RETURNING [id]"), &[int(2)])?;
            }
            Self::FromQuery => {
                let copy = "INSERT INTO [t] ([id], [v]) SELECT [id] + ?, [v] FROM [t]";
                database.execute(copy, &[int(2)])?;
            }
            Self::Upsert => {
                let upsert = match database.dialect().upsert() {
                    Upsert::OnConflict => "ON CONFLICT ([id]) DO UPDATE SET [v] = excluded.[v]",
                    _ => "ON DUPLICATE KEY UPDATE [v] = VALUES([v])",
                };
                database.execute(&format!("{INSERT} {upsert}"), &[int(1), int(11)])?;
            }
            // In lower case the template is raw SQL.
            Self::Raw => {
                let update = UPDATE.replacen("UPDATE", "update", 1);
                database.execute(&update, &[int(11), int(1)])?;
            }
            Self::Many => {
                for value in 1..=150 {
                    database.execute(UPDATE, &[int(value), int(1)])?;
                }
            }
        }
        Ok(match self {
            Self::Insert | Self::InsertReturning => vec![1, 10, 2, 20, 3, 30],
            Self::Update | Self::UpdateReturning | Self::Upsert | Self::Raw => vec![1, 11, 2, 20],
            Self::Delete | Self::DeleteReturning => vec![1, 10],
            Self::InsertBatch => vec![1, 10, 2, 20, 3, 30, 4, 40],
            Self::UpdateBatch => vec![1, 11, 2, 21],
            Self::DeleteBatch => vec![],
            Self::FromQuery => vec![1, 10, 2, 20, 3, 10, 4, 20],
            Self::Many => vec![1, 150, 2, 20],
        })
    }
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Commit,
    Rollback,
    Reset,
    Drop,
    /// In a savepoint that is released, then committed.
    Release,
    /// In a savepoint that is rolled back to; then committed.
    RollbackTo,
    /// In an open savepoint, committed.
    CommitInside,
    /// In an open savepoint, the connection is dropped.
    DropInside,
}

const ENDS: [End; 8] = [
    End::Commit,
    End::Rollback,
    End::Reset,
    End::Drop,
    End::Release,
    End::RollbackTo,
    End::CommitInside,
    End::DropInside,
];

impl End {
    fn has_savepoint(self) -> bool {
        matches!(
            self,
            Self::Release | Self::RollbackTo | Self::CommitInside | Self::DropInside
        )
    }

    fn keeps(self) -> bool {
        matches!(self, Self::Commit | Self::Release | Self::CommitInside)
    }
}

/// Writes the rows of [`START`].
fn start(database: &mut Database) -> CaseResult {
    database.execute("DELETE FROM [t]", &[])?;
    for pair in START.chunks(2) {
        database.execute(INSERT, &[int(pair[0]), int(pair[1])])?;
    }
    Ok(())
}

fn pairs(database: &mut Database) -> CaseResult<Vec<i64>> {
    let columns = [ValueType::I64; 2];
    let rows = database.rows("SELECT [id], [v] FROM [t] ORDER BY [id]", &[], &columns)?;
    let values = rows.into_iter().flatten();
    let integers = values.filter_map(|value| match value {
        Value::I64(integer) => Some(integer),
        _ => None,
    });
    Ok(integers.collect())
}

fn kinds(context: &mut Context) -> CaseResult {
    let savepoints = context.capabilities().savepoints;
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    let levels = context.capabilities().isolation_levels;
    let levels: Vec<_> = std::iter::once(None)
        .chain(levels.into_iter().map(Some))
        .collect();
    for (place, kind) in KINDS.into_iter().enumerate() {
        if !kind.is_possible(&database) {
            continue;
        }
        for (at, end) in ENDS.into_iter().enumerate() {
            if end.has_savepoint() && !savepoints {
                continue;
            }
            start(&mut database)?;
            let mut begin = Begin::default();
            begin.isolation = levels[(place + at) % levels.len()];
            begin.writes_first = true;
            database.transaction(Transaction::Begin(begin))?;
            if end.has_savepoint() {
                database.savepoint("s")?;
            }
            let written = kind.write(&mut database)?;
            check_eq!(
                pairs(&mut database)?,
                written,
                "{kind:?}: the keys and values in the transaction"
            );
            match end {
                End::Commit | End::CommitInside => database.commit()?,
                End::Rollback => database.rollback()?,
                End::Reset => database.connection.reset(place % 2 == 0)?,
                End::Drop | End::DropInside => {}
                End::Release => {
                    database.release("s")?;
                    database.commit()?;
                }
                End::RollbackTo => {
                    database.rollback_to("s")?;
                    database.commit()?;
                }
            }
            // A new connection sees only what is committed.
            drop(database);
            database = Database::open(context)?;
            let wanted = match end.keeps() {
                true => written,
                false => START.to_vec(),
            };
            check_eq!(
                pairs(&mut database)?,
                wanted,
                "{kind:?}, {end:?} at {:?}: the keys and values that are kept",
                begin.isolation
            );
        }
    }
    Ok(())
}

fn read_only(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    start(&mut database)?;
    let mut begin = Begin::default();
    begin.read_only = true;
    for kind in KINDS {
        if !kind.is_possible(&database) {
            continue;
        }
        database.transaction(Transaction::Begin(begin))?;
        pairs(&mut database)?;
        let written = kind.write(&mut database);
        check!(
            matches!(&written, Err(error) if error.kind() == ErrorKind::ReadOnly),
            "{kind:?}: a read-only transaction must refuse it as read-only, returned {written:?}"
        );
        database.rollback()?;
        check_eq!(
            pairs(&mut database)?,
            START,
            "{kind:?}: nothing may be written in a read-only transaction"
        );
    }
    database.transaction(Transaction::Begin(begin))?;
    let created = database.create(&value_table("new", ColumnType::I64));
    check!(
        matches!(&created, Err(error) if error.kind() == ErrorKind::ReadOnly || database.dialect().ddl_commits()),
        "a read-only transaction must refuse CREATE TABLE as read-only, returned {created:?}"
    );
    database.rollback()?;
    check!(
        database.count("new").is_err(),
        "no table may be created in a read-only transaction"
    );
    Ok(())
}
