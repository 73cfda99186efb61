mod models;
use models::{Task, User};
use selfsame::sql::count;
use selfsame::{Engine, Entity, FromRow, Session};

#[derive(FromRow)]
struct Busy {
    name: String,
    tasks: i32,
}

fn raw(session: &mut Session) {
    let _ = session.sql("SELECT * FROM users", ()).all::<User>();
}

fn main() {
    let _ = Engine::new("sqlite::memory:");
    let _ = User::query().join(Task::USER);
    let _ = User::query().join(Task::table());
    let _ = User::query().with(User::TASKS);
    let _ = User::query().filter(User::TASKS.any(User::NAME.eq("ann")));
    let _ = User::query()
        .select((User::NAME, count(User::ID)))
        .read_as::<Busy>();
}
