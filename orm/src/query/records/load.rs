//! Loading options for relations of records, by name.

use super::RecordQuery;
use crate::entity::{Fetch, Mapper, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::query::{Loading, Part};
use crate::record::{self, Record};
use crate::sql::{Condition, OrderBy};

/// A loading option for a relation of a query's records. A plain `&str` means [`selectin`](Self::selectin).
///
/// Relations are given by paths: `"album.track"` is the relation `track` of the target of the relation `album`.
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
    /// The members that are loaded into a view; `None` loads the relation itself.
    part: Option<Part>,
    nested: Vec<RecordLoad>,
}

impl RecordLoad {
    /// Loads the relation with one more statement for all records of the query (or one per batch, see [`Batch`](crate::dialect::Batch)).
    pub fn selectin(path: impl Into<String>) -> Self {
        Self::new(path.into(), Fetch::Selectin)
    }

    /// Loads the relation in the query's own statement, by an outer join. LIMIT counts the query's records, not joined rows; a query with
    /// its own joins, or with a limit and a key of several columns, loads it as by [`selectin`](Self::selectin).
    pub fn joined(path: impl Into<String>) -> Self {
        Self::new(path.into(), Fetch::Joined)
    }

    /// Leaves the relation to lazy loading, even if its mapping loads it eagerly.
    pub fn lazy(path: impl Into<String>) -> Self {
        Self::new(path.into(), Fetch::Lazy)
    }

    /// Forbids lazy loading of the relation, as [`Relation::raise`](crate::entity::Relation::raise).
    pub fn raise(path: impl Into<String>) -> Self {
        Self::new(path.into(), Fetch::Raise)
    }

    /// Loads the members of a collection for which a condition is true into a separate view, with one more statement for all records of the
    /// query; [`Session::filtered`](crate::session::Session::filtered) returns it. The collection itself is not affected. Use
    /// `filtered("album", true)` to order or limit all members.
    ///
    /// ```
    /// # use selfsame::prelude::*;
    /// # use selfsame::query::RecordLoad;
    /// # use selfsame::record::Record;
    /// # fn read(shop: &Metadata, session: &mut Session) -> selfsame::Result<Vec<Handle<Record>>> {
    /// let (artists, albums) = (shop.records("artist")?, shop.records("album")?);
    /// let title = || albums.column::<String>("title");
    /// let load = RecordLoad::filtered("album", title()?.starts_with("L"));
    /// artists.query().with(load.order_by(title()?.asc()).limit(3)).all(session)
    /// # }
    /// ```
    pub fn filtered(path: impl Into<String>, condition: impl Condition<Record>) -> Self {
        let part = Part {
            filter: Some(condition.into_condition()),
            ..Part::default()
        };
        Self {
            part: Some(part),
            ..Self::selectin(path)
        }
    }

    /// Sorts the members of each owner that are loaded [`filtered`](Self::filtered); each call adds a lower-priority key. For a relation
    /// that is not filtered, this is an [`ErrorKind::Mapping`].
    #[must_use]
    pub fn order_by(mut self, order: impl Into<OrderBy<Record>>) -> Self {
        let part = self.part.get_or_insert_default();
        part.order.push(order.into().into_order());
        self
    }

    /// Limits the number of members per owner that are loaded [`filtered`](Self::filtered), keeping the first in order.
    #[must_use]
    pub fn limit(mut self, limit: u64) -> Self {
        self.part.get_or_insert_default().limit = Some(limit);
        self
    }

    /// Also loads a relation of this relation's target.
    #[must_use]
    pub fn then(mut self, next: impl Into<Self>) -> Self {
        self.nested.push(next.into());
        self
    }

    fn new(path: String, fetch: Fetch) -> Self {
        Self {
            path,
            fetch,
            part: None,
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
    /// Loads a relation eagerly; this overrides its mapping: `.with("album.track")`. The relations along a path are loaded too; an earlier
    /// option for one of them is kept.
    pub fn with(mut self, load: impl Into<RecordLoad>) -> Self {
        let load = load.into();
        let mapper = self.records.mapper();
        if let Err(error) = add(&mut self.loadings, mapper, &load.path, &load) {
            self.refuse(&error);
        }
        self
    }

    /// Makes every relation raise that neither [`with`](Self::with) nor the mapping loads eagerly: see [`RecordLoad::raise`].
    pub fn raise_all(mut self) -> Self {
        self.raises = true;
        self
    }
}

/// Adds the options for a path, with its nested ones.
fn add(loadings: &mut Vec<Loading>, mapper: &Mapper, path: &str, load: &RecordLoad) -> Result<()> {
    let (relation, behind) = record::step(mapper, path)?;
    let part = load.part.as_ref().filter(|_| behind.is_none());
    check_part(mapper, relation, part)?;
    let known = loadings
        .iter()
        .position(|loading| loading.relation == relation && loading.is_whole() == part.is_none());
    let at = known.unwrap_or_else(|| {
        let fetch = match load.fetch {
            Fetch::Lazy | Fetch::Raise => Fetch::Selectin,
            fetch => fetch,
        };
        loadings.push(Loading {
            part: part.cloned(),
            ..Loading::new(relation, fetch)
        });
        loadings.len() - 1
    });
    let loading = &mut loadings[at];
    let target = mapper.relations()[usize::from(relation)].target();
    if let Some(behind) = behind {
        return add(&mut loading.nested, &target, behind, load);
    }
    loading.fetch = load.fetch;
    loading.part = load.part.clone();
    for next in &load.nested {
        add(&mut loading.nested, &target, &next.path, next)?;
    }
    Ok(())
}

/// Refuses options for parts of collections on to-one relations, and order or limit without a filter.
fn check_part(mapper: &Mapper, relation: u16, part: Option<&Part>) -> Result<()> {
    let Some(part) = part else {
        return Ok(());
    };
    let relation = &mapper.relations()[usize::from(relation)];
    let is_collection = matches!(
        relation.kind(),
        RelationKind::HasMany | RelationKind::ManyToMany
    );
    let name = relation.name();
    let message = match (is_collection, &part.filter) {
        (true, Some(_)) => return Ok(()),
        (true, None) => {
            format!("the relation {name} has an order or limit but no filter: load it filtered")
        }
        (false, _) => {
            format!("the relation {name} refers to at most one record, so it cannot be loaded in part")
        }
    };
    Err(Error::new(ErrorKind::Mapping, message).entity(mapper.name()))
}
