//! Tutorial 2: entities in separate modules, a one-to-one relation between them, and the same tables without entities.
//!
//! `cargo run -p selfsame-ci --example tutorial_2_using_orms [URL]`

use std::error::Error;
use std::io::Write;

use selfsame::prelude::*;
use selfsame_sqlite::testing::TempDatabase;

use address::Address;
use customer::Customer;

/// Each entity has its own module. They may refer to each other, because mappings are resolved at their first use.
mod customer {
    use selfsame::prelude::*;

    use super::address::Address;

    /// Typed attributes: `i64` is an integer column, `String` is text, `Option` may be NULL.
    #[derive(Entity, Clone, Debug)]
    #[orm(table = "customer")]
    pub(crate) struct Customer {
        #[orm(primary_key, autoincrement)]
        pub(crate) id: Auto<i64>,
        pub(crate) name: String,
        #[orm(references = "address.id")]
        pub(crate) address_id: Option<i64>,
        #[orm(back_populates = customer, lazy = "joined")]
        pub(crate) address: BelongsTo<Address>,
    }
}

/// The other side.
mod address {
    use selfsame::prelude::*;

    use super::customer::Customer;

    /// Where one customer lives.
    #[derive(Entity, Clone, Debug)]
    #[orm(table = "address")]
    pub(crate) struct Address {
        #[orm(primary_key, autoincrement)]
        pub(crate) id: Auto<i64>,
        pub(crate) street: String,
        pub(crate) city: String,
        #[orm(back_populates = address)]
        pub(crate) customer: HasOne<Customer>,
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = TempDatabase::new()?;
    let file = folder.directory().join("workshop.db");
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| format!("sqlite:{}", file.display()));
    let engine = Engine::from_url(
        &url,
        &[&selfsame_sqlite::SCHEME, &selfsame_postgres::SCHEME],
    )?;
    run(&engine.echo(Echo::Sql), &mut std::io::stdout())
}

/// Runs the steps; the code is the same for every database.
pub(crate) fn run(engine: &Engine, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    // The order of the list does not matter: referenced tables are created first.
    metadata![Customer, Address].create_all(engine)?;

    let factory = SessionFactory::new(engine);
    let mut session = factory.session();
    let ann = session.add(Customer {
        address: Address::new("Rue de la Paix", "Paris").into(),
        ..Customer::new("ann")
    });
    session.commit()?;
    let id = *session[ann].id;
    session.close();

    // The mapping loads the address with the customer; using it sends no further statement.
    let mut session = factory.session();
    let ann = Customer::query()
        .filter(Customer::ID.eq(id))
        .one(&mut session)?;
    let sent = session.statements();
    let address = session
        .load(ann, Customer::ADDRESS)?
        .ok_or("ann has an address")?;
    writeln!(
        out,
        "{} lives in {}, {} more statements",
        session[ann].name,
        session[address].city,
        session.statements() - sent
    )?;

    // Both sides are one relation: setting one changes the other, and an address has only one customer.
    let bob = session.add(Customer::new("bob"));
    session.set(bob, Customer::ADDRESS, Some(address))?;
    let lives_there = session
        .load(address, Address::CUSTOMER)?
        .ok_or("somebody lives there")?;
    writeln!(out, "{} lives there now", session[lives_there].name)?;
    let old = session.load(ann, Customer::ADDRESS)?;
    writeln!(out, "ann: {:?}", old.map(|old| session[old].city.clone()))?;
    session.commit()?;

    // The same tables without entities: reflected from the database, with relations for the foreign keys.
    let found = Metadata::reflect(engine)?;
    for table in found.tables() {
        let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        writeln!(out, "{} {columns:?}", table.name)?;
    }
    let customers = found.records("customer")?;
    let named_bob = customers.column::<String>("name")?.eq("bob");
    let mut session = factory.session();
    let bob = customers.query().filter(named_bob).one(&mut session)?;
    for address in session.load(bob, "address")? {
        let city: String = session[address].get("city")?;
        writeln!(out, "bob lives in {city}")?;
    }
    Ok(())
}
