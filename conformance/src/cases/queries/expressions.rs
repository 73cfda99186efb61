//! The expression language over windows, common table expressions, documents and dates; text with parameters; pages; locks.

use selfsame::dialect::{DatePart, JsonStep};
use selfsame::prelude::*;
use selfsame::sql::{
    FrameBound, RowLock, Window, abs, cast, common, count, date_part, delete_from, json_text, lag,
    length, nullif, on, rank, recursive, replace, row_number, select, substring, sum, trim,
};
use selfsame::value::{Date, Decimal, Time, Timestamp, TimestampTz};
use selfsame::{ErrorKind, metadata};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::{Node, Task, User, World};

pub(super) const CASES: &[Case] = &[
    Case::core("queries.window.expressions", windows)
        .promise("Rows are numbered, ranked and summed within their partition, order and frame.")
        .hint("Window functions must return the types that they are cast to.")
        .covers(&[Contract(37)])
        .since(10),
    Case::core("queries.common.tables", commons)
        .promise("A common table expression names a query, and may be recursive.")
        .hint("WITH may stand in a subquery.")
        .covers(&[Contract(36)])
        .since(10),
    Case::core("queries.common.paths", paths)
        .since(26)
        .needs(&[Capability::RecursiveQueries])
        .promise("A recursive query returns a row for each way to reach it, equal rows included.")
        .hint("The parts of a recursive query are combined by UNION ALL.")
        .covers(&[Contract(36)]),
    Case::core("queries.functions.common", functions)
        .promise("The functions and casts of the expression language give the same values on every backend.")
        .hint("See `Dialect::cast_type`.")
        .covers(&[Contract(38)])
        .since(10),
    Case::core("queries.functions.decimals", decimals)
        .since(17)
        .needs(&[Capability::ExactDecimals])
        .promise("Integers that are cast to decimals compare with decimals by their value, not as text or floats.")
        .hint("`Dialect::cast_type` names the type that a decimal is compared as.")
        .covers(&[Contract(4), Contract(38)]),
    Case::core("queries.functions.computed_decimals", computed_decimals)
        .since(21)
        .promise("Arithmetic and sums of decimals are exact, in results, conditions and UPDATE, or refused before a statement is sent.")
        .hint("Do not claim `Dialect::computes_decimals` for a database that computes them as floats.")
        .covers(&[Contract(4), Contract(38)]),
    Case::core("queries.functions.documents", documents)
        .promise("The text at a path of a JSON document is extracted, also for numbers and booleans; a missing path is NULL.")
        .hint("See `Dialect::json_text`.")
        .covers(&[Contract(36)])
        .since(10),
    Case::core("queries.functions.days", days)
        .promise("The parts of dates, times and timestamps are integers; those of timestamps with a time zone are in UTC.")
        .hint("See `Dialect::date_part`.")
        .covers(&[Contract(36)])
        .since(10),
    Case::core("queries.raw.typed", raw)
        .promise("Raw SQL takes `?` for each parameter, flushes first and returns typed rows.")
        .hint("See `Dialect::placeholder`.")
        .covers(&[Rule(33), Contract(42)])
        .since(10),
    Case::core("queries.limit.keys", keys)
        .promise("Keyset pages, each starting after the last keys of the page before, together contain each row exactly once.")
        .suspects_orm()
        .covers(&[Contract(30)])
        .since(10),
    Case::core("queries.lock.rows", locks)
        .promise("A query locks its rows if the database has row locks; otherwise it is refused before it is sent.")
        .hint("Claim `row_locks` only if the database supports FOR UPDATE.")
        .covers(&[Contract(61)])
        .since(10),
];

fn user(name: &str, age: i32) -> User {
    User {
        age: Some(age),
        ..User::new(name)
    }
}

/// ann and bob, 30; cy, 40.
fn with_ages(context: &Context) -> CaseResult<(World, Session)> {
    let world = World::new(context)?;
    let mut session = world.session();
    session.add_all([user("ann", 30), user("bob", 30), user("cy", 40)]);
    session.commit()?;
    Ok((world, session))
}

fn windows(context: &mut Context) -> CaseResult {
    let (_world, mut session) = with_ages(context)?;
    let by_age = Window::new().order_by(User::AGE.asc());
    let by_name = Window::new().order_by(User::NAME.asc());
    let running = by_name
        .clone()
        .rows(FrameBound::Preceding(1), FrameBound::CurrentRow);
    let rows = select((
        User::NAME,
        row_number().over(by_name.clone().partition_by(User::AGE)),
        rank().over(by_age),
        lag(User::NAME).over(by_name),
        sum(User::AGE).over(running),
    ))
    .from(User::table())
    .order_by(User::NAME.asc());
    let text = str::to_owned;
    let wanted = [
        (text("ann"), 1, 1, None, Some(30)),
        (text("bob"), 2, 1, Some(text("ann")), Some(60)),
        (text("cy"), 1, 3, Some(text("bob")), Some(70)),
    ];
    check_eq!(rows.all(&mut session)?, wanted, "each row in its window");
    Ok(())
}

fn commons(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    world.with_tasks("ann", &["a", "b"])?;
    world.with_tasks("bob", &["c"])?;
    let mut session = world.session();
    let counted = select((Task::USER_ID, count(Task::ID)))
        .from(Task::table())
        .group_by(Task::USER_ID);
    let busy = common("busy", counted);
    let names = select((User::NAME, busy.column::<1>()))
        .from(User::table())
        .join(&busy, on(busy.column::<0>(), User::ID))
        .order_by(User::NAME.asc());
    let wanted = [("ann".to_owned(), 2), ("bob".to_owned(), 1)];
    check_eq!(names.all(&mut session)?, wanted, "a row for each user");
    let root = session.add(Node::new("root"));
    let branch = session.add(Node::new("branch"));
    let leaf = session.add(Node::new("leaf"));
    session.add(Node::new("other"));
    session.set(branch, Node::PARENT, Some(root))?;
    session.set(leaf, Node::PARENT, Some(branch))?;
    let first = select(Node::ID)
        .from(Node::table())
        .filter(Node::LABEL.eq("root"));
    let below = recursive("below", first, |below| {
        let parent = on(below.column::<0>(), Node::PARENT_ID);
        select(Node::ID).from(Node::table()).join(below, parent)
    });
    let inside = select(below.column::<0>()).from(&below);
    let found = Node::query()
        .filter(Node::ID.in_(inside))
        .order_by(Node::ID.asc())
        .all(&mut session)?;
    check_eq!(found.len(), 3, "the tree below the root");
    check!(
        [root, branch, leaf].iter().all(|node| found.contains(node)),
        "the tree below the root"
    );
    Ok(())
}

/// A step from one place to another.
#[derive(Entity, Clone, Debug)]
#[orm(table = "edges")]
struct Edge {
    #[orm(primary_key)]
    id: i64,
    source: i64,
    target: i64,
}

fn paths(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Edge])?;
    let mut session = world.session();
    for (width, depth) in (1..=3).flat_map(|width| (1..=4).map(move |depth| (width, depth))) {
        session.execute(&delete_from(Edge::table()))?;
        // From 0 to each place of the first level, and from each place of a level to each of the next.
        let level = |number: i64| match number {
            0 => 0..1,
            _ => number * 10..number * 10 + width,
        };
        let steps = (0..depth).flat_map(|number| {
            level(number)
                .flat_map(move |source| level(number + 1).map(move |target| (source, target)))
        });
        let edges = (1..)
            .zip(steps)
            .map(|(id, (source, target))| Edge::new(id, source, target));
        session.insert_all(edges.collect::<Vec<_>>())?;
        let first = select(Edge::TARGET)
            .from(Edge::table())
            .filter(Edge::SOURCE.eq(0));
        let reached = recursive("reached", first, |reached| {
            select(Edge::TARGET)
                .from(Edge::table())
                .join(reached, on(Edge::SOURCE, reached.column::<0>()))
        });
        let found = select(reached.column::<0>())
            .from(&reached)
            .order_by(reached.column::<0>().asc())
            .all(&mut session)?;
        let mut wanted = Vec::new();
        let mut ways = 1;
        for number in 1..=depth {
            wanted.extend(level(number).flat_map(|place| std::iter::repeat_n(place, ways)));
            ways *= level(number).count();
        }
        check_eq!(found, wanted, "{depth} levels of {width} places");
    }
    Ok(())
}

fn functions(context: &mut Context) -> CaseResult {
    let (_world, mut session) = with_ages(context)?;
    let texts = User::query().filter(User::NAME.eq("bob")).select((
        length(User::NAME),
        trim(User::NAME.concat("  ")),
        replace(User::NAME, "b", "é"),
        substring(User::NAME, 2, 5),
        abs(User::AGE - 50),
        nullif(User::AGE, 30),
    ));
    let text = str::to_owned;
    let wanted = (
        Some(3),
        text("bob"),
        text("éoé"),
        text("ob"),
        Some(20),
        None,
    );
    check_eq!(texts.one(&mut session)?, wanted, "each function's value");
    let casts = User::query().filter(User::NAME.eq("bob")).select((
        cast::<Option<i16>, _>(User::AGE),
        cast::<Option<i64>, _>(User::AGE),
        cast::<Option<f64>, _>(User::AGE),
        cast::<Option<String>, _>(User::AGE),
    ));
    let wanted = (Some(30), Some(30), Some(30.0), Some(text("30")));
    check_eq!(casts.one(&mut session)?, wanted, "each cast's value");
    Ok(())
}

fn decimals(context: &mut Context) -> CaseResult {
    let (_world, mut session) = with_ages(context)?;
    let thirty = User::query().filter(cast::<Decimal, _>(User::AGE).eq(Decimal::new(30, 0)));
    check_eq!(
        thirty.count(&mut session)?,
        2,
        "an integer must be cast to the decimal that it is, whatever its scale"
    );
    session.add(user("dee", 100));
    let decimals = User::query().filter(cast::<Decimal, _>(User::AGE).gt(Decimal::new(305, 1)));
    check_eq!(decimals.count(&mut session)?, 2, "decimals by their value");
    Ok(())
}

/// A price that floats cannot represent.
#[derive(Entity, Clone, Debug)]
#[orm(table = "prices")]
struct Price {
    #[orm(primary_key)]
    id: i64,
    #[orm(precision = (20, 2))]
    amount: Decimal,
}

fn computed_decimals(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Price])?;
    let mut session = world.session();
    let large = Decimal::new(12_345_678_901_234_567, 2);
    let cent = Decimal::new(1, 2);
    session.add_all([Price::new(1, large), Price::new(2, cent)]);
    session.commit()?;
    let is_exact = context.dialect().computes_decimals();
    world.sent();
    let exact = Decimal::new(12_345_678_901_234_568, 2);
    let query = Price::query().select(sum(Price::AMOUNT));
    let filtered = Price::query().filter((Price::AMOUNT + cent).eq(exact));
    let grouped = Price::query()
        .select(Price::ID)
        .group_by(Price::ID)
        .having(sum(Price::AMOUNT).gt(Decimal::new(5, 1)));
    let update = Price::query()
        .update()
        .set(Price::AMOUNT, Price::AMOUNT + cent);
    if !is_exact {
        let refused = [
            query.one(&mut session).map(drop),
            filtered.count(&mut session).map(drop),
            grouped.all(&mut session).map(drop),
            update.execute(&mut session).map(drop),
        ];
        for result in refused {
            check!(
                matches!(&result, Err(error) if error.kind() == ErrorKind::Unsupported),
                "computing with decimals must be refused, returned {result:?}"
            );
            let column = result
                .err()
                .and_then(|error| error.column_name().map(str::to_owned));
            check_eq!(
                column.as_deref(),
                Some("amount"),
                "the column named by the error"
            );
        }
        check_eq!(world.sent().rows(), 0, "statements sent");
        return Ok(());
    }
    check_eq!(query.one(&mut session)?, Some(exact), "the sum");
    check_eq!(
        filtered.count(&mut session)?,
        1,
        "the rows of a computed value"
    );
    check_eq!(grouped.all(&mut session)?, [1], "the groups of a large sum");
    check_eq!(update.execute(&mut session)?, 2, "the changed rows");
    let amounts = Price::query()
        .order_by(Price::ID.asc())
        .select(Price::AMOUNT);
    let amounts = amounts.all(&mut session)?;
    check_eq!(amounts, [exact, Decimal::new(2, 2)], "the changed amounts");
    Ok(())
}

/// An event: when it happened, and its description.
#[derive(Entity, Clone, Debug)]
#[orm(table = "events")]
struct Happening {
    #[orm(primary_key)]
    id: i64,
    day: Date,
    time: Time,
    local: Timestamp,
    instant: TimestampTz,
    details: Option<serde_json::Value>,
}

fn with_happening(context: &Context, details: serde_json::Value) -> CaseResult<Session> {
    let engine = Engine::from_backend(context.backend());
    metadata![Happening].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let (Some(day), Some(time)) = (
        Date::from_civil(2024, 2, 29),
        Time::from_hms_micro(23, 58, 59, 999_999),
    ) else {
        return Ok(session);
    };
    let local = Timestamp::new(day, time);
    let instant = TimestampTz(local.0);
    session.add(Happening {
        details: Some(details),
        ..Happening::new(1, day, time, local, instant)
    });
    session.commit()?;
    Ok(session)
}

fn documents(context: &mut Context) -> CaseResult {
    let details = serde_json::json!({
        "name": "ann", "n": 12, "yes": true, "no": false, "nothing": null,
        "it's \"odd\"": ["a", {"deep": "b"}],
        "\u{1}": "one", "\u{1}0:0\u{2}": "mark", "$1": "dollar", "?": "question", "a\\": "backslash",
        "\\' || 'x": "quote",
    });
    let mut session = with_happening(context, details)?;
    let name = |name: &str| JsonStep::from(name);
    for (path, wanted) in [
        (vec![name("name")], Some("ann")),
        (vec![name("n")], Some("12")),
        (vec![name("yes")], Some("true")),
        (vec![name("no")], Some("false")),
        (vec![name("nothing")], None),
        (vec![name("missing"), name("deeper")], None),
        (vec![name("\u{1}")], Some("one")),
        (vec![name("\u{1}0:0\u{2}")], Some("mark")),
        (vec![name("$1")], Some("dollar")),
        (vec![name("?")], Some("question")),
        (vec![name("a\\")], Some("backslash")),
        (vec![name("\\' || 'x")], Some("quote")),
        (vec![name("it's \"odd\""), JsonStep::from(0)], Some("a")),
        (
            vec![name("it's \"odd\""), JsonStep::from(1), name("deep")],
            Some("b"),
        ),
    ] {
        let found = Happening::query().select(json_text(Happening::DETAILS, path.clone()));
        let found = found.one(&mut session)?;
        check_eq!(found.as_deref(), wanted, "the text at {path:?}");
    }
    let ann = Happening::query().filter(json_text(Happening::DETAILS, ["name"]).eq("ann"));
    check_eq!(ann.count(&mut session)?, 1, "a condition on the text");
    Ok(())
}

fn days(context: &mut Context) -> CaseResult {
    let mut session = with_happening(context, serde_json::Value::Null)?;
    let day = Happening::query().select((
        date_part(DatePart::Year, Happening::DAY),
        date_part(DatePart::Month, Happening::DAY),
        date_part(DatePart::Day, Happening::DAY),
        date_part(DatePart::Weekday, Happening::DAY),
        date_part(DatePart::YearDay, Happening::DAY),
    ));
    let wanted = (Some(2024), Some(2), Some(29), Some(4), Some(60));
    check_eq!(day.one(&mut session)?, wanted, "the parts of a day");
    let time = Happening::query().select((
        date_part(DatePart::Hour, Happening::TIME),
        date_part(DatePart::Minute, Happening::LOCAL),
        date_part(DatePart::Second, Happening::LOCAL),
        date_part(DatePart::Hour, Happening::INSTANT),
        date_part(DatePart::Day, Happening::INSTANT),
    ));
    let wanted = (Some(23), Some(58), Some(59), Some(23), Some(29));
    check_eq!(time.one(&mut session)?, wanted, "the parts of a time");
    Ok(())
}

fn raw(context: &mut Context) -> CaseResult {
    let (_world, mut session) = with_ages(context)?;
    session.add(user("dee?", 50));
    let sql =
        "SELECT name, age FROM users WHERE age >= ? AND name <> ? AND name <> '?' ORDER BY name";
    let rows = session.sql(sql, (40, "x")).all::<(String, Option<i32>)>()?;
    let wanted = [("cy".to_owned(), Some(40)), ("dee?".to_owned(), Some(50))];
    check_eq!(rows, wanted, "typed rows, of what was flushed");
    let cy = User::query()
        .filter(User::NAME.eq("cy"))
        .one(&mut session)?;
    let changed = session.sql("UPDATE users SET age = ? WHERE name = ?", (41, "cy"));
    check_eq!(changed.execute()?, 1, "one row");
    session.get::<User>(*session[cy].id)?;
    check_eq!(session[cy].age, Some(41), "read again");
    let first = session.sql("SELECT name FROM users ORDER BY name", ());
    check_eq!(
        first.first::<String>()?,
        Some("ann".to_owned()),
        "the first"
    );
    let wide = session
        .sql("SELECT name, age FROM users", ())
        .all::<String>();
    let kind = wide.err().map(|error| error.kind());
    check_eq!(kind, Some(ErrorKind::Conversion), "a row of another width");
    let few = session
        .sql("SELECT name FROM users WHERE age = ?", ())
        .all::<String>();
    let kind = few.err().map(|error| error.kind());
    check_eq!(
        kind,
        Some(ErrorKind::InvalidStatement),
        "a parameter is missing"
    );
    Ok(())
}

fn keys(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    session.insert_all((0..50).map(|n| user(&format!("user {n}"), n % 7)))?;
    let sorted = User::query()
        .order_by(User::AGE.desc())
        .order_by(User::ID.asc());
    let all = sorted.all(&mut session)?;
    let mut pages = Vec::new();
    let mut page = sorted.clone().limit(8).all(&mut session)?;
    while let Some(&last) = page.last() {
        pages.extend(page);
        check!(pages.len() <= all.len(), "pages must end");
        let key = (session[last].age.unwrap_or(-1), *session[last].id);
        page = sorted.clone().after(key).limit(8).all(&mut session)?;
    }
    check_eq!(pages, all, "the pages put together must be the whole");
    joined_keys(&mut session)
}

/// An expression over the object's columns and a key of a joined table that has several rows per object.
fn joined_keys(session: &mut Session) -> CaseResult {
    let users = User::query().all(session)?;
    let number = |session: &Session, user: Handle<User>| -> usize {
        let digits = session[user].name.trim_start_matches("user ");
        digits.parse().unwrap_or_default()
    };
    let mut tasks = Vec::new();
    for &user in &users {
        let number = number(session, user);
        for rank in [9 - number % 4, number % 5] {
            tasks.push(Task {
                user_id: Some(*session[user].id),
                ..Task::new(format!("task {rank}"))
            });
        }
    }
    session.insert_all(tasks)?;
    let sorted = User::query()
        .join(User::TASKS)
        .order_by(length(User::NAME).desc())
        .order_by(Task::TITLE.asc())
        .order_by(User::ID.asc());
    let all = sorted.all(session)?;
    check_eq!(all.len(), users.len(), "each object once");
    let mut pages = Vec::new();
    let mut page = sorted.clone().limit(8).all(session)?;
    while let Some(&last) = page.last() {
        pages.extend(page);
        check!(pages.len() <= all.len(), "pages must end");
        let width = i32::try_from(session[last].name.len()).unwrap_or_default();
        let title = format!("task {}", number(session, last) % 5);
        let key = (width, title, *session[last].id);
        page = sorted.clone().after(key).limit(8).all(session)?;
    }
    check_eq!(pages, all, "the pages put together must be the whole");
    Ok(())
}

fn locks(context: &mut Context) -> CaseResult {
    let (world, mut session) = with_ages(context)?;
    let ann = || User::query().filter(User::NAME.eq("ann"));
    let locked = ann().lock(RowLock::for_update()).one(&mut session);
    if !world.engine.capabilities().row_locks {
        let kind = locked.err().map(|error| error.kind());
        check_eq!(kind, Some(ErrorKind::Unsupported), "must be refused");
        return Ok(());
    }
    let locked = locked?;
    let mut other = world.session();
    let free = User::query().lock(RowLock::for_update().skip_locked());
    check_eq!(free.all(&mut other)?.len(), 2, "the locked row is left out");
    let refused = ann().lock(RowLock::for_share().nowait()).one(&mut other);
    let kind = refused.err().map(|error| error.kind());
    check_eq!(
        kind,
        Some(ErrorKind::Busy),
        "the locked row is not available"
    );
    drop(other);
    session[locked].age = Some(31);
    session.commit()?;
    let again = ann()
        .lock(RowLock::for_update().nowait())
        .one(&mut session)?;
    check_eq!(session[again].age, Some(31), "free again after the commit");
    Ok(())
}
