//! Each value after each other one, in one statement that runs again and again.

use selfsame::schema::ColumnType;
use selfsame::value::{Value, ValueType};

use super::is_comparable;
use crate::case::Cover::Contract;
use crate::case::{Case, CaseResult};
use crate::check::shown;
use crate::context::Context;
use crate::database::{Database, Typed, int, value_table};
use crate::domain::{TYPES, came_back, extremes};

pub(super) const CASES: &[Case] = &[
    Case::core("types.all.in_turn", in_turn)
        .since(28)
        .promise("A statement that runs again takes each value, NULL included, after each other value and after itself: in a batch and alone, for INSERT, UPDATE, SELECT and DELETE, for every type.")
        .hint("Bind every parameter of each run anew: its type, its length, and whether it is NULL.")
        .covers(&[Contract(42), Contract(49), Contract(53)]),
];

const INSERT: &str = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";
const UPDATE: &str = "UPDATE [t] SET [v] = ? WHERE [id] = ?";

fn in_turn(context: &mut Context) -> CaseResult {
    let capabilities = context.capabilities();
    let mut database = Database::open(context)?;
    for ty in TYPES {
        let mut values = extremes(ty, &capabilities);
        values.truncate(5);
        values.push(Value::Null);
        database.create(&value_table("t", ColumnType::of(ty)))?;
        database.in_transaction(|database| {
            let mut turns = Turns {
                ty,
                database,
                check: &|found, stored| came_back(found, stored, &capabilities),
            };
            turns.written(&values)?;
            if is_comparable(ty) {
                turns.compared(&values)?;
            }
            Ok(())
        })?;
        database.execute("DROP TABLE [t]", &[])?;
    }
    Ok(())
}

/// Returns a sequence in which each value follows each other and itself.
fn sequence(values: &[Value]) -> Vec<Value> {
    let pairs = values
        .iter()
        .flat_map(|first| values.iter().map(move |second| [first, second]));
    pairs.flatten().cloned().collect()
}

struct Turns<'a> {
    ty: ValueType,
    database: &'a mut Database,
    check: &'a dyn Fn(&Value, &Value) -> bool,
}

impl Turns<'_> {
    fn param(&self, value: &Value) -> Typed {
        Typed::new(self.ty, value.clone())
    }

    fn insert(&mut self, values: &[Value]) -> CaseResult {
        let rows: Vec<Vec<Typed>> = (1..)
            .zip(values)
            .map(|(id, value)| vec![int(id), self.param(value)])
            .collect();
        self.database
            .execute_each(INSERT, &[ValueType::I64, self.ty], &rows)?;
        Ok(())
    }

    fn check_rows(&mut self, wanted: &[Value], by: &str) -> CaseResult {
        let found = self
            .database
            .column("SELECT [v] FROM [t] ORDER BY [id]", &[], self.ty)?;
        check_eq!(
            found.len(),
            wanted.len(),
            "the rows of {:?} by {by}",
            self.ty
        );
        let mut before = None;
        for (found, wanted) in found.iter().zip(wanted) {
            check!(
                (self.check)(found, wanted),
                "{by}: {} after {before:?} must be stored unchanged, became {}",
                shown(wanted),
                shown(found)
            );
            before = Some(shown(wanted));
        }
        Ok(())
    }

    fn written(&mut self, values: &[Value]) -> CaseResult {
        let mut wanted = sequence(values);
        self.insert(&wanted)?;
        self.check_rows(&wanted, "a batch of INSERT")?;
        wanted.reverse();
        let rows: Vec<Vec<Typed>> = (1..)
            .zip(&wanted)
            .map(|(id, value)| vec![self.param(value), int(id)])
            .collect();
        self.database
            .execute_each(UPDATE, &[self.ty, ValueType::I64], &rows)?;
        self.check_rows(&wanted, "a batch of UPDATE")?;
        wanted.rotate_left(1);
        for (id, value) in (1..).zip(&wanted) {
            self.database
                .execute(UPDATE, &[self.param(value), int(id)])?;
        }
        self.check_rows(&wanted, "UPDATE after UPDATE")?;
        self.database.execute("DELETE FROM [t]", &[])?;
        for (id, value) in (1..).zip(&wanted) {
            self.database
                .execute(INSERT, &[int(id), self.param(value)])?;
        }
        self.check_rows(&wanted, "INSERT after INSERT")?;
        self.database.execute("DELETE FROM [t]", &[])?;
        Ok(())
    }

    /// The keys of the values that equal this one.
    fn equal(&self, values: &[Value], value: &Value) -> Vec<i64> {
        let is_equal = |other: &Value| match (value, other) {
            (Value::Null, _) => false,
            // Equal whatever their scales.
            (Value::Decimal(a), Value::Decimal(b)) => a.compare(*b).is_eq(),
            _ => value.as_ref().same(other.as_ref()),
        };
        let equal = (1..).zip(values).filter(|(_, other)| is_equal(other));
        equal.map(|(id, _)| id).collect()
    }

    fn compared(&mut self, values: &[Value]) -> CaseResult {
        self.insert(values)?;
        for value in sequence(values) {
            let found = self.database.integers(
                "SELECT [id] FROM [t] WHERE [v] = ? ORDER BY [id]",
                &[self.param(&value)],
            )?;
            check_eq!(
                found,
                self.equal(values, &value),
                "the rows that equal {}, by SELECT after SELECT",
                shown(&value)
            );
        }
        let (first, last) = (&values[0], &values[values.len() - 2]);
        for value in [first, &Value::Null, last, &Value::Null, first, last, first] {
            let told = self
                .database
                .execute("DELETE FROM [t] WHERE [v] = ?", &[self.param(value)])?;
            let wanted = self.equal(values, value);
            check_eq!(
                usize::try_from(told.matched),
                Ok(wanted.len()),
                "the rows that equal {}, by DELETE after DELETE",
                shown(value)
            );
            let left = self
                .database
                .integers("SELECT [id] FROM [t] ORDER BY [id]", &[])?;
            let all = (1..).zip(values).map(|(id, _)| id);
            let wanted: Vec<i64> = all.filter(|id| !wanted.contains(id)).collect();
            check_eq!(left, wanted, "the rows left by DELETE after DELETE");
            self.database.execute("DELETE FROM [t]", &[])?;
            self.insert(values)?;
        }
        Ok(())
    }
}
