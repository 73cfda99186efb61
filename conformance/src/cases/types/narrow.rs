//! Columns that are declared narrower than they are mapped.

use selfsame::ErrorKind;
use selfsame::prelude::*;
use selfsame::value::Decimal;

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::World;

pub(super) const CASES: &[Case] = &[Case::core("types.narrow.refused_or_kept", narrow)
    .since(23)
    .promise("A value that its column would change is refused or kept, however the column was declared: what is written is what memory has.")
    .hint("A database that converts what is assigned to a column needs `Dialect::converts_what_it_stores`, and a backend that asks for the types of the `Target`'s columns.")
    .needs(&[Capability::Transactions])
    .covers(&[Contract(10), Contract(22), Rule(42)])];

/// The table as another program declared it.
#[derive(Entity, Clone, Debug)]
#[orm(table = "gauges")]
struct Declared {
    #[orm(primary_key)]
    id: i64,
    #[orm(precision = (6, 1))]
    amount: Decimal,
    single: f32,
    #[orm(length = 4)]
    label: String,
}

/// The same table as the program maps it.
#[derive(Entity, Clone, Debug, PartialEq)]
#[orm(table = "gauges")]
struct Gauge {
    #[orm(primary_key)]
    id: i64,
    #[orm(precision = (12, 3))]
    amount: Decimal,
    single: f64,
    label: String,
}

/// A number, as another program declared it.
#[derive(Entity, Clone, Debug)]
#[orm(table = "codes")]
struct DeclaredCode {
    #[orm(primary_key)]
    id: i64,
    code: i64,
}

/// The number, mapped as a text.
#[derive(Entity, Clone, Debug)]
#[orm(table = "codes")]
struct Code {
    #[orm(primary_key)]
    id: i64,
    code: String,
}

/// A name, and a change to a value that the declared column cannot hold.
type Change = (&'static str, fn(&mut Gauge));

const CHANGES: [Change; 3] = [
    ("1.25", |gauge| gauge.amount = Decimal::new(125, 2)),
    ("0.1", |gauge| gauge.single = 0.1),
    ("a blank too many", |gauge| gauge.label.push(' ')),
];

fn gauge(id: i64) -> Gauge {
    Gauge::new(id, Decimal::new(15, 1), 0.5, "abcd")
}

fn narrow(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Declared, DeclaredCode])?;
    for (what, change) in CHANGES {
        let changed = |id| {
            let mut gauge = gauge(id);
            change(&mut gauge);
            gauge
        };
        for rows in [1, 2] {
            let mut session = world.session();
            let added = session.add_all((0..rows).map(changed).collect::<Vec<_>>());
            let written = session.flush();
            check_written(&mut session, written, &added, what)?;
        }
        let mut session = world.session();
        let added = session.add(gauge(1));
        session.flush()?;
        change(&mut session[added]);
        let written = session.flush();
        check_written(&mut session, written, &[added], what)?;
        let mut session = world.session();
        match session.insert_all([changed(1)]) {
            Err(error) => check_refused(&error, what)?,
            Ok(_) => {
                let found = session.get::<Gauge>(1)?.map(|found| session[found].clone());
                check_eq!(found, Some(changed(1)), "{what} in bulk");
            }
        }
        session.rollback()?;
    }
    let is_converted = Capability::ConvertedValues.is_claimed(context.dialect());
    text_of_a_number(&world, is_converted)
}

/// A database whose columns have types may also refuse the statement because of the types. A backend that does not check types must at least
/// not read another text.
fn text_of_a_number(world: &World, is_converted: bool) -> CaseResult {
    let mut session = world.session();
    let code = session.add(Code::new(1, "007"));
    if session.flush().is_ok() {
        let read = session.refresh(code).map(|()| session[code].code.clone());
        let is_kept = match &read {
            Ok(text) => text == "007",
            Err(error) => error.kind() == ErrorKind::Conversion && !is_converted,
        };
        check!(
            is_kept,
            "007 in a column of numbers must be refused or kept, is {read:?}"
        );
    }
    session.rollback()?;
    Ok(())
}

/// Checks that memory has the written value, if one was written.
fn check_written(
    session: &mut Session,
    written: selfsame::Result<()>,
    gauges: &[Handle<Gauge>],
    what: &str,
) -> CaseResult {
    match written {
        Err(error) => check_refused(&error, what)?,
        Ok(()) => {
            for &gauge in gauges {
                let in_memory = session[gauge].clone();
                session.refresh(gauge)?;
                check_eq!(session[gauge].clone(), in_memory, "the row, with {what}");
            }
        }
    }
    session.rollback()?;
    Ok(())
}

/// Kinds that have nothing to do with a value. Databases use the others: out of range, a violated CHECK, a conversion, an error of their own.
const UNRELATED: [ErrorKind; 8] = [
    ErrorKind::Busy,
    ErrorKind::Deadlock,
    ErrorKind::Serialization,
    ErrorKind::Unreachable,
    ErrorKind::ConnectionLost,
    ErrorKind::AmbiguousCommit,
    ErrorKind::PoolTimeout,
    ErrorKind::InvalidState,
];

fn check_refused(error: &selfsame::Error, what: &str) -> CaseResult {
    check!(
        !UNRELATED.contains(&error.kind()),
        "{what} must be refused or kept, returned {error:?}"
    );
    Ok(())
}
