//! The Chinook music shop on each database: loaded through the ORM, queried, and mapped by `selfsame inspect`.

#[path = "../backends/mod.rs"]
mod backends;
mod entities;
mod load;
mod questions;

use backends::{Case, On};
use libtest_mimic::Failed;
use questions::{NULL, Order, QUESTIONS, Question};
use selfsame::backend::{Row, Sql, StatementKind};
use selfsame::metadata::Metadata;
use selfsame::sql::count;
use selfsame::value::{ValueRef, ValueType};
use selfsame::{Engine, Session};

const CASES: &[Case] = &[
    ("questions", questions),
    ("no_difference", no_difference),
    ("by_reflection", by_reflection),
];

fn main() {
    backends::run(CASES, &[On::Sqlite, On::Postgres, On::Mariadb]);
}

fn questions(engine: Engine, on: On) -> Result<(), Failed> {
    load::load(&engine)?;
    for question in QUESTIONS {
        check(&engine, on, question).map_err(|error| format!("{}: {error}", question.name))?;
    }
    Ok(())
}

/// Checks that both ways give the same answer, and that it is the known one.
fn check(engine: &Engine, on: On, question: &Question) -> selfsame::Result<()> {
    let mut answer = (question.answer)(&mut Session::new(engine))?;
    // MariaDB names integers differently in a CAST.
    let sql = match on {
        On::Mariadb => question.sql.replace("AS BIGINT)", "AS SIGNED)"),
        On::Sqlite | On::Postgres => question.sql.to_owned(),
    };
    let mut expected = by_sql(engine, &sql)?;
    if question.order == Order::Any {
        answer.sort();
        expected.sort();
    }
    assert_eq!(answer, expected, "{}", question.name);
    let first = answer.first().map_or("", String::as_str);
    assert_eq!((first, answer.len()), question.known, "{}", question.name);
    Ok(())
}

fn by_sql(engine: &Engine, text: &str) -> selfsame::Result<Vec<String>> {
    let sql = Sql::new(StatementKind::Raw, text, [], []);
    let mut lines = Vec::new();
    engine.connect()?.query(&sql, &[], &mut |row| {
        let values: selfsame::Result<Vec<String>> =
            (0..row.len()).map(|at| shown(row, at)).collect();
        lines.push(values?.join(" | "));
        Ok(())
    })?;
    Ok(lines)
}

fn shown(row: &dyn Row, at: usize) -> selfsame::Result<String> {
    Ok(match row.value(at, ValueType::Native)? {
        ValueRef::Null => NULL.to_owned(),
        ValueRef::Text(text) => text.to_owned(),
        ValueRef::I16(number) => number.to_string(),
        ValueRef::I32(number) => number.to_string(),
        ValueRef::I64(number) => number.to_string(),
        ValueRef::Decimal(number) => number.to_string(),
        ValueRef::Date(date) => date.to_string(),
        other => return Err(other.mismatch("text or number")),
    })
}

/// The shop without structs: mapped at run time, by reflection.
fn by_reflection(engine: Engine, _: On) -> Result<(), Failed> {
    load::load(&engine)?;
    let shop = Metadata::reflect(&engine)?;
    assert_eq!(shop.diff(&engine)?, []);
    let sql = "SELECT title, COUNT(DISTINCT t.id), COUNT(*) FROM artist a JOIN album b ON b.artist_id = a.id \
        JOIN track t ON t.album_id = b.id JOIN playlist_track p ON p.track_id = t.id \
        WHERE a.name = 'AC/DC' GROUP BY b.id, title ORDER BY b.id";
    let expected = by_sql(&engine, sql)?;
    let mut session = Session::new(&engine);
    let artists = shop.records("artist")?;
    let name = artists.column::<String>("name")?;
    let artist = artists
        .query()
        .filter(name.eq("AC/DC"))
        .with("album.track.playlist")
        .one(&mut session)?;
    let (before, mut titles) = (session.statements(), Vec::new());
    for album in session.load(artist, "album")? {
        let tracks = session.load(album, "track")?;
        let mut playlists = 0;
        for &track in &tracks {
            playlists += session.load(track, "playlist")?.len();
        }
        let title = session[album].get::<String>("title")?;
        titles.push(format!("{title} | {} | {playlists}", tracks.len()));
    }
    assert_eq!(titles, expected);
    assert_eq!(titles.len(), 2);
    assert_eq!(session.statements(), before, "all of it was loaded along");
    let employees = shop.records("employee")?;
    let king = employees.get(&mut session, 7)?.ok_or("an employee")?;
    let boss = session.load(king, "reports_to_employee")?[0];
    assert_eq!(session[boss].get::<String>("last_name")?, "Mitchell");
    assert_eq!(session.load(boss, "employee_by_reports_to")?.len(), 2);
    assert_eq!(shop.records("track")?.query().count(&mut session)?, 3503);
    playlists(&shop, &mut session)
}

/// The program need not know which table holds the pairs of tracks and playlists.
fn playlists(shop: &Metadata, session: &mut Session) -> Result<(), Failed> {
    session.commit()?;
    let sql = "SELECT COUNT(*) FROM playlist_track GROUP BY playlist_id ORDER BY 1";
    let expected = by_sql(session.engine(), sql)?;
    let (playlists, tracks) = (shop.records("playlist")?, shop.records("track")?);
    let name = || playlists.column::<String>("name");
    let mut sizes = playlists
        .query()
        .join("track")
        .select((name()?, count(tracks.column::<i64>("id")?)))
        .group_by(playlists.column::<i64>("id")?)
        .group_by(name()?)
        .all(session)?;
    sizes.sort_by_key(|(_, size)| *size);
    let sizes: Vec<String> = sizes.iter().map(|(_, size)| size.to_string()).collect();
    assert_eq!(sizes, expected);
    let grunge = playlists
        .query()
        .filter(name()?.eq("Grunge"))
        .one(session)?;
    let listed = session.load(grunge, "track")?;
    assert_eq!(listed.len(), 15);
    session.remove(grunge, "track", listed[0])?;
    session.flush()?;
    let left = playlists.query().filter(name()?.eq("Grunge")).join("track");
    let left = left
        .select(count(tracks.column::<i64>("id")?))
        .one(session)?;
    assert_eq!(left, 14);
    Ok(session.rollback()?)
}

fn no_difference(engine: Engine, _: On) -> Result<(), Failed> {
    let chinook = entities::chinook();
    chinook.create_all(&engine)?;
    assert_eq!(chinook.diff(&engine)?, []);
    Ok(())
}
