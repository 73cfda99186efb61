//! Concurrent transactions of several sessions: how many per second, and how long each takes.
//!
//! SQLite has one writer, so more sessions wait for each other. Its database is a file here, because a database in memory has only one
//! connection. On the servers, sessions choose among enough rows that they seldom conflict.

use std::fmt;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use selfsame::Engine;
use selfsame_mariadb::testing::Database as MariaDbDatabase;
use selfsame_postgres::testing::Database;
use selfsame_sqlite::Sqlite;
use selfsame_sqlite::testing::TempDatabase;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::fixture::Site;
use crate::raw::{MariaDbClient, PostgresClient};
use crate::rows::{shuffled_keys, users};
use crate::schema::tables;
use crate::workload::{Arm, Backend};
use crate::workloads::transactions::{one_mariadb, one_postgres, one_sqlite, one_tracked};

/// The numbers of sessions.
pub const SESSIONS: [usize; 4] = [1, 2, 4, 8];

/// The number of rows that the sessions choose from.
const ROWS: usize = 1_000;

/// The result for one number of sessions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// The database.
    pub backend: Backend,
    /// Raw or tracked.
    pub arm: Arm,
    /// The number of concurrent sessions.
    pub sessions: usize,
    /// Transactions per second, all sessions together.
    pub per_second: f64,
    /// The median of a transaction, in nanoseconds.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
}

/// Measures raw and tracked transactions by 1, 2, 4 and 8 sessions: `transactions` transactions in total for each number of sessions.
///
/// # Errors
///
/// Errors of a database.
pub fn measure(sites: &[Site], transactions: usize) -> Result<Vec<Throughput>> {
    let mut found = Vec::new();
    for site in sites {
        let place = match site {
            Site::Sqlite => {
                let file = TempDatabase::new()?;
                Place::Sqlite(file.backend(), file)
            }
            Site::Postgres(server) => Place::Postgres(server.database()?),
            Site::MariaDb(server) => Place::MariaDb(server.database()?),
        };
        found.extend(on(&place, transactions)?);
    }
    Ok(found)
}

enum Place {
    Sqlite(Sqlite, TempDatabase),
    Postgres(Database),
    MariaDb(MariaDbDatabase),
}

fn on(place: &Place, transactions: usize) -> Result<Vec<Throughput>> {
    let engine = place.engine();
    tables().create_all(&engine)?;
    for text in users(ROWS) {
        let sql =
            selfsame::backend::Sql::new(selfsame::backend::StatementKind::Insert, text, [], []);
        engine.connect()?.execute(&sql, &[])?;
    }
    let mut found = Vec::new();
    for sessions in SESSIONS {
        for arm in [Arm::Raw, Arm::Tracked] {
            found.push(with(place, arm, sessions, transactions)?);
        }
    }
    Ok(found)
}

impl Place {
    fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(backend, _) => Engine::new(backend.clone()),
            Self::Postgres(database) => Engine::new(database.backend()),
            Self::MariaDb(database) => Engine::new(database.backend()),
        }
    }

    fn backend(&self) -> Backend {
        match self {
            Self::Sqlite(..) => Backend::Sqlite,
            Self::Postgres(_) => Backend::Postgres,
            Self::MariaDb(_) => Backend::MariaDb,
        }
    }

    /// Runs one transaction of a session on the row of a key.
    fn work(&self, arm: Arm, engine: &Engine) -> Result<Box<dyn FnMut(i64) -> Result<String>>> {
        const COLOR: &str = "hair color 1";
        Ok(match (self, arm) {
            (Self::Sqlite(_, file), Arm::Raw) => {
                let mut connection = rusqlite::Connection::open(file.path())?;
                connection.busy_timeout(Duration::from_secs(30))?;
                connection.execute_batch("PRAGMA synchronous = OFF")?;
                Box::new(move |key| one_sqlite(&mut connection, key, COLOR))
            }
            (Self::Postgres(database), Arm::Raw) => {
                let mut client = PostgresClient::connect(&database.url())?;
                Box::new(move |key| one_postgres(&mut client, key, COLOR))
            }
            (Self::MariaDb(database), Arm::Raw) => {
                let mut client = MariaDbClient::connect(&database.url())?;
                Box::new(move |key| one_mariadb(&mut client, key, COLOR))
            }
            _ => {
                let engine = engine.clone();
                Box::new(move |key| Ok(one_tracked(&engine, key, COLOR)?))
            }
        })
    }
}

fn with(place: &Place, arm: Arm, sessions: usize, transactions: usize) -> Result<Throughput> {
    let engine = place.engine().pool_size(sessions);
    let each = transactions.div_ceil(sessions);
    let keys = shuffled_keys(ROWS);
    let start = Barrier::new(sessions);
    // A session that could not start must not make the others wait.
    let worker = |number: usize| -> Result<(Vec<f64>, Duration)> {
        let work = place.work(arm, &engine);
        start.wait();
        let mut work = work?;
        let begun = Instant::now();
        let mut times = Vec::with_capacity(each);
        for turn in 0..each {
            let key = keys[(number * ROWS / sessions + turn) % ROWS];
            let from = Instant::now();
            work(key)?;
            times.push(from.elapsed().as_secs_f64() * 1e9);
        }
        Ok((times, begun.elapsed()))
    };
    let outcomes: Vec<Result<(Vec<f64>, Duration)>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..sessions)
            .map(|number| {
                let worker = &worker;
                scope.spawn(move || worker(number))
            })
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread
                .join()
                .unwrap_or_else(|_| Err("a session panicked".into()))
        };
        threads.into_iter().map(join).collect()
    });
    let mut times = Vec::new();
    let mut longest = Duration::ZERO;
    for outcome in outcomes {
        let (mut some, took) = outcome?;
        times.append(&mut some);
        longest = longest.max(took);
    }
    times.sort_unstable_by(f64::total_cmp);
    let count = f64::from(u32::try_from(times.len())?);
    Ok(Throughput {
        backend: place.backend(),
        arm,
        sessions,
        per_second: count / longest.as_secs_f64(),
        p50: quantile(&times, 50),
        p99: quantile(&times, 99),
    })
}

/// A percentile of ascending samples.
fn quantile(sorted: &[f64], of_100: usize) -> f64 {
    let at = (sorted.len() * of_100).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

impl fmt::Display for Throughput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<9} tx {:<9} {:>2} sessions {:>9.0} a second, p50 {:>7.0} µs, p99 {:>7.0} µs",
            self.backend,
            self.arm,
            self.sessions,
            self.per_second,
            self.p50 / 1e3,
            self.p99 / 1e3
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_known_samples() {
        let samples: Vec<f64> = (1..=200).map(f64::from).collect();
        assert!((quantile(&samples, 50) - 100.0).abs() < f64::EPSILON);
        assert!((quantile(&samples, 99) - 198.0).abs() < f64::EPSILON);
        assert!((quantile(&[7.0], 99) - 7.0).abs() < f64::EPSILON);
        assert!(quantile(&[], 50).is_nan());
    }

    #[test]
    fn sessions_at_a_time_do_all_their_transactions() {
        let found = measure(&[Site::Sqlite], 64).expect("SQLite is there");
        assert_eq!(found.len(), 2 * SESSIONS.len());
        for throughput in found {
            assert!(
                throughput.per_second > 0.0 && throughput.p50 <= throughput.p99,
                "{throughput}"
            );
        }
    }
}
