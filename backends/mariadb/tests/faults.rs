//! The suite on MariaDB backends that lie: every mistake is found.

use std::sync::Arc;

use selfsame_conformance::{Options, Target, run_faults, target_fn};
use selfsame_mariadb::testing::{self, Server};

#[test]
fn every_lie_is_found() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(error) if testing::required() => panic!("MariaDB is required: {error}"),
        Err(error) => {
            eprintln!("ignored: {error}");
            return;
        }
    };
    let target: Arc<dyn Target> = Arc::new(target_fn("mariadb", move || {
        let database = server.database()?;
        Ok((Arc::new(database.backend()), database))
    }));
    let report = run_faults(&[target], &Options::default(), &mut ());
    let summary = report.summary();
    assert_eq!(report.exit_code(), 0, "{}", report.to_terminal());
    assert_eq!(summary.never_acted, 0, "{}", report.to_terminal());
    assert!(summary.killed >= 25, "{}", report.to_terminal());
}
