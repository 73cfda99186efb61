//! Commit, rollback, savepoints, isolation.

mod anywhere;
mod conflicts;
mod endings;
mod histories;
mod kinds;
mod savepoints;
mod states;

use selfsame::dialect::{Begin, Isolation, Transaction};
use selfsame::schema::{ColumnType, ForeignKey, ReferentialAction, Table};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, int, value_table};

pub(super) const LISTS: &[&[Case]] = &[
    CASES,
    savepoints::CASES,
    endings::CASES,
    conflicts::CASES,
    histories::CASES,
    anywhere::CASES,
    states::CASES,
    kinds::CASES,
];

const CASES: &[Case] = &[
    Case::core("transactions.commit.seen", commit_seen)
        .needs(&[Capability::Transactions, Capability::SecondConnection])
        .promise("A second connection sees committed changes and no uncommitted ones.")
        .hint("BEGIN, COMMIT and ROLLBACK must reach the database in this order.")
        .covers(&[Contract(63), Rule(30)]),
    Case::core("transactions.commit.kept", commit_kept)
        .needs(&[Capability::Transactions])
        .promise("Committed changes survive a rollback of the next transaction.")
        .hint("COMMIT must end the transaction.")
        .covers(&[Contract(63), Contract(64)]),
    Case::core("transactions.rollback.undone", rollback_undone)
        .needs(&[Capability::Transactions])
        .promise("A rollback undoes inserts, updates and deletes, all of them.")
        .hint("ROLLBACK must reach the database.")
        .covers(&[Contract(64), Rule(31)]),
    Case::core("transactions.drop.undone", drop_undone)
        .needs(&[Capability::Transactions])
        .promise("Dropping a connection with an open transaction writes nothing.")
        .hint("Closing a connection rolls back in every database; do not commit on drop.")
        .covers(&[Contract(65), Rule(32)]),
    Case::core("transactions.autocommit.alone", autocommit)
        .needs(&[Capability::SecondConnection])
        .promise("A statement outside a transaction commits on its own.")
        .hint("Do not open transactions implicitly.")
        .covers(&[Contract(71), Rule(37)]),
    Case::core("transactions.begin.again", again)
        .needs(&[Capability::Transactions])
        .promise("Transactions follow each other on one connection, committed or rolled back.")
        .hint("Each end must leave the connection outside any transaction.")
        .covers(&[Contract(64), Contract(63)]),
    Case::extra("transactions.read_only.refused", read_only)
        .needs(&[Capability::Transactions, Capability::ReadOnlyTransactions])
        .promise("A read-only transaction can read and refuses writes, and the next transaction can write again.")
        .hint("The setting must end with the transaction.")
        .covers(&[Contract(69)]),
    Case::extra("transactions.isolation.serializable", serializable)
        .needs(&[
            Capability::Transactions,
            Capability::Isolation(Isolation::Serializable),
        ])
        .promise("A serializable transaction can be requested, works, and does not change the isolation level of the next.")
        .hint("Set the level in BEGIN, not for the session.")
        .covers(&[Contract(68)]),
    Case::core("transactions.isolation.reader", stable_reader)
        .needs(&[Capability::Transactions, Capability::SecondConnection])
        .promise("A reader never sees part of another transaction's changes.")
        .hint("Never read uncommitted rows, whatever the level.")
        .covers(&[Contract(72)]),
    Case::extra("transactions.commit.deferred", deferred)
        .needs(&[Capability::Transactions, Capability::DeferrableConstraints])
        .promise("A COMMIT that fails is an error, and none of its transaction's changes stay.")
        .hint("Report the error of COMMIT, and leave the connection outside the transaction.")
        .covers(&[Contract(61), Contract(70)]),
];

/// The table `t` with the row (1, 10).
fn with_row(context: &Context) -> CaseResult<Database> {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    insert(&mut database, 1, 10)?;
    Ok(database)
}

fn insert(database: &mut Database, id: i64, value: i64) -> CaseResult {
    database.execute(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[int(id), int(value)],
    )?;
    Ok(())
}

fn keys(database: &mut Database) -> CaseResult<Vec<i64>> {
    Ok(database.integers("SELECT [id] FROM [t] ORDER BY [id]", &[])?)
}

fn commit_seen(context: &mut Context) -> CaseResult {
    let mut writer = with_row(context)?;
    let mut reader = Database::open(context)?;
    writer.begin_write()?;
    insert(&mut writer, 2, 20)?;
    check_eq!(
        keys(&mut writer)?,
        [1, 2],
        "a transaction must see its own row"
    );
    check_eq!(
        keys(&mut reader)?,
        [1],
        "an uncommitted row must not be seen by others"
    );
    writer.commit()?;
    check_eq!(
        keys(&mut reader)?,
        [1, 2],
        "a committed row must be seen by others"
    );
    Ok(())
}

fn commit_kept(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    database.begin_write()?;
    insert(&mut database, 2, 20)?;
    database.commit()?;
    let begun = database.begin_write();
    check!(
        begun.is_ok(),
        "a transaction must be able to begin after COMMIT, returned {begun:?}"
    );
    insert(&mut database, 3, 30)?;
    database.rollback()?;
    check_eq!(
        keys(&mut database)?,
        [1, 2],
        "exactly the committed rows must remain"
    );
    Ok(())
}

fn rollback_undone(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    insert(&mut database, 2, 20)?;
    database.begin_write()?;
    insert(&mut database, 3, 30)?;
    database.execute("UPDATE [t] SET [v] = ? WHERE [id] = ?", &[int(0), int(1)])?;
    database.execute("DELETE FROM [t] WHERE [id] = ?", &[int(2)])?;
    let ended = database.rollback();
    check!(ended.is_ok(), "ROLLBACK must work, returned {ended:?}");
    check_eq!(
        keys(&mut database)?,
        [1, 2],
        "inserts and deletes must be undone"
    );
    let values = database.integers("SELECT [v] FROM [t] ORDER BY [id]", &[])?;
    check_eq!(values, [10, 20], "updates must be undone");
    Ok(())
}

fn drop_undone(context: &mut Context) -> CaseResult {
    drop(with_row(context)?);
    let mut lost = Database::open(context)?;
    lost.begin_write()?;
    insert(&mut lost, 2, 20)?;
    drop(lost);
    let mut database = Database::open(context)?;
    check_eq!(
        keys(&mut database)?,
        [1],
        "an unfinished transaction must leave nothing"
    );
    let written = database.execute("DELETE FROM [t]", &[]);
    check!(
        written.is_ok(),
        "no lock may remain, the next write returned {written:?}"
    );
    Ok(())
}

fn autocommit(context: &mut Context) -> CaseResult {
    let mut writer = with_row(context)?;
    let mut reader = Database::open(context)?;
    insert(&mut writer, 2, 20)?;
    check_eq!(
        keys(&mut reader)?,
        [1, 2],
        "a statement outside a transaction must be visible to others at once"
    );
    writer.execute("UPDATE [t] SET [v] = ? WHERE [id] = ?", &[int(30), int(2)])?;
    let seen = reader.integers("SELECT [v] FROM [t] WHERE [id] = ?", &[int(2)])?;
    check_eq!(
        seen,
        [30],
        "an UPDATE outside a transaction must be visible to others at once"
    );
    writer.execute("DELETE FROM [t] WHERE [id] = ?", &[int(2)])?;
    check_eq!(
        keys(&mut reader)?,
        [1],
        "a DELETE outside a transaction must be visible to others at once"
    );
    Ok(())
}

fn again(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    for id in [2, 3, 4, 5] {
        let begun = database.begin_write();
        check!(
            begun.is_ok(),
            "the transaction {id} must begin, returned {begun:?}"
        );
        insert(&mut database, id, 0)?;
        let ended = if id % 2 == 0 {
            database.commit()
        } else {
            database.rollback()
        };
        check!(
            ended.is_ok(),
            "the transaction {id} must end, returned {ended:?}"
        );
    }
    check_eq!(
        keys(&mut database)?,
        [1, 2, 4],
        "the committed rows must be there"
    );
    Ok(())
}

fn read_only(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    let mut begin = Begin::default();
    begin.read_only = true;
    database.transaction(Transaction::Begin(begin))?;
    check_eq!(
        keys(&mut database)?,
        [1],
        "a read-only transaction must read"
    );
    let written = database.execute(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[int(2), int(0)],
    );
    check!(
        matches!(&written, Err(error) if error.kind() == selfsame::ErrorKind::ReadOnly),
        "a read-only transaction must refuse a write as read-only, returned {written:?}"
    );
    database.rollback()?;
    database.begin_write()?;
    let written = database.execute(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[int(2), int(0)],
    );
    check!(
        written.is_ok(),
        "the next transaction must write again, returned {written:?}"
    );
    database.commit()?;
    Ok(())
}

fn serializable(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    let mut begin = Begin::default();
    begin.isolation = Some(Isolation::Serializable);
    begin.writes_first = true;
    database.transaction(Transaction::Begin(begin))?;
    insert(&mut database, 2, 20)?;
    database.commit()?;
    database.begin_write()?;
    insert(&mut database, 3, 30)?;
    database.commit()?;
    check_eq!(
        keys(&mut database)?,
        [1, 2, 3],
        "both transactions must be committed"
    );
    Ok(())
}

fn stable_reader(context: &mut Context) -> CaseResult {
    let mut writer = with_row(context)?;
    let mut reader = Database::open(context)?;
    insert(&mut writer, 2, -10)?;
    for round in 1..=5 {
        writer.begin_write()?;
        for (id, value) in [(1, round), (2, -round)] {
            writer.execute(
                "UPDATE [t] SET [v] = ? WHERE [id] = ?",
                &[int(value), int(id)],
            )?;
            let sum = reader.as_integer("sum([v])");
            let sum = reader.integers(&format!("SELECT {sum} FROM [t]"), &[])?;
            check_eq!(sum, [0], "a reader must not see part of a transaction");
        }
        writer.commit()?;
    }
    Ok(())
}

fn deferred(context: &mut Context) -> CaseResult {
    let mut database = with_row(context)?;
    let child = value_table("child", ColumnType::I64);
    create_deferred(&mut database, child)?;
    database.begin_write()?;
    insert(&mut database, 2, 20)?;
    let waits = database.execute(
        "INSERT INTO [child] ([id], [v]) VALUES (?, ?)",
        &[int(1), int(99)],
    );
    check!(
        waits.is_ok(),
        "a reference to nothing must wait for COMMIT, returned {waits:?}"
    );
    let ended = database.commit();
    check!(
        matches!(&ended, Err(error) if error.kind() == selfsame::ErrorKind::ForeignKeyViolation),
        "a COMMIT with a violated reference must fail as a foreign key violation, returned {ended:?}"
    );
    // Some databases leave the transaction open for another attempt, others roll it back.
    let _ = database.rollback();
    check_eq!(
        keys(&mut database)?,
        [1],
        "nothing may stay of a transaction whose COMMIT failed"
    );
    database.begin_write()?;
    insert(&mut database, 3, 30)?;
    // If there is no transaction, the row is committed already.
    let _ = database.rollback();
    check_eq!(
        keys(&mut database)?,
        [1],
        "the next transaction must begin as any other"
    );
    database.begin_write()?;
    database.execute(
        "INSERT INTO [child] ([id], [v]) VALUES (?, ?)",
        &[int(1), int(2)],
    )?;
    insert(&mut database, 2, 20)?;
    let ended = database.commit();
    check!(
        ended.is_ok(),
        "a reference that is filled before COMMIT must be fine, returned {ended:?}"
    );
    Ok(())
}

/// Creates the table with a foreign key to `t` that is checked at COMMIT.
fn create_deferred(database: &mut Database, table: Table) -> CaseResult {
    let table = table.constraint(ForeignKey {
        name: None,
        columns: vec!["v".to_owned()],
        table: "t".to_owned(),
        schema: None,
        references: vec!["id".to_owned()],
        on_delete: ReferentialAction::NoAction,
        on_update: ReferentialAction::NoAction,
    });
    let sql = selfsame::render::Renderer::new(database.dialect()).create_table(&table, &[])?;
    let text = sql
        .text()
        .strip_suffix(')')
        .map(|start| format!("{start} DEFERRABLE INITIALLY DEFERRED)"))
        .unwrap_or_default();
    let sql = selfsame::backend::Sql::new(selfsame::backend::StatementKind::Ddl, text, [], []);
    database.execute_sql(&sql, &[])?;
    Ok(())
}
