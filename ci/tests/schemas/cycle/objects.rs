//! The rows of one table as objects of a session, whatever their type.

use selfsame::entity::Mapped;
use selfsame::prelude::*;
use selfsame::query::Query;
use selfsame::record::Records;
use selfsame::schema::Table;
use selfsame::value::Value;

/// The objects of one table: entities or records.
pub(crate) trait Objects {
    fn table(&self) -> &Table;

    /// Reads all of them.
    fn load(&mut self, session: &mut Session) -> selfsame::Result<()>;

    fn len(&self) -> usize;

    fn value(&self, session: &Session, row: usize, column: usize) -> Value;

    /// Sets a column of a row, which is from now on the changed one.
    fn set(
        &mut self,
        session: &mut Session,
        row: usize,
        column: usize,
        value: &Value,
    ) -> selfsame::Result<()>;

    /// The value of a column of the row that was changed last, wherever it is now.
    fn value_of_changed(&self, session: &Session, column: usize) -> Value;

    fn delete(&self, session: &mut Session, row: usize) -> selfsame::Result<()>;

    /// What memory holds of all of them, as text.
    fn all(&self, session: &Session) -> Vec<String>;

    /// What the database holds of all of them, as text.
    fn read(&self, session: &mut Session) -> selfsame::Result<Vec<String>>;
}

/// The objects of an entity's table.
pub(crate) fn of<E: Entity>() -> Box<dyn Objects> {
    Box::new(Loaded {
        query: E::query(),
        mapper: std::sync::Arc::clone(E::mapper()),
        handles: Vec::new(),
        changed: None,
    })
}

/// Every table that is mapped to records and can be written.
pub(crate) fn of_records(engine: &Engine) -> selfsame::Result<Vec<Box<dyn Objects>>> {
    let metadata = Metadata::reflect(engine)?;
    let mut all: Vec<Box<dyn Objects>> = Vec::new();
    for table in metadata.tables() {
        let Ok(records) = metadata.records(&table.name) else {
            continue;
        };
        if !records.mapper().is_read_only() {
            all.push(Box::new(loaded(&records)));
        }
    }
    Ok(all)
}

fn loaded(records: &Records) -> Loaded<selfsame::record::Record> {
    Loaded {
        query: records.query(),
        mapper: std::sync::Arc::clone(records.mapper()),
        handles: Vec::new(),
        changed: None,
    }
}

struct Loaded<E: Mapped> {
    query: Query<E>,
    mapper: std::sync::Arc<selfsame::entity::Mapper>,
    handles: Vec<Handle<E>>,
    changed: Option<Handle<E>>,
}

impl<E: Mapped> Loaded<E> {
    fn held(&self, session: &Session, handle: Handle<E>, column: usize) -> Value {
        let value = session[handle].value(&self.mapper, column);
        value.value().expect("a loaded value").to_owned()
    }

    fn text(&self, object: &E) -> String {
        let mut text = String::new();
        for column in 0..self.mapper.types().len() {
            let value = object
                .value(&self.mapper, column)
                .value()
                .map(|it| it.to_owned());
            text += &format!("{value:?}, ");
        }
        text
    }
}

impl<E: Mapped> Objects for Loaded<E> {
    fn table(&self) -> &Table {
        self.mapper.table()
    }

    fn load(&mut self, session: &mut Session) -> selfsame::Result<()> {
        self.handles = self.query.all(session)?;
        Ok(())
    }

    fn len(&self) -> usize {
        self.handles.len()
    }

    fn value(&self, session: &Session, row: usize, column: usize) -> Value {
        self.held(session, self.handles[row], column)
    }

    fn value_of_changed(&self, session: &Session, column: usize) -> Value {
        self.held(session, self.changed.expect("a changed row"), column)
    }

    fn set(
        &mut self,
        session: &mut Session,
        row: usize,
        column: usize,
        value: &Value,
    ) -> selfsame::Result<()> {
        let handle = self.handles[row];
        self.changed = Some(handle);
        session[handle].assign(&self.mapper, column, value.as_ref())
    }

    fn delete(&self, session: &mut Session, row: usize) -> selfsame::Result<()> {
        session.delete(self.handles[row])
    }

    fn all(&self, session: &Session) -> Vec<String> {
        self.handles
            .iter()
            .map(|&handle| self.text(&session[handle]))
            .collect()
    }

    fn read(&self, session: &mut Session) -> selfsame::Result<Vec<String>> {
        let rows = self.query.rows(session)?;
        Ok(rows.iter().map(|row| self.text(row)).collect())
    }
}
