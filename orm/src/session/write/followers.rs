//! Rows of any table, also of those that the session does not know, that follow unique values by ON UPDATE CASCADE.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::render::{Lock, render_select};
use crate::schema::{Column, ForeignKey, ReferentialAction, Table};
use crate::session::Session;
use crate::session::read::lookup::Lookup;
use crate::sql::{Join, JoinKind, Node, Operator, RowLock, SelectNode, Source, column};
use crate::value::ValueType;

/// The most rows of which one query looks for followers.
const MOST_KEYS: usize = 100;

impl Session {
    /// Refuses to set columns of rows to NULL for a moment if other rows follow their values: these would stay NULL. The database is asked
    /// each time which tables these may be in, because tables may be altered; only columns of a key or a UNIQUE constraint can be followed.
    pub(in crate::session) fn refuse_followers(
        &mut self,
        store: u16,
        columns: &[usize],
        slots: &[u32],
    ) -> Result<()> {
        let mapper = Arc::clone(&self.entry(store).mapper);
        let referred = mapper.table();
        let can_be_followed = columns.iter().any(|at| {
            let mut uniques = referred.uniques.iter();
            referred.primary_key.contains(at)
                || uniques.any(|unique| unique.columns.contains(&referred.columns[*at].name))
        });
        if !can_be_followed || slots.is_empty() || !self.engine.capabilities().foreign_keys {
            return Ok(());
        }
        let followed = |key: &ForeignKey| {
            let position = |name: &String| position(referred, name);
            let mut referred = key.references.iter().filter_map(position);
            referred.find(|at| key.on_update == ReferentialAction::Cascade && columns.contains(at))
        };
        let mut tables = self.connected()?.referring_tables(referred)?;
        for table in &mut tables {
            table.foreign_keys.retain(|key| followed(key).is_some());
        }
        tables.retain(|table| !table.foreign_keys.is_empty());
        if !tables.is_empty() {
            // From now on no other row starts to reference these.
            let keys = self.key_values(store, slots);
            let lookup = Lookup {
                lock: Lock::ForUpdate,
                ..Lookup::new(store, &referred.primary_key, &keys)
            };
            self.look_up_rows(&lookup, &mut |_, _, _| Ok(()))?;
        }
        for table in &tables {
            for key in &table.foreign_keys {
                // If a column is not mapped, the others decide.
                let pairs = key.columns.iter().zip(&key.references);
                let pairs = pairs.filter_map(|(own, name)| Some((own, position(referred, name)?)));
                let pairs: Vec<(&String, usize)> = pairs.collect();
                if self.has_followers(table, &pairs, (store, slots))? {
                    let column = followed(key).map(|at| &referred.columns[at].name);
                    let message = format!(
                        "rows of {} follow a value by ON UPDATE CASCADE that would have to be NULL for a moment, and would stay NULL: give this row another value and flush first",
                        table.name
                    );
                    return Err(Error::new(ErrorKind::UniqueViolation, message)
                        .entity(mapper.name())
                        .column(column.map_or("", |name| name)));
                }
            }
        }
        Ok(())
    }

    /// Whether rows of a table reference one of these rows by a foreign key: its columns, and the positions of those they reference. The
    /// database compares them, because texts may be equal to it alone.
    pub(in crate::session) fn has_followers(
        &mut self,
        table: &Table,
        pairs: &[(&String, usize)],
        (store, slots): (u16, &[u32]),
    ) -> Result<bool> {
        let mapper = Arc::clone(&self.entry(store).mapper);
        let referred = mapper.table();
        let (own, references): (Vec<&String>, Vec<usize>) = pairs.iter().copied().unzip();
        let mut followers = Table::build(table.local_name());
        followers.columns = own
            .into_iter()
            .zip(&references)
            .map(|(name, &at)| Column {
                name: name.clone(),
                ..referred.columns[at].clone()
            })
            .collect();
        if let Some(schema) = &table.schema {
            followers = followers.in_schema(schema);
        }
        let source = Source::aliased(referred, "referred");
        let followers = Source::aliased(&Arc::new(followers), "followers");
        let at = |source: &Source, at| column(&source.table, at, source.alias.as_ref());
        // As a foreign key, by the collation of the referenced column.
        let on = references.iter().enumerate().map(|(own, &reference)| {
            at(&source, reference).binary(Operator::Eq, at(&followers, own))
        });
        let has_locks = self.engine.capabilities().row_locks;
        let mut select = SelectNode {
            columns: vec![Node::Raw("1".into())],
            types: vec![ValueType::I32],
            joins: vec![Join {
                kind: JoinKind::Inner,
                on: Node::All(on.collect()),
                source: followers.clone(),
            }],
            from: Some(source.clone()),
            lock: has_locks.then(RowLock::for_update),
            ..SelectNode::default()
        };
        let mut is_found = false;
        for slots in slots.chunks(MOST_KEYS) {
            let keys = self.key_values(store, slots);
            let rows = keys.chunks(referred.primary_key.len()).map(|key| {
                let values = referred.primary_key.iter().zip(key);
                let equal = values.map(|(&index, value)| {
                    let value = Node::Param(value.clone(), mapper.types()[index]);
                    at(&source, index).binary(Operator::Eq, value)
                });
                Node::All(equal.collect())
            });
            select.filter = Some(Node::Any(rows.collect()));
            let rendered = render_select(self.engine.dialect(), &select)?;
            let sql = self.engine.intern(&rendered.sql);
            let connection = self.connected()?;
            rendered.with_params(|params| {
                connection.query(&sql, params, &mut |_| {
                    is_found = true;
                    Ok(())
                })
            })?;
        }
        Ok(is_found)
    }
}

/// The position of a column; a mapping may write its name in another case than the database.
fn position(table: &Table, name: &str) -> Option<usize> {
    let mut columns = table.columns.iter();
    columns.position(|column| column.name.eq_ignore_ascii_case(name))
}
