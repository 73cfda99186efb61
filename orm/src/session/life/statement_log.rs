//! What a session sends, for tests of programs: `assert_statements!`.

use std::sync::Arc;

use crate::engine::Recorder;
use crate::session::Session;

/// The statements that a session sends from a moment on, as [`assert_statements!`](crate::assert_statements) looks at them. Values
/// of parameters are not in it.
#[derive(Debug)]
pub struct StatementLog {
    recorder: Arc<Recorder>,
    from: usize,
}

impl Session {
    /// Lists the statements that this session sends while the log lives.
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
    /// The texts of the statements so far, in order. A batch of one statement is one; BEGIN, COMMIT and their like are left out.
    pub fn statements(&self) -> Vec<String> {
        self.recorder.since(self.from)
    }

    /// Asserts how many statements were sent, and ends the log.
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
            "the number of statements should be {expected}, and is {}",
            statements.len()
        );
        for (number, statement) in (1..).zip(&statements) {
            message.push_str(&format!("\n  {number}. {statement}"));
        }
        panic!("{message}");
    }
}

/// Asserts how many statements a session sends while a block runs, and gives the block's value. For tests of programs: a change that
/// loads rows one by one shows.
///
/// A batch of one statement counts as one; BEGIN, COMMIT and their like are not counted. What the session asks for its own sake counts:
/// on SQLite, the greatest key before several rows are inserted. The message lists what was sent.
///
/// ```
/// # use selfsame::prelude::*;
/// # #[derive(Entity, Clone, Debug)]
/// # #[orm(table = "users")]
/// # struct User { #[orm(primary_key)] id: Auto<i64>, name: String }
/// # fn run(engine: &Engine) -> selfsame::Result<()> {
/// let mut session = Session::new(&engine);
/// let users = selfsame::assert_statements!(session, 1, { User::query().all(&mut session)? });
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
}
