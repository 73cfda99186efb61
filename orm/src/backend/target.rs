//! `Target`: which columns a statement writes its parameters to.

use crate::schema::{Column, ColumnType, Table};

/// The columns that an INSERT or an UPDATE writes, and the parameters that become their values.
///
/// Statements carry one where the dialect [converts what it stores](crate::dialect::Dialect::converts_what_it_stores): the backend
/// compares it with the declared columns, and refuses values that would be stored as others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    schema: Option<String>,
    table: String,
    unwritten_key: Vec<(String, bool)>,
    columns: Vec<TargetColumn>,
    /// For each parameter from the first one on: the number of its column, from 1; 0 where it is not a column's value.
    parameters: Vec<u16>,
}

/// A column that a statement writes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetColumn {
    /// The column's name.
    pub name: String,
    /// The type that the mapping declares.
    pub ty: ColumnType,
    /// Whether the database computes a value for it.
    pub is_computed: bool,
}

impl Target {
    /// Creates the target of a statement that writes nothing yet.
    pub(crate) fn new(table: &Table) -> Self {
        Self {
            schema: table.schema.clone(),
            table: table.local_name().to_owned(),
            unwritten_key: Vec::new(),
            columns: Vec::new(),
            parameters: Vec::new(),
        }
    }

    /// Returns the schema of the table, if not the default one.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// Returns the name of the table in its schema.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Returns the primary key's columns that an INSERT does not set, each with whether the mapping expects the database to
    /// generate it.
    pub fn unwritten_key(&self) -> impl Iterator<Item = (&str, bool)> {
        let key = self.unwritten_key.iter();
        key.map(|(name, is_generated)| (name.as_str(), *is_generated))
    }

    /// Returns the columns that are written.
    pub fn columns(&self) -> &[TargetColumn] {
        &self.columns
    }

    /// Returns each parameter that becomes the value of a column: its position from 0, and that of the column in
    /// [`columns`](Self::columns).
    pub fn parameters(&self) -> impl Iterator<Item = (usize, usize)> {
        let numbers = self.parameters.iter().enumerate();
        numbers
            .filter_map(|(position, &number)| Some((position, usize::from(number).checked_sub(1)?)))
    }

    /// Records which columns of the table, by index, an INSERT sets.
    pub(crate) fn set_inserted(&mut self, table: &Table, is_inserted: impl Fn(usize) -> bool) {
        let key = table.primary_key.iter().filter(|at| !is_inserted(**at));
        let columns = key.map(|&at| &table.columns[at]);
        self.unwritten_key = columns
            .map(|column| (column.name.clone(), column.is_generated_key()))
            .collect();
    }

    /// Records that the parameter at a position, from 0, becomes the value of a column.
    pub(crate) fn add_parameter(&mut self, position: usize, column: &Column) {
        let at = self.find(column);
        // A table has fewer columns than that; further ones would not be checked.
        let Ok(number) = u16::try_from(at + 1) else {
            return;
        };
        if self.parameters.len() <= position {
            self.parameters.resize(position + 1, 0);
        }
        self.parameters[position] = number;
    }

    /// Records that the database computes a value of a column.
    pub(crate) fn add_computed(&mut self, column: &Column) {
        let at = self.find(column);
        self.columns[at].is_computed = true;
    }

    fn find(&mut self, column: &Column) -> usize {
        let mut known = self.columns.iter();
        known
            .position(|it| it.name == column.name)
            .unwrap_or_else(|| {
                self.columns.push(TargetColumn {
                    name: column.name.clone(),
                    ty: column.ty.clone(),
                    is_computed: false,
                });
                self.columns.len() - 1
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_those_of_their_columns() {
        let column = |name: &str| Column::new(name, ColumnType::I64);
        let table = Table::build("points").in_schema("maps");
        let mut target = Target::new(&table);
        target.add_parameter(1, &column("x"));
        target.add_parameter(2, &column("y"));
        target.add_parameter(4, &column("x"));
        target.add_computed(&column("z"));
        assert_eq!((target.schema(), target.table()), (Some("maps"), "points"));
        let found: Vec<(usize, &str)> = target
            .parameters()
            .map(|(position, column)| (position, target.columns()[column].name.as_str()))
            .collect();
        assert_eq!(found, [(1, "x"), (2, "y"), (4, "x")]);
        let computed = target.columns().iter().filter(|column| column.is_computed);
        assert_eq!(computed.count(), 1);
    }
}
