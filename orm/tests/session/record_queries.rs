//! Queries for records: joins, groups, projections, and bulk writes.

use selfsame::entity::Many;
use selfsame::prelude::*;
use selfsame::query::Query;
use selfsame::record::{Record, Records};
use selfsame::sql::{count, max};
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{Album, Fixture, Mark, Node, Seat, Track};

/// Three albums of two tracks with a mark each, and an empty fourth one; with reflected mappings.
pub(crate) fn shop(f: &Fixture) -> Result<Metadata> {
    f.in_another_session(|session| {
        for name in ["a", "b", "c"] {
            let track = |number: i32| Track {
                marks: [Mark::new(number, 0)].into(),
                ..Track::new(format!("{name}{number}"), 0)
            };
            session.add(Album {
                tracks: [track(1), track(2)].into(),
                ..Album::new(name)
            });
        }
        session.add(Album::new("d"));
        Ok(())
    })?;
    Metadata::reflect(&f.outside)
}

pub(crate) fn titles(session: &Session, found: &[Handle<Record>]) -> Vec<String> {
    let title = |&handle: &Handle<Record>| session[handle].get::<String>("title");
    found
        .iter()
        .map(|handle| title(handle).expect("a title"))
        .collect()
}

#[test]
fn unknown_names_are_reported() -> Result<()> {
    let mut f = Fixture::new()?;
    let shop = shop(&f)?;
    let (albums, tracks) = (shop.records("albums")?, shop.records("tracks")?);
    let mut check = |query: Query<Record>, text: &str| {
        f.forget();
        let error = query.all(&mut f.session).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Mapping, "{error}");
        assert!(error.message().contains(text), "{error}");
        f.sends(&[]);
    };
    check(
        albums.query().with("track"),
        "the table albums has no relation `track`",
    );
    check(
        albums.query().with("tracks.mark"),
        "the table tracks has no relation `mark`",
    );
    check(
        albums.query().with("tracks."),
        "the table tracks has no relation ``",
    );
    check(
        albums.query().join("mark"),
        "the table albums has no relation `mark`",
    );
    check(
        albums
            .query()
            .join("tracks")
            .join_as("tracks", &albums.alias("x")),
        "x is an alias of albums, not of tracks",
    );
    check(
        tracks.query().join("album.tracks"),
        "the query uses tracks already",
    );
    let error = albums.query().all(&mut f.session).map(drop);
    assert!(error.is_ok(), "the session goes on");
    let title = tracks.column::<String>("title")?;
    let query = albums.query().filter(title.eq("a1"));
    let error = query.all(&mut f.session).expect_err("not joined");
    assert_eq!(error.kind(), ErrorKind::InvalidStatement);
    let kind = |result: Result<_>| result.map(drop).map_err(|error: Error| error.kind());
    assert_eq!(kind(albums.has("tracks", true)), Err(ErrorKind::Mapping));
    assert_eq!(kind(tracks.any("album", true)), Err(ErrorKind::Mapping));
    assert_eq!(kind(tracks.any("albums", true)), Err(ErrorKind::Mapping));
    assert_eq!(kind(tracks.equals("title", 1)), Err(ErrorKind::Conversion));
    Ok(())
}

#[test]
fn joined_tables_filter_and_order() -> Result<()> {
    let mut f = Fixture::new()?;
    let shop = shop(&f)?;
    let [albums, tracks, marks] = ["albums", "tracks", "marks"].map(|name| shop.records(name));
    let (albums, tracks, marks) = (albums?, tracks?, marks?);
    let title = || tracks.column::<String>("title");
    let mut found = |query: Query<Record>| -> Result<Vec<String>> {
        let found = query.all(&mut f.session)?;
        assert_eq!(query.count(&mut f.session)?, found.len() as u64);
        Ok(titles(&f.session, &found))
    };
    let joined = || albums.query().join("tracks");
    assert_eq!(found(joined().order_by(title()?.desc()))?, ["c", "b", "a"]);
    assert_eq!(found(joined().filter(title()?.ends_with("a2")))?, ["a"]);
    assert_eq!(
        found(
            albums
                .query()
                .left_join("tracks")
                .filter(title()?.is_null())
        )?,
        ["d"]
    );
    let second = marks.column::<i32>("second")?;
    let deep = joined()
        .join("tracks.marks")
        .filter(second.eq(2).and(title()?.lt("b3")))
        .order_by(title()?.asc());
    assert_eq!(found(deep.clone())?, ["a", "b"]);
    assert_eq!(found(deep.with("tracks").limit(1).offset(1))?, ["b"]);
    let many = joined()
        .having(count(title()?).gt(1))
        .order_by(albums.column::<i64>("id")?.asc());
    assert_eq!(found(many)?, ["a", "b", "c"]);
    let parents = tracks
        .query()
        .join("album")
        .filter(albums.equals("title", "b")?);
    assert_eq!(found(parents.order_by(title()?.asc()))?, ["b1", "b2"]);
    Ok(())
}

#[test]
fn a_table_is_joined_to_itself_under_another_name() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|session| {
        let leaf = |label: &str| Node::new(label);
        session.add(Node {
            children: [Node {
                children: [leaf("x"), leaf("y")].into(),
                ..Node::new("branch")
            }]
            .into(),
            ..Node::new("root")
        });
        Ok(())
    })?;
    let nodes = Metadata::reflect(&f.outside)?.records("nodes")?;
    let label = nodes.column::<String>("label")?;
    let names: Vec<&str> = nodes.relations().map(|(name, _)| name).collect();
    assert_eq!(names, ["parent", "nodes_by_parent"]);
    let (above, top) = (nodes.alias("above"), nodes.alias("top"));
    let query = nodes
        .query()
        .join_as("parent", &above)
        .join_as("parent.parent", &top)
        .filter(above.column::<String>("label")?.eq("branch"))
        .filter(top.column::<String>("label")?.eq("root"))
        .order_by(label.clone().asc());
    let found = query.all(&mut f.session)?;
    let labels: Result<Vec<String>> = found.iter().map(|&n| f.session[n].get("label")).collect();
    assert_eq!(labels?, ["x", "y"]);
    let query = |condition| {
        nodes
            .query()
            .filter(condition)
            .count(&mut Session::new(&f.outside))
    };
    assert_eq!(
        query(nodes.any("nodes_by_parent", nodes.equals("label", "x")?)?)?,
        1
    );
    assert_eq!(
        query(nodes.has("parent.parent", nodes.equals("label", "root")?)?)?,
        2
    );
    assert_eq!(query(nodes.has("parent", true)?)?, 3);
    assert_eq!(
        query(!nodes.any("nodes_by_parent.nodes_by_parent", true)?)?,
        3
    );
    assert_eq!(query(nodes.equals("parent_id", None::<i64>)?)?, 1);
    Ok(())
}

#[test]
fn columns_and_aggregates_are_read_in_groups() -> Result<()> {
    let mut f = Fixture::new()?;
    let shop = shop(&f)?;
    let (albums, tracks) = (shop.records("albums")?, shop.records("tracks")?);
    let title = || albums.column::<String>("title");
    let report = albums
        .query()
        .left_join("tracks")
        .order_by(title()?.asc())
        .select((
            title()?,
            count(tracks.column::<i64>("id")?),
            max(tracks.column::<String>("title")?),
        ))
        .group_by(title()?)
        .all(&mut f.session)?;
    let line =
        |title: &str, count, last: Option<&str>| (title.to_owned(), count, last.map(str::to_owned));
    let expected = [
        line("a", 2, Some("a2")),
        line("b", 2, Some("b2")),
        line("c", 2, Some("c2")),
        line("d", 0, None),
    ];
    assert_eq!(report, expected);
    Ok(())
}

#[test]
fn plain_records_are_not_tracked() -> Result<()> {
    let mut f = Fixture::new()?;
    let albums = shop(&f)?.records("albums")?;
    let query = albums.query().order_by(albums.column::<i64>("id")?.asc());
    let rows = query.rows(&mut f.session)?;
    assert_eq!(rows.len(), 4);
    let mut seen = 0;
    let stopped = query.for_each(&mut f.session, |row| {
        assert_eq!(row, rows[seen]);
        seen += 1;
        match seen {
            2 => Err(Error::new(ErrorKind::InvalidState, "enough")),
            _ => Ok(()),
        }
    });
    assert_eq!(
        (stopped.expect_err("stopped").message(), seen),
        ("enough", 2)
    );
    f.forget();
    assert!(albums.get(&mut f.session, 1)?.is_some());
    f.sends(&["SELECT albums WHERE id = ?"]);
    assert!(query.exists(&mut f.session)?);
    let none = albums.query().filter(albums.equals("title", "z")?);
    assert!(!none.exists(&mut f.session)?);
    assert_eq!(none.one_or_none(&mut f.session)?, None);
    let error = none.one(&mut f.session).expect_err("none");
    assert_eq!(error.kind(), ErrorKind::NoRow);
    Ok(())
}

#[test]
fn records_are_got_by_many_keys_in_one_statement() -> Result<()> {
    let mut f = Fixture::new()?;
    let shop = shop(&f)?;
    let albums = shop.records("albums")?;
    let known = albums.get(&mut f.session, 2)?.expect("an album");
    f.forget();
    let found = albums.get_many(&mut f.session, [3, 9, 2, 1])?;
    f.sends(&["SELECT albums WHERE id IN (?, ?, ?, ?)"]);
    assert_eq!(titles(&f.session, &found), ["c", "b", "a"]);
    assert_eq!(found[1], known);
    assert_eq!(
        albums.get_many(&mut f.session, [1_i16, 2])?,
        [found[2], known]
    );
    f.sends(&[]);
    f.session.commit()?;
    f.in_another_session(|session| {
        let seat = |place: &str| Seat::new(1, place, false);
        session.add_all([seat("a"), seat("b")]);
        Ok(())
    })?;
    let seats = shop.records("seats")?;
    let found = seats.get_many(&mut f.session, [(1, "b"), (1, "a")])?;
    assert_eq!(f.session[found[0]].get::<String>("place")?, "b");
    f.session.commit()?;
    f.in_another_session(|session| Seat::query().delete().execute(session))?;
    assert_eq!(seats.get_many(&mut f.session, [(1, "a")])?, []);
    Ok(())
}

#[test]
fn many_rows_are_written_by_one_statement() -> Result<()> {
    let mut f = Fixture::new()?;
    let shop = shop(&f)?;
    let (marks, tracks) = (shop.records("marks")?, shop.records("tracks")?);
    let first = marks.get(&mut f.session, 1)?.expect("a mark");
    let second = || marks.column::<i32>("second");
    f.forget();
    let update = marks.query().filter(second()?.eq(1)).update();
    let changed = update
        .set(second()?, second()? + 10)
        .execute(&mut f.session)?;
    assert_eq!(changed, 3);
    f.sends(&["UPDATE marks SET second = second + ? WHERE second = ?"]);
    assert!(f.session.is_expired(first)?);
    marks.get(&mut f.session, 1)?;
    assert_eq!(f.session[first].get::<i32>("second")?, 11);
    let of_a = marks
        .query()
        .join("track")
        .filter(tracks.column::<String>("title")?.lt("b"));
    assert_eq!(
        of_a.update()
            .set_named("second", 7_i64)
            .execute(&mut f.session)?,
        2
    );
    let gone = marks.query().filter(marks.equals("second", 7)?).delete();
    assert_eq!(gone.execute(&mut f.session)?, 2);
    assert_eq!(f.session.state(first), State::Deleted);
    f.session.rollback()?;
    assert_eq!(f.session.state(first), State::Persistent);
    let wrong = |column: &str, value: &str| {
        let update = marks.query().update().set_named(column, value);
        let error = update
            .execute(&mut Session::new(&f.outside))
            .expect_err("refused");
        (error.kind(), error.column_name().map(str::to_owned))
    };
    let named = |column: &str| Some(column.to_owned());
    assert_eq!(
        wrong("second", "x"),
        (ErrorKind::Conversion, named("second"))
    );
    assert_eq!(wrong("minute", "x"), (ErrorKind::Mapping, named("minute")));
    Ok(())
}

#[test]
fn plain_records_are_inserted_together() -> Result<()> {
    let mut f = Fixture::new()?;
    let shop = shop(&f)?;
    let (albums, tracks) = (shop.records("albums")?, shop.records("tracks")?);
    let row = |records: &Records, title: &str| -> Result<Record> {
        let mut record = records.record();
        record.set("title", title)?;
        Ok(record)
    };
    let rows = ["x", "y", "z"].map(|title| row(&albums, title));
    let rows: Result<Vec<Record>> = rows.into_iter().collect();
    f.forget();
    assert_eq!(f.session.insert_all(rows?)?, 3);
    f.session.commit()?;
    f.sends(&["BEGIN IMMEDIATE", "INSERT INTO albums (title) 3", "COMMIT"]);
    f.holds::<Album>(7);
    let mixed = [row(&albums, "a")?, row(&tracks, "t")?];
    let other = f.session.insert_all(mixed);
    assert_eq!(
        other.expect_err("of another table").kind(),
        ErrorKind::Mapping
    );
    Ok(())
}

#[test]
fn a_relation_of_records_can_raise() -> Result<()> {
    let mut f = Fixture::new()?;
    let shop = shop(&f)?;
    let (albums, tracks) = (shop.records("albums")?, shop.records("tracks")?);
    let of_albums = albums.relation::<Many>("tracks")?.selectin();
    let found = albums
        .query()
        .with(of_albums.then(tracks.relation::<Many>("marks")?.raise()))
        .all(&mut f.session)?;
    let track = f.session.load(found[0], "tracks")?[0];
    let error = f.session.load(track, "marks").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotLoaded);
    assert!(error.to_string().contains("marks"), "{error}");
    Ok(())
}

#[test]
fn pages_begin_after_the_last_record_of_the_previous_page() -> Result<()> {
    let mut f = Fixture::new()?;
    let tracks = shop(&f)?.records("tracks")?;
    let query = || -> Result<Query<Record>> {
        let title = tracks.column::<String>("title")?;
        let id = tracks.column::<i64>("id")?;
        Ok(tracks.query().order_by(title.desc()).order_by(id.asc()))
    };
    let page = query()?.after(("b2", 4_i64)).limit(2).all(&mut f.session)?;
    assert_eq!(titles(&f.session, &page), ["b1", "a2"]);
    let error = query()?
        .after(("b2",))
        .all(&mut f.session)
        .expect_err("one is missing");
    assert_eq!(error.kind(), ErrorKind::InvalidStatement);
    Ok(())
}

#[test]
fn the_database_computes_columns_of_records() -> Result<()> {
    let mut f = Fixture::new()?;
    let shop = shop(&f)?;
    let (marks, tracks) = (shop.records("marks")?, shop.records("tracks")?);
    let mark = marks.get(&mut f.session, 1)?.expect("a mark");
    let next = || marks.column::<i32>("second").map(|second| second + 10);
    f.forget();
    let second = || marks.column::<i32>("second");
    f.session.set_expr(mark, second()?, next()?)?;
    assert_eq!(f.session.dirty::<Record>(), [mark]);
    f.session.flush()?;
    f.sends(&["UPDATE marks SET second = second + ? WHERE id = ?"]);
    marks.get(&mut f.session, 1)?;
    assert_eq!(f.session[mark].get::<i32>("second")?, 11);
    let kind = |result: Result<()>| result.expect_err("refused").kind();
    let id = || marks.column::<i64>("id");
    assert_eq!(
        kind(f.session.set_expr(mark, id()?, id()?)),
        ErrorKind::InvalidState
    );
    let of_another = || tracks.column::<i64>("album_id");
    assert_eq!(
        kind(f.session.set_expr(mark, of_another()?, id()?)),
        ErrorKind::Mapping
    );
    assert_eq!(
        kind(f.session.set_expr(mark, id()? + 1, id()?)),
        ErrorKind::Mapping
    );
    let track = marks.column::<i64>("track_id")?;
    f.session.set_expr(mark, track, of_another()?)?;
    assert_eq!(kind(f.session.flush()), ErrorKind::InvalidStatement);
    Ok(())
}

#[test]
fn a_relation_joined_twice_omits_records_if_one_join_does() -> Result<()> {
    let mut f = Fixture::new()?;
    let shop = shop(&f)?;
    let albums = shop.records("albums")?;
    let mut found = |query: Query<Record>| -> Result<Vec<String>> {
        let id = albums.column::<i64>("id")?;
        let found = query.order_by(id.asc()).all(&mut f.session)?;
        Ok(titles(&f.session, &found))
    };
    let left = || albums.query().left_join("tracks");
    assert_eq!(found(left())?, ["a", "b", "c", "d"]);
    assert_eq!(
        found(left().left_join("tracks.marks"))?,
        ["a", "b", "c", "d"]
    );
    for inner in [
        left().join("tracks"),
        left().left_join("tracks.marks").join("tracks"),
        left().left_join("tracks.marks").join("tracks.marks"),
        albums.query().join("tracks").left_join("tracks"),
    ] {
        assert_eq!(found(inner)?, ["a", "b", "c"]);
    }
    Ok(())
}
