//! Generated keys, whatever the connection did before.

use selfsame::ErrorKind;
use selfsame::schema::{Column, ColumnType, Generated, Table};
use selfsame::value::ValueType;

use super::round::insert_named;
use super::{PLACES, Step, counted_table, enter};
use crate::case::Cover::Contract;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, int, null, text};

pub(super) const CASES: &[Case] = &[
    Case::full("writes.keys.everywhere", everywhere)
        .since(29)
        .needs(&[Capability::Transactions, Capability::GeneratedKeys])
        .promise("A generated key is reported as it is stored, whatever ran before on the connection: a refused row, a row of another table, an UPDATE, a given key, a rollback.")
        .hint("Read the key of the statement itself: a database may keep the key of an earlier one.")
        .covers(&[Contract(47), Contract(58)]),
];

/// What the connection did directly before an INSERT.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    OtherTable,
    GivenKey,
    Update,
    Delete,
    Query,
    Raw,
    Batch,
    /// A row with NULL in a NOT NULL column; outside a transaction only, which it may end.
    Refused,
    RefusedInBatch,
}

const BEFORES: [Before; 10] = [
    Before::Nothing,
    Before::OtherTable,
    Before::GivenKey,
    Before::Update,
    Before::Delete,
    Before::Query,
    Before::Raw,
    Before::Batch,
    Before::Refused,
    Before::RefusedInBatch,
];

const INSERT: &str = "INSERT INTO [t] ([v]) VALUES (?)";

fn everywhere(context: &mut Context) -> CaseResult {
    let has_savepoints = context.capabilities().savepoints;
    let mut database = Database::open(context)?;
    database.create(&counted_table())?;
    let other = Table::build("other")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
        .column(Column::new("v", ColumnType::I64))
        .primary_key(["id"]);
    database.create(&other)?;
    let given = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";
    database.execute(INSERT, &[text("first")])?;
    let first = database.integers("SELECT [id] FROM [t]", &[])?;
    let existing = [
        int(first.first().copied().unwrap_or_default()),
        text("again"),
    ];
    // The keys of the other table are far from those of this one.
    let far = [int(70_000), int(0)];
    database.execute("INSERT INTO [other] ([id], [v]) VALUES (?, ?)", &far)?;
    // Given keys are below all others: PostgreSQL would generate them again.
    let mut next = -1;
    for (place, steps) in PLACES {
        if steps.contains(&Step::Savepoint) && !has_savepoints {
            continue;
        }
        for before in BEFORES {
            let is_open = enter(&mut database, steps, &existing)?;
            let may_fail = !is_open;
            let name = format!("{place}, after {before:?}");
            match before {
                Before::Nothing => {}
                Before::OtherTable => {
                    database.execute("INSERT INTO [other] ([v]) VALUES (?)", &[int(0)])?;
                }
                Before::GivenKey => {
                    next -= 1;
                    database.execute(given, &[int(next), text("given")])?;
                }
                Before::Update => {
                    let update = "UPDATE [t] SET [v] = ? WHERE [id] = ?";
                    database.execute(update, &[text("changed"), existing[0].clone()])?;
                }
                Before::Delete => {
                    next -= 1;
                    database.execute(given, &[int(next), text("deleted")])?;
                    database.execute("DELETE FROM [t] WHERE [id] = ?", &[int(next)])?;
                }
                Before::Query => {
                    database.count("other")?;
                }
                // In lower case the template is raw SQL.
                Before::Raw => {
                    database.execute("insert into [other] ([v]) values (?)", &[int(0)])?;
                }
                Before::Batch => {
                    let rows = [vec![text("x")], vec![text("y")]];
                    database.execute_each(INSERT, &[ValueType::Text], &rows)?;
                }
                Before::Refused if may_fail => {
                    let refused = database.execute(INSERT, &[null(ValueType::Text)]);
                    check_eq!(
                        refused.map_err(|error| error.kind()),
                        Err(ErrorKind::NotNullViolation),
                        "{place}: NULL in a NOT NULL column"
                    );
                }
                Before::RefusedInBatch if may_fail => {
                    let rows = [vec![text("z")], vec![null(ValueType::Text)]];
                    let refused = database.execute_each(INSERT, &[ValueType::Text], &rows);
                    check_eq!(
                        refused.map_err(|error| error.kind()),
                        Err(ErrorKind::NotNullViolation),
                        "{place}: NULL in a NOT NULL column, in a batch"
                    );
                }
                Before::Refused | Before::RefusedInBatch => {}
            }
            for number in 1..=2 {
                insert_named(&mut database, &format!("{name}, row {number}"))?;
            }
            if is_open {
                database.rollback()?;
            }
        }
    }
    Ok(())
}
