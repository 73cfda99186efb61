//! Every table of a database: one row is changed and one is deleted, through objects, and the whole database is what plain SQL would have
//! made of it, and what memory says.
//!
//! A step is taken three times. Plain SQL takes it first and is rolled back: this is what is right. Then a session that holds every row of
//! the database takes it. The two databases must be the same text, and what the session holds must be what another session reads.

mod fill;
mod objects;
mod plain;

pub(crate) use fill::{Filling, fill};
pub(crate) use objects::{Objects, of, of_records};

use std::collections::BTreeSet;

use selfsame::prelude::*;
use selfsame::schema::{Generated, Table};
use selfsame::value::{Value, ValueType};

use plain::{Dump, Plain};

/// What is told of a database.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Where the database or memory is not what it should be.
    pub(crate) wrong: Vec<String>,
    /// What is refused although plain SQL does it.
    pub(crate) refused: Vec<String>,
    /// The tables of which no row was changed, or none deleted.
    pub(crate) missed: Vec<String>,
    changed: BTreeSet<String>,
    deleted: BTreeSet<String>,
}

/// Changes and deletes rows of every table. `moving` are columns that the clock or a counter sets, which differ each time.
pub(crate) fn cycle(
    engine: &Engine,
    mut objects: Vec<Box<dyn Objects>>,
    moving: &[(&str, &str)],
) -> selfsame::Result<Told> {
    let plain = Plain::of(engine, moving)?;
    let mut told = Told::default();
    for at in 0..objects.len() {
        Turn::of(&plain, &mut objects, at, &mut told)?.changes()?;
    }
    // Of each table every row in turn, as each is referenced by others or by none; what is deleted is not deleted yet.
    for at in 0..objects.len() {
        Turn::of(&plain, &mut objects, at, &mut told)?.deletions(Ending::RolledBack)?;
    }
    for at in 0..objects.len() {
        Turn::of(&plain, &mut objects, at, &mut told)?.deletions(Ending::Committed)?;
    }
    for table in objects.iter().map(|it| it.table()) {
        let name = &table.name;
        if !told.changed.contains(name) && !changeable(table).is_empty() {
            told.missed.push(format!("{name}: not changed"));
        }
        if !told.deleted.contains(name) {
            told.missed.push(format!("{name}: not deleted"));
        }
    }
    Ok(told)
}

/// The columns that a program may change: those of the key are left alone, and those that the database writes.
fn changeable(table: &Table) -> Vec<usize> {
    let is_own = |&at: &usize| {
        let generated = &table.columns[at].generated;
        !table.primary_key.contains(&at)
            && !table.columns[at].is_generated_key()
            && !matches!(generated, Generated::Computed(_))
    };
    (0..table.columns.len()).filter(is_own).collect()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    RolledBack,
    Committed,
}

/// What a column is set to.
#[derive(Clone, Copy, Debug)]
enum New {
    /// The value of the last row.
    OfLast,
    Null,
    /// A value that is in no row.
    Another,
}

/// The turn of one table, with a session that holds the whole database.
struct Turn<'a> {
    plain: &'a Plain,
    objects: &'a mut [Box<dyn Objects>],
    at: usize,
    table: Table,
    session: Session,
    told: &'a mut Told,
}

impl<'a> Turn<'a> {
    fn of(
        plain: &'a Plain,
        objects: &'a mut [Box<dyn Objects>],
        at: usize,
        told: &'a mut Told,
    ) -> selfsame::Result<Self> {
        let mut session = Session::new(plain.engine());
        for objects in objects.iter_mut() {
            objects.load(&mut session)?;
        }
        session.commit()?;
        let table = objects[at].table().clone();
        Ok(Self {
            plain,
            objects,
            at,
            table,
            session,
            told,
        })
    }

    fn changes(&mut self) -> selfsame::Result<()> {
        let columns = changeable(&self.table);
        // The rest of a wide table is more of the same.
        let columns = &columns[..columns.len().min(40)];
        for new in [New::OfLast, New::Null, New::Another] {
            let columns: Vec<usize> = columns
                .iter()
                .copied()
                .filter(|&column| self.is_for(new, column))
                .collect();
            // All at once, and what is refused so column by column.
            if columns.is_empty() || self.change(&columns, new)? || columns.len() == 1 {
                continue;
            }
            for column in columns {
                self.change(&[column], new)?;
            }
        }
        Ok(())
    }

    fn is_for(&self, new: New, column: usize) -> bool {
        let it = &self.table.columns[column];
        match new {
            New::OfLast => true,
            New::Null => it.nullable,
            New::Another => another(it).is_some(),
        }
    }

    /// Sets columns of the first row; returns false where plain SQL would be refused too.
    fn change(&mut self, columns: &[usize], new: New) -> selfsame::Result<bool> {
        let before = self.plain.dump(&mut self.session)?;
        let rows = before.rows(&self.table.name);
        if rows.is_empty() || rows.len() != self.objects[self.at].len() {
            return Ok(true);
        }
        let last = rows.len() - 1;
        let values = columns.iter().map(|&column| match new {
            New::OfLast => self.objects[self.at].value(&self.session, last, column),
            New::Null => Value::Null,
            New::Another => another(&self.table.columns[column]).map_or(Value::Null, |(it, _)| it),
        });
        let values: Vec<Value> = values.collect();
        let written = columns.iter().map(|&column| match new {
            New::OfLast => self.plain.of_row(&self.table, column, &rows[last].is),
            New::Null => "NULL".to_owned(),
            New::Another => {
                another(&self.table.columns[column]).map_or_else(String::new, |(_, it)| it)
            }
        });
        let written: Vec<String> = written.collect();
        let names = columns
            .iter()
            .map(|&at| self.table.columns[at].name.as_str());
        let update = self
            .plain
            .update(&self.table, names.zip(&written), &rows[0].is);
        let right = self.plain.would(&[update]);

        let what = match columns {
            [column] => format!(
                "{}.{} {new:?}",
                self.table.name, self.table.columns[*column].name
            ),
            _ => format!("{} {new:?}", self.table.name),
        };
        let mut done = Ok(());
        for (&column, value) in columns.iter().zip(&values) {
            done =
                done.and_then(|()| self.objects[self.at].set(&mut self.session, 0, column, value));
        }
        let done = done.and_then(|()| self.session.commit());
        match (&right, done) {
            (Ok(right), Ok(())) => {
                let value = |turn: &Self, column| {
                    turn.objects[turn.at].value_of_changed(&turn.session, column)
                };
                let held = columns.iter().map(|&column| value(self, column));
                let held: Vec<Value> = held.collect();
                let after = self.plain.dump(&mut self.session)?;
                self.compare(&what, right, &after);
                self.compare_memory(&what, &before, &after)?;
                for (&column, held) in columns.iter().zip(held) {
                    let read = value(self, column);
                    if !read.as_ref().same(held.as_ref()) {
                        let name = &self.table.columns[column].name;
                        self.told.wrong.push(format!(
                            "{what}: {name} is {held:?} in memory, {read:?} when it is read again"
                        ));
                    }
                }
                if before != after {
                    self.told.changed.insert(self.table.name.clone());
                }
                Ok(true)
            }
            (Err(_), Ok(())) => {
                self.told
                    .wrong
                    .push(format!("{what}: done although SQL is refused"));
                Ok(true)
            }
            (right, Err(error)) => {
                self.session.rollback()?;
                if right.is_ok() {
                    self.refused(what, &error);
                }
                let after = self.plain.dump(&mut self.session)?;
                self.compare("after a rollback", &before, &after);
                for objects in self.objects.iter_mut() {
                    objects.load(&mut self.session)?;
                }
                Ok(right.is_ok())
            }
        }
    }

    fn deletions(&mut self, ending: Ending) -> selfsame::Result<()> {
        let rows = match ending {
            Ending::RolledBack => self.objects[self.at].len(),
            Ending::Committed => self.objects[self.at].len().min(1),
        };
        for row in 0..rows {
            self.delete(row, ending)?;
        }
        Ok(())
    }

    fn delete(&mut self, row: usize, ending: Ending) -> selfsame::Result<()> {
        let before = self.plain.dump(&mut self.session)?;
        let rows = before.rows(&self.table.name);
        if rows.len() != self.objects[self.at].len() {
            return Ok(());
        }
        let delete = self.plain.delete(&self.table, &rows[row].is);
        let mut right = self.plain.would(std::slice::from_ref(&delete));
        let is_referenced = right.is_err();
        if is_referenced {
            // Without ON DELETE, an object lets go of those that refer to it.
            let mut statements = self.plain.released(&self.table, &rows[row].is);
            statements.push(delete);
            right = self.plain.would(&statements);
        }
        let what = format!("{} {ending:?} {row}", self.table.name);
        let done = self.objects[self.at]
            .delete(&mut self.session, row)
            .and_then(|()| match ending {
                Ending::RolledBack => {
                    self.session.flush()?;
                    self.plain.settle(&mut self.session)
                }
                Ending::Committed => self.session.commit(),
            });
        match (right, done) {
            (Ok(right), Ok(())) => {
                let after = self.plain.dump(&mut self.session)?;
                self.compare(&what, &right, &after);
                self.told.deleted.insert(self.table.name.clone());
                if ending == Ending::Committed {
                    self.compare_memory(&what, &before, &after)?;
                }
            }
            (Err(_), Ok(())) => {
                let text = format!("{what}: done although SQL is refused");
                self.told.wrong.push(text);
            }
            (right, Err(error)) => {
                if right.is_ok() && !is_referenced {
                    self.refused(what.clone(), &error);
                }
                self.session.rollback()?;
            }
        }
        if ending == Ending::RolledBack {
            self.session.rollback()?;
            let after = self.plain.dump(&mut self.session)?;
            self.compare(&format!("{what}, rolled back"), &before, &after);
            self.compare_memory(&format!("{what}, rolled back"), &before, &after)?;
        }
        Ok(())
    }

    fn refused(&mut self, what: String, error: &selfsame::Error) {
        let kind = error.kind();
        self.told.refused.push(format!("{what}: {kind:?}: {error}"));
    }

    fn compare(&mut self, what: &str, right: &Dump, found: &Dump) {
        for line in right.differences(found) {
            self.told.wrong.push(format!("{what}: {line}"));
        }
    }

    /// Tables that changed in the database are read again, into the objects that are there; the others must be as they were in memory.
    fn compare_memory(&mut self, what: &str, before: &Dump, after: &Dump) -> selfsame::Result<()> {
        let mut reader = Session::new(self.plain.engine());
        for (at, objects) in self.objects.iter_mut().enumerate() {
            let name = objects.table().name.clone();
            if at == self.at || before.rows(&name) != after.rows(&name) {
                objects.load(&mut self.session)?;
            }
            let mut held = objects.all(&self.session);
            let mut read = objects.read(&mut reader)?;
            held.sort();
            read.sort();
            if held != read {
                let text =
                    format!("{what}: {name} is {held:?} in memory, {read:?} in the database");
                self.told.wrong.push(text);
            }
        }
        self.session.commit()
    }
}

/// A value that no row has, and the same in SQL; `None` for types that take only some values.
fn another(column: &selfsame::schema::Column) -> Option<(Value, String)> {
    use selfsame::schema::ColumnType;
    Some(match (&column.ty, column.ty.value_type()) {
        (ColumnType::Text { .. }, _) => (Value::Text("z".to_owned()), "'z'".to_owned()),
        (_, ValueType::I16) => (Value::I16(77), "77".to_owned()),
        (_, ValueType::I32) => (Value::I32(77), "77".to_owned()),
        (_, ValueType::I64) => (Value::I64(77), "77".to_owned()),
        (_, ValueType::F64) => (Value::F64(77.5), "77.5".to_owned()),
        _ => return None,
    })
}
