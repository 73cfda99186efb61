//! Tutorial 3: from an engine with echo to objects, queries and relations, and the expression language.
//!
//! `cargo run -p selfsame-ci --example tutorial_3_object_relational [URL]`

use std::error::Error;
use std::io::Write;

use selfsame::prelude::*;
use selfsame::schema::{Column, ColumnType, Generated, Table};
use selfsame::sql::{count_all, insert_into, select, update};

/// A user with addresses.
#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    fullname: String,
    password: String,
    #[orm(back_populates = user, cascade = "all, delete-orphan")]
    addresses: HasMany<Address>,
}

/// An e-mail address.
#[derive(Entity, Clone, Debug)]
#[orm(table = "addresses")]
struct Address {
    #[orm(primary_key)]
    id: Auto<i64>,
    email: String,
    #[orm(references = "users.id")]
    user_id: Option<i64>,
    #[orm(back_populates = addresses)]
    user: BelongsTo<User>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "sqlite::memory:".to_owned());
    // Connecting is lazy: the first statement opens a connection.
    let engine = Engine::from_url(
        &url,
        &[&selfsame_sqlite::SCHEME, &selfsame_postgres::SCHEME],
    )?;
    run(&engine.echo(Echo::WithParameters), &mut std::io::stdout())
}

/// Runs the steps; the code is the same for every database.
pub(crate) fn run(engine: &Engine, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    writeln!(out, "version {}", selfsame::VERSION)?;
    writeln!(out, "{} statements so far", engine.statements())?;

    declare(engine, out)?;
    unit_of_work(engine, out)?;
    query(engine, out)?;
    relate(engine, out)?;
    expressions(engine, out)
}

/// The mapping is available at run time, and `create_all` checks which tables exist.
fn declare(engine: &Engine, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let table = User::table();
    let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    writeln!(out, "{} {columns:?}", table.name)?;
    metadata![User, Address].create_all(engine)?;

    // A table can also be declared, and its rows mapped, without a struct.
    let notes = Table::build("notes")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
        .column(Column::new("body", ColumnType::Text { length: None }))
        .primary_key(["id"]);
    let tables = Metadata::of_records([notes]);
    tables.create_all(engine)?;
    let notes = tables.records("notes")?;
    let mut note = notes.record();
    note.set("body", "no class")?;
    let mut session = Session::new(engine);
    let note = session.add(note);
    session.commit()?;
    session[note].set("body", "no class needed")?;
    session.commit()?;
    writeln!(out, "{:?}", session[note])?;
    Ok(())
}

/// The unit of work: the flush writes the changes of objects to their rows.
fn unit_of_work(engine: &Engine, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    // A mapped type is still an ordinary type.
    let ed_user = User::new("ed", "Ed Jones", "edspassword");
    writeln!(out, "{} {:?}", ed_user.name, ed_user.id)?;

    let mut session = Session::new(engine);
    let ed_user = session.add(ed_user);
    writeln!(out, "{}", session.state(ed_user))?;

    // A query flushes first, and returns the existing object.
    let our_user = User::query()
        .filter(User::NAME.eq("ed"))
        .first(&mut session)?;
    writeln!(out, "the same object: {}", our_user == Some(ed_user))?;

    session.add_all([
        User::new("wendy", "Wendy Williams", "foobar"),
        User::new("mary", "Mary Contrary", "xxg527"),
        User::new("fred", "Fred Flinstone", "blah"),
    ]);
    session[ed_user].password = "f8s7ccs".into();
    writeln!(
        out,
        "dirty: {:?}, new: {:?}",
        session.dirty::<User>(),
        session.new_objects::<User>()
    )?;
    writeln!(out, "{:?}", session.history(ed_user, User::PASSWORD)?)?;
    session.commit()?;
    writeln!(out, "has a key: {}", session[ed_user].id.get().is_some())?;

    // Rolling back.
    session[ed_user].name = "Edwardo".into();
    let fake_user = session.add(User::new("fakeuser", "Invalid", "12345"));
    let both = User::query()
        .filter(User::NAME.in_(["Edwardo", "fakeuser"]))
        .count(&mut session)?;
    writeln!(out, "{both} before the rollback")?;
    session.rollback()?;
    writeln!(
        out,
        "{}, {}, {}",
        session[ed_user].name,
        session.state(fake_user),
        session.debug(ed_user)
    )?;
    Ok(())
}

/// Queries by entities and their columns.
fn query(engine: &Engine, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let mut session = Session::new(engine);
    for user in User::query().order_by(User::ID.asc()).all(&mut session)? {
        writeln!(out, "{} {}", session[user].name, session[user].fullname)?;
    }
    let page = User::query()
        .order_by(User::ID.asc())
        .offset(1)
        .limit(2)
        .all(&mut session)?;
    writeln!(out, "{}", names(&session, &page))?;

    let found = User::query()
        .filter(User::NAME.ne("ed").and(User::NAME.like("%ed")))
        .all(&mut session)?;
    writeln!(out, "{}", names(&session, &found))?;
    let found = User::query()
        .filter(User::NAME.eq("ed").or(User::NAME.eq("wendy")))
        .order_by(User::NAME.desc())
        .all(&mut session)?;
    writeln!(out, "{}", names(&session, &found))?;

    let one = User::query()
        .filter(User::FULLNAME.eq("Ed Jones"))
        .one(&mut session)?;
    writeln!(out, "{}", session[one].name)?;
    let error = User::query().one(&mut session).map_err(|e| e.kind());
    writeln!(out, "{:?}", error.err())?;
    writeln!(
        out,
        "{}",
        User::query()
            .filter(User::NAME.starts_with("w"))
            .exists(&mut session)?
    )?;
    Ok(())
}

/// Relations, without explicit joins.
fn relate(engine: &Engine, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let mut session = Session::new(engine);
    let jack = session.add(User {
        addresses: [
            Address::new("jack@example.com"),
            Address::new("j25@example.com"),
        ]
        .into(),
        ..User::new("jack", "Jack Bean", "gjffdd")
    });
    session.commit()?;

    // Lazy loading, on request.
    for address in session.load(jack, User::ADDRESSES)? {
        let owner = session.load(address, Address::USER)?;
        writeln!(out, "{} {}", session[address].email, owner == Some(jack))?;
    }
    session.close();

    // Eager loading, with the query.
    let users = User::query()
        .filter(User::NAME.eq("jack"))
        .with(User::ADDRESSES.selectin())
        .all(&mut session)?;
    let sent = session.statements();
    for user in &users {
        let addresses = session.load(*user, User::ADDRESSES)?;
        writeln!(
            out,
            "{} has {}, {} more statements",
            session[*user].name,
            addresses.len(),
            session.statements() - sent
        )?;
    }

    // Removing an address from its user deletes it, and deleting the user deletes the other.
    let [jack] = users[..] else {
        return Err("there is one jack".into());
    };
    let first = session.load(jack, User::ADDRESSES)?[0];
    session.remove(jack, User::ADDRESSES, first)?;
    session.flush()?;
    writeln!(out, "{}", Address::query().count(&mut session)?)?;
    session.delete(jack)?;
    session.commit()?;
    writeln!(out, "{}", Address::query().count(&mut session)?)?;
    Ok(())
}

/// The expression language, without a session.
fn expressions(engine: &Engine, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let mut connection = engine.connect()?;
    connection.write(
        &insert_into(User::table())
            .columns((User::NAME, User::FULLNAME, User::PASSWORD))
            .values(("zoe", "Zoe Zander", "secret")),
    )?;
    let changed = connection.write(
        &update(User::table())
            .set(User::FULLNAME, "Zoe Z.")
            .filter(User::NAME.eq("zoe")),
    )?;
    writeln!(out, "{} changed", changed)?;
    let rows = connection.all(
        &select((User::NAME, User::FULLNAME))
            .from(User::table())
            .filter(User::NAME.ge("w"))
            .order_by(User::NAME.asc()),
    )?;
    writeln!(out, "{rows:?}")?;
    let count: Vec<i64> = connection.all(&select(count_all()).from(User::table()))?;
    writeln!(out, "{count:?}")?;
    Ok(())
}

fn names(session: &Session, users: &[Handle<User>]) -> String {
    let names: Vec<&str> = users.iter().map(|&u| session[u].name.as_str()).collect();
    names.join(", ")
}
