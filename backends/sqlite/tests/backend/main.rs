//! The contract of a backend, as far as it lies with SQLite.

mod support;

mod connections;
mod errors;
mod files;
mod keys;
mod lists;
mod reflection;
mod secrets;
mod statements;
mod transactions;
mod values;
