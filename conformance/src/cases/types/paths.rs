//! The same values on less common paths: as keys, as arrays, several in one row.

use selfsame::Entity as _;
use selfsame::backend::{Sql, Statement, StatementKind};
use selfsame::schema::{Column, ColumnType, Table};
use selfsame::value::{Param, Value, ValueRef, ValueType};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult, Failure};
use crate::context::Context;
use crate::database::{Database, Typed, int, text, value_table};
use crate::domain::{TYPES, came_back, extremes};
use crate::world::{Colour, Lamp, World};

pub(super) const CASES: &[Case] = &[
    Case::core("types.all.as_key", as_key)
        .promise("A key of every type that can be a key finds its own row; otherwise the identity map would be wrong.")
        .hint("Compare by the column's own type; do not cast the parameter.")
        .covers(&[Contract(1), Contract(13), Rule(6)]),
    Case::core("types.all.in_one_row", in_one_row)
        .promise("A row of all types, and one of all NULLs, are read back with every column in its place.")
        .hint("Decode each column by its own index and type, NULL first.")
        .covers(&[Contract(5), Contract(6)]),
    Case::core("types.all.read_twice", read_twice)
        .promise("A column of a row can be read more than once; relations and the identity map both read keys.")
        .hint("Keep decoded, owned values for the lifetime of the row.")
        .covers(&[Contract(43)]),
    Case::core("types.enum.labels", labels)
        .promise("An enum is stored by its labels and read back unchanged; an unknown label is an error.")
        .hint("Text must be read back as it was stored.")
        .covers(&[Contract(20)]),
    Case::extra("types.all.as_arrays", as_arrays)
        .needs(&[Capability::ArrayBatches])
        .promise("A column of values is sent as one array, with NULLs in their places, and is read back row by row unchanged.")
        .hint("Escape the text form of arrays, and distinguish NULL from the text `NULL`.")
        .covers(&[Contract(48), Contract(21)]),
];

/// Types that some table uses as keys.
pub(super) const KEYS: [ValueType; 8] = [
    ValueType::I16,
    ValueType::I32,
    ValueType::I64,
    ValueType::Text,
    ValueType::Bytes,
    ValueType::Uuid,
    ValueType::Date,
    ValueType::Decimal,
];

fn as_key(context: &mut Context) -> CaseResult {
    let capabilities = context.capabilities();
    let mut database = Database::open(context)?;
    for ty in KEYS {
        let name = format!("keyed_{ty:?}").to_lowercase();
        let table = Table::build(&name)
            .column(Column::new("k", ColumnType::of(ty)))
            .column(Column::new("n", ColumnType::I64))
            .primary_key(["k"]);
        database.create(&table)?;
        let mut keys = extremes(ty, &capabilities);
        if ty == ValueType::Decimal {
            // A zero with another scale is the same key.
            keys.remove(1);
        }
        for (key, n) in keys.iter().zip(1..) {
            database.execute(
                &format!("INSERT INTO [{name}] ([k], [n]) VALUES (?, ?)"),
                &[Typed::new(ty, key.clone()), int(n)],
            )?;
        }
        for (key, n) in keys.iter().zip(1..) {
            let found = database.integers(
                &format!("SELECT [n] FROM [{name}] WHERE [k] = ?"),
                &[Typed::new(ty, key.clone())],
            )?;
            check_eq!(found, [n], "the key {key:?} must find its own row");
        }
    }
    Ok(())
}

fn wide_table() -> Table {
    let mut table = Table::build("wide").column(Column::new("id", ColumnType::I64));
    for ty in TYPES {
        table = table.column(Column::new(column_of(ty), ColumnType::of(ty)).nullable());
    }
    table.primary_key(["id"])
}

fn column_of(ty: ValueType) -> String {
    format!("c_{ty:?}").to_lowercase()
}

fn in_one_row(context: &mut Context) -> CaseResult {
    let capabilities = context.capabilities();
    let mut database = Database::open(context)?;
    database.create(&wide_table())?;
    let last: Vec<Value> = TYPES
        .iter()
        .filter_map(|&ty| extremes(ty, &capabilities).pop())
        .collect();
    let nulls = vec![Value::Null; TYPES.len()];
    let columns: Vec<String> = TYPES
        .iter()
        .map(|&ty| format!("[{}]", column_of(ty)))
        .collect();
    let insert = format!(
        "INSERT INTO [wide] ([id], {}) VALUES (?{})",
        columns.join(", "),
        ", ?".repeat(TYPES.len())
    );
    for (id, values) in [(1, &last), (2, &nulls)] {
        let mut params = vec![int(id)];
        params.extend(
            TYPES
                .iter()
                .zip(values)
                .map(|(&ty, v)| Typed::new(ty, v.clone())),
        );
        database.execute(&insert, &params)?;
    }
    let select = format!("SELECT {} FROM [wide] ORDER BY [id]", columns.join(", "));
    let found = database.rows(&select, &[], &TYPES)?;
    check_eq!(found.len(), 2, "both rows must exist");
    for (found, stored) in found.iter().zip([&last, &nulls]) {
        for ((found, stored), ty) in found.iter().zip(stored).zip(TYPES) {
            check!(
                came_back(found, stored, &capabilities),
                "the {ty:?} of a wide row must be {stored:?}, is {found:?}"
            );
        }
    }
    Ok(())
}

fn read_twice(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::Json))?;
    let document = Typed::new(ValueType::Json, Value::Json("[1,2]".to_owned()));
    database.execute(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[int(7), document],
    )?;
    let sql = database.sql("SELECT [id], [v], [id] FROM [t]", &[], &[]);
    let mut seen = Vec::new();
    database
        .connection
        .query(&Statement::new(&sql, &[]), &mut |row| {
            for (index, ty) in [
                (1, ValueType::Json),
                (0, ValueType::I64),
                (1, ValueType::Json),
                (2, ValueType::I64),
                (0, ValueType::I64),
            ] {
                seen.push(row.value(index, ty)?.to_owned());
            }
            Ok(())
        })?;
    check_eq!(seen.len(), 5, "every read must give a value");
    check_eq!(seen[0], seen[2], "a second read must give the same");
    check_eq!(
        [&seen[1], &seen[3], &seen[4]],
        [&Value::I64(7), &Value::I64(7), &Value::I64(7)],
        "two columns with one name must both be read by position"
    );
    Ok(())
}

fn as_arrays(context: &mut Context) -> CaseResult {
    let capabilities = context.capabilities();
    let mut database = Database::open(context)?;
    for ty in TYPES {
        let name = format!("arrays_{ty:?}").to_lowercase();
        database.create(&value_table(&name, ColumnType::of(ty)))?;
        let mut stored = extremes(ty, &capabilities);
        stored.insert(1, Value::Null);
        stored.push(Value::Null);
        let ids: Vec<Value> = (1..).take(stored.len()).map(Value::I64).collect();
        let ids: Vec<ValueRef<'_>> = ids.iter().map(Value::as_ref).collect();
        let values: Vec<ValueRef<'_>> = stored.iter().map(Value::as_ref).collect();
        let sql = array_insert(&database, &name, ty);
        let params = [Param::Column(&ids), Param::Column(&values)];
        database
            .connection
            .execute(&Statement::new(&sql, &params))
            .map_err(|error| Failure::Backend(error.column(format!("{ty:?}"))))?;
        let found = database.column(&format!("SELECT [v] FROM [{name}] ORDER BY [id]"), &[], ty)?;
        check_eq!(
            found.len(),
            stored.len(),
            "every element of {ty:?} must become a row"
        );
        for (found, stored) in found.iter().zip(&stored) {
            check!(
                came_back(found, stored, &capabilities),
                "{stored:?} must be read back unchanged from an array, was read as {found:?}"
            );
        }
    }
    Ok(())
}

fn labels(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    session.add(Lamp {
        before: Some(Colour::Red),
        ..Lamp::new(Colour::DarkGreen)
    });
    session.commit()?;
    drop(session);
    let found = Lamp::query()
        .filter(Lamp::COLOUR.eq(Colour::DarkGreen))
        .rows(&mut world.session())?;
    check_eq!(found.len(), 1, "the row must be found by its label");
    let colours = (found[0].colour, found[0].before);
    check_eq!(
        colours,
        (Colour::DarkGreen, Some(Colour::Red)),
        "the enum must be read back unchanged"
    );
    let mut database = Database::open(context)?;
    let stored = database.column("SELECT [colour] FROM [lamps]", &[], ValueType::Text)?;
    check_eq!(
        stored,
        [Value::Text("dark green".to_owned())],
        "the stored value must be the label"
    );
    let written = database.execute("UPDATE [lamps] SET [colour] = ?", &[text("blue")]);
    if context.capabilities().checks {
        check!(written.is_err(), "an unknown label must be refused");
        return Ok(());
    }
    written?;
    drop(database);
    let read = Lamp::query().rows(&mut world.session());
    check!(
        read.is_err(),
        "an unknown label must not be read as another"
    );
    Ok(())
}

/// Returns the INSERT that the renderer writes for a batch of arrays.
fn array_insert(database: &Database, table: &str, ty: ValueType) -> Sql {
    let dialect = database.dialect();
    let mut text = "INSERT INTO ".to_owned();
    dialect.quote(table, &mut text);
    text.push_str(" SELECT * FROM UNNEST(");
    dialect.placeholder(1, ValueType::I64, &mut text);
    text.push_str("::");
    text.push_str(&dialect.array_type(&ColumnType::I64));
    text.push_str(", ");
    dialect.placeholder(2, ty, &mut text);
    text.push_str("::");
    text.push_str(&dialect.array_type(&ColumnType::of(ty)));
    text.push(')');
    Sql::new(StatementKind::Insert, text, [ValueType::I64, ty], [])
}
