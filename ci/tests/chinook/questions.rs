//! Questions about the music shop, each answered by the ORM and by hand-written SQL.

use std::collections::BTreeMap;
use std::fmt::Display;

use selfsame::prelude::*;
use selfsame::sql::{alias, count, exists, max, min, on, select, sum};
use selfsame::value::{Date, Decimal};

use crate::entities::*;

/// A question with its two answers: lines, each of a row's values.
pub(crate) struct Question {
    pub(crate) name: &'static str,
    pub(crate) answer: fn(&mut Session) -> selfsame::Result<Vec<String>>,
    pub(crate) sql: &'static str,
    /// Whether the query defines an order.
    pub(crate) order: Order,
    /// The known answer: its first line, and how many lines it has.
    pub(crate) known: (&'static str, usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Asked,
    Any,
}

/// A line of values.
pub(crate) fn line(values: &[&dyn Display]) -> String {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    values.join(" | ")
}

/// How a line shows NULL.
pub(crate) const NULL: &str = "-";

fn text(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or(NULL)
}

/// Money in hundredths, which any database sums exactly.
fn cents(money: Decimal) -> selfsame::Result<i128> {
    let text = money.to_string().replace('.', "");
    text.parse()
        .map_err(|_| selfsame::Error::new(selfsame::ErrorKind::Conversion, "no money"))
}

pub(crate) const QUESTIONS: &[Question] = &[
    Question {
        name: "how_many_tracks",
        answer: |session| Ok(vec![line(&[&Track::query().count(session)?])]),
        sql: "SELECT count(*) FROM track",
        order: Order::Asked,
        known: ("3503", 1),
    },
    Question {
        name: "albums_of_an_artist",
        answer: |session| {
            let artist = Artist::query()
                .filter(Artist::NAME.eq("Led Zeppelin"))
                .one(session)?;
            let albums = session.load(artist, Artist::ALBUMS)?;
            Ok(albums
                .into_iter()
                .map(|album| session[album].title.clone())
                .collect())
        },
        sql: "SELECT title FROM album JOIN artist ON artist.id = artist_id WHERE name = 'Led Zeppelin' ORDER BY album.id",
        order: Order::Asked,
        known: ("BBC Sessions [Disc 1] [Live]", 14),
    },
    Question {
        name: "artists_without_an_album",
        answer: |session| {
            let theirs = select(Album::ID)
                .from(Album::table())
                .filter(on(Album::ARTIST_ID, Artist::ID));
            let artists = Artist::query()
                .filter(!exists(theirs))
                .order_by(Artist::ID.asc())
                .all(session)?;
            Ok(artists
                .into_iter()
                .map(|artist| text(&session[artist].name).to_owned())
                .collect())
        },
        sql: "SELECT name FROM artist WHERE id NOT IN (SELECT artist_id FROM album) ORDER BY id",
        order: Order::Asked,
        known: ("Milton Nascimento & Bebeto", 71),
    },
    Question {
        name: "the_ten_longest_tracks",
        answer: |session| {
            let longest = Track::query()
                .order_by(Track::MILLISECONDS.desc())
                .order_by(Track::ID.asc())
                .limit(10)
                .all(session)?;
            let show = |track: &Track| line(&[&track.name, &track.milliseconds]);
            Ok(longest
                .into_iter()
                .map(|track| show(&session[track]))
                .collect())
        },
        sql: "SELECT name, milliseconds FROM track ORDER BY milliseconds DESC, id LIMIT 10",
        order: Order::Asked,
        known: ("Occupation / Precipice | 5286953", 10),
    },
    Question {
        name: "the_third_page_of_albums",
        answer: |session| {
            let page = Album::query()
                .order_by(Album::ARTIST_ID.desc())
                .order_by(Album::ID.asc())
                .limit(25)
                .offset(50);
            Ok(page
                .all(session)?
                .into_iter()
                .map(|album| session[album].title.clone())
                .collect())
        },
        sql: "SELECT title FROM album ORDER BY artist_id DESC, id LIMIT 25 OFFSET 50",
        order: Order::Asked,
        known: (
            "Great Performances - Barber's Adagio and Other Romantic Favorites for Strings",
            25,
        ),
    },
    Question {
        name: "customers_of_a_country",
        answer: |session| {
            let found = Customer::query()
                .filter(Customer::COUNTRY.eq("Brazil"))
                .order_by(Customer::ID.asc())
                .all(session)?;
            let show = |customer: &Customer| {
                line(&[
                    &customer.first_name,
                    &customer.last_name,
                    &text(&customer.company),
                ])
            };
            Ok(found
                .into_iter()
                .map(|customer| show(&session[customer]))
                .collect())
        },
        sql: "SELECT first_name, last_name, company FROM customer WHERE country = 'Brazil' ORDER BY id",
        order: Order::Asked,
        known: (
            "Luís | Gonçalves | Embraer - Empresa Brasileira de Aeronáutica S.A.",
            5,
        ),
    },
    Question {
        name: "customers_without_a_company",
        answer: |session| {
            let private = Customer::query().filter(Customer::COMPANY.is_null());
            Ok(vec![line(&[&private.count(session)?])])
        },
        sql: "SELECT count(*) FROM customer WHERE company IS NULL",
        order: Order::Asked,
        known: ("49", 1),
    },
    Question {
        name: "songs_of_love_or_by_a_composer",
        answer: |session| {
            let songs = Track::query()
                .filter(
                    Track::NAME
                        .contains("Love")
                        .or(Track::COMPOSER.starts_with("Angus")),
                )
                .order_by(Track::ID.asc())
                .rows(session)?;
            Ok(songs
                .iter()
                .map(|track| line(&[&track.name, &text(&track.composer)]))
                .collect())
        },
        sql: "SELECT name, composer FROM track WHERE replace(name, 'Love', '') <> name OR substr(composer, 1, 5) = 'Angus' ORDER BY id",
        order: Order::Asked,
        known: (
            "For Those About To Rock (We Salute You) | Angus Young, Malcolm Young, Brian Johnson",
            121,
        ),
    },
    Question {
        name: "tracks_by_genre",
        answer: |session| {
            let query = select((Genre::NAME, count(Track::ID)))
                .from(Genre::table())
                .left_join(Track::table(), on(Track::GENRE_ID, Genre::ID))
                .group_by(Genre::ID)
                .group_by(Genre::NAME)
                .order_by(count(Track::ID).desc())
                .order_by(Genre::ID.asc());
            Ok(session
                .rows(&query)?
                .iter()
                .map(|(name, tracks)| line(&[&text(name), tracks]))
                .collect())
        },
        sql: "SELECT genre.name, count(track.id) FROM genre LEFT JOIN track ON genre_id = genre.id \
              GROUP BY genre.id, genre.name ORDER BY 2 DESC, genre.id",
        order: Order::Asked,
        known: ("Rock | 1297", 25),
    },
    Question {
        name: "genres_with_few_tracks",
        answer: |session| {
            let query = select((
                Genre::NAME,
                min(Track::MILLISECONDS),
                max(Track::MILLISECONDS),
            ))
            .from(Genre::table())
            .join(Track::table(), on(Track::GENRE_ID, Genre::ID))
            .group_by(Genre::ID)
            .group_by(Genre::NAME)
            .having(count(Track::ID).lt(20))
            .order_by(Genre::ID.asc());
            let length = |value: &Option<i32>| value.unwrap_or_default();
            let rows = session.rows(&query)?;
            Ok(rows
                .iter()
                .map(|(name, low, high)| line(&[&text(name), &length(low), &length(high)]))
                .collect())
        },
        sql: "SELECT genre.name, min(milliseconds), max(milliseconds) FROM genre JOIN track ON genre_id = genre.id \
              GROUP BY genre.id, genre.name HAVING count(*) < 20 ORDER BY genre.id",
        order: Order::Asked,
        known: ("Rock And Roll | 106266 | 163265", 5),
    },
    Question {
        name: "invoices_of_half_a_year",
        answer: |session| {
            let day = |year, month, day| Date::from_civil(year, month, day).expect("a day");
            let between = Invoice::INVOICE_DATE.between(day(2009, 1, 1), day(2009, 6, 30));
            let found = Invoice::query()
                .filter(between)
                .order_by(Invoice::ID.asc())
                .all(session)?;
            let show =
                |invoice: &Invoice| line(&[&*invoice.id, &invoice.invoice_date, &invoice.total]);
            Ok(found
                .into_iter()
                .map(|invoice| show(&session[invoice]))
                .collect())
        },
        sql: "SELECT id, invoice_date, total FROM invoice WHERE invoice_date BETWEEN '2009-01-01' AND '2009-06-30' ORDER BY id",
        order: Order::Asked,
        known: ("167 | 2009-01-01 | 0.99", 42),
    },
    Question {
        name: "revenue_by_country",
        answer: |session| {
            let mut revenue: BTreeMap<String, i128> = BTreeMap::new();
            Invoice::query().for_each(session, |invoice| {
                *revenue
                    .entry(text(&invoice.billing_country).to_owned())
                    .or_default() += cents(invoice.total)?;
                Ok(())
            })?;
            Ok(revenue
                .iter()
                .map(|(country, cents)| line(&[country, cents]))
                .collect())
        },
        sql: "SELECT billing_country, CAST(round(sum(total * 100)) AS BIGINT) FROM invoice GROUP BY billing_country",
        order: Order::Any,
        known: ("Argentina | 3762", 24),
    },
    Question {
        name: "the_best_sold_tracks",
        answer: |session| {
            let query = select((Track::NAME, sum(InvoiceLine::QUANTITY)))
                .from(Track::table())
                .join(InvoiceLine::table(), on(InvoiceLine::TRACK_ID, Track::ID))
                .group_by(Track::ID)
                .group_by(Track::NAME)
                .order_by(sum(InvoiceLine::QUANTITY).desc())
                .order_by(Track::ID.asc())
                .limit(10);
            let rows = session.rows(&query)?;
            Ok(rows
                .iter()
                .map(|(name, sold)| line(&[name, &sold.unwrap_or_default()]))
                .collect())
        },
        sql: "SELECT name, sum(quantity) FROM track JOIN invoice_line ON track_id = track.id \
              GROUP BY track.id, name ORDER BY 2 DESC, track.id LIMIT 10",
        order: Order::Asked,
        known: ("Balls to the Wall | 2", 10),
    },
    Question {
        name: "who_reports_to_whom",
        answer: |session| {
            let employees = Employee::query()
                .with(Employee::MANAGER.joined())
                .order_by(Employee::ID.asc())
                .all(session)?;
            let mut lines = Vec::new();
            for employee in employees {
                let manager = session.load(employee, Employee::MANAGER)?;
                let manager = manager.map_or(NULL, |manager| session[manager].last_name.as_str());
                lines.push(line(&[&session[employee].last_name, &manager]));
            }
            Ok(lines)
        },
        sql: "SELECT e.last_name, m.last_name FROM employee e LEFT JOIN employee m ON m.id = e.reports_to ORDER BY e.id",
        order: Order::Asked,
        known: ("Adams | -", 8),
    },
    Question {
        name: "colleagues_who_share_a_city",
        answer: |session| {
            let other = alias::<Employee>("other");
            let query = select((
                Employee::ID,
                Employee::LAST_NAME,
                other.column(Employee::ID),
                other.column(Employee::LAST_NAME),
            ))
            .from(Employee::table())
            .join(&other, on(Employee::CITY, other.column(Employee::CITY)))
            .filter(on(Employee::REPORTS_TO, other.column(Employee::REPORTS_TO)))
            .order_by(Employee::ID.asc())
            .order_by(other.column(Employee::ID).asc());
            let mut pairs = session.rows(&query)?;
            pairs.retain(|(first, _, second, _)| **first < **second);
            Ok(pairs.iter().map(|(_, a, _, b)| line(&[a, b])).collect())
        },
        sql: "SELECT a.last_name, b.last_name FROM employee a JOIN employee b ON a.city = b.city AND a.reports_to = b.reports_to \
              WHERE a.id < b.id ORDER BY a.id, b.id",
        order: Order::Asked,
        known: ("Edwards | Mitchell", 5),
    },
    Question {
        name: "customers_of_each_support_rep",
        answer: |session| {
            let employees = Employee::query()
                .with(Employee::CUSTOMERS.selectin())
                .order_by(Employee::ID.asc())
                .all(session)?;
            let mut lines = Vec::new();
            for employee in employees {
                let customers = session.load(employee, Employee::CUSTOMERS)?.len();
                lines.push(line(&[&session[employee].first_name, &customers]));
            }
            assert_eq!(
                session.statements(),
                3,
                "BEGIN, one SELECT for the employees, one for their customers"
            );
            Ok(lines)
        },
        sql: "SELECT e.first_name, count(c.id) FROM employee e LEFT JOIN customer c ON support_rep_id = e.id \
              GROUP BY e.id, e.first_name ORDER BY e.id",
        order: Order::Asked,
        known: ("Andrew | 0", 8),
    },
    Question {
        name: "the_longest_playlists",
        answer: |session| {
            let playlists = Playlist::query()
                .with(Playlist::PLAYLIST_TRACKS.selectin())
                .all(session)?;
            let mut found = Vec::new();
            for playlist in playlists {
                let tracks = session.load(playlist, Playlist::PLAYLIST_TRACKS)?.len();
                found.push((std::cmp::Reverse(tracks), *session[playlist].id, playlist));
            }
            found.sort_by_key(|&(tracks, id, _)| (tracks, id));
            let show =
                |&(tracks, id, playlist): &(std::cmp::Reverse<usize>, i64, Handle<Playlist>)| {
                    line(&[&id, &text(&session[playlist].name), &tracks.0])
                };
            Ok(found.iter().take(5).map(show).collect())
        },
        sql: "SELECT p.id, p.name, count(*) FROM playlist p JOIN playlist_track ON playlist_id = p.id \
              GROUP BY p.id, p.name ORDER BY 3 DESC, p.id LIMIT 5",
        order: Order::Asked,
        known: ("1 | Music | 3290", 5),
    },
    Question {
        name: "tracks_that_nobody_bought",
        answer: |session| {
            let sold = select(InvoiceLine::TRACK_ID).from(InvoiceLine::table());
            Ok(vec![line(&[&Track::query()
                .filter(Track::ID.not_in(sold))
                .count(session)?])])
        },
        sql: "SELECT count(*) FROM track LEFT JOIN invoice_line ON track_id = track.id WHERE invoice_line.id IS NULL",
        order: Order::Asked,
        known: ("1519", 1),
    },
    Question {
        name: "what_stands_on_an_invoice",
        answer: |session| {
            let artist = Track::ALBUM.selectin().then(Album::ARTIST.selectin());
            let lines = Invoice::LINES
                .selectin()
                .then(InvoiceLine::TRACK.selectin().then(artist));
            let invoice = Invoice::query()
                .filter(Invoice::ID.eq(5))
                .with(lines)
                .one(session)?;
            let mut shown = Vec::new();
            for invoice_line in session.load(invoice, Invoice::LINES)? {
                let track = session.load(invoice_line, InvoiceLine::TRACK)?;
                let album = session.load(track, Track::ALBUM)?.expect("an album");
                let artist = session.load(album, Album::ARTIST)?;
                let price = session[invoice_line].unit_price;
                shown.push(line(&[
                    &session[track].name,
                    &session[album].title,
                    &text(&session[artist].name),
                    &price,
                ]));
            }
            assert_eq!(session.statements(), 6, "BEGIN, and one SELECT a level");
            Ok(shown)
        },
        sql: "SELECT track.name, title, artist.name, invoice_line.unit_price FROM invoice_line \
              JOIN track ON track.id = track_id JOIN album ON album.id = album_id JOIN artist ON artist.id = artist_id \
              WHERE invoice_id = 5 ORDER BY invoice_line.id",
        order: Order::Asked,
        known: ("Your Time Has Come | Out Of Exile | Audioslave | 0.99", 14),
    },
    Question {
        name: "where_customers_live",
        answer: |session| {
            let query = select(Customer::COUNTRY).from(Customer::table()).distinct();
            Ok(session
                .rows(&query)?
                .iter()
                .map(|country| text(country).to_owned())
                .collect())
        },
        sql: "SELECT country FROM customer GROUP BY country",
        order: Order::Any,
        known: ("Argentina", 24),
    },
    Question {
        name: "artists_of_two_genres",
        answer: |session| {
            let of = |genre: &'static str| {
                select((Artist::ID, Artist::NAME))
                    .from(Artist::table())
                    .join(Album::table(), on(Album::ARTIST_ID, Artist::ID))
                    .join(Track::table(), on(Track::ALBUM_ID, Album::ID))
                    .join(Genre::table(), on(Genre::ID, Track::GENRE_ID))
                    .filter(Genre::NAME.eq(genre))
            };
            let rows = session.rows(&of("Rock").intersect(of("Metal")).order_by(1))?;
            Ok(rows
                .iter()
                .map(|(id, name)| line(&[&**id, &text(name)]))
                .collect())
        },
        sql: "SELECT id, name FROM artist WHERE id IN (SELECT artist_id FROM album JOIN track ON album_id = album.id WHERE genre_id = 1) \
              AND id IN (SELECT artist_id FROM album JOIN track ON album_id = album.id WHERE genre_id = 3) ORDER BY id",
        order: Order::Asked,
        known: ("88 | Guns N' Roses", 4),
    },
];
