//! Each kind of statement on both sides of every size at which an engine, a driver or the ORM may split it; and the same statement again.

use selfsame::ErrorKind;
use selfsame::backend::Rows;
use selfsame::metadata;
use selfsame::prelude::*;
use selfsame::schema::{Column, ColumnType, Table};
use selfsame::value::{Param, Value, ValueType};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, value_table};

pub(super) const CASES: &[Case] = &[
    Case::core("writes.sizes.statements", statements)
        .since(17)
        .promise("INSERT, UPDATE, DELETE and INSERT … SELECT of any number of rows report that number and affect exactly those rows.")
        .hint("Look for a limit of the driver on rows or bytes of one statement.")
        .covers(&[Contract(49), Contract(51), Contract(53)]),
    Case::core("writes.sizes.large", large)
        .since(21)
        .needs(&[Capability::Transactions])
        .promise("Statements that write tens of thousands of rows report that number and affect exactly those rows.")
        .hint("Report counts in 64 bits; look for 32,767 and 65,535 in the driver.")
        .covers(&[Contract(49), Contract(51), Contract(53)]),
    Case::core("writes.sizes.batches", batches)
        .since(17)
        .promise("A batch of any size inserts, changes and deletes each row with its own values.")
        .hint("See `Connection::execute_each`; bind every parameter again for each row.")
        .covers(&[Contract(48), Contract(55)]),
    Case::core("writes.sizes.flush", flushes)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("A flush of any number of new, changed and deleted objects writes all of them and no others.")
        .hint("`Dialect::batch` gives the number of rows in one statement.")
        .covers(&[Rule(13), Contract(48), Contract(55)]),
    Case::core("writes.sizes.keys", keys)
        .since(17)
        .needs(&[Capability::Transactions, Capability::GeneratedKeys])
        .promise("Of any number of objects inserted together, each gets the key of its own row.")
        .hint("Keys are paired with rows, not with the order in which the database returns them.")
        .covers(&[Rule(13), Contract(47), Contract(48)]),
    Case::core("queries.sizes.lists", lists)
        .since(17)
        .promise("IN and NOT IN with a list of any length, also beyond the parameter limit, match the right rows.")
        .hint("The ORM splits lists longer than `max_parameters`, or sends an array.")
        .covers(&[Contract(25), Contract(42)]),
    Case::core("queries.sizes.list_values", list_values)
        .since(19)
        .promise("A long list matches each value as its column stores it: extreme integers, unusual texts, bytes, booleans and NULL, for IN and NOT IN.")
        .hint("See `Dialect::list_query`: its values must equal ordinary parameters.")
        .covers(&[Contract(1), Contract(8), Contract(12), Contract(25)]),
    Case::core("writes.batch.again", again)
        .since(17)
        .promise("Running a statement again writes the new values in every column, and writes the same rows again after they were deleted.")
        .hint("Bind every parameter again; nothing of the previous run may stay.")
        .covers(&[Contract(48)]),
    Case::core("writes.batch.stops", stops)
        .since(17)
        .promise("A batch stops at its first error: later rows are not written, whatever happens to the earlier ones.")
        .hint("Return the first error, of a row or of the reader; send nothing after it.")
        .covers(&[Contract(55), Contract(58)]),
    Case::core("writes.keyless.rows", keyless)
        .since(17)
        .promise("A table without a key keeps every equal row, however it was written.")
        .hint("No row may be sent twice or dropped as a duplicate.")
        .covers(&[Contract(46), Contract(48)]),
];

const SIZES: [i64; 12] = [1, 2, 99, 100, 255, 256, 257, 512, 513, 1_000, 1_001, 4_099];

/// The sizes to try; only small ones if every row is committed separately, which may wait for a disk.
fn sizes(context: &Context) -> impl Iterator<Item = i64> + use<> {
    let most = match context.capabilities().transactions {
        true => i64::MAX,
        false => 257,
    };
    SIZES.into_iter().filter(move |size| *size <= most)
}
const INSERT: &str = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";
const TYPES: [ValueType; 2] = [ValueType::I64; 2];

/// The table `t` with the rows (1, 10), (2, 20) … in one transaction, if there are any.
fn filled(database: &mut Database, rows: i64) -> CaseResult {
    database.in_transaction(|database| {
        database.execute("DELETE FROM [t]", &[])?;
        let rows: Vec<Vec<Typed>> = (1..=rows).map(|id| vec![int(id), int(id * 10)]).collect();
        database.execute_each(INSERT, &TYPES, &rows)?;
        Ok(())
    })
}

fn holds(database: &mut Database, what: &str, wanted: &[(i64, i64)]) -> CaseResult {
    let found = database.rows("SELECT [id], [v] FROM [t] ORDER BY [id]", &[], &TYPES)?;
    let wanted: Vec<Vec<Value>> = wanted
        .iter()
        .map(|&(id, v)| vec![Value::I64(id), Value::I64(v)])
        .collect();
    check_eq!(found.len(), wanted.len(), "the number of rows after {what}");
    for (found, wanted) in found.iter().zip(&wanted) {
        check_eq!(found, wanted, "a row after {what}");
    }
    Ok(())
}

fn statements(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    database.create(&value_table("u", ColumnType::I64))?;
    for size in sizes(context) {
        filled(&mut database, size + 1)?;
        let matched = u64::try_from(size).unwrap_or_default();
        let rows = |from: i64, to: i64, v: &dyn Fn(i64) -> i64| -> Vec<(i64, i64)> {
            (from..=to).map(|id| (id, v(id))).collect()
        };
        database.execute("DELETE FROM [u]", &[])?;
        let outcome = database.execute(
            "INSERT INTO [u] ([id], [v]) SELECT [id], [v] FROM [t] WHERE [id] <= ?",
            &[int(size)],
        )?;
        check_eq!(
            outcome.matched,
            matched,
            "INSERT … SELECT must report its rows"
        );
        check_eq!(database.count("u")?, size, "and have written them");
        let outcome =
            database.execute("UPDATE [t] SET [v] = [v] + 1 WHERE [id] <= ?", &[int(size)])?;
        check_eq!(outcome.matched, matched, "UPDATE must report its rows");
        let mut wanted = rows(1, size, &|id| id * 10 + 1);
        wanted.push((size + 1, (size + 1) * 10));
        holds(&mut database, &format!("UPDATE of {size}"), &wanted)?;
        let outcome = database.execute("DELETE FROM [t] WHERE [id] <= ?", &[int(size)])?;
        check_eq!(outcome.matched, matched, "DELETE must report its rows");
        holds(
            &mut database,
            &format!("DELETE of {size}"),
            &[(size + 1, (size + 1) * 10)],
        )?;
    }
    Ok(())
}

/// Writes on both sides of 2^15 and 2^16.
fn large(context: &mut Context) -> CaseResult {
    const SIDE: i64 = 450;
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    database.create(&value_table("u", ColumnType::I64))?;
    filled(&mut database, SIDE)?;
    // Each of the 202,500 rows has its key as its value.
    let key = format!("([a].[id] - 1) * {SIDE} + [b].[id]");
    let outcome = database.execute(
        &format!(
            "INSERT INTO [u] ([id], [v]) SELECT {key}, {key} FROM [t] AS [a] CROSS JOIN [t] AS [b]"
        ),
        &[],
    )?;
    let mut left = SIDE * SIDE;
    check_eq!(
        i64::try_from(outcome.matched),
        Ok(left),
        "INSERT … SELECT must report its rows"
    );
    check_eq!(database.count("u")?, left, "and have written them");
    for size in [32_767, 32_768, 65_535, 65_536] {
        let last = SIDE * SIDE - left + size;
        let outcome =
            database.execute("UPDATE [u] SET [v] = -[id] WHERE [id] <= ?", &[int(last)])?;
        check_eq!(
            i64::try_from(outcome.matched),
            Ok(size),
            "UPDATE must report its rows"
        );
        let changed = database.integers("SELECT COUNT(*) FROM [u] WHERE [v] = -[id]", &[])?;
        check_eq!(
            changed,
            [size],
            "UPDATE must change the rows that match, and no others"
        );
        let outcome = database.execute("DELETE FROM [u] WHERE [id] <= ?", &[int(last)])?;
        check_eq!(
            i64::try_from(outcome.matched),
            Ok(size),
            "DELETE must report its rows"
        );
        left -= size;
        check_eq!(
            database.count("u")?,
            left,
            "DELETE must remove the rows that match, and no others"
        );
    }
    Ok(())
}

fn batches(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    for size in sizes(context) {
        filled(&mut database, size + 1)?;
        database.in_transaction(|database| {
            // In reverse, so that positions in the batch and keys differ.
            let updates: Vec<Vec<Typed>> =
                (1..=size).rev().map(|id| vec![int(-id), int(id)]).collect();
            let outcomes =
                database.execute_each("UPDATE [t] SET [v] = ? WHERE [id] = ?", &TYPES, &updates)?;
            check_eq!(outcomes.len(), updates.len(), "an outcome for each row");
            check!(
                outcomes.iter().all(|outcome| outcome.matched == 1),
                "each UPDATE of {size} must match its row"
            );
            Ok(())
        })?;
        let mut wanted: Vec<(i64, i64)> = (1..=size).map(|id| (id, -id)).collect();
        wanted.push((size + 1, (size + 1) * 10));
        holds(
            &mut database,
            &format!("a batch of {size} UPDATEs"),
            &wanted,
        )?;
        database.in_transaction(|database| {
            let deletes: Vec<Vec<Typed>> = (1..=size).map(|id| vec![int(id)]).collect();
            let delete = "DELETE FROM [t] WHERE [id] = ?";
            let outcomes = database.execute_each(delete, &[ValueType::I64], &deletes)?;
            check!(
                outcomes.iter().all(|outcome| outcome.matched == 1),
                "each DELETE of {size} must match its row"
            );
            Ok(())
        })?;
        let left = [(size + 1, (size + 1) * 10)];
        holds(&mut database, &format!("a batch of {size} DELETEs"), &left)?;
    }
    Ok(())
}

/// A row whose key the program assigns.
#[derive(Entity, Clone, Debug)]
#[orm(table = "parts")]
struct Part {
    #[orm(primary_key)]
    code: String,
    amount: i64,
    note: Option<String>,
}

fn part(number: i64) -> Part {
    Part {
        note: (number % 3 == 0).then(|| format!("note {number}")),
        ..Part::new(format!("p{number:06}"), number)
    }
}

fn flushes(context: &mut Context) -> CaseResult {
    let engine = Engine::from_backend(context.backend());
    metadata![Part].create_all(&engine)?;
    for size in sizes(context) {
        let mut session = Session::new(&engine);
        // Three times the size: a third is changed, a third deleted, a third kept.
        session.add_all((0..size * 3).map(part).collect::<Vec<_>>());
        session.commit()?;
        let mut session = Session::new(&engine);
        let parts = Part::query().order_by(Part::CODE.asc()).all(&mut session)?;
        check_eq!(
            i64::try_from(parts.len()),
            Ok(size * 3),
            "every part is there"
        );
        for (&part, number) in parts.iter().zip(0..) {
            check_eq!(
                session[part].amount,
                number,
                "each row must hold its own values"
            );
            match number % 3 {
                0 => session[part].amount = -number,
                1 => session.delete(part)?,
                _ => {}
            }
        }
        session.commit()?;
        let rows = Part::query()
            .order_by(Part::CODE.asc())
            .rows(&mut session)?;
        let wanted = (0..size * 3).filter(|number| number % 3 != 1);
        check_eq!(
            i64::try_from(rows.len()),
            Ok(size * 2),
            "a third must be deleted"
        );
        for (row, number) in rows.iter().zip(wanted) {
            let wanted = part(number);
            let amount = if number % 3 == 0 { -number } else { number };
            check_eq!(
                (&row.code, row.amount, &row.note),
                (&wanted.code, amount, &wanted.note),
                "each row must be as it was made"
            );
        }
        Part::query().delete().execute(&mut session)?;
        session.commit()?;
    }
    Ok(())
}

/// A row whose key the database generates.
#[derive(Entity, Clone, Debug)]
#[orm(table = "tickets")]
struct Ticket {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
}

fn keys(context: &mut Context) -> CaseResult {
    let engine = Engine::from_backend(context.backend());
    metadata![Ticket].create_all(&engine)?;
    for size in sizes(context) {
        let mut session = Session::new(&engine);
        let names = (0..size).map(|number| format!("{size} of {number}"));
        let added: Vec<_> = names.map(|name| session.add(Ticket::new(name))).collect();
        session.flush()?;
        let keys: Vec<(Option<i64>, String)> = added
            .iter()
            .map(|&one| (session[one].id.get().copied(), session[one].name.clone()))
            .collect();
        session.commit()?;
        let mut session = Session::new(&engine);
        for (key, name) in keys {
            let Some(key) = key else {
                check!(false, "every object must have a key after its INSERT");
                continue;
            };
            let Some(found) = session.get::<Ticket>(key)? else {
                check!(false, "the key {key} of {name:?} must be that of a row");
                continue;
            };
            check_eq!(
                session[found].name,
                name,
                "the key {key} must belong to its own row"
            );
        }
        Ticket::query().delete().execute(&mut session)?;
        session.commit()?;
    }
    Ok(())
}

fn lists(context: &mut Context) -> CaseResult {
    let engine = Engine::from_backend(context.backend());
    metadata![Part].create_all(&engine)?;
    let mut session = Session::new(&engine);
    session.insert_all((0..2_000).map(part).collect::<Vec<_>>())?;
    for size in sizes(context).chain([32_766, 32_767, 40_000, 70_000]) {
        // Every second number is a part's, as long as there are parts.
        let numbers: Vec<i64> = (0..size)
            .map(|place| place / 2 + (place % 2) * 1_000_000)
            .collect();
        let inside = (0..2_000).filter(|number| *number < (size + 1) / 2).count();
        let query = Part::query().filter(Part::AMOUNT.in_(numbers.clone()));
        check_eq!(
            usize::try_from(query.count(&mut session)?),
            Ok(inside),
            "IN of {size} values"
        );
        // In reverse, so that the last value matters as much as the first.
        let backwards = numbers.iter().rev().copied();
        let query = Part::query().filter(Part::AMOUNT.not_in(backwards));
        check_eq!(
            usize::try_from(query.count(&mut session)?),
            Ok(2_000 - inside),
            "NOT IN of {size} values"
        );
        if size <= 5_000 {
            let keys: Vec<String> = numbers.iter().map(|number| part(*number).code).collect();
            let found = session.get_many::<Part>(keys)?;
            check_eq!(found.len(), inside, "the objects of {size} keys");
            session.clear();
        }
    }
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "listed")]
struct Listed {
    #[orm(primary_key)]
    id: i64,
    number: i64,
    word: String,
    bytes: Vec<u8>,
    flag: bool,
    maybe: Option<i64>,
}

fn list_values(context: &mut Context) -> CaseResult {
    const PADDING: i64 = 300;
    let engine = Engine::from_backend(context.backend());
    metadata![Listed].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let words = [
        "",
        " ",
        "a",
        "A",
        "a ",
        "\"",
        "\\",
        "'",
        "\\u0041",
        "[1]",
        "null",
        "\n\r\t\u{1}\u{7f}",
        "é",
        "e\u{301}",
        "𝄞",
        "1",
        "01",
        "1.0",
    ];
    let numbers = [
        i64::MIN,
        i64::MIN + 1,
        i64::MAX,
        i64::MAX - 1,
        0,
        -1,
        (1 << 53) + 1,
    ];
    let rows: Vec<Listed> = (0_i64..)
        .zip(words)
        .zip(numbers.into_iter().cycle())
        .map(|((id, word), number)| {
            let bytes = [word.as_bytes(), &[0, 255]].concat();
            let mut row = Listed::new(id, number, word, bytes, id % 2 == 0);
            row.maybe = (id % 3 != 0).then_some(number);
            row
        })
        .collect();
    session.insert_all(rows.clone())?;
    let padding = || 1_000..1_000 + PADDING;
    let mut found = |query: selfsame::query::Query<Listed>| -> Result<Vec<i64>, selfsame::Error> {
        let rows = query.order_by(Listed::ID.asc()).select(Listed::ID);
        rows.all(&mut session)
    };
    for row in &rows {
        let like = |same: &dyn Fn(&Listed) -> bool| -> Vec<i64> {
            rows.iter()
                .filter(|row| same(row))
                .map(|row| row.id)
                .collect()
        };
        let list = padding().chain([row.number]);
        check_eq!(
            found(Listed::query().filter(Listed::NUMBER.in_(list.clone())))?,
            like(&|other| other.number == row.number),
            "IN of {}",
            row.number
        );
        check_eq!(
            found(Listed::query().filter(Listed::NUMBER.not_in(list)))?,
            like(&|other| other.number != row.number),
            "NOT IN of {}",
            row.number
        );
        let list = padding().map(|n| format!("padding {n}"));
        check_eq!(
            found(Listed::query().filter(Listed::WORD.in_(list.chain([row.word.clone()]))))?,
            vec![row.id],
            "IN of {:?}",
            row.word
        );
        let list = padding().map(|n| n.to_be_bytes().to_vec());
        check_eq!(
            found(Listed::query().filter(Listed::BYTES.in_(list.chain([row.bytes.clone()]))))?,
            vec![row.id],
            "IN of {:?}",
            row.bytes
        );
    }
    let flags = vec![true; 300];
    check_eq!(
        found(Listed::query().filter(Listed::FLAG.in_(flags)))?.len(),
        rows.iter().filter(|row| row.flag).count(),
        "IN of truth values"
    );
    let nothing = padding().map(Some).chain([None]);
    check_eq!(
        found(Listed::query().filter(Listed::MAYBE.in_(nothing.clone())))?,
        Vec::<i64>::new(),
        "IN never finds NULL"
    );
    check_eq!(
        found(Listed::query().filter(Listed::MAYBE.not_in(nothing)))?,
        Vec::<i64>::new(),
        "NOT IN a list with NULL finds nothing"
    );
    Ok(())
}

/// A table with twenty columns of similar values.
fn wide_table() -> Table {
    let mut table = Table::build("wide").column(Column::new("id", ColumnType::I64));
    for column in 1..=20 {
        let text = ColumnType::Text { length: None };
        table = table.column(Column::new(format!("c{column}"), text).nullable());
    }
    table.primary_key(["id"])
}

fn again(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&wide_table())?;
    let columns: Vec<String> = (1..=20).map(|column| format!("[c{column}]")).collect();
    let insert = format!(
        "INSERT INTO [wide] ([id], {}) VALUES (?{})",
        columns.join(", "),
        ", ?".repeat(20)
    );
    let cell = |id: i64, column: i64, run: i64| match (id + column + run) % 7 {
        0 => Value::Null,
        _ => Value::Text(format!("{run}/{id}/{column}")),
    };
    let row = |id: i64, run: i64| -> Vec<Typed> {
        let cells = (1..=20).map(|column| Typed::new(ValueType::Text, cell(id, column, run)));
        std::iter::once(int(id)).chain(cells).collect()
    };
    let types: Vec<ValueType> = row(1, 0).iter().map(|typed| typed.ty).collect();
    let select = format!("SELECT {} FROM [wide] ORDER BY [id]", columns.join(", "));
    for run in 0..4 {
        let rows: Vec<Vec<Typed>> = (1..=9).map(|id| row(id, run)).collect();
        match run % 2 {
            0 => drop(database.execute_each(&insert, &types, &rows)?),
            _ => {
                for row in &rows {
                    database.execute(&insert, row)?;
                }
            }
        }
        let found = database.rows(&select, &[], &[ValueType::Text; 20])?;
        check_eq!(found.len(), 9, "every row of run {run} must be there");
        for (found, id) in found.iter().zip(1..) {
            let wanted: Vec<Value> = (1..=20).map(|column| cell(id, column, run)).collect();
            check_eq!(*found, wanted, "row {id} of run {run}");
        }
        let gone = database.execute("DELETE FROM [wide]", &[])?;
        check_eq!(gone.matched, 9, "every row of run {run} must go");
    }
    Ok(())
}

fn stops(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    let mut rows: Vec<Vec<Typed>> = (1..=6).map(|id| vec![int(id), int(id)]).collect();
    rows[3][0] = int(1);
    let refused = database.execute_each(INSERT, &TYPES, &rows);
    check!(
        matches!(&refused, Err(error) if error.kind() == ErrorKind::UniqueViolation),
        "the row with a taken key must be refused, the batch gave {refused:?}"
    );
    let left = database.integers("SELECT [id] FROM [t] ORDER BY [id]", &[])?;
    check!(
        left == [1, 2, 3] || left.is_empty(),
        "nothing after the refused row may be written, there are {left:?}"
    );
    database.execute("DELETE FROM [t]", &[])?;

    // An error returned by the reader.
    let sql = database.sql(INSERT, &TYPES, &[]);
    let values: Vec<Value> = (1..=6)
        .flat_map(|id| [Value::I64(id), Value::I64(id)])
        .collect();
    let flat: Vec<Param<'_>> = values
        .iter()
        .map(|value| Param::Ref(value.as_ref()))
        .collect();
    let mut calls = 0;
    let stopped = database
        .connection
        .execute_each(&sql, Rows::new(&flat, 2), &mut |_| {
            calls += 1;
            match calls {
                3 => Err(selfsame::Error::new(
                    ErrorKind::InvalidState,
                    "that is enough",
                )),
                _ => Ok(()),
            }
        });
    check!(
        matches!(&stopped, Err(error) if error.kind() == ErrorKind::InvalidState),
        "the reader's error must end the batch, which gave {stopped:?}"
    );
    check_eq!(calls, 3, "the reader must not be called after its error");
    let left = database.integers("SELECT [id] FROM [t] ORDER BY [id]", &[])?;
    check!(
        left == [1, 2, 3] || left.is_empty(),
        "nothing may be written after the reader's error, there are {left:?}"
    );
    let again = database.execute(INSERT, &[int(9), int(9)]);
    check!(again.is_ok(), "the connection must stay usable: {again:?}");
    Ok(())
}

fn keyless(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    let table = Table::build("t")
        .column(Column::new("id", ColumnType::I64))
        .column(Column::new("v", ColumnType::I64).nullable());
    database.create(&table)?;
    let mut wanted = 0;
    for round in 1..=3 {
        for _ in 0..round {
            database.execute(INSERT, &[int(1), int(2)])?;
        }
        let rows = vec![vec![int(1), int(2)]; 5];
        database.execute_each(INSERT, &TYPES, &rows)?;
        wanted = wanted + round + 5;
        check_eq!(
            database.count("t")?,
            wanted,
            "each row as often as it was written"
        );
    }
    let doubled = database.execute("INSERT INTO [t] ([id], [v]) SELECT [id], [v] FROM [t]", &[])?;
    check_eq!(doubled.matched, 21, "INSERT … SELECT must report each row");
    check_eq!(database.count("t")?, 42, "and write it once");
    let found = database.integers("SELECT [v] FROM [t] WHERE [id] = ?", &[int(1)])?;
    check_eq!(found, vec![2; 42], "equal rows must all be read");
    Ok(())
}
