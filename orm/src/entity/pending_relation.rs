//! Relationship fields: they hold related objects until the session takes them over.

use std::fmt::{self, Debug};
use std::marker::PhantomData;

use super::{Entity, Mapped, Relation, ToOne};
use crate::entity::Many;
use crate::error::Result;
use crate::session::{AddOrMerge, Handle, KeysToMerge, ObjectId, Session};

/// An object to relate to another: a new one, or one in the session already.
#[derive(Clone)]
pub enum PendingRelation<T> {
    /// A new object, which will be added together with its owner.
    New(T),
    /// An object in the owner's session.
    Handle(Handle<T>),
}

impl<T> Debug for PendingRelation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New(_) => f.write_str("New"),
            Self::Handle(handle) => handle.fmt(f),
        }
    }
}

impl<T> From<T> for PendingRelation<T> {
    fn from(value: T) -> Self {
        Self::New(value)
    }
}

impl<T> From<Handle<T>> for PendingRelation<T> {
    fn from(handle: Handle<T>) -> Self {
        Self::Handle(handle)
    }
}

/// A type-erased [`PendingRelation`].
///
/// Otherwise whether an entity is `Send` would depend on every entity reachable through relations, and the compiler gives up after a chain
/// of about twenty.
trait Held<T>: Send + Sync {
    fn duplicate(&self) -> Box<dyn Held<T>>;
    /// The object, if it is not yet in a session.
    fn new_value(&self) -> Option<&T>;
    fn release(self: Box<Self>) -> PendingRelation<T>;
}

impl<T: Mapped> Held<T> for PendingRelation<T> {
    fn duplicate(&self) -> Box<dyn Held<T>> {
        Box::new(self.clone())
    }

    fn new_value(&self) -> Option<&T> {
        match self {
            Self::New(value) => Some(value),
            Self::Handle(_) => None,
        }
    }

    fn release(self: Box<Self>) -> PendingRelation<T> {
        *self
    }
}

impl<T> Clone for Box<dyn Held<T>> {
    fn clone(&self) -> Self {
        (**self).duplicate()
    }
}

/// The field of a one-to-many relation: objects to relate to its owner, which the session takes over when the owner is added, or at the next
/// flush. To read the relation, use [`Session::load`].
pub struct HasMany<T>(Vec<Box<dyn Held<T>>>);

/// The field of a many-to-many relation. Like [`HasMany`], it holds only what the session has not taken over yet.
pub struct ManyToMany<T>(Vec<Box<dyn Held<T>>>);

/// The field of a one-to-one relation whose foreign key is on the other side. Like [`HasMany`], it holds only what the session has not taken
/// over yet.
pub struct HasOne<T>(Option<Box<dyn Held<T>>>);

/// The field of a many-to-one relation, or of a one-to-one relation whose foreign key is on this side. Like [`HasMany`], it holds only what
/// the session has not taken over yet.
pub struct BelongsTo<T>(Option<Box<dyn Held<T>>>);

macro_rules! collection_field {
    ($field:ident) => {
        impl<T> $field<T> {
            /// Returns the number of objects that the session has not taken over yet; [`Session::load`] returns the relation's objects.
            pub fn pending(&self) -> usize {
                self.0.len()
            }

            /// Adds an object; the next flush relates it to the owner.
            pub fn push(&mut self, pending: impl Into<PendingRelation<T>>)
            where
                T: Mapped,
            {
                self.0.push(Box::new(pending.into()));
            }
        }

        impl<T> Clone for $field<T> {
            fn clone(&self) -> Self {
                Self(self.0.clone())
            }
        }

        impl<T> Default for $field<T> {
            fn default() -> Self {
                Self(Vec::new())
            }
        }

        impl<T: Mapped, I: Into<PendingRelation<T>>> FromIterator<I> for $field<T> {
            fn from_iter<Iter: IntoIterator<Item = I>>(items: Iter) -> Self {
                let hold = |item: I| -> Box<dyn Held<T>> { Box::new(item.into()) };
                Self(items.into_iter().map(hold).collect())
            }
        }

        impl<T: Mapped, I: Into<PendingRelation<T>>, const N: usize> From<[I; N]> for $field<T> {
            fn from(items: [I; N]) -> Self {
                items.into_iter().collect()
            }
        }

        impl<T: Mapped, I: Into<PendingRelation<T>>> From<Vec<I>> for $field<T> {
            fn from(items: Vec<I>) -> Self {
                items.into_iter().collect()
            }
        }

        impl<T> Debug for $field<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($field), "({})"), self.pending())
            }
        }
    };
}
collection_field!(HasMany);
collection_field!(ManyToMany);

macro_rules! to_one_field {
    ($field:ident) => {
        impl<T> $field<T> {
            /// Returns the number of objects that the session has not taken over yet, 0 or 1; [`Session::load`] returns the relation's
            /// object.
            pub fn pending(&self) -> usize {
                usize::from(self.0.is_some())
            }
        }

        impl<T> Clone for $field<T> {
            fn clone(&self) -> Self {
                Self(self.0.clone())
            }
        }

        impl<T> Default for $field<T> {
            fn default() -> Self {
                Self(None)
            }
        }

        impl<T: Mapped> From<T> for $field<T> {
            fn from(value: T) -> Self {
                Self(Some(Box::new(PendingRelation::New(value))))
            }
        }

        impl<T: Mapped> From<Handle<T>> for $field<T> {
            fn from(handle: Handle<T>) -> Self {
                Self(Some(Box::new(PendingRelation::Handle(handle))))
            }
        }

        impl<T> Debug for $field<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($field), "({})"), self.pending())
            }
        }
    };
}
to_one_field!(HasOne);
to_one_field!(BelongsTo);

/// One pending object, whatever its type.
pub(crate) type Attachment = Box<dyn Attach>;

/// An object that can be added to a session, or found there.
pub(crate) trait Attach: Send {
    /// Adds it to a session, or finds it there.
    fn attach(self: Box<Self>, session: &mut Session, how: AddOrMerge) -> Result<ObjectId>;

    /// Adds its key to `keys`, if it has one and is not in a session.
    fn key_to_merge(&self, keys: &mut KeysToMerge);
}

struct PendingTarget<To>(Box<dyn Held<To>>);

impl<To: Entity> Attach for PendingTarget<To> {
    fn attach(self: Box<Self>, session: &mut Session, how: AddOrMerge) -> Result<ObjectId> {
        session.attach(self.0.release(), how)
    }

    fn key_to_merge(&self, keys: &mut KeysToMerge) {
        if let Some(value) = self.0.new_value() {
            keys.add(value, To::mapper());
        }
    }
}

/// An object of the session that another is related to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Related {
    pub(crate) relation: u16,
    pub(crate) session: u32,
    pub(crate) node: ObjectId,
}

/// The objects taken from one object's relationship fields, which the session attaches; or those to put into the fields.
pub struct PendingRelations<E> {
    attachments: Vec<(u16, Attachment)>,
    given: Option<Vec<Related>>,
    owner: PhantomData<fn() -> E>,
}

impl<E: Mapped> PendingRelations<E> {
    pub(crate) fn of(value: &mut E) -> Self {
        let mut pending_relations = Self {
            attachments: Vec::new(),
            given: None,
            owner: PhantomData,
        };
        value.take_pending_relations(&mut pending_relations);
        pending_relations
    }

    /// Puts related objects into the fields of an object.
    pub(crate) fn fill(value: &mut E, related: Vec<Related>) {
        if !related.is_empty() {
            let mut pending_relations = Self {
                attachments: Vec::new(),
                given: Some(related),
                owner: PhantomData,
            };
            value.take_pending_relations(&mut pending_relations);
        }
    }
}

impl<E> PendingRelations<E> {
    /// Adds an object to attach.
    pub(crate) fn push(&mut self, relation: u16, attach: Attachment) {
        self.attachments.push((relation, attach));
    }

    /// The objects to put into the fields, if that is the direction.
    pub(crate) fn given(&self) -> Option<&[Related]> {
        self.given.as_deref()
    }

    /// The objects to put into the field of a relation; `None` if the field is to be emptied.
    fn given_to<To: Mapped>(&self, relation: u16) -> Option<Vec<Box<dyn Held<To>>>> {
        let given = self.given()?.iter();
        let held = given.filter(|related| related.relation == relation);
        let held = held.map(|related| -> Box<dyn Held<To>> {
            let (store, slot) = related.node;
            Box::new(PendingRelation::Handle(Handle::new(
                related.session,
                store,
                slot,
            )))
        });
        Some(held.collect())
    }

    /// The relations with the objects to attach.
    pub(crate) fn into_attachments(self) -> Vec<(u16, Attachment)> {
        self.attachments
    }
}

impl<E: Entity> PendingRelations<E> {
    /// Takes the pending objects of a one-to-many field.
    pub fn many<To: Entity>(&mut self, relation: Relation<E, To, Many>, field: &mut HasMany<To>) {
        self.collection(relation, &mut field.0);
    }

    /// Takes the pending objects of a many-to-many field.
    pub fn many_to_many<To: Entity>(
        &mut self,
        relation: Relation<E, To, Many>,
        field: &mut ManyToMany<To>,
    ) {
        self.collection(relation, &mut field.0);
    }

    fn collection<To: Entity>(
        &mut self,
        relation: Relation<E, To, Many>,
        field: &mut Vec<Box<dyn Held<To>>>,
    ) {
        // Called for every object at every flush, and usually there are none.
        if field.is_empty() && self.given.is_none() {
            return;
        }
        if let Some(given) = self.given_to(relation.index()) {
            field.extend(given);
            return;
        }
        let pending_relations = std::mem::take(field);
        self.attachments.extend(
            pending_relations
                .into_iter()
                .map(|pending| (relation.index(), attach(pending))),
        );
    }

    /// Takes the pending object of a to-one field whose foreign key is on the other side.
    pub fn has_one<To: Entity, K: ToOne>(
        &mut self,
        relation: Relation<E, To, K>,
        field: &mut HasOne<To>,
    ) {
        self.one(relation.index(), &mut field.0);
    }

    /// Takes the pending object of a to-one field whose foreign key is on this side.
    pub fn belongs_to<To: Entity, K: ToOne>(
        &mut self,
        relation: Relation<E, To, K>,
        field: &mut BelongsTo<To>,
    ) {
        self.one(relation.index(), &mut field.0);
    }

    fn one<To: Entity>(&mut self, relation: u16, field: &mut Option<Box<dyn Held<To>>>) {
        match self.given_to(relation) {
            Some(mut given) => *field = given.pop().or(field.take()),
            None => {
                let pending = field.take();
                self.attachments
                    .extend(pending.map(|pending| (relation, attach(pending))));
            }
        }
    }
}

fn attach<To: Entity>(pending: Box<dyn Held<To>>) -> Attachment {
    Box::new(PendingTarget(pending))
}

impl<E> Debug for PendingRelations<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingRelations({})", self.attachments.len())
    }
}
