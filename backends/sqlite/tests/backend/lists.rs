//! Long lists are sent as one parameter.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use selfsame::engine::Event;
use selfsame::prelude::*;

use crate::support::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "items")]
struct Item {
    #[orm(primary_key)]
    id: i64,
    name: String,
    weight: f64,
}

/// The distinct texts that were sent.
type Texts = Arc<Mutex<BTreeSet<String>>>;

fn items() -> (Engine, Texts) {
    let engine = Engine::new(Sqlite::memory());
    selfsame::metadata![Item]
        .create_all(&engine)
        .expect("tables");
    let mut session = Session::new(&engine);
    let items = (0..2_000).map(|id| Item::new(id, format!("item {id}"), 0.5));
    session.insert_all(items.collect::<Vec<_>>()).expect("rows");
    session.commit().expect("commit");
    let texts = Texts::default();
    let seen = Arc::clone(&texts);
    engine.observe(move |event: &Event<'_>| {
        let mut seen = seen.lock().expect("no panic");
        seen.insert(event.sql.text().to_owned());
    });
    (engine, texts)
}

/// Each list holds every second item, as many as there are, and as many missing ones.
#[test]
fn one_text_for_lists_of_every_length() {
    let (engine, texts) = items();
    let mut session = Session::new(&engine);
    for length in [
        101_i64, 102, 5_000, 9_999, 10_000, 32_766, 32_767, 50_000, 100_001,
    ] {
        let numbers = (0..length).map(|n| if n % 2 == 0 { n } else { -n });
        let wanted = u64::try_from((length.min(2_000) + 1) / 2).expect("a count");
        let query = Item::query().filter(Item::ID.in_(numbers.clone()));
        assert_eq!(
            query.count(&mut session).expect("a count"),
            wanted,
            "{length} integers"
        );
        let query = Item::query().filter(Item::NAME.in_(numbers.map(|n| format!("item {n}"))));
        assert_eq!(
            query.count(&mut session).expect("a count"),
            wanted,
            "{length} texts"
        );
    }
    session.commit().expect("commit");
    let texts = texts.lock().expect("no panic");
    let selects: Vec<_> = texts
        .iter()
        .filter(|text| text.starts_with("SELECT"))
        .collect();
    assert_eq!(selects.len(), 2, "{selects:#?}");
    assert!(selects.iter().all(|text| text.len() < 200));
}

/// Several short lists with too many parameters in total.
#[test]
fn many_short_lists() {
    let (engine, _) = items();
    let mut session = Session::new(&engine);
    let filters = (0..400).map(|n| Item::ID.in_(n..n + 90));
    let any = filters.reduce(|a, b| a | b).expect("some");
    let count = Item::query().filter(any).count(&mut session);
    assert_eq!(count.expect("a count"), 489);
}

/// Floats have no exact form in JSON: they stay parameters, and too many are refused.
#[test]
fn floats_are_exact_or_refused() {
    let (engine, _) = items();
    let mut session = Session::new(&engine);
    let mut count = |length: u32| {
        let weights = (0..length).map(|n| 0.5 + f64::from(n));
        Item::query()
            .filter(Item::WEIGHT.in_(weights))
            .count(&mut session)
    };
    assert_eq!(count(30_000).expect("a count"), 2_000);
    let error = count(40_000).expect_err("too many");
    assert_eq!(error.kind(), selfsame::ErrorKind::OutOfRange);
    assert!(error.to_string().len() < 1_000, "{error}");
}

/// Resident memory of the process, in MiB.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the process has a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|rest| rest.split_whitespace().next());
    let kibibytes: u64 = kibibytes.and_then(|n| n.parse().ok()).expect("a number");
    kibibytes / 1024
}

/// Cached for each length, such texts took gigabytes. The bound leaves room for tests that run in parallel.
#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_lists() {
    let (engine, _) = items();
    let mut session = Session::new(&engine);
    let mut query = |length: i64| {
        let query = Item::query().filter(Item::ID.in_(0..length));
        assert_eq!(query.count(&mut session).expect("a count"), 2_000);
    };
    (0..10).for_each(|n| query(32_767 + n));
    let before = resident();
    (0..100).for_each(|n| query(32_800 + n));
    let long = resident();
    (0..100).for_each(|n| query(9_850 + n));
    let varied = resident();
    println!(
        "resident: {before} MiB, {long} MiB after 100 long lists, {varied} MiB after 100 of varied length"
    );
    assert!(
        varied.max(long) < before + 200,
        "{before}, {long}, {varied} MiB"
    );
}
