//! The values of UNIQUE constraints that rows of a flush free and take.

use rustc_hash::FxHashMap;

use crate::record::RecordKey;
use crate::session::Session;
use crate::session::write::expression::Computations;
use crate::session::write::plan::{Columns, Unique};
use crate::value::{Param, ValueRef};

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
        let key = ("the primary key".to_owned(), table.primary_key.clone());
        let constraints = table.uniques.iter().map(|unique| {
            let columns = unique
                .columns
                .iter()
                .filter_map(|name| table.position(name));
            let name = match &unique.name {
                Some(name) => format!("the constraint {name}"),
                None => format!("UNIQUE ({})", unique.columns.join(", ")),
            };
            (name, columns.collect::<Vec<_>>())
        });
        let any = self.any_store(store);
        let mut found = Vec::new();
        for (name, columns) in std::iter::once(key).chain(constraints) {
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
            let mut numbers: FxHashMap<RecordKey, u32> = FxHashMap::default();
            let mut number = |params: Vec<Param<'_>>| {
                let values: Option<Vec<ValueRef<'_>>> = params.iter().map(Param::value).collect();
                // NULLs do not conflict.
                let key = RecordKey::of(&values?)?;
                let next = u32::try_from(numbers.len()).ok()?;
                Some(*numbers.entry(key).or_insert(next))
            };
            let mut frees = Vec::new();
            for &row in deletes.iter().chain(&changed) {
                let mut params = Vec::with_capacity(columns.len());
                any.row_values(row, &columns, &mut params);
                frees.extend(number(params).map(|value| (row, value)));
            }
            let mut takes = Vec::new();
            for row in inserts.iter().map(|row| row.0).chain(changed) {
                let is_unknown = columns.iter().any(|&column| any.is_unset(row, column));
                if is_unknown || is_computed(row) {
                    continue;
                }
                let mut params = Vec::with_capacity(columns.len());
                any.values(row, &columns, &mut params);
                takes.extend(number(params).map(|value| (row, value)));
            }
            let mut nullable = columns.iter().filter(|&&at| table.columns[at].nullable);
            found.push(Unique {
                name,
                nullable: nullable.next().copied(),
                columns,
                frees,
                takes,
            });
        }
        found
    }
}
