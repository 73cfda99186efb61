//! Stores.
use crate::entity::{Mapped, Mapper};
use std::sync::Arc;

/// An erased store.
pub(crate) trait AnyStore: Send {}

struct Store<E: Mapped> {
    mapper: Arc<Mapper>,
    values: Vec<E>,
}
impl<E: Mapped> AnyStore for Store<E> {}

/// A store.
pub(crate) fn new_store<E: Mapped>(mapper: Arc<Mapper>) -> Box<dyn AnyStore> {
    Box::new(Store::<E> {
        mapper,
        values: vec![],
    })
}
