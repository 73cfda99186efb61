//! Views and read-only tables.

use selfsame::ErrorKind;
use selfsame::backend::{Sql, StatementKind};
use selfsame::metadata::Difference;
use selfsame::prelude::*;
use selfsame::schema::Table;
use selfsame::sql::{count, sum};
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "workers")]
struct Worker {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    #[orm(back_populates = worker)]
    totals: HasMany<Total>,
    #[orm(back_populates = worker, cascade = "all")]
    shifts: HasMany<Shift>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "shifts")]
struct Shift {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "workers.id")]
    worker_id: i64,
    day: i32,
    hours: i64,
    #[orm(back_populates = shifts)]
    worker: BelongsTo<Worker>,
}

/// A view with a declared key and relations.
#[derive(Entity, Clone, Debug)]
#[orm(table = "totals", view)]
struct Total {
    #[orm(primary_key)]
    worker_id: i64,
    #[orm(primary_key)]
    day: i32,
    #[orm(references = "workers.id", column = "of")]
    of: Option<i64>,
    hours: i64,
    #[orm(back_populates = totals, key = "of")]
    worker: BelongsTo<Worker>,
}

/// A table without a primary key.
#[derive(Entity, Clone, Debug, PartialEq)]
#[orm(table = "lines", read_only, index(level))]
struct Line {
    text: Option<String>,
    level: i32,
}

fn metadata() -> Metadata {
    metadata![Worker, Shift, Total, Line]
}

fn opened() -> selfsame::Result<(Engine, Session)> {
    let engine = Engine::new(Sqlite::memory());
    metadata().create_all(&engine)?;
    metadata().create_all(&engine)?;
    let view = "CREATE VIEW totals AS SELECT worker_id, day, worker_id AS \"of\", sum(hours) AS hours \
                FROM shifts GROUP BY worker_id, day";
    let mut connected = engine.connect()?;
    connected.execute(&Sql::new(StatementKind::Ddl, view, [], []), &[])?;
    let lines = "INSERT INTO lines VALUES ('a', 1), ('a', 1), (NULL, 2)";
    connected.execute(&Sql::new(StatementKind::Raw, lines, [], []), &[])?;
    drop(connected);
    let mut session = Session::new(&engine);
    for (name, shifts) in [
        ("ann", [(1, 4), (1, 3), (2, 8)]),
        ("bob", [(1, 1), (1, 1), (2, 2)]),
    ] {
        let worker = session.add(Worker::new(name));
        for (day, hours) in shifts {
            let shift = session.add(Shift::new(0, day, hours));
            session.set(shift, Shift::WORKER, worker)?;
        }
    }
    session.commit()?;
    Ok((engine, session))
}

#[test]
fn a_view_is_read_as_a_table_is() -> selfsame::Result<()> {
    let (engine, mut session) = opened()?;
    let total = session.get::<Total>((1, 1))?.expect("is there");
    assert_eq!(session[total].hours, 7);
    let worker = session.load(total, Total::WORKER)?.expect("has one");
    assert_eq!(session[worker].name, "ann");
    assert_eq!(session.load(worker, Worker::TOTALS)?.len(), 2);
    let workers = Worker::query()
        .with(Worker::TOTALS.selectin())
        .filter(Worker::TOTALS.any(Total::HOURS.gt(7)))
        .all(&mut session)?;
    assert_eq!(workers, [worker]);
    let joined = Total::query()
        .with(Total::WORKER.joined())
        .order_by(Total::HOURS.desc())
        .all(&mut session)?;
    assert_eq!(joined.len(), 4);
    let hours = Total::query()
        .join(Total::WORKER)
        .select((Worker::NAME, sum(Total::HOURS)))
        .group_by(Worker::NAME)
        .order_by(Worker::NAME.asc())
        .all(&mut session)?;
    assert_eq!(
        hours,
        [("ann".to_owned(), Some(15)), ("bob".to_owned(), Some(4))]
    );
    // Another transaction shows the state of the tables afterwards.
    let shift = Shift::query()
        .order_by(Shift::ID.asc())
        .first(&mut session)?;
    session[shift.expect("is there")].hours = 1;
    session.commit()?;
    session.refresh(total)?;
    assert_eq!(session[total].hours, 4);
    session.rollback()?;
    assert_eq!(metadata().diff(&engine)?, []);
    metadata().drop_all(&engine)?;
    Ok(())
}

#[test]
fn members_of_a_view_are_deleted_with_its_owner() -> selfsame::Result<()> {
    let (_engine, mut session) = opened()?;
    let ann = session.get::<Worker>(1)?.expect("is there");
    assert_eq!(session.load(ann, Worker::TOTALS)?.len(), 2);
    session.delete(ann)?;
    session.commit()?;
    assert_eq!(Total::query().count(&mut session)?, 2);
    assert_eq!(Worker::query().count(&mut session)?, 1);
    Ok(())
}

#[test]
fn a_view_follows_its_owners_key() -> selfsame::Result<()> {
    let (_engine, mut session) = opened()?;
    let ann = session.get::<Worker>(1)?.expect("is there");
    let total = session.get::<Total>((1, 1))?.expect("is there");
    assert_eq!(session.load(ann, Worker::TOTALS)?.len(), 2);
    for shift in session.load(ann, Worker::SHIFTS)? {
        session.delete(shift)?;
    }
    session.flush()?;
    session[ann].id = Auto::set(50);
    session.flush()?;
    session.add(Shift::new(50, 3, 5));
    session.commit()?;
    let totals = session.load(ann, Worker::TOTALS)?;
    assert_eq!(totals.len(), 1);
    assert_eq!(
        (session[totals[0]].of, session[totals[0]].hours),
        (Some(50), 5)
    );
    assert!(session.refresh(total).is_err(), "its row is gone");
    Ok(())
}

#[test]
fn read_only_objects_are_refused_by_the_flush() -> selfsame::Result<()> {
    let (_engine, mut session) = opened()?;
    let refused = |session: &mut Session| {
        let error = session.commit().expect_err("only read");
        assert_eq!(
            (error.kind(), error.entity_name()),
            (ErrorKind::ReadOnly, Some("Total")),
            "{error}"
        );
        session.rollback()
    };
    // Through a relation.
    let cy = session.add(Worker {
        totals: [Total::new(9, 9, 9)].into(),
        ..Worker::new("cy")
    });
    refused(&mut session)?;
    let total = session.get::<Total>((1, 1))?.expect("is there");
    let bob = session.get::<Worker>(2)?.expect("is there");
    session.set(total, Total::WORKER, Some(bob))?;
    refused(&mut session)?;
    assert_eq!(session[total].of, Some(1));
    let error = session
        .set_expr(total, Total::HOURS, Total::HOURS + 1)
        .expect_err("only read");
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    assert_eq!(Worker::query().count(&mut session)?, 2);
    let _ = cy;
    Ok(())
}

#[test]
fn rows_without_a_key_are_read_and_no_objects() -> selfsame::Result<()> {
    let (engine, mut session) = opened()?;
    let rows = Line::query()
        .order_by(Line::LEVEL.desc())
        .rows(&mut session)?;
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0], Line::new(2));
    assert_eq!(rows[1], rows[2]);
    assert_eq!(
        Line::query()
            .filter(Line::LEVEL.eq(1))
            .count(&mut session)?,
        2
    );
    assert!(
        Line::query()
            .filter(Line::TEXT.is_null())
            .exists(&mut session)?
    );
    let levels = Line::query()
        .select((Line::LEVEL, count(Line::LEVEL)))
        .group_by(Line::LEVEL)
        .order_by(Line::LEVEL.asc())
        .all(&mut session)?;
    assert_eq!(levels, [(1, 2), (2, 1)]);
    // The table itself can be written to.
    let insert = selfsame::sql::insert_into(Line::table())
        .columns((Line::LEVEL,))
        .values((5,));
    session.rollback()?;
    engine.connect()?.write(&insert)?;
    assert_eq!(Line::query().count(&mut session)?, 4);
    Ok(())
}

#[test]
fn records_of_views_and_of_tables_without_a_key() -> selfsame::Result<()> {
    let (engine, mut session) = opened()?;
    let reflected = Metadata::reflect(&engine)?;
    assert_eq!(reflected.diff(&engine)?, []);
    for (name, found) in [("totals", 4), ("lines", 3)] {
        let records = reflected.records(name)?;
        assert_eq!(records.table().is_view(), name == "totals");
        assert_eq!(records.query().rows(&mut session)?.len(), found);
        assert_eq!(records.query().count(&mut session)?, found as u64);
        let error = records.query().all(&mut session).expect_err("no key");
        assert_eq!(
            (error.kind(), error.entity_name()),
            (ErrorKind::Mapping, Some(name))
        );
        assert!(records.get(&mut session, 1).is_err());
        let read_only = |result: selfsame::Result<u64>| {
            let error = result.expect_err("only read");
            assert_eq!(
                (error.kind(), error.entity_name()),
                (ErrorKind::ReadOnly, Some(name))
            );
        };
        read_only(session.insert_all([records.record()]));
        read_only(records.query().delete().execute(&mut session));
        read_only(session.merge(records.record()).map(|_| 0));
        session.add(records.record());
        read_only(session.commit().map(|()| 0));
        session.rollback()?;
    }
    // A declared key makes the rows objects.
    let table = reflected
        .tables()
        .iter()
        .find(|table| table.name == "totals");
    let keyed = Table::clone(table.expect("is listed")).primary_key(["worker_id", "day"]);
    let totals = selfsame::record::Records::new(keyed);
    let mut session = Session::new(&engine);
    let first = totals.get(&mut session, (1_i64, 1_i64))?.expect("is there");
    session[first].set("hours", "9")?;
    let error = session.commit().expect_err("only read");
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    session.rollback()?;
    assert_eq!(
        session.delete(first).expect_err("only read").kind(),
        ErrorKind::ReadOnly
    );
    Ok(())
}

#[test]
fn a_view_that_the_code_takes_for_a_table_is_left_alone() -> selfsame::Result<()> {
    let (engine, _session) = opened()?;
    let other = Metadata::new([Table::clone(Total::table()).primary_key(["day"])]);
    assert_eq!(
        other
            .diff(&engine)?
            .iter()
            .filter(|it| it.table() == "totals")
            .count(),
        0
    );
    assert!(matches!(other.diff(&engine)?[0], Difference::Table { .. }));
    Ok(())
}
