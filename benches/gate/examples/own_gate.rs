//! A project's own gate, as its `benches/gate.rs` would be: two workloads, golden files, allocations.
//!
//! `cargo run --release -p selfsame-gate --example own_gate -- --bless` accepts the measured counts; without `--bless` they are compared.

use std::process::ExitCode;

use selfsame::prelude::*;
use selfsame_gate::{Allocations, Gate, Law, Ready, Workload};
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "authors")]
struct Author {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    #[orm(back_populates = author)]
    books: HasMany<Book>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "books")]
struct Book {
    #[orm(primary_key)]
    id: Auto<i64>,
    title: String,
    #[orm(references = "authors.id")]
    author_id: Option<i64>,
    #[orm(back_populates = books)]
    author: BelongsTo<Author>,
}

/// A database with this many authors, each with two books.
fn filled(authors: usize) -> Result<Engine> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Author, Book].create_all(&engine)?;
    let mut session = Session::new(&engine);
    for number in 0..authors {
        session.add(Author {
            books: [Book::new("first"), Book::new("second")].into(),
            ..Author::new(format!("author {number}"))
        });
    }
    session.commit()?;
    Ok(engine)
}

/// All authors with their books. `OWN_GATE_SLOW` enables the kind of mistake that a gate catches.
fn catalogue() -> Workload {
    let slow = std::env::var_os("OWN_GATE_SLOW").is_some();
    Workload::new("catalogue", move |size| {
        let engine = filled(size)?;
        Ok::<_, Error>(Ready::new(engine, move |engine| {
            let mut session = Session::new(engine);
            if !slow {
                let with_books = Author::query().with(Author::BOOKS.selectin());
                return with_books.all(&mut session).map(drop);
            }
            for author in Author::query().all(&mut session)? {
                session.load(author, Author::BOOKS)?;
            }
            Ok(())
        }))
    })
}

/// A new title for each book, in one transaction.
fn retitle() -> Workload {
    Workload::new("retitle", |size| {
        let engine = filled(size)?;
        Ok::<_, Error>(Ready::new(engine, |engine| {
            let mut session = Session::new(engine);
            for book in Book::query().all(&mut session)? {
                session[book].title.push('!');
            }
            session.commit()
        }))
    })
    .statements(Law::Rows)
}

fn main() -> ExitCode {
    Gate::new([catalogue(), retitle()])
        .golden(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/own_gate"))
        .allocations(|work| {
            let found = allocation_counter::measure(work);
            Allocations {
                calls: found.count_total,
                bytes: found.bytes_total,
            }
        })
        .main()
}
