//! Relations: typed names for the user, descriptors for the session.

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use super::association::Secondary;
use super::{Entity, Mapper};
use crate::error::{Error, ErrorKind, Result};
use crate::record::Record;
use crate::session::{AnyStore, Handle, new_store};

/// A relation from `E` to `To`. That of an entity is a constant made by the derive, and `Copy`: `User::TASKS`. That of a record's
/// table is a value which knows its mapping `M`; [`Records::relation`](crate::record::Records::relation) gives it.
pub struct Relation<E, To, K, M = ()> {
    index: u16,
    mapping: M,
    marker: PhantomData<Ends<E, To, K>>,
}

/// From, to, and how many: names only, so that a relation is `Send` whatever it relates.
type Ends<E, To, K> = fn() -> (E, To, K);

impl<E, To, K> Relation<E, To, K> {
    /// Relation number `index` of the mapper.
    pub const fn new(index: u16) -> Self {
        Self {
            index,
            mapping: (),
            marker: PhantomData,
        }
    }
}

impl<E, To, K, M> Relation<E, To, K, M> {
    /// Its number in the mapper.
    pub const fn index(&self) -> u16 {
        self.index
    }
}

impl<K> Relation<Record, Record, K, Arc<Mapper>> {
    /// A relation of a mapping of records by its number.
    pub(crate) fn of_mapping(mapping: &Arc<Mapper>, index: u16) -> Self {
        Self {
            index,
            mapping: Arc::clone(mapping),
            marker: PhantomData,
        }
    }
}

impl<E, To, K, M: OwnerMapping<E>> Relation<E, To, K, M> {
    /// The mapping of what it leads from.
    pub fn mapper(&self) -> &Arc<Mapper> {
        self.mapping.mapper()
    }
}

/// What a relation holds to find the mapping of its owner `E`: nothing where the type tells it.
pub trait OwnerMapping<E> {
    /// That mapping.
    fn mapper(&self) -> &Arc<Mapper>;
}

impl<E: Entity> OwnerMapping<E> for () {
    fn mapper(&self) -> &Arc<Mapper> {
        E::mapper()
    }
}

impl OwnerMapping<Record> for Arc<Mapper> {
    fn mapper(&self) -> &Arc<Mapper> {
        self
    }
}

impl<E, To, K, M: Clone> Clone for Relation<E, To, K, M> {
    fn clone(&self) -> Self {
        Self {
            index: self.index,
            mapping: self.mapping.clone(),
            marker: PhantomData,
        }
    }
}

impl<E, To, K, M: Copy> Copy for Relation<E, To, K, M> {}

impl<E, To, K, M: OwnerMapping<E>> Debug for Relation<E, To, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mapper().relation_name(self.index))
    }
}

impl Mapper {
    /// A relation's name after that of its owner, for messages.
    pub(crate) fn relation_name(&self, index: u16) -> String {
        let relation = self.relations().get(usize::from(index));
        format!("{}.{}", self.name(), relation.map_or("?", |r| &r.name))
    }
}

/// How many objects a relation leads to, and so what loading it gives.
pub trait Cardinality: 'static {
    /// What `load` gives.
    type Loaded<To>;

    /// Turns the loaded handles into that; `None` if a required one is missing.
    fn loaded<To>(handles: Vec<Handle<To>>) -> Option<Self::Loaded<To>>;

    /// Whether a relation of this kind, whose foreign key must have a value or not, leads to so many.
    fn fits(kind: RelationKind, required: bool) -> bool;
}

/// A cardinality of at most one: what `set` takes.
#[diagnostic::on_unimplemented(
    message = "a relation to one object is needed here, and this one leads to many",
    label = "leads to many"
)]
pub trait ToOne: Cardinality {
    /// An `Option` of a handle, or a handle where the key is NOT NULL.
    type Target<To>: Into<Option<Handle<To>>>;
}

/// A cardinality of any number: what can be filtered.
#[diagnostic::on_unimplemented(
    message = "a relation to many objects is needed here, and this one leads to one",
    label = "leads to one"
)]
pub trait ToMany: Cardinality {}

/// At most one.
#[derive(Clone, Copy, Debug)]
pub enum One {}

/// Exactly one: the foreign key is NOT NULL.
#[derive(Clone, Copy, Debug)]
pub enum Required {}

/// Any number.
#[derive(Clone, Copy, Debug)]
pub enum Many {}

/// As many as the mapping says: how many a relation leads to that is known by its name only.
#[derive(Clone, Copy, Debug)]
pub enum Dynamic {}

impl Cardinality for One {
    type Loaded<To> = Option<Handle<To>>;

    fn loaded<To>(handles: Vec<Handle<To>>) -> Option<Self::Loaded<To>> {
        Some(handles.into_iter().next())
    }

    fn fits(kind: RelationKind, _: bool) -> bool {
        matches!(kind, RelationKind::BelongsTo | RelationKind::HasOne)
    }
}

impl ToOne for One {
    type Target<To> = Option<Handle<To>>;
}

impl Cardinality for Required {
    type Loaded<To> = Handle<To>;

    fn loaded<To>(handles: Vec<Handle<To>>) -> Option<Self::Loaded<To>> {
        handles.into_iter().next()
    }

    fn fits(kind: RelationKind, required: bool) -> bool {
        required && kind == RelationKind::BelongsTo
    }
}

impl ToOne for Required {
    type Target<To> = Handle<To>;
}

impl Cardinality for Many {
    type Loaded<To> = Vec<Handle<To>>;

    fn loaded<To>(handles: Vec<Handle<To>>) -> Option<Self::Loaded<To>> {
        Some(handles)
    }

    fn fits(kind: RelationKind, _: bool) -> bool {
        !matches!(kind, RelationKind::BelongsTo | RelationKind::HasOne)
    }
}

impl ToMany for Many {}

impl Cardinality for Dynamic {
    type Loaded<To> = Vec<Handle<To>>;

    fn loaded<To>(handles: Vec<Handle<To>>) -> Option<Self::Loaded<To>> {
        Some(handles)
    }

    fn fits(_: RelationKind, _: bool) -> bool {
        true
    }
}

impl ToOne for Dynamic {
    type Target<To> = Option<Handle<To>>;
}

impl ToMany for Dynamic {}

/// Which side holds the foreign key, and how many objects the relation leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RelationKind {
    /// The foreign key is here: many-to-one, or the owning side of one-to-one.
    BelongsTo,
    /// The foreign key is there: one-to-many.
    HasMany,
    /// The foreign key is there, and at most one row holds it.
    HasOne,
    /// The foreign keys are in an association table: many-to-many.
    ManyToMany,
}

/// What follows an object along a relation. What is put into a relationship field is always added along (`save-update`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cascade {
    /// Merging the owner merges what is in its relationship field.
    pub merge: bool,
    /// Refreshing or expiring the owner refreshes or expires what it leads to in memory.
    pub refresh: bool,
    /// Expunging the owner expunges what it leads to in memory.
    pub expunge: bool,
    /// Deleting the owner deletes what it leads to.
    pub delete: bool,
    /// An object removed from its owner is deleted.
    pub delete_orphan: bool,
}

/// `save-update, merge`: what holds where nothing is said.
impl Default for Cascade {
    fn default() -> Self {
        Self {
            merge: true,
            ..Self::NONE
        }
    }
}

impl Cascade {
    /// `save-update` alone.
    pub const NONE: Self = Self {
        merge: false,
        refresh: false,
        expunge: false,
        delete: false,
        delete_orphan: false,
    };

    /// Reads `"all, delete-orphan"`, `"save-update, delete"` and the like.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] for a word that is no cascade, or `delete-orphan` without `delete`.
    pub fn parse(text: &str) -> Result<Self> {
        let mut cascade = Self::NONE;
        for word in text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
        {
            match word {
                "save-update" => {}
                "merge" => cascade.merge = true,
                "refresh" => cascade.refresh = true,
                "expunge" => cascade.expunge = true,
                "delete" => cascade.delete = true,
                "delete-orphan" => cascade.delete_orphan = true,
                "all" => {
                    cascade = Self {
                        merge: true,
                        refresh: true,
                        expunge: true,
                        delete: true,
                        ..cascade
                    }
                }
                other => {
                    let known = "all, save-update, merge, refresh, expunge, delete, delete-orphan";
                    return Err(Error::new(
                        ErrorKind::Mapping,
                        format!("`{other}` is no cascade; there are {known}"),
                    ));
                }
            }
        }
        if cascade.delete_orphan && !cascade.delete {
            return Err(Error::new(
                ErrorKind::Mapping,
                "the cascade delete-orphan needs delete (or all)",
            ));
        }
        Ok(cascade)
    }
}

/// How a relation is loaded by queries and `get` unless they say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fetch {
    /// On request.
    #[default]
    Lazy,
    /// With the owners: one more statement for all of them.
    Selectin,
    /// With the owners: in their own statement, by an outer join.
    Joined,
    /// Never implicitly: using it before it is loaded is an error.
    Raise,
}

/// A relation as it was declared.
#[derive(Clone)]
pub struct RelationDescriptor {
    pub(crate) name: String,
    pub(crate) kind: RelationKind,
    pub(crate) target_name: String,
    pub(crate) target: Arc<dyn Fn() -> Arc<Mapper> + Send + Sync>,
    pub(crate) store: Arc<dyn Fn() -> Box<dyn AnyStore> + Send + Sync>,
    pub(crate) key: Vec<String>,
    pub(crate) secondary: Option<Secondary>,
    pub(crate) back_populates: Option<String>,
    pub(crate) cascade: Cascade,
    pub(crate) fetch: Fetch,
    pub(crate) order_by: Vec<String>,
    pub(crate) passive_deletes: bool,
}

impl RelationDescriptor {
    /// A relation to what `target` gives, whose objects a store of `store` holds.
    pub(crate) fn between(
        kind: RelationKind,
        name: &str,
        target_name: &str,
        target: impl Fn() -> Arc<Mapper> + Send + Sync + 'static,
        store: impl Fn() -> Box<dyn AnyStore> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            target_name: target_name.to_owned(),
            target: Arc::new(target),
            store: Arc::new(store),
            key: Vec::new(),
            secondary: None,
            back_populates: None,
            cascade: Cascade::default(),
            fetch: Fetch::default(),
            order_by: Vec::new(),
            passive_deletes: false,
        }
    }

    /// A relation to an entity; `target_name` is the target's type as written, for messages.
    pub fn to<To: Entity>(kind: RelationKind, name: &str, target_name: &str) -> Self {
        Self::between(
            kind,
            name,
            target_name,
            || Arc::clone(To::mapper()),
            || new_store::<To>(Arc::clone(To::mapper())),
        )
    }

    /// Names the foreign key's columns (on whichever side holds it); else they are inferred.
    #[must_use]
    pub fn key<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.key = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Names the association table of a many-to-many relation: the columns that refer to the declaring side's primary key, then those that
    /// refer to the target's. Where the relation has another side, one of them gives it, or both the same.
    #[must_use]
    pub fn secondary<S: Into<String>>(
        mut self,
        table: &str,
        columns: impl IntoIterator<Item = S>,
    ) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        self.secondary = Some(Secondary::new(table, columns));
        self
    }

    /// Names the relation of the target that is the other side of this one.
    #[must_use]
    pub fn back_populates(mut self, relation: &str) -> Self {
        self.back_populates = Some(relation.to_owned());
        self
    }

    /// Sets the cascades.
    #[must_use]
    pub fn cascade(mut self, cascade: Cascade) -> Self {
        self.cascade = cascade;
        self
    }

    /// Sets how it is loaded.
    #[must_use]
    pub fn fetch(mut self, fetch: Fetch) -> Self {
        self.fetch = fetch;
        self
    }

    /// Orders a collection by columns of the target, each `name` or `name desc`; else by its key.
    #[must_use]
    pub fn order_by<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.order_by = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Leaves what is not in memory to the database's ON DELETE when the owner is deleted.
    #[must_use]
    pub fn passive_deletes(mut self) -> Self {
        self.passive_deletes = true;
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which side holds the key.
    pub fn kind(&self) -> RelationKind {
        self.kind
    }

    pub(crate) fn is_many_to_many(&self) -> bool {
        self.kind == RelationKind::ManyToMany
    }

    /// The mapper of the type it leads to.
    pub fn target(&self) -> Arc<Mapper> {
        (self.target)()
    }
}

impl Debug for RelationDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} -> {}", self.kind, self.name, self.target_name)
    }
}
