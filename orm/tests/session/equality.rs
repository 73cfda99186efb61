//! Keys that the database considers equal and that differ here.

use selfsame::prelude::*;
use selfsame::value::Decimal;
use selfsame::{Entity, ErrorKind, Result};

use crate::fixture::Fixture;

#[derive(Entity, Clone, Debug)]
#[orm(table = "nicks")]
struct Member {
    #[orm(primary_key)]
    nick: String,
    #[orm(back_populates = member)]
    posts: HasMany<Note>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "nick_notes")]
struct Note {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "nicks.nick")]
    nick: String,
    #[orm(back_populates = posts)]
    member: BelongsTo<Member>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "prices")]
struct Price {
    #[orm(primary_key)]
    id: i64,
    #[orm(precision = (6, 2))]
    amount: Decimal,
    #[orm(version)]
    version: i32,
}

/// `ann` has a note of `Ann` and one of `ANN`, `bob` one of `bob`.
fn members() -> Result<Fixture> {
    let mut f = Fixture::new()?;
    for sql in [
        "CREATE TABLE nicks (nick TEXT COLLATE NOCASE PRIMARY KEY)",
        "CREATE TABLE nick_notes (id INTEGER PRIMARY KEY, nick TEXT NOT NULL REFERENCES nicks (nick))",
        "INSERT INTO nicks VALUES ('ann'), ('bob')",
        "INSERT INTO nick_notes VALUES (1, 'Ann'), (2, 'bob'), (3, 'ANN')",
    ] {
        f.session.sql(sql, ()).execute()?;
    }
    f.session.commit()?;
    Ok(f)
}

fn ids(session: &Session, notes: Vec<Handle<Note>>) -> Vec<i64> {
    notes.into_iter().map(|note| *session[note].id).collect()
}

#[test]
fn all_ways_to_load_agree_where_text_is_compared_without_case() -> Result<()> {
    let mut f = members()?;
    let s = &mut f.session;
    for way in ["lazy", "selectin", "joined"] {
        s.expire_all();
        let query = Member::query().order_by(Member::NICK.asc());
        let all = match way {
            "lazy" => query.all(s)?,
            "selectin" => query.with(Member::POSTS.selectin()).all(s)?,
            _ => query.with(Member::POSTS.joined()).all(s)?,
        };
        for (member, wanted) in all.into_iter().zip([&[1, 3][..], &[2]]) {
            let notes = s.load(member, Member::POSTS)?;
            assert_eq!(ids(s, notes), wanted, "{way}");
        }
        let note = s.get::<Note>(3)?.expect("a note");
        let member = s.load(note, Note::MEMBER)?;
        assert_eq!(s[member].nick, "ann", "{way}");
    }
    Ok(())
}

#[test]
fn keys_are_found_as_the_database_compares_them() -> Result<()> {
    let mut f = members()?;
    let s = &mut f.session;
    let ann = s.get::<Member>("ANN".to_owned())?.expect("ann");
    let keys = ["ANN", "carl", "bob"].map(str::to_owned);
    let found = s.get_many::<Member>(keys)?;
    let nicks: Vec<&str> = found.iter().map(|&member| &*s[member].nick).collect();
    assert_eq!(nicks, ["ann", "bob"]);
    assert_eq!(found[0], ann);
    Ok(())
}

#[test]
fn a_value_is_merged_onto_the_row_that_the_database_finds() -> Result<()> {
    let mut f = members()?;
    let s = &mut f.session;
    let value = Member {
        nick: "ANN".to_owned(),
        posts: HasMany::default(),
    };
    let merged = s.merge(value)?;
    s.commit()?;
    assert_eq!(s[merged].nick.to_lowercase(), "ann");
    let count: i64 = s.sql("SELECT count(*) FROM nicks", ()).one::<(i64,)>()?.0;
    assert_eq!(count, 2);
    Ok(())
}

#[test]
fn decimals_are_equal_as_numbers() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    s.sql(
        "CREATE TABLE prices (id BIGINT PRIMARY KEY, amount TEXT NOT NULL, version INT NOT NULL)",
        (),
    )
    .execute()?;
    let price = s.add(Price {
        id: 1,
        amount: Decimal::new(15, 1),
        version: 0,
    });
    s.commit()?;
    s[price].amount = Decimal::new(150, 2);
    assert!(!s.is_modified(price)?);
    let before = s.get::<Price>(1)?.map(|price| s[price].version);
    s.commit()?;
    s.refresh(price)?;
    assert_eq!(Some(s[price].version), before);
    assert_eq!(Decimal::new(15, 1), Decimal::new(150, 2));
    assert_ne!(Decimal::new(15, 1), Decimal::new(151, 2));
    // Values that the column would round or refuse are reported before anything is sent.
    s.commit()?;
    for amount in [Decimal::new(1005, 3), Decimal::new(12_345, 0)] {
        f.session.refresh(price)?;
        f.session[price].amount = amount;
        f.forget();
        let error = f.session.flush().expect_err("it does not fit");
        assert_eq!(error.kind(), ErrorKind::OutOfRange);
        f.sends(&["ROLLBACK"]);
        f.session.rollback()?;
    }
    Ok(())
}
