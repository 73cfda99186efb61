//! Entities of a database (sqlite), written by `selfsame inspect`.
//!
//! Triggers are left out. Anything else that an entity cannot express is a comment on the entity or field.

use selfsame::prelude::*;
use selfsame::value::{Date, Decimal};

/// Every table that has an entity.
pub fn metadata() -> Metadata {
    metadata![
        Album,
        Artist,
        Customer,
        Employee,
        Genre,
        Invoice,
        InvoiceLine,
        MediaType,
        Playlist,
        PlaylistTrack,
        Track,
    ]
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "album")]
pub struct Album {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(length = 160)]
    pub title: String,
    #[orm(index, references = "artist.id")]
    pub artist_id: i64,
    #[orm(back_populates = albums)]
    pub artist: BelongsTo<Artist>,
    #[orm(back_populates = album)]
    pub tracks: HasMany<Track>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "artist")]
pub struct Artist {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(length = 120)]
    pub name: Option<String>,
    #[orm(back_populates = artist)]
    pub albums: HasMany<Album>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "customer")]
pub struct Customer {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(length = 40)]
    pub first_name: String,
    #[orm(length = 20)]
    pub last_name: String,
    #[orm(length = 80)]
    pub company: Option<String>,
    #[orm(length = 70)]
    pub address: Option<String>,
    #[orm(length = 40)]
    pub city: Option<String>,
    #[orm(length = 40)]
    pub state: Option<String>,
    #[orm(length = 40)]
    pub country: Option<String>,
    #[orm(length = 10)]
    pub postal_code: Option<String>,
    #[orm(length = 24)]
    pub phone: Option<String>,
    #[orm(length = 24)]
    pub fax: Option<String>,
    #[orm(unique, length = 60)]
    pub email: String,
    #[orm(references = "employee.id", on_delete = "set null")]
    pub support_rep_id: Option<i64>,
    #[orm(back_populates = customers)]
    pub support_rep: BelongsTo<Employee>,
    #[orm(back_populates = customer)]
    pub invoices: HasMany<Invoice>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "employee")]
pub struct Employee {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(length = 20)]
    pub last_name: String,
    #[orm(length = 20)]
    pub first_name: String,
    #[orm(length = 30)]
    pub title: Option<String>,
    #[orm(references = "employee.id")]
    pub reports_to: Option<i64>,
    pub birth_date: Option<Date>,
    pub hire_date: Option<Date>,
    #[orm(length = 70)]
    pub address: Option<String>,
    #[orm(length = 40)]
    pub city: Option<String>,
    #[orm(length = 40)]
    pub state: Option<String>,
    #[orm(length = 40)]
    pub country: Option<String>,
    #[orm(length = 10)]
    pub postal_code: Option<String>,
    #[orm(length = 24)]
    pub phone: Option<String>,
    #[orm(length = 24)]
    pub fax: Option<String>,
    #[orm(unique, length = 60)]
    pub email: Option<String>,
    #[orm(back_populates = employees_by_reports_to)]
    pub reports_to_row: BelongsTo<Employee>,
    #[orm(back_populates = support_rep, passive_deletes)]
    pub customers: HasMany<Customer>,
    #[orm(back_populates = reports_to_row)]
    pub employees_by_reports_to: HasMany<Employee>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "genre")]
pub struct Genre {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(length = 120)]
    pub name: Option<String>,
    #[orm(back_populates = genre)]
    pub tracks: HasMany<Track>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "invoice")]
pub struct Invoice {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(index, references = "customer.id")]
    pub customer_id: i64,
    pub invoice_date: Date,
    #[orm(length = 70)]
    pub billing_address: Option<String>,
    #[orm(length = 40)]
    pub billing_city: Option<String>,
    #[orm(length = 40)]
    pub billing_state: Option<String>,
    #[orm(length = 40)]
    pub billing_country: Option<String>,
    #[orm(length = 10)]
    pub billing_postal_code: Option<String>,
    #[orm(precision = (10, 2))]
    pub total: Decimal,
    #[orm(back_populates = invoices)]
    pub customer: BelongsTo<Customer>,
    #[orm(back_populates = invoice)]
    pub invoice_lines: HasMany<InvoiceLine>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "invoice_line")]
pub struct InvoiceLine {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(index, references = "invoice.id")]
    pub invoice_id: i64,
    #[orm(index, references = "track.id")]
    pub track_id: i64,
    #[orm(precision = (10, 2))]
    pub unit_price: Decimal,
    pub quantity: i32,
    #[orm(back_populates = invoice_lines)]
    pub invoice: BelongsTo<Invoice>,
    #[orm(back_populates = invoice_lines)]
    pub track: BelongsTo<Track>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "media_type")]
pub struct MediaType {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(length = 120)]
    pub name: Option<String>,
    #[orm(back_populates = media_type)]
    pub tracks: HasMany<Track>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "playlist")]
pub struct Playlist {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(length = 120)]
    pub name: Option<String>,
    #[orm(
        secondary = "playlist_track(playlist_id, track_id)",
        back_populates = playlists
    )]
    pub tracks: ManyToMany<Track>,
}

// Its rows are the pairs of Playlist.tracks and Track.playlists, which would otherwise create other foreign keys or indexes.
#[derive(Entity, Clone, Debug)]
#[orm(table = "playlist_track")]
pub struct PlaylistTrack {
    #[orm(primary_key, references = "playlist.id", on_delete = "cascade")]
    pub playlist_id: i64,
    #[orm(primary_key, index, references = "track.id")]
    pub track_id: i64,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "track")]
#[orm(check = "milliseconds > 0")]
pub struct Track {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(length = 200)]
    pub name: String,
    #[orm(index, references = "album.id")]
    pub album_id: Option<i64>,
    #[orm(references = "media_type.id")]
    pub media_type_id: i64,
    #[orm(index, references = "genre.id")]
    pub genre_id: Option<i64>,
    #[orm(length = 220)]
    pub composer: Option<String>,
    pub milliseconds: i32,
    pub bytes: Option<i64>,
    #[orm(precision = (10, 2))]
    pub unit_price: Decimal,
    #[orm(back_populates = tracks)]
    pub album: BelongsTo<Album>,
    #[orm(back_populates = tracks)]
    pub media_type: BelongsTo<MediaType>,
    #[orm(back_populates = tracks)]
    pub genre: BelongsTo<Genre>,
    #[orm(back_populates = track)]
    pub invoice_lines: HasMany<InvoiceLine>,
    #[orm(back_populates = tracks)]
    pub playlists: ManyToMany<Playlist>,
}
