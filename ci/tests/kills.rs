//! A process is killed while it commits: what it was told is there, and nothing is there by half.
//!
//! `SELFSAME_KILLS` says how often.

#[path = "../examples/soak/ledger.rs"]
mod ledger;

use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use selfsame::prelude::*;
use selfsame_sqlite::testing::TempDatabase;

use ledger::{Dice, Fate, Told};

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
    // As other tests do, where only their list is wanted.
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
    let told = Mutex::new(Told::default());
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
            scope.spawn(|| Told::listen(&told, said));
            std::thread::sleep(Duration::from_millis(30 + dice.below(60)));
            child.kill().expect("kills");
        });
        child.wait().expect("ends");
        let told = told.lock().expect("no panic");
        let held = ledger::verify(&engine, &told)
            .unwrap_or_else(|wrong| panic!("after kill {kill}: {wrong}"));
        rows = held.transfers + held.notes;
    }
    let told = told.into_inner().expect("no panic");
    let committed = told.count(Fate::Committed);
    println!(
        "{journal}: {kills} kills, {committed} told as committed and there among {rows}, {} undone and gone, {} cut off",
        told.count(Fate::Undone),
        told.count(Fate::Begun)
    );
    assert!(committed > 0 && told.count(Fate::Unknown) == 0);
}
