//! `Handle`: a small `Copy` reference to an object in a session.

use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

/// A reference to one object of one session: `Copy`, 12 bytes. `session[handle]` is the object.
///
/// Two handles are equal exactly if they refer to the same object. Slots are never reused, so the handle of an object that has left the
/// session is detected and never refers to another one.
pub struct Handle<E> {
    pub(crate) session: u32,
    pub(crate) slot: u32,
    pub(crate) store: u16,
    marker: PhantomData<fn() -> E>,
}

impl<E> Handle<E> {
    pub(crate) fn new(session: u32, store: u16, slot: u32) -> Self {
        Self {
            session,
            slot,
            store,
            marker: PhantomData,
        }
    }
}

impl<E> Clone for Handle<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Handle<E> {}

impl<E> PartialEq for Handle<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.session, self.store, self.slot) == (other.session, other.store, other.slot)
    }
}

impl<E> Eq for Handle<E> {}

impl<E> Hash for Handle<E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.session, self.store, self.slot).hash(state);
    }
}

impl<E> Debug for Handle<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", name_of::<E>(), self.slot)
    }
}

/// The name of a mapped type, for messages; for an entity the same as its mapper's.
pub(super) fn name_of<E>() -> &'static str {
    let name = std::any::type_name::<E>();
    name.rsplit("::").next().unwrap_or(name)
}
