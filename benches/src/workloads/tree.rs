//! A self-referential tree: inserted in one transaction, and read back with all its nodes.

use std::collections::HashMap;

use mysql::prelude::Queryable;
use selfsame::session::{Handle, Session};
use selfsame::{Engine, Entity, Result as OrmResult};
use selfsame_gate::Law;

use crate::Result;
use crate::digest::{Digest, Rows};
use crate::orm;
use crate::raw::{MariaDbClient, PostgresClient};
use crate::rows;
use crate::schema::Node;
use crate::workload::{Arm, Backend, Declaration, PLAIN, Reset, Round, Way};

/// The number of children per node: a tree of 1,000 nodes has six levels.
const BRANCHES: usize = 4;

/// Six levels of nodes.
pub(crate) static TREE: Declaration = Declaration {
    name: "tree",
    law: |_| Law::Batches(64),
    growth: &[1, 10, 100, 1_000],
    rows: rows::none,
    reset: Reset::Always(|backend, _| {
        vec![match backend {
            Backend::Sqlite => "DELETE FROM nodes".to_owned(),
            Backend::Postgres => "TRUNCATE nodes RESTART IDENTITY".to_owned(),
            // A delete checks each row at once, so children must be deleted first.
            Backend::MariaDb => "DELETE FROM nodes ORDER BY id DESC".to_owned(),
        }]
    }),
    arms: &[
        (
            Arm::Raw,
            Way::Raw {
                sqlite: Some(raw_sqlite),
                postgres: Some(raw_postgres),
                mariadb: Some(raw_mariadb),
            },
        ),
        (Arm::Tracked, Way::Engine(tracked)),
    ],
    leaves: &[
        "SELECT c.label || '|' || coalesce(p.label, '~') FROM nodes c LEFT JOIN nodes p ON p.id = c.parent_id",
    ],
    ..PLAIN
};

struct Plain {
    id: i64,
    label: String,
    parent: Option<i64>,
}

fn label(index: usize) -> String {
    format!("node {index}")
}

/// Returns the index of a node's parent, level by level; the root has none.
fn parent(index: usize) -> Option<usize> {
    index
        .checked_sub(1)
        .map(|behind_root| behind_root / BRANCHES)
}

/// Adds a tree as rows: each label with that of its parent.
fn digest_plain(nodes: Vec<Plain>, digest: &mut Digest) {
    digest.take(nodes, |nodes, rows| {
        let labels: HashMap<i64, &str> = nodes.iter().map(|node| (node.id, &*node.label)).collect();
        for node in nodes {
            let parent = node.parent.and_then(|parent| labels.get(&parent));
            rows.add((&*node.label, parent.copied()));
        }
    });
}

fn raw_sqlite(
    connection: &mut rusqlite::Connection,
    round: &Round,
    digest: &mut Digest,
) -> Result<()> {
    let transaction = connection.transaction()?;
    let mut keys: Vec<i64> = Vec::with_capacity(round.size);
    {
        let mut insert =
            transaction.prepare_cached("INSERT INTO nodes (label, parent_id) VALUES (?1, ?2)")?;
        for index in 0..round.size {
            let parent = parent(index).map(|parent| keys[parent]);
            keys.push(insert.insert(rusqlite::params![label(index), parent])?);
        }
    }
    transaction.commit()?;
    let transaction = connection.transaction()?;
    let nodes: Vec<Plain> = {
        let mut select =
            transaction.prepare_cached("SELECT id, label, parent_id FROM nodes ORDER BY id")?;
        let found = select.query_map([], |row| {
            Ok(Plain {
                id: row.get(0)?,
                label: row.get(1)?,
                parent: row.get(2)?,
            })
        })?;
        found.collect::<Result<_, _>>()?
    };
    drop(transaction);
    digest_plain(nodes, digest);
    Ok(())
}

fn raw_postgres(client: &mut PostgresClient, round: &Round, digest: &mut Digest) -> Result<()> {
    let (_, insert) =
        client.statement("INSERT INTO nodes (label, parent_id) VALUES ($1, $2) RETURNING id")?;
    let (driver, select) =
        client.statement("SELECT id, label, parent_id FROM nodes ORDER BY id")?;
    let mut transaction = driver.transaction()?;
    let mut keys: Vec<i64> = Vec::with_capacity(round.size);
    for index in 0..round.size {
        let parent = parent(index).map(|parent| keys[parent]);
        let row = transaction.query_one(&insert, &[&label(index), &parent])?;
        keys.push(row.try_get(0)?);
    }
    transaction.commit()?;
    let mut transaction = driver.transaction()?;
    let plain = |row: &postgres::Row| {
        Ok(Plain {
            id: row.try_get(0)?,
            label: row.try_get(1)?,
            parent: row.try_get(2)?,
        })
    };
    let found = transaction.query(&select, &[])?;
    let nodes = found.iter().map(plain).collect::<Result<_>>()?;
    drop(transaction);
    digest_plain(nodes, digest);
    Ok(())
}

fn raw_mariadb(client: &mut MariaDbClient, round: &Round, digest: &mut Digest) -> Result<()> {
    let mut transaction = client.begin()?;
    let mut keys: Vec<i64> = Vec::with_capacity(round.size);
    for index in 0..round.size {
        let parent = parent(index).map(|parent| keys[parent]);
        transaction.exec_drop(
            "INSERT INTO nodes (label, parent_id) VALUES (?, ?)",
            (label(index), parent),
        )?;
        let key = transaction.last_insert_id().ok_or("no key")?;
        keys.push(i64::try_from(key)?);
    }
    transaction.commit()?;
    let mut transaction = client.begin()?;
    let nodes = transaction.exec_map(
        "SELECT id, label, parent_id FROM nodes ORDER BY id",
        (),
        |(id, label, parent)| Plain { id, label, parent },
    )?;
    drop(transaction);
    digest_plain(nodes, digest);
    Ok(())
}

/// Returns the node at an index with all its descendants.
fn grown(index: usize, size: usize) -> Node {
    let first = index * BRANCHES + 1;
    let children = (first..first + BRANCHES).filter(|child| *child < size);
    Node {
        children: children.map(|child| grown(child, size)).collect(),
        ..Node::new(label(index))
    }
}

fn tracked(engine: &Engine, round: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut session = Session::new(engine);
    session.add(grown(0, round.size));
    session.commit()?;
    drop(session);
    let mut session = Session::new(engine);
    let below = Node::CHILDREN.selectin().then(Node::CHILDREN.selectin());
    let below = Node::CHILDREN
        .selectin()
        .then(Node::CHILDREN.selectin().then(below));
    let below = Node::CHILDREN.selectin().then(below);
    let root = Node::query()
        .filter(Node::PARENT_ID.is_null())
        .with(below)
        .one(&mut session)?;
    digest.take((root, session), |(root, session), rows| {
        add(session, *root, None, rows);
    });
    Ok(())
}

fn add(session: &Session, node: Handle<Node>, parent: Option<&str>, rows: &mut Rows) {
    let label = &*session[node].label;
    rows.add((label, parent));
    for child in orm::loaded(session.loaded(node, Node::CHILDREN)) {
        add(session, child, Some(label), rows);
    }
}
