//! Keys that a database holds equal although their texts differ: spans of a day and of 24 hours, ranges, arrays and composites of decimals.

use std::collections::BTreeMap;

use selfsame::metadata::Metadata;
use selfsame::prelude::*;
use selfsame::record::{Record, RecordKey};
use selfsame_postgres::testing::Server;

use crate::own::in_own_database;
use crate::{Test, execute};

pub(crate) const ON_POSTGRES: &[(&str, Test)] =
    &[("postgres_keys_of_equal_values_with_other_texts", equal_keys)];

fn equal_keys(server: &Server) -> selfsame::Result<()> {
    in_own_database(server, "outside", &["citext"], |engine, _| {
        execute(engine, "CREATE EXTENSION citext")?;
        execute(engine, include_str!("outside_postgres.sql"))?;
        let mut wrong = Vec::new();
        for table in [
            "span", "range", "numbers", "words", "pair", "mail", "price", "bytes", "both",
        ] {
            if let Err(error) = relations(engine, table, &mut wrong) {
                wrong.push(format!("{table}: {error}"));
            }
        }
        assert_eq!(wrong, [""; 0]);
        Ok(())
    })
}

/// A row's note is that of its parent, however either is read; and both can be changed and deleted.
fn relations(engine: &Engine, name: &str, wrong: &mut Vec<String>) -> selfsame::Result<()> {
    let metadata = Metadata::reflect(engine)?;
    let (by, of) = (format!("by_{name}"), format!("of_{name}"));
    let (parents, children) = (metadata.records(&by)?, metadata.records(&of)?);
    let relation = |records: &selfsame::record::Records, table: &str| {
        let mut relations = records.relations();
        let found = relations.find(|(_, target)| target == table);
        found.map(|(name, _)| name.to_owned()).expect(table)
    };
    let (up, down) = (relation(&children, &by), relation(&parents, &of));
    let mut plain = Session::new(engine);
    let pairs: Vec<(i32, Option<String>)> = plain
        .sql(format!("SELECT id, note FROM {of} ORDER BY id"), ())
        .all()?;
    let wanted: BTreeMap<i32, Option<String>> = pairs.into_iter().collect();
    let note = |session: &Session, it: Handle<Record>| session[it].get::<Option<String>>("note");
    for loaded in ["lazy", "with"] {
        let mut session = Session::new(engine);
        let query = match loaded {
            "lazy" => children.query(),
            _ => children.query().with(&*up),
        };
        let mut found = BTreeMap::new();
        for child in query.all(&mut session)? {
            let parent: Vec<Handle<Record>> = session.load(child, &*up)?.into_iter().collect();
            let of_parent = match parent.first() {
                Some(&parent) => note(&session, parent)?,
                None => None,
            };
            found.insert(session[child].get::<i32>("id")?, of_parent);
        }
        if found != wanted {
            wrong.push(format!("{of}.{up} {loaded}: {found:?}"));
        }
        let mut session = Session::new(engine);
        let query = match loaded {
            "lazy" => parents.query(),
            _ => parents.query().with(&*down),
        };
        let mut found = BTreeMap::new();
        for parent in query.all(&mut session)? {
            for child in session.load(parent, &*down)? {
                found.insert(session[child].get::<i32>("id")?, note(&session, parent)?);
            }
        }
        found.extend(
            wanted
                .iter()
                .filter(|(_, note)| note.is_none())
                .map(|(&id, _)| (id, None)),
        );
        if found != wanted {
            wrong.push(format!("{by}.{down} {loaded}: {found:?}"));
        }
    }
    // Every key finds its parent, among others and alone.
    let key = metadata.records(&by)?.table().primary_key.clone();
    let columns: Vec<String> = key
        .iter()
        .map(|&at| parents.table().columns[at].name.clone())
        .collect();
    let mut session = Session::new(engine);
    let rows = children.query().rows(&mut session)?;
    let keys: Vec<RecordKey> = rows
        .iter()
        .map(|row| columns.iter().filter_map(|it| row.value(it).cloned()))
        .map(RecordKey::new)
        .take(wanted.values().flatten().count())
        .collect();
    let found = parents.get_many(&mut Session::new(engine), keys.clone())?;
    if found.len() != keys.len() {
        wrong.push(format!(
            "{by}: get_many finds {} of {}",
            found.len(),
            keys.len()
        ));
    }
    // What was changed is written, and a deleted parent lets go of all its children, whether or not they are in memory.
    for in_memory in [true, false] {
        let mut session = Session::new(engine);
        let all_parents = parents.query().all(&mut session)?;
        for &it in &all_parents {
            session[it].set("note", "changed".to_owned())?;
        }
        if in_memory {
            for it in children.query().all(&mut session)? {
                session[it].set("note", "changed".to_owned())?;
            }
        }
        session.flush()?;
        session.delete(all_parents[0])?;
        session.flush()?;
        let left: i64 = session
            .sql(
                format!("SELECT count(*) FROM {of} WHERE {} IS NULL", columns[0]),
                (),
            )
            .one()?;
        let lone = wanted.values().filter(|it| it.is_none()).count();
        if usize::try_from(left) != Ok(lone + 2) {
            wrong.push(format!("{of}: {left} rows without a parent"));
        }
        session.rollback()?;
    }
    Ok(())
}
