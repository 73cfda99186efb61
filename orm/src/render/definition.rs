//! CREATE, ALTER and DROP.

use std::borrow::Cow;

use super::Renderer;
use super::text::Text;
use crate::backend::{Sql, StatementKind};
use crate::dialect::Capabilities;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{
    Column, ColumnType, Deferrable, ForeignKey, Generated, Index, ReferentialAction, Table,
    local_name,
};

impl Renderer<'_> {
    /// Renders a CREATE TABLE with its constraints, as far as the database enforces them; the foreign keys at the positions `deferred` of
    /// [`Table::foreign_keys`] are left to [`add_foreign_key`](Self::add_foreign_key).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if the table cannot be created as declared (no columns, a constraint on a missing column, an empty name or
    /// one too long for the database); [`ErrorKind::Unsupported`] if the table has a generated key and the database does not support them.
    pub fn create_table(&self, table: &Table, deferred: &[usize]) -> Result<Sql> {
        let definition = Definition::new(self, table)?;
        definition.check_table()?;
        let mut text = self.text(128 + table.columns.len() * 48);
        text.push("CREATE TABLE ");
        text.table(table);
        text.push(" (");
        let key_is_written = definition.columns(&mut text)?;
        if !table.primary_key.is_empty() && !key_is_written {
            text.push(", PRIMARY KEY");
            text.column_list(table, &table.primary_key);
        }
        definition.uniques(&mut text)?;
        definition.index_of_generated_key(&mut text);
        definition.foreign_keys(&mut text, deferred)?;
        definition.checks(&mut text)?;
        text.push(")");
        text.push(self.dialect.table_options());
        definition.comment(&mut text, table.comment.as_deref());
        Ok(text.finish(StatementKind::Ddl, Vec::new()))
    }

    /// Renders a CREATE TYPE for each native enum type of the table's columns, if the database has such types.
    pub fn create_enums(&self, table: &Table) -> Vec<Sql> {
        let create = |(name, labels): (&str, &[String])| self.dialect.create_enum(name, labels);
        self.enums(table, create)
    }

    /// Renders a DROP TYPE for each native enum type of the table's columns; types still in use are kept.
    pub fn drop_enums(&self, table: &Table) -> Vec<Sql> {
        self.enums(table, |(name, _)| self.dialect.drop_enum(name))
    }

    fn enums(
        &self,
        table: &Table,
        write: impl Fn((&str, &[String])) -> Option<String>,
    ) -> Vec<Sql> {
        let enums = table
            .columns
            .iter()
            .filter_map(|column| column.ty.native_enum());
        enums
            .filter_map(write)
            .map(|text| Sql::new(StatementKind::Ddl, text, [], []))
            .collect()
    }

    /// Renders the statements that set the comments of a table and its columns, unless CREATE TABLE does or the database has no comments.
    pub fn comments(&self, table: &Table) -> Vec<Sql> {
        let comment = |column: Option<&Column>, comment: &Option<String>| {
            let mut object = self.text(32);
            object.push(if column.is_some() {
                "COLUMN "
            } else {
                "TABLE "
            });
            object.table(table);
            if let Some(column) = column {
                object.push(".");
                object.identifier(&column.name);
            }
            let object = object.finish(StatementKind::Ddl, Vec::new());
            self.dialect.comment(object.text(), comment.as_deref()?)
        };
        let columns = table.columns.iter();
        let columns = columns.map(|column| comment(Some(column), &column.comment));
        std::iter::once(comment(None, &table.comment))
            .chain(columns)
            .flatten()
            .map(|text| Sql::new(StatementKind::Ddl, text, [], []))
            .collect()
    }

    /// Renders a CREATE INDEX for each of the table's indexes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`], as [`create_table`](Self::create_table).
    pub fn create_indexes(&self, table: &Table) -> Result<Vec<Sql>> {
        let definition = Definition::new(self, table)?;
        let create = |index: &Index| {
            let name = definition.constraint_name(index.name.as_deref(), &index.columns, "idx")?;
            definition.check_columns(&name, &index.columns)?;
            let mut text = self.text(64);
            text.push("CREATE INDEX ");
            if self.dialect.schemas_are_databases() {
                text.place(&name, table.schema.as_deref());
                text.push(" ON ");
                text.identifier(table.local_name());
            } else {
                text.identifier(&name);
                text.push(" ON ");
                text.table(table);
            }
            text.push(" (");
            names(&mut text, &index.columns);
            text.push(")");
            Ok(text.finish(StatementKind::Ddl, Vec::new()))
        };
        table.indexes.iter().map(create).collect()
    }

    /// Renders an ALTER TABLE that adds the foreign key at this position of [`Table::foreign_keys`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`], as [`create_table`](Self::create_table); [`ErrorKind::Unsupported`] if the database does not support it.
    ///
    /// # Panics
    ///
    /// If the table has no such foreign key.
    pub fn add_foreign_key(&self, table: &Table, position: usize) -> Result<Sql> {
        let definition = self.altered(table)?;
        let mut text = self.text(128);
        text.push("ALTER TABLE ");
        text.table(table);
        text.push(" ADD ");
        definition.foreign_key(&mut text, &table.foreign_keys[position])?;
        Ok(text.finish(StatementKind::Ddl, Vec::new()))
    }

    /// Renders an ALTER TABLE that drops the foreign key at this position of [`Table::foreign_keys`], so that tables that reference each
    /// other can be dropped.
    ///
    /// # Errors
    ///
    /// As [`add_foreign_key`](Self::add_foreign_key).
    ///
    /// # Panics
    ///
    /// If the table has no such foreign key.
    pub fn drop_foreign_key(&self, table: &Table, position: usize) -> Result<Sql> {
        let definition = self.altered(table)?;
        let key = &table.foreign_keys[position];
        let name = definition.constraint_name(key.name.as_deref(), &key.columns, "fkey")?;
        let mut text = self.text(64);
        text.push("ALTER TABLE ");
        text.table(table);
        text.push(" DROP CONSTRAINT ");
        text.identifier(&name);
        Ok(text.finish(StatementKind::Ddl, Vec::new()))
    }

    /// Renders an UPDATE that sets the foreign key at this position to NULL in all rows, so that tables that reference each other can be
    /// dropped without ALTER TABLE; `None` if none of its columns is nullable.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`], as [`create_table`](Self::create_table).
    ///
    /// # Panics
    ///
    /// If the table has no such foreign key.
    pub fn clear_foreign_key(&self, table: &Table, position: usize) -> Result<Option<Sql>> {
        Definition::new(self, table)?;
        let columns = &table.foreign_keys[position].columns;
        let nullable = |name: &&String| {
            let position = table.position(name);
            position.is_some_and(|position| table.columns[position].nullable)
        };
        let nullable: Vec<&String> = columns.iter().filter(nullable).collect();
        if nullable.is_empty() {
            return Ok(None);
        }
        let mut text = self.text(64);
        text.push("UPDATE ");
        text.table(table);
        text.push(" SET ");
        text.each(nullable.len(), ", ", |text, i| {
            text.identifier(nullable[i]);
            text.push(" = NULL");
        });
        Ok(Some(text.finish(StatementKind::Update, Vec::new())))
    }

    /// Renders a DROP TABLE.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if the table's name is invalid.
    pub fn drop_table(&self, table: &Table) -> Result<Sql> {
        Definition::new(self, table)?;
        let mut text = self.text(16 + table.name.len());
        text.push("DROP TABLE ");
        text.table(table);
        Ok(text.finish(StatementKind::Ddl, Vec::new()))
    }

    fn altered<'t>(&'t self, table: &'t Table) -> Result<Definition<'t>> {
        let definition = Definition::new(self, table)?;
        if definition.capabilities.alter_add_constraint {
            return Ok(definition);
        }
        let what = "adding or dropping a foreign key of an existing table";
        Err(Error::unsupported(self.dialect.name(), what).entity(&table.name))
    }
}

/// A table being rendered as DDL.
struct Definition<'t> {
    renderer: &'t Renderer<'t>,
    table: &'t Table,
    capabilities: Capabilities,
}

impl<'t> Definition<'t> {
    fn new(renderer: &'t Renderer<'t>, table: &'t Table) -> Result<Self> {
        let definition = Self {
            renderer,
            table,
            capabilities: renderer.dialect.capabilities(),
        };
        definition.check_identifier("the table's name", table.local_name())?;
        Ok(definition)
    }

    fn check_table(&self) -> Result<()> {
        let table = self.table;
        if table.columns.is_empty() {
            return Err(self.error("the table has no columns"));
        }
        for (i, column) in table.columns.iter().enumerate() {
            self.check_identifier("the column's name", &column.name)
                .map_err(|error| error.column(&column.name))?;
            if table.columns[..i].iter().any(|c| c.name == column.name) {
                let message = "the table has two columns with this name";
                return Err(self.error(message).column(&column.name));
            }
        }
        Ok(())
    }

    /// Writes the columns; returns whether they include the PRIMARY KEY.
    fn columns(&self, text: &mut Text<'_>) -> Result<bool> {
        let mut key_is_written = false;
        for (i, column) in self.table.columns.iter().enumerate() {
            if i > 0 {
                text.push(", ");
            }
            text.identifier(&column.name);
            text.push(" ");
            if column.is_generated_key() {
                let key = self.renderer.dialect.generated_key(column);
                self.check_generated(i, column, key.is_primary_key)?;
                text.push(&key.definition);
                self.comment(text, column.comment.as_deref());
                key_is_written |= key.is_primary_key;
                continue;
            }
            text.push(&self.column_type(i));
            let mut is_not_null = !column.nullable;
            if let Generated::Computed(expression) = &column.generated {
                self.check_computed(column)?;
                let mut computed = String::new();
                self.renderer
                    .dialect
                    .computed_column(expression, &mut computed);
                text.push(&computed);
                is_not_null &= self.renderer.dialect.computed_columns_can_be_not_null();
            }
            if is_not_null {
                text.push(" NOT NULL");
            }
            if let Generated::Default(expression) = &column.generated {
                text.push(" DEFAULT ");
                let mut default = String::new();
                self.renderer
                    .dialect
                    .default_value(expression, &mut default);
                text.push(&default);
            }
            self.comment(text, column.comment.as_deref());
        }
        Ok(key_is_written)
    }

    fn comment(&self, text: &mut Text<'_>, comment: Option<&str>) {
        let clause = comment.and_then(|comment| self.renderer.dialect.comment_clause(comment));
        text.push(&clause.unwrap_or_default());
    }

    /// The SQL type of a column, which may differ if it is part of a key or index.
    fn column_type(&self, position: usize) -> Cow<'static, str> {
        let (dialect, column) = (self.renderer.dialect, &self.table.columns[position]);
        let parts = self.key_parts(position);
        match parts {
            0 => dialect.column_type(&column.ty),
            parts => dialect.key_type(&column.ty, parts),
        }
    }

    /// The number of columns of the longest key or index that contains the column; 0 if there is none.
    fn key_parts(&self, position: usize) -> usize {
        let table = self.table;
        let name = &table.columns[position].name;
        let lists = table.uniques.iter().chain(&table.indexes);
        let lists = lists.map(|index| &index.columns);
        let lists = lists.chain(table.foreign_keys.iter().map(|key| &key.columns));
        let longest = lists
            .filter(|columns| columns.contains(name))
            .map(Vec::len)
            .max();
        let of_key = match table.primary_key.contains(&position) {
            true => table.primary_key.len(),
            false => 0,
        };
        longest.unwrap_or_default().max(of_key)
    }

    fn check_computed(&self, column: &Column) -> Result<()> {
        if self.capabilities.computed_columns {
            return Ok(());
        }
        let error = Error::unsupported(self.renderer.dialect.name(), "a computed column");
        Err(error.entity(&self.table.name).column(&column.name))
    }

    fn check_generated(
        &self,
        position: usize,
        column: &Column,
        is_primary_key: bool,
    ) -> Result<()> {
        if !self.capabilities.generated_keys {
            let error = Error::unsupported(self.renderer.dialect.name(), "a generated key");
            return Err(error.entity(&self.table.name).column(&column.name));
        }
        if is_primary_key && self.table.generated_key() != Some(position) {
            let message = format!(
                "a key generated by {} must be the whole primary key",
                self.renderer.dialect.name()
            );
            return Err(self.error(message).column(&column.name));
        }
        let integer = matches!(
            column.ty,
            ColumnType::I16 | ColumnType::I32 | ColumnType::I64
        );
        if integer && !column.nullable {
            return Ok(());
        }
        let message = "a generated key must be an integer and NOT NULL";
        Err(self.error(message).column(&column.name))
    }

    fn uniques(&self, text: &mut Text<'_>) -> Result<()> {
        for unique in &self.table.uniques {
            self.constraint(text, unique.name.as_deref(), &unique.columns, "key")?;
            text.push("UNIQUE (");
            names(text, &unique.columns);
            text.push(")");
            if unique.deferrable != Deferrable::No {
                self.check_deferrable(unique)?;
                text.push(" ");
                text.push(unique.deferrable.as_sql());
            }
        }
        Ok(())
    }

    fn check_deferrable(&self, unique: &Index) -> Result<()> {
        if self.renderer.dialect.supports_deferrable_uniques() {
            return Ok(());
        }
        let what = "a deferrable UNIQUE constraint";
        let error = Error::unsupported(self.renderer.dialect.name(), what).entity(&self.table.name);
        let name = self.constraint_name(unique.name.as_deref(), &unique.columns, "key")?;
        Err(error.constraint(name))
    }

    fn index_of_generated_key(&self, text: &mut Text<'_>) {
        let Some(name) = self.renderer.dialect.index_of_generated_key() else {
            return;
        };
        let table = self.table;
        for (position, column) in table.columns.iter().enumerate() {
            let mut uniques = table.uniques.iter();
            let is_first = table.primary_key.first() == Some(&position)
                || uniques.any(|unique| unique.columns.first() == Some(&column.name));
            if column.is_generated_key() && !is_first {
                text.push(", KEY ");
                text.identifier(name);
                text.column_list(table, &[position]);
            }
        }
    }

    fn foreign_keys(&self, text: &mut Text<'_>, deferred: &[usize]) -> Result<()> {
        if !self.capabilities.foreign_keys {
            return Ok(());
        }
        for (i, key) in self.table.foreign_keys.iter().enumerate() {
            if !deferred.contains(&i) {
                text.push(", ");
                self.foreign_key(text, key)?;
            }
        }
        Ok(())
    }

    fn foreign_key(&self, text: &mut Text<'_>, key: &ForeignKey) -> Result<()> {
        let name = self.constraint_name(key.name.as_deref(), &key.columns, "fkey")?;
        self.check_columns(&name, &key.columns)?;
        if key.columns.len() != key.references.len() {
            let message = "the foreign key references more or fewer columns than it has";
            return Err(self.error(message).constraint(name));
        }
        let sets_default = [key.on_delete, key.on_update].contains(&ReferentialAction::SetDefault);
        if sets_default && !self.renderer.dialect.supports_set_default() {
            let what = "SET DEFAULT in a foreign key";
            let error = Error::unsupported(self.renderer.dialect.name(), what);
            return Err(error.entity(&self.table.name).constraint(name));
        }
        text.push("CONSTRAINT ");
        text.identifier(&name);
        text.push(" FOREIGN KEY (");
        names(text, &key.columns);
        text.push(") REFERENCES ");
        // A reference to another file could not be enforced, and within a file the schema must not be written.
        match self.renderer.dialect.schemas_are_databases() {
            true if key.schema != self.table.schema => {
                let message = "a foreign key cannot reference a table of another attached database";
                return Err(self.error(message).constraint(name));
            }
            true => text.identifier(local_name(&key.table, key.schema.as_deref())),
            false => text.place(&key.table, key.schema.as_deref()),
        }
        text.push(" (");
        names(text, &key.references);
        text.push(")");
        action(text, " ON DELETE ", key.on_delete);
        action(text, " ON UPDATE ", key.on_update);
        Ok(())
    }

    fn checks(&self, text: &mut Text<'_>) -> Result<()> {
        if !self.capabilities.checks {
            return Ok(());
        }
        for column in &self.table.columns {
            let labels: Vec<&str> = match &column.ty {
                ColumnType::Enum { labels, .. } => labels.to_vec(),
                ColumnType::NativeEnum { name, labels }
                    if self.renderer.dialect.create_enum(name, labels).is_none() =>
                {
                    labels.iter().map(String::as_str).collect()
                }
                _ => continue,
            };
            if labels.is_empty() {
                let message = "the column's enum has no labels";
                return Err(self.error(message).column(&column.name));
            }
            self.constraint(text, None, std::slice::from_ref(&column.name), "check")?;
            text.push("CHECK (");
            text.identifier(&column.name);
            text.push(" IN (");
            text.each(labels.len(), ", ", |text, i| text.string(labels[i]));
            text.push("))");
        }
        for (i, check) in self.table.checks.iter().enumerate() {
            let position = [(i + 1).to_string()];
            let name = self.constraint_name(check.name.as_deref(), &position, "check")?;
            text.push(", CONSTRAINT ");
            text.identifier(&name);
            text.push(" CHECK (");
            text.push(&check.condition);
            text.push(")");
        }
        Ok(())
    }

    /// `, CONSTRAINT name `.
    fn constraint(
        &self,
        text: &mut Text<'_>,
        given: Option<&str>,
        columns: &[String],
        suffix: &str,
    ) -> Result<()> {
        let name = self.constraint_name(given, columns, suffix)?;
        self.check_columns(&name, columns)?;
        text.push(", CONSTRAINT ");
        text.identifier(&name);
        text.push(" ");
        Ok(())
    }

    /// The given name, or `table_columns_suffix`, shortened if it is too long for the database.
    fn constraint_name<'n>(
        &self,
        given: Option<&'n str>,
        columns: &[String],
        suffix: &str,
    ) -> Result<Cow<'n, str>> {
        if let Some(name) = given {
            self.check_identifier("the constraint's name", name)
                .map_err(|error| error.constraint(name))?;
            return Ok(name.into());
        }
        let longest = self.capabilities.max_identifier;
        Ok(default_name(self.table, columns, suffix, longest).into())
    }

    fn check_columns(&self, constraint: &str, columns: &[String]) -> Result<()> {
        if columns.is_empty() {
            let message = "the constraint has no columns";
            return Err(self.error(message).constraint(constraint));
        }
        for column in columns {
            if self.table.position(column).is_none() {
                let message = "the constraint uses a column that the table does not have";
                return Err(self.error(message).column(column).constraint(constraint));
            }
        }
        Ok(())
    }

    fn check_identifier(&self, what: &str, name: &str) -> Result<()> {
        if name.is_empty() {
            return Err(self.error(format!("{what} is empty")));
        }
        if name.contains('\0') {
            return Err(self.error(format!("{what} contains a NUL character")));
        }
        match self.capabilities.max_identifier {
            Some(longest) if name.len() > longest => Err(self.error(format!(
                "{what} `{name}` is {} bytes long, but {} allows at most {longest}",
                name.len(),
                self.renderer.dialect.name()
            ))),
            _ => Ok(()),
        }
    }

    #[cold]
    fn error(&self, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Mapping, message).entity(&self.table.name)
    }
}

fn names(text: &mut Text<'_>, names: &[String]) {
    text.each(names.len(), ", ", |text, i| text.identifier(&names[i]));
}

fn action(text: &mut Text<'_>, clause: &str, action: ReferentialAction) {
    if action != ReferentialAction::NoAction {
        text.push(clause);
        text.push(action.as_sql());
    }
}

/// Returns the name of a foreign key in the database: the given one, or the default one that CREATE TABLE writes.
pub(crate) fn foreign_key_name<'k>(
    table: &Table,
    key: &'k ForeignKey,
    longest: Option<usize>,
) -> Cow<'k, str> {
    match &key.name {
        Some(name) => name.into(),
        None => default_name(table, &key.columns, "fkey", longest).into(),
    }
}

fn default_name(table: &Table, columns: &[String], suffix: &str, longest: Option<usize>) -> String {
    let name = format!("{}_{}_{suffix}", table.local_name(), columns.join("_"));
    match longest {
        Some(longest) if name.len() > longest => shorten(&name, suffix, longest),
        _ => name,
    }
}

/// Shortens a name to `longest` bytes, with a hash of the whole name, so that different names stay different.
fn shorten(name: &str, suffix: &str, longest: usize) -> String {
    // FNV-1a is stable across machines and versions, unlike the standard library's hashers.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let tail = format!("_{hash:08x}_{suffix}");
    let end = name.floor_char_boundary(longest.saturating_sub(tail.len()));
    format!("{}{tail}", &name[..end])
}
