//! The guide: runs every sample on every backend, and checks its links.

#[path = "../backends/mod.rs"]
mod backends;

mod asynchronous;
mod links;
mod loading;
#[expect(unreachable_pub, reason = "it is shown as a separate program")]
mod mapping;
mod migrations;
mod performance;
#[expect(unreachable_pub, reason = "it is shown as a separate program")]
mod program;
mod reading;
#[expect(unreachable_pub, reason = "it is shown as a separate program")]
mod recipes;
mod relations;
#[expect(unreachable_pub, reason = "it is shown as a separate program")]
mod schema;
#[expect(unreachable_pub, reason = "it is shown as a separate program")]
mod shapes;
mod sql;
mod testing;
mod transactions;
mod writing;

use backends::{Case, On};

const CASES: &[Case] = &[
    ("reading", |engine, _| Ok(reading::run(engine)?)),
    ("writing", |engine, _| Ok(writing::run(engine)?)),
    ("program", |_, _| Ok(program::main()?)),
    ("relations", |engine, _| Ok(relations::run(engine)?)),
    ("shapes", |engine, _| Ok(shapes::run(engine)?)),
    ("loading", |engine, _| Ok(loading::run(engine)?)),
    ("transactions", |engine, _| Ok(transactions::run(engine)?)),
    ("sql", |engine, _| Ok(sql::run(engine)?)),
    ("mapping", |engine, _| Ok(mapping::run(engine)?)),
    ("testing", |engine, _| Ok(testing::run(engine)?)),
    ("migrations", |engine, _| Ok(migrations::run(engine)?)),
    ("asynchronous", |engine, _| Ok(asynchronous::run(engine)?)),
    ("performance", |engine, _| Ok(performance::run(engine)?)),
    ("recipes", |engine, _| Ok(recipes::run(engine)?)),
    ("documents", |_, _| links::check()),
];

fn main() {
    backends::run(CASES, &[On::Sqlite, On::Postgres, On::Mariadb]);
}
