//! The memory of tracked objects, compared with that of a plain `Vec` of them.

use selfsame::session::Session;
use selfsame::value::Auto;
use selfsame::{Engine, Entity};

use crate::digest::Digest;
use crate::fixture::{Fixture, Site};
use crate::schema::User;
use crate::workload::{Arm, Workload};
use crate::{Error, Result};

/// Tracked objects may take up to this many times the memory of a `Vec` of them.
const MOST: f64 = 1.5;

/// A user with columns only.
#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
struct Bare {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    hair_color: Option<String>,
}

/// The memory held, and whether it is too much.
#[derive(Clone, Debug)]
pub struct Memory {
    /// A line for each way to load the rows.
    pub text: String,
    /// What takes too much memory, if anything does.
    pub excess: Option<String>,
}

/// Measures the peak of allocated bytes while `users` users are loaded on SQLite: as a `Vec` and tracked, with and without a relation.
/// `peak` runs a closure and returns the most bytes that Rust's allocator held at a time.
///
/// # Errors
///
/// Errors of the database.
pub fn compare(rows: usize, peak: impl Fn(&mut dyn FnMut()) -> u64) -> Result<Memory> {
    let workload = Workload::named("trivial").ok_or("this workload does not exist")?;
    let mut fixture = Fixture::new(&Site::Sqlite, workload, rows)?;
    let plain = held(&peak, || fixture.run(Arm::Raw, &mut Digest::off()))?;
    if plain == 0 {
        return Err("nothing was counted: the program has no counting allocator".into());
    }
    let engine = fixture.engine();
    let mut lines = vec![line("read by hand, a Vec", plain, rows, None)];
    let mut excess = None;
    for (what, found) in [
        ("an entity with a relation", both::<User>(engine, &peak)?),
        ("an entity without", both::<Bare>(engine, &peak)?),
    ] {
        let (list, tracked) = found;
        lines.push(line(
            &format!("{what}, a Vec"),
            list,
            rows,
            Some(("by hand", plain)),
        ));
        let name = format!("{what}, tracked");
        lines.push(line(&name, tracked, rows, Some(("its Vec", list))));
        let times = float(tracked) / float(list);
        if times > MOST {
            excess = Some(format!(
                "{name}: {times:.2} times the memory of its Vec, at most {MOST} is allowed"
            ));
        }
    }
    Ok(Memory {
        text: lines.join("\n"),
        excess,
    })
}

/// Measures the rows as a `Vec` and as tracked objects.
fn both<E: Entity>(engine: &Engine, peak: &impl Fn(&mut dyn FnMut()) -> u64) -> Result<(u64, u64)> {
    let list = held(peak, || {
        let mut session = Session::new(engine);
        std::hint::black_box(E::query().rows(&mut session)?);
        Ok(())
    })?;
    let tracked = held(peak, || {
        let mut session = Session::new(engine);
        std::hint::black_box(E::query().all(&mut session)?);
        Ok(())
    })?;
    Ok((list, tracked))
}

/// What the first run caches is not counted.
fn held(
    peak: &impl Fn(&mut dyn FnMut()) -> u64,
    mut work: impl FnMut() -> Result<()>,
) -> Result<u64> {
    work()?;
    let mut ended: Result<(), Error> = Ok(());
    let bytes = peak(&mut || ended = work());
    ended.map(|()| bytes)
}

fn line(what: &str, bytes: u64, rows: usize, beside: Option<(&str, u64)>) -> String {
    let each = bytes / u64::try_from(rows).unwrap_or(u64::MAX).max(1);
    let beside = beside.map_or_else(String::new, |(of, other)| {
        format!(", {:.2} times that of {of}", float(bytes) / float(other))
    });
    format!(
        "{what:<34} {:>5} MiB, {each:>4} bytes a row{beside}",
        bytes >> 20
    )
}

#[expect(clippy::cast_precision_loss, reason = "bytes are far below 2^52")]
fn float(bytes: u64) -> f64 {
    bytes as f64
}
