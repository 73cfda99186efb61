//! A cluster: what is written on one node is neither lost nor missed on another.
//!
//! With `SELFSAME_GALERA_FIGURES` set, throughput and latency over 1, 2 and 3 nodes are printed too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use selfsame::backend::{Backend, Sql, Statement, StatementKind};
use selfsame::prelude::*;
use selfsame::{Error, ErrorKind};
use selfsame_mariadb::MariaDb;
use selfsame_mariadb::testing::{Cluster, cluster_required};

#[derive(Entity, Clone, Debug)]
#[orm(table = "counters")]
struct Counter {
    #[orm(primary_key)]
    id: i64,
    value: i64,
}

/// How often a transaction is tried: on a busy row it loses to other nodes many times in succession.
const TRIES: u32 = 200;

fn engine(url: &str) -> Engine {
    let backend = MariaDb::url(url).expect("a URL").database("galera");
    Engine::new(backend.lock_timeout(Duration::from_secs(10)))
}

/// Creates the table of counters, each at zero.
fn prepare(cluster: &Cluster, counters: i64) {
    let url = cluster.node_url(0).expect("a node");
    let mut admin = MariaDb::url(&url)
        .and_then(|backend| backend.connect())
        .expect("connects");
    let create = Sql::new(
        StatementKind::Ddl,
        "CREATE DATABASE IF NOT EXISTS galera",
        [],
        [],
    );
    admin
        .execute(&Statement::new(&create, &[]))
        .expect("a database");
    let engine = engine(&url);
    metadata![Counter].drop_all(&engine).expect("drops");
    metadata![Counter].create_all(&engine).expect("creates");
    let mut session = Session::new(&engine);
    for id in 0..counters {
        session.add(Counter { id, value: 0 });
    }
    session.commit().expect("commits");
}

fn total(engine: &Engine) -> i64 {
    let mut session = Session::new(engine);
    let counters = Counter::query().all(&mut session).expect("reads");
    counters.iter().map(|&counter| session[counter].value).sum()
}

/// Adds one, and retries if the connection was lost before the commit. Returns true if it was counted, false if the outcome is unknown.
fn increment(session: &mut Session, id: i64, retried: &AtomicU64) -> Result<bool, Error> {
    let mut tries: u32 = 0;
    let done = session.retry(TRIES, |s| {
        tries += 1;
        let counter = Counter::query().filter(Counter::ID.eq(id)).one(s)?;
        s[counter].value += 1;
        Ok(())
    });
    retried.fetch_add(u64::from(tries - 1), Ordering::Relaxed);
    match done {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AmbiguousCommit => Ok(false),
        Err(error) => Err(error),
    }
}

/// Runs `threads` threads, each adding one `times` times. Returns how many increments were counted, how many are unknown, and how often a
/// transaction was retried.
fn hammer(engines: &[Engine], threads: usize, times: usize, counters: i64) -> (i64, i64, u64) {
    let retried = Arc::new(AtomicU64::new(0));
    let running: Vec<_> = (0..threads)
        .map(|thread| {
            let engine = engines[thread % engines.len()].clone();
            let retried = Arc::clone(&retried);
            thread::spawn(move || {
                let (mut known, mut unknown) = (0, 0);
                let mut left = times;
                let mut session = Session::new(&engine);
                while left > 0 {
                    let id = i64::try_from(thread).expect("few") % counters;
                    match increment(&mut session, id, &retried) {
                        Ok(true) => (known, left) = (known + 1, left - 1),
                        Ok(false) => (unknown, left) = (unknown + 1, left - 1),
                        // The node is gone: nothing was committed.
                        Err(error) => {
                            let kind = error.kind();
                            assert!(
                                matches!(
                                    kind,
                                    ErrorKind::ConnectionLost
                                        | ErrorKind::Unreachable
                                        | ErrorKind::PoolTimeout
                                        | ErrorKind::Deadlock
                                        | ErrorKind::Serialization
                                ),
                                "{error}"
                            );
                            thread::sleep(Duration::from_millis(20));
                        }
                    }
                    if session.rollback().is_err() {
                        session = Session::new(&engine);
                    }
                }
                (known, unknown)
            })
        })
        .collect();
    let mut sums = (0, 0);
    for thread in running {
        let (known, unknown) = thread.join().expect("a thread");
        sums = (sums.0 + known, sums.1 + unknown);
    }
    (sums.0, sums.1, retried.load(Ordering::Relaxed))
}

#[test]
fn nothing_is_lost() {
    let mut cluster = match Cluster::start(3) {
        Ok(cluster) => cluster,
        Err(error) if cluster_required() => panic!("Galera is required: {error}"),
        Err(error) => {
            eprintln!("ignored: {error}");
            return;
        }
    };
    prepare(&cluster, 8);

    // Eight threads over three nodes, all on one row.
    let spread = engine(&cluster.url());
    let (known, unknown, retried) = hammer(std::slice::from_ref(&spread), 8, 250, 1);
    println!("8 threads x 250 increments of one row over 3 nodes: {retried} ran again");
    assert_eq!((known, unknown), (2_000, 0));
    assert_eq!(total(&spread), 2_000, "no increment may be lost");

    // A commit on one node is visible on another at once.
    let one = engine(&cluster.node_url(0).expect("a node"));
    let waiting = format!("{}?sync_wait=1", cluster.node_url(1).expect("a node"));
    let other = engine(&waiting);
    for round in 0..20 {
        let mut session = Session::new(&one);
        let counter = Counter::query()
            .filter(Counter::ID.eq(7))
            .one(&mut session)
            .expect("reads");
        session[counter].value = round;
        session.commit().expect("commits");
        let mut session = Session::new(&other);
        let counter = Counter::query()
            .filter(Counter::ID.eq(7))
            .one(&mut session)
            .expect("reads");
        assert_eq!(session[counter].value, round, "read on another node");
    }

    // A node is killed while eight threads count, and joins again.
    prepare(&cluster, 8);
    let spread = engine(&cluster.url());
    let counting = {
        let spread = spread.clone();
        thread::spawn(move || hammer(&[spread], 8, 250, 8))
    };
    thread::sleep(Duration::from_millis(500));
    cluster.kill(2);
    let (known, unknown, _) = counting.join().expect("counts");
    println!("a node was killed: {known} increments are known, of {unknown} the answer was lost");
    assert_eq!(known + unknown, 2_000);
    let counted = total(&engine(&cluster.node_url(0).expect("a node")));
    assert!(
        (known..=known + unknown).contains(&counted),
        "{known} to {} were counted, and {counted} are there",
        known + unknown
    );
    cluster.rejoin(2).expect("joins again");
    for node in 0..3 {
        let url = format!("{}?sync_wait=1", cluster.node_url(node).expect("a node"));
        assert_eq!(total(&engine(&url)), counted, "on node {node}");
    }
    if std::env::var_os("SELFSAME_GALERA_FIGURES").is_some() {
        figures(&cluster);
    }
}

/// Prints transactions per second and their latency: eight threads, each with its own row, over the first nodes of the cluster.
fn figures(cluster: &Cluster) {
    for nodes in 1..=3 {
        prepare(cluster, 8);
        let engines: Vec<Engine> = (0..nodes)
            .map(|node| engine(&cluster.node_url(node).expect("a node")))
            .collect();
        for engine in &engines {
            let until = Instant::now() + Duration::from_secs(5);
            // Without `sync_wait` a node shows the rows a moment later.
            while Counter::query()
                .count(&mut Session::new(engine))
                .unwrap_or(0)
                < 8
            {
                assert!(Instant::now() < until, "a node does not see the rows");
                thread::sleep(Duration::from_millis(10));
            }
        }
        let begun = Instant::now();
        let (known, _, retried) = hammer(&engines, 8, 250, 8);
        let took = begun.elapsed();
        let mut single: Vec<Duration> = Vec::new();
        let ignored = AtomicU64::new(0);
        let mut session = Session::new(&engines[nodes - 1]);
        for _ in 0..200 {
            let begun = Instant::now();
            increment(&mut session, 0, &ignored).expect("counts");
            single.push(begun.elapsed());
        }
        single.sort();
        println!(
            "{nodes} node(s) of 3 written to: {:.0} transactions/s by 8 threads, {retried} ran again; alone {:?} median, {:?} the 99th of 100",
            f64::from(i32::try_from(known).expect("few")) / took.as_secs_f64(),
            single[100],
            single[197]
        );
    }
}
