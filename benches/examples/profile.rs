//! Runs one arm for a while, to be profiled.
use selfsame_benches::{Arm, Backend, Digest, Fixture, Site, Workload};
use std::time::{Duration, Instant};
fn main() -> selfsame_benches::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let backend = Backend::ALL.into_iter().find(|b| b.name() == words[0]).unwrap();
    let workload = Workload::ALL.into_iter().find(|w| w.name() == words[1]).unwrap();
    let size: usize = words[2].parse()?;
    let arm = [Arm::Raw, Arm::Core, Arm::Untracked, Arm::Tracked].into_iter().find(|w| w.name() == words[3]).unwrap();
    let runs: Option<u32> = words.get(4).map(|w| w.parse()).transpose()?;
    let site = match backend { Backend::Sqlite => Site::Sqlite, Backend::Postgres => Site::Postgres(selfsame_postgres::testing::Server::start()?) };
    let mut fixture = Fixture::new(&site, workload, size)?;
    let start = Instant::now();
    let mut n = 0;
    while runs.map_or(start.elapsed() < Duration::from_secs(3), |r| n < r) {
        fixture.prepare(arm)?;
        let inner = if runs.is_some() { 1 } else { 4 };
        for _ in 0..inner { fixture.run(arm, &mut Digest::off())?; n += 1; }
    }
    println!("{n} runs, {:?} each", start.elapsed() / n);
    Ok(())
}
