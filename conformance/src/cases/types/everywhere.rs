//! Values of every type on every path through a statement, each compared with the value that was sent.
//!
//! A path is one place in one kind of statement: the list of IN, the condition of a DELETE, the result of COALESCE. Backends convert values in
//! each of them separately, so one can be wrong while all others are right.

mod compared;
mod computed;
mod keys;
mod stored;

use std::cmp::Ordering;
use std::fmt::Debug;

use proptest::strategy::{Strategy, ValueTree};
use selfsame::ErrorKind;
use selfsame::dialect::Capabilities;
use selfsame::engine::Connected;
use selfsame::metadata;
use selfsame::prelude::*;
use selfsame::sql::{Column, Insert, Select, delete_from, insert_into, select};
use selfsame::value::{
    ColumnValue, Date, Decimal, Param, Time, Timestamp, TimestampTz, Value, ValueRef, ValueType,
};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult, Failure};
use crate::check::shown;
use crate::context::Context;
use crate::domain::{came_back, extremes, values};
use crate::property::runner;
use crate::world::World;

pub(super) const CASES: &[Case] = &[
    Case::core("types.paths.stored", stored)
        .since(25)
        .promise("A value of any type is stored unchanged by every statement that can store it: INSERT of one row and of several, UPDATE, upsert, INSERT … SELECT, a flush, raw SQL; RETURNING returns it unchanged.")
        .hint("The message names type and path; convert a parameter in one place for all statements.")
        .covers(&[Contract(3), Contract(4), Contract(7), Contract(10), Contract(15), Contract(50), Contract(52)]),
    Case::core("types.paths.compared", compared)
        .since(25)
        .promise("A value of any type finds exactly the rows that Rust says by every condition: =, <>, IN, BETWEEN, the comparisons, a join, a subquery; as the condition of SELECT, UPDATE and DELETE alike.")
        .hint("The message names type and path; a parameter must be compared as its column's type, all of it.")
        .covers(&[Contract(2), Contract(10), Contract(23), Contract(25), Contract(53)]),
    Case::core("types.paths.computed", computed)
        .since(25)
        .promise("A value of any type is unchanged in every result: of GROUP BY, DISTINCT, ORDER BY, MIN and MAX, COALESCE, CASE, window functions, joins, UNION, subqueries and common table expressions.")
        .hint("The message names type and path; decode a column by its requested type, whatever expression it has.")
        .covers(&[Contract(2), Contract(30), Contract(31), Contract(32), Contract(34), Contract(35)]),
    Case::core("types.paths.keys", keys::check)
        .since(25)
        .needs(&[Capability::Transactions])
        .promise("A value of any type that can be a key is found by `get` and `get_many`, and leads from a row to its parent and back, however relations are loaded.")
        .hint("The message names type and path; compare by the column's own type.")
        .covers(&[Contract(13), Rule(1), Rule(6), Rule(27)]),
];

/// Calls a generic check with the column of each type.
macro_rules! each_type {
    ($context:ident, $world:ident, $check:path: $($field:ident $column:ident),*) => {$(
        let mut cells = Cells::new($context, &$world, Cell::$column, |cell| &mut cell.$field)?;
        $check(&mut cells)?;
    )*};
    ($context:ident, $world:ident, $check:path) => {
        each_type!($context, $world, $check: c_bool C_BOOL, c_i16 C_I16, c_i32 C_I32, c_i64 C_I64,
            c_f32 C_F32, c_f64 C_F64, c_text C_TEXT, c_bytes C_BYTES, c_decimal C_DECIMAL, c_uuid C_UUID,
            c_date C_DATE, c_time C_TIME, c_stamp C_STAMP, c_instant C_INSTANT, c_json C_JSON);
    };
}

fn stored(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Cell])?;
    each_type!(context, world, stored::check);
    Ok(())
}

fn compared(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Cell])?;
    each_type!(context, world, compared::check);
    Ok(())
}

fn computed(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Cell])?;
    each_type!(context, world, computed::check);
    each_type!(context, world, computed::sums: c_i64 C_I64, c_decimal C_DECIMAL);
    Ok(())
}

/// A row with a column of each type.
#[derive(Entity, Clone, Debug)]
#[orm(table = "cells")]
struct Cell {
    #[orm(primary_key)]
    id: i64,
    c_bool: Option<bool>,
    c_i16: Option<i16>,
    c_i32: Option<i32>,
    c_i64: Option<i64>,
    c_f32: Option<f32>,
    c_f64: Option<f64>,
    c_text: Option<String>,
    c_bytes: Option<Vec<u8>>,
    c_decimal: Option<Decimal>,
    c_uuid: Option<Id>,
    c_date: Option<Date>,
    c_time: Option<Time>,
    c_stamp: Option<Timestamp>,
    c_instant: Option<TimestampTz>,
    c_json: Option<Document>,
}

/// A UUID.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Id([u8; 16]);

impl ColumnValue for Id {
    type Base = Self;
    const TYPE: ValueType = ValueType::Uuid;

    fn to_param(&self) -> Param<'_> {
        Param::Ref(ValueRef::Uuid(self.0))
    }

    fn from_value(value: ValueRef<'_>) -> selfsame::Result<Self> {
        match value {
            ValueRef::Uuid(bytes) => Ok(Self(bytes)),
            other => Err(other.mismatch(Self::TYPE)),
        }
    }
}

/// The text of a JSON document.
#[derive(Clone, Debug, PartialEq)]
struct Document(String);

impl ColumnValue for Document {
    type Base = Self;
    const TYPE: ValueType = ValueType::Json;

    fn to_param(&self) -> Param<'_> {
        Param::Ref(ValueRef::Json(&self.0))
    }

    fn from_value(value: ValueRef<'_>) -> selfsame::Result<Self> {
        match value {
            ValueRef::Json(text) => Ok(Self(text.to_owned())),
            other => Err(other.mismatch(Self::TYPE)),
        }
    }
}

/// A column type that is its own base type.
trait Operand: ColumnValue<Base = Self> + Debug {}

impl<V: ColumnValue<Base = V> + Debug> Operand for V {}

/// An INSERT of a key and a value.
type InsertOf<V> = Insert<(Column<Cell, i64>, Column<Cell, Option<V>>)>;

/// A row by its key.
type Keyed<V> = (i64, Option<V>);

/// The values of one type, as rows of one column: numbered from 1, with NULL last.
struct Cells<'a, V> {
    world: &'a World,
    capabilities: Capabilities,
    column: Column<Cell, Option<V>>,
    field: fn(&mut Cell) -> &mut Option<V>,
    rows: Vec<Keyed<V>>,
}

impl<'a, V: Operand> Cells<'a, V> {
    fn new(
        context: &Context,
        world: &'a World,
        column: Column<Cell, Option<V>>,
        field: fn(&mut Cell) -> &mut Option<V>,
    ) -> CaseResult<Self> {
        let capabilities = context.capabilities();
        let values = operands(V::TYPE, &capabilities, context.seed())?;
        let values = values.iter().map(|value| V::from_value(value.as_ref()));
        let values: Vec<V> = values.collect::<selfsame::Result<_>>()?;
        let values = values.into_iter().map(Some).chain([None]);
        Ok(Self {
            world,
            capabilities,
            column,
            field,
            rows: (1..).zip(values).collect(),
        })
    }

    /// Returns the values with their keys, without NULL.
    fn values(&self) -> Vec<(i64, V)> {
        let rows = self.rows.iter().cloned();
        rows.filter_map(|(id, value)| Some((id, value?))).collect()
    }

    /// Returns a connection for one statement: some databases have only one, which sessions need too.
    fn connect(&self) -> CaseResult<Connected> {
        Ok(self.world.engine.connect()?)
    }

    fn insert(&self) -> InsertOf<V> {
        insert_into(Cell::table()).columns((Cell::ID, self.column))
    }

    fn empty(&mut self) -> CaseResult {
        let deleted = self.connect()?.write(&delete_from(Cell::table()));
        self.done("DELETE of all rows", deleted).map(drop)
    }

    /// Replaces all rows of the table by those of this type.
    fn fill(&mut self) -> CaseResult {
        self.empty()?;
        let inserted = self
            .connect()?
            .write(&self.insert().rows(self.rows.clone()));
        self.done("INSERT of several rows", inserted).map(drop)
    }

    /// Checks that the table has the values.
    fn check_stored(&mut self, path: &str) -> CaseResult {
        let found = self
            .connect()?
            .all(&select((Cell::ID, self.column)).from(Cell::table()));
        let found = self.done(path, found)?;
        self.check(path, found)
    }

    /// Checks that a query returns each value with its key.
    fn check_query(&mut self, path: &str, query: &Select<Keyed<V>>) -> CaseResult {
        let found = self.connect()?.all(query);
        let found = self.done(path, found)?;
        self.check(path, found)
    }

    /// Checks that these are the rows, in any order.
    fn check(&self, path: &str, mut found: Vec<Keyed<V>>) -> CaseResult {
        found.sort_by_key(|(id, _)| *id);
        let keys: Vec<i64> = found.iter().map(|(id, _)| *id).collect();
        let wanted: Vec<i64> = self.rows.iter().map(|(id, _)| *id).collect();
        check_eq!(keys, wanted, "{:?} through {path}: the rows", V::TYPE);
        for ((_, found), (_, stored)) in found.iter().zip(&self.rows) {
            self.check_one(path, found.as_ref(), stored.as_ref())?;
        }
        Ok(())
    }

    /// Checks one value.
    fn check_one(&self, path: &str, found: Option<&V>, stored: Option<&V>) -> CaseResult {
        let (found, stored) = (plain(found), plain(stored));
        check!(
            came_back(&found, &stored, &self.capabilities),
            "{:?} through {path}: {} must stay {}, became {}",
            V::TYPE,
            class(&stored),
            shown(&stored),
            shown(&found)
        );
        Ok(())
    }

    /// Returns the result of an operation that must work for every type.
    fn done<T>(&self, path: &str, result: selfsame::Result<T>) -> CaseResult<T> {
        result.map_err(|error| match error.kind() {
            ErrorKind::Unsupported => Failure::Backend(error),
            _ => Failure::Assertion(format!("{:?} through {path} must work: {error}", V::TYPE)),
        })
    }

    /// Returns how many values a statement can have: `many`, or fewer if the parameters are limited.
    fn room_for(&self, many: usize) -> usize {
        let most = self.capabilities.max_parameters;
        most.map_or(many, |most| many.min(most))
    }

    /// Returns whether the database can compare values of the type for equality.
    fn has_equality(&self) -> bool {
        match V::TYPE {
            ValueType::Json => false,
            ValueType::Decimal => self.capabilities.exact_decimals,
            _ => true,
        }
    }

    /// Returns whether every database has MIN and MAX for the type.
    fn has_extremes(&self) -> bool {
        let without = [ValueType::Bool, ValueType::Bytes, ValueType::Uuid];
        self.has_equality() && !without.contains(&V::TYPE)
    }
}

/// Returns the value as the backend sees it.
fn plain<V: ColumnValue>(value: Option<&V>) -> Value {
    value.map_or(Value::Null, |value| match value.to_param() {
        Param::Ref(value) => value.to_owned(),
        Param::Owned(value) => value,
        Param::Column(_) => Value::Null,
    })
}

/// Returns whether two values are equal in SQL.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Decimal(a), Value::Decimal(b)) => a.compare(*b).is_eq(),
        _ => a == b,
    }
}

/// Returns the order of two values, if all databases agree on it.
fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::I16(a), Value::I16(b)) => Some(a.cmp(b)),
        (Value::I32(a), Value::I32(b)) => Some(a.cmp(b)),
        (Value::I64(a), Value::I64(b)) => Some(a.cmp(b)),
        (Value::F32(a), Value::F32(b)) => a.partial_cmp(b),
        (Value::F64(a), Value::F64(b)) => a.partial_cmp(b),
        (Value::Decimal(a), Value::Decimal(b)) => Some(a.compare(*b)),
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        (Value::Date(a), Value::Date(b)) => Some(a.cmp(b)),
        (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
        (Value::Timestamp(a), Value::Timestamp(b)) => Some(a.cmp(b)),
        (Value::TimestampTz(a), Value::TimestampTz(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Returns a value that is greater in every collation, with an additional character or byte at the end, if the type can have one.
fn longer<V: Operand>(value: &V) -> Option<V> {
    let longer = match plain(Some(value)) {
        Value::Text(text) => Value::Text(text + "z"),
        Value::Bytes(bytes) => Value::Bytes([bytes, vec![1]].concat()),
        _ => return None,
    };
    V::from_value(longer.as_ref()).ok()
}

/// Describes what is special about a value, for messages.
fn class(value: &Value) -> &'static str {
    const LONG: usize = 64;
    match value {
        Value::Null => "NULL",
        Value::Text(text) | Value::Json(text) => match text.as_str() {
            "" => "an empty text",
            text if text.chars().count() > LONG => "a long text",
            text if text.contains('\0') => "a text with NUL",
            text if text.ends_with(' ') => "a text with blanks at its end",
            text if !text.is_ascii() => "a text that is not ASCII",
            _ => "a text",
        },
        Value::Bytes(bytes) => match bytes.as_slice() {
            [] => "empty bytes",
            bytes if bytes.len() > LONG => "long bytes",
            bytes if bytes.contains(&0) => "bytes with a zero",
            _ => "bytes",
        },
        Value::F32(zero) if *zero == 0.0 => "a zero",
        Value::F64(zero) if *zero == 0.0 => "a zero",
        _ => "the value",
    }
}

/// The number of values that are drawn for each type, in addition to the table of special ones.
const DRAWN: usize = 4;

/// Returns values of a type that differ from each other in SQL: those that backends are known to alter, and some drawn ones.
fn operands(ty: ValueType, capabilities: &Capabilities, seed: u64) -> CaseResult<Vec<Value>> {
    let mut all = special(ty, capabilities);
    all.extend(extremes(ty, capabilities));
    let strategy = values(ty, capabilities);
    let mut runner = runner(seed);
    for _ in 0..DRAWN {
        let tree = strategy.new_tree(&mut runner);
        let tree = tree.map_err(|reason| Failure::Skipped(format!("no value: {reason}")))?;
        all.push(tree.current());
    }
    let mut kept: Vec<Value> = Vec::new();
    for value in all {
        if value != Value::Null && !kept.iter().any(|other| same(other, &value)) {
            kept.push(value);
        }
    }
    Ok(kept)
}

/// Returns values that only some paths alter. They come before the extremes, so that they are kept if both are equal.
fn special(ty: ValueType, capabilities: &Capabilities) -> Vec<Value> {
    match ty {
        ValueType::F32 if capabilities.negative_zero => vec![Value::F32(-0.0)],
        ValueType::F64 if capabilities.negative_zero => vec![Value::F64(-0.0)],
        ValueType::Text => {
            let long = "0123456789".repeat(30);
            let mut texts = vec!["Ab".to_owned(), "ab".to_owned(), "a ".to_owned()];
            texts.extend(["é".repeat(300), format!("{long} "), long]);
            texts.into_iter().map(Value::Text).collect()
        }
        ValueType::Bytes => [&b"a\0b"[..], b"a\0c", b"a", b"a ", &[0xff; 700]]
            .map(|bytes| Value::Bytes(bytes.to_vec()))
            .into(),
        // Zero with a scale, and zeros after the last digit.
        ValueType::Decimal => [(0, 2), (-1_500, 3), (9_007_199_254_740_993_000, 3)]
            .map(|(mantissa, scale)| Value::Decimal(Decimal::new(mantissa, scale)))
            .into(),
        ValueType::Json => ["[1, 2,  {\"a\": 3}]", "\"two  \"", "-1.50"]
            .map(|text| Value::Json(text.to_owned()))
            .into(),
        _ => Vec::new(),
    }
}
