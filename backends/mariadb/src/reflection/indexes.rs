//! Indexes and the primary key, put together from the rows of their columns.

use selfsame::backend::Row;
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::schema::{Index, Table};

use super::get;
use crate::dialect::INDEX_OF_GENERATED_KEY;

/// An index as the server reports it, column by column.
pub(super) struct Reported {
    /// The local name of its table.
    pub(super) table: String,
    name: String,
    is_unique: bool,
    kind: String,
    parts: Vec<Part>,
}

/// A column of an index.
struct Part {
    /// Empty if it is an expression.
    column: String,
    /// The length of the indexed prefix, in characters or bytes, if it is not the whole column.
    length: Option<i64>,
    is_descending: bool,
}

impl Reported {
    /// Adds a row to the index that it belongs to, or to a new one. The rows of two tables may alternate, because the server sorts `Item` and
    /// `item` as equal.
    pub(super) fn read(row: &dyn Row, indexes: &mut Vec<Self>) -> Result<()> {
        let (table, name): (String, String) = (get(row, 0)?, get(row, 1)?);
        if get(row, 2)? {
            indexes.push(Self {
                table: table.clone(),
                name: name.clone(),
                is_unique: !get::<bool>(row, 3)?,
                kind: get(row, 6)?,
                parts: Vec::new(),
            });
        }
        let mut latest = indexes.iter_mut().rev();
        if let Some(index) = latest.find(|it| it.table == table && it.name == name) {
            index.parts.push(Part {
                column: get::<Option<String>>(row, 4)?.unwrap_or_default(),
                length: get(row, 5)?,
                is_descending: get(row, 7)?,
            });
        }
        Ok(())
    }

    /// Adds the index to its table. `hidden` are the columns that were left out of the table: the server adds one to each key of a versioned
    /// table.
    pub(super) fn add_to(mut self, table: &mut Table, hidden: &[String]) -> Result<()> {
        self.parts.retain(|part| !hidden.contains(&part.column));
        if self.parts.is_empty() {
            return Ok(());
        }
        if self.name == "PRIMARY" {
            for part in &self.parts {
                let position = table.position(&part.column).ok_or_else(|| {
                    let message = "the schema changed while it was read";
                    Error::new(ErrorKind::Serialization, message).entity(&table.name)
                })?;
                table.primary_key.push(position);
            }
            return Ok(());
        }
        if self.parts.iter().any(|part| part.column.is_empty()) {
            let remark = format!("Not here: the index {}, over an expression.", self.name);
            table.remarks.push(remark);
            return Ok(());
        }
        let is_usual = matches!(self.kind.as_str(), "BTREE" | "HASH")
            && self.parts.iter().all(|part| part.length.is_none());
        if !is_usual || self.parts.iter().any(|part| part.is_descending) {
            // If a prefix is unique, the whole column is unique, too.
            let here = match self.is_unique || is_usual {
                true => "Only partly here",
                false => "Not here",
            };
            let remark = format!("{here}: the index {}.", self.written());
            table.remarks.push(remark);
        }
        let indexes = match self.is_unique {
            true => &mut table.uniques,
            false if is_usual => &mut table.indexes,
            false => return Ok(()),
        };
        indexes.push(Index {
            name: Some(self.name),
            columns: self.parts.into_iter().map(|part| part.column).collect(),
            ..Index::default()
        });
        Ok(())
    }

    /// Returns the index as `name (a, b(10)), BTREE`.
    fn written(&self) -> String {
        // The server also reports a length for spatial indexes, which is meaningless.
        let is_spatial = self.kind == "SPATIAL";
        let parts = self.parts.iter().map(|part| {
            let length = part.length.filter(|_| !is_spatial);
            let length = length.map_or_else(String::new, |length| format!("({length})"));
            let order = if part.is_descending { " DESC" } else { "" };
            format!("{}{length}{order}", part.column)
        });
        let parts: Vec<String> = parts.collect();
        format!("{} ({}), {}", self.name, parts.join(", "), self.kind)
    }
}

/// Each foreign key has an index with its name, unless another index serves it. The index of an unnamed key is named like its first column.
/// The index that the dialect adds for an AUTO_INCREMENT column has a fixed name.
pub(super) fn leave_out_indexes_of_keys(table: &mut Table) {
    let keys = std::mem::take(&mut table.foreign_keys);
    let counted = format!("{}_ibfk_", table.name);
    table.indexes.retain(|index| {
        !keys.iter().any(|key| {
            let is_counted = (key.name.as_deref()).is_none_or(|name| name.starts_with(&counted));
            let is_its_own = key.name == index.name
                || is_counted && index.name.as_deref() == key.columns.first().map(|name| &**name);
            is_its_own && key.columns == index.columns
        })
    });
    table.foreign_keys = keys;
    let counted = table.columns.iter().find(|it| it.is_generated_key());
    if let Some(counted) = counted.map(|column| column.name.clone()) {
        table.indexes.retain(|index| {
            index.name.as_deref() != Some(INDEX_OF_GENERATED_KEY) || index.columns != [&*counted]
        });
    }
}
