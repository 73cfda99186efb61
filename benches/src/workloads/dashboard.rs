//! Pages about films: a film with its cast in order, its newest reviews with their authors, and its average number of stars.

use mysql::prelude::Queryable;
use selfsame::session::Session;
use selfsame::sql::{avg, select};
use selfsame::{Engine, Entity, Result as OrmResult};
use selfsame_gate::Law;

use crate::Result;
use crate::digest::{Digest, Rows};
use crate::raw::{MariaDbClient, PostgresClient};
use crate::rows;
use crate::schema::{CastMember, Film, Person, Review};
use crate::workload::{Arm, Declaration, PLAIN, Round, Way};

const REVIEWS: u64 = 10;

/// 250 of 2,500 films.
pub(crate) static DASHBOARD: Declaration = Declaration {
    name: "dashboard",
    sizes: &[250],
    telling: &[250],
    gate: 25,
    // One session per page, with a few statements.
    law: |_| Law::Rows,
    growth: &[1, 10, 100],
    rows: rows::films,
    arms: &[
        (
            Arm::Raw,
            Way::Raw {
                sqlite: Some(raw_sqlite),
                postgres: Some(raw_postgres),
                mariadb: Some(raw_mariadb),
            },
        ),
        (Arm::Core, Way::Engine(core_arm)),
        (Arm::Tracked, Way::Engine(tracked)),
    ],
    leaves: &["SELECT title FROM films"],
    ..PLAIN
};

/// The contents of a page.
struct Page {
    title: String,
    year: i32,
    /// In the order of their positions.
    cast: Vec<(i32, String)>,
    /// Newest first: stars, text, author.
    reviews: Vec<(i32, String, String)>,
    stars: Option<f64>,
}

/// Every tenth film.
fn films(round: &Round) -> impl Iterator<Item = i64> {
    round.keys.iter().map(|key| (key - 1) * 10 + 1)
}

fn digest_pages(pages: Vec<Page>, digest: &mut Digest) {
    digest.take(pages, |pages, rows| {
        for page in pages {
            add(
                rows,
                (&page.title, page.year),
                &page.cast,
                &page.reviews,
                page.stars,
            );
        }
    });
}

/// Adds a page; the order of cast and reviews matters.
fn add(
    rows: &mut Rows,
    film: (&str, i32),
    cast: &[(i32, String)],
    reviews: &[(i32, String, String)],
    stars: Option<f64>,
) {
    rows.add((
        film,
        cast,
        reviews,
        stars.map(|stars| format!("{stars:.6}")),
    ));
}

const FILM: &str = "SELECT title, year FROM films WHERE id = $1";
const CAST: &str = "SELECT c.position, p.name FROM cast_members c JOIN people p ON p.id = c.person_id \
     WHERE c.film_id = $1 ORDER BY c.position";
const NEWEST: &str = "SELECT r.stars, r.body, p.name FROM reviews r JOIN people p ON p.id = r.author_id \
     WHERE r.film_id = $1 ORDER BY r.id DESC LIMIT 10";
const STARS: &str = "SELECT CAST(avg(stars) AS double precision) FROM reviews WHERE film_id = $1";

fn raw_sqlite(
    connection: &mut rusqlite::Connection,
    round: &Round,
    digest: &mut Digest,
) -> Result<()> {
    let mut pages = Vec::with_capacity(round.size);
    for film in films(round) {
        let transaction = connection.transaction()?;
        let (title, year) = transaction
            .prepare_cached(FILM)?
            .query_row([film], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let cast = transaction
            .prepare_cached(CAST)?
            .query_map([film], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let reviews = transaction
            .prepare_cached(NEWEST)?
            .query_map([film], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let stars = transaction
            .prepare_cached(STARS)?
            .query_row([film], |row| row.get(0))?;
        pages.push(Page {
            title,
            year,
            cast,
            reviews,
            stars,
        });
    }
    digest_pages(pages, digest);
    Ok(())
}

fn raw_postgres(client: &mut PostgresClient, round: &Round, digest: &mut Digest) -> Result<()> {
    let (_, by_key) = client.statement(FILM)?;
    let (_, cast_of) = client.statement(CAST)?;
    let (_, newest) = client.statement(NEWEST)?;
    let (driver, stars_of) = client.statement(STARS)?;
    let mut pages = Vec::with_capacity(round.size);
    for film in films(round) {
        let mut transaction = driver.transaction()?;
        let found = transaction.query_one(&by_key, &[&film])?;
        let cast = transaction.query(&cast_of, &[&film])?;
        let reviews = transaction.query(&newest, &[&film])?;
        let stars = transaction.query_one(&stars_of, &[&film])?;
        pages.push(Page {
            title: found.try_get(0)?,
            year: found.try_get(1)?,
            cast: cast
                .iter()
                .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
                .collect::<Result<_>>()?,
            reviews: reviews
                .iter()
                .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
                .collect::<Result<_>>()?,
            stars: stars.try_get(0)?,
        });
    }
    digest_pages(pages, digest);
    Ok(())
}

fn raw_mariadb(client: &mut MariaDbClient, round: &Round, digest: &mut Digest) -> Result<()> {
    let [film_of, cast_of, newest] = [FILM, CAST, NEWEST].map(|text| text.replace("$1", "?"));
    let stars_of = "SELECT CAST(avg(stars) AS DOUBLE) FROM reviews WHERE film_id = ?";
    let mut pages = Vec::with_capacity(round.size);
    for film in films(round) {
        let mut transaction = client.begin()?;
        let (title, year) = transaction
            .exec_first(&*film_of, (film,))?
            .ok_or("no such film")?;
        pages.push(Page {
            title,
            year,
            cast: transaction.exec(&*cast_of, (film,))?,
            reviews: transaction.exec(&*newest, (film,))?,
            stars: transaction.exec_first(stars_of, (film,))?.flatten(),
        });
    }
    digest_pages(pages, digest);
    Ok(())
}

fn core_arm(engine: &Engine, round: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut pages = Vec::with_capacity(round.size);
    for film in films(round) {
        let mut connection = crate::core::begun(engine)?;
        let (title, year) = connection.one(
            &select((Film::TITLE, Film::YEAR))
                .from(Film::table())
                .filter(Film::ID.eq(film)),
        )?;
        let cast = connection.all(
            &CastMember::query()
                .join(CastMember::PERSON)
                .filter(CastMember::FILM_ID.eq(film))
                .order_by(CastMember::POSITION.asc())
                .select((CastMember::POSITION, Person::NAME)),
        )?;
        let reviews = connection.all(
            &Review::query()
                .join(Review::AUTHOR)
                .filter(Review::FILM_ID.eq(film))
                .order_by(Review::ID.desc())
                .limit(REVIEWS)
                .select((Review::STARS, Review::BODY, Person::NAME)),
        )?;
        let stars = connection.one(
            &select(avg(Review::STARS))
                .from(Review::table())
                .filter(Review::FILM_ID.eq(film)),
        )?;
        pages.push(Page {
            title,
            year,
            cast,
            reviews,
            stars,
        });
    }
    digest_pages(pages, digest);
    Ok(())
}

fn tracked(engine: &Engine, round: &Round, digest: &mut Digest) -> OrmResult<()> {
    for film in films(round) {
        let mut session = Session::new(engine);
        let film = session
            .get::<Film>(film)?
            .ok_or_else(|| selfsame::Error::new(selfsame::ErrorKind::NoRow, "no such film"))?;
        let id = *session[film].id;
        let cast = CastMember::query()
            .filter(CastMember::FILM_ID.eq(id))
            .order_by(CastMember::POSITION.asc())
            .with(CastMember::PERSON.joined())
            .all(&mut session)?;
        let reviews = Review::query()
            .filter(Review::FILM_ID.eq(id))
            .order_by(Review::ID.desc())
            .limit(REVIEWS)
            .with(Review::AUTHOR.joined())
            .all(&mut session)?;
        let stars = select(avg(Review::STARS))
            .from(Review::table())
            .filter(Review::FILM_ID.eq(id))
            .one(&mut session)?;
        digest.take((film, cast, reviews, stars, session), |found, rows| {
            let (film, cast, reviews, stars, session) = found;
            let cast: Vec<(i32, String)> = cast
                .iter()
                .map(|member| {
                    let person = person_of(session, session[*member].person_id);
                    (session[*member].position, person)
                })
                .collect();
            let reviews: Vec<(i32, String, String)> = reviews
                .iter()
                .map(|review| {
                    let review = &session[*review];
                    (
                        review.stars,
                        review.body.clone(),
                        person_of(session, review.author_id),
                    )
                })
                .collect();
            let film = &session[*film];
            add(rows, (&film.title, film.year), &cast, &reviews, *stars);
        });
    }
    Ok(())
}

/// Returns the name of a person in the identity map; otherwise an empty name, so that an arm that loads too little differs.
fn person_of(session: &Session, key: i64) -> String {
    let all = session.persistent::<Person>();
    let found = all.iter().find(|person| *session[**person].id == key);
    found.map_or_else(String::new, |person| session[*person].name.clone())
}
