//! What every workload must keep, on both backends: all arms agree, the statements are those of the golden files, and their number
//! grows as it may.
//!
//! `SELFSAME_BLESS=1` writes the golden files anew. PostgreSQL's tests are ignored, with the reason, if there is no server, and fail
//! under `SELFSAME_REQUIRE=postgres`.

use std::env;
use std::fs;
use std::path::PathBuf;

use libtest_mimic::{Arguments, Failed, Trial};
use selfsame_benches::{Arm, Backend, Counts, Fixture, Site, Workload};
use selfsame_postgres::testing::{Server, required};

type Test = fn(&Site, Workload) -> Result<(), Failed>;

const TESTS: [(&str, Test); 3] = [("parity", parity), ("golden", golden), ("growth", growth)];

fn main() {
    let arguments = Arguments::from_args();
    // Listing needs no server.
    let server = if arguments.list {
        None
    } else {
        Server::start()
            .inspect_err(|error| eprintln!("PostgreSQL is ignored: {error}"))
            .ok()
    };
    let mut trials = Vec::new();
    for (name, test) in TESTS {
        for workload in Workload::ALL {
            trials.push(trial(
                name,
                test,
                Backend::Sqlite,
                workload,
                Some(Site::Sqlite),
            ));
            let site = server.clone().map(Site::Postgres);
            trials.push(trial(name, test, Backend::Postgres, workload, site));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // `exit` runs no destructors.
    drop(server);
    conclusion.exit();
}

fn trial(
    name: &str,
    test: Test,
    backend: Backend,
    workload: Workload,
    site: Option<Site>,
) -> Trial {
    let ignored = site.is_none() && !required();
    Trial::test(
        format!("{backend}::{name}::{workload}"),
        move || match &site {
            Some(site) => test(site, workload),
            None => Err("SELFSAME_REQUIRE=postgres, and no server".into()),
        },
    )
    .with_ignored_flag(ignored)
}

/// All arms read the same and leave the same behind, at every size.
fn parity(site: &Site, workload: Workload) -> Result<(), Failed> {
    for &size in workload.sizes() {
        Fixture::new(site, workload, size)?.check_parity()?;
    }
    Ok(())
}

/// What the ORM sends is what it was blessed to send, statement by statement.
fn golden(site: &Site, workload: Workload) -> Result<(), Failed> {
    let size = match workload {
        Workload::Associations => 9,
        _ => 100,
    };
    let counts = Counts::of(site, workload, size, Arm::Tracked)?;
    let found = format!(
        "{workload} of {size}, tracked, on {}\n\n{counts}",
        site.backend()
    );
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(site.backend().name())
        .join(format!("{workload}.txt"));
    if env::var_os("SELFSAME_BLESS").is_some_and(|value| value == "1") {
        let folder = path.parent().ok_or("the golden files have a folder")?;
        fs::create_dir_all(folder)?;
        fs::write(&path, found)?;
        return Ok(());
    }
    let expected = fs::read_to_string(&path)
        .map_err(|error| format!("{}: {error}; SELFSAME_BLESS=1 writes it", path.display()))?;
    if found == expected {
        return Ok(());
    }
    Err(format!(
        "the statements differ from {} (SELFSAME_BLESS=1 accepts them)\n--- blessed\n{expected}\n--- found\n{found}",
        path.display()
    )
    .into())
}

/// The number of statements is constant, or one for each batch.
fn growth(site: &Site, workload: Workload) -> Result<(), Failed> {
    for size in [1, 10, 100] {
        let found = Counts::of(site, workload, size, Arm::Tracked)?.executions();
        let expected = expected(site.backend(), workload, size);
        if found != expected {
            return Err(format!("{found} statements for {size} rows instead of {expected}").into());
        }
    }
    Ok(())
}

/// How many statements a workload may take, BEGIN and its end included.
fn expected(backend: Backend, workload: Workload, size: usize) -> usize {
    /// Rows of one VALUES list, keys of one IN list, on SQLite. PostgreSQL takes arrays of any length.
    const ROWS: usize = 64;
    const KEYS: usize = 512;
    match (workload, backend) {
        (Workload::Trivial, _) => 3,
        // A single statement needs no transaction of its own.
        (Workload::Insert, _) if size == 1 => 1,
        (Workload::Insert, Backend::Sqlite) => 3 + size.div_ceil(ROWS),
        (Workload::Insert, Backend::Postgres) => 1,
        // Asked for one by one.
        (Workload::PkCold, _) => 2 + size,
        (Workload::PkWarm, _) => 0,
        (Workload::PkMany, Backend::Sqlite) => 2 + size.div_ceil(KEYS),
        (Workload::PkMany, Backend::Postgres) => 3,
        // SQLite has no faster form than one prepared statement run for each row.
        (Workload::Update, Backend::Sqlite) => 3 + size,
        (Workload::Update, Backend::Postgres) => 4,
        (Workload::Associations, Backend::Sqlite) => {
            3 + size.div_ceil(KEYS) + (10 * size).div_ceil(KEYS)
        }
        (Workload::Associations, Backend::Postgres) => 5,
    }
}
