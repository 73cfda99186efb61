//! MariaDB.

use selfsame::prelude::*;
use selfsame::{Engine, ErrorKind};
use selfsame_mariadb::testing::Server;

use crate::audit::{audited, check};
use crate::mariadb::{Award, Member, NamedPet, Owner, Pet, Team, Ticket, Token};
use crate::{check_written, execute, mariadb};

pub(crate) type Test = fn(&Server) -> selfsame::Result<()>;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("mariadb_is_written_and_used", written),
    ("mariadb_audit", audit),
    ("mariadb_unsigned_keys", unsigned_keys),
    ("mariadb_types_of_its_own", types_of_its_own),
];

const ROWS: &str = "INSERT INTO owners (email, score, likes, is_old, is_new, flags, born, code, note, document) \
     VALUES ('Ann@x', 7, 'fish,meat', 1, b'1', b'10000001', 1999, 'a', 'long', '{\"a\": 1}');\n\
     INSERT INTO pets (owner_id, owner_email, name) VALUES (1, 'ann@X', 'Rex'), (1, NULL, 'Tom')";

fn written(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("mariadb.sql"))?;
    check_written(&database.url(), "schemas/mariadb.rs");
    assert_eq!(mariadb::metadata().diff(&engine)?, []);
    execute(&engine, ROWS)?;
    let mut session = Session::new(&engine);
    let owner = Owner::query().one(&mut session)?;
    assert_eq!(session[owner].is_new.get(), Some(&true), "a BIT(1)");
    assert_eq!(session[owner].flags, Some(129), "a BIT(8)");
    assert_eq!(session[owner].score, Some("7".parse()?));
    session[owner].is_new = Auto::from(false);
    session[owner].kind = Auto::from("dog's".to_owned());
    let pet = session.add(Pet::new("Bo"));
    session.set(pet, Pet::OWNER, Some(owner))?;
    session.commit()?;
    let names = NamedPet::query().order_by(NamedPet::NAME.asc());
    let names: Vec<String> = names
        .rows(&mut session)?
        .into_iter()
        .map(|row| row.name)
        .collect();
    assert_eq!(names, ["Bo", "Rex", "Tom"]);
    Ok(())
}

/// The keys that most frameworks make, and what they do not count.
fn unsigned_keys(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("mariadb.sql"))?;
    let mut session = Session::new(&engine);
    let teams = session.add_all(["red", "blue"].map(Team::new));
    session.flush()?;
    let ids = [1, 2].map(|at: usize| session[teams[at - 1]].id.get().copied());
    assert_eq!(ids, [Some(1), Some(2)]);
    let member = session.add(Member {
        team: teams[1].into(),
        ..Member::new(0, "Ann")
    });
    let award = session.add(Award::new());
    session.set(award, Award::MEMBER, Some(member))?;
    session.commit()?;
    session.refresh(award)?;
    assert_eq!(session[award].team_id, Some(2));
    session.refresh(teams[0])?;
    assert_eq!(
        session[teams[0]].hash.get(),
        Some(&"18446744073709551615".parse()?)
    );
    assert_eq!(session[teams[0]].len.get(), Some(&Some(3)));
    let mut session = Session::new(&engine);
    let blue = Team::query()
        .filter(Team::NAME.eq("blue"))
        .with(Team::MEMBERS.selectin())
        .one(&mut session)?;
    let members = session.load(blue, Team::MEMBERS)?;
    assert_eq!(session[members[0]].nick, "Ann");
    assert_eq!(session.load(members[0], Member::AWARDS)?.len(), 1);
    // A negative key is none of the column's.
    session.add(Team {
        id: Auto::set(-1),
        ..Team::new("green")
    });
    let error = session.commit().expect_err("unsigned");
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
    Ok(())
}

/// Sequences, keys that an expression makes, and types without a neutral form: read, written, and written anew.
fn types_of_its_own(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("mariadb.sql"))?;
    let mut session = Session::new(&engine);
    let tickets = session.add_all(["a", "b", "c"].map(Ticket::new));
    let tokens = tickets.iter().map(|&ticket| Token {
        ticket: ticket.into(),
        ..Token::new()
    });
    let tokens = session.add_all(tokens.collect::<Vec<_>>());
    session.commit()?;
    let mut ids = Vec::new();
    for (&ticket, &token) in tickets.iter().zip(&tokens) {
        session.refresh(token)?;
        assert_eq!(session[token].ticket_id.as_ref(), session[ticket].id.get());
        assert_eq!(
            session[token].words.get(),
            Some(&Some("it's a \\ b".to_owned()))
        );
        assert_eq!(session[token].n.get(), Some(&Some(3)));
        ids.push(session[token].id.get().cloned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    session
        .sql(
            "UPDATE tokens SET place = POINT(1, 2), wide = b'1111', address = '::1'",
            (),
        )
        .execute()?;
    let token = tokens[0];
    session.refresh(token)?;
    assert_eq!(session[token].wide, Some(15));
    assert_eq!(session[token].address.as_deref(), Some("::1"));
    let place = session[token].place.clone();
    assert_eq!(place.as_ref().map(Vec::len), Some(25));
    session[token].wide = Some(1 << 40);
    session[token].address = Some("2001:db8::1".to_owned());
    session.commit()?;
    session.refresh(tokens[1])?;
    session[tokens[1]].place = None;
    session[token].place = None;
    session.commit()?;
    session[token].place = place;
    session.commit()?;
    let found = session
        .sql("SELECT ST_X(place) + ST_Y(place), wide + 0, CAST(address AS CHAR) FROM tokens WHERE place IS NOT NULL AND wide > 15", ())
        .one::<(f64, i64, String)>()?;
    assert_eq!(found, (3.0, 1 << 40, "2001:db8::1".to_owned()));
    session.delete(token)?;
    session.commit()
}

fn audit(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("mariadb.sql"))?;
    execute(&engine, ROWS)?;
    execute(
        &engine,
        "SET foreign_key_checks = 0, sql_mode = ''; \
         INSERT INTO owners (email, is_old) VALUES ('two', 2); \
         INSERT INTO owners (email, born_on) VALUES ('three', '0000-00-00'); \
         INSERT INTO owners (email, woke) VALUES ('four', '25:00:00'); \
         INSERT INTO pets (owner_id, name) VALUES (4711, 'Stray')",
    )?;
    execute(
        &engine,
        "CREATE TABLE old (id int PRIMARY KEY, note text) ENGINE = MyISAM;\nINSERT INTO old VALUES (1, 'a');\n\
         CREATE TABLE far (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, note text);\n\
         INSERT INTO far VALUES (18446744073709551615, 'a')",
    )?;
    let audit = audited(&[&database.url(), "--write"], 1);
    check(
        &audit,
        &[
            (
                "silent",
                "pets",
                "owner_email",
                None,
                1,
                "different in memory",
            ),
            (
                "error",
                "pets",
                "owner_id",
                None,
                1,
                "references a missing row of owners",
            ),
            ("error", "far", "id", Some("18446744073709551615"), 1, "I64"),
            ("error", "owners", "is_old", Some("2"), 1, "Bool"),
            ("error", "owners", "born_on", Some("3"), 1, "zero date"),
            ("error", "owners", "woke", Some("4"), 1, "time of day"),
        ],
    );
    let tables = audit["tables"].as_array().expect("tables");
    let of = |name: &str| {
        let table = tables.iter().find(|table| table["name"] == name);
        table.expect("a table")["findings"].to_string()
    };
    // A row whose key cannot be read is no reason to call its other columns unwritable.
    let far = of("far");
    assert!(!far.contains("written back"), "{far}");
    let old = of("old");
    assert!(old.contains("not written back"), "{old}");
    Ok(())
}
