//! Every constraint that can be declared is violated, each of its parts separately, and every action that can be declared is triggered.

use selfsame::ErrorKind;
use selfsame::metadata;
use selfsame::prelude::*;
use selfsame::schema::{Column, ColumnType, ForeignKey, ReferentialAction, Table};
use selfsame::sql::{excluded, insert_into, raw, select, update};
use selfsame::value::ValueType;

use super::refused;
use crate::case::Cover::Contract;
use crate::case::{Capability, Case, CaseResult, Failure};
use crate::context::Context;
use crate::database::{Database, Typed, int, null};
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case::core("constraints.declared.keys", keys)
        .since(17)
        .promise("A composite primary key or UNIQUE constraint refuses only rows that are equal in all of its columns, in INSERT, UPDATE and batches.")
        .hint("Declare the columns as one constraint; NULL equals nothing.")
        .covers(&[Contract(56), Contract(59)]),
    Case::core("constraints.declared.not_null", not_null)
        .since(17)
        .promise("Each NOT NULL column refuses NULL and omission independently of the other columns.")
        .hint("Check that every column's clause reaches the database.")
        .covers(&[Contract(56)]),
    Case::full("constraints.declared.checks", checks)
        .since(17)
        .needs(&[Capability::Checks])
        .promise("Each of several CHECK constraints is enforced independently, over one column or two, and NULL satisfies it.")
        .hint("Check that every clause reaches the database.")
        .covers(&[Contract(56)]),
    Case::full("constraints.declared.checks_everywhere", checks_everywhere)
        .since(25)
        .needs(&[Capability::Checks, Capability::Transactions])
        .promise("CHECK constraints of an entity and of a table are enforced in every statement that writes: INSERT of one row, of several, of a batch and of a query, UPDATE of one row and of all, upsert, a flush; a refused statement writes nothing.")
        .hint("A table created by `create_all` must have every CHECK that is declared.")
        .covers(&[Contract(56), Contract(52)]),
    Case::full("constraints.declared.references", references)
        .since(17)
        .needs(&[Capability::ForeignKeys])
        .promise("A foreign key of two columns refuses a pair that does not exist, whichever part is wrong, and accepts a pair with a NULL.")
        .hint("Declare the columns as one key, in order.")
        .covers(&[Contract(56), Contract(60)]),
    Case::full("constraints.declared.own_table", own_table)
        .since(20)
        .needs(&[Capability::ForeignKeys])
        .promise("A self-referential foreign key refuses a row that references a missing row, accepts one that references itself, and protects referenced rows.")
        .hint("CREATE TABLE must include foreign keys to the table itself.")
        .covers(&[Contract(56), Contract(60)]),
    Case::full("constraints.declared.actions", actions)
        .since(17)
        .needs(&[Capability::ForeignKeys])
        .promise("Each action of ON DELETE and ON UPDATE has its declared effect on the children, and on no other row.")
        .hint("Check that both clauses reach the database.")
        .covers(&[Contract(60)]),
];

/// A table with a composite key, two columns that are unique together, and one more column.
fn pairs() -> Table {
    let column = |name: &str| Column::new(name, ColumnType::I64);
    Table::build("pairs")
        .column(column("a"))
        .column(column("b"))
        .column(column("c").nullable())
        .column(column("d").nullable())
        .primary_key(["a", "b"])
        .unique(["c", "d"])
}

const INSERT: &str = "INSERT INTO [pairs] ([a], [b], [c], [d]) VALUES (?, ?, ?, ?)";

fn row(a: i64, b: i64, c: Option<i64>, d: Option<i64>) -> Vec<Typed> {
    let maybe = |value: Option<i64>| value.map_or(null(ValueType::I64), int);
    vec![int(a), int(b), maybe(c), maybe(d)]
}

fn keys(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&pairs())?;
    database.execute(INSERT, &row(1, 1, Some(1), Some(1)))?;
    let good = [
        row(1, 2, Some(1), Some(2)),
        row(2, 1, Some(2), Some(1)),
        row(2, 2, Some(1), None),
        row(2, 3, Some(1), None),
        row(2, 4, None, Some(1)),
        row(2, 5, None, None),
        row(2, 6, None, None),
    ];
    for row in &good {
        let taken = database.execute(INSERT, row);
        check!(
            taken.is_ok(),
            "a row that differs in one column must be taken: {taken:?}"
        );
    }
    let bad = [
        (row(1, 1, Some(9), Some(9)), "the whole key again"),
        (row(9, 9, Some(1), Some(1)), "the whole unique pair again"),
        (row(9, 8, Some(2), Some(1)), "another unique pair again"),
    ];
    for (row, what) in bad {
        refused(
            database.execute(INSERT, &row),
            ErrorKind::UniqueViolation,
            what,
        )?;
        let batch = database.execute_each(INSERT, &[ValueType::I64; 4], &[row]);
        refused(batch, ErrorKind::UniqueViolation, what)?;
    }
    for (set, what) in [
        ("[b] = 1", "the whole key, by UPDATE"),
        ("[d] = 1", "the whole unique pair, by UPDATE"),
    ] {
        let update = format!("UPDATE [pairs] SET {set} WHERE [a] = ? AND [b] = ?");
        refused(
            database.execute(&update, &[int(1), int(2)]),
            ErrorKind::UniqueViolation,
            what,
        )?;
    }
    check_eq!(
        database.count("pairs")?,
        8,
        "refused rows must not be there"
    );
    Ok(())
}

fn not_null(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    let names = ["a", "b", "c", "d"];
    let table = names.iter().fold(Table::build("full"), |table, name| {
        table.column(Column::new(*name, ColumnType::I64))
    });
    database.create(&table.primary_key(["a"]))?;
    let insert = "INSERT INTO [full] ([a], [b], [c], [d]) VALUES (?, ?, ?, ?)";
    database.execute(insert, &[int(1), int(1), int(1), int(1)])?;
    for place in 1..4 {
        let mut row = vec![int(2), int(2), int(2), int(2)];
        row[place] = null(ValueType::I64);
        let what = format!("NULL in {}", names[place]);
        refused(
            database.execute(insert, &row),
            ErrorKind::NotNullViolation,
            &what,
        )?;
        let others: Vec<String> = names
            .iter()
            .filter(|name| **name != names[place])
            .map(|name| format!("[{name}]"))
            .collect();
        let absent = format!(
            "INSERT INTO [full] ({}) VALUES (?, ?, ?)",
            others.join(", ")
        );
        refused(
            database.execute(&absent, &[int(2), int(2), int(2)]),
            ErrorKind::NotNullViolation,
            &format!("a row without {}", names[place]),
        )?;
        let update = format!("UPDATE [full] SET [{}] = ?", names[place]);
        refused(
            database.execute(&update, &[null(ValueType::I64)]),
            ErrorKind::NotNullViolation,
            &format!("{what}, by UPDATE"),
        )?;
    }
    check_eq!(database.count("full")?, 1, "refused rows must not be there");
    Ok(())
}

fn checks(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    let table = Table::build("checked")
        .column(Column::new("id", ColumnType::I64))
        .column(Column::new("low", ColumnType::I64).nullable())
        .column(Column::new("high", ColumnType::I64).nullable())
        .primary_key(["id"])
        .check("low >= 0")
        .check("high <= 100")
        .check("low <= high");
    database.create(&table)?;
    let insert = "INSERT INTO [checked] ([id], [low], [high]) VALUES (?, ?, ?)";
    let none = || null(ValueType::I64);
    for (id, low, high) in [
        (1, int(0), int(100)),
        (2, int(5), int(5)),
        (3, none(), int(1)),
        (4, int(1), none()),
        (5, none(), none()),
    ] {
        let taken = database.execute(insert, &[int(id), low, high]);
        check!(
            taken.is_ok(),
            "a row within the checks must be taken: {taken:?}"
        );
    }
    for (low, high, what) in [
        (int(-1), int(5), "the first CHECK"),
        (int(5), int(101), "the second CHECK"),
        (int(6), int(5), "the CHECK over two columns"),
        (int(-1), none(), "the first CHECK beside a NULL"),
    ] {
        refused(
            database.execute(insert, &[int(9), low.clone(), high.clone()]),
            ErrorKind::CheckViolation,
            what,
        )?;
        refused(
            database.execute(
                "UPDATE [checked] SET [low] = ?, [high] = ? WHERE [id] = ?",
                &[low, high, int(1)],
            ),
            ErrorKind::CheckViolation,
            &format!("{what}, by UPDATE"),
        )?;
    }
    Ok(())
}

/// A thing whose size and prices are checked: one CHECK uses one column, the other two.
#[derive(Entity, Clone, Debug)]
#[orm(table = "wares", check = "low <= high")]
struct Ware {
    #[orm(primary_key)]
    id: i64,
    #[orm(check = "size > 0")]
    size: i64,
    low: Option<i64>,
    high: Option<i64>,
}

fn checks_everywhere(context: &mut Context) -> CaseResult {
    let tables = metadata![Ware];
    let world = World::of(context, &tables)?;
    let upserts = context.capabilities().upsert;
    let mut session = world.session();
    session.add_all([ware(1, 5, 1, 9), ware(2, 6, 2, 8)]);
    session.commit()?;
    let all = |session: &mut Session| -> CaseResult<Vec<String>> {
        let rows = Ware::query().order_by(Ware::ID.asc()).rows(session)?;
        Ok(rows.iter().map(|row| format!("{row:?}")).collect())
    };
    let before = all(&mut session)?;
    session.rollback()?;
    let columns = (Ware::ID, Ware::SIZE, Ware::LOW, Ware::HIGH);
    let insert = move || insert_into(Ware::table()).columns(columns);
    for (size, low, high, what) in [
        (0, 1, 2, "the CHECK of a column"),
        (1, 3, 2, "the CHECK of the table"),
    ] {
        let bad = move |id: i64| (id, size, Some(low), Some(high));
        let good = |id: i64| (id, 1_i64, Some(1_i64), Some(2_i64));
        // The second row violates the constraint too, so that the first cannot be written alone.
        let shifted = select((
            Ware::ID + 50_i64,
            raw::<Ware, i64>(size.to_string()),
            raw::<Ware, Option<i64>>(low.to_string()),
            raw::<Ware, Option<i64>>(high.to_string()),
        ))
        .from(Ware::table());
        let mut statements: Vec<(&str, Written)> = vec![
            (
                "INSERT of a row",
                Box::new(move |s| s.execute(&insert().values(bad(9)))),
            ),
            (
                "INSERT of several rows",
                Box::new(move |s| s.execute(&insert().rows([good(9), good(10), bad(11)]))),
            ),
            (
                "INSERT … SELECT",
                Box::new(move |s| s.execute(&insert().from_query(shifted))),
            ),
            (
                "a flush of one object",
                Box::new(move |s| {
                    s.add(ware(9, size, low, high));
                    s.flush().map(|()| 0)
                }),
            ),
            (
                "a flush of several objects",
                Box::new(move |s| {
                    s.add_all([ware(9, 1, 1, 2), ware(10, size, low, high)]);
                    s.flush().map(|()| 0)
                }),
            ),
            (
                "INSERT of plain rows",
                Box::new(move |s| s.insert_all([ware(9, 1, 1, 2), ware(10, size, low, high)])),
            ),
            (
                "UPDATE of a row",
                Box::new(move |s| s.execute(&changed(size, low, high).filter(Ware::ID.eq(1)))),
            ),
            (
                "UPDATE of all rows",
                Box::new(move |s| s.execute(&changed(size, low, high))),
            ),
            (
                "a flush of a change",
                Box::new(move |s| {
                    let Some(found) = s.get::<Ware>(1)? else {
                        return Ok(0);
                    };
                    (s[found].size, s[found].low, s[found].high) = (size, Some(low), Some(high));
                    s.flush().map(|()| 0)
                }),
            ),
        ];
        if upserts {
            statements.push((
                "the INSERT of an upsert",
                Box::new(move |s| {
                    let upsert = insert().values(bad(9)).on_conflict((Ware::ID,));
                    s.execute(&upsert.do_update(|row| row.set(Ware::SIZE, excluded(Ware::SIZE))))
                }),
            ));
            statements.push((
                "the UPDATE of an upsert",
                Box::new(move |s| {
                    let upsert = insert().values(good(1)).on_conflict((Ware::ID,));
                    s.execute(&upsert.do_update(|row| {
                        row.set(Ware::SIZE, size)
                            .set(Ware::LOW, low)
                            .set(Ware::HIGH, high)
                    }))
                }),
            ));
        }
        for (path, write) in statements {
            let written = write(&mut session);
            let kind = written.as_ref().err().map(selfsame::Error::kind);
            check_eq!(
                kind,
                Some(ErrorKind::CheckViolation),
                "{what}, violated by {path}"
            );
            session.rollback()?;
            session.clear();
            check_eq!(all(&mut session)?, before, "the rows after {path}");
            session.rollback()?;
        }
    }
    Ok(())
}

/// A write that must be refused.
type Written = Box<dyn FnOnce(&mut Session) -> selfsame::Result<u64>>;

fn ware(id: i64, size: i64, low: i64, high: i64) -> Ware {
    Ware {
        low: Some(low),
        high: Some(high),
        ..Ware::new(id, size)
    }
}

fn changed(size: i64, low: i64, high: i64) -> selfsame::sql::Update {
    update(Ware::table())
        .set(Ware::SIZE, size)
        .set(Ware::LOW, low)
        .set(Ware::HIGH, high)
}

/// `pairs`, and rows that reference their keys.
fn with_references(
    context: &Context,
    on_delete: ReferentialAction,
    on_update: ReferentialAction,
) -> CaseResult<Database> {
    let mut database = Database::open(context)?;
    database.create(&pairs())?;
    let default = |name: &str| {
        let mut column = Column::new(name, ColumnType::I64).nullable();
        column.generated = selfsame::schema::Generated::Default("7".to_owned());
        column
    };
    let table = Table::build("refs")
        .column(Column::new("id", ColumnType::I64))
        .column(default("x"))
        .column(default("y"))
        .primary_key(["id"])
        .constraint(ForeignKey {
            name: None,
            columns: vec!["x".to_owned(), "y".to_owned()],
            table: "pairs".to_owned(),
            schema: None,
            references: vec!["a".to_owned(), "b".to_owned()],
            on_delete,
            on_update,
        });
    database.create(&table)?;
    for (a, b) in [(1, 2), (2, 1), (7, 7)] {
        database.execute(INSERT, &row(a, b, None, None))?;
    }
    for (id, a, b) in [(1, 1, 2), (2, 1, 2), (3, 2, 1)] {
        database.execute(REFER, &[int(id), int(a), int(b)])?;
    }
    Ok(database)
}

const REFER: &str = "INSERT INTO [refs] ([id], [x], [y]) VALUES (?, ?, ?)";

fn references(context: &mut Context) -> CaseResult {
    let none = ReferentialAction::NoAction;
    let mut database = with_references(context, none, none)?;
    for (x, y) in [(1, 1), (2, 2), (1, 9), (9, 2), (9, 9)] {
        let what = format!("the pair ({x}, {y}), which is not there,");
        refused(
            database.execute(REFER, &[int(10), int(x), int(y)]),
            ErrorKind::ForeignKeyViolation,
            &what,
        )?;
        refused(
            database.execute(
                "UPDATE [refs] SET [x] = ?, [y] = ? WHERE [id] = ?",
                &[int(x), int(y), int(1)],
            ),
            ErrorKind::ForeignKeyViolation,
            &what,
        )?;
    }
    let nothing = || null(ValueType::I64);
    for (id, x, y) in [
        (11, nothing(), int(9)),
        (12, int(9), nothing()),
        (13, nothing(), nothing()),
    ] {
        let taken = database.execute(REFER, &[int(id), x, y]);
        check!(
            taken.is_ok(),
            "a reference with a NULL refers to nothing: {taken:?}"
        );
    }
    for statement in [
        "DELETE FROM [pairs] WHERE [a] = ?",
        "UPDATE [pairs] SET [b] = 5 WHERE [a] = ?",
    ] {
        refused(
            database.execute(statement, &[int(1)]),
            ErrorKind::ForeignKeyViolation,
            "deleting or changing a referenced pair",
        )?;
    }
    let free = database.execute("DELETE FROM [pairs] WHERE [a] = ?", &[int(7)])?;
    check_eq!(free.matched, 1, "an unreferenced pair may be deleted");
    Ok(())
}

fn own_table(context: &mut Context) -> CaseResult {
    const INSERT: &str = "INSERT INTO [folders] ([id], [inside]) VALUES (?, ?)";
    let mut database = Database::open(context)?;
    let column = |name: &str| Column::new(name, ColumnType::I64);
    let table = Table::build("folders")
        .column(column("id"))
        .column(column("inside").nullable())
        .primary_key(["id"])
        .foreign_key(["inside"], "folders", ["id"]);
    database.create(&table)?;
    database.execute(INSERT, &[int(1), null(ValueType::I64)])?;
    database.execute(INSERT, &[int(2), int(1)])?;
    database.execute(INSERT, &[int(3), int(3)])?;
    let into_nothing = [
        database.execute(INSERT, &[int(4), int(9)]),
        database.execute(
            "UPDATE [folders] SET [inside] = ? WHERE [id] = ?",
            &[int(9), int(2)],
        ),
        database.execute("DELETE FROM [folders] WHERE [id] = ?", &[int(1)]),
    ];
    for refused_one in into_nothing {
        refused(
            refused_one,
            ErrorKind::ForeignKeyViolation,
            "a missing row of the same table",
        )?;
    }
    let select = "SELECT [id] FROM [folders] ORDER BY [id]";
    check_eq!(database.integers(select, &[])?, [1, 2, 3], "the rows");
    // Some databases refuse to delete a row that references itself.
    for id in [2, 1] {
        let gone = database.execute("DELETE FROM [folders] WHERE [id] = ?", &[int(id)])?;
        check_eq!(gone.matched, 1, "an unreferenced row may be deleted");
    }
    Ok(())
}

/// The key of a row, and the key that it references: `None` if half of that is NULL.
type Referring = (i64, Option<(i64, i64)>);

/// Returns the references of each row.
fn stored_references(database: &mut Database) -> CaseResult<Vec<Referring>> {
    let select = "SELECT [id] FROM [refs] ORDER BY [id]";
    let mut rows = Vec::new();
    for id in database.integers(select, &[])? {
        let pair = database.rows(
            "SELECT [x], [y] FROM [refs] WHERE [id] = ? AND [x] IS NOT NULL AND [y] IS NOT NULL",
            &[int(id)],
            &[ValueType::I64; 2],
        )?;
        let pair = pair.first().and_then(|row| match row[..] {
            [
                selfsame::value::Value::I64(x),
                selfsame::value::Value::I64(y),
            ] => Some((x, y)),
            _ => None,
        });
        rows.push((id, pair));
    }
    Ok(rows)
}

fn actions(context: &mut Context) -> CaseResult {
    use ReferentialAction::{Cascade, NoAction, Restrict, SetDefault, SetNull};
    for action in [NoAction, Restrict, Cascade, SetNull, SetDefault] {
        if action == SetDefault && !context.backend().dialect().supports_set_default() {
            let Err(Failure::Backend(error)) = with_references(context, action, NoAction) else {
                return Err(Failure::Assertion("SET DEFAULT must be refused".to_owned()));
            };
            check_eq!(error.kind(), ErrorKind::Unsupported, "SET DEFAULT");
            continue;
        }
        let mut database = with_references(context, action, NoAction)?;
        let deleted = database.execute("DELETE FROM [pairs] WHERE [a] = ?", &[int(1)]);
        let rest = (3, Some((2, 1)));
        let wanted = match action {
            Cascade => vec![rest],
            SetNull => vec![(1, None), (2, None), rest],
            SetDefault => vec![(1, Some((7, 7))), (2, Some((7, 7))), rest],
            _ => {
                refused(
                    deleted,
                    ErrorKind::ForeignKeyViolation,
                    &format!("a delete under {action:?}"),
                )?;
                vec![(1, Some((1, 2))), (2, Some((1, 2))), rest]
            }
        };
        check_eq!(
            stored_references(&mut database)?,
            wanted,
            "the children after ON DELETE {action:?}"
        );
        drop_both(&mut database)?;

        let mut database = with_references(context, NoAction, action)?;
        let moved = database.execute("UPDATE [pairs] SET [b] = 5 WHERE [a] = ?", &[int(1)]);
        let wanted = match action {
            Cascade => vec![(1, Some((1, 5))), (2, Some((1, 5))), rest],
            SetNull => vec![(1, None), (2, None), rest],
            SetDefault => vec![(1, Some((7, 7))), (2, Some((7, 7))), rest],
            _ => {
                refused(
                    moved,
                    ErrorKind::ForeignKeyViolation,
                    &format!("a changed key under {action:?}"),
                )?;
                vec![(1, Some((1, 2))), (2, Some((1, 2))), rest]
            }
        };
        check_eq!(
            stored_references(&mut database)?,
            wanted,
            "the children after ON UPDATE {action:?}"
        );
        drop_both(&mut database)?;
    }
    Ok(())
}

fn drop_both(database: &mut Database) -> CaseResult {
    database.execute("DROP TABLE [refs]", &[])?;
    database.execute("DROP TABLE [pairs]", &[])?;
    Ok(())
}
