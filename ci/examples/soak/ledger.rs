//! Transfers between accounts: the work, the workers' reports, and the comparison with the database.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::sync::Mutex;
use std::time::Duration;

use selfsame::metadata::Metadata;
use selfsame::prelude::*;

/// How many accounts there are.
const ACCOUNTS: i64 = 50;

#[derive(Entity, Clone, Debug)]
#[orm(table = "accounts")]
pub(crate) struct Account {
    #[orm(primary_key)]
    id: i64,
    balance: i64,
    #[orm(version)]
    version: i32,
}

/// A transfer: written atomically with its two entries and the two balances.
#[derive(Entity, Clone, Debug)]
#[orm(table = "transfers")]
pub(crate) struct Transfer {
    #[orm(primary_key)]
    id: Auto<i64>,
    /// The worker and its own number of the transfer.
    #[orm(unique)]
    name: String,
    #[orm(cascade = "all")]
    entries: HasMany<Entry>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "entries")]
pub(crate) struct Entry {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "transfers.id", index)]
    transfer_id: Option<i64>,
    #[orm(key = "transfer_id")]
    transfer: BelongsTo<Transfer>,
    account: i64,
    amount: i64,
}

/// A row written by one statement, without a transaction.
#[derive(Entity, Clone, Debug)]
#[orm(table = "notes")]
pub(crate) struct Note {
    #[orm(primary_key)]
    name: String,
}

pub(crate) fn metadata() -> Metadata {
    selfsame::metadata![Account, Transfer, Entry, Note]
}

/// Creates the tables and the accounts.
pub(crate) fn prepare(engine: &Engine) -> Result<()> {
    metadata().create_all(engine)?;
    let mut session = Session::new(engine);
    for id in 0..ACCOUNTS {
        session.add(Account::new(id, 0));
    }
    session.commit()
}

/// Pseudo-random numbers, determined by a seed.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end.max(1)
    }

    fn account(&mut self) -> i64 {
        i64::try_from(self.below(50)).unwrap_or(0)
    }
}

/// The outcome of a piece of work according to its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Started, without a report since.
    Begun,
    Committed,
    Undone,
    Unknown,
}

/// The workers' reports.
#[derive(Debug, Default)]
pub(crate) struct Reports(pub(crate) BTreeMap<String, Fate>);

impl Reports {
    /// Reads a worker's lines to their end. Ignores an incomplete line.
    pub(crate) fn listen(reports: &Mutex<Self>, lines: impl io::Read) {
        let mut lines = io::BufReader::new(lines);
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
            if let Some((word, name)) = line
                .strip_suffix('\n')
                .and_then(|line| line.split_once(' '))
            {
                let fate = match word {
                    "begun" => Fate::Begun,
                    "committed" => Fate::Committed,
                    "undone" => Fate::Undone,
                    _ => Fate::Unknown,
                };
                let mut reports = reports.lock().expect("no panic");
                reports.0.insert(name.to_owned(), fate);
            }
            line.clear();
        }
    }

    pub(crate) fn count(&self, fate: Fate) -> usize {
        self.0.values().filter(|found| **found == fate).count()
    }
}

/// Works until `goes_on` returns false, and reports its work on standard output.
pub(crate) fn work(engine: &Engine, worker: &str, seed: u64, goes_on: impl Fn() -> bool) {
    let mut dice = Dice::new(seed);
    let mut number = 0_u64;
    while goes_on() {
        number += 1;
        let name = format!("{worker}-{number}");
        let kind = dice.below(10);
        if kind == 0 {
            // The result of reading does not matter, only that it ends.
            let _ = read(engine, &mut dice);
            continue;
        }
        if !say("begun", &name) {
            return;
        }
        let done = match kind {
            1 => note(engine, &name),
            2 => transfer(engine, &name, &mut dice, true),
            _ => transfer(engine, &name, &mut dice, false),
        };
        let word = match &done {
            Ok(()) => "committed",
            Err(error) if error.kind() == ErrorKind::AmbiguousCommit => "unknown",
            Err(_) => "undone",
        };
        if !say(word, &name) {
            return;
        }
        if done.is_err_and(|error| error.kind() == ErrorKind::Unreachable) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Whether a server listens.
fn say(word: &str, name: &str) -> bool {
    let mut out = io::stdout().lock();
    out.write_all(format!("{word} {name}\n").as_bytes())
        .and_then(|()| out.flush())
        .is_ok()
}

fn note(engine: &Engine, name: &str) -> Result<()> {
    let mut session = Session::new(engine);
    session.add(Note::new(name));
    session.commit()
}

/// Moves an amount, sometimes in a savepoint that is rolled back first; fails at the end if requested.
fn transfer(engine: &Engine, name: &str, dice: &mut Dice, fails: bool) -> Result<()> {
    let (from, to) = (dice.account(), dice.account());
    let amount = i64::try_from(dice.below(100)).unwrap_or(0);
    let has_savepoint = dice.below(4) == 0;
    let mut session = Session::new(engine);
    session.retry(20, |session| {
        if has_savepoint {
            let undone: Result<()> = session.savepoint(|session| {
                session.add(Transfer::new(format!("{name}-undone")));
                session.flush()?;
                Err(Error::new(ErrorKind::Validation, "planned"))
            });
            match undone {
                Err(error) if error.kind() == ErrorKind::Validation => {}
                other => other?,
            }
        }
        let accounts = session.get_many::<Account>([from, to])?;
        for account in accounts {
            let sign =
                i64::from(session[account].id == to) - i64::from(session[account].id == from);
            session[account].balance += sign * amount;
        }
        let transfer = session.add(Transfer::new(name));
        for (account, amount) in [(from, -amount), (to, amount)] {
            let entry = session.add(Entry::new(account, amount));
            session.push(transfer, Transfer::ENTRIES, entry)?;
        }
        session.flush()?;
        match fails {
            true => Err(Error::new(ErrorKind::Validation, "planned")),
            false => Ok(()),
        }
    })
}

fn read(engine: &Engine, dice: &mut Dice) -> Result<()> {
    let mut session = Session::new(engine);
    let last = i64::try_from(dice.below(2_000)).unwrap_or(0);
    let found = Transfer::query()
        .filter(Transfer::ID.in_(0..last))
        .with(Transfer::ENTRIES.selectin())
        .limit(50)
        .all(&mut session)?;
    session.commit()?;
    for transfer in found.into_iter().take(3) {
        session.refresh(transfer)?;
    }
    session.rollback()
}

/// The contents of the database.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Held {
    pub(crate) transfers: usize,
    pub(crate) notes: usize,
    /// Those with an unknown outcome.
    pub(crate) unknown_held: usize,
}

/// Compares the database with the reports. No worker runs meanwhile.
///
/// # Errors
///
/// Half-written or lost transfers, and transfers that exist although they were reported as rolled back.
pub(crate) fn verify(engine: &Engine, reports: &Reports) -> std::result::Result<Held, String> {
    let failed = |error: Error| error.to_string();
    let mut session = Session::new(engine);
    let ask = |session: &mut Session, text: &str| -> Result<Vec<String>> {
        session
            .sql(text, ())
            .all::<(String,)>()
            .map(|rows| rows.into_iter().map(|row| row.0).collect())
    };
    for (what, text) in [
        (
            "transfers without their two entries",
            "SELECT name FROM transfers WHERE 2 <> (SELECT count(*) FROM entries WHERE transfer_id = transfers.id) OR 0 <> (SELECT sum(amount) FROM entries WHERE transfer_id = transfers.id)",
        ),
        (
            "entries without a transfer",
            "SELECT CAST(id AS VARCHAR(20)) FROM entries WHERE transfer_id IS NULL",
        ),
        (
            "balances that are not the sum of their entries",
            "SELECT CAST(id AS VARCHAR(20)) FROM accounts WHERE balance <> (SELECT coalesce(sum(amount), 0) FROM entries WHERE account = accounts.id)",
        ),
    ] {
        let found = ask(&mut session, text).map_err(failed)?;
        if !found.is_empty() {
            return Err(format!("half written: {what}: {found:?}"));
        }
    }
    let transfers = ask(&mut session, "SELECT name FROM transfers").map_err(failed)?;
    let notes = ask(&mut session, "SELECT name FROM notes").map_err(failed)?;
    let mut held = Held {
        transfers: transfers.len(),
        notes: notes.len(),
        unknown_held: 0,
    };
    let there: std::collections::HashSet<&str> =
        transfers.iter().chain(&notes).map(String::as_str).collect();
    for (name, fate) in &reports.0 {
        match (fate, there.contains(name.as_str())) {
            (Fate::Committed, false) => return Err(format!("lost: {name}")),
            (Fate::Undone, true) => {
                return Err(format!("reported as rolled back, but present: {name}"));
            }
            (Fate::Begun | Fate::Unknown, true) => held.unknown_held += 1,
            _ => {}
        }
    }
    if let Some(stranger) = there.iter().find(|name| !reports.0.contains_key(**name)) {
        return Err(format!("present, although nobody started it: {stranger}"));
    }
    Ok(held)
}
