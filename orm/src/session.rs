//! The session.

mod handle;
mod store;

pub use handle::Handle;
pub(crate) use store::{AnyStore, new_store};

use crate::entity::{Entity, Mapped, Wish};

/// A unit of work.
#[derive(Debug)]
pub struct Session {}

impl Session {
    pub(crate) fn grant<T: Entity>(&mut self, wish: Wish<T>) -> Handle<T> {
        match wish {
            Wish::New(_) => panic!(),
            Wish::Handle(handle) => handle,
        }
    }
    pub(crate) fn relate<A: Mapped, B: Mapped>(
        &mut self,
        owner: Handle<A>,
        relation: u16,
        target: Handle<B>,
    ) {
        let _ = (owner, relation, target);
    }
}
