//! `Metadata`: the tables of a program, created and dropped together.

use crate::schema::Table;

/// The tables of a program.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    tables: Vec<Table>,
}

impl Metadata {
    /// The tables in the order they were listed.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }
}
