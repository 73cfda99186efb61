//! Records: rows of tables known only at run time.

mod columns;

use selfsame::dialect::Batch;
use selfsame::entity::Many;
use selfsame::prelude::*;
use selfsame::record::{Record, Records};
use selfsame::schema::{Column, ColumnType, Generated, Table};
use selfsame::sql::count;
use selfsame::{Error, ErrorKind};

use crate::case::Cover::Rule;
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::world::{Sent, User, World};

pub(super) const LISTS: &[&[Case]] = &[CASES, columns::CASES];

const CASES: &[Case] = &[
    Case::core("records.load.statements", statements)
        .promise("Loading n records with a relation costs 1 + n statements lazily, 1 + ⌈n / batch⌉ by selectin, 1 joined, and all give equal graphs.")
        .hint("As `relations.load.statements`.")
        .covers(&[Rule(27), Rule(28)])
        .since(12),
    Case::core("records.load.filtered", filtered)
        .promise("Filtered loading returns part of a collection of records, in order and limited for each owner, without changing the collection.")
        .hint("As `relations.filtered.view`.")
        .covers(&[Rule(29)])
        .since(15),
    Case::core("records.query.joined", joined)
        .promise("A query for records can filter and order by columns of joined tables; it returns each record once, and its limit counts records.")
        .hint("Send joins and GROUP BY as they are.")
        .covers(&[Rule(22), Rule(27)])
        .since(12),
    Case::core("records.query.grouped", grouped)
        .promise("Columns and aggregates of joined tables bypass the session and see flushed changes.")
        .suspects_orm()
        .covers(&[Rule(6)])
        .since(12),
    Case::core("records.pairs.both_sides", pairs)
        .promise("A table of two foreign keys relates records on both sides, which change together; a commit writes the difference.")
        .hint("As `relations.many_to_many`.")
        .covers(&[Rule(15), Rule(22), Rule(23)])
        .since(12),
    Case::core("records.merge.columns", merge)
        .promise("Merging a record copies the columns that were set onto the row with its key, and merges its related records too.")
        .suspects_orm()
        .covers(&[Rule(24), Rule(35)])
        .since(13),
    Case::core("records.hooks.called", hooks)
        .promise("Hooks are called for records as for entities, and their changes are written.")
        .suspects_orm()
        .covers(&[Rule(36)])
        .since(13),
    Case::core("records.mapping.one", one_mapping)
        .promise("A session accepts one mapping of a table and refuses a second, so that a row is never two objects.")
        .suspects_orm()
        .covers(&[Rule(1), Rule(3)])
        .since(13),
];

/// Shelves with boxes, and labels that several boxes share.
struct Store {
    world: World,
    shelves: Records,
    boxes: Records,
    labels: Records,
}

impl Store {
    fn new(context: &Context) -> CaseResult<Self> {
        let text = || ColumnType::Text { length: Some(20) };
        let table = |name: &str| {
            Table::build(name)
                .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
                .column(Column::new("name", text()))
                .primary_key(["id"])
        };
        let boxes = table("boxes")
            .column(Column::new("shelf_id", ColumnType::I64).nullable())
            .foreign_key(["shelf_id"], "shelves", ["id"]);
        let pairs = Table::build("box_labels")
            .column(Column::new("box_id", ColumnType::I64))
            .column(Column::new("label_id", ColumnType::I64))
            .primary_key(["box_id", "label_id"])
            .foreign_key(["box_id"], "boxes", ["id"])
            .foreign_key(["label_id"], "labels", ["id"]);
        let tables = Metadata::of_records([table("shelves"), boxes, table("labels"), pairs]);
        let world = World::of(context, &tables)?;
        Ok(Self {
            world,
            shelves: tables.records("shelves")?,
            boxes: tables.records("boxes")?,
            labels: tables.records("labels")?,
        })
    }

    /// Two shelves: one with the boxes `a` and `b`, labelled `x`, and `x` and `y`; one with none.
    fn filled(context: &Context) -> CaseResult<Self> {
        let store = Self::new(context)?;
        let mut session = store.world.session();
        let mut add = |records: &Records, name: &str| named(&mut session, records, name);
        let (full, a, b) = (
            add(&store.shelves, "full")?,
            add(&store.boxes, "a")?,
            add(&store.boxes, "b")?,
        );
        let (x, y) = (add(&store.labels, "x")?, add(&store.labels, "y")?);
        add(&store.shelves, "empty")?;
        for one in [a, b] {
            session.push(one, "shelf", full)?;
            session.push(one, "labels", x)?;
        }
        session.push(y, "boxes", b)?;
        session.commit()?;
        store.world.sent();
        Ok(store)
    }
}

fn named(session: &mut Session, records: &Records, name: &str) -> CaseResult<Handle<Record>> {
    let mut record = records.record();
    record.set("name", name)?;
    Ok(session.add(record))
}

/// Returns, ordered by name, records and the targets of a relation.
fn names(session: &mut Session, found: &[Handle<Record>]) -> CaseResult<Vec<String>> {
    let names: selfsame::Result<Vec<String>> =
        found.iter().map(|&one| session[one].get("name")).collect();
    Ok(names?)
}

fn statements(context: &mut Context) -> CaseResult {
    let store = Store::filled(context)?;
    let wanted = ["full a x, b x y", "empty"];
    // A dialect without lists as parameters looks up one owner per statement.
    let (shelves, boxes) = match context.dialect().batch() {
        Batch::Rows => (2, 2),
        _ => (1, 1),
    };
    let query = || store.shelves.query();
    let of_shelves = store.shelves.relation::<Many>("boxes")?;
    let of_boxes = store.boxes.relation::<Many>("labels")?;
    for (how, query, statements) in [
        ("lazily", query(), 1 + 2 + 2),
        (
            "by selectin",
            query().with("boxes.labels"),
            1 + shelves + boxes,
        ),
        (
            "joined",
            query().with(of_shelves.joined().then(of_boxes.joined())),
            1,
        ),
    ] {
        let mut session = store.world.session();
        store.world.sent();
        let order = store.shelves.column::<i64>("id")?.asc();
        let found = query.order_by(order).all(&mut session)?;
        let mut graph = Vec::new();
        for shelf in found {
            let mut parts = Vec::new();
            for one in session.load(shelf, "boxes")? {
                check_eq!(
                    session.load(one, "shelf")?,
                    [shelf],
                    "a box loaded {how} must know its shelf"
                );
                let labels = session.load(one, "labels")?;
                let labels = names(&mut session, &labels)?.join(" ");
                parts.push(format!("{} {labels}", session[one].get::<String>("name")?));
            }
            let name: String = session[shelf].get("name")?;
            graph.push(format!("{name} {}", parts.join(", ")).trim_end().to_owned());
        }
        check_eq!(graph, wanted, "the graph loaded {how} must be complete");
        check_eq!(
            store.world.sent().rows(),
            statements,
            "the number of statements for the graph loaded {how}"
        );
    }
    Ok(())
}

fn filtered(context: &mut Context) -> CaseResult {
    let store = Store::filled(context)?;
    let mut session = store.world.session();
    let name = || store.labels.column::<String>("name");
    let last = store
        .boxes
        .relation::<Many>("labels")?
        .filter(name()?.ge("x"))
        .order_by(name()?.desc())
        .limit(1);
    let order = store.boxes.column::<i64>("id")?.asc();
    let found = store
        .boxes
        .query()
        .order_by(order)
        .with(last)
        .all(&mut session)?;
    let mut shown = Vec::new();
    for &one in &found {
        let view = session.filtered(one, "labels")?.unwrap_or_default();
        shown.push(names(&mut session, &view)?.join(" "));
        check_eq!(
            session.loaded(one, "labels")?,
            None,
            "the collection itself must be left as it was"
        );
    }
    check_eq!(
        shown,
        ["x", "y"],
        "each box must show the last of its labels"
    );
    let all = session.load(found[1], "labels")?;
    check_eq!(all.len(), 2, "the collection must be complete");
    Ok(())
}

fn joined(context: &mut Context) -> CaseResult {
    let store = Store::filled(context)?;
    let mut session = store.world.session();
    let (shelf, label) = (
        || store.shelves.column::<String>("name"),
        || store.labels.column::<String>("name"),
    );
    let by_label = store.shelves.query().join("boxes.labels");
    let found = by_label
        .clone()
        .filter(label()?.eq("x"))
        .all(&mut session)?;
    check_eq!(
        names(&mut session, &found)?,
        ["full"],
        "a shelf must be found once, however many of its boxes fit"
    );
    let left = store
        .shelves
        .query()
        .left_join("boxes")
        .order_by(shelf()?.asc());
    let found = left.clone().limit(2).all(&mut session)?;
    check_eq!(
        names(&mut session, &found)?,
        ["empty", "full"],
        "a limit must count shelves"
    );
    check_eq!(left.count(&mut session)?, 2, "the count must be of shelves");
    let boxes = store.boxes.query().join("labels").order_by(label()?.desc());
    let found = boxes.all(&mut session)?;
    check_eq!(
        names(&mut session, &found)?,
        ["b", "a"],
        "a box must stand where the first of its labels does"
    );
    let any = store
        .shelves
        .any("boxes.labels", store.labels.equals("name", "y")?)?;
    check_eq!(
        store.shelves.query().filter(any).count(&mut session)?,
        1,
        "one shelf has a box of that label"
    );
    Ok(())
}

fn grouped(context: &mut Context) -> CaseResult {
    let store = Store::filled(context)?;
    let mut session = store.world.session();
    let more = named(&mut session, &store.boxes, "c")?;
    let name = || store.shelves.column::<String>("name");
    let empty = store
        .shelves
        .query()
        .filter(name()?.eq("empty"))
        .one(&mut session)?;
    session.push(more, "shelf", empty)?;
    let report = store
        .shelves
        .query()
        .left_join("boxes")
        .order_by(name()?.asc())
        .select((name()?, count(store.boxes.column::<i64>("id")?)))
        .group_by(name()?)
        .all(&mut session)?;
    check_eq!(
        report,
        [("empty".to_owned(), 1), ("full".to_owned(), 2)],
        "the added box must be counted"
    );
    Ok(())
}

fn merge(context: &mut Context) -> CaseResult {
    let store = Store::filled(context)?;
    let mut session = store.world.session();
    // The first generated keys are not the same on every database.
    let (full, a) = (
        first_key(&mut session, &store.shelves)?,
        first_key(&mut session, &store.boxes)?,
    );
    session.clear();
    let mut shelf = store.shelves.record();
    shelf.set("id", full)?;
    let mut known = store.boxes.record();
    known.set("id", a)?;
    known.set("name", "A")?;
    let mut new = store.boxes.record();
    new.set("name", "c")?;
    shelf.relate("boxes", known)?;
    shelf.relate("boxes", new)?;
    let shelf = session.merge(shelf)?;
    check_eq!(
        session[shelf].get::<String>("name")?,
        "full",
        "a column that was not set must stay"
    );
    store.world.sent();
    session.commit()?;
    let sent = store.world.sent();
    check_eq!(
        (sent.insert, sent.update, sent.delete),
        (1, 1, 0),
        "only differences must be written"
    );
    let boxes = session.load(shelf, "boxes")?;
    let mut found = names(&mut session, &boxes)?;
    found.sort();
    check_eq!(
        found,
        ["A", "b", "c"],
        "a collection must gain and not lose"
    );
    Ok(())
}

/// Returns the smallest key.
fn first_key(session: &mut Session, records: &Records) -> CaseResult<i64> {
    let order = records.column::<i64>("id")?.asc();
    let found = records.query().order_by(order).limit(1).all(session)?;
    match found.first() {
        Some(&first) => Ok(session[first].get("id")?),
        None => Ok(0),
    }
}

fn hooks(context: &mut Context) -> CaseResult {
    let store = Store::filled(context)?;
    let mut session = store.world.session();
    let trim = Hook::before_insert(|label: &mut Record| {
        let name: String = label.get("name")?;
        label.set("name", name.trim())
    });
    session.hook(trim.of_table("labels"));
    let refuse = |_: &Record| Err(Error::new(ErrorKind::Validation, "labels stay"));
    session.hook(Hook::before_delete(refuse).of_table("labels"));
    let label = named(&mut session, &store.labels, " z ")?;
    named(&mut session, &store.shelves, " s ")?;
    session.commit()?;
    session.delete(label)?;
    let refused = session.flush().map_err(|error| error.kind());
    check_eq!(
        refused,
        Err(ErrorKind::Validation),
        "an error from a hook must abort the flush"
    );
    session.rollback()?;
    let mut found = names_of(&mut session, &store.labels)?;
    check_eq!(
        found.pop().as_deref(),
        Some("z"),
        "changes by the hook must be written"
    );
    let mut found = names_of(&mut session, &store.shelves)?;
    check_eq!(
        found.pop().as_deref(),
        Some(" s "),
        "another table has no such hook"
    );
    Ok(())
}

/// The names of all records, by key.
fn names_of(session: &mut Session, records: &Records) -> CaseResult<Vec<String>> {
    let order = records.column::<i64>("id")?.asc();
    let found = records.query().order_by(order).all(session)?;
    names(session, &found)
}

fn one_mapping(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let key = world.with_users(&["ann"])?[0];
    let users = Records::new((**User::table()).clone());
    let mut session = world.session();
    let ann = session.get::<User>(key)?;
    check!(ann.is_some(), "there is a user");
    for _ in 0..2 {
        let refused = [
            users.get(&mut session, key).map(drop),
            users.query().all(&mut session).map(drop),
            users.query().delete().execute(&mut session).map(drop),
        ];
        for result in refused {
            check_eq!(
                result.map_err(|error| error.kind()),
                Err(ErrorKind::Mapping),
                "a second mapping of the table must be refused each time"
            );
        }
    }
    let rows = users.query().rows(&mut session)?;
    check_eq!(rows.len(), 1, "plain rows make no second object");
    session.rollback()?;
    let mut session = world.session();
    let record = users.get(&mut session, key)?;
    check!(record.is_some(), "alone, the record is found");
    check_eq!(
        session.get::<User>(key).map_err(|error| error.kind()),
        Err(ErrorKind::Mapping),
        "and then the entity is the second mapping"
    );
    Ok(())
}

fn pairs(context: &mut Context) -> CaseResult {
    let store = Store::filled(context)?;
    let mut session = store.world.session();
    let order = || store.boxes.column::<i64>("id");
    let boxes = store
        .boxes
        .query()
        .order_by(order()?.asc())
        .all(&mut session)?;
    let labels = store.labels.query().all(&mut session)?;
    let (a, b) = (boxes[0], boxes[1]);
    let labels_of_b = session.load(b, "labels")?;
    session.load(a, "labels")?;
    let new = named(&mut session, &store.labels, "z")?;
    store.world.sent();
    session.push(new, "boxes", a)?;
    session.replace(b, "labels", [labels_of_b[1], new])?;
    let before = session.load(new, "boxes")?;
    check_eq!(before.len(), 2, "both sides must change at once");
    check_eq!(
        store.world.sent(),
        Sent::NOTHING,
        "changes in memory must send nothing"
    );
    session.commit()?;
    let sent = store.world.sent();
    check_eq!(
        (sent.insert, sent.update, sent.delete),
        (2, 0, 1),
        "the difference must be written: a label, its pairs, and the removed one"
    );
    drop(session);
    let mut session = store.world.session();
    let found = store
        .boxes
        .query()
        .order_by(order()?.asc())
        .all(&mut session)?;
    let mut shown = Vec::new();
    for one in found {
        let labels = session.load(one, "labels")?;
        shown.push(names(&mut session, &labels)?.join(" "));
    }
    check_eq!(shown, ["x z", "y z"], "the pairs must be unchanged");
    check_eq!(labels.len(), 2, "there were two labels before");
    Ok(())
}
