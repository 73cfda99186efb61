//! The music shop, mapped by hand.

use selfsame::prelude::*;
use selfsame::value::{Date, Decimal};

/// All of it.
pub(crate) fn chinook() -> Metadata {
    metadata![
        Artist,
        Album,
        MediaType,
        Genre,
        Track,
        Playlist,
        PlaylistTrack,
        Employee,
        Customer,
        Invoice,
        InvoiceLine
    ]
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "artist")]
pub(crate) struct Artist {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    #[orm(length = 120)]
    pub(crate) name: Option<String>,
    #[orm(back_populates = artist)]
    pub(crate) albums: HasMany<Album>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "album")]
pub(crate) struct Album {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    #[orm(length = 160)]
    pub(crate) title: String,
    #[orm(references = "artist.id", index)]
    pub(crate) artist_id: i64,
    #[orm(back_populates = albums)]
    pub(crate) artist: BelongsTo<Artist>,
    #[orm(back_populates = album)]
    pub(crate) tracks: HasMany<Track>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "media_type")]
pub(crate) struct MediaType {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    #[orm(length = 120)]
    pub(crate) name: Option<String>,
    #[orm(back_populates = media_type)]
    pub(crate) tracks: HasMany<Track>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "genre")]
pub(crate) struct Genre {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    #[orm(length = 120)]
    pub(crate) name: Option<String>,
    #[orm(back_populates = genre)]
    pub(crate) tracks: HasMany<Track>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "track")]
pub(crate) struct Track {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    #[orm(length = 200)]
    pub(crate) name: String,
    #[orm(references = "album.id", index)]
    pub(crate) album_id: Option<i64>,
    #[orm(references = "media_type.id")]
    pub(crate) media_type_id: i64,
    #[orm(references = "genre.id", index)]
    pub(crate) genre_id: Option<i64>,
    #[orm(length = 220)]
    pub(crate) composer: Option<String>,
    #[orm(check = "milliseconds > 0")]
    pub(crate) milliseconds: i32,
    pub(crate) bytes: Option<i64>,
    #[orm(precision = (10, 2))]
    pub(crate) unit_price: Decimal,
    #[orm(back_populates = tracks)]
    pub(crate) album: BelongsTo<Album>,
    #[orm(back_populates = tracks)]
    pub(crate) media_type: BelongsTo<MediaType>,
    #[orm(back_populates = tracks)]
    pub(crate) genre: BelongsTo<Genre>,
    #[orm(back_populates = track)]
    pub(crate) invoice_lines: HasMany<InvoiceLine>,
    #[orm(back_populates = track)]
    pub(crate) playlist_tracks: HasMany<PlaylistTrack>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "playlist")]
pub(crate) struct Playlist {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    #[orm(length = 120)]
    pub(crate) name: Option<String>,
    #[orm(back_populates = playlist, cascade = "all, delete-orphan")]
    pub(crate) playlist_tracks: HasMany<PlaylistTrack>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "playlist_track")]
pub(crate) struct PlaylistTrack {
    #[orm(primary_key, references = "playlist.id", on_delete = "cascade")]
    pub(crate) playlist_id: i64,
    #[orm(primary_key, references = "track.id", index)]
    pub(crate) track_id: i64,
    #[orm(back_populates = playlist_tracks)]
    pub(crate) playlist: BelongsTo<Playlist>,
    #[orm(back_populates = playlist_tracks)]
    pub(crate) track: BelongsTo<Track>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "employee")]
pub(crate) struct Employee {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    #[orm(length = 20)]
    pub(crate) last_name: String,
    #[orm(length = 20)]
    pub(crate) first_name: String,
    #[orm(length = 30)]
    pub(crate) title: Option<String>,
    #[orm(references = "employee.id")]
    pub(crate) reports_to: Option<i64>,
    pub(crate) birth_date: Option<Date>,
    pub(crate) hire_date: Option<Date>,
    #[orm(length = 70)]
    pub(crate) address: Option<String>,
    #[orm(length = 40)]
    pub(crate) city: Option<String>,
    #[orm(length = 40)]
    pub(crate) state: Option<String>,
    #[orm(length = 40)]
    pub(crate) country: Option<String>,
    #[orm(length = 10)]
    pub(crate) postal_code: Option<String>,
    #[orm(length = 24)]
    pub(crate) phone: Option<String>,
    #[orm(length = 24)]
    pub(crate) fax: Option<String>,
    #[orm(length = 60, unique)]
    pub(crate) email: Option<String>,
    #[orm(back_populates = reports)]
    pub(crate) manager: BelongsTo<Employee>,
    #[orm(back_populates = manager)]
    pub(crate) reports: HasMany<Employee>,
    #[orm(back_populates = support_rep)]
    pub(crate) customers: HasMany<Customer>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "customer")]
pub(crate) struct Customer {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    #[orm(length = 40)]
    pub(crate) first_name: String,
    #[orm(length = 20)]
    pub(crate) last_name: String,
    #[orm(length = 80)]
    pub(crate) company: Option<String>,
    #[orm(length = 70)]
    pub(crate) address: Option<String>,
    #[orm(length = 40)]
    pub(crate) city: Option<String>,
    #[orm(length = 40)]
    pub(crate) state: Option<String>,
    #[orm(length = 40)]
    pub(crate) country: Option<String>,
    #[orm(length = 10)]
    pub(crate) postal_code: Option<String>,
    #[orm(length = 24)]
    pub(crate) phone: Option<String>,
    #[orm(length = 24)]
    pub(crate) fax: Option<String>,
    #[orm(length = 60, unique)]
    pub(crate) email: String,
    #[orm(references = "employee.id", on_delete = "set null")]
    pub(crate) support_rep_id: Option<i64>,
    #[orm(back_populates = customers)]
    pub(crate) support_rep: BelongsTo<Employee>,
    #[orm(back_populates = customer)]
    pub(crate) invoices: HasMany<Invoice>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "invoice")]
pub(crate) struct Invoice {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    #[orm(references = "customer.id", index)]
    pub(crate) customer_id: i64,
    pub(crate) invoice_date: Date,
    #[orm(length = 70)]
    pub(crate) billing_address: Option<String>,
    #[orm(length = 40)]
    pub(crate) billing_city: Option<String>,
    #[orm(length = 40)]
    pub(crate) billing_state: Option<String>,
    #[orm(length = 40)]
    pub(crate) billing_country: Option<String>,
    #[orm(length = 10)]
    pub(crate) billing_postal_code: Option<String>,
    #[orm(precision = (10, 2))]
    pub(crate) total: Decimal,
    #[orm(back_populates = invoices)]
    pub(crate) customer: BelongsTo<Customer>,
    #[orm(back_populates = invoice, cascade = "all, delete-orphan")]
    pub(crate) lines: HasMany<InvoiceLine>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "invoice_line")]
pub(crate) struct InvoiceLine {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    #[orm(references = "invoice.id", index)]
    pub(crate) invoice_id: i64,
    #[orm(references = "track.id", index)]
    pub(crate) track_id: i64,
    #[orm(precision = (10, 2))]
    pub(crate) unit_price: Decimal,
    pub(crate) quantity: i32,
    #[orm(back_populates = lines)]
    pub(crate) invoice: BelongsTo<Invoice>,
    #[orm(back_populates = invoice_lines)]
    pub(crate) track: BelongsTo<Track>,
}
