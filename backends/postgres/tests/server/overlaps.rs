//! Two transactions that read one row before either writes it, with each of the documented remedies.

use selfsame::Engine;
use selfsame::dialect::Isolation;
use selfsame::metadata;
use selfsame::prelude::*;
use selfsame_postgres::testing::Server;

use crate::support::{Case, fixture};

pub(crate) const CASES: &[Case] = &[("overlaps_of_two_transactions", of_two_transactions)];

#[derive(Entity, Clone, Debug)]
#[orm(table = "plain")]
struct Plain {
    #[orm(primary_key)]
    id: i64,
    count: i64,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "versioned")]
struct Versioned {
    #[orm(primary_key)]
    id: i64,
    count: i64,
    #[orm(version)]
    version: i32,
}

fn of_two_transactions(server: &Server) {
    let fixture = fixture(server);
    let engine = Engine::new(fixture.database.backend());
    let tables = metadata![Plain, Versioned];
    tables.create_all(&engine).expect("creates");
    let mut session = Session::new(&engine);
    for id in 1..=4 {
        session.add(Plain::new(id, 0));
        session.add(Versioned::new(id, 0));
    }
    session.commit().expect("commits");
    let counted = |id: i64| {
        let mut session = Session::new(&engine);
        let plain = session.get::<Plain>(id).expect("reads").expect("a row");
        session[plain].count
    };
    // Two increments, the second inside the first; the first gets the error.
    let overlap = |id: i64, options: TransactionOptions| {
        let mut session = Session::new(&engine);
        session.transaction_with(options, |session| {
            let plain = session.get::<Plain>(id)?.expect("a row");
            let mut other = Session::new(&engine);
            let same = other.get::<Plain>(id)?.expect("a row");
            other[same].count += 1;
            other.commit()?;
            session[plain].count += 1;
            Ok(())
        })
    };

    // At the default level the last update wins, as documented.
    overlap(1, TransactionOptions::new()).expect("commits");
    assert_eq!(counted(1), 1);
    for (id, level) in [(2, Isolation::RepeatableRead), (3, Isolation::Serializable)] {
        let options = TransactionOptions::new().isolation(level);
        let error = overlap(id, options).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Serialization, "{error}");
        assert_eq!(counted(id), 1);
    }

    let mut session = Session::new(&engine);
    let error = session
        .transaction(|session| {
            let versioned = session.get::<Versioned>(1)?.expect("a row");
            let mut other = Session::new(&engine);
            let same = other.get::<Versioned>(1)?.expect("a row");
            other[same].count += 1;
            other.commit()?;
            session[versioned].count += 1;
            Ok(())
        })
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::StaleData, "{error}");

    // An expression adds to the current value.
    let mut session = Session::new(&engine);
    let plain = session.get::<Plain>(4).expect("reads").expect("a row");
    let mut other = Session::new(&engine);
    let same = other.get::<Plain>(4).expect("reads").expect("a row");
    other
        .set_expr(same, Plain::COUNT, Plain::COUNT + 1)
        .expect("a change");
    other.commit().expect("commits");
    session
        .set_expr(plain, Plain::COUNT, Plain::COUNT + 1)
        .expect("a change");
    session.commit().expect("commits");
    assert_eq!(counted(4), 2);
}
