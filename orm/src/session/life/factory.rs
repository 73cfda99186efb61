//! `SessionFactory`: creates sessions with the same settings.

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
    /// Creates a factory for sessions on `engine`.
    pub fn new(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
            autoflush: true,
            hooks: Hooks::default(),
        }
    }

    /// Turns autoflush off: queries do not flush. `flush`, `commit`, savepoints and bulk statements still do.
    #[must_use]
    pub fn without_autoflush(mut self) -> Self {
        self.autoflush = false;
        self
    }

    /// Adds a hook to all sessions.
    #[must_use]
    pub fn hook(mut self, hook: Hook) -> Self {
        self.hooks.push(hook);
        self
    }

    /// Creates a session.
    pub fn session(&self) -> Session {
        let mut session = Session::new(&self.engine);
        session.phase.autoflush = self.autoflush;
        session.hooks = self.hooks.clone();
        session
    }
}
