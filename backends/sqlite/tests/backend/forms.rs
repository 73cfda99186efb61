//! Times stored in several forms: equal times are one group, one distinct value and peers, whatever their form.

use selfsame::prelude::*;
use selfsame::sql::{
    Window, alias, coalesce, count_all, count_distinct, max, min, nullif, on, rank, select,
};
use selfsame::value::Timestamp;
use selfsame_sqlite::testing::TempDatabase;

#[derive(Entity, Clone, Debug)]
#[orm(table = "stamps")]
struct Stamp {
    #[orm(primary_key)]
    id: i64,
    at: Option<Timestamp>,
    other: Option<Timestamp>,
}

/// Two times in five forms, and NULL.
fn stamps(database: &TempDatabase) -> selfsame::Result<Engine> {
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    for statement in [
        "CREATE TABLE stamps (id INTEGER PRIMARY KEY, at TIMESTAMP, other \"TIMESTAMP TEXT\")",
        "INSERT INTO stamps VALUES (1, '2024-02-29 12:30:00', '2024-02-29 12:30:00.000000'), \
         (2, '2024-02-29 12:30:00.000', '2024-02-29 12:30:00'), (3, '2024-02-29 12:30:00.12', NULL), \
         (4, '2024-02-29 12:30:00.120', '2024-02-29 12:30:00.120000'), (5, '2024-02-29 12:30:00.000000', NULL), (6, NULL, NULL)",
    ] {
        session.sql(statement, ()).execute()?;
    }
    session.commit()?;
    Ok(engine)
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn check(engine: &Engine) -> selfsame::Result<()> {
    let mut session = Session::new(engine);
    let whole = time("2024-02-29 12:30:00");
    let later = time("2024-02-29 12:30:00.12");
    let all = Stamp::query;

    let mut groups = all()
        .select((Stamp::AT, count_all()))
        .group_by(Stamp::AT)
        .all(&mut session)?;
    groups.sort();
    assert_eq!(groups, [(None, 1), (Some(whole), 3), (Some(later), 2)]);
    let mut distinct = all().select(Stamp::AT).distinct().all(&mut session)?;
    distinct.sort();
    assert_eq!(distinct, [None, Some(whole), Some(later)]);
    let counted = all().select(count_distinct(Stamp::AT)).one(&mut session)?;
    assert_eq!(counted, 2);

    let of = || select(Stamp::AT).from(Stamp::table());
    let others = || select(Stamp::OTHER).from(Stamp::table());
    let mut union = of().union(others()).all(&mut session)?;
    union.sort();
    assert_eq!(union, [None, Some(whole), Some(later)]);
    assert_eq!(of().except(others()).all(&mut session)?, []);
    assert_eq!(of().intersect(others()).all(&mut session)?.len(), 3);

    let within = all().select(Stamp::OTHER);
    let found = all().filter(Stamp::AT.in_(within)).count(&mut session)?;
    assert_eq!(found, 5, "IN a query");
    let found = all()
        .filter(Stamp::AT.eq(Stamp::OTHER))
        .count(&mut session)?;
    assert_eq!(found, 3, "a column and a column");
    let found = all()
        .filter(Stamp::AT.lt(Stamp::OTHER))
        .count(&mut session)?;
    assert_eq!(found, 0, "less than a column");
    let listed = all().filter(Stamp::AT.in_([Stamp::OTHER, Stamp::OTHER]));
    assert_eq!(listed.count(&mut session)?, 3, "IN a list of columns");
    let unlisted = all().filter(Stamp::AT.not_in([Stamp::OTHER]));
    assert_eq!(unlisted.count(&mut session)?, 0, "NOT IN a list of columns");
    let between = Stamp::AT.between(Stamp::OTHER, Stamp::OTHER);
    assert_eq!(
        all().filter(between).count(&mut session)?,
        3,
        "BETWEEN columns"
    );
    let filled = coalesce(Stamp::OTHER, Stamp::AT).eq(whole);
    assert_eq!(all().filter(filled).count(&mut session)?, 3, "COALESCE");
    let filled = coalesce(Stamp::OTHER, Stamp::AT).in_([later]);
    assert_eq!(
        all().filter(filled).count(&mut session)?,
        2,
        "COALESCE in a list"
    );
    let one = alias::<Stamp>("one");
    let pairs = Stamp::query()
        .join_on(&one, on(one.column(Stamp::AT), Stamp::OTHER))
        .select(count_all())
        .one(&mut session)?;
    assert_eq!(pairs, 3 + 3 + 2, "a join");

    let ranked = all()
        .filter(Stamp::AT.is_not_null())
        .select(rank().over(Window::new().order_by(Stamp::AT.asc())));
    let mut ranks = ranked.all(&mut session)?;
    ranks.sort_unstable();
    assert_eq!(ranks, [1, 1, 1, 4, 4], "equal times are peers");
    let parts = count_all().over(Window::new().partition_by(Stamp::AT));
    let mut parts = all().select(parts).all(&mut session)?;
    parts.sort_unstable();
    assert_eq!(parts, [1, 2, 2, 3, 3, 3], "equal times are one partition");

    let bounds = all()
        .select((min(Stamp::AT), max(Stamp::AT)))
        .one(&mut session)?;
    assert_eq!(bounds, (Some(whole), Some(later)));

    let is_null = nullif(Stamp::AT, whole).is_null();
    assert_eq!(all().filter(is_null).count(&mut session)?, 4, "NULLIF");
    let is_null = nullif(Stamp::AT, Stamp::OTHER).is_null();
    assert_eq!(
        all().filter(is_null).count(&mut session)?,
        4,
        "NULLIF of columns"
    );
    for by in [1, 2, 3] {
        assert_eq!(pages(&mut session, by)?, [1, 2, 5, 3, 4], "pages of {by}");
    }
    Ok(())
}

/// The keys of all rows with a time, page by page, ordered by time and key.
fn pages(session: &mut Session, rows: u64) -> selfsame::Result<Vec<i64>> {
    let mut ids = Vec::new();
    let mut last: Option<(Timestamp, i64)> = None;
    loop {
        let mut page = Stamp::query()
            .filter(Stamp::AT.is_not_null())
            .order_by(Stamp::AT.asc())
            .order_by(Stamp::ID.asc());
        if let Some(last) = last {
            page = page.after(last);
        }
        let found = page.limit(rows).rows(session)?;
        let Some(stamp) = found.last() else {
            return Ok(ids);
        };
        last = stamp.at.map(|at| (at, stamp.id));
        ids.extend(found.iter().map(|stamp| stamp.id));
    }
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "sites")]
struct Site {
    #[orm(primary_key)]
    id: i64,
    #[orm(order_by = "at, id", back_populates = site)]
    visits: HasMany<Visit>,
    #[orm(secondary = "site_visits(site_id, visit_id)", order_by = "at desc, id")]
    shown: ManyToMany<Visit>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "visits")]
struct Visit {
    #[orm(primary_key)]
    id: i64,
    at: Timestamp,
    #[orm(references = "sites.id")]
    site_id: i64,
    #[orm(back_populates = visits)]
    site: BelongsTo<Site>,
}

/// Members of a collection are ordered by time and key, however they are loaded.
#[test]
fn equal_times_of_members_are_ties() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    for statement in [
        "CREATE TABLE sites (id INTEGER PRIMARY KEY)",
        "CREATE TABLE visits (id INTEGER PRIMARY KEY, at TIMESTAMP NOT NULL, site_id INTEGER NOT NULL REFERENCES sites)",
        "CREATE TABLE site_visits (site_id INTEGER REFERENCES sites, visit_id INTEGER REFERENCES visits, PRIMARY KEY (site_id, visit_id))",
        "INSERT INTO sites VALUES (1)",
        "INSERT INTO visits VALUES (1, '2024-02-29 12:30:00.000000', 1), (2, '2024-02-29 12:30:00', 1), (3, '2024-02-29 12:29:00.000', 1)",
        "INSERT INTO site_visits VALUES (1, 1), (1, 2), (1, 3)",
    ] {
        session.sql(statement, ()).execute()?;
    }
    session.commit()?;
    for way in ["lazy", "selectin", "joined"] {
        let mut session = Session::new(&engine);
        let query = Site::query();
        let site = match way {
            "lazy" => query.one(&mut session)?,
            "selectin" => query
                .with(Site::VISITS.selectin())
                .with(Site::SHOWN.selectin())
                .one(&mut session)?,
            _ => query.with(Site::VISITS.joined()).one(&mut session)?,
        };
        let visits = session.load(site, Site::VISITS)?;
        let ids: Vec<i64> = visits.iter().map(|&visit| session[visit].id).collect();
        assert_eq!(ids, [3, 1, 2], "{way}");
        let shown = session.load(site, Site::SHOWN)?;
        let ids: Vec<i64> = shown.iter().map(|&visit| session[visit].id).collect();
        assert_eq!(ids, [1, 2, 3], "{way}");
    }
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "readings")]
struct Reading {
    #[orm(primary_key)]
    sensor: i64,
    #[orm(primary_key)]
    at: Timestamp,
    #[orm(default = 0)]
    value: i64,
}

/// Rows are selected by keys of several columns, one of which is stored in several forms.
#[test]
fn keys_with_times_choose_rows() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    let mut session = Session::new(&engine);
    for statement in [
        "CREATE TABLE readings (sensor INTEGER, at TIMESTAMP, value INTEGER NOT NULL, PRIMARY KEY (sensor, at))",
        "INSERT INTO readings VALUES (1, '2024-02-29 12:30:00', 0), (2, '2024-02-29 12:30:00.000', 0), (3, '2024-02-29 12:30:00.000000', 0)",
    ] {
        session.sql(statement, ()).execute()?;
    }
    let some = || Reading::query().order_by(Reading::SENSOR.asc()).limit(2);
    let updated = some()
        .update()
        .set(Reading::VALUE, 1)
        .execute(&mut session)?;
    assert_eq!(updated, 2);
    let deleted = some().delete().execute(&mut session)?;
    assert_eq!(deleted, 2);
    assert_eq!(Reading::query().count(&mut session)?, 1);
    Ok(())
}

#[test]
fn equal_times_in_any_form_are_equal() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let strict = stamps(&database)?;
    check(&strict)?;
    check(&Engine::new(database.backend().lenient()))
}

/// Forms that sort differently from the times.
#[test]
fn lenient_order_is_that_of_the_times() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = stamps(&database)?;
    let mut session = Session::new(&engine);
    let more = "INSERT INTO stamps VALUES (7, 1709209799, NULL), (8, '2024-02-29T12:30:01Z', NULL), (9, '2024-02-29 14:30:00+02:00', NULL), \
                (10, 2460370.02, NULL)";
    session.sql(more, ()).execute()?;
    session.commit()?;
    let lenient = Engine::new(database.backend().lenient());
    let mut session = Session::new(&lenient);
    let all = || Stamp::query().filter(Stamp::AT.is_not_null());
    let ordered = all()
        .order_by(Stamp::AT.asc())
        .order_by(Stamp::ID.asc())
        .rows(&mut session)?;
    let ids: Vec<i64> = ordered.iter().map(|stamp| stamp.id).collect();
    assert_eq!(ids, [10, 7, 1, 2, 5, 9, 3, 4, 8]);
    let bounds = all()
        .select((min(Stamp::AT), max(Stamp::AT)))
        .one(&mut session)?;
    assert_eq!(bounds.0, ordered[0].at);
    assert_eq!(bounds.1, Some(time("2024-02-29 12:30:01")));
    let groups = all()
        .select((Stamp::AT, count_all()))
        .group_by(Stamp::AT)
        .all(&mut session)?;
    assert_eq!(groups.len(), 5);
    assert_eq!(
        all().select(Stamp::AT).distinct().all(&mut session)?.len(),
        5
    );
    Ok(())
}
