//! Values that the database rewrites: the text of intervals and ranges, times that a column rounds, bytes that it pads, numbers in documents,
//! empty arrays in arrays, negative zeros.
//!
//! Values of database-specific types are exchanged as text, and equal values can have different texts. Written values are reread in the same
//! flush, so that memory holds what the database stored; otherwise the next flush would mistake the difference for a concurrent change.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dialect::Dialect;
use crate::entity::Mapper;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::ColumnType;
use crate::session::memory::undo_log::Done;
use crate::session::read::lookup::Lookup;
use crate::session::write::expression::Computations;
use crate::session::write::plan::Step;
use crate::session::{Fill, Session, State};
use crate::value::ValueRef;

/// Whether the database may store other values in a column than it is given, for any value or for some.
pub(in crate::session) fn may_rewrite(dialect: &dyn Dialect, ty: &ColumnType) -> bool {
    match ty {
        ColumnType::Other { .. } | ColumnType::Array(_) => dialect.text_form(ty).is_some(),
        ColumnType::Declared { .. } => true,
        ColumnType::Json => !dialect.capabilities().json_text_kept,
        _ => false,
    }
}

/// Whether a column of such a type certainly stores a value unchanged.
fn is_kept(ty: &ColumnType, value: ValueRef<'_>) -> bool {
    const DIGITS: u32 = 6;
    match (ty, value) {
        (_, ValueRef::Null) => return true,
        (ColumnType::Json, ValueRef::Json(document)) => return !has_rewritten_number(document),
        // An array that holds only empty arrays is stored as an empty array.
        (ColumnType::Array(element), ValueRef::Text(array)) => {
            let is_empty =
                array.starts_with("{{") && array.trim_start_matches('{').starts_with('}');
            return !is_empty
                && match leaf_of(element) {
                    ColumnType::Json => !has_rewritten_number_within(array),
                    ColumnType::Other { .. } | ColumnType::Declared { .. } => false,
                    _ => true,
                };
        }
        (_, ValueRef::F32(value)) => return value != 0.0 || value.is_sign_positive(),
        (_, ValueRef::F64(value)) => return value != 0.0 || value.is_sign_positive(),
        _ => {}
    }
    let ColumnType::Declared { name, .. } = ty else {
        return false;
    };
    let modifier = || {
        let (_, rest) = name.split_once('(')?;
        rest.split_once(')')?.0.trim().parse::<u32>().ok()
    };
    let micros = match value {
        ValueRef::Bytes(bytes) => {
            let length = modifier().and_then(|length| usize::try_from(length).ok());
            return length == Some(bytes.len());
        }
        ValueRef::Time(time) => time.0,
        ValueRef::Timestamp(stamp) => stamp.0,
        ValueRef::TimestampTz(instant) => instant.0,
        _ => return false,
    };
    // Without a precision, some databases store six digits and others none.
    let digits = modifier().unwrap_or(0).min(DIGITS);
    micros % 10_i64.pow(DIGITS - digits) == 0
}

/// The type of the elements of an array, or of arrays in it.
fn leaf_of(mut ty: &ColumnType) -> &ColumnType {
    while let ColumnType::Array(element) = ty {
        ty = element;
    }
    ty
}

/// Whether a document in an array, where its text may be quoted, contains such a number.
fn has_rewritten_number_within(array: &str) -> bool {
    let (mut document, mut chars) = (String::new(), array.chars());
    while let Some(next) = chars.next() {
        match next {
            '\\' => document.extend(chars.next()),
            '"' => document.push(' '),
            next => document.push(next),
        }
    }
    has_rewritten_number(&document)
}

/// Whether a document contains a number that a database may rewrite so that it is read as another one: `1e16`, `-0.0`.
fn has_rewritten_number(document: &str) -> bool {
    let is_of_number = |byte: u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    let (mut bytes, mut is_in_text) = (document.as_bytes(), false);
    while let [first, rest @ ..] = bytes {
        bytes = rest;
        match first {
            b'"' => is_in_text = !is_in_text,
            b'\\' if is_in_text => bytes = rest.get(1..).unwrap_or_default(),
            b'-' | b'0'..=b'9' if !is_in_text => {
                let end = rest.iter().position(|byte| !is_of_number(*byte));
                let (digits, after) = rest.split_at(end.unwrap_or(rest.len()));
                let is_zero = || digits.iter().all(|byte| matches!(byte, b'0' | b'.'));
                if digits.iter().any(|byte| matches!(byte, b'e' | b'E'))
                    || *first == b'-' && is_zero()
                {
                    return true;
                }
                bytes = after;
            }
            _ => {}
        }
    }
    false
}

impl Session {
    /// Returns the rows for which the database may store other values of these columns than memory holds.
    pub(in crate::session) fn rewritten(
        &self,
        store: u16,
        columns: &[usize],
        slots: &[u32],
    ) -> Vec<u32> {
        let entry = self.entry(store);
        let dialect = self.engine.dialect();
        let ty = |column: usize| &entry.mapper.table().columns[column].ty;
        // Some databases have no negative zero.
        let is_float = |ty: &ColumnType| matches!(ty, ColumnType::F32 | ColumnType::F64);
        let may_rewrite = |ty: &ColumnType| is_float(ty) || may_rewrite(dialect, ty);
        let rewriting = || columns.iter().filter(|&&at| may_rewrite(ty(at)));
        if rewriting().next().is_none() {
            return Vec::new();
        }
        let is_rewritten = |slot: &&u32| {
            rewriting().any(|&column| {
                let param = entry.store.value(**slot, column);
                let value = param.value();
                !value.is_some_and(|value| is_kept(ty(column), value))
            })
        };
        slots.iter().filter(is_rewritten).copied().collect()
    }

    /// Rereads the rows in which these steps wrote values that the database may rewrite, or set part of an embedded value.
    pub(in crate::session) fn read_back(
        &mut self,
        steps: &[Step],
        computed: &Computations,
    ) -> Result<()> {
        let mut written: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
        let mut wholes: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
        for step in steps {
            if let Step::Insert {
                store,
                columns,
                slots,
            }
            | Step::Update {
                store,
                columns,
                slots,
            }
            | Step::Release {
                store,
                columns,
                slots,
            } = step
            {
                let rewritten = self.rewritten(*store, columns, slots);
                if !rewritten.is_empty() {
                    written.entry(*store).or_default().extend(rewritten);
                }
            }
            // An embedded value that can only be set as a whole may be invalid now: it is refused here instead of at its next read.
            if let Step::Compute {
                store, set, slots, ..
            } = step
                && computed.sets_part_of_whole(*set, &self.entry(*store).mapper)
            {
                wholes.entry(*store).or_default().extend(slots);
            }
        }
        for (store, mut slots) in written {
            slots.sort_unstable();
            slots.dedup();
            slots.retain(|&slot| self.any_store(store).state(slot) == State::Persistent);
            self.read_rows_back(store, &slots)?;
        }
        for (store, slots) in wholes {
            let read = self.read_rows_back(store, &slots);
            read.map_err(|error| match error.kind() {
                ErrorKind::Conversion => half(error),
                _ => error,
            })?;
        }
        Ok(())
    }

    /// Before a commit, reads the rows that expressions changed and nothing has read since: after it, a difference from memory would count
    /// as a change by another session.
    pub(in crate::session) fn read_unknown(&mut self) -> Result<()> {
        let mut written: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
        for entry in self.log.since(0) {
            let (store, slot) = entry.of;
            if entry.done == Done::Overwritten && self.any_store(store).states().is_unknown(slot) {
                written.entry(store).or_default().push(slot);
            }
        }
        written
            .into_iter()
            .try_for_each(|(store, slots)| self.read_expired(store, slots))
    }

    /// Reads the rows of expired objects, as far as they exist. Values that do not fit are left to the next read.
    pub(in crate::session) fn read_expired(
        &mut self,
        store: u16,
        mut slots: Vec<u32>,
    ) -> Result<()> {
        slots.sort_unstable();
        slots.dedup();
        let mapper = Arc::clone(&self.entry(store).mapper);
        let any = self.any_store(store);
        let mut deferred = mapper.deferred().to_vec();
        deferred.retain(|&column| {
            let mut values = slots.iter().map(|&slot| any.value(slot, column));
            values.any(|value| value.value().is_some())
        });
        let keys = self.key_values(store, &slots);
        let lookup = Lookup {
            undefer: &deferred,
            ..Lookup::new(store, &mapper.table().primary_key, &keys)
        };
        self.look_up_rows(&lookup, &mut |any, log, row| match any.take_row(
            row,
            0,
            &deferred,
            Fill::Expired,
            log,
        ) {
            Err(error) if error.kind() != ErrorKind::Conversion => Err(error),
            _ => Ok(()),
        })
    }

    fn read_rows_back(&mut self, store: u16, slots: &[u32]) -> Result<()> {
        if slots.is_empty() {
            return Ok(());
        }
        let mapper = Arc::clone(&self.entry(store).mapper);
        let keys = self.key_values(store, slots);
        for &slot in slots {
            self.any_store_mut(store).states_mut().set_epoch(slot, 0);
        }
        let lookup = Lookup::new(store, &mapper.table().primary_key, &keys);
        self.look_up_rows(&lookup, &mut |any, log, row| {
            let mut key = Vec::new();
            mapper.key_values(row, 0, &mut key)?;
            if any.find(&key)?.is_none() {
                return Err(rewritten_key(&mapper));
            }
            any.take_row(row, 0, &[], Fill::Expired, log).map(drop)
        })?;
        let key = &mapper.table().primary_key;
        let has_declared_key = key.iter().any(|&at| {
            let ty = &mapper.table().columns[at].ty;
            matches!(ty, ColumnType::Declared { .. })
        });
        // A key that the database rounded is not found by the value that was sent.
        let states = |session: &Self, slot| session.any_store(store).states().epoch(slot);
        if has_declared_key && slots.iter().any(|&slot| states(self, slot) == 0) {
            return Err(rewritten_key(&mapper));
        }
        Ok(())
    }
}

#[cold]
fn rewritten_key(mapper: &Mapper) -> Error {
    let message =
        "the database stores another key than this one: use the value that the database returns";
    Error::new(ErrorKind::Conversion, message).entity(mapper.name())
}

#[cold]
fn half(cause: Error) -> Error {
    let message = "an expression set a part of an embedded value, and the resulting value is incomplete or invalid";
    let mut error = Error::new(ErrorKind::Conversion, message);
    if let Some(entity) = cause.entity_name() {
        error = error.entity(entity);
    }
    if let Some(column) = cause.column_name() {
        error = error.column(column);
    }
    if let Some(key) = cause.key_text() {
        error = error.key(key);
    }
    error.with_source(cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Timestamp, ValueType};

    #[test]
    fn numbers_of_documents_that_are_written_in_another_way() {
        for document in [
            "1e16",
            "[1, -0.0]",
            "{\"a\":-0}",
            "{\"e\":[2E-9]}",
            "[\"\\\"\",1e1]",
        ] {
            assert!(has_rewritten_number(document), "{document}");
        }
        for document in [
            "-0.5",
            "[0,1.50,-10]",
            "{\"1e16\":\"-0\"}",
            "\"\\\\\"",
            "true",
            "",
        ] {
            assert!(!has_rewritten_number(document), "{document}");
        }
    }

    #[test]
    fn values_that_fit_the_declared_type_are_kept() {
        let kept = |name: &str, value: ValueRef<'_>| {
            let ty = ColumnType::Declared {
                name: name.to_owned(),
                of: ValueType::Timestamp,
            };
            is_kept(&ty, value)
        };
        let micros = |micros| ValueRef::Timestamp(Timestamp(micros));
        let fits = |name, all: [i64; 4]| all.map(|value| kept(name, micros(value)));
        let all = [1_000_000, 1_001_000, 1_000_010, 1_000_001];
        assert_eq!(fits("datetime", all), [true, false, false, false]);
        assert_eq!(fits("datetime(3)", all), [true, true, false, false]);
        assert_eq!(fits("datetime( 5 )", all), [true, true, true, false]);
        assert_eq!(fits("datetime(6)", all), [true; 4]);
        assert_eq!(fits("datetime(9)", all), [true; 4]);
        assert!(kept("datetime", ValueRef::Null));
        let bytes = |name, bytes: &[u8]| kept(name, ValueRef::Bytes(bytes));
        assert!(bytes("binary(2)", b"ab"));
        assert!(!bytes("binary(2)", b"a") && !bytes("binary", b"a"));
        assert!(!kept("numeric(3)", ValueRef::I64(1)));
        assert!(!is_kept(&ColumnType::Timestamp, micros(0)));
    }

    #[test]
    fn arrays_and_zeros_that_are_kept() {
        let array = |element, text: &str| {
            let ty = ColumnType::Array(Box::new(element));
            is_kept(&ty, ValueRef::Text(text))
        };
        let numbers = |text| array(ColumnType::Array(Box::new(ColumnType::I32)), text);
        for text in ["{}", "{{1},{2}}", "{NULL}"] {
            assert!(numbers(text), "{text}");
        }
        for text in ["{{}}", "{{},{}}", "{{{}}}"] {
            assert!(!numbers(text), "{text}");
        }
        assert!(array(ColumnType::Text { length: None }, "{\"{}\"}"));
        let nested = |element, text: &str| array(ColumnType::Array(Box::new(element)), text);
        for text in ["{1}", "{\"{\\\"a\\\":1.5}\",NULL}", "{\"\\\"1e16\\\"\"}"] {
            assert!(array(ColumnType::Json, text), "{text}");
            assert!(nested(ColumnType::Json, &format!("{{{text}}}")), "{text}");
        }
        for text in ["{1e16}", "{1,-0.0}", "{\"{\\\"a\\\":-0}\"}"] {
            assert!(!array(ColumnType::Json, text), "{text}");
            assert!(!nested(ColumnType::Json, &format!("{{{text}}}")), "{text}");
        }
        let other = || ColumnType::Other {
            name: "interval".to_owned(),
        };
        let declared = || ColumnType::Declared {
            name: "char(3)".to_owned(),
            of: ValueType::Text,
        };
        assert!(!array(other(), "{1}") && !nested(other(), "{{1}}"));
        assert!(!array(declared(), "{1}") && !nested(declared(), "{{1}}"));
        let float = |value| is_kept(&ColumnType::F64, ValueRef::F64(value));
        assert!(float(0.0) && float(-1.0) && float(f64::NAN) && !float(-0.0));
    }
}
