//! The suite on PostgreSQL backends with injected faults: it catches each of them.

use std::sync::Arc;

use selfsame_conformance::{Options, Target, run_faults, target_fn};
use selfsame_postgres::testing::{self, Server};

#[test]
fn every_lie_is_found() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(error) if testing::required() => panic!("PostgreSQL is required: {error}"),
        Err(error) => {
            eprintln!("ignored: {error}");
            return;
        }
    };
    let target: Arc<dyn Target> = Arc::new(target_fn("postgres", move || {
        let database = server.database()?;
        Ok((Arc::new(database.backend()), database))
    }));
    let report = run_faults(&[target], &Options::default(), &mut ());
    let summary = report.summary();
    assert_eq!(report.exit_code(), 0, "{}", report.to_terminal());
    assert_eq!(summary.never_acted, 0, "{}", report.to_terminal());
    assert!(summary.killed >= 25, "{}", report.to_terminal());
}
