//! Comparing declared tables with those of a database.

use std::sync::Arc;

use super::essence::essence;
use super::{Difference, Side};
use crate::dialect::Dialect;
use crate::schema::{Column, ForeignKey, Generated, Index, Table};

/// Compares the tables of a program with those of a database: first in the program's order, then those only in the database.
pub(crate) fn compare(
    dialect: &dyn Dialect,
    code: &[Arc<Table>],
    database: &[Table],
) -> Vec<Difference> {
    let mut found = Vec::new();
    for table in code.iter().filter(|table| !table.is_view()) {
        match database.iter().find(|other| other.name == table.name) {
            // A table in the code may be a view in the database: it can still be read.
            Some(other) if other.is_view() => {}
            Some(other) => Comparison {
                dialect,
                code: table,
                database: other,
                found: &mut found,
            }
            .run(),
            None => found.push(Difference::Table {
                table: table.name.clone(),
                only_in: Side::Code,
            }),
        }
    }
    for table in database {
        if !table.is_view() && !code.iter().any(|other| other.name == table.name) {
            found.push(Difference::Table {
                table: table.name.clone(),
                only_in: Side::Database,
            });
        }
    }
    found
}

/// Two tables with the same name.
struct Comparison<'a> {
    dialect: &'a dyn Dialect,
    code: &'a Table,
    database: &'a Table,
    found: &'a mut Vec<Difference>,
}

impl Comparison<'_> {
    fn run(mut self) {
        let (code, database) = (self.code, self.database);
        for column in &code.columns {
            match database.position(&column.name) {
                Some(position) => self.column(column, &database.columns[position]),
                None => self.column_of_one_side(column, Side::Code),
            }
        }
        for column in &database.columns {
            if code.position(&column.name).is_none() {
                self.column_of_one_side(column, Side::Database);
            }
        }
        self.primary_key();
        self.uniques();
        self.indexes();
        if self.dialect.capabilities().foreign_keys {
            self.foreign_keys();
        }
        self.names();
        if self.dialect.has_comments() {
            self.comments();
        }
    }

    fn comments(&mut self) {
        let (code, database) = (self.code, self.database);
        let mut compare =
            |column: Option<&Column>, here: &Option<String>, there: &Option<String>| {
                if here != there {
                    self.found.push(Difference::Comment {
                        table: code.name.clone(),
                        column: column.map(|column| column.name.clone()),
                        code: here.clone(),
                        database: there.clone(),
                    });
                }
            };
        compare(None, &code.comment, &database.comment);
        for column in &code.columns {
            if let Some(position) = database.position(&column.name) {
                let other = &database.columns[position];
                compare(Some(column), &column.comment, &other.comment);
            }
        }
    }

    /// Compares the declared names of constraints and indexes that exist on both sides.
    fn names(&mut self) {
        let (code, database) = (self.code, self.database);
        let keys = |table: &Table| -> Vec<Index> {
            let keys = table.foreign_keys.iter();
            keys.map(|key| Index {
                name: key.name.clone(),
                columns: key.columns.clone(),
                ..Index::default()
            })
            .collect()
        };
        for (what, here, there) in [
            ("UNIQUE", &code.uniques, &database.uniques),
            ("the index", &code.indexes, &database.indexes),
            ("FOREIGN KEY", &keys(code), &keys(database)),
        ] {
            for (position, declared) in here.iter().enumerate() {
                let Some(name) = &declared.name else {
                    continue;
                };
                let same = |other: &&Index| other.columns == declared.columns;
                let is_first = !here[..position].iter().any(|other| same(&other));
                let mut found = there
                    .iter()
                    .filter(same)
                    .filter_map(|other| other.name.as_ref());
                if let Some(other) = found.clone().next()
                    && is_first
                    && !found.any(|other| other == name)
                {
                    self.found.push(Difference::Name {
                        table: code.name.clone(),
                        what: format!("{what} ({})", declared.columns.join(", ")),
                        code: name.clone(),
                        database: other.clone(),
                    });
                }
            }
        }
    }

    fn column_of_one_side(&mut self, column: &Column, only_in: Side) {
        self.found.push(Difference::Column {
            table: self.code.name.clone(),
            column: column.clone(),
            only_in,
        });
    }

    fn column(&mut self, code: &Column, database: &Column) {
        let (table, column) = (&self.code.name, &code.name);
        if code.is_generated_key() && database.is_generated_key() {
            // The definition of a generated key includes its type.
            let definition = |column: &Column| self.dialect.generated_key(column).definition;
            if definition(code) == definition(database) {
                return;
            }
        }
        // Types that the database writes alike are the same to it.
        let has_other_labels = match (code.ty.native_enum(), database.ty.native_enum()) {
            (Some((_, code)), Some((_, database))) => code != database,
            _ => false,
        };
        if !self.dialect.is_same_type(&code.ty, &database.ty) || has_other_labels {
            self.found.push(Difference::Type {
                table: table.clone(),
                column: column.clone(),
                code: code.ty.clone(),
                database: database.ty.clone(),
            });
        }
        let is_computed = matches!(code.generated, Generated::Computed(_));
        let is_comparable = !is_computed || self.dialect.computed_columns_can_be_not_null();
        if code.nullable != database.nullable && is_comparable {
            self.found.push(Difference::Nullable {
                table: table.clone(),
                column: column.clone(),
                only_in: match code.nullable {
                    true => Side::Code,
                    false => Side::Database,
                },
            });
        }
        let is_same = match (&code.generated, &database.generated) {
            (Generated::Default(a), Generated::Default(b)) => a == b || essence(a) == essence(b),
            // Databases rewrite the expression.
            (Generated::Computed(_), Generated::Computed(_)) => true,
            (a, b) => a == b,
        };
        if !is_same {
            self.found.push(Difference::Generated {
                table: table.clone(),
                column: column.clone(),
                code: code.generated.clone(),
                database: database.generated.clone(),
            });
        }
    }

    fn primary_key(&mut self) {
        let (code, database) = (key(self.code), key(self.database));
        if code != database {
            self.found.push(Difference::PrimaryKey {
                table: self.code.name.clone(),
                code,
                database,
            });
        }
    }

    fn uniques(&mut self) {
        // A database may merge a constraint on the key's columns with the key.
        let lists = |table: &Table| -> Vec<Vec<String>> {
            let key = key(table);
            let columns = table.uniques.iter().map(|unique| unique.columns.clone());
            columns.filter(|columns| *columns != key).collect()
        };
        for (columns, only_in) in one_sided(lists(self.code), lists(self.database)) {
            self.found.push(Difference::Unique {
                table: self.code.name.clone(),
                columns,
                only_in,
            });
        }
        for (at, unique) in self.code.uniques.iter().enumerate() {
            let same = |other: &&Index| other.columns == unique.columns;
            let is_first = !self.code.uniques[..at].iter().any(|other| same(&other));
            let mut found = self.database.uniques.iter().filter(same);
            if let Some(other) = found.clone().next()
                && is_first
                && !found.any(|other| other.deferrable == unique.deferrable)
            {
                self.found.push(Difference::Deferrable {
                    table: self.code.name.clone(),
                    columns: unique.columns.clone(),
                    code: unique.deferrable,
                    database: other.deferrable,
                });
            }
        }
    }

    fn indexes(&mut self) {
        let lists = |indexes: &[Index]| -> Vec<Vec<String>> {
            indexes.iter().map(|index| index.columns.clone()).collect()
        };
        let (code, database) = (lists(&self.code.indexes), lists(&self.database.indexes));
        for (columns, only_in) in one_sided(code, database) {
            self.found.push(Difference::Index {
                table: self.code.name.clone(),
                columns,
                only_in,
            });
        }
    }

    fn foreign_keys(&mut self) {
        let comparable = |table: &Table| -> Vec<ForeignKey> {
            let mut keys = table.foreign_keys.clone();
            for key in &mut keys {
                key.name = None;
                key.on_delete = self.dialect.reflected_action(key.on_delete);
                key.on_update = self.dialect.reflected_action(key.on_update);
                // The schema is part of the table's name.
                key.schema = None;
            }
            keys
        };
        for (key, only_in) in one_sided(comparable(self.code), comparable(self.database)) {
            self.found.push(Difference::ForeignKey {
                table: self.code.name.clone(),
                key,
                only_in,
            });
        }
    }
}

fn key(table: &Table) -> Vec<String> {
    table
        .key_columns()
        .map(|column| column.name.clone())
        .collect()
}

/// The items that are in only one of two lists.
fn one_sided<T: PartialEq>(code: Vec<T>, database: Vec<T>) -> Vec<(T, Side)> {
    let is_missing: Vec<bool> = database.iter().map(|item| !code.contains(item)).collect();
    let mut found: Vec<(T, Side)> = code
        .into_iter()
        .filter(|item| !database.contains(item))
        .map(|item| (item, Side::Code))
        .collect();
    let only = database
        .into_iter()
        .zip(is_missing)
        .filter(|(_, missing)| *missing);
    found.extend(only.map(|(item, _)| (item, Side::Database)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::dialects::Arrays;
    use crate::schema::{ColumnType, Deferrable, ReferentialAction};

    fn users() -> Table {
        Table::build("users")
            .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
            .column(Column::new("name", ColumnType::Text { length: Some(50) }))
            .column(Column::new("age", ColumnType::I32).nullable())
            .primary_key(["id"])
            .unique(["name"])
            .index(["age", "name"])
    }

    fn tasks() -> Table {
        let made = Generated::Default("now()".to_owned());
        Table::build("tasks")
            .column(Column::new("id", ColumnType::I64))
            .column(Column::new("user_id", ColumnType::I64))
            .column(Column::new("made", ColumnType::Timestamp).generated(made))
            .primary_key(["id"])
            .foreign_key(["user_id"], "users", ["id"])
    }

    /// Checks the lines of the comparison.
    fn check(code: &[Table], database: &[Table], lines: &[&str]) {
        let code: Vec<Arc<Table>> = code.iter().cloned().map(Arc::new).collect();
        let found = compare(&Arrays, &code, database);
        let text: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(text, lines);
    }

    #[test]
    fn equal_tables_do_not_differ() {
        let mut named = tasks();
        named.foreign_keys[0].name = Some("by".to_owned());
        named.columns[2].generated = Generated::Default("(NOW())".to_owned());
        check(&[users(), tasks()], &[named, users()], &[]);
    }

    #[test]
    fn tables_and_columns_of_one_side() {
        let mut less = users();
        less.columns.remove(2);
        less.indexes.clear();
        check(
            &[users(), tasks()],
            &[Table::build("logs"), less.clone()],
            &[
                "users.age: the column is missing in the database",
                "users: the index (age, name) is missing in the database",
                "tasks: the table is missing in the database",
                "logs: the table is in the database only",
            ],
        );
        check(
            &[less],
            &[users()],
            &[
                "users.age: the column is in the database only",
                "users: the index (age, name) is in the database only",
            ],
        );
    }

    #[test]
    fn columns_that_differ() {
        let mut other = users();
        other.columns[0].generated = Generated::No;
        other.columns[1].ty = ColumnType::Text { length: None };
        other.columns[2].nullable = false;
        check(
            &[users()],
            &[other.clone()],
            &[
                "users.id: has a generated key in the code and no default in the database",
                "users.name: the type is Text { length: Some(50) } in the code and Text { length: None } in the database",
                "users.age: may be NULL in the code only",
            ],
        );
        check(
            &[other],
            &[users()],
            &[
                "users.id: has no default in the code and a generated key in the database",
                "users.name: the type is Text { length: None } in the code and Text { length: Some(50) } in the database",
                "users.age: may be NULL in the database only",
            ],
        );
    }

    #[test]
    fn uniques_that_are_checked_at_another_time() {
        let mut other = users();
        other.uniques[0].deferrable = Deferrable::InitiallyDeferred;
        check(&[other.clone()], &[other.clone()], &[]);
        check(
            &[users()],
            &[other.clone()],
            &[
                "users: UNIQUE (name) is not deferrable in the code and DEFERRABLE INITIALLY DEFERRED in the database",
            ],
        );
        let mut third = users();
        third.uniques[0].deferrable = Deferrable::InitiallyImmediate;
        check(
            &[other],
            &[third],
            &[
                "users: UNIQUE (name) is DEFERRABLE INITIALLY DEFERRED in the code and DEFERRABLE in the database",
            ],
        );
    }

    #[test]
    fn constraints_that_differ() {
        let mut other = tasks().primary_key(["user_id", "id"]).unique(["made"]);
        other.foreign_keys[0].on_delete = ReferentialAction::Cascade;
        other.columns[2].generated = Generated::Default("later()".to_owned());
        check(
            &[tasks()],
            &[other],
            &[
                "tasks.made: has the default now() in the code and the default later() in the database",
                "tasks: the primary key is (id) in the code and (user_id, id) in the database",
                "tasks: UNIQUE (made) is in the database only",
                "tasks: FOREIGN KEY (user_id) REFERENCES users (id) is missing in the database",
                "tasks: FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE is in the database only",
            ],
        );
    }
}
