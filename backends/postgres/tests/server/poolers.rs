//! Behind PgBouncer in transaction mode: whatever other clients do, statements are not mixed up and settings hold.

use std::process::{Command, Stdio};

use selfsame::backend::{Backend, Sql, StatementKind};
use selfsame::error::ErrorKind;
use selfsame::prelude::*;
use selfsame::value::{Value, ValueRef, ValueType};
use selfsame_postgres::Postgres;
use selfsame_postgres::testing::{Database, PoolMode, Pooler, Server, pooler_required};

use crate::support::{Case, execute, fixture, i64s, read, write};

pub(crate) const CASES: &[Case] = &[
    ("poolers_databases_are_dropped", databases_are_dropped),
    ("poolers_two_processes_at_once", two_processes_at_once),
    ("poolers_threads_on_a_used_pool", threads_on_a_used_pool),
    ("poolers_settings_hold", settings_hold),
    ("poolers_of_sessions", of_sessions),
    (
        "poolers_a_wrong_schema_is_refused",
        a_wrong_schema_is_refused,
    ),
    ("poolers_names_are_random", names_are_random),
    (
        "poolers_lost_statements_are_forgotten_at_once",
        lost_statements_are_forgotten_at_once,
    ),
    (
        "poolers_unprepared_prepares_nothing",
        unprepared_prepares_nothing,
    ),
    (
        "poolers_of_statements_are_refused",
        of_statements_are_refused,
    ),
    ("poolers_that_change_servers", that_change_servers),
    ("poolers_of_two_databases", of_two_databases),
    ("poolers_of_others_who_set", of_others_who_set),
    ("poolers_without_a_free_server", without_a_free_server),
];

#[derive(Entity, Clone, Debug)]
#[orm(table = "entries")]
struct Entry {
    #[orm(primary_key)]
    id: i64,
    owner: i64,
    count: i64,
}

/// Returns `None` if PgBouncer is not available and not required.
fn pooler(server: &Server, mode: PoolMode) -> Option<Pooler> {
    match Pooler::start(server, mode) {
        Ok(pooler) => Some(pooler),
        Err(error) if !pooler_required() => {
            eprintln!("not tried: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn through_pooler(pooler: &Pooler, database: &Database) -> Postgres {
    Postgres::url(pooler.url())
        .expect("a URL")
        .application_name(database.name())
        .schema(database.name())
}

fn prepare(database: &Database) {
    let engine = Engine::new(database.backend());
    metadata![Entry].create_all(&engine).expect("creates");
}

/// Runs many short transactions on the caller's rows: if statements of other clients ran instead, rows would be wrong.
pub(crate) fn hammer(url: &str, schema: &str, own: &str) {
    let own: i64 = own.parse().expect("a number");
    let backend = Postgres::url(url).expect("a URL").schema(schema);
    let engine = Engine::new(backend);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let engine = &engine;
            scope.spawn(move || work(engine, own, own * 1_000_000 + thread * 100_000));
        }
    });
}

fn work(engine: &Engine, own: i64, first: i64) {
    let mut session = Session::new(engine);
    let kept = session.add(Entry::new(first, own, 0));
    session.commit().expect("commits");
    for round in 1..=60 {
        let id = first + round;
        session.add(Entry::new(id, own, 0));
        session.commit().expect("commits");
        session
            .transaction(|session| {
                let entry = session.get::<Entry>(id)?.expect("is there");
                session[entry].count += 1;
                session.flush()?;
                session[kept].count += 1;
                Ok(())
            })
            .expect("commits");
        let entry = session.get::<Entry>(id).expect("reads").expect("is there");
        assert_eq!((session[entry].owner, session[entry].count), (own, 1));
        session.delete(entry).expect("deletes");
        session.commit().expect("commits");
        let mine = Entry::query()
            .filter(Entry::OWNER.eq(own))
            .count(&mut session);
        assert!(mine.expect("counts") > 0);
        session.rollback().expect("rolls back");
    }
}

fn check_entries(database: &Database, owners: &[i64]) {
    let mut direct = database.backend().connect().expect("connects");
    let rows = read(
        direct.as_mut(),
        "SELECT sum(count)::bigint FROM entries GROUP BY owner ORDER BY owner",
        &[],
        &[ValueType::I64],
    );
    let expected = vec![120; owners.len()];
    assert_eq!(
        i64s(&rows.expect("reads")),
        expected,
        "a row of each thread, changed 60 times"
    );
}

/// A database that is reached only through a pooler is dropped, too.
fn databases_are_dropped(server: &Server) {
    let Some(pooler) = pooler(server, PoolMode::Transaction) else {
        return;
    };
    let through = Server::from_url(pooler.url()).expect("the server behind the pooler");
    let database = through.database().expect("a database");
    let name = database.name().to_owned();
    prepare(&database);
    for _ in 0..5 {
        let mut connection = database.backend().connect().expect("connects");
        let one = read(
            connection.as_mut(),
            "SELECT 1::bigint",
            &[],
            &[ValueType::I64],
        );
        assert_eq!(i64s(&one.expect("reads")), [1]);
    }
    drop(database);
    let mut direct = Postgres::url(server.url())
        .and_then(|backend| backend.connect())
        .expect("connects");
    let left = read(
        direct.as_mut(),
        &format!("SELECT count(*) FROM pg_namespace WHERE nspname = '{name}'"),
        &[],
        &[ValueType::I64],
    );
    assert_eq!(i64s(&left.expect("reads")), [0], "the schema stays");
}

fn two_processes_at_once(server: &Server) {
    let Some(pooler) = pooler(server, PoolMode::Transaction) else {
        return;
    };
    let database = server.database().expect("a database");
    prepare(&database);
    let children: Vec<_> = ["1", "2"]
        .into_iter()
        .map(|own| {
            Command::new(std::env::current_exe().expect("a program"))
                .args(["hammer", pooler.url(), database.name(), own])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .expect("starts")
        })
        .collect();
    for mut child in children {
        assert!(child.wait().expect("ends").success());
    }
    check_entries(&database, &[1, 2]);
}

fn threads_on_a_used_pool(server: &Server) {
    let Some(pooler) = pooler(server, PoolMode::Transaction) else {
        return;
    };
    let database = server.database().expect("a database");
    prepare(&database);
    // The server's connections have been used by several clients.
    hammer(pooler.url(), database.name(), "1");
    hammer(pooler.url(), database.name(), "2");
    check_entries(&database, &[1, 2]);
}

fn shown(engine: &Engine, in_transaction: bool) -> Vec<String> {
    let select = Sql::new(
        StatementKind::Select,
        "SELECT current_schema()::text, current_setting('statement_timeout'), current_setting('lock_timeout')",
        [],
        [ValueType::Text; 3],
    );
    let mut connection = engine.connect().expect("connects");
    if in_transaction {
        connection
            .begin(selfsame::dialect::Begin::default())
            .expect("begins");
    }
    let mut out = Vec::new();
    connection
        .query(&select, &[], &mut |row| {
            for at in 0..3 {
                match row.value(at, ValueType::Text)? {
                    ValueRef::Text(text) => out.push(text.to_owned()),
                    other => panic!("not a text: {other:?}"),
                }
            }
            Ok(())
        })
        .expect("reads");
    out
}

fn settings_hold(server: &Server) {
    let Some(pooler) = pooler(server, PoolMode::Transaction) else {
        return;
    };
    let (one, two) = (
        server.database().expect("a database"),
        server.database().expect("a database"),
    );
    let timeout = |seconds| std::time::Duration::from_secs(seconds);
    let engines: Vec<(Engine, Vec<String>)> = vec![
        (
            Engine::new(
                through_pooler(&pooler, &one)
                    .statement_timeout(timeout(7))
                    .lock_timeout(timeout(3)),
            ),
            vec![one.name().to_owned(), "7s".to_owned(), "3s".to_owned()],
        ),
        (
            Engine::new(
                through_pooler(&pooler, &two)
                    .statement_timeout(timeout(9))
                    .transaction_pooler(),
            ),
            vec![two.name().to_owned(), "9s".to_owned(), "0".to_owned()],
        ),
        // In the URL, as for libpq; this pooler drops it.
        (
            Engine::new(
                Postgres::url(&format!(
                    "{}?options=-c%20search_path%3D{}%20-c%20statement_timeout%3D11s",
                    pooler.url(),
                    one.name()
                ))
                .expect("a URL"),
            ),
            vec![one.name().to_owned(), "11s".to_owned(), "0".to_owned()],
        ),
        // Another client is not affected.
        (
            Engine::new(Postgres::url(pooler.url()).expect("a URL")),
            vec!["public".to_owned(), "0".to_owned(), "0".to_owned()],
        ),
    ];
    std::thread::scope(|scope| {
        for (engine, expected) in &engines {
            for _ in 0..3 {
                scope.spawn(move || {
                    for round in 0..20 {
                        assert_eq!(&shown(engine, round % 2 == 0), expected);
                    }
                });
            }
        }
    });
}

fn of_sessions(server: &Server) {
    let Some(pooler) = pooler(server, PoolMode::Session) else {
        return;
    };
    let database = server.database().expect("a database");
    prepare(&database);
    hammer(pooler.url(), database.name(), "1");
    check_entries(&database, &[1]);
    let engine = Engine::new(through_pooler(&pooler, &database));
    assert_eq!(shown(&engine, false)[0], database.name());
}

fn a_wrong_schema_is_refused(server: &Server) {
    let pooler = pooler(server, PoolMode::Transaction);
    let urls = [Some(server.url()), pooler.as_ref().map(Pooler::url)];
    for url in urls.into_iter().flatten() {
        let backend = Postgres::url(url)
            .expect("a URL")
            .schema("selfsame nowhere");
        let error = backend.connect().expect_err("there is no such schema");
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.message().contains("selfsame nowhere"), "{error}");
        let error = Postgres::url(&format!("{url}?options=-c%20no_such_setting%3D1"))
            .expect("a URL")
            .connect()
            .expect_err("there is no such setting");
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    }
}

fn names_are_random(server: &Server) {
    let mut case = fixture(server);
    write(case.connection.as_mut(), "SELECT 1", &[]).expect("prepares");
    let names = read(
        case.connection.as_mut(),
        "SELECT name FROM pg_prepared_statements",
        &[],
        &[ValueType::Text],
    )
    .expect("reads");
    assert!(!names.is_empty());
    for name in names.concat() {
        match name {
            Value::Text(name) => assert!(name.len() > 18, "{name}"),
            other => panic!("not a text: {other:?}"),
        }
    }
}

fn lost_statements_are_forgotten_at_once(server: &Server) {
    let database = server.database().expect("a database");
    prepare(&database);
    let engine = Engine::new(database.backend()).pool_size(1);
    let mut session = Session::new(&engine);
    let mut all = |tries: &mut u32| {
        session.retry(1, |session| {
            *tries += 1;
            for id in 0..3 {
                session.add(Entry::new(id, 1, 0));
                session.flush()?;
            }
            Entry::query().filter(Entry::OWNER.eq(1)).count(session)?;
            Entry::query().filter(Entry::COUNT.eq(1)).count(session)?;
            Err::<(), _>(selfsame::Error::new(ErrorKind::Validation, "enough"))
        })
    };
    let mut tries = 0;
    let enough = all(&mut tries).expect_err("on purpose");
    assert_eq!((enough.kind(), tries), (ErrorKind::Validation, 1));
    let mut connection = engine.connect().expect("connects");
    let behind_our_back = Sql::new(StatementKind::Raw, "DEALLOCATE ALL", [], []);
    connection.execute(&behind_our_back, &[]).expect("runs");
    drop(connection);
    tries = 0;
    let enough = all(&mut tries).expect_err("on purpose");
    assert_eq!(enough.kind(), ErrorKind::Validation, "{enough}");
    assert_eq!(tries, 2);
}

fn unprepared_prepares_nothing(server: &Server) {
    let database = server.database().expect("a database");
    prepare(&database);
    for backend in [
        database.backend().without_prepared_statements(),
        Postgres::url(&format!("{}&prepared_statements=false", database.url())).expect("a URL"),
    ] {
        let mut connection = backend.connect().expect("connects");
        write(
            connection.as_mut(),
            "INSERT INTO entries (id, owner, count) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING",
            &[
                (ValueType::I64, ValueRef::I64(1).into()),
                (ValueType::I64, ValueRef::I64(2).into()),
            ],
        )
        .expect("inserts");
        let count = "SELECT count(*) FROM pg_prepared_statements";
        let prepared = read(connection.as_mut(), count, &[], &[ValueType::I64]).expect("reads");
        assert_eq!(i64s(&prepared), [0]);
    }
    let mut direct = database.backend().connect().expect("connects");
    execute(direct.as_mut(), "DELETE FROM entries").expect("deletes");
}

fn pooler_with(server: &Server, lines: &[&str]) -> Option<Pooler> {
    match Pooler::start_with(server, PoolMode::Transaction, lines) {
        Ok(pooler) => Some(pooler),
        Err(error) if !pooler_required() => {
            eprintln!("not tried: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn of_statements_are_refused(server: &Server) {
    let Some(pooler) = pooler(server, PoolMode::Statement) else {
        return;
    };
    for url in [
        pooler.url().to_owned(),
        format!("{}?pooler=transaction", pooler.url()),
    ] {
        let error = Postgres::url(&url)
            .and_then(|backend| backend.connect())
            .expect_err("no transactions");
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.message().contains("statement pooling"), "{error}");
    }
}

/// Server connections that end after a second or when idle, or that are reset after each client or each transaction.
fn that_change_servers(server: &Server) {
    for lines in [
        &["server_lifetime = 1", "server_idle_timeout = 1"][..],
        &[
            "server_reset_query = DISCARD ALL",
            "server_reset_query_always = 1",
        ],
        &["default_pool_size = 1", "server_round_robin = 1"],
        &[
            "server_check_delay = 0",
            "server_fast_close = 1",
            "server_lifetime = 1",
        ],
    ] {
        let Some(pooler) = pooler_with(server, lines) else {
            return;
        };
        let database = server.database().expect("a database");
        prepare(&database);
        hammer(pooler.url(), database.name(), "1");
        std::thread::sleep(std::time::Duration::from_millis(1_200));
        hammer(pooler.url(), database.name(), "2");
        check_entries(&database, &[1, 2]);
    }
}

/// Tables of the same name in two databases behind one pooler, with one connection to each.
fn of_two_databases(server: &Server) {
    let lines = ["default_pool_size = 1", "max_db_connections = 1"];
    let Some(pooler) = pooler_with(server, &lines) else {
        return;
    };
    let mut direct = Postgres::url(server.url())
        .and_then(|backend| backend.connect())
        .expect("connects");
    let names = ["one", "two"].map(|name| format!("selfsame_{name}_{}", std::process::id()));
    let at = |url: &str, name: &str| {
        let mut url = url::Url::parse(url).expect("a URL");
        url.set_path(name);
        Postgres::url(url.as_str()).expect("a URL")
    };
    for name in &names {
        execute(direct.as_mut(), &format!("CREATE DATABASE {name}")).expect("creates");
        let engine = Engine::new(at(server.url(), name));
        metadata![Entry].create_all(&engine).expect("creates");
    }
    std::thread::scope(|scope| {
        for (own, name) in (0_i64..).zip(&names) {
            let engine = Engine::new(at(pooler.url(), name));
            scope.spawn(move || {
                let mut session = Session::new(&engine);
                for id in 0..60 {
                    session.add(Entry::new(id, own, id));
                    session.commit().expect("commits");
                    let others = Entry::query().filter(Entry::OWNER.ne(own));
                    assert_eq!(others.count(&mut session).expect("counts"), 0);
                    session.rollback().expect("rolls back");
                }
            });
        }
    });
    drop(pooler);
    for name in &names {
        let drop_it = format!("DROP DATABASE {name} WITH (FORCE)");
        execute(direct.as_mut(), &drop_it).expect("drops");
    }
}

/// Another client leaves its settings on the server's connections. Ours hold, inside a transaction and outside.
fn of_others_who_set(server: &Server) {
    let Some(pooler) = pooler_with(server, &["default_pool_size = 2"]) else {
        return;
    };
    let (ours, theirs) = (
        server.database().expect("a database"),
        server.database().expect("a database"),
    );
    prepare(&ours);
    prepare(&theirs);
    let other = Engine::new(Postgres::url(pooler.url()).expect("a URL"));
    let engine = Engine::new(through_pooler(&pooler, &ours));
    for round in 0..40 {
        let mut connections = [
            other.connect().expect("connects"),
            other.connect().expect("connects"),
        ];
        for connection in &mut connections {
            for setting in [
                format!("search_path TO {}", theirs.name()),
                "standard_conforming_strings TO off".to_owned(),
                "DateStyle TO 'German, DMY'".to_owned(),
                "extra_float_digits TO -10".to_owned(),
                "client_encoding TO LATIN1".to_owned(),
            ] {
                let sql = Sql::new(StatementKind::Raw, format!("SET {setting}"), [], []);
                connection.execute(&sql, &[]).expect("sets");
            }
        }
        drop(connections);
        let mut session = Session::new(&engine);
        session.add(Entry::new(2 * round, 1, 1));
        session.commit().expect("commits");
        session
            .transaction(|session| {
                session.add(Entry::new(2 * round + 1, 1, 1));
                session.flush()?;
                let odd = session
                    .sql("SELECT 'é\\' || ?", ("ü",))
                    .first::<(String,)>()?;
                assert_eq!(odd, Some(("é\\ü".to_owned(),)));
                Ok(())
            })
            .expect("commits");
    }
    for (database, expected) in [(&ours, 80), (&theirs, 0)] {
        let mut direct = database.backend().connect().expect("connects");
        let count = "SELECT count(*) FROM entries";
        let count = read(direct.as_mut(), count, &[], &[ValueType::I64]).expect("reads");
        assert_eq!(i64s(&count), [expected]);
    }
}

/// A COMMIT that the pooler never forwarded is reported as not committed.
fn without_a_free_server(server: &Server) {
    let Some(pooler) = pooler_with(server, &["default_pool_size = 1", "query_wait_timeout = 1"])
    else {
        return;
    };
    let database = server.database().expect("a database");
    prepare(&database);
    let named = |by_options: bool| match by_options {
        // Each statement in a transaction that sets the schema.
        true => through_pooler(&pooler, &database),
        false => Postgres::url(pooler.url()).expect("a URL"),
    };
    for by_options in [true, false] {
        let (first, second) = (Engine::new(named(true)), Engine::new(named(by_options)));
        // Both are connected already.
        drop((
            first.connect().expect("connects"),
            second.connect().expect("connects"),
        ));
        let mut holder = first.connect().expect("connects");
        holder
            .begin(selfsame::dialect::Begin::default())
            .expect("begins");
        let mut waiting = second.connect().expect("connects");
        let text = format!("INSERT INTO {}.entries VALUES (1, 1, 1)", database.name());
        let insert = Sql::new(StatementKind::Insert, text, [], []);
        let error = waiting.execute(&insert, &[]).expect_err("no server");
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
        assert!(error.is_unsent(), "{error}");
        holder.rollback().expect("rolls back");
        drop(waiting);
        let mut again = second.connect().expect("connects");
        again.execute(&insert, &[]).expect("has a server");
        let delete = format!("DELETE FROM {}.entries", database.name());
        let delete = Sql::new(StatementKind::Delete, delete, [], []);
        assert_eq!(again.execute(&delete, &[]).expect("deletes").matched, 1);
    }
}
