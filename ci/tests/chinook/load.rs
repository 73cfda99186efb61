//! Loads the rows of the files: objects that refer to each other, with keys that the database generates.

use std::str::FromStr;

use selfsame::prelude::*;
use selfsame::value::{Date, Decimal};

use crate::entities::*;

type Text = Option<String>;

/// Creates the tables and adds every row in one transaction.
///
/// The generated keys are those of the files, which have no gaps; this is checked.
pub(crate) fn load(engine: &Engine) -> selfsame::Result<()> {
    chinook().create_all(engine)?;
    let mut session = Session::new(engine);
    let people = add_people(&mut session)?;
    let tracks = add_tracks(&mut session)?;
    add_playlists(&mut session, &tracks);
    add_invoices(&mut session, &people, &tracks)?;
    session.flush()?;
    for (position, track) in tracks.iter().enumerate() {
        assert_eq!(usize::try_from(*session[*track].id), Ok(position + 1));
    }
    session.commit()
}

macro_rules! rows {
    ($table:literal) => {
        parse(include_str!(concat!(
            "../../../conformance/chinook/",
            $table,
            ".json"
        )))
    };
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Vec<T> {
    serde_json::from_str(text).expect("rows of this shape")
}

fn value<T: FromStr<Err = selfsame::Error>>(text: &str) -> selfsame::Result<T> {
    text.parse()
}

/// The object of a key.
fn at<E: Entity>(handles: &[Handle<E>], key: i64) -> Handle<E> {
    handles[usize::try_from(key).expect("a key") - 1]
}

/// The customers.
fn add_people(session: &mut Session) -> selfsame::Result<Vec<Handle<Customer>>> {
    type Row = (
        i64,
        String,
        String,
        Text,
        Option<i64>,
        Text,
        Text,
        Text,
        Text,
        Text,
        Text,
        Text,
        Text,
        Text,
        Text,
    );
    let mut employees: Vec<Handle<Employee>> = Vec::new();
    let date = |text: Text| text.as_deref().map(value::<Date>).transpose();
    for row in rows!("employee") {
        let (
            _,
            last,
            first,
            title,
            manager,
            born,
            hired,
            address,
            city,
            state,
            country,
            code,
            phone,
            fax,
            email,
        ): Row = row;
        employees.push(session.add(Employee {
            title,
            manager: match manager {
                Some(manager) => at(&employees, manager).into(),
                None => BelongsTo::default(),
            },
            birth_date: date(born)?,
            hire_date: date(hired)?,
            address,
            city,
            state,
            country,
            postal_code: code,
            phone,
            fax,
            email,
            ..Employee::new(last, first)
        }));
    }
    type Customers = Vec<(
        i64,
        String,
        String,
        Text,
        Text,
        Text,
        Text,
        Text,
        Text,
        Text,
        Text,
        String,
        i64,
    )>;
    let rows: Customers = rows!("customer");
    let customers = rows.into_iter().map(
        |(_, first, last, company, address, city, state, country, code, phone, fax, email, rep)| {
            Customer {
                company,
                address,
                city,
                state,
                country,
                postal_code: code,
                phone,
                fax,
                support_rep: at(&employees, rep).into(),
                ..Customer::new(first, last, email)
            }
        },
    );
    Ok(session.add_all(customers.collect::<Vec<_>>()))
}

fn add_tracks(session: &mut Session) -> selfsame::Result<Vec<Handle<Track>>> {
    type Named = Vec<(i64, Text)>;
    let named: Named = rows!("artist");
    let artists = named.into_iter().map(|(_, name)| Artist {
        name,
        ..Artist::new()
    });
    let artists = session.add_all(artists.collect::<Vec<_>>());
    let named: Named = rows!("media_type");
    let media = named.into_iter().map(|(_, name)| MediaType {
        name,
        ..MediaType::new()
    });
    let media = session.add_all(media.collect::<Vec<_>>());
    let named: Named = rows!("genre");
    let genres = named.into_iter().map(|(_, name)| Genre {
        name,
        ..Genre::new()
    });
    let genres = session.add_all(genres.collect::<Vec<_>>());
    let titled: Vec<(i64, String, i64)> = rows!("album");
    // A relation takes precedence over the foreign key that `new` requires.
    let albums = titled.into_iter().map(|(_, title, artist)| Album {
        artist: at(&artists, artist).into(),
        ..Album::new(title, 0)
    });
    let albums = session.add_all(albums.collect::<Vec<_>>());
    type Row = (i64, String, i64, i64, i64, Text, i32, Option<i64>, String);
    let mut tracks = Vec::new();
    for row in rows!("track") {
        let (_, name, album, medium, genre, composer, milliseconds, bytes, price): Row = row;
        tracks.push(Track {
            album: at(&albums, album).into(),
            media_type: at(&media, medium).into(),
            genre: at(&genres, genre).into(),
            composer,
            bytes,
            ..Track::new(name, 0, milliseconds, value::<Decimal>(&price)?)
        });
    }
    Ok(session.add_all(tracks))
}

fn add_playlists(session: &mut Session, tracks: &[Handle<Track>]) {
    let named: Vec<(i64, Text)> = rows!("playlist");
    let playlists = named.into_iter().map(|(_, name)| Playlist {
        name,
        ..Playlist::new()
    });
    let playlists = session.add_all(playlists.collect::<Vec<_>>());
    let pairs: Vec<(i64, i64)> = rows!("playlist_track");
    let pairs = pairs.into_iter().map(|(playlist, track)| PlaylistTrack {
        playlist: at(&playlists, playlist).into(),
        track: at(tracks, track).into(),
        ..PlaylistTrack::new(0, 0)
    });
    session.add_all(pairs.collect::<Vec<_>>());
}

fn add_invoices(
    session: &mut Session,
    customers: &[Handle<Customer>],
    tracks: &[Handle<Track>],
) -> selfsame::Result<()> {
    type Row = (i64, i64, String, Text, Text, Text, Text, Text, String);
    let mut invoices = Vec::new();
    for row in rows!("invoice") {
        let (_, customer, date, address, city, state, country, code, total): Row = row;
        invoices.push(Invoice {
            customer: at(customers, customer).into(),
            billing_address: address,
            billing_city: city,
            billing_state: state,
            billing_country: country,
            billing_postal_code: code,
            ..Invoice::new(0, value::<Date>(&date)?, value::<Decimal>(&total)?)
        });
    }
    let invoices = session.add_all(invoices);
    let mut lines = Vec::new();
    for row in rows!("invoice_line") {
        let (_, invoice, track, price, quantity): (i64, i64, i64, String, i32) = row;
        lines.push(InvoiceLine {
            invoice: at(&invoices, invoice).into(),
            track: at(tracks, track).into(),
            ..InvoiceLine::new(0, 0, value::<Decimal>(&price)?, quantity)
        });
    }
    session.add_all(lines);
    Ok(())
}
