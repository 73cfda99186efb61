//! The same seed gives the same run, including failures: programs, statements, reports.

use std::sync::Arc;

use selfsame_conformance::{Filter, Options, Target, faults, run, target_fn, with_fault};
use selfsame_postgres::testing::{self, Server};

#[test]
fn the_same_run_twice() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(error) if testing::required() => panic!("PostgreSQL is required: {error}"),
        Err(error) => {
            eprintln!("ignored: {error}");
            return;
        }
    };
    let honest: Arc<dyn Target> = Arc::new(target_fn("postgres", move || {
        let database = server.database()?;
        Ok((Arc::new(database.backend()), database))
    }));
    let fault = faults().find(|fault| fault.id == "values.null_to_empty_text");
    let faulty = with_fault(Arc::clone(&honest), fault.expect("the fault"));
    for (target, fails) in [(honest, false), (faulty, true)] {
        let filter = "types.text,types.i,drawn,model.,queries.operands";
        let options = Options {
            filter: filter.parse::<Filter>().expect("a filter"),
            cases: 8,
            seed: 7,
            ..Options::default()
        };
        let report = || run(&[Arc::clone(&target)], &options, &mut ());
        let (first, second) = (report(), report());
        assert_eq!(
            first.to_stable_json().expect("a report"),
            second.to_stable_json().expect("a report")
        );
        assert_eq!(first.summary().failed > 0, fails, "{}", first.to_terminal());
    }
}
