//! The derive macros of `selfsame`, which re-exports them: `selfsame::Entity`, `selfsame::Embedded`, `selfsame::DbEnum` and
//! `selfsame::FromRow`.

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
/// Each field is a relation if its type is `HasMany<T>`, `HasOne<T>`, `BelongsTo<T>` or `ManyToMany<T>`, an embedded value if it is marked
/// with `flatten`, and otherwise a column. `Option<T>` is a nullable column, `Auto<T>` one that the database generates, and `Deferred<T>`
/// one that is loaded on request; for the attributes below the latter's type is `T`. All these types are recognised by their last path
/// segment, so write them out instead of using an alias.
///
/// The derive implements `Mapped` and `Entity`, and adds
///
/// - a typed constant for each field, in capitals and with the field's visibility: `User::NAME: Column<User, String>`, `User::TASKS:
///   Relation<User, Task, Many>`, and for an embedded value a struct of columns: `User::HOME.street`;
/// - `User::new(…)`, which takes the required columns in the order of the fields: those that are not `Option` or `Auto` and have no
///   default. Text is taken as `impl Into<String>`. Set other fields with struct update syntax: `User { age: Some(3), ..User::new("ann")
///   }`.
///
/// # Attributes of the struct
///
/// | `#[orm(…)]` | |
/// |---|---|
/// | `table = "users"` | the table's name; by default the struct's name in snake case |
/// | `schema = "sales"` | the table's schema, or attached database, if it is not the default one |
/// | `view` | maps a view: its rows are read-only, and `create_all`, `drop_all` and `diff` ignore it |
/// | `read_only` | makes the rows read-only. A read-only entity, like a view, needs no primary key; without one its rows are not objects of a session, but are read with `rows`, `for_each` and `select` |
/// | `comment = "…"` | the table's comment in the database; `comment` alone uses the doc comment |
/// | `unique(a, b)` | a UNIQUE constraint on these fields; with a name: `unique(a, b, name = "…")`; checked at COMMIT: `deferrable = "initially deferred"`, or when the program defers it: `"initially immediate"` |
/// | `index(a, b)` | an index on these fields; with a name: `index(a, b, name = "…")` |
/// | `check = "a < b"` | a CHECK constraint; with a name: `check(name = "…", condition = "a < b")` |
/// | `foreign_key(columns(a, b), references = "table(x, y)")` | a foreign key of several columns; it also takes `on_delete`, `on_update` and `name` |
/// | `no_new` | does not generate `new` |
///
/// # Attributes of a column
///
/// | `#[orm(…)]` | |
/// |---|---|
/// | `primary_key` | part of the primary key, in the order of the fields. The database generates an `Auto<i64>` (or `i32`, `i16`) |
/// | `autoincrement` | generated keys are never reused, not even the greatest one after its deletion |
/// | `identity` | the database generates the value of an `Auto` column that is not the primary key |
/// | `version` | an `i16`, `i32` or `i64` for optimistic locking: 1 for a new row, incremented by each UPDATE, and checked by each UPDATE and DELETE. If it has changed, the flush fails with `StaleData`. `new` does not take it |
/// | `column = "name"` | the column's name; by default the field's name |
/// | `unique`, `index` | a UNIQUE constraint, an index; with a name: `unique = "…"` |
/// | `length = 50` | the maximum length of a text, in characters |
/// | `precision = (10, 2)` | the number of digits of a decimal, and how many of them are after the decimal point |
/// | `db_type = "inet"` | a type of the database's own: of a `String`, whose text is cast both ways (so a `date` also holds `infinity`, a `numeric` also `NaN`, a `time` also `24:00:00`); of a time or bytes, which the column may round or pad (`timestamp(3)`, `datetime`, `binary(4)`): what it changes is read again in the same flush |
/// | `default = false` | the value that `new` sets: an expression of the field's type, or a string literal for a `String` |
/// | `server_default = "now()"` | the DEFAULT of the column, an SQL expression; the field must be an `Auto<T>` or a `Deferred<T>` |
/// | `computed = "price * count"` | a column that the database computes from others (GENERATED ALWAYS AS … STORED); the field must be an `Auto<T>` or a `Deferred<T>`, and is read again after each write |
/// | `references = "users.id"` | a foreign key; `foreign_key = "…"` names it |
/// | `on_delete = "cascade"`, `on_update = "…"` | the foreign key's action: `cascade`, `set null`, `set default`, `restrict` or `no action` |
/// | `check = "age >= 0"` | a CHECK constraint |
/// | `comment = "…"` | the column's comment in the database; `comment` alone uses the doc comment |
/// | `validate = path::to::function` | a function `fn(&T) -> Result<(), impl Display>` that a flush calls before writing a value; for an `Option`, `Auto` or `Deferred` with the value inside, if there is one |
///
/// # Attributes of an embedded value
///
/// | `#[orm(…)]` | |
/// |---|---|
/// | `flatten` | makes the columns of the field's type, which derives `Embedded`, columns of this table |
/// | `prefix = "billing_"` | the prefix of their names |
/// | `default = Audit::new()` | the value that `new` sets; without it, `new` sets an `Option` to `None` and takes other values as parameters |
///
/// # Attributes of a relation
///
/// | `#[orm(…)]` | |
/// |---|---|
/// | `back_populates = user` | the field of the inverse relation; checked at compile time |
/// | `key = "user_id"` | the foreign key's columns, `"a, b"` if several. By default a `BelongsTo` uses `{field}_id`, or the only foreign key |
/// | `secondary = "user_tags(user_id, tag_id)"` | the association table of a `ManyToMany`: the columns that reference this struct's key, then those that reference the target's. Required on one side |
/// | `cascade = "all, delete-orphan"` | any of `all`, `save-update`, `merge`, `refresh`, `expunge`, `delete`, `delete-orphan`; by default `save-update, merge` |
/// | `lazy = "select"` | how the relation is loaded by default: `select`, `selectin`, `joined` or `raise` |
/// | `order_by = "title desc"` | the order of a collection, by columns of the target |
#[proc_macro_derive(Entity, attributes(orm))]
pub fn derive_entity(input: TokenStream) -> TokenStream {
    entity::derive(&parse_macro_input!(input as DeriveInput)).into()
}

/// Re-exported and documented as `selfsame::Embedded`.
#[proc_macro_derive(Embedded, attributes(orm))]
pub fn derive_embedded(input: TokenStream) -> TokenStream {
    entity::derive_embedded(&parse_macro_input!(input as DeriveInput)).into()
}

/// Stores an enum without data in a column, as a label.
///
/// The label is the variant's name in snake case. `#[orm(rename_all = "…")]` on the enum changes the case to `lowercase`, `UPPERCASE`,
/// `PascalCase`, `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case` or `SCREAMING-KEBAB-CASE`; `#[orm(label = "in progress")]`
/// on a variant sets its label.
#[proc_macro_derive(DbEnum, attributes(orm))]
pub fn derive_db_enum(input: TokenStream) -> TokenStream {
    db_enum::derive(&parse_macro_input!(input as DeriveInput)).into()
}

/// Re-exported and documented as `selfsame::FromRow`.
#[proc_macro_derive(FromRow)]
pub fn derive_from_row(input: TokenStream) -> TokenStream {
    from_row::derive(&parse_macro_input!(input as DeriveInput)).into()
}
