//! Values that do not fit their columns: detected before a statement is sent if the mapping allows, and traced to their column if a backend
//! refuses a parameter.

use crate::dialect::Capabilities;
use crate::entity::Mapper;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::ColumnType;
use crate::session::{AnyStore, Session};
use crate::value::{ValueRef, ValueType};

impl Session {
    /// Sets the times of some rows to what their columns store.
    ///
    /// Types of other crates have nanoseconds, and values are sent in microseconds, rounded down.
    pub(in crate::session) fn round_times(
        &mut self,
        store: u16,
        columns: &[usize],
        slots: &[u32],
    ) -> Result<()> {
        let entry = &mut self.stores[usize::from(store)];
        for &column in columns {
            if !has_times(&entry.mapper.table().columns[column].ty) {
                continue;
            }
            for &slot in slots {
                entry.store.round_time(slot, column)?;
            }
        }
        Ok(())
    }

    /// Does the same for all objects that were written to: also for those whose rows already have the microsecond that was set.
    pub(in crate::session) fn round_times_written(&mut self) -> Result<()> {
        for entry in &mut self.stores {
            let times = (0..).zip(&entry.mapper.table().columns);
            let times = times.filter_map(|(at, column)| has_times(&column.ty).then_some(at));
            let times: Vec<usize> = times.collect();
            if times.is_empty() {
                continue;
            }
            for slot in entry.store.touched().to_vec() {
                for &column in &times {
                    entry.store.round_time(slot, column)?;
                }
            }
        }
        Ok(())
    }

    /// Refuses values of some rows that fail validation, or that do not fit their columns.
    pub(in crate::session) fn check_fit(
        &self,
        store: u16,
        columns: &[usize],
        slots: &[u32],
    ) -> Result<()> {
        let entry = self.entry(store);
        let capabilities = self.engine.capabilities();
        let dialect = self.engine.dialect().name();
        for &column in columns {
            if entry.mapper.needs_validation(column) {
                for &slot in slots {
                    let validated = entry.store.validate(slot, column);
                    validated.map_err(|error| with_key(error, &*entry.store, slot))?;
                }
            }
            let ty = &entry.mapper.table().columns[column].ty;
            if !can_misfit(ty, capabilities) {
                continue;
            }
            for &slot in slots {
                let param = entry.store.value(slot, column);
                if let Some(reason) = param
                    .value()
                    .and_then(|value| misfit(value, ty, capabilities, dialect))
                {
                    return Err(refused(&*entry.store, slot, column, reason));
                }
            }
        }
        Ok(())
    }
}

/// Names the column of a parameter that a backend refused. `columns` are those of the parameters, repeated for each row.
pub(in crate::session) fn trace(error: Error, mapper: &Mapper, columns: &[usize]) -> Error {
    let column = error.parameter_position().and_then(|position| {
        let at = position.checked_sub(1)? % columns.len().max(1);
        mapper.table().columns.get(*columns.get(at)?)
    });
    match column {
        Some(column) => error.column(&column.name),
        None => error,
    }
}

fn has_times(ty: &ColumnType) -> bool {
    use ValueType::{Time, Timestamp, TimestampTz};
    match ty {
        ColumnType::Array(element) => has_times(element),
        _ => matches!(ty.value_type(), Time | Timestamp | TimestampTz),
    }
}

fn can_misfit(ty: &ColumnType, capabilities: &Capabilities) -> bool {
    match ty {
        ColumnType::Text { length } => length.is_some() || !capabilities.nul_in_text,
        ColumnType::Decimal { precision } => precision.is_some(),
        ColumnType::F32 | ColumnType::F64 => true,
        ColumnType::Json => !capabilities.nul_in_text,
        _ => false,
    }
}

fn misfit(
    value: ValueRef<'_>,
    ty: &ColumnType,
    capabilities: &Capabilities,
    dialect: &str,
) -> Option<String> {
    match (value, ty) {
        (ValueRef::Text(text), ColumnType::Text { length }) => {
            let most = length
                .and_then(|length| usize::try_from(length).ok())
                .unwrap_or(usize::MAX);
            // The number of bytes is an upper bound for characters, so most texts need no counting.
            if text.len() > most && text.chars().count() > most {
                return Some(format!(
                    "the text has {} characters, but the column allows {most}",
                    text.chars().count()
                ));
            }
            let has_nul = !capabilities.nul_in_text && text.as_bytes().contains(&0);
            has_nul.then(|| format!("{dialect} does not store the NUL character in text"))
        }
        (
            ValueRef::Decimal(decimal),
            ColumnType::Decimal {
                precision: Some((precision, scale)),
            },
        ) => decimal.misfit(*precision, *scale),
        (ValueRef::F32(float), _) => float_misfit(f64::from(float), capabilities, dialect),
        (ValueRef::F64(float), _) => float_misfit(float, capabilities, dialect),
        _ => None,
    }
}

fn float_misfit(float: f64, capabilities: &Capabilities, dialect: &str) -> Option<String> {
    let what = if float.is_nan() && !capabilities.nan {
        "NaN"
    } else if float.is_infinite() && !capabilities.infinities {
        "an infinity"
    } else {
        return None;
    };
    Some(format!("{dialect} does not store {what}"))
}

fn refused(store: &dyn AnyStore, slot: u32, column: usize, reason: String) -> Error {
    let mapper = store.mapper();
    let definition = &mapper.table().columns[column];
    let error = Error::new(ErrorKind::OutOfRange, reason)
        .entity(mapper.name())
        .column(&definition.name);
    with_key(error, store, slot)
}

/// Adds the row's key, if it has one.
fn with_key(error: Error, store: &dyn AnyStore, slot: u32) -> Error {
    let known = store
        .mapper()
        .table()
        .primary_key
        .iter()
        .all(|&key| !store.is_unset(slot, key));
    if known {
        error.key(store.key_text(slot))
    } else {
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_fits_up_to_the_length_of_its_column() {
        let all = Capabilities::none().with_nul_in_text(true);
        let short = ColumnType::Text { length: Some(3) };
        let says = |text, capabilities: &Capabilities| {
            misfit(ValueRef::Text(text), &short, capabilities, "it").is_some()
        };
        assert!(!says("äbc", &all) && !says("a\0c", &all));
        assert!(says("abcd", &all) && says("a\0c", &Capabilities::none()));
    }

    #[test]
    fn floats_fit_where_the_database_has_them() {
        let none = Capabilities::none;
        let says = |value, ty, capabilities: &Capabilities| {
            misfit(value, &ty, capabilities, "it").unwrap_or_default()
        };
        let single =
            |value, capabilities| says(ValueRef::F32(value), ColumnType::F32, capabilities);
        let double =
            |value, capabilities| says(ValueRef::F64(value), ColumnType::F64, capabilities);
        for capabilities in [
            &none(),
            &none().with_nan(true),
            &none().with_infinities(true),
        ] {
            assert_eq!(single(f32::MAX, capabilities), "");
            assert_eq!(double(f64::MIN, capabilities), "");
            let nan = if capabilities.nan {
                ""
            } else {
                "it does not store NaN"
            };
            assert_eq!(single(f32::NAN, capabilities), nan);
            assert_eq!(double(f64::NAN, capabilities), nan);
            let infinity = match capabilities.infinities {
                true => "",
                false => "it does not store an infinity",
            };
            assert_eq!(single(f32::INFINITY, capabilities), infinity);
            assert_eq!(double(f64::NEG_INFINITY, capabilities), infinity);
        }
    }

    #[test]
    fn a_refused_parameter_is_traced_to_its_column() {
        use crate::schema::{Column, Table};
        let column = |name: &str| Column::new(name, ColumnType::I64);
        let mapper = Mapper::new(
            "Point",
            Table::build("points")
                .column(column("id"))
                .column(column("x"))
                .column(column("y")),
        );
        let at = |position| {
            trace(
                Error::new(ErrorKind::OutOfRange, "no").parameter(position),
                &mapper,
                &[2, 1],
            )
        };
        assert_eq!(at(1).column_name(), Some("y"));
        assert_eq!(at(4).column_name(), Some("x"));
        assert_eq!(at(5).column_name(), Some("y"));
        assert_eq!(
            trace(Error::new(ErrorKind::Database, "no"), &mapper, &[2, 1]).column_name(),
            None
        );
    }
}
