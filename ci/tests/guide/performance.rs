use selfsame::assert_statements;
use selfsame::prelude::*;
use selfsame_gate::{Exact, Gate, Ready, Workload};
use selfsame_sqlite::Sqlite;

use crate::schema::{Task, User, filled};

pub(crate) fn run(engine: Engine) -> Result<()> {
    let mut session = filled(&engine)?;
    // ANCHOR: batch
    let keys = [1_i64, 2];
    let users = assert_statements!(session, 1, { session.get_many::<User>(keys)? });
    // ANCHOR_END: batch
    assert_eq!(users.len(), 2);
    // ANCHOR: expression
    let changed = User::query()
        .filter(User::AGE.is_not_null())
        .update()
        .set(User::AGE, User::AGE + 1)
        .execute(&mut session)?;
    // ANCHOR_END: expression
    assert_eq!(changed, 1);
    // ANCHOR: stream
    let titles: Vec<String> = Task::query().select(Task::TITLE).all(&mut session)?;
    session.commit()?;
    session.close(); // releases all objects
    // ANCHOR_END: stream
    assert_eq!(titles.len(), 2);
    let exact = Exact::of(&front_page(), None, 10).expect("it can be counted");
    let statements: Vec<usize> = exact.growth.iter().map(|point| point.statements).collect();
    assert_eq!(statements, [4, 4, 4]);
    drop(gate());
    Ok(())
}

// ANCHOR: workload
fn front_page() -> Workload {
    Workload::new("front_page", |users| {
        let engine = Engine::new(Sqlite::memory());
        metadata![User, Task].create_all(&engine)?;
        let mut session = Session::new(&engine);
        session.insert_all((0..users).map(|n| User::new(format!("user {n}"))))?;
        session.commit()?;
        let run = |engine: &Engine| {
            let query = User::query().with(User::TASKS.selectin());
            query.all(&mut Session::new(engine)).map(drop)
        };
        Ok::<_, Error>(Ready::new(engine, run))
    })
}
// ANCHOR_END: workload

fn gate() -> Gate {
    // ANCHOR: gate
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/golden");
    let gate = Gate::new([front_page()]).golden(golden);
    // ANCHOR_END: gate
    gate
}
