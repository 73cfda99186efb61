//! What a transaction keeps, whatever happens in it or before it: its writes, its level, its access mode.

use selfsame::backend::Statement;
use selfsame::dialect::{Begin, Isolation, Transaction};
use selfsame::schema::ColumnType;
use selfsame::value::ValueType;
use selfsame::{Error, ErrorKind};

use super::{insert, keys, with_row};
use crate::case::Cover::Contract;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, int, value_table};

pub(super) const CASES: &[Case] = &[
    Case::core("transactions.kept.stopped", stopped)
        .since(25)
        .needs(&[Capability::Transactions])
        .promise("A reader that stops early ends its query, not its transaction: what was written before and after it is committed together or undone together.")
        .hint("Stop the query, or read the rest and drop it; do not reset the connection.")
        .covers(&[Contract(44), Contract(64)]),
    Case::core("transactions.kept.definition", definition)
        .since(25)
        .needs(&[Capability::Transactions])
        .promise("CREATE and DROP inside a transaction never commit it: they are part of it, or are refused.")
        .hint("If the database commits at definitions, refuse them inside a transaction.")
        .covers(&[Contract(64), Contract(73)]),
    Case::extra("transactions.isolation.after", level_after)
        .since(25)
        .needs(&[Capability::Transactions, Capability::SecondConnection, Capability::Isolation(Isolation::RepeatableRead)])
        .promise("A transaction has the isolation level that it was begun with, however the previous one ended.")
        .hint("Set the level at each BEGIN that names one.")
        .covers(&[Contract(68), Contract(72)]),
    Case::extra("transactions.read_only.levels", read_only_levels)
        .since(25)
        .needs(&[Capability::Transactions, Capability::ReadOnlyTransactions])
        .promise("A read-only transaction refuses writes at every isolation level, also after a transaction that could write.")
        .hint("BEGIN must name both the level and the access mode.")
        .covers(&[Contract(68), Contract(69)]),
];

fn stopped(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    for (id, commits) in [(10, false), (20, true)] {
        let before = keys(&mut database)?;
        database.begin_write()?;
        insert(&mut database, id, 0)?;
        insert(&mut database, id + 1, 0)?;
        let sql = database.sql("SELECT [id] FROM [t] ORDER BY [id]", &[], &[ValueType::I64]);
        let result = database
            .connection
            .query(&Statement::new(&sql, &[]), &mut |_| {
                Err(Error::new(ErrorKind::Validation, "enough"))
            });
        check!(result.is_err(), "the reader's error must be returned");
        insert(&mut database, id + 2, 0)?;
        let inside = [before.clone(), vec![id, id + 1, id + 2]].concat();
        check_eq!(
            keys(&mut database)?,
            inside,
            "the transaction must see its rows after a reader stopped"
        );
        let (wanted, how) = match commits {
            true => (inside, "commit"),
            false => (before, "rollback"),
        };
        match commits {
            true => database.commit()?,
            false => database.rollback()?,
        }
        check_eq!(
            keys(&mut database)?,
            wanted,
            "the rows after the {how} of a transaction in which a reader stopped"
        );
    }
    Ok(())
}

fn definition(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    database.create(&value_table("old", ColumnType::I64))?;
    for what in ["CREATE", "DROP"] {
        database.begin_write()?;
        insert(&mut database, 2, 0)?;
        let defined = match what {
            "CREATE" => database.create(&value_table("new", ColumnType::I64)),
            _ => database.execute("DROP TABLE [old]", &[]).map(drop),
        };
        if defined.is_err() {
            context.note(format!("{what} is refused inside a transaction"));
        } else {
            insert(&mut database, 3, 0)?;
        }
        database.rollback()?;
        check_eq!(
            keys(&mut database)?,
            [1],
            "a rollback must undo what was written before and after {what}"
        );
    }
    Ok(())
}

/// What a transaction sees of a row that another inserts after its first query.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    Nothing,
    TheRow,
    /// The other transaction cannot insert it.
    Locked,
}

fn seen(reader: &mut Database, writer: &mut Database, begin: Begin, id: i64) -> CaseResult<Seen> {
    reader.transaction(Transaction::Begin(begin))?;
    let before = keys(reader)?;
    let row = &[int(id), int(0)];
    let written = writer.execute("INSERT INTO [t] ([id], [v]) VALUES (?, ?)", row);
    let seen = match written {
        Err(error) if error.kind() == ErrorKind::Busy => Seen::Locked,
        Err(error) => return Err(error.into()),
        Ok(_) if keys(reader)? == before => Seen::Nothing,
        Ok(_) => Seen::TheRow,
    };
    reader.rollback()?;
    Ok(seen)
}

/// Checks that a transaction has its own level, also after a rollback, and if it announces writes.
fn own_levels(context: &Context, writer: &mut Database) -> CaseResult {
    let usual = seen(
        &mut Database::open(context)?,
        writer,
        Begin::default(),
        1_000,
    )?;
    for (level, id) in [Isolation::ReadCommitted, Isolation::RepeatableRead]
        .into_iter()
        .zip([1_100, 1_200])
    {
        if !Capability::Isolation(level).is_claimed(context.dialect()) {
            continue;
        }
        let mut begin = Begin::default();
        begin.isolation = Some(level);
        let mut reader = Database::open(context)?;
        let wanted = seen(&mut reader, writer, begin, id)?;
        check_eq!(
            seen(&mut reader, writer, Begin::default(), id + 1)?,
            usual,
            "what a transaction without a level sees after one of {level:?}"
        );
        check_eq!(
            seen(&mut reader, writer, begin, id + 2)?,
            wanted,
            "what a transaction of {level:?} sees after a rollback"
        );
        begin.writes_first = true;
        let found = seen(&mut reader, writer, begin, id + 3)?;
        check!(
            found == wanted || found == Seen::Locked,
            "a transaction of {level:?} that announces writes must see {wanted:?}, saw {found:?}"
        );
    }
    Ok(())
}

fn level_after(context: &mut Context) -> CaseResult {
    let mut writer = with_row(context)?;
    own_levels(context, &mut writer)?;
    let mut reader = Database::open(context)?;
    let mut begin = Begin::default();
    begin.isolation = Some(Isolation::RepeatableRead);
    let mut next = 2;
    for before in [
        "nothing",
        "a commit",
        "a rollback",
        "a failed statement",
        "a level",
    ] {
        match before {
            "a commit" | "a rollback" => {
                reader.begin_write()?;
                insert(&mut reader, next, 0)?;
                next += 1;
                match before {
                    "a commit" => reader.commit()?,
                    _ => reader.rollback()?,
                }
            }
            "a failed statement" => {
                reader.begin_write()?;
                let failed = insert(&mut reader, 1, 0);
                check!(failed.is_err(), "an existing key must be refused");
                reader.rollback()?;
            }
            "a level" => {
                let mut other = Begin::default();
                other.isolation = Some(Isolation::ReadCommitted);
                if Capability::Isolation(Isolation::ReadCommitted).is_claimed(context.dialect()) {
                    reader.transaction(Transaction::Begin(other))?;
                    reader.rollback()?;
                }
            }
            _ => {}
        }
        reader.transaction(Transaction::Begin(begin))?;
        let first = keys(&mut reader)?;
        insert(&mut writer, next, 0)?;
        next += 1;
        let second = keys(&mut reader)?;
        if before == "nothing" && second != first {
            context.note("REPEATABLE READ shows rows that others insert, as the SQL standard permits; this case needs a snapshot");
            return Ok(());
        }
        check_eq!(
            second,
            first,
            "REPEATABLE READ after {before}: the rows must stay those of the first query"
        );
        reader.rollback()?;
        check_eq!(
            keys(&mut reader)?.len(),
            first.len() + 1,
            "the next query after {before} must see the other's row"
        );
    }
    Ok(())
}

fn read_only_levels(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    let levels = context.capabilities().isolation_levels;
    for level in levels.iter().copied().map(Some).chain([None]) {
        for before in ["a rollback", "a commit"] {
            database.begin_write()?;
            insert(&mut database, 2, 0)?;
            match before {
                "a rollback" => database.rollback()?,
                _ => {
                    database.execute("DELETE FROM [t] WHERE [id] = ?", &[int(2)])?;
                    database.commit()?;
                }
            }
            let mut begin = Begin::default();
            begin.read_only = true;
            begin.isolation = level;
            database.transaction(Transaction::Begin(begin))?;
            check_eq!(keys(&mut database)?, [1], "a read-only transaction reads");
            let written = database.execute(
                "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
                &[int(2), int(0)],
            );
            check!(
                matches!(&written, Err(error) if error.kind() == ErrorKind::ReadOnly),
                "a read-only transaction of level {level:?} after {before} must refuse a write as read-only, returned {written:?}"
            );
            database.rollback()?;
            check_eq!(keys(&mut database)?, [1], "nothing may be written");
        }
    }
    Ok(())
}
