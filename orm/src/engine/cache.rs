//! Rendered statements, shared by all sessions of an engine.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustc_hash::FxHashMap;

use crate::backend::Sql;
use crate::render::Lock;

/// How many statements are kept for texts that queries make up. Beyond it the map starts anew.
const MOST_TEXTS: usize = 1024;

/// What the unit of work asks of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Insert,
    InsertArrays,
    Update,
    UpdateArrays,
    Delete,
    DeleteArrays,
    Select(Lock),
    SelectArrays(Lock),
    LastKey,
    /// Of an association table: what its rows pair with some keys.
    SelectPaired,
    SelectPairedArrays,
    /// The rows that refer to some keys, with the keys of the rows that they refer to; of this mapper.
    SelectOwned(u64),
    SelectOwnedArrays(u64),
    /// Of an association table: its rows with some keys on one side.
    DeleteBy,
}

/// The shape of one of the unit of work's own statements: everything its text depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    /// The mapper's id.
    pub(crate) mapper: u64,
    pub(crate) operation: Operation,
    /// Columns written or searched by.
    pub(crate) columns: Vec<usize>,
    /// Columns read back, or the key of the rows.
    pub(crate) others: Vec<usize>,
    /// How many rows or keys, where the text depends on it.
    pub(crate) count: usize,
}

#[derive(Default)]
pub(super) struct Cache {
    shapes: RwLock<FxHashMap<Shape, Arc<Sql>>>,
    texts: Mutex<FxHashMap<Box<str>, Arc<Sql>>>,
}

impl Cache {
    pub(super) fn shape(&self, shape: Shape, render: impl FnOnce() -> Sql) -> Arc<Sql> {
        if let Some(sql) = self
            .shapes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&shape)
        {
            return Arc::clone(sql);
        }
        let mut shapes = self.shapes.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(shapes.entry(shape).or_insert_with(|| Arc::new(render())))
    }

    /// The statement that was first rendered with this text and these types, so that it keeps its id and the connections
    /// their prepared statements.
    pub(super) fn intern(&self, sql: &Sql) -> Arc<Sql> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = texts.get(sql.text()) {
            if known.params() == sql.params()
                && known.columns() == sql.columns()
                && known.kind() == sql.kind()
            {
                return Arc::clone(known);
            }
            return Arc::new(sql.clone());
        }
        if texts.len() >= MOST_TEXTS {
            texts.clear();
        }
        let sql = Arc::new(sql.clone());
        texts.insert(sql.text().into(), Arc::clone(&sql));
        sql
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::StatementKind;
    use crate::value::ValueType;

    fn sql(text: &str, params: Vec<ValueType>) -> Sql {
        Sql::new(StatementKind::Select, text, params, vec![])
    }

    #[test]
    fn one_text_keeps_its_id() {
        let cache = Cache::default();
        let first = cache.intern(&sql("SELECT ?", vec![ValueType::I64]));
        assert_eq!(
            cache.intern(&sql("SELECT ?", vec![ValueType::I64])).id(),
            first.id()
        );
        assert_ne!(
            cache.intern(&sql("SELECT ?", vec![ValueType::Text])).id(),
            first.id()
        );
    }

    #[test]
    fn texts_are_bounded() {
        let cache = Cache::default();
        for n in 0..3 * MOST_TEXTS {
            cache.intern(&sql(&format!("SELECT {n}"), vec![]));
        }
        assert!(cache.texts.lock().unwrap().len() <= MOST_TEXTS);
    }
}
