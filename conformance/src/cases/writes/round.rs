//! Batches of round sizes, lists of every length, and keys beyond 32 bits.

use selfsame::metadata;
use selfsame::prelude::*;
use selfsame::schema::{Column, ColumnType, Table};
use selfsame::value::ValueType;

use super::counted_table;
use crate::case::Cover::Contract;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, text, value_table};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case::core("writes.sizes.round", round)
        .since(22)
        .needs(&[Capability::Transactions])
        .promise("A batch of a round number of rows, one less or one more, writes each row once and reports each outcome.")
        .hint("Look for the number of rows at which the driver or the backend splits a batch.")
        .covers(&[Contract(48), Contract(55)]),
    Case::core("writes.sizes.parameters", parameters)
        .since(22)
        .promise("INSERT, UPDATE and DELETE of any number of parameters, up to hundreds, take each from its own place.")
        .hint("Bind every parameter by its number.")
        .covers(&[Contract(42), Contract(53)]),
    Case::full("writes.keys.large", large_keys)
        .since(22)
        .needs(&[Capability::GeneratedKeys])
        .promise("After a key beyond 32 bits, the next generated keys are reported as they are stored.")
        .hint("Report keys in 64 bits.")
        .covers(&[Contract(47), Contract(2)]),
    Case::full("writes.keys.undone", undone_keys)
        .since(22)
        .needs(&[Capability::Transactions, Capability::GeneratedKeys])
        .promise("Generated keys are reported as they are stored in transactions and savepoints, and after a rollback has taken others back.")
        .hint("Ask directly after the INSERT: a rollback may reuse keys or leave a gap.")
        .covers(&[Contract(47), Contract(64)]),
    Case::full("writes.keys.never_reused", never_reused)
        .since(24)
        .needs(&[Capability::GeneratedKeys])
        .promise("A key declared as never reused is greater than all before it, although the rows with the greatest keys were deleted.")
        .hint("See `Generated::KeyNeverReused`: a key counted from the greatest row is not enough.")
        .covers(&[Contract(47)]),
    Case::core("writes.update.exchanged", exchanged)
        .since(24)
        .needs(&[Capability::SimultaneousAssignment])
        .promise("Every assignment of an UPDATE sees the row as it was before, so that two columns can exchange their values.")
        .hint("Some databases assign from left to right unless a setting changes that.")
        .covers(&[Contract(53)]),
];

/// A receipt, whose numbers are never reused.
#[derive(Entity, Clone, Debug)]
#[orm(table = "receipts")]
struct Receipt {
    #[orm(primary_key, autoincrement)]
    id: Auto<i64>,
    label: String,
}

const INSERT: &str = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";

fn round(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    let round = [
        10, 16, 20, 32, 50, 64, 100, 128, 200, 250, 300, 400, 500, 512, 750, 1_000, 1_024, 2_000,
        2_048,
    ];
    let near = round.iter().flat_map(|size| [size - 1, *size, size + 1]);
    for size in (1..=9).chain(near) {
        database.begin_write()?;
        database.execute("DELETE FROM [t]", &[])?;
        let rows: Vec<Vec<Typed>> = (1..=size).map(|id| vec![int(id), int(-id)]).collect();
        let outcomes = database.execute_each(INSERT, &[ValueType::I64; 2], &rows)?;
        check_eq!(
            outcomes.len(),
            rows.len(),
            "an outcome for each row of {size}"
        );
        check!(
            outcomes.iter().all(|outcome| outcome.matched == 1),
            "each row of {size} must be reported as written once"
        );
        database.commit()?;
        let right = database.integers("SELECT COUNT(*) FROM [t] WHERE [v] = -[id]", &[])?;
        check_eq!(right, [size], "the rows of a batch of {size}");
        let last = database.integers("SELECT [v] FROM [t] WHERE [id] = ?", &[int(size)])?;
        check_eq!(last, [-size], "the last row of a batch of {size}");
    }
    Ok(())
}

fn parameters(context: &mut Context) -> CaseResult {
    let most = context.capabilities().max_parameters.unwrap_or(usize::MAX);
    for width in [
        1_usize, 2, 3, 8, 9, 16, 17, 20, 21, 32, 33, 40, 64, 65, 90, 257, 300,
    ] {
        if width + 1 > most {
            break;
        }
        let mut database = Database::open(context)?;
        let name = format!("wide{width}");
        let mut table = Table::build(&name).column(Column::new("id", ColumnType::I64));
        for column in 0..width {
            table = table.column(Column::new(format!("c{column}"), ColumnType::I64).nullable());
        }
        database.create(&table.primary_key(["id"]))?;
        let columns: Vec<String> = (0..width).map(|column| format!("[c{column}]")).collect();
        let values = |factor: i64| (1_i64..).take(width).map(move |at| at * factor);
        let typed = |factor: i64| values(factor).map(int).collect::<Vec<_>>();
        let insert = format!(
            "INSERT INTO [{name}] ([id], {}) VALUES (?{})",
            columns.join(", "),
            ", ?".repeat(width)
        );
        database.execute(&insert, &[vec![int(1)], typed(1)].concat())?;
        let select = format!("SELECT {} FROM [{name}]", columns.join(", "));
        let stored =
            |database: &mut Database| database.rows(&select, &[], &vec![ValueType::I64; width]);
        let wanted = |factor: i64| -> Vec<Vec<selfsame::value::Value>> {
            vec![values(factor).map(selfsame::value::Value::I64).collect()]
        };
        check_eq!(
            stored(&mut database)?,
            wanted(1),
            "INSERT of {width} values"
        );
        let set: Vec<String> = columns
            .iter()
            .map(|column| format!("{column} = ?"))
            .collect();
        let update = format!("UPDATE [{name}] SET {} WHERE [id] = ?", set.join(", "));
        let outcome = database.execute(&update, &[typed(-3), vec![int(1)]].concat())?;
        check_eq!(
            outcome.matched,
            1,
            "UPDATE of {width} values must find its row"
        );
        check_eq!(
            stored(&mut database)?,
            wanted(-3),
            "UPDATE of {width} values"
        );
        let all: Vec<String> = columns
            .iter()
            .map(|column| format!("{column} = ?"))
            .collect();
        let delete = format!("DELETE FROM [{name}] WHERE {}", all.join(" AND "));
        let mut other = typed(-3);
        other[width - 1] = int(1);
        let outcome = database.execute(&delete, &other)?;
        check_eq!(
            outcome.matched,
            0,
            "DELETE by {width} values, the last of which differs"
        );
        let outcome = database.execute(&delete, &typed(-3))?;
        check_eq!(
            outcome.matched,
            1,
            "DELETE by {width} values must find its row"
        );
    }
    lists(context, most)
}

/// UPDATE and DELETE by lists whose last value matters.
fn lists(context: &Context, most: usize) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    for length in [2_i64, 9, 65, 100, 256, 257, 400] {
        if usize::try_from(length).is_ok_and(|length| length + 1 > most) {
            break;
        }
        database.execute("DELETE FROM [t]", &[])?;
        database.execute(INSERT, &[int(length), int(0)])?;
        database.execute(INSERT, &[int(length + 1), int(0)])?;
        let places = vec!["?"; usize::try_from(length).unwrap_or_default()].join(", ");
        let list: Vec<Typed> = (1..=length).map(int).collect();
        let update = format!("UPDATE [t] SET [v] = [v] + 1 WHERE [id] IN ({places})");
        let outcome = database.execute(&update, &list)?;
        check_eq!(outcome.matched, 1, "UPDATE by a list of {length}");
        let changed = database.integers("SELECT [id] FROM [t] WHERE [v] = 1", &[])?;
        check_eq!(changed, [length], "the row that a list of {length} updates");
        let delete = format!("DELETE FROM [t] WHERE [id] IN ({places})");
        let outcome = database.execute(&delete, &list)?;
        check_eq!(outcome.matched, 1, "DELETE by a list of {length}");
        let left = database.integers("SELECT [id] FROM [t]", &[])?;
        check_eq!(left, [length + 1], "the row that a list of {length} leaves");
    }
    Ok(())
}

/// Inserts a row and checks the key that is reported for it.
pub(super) fn insert_named(database: &mut Database, name: &str) -> CaseResult {
    let outcome = database.execute("INSERT INTO [t] ([v]) VALUES (?)", &[text(name)])?;
    let found = database.integers("SELECT [id] FROM [t] WHERE [v] = ?", &[text(name)])?;
    check_eq!(found.len(), 1, "the row `{name}`");
    if let Some(key) = outcome.last_insert_id {
        check_eq!(found, [key], "the reported key of `{name}`");
    } else if database.dialect().capabilities().returning {
        let again = text(&format!("{name}, returned"));
        let insert = "INSERT INTO [t] ([v]) VALUES (?) RETURNING [id]";
        let key = database.integers(insert, std::slice::from_ref(&again))?;
        let found = database.integers("SELECT [id] FROM [t] WHERE [v] = ?", &[again])?;
        check_eq!(found, key, "the returned key of `{name}`");
    }
    Ok(())
}

fn undone_keys(context: &mut Context) -> CaseResult {
    let savepoints = context.capabilities().savepoints;
    let mut database = Database::open(context)?;
    database.create(&counted_table())?;
    for round in 0..6 {
        insert_named(&mut database, &format!("alone {round}"))?;
        database.begin_write()?;
        insert_named(&mut database, &format!("within {round}"))?;
        if savepoints {
            database.savepoint("s")?;
            insert_named(&mut database, &format!("undone {round}"))?;
            database.rollback_to("s")?;
            insert_named(&mut database, &format!("in a savepoint {round}"))?;
            database.release("s")?;
            insert_named(&mut database, &format!("after a savepoint {round}"))?;
        }
        match round % 2 {
            0 => database.rollback()?,
            _ => database.commit()?,
        }
    }
    insert_named(&mut database, "last")
}

fn large_keys(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&counted_table())?;
    for large in [1_i64 << 16, 1 << 31, 1 << 32, (1 << 53) + 1] {
        database.execute(
            "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
            &[int(large), text(&format!("given {large}"))],
        )?;
        for number in 1..=3 {
            insert_named(&mut database, &format!("{number} after {large}"))?;
        }
        let given = text(&format!("given {large}"));
        let found = database.integers("SELECT [id] FROM [t] WHERE [v] = ?", &[given])?;
        check_eq!(found, [large], "the given key");
    }
    Ok(())
}

fn never_reused(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Receipt])?;
    let mut greatest = 0;
    for rows in [1, 3, 1, 2] {
        let mut session = world.session();
        let receipts = (0..rows).map(|row| Receipt::new(format!("receipt {row}")));
        let added = session.add_all(receipts.collect::<Vec<_>>());
        session.commit()?;
        for receipt in added {
            session.refresh(receipt)?;
            let key = session[receipt].id.get().copied();
            check!(
                key.is_some_and(|key| key > greatest),
                "the key of a new row must be above {greatest}, is {key:?}"
            );
            greatest = key.unwrap_or(greatest);
            session.delete(receipt)?;
        }
        session.commit()?;
    }
    Ok(())
}

fn exchanged(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    let table = Table::build("t")
        .column(Column::new("id", ColumnType::I64))
        .column(Column::new("a", ColumnType::I64))
        .column(Column::new("b", ColumnType::I64))
        .primary_key(["id"]);
    database.create(&table)?;
    for id in 1..=3 {
        let insert = "INSERT INTO [t] ([id], [a], [b]) VALUES (?, ?, ?)";
        database.execute(insert, &[int(id), int(10 * id), int(id)])?;
    }
    database.execute("UPDATE [t] SET [a] = [b], [b] = [a]", &[])?;
    let a = database.integers("SELECT [a] FROM [t] ORDER BY [id]", &[])?;
    let b = database.integers("SELECT [b] FROM [t] ORDER BY [id]", &[])?;
    check_eq!(
        (a, b),
        (vec![1, 2, 3], vec![10, 20, 30]),
        "the exchanged columns"
    );
    Ok(())
}
