//! The suite on SQLite with fewer claims: no unclaimed capability is used.

use std::sync::Arc;

use selfsame::dialect::Capabilities;
use selfsame_conformance::{
    Options, Outcome, Target, claiming, run, target_fn, without_reported_keys,
};
use selfsame_sqlite::testing::TempDatabase;

fn sqlite() -> Arc<dyn Target> {
    Arc::new(target_fn("sqlite", || {
        let database = TempDatabase::new()?;
        Ok((Arc::new(database.backend()), database))
    }))
}

fn check(name: &'static str, change: fn(Capabilities) -> Capabilities) {
    check_target(claiming(sqlite(), name, change));
}

fn check_target(target: Arc<dyn Target>) {
    let options = Options {
        cases: 4,
        ..Options::default()
    };
    let report = run(&[target], &options, &mut ());
    for case in &report.targets[0].cases {
        if let Outcome::Fail { failure } = &case.outcome {
            eprintln!("{}: {}", case.id, failure.message);
        }
    }
    assert_eq!(report.exit_code(), 0, "{}", report.to_terminal());
}

#[test]
fn nothing() {
    check("nothing claimed", |_| Capabilities::none());
}

macro_rules! without {
    ($($name:ident: $change:expr;)*) => {$(
        #[test]
        fn $name() {
            check(concat!("without ", stringify!($name)), $change);
        }
    )*};
}

without! {
    transactions: |all| all
        .with_transactions(false)
        .with_savepoints(false)
        .with_read_only_transactions(false)
        .with_isolation_levels(Vec::new())
        .with_deferrable_constraints(false);
    savepoints: |all| all.with_savepoints(false);
    foreign_keys: |all| all.with_foreign_keys(false).with_deferrable_constraints(false);
    checks: |all| all.with_checks(false);
    generated_keys: |all| all.with_generated_keys(false);
    returning: |all| all.with_returning(false).with_update_returning(false);
    modes_of_transactions: |all| all
        .with_read_only_transactions(false)
        .with_isolation_levels(Vec::new())
        .with_deferrable_constraints(false)
        .with_lock_timeout(None);
    expressions: |all| all
        .with_upsert(false)
        .with_nulls_order(false)
        .with_row_values(false)
        .with_windows(false)
        .with_recursive_queries(false)
        .with_set_operations(false)
        .with_json_paths(false)
        .with_date_parts(false);
    values: |all| all
        .with_infinities(false)
        .with_nul_in_text(false)
        .with_json_text_kept(false)
        .with_exact_decimals(false)
        .with_decimal_scale_kept(false);
    definitions: |all| all.with_computed_columns(false);
    errors: |all| all
        .with_constraint_names(false)
        .with_column_names(false)
        .with_error_codes(false);
    room: |all| all.with_max_connections(Some(1)).with_max_parameters(Some(20));
}

#[test]
fn keys_by_returning_alone() {
    check_target(without_reported_keys(sqlite(), "keys by RETURNING alone"));
}

#[test]
fn claims_that_contradict_each_other_are_refused() {
    let odd = claiming(sqlite(), "odd", |all| all.with_transactions(false));
    let report = run(&[odd], &Options::default(), &mut ());
    assert_eq!(report.exit_code(), 2);
    let error = report.targets[0].error.as_deref().unwrap_or_default();
    assert!(error.contains("savepoints are claimed"), "{error}");
}
