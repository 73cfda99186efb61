// ANCHOR: entities
use selfsame::prelude::*;

#[derive(DbEnum, Clone, Copy, Debug, PartialEq)]
pub enum Status {
    Open,
    #[orm(label = "paid in full")]
    Paid,
}

#[derive(Embedded, Clone, Debug, PartialEq)]
pub struct Address {
    pub street: String,
    #[orm(length = 10)]
    pub zip: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "invoices", check = "cents >= 0")]
pub struct Invoice {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub status: Status,
    pub cents: i64,
    #[orm(flatten, prefix = "to_")]
    pub to: Address, // the columns to_street and to_zip
    pub notes: Deferred<String>, // loaded only on request
}
// ANCHOR_END: entities

pub(crate) fn run(engine: Engine) -> Result<()> {
    metadata![Invoice].create_all(&engine)?;
    let mut session = Session::new(&engine);
    // ANCHOR: use
    let to = Address::new("Main St", "12345");
    session.add(Invoice::new(Status::Open, 1999, to, "call first"));
    session.commit()?;

    let mut session = Session::new(&engine);
    let invoice = Invoice::query()
        .filter(
            Invoice::STATUS
                .eq(Status::Open)
                .and(Invoice::TO.zip.eq("12345")),
        )
        .one(&mut session)?;
    assert_eq!(session.undefer(invoice, Invoice::NOTES)?, "call first");
    session[invoice].status = Status::Paid;
    session.commit()?;
    // ANCHOR_END: use
    Ok(())
}
