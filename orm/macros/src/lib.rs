//! The derive macros of `selfsame`. Use them through it: `selfsame::Entity`, `selfsame::Embedded`, `selfsame::DbEnum`, `selfsame::FromRow`.

mod attribute;
mod case;
mod db_enum;
mod entity;
mod errors;
mod from_row;
mod shape;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Maps a struct with named fields to a table.
///
/// Each field is a column, by its type, a relation, if its type is written `HasMany<T>`, `HasOne<T>`, `BelongsTo<T>` or
/// `ManyToMany<T>`, or an embedded value, if it is marked with `flatten`. The types `Option<T>` (may be NULL) and `Auto<T>` (made by the database) are recognised by their last path segment too, so write them out
/// where the mapping depends on them. So is `Deferred<T>`, a column that is read when it is asked for; in what follows its type is `T`.
///
/// It implements `Mapped` and `Entity`, and adds
///
/// - a typed constant for each field, in capitals and as visible as the field: `User::NAME: Column<User, String>`,
///   `User::TASKS: Relation<User, Task, Many>`, and of an embedded value a struct of them: `User::HOME.street`;
/// - `User::new(…)` over the required columns, in the order of the fields: those that are not `Option`, `Auto`, defaulted or relations. Text
///   is taken as `impl Into<String>`. The other fields follow by struct update: `User { age: Some(3), ..User::new("ann") }`.
///
/// # Attributes of the struct
///
/// | `#[orm(…)]` | |
/// |---|---|
/// | `table = "users"` | the table's name; by default the struct's in snake case |
/// | `schema = "sales"` | the schema that the table is in, or the attached database, if it is not the usual one |
/// | `view` | a view: its rows are only read, and `create_all`, `drop_all` and `diff` leave it alone |
/// | `read_only` | a table whose rows are only read. Such an entity, and a view, may go without a primary key: its rows are then no objects of a session, but read by `rows`, `for_each` and `select` |
/// | `comment = "…"` | the database's comment; `comment` alone takes the doc comment |
/// | `unique(a, b)` | a UNIQUE constraint over these fields; with a name: `unique(a, b, name = "…")` |
/// | `index(a, b)` | an index over these fields, with or without a name |
/// | `check = "a < b"` | a CHECK constraint; with a name: `check(name = "…", condition = "a < b")` |
/// | `foreign_key(columns(a, b), references = "table(x, y)")` | a foreign key of several columns; also `on_delete`, `on_update`, `name` in it |
/// | `no_new` | leaves `new` to you |
///
/// # Attributes of a column
///
/// | `#[orm(…)]` | |
/// |---|---|
/// | `primary_key` | part of the primary key, in the order of the fields. `Auto<i64>` (also `i32`, `i16`): the database counts |
/// | `autoincrement` | a counted key is never used twice, not even the deleted maximum |
/// | `column = "name"` | the column's name; by default the field's |
/// | `unique`, `index` | a UNIQUE constraint, an index; with a name: `unique = "…"` |
/// | `length = 50` | the greatest number of characters of a text |
/// | `precision = (10, 2)` | digits of a decimal, and how many of them are after the decimal point |
/// | `default = false` | the value that `new` gives; an expression of the field's type, or a literal for a `String` |
/// | `server_default = "now()"` | an SQL expression; the field must be an `Auto<T>` or a `Deferred<T>` |
/// | `references = "users.id"` | a foreign key; `foreign_key = "…"` names it |
/// | `on_delete = "cascade"`, `on_update = "…"` | what it does: `cascade`, `set null`, `restrict` or `no action` |
/// | `check = "age >= 0"` | a CHECK constraint |
/// | `comment = "…"` | the database's comment; `comment` alone takes the doc comment |
/// | `validate = path::to::function` | a flush asks `fn(&T) -> Result<(), impl Display>` about a value before it is written; of an `Option`, `Auto` or `Deferred` the value inside, if there is one |
///
/// # Attributes of an embedded value
///
/// | `#[orm(…)]` | |
/// |---|---|
/// | `flatten` | the columns of the field's type, which derives `Embedded`, are columns of this struct's table |
/// | `prefix = "billing_"` | what their names begin with |
/// | `default = Audit::new()` | the value that `new` gives; an `Option` is `None` without it |
///
/// # Attributes of a relation
///
/// | `#[orm(…)]` | |
/// |---|---|
/// | `back_populates = user` | the field of the other side; checked at compile time |
/// | `key = "user_id"` | the foreign key's columns, `"a, b"` if several. A `BelongsTo` takes `{field}_id` or else the only foreign key |
/// | `secondary = "user_tags(user_id, tag_id)"` | the association table of a `ManyToMany`: the columns that refer to this struct's key, then those to the other's. One side needs it |
/// | `cascade = "all, delete-orphan"` | of `all`, `save-update`, `merge`, `refresh`, `expunge`, `delete`, `delete-orphan`; without it `save-update, merge` |
/// | `lazy = "select"` | `select`, `selectin`, `joined` or `raise` |
/// | `order_by = "title desc"` | the order of a collection, by columns of the other table |
#[proc_macro_derive(Entity, attributes(orm))]
pub fn derive_entity(input: TokenStream) -> TokenStream {
    entity::derive(&parse_macro_input!(input as DeriveInput)).into()
}

/// Makes a struct with named fields, or an enum, an embedded value: a group of columns that entities have as one field.
///
/// ```
/// use selfsame::prelude::*;
///
/// #[derive(Embedded, Clone, Debug)]
/// struct Address {
///     street: String,
///     #[orm(length = 5, check = "zip <> ''")]
///     zip: String,
///     country: Option<String>,
/// }
///
/// #[derive(Entity, Clone, Debug)]
/// struct Customer {
///     #[orm(primary_key)]
///     id: Auto<i64>,
///     #[orm(flatten)]
///     home: Address,                 // street, zip, country
///     #[orm(flatten, prefix = "billing_")]
///     billing: Option<Address>,      // billing_street, billing_zip, billing_country: all NULL, or a value
/// }
///
/// let customer = Customer::new(Address::new("Main St", "12345"));
/// let near = Customer::query().filter(Customer::HOME.zip.eq("12345"));
/// ```
///
/// It implements `Embedded`, and adds `new` as for an entity, and a struct of typed columns (`AddressColumns`), which the constant of the
/// field in an entity is: whatever takes a column takes `Customer::HOME.street`. An entity reads, compares and writes these columns as its
/// own: an UPDATE names those that changed.
///
/// Fields take the attributes of an entity's columns but for `primary_key`; the struct takes `unique`, `index`, `check`, `foreign_key`
/// and `no_new`. A field may itself be an embedded value, by `#[orm(flatten)]`. The struct may be generic over the types of its columns
/// (`struct Audit<W: ColumnValue> { by: W, … }`): a mixin. A `version` may be in it; relations may not, but a relation of the entity may
/// follow a foreign key in it, named by `key = "…"`; it is then as one that may be empty.
///
/// With a `prefix`, the names of all its columns get it, also in the struct's constraints, checks and computed columns, where a word (or a
/// text in double quotes) that is a column's name is taken for that column.
///
/// `Option<Address>` is absent when all of its columns are NULL, so one of them must never be NULL in an address that is there, and none of
/// them can be made by the database. A row that has some of what an address needs is an error when it is read.
///
/// # Enums: several types in one table
///
/// ```
/// # use selfsame::prelude::*;
/// # #[derive(Embedded, Clone, Debug)]
/// # struct Truck { load: f64 }
/// #[derive(Embedded, Clone, Debug)]
/// #[orm(tag = "kind")]
/// enum Kind {
///     Car { doors: i32, color: Option<String> },
///     #[orm(label = "lorry", prefix = "truck_")]
///     Truck(Truck),                          // a struct that derives Embedded
///     Bicycle,
/// }
///
/// #[derive(Entity, Clone, Debug)]
/// struct Vehicle {
///     #[orm(primary_key)]
///     id: Auto<i64>,
///     #[orm(flatten)]
///     kind: Kind,                            // kind, doors, color, truck_load, …
/// }
///
/// # fn run(session: &mut Session, vehicle: Handle<Vehicle>) {
/// session[vehicle].kind = Kind::Bicycle;     // one UPDATE: the tag, and NULL for what it had
/// let large = Vehicle::query().filter(Vehicle::KIND.is_car().and(Vehicle::KIND.car.doors.gt(2)));
/// # }
/// ```
///
/// This is single-table inheritance: a row is one object with one handle, and what it is, is a value of it that may change. A column of texts
/// tells the variants apart, held to its labels by a CHECK constraint; the columns of the variants take NULL. The attributes of the enum
/// are `tag` (the column's name, by default `kind`), `index` (an index on it) and `rename_all`, as for `DbEnum`; those of a variant `label` and
/// `prefix`; those of its fields are those of columns. No two variants share a column, and none has columns that the database makes.
///
/// It adds `Kind::tag(&self)`, whose type is an enum without data, `KindTag`: `Vehicle::KIND.tag` is a column of it.
///
/// Columns of other variants than the row's own are not looked at when it is read. A tag that no variant has is an error then.
#[proc_macro_derive(Embedded, attributes(orm))]
pub fn derive_embedded(input: TokenStream) -> TokenStream {
    entity::derive_embedded(&parse_macro_input!(input as DeriveInput)).into()
}

/// Stores an enum without data as one of some labels.
///
/// A label is the variant's name in snake case; `#[orm(rename_all = "SCREAMING_SNAKE_CASE")]` on the enum changes all of them, to
/// `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case` or `SCREAMING-KEBAB-CASE`, and
/// `#[orm(label = "in progress")]` on a variant changes its own.
#[proc_macro_derive(DbEnum, attributes(orm))]
pub fn derive_db_enum(input: TokenStream) -> TokenStream {
    db_enum::derive(&parse_macro_input!(input as DeriveInput)).into()
}

/// Reads the rows of a projection into a struct, field by field in their order.
///
/// It implements `sql::FromRow` and `sql::RowStruct`, by which `Select::read_as` takes it for a projection of the same types:
///
/// ```
/// # use selfsame::prelude::*;
/// # #[derive(Entity, Clone, Debug)]
/// # #[orm(table = "users")]
/// # struct User {
/// #     #[orm(primary_key)]
/// #     id: Auto<i64>,
/// #     name: String,
/// #     age: Option<i32>,
/// #     #[orm(back_populates = user)]
/// #     tasks: HasMany<Task>,
/// # }
/// # #[derive(Entity, Clone, Debug)]
/// # #[orm(table = "tasks")]
/// # struct Task {
/// #     #[orm(primary_key)]
/// #     id: Auto<i64>,
/// #     title: String,
/// #     #[orm(default = false)]
/// #     completed: bool,
/// #     #[orm(references = "users.id")]
/// #     user_id: Option<i64>,
/// #     #[orm(back_populates = tasks)]
/// #     user: BelongsTo<User>,
/// # }
/// #[derive(FromRow)]
/// struct Busy { name: String, tasks: i64 }
///
/// let busy = User::query().join(User::TASKS).select((User::NAME, count(Task::ID))).group_by(User::ID).read_as::<Busy>();
/// ```
#[proc_macro_derive(FromRow)]
pub fn derive_from_row(input: TokenStream) -> TokenStream {
    from_row::derive(&parse_macro_input!(input as DeriveInput)).into()
}
