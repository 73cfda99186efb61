//! The backend on a server: every case has its own database, and all share one server.

mod changed;
mod connecting;
mod cuts;
mod endings;
mod errors;
mod keys;
mod lifetime;
mod others;
mod overlaps;
mod poolers;
mod reflection;
mod restricted;
mod secrets;
mod skipped;
mod stalls;
mod statements;
mod support;
#[cfg(feature = "tls")]
mod tls;
mod transactions;
mod types;

use libtest_mimic::{Arguments, Failed, Trial};
use selfsame_postgres::testing::{Server, required};
use support::Case;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if let [_, hold, kind, ending] = &words[..]
        && hold == "hold"
    {
        return lifetime::hold(kind, ending);
    }
    if let [_, hammer, url, schema, own] = &words[..]
        && hammer == "hammer"
    {
        return poolers::hammer(url, schema, own);
    }
    #[cfg(feature = "tls")]
    if let [_, connect, url] = &words[..]
        && connect == "connect"
    {
        return tls::connect(url);
    }
    let arguments = Arguments::from_args();
    let cases: Vec<Case> = [
        changed::CASES,
        connecting::CASES,
        cuts::CASES,
        endings::CASES,
        errors::CASES,
        keys::CASES,
        lifetime::CASES,
        others::CASES,
        overlaps::CASES,
        poolers::CASES,
        reflection::CASES,
        restricted::CASES,
        secrets::CASES,
        skipped::CASES,
        stalls::CASES,
        statements::CASES,
        transactions::CASES,
        types::CASES,
        #[cfg(feature = "tls")]
        tls::CASES,
    ]
    .concat();
    // Listing needs no server.
    let server = if arguments.list {
        None
    } else {
        Server::start()
            .inspect_err(|error| eprintln!("ignored, because no server is available: {error}"))
            .ok()
    };
    let trials = cases
        .into_iter()
        .map(|(name, case)| trial(name, case, server.clone()))
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    // `exit` runs no destructors.
    drop(server);
    conclusion.exit();
}

fn trial(name: &'static str, case: fn(&Server), server: Option<Server>) -> Trial {
    let ignored = server.is_none() && !required();
    let run = move || match server {
        Some(server) => {
            case(&server);
            Ok(())
        }
        None => Err(Failed::from("SELFSAME_REQUIRE=postgres, and no server")),
    };
    Trial::test(name, run).with_ignored_flag(ignored)
}
