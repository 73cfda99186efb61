//! Read-only media and full media: separate file systems, if this process may mount one.

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

/// A file system in memory, mounted on a new folder, and unmounted on drop.
struct Medium {
    folder: PathBuf,
    _parent: TempDatabase,
}

impl Medium {
    /// Mounts a file system of this size; prints the reason and returns `None` without the right to mount.
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
    // A log with commits in it, as a killed program leaves it.
    let open = file_in("wal", &medium.file("source"));
    for suffix in ["", "-wal"] {
        let (from, to) = (format!("source{suffix}"), format!("unfinished{suffix}"));
        fs::copy(medium.file(&from), medium.file(&to)).expect("copies");
    }
    drop(open);
    medium.only_read();
    // A file that needs no log can be read.
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
    // A log is needed and cannot be created: the error says so, and what to do.
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
    // Rows that are only in the log would be missing without an error.
    let unfinished = Sqlite::file(medium.file("unfinished")).immutable();
    let error = unfinished.connect().expect_err("half of it is elsewhere");
    assert_eq!(error.kind(), K::Configuration, "{error}");
    assert!(error.message().contains("-wal"), "{error}");
    // A new file cannot be created there.
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

/// Commits authors with two books each until the disk is full, with many row sizes, so that every step meets the full disk. Exactly the rows
/// reported as committed are there, and once there is room again, the same session continues.
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
            // While it is full, every attempt fails completely.
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
            let reported = u64::try_from(done).expect("a count");
            assert_eq!(counted, [reported, reported * 2], "{what}");
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

/// If the tests run as root, this one runs again as another user, who finds the folder in this variable.
const FOLDER: &str = "SELFSAME_TEST_FOLDER_TO_READ";

/// A read-only folder with writable files: neither a log nor a journal can be created beside them.
#[test]
#[cfg(unix)]
fn folders_that_this_user_may_not_write() {
    use std::os::unix::fs::PermissionsExt as _;
    if let Some(folder) = std::env::var_os(FOLDER) {
        return in_a_folder_to_read(Path::new(&folder));
    }
    let parent = TempDatabase::new().expect("a directory");
    let folder = parent.directory().join("folder");
    fs::create_dir(&folder).expect("a folder");
    let allow = |path: &Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("is allowed");
    };
    for mode in ["wal", "delete"] {
        for (name, rights) in [("writable", 0o666), ("readable", 0o444)] {
            let path = folder.join(format!("{mode}-{name}"));
            drop(file_in(mode, &path));
            allow(&path, rights);
        }
    }
    // A log with commits in it, as a killed program leaves it.
    let open = file_in("wal", &folder.join("source"));
    for (name, files) in [
        ("killed", &["", "-wal"][..]),
        ("served", &["", "-wal", "-shm"]),
    ] {
        for suffix in files {
            let copy = folder.join(format!("{name}{suffix}"));
            fs::copy(folder.join(format!("source{suffix}")), &copy).expect("copies");
            allow(&copy, 0o666);
        }
    }
    drop(open);
    allow(parent.directory(), 0o755);
    allow(&folder, 0o555);
    if fs::write(folder.join("test"), "").is_err() {
        in_a_folder_to_read(&folder);
    } else {
        fs::remove_file(folder.join("test")).expect("is removed");
        as_nobody(parent.directory(), &folder);
    }
    allow(&folder, 0o755);
}

/// Runs the test above as a user without rights.
#[cfg(unix)]
fn as_nobody(place: &Path, folder: &Path) {
    // The folder of the program may be closed to others.
    let program = place.join("program");
    fs::copy(std::env::current_exe().expect("a program"), &program).expect("copies");
    let ran = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .args(["--exact", "media::folders_that_this_user_may_not_write"])
        .env(FOLDER, folder)
        .current_dir(place)
        .output();
    let ran = match ran {
        Ok(ran) => ran,
        Err(error) => return eprintln!("ignored, for no rights can be given up here: {error}"),
    };
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

#[cfg(unix)]
fn in_a_folder_to_read(folder: &Path) {
    fs::write(folder.join("test"), "").expect_err("may not be written");
    let ways = |path: &Path| {
        [
            Sqlite::file(path),
            Sqlite::file(path).must_exist(),
            Sqlite::file(path).read_only(),
        ]
    };
    for name in ["delete-writable", "delete-readable"] {
        for backend in ways(&folder.join(name)) {
            let mut session = backend.connect().expect("a connection");
            assert_eq!(integer(&mut session, "SELECT v FROM t"), 7, "{name}");
            refused(&mut session, "INSERT INTO t VALUES (1)", K::ReadOnly);
            assert_eq!(integer(&mut session, "SELECT v FROM t"), 7, "{name}");
        }
    }
    for name in ["wal-writable", "wal-readable", "killed"] {
        for backend in ways(&folder.join(name)) {
            let error = backend.connect().expect_err(name);
            assert_eq!(error.kind(), K::Unreachable, "{name}: {error}");
            for part in ["WAL", "immutable"] {
                assert!(error.message().contains(part), "{name}: {error}");
            }
        }
    }
    for name in ["wal-writable", "wal-readable", "delete-readable"] {
        let mut session = Sqlite::file(folder.join(name))
            .immutable()
            .connect()
            .expect("a connection");
        assert_eq!(integer(&mut session, "SELECT v FROM t"), 7, "{name}");
        refused(&mut session, "INSERT INTO t VALUES (1)", K::ReadOnly);
    }
    // Rows that are only in the log would be missing without an error.
    let error = Sqlite::file(folder.join("killed"))
        .immutable()
        .connect()
        .expect_err("half of it is elsewhere");
    assert_eq!(error.kind(), K::Configuration, "{error}");
    // With the log and its index beside it, nothing has to be created.
    for backend in ways(&folder.join("served")) {
        let mut session = backend.connect().expect("a connection");
        assert_eq!(integer(&mut session, "SELECT v FROM t"), 7);
    }
    let error = Sqlite::file(folder.join("new")).connect().expect_err("new");
    assert!(
        matches!(error.kind(), K::Unreachable | K::ReadOnly),
        "{error}"
    );
}
