//! Invariants of every workload on each backend: all arms agree, the statements are those of the golden files, and their number
//! grows as declared.
//!
//! `SELFSAME_BLESS=1` rewrites the files of statements, `selfsame gate --bless` also those of growth and allocations. Without a server its
//! tests are ignored, with the reason; `SELFSAME_REQUIRE=postgres,mariadb` makes them fail instead.

use std::env;
use std::path::PathBuf;

use libtest_mimic::{Arguments, Failed, Trial};
use selfsame_benches::{Backend, Fixture, Site, Workload, gated_on};
use selfsame_gate::{Exact, Golden, Step};
use selfsame_mariadb::testing::required as mariadb_required;
use selfsame_postgres::testing::required as postgres_required;

type Test = fn(&Site, Workload) -> Result<(), Failed>;

const TESTS: [(&str, Test); 2] = [("parity", parity), ("golden", golden)];

/// Larger sizes take long in a build without optimization.
const LARGEST: usize = 1_000;

fn main() {
    let arguments = Arguments::from_args();
    let start = |backend| {
        Site::start(backend)
            .inspect_err(|error| eprintln!("{backend} is ignored: {error}"))
            .ok()
    };
    let sites = Backend::ALL.map(|backend| {
        // Listing needs no server.
        let site = if arguments.list { None } else { start(backend) };
        (backend, site)
    });
    let mut trials = Vec::new();
    for (name, test) in TESTS {
        for workload in Workload::all_with_growth() {
            for (backend, site) in &sites {
                trials.push(trial(name, test, *backend, workload, site.clone()));
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // `exit` runs no destructors.
    drop(sites);
    conclusion.exit();
}

fn trial(
    name: &str,
    test: Test,
    backend: Backend,
    workload: Workload,
    site: Option<Site>,
) -> Trial {
    let required = match backend {
        Backend::Sqlite => true,
        Backend::Postgres => postgres_required(),
        Backend::MariaDb => mariadb_required(),
    };
    let ignored = site.is_none() && !required;
    Trial::test(
        format!("{backend}::{name}::{workload}"),
        move || match &site {
            Some(site) => test(site, workload),
            None => Err(format!("SELFSAME_REQUIRE={backend}, and no server").into()),
        },
    )
    .with_ignored_flag(ignored)
}

/// All arms read the same and leave the same rows.
fn parity(site: &Site, workload: Workload) -> Result<(), Failed> {
    for &size in workload.sizes().iter().filter(|size| **size <= LARGEST) {
        Fixture::new(site, workload, size)?.check_parity()?;
    }
    Ok(())
}

/// The ORM sends exactly the accepted statements.
fn golden(site: &Site, workload: Workload) -> Result<(), Failed> {
    let backend = site.backend();
    // Growth is the gate's business.
    let exact = Exact::of(&gated_on(site, workload), None, 0)?;
    let golden = Golden::new(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden"));
    if env::var_os("SELFSAME_BLESS").is_some_and(|value| value == "1") {
        return Ok(golden.bless_counts(&exact)?);
    }
    let found = golden.compare(&exact, &|step| step == Step::Counts)?;
    if found.is_empty() {
        return Ok(());
    }
    let causes: Vec<String> = found.iter().map(ToString::to_string).collect();
    let name = workload.name();
    Err(format!(
        "golden/{backend}/{name}.txt differs (SELFSAME_BLESS=1 accepts it)\n{}",
        causes.join("\n")
    )
    .into())
}
