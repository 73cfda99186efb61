//! The output of the derives: mappings, keys, constants, `new`, and hydration from a row.

use selfsame::backend::Row;
use selfsame::entity::{
    BelongsTo, Fetch, HasMany, HasOne, Many, Mapped, One, Relation, RelationKind, Required,
    ResolvedRelation,
};
use selfsame::schema::{Column, ColumnType, ForeignKey, Generated, ReferentialAction, Table};
use selfsame::value::{
    Auto, ColumnValue, Decimal, Deferred, Param, Timestamp, ValueRef, ValueType,
};
use selfsame::{DbEnum, Embedded, Entity, ErrorKind};

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
    created: Auto<Timestamp>,
    #[orm(precision = (10, 2))]
    balance: Decimal,
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

/// A row with given values, as a backend would return it.
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
            "column {index} is requested as {ty:?}"
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
            schema: None,
            references: vec!["id".to_owned()],
            on_delete: ReferentialAction::Cascade,
            on_update: ReferentialAction::SetNull,
        })
        .foreign_key(["reviewer"], "users", ["id"]);
    assert_eq!(**Task::table(), wanted);
}

/// A composite key, a newtype key, a composite foreign key, a self-referencing relation, a raw identifier, and a custom `new`.
#[derive(Entity, Clone, Debug)]
#[orm(
    foreign_key(
        columns(parent_book, parent_line),
        references = "entry(book, line)",
        on_delete = "set null"
    ),
    no_new
)]
struct Entry {
    #[orm(primary_key)]
    book: Isbn,
    #[orm(primary_key)]
    line: i32,
    parent_book: Option<Isbn>,
    parent_line: Option<i32>,
    r#type: i16,
    #[orm(back_populates = children, lazy = "raise")]
    parent: BelongsTo<Entry>,
    #[orm(back_populates = parent, lazy = "joined", cascade = "delete")]
    children: HasMany<Self>,
}

impl Entry {
    fn new() -> Self {
        Self {
            book: Isbn("978".to_owned()),
            line: 3,
            parent_book: None,
            parent_line: None,
            r#type: 1,
            parent: BelongsTo::default(),
            children: HasMany::default(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Isbn(String);

impl ColumnValue for Isbn {
    type Base = String;
    const TYPE: ValueType = ValueType::Text;

    fn to_param(&self) -> Param<'_> {
        self.0.to_param()
    }

    fn from_value(value: ValueRef<'_>) -> selfsame::Result<Self> {
        String::from_value(value).map(Isbn)
    }
}

#[test]
fn a_table_is_named_after_its_struct() {
    let text = ColumnType::Text { length: None };
    let wanted = Table::build("entry")
        .column(Column::new("book", text.clone()))
        .column(Column::new("line", ColumnType::I32))
        .column(Column::new("parent_book", text).nullable())
        .column(Column::new("parent_line", ColumnType::I32).nullable())
        .column(Column::new("type", ColumnType::I16))
        .primary_key(["book", "line"])
        .constraint(ForeignKey {
            name: None,
            columns: vec!["parent_book".to_owned(), "parent_line".to_owned()],
            table: "entry".to_owned(),
            schema: None,
            references: vec!["book".to_owned(), "line".to_owned()],
            on_delete: ReferentialAction::SetNull,
            on_update: ReferentialAction::NoAction,
        });
    assert_eq!(**Entry::table(), wanted);
}

#[test]
fn constants_name_columns_and_relations() {
    let name: selfsame::sql::Column<User, String> = User::NAME;
    assert_eq!((name.index(), User::STATUS.index()), (1, 3));
    assert_eq!(User::STATUS.definition().name, "state");
    assert_eq!(Entry::TYPE.definition().name, "type");
    let tasks: Relation<User, Task, Many> = User::TASKS;
    let profile: Relation<User, Profile, One> = User::PROFILE;
    let optional: Relation<Task, User, One> = Task::USER;
    let required: Relation<Task, User, Required> = Task::REVIEWED_BY;
    assert_eq!((tasks.index(), profile.index()), (0, 1));
    assert_eq!((optional.index(), required.index()), (0, 1));
    assert_eq!(format!("{required:?}"), "Task.reviewed_by");
}

#[test]
fn relations_find_their_columns_and_each_other() -> selfsame::Result<()> {
    let [tasks, profile] = User::mapper().resolved()? else {
        panic!("a user has two relations");
    };
    let columns = |relation: &ResolvedRelation| (relation.local.to_vec(), relation.remote.to_vec());
    assert_eq!(columns(tasks), (vec![0], vec![3]));
    assert_eq!(
        (tasks.kind, tasks.inverse),
        (RelationKind::HasMany, Some(0))
    );
    assert_eq!(
        (tasks.fetch, &tasks.order_by[..]),
        (Fetch::Selectin, &[(1, true)][..])
    );
    assert!(tasks.cascade.delete && tasks.cascade.delete_orphan && !tasks.required);
    assert_eq!(columns(profile), (vec![0], vec![0]));
    assert_eq!(
        (profile.kind, profile.fetch),
        (RelationKind::HasOne, Fetch::Lazy)
    );
    assert!(profile.required && !profile.cascade.delete);

    let [user, reviewed_by] = Task::mapper().resolved()? else {
        panic!("a task has two relations");
    };
    assert_eq!((columns(user), user.inverse), ((vec![3], vec![0]), Some(0)));
    assert_eq!(
        (columns(reviewed_by), reviewed_by.inverse),
        ((vec![4], vec![0]), None)
    );

    let [parent, children] = Entry::mapper().resolved()? else {
        panic!("an entry has two relations");
    };
    assert_eq!(columns(parent), (vec![2, 3], vec![0, 1]));
    assert_eq!(columns(children), (vec![0, 1], vec![2, 3]));
    assert_eq!(
        (parent.fetch, children.fetch),
        (Fetch::Raise, Fetch::Joined)
    );
    assert!(children.cascade.delete && !children.cascade.delete_orphan);
    Ok(())
}

#[test]
fn new_takes_what_is_required() {
    let user = User::new("ann", Decimal::new(995, 2));
    assert_eq!(
        (user.name.as_str(), user.balance),
        ("ann", Decimal::new(995, 2))
    );
    assert_eq!(
        (user.age, user.status, user.language.as_str()),
        (None, Status::Active, "de")
    );
    assert!(user.id.get().is_none() && user.created.get().is_none());
    assert!(user.tasks.pending() == 0 && user.profile.pending() == 0);
    let task = Task {
        user_id: Some(1),
        ..Task::new(String::from("write"), 2)
    };
    assert_eq!(
        (task.completed, task.user_id, task.reviewer),
        (false, Some(1), 2)
    );
}

#[test]
fn a_key_is_known_once_it_is_set() -> selfsame::Result<()> {
    let mut user = User::new("ann", Decimal::new(0, 0));
    assert_eq!(user.key(User::mapper()), None);
    user.id = 5.into();
    assert_eq!(user.key(User::mapper()), Some(5));
    let key = ("978".to_owned(), 3);
    assert_eq!(Entry::new().key(Entry::mapper()), Some(key.clone()));

    let mapper = Entry::mapper();
    let row = [ValueRef::Text("978"), ValueRef::I32(3)];
    assert_eq!(Entry::row_key(mapper, &Values(&row), 0)?, Some(key));
    for missing in 0..2 {
        let mut row = row;
        row[missing] = ValueRef::Null;
        assert_eq!(Entry::row_key(mapper, &Values(&row), 0)?, None);
    }
    Ok(())
}

#[test]
fn columns_are_read_and_assigned_by_number() -> selfsame::Result<()> {
    let mut user = User::new("ann", Decimal::new(0, 0));
    let mapper = User::mapper();
    let unset: Vec<_> = (0..7).filter(|&i| user.is_unset(mapper, i)).collect();
    assert_eq!(unset, [0, 5]);
    let time = Timestamp(1);
    let values = [
        ValueRef::I64(5),
        ValueRef::Text("Ann"),
        ValueRef::I32(40),
        ValueRef::Text("on hold"),
        ValueRef::Text("en"),
        ValueRef::Timestamp(time),
        ValueRef::Decimal(Decimal::new(1, 0)),
    ];
    for (column, value) in values.into_iter().enumerate() {
        assert_ne!(user.value(mapper, column).value(), Some(value));
        user.assign(mapper, column, value)?;
        assert_eq!(user.value(mapper, column).value(), Some(value));
        assert!(!user.is_unset(mapper, column));
    }
    assert_eq!(user.status, Status::OnHold);
    Ok(())
}

#[test]
fn a_value_that_does_not_convert_names_its_column() {
    let mapper = User::mapper();
    let mut user = User::new("ann", Decimal::new(0, 0));
    for (column, value, message) in [
        (1, ValueRef::Null, "expected Text, found NULL"),
        (
            3,
            ValueRef::Text("secret"),
            "the text is not a label of `Status`",
        ),
        (3, ValueRef::I64(1), "expected Text, found I64"),
    ] {
        let error = user
            .assign(mapper, column, value)
            .expect_err("it does not convert");
        assert_eq!(error.kind(), ErrorKind::Conversion);
        let text = error.to_string();
        assert!(text.contains(message) && text.contains("User"), "{text}");
        assert!(text.contains(&User::table().columns[column].name), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn labels_follow_the_case() {
    #[derive(DbEnum, Clone, Debug, PartialEq)]
    #[orm(rename_all = "SCREAMING-KEBAB-CASE")]
    enum Level {
        VeryLow,
        High,
    }
    let labels = &["VERY-LOW", "HIGH"];
    let name = "Level";
    assert_eq!(Level::column_type(), ColumnType::Enum { name, labels });
    assert_eq!(Option::<Level>::column_type(), Level::column_type());
    for level in [Level::VeryLow, Level::High] {
        let param = level.to_param();
        let read = param
            .value()
            .and_then(|value| Level::from_value(value).ok());
        assert_eq!(read.as_ref(), Some(&level));
    }
}

#[test]
fn a_row_hydrates() -> selfsame::Result<()> {
    // The table's columns begin after one of another table.
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
    assert_eq!(task.user.pending(), 0);
    assert_eq!(Task::row_key(mapper, &row, 1)?, Some(7));
    assert_eq!(Task::row_key(mapper, &Values(&[ValueRef::Null]), 0)?, None);
    Ok(())
}

/// Each type references the next.
macro_rules! chain {
    ($last:ident) => {
        #[derive(Entity, Clone, Debug)]
        struct $last {
            #[orm(primary_key)]
            id: Auto<i64>,
        }
    };
    ($name:ident $next:ident $($rest:ident)*) => {
        #[derive(Entity, Clone, Debug)]
        struct $name {
            #[orm(primary_key)]
            id: Auto<i64>,
            #[orm(references = "next.id")]
            next_id: Option<i64>,
            next: BelongsTo<$next>,
        }
        chain!($next $($rest)*);
    };
}

/// Deferred columns first, last, and around an embedded value.
#[derive(Entity, Clone, Debug, PartialEq)]
struct Scan {
    #[orm(length = 9, validate = not_empty)]
    text: Deferred<String>,
    #[orm(flatten)]
    size: Size,
    #[orm(default = "unknown")]
    origin: Deferred<String>,
    #[orm(primary_key)]
    page: i32,
    #[orm(server_default = "0")]
    views: Deferred<i64>,
    image: Deferred<Option<Vec<u8>>>,
}

#[derive(Embedded, Clone, Debug, PartialEq)]
struct Size {
    width: i16,
    height: i16,
}

fn not_empty(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        Err("empty")
    } else {
        Ok(())
    }
}

#[test]
fn deferred_columns_are_columns_that_a_row_leaves_out() -> selfsame::Result<()> {
    let mapper = Scan::mapper();
    assert_eq!(mapper.deferred(), [0, 3, 5, 6]);
    assert_eq!(mapper.eager(), [1, 2, 4]);
    let columns = &Scan::table().columns;
    let text = ColumnType::Text { length: Some(9) };
    assert_eq!((&columns[0].ty, columns[0].nullable), (&text, false));
    assert_eq!(columns[5].generated, Generated::Default("0".to_owned()));
    assert!(columns[6].nullable);
    assert_eq!(Scan::TEXT.definition().name, "text");

    let row = [ValueRef::I16(2), ValueRef::I16(3), ValueRef::I32(7)];
    let mut scan = Scan::hydrate(mapper, &Values(&row), 0)?;
    assert_eq!(Scan::row_key(mapper, &Values(&row), 0)?, Some(7));
    assert_eq!((&scan.size, scan.page), (&Size::new(2, 3), 7));
    let loaded = |scan: &Scan| {
        let columns = mapper.deferred().iter();
        let values = columns.filter(|&&column| scan.value(mapper, column) != Param::ABSENT);
        values.copied().collect::<Vec<usize>>()
    };
    assert_eq!(loaded(&scan), [] as [usize; 0]);
    assert!(
        (0..7).all(|column| scan.is_unset(mapper, column) == mapper.deferred().contains(&column))
    );
    scan.validate(mapper, 0)?;
    for (column, value) in [
        (0, ValueRef::Text("")),
        (5, ValueRef::I64(1)),
        (6, ValueRef::Null),
    ] {
        scan.assign(mapper, column, value)?;
    }
    assert_eq!(loaded(&scan), [0, 5, 6]);
    assert_eq!(scan.value(mapper, 6), Param::Ref(ValueRef::Null));
    let error = scan.validate(mapper, 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Validation);
    let error = scan.assign(mapper, 0, ValueRef::Null).unwrap_err();
    assert_eq!(error.column_name(), Some("text"));
    let field = scan.deferred(5).and_then(|field| field.downcast_ref());
    assert_eq!(field, Some(&Deferred::new(1_i64)));
    assert!(scan.deferred(4).is_none());
    scan.unload(5);
    scan.unload(4);
    assert_eq!((scan.views, scan.page), (Deferred::UNLOADED, 7));
    Ok(())
}

#[test]
fn new_takes_the_value_of_a_deferred_column_that_is_required() {
    let scan = Scan::new("text", Size::new(1, 2), 7);
    assert_eq!(
        (&scan.text, &scan.origin),
        (&"text".into(), &"unknown".into())
    );
    assert!(!scan.views.is_loaded() && !scan.image.is_loaded());
    let shown = "Scan { text: \"text\", size: Size { width: 1, height: 2 }, origin: \"unknown\", page: 7, \
                 views: Deferred(unloaded), image: Deferred(unloaded) }";
    assert_eq!(format!("{scan:?}"), shown);
}

#[test]
fn a_chain_of_relations_may_be_long() {
    chain!(A B C D E F G H I J K L M N O P Q R S T U V W X Y Z);
    fn is_send_and_sync<T: Send + Sync>(_: &T) {}
    let first = A {
        next: B::new().into(),
        ..A::new()
    };
    is_send_and_sync(&first);
    assert_eq!(first.clone().next.pending(), 1);
}

/// Generated names do not clash with the program's.
#[test]
fn any_type_may_be_named_like_what_the_derive_uses() {
    #[derive(selfsame::Embedded, Clone, Debug, Default)]
    struct Group {
        size: i32,
    }

    #[derive(DbEnum, Clone, Debug)]
    enum Made {
        Here,
        There,
    }

    #[derive(Entity, Clone, Debug)]
    struct Outline {
        #[orm(primary_key)]
        id: Auto<i64>,
        made: Made,
        #[orm(flatten)]
        group: Group,
        #[orm(references = "outline.id")]
        parent_id: Option<i64>,
        parent: BelongsTo<Outline>,
    }

    assert_eq!(Outline::GROUP.size.index(), 2);
    assert!(Outline::mapper().resolved().is_ok());
    let outline = Outline::new(Made::Here, Group::default());
    assert!(matches!(outline.made, Made::Here | Made::There));
}
