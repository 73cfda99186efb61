//! The values of UNIQUE constraints that rows of a flush free and take.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::error::Result;
use crate::record::RecordKey;
use crate::schema::Deferrable;
use crate::session::Session;
use crate::session::write::expression::Computations;
use crate::session::write::plan::{Changes, Columns, Numbered, Unique, passed_on};
use crate::value::{Param, Value, ValueRef};

impl Session {
    /// The UNIQUE constraints of a store's table, including the primary key, whose values rows free and take.
    pub(in crate::session) fn uniques(
        &self,
        store: u16,
        inserts: &[(u32, Columns)],
        updates: &[(u32, Columns)],
        deletes: &[u32],
        computed: &Computations,
    ) -> Vec<Unique> {
        let nothing_is_freed = deletes.is_empty() && updates.is_empty();
        let nothing_is_taken = inserts.is_empty() && updates.is_empty();
        if nothing_is_freed || nothing_is_taken {
            return Vec::new();
        }
        let table = self.entry(store).mapper.table();
        let key = (
            "the primary key".to_owned(),
            table.primary_key.clone(),
            Deferrable::No,
        );
        let constraints = table.uniques.iter().map(|unique| {
            let columns = unique
                .columns
                .iter()
                .filter_map(|name| table.position(name));
            let name = match &unique.name {
                Some(name) => format!("the constraint {name}"),
                None => format!("UNIQUE ({})", unique.columns.join(", ")),
            };
            (name, columns.collect::<Vec<_>>(), unique.deferrable)
        });
        let any = self.any_store(store);
        let mut found = Vec::new();
        for (name, columns, deferrable) in std::iter::once(key).chain(constraints) {
            let is_computed = |row: u32| {
                let mut computed = computed.columns((store, row));
                computed.any(|column| columns.contains(&column))
            };
            let changes = |row: &&(u32, Columns)| {
                row.1.iter().any(|c| columns.contains(c)) || is_computed(row.0)
            };
            let changed: Vec<u32> = updates.iter().filter(changes).map(|row| row.0).collect();
            let is_passed_on = !(changed.is_empty() && (deletes.is_empty() || inserts.is_empty()));
            if !is_passed_on {
                continue;
            }
            let mut values = Numbers::default();
            for &row in deletes.iter().chain(&changed) {
                let mut params = Vec::with_capacity(columns.len());
                any.row_values(row, &columns, &mut params);
                values.add(row, &params, Use::Frees);
            }
            for row in inserts.iter().map(|row| row.0).chain(changed) {
                let is_unknown = columns.iter().any(|&column| any.is_unset(row, column));
                if is_unknown || is_computed(row) {
                    continue;
                }
                let mut params = Vec::with_capacity(columns.len());
                any.values(row, &columns, &mut params);
                values.add(row, &params, Use::Takes);
            }
            // Rows that follow the value would follow it to NULL and stay NULL.
            let is_followed = |at: &usize| {
                let mut keys = self.foreign_keys_to(store).into_iter();
                keys.any(|key| key.cascades && key.referred.contains(at))
            };
            let is_free_to_vanish = |at: &usize| table.columns[*at].nullable && !is_followed(at);
            // A constraint that is checked at COMMIT needs no intermediate NULL.
            let mut nullable = columns.iter().copied();
            let nullable = match deferrable {
                Deferrable::InitiallyDeferred => None,
                Deferrable::No | Deferrable::InitiallyImmediate => nullable.find(is_free_to_vanish),
            };
            let unique = Unique {
                name,
                nullable,
                is_deferrable: deferrable != Deferrable::No,
                is_of_key: columns.iter().any(|at| table.primary_key.contains(at)),
                columns,
                ..values.into_unique()
            };
            found.extend((!unique.passed_on.is_empty()).then_some(unique));
        }
        found
    }

    /// Returns the same changes, except that values that no row follows may be NULL for a moment; `None` if there are no such
    /// values.
    pub(in crate::session) fn unfollowed(&mut self, changes: &Changes) -> Result<Option<Changes>> {
        let mut changes = changes.clone();
        let mut are_any = false;
        for table in &mut changes.tables {
            let mapper = Arc::clone(&self.entry(table.store).mapper);
            let is_nullable = |at: &usize| mapper.table().columns[*at].nullable;
            let updated: BTreeSet<u32> = table.updates.iter().map(|row| row.0).collect();
            for unique in table.uniques.iter_mut() {
                let column = unique.columns.iter().copied().find(is_nullable);
                let Some(column) = column.filter(|_| unique.nullable.is_none()) else {
                    continue;
                };
                let freers = unique.passed_on.iter().map(|pair| pair.1);
                let freers: BTreeSet<u32> = freers.filter(|row| updated.contains(row)).collect();
                let freers: Vec<u32> = freers.into_iter().collect();
                if !self.are_followed(table.store, &freers, column)? {
                    unique.nullable = Some(column);
                    are_any = true;
                }
            }
        }
        Ok(are_any.then_some(changes))
    }
}

/// Whether a row has a value until the flush, or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Frees,
    Takes,
}

/// The numbers of the values of rows.
#[derive(Default)]
struct Numbers {
    /// The number of each value.
    exact: FxHashMap<RecordKey, u32>,
    frees: Numbered,
    takes: Numbered,
    /// The folded forms that differ from their values, by number.
    folded: FxHashMap<u32, RecordKey>,
}

impl Numbers {
    fn add(&mut self, row: u32, params: &[Param<'_>], used: Use) {
        let values: Option<Vec<ValueRef<'_>>> = params.iter().map(Param::value).collect();
        // NULLs do not conflict.
        let Some(values) = values else {
            return;
        };
        let Some(key) = RecordKey::of(&values) else {
            return;
        };
        let Ok(next) = u32::try_from(self.exact.len()) else {
            return;
        };
        let number = *self.exact.entry(key).or_insert(next);
        if number == next
            && let Some(folded) = folded(&values)
        {
            self.folded.insert(number, folded);
        }
        match used {
            Use::Frees => self.frees.push((row, number)),
            Use::Takes => self.takes.push((row, number)),
        }
    }

    /// The rows that take values of others, by the folded values, and by the exact ones if they make a difference.
    fn into_unique(self) -> Unique {
        let Self {
            exact,
            frees,
            takes,
            folded,
        } = self;
        if folded.is_empty() {
            return Unique {
                passed_on: passed_on(&frees, &takes),
                ..Unique::default()
            };
        }
        let mut first = exact;
        // Values with one folded form get the number of the first of them.
        let mut in_order: Vec<(u32, RecordKey)> = folded.into_iter().collect();
        in_order.sort_unstable_by_key(|(number, _)| *number);
        let mut same: FxHashMap<u32, u32> = FxHashMap::default();
        for (number, folded) in in_order {
            same.insert(number, *first.entry(folded).or_insert(number));
        }
        let merged = |rows: &Numbered| -> Numbered {
            let number = |number: u32| same.get(&number).copied().unwrap_or(number);
            rows.iter().map(|&(row, of)| (row, number(of))).collect()
        };
        Unique {
            passed_on: passed_on(&merged(&frees), &merged(&takes)),
            exactly: Some(passed_on(&frees, &takes)),
            ..Unique::default()
        }
    }
}

/// The values with texts in lower case and without blanks at their ends, if that differs: many collations consider such texts equal.
fn folded(values: &[ValueRef<'_>]) -> Option<RecordKey> {
    let fold = |text: &str| text.trim_end_matches(' ').to_lowercase();
    let differs = |value: &ValueRef<'_>| match value {
        ValueRef::Text(text) => text.ends_with(' ') || text.chars().any(char::is_uppercase),
        _ => false,
    };
    if !values.iter().any(differs) {
        return None;
    }
    let values = values.iter().map(|&value| match value {
        ValueRef::Text(text) => Value::Text(fold(text)),
        other => other.to_owned(),
    });
    Some(RecordKey::new(values))
}
