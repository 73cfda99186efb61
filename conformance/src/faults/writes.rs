//! Wrong or missing writes.

use selfsame::ErrorKind;
use selfsame::backend::{Outcome, StatementKind};
use selfsame::dialect::Dialect;

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::Writes;
use crate::faults::lie::{Answer, Lie};
use crate::faults::text::{always_true, places, quotes};

pub(super) const FAULTS: &[Fault] = &[
    Fault::new(
        "writes.batch_loses_last_row",
        Writes,
        "A batch of two or more rows loses its last row.",
        Lie::LoseLast(1),
    )
    .suspects(&["writes.batch"]),
    Fault::new(
        "writes.batch_loses_last_row_beyond_100",
        Writes,
        "A batch of more than 100 rows loses its last row.",
        Lie::LoseLast(100),
    )
    .beyond(100)
    .suspects(&["writes.batch"]),
    Fault::new(
        "writes.batch_goes_on_after_error",
        Writes,
        "A batch continues after a refused row, and reports the error at the end.",
        Lie::GoOn,
    )
    .suspects(&["writes.batch.stops"]),
    Fault::new(
        "writes.count_capped_at_1000",
        Writes,
        "A write of more than a thousand rows reports a thousand.",
        Lie::Outcome(|_, outcome| (outcome.matched > 1_000).then(|| Outcome::matched(1_000))),
    )
    .beyond(1_000)
    .suspects(&["writes.sizes.statements"]),
    Fault::new(
        "writes.count_wraps_at_256",
        Writes,
        "The number of matched rows is reported modulo 256.",
        Lie::Outcome(|_, outcome| {
            (outcome.matched > 255).then(|| Outcome::matched(outcome.matched % 256))
        }),
    )
    .beyond(255)
    .suspects(&["writes.sizes.statements"]),
    Fault::new(
        "writes.parameter_repeated",
        Writes,
        "In a batch, the second row gets a parameter of the first.",
        Lie::RepeatParameter,
    )
    .suspects(&["writes.batch"]),
    Fault::new(
        "writes.no_row_counts_as_one",
        Writes,
        "A write that matched nothing reports one row.",
        Lie::Outcome(|_, outcome| (outcome.matched == 0).then(|| Outcome::matched(1))),
    )
    .suspects(&["writes.count"]),
    Fault::new(
        "writes.duplicate_key_ignored",
        Writes,
        "A row with an existing key is dropped, and success is reported.",
        Lie::Error(|_, error| {
            (error.kind() == ErrorKind::UniqueViolation).then_some(Answer::Success)
        }),
    )
    .suspects(&["constraints.unique", "constraints.primary_key"]),
    Fault::new(
        "writes.predicate_dropped_on_update",
        Writes,
        "An UPDATE changes every row, whatever its WHERE says.",
        Lie::Text(|_, kind, text| {
            (kind == StatementKind::Update)
                .then(|| always_true(text, " WHERE ", &[" RETURNING "]))
                .flatten()
        }),
    )
    .suspects(&["writes.update"]),
    Fault::new(
        "writes.predicate_dropped_on_delete",
        Writes,
        "A DELETE removes every row, whatever its WHERE says.",
        Lie::Text(|_, kind, text| {
            (kind == StatementKind::Delete)
                .then(|| always_true(text, " WHERE ", &[" RETURNING "]))
                .flatten()
        }),
    )
    .suspects(&["writes.delete"]),
    Fault::new(
        "writes.defaults_are_zero",
        Writes,
        "A numeric DEFAULT is zero, whatever it says.",
        Lie::Text(defaults_are_zero),
    )
    .suspects(&["writes.insert.defaults"]),
    Fault::new(
        "writes.upsert_keeps_the_old_row",
        Writes,
        "An upsert leaves an existing row unchanged instead of updating it.",
        Lie::Text(|_, _, text| {
            if let Some(&at) = places(text, " DO UPDATE ").first() {
                return Some(format!("{} DO NOTHING", &text[..at]));
            }
            let at = *places(text, " ON DUPLICATE KEY UPDATE ").first()?;
            let insert = text[..at].strip_prefix("INSERT ")?;
            Some(format!("INSERT IGNORE {insert}"))
        }),
    )
    .needs(&[Capability::Upsert])
    .suspects(&["writes.upsert"]),
    Fault::new(
        "writes.quote_lost_in_names",
        Writes,
        "A quote inside the name of a table is lost.",
        Lie::Text(|dialect, _, text| {
            let (_, close) = quotes(dialect);
            let twice = format!("{close}{close}");
            text.contains(&twice).then(|| text.replace(&twice, ""))
        }),
    )
    .suspects(&["schema.names.odd"]),
];

fn defaults_are_zero(_: &dyn Dialect, kind: StatementKind, text: &str) -> Option<String> {
    if kind != StatementKind::Ddl {
        return None;
    }
    let ends = places(text, " DEFAULT ")
        .into_iter()
        .map(|at| at + " DEFAULT ".len());
    // DEFAULT may also be followed by other words, such as a table's character set.
    let with_digits = |at: usize| {
        // Some databases require parentheses around a default.
        let at = at + usize::from(text[at..].starts_with('('));
        let digits = text[at..].bytes().take_while(u8::is_ascii_digit);
        (at, digits.count())
    };
    let (at, digits) = ends.map(with_digits).rfind(|(_, digits)| *digits > 0)?;
    Some(format!("{}0{}", &text[..at], &text[at + digits..]))
}
