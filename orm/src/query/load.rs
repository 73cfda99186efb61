//! What a query loads along with its objects: relations, whole or in part, or that they must not be loaded later.

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

/// How one relation of a query's objects is loaded along with them.
///
/// ```
/// # use selfsame::prelude::*;
/// # #[derive(Entity, Clone, Debug)]
/// # #[orm(table = "users")]
/// # struct User {
/// #     #[orm(primary_key)]
/// #     id: Auto<i64>,
/// #     name: String,
/// #     age: Option<i32>,
/// #     #[orm(back_populates = user)]
/// #     tasks: HasMany<Task>,
/// # }
/// # #[derive(Entity, Clone, Debug)]
/// # #[orm(table = "tasks")]
/// # struct Task {
/// #     #[orm(primary_key)]
/// #     id: Auto<i64>,
/// #     title: String,
/// #     #[orm(default = false)]
/// #     completed: bool,
/// #     #[orm(references = "users.id")]
/// #     user_id: Option<i64>,
/// #     #[orm(back_populates = tasks)]
/// #     user: BelongsTo<User>,
/// # }
/// let query = User::query().with(User::TASKS.selectin().then(Task::USER.selectin()));
/// ```
///
/// `P` is whether it fills the relation ([`Whole`]) or a view beside it ([`Filtered`]).
pub struct Load<E, To, P = Whole> {
    loading: Loading,
    marker: PhantomData<Ends<E, To, P>>,
}

/// From, to, and how much.
type Ends<E, To, P> = fn() -> (E, To, P);

/// All that a relation leads to.
#[derive(Clone, Copy, Debug)]
pub enum Whole {}

/// Some of the members of a collection.
#[derive(Clone, Copy, Debug)]
pub enum Filtered {}

/// What a query can load along with its objects: a [`Load`], or a path of relations of records.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how a relation of `{E}` is loaded",
    label = "loads no relation of `{E}`"
)]
pub trait LoadOf<E> {
    /// Adds it to what was said before.
    ///
    /// # Errors
    ///
    /// [`Mapping`](crate::ErrorKind::Mapping) if there is no such relation, or no part of it can be loaded.
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
        let (relation, behind) = record::step(mapper, self)?;
        let known = loadings
            .iter()
            .position(|loading| loading.relation == relation && loading.is_whole());
        let at = known.unwrap_or_else(|| {
            loadings.push(Loading::new(mapper.id(), relation, Fetch::Selectin));
            loadings.len() - 1
        });
        let Some(behind) = behind else {
            loadings[at].fetch = Fetch::Selectin;
            return Ok(());
        };
        let target = mapper.relations()[usize::from(relation)].target();
        behind.add_to(&mut loadings[at].nested, &target)
    }
}

impl<E: Mapped, To: Mapped, K, M: OwnerMapping<E>> Relation<E, To, K, M> {
    /// Loads the relation by one more statement for all objects of the query (or one a batch, see
    /// [`Batch`](crate::dialect::Batch)).
    pub fn selectin(self) -> Load<E, To> {
        Load::new(self.loading(Fetch::Selectin))
    }

    /// Loads the relation in the query's own statement, by an outer join. LIMIT counts the query's objects, not joined rows; where
    /// that takes a key of one column and the entity has more, it is loaded as by [`selectin`](Self::selectin).
    pub fn joined(self) -> Load<E, To> {
        Load::new(self.loading(Fetch::Joined))
    }

    /// Leaves the relation for later, although its mapping loads it along, or another query said that it [raises](Self::raise).
    pub fn lazy(self) -> Load<E, To> {
        Load::new(self.loading(Fetch::Lazy))
    }

    /// Loads nothing, and has [`Session::load`](crate::session::Session::load) refuse to send a statement for this relation of the
    /// query's objects: [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded). What is in memory is still given: a collection that was
    /// loaded, the target of a many-to-one relation if it is mapped.
    ///
    /// It holds for these objects until they are expired (by a commit, a rollback, `expire`, `refresh`, SQL that the session does not
    /// understand), until a transaction or a savepoint is rolled back, or until another query says otherwise of them, by
    /// [`selectin`](Self::selectin), [`joined`](Self::joined) or [`lazy`](Self::lazy). A flush reads what it needs all the same.
    ///
    /// ```
    /// # use selfsame::prelude::*;
    /// # #[derive(Entity, Clone, Debug)]
    /// # #[orm(table = "users")]
    /// # struct User {
    /// #     #[orm(primary_key)]
    /// #     id: Auto<i64>,
    /// #     name: String,
    /// #     age: Option<i32>,
    /// #     #[orm(back_populates = user)]
    /// #     tasks: HasMany<Task>,
    /// # }
    /// # #[derive(Entity, Clone, Debug)]
    /// # #[orm(table = "tasks")]
    /// # struct Task {
    /// #     #[orm(primary_key)]
    /// #     id: Auto<i64>,
    /// #     title: String,
    /// #     #[orm(default = false)]
    /// #     completed: bool,
    /// #     #[orm(references = "users.id")]
    /// #     user_id: Option<i64>,
    /// #     #[orm(back_populates = tasks)]
    /// #     user: BelongsTo<User>,
    /// # }
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
    /// Loads the members for which a condition is true, by one more statement for all objects of the query, into a view of its own
    /// that [`Session::filtered`](crate::session::Session::filtered) reads. `filter(true)` is for all of them, to be ordered or limited.
    ///
    /// The collection itself is left as it is: not loaded if it was not, so that neither `load` nor a flush takes the part for the
    /// whole.
    ///
    /// ```
    /// # use selfsame::prelude::*;
    /// # #[derive(Entity, Clone, Debug)]
    /// # #[orm(table = "users")]
    /// # struct User {
    /// #     #[orm(primary_key)]
    /// #     id: Auto<i64>,
    /// #     name: String,
    /// #     age: Option<i32>,
    /// #     #[orm(back_populates = user)]
    /// #     tasks: HasMany<Task>,
    /// # }
    /// # #[derive(Entity, Clone, Debug)]
    /// # #[orm(table = "tasks")]
    /// # struct Task {
    /// #     #[orm(primary_key)]
    /// #     id: Auto<i64>,
    /// #     title: String,
    /// #     #[orm(default = false)]
    /// #     completed: bool,
    /// #     #[orm(references = "users.id")]
    /// #     user_id: Option<i64>,
    /// #     #[orm(back_populates = tasks)]
    /// #     user: BelongsTo<User>,
    /// # }
    /// # fn run(session: &mut Session) -> selfsame::Result<()> {
    /// let users = User::query()
    ///     .with(User::TASKS.filter(Task::COMPLETED.eq(false)).order_by(Task::TITLE.asc()).limit(3))
    ///     .all(session)?;
    /// let open = session.filtered(users[0], User::TASKS)?; // Some(…), of the first user three at most
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
    /// Reads a deferred column along with what the relation leads to, in the same statement. What of it is in the session already, and not
    /// loaded, is read by one more.
    #[must_use]
    pub fn undefer<T>(mut self, column: Column<To, T>) -> Self {
        add(&mut self.loading.undefer, column.index());
        self
    }
}

impl<E, To> Load<E, To, Filtered> {
    /// Only members for which this condition is true, too.
    #[must_use]
    pub fn filter(self, condition: impl Condition<To>) -> Self {
        self.with_part(|part| also(&mut part.filter, condition.into_condition()))
    }

    /// Orders the members of each owner; each further call orders what the former left equal, and the relation's own order what is
    /// left then.
    #[must_use]
    pub fn order_by(self, order: impl Into<OrderBy<To>>) -> Self {
        self.with_part(|part| part.order.push(order.into().into_order()))
    }

    /// At most this many members of each owner, the first in order.
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
