//! Runs one case on one database: on a separate thread, with a time limit, catching panics.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once, mpsc};
use std::thread;
use std::time::Duration;

use selfsame::backend::{Sql, Statement, StatementKind};
use selfsame::value::{Param, ValueRef, ValueType};
use selfsame::{Error, ErrorKind};

use crate::case::{Capability, Case, Failure};
use crate::context::Context;
use crate::outcome::{FailureKind, FailureReport, Outcome};
use crate::record::Log;
use crate::report::SeenIsolation;
use crate::target::{Fresh, Target};

/// The result of running one case.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) outcome: Outcome,
    pub(crate) notes: Vec<String>,
    /// A digest of the statements sent.
    pub(crate) sent: Option<String>,
    pub(crate) isolation: Option<SeenIsolation>,
    pub(crate) operations: u64,
}

/// Limits and settings of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) seed: u64,
    pub(crate) cases: u32,
    pub(crate) time: Duration,
    /// Whether a database that already has tables is refused.
    pub(crate) checks_emptiness: bool,
}

/// Runs one case on a fresh database. A case that exceeds its time limit is abandoned on its thread.
pub(crate) fn attempt(target: &Arc<dyn Target>, case: &'static Case, limits: Limits) -> Attempt {
    quiet_panics();
    let seed = case_seed(limits.seed, case.id);
    let log = Log::default();
    let (sender, receiver) = mpsc::channel();
    let worker = {
        let (target, log) = (Arc::clone(target), log.clone());
        thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || {
                let attempt = run_here(&*target, case, limits, log);
                // The receiver is gone only if the time limit was reached.
                let _ = sender.send(attempt);
            })
    };
    let worker = match worker {
        Ok(worker) => worker,
        Err(error) => {
            return harness_error(format!("cannot start a thread for the case: {error}"));
        }
    };
    match receiver.recv_timeout(limits.time) {
        Ok(attempt) => {
            // Join, so that the database is dropped before the next case starts.
            let _ = worker.join();
            attempt
        }
        Err(mpsc::RecvTimeoutError::Timeout) => Attempt {
            outcome: Outcome::Fail {
                failure: FailureReport {
                    kind: FailureKind::TimeLimit,
                    message: format!("exceeded the time limit of {} s", limits.time.as_secs_f64()),
                    program: None,
                    keep: None,
                    repro: None,
                    sql: log.to_lines(),
                    seed,
                },
            },
            notes: Vec::new(),
            sent: None,
            isolation: None,
            operations: 0,
        },
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            harness_error("the case's thread ended without a result".to_owned())
        }
    }
}

/// Returns the seed of a case: FNV-1a over the run's seed and the id. So filters do not change a case's inputs.
pub(crate) fn case_seed(seed: u64, id: &str) -> u64 {
    seed.to_le_bytes()
        .iter()
        .chain(id.as_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

fn run_here(target: &dyn Target, case: &'static Case, limits: Limits, log: Log) -> Attempt {
    let seed = case_seed(limits.seed, case.id);
    let fresh = match catch_unwind(AssertUnwindSafe(|| target.fresh())) {
        Ok(Ok(fresh)) => fresh,
        Ok(Err(error)) => return harness_error(error.to_string()),
        Err(_) => return harness_error(format!("the target panicked: {}", last_panic())),
    };
    if limits.checks_emptiness
        && let Some(table) = a_table_of(&*fresh)
    {
        return harness_error(format!(
            "the target must return an empty database, but this one holds the table `{table}`: nothing was touched"
        ));
    }
    let mut context = Context::new(fresh, seed, limits.cases, log.clone());
    let missing = {
        let dialect = context.dialect();
        case.needs
            .iter()
            .copied()
            .find(|need| !need.is_claimed(dialect))
    };
    let run = match missing {
        None => Some(case.run),
        Some(_) => case.refusal,
    };
    let result = run.map(|run| catch_unwind(AssertUnwindSafe(|| run(&mut context))));
    let outcome = match result {
        None | Some(Ok(Ok(()))) => passed(missing, case),
        Some(Ok(Err(failure))) => failed(failure, &context, &log),
        Some(Err(_)) => Outcome::Fail {
            failure: FailureReport {
                kind: FailureKind::Panic,
                message: format!("panicked: {}", last_panic()),
                program: context.program.clone(),
                keep: context.keep.clone(),
                repro: context.repro.clone(),
                sql: log.to_lines(),
                seed,
            },
        },
    };
    let notes = context.take_notes();
    Attempt {
        outcome,
        notes,
        sent: Some(log.digest()),
        isolation: context.isolation.take(),
        operations: context.operations,
    }
}

/// Names of tables that cases create. They are looked up if the backend cannot list tables.
const OWN_TABLES: [&str; 3] = ["t", "users", "tasks"];

/// Returns the name of a table in a database that should be empty. Errors are ignored here: the case reports them.
pub(crate) fn a_table_of(fresh: &dyn Fresh) -> Option<String> {
    let look = || -> Result<Option<String>, Error> {
        let backend = fresh.backend();
        let dialect = backend.dialect();
        let mut connection = backend.connect()?;
        match dialect.reflect(connection.as_mut(), &[None]) {
            Ok(tables) => return Ok(tables.into_iter().next().map(|table| table.name)),
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            Err(error) => return Err(error),
        }
        let text = dialect.table_exists();
        let sql = Sql::new(StatementKind::Select, text, [ValueType::Text], []);
        for table in OWN_TABLES {
            let mut is_there = false;
            let params = [Param::Ref(ValueRef::Text(table))];
            connection.query(&Statement::new(&sql, &params), &mut |_| {
                is_there = true;
                Ok(())
            })?;
            if is_there {
                return Ok(Some(table.to_owned()));
            }
        }
        Ok(None)
    };
    catch_unwind(AssertUnwindSafe(look)).ok()?.ok()?
}

fn passed(missing: Option<Capability>, case: &Case) -> Outcome {
    match missing {
        None => Outcome::Pass,
        Some(capability) => Outcome::Unsupported {
            capability: capability.to_string(),
            refusal_checked: case.refusal.is_some(),
        },
    }
}

fn failed(failure: Failure, context: &Context, log: &Log) -> Outcome {
    let (kind, message) = match failure {
        Failure::Skipped(reason) => return Outcome::Skipped { reason },
        Failure::Assertion(message) => (FailureKind::Assertion, message),
        Failure::Backend(error) if let Some(lacking) = lacking(&error, context) => {
            // The case needs more than it declares, and was correctly refused.
            return Outcome::Unsupported {
                capability: lacking.to_string(),
                refusal_checked: true,
            };
        }
        Failure::Backend(error) => (FailureKind::Error, format!("{:?}: {error}", error.kind())),
    };
    Outcome::Fail {
        failure: FailureReport {
            kind,
            message,
            program: context.program.clone(),
            keep: context.keep.clone(),
            repro: context.repro.clone(),
            sql: log.to_lines(),
            seed: context.seed(),
        },
    }
}

/// Returns the missing capability that an error names, if the backend does not claim it.
fn lacking(error: &Error, context: &Context) -> Option<Capability> {
    if error.kind() != ErrorKind::Unsupported {
        return None;
    }
    let refused = Capability::refused_by(error)?;
    (!refused.is_claimed(context.dialect())).then_some(refused)
}

fn harness_error(message: String) -> Attempt {
    Attempt {
        outcome: Outcome::HarnessError { message },
        notes: Vec::new(),
        sent: None,
        isolation: None,
        operations: 0,
    }
}

const THREAD: &str = "selfsame-case";

thread_local! {
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

fn last_panic() -> String {
    LAST_PANIC
        .take()
        .unwrap_or_else(|| "without a message".to_owned())
}

/// Does not print panics of cases, because the report shows them; other panics are printed as usual.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if thread::current().name() == Some(THREAD) {
                LAST_PANIC.set(Some(panic_text(info)));
            } else {
                usual(info);
            }
        }));
    });
}

fn panic_text(info: &std::panic::PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("without a message");
    match info.location() {
        // Only the file name: a report must not depend on the location of the sources.
        Some(at) => format!(
            "{message} ({}:{})",
            at.file().rsplit(['/', '\\']).next().unwrap_or_default(),
            at.line()
        ),
        None => message.to_owned(),
    }
}
