//! Relations of records: many-to-many through association tables, and declared ones.

use selfsame::entity::{Cascade, Fetch, Many};
use selfsame::prelude::*;
use selfsame::query::Load;
use selfsame::record::{Record, RecordRelation, RecordTables, Records};
use selfsame::schema::{Column, ColumnType, Generated, Table};
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{Fixture, Post, Tag};

fn with(records: &Records, column: &str, value: &str) -> Record {
    let mut record = records.record();
    record.set(column, value).expect("a column of text");
    record
}

/// Two posts that share a tag, with reflected mappings.
fn blog(f: &Fixture) -> Result<[Records; 2]> {
    f.in_another_session(|session| {
        let [a, b] = ["a", "b"].map(|label| session.add(Tag::new(label)));
        session.add_all([
            Post {
                tags: [a, b].into(),
                ..Post::new("x")
            },
            Post {
                tags: [b].into(),
                ..Post::new("y")
            },
        ]);
        Ok(())
    })?;
    let blog = Metadata::reflect(&f.outside)?;
    Ok([blog.records("posts")?, blog.records("tags")?])
}

fn all(session: &mut Session, records: &Records) -> Result<Vec<Handle<Record>>> {
    let id = records.column::<i64>("id")?;
    records.query().order_by(id.asc()).all(session)
}

fn tags_in_database(f: &Fixture) -> Result<Vec<String>> {
    let mut session = Session::new(&f.outside);
    let posts = Post::query().order_by(Post::ID.asc()).all(&mut session)?;
    let mut lines = Vec::new();
    for post in posts {
        let tags = session.load(post, Post::TAGS)?;
        let labels: Vec<&str> = tags.iter().map(|&tag| &*session[tag].label).collect();
        lines.push(format!("{} {}", session[post].title, labels.join(" ")));
    }
    Ok(lines)
}

#[test]
fn an_association_table_relates_both_its_ends() -> Result<()> {
    let f = Fixture::new()?;
    let shown = Metadata::reflect(&f.outside)?;
    assert_eq!(shown.diff(&f.outside)?, []);
    let relations = |table: &str| -> Result<Vec<String>> {
        let records = shown.records(table)?;
        let relations = records.relations();
        Ok(relations
            .map(|(name, to)| format!("{name}: {to}"))
            .collect())
    };
    assert_eq!(relations("posts")?, ["seats: seats", "tags: tags"]);
    assert_eq!(relations("tags")?, ["posts: posts", "sites: sites"]);
    assert_eq!(
        relations("sites")?,
        [
            "sites_by_source: sites",
            "sites_by_target: sites",
            "tags: tags"
        ]
    );
    assert!(relations("teams")?.contains(&"authors: authors".to_owned()));
    let error = shown.records("post_tags").expect_err("not mapped");
    assert!(error.message().contains("association table"), "{error}");
    Ok(())
}

#[test]
fn both_sides_change_at_once_and_the_difference_is_written() -> Result<()> {
    let mut f = Fixture::new()?;
    let [posts, tags] = blog(&f)?;
    let [x, y] = all(&mut f.session, &posts)?[..] else {
        panic!("two posts");
    };
    let [a, b] = all(&mut f.session, &tags)?[..] else {
        panic!("two tags");
    };
    assert_eq!(f.session.load(x, "tags")?, [a, b]);
    assert_eq!(f.session.load(b, "posts")?, [x, y]);
    let c = f.session.add(with(&tags, "label", "c"));
    f.forget();
    f.session.push(x, "tags", c)?;
    assert_eq!(f.session.load(c, "posts")?, [x]);
    f.session.remove(b, "posts", x)?;
    assert_eq!(f.session.load(x, "tags")?, [a, c]);
    assert_eq!(f.session.loaded(b, "posts")?, Some(vec![y]));
    f.sends(&[]);
    f.session.commit()?;
    f.sends(&[
        "DELETE FROM post_tags WHERE post_id = ? AND tag_id = ?",
        "INSERT INTO tags (label) 1",
        "INSERT INTO post_tags (post_id, tag_id) 1",
        "COMMIT",
    ]);
    assert_eq!(tags_in_database(&f)?, ["x c a", "y b"]);

    f.session.replace(y, "tags", [c, a])?;
    f.session.commit()?;
    assert_eq!(tags_in_database(&f)?, ["x c a", "y c a"]);
    f.session.delete(a)?;
    f.session.commit()?;
    assert_eq!(tags_in_database(&f)?, ["x c", "y c"]);
    let error = f
        .session
        .remove(x, "tags", b)
        .and_then(|()| f.session.flush());
    assert_eq!(error.expect_err("not there").kind(), ErrorKind::StaleData);
    f.session.rollback()?;
    f.session.load(x, "tags")?;
    let error = f
        .session
        .remove(x, "tags", b)
        .expect_err("known not to be there");
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    let error = f.session.push(x, "tags", y).expect_err("of another table");
    assert_eq!(error.kind(), ErrorKind::Mapping);
    Ok(())
}

#[test]
fn pairs_are_loaded_eagerly_joined_and_lazily() -> Result<()> {
    let mut f = Fixture::new()?;
    let [posts, tags] = blog(&f)?;
    let id = || posts.column::<i64>("id");
    let check = |load: Load<Record, Record>, statements: usize| -> Result<()> {
        let mut session = Session::new(&f.engine);
        f.forget();
        let found = posts
            .query()
            .with(load)
            .order_by(id()?.asc())
            .all(&mut session)?;
        assert_eq!(f.sent().len(), 1 + statements);
        let mut labels = Vec::new();
        for &post in &found {
            for tag in session.load(post, "tags")? {
                assert!(session.load(tag, "posts")?.contains(&post));
                labels.push(session[tag].get::<String>("label")?);
            }
        }
        assert_eq!(labels, ["a", "b", "b"]);
        f.sends(&[]);
        Ok(())
    };
    let of_posts = posts.relation::<Many>("tags")?;
    let of_tags = tags.relation::<Many>("posts")?;
    check(
        of_posts.clone().selectin().then(of_tags.clone().selectin()),
        3,
    )?;
    check(of_posts.joined().then(of_tags.joined()), 1)?;
    let label = || tags.column::<String>("label");
    let joined = posts.query().join("tags").filter(label()?.eq("a"));
    assert_eq!(joined.count(&mut f.session)?, 1);
    let both = posts.query().join("tags").filter(label()?.le("b"));
    assert_eq!(both.all(&mut f.session)?.len(), 2);
    let having = |label: &str| -> Result<u64> {
        let condition = posts.any("tags", tags.equals("label", label)?)?;
        posts
            .query()
            .filter(condition)
            .count(&mut Session::new(&f.outside))
    };
    assert_eq!((having("a")?, having("b")?, having("c")?), (1, 2, 0));
    Ok(())
}

#[test]
fn records_of_one_table_are_paired_from_both_sides() -> Result<()> {
    let mut f = Fixture::new()?;
    let sites = Metadata::reflect(&f.outside)?.records("sites")?;
    let [a, b] = ["a", "b"].map(|name| f.session.add(with(&sites, "name", name)));
    f.session.push(a, "sites_by_source", b)?;
    assert_eq!(f.session.load(b, "sites_by_target")?, [a]);
    f.session.commit()?;
    let mut session = Session::new(&f.outside);
    let a = sites.get(&mut session, "a")?.expect("a site");
    let linked = session.load(a, "sites_by_source")?;
    assert_eq!(session[linked[0]].get::<String>("name")?, "b");
    assert_eq!(session.load(a, "sites_by_target")?, []);
    Ok(())
}

#[test]
fn pairs_have_keys_of_several_columns() -> Result<()> {
    let mut f = Fixture::new()?;
    let blog = Metadata::reflect(&f.outside)?;
    let (posts, seats) = (blog.records("posts")?, blog.records("seats")?);
    let post = f.session.add(with(&posts, "title", "x"));
    let mut seat = with(&seats, "place", "a");
    seat.set("row", 1)?;
    seat.set("taken", true)?;
    let seat = f.session.add(seat);
    f.session.push(seat, "posts", post)?;
    f.session.commit()?;
    let mut session = Session::new(&f.outside);
    let seat = seats.get(&mut session, (1, "a"))?.expect("a seat");
    let post = session.load(seat, "posts")?[0];
    assert_eq!(session.load(post, "seats")?, [seat]);
    session.delete(seat)?;
    session.commit()?;
    assert_eq!(session.load(post, "seats")?, []);
    Ok(())
}

#[test]
fn to_one_relations_are_set_and_cleared() -> Result<()> {
    let mut f = Fixture::new()?;
    let shown = Metadata::reflect(&f.outside)?;
    let (authors, books) = (shown.records("authors")?, shown.records("books")?);
    let [ann, bob] = ["ann", "bob"].map(|name| f.session.add(with(&authors, "name", name)));
    let book = f.session.add(with(&books, "title", "t"));
    f.session.replace(book, "author", [ann])?;
    assert_eq!(f.session.load(ann, "books")?, [book]);
    let error = f.session.remove(book, "author", bob).expect_err("another");
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    let error = f
        .session
        .replace(book, "author", [ann, bob])
        .expect_err("two");
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    f.session.replace(book, "author", [bob])?;
    f.session.commit()?;
    assert_eq!(f.session[book].get::<i64>("author_id")?, 2);
    f.session.remove(book, "author", bob)?;
    assert_eq!(f.session.load(bob, "books")?, []);
    f.session.commit()?;
    assert_eq!(f.session[book].get::<Option<i64>>("author_id")?, None);
    let error = f.session.loaded(book, "author").expect_err("no collection");
    assert_eq!(error.kind(), ErrorKind::Mapping);

    let (people, passports) = (shown.records("people")?, shown.records("passports")?);
    let ann = f.session.add(with(&people, "name", "ann"));
    let [old, new] = ["1", "2"].map(|number| f.session.add(with(&passports, "number", number)));
    f.session.push(ann, "passports", old)?;
    f.session.commit()?;
    f.session.replace(ann, "passports", [new])?;
    f.session.commit()?;
    assert_eq!(f.session[old].get::<Option<i64>>("person_id")?, None);
    assert_eq!(f.session.load(new, "person")?, [ann]);
    Ok(())
}

fn racks() -> Table {
    Table::build("racks")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
        .column(Column::new("label", ColumnType::Text { length: None }))
        .primary_key(["id"])
}

fn crates() -> Table {
    Table::build("crates")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
        .column(Column::new("label", ColumnType::Text { length: None }))
        .column(Column::new("rack_id", ColumnType::I64).nullable())
        .primary_key(["id"])
        .foreign_key(["rack_id"], "racks", ["id"])
}

fn down() -> Result<RecordRelation> {
    Ok(RecordRelation::has_many("content", "crates")
        .key(["rack_id"])
        .back_populates("place")
        .cascade(Cascade::parse("all, delete-orphan")?)
        .order_by(["label desc"])
        .fetch(Fetch::Selectin))
}

fn up() -> RecordRelation {
    RecordRelation::belongs_to("place", "racks").back_populates("content")
}

#[test]
fn declared_relations_replace_those_of_foreign_keys() -> Result<()> {
    let mut f = Fixture::new()?;
    let owners = RecordRelation::many_to_many("keepers", "keepers");
    let keepers = Table::build("keepers")
        .column(Column::new("name", ColumnType::Text { length: None }))
        .primary_key(["name"]);
    let metadata = RecordTables::new([racks(), crates(), keepers])
        .relation("racks", down()?)
        .relation("crates", up())
        .relation(
            "racks",
            owners.secondary("rack_keepers", ["rack_id", "keeper"]),
        )
        .metadata()?;
    let names: Vec<&str> = metadata.table_names().collect();
    assert_eq!(names, ["racks", "crates", "keepers", "rack_keepers"]);
    metadata.create_all(&f.outside)?;
    let [racks, crates] = ["racks", "crates"].map(|name| metadata.records(name));
    let (racks, crates) = (racks?, crates?);
    let names: Vec<&str> = racks.relations().map(|(name, _)| name).collect();
    assert_eq!(names, ["content", "keepers"]);

    let rack = f.session.add(with(&racks, "label", "r"));
    let [a, b] = ["a", "b"].map(|label| f.session.add(with(&crates, "label", label)));
    f.session.replace(rack, "content", [a, b])?;
    let keeper = f
        .session
        .add(with(&metadata.records("keepers")?, "name", "kim"));
    f.session.push(rack, "keepers", keeper)?;
    f.session.commit()?;
    f.session.clear();
    f.forget();
    let rack = racks.get(&mut f.session, 1)?.expect("a rack");
    f.sends(&[
        "BEGIN",
        "SELECT racks WHERE id = ?",
        "SELECT crates WHERE rack_id = ? ORDER BY label DESC, id",
    ]);
    let content = f.session.load(rack, "content")?;
    let labels: Result<Vec<String>> = content.iter().map(|&c| f.session[c].get("label")).collect();
    assert_eq!(labels?, ["b", "a"]);
    f.sends(&[]);
    f.session.remove(rack, "content", content[0])?;
    f.session.commit()?;
    assert_eq!(
        crates.query().count(&mut f.session)?,
        1,
        "an orphan is deleted"
    );
    assert_eq!(f.session.load(rack, "keepers")?.len(), 1);
    f.session.delete(rack)?;
    f.session.commit()?;
    assert_eq!(
        crates.query().count(&mut f.session)?,
        0,
        "it goes with its rack"
    );
    Ok(())
}

#[test]
fn inconsistent_declarations_are_refused() -> Result<()> {
    let error = |tables: RecordTables| -> Error { tables.metadata().expect_err("does not fit") };
    let tables = || RecordTables::new([racks(), crates()]);
    let check = |tables: RecordTables, text: &str| {
        let error = error(tables);
        assert_eq!(error.kind(), ErrorKind::Mapping);
        assert!(error.to_string().contains(text), "{error}");
    };
    check(
        tables().relation("shelf", up()),
        "shelf is not a listed table",
    );
    let to_nothing = RecordRelation::has_many("content", "boxes");
    check(
        tables().relation("racks", to_nothing),
        "boxes is not a listed table",
    );
    check(
        tables().relation("racks", down()?),
        "racks.content back-populates crates.place, which is not a relation",
    );
    check(
        tables().relation("racks", RecordRelation::has_many("label", "crates")),
        "a column or another relation named label",
    );
    check(
        tables().relation("racks", RecordRelation::many_to_many("all", "crates")),
        "racks.all has no association table",
    );
    let backwards = RecordRelation::belongs_to("content", "crates");
    check(
        tables().relation("racks", backwards),
        "table racks has no foreign key that references crates",
    );
    Ok(())
}
