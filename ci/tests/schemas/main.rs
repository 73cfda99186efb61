//! Existing databases: every construct that an entity can express works, and everything else is reported.
//!
//! `selfsame inspect` writes the entities of `postgres.sql` and `sqlite.sql` (`SELFSAME_BLESS=1` writes them anew); they are compiled
//! here, make the schema again, and are used. `cycle` changes and deletes a row of every table of them.

#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod files;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod hostile_postgres;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod hostile_sqlite;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
#[expect(
    clippy::duplicated_attributes,
    clippy::upper_case_acronyms,
    reason = "it is what `inspect` writes: two indexes may share a column, and a label may be ABC"
)]
mod more;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod mariadb;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod postgres;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod rules_mariadb;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod rules_postgres;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod rules_sqlite;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod sqlite;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
#[expect(
    clippy::duplicated_attributes,
    reason = "two foreign keys may share a column, and lead to one table"
)]
mod world_postgres;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
#[expect(
    clippy::duplicated_attributes,
    reason = "two foreign keys may share a column, and lead to one table"
)]
mod world_sqlite;
#[path = "../support/inspected.rs"]
mod inspected;
#[path = "../support/mod.rs"]
mod support;

mod affinity;
mod audit;
mod bends;
mod cycle;
#[rustfmt::skip]
mod entities;
mod mapped;
mod on_cycle;
mod on_hostile;
mod on_mariadb;
mod on_more;
mod on_postgres;
mod on_sqlite;
mod on_world;
mod one;
mod outside;
mod own;
mod places;
mod special;
mod trials;
mod troubles;
mod whole;

use inspected::{Test, check_written, execute, with_mariadb, with_server};
use libtest_mimic::{Arguments, Failed, Trial};
use selfsame_postgres::testing::Server;

type OnMariaDb = fn(&selfsame_mariadb::testing::Server) -> selfsame::Result<()>;

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let server = (!arguments.list).then(Server::start).transpose();
    let of_mariadb = (!arguments.list)
        .then(selfsame_mariadb::testing::Server::start)
        .transpose();
    let mut trials: Vec<Trial> = on_postgres::TESTS
        .iter()
        .chain(on_more::TESTS)
        .chain(on_hostile::ON_POSTGRES)
        .chain(outside::ON_POSTGRES)
        .chain(special::ON_POSTGRES)
        .chain(troubles::ON_POSTGRES)
        .chain(on_world::ON_POSTGRES)
        .chain(trials::ON_POSTGRES)
        .chain(one::ON_POSTGRES)
        .chain(bends::ON_POSTGRES)
        .chain(mapped::ON_POSTGRES)
        .chain(on_cycle::ON_POSTGRES)
        .map(|&(name, test)| with_server(name, &server, test))
        .collect();
    trials.extend(
        on_sqlite::TESTS
            .iter()
            .chain(on_hostile::ON_SQLITE)
            .chain(affinity::ON_SQLITE)
            .chain(troubles::ON_SQLITE)
            .chain(on_world::ON_SQLITE)
            .chain(trials::ON_SQLITE)
            .chain(one::ON_SQLITE)
            .chain(on_cycle::ON_SQLITE)
            .map(|&(name, test)| Trial::test(name, move || test().map_err(Failed::from))),
    );
    trials.extend(
        on_mariadb::TESTS
            .iter()
            .chain(trials::ON_MARIADB)
            .chain(one::ON_MARIADB)
            .chain(bends::ON_MARIADB)
            .chain(mapped::ON_MARIADB)
            .chain(on_cycle::ON_MARIADB)
            .map(|&(name, test)| with_mariadb(name, &of_mariadb, test)),
    );
    libtest_mimic::run(&arguments, trials).exit_code()
}
