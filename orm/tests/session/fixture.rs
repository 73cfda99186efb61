//! A database, a session on it, and a log of the statements sent.

use std::sync::{Arc, Mutex, PoisonError};

use selfsame::backend::StatementKind;
use selfsame::engine::Event;
use selfsame::prelude::*;
use selfsame::{Entity, Result};
use selfsame_sqlite::Sqlite;

/// Can be deleted without its books: their foreign key is nullable.
#[derive(Entity, Clone, Debug)]
#[orm(table = "authors")]
pub(crate) struct Author {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    #[orm(unique)]
    pub(crate) name: String,
    pub(crate) age: Option<i32>,
    pub(crate) height: Option<f64>,
    #[orm(back_populates = author)]
    pub(crate) books: HasMany<Book>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "books")]
pub(crate) struct Book {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) title: String,
    #[orm(references = "authors.id")]
    pub(crate) author_id: Option<i64>,
    #[orm(back_populates = books)]
    pub(crate) author: BelongsTo<Author>,
}

/// Owns its tracks, which own their marks.
#[derive(Entity, Clone, Debug)]
#[orm(table = "albums")]
pub(crate) struct Album {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) title: String,
    #[orm(back_populates = album, cascade = "all, delete-orphan")]
    pub(crate) tracks: HasMany<Track>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tracks")]
pub(crate) struct Track {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) title: String,
    #[orm(references = "albums.id")]
    pub(crate) album_id: i64,
    #[orm(back_populates = tracks)]
    pub(crate) album: BelongsTo<Album>,
    #[orm(back_populates = track, cascade = "all, delete-orphan")]
    pub(crate) marks: HasMany<Mark>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "marks")]
pub(crate) struct Mark {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) second: i32,
    #[orm(references = "tracks.id")]
    pub(crate) track_id: i64,
    #[orm(back_populates = marks)]
    pub(crate) track: BelongsTo<Track>,
}

/// Cannot be deleted while it has rooms: their foreign key is NOT NULL, without a cascade.
#[derive(Entity, Clone, Debug)]
#[orm(table = "houses")]
pub(crate) struct House {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) street: String,
    #[orm(back_populates = house)]
    pub(crate) rooms: HasMany<Room>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "rooms")]
pub(crate) struct Room {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) name: String,
    #[orm(references = "houses.id")]
    pub(crate) house_id: i64,
    #[orm(back_populates = rooms)]
    pub(crate) house: BelongsTo<House>,
}

/// Has at most one passport.
#[derive(Entity, Clone, Debug)]
#[orm(table = "people")]
pub(crate) struct Person {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) name: String,
    #[orm(back_populates = person)]
    pub(crate) passport: HasOne<Passport>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "passports")]
pub(crate) struct Passport {
    #[orm(primary_key)]
    pub(crate) number: String,
    #[orm(references = "people.id")]
    pub(crate) person_id: Option<i64>,
    #[orm(back_populates = passport)]
    pub(crate) person: BelongsTo<Person>,
}

/// A tree whose branches are deleted with their parent.
#[derive(Entity, Clone, Debug)]
#[orm(table = "nodes")]
pub(crate) struct Node {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) label: String,
    #[orm(references = "nodes.id")]
    pub(crate) parent_id: Option<i64>,
    #[orm(back_populates = children)]
    pub(crate) parent: BelongsTo<Node>,
    #[orm(back_populates = parent, cascade = "all")]
    pub(crate) children: HasMany<Node>,
}

/// Has members, one of whom leads it: the tables reference each other.
#[derive(Entity, Clone, Debug)]
#[orm(table = "teams")]
pub(crate) struct Team {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) name: String,
    #[orm(references = "members.id")]
    pub(crate) leader_id: Option<i64>,
    #[orm(key = "leader_id")]
    pub(crate) leader: BelongsTo<Member>,
    #[orm(back_populates = team, cascade = "all, delete-orphan")]
    pub(crate) members: HasMany<Member>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "members")]
pub(crate) struct Member {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) name: String,
    #[orm(references = "teams.id")]
    pub(crate) team_id: i64,
    #[orm(back_populates = members)]
    pub(crate) team: BelongsTo<Team>,
}

/// References its own table by a column other than the primary key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "words")]
pub(crate) struct Word {
    #[orm(primary_key)]
    pub(crate) id: i64,
    #[orm(unique)]
    pub(crate) text: String,
    #[orm(references = "words.text")]
    pub(crate) root: Option<String>,
}

/// Has a key of two columns.
#[derive(Entity, Clone, Debug)]
#[orm(table = "seats")]
pub(crate) struct Seat {
    #[orm(primary_key)]
    pub(crate) row: i32,
    #[orm(primary_key)]
    pub(crate) place: String,
    pub(crate) taken: bool,
}

/// Its key consists of the keys of the two rows that it connects.
#[derive(Entity, Clone, Debug)]
#[orm(table = "credits")]
pub(crate) struct Credit {
    #[orm(primary_key, references = "authors.id")]
    pub(crate) author_id: i64,
    #[orm(primary_key, references = "teams.id")]
    pub(crate) team_id: i64,
    pub(crate) author: BelongsTo<Author>,
    pub(crate) team: BelongsTo<Team>,
}

/// Has a version, a key set by the program, and a self-reference.
#[derive(Entity, Clone, Debug)]
#[orm(table = "drafts")]
pub(crate) struct Draft {
    #[orm(primary_key)]
    pub(crate) name: String,
    pub(crate) text: String,
    #[orm(version)]
    pub(crate) version: i32,
    #[orm(references = "drafts.name")]
    pub(crate) origin_name: Option<String>,
    pub(crate) origin: BelongsTo<Draft>,
}

/// Many-to-many with tags.
#[derive(Entity, Clone, Debug)]
#[orm(table = "posts")]
pub(crate) struct Post {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) title: String,
    #[orm(secondary = "post_tags(post_id, tag_id)", back_populates = posts, order_by = "label desc")]
    pub(crate) tags: ManyToMany<Tag>,
    /// A relation without an inverse.
    #[orm(secondary = "post_seats(post_id, seat_row, seat_place)")]
    pub(crate) seats: ManyToMany<Seat>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tags")]
pub(crate) struct Tag {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    #[orm(unique)]
    pub(crate) label: String,
    #[orm(back_populates = tags)]
    pub(crate) posts: ManyToMany<Post>,
}

/// Many-to-many with itself; its own tags are deleted with it.
#[derive(Entity, Clone, Debug)]
#[orm(table = "sites")]
pub(crate) struct Site {
    #[orm(primary_key)]
    pub(crate) name: String,
    #[orm(secondary = "links(source, target)", back_populates = linked_by)]
    pub(crate) links: ManyToMany<Site>,
    #[orm(secondary = "links(target, source)", back_populates = links)]
    pub(crate) linked_by: ManyToMany<Self>,
    #[orm(secondary = "site_tags(site, tag_id)", cascade = "all")]
    pub(crate) own_tags: ManyToMany<Tag>,
}

/// A changed code is followed by its shops, and theirs by their shelves.
#[derive(Entity, Clone, Debug)]
#[orm(table = "regions")]
pub(crate) struct Region {
    #[orm(primary_key)]
    pub(crate) code: String,
    #[orm(back_populates = region)]
    pub(crate) shops: HasMany<Shop>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "shops")]
pub(crate) struct Shop {
    #[orm(primary_key, references = "regions.code", on_update = "cascade")]
    pub(crate) region_code: String,
    #[orm(primary_key)]
    pub(crate) number: i32,
    pub(crate) open: bool,
    #[orm(back_populates = shops)]
    pub(crate) region: BelongsTo<Region>,
}

#[derive(Entity, Clone, Debug)]
#[orm(
    table = "shelves",
    foreign_key(
        columns(region_code, shop_number),
        references = "shops(region_code, number)",
        on_update = "cascade"
    )
)]
pub(crate) struct Shelf {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) region_code: String,
    pub(crate) shop_number: i32,
}

/// Its total is a computed column.
#[derive(Entity, Clone, Debug)]
#[orm(table = "lines")]
pub(crate) struct Line {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) price: i64,
    pub(crate) amount: i64,
    #[orm(computed = "price * amount")]
    pub(crate) total: Auto<i64>,
}

/// Has an address and optionally a billing address.
#[derive(Entity, Clone, Debug)]
#[orm(table = "customers")]
pub(crate) struct Customer {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) name: String,
    #[orm(flatten)]
    pub(crate) home: Address,
    #[orm(flatten, prefix = "billing_")]
    pub(crate) billing: Option<Address>,
}

#[derive(Embedded, Clone, Debug, PartialEq)]
pub(crate) struct Address {
    pub(crate) street: String,
    #[orm(length = 5, check = "zip <> ''", validate = digits)]
    pub(crate) zip: String,
    pub(crate) country: Option<String>,
}

fn digits(text: &str) -> std::result::Result<(), &'static str> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then_some(()).ok_or("not all digits")
}

/// May have an agent, through a foreign key in an optional embedded value.
#[derive(Entity, Clone, Debug)]
#[orm(table = "actors")]
pub(crate) struct Actor {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    #[orm(flatten, prefix = "agent_")]
    pub(crate) agency: Option<Agency>,
    #[orm(key = "agent_id")]
    pub(crate) agent: BelongsTo<Author>,
}

#[derive(Embedded, Clone, Debug, PartialEq)]
pub(crate) struct Agency {
    #[orm(references = "authors.id")]
    pub(crate) id: i64,
    pub(crate) share: Option<f64>,
}

/// A car, a truck or a bicycle, whose manual is long.
#[derive(Entity, Clone, Debug)]
#[orm(table = "vehicles")]
pub(crate) struct Vehicle {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) name: String,
    #[orm(default = "as usual")]
    pub(crate) manual: Deferred<String>,
    #[orm(flatten)]
    pub(crate) kind: Kind,
    #[orm(key = "driver_id")]
    pub(crate) driver: BelongsTo<Author>,
}

#[derive(Embedded, Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Car {
        doors: i32,
        color: Option<String>,
    },
    Truck {
        #[orm(check = "load > 0")]
        load: f64,
        #[orm(references = "authors.id")]
        driver_id: Option<i64>,
    },
    Bicycle,
}

/// A session and the statements that it sent.
pub(crate) struct Fixture {
    pub(crate) session: Session,
    /// The same database, without the session and the log.
    pub(crate) outside: Engine,
    pub(crate) engine: Engine,
    sent: Arc<Mutex<Vec<String>>>,
}

impl Fixture {
    pub(crate) fn new() -> Result<Self> {
        let database = Sqlite::memory();
        let (engine, outside) = (Engine::new(database.clone()), Engine::new(database));
        metadata![
            Author, Book, Album, Track, Mark, House, Room, Person, Passport, Node, Seat, Team,
            Member, Word, Draft, Credit, Post, Tag, Site, Region, Shop, Shelf, Line, Customer,
            Vehicle, Actor
        ]
        .create_all(&outside)?;
        let sent = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&sent);
        engine.observe(move |event: &Event<'_>| {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push(fingerprint(event));
        });
        let session = Session::new(&engine);
        Ok(Self {
            session,
            outside,
            engine,
            sent,
        })
    }

    /// The statements sent since the last call, one per line.
    pub(crate) fn sent(&self) -> Vec<String> {
        std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Clears the log.
    pub(crate) fn forget(&self) {
        self.sent();
    }

    /// Asserts the statements sent since the last call.
    #[track_caller]
    pub(crate) fn sends(&self, expected: &[&str]) {
        assert_eq!(self.sent(), expected);
    }

    /// Changes the database as another session would.
    pub(crate) fn in_another_session<T>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T>,
    ) -> Result<T> {
        let mut session = Session::new(&self.outside);
        let result = work(&mut session)?;
        session.commit()?;
        Ok(result)
    }

    /// The number of rows.
    #[track_caller]
    pub(crate) fn holds<E: Entity>(&self, expected: u64) {
        let mut session = Session::new(&self.outside);
        let count = E::query().count(&mut session).expect("a count");
        assert_eq!(count, expected, "rows of {}", E::table().name);
    }
}

/// A shortened statement: without quotes, parameter numbers and lists of columns to read.
fn fingerprint(event: &Event<'_>) -> String {
    let text = event.sql.text().replace('"', "");
    let mut short = match event.sql.kind() {
        StatementKind::Select if text.starts_with("SELECT last FROM") => "LAST KEY".to_owned(),
        StatementKind::Select => match text.split_once(" FROM ") {
            Some((_, rest)) => format!("SELECT {rest}"),
            None => text,
        },
        StatementKind::Insert => match text.split_once(" VALUES ") {
            Some((head, _)) => format!("{head} {}", event.rows),
            None => text,
        },
        _ => text,
    };
    for digit in '0'..='9' {
        while let Some(at) = short.find(&format!("?{digit}")) {
            short.remove(at + 1);
        }
    }
    let is_insert = event.sql.kind() == StatementKind::Insert;
    if event.executions > 1 && !is_insert {
        short = format!("{short} × {}", event.executions);
    }
    match event.error {
        Some(error) => format!("{short} -- {:?}", error.kind()),
        None => short,
    }
}
