//! Keys whose texts differ from those of their rows, but which the database considers equal: by a collation, or as texts of the same
//! value.

use rustc_hash::{FxHashMap, FxHashSet};

use super::load::{folded, has_other_texts};
use super::lookup::{has_text, key_filter, values};
use crate::entity::Mapper;
use crate::error::Result;
use crate::record::RecordKey;
use crate::render::render_compound;
use crate::session::Session;
use crate::session::memory::edges::ObjectId;
use crate::sql::{CompoundNode, Node, SelectNode, SetOperator, Source, column};
use crate::value::{Value, ValueRef, ValueType};

/// The maximum number of keys in one statement.
const MOST_KEYS: usize = 64;

/// The objects that the database finds by keys in other texts, by the stores of the objects.
#[derive(Default)]
pub(in crate::session) struct EqualTexts {
    found: FxHashMap<u16, FxHashMap<RecordKey, u32>>,
}

/// Keys that any collation is likely to equate with those of some objects.
pub(in crate::session) struct Resembling {
    /// Whether every key may resemble them, because only the database knows the texts of a value.
    is_any: bool,
    folded: FxHashSet<Option<String>>,
}

impl EqualTexts {
    /// The object that the database has found by a key.
    pub(in crate::session) fn get(&self, store: u16, key: Vec<Value>) -> Option<ObjectId> {
        let found = self.found.get(&store)?.get(&RecordKey::new(key))?;
        Some((store, *found))
    }
}

impl Resembling {
    /// The keys that resemble those of the rows of some objects; `None` if keys are compared in memory as in the database.
    pub(in crate::session) fn to(session: &Session, store: u16, slots: &[u32]) -> Option<Self> {
        let mapper = &session.entry(store).mapper;
        let key = &mapper.table().primary_key;
        if slots.is_empty() || !has_text(mapper, key) {
            return None;
        }
        let keys = session.key_values(store, slots);
        Some(Self {
            is_any: has_other_texts(mapper, key),
            folded: keys.chunks(key.len()).map(folded).collect(),
        })
    }

    /// Whether any key may resemble them.
    pub(in crate::session) fn is_any(&self) -> bool {
        self.is_any
    }

    pub(in crate::session) fn has(&self, key: &[Value]) -> bool {
        self.is_any || self.folded.contains(&None) || {
            let folded = folded(key);
            folded.is_none() || self.folded.contains(&folded)
        }
    }
}

impl Session {
    /// Queries the objects that the database finds by keys that no object in memory has, with as few statements as their length
    /// allows.
    pub(in crate::session) fn find_equal(
        &mut self,
        store: u16,
        keys: impl IntoIterator<Item = Vec<Value>>,
        texts: &mut EqualTexts,
    ) -> Result<()> {
        let known = texts.found.entry(store).or_default();
        let mut requested = FxHashSet::default();
        let keys = keys.into_iter().filter(|key| {
            let key = RecordKey::new(key.iter().cloned());
            !known.contains_key(&key) && requested.insert(key)
        });
        let keys: Vec<Vec<Value>> = keys.collect();
        for keys in keys.chunks(MOST_KEYS) {
            self.find_some_equal(store, keys, known)?;
        }
        Ok(())
    }

    fn find_some_equal(
        &mut self,
        store: u16,
        keys: &[Vec<Value>],
        found: &mut FxHashMap<RecordKey, u32>,
    ) -> Result<()> {
        let rendered = render_compound(
            self.engine.dialect(),
            &rows_of(&self.entry(store).mapper, keys),
        )?;
        let sql = self.engine.intern(&rendered.sql);
        let (any, _, connection) = self.reading_into(store)?;
        rendered.with_params(|params| {
            connection.query(&sql, params, &mut |row| {
                let position = row.value(0, ValueType::I32)?;
                let columns = (0..).zip(sql.columns()).skip(1);
                let key = columns.map(|(at, &ty)| Ok(row.value(at, ty)?.to_owned()));
                let key: Vec<Value> = key.collect::<Result<_>>()?;
                let requested = match position {
                    ValueRef::I32(at) => usize::try_from(at).ok().and_then(|at| keys.get(at)),
                    _ => None,
                };
                if let Some((requested, slot)) = requested.zip(any.find(&values(&key))?) {
                    found.insert(RecordKey::new(requested.iter().cloned()), slot);
                }
                Ok(())
            })
        })
    }
}

/// The query for the rows of some keys, each with the position of its key. Its length is a power of two, to limit the number of texts.
fn rows_of(mapper: &Mapper, keys: &[Vec<Value>]) -> CompoundNode {
    let table = mapper.table();
    let mut selects = (0..keys.len().next_power_of_two()).map(|at| {
        let at = at.min(keys.len() - 1);
        let key = table.primary_key.iter();
        let types = key.clone().map(|&at| mapper.types()[at]);
        let columns = key.map(|&at| column(table, at, None));
        SelectNode {
            columns: [Node::Raw(at.to_string().into())]
                .into_iter()
                .chain(columns)
                .collect(),
            types: [ValueType::I32].into_iter().chain(types).collect(),
            from: Some(Source::from(table)),
            filter: Some(key_filter(mapper, &keys[at])),
            ..SelectNode::default()
        }
    });
    CompoundNode {
        first: selects.next().unwrap_or_default(),
        others: selects
            .map(|select| (SetOperator::UnionAll, select))
            .collect(),
        order: Vec::new(),
        limit: None,
        offset: None,
    }
}
