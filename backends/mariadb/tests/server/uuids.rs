//! The server's own type `uuid`, and UUIDs as bytes: in conditions, in lists, as keys and in relations.

use selfsame::metadata::Metadata;
use selfsame::prelude::*;
use selfsame::record::RecordKey;
use selfsame::value::Value;

use crate::support::{all, database};

/// One of another variant, a random one, a time-based one, the least and the greatest.
const UUIDS: [u128; 5] = [
    0x6f96_19ff_8b86_d011_b42d_00c0_4fc9_64ff,
    0x6f96_19ff_8b86_4011_b42d_00c0_4fc9_64ff,
    0x6f96_19ff_8b86_1011_b42d_00c0_4fc9_64ff,
    0,
    u128::MAX,
];

fn check(declared: &str) -> selfsame::Result<()> {
    let Some(database) = database() else {
        return Ok(());
    };
    all(
        &database,
        &[
            &format!("CREATE TABLE parents (id {declared} PRIMARY KEY, n int)"),
            &format!(
                "CREATE TABLE children (id int PRIMARY KEY, parent {declared}, FOREIGN KEY (parent) REFERENCES parents (id))"
            ),
        ],
    );
    let engine = Engine::new(database.backend());
    let reflected = Metadata::reflect(&engine)?;
    let (parents, children) = (
        reflected.records("parents")?,
        reflected.records("children")?,
    );
    let mut relations = children.relations().map(|(name, _)| name.to_owned());
    let relation = relations.next().expect("a relation");
    let mut session = Session::new(&engine);
    for (id, uuid) in (1..).zip(UUIDS) {
        let uuid = Value::Uuid(uuid.to_be_bytes());
        let mut parent = parents.record();
        parent.set("id", uuid.clone())?;
        session.add(parent);
        let mut child = children.record();
        child.set("id", id)?;
        child.set("parent", uuid)?;
        session.add(child);
    }
    session.commit()?;
    session.clear();
    for uuid in UUIDS.map(|uuid| Value::Uuid(uuid.to_be_bytes())) {
        let key = || RecordKey::new([uuid.clone()]);
        let found = parents.get(&mut session, key())?;
        let found = found.unwrap_or_else(|| panic!("{declared}: {uuid:?} is not found"));
        let condition = parents.equals("id", uuid.clone())?;
        assert_eq!(parents.query().filter(condition).count(&mut session)?, 1);
        let condition = children.equals("parent", uuid.clone())?;
        let child = children.query().filter(condition).one(&mut session)?;
        assert_eq!(session.load(child, &*relation)?, [found], "{declared}");
        session[found].set("n", 1)?;
    }
    session.commit()?;
    let keys = UUIDS.map(|uuid| RecordKey::new([Value::Uuid(uuid.to_be_bytes())]));
    session.clear();
    let many = parents.get_many(&mut session, keys)?;
    assert_eq!(many.len(), UUIDS.len(), "{declared}");
    for child in children.query().all(&mut session)? {
        session.delete(child)?;
    }
    for parent in many {
        session.delete(parent)?;
    }
    session.commit()?;
    assert_eq!(parents.query().count(&mut session)?, 0, "{declared}");
    Ok(())
}

#[test]
fn are_found_in_every_type() -> selfsame::Result<()> {
    ["uuid", "binary(16)"].into_iter().try_for_each(check)
}
