//! The order in which tables are created.

use std::collections::HashSet;
use std::sync::Arc;

use crate::schema::{ForeignKey, Table};

/// An order in which tables can be created: as listed, but after the tables they reference.
pub(super) struct Order {
    pub(super) tables: Vec<usize>,
    /// For each table, its foreign keys that reference later tables, because of a cycle.
    pub(super) deferred: Vec<Vec<usize>>,
}

impl Order {
    pub(super) fn new(tables: &[Arc<Table>]) -> Self {
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
            // Without a free table there is a cycle: its first table is created before those it references.
            let cyclic = || {
                waiting
                    .iter()
                    .copied()
                    .find(|&t| is_cyclic(t, &targets, &waiting))
            };
            let Some(next) = free.or_else(cyclic) else {
                unreachable!("if every table waits for another, there is a cycle");
            };
            let ahead = |&key: &usize| waits(next, targets[next][key]);
            order.deferred[next] = (0..targets[next].len()).filter(ahead).collect();
            order.tables.push(next);
            waiting.retain(|&table| table != next);
        }
        order
    }
}

/// Whether a table can be reached from itself through other waiting tables.
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
    use std::sync::Arc;

    use crate::backend::Sql;
    use crate::dialect::Dialect;
    use crate::entity::Mapper;
    use crate::error::Result;
    use crate::metadata::Metadata;
    use crate::render::dialects::{Arrays, Values};
    use crate::schema::{Column, ColumnType, Table};

    /// A table that references others.
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
    fn tables_follow_those_they_reference() {
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
    fn existing_tables_are_not_created() {
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
    fn missing_tables_are_named() {
        let metadata = Metadata::new([table("tasks", &["users"])]);
        let message = "tasks: it references table `users`, which is not listed";
        assert_eq!(create(&metadata, &Arrays), message);
        let metadata = Metadata::of([Arc::new(Mapper::new("Task", table("tasks", &["users"])))]);
        let message = "Task: it references table `users`, whose entity is not listed";
        assert_eq!(create(&metadata, &Arrays), message);
        let metadata = Metadata::new([table("a", &[]), table("a", &[])]);
        assert_eq!(
            create(&metadata, &Arrays),
            "a: two listed tables have this name"
        );
        let metadata = Metadata::new([
            table("a", &[]),
            table("b", &[]).foreign_key(["id"], "a", ["key"]),
        ]);
        let message = "b: its foreign key on (id) references a.key, which does not exist";
        assert_eq!(create(&metadata, &Arrays), message);
    }
}
