//! Tables created, altered and dropped.

use selfsame::metadata::{Difference, Metadata};
use selfsame::schema::{Column, ColumnType, Generated, Index, ReferentialAction, Table};
use selfsame::value::{Timestamp, Value, ValueType};
use selfsame::{Engine, ErrorKind, Session};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult, Failure};
use crate::context::Context;
use crate::database::{Database, int, null, value_table};
use crate::domain::TYPES;

pub(super) const CASES: &[Case] = &[
    Case::core("schema.create.idempotent", idempotent)
        .promise("Running `create_all` twice has the same effect as once and keeps the rows; so does `drop_all`.")
        .hint("See `Dialect::table_exists`.")
        .covers(&[Contract(73), Rule(39)]),
    Case::core("schema.create.order", order)
        .needs(&[Capability::GeneratedKeys])
        .promise("Tables are created after the tables they reference and dropped before them, in whatever order they are listed.")
        .hint("Suspect the ORM: the backend's foreign keys only reveal a wrong order.")
        .covers(&[Contract(73), Rule(39)]),
    Case::core("schema.create.cycle", cycle)
        .since(19)
        .needs(&[Capability::ForeignKeys])
        .promise("Tables that reference each other are created with both foreign keys enforced, and dropped with their rows, repeatedly.")
        .hint("Claim `alter_add_constraint` if a key can be added to an existing table; otherwise a table may reference one that is created later.")
        .covers(&[Contract(73), Contract(56), Rule(39)]),
    Case::full("schema.reflect.again", reflect)
        .needs(&[Capability::ForeignKeys, Capability::GeneratedKeys])
        .promise("Reflection returns tables with columns, keys and constraints, and creating the reflected tables and reflecting again gives the same.")
        .hint("See `Dialect::reflect`; a backend without it does not claim it.")
        .covers(&[Contract(74), Rule(40)]),
    Case::full("schema.diff.empty", diff_empty)
        .promise("Tables that were just created do not differ from their declaration, whatever their types, defaults and constraints.")
        .hint("`Dialect::reflect` must return types for which `Dialect::column_type` writes the same text, and defaults as they were written.")
        .covers(&[Contract(74), Rule(40)])
        .since(3),
    Case::full("schema.diff.told", diff_reported)
        .promise("`diff` lists every difference between code and database: tables, columns, types, NULL, defaults, keys, constraints and indexes.")
        .hint("See `Dialect::reflect`.")
        .covers(&[Contract(74), Rule(40)])
        .since(3),
    Case::full("schema.reflect.columns", reflected_columns)
        .since(26)
        .promise("Columns of every type are reflected in their order, with a type that creates the same column, and nullable or not as declared.")
        .hint("Read columns by their position; `Dialect::column_type` must write the same text for the reflected type.")
        .covers(&[Contract(74), Rule(40)]),
    Case::full("schema.reflect.order", reflected_order)
        .since(24)
        .needs(&[Capability::ForeignKeys])
        .promise("Reflection keeps the order of the columns of keys and indexes, and every action of ON DELETE and ON UPDATE.")
        .hint("Read the columns by their position in the key or index, not in the table, and both actions of each foreign key.")
        .covers(&[Contract(74), Rule(40)]),
    Case::full("schema.reflect.texts", reflected_texts)
        .since(27)
        .promise("Texts inside of what is reflected (defaults, CHECK conditions, computations) stay as they were written, letter by letter.")
        .hint("Do not change the case, the spaces or the quotes of an expression that the database returns.")
        .covers(&[Contract(74), Rule(40)]),
    Case::full("schema.reflect.records", records)
        .needs(&[Capability::ForeignKeys, Capability::GeneratedKeys])
        .promise("Reflection maps tables known only to the database: their rows are written, queried and related as objects.")
        .hint("`Dialect::reflect` must return keys, whether the database generates them, and what foreign keys reference.")
        .covers(&[Contract(74), Rule(40)])
        .since(8),
    Case::core("schema.updates.columns", columns_set_by_updates)
        .since(27)
        .promise("The backend names exactly the columns that the database sets in each UPDATE that does not set them, whatever the tables and statements before.")
        .hint("See `Connection::columns_set_by_updates`; without such columns, leave its default.")
        .covers(&[Contract(54), Rule(21)]),
    Case::core("schema.names.odd", odd_names)
        .promise("Any string is a valid table name once quoted, and the check for existence takes it literally.")
        .hint("`table_exists` takes the name as a parameter.")
        .covers(&[Contract(41), Contract(75), Rule(41)]),
    Case::core("schema.names.nul", nul_names)
        .since(19)
        .promise("A name with a NUL character is a mapping error in every operation on its table, and nothing is sent.")
        .suspects_orm()
        .covers(&[Contract(41), Rule(41)]),
    Case::core("schema.names.long", long_names)
        .promise("Two names of maximum length that differ only in the last character are two tables; a longer name is refused before a statement is sent.")
        .hint("`Capabilities::max_identifier` is the number of bytes that the database stores, not the number that it accepts.")
        .covers(&[Contract(75), Rule(41)])
        .since(16),
    Case::core("schema.change.cached", change_while_cached)
        .promise("After its table is altered, a prepared statement returns correct rows or a clear error, never wrong rows.")
        .hint("Prepare again when the database says that the plan is stale, and never trust the old number of columns.")
        .covers(&[Contract(76)]),
    Case::core("schema.change.recreated", recreated)
        .promise("A prepared statement works after its table was dropped and created again with other types.")
        .hint("Prepare again; do not keep decoders by statement alone.")
        .covers(&[Contract(76)]),
];

fn engine(context: &Context) -> Engine {
    Engine::from_backend(context.backend())
}

fn family() -> Metadata {
    let child = Table::build("child")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
        .column(Column::new("parent_id", ColumnType::I64))
        .primary_key(["id"])
        .foreign_key(["parent_id"], "parent", ["id"])
        .index(["parent_id"]);
    let parent = Table::build("parent")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
        .column(Column::new("name", ColumnType::Text { length: Some(40) }))
        .primary_key(["id"])
        .unique(["name"]);
    Metadata::new([child, parent])
}

fn idempotent(context: &mut Context) -> CaseResult {
    let engine = engine(context);
    let tables = Metadata::new([value_table("t", ColumnType::I64)]);
    tables.create_all(&engine)?;
    let mut database = Database::open(context)?;
    database.execute(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[int(1), int(2)],
    )?;
    let again = tables.create_all(&engine);
    check!(
        again.is_ok(),
        "creating twice must be fine, returned {again:?}"
    );
    check_eq!(database.count("t")?, 1, "creating twice must keep the rows");
    drop(database);
    tables.drop_all(&engine)?;
    let again = tables.drop_all(&engine);
    check!(
        again.is_ok(),
        "dropping twice must be fine, returned {again:?}"
    );
    tables.create_all(&engine)?;
    check_eq!(
        Database::open(context)?.count("t")?,
        0,
        "a recreated table must be empty"
    );
    Ok(())
}

fn order(context: &mut Context) -> CaseResult {
    let engine = engine(context);
    let made = family().create_all(&engine);
    check!(
        made.is_ok(),
        "a table listed before the one it refers to must be created, returned {made:?}"
    );
    let mut database = Database::open(context)?;
    database.execute("INSERT INTO [parent] ([id], [name]) VALUES (1, 'p')", &[])?;
    database.execute("INSERT INTO [child] ([parent_id]) VALUES (?)", &[int(1)])?;
    drop(database);
    let gone = family().drop_all(&engine);
    check!(
        gone.is_ok(),
        "tables with rows that refer to each other must be dropped, returned {gone:?}"
    );
    Ok(())
}

fn cycle(context: &mut Context) -> CaseResult {
    let engine = engine(context);
    let one = |name: &str, other: &str| {
        Table::build(name)
            .column(Column::new("id", ColumnType::I64))
            .column(Column::new("other", ColumnType::I64).nullable())
            .primary_key(["id"])
            .foreign_key(["other"], other, ["id"])
    };
    let tables = Metadata::of_records([one("left", "right"), one("right", "left")]);
    for round in 1..=2 {
        tables.create_all(&engine)?;
        let mut database = Database::open(context)?;
        for (table, other) in [("left", "right"), ("right", "left")] {
            let insert = format!("INSERT INTO [{table}] ([id], [other]) VALUES (?, ?)");
            database.execute(&insert, &[int(1), null(ValueType::I64)])?;
            let refused = database.execute(&insert, &[int(2), int(9)]);
            check!(
                matches!(&refused, Err(error) if error.kind() == ErrorKind::ForeignKeyViolation),
                "a row of {table} without its {other} must be refused in round {round}, returned {refused:?}"
            );
        }
        for table in ["left", "right"] {
            let update = format!("UPDATE [{table}] SET [other] = ?");
            let set = database.execute(&update, &[int(1)]);
            check!(
                set.is_ok(),
                "rows that refer to each other must be taken, returned {set:?}"
            );
        }
        drop(database);
        let gone = tables.drop_all(&engine);
        check!(
            gone.is_ok(),
            "tables that refer to each other must be dropped in round {round}, returned {gone:?}"
        );
    }
    Ok(())
}

fn reflect(context: &mut Context) -> CaseResult {
    let engine = engine(context);
    family().create_all(&engine)?;
    let read = || -> selfsame::Result<Vec<Table>> {
        let mut tables = engine.connect()?.reflect()?;
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(tables)
    };
    let tables = match read() {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            return Err(Failure::Skipped(
                "the backend does not support reflection, and reports so".to_owned(),
            ));
        }
        other => other?,
    };
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    check_eq!(names, ["child", "parent"], "the tables must be reflected");
    for (found, wanted) in tables.iter().zip(family().tables()) {
        let shape = |table: &Table| -> Vec<(String, ColumnType, bool)> {
            let columns = table.columns.iter();
            columns
                .map(|c| (c.name.clone(), c.ty.clone(), c.nullable))
                .collect()
        };
        check_eq!(
            shape(found),
            shape(wanted),
            "the columns of {} must be reflected",
            found.name
        );
        check_eq!(
            found.primary_key,
            wanted.primary_key,
            "the key of {} must be reflected",
            found.name
        );
        let columns = |indexes: &[Index]| -> Vec<Vec<String>> {
            indexes.iter().map(|i| i.columns.clone()).collect()
        };
        check_eq!(
            columns(&found.uniques),
            columns(&wanted.uniques),
            "UNIQUE of {} must be reflected",
            found.name
        );
        check_eq!(
            columns(&found.indexes),
            columns(&wanted.indexes),
            "the indexes of {} must be reflected",
            found.name
        );
        let keys = |table: &Table| -> Vec<(Vec<String>, String)> {
            let keys = table.foreign_keys.iter();
            keys.map(|key| (key.columns.clone(), key.table.clone()))
                .collect()
        };
        check_eq!(
            keys(found),
            keys(wanted),
            "the foreign keys of {} must be reflected",
            found.name
        );
    }
    family().drop_all(&engine)?;
    Metadata::new(tables.clone()).create_all(&engine)?;
    check_eq!(
        read()?,
        tables,
        "creating what was reflected must give the same again"
    );
    works_again(context, &engine)
}

/// Checks that a table created again from its reflection still rejects, computes and generates the same values.
fn works_again(context: &Context, engine: &Engine) -> CaseResult {
    let capabilities = context.capabilities();
    let is_claimed = |capability: Capability| capability.is_claimed(context.dialect());
    let (checks, computes) = (
        is_claimed(Capability::Checks),
        is_claimed(Capability::ComputedColumns),
    );
    let mut table = Table::build("kept")
        .column(Column::new("id", ColumnType::I64).generated(Generated::KeyNeverReused))
        .column(Column::new("low", ColumnType::I64))
        .column(Column::new("high", ColumnType::I64))
        .primary_key(["id"]);
    if checks {
        table = table.check("low >= 0").check("low <= high");
        table.checks[0].name = Some("low_is_positive".to_owned());
    }
    if computes {
        let both = Generated::Computed("low + high".to_owned());
        let both = Column::new("both", ColumnType::I64).generated(both);
        table = table.column(both.nullable());
    }
    let declared = Metadata::new([table]);
    declared.create_all(engine)?;
    let mut reflected = engine.connect()?.reflect()?;
    reflected.retain(|table| table.name == "kept");
    declared.drop_all(engine)?;
    if checks && capabilities.constraint_names {
        let names: Vec<Option<&str>> = (reflected.iter().flat_map(|table| &table.checks))
            .map(|check| check.name.as_deref())
            .collect();
        check!(
            names.contains(&Some("low_is_positive")),
            "the name of a CHECK must be reflected, found {names:?}"
        );
    }
    Metadata::new(reflected).create_all(engine)?;
    let mut database = Database::open(context)?;
    let insert = "INSERT INTO [kept] ([low], [high]) VALUES (?, ?)";
    database.execute(insert, &[int(1), int(2)])?;
    for row in [[int(-1), int(2)], [int(3), int(2)]] {
        let refused = database.execute(insert, &row).map_err(|error| error.kind());
        check!(
            !checks || refused == Err(ErrorKind::CheckViolation),
            "each CHECK that was reflected must refuse its rows, returned {refused:?}"
        );
    }
    if computes {
        let both = "SELECT [both] FROM [kept] WHERE [low] = 1";
        check_eq!(
            database.column(both, &[], ValueType::I64)?,
            [Value::I64(3)],
            "a computed column that was reflected"
        );
    }
    let keys = "SELECT [id] FROM [kept]";
    let before = database.integers(keys, &[])?.into_iter().max();
    database.execute("DELETE FROM [kept]", &[])?;
    database.execute(insert, &[int(1), int(2)])?;
    let after = database.integers(keys, &[])?.into_iter().max();
    check!(
        after > before,
        "a key that is never reused must still be so, was {after:?} after {before:?}"
    );
    Ok(())
}

fn reflected_texts(context: &mut Context) -> CaseResult {
    let engine = engine(context);
    let is_claimed = |capability: Capability| capability.is_claimed(context.dialect());
    let (checks, computes) = (
        is_claimed(Capability::Checks),
        is_claimed(Capability::ComputedColumns),
    );
    // Databases write quotes and backslashes in different ways.
    const ODD: &str = "So  Ä 100%";
    let literal = format!("'{ODD}'");
    let text = |name: &str| Column::new(name, ColumnType::Text { length: Some(40) });
    let mut table = Table::build("sayings")
        .column(Column::new("id", ColumnType::I64))
        .column(text("code"))
        .column(text("word").generated(Generated::Default(literal.clone())))
        .primary_key(["id"]);
    if checks {
        table = table.check(format!("code <> {literal}"));
    }
    if computes {
        let label = format!("CASE WHEN id > 1 THEN {literal} ELSE 'No' END");
        table = table.column(
            text("label")
                .generated(Generated::Computed(label))
                .nullable(),
        );
    }
    let declared = Metadata::new([table]);
    declared.create_all(&engine)?;
    // A database may compare texts without their case, accents or spaces.
    let codes = [
        "another".to_owned(),
        ODD.to_owned(),
        ODD.to_lowercase(),
        ODD.replace("  ", " "),
        ODD.replace('Ä', "A"),
        "one more".to_owned(),
    ];
    let reflected = match engine.connect()?.reflect() {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            return Err(Failure::Skipped(
                "the backend does not support reflection, and reports so".to_owned(),
            ));
        }
        other => other?,
    };
    let before = taken_texts(context, &codes, computes)?;
    declared.drop_all(&engine)?;
    let created = Metadata::new(reflected).create_all(&engine);
    check!(
        created.is_ok(),
        "what was reflected must be created again, returned {created:?}"
    );
    check_eq!(
        taken_texts(context, &codes, computes)?,
        before,
        "what a reflected table takes, has as a default and computes must be that of the table before"
    );
    let (taken, words, labels) = before;
    let last = |texts: &[Value]| texts.last().cloned();
    let odd = Some(Value::Text(ODD.to_owned()));
    check_eq!(last(&words), odd, "the default of the declared table");
    if computes {
        check_eq!(last(&labels), odd, "what the declared table computes");
    }
    if checks {
        check_eq!(
            taken.get(1),
            Some(&Err(ErrorKind::CheckViolation)),
            "the declared CHECK must refuse its text"
        );
    }
    Ok(())
}

/// Which texts a table accepts, and the defaults and computed texts of its rows.
type Taken = (Vec<Result<(), ErrorKind>>, Vec<Value>, Vec<Value>);

fn taken_texts(context: &Context, codes: &[String], computes: bool) -> CaseResult<Taken> {
    let mut database = Database::open(context)?;
    let insert = "INSERT INTO [sayings] ([id], [code]) VALUES (?, ?)";
    let taken = (1..).zip(codes).map(|(id, code)| {
        let taken = database.execute(insert, &[int(id), crate::database::text(code)]);
        taken.map(drop).map_err(|error| error.kind())
    });
    let taken = taken.collect();
    let mut all = |column: &str| {
        let texts = format!("SELECT [{column}] FROM [sayings] ORDER BY [id]");
        database.column(&texts, &[], ValueType::Text)
    };
    let words = all("word")?;
    let labels = match computes {
        true => all("label")?,
        false => Vec::new(),
    };
    Ok((taken, words, labels))
}

/// A table whose key and index list their columns in another order than the table does, and one child for each pair of actions.
fn ordered(sets_default: bool) -> Metadata {
    let place = Table::build("place")
        .column(Column::new("b", ColumnType::I64))
        .column(Column::new("c", ColumnType::I64))
        .column(Column::new("a", ColumnType::I64))
        .primary_key(["c", "b"])
        .index(["c", "a"]);
    let mut actions = vec![
        ReferentialAction::NoAction,
        ReferentialAction::Restrict,
        ReferentialAction::Cascade,
        ReferentialAction::SetNull,
    ];
    if sets_default {
        actions.push(ReferentialAction::SetDefault);
    }
    let mut tables = vec![place];
    for (at, on_delete) in actions.iter().enumerate() {
        let mut child = Table::build(format!("visit_{at}"))
            .column(Column::new("id", ColumnType::I64))
            .column(Column::new("x", ColumnType::I64).nullable())
            .column(Column::new("y", ColumnType::I64).nullable())
            .primary_key(["id"])
            .foreign_key(["y", "x"], "place", ["c", "b"]);
        child.foreign_keys[0].on_delete = *on_delete;
        child.foreign_keys[0].on_update = actions[(at + 1) % actions.len()];
        tables.push(child);
    }
    Metadata::new(tables)
}

fn reflected_columns(context: &mut Context) -> CaseResult {
    // Sorted neither by name nor by type, and each type both nullable and not.
    let tables = (0..4_usize).map(|turn| {
        let key = Column::new("own", ColumnType::I64);
        let table = Table::build(format!("turn{turn}")).column(key);
        let types = TYPES.into_iter().cycle().skip(turn * 4).take(TYPES.len());
        let columns = types.enumerate().map(|(at, ty)| {
            let letter = ["q", "z", "a", "m"][(at + turn) % 4];
            let column = Column::new(format!("{letter}{at}"), ColumnType::of(ty));
            let place = (at + turn * 4) % TYPES.len();
            match (place + turn) % 2 {
                0 => column.nullable(),
                _ => column,
            }
        });
        let table = columns.fold(table, Table::column);
        table.primary_key(["own"])
    });
    let tables: Vec<Table> = tables.collect();
    let engine = engine(context);
    Metadata::new(tables.clone()).create_all(&engine)?;
    let reflected = match engine.connect()?.reflect() {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            return Err(Failure::Skipped(
                "the backend does not support reflection, and reports so".to_owned(),
            ));
        }
        other => other?,
    };
    let dialect = engine.dialect();
    for table in &tables {
        let found = reflected.iter().find(|found| found.name == table.name);
        let described = |table: &Table| -> Vec<(String, bool)> {
            let each = table.columns.iter();
            each.map(|column| (column.name.clone(), column.nullable))
                .collect()
        };
        check_eq!(
            found.map(described),
            Some(described(table)),
            "the columns of {} must be reflected in order, with whether they are nullable",
            table.name
        );
        let found = found.into_iter().flat_map(|found| &found.columns);
        for (column, found) in table.columns.iter().zip(found) {
            // A database may use another name for the type, but the Rust type must be the same.
            let is_same = match &found.ty {
                ColumnType::Other { .. } => dialect.is_same_type(&column.ty, &found.ty),
                neutral => dialect.column_type(&column.ty) == dialect.column_type(neutral),
            };
            check!(
                is_same,
                "{}.{} must be reflected as {:?}, found {:?}",
                table.name,
                column.name,
                column.ty,
                found.ty
            );
        }
    }
    Ok(())
}

fn reflected_order(context: &mut Context) -> CaseResult {
    let engine = engine(context);
    let tables = ordered(context.backend().dialect().supports_set_default());
    tables.create_all(&engine)?;
    let reflected = match engine.connect()?.reflect() {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            return Err(Failure::Skipped(
                "the backend does not support reflection, and reports so".to_owned(),
            ));
        }
        other => other?,
    };
    let place = reflected.iter().find(|table| table.name == "place");
    let place = place.ok_or_else(|| Failure::Assertion("a table must be reflected".to_owned()))?;
    let key: Vec<&str> = place.key_columns().map(|c| c.name.as_str()).collect();
    check_eq!(key, ["c", "b"], "a key must have its columns in its order");
    check_eq!(
        place.indexes.first().map(|index| index.columns.join(", ")),
        Some("c, a".to_owned()),
        "an index must have its columns in its order"
    );
    for wanted in tables.tables().iter().filter(|table| table.name != "place") {
        let child = reflected.iter().find(|table| table.name == wanted.name);
        let key = child.and_then(|child| child.foreign_keys.first());
        let wanted = &wanted.foreign_keys[0];
        let reported = |action| context.backend().dialect().reflected_action(action);
        check_eq!(
            key.map(|key| (key.on_delete, key.on_update)),
            Some((reported(wanted.on_delete), reported(wanted.on_update))),
            "the actions of a foreign key must be reflected"
        );
    }
    Ok(())
}

/// A table with a column of every type, and one that references it with an action, both with defaults.
fn rich() -> Metadata {
    let mut all = Table::build("all_types")
        .column(Column::new("a", ColumnType::I32))
        .column(Column::new("b", ColumnType::Text { length: Some(9) }))
        .primary_key(["a", "b"])
        .check("a < 100");
    for (i, ty) in TYPES.into_iter().enumerate() {
        let column = Column::new(format!("v{i}"), ColumnType::of(ty)).nullable();
        all = all.column(column);
    }
    let precision = Some((10, 2));
    let labels = &["calm", "it's"];
    let mood = ColumnType::Enum {
        name: "Mood",
        labels,
    };
    let default = |expression: &str| Generated::Default(expression.to_owned());
    let all = all
        .column(Column::new("price", ColumnType::Decimal { precision }))
        .column(Column::new("mood", mood))
        .column(Column::new("one", ColumnType::I32).generated(default("1")))
        .column(Column::new("below", ColumnType::I64).generated(default("-1")))
        .column(
            Column::new("word", ColumnType::Text { length: Some(9) }).generated(default("'it''s'")),
        )
        .unique(["price", "mood"])
        .unique(["word"])
        .index(["mood", "price"]);
    let mut referring = Table::build("referring")
        .column(Column::new("id", ColumnType::I32).generated(Generated::Key))
        .column(Column::new("a", ColumnType::I32).nullable())
        .column(Column::new("b", ColumnType::Text { length: Some(9) }).nullable())
        .column(Column::new("boss", ColumnType::I32).nullable())
        .primary_key(["id"])
        .foreign_key(["a", "b"], "all_types", ["a", "b"])
        .foreign_key(["boss"], "referring", ["id"]);
    referring.foreign_keys[0].on_delete = ReferentialAction::Cascade;
    referring.foreign_keys[0].on_update = ReferentialAction::Restrict;
    referring.foreign_keys[1].on_delete = ReferentialAction::SetNull;
    Metadata::new([referring, all])
}

/// Returns the differences, or the error of a backend that cannot compare.
fn diff(tables: &Metadata, engine: &Engine) -> Result<Vec<Difference>, Failure> {
    match tables.diff(engine) {
        Err(error) if error.kind() == ErrorKind::Unsupported => Err(Failure::Skipped(
            "the backend does not support reflection, and reports so".to_owned(),
        )),
        other => Ok(other?),
    }
}

fn diff_empty(context: &mut Context) -> CaseResult {
    let engine = engine(context);
    for tables in [rich(), family()] {
        tables.create_all(&engine)?;
        let found = diff(&tables, &engine)?;
        check_eq!(found, [], "tables that were just created must not differ");
        tables.drop_all(&engine)?;
    }
    Ok(())
}

fn diff_reported(context: &mut Context) -> CaseResult {
    let engine = engine(context);
    family().create_all(&engine)?;
    let child = Table::build("child")
        .column(Column::new("id", ColumnType::I64))
        .column(Column::new("parent_id", ColumnType::I64).nullable())
        .column(Column::new("note", ColumnType::Bytes))
        .primary_key(["id"])
        .unique(["parent_id"]);
    let default = Generated::Default("'x'".to_owned());
    let other = Table::build("other")
        .column(Column::new("name", ColumnType::F64).generated(default))
        .primary_key(["name"]);
    let found = diff(&Metadata::new([child, other]), &engine)?;
    let text: Vec<String> = found.iter().map(ToString::to_string).collect();
    let mut wanted = vec![
        "child.id: has no default in the code and a generated key in the database",
        "child.parent_id: may be NULL in the code only",
        "child.note: the column is missing in the database",
        "child: UNIQUE (parent_id) is missing in the database",
        "child: the index (parent_id) is in the database only",
        "child: FOREIGN KEY (parent_id) REFERENCES parent (id) is in the database only",
        "other: the table is missing in the database",
        "parent: the table is in the database only",
    ];
    if !context.capabilities().foreign_keys {
        wanted.retain(|line| !line.contains("FOREIGN KEY"));
    }
    check_eq!(text, wanted, "every difference must be reported");
    Ok(())
}

fn records(context: &mut Context) -> CaseResult {
    let engine = engine(context);
    family().create_all(&engine)?;
    let reflected = match Metadata::reflect(&engine) {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            return Err(Failure::Skipped(
                "the backend does not support reflection, and reports so".to_owned(),
            ));
        }
        other => other?,
    };
    let (parents, children) = (reflected.records("parent")?, reflected.records("child")?);
    let mut session = Session::new(&engine);
    let mut ann = parents.record();
    ann.set("name", "ann")?;
    let ann = session.add(ann);
    let both = [children.record(), children.record()].map(|child| session.add(child));
    for child in both {
        session.push(child, "parent", ann)?;
    }
    session.commit()?;
    drop(session);

    let mut session = Session::new(&engine);
    let name = parents.column::<String>("name")?;
    let found = parents.query().filter(name.eq("ann")).one(&mut session)?;
    let key: i64 = session[found].get("id")?;
    check_eq!(
        parents.get(&mut session, key)?,
        Some(found),
        "one row must be one record"
    );
    let related = session.load(found, "child")?;
    check_eq!(related.len(), 2, "both children must be found");
    for child in related {
        check_eq!(
            session[child].get::<i64>("parent_id")?,
            key,
            "the key of the parent must be in its child"
        );
    }
    session[found].set("name", "bob")?;
    session.commit()?;
    check_eq!(
        Database::open(context)?.column("SELECT [name] FROM [parent]", &[], ValueType::Text)?,
        [Value::Text("bob".to_owned())],
        "a change of a record must be written"
    );
    Ok(())
}

fn columns_set_by_updates(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    let plain = value_table("t", ColumnType::Timestamp);
    let with_default = Table::build("made")
        .column(Column::new("id", ColumnType::I64))
        .column(Column::new("v", ColumnType::I64).nullable())
        .column(Column::new("n", ColumnType::I64).generated(Generated::Default("1".to_owned())))
        .primary_key(["id"]);
    for table in [&plain, &with_default] {
        database.create(table)?;
    }
    let named = |database: &mut Database, table: &Table| {
        let mut names = database.connection.columns_set_by_updates(table)?;
        names.sort();
        Ok::<_, Failure>(names)
    };
    let nothing: [&str; 0] = [];
    // The syntax of the only databases that have such columns.
    let follows = "DATETIME(6) NULL ON UPDATE CURRENT_TIMESTAMP(6)";
    let created = database.execute(
        &format!(
            "CREATE TABLE [stamped] ([id] BIGINT PRIMARY KEY, [Changed] {follows}, [v] BIGINT, [seen] {follows}, \
             [made] DATETIME(6) NULL DEFAULT CURRENT_TIMESTAMP(6))"
        ),
        &[],
    );
    if let Err(error) = &created {
        context.note(format!(
            "only tables without columns that follow updates were asked about: one with such columns is refused ({:?})",
            error.kind()
        ));
    }
    let stamp = |name: &str| Column::new(name, ColumnType::Timestamp).nullable();
    let stamped = Table::build("stamped")
        .column(Column::new("id", ColumnType::I64))
        .column(stamp("Changed"))
        .column(Column::new("v", ColumnType::I64).nullable())
        .column(stamp("seen"))
        .column(stamp("made"))
        .primary_key(["id"]);
    // Each table twice: the result for another table must not be returned.
    for _ in 0..2 {
        for table in [&plain, &with_default] {
            check_eq!(
                named(&mut database, table)?,
                nothing,
                "an UPDATE of {} sets only what it names",
                table.name
            );
        }
        if created.is_ok() {
            check_eq!(
                named(&mut database, &stamped)?,
                ["Changed", "seen"],
                "both columns that follow updates must be named"
            );
        }
    }
    if created.is_ok() {
        database.execute(
            &format!("ALTER TABLE [made] ADD COLUMN [later] {follows}"),
            &[],
        )?;
        check_eq!(
            named(&mut database, &with_default)?,
            ["later"],
            "a column that was added must be named"
        );
        database.execute("INSERT INTO [stamped] ([id], [v]) VALUES (1, 1)", &[])?;
        drop(database);
        is_read_again(context, stamped)?;
    }
    Ok(())
}

/// Checks that a session reads the columns again that the database changed in its UPDATE.
fn is_read_again(context: &Context, stamped: Table) -> CaseResult {
    let tables = Metadata::of_records([stamped]);
    let records = tables.records("stamped")?;
    let engine = engine(context);
    let mut session = Session::new(&engine);
    let Some(row) = records.get(&mut session, 1_i64)? else {
        return Err(Failure::Assertion("the row must be found".to_owned()));
    };
    session[row].set("v", 2_i64)?;
    session.commit()?;
    session.refresh(row)?;
    for column in ["Changed", "seen"] {
        let changed: Option<Timestamp> = session[row].get(column)?;
        check!(changed.is_some(), "the database must have set {column}");
    }
    session[row].set("v", 3_i64)?;
    session.flush()?;
    records.get(&mut session, 1_i64)?;
    let known: Option<Timestamp> = session[row].get("Changed")?;
    session.refresh(row)?;
    let stored: Option<Timestamp> = session[row].get("Changed")?;
    check_eq!(
        known,
        stored,
        "a session must read again what the database set in its UPDATE"
    );
    session.commit()?;
    Ok(())
}

fn nul_names(context: &mut Context) -> CaseResult {
    let engine = engine(context);
    let table = value_table("a\0b", ColumnType::I64);
    let column = Table::build("t")
        .column(Column::new("a\0b", ColumnType::I64))
        .primary_key(["a\0b"]);
    for tables in [Metadata::new([table]), Metadata::new([column])] {
        for (what, result) in [
            ("create_all", tables.create_all(&engine)),
            ("drop_all", tables.drop_all(&engine)),
        ] {
            check!(
                matches!(&result, Err(error) if error.kind() == ErrorKind::Mapping),
                "{what} must be a mapping error, returned {result:?}"
            );
        }
    }
    Ok(())
}

fn odd_names(context: &mut Context) -> CaseResult {
    let engine = engine(context);
    for name in [
        "order",
        "größe in m",
        "a'b",
        "a\"b",
        "a`b",
        "a\\b",
        "日本語",
        "t; DROP TABLE x",
        "per%cent_",
    ] {
        let tables = Metadata::new([value_table(name, ColumnType::I64)]);
        tables.create_all(&engine)?;
        let again = tables.create_all(&engine);
        check!(
            again.is_ok(),
            "the table {name:?} must be found to exist, returned {again:?}"
        );
        let mut database = Database::open(context)?;
        database.execute(
            &format!("INSERT INTO [{name}] ([id], [v]) VALUES (?, ?)"),
            &[int(1), int(2)],
        )?;
        check_eq!(
            database.count(name)?,
            1,
            "the table {name:?} must accept a row"
        );
        drop(database);
        tables.drop_all(&engine)?;
    }
    Ok(())
}

fn long_names(context: &mut Context) -> CaseResult {
    let engine = engine(context);
    let longest = context.capabilities().max_identifier;
    let length = longest.unwrap_or(LONG_NAME);
    let names = ["x", "y"].map(|end| "n".repeat(length - 1) + end);
    for (rows, name) in (1..).zip(&names) {
        let created = Metadata::new([value_table(name, ColumnType::I64)]).create_all(&engine);
        check!(
            created.is_ok(),
            "a table with a name of {length} characters must be made, returned {created:?}"
        );
        let mut database = Database::open(context)?;
        for row in 1..=rows {
            database.execute(
                &format!("INSERT INTO [{name}] ([id], [v]) VALUES (?, ?)"),
                &[int(row), int(rows)],
            )?;
        }
        check_eq!(
            database.count(name)?,
            rows,
            "a table must contain only its own rows, whatever the end of its name"
        );
    }
    if let Some(longest) = longest {
        let name = "n".repeat(longest + 1);
        let refused = Metadata::new([value_table(&name, ColumnType::I64)]).create_all(&engine);
        check!(
            refused.is_err(),
            "a name of {} bytes must be refused where {longest} are kept",
            longest + 1
        );
    }
    Ok(())
}

/// The length of names to try if the database has no limit.
const LONG_NAME: usize = 200;

fn change_while_cached(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    database.execute(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[int(1), int(10)],
    )?;
    let all = "SELECT * FROM [t]";
    for _ in 0..3 {
        let before = database.rows(all, &[], &[ValueType::I64; 2])?;
        check_eq!(
            before,
            [vec![Value::I64(1), Value::I64(10)]],
            "the row must be read"
        );
    }
    database.execute("ALTER TABLE [t] ADD COLUMN [w] BIGINT DEFAULT 7", &[])?;
    let named = database.integers("SELECT [v] FROM [t]", &[])?;
    check_eq!(
        named,
        [10],
        "a column read by name must be right after the change"
    );
    let after = database.rows(all, &[], &[ValueType::I64; 2])?;
    check_eq!(
        after,
        [vec![Value::I64(1), Value::I64(10)]],
        "the old columns must be right after the change"
    );
    let sql = database.sql(all, &[], &[ValueType::I64; 2]);
    let mut widths = Vec::new();
    database
        .connection
        .query(&selfsame::backend::Statement::new(&sql, &[]), &mut |row| {
            widths.push(row.len());
            Ok(())
        })?;
    check_eq!(widths, [3], "the kept statement must see the new column");
    Ok(())
}

fn recreated(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    let (insert, select) = (
        "INSERT INTO [t] ([id], [v]) VALUES (1, ?)",
        "SELECT [v] FROM [t]",
    );
    database.create(&value_table("t", ColumnType::I64))?;
    for _ in 0..3 {
        database.execute("DELETE FROM [t]", &[])?;
        database.execute(insert, &[int(10)])?;
        check_eq!(
            database.integers(select, &[])?,
            [10],
            "the number must be read"
        );
    }
    database.execute("DROP TABLE [t]", &[])?;
    database.create(&value_table("t", ColumnType::Text { length: None }))?;
    database.execute("DELETE FROM [t]", &[])?;
    database.execute(insert, &[crate::database::text("ten")])?;
    let found = database.column(select, &[], ValueType::Text)?;
    check_eq!(
        found,
        [Value::Text("ten".to_owned())],
        "the text must be read from the new table"
    );
    let old = database.integers(select, &[]);
    check!(
        old.is_err(),
        "the old decoder must not read a text as a number, read {old:?}"
    );
    Ok(())
}
