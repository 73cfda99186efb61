//! Indexes of a table's foreign keys: which rows in memory may reference a key.
//!
//! The first search visits every row; the second builds an index, which later ones bring up to date with the rows that changed in between.
//! So a session that changes many keys, with a flush after each, does not visit all rows every time.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::record::hash_value;
use crate::session::State;
use crate::session::memory::any_store::AnyStore;
use crate::value::{Param, Value, ValueRef};

/// The indexes of one table's foreign keys.
#[derive(Debug, Default)]
pub(in crate::session) struct ReferringRows {
    by_columns: BTreeMap<Box<[usize]>, Option<Index>>,
}

/// The way in which a search compares texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Texts {
    /// Only equal texts.
    Equal,
    /// Also texts that a collation may equate.
    Resembling,
}

/// The rows with a foreign key that is not NULL. Its number stands for the values; unequal values may have one number.
#[derive(Debug, Default)]
struct Index {
    by_number: BTreeSet<(u64, u32)>,
    numbers: BTreeMap<u32, u64>,
    /// Rows with a text that is not ASCII, which a collation may compare in any way.
    foreign: BTreeSet<u32>,
}

/// A number that stands for the values of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number {
    number: u64,
    is_ascii: bool,
}

impl ReferringRows {
    /// The rows, in ascending order, among which are all that reference one of some keys by these columns.
    pub(in crate::session) fn candidates(
        &mut self,
        store: &mut dyn AnyStore,
        columns: &[usize],
        keys: &[Value],
        texts: Texts,
    ) -> Vec<u32> {
        let all = 0..store.len();
        let wanted: Vec<Number> = keys
            .chunks(columns.len().max(1))
            .filter_map(of_values)
            .collect();
        let is_any = texts == Texts::Resembling && wanted.iter().any(|wanted| !wanted.is_ascii);
        // In these cases visiting all rows costs no more.
        if is_any || wanted.len() > store.len() as usize / 4 {
            return all.collect();
        }
        self.bring_up_to_date(store);
        let Some(index) = self.by_columns.get_mut(columns) else {
            self.by_columns.insert(columns.into(), None);
            return all.collect();
        };
        let index = index.get_or_insert_with(|| {
            store.states_mut().note_changed_rows();
            let mut index = Index::default();
            all.for_each(|slot| index.put(store, columns, slot));
            index
        });
        let mut found = BTreeSet::new();
        for Number { number, .. } in wanted {
            let rows = index.by_number.range((number, 0)..=(number, u32::MAX));
            found.extend(rows.map(|row| row.1));
        }
        if texts == Texts::Resembling {
            found.extend(&index.foreign);
        }
        found.into_iter().collect()
    }

    fn bring_up_to_date(&mut self, store: &mut dyn AnyStore) {
        let changed = store.states_mut().take_changed_rows();
        for (columns, built) in &mut self.by_columns {
            match &changed {
                Some(changed) => {
                    if let Some(index) = built {
                        changed
                            .iter()
                            .for_each(|&slot| index.put(store, columns, slot));
                    }
                }
                None => *built = None,
            }
        }
    }
}

impl Index {
    /// Moves a row to the number of its current key.
    fn put(&mut self, store: &dyn AnyStore, columns: &[usize], slot: u32) {
        if let Some(number) = self.numbers.remove(&slot) {
            self.by_number.remove(&(number, slot));
            self.foreign.remove(&slot);
        }
        if store.state(slot) != State::Persistent {
            return;
        }
        let mut row = Vec::with_capacity(columns.len());
        store.row_values(slot, columns, &mut row);
        if let Some(Number { number, is_ascii }) = of_row(&row) {
            self.numbers.insert(slot, number);
            self.by_number.insert((number, slot));
            if !is_ascii {
                self.foreign.insert(slot);
            }
        }
    }
}

fn of_values(values: &[Value]) -> Option<Number> {
    number(values.iter().map(|value| Some(value.as_ref())))
}

fn of_row(row: &[Param<'_>]) -> Option<Number> {
    number(row.iter().map(Param::value))
}

/// The number of a key; `None` if a part is NULL or not loaded. Texts that differ only in case, spaces or punctuation have one number, if
/// they are ASCII.
fn number<'v>(values: impl Iterator<Item = Option<ValueRef<'v>>>) -> Option<Number> {
    let mut hasher = FxHasher::default();
    let mut is_ascii = true;
    for value in values {
        match value? {
            ValueRef::Null => return None,
            ValueRef::Text(text) | ValueRef::Json(text) if text.is_ascii() => {
                for letter in text.bytes().filter(u8::is_ascii_alphanumeric) {
                    hasher.write_u8(letter.to_ascii_lowercase());
                }
                hasher.write_u8(u8::MAX);
            }
            value => {
                is_ascii &= !matches!(value, ValueRef::Text(_) | ValueRef::Json(_));
                hash_value(value, &mut hasher);
            }
        }
    }
    Some(Number {
        number: hasher.finish(),
        is_ascii,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Option<Number> {
        of_values(&[Value::Text(text.to_owned())])
    }

    #[test]
    fn keys_that_are_equal_or_resemble_each_other_have_one_number() {
        assert_eq!(key("Ann "), key("a-nn"));
        assert_ne!(key("ann"), key("bob"));
        assert_eq!(of_values(&[Value::I32(7)]), of_values(&[Value::I64(7)]));
        assert_eq!(of_values(&[Value::I64(7), Value::Null]), None);
        let parts = |a: &str, b: &str| of_values(&[a, b].map(|it| Value::Text(it.to_owned())));
        assert_ne!(parts("ab", "c"), parts("a", "bc"));
        // A collation may compare other letters in any way.
        assert!(key("änn").is_some_and(|key| !key.is_ascii));
        assert_eq!(key("änn"), key("änn"));
    }
}
