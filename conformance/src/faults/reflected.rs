//! Tables that are reflected differently from how they were created.

use selfsame::schema::{ColumnType, Generated, ReferentialAction, Table};

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::Schema;
use crate::faults::lie::Lie;

/// Changes each reflected table.
macro_rules! table {
    ($id:literal, $sentence:literal, $change:expr) => {
        Fault::new(
            concat!("schema.", $id),
            Schema,
            $sentence,
            Lie::Reflect(|table| {
                let change: fn(&mut Table) = $change;
                let before = table.clone();
                change(table);
                *table != before
            }),
        )
        .suspects(&["schema."])
    };
}

/// Changes the expressions of defaults, CHECK constraints and computed columns.
fn expressions(table: &mut Table, change: fn(&str) -> String) {
    for column in &mut table.columns {
        if let Generated::Default(text) | Generated::Computed(text) = &mut column.generated {
            *text = change(text);
        }
    }
    for check in &mut table.checks {
        check.condition = change(&check.condition);
    }
}

pub(super) const FAULTS: &[Fault] = &[
    table!("defaults_lost", "Defaults are not reflected.", |table| {
        for column in &mut table.columns {
            if matches!(column.generated, Generated::Default(_)) {
                column.generated = Generated::No;
            }
        }
    }),
    table!(
        "quotes_of_defaults_lost",
        "A text default is reflected without its quotes.",
        |table| {
            for column in &mut table.columns {
                if let Generated::Default(expression) = &mut column.generated {
                    *expression = expression.trim_matches('\'').to_owned();
                }
            }
        }
    ),
    table!(
        "signs_of_defaults_lost",
        "A negative default is reflected as the positive number.",
        |table| {
            for column in &mut table.columns {
                if let Generated::Default(expression) = &mut column.generated {
                    *expression = expression.trim_start_matches('-').to_owned();
                }
            }
        }
    ),
    table!(
        "generated_keys_untold",
        "A generated key is reflected as an ordinary column.",
        |table| {
            for column in &mut table.columns {
                if column.is_generated_key() {
                    column.generated = Generated::No;
                }
            }
        }
    )
    .needs(&[Capability::GeneratedKeys]),
    table!(
        "never_reused_keys_untold",
        "A key that is never reused is reflected as any generated one.",
        |table| {
            for column in &mut table.columns {
                if column.generated == Generated::KeyNeverReused {
                    column.generated = Generated::Key;
                }
            }
        }
    )
    .needs(&[Capability::GeneratedKeys]),
    table!(
        "computed_columns_untold",
        "A computed column is reflected as an ordinary one.",
        |table| {
            for column in &mut table.columns {
                if matches!(column.generated, Generated::Computed(_)) {
                    column.generated = Generated::No;
                }
            }
        }
    )
    .needs(&[Capability::ComputedColumns]),
    table!(
        "checks_untold",
        "CHECK constraints are not reflected.",
        |table| table.checks.clear()
    )
    .needs(&[Capability::Checks]),
    table!(
        "second_check_untold",
        "Of several CHECK constraints of a table only the first is reflected.",
        |table| table.checks.truncate(1)
    )
    .needs(&[Capability::Checks]),
    table!(
        "names_of_checks_lost",
        "The names of CHECK constraints are not reflected.",
        |table| {
            for check in &mut table.checks {
                check.name = None;
            }
        }
    )
    .needs(&[Capability::Checks, Capability::ConstraintNames]),
    table!(
        "keys_in_column_order",
        "The columns of a primary key are reflected in the order of the table, not of the key.",
        |table| table.primary_key.sort_unstable()
    ),
    table!(
        "keys_in_order_of_names",
        "The columns of a primary key are reflected in the order of their names.",
        |table| {
            let columns = &table.columns;
            table
                .primary_key
                .sort_by_key(|at| columns[*at].name.clone());
        }
    ),
    table!(
        "uniques_in_order_of_names",
        "The columns of a UNIQUE constraint are reflected in the order of their names.",
        |table| {
            for unique in &mut table.uniques {
                unique.columns.sort();
            }
        }
    ),
    table!(
        "indexes_in_order_of_names",
        "The columns of an index are reflected in the order of their names.",
        |table| {
            for index in &mut table.indexes {
                index.columns.sort();
            }
        }
    ),
    table!(
        "references_in_order_of_names",
        "The columns that a foreign key references are reflected in the order of their names.",
        |table| {
            for key in &mut table.foreign_keys {
                key.references.sort();
            }
        }
    )
    .needs(&[Capability::ForeignKeys]),
    table!(
        "references_of_the_key_assumed",
        "A foreign key is reflected as if it referenced columns of the names of its own.",
        |table| {
            for key in &mut table.foreign_keys {
                if key.columns.len() > 1 {
                    key.references.clone_from(&key.columns);
                }
            }
        }
    )
    .needs(&[Capability::ForeignKeys]),
    table!(
        "on_delete_untold",
        "The action of ON DELETE is not reflected.",
        |table| {
            for key in &mut table.foreign_keys {
                key.on_delete = ReferentialAction::NoAction;
            }
        }
    )
    .needs(&[Capability::ForeignKeys]),
    table!(
        "on_update_untold",
        "The action of ON UPDATE is not reflected.",
        |table| {
            for key in &mut table.foreign_keys {
                key.on_update = ReferentialAction::NoAction;
            }
        }
    )
    .needs(&[Capability::ForeignKeys]),
    table!(
        "set_default_is_set_null",
        "ON DELETE SET DEFAULT is reflected as SET NULL.",
        |table| {
            for key in &mut table.foreign_keys {
                if key.on_delete == ReferentialAction::SetDefault {
                    key.on_delete = ReferentialAction::SetNull;
                }
            }
        }
    )
    .needs(&[Capability::ForeignKeys, Capability::SetDefault]),
    table!(
        "restrict_untold",
        "ON DELETE RESTRICT is reflected as CASCADE.",
        |table| {
            for key in &mut table.foreign_keys {
                if key.on_delete == ReferentialAction::Restrict {
                    key.on_delete = ReferentialAction::Cascade;
                }
            }
        }
    )
    .needs(&[Capability::ForeignKeys]),
    table!(
        "own_table_keys_untold",
        "A self-referential foreign key is not reflected.",
        |table| {
            let name = table.name.clone();
            table.foreign_keys.retain(|key| key.table != name);
        }
    )
    .needs(&[Capability::ForeignKeys]),
    table!(
        "second_foreign_key_untold",
        "Of several foreign keys to one table only the first is reflected.",
        |table| {
            let mut seen = Vec::new();
            table.foreign_keys.retain(|key| {
                let is_first = !seen.contains(&key.table);
                seen.push(key.table.clone());
                is_first
            });
        }
    )
    .needs(&[Capability::ForeignKeys]),
    table!(
        "uniques_are_indexes",
        "A UNIQUE constraint is reflected as an index.",
        |table| {
            let uniques = std::mem::take(&mut table.uniques);
            table.indexes.extend(uniques);
        }
    ),
    table!(
        "names_of_constraints_lost",
        "The names of constraints and indexes are not reflected.",
        |table| {
            for key in &mut table.foreign_keys {
                key.name = None;
            }
            for index in table.uniques.iter_mut().chain(&mut table.indexes) {
                index.name = None;
            }
        }
    ),
    table!(
        "lengths_lost",
        "The length of a text column is not reflected.",
        |table| {
            for column in &mut table.columns {
                if let ColumnType::Text { length } = &mut column.ty {
                    *length = None;
                }
            }
        }
    ),
    table!(
        "scales_lost",
        "The scale of a decimal column is reflected as 0.",
        |table| {
            for column in &mut table.columns {
                if let ColumnType::Decimal {
                    precision: Some((_, scale)),
                } = &mut column.ty
                {
                    *scale = 0;
                }
            }
        }
    ),
    table!(
        "time_zones_lost",
        "A timestamp with a time zone is reflected as one without.",
        |table| {
            for column in &mut table.columns {
                if column.ty == ColumnType::TimestampTz {
                    column.ty = ColumnType::Timestamp;
                }
            }
        }
    ),
    table!(
        "comments_lost",
        "Comments of columns are not reflected.",
        |table| {
            for column in &mut table.columns {
                column.comment = None;
            }
        }
    ),
    table!(
        "comments_of_tables_lost",
        "Comments of tables are not reflected.",
        |table| table.comment = None
    ),
    table!(
        "keys_are_nullable",
        "The columns of a primary key are reflected as nullable.",
        |table| {
            for at in &table.primary_key {
                table.columns[*at].nullable = true;
            }
        }
    ),
    table!(
        "column_names_in_lower_case",
        "Names of columns are reflected in lower case.",
        |table| {
            for column in &mut table.columns {
                column.name = column.name.to_lowercase();
            }
        }
    ),
    table!(
        "columns_in_order_of_names",
        "Columns are reflected in the order of their names.",
        |table| {
            let key = table.key_columns().map(|column| column.name.clone());
            let key: Vec<String> = key.collect();
            table.columns.sort_by(|a, b| a.name.cmp(&b.name));
            let place = |name: &String| table.position(name);
            table.primary_key = key.iter().filter_map(place).collect();
        }
    ),
    table!(
        "narrow_integers_are_wide",
        "A column of 16-bit integers is reflected as one of 32 bits.",
        |table| {
            for column in &mut table.columns {
                if column.ty == ColumnType::I16 {
                    column.ty = ColumnType::I32;
                }
            }
        }
    ),
    table!(
        "checks_in_lower_case",
        "CHECK conditions are reflected in lower case.",
        |table| {
            for check in &mut table.checks {
                check.condition = check.condition.to_lowercase();
            }
        }
    )
    .needs(&[Capability::Checks]),
    table!(
        "computations_in_lower_case",
        "The expressions of computed columns are reflected in lower case.",
        |table| {
            for column in &mut table.columns {
                if let Generated::Computed(text) = &mut column.generated {
                    *text = text.to_lowercase();
                }
            }
        }
    )
    .needs(&[Capability::ComputedColumns]),
    table!(
        "defaults_in_lower_case",
        "Defaults are reflected in lower case.",
        |table| {
            for column in &mut table.columns {
                if let Generated::Default(text) = &mut column.generated {
                    *text = text.to_lowercase();
                }
            }
        }
    ),
    table!(
        "spaces_of_expressions_lost",
        "Several spaces in a reflected expression are one.",
        |table| expressions(table, |text| {
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        })
    ),
    table!(
        "letters_of_expressions_lost",
        "Letters outside ASCII are question marks in reflected expressions.",
        |table| expressions(table, |text| text.replace(|c: char| !c.is_ascii(), "?"))
    ),
    table!(
        "table_names_in_lower_case",
        "Names of tables are reflected in lower case.",
        |table| table.name = table.name.to_lowercase()
    ),
    table!(
        "columns_are_nullable",
        "Every column that is in no key is reflected as nullable.",
        |table| {
            for (at, column) in table.columns.iter_mut().enumerate() {
                column.nullable |= !table.primary_key.contains(&at);
            }
        }
    ),
    table!(
        "precisions_lost",
        "The precision of a decimal column is not reflected.",
        |table| {
            for column in &mut table.columns {
                if let ColumnType::Decimal { precision } = &mut column.ty {
                    *precision = None;
                }
            }
        }
    ),
    table!(
        "singles_are_doubles",
        "A column of singles is reflected as one of doubles.",
        |table| {
            for column in &mut table.columns {
                if column.ty == ColumnType::F32 {
                    column.ty = ColumnType::F64;
                }
            }
        }
    ),
    table!(
        "documents_are_texts",
        "A column of JSON documents is reflected as one of texts.",
        |table| {
            for column in &mut table.columns {
                if column.ty == ColumnType::Json {
                    column.ty = ColumnType::Text { length: None };
                }
            }
        }
    ),
    table!(
        "second_unique_untold",
        "Of several UNIQUE constraints of a table only the first is reflected.",
        |table| table.uniques.truncate(1)
    ),
    table!(
        "uniques_of_one_column",
        "Of the columns of a UNIQUE constraint only the first is reflected.",
        |table| {
            for unique in &mut table.uniques {
                unique.columns.truncate(1);
            }
        }
    ),
    table!(
        "indexes_of_one_column",
        "Of the columns of an index only the first is reflected.",
        |table| {
            for index in &mut table.indexes {
                index.columns.truncate(1);
            }
        }
    ),
    Fault::new(
        "schema.columns_set_by_updates_untold",
        Schema,
        "The columns that the database sets in every UPDATE are not named.",
        Lie::Updated(|_, _| Vec::new()),
    )
    .suspects(&["schema.updates"]),
    Fault::new(
        "schema.second_column_set_by_updates_untold",
        Schema,
        "Of the columns that the database sets in every UPDATE only the first is named.",
        Lie::Updated(|_, named| named.iter().take(1).cloned().collect()),
    )
    .suspects(&["schema.updates"]),
    Fault::new(
        "schema.columns_set_by_updates_invented",
        Schema,
        "The last column of each table is named among those that the database sets in every UPDATE.",
        Lie::Updated(|table, named| {
            let last = table.columns.last().map(|column| column.name.clone());
            named.iter().cloned().chain(last).collect()
        }),
    )
    .suspects(&["schema.updates"]),
];
