//! Loading relations of records along with them, by their names.

use super::RecordQuery;
use crate::entity::{Fetch, Mapper};
use crate::error::Result;
use crate::query::Loading;
use crate::record;

/// How a relation of a query's records is loaded along with them. Text alone is [`selectin`](Self::selectin).
///
/// Relations are named by paths: `"album.track"` is the relation `track` of what the relation `album` leads to.
///
/// ```
/// # use selfsame::query::{RecordLoad, RecordQuery};
/// # fn shop(artists: RecordQuery) -> RecordQuery {
/// artists.with(RecordLoad::joined("album").then("track").then("label"))
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RecordLoad {
    path: String,
    fetch: Fetch,
    nested: Vec<RecordLoad>,
}

impl RecordLoad {
    /// By one more statement for all records of the query (or one a batch, see [`Batch`](crate::dialect::Batch)).
    pub fn selectin(path: impl Into<String>) -> Self {
        Self::new(path.into(), Fetch::Selectin)
    }

    /// In the query's own statement, by an outer join. LIMIT counts the query's records, not joined rows; a query that joins tables
    /// itself, or has a limit and a key of several columns, loads it as by [`selectin`](Self::selectin).
    pub fn joined(path: impl Into<String>) -> Self {
        Self::new(path.into(), Fetch::Joined)
    }

    /// Later, when it is asked for, although its mapping loads it along.
    pub fn lazy(path: impl Into<String>) -> Self {
        Self::new(path.into(), Fetch::Lazy)
    }

    /// Never: asking for it without having loaded it is an error, as with [`Relation::raise`](crate::entity::Relation::raise).
    pub fn raise(path: impl Into<String>) -> Self {
        Self::new(path.into(), Fetch::Raise)
    }

    /// Loads a relation of what this one leads to.
    #[must_use]
    pub fn then(mut self, next: impl Into<Self>) -> Self {
        self.nested.push(next.into());
        self
    }

    fn new(path: String, fetch: Fetch) -> Self {
        Self {
            path,
            fetch,
            nested: Vec::new(),
        }
    }
}

impl From<&str> for RecordLoad {
    fn from(path: &str) -> Self {
        Self::selectin(path)
    }
}

impl RecordQuery {
    /// Loads a relation along, as said here and not as its mapping says: `.with("album.track")`. What a path passes on its way is
    /// loaded too, and stays as it was said if it was.
    pub fn with(mut self, load: impl Into<RecordLoad>) -> Self {
        let load = load.into();
        let mapper = self.records.mapper();
        if let Err(error) = add(&mut self.loadings, mapper, &load.path, &load) {
            self.refuse(&error);
        }
        self
    }
}

/// Adds what a path leads to, and what is nested there.
fn add(loadings: &mut Vec<Loading>, mapper: &Mapper, path: &str, load: &RecordLoad) -> Result<()> {
    let (relation, behind) = record::step(mapper, path)?;
    let known = loadings
        .iter()
        .position(|loading| loading.relation == relation);
    let at = known.unwrap_or_else(|| {
        let fetch = match load.fetch {
            Fetch::Lazy | Fetch::Raise => Fetch::Selectin,
            fetch => fetch,
        };
        loadings.push(Loading::new(relation, fetch));
        loadings.len() - 1
    });
    let loading = &mut loadings[at];
    let target = mapper.relations()[usize::from(relation)].target();
    if let Some(behind) = behind {
        return add(&mut loading.nested, &target, behind, load);
    }
    loading.fetch = load.fetch;
    for next in &load.nested {
        add(&mut loading.nested, &target, &next.path, next)?;
    }
    Ok(())
}
