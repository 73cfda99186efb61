//! The contract of a backend, as far as it lies with SQLite.

mod support;

mod connections;
mod errors;
mod keys;
mod reflection;
mod statements;
mod transactions;
mod values;
