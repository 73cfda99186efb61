//! Eager loading of relations of records, by name.

use selfsame::entity::{Dynamic, Many, One};
use selfsame::prelude::*;
use selfsame::query::Query;
use selfsame::record::{Record, RecordRelation, RecordTables, Records};
use selfsame::schema::{Column, ColumnType, Table};
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::Fixture;
use crate::record_queries::{shop, titles};

/// Albums with their tracks and marks as text, loading each relation.
fn graph(session: &mut Session, found: &[Handle<Record>]) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for &album in found {
        let mut line: String = session[album].get("title")?;
        for track in session.load(album, "tracks")? {
            assert_eq!(session.load(track, "album")?, [album]);
            line += &format!(" {}", session[track].get::<String>("title")?);
            for mark in session.load(track, "marks")? {
                line += &format!("/{}", session[mark].get::<i32>("second")?);
            }
        }
        lines.push(line);
    }
    Ok(lines)
}

#[test]
fn graphs_are_equal_however_they_are_loaded() -> Result<()> {
    type Narrowed = Result<Query<Record>>;
    let check =
        |load: &dyn Fn([Records; 2], Query<Record>) -> Narrowed, query: usize, later: usize| {
            let mut f = Fixture::new()?;
            let shop = shop(&f)?;
            let (albums, tracks) = (shop.records("albums")?, shop.records("tracks")?);
            let id = albums.column::<i64>("id")?;
            let all = albums.query().order_by(id.asc());
            let found = load([albums, tracks], all)?.all(&mut f.session)?;
            // The first is BEGIN.
            let sent = f.sent();
            assert_eq!(sent.len(), 1 + query, "{sent:#?}");
            let expected = ["a a1/1 a2/2", "b b1/1 b2/2", "c c1/1 c2/2", "d"];
            assert_eq!(graph(&mut f.session, &found)?, expected);
            let sent = f.sent();
            assert_eq!(sent.len(), later, "{sent:#?}");
            Ok::<(), Error>(())
        };
    let tracks = |albums: &Records| albums.relation::<Many>("tracks");
    let marks = |tracks: &Records| tracks.relation::<Many>("marks");
    check(&|_, query| Ok(query), 1, 4 + 6)?;
    check(&|_, query| Ok(query.with("tracks")), 2, 6)?;
    check(&|_, query| Ok(query.with("tracks.marks")), 3, 0)?;
    check(
        &|[a, t], query| Ok(query.with(tracks(&a)?.selectin().then(marks(&t)?.selectin()))),
        3,
        0,
    )?;
    check(
        &|_, query| Ok(query.with("tracks.marks").with("tracks.album")),
        3,
        0,
    )?;
    check(
        &|[a, t], query| Ok(query.with(tracks(&a)?.joined().then(marks(&t)?.joined()))),
        1,
        0,
    )?;
    check(
        &|[a, t], query| Ok(query.with(tracks(&a)?.joined().then(marks(&t)?.selectin()))),
        2,
        0,
    )?;
    check(
        &|[a, _], query| Ok(query.with(tracks(&a)?.joined()).with("tracks.marks")),
        2,
        0,
    )?;
    check(
        &|[a, _], query| Ok(query.with("tracks").with(tracks(&a)?.lazy())),
        1,
        4 + 6,
    )?;
    check(
        &|[a, t], query| Ok(query.with(tracks(&a)?.selectin().then(marks(&t)?.lazy()))),
        2,
        6,
    )
}

#[test]
fn a_limit_counts_records_and_not_joined_rows() -> Result<()> {
    let mut f = Fixture::new()?;
    let albums = shop(&f)?.records("albums")?;
    let id = albums.column::<i64>("id")?;
    let query = albums.query().order_by(id.asc()).limit(2);
    let found = query
        .with(albums.relation::<Many>("tracks")?.joined())
        .all(&mut f.session)?;
    assert_eq!(titles(&f.session, &found), ["a", "b"]);
    f.forget();
    for album in found {
        assert_eq!(f.session.loaded(album, "tracks")?.map(|t| t.len()), Some(2));
    }
    f.sends(&[]);
    Ok(())
}

#[test]
fn a_part_of_a_collection_is_a_view_beside_it() -> Result<()> {
    let mut f = Fixture::new()?;
    let shop = shop(&f)?;
    let (albums, tracks) = (shop.records("albums")?, shop.records("tracks")?);
    let title = || tracks.column::<String>("title");
    let second = albums
        .relation::<Many>("tracks")?
        .filter(title()?.ends_with("2"));
    let query = albums
        .query()
        .with(second.then(tracks.relation::<Many>("marks")?.selectin()))
        .limit(2);
    let found = query
        .order_by(albums.column::<i64>("id")?.asc())
        .all(&mut f.session)?;
    assert_eq!(f.sent().len(), 1 + 3);
    let view = f.session.filtered(found[1], "tracks")?.expect("a view");
    assert_eq!(titles(&f.session, &view), ["b2"]);
    assert_eq!(f.session.load(view[0], "marks")?.len(), 1);
    assert_eq!(f.session.loaded(found[1], "tracks")?, None);
    f.sends(&[]);
    assert_eq!(f.session.load(found[1], "tracks")?.len(), 2);
    let last = albums
        .relation::<Many>("tracks")?
        .filter(true)
        .order_by(title()?.desc())
        .limit(1);
    let found = albums
        .query()
        .with(last)
        .with("tracks")
        .all(&mut f.session)?;
    let view = f.session.filtered(found[0], "tracks")?.expect("a view");
    assert_eq!(titles(&f.session, &view), ["a2"]);
    assert_eq!(
        f.session.loaded(found[0], "tracks")?.map(|all| all.len()),
        Some(2)
    );
    // Not for a to-one relation, nor for another table.
    for (records, load) in [
        (&tracks, tracks.relation::<Dynamic>("album")?.filter(true)),
        (&albums, tracks.relation::<Dynamic>("marks")?.filter(true)),
    ] {
        let wrong = records.query().with(load);
        let error = wrong.all(&mut Session::new(&f.outside));
        assert_eq!(error.expect_err("refused").kind(), ErrorKind::Mapping);
    }
    let wrong = tracks.relation::<One>("album")?.selectin();
    let wrong = albums
        .relation::<Many>("tracks")?
        .selectin()
        .then(wrong.then(tracks.relation::<Many>("marks")?.selectin()));
    let error = albums.query().with(wrong).all(&mut f.session);
    assert_eq!(error.expect_err("refused").kind(), ErrorKind::Mapping);
    Ok(())
}

#[test]
fn forbidden_lazy_loads_are_refused() -> Result<()> {
    let mut f = Fixture::new()?;
    let albums = shop(&f)?.records("albums")?;
    let refused = |session: &mut Session, owner, relation: &str| {
        let error = session.load(owner, relation).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::NotLoaded);
    };
    let found = albums
        .query()
        .with(albums.relation::<Many>("tracks")?.raise())
        .all(&mut f.session)?;
    refused(&mut f.session, found[0], "tracks");
    let found = albums
        .query()
        .with(albums.relation::<Many>("tracks")?.lazy())
        .all(&mut f.session)?;
    assert_eq!(f.session.load(found[0], "tracks")?.len(), 2);
    f.session.clear();
    let found = albums.query().raise_all().all(&mut f.session)?;
    refused(&mut f.session, found[0], "tracks");
    Ok(())
}

#[test]
fn a_foreign_key_may_be_narrower_than_the_key() -> Result<()> {
    let mut f = Fixture::new()?;
    let int = |name: &str, ty| Column::new(name, ty);
    let parents = Table::build("wide")
        .column(int("id", ColumnType::I64))
        .primary_key(["id"]);
    let children = Table::build("narrow")
        .column(int("id", ColumnType::I64))
        .column(int("wide_id", ColumnType::I32).nullable())
        .primary_key(["id"])
        .foreign_key(["wide_id"], "wide", ["id"]);
    let of_wide = RecordRelation::belongs_to("parent", "wide").back_populates("children");
    let of_narrow = RecordRelation::has_many("children", "narrow").back_populates("parent");
    let tables = RecordTables::new([parents, children])
        .relation("narrow", of_wide)
        .relation("wide", of_narrow)
        .metadata()?;
    tables.create_all(&f.outside)?;
    let (wide, narrow) = (tables.records("wide")?, tables.records("narrow")?);
    // Keys that are far apart are not indexes of a list.
    let keys = [-5, 3, 70_000, 2_000_000_000];
    // A child before its parent, which is found by the value of its column.
    for (id, key) in (1..).zip(keys) {
        let mut child = narrow.record();
        child.set("id", id)?;
        child.set("wide_id", key)?;
        f.session.add(child);
        let mut parent = wide.record();
        parent.set("id", key)?;
        f.session.add(parent);
    }
    f.session.commit()?;
    f.session.clear();
    f.forget();
    let all = narrow.query().with("parent").all(&mut f.session)?;
    assert_eq!(f.sent().len(), 3, "BEGIN, the children and their parents");
    for child in all {
        let parent = f.session.load(child, "parent")?;
        let key = f.session[parent[0]].get::<i64>("id")?;
        assert_eq!(i64::from(f.session[child].get::<i32>("wide_id")?), key);
    }
    f.sends(&[]);
    let parents = wide.query().with("children").all(&mut f.session)?;
    assert_eq!(f.sent().len(), 2, "the parents and their children");
    for parent in parents {
        assert_eq!(f.session.load(parent, "children")?.len(), 1);
    }
    f.sends(&[]);
    Ok(())
}
