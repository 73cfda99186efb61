//! The contract of a backend, as far as it lies with SQLite.

mod support;

mod affinity;
mod busy;
mod connections;
mod errors;
mod files;
mod forms;
mod interrupts;
mod keys;
mod lists;
mod media;
mod reflection;
mod secrets;
mod statements;
mod transactions;
mod values;
