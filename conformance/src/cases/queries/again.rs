//! The same statement again: after each kind of change, and with parameters of other types.

use std::collections::BTreeMap;

use selfsame::backend::Statement;
use selfsame::dialect::Upsert;
use selfsame::schema::{Column, ColumnType, ReferentialAction, Table};
use selfsame::value::{Param, Value, ValueType};
use selfsame::{Error, ErrorKind};

use crate::case::Cover::Contract;
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, null, value_table};

pub(super) const CASES: &[Case] = &[
    Case::core("queries.again.sees", sees)
        .since(28)
        .promise("A query that runs again with the same parameters finds every change since its last run: of a row, a batch, a query, RETURNING, raw SQL, a foreign key's action, another connection, or the end of a transaction or savepoint.")
        .hint("Keep no results. What is known of a table changes through other tables, connections and rollbacks, too.")
        .covers(&[Contract(44), Contract(53), Contract(63), Contract(64), Contract(66)]),
    Case::core("queries.again.retyped", retyped)
        .since(28)
        .promise("Statements of one text with parameters of different types are different statements: each value is compared and stored as its own type, or refused, whichever came first.")
        .hint("Prepare by `Sql::id`, or by the text together with the types of the parameters.")
        .covers(&[Contract(2), Contract(42), Contract(49)]),
];

/// The owners' values, and the owner and value of each thing, by key.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    owners: BTreeMap<i64, i64>,
    things: BTreeMap<i64, (i64, i64)>,
}

/// Queries that name `things` first, after another table, or only in a subquery.
const QUERIES: [&str; 6] = [
    "SELECT [id], [v] FROM [things] WHERE [id] >= ? ORDER BY [id]",
    "SELECT count(*), max([v]) FROM [things] WHERE [id] >= ?",
    "SELECT [owners].[v], [things].[v] FROM [owners] JOIN [things] ON [things].[owner] = [owners].[id] \
        WHERE [things].[id] >= ? ORDER BY [things].[id]",
    "SELECT [id], [v] FROM [owners] WHERE EXISTS (SELECT 1 FROM [things] \
        WHERE [things].[owner] = [owners].[id] AND [things].[id] >= ?) ORDER BY [id]",
    "SELECT [kept].[id], [kept].[v] FROM (SELECT [id], [v] FROM [things] WHERE [id] >= ?) [kept] ORDER BY [kept].[id]",
    "SELECT [id], [v] FROM [owners] UNION ALL SELECT [id], [v] FROM [things] WHERE [id] >= ? ORDER BY 1, 2",
];

impl Model {
    /// Returns the rows of each query.
    fn results(&self) -> [Vec<(Option<i64>, Option<i64>)>; 6] {
        let pair = |a: i64, b: i64| (Some(a), Some(b));
        let things: Vec<_> = self
            .things
            .iter()
            .map(|(id, (_, v))| pair(*id, *v))
            .collect();
        let count = i64::try_from(things.len()).ok();
        let joined = self.things.values();
        let joined = joined.map(|(owner, v)| pair(self.owners[owner], *v));
        let has_things = |id: &i64| self.things.values().any(|(owner, _)| owner == id);
        let owners = self.owners.iter().filter(|(id, _)| has_things(id));
        let all = self.owners.iter().map(|(id, v)| pair(*id, *v));
        let mut all: Vec<_> = all.chain(things.iter().copied()).collect();
        all.sort_unstable();
        [
            things.clone(),
            vec![(count, things.iter().filter_map(|(_, v)| *v).max())],
            joined.collect(),
            owners.map(|(id, v)| pair(*id, *v)).collect(),
            things,
            all,
        ]
    }
}

/// What changes the rows, or must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Insert,
    InsertBatch,
    InsertFromQuery,
    InsertReturning,
    Upsert,
    Update,
    UpdateBatch,
    UpdateOwner,
    Raw,
    Delete,
    DeleteBatch,
    DeleteOwner,
    Refused,
    Stopped,
}

const CHANGES: [Change; 14] = [
    Change::Insert,
    Change::InsertBatch,
    Change::Update,
    Change::Raw,
    Change::InsertFromQuery,
    Change::Refused,
    Change::UpdateOwner,
    Change::InsertReturning,
    Change::UpdateBatch,
    Change::Stopped,
    Change::Upsert,
    Change::Delete,
    Change::DeleteBatch,
    Change::DeleteOwner,
];

const INSERT: &str = "INSERT INTO [things] ([id], [owner], [v]) VALUES (?, ?, ?)";
const UPDATE: &str = "UPDATE [things] SET [v] = ? WHERE [id] = ?";
const DELETE: &str = "DELETE FROM [things] WHERE [id] = ?";

/// Where the changes are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Alone,
    OtherConnection,
    Transaction { commits: bool },
    Savepoint { keeps: bool },
    Reset,
}

fn sees(context: &mut Context) -> CaseResult {
    let claims = context.capabilities();
    create(context)?;
    let mut withins = vec![Within::Alone];
    if claims.max_connections != Some(1) {
        withins.push(Within::OtherConnection);
    }
    if claims.transactions {
        withins.extend([true, false].map(|commits| Within::Transaction { commits }));
        withins.push(Within::Reset);
    }
    if claims.savepoints {
        withins.extend([true, false].map(|keeps| Within::Savepoint { keeps }));
    }
    let mut reader = Database::open(context)?;
    for within in withins {
        let mut model = start(&mut reader)?;
        check_all(&mut reader, &model, &format!("the first rows ({within:?})"))?;
        if within == Within::OtherConnection {
            let mut writer = Database::open(context)?;
            for change in CHANGES {
                apply(&mut writer, &mut model, change)?;
                check_all(
                    &mut reader,
                    &model,
                    &format!("{change:?} by another connection"),
                )?;
            }
            continue;
        }
        let before = model.clone();
        match within {
            Within::Alone | Within::OtherConnection => {}
            Within::Transaction { .. } | Within::Reset => reader.begin_write()?,
            Within::Savepoint { .. } => {
                reader.begin_write()?;
                reader.savepoint("changes")?;
            }
        }
        for change in CHANGES {
            // A refused row would end the transaction on some databases.
            if change == Change::Refused && within != Within::Alone {
                continue;
            }
            apply(&mut reader, &mut model, change)?;
            check_all(&mut reader, &model, &format!("{change:?} ({within:?})"))?;
        }
        let is_kept = match within {
            Within::Alone | Within::OtherConnection => true,
            Within::Transaction { commits: true } => reader.commit().map(|()| true)?,
            Within::Transaction { commits: false } => reader.rollback().map(|()| false)?,
            Within::Reset => reader.connection.reset(true).map(|()| false)?,
            Within::Savepoint { keeps: true } => reader.release("changes").map(|()| true)?,
            Within::Savepoint { keeps: false } => reader.rollback_to("changes").map(|()| false)?,
        };
        if !is_kept {
            model = before;
        }
        check_all(&mut reader, &model, &format!("the end of {within:?}"))?;
        if matches!(within, Within::Savepoint { .. }) {
            reader.commit()?;
            check_all(&mut reader, &model, &format!("COMMIT after {within:?}"))?;
        }
    }
    Ok(())
}

fn create(context: &Context) -> CaseResult {
    let mut things = Table::build("things")
        .column(Column::new("id", ColumnType::I64))
        .column(Column::new("owner", ColumnType::I64))
        .column(Column::new("v", ColumnType::I64))
        .primary_key(["id"]);
    if context.capabilities().foreign_keys {
        things = things.foreign_key(["owner"], "owners", ["id"]);
        things.foreign_keys[0].on_delete = ReferentialAction::Cascade;
    }
    let mut database = Database::open(context)?;
    database.create(&value_table("owners", ColumnType::I64))?;
    database.create(&things)?;
    Ok(())
}

/// Writes the first rows.
fn start(database: &mut Database) -> CaseResult<Model> {
    for table in ["things", "owners"] {
        database.execute(&format!("DELETE FROM [{table}]"), &[])?;
    }
    let mut model = Model::default();
    for id in 1..=3 {
        let owner = "INSERT INTO [owners] ([id], [v]) VALUES (?, ?)";
        database.execute(owner, &[int(id), int(id * 100)])?;
        model.owners.insert(id, id * 100);
        insert(database, &mut model, (id * 10, id, id))?;
    }
    Ok(model)
}

fn insert(database: &mut Database, model: &mut Model, thing: (i64, i64, i64)) -> CaseResult {
    database.execute(INSERT, &row(thing))?;
    model.things.insert(thing.0, (thing.1, thing.2));
    Ok(())
}

fn row((id, owner, v): (i64, i64, i64)) -> Vec<Typed> {
    vec![int(id), int(owner), int(v)]
}

fn apply(database: &mut Database, model: &mut Model, change: Change) -> CaseResult {
    let claims = database.dialect().capabilities();
    match change {
        Change::Insert => insert(database, model, (40, 1, 4))?,
        Change::InsertBatch => {
            let added = [(41, 2, 5), (42, 3, 6), (43, 3, 7)];
            let rows = added.map(row);
            database.execute_each(INSERT, &[ValueType::I64; 3], &rows)?;
            model
                .things
                .extend(added.map(|(id, owner, v)| (id, (owner, v))));
        }
        Change::InsertFromQuery => {
            let copy = "INSERT INTO [things] ([id], [owner], [v]) SELECT [id] + 40, [owner], [v] + ? FROM [things] WHERE [id] = ?";
            database.execute(copy, &[int(70), int(10)])?;
            let (owner, v) = model.things[&10];
            model.things.insert(50, (owner, v + 70));
        }
        Change::InsertReturning => {
            if claims.returning {
                let returning = format!("{INSERT} RETURNING [id]");
                let told = database.integers(&returning, &row((60, 2, 90)))?;
                check_eq!(told, [60], "the key of a returned row");
                model.things.insert(60, (2, 90));
            }
        }
        Change::Upsert => {
            if claims.upsert {
                let values = [(10, 1, 15), (70, 3, 16)];
                for value in values {
                    let upsert = match database.dialect().upsert() {
                        Upsert::OnConflict => "ON CONFLICT ([id]) DO UPDATE SET [v] = excluded.[v]",
                        _ => "ON DUPLICATE KEY UPDATE [v] = VALUES([v])",
                    };
                    database.execute(&format!("{INSERT} {upsert}"), &row(value))?;
                    model.things.insert(value.0, (value.1, value.2));
                }
            }
        }
        Change::Update => {
            database.execute(UPDATE, &[int(11), int(10)])?;
            set(model, 10, 11);
        }
        Change::UpdateBatch => {
            let set_to = [(20, 22), (30, 33)];
            let rows = set_to.map(|(id, v)| vec![int(v), int(id)]);
            database.execute_each(UPDATE, &[ValueType::I64; 2], &rows)?;
            for (id, v) in set_to {
                set(model, id, v);
            }
        }
        Change::UpdateOwner => {
            database.execute(
                "UPDATE [owners] SET [v] = ? WHERE [id] = ?",
                &[int(111), int(1)],
            )?;
            model.owners.insert(1, 111);
        }
        // In lower case the template is raw SQL.
        Change::Raw => {
            database.execute(
                "update [things] set [v] = ? where [id] = ?",
                &[int(99), int(20)],
            )?;
            set(model, 20, 99);
        }
        Change::Delete => {
            database.execute(DELETE, &[int(10)])?;
            model.things.remove(&10);
        }
        Change::DeleteBatch => {
            let rows = [41, 42].map(|id| vec![int(id)]);
            database.execute_each(DELETE, &[ValueType::I64], &rows)?;
            model.things.retain(|id, _| !matches!(id, 41 | 42));
        }
        Change::DeleteOwner => {
            if claims.foreign_keys {
                database.execute("DELETE FROM [owners] WHERE [id] = ?", &[int(3)])?;
                model.owners.remove(&3);
                model.things.retain(|_, (owner, _)| *owner != 3);
            }
        }
        Change::Refused => {
            let refused = database.execute(INSERT, &row((30, 1, 0)));
            check!(
                matches!(&refused, Err(error) if error.kind() == ErrorKind::UniqueViolation),
                "an existing key must be refused, returned {refused:?}"
            );
        }
        Change::Stopped => {
            let sql = database.sql(QUERIES[0], &[ValueType::I64], &[ValueType::I64; 2]);
            let first = [Param::Owned(Value::I64(0))];
            let stopped = database
                .connection
                .query(&Statement::new(&sql, &first), &mut |_| {
                    Err(Error::new(ErrorKind::Validation, "enough"))
                });
            check!(stopped.is_err(), "a reader that stops must get its error");
        }
    }
    Ok(())
}

fn set(model: &mut Model, id: i64, v: i64) {
    if let Some(thing) = model.things.get_mut(&id) {
        thing.1 = v;
    }
}

/// Runs each query twice.
fn check_all(database: &mut Database, model: &Model, moment: &str) -> CaseResult {
    let params = [int(0)];
    let results = model.results();
    for (query, wanted) in QUERIES.iter().zip(&results) {
        for _ in 0..2 {
            let found = database.rows(query, &params, &[ValueType::I64; 2]);
            let value = |v: &Option<i64>| v.map_or(Value::Null, Value::I64);
            let wanted: Vec<Vec<Value>> = wanted
                .iter()
                .map(|(a, b)| vec![value(a), value(b)])
                .collect();
            check!(
                matches!(&found, Ok(rows) if *rows == wanted),
                "after {moment}, {query} must return {wanted:?}, returned {found:?}"
            );
        }
    }
    Ok(())
}

/// Numbers that a column of floats has, as parameters of these types.
const NUMBERS: [f64; 6] = [-3.0, 2.0, 1.5, 300.0, 70_000.5, 1_099_511_627_776.0];
const NUMERIC: [ValueType; 5] = [
    ValueType::I16,
    ValueType::I32,
    ValueType::I64,
    ValueType::F32,
    ValueType::F64,
];

/// Returns the number as this type; `None` if it does not fit.
fn number(number: f64, ty: ValueType) -> Option<Typed> {
    let whole = format!("{number}").parse::<i64>().ok();
    let value = match ty {
        ValueType::I16 => Value::I16(whole?.try_into().ok()?),
        ValueType::I32 => Value::I32(whole?.try_into().ok()?),
        ValueType::I64 => Value::I64(whole?),
        ValueType::F32 => Value::F32(format!("{number}").parse().ok()?),
        _ => Value::F64(number),
    };
    Some(Typed::new(ty, value))
}

fn retyped(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::F64))?;
    for (id, value) in (1..).zip(NUMBERS) {
        let row = [int(id), Typed::new(ValueType::F64, Value::F64(value))];
        database.execute("INSERT INTO [t] ([id], [v]) VALUES (?, ?)", &row)?;
    }
    database.execute(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[int(0), null(ValueType::F64)],
    )?;
    // A strictly typed database may refuse other types than that of the column, but then always.
    let types = (900..).zip(NUMERIC);
    let types = types.filter(|(n, ty)| *ty == ValueType::F64 || accepts(&mut database, *n, *ty));
    let types: Vec<ValueType> = types.map(|(_, ty)| ty).collect();
    if types.len() < NUMERIC.len() {
        context.note(format!("a column of F64 takes {types:?} only"));
    }
    database.in_transaction(|database| each_pair(database, &types))
}

/// Returns a query and an UPDATE of which no other number has the text.
fn numbered(n: i64) -> [String; 2] {
    [
        format!("SELECT [id] AS [k{n}] FROM [t] WHERE [v] = ? ORDER BY [id]"),
        format!("UPDATE [t] SET [v] = ? WHERE [id] = ? AND [id] <> {n}"),
    ]
}

/// Returns whether the column can be compared with this type and set to it, by statements that run with no other type.
fn accepts(database: &mut Database, n: i64, ty: ValueType) -> bool {
    let [find, set] = numbered(n);
    let params = [number(2.0, ty), Some(null(ty))];
    params.into_iter().flatten().all(|param| {
        let found = database.integers(&find, std::slice::from_ref(&param));
        found.is_ok() && database.execute(&set, &[param, int(0)]).is_ok()
    })
}

fn each_pair(database: &mut Database, types: &[ValueType]) -> CaseResult {
    let pairs = types
        .iter()
        .flat_map(|first| types.iter().map(move |second| (*first, *second)))
        .filter(|(first, second)| first != second);
    for (pair, (first, second)) in (1_000..).zip(pairs) {
        let [find, set] = numbered(pair);
        for ty in [first, second, first] {
            let what = format!("{ty:?}, of {first:?} and then {second:?}");
            let found = database.integers(&find, &[null(ty)])?;
            check_eq!(found, [] as [i64; 0], "the rows that equal NULL as {what}");
            for (id, value) in (1..).zip(NUMBERS) {
                let Some(param) = number(value, ty) else {
                    continue;
                };
                let found = database.integers(&find, std::slice::from_ref(&param))?;
                check_eq!(found, [id], "the rows that equal {value} as {what}");
                let told = database.execute(&set, &[param, int(0)])?;
                check_eq!(
                    told.matched,
                    1,
                    "the rows that were set to {value} as {what}"
                );
                let kept = "SELECT [v] FROM [t] WHERE [id] = ?";
                let kept = database.column(kept, &[int(0)], ValueType::F64)?;
                check_eq!(
                    kept,
                    [Value::F64(value)],
                    "what was stored of {value} as {what}"
                );
                database.execute(&set, &[null(ty), int(0)])?;
                let is_null = "SELECT count(*) FROM [t] WHERE [v] IS NULL";
                check_eq!(
                    database.integers(is_null, &[])?,
                    [1],
                    "the rows without a value, after NULL as {what}"
                );
            }
        }
    }
    Ok(())
}
