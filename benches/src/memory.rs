//! The memory of tracked objects beside that of plain structs.

use crate::digest::Digest;
use crate::fixture::{Fixture, Site};
use crate::workload::{Arm, Workload};
use crate::{Error, Result};

/// Tells how many bytes the raw, untracked and tracked arms hold at most while they load so many users on SQLite. `peak` runs a closure
/// and tells the most that it held at a time, of what Rust allocates.
///
/// # Errors
///
/// Whatever the database gives.
pub fn compare(rows: usize, peak: impl Fn(&mut dyn FnMut()) -> u64) -> Result<String> {
    let workload = Workload::named("trivial").ok_or("there is no such workload")?;
    let mut fixture = Fixture::new(&Site::Sqlite, workload, rows)?;
    let mut found = Vec::new();
    for arm in [Arm::Raw, Arm::Untracked, Arm::Tracked] {
        // What a first run keeps is not counted.
        fixture.run(arm, &mut Digest::off())?;
        let mut ended: Result<()> = Ok(());
        let bytes = peak(&mut || ended = fixture.run(arm, &mut Digest::off()));
        ended?;
        found.push((arm, bytes));
    }
    let plain = found
        .first()
        .map(|(_, bytes)| *bytes)
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| Error::from("nothing was allocated: there is no allocator that counts"))?;
    let rows = u64::try_from(rows)?.max(1);
    let lines: Vec<String> = found
        .into_iter()
        .map(|(arm, bytes)| {
            let hundredths = bytes * 100 / plain;
            format!(
                "{:<9} {:>6} MiB {:>5} bytes a row {:>3}.{:02} of the plain structs",
                arm.name(),
                bytes >> 20,
                bytes / rows,
                hundredths / 100,
                hundredths % 100
            )
        })
        .collect();
    Ok(lines.join("\n"))
}
