//! The SQLite backend: what the suite does not check for every backend.

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
