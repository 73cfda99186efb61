//! Mistakes planted in the tracked arms, which the gate must find.

use std::hint::black_box;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use cpu_time::ProcessTime;
use selfsame::backend::{Backend, Connection, Outcome, Row, Rows, Sql, Statement, Statistics};
use selfsame::dialect::{Dialect, Transaction};
use selfsame::schema::Table;
use selfsame::session::Session;
use selfsame::{Engine, Entity, Result};

use crate::schema::User;

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// This percentage more CPU time.
    Work(u32),
    /// This many iterations of an idle loop: the same number of instructions each time.
    Loops(u32),
    /// A sleep of this many microseconds.
    Sleep(u32),
    /// One additional SELECT.
    ExtraSelect,
    /// A SELECT for each user.
    NPlusOne,
    /// Prepared statements are not reused.
    CacheOff,
    /// Each user is cloned.
    Clone,
}

/// The environment variable that names a mistake.
pub const PLANT: &str = "SELFSAME_GATE_PLANT";

impl Planted {
    /// The mistake that the environment names, if any.
    ///
    /// # Errors
    ///
    /// If the name is unknown.
    pub(crate) fn from_environment() -> crate::Result<Option<Self>> {
        match std::env::var(PLANT) {
            Ok(name) => Ok(Some(name.parse()?)),
            Err(_) => Ok(None),
        }
    }

    /// An engine over a backend, with the mistakes that belong in the backend.
    pub(crate) fn engine(self, backend: Arc<dyn Backend>) -> Engine {
        match self {
            Self::CacheOff => Engine::new(Forgetful(backend)),
            _ => Engine::from_backend(backend),
        }
    }

    /// Runs `work`, with the mistakes that belong around it.
    pub(crate) fn around(self, engine: &Engine, work: impl FnOnce() -> Result<()>) -> Result<()> {
        let start = ProcessTime::now();
        work()?;
        match self {
            Self::CacheOff => {}
            Self::Work(percent) => {
                let until = start.elapsed().mul_f64(1.0 + f64::from(percent) / 100.0);
                while start.elapsed() < until {
                    spin(16);
                }
            }
            Self::Loops(turns) => spin(turns),
            Self::Sleep(micros) => std::thread::sleep(Duration::from_micros(micros.into())),
            Self::ExtraSelect => {
                User::query().count(&mut Session::new(engine))?;
            }
            Self::NPlusOne => {
                let mut session = Session::new(engine);
                for user in User::query().all(&mut session)? {
                    session.load(user, User::POSTS)?;
                }
            }
            Self::Clone => {
                let mut session = Session::new(engine);
                for user in User::query().all(&mut session)? {
                    black_box(session[user].clone());
                }
            }
        }
        Ok(())
    }
}

fn spin(turns: u32) {
    let mut spun = 0_u64;
    for _ in 0..turns {
        spun = black_box(spun.wrapping_mul(31).wrapping_add(7));
    }
}

impl FromStr for Planted {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let planted = match name {
            "extra-select" => Self::ExtraSelect,
            "n-plus-one" => Self::NPlusOne,
            "cache-off" => Self::CacheOff,
            "clone" => Self::Clone,
            name => {
                let numbered = name.rsplit_once('-').and_then(|(kind, number)| {
                    let number = number.parse().ok()?;
                    match kind {
                        "work" => Some(Self::Work(number)),
                        "loops" => Some(Self::Loops(number)),
                        "sleep" => Some(Self::Sleep(number)),
                        _ => None,
                    }
                });
                numbered.ok_or_else(|| format!("unknown mistake: {name}"))?
            }
        };
        Ok(planted)
    }
}

/// A backend that sees every statement as a new one.
#[derive(Debug)]
struct Forgetful(Arc<dyn Backend>);

impl Backend for Forgetful {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        Ok(Box::new(ForgetfulConnection(self.0.connect()?)))
    }

    fn dialect(&self) -> &dyn Dialect {
        self.0.dialect()
    }
}

#[derive(Debug)]
struct ForgetfulConnection(Box<dyn Connection>);

/// The same statement under another id.
fn anew(sql: &Sql) -> Sql {
    Sql::new(sql.kind(), sql.text(), sql.params(), sql.columns())
}

impl Connection for ForgetfulConnection {
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome> {
        self.0
            .execute(&Statement::new(&anew(statement.sql), statement.params))
    }

    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        self.0.query(
            &Statement::new(&anew(statement.sql), statement.params),
            sink,
        )
    }

    fn execute_each(
        &mut self,
        sql: &Sql,
        rows: Rows<'_>,
        each: &mut dyn FnMut(Outcome) -> Result<()>,
    ) -> Result<()> {
        self.0.execute_each(&anew(sql), rows, each)
    }

    fn transaction(&mut self, command: &Transaction<'_>, sql: &Sql) -> Result<()> {
        self.0.transaction(command, &anew(sql))
    }

    fn is_open(&self) -> bool {
        self.0.is_open()
    }

    fn reset(&mut self, used_raw_sql: bool) -> Result<()> {
        self.0.reset(used_raw_sql)
    }

    fn columns_set_by_updates(&mut self, table: &Table) -> Result<Vec<String>> {
        self.0.columns_set_by_updates(table)
    }

    fn server_version(&mut self) -> Result<String> {
        self.0.server_version()
    }

    fn statistics(&mut self) -> Result<Option<Statistics>> {
        self.0.statistics()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_have_names() {
        assert_eq!("work-5".parse(), Ok(Planted::Work(5)));
        assert_eq!("n-plus-one".parse(), Ok(Planted::NPlusOne));
        assert_eq!("loops-300".parse(), Ok(Planted::Loops(300)));
        assert_eq!("sleep-9".parse(), Ok(Planted::Sleep(9)));
        assert!("walk-9".parse::<Planted>().is_err());
        assert!("work-much".parse::<Planted>().is_err());
        assert!("".parse::<Planted>().is_err());
    }
}
