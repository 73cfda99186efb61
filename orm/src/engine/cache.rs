//! Rendered statements, shared by all sessions of an engine.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustc_hash::FxHashMap;

use crate::backend::Sql;
use crate::render::Lock;

/// The maximum number of query texts. When it is reached, the map is cleared.
const MOST_TEXTS: usize = 1024;

/// The maximum number of statements of the unit of work. There is one for each set of changed columns, which can be very many for one
/// table. When it is reached, the map is cleared.
const MOST_SHAPES: usize = 4096;

/// The maximum number of statements with the same text. Beyond it the oldest is removed.
const MOST_OF_ONE_TEXT: usize = 8;

/// Longer texts are not cached: they hold a list that is unlikely to recur, and keeping them costs more than rendering them.
const LONGEST_TEXT: usize = 64 * 1024;

/// The operation of a unit of work's statement on a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Write(WriteOperation),
    Select(Lock),
    SelectArrays(Lock),
    LastKey,
    /// Reads the other side of association rows that have some keys on one side.
    SelectPaired,
    SelectPairedArrays,
    /// Reads the rows that reference some keys, together with the referenced rows' keys; holds the id of the referenced mapper.
    SelectOwned(u64),
    SelectOwnedArrays(u64),
}

/// A write operation of a unit of work's statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WriteOperation {
    Insert,
    InsertArrays,
    Update,
    UpdateArrays,
    Delete,
    DeleteArrays,
}

/// The shape of one of the unit of work's own statements: everything its text depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shape<'a> {
    /// The mapper's id.
    pub(crate) mapper: u64,
    pub(crate) operation: Operation,
    /// Columns written, or those that a SELECT filters by.
    pub(crate) columns: Cow<'a, [usize]>,
    /// Columns read back, or those that an UPDATE or DELETE finds its rows by.
    pub(crate) others: Cow<'a, [usize]>,
    /// The number of rows or keys, if the text depends on it.
    pub(crate) count: usize,
}

#[derive(Default)]
pub(super) struct Cache {
    shapes: RwLock<FxHashMap<Shape<'static>, Arc<Sql>>>,
    /// The statements of each text: one for each list of parameter and column types.
    texts: Mutex<FxHashMap<Box<str>, Vec<Arc<Sql>>>>,
}

/// Looks up a shape with borrowed columns; a function, so that the map's lifetime shortens to the shape's.
fn find<'m, 'a>(
    shapes: &'m FxHashMap<Shape<'a>, Arc<Sql>>,
    shape: &Shape<'a>,
) -> Option<&'m Arc<Sql>> {
    shapes.get(shape)
}

impl Cache {
    pub(super) fn shape(&self, shape: Shape<'_>, render: impl FnOnce() -> Sql) -> Arc<Sql> {
        if let Some(sql) = find(
            &self.shapes.read().unwrap_or_else(PoisonError::into_inner),
            &shape,
        ) {
            return Arc::clone(sql);
        }
        let shape = Shape {
            columns: Cow::Owned(shape.columns.into_owned()),
            others: Cow::Owned(shape.others.into_owned()),
            ..shape
        };
        let mut shapes = self.shapes.write().unwrap_or_else(PoisonError::into_inner);
        if shapes.len() >= MOST_SHAPES && !shapes.contains_key(&shape) {
            shapes.clear();
        }
        Arc::clone(shapes.entry(shape).or_insert_with(|| Arc::new(render())))
    }

    /// Returns the statement first rendered with this text and these types, so that its id stays the same and connections reuse their
    /// prepared statement.
    pub(super) fn intern(&self, sql: &Sql) -> Arc<Sql> {
        if sql.text().len() > LONGEST_TEXT {
            return Arc::new(sql.clone());
        }
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(all) = texts.get_mut(sql.text()) {
            let known = all.iter().find(|known| {
                known.params() == sql.params()
                    && known.columns() == sql.columns()
                    && known.kind() == sql.kind()
                    && known.target() == sql.target()
                    && known.compared_types() == sql.compared_types()
            });
            if let Some(known) = known {
                return Arc::clone(known);
            }
            if all.len() >= MOST_OF_ONE_TEXT {
                all.remove(0);
            }
            let sql = Arc::new(sql.clone());
            all.push(Arc::clone(&sql));
            return sql;
        }
        if texts.len() >= MOST_TEXTS {
            texts.clear();
        }
        let sql = Arc::new(sql.clone());
        texts.insert(sql.text().into(), vec![Arc::clone(&sql)]);
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
    fn a_text_keeps_an_id_for_each_of_its_types() {
        let cache = Cache::default();
        let id = |ty| cache.intern(&sql("SELECT ?", vec![ty])).id();
        let (first, second) = (id(ValueType::I32), id(ValueType::I64));
        assert_ne!(first, second);
        assert_eq!((id(ValueType::I32), id(ValueType::I64)), (first, second));
    }

    #[test]
    fn types_of_one_text_and_long_texts_are_bounded() {
        let cache = Cache::default();
        for n in 0..3 * MOST_OF_ONE_TEXT {
            cache.intern(&sql("SELECT ?", vec![ValueType::I64; n]));
        }
        cache.intern(&sql(&"x".repeat(LONGEST_TEXT + 1), vec![]));
        let texts = cache.texts.lock().unwrap();
        assert_eq!(texts.len(), 1);
        assert!(texts.values().all(|all| all.len() <= MOST_OF_ONE_TEXT));
    }

    #[test]
    fn shapes_are_bounded() {
        let cache = Cache::default();
        for columns in 0..3 * MOST_SHAPES {
            let shape = Shape {
                mapper: 1,
                operation: Operation::Write(WriteOperation::Update),
                columns: Cow::Owned(vec![columns]),
                others: Cow::Owned(vec![0]),
                count: 0,
            };
            let id = cache.shape(shape.clone(), || sql("UPDATE", vec![])).id();
            assert_eq!(cache.shape(shape, || sql("UPDATE", vec![])).id(), id);
        }
        assert!(cache.shapes.read().unwrap().len() <= MOST_SHAPES);
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
