use selfsame::value::Auto;
use selfsame::{Embedded, Entity};

#[derive(Embedded, Clone)]
struct Address {
    #[orm(column = "way")]
    street: String,
    #[orm(flatten, prefix = "zip_")]
    zip: Zip,
}

#[derive(Embedded, Clone)]
struct Zip {
    code: String,
    #[orm(column = "country_code")]
    country: String,
}

#[derive(Entity, Clone)]
struct Clash {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(flatten)]
    home: Address,
    zip_country_code: String,
}

#[derive(Embedded, Clone)]
struct Note {
    text: Option<String>,
}

#[derive(Entity, Clone)]
struct Empty {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(flatten)]
    note: Option<Note>,
}

#[derive(Embedded, Clone)]
struct Stamp {
    by: i64,
    #[orm(server_default = "1")]
    at: Auto<i64>,
}

#[derive(Entity, Clone)]
struct Made {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(flatten)]
    stamp: Option<Stamp>,
}

#[derive(Embedded, Clone)]
struct Revision {
    #[orm(version)]
    revision: i32,
}

#[derive(Entity, Clone)]
struct Twice {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(version)]
    version: i64,
    #[orm(flatten)]
    revision: Revision,
}

fn main() {}
