use selfsame::dialect::Upsert;
use selfsame::prelude::*;
use selfsame::sql::{case, coalesce, excluded, insert_into, on, text};

use crate::schema::{Task, User, filled};

pub(crate) fn run(engine: Engine) -> Result<()> {
    let mut session = filled(&engine)?;
    // ANCHOR: select
    let counts = select((User::NAME, count(Task::ID)))
        .from(User::table())
        .left_join(Task::table(), on(Task::USER_ID, User::ID))
        .group_by(User::NAME)
        .order_by(User::NAME.asc());
    let rows: Vec<(String, i64)> = session.rows(&counts)?;
    assert_eq!(rows, [("ann".to_owned(), 2), ("bob".to_owned(), 0)]);
    // ANCHOR_END: select
    // ANCHOR: named
    #[derive(FromRow)]
    struct Busy {
        name: String,
        tasks: i64,
    }

    let busiest = User::query()
        .join(User::TASKS)
        .select((User::NAME, count(Task::ID)))
        .group_by(User::NAME)
        .read_as::<Busy>()
        .first(&mut session)?;
    // ANCHOR_END: named
    assert!(busiest.is_some_and(|busy| busy.name == "ann" && busy.tasks == 2));
    // ANCHOR: expressions
    let ages: Vec<(String, i32, String)> = User::query()
        .order_by(User::NAME.asc())
        .select((
            User::NAME,
            coalesce(User::AGE, 0),
            case(User::AGE.ge(18), "adult").otherwise("unknown"),
        ))
        .all(&mut session)?;
    assert_eq!(ages[0], ("ann".to_owned(), 36, "adult".to_owned()));
    assert_eq!(ages[1], ("bob".to_owned(), 0, "unknown".to_owned()));
    // ANCHOR_END: expressions
    session.commit()?;
    // ANCHOR: core
    let mut connection = engine.connect()?;
    connection.write(
        &insert_into(User::table())
            .columns((User::NAME,))
            .rows([("carl",)]),
    )?;
    let names = connection.all(&select(User::NAME).from(User::table()))?;
    // ANCHOR_END: core
    assert_eq!(names.len(), 3);
    // ANCHOR: upsert
    connection.write(
        &insert_into(User::table())
            .columns((User::NAME, User::AGE))
            .rows([("carl", Some(50))])
            .on_conflict((User::NAME,))
            .do_update(|row| row.set(User::AGE, excluded(User::AGE))),
    )?;
    // ANCHOR_END: upsert
    drop(connection);
    let carl = User::query()
        .filter(User::NAME.eq("carl"))
        .one(&mut session)?;
    assert_eq!(session[carl].age, Some(50));
    // ANCHOR: text
    let older: Vec<(i64, String)> = session
        .sql("SELECT id, name FROM users WHERE age > ?", (18,))
        .all()?;
    // ANCHOR_END: text
    assert_eq!(older[0].1, "ann");
    session.commit()?;
    if engine.dialect().upsert() == Upsert::OnConflict {
        partial(&engine)?;
    }
    Ok(())
}

/// An upsert by an index that MariaDB does not have.
fn partial(engine: &Engine) -> Result<()> {
    let mut connection = engine.connect()?;
    let index = "CREATE UNIQUE INDEX open_tasks ON tasks (title) WHERE NOT completed";
    connection.write(&text(index, ()))?;
    // ANCHOR: partial_upsert
    connection.write(
        &insert_into(Task::table())
            .columns((Task::TITLE, Task::COMPLETED))
            .rows([("write", false), ("rest", false)])
            .on_conflict((Task::TITLE,))
            .filter_target(!Task::COMPLETED)
            .do_nothing(),
    )?;
    // ANCHOR_END: partial_upsert
    let titles = select(Task::TITLE).from(Task::table());
    assert_eq!(
        connection.all(&titles.order_by(Task::TITLE.asc()))?,
        ["read", "rest", "write"]
    );
    Ok(())
}
