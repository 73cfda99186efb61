mod models;
use models::{Task, User};
use selfsame::sql::count;
use selfsame::{Entity, FromRow};

#[derive(FromRow)]
struct Busy {
    name: String,
    tasks: i32,
}

fn main() {
    let _ = User::query().join(Task::USER);
    let _ = User::query().filter(User::TASKS.any(User::NAME.eq("ann")));
    let _ = User::query()
        .select((User::NAME, count(User::ID)))
        .read_as::<Busy>();
}
