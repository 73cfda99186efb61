//! Loading options: relations that a query loads, fully or in part, or whose lazy loading it forbids.

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use super::add;
use crate::entity::{
    Cardinality, Entity, Fetch, Loading, Mapped, Mapper, OwnerMapping, Part, Relation, ToMany,
};
use crate::error::Result;
use crate::record::{self, Record};
use crate::sql::{Column, Condition, OrderBy, also};

/// A loading option for a relation of a query's objects.
///
/// ```
#[doc = include_str!("../docs/models.txt")]
/// let query = User::query().with(User::TASKS.selectin().then(Task::USER.selectin()));
/// ```
///
/// `P` marks whether it loads the relation itself ([`Whole`]) or a separate view ([`Filtered`]).
pub struct Load<E, To, P = Whole> {
    loading: Loading,
    marker: PhantomData<Ends<E, To, P>>,
}

/// Owner, target, and whole or filtered.
type Ends<E, To, P> = fn() -> (E, To, P);

/// Marks an option that loads the relation itself.
#[derive(Clone, Copy, Debug)]
pub enum Whole {}

/// Marks an option that loads some members of a collection into a view.
#[derive(Clone, Copy, Debug)]
pub enum Filtered {}

/// A loading option for a query: a [`Load`], or a path of relations of records.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a loading option for a relation of `{E}`",
    label = "not a loading option for a relation of `{E}`",
    note = "choose how to load the relation: `.with(User::TASKS.selectin())`, `.joined()`, `.lazy()` or `.raise()`"
)]
pub trait LoadOf<E> {
    /// Adds it to the query's options.
    ///
    /// # Errors
    ///
    /// [`Mapping`](crate::ErrorKind::Mapping) if there is no such relation, or it cannot be loaded in part.
    #[doc(hidden)]
    fn add_to(self, loadings: &mut Vec<Loading>, mapper: &Arc<Mapper>) -> Result<()>;
}

impl<E: Mapped, To, P> LoadOf<E> for Load<E, To, P> {
    fn add_to(self, loadings: &mut Vec<Loading>, mapper: &Arc<Mapper>) -> Result<()> {
        let new = self.loading;
        new.check(mapper)?;
        loadings.retain(|loading| {
            loading.relation != new.relation || loading.is_whole() != new.is_whole()
        });
        loadings.push(new);
        Ok(())
    }
}

impl LoadOf<Record> for &str {
    fn add_to(self, loadings: &mut Vec<Loading>, mapper: &Arc<Mapper>) -> Result<()> {
        let (relation, remaining) = record::step(mapper, self)?;
        let known = loadings
            .iter()
            .position(|loading| loading.relation == relation && loading.is_whole());
        let at = known.unwrap_or_else(|| {
            loadings.push(Loading::new(mapper.id(), relation, Fetch::Selectin));
            loadings.len() - 1
        });
        let Some(remaining) = remaining else {
            loadings[at].fetch = Fetch::Selectin;
            return Ok(());
        };
        let target = mapper.relations()[usize::from(relation)].target();
        remaining.add_to(&mut loadings[at].nested, &target)
    }
}

impl<E: Mapped, To: Mapped, K, M: OwnerMapping<E>> Relation<E, To, K, M> {
    /// Loads the relation with one more statement for all objects of the query (or one per batch, see [`Batch`](crate::dialect::Batch)).
    pub fn selectin(self) -> Load<E, To> {
        Load::new(self.loading(Fetch::Selectin))
    }

    /// Loads the relation in the query's own statement, by an outer join. LIMIT counts the query's objects, not joined rows; if that is
    /// impossible because the primary key has several columns, the relation is loaded as by [`selectin`](Self::selectin). So is a relation below
    /// one that is loaded by `selectin`: `A.selectin().then(B.joined())` takes three statements.
    pub fn joined(self) -> Load<E, To> {
        Load::new(self.loading(Fetch::Joined))
    }

    /// Leaves the relation to lazy loading, even if its mapping loads it eagerly, or another query made it [raise](Self::raise).
    pub fn lazy(self) -> Load<E, To> {
        Load::new(self.loading(Fetch::Lazy))
    }

    /// Forbids lazy loading of this relation for the query's objects: [`Session::load`](crate::session::Session::load) fails with
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) instead of sending a statement. Objects in memory are still returned: a loaded
    /// collection, or the target of a many-to-one relation in the identity map.
    ///
    /// This holds until the objects are expired (by a commit, a rollback, `expire`, `refresh`, or raw SQL), until a savepoint is rolled
    /// back, or until another query uses [`selectin`](Self::selectin), [`joined`](Self::joined) or [`lazy`](Self::lazy) for them. A flush
    /// still loads what it needs.
    ///
    /// ```
    #[doc = include_str!("../docs/models.txt")]
    /// # fn run(session: &mut Session) -> selfsame::Result<()> {
    /// for user in User::query().with(User::TASKS.raise()).all(session)? {
    ///     session.load(user, User::TASKS)?; // an error: n users must not become n statements
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn raise(self) -> Load<E, To> {
        Load::new(self.loading(Fetch::Raise))
    }

    fn loading(&self, fetch: Fetch) -> Loading {
        Loading::new(self.mapper().id(), self.index(), fetch)
    }
}

impl<E: Mapped, To: Mapped, K: Cardinality, M: OwnerMapping<E>> Relation<E, To, K, M> {
    /// Loads the members for which a condition is true into a separate view, with one more statement for all objects of the query;
    /// [`Session::filtered`](crate::session::Session::filtered) returns it. Use `filter(true)` to order or limit all members.
    ///
    /// The collection itself is not affected, so that neither `load` nor a flush mistakes the part for the whole.
    ///
    /// ```
    #[doc = include_str!("../docs/models.txt")]
    /// # fn run(session: &mut Session) -> selfsame::Result<()> {
    /// let users = User::query()
    ///     .with(User::TASKS.filter(Task::COMPLETED.eq(false)).order_by(Task::TITLE.asc()).limit(3))
    ///     .all(session)?;
    /// let open = session.filtered(users[0], User::TASKS)?; // Some(…): at most three tasks of the first user
    /// # Ok(())
    /// # }
    /// ```
    pub fn filter(self, condition: impl Condition<To>) -> Load<E, To, Filtered>
    where
        K: ToMany,
    {
        let part = Part {
            filter: Some(condition.into_condition()),
            ..Part::default()
        };
        Load::new(Loading {
            part: Some(part),
            ..self.loading(Fetch::Selectin)
        })
    }
}

impl<E, To, P> Load<E, To, P> {
    fn new(loading: Loading) -> Self {
        Self {
            loading,
            marker: PhantomData,
        }
    }

    /// Also loads a relation of this relation's target.
    #[must_use]
    pub fn then<Next, Q>(mut self, next: Load<To, Next, Q>) -> Self {
        self.loading.nested.push(next.loading);
        self
    }
}

impl<E, To: Entity, P> Load<E, To, P> {
    /// Loads a deferred column of the relation's target in the same statement. Objects already in the session without it are read with one
    /// more.
    #[must_use]
    pub fn undefer<T>(mut self, column: Column<To, T>) -> Self {
        add(&mut self.loading.undefer, usize::from(column.index()));
        self
    }
}

impl<E, To> Load<E, To, Filtered> {
    /// Adds another condition for the members, combined by AND.
    #[must_use]
    pub fn filter(self, condition: impl Condition<To>) -> Self {
        self.with_part(|part| also(&mut part.filter, condition.into_condition()))
    }

    /// Sorts the members of each owner; each call adds a lower-priority key, and the relation's own order comes last.
    #[must_use]
    pub fn order_by(self, order: impl Into<OrderBy<To>>) -> Self {
        self.with_part(|part| part.order.push(order.into().into_order()))
    }

    /// Limits the number of members per owner, keeping the first in order.
    #[must_use]
    pub fn limit(self, limit: u64) -> Self {
        self.with_part(|part| part.limit = Some(limit))
    }

    fn with_part(mut self, change: impl FnOnce(&mut Part)) -> Self {
        change(self.loading.part.get_or_insert_default());
        self
    }
}

impl<E, To, P> Debug for Load<E, To, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.loading, f)
    }
}
