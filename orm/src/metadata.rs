//! `Metadata`: the tables of a program, to create, drop, compare and reflect.

mod difference;
mod order;

pub use difference::{Difference, Side};

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use order::Order;

use crate::backend::{Sql, StatementKind};
use crate::dialect::{Begin, Dialect};
use crate::engine::{Connected, Engine};
use crate::entity::{Mapper, RelationDescriptor};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Family, Records};
use crate::render::Renderer;
use crate::schema::{ForeignKey, Table};
use crate::value::{Param, ValueRef, ValueType};

/// The tables of a program. Built from entities with [`metadata!`](crate::metadata!), or from plain tables with [`new`](Self::new).
///
/// Referenced tables must be listed too; a missing one is reported by the first fallible method. The association tables of many-to-many
/// relations are added, unless an entity maps a table of the same name.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    tables: Vec<Arc<Table>>,
    mappers: Vec<Arc<Mapper>>,
}

/// Builds the [`Metadata`](crate::metadata::Metadata) of entities: `metadata![User, Task]`.
#[macro_export]
macro_rules! metadata {
    ($($entity:ty),* $(,)?) => {
        $crate::metadata::Metadata::of([
            $(::std::sync::Arc::clone(<$entity as $crate::entity::Entity>::mapper())),*
        ])
    };
}

impl Metadata {
    /// Builds the metadata of plain tables.
    pub fn new(tables: impl IntoIterator<Item = Table>) -> Self {
        let mut tables: Vec<Arc<Table>> = tables.into_iter().map(Arc::new).collect();
        place_foreign_keys(&mut tables);
        Self {
            tables,
            mappers: Vec::new(),
        }
    }

    /// Builds the metadata of the tables of these mappers.
    pub fn of(mappers: impl IntoIterator<Item = Arc<Mapper>>) -> Self {
        Self::of_all(mappers.into_iter().collect(), Vec::new())
    }

    /// Builds the metadata of tables that are mapped to records, and of those that are not.
    pub(crate) fn of_family(family: Family) -> Self {
        Self::of_all(family.mappers, family.others)
    }

    fn of_all(mappers: Vec<Arc<Mapper>>, others: Vec<Table>) -> Self {
        let mut tables: Vec<_> = mappers.iter().map(|m| Arc::clone(m.table())).collect();
        tables.extend(others.into_iter().map(Arc::new));
        for table in mappers.iter().flat_map(|mapper| associations(mapper)) {
            if !tables.iter().any(|other| is_known_as(other, &table)) {
                tables.push(table);
            }
        }
        place_foreign_keys(&mut tables);
        Self { tables, mappers }
    }

    /// Maps tables that are known only at run time to [`Record`](crate::record::Record)s. A foreign key that references the primary key of
    /// a listed table, with columns of the same types, becomes a relation of both tables.
    ///
    /// The foreign key `tasks.user_id` becomes the relation `user` of the referencing table, and the relation `tasks` of the referenced
    /// one, or `tasks_by_user` if there are several from the same table. Its ON DELETE is left to the database: when a record is deleted,
    /// the database deletes the referencing rows or sets them to NULL. A foreign key with ON DELETE SET DEFAULT does not become a relation.
    ///
    /// A table that consists of two such foreign keys, which together are its primary key, and that no other table references, is an
    /// association table: both ends get a many-to-many relation named after the other end, or `tags_by_post_tags` if several association
    /// tables connect the two. One that pairs a table with itself becomes `sites_by_source` and `sites_by_target`: the sites that the
    /// record is paired with as `source`, or as `target`.
    ///
    /// Association tables are not mapped themselves. Views, and tables without a primary key, have no relations and are read-only: read
    /// them with [`rows`](crate::query::Query::rows), [`for_each`](crate::query::Query::for_each) and
    /// [`select`](crate::query::Query::select). Mappings are never freed, but mapping the same tables again returns the same ones.
    /// [`RecordTables`](crate::record::RecordTables) declares other relations.
    pub fn of_records(tables: impl IntoIterator<Item = Table>) -> Self {
        let family = Family::new(tables.into_iter().collect(), Vec::new());
        Self::of_family(family.expect("nothing is declared that could not fit"))
    }

    /// Reads the tables of a database and maps them to records, as [`of_records`](Self::of_records).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] if the backend does not support reflection; errors of the backend.
    pub fn reflect(engine: &Engine) -> Result<Self> {
        Ok(Self::of_records(engine.connect()?.reflect()?))
    }

    /// Reads the tables of schemas, or of attached databases, and maps them to records: `["sales", "auth"]`. The tables have qualified
    /// names, `sales.orders`.
    ///
    /// # Errors
    ///
    /// As [`reflect`](Self::reflect).
    pub fn reflect_schemas<S: Into<String>>(
        engine: &Engine,
        schemas: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        let schemas: Vec<Option<String>> = schemas.into_iter().map(|s| Some(s.into())).collect();
        let tables = engine.connect()?.reflect_schemas(&schemas)?;
        Ok(Self::of_records(tables))
    }

    /// Returns the mapping of a table from [`of_records`](Self::of_records) or [`reflect`](Self::reflect).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if there is no such table, an entity maps it, or it is an association table.
    pub fn records(&self, table: &str) -> Result<Records> {
        let mut mappers = self.mappers.iter();
        let mapper = mappers.find(|mapper| mapper.table().name == table);
        match mapper.and_then(|mapper| mapper.upgrade()) {
            Some(mapper) => Ok(Records::of(mapper)),
            None => {
                let is_listed = self.table_names().any(|name| name == table);
                let message = match is_listed {
                    true => {
                        "the table is not mapped to records: an entity maps it, or it is the association table of many-to-many relations"
                    }
                    false => "no table of this name is mapped to records",
                };
                Err(Error::new(ErrorKind::Mapping, message).entity(table))
            }
        }
    }

    /// Returns the tables in the order they were listed, then the association tables.
    pub fn tables(&self) -> &[Arc<Table>] {
        &self.tables
    }

    /// Returns the mappers that it was built from; none for plain tables.
    pub fn mappers(&self) -> &[Arc<Mapper>] {
        &self.mappers
    }

    /// Returns the names of the tables, in the order of [`tables`](Self::tables).
    pub fn table_names(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|table| table.name.as_str())
    }

    /// Creates the tables that do not exist yet, in one transaction if the database supports transactional DDL. Like
    /// [`drop_all`](Self::drop_all) and [`diff`](Self::diff), it ignores views.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] before anything is sent, see [`create_statements`](Self::create_statements); errors of the backend.
    pub fn create_all(&self, engine: &Engine) -> Result<()> {
        self.check()?;
        run(engine, |connected| {
            self.create_statements(engine.dialect(), |table| exists(connected, table))
        })
    }

    /// Drops the tables that exist, in one transaction if the database supports transactional DDL.
    ///
    /// # Errors
    ///
    /// As [`create_all`](Self::create_all).
    pub fn drop_all(&self, engine: &Engine) -> Result<()> {
        self.check()?;
        run(engine, |connected| {
            self.drop_statements(engine.dialect(), |table| exists(connected, table))
        })
    }

    /// Returns the differences between these tables and those of the database; none directly after [`create_all`](Self::create_all).
    ///
    /// Names of constraints are compared only if they are declared. CHECK constraints are not compared, since not every database reports
    /// them. Defaults are compared without spaces, parentheses and casts, which databases add; a default that the database rewrites further
    /// is reported as different.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if a table references one that is not listed; [`ErrorKind::Unsupported`] if the backend does not support
    /// reflection; errors of the backend.
    pub fn diff(&self, engine: &Engine) -> Result<Vec<Difference>> {
        self.check()?;
        let mut schemas: Vec<Option<String>> = Vec::new();
        for table in &self.tables {
            if !schemas.contains(&table.schema) {
                schemas.push(table.schema.clone());
            }
        }
        let mut connected = engine.connect()?;
        let database = match schemas.iter().all(Option::is_none) {
            true => connected.reflect()?,
            false => connected.reflect_schemas(&schemas)?,
        };
        Ok(difference::compare(
            engine.dialect(),
            &self.tables,
            &database,
        ))
    }

    /// Returns the statements that create the tables for which `exists` is false, in an order in which they can run: referenced tables
    /// first. Foreign keys that form a cycle are added at the end, if the database supports that.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if a table cannot be created as declared, or references one that is not listed; the error names it.
    pub fn create_statements(
        &self,
        dialect: &dyn Dialect,
        mut exists: impl FnMut(&Table) -> Result<bool>,
    ) -> Result<Vec<Sql>> {
        self.check()?;
        if dialect.keys_need_same_width() {
            self.check_widths(dialect)?;
        }
        let renderer = Renderer::new(dialect);
        let order = Order::new(&self.tables);
        let deferrable = defers(dialect);
        let (mut statements, mut indexes, mut last) = (Vec::new(), Vec::new(), Vec::new());
        for position in order.tables {
            let table = &*self.tables[position];
            if table.is_view() || exists(table)? {
                continue;
            }
            let deferred: &[usize] = match deferrable {
                true => &order.deferred[position],
                false => &[],
            };
            for create in renderer.create_enums(table) {
                if !statements
                    .iter()
                    .any(|known: &Sql| known.text() == create.text())
                {
                    statements.push(create);
                }
            }
            statements.push(renderer.create_table(table, deferred)?);
            indexes.extend(renderer.create_indexes(table)?);
            for &key in deferred {
                last.push(renderer.add_foreign_key(table, key)?);
            }
            last.extend(renderer.comments(table));
        }
        statements.append(&mut indexes);
        statements.append(&mut last);
        Ok(statements)
    }

    /// Returns the statements that drop the tables for which `exists` is true, in an order in which they can run: the reverse of
    /// [`create_statements`](Self::create_statements).
    ///
    /// # Errors
    ///
    /// As [`create_statements`](Self::create_statements).
    pub fn drop_statements(
        &self,
        dialect: &dyn Dialect,
        mut exists: impl FnMut(&Table) -> Result<bool>,
    ) -> Result<Vec<Sql>> {
        self.check()?;
        let renderer = Renderer::new(dialect);
        let order = Order::new(&self.tables);
        let deferrable = defers(dialect);
        let (mut keys, mut tables) = (Vec::new(), Vec::new());
        let mut enums: Vec<Sql> = Vec::new();
        for &position in order.tables.iter().rev() {
            let table = &*self.tables[position];
            if table.is_view() || !exists(table)? {
                continue;
            }
            for &key in &order.deferred[position] {
                if deferrable {
                    keys.push(renderer.drop_foreign_key(table, key)?);
                } else {
                    keys.extend(renderer.clear_foreign_key(table, key)?);
                }
            }
            tables.push(renderer.drop_table(table)?);
            for drop in renderer.drop_enums(table) {
                if !enums.iter().any(|known| known.text() == drop.text()) {
                    enums.push(drop);
                }
            }
        }
        keys.append(&mut tables);
        keys.append(&mut enums);
        Ok(keys)
    }

    fn check(&self) -> Result<()> {
        let is_many_to_many = RelationDescriptor::is_many_to_many;
        for mapper in &self.mappers {
            if mapper.relations().iter().any(is_many_to_many) {
                mapper.resolved()?;
            }
        }
        let mut names = HashSet::new();
        for table in &self.tables {
            refuse_nul(table)?;
            if !names.insert(table.name.as_str()) {
                let message = "two listed tables have this name";
                return Err(Error::new(ErrorKind::Mapping, message).entity(&table.name));
            }
        }
        for (position, table) in self.tables.iter().enumerate() {
            // Foreign keys of a view only define relations.
            for key in table.foreign_keys.iter().filter(|_| !table.is_view()) {
                match self.tables.iter().find(|other| other.name == key.table) {
                    Some(target) => check_references(table, key, target)?,
                    None => return Err(self.missing(position, &key.table)),
                }
            }
        }
        Ok(())
    }

    /// Refuses integer foreign keys that differ in width from the referenced column.
    fn check_widths(&self, dialect: &dyn Dialect) -> Result<()> {
        for table in &self.tables {
            for key in &table.foreign_keys {
                let target = self.tables.iter().find(|other| other.name == key.table);
                let Some(target) = target else { continue };
                for (own, there) in key.columns.iter().zip(&key.references) {
                    let width = |table: &Table, column: &str| {
                        let position = table.position(column)?;
                        let ty = table.columns[position].ty.value_type();
                        matches!(ty, ValueType::I16 | ValueType::I32 | ValueType::I64).then_some(ty)
                    };
                    if width(table, own) != width(target, there) {
                        let what =
                            "a foreign key whose integer width differs from the referenced column";
                        let error = Error::unsupported(dialect.name(), what);
                        return Err(error.entity(&table.name).column(own));
                    }
                }
            }
        }
        Ok(())
    }

    #[cold]
    fn missing(&self, position: usize, table: &str) -> Error {
        let error = |message| Error::new(ErrorKind::Mapping, message);
        let (name, mappers) = match self.mappers.get(position) {
            Some(mapper) => (mapper.name(), std::slice::from_ref(mapper)),
            // An association table: its foreign keys reference the ends of a relation.
            None => (self.tables[position].name.as_str(), &self.mappers[..]),
        };
        if mappers.is_empty() {
            let message = format!("it references table `{table}`, which is not listed");
            return error(message).entity(name);
        }
        let relations = mappers.iter().flat_map(|mapper| mapper.relations());
        let mut targets = relations.map(|relation| relation.target());
        match targets.find(|target| target.table().name == table) {
            Some(target) => error(format!(
                "it references {} (table `{table}`), which is not listed",
                target.name()
            )),
            None => error(format!(
                "it references table `{table}`, whose entity is not listed"
            )),
        }
        .entity(name)
    }
}

/// Sets the schema of the referenced table in each foreign key, which requires all tables.
fn place_foreign_keys(tables: &mut [Arc<Table>]) {
    let schemas: HashMap<String, String> = tables
        .iter()
        .filter_map(|table| Some((table.name.clone(), table.schema.clone()?)))
        .collect();
    if schemas.is_empty() {
        return;
    }
    for table in tables {
        let is_placed = |key: &ForeignKey| key.schema.as_ref() == schemas.get(&key.table);
        if table.foreign_keys.iter().all(is_placed) {
            continue;
        }
        for key in &mut Arc::make_mut(table).foreign_keys {
            key.schema = schemas.get(&key.table).cloned();
        }
    }
}

/// The association tables of a mapping's relations. Errors are reported by [`Metadata::check`].
fn associations(mapper: &Mapper) -> Vec<Arc<Table>> {
    if !mapper
        .relations()
        .iter()
        .any(RelationDescriptor::is_many_to_many)
    {
        return Vec::new();
    }
    let relations = mapper.resolved().unwrap_or_default().iter();
    relations
        .filter_map(|relation| relation.through.as_ref())
        .map(|through| Arc::clone(through.association().table()))
        .collect()
}

/// Whether a listed table is the given association table: it has the same name, and the columns in any order.
fn is_known_as(table: &Table, association: &Table) -> bool {
    let mut columns = association.columns.iter();
    table.name == association.name
        && columns.all(|column| {
            let other = table.position(&column.name).map(|at| &table.columns[at]);
            other.is_some_and(|other| other.ty.value_type() == column.ty.value_type())
        })
}

fn run(engine: &Engine, plan: impl FnOnce(&mut Connected) -> Result<Vec<Sql>>) -> Result<()> {
    let mut connected = engine.connect()?;
    let in_transaction = engine.capabilities().transactions && !engine.dialect().ddl_commits();
    if in_transaction {
        connected.begin(Begin {
            writes_first: true,
            ..Begin::default()
        })?;
    }
    for statement in plan(&mut connected)? {
        connected.execute(&statement, &[])?;
    }
    if in_transaction {
        connected.commit()?;
    }
    Ok(())
}

fn exists(connected: &mut Connected, table: &Table) -> Result<bool> {
    let text = match &table.schema {
        None => connected.dialect().table_exists(),
        Some(_) => connected.dialect().table_exists_in_schema(),
    };
    let names = [Some(table.local_name()), table.schema.as_deref()];
    let names: Vec<Param<'_>> = names
        .into_iter()
        .flatten()
        .map(|name| Param::Ref(ValueRef::Text(name)))
        .collect();
    let query = Sql::new(
        StatementKind::Select,
        text,
        vec![ValueType::Text; names.len()],
        [ValueType::I32],
    );
    let query = connected.engine().intern(&query);
    let mut found = false;
    connected.query(&query, &names, &mut |_| {
        found = true;
        Ok(())
    })?;
    Ok(found)
}

/// Whether foreign keys of a cycle are added with ALTER TABLE. Otherwise CREATE TABLE must accept references to tables that do not exist
/// yet.
fn defers(dialect: &dyn Dialect) -> bool {
    let capabilities = dialect.capabilities();
    capabilities.foreign_keys && capabilities.alter_add_constraint
}

/// Refuses names with a NUL character, which no database accepts.
fn refuse_nul(table: &Table) -> Result<()> {
    let has_nul = |name: &str| name.contains('\0');
    if has_nul(&table.name) {
        let message = "the table's name contains a NUL character";
        return Err(Error::new(ErrorKind::Mapping, message).entity(&table.name));
    }
    match table.columns.iter().find(|column| has_nul(&column.name)) {
        None => Ok(()),
        Some(column) => {
            let message = "the column's name contains a NUL character";
            let error = Error::new(ErrorKind::Mapping, message).entity(&table.name);
            Err(error.column(&column.name))
        }
    }
}

fn check_references(table: &Table, key: &ForeignKey, target: &Table) -> Result<()> {
    match key.references.iter().find(|c| target.position(c).is_none()) {
        None => Ok(()),
        Some(column) => {
            let message = format!(
                "its foreign key on ({}) references {}.{column}, which does not exist",
                key.columns.join(", "),
                target.name
            );
            Err(Error::new(ErrorKind::Mapping, message).entity(&table.name))
        }
    }
}
