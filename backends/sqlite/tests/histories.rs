//! The isolation that concurrent transactions show, in each journal mode of a file.

use std::sync::Arc;

use selfsame_conformance::{Filter, Options, Target, run, target_fn};
use selfsame_sqlite::JournalMode;
use selfsame_sqlite::testing::TempDatabase;

/// Every history must be serializable: the database has one writer, and its readers see one state.
fn check(mode: JournalMode) {
    let target: Arc<dyn Target> = Arc::new(target_fn("sqlite", move || {
        let database = TempDatabase::new()?;
        Ok((Arc::new(database.backend().journal_mode(mode)), database))
    }));
    for seed in [1, 2, 3] {
        let options = Options {
            filter: "transactions.history".parse::<Filter>().expect("a filter"),
            seed,
            ..Options::default()
        };
        let report = run(&[Arc::clone(&target)], &options, &mut ());
        assert_eq!(report.exit_code(), 0, "{}", report.to_terminal());
        let notes: Vec<&String> = report.targets[0]
            .cases
            .iter()
            .flat_map(|case| &case.notes)
            .collect();
        assert!(
            notes.len() == 2 && notes.iter().all(|note| note.ends_with(": serializable")),
            "{notes:?}"
        );
    }
}

#[test]
fn write_ahead_log() {
    check(JournalMode::Wal);
}

#[test]
fn rollback_journal() {
    check(JournalMode::Delete);
}
