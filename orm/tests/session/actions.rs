//! Actions of foreign keys that the database runs and no relation mirrors: what they change in rows is read again.

use selfsame::prelude::*;
use selfsame::{Entity, ErrorKind, Result};
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "products")]
struct Product {
    #[orm(primary_key)]
    id: i64,
    #[orm(unique)]
    code: String,
    price: i64,
}

/// Follows the code of its product, and may lose it.
#[derive(Entity, Clone, Debug)]
#[orm(table = "offers")]
struct Offer {
    #[orm(primary_key)]
    id: i64,
    #[orm(
        unique,
        references = "products.code",
        on_update = "cascade",
        on_delete = "set null"
    )]
    code: Option<String>,
    text: String,
}

/// Follows its offer, and is deleted with its product.
#[derive(Entity, Clone, Debug)]
#[orm(table = "bids")]
struct Bid {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "offers.code", on_update = "cascade")]
    offer: Option<String>,
    #[orm(references = "products.id", on_delete = "cascade")]
    product: i64,
    #[orm(back_populates = bid)]
    notes: HasMany<Note>,
}

/// Is deleted with its bid by the database.
#[derive(Entity, Clone, Debug)]
#[orm(table = "notes")]
struct Note {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "bids.id", on_delete = "cascade")]
    bid_id: i64,
    #[orm(back_populates = notes)]
    bid: BelongsTo<Bid>,
}

struct Market {
    session: Session,
    products: [Handle<Product>; 2],
    offer: Handle<Offer>,
    other: Handle<Offer>,
    bid: Handle<Bid>,
    note: Handle<Note>,
}

/// All rows are loaded.
fn market() -> Result<Market> {
    let database = Sqlite::memory();
    let engine = Engine::new(database);
    metadata![Product, Offer, Bid, Note].create_all(&engine)?;
    let mut s = Session::new(&engine);
    let products = s.add_all([(1, "a"), (2, "b")].map(|(id, code)| Product::new(id, code, 5)));
    let [offer, other] = s.add_all([(1, "a"), (2, "b")].map(|(id, code)| Offer {
        code: Some(code.to_owned()),
        ..Offer::new(id, "text")
    }));
    let bid = s.add(Bid {
        offer: Some("a".to_owned()),
        ..Bid::new(1, 1)
    });
    let note = s.add(Note::new(1, 1));
    s.commit()?;
    Product::query().all(&mut s)?;
    Offer::query().all(&mut s)?;
    Bid::query().all(&mut s)?;
    Note::query().all(&mut s)?;
    s.load(bid, Bid::NOTES)?;
    Ok(Market {
        session: s,
        products,
        offer,
        other,
        bid,
        note,
    })
}

impl Market {
    /// What `get` finds: the codes of offer and bid.
    fn codes(&mut self) -> Result<(Option<String>, Option<String>)> {
        let s = &mut self.session;
        s.get::<Offer>(1)?;
        s.get::<Bid>(1)?;
        Ok((s[self.offer].code.clone(), s[self.bid].offer.clone()))
    }
}

fn undo() -> selfsame::Error {
    selfsame::Error::new(ErrorKind::InvalidState, "undo")
}

#[test]
fn a_changed_value_is_followed_in_memory() -> Result<()> {
    type Change = fn(&mut Session, Handle<Product>) -> Result<()>;
    let changes: [(&str, Change, &str); 4] = [
        (
            "assigned",
            |s, product| {
                s[product].code = "c".to_owned();
                s.flush()
            },
            "c",
        ),
        (
            "computed",
            |s, product| {
                s.set_expr(product, Product::CODE, Product::CODE.concat("c"))?;
                s[product].price = 6;
                s.flush()
            },
            "ac",
        ),
        (
            "blind",
            |s, product| {
                s.set_blind(product, Product::CODE, "c")?;
                s.flush()
            },
            "c",
        ),
        (
            "bulk",
            |s, _| {
                let one = Product::query().filter(Product::ID.eq(1)).update();
                one.set(Product::CODE, "c").execute(s).map(drop)
            },
            "c",
        ),
    ];
    for (name, change, code) in changes {
        let mut market = market()?;
        change(&mut market.session, market.products[0])?;
        let code = Some(code.to_owned());
        assert_eq!(market.codes()?, (code.clone(), code.clone()), "{name}");
        let s = &mut market.session;
        assert_eq!(s[market.other].code.as_deref(), Some("b"), "{name}");
        s[market.bid].offer = None;
        s.flush()?;
        s[market.bid].offer = code.clone();
        s[market.offer].text = "new".to_owned();
        s.commit()?;
        assert_eq!(market.codes()?, (code.clone(), code), "{name}");
    }
    Ok(())
}

#[test]
fn what_was_followed_is_undone() -> Result<()> {
    for in_savepoint in [true, false] {
        let mut market = market()?;
        let (s, product) = (&mut market.session, market.products[0]);
        let work = |s: &mut Session| {
            s[product].code = "c".to_owned();
            s.flush()?;
            s.get::<Offer>(1)?;
            Err::<(), _>(undo())
        };
        let undone = match in_savepoint {
            true => s.savepoint(work),
            false => s.transaction(work),
        };
        assert!(undone.is_err());
        let a = Some("a".to_owned());
        assert_eq!(market.codes()?, (a.clone(), a), "{in_savepoint}");
    }
    Ok(())
}

/// The value is the old one in memory, and assigned in the same flush in which the row follows.
#[test]
fn a_row_that_changes_while_it_follows_is_read_again() -> Result<()> {
    let mut market = market()?;
    let s = &mut market.session;
    s[market.products[0]].code = "c".to_owned();
    s[market.offer].text = "new".to_owned();
    s[market.other].text = "newer".to_owned();
    s.flush()?;
    let c = Some("c".to_owned());
    assert_eq!(market.codes()?, (c.clone(), c));
    assert_eq!(market.session[market.offer].text, "new");
    Ok(())
}

#[test]
fn a_deleted_row_takes_others_with_it() -> Result<()> {
    for is_bulk in [false, true] {
        let mut market = market()?;
        let s = &mut market.session;
        match is_bulk {
            false => {
                s.set_blind(market.bid, Bid::OFFER, None::<String>)?;
                s.flush()?;
                s.get::<Bid>(1)?;
                s.delete(market.products[0])?;
                s.flush()?;
            }
            true => {
                s[market.bid].offer = None;
                let one = Product::query().filter(Product::ID.eq(1));
                one.delete().execute(s)?;
            }
        }
        assert!(s.is_expired(market.offer)?);
        s.get::<Offer>(1)?;
        assert_eq!(s[market.offer].code, None);
        assert_eq!(s.get::<Bid>(1)?, None);
        assert_eq!(s.get::<Note>(1)?, None);
        let error = s.refresh(market.note).expect_err("its row is gone");
        assert!(matches!(
            error.kind(),
            ErrorKind::StaleData | ErrorKind::InvalidState
        ));
        // The row is NULL, although memory showed its value.
        s[market.offer].code = Some("b".to_owned());
        s[market.other].code = None;
        s.commit()?;
        let rows = s.sql("SELECT id, code FROM offers ORDER BY id", ());
        let rows = rows.all::<(i64, Option<String>)>()?;
        assert_eq!(rows, [(1, Some("b".to_owned())), (2, None)]);
    }
    Ok(())
}

/// The flush plans a single step.
#[test]
fn what_a_commit_changed_along_is_known() -> Result<()> {
    for (is_deleted, code) in [(true, None), (false, Some("c"))] {
        for is_expired in [true, false] {
            let mut market = market()?;
            let (s, product, offer) = (&mut market.session, market.products[1], market.other);
            if is_expired {
                s.commit()?;
            }
            match is_deleted {
                true => s.delete(product)?,
                false => s[product].code = "c".to_owned(),
            }
            s.commit()?;
            assert_eq!(s[offer].code.as_deref(), code);
            let next = code.is_none().then(|| "d".to_owned());
            let other = Product::new(3, "d", 5);
            s.add(other);
            s[offer].code.clone_from(&next);
            s.commit()?;
            let found = s.sql("SELECT code FROM offers WHERE id = 2", ());
            assert_eq!(found.one::<(Option<String>,)>()?, (next,));
        }
    }
    Ok(())
}

/// It would be deleted with the row, or lose its reference, and nobody would know.
#[test]
fn a_row_is_not_lost_with_the_one_that_it_is_set_to_reference() -> Result<()> {
    for name in ["bid", "offer", "note", "moved bid", "moved offer"] {
        let mut market = market()?;
        let s = &mut market.session;
        let other = s.add(Bid::new(2, 2));
        s[market.other].code = None;
        s.commit()?;
        match name {
            "bid" => _ = s.add(Bid::new(3, 2)),
            "offer" => {
                let code = Some("b".to_owned());
                s.add(Offer {
                    code,
                    ..Offer::new(3, "new")
                });
            }
            "note" => _ = s.add(Note::new(2, 2)),
            "moved bid" => {
                s.get::<Bid>(1)?;
                s[market.bid].product = 2;
            }
            _ => {
                s.get::<Offer>(2)?;
                s[market.other].code = Some("b".to_owned());
            }
        }
        match name {
            "note" => s.delete(other)?,
            _ => s.delete(market.products[1])?,
        }
        let error = s.commit().expect_err(name);
        assert_eq!(error.kind(), ErrorKind::InvalidState, "{name}");
        assert!(
            error.to_string().contains("deleted in the same flush"),
            "{error}"
        );
        s.rollback()?;
        assert_eq!(Product::query().count(s)?, 2);
    }
    Ok(())
}

#[test]
fn a_row_may_reference_the_one_that_replaces_a_deleted_one() -> Result<()> {
    for is_changed in [false, true] {
        let mut market = market()?;
        let s = &mut market.session;
        s[market.other].code = None;
        s.flush()?;
        s.delete(market.products[1])?;
        match is_changed {
            true => {
                s.delete(market.bid)?;
                s.delete(market.note)?;
                s[market.products[0]].code = "b".to_owned();
                s[market.offer].code = None;
            }
            false => drop(s.add_all([Product::new(3, "b", 5)])),
        }
        s[market.other].code = Some("b".to_owned());
        s.commit()?;
        s.get::<Offer>(2)?;
        assert_eq!(s[market.other].code.as_deref(), Some("b"), "{is_changed}");
        assert_eq!(Product::query().count(s)?, 1 + u64::from(!is_changed));
    }
    Ok(())
}

/// An expression is a new reference, too.
#[test]
fn a_row_is_not_lost_with_the_one_that_an_expression_lets_it_reference() -> Result<()> {
    let Market {
        mut session,
        products,
        bid,
        ..
    } = market()?;
    let other = if session[bid].product == 1 { 1 } else { 0 };
    let id = session[products[other]].id;
    session.set_blind(bid, Bid::PRODUCT, id)?;
    session.delete(products[other])?;
    let error = session.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState, "{error}");
    assert_eq!(error.column_name(), Some("product"), "{error}");
    Ok(())
}

/// A row that follows a value and is deleted in the same flush takes its own with it.
#[test]
fn a_row_that_changes_and_goes_takes_others_with_it() -> Result<()> {
    let Market {
        mut session,
        products,
        bid,
        note,
        ..
    } = market()?;
    session[bid].offer = Some("a".to_owned());
    session[bid].product = 2;
    session.commit()?;
    session.refresh(note)?;
    let id = session[note].id;
    for object in products {
        session.refresh(object)?;
    }
    session.refresh(bid)?;
    session[products[0]].code = "c".to_owned();
    session.delete(products[1])?;
    session.flush()?;
    assert_eq!(session.get::<Note>(id)?, None);
    session.rollback()
}
