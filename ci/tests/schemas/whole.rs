//! A database against itself: what memory says of the rows that were read, every kind of query must say too.

use std::collections::BTreeMap;

use selfsame::metadata::Metadata;
use selfsame::prelude::*;
use selfsame::record::{Record, RecordKey, Records};
use selfsame::schema::{Column, Table};
use selfsame::sql::{count_all, count_distinct, max, min};
use selfsame::value::{ColumnValue, Date, Decimal, Time, Timestamp, TimestampTz, Value, ValueType};

/// The most values of a column that are looked for one by one.
const MOST: usize = 12;

/// What the database says otherwise than memory, of all tables that an entity can stand for: `table.column: what`. What it refuses is
/// told by the kind of its error.
pub(crate) fn contradictions(engine: &Engine) -> selfsame::Result<Vec<String>> {
    let reflected = Metadata::reflect(engine)?;
    let mut reported = Vec::new();
    for table in reflected.tables() {
        let Ok(records) = reflected.records(&table.name) else {
            continue;
        };
        let mut session = Session::new(engine);
        let rows = match records.query().rows(&mut session) {
            Ok(rows) => rows,
            Err(error) => {
                let column = error.column_name().unwrap_or("?");
                reported.push(format!("{}.{column}: {:?}", table.name, error.kind()));
                continue;
            }
        };
        let mut of_table = Vec::new();
        for column in &table.columns {
            if let Err(error) = of_column(&mut session, &records, &rows, column, &mut of_table) {
                of_table.push(format!("{}: {error}", column.name));
                session.rollback()?;
            }
        }
        if let Err(error) = by_key(&mut session, &records, table, &rows, &mut of_table) {
            of_table.push(format!("key: {error}"));
        }
        reported.extend(of_table.iter().map(|it| format!("{}.{it}", table.name)));
    }
    Ok(reported)
}

fn of_column(
    session: &mut Session,
    records: &Records,
    rows: &[Record],
    column: &Column,
    reported: &mut Vec<String>,
) -> selfsame::Result<()> {
    macro_rules! of {
        ($ty:ty) => {
            compare::<$ty>(session, records, rows, column, reported)
        };
    }
    match column.ty.value_type() {
        ValueType::Bool => of!(bool),
        ValueType::I16 => of!(i16),
        ValueType::I32 => of!(i32),
        ValueType::I64 => of!(i64),
        ValueType::F32 => of!(f32),
        ValueType::F64 => of!(f64),
        ValueType::Text => of!(String),
        ValueType::Bytes => of!(Vec<u8>),
        ValueType::Decimal => of!(Decimal),
        ValueType::Date => of!(Date),
        ValueType::Time => of!(Time),
        ValueType::Timestamp => of!(Timestamp),
        ValueType::TimestampTz => of!(TimestampTz),
        ValueType::Uuid => of!(uuid::Uuid),
        _ => Ok(()),
    }
}

fn compare<T>(
    session: &mut Session,
    records: &Records,
    rows: &[Record],
    column: &Column,
    reported: &mut Vec<String>,
) -> selfsame::Result<()>
where
    T: ColumnValue<Base = T> + Clone + PartialEq + PartialOrd + std::fmt::Debug,
    Option<T>: ColumnValue<Base = T>,
    T: selfsame::sql::IntoSql<Record, T>,
{
    let name = &*column.name;
    let c = || records.column::<Option<T>>(name);
    let mut values: Vec<(T, u64)> = Vec::new();
    let mut nulls = 0;
    for row in rows {
        match row.get::<Option<T>>(name)? {
            None => nulls += 1,
            Some(value) => match values.iter_mut().find(|(known, _)| *known == value) {
                Some((_, rows)) => *rows += 1,
                None => values.push((value, 1)),
            },
        }
    }
    let mut tell = |what: &str, found: u64, wanted: u64| {
        if found != wanted {
            reported.push(format!("{name}: {what}: {found} and not {wanted}"));
        }
    };
    let all = rows.len() as u64;
    let all_values: Vec<T> = values.iter().map(|(value, _)| value.clone()).collect();
    let query = || records.query();
    for (value, wanted) in values.iter().take(MOST) {
        let mut count = |condition| query().filter(condition).count(session);
        tell("=", count(c()?.eq(value.clone()))?, *wanted);
        tell("<>", count(c()?.ne(value.clone()))?, all - nulls - wanted);
        let twice = [value.clone(), value.clone()];
        tell("IN", count(c()?.in_(twice))?, *wanted);
    }
    let many: Vec<T> = all_values
        .iter()
        .cycle()
        .take(all_values.len().max(1) * 120)
        .cloned()
        .collect();
    if !values.is_empty() {
        let found = query().filter(c()?.in_(many.clone())).count(session)?;
        tell("a long IN", found, all - nulls);
        let found = query().filter(c()?.not_in(many)).count(session)?;
        tell("a long NOT IN", found, 0);
    }
    let found = query().filter(c()?.is_null()).count(session)?;
    tell("IS NULL", found, nulls);
    let itself = query().select(c()?).filter(c()?.is_not_null());
    let found = query().filter(c()?.in_(itself)).count(session)?;
    tell("IN a query", found, all - nulls);
    let groups = values.len() as u64 + u64::from(nulls > 0);
    let distinct = query().select((c()?,)).distinct().all(session)?;
    tell("DISTINCT", distinct.len() as u64, groups);
    let grouped: Vec<(Option<T>, i64)> = query()
        .select((c()?, count_all()))
        .group_by(c()?)
        .all(session)?;
    tell("GROUP BY", grouped.len() as u64, groups);
    let found = query().select((count_distinct(c()?),)).one(session)?;
    tell(
        "COUNT(DISTINCT)",
        found.0.unsigned_abs(),
        values.len() as u64,
    );
    let is_text = column.ty.value_type() == ValueType::Text;
    let is_ordered = |(value, _): &(T, u64)| value.partial_cmp(value).is_some();
    if is_text || values.is_empty() || !values.iter().all(is_ordered) {
        // What texts are less than others is the collation's to say, and NaN is where the database puts it.
        return Ok(());
    }
    let ordered = query()
        .filter(c()?.is_not_null())
        .order_by(c()?.asc())
        .rows(session)?;
    let mut last: Option<T> = None;
    let mut wrong = 0;
    for row in &ordered {
        let value = row.get::<T>(name)?;
        wrong += u64::from(last.is_some_and(|last| last > value));
        last = Some(value);
    }
    tell("ORDER BY", wrong, 0);
    let wanted = |is_better: fn(&T, &T) -> bool| {
        let mut values = all_values.iter();
        let first = values.next().cloned();
        values.fold(first, |best, value| match best {
            Some(best) if is_better(value, &best) => Some(value.clone()),
            best => best,
        })
    };
    if !matches!(
        column.ty.value_type(),
        ValueType::Bool | ValueType::Bytes | ValueType::Uuid
    ) {
        let (least, greatest) = query().select((min(c()?), max(c()?))).one(session)?;
        if let (Some(least), Some(greatest)) = (wanted(|a, b| a < b), wanted(|a, b| a > b)) {
            let found = query().filter(c()?.between(least.clone(), greatest.clone()));
            tell("BETWEEN", found.count(session)?, all - nulls);
            let found = query().filter(c()?.lt(least)).count(session)?;
            tell("<", found, 0);
            let found = query().filter(c()?.gt(greatest)).count(session)?;
            tell(">", found, 0);
        }
        for (what, found, wanted) in [
            ("MIN", least, wanted(|a, b| a < b)),
            ("MAX", greatest, wanted(|a, b| a > b)),
        ] {
            if found != wanted {
                reported.push(format!("{name}: {what}: {found:?} and not {wanted:?}"));
            }
        }
    }
    Ok(())
}

/// Each row is found by its key, alone and among others, and is one object.
fn by_key(
    session: &mut Session,
    records: &Records,
    table: &Table,
    rows: &[Record],
    reported: &mut Vec<String>,
) -> selfsame::Result<()> {
    let key_of = |row: &Record| -> Vec<Value> {
        let columns = table.key_columns();
        columns
            .filter_map(|column| row.value(&column.name).cloned())
            .collect()
    };
    let keys: Vec<Vec<Value>> = rows.iter().map(key_of).collect();
    let is_whole = |key: &Vec<Value>| !key.is_empty() && !key.contains(&Value::Null);
    let keys: Vec<Vec<Value>> = keys.into_iter().filter(is_whole).collect();
    if keys.is_empty() || records.mapper().is_read_only() {
        return Ok(());
    }
    let objects = records.query().all(session)?.len();
    if objects != keys.len() {
        reported.push(format!("key: {objects} objects of {} rows", keys.len()));
    }
    session.clear();
    let mut lost = BTreeMap::new();
    for key in keys.iter().take(MOST) {
        if records.get(session, RecordKey::new(key.clone()))?.is_none() {
            *lost.entry("get").or_insert(0) += 1;
        }
        session.clear();
    }
    let all = keys.iter().map(|key| RecordKey::new(key.clone()));
    let found = records.get_many(session, all)?.len();
    if found != keys.len() {
        lost.insert("get_many", keys.len() - found);
    }
    reported.extend(
        lost.iter()
            .map(|(what, rows)| format!("key: {what} loses {rows}")),
    );
    Ok(())
}
