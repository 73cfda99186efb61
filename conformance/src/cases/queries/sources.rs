//! Other parts of queries: EXISTS, raw SQL, aliases, structs, and rows one by one.

use selfsame::metadata;
use selfsame::prelude::*;
use selfsame::sql::{Source, alias, exists, on, raw, select, text, verbatim};
use selfsame::{Error, ErrorKind};

use crate::case::Cover::Contract;
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::world::{Colour, Lamp, Task, User, World};

pub(super) const CASES: &[Case] = &[
    Case::core("queries.exists.correlated", correlated)
        .since(19)
        .promise("EXISTS is evaluated for each row of the outer query with that row's columns, alone, negated, and combined with other conditions.")
        .hint("Qualify columns of the outer query with their table or alias.")
        .covers(&[Contract(36)]),
    Case::core("queries.raw.expression", expression)
        .since(19)
        .promise("Raw SQL in an expression is sent unchanged, and its value is read as the requested type.")
        .hint("Do not quote anything in SQL that the program wrote.")
        .covers(&[Contract(38)]),
    Case::core("queries.alias.twice", aliased)
        .since(19)
        .promise("One table under two aliases is two sources: each column belongs to its own alias.")
        .hint("Quote the alias after AS like any identifier.")
        .covers(&[Contract(34)]),
    Case::core("queries.stream.typed", typed_stream)
        .since(19)
        .promise("Rows are passed on one by one in order, as tuples or structs, and the receiver's first error ends the query.")
        .hint("See `Connection::query`: stop at the sink's error and leave the connection usable.")
        .covers(&[Contract(44)]),
    Case::core("queries.union.order", sorted_union)
        .since(19)
        .promise("The combined rows of several queries are sorted by column position, each in its own direction, and then limited.")
        .hint("ORDER BY and LIMIT after a UNION apply to the whole.")
        .covers(&[Contract(30), Contract(35)]),
];

/// ann with two tasks, one of them done; bob with one; cy with none.
fn with_people(context: &Context) -> CaseResult<World> {
    let world = World::new(context)?;
    let mut session = world.session();
    for (name, age, titles) in [
        ("ann", Some(30), &[("sow", true), ("reap", false)][..]),
        ("bob", None, &[("bake", false)][..]),
        ("cy", Some(50), &[][..]),
    ] {
        let user = session.add(User {
            age,
            ..User::new(name)
        });
        for &(title, done) in titles {
            let task = session.add(Task {
                done,
                ..Task::new(title)
            });
            session.set(task, Task::USER, Some(user))?;
        }
    }
    session.commit()?;
    Ok(world)
}

fn correlated(context: &mut Context) -> CaseResult {
    let world = with_people(context)?;
    let mut session = world.session();
    let tasks = || {
        select(Task::ID)
            .from(Task::table())
            .filter(on(Task::USER_ID, User::ID))
    };
    let done = || tasks().filter(Task::DONE.eq(true));
    let nothing = || {
        select(Task::ID)
            .from(Task::table())
            .filter(Task::TITLE.eq("none"))
    };
    macro_rules! found {
        ($condition:expr, $wanted:expr, $what:literal) => {{
            let query = User::query().filter($condition).order_by(User::NAME.asc());
            let names = query.select(User::NAME).all(&mut session)?;
            check_eq!(names, $wanted, "the people {}", $what);
        }};
    }
    found!(exists(tasks()), ["ann", "bob"], "with a task");
    found!(!exists(tasks()), ["cy"], "without a task");
    found!(exists(done()), ["ann"], "with a task that is done");
    found!(
        exists(tasks()).and(!exists(done())),
        ["bob"],
        "with tasks of which none is done"
    );
    found!(
        User::AGE.gt(40).or(exists(done())),
        ["ann", "cy"],
        "over 40, or with a task that is done"
    );
    found!(
        User::AGE.is_null().and(exists(tasks())),
        ["bob"],
        "of no age with a task"
    );
    found!(exists(nothing()), [""; 0], "EXISTS of an empty subquery");
    found!(
        !exists(nothing()),
        ["ann", "bob", "cy"],
        "NOT EXISTS of an empty subquery"
    );
    let found = select((User::NAME, exists(tasks())))
        .from(User::table())
        .order_by(User::NAME.asc())
        .all(&mut session)?;
    let wanted = [("ann", true), ("bob", true), ("cy", false)];
    check_eq!(
        found,
        wanted.map(|(name, has)| (name.to_owned(), has)),
        "EXISTS as a column"
    );
    Ok(())
}

fn expression(context: &mut Context) -> CaseResult {
    let world = with_people(context)?;
    let mut session = world.session();
    let ages = select((
        User::NAME,
        raw::<User, i64>("1 + 2 * 3"),
        raw::<User, Option<String>>("NULL"),
    ))
    .from(User::table())
    .filter(raw::<User, bool>("2 > 1"))
    .order_by(User::NAME.desc())
    .all(&mut session)?;
    let names = ["cy", "bob", "ann"].map(str::to_owned);
    check_eq!(
        ages,
        names.map(|name| (name, 7, None)),
        "text as columns and as a condition"
    );
    let mixed = User::query()
        .filter(User::AGE.gt(raw::<User, i32>("15 + 20")))
        .select(User::NAME)
        .all(&mut session)?;
    check_eq!(mixed, ["cy"], "text beside a column");
    // A type that the program defines, compared and written by its own conversion.
    session.add_all([Lamp::new(Colour::Red), Lamp::new(Colour::DarkGreen)]);
    session.commit()?;
    let green = Lamp::query()
        .filter(Lamp::COLOUR.eq(verbatim(Colour::DarkGreen)))
        .select(Lamp::COLOUR)
        .all(&mut session)?;
    check_eq!(green, [Colour::DarkGreen], "a value of a custom type");
    Ok(())
}

/// A place inside another.
#[derive(Entity, Clone, Debug)]
#[orm(table = "places")]
struct Place {
    #[orm(primary_key)]
    id: i64,
    name: String,
    within: Option<i64>,
}

fn aliased(context: &mut Context) -> CaseResult {
    let engine = Engine::from_backend(context.backend());
    metadata![Place].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let place = |id, name: &str, within| Place {
        within,
        ..Place::new(id, name)
    };
    session.insert_all([
        place(1, "sea", None),
        place(2, "isle", Some(1)),
        place(3, "hut", Some(2)),
    ])?;
    let outer = alias::<Place>("the \"outer\"");
    let pairs = select((Place::NAME, outer.column(Place::NAME)))
        .from(Place::table())
        .join(&outer, on(Place::WITHIN, outer.column(Place::ID)))
        .order_by(Place::ID.asc())
        .all(&mut session)?;
    let wanted = [("isle", "sea"), ("hut", "isle")];
    check_eq!(
        pairs,
        wanted.map(|(a, b)| (a.to_owned(), b.to_owned())),
        "each place and the one around it"
    );
    // The same table under another alias, without its entity.
    let all = select(selfsame::sql::count_all())
        .from(Place::table())
        .join(
            Source::aliased(Place::table(), "second"),
            raw::<Place, bool>("1 = 1"),
        )
        .all(&mut session)?;
    check_eq!(all, [9], "every row beside every row");
    Ok(())
}

/// Two columns, read by name.
#[derive(FromRow, Clone, Debug, PartialEq)]
struct Person {
    name: String,
    age: Option<i32>,
}

fn typed_stream(context: &mut Context) -> CaseResult {
    let world = with_people(context)?;
    let mut connected = world.engine.connect()?;
    let people = || {
        select((User::NAME, User::AGE))
            .from(User::table())
            .order_by(User::NAME.asc())
    };
    let person = |name: &str, age| Person {
        name: name.to_owned(),
        age,
    };
    let wanted = [
        person("ann", Some(30)),
        person("bob", None),
        person("cy", Some(50)),
    ];
    let mut found = Vec::new();
    connected.for_each(&people().read_as::<Person>(), |row| {
        found.push(row);
        Ok(())
    })?;
    check_eq!(found, wanted, "structs, one by one");
    let mut names = Vec::new();
    connected.for_each(&people(), |(name, _)| {
        names.push(name);
        Ok(())
    })?;
    check_eq!(names, ["ann", "bob", "cy"], "tuples, one by one");
    let mut seen = 0;
    let stopped = connected.for_each(&people(), |_| {
        seen += 1;
        match seen {
            2 => Err(Error::new(ErrorKind::Validation, "enough")),
            _ => Ok(()),
        }
    });
    check!(
        matches!(&stopped, Err(error) if error.kind() == ErrorKind::Validation) && seen == 2,
        "the receiver's error must end the query at once, returned {stopped:?} after {seen} rows"
    );
    check_eq!(
        connected.all(&people().read_as::<Person>())?,
        wanted,
        "the connection must stay usable"
    );
    let mut table = String::new();
    context.dialect().quote("users", &mut table);
    let by_text = text(format!("SELECT name, age FROM {table} ORDER BY name"), ());
    let rows = connected.all(&by_text.read_as::<(String, Option<i32>)>())?;
    let rows: Vec<_> = rows.into_iter().map(|row| row.0).collect();
    check_eq!(
        rows,
        wanted.map(|person| (person.name, person.age)),
        "rows of text"
    );
    Ok(())
}

fn sorted_union(context: &mut Context) -> CaseResult {
    let engine = Engine::from_backend(context.backend());
    metadata![Place].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let rows = (1..=6).map(|id| Place {
        within: Some(id % 3),
        ..Place::new(id, format!("p{}", id % 2))
    });
    session.insert_all(rows.collect::<Vec<_>>())?;
    let half = |low: i64| {
        select((Place::WITHIN, Place::NAME, Place::ID))
            .from(Place::table())
            .filter(Place::ID.between(low, low + 2))
    };
    let sorted = half(1)
        .union_all(half(4))
        .order_by_descending(1)
        .order_by(2)
        .order_by_descending(3);
    let mut wanted: Vec<(Option<i64>, String, i64)> = (1..=6)
        .map(|id| (Some(id % 3), format!("p{}", id % 2), id))
        .collect();
    wanted.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)).then(b.2.cmp(&a.2)));
    check_eq!(
        sorted.clone().all(&mut session)?,
        wanted,
        "all rows, by position, each in its direction"
    );
    check_eq!(
        sorted.limit(2).offset(1).all(&mut session)?,
        wanted[1..3].to_vec(),
        "limited after the order"
    );
    Ok(())
}
