mod models;
use models::{Task, User};
use selfsame::Entity;

fn main() {
    let _ = User::query().filter(Task::TITLE.eq("write"));
}
