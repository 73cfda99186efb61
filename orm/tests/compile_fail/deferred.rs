use selfsame::prelude::*;

#[derive(Entity, Clone)]
#[orm(table = "authors")]
struct Author {
    #[orm(primary_key)]
    id: Deferred<i64>,
    name: String,
}

#[derive(Entity, Clone)]
#[orm(
    table = "books",
    foreign_key(columns(series), references = "series(name)")
)]
struct Book {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(version)]
    version: Deferred<i32>,
    #[orm(references = "authors.id")]
    author_id: Deferred<i64>,
    series: Deferred<String>,
    text: Option<Deferred<String>>,
    #[orm(server_default = "now()")]
    printed: Deferred<Auto<String>>,
}

#[derive(Entity, Clone)]
#[orm(table = "shelves")]
struct Shelf {
    #[orm(primary_key)]
    id: Auto<i64>,
    books: Deferred<HasMany<Book>>,
}

#[derive(Embedded, Clone)]
struct Address {
    street: String,
    map: Deferred<Vec<u8>>,
}

fn main() {}
