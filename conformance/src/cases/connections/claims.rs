//! A dialect's claims do not change, and SQL that needs an unclaimed capability is never sent.

use selfsame::ErrorKind;
use selfsame::dialect::{
    Begin, Capabilities, DatePart, Isolation, JsonStep, TextMatch, Transaction,
};
use selfsame::metadata;
use selfsame::prelude::*;
use selfsame::schema::ColumnType;
use selfsame::sql::{
    RowLock, Window, date_part, insert_into, json_text, on, recursive, row_number, select,
};
use selfsame::value::{Timestamp, ValueType};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::domain::TYPES;
use crate::world::{BillLine, Node, Seat, Sent, User, World};

pub(super) const CASES: &[Case] = &[
    Case::core("connections.dialect.pure", pure)
        .since(19)
        .promise("The dialect returns the same text for the same arguments, so that rendered statements can be reused.")
        .hint("Methods of `Dialect` keep no state: no counters, no clock.")
        .covers(&[Contract(42)]),
    Case::core("connections.capabilities.refused", unclaimed_is_refused)
        .since(19)
        .promise("A capability that the backend does not claim is refused as unsupported before anything is sent.")
        .hint("Claim the capability if the database supports it.")
        .covers(&[Contract(68), Contract(69), Rule(38)]),
];

fn pure(context: &mut Context) -> CaseResult {
    let backend = context.backend();
    let describe = || texts(backend.dialect());
    let first = describe();
    for round in 2..=4 {
        let again = describe();
        for (one, other) in first.iter().zip(&again) {
            check_eq!(other, one, "the dialect's text in round {round}");
        }
        check_eq!(
            again.len(),
            first.len(),
            "the number of the dialect's texts"
        );
    }
    let capabilities = context.capabilities();
    check!(
        context.capabilities() == capabilities,
        "claimed capabilities must not change"
    );
    Ok(())
}

/// Returns all SQL that a dialect writes for a fixed set of arguments.
fn texts(dialect: &dyn selfsame::dialect::Dialect) -> Vec<String> {
    let mut all = vec![
        dialect.name().to_owned(),
        format!("{:?}", dialect.batch()),
        dialect.overriding().to_owned(),
        dialect.table_exists(),
        dialect.table_exists_in_schema(),
        dialect.null_safe_equality(false).concat(),
        dialect.null_safe_equality(true).concat(),
    ];
    let mut write = |with: &dyn Fn(&mut String)| {
        let mut out = String::new();
        with(&mut out);
        all.push(out);
    };
    for name in ["a", "Odd \"name`]", ""] {
        write(&|out| dialect.quote(name, out));
        write(&|out| dialect.literal(name, out));
        write(&|out| dialect.excluded(name, out));
    }
    for limit in [None, Some(0), Some(5)] {
        for offset in [None, Some(0), Some(7)] {
            write(&|out| dialect.limit(limit, offset, out));
        }
    }
    for test in [
        TextMatch::StartsWith,
        TextMatch::EndsWith,
        TextMatch::Contains,
    ] {
        write(&|out| dialect.text_match(test, "a", "b", out));
    }
    for ty in TYPES {
        let column = ColumnType::of(ty);
        for index in [1, 2, 300] {
            write(&|out| dialect.placeholder(index, ty, out));
        }
        write(&|out| out.push_str(&dialect.column_type(&column)));
        write(&|out| out.push_str(&dialect.cast_type(&column)));
        write(&|out| out.push_str(&dialect.array_type(&column)));
        write(&|out| dialect.cast("a", &column, out));
        write(&|out| out.push_str(&format!("{:?}", dialect.text_form(&column))));
    }
    for step in [JsonStep::from("a"), JsonStep::from(0)] {
        write(&|out| dialect.json_text("a", std::slice::from_ref(&step), out));
    }
    for part in [DatePart::Year, DatePart::Month, DatePart::Day] {
        write(&|out| dialect.date_part(part, "a", ValueType::Timestamp, out));
    }
    let mut begin = Begin::default();
    begin.writes_first = true;
    for command in [
        Transaction::Begin(Begin::default()),
        Transaction::Begin(begin),
        Transaction::Commit,
        Transaction::Rollback,
        Transaction::Savepoint("s"),
        Transaction::Release("s"),
        Transaction::RollbackTo("s"),
    ] {
        write(&|out| out.push_str(&dialect.transaction(&command)));
    }
    all
}

const LEVELS: [Isolation; 4] = [
    Isolation::ReadUncommitted,
    Isolation::ReadCommitted,
    Isolation::RepeatableRead,
    Isolation::Serializable,
];

/// A document and a timestamp, from which parts are extracted.
#[derive(Entity, Clone, Debug)]
#[orm(table = "parts")]
struct Parts {
    #[orm(primary_key)]
    id: i64,
    document: serde_json::Value,
    at: Timestamp,
}

/// A feature that needs a capability: its name, whether it is claimed, and a use of it.
type Request<'a> = (
    String,
    fn(&Capabilities) -> bool,
    Box<dyn Fn(&World) -> selfsame::Result<()> + 'a>,
);

fn unclaimed_is_refused(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![User, Seat, Node, Parts])?;
    let capabilities = context.capabilities();
    let levels = LEVELS
        .into_iter()
        .filter(|level| !capabilities.isolation_levels.contains(level));
    let mut requests = requests();
    requests.extend(levels.map(level));
    for (name, is_claimed, request) in requests {
        if is_claimed(&capabilities) {
            continue;
        }
        world.sent();
        let result = request(&world);
        let sent = world.sent();
        check!(
            matches!(&result, Err(error) if error.kind() == ErrorKind::Unsupported),
            "{name} is not claimed and must be unsupported, returned {result:?}"
        );
        check_eq!(sent, Sent::NOTHING, "nothing may be sent of {name}");
        context.note(format!("{name} is refused"));
    }
    let count = User::query().count(&mut world.session())?;
    check_eq!(count, 0, "the database must be unchanged");
    Ok(())
}

fn level(level: Isolation) -> Request<'static> {
    let request = move |world: &World| {
        let mut begin = Begin::default();
        begin.isolation = Some(level);
        world.engine.connect()?.begin(begin)
    };
    (level.as_sql().to_owned(), |_| false, Box::new(request))
}

fn requests() -> Vec<Request<'static>> {
    fn request(
        name: &str,
        is_claimed: fn(&Capabilities) -> bool,
        request: impl Fn(&World) -> selfsame::Result<()> + 'static,
    ) -> Request<'static> {
        (name.to_owned(), is_claimed, Box::new(request))
    }
    let user = || {
        insert_into(User::table())
            .columns((User::NAME,))
            .values(("ann",))
    };
    vec![
        request(
            "a transaction",
            |c| c.transactions,
            |world| world.engine.connect()?.begin(Begin::default()),
        ),
        request(
            "a read-only transaction",
            |c| c.read_only_transactions,
            |world| {
                let mut begin = Begin::default();
                begin.read_only = true;
                world.engine.connect()?.begin(begin)
            },
        ),
        request(
            "a savepoint",
            |c| c.savepoints,
            |world| world.engine.connect()?.savepoint("s"),
        ),
        request(
            "RETURNING",
            |c| c.returning,
            move |world| {
                world
                    .engine
                    .connect()?
                    .write_returning(&user().returning(User::ID))
                    .map(drop)
            },
        ),
        request(
            "an upsert",
            |c| c.upsert,
            move |world| {
                world
                    .engine
                    .connect()?
                    .write(&user().or_do_nothing())
                    .map(drop)
            },
        ),
        request(
            "a lock on rows",
            |c| c.row_locks,
            |world| {
                let query = select(User::ID)
                    .from(User::table())
                    .lock(RowLock::for_update());
                world.engine.connect()?.all(&query).map(drop)
            },
        ),
        request(
            "a window function",
            |c| c.windows,
            |world| {
                let number = row_number().over(Window::new().order_by(User::ID.asc()));
                let query = select(number).from(User::table());
                world.engine.connect()?.all(&query).map(drop)
            },
        ),
        request(
            "a recursive query",
            |c| c.recursive_queries,
            |world| {
                let first = select(Node::ID).from(Node::table());
                let below = recursive("below", first, |below| {
                    let parent = on(below.column::<0>(), Node::PARENT_ID);
                    select(Node::ID).from(Node::table()).join(below, parent)
                });
                let query = select(below.column::<0>()).from(&below);
                world.engine.connect()?.all(&query).map(drop)
            },
        ),
        request(
            "INTERSECT",
            |c| c.set_operations,
            |world| {
                let names = || select(User::NAME).from(User::table());
                world
                    .engine
                    .connect()?
                    .all(&names().intersect(names()))
                    .map(drop)
            },
        ),
        request(
            "EXCEPT",
            |c| c.set_operations,
            |world| {
                let names = || select(User::NAME).from(User::table());
                world
                    .engine
                    .connect()?
                    .all(&names().except(names()))
                    .map(drop)
            },
        ),
        request(
            "a path into a document",
            |c| c.json_paths,
            |world| {
                let query = select(json_text(Parts::DOCUMENT, ["a"])).from(Parts::table());
                world.engine.connect()?.all(&query).map(drop)
            },
        ),
        request(
            "a part of a moment",
            |c| c.date_parts,
            |world| {
                let query = select(date_part(DatePart::Year, Parts::AT)).from(Parts::table());
                world.engine.connect()?.all(&query).map(drop)
            },
        ),
        request(
            "a computed column",
            |c| c.computed_columns,
            |world| {
                let dialect = world.engine.dialect();
                metadata![BillLine]
                    .create_statements(dialect, |_| Ok(false))
                    .map(drop)
            },
        ),
    ]
}
