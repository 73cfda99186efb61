//! The derive macros of `selfsame`. Use them through it: `selfsame::Entity`, `selfsame::DbEnum`, `selfsame::FromRow`.

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
/// Each field is a column, by its type, or a relation, if its type is written `HasMany<T>`, `HasOne<T>`, `BelongsTo<T>` or
/// `ManyToMany<T>`. The types `Option<T>` (may be NULL) and `Auto<T>` (made by the database) are recognised by their last path segment too, so write them out
/// where the mapping depends on them.
///
/// It implements `Mapped` and `Entity`, and adds
///
/// - a typed constant for each field, in capitals and as visible as the field: `User::NAME: Column<User, String>`,
///   `User::TASKS: Relation<User, Task, Many>`;
/// - `User::new(…)` over the required columns, in the order of the fields: those that are not `Option`, `Auto`, defaulted or relations. Text
///   is taken as `impl Into<String>`. The other fields follow by struct update: `User { age: Some(3), ..User::new("ann") }`.
///
/// # Attributes of the struct
///
/// | `#[orm(…)]` | |
/// |---|---|
/// | `table = "users"` | the table's name; by default the struct's in snake case |
/// | `unique(a, b)` | a UNIQUE constraint over these fields |
/// | `index(a, b)` | an index over these fields |
/// | `check = "a < b"` | a CHECK constraint |
/// | `foreign_key(columns(a, b), references = "table(x, y)")` | a foreign key of several columns; also `on_delete`, `on_update` in it |
/// | `no_new` | leaves `new` to you |
///
/// # Attributes of a column
///
/// | `#[orm(…)]` | |
/// |---|---|
/// | `primary_key` | part of the primary key, in the order of the fields. `Auto<i64>` (also `i32`, `i16`): the database counts |
/// | `autoincrement` | a counted key is never used twice, not even the deleted maximum |
/// | `column = "name"` | the column's name; by default the field's |
/// | `unique`, `index` | a UNIQUE constraint, an index |
/// | `length = 50` | the greatest number of characters of a text |
/// | `precision = (10, 2)` | digits of a decimal, and how many of them are behind the point |
/// | `default = false` | the value that `new` gives; an expression of the field's type, or a literal for a `String` |
/// | `server_default = "now()"` | an SQL expression; the field must be an `Auto<T>` |
/// | `references = "users.id"` | a foreign key |
/// | `on_delete = "cascade"`, `on_update = "…"` | what it does: `cascade`, `set null`, `restrict` or `no action` |
/// | `check = "age >= 0"` | a CHECK constraint |
/// | `validate = path::to::function` | a flush asks `fn(&T) -> Result<(), impl Display>` about a value before it is written; of an `Option` or `Auto` the value inside, if there is one |
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
/// ```text
/// #[derive(FromRow)]
/// struct Busy { name: String, tasks: i64 }
///
/// User::query().join(User::TASKS).select((User::NAME, count(Task::ID))).group_by(User::ID).read_as::<Busy>()
/// ```
#[proc_macro_derive(FromRow)]
pub fn derive_from_row(input: TokenStream) -> TokenStream {
    from_row::derive(&parse_macro_input!(input as DeriveInput)).into()
}
