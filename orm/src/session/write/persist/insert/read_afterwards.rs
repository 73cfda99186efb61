//! Generated values that are read by key, where the database cannot return them.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Insert;
use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;
use crate::session::read::lookup::{Lookup, owned};
use crate::session::write::persist::pairing::ByValue;
use crate::value::Value;

impl Insert<'_> {
    /// Inserts rows, and reads each by its key, because the database cannot return generated values.
    pub(super) fn read_afterwards(&self, session: &mut Session, generated: &[usize]) -> Result<()> {
        let mapper = Arc::clone(&session.entry(self.store).mapper);
        let by = &mapper.table().primary_key;
        let generated_key = mapper.table().generated_key();
        let generated_key = generated_key.filter(|key| generated.contains(key));
        if let Some(column) = by
            .iter()
            .find(|column| !self.columns.contains(column) && generated_key != Some(**column))
        {
            let what = "a key that the database makes from a default (RETURNING)";
            return Err(Error::unsupported(session.engine.dialect().name(), what)
                .entity(mapper.name())
                .column(&mapper.table().columns[*column].name));
        }
        match generated_key {
            Some(key) => self.counted(session, key)?,
            None => self.plain(session)?,
        }
        let generated: Vec<usize> = generated
            .iter()
            .copied()
            .filter(|column| generated_key != Some(*column))
            .collect();
        let eager = mapper.eager().iter().enumerate();
        let places: Vec<(usize, usize)> = eager
            .filter(|(_, column)| generated.contains(column))
            .map(|(place, &column)| (place, column))
            .collect();
        let mut keys = Vec::with_capacity(by.len() * self.slots.len());
        let store = session.any_store(self.store);
        self.slots
            .iter()
            .for_each(|&slot| store.values(slot, by, &mut keys));
        let keys = owned(&keys);
        let keys: Vec<&[Value]> = keys.chunks(by.len()).collect();
        let mut found = self.read_generated(session, &keys, &places)?;
        for (at, &slot) in self.slots.iter().enumerate() {
            // The database may hold an equal key in another form.
            if found[at].is_none() && keys.len() > 1 {
                found[at] = self
                    .read_generated(session, &keys[at..=at], &places)?
                    .pop()
                    .flatten();
            }
            let values = found[at].take().ok_or_else(|| {
                let message = "the new row cannot be read by its key";
                Error::new(ErrorKind::Database, message).entity(mapper.name())
            })?;
            let store = session.any_store_mut(self.store);
            for (&(_, column), value) in places.iter().zip(&values) {
                store.assign(slot, column, value.as_ref())?;
            }
        }
        Ok(())
    }

    /// Returns the values at these places of the rows with these keys. With several keys, a row
    /// belongs to the one that it equals; with a single key, the row belongs to it.
    fn read_generated(
        &self,
        session: &mut Session,
        keys: &[&[Value]],
        places: &[(usize, usize)],
    ) -> Result<Vec<Option<Vec<Value>>>> {
        let mapper = Arc::clone(&session.entry(self.store).mapper);
        let positions: FxHashMap<Vec<ByValue<'_>>, usize> = keys
            .iter()
            .enumerate()
            .map(|(at, key)| (key.iter().map(|it| ByValue(it.as_ref())).collect(), at))
            .collect();
        let mut found = vec![None; keys.len()];
        let values = keys.concat();
        let lookup = Lookup::new(self.store, &mapper.table().primary_key, &values);
        session.look_up_rows(&lookup, &mut |_, _, row| {
            let mut key = Vec::new();
            mapper.key_values(row, 0, &mut key)?;
            let position = match keys {
                [_] => Some(0),
                _ => {
                    let key: Vec<ByValue<'_>> = key.into_iter().map(ByValue).collect();
                    positions.get(&key).copied()
                }
            };
            if let Some(at) = position {
                let value = |&(place, column): &(usize, usize)| {
                    Ok(row.value(place, mapper.types()[column])?.to_owned())
                };
                found[at] = Some(places.iter().map(value).collect::<Result<_>>()?);
            }
            Ok(())
        })?;
        Ok(found)
    }
}
