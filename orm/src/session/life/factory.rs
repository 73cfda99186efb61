//! `SessionFactory`: sessions of one engine with the same settings.

use crate::engine::Engine;
use crate::session::Session;
use crate::session::life::hook::{Hook, Hooks};

/// Creates sessions of one engine, all with the same settings.
#[derive(Clone, Debug)]
pub struct SessionFactory {
    engine: Engine,
    autoflush: bool,
    hooks: Hooks,
}

impl SessionFactory {
    /// Sessions on `engine`.
    pub fn new(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
            autoflush: true,
            hooks: Hooks::default(),
        }
    }

    /// Turns autoflush off: sessions flush only in `flush` and `commit`.
    #[must_use]
    pub fn without_autoflush(mut self) -> Self {
        self.autoflush = false;
        self
    }

    /// Sessions with this hook.
    #[must_use]
    pub fn hook(mut self, hook: Hook) -> Self {
        self.hooks.push(hook);
        self
    }

    /// A new session.
    pub fn session(&self) -> Session {
        let mut session = Session::new(&self.engine);
        session.phase.autoflush = self.autoflush;
        session.hooks = self.hooks.clone();
        session
    }
}
