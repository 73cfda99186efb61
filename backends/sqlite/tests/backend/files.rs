//! Files: journal modes, the files beside them, read-only media, and files that are replaced or removed.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use selfsame::backend::{Backend as _, Sql, StatementKind};
use selfsame::value::ValueType as T;
use selfsame::{Engine, ErrorKind as K};
use selfsame_sqlite::JournalMode;

use crate::support::*;

fn journal_mode(session: &mut Session) -> String {
    let text = "SELECT journal_mode FROM pragma_journal_mode";
    one(session, text, T::Text).get().expect("a text")
}

/// Creates a file in this mode, with one row in a table `t`. A log may lie beside it until the connection is closed.
pub(crate) fn file_in(mode: &str, path: &Path) -> rusqlite::Connection {
    let native = rusqlite::Connection::open(path).expect("opens");
    native
        .query_row(&format!("PRAGMA journal_mode = {mode}"), [], |_| Ok(()))
        .expect("the mode");
    native
        .execute_batch("CREATE TABLE t (v); INSERT INTO t VALUES (7)")
        .expect("a table");
    native
}

fn beside(path: &Path) -> Vec<String> {
    let directory = fs::read_dir(path.parent().expect("a directory")).expect("reads");
    let names = directory.map(|entry| entry.expect("reads").file_name());
    let name = path
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    names
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|found| found.starts_with(&name) && *found != name)
        .collect()
}

#[test]
fn a_file_keeps_its_own_journal_mode() {
    let database = TempDatabase::new().expect("a directory");
    for mode in ["delete", "wal"] {
        let path = database.directory().join(format!("{mode}.db"));
        file_in(mode, &path);
        let header = fs::read(&path).expect("reads")[18..20].to_owned();
        for backend in [
            Sqlite::file(&path),
            Sqlite::file(&path).must_exist(),
            Sqlite::file(&path).read_only(),
        ] {
            let mut session = backend.connect().expect("a connection");
            assert_eq!(journal_mode(&mut session), mode);
            assert_eq!(integer(&mut session, "SELECT v FROM t"), 7);
        }
        assert_eq!(fs::read(&path).expect("reads")[18..20], header, "{mode}");
    }
    // A new file has no journal mode of its own, nor has an empty one.
    let empty = database.directory().join("empty.db");
    fs::write(&empty, "").expect("a file");
    for path in [database.path(), &*empty] {
        let mut session = Sqlite::file(path).connect().expect("a connection");
        assert_eq!(journal_mode(&mut session), "wal");
    }
}

#[test]
fn a_journal_mode_can_be_requested() {
    let database = TempDatabase::new().expect("a directory");
    for (mode, word) in [
        (JournalMode::Delete, "delete"),
        (JournalMode::Truncate, "truncate"),
        (JournalMode::Persist, "persist"),
        (JournalMode::Memory, "memory"),
        (JournalMode::Off, "off"),
        (JournalMode::Wal, "wal"),
    ] {
        let mut session = database.backend().journal_mode(mode).connect().expect(word);
        assert_eq!(journal_mode(&mut session), word);
        drop(session);
        let url = format!("sqlite:{}?journal_mode={word}", database.path().display());
        let mut session = Sqlite::url(&url).expect("a URL").connect().expect(word);
        assert_eq!(journal_mode(&mut session), word);
    }
    // An impossible mode is an error.
    for backend in [Sqlite::memory(), database.backend().read_only()] {
        let error = backend
            .journal_mode(JournalMode::Wal)
            .connect()
            .expect_err("no mode");
        assert_eq!(error.kind(), K::Configuration, "{error}");
        assert!(error.message().contains("wal"), "{error}");
    }
    // The mode cannot change while others are connected: that is a lock timeout.
    let _other = database.backend().connect().expect("a connection");
    let timeout = Duration::from_millis(50);
    let delete = database.backend().journal_mode(JournalMode::Delete);
    let error = delete.busy_timeout(timeout).connect().expect_err("locked");
    assert_eq!(error.kind(), K::Busy, "{error}");
}

#[test]
fn reading_leaves_nothing_beside_the_file() {
    let database = TempDatabase::new().expect("a directory");
    for mode in ["delete", "wal"] {
        let path = database.directory().join(format!("{mode}.db"));
        file_in(mode, &path);
        let before = fs::read(&path).expect("reads");
        let backend = Sqlite::file(&path).read_only();
        let mut first = backend.connect().expect("a connection");
        let mut second = backend.connect().expect("a connection");
        assert_eq!(integer(&mut first, "SELECT v FROM t"), 7);
        assert_eq!(integer(&mut second, "SELECT v FROM t"), 7);
        run(&mut second, "PRAGMA cache_size = 10", &[]);
        second.reset(true).expect("reset");
        drop(first);
        drop(second);
        assert_eq!(beside(&path), Vec::<String>::new(), "{mode}");
        assert!(fs::read(&path).expect("reads") == before, "{mode}");
    }
    // Files that another program has open, or left behind, are not touched.
    let path = database.directory().join("wal.db");
    let writer = rusqlite::Connection::open(&path).expect("opens");
    writer
        .execute_batch("INSERT INTO t VALUES (8)")
        .expect("a row");
    let mut reader = Sqlite::file(&path)
        .read_only()
        .connect()
        .expect("a connection");
    assert_eq!(integer(&mut reader, "SELECT count(*) FROM t"), 2);
    drop(reader);
    assert_eq!(beside(&path).len(), 2);
    writer
        .execute_batch("INSERT INTO t VALUES (9)")
        .expect("a row");
}

/// Beside a file whose name has the maximum length no other file can be created: this simulates a read-only medium.
#[test]
fn a_log_that_cannot_be_created_is_reported_and_immutable_reads_without() {
    let database = TempDatabase::new().expect("a directory");
    let short = database.directory().join("short.db");
    file_in("wal", &short);
    let path = database
        .directory()
        .join(format!("a 100%?#{}.db", "x".repeat(243)));
    fs::rename(&short, &path).expect("moves");
    let before = fs::read(&path).expect("reads");
    for backend in [Sqlite::file(&path), Sqlite::file(&path).read_only()] {
        let error = backend.connect().expect_err("no log");
        assert_eq!(error.kind(), K::Unreachable, "{error}");
        assert!(error.message().contains("WAL"), "{error}");
        assert!(error.message().contains("immutable"), "{error}");
    }
    let mut session = Sqlite::file(&path)
        .immutable()
        .connect()
        .expect("a connection");
    assert_eq!(integer(&mut session, "SELECT v FROM t"), 7);
    refused(&mut session, "INSERT INTO t VALUES (1)", K::ReadOnly);
    drop(session);
    assert!(fs::read(&path).expect("reads") == before);
}

/// A cause has the same kind when connecting and later.
#[test]
fn broken_and_locked_files() {
    let database = TempDatabase::new().expect("a directory");
    let timeout = Duration::from_millis(30);
    // Locked.
    let path = database.directory().join("locked.db");
    file_in("delete", &path);
    let mut early = Sqlite::file(&path)
        .busy_timeout(timeout)
        .connect()
        .expect("a connection");
    let holder = rusqlite::Connection::open(&path).expect("opens");
    holder.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    let late = Sqlite::file(&path)
        .busy_timeout(timeout)
        .connect()
        .expect_err("locked");
    assert_eq!(late.kind(), K::Busy, "{late}");
    assert!(late.message().contains("locked.db"), "{late}");
    refused(&mut early, "SELECT v FROM t", K::Busy);
    drop(holder);
    assert_eq!(integer(&mut early, "SELECT v FROM t"), 7);

    // Full: every later statement and COMMIT report the first cause.
    run(&mut early, "PRAGMA max_page_count = 4", &[]);
    let fill = "INSERT INTO t SELECT zeroblob(100000)";
    assert!(
        refused(&mut early, fill, K::Database)
            .to_string()
            .contains("full")
    );
    transaction(
        &mut early,
        selfsame::dialect::Transaction::Begin(Default::default()),
    )
    .expect("begins");
    let first = refused(&mut early, fill, K::Database);
    assert_eq!(first.native_code(), Some("SQLITE_FULL"));
    early.reset(false).expect("reset");
    assert_eq!(integer(&mut early, "SELECT count(*) FROM t"), 1);

    // Corrupt in the middle, and in the schema table.
    for (from, name) in [(4096, "middle"), (100, "schema")] {
        let path = database.directory().join(format!("{name}.db"));
        file_in("delete", &path);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .expect("opens");
        file.seek(SeekFrom::Start(from)).expect("seeks");
        file.write_all(&[0xff; 3_900]).expect("writes");
        drop(file);
        let met = match Sqlite::file(&path).connect() {
            Err(error) => error,
            Ok(mut session) => try_one(&mut session, "SELECT v FROM t", T::I64).expect_err(name),
        };
        assert_eq!(met.kind(), K::Database, "{name}: {met}");
        assert_eq!(met.native_code(), Some("SQLITE_CORRUPT"), "{name}: {met}");
    }
}

#[test]
fn a_file_that_goes_away_takes_its_connections_along() {
    for replaced in [true, false] {
        let database = TempDatabase::new().expect("a directory");
        let path = database.path().to_owned();
        let engine = Engine::new(database.backend());
        let insert = Sql::new(StatementKind::Insert, "INSERT INTO t VALUES (1)", [], []);
        let count = Sql::new(StatementKind::Select, "SELECT count(*) FROM t", [], []);
        let create = Sql::new(StatementKind::Ddl, "CREATE TABLE t (v)", [], []);
        let mut idle = engine.connect().expect("a connection");
        idle.execute(&create, &[]).expect("a table");
        let mut outside = engine.connect().expect("a connection");
        let mut open = engine.connect().expect("a connection");
        drop(idle);
        open.begin(Default::default()).expect("begins");
        open.execute(&insert, &[]).expect("a row");
        let go = || {
            // Whoever removes a file removes its log, too.
            for suffix in ["-wal", "-shm"] {
                let _ = fs::remove_file(format!("{}{suffix}", path.display()));
            }
            if replaced {
                let other = database.directory().join("other.db");
                file_in("delete", &other);
                fs::rename(&other, &path).expect("moves");
            } else {
                fs::remove_file(&path).expect("removes");
            }
        };
        go();
        // Nothing is committed to a removed file, and the error says so.
        let error = open.commit().expect_err("no file");
        assert_eq!(error.kind(), K::ConnectionLost, "{error}");
        assert!(
            error.is_unsent() && error.message().contains("file"),
            "{error}"
        );
        let error = outside.execute(&insert, &[]).expect_err("no file");
        assert_eq!(error.kind(), K::ConnectionLost, "{error}");
        let error = outside.begin(Default::default()).expect_err("no file");
        assert_eq!(error.kind(), K::ConnectionLost, "{error}");
        drop((open, outside));
        // No old connection is left in the pool.
        for _ in 0..4 {
            let mut next = engine.connect().expect("a connection");
            if !replaced {
                next.execute(&create, &[]).expect("a new file");
            }
            next.execute(&insert, &[]).expect("a row");
            let mut rows = 0;
            next.query(&count, &[], &mut |row| {
                rows = row.value(0, T::I64)?.to_owned().get()?;
                Ok(())
            })
            .expect("a count");
            assert_eq!(rows, if replaced { 2_i64 } else { 1 });
            drop(next);
            go();
        }
    }
}

/// Creates a file with the row `v`.
#[cfg(unix)]
fn file_with(v: i64, path: &Path) {
    let native = rusqlite::Connection::open(path).expect("opens");
    native
        .execute_batch(&format!("CREATE TABLE t (v); INSERT INTO t VALUES ({v})"))
        .expect("a table");
}

/// Log and journal lie beside the file, not beside a link to it.
#[cfg(unix)]
#[test]
fn a_link_is_followed_to_what_lies_beside_the_file() {
    let database = TempDatabase::new().expect("a directory");
    let folder = database.directory().join("links");
    fs::create_dir(&folder).expect("a folder");
    let (path, link) = (database.path().to_owned(), folder.join("link.db"));
    let open = file_in("wal", &path);
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    // Its row is only in the log.
    let error = Sqlite::file(&link).immutable().connect().expect_err("log");
    assert_eq!(error.kind(), K::Configuration, "{error}");
    assert!(error.message().contains("-wal"), "{error}");
    let mut reader = Sqlite::file(&link).read_only().connect().expect("connects");
    assert_eq!(integer(&mut reader, "SELECT v FROM t"), 7);
    drop((reader, open));
    let mut reader = Sqlite::file(&link).read_only().connect().expect("connects");
    assert_eq!(integer(&mut reader, "SELECT v FROM t"), 7);
    drop(reader);
    assert_eq!(beside(&path), Vec::<String>::new());
    let mut reader = Sqlite::file(&link).immutable().connect().expect("connects");
    assert_eq!(integer(&mut reader, "SELECT v FROM t"), 7);
}

/// A link is switched to another release: the old file still exists, but nobody will read it.
#[cfg(unix)]
#[test]
fn connections_follow_a_link_that_is_switched() {
    let database = TempDatabase::new().expect("a directory");
    for of_folder in [false, true] {
        let home = database.directory().join(format!("home-{of_folder}"));
        for (version, v) in [("one", 1), ("two", 2)] {
            fs::create_dir_all(home.join(version)).expect("a folder");
            file_with(v, &home.join(version).join("x.db"));
        }
        let (link, inside) = match of_folder {
            true => (home.join("current"), ""),
            false => (home.join("current.db"), "x.db"),
        };
        let lead = |version: &str| {
            let new = home.join("new");
            std::os::unix::fs::symlink(home.join(version).join(inside), &new).expect("a link");
            fs::rename(&new, &link).expect("moves");
        };
        lead("one");
        let path = match of_folder {
            true => link.join("x.db"),
            false => link.clone(),
        };
        let engine = Engine::new(Sqlite::file(&path));
        let insert = Sql::new(StatementKind::Insert, "INSERT INTO t VALUES (9)", [], []);
        let mut open = engine.connect().expect("a connection");
        let mut outside = engine.connect().expect("a connection");
        drop(engine.connect().expect("a connection"));
        open.begin(Default::default()).expect("begins");
        open.execute(&insert, &[]).expect("a row");
        lead("two");
        let error = open.commit().expect_err("elsewhere");
        assert_eq!(error.kind(), K::ConnectionLost, "{error}");
        assert!(error.is_unsent(), "{error}");
        let error = outside.execute(&insert, &[]).expect_err("elsewhere");
        assert_eq!(error.kind(), K::ConnectionLost, "{error}");
        drop((open, outside));
        for _ in 0..3 {
            let mut next = engine.connect().expect("a connection");
            next.execute(&insert, &[]).expect("a row");
        }
        let rows = |version: &str| {
            let path = home.join(version).join("x.db");
            let mut session = Sqlite::file(path).connect().expect("a connection");
            integer(&mut session, "SELECT count(*) FROM t")
        };
        assert_eq!((rows("one"), rows("two")), (1, 4));
    }
}

/// The next connection that may write rolls back an interrupted transaction. A read-only one gets an error that names the journal.
#[test]
fn a_hot_journal_is_rolled_back_or_reported() {
    let database = TempDatabase::new().expect("a directory");
    let path = database.directory().join("cut.db");
    let source = database.directory().join("source.db");
    let native = file_in("delete", &source);
    native
        .execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; CREATE TABLE u (v); INSERT INTO u SELECT zeroblob(500) FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) SELECT i FROM n); BEGIN; UPDATE t SET v = 8; UPDATE u SET v = randomblob(500)")
        .expect("a transaction");
    // The files of a killed process.
    for suffix in ["", "-journal"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        fs::copy(name(&source), name(&path)).expect("copies");
    }
    drop(native);
    for backend in [
        Sqlite::file(&path).read_only(),
        Sqlite::file(&path).immutable(),
    ] {
        let error = match backend.connect() {
            Err(error) => error,
            Ok(mut session) => panic!("{}", integer(&mut session, "SELECT v FROM t")),
        };
        assert!(
            matches!(error.kind(), K::Configuration | K::Unreachable),
            "{error}"
        );
        for part in ["cut.db", "-journal", "interrupted"] {
            assert!(error.message().contains(part), "{error}");
        }
        assert!(!error.message().contains("mode=ro"), "{error}");
    }
    let mut session = Sqlite::file(&path).connect().expect("connects");
    assert_eq!(integer(&mut session, "SELECT v FROM t"), 7);
    drop(session);
    let mut session = Sqlite::file(&path).immutable().connect().expect("connects");
    assert_eq!(integer(&mut session, "SELECT v FROM t"), 7);
}
