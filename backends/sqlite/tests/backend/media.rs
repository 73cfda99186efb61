//! Media that cannot be written, and media that are full: file systems of their own, where this process may mount one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use selfsame::backend::Backend as _;
use selfsame::prelude::*;
use selfsame::{Engine, Error, ErrorKind as K};
use selfsame_sqlite::JournalMode;

use crate::files::file_in;
use crate::support::{Sqlite, TempDatabase, integer, refused};

/// A file system in memory, in a folder of its own, gone with the value.
struct Medium {
    folder: PathBuf,
    _parent: TempDatabase,
}

impl Medium {
    /// One of this size, or `None` with the reason told: mounting is for the privileged.
    fn new(size: &str) -> Option<Self> {
        let parent = TempDatabase::new().expect("a directory");
        let folder = parent.directory().join("medium");
        fs::create_dir(&folder).expect("a folder");
        let options = format!("size={size}");
        match mount(&["-t", "tmpfs", "-o", &options, "selfsame"], &folder) {
            Ok(()) => Some(Self {
                folder,
                _parent: parent,
            }),
            Err(reason) => {
                eprintln!("ignored, for nothing can be mounted here: {reason}");
                None
            }
        }
    }

    fn only_read(&self) {
        mount(&["-o", "remount,ro"], &self.folder).expect("mounted before");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Medium {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}

fn mount(arguments: &[&str], folder: &Path) -> Result<(), String> {
    let ran = Command::new("mount")
        .args(arguments)
        .arg(folder)
        .output()
        .map_err(|error| error.to_string())?;
    match ran.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&ran.stderr).trim().to_owned()),
    }
}

#[test]
fn media_that_cannot_be_written() {
    let Some(medium) = Medium::new("4m") else {
        return;
    };
    for mode in ["wal", "delete"] {
        drop(file_in(mode, &medium.file(mode)));
    }
    // A log with commits in it, as a program that was killed leaves one.
    let open = file_in("wal", &medium.file("source"));
    for suffix in ["", "-wal"] {
        let (from, to) = (format!("source{suffix}"), format!("unfinished{suffix}"));
        fs::copy(medium.file(&from), medium.file(&to)).expect("copies");
    }
    drop(open);
    medium.only_read();
    // What needs no log is read, whoever might have written.
    let delete = medium.file("delete");
    for backend in [
        Sqlite::file(&delete),
        Sqlite::file(&delete).must_exist(),
        Sqlite::file(&delete).read_only(),
        Sqlite::file(&delete).immutable(),
    ] {
        let mut session = backend.connect().expect("a connection");
        assert_eq!(integer(&mut session, "SELECT v FROM t"), 7);
        refused(&mut session, "INSERT INTO t VALUES (1)", K::ReadOnly);
        assert_eq!(integer(&mut session, "SELECT v FROM t"), 7);
    }
    // A log is needed and cannot be made: that is said, and what helps.
    let wal = medium.file("wal");
    for backend in [
        Sqlite::file(&wal),
        Sqlite::file(&wal).must_exist(),
        Sqlite::file(&wal).read_only(),
    ] {
        let error = backend.connect().expect_err("no log");
        assert_eq!(error.kind(), K::Unreachable, "{error}");
        for part in ["WAL", "immutable"] {
            assert!(error.message().contains(part), "{error}");
        }
    }
    let mut session = Sqlite::file(&wal)
        .immutable()
        .connect()
        .expect("a connection");
    assert_eq!(integer(&mut session, "SELECT v FROM t"), 7);
    refused(&mut session, "INSERT INTO t VALUES (1)", K::ReadOnly);
    // What is in the log only would be missed in silence.
    let unfinished = Sqlite::file(medium.file("unfinished")).immutable();
    let error = unfinished.connect().expect_err("half of it is elsewhere");
    assert_eq!(error.kind(), K::Configuration, "{error}");
    assert!(error.message().contains("-wal"), "{error}");
    // A new file cannot be made there.
    let error = Sqlite::file(medium.file("new")).connect().expect_err("ro");
    assert!(
        matches!(error.kind(), K::Unreachable | K::ReadOnly),
        "{error}"
    );
}

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

/// Commits authors of two books each until the disk is full, at each of many sizes of what is written, so that each place meets it: what
/// was told as done is there, nothing else is, and with room again the same session goes on.
#[test]
fn a_disk_that_is_full() {
    for mode in [
        JournalMode::Wal,
        JournalMode::Delete,
        JournalMode::Truncate,
        JournalMode::Persist,
    ] {
        for size in [500, 1_900, 5_000, 21_000, 70_000] {
            let Some(medium) = Medium::new("512k") else {
                return;
            };
            let path = medium.file("full.db");
            let ballast = medium.file("ballast");
            fs::write(&ballast, vec![0_u8; 100_000]).expect("room for later");
            let engine = Engine::new(
                Sqlite::file(&path)
                    .journal_mode(mode)
                    .busy_timeout(Duration::from_millis(200)),
            );
            metadata![Author, Book]
                .create_all(&engine)
                .expect("creates");
            let mut session = Session::new(&engine);
            let mut done = 0;
            let error = loop {
                match add(&mut session, done, size) {
                    Ok(()) => done += 1,
                    Err(error) => break error,
                }
                assert!(done < 10_000, "the disk has no end");
            };
            let what = format!("{mode:?}, {size} bytes, after {done}");
            assert_full(&error, &what);
            session.rollback().expect(&what);
            // As long as it is full, whatever is tried fails whole.
            for _ in 0..3 {
                let error = add(&mut session, done, size * 2).expect_err(&what);
                assert_full(&error, &what);
                session.rollback().expect(&what);
            }
            fs::remove_file(&ballast).expect("makes room");
            let counted = [
                Author::query().count(&mut session).expect(&what),
                Book::query().count(&mut session).expect(&what),
            ];
            let told = u64::try_from(done).expect("a count");
            assert_eq!(counted, [told, told * 2], "{what}");
            session.commit().expect(&what);
            add(&mut session, done, 500).expect(&what);
            drop(session);
            drop(engine);
            let native = rusqlite::Connection::open(&path).expect("opens");
            let sound: String = native
                .query_row("PRAGMA integrity_check", [], |row| row.get(0))
                .expect("checks");
            assert_eq!(sound, "ok", "{what}");
        }
    }
}

fn add(session: &mut Session, id: i64, size: usize) -> selfsame::Result<()> {
    let mut author = Author::new(id, "a".repeat(size));
    let books = [1, 2].map(|number| Book::new(10 * id + number, "b".repeat(size), id));
    author.books = books.to_vec().into();
    session.add(author);
    session.commit()
}

fn assert_full(error: &Error, what: &str) {
    assert_eq!(error.kind(), K::Database, "{what}: {error:?}");
    assert!(
        matches!(error.native_code(), Some("SQLITE_FULL" | "SQLITE_IOERR")),
        "{what}: {error:?}"
    );
}
