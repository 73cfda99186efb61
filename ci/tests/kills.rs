//! Kills a process while it commits: everything it reported as committed must exist, and nothing in part.
//!
//! `SELFSAME_KILLS` sets the number of kills.

#[path = "../examples/soak/ledger.rs"]
mod ledger;

use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use selfsame::prelude::*;
use selfsame_sqlite::testing::TempDatabase;

use ledger::{Dice, Fate, Reports};

const KILLS: u64 = 40;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, url, name, seed] = &*arguments
        && flag == "--work"
    {
        let engine = Engine::from_url(url, &[&selfsame_sqlite::SCHEME]).expect("a URL");
        let seed = seed.parse().expect("a number");
        ledger::work(&engine, name, seed, || true);
        return ExitCode::SUCCESS;
    }
    // Lists the test, as other test binaries do.
    if arguments.iter().any(|argument| argument == "--list") {
        println!("sqlite::killed_while_committing: test");
        return ExitCode::SUCCESS;
    }
    for journal in ["wal", "delete"] {
        killed_while_committing(journal);
    }
    ExitCode::SUCCESS
}

fn killed_while_committing(journal: &str) {
    let kills = match std::env::var("SELFSAME_KILLS") {
        Ok(kills) => kills.parse().expect("SELFSAME_KILLS is a number"),
        Err(_) => KILLS,
    } / 2;
    let database = TempDatabase::new().expect("a directory");
    let url = format!(
        "sqlite:{}?journal_mode={journal}",
        database.path().display()
    );
    let engine = Engine::from_url(&url, &[&selfsame_sqlite::SCHEME]).expect("a URL");
    ledger::prepare(&engine).expect("tables");
    let reports = Mutex::new(Reports::default());
    let mut dice = Dice::new(kills);
    let mut rows = 0;
    for kill in 0..kills {
        let mut child = Command::new(std::env::current_exe().expect("a path"))
            .args([
                "--work",
                &url,
                &format!("{journal}{kill}"),
                &kill.to_string(),
            ])
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let said = child.stdout.take().expect("a pipe");
        std::thread::scope(|scope| {
            scope.spawn(|| Reports::listen(&reports, said));
            std::thread::sleep(Duration::from_millis(30 + dice.below(60)));
            child.kill().expect("kills");
        });
        child.wait().expect("ends");
        let reports = reports.lock().expect("no panic");
        let held = ledger::verify(&engine, &reports)
            .unwrap_or_else(|wrong| panic!("after kill {kill}: {wrong}"));
        rows = held.transfers + held.notes;
    }
    let reports = reports.into_inner().expect("no panic");
    let committed = reports.count(Fate::Committed);
    println!(
        "{journal}: {kills} kills, {committed} reported as committed and there among {rows}, {} undone and gone, {} cut off",
        reports.count(Fate::Undone),
        reports.count(Fate::Begun)
    );
    assert!(committed > 0 && reports.count(Fate::Unknown) == 0);
}
