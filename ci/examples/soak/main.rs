//! Runs mixed sessions on SQLite and PostgreSQL under kills, broken connections, stalls and restarts, and checks that nothing is lost or half
//! written and that memory does not grow.
//!
//! `ci/soak [MINUTES]`, by default 30; exits with 1 at the first wrong row.

mod ledger;
mod proxy;

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use selfsame::prelude::*;
use selfsame_postgres::testing::Server;
use selfsame_sqlite::testing::TempDatabase;

use ledger::{Dice, Fate, Reports};
use proxy::Proxy;

type Outcome<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The time of disturbances between two checks of the whole database.
const ROUND: Duration = Duration::from_secs(20);
/// The number of workers that are killed.
const WORKERS: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match &*arguments {
        [flag, url, name, seed, pause] if flag == "--work" => {
            work(url, name, seed, Path::new(pause))
        }
        [] => soak(Duration::from_secs(30 * 60)),
        [minutes] => match minutes.parse::<f64>() {
            Ok(minutes) => soak(Duration::from_secs_f64(minutes * 60.0)),
            Err(error) => Err(error.into()),
        },
        _ => Err("soak [MINUTES]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn open(url: &str) -> Outcome<Engine> {
    let schemes = [&selfsame_sqlite::SCHEME, &selfsame_postgres::SCHEME];
    Ok(Engine::from_url(url, &schemes)?)
}

/// A worker: runs until it is killed. It pauses while a file with this name exists, and confirms with a second file.
fn work(url: &str, name: &str, seed: &str, pause: &Path) -> Outcome<()> {
    let engine = open(url)?.pool_size(2);
    let answer = pause.with_extension("paused");
    ledger::work(&engine, name, seed.parse()?, || {
        while pause.exists() {
            let _ = fs::write(&answer, "");
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = fs::remove_file(&answer);
        true
    });
    Ok(())
}

fn soak(duration: Duration) -> Outcome<()> {
    let until = Instant::now() + duration;
    let on_sqlite = std::thread::spawn(move || {
        let database = TempDatabase::new()?;
        let path = database.path().to_owned();
        let url = format!("sqlite:{}?busy_timeout=2000", path.display());
        let locks = rusqlite::Connection::open(&path)?;
        rounds("sqlite", &url, &url, until, &mut |dice| {
            let _ = locks.execute_batch("BEGIN IMMEDIATE");
            std::thread::sleep(Duration::from_millis(dice.below(300)));
            let _ = locks.execute_batch("ROLLBACK");
            Ok("lock held")
        })
    });
    let on_postgres = std::thread::spawn(move || {
        let server = Server::local()?;
        // Test servers commit asynchronously by default, but here commits must survive crashes.
        let url = format!("{}?options=-c%20synchronous_commit%3Don", server.url());
        let host = url
            .split('@')
            .nth(1)
            .and_then(|rest| rest.split('/').next());
        let host: SocketAddr = host.ok_or("no host")?.parse()?;
        let proxy = Proxy::to(host)?;
        let through = url.replace(&host.to_string(), &proxy.address.to_string());
        let done = rounds("postgres", &url, &through, until, &mut |dice| {
            if dice.below(12) == 0 {
                return crash(&url).map(|()| "server crashed");
            }
            proxy.stall(true);
            std::thread::sleep(Duration::from_millis(dice.below(2_500)));
            proxy.stall(false);
            Ok("connections stalled")
        });
        println!("postgres: {} connections were cut", proxy.cuts());
        done
    });
    for (name, running) in [("sqlite", on_sqlite), ("postgres", on_postgres)] {
        let done = running.join().map_err(|_| format!("{name}: a panic"))?;
        done.map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// Kills a process of the server, which then restarts and recovers.
fn crash(url: &str) -> Outcome<()> {
    let engine = open(url)?;
    let mut session = Session::new(&engine);
    let victims = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    if let Some((pid,)) = session.sql(victims, ()).first::<(i32,)>()? {
        signal("-KILL", pid.unsigned_abs());
    }
    Ok(())
}

fn signal(which: &str, process: u32) {
    let _ = Command::new("kill")
        .args([which, &process.to_string()])
        .stderr(Stdio::null())
        .status();
}

/// A worker process, and the thread that reads its reports.
struct Worker {
    child: Child,
    listening: Option<JoinHandle<()>>,
}

impl Worker {
    fn start(
        url: &str,
        name: &str,
        seed: u64,
        pause: &Path,
        reports: &Arc<Mutex<Reports>>,
    ) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--work", url, name, &seed.to_string()])
            .arg(pause)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let said = child.stdout.take().ok_or("no pipe")?;
        let reports = Arc::clone(reports);
        let listening = std::thread::spawn(move || Reports::listen(&reports, said));
        Ok(Self {
            child,
            listening: Some(listening),
        })
    }

    /// Kills it, and reads its last reports.
    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}

/// Alternates disturbances and checks. `direct` is the URL for checks, `url` the one for workers.
fn rounds(
    target: &str,
    direct: &str,
    url: &str,
    until: Instant,
    trouble: &mut dyn FnMut(&mut Dice) -> Outcome<&'static str>,
) -> Outcome<()> {
    let engine = open(direct)?;
    ledger::prepare(&engine)?;
    let folder = TempDatabase::new()?;
    let pause = folder.directory().join("pause");
    let reports = Arc::new(Mutex::new(Reports::default()));
    let mut dice = Dice::new(std::process::id().into());
    let mut steady = Worker::start(url, "steady", 1, &pause, &reports)?;
    let (mut kills, mut stops, mut troubles, mut memory) = (0_u64, 0_u64, 0_u64, Vec::new());
    let mut looks = 0;
    while Instant::now() < until {
        let round = until.min(Instant::now() + ROUND);
        let start = |kills: u64| {
            let name = format!("w{kills}");
            Worker::start(
                url,
                &name,
                dice_seed(kills),
                &folder.directory().join("never"),
                &reports,
            )
        };
        kills += 1;
        let mut workers = vec![start(kills)?];
        for _ in 1..WORKERS {
            kills += 1;
            workers.push(start(kills)?);
        }
        while Instant::now() < round {
            std::thread::sleep(Duration::from_millis(20 + dice.below(300)));
            let which = usize::try_from(dice.below(WORKERS as u64)).unwrap_or(0);
            match dice.below(10) {
                0..=4 => {
                    workers[which].end();
                    kills += 1;
                    workers[which] = start(kills)?;
                }
                5..=6 => {
                    stops += 1;
                    let process = workers[which].child.id();
                    signal("-STOP", process);
                    std::thread::sleep(Duration::from_millis(dice.below(1_000)));
                    signal("-CONT", process);
                }
                _ => {
                    // A disturbance may fail because of another.
                    troubles += u64::from(trouble(&mut dice).is_ok());
                }
            }
        }
        drop(workers);
        quiet(&pause)?;
        looks += 1;
        memory.push(resident(steady.child.id()));
        let reports = reports.lock().map_err(|_| "a panic")?;
        let held = look(&engine, &reports)?;
        println!(
            "{target}: look {looks}: {} transfers and {} notes, {} reported as committed, {} undone, {} unknown, {} cut off by a kill ({} of those two are there); {kills} kills, {stops} stops, {troubles} other troubles; steady worker {} MiB",
            held.transfers,
            held.notes,
            reports.count(Fate::Committed),
            reports.count(Fate::Undone),
            reports.count(Fate::Unknown),
            reports.count(Fate::Begun),
            held.unknown_held,
            memory.last().copied().unwrap_or_default(),
        );
        drop(reports);
        fs::remove_file(&pause)?;
    }
    steady.end();
    flat(&memory)
}

fn dice_seed(kills: u64) -> u64 {
    kills.wrapping_add(1_000)
}

/// Waits until the steady worker pauses.
fn quiet(pause: &Path) -> Outcome<()> {
    let answer: PathBuf = pause.with_extension("paused");
    let _ = fs::remove_file(&answer);
    fs::write(pause, "")?;
    let begun = Instant::now();
    while !answer.exists() {
        if begun.elapsed() > Duration::from_secs(90) {
            return Err("the steady worker hangs".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    // Its last line may still be in the pipe.
    std::thread::sleep(Duration::from_millis(200));
    Ok(())
}

/// Checks everything; waits for a server that has just crashed to recover.
fn look(engine: &Engine, reports: &Reports) -> Outcome<ledger::Held> {
    let begun = Instant::now();
    loop {
        match engine.connect().map(drop) {
            Err(_) if begun.elapsed() < Duration::from_secs(60) => {
                std::thread::sleep(Duration::from_millis(200));
            }
            Err(error) => return Err(error.into()),
            Ok(()) => match ledger::verify(engine, reports) {
                Err(wrong)
                    if wrong.contains("connection")
                        && begun.elapsed() < Duration::from_secs(60) => {}
                verified => return verified.map_err(Into::into),
            },
        }
    }
}

/// Returns the resident memory of a process, in MiB.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) / 1024
}

/// Checks that the last third uses no more memory than the first, with some slack.
fn flat(memory: &[u64]) -> Outcome<()> {
    let third = memory.len() / 3;
    if third == 0 {
        return Ok(());
    }
    let most = |part: &[u64]| part.iter().copied().max().unwrap_or(0);
    let (first, last) = (
        most(&memory[..third]),
        most(&memory[memory.len() - third..]),
    );
    println!(
        "memory of the steady worker: {first} MiB at most in the first third, {last} MiB in the last"
    );
    match last <= first + first / 4 + 8 {
        true => Ok(()),
        false => Err(format!("memory grows: {memory:?} MiB").into()),
    }
}
