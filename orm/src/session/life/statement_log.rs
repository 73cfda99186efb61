//! `assert_statements!`: checking in tests what a session sends.

use std::sync::Arc;

use crate::engine::Recorder;
use crate::session::Session;

/// A log of the statements that a session sends, used by [`assert_statements!`](crate::assert_statements). It does not contain parameter
/// values.
#[derive(Debug)]
pub struct StatementLog {
    recorder: Arc<Recorder>,
    from: usize,
}

impl Session {
    /// Starts a log of the statements that this session sends, which ends when the log is dropped.
    pub fn log_statements(&mut self) -> StatementLog {
        let recorder = self.recorder.upgrade().unwrap_or_else(|| {
            let recorder = Arc::new(Recorder::default());
            self.recorder = Arc::downgrade(&recorder);
            if let Some(connection) = &mut self.connection {
                connection.record_into(self.recorder.clone());
            }
            recorder
        });
        let from = recorder.len();
        StatementLog { recorder, from }
    }
}

impl StatementLog {
    /// Returns the texts of the statements so far, in order. A batch of one statement is one; BEGIN, COMMIT and the like are omitted.
    pub fn statements(&self) -> Vec<String> {
        self.recorder.since(self.from)
    }

    /// Asserts the number of statements sent, and ends the log.
    ///
    /// # Panics
    ///
    /// If there were more or fewer; the message lists them.
    #[track_caller]
    pub fn expect(self, expected: usize) {
        let statements = self.statements();
        if statements.len() == expected {
            return;
        }
        let mut message = format!(
            "expected {expected} statement(s), but {} were sent",
            statements.len()
        );
        for (number, statement) in (1..).zip(&statements) {
            message.push_str(&format!("\n  {number}. {statement}"));
        }
        panic!("{message}");
    }
}

/// Asserts how many statements a session sends while a block or an expression is evaluated, and returns its value. Use it in tests, to
/// notice changes that load rows one by one.
///
/// A batch of one statement counts as one; BEGIN, COMMIT and the like are not counted. Statements that the session needs itself count, such
/// as the query for the greatest key before inserting several rows in SQLite. The panic message lists the statements.
///
/// ```
/// # use selfsame::prelude::*;
/// # #[derive(Entity, Clone, Debug)]
/// # #[orm(table = "users")]
/// # struct User { #[orm(primary_key)] id: Auto<i64>, name: String }
/// # fn run(engine: &Engine) -> selfsame::Result<()> {
/// let mut session = Session::new(&engine);
/// let users = selfsame::assert_statements!(session, 1, { User::query().all(&mut session)? });
/// selfsame::assert_statements!(session, 0, session.flush()?);
/// # let _ = users;
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// If there were more or fewer.
#[macro_export]
macro_rules! assert_statements {
    ($session:expr, $expected:expr, $work:block) => {{
        let log = $session.log_statements();
        let value = $work;
        log.expect($expected);
        value
    }};
    ($session:expr, $expected:expr, $work:expr $(,)?) => {
        $crate::assert_statements!($session, $expected, { $work })
    };
}
