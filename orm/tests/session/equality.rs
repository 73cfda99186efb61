//! Keys that the database considers equal and that differ here.

use selfsame::prelude::*;
use selfsame::value::Decimal;
use selfsame::{Entity, ErrorKind, Result};

use crate::fixture::{Author, Fixture, Region};

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
fn several_keys_of_one_row_find_it_each() -> Result<()> {
    let mut f = members()?;
    let s = &mut f.session;
    let keys = || ["ann", "ANN", "carl", "Bob", "bob"].map(str::to_owned);
    let all = ["ann", "ann", "bob", "bob"];
    let found = s.get_many::<Member>(keys())?;
    let nicks: Vec<&str> = found.iter().map(|&member| &*s[member].nick).collect();
    assert_eq!(nicks, all);
    assert_eq!(found[0], found[1]);
    let records = Metadata::reflect(&f.outside)?.records("nicks")?;
    let s = &mut Session::new(&f.outside);
    for _ in 0..2 {
        let found = records.get_many(s, keys())?;
        let nicks = found.iter().map(|&member| s[member].get::<String>("nick"));
        assert_eq!(nicks.collect::<Result<Vec<_>>>()?, all);
        assert_eq!(
            records.get_many(s, ["ANN", "carl"].map(str::to_owned))?,
            [found[0]]
        );
        assert_eq!(records.get(s, "ANN")?, Some(found[0]));
        s.clear();
    }
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "nicks")]
struct Owner {
    #[orm(primary_key)]
    nick: String,
    #[orm(back_populates = owner, cascade = "all")]
    posts: HasMany<Owned>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "nick_notes")]
struct Owned {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "nicks.nick")]
    nick: String,
    #[orm(back_populates = posts)]
    owner: BelongsTo<Owner>,
}

#[test]
fn a_deleted_owner_takes_those_that_refer_to_it_in_other_letters() -> Result<()> {
    for (constraint, in_memory) in [("", true), ("", false), ("REFERENCES nicks", false)] {
        let mut f = Fixture::new()?;
        for sql in [
            "CREATE TABLE nicks (nick TEXT COLLATE NOCASE PRIMARY KEY)",
            &format!(
                "CREATE TABLE nick_notes (id INTEGER PRIMARY KEY, nick TEXT NOT NULL {constraint})"
            ),
            "INSERT INTO nicks VALUES ('ann'), ('bob')",
            "INSERT INTO nick_notes VALUES (1, 'Ann'), (2, 'bob'), (3, 'ANN')",
        ] {
            f.session.sql(sql, ()).execute()?;
        }
        f.session.commit()?;
        let s = &mut f.session;
        if in_memory {
            Owned::query().all(s)?;
        }
        let ann = s.get::<Owner>("ann".to_owned())?.expect("ann");
        s.delete(ann)?;
        s.commit()?;
        let left: Vec<i64> = s.sql("SELECT id FROM nick_notes", ()).all()?;
        assert_eq!(left, [2], "{constraint} {in_memory}");
    }
    Ok(())
}

#[test]
fn whether_another_case_is_equal_is_queried_once() -> Result<()> {
    let mut f = Fixture::new()?;
    for sql in [
        "CREATE TABLE nicks (nick TEXT COLLATE NOCASE PRIMARY KEY)",
        "CREATE TABLE nick_notes (id INTEGER PRIMARY KEY, nick TEXT NOT NULL)",
        "INSERT INTO nicks VALUES ('ann'), ('bob')",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) \
         INSERT INTO nick_notes SELECT i, CASE i % 3 WHEN 0 THEN 'Ann' WHEN 1 THEN 'ANN' ELSE 'Bob' END FROM n",
    ] {
        f.session.sql(sql, ()).execute()?;
    }
    f.session.commit()?;
    let s = &mut f.session;
    for owner in Owner::query().all(s)? {
        s.delete(owner)?;
    }
    let before = s.statements();
    s.flush()?;
    let sent = s.statements() - before;
    assert!(sent <= 8, "{sent} statements for three texts");
    assert_eq!(Owned::query().count(s)?, 0);
    Ok(())
}

/// Its key has one collation, the columns that refer to it have others.
#[derive(Entity, Clone, Debug)]
#[orm(table = "topics")]
struct Topic {
    #[orm(primary_key)]
    name: String,
    #[orm(back_populates = topic)]
    remarks: HasMany<Remark>,
    #[orm(secondary = "topic_labels(topic, label)", back_populates = topics)]
    labels: ManyToMany<Label>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "remarks")]
struct Remark {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "topics.name")]
    topic_name: String,
    #[orm(back_populates = remarks)]
    topic: BelongsTo<Topic>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "labels")]
struct Label {
    #[orm(primary_key)]
    name: String,
    #[orm(back_populates = labels)]
    topics: ManyToMany<Topic>,
}

/// The members of each topic: remarks, labels, and both filtered.
fn members_of_topics(
    s: &mut Session,
    query: &selfsame::query::Query<Topic>,
) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for topic in query.all(s)? {
        let remarks = s.load(topic, Topic::REMARKS)?;
        let labels = s.load(topic, Topic::LABELS)?;
        let line = |s: &Session, remarks: Vec<Handle<Remark>>, labels: Vec<Handle<Label>>| {
            let remarks = remarks.iter().map(|&remark| s[remark].id.to_string());
            let labels = labels.iter().map(|&label| s[label].name.clone());
            remarks.chain(labels).collect::<Vec<_>>().join(" ")
        };
        let whole = line(s, remarks, labels);
        let parts = (
            s.filtered(topic, Topic::REMARKS)?,
            s.filtered(topic, Topic::LABELS)?,
        );
        if let (Some(remarks), Some(labels)) = parts {
            assert_eq!(line(s, remarks, labels), whole, "filtered by nothing");
        }
        lines.push(format!("{}: {whole}", s[topic].name));
    }
    Ok(lines)
}

#[test]
fn members_belong_to_the_owner_that_the_foreign_key_references() -> Result<()> {
    let without_case = ("COLLATE NOCASE", "", ["ann: 1 3 x y", "bob: 2 z"]);
    let with_case = ("", "COLLATE NOCASE", ["ann: 1 x", "bob: 2 z"]);
    for (of_key, of_references, expected) in [without_case, with_case] {
        let mut f = Fixture::new()?;
        let schema = [
            format!("CREATE TABLE topics (name TEXT {of_key} PRIMARY KEY)"),
            format!("CREATE TABLE labels (name TEXT {of_key} PRIMARY KEY)"),
            format!(
                "CREATE TABLE remarks (id BIGINT PRIMARY KEY, topic_name TEXT {of_references} NOT NULL REFERENCES topics (name))"
            ),
            format!(
                "CREATE TABLE topic_labels (topic TEXT {of_references} NOT NULL REFERENCES topics (name), label TEXT {of_references} NOT NULL REFERENCES labels (name))"
            ),
            "INSERT INTO topics VALUES ('ann'), ('bob')".to_owned(),
            "INSERT INTO labels VALUES ('x'), ('y'), ('z')".to_owned(),
            "INSERT INTO remarks VALUES (1, 'ann'), (2, 'bob')".to_owned(),
            "INSERT INTO topic_labels VALUES ('ann', 'x'), ('bob', 'z')".to_owned(),
        ];
        for sql in &schema {
            f.session.sql(sql.as_str(), ()).execute()?;
        }
        if of_key.is_empty() {
            // Other rows, which differ only in case.
            for sql in [
                "INSERT INTO topics VALUES ('ANN')",
                "INSERT INTO labels VALUES ('X')",
                "INSERT INTO remarks VALUES (3, 'ANN')",
                "INSERT INTO topic_labels VALUES ('ANN', 'X')",
            ] {
                f.session.sql(sql, ()).execute()?;
            }
        } else {
            for sql in [
                "INSERT INTO remarks VALUES (3, 'ANN')",
                "INSERT INTO topic_labels VALUES ('ANN', 'Y')",
            ] {
                f.session.sql(sql, ()).execute()?;
            }
        }
        f.session.commit()?;
        let known = Topic::query()
            .filter(Topic::NAME.in_(["ann", "bob"]))
            .order_by(Topic::NAME.asc());
        let one = known.clone().filter(Topic::NAME.eq("ann"));
        let all = |query: &selfsame::query::Query<Topic>| {
            let query = query.clone();
            [
                ("lazy", query.clone()),
                (
                    "selectin",
                    query
                        .clone()
                        .with(Topic::REMARKS.selectin())
                        .with(Topic::LABELS.selectin()),
                ),
                (
                    "joined",
                    query
                        .clone()
                        .with(Topic::REMARKS.joined())
                        .with(Topic::LABELS.joined()),
                ),
                (
                    "filtered",
                    query
                        .clone()
                        .with(Topic::REMARKS.filter(true))
                        .with(Topic::LABELS.filter(true)),
                ),
                (
                    "limited",
                    query
                        .with(Topic::REMARKS.filter(true).limit(9))
                        .with(Topic::LABELS.filter(true).limit(9)),
                ),
            ]
        };
        for (way, query) in all(&known) {
            let s = &mut Session::new(&f.outside);
            assert_eq!(members_of_topics(s, &query)?, expected, "{way} {of_key}");
        }
        for (way, query) in all(&one) {
            let s = &mut Session::new(&f.outside);
            assert_eq!(
                members_of_topics(s, &query)?,
                expected[..1],
                "{way} {of_key}"
            );
        }
    }
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

#[test]
fn many_keys_without_rows_cost_few_statements() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add(Region::new("Zürich"));
    f.session.commit()?;
    f.forget();
    let mut keys: Vec<String> = (0..200).map(|n| format!("c{n}")).collect();
    keys.push("Zürich".to_owned());
    assert_eq!(f.session.get_many::<Region>(keys)?.len(), 1);
    let sent = f.sent();
    assert!(sent.len() <= 3, "{sent:?}");
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "stands")]
struct Stand {
    #[orm(primary_key)]
    id: i64,
    #[orm(key = "stand_id")]
    stickers: HasMany<Sticker>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "stickers")]
struct Sticker {
    #[orm(primary_key)]
    name: String,
    #[orm(references = "stands.id")]
    stand_id: i64,
}

#[test]
fn members_are_in_the_order_in_which_the_database_has_their_keys() -> Result<()> {
    let mut f = Fixture::new()?;
    for sql in [
        "CREATE TABLE stands (id INTEGER PRIMARY KEY)",
        "CREATE TABLE stickers (name TEXT COLLATE NOCASE PRIMARY KEY, stand_id BIGINT NOT NULL REFERENCES stands (id))",
        "INSERT INTO stands VALUES (1), (2)",
        "INSERT INTO stickers VALUES ('b', 1), ('C', 1), ('A', 1), ('d', 2), ('B2', 2)",
    ] {
        f.session.sql(sql, ()).execute()?;
    }
    f.session.commit()?;
    let all = Stand::query().order_by(Stand::ID.asc());
    let one = Stand::query().filter(Stand::ID.eq(1));
    for (query, expected) in [
        (all, vec![vec!["A", "b", "C"], vec!["B2", "d"]]),
        (one, vec![vec!["A", "b", "C"]]),
    ] {
        let s = &mut f.session;
        s.clear();
        let stands = query.with(Stand::STICKERS.selectin()).all(s)?;
        let mut found = Vec::new();
        for stand in stands {
            let stickers = s.load(stand, Stand::STICKERS)?;
            found.push(
                stickers
                    .iter()
                    .map(|sticker| s[*sticker].name.clone())
                    .collect::<Vec<_>>(),
            );
        }
        assert_eq!(found, expected);
    }
    Ok(())
}

/// SQLite has no negative zero in a REAL column.
#[test]
fn a_negative_zero_is_in_memory_as_it_is_stored() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let ann = s.add(Author {
        height: Some(-0.0),
        ..Author::new("Ann")
    });
    s.flush()?;
    assert_eq!(s[ann].height.map(f64::is_sign_positive), Some(true));
    s[ann].height = Some(1.0);
    s.flush()?;
    s[ann].height = Some(-0.0);
    s.commit()?;
    assert_eq!(s[ann].height.map(f64::is_sign_positive), Some(true));
    Ok(())
}
