//! The connection is cut at every byte of a commit: nothing is half-written, and an unknown outcome is reported as unknown.

use std::time::{Duration, Instant};

use selfsame::backend::{Backend, Connection, Sql, Statement, StatementKind};
use selfsame::dialect::Begin;
use selfsame::error::ErrorKind;
use selfsame::prelude::*;
use selfsame::value::{ValueRef, ValueType};
use selfsame_postgres::testing::{Database, Server};
use selfsame_testing::{Direction, Proxy};

use crate::support::{Case, i64s, proxy, read, through_proxy};

pub(crate) const CASES: &[Case] = &[
    ("cuts_of_a_commit_of_one_statement", of_one_statement),
    ("cuts_of_a_commit_of_a_graph", of_a_graph),
    ("cuts_before_a_commit_are_no_ambiguity", before_a_commit),
    ("cuts_of_what_only_read_are_no_ambiguity", of_what_only_read),
    (
        "cuts_of_a_statement_in_its_own_transaction",
        of_a_statement_in_its_own_transaction,
    ),
    (
        "cuts_of_what_failed_before_are_no_ambiguity",
        of_what_failed_before,
    ),
];

#[derive(Entity, Clone, Debug)]
#[orm(table = "authors")]
struct Author {
    #[orm(primary_key)]
    id: i64,
    name: String,
    #[orm(back_populates = author, cascade = "all, delete-orphan")]
    books: HasMany<Book>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "books")]
struct Book {
    #[orm(primary_key)]
    id: i64,
    title: String,
    #[orm(references = "authors.id")]
    author_id: i64,
    #[orm(back_populates = books)]
    author: BelongsTo<Author>,
}

struct Cuts<'s> {
    server: &'s Server,
    proxy: Proxy,
    // Declared before its database, so that it closes first.
    direct: Box<dyn Connection>,
    database: Database,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Outcomes {
    ambiguous: usize,
    lost: usize,
    stored_though_ambiguous: usize,
}

impl<'s> Cuts<'s> {
    fn new(server: &'s Server) -> Self {
        let database = server.database().expect("a database");
        let engine = Engine::new(database.backend());
        metadata![Author, Book]
            .create_all(&engine)
            .expect("creates");
        Self {
            server,
            proxy: proxy(server),
            direct: database.backend().connect().expect("connects"),
            database,
        }
    }

    fn engine(&self) -> Engine {
        Engine::new(through_proxy(&self.proxy, self.server, &self.database))
    }

    /// Counts the rows of an author, including its books; the server may still be finishing what was cut.
    fn rows(&mut self, id: i64) -> i64 {
        let text = "SELECT (SELECT count(*) FROM authors WHERE id = $1) + (SELECT count(*) FROM books WHERE author_id = $1)";
        let params = [(ValueType::I64, ValueRef::I64(id).into())];
        i64s(&read(self.direct.as_mut(), text, &params, &[ValueType::I64]).expect("reads"))[0]
    }

    /// Counts the rows of an author after every other connection has become idle.
    fn rows_at_last(&mut self, id: i64) -> i64 {
        self.wait_for_others("state <> 'idle'");
        self.rows(id)
    }

    /// Waits until the condition holds for no other connection.
    fn wait_for_others(&mut self, condition: &str) {
        let busy = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{}' AND pid <> pg_backend_pid() AND {condition}",
            self.database.name()
        );
        let started = Instant::now();
        loop {
            let count =
                i64s(&read(self.direct.as_mut(), &busy, &[], &[ValueType::I64]).expect("reads"))[0];
            if count == 0 || started.elapsed() > Duration::from_secs(5) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Commits authors with this many books, cutting the connection one byte later each time, until a commit gets through.
    fn every_byte(&mut self, direction: Direction, books: i64, is_warm: bool) -> Outcomes {
        let mut reported = Outcomes::default();
        let whole = 1 + books;
        for cut in 0_i32.. {
            let id = 1_000_000 * (books + 1)
                + 2 * i64::from(cut)
                + 500_000 * i64::from(is_warm)
                + i64::from(direction == Direction::ToClient) * 100_000;
            self.proxy.mend();
            let engine = self.engine();
            drop(engine.connect().expect("nothing is cut yet"));
            let mut session = Session::new(&engine);
            if is_warm {
                session.add(author(id + 1, books));
                session.commit().expect("nothing is cut yet");
            }
            session.add(author(id, books));
            self.proxy.cut_after(direction, cut.into());
            let committed = session.commit();
            let was_cut = self.proxy.has_cut(direction);
            let _ = session.rollback();
            drop(session);
            drop(engine);
            let rows = self.rows_at_last(id);
            match committed {
                Ok(()) => {
                    assert_eq!(rows, whole, "{direction:?} {cut}: committed");
                    if !was_cut {
                        return reported;
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::AmbiguousCommit => {
                        assert!(
                            rows == 0 || rows == whole,
                            "{direction:?} {cut}: {rows} rows"
                        );
                        reported.ambiguous += 1;
                        reported.stored_though_ambiguous += usize::from(rows == whole);
                    }
                    ErrorKind::ConnectionLost => {
                        assert_eq!(rows, 0, "{direction:?} {cut}: {error}");
                        reported.lost += 1;
                    }
                    _ => panic!("{direction:?} {cut}: {error:?}"),
                },
            }
        }
        reported
    }
}

fn author(id: i64, books: i64) -> Author {
    let mut author = Author::new(id, "ann");
    let books: Vec<Book> = (0..books)
        .map(|number| Book::new(10 * id + number, "a book", id))
        .collect();
    author.books = books.into();
    author
}

fn of_one_statement(server: &Server) {
    let mut cuts = Cuts::new(server);
    let mut sum = 0;
    for is_warm in [false, true] {
        let up = cuts.every_byte(Direction::ToServer, 0, is_warm);
        let down = cuts.every_byte(Direction::ToClient, 0, is_warm);
        sum += up.ambiguous + up.lost + down.ambiguous + down.lost;
        // If only the answer was cut, the row exists.
        assert!(down.stored_though_ambiguous > 0, "{down:?}");
        assert_eq!(up.stored_though_ambiguous, 0, "{up:?}");
    }
    println!("{sum} cuts of a commit of one statement");
    assert!(sum >= 300, "only {sum} cuts");
}

fn of_a_graph(server: &Server) {
    let mut cuts = Cuts::new(server);
    for direction in [Direction::ToServer, Direction::ToClient] {
        let reported = cuts.every_byte(direction, 3, true);
        println!(
            "{} cuts of a commit of a graph, {direction:?}",
            reported.ambiguous + reported.lost
        );
        assert!(reported.ambiguous > 0, "{direction:?} {reported:?}");
    }
}

/// The server closed an idle connection: the COMMIT was not sent.
fn before_a_commit(server: &Server) {
    let mut cuts = Cuts::new(server);
    let engine = cuts.engine();
    for id in 1..20 {
        cuts.proxy.mend();
        let mut session = Session::new(&engine);
        session.add(author(id, 2));
        session.flush().expect("flushes");
        let text = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '{}' AND pid <> pg_backend_pid()",
            cuts.database.name()
        );
        let ended = read(cuts.direct.as_mut(), &text, &[], &[ValueType::I64]).expect("ends");
        assert!(i64s(&ended)[0] > 0);
        // The row is gone, and the error says so.
        cuts.wait_for_others("true");
        std::thread::sleep(Duration::from_millis(100));
        let error = session.commit().expect_err("lost");
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
        assert!(error.is_unsent());
        assert_eq!(cuts.rows_at_last(id), 0);
    }
}

fn of_what_only_read(server: &Server) {
    let cuts = Cuts::new(server);
    for cut in 0..10 {
        cuts.proxy.mend();
        let engine = cuts.engine();
        let mut session = Session::new(&engine);
        assert_eq!(Author::query().count(&mut session).expect("counts"), 0);
        cuts.proxy.cut_after(Direction::ToClient, cut);
        let error = session.commit().expect_err("cut");
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
    }
    cuts.proxy.mend();
    let engine = cuts.engine();
    let mut connection = engine.connect().expect("connects");
    let mut begin = Begin::default();
    begin.read_only = true;
    connection.begin(begin).expect("begins");
    cuts.proxy.cut_after(Direction::ToServer, 0);
    let error = connection.commit().expect_err("cut");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
}

/// A failed transaction is not committed, whether or not its ROLLBACK reaches the server.
fn of_what_failed_before(server: &Server) {
    let cuts = Cuts::new(server);
    let write = |text: &str| Sql::new(StatementKind::Insert, text, [], []);
    for cut in [Direction::ToServer, Direction::ToClient] {
        cuts.proxy.mend();
        let engine = cuts.engine();
        let mut connection = engine.connect().expect("connects");
        connection.begin(Begin::default()).expect("begins");
        let insert = write("INSERT INTO authors VALUES (1, 'a')");
        connection.execute(&insert, &[]).expect("inserts");
        connection
            .execute(&write("INSERT INTO nowhere VALUES (1)"), &[])
            .expect_err("no such table");
        cuts.proxy.cut_after(cut, 0);
        let error = connection.commit().expect_err("it failed before");
        assert_eq!(error.kind(), ErrorKind::PendingRollback, "{error:?}");
        assert!(connection.execute(&insert, &[]).is_err());
    }
}

/// Behind a transaction pooler a statement has its own transaction, for its settings: only the answer to its COMMIT is ambiguous.
fn of_a_statement_in_its_own_transaction(server: &Server) {
    let mut cuts = Cuts::new(server);
    let insert = Sql::new(
        StatementKind::Insert,
        "INSERT INTO authors VALUES (1, 'a')",
        [],
        [],
    );
    let (mut ambiguous, mut lost) = (0, 0);
    for cut in 0.. {
        cuts.proxy.mend();
        let backend = through_proxy(&cuts.proxy, cuts.server, &cuts.database).transaction_pooler();
        let engine = Engine::new(backend);
        let mut connection = engine.connect().expect("connects");
        cuts.proxy.cut_after(Direction::ToClient, cut);
        let reported = connection.execute(&insert, &[]);
        drop(connection);
        let rows = cuts.rows_at_last(1);
        match reported.map_err(|error| error.kind()) {
            Ok(_) => {
                assert_eq!(rows, 1, "{cut}");
                break;
            }
            Err(ErrorKind::AmbiguousCommit) => ambiguous += 1,
            Err(ErrorKind::ConnectionLost) => {
                assert_eq!(rows, 0, "{cut}");
                lost += 1;
            }
            Err(kind) => panic!("{cut}: {kind:?}"),
        }
        let gone = Sql::new(StatementKind::Delete, "DELETE FROM authors", [], []);
        cuts.direct
            .execute(&Statement::new(&gone, &[]))
            .expect("deletes");
    }
    // The bytes of CommandComplete and ReadyForQuery.
    assert!((1..=20).contains(&ambiguous), "{ambiguous}");
    assert!(lost > 40, "{lost}");
}
