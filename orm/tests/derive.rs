//! What the derives make: the mapping as data, keys, constants, `new`, and hydration from a row.

use selfsame::backend::Row;
use selfsame::entity::{BelongsTo, HasMany, HasOne, Mapped};
use selfsame::schema::{Column, ColumnType, ForeignKey, Generated, ReferentialAction, Table};
use selfsame::value::{Auto, ValueRef, ValueType};
use selfsame::{DbEnum, Entity};

#[derive(Entity, Clone, Debug)]
#[orm(table = "users", unique(name, age), index(age), check = "age < 200")]
struct User {
    #[orm(primary_key, autoincrement)]
    id: Auto<i64>,
    #[orm(unique, length = 50)]
    name: String,
    #[orm(check = "age >= 0", index)]
    age: Option<i32>,
    #[orm(default = Status::Active, column = "state")]
    status: Status,
    #[orm(default = "de")]
    language: String,
    #[orm(server_default = "CURRENT_TIMESTAMP")]
    created: Auto<selfsame::value::Timestamp>,
    #[orm(precision = (10, 2))]
    balance: selfsame::value::Decimal,
    #[orm(back_populates = user, cascade = "all, delete-orphan", lazy = "selectin", order_by = "title desc")]
    tasks: HasMany<Task>,
    #[orm(back_populates = user)]
    profile: HasOne<Profile>,
}

#[derive(DbEnum, Clone, Copy, Debug, PartialEq)]
enum Status {
    Active,
    #[orm(label = "on hold")]
    OnHold,
    LockedOut,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tasks")]
struct Task {
    #[orm(primary_key)]
    id: Auto<i64>,
    title: String,
    #[orm(default = false)]
    completed: bool,
    #[orm(references = "users.id", on_delete = "cascade", on_update = "set null")]
    user_id: Option<i64>,
    #[orm(references = "users.id")]
    reviewer: i64,
    #[orm(back_populates = tasks)]
    user: BelongsTo<User>,
    #[orm(key = "reviewer")]
    reviewed_by: BelongsTo<User>,
}

#[derive(Entity, Clone, Debug)]
struct Profile {
    #[orm(primary_key, references = "users.id")]
    owner: i64,
    #[orm(back_populates = profile)]
    user: BelongsTo<User>,
}

/// A row with the values it was given, as a backend would hand it over.
struct Values<'a>(&'a [ValueRef<'a>]);

impl Row for Values<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn name(&self, _: usize) -> &str {
        ""
    }

    fn value(&self, index: usize, ty: ValueType) -> selfsame::Result<ValueRef<'_>> {
        let value = self.0[index];
        assert!(
            value.value_type().is_none_or(|found| found == ty),
            "column {index} is asked for as {ty:?}"
        );
        Ok(value)
    }
}

#[test]
fn a_struct_is_a_table() {
    let text = |length| ColumnType::Text { length };
    let status = ColumnType::Enum {
        name: "Status",
        labels: &["active", "on hold", "locked_out"],
    };
    let created = Generated::Default("CURRENT_TIMESTAMP".to_owned());
    let precision = Some((10, 2));
    let wanted = Table::build("users")
        .column(Column::new("id", ColumnType::I64).generated(Generated::KeyNeverReused))
        .column(Column::new("name", text(Some(50))))
        .column(Column::new("age", ColumnType::I32).nullable())
        .column(Column::new("state", status))
        .column(Column::new("language", text(None)))
        .column(Column::new("created", ColumnType::Timestamp).generated(created))
        .column(Column::new("balance", ColumnType::Decimal { precision }))
        .primary_key(["id"])
        .unique(["name"])
        .unique(["name", "age"])
        .index(["age"])
        .index(["age"])
        .check("age >= 0")
        .check("age < 200");
    assert_eq!(**User::table(), wanted);
}

#[test]
fn references_are_foreign_keys() {
    let wanted = Table::build("tasks")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
        .column(Column::new("title", ColumnType::Text { length: None }))
        .column(Column::new("completed", ColumnType::Bool))
        .column(Column::new("user_id", ColumnType::I64).nullable())
        .column(Column::new("reviewer", ColumnType::I64))
        .primary_key(["id"])
        .constraint(ForeignKey {
            name: None,
            columns: vec!["user_id".to_owned()],
            table: "users".to_owned(),
            references: vec!["id".to_owned()],
            on_delete: ReferentialAction::Cascade,
            on_update: ReferentialAction::SetNull,
        })
        .foreign_key(["reviewer"], "users", ["id"]);
    assert_eq!(**Task::table(), wanted);
}

#[test]
fn a_row_hydrates() -> selfsame::Result<()> {
    // The table's columns begin behind one of another table.
    let row = Values(&[
        ValueRef::Bool(true),
        ValueRef::I64(7),
        ValueRef::Text("write"),
        ValueRef::Bool(true),
        ValueRef::Null,
        ValueRef::I64(9),
    ]);
    let mapper = Task::mapper();
    let task = Task::hydrate(mapper, &row, 1)?;
    assert_eq!((task.id.get(), task.title.as_str()), (Some(&7), "write"));
    assert_eq!(
        (task.completed, task.user_id, task.reviewer),
        (true, None, 9)
    );
    assert!(!task.user.is_set());
    assert_eq!(Task::row_key(mapper, &row, 1)?, Some(7));
    assert_eq!(Task::row_key(mapper, &Values(&[ValueRef::Null]), 0)?, None);
    Ok(())
}
