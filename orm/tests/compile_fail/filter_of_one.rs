mod models;
use models::{Task, User};
use selfsame::Entity;

fn main() {
    // One object is there or not: a filter is for collections.
    let _ = Task::query().with(Task::USER.filter(User::NAME.eq("ann")));
    // What is joined is the collection itself.
    let _ = User::query().with(User::TASKS.joined().filter(Task::TITLE.eq("a")));
    let _ = User::query().with(User::TASKS.filter(User::NAME.eq("ann")));
}
