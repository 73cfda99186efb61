//! Writing statements of the expression language, and their effect on the session's objects.

use selfsame::dialect::Upsert;
use selfsame::metadata;
use selfsame::prelude::*;
use selfsame::schema::ColumnType;
use selfsame::sql::{count_all, delete_from, excluded, insert_into, select, update};
use selfsame::{Error, ErrorKind};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, value_table};
use crate::world::{Seat, Task, User, World};

pub(super) const CASES: &[Case] = &[
    Case::core("writes.bulk.update", bulk_update)
        .promise("A bulk UPDATE flushes first and expires the objects it matches; a rollback undoes it.")
        .hint("The outcome of UPDATE must report how many rows it matched.")
        .covers(&[Rule(31), Contract(53)])
        .since(7),
    Case::core("writes.bulk.delete", bulk_delete)
        .promise("A bulk DELETE marks the matching objects as deleted, and a rollback restores them.")
        .hint("The outcome of DELETE must report how many rows it matched; RETURNING returns each row's columns.")
        .covers(&[Rule(31), Rule(34), Contract(53)])
        .since(7),
    Case::core("writes.bulk.limited", bulk_limited)
        .promise("A bulk UPDATE or DELETE of the first rows of a query selects them by key, also of several columns, or is refused before it is sent.")
        .hint("`(a, b) IN (SELECT …)`, if `Capabilities::row_values` is claimed.")
        .covers(&[Rule(13), Contract(53)])
        .since(16),
    Case::core("writes.bulk.listed", bulk_listed)
        .promise("UPDATE and DELETE by a list write the rows of all its values, the last included, and with NOT IN all other rows.")
        .hint("Report how many rows matched; a list may be sent as one parameter.")
        .covers(&[Rule(31), Contract(53)])
        .since(20),
    Case::core("writes.bulk.insert", bulk_insert)
        .promise("Plain rows can be inserted in batches, without objects in the session.")
        .hint("See `Dialect::batch`.")
        .covers(&[Rule(13)])
        .since(7),
    Case::extra("writes.upsert.expressions", upsert)
        .needs(&[Capability::Upsert])
        .promise("An upsert leaves an existing row alone or changes it, using its own columns and those of the row that was not inserted.")
        .hint("See `Dialect::excluded`.")
        .covers(&[Contract(52)])
        .refusal(upsert_refused)
        .since(7),
    Case::extra("writes.upsert.counts", upsert_counts)
        .since(26)
        .needs(&[Capability::Upsert])
        .promise("An upsert counts each row once that it inserts or updates, and no row that it leaves alone; only a database that cannot name a key may leave out a row that is as it should be.")
        .hint("MySQL and MariaDB count a changed row twice: see `Outcome::matched`.")
        .covers(&[Contract(49), Contract(52)]),
    Case::extra("writes.upsert.other_key", upsert_other_key)
        .since(25)
        .needs(&[Capability::Upsert, Capability::Transactions])
        .promise("An upsert handles conflicts with the key that it names and no other: a row that another key refuses is a violation, and nothing is written.")
        .hint("If the database cannot name a key, check which one conflicts.")
        .covers(&[Contract(52), Contract(56)]),
    Case::extra("writes.upsert.partial", upsert_partial)
        .since(25)
        .needs(&[Capability::Upsert])
        .promise("An upsert by a partial unique index handles conflicts among the index's rows only; a database without such indexes refuses it before it is sent.")
        .hint("`ON CONFLICT (…) WHERE …`, with the index's condition; or `Upsert::OnDuplicateKey`, which refuses it.")
        .covers(&[Contract(52)]),
    Case::extra("writes.returning.expressions", returning)
        .needs(&[Capability::Returning])
        .promise("Statements with RETURNING give one typed row for each row written.")
        .hint("Statements that return rows go through `query`.")
        .covers(&[Contract(50)])
        .refusal(returning_refused)
        .since(7),
];

fn user(name: &str, age: i32) -> User {
    User {
        age: Some(age),
        ..User::new(name)
    }
}

/// ann, 30; bob, 40; cy, 50, in a separate session.
fn with_ages(context: &Context) -> CaseResult<(World, Session)> {
    let world = World::new(context)?;
    let mut session = world.session();
    session.add_all([user("ann", 30), user("bob", 40), user("cy", 50)]);
    session.commit()?;
    let mut session = world.session();
    User::query().all(&mut session)?;
    Ok((world, session))
}

fn named(session: &mut Session, name: &str) -> CaseResult<Handle<User>> {
    Ok(User::query().filter(User::NAME.eq(name)).one(session)?)
}

fn bulk_update(context: &mut Context) -> CaseResult {
    let (_world, mut session) = with_ages(context)?;
    let (ann, cy) = (named(&mut session, "ann")?, named(&mut session, "cy")?);
    session[cy].age = Some(20);
    let older = User::query()
        .filter(User::AGE.lt(35))
        .update()
        .set(User::AGE, User::AGE + 1);
    check_eq!(older.execute(&mut session)?, 2, "ann, and cy as flushed");
    check_eq!(named(&mut session, "ann")?, ann, "the same handle");
    check_eq!(session[ann].age, Some(31), "the row as it is now");
    named(&mut session, "cy")?;
    check_eq!(session[cy].age, Some(21), "the row as it is now");
    let oldest = User::query().order_by(User::AGE.desc()).limit(1);
    let one = oldest
        .update()
        .set(User::SCORE, 0.5)
        .execute(&mut session)?;
    check_eq!(one, 1, "LIMIT must choose one row");
    session.rollback()?;
    check_eq!(session[ann].age, Some(30), "what it was before");
    named(&mut session, "ann")?;
    check_eq!(session[ann].age, Some(30), "the row as it was before");
    Ok(())
}

fn bulk_delete(context: &mut Context) -> CaseResult {
    let (_world, mut session) = with_ages(context)?;
    let bob = named(&mut session, "bob")?;
    let key = *session[bob].id;
    let old = || User::query().filter(User::AGE.ge(40));
    check_eq!(old().delete().execute(&mut session)?, 2, "bob and cy");
    check_eq!(session.state(bob), State::Deleted, "bob's row is gone");
    check_eq!(session.get::<User>(key)?, None, "bob's row is gone");
    session.rollback()?;
    check_eq!(session.state(bob), State::Persistent, "bob is back");
    check_eq!(session.get::<User>(key)?, Some(bob), "bob is back");
    check_eq!(old().delete().execute(&mut session)?, 2, "bob and cy");
    session.commit()?;
    check_eq!(session.state(bob), State::Detached, "bob has left");
    check_eq!(User::query().count(&mut session)?, 1, "ann stays");
    Ok(())
}

fn bulk_limited(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let seats = [("a", 1), ("a", 2), ("b", 1), ("b", 2)];
    session.add_all(seats.map(|(block, number)| Seat::new(block, number)));
    session.commit()?;
    world.sent();
    let first = || {
        Seat::query()
            .order_by(Seat::NUMBER.asc())
            .order_by(Seat::BLOCK.desc())
    };
    let update = first().limit(3).update();
    let updated = update
        .set(Seat::GUEST, Some("ann".to_owned()))
        .execute(&mut session);
    if !context.dialect().capabilities().row_values {
        check_eq!(
            updated.map_err(|error| error.kind()),
            Err(ErrorKind::Unsupported),
            "unclaimed capabilities must be refused"
        );
        check_eq!(world.sent().rows(), 0, "nothing must be sent");
        return Ok(());
    }
    check_eq!(updated?, 3, "three rows must be changed");
    let deleted = first().limit(1).delete().execute(&mut session)?;
    check_eq!(deleted, 1, "one row must be deleted");
    session.commit()?;
    let left = first().rows(&mut session)?;
    let left: Vec<(&str, i32, bool)> = left
        .iter()
        .map(|seat| (&*seat.block, seat.number, seat.guest.is_some()))
        .collect();
    check_eq!(
        left,
        [("a", 1, true), ("b", 2, true), ("a", 2, false)],
        "the first rows must be those that were written"
    );
    Ok(())
}

fn bulk_listed(context: &mut Context) -> CaseResult {
    const ROWS: i64 = 6;
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    for count in 1..ROWS {
        for (operator, in_list) in [("IN", true), ("NOT IN", false)] {
            database.execute("DELETE FROM [t]", &[])?;
            for id in 1..=ROWS {
                let row = [int(id), int(0)];
                database.execute("INSERT INTO [t] ([id], [v]) VALUES (?, ?)", &row)?;
            }
            // The list contains neither the first row nor, if there is room, the last.
            let listed = 2..=count + 1;
            let (chosen, left): (Vec<i64>, Vec<i64>) =
                (1..=ROWS).partition(|id| listed.contains(id) == in_list);
            let placeholders = vec!["?"; usize::try_from(count).unwrap_or_default()].join(", ");
            let condition = format!("[id] {operator} ({placeholders})");
            let keys: Vec<Typed> = listed.map(int).collect();
            let changed = database.execute(
                &format!("UPDATE [t] SET [v] = ? WHERE {condition}"),
                &[&[int(7)], &keys[..]].concat(),
            )?;
            let what = format!("{operator} of {count} values");
            check_eq!(changed.matched, chosen.len() as u64, "UPDATE by {what}");
            let found =
                database.integers("SELECT [id] FROM [t] WHERE [v] = 7 ORDER BY [id]", &[])?;
            check_eq!(found, chosen, "the rows that an UPDATE by {what} wrote");
            let deleted = database.execute(&format!("DELETE FROM [t] WHERE {condition}"), &keys)?;
            check_eq!(deleted.matched, chosen.len() as u64, "DELETE by {what}");
            let found = database.integers("SELECT [id] FROM [t] ORDER BY [id]", &[])?;
            check_eq!(found, left, "the rows remaining after a DELETE by {what}");
        }
    }
    let (_world, mut session) = with_ages(context)?;
    let some = || User::query().filter(User::NAME.in_(["ann", "cy"]));
    let older = some().update().set(User::AGE, User::AGE + 1);
    check_eq!(older.execute(&mut session)?, 2, "ann and cy");
    let ages = User::query().order_by(User::AGE.asc()).select(User::AGE);
    check_eq!(
        ages.all(&mut session)?,
        [Some(31), Some(40), Some(51)],
        "the ages"
    );
    check_eq!(some().delete().execute(&mut session)?, 2, "ann and cy");
    let names = User::query().select(User::NAME);
    check_eq!(names.all(&mut session)?, ["bob".to_owned()], "bob stays");
    Ok(())
}

fn bulk_insert(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let rows = (0..1_000).map(|n| user(&format!("user {n}"), n));
    check_eq!(session.insert_all(rows)?, 1_000, "every row");
    check_eq!(session.insert_all([User::new("zed")])?, 1, "a single row");
    session.commit()?;
    let users = world.users()?;
    check_eq!(users.len(), 1_001, "every row once");
    let wrong = users.iter().find(|user| match user.age {
        Some(age) => user.name != format!("user {age}"),
        None => user.name != "zed",
    });
    check!(wrong.is_none(), "columns must stay together in {wrong:?}");
    Ok(())
}

fn upsert(context: &mut Context) -> CaseResult {
    let (_world, mut session) = with_ages(context)?;
    let ann = named(&mut session, "ann")?;
    let insert = insert_into(User::table())
        .columns((User::NAME, User::AGE))
        .rows([("ann", 1), ("dee", 2)]);
    let skipped = insert.clone().on_conflict((User::NAME,)).do_nothing();
    check_eq!(session.execute(&skipped)?, 1, "only dee is inserted");
    let added = insert.clone().on_conflict((User::NAME,)).do_update(|row| {
        row.set(User::AGE, excluded(User::AGE) + User::AGE)
            .filter(User::NAME.ne("dee"))
    });
    session.execute(&added)?;
    check_eq!(
        session.execute(&insert.or_do_nothing())?,
        0,
        "both are there"
    );
    named(&mut session, "ann")?;
    check_eq!(session[ann].age, Some(31), "hers and the other");
    let dee = named(&mut session, "dee")?;
    check_eq!(session[dee].age, Some(2), "the filter excluded her");
    let tasks = insert_into(Task::table())
        .columns((Task::TITLE, Task::DONE, Task::USER_ID))
        .from_query(select((User::NAME, User::AGE.gt(30), User::ID)).from(User::table()))
        .or_do_nothing();
    check_eq!(session.execute(&tasks)?, 4, "a task for each user");
    Ok(())
}

/// An article in a shop.
#[derive(Entity, Clone, Debug)]
#[orm(table = "stocked")]
struct Stocked {
    #[orm(primary_key)]
    id: i64,
    amount: i64,
}

/// A key that no row has.
const FREE: i64 = 100;

/// Every mix of rows that an upsert inserts, changes, leaves because they have the new values, and excludes by its condition, in several
/// orders.
fn upsert_counts(context: &mut Context) -> CaseResult {
    let engine = Engine::from_backend(context.backend());
    metadata![Stocked].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let may_leave_out = engine.dialect().upsert() == Upsert::OnDuplicateKey;
    // The existing amount and the new one, if the row exists.
    let kinds = [None, Some((1, 2)), Some((3, 3)), Some((9, 4))];
    for mix in 1..81_usize {
        let counts = [mix % 3, mix / 3 % 3, mix / 9 % 3, mix / 27];
        let mut rows = Vec::new();
        for (kind, count) in kinds.into_iter().zip(counts) {
            rows.extend(std::iter::repeat_n(kind, count));
        }
        let turn = mix % rows.len();
        rows.rotate_left(turn);
        session.execute(&delete_from(Stocked::table()))?;
        let ids = (1_i64..).zip(&rows);
        let there = ids
            .clone()
            .filter_map(|(id, row)| row.map(|row| (id, row.0)));
        let there: Vec<(i64, i64)> = there.chain([(FREE, 0)]).collect();
        let insert = insert_into(Stocked::table()).columns((Stocked::ID, Stocked::AMOUNT));
        session.execute(&insert.clone().rows(there))?;
        let new = ids.map(|(id, row)| (id, row.map_or(5, |row| row.1)));
        let new: Vec<(i64, i64)> = new.collect();
        let upsert = insert.rows(new).on_conflict((Stocked::ID,));
        let update = upsert.do_update(|row| {
            row.set(Stocked::AMOUNT, excluded(Stocked::AMOUNT))
                .filter(Stocked::AMOUNT.lt(9))
        });
        let [inserted, changed, same, left] = counts.map(|count| count as u64);
        let told = session.execute(&update)?;
        let least = inserted + changed + if may_leave_out { 0 } else { same };
        check!(
            (least..=inserted + changed + same).contains(&told),
            "an upsert that inserts {inserted}, changes {changed}, finds {same} as they should be and excludes {left} reported {told}"
        );
        let found = select((Stocked::ID, Stocked::AMOUNT))
            .from(Stocked::table())
            .order_by(Stocked::ID.asc())
            .all(&mut session)?;
        let wanted = (1_i64..).zip(&rows).map(|(id, row)| match row {
            None => (id, 5),
            Some((9, _)) => (id, 9),
            Some((_, new)) => (id, *new),
        });
        let wanted: Vec<(i64, i64)> = wanted.chain([(FREE, 0)]).collect();
        check_eq!(found, wanted, "the rows after the upsert");
    }
    Ok(())
}

fn upsert_other_key(context: &mut Context) -> CaseResult {
    let (world, mut session) = with_ages(context)?;
    session.commit()?;
    let before = world.users()?;
    let (id, name) = (before[0].id.get().copied(), before[0].name.clone());
    let (known, free) = (id.unwrap_or(0), 1_000_i64);
    let insert = |id: i64, name: &str| {
        insert_into(User::table())
            .columns((User::ID, User::NAME))
            .values((id, name.to_owned()))
    };
    let taken = before[1].name.clone();
    let statements = [
        (
            "DO NOTHING by key, with the name of another row",
            insert(free, &name).on_conflict((User::ID,)).do_nothing(),
        ),
        (
            "DO UPDATE by key, with the name of another row",
            insert(free, &name)
                .on_conflict((User::ID,))
                .do_update(|row| row.set(User::AGE, 99)),
        ),
        (
            "DO NOTHING by name, with the key of another row",
            insert(known, "nobody")
                .on_conflict((User::NAME,))
                .do_nothing(),
        ),
        (
            "DO UPDATE by name, with the key of another row",
            insert(known, "nobody")
                .on_conflict((User::NAME,))
                .do_update(|row| row.set(User::AGE, 99)),
        ),
        (
            "DO UPDATE by key, to the name of another row",
            insert(known, "nobody")
                .on_conflict((User::ID,))
                .do_update(|row| row.set(User::NAME, taken.clone())),
        ),
    ];
    for (what, statement) in statements {
        let written = session.execute(&statement);
        check!(
            matches!(&written, Err(error) if error.kind() == ErrorKind::UniqueViolation),
            "{what}: must be refused as UniqueViolation, returned {written:?}"
        );
        session.rollback()?;
        let after = world.users()?;
        let shown = |users: &[User]| -> Vec<_> {
            let each = users.iter();
            each.map(|user| (user.name.clone(), user.age)).collect()
        };
        check_eq!(shown(&after), shown(&before), "{what}: the rows");
    }
    Ok(())
}

fn upsert_partial(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let titled = |title: &str, done: bool| {
        insert_into(Task::table())
            .columns((Task::TITLE, Task::DONE))
            .values((title.to_owned(), done))
            .on_conflict((Task::TITLE,))
    };
    let kept = |title: &str, done| titled(title, done).filter_target(!Task::DONE).do_nothing();
    if session.engine().dialect().upsert() == Upsert::OnDuplicateKey {
        let result = session.execute(&kept("a", false));
        check!(
            matches!(&result, Err(error) if error.kind() == ErrorKind::Unsupported),
            "must be refused as Unsupported, returned {result:?}"
        );
        session.rollback()?;
        return Ok(());
    }
    let quoted = |name: &str| {
        let mut out = String::new();
        session.engine().dialect().quote(name, &mut out);
        out
    };
    let index = format!(
        "CREATE UNIQUE INDEX open_tasks ON {} ({}) WHERE NOT ({})",
        quoted("tasks"),
        quoted("title"),
        quoted("done")
    );
    session.sql(index, ()).execute()?;
    session.add_all([Task::new("a"), Task::new("b")]);
    session.commit()?;
    check_eq!(
        session.execute(&kept("a", false))?,
        0,
        "an open task of this title"
    );
    check_eq!(
        session.execute(&kept("a", true))?,
        1,
        "a task outside of the index"
    );
    check_eq!(
        session.execute(&kept("a", true))?,
        1,
        "another outside of the index"
    );
    check_eq!(session.execute(&kept("c", false))?, 1, "a title of its own");
    let moved = titled("a", false)
        .filter_target(!Task::DONE)
        .do_update(|row| row.set(Task::TITLE, excluded(Task::TITLE).concat("!")));
    session.execute(&moved)?;
    // After several uses, a plan is made without regard to the parameters.
    for _ in 0..8 {
        session.execute(&kept("b", false))?;
    }
    let rows = select((Task::TITLE, Task::DONE))
        .from(Task::table())
        .order_by(Task::TITLE.asc())
        .order_by(Task::DONE.asc());
    let row = |title: &str, done| (title.to_owned(), done);
    check_eq!(
        session.rows(&rows)?,
        [
            row("a", true),
            row("a", true),
            row("a!", false),
            row("b", false),
            row("c", false)
        ],
        "the tasks"
    );
    let unnamed = session.execute(&titled("b", false).do_nothing());
    check!(unnamed.is_err(), "no index over all rows has these columns");
    session.rollback()?;
    Ok(())
}

fn returning(context: &mut Context) -> CaseResult {
    let (_world, mut session) = with_ages(context)?;
    let insert = insert_into(User::table())
        .columns((User::NAME, User::AGE))
        .rows([("dee", 60), ("eve", 70)])
        .returning((User::ID, User::NAME));
    let rows = session.execute_returning(&insert)?;
    check_eq!(rows.len(), 2, "a row for each");
    let older = update(User::table())
        .set(User::AGE, User::AGE + 1)
        .filter(User::AGE.ge(60));
    if session.engine().capabilities().update_returning {
        let older = older.returning((User::NAME, User::AGE));
        let mut rows = session.execute_returning(&older)?;
        rows.sort();
        let wanted = [("dee".to_owned(), Some(61)), ("eve".to_owned(), Some(71))];
        check_eq!(rows, wanted, "the rows as they are now");
    } else {
        session.execute(&older)?;
    }
    let gone = delete_from(User::table())
        .filter(User::AGE.gt(60))
        .returning(User::AGE + 1);
    let mut rows = session.execute_returning(&gone)?;
    rows.sort();
    check_eq!(rows, [Some(62), Some(72)], "the rows as they were");
    let left = select(count_all()).from(User::table());
    check_eq!(left.one(&mut session)?, 3, "the others stay");
    let twins = insert_into(User::table())
        .columns((User::NAME, User::AGE))
        .rows([("fay", 80), ("gus", 80)])
        .returning(User::AGE);
    let rows = session.execute_returning(&twins)?;
    check_eq!(
        rows,
        [Some(80), Some(80)],
        "a row for each of two equal ones"
    );
    Ok(())
}

fn refused<T>(result: Result<T, Error>) -> CaseResult {
    let kind = result.err().map(|error| error.kind());
    check_eq!(kind, Some(ErrorKind::Unsupported), "must be refused");
    Ok(())
}

fn upsert_refused(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let insert = insert_into(User::table())
        .columns((User::NAME,))
        .values(("ann",));
    refused(world.session().execute(&insert.or_do_nothing()))
}

fn returning_refused(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let insert = insert_into(User::table())
        .columns((User::NAME,))
        .values(("ann",));
    refused(
        world
            .session()
            .execute_returning(&insert.returning(User::ID)),
    )
}
