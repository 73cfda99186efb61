//! `Metadata`: the tables of a program, created and dropped together.

mod difference;

pub use difference::{Difference, Side};

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::backend::{Sql, StatementKind};
use crate::dialect::{Begin, Dialect};
use crate::engine::{Connected, Engine};
use crate::entity::{Mapper, RelationDescriptor};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Family, Records};
use crate::render::Renderer;
use crate::schema::{ForeignKey, Table};
use crate::value::{Param, ValueRef, ValueType};

/// The tables of a program. Made by [`metadata!`](crate::metadata!) from entities, or by [`new`](Self::new) from plain tables.
///
/// Everything that a table refers to must be listed too; what is missing is reported by the first method that can fail. The association
/// tables of many-to-many relations come along, unless an entity maps a table of their name.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    tables: Vec<Arc<Table>>,
    mappers: Vec<Arc<Mapper>>,
}

/// The [`Metadata`](crate::metadata::Metadata) of some entities: `metadata![User, Task]`.
#[macro_export]
macro_rules! metadata {
    ($($entity:ty),* $(,)?) => {
        $crate::metadata::Metadata::of([
            $(::std::sync::Arc::clone(<$entity as $crate::entity::Entity>::mapper())),*
        ])
    };
}

impl Metadata {
    /// The metadata of plain tables.
    pub fn new(tables: impl IntoIterator<Item = Table>) -> Self {
        let mut tables: Vec<Arc<Table>> = tables.into_iter().map(Arc::new).collect();
        place_foreign_keys(&mut tables);
        Self {
            tables,
            mappers: Vec::new(),
        }
    }

    /// The metadata of what these mappers map to.
    pub fn of(mappers: impl IntoIterator<Item = Arc<Mapper>>) -> Self {
        Self::of_all(mappers.into_iter().collect(), Vec::new())
    }

    /// The metadata of tables that are mapped to records, and of those that are not.
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

    /// The metadata of tables that are known at run time only, mapped to [`Record`](crate::record::Record)s: a foreign key that
    /// refers to the primary key of a listed table, with columns of the same types, is a relation of both.
    ///
    /// `user_id` gives the relation `user` to the one and, on the other side, one that is called as the table that refers, or
    /// `tasks_by_user` where several lead there.
    ///
    /// A table of two such foreign keys that are together its primary key, with nothing else in it and to which no other refers, is
    /// an association table: both ends have a many-to-many relation, called as the table that it leads to, or `tags_by_post_tags`
    /// where several association tables lead there. One that pairs a table with itself gives `sites_by_source` and
    /// `sites_by_target`: the sites that the record is paired with as `source`, or as `target`.
    ///
    /// Association tables are not mapped themselves. Views, and tables without a primary key, have no relations and are only read: by
    /// [`rows`](crate::query::Query::rows), [`for_each`](crate::query::Query::for_each) and [`select`](crate::query::Query::select), as
    /// nothing tells their rows apart. The mappings live as long as the program; the same tables have the same ones, however often they
    /// are reflected. What foreign keys do not tell is declared by [`RecordTables`](crate::record::RecordTables).
    pub fn of_records(tables: impl IntoIterator<Item = Table>) -> Self {
        let family = Family::new(tables.into_iter().collect(), Vec::new());
        Self::of_family(family.expect("nothing is declared that could not fit"))
    }

    /// [`of_records`](Self::of_records) over the tables of a database.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] if the backend cannot reflect; the backend's.
    pub fn reflect(engine: &Engine) -> Result<Self> {
        Ok(Self::of_records(engine.connect()?.reflect()?))
    }

    /// [`of_records`](Self::of_records) over the tables of some schemas of a database, or of attached ones: `["sales", "auth"]`. The
    /// tables are known by their whole names, `sales.orders`.
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

    /// The mapping of a table of [`of_records`](Self::of_records) or [`reflect`](Self::reflect).
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
                        "the table is not mapped to records: an entity maps it, or it is an association table, which many-to-many relations go through"
                    }
                    false => "no table of this name is mapped to records",
                };
                Err(Error::new(ErrorKind::Mapping, message).entity(table))
            }
        }
    }

    /// The tables in the order they were listed, then the association tables.
    pub fn tables(&self) -> &[Arc<Table>] {
        &self.tables
    }

    /// The mappers that it was made of; none if it was made of plain tables.
    pub fn mappers(&self) -> &[Arc<Mapper>] {
        &self.mappers
    }

    /// The names of the tables, in the order of [`tables`](Self::tables).
    pub fn table_names(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|table| table.name.as_str())
    }

    /// Creates the tables that do not exist yet, in one transaction where there are transactions. Views are left alone, here and by
    /// [`drop_all`](Self::drop_all) and [`diff`](Self::diff).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] before anything is sent, see [`create_statements`](Self::create_statements); the backend's.
    pub fn create_all(&self, engine: &Engine) -> Result<()> {
        self.check()?;
        run(engine, |connected| {
            self.create_statements(engine.dialect(), |table| exists(connected, table))
        })
    }

    /// Drops the tables that exist, in one transaction where there are transactions.
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

    /// Returns the differences between these tables and those of the database; none after [`create_all`](Self::create_all) made them.
    ///
    /// Names of constraints play no part unless they are declared, nor do CHECKs, which not every database tells. A default is compared without spaces,
    /// parentheses and casts, which databases add; one that they rewrite further differs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if a table refers to one that is not listed; [`ErrorKind::Unsupported`] if the backend cannot reflect;
    /// the backend's.
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

    /// The statements that create the tables for which `exists` is false, in an order in which they can run: a table after those
    /// that it refers to. Foreign keys of a cycle are added at the end, where the database can add them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] for a table that cannot be created as declared, or that refers to one that is not listed, naming it.
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

    /// The statements that drop the tables for which `exists` is true, in an order in which they can run: the reverse of
    /// [`create_statements`](Self::create_statements).
    ///
    /// # Errors
    ///
    /// As there.
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
                let message = "two of the listed tables have this name";
                return Err(Error::new(ErrorKind::Mapping, message).entity(&table.name));
            }
        }
        for (position, table) in self.tables.iter().enumerate() {
            // Those of a view are for its relations alone.
            for key in table.foreign_keys.iter().filter(|_| !table.is_view()) {
                match self.tables.iter().find(|other| other.name == key.table) {
                    Some(target) => check_references(table, key, target)?,
                    None => return Err(self.missing(position, &key.table)),
                }
            }
        }
        Ok(())
    }

    /// Refuses foreign keys of another width than the keys that they refer to.
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
                        let what = "a foreign key of another width than its key";
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
            // An association table, whose ends are those of a relation.
            None => (self.tables[position].name.as_str(), &self.mappers[..]),
        };
        if mappers.is_empty() {
            let message = format!("it refers to table `{table}`, which is not listed");
            return error(message).entity(name);
        }
        let relations = mappers.iter().flat_map(|mapper| mapper.relations());
        let mut targets = relations.map(|relation| relation.target());
        match targets.find(|target| target.table().name == table) {
            Some(target) => error(format!(
                "it refers to {} (table `{table}`), which is not listed",
                target.name()
            )),
            None => error(format!(
                "it refers to table `{table}`, whose entity is not listed"
            )),
        }
        .entity(name)
    }
}

/// Tells foreign keys the schemas of the tables that they refer to, which a table alone does not know.
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

/// The association tables of a mapping's relations. What is wrong with one is reported by [`Metadata::check`].
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

/// Whether a table that is listed stands for an association table: it has the name, and the columns in whatever order.
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

/// Whether foreign keys of a cycle wait for ALTER TABLE. Where that is missing, CREATE TABLE has to take forward references.
fn defers(dialect: &dyn Dialect) -> bool {
    let capabilities = dialect.capabilities();
    capabilities.foreign_keys && capabilities.alter_add_constraint
}

/// Refuses names that no database takes, before any of them is asked for.
fn refuse_nul(table: &Table) -> Result<()> {
    let has_nul = |name: &str| name.contains('\0');
    if has_nul(&table.name) {
        let message = "the table's name has a NUL character in it";
        return Err(Error::new(ErrorKind::Mapping, message).entity(&table.name));
    }
    match table.columns.iter().find(|column| has_nul(&column.name)) {
        None => Ok(()),
        Some(column) => {
            let message = "the column's name has a NUL character in it";
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
                "its foreign key on ({}) refers to {}.{column}, which does not exist",
                key.columns.join(", "),
                target.name
            );
            Err(Error::new(ErrorKind::Mapping, message).entity(&table.name))
        }
    }
}

/// An order in which tables can be created: as listed, but after what they refer to.
struct Order {
    tables: Vec<usize>,
    /// For each table: its foreign keys that point ahead in the order, because of a cycle.
    deferred: Vec<Vec<usize>>,
}

impl Order {
    fn new(tables: &[Arc<Table>]) -> Self {
        let targets: Vec<Vec<usize>> = tables
            .iter()
            .map(|table| {
                let position = |key: &ForeignKey| tables.iter().position(|t| t.name == key.table);
                table.foreign_keys.iter().filter_map(position).collect()
            })
            .collect();
        let mut order = Self {
            tables: Vec::with_capacity(tables.len()),
            deferred: vec![Vec::new(); tables.len()],
        };
        let mut waiting: Vec<usize> = (0..tables.len()).collect();
        while !waiting.is_empty() {
            let waits = |from: usize, target: usize| target != from && waiting.contains(&target);
            let is_free = |&&table: &&usize| !targets[table].iter().any(|&to| waits(table, to));
            let free = waiting.iter().find(is_free).copied();
            // Without a free table there is a cycle: its first table goes ahead of what it refers to.
            let cyclic = || {
                waiting
                    .iter()
                    .copied()
                    .find(|&t| is_cyclic(t, &targets, &waiting))
            };
            let Some(next) = free.or_else(cyclic) else {
                unreachable!("where every table waits for another, some wait for each other");
            };
            let ahead = |&key: &usize| waits(next, targets[next][key]);
            order.deferred[next] = (0..targets[next].len()).filter(ahead).collect();
            order.tables.push(next);
            waiting.retain(|&table| table != next);
        }
        order
    }
}

/// Whether a table can be reached from itself by way of other waiting ones.
fn is_cyclic(table: usize, targets: &[Vec<usize>], waiting: &[usize]) -> bool {
    let mut seen = HashSet::from([table]);
    let mut next = vec![table];
    while let Some(current) = next.pop() {
        for &target in &targets[current] {
            if target == table && current != table {
                return true;
            }
            if waiting.contains(&target) && seen.insert(target) {
                next.push(target);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::{Arrays, Values};
    use crate::schema::{Column, ColumnType};

    /// A table that refers to others.
    fn table(name: &str, others: &[&str]) -> Table {
        let mut table = Table::build(name)
            .column(Column::new("id", ColumnType::I64))
            .primary_key(["id"]);
        for other in others {
            let column = format!("{other}_id");
            table = table
                .column(Column::new(&column, ColumnType::I64).nullable())
                .foreign_key([column], *other, ["id"]);
        }
        table
    }

    fn summary(statements: Result<Vec<Sql>>) -> String {
        let statements = match statements {
            Ok(statements) => statements,
            Err(error) => return error.to_string(),
        };
        let short = |sql: &Sql| {
            let words: Vec<&str> = sql.text().split(' ').collect();
            let keys = sql.text().matches("REFERENCES").count();
            format!("{} {} {keys}", words[0], words[2])
        };
        statements.iter().map(short).collect::<Vec<_>>().join("; ")
    }

    fn create(metadata: &Metadata, dialect: &dyn Dialect) -> String {
        summary(metadata.create_statements(dialect, |_| Ok(false)))
    }

    #[test]
    fn tables_follow_what_they_refer_to() {
        let metadata = Metadata::new([
            table("c", &["b", "a", "c"]),
            table("b", &["a"]),
            table("d", &[]),
            table("a", &[]).index(["id"]),
        ]);
        assert_eq!(
            create(&metadata, &Arrays),
            r#"CREATE "d" 0; CREATE "a" 0; CREATE "b" 1; CREATE "c" 3; CREATE "a_id_idx" 0"#
        );
        let drop = summary(metadata.drop_statements(&Arrays, |table| Ok(table.name != "b")));
        assert_eq!(drop, r#"DROP "c" 0; DROP "a" 0; DROP "d" 0"#);
        assert_eq!(
            metadata.table_names().collect::<Vec<_>>(),
            ["c", "b", "d", "a"]
        );
    }

    #[test]
    fn what_exists_is_not_created() {
        let metadata = Metadata::new([table("a", &["b"]), table("b", &["a"])]);
        let created = metadata.create_statements(&Arrays, |table| Ok(table.name == "a"));
        assert_eq!(summary(created), r#"CREATE "b" 1"#);
    }

    #[test]
    fn cycles_are_broken_by_alter_table() {
        let metadata = Metadata::new([
            table("outside", &["a"]),
            table("a", &["b", "a"]),
            table("b", &["c"]),
            table("c", &["a"]),
        ]);
        assert_eq!(
            create(&metadata, &Arrays),
            r#"CREATE "a" 1; CREATE "outside" 1; CREATE "c" 1; CREATE "b" 1; ALTER "a" 1"#
        );
        let drop = summary(metadata.drop_statements(&Arrays, |_| Ok(true)));
        assert_eq!(
            drop,
            r#"ALTER "a" 0; DROP "b" 0; DROP "c" 0; DROP "outside" 0; DROP "a" 0"#
        );
        assert!(!create(&metadata, &Values).contains("ALTER"));
        let drop = metadata
            .drop_statements(&Values, |_| Ok(true))
            .expect("drops");
        assert_eq!(drop[0].text(), r#"UPDATE "a" SET "b_id" = NULL"#);
    }

    #[test]
    fn what_is_missing_is_named() {
        let metadata = Metadata::new([table("tasks", &["users"])]);
        let message = "tasks: it refers to table `users`, which is not listed";
        assert_eq!(create(&metadata, &Arrays), message);
        let metadata = Metadata::of([Arc::new(Mapper::new("Task", table("tasks", &["users"])))]);
        let message = "Task: it refers to table `users`, whose entity is not listed";
        assert_eq!(create(&metadata, &Arrays), message);
        let metadata = Metadata::new([table("a", &[]), table("a", &[])]);
        assert_eq!(
            create(&metadata, &Arrays),
            "a: two of the listed tables have this name"
        );
        let metadata = Metadata::new([
            table("a", &[]),
            table("b", &[]).foreign_key(["id"], "a", ["key"]),
        ]);
        let message = "b: its foreign key on (id) refers to a.key, which does not exist";
        assert_eq!(create(&metadata, &Arrays), message);
    }
}
