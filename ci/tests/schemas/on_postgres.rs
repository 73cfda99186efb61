//! PostgreSQL.

use std::sync::atomic::{AtomicUsize, Ordering};

use selfsame::prelude::*;
use selfsame::{Engine, ErrorKind};
use selfsame_postgres::testing::{Database, Server};

use crate::postgres::*;
use crate::{Test, check_written, execute};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("postgres_is_written_and_made_again", written),
    ("postgres_types_cross", types),
    ("postgres_enums", enums),
    ("postgres_keys_as_text", keys),
    ("postgres_padded_keys", padded_keys),
    ("postgres_counted_columns", counted),
    ("postgres_keys_of_two_widths", widths),
    ("postgres_values_without_a_neutral_form", odd_values),
    ("postgres_records", records),
    ("postgres_tables_without_a_key", keyless),
    ("postgres_texts_of_the_database", texts_of_the_database),
    ("postgres_audit", crate::audit::on_postgres),
    ("postgres_schemas", crate::places::on_postgres),
];

const SCHEMA: &str = include_str!("postgres.sql");

/// Where the entities differ from the database: a key for the table without one.
const TOLD: [&str; 2] = [
    "keyless: the primary key is (name) in the code and () in the database",
    "keyless: UNIQUE (name) is in the database only",
];

fn written(server: &Server) -> selfsame::Result<()> {
    let (first, second) = (server.database()?, server.database()?);
    let engine = Engine::new(first.backend());
    execute(&engine, SCHEMA)?;
    check_written(&first.url(), "schemas/postgres.rs");
    let metadata = metadata();
    let differences: Vec<String> = metadata
        .diff(&engine)?
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(differences, TOLD);
    let again = Engine::new(second.backend());
    metadata.create_all(&again)?;
    metadata.create_all(&again)?;
    assert_eq!(metadata.diff(&again)?, []);
    metadata.drop_all(&again)?;
    assert_eq!(again.connect()?.reflect()?, []);
    metadata.create_all(&again)?;
    let reflected = Metadata::reflect(&engine)?;
    assert_eq!(reflected.diff(&engine)?, []);
    Ok(())
}

/// The schema as it was, with a session on it. The database lives as long as the first part.
fn opened(server: &Server) -> selfsame::Result<(Database, Engine)> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    // The databases of tests are schemas of one, so that another schema has a name of its own too.
    static SCHEMAS: AtomicUsize = AtomicUsize::new(0);
    let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
    execute(
        &engine,
        &SCHEMA.replace("elsewhere", &format!("elsewhere_{number}")),
    )?;
    Ok((database, engine))
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn types(server: &Server) -> selfsame::Result<()> {
    let (_database, engine) = opened(server)?;
    let mut session = Session::new(&engine);
    let whole = Job {
        mood: Mood::ItSOdd.into(),
        before: Some(Mood::Value1st),
        moods: Some(vec![Mood::Calm, Mood::Self_]),
        tags: vec!["a,\"b\"\\".to_owned(), String::new()].into(),
        sizes: Some(vec![1, -2]),
        address: text("10.0.0.1"),
        net: text("10.0.0.0/8"),
        mac: text("08:00:2b:01:02:03"),
        took: text("1 day 02:00:00"),
        at_zone: text("10:00:00+02"),
        price: text("$1.50"),
        flags: text("101"),
        more_flags: text("11001"),
        words: text("'cat' 'dog'"),
        period: text("[\"2024-01-01 00:00:00+00\",infinity)"),
        parts: text("{[1,3),[5,7)}"),
        place: text("(1,2)"),
        doc: text("<a/>"),
        old: Some(serde_json::json!({"a": 1})),
        class: text("1259"),
        grade: Some(3),
        label: Some(vec!["abc".to_owned()]),
        nets: Some(vec!["10.0.0.0/8".to_owned()]),
        ..Job::new(7)
    };
    let first = session.add(whole.clone());
    let empty: Vec<_> = (0..3).map(|_| session.add(Job::new(1))).collect();
    session.commit()?;
    let before = format!("{:?}", session[first].address);

    // Read anew, by a session that does not know them.
    let mut session = Session::new(&engine);
    let jobs = Job::query().order_by(Job::ID.asc()).all(&mut session)?;
    assert_eq!(jobs.len(), 4);
    let read = &session[jobs[0]];
    assert_eq!(format!("{:?}", read.address), before);
    assert_eq!(read.mood, Mood::ItSOdd);
    assert_eq!(read.moods, whole.moods);
    assert_eq!(*read.tags, *whole.tags);
    assert_eq!(read.sizes, whole.sizes);
    for (found, wanted) in [
        (&read.net, &whole.net),
        (&read.mac, &whole.mac),
        (&read.took, &whole.took),
        (&read.price, &whole.price),
        (&read.flags, &whole.flags),
        (&read.more_flags, &whole.more_flags),
        (&read.words, &whole.words),
        (&read.parts, &whole.parts),
        (&read.place, &whole.place),
        (&read.doc, &whole.doc),
        (&read.class, &whole.class),
    ] {
        assert_eq!(found, wanted);
    }
    assert_eq!(read.label, whole.label);
    assert_eq!(read.nets, whole.nets);
    assert_eq!(*session[jobs[1]].tags, Vec::<String>::new());

    // Unchanged is unchanged; what is changed is written, one row and many.
    assert!(!session.is_modified(jobs[0])?);
    for (place, &job) in jobs.iter().enumerate() {
        session[job].address = Some(format!("10.0.0.{}", place + 1));
        session[job].moods = Some(vec![Mood::Calm; place]);
        session[job].flags = text("010");
    }
    session.commit()?;
    let found = Job::query()
        .filter(Job::ADDRESS.eq("10.0.0.2").and(Job::FLAGS.eq("010")))
        .all(&mut session)?;
    assert_eq!(found, [jobs[1]]);
    let found = Job::query()
        .filter(Job::ADDRESS.in_(["10.0.0.2".to_owned(), "10.0.0.3".to_owned()]))
        .order_by(Job::ADDRESS.desc())
        .all(&mut session)?;
    assert_eq!(found, [jobs[2], jobs[1]]);
    let found = Job::query()
        .filter(Job::MOODS.eq(vec![Mood::Calm, Mood::Calm]))
        .all(&mut session)?;
    assert_eq!(found, [jobs[2]]);
    let found = Job::query()
        .filter(Job::ADDRESS.starts_with("10.0.0.4"))
        .all(&mut session)?;
    assert_eq!(found, [jobs[3]]);

    // A value that the database's type does not take is refused, and the rest of the session lives on.
    session[jobs[0]].address = text("nowhere");
    assert!(session.commit().is_err());
    session.rollback()?;
    session[jobs[0]].flags = text("10101");
    assert!(session.commit().is_err(), "bits are not cut");
    session.rollback()?;
    session.delete(jobs[0])?;
    session.commit()?;
    let _ = empty;
    Ok(())
}

fn enums(server: &Server) -> selfsame::Result<()> {
    let (_database, engine) = opened(server)?;
    let mut session = Session::new(&engine);
    for mood in [Mood::Value1st, Mood::Self_, Mood::Calm] {
        session.add(Feeling::new(mood, "w".to_owned()));
    }
    for id in 0..4 {
        let mood = Some([Mood::Calm, Mood::Value1st][usize::from(id > 1)]);
        session.add(Felt {
            mood,
            ..Felt::new(id)
        });
    }
    session.commit()?;
    session.clear();
    // In the order of the type, not of the labels.
    let feelings = Feeling::query()
        .order_by(Feeling::MOOD.asc())
        .with(Feeling::FELTS.selectin())
        .all(&mut session)?;
    let moods: Vec<Mood> = feelings.iter().map(|&it| session[it].mood).collect();
    assert_eq!(moods, [Mood::Calm, Mood::Self_, Mood::Value1st]);
    let mut counts = Vec::new();
    for feeling in feelings {
        let felt = session.loaded(feeling, Feeling::FELTS)?;
        counts.push(felt.map_or(0, |felt| felt.len()));
    }
    assert_eq!(counts, [2, 0, 2]);
    session.clear();
    assert!(session.get::<Feeling>(Mood::Self_)?.is_some());
    assert_eq!(session.get::<Feeling>(Mood::ItSOdd)?, None);
    let many = session.get_many::<Feeling>([Mood::Calm, Mood::Value1st])?;
    assert_eq!(many.len(), 2);
    for feeling in many {
        session[feeling].words = "changed".to_owned();
    }
    session.commit()?;
    let changed = Feeling::query()
        .filter(
            Feeling::MOOD
                .ne(Mood::Self_)
                .and(Feeling::WORDS.eq("changed")),
        )
        .count(&mut session)?;
    assert_eq!(changed, 2);
    let between = Feeling::query()
        .filter(Feeling::MOOD.between(Mood::ItSOdd, Mood::Value1st))
        .count(&mut session)?;
    assert_eq!(between, 2);
    let greatest = Felt::query()
        .select((
            selfsame::sql::max(Felt::MOOD),
            selfsame::sql::count(Felt::ID),
        ))
        .one(&mut session)?;
    assert_eq!(greatest, (Some(Mood::Value1st), 4));
    Ok(())
}

fn keys(server: &Server) -> selfsame::Result<()> {
    let (_database, engine) = opened(server)?;
    let mut session = Session::new(&engine);
    for host in 1..4 {
        let address = format!("10.0.0.{host}");
        session.add(Host {
            pings: [
                Ping::new(host, address.clone()),
                Ping::new(host + 10, address.clone()),
            ]
            .into(),
            ..Host::new(address)
        });
    }
    session.commit()?;
    session.clear();
    let hosts = session.get_many::<Host>(["10.0.0.1".to_owned(), "10.0.0.3".to_owned()])?;
    let host = hosts[0];
    assert_eq!(session.load(host, Host::PINGS)?.len(), 2);
    let ping = session.get::<Ping>(2)?.expect("is there");
    let owner = session.load(ping, Ping::HOST)?;
    assert_eq!(*session[owner].address, *"10.0.0.2");
    let joined = Ping::query()
        .with(Ping::HOST.joined())
        .order_by(Ping::ADDRESS.desc())
        .all(&mut session)?;
    assert_eq!(joined.len(), 6);
    session.refresh(host)?;
    let pings = session.load(host, Host::PINGS)?;
    for ping in pings {
        session.delete(ping)?;
    }
    session.delete(host)?;
    session.commit()?;
    assert_eq!(Host::query().count(&mut session)?, 2);
    Ok(())
}

/// Keys that are shorter than their column, by entities that know of it and by such that do not.
fn padded_keys(server: &Server) -> selfsame::Result<()> {
    #[derive(Entity, Clone, Debug)]
    #[orm(table = "cur")]
    struct Currency {
        #[orm(primary_key)]
        code: String,
        name: Option<String>,
        #[orm(back_populates = cur)]
        rates: HasMany<CurrencyRate>,
    }

    #[derive(Entity, Clone, Debug)]
    #[orm(table = "rate")]
    struct CurrencyRate {
        #[orm(primary_key)]
        id: i32,
        #[orm(references = "cur.code")]
        cur_code: Option<String>,
        #[orm(back_populates = rates)]
        cur: BelongsTo<Currency>,
    }

    let (_database, engine) = opened(server)?;
    execute(
        &engine,
        "INSERT INTO cur VALUES ('AB', 'a'), ('C', 'c');\nINSERT INTO rate VALUES (1, 'AB'), (2, 'AB'), (3, 'C')",
    )?;
    let mut session = Session::new(&engine);
    let ab = session.get::<Cur>("AB".to_owned())?.expect("is there");
    assert_eq!(session.load(ab, Cur::RATES)?.len(), 2);
    let all = Cur::query()
        .with(Cur::RATES.selectin())
        .order_by(Cur::CODE.asc())
        .all(&mut session)?;
    let rates = session.loaded(all[1], Cur::RATES)?;
    assert_eq!(rates.map(|rates| rates.len()), Some(1));
    session.refresh(ab)?;
    session[ab].name = text("changed");
    session.commit()?;
    let added = session.add(Cur {
        name: text("d"),
        ..Cur::new("D".to_owned())
    });
    session.commit()?;
    session.delete(added)?;
    session.commit()?;

    let mut session = Session::new(&engine);
    let ab = session.get::<Currency>("AB".to_owned())?.expect("is there");
    assert_eq!(session.load(ab, Currency::RATES)?.len(), 2);
    let all = Currency::query()
        .with(Currency::RATES.selectin())
        .order_by(Currency::CODE.asc())
        .all(&mut session)?;
    let rates = session.loaded(all[1], Currency::RATES)?;
    assert_eq!(rates.map(|rates| rates.len()), Some(1));
    session.refresh(ab)?;
    session[ab].name = text("changed again");
    session.commit()?;
    let rate = session.get::<CurrencyRate>(3)?.expect("is there");
    let owner = session.load(rate, CurrencyRate::CUR)?.expect("has one");
    assert_eq!(session[owner].code, "C");
    session.delete(rate)?;
    session.delete(owner)?;
    session.commit()?;
    assert_eq!(Currency::query().count(&mut session)?, 1);
    Ok(())
}

fn counted(server: &Server) -> selfsame::Result<()> {
    let (_database, engine) = opened(server)?;
    let mut session = Session::new(&engine);
    let tenants: Vec<Handle<Tenant>> = (0..3)
        .map(|_| session.add(Tenant::new(5, "t".to_owned())))
        .collect();
    session.commit()?;
    let ids: Vec<i64> = tenants.iter().map(|&it| *session[it].id).collect();
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(*session[tenants[2]].place, 3);
    let found = session.get::<Tenant>((5, 2))?;
    assert_eq!(found, Some(tenants[1]));
    session.add(Tenant {
        id: 40.into(),
        ..Tenant::new(5, "given".to_owned())
    });
    session.add(Job {
        id: 50.into(),
        ..Job::new(1)
    });
    session.commit()?;
    assert!(session.get::<Job>(50)?.is_some());
    assert!(session.get::<Tenant>((5, 40))?.is_some());

    // The order of the key's columns is the database's.
    session.add(Reversed::new(2, 1));
    session.commit()?;
    session.clear();
    assert!(session.get::<Reversed>((1, 2))?.is_some());
    let error = session.get::<Tenant>((6, 1))?;
    assert_eq!(error, None);
    let refused = session.add(Fell {
        fallback_id: Some(9).into(),
        ..Fell::new(1)
    });
    let _ = refused;
    let error = session.commit().expect_err("there is no such row");
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation);
    Ok(())
}

fn widths(server: &Server) -> selfsame::Result<()> {
    let (_database, engine) = opened(server)?;
    let mut session = Session::new(&engine);
    let wide = session.add(Wide::new(7));
    let narrow = session.add(Narrow::new(1));
    session.set(narrow, Narrow::WIDE, Some(wide))?;
    session.add(Narrow {
        wide_id: Some(7),
        small: Some(1),
        ..Narrow::new(2)
    });
    session.commit()?;
    session.clear();
    let wide = session.get::<Wide>(7)?.expect("is there");
    assert_eq!(session.load(wide, Wide::NARROWS)?.len(), 2);
    session.clear();
    let all = Wide::query()
        .with(Wide::NARROWS.selectin())
        .all(&mut session)?;
    let loaded = session.loaded(all[0], Wide::NARROWS)?;
    assert_eq!(loaded.map(|narrows| narrows.len()), Some(2));
    session.clear();
    let joined = Narrow::query()
        .with(Narrow::WIDE.joined())
        .order_by(Narrow::ID.asc())
        .all(&mut session)?;
    let statements = engine.statements();
    let wide = session.load(joined[1], Narrow::WIDE)?.expect("has one");
    assert_eq!(engine.statements(), statements);
    // Reading changed nothing.
    assert!(!session.is_modified(joined[1])?);
    session.remove(wide, Wide::NARROWS, joined[0])?;
    session.commit()?;
    assert_eq!(session[joined[0]].wide_id, None);
    let far = session.add(Wide::new(5_000_000_000));
    session.commit()?;
    session.set(joined[0], Narrow::WIDE, Some(far))?;
    let error = session.commit().expect_err("does not fit the column");
    assert_eq!(error.kind(), ErrorKind::Conversion, "{error}");
    assert_eq!(error.column_name(), Some("wide_id"));
    Ok(())
}

fn odd_values(server: &Server) -> selfsame::Result<()> {
    #[derive(Entity, Clone, Debug)]
    #[orm(table = "odd_values")]
    struct Lenient {
        #[orm(primary_key)]
        id: i32,
        #[orm(db_type = "date")]
        day: Option<String>,
        #[orm(db_type = "numeric")]
        number: Option<String>,
        #[orm(db_type = "time without time zone")]
        at_time: Option<String>,
        #[orm(db_type = "timestamp with time zone")]
        at: Option<String>,
        #[orm(db_type = "jsonb")]
        doc: Option<String>,
    }

    let (_database, engine) = opened(server)?;
    assert_eq!(
        metadata![Lenient]
            .diff(&engine)?
            .into_iter()
            .filter(|it| it.table() == "odd_values")
            .count(),
        0
    );
    let mut session = Session::new(&engine);
    for (id, day) in [(1, "infinity"), (2, "-infinity"), (3, "2024-02-29")] {
        session.add(Lenient {
            day: text(day),
            number: text("NaN"),
            at_time: text("24:00:00"),
            at: text("infinity"),
            doc: text("[1234567890123456789012345]"),
            ..Lenient::new(id)
        });
    }
    session.commit()?;
    session.clear();
    let found = Lenient::query()
        .filter(Lenient::DAY.lt("infinity").and(Lenient::NUMBER.eq("NaN")))
        .order_by(Lenient::DAY.desc())
        .all(&mut session)?;
    let ids: Vec<i32> = found.iter().map(|&it| session[it].id).collect();
    assert_eq!(ids, [3, 2]);
    assert_eq!(session[found[0]].at_time, text("24:00:00"));
    assert_eq!(session[found[0]].doc, text("[1234567890123456789012345]"));

    // A type that holds none of these refuses the row, by its key.
    let mut session = Session::new(&engine);
    let error = OddValue::query()
        .filter(OddValue::ID.eq(2))
        .all(&mut session)
        .expect_err("an infinite day");
    assert_eq!(error.kind(), ErrorKind::Conversion);
    assert_eq!(error.entity_name(), Some("OddValue"));
    assert_eq!(error.column_name(), Some("day"));
    assert_eq!(error.key_text(), Some("2"));
    let error = OddValue::query().rows(&mut session).expect_err("the same");
    assert_eq!(error.key_text(), Some("1"));
    execute(
        &engine,
        "UPDATE odd_values SET day = NULL, number = NULL, at_time = NULL, at = NULL",
    )?;
    let error = session.get::<OddValue>(3).expect_err("a great integer");
    assert_eq!(error.column_name(), Some("doc"));
    // The greatest float is written, and read.
    let doc = serde_json::json!([f64::MAX, 1e20, 0.1]);
    session.add(OddValue {
        doc: Some(doc.clone()),
        ..OddValue::new(4)
    });
    session.commit()?;
    session.clear();
    let read = session.get::<OddValue>(4)?.expect("is there");
    assert_eq!(session[read].doc, Some(doc));
    Ok(())
}

/// What reflection found, without a struct.
fn records(server: &Server) -> selfsame::Result<()> {
    let (_database, engine) = opened(server)?;
    let metadata = Metadata::reflect(&engine)?;
    let mut session = Session::new(&engine);
    let jobs = metadata.records("jobs")?;
    let mut job = jobs.record();
    job.set("mood", "it's odd")?;
    job.set("address", "10.0.0.1")?;
    job.set("tags", vec!["a".to_owned()])?;
    job.set("amount", 1)?;
    let job = session.add(job);
    session.commit()?;
    session.clear();
    let read = jobs.get(&mut session, 1_i64)?.expect("is there");
    assert_eq!(session[read].get::<Mood>("mood")?, Mood::ItSOdd);
    assert_eq!(session[read].get::<String>("address")?, "10.0.0.1");
    assert_eq!(session[read].get::<Vec<String>>("tags")?, ["a"]);
    session[read].set("mood", "calm")?;
    session.commit()?;
    let calm = jobs
        .query()
        .filter(jobs.column::<String>("mood")?.eq("calm"))
        .count(&mut session)?;
    assert_eq!(calm, 1);
    let _ = job;
    let hosts = metadata.records("hosts")?;
    let mut host = hosts.record();
    host.set("address", "10.0.0.9")?;
    session.add(host);
    session.commit()?;
    session.clear();
    assert!(hosts.get(&mut session, "10.0.0.9")?.is_some());
    Ok(())
}

/// A UNIQUE constraint stands for the primary key that a table does not have.
fn keyless(server: &Server) -> selfsame::Result<()> {
    let (_database, engine) = opened(server)?;
    let mut session = Session::new(&engine);
    session.add(Keyless {
        keyless_notes: [KeylessNote::new(1), KeylessNote::new(2)].into(),
        ..Keyless::new("a".to_owned())
    });
    session.commit()?;
    session.clear();
    let row = session.get::<Keyless>("a".to_owned())?.expect("is there");
    assert_eq!(session.load(row, Keyless::KEYLESS_NOTES)?.len(), 2);
    session[row].hits = Some(1);
    session.commit()?;
    Ok(())
}

/// What the database writes in its own way is known as it writes it, so that the next change is no conflict.
fn texts_of_the_database(server: &Server) -> selfsame::Result<()> {
    let (_database, engine) = opened(server)?;
    let mut session = Session::new(&engine);
    let jobs: Vec<Handle<Job>> = (0..3)
        .map(|_| {
            session.add(Job {
                mood: Mood::ItSOdd.into(),
                took: text("36:00"),
                period: text("[2024-01-01,)"),
                ..Job::new(1)
            })
        })
        .collect();
    session.commit()?;
    for round in ["90 minutes", "26 hours", "1 week"] {
        for &job in &jobs {
            session[job].took = text(round);
            session[job].net = text("10.0.0.0/8");
        }
        session.commit()?;
    }
    assert_eq!(session[jobs[2]].took, text("7 days"));
    session[jobs[0]].took = text("1 hour");
    session.flush()?;
    assert_eq!(session[jobs[0]].took, text("01:00:00"));
    assert!(!session.is_modified(jobs[0])?);
    session.rollback()?;
    session.refresh(jobs[0])?;
    assert_eq!(session[jobs[0]].took, text("7 days"));

    // A key has one text, the database's.
    session.add(Host::new("10.0.0.1/32".to_owned()));
    let error = session.commit().expect_err("a key in two forms");
    assert_eq!(error.kind(), ErrorKind::Conversion, "{error}");
    assert_eq!(error.entity_name(), Some("Host"));
    session.rollback()?;
    // Somebody else's change is still one.
    let mut other = Session::new(&engine);
    let there = other.get::<Job>(*session[jobs[0]].id)?.expect("is there");
    other[there].took = text("2 hours");
    other.commit()?;
    session.refresh(jobs[0])?;
    assert_eq!(session[jobs[0]].took, text("02:00:00"));
    session.commit()?;
    let there = other.get::<Job>(2)?.expect("is there");
    other[there].took = text("5 hours");
    other.commit()?;
    session[jobs[1]].took = text("4 hours");
    let error = session.commit().expect_err("a lost update");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    Ok(())
}
