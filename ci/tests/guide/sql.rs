use selfsame::prelude::*;
use selfsame::sql::{insert_into, on};

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
    drop(connection);
    // ANCHOR: text
    let older: Vec<(i64, String)> = session
        .sql("SELECT id, name FROM users WHERE age > ?", (18,))
        .all()?;
    // ANCHOR_END: text
    assert_eq!(older[0].1, "ann");
    Ok(())
}
